//! Records that follow from records of other streams: who writes the link, and what an auditor finds of it.
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
    Cause, CauseFault, Debts, Ledger, LogVerifier, Outcome, ParentVerifier, Record, Review, Stamp, Step,
    StreamFault, StreamsVerdict, Vote,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use support::walk::{DELETE, POLICY, allowed, approved, ask, redeem, verify};
use support::{Host, STREAM, after, key, member};

const OTHER: &str = "tool/7f3a";

/// Two hosts with streams of their own.
fn hosts() -> (Host, Host) {
    let (gate, mut tool) = (Host::new(POLICY), Host::new(POLICY));
    tool.ledger = Ledger::create(OTHER).unwrap();
    // Its stamps are not those of the other host.
    (0..1_000).for_each(|_| drop(tool.stamp(after(0))));
    (gate, tool)
}

fn records(host: &Host) -> Vec<Record> {
    Ledger::resume(host.ledger.stream(), &host.lines).unwrap().records().to_vec()
}

fn of(host: &Host, event: &str) -> Record {
    let found = records(host).into_iter().rev().find(|record| record.event() == event);
    found.unwrap_or_else(|| panic!("{event}"))
}

fn place(record: &Record) -> (String, u64, [u8; 32]) {
    (record.stream().to_owned(), record.seq(), record.leaf())
}

fn named(cause: &Cause) -> (String, u64, [u8; 32]) {
    (cause.stream().to_owned(), cause.seq(), cause.leaf())
}

fn lines(file: &[u8]) -> Vec<Vec<u8>> {
    file.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect()
}

/// Verifies both streams under a parent that has the opening of each and the checkpoint of all that is shown.
fn judge(logs: &[(&str, &[Vec<u8>])]) -> StreamsVerdict {
    let (mut parent, mut file) = (Ledger::create("fleet").unwrap(), Vec::new());
    for (number, (stream, log)) in (1..).zip(logs) {
        let resumed = Ledger::resume(stream, &log.concat()).unwrap();
        for (place, seed) in [(1, number), (2, number)] {
            let stamp = Stamp::new(after(0), [place * 16 + seed; 32]);
            if place == 1 {
                let staged = parent.stage(Step::child_opened(&resumed.records()[0], stamp)).unwrap();
                file.extend(lines(staged.lines()));
                staged.commit().unwrap();
            } else {
                let step = Step::child_checkpointed(&resumed.ledger.checkpoint(), stamp);
                let staged = parent.stage(step).unwrap();
                file.extend(lines(staged.lines()));
                staged.commit();
            }
        }
    }
    let kept = parent.checkpoint().sign(&key());
    let log = LogVerifier::new("fleet").with_key(key().public()).with_checkpoint(&kept).unwrap();
    let mut verifier = ParentVerifier::new(log);
    file.iter().for_each(|line| drop(verifier.push(line)));
    let mut streams = verifier.finish(after(9_999)).unwrap();
    logs.iter().for_each(|(stream, log)| streams.read(LogVerifier::new(stream), *log));
    streams.finish()
}

/// A grant that was authorized at the gate and used at the tool, of which another one was used before.
fn used() -> (Host, Host) {
    let (mut gate, mut tool) = hosts();
    let (_, other) = approved(&mut gate);
    let _ = redeem(&mut tool, verify(other.token(), DELETE, after(3)).unwrap(), after(3)).unwrap();
    let (_, grant) = approved(&mut gate);
    let _ = redeem(&mut tool, verify(grant.token(), DELETE, after(4)).unwrap(), after(4)).unwrap();
    (gate, tool)
}

