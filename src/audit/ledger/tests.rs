use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::{Draft, Event, Fate, Key, Refusal, RefusalKind};
use super::*;
use crate::Stamp;

/// No records.
const NONE: [&[u8]; 0] = [];

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn stamp(number: u8) -> Stamp {
    Stamp::new(now(), [number; 32])
}

fn note(number: u8) -> Step<()> {
    Step::note("deploy.started", json!({ "build": number }), stamp(number))
}

/// A step that redeems a grant under a key.
fn keyed(number: u8, key: Key, meaning: RefusalKind) -> Step<Fate> {
    let stamp = stamp(number);
    let draft = Draft::new(Event::GrantRedeemed, stamp.id("grant"), stamp.now()).with_key(key, meaning);
    Step::new(vec![draft.with("grant", "g")], Refusal::new(&stamp).with("grant", "g"), |fate| fate)
}

fn once(number: u8, key: &str) -> Step<Fate> {
    keyed(number, Key::Once(key.to_owned()), RefusalKind::Replayed)
}

fn slot(number: u8, first: u64, last: u64) -> Step<Fate> {
    keyed(number, Key::Next { prefix: "limit:".to_owned(), first, last }, RefusalKind::LimitReached)
}

fn store<T: 'static>(ledger: &mut Ledger, file: &mut Vec<u8>, step: Step<T>) -> T {
    let staged = ledger.stage(step).unwrap();
    file.extend_from_slice(staged.lines());
    staged.commit()
}

fn lines(file: &[u8]) -> Vec<&[u8]> {
    file.split_inclusive(|byte| *byte == b'\n').collect()
}

fn keys(records: &[Record]) -> Vec<Option<&str>> {
    records.iter().map(Record::key).collect()
}

fn stored_key(fate: &Fate) -> &str {
    match fate {
        Fate::Stored(places) => places[0].key.as_deref().unwrap(),
        Fate::Refused { .. } => panic!("refused: {fate:?}"),
    }
}

fn refused_for(fate: &Fate) -> (RefusalKind, &str) {
    match fate {
        Fate::Refused { kind, key, at: Some(_) } => (*kind, key),
        _ => panic!("not refused: {fate:?}"),
    }
}

#[test]
fn steps_and_ledgers_move_between_threads() {
    fn check<T: Send + Sync>() {}
    fn check_send<T: Send>() {}
    check::<Step<std::rc::Rc<()>>>();
    check::<Ledger>();
    check_send::<Staged<'_, ()>>();
}

#[test]
fn result_is_made_at_commit_and_not_before() {
    let made = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&made);
    let step = note(1).map(move |()| seen.store(true, Ordering::Relaxed));
    let mut ledger = Ledger::create("s").unwrap();
    let staged = ledger.stage(step).unwrap();
    assert!(!staged.lines().is_empty());
    let staged = staged.refuse(["other"]).rebase(NONE).unwrap();
    assert!(!made.load(Ordering::Relaxed));
    staged.commit();
    assert!(made.load(Ordering::Relaxed));
}

#[test]
fn dropped_step_makes_no_result() {
    let made = Arc::new(AtomicBool::new(false));
    let seen = Arc::clone(&made);
    let mut ledger = Ledger::create("s").unwrap();
    drop(ledger.stage(note(1).map(move |()| seen.store(true, Ordering::Relaxed))).unwrap());
    assert!(!made.load(Ordering::Relaxed));
    assert_eq!(Arc::strong_count(&made), 1);
}

#[test]
fn first_step_brings_the_opening_with_it() {
    let mut ledger = Ledger::create("acme/orders-gate").unwrap();
    let staged = ledger.stage(note(1)).unwrap();
    assert_eq!(staged.first_seq(), 0);
    let events: Vec<_> = staged.records().iter().map(Record::event).collect();
    assert_eq!(events, ["stream.opened", "host.deploy.started"]);
    staged.commit();
    assert_eq!(ledger.stage(note(2)).unwrap().records().len(), 1);
}

#[test]
fn opening_is_bound_to_the_stream_and_to_the_first_stamp() {
    let opening = |stream: &str, number: u8| {
        let mut ledger = Ledger::create(stream).unwrap();
        let staged = ledger.stage(note(number)).unwrap();
        (staged.records()[0].id().to_owned(), staged.records()[0].body.fields.prev)
    };
    assert_eq!(opening("a", 1), opening("a", 1));
    assert_ne!(opening("a", 1).0, opening("a", 2).0);
    assert_eq!(opening("a", 1).1, opening("a", 2).1);
    assert_ne!(opening("a", 1).0, opening("b", 1).0);
    assert_ne!(opening("a", 1).1, opening("b", 1).1);
}

