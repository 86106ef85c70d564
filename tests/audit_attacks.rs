//! Every way to tamper with a log, and what each kind of evidence shows of it.
//!
//! The table stands in `docs/threat-model.md`, as an auditor reads it; it is held equal to what is found.
#![cfg(feature = "verify")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Authorship, Checkpoint, Completeness, Integrity, Ledger, LogFault, LogVerdict, LogVerifier,
    ParentVerifier, RecordFault, SigningKey, Stamp, Step, StreamFault, Streams, StreamsFault,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const STREAM: &str = "orders-gate";
const PARENT: &str = "fleet";
const MODEL: &str = include_str!("../docs/threat-model.md");

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn later() -> DateTime<Utc> {
    now() + TimeDelta::minutes(1)
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

/// A ledger with the file it writes.
struct Log {
    ledger: Ledger,
    file: Vec<Vec<u8>>,
}

impl Log {
    fn new(stream: &str) -> Self {
        Self { ledger: Ledger::create(stream).unwrap(), file: Vec::new() }
    }

    fn add<T: 'static>(&mut self, step: Step<T>) -> T {
        let staged = self.ledger.stage(step).unwrap();
        self.file.extend(staged.records().iter().map(|record| record.bytes().to_vec()));
        staged.commit()
    }

    fn checkpoint(&self) -> Checkpoint {
        self.ledger.checkpoint()
    }

    fn signed(&self) -> String {
        self.checkpoint().sign(&key())
    }
}

fn stamp(seconds: u8, seed: u8) -> Stamp {
    Stamp::new(now() + TimeDelta::seconds(seconds.into()), [seed; 32])
}

fn note(number: u8, seed: u8) -> Step<()> {
    Step::note("deploy.started", json!({ "build": number }), stamp(number, seed ^ number))
}

/// Records a stream's opening in the parent, then stores it.
fn begin(parent: &mut Log, stream: &str, seed: u8) -> Log {
    let mut log = Log::new(stream);
    let staged = log.ledger.stage(note(0, seed)).unwrap();
    parent.add(Step::child_opened(&staged.records()[0], stamp(0, seed ^ 0x80))).unwrap();
    log.file.extend(staged.records().iter().map(|record| record.bytes().to_vec()));
    staged.commit();
    log
}

/// A log of eight records, what was kept of it when it had five, and its parent, which knows as many.
struct World {
    records: Vec<Vec<u8>>,
    old: String,
    head: String,
    parent: Log,
}

fn world(seed: u8) -> World {
    let mut parent = Log::new(PARENT);
    let other = begin(&mut parent, "payments-gate", seed ^ 0x40);
    let mut log = begin(&mut parent, STREAM, seed);
    (1..4).for_each(|number| log.add(note(number, seed)));
    let old = log.signed();
    parent.add(Step::child_checkpointed(&log.checkpoint(), stamp(4, seed ^ 0x81)));
    parent.add(Step::child_checkpointed(&other.checkpoint(), stamp(4, seed ^ 0x82)));
    (4..7).for_each(|number| log.add(note(number, seed)));
    assert_eq!(log.file.len(), 8);
    World { head: log.signed(), records: log.file, old, parent }
}

fn streams(parent: &Log) -> Streams {
    let log = LogVerifier::new(PARENT).with_key(key().public()).with_checkpoint(&parent.signed()).unwrap();
    let mut verifier = ParentVerifier::new(log);
    parent.file.iter().for_each(|line| drop(verifier.push(line)));
    verifier.finish(later()).unwrap()
}

fn verify(records: &[Vec<u8>], checkpoints: &[&str]) -> LogVerdict {
    let log = LogVerifier::new(STREAM).with_key(key().public());
    let mut log = checkpoints.iter().fold(log, |log, note| log.with_checkpoint(note).unwrap());
    records.iter().for_each(|record| drop(log.push(record)));
    log.finish(later())
}

/// Gives records the numbers and links that their places demand, as whoever can write the log can do.
fn rehash(records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    rehash_as(STREAM, records)
}