/// Changes the fields of one record and makes the numbers and links behind it fit, as a forger can.
fn forged(stream: &str, file: &[u8], at: usize, change: impl Fn(&mut Value)) -> Vec<Vec<u8>> {
    let mut prev = Sha256::digest([b"countersign/genesis/v1\0", stream.as_bytes()].concat()).to_vec();
    let each = lines(file).into_iter().enumerate().map(|(seq, line)| {
        let mut fields: Value = serde_json::from_slice(&line).unwrap();
        if seq == at {
            change(&mut fields);
        }
        fields["prev"] = json!(prev.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let line = fields.to_string().into_bytes();
        prev = Sha256::digest([b"\0", line.as_slice()].concat()).to_vec();
        [line.as_slice(), b"\n"].concat()
    });
    each.collect()
}

#[test]
fn use_in_another_stream_names_its_authorization() {
    let (gate, tool) = used();
    let redeemed = of(&tool, "grant.redeemed");
    assert_eq!(named(&redeemed.cause().unwrap()), place(&of(&gate, "grant.authorized")));
    assert!(!redeemed.content().contains_key("cause"));
    let verdict = judge(&[(STREAM, &lines(&gate.lines)), (OTHER, &lines(&tool.lines))]);
    assert_eq!(verdict.require_sound(), Ok(()));
}

#[test]
fn refused_use_in_another_stream_names_its_authorization() {
    let (mut gate, mut tool) = hosts();
    let (_, grant) = approved(&mut gate);
    let verified = verify(grant.token(), DELETE, after(3)).unwrap();
    assert!(redeem(&mut tool, verified, after(7_200)).is_err());
    let refused = of(&tool, "step.refused");
    assert_eq!(named(&refused.cause().unwrap()), place(&of(&gate, "grant.authorized")));
    let verdict = judge(&[(STREAM, &lines(&gate.lines)), (OTHER, &lines(&tool.lines))]);
    assert_eq!(verdict.require_sound(), Ok(()));
}

#[test]
fn nothing_is_named_within_one_stream() {
    let mut host = Host::new(POLICY);
    let (_, grant) = approved(&mut host);
    let _ = redeem(&mut host, verify(grant.token(), DELETE, after(3)).unwrap(), after(3)).unwrap();
    let text = String::from_utf8(host.lines).unwrap();
    assert!(text.contains("grant.redeemed") && text.contains("review.voted") && !text.contains("cause"));
}

#[test]
fn emergency_that_is_settled_in_another_stream_is_named() {
    let (mut gate, mut tool) = hosts();
    let _ = gate.submit(ask("prod").as_emergency().with_reason("down"), after(0)).unwrap();
    let mut debts = Debts::new();
    records(&gate).iter().for_each(|record| debts.push(record));
    let owed = debts.open().next().unwrap().clone();
    let vote = Vote::approve(member("bo", &[])).with_comment("it was down");
    let stamp = tool.stamp(after(9));
    let step = tool.gate.settle(&owed, vote, stamp);
    tool.store(step).unwrap();
    let settled = of(&tool, "emergency.settled");
    assert_eq!(named(&settled.cause().unwrap()), place(&of(&gate, "emergency.owed")));
    let verdict = judge(&[(STREAM, &lines(&gate.lines)), (OTHER, &lines(&tool.lines))]);
    assert_eq!(verdict.require_sound(), Ok(()));
}

#[test]
fn votes_in_another_stream_name_the_opening_of_their_review() {
    let (mut gate, mut tool) = hosts();
    let lived = gate.open(ask("prod"), after(0));
    let opening = place(&of(&gate, "review.opened"));
    // Whether the review lived or was read back, the link is the same.
    for review in [lived.clone(), gate.review(lived.id())] {
        let stamp = tool.stamp(after(1));
        let step = tool.gate.vote(&review, Vote::approve(member("bo", &["sre"])), stamp);
        let staged = tool.ledger.stage(step).unwrap();
        let voted = staged.records().last().unwrap();
        assert_eq!(voted.event(), "review.voted");
        assert_eq!(named(&voted.cause().unwrap()), opening);
        drop(staged);
        tool.ledger.catch_up::<&[u8]>([]).unwrap();
    }
    let Ok(Outcome::Review(review)) = tool.vote(&lived, Vote::approve(member("bo", &["sre"])), after(1))
    else {
        panic!("expected an open review")
    };
    allowed(tool.vote(&review, Vote::approve(member("cy", &["sre"])), after(2)));
    let _ = tool.vote(&review, Vote::approve(member("ana", &["sre"])), after(3)).unwrap_err();
    let moved = records(&tool).into_iter().filter(|record| record.review().is_some());
    let moved: Vec<_> =
        moved.map(|record| (record.event().to_owned(), named(&record.cause().unwrap()))).collect();
    let events =
        ["review.voted", "review.voted", "review.approved", "grant.authorized", "review.vote_refused"];
    assert!(moved.iter().map(|(event, _)| event.as_str()).eq(events), "{moved:?}");
    assert!(moved.iter().all(|(_, cause)| *cause == opening));
    // Records of both streams make one review.
    let both: Vec<Record> = records(&gate).into_iter().chain(records(&tool)).collect();
    let bytes = both.iter().filter(|record| record.review() == Some(lived.id())).map(Record::bytes);
    assert_eq!(Review::replay(bytes, []).unwrap().state(), countersign::ReviewState::Approved);
    let verdict = judge(&[(STREAM, &lines(&gate.lines)), (OTHER, &lines(&tool.lines))]);
    assert_eq!(verdict.require_sound(), Ok(()));
}

#[test]
fn cause_that_names_no_such_record_is_found() {
    let (gate, tool) = used();
    let at = records(&tool).len() - 1;
    let redeemed = of(&tool, "grant.redeemed");
    let all = records(&gate);
    let authorized: Vec<&Record> = all.iter().filter(|record| record.event() == "grant.authorized").collect();
    let opened = of(&gate, "review.opened");
    let hex = |record: &Record| record.leaf().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let link = |record: &Record| json!({ "leaf": format!("sha-256:{}", hex(record)), "seq": record.seq(), "stream": STREAM });
    let with = |name: &'static str, value: Value| {
        let mut link = link(authorized[1]);
        link[name] = value;
        link
    };
    let cases = [
        (link(authorized[1]), None),
        (with("stream", json!("gone")), Some(CauseFault::NoStream)),
        (with("seq", json!(0)), Some(CauseFault::NoRecord)),
        (with("seq", json!(999)), Some(CauseFault::NoRecord)),
        (with("leaf", json!(format!("sha-256:{}", "0".repeat(64)))), Some(CauseFault::Leaf)),
        (with("seq", json!(authorized[0].seq())), Some(CauseFault::Leaf)),
        (link(authorized[0]), Some(CauseFault::About)),
        (link(&opened), Some(CauseFault::Kind { found: countersign::Event::ReviewOpened })),
    ];
    for (link, expected) in cases {
        let log = forged(OTHER, &tool.lines, at, |fields| fields["cause"] = link.clone());
        let verdict = judge(&[(STREAM, &lines(&gate.lines)), (OTHER, &log)]);
        let found = verdict.faults.get(OTHER).map(|fault| match fault {
            StreamFault::Cause { seq, cause, fault } => {
                assert_eq!(*seq, redeemed.seq());
                assert_eq!(cause.seq(), link["seq"].as_u64().unwrap());
                fault.clone()
            }
            other => panic!("{other}"),
        });
        assert_eq!(found, expected, "{link}");
        assert!(!verdict.faults.contains_key(STREAM));
    }
    let log = forged(OTHER, &tool.lines, at, |fields| fields["cause"] = with("seq", json!(999)));
    let verdict = judge(&[(STREAM, &lines(&gate.lines)), (OTHER, &log)]);
    assert_eq!(
        verdict.require_sound().unwrap_err().to_string(),
        "`tool/7f3a`: record 2 names record 999 of `orders-gate` as its cause: there is no record that others follow from"
    );
}