#[test]
fn record_has_the_bytes_of_the_format() {
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let staged = ledger.stage(once(1, "use:g:1")).unwrap();
    let [opening, record] = staged.records() else { panic!("two records") };
    let expected = format!(
        r#"{{"!fmt":"countersign/record/1","at":"2026-11-23T10:00:00.000000Z","event":"grant.redeemed","grant":"g","id":"{}","key":"use:g:1","prev":"{}","seq":1,"stream":"orders-gate"}}"#,
        stamp(1).id("grant"),
        hex::encode(&opening.leaf()),
    );
    assert_eq!(std::str::from_utf8(record.bytes()).unwrap(), expected);
    assert_eq!(record.leaf(), super::super::merkle::leaf_hash(expected.as_bytes()));
}

#[test]
fn staged_record_equals_the_record_that_is_read() {
    let stamp = stamp(1);
    let draft = |label: &str| Draft::new(Event::ReviewVoted, stamp.id(label), stamp.now());
    let drafts = vec![
        draft("a")
            .with_key(Key::Once("k".to_owned()), RefusalKind::Stale)
            .with_review("r")
            .with("zone", "é\n"),
        draft("b").with_review("r").with("@a", 1).with("l", json!([])).with("q", json!({ "Team": null })),
        draft("c").with("tail", true).with("from", -1).with("sub", "x"),
    ];
    let mut ledger = Ledger::create("s").unwrap();
    let staged = ledger.stage(Step::new(drafts, Refusal::new(&stamp), |_| ())).unwrap();
    assert_eq!(staged.records().len(), 4);
    for record in staged.records() {
        assert_eq!(Record::read(record.bytes()).unwrap(), *record);
    }
    assert_eq!(staged.records()[1].review(), Some("r"));
    assert_eq!(staged.records()[1].content(), *json!({ "zone": "é\n" }).as_object().unwrap());
    assert_eq!(
        staged.records()[2].content(),
        *json!({ "@a": 1, "l": [], "q": { "Team": null } }).as_object().unwrap()
    );
}

#[test]
fn positions_name_the_records() {
    let mut ledger = Ledger::create("s").unwrap();
    let staged = ledger.stage(once(1, "k")).unwrap();
    let (seq, leaf) = (staged.records()[1].seq(), staged.records()[1].leaf());
    let Fate::Stored(places) = staged.commit() else { panic!("stored") };
    assert_eq!((places.len(), places[0].seq, places[0].leaf), (1, seq, leaf));
    assert_eq!((&*places[0].stream, places[0].key.as_deref()), ("s", Some("k")));
}

#[test]
fn key_is_taken_once_in_memory() {
    let (mut ledger, mut file) = (Ledger::create("s").unwrap(), Vec::new());
    assert_eq!(stored_key(&store(&mut ledger, &mut file, once(1, "k"))), "k");
    let fate = store(&mut ledger, &mut file, once(2, "k"));
    assert_eq!(refused_for(&fate), (RefusalKind::Replayed, "k"));

    let resumed = Ledger::resume("s", &file).unwrap();
    let refusal = &resumed.records()[2];
    assert_eq!((refusal.event(), refusal.key()), ("step.refused", None));
    let content = json!({ "grant": "g", "reason": "replayed", "taken": "k" });
    assert_eq!(refusal.content(), *content.as_object().unwrap());

    let mut ledger = resumed.ledger;
    let fate = store(&mut ledger, &mut file, once(3, "k"));
    assert_eq!(refused_for(&fate), (RefusalKind::Replayed, "k"));
}

#[test]
fn later_of_two_equal_keys_in_a_batch_is_refused() {
    let batch: Step<Vec<Fate>> = [once(1, "k"), once(2, "k"), once(3, "l")].into_iter().collect();
    let mut ledger = Ledger::create("s").unwrap();
    let staged = ledger.stage(batch).unwrap();
    assert_eq!(keys(staged.records()), [None, Some("k"), None, Some("l")]);
    let fates = staged.commit();
    assert_eq!(stored_key(&fates[0]), "k");
    assert_eq!(refused_for(&fates[1]), (RefusalKind::Replayed, "k"));
    assert_eq!(stored_key(&fates[2]), "l");
}

