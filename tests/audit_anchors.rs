//! Who vouches for a log: witnesses, forks that signed checkpoints prove, and reading in parts.
#![cfg(feature = "verify")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Authorship, Completeness, KeyError, Ledger, LogFault, LogRange, LogVerdict, LogVerifier, PublicKey,
    SigningKey, Stamp, Step, Witness,
};
use ed25519_dalek::Signer;
use proptest::prelude::*;
use serde_json::json;
use sha2::{Digest, Sha256};

const STREAM: &str = "orders-gate";

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

/// Lines of a log of so many records, and the signed checkpoints of every size.
fn log(records: u8, seed: u8) -> (Vec<Vec<u8>>, Vec<String>) {
    let mut ledger = Ledger::create(STREAM).unwrap();
    let (mut lines, mut notes) = (Vec::new(), vec![ledger.checkpoint().sign(&key())]);
    for number in 1..records {
        let stamp = Stamp::new(now() + TimeDelta::seconds(number.into()), [seed ^ number; 32]);
        let staged = ledger.stage(Step::note("deploy.started", json!({ "build": number }), stamp)).unwrap();
        let file = staged.lines().to_vec();
        lines.extend(file.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec));
        staged.commit();
        // The first step brings the opening with it.
        while notes.len() <= lines.len() {
            notes.push(ledger.checkpoint().sign(&key()));
        }
    }
    (lines, notes)
}

/// Cosigns a note as a witness does, after the text of the standard.
fn cosign(note: &str, name: &str, seed: u8, time: u64) -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&[seed; 32]);
    let (text, _) = note.rsplit_once("\n\n").unwrap();
    let signature = key.sign(format!("cosignature/v1\ntime {time}\n{text}\n").as_bytes());
    let id = Sha256::digest([name.as_bytes(), b"\n\x04", key.verifying_key().as_bytes()].concat());
    let bytes = [&id[..4], &time.to_be_bytes(), &signature.to_bytes()].concat();
    format!("{note}— {name} {}\n", STANDARD.encode(bytes))
}

fn witness(name: &str, seed: u8) -> Witness {
    Witness::new(name, SigningKey::from_seed([seed; 32]).public()).unwrap()
}

fn seconds() -> u64 {
    now().timestamp().unsigned_abs()
}

fn judge(log: LogVerifier, lines: &[Vec<u8>]) -> LogVerdict {
    let mut log = log;
    lines.iter().for_each(|line| drop(log.push(line)));
    log.finish(now() + TimeDelta::minutes(1))
}

fn witnessed(note: &str, witnesses: &[Witness], count: usize) -> LogVerdict {
    let log = LogVerifier::new(STREAM).with_key(key().public()).with_checkpoint(note).unwrap();
    let log = witnesses.iter().cloned().fold(log, LogVerifier::with_witness);
    judge(log.requiring_witnesses(count), &self::log(5, 0).0)
}

#[test]
fn enough_known_witnesses_make_a_log_sound() {
    let [a, b, c] = [witness("w.example/a", 1), witness("w.example/b", 2), witness("w.example/c", 3)];
    let note = cosign(&log(5, 0).1[5], "w.example/a", 1, seconds());
    let note = cosign(&note, "w.example/b", 2, seconds() + 30);
    let verdict = witnessed(&note, &[a.clone(), b.clone(), c.clone()], 2);
    assert_eq!((verdict.require_sound(), verdict.authorship), (Ok(()), Authorship::Signed));
    let said: Vec<_> = verdict
        .cosignatures
        .iter()
        .map(|said| (said.witness.as_str(), (said.at - now()).num_seconds()))
        .collect();
    assert_eq!(said, [("w.example/a", 0), ("w.example/b", 30)]);
    let verdict = witnessed(&note, &[a, b.clone(), c], 3);
    assert_eq!(verdict.authorship, Authorship::Unwitnessed { size: 5, found: 2, needed: 3 });
    let fault = verdict.require_sound().unwrap_err();
    assert_eq!(fault.to_string(), "checkpoint of 5 records has 2 of 3 witnesses");
    // Without a demand they are reported, and one that is not given is ignored.
    let verdict = witnessed(&note, &[b], 0);
    assert_eq!((verdict.require_sound(), verdict.cosignatures.len()), (Ok(()), 1));
}

