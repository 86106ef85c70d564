//! One request on several resources: what holds for each holds for all, in any order.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use std::collections::BTreeSet;

use countersign::{
    Action, Attempt, ClaimError, Decision, Dialect, Effect, GrantVerifier, KeySet, LogVerifier, NextAction,
    Outcome, Payload, Policy, PolicyOptions, ReasonCode, Replay, Request, RequestError, Resource, Review,
    SignedApproval, SigningKey, Subject, Usage, VerifyError, Vote, VoteError,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use support::{Host, ISSUER, NOON, STREAM, after, key, member, minutes, time};

const HEAD: &str = r#"format = 1
name = "hosts"
[attributes]
"approver.groups" = "list<string>"
"context.ticket" = "string?"
"resource.environment" = "string"
"resource.owner" = "string?"
"#;

const RULES: &str = r#"
[[risk]]
id = "prod-is-critical"
when = 'resource.environment == "prod"'
level = "critical"
[[forbid]]
id = "vault"
when = 'resource.id == "vault"'
[[hold]]
id = "lab-is-held"
when = 'resource.environment == "lab"'
[[zone]]
id = "dev"
when = 'resource.environment == "dev"'
max_risk = "high"
grant = { default = "10m", max = "1h", start_later = "2h" }
obligations = ["record_session"]
[[zone]]
id = "staging"
when = 'resource.environment == "staging"'
max_risk = "high"
grant = { default = "30m", max = "1h", single_use = true, start_later = "2h" }
obligations = [{ notify = "staging" }]
[[zone]]
id = "test"
when = 'resource.environment == "test"'
max_risk = "high"
needs = { fields = ["context.ticket"] }
grant = { start_later = "2h" }
[[zone]]
id = "counted"
when = 'resource.environment == "counted"'
max_risk = "high"
limit = { count = 5, per = "1h" }
[[review]]
id = "people"
when = 'resource.environment in ["prod", "lab"]'
approve = { from = '"sre" in approver.groups' }
grant = { max = "20m", default = "20m", start_later = "2h" }
[[review]]
id = "prod-lead"
when = 'resource.environment == "prod"'
approve = { from = '"lead" in approver.groups' }
grant = { start_later = "2h" }
"#;

const ENVIRONMENTS: [&str; 7] = ["dev", "staging", "test", "counted", "prod", "lab", "nowhere"];

fn host(id: &str, environment: &str) -> Resource {
    Resource::new("host", id).with("environment", environment)
}

fn policy(rules: &str) -> Policy {
    let options = PolicyOptions::new().fulfilling(["record_session", "notify"]);
    options.from_toml(&format!("{HEAD}{rules}")).unwrap_or_else(|error| panic!("{error}"))
}

fn on(resources: impl IntoIterator<Item = Resource>) -> Request {
    let request = Request::new(Subject::new("user", "ana"), Action::new("restart"), host("none", "dev"));
    request.with_resources(resources).with_audience("fleet").with_usage(Usage::none())
}

fn codes(decision: &Decision) -> Vec<ReasonCode> {
    decision.reasons().map(countersign::Reason::code).collect()
}

fn decide(resources: &[Resource]) -> Decision {
    policy(RULES).decide(&on(resources.to_vec()), time(NOON))
}

#[test]
fn strictest_of_all_resources_stands() {
    for (environments, effect) in [
        (&["dev", "staging"][..], Effect::Allow),
        (&["dev", "prod"], Effect::Review),
        (&["dev", "test"], Effect::Challenge),
        (&["prod", "test"], Effect::Challenge),
        (&["dev", "nowhere"], Effect::Deny),
        (&["test", "prod", "nowhere", "dev"], Effect::Deny),
    ] {
        let resources: Vec<Resource> = environments.iter().map(|name| host(name, name)).collect();
        assert_eq!(decide(&resources).effect(), effect, "{environments:?}");
    }
    let forbidden = decide(&[host("a", "dev"), host("vault", "dev")]);
    assert_eq!((forbidden.effect(), codes(&forbidden)), (Effect::Deny, vec![ReasonCode::Forbidden]));
}

#[test]
fn allowance_of_several_has_all_obligations_and_the_narrowest_terms() {
    let decision = decide(&[host("a", "dev"), host("b", "staging")]);
    assert_eq!(decision.rules().collect::<Vec<_>>(), ["dev", "staging"]);
    assert_eq!(support::terms::owed(&decision), ["notify", "record_session"]);
    assert_eq!(decision.duration(), Some(minutes(10)));
    let review = decide(&[host("a", "dev"), host("b", "prod")]);
    assert_eq!((review.effect(), review.duration()), (Effect::Review, Some(minutes(10))));
    assert_eq!(support::terms::owed(&review), ["record_session"]);
    let rules: BTreeSet<&str> = review.rules().collect();
    assert_eq!(rules, BTreeSet::from(["dev", "people", "prod-is-critical", "prod-lead"]));
}

/// One slot for sixteen hosts would be a limit sixteen times as wide.
#[test]
fn limit_counts_one_resource_at_a_time() {
    for others in ["counted", "dev", "prod"] {
        let decision = decide(&[host("a", "counted"), host("b", others)]);
        assert_eq!((decision.effect(), decision.duration()), (Effect::Deny, None), "{others}");
        assert!(codes(&decision).contains(&ReasonCode::LimitReached));
    }
    assert_eq!(decide(&[host("a", "counted")]).effect(), Effect::Allow);
}

#[test]
fn start_that_one_resource_puts_off_is_decided_for_the_others() {
    let rules = r#"
[[zone]]
id = "now"
when = 'resource.environment == "dev"'
max_risk = "high"
[[zone]]
id = "later"
when = 'resource.environment == "staging"'
max_risk = "high"
grant = { not_before = 'now + duration("1h")' }
[[forbid]]
id = "freeze"
when = 'resource.environment == "dev"'
within = { from = "13:00", to = "14:00" }
"#;
    let effect = |resources: [Resource; 2]| policy(rules).decide(&on(resources), time(NOON)).effect();
    assert_eq!(effect([host("a", "dev"), host("b", "dev")]), Effect::Allow);
    assert_eq!(effect([host("a", "staging"), host("b", "staging")]), Effect::Allow);
    assert_eq!(effect([host("a", "dev"), host("b", "staging")]), Effect::Deny);
}

#[test]
fn request_out_of_bounds_is_denied_by_its_path() {
    let told = |request: &Request| {
        let decision = policy(RULES).decide(request, time(NOON));
        assert_eq!(decision.effect(), Effect::Deny);
        decision.reasons().next().unwrap().text().to_owned()
    };
    let two = [host("a", "dev"), host("b", "dev")];
    assert_eq!(told(&on([])), "`resources` is missing");
    assert_eq!(
        told(&on([host("a", "dev"), host("b", "dev"), host("a", "dev")])),
        "`resources` names `host/a` twice"
    );
    let mixed = [host("a", "dev"), Resource::new("flag", "b").with("environment", "dev")];
    assert_eq!(told(&on(mixed)), "`resources` has `flag` and `host`, expected one type");
    assert_eq!(
        told(&on((0..17).map(|number| host(&number.to_string(), "dev")))),
        "`resources` has 17 resources, limit is 16"
    );
    assert_eq!(told(&on([host("a", "dev"), host("", "dev")])), "`resources.id` is empty");
    assert_eq!(
        told(&on([host("a", "dev"), host("b", "dev").with("id", "c")])),
        "`resource.id` is a reserved name"
    );
    assert_eq!(
        told(&on([host("a", "dev"), Resource::new("host", "b")])),
        "`resource.environment` is missing"
    );
    let silent = Request::new(Subject::new("user", "ana"), Action::new("restart"), host("a", "dev"));
    assert_eq!(told(&silent.with_resources(two.clone())), "`context.audience` is missing");
    assert_eq!(on((0..16).map(|number| host(&number.to_string(), "dev"))).resources().len(), 16);
    let again = on(two).with_resource(host("c", "dev"));
    assert_eq!(again.resources().map(Resource::id).collect::<Vec<_>>(), ["c"]);
}

#[test]
fn json_names_one_resource_or_several() {
    let text = |resources: &str| {
        format!(
            r#"{{"subject": {{"type": "user", "id": "ana"}}, "action": {{"name": "restart"}}, {resources},
                "context": {{"audience": "fleet", "usage": {{}}}}}}"#
        )
    };
    let read = |resources: &str| Request::from_trusted_json(text(resources));
    let a = r#"{"type": "host", "id": "a", "properties": {"environment": "dev"}}"#;
    let b = r#"{"type": "host", "id": "b", "properties": {"environment": "staging"}}"#;
    let both = read(&format!(r#""resources": [{a}, {b}]"#)).unwrap();
    assert_eq!(both, on([host("a", "dev"), host("b", "staging")]));
    assert_eq!(both, read(&format!(r#""resources": [{b}, {a}], "resource": null"#)).unwrap());
    assert_eq!(read(&format!(r#""resources": [{a}]"#)), read(&format!(r#""resource": {a}"#)));
    let refused = |resources: &str| read(resources).unwrap_err().to_string();
    assert_eq!(read(&format!(r#""resource": {a}, "resources": [{b}]"#)), Err(RequestError::BothResources));
    assert_eq!(
        refused(&format!(r#""resource": {a}, "resources": []"#)),
        "`resource` and `resources` exclude each other"
    );
    assert_eq!(refused(r#""resources": []"#), "`resources` is missing");
    assert_eq!(refused(r#""resource": null"#), "`resource` is missing");
    assert_eq!(refused(&format!(r#""resources": {a}"#)), "`resources` is map, expected a list of objects");
    assert_eq!(
        refused(&format!(r#""resources": [{a}, 3]"#)),
        "`resources` is int, expected a list of objects"
    );
    assert_eq!(refused(r#""resources": [{"type": "host"}]"#), "`resources.id` is missing");
    let many = vec![a; 17].join(",");
    assert_eq!(refused(&format!(r#""resources": [{many}]"#)), "`resources` has 17 resources, limit is 16");
    // What the caller says of any of them is not attested.
    let plain =
        text(&format!(r#""resources": [{a}, {b}]"#)).replace(r#""audience": "fleet", "usage": {}"#, "");
    let claimed = Request::from_caller_json(plain).unwrap().with_subject(Subject::new("user", "ana"));
    let decision = policy(RULES).decide(&claimed.with_audience("fleet"), time(NOON));
    assert_eq!(decision.effect(), Effect::Deny);
    assert!(decision.reasons().next().unwrap().text().contains("is not attested"));
}

/// A rule that fails is told once, and no more rules than for one resource.
#[test]
fn failed_rules_of_many_resources_fit_into_a_record() {
    let text: String = (0..64)
        .map(|number| {
            format!(
                "[[forbid]]\nid = '{number}-{}'\nwhen = 'resource.id == \"h{}\" && resource.environment.substring({}) == \"a\"'\n",
                "x".repeat(200),
                number % 16,
                number + 50,
            )
        })
        .collect();
    let mut store = with_gate(&text);
    let outcome =
        store.submit(on((0..16).map(|number| host(&format!("h{number}"), "dev"))), time(NOON)).unwrap();
    let Outcome::Deny(decision) = outcome else { panic!("expected a denial: {outcome:?}") };
    let named: Vec<_> = decision.reasons().filter(|reason| reason.code() == ReasonCode::RuleFailed).collect();
    assert!((20..=32).contains(&named.len()));
    assert!(named.iter().all(|reason| reason.resources().len() == 1), "each is about one host");
    let last = decision.reasons().last().unwrap();
    assert_eq!(
        last.text(),
        format!("{} more rules and reasons are not named", 128 - named.len() - decision.rules().len())
    );
}

// --- grants

fn sql(text: &str) -> Action {
    Action::new("sql").with_payload(Payload::sql(Dialect::PostgreSql, text))
}

fn verify(token: &str, attempt: Attempt) -> Result<countersign::VerifiedGrant, VerifyError> {
    let verifier = GrantVerifier::new(ISSUER, "fleet", KeySet::new([key().public()]));
    verifier.enforcing(["max_uses"]).verify(token, attempt, after(1))
}

fn with_gate(rules: &str) -> Host {
    let mut host = Host::new(&format!("{HEAD}[[zone]]\nid = 'z'\nwhen = 'false'\nmax_risk = 'low'\n"));
    host.gate = countersign::Gate::new(policy(rules), ISSUER);
    host
}

fn granted(outcome: Outcome) -> String {
    match outcome {
        Outcome::Allow(authorization) => authorization.sign(&key()).token().to_owned(),
        other => panic!("expected a grant: {other:?}"),
    }
}

#[test]
fn grant_is_good_for_each_of_its_resources_and_no_other() {
    let mut store = with_gate(RULES);
    let both = on([host("b", "dev"), host("a", "dev")]);
    let request = Request::new(both.subject().clone(), sql("SELECT 1"), host("x", "dev"));
    let request = request.with_resources(both.resources().cloned()).with_audience("fleet");
    let token = granted(store.submit(request, time(NOON)).unwrap());
    for id in ["a", "b"] {
        assert!(verify(&token, Attempt::new(sql("SELECT 1"), host(id, ""))).is_ok());
        let other = verify(&token, Attempt::new(sql("SELECT 2"), host(id, ""))).unwrap_err();
        assert!(matches!(other, VerifyError::Payload { .. }), "{other}");
        let bare = verify(&token, Attempt::new(Action::new("sql"), host(id, ""))).unwrap_err();
        assert!(matches!(bare, VerifyError::Payload { .. }), "{bare}");
    }
    let other = verify(&token, Attempt::new(sql("SELECT 1"), host("c", ""))).unwrap_err();
    assert_eq!(other.to_string(), "grant is for resource `host/a, host/b`, attempted is `host/c`");
    let listed = Resource::new("host", "a, host/b");
    assert!(verify(&token, Attempt::new(sql("SELECT 1"), listed)).is_err());
    let log = String::from_utf8(store.lines.clone()).unwrap();
    assert!(log.contains(r#""res":["host/a","host/b"]"#), "{log}");
    let single = granted(store.submit(on([host("a", "dev")]), after(1)).unwrap());
    assert!(verify(&single, Attempt::new(Action::new("restart"), host("b", ""))).is_err());
}

#[test]
fn log_of_several_resources_replays() {
    let mut store = with_gate(RULES);
    for environments in [["dev", "staging"], ["dev", "test"], ["prod", "dev"], ["counted", "dev"]] {
        let resources = environments.into_iter().rev().map(|name| host(name, name));
        let _ = store.submit(on(resources), time(NOON)).unwrap();
    }
    let mut log = LogVerifier::new(STREAM);
    let mut replay = Replay::new([store.gate.policy().clone()]);
    for line in store.lines.split_inclusive(|byte| *byte == b'\n') {
        replay.push(&log.push(line).unwrap());
    }
    let report = replay.finish();
    assert_eq!((report.same, report.different, report.unreplayable), (4, 0, 0));
    assert_eq!((report.founded, report.unfounded), (1, 0));
}

#[test]
fn holder_of_a_key_is_bound_to_bytes_where_there_are_several_resources() {
    let mut store = with_gate(RULES);
    let holder = SigningKey::from_seed([9; 32]);
    let bare = on([host("a", "dev"), host("b", "dev")]).with_holder(holder.public());
    let denied = store.submit(bare.clone(), time(NOON)).unwrap();
    let Outcome::Deny(decision) = denied else { panic!("expected a denial: {denied:?}") };
    assert_eq!(codes(&decision), [ReasonCode::GrantNotWritable]);
    let expected = ClaimError::Type { claim: "cnf", expected: "absent: several resources, and no `adg`" };
    assert!(decision.reasons().next().unwrap().text().contains(&expected.to_string()));
    let request = Request::new(bare.subject().clone(), sql("SELECT 1"), host("x", "dev"));
    let request =
        request.with_resources(bare.resources().cloned()).with_audience("fleet").with_holder(holder.public());
    let token = granted(store.submit(request, time(NOON)).unwrap());
    let attempt = |id: &str| Attempt::new(sql("SELECT 1"), host(id, ""));
    let proof = attempt("a").prove(&token, "fleet", &holder, after(1));
    assert!(verify(&token, attempt("a").with_proof(&proof)).is_ok());
    assert!(verify(&token, attempt("b").with_proof(&proof)).is_err(), "a proof is for one of them");
}

// --- people

const OWNERS: &str = r#"
[[review]]
id = "owner"
when = 'true'
approve = { from = 'has(resource.owner) && approver.id == resource.owner || "lead" in approver.groups' }
veto = [{ count = 1, from = 'has(resource.owner) && approver.id == resource.owner' }]
"#;

fn owned(id: &str, owner: &str) -> Resource {
    host(id, "prod").with("owner", owner)
}

fn open(store: &mut Host, resources: [Resource; 2]) -> Review {
    store.open(on(resources), time(NOON))
}

#[test]
fn who_approves_several_may_approve_each() {
    for owners in [["bo", "cy"], ["cy", "bo"]] {
        let resources = || [owned("a", owners[0]), owned("b", owners[1])];
        let mut store = with_gate(OWNERS);
        let review = open(&mut store, resources());
        assert!(store.vote(&review, Vote::approve(member("bo", &[])), after(1)).is_err(), "owns one alone");
        let candidates = [member("bo", &[]), member("cy", &[]), member("di", &["lead"])];
        let able: Vec<&str> = review.eligible(&candidates).into_iter().map(Subject::id).collect();
        assert_eq!(able, ["di"]);
        let outcome = store.vote(&review, Vote::approve(member("di", &["lead"])), after(1)).unwrap();
        assert_eq!(outcome.effect(), Effect::Allow);
        assert!(verify(&granted(outcome), Attempt::new(Action::new("restart"), host("b", ""))).is_ok());
    }
    let mut store = with_gate(OWNERS);
    let review = open(&mut store, [owned("a", "bo"), owned("b", "bo")]);
    let outcome = store.vote(&review, Vote::approve(member("bo", &[])), after(1)).unwrap();
    assert_eq!(outcome.effect(), Effect::Allow);
}

#[test]
fn who_may_veto_one_vetoes_all() {
    for owners in [["bo", "cy"], ["cy", "bo"]] {
        let mut store = with_gate(OWNERS);
        let review = open(&mut store, [owned("a", owners[0]), owned("b", owners[1])]);
        let outcome = store.vote(&review, Vote::reject(member("bo", &[])), after(1)).unwrap();
        assert_eq!(outcome.effect(), Effect::Deny);
    }
}

#[test]
fn whom_one_resource_excludes_approves_none() {
    let rules =
        OWNERS.replace("veto", "exclude = 'has(resource.owner) && approver.id == resource.owner'\nveto");
    for owners in [["bo", "cy"], ["cy", "bo"]] {
        let mut store = with_gate(&rules);
        let review = open(&mut store, [owned("a", owners[0]), owned("b", owners[1])]);
        assert!(store.vote(&review, Vote::approve(member("bo", &["lead"])), after(1)).is_err());
    }
}

/// An approver signs all resources of the request: fewer, more or others do not cover it.
#[test]
fn signed_approval_is_of_all_resources() {
    let mut store = with_gate(OWNERS);
    let signer = SigningKey::from_seed([5; 32]);
    let approvers = || [("user/di".to_owned(), signer.public())];
    store.gate = store.gate.clone().with_approvers(approvers());
    let request = on([owned("b", "bo"), owned("a", "bo")]).with_action(sql("SELECT 1"));
    let review = store.open(request, time(NOON));
    let vote = |names: &[&str], text: &str| {
        let hosts: Vec<Resource> = names.iter().map(|name| host(name, "")).collect();
        let (id, end) = (review.id(), after(3_600));
        let approval = SignedApproval::of_several(ISSUER, id, "user/ana", &sql(text), &hosts, 1, end);
        Vote::approve(member("di", &["lead"])).with_signature(approval.sign("user/di", &signer).unwrap())
    };
    for (names, text) in [
        (&["a", "c"][..], "SELECT 1"),
        (&["a", "b", "c"], "SELECT 1"),
        (&["a"], "SELECT 1"),
        (&["a", "b"], "SELECT 2"),
    ] {
        let refused = store.vote(&review, vote(names, text), after(1)).unwrap_err();
        assert!(matches!(refused, VoteError::Signature(_)), "{names:?} {refused}");
    }
    let token = granted(store.vote(&review, vote(&["b", "a"], "SELECT 1"), after(1)).unwrap());
    let verifier = || {
        let keys = KeySet::new([key().public()]);
        GrantVerifier::new(ISSUER, "fleet", keys).enforcing(["max_uses"]).requiring_approvals(1, approvers())
    };
    for id in ["a", "b"] {
        let verified = verifier().verify(&token, Attempt::new(sql("SELECT 1"), host(id, "")), after(2));
        assert!(verified.is_ok(), "{verified:?}");
    }
    let other = verifier().verify(&token, Attempt::new(sql("SELECT 1"), host("c", "")), after(2));
    assert!(other.is_err(), "{other:?}");
}

#[test]
fn list_of_resources_that_no_grant_has_is_not_signed() {
    let signer = SigningKey::from_seed([5; 32]);
    let sign = |hosts: &[Resource]| {
        let action = Action::new("restart");
        let approval = SignedApproval::of_several(ISSUER, "r", "user/ana", &action, hosts, 1, after(3_600));
        approval.sign("user/di", &signer)
    };
    let hosts: Vec<Resource> = (0..17).map(|number| host(&format!("h{number}"), "")).collect();
    assert!(sign(&hosts[..16]).is_ok());
    assert!(sign(&hosts).is_err());
    assert!(sign(&[]).is_err());
    assert!(sign(&[host("a", ""), host("a", "")]).is_err());
    let attempt = Attempt::new(Action::new("restart"), host("h0", ""));
    let one = SignedApproval::new(ISSUER, "r", "user/ana", &attempt, 1, after(3_600));
    assert_eq!(sign(&hosts[..1]).unwrap(), one.sign("user/di", &signer).unwrap(), "one is one");
}

#[test]
fn signed_approval_of_one_resource_is_refused() {
    let mut store = with_gate(OWNERS);
    let signer = SigningKey::from_seed([5; 32]);
    store.gate = store.gate.clone().with_approvers([("user/di".to_owned(), signer.public())]);
    let review = open(&mut store, [owned("a", "bo"), owned("b", "bo")]);
    for id in ["a", "b"] {
        let attempt = Attempt::new(Action::new("restart"), host(id, ""));
        let approval = SignedApproval::new(ISSUER, review.id(), "user/ana", &attempt, 1, after(3_600));
        let vote =
            Vote::approve(member("di", &["lead"])).with_signature(approval.sign("user/di", &signer).unwrap());
        let refused = store.vote(&review, vote, after(1)).unwrap_err();
        assert!(matches!(refused, VoteError::Signature(_)), "{refused}");
    }
}

#[test]
fn explanation_tells_of_the_resource_that_decides() {
    let policy = policy(RULES);
    let request = on([host("a", "dev"), host("b", "test")]);
    let explanation = policy.explain(&request, time(NOON));
    assert_eq!(explanation.decision().effect(), Effect::Challenge);
    assert_eq!(explanation.decision().next_action(), NextAction::Supply);
    let told = serde_json::to_value(&explanation).unwrap().to_string();
    assert!(told.contains(r#""value":"\"test\"""#) || told.contains("test"), "{told}");
}

/// What is said of some resources names them, what holds of all does not.
#[test]
fn reasons_and_needs_name_their_resources() {
    let of = |decision: &Decision| -> Vec<(String, Vec<String>)> {
        let reasons = decision.reasons();
        reasons
            .map(|r| (r.rule().unwrap_or("").to_owned(), r.resources().map(str::to_owned).collect()))
            .collect()
    };
    let told =
        |rule: &str, hosts: &[&str]| (rule.to_owned(), hosts.iter().map(|id| format!("host/{id}")).collect());
    let some = decide(&[host("a", "dev"), host("b", "staging"), host("c", "dev")]);
    assert_eq!(of(&some), [told("dev", &["a", "c"]), told("staging", &["b"])]);
    let text = some.reasons().next().unwrap().to_string();
    assert_eq!(text, "rule `dev`: it is in a safe zone, of `host/a` and `host/c`");
    assert_eq!(of(&decide(&[host("a", "dev"), host("b", "dev")])), [told("dev", &[])]);
    assert_eq!(of(&decide(&[host("a", "dev")])), [told("dev", &[])]);
    let challenge = decide(&[host("a", "test"), host("b", "dev"), host("c", "test")]);
    let needs: Vec<String> = challenge.missing().map(ToString::to_string).collect();
    assert_eq!(needs, ["`context.ticket` is missing, of `host/a` and `host/c`"]);
    assert_eq!(challenge.missing().next().unwrap().resources().collect::<Vec<_>>(), ["host/a", "host/c"]);
    let json = serde_json::to_value(&challenge).unwrap();
    assert_eq!(json["context"]["missing"][0]["resources"], serde_json::json!(["host/a", "host/c"]));
    let all = serde_json::to_value(decide(&[host("a", "test"), host("c", "test")])).unwrap();
    assert!(all["context"]["missing"][0].get("resources").is_none(), "{all}");
}

// --- every set of resources

fn resources() -> impl Strategy<Value = Vec<Resource>> {
    let ids: Vec<usize> = (0..7).collect();
    (subsequence(ids, 2..5), prop::collection::vec(select(ENVIRONMENTS.to_vec()), 7)).prop_map(
        |(ids, names)| {
            let name = |id: usize| if id == 6 { "vault".to_owned() } else { format!("h{id}") };
            ids.into_iter().map(|id| host(&name(id), names[id])).collect()
        },
    )
}

fn strictness(effect: Effect) -> u8 {
    match effect {
        Effect::Allow => 0,
        Effect::Review => 1,
        Effect::Challenge => 2,
        Effect::Deny => 3,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn several_are_never_looser_than_one(
        (all, shuffled) in resources().prop_flat_map(|all| (Just(all.clone()), Just(all).prop_shuffle())),
        ticket in any::<bool>(),
        asked in prop::option::of(select(vec![0_i64, 600, 3_600])),
        minutes in prop::option::of(1_u64..70),
    ) {
        let policy = policy(RULES);
        let shape = |request: Request| {
            let request = if ticket { request.with("ticket", "INC1") } else { request };
            let request = asked.map_or(request.clone(), |asked| request.with_not_before(after(asked)));
            minutes.map_or(request.clone(), |minutes| request.with_duration(support::minutes(minutes)))
        };
        let request = shape(on(all.clone()));
        let decision = policy.decide(&request, time(NOON));
        prop_assert_eq!(&decision, &policy.decide(&shape(on(shuffled)), time(NOON)));
        prop_assert_eq!(&decision, &policy.decide_by_every_rule(&request, time(NOON)));
        let singles: Vec<Decision> =
            all.iter().map(|one| policy.decide(&shape(on([one.clone()])), time(NOON))).collect();
        let strictest = singles.iter().map(|one| strictness(one.effect())).max().unwrap();
        let counted = all.iter().zip(&singles).any(|(one, single)| {
            one.properties().get("environment") == Some(&"counted".into()) && single.effect() == Effect::Allow
        });
        let expected = if counted && strictest < 2 { 3 } else { strictest };
        prop_assert_eq!(strictness(decision.effect()), expected);
        prop_assert_eq!(Some(decision.risk()), singles.iter().map(Decision::risk).max());
        if strictness(decision.effect()) < 2 {
            for single in &singles {
                prop_assert!(decision.duration() <= single.duration() && single.not_before() <= decision.not_before());
                for obligation in single.obligations() {
                    prop_assert!(decision.obligations().any(|known| known == obligation));
                }
                for rule in single.rules() {
                    prop_assert!(decision.rules().any(|known| known == rule));
                }
            }
        }
        if decision.effect() == Effect::Challenge {
            let asked: BTreeSet<&str> = decision.missing().map(countersign::Need::path).collect();
            let single = singles.iter().flat_map(Decision::missing).map(countersign::Need::path);
            prop_assert!(single.collect::<BTreeSet<_>>().is_subset(&asked));
        }
    }
}
