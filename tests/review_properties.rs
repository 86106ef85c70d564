//! What holds for every plan and every sequence of votes.
//!
//! A judge of its own, written here, knows who voted what and when. It tries every way to seat people, so it
//! is slow and plain. Reviews must agree with it after every step, and must be the same when they are read
//! back from the log.

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

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use countersign::{
    Action, Gate, Ledger, Outcome, Request, Resource, Review, ReviewState, Stamp, Subject, Vote, VoteError,
};
use proptest::prelude::*;
use proptest::sample::select;

use support::{Host, ISSUER, STREAM, after, member, policy};

const HEAD: &str = r#"
format = 1
name = "reviews"
[attributes]
"approver.groups" = "list<string>"
[defaults]
risk = "high"
review = { expires = "100s" }
"#;

/// The groups of people that leaves ask for.
const GROUPS: [&str; 3] = ["a", "b", "c"];

/// Everybody there is, with their groups; the first is the requester.
const PEOPLE: [(&str, &[&str]); 7] = [
    ("ana", &["a", "b", "c"]),
    ("bo", &["a"]),
    ("cy", &["a", "b"]),
    ("dee", &["b"]),
    ("eve", &["b", "c"]),
    ("flo", &["c"]),
    ("gus", &[]),
];

#[derive(Debug, Clone)]
enum Approve {
    Leaf { count: usize, group: &'static str, comment: bool },
    AtLeast { count: usize, of: Vec<Approve> },
}

#[derive(Debug, Clone)]
struct Rule {
    stages: Vec<Approve>,
    /// How many rejections of a group end it, or block it; `None` leaves it to whoever may approve.
    veto: Option<(usize, &'static str, bool)>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Word {
    Approve,
    ApproveWithComment,
    Reject,
    Withdraw,
}

/// One thing that happens: who says what, after how many seconds, and whether it is sent twice.
#[derive(Debug, Clone)]
struct Event {
    person: usize,
    word: Word,
    wait: i64,
    replayed: bool,
    stale: bool,
}

fn approve() -> impl Strategy<Value = Approve> {
    let leaf = (select(vec![1, 1, 1, 2]), select(GROUPS.to_vec()), prop::bool::weighted(0.2))
        .prop_map(|(count, group, comment)| Approve::Leaf { count, group, comment });
    let some_of = |part: BoxedStrategy<Approve>| {
        prop::collection::vec(part, 2..=3).prop_flat_map(|of| {
            (select(vec![1, of.len(), of.len()]), Just(of))
                .prop_map(|(count, of)| Approve::AtLeast { count, of })
        })
    };
    let inner = prop_oneof![4 => leaf.clone(), 1 => some_of(leaf.clone().boxed())];
    prop_oneof![1 => leaf, 2 => some_of(inner.boxed())]
}

fn rule(stages: usize) -> impl Strategy<Value = Rule> {
    let veto = (select(vec![1, 1, 2]), select(GROUPS.to_vec()), prop::bool::weighted(0.3));
    let veto = prop::option::weighted(0.7, veto);
    (prop::collection::vec(approve(), 1..=stages), veto).prop_map(|(stages, veto)| Rule { stages, veto })
}

fn event() -> impl Strategy<Value = Event> {
    let word = prop_oneof![
        12 => Just(Word::Approve),
        4 => Just(Word::ApproveWithComment),
        2 => Just(Word::Reject),
        1 => Just(Word::Withdraw),
    ];
    (
        prop_oneof![1 => Just(0), 1 => Just(6), 12 => 1_usize..6],
        word,
        select(vec![0, 1, 1, 1, 40]),
        prop::bool::weighted(0.2),
        prop::bool::weighted(0.1),
    )
        .prop_map(|(person, word, wait, replayed, stale)| Event { person, word, wait, replayed, stale })
}

impl Approve {
    fn toml(&self) -> String {
        match self {
            Self::Leaf { count, group, comment } => {
                format!("{{ count = {count}, from = '\"{group}\" in approver.groups', comment = {comment} }}")
            }
            Self::AtLeast { count, of } => {
                let parts: Vec<String> = of.iter().map(Self::toml).collect();
                format!("{{ at_least = {count}, of = [{}] }}", parts.join(", "))
            }
        }
    }

    fn wants(&self, person: usize) -> bool {
        match self {
            Self::Leaf { group, .. } => PEOPLE[person].1.contains(group),
            Self::AtLeast { of, .. } => of.iter().any(|part| part.wants(person)),
        }
    }