fn rehash_as(stream: &str, records: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut prev = Sha256::digest([b"countersign/genesis/v1\0", stream.as_bytes()].concat()).to_vec();
    let mut out = Vec::new();
    for (seq, record) in records.iter().enumerate() {
        let mut fields: Value = serde_json::from_slice(record).unwrap();
        fields["stream"] = json!(stream);
        fields["seq"] = json!(seq);
        fields["prev"] = json!(prev.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let record = fields.to_string().into_bytes();
        prev = Sha256::digest([b"\0", record.as_slice()].concat()).to_vec();
        out.push(record);
    }
    out
}

fn edit(record: &[u8]) -> Vec<u8> {
    let text = std::str::from_utf8(record).unwrap();
    let edited = text.replace("\"build\":", "\"build\":1");
    assert_ne!(edited, text);
    edited.into_bytes()
}

/// Every attack on the log of eight records, with the file that it leaves.
fn attacks(World { records, .. }: &World) -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let changed = |at: usize| {
        let mut records = records.clone();
        records[at] = edit(&records[at]);
        records
    };
    let but = |at: usize| [&records[..at], &records[at + 1..]].concat();
    let (other_time, mut other_stream) = (world(0x20).records, Log::new("payments-gate"));
    (0..7).for_each(|number| other_stream.add(note(number, 3)));
    vec![
        ("nothing", records.clone()),
        ("modify record 3", changed(3)),
        ("modify record 6", changed(6)),
        ("modify the last", changed(7)),
        ("swap 3 and 4", [&records[..3], &[records[4].clone(), records[3].clone()], &records[5..]].concat()),
        ("delete record 3", but(3)),
        ("insert before 4", [&records[..4], &[other_time[4].clone()], &records[4..]].concat()),
        ("drop the first", but(0)),
        ("drop the last", but(7)),
        ("truncate to 4", records[..4].to_vec()),
        ("substitute a stream", other_stream.file),
        ("drop the stream", Vec::new()),
        ("splice from 4 on", [&records[..4], &other_time[4..]].concat()),
        ("replay record 3", [&records[..], &[records[3].clone()]].concat()),
    ]
}

fn cell(fault: Result<(), LogFault>, unanchored: u64) -> String {
    match fault {
        Ok(()) => format!("*sound*, {unanchored} not covered"),
        Err(LogFault::Broken { first_bad, fault }) => {
            let fault = match fault {
                RecordFault::Changed => "changed",
                RecordFault::Link => "not linked",
                RecordFault::Seq { .. } => "out of order",
                RecordFault::Opening => "no opening",
                RecordFault::Stream { .. } => "of another stream",
                other => return other.to_string(),
            };
            format!("record {first_bad} {fault}")
        }
        Err(LogFault::Differs { size, .. }) => format!("differs at {size}"),
        Err(LogFault::Short { records, size }) => format!("{records} of {size}"),
        Err(LogFault::Unanchored) => "*unanchored*".to_owned(),
        Err(other) => other.to_string(),
    }
}

/// What each kind of evidence says of a file: none, the old checkpoint, that of the head, the parent.
fn cells(world: &World, records: &[Vec<u8>]) -> [String; 4] {
    let alone = |checkpoints: &[&str]| {
        let verdict = verify(records, checkpoints);
        cell(verdict.require_sound(), verdict.unanchored)
    };
    let mut streams = streams(&world.parent);
    streams.read(LogVerifier::new(STREAM), records);
    let verdict = streams.finish();
    let under_parent = match verdict.faults.get(STREAM) {
        Some(StreamFault::Missing { size }) => format!("missing, 0 of {size}"),
        Some(StreamFault::Log(fault)) => cell(Err(fault.clone()), 0),
        Some(fault) => fault.to_string(),
        None => cell(Ok(()), verdict.streams[STREAM].unanchored),
    };
    [alone(&[]), alone(&[&world.old]), alone(&[&world.head]), under_parent]
}

#[test]
fn every_attack_has_the_verdict_of_the_threat_model() {
    let world = world(0);
    let mut table = String::new();
    for (title, forge) in [("as it is", false), ("with all numbers and links made to fit", true)] {
        table += &format!(
            "\nThe file {title}:\n\n| attack | no checkpoint | old checkpoint | head checkpoint | parent stream |\n|---|---|---|---|---|\n"
        );
        for (attack, records) in attacks(&world) {
            let records = if forge { rehash(&records) } else { records };
            table += &format!("| {attack} | {} |\n", cells(&world, &records).join(" | "));
        }
    }
    let (_, rest) = MODEL.split_once("<!-- attacks -->\n").unwrap();
    let (written, _) = rest.split_once("\n<!-- /attacks -->").unwrap();
    assert_eq!(written, table, "docs/threat-model.md should say:\n{table}");
}

