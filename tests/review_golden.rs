//! Saved reviews: what a release wrote, every later one reads.
//!
//! `tests/vectors/review/VERSION.jsonl` is a log as that version wrote it; beside it stands what it amounts to.
//! A log that reads otherwise is a change of the format.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::disallowed_methods,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::{Ledger, Outcome, Review, ReviewState, Vote};
use serde_json::{Value, json};

use support::reviews::{HEAD, ask, back, dba, lead, no, sre, yes};
use support::{Host, STREAM, after, policy};

fn summary(review: &Review) -> Value {
    let outlook = review.outlook(&[], after(0));
    json!({
        "id": review.id(),
        "state": review.state().as_str(),
        "expires_at": review.expires_at(),
        "starts_at": review.starts_at(),
        "approved": outlook.approved,
        "rejected": outlook.rejected,
        "needs_fresh": outlook.needs_fresh,
        "missing": outlook.missing.len(),
        "policies": review.policies().count(),
        "comments": review.comments().count(),
        "next_wakeup": review.next_wakeup(),
    })
}

fn saved(version: &str) -> (Vec<u8>, Value) {
    let path = |end| format!("tests/vectors/review/{version}.{end}");
    let log = std::fs::read(path("jsonl")).unwrap();
    (log, serde_json::from_slice(&std::fs::read(path("json")).unwrap()).unwrap())
}

#[test]
fn saved_reviews_of_every_release_load() {
    for version in ["0.1.0", "0.2.0", "0.3.0"] {
        let (log, expected) = saved(version);
        let resumed = Ledger::resume(STREAM, &log).unwrap();
        let reviews = resumed.reviews().unwrap();
        let found: Value = reviews.iter().map(summary).collect();
        assert_eq!(found, expected, "{version}:\n{}", serde_json::to_string_pretty(&found).unwrap());
        for review in &reviews {
            let of = resumed.records().iter().filter(|record| record.review() == Some(review.id()));
            let replayed = Review::replay(of.map(|record| record.bytes().to_vec()), []).unwrap();
            assert_eq!(format!("{replayed:?}"), format!("{review:?}"));
        }
    }
}

#[test]
fn every_saved_grant_rests_on_votes_that_are_found_again() {
    for (version, grants) in [("0.1.0", 1), ("0.2.0", 1), ("0.3.0", 2)] {
        let (lines, _) = saved(version);
        let mut log = countersign::LogVerifier::new(STREAM);
        let mut replay = countersign::Replay::new([]);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            replay.push(&log.push(line).unwrap());
        }
        let report = replay.finish();
        assert_eq!((report.founded, report.unfounded), (grants, 0), "{version}");
    }
}

#[test]
fn open_review_of_an_old_release_goes_on() {
    let (log, _) = saved("0.1.0");
    let mut host = Host::new(HEAD);
    let resumed = Ledger::resume(STREAM, &log).unwrap();
    let review = resumed.reviews().unwrap().remove(0);
    assert_eq!(review.state(), ReviewState::Open);
    host.ledger = resumed.ledger;
    // The plan that opened it stands in the log; the policy that decides by now is heard beside it.
    host.gate = countersign::Gate::new(policy(&format!("{HEAD}{OLD}")), support::ISSUER);
    let outcome = host.vote(&review, Vote::approve(lead("dee")), after(60));
    assert!(matches!(outcome, Ok(Outcome::Allow(_))), "{outcome:?}");
}

const OLD: &str = "[[review]]\nid = 'people'\nwhen = 'true'\nmay = ['shorten']\ngrant = { max = '30m', single_use = true, use_within = '10m' }\nveto = [ { count = 1, from = 'lead' }, { count = 2, from = 'sre', final = false } ]\n[[review.stage]]\nid = 'peers'\napprove = { any = [ { count = 2, from = 'sre' }, { from = 'dba', comment = true } ] }\n[[review.stage]]\nid = 'owner'\napprove = { from = 'lead' }\n";

const RULES: &str = r#"
[[review]]
id = 'people'
when = 'true'
expires = '2h'
refresh = '30m'
may = ['shorten', 'start_later', 'narrow']
on_withdraw = 'revoke'
veto = [ { count = 2, from = 'dba', final = false }, { count = 1, from = 'lead' } ]
grant = { max = '30m', max_uses = 2, start_later = '7d' }
[[review.stage]]
id = 'peers'
remind = ['5m']
escalate = [ { after = '10m', add = 'dba' } ]
approve = { count = 2, from = 'sre' }
[[review.stage]]
id = 'owner'
skip_after = '15m'
fallback = { from = 'sre' }
approve = { from = 'has(resource.owner) && approver.id == resource.owner' }
"#;

