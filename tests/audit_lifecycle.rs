//! The order of things: each way in which a log's writer can break it, and that an honest log does not.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::{Erasure, Finding, Ledger, Lifecycle, LogVerifier, Step, Usage, Violation, Vote};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use support::walk::{DELETE, POLICY, allowed, approved, ask, redeem, verify};
use support::{Host, STREAM, after, member};

/// Requests, votes, a quorum, grants of all kinds, a use of one, and a review that is open.
fn honest() -> Host {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let verified = verify(grant.token(), DELETE, after(3)).unwrap();
    let _ = redeem(&mut host, verified, after(3)).unwrap();
    let _ = host.submit(ask("dev"), after(4)).unwrap();
    let _ = allowed(host.submit(ask("prod").as_emergency().with_reason("down"), after(5)));
    let open = host.open(ask("prod").with_usage(Usage::none()), after(6));
    let _ = host.vote(&open, Vote::approve(member("ana", &["sre"])), after(7)).unwrap_err();
    let _ = host.vote(&open, Vote::approve(member("bo", &["sre"])), after(8)).unwrap();
    host
}

/// The records of a log, to be changed by whoever may write it.
struct Forger(Vec<Value>);

impl Forger {
    fn new() -> Self {
        let host = honest();
        let text = String::from_utf8(host.lines).unwrap();
        Self(text.lines().map(|line| serde_json::from_str(line).unwrap()).collect())
    }

    fn find(&self, event: &str) -> usize {
        self.0.iter().position(|record| record["event"] == event).unwrap()
    }

    /// Writes the log with all numbers and links made to fit.
    fn lines(&self, stream: &str) -> Vec<u8> {
        let mut hasher = Sha256::new();
        hasher.update(b"countersign/genesis/v1\0");
        hasher.update(stream.as_bytes());
        let (mut prev, mut log) = (hasher.finalize(), Vec::new());
        for (seq, record) in self.0.iter().enumerate() {
            let mut record = record.clone();
            record["seq"] = json!(seq);
            record["stream"] = json!(stream);
            record["prev"] = json!(prev.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
            let text = record.to_string();
            prev = Sha256::new().chain_update([0]).chain_update(&text).finalize();
            log.extend_from_slice(text.as_bytes());
            log.push(b'\n');
        }
        log
    }

    fn findings(&self) -> Vec<(u64, Violation)> {
        findings(&[(STREAM, &self.lines(STREAM))])
            .into_iter()
            .map(|found| (found.seq, found.violation))
            .collect()
    }
}

fn findings(logs: &[(&str, &[u8])]) -> Vec<Finding> {
    let mut lifecycle = Lifecycle::new();
    for (stream, lines) in logs {
        let mut log = LogVerifier::new(stream);
        for line in lines.split_inclusive(|byte| *byte == b'\n') {
            let found = log.push(line);
            lifecycle.push(&found.unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line))));
        }
    }
    lifecycle.finish()
}

#[test]
fn honest_log_has_no_findings() {
    let forger = Forger::new();
    assert_eq!(forger.findings(), []);
    assert!(forger.0.len() > 15);
    for version in ["0.1.0", "0.2.0", "0.3.0"] {
        let log = std::fs::read(format!("tests/vectors/review/{version}.jsonl")).unwrap();
        assert_eq!(findings(&[(STREAM, &log)]), [], "{version}");
    }
}

#[test]
fn grant_without_its_request_decision_policy_or_quorum_is_found() {
    // No request at all.
    let mut forger = Forger::new();
    let at = forger.find("grant.authorized");
    for name in ["req", "review"] {
        forger.0[at][name] = json!("nobody");
    }
    forger.0[at]["key"] = json!("authorize/nobody");
    let found = forger.findings();
    assert!(found.contains(&(at as u64, Violation::NoRequest)), "{found:?}");
    assert!(found.contains(&(at as u64, Violation::NoQuorum)), "{found:?}");

    // A request that was not allowed, and nobody was asked.
    let mut forger = Forger::new();
    forger.0[at].as_object_mut().unwrap().remove("review");
    assert!(forger.findings().contains(&(at as u64, Violation::NotAllowed)));

    // Another policy.
    let mut forger = Forger::new();
    forger.0[at]["policy"] = json!("sha-256:00");
    assert!(matches!(&forger.findings()[..], [(seq, Violation::Policy { .. })] if *seq == at as u64));

    // Too few votes.
    let mut forger = Forger::new();
    let vote = forger.find("review.voted");
    forger.0[vote]["vote"]["approver"]["properties"]["groups"] = json!(["dev"]);
    assert_eq!(forger.findings(), [(at as u64, Violation::NoQuorum)]);
    // One person for two.
    let mut forger = Forger::new();
    forger.0[vote]["vote"]["approver"]["id"] = json!("cy");
    assert!(forger.findings().contains(&(at as u64, Violation::NoQuorum)));

    // Something else than what was asked for.
    for (claim, value) in [("sub", "user/eve"), ("act", "sql.drop"), ("res", "database/payroll")] {
        let mut forger = Forger::new();
        forger.0[at]["claims"][claim] = json!(value);
        assert!(forger.findings().contains(&(at as u64, Violation::NotAsked { claim })), "{claim}");
    }
}

