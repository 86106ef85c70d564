//! A service, the profile's examples, and what an enforcement point does with them.

#![allow(dead_code, reason = "each test uses its part")]

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use countersign::authzen::{
    AccessRequest, AccessRequestError, AccessRequests, Bound, Endpoint, Evaluations, Filed, Metadata,
    Reevaluation, Task, TaskStatus,
};
use countersign::{Authorization, Gate, KeySet, Outcome, Request, Review, Stamp, Vote};
use serde_json::{Value, json};

use crate::support::reviews::HEAD;
use crate::support::{Host, ISSUER, after, key, member};

pub const EXAMPLES: &str = include_str!("../data/authzen/access-requests.json");

pub const RULES: &str = r#"
[[review]]
id = "people"
when = 'action.name == "sql.execute"'
approve = { from = "sre" }
on_withdraw = "revoke"
grant = { max_uses = 1, start_later = "1h" }
[[zone]]
id = "harmless"
when = 'action.name == "status"'
max_risk = "high"
"#;

pub fn example(name: &str) -> Value {
    serde_json::from_str::<Value>(EXAMPLES).unwrap()[name].take()
}

pub fn metadata() -> Metadata {
    Metadata::new(ISSUER)
        .unwrap()
        .with(Endpoint::Evaluation)
        .with(Endpoint::Evaluations)
        .with(Endpoint::AccessRequest)
        .with_keys_at("https://jit.example/access/v1/jwks")
}

pub fn service() -> AccessRequests {
    AccessRequests::new(&metadata(), KeySet::new([key().public()])).unwrap()
}

pub fn host() -> Host {
    Host::new(&format!("{HEAD}{RULES}"))
}

pub fn stamp(number: u8, now: DateTime<Utc>) -> Stamp {
    Stamp::new(now, [number; 32])
}

pub fn request(body: &Value) -> Request {
    Request::from_trusted_json(body.to_string()).unwrap()
}

/// What an enforcement point gets for an evaluation.
pub fn evaluate(service: &AccessRequests, gate: &Gate, body: &Value, number: u8) -> Value {
    let evaluations = Evaluations::from_trusted_json(body.to_string()).unwrap();
    let answer = evaluations.answer(|request| {
        let decision = gate.policy().decide(request, after(0));
        service.answer(request, &decision, &key(), stamp(number, after(0)))
    });
    serde_json::to_value(answer).unwrap()
}

/// What it then submits.
pub fn submission_of(body: &Value, answer: &Value) -> Value {
    let context = &answer["context"];
    let mut submission = body.clone();
    submission["denial"] = json!({
        "evaluation_id": context["evaluation_id"], "evaluated_at": context["evaluated_at"],
        "expires_at": context["access_request"]["expires_at"], "reason": context["reason"],
        "binding_token": context["access_request"]["binding_token"],
    });
    submission
}

pub static SUBMISSION: LazyLock<Value> = LazyLock::new(|| {
    let body = example("evaluation");
    submission_of(&body, &evaluate(&service(), &host().gate, &body, 1))
});

pub fn read(body: &Value) -> AccessRequest {
    AccessRequest::from_trusted_json(body.to_string()).unwrap()
}

pub fn bind_with(
    service: &AccessRequests,
    body: &Value,
    now: DateTime<Utc>,
) -> Result<Bound, AccessRequestError> {
    service.bind(&read(body), |request| request, now)
}

pub fn bind(body: &Value) -> Result<Bound, AccessRequestError> {
    bind_with(&service(), body, after(60))
}

pub fn refusal(body: &Value) -> AccessRequestError {
    bind(body).unwrap_err()
}

/// Binds, submits and files.
pub fn file(host: &mut Host, body: &Value, now: DateTime<Utc>) -> Result<Filed, AccessRequestError> {
    let bound = bind_with(&service(), body, now)?;
    let requests: Vec<Request> = bound.requests().cloned().collect();
    let outcomes: Vec<Outcome> =
        requests.into_iter().map(|request| host.submit(request, now).unwrap()).collect();
    bound.file("pep-1", &outcomes, stamp(200, now))
}

pub fn task(host: &Host, filed: &Filed, now: DateTime<Utc>) -> Result<Task, AccessRequestError> {
    let reviews = host.reviews();
    service().task(filed, |id| reviews.iter().find(|review| review.id() == id).cloned(), now)
}

pub fn status(host: &Host, filed: &Filed, now: DateTime<Utc>) -> TaskStatus {
    task(host, filed, now).unwrap().status()
}

pub fn review_of(host: &Host, filed: &Filed) -> Review {
    host.review(filed.reviews().next().unwrap())
}

/// A filed request that somebody approved at one minute and two seconds past noon.
pub fn approved() -> (Host, Filed) {
    let mut host = host();
    let filed = file(&mut host, &SUBMISSION, after(60)).unwrap();
    let review = review_of(&host, &filed);
    let outcome = host.vote(&review, Vote::approve(member("bo", &["sre"])), after(62)).unwrap();
    assert!(matches!(outcome, Outcome::Allow(_)));
    (host, filed)
}

/// The evaluation that shows an approval.
pub fn shown(filed: &Filed) -> Value {
    let mut body = example("evaluation");
    body["context"]["approval"] =
        json!({ "id": filed.approvals().next().unwrap(), "approved_until": "2026-11-23T12:16:02Z" });
    body["context"]["time"] = json!("2026-11-23T12:02:00Z");
    body
}

pub fn reevaluate(host: &Host, body: &Value, filed: Option<&Filed>, now: DateTime<Utc>) -> Reevaluation {
    reevaluate_by(&service(), &host.gate, host, body, filed, now)
}

pub fn reevaluate_by(
    service: &AccessRequests,
    gate: &Gate,
    host: &Host,
    body: &Value,
    filed: Option<&Filed>,
    now: DateTime<Utc>,
) -> Reevaluation {
    let request = request(body);
    let decision = gate.policy().decide(&request, now);
    let review = filed.map(|filed| review_of(host, filed));
    service.reevaluate(&request, &decision, filed.zip(review.as_ref()), &key(), stamp(50, now))
}

pub fn answered(reevaluation: Reevaluation) -> Value {
    match reevaluation {
        Reevaluation::Answered(answer) => serde_json::to_value(answer).unwrap(),
        Reevaluation::Applies(applicable) => panic!("{applicable:?}"),
    }
}

pub fn authorization(host: &mut Host, filed: &Filed, now: DateTime<Utc>) -> Authorization {
    match host.recover(&review_of(host, filed), now).unwrap() {
        Outcome::Allow(authorization) => authorization,
        other => panic!("{other:?}"),
    }
}