#[test]
fn step_with_one_taken_key_is_refused_whole() {
    let stamp = stamp(1);
    let draft = |key: &str, meaning| {
        let draft = Draft::new(Event::GrantAuthorized, stamp.id(key), stamp.now());
        draft.with_key(Key::Once(key.to_owned()), meaning)
    };
    let drafts = vec![draft("a", RefusalKind::LimitReached), draft("b", RefusalKind::Stale)];
    let step = Step::new(drafts, Refusal::new(&stamp), |fate| fate);
    let mut ledger = Ledger::create("s").unwrap().store_enforces_keys();
    let staged = ledger.stage(step).unwrap().refuse(["b"]);
    assert_eq!(keys(staged.records()), [None, None]);
    assert_eq!(refused_for(&staged.commit()), (RefusalKind::Stale, "b"));
    // What the refused step would have taken is free.
    assert_eq!(stored_key(&ledger.stage(once(2, "a")).unwrap().commit()), "a");
}

#[test]
fn numbered_key_moves_to_the_next_free_number() {
    let mut ledger = Ledger::create("s").unwrap();
    assert_eq!(stored_key(&ledger.stage(slot(1, 9, 11)).unwrap().commit()), "limit:9");
    let batch: Step<Vec<Fate>> = [slot(2, 9, 11), slot(3, 9, 11), slot(4, 9, 11)].into_iter().collect();
    let fates = ledger.stage(batch).unwrap().commit();
    assert_eq!((stored_key(&fates[0]), stored_key(&fates[1])), ("limit:10", "limit:11"));
    assert_eq!(refused_for(&fates[2]), (RefusalKind::LimitReached, "limit:11"));
}

#[test]
fn numbered_key_without_numbers_is_refused() {
    let mut ledger = Ledger::create("s").unwrap();
    let fate = ledger.stage(slot(1, 3, 2)).unwrap().commit();
    assert_eq!(refused_for(&fate), (RefusalKind::LimitReached, "limit:2"));
}

#[test]
fn keys_that_the_store_refuses_are_healed_within_the_step() {
    let mut ledger = Ledger::create("s").unwrap().store_enforces_keys();
    let batch: Step<Vec<Fate>> = [once(1, "k"), slot(2, 1, 3), once(3, "l")].into_iter().collect();
    let staged = ledger.stage(batch).unwrap();
    assert_eq!(keys(staged.records()), [None, Some("k"), Some("limit:1"), Some("l")]);
    let staged = staged.refuse(["limit:1"]).refuse(["limit:2", "k"]);
    assert_eq!(keys(staged.records()), [None, None, Some("limit:3"), Some("l")]);
    let text = staged.lines().to_vec();
    let fates = staged.commit();
    assert_eq!(refused_for(&fates[0]), (RefusalKind::Replayed, "k"));
    assert_eq!(stored_key(&fates[1]), "limit:3");
    assert_eq!(Ledger::resume("s", &text).unwrap().records().len(), 4);
}

#[test]
fn refusal_that_does_not_fit_a_record_is_recorded_without_its_content() {
    let stamp = stamp(1);
    let draft = Draft::new(Event::ReviewVoted, stamp.id("vote"), stamp.now());
    let draft = draft.with_key(Key::Once("k".to_owned()), RefusalKind::Stale);
    let refusal = Refusal::new(&stamp).with_review("r").with("vote", "x".repeat(70_000));
    let mut ledger = Ledger::create("s").unwrap();
    let staged = ledger.stage(Step::new(vec![draft], refusal, |fate| fate)).unwrap().refuse(["k"]);
    let record = &staged.records()[1];
    assert_eq!((record.event(), record.review()), ("step.refused", Some("r")));
    assert_eq!(record.content(), *json!({ "reason": "stale", "taken": "k" }).as_object().unwrap());
}

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

#[test]
fn step_without_records_is_stored_at_once() {
    let mut ledger = Ledger::create("s").unwrap();
    let staged = ledger.stage(Step::new(Vec::new(), Refusal::new(&stamp(1)), |fate| fate)).unwrap();
    assert!(staged.records().is_empty());
    assert_eq!(staged.commit(), Fate::Stored(Vec::new()));
    assert_eq!(ledger.stage([].into_iter().collect::<Step<Vec<()>>>()).unwrap().commit(), []);
    assert_eq!((ledger.next_seq(), ledger.uncertain()), (0, None));
}

