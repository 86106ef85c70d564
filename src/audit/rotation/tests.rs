use chrono::{DateTime, TimeDelta, Utc};

use super::*;
use crate::audit::{Authorship, Ledger, LogFault, LogRange, LogVerdict, LogVerifier, Record};

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn key(number: u8) -> SigningKey {
    SigningKey::from_seed([number; 32])
}

/// A log, and what its keys signed.
struct Log {
    ledger: Ledger,
    lines: Vec<u8>,
    notes: Vec<String>,
    stamps: u8,
}

impl Log {
    fn new() -> Self {
        let ledger = Ledger::create("orders-gate").unwrap();
        Self { ledger, lines: Vec::new(), notes: Vec::new(), stamps: 0 }
    }

    fn stamp(&mut self) -> Stamp {
        self.stamps += 1;
        Stamp::new(now(), [self.stamps; 32])
    }

    fn store<T: 'static>(&mut self, step: Step<T>) -> T {
        let staged = self.ledger.stage(step).unwrap();
        self.lines.extend_from_slice(staged.lines());
        staged.commit()
    }

    fn note(&mut self) -> &mut Self {
        let stamp = self.stamp();
        self.store(Step::note("deploy", 1.into(), stamp));
        self
    }

    fn rotate(&mut self, old: u8, new: u8) -> &mut Self {
        let stamp = self.stamp();
        let last = self.store(self.ledger.checkpoint().rotate(key(old), &key(new), stamp));
        self.notes.push(last);
        self
    }

    fn sign(&mut self, by: u8) -> &mut Self {
        self.notes.push(self.ledger.checkpoint().sign(&key(by)));
        self
    }

    /// Records a note of a rotation as it is.
    fn forge(&mut self, note: &str) -> &mut Self {
        let stamp = self.stamp();
        let draft = Draft::new(Event::KeyRotated, stamp.id("forged"), stamp.now()).with("note", note);
        self.store(Step::new(vec![draft], Refusal::new(&stamp), |_| ()));
        self
    }

    fn verdict(&self, trusted: &[u8]) -> LogVerdict {
        let judge = |parts: usize| {
            let mut log = LogVerifier::new("orders-gate");
            for number in trusted {
                log = log.with_key(key(*number).public());
            }
            for note in &self.notes {
                log = log.with_checkpoint(note).unwrap();
            }
            if parts == 0 {
                self.lines.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(log.push(line)));
            } else {
                let parts = LogRange::split(&self.lines, parts);
                let read: Vec<_> = parts.into_iter().map(|lines| log.read(lines)).collect();
                read.into_iter().for_each(|range| log.append(range));
            }
            log.finish(now() + TimeDelta::seconds(1))
        };
        let serial = judge(0);
        (1..4).for_each(|parts| assert_eq!(judge(parts), serial));
        serial
    }

    fn seq(&self) -> u64 {
        self.ledger.next_seq() - 1
    }
}

/// A note of a rotation with signatures by these keys.
fn note_of(checkpoint: &Checkpoint, new: u8, signers: &[u8]) -> String {
    let text = checkpoint.rotation_text(&key(new).public());
    let lines = signers.iter().map(|number| {
        let signer = key(*number);
        note::signature_line("orders-gate", &signer.public(), &signer.sign(text.as_bytes()))
    });
    format!("{text}\n{}", lines.collect::<String>())
}

#[test]
fn all_keys_are_followed_from_the_first() {
    let mut log = Log::new();
    log.note().sign(1).rotate(1, 2).note().sign(2).rotate(2, 3).sign(3).note().sign(3);
    let verdict = log.verdict(&[1]);
    assert_eq!(verdict.require_sound(), Ok(()));
    let found: Vec<_> =
        verdict.rotations.iter().map(|found| (found.seq, found.size, found.key.clone())).collect();
    assert_eq!(found, [(2, 2, key(2).public()), (4, 4, key(3).public())]);
    // Whoever trusts a later key alone does not know who signed before it.
    assert_eq!(log.verdict(&[2]).authorship, Authorship::Unproven { size: 2 });
    assert_eq!(log.verdict(&[]).authorship, Authorship::Unchecked);
    assert_eq!(log.verdict(&[]).refused_rotation, None);
}

#[test]
fn ended_key_signs_no_checkpoint_and_a_new_one_none_before_it() {
    let mut log = Log::new();
    log.note().rotate(1, 2).sign(1);
    assert_eq!(log.verdict(&[1]).authorship, Authorship::Unproven { size: 3 });
    let mut log = Log::new();
    log.note().sign(2).rotate(1, 2).sign(2);
    assert_eq!(log.verdict(&[1]).authorship, Authorship::Unproven { size: 2 });
    assert_eq!(log.verdict(&[1, 2]).authorship, Authorship::Unproven { size: 2 });
}

#[test]
fn ended_key_hands_over_to_nobody() {
    let mut log = Log::new();
    log.note().rotate(1, 2).note().rotate(1, 9).sign(2);
    log.notes.remove(1);
    let verdict = log.verdict(&[1]);
    assert_eq!(verdict.refused_rotation, Some(4));
    assert_eq!(verdict.require_sound(), Err(LogFault::Rotation { seq: 4 }));
    assert_eq!(
        LogFault::Rotation { seq: 4 }.to_string(),
        "record 4 hands over to a key, and no key in charge signed it"
    );
    log.sign(9);
    assert!(matches!(log.verdict(&[1]).authorship, Authorship::Unproven { .. }));
}