    /// Every list of seats that satisfies it: who may sit on each.
    fn seats(&self, stage: usize, votes: &[Ballot]) -> Vec<Vec<BTreeSet<usize>>> {
        match self {
            Self::Leaf { count, group, comment } => {
                let fits = |ballot: &&Ballot| {
                    ballot.stage == stage
                        && PEOPLE[ballot.person].1.contains(group)
                        && (!comment || ballot.comment)
                };
                let people: BTreeSet<usize> = votes.iter().filter(fits).map(|ballot| ballot.person).collect();
                vec![vec![people; *count]]
            }
            Self::AtLeast { count, of } => {
                let chosen =
                    (0_u32..1 << of.len()).filter(|set| usize::try_from(set.count_ones()).unwrap() == *count);
                chosen
                    .flat_map(|set| {
                        let parts = of.iter().enumerate().filter(|(place, _)| set & (1 << place) != 0);
                        product(&parts.map(|(_, part)| part.seats(stage, votes)).collect::<Vec<_>>())
                    })
                    .collect()
            }
        }
    }
}

/// An approval that stands, as one rule sees it.
#[derive(Debug, Clone, Copy)]
struct Ballot {
    person: usize,
    stage: usize,
    comment: bool,
}

/// One choice of each list, joined.
fn product(lists: &[Vec<Vec<BTreeSet<usize>>>]) -> Vec<Vec<BTreeSet<usize>>> {
    lists.iter().fold(vec![vec![]], |heads, tails| {
        heads
            .iter()
            .flat_map(|head| tails.iter().map(move |tail| [head.clone(), tail.clone()].concat()))
            .collect()
    })
}

/// Says whether distinct people can take all seats.
fn seated(seats: &[BTreeSet<usize>], taken: &BTreeSet<usize>) -> bool {
    let Some((first, rest)) = seats.split_first() else { return true };
    first.difference(taken).any(|person| seated(rest, &taken.iter().chain([person]).copied().collect()))
}

impl Rule {
    fn toml(&self, id: usize, group: &str) -> String {
        let mut text = format!("[[review]]\nid = 'r{id}'\nwhen = 'true'\ngroup = '{group}'\n");
        if let Some((count, from, is_final)) = self.veto {
            let _ = writeln!(
                text,
                "veto = [{{ count = {count}, from = '\"{from}\" in approver.groups', final = {is_final} }}]"
            );
        }
        for (stage, approve) in self.stages.iter().enumerate() {
            let _ = write!(text, "[[review.stage]]\nid = 's{stage}'\napprove = {}\n", approve.toml());
        }
        text
    }

    fn satisfied(&self, stages: usize, votes: &[Ballot]) -> bool {
        let of: Vec<_> = self
            .stages
            .iter()
            .enumerate()
            .take(stages)
            .map(|(stage, approve)| approve.seats(stage, votes))
            .collect();
        product(&of).iter().any(|seats| seated(seats, &BTreeSet::new()))
    }

    /// The stage that takes votes.
    fn stage(&self, votes: &[Ballot]) -> usize {
        let last = self.stages.len() - 1;
        (0..last).find(|stage| !self.satisfied(stage + 1, votes)).unwrap_or(last)
    }
}

/// The judge: all votes of a review, as they stand, and how it ended.
#[derive(Debug, Clone)]
struct Judge {
    rules: Vec<Rule>,
    any: bool,
    /// By person, then by the stages in which they voted: the word, and the stage of each rule.
    votes: Vec<(usize, Word, Vec<Option<usize>>)>,
    state: ReviewState,
}

impl Judge {
    fn new(rules: &[Rule], any: bool) -> Self {
        Self { rules: rules.to_vec(), any, votes: Vec::new(), state: ReviewState::Open }
    }

    fn ballots(&self, rule: usize) -> Vec<Ballot> {
        let approvals =
            self.votes.iter().filter(|(_, word, _)| matches!(word, Word::Approve | Word::ApproveWithComment));
        approvals
            .filter_map(|(person, word, stages)| {
                Some(Ballot {
                    person: *person,
                    stage: stages[rule]?,
                    comment: *word == Word::ApproveWithComment,
                })
            })
            .collect()
    }

    /// Takes a vote. Returns what the review must answer.
    fn hear(&mut self, person: usize, word: Word, second: i64) -> &'static str {
        if self.state != ReviewState::Open || second >= 100 {
            return "closed";
        }
        if word == Word::Withdraw {
            let before = self.votes.len();
            self.votes.retain(|(voter, ..)| *voter != person);
            if self.votes.len() == before {
                return "refused";
            }
            return self.settle();
        }
        let seat = |(index, rule): (usize, &Rule)| {
            let stage = rule.stage(&self.ballots(index));
            let may_approve = rule.stages[stage].wants(person);
            let counts = match (word, rule.veto) {
                (Word::Reject, Some((_, group, _))) => PEOPLE[person].1.contains(&group),
                _ => may_approve,
            };
            (person != 0 && counts).then_some(stage)
        };
        let stages: Vec<Option<usize>> = self.rules.iter().enumerate().map(seat).collect();
        let said = (person, word, stages.clone());
        if stages.iter().all(Option::is_none) || self.votes.contains(&said) {
            return "refused";
        }
        let same_side = |other: Word| (other == Word::Reject) == (word == Word::Reject);
        self.votes.retain(|(voter, other, seats)| {
            let apart = seats.iter().zip(&stages).all(|(old, new)| old.is_none() || old != new);
            *voter != person || (same_side(*other) && apart)
        });
        self.votes.push(said);
        self.settle()
    }

