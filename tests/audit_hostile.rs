//! What somebody might try on a log, its checkpoints, proofs and tiles. Each was a suspicion once.
#![cfg(feature = "verify")]
#![allow(
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests fail by panicking"
)]

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Checkpoint, CheckpointError, Completeness, Integrity, Ledger, LedgerError, LogFault, LogVerdict,
    LogVerifier, ProofError, ProofPlan, Reach, RecordFault, SigningKey, Stamp, Step, Subtree, Tile,
};
use ed25519_dalek::Signer;
use serde_json::json;
use sha2::{Digest, Sha256};

const STREAM: &str = "orders-gate";

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn note(seed: u8) -> Step<()> {
    Step::note("deploy.started", json!({ "build": seed }), Stamp::new(now(), [seed; 32]))
}

fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

fn add<T: 'static>(ledger: &mut Ledger, file: &mut Vec<u8>, step: Step<T>) -> T {
    let staged = ledger.stage(step).unwrap();
    file.extend_from_slice(staged.lines());
    staged.commit()
}

fn log(notes: u8) -> (Ledger, Vec<u8>) {
    let (mut ledger, mut file) = (Ledger::create(STREAM).unwrap(), Vec::new());
    (1..=notes).for_each(|seed| add(&mut ledger, &mut file, note(seed)));
    (ledger, file)
}

fn verdict(file: &[u8], notes: &[&str]) -> LogVerdict {
    let log = LogVerifier::new(STREAM).with_key(key().public());
    let mut log = notes.iter().fold(log, |log, note| log.with_checkpoint(note).unwrap());
    file.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(log.push(line)));
    log.finish(now() + TimeDelta::seconds(1))
}

/// Signs any text under a name, as only whoever has the key can.
fn signed(name: &str, text: &str) -> String {
    let key = ed25519_dalek::SigningKey::from_bytes(&[7; 32]);
    let id = Sha256::digest([name.as_bytes(), b"\n\x01", key.verifying_key().as_bytes()].concat());
    let bytes = [&id[..4], &key.sign(text.as_bytes()).to_bytes()].concat();
    format!("{text}\n— {name} {}\n", STANDARD.encode(bytes))
}

#[test]
fn names_that_could_be_taken_for_others_are_no_streams() {
    for name in [
        "",
        "a b",
        "a\nb",
        "a\r",
        "a\t",
        "a\u{0}",
        "é",
        "оrders-gate",
        "orders\u{200b}gate",
        "a\"b",
        "a\\b",
        "a+b",
        "orders-gate\n5\nAAAA",
        "\u{2014} a",
        "a\u{85}b",
    ] {
        assert!(matches!(Ledger::create(name), Err(LedgerError::StreamName { .. })), "{name:?}");
    }
    // These are names, and other ones than any that looks like them once decoded.
    for name in ["a%0Ab", "a%2Fb", "A/b", "cosignature/v1", "{\"", "—"] {
        match Ledger::create(name) {
            Ok(ledger) => {
                let note = ledger.checkpoint().sign(&key());
                assert!(Checkpoint::open(&note, name, &key().public()).is_ok());
                let other = name.to_lowercase().replace("%2f", "/").replace("%0a", "\n");
                assert!(Checkpoint::open(&note, &format!("{other}x"), &key().public()).is_err());
                if other != name {
                    let error = Checkpoint::open(&note, &other, &key().public()).unwrap_err();
                    assert!(matches!(error, CheckpointError::Origin { .. }));
                }
            }
            Err(error) => assert!(matches!(error, LedgerError::StreamName { .. })),
        }
    }
}

