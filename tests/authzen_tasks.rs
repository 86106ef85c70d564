//! Access requests on the wire: from a denial to the grant, what becomes of a task, and when an approval applies.

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
    AccessRequest, AccessRequestError, BindingFault, Cancellation, Filed, Reevaluation, TaskStatus,
};
use countersign::{
    Attempt, Dialect, Gate, GrantVerifier, KeySet, Outcome, Payload, Resource, Review, ReviewState, Vote,
    VoteError,
};
use serde_json::{Value, json};

use authzen_common::{
    RULES, SUBMISSION, answered, approved, authorization, bind, evaluate, example, file, host, read,
    reevaluate, reevaluate_by, refusal, request, review_of, service, shown, stamp, status, submission_of,
    task,
};
use support::reviews::HEAD;
use support::{Host, ISSUER, after, key, member, policy};

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
fn idempotency_key_stands_for_one_body_of_one_caller() {
    let filed = file(&mut host(), &SUBMISSION, after(60)).unwrap();
    let stored = serde_json::to_string(&filed).unwrap();
    assert!(!stored.contains("DELETE"), "the statement is in the log and nowhere else");
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
