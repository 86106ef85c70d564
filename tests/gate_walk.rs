//! The whole way: gate, ledger, signature, verifier, redemption, log.

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

use chrono::{DateTime, Utc};
use countersign::{
    Action, Attempt, Completeness, Conflict, Dialect, Effect, Gate, Grant, GrantVerifier, Integrity, KeySet,
    Ledger, LedgerError, LogVerifier, Outcome, Payload, Replay, Request, Resource, ReviewState, Stamp, Step,
    Usage, VerifiedGrant, VerifyError, Vote, VoteError,
};

use support::{Host, ISSUER, STREAM, after, key, member, minutes, policy};

const POLICY: &str = r#"
format = 1
name = "walk"
[attributes]
"approver.groups" = "list<string>"
"resource.environment" = { type = "string", one_of = ["dev", "prod"] }
[defaults]
risk = "low"
grant = { min = "1m", default = "15m", max = "1h" }

[[risk]]
id = "wide"
when = 'has(sql) && sql.unbounded_write'
level = "critical"

[[zone]]
id = "dev"
when = 'resource.environment == "dev"'
max_risk = "low"
limit = { count = 2, per = "1h" }

[[review]]
id = "prod"
when = 'resource.environment == "prod"'
approve = { count = 2, from = '"sre" in approver.groups' }
grant = { max = "30m", single_use = true, use_within = "10m" }

[[emergency]]
id = "glass"
when = 'resource.environment == "prod"'
review_within = "24h"
grant = { max_uses = 3 }
"#;

const DELETE: &str = "DELETE FROM orders WHERE id = 7";

fn action(sql: &str) -> Action {
    Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, sql))
}

fn orders(environment: &str) -> Resource {
    Resource::new("database", "orders").with("environment", environment)
}

fn ask(environment: &str) -> Request {
    Request::new(member("ana", &["dev"]), action(DELETE), orders(environment)).with_usage(Usage::none())
}

fn verifier() -> GrantVerifier {
    GrantVerifier::new(ISSUER, "database/orders", KeySet::new([key().public()]))
}

fn verify(token: &str, sql: &str, now: DateTime<Utc>) -> Result<VerifiedGrant, VerifyError> {
    verifier().verify(token, Attempt::new(action(sql), orders("prod")), now)
}

fn allowed(outcome: Result<Outcome, impl std::fmt::Debug>) -> Grant {
    match outcome {
        Ok(Outcome::Allow(authorization)) => authorization.sign(&key()),
        other => panic!("expected a grant, found {other:?}"),
    }
}

/// A grant that two people approved one and two seconds after noon.
fn approved(host: &mut Host) -> (String, Grant) {
    let review = host.open(ask("prod"), after(0));
    let Ok(Outcome::Review(review)) = host.vote(&review, Vote::approve(member("bo", &["sre"])), after(1))
    else {
        panic!("expected an open review")
    };
    let grant = allowed(host.vote(&review, Vote::approve(member("cy", &["sre"])), after(2)));
    (review.id().to_owned(), grant)
}

fn redeem(
    host: &mut Host,
    grant: VerifiedGrant,
    now: DateTime<Utc>,
) -> Result<countersign::Permit, VerifyError> {
    let stamp = host.stamp(now);
    host.store(host.gate.clone().redeem(grant, stamp))
}

// Persist, then believe.

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

// The grant.

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
fn grant_verified_in_time_is_not_redeemed_when_its_uses_may_be_forgotten() {
    let mut host = Host::new(POLICY);
    let grant = allowed(host.submit(ask("prod").as_emergency().with_reason("down"), after(0)));
    let end = 15 * 60;
    for (second, taken) in [(end - 1, true), (end + 59, true), (end + 60, false), (end + 86_400, false)] {
        let verified = verify(grant.token(), DELETE, after(1)).unwrap();
        let outcome = redeem(&mut host, verified, after(second));
        assert_eq!(outcome.is_ok(), taken, "{second}: {outcome:?}");
        if !taken {
            assert!(matches!(outcome, Err(VerifyError::Expired { .. })));
            assert_eq!(host.events().last().unwrap(), "step.refused");
        }
    }
}