#[test]
fn second_grant_of_one_request_is_found() {
    let mut forger = Forger::new();
    let at = forger.find("grant.authorized");
    let mut again = forger.0[at].clone();
    again["claims"]["jti"] = json!("another");
    forger.0.push(again);
    let last = forger.0.len() as u64 - 1;
    let found = forger.findings();
    assert!(found.contains(&(last, Violation::GrantedTwice)), "{found:?}");
    let taken = Violation::KeyTwice { stream: STREAM.to_owned(), seq: at as u64 };
    assert!(found.contains(&(last, taken)), "{found:?}");
    assert!(
        found.contains(&(last, Violation::AfterTheEnd { event: "grant.authorized".to_owned() })),
        "{found:?}"
    );
}

#[test]
fn use_without_its_grant_twice_late_or_for_another_is_found() {
    let at = Forger::new().find("grant.redeemed");
    let mut forger = Forger::new();
    for name in ["grant", "req"] {
        forger.0[at][name] = json!("nobody");
    }
    assert_eq!(forger.findings(), [(at as u64, Violation::NoGrant)]);

    let mut forger = Forger::new();
    let mut again = forger.0[at].clone();
    again["key"] = json!("use/other/1");
    forger.0.push(again);
    let last = forger.0.len() as u64 - 1;
    assert_eq!(forger.findings(), [(last, Violation::UsedUp { found: 2, allowed: 1 })]);

    for time in ["2026-11-23T11:00:00.000000Z", "2026-11-23T14:00:00.000000Z"] {
        let mut forger = Forger::new();
        forger.0[at]["at"] = json!(time);
        assert_eq!(forger.findings(), [(at as u64, Violation::OutOfTime)]);
    }
    for (field, value) in [("by", "user/eve"), ("action", "sql.drop"), ("resource", "database/payroll")] {
        let mut forger = Forger::new();
        forger.0[at][field] = json!(value);
        assert_eq!(forger.findings(), [(at as u64, Violation::NotGranted { field })]);
    }
}

#[test]
fn grant_and_use_may_stand_in_different_streams() {
    let mut gate = Forger::new();
    let used = gate.find("grant.redeemed");
    let used = gate.0.remove(used);
    let mut tool = Forger(vec![gate.0[0].clone(), used]);
    tool.0[0]["id"] = json!("00");
    let (at, gate) = (gate.find("grant.authorized"), gate.lines(STREAM));
    let line = gate.split(|byte| *byte == b'\n').nth(at).unwrap();
    let leaf = Sha256::new().chain_update([0]).chain_update(line).finalize();
    let leaf: String = leaf.iter().map(|byte| format!("{byte:02x}")).collect();
    tool.0[1]["cause"] = json!({ "leaf": format!("sha-256:{leaf}"), "seq": at, "stream": STREAM });
    let right = tool.lines("tool");
    tool.0[1]["cause"]["leaf"] = json!(format!("sha-256:{}", "0".repeat(64)));
    let (tool, moved) = (right, tool.lines("tool"));
    assert_eq!(findings(&[("tool", &tool), (STREAM, &gate)]), []);
    let found = findings(&[(STREAM, &gate), ("tool", &moved)]);
    assert_eq!((found.len(), &found[0].violation), (1, &Violation::Cause), "{found:?}");
    let found = findings(&[("tool", &tool)]);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].to_string(), "record 1 of `tool`: use of a grant that is not recorded");
}

#[test]
fn vote_after_the_close_and_records_out_of_place_are_found() {
    let mut forger = Forger::new();
    let vote = forger.find("review.voted");
    let mut late = forger.0[vote].clone();
    late.as_object_mut().unwrap().remove("key");
    late.as_object_mut().unwrap().remove("version");
    forger.0.push(late);
    let last = forger.0.len() as u64 - 1;
    let event = "review.voted".to_owned();
    assert_eq!(forger.findings(), [(last, Violation::AfterTheEnd { event })]);

    let mut forger = Forger::new();
    forger.0.remove(vote);
    let found = forger.findings();
    assert!(
        found.iter().any(|(_, violation)| matches!(violation, Violation::OutOfPlace { .. })),
        "a version is missing: {found:?}"
    );
    assert!(found.iter().any(|(_, violation)| *violation == Violation::NoQuorum), "{found:?}");

    let mut forger = Forger::new();
    let opened = forger.find("review.opened");
    let decided = (0..opened).rev().find(|at| forger.0[*at]["event"] == "request.decided").unwrap();
    forger.0.remove(decided);
    let found = forger.findings();
    assert!(found.iter().any(|(_, violation)| *violation == Violation::NoRequest), "{found:?}");
    assert!(
        matches!(&found[0].1, Violation::OutOfPlace { because } if because.contains("not recorded before"))
    );
}

#[test]
fn erasure_in_an_open_review_is_found() {
    let mut host = honest();
    let open = Ledger::resume(STREAM, &host.lines).unwrap().reviews().unwrap().pop().unwrap();
    let seq = Ledger::resume(STREAM, &host.lines)
        .unwrap()
        .records()
        .iter()
        .find(|record| record.review() == Some(open.id()))
        .unwrap()
        .seq();
    assert!(Erasure::of(host.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())).is_err());
    let stamp = host.stamp(after(9));
    host.store(Step::note("padding", 1.into(), stamp));
    let mut forger = Forger(
        String::from_utf8(host.lines)
            .unwrap()
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    );
    let last = forger.0.len() - 1;
    forger.0[last]["event"] = json!("record.erased");
    forger.0[last]["records"] = json!([{ "leaf": "00", "paths": [], "seq": seq, "stream": STREAM }]);
    let review = open.id().to_owned();
    assert_eq!(forger.findings(), [(last as u64, Violation::ErasedTooEarly { review })]);
}
