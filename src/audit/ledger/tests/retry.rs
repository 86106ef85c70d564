//! Writes that failed, stopped half-way or succeeded unheard.

use super::*;

#[test]
fn lost_numbers_are_healed_behind_the_records_of_others() {
    let (mut other, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut other, &mut file, once(1, "k"));
    let mut ledger = Ledger::create("s").unwrap();
    let batch: Step<Vec<Fate>> = [once(2, "k"), once(3, "l")].into_iter().collect();
    let staged = ledger.stage(batch).unwrap();
    assert_eq!(staged.first_seq(), 0);
    let staged = staged.rebase(lines(&file)).unwrap();
    assert_eq!(staged.first_seq(), 2);
    file.extend_from_slice(staged.lines());
    let fates = staged.commit();
    assert_eq!(refused_for(&fates[0]), (RefusalKind::Replayed, "k"));
    assert_eq!(stored_key(&fates[1]), "l");
    assert_eq!(Ledger::resume("s", &file).unwrap().ledger.next_seq(), 4);
    assert_eq!(ledger.next_seq(), 4);
    assert_eq!(ledger.uncertain(), None);
}

#[test]
fn write_that_had_succeeded_is_recognised_and_not_repeated() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap().store_enforces_keys(), Vec::new());
    let staged = ledger.stage(once(1, "k")).unwrap();
    file.extend_from_slice(staged.lines());
    // The answer was lost; another writer appended; the host tried again.
    let mut other = Ledger::resume("s", &file).unwrap().ledger;
    store(&mut other, &mut file, note(2));
    let staged = staged.rebase(lines(&file)).unwrap().refuse(["k"]);
    assert!(staged.records().is_empty() && staged.lines().is_empty());
    assert_eq!(stored_key(&staged.commit()), "k");
    assert_eq!(ledger.next_seq(), 3);
}

#[test]
fn write_that_had_succeeded_is_recognised_behind_a_refusal_of_its_own_keys() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap().store_enforces_keys(), Vec::new());
    let batch: Step<Vec<Fate>> = [once(1, "k"), slot(2, 1, 3)].into_iter().collect();
    let staged = ledger.stage(batch).unwrap();
    file.extend_from_slice(staged.lines());
    // The answer was lost; the store names the keys first, one by one, and the numbers last.
    let staged = staged.refuse(["k"]).refuse(["limit:1"]);
    assert_eq!(keys(staged.records()), [None, None, Some("limit:2")]);
    let staged = staged.rebase(NONE).unwrap().rebase(lines(&file)).unwrap();
    assert!(staged.records().is_empty() && staged.lines().is_empty());
    let fates = staged.refuse(["k"]).commit();
    assert_eq!((stored_key(&fates[0]), stored_key(&fates[1])), ("k", "limit:1"));
    assert_eq!((ledger.next_seq(), ledger.uncertain()), (3, None));
}

#[test]
fn refusal_that_was_stored_is_recognised_as_the_refusal() {
    let mut ledger = Ledger::create("s").unwrap().store_enforces_keys();
    let staged = ledger.stage(once(1, "k")).unwrap().refuse(["k"]);
    let file = staged.lines().to_vec();
    let staged = staged.rebase(lines(&file)).unwrap();
    assert!(staged.records().is_empty());
    assert_eq!(refused_for(&staged.commit()), (RefusalKind::Replayed, "k"));
}

/// A step of one part with two records, each with a key.
fn pair(number: u8, first: &str, second: &str) -> Step<Fate> {
    let stamp = stamp(number);
    let draft = |key: &str| {
        let draft = Draft::new(Event::GrantAuthorized, stamp.id(key), stamp.now());
        draft.with_key(Key::Once(key.to_owned()), RefusalKind::Stale)
    };
    Step::new(vec![draft(first), draft(second)], Refusal::new(&stamp), |fate| fate)
}

#[test]
fn write_that_stopped_between_two_records_goes_on_with_the_rest() {
    let batch = || [once(1, "k"), pair(2, "a", "b"), once(3, "l")].into_iter().collect::<Step<Vec<Fate>>>();
    let whole = Ledger::create("s").unwrap().stage(batch()).unwrap().lines().to_vec();
    let whole = lines(&whole);
    let expected = Ledger::create("s").unwrap().stage(batch()).unwrap().commit();
    for first in 1..whole.len() {
        for second in first..whole.len() {
            for own_keys in [false, true] {
                let mut ledger = Ledger::create("s").unwrap().store_enforces_keys();
                let mut staged = ledger.stage(batch()).unwrap();
                if own_keys && first > 1 {
                    staged = staged.refuse(["k", "a"]);
                }
                let staged = staged.rebase(&whole[..first]).unwrap();
                assert_eq!(staged.lines(), whole[first..].concat());
                assert_eq!(staged.first_seq(), u64::try_from(first).unwrap());
                let staged = staged.rebase(&whole[first..second]).unwrap();
                assert_eq!(staged.lines(), whole[second..].concat());
                assert_eq!(staged.commit(), expected, "{first}, {second}");
                assert_eq!((ledger.next_seq(), ledger.uncertain()), (5, None));
            }
        }
    }
}

