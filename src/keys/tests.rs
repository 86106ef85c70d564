use ed25519_dalek::pkcs8::EncodePrivateKey;
use serde_json::{Value, json};

use super::*;
use crate::json::JsonError;
use crate::limits;

fn key(fill: u8) -> SigningKey {
    SigningKey::from_seed([fill; 32])
}

fn jwk(fill: u8) -> Value {
    let key = key(fill).public();
    json!({ "kty": "OKP", "crv": "Ed25519", "x": key.x(), "kid": key.thumbprint(), "use": "sig" })
}

fn jwk_with(member: &str, value: Value) -> String {
    let mut jwk = jwk(1);
    jwk[member] = value;
    json!({ "keys": [jwk] }).to_string()
}

fn hex(text: &str) -> Vec<u8> {
    text.as_bytes()
        .chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn verifies(key: &str, message: &str, signature: &str) -> bool {
    let Ok(signature) = <[u8; 64]>::try_from(hex(signature)) else { return false };
    PublicKey::from_bytes(&hex(key).try_into().unwrap())
        .is_ok_and(|key| key.verify_strict(&hex(message), &signature))
}

#[test]
fn wycheproof_signatures_are_judged_as_expected() {
    let suite: Value =
        serde_json::from_str(include_str!("../../tests/data/grants/wycheproof_ed25519_test.json")).unwrap();
    let mut judged = 0;
    for group in suite["testGroups"].as_array().unwrap() {
        let key = group["publicKey"]["pk"].as_str().unwrap();
        for test in group["tests"].as_array().unwrap() {
            let accepted = verifies(key, test["msg"].as_str().unwrap(), test["sig"].as_str().unwrap());
            assert_eq!(accepted, test["result"] == "valid", "tcId {}", test["tcId"]);
            judged += 1;
        }
    }
    assert_eq!(judged, 151);
}

#[test]
fn signatures_on_which_verifiers_disagree_are_refused() {
    let cases: Value =
        serde_json::from_str(include_str!("../../tests/data/grants/speccheck_cases.json")).unwrap();
    let cases = cases.as_array().unwrap();
    assert_eq!(cases.len(), 12);
    for case in cases {
        let part = |name: &str| case[name].as_str().unwrap();
        assert!(!verifies(part("pub_key"), part("message"), part("signature")), "{case}");
    }
}

#[test]
fn weak_and_malformed_points_are_no_keys() {
    let read = |text: &str| PublicKey::from_bytes(&hex(text).try_into().unwrap());
    let zeros = "00".repeat(30);
    for (point, error) in [
        // y = 1, the identity; y = 0, of order 4; both in small order.
        (format!("01{zeros}00"), KeyError::SmallOrder),
        (format!("00{zeros}00"), KeyError::SmallOrder),
        // The identity with the sign of x set, and y = 2^255 − 18, which is 1 again.
        (format!("01{zeros}80"), KeyError::NotAPoint),
        (format!("ee{}7f", "ff".repeat(30)), KeyError::NotAPoint),
        // y = 2 is on no point.
        (format!("02{zeros}00"), KeyError::NotAPoint),
        // A point of the prime-order group plus one of small order.
        ("cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d".to_owned(), KeyError::Torsion),
    ] {
        assert_eq!(read(&point).unwrap_err(), error, "{point}");
    }
}

#[test]
fn thumbprint_is_that_of_the_standard() {
    // RFC 8037, appendix A.3.
    let key = PublicKey::from_x("11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo").unwrap();
    assert_eq!(key.thumbprint(), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
}

#[test]
fn signature_is_that_of_the_standard() {
    // RFC 8037, appendix A.4.
    let seed = from_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A").unwrap();
    let key = SigningKey::from_seed(seed.try_into().unwrap());
    let signature = key.sign(b"eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc");
    assert_eq!(
        base64url(&signature),
        "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"
    );
    assert!(key.public_ref().verify_strict(b"a", &key.sign(b"a")));
    assert!(!key.public_ref().verify_strict(b"b", &key.sign(b"a")));
}

#[test]
fn pem_round_trips_and_reads_both_versions() {
    // RFC 8410, section 10.3: the same key without and with its public half.
    let plain = "-----BEGIN PRIVATE KEY-----\n\
        MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n-----END PRIVATE KEY-----\n";
    let key = SigningKey::from_pem(plain).unwrap();
    assert_eq!(base64(&key.public().to_bytes()), "Gb9ECWmEzf6FQbrBZ9w7lshQhqowtrbLDFw4rXAxZuE=");
    assert_eq!(key.to_pem().as_str(), plain);
    let second = ed25519_dalek::SigningKey::from_bytes(&[5; 32]).to_pkcs8_der().unwrap();
    let pem = format!(
        "{}\r\n{}\r\n{}",
        "-----BEGIN PRIVATE KEY-----",
        base64(second.as_bytes()),
        "-----END PRIVATE KEY-----"
    );
    assert_eq!(SigningKey::from_pem(&pem).unwrap().public(), self::key(5).public());
}

#[test]
fn pem_of_anything_else_is_refused() {
    let good = key(1).to_pem();
    let der =
        |bytes: &[u8]| format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", base64(bytes));
    let mut pair =
        ed25519_dalek::SigningKey::from_bytes(&[5; 32]).to_pkcs8_der().unwrap().as_bytes().to_vec();
    *pair.last_mut().unwrap() ^= 1;
    for text in [
        String::new(),
        "-----BEGIN PRIVATE KEY-----".to_owned(),
        good.as_str().replace("PRIVATE", "PUBLIC"),
        good.as_str().replace("PRIVATE", "EC PRIVATE"),
        good.as_str().replace("MC4C", "MC4D"),
        good.as_str().replace("MC4C", "M 4C"),
        format!("{0}{0}", good.as_str()),
        der(&[]),
        der(&[0x30; 48]),
        der(&[0; 4096]),
        der(&pair),
    ] {
        assert_eq!(SigningKey::from_pem(&text).unwrap_err(), KeyError::Pem, "{text}");
    }
}

#[test]
fn secrets_stay_out_of_debug() {
    let (key, pem) = (key(0x41), key(0x41).to_pem());
    let shown = format!("{key:?} {pem:?}");
    assert_eq!(shown, format!("SigningKey(PublicKey(\"{}\")) SecretText(..)", key.public().thumbprint()));
}

#[test]
fn vkey_is_that_of_the_specification() {
    let text = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    let (name, key) = PublicKey::from_vkey(text).unwrap();
    assert_eq!(name, "example.com/foo");
    assert_eq!(key.to_vkey(&name).unwrap(), text);
}

#[test]
fn vkey_of_another_shape_is_refused() {
    let good = key(1).public().to_vkey("log.example").unwrap();
    let (head, body) = good.rsplit_once('+').unwrap();
    for text in [
        String::new(),
        "log.example".to_owned(),
        head.to_owned(),
        format!("{}+{body}", head.to_uppercase().replace("LOG.EXAMPLE", "log.example")),
        format!("{head}+{}", base64(&[1; 32])),
        format!("{head}+{}", base64(&[2; 33])),
        format!("{good}="),
        format!("{head}0+{body}"),
    ] {
        if text != good {
            assert_eq!(PublicKey::from_vkey(&text).unwrap_err(), KeyError::Vkey, "{text}");
        }
    }
    let moved = good.replace("log.example", "log.example.org");
    assert!(matches!(PublicKey::from_vkey(&moved), Err(KeyError::VkeyHash { .. })));
    for name in ["", "a b", "a\u{a0}b", "a\nb", "a+b", &"n".repeat(257)] {
        assert!(matches!(key(1).public().to_vkey(name), Err(KeyError::Name { .. })), "{name}");
    }
}

#[test]
fn key_set_round_trips_without_algorithm_names() {
    let set = KeySet::new([key(1).public(), key(2).public(), key(1).public()]);
    assert_eq!(set.len(), 2);
    let text = set.to_jwks();
    assert!(!text.contains("alg"));
    assert_eq!(KeySet::from_jwks(&text).unwrap(), set);
}

#[test]
fn retired_key_is_not_found() {
    let (old, new) = (key(1).public(), key(2).public());
    let set = KeySet::new([old.clone(), new.clone()]).without(old.thumbprint());
    assert!(matches!(set.lookup(old.thumbprint()), Lookup::Unknown));
    assert!(matches!(set.lookup(new.thumbprint()), Lookup::Found(found) if *found == new));
}

#[test]
fn harmless_members_are_taken() {
    for (member, value) in [
        ("alg", json!("EdDSA")),
        ("alg", json!("Ed25519")),
        ("key_ops", json!(["verify"])),
        ("x-note", json!({ "a": [1] })),
    ] {
        assert_eq!(KeySet::from_jwks(&jwk_with(member, value)).unwrap().len(), 1);
    }
    let mut unnamed = jwk(1);
    unnamed.as_object_mut().unwrap().remove("kid");
    let set = KeySet::from_jwks(&json!({ "keys": [unnamed], "other": 1 }).to_string()).unwrap();
    assert!(matches!(set.lookup(key(1).public().thumbprint()), Lookup::Found(_)));
}

#[test]
fn misfit_members_are_refused_by_name() {
    for (member, value) in [
        ("kty", json!(1)),
        ("kty", Value::Null),
        ("crv", json!(["Ed25519"])),
        ("use", json!("enc")),
        ("alg", json!("HS256")),
        ("alg", json!("eddsa")),
        ("key_ops", json!(["sign"])),
        ("key_ops", json!(["verify", "sign"])),
        ("key_ops", json!([])),
        ("key_ops", json!("verify")),
        ("kid", json!(1)),
        ("x", json!(1)),
    ] {
        let error = KeySet::from_jwks(&jwk_with(member, value.clone())).unwrap_err();
        assert!(
            matches!(error, KeyError::Member { index: 0, member: named, .. } if named == member),
            "{member} {value} {error}"
        );
    }
}

#[test]
fn secret_material_is_refused_in_every_kind_of_key() {
    for member in ["d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"] {
        let error = KeySet::from_jwks(&jwk_with(member, json!("AAAA"))).unwrap_err();
        assert_eq!(error, KeyError::Private { index: 0, member });
    }
    let symmetric = json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "a" }] }).to_string();
    assert_eq!(KeySet::from_jwks(&symmetric).unwrap_err(), KeyError::Private { index: 0, member: "k" });
}

