//! The whole way: gate, ledger, signature, verifier, redemption.

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

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use countersign::{
    Action, Attempt, Dialect, Effect, Gate, GrantVerifier, KeySet, Ledger, LedgerError, Outcome, Payload,
    Request, Resource, ReviewState, VerifyError, Vote,
};

use support::walk::{DELETE, POLICY, action, allowed, approved, ask, orders, redeem, verifier, verify};
use support::{Host, ISSUER, STREAM, after, key, member, minutes, policy};

#[test]
fn result_exists_only_after_commit() {
    let mut host = Host::new(POLICY);
    let runs = Arc::new(AtomicU32::new(0));
    let counter = runs.clone();
    let stamp = host.stamp(after(0));
    let step = host.gate.submit(ask("dev"), stamp).map(move |outcome| {
        counter.fetch_add(1, Ordering::SeqCst);
        outcome
    });
    let staged = host.ledger.stage(step).unwrap();
    assert_eq!(runs.load(Ordering::SeqCst), 0, "staging must not run it");
    let stored = staged.lines().to_vec();
    assert_eq!(runs.load(Ordering::SeqCst), 0, "lending out lines must not run it");
    drop(staged);
    assert_eq!(runs.load(Ordering::SeqCst), 0, "dropping must not run it");

    assert_eq!(host.ledger.uncertain(), Some(0));
    let stamp = host.stamp(after(1));
    let step = host.gate.submit(ask("dev"), stamp);
    assert!(matches!(host.ledger.stage(step), Err(LedgerError::Uncertain { from: 0 })));
    host.ledger.catch_up(stored.split_inclusive(|byte| *byte == b'\n')).unwrap();
    host.lines = stored;
    let stamp = host.stamp(after(2));
    let step = host.gate.submit(ask("dev"), stamp);
    let grant = allowed(host.store(step));
    assert_eq!(grant.expires_at(), after(2 + 15 * 60));
    let slots = Ledger::resume(STREAM, &host.lines).unwrap();
    let slots: Vec<_> = slots
        .records()
        .iter()
        .filter_map(|record| record.key()?.strip_prefix("limit/")?.rsplit_once('/'))
        .map(|(_, slot)| slot.to_owned())
        .collect();
    assert_eq!(slots, ["1", "2"], "what was stored and never committed has taken its slot");
}

#[test]
fn every_call_leaves_its_records() {
    let mut host = Host::new(POLICY);
    approved(&mut host);
    let _ = host.submit(ask("dev"), after(3)).unwrap();
    let _ = host
        .submit(Request::new(member("ana", &[]), action(DELETE), Resource::new("a", "b")), after(4))
        .unwrap();
    let opened = ["stream.opened", "request.decided", "review.opened"];
    let voted = ["review.voted", "review.voted", "review.approved", "grant.authorized"];
    let allowed_and_denied = ["request.decided", "grant.authorized", "request.decided"];
    assert_eq!(host.events(), [&opened[..], &voted[..], &allowed_and_denied[..]].concat());
}

#[test]
fn grant_is_for_what_was_approved_and_nothing_else() {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let token = grant.token();
    assert!(verify(token, DELETE, after(2)).is_ok());
    let at = |action, resource, now| {
        verifier().verify(token, Attempt::new(action, resource), now).map(|_| ()).unwrap_err()
    };
    let prod = || orders("prod");
    assert!(matches!(
        at(action("DELETE FROM orders WHERE id = 8"), prod(), after(2)),
        VerifyError::Payload { .. }
    ));
    assert!(matches!(
        at(action("DELETE FROM orders WHERE id = 7 "), prod(), after(2)),
        VerifyError::Payload { .. }
    ));
    assert!(matches!(at(Action::new("sql.execute"), prod(), after(2)), VerifyError::Payload { .. }));
    let mysql = Action::new("sql.execute").with_payload(Payload::sql(Dialect::MySql, DELETE));
    assert!(matches!(at(mysql, prod(), after(2)), VerifyError::Payload { .. }));
    let parameters = Action::new("sql.execute")
        .with_payload(Payload::sql(Dialect::PostgreSql, DELETE).with_parameters(["7"]));
    assert!(matches!(at(parameters, prod(), after(2)), VerifyError::Payload { .. }));
    let other = Action::new("sql.explain").with_payload(Payload::sql(Dialect::PostgreSql, DELETE));
    assert!(matches!(at(other, prod(), after(2)), VerifyError::Action { .. }));
    assert!(matches!(
        at(action(DELETE), Resource::new("database", "users"), after(2)),
        VerifyError::Resource { .. }
    ));
    assert!(matches!(at(action(DELETE), prod(), after(1)), VerifyError::NotYetValid { .. }));
    let end = 2 + 15 * 60;
    assert_eq!(grant.expires_at(), after(end));
    assert!(matches!(at(action(DELETE), prod(), after(end)), VerifyError::Expired { .. }));
    let elsewhere = GrantVerifier::new(ISSUER, "database/users", KeySet::new([key().public()]));
    assert!(matches!(
        elsewhere.verify(token, Attempt::new(action(DELETE), prod()), after(2)),
        Err(VerifyError::Audience { .. })
    ));
    let strange =
        GrantVerifier::new("https://other.example", "database/orders", KeySet::new([key().public()]));
    assert!(matches!(
        strange.verify(token, Attempt::new(action(DELETE), prod()), after(2)),
        Err(VerifyError::Issuer { .. })
    ));
}

