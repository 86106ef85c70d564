//! Going on from a snapshot or from a log, whole or torn.

use super::*;

#[test]
fn snapshot_goes_on_where_its_ledger_was() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap().store_enforces_keys(), Vec::new());
    for number in 0..20 {
        store(&mut ledger, &mut file, note(number));
    }
    let snapshot = ledger.snapshot();
    let known = file.len();
    store(&mut ledger, &mut file, once(21, "k"));
    let mut restored = Ledger::restore(&snapshot, lines(&file[known..])).unwrap();
    assert_eq!(restored.checkpoint(), ledger.checkpoint());
    assert_eq!(restored.stage(once(22, "k")).unwrap().lines(), ledger.stage(once(22, "k")).unwrap().lines());
}

#[test]
fn snapshot_without_its_keys_takes_no_step_with_a_key() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut ledger, &mut file, once(1, "k"));
    let mut restored = Ledger::restore(&ledger.snapshot(), NONE).unwrap();
    let error = restored.stage(once(2, "k")).unwrap_err();
    assert_eq!(error, LedgerError::KeysUnknown);
    assert_eq!(error.to_string(), "keys before the snapshot are unknown and the store does not enforce them");
    restored.stage(note(3)).unwrap().commit();
    assert!(restored.store_enforces_keys().stage(once(4, "l")).is_ok());
}

#[test]
fn snapshot_of_a_new_stream_knows_all_its_keys() {
    let snapshot = Ledger::create("s").unwrap().snapshot();
    assert!(Ledger::restore(&snapshot, NONE).unwrap().stage(once(1, "k")).is_ok());
}

#[test]
fn snapshot_stays_below_four_kibibytes() {
    let frontier = Frontier::from_parts(9_007_199_254_740_991, vec![[0xff; 32]; 53]).unwrap();
    let tip = Tip::from_parts(&"s".repeat(200), [0xff; 32], frontier, true).unwrap();
    let ledger = Ledger { tip, keys: Keys::Store, uncertain: None };
    assert!(ledger.snapshot().len() < 4_096, "{}", ledger.snapshot().len());
    assert_eq!(Ledger::restore(&ledger.snapshot(), NONE).unwrap().checkpoint(), ledger.checkpoint());
}

#[test]
fn stream_ends_where_numbers_do() {
    let at = |size: u64| {
        let peaks = vec![[1; 32]; usize::try_from(size.count_ones()).unwrap()];
        let tip = Tip::from_parts("s", [2; 32], Frontier::from_parts(size, peaks).unwrap(), false).unwrap();
        Ledger { tip, keys: Keys::Store, uncertain: None }
    };
    let last = 9_007_199_254_740_991;
    let mut ledger = Ledger::restore(&at(last).snapshot(), NONE).unwrap();
    let staged = ledger.stage(note(1)).unwrap();
    assert_eq!(Record::read(staged.records()[0].bytes()).unwrap().seq(), last);
    staged.commit();
    assert_eq!(
        ledger.stage(note(2)).unwrap_err().to_string(),
        "event `host.deploy.started` cannot be recorded: field `seq` is missing or malformed"
    );
    assert_eq!(ledger.uncertain(), None);
    for size in [last + 2, 1 << 63, u64::MAX] {
        // Whatever writes such a number, nothing goes on from it.
        let snapshot = at(size).snapshot();
        assert_eq!(Ledger::restore(&snapshot, NONE).unwrap_err(), LedgerError::Snapshot, "{size}");
    }
}

#[test]
fn damaged_snapshot_is_refused() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut ledger, &mut file, note(1));
    let snapshot = ledger.snapshot();
    for at in 0..snapshot.len() {
        let mut damaged = snapshot.clone();
        damaged[at] ^= 1;
        assert_eq!(Ledger::restore(&damaged, NONE).unwrap_err(), LedgerError::Snapshot, "byte {at}");
        let torn = &snapshot[..at];
        assert_eq!(Ledger::restore(torn, NONE).unwrap_err(), LedgerError::Snapshot, "byte {at}");
    }
    assert_eq!(LedgerError::Snapshot.to_string(), "snapshot is damaged");
}

