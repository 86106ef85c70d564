//! What the log is good for: who was first, what came back after a crash, and what was changed.

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

use countersign::{
    Completeness, Conflict, Integrity, Ledger, LedgerError, LogVerifier, Outcome, Record, Replay, Request,
    Resource, ReviewState, Stamp, Step, Usage, Vote, VoteError,
};

use support::walk::{DELETE, POLICY, action, allowed, approved, ask, orders, redeem, verify};
use support::{Host, STREAM, after, key, member};

fn check(lines: &[u8], checkpoint: &str) -> countersign::LogVerdict {
    let mut log = LogVerifier::new(STREAM).with_key(key().public()).with_checkpoint(checkpoint).unwrap();
    for line in lines.split_inclusive(|byte| *byte == b'\n') {
        log.push(line);
    }
    log.finish(after(60))
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
    assert_eq!((report.founded, report.unfounded), (4, 0), "by two people, two zones and break-glass");
}

/// Writes a log anew from records that somebody changed, so that its chain holds.
fn rechained(lines: &[u8], change: impl Fn(&mut Vec<serde_json::Value>)) -> Vec<u8> {
    use sha2::Digest;
    let text = std::str::from_utf8(lines).unwrap();
    let mut records: Vec<serde_json::Value> =
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    change(&mut records);
    let mut prev = records[0]["prev"].clone();
    let mut log = Vec::new();
    for (seq, record) in records.iter_mut().enumerate() {
        (record["seq"], record["prev"]) = (seq.into(), prev);
        let line = record.to_string();
        let digest = sha2::Sha256::digest([&[0], line.as_bytes()].concat());
        prev = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
        log.extend_from_slice(line.as_bytes());
        log.push(b'\n');
    }
    log
}

#[test]
fn grant_without_a_quorum_in_the_log_is_found() {
    let mut host = Host::new(POLICY);
    approved(&mut host);
    let _ = host.submit(ask("dev"), after(9)).unwrap();
    let replayed = |lines: &[u8]| {
        let mut log = LogVerifier::new(STREAM);
        let mut replay = Replay::new([host.gate.policy().clone()]);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            replay.push(&log.push(line).unwrap());
        }
        let report = replay.finish();
        (report.founded, report.unfounded, report.first_unfounded.is_some())
    };
    let is = |record: &serde_json::Value, event: &str| record["event"] == event;
    assert_eq!(replayed(&host.lines), (2, 0, false));
    assert_eq!(replayed(&rechained(&host.lines, |_| {})), (2, 0, false));
    let without_a_vote = rechained(&host.lines, |records| {
        let first = records.iter().position(|record| is(record, "review.voted")).unwrap();
        let taken = records.remove(first);
        (records[first]["version"], records[first]["key"]) = (taken["version"].clone(), taken["key"].clone());
    });
    assert_eq!(replayed(&without_a_vote), (1, 1, true), "one approval is no quorum of two");
    let by_a_stranger = rechained(&host.lines, |records| {
        let vote = records.iter_mut().find(|record| is(record, "review.voted")).unwrap();
        vote["vote"]["approver"]["properties"]["groups"] = serde_json::json!(["dev"]);
    });
    assert_eq!(replayed(&by_a_stranger), (1, 1, true));
    let without_a_request = rechained(&host.lines, |records| {
        let last = records.iter().rposition(|record| is(record, "request.decided")).unwrap();
        records.remove(last);
    });
    assert_eq!(replayed(&without_a_request), (1, 1, true));
    let twice = rechained(&host.lines, |records| {
        let granted = records.iter().find(|record| is(record, "grant.authorized")).unwrap().clone();
        records.push(granted);
    });
    assert_eq!(replayed(&twice), (2, 1, true), "a request is authorized once");
}

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

#[test]
fn recover_gives_the_recorded_grant_again_byte_for_byte() {
    let mut host = Host::new(POLICY);
    let (id, grant) = approved(&mut host);
    let lines = host.events().len();
    for _ in 0..2 {
        let review = host.review(&id);
        assert_eq!(review.state(), ReviewState::Approved);
        assert_eq!(allowed(host.recover(&review, after(900))).token(), grant.token());
    }
    let new = Ledger::resume(STREAM, &host.lines).unwrap();
    let new: Vec<&str> = new.records()[lines..].iter().map(Record::event).collect();
    assert_eq!(new, ["grant.recovered", "grant.recovered"], "nothing new is authorized");
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