#[test]
fn one_flipped_bit_in_a_grant_is_refused() {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let token = grant.token();
    for (place, byte) in token.bytes().enumerate().step_by(3) {
        let mut flipped = token.as_bytes().to_vec();
        flipped[place] = byte ^ (1 << (place % 7));
        let flipped = String::from_utf8(flipped).unwrap();
        assert!(verify(&flipped, DELETE, after(2)).is_err(), "byte {place}");
    }
}

#[test]
fn single_use_is_taken_once_and_the_refusal_is_recorded() {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let use_of = || verify(grant.token(), DELETE, after(3)).unwrap();
    let (first, second) = (use_of(), use_of());
    assert_eq!(redeem(&mut host, first, after(3)).unwrap().payload(), DELETE);
    assert!(matches!(redeem(&mut host, second, after(3)), Err(VerifyError::Replayed { uses: 1, .. })));
    assert_eq!(host.events()[host.events().len() - 2..], ["grant.redeemed", "step.refused"]);
    let late = verify(grant.token(), DELETE, after(2 + 600)).unwrap();
    assert!(matches!(redeem(&mut host, late, after(2 + 600)), Err(VerifyError::FirstUseTooLate { .. })));
    assert_eq!(host.events().last().unwrap(), "step.refused");
}

#[test]
fn counted_uses_are_taken_one_by_one() {
    let mut host = Host::new(POLICY);
    let grant = allowed(host.submit(ask("prod").as_emergency().with_reason("down"), after(0)));
    let outcomes: Vec<bool> = (1..=4)
        .map(|second| {
            let verified = verify(grant.token(), DELETE, after(second)).unwrap();
            redeem(&mut host, verified, after(second)).is_ok()
        })
        .collect();
    assert_eq!(outcomes, [true, true, true, false]);
}

#[test]
fn grant_is_redeemed_with_the_leeway_that_it_was_verified_with() {
    let mut host = Host::new(POLICY);
    let grant = allowed(host.submit(ask("prod").as_emergency().with_reason("down"), after(0)));
    let end = 15 * 60;
    for (leeway, second, taken) in [
        (0, end - 1, true),
        (0, end, false),
        (30, end + 29, true),
        (30, end + 30, false),
        (60, end + 59, true),
        (60, end + 60, false),
        (60, end + 86_400, false),
    ] {
        let verifier = verifier().with_leeway(std::time::Duration::from_secs(leeway));
        let attempt = Attempt::new(action(DELETE), orders("prod"));
        let verified = verifier.verify(grant.token(), attempt, after(1)).unwrap();
        let outcome = redeem(&mut host, verified, after(second));
        assert_eq!(outcome.is_ok(), taken, "{second}: {outcome:?}");
        if !taken {
            assert!(matches!(outcome, Err(VerifyError::Expired { .. })));
            assert_eq!(host.events().last().unwrap(), "step.refused");
        }
    }
}

#[test]
fn grant_is_redeemed_only_while_it_lives() {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let verified = verify(grant.token(), DELETE, after(3)).unwrap();
    let late = grant.expires_at() + chrono::TimeDelta::seconds(60);
    assert!(matches!(redeem(&mut host, verified, late), Err(VerifyError::Expired { .. })));
    let verified = verify(grant.token(), DELETE, after(3)).unwrap();
    assert!(redeem(&mut host, verified, after(4)).is_ok(), "a refusal takes no use");
}

#[test]
fn grant_is_bound_to_the_properties_of_its_action() {
    let toml = "format = 1\nname = 'flags'\n[defaults]\nrisk = 'low'\n\
                [[zone]]\nid = 'flags'\nwhen = 'true'\nmax_risk = 'low'\n";
    let mut host = Host::new(toml);
    let set = |percent: i64| Action::new("flag.set").with("percent", percent);
    let flag = Resource::new("flag", "checkout");
    let request = Request::new(member("ana", &[]), set(50), flag.clone());
    let Ok(Outcome::Allow(authorization)) = host.submit(request, after(0)) else {
        panic!("expected a grant")
    };
    let grant = authorization.sign(&key());
    let verifier = GrantVerifier::new(ISSUER, "flag/checkout", KeySet::new([key().public()]));
    let verify = |action| verifier.verify(grant.token(), Attempt::new(action, flag.clone()), after(1));
    assert!(verify(set(50)).is_ok());
    assert!(matches!(verify(set(100)), Err(VerifyError::Payload { .. })));
    assert!(matches!(verify(Action::new("flag.set")), Err(VerifyError::Payload { .. })));
    assert!(matches!(verify(set(50).with("force", true)), Err(VerifyError::Payload { .. })));
}

