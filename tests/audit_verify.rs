//! What a verifier says about good logs and about every way to tamper with one.
#![cfg(feature = "verify")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "helpers of tests fail by panicking"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Authorship, CheckpointError, Completeness, Freshness, Integrity, Ledger, LogFault, LogVerdict,
    LogVerifier, PublicKey, SigningKey, Stamp, Step,
};
use proptest::prelude::*;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const STREAM: &str = "orders-gate";

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

/// The records of a log, and what was kept of it elsewhere when it had five records and when it had eight.
struct Log {
    records: Vec<Vec<u8>>,
    old: String,
    head: String,
}

fn log(stream: &str, seed: u8) -> Log {
    let mut ledger = Ledger::create(stream).unwrap();
    let (mut records, mut old) = (Vec::new(), String::new());
    for number in 0..7 {
        if ledger.next_seq() == 5 {
            old = ledger.checkpoint().sign(&key());
        }
        let stamp = Stamp::new(now() + TimeDelta::seconds(i64::from(number)), [seed ^ number; 32]);
        let staged = ledger.stage(Step::note("deploy.started", json!({ "build": number }), stamp)).unwrap();
        records.extend(staged.records().iter().map(|record| record.bytes().to_vec()));
        staged.commit();
    }
    assert_eq!(records.len(), 8);
    Log { records, old, head: ledger.checkpoint().sign(&key()) }
}

fn verify<R: AsRef<[u8]>>(records: &[R], checkpoints: &[&str]) -> LogVerdict {
    let mut log = LogVerifier::new(STREAM).with_key(key().public());
    for checkpoint in checkpoints {
        log = log.with_checkpoint(checkpoint).unwrap();
    }
    for record in records {
        log.push(record.as_ref());
    }
    log.finish(now() + TimeDelta::minutes(1))
}

#[test]
fn good_log_is_sound_on_every_axis() {
    let Log { records, old, head } = log(STREAM, 0);
    let verdict = verify(&records, &[&old, &head]);
    assert_eq!(verdict.require_sound(), Ok(()));
    assert_eq!(verdict.integrity, Integrity::Intact { records: 8 });
    assert_eq!(verdict.completeness, Completeness::Reaches { size: 8 });
    assert_eq!(verdict.authorship, Authorship::Signed);
    let last = now() + TimeDelta::seconds(6);
    assert_eq!(verdict.freshness, Freshness::Aged { last, age: std::time::Duration::from_secs(54) });
    assert_eq!((verdict.unanchored, verdict.re_encoded, verdict.anchored_until), (0, 0, Some(last)));
    assert_eq!(verdict.head.sign(&key()), head);
}

#[test]
fn records_are_returned_until_the_first_bad_one() {
    let Log { mut records, .. } = log(STREAM, 0);
    records.swap(4, 5);
    let mut log = LogVerifier::new(STREAM);
    let seen: Vec<_> = records.iter().map(|record| log.push(record).map(|record| record.seq())).collect();
    assert_eq!(seen, [Some(0), Some(1), Some(2), Some(3), None, None, None, None]);
}

#[test]
fn changed_link_is_blamed_on_the_record_that_has_it() {
    let Log { mut records, .. } = log(STREAM, 0);
    let text = String::from_utf8(records[4].clone()).unwrap();
    let (before, after) = text.split_once("\"prev\":\"").unwrap();
    let (_, after) = after.split_at_checked(64).unwrap();
    records[4] = format!("{before}\"prev\":\"{}{after}", "0".repeat(64)).into_bytes();
    let mut log = LogVerifier::new(STREAM);
    records.iter().for_each(|record| drop(log.push(record)));
    let fault = log.finish(now()).require_sound().unwrap_err();
    assert_eq!(fault.to_string(), "record 4: does not follow the record before it");
}

#[test]
fn forged_record_behind_a_met_checkpoint_blames_none_before_it() {
    let Log { mut records, head, .. } = log(STREAM, 0);
    let text = String::from_utf8(records[7].clone()).unwrap();
    records.push(text.replacen("\"seq\":7", "\"seq\":8", 1).into_bytes());
    let mut log = LogVerifier::new(STREAM).with_key(key().public()).with_checkpoint(&head).unwrap();
    records.iter().for_each(|record| drop(log.push(record)));
    let fault = log.finish(now()).require_sound().unwrap_err();
    assert_eq!(fault.to_string(), "record 8: does not follow the record before it");
}

