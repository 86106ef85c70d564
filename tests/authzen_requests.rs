//! Access requests on the wire: from a denial that can be requested to the grant, every way in which a submission is
//! refused, and what becomes of a task.

#![cfg(all(feature = "authzen", feature = "toml"))]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failed test may panic"
)]

mod support;

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use countersign::authzen::{
    AccessRequest, AccessRequestError, AccessRequests, BadRequest, BindingFault, Bound, Cancellation,
    Endpoint, Evaluations, Filed, Metadata, Reevaluation, Task, TaskStatus,
};
use countersign::{
    Attempt, Authorization, Dialect, Gate, GrantVerifier, KeySet, Outcome, Payload, Request, Resource,
    Review, ReviewState, SignedApproval, SigningKey, Stamp, Subject, TokenError, Vote, VoteError,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use support::reviews::HEAD;
use support::{Host, ISSUER, after, key, member, policy};

const EXAMPLES: &str = include_str!("data/authzen/access-requests.json");

const RULES: &str = r#"
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

fn example(name: &str) -> Value {
    serde_json::from_str::<Value>(EXAMPLES).unwrap()[name].take()
}

fn metadata() -> Metadata {
    Metadata::new(ISSUER)
        .unwrap()
        .with(Endpoint::Evaluation)
        .with(Endpoint::Evaluations)
        .with(Endpoint::AccessRequest)
        .with_keys_at("https://jit.example/access/v1/jwks")
}

fn service() -> AccessRequests {
    AccessRequests::new(&metadata(), KeySet::new([key().public()])).unwrap()
}

fn host() -> Host {
    Host::new(&format!("{HEAD}{RULES}"))
}

fn stamp(number: u8, now: DateTime<Utc>) -> Stamp {
    Stamp::new(now, [number; 32])
}

fn request(body: &Value) -> Request {
    Request::from_trusted_json(body.to_string()).unwrap()
}

/// What an enforcement point gets for an evaluation.
fn evaluate(service: &AccessRequests, gate: &Gate, body: &Value, number: u8) -> Value {
    let request = request(body);
    let decision = gate.policy().decide(&request, after(0));
    serde_json::to_value(service.answer(&request, &decision, &key(), stamp(number, after(0)))).unwrap()
}

/// What it then submits.
fn submission_of(body: &Value, answer: &Value) -> Value {
    let context = &answer["context"];
    let mut submission = body.clone();
    submission["denial"] = json!({
        "evaluation_id": context["evaluation_id"], "evaluated_at": context["evaluated_at"],
        "expires_at": context["access_request"]["expires_at"], "reason": context["reason"],
        "binding_token": context["access_request"]["binding_token"],
    });
    submission
}

static SUBMISSION: LazyLock<Value> = LazyLock::new(|| {
    let body = example("evaluation");
    submission_of(&body, &evaluate(&service(), &host().gate, &body, 1))
});

fn read(body: &Value) -> AccessRequest {
    AccessRequest::from_trusted_json(body.to_string()).unwrap()
}

fn bind_with(
    service: &AccessRequests,
    body: &Value,
    now: DateTime<Utc>,
) -> Result<Bound, AccessRequestError> {
    service.bind(&read(body), |request| request, now)
}

fn bind(body: &Value) -> Result<Bound, AccessRequestError> {
    bind_with(&service(), body, after(60))
}

fn refusal(body: &Value) -> AccessRequestError {
    bind(body).unwrap_err()
}

/// Binds, submits and files.
fn file(host: &mut Host, body: &Value, now: DateTime<Utc>) -> Result<Filed, AccessRequestError> {
    let bound = bind_with(&service(), body, now)?;
    let requests: Vec<Request> = bound.requests().cloned().collect();
    let outcomes: Vec<Outcome> =
        requests.into_iter().map(|request| host.submit(request, now).unwrap()).collect();
    bound.file("pep-1", &outcomes, stamp(200, now))
}

fn task(host: &Host, filed: &Filed, now: DateTime<Utc>) -> Result<Task, AccessRequestError> {
    let reviews = host.reviews();
    service().task(filed, |id| reviews.iter().find(|review| review.id() == id).cloned(), now)
}

fn status(host: &Host, filed: &Filed, now: DateTime<Utc>) -> TaskStatus {
    task(host, filed, now).unwrap().status()
}

fn review_of(host: &Host, filed: &Filed) -> Review {
    host.review(filed.reviews().next().unwrap())
}

/// A filed request that somebody approved at one minute and two seconds past noon.
fn approved() -> (Host, Filed) {
    let mut host = host();
    let filed = file(&mut host, &SUBMISSION, after(60)).unwrap();
    let review = review_of(&host, &filed);
    let outcome = host.vote(&review, Vote::approve(member("bo", &["sre"])), after(62)).unwrap();
    assert!(matches!(outcome, Outcome::Allow(_)));
    (host, filed)
}

/// The evaluation that shows an approval.
fn shown(filed: &Filed) -> Value {
    let mut body = example("evaluation");
    body["context"]["approval"] =
        json!({ "id": filed.approvals().next().unwrap(), "approved_until": "2026-11-23T12:16:02Z" });
    body["context"]["time"] = json!("2026-11-23T12:02:00Z");
    body
}

fn reevaluate(host: &Host, body: &Value, filed: Option<&Filed>, now: DateTime<Utc>) -> Reevaluation {
    reevaluate_by(&service(), &host.gate, host, body, filed, now)
}

fn reevaluate_by(
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

fn answered(reevaluation: Reevaluation) -> Value {
    match reevaluation {
        Reevaluation::Answered(answer) => serde_json::to_value(answer).unwrap(),
        Reevaluation::Applies(applicable) => panic!("{applicable:?}"),
    }
}

fn authorization(host: &mut Host, filed: &Filed, now: DateTime<Utc>) -> Authorization {
    match host.recover(&review_of(host, filed), now).unwrap() {
        Outcome::Allow(authorization) => authorization,
        other => panic!("{other:?}"),
    }
}

#[test]
fn metadata_names_endpoint_capability_and_keys() {
    assert_eq!(serde_json::to_value(metadata()).unwrap(), example("metadata"));
    let keyless = Metadata::new(ISSUER).unwrap().with(Endpoint::AccessRequest);
    assert!(AccessRequests::new(&keyless, KeySet::default()).is_none());
    let endless = Metadata::new(ISSUER).unwrap().with_keys_at("https://jit.example/jwks");
    assert!(AccessRequests::new(&endless, KeySet::default()).is_none());
}

#[test]
fn examples_of_the_profile_are_read() {
    let single = read(&example("submission"));
    assert!(single.callback().is_none() && single.client().is_none());
    let foreign = |body| bind_with(&service(), &body, after(0)).unwrap_err();
    let expected = BindingFault::Token(TokenError::Algorithm { found: "ES256".into() });
    assert_eq!(foreign(example("submission")), expected.into());
    // A denial of a whole bundle is never issued here.
    assert_eq!(foreign(example("bulk_submission")), BindingFault::Missing.into());
    let body = example("reevaluation");
    let id = request(&body);
    assert_eq!(AccessRequests::approval_of(&id), Some("apr_01HX4Y8E2NE3Y2X7P0K4JE6WVH"));
    let answer = Evaluations::from_trusted_json(body.to_string())
        .unwrap()
        .decide(|request| host().gate.policy().decide(request, after(0)));
    assert_eq!(answer.permitted(), 0);
    let problem = AccessRequestError::NotRequestable.problem();
    assert_eq!(serde_json::to_value(problem).unwrap(), example("problem"));
}

#[test]
fn denial_becomes_a_grant_only_through_people_and_the_gate() {
    // A tool would want a revocation list.
    let kept = RULES.replace("on_withdraw = \"revoke\"", "");
    let mut host = Host::new(&format!("{HEAD}{kept}"));
    let evaluation = example("evaluation");
    let answer = evaluate(&service(), &host.gate, &evaluation, 1);
    assert_eq!(answer["decision"], false);
    assert_eq!(answer["context"]["evaluated_at"], "2026-11-23T12:00:00Z");
    assert_eq!(answer["context"]["access_request"]["expires_at"], "2026-11-23T12:10:00Z");
    assert!(answer["context"]["evaluation_id"].as_str().unwrap().starts_with("eval_"));
    let before = host.lines.len();
    let filed = file(&mut host, &submission_of(&evaluation, &answer), after(60)).unwrap();
    assert!(host.lines.len() > before);
    assert_eq!(filed.evaluations().next(), answer["context"]["evaluation_id"].as_str());

    let pending = task(&host, &filed, after(61)).unwrap();
    assert_eq!((pending.submission_status(), pending.retry_after()), (202, Some(5)));
    let url = format!("https://jit.example/access/v1/requests/{}", filed.task());
    assert_eq!(pending.location(), url);
    let expected = json!({ "task": {
        "id": filed.task(), "status": "pending", "status_endpoint": url, "expires_at": "2026-11-24T13:01:00Z",
        "links": { "cancel": format!("{url}/cancel") },
    }});
    assert_eq!(serde_json::to_value(&pending).unwrap(), expected);
    let early = answered(reevaluate(&host, &shown(&filed), Some(&filed), after(61)));
    assert_eq!(early["context"]["reason"], "approval_unverifiable");

    let review = review_of(&host, &filed);
    let own = host.vote(&review, Vote::approve(member("ana", &["sre"])), after(61)).unwrap_err();
    assert!(matches!(own, VoteError::OwnRequest { .. }));
    host.vote(&review, Vote::approve(member("bo", &["sre"])), after(62)).unwrap();
    let done = task(&host, &filed, after(63)).unwrap();
    assert_eq!(
        (done.status(), done.submission_status(), done.retry_after()),
        (TaskStatus::Approved, 201, None)
    );
    let json = serde_json::to_value(&done).unwrap();
    let approval = json!({
        "id": filed.approvals().next().unwrap(), "approved_at": "2026-11-23T12:01:02Z",
        "approved_until": "2026-11-23T12:16:02Z",
    });
    assert_eq!(json["result"], json!({ "mode": "reevaluate", "approval": approval }));
    assert_eq!(json["task"].get("links"), None);

    let Reevaluation::Applies(applicable) = reevaluate(&host, &shown(&filed), Some(&filed), after(120))
    else {
        panic!("expected an approval that applies")
    };
    assert_eq!(applicable.review(), review.id());
    let given = authorization(&mut host, &filed, after(120));
    let answer = serde_json::to_value(applicable.answer(&given)).unwrap();
    let approval = json!({ "id": approval["id"], "approved_until": approval["approved_until"] });
    assert_eq!(answer["decision"], true);
    assert_eq!(answer["context"], json!({ "effect": "allow", "risk": "high", "approval": approval }));

    let token = given.sign(&key()).token().to_owned();
    let attempt = |sql| {
        let payload = Payload::sql(Dialect::PostgreSql, sql);
        let action = countersign::Action::new("sql.execute").with("mode", "write").with_payload(payload);
        let resource = Resource::new("database", "orders");
        let verifier = GrantVerifier::new(ISSUER, "database/orders", KeySet::new([key().public()]));
        verifier.verify(&token, Attempt::new(action, resource), after(121))
    };
    assert!(attempt("DELETE FROM orders").is_err());
    for first in [true, false] {
        let grant = attempt("DELETE FROM orders WHERE id = 7").unwrap();
        let stamp = host.stamp(after(121));
        assert_eq!(host.store(host.gate.clone().redeem(grant, stamp)).is_ok(), first);
    }
}

#[test]
fn only_what_people_could_approve_is_requestable() {
    let gate = host().gate;
    for (name, decision) in [("status", true), ("drop", false)] {
        let mut body = example("evaluation");
        body["action"] = json!({ "name": name });
        let answer = evaluate(&service(), &gate, &body, 1);
        assert_eq!(answer["decision"], decision);
        assert_eq!(answer["context"].get("access_request"), None);
    }
    let other = AccessRequests::new(&metadata(), KeySet::default()).unwrap();
    let answer = evaluate(&other, &gate, &example("evaluation"), 1);
    assert_eq!(answer["context"].get("access_request"), None, "no reader would take the token");
    let wide: Vec<String> = (0..1_000).map(|number| format!("member-{number}")).collect();
    let answer = evaluate(&service().binding_context(wide), &gate, &example("evaluation"), 1);
    assert_eq!(answer["context"].get("access_request"), None, "token would be too large");
    let named = service().with_template("dba");
    let answer = evaluate(&named, &gate, &example("evaluation"), 1);
    assert_eq!(answer["context"]["access_request"]["template"], "dba");
}

#[test]
fn submission_of_anything_else_is_not_bound() {
    assert!(bind(&SUBMISSION).is_ok());
    let changes = [
        ("/subject/id", json!("bo")),
        ("/subject/type", json!("group")),
        ("/subject/properties/groups", json!(["sre"])),
        ("/action/name", json!("sql.explain")),
        ("/action/properties/mode", json!("read")),
        ("/action/payload/sql", json!("DELETE FROM orders")),
        ("/action/payload/dialect", json!("mysql")),
        ("/resource/id", json!("billing")),
        ("/resource/type", json!("cluster")),
        ("/resource/properties", json!({})),
        ("/context/ticket", json!("T-2")),
        ("/context/ticket", Value::Null),
        ("/context/window/end", json!(18)),
        ("/context", json!({ "ticket": "T-1" })),
        ("/context/window", json!({ "start": 9 })),
    ];
    let differs = |member| AccessRequestError::from(BindingFault::Differs { member });
    for (path, value) in changes {
        let mut body = SUBMISSION.clone();
        *body.pointer_mut(path).unwrap() = value;
        assert_eq!(refusal(&body), differs("request"), "{path}");
    }
    let mut actor = SUBMISSION.clone();
    actor["context"]["actor"] = json!({ "type": "user", "id": "bo" });
    assert_eq!(refusal(&actor), differs("request"));
    for (name, value) in [("evaluation_id", "eval_other"), ("expires_at", "2026-11-23T13:00:00Z")] {
        let mut body = SUBMISSION.clone();
        body["denial"][name] = json!(value);
        let member = if name == "evaluation_id" { "denial.evaluation_id" } else { "denial.expires_at" };
        assert_eq!(refusal(&body), differs(member));
    }
}

#[test]
fn submission_may_add_what_was_not_bound() {
    let mut body = SUBMISSION.clone();
    body["context"]["time"] = json!("2026-11-23T12:01:00Z");
    body["context"]["business_justification"] = json!("row is a duplicate");
    body["context"]["window"] = json!({ "start": 9.0, "end": 17 });
    body["subject"]["properties"]["act"] = json!({ "sub": "agent" });
    body["requested_access"] = json!({ "requested_until": "2026-11-23T12:21:00Z", "emergency": false });
    let bound = bind(&body).unwrap();
    let asked = bound.requests().next().unwrap();
    assert_eq!(asked.reason(), Some("row is a duplicate"));
    assert_eq!(asked.duration(), Some(support::minutes(20)));
    let now = bind_with(&service().binding_context(["ticket"]), &body, after(60));
    assert!(now.is_ok(), "the token says what it binds");
    body["requested_access"] = json!({ "requested_until": "2026-11-23T12:01:00Z" });
    assert!(matches!(refusal(&body), AccessRequestError::Member { .. }));
    body["requested_access"] = json!({ "emergency": true });
    assert!(bind(&body).unwrap().requests().all(Request::is_emergency));
}

#[test]
fn submission_needs_a_denial_of_this_service() {
    let mut body = SUBMISSION.clone();
    body["denial"].as_object_mut().unwrap().remove("binding_token");
    assert_eq!(refusal(&body), BindingFault::Missing.into());
    body.as_object_mut().unwrap().remove("denial");
    assert_eq!(refusal(&body), AccessRequestError::NotRequestable);
    let elsewhere = Metadata::new("https://other.example")
        .unwrap()
        .with(Endpoint::AccessRequest)
        .with_keys_at("https://other.example/jwks");
    let elsewhere = AccessRequests::new(&elsewhere, KeySet::new([key().public()])).unwrap();
    let error = bind_with(&elsewhere, &SUBMISSION, after(60)).unwrap_err();
    assert_eq!(error, BindingFault::Foreign { claim: "iss" }.into());
    let error = bind_with(&service().for_tenant("eu"), &SUBMISSION, after(60)).unwrap_err();
    assert_eq!(error, BindingFault::Foreign { claim: "tenant" }.into());
    let rotated = KeySet::new([SigningKey::from_seed([8; 32]).public()]);
    let rotated = AccessRequests::new(&metadata(), rotated).unwrap();
    let error = bind_with(&rotated, &SUBMISSION, after(60)).unwrap_err();
    assert_eq!(error, BindingFault::Signature.into());
    let mut actor = SUBMISSION.clone();
    actor["client"] = json!({ "id": "gateway", "actor": { "id": "agent-7" } });
    assert_eq!(refusal(&actor), BindingFault::Actor.into());
    let verified = read(&actor).with_verified_actor();
    assert_eq!(verified.client().unwrap()["id"], "gateway");
    assert!(service().bind(&verified, |request| request, after(60)).is_ok());
    // What the host attests at the one evaluation and not at the other is a difference.
    let attest = |request: Request| request.with_subject(Subject::new("user", "ana"));
    assert!(service().bind(&read(&SUBMISSION), attest, after(60)).is_err());
}

#[test]
fn forged_tokens_are_refused() {
    let with = |token: &str| {
        let mut body = SUBMISSION.clone();
        body["denial"]["binding_token"] = json!(token);
        refusal(&body)
    };
    let parts: Vec<&str> = SUBMISSION["denial"]["binding_token"].as_str().unwrap().split('.').collect();
    let none = "eyJhbGciOiJub25lIiwidHlwIjoiaml0LWRlbmlhbCtqd3QiLCJraWQiOiJhIn0";
    let found = BindingFault::Token(TokenError::Algorithm { found: "none".into() });
    assert_eq!(with(&format!("{none}.{}.{}", parts[1], parts[2])), found.into());
    let empty = with(&format!("{none}.{}.", parts[1]));
    assert!(matches!(empty, AccessRequestError::Binding(BindingFault::Token(TokenError::Empty { .. }))));
    let attempt = Attempt::new(countersign::Action::new("x"), Resource::new("y", "z"));
    let approval = SignedApproval::new(ISSUER, "r", "user/ana", &attempt, 1, after(600));
    let other = with(&approval.sign("user/bo", &key()).unwrap());
    assert!(matches!(other, AccessRequestError::Binding(BindingFault::Token(TokenError::Type { .. }))));
    let long = with(&format!("{}.{}.{}", parts[0], "A".repeat(9_000), parts[2]));
    assert!(matches!(long, AccessRequestError::Binding(BindingFault::Token(TokenError::TooLarge { .. }))));
    for error in [with("a.b.c"), with(&"..".repeat(9)), with("")] {
        assert!(matches!(error, AccessRequestError::Binding(BindingFault::Token(_))), "{error}");
        let problem = serde_json::to_value(error.problem()).unwrap();
        assert_eq!(problem["type"], "urn:openid:authzen:access-request:error:invalid_denial_binding");
        assert_eq!(problem.get("detail"), None, "a forger learns nothing");
    }
}

proptest! {
    #[test]
    fn no_token_with_a_flipped_bit_is_accepted(place in any::<prop::sample::Index>(), bit in 0_u8..7) {
        let mut bytes = SUBMISSION["denial"]["binding_token"].as_str().unwrap().as_bytes().to_vec();
        let place = place.index(bytes.len());
        bytes[place] ^= 1 << bit;
        let mut body = SUBMISSION.clone();
        body["denial"]["binding_token"] = json!(String::from_utf8(bytes).unwrap());
        let refused = matches!(bind(&body), Err(AccessRequestError::Binding(_)));
        prop_assert!(refused);
    }
}

#[test]
fn denial_expires_after_the_leeway() {
    let at = |seconds| bind_with(&service(), &SUBMISSION, after(seconds));
    assert!(at(629).is_ok());
    let expired = AccessRequestError::ExpiredDenial { expires_at: after(600), now: after(630) };
    assert_eq!(at(630).unwrap_err(), expired);
    assert_eq!(expired.problem().status(), 410);
    let brief = service().with_denials_valid_for(std::time::Duration::from_secs(5));
    let body = example("evaluation");
    let answer = evaluate(&brief, &host().gate, &body, 1);
    assert!(bind_with(&service(), &submission_of(&body, &answer), after(35)).is_err());
}

#[test]
fn every_error_has_its_problem_and_status() {
    let now = after(0);
    let errors = [
        AccessRequestError::NotRequestable,
        AccessRequestError::ExpiredDenial { expires_at: now, now },
        BindingFault::Replayed.into(),
        AccessRequestError::DuplicateRequest,
        AccessRequestError::UnknownTask,
        AccessRequestError::TaskExpired { expires_at: now, now },
        AccessRequestError::InvalidTaskState,
    ];
    let known = example("problems");
    assert_eq!(errors.len(), known.as_object().unwrap().len());
    for error in errors {
        let problem = error.problem();
        let name = problem.kind().strip_prefix("urn:openid:authzen:access-request:error:").unwrap();
        assert_eq!(known[name], problem.status(), "{name}");
    }
    let texts = [
        (BindingFault::Claim { claim: "exp" }.to_string(), "claim `exp` is missing or malformed"),
        (BindingFault::Foreign { claim: "aud" }.to_string(), "claim `aud` is another's"),
        (BindingFault::Replayed.to_string(), "token was submitted before"),
        (BindingFault::Actor.to_string(), "actor is not verified"),
        (BindingFault::Signature.to_string(), "signature does not hold"),
        (BindingFault::Missing.to_string(), "no binding token covers the item"),
        (BindingFault::Differs { member: "request" }.to_string(), "`request` differs from what was denied"),
    ];
    for (found, expected) in texts {
        assert_eq!(found, expected);
    }
}

#[test]
fn bodies_that_are_no_submission_are_refused() {
    let refused = |text: &str| AccessRequest::from_trusted_json(text).unwrap_err();
    let large = refused(&" ".repeat(countersign::limits::AUTHZEN_BYTES + 1));
    assert_eq!((large.problem().status(), large.problem().kind()), (413, "about:blank"));
    let deep = format!("{{\"subject\":{}1{}}}", "[".repeat(400), "]".repeat(400));
    for text in [&deep, "", "[]", "{}", "{\"subject\":{},\"subject\":{}}", "{\"denial\":{\"a\":1,\"a\":2}}"] {
        let error = refused(text);
        assert!(matches!(error, AccessRequestError::Body(BadRequest::Request(_))), "{text}");
        assert_eq!(error.problem().status(), 400);
    }
    let faults = [
        ("denial", json!("x"), "`denial` is string, expected an object"),
        ("denial", json!({ "binding_token": 7 }), "`denial.binding_token` is not a string"),
        ("denial", json!({}), "`denial.expires_at` is not a time such as `2026-11-23T10:00:00Z`"),
        ("items", json!([{}]), "`resource` is not absent beside `items`"),
        ("requested_access", json!({ "emergency": "yes" }), "`requested_access.emergency` is not a bool"),
        (
            "callback",
            json!({ "endpoint": "http://pep.example/x" }),
            "`callback.endpoint` is not an https URL",
        ),
        ("callback", json!({ "endpoint": "https://a@b/" }), "`callback.endpoint` is not an https URL"),
        (
            "callback",
            json!({ "endpoint": "https://pep.example", "events": [1] }),
            "`callback.events` is not a list of strings",
        ),
    ];
    for (name, value, message) in faults {
        let mut body = SUBMISSION.clone();
        body[name] = value;
        let error = refused(&body.to_string());
        assert_eq!(error.to_string(), message);
        assert_eq!(serde_json::to_value(error.problem()).unwrap()["detail"], message);
    }
    for items in [json!([]), json!({}), json!([1]), json!([{ "resource": {} }]), json!(vec![json!({}); 17])] {
        let body = json!({ "subject": { "type": "user", "id": "ana" }, "items": items });
        assert_eq!(refused(&body.to_string()).problem().status(), 400, "{body}");
    }
}

#[test]
fn idempotency_key_stands_for_one_body_of_one_caller() {
    let filed = file(&mut host(), &SUBMISSION, after(60)).unwrap();
    let stored = serde_json::to_string(&filed).unwrap();
    let filed: Filed = serde_json::from_str(&stored).unwrap();
    let spaced = serde_json::to_string_pretty(&*SUBMISSION).unwrap();
    let again = AccessRequest::from_trusted_json(spaced).unwrap();
    assert_eq!(filed.check_repeated("pep-1", &again), Ok(()));
    assert_eq!(filed.check_repeated("pep-2", &again), Err(AccessRequestError::DuplicateRequest));
    let mut other = SUBMISSION.clone();
    other["requested_access"] = json!({});
    assert_eq!(filed.check_repeated("pep-1", &read(&other)), Err(AccessRequestError::DuplicateRequest));
    assert_eq!(filed.caller(), "pep-1");
    assert_eq!(filed.expires_at(), after(60 + 3_600 + 86_400));
}

#[test]
fn every_state_of_a_review_is_a_status() {
    let expected =
        ["pending", "pending", "approved", "denied", "expired", "cancelled", "cancelled", "cancelled"];
    let found = ReviewState::ALL.map(|state| TaskStatus::from(state).as_str());
    assert_eq!(found, expected);

    let mut host = host();
    let filed = file(&mut host, &SUBMISSION, after(60)).unwrap();
    assert_eq!(status(&host, &filed, after(3_659)), TaskStatus::Pending);
    assert_eq!(task(&host, &filed, after(3_000)).unwrap().retry_after(), Some(60));
    assert_eq!(status(&host, &filed, after(3_660)), TaskStatus::Expired, "though nobody woke it");
    let review = review_of(&host, &filed);
    host.vote(&review, Vote::reject(member("bo", &["sre"])), after(70)).unwrap();
    assert_eq!(status(&host, &filed, after(71)), TaskStatus::Denied);
    let end = filed.expires_at();
    let expired = AccessRequestError::TaskExpired { expires_at: end, now: end };
    assert_eq!(task(&host, &filed, end), Err(expired));
    let eu = service().for_tenant("eu");
    assert_eq!(eu.task(&filed, |_| Some(review.clone()), after(71)), Err(AccessRequestError::UnknownTask));
    assert_eq!(service().task(&filed, |_| None, after(71)), Err(AccessRequestError::UnknownTask));
    let other = file(&mut host, &SUBMISSION, after(80)).unwrap();
    let swapped = review_of(&host, &other);
    assert_eq!(
        service().task(&filed, |_| Some(swapped.clone()), after(81)),
        Err(AccessRequestError::UnknownTask)
    );
}

#[test]
fn submission_is_cancelled_by_its_requester_alone() {
    let mut host = host();
    let filed = file(&mut host, &SUBMISSION, after(60)).unwrap();
    let cancellation = Cancellation::from_json(r#"{"reason": "obsolete", "more": 1}"#).unwrap();
    assert_eq!((cancellation.reason.as_deref(), cancellation.comment), (Some("obsolete"), None));
    assert_eq!(Cancellation::from_json("").unwrap(), Cancellation::default());
    assert!(Cancellation::from_json(r#"{"comment": 7}"#).is_err());
    let open = service().pending(&filed, |id| Some(host.review(id)), after(61)).unwrap();
    assert_eq!(open.len(), 1);
    let gate = host.gate.clone();
    let stranger = gate.withdraw(&open[0], &member("bo", &["sre"]), stamp(30, after(61)));
    let error = host.store(stranger).unwrap_err();
    assert_eq!(AccessRequestError::from(error), AccessRequestError::UnknownTask);
    assert_eq!(status(&host, &filed, after(62)), TaskStatus::Pending);
    host.store(gate.withdraw(&open[0], &member("ana", &[]), stamp(31, after(62)))).unwrap();
    assert_eq!(status(&host, &filed, after(63)), TaskStatus::Cancelled);
    let again = service().pending(&filed, |id| Some(host.review(id)), after(64));
    assert_eq!(again.unwrap_err(), AccessRequestError::InvalidTaskState);
    let closed = gate.withdraw(&host.review(open[0].id()), &member("ana", &[]), stamp(32, after(64)));
    let error = AccessRequestError::from(host.store(closed).unwrap_err());
    assert_eq!((error.problem().status(), error), (409, AccessRequestError::InvalidTaskState));
}

#[test]
fn what_the_gate_denies_or_allows_by_now_is_so() {
    let strict = policy(&format!("{HEAD}\n[[forbid]]\nid = 'none'\nwhen = 'true'\n"));
    let free = policy(&format!("{HEAD}\n[[zone]]\nid = 'all'\nwhen = 'true'\nmax_risk = 'high'\n"));
    let mut host = host();
    host.gate = Gate::new(strict, ISSUER);
    assert_eq!(file(&mut host, &SUBMISSION, after(60)), Err(AccessRequestError::NotRequestable));
    host.gate = Gate::new(free, ISSUER);
    let filed = file(&mut host, &SUBMISSION, after(61)).unwrap();
    let settled = task(&host, &filed, after(61)).unwrap();
    assert_eq!((settled.status(), settled.submission_status()), (TaskStatus::Approved, 201));
    let json = serde_json::to_value(settled).unwrap();
    assert_eq!(json["result"]["approval"]["approved_until"], "2026-11-23T12:16:01Z");
    assert_eq!(filed.reviews().count(), 0);
    // An approval of another request is none of this one.
    let bound = bind(&SUBMISSION).unwrap();
    let review = host_review_of_another();
    let mixed = bound.file("pep-1", &[Outcome::Review(review)], stamp(3, after(60)));
    assert_eq!(mixed, Err(AccessRequestError::NotRequestable));
}

fn host_review_of_another() -> Review {
    let mut body = example("evaluation");
    body["resource"]["id"] = json!("billing");
    host().open(request(&body), after(0))
}

#[test]
fn bundle_ends_item_by_item() {
    let mut host = host();
    let bodies = ["orders", "billing"].map(|id| {
        let mut body = example("evaluation");
        body["resource"]["id"] = json!(id);
        body
    });
    let items: Vec<Value> = (1..)
        .zip(&bodies)
        .map(|(number, body)| {
            let whole = submission_of(body, &evaluate(&service(), &host.gate, body, number));
            json!({ "resource": whole["resource"], "action": whole["action"], "denial": whole["denial"] })
        })
        .collect();
    let bundle = json!({ "subject": bodies[0]["subject"], "context": bodies[0]["context"], "items": items });
    let mut twice = bundle.clone();
    twice["items"][1] = twice["items"][0].clone();
    assert_eq!(refusal(&twice), BindingFault::Replayed.into());
    let mut swapped = bundle.clone();
    swapped["items"][1]["denial"] = bundle["items"][0]["denial"].clone();
    assert_eq!(refusal(&swapped), BindingFault::Differs { member: "request" }.into());
    let bound = bind(&bundle).unwrap();
    assert_eq!((bound.token_ids().len(), bound.policies().len()), (2, 2));

    let filed = file(&mut host, &bundle, after(60)).unwrap();
    let ids: Vec<String> = filed.reviews().map(str::to_owned).collect();
    host.vote(&host.review(&ids[0]), Vote::approve(member("bo", &["sre"])), after(61)).unwrap();
    let half = serde_json::to_value(task(&host, &filed, after(62)).unwrap()).unwrap();
    assert_eq!(half["task"]["status"], "pending");
    assert_eq!(half["task"]["items"][0]["status"], "approved");
    assert_eq!(
        half["task"]["items"][1],
        json!({
            "resource": bodies[1]["resource"], "action": bodies[1]["action"], "status": "pending",
        })
    );
    host.vote(&host.review(&ids[1]), Vote::reject(member("bo", &["sre"])), after(63)).unwrap();
    let done = serde_json::to_value(task(&host, &filed, after(64)).unwrap()).unwrap();
    assert_eq!(done["task"]["status"], "partial");
    assert_eq!(done.get("result"), None);
    let approval = &done["task"]["items"][0]["result"]["approval"]["id"];
    assert_eq!(*approval, filed.approvals().next().unwrap());
    // The approval of one item carries no other.
    let mut body = bodies[1].clone();
    body["context"]["approval"] = json!({ "id": approval });
    let refused = answered(reevaluate(&host, &body, Some(&filed), after(65)));
    assert_eq!(refused["context"]["reason"], "out_of_scope");
    body["context"]["approval"] = json!({ "id": filed.approvals().nth(1) });
    let refused = answered(reevaluate(&host, &body, Some(&filed), after(65)));
    assert_eq!(refused["context"]["reason"], "approval_unverifiable");
}

#[test]
fn callback_tells_to_look_and_no_more() {
    let mut body = SUBMISSION.clone();
    body["callback"] =
        json!({ "endpoint": "https://pep.example.com/callbacks", "state": "c3RhdGU", "events": ["denied"] });
    let submission = read(&body);
    let callback = submission.callback().unwrap();
    assert_eq!(callback.endpoint(), "https://pep.example.com/callbacks");
    let mut host = host();
    let filed = file(&mut host, &body, after(60)).unwrap();
    assert_eq!(task(&host, &filed, after(61)).unwrap().notice(callback), None);
    let review = review_of(&host, &filed);
    host.vote(&review, Vote::reject(member("bo", &["sre"])), after(62)).unwrap();
    let done = task(&host, &filed, after(63)).unwrap();
    let expected = json!({ "state": "c3RhdGU", "task": {
        "id": filed.task(), "status": "denied", "status_endpoint": done.location(),
    }});
    assert_eq!(done.notice(callback), Some(expected));
    let (host, approved) = approved();
    assert_eq!(task(&host, &approved, after(63)).unwrap().notice(callback), None, "not among the events");
}

#[test]
fn approval_that_does_not_apply_says_what_next() {
    let (mut host, filed) = approved();
    let told = |answer: &Value| {
        assert_eq!(answer["decision"], false);
        assert_eq!(answer["context"].get("approval"), None);
        let context = &answer["context"];
        let requestable = context.get("access_request").is_some();
        let word = |name: &str| context[name].as_str().unwrap().to_owned();
        (word("reason"), word("next_action"), requestable)
    };
    let because = |reason: &str, next: &str, again: bool| (reason.to_owned(), next.to_owned(), again);
    let unverifiable = because("approval_unverifiable", "none", false);
    let mut unknown = shown(&filed);
    unknown["context"]["approval"]["id"] = json!("apr_other");
    let mut state = shown(&filed);
    state["context"]["approval"]["state"] = json!("eyJ.eyJ.AA");
    let mut odd = shown(&filed);
    odd["context"]["approval"] = json!("apr");
    for body in [&unknown, &state, &odd] {
        assert_eq!(told(&answered(reevaluate(&host, body, Some(&filed), after(120)))), unverifiable);
    }
    assert_eq!(told(&answered(reevaluate(&host, &shown(&filed), None, after(120)))), unverifiable);
    let eu = service().for_tenant("eu");
    let elsewhere = reevaluate_by(&eu, &host.gate, &host, &shown(&filed), Some(&filed), after(120));
    assert_eq!(told(&answered(elsewhere)), unverifiable);

    let changes = [
        ("/subject/id", json!("bo")),
        ("/resource/id", json!("billing")),
        ("/action/payload/sql", json!("DELETE FROM orders")),
        ("/context/ticket", json!("T-2")),
    ];
    for (path, value) in changes {
        let mut body = shown(&filed);
        *body.pointer_mut(path).unwrap() = value;
        let found = told(&answered(reevaluate(&host, &body, Some(&filed), after(120))));
        assert_eq!(found, because("out_of_scope", "request", true), "{path}");
    }

    let by = |rules: &str, now| {
        let gate = Gate::new(policy(&format!("{HEAD}{rules}")), ISSUER);
        reevaluate_by(&service(), &gate, &host, &shown(&filed), Some(&filed), now)
    };
    let denied = by("\n[[forbid]]\nid = 'none'\nwhen = 'true'\n", after(120));
    assert_eq!(told(&answered(denied)), because("policy_denied", "none", false));
    let other = by(&RULES.replace("\"sre\"", "\"dba\""), after(120));
    assert_eq!(told(&answered(other)), because("approval_expired", "request", true));
    let free = by("\n[[zone]]\nid = 'all'\nwhen = 'true'\nmax_risk = 'high'\n", after(120));
    assert_eq!(answered(free)["decision"], true, "nobody need approve it any more");

    let last = reevaluate(&host, &shown(&filed), Some(&filed), after(961));
    assert!(matches!(last, Reevaluation::Applies(_)));
    let over = reevaluate(&host, &shown(&filed), Some(&filed), after(962));
    assert_eq!(told(&answered(over)), because("approval_expired", "request", true));

    let Reevaluation::Applies(applicable) = reevaluate(&host, &shown(&filed), Some(&filed), after(120))
    else {
        panic!("expected an approval that applies")
    };
    let mut status = example("evaluation");
    status["action"] = json!({ "name": "status" });
    let Ok(Outcome::Allow(other)) = host.submit(request(&status), after(121)) else {
        panic!("expected a grant")
    };
    assert_eq!(serde_json::to_value(applicable.answer(&other)).unwrap()["decision"], false);

    let review = review_of(&host, &filed);
    host.vote(&review, Vote::withdraw(member("bo", &["sre"])), after(130)).unwrap();
    assert_eq!(task(&host, &filed, after(131)).unwrap().status(), TaskStatus::Cancelled);
    let revoked = reevaluate(&host, &shown(&filed), Some(&filed), after(131));
    assert_eq!(told(&answered(revoked)), because("approval_expired", "request", true));
}

#[test]
fn approval_of_a_later_start_waits_for_it() {
    let mut host = host();
    let mut body = SUBMISSION.clone();
    body["context"]["not_before"] = json!("2026-11-23T12:30:00Z");
    let filed = file(&mut host, &body, after(60)).unwrap();
    let review = review_of(&host, &filed);
    host.vote(&review, Vote::approve(member("bo", &["sre"])), after(62)).unwrap();
    assert_eq!(review_of(&host, &filed).state(), ReviewState::Scheduled);
    let waiting = task(&host, &filed, after(63)).unwrap();
    assert_eq!(waiting.status(), TaskStatus::Pending);
    let early = answered(reevaluate(&host, &shown(&filed), Some(&filed), after(63)));
    assert_eq!(early["context"]["reason"], "approval_unverifiable");
    host.wake(&review_of(&host, &filed), after(1_800)).unwrap();
    assert_eq!(status(&host, &filed, after(1_800)), TaskStatus::Approved);
    let started = reevaluate(&host, &shown(&filed), Some(&filed), after(1_800));
    assert!(matches!(started, Reevaluation::Applies(_)));
    // A clock that is behind the gate's.
    let behind = answered(reevaluate(&host, &shown(&filed), Some(&filed), after(1_790)));
    assert_eq!(behind["context"]["reason"], "grant_pending");
    assert_eq!(
        (&behind["context"]["next_action"], &behind["context"]["retry_after"]),
        (&json!("retry"), &json!(10))
    );
}
