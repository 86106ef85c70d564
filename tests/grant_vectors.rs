//! The byte formats of grants, as another implementation can compute them.
#![cfg(feature = "verify")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a test fails loudly"
)]

use std::time::Duration;

use chrono::{DateTime, Utc};
use countersign::{
    Action, Attempt, Dialect, GrantVerifier, KeySet, LogReference, Payload, PublicKey, Resource, SigningKey,
    Subject, VerifyError,
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

fn verifier() -> GrantVerifier {
    let keys = KeySet::from_jwks(text(&vectors()["key"]["jwks"])).unwrap();
    GrantVerifier::new("https://jit.example", "database/orders", keys).enforcing(["max_rows"])
}

fn attempt() -> Attempt {
    let sql = Payload::sql(Dialect::PostgreSql, "DELETE FROM orders WHERE id = $1").with_parameters(["7"]);
    Attempt::new(Action::new("sql.execute").with_payload(sql), Resource::new("database", "orders"))
}

fn now() -> DateTime<Utc> {
    DateTime::from_timestamp(vectors()["grant"]["now"].as_i64().unwrap(), 0).unwrap()
}

#[test]
fn published_grant_verifies_and_names_its_use() {
    let grant = &vectors()["grant"];
    let redemption = verifier().verify(text(&grant["token"]), attempt(), now()).unwrap().redeem();
    assert_eq!(redemption.keys(), texts(&grant["use_keys"]));
}

#[test]
fn published_proof_carries_its_bound_grant() {
    let bound = &vectors()["bound"];
    let token = text(&bound["token"]);
    assert!(verifier().verify(token, attempt().with_proof(text(&bound["proof"])), now()).is_ok());
    let refused = verifier().verify(token, attempt(), now()).unwrap_err();
    assert_eq!(refused.reason(), "proof_required");
    let made = attempt().prove(token, "database/orders", &SigningKey::from_seed([11; 32]), now());
    assert_eq!(made, text(&bound["proof"]));
}

#[test]
fn published_chain_verifies_for_its_last_holder() {
    let chain = &vectors()["chain"];
    let tokens = texts(&chain["tokens"]);
    let attempt = || attempt().with_proof(text(&chain["proof"]));
    let permit = verifier().verify_chain(&tokens, attempt(), now()).unwrap().redeem();
    assert_eq!(permit.keys(), &texts(&vectors()["grant"]["use_keys"])[..1]);
    let alone = verifier().verify(tokens[1], attempt(), now()).unwrap_err();
    assert_eq!(alone.reason(), "kid_unknown");
}

#[test]
fn published_approvals_carry_their_grant() {
    let approved = &vectors()["approved"];
    let keys = [21, 22].map(|fill| SigningKey::from_seed([fill; 32]).public());
    let people = ["user/bo".to_owned(), "user/cy".to_owned()];
    let demanding =
        |count| verifier().requiring_approvals(count, people.clone().into_iter().zip(keys.clone()));
    let token = text(&approved["token"]);
    let redemption = demanding(2).verify(token, attempt(), now()).unwrap().redeem();
    assert_eq!(redemption.keep_until().timestamp(), approved["keep_until"].as_i64().unwrap());
    assert_eq!(demanding(3).verify(token, attempt(), now()).unwrap_err().reason(), "approvals_missing");
    assert_eq!(verifier().verify(token, attempt(), now()).unwrap_err().reason(), "approvals_unchecked");
}

#[test]
fn published_lists_revoke_what_they_name() {
    let lists = &vectors()["revocations"];
    let grant = vectors()["grant"]["token"].clone();
    let minute = Duration::from_secs(60);
    let passing = verifier().with_revocations(text(&lists["passing"]), minute).unwrap();
    assert!(passing.verify(text(&grant), attempt(), now()).is_ok());
    let revoking = passing.with_revocations(text(&lists["revoking"]), minute).unwrap();
    assert_eq!(revoking.verify(text(&grant), attempt(), now()).unwrap_err().reason(), "revoked");
    let older = revoking.with_revocations(text(&lists["passing"]), minute).unwrap_err();
    assert_eq!(older.reason(), "revocations_older");
}

#[test]
fn published_log_proofs_are_judged_as_published() {
    let logged = &vectors()["logged"];
    let (stream, key) = PublicKey::from_vkey(text(&logged["vkey"])).unwrap();
    let verifier = verifier().requiring_log([(stream, key)]);
    let cases = logged["cases"].as_array().unwrap();
    assert!(cases.len() >= 10);
    for case in cases {
        let token = case["token"].as_str().unwrap_or(text(&logged["token"]));
        let attempt = case["proof"].as_str().map_or(attempt(), |proof| attempt().with_log_proof(proof));
        let verdict = verifier.verify(token, attempt, now()).map_err(|error| error.reason());
        assert_eq!(
            verdict.map_or_else(|reason| reason, |_| "accept"),
            text(&case["expect"]),
            "{}",
            case["name"]
        );
    }
    let verified = self::verifier().verify(text(&logged["token"]), attempt(), now()).unwrap();
    assert_eq!(verified.log().map(LogReference::leaf), logged["leaf"].as_str());
}

#[test]
fn published_cases_are_judged_as_published() {
    let file: Value = serde_json::from_str(include_str!("vectors/grant_cases.json")).unwrap();
    let jwks = KeySet::from_jwks(&file["jwks"].to_string()).unwrap();
    let now = DateTime::from_timestamp(file["now"].as_i64().unwrap(), 0).unwrap();
    let mut seen = [0, 0];
    for case in file["cases"].as_array().unwrap() {
        let verdict = judge(&file, case, &jwks, now).map_or_else(|error| error.reason(), |()| "accept");
        assert_eq!(verdict, text(&case["expect"]), "{} {}", case["group"], case["name"]);
        seen[usize::from(verdict == "accept")] += 1;
    }
    assert!(seen[0] >= 90 && seen[1] >= 15, "{seen:?}");
}

fn judge(file: &Value, case: &Value, keys: &KeySet, now: DateTime<Utc>) -> Result<(), VerifyError> {
    let mut verifier = GrantVerifier::new(text(&file["iss"]), text(&file["aud"]), keys.clone())
        .enforcing(["max_rows", "cidr"]);
    if let Some(count) = case["require_approvals"].as_u64() {
        let approver = |one: &Value| {
            let jwk = serde_json::json!({"keys": [{"kty": "OKP", "crv": "Ed25519", "x": one["x"]}]});
            let key = KeySet::from_jwks(&jwk.to_string()).unwrap().iter().next().unwrap().clone();
            (text(&one["by"]).to_owned(), key)
        };
        let approvers = file["approvers"].as_array().unwrap().iter().map(approver);
        verifier = verifier.requiring_approvals(count.try_into().unwrap(), approvers);
    }
    for list in texts(&case["revocations"]) {
        verifier = verifier.with_revocations(list, Duration::from_secs(300))?;
    }
    let what = &file["attempt"];
    let sql = Payload::sql(Dialect::from_name(text(&what["dialect"])).unwrap(), text(&what["text"]));
    let action =
        Action::new(text(&what["act"])).with_payload(sql.with_parameters(texts(&what["parameters"])));
    let resource = Resource::new(text(&what["resource"]["type"]), text(&what["resource"]["id"]));
    let attempt = Attempt::new(action, resource);
    let attempt = case["proof"].as_str().map_or(attempt.clone(), |proof| attempt.with_proof(proof));
    verifier.verify_chain(&texts(&case["chain"]), attempt, now).map(drop)
}