#[test]
fn append_that_is_cut_at_any_byte_is_recovered() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut ledger, &mut file, note(1));
    let whole = file.len();
    let batch: Step<Vec<()>> = [note(2), note(3)].into_iter().collect();
    store(&mut ledger, &mut file, batch);
    for cut in 0..=file.len() {
        let keep = file[..cut].iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let resumed = Ledger::resume("s", &file[..cut]);
        if keep == cut {
            let ends = lines(&file[..cut]).len();
            assert_eq!(resumed.unwrap().ledger.next_seq(), u64::try_from(ends).unwrap(), "cut at {cut}");
        } else {
            assert_eq!(resumed.unwrap_err(), LedgerError::TornTail { keep }, "cut at {cut}");
            let mut ledger = Ledger::resume("s", &file[..keep]).unwrap().ledger;
            let mut again = file[..keep].to_vec();
            store(&mut ledger, &mut again, note(4));
            assert!(Ledger::resume("s", &again).is_ok());
        }
        if cut >= whole {
            assert!(keep >= whole, "what was committed is never cut");
        }
    }
    assert_eq!(LedgerError::TornTail { keep: 7 }.to_string(), "the last line is torn after byte 7");
}

#[test]
fn broken_log_is_named_before_its_torn_tail() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    for number in 1..=3 {
        store(&mut ledger, &mut file, note(number));
    }
    let text = String::from_utf8(file).unwrap().replacen("\"build\":1", "\"build\":7", 1);
    let torn = &text.as_bytes()[..text.len() - 3];
    let error = Ledger::resume("s", torn).unwrap_err();
    assert_eq!(error, LedgerError::Broken { seq: 1, fault: RecordFault::Changed });
    assert_eq!(error.to_string(), "record 1: is not the record that the next one follows: it was changed");
}

#[test]
fn crash_at_any_byte_of_an_append_has_a_name() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut ledger, &mut file, note(1));
    let (before, whole) = (ledger.checkpoint(), file.len());
    let batch: Step<Vec<()>> = [note(2), note(3)].into_iter().collect();
    store(&mut ledger, &mut file, batch);
    let after = ledger.checkpoint();
    for cut in 0..=file.len() {
        let keep = match Ledger::resume("s", &file[..cut]) {
            Ok(_) => cut,
            Err(LedgerError::TornTail { keep }) => keep,
            Err(other) => panic!("cut at {cut}: {other}"),
        };
        let resumed = Ledger::resume("s", &file[..keep]).unwrap();
        let records = resumed.ledger.next_seq();
        // The checkpoint is ahead of the log: confirmed records are lost.
        let lost = |size: u64| Reach::Short { records: size - records };
        let of_before = match records {
            0 | 1 => lost(2),
            2 => Reach::At,
            _ => Reach::Ahead { records: records - 2 },
        };
        assert_eq!(resumed.reach(&before), of_before, "cut at {cut}");
        assert_eq!(cut >= whole, records >= 2, "cut at {cut}");
        assert_eq!(resumed.reach(&after), if records == 4 { Reach::At } else { lost(4) }, "cut at {cut}");
    }
}

#[test]
fn log_that_a_checkpoint_does_not_know_differs_from_it() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut ledger, &mut file, note(1));
    let (mut other, mut others) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut other, &mut others, note(2));
    let resumed = Ledger::resume("s", &file).unwrap();
    assert_eq!(resumed.reach(&other.checkpoint()), Reach::Differs);
    store(&mut ledger, &mut file, note(3));
    let resumed = Ledger::resume("s", &file).unwrap();
    assert_eq!(resumed.reach(&other.checkpoint()), Reach::Differs);
    assert_eq!(resumed.reach(&Ledger::create("t").unwrap().checkpoint()), Reach::Differs);
    assert_eq!(resumed.reach(&Ledger::create("s").unwrap().checkpoint()), Reach::Ahead { records: 3 });
}