#[test]
fn signed_text_that_is_no_checkpoint_of_the_stream_is_refused() {
    let (ledger, file) = log(1);
    let text = ledger.checkpoint().text();
    let root = text.lines().nth(2).unwrap();
    let record = std::str::from_utf8(&file).unwrap().lines().next().unwrap();
    assert!(Checkpoint::open(&signed(STREAM, &text), STREAM, &key().public()).is_ok());
    // Lines behind the third are extensions, as the standard has it.
    assert!(Checkpoint::open(&signed(STREAM, &format!("{text}more\n")), STREAM, &key().public()).is_ok());
    for other in [
        format!("{record}\n"),
        format!("{record}\n2\n{root}\n"),
        format!("cosignature/v1\ntime 1\n{text}"),
        format!("\n{text}"),
        format!(" {text}"),
        format!("{text}\n"),
        format!("{text}\nmore\n"),
        text.replace("\n2\n", "\n+2\n"),
        text.replace("\n2\n", "\n02\n"),
        text.replace("\n2\n", "\n2 \n"),
        text.replace("\n2\n", "\n٢\n"),
        text.replace("\n2\n", "\n-2\n"),
        text.replace("\n2\n", "\n18446744073709551616\n"),
        text.replace("\n2\n", "\n\n"),
        text.replace(root, root.trim_end_matches('=')),
        text.replace(root, &STANDARD.encode([0; 31])),
        text.replace(root, &STANDARD.encode([0; 33])),
        format!("{STREAM}\n2\n"),
    ] {
        let note = signed(STREAM, &other);
        assert!(Checkpoint::open(&note, STREAM, &key().public()).is_err(), "{other:?}");
        assert!(LogVerifier::new(STREAM).with_checkpoint(&note).is_err(), "{other:?}");
    }
}

#[test]
fn checkpoints_of_enormous_sizes_are_only_not_reached() {
    let (ledger, file) = log(2);
    let root = ledger.checkpoint().text().lines().nth(2).unwrap().to_owned();
    for size in [4, 1 << 53, 1 << 63, u64::MAX] {
        let note = signed(STREAM, &format!("{STREAM}\n{size}\n{root}\n"));
        let found = verdict(&file, &[&note]);
        assert_eq!(found.completeness, Completeness::Short { records: 3, size });
        assert_eq!(found.require_sound(), Err(LogFault::Short { records: 3, size }));
        let kept = Checkpoint::open(&note, STREAM, &key().public()).unwrap();
        let resumed = Ledger::resume(STREAM, &file).unwrap();
        assert_eq!(resumed.reach(&kept), Reach::Short { records: size - 3 });
        // No proof of any length leads there, and none takes long to refuse.
        for length in [0, 1, 63, 64, 65, 1_000] {
            let proof = vec![[1; 32]; length];
            for seq in [0, 2, size / 2, size - 1] {
                assert_eq!(kept.includes(seq, [2; 32], &proof), Err(ProofError::Mismatch), "{size} {length}");
            }
            assert_eq!(kept.extends(&ledger.checkpoint(), &proof), Err(ProofError::Mismatch));
        }
        assert_eq!(
            kept.includes(u64::MAX, [2; 32], &[]),
            Err(ProofError::NoSuchRecord { seq: u64::MAX, size })
        );
    }
}

#[test]
fn plans_and_tiles_of_enormous_trees_are_bounded() {
    for size in [(1 << 63) - 1, 1 << 63, (1 << 63) + 1, u64::MAX] {
        for seq in [0, 1, size / 2, size - 1] {
            let plan = ProofPlan::inclusion(seq, size).unwrap();
            let wanted: Vec<Subtree> = plan.subtrees().collect();
            assert!(wanted.len() <= 2 * 64);
            assert!(wanted.iter().all(|tree| tree.records().end <= size && !tree.records().contains(&seq)));
            let records: u128 =
                wanted.iter().map(|tree| u128::from(tree.records().end - tree.records().start)).sum();
            assert_eq!(records, u128::from(size) - 1);
            assert!(wanted.iter().all(|tree| Tile::of(*tree, size).is_some()));
            assert!(plan.assemble(wanted.iter().map(|_| [0; 32])).is_some());
        }
        for older in [1, size / 2, size - 1, size] {
            assert!(ProofPlan::consistency(older, size).unwrap().subtrees().count() <= 2 * 64);
        }
        assert_eq!(ProofPlan::inclusion(size, size), None);
        assert_eq!(Tile::grown(size, size).count(), 0);
        assert!(Tile::grown(size - 1, size).count() <= 9);
        assert!(Tile::grown(0, size).take(3).all(|tile| tile.path().starts_with("tile/0/")));
    }
    assert_eq!((ProofPlan::consistency(0, 5), ProofPlan::consistency(6, 5)), (None, None));
}