#[test]
fn what_no_record_can_hold_is_refused_and_leaves_the_ledger_as_it_was() {
    let draft = |label: &str| Draft::new(Event::ReviewVoted, label.to_owned(), now());
    let far = DateTime::<Utc>::MAX_UTC;
    let mut ledger = Ledger::create("s").unwrap();
    for (draft, message) in [
        (
            draft("i").with("text", "x".repeat(65_000)),
            "event `review.voted` cannot be recorded: 65682 bytes, limit is 65535",
        ),
        (
            draft("i").with("n", 0.5),
            "event `review.voted` cannot be recorded: number `0.5` is not an integer within ±9007199254740991",
        ),
        (
            draft("i").with("Team", 1),
            "event `review.voted` cannot be recorded: `Team` is not the name of a field",
        ),
        (
            draft("i").with("seq", 1),
            "event `review.voted` cannot be recorded: `seq` is not the name of a field",
        ),
        (
            draft("i").with("a", 1).with("a", 1),
            "event `review.voted` cannot be recorded: `a` is not the name of a field",
        ),
        (draft("é"), "event `review.voted` cannot be recorded: field `id` is missing or malformed"),
        (
            draft("i").with_review(""),
            "event `review.voted` cannot be recorded: field `review` is missing or malformed",
        ),
        (
            draft("i").with_key(Key::Once("k".repeat(257)), RefusalKind::Stale),
            "event `review.voted` cannot be recorded: field `key` is missing or malformed",
        ),
        (
            draft("i").with_key(Key::Next { prefix: "\"".to_owned(), first: 1, last: 2 }, RefusalKind::Stale),
            "event `review.voted` cannot be recorded: field `key` is missing or malformed",
        ),
        (
            Draft::new(Event::ReviewVoted, "i".to_owned(), far),
            "event `review.voted` cannot be recorded: field `at` is missing or malformed",
        ),
    ] {
        let step = Step::new(vec![draft], Refusal::new(&stamp(2)), |_| ());
        assert_eq!(step.check().unwrap_err().to_string(), message);
        let batch: Step<Vec<()>> = [note(1), step].into_iter().collect();
        assert_eq!(ledger.stage(batch).unwrap_err().to_string(), message);
        assert_eq!((ledger.next_seq(), ledger.uncertain()), (0, None));
    }
    assert_eq!(note(1).check(), Ok(()));
    let unsound = Refusal::new(&stamp(2)).with_review("é");
    let error = ledger.stage(Step::new(vec![draft("i")], unsound, |_| ())).unwrap_err();
    assert_eq!(
        error.to_string(),
        "event `step.refused` cannot be recorded: field `review` is missing or malformed"
    );
    let error = ledger.stage(Step::note("Deploy", json!(1), stamp(1))).unwrap_err();
    assert_eq!(error.to_string(), "event `` cannot be recorded: field `event` is missing or malformed");
}

#[test]
fn largest_record_that_is_staged_is_read_wherever_it_stands() {
    let (stream, key) = ("s".repeat(200), "k".repeat(256));
    let stamp = stamp(1);
    let step = |bytes: usize| {
        let draft = Draft::new(Event::ReviewVoted, "i".to_owned(), now()).with("text", "x".repeat(bytes));
        let draft = draft.with_key(Key::Once(key.clone()), RefusalKind::Stale);
        Step::new(vec![draft], Refusal::new(&stamp), |_| ())
    };
    let most =
        (60_000..65_535).rev().find(|bytes| Ledger::create(&stream).unwrap().stage(step(*bytes)).is_ok());
    let head = [7; 32];
    let size = 9_007_199_254_740_990;
    let frontier = Frontier::from_parts(size, vec![[1; 32]; 52]).unwrap();
    let tip = Tip::from_parts(&stream, head, frontier).unwrap();
    let mut ledger = Ledger { tip, keys: Keys::Store, uncertain: None };
    let staged = ledger.stage(step(most.unwrap())).unwrap();
    assert_eq!(Record::read(staged.records()[0].bytes()).unwrap().seq(), size);
    assert_eq!(staged.records()[0].bytes().len(), limits::RECORD_BYTES);
}

#[test]
fn stream_names_are_those_that_a_checkpoint_can_have() {
    assert!(Ledger::create("acme/eu-1/orders-gate").is_ok());
    for name in ["", "a b", "a+b", "é", "a\"b", "a\nb", &"s".repeat(201)] {
        assert!(matches!(Ledger::create(name), Err(LedgerError::StreamName { .. })), "{name}");
    }
    assert_eq!(
        Ledger::create("a b").unwrap_err().to_string(),
        "stream name `a b` is not 1 to 200 visible ASCII characters without `\"`, `\\` and `+`"
    );
}

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
    let tip = Tip::from_parts(&"s".repeat(200), [0xff; 32], frontier).unwrap();
    let ledger = Ledger { tip, keys: Keys::Store, uncertain: None };
    assert!(ledger.snapshot().len() < 4_096, "{}", ledger.snapshot().len());
    assert_eq!(Ledger::restore(&ledger.snapshot(), NONE).unwrap().checkpoint(), ledger.checkpoint());
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
    assert_eq!(error, LedgerError::Broken { seq: 1, fault: crate::RecordFault::Changed });
    assert_eq!(error.to_string(), "record 1: is not the record that the next one follows: it was changed");
}
