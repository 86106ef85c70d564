use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use chrono::{DateTime, Utc};
use serde_json::json;

use super::super::{Cause, Draft, Event, Fate, Key, Refusal, RefusalKind};
use super::*;
use crate::Stamp;

mod resume;
mod retry;

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
    let longest = Cause::new(&"c".repeat(200), 9_007_199_254_740_991, [7; 32]);
    for cause in [None, longest] {
        let step = |bytes: usize| {
            let draft = Draft::new(Event::ReviewVoted, "i".to_owned(), now()).with("text", "x".repeat(bytes));
            let draft = draft.with_cause(cause.clone());
            let draft = draft.with_key(Key::Once(key.clone()), RefusalKind::Stale);
            Step::new(vec![draft], Refusal::new(&stamp), |_| ())
        };
        let most =
            (60_000..65_535).rev().find(|bytes| Ledger::create(&stream).unwrap().stage(step(*bytes)).is_ok());
        let head = [7; 32];
        let size = 9_007_199_254_740_990;
        let frontier = Frontier::from_parts(size, vec![[1; 32]; 52]).unwrap();
        let tip = Tip::from_parts(&stream, head, frontier, false).unwrap();
        let mut ledger = Ledger { tip, keys: Keys::Store, uncertain: None };
        let staged = ledger.stage(step(most.unwrap())).unwrap();
        assert_eq!(Record::read(staged.records()[0].bytes()).unwrap().seq(), size);
        assert_eq!(staged.records()[0].bytes().len(), limits::RECORD_BYTES);
        assert_eq!(Record::read(staged.records()[0].bytes()).unwrap(), staged.records()[0]);
        assert_eq!(staged.records()[0].cause(), cause);
    }
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