    fn settle(&mut self) -> &'static str {
        let verdicts: Vec<Option<bool>> = (0..self.rules.len()).map(|rule| self.verdict(rule)).collect();
        let approved = |verdict: &Option<bool>| *verdict == Some(true);
        let rejected = |verdict: &Option<bool>| *verdict == Some(false);
        let (won, lost) = if self.any {
            (verdicts.iter().any(approved), verdicts.iter().all(rejected))
        } else {
            (verdicts.iter().all(approved), verdicts.iter().any(rejected))
        };
        self.state = if won {
            ReviewState::Approved
        } else if lost {
            ReviewState::Rejected
        } else {
            ReviewState::Open
        };
        self.state.as_str()
    }

    /// `Some(true)` where a rule is satisfied, `Some(false)` where it never will be.
    fn verdict(&self, rule: usize) -> Option<bool> {
        let rejecting: BTreeSet<usize> = self
            .votes
            .iter()
            .filter(|(_, word, stages)| *word == Word::Reject && stages[rule].is_some())
            .map(|(person, ..)| *person)
            .collect();
        let (count, is_final) =
            self.rules[rule].veto.map_or((1, true), |(count, _, is_final)| (count, is_final));
        if rejecting.len() >= count {
            return is_final.then_some(false);
        }
        let of = &self.rules[rule];
        of.satisfied(of.stages.len(), &self.ballots(rule)).then_some(true)
    }
}

fn person(index: usize) -> Subject {
    member(PEOPLE[index].0, PEOPLE[index].1)
}

fn vote(index: usize, word: Word) -> Vote {
    match word {
        Word::Approve => Vote::approve(person(index)),
        Word::ApproveWithComment => Vote::approve(person(index)).with_comment("checked"),
        Word::Reject => Vote::reject(person(index)),
        Word::Withdraw => Vote::withdraw(person(index)),
    }
}

fn toml(rules: &[Rule], any: bool) -> String {
    let groups = if any { "[groups]\nx = 'any'\n" } else { "" };
    let rules: String = rules.iter().enumerate().map(|(id, rule)| rule.toml(id, "x")).collect();
    format!("{HEAD}{groups}{rules}")
}

fn ask() -> Request {
    Request::new(person(0), Action::new("run"), Resource::new("database", "orders"))
}

fn word(outcome: &Result<Outcome, VoteError>) -> &'static str {
    match outcome {
        Ok(Outcome::Allow(_)) => "approved",
        Ok(Outcome::Deny(_)) => "rejected",
        Ok(_) => "open",
        Err(VoteError::Closed { .. }) => "closed",
        Err(VoteError::Conflict(_)) => "conflict",
        Err(_) => "refused",
    }
}

