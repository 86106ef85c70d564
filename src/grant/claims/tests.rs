use serde_json::json;

use super::*;
use crate::grant::constraint::Constraint;
use crate::grant::error::moment;
use crate::keys::SigningKey;

fn terms() -> Terms {
    Terms {
        issuer: "https://jit.example".into(),
        subject: "user/ana".into(),
        audience: "database/orders".into(),
        issued_at: moment(1_800_000_000),
        not_before: moment(1_800_000_000),
        expires_at: moment(1_800_000_900),
        id: "01JD8X2M9Q7ZK4T6V3W5Y1B0CA".into(),
        action: "sql.execute".into(),
        resource: "database/orders".into(),
        request: "req-4821".into(),
        action_digest: None,
        policy: None,
        constraints: Constraints::default(),
        approvals: Vec::new(),
        holder: None,
    }
}

fn read(value: &serde_json::Value) -> Result<Claims, ClaimError> {
    let text = value.to_string();
    Claims::read(&json::parse(text.as_bytes(), BOUNDS).unwrap())
}

fn with(member: &str, value: serde_json::Value) -> serde_json::Value {
    let mut claims = Claims::new(terms()).unwrap().to_value();
    claims[member] = value;
    claims
}

#[test]
fn claims_are_written_sorted_and_without_spaces() {
    assert_eq!(
        Claims::new(terms()).unwrap().to_text(),
        r#"{"act":"sql.execute","aud":"database/orders","exp":1800000900,"iat":1800000000,"iss":"https://jit.example","jti":"01JD8X2M9Q7ZK4T6V3W5Y1B0CA","nbf":1800000000,"req":"req-4821","res":"database/orders","sub":"user/ana","v":1}"#
    );
}

#[test]
fn every_claim_survives_a_record() {
    let mut constraints = Constraints::default();
    constraints.set(Constraint::MaxUses, json!(1)).unwrap();
    constraints.set(Constraint::Cidr, json!(["10.0.0.0/8"])).unwrap();
    let approvals = vec![
        Approval::Named { by: "user/\"bo\" \\ \u{e9}".into(), at: 1_799_999_900 },
        Approval::Signed("a.b.c".into()),
    ];
    let digest = format!("sha-256:{}", "0a".repeat(32));
    let holder = Some(SigningKey::from_seed([3; 32]).public());
    let full = Terms {
        action_digest: Some(digest.clone()),
        policy: Some(digest),
        constraints,
        approvals,
        holder,
        ..terms()
    };
    let mut claims = Claims::new(full).unwrap();
    claims.log = Some(LogReference::new("gate/1", 7, [9; 32]).unwrap());
    let again = Claims::from_value(&claims.to_value()).unwrap();
    assert_eq!(again, claims);
    assert_eq!(again.to_text(), claims.to_text());
    let canonical = serde_json::from_str::<serde_json::Value>(&claims.to_text()).unwrap().to_string();
    assert_eq!(canonical, claims.to_text());
}

#[test]
fn times_are_cut_to_seconds() {
    let late = moment(1_800_000_900) + chrono::TimeDelta::microseconds(999_999);
    let claims = Claims::new(Terms { expires_at: late, ..terms() }).unwrap();
    assert_eq!(claims.expires_at, 1_800_000_900);
}

#[test]
fn version_comes_before_everything_else() {
    assert_eq!(read(&json!({ "x": 1 })), Err(ClaimError::Missing { claim: "v" }));
    assert_eq!(read(&json!({ "v": 2, "x": 1 })), Err(ClaimError::Version { found: 2 }));
    assert_eq!(read(&json!({ "v": 0 })), Err(ClaimError::Version { found: 0 }));
    for version in [json!("1"), json!(1.0), json!(-1), json!(null), json!([1])] {
        assert!(matches!(read(&with("v", version)), Err(ClaimError::Type { claim: "v", .. })));
    }
}

#[test]
fn unknown_claims_are_refused_and_ext_is_skipped() {
    assert_eq!(read(&with("admin", json!(true))), Err(ClaimError::Unknown { name: "admin".into() }));
    assert_eq!(read(&with("Exp", json!(1))), Err(ClaimError::Unknown { name: "Exp".into() }));
    assert_eq!(read(&with("ext", json!({ "a": [1.5, null] }))), read(&with("v", json!(1))));
}

#[test]
fn every_required_claim_is_missed() {
    for claim in REQUIRED {
        let mut value = with("v", json!(1));
        value.as_object_mut().unwrap().remove(claim);
        assert_eq!(read(&value), Err(ClaimError::Missing { claim }));
    }
}