#[test]
fn host_cannot_hide_a_missing_stream_behind_a_cause() {
    let (gate, tool) = used();
    // The gate's stream is shown without the authorization that the tool's record follows from.
    let all = lines(&gate.lines);
    let short = &all[..all.len() - 1];
    let verdict = judge(&[(STREAM, short), (OTHER, &lines(&tool.lines))]);
    assert!(matches!(verdict.faults[OTHER], StreamFault::Cause { fault: CauseFault::NoRecord, .. }));
    let verdict = judge(&[(OTHER, &lines(&tool.lines))]);
    assert!(matches!(verdict.faults[OTHER], StreamFault::Cause { seq: 1, fault: CauseFault::NoStream, .. }));
}

#[test]
fn malformed_cause_is_no_record() {
    let (_, tool) = used();
    let good = serde_json::to_value(of(&tool, "grant.redeemed").content()).unwrap();
    assert!(good.is_object());
    let leaf = format!("sha-256:{}", "0".repeat(64));
    let cases = [
        json!(null),
        json!("x"),
        json!({}),
        json!([leaf, 1, STREAM]),
        json!({ "leaf": leaf, "seq": 1 }),
        json!({ "leaf": leaf, "seq": 1, "stream": STREAM, "x": 1 }),
        json!({ "a": 1, "leaf": leaf, "seq": 1, "stream": STREAM }),
        json!({ "leaf": leaf, "seq": "1", "stream": STREAM }),
        json!({ "leaf": leaf, "seq": -1, "stream": STREAM }),
        json!({ "leaf": leaf.to_uppercase(), "seq": 1, "stream": STREAM }),
        json!({ "leaf": &leaf[..70], "seq": 1, "stream": STREAM }),
        json!({ "leaf": format!("{leaf}0"), "seq": 1, "stream": STREAM }),
        json!({ "leaf": leaf, "seq": 1, "stream": "" }),
        json!({ "leaf": leaf, "seq": 1, "stream": "a b" }),
        json!({ "leaf": leaf, "seq": 1, "stream": "a\"},{\"" }),
        json!({ "leaf": leaf, "seq": 1, "stream": "a\n" }),
        json!({ "leaf": leaf, "seq": 1, "stream": "a+b" }),
        json!({ "leaf": leaf, "seq": 1, "stream": "é" }),
        json!({ "leaf": leaf, "seq": 1, "stream": "a".repeat(201) }),
        // Its own stream.
        json!({ "leaf": leaf, "seq": 1, "stream": OTHER }),
    ];
    let verdict = |cause: &Value| {
        let log = forged(OTHER, &tool.lines, 1, |fields| fields["cause"] = cause.clone());
        let mut verifier = LogVerifier::new(OTHER);
        log.iter().for_each(|line| drop(verifier.push(line)));
        verifier.finish(after(99)).integrity
    };
    let fits = json!({ "leaf": leaf, "seq": 1, "stream": "a".repeat(200) });
    assert_eq!(verdict(&fits), countersign::Integrity::Intact { records: 3 });
    for cause in cases {
        let countersign::Integrity::Broken { first_bad: 1, fault } = verdict(&cause) else {
            panic!("{cause}")
        };
        assert_eq!(fault.to_string(), "field `cause` is missing or malformed", "{cause}");
    }
}