/// A log with every change that a review can have. The file `0.3.0.jsonl` was written by it.
fn written() -> Vec<u8> {
    let mut host = Host::new(&format!("{HEAD}{RULES}"));
    let people = [sre("bo"), sre("cy"), sre("dee")];
    let open = |host: &mut Host, start: Option<i64>, second| {
        let asked = start.map_or_else(ask, |start| ask().with_not_before(after(start)));
        let stamp = host.stamp(after(second));
        match host.store(host.gate.clone().submit_with_candidates(asked, &people, stamp)) {
            Ok(Outcome::Review(review)) => review.id().to_owned(),
            other => panic!("expected a review, found {other:?}"),
        }
    };
    let vote = |host: &mut Host, id: &str, vote: Vote, second| {
        let _ = host.vote(&host.review(id), vote, after(second));
    };
    let wake = |host: &mut Host, id: &str, second| {
        let _ = host.wake(&host.review(id), after(second)).unwrap();
    };
    // Reminded, escalated, passed over after a delegate's vote; approved, and then revoked.
    let first = open(&mut host, None, 0);
    wake(&mut host, &first, 300);
    wake(&mut host, &first, 600);
    vote(&mut host, &first, yes(sre("bo")).at_most(support::minutes(10)).with_comment("fine"), 610);
    vote(&mut host, &first, yes(lead("eve")).on_behalf_of(dba("flo")), 620);
    vote(&mut host, &first, Vote::comment(dba("gus"), "why?"), 630);
    wake(&mut host, &first, 620 + 900);
    vote(&mut host, &first, back(sre("bo")), 1_600);
    // Scheduled, unscheduled, withdrawn.
    let second = open(&mut host, Some(3_000), 2_000);
    vote(&mut host, &second, yes(sre("bo")), 2_010);
    vote(&mut host, &second, yes(sre("cy")).narrowed("max_rows", 5.into()), 2_020);
    vote(&mut host, &second, yes(sre("dee")).not_before(after(4_000)), 2_030);
    vote(&mut host, &second, back(sre("dee")), 2_040);
    let stamp = host.stamp(after(2_050));
    let step = host.gate.clone().withdraw(&host.review(&second), &sre("ana"), stamp);
    let _ = host.store(step).unwrap();
    // Waits for fresh attributes at its start.
    let third = open(&mut host, Some(6_000), 2_100);
    vote(&mut host, &third, yes(sre("bo")), 2_110);
    vote(&mut host, &third, yes(sre("cy")), 2_120);
    vote(&mut host, &third, yes(sre("dee")), 2_130);
    wake(&mut host, &third, 6_000);
    let stamp = host.stamp(after(6_010));
    let step = host.gate.clone().refresh(&host.review(&third), vec![sre("bo"), sre("cy")], stamp);
    let _ = host.store(step);
    // Superseded, rejected, expired.
    let fifth = open(&mut host, None, 7_100);
    let stamp = host.stamp(after(7_110));
    let step = host.gate.clone().supersede(&host.review(&fifth), ask(), stamp);
    let _ = host.store(step).unwrap();
    let sixth = open(&mut host, None, 7_200);
    vote(&mut host, &sixth, no(lead("eve")), 7_210);
    let seventh = open(&mut host, None, 7_300);
    wake(&mut host, &seventh, 7_300 + 7_200);
    // Another policy is loaded while it waits.
    let fourth = open(&mut host, None, 15_000);
    vote(&mut host, &fourth, yes(sre("bo")), 15_010);
    let other = "[[review]]\nid = 'new'\nwhen = 'true'\napprove = { from = 'lead' }\n";
    host.gate = countersign::Gate::new(policy(&format!("{HEAD}{other}")), support::ISSUER);
    vote(&mut host, &fourth, yes(sre("cy")), 15_020);
    // Whoever could fill a stage leaves; a rule matches by now; the grant is recovered.
    let late = "[[review]]\nid = 'late'\nwhen = 'now >= timestamp(\"2026-11-23T17:00:00Z\")'\napprove = { from = 'lead' }\n";
    host.gate = countersign::Gate::new(policy(&format!("{HEAD}{RULES}{late}")), support::ISSUER);
    let owned = countersign::Resource::new("database", "orders").with("owner", "olga");
    let eighth = host.open(ask().with_resource(owned), after(17_000)).id().to_owned();
    let stamp = host.stamp(after(17_010));
    let step = host.gate.clone().wake_with_candidates(&host.review(&eighth), &people, stamp);
    let _ = host.store(step).unwrap();
    for (who, second) in [("bo", 17_100), ("cy", 17_110), ("dee", 18_100)] {
        vote(&mut host, &eighth, yes(sre(who)), second);
    }
    vote(&mut host, &eighth, yes(lead("lee")), 18_110);
    let _ = host.recover(&host.review(&eighth), after(18_120)).unwrap();
    host.lines
}

#[test]
fn log_is_written_as_this_release_saved_it() {
    let written = written();
    if std::env::var_os("SAVE_REVIEWS").is_some() {
        std::fs::write("tests/vectors/review/0.3.0.jsonl", &written).unwrap();
        for version in ["0.1.0", "0.2.0", "0.3.0"] {
            let log = std::fs::read(format!("tests/vectors/review/{version}.jsonl")).unwrap();
            let reviews = Ledger::resume(STREAM, &log).unwrap().reviews().unwrap();
            let found: Value = reviews.iter().map(summary).collect();
            let text = serde_json::to_string_pretty(&found).unwrap() + "\n";
            std::fs::write(format!("tests/vectors/review/{version}.json"), text).unwrap();
        }
    }
    // The record of a decision names the library's version; what a review writes does not.
    let reviews = |log: &[u8]| -> Vec<(String, Value)> {
        let log = Ledger::resume(STREAM, log).unwrap();
        let of = log.records().iter().filter(|record| record.event().starts_with("review."));
        of.map(|record| (record.event().to_owned(), Value::Object(record.content()))).collect()
    };
    let found = reviews(&written);
    let events: std::collections::BTreeSet<&String> = found.iter().map(|(event, _)| event).collect();
    let all = countersign::Event::ALL.iter().map(|event| event.as_str().to_owned());
    let missing: Vec<String> =
        all.filter(|event| event.starts_with("review.") && !events.contains(event)).collect();
    assert_eq!(missing, ["review.vote_refused"], "a golden log without an event shows nothing of it");
    let (log, _) = saved("0.3.0");
    assert_eq!(found, reviews(&log), "what is written differs from the golden file: a change of the format");
}