#[test]
fn one_key_is_one_witness() {
    let note = cosign(&log(5, 0).1[5], "w.example/a", 1, seconds());
    let note = cosign(&note, "w.example/b", 1, seconds());
    let witnesses = [witness("w.example/a", 1), witness("w.example/a", 1), witness("w.example/b", 1)];
    let verdict = witnessed(&note, &witnesses, 2);
    assert_eq!(verdict.authorship, Authorship::Unwitnessed { size: 5, found: 1, needed: 2 });
}

#[test]
fn cosignature_that_does_not_fit_is_refused_or_ignored() {
    let given = [witness("w.example/a", 1)];
    let (_, notes) = log(5, 0);
    let judge = |note: &str| {
        let verdict = witnessed(note, &given, 1);
        (verdict.authorship, verdict.cosignatures.len())
    };
    let absent = (Authorship::Unwitnessed { size: 5, found: 0, needed: 1 }, 0);
    // Of another witness, of another key, of none, and of a time that is yet to come.
    assert_eq!(judge(&cosign(&notes[5], "w.example/z", 1, seconds())), absent);
    assert_eq!(judge(&cosign(&notes[5], "w.example/a", 9, seconds())), absent);
    assert_eq!(judge(&notes[5]), absent);
    assert_eq!(judge(&cosign(&notes[5], "w.example/a", 1, seconds() + 66)), absent);
    assert_eq!(judge(&cosign(&notes[5], "w.example/a", 1, seconds() + 65)).0, Authorship::Signed);
    // Of another checkpoint, or with a byte changed: a known key that did not sign spoils the note.
    let unproven = (Authorship::Unproven { size: 5 }, 0);
    let other = cosign(&notes[4], "w.example/a", 1, seconds());
    let line = other.lines().last().unwrap();
    assert_eq!(judge(&format!("{}{line}\n", notes[5])), unproven);
    let good = cosign(&notes[5], "w.example/a", 1, seconds());
    let (text, encoded) = good.trim_end().rsplit_once(' ').unwrap();
    let bytes = STANDARD.decode(encoded).unwrap();
    assert_eq!(bytes.len(), 76);
    for at in 4..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1;
        assert_eq!(judge(&format!("{text} {}\n", STANDARD.encode(&bytes))), unproven, "byte {at}");
    }
    for cut in [12, 75] {
        assert_eq!(judge(&format!("{text} {}\n", STANDARD.encode(&bytes[..cut]))), unproven);
    }
    // A time beyond 2^63 − 1 is none.
    assert_eq!(judge(&cosign(&notes[5], "w.example/a", 1, 1 << 63)), unproven);
    // Cosigned again: the newer time counts.
    let twice = cosign(&cosign(&notes[5], "w.example/a", 1, seconds() + 9), "w.example/a", 1, seconds());
    assert_eq!(witnessed(&twice, &given, 1).cosignatures[0].at, now() + TimeDelta::seconds(9));
}

#[test]
fn newest_checkpoint_needs_the_witnesses() {
    let (lines, notes) = log(5, 0);
    let old = cosign(&notes[3], "w.example/a", 1, seconds());
    let log = LogVerifier::new(STREAM).with_key(key().public()).with_witness(witness("w.example/a", 1));
    let log = log.requiring_witnesses(1).with_checkpoint(&old).unwrap();
    let log = log.with_checkpoint(&notes[5]).unwrap();
    assert_eq!(
        judge(log, &lines).require_sound(),
        Err(LogFault::Unwitnessed { size: 5, found: 0, needed: 1 })
    );
}