#[test]
fn only_these_attacks_are_not_detected() {
    let world = world(0);
    let mut unseen = Vec::new();
    for (attack, records) in attacks(&world).into_iter().skip(1) {
        for (forged, records) in [(false, records.clone()), (true, rehash(&records))] {
            for (evidence, cell) in ["none", "old", "head", "parent"].iter().zip(cells(&world, &records)) {
                if cell.starts_with('*') && *evidence != "none" {
                    unseen.push((attack, forged, *evidence));
                }
            }
        }
    }
    // What no kept checkpoint covers can be rewritten, cut or added to; the verdict counts it.
    assert_eq!(
        unseen,
        [
            ("modify record 6", true, "old"),
            ("modify record 6", true, "parent"),
            ("modify the last", false, "old"),
            ("modify the last", false, "parent"),
            ("modify the last", true, "old"),
            ("modify the last", true, "parent"),
            ("drop the last", false, "old"),
            ("drop the last", false, "parent"),
            ("drop the last", true, "old"),
            ("drop the last", true, "parent"),
            ("replay record 3", true, "old"),
            ("replay record 3", true, "head"),
            ("replay record 3", true, "parent"),
        ]
    );
}

#[test]
fn stream_that_nobody_shows_is_named() {
    let world = world(0);
    let mut streams = streams(&world.parent);
    assert!(streams.names().eq([STREAM, "payments-gate"]));
    streams.read(LogVerifier::new(STREAM), &world.records);
    let verdict = streams.finish();
    assert_eq!(
        verdict.require_sound().unwrap_err().to_string(),
        "`payments-gate`: stream is missing: 2 records were there"
    );
    assert_eq!(verdict.streams[STREAM].authorship, Authorship::Vouched);
    assert_eq!(verdict.streams[STREAM].completeness, Completeness::Reaches { size: 5 });
    assert_eq!((verdict.parent.unanchored, verdict.faults.len()), (0, 1));
}

#[test]
fn stream_that_was_never_opened_is_named() {
    let world = world(0);
    let mut streams = streams(&world.parent);
    streams.read(LogVerifier::new("shadow"), &world.records);
    let fault = &streams.finish().faults["shadow"];
    assert_eq!(fault.to_string(), "stream was never opened under the parent");
}

#[test]
fn stream_ends_where_the_parent_says() {
    let mut parent = Log::new(PARENT);
    let mut log = begin(&mut parent, STREAM, 1);
    parent.add(Step::child_closed(&log.checkpoint(), stamp(1, 90)));
    let judge = |parent: &Log, log: &Log| {
        let mut streams = streams(parent);
        streams.read(LogVerifier::new(STREAM), &log.file);
        streams.finish().require_sound()
    };
    assert_eq!(judge(&parent, &log), Ok(()));
    log.add(note(1, 1));
    assert_eq!(
        judge(&parent, &log).unwrap_err().to_string(),
        "`orders-gate`: stream has 3 records and ended with 2"
    );
    log.file.truncate(1);
    assert_eq!(
        judge(&parent, &log).unwrap_err().to_string(),
        "`orders-gate`: log has 1 records, a checkpoint has 2"
    );
}

#[test]
fn stream_that_was_announced_and_ended_without_a_record_is_not_missing() {
    let mut parent = Log::new(PARENT);
    let announced = |parent: &mut Log, stream: &str, seed: u8| {
        let mut ledger = Ledger::create(stream).unwrap();
        let staged = ledger.stage(note(0, seed)).unwrap();
        parent.add(Step::child_opened(&staged.records()[0], stamp(0, seed))).unwrap();
    };
    announced(&mut parent, "a", 1);
    parent.add(Step::child_closed(&Ledger::create("a").unwrap().checkpoint(), stamp(1, 2)));
    assert_eq!(streams(&parent).finish().require_sound(), Ok(()));
    announced(&mut parent, "b", 3);
    let verdict = streams(&parent).finish();
    assert_eq!(
        verdict.faults.into_iter().collect::<Vec<_>>(),
        [("b".to_owned(), StreamFault::Missing { size: 1 })]
    );
    // An end before records that the parent knows hides nothing.
    let mut parent = Log::new(PARENT);
    let log = begin(&mut parent, STREAM, 1);
    parent.add(Step::child_checkpointed(&log.checkpoint(), stamp(1, 90)));
    parent.add(Step::child_closed(&Ledger::create(STREAM).unwrap().checkpoint(), stamp(2, 91)));
    assert_eq!(streams(&parent).finish().faults[STREAM], StreamFault::Missing { size: 2 });
}