#[test]
fn subtree_that_no_tree_has_has_no_records_of_others() {
    for (level, index) in [(63, 2), (64, 0), (64, 1), (10, 1 << 60), (u32::MAX, u64::MAX), (1, u64::MAX)] {
        let subtree = Subtree { level, index };
        let records = subtree.records();
        assert!(index == 0 || records.start >= 1 << 63, "{subtree:?} is said to be {records:?}");
        assert_eq!(Tile::of(subtree, u64::MAX), None, "{subtree:?}");
        assert_eq!(subtree.hash([[0; 32]; 2]).is_some(), level == 1);
    }
}

#[test]
fn tiles_are_never_empty_and_never_too_wide() {
    assert_eq!((Tile::grown(0, 0).count(), Tile::grown(5, 3).count()), (0, 0));
    let of = |older, size| Tile::grown(older, size).map(|tile| tile.path()).collect::<Vec<_>>();
    assert_eq!(of(255, 256), ["tile/0/000", "tile/1/000.p/1"]);
    assert_eq!(of(256, 257), ["tile/0/001.p/1"]);
    assert_eq!(of(65_535, 65_536), ["tile/0/255", "tile/1/000", "tile/2/000.p/1"]);
    let tile = Tile::grown(0, 256).next().unwrap();
    let hashes = vec![[1; 32]; 256];
    let bytes = tile.write(hashes.clone()).unwrap();
    assert_eq!(tile.write(hashes[1..].to_vec()), None);
    assert_eq!(tile.write([]), None);
    let whole = Subtree { level: 8, index: 0 };
    assert!(tile.hash(&bytes, whole).is_some());
    for short in [0, 1, 31, 32, bytes.len() - 32, bytes.len() - 1] {
        assert_eq!(tile.hash(&bytes[..short], whole), None);
    }
    assert_eq!(tile.hash(&[bytes.clone(), vec![0; 32]].concat(), whole), None);
    // Another tile's subtree, or one that is higher than the tile.
    for (level, index) in [(8, 1), (9, 0), (0, 256), (0, u64::MAX), (64, 0), (u32::MAX, 0)] {
        assert_eq!(tile.hash(&bytes, Subtree { level, index }), None);
    }
    // A bundle's lengths cannot lead past its end.
    for bundle in [vec![0xff, 0xff], vec![0], vec![0, 2, b'{'], [0, 0].repeat(255), [0, 0].repeat(257)] {
        assert_eq!(tile.read_entries(&bundle), None);
    }
}

#[test]
fn checkpoint_of_no_records_makes_nothing_sound() {
    let (ledger, file) = log(1);
    let empty = Ledger::create(STREAM).unwrap().checkpoint();
    let note = empty.clone().sign(&key());
    let found = verdict(&file, &[&note]);
    assert_eq!((found.completeness, found.unanchored), (Completeness::Unanchored, 2));
    assert_eq!(found.require_sound(), Err(LogFault::Unanchored));
    assert_eq!(ledger.checkpoint().extends(&empty, &[]), Err(ProofError::NoRecords));
    assert_eq!(empty.includes(0, [0; 32], &[]), Err(ProofError::NoSuchRecord { seq: 0, size: 0 }));
    let wrong = signed(STREAM, &format!("{STREAM}\n0\n{}\n", STANDARD.encode([1; 32])));
    assert_eq!(verdict(&file, &[&wrong]).require_sound(), Err(LogFault::Differs { size: 0, matched: 0 }));
}

#[test]
fn field_that_stands_twice_in_any_spelling_is_refused() {
    let (_, file) = log(1);
    let line = std::str::from_utf8(&file).unwrap().lines().next().unwrap();
    let broken = |line: &str| match verdict(line.as_bytes(), &[]).integrity {
        Integrity::Broken { first_bad: 0, fault } => Some(fault),
        _ => None,
    };
    assert_eq!(broken(line), None);
    for again in [
        "\"seq\":0,\"seq\":0,",
        "\"seq\":0,\"\\u0073eq\":0,",
        "\"\\u0073eq\":1,\"seq\":0,",
        "\"seq\":0,\"SEQ\":1,",
        "\"seq\":0,\"seq\u{200b}\":1,",
        "\"seq\":0,\"ѕeq\":1,",
        "\"seq\":0.0,",
        "\"seq\":0e0,",
        "\"seq\":-0,",
        "\"seq\":00,",
        "\"seq\":\"0\",",
        "\"seq\":18446744073709551616,",
        "\"seq\":9007199254740992,",
        "\"seq\":null,",
        "",
    ] {
        assert!(broken(&line.replace("\"seq\":0,", again)).is_some(), "{again}");
    }
    // What is inside a text is no field.
    let inside = line.replace("\"seq\":0,", "\"seq\":0,\"sez\":\"\\\",\\\"seq\\\":7\",");
    assert!(broken(&inside).is_none());
}

