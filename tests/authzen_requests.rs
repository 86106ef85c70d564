//! Access requests on the wire: which denials can be requested, and every way in which a submission is refused.

#![cfg(all(feature = "authzen", feature = "toml"))]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a failed test may panic"
)]

mod authzen_common;
mod support;

use countersign::authzen::{
    AccessRequest, AccessRequestError, AccessRequests, BadRequest, BindingFault, Endpoint, Evaluations,
    Metadata,
};
use countersign::{
    Attempt, KeySet, Request, Resource, SignedApproval, SigningKey, Subject, TokenError, limits,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use authzen_common::{
    SUBMISSION, bind, bind_with, evaluate, example, host, metadata, read, refusal, request, service,
    submission_of,
};
use support::{ISSUER, after, key};

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
    let large = refused(&" ".repeat(limits::AUTHZEN_BYTES + 1));
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
