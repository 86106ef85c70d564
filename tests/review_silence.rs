//! Silence approves nothing: stages that time passes over, votes that come and go, in any order.
//!
//! The judge knows the rules of the house and none of the code: of each review some stage must be filled by
//! people whose approval stands, and what nobody fills must be a stage that may be passed over. The last stage
//! of a review is passed over only while another one of it is filled.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;

use countersign::{Ledger, Outcome, Review, Vote, VoteError};
use proptest::prelude::*;
use proptest::sample::select;

use support::reviews::{ask, host};
use support::{Host, STREAM, after, member};

const PEOPLE: [(&str, &[&str]); 4] =
    [("bo", &["sre"]), ("cy", &["dba"]), ("dee", &["sre", "dba"]), ("eve", &["lead"])];

/// A stage: who fills it, and whether time may pass over it.
type Stage = (&'static str, bool);

#[derive(Debug, Clone)]
enum Event {
    Approve(usize),
    Withdraw(usize),
    /// Nobody says anything for longer than any stage waits.
    Silence,
}

fn stage() -> impl Strategy<Value = Stage> {
    (select(vec!["sre", "dba"]), prop::bool::weighted(0.85))
}

/// Reviews that must all approve. Most have stages that may all be passed over.
fn rules() -> impl Strategy<Value = Vec<Vec<Stage>>> {
    let silent = prop::collection::vec(stage(), 2..=3);
    let spoken = select(vec!["dba", "lead"]).prop_map(|group| vec![(group, false)]);
    (silent, prop::option::weighted(0.8, spoken))
        .prop_map(|(one, other)| std::iter::once(one).chain(other).collect())
}

/// What happens, in pieces: an approval that is taken back after silence is what silence needs to mislead.
fn events() -> impl Strategy<Value = Vec<Event>> {
    let regret =
        |person: usize| vec![Event::Approve(person), Event::Silence, Event::Withdraw(person), Event::Silence];
    let piece = prop_oneof![
        4 => (0..PEOPLE.len()).prop_map(|person| vec![Event::Approve(person)]),
        2 => (0..PEOPLE.len()).prop_map(|person| vec![Event::Withdraw(person)]),
        2 => Just(vec![Event::Silence]),
        3 => (0..PEOPLE.len()).prop_map(regret),
    ];
    prop::collection::vec(piece, 2..8).prop_map(|pieces| pieces.concat())
}

fn toml(rules: &[Vec<Stage>]) -> String {
    let mut text = String::new();
    for (place, stages) in rules.iter().enumerate() {
        let _ = writeln!(text, "[[review]]\nid = 'r{place}'\nwhen = 'true'\nexpires = '7d'\nrefresh = '7d'");
        for (place, (group, skip)) in stages.iter().enumerate() {
            let _ = writeln!(text, "[[review.stage]]\nid = 's{place}'\napprove = {{ from = '{group}' }}");
            if *skip {
                text.push_str("skip_after = '80s'\n");
            }
        }
    }
    text
}

/// Seats people who approve on stages, each on one.
fn seats(stages: &[Stage], standing: &BTreeSet<usize>) -> bool {
    let Some(((group, _), rest)) = stages.split_first() else { return true };
    standing.iter().any(|person| {
        let mut others = standing.clone();
        others.remove(person);
        PEOPLE[*person].1.contains(group) && seats(rest, &others)
    })
}

/// Says whether people fill a review but for stages that may be passed over.
fn is_approved(stages: &[Stage], standing: &BTreeSet<usize>) -> bool {
    (1_u32..1 << stages.len()).any(|kept| {
        let is_kept = |place: &usize| kept & (1 << place) != 0;
        let places = || 0..stages.len();
        let filled: Vec<Stage> = places().filter(is_kept).map(|place| stages[place]).collect();
        places().filter(|place| !is_kept(place)).all(|place| stages[place].1) && seats(&filled, standing)
    })
}

/// The stages that were passed over in the records from a place on: which review's, and which.
fn skipped(host: &Host, from: usize) -> Vec<(usize, usize)> {
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let new = resumed.records()[from..].iter().filter(|record| record.event() == "review.stage_skipped");
    let number = |value: &serde_json::Value| usize::try_from(value.as_u64().unwrap()).unwrap();
    new.map(|record| (number(&record.content()["place"]), number(&record.content()["stage"]))).collect()
}

fn step(host: &mut Host, review: &Review, event: &Event, second: i64) -> Result<Outcome, VoteError> {
    let person = |index: &usize| member(PEOPLE[*index].0, PEOPLE[*index].1);
    match event {
        Event::Approve(index) => host.vote(review, Vote::approve(person(index)), after(second)),
        Event::Withdraw(index) => host.vote(review, Vote::withdraw(person(index)), after(second)),
        Event::Silence => host.wake(review, after(second)).map_err(VoteError::from),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn silence_approves_nothing(rules in rules(), events in events()) {
        let mut host = host(&toml(&rules));
        let id = host.open(ask(), after(0)).id().to_owned();
        let (mut standing, mut second) = (BTreeSet::new(), 0);
        for event in &events {
            second += if matches!(event, Event::Silence) { 81 } else { 1 };
            let from = host.events().len();
            let review = host.review(&id);
            let outcome = step(&mut host, &review, event, second);
            match event {
                Event::Approve(index) if outcome.is_ok() => {
                    standing.insert(*index);
                }
                Event::Withdraw(index) if outcome.is_ok() => {
                    standing.remove(index);
                }
                _ => {}
            }
            for (review, stage) in skipped(&host, from) {
                let others: Vec<Stage> = rules[review][..stage].to_vec();
                let people = others.iter().any(|other| seats(&[*other], &standing));
                prop_assert!(
                    stage + 1 < rules[review].len() || people,
                    "the last stage of {review} was passed over with {standing:?} in {rules:?}"
                );
            }
            if matches!(outcome, Ok(Outcome::Allow(_))) {
                for stages in &rules {
                    prop_assert!(is_approved(stages, &standing), "{standing:?} approved {stages:?}");
                }
                break;
            }
        }
    }
}

#[test]
fn review_whose_stages_were_all_passed_over_waits_for_people() {
    let rules = vec![vec![("sre", true), ("sre", true)], vec![("lead", false)]];
    let mut host = host(&toml(&rules));
    let id = host.open(ask(), after(0)).id().to_owned();
    // bo's approval lets time pass over the second stage; without it the first one is passed over, too.
    let events = [Event::Approve(0), Event::Silence, Event::Withdraw(0), Event::Silence, Event::Approve(3)];
    for (place, event) in (1..).zip(&events) {
        let review = host.review(&id);
        let outcome = step(&mut host, &review, event, place * 100).unwrap();
        assert_eq!(outcome.effect().as_str(), "review", "{event:?}");
    }
    assert_eq!(skipped(&host, 0), [(0, 1), (0, 0)]);
}