#[test]
fn key_never_comes_back() {
    let mut log = Log::new();
    log.note().rotate(1, 2).note().rotate(2, 1);
    let verdict = log.verdict(&[1]);
    assert_eq!((verdict.refused_rotation, verdict.rotations.len()), (Some(4), 1));
}

#[test]
fn rotation_that_its_keys_did_not_both_sign_is_refused() {
    let head = |log: &Log| log.ledger.checkpoint();
    type Forge = fn(&Checkpoint) -> String;
    let forged: [Forge; 6] = [
        // By the old key alone: nobody may hold the new one.
        |head| note_of(head, 2, &[1]),
        // The text altered after the old key signed it.
        |head| {
            note_of(head, 3, &[1, 3])
                .replace(&key(3).public().vkey("orders-gate"), &key(2).public().vkey("orders-gate"))
        },
        // Under another stream's name.
        |head| note_of(&Checkpoint::new("other", head.size(), head.root()), 2, &[1, 2]),
        // Of another tree.
        |head| note_of(&Checkpoint::new("orders-gate", head.size(), [0; 32]), 2, &[1, 2]),
        // Ahead of its record.
        |head| note_of(&Checkpoint::new("orders-gate", head.size() + 1, head.root()), 2, &[1, 2]),
        // No note at all.
        |_| "x".to_owned(),
    ];
    for (number, forge) in forged.iter().enumerate() {
        let mut log = Log::new();
        log.note();
        let note = forge(&head(&log));
        log.forge(&note).sign(1);
        let verdict = log.verdict(&[1]);
        assert_eq!(verdict.refused_rotation, Some(log.seq()), "{number}");
        assert!(verdict.rotations.is_empty() && verdict.require_sound().is_err(), "{number}");
        assert_eq!(verdict.authorship, Authorship::Signed, "the old key stays in charge: {number}");
    }
}

#[test]
fn every_flipped_bit_of_a_rotation_is_refused() {
    let mut log = Log::new();
    log.note();
    let good = note_of(&log.ledger.checkpoint(), 2, &[1, 2]);
    for bit in (0..good.len() * 8).step_by(3) {
        let mut bytes = good.clone().into_bytes();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let Ok(note) = String::from_utf8(bytes) else { continue };
        if note.contains('\0') {
            continue;
        }
        let mut log = Log::new();
        log.note().forge(&note).sign(2);
        let verdict = log.verdict(&[1]);
        assert!(verdict.rotations.is_empty(), "bit {bit}: {note}");
        assert!(verdict.require_sound().is_err(), "bit {bit}");
    }
}

#[test]
fn rotation_among_strangers_gains_nothing() {
    let mut log = Log::new();
    log.note();
    let note = note_of(&log.ledger.checkpoint(), 9, &[8, 9]);
    log.forge(&note).sign(1);
    let verdict = log.verdict(&[1]);
    assert_eq!((verdict.refused_rotation, verdict.rotations.len()), (None, 0));
    assert_eq!(verdict.require_sound(), Ok(()));
    log.notes.clear();
    log.sign(9);
    assert_eq!(log.verdict(&[1]).authorship, Authorship::Unproven { size: 3 });
}

#[test]
fn rotation_behind_records_of_others_ends_the_key_where_it_signed_last() {
    let mut log = Log::new();
    log.note();
    let stamp = log.stamp();
    let step = log.ledger.checkpoint().rotate(key(1), &key(2), stamp);
    let mut other = Ledger::restore::<&[u8]>(&log.ledger.snapshot(), []).unwrap().store_enforces_keys();
    let staged = other.stage(Step::note("other", 1.into(), Stamp::new(now(), [99; 32]))).unwrap();
    let newer: Vec<Record> = staged.records().to_vec();
    log.lines.extend_from_slice(staged.lines());
    staged.commit();

    let staged = log.ledger.stage(step).unwrap().rebase(newer.iter().map(Record::bytes)).unwrap();
    log.lines.extend_from_slice(staged.lines());
    let last = staged.commit();
    log.notes.push(last);
    log.sign(2);
    let verdict = log.verdict(&[1]);
    assert_eq!(verdict.require_sound(), Ok(()));
    assert_eq!((verdict.rotations[0].seq, verdict.rotations[0].size), (3, 2));
}

#[test]
fn signatures_made_elsewhere_are_checked() {
    let checkpoint = || Checkpoint::new("orders-gate", 2, [7; 32]);
    let (old, new) = (key(1), key(2));
    let text = checkpoint().rotation_text(&new.public());
    let signed = [&old, &new].map(|key| (key.public(), key.sign(text.as_bytes())));
    let stamp = || Stamp::new(now(), [1; 32]);
    let finish = |old: &(PublicKey, [u8; 64]), new: &(PublicKey, [u8; 64])| {
        checkpoint().finish_rotation((&old.0, old.1), (&new.0, new.1), stamp())
    };
    let made = finish(&signed[0], &signed[1]).unwrap();
    let direct = checkpoint().rotate(key(1), &new, stamp());
    let record = |step: Step<String>| {
        let mut ledger = Ledger::create("orders-gate").unwrap();
        let staged = ledger.stage(step).unwrap();
        let lines = staged.lines().to_vec();
        (lines, staged.commit())
    };
    assert_eq!(record(made), record(direct));
    let wrong = (signed[0].0.clone(), signed[1].1);
    assert!(matches!(finish(&wrong, &signed[1]), Err(CheckpointError::Signature)));
    assert!(matches!(finish(&signed[0], &wrong), Err(CheckpointError::Signature)));
}