#[test]
fn key_of_a_witness_is_another_type_than_that_of_a_log() {
    let text = witness("w.example/a", 1).to_vkey();
    assert_eq!(Witness::from_vkey(&text).unwrap(), witness("w.example/a", 1));
    assert_eq!(PublicKey::from_vkey(&text), Err(KeyError::Vkey));
    let of_log = SigningKey::from_seed([1; 32]).public().to_vkey("w.example/a").unwrap();
    assert_eq!(Witness::from_vkey(&of_log), Err(KeyError::Vkey));
    assert!(matches!(Witness::new("a b", key().public()), Err(KeyError::Name { .. })));
    // A witness's signature does not pass as the log's own, nor the reverse.
    let (_, notes) = log(5, 0);
    let own = cosign(&notes[5], STREAM, 7, seconds());
    let (text, lines) = own.rsplit_once("\n\n").unwrap();
    let only = format!("{text}\n\n{}\n", lines.lines().last().unwrap());
    assert_eq!(witnessed(&only, &[], 0).authorship, Authorship::Unproven { size: 5 });
    assert_eq!(
        witnessed(&notes[5], &[witness(STREAM, 7)], 1).authorship,
        Authorship::Unwitnessed { size: 5, found: 0, needed: 1 }
    );
}

#[test]
fn two_signed_histories_are_a_fork() {
    let ((lines, notes), (_, others)) = (log(8, 0), log(8, 99));
    let verdict = |checkpoints: &[&str], keyed: bool| {
        let mut log = LogVerifier::new(STREAM);
        if keyed {
            log = log.with_key(key().public());
        }
        judge(checkpoints.iter().fold(log, |log, note| log.with_checkpoint(note).unwrap()), &lines)
    };
    let sizes = |checkpoints: &[&str]| {
        verdict(checkpoints, true).fork.map(|fork| (fork.older.size(), fork.newer.size()))
    };
    // Of one size: the two notes suffice, whatever the log is.
    assert_eq!(sizes(&[&notes[5], &others[5]]), Some((5, 5)));
    // The log has the newer one, so the older one tells of another log.
    assert_eq!(sizes(&[&others[5], &notes[8]]), Some((5, 8)));
    assert_eq!(
        verdict(&[&others[5], &notes[8]], true).require_sound().unwrap_err().to_string(),
        "log was forked: the signed checkpoints of 5 and of 8 records contradict each other"
    );
    // That a log differs from a newer checkpoint shows a rewritten log: the key may have told one history.
    assert_eq!(sizes(&[&notes[5], &others[8]]), None);
    assert_eq!(
        verdict(&[&notes[5], &others[8]], true).completeness,
        Completeness::Differs { size: 8, matched: 5 }
    );
    assert_eq!(sizes(&[&others[5], &others[8]]), None);
    assert_eq!(sizes(&[&notes[5], &notes[8], &notes[5]]), None);
    // Who did not sign says nothing.
    assert_eq!(verdict(&[&notes[5], &others[5]], false).fork, None);
    let forged = others[5].replace("5\n", "6\n");
    assert_eq!(sizes(&[&notes[6], &forged]), None);
}

#[test]
fn log_is_split_at_line_ends() {
    let (lines, _) = log(9, 0);
    let file = lines.concat();
    for parts in 0..20 {
        let ranges = LogRange::split(&file, parts);
        assert_eq!(ranges.concat(), file);
        assert!(ranges.len() <= parts.max(1), "{parts}: {}", ranges.len());
        assert!(ranges.iter().all(|range| range.ends_with(b"\n")), "{parts}");
    }
    assert_eq!(LogRange::split(&file, 2).len(), 2);
    assert!(LogRange::split(&[], 3).is_empty());
    assert_eq!(LogRange::split(b"torn", 3).concat(), b"torn");
}

/// Reads a log in one pass, and cut at some bytes' line ends.
fn both(file: &[u8], cuts: &[usize], notes: &[&String]) -> [LogVerdict; 2] {
    let fresh = || {
        let log = LogVerifier::new(STREAM).with_key(key().public());
        notes.iter().fold(log, |log, note| log.with_checkpoint(note).unwrap())
    };
    let mut serial = fresh();
    file.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(serial.push(line)));
    let mut parallel = fresh();
    let (mut rest, mut at, mut parts) = (file, 0, Vec::new());
    for cut in cuts {
        let end = file[..*cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        if end > at {
            let (part, others) = rest.split_at(end - at);
            parts.push(part);
            (rest, at) = (others, end);
        }
    }
    parts.push(rest);
    let ranges: Vec<_> = parts.into_iter().map(|part| parallel.read(part)).collect();
    ranges.into_iter().for_each(|range| parallel.append(range));
    let later = now() + TimeDelta::minutes(1);
    [serial.finish(later), parallel.finish(later)]
}