#[test]
fn key_bytes_are_read_strictly() {
    let x = key(1).public().x();
    for text in [format!("{x}="), format!("{x}A"), String::new(), x.replace(['-', '_'], "+")] {
        if text != x {
            assert_eq!(
                KeySet::from_jwks(&jwk_with("x", json!(text))).unwrap_err(),
                KeyError::Encoding,
                "{text}"
            );
        }
    }
}

#[test]
fn key_of_another_kind_is_kept_unusable() {
    let mut keys = vec![jwk(1), json!({ "kty": "RSA", "n": "AQ", "e": "AQAB", "kid": "rsa" })];
    let set = KeySet::from_jwks(&json!({ "keys": keys }).to_string()).unwrap();
    assert_eq!(set.len(), 1);
    assert!(matches!(set.lookup("rsa"), Lookup::Unusable));
    keys.push(json!({ "kty": "EC", "crv": "P-256", "kid": "rsa" }));
    let error = KeySet::from_jwks(&json!({ "keys": keys }).to_string()).unwrap_err();
    assert_eq!(error, KeyError::DuplicateKid { kid: "rsa".into() });
}

#[test]
fn misnamed_and_doubled_keys_are_refused() {
    let error = KeySet::from_jwks(&jwk_with("kid", json!("mine"))).unwrap_err();
    assert!(matches!(error, KeyError::KidMismatch { index: 0, ref found, .. } if found == "mine"));
    let error = KeySet::from_jwks(&json!({ "keys": [jwk(1), jwk(1)] }).to_string()).unwrap_err();
    assert!(matches!(error, KeyError::DuplicateKid { .. }));
}

