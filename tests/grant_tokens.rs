//! Every stored token gets the verdict and the reason that its case names.
#![cfg(feature = "verify")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::string_slice,
    clippy::arithmetic_side_effects,
    reason = "a test fails loudly"
)]

use std::time::Duration;

use chrono::DateTime;
use countersign::{Action, Attempt, GrantVerifier, KeySet, Payload, Resource};
use serde_json::Value;

fn judge(case: &Value) -> Result<(), &'static str> {
    let context = &case["context"];
    let keys = KeySet::from_jwks(&case["keyset"].to_string()).map_err(|error| error.reason())?;
    let seconds = |name: &str| Duration::from_secs(context[name].as_u64().unwrap());
    let revoked = context["revoked_jti"].as_array().into_iter().flatten().filter_map(Value::as_str);
    let text = |name: &str| context[name].as_str().unwrap();
    let verifier = GrantVerifier::new(text("iss"), text("aud"), keys)
        .with_leeway(seconds("leeway_s"))
        .with_max_lifetime(seconds("max_lifetime_s"))
        .enforcing(["max_rows", "read_only", "cidr"])
        .with_revoked(revoked);
    let mut action = Action::new("db.query");
    if let Some(bytes) = context["action_bytes"].as_str() {
        action = action.with_payload(Payload::plain(bytes));
    }
    let attempt = Attempt::new(action, Resource::new("postgres:", "/orders-prod/orders"));
    let now = DateTime::from_timestamp(case["now"].as_i64().unwrap(), 0).unwrap();
    let verified = verifier.verify(case["token"].as_str().unwrap(), attempt, now);
    verified.map(drop).map_err(|error| error.reason())
}

fn assert_judged(file: &str, count: usize) {
    let file: Value = serde_json::from_str(file).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert_eq!(cases.len(), count);
    let mut wrong = Vec::new();
    for case in cases {
        let verdict = judge(case).err().unwrap_or("accept");
        let expected = match (case["expect"].as_str(), case["reason_any"].as_array()) {
            (Some("accept"), _) => vec!["accept"],
            (_, Some(any)) => any.iter().filter_map(Value::as_str).collect(),
            _ => case["reason"].as_str().into_iter().collect(),
        };
        if !expected.contains(&verdict) {
            wrong.push(format!("{}: {verdict}, expected {expected:?}", case["name"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn stored_tokens_are_judged_as_their_cases_say() {
    assert_judged(include_str!("data/grants/tokens.json"), 77);
}

#[test]
fn hostile_tokens_are_judged_as_their_cases_say() {
    assert_judged(include_str!("vectors/hostile_tokens.json"), 390);
}
