//! Ways to loosen a decision that were tried, and what is done about them.

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

use std::time::Duration;

use countersign::{
    Action, Effect, Gate, Outcome, Payload, Policy, PolicyOptions, ReasonCode, Request, Resource, Subject,
    Usage, Vote,
};

use support::reviews;
use support::terms::{ask, codes, owed, told};
use support::{Host, ISSUER, NOON, after, member, time};

const HOSTS: &str = "format = 1\nname = 'x'\n[attributes]\n'resource.weak' = 'bool?'\n\
    [[review]]\nid = 'strong'\nwhen = '!resource.?weak.orValue(false)'\n\
    approve = { from = 'approver.id == \"lead\"' }\ngrant = { start_later = '4h' }\n\
    [[review]]\nid = 'weak'\nwhen = 'resource.?weak.orValue(false)'\n\
    approve = { from = 'true' }\ngrant = { start_later = '4h' }\n\
    [[emergency]]\nid = 'glass'\nwhen = '!resource.?weak.orValue(false)'\nreview_within = '1h'\n\
    grant = { start_later = '4h' }\n";

fn urgent(request: Request) -> Request {
    request.as_emergency().with_reason("down").with_usage(Usage::none())
}

/// Who asks for break-glass access to one host and, beside it, for a host that anybody may approve, would owe no
/// review of the first.
#[test]
fn emergency_does_not_hide_behind_the_review_of_another_resource() {
    let policy = support::policy(HOSTS);
    let host = |id: &str| Resource::new("host", id);
    let alone = policy.decide(&urgent(ask()), time(NOON));
    assert!(alone.is_emergency(), "{}", told(&alone));
    let both = ask().with_resources([host("db"), host("toy").with("weak", true)]).with_audience("fleet");
    let decision = policy.decide(&urgent(both.clone()), time(NOON));
    assert_eq!(decision.effect(), Effect::Deny, "{}", told(&decision));
    assert!(codes(&decision).contains(&ReasonCode::EmergencyRefused), "{}", told(&decision));
    assert_eq!(policy.decide(&both, time(NOON)).effect(), Effect::Review, "asked for in the usual way");
}

/// What a failing hold obliges to is owed, however many rules failed before.
#[test]
fn obligation_of_a_failing_hold_is_owed_however_many_rules_failed() {
    let risks = |count: usize| -> String {
        (0..count)
            .map(|n| {
                format!(
                    "[[risk]]\nid = 'r{n}'\nwhen = 'resource.id.substring(9{n}) == \"\"'\nlevel = 'low'\n"
                )
            })
            .collect()
    };
    for count in [1, 31, 32, 40] {
        let text = format!(
            "format = 1\nname = 'x'\n{}[[hold]]\nid = 'h'\nwhen = 'resource.id.substring(99) == \"\"'\n\
             obligations = ['record_session']\n\
             [[review]]\nid = 'p'\nwhen = 'true'\napprove = {{ from = 'true' }}\n",
            risks(count)
        );
        let policy = PolicyOptions::new().fulfilling(["record_session"]).from_toml(&text).unwrap();
        let decision = policy.decide(&ask(), time(NOON));
        assert_eq!((decision.effect(), owed(&decision)), (Effect::Review, vec!["record_session"]), "{count}");
        let bare = Policy::from_toml(&text).unwrap().decide(&ask(), time(NOON));
        assert_eq!(bare.effect(), Effect::Deny, "{count}: the host does not fulfil it");
    }
}

/// A policy that reads a payload in a language that the one before did not is heard on its own facts.
#[test]
fn policy_that_reads_the_payload_otherwise_is_heard_on_what_it_reads() {
    let head = |payload: &str| {
        format!("format = 1\nname = 'x'\n[actions]\n'flag.set' = {{ payload = '{payload}' }}\n")
    };
    let review = "[[review]]\nid = 'p'\nwhen = 'true'\napprove = { from = 'true' }\n";
    let forbid = "[[forbid]]\nid = 'f'\nwhen = 'has(flag)'\n";
    for before in [format!("{}{review}", head("text")), format!("format = 1\nname = 'x'\n{review}")] {
        let mut host = Host::new(&before);
        let request = Request::new(
            Subject::new("user", "ana"),
            Action::new("flag.set").with_payload(Payload::plain("{}")),
            Resource::new("flag", "new-checkout"),
        );
        let outcome = host.submit(request, time(NOON)).unwrap();
        let Outcome::Review(opened) = outcome else { panic!("expected a review: {outcome:?}") };
        let strict = support::policy(&format!("{}{review}{forbid}", head("flag")));
        host.gate = Gate::new(strict, ISSUER);
        let outcome = host.vote(&opened, Vote::approve(member("bo", &[])), after(1));
        assert!(!matches!(outcome, Ok(Outcome::Allow { .. })), "{outcome:?}");
        assert!(!format!("{outcome:?}").contains("Allow"), "{outcome:?}");
    }
}