#[test]
fn checkpoint_of_nothing_makes_no_log_sound() {
    let Log { records, .. } = log(STREAM, 0);
    let empty = Ledger::create(STREAM).unwrap().checkpoint().sign(&key());
    let mut log = LogVerifier::new(STREAM).with_key(key().public()).with_checkpoint(&empty).unwrap();
    records.iter().for_each(|record| drop(log.push(record)));
    assert!(log.finish(now()).require_sound().is_err());
}

#[test]
fn verified_record_shows_what_was_recorded() {
    let Log { records, .. } = log(STREAM, 0);
    let mut log = LogVerifier::new(STREAM);
    log.push(&records[0]);
    let record = log.push(&records[1]).unwrap();
    assert_eq!((record.event(), record.key(), record.review()), ("host.deploy.started", None, None));
    assert_eq!((record.at(), record.content()["note"]["build"].as_u64()), (now(), Some(0)));
    assert_eq!(
        (record.bytes(), record.id().len(), record.is_re_encoded()),
        (records[1].as_slice(), 26, false)
    );
    assert_eq!(record.leaf(), <[u8; 32]>::from(Sha256::digest([b"\0", record.bytes()].concat())));
}

#[test]
fn checkpoint_without_its_key_is_not_believed() {
    let Log { records, head, .. } = log(STREAM, 0);
    let judge = |keys: Vec<PublicKey>, note: &str| {
        let mut log = keys.into_iter().fold(LogVerifier::new(STREAM), LogVerifier::with_key);
        log = log.with_checkpoint(note).unwrap();
        records.iter().for_each(|record| drop(log.push(record)));
        let verdict = log.finish(now() + TimeDelta::minutes(1));
        (verdict.authorship, verdict.require_sound())
    };
    let stranger = SigningKey::from_seed([8; 32]).public();
    assert_eq!(judge(Vec::new(), &head), (Authorship::Unchecked, Err(LogFault::Unchecked)));
    let unproven = (Authorship::Unproven { size: 8 }, Err(LogFault::Unproven { size: 8 }));
    assert_eq!(judge(vec![stranger.clone()], &head), unproven);
    assert_eq!(judge(vec![stranger, key().public()], &head), (Authorship::Signed, Ok(())));
    // A key that is named and did not sign spoils the note, even beside a good signature.
    let (text, encoded) = head.trim_end().rsplit_once(' ').unwrap();
    let mut signature = STANDARD.decode(encoded).unwrap();
    signature[30] ^= 1;
    let (_, line) = text.rsplit_once('\n').unwrap();
    let forged = format!("{head}{line} {}\n", STANDARD.encode(signature));
    assert_eq!(judge(vec![key().public()], &forged), unproven);
}

#[test]
fn checkpoint_of_another_stream_or_shape_is_refused_at_once() {
    let other = log("other", 0).head;
    let error = LogVerifier::new(STREAM).with_checkpoint(&other).unwrap_err();
    assert_eq!(error.to_string(), "checkpoint is of `other`, expected `orders-gate`");
    let error = LogVerifier::new(STREAM).with_checkpoint("orders-gate\n0\n").unwrap_err();
    assert_eq!(error, CheckpointError::NotANote);
}

#[test]
fn every_fault_says_what_was_found() {
    for (fault, message) in [
        (LogFault::Unchecked, "checkpoints were not checked: no key was given"),
        (LogFault::Unproven { size: 8 }, "checkpoint of 8 records is not signed by a given key"),
        (
            LogFault::Ahead { last: now() },
            "newest record is of 2026-11-23 10:00:00 UTC, which is yet to come",
        ),
    ] {
        assert_eq!(fault.to_string(), message);
    }
}

#[test]
fn log_from_the_future_is_not_sound() {
    let Log { records, head, .. } = log(STREAM, 0);
    let judge = |seconds: i64| {
        let mut log = LogVerifier::new(STREAM).with_key(key().public()).with_checkpoint(&head).unwrap();
        records.iter().for_each(|record| drop(log.push(record)));
        log.finish(now() + TimeDelta::seconds(6 - seconds)).freshness
    };
    let last = now() + TimeDelta::seconds(6);
    assert_eq!(judge(5), Freshness::Aged { last, age: std::time::Duration::ZERO });
    assert_eq!(judge(6), Freshness::Ahead { last });
    assert_eq!(verify::<&[u8]>(&[], &[]).freshness, Freshness::Empty);
}