#[test]
fn key_set_text_is_bounded() {
    let text = " ".repeat(limits::KEY_SET_BYTES + 1);
    assert_eq!(KeySet::from_jwks(&text).unwrap_err(), KeyError::SetTooLarge { bytes: text.len() });
    let many: Vec<Value> = (0..65).map(jwk).collect();
    let error = KeySet::from_jwks(&json!({ "keys": many }).to_string()).unwrap_err();
    assert_eq!(error, KeyError::TooManyKeys { count: 65 });
    for text in ["{}", "[]", r#"{"keys":{}}"#, "1"] {
        assert_eq!(KeySet::from_jwks(text).unwrap_err(), KeyError::NoKeys, "{text}");
    }
    assert_eq!(KeySet::from_jwks("{").unwrap_err(), KeyError::Json(JsonError::Syntax { at: 1 }));
}

#[test]
fn messages_say_what_was_found() {
    for (error, message) in [
        (KeyError::NotAPoint, "public key is not a canonical point of Ed25519"),
        (KeyError::SmallOrder, "public key has small order"),
        (KeyError::Torsion, "public key has a torsion component"),
        (KeyError::Encoding, "public key is not 32 bytes of base64url without padding"),
        (KeyError::Pem, "private key is not PKCS#8 PEM of Ed25519"),
        (KeyError::Vkey, "verifier key is not `name+8 hex digits+base64 of an Ed25519 key`"),
        (
            KeyError::Name { name: "a b".into() },
            "key name `a b` is empty, over 256 bytes, or has a space, a plus or a control character",
        ),
        (
            KeyError::VkeyHash { found: 1, expected: 2 },
            "verifier key names hash 00000001, its name and key have 00000002",
        ),
        (KeyError::SetTooLarge { bytes: 70_000 }, "key set is 70000 bytes, limit is 65536"),
        (KeyError::Json(JsonError::Syntax { at: 1 }), "key set: not JSON at byte 1"),
        (KeyError::NoKeys, "key set has no list `keys`"),
        (KeyError::TooManyKeys { count: 65 }, "key set has 65 keys, limit is 64"),
        (
            KeyError::Member { index: 0, member: "use", expected: "must be `sig`" },
            "key 0: `use` must be `sig`",
        ),
        (KeyError::Private { index: 1, member: "d" }, "key 1: private member `d` in a published key set"),
        (
            KeyError::KidMismatch { index: 0, found: "a".into(), expected: "b".into() },
            "key 0: kid `a` is not the thumbprint `b`",
        ),
        (KeyError::DuplicateKid { kid: "a".into() }, "kid `a` stands twice in the key set"),
    ] {
        assert_eq!(error.to_string(), message);
    }
}
