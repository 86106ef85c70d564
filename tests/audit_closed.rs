//! A stream's own end: who writes it, that nothing follows, and what is said of it.
#![cfg(feature = "verify")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Completeness, Integrity, Ledger, LedgerError, LogFault, LogRange, LogVerdict, LogVerifier, RecordFault,
    SigningKey, Stamp, Step,
};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const STREAM: &str = "orders-gate/7f3a";

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn stamp(seed: u8) -> Stamp {
    Stamp::new(now(), [seed; 32])
}

fn note(seed: u8) -> Step<()> {
    Step::note("deploy.started", json!({ "build": seed }), stamp(seed))
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn add<T: 'static>(ledger: &mut Ledger, file: &mut Vec<u8>, step: Step<T>) -> T {
    let staged = ledger.stage(step).unwrap();
    file.extend_from_slice(staged.lines());
    staged.commit()
}

/// A stream of an opening, a note and its end.
fn closed() -> (Ledger, Vec<u8>) {
    let (mut ledger, mut file) = (Ledger::create(STREAM).unwrap(), Vec::new());
    add(&mut ledger, &mut file, note(1));
    assert!(!ledger.is_closed());
    add(&mut ledger, &mut file, Step::stream_closed(stamp(2)));
    (ledger, file)
}

/// A record that follows the last line as numbers and links demand.
fn behind(file: &[u8]) -> Vec<u8> {
    let last = file.trim_ascii_end().rsplit(|byte| *byte == b'\n').next().unwrap();
    let mut fields: Value = serde_json::from_slice(last).unwrap();
    let leaf = Sha256::digest([b"\0", last].concat());
    fields["prev"] = json!(leaf.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
    fields["seq"] = json!(fields["seq"].as_u64().unwrap() + 1);
    fields["event"] = json!("host.late");
    format!("{fields}\n").into_bytes()
}

fn verdict(file: &[u8], notes: &[&str]) -> LogVerdict {
    let log = LogVerifier::new(STREAM).with_key(key().public());
    let mut log = notes.iter().fold(log, |log, note| log.with_checkpoint(note).unwrap());
    file.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(log.push(line)));
    log.finish(now() + TimeDelta::seconds(1))
}

#[test]
fn closed_stream_takes_no_step() {
    let (mut ledger, file) = closed();
    assert!(ledger.is_closed());
    assert_eq!(ledger.stage(note(3)).unwrap_err(), LedgerError::Closed);
    assert_eq!(ledger.stage(Step::stream_closed(stamp(3))).unwrap_err(), LedgerError::Closed);
    assert_eq!((ledger.uncertain(), ledger.next_seq()), (None, 3));
    // However the ledger comes back.
    let mut resumed = Ledger::resume(STREAM, &file).unwrap().ledger;
    let mut restored = Ledger::restore::<&[u8]>(&ledger.snapshot(), []).unwrap();
    let mut caught_up = Ledger::create(STREAM).unwrap();
    caught_up.catch_up(file.split_inclusive(|byte| *byte == b'\n')).unwrap();
    for ledger in [&mut resumed, &mut restored, &mut caught_up] {
        assert_eq!(ledger.stage(note(3)).unwrap_err().to_string(), "stream is closed");
    }
}

#[test]
fn snapshot_of_an_open_stream_says_nothing_of_an_end() {
    let mut ledger = Ledger::create(STREAM).unwrap();
    add(&mut ledger, &mut Vec::new(), note(1));
    assert!(!String::from_utf8(ledger.snapshot()).unwrap().contains("closed"));
    let (ledger, _) = closed();
    assert!(String::from_utf8(ledger.snapshot()).unwrap().contains("\"closed\":true"));
}

#[test]
fn step_that_closes_is_the_last_of_its_batch() {
    let mut ledger = Ledger::create(STREAM).unwrap();
    let early: Step<Vec<()>> = [note(1), Step::stream_closed(stamp(2)), note(3)].into_iter().collect();
    assert_eq!(
        ledger.stage(early).unwrap_err().to_string(),
        "event `host.deploy.started` cannot be recorded: comes after the record that closed the stream"
    );
    let twice: Step<Vec<()>> =
        [Step::stream_closed(stamp(2)), Step::stream_closed(stamp(3))].into_iter().collect();
    assert!(matches!(ledger.stage(twice), Err(LedgerError::Unrecordable { fault: RecordFault::Closed, .. })));
    let last: Step<Vec<()>> = [note(1), Step::stream_closed(stamp(2))].into_iter().collect();
    add(&mut ledger, &mut Vec::new(), last);
    assert!(ledger.is_closed());
}

#[test]
fn stream_can_end_with_its_first_step() {
    let (mut ledger, mut file) = (Ledger::create(STREAM).unwrap(), Vec::new());
    add(&mut ledger, &mut file, Step::stream_closed(stamp(1)));
    let verdict = verdict(&file, &[&ledger.checkpoint().sign(&key())]);
    assert_eq!((verdict.require_sound(), verdict.closed, verdict.head.size()), (Ok(()), true, 2));
}