#[test]
fn change_at_the_end_of_a_part_is_blamed_on_its_record() {
    let (mut lines, notes) = log(6, 0);
    let text = String::from_utf8(lines[4].clone()).unwrap();
    lines[4] = text.replacen("\"build\":4", "\"build\":9", 1).into_bytes();
    let file = lines.concat();
    let [serial, parallel] = both(&file, &[file.len() - 2], &[&notes[6]]);
    assert_eq!(
        serial.require_sound().unwrap_err().to_string(),
        "record 4: is not the record that the next one follows: it was changed"
    );
    assert_eq!(parallel, serial);
}

#[derive(Debug, Clone)]
enum Damage {
    None,
    Flip(prop::sample::Index, u8),
    Swap(prop::sample::Index),
    Drop(prop::sample::Index),
    Double(prop::sample::Index),
    Cut(prop::sample::Index),
    Space(prop::sample::Index),
    Prev(prop::sample::Index),
}

fn damage() -> impl Strategy<Value = Damage> {
    let at = any::<prop::sample::Index>;
    prop_oneof![
        2 => Just(Damage::None),
        2 => (at(), 0..8_u8).prop_map(|(at, bit)| Damage::Flip(at, bit)),
        1 => at().prop_map(Damage::Swap),
        1 => at().prop_map(Damage::Drop),
        1 => at().prop_map(Damage::Double),
        1 => at().prop_map(Damage::Cut),
        1 => at().prop_map(Damage::Space),
        1 => at().prop_map(Damage::Prev),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn verdict_of_parts_is_that_of_one_pass(
        records in 2..40_u8,
        damage in damage(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        anchors in prop::collection::vec((any::<prop::sample::Index>(), any::<bool>()), 0..4),
    ) {
        let (mut lines, notes) = log(records, 0);
        let others = log(records, 99).1;
        let last = lines.len() - 1;
        match &damage {
            Damage::None | Damage::Flip(..) | Damage::Cut(_) => {}
            Damage::Swap(at) => lines.swap(at.index(last), at.index(last) + 1),
            Damage::Drop(at) => drop(lines.remove(at.index(last + 1))),
            Damage::Double(at) => {
                let line = lines[at.index(last + 1)].clone();
                lines.insert(at.index(last + 1), line);
            }
            Damage::Space(at) => lines[at.index(last + 1)].insert(1, b' '),
            Damage::Prev(at) => {
                // A record that repeats the number of the one before it, and follows it.
                let at = at.index(last + 1);
                let leaf = Sha256::digest([b"\0", lines[at].trim_ascii_end()].concat());
                let leaf: String = leaf.iter().map(|byte| format!("{byte:02x}")).collect();
                let text = String::from_utf8(lines[at].clone()).unwrap();
                let (before, after) = text.split_once("\"prev\":\"").unwrap();
                let (_, after) = after.split_at_checked(64).unwrap();
                lines.insert(at + 1, format!("{before}\"prev\":\"{leaf}{after}").into_bytes());
            }
        }
        let mut file = lines.concat();
        match &damage {
            Damage::Flip(at, bit) => {
                let at = at.index(file.len());
                file[at] ^= 1 << bit;
            }
            Damage::Cut(at) => file.truncate(at.index(file.len())),
            _ => {}
        }
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(file.len() + 1)).collect();
        cuts.sort_unstable();
        let anchors: Vec<_> =
            anchors.iter().map(|(at, own)| at.get(if *own { &notes } else { &others })).collect();
        let [serial, parallel] = both(&file, &cuts, &anchors);
        prop_assert_eq!(parallel, serial);
    }
}