/// All of a review that can be seen, and all that cannot.
fn all_of(review: &Review) -> String {
    format!("{review:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_but_a_quorum_authorizes(
        rules in prop::collection::vec(rule(3), 1..3), any in any::<bool>(), events in prop::collection::vec(event(), 4..18)
    ) {
        let mut host = Host::new(&toml(&rules, any));
        let mut review = host.open(ask(), after(0));
        let first = review.clone();
        let id = review.id().to_owned();
        let (mut judge, mut second, mut authorized) = (Judge::new(&rules, any), 0, 0);
        for event in &events {
            second += event.wait;
            let times = if event.replayed { 2 } else { 1 };
            for _ in 0..times {
                let outcome = host.vote(&review, vote(event.person, event.word), after(second));
                let expected = judge.hear(event.person, event.word, second);
                prop_assert_eq!(word(&outcome), expected, "{:?} of {:?}", event, judge);
                authorized += usize::from(matches!(outcome, Ok(Outcome::Allow(_))));
                if let Ok(Outcome::Review(next)) = outcome {
                    prop_assert_eq!(all_of(&next), all_of(&host.review(&id)));
                }
                review = host.review(&id);
                prop_assert_eq!(review.state(), judge.state);
            }
            if event.stale && all_of(&first) != all_of(&review) {
                // Whoever still holds the first state finds that somebody acted before them.
                let outcome = host.vote(&first, vote(event.person, event.word), after(second));
                prop_assert!(outcome.is_err(), "{:?}", outcome);
                prop_assert_eq!(all_of(&review), all_of(&host.review(&id)));
            }
        }
        let authorizations = host.events().iter().filter(|event| *event == "grant.authorized").count();
        prop_assert_eq!(authorizations, usize::from(judge.state == ReviewState::Approved));
        prop_assert_eq!(authorized, authorizations);
    }

    /// With votes that only approve, and one stage, all that matters is who approved.
    #[test]
    fn order_of_approvals_does_not_matter(rule in rule(1), people in Just((1..PEOPLE.len()).collect::<Vec<_>>()).prop_shuffle(), take in 1_usize..7) {
        let cast = |people: &[usize]| {
            let mut host = Host::new(&toml(std::slice::from_ref(&rule), false));
            let id = host.open(ask(), after(0)).id().to_owned();
            for person in people {
                let _ = host.vote(&host.review(&id), vote(*person, Word::ApproveWithComment), after(1));
            }
            host.review(&id).state()
        };
        let mut sorted = people[..take.min(people.len())].to_vec();
        let shuffled = cast(&sorted);
        sorted.sort_unstable();
        prop_assert_eq!(shuffled, cast(&sorted));
    }

    #[test]
    fn two_gates_that_close_one_review_authorize_once(rule in rule(1), first in 1_usize..7, second in 1_usize..7) {
        let text = toml(&[rule], false);
        let mut host = Host::new(&text);
        let id = host.open(ask(), after(0)).id().to_owned();
        for person in 1..PEOPLE.len() {
            let before = host.review(&id);
            if before.state() != ReviewState::Open {
                break;
            }
            // Both load the same state; both count a vote on it; the first that is stored wins.
            let other = Gate::new(policy(&text), ISSUER);
            let stamps: BTreeMap<u8, Stamp> = [first, second].iter().enumerate().map(|(index, _)| (u8::try_from(index).unwrap(), host.stamp(after(2)))).collect();
            let mut steps = [first, second].into_iter().zip(stamps).map(|(person, (_, stamp))| other.vote(&before, vote(person, Word::ApproveWithComment), stamp));
            let outcomes = [host.store(steps.next().unwrap()), host.store(steps.next().unwrap())];
            let good = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
            prop_assert!(good <= 1, "{:?}", outcomes);
            let _ = host.vote(&host.review(&id), vote(person, Word::ApproveWithComment), after(3));
        }
        let authorizations = host.events().iter().filter(|event| *event == "grant.authorized").count();
        prop_assert_eq!(authorizations, usize::from(host.review(&id).state() == ReviewState::Approved));
    }

    #[test]
    fn nothing_revives_a_review_from_its_expiry_second_on(rule in rule(2), people in prop::collection::vec(1_usize..7, 0..3), late in prop::collection::vec(event(), 1..6), woken in any::<bool>()) {
        let mut host = Host::new(&toml(&[rule], false));
        let id = host.open(ask(), after(0)).id().to_owned();
        for person in people {
            let _ = host.vote(&host.review(&id), vote(person, Word::Approve), after(99));
        }
        let closed = host.review(&id).state() != ReviewState::Open;
        if woken {
            let _ = host.wake(&host.review(&id), after(100)).unwrap();
        }
        let authorized = host.events().iter().filter(|event| *event == "grant.authorized").count();
        prop_assert!(closed || authorized == 0);
        for (second, event) in late.iter().enumerate() {
            let outcome = host.vote(&host.review(&id), vote(event.person, event.word), after(100 + i64::try_from(second).unwrap()));
            prop_assert_eq!(word(&outcome), "closed");
        }
        prop_assert_eq!(authorized, host.events().iter().filter(|event| *event == "grant.authorized").count());
    }

    /// What is staged in one ledger and stored reads back the same in another.
    #[test]
    fn log_reads_back_the_same_reviews(rules in prop::collection::vec(rule(2), 1..3), events in prop::collection::vec(event(), 1..8)) {
        let mut host = Host::new(&toml(&rules, false));
        let ids: Vec<String> = (0..2).map(|second| host.open(ask(), after(second)).id().to_owned()).collect();
        for (second, event) in events.iter().enumerate() {
            let review = host.review(&ids[usize::from(event.stale)]);
            let live = host.vote(&review, vote(event.person, event.word), after(2 + i64::try_from(second).unwrap()));
            if let Ok(Outcome::Review(live)) = live {
                prop_assert_eq!(all_of(&live), all_of(&host.review(live.id())));
            }
        }
        let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
        for id in ids {
            let records: Vec<Vec<u8>> = resumed.records().iter().filter(|record| record.review() == Some(&*id)).map(|record| record.bytes().to_vec()).collect();
            let replayed = Review::replay(records, []).unwrap();
            prop_assert_eq!(all_of(&replayed), all_of(&host.review(&id)));
        }
    }
}