#[test]
fn snapshot_that_is_not_of_the_files_end_is_found_when_the_file_is_read() {
    let (mut ledger, mut file) = log(1);
    let older = ledger.snapshot();
    add(&mut ledger, &mut file, note(2));
    let newer = ledger.snapshot();
    let goes_on = |snapshot: &[u8], mut file: Vec<u8>| {
        let mut ledger = Ledger::restore::<&[u8]>(snapshot, []).unwrap();
        add(&mut ledger, &mut file, note(3));
        Ledger::resume(STREAM, &file).map(drop)
    };
    assert_eq!(goes_on(&newer, file.clone()), Ok(()));
    // One that is ahead of a file that lost its end leaves a gap; one that is older writes a number twice.
    let cut = file[..=file[..file.len() - 1].iter().rposition(|byte| *byte == b'\n').unwrap()].to_vec();
    let seq = |found, expected| {
        Err(LedgerError::Broken { seq: expected, fault: RecordFault::Seq { found, expected } })
    };
    assert_eq!(goes_on(&newer, cut), seq(3, 2));
    assert_eq!(goes_on(&older, file.clone()), seq(2, 3));
    // That of another stream names its own in each record.
    let other = Ledger::create("payments-gate").unwrap().snapshot();
    assert_eq!(Ledger::restore::<&[u8]>(&other, []).unwrap().stream(), "payments-gate");
    assert!(matches!(
        goes_on(&other, file.clone()),
        Err(LedgerError::Broken { seq: 3, fault: RecordFault::Stream { .. } })
    ));
    // Given what was stored since, the older one is as good as the newer.
    let since = file.split_inclusive(|byte| *byte == b'\n').skip(2);
    assert_eq!(Ledger::restore(&older, since).unwrap().checkpoint(), ledger.checkpoint());
    assert!(Ledger::restore(&newer, file.split_inclusive(|byte| *byte == b'\n').skip(2)).is_err());
}

#[test]
fn of_two_ledgers_of_one_file_the_second_writer_is_found() {
    let (_, file) = log(1);
    let mut one = Ledger::resume(STREAM, &file).unwrap().ledger;
    let mut two = Ledger::resume(STREAM, &file).unwrap().ledger;
    let (mut both, mut second) = (file.clone(), Vec::new());
    add(&mut one, &mut both, note(2));
    add(&mut two, &mut second, note(3));
    both.extend_from_slice(&second);
    assert!(matches!(
        Ledger::resume(STREAM, &both),
        Err(LedgerError::Broken { seq: 3, fault: RecordFault::Seq { found: 2, expected: 3 } })
    ));
    // Both signed what they believed: whoever sees the two has the proof.
    let notes = [one.checkpoint().sign(&key()), two.checkpoint().sign(&key())];
    let found = verdict(&both, &[&notes[0], &notes[1]]);
    assert!(matches!(found.require_sound(), Err(LogFault::Forked { older: 3, newer: 3 })));
}

#[test]
fn lines_that_are_no_records_do_not_shift_those_that_are() {
    let (ledger, file) = log(2);
    let kept = ledger.checkpoint().sign(&key());
    let lines: Vec<&[u8]> = file.split_inclusive(|byte| *byte == b'\n').collect();
    for extra in [b"\n".as_slice(), b" \n", b"{}\n", b"null\n", b"\xef\xbb\xbf\n", b"# note\n", b"\0\n"] {
        for at in 0..=lines.len() {
            let mut with = lines.clone();
            with.insert(at, extra);
            let found = verdict(&with.concat(), &[&kept]);
            let bad = u64::try_from(at).unwrap();
            assert!(matches!(found.integrity, Integrity::Broken { first_bad, .. } if first_bad == bad));
        }
    }
    // A line end of another system is JSON's white space: re-encoded, and the same record.
    let dos = String::from_utf8(file).unwrap().replace('\n', "\r\n");
    let found = verdict(dos.as_bytes(), &[&kept]);
    assert_eq!((found.require_sound(), found.re_encoded), (Ok(()), 3));
}