// The log.

fn check(lines: &[u8], checkpoint: &str) -> countersign::LogVerdict {
    let mut log = LogVerifier::new(STREAM).with_key(key().public()).with_checkpoint(checkpoint).unwrap();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        log.push(line);
    }
    log.finish(after(60))
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
fn review_whose_authorization_was_torn_off_can_close_again() {
    let mut host = Host::new(POLICY);
    let _ = approved(&mut host);
    let text = String::from_utf8(host.lines.clone()).unwrap();
    let kept = text.lines().take_while(|line| !line.contains("\"event\":\"grant.authorized\""));
    let torn: String = kept.map(|line| format!("{line}\n")).collect();
    let reviews = Ledger::resume(STREAM, torn.as_bytes()).unwrap().reviews().unwrap();
    assert_eq!(reviews[0].state(), ReviewState::Open);
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
fn one_flipped_bit_in_a_record_is_found_and_named() {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let verified = verify(grant.token(), DELETE, after(3)).unwrap();
    let _ = redeem(&mut host, verified, after(3)).unwrap();
    let checkpoint = host.ledger.checkpoint().sign(&key());
    let sound = check(&host.lines, &checkpoint);
    sound.require_sound().unwrap();
    let mut line = 0_u64;
    for place in 0..host.lines.len() {
        if host.lines[place] == b'\n' {
            line += 1;
            continue;
        }
        if place % 127 != 0 {
            continue;
        }
        let mut flipped = host.lines.clone();
        flipped[place] ^= 1 << (place % 8);
        let verdict = check(&flipped, &checkpoint);
        assert!(verdict.require_sound().is_err(), "byte {place}");
        match verdict.integrity {
            Integrity::Broken { first_bad, .. } => assert_eq!(first_bad, line, "byte {place}"),
            Integrity::Intact { .. } => {
                assert!(matches!(verdict.completeness, Completeness::Differs { .. }), "byte {place}")
            }
        }
    }
}

#[test]
fn removed_doubled_and_swapped_records_are_found() {
    let mut host = Host::new(POLICY);
    approved(&mut host);
    let checkpoint = host.ledger.checkpoint().sign(&key());
    let lines: Vec<&[u8]> = host.lines.split_inclusive(|byte| *byte == b'\n').collect();
    for place in 0..lines.len() {
        let mut removed = lines.clone();
        removed.remove(place);
        assert!(check(&removed.concat(), &checkpoint).require_sound().is_err(), "without {place}");
        let mut doubled = lines.clone();
        doubled.insert(place, lines[place]);
        assert!(check(&doubled.concat(), &checkpoint).require_sound().is_err(), "{place} twice");
        if place > 0 {
            let mut swapped = lines.clone();
            swapped.swap(place - 1, place);
            assert!(
                check(&swapped.concat(), &checkpoint).require_sound().is_err(),
                "{place} before its time"
            );
        }
    }
}

#[test]
fn every_decision_of_the_log_comes_out_the_same_again() {
    let mut host = Host::new(POLICY);
    approved(&mut host);
    for second in 3..7 {
        let _ = host.submit(ask("dev").with_usage(Usage::none().with_used("dev", second - 3)), after(0));
    }
    let _ = host.submit(ask("prod").as_emergency().with_reason("down"), after(9)).unwrap();
    let wide = Request::new(member("ana", &[]), action("DELETE FROM orders"), orders("dev"));
    let _ = host.submit(wide, after(10)).unwrap();
    let _ = host.submit(ask("dev").with("a", "\0"), after(11)).unwrap();
    let mut log = LogVerifier::new(STREAM);
    let mut replay = Replay::new([host.gate.policy().clone()]);
    for line in host.lines.split_inclusive(|byte| *byte == b'\n') {
        replay.push(&log.push(line).unwrap());
    }
    let report = replay.finish();
    assert_eq!((report.different, report.first_difference), (0, None));
    assert_eq!(
        (report.same, report.unreplayable),
        (7, 1),
        "only the request that no record can hold is not replayed"
    );
}

// Races.

#[test]
fn last_slot_of_a_limit_is_taken_once() {
    let mut host = Host::new(POLICY);
    let stale = || ask("dev").with_usage(Usage::none());
    let outcomes: Vec<_> = (0..3).map(|second| host.submit(stale(), after(second))).collect();
    assert!(matches!(
        outcomes[..],
        [Ok(Outcome::Allow(_)), Ok(Outcome::Allow(_)), Err(Conflict::LimitReached { .. })]
    ));
    assert_eq!(host.events().last().unwrap(), "step.refused");
    assert_eq!(host.events().iter().filter(|event| *event == "grant.authorized").count(), 2);
    let used = |used| ask("dev").with_usage(Usage::none().with_used("dev", used));
    assert!(matches!(host.submit(used(2), after(4)), Ok(Outcome::Deny(_))));
    assert!(matches!(host.submit(used(0), after(3_599)), Err(Conflict::LimitReached { .. })));
    assert!(
        matches!(host.submit(used(0), after(3_600)), Ok(Outcome::Allow(_))),
        "a new window has new slots"
    );
    let other = Request::new(member("bo", &[]), action(DELETE), orders("dev")).with_usage(Usage::none());
    assert!(
        matches!(host.submit(other, after(5)), Ok(Outcome::Allow(_))),
        "another subject has slots of its own"
    );
}

#[test]
fn limit_counts_together_what_it_says() {
    for (by, [same_subject, same_resource, neither]) in
        [("subject", [false, true, true]), ("resource", [true, false, true]), ("rule", [false; 3])]
    {
        let toml =
            POLICY.replace("count = 2, per = \"1h\"", &format!("count = 1, per = \"1h\", by = \"{by}\""));
        for (who, on, open) in
            [("ana", "users", same_subject), ("bo", "orders", same_resource), ("bo", "users", neither)]
        {
            let mut host = Host::new(&toml);
            let _ = host.submit(ask("dev"), after(0)).unwrap();
            let resource = Resource::new("database", on).with("environment", "dev");
            let request = Request::new(member(who, &[]), action(DELETE), resource).with_usage(Usage::none());
            assert_eq!(host.submit(request, after(1)).is_ok(), open, "by {by}: {who} on {on}");
        }
    }
}

#[test]
fn store_that_refuses_a_slot_moves_the_request_to_the_next() {
    let mut host = Host::new(POLICY);
    let mut ledger = Ledger::create(STREAM).unwrap().store_enforces_keys();
    let stamp = host.stamp(after(0));
    let staged = ledger.stage(host.gate.submit(ask("dev"), stamp)).unwrap();
    let first = staged.records()[1].key().unwrap().to_owned();
    assert!(first.ends_with("/1"));
    let staged = staged.refuse([&first]);
    let second = staged.records()[1].key().unwrap().to_owned();
    assert!(second.ends_with("/2"));
    let staged = staged.refuse([&second]);
    assert_eq!(staged.records()[1].event(), "step.refused");
    assert!(matches!(staged.commit(), Err(Conflict::LimitReached { .. })));
}

#[test]
fn batch_of_two_races_gives_one_of_each() {
    let mut host = Host::new(&POLICY.replace("count = 2", "count = 1"));
    let stamps = [host.stamp(after(0)), host.stamp(after(0))];
    let gate = host.gate.clone();
    let batch: Step<Vec<_>> = stamps.into_iter().map(|stamp| gate.submit(ask("dev"), stamp)).collect();
    let outcomes = host.store(batch);
    assert!(matches!(outcomes[..], [Ok(Outcome::Allow(_)), Err(Conflict::LimitReached { .. })]));
}

#[test]
fn second_emergency_of_a_count_is_stale_and_the_next_goes_on() {
    let mut host = Host::new(POLICY);
    let glass = |emergencies| {
        ask("prod").as_emergency().with_reason("down").with_usage(Usage::none().with_emergencies(emergencies))
    };
    assert!(matches!(host.submit(glass(0), after(0)), Ok(Outcome::Allow(_))));
    assert!(matches!(host.submit(glass(0), after(1)), Err(Conflict::Stale { .. })));
    assert!(matches!(host.submit(glass(1), after(2)), Ok(Outcome::Allow(_))));
    let owed = host.events().into_iter().filter(|event| event == "emergency.owed").count();
    assert_eq!(owed, 2);
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let owed = resumed.records().iter().find(|record| record.event() == "emergency.owed").unwrap();
    assert_eq!(owed.content()["due"], "2026-11-24T12:00:00.000000Z");
    assert_eq!(owed.content()["by"], "user/ana");
}

#[test]
fn used_stamp_authorizes_nothing_twice() {
    let host = Host::new(POLICY);
    let mut ledger = Ledger::create(STREAM).unwrap();
    let glass = || ask("prod").as_emergency().with_reason("down");
    let first = host.gate.submit(glass(), Stamp::new(after(0), [9; 32]));
    let again = host
        .gate
        .submit(glass().with_usage(Usage::none().with_emergencies(1)), Stamp::new(after(1), [9; 32]));
    assert!(matches!(ledger.stage(first).unwrap().commit(), Ok(Outcome::Allow(_))));
    assert!(matches!(ledger.stage(again).unwrap().commit(), Err(Conflict::Stale { .. })));
}

// After a crash.

#[test]
fn recover_gives_the_recorded_grant_again_byte_for_byte() {
    let mut host = Host::new(POLICY);
    let (id, grant) = approved(&mut host);
    let lines = host.lines.len();
    for _ in 0..2 {
        let review = host.review(&id);
        assert_eq!(review.state(), ReviewState::Approved);
        assert_eq!(allowed(host.recover(&review, after(900))).token(), grant.token());
    }
    assert_eq!(host.lines.len(), lines, "nothing new is authorized or recorded");
}

#[test]
fn review_resumed_from_the_log_goes_on_as_if_nothing_had_happened() {
    let mut host = Host::new(POLICY);
    let review = host.open(ask("prod"), after(0));
    let Ok(Outcome::Review(live)) = host.vote(&review, Vote::approve(member("bo", &["sre"])), after(1))
    else {
        panic!("expected an open review")
    };
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let reviews = resumed.reviews().unwrap();
    assert_eq!(format!("{:?}", reviews[0]), format!("{live:?}"));
    assert_eq!(reviews[0].request(), live.request());
    host.ledger = resumed.ledger;
    let grant = allowed(host.vote(&reviews[0], Vote::approve(member("cy", &["sre"])), after(2)));
    assert!(verify(grant.token(), DELETE, after(2)).is_ok());
    let second = host.vote(&live, Vote::approve(member("dee", &["sre"])), after(3));
    assert!(matches!(second, Err(VoteError::Conflict(Conflict::Stale { .. }))));
}

#[test]
fn torn_tail_is_told_and_the_whole_lines_resume() {
    let mut host = Host::new(POLICY);
    let (id, _) = approved(&mut host);
    let whole = host.lines.len();
    host.lines.extend_from_slice(b"{\"!fmt\":");
    let Err(LedgerError::TornTail { keep }) = Ledger::resume(STREAM, &host.lines) else {
        panic!("expected a torn tail")
    };
    assert_eq!(keep, whole);
    host.lines.truncate(keep);
    assert_eq!(host.review(&id).state(), ReviewState::Approved);
}

// Another policy.

#[test]
fn reloaded_gate_decides_by_the_new_policy_and_open_reviews_must_be_asked_again() {
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
    assert!(matches!(host.vote(&review, vote, after(3)), Err(VoteError::PolicyChanged)));
    assert!(matches!(host.wake(&review, after(4 * 3_600)), Ok(Outcome::Deny(_))));
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
