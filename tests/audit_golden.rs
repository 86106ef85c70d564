//! The stored format of version 1: what a release writes, every later one must load and verify.
#![cfg(feature = "verify")]
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "helpers of tests fail by panicking"
)]

use chrono::{DateTime, Utc};
use countersign::{Checkpoint, Ledger, LogVerifier, SigningKey, Stamp, Step};
use serde_json::json;

const LOG: &str = include_str!("vectors/audit/log.jsonl");
/// The same log as PostgreSQL 15 prints it from a column of type `jsonb`.
const JSONB: &str = include_str!("vectors/audit/log.jsonb.jsonl");
const CHECKPOINT: &str = include_str!("vectors/audit/checkpoint.note");
const SNAPSHOT: &str = include_str!("vectors/audit/snapshot.txt");
const VKEY: &str = include_str!("vectors/audit/checkpoint.vkey");

/// The same log, handed over to another key and to a third.
const ROTATED: [&str; 3] = [
    include_str!("vectors/audit/rotated.jsonl"),
    include_str!("vectors/audit/rotated.1.note"),
    include_str!("vectors/audit/rotated.2.note"),
];

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00.123456789Z".parse().unwrap()
}

fn written() -> (String, Ledger) {
    let mut ledger = Ledger::create("acme/orders-gate").unwrap();
    let mut log = String::new();
    for (number, content) in [
        (1, json!({ "rows": -7, "done": true, "next": null })),
        (2, json!("é😂\u{1}\u{b}\n\"\\/\u{7f}\u{2028}")),
        (3, json!({ "\u{fb33}": 1, "😂": [9_007_199_254_740_991_i64, []], "Team": {} })),
    ] {
        let staged = ledger.stage(Step::note("sql.ran", content, Stamp::new(now(), [number; 32]))).unwrap();
        log.push_str(std::str::from_utf8(staged.lines()).unwrap());
        staged.commit();
    }
    (log, ledger)
}

#[test]
fn log_is_written_as_it_was() {
    let (log, ledger) = written();
    assert_eq!(log, LOG);
    assert_eq!(ledger.snapshot(), SNAPSHOT.as_bytes());
    assert_eq!(ledger.checkpoint().sign(&SigningKey::from_seed([7; 32])), CHECKPOINT);
}

#[test]
fn log_is_loaded_and_verified() {
    let resumed = Ledger::resume("acme/orders-gate", LOG.as_bytes()).unwrap();
    let restored = Ledger::restore::<&[u8]>(SNAPSHOT.as_bytes(), []).unwrap();
    assert_eq!(resumed.ledger.checkpoint(), restored.checkpoint());

    let (name, key) = countersign::PublicKey::from_vkey(VKEY.trim_end()).unwrap();
    assert_eq!(Checkpoint::open(CHECKPOINT, &name, &key).unwrap(), restored.checkpoint());
    let mut log = LogVerifier::new(&name).with_key(key).with_checkpoint(CHECKPOINT).unwrap();
    LOG.lines().for_each(|line| assert!(log.push(line.as_bytes()).is_some()));
    let verdict = log.finish(now());
    assert_eq!((verdict.require_sound(), verdict.re_encoded, verdict.unanchored), (Ok(()), 0, 0));
}

#[test]
fn log_from_a_database_is_the_same_log() {
    let (name, key) = countersign::PublicKey::from_vkey(VKEY.trim_end()).unwrap();
    let mut log = LogVerifier::new(&name).with_key(key).with_checkpoint(CHECKPOINT).unwrap();
    for (line, written) in JSONB.lines().zip(LOG.lines()) {
        assert_ne!(line, written);
        assert_eq!(log.push(line.as_bytes()).unwrap().bytes(), written.as_bytes());
    }
    let verdict = log.finish(now());
    assert_eq!((verdict.require_sound(), verdict.re_encoded, verdict.unanchored), (Ok(()), 4, 0));
}

#[test]
fn log_is_handed_over_as_it_was() {
    let (mut log, mut ledger) = written();
    let mut notes = Vec::new();
    for number in [7, 8] {
        let (old, new) = (SigningKey::from_seed([number; 32]), SigningKey::from_seed([number + 1; 32]));
        let staged =
            ledger.stage(ledger.checkpoint().rotate(old, &new, Stamp::new(now(), [number; 32]))).unwrap();
        log.push_str(std::str::from_utf8(staged.lines()).unwrap());
        notes.push(staged.commit());
    }
    notes.push(ledger.checkpoint().sign(&SigningKey::from_seed([9; 32])));
    assert_eq!([log.as_str(), notes[0].as_str(), notes[2].as_str()], ROTATED);

    let (name, key) = countersign::PublicKey::from_vkey(VKEY.trim_end()).unwrap();
    let verifier = LogVerifier::new(&name).with_key(key);
    let mut verifier = notes.iter().fold(verifier, |verifier, note| verifier.with_checkpoint(note).unwrap());
    log.lines().for_each(|line| assert!(verifier.push(line.as_bytes()).is_some()));
    let verdict = verifier.finish(now());
    assert_eq!((verdict.require_sound(), verdict.rotations.len()), (Ok(()), 2));
}
