use super::*;

const LIMIT: usize = 1_000;
const KID: &str = "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k";

fn token(header: &str, claims: &str) -> String {
    seal(format!("{}.{}", base64url(header.as_bytes()), base64url(claims.as_bytes())), &[7; 64])
}

fn read(text: &str) -> Result<Token<'_>, TokenError> {
    Token::read(text, LIMIT, "a+jwt")
}

fn refused(header: &str) -> TokenError {
    read(&token(header, "{}")).unwrap_err()
}

fn header_with(more: &str) -> String {
    format!(r#"{{"alg":"EdDSA","typ":"a+jwt","kid":"{KID}"{more}}}"#)
}

#[test]
fn written_token_is_read_back() {
    for algorithm in [Algorithm::EdDsa, Algorithm::Ed25519] {
        let input = signing_input("a+jwt", algorithm, KID, r#"{"v":1}"#);
        let text = seal(input.clone(), &[7; 64]);
        let token = read(&text).unwrap();
        assert_eq!((token.key_id.as_str(), token.signed, token.signature), (KID, input.as_bytes(), [7; 64]));
        let claims = token.claims(HEADER_BOUNDS).unwrap();
        assert_eq!(claims.get("v").and_then(Json::as_integer), Some(1));
    }
}

#[test]
fn size_is_checked_before_anything_else() {
    let text = " ".repeat(LIMIT + 1);
    assert_eq!(read(&text).unwrap_err(), TokenError::TooLarge { bytes: 1001, limit: 1000 });
}

#[test]
fn foreign_bytes_are_named_by_place() {
    let good = token(&header_with(""), "{}");
    for (text, at) in [
        (format!(" {good}"), 0),
        (format!("{good}\n"), good.len()),
        (format!("{good}\u{e9}"), good.len()),
        (good.replacen('.', ".\0", 1), good.find('.').unwrap() + 1),
        (good.replacen('.', "\u{7f}.", 1), good.find('.').unwrap()),
    ] {
        assert_eq!(read(&text).unwrap_err(), TokenError::ForeignByte { at });
    }
}

#[test]
fn a_token_has_three_parts_with_content() {
    for (text, count) in [("", 1), ("a", 1), ("a.b", 2), ("a.b.c.d", 4), ("....", 5)] {
        assert_eq!(read(text).unwrap_err(), TokenError::Parts { count });
    }
    let good = token(&header_with(""), "{}");
    let (header, rest) = good.split_once('.').unwrap();
    let (claims, signature) = rest.split_once('.').unwrap();
    for (text, part) in [
        (format!(".{claims}.{signature}"), Part::Header),
        (format!("{header}..{signature}"), Part::Claims),
        (format!("{header}.{claims}."), Part::Signature),
    ] {
        assert_eq!(read(&text).unwrap_err(), TokenError::Empty { part });
    }
}

#[test]
fn base64url_has_one_form() {
    let good = token(&header_with(""), "{}");
    let (head, signature) = good.rsplit_once('.').unwrap();
    // The last of 86 characters carries two bits of the last byte; the other four must be zero.
    let trailing = format!("{head}.{}x", &signature[..85]);
    for text in [
        format!("{head}.{signature}=="),
        format!("{head}.{}+", &signature[..85]),
        format!("{head}.{signature}A7A"),
        trailing,
    ] {
        assert_eq!(read(&text).unwrap_err(), TokenError::Base64 { part: Part::Signature }, "{text}");
    }
    let padded = good.replacen('.', "=.", 1);
    assert_eq!(read(&padded).unwrap_err(), TokenError::Base64 { part: Part::Header });
    let slash = good.replacen(".e30.", "./30.", 1);
    assert_eq!(read(&slash).unwrap_err(), TokenError::Base64 { part: Part::Claims });
}

#[test]
fn signature_is_64_bytes() {
    let input = signing_input("a+jwt", Algorithm::EdDsa, KID, "{}");
    for bytes in [1, 63, 65, 128] {
        let text = format!("{input}.{}", base64url(&vec![0; bytes]));
        assert_eq!(read(&text).unwrap_err(), TokenError::SignatureLength { bytes });
    }
}

#[test]
fn header_is_small_strict_json() {
    let long = header_with(&format!(r#","x":"{}""#, "x".repeat(450)));
    assert_eq!(refused(&long), TokenError::HeaderTooLarge { bytes: long.len() });
    let json = |header: &str| match refused(header) {
        TokenError::Json { part: Part::Header, fault } => fault,
        other => panic!("{other:?}"),
    };
    assert_eq!(json(&header_with(r#","\u0061lg":"none""#)), JsonError::DuplicateKey { key: "alg".into() });
    assert_eq!(json(&header_with(r#","x":[[[[[[[[1]]]]]]]]"#)), JsonError::TooDeep { limit: 8 });
    let trailing = header_with("") + "{}";
    assert_eq!(json(&trailing), JsonError::Syntax { at: trailing.len() - 2 });
    assert_eq!(refused("[]"), TokenError::NotAnObject { part: Part::Header });
    assert_eq!(refused("\"EdDSA\""), TokenError::NotAnObject { part: Part::Header });
}

#[test]
fn only_two_algorithm_names_are_known() {
    for name in
        ["none", "None", "", "RS256", "HS256", "ES256", "ed25519", "eddsa", "Ed25519ph", "Ed448", "EdDSA "]
    {
        let header = format!(r#"{{"alg":"{name}","typ":"a+jwt","kid":"{KID}"}}"#);
        assert_eq!(refused(&header), TokenError::Algorithm { found: name.into() });
    }
    for header in [r#"{"typ":"a+jwt"}"#, r#"{"alg":["EdDSA"]}"#, r#"{"alg":null}"#] {
        assert_eq!(refused(header), TokenError::Algorithm { found: String::new() });
    }
}

#[test]
fn only_the_expected_type_is_read() {
    for typ in ["JWT", "jwt", "A+JWT", "application/a+jwt", ""] {
        let header = format!(r#"{{"alg":"EdDSA","typ":"{typ}","kid":"{KID}"}}"#);
        assert_eq!(refused(&header), TokenError::Type { found: typ.into(), expected: "a+jwt" });
    }
}

#[test]
fn header_has_no_other_parameters() {
    assert_eq!(refused(&header_with(r#","crit":["b64"],"b64":false"#)), TokenError::Critical);
    assert_eq!(refused(&header_with(r#","jwk":{},"crit":[]"#)), TokenError::Critical);
    for name in ["jwk", "jku", "x5c", "x5u", "x5t", "b64", "cty", "zip", "Alg", "nonce"] {
        let error = refused(&header_with(&format!(r#","{name}":"x""#)));
        assert_eq!(error, TokenError::HeaderParameter { name: name.into() });
    }
}

#[test]
fn key_id_is_short_base64url() {
    let long = format!("\"{}\"", "x".repeat(65));
    for kid in ["1", "null", "\"\"", "\"../key\"", "\"a b\"", "[\"a\"]", &long] {
        assert_eq!(refused(&format!(r#"{{"alg":"EdDSA","typ":"a+jwt","kid":{kid}}}"#)), TokenError::KeyId);
    }
    assert_eq!(refused(r#"{"alg":"EdDSA","typ":"a+jwt"}"#), TokenError::KeyId);
}

#[test]
fn claims_part_is_an_object() {
    for claims in ["[]", "1", "null", "\"x\""] {
        let text = token(&header_with(""), claims);
        let error = read(&text).unwrap().claims(HEADER_BOUNDS).unwrap_err();
        assert_eq!(error, TokenError::NotAnObject { part: Part::Claims });
    }
    let many: Vec<String> = (0..65).map(|index| format!("\"{index}\":1")).collect();
    let text = token(&header_with(""), &format!("{{{}}}", many.join(",")));
    let error = Token::read(&text, 2_000, "a+jwt").unwrap().claims(HEADER_BOUNDS).unwrap_err();
    assert_eq!(error.reason(), "too_large");
}

#[test]
fn messages_and_codes_are_stable() {
    let json = |fault| TokenError::Json { part: Part::Claims, fault };
    for (error, message, reason) in [
        (
            TokenError::TooLarge { bytes: 9000, limit: 8192 },
            "token is 9000 bytes, limit is 8192",
            "too_large",
        ),
        (TokenError::ForeignByte { at: 3 }, "byte 3 is none that a token has", "malformed"),
        (TokenError::Parts { count: 2 }, "token has 2 parts, expected 3", "malformed"),
        (TokenError::Empty { part: Part::Header }, "header is empty", "malformed"),
        (
            TokenError::Base64 { part: Part::Signature },
            "signature part is not base64url without padding",
            "bad_base64url",
        ),
        (TokenError::SignatureLength { bytes: 63 }, "signature is 63 bytes, expected 64", "bad_signature"),
        (TokenError::HeaderTooLarge { bytes: 600 }, "header is 600 bytes, limit is 512", "too_large"),
        (json(JsonError::Syntax { at: 2 }), "claims part: not JSON at byte 2", "bad_json"),
        (json(JsonError::Encoding { at: 2 }), "claims part: not UTF-8 at byte 2", "bad_json"),
        (
            json(JsonError::DuplicateKey { key: "a".into() }),
            "claims part: key `a` stands twice",
            "duplicate_key",
        ),
        (json(JsonError::TooDeep { limit: 8 }), "claims part: nested deeper than 8 levels", "too_deep"),
        (TokenError::NotAnObject { part: Part::Claims }, "claims part is not a JSON object", "bad_json"),
        (
            TokenError::Algorithm { found: "none".into() },
            "algorithm is `none`, expected `EdDSA` or `Ed25519`",
            "alg_rejected",
        ),
        (
            TokenError::Type { found: "JWT".into(), expected: "jit-grant+jwt" },
            "type is `JWT`, expected `jit-grant+jwt`",
            "typ_rejected",
        ),
        (TokenError::Critical, "header demands extensions by `crit`", "crit_rejected"),
        (
            TokenError::HeaderParameter { name: "jwk".into() },
            "header has parameter `jwk`",
            "header_param_rejected",
        ),
        (TokenError::KeyId, "`kid` is not 1 to 64 characters of base64url", "kid_rejected"),
    ] {
        assert_eq!((error.to_string().as_str(), error.reason()), (message, reason));
    }
}