#[test]
fn one_flipped_bit_anywhere_is_refused() {
    let Log { records, old, .. } = log(STREAM, 0);
    let file = records[..5].join(&b'\n');
    // Signatures are left out: they cost most of the time and do not depend on the records.
    let is_refused = |file: &[u8]| {
        let mut log = LogVerifier::new(STREAM).with_checkpoint(&old).unwrap();
        file.split(|byte| *byte == b'\n').for_each(|line| drop(log.push(line)));
        log.finish(now()).completeness != Completeness::Reaches { size: 5 }
    };
    assert!(!is_refused(&file));
    for at in 0..file.len() {
        for bit in 0..8 {
            let mut file = file.clone();
            file[at] ^= 1 << bit;
            assert!(is_refused(&file), "byte {at}, bit {bit}");
        }
    }
}

#[test]
fn other_spelling_of_a_record_is_the_same_record_and_is_counted() {
    let mut ledger = Ledger::create(STREAM).unwrap();
    let step = Step::note("deploy.started", json!("a\u{b}é/\n"), Stamp::new(now(), [1; 32]));
    let staged = ledger.stage(step).unwrap();
    let [opening, record] = staged.records() else { panic!("two records") };
    let text = std::str::from_utf8(record.bytes()).unwrap();
    for (from, to) in
        [("\\u000b", "\\u000B"), ("é", "\\u00e9"), ("/\\n", "\\/\\u000a"), (",\"prev\"", ", \"prev\"")]
    {
        let other = text.replace(from, to);
        assert_ne!(other, text);
        let verdict = verify(&[opening.bytes(), other.as_bytes()], &[]);
        assert_eq!((verdict.integrity, verdict.re_encoded), (Integrity::Intact { records: 2 }, 1), "{other}");
    }
    staged.commit();
}

/// Writes JSON as some other tool might: members in another order, spaces, letters escaped.
struct Respell {
    choices: u64,
    /// Members as `jsonb` orders them: shorter names first.
    by_length: bool,
    shuffled: bool,
    spaced: bool,
    escaped: bool,
}

impl Respell {
    fn toss(&mut self) -> bool {
        self.choices = self.choices.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        self.choices >> 63 == 1
    }

    fn space(&mut self, out: &mut String) {
        while self.spaced && self.toss() {
            out.push([' ', '\t', '\r'][usize::from(self.toss()) + usize::from(self.toss())]);
        }
    }

    fn text(&mut self, out: &mut String, text: &str) {
        if !self.escaped {
            return out.push_str(&json!(text).to_string());
        }
        out.push('"');
        for letter in text.chars() {
            match letter {
                '/' if self.toss() => out.push_str("\\/"),
                '"' | '\\' | '\0'..'\x20' => self.units(out, letter),
                _ if self.toss() => self.units(out, letter),
                _ => out.push(letter),
            }
        }
        out.push('"');
    }

    fn units(&mut self, out: &mut String, letter: char) {
        for unit in letter.encode_utf16(&mut [0; 2]) {
            let digits = format!("{unit:04x}");
            let digits = if self.toss() { digits.to_uppercase() } else { digits };
            out.push_str(&format!("\\u{digits}"));
        }
    }

    fn value(&mut self, out: &mut String, item: &Value) {
        self.space(out);
        match item {
            Value::Object(map) => {
                let mut members: Vec<_> = map.iter().collect();
                if self.by_length {
                    members.sort_by_key(|(name, _)| (name.len(), name.as_bytes()));
                }
                if self.shuffled {
                    members.sort_by_cached_key(|_| self.toss());
                }
                self.list(out, ['{', '}'], members, |own, out, (name, item)| {
                    own.space(out);
                    own.text(out, name);
                    own.space(out);
                    out.push(':');
                    own.value(out, item);
                });
            }
            Value::Array(items) => self.list(out, ['[', ']'], items.iter().collect(), Self::value),
            Value::String(text) => self.text(out, text),
            other => out.push_str(&other.to_string()),
        }
        self.space(out);
    }

    fn list<T>(
        &mut self,
        out: &mut String,
        marks: [char; 2],
        items: Vec<T>,
        each: impl Fn(&mut Self, &mut String, T),
    ) {
        out.push(marks[0]);
        for (at, item) in items.into_iter().enumerate() {
            if at > 0 {
                out.push(',');
            }
            each(self, out, item);
        }
        out.push(marks[1]);
    }
}