#[test]
fn claims_of_the_wrong_type_are_refused() {
    let long = "x".repeat(limits::CLAIM_TEXT_BYTES + 1);
    for claim in ["iss", "sub", "aud", "act", "res", "req"] {
        for value in [
            json!(1),
            json!(null),
            json!(["a"]),
            json!(""),
            json!("a\u{0}"),
            json!("a\nb"),
            json!("a\u{202e}b"),
            json!(long),
        ] {
            assert!(
                matches!(read(&with(claim, value)), Err(ClaimError::Type { claim: named, .. }) if named == claim)
            );
        }
    }
    for claim in ["iat", "nbf", "exp"] {
        for value in
            [json!("1"), json!(1.5), json!(-1), json!(9_007_199_254_740_992_u64), json!(null), json!(true)]
        {
            assert!(
                matches!(read(&with(claim, value)), Err(ClaimError::Type { claim: named, .. }) if named == claim)
            );
        }
    }
    let key = json!({ "crv": "Ed25519", "kty": "OKP", "x": "Nc3tEgsf9YNKPwWHUSx6eiVJj3waXxZdy0CARSL6Zi8" });
    let leaf = format!("sha-256:{}", "0".repeat(64));
    for (claim, value) in [
        ("jti", json!("1")),
        ("jti", json!("x".repeat(129))),
        ("jti", json!("has a space in the id")),
        ("adg", json!("md5:AAAA")),
        ("adg", json!(format!("sha-256:{}", "0".repeat(63)))),
        ("adg", json!(format!("sha-256:{}", "A".repeat(64)))),
        ("pol", json!("sha-256:")),
        ("par", json!(1)),
        ("con", json!([])),
        ("con", json!("max_rows")),
        ("apr", json!({})),
        ("apr", json!([1])),
        ("apr", json!([{ "by": "user/bo" }])),
        ("apr", json!([{ "by": "user/bo", "at": 1, "x": 1 }])),
        ("apr", json!([{ "by": "", "at": 1 }])),
        ("apr", json!([{ "by": "user/bo", "at": 1.5 }])),
        ("apr", json!(vec!["a"; 65])),
        ("cnf", json!({})),
        ("cnf", json!({ "jkt": "a" })),
        ("cnf", json!({ "jwk": key, "kid": "a" })),
        ("cnf", json!({ "jwk": { "crv": "Ed25519", "kty": "OKP" } })),
        ("cnf", json!({ "jwk": { "crv": "P-256", "kty": "EC", "x": "a" } })),
        (
            "cnf",
            json!({ "jwk": { "crv": "Ed25519", "kty": "OKP", "x": "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" } }),
        ),
        ("log", json!("leaf")),
        ("log", json!({ "leaf": leaf, "seq": 1 })),
        ("log", json!({ "leaf": leaf, "seq": -1, "stream": "a" })),
        ("log", json!({ "leaf": leaf, "seq": 1, "stream": "" })),
        ("log", json!({ "leaf": leaf, "seq": 1, "stream": "n".repeat(257) })),
        ("log", json!({ "leaf": "0".repeat(64), "seq": 1, "stream": "a" })),
    ] {
        let error = read(&with(claim, value.clone()));
        assert!(
            matches!(error, Err(ClaimError::Type { claim: named, .. }) if named == claim),
            "{claim} {value} {error:?}"
        );
    }
}

#[test]
fn terms_that_no_verifier_takes_make_no_claims() {
    let type_of = |terms: Terms| match Claims::new(terms) {
        Err(ClaimError::Type { claim, .. }) => claim,
        other => panic!("{other:?}"),
    };
    assert_eq!(type_of(Terms { subject: "user/a\u{202e}b".into(), ..terms() }), "sub");
    assert_eq!(type_of(Terms { id: "short".into(), ..terms() }), "jti");
    assert_eq!(type_of(Terms { issued_at: moment(-1), ..terms() }), "iat");
    assert_eq!(type_of(Terms { policy: Some("none".into()), ..terms() }), "pol");
    let approvals = vec![Approval::Signed("x".repeat(1000)); 6];
    let error = Claims::new(Terms { approvals, ..terms() }).unwrap_err();
    assert!(matches!(error, ClaimError::TooLarge { bytes } if bytes > limits::CLAIMS_BYTES));
}

#[test]
fn recorded_claims_are_read_as_strictly() {
    assert!(matches!(Claims::from_value(&json!([])), Err(ClaimError::Missing { claim: "v" })));
    let unknown = with("con", json!({ "mfa_fresh": true }));
    assert!(matches!(Claims::from_value(&unknown), Err(ClaimError::Type { claim: "con", .. })));
    let deep = with("ext", json!([[[[[[[[[1]]]]]]]]]));
    assert!(matches!(Claims::from_value(&deep), Err(ClaimError::Type { claim: "grant", .. })));
}

#[test]
fn log_reference_shows_its_place() {
    let reference = LogReference::new("gate/1", 7, [9; 32]).unwrap();
    assert_eq!((reference.stream(), reference.seq()), ("gate/1", 7));
    assert_eq!(reference.leaf(), format!("sha-256:{}", "09".repeat(32)));
    assert!(LogReference::new("gate\n1", 7, [9; 32]).is_err());
    assert!(LogReference::new("gate/1", 1 << 53, [9; 32]).is_err());
}

#[test]
fn messages_name_claim_and_expectation() {
    for (error, message, reason) in [
        (ClaimError::Version { found: 2 }, "grant has version 2, known is 1", "version_unsupported"),
        (ClaimError::Unknown { name: "x".into() }, "unknown claim `x`", "claim_unknown"),
        (ClaimError::Missing { claim: "iss" }, "claim `iss` is missing", "claim_missing"),
        (ClaimError::Type { claim: "iss", expected: "text" }, "`iss` must be text", "claim_type"),
        (ClaimError::TooLarge { bytes: 6000 }, "claims are 6000 bytes, limit is 5200", "too_large"),
    ] {
        assert_eq!((error.to_string().as_str(), error.reason()), (message, reason));
    }
}