#[test]
fn step_that_comes_behind_the_end_of_another_writer_has_no_place() {
    let (mut one, mut file) = (Ledger::create(STREAM).unwrap(), Vec::new());
    add(&mut one, &mut file, note(1));
    let mut two = Ledger::resume(STREAM, &file).unwrap().ledger;
    let mut end = Vec::new();
    add(&mut one, &mut end, Step::stream_closed(stamp(2)));
    let staged = two.stage(note(3)).unwrap();
    assert_eq!(staged.rebase([&end]).unwrap_err(), LedgerError::Closed);
    assert_eq!((two.uncertain(), two.is_closed(), two.next_seq()), (None, true, 3));
    assert_eq!(two.checkpoint(), one.checkpoint());
    // A step of its own that was stored before that end is settled.
    let mut three = Ledger::resume(STREAM, &file).unwrap().ledger;
    let staged = three.stage(Step::stream_closed(stamp(2))).unwrap();
    let settled = staged.rebase([&end]).unwrap();
    assert!(settled.records().is_empty());
    settled.commit();
    assert_eq!((three.is_closed(), three.checkpoint()), (true, one.checkpoint()));
}

#[test]
fn end_moves_behind_the_records_of_other_writers() {
    let (mut one, mut file) = (Ledger::create(STREAM).unwrap(), Vec::new());
    add(&mut one, &mut file, note(1));
    let mut two = Ledger::resume(STREAM, &file).unwrap().ledger;
    let mut newer = Vec::new();
    add(&mut one, &mut newer, note(2));
    let staged = two.stage(Step::stream_closed(stamp(3))).unwrap().rebase([&newer]).unwrap();
    file.extend([newer, staged.lines().to_vec()].concat());
    staged.commit();
    assert!(two.is_closed());
    assert!(verdict(&file, &[]).closed);
}

#[test]
fn record_behind_the_end_is_the_first_bad_one() {
    let (ledger, mut file) = closed();
    let kept = ledger.checkpoint().sign(&key());
    assert!(verdict(&file, &[&kept]).closed);
    file.extend(behind(&file));
    let longer = verdict(&file, &[&kept]);
    assert_eq!(longer.integrity, Integrity::Broken { first_bad: 3, fault: RecordFault::Closed });
    assert_eq!((longer.closed, longer.head.size()), (true, 3));
    assert_eq!(
        longer.require_sound().unwrap_err().to_string(),
        "record 3: comes after the record that closed the stream"
    );
    let error = Ledger::resume(STREAM, &file).unwrap_err();
    assert_eq!(error, LedgerError::Broken { seq: 3, fault: RecordFault::Closed });
    let mut ledger = Ledger::restore::<&[u8]>(&ledger.snapshot(), []).unwrap();
    let late = file.split_inclusive(|byte| *byte == b'\n').next_back().unwrap();
    assert_eq!(
        ledger.catch_up([late]).unwrap_err(),
        LedgerError::Broken { seq: 3, fault: RecordFault::Closed }
    );
}

#[test]
fn log_that_is_read_in_parts_has_the_same_end() {
    let (_, mut file) = closed();
    for longer in [false, true] {
        if longer {
            file.extend(behind(&file));
            file.extend(behind(&file));
        }
        for parts in 1..6 {
            let mut log = LogVerifier::new(STREAM);
            let ranges: Vec<LogRange<'_>> =
                LogRange::split(&file, parts).into_iter().map(|part| log.read(part)).collect();
            ranges.into_iter().for_each(|range| log.append(range));
            let mut serial = LogVerifier::new(STREAM);
            file.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(serial.push(line)));
            let found = log.finish(now());
            assert_eq!(found, serial.finish(now()), "{parts} parts");
            assert!(found.closed);
            assert_eq!(matches!(found.integrity, Integrity::Broken { first_bad: 3, .. }), longer);
        }
    }
}

#[test]
fn forged_end_does_not_hide_what_a_checkpoint_has() {
    let (mut ledger, mut file) = (Ledger::create(STREAM).unwrap(), Vec::new());
    (1..5).for_each(|seed| add(&mut ledger, &mut file, note(seed)));
    let kept = ledger.checkpoint().sign(&key());
    // Whoever can write the log cuts it and ends it.
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    let mut cut = lines[..3].concat();
    let late = String::from_utf8(behind(&cut)).unwrap().replace("host.late", "stream.closed");
    cut.extend(late.into_bytes());
    let verdict = verdict(&cut, &[&kept]);
    assert_eq!((verdict.closed, verdict.completeness), (true, Completeness::Short { records: 4, size: 5 }));
    assert_eq!(verdict.require_sound(), Err(LogFault::Short { records: 4, size: 5 }));
}
