//! The byte formats of grants, as another implementation can compute them.
#![cfg(feature = "verify")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test fails loudly"
)]

use chrono::DateTime;
use countersign::{
    Action, Attempt, Dialect, GrantVerifier, KeySet, Payload, PublicKey, Resource, SigningKey, Subject,
};
use serde_json::Value;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/grants.json")).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

fn texts(value: &Value) -> Vec<&str> {
    value.as_array().into_iter().flatten().map(text).collect()
}

fn payload(case: &Value) -> Payload {
    match text(&case["kind"]) {
        "sql" => Payload::sql(Dialect::from_name(text(&case["dialect"])).unwrap(), text(&case["text"]))
            .with_parameters(texts(&case["parameters"])),
        "argv" => {
            let mut payload = Payload::argv(texts(&case["words"]));
            if let Some(directory) = case["directory"].as_str() {
                payload = payload.with_directory(directory);
            }
            pairs(&case["env"]).fold(payload, |payload, (name, value)| payload.with_env(name, value))
        }
        "http" => {
            let payload =
                Payload::http(text(&case["method"]), text(&case["url"]), text(&case["body"]).as_bytes());
            pairs(&case["headers"]).fold(payload, |payload, (name, value)| payload.with_header(name, value))
        }
        "text" => Payload::plain(text(&case["text"])),
        other => panic!("unknown kind {other}"),
    }
}

fn pairs(value: &Value) -> impl Iterator<Item = (&str, &str)> {
    value.as_object().into_iter().flatten().map(|(name, value)| (name.as_str(), text(value)))
}

#[test]
fn action_digests_are_as_published() {
    let vectors = vectors();
    let cases = vectors["adg"].as_array().unwrap();
    assert!(cases.len() >= 8);
    let mut digests = Vec::new();
    for case in cases {
        let digest = payload(case).digest(text(&case["resource"]["type"]), text(&case["resource"]["id"]));
        assert_eq!(digest, text(&case["digest"]), "{}", case["name"]);
        digests.push(digest);
    }
    digests.sort();
    digests.dedup();
    assert_eq!(digests.len(), cases.len(), "two payloads share a digest");
}

#[test]
fn names_are_as_published() {
    for case in vectors()["sub"].as_array().unwrap() {
        let mut subject = Subject::new(text(&case["type"]), text(&case["id"]));
        if let Some(tenant) = case["tenant"].as_str() {
            subject = subject.with("tenant", tenant);
        }
        assert_eq!(subject.reference(), text(&case["sub"]));
    }
    for case in vectors()["res"].as_array().unwrap() {
        assert_eq!(Resource::new(text(&case["type"]), text(&case["id"])).reference(), text(&case["res"]));
    }
}

#[test]
fn keys_are_as_published() {
    let key = &vectors()["key"];
    let seed: Vec<u8> = (0..64)
        .step_by(2)
        .map(|at| u8::from_str_radix(&text(&key["seed_hex"])[at..at + 2], 16).unwrap())
        .collect();
    let signing = SigningKey::from_seed(seed.try_into().unwrap());
    assert_eq!(signing.to_pem().as_str(), text(&key["pem"]));
    assert_eq!(signing.public().thumbprint(), text(&key["kid"]));
    assert_eq!(KeySet::new([signing.public()]).to_jwks(), text(&key["jwks"]));
    assert_eq!(
        PublicKey::from_vkey(text(&key["vkey"])).unwrap(),
        ("log.example".to_owned(), signing.public())
    );
}

#[test]
fn published_grant_verifies_and_names_its_use() {
    let vectors = vectors();
    let grant = &vectors["grant"];
    let keys = KeySet::from_jwks(text(&vectors["key"]["jwks"])).unwrap();
    let verifier = GrantVerifier::new("https://jit.example", "database/orders", keys);
    let sql = Payload::sql(Dialect::PostgreSql, "DELETE FROM orders WHERE id = $1").with_parameters(["7"]);
    let attempt =
        Attempt::new(Action::new("sql.execute").with_payload(sql), Resource::new("database", "orders"));
    let now = DateTime::from_timestamp(grant["now"].as_i64().unwrap(), 0).unwrap();
    let redemption = verifier.verify(text(&grant["token"]), attempt, now).unwrap().redeem();
    assert_eq!(redemption.keys(), texts(&grant["use_keys"]));
}