/// What was owed while a grant held is owed when it holds for longer.
#[test]
fn obligation_of_a_hold_is_owed_by_an_extension() {
    let text = format!(
        "{}[[hold]]\nid = 'h'\nwhen = 'true'\nobligations = ['record_session']\n[[review]]\nid = 'p'\nwhen = 'true'\n\
         approve = {{ from = 'sre' }}\ngrant = {{ max = '1h', extend = {{ max = '30m', times = 2 }} }}\n",
        reviews::HEAD
    );
    let mut host = Host::new("format = 1\nname = 'x'\n");
    let policy = PolicyOptions::new().fulfilling(["record_session"]).from_toml(&text).unwrap();
    host.gate = Gate::new(policy, ISSUER);
    let review = host.open(reviews::ask(), after(0));
    assert_eq!(owed(review.decision()), ["record_session"]);
    let outcome = host.vote(&review, Vote::approve(member("bo", &["sre"])), after(60)).unwrap();
    let Outcome::Allow(authorized) = outcome else { panic!("expected a grant: {outcome:?}") };
    let id = authorized.id().to_owned();
    let (first, stamp) = (host.review(review.id()), host.stamp(after(300)));
    let outcome = host.store(host.gate.clone().extend(&first, reviews::ask().extending(id), stamp)).unwrap();
    let Outcome::Review(longer) = outcome else { panic!("expected a review: {outcome:?}") };
    assert_eq!(owed(longer.decision()), ["record_session"]);
}

/// A host that allows no grants gives none.
#[test]
fn grant_of_no_time_is_none() {
    let text = "format = 1\nname = 'x'\n[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'high'\n";
    for longest in [Duration::ZERO, Duration::from_millis(500)] {
        let policy = PolicyOptions::new().with_max_grant(longest).from_toml(text).unwrap();
        for request in
            [ask(), ask().with_duration(Duration::ZERO), ask().with_duration(Duration::from_millis(1))]
        {
            let decision = policy.decide(&request, time(NOON));
            assert_eq!(decision.effect(), Effect::Deny, "{longest:?} {}", told(&decision));
        }
    }
    let none = format!("{text}grant = {{ min = '0s' }}\n");
    if let Ok(policy) = Policy::from_toml(&none) {
        let decision = policy.decide(&ask().with_duration(Duration::ZERO), time(NOON));
        assert_eq!(decision.effect(), Effect::Deny, "{}", told(&decision));
    }
}

/// In a group of which one suffices, or which has an `otherwise`, a replacement from elsewhere would do for rules that
/// nobody may replace.
#[test]
fn replacement_does_not_move_into_another_group() {
    let base = "format = 1\nname = 'base'\n[groups]\naccess = 'any'\n\
        [[review]]\nid = 'strict'\ngroup = 'access'\nwhen = 'true'\napprove = { from = 'approver.id == \"lead\"' }\n\
        [[review]]\nid = 'extra'\nreplaceable = true\nwhen = 'true'\napprove = { from = 'true' }\n";
    let team = |group: &str| {
        format!(
            "format = 1\nname = 'team'\nextends = 'base'\n[[review]]\nid = 'extra'\n{group}when = 'true'\n\
             approve = {{ from = 'true' }}\n"
        )
    };
    let load = |group: &str| Policy::from_documents([("base.toml", base), ("team.toml", &team(group))]);
    assert!(load("").is_ok());
    let error = load("group = 'access'\n").unwrap_err();
    let told: Vec<&str> = error.faults().map(countersign::PolicyFault::message).collect();
    assert_eq!(told, ["it replaces `extra`, which is in no group: expected the same"]);
}

/// What hides in a field is nothing.
#[test]
fn field_of_invisible_letters_is_missing() {
    let text = "format = 1\nname = 'x'\n[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'high'\n\
        needs = { fields = ['context.reason'] }\n";
    let policy = Policy::from_toml(text).unwrap();
    for reason in
        ["", " ", "\u{a0}", "\u{200b}", "\u{2060}\u{feff}", "\u{3164}", "\u{ad}", "\u{2800}", "\u{fe0f}"]
    {
        let decision = policy.decide(&ask().with_reason(reason), time(NOON));
        assert_ne!(decision.effect(), Effect::Allow, "{:?} {}", reason, told(&decision));
    }
}