#[test]
fn rest_of_a_write_that_stopped_moves_and_is_refused_like_a_step() {
    for taken in [None, Some("b"), Some("l")] {
        let mut ledger = Ledger::create("s").unwrap().store_enforces_keys();
        let batch: Step<Vec<Fate>> = [once(1, "k"), pair(2, "a", "b"), once(3, "l")].into_iter().collect();
        let staged = ledger.stage(batch).unwrap();
        let mut file = lines(staged.lines())[..3].concat();
        let staged = staged.rebase(lines(&file)).unwrap();
        // Another writer goes on where the write stopped.
        let stopped = file.len();
        store(&mut Ledger::resume("s", &file).unwrap().ledger, &mut file, note(4));
        let staged = staged.rebase([&file[stopped..]]).unwrap().refuse(taken);
        file.extend_from_slice(staged.lines());
        let fates = staged.commit();
        assert_eq!(stored_key(&fates[0]), "k");
        match (&fates[1], taken) {
            (fate, Some("b")) => assert_eq!(refused_for(fate), (RefusalKind::Stale, "b")),
            (Fate::Stored(places), _) => {
                assert_eq!(places.iter().map(|place| place.seq).collect::<Vec<_>>(), [2, 4]);
            }
            (fate, _) => panic!("refused: {fate:?}"),
        }
        assert_eq!(matches!(fates[2], Fate::Refused { .. }), taken == Some("l"));
        let log = Ledger::resume("s", &file).unwrap();
        assert_eq!((log.records().len(), ledger.next_seq()), (6, 6));
    }
}

/// Whatever part of a write arrived and whoever wrote behind it, each draft is a record once.
#[test]
fn part_of_a_write_that_others_follow_is_never_stored_twice() {
    let batch = || [once(1, "k"), pair(2, "a", "b"), slot(3, 1, 3)].into_iter().collect::<Step<Vec<Fate>>>();
    let whole = Ledger::create("s").unwrap().stage(batch()).unwrap().lines().to_vec();
    let whole = lines(&whole);
    for by_store in [false, true] {
        for (arrived, refused) in (1..=whole.len()).flat_map(|arrived| [(arrived, false), (arrived, true)]) {
            let mut ledger = Ledger::create("s").unwrap();
            if by_store {
                ledger = ledger.store_enforces_keys();
            }
            let mut staged = ledger.stage(batch()).unwrap();
            if refused {
                // A store that names the keys first names those of the records that arrived.
                let own = ["k", "a", "b", "limit:1"];
                staged = staged.refuse(own.into_iter().take(arrived.saturating_sub(1)));
            }
            let mut file = whole[..arrived].concat();
            store(&mut Ledger::resume("s", &file).unwrap().ledger, &mut file, note(9));
            let staged = staged.rebase(lines(&file)).unwrap();
            assert_eq!(staged.records().len(), whole.len() - arrived, "{arrived} arrived");
            file.extend_from_slice(staged.lines());
            let fates = staged.commit();
            assert!(fates.iter().all(|fate| matches!(fate, Fate::Stored(_))), "{arrived} arrived: {fates:?}");
            let log = Ledger::resume("s", &file).unwrap();
            let ids: HashSet<_> = log.records().iter().map(Record::id).collect();
            assert_eq!((ids.len(), ledger.next_seq()), (6, 6), "{arrived} arrived");
            let places = fates.iter().flat_map(|fate| match fate {
                Fate::Stored(places) => places.as_slice(),
                Fate::Refused { .. } => &[],
            });
            for place in places {
                let record = &log.records()[usize::try_from(place.seq).unwrap()];
                assert_eq!((record.leaf(), record.key()), (place.leaf, place.key.as_deref()));
            }
        }
    }
}

#[test]
fn rebase_on_something_that_does_not_follow_fails_and_leaves_the_ledger_uncertain() {
    let (mut other, mut file) = (Ledger::create("t").unwrap(), Vec::new());
    store(&mut other, &mut file, note(1));
    let mut ledger = Ledger::create("s").unwrap();
    let error = ledger.stage(note(2)).unwrap().rebase(lines(&file)).unwrap_err();
    assert_eq!(error.to_string(), "record 0: stream is `t`, expected `s`");
    assert_eq!(ledger.uncertain(), Some(0));
}

#[test]
fn step_that_is_not_committed_stops_the_ledger_until_it_catches_up() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut ledger, &mut file, note(1));
    let written = ledger.stage(once(2, "k")).unwrap().lines().to_vec();
    assert_eq!(ledger.uncertain(), Some(2));
    let error = ledger.stage(note(3)).unwrap_err();
    assert_eq!(error, LedgerError::Uncertain { from: 2 });
    assert_eq!(error.to_string(), "what is stored from record 2 on is uncertain");
    // The write had arrived: its key is taken.
    ledger.catch_up([written]).unwrap();
    assert_eq!((ledger.uncertain(), ledger.next_seq()), (None, 3));
    assert_eq!(refused_for(&ledger.stage(once(4, "k")).unwrap().commit()).1, "k");
}

#[test]
fn step_that_was_not_stored_is_forgotten_by_catching_up() {
    let mut ledger = Ledger::create("s").unwrap();
    std::mem::forget(ledger.stage(once(1, "k")).unwrap());
    assert_eq!(ledger.uncertain(), Some(0));
    ledger.catch_up(NONE).unwrap();
    assert_eq!(stored_key(&ledger.stage(once(2, "k")).unwrap().commit()), "k");
}

#[test]
fn catching_up_on_a_broken_record_changes_nothing() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    store(&mut ledger, &mut file, note(1));
    let good = ledger.stage(once(2, "k")).unwrap().lines().to_vec();
    let error = ledger.catch_up([good.as_slice(), b"{}"]).unwrap_err();
    assert_eq!(error.to_string(), "record 3: field `!fmt` is missing or malformed");
    assert_eq!((ledger.uncertain(), ledger.next_seq()), (Some(2), 2));
    assert!(!ledger.keys.holds("k"));
}