#[test]
fn reloaded_gate_decides_by_the_new_policy_and_rejects_what_it_denies() {
    let mut host = Host::new(POLICY);
    let review = host.open(ask("prod"), after(0));
    let closed = policy(&format!("{POLICY}\n[[forbid]]\nid = 'closed'\nwhen = 'true'\n"));
    let before = host.gate.policy().digest().to_owned();
    let stamp = host.stamp(after(1));
    host.gate = host.store(host.gate.clone().reload(closed.clone(), stamp));
    assert_eq!(host.gate.policy().digest(), closed.digest());
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let loaded = resumed.records().last().unwrap();
    assert_eq!((loaded.event(), &loaded.content()["replaces"]), ("policy.loaded", &before.into()));
    assert!(matches!(host.submit(ask("dev"), after(2)), Ok(Outcome::Deny(_))));
    let vote = Vote::approve(member("bo", &["sre"]));
    assert!(matches!(host.vote(&review, vote, after(3)), Ok(Outcome::Deny(_))));
    let review = host.review(review.id());
    assert_eq!(review.state(), ReviewState::Rejected);
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let rejected = resumed.records().last().unwrap();
    assert_eq!(rejected.event(), "review.rejected");
    assert_eq!(rejected.content()["because"], "rule `closed`: it is forbidden");
}

#[test]
fn what_cannot_be_granted_is_denied_and_recorded_as_denied() {
    for name in ["", "https://a\u{7}"] {
        let mut host = Host::new(POLICY);
        host.gate = Gate::new(policy(POLICY), name);
        let Ok(Outcome::Deny(decision)) = host.submit(ask("dev"), after(0)) else {
            panic!("`{name}`: expected a Deny")
        };
        assert_eq!(decision.effect(), Effect::Deny);
        let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
        assert_eq!(resumed.records()[1].content()["decision"]["effect"], "deny");
        assert_eq!(resumed.records().len(), 2, "{name}: no slot, no authorization");
    }
}

#[test]
fn review_whose_plan_no_record_can_hold_is_denied_and_recorded_as_denied() {
    let leaf = format!("{{ from = '\"{}\" in approver.groups' }}", "x".repeat(15_000));
    let parts = [leaf.as_str(); 5].join(", ");
    let large = format!("[[review]]\nid = 'large'\nwhen = 'true'\napprove = {{ all = [{parts}] }}\n");
    let mut host = Host::new(&format!("{POLICY}{large}"));
    let Ok(Outcome::Deny(decision)) = host.submit(ask("prod"), after(0)) else { panic!("expected a Deny") };
    assert_eq!(decision.reasons().next().unwrap().text(), "the review cannot be opened");
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    assert_eq!(resumed.records().last().unwrap().content()["decision"]["effect"], "deny");
    assert!(resumed.reviews().unwrap().is_empty());
}

#[test]
fn duration_is_counted_from_the_approval_not_from_the_request() {
    let mut host = Host::new(POLICY);
    let review = host.open(ask("prod").with_duration(minutes(20)), after(0));
    let Ok(Outcome::Review(review)) = host.vote(&review, Vote::approve(member("bo", &["sre"])), after(1_800))
    else {
        panic!("expected an open review")
    };
    let grant = allowed(host.vote(&review, Vote::approve(member("cy", &["sre"])), after(3_600)));
    assert_eq!(grant.expires_at(), after(3_600 + 1_200));
}

#[test]
fn uncounted_grant_is_not_redeemed_after_the_deadline_of_its_first_use() {
    let toml = "format = 1\nname = 'walk'\n[defaults]\nrisk = 'low'\n\
                [[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'low'\ngrant = { use_within = '1m' }\n";
    let mut host = Host::new(toml);
    let grant = allowed(host.submit(ask("prod"), after(0)));
    let in_time = |host: &mut Host, now| {
        let verified = verify(grant.token(), DELETE, after(3)).unwrap();
        redeem(host, verified, now)
    };
    assert!(in_time(&mut host, after(59)).is_ok());
    assert!(matches!(in_time(&mut host, after(60)), Err(VerifyError::FirstUseTooLate { .. })));
    let events = String::from_utf8(host.lines.clone()).unwrap();
    assert_eq!(events.matches("\"event\":\"grant.redeemed\"").count(), 1);
}