#[test]
fn stream_is_opened_once() {
    let mut parent = Log::new(PARENT);
    begin(&mut parent, STREAM, 1);
    let mut again = Ledger::create(STREAM).unwrap();
    let staged = again.stage(note(0, 2)).unwrap();
    let error = parent.add(Step::child_opened(&staged.records()[0], stamp(0, 3))).unwrap_err();
    assert_eq!(error.to_string(), "stream `orders-gate` was opened before");
    // The stream that stands there instead is another one.
    let file: Vec<_> = staged.records().iter().map(|record| record.bytes().to_vec()).collect();
    let mut streams = streams(&parent);
    streams.read(LogVerifier::new(STREAM), &file);
    assert_eq!(
        streams.finish().faults[STREAM].to_string(),
        "log differs from the checkpoint of 1 records; they agree on the first 0"
    );
}

#[test]
fn unsound_parent_vouches_for_nothing() {
    let World { parent, .. } = world(0);
    let judge = |file: &[Vec<u8>], note: Option<&str>| {
        let log = LogVerifier::new(PARENT).with_key(key().public());
        let log = note.into_iter().fold(log, |log, note| log.with_checkpoint(note).unwrap());
        let mut verifier = ParentVerifier::new(log);
        file.iter().for_each(|line| drop(verifier.push(line)));
        verifier.finish(later()).map(drop).unwrap_err()
    };
    assert_eq!(judge(&parent.file, None), StreamsFault::Parent(LogFault::Unanchored));
    let error = judge(&parent.file[..3], Some(&parent.signed()));
    assert_eq!(error.to_string(), "parent: log has 3 records, a checkpoint has 5");
}

#[test]
fn parent_that_says_something_else_about_a_stream_is_refused() {
    let mut parent = Log::new(PARENT);
    let log = begin(&mut parent, STREAM, 1);
    parent.add(Step::child_checkpointed(&log.checkpoint(), stamp(1, 2)));
    let good = parent.file.clone();
    for (record, from, to) in [
        (1, "\"size\":1", "\"size\":2"),
        (2, "\"size\":2", "\"size\":\"2\""),
        (2, "\"size\":2", "\"size\":-2"),
        (2, "sha-256:", "sha-512:"),
        (2, "\"root\"", "\"rood\""),
        (2, "\"child\":{", "\"children\":{"),
        (2, "\"stream\":\"orders-gate\"}", "\"stream\":\"\"}"),
    ] {
        let text = String::from_utf8(good[record].clone()).unwrap();
        assert!(text.contains(from), "{text}");
        let mut file = good.clone();
        file[record] = text.replacen(from, to, 1).into_bytes();
        let file = rehash_as(PARENT, &file);
        let ledger = Ledger::resume(PARENT, &[file.join(&b'\n'), b"\n".to_vec()].concat()).unwrap().ledger;
        let log = LogVerifier::new(PARENT).with_key(key().public());
        let mut verifier =
            ParentVerifier::new(log.with_checkpoint(&ledger.checkpoint().sign(&key())).unwrap());
        file.iter().for_each(|line| drop(verifier.push(line)));
        let error = verifier.finish(later()).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!("parent: record {record}: field `child` is missing or malformed"),
            "{to}"
        );
    }
}

#[test]
fn difference_lies_between_two_checkpoints() {
    let World { mut records, old, head, .. } = world(0);
    records[6] = edit(&records[6]);
    let verdict = verify(&rehash(&records), &[&head, &old]);
    assert_eq!(verdict.completeness, Completeness::Differs { size: 8, matched: 5 });
    assert_eq!(verdict.integrity, Integrity::Intact { records: 8 });
    assert_eq!((verdict.unanchored, verdict.unanchored_span.as_secs()), (3, 3));
    assert_eq!((verdict.anchored_until, verdict.fork), (Some(now() + TimeDelta::seconds(3)), None));
}