#[test]
fn log_that_went_through_jsonb_resumes_as_the_same_log() {
    let Log { records, head, .. } = log(STREAM, 0);
    let jsonb = |record: &Vec<u8>| {
        let mut respell =
            Respell { choices: 0, by_length: true, shuffled: false, spaced: false, escaped: false };
        let mut out = String::new();
        respell.value(&mut out, &serde_json::from_slice(record).unwrap());
        out + "\n"
    };
    let stored: Vec<String> = records.iter().map(jsonb).collect();
    let verdict = verify(&stored, &[&head]);
    assert_eq!((verdict.require_sound(), verdict.re_encoded), (Ok(()), 8));
    let resumed = Ledger::resume(STREAM, stored.concat().as_bytes()).unwrap();
    assert_eq!(resumed.ledger.checkpoint().sign(&key()), head);
}

#[test]
fn other_spelling_of_a_number_is_refused_by_its_record() {
    let Log { records, .. } = log(STREAM, 0);
    let text = String::from_utf8(records[4].clone()).unwrap();
    for number in ["3.0", "3e0", "0.3e1", "30e-1", "3E0"] {
        let mut records = records.clone();
        records[4] = text.replacen("\"build\":3", &format!("\"build\":{number}"), 1).into_bytes();
        let fault = verify(&records, &[]).require_sound().unwrap_err();
        assert_eq!(
            fault.to_string(),
            format!("record 4: number `{number}` is not an integer within ±9007199254740991")
        );
    }
    // No JSON at all.
    for number in ["03", "+3", "3.", "0x3", "NaN"] {
        let mut records = records.clone();
        records[4] = text.replacen("\"build\":3", &format!("\"build\":{number}"), 1).into_bytes();
        let fault = verify(&records, &[]).require_sound().unwrap_err();
        assert!(matches!(fault, LogFault::Broken { first_bad: 4, .. }), "{number}: {fault}");
    }
}

fn any_content() -> impl Strategy<Value = Value> {
    let text = prop_oneof!["[a-z]{0,6}", "[ -~]{0,6}", "[\u{1}-\u{ffff}\u{10000}-\u{10100}]{0,4}"];
    let integer = prop_oneof![-9_007_199_254_740_991..=9_007_199_254_740_991_i64, -20..20_i64];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integer.prop_map(Value::from),
        text.clone().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(text.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn log_that_another_tool_spelt_anew_is_the_same_log(
        content in any_content(),
        choices in any::<u64>(),
        (by_length, shuffled, spaced, escaped) in any::<(bool, bool, bool, bool)>(),
    ) {
        let mut ledger = Ledger::create(STREAM).unwrap();
        let staged = ledger.stage(Step::note("a", content, Stamp::new(now(), [1; 32]))).unwrap();
        let records: Vec<Vec<u8>> = staged.records().iter().map(|record| record.bytes().to_vec()).collect();
        staged.commit();
        let head = ledger.checkpoint().sign(&key());
        let mut respell = Respell { choices, by_length, shuffled, spaced, escaped };
        let mut stored = Vec::new();
        for record in &records {
            let mut out = String::new();
            respell.value(&mut out, &serde_json::from_slice(record).unwrap());
            stored.push(out.into_bytes());
        }
        let verdict = verify(&stored, &[&head]);
        prop_assert_eq!(verdict.require_sound(), Ok(()));
        let changed = records.iter().zip(&stored).filter(|(record, stored)| record != stored).count();
        prop_assert_eq!(usize::try_from(verdict.re_encoded).unwrap(), changed);
        // A round trip through this crate's own JSON library is another tool too.
        let trip = |record: &Vec<u8>| serde_json::from_slice::<Value>(record).unwrap().to_string();
        prop_assert_eq!(verify(&records.iter().map(trip).collect::<Vec<_>>(), &[&head]).require_sound(), Ok(()));
    }

    #[test]
    fn no_edit_of_the_text_goes_unseen(
        at in any::<prop::sample::Index>(),
        length in 0..4_usize,
        text in "[ -~\n]{0,4}",
    ) {
        let Log { records, old, .. } = log(STREAM, 0);
        let file = records[..5].join(&b'\n');
        let at = at.index(file.len());
        let end = file.len().min(at.saturating_add(length));
        let edited = [&file[..at], text.as_bytes(), &file[end..]].concat();
        let mut log = LogVerifier::new(STREAM).with_checkpoint(&old).unwrap();
        edited.split(|byte| *byte == b'\n').for_each(|line| drop(log.push(line)));
        // An edit may leave the same JSON: spaces between its parts, or nothing changed at all.
        let same = log.finish(now()).completeness == Completeness::Reaches { size: 5 };
        let dense = |bytes: &[u8]| bytes.iter().copied().filter(|byte| *byte != b' ').collect::<Vec<_>>();
        prop_assert!(!same || dense(&edited) == dense(&file));
    }
}