/// Logs of three streams, as a release wrote them: every later one must load and judge them alike.
#[test]
fn stored_streams_are_loaded_and_judged() {
    macro_rules! file {
        ($name:literal) => {
            include_str!(concat!("vectors/audit/fleet/", $name))
        };
    }
    let (name, public) = countersign::PublicKey::from_vkey(file!("parent.vkey").trim_end()).unwrap();
    let gate = lines(file!("gate.jsonl").as_bytes());
    let tool = lines(file!("tool.jsonl").as_bytes());
    let judged = |tool: &[Vec<u8>]| {
        let log = LogVerifier::new(&name).with_key(public.clone());
        let mut parent = ParentVerifier::new(log.with_checkpoint(file!("parent.note")).unwrap());
        lines(file!("parent.jsonl").as_bytes()).iter().for_each(|line| drop(parent.push(line)));
        let mut streams = parent.finish(after(9_999)).unwrap();
        streams.read(LogVerifier::new(STREAM), &gate);
        streams.read(LogVerifier::new(OTHER), tool);
        streams.finish()
    };
    let verdict = judged(&tool);
    assert_eq!(verdict.require_sound(), Ok(()));
    assert!(verdict.parent.closed && verdict.streams.values().all(|log| log.closed && log.unanchored == 0));
    let causes = tool.iter().filter(|line| std::str::from_utf8(line).unwrap().contains("\"cause\":{"));
    assert_eq!(causes.count(), 2);
    let short = &tool[..tool.len() - 1];
    assert_eq!(
        judged(short).require_sound().unwrap_err().to_string(),
        "`tool/7f3a`: log has 3 records, a checkpoint has 4"
    );
}
