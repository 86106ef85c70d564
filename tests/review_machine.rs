//! Reviews as a machine: votes of every kind, time, policies that change, conflicts and replays, in any order.
//!
//! Whenever a grant is authorized, a judge of its own looks for a quorum in the votes that stand: it tries
//! every way to seat people, under every policy that the review has heard. It knows no stages' order, so it is
//! a little too kind; what it does not find is surely no quorum.

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

use countersign::{
    Action, Gate, Outcome, Policy, Request, Resource, Review, ReviewState, Subject, Vote, VoteError,
};
use proptest::prelude::*;
use proptest::sample::select;

use support::{Host, ISSUER, after, member, policy};

const HEAD: &str = "format = 1\nname = 'machine'\n[attributes]\n'approver.groups' = 'list<string>'\n\
                    [defaults]\nrisk = 'high'\nreview = { expires = '400s', refresh = '150s' }\n";

const GROUPS: [&str; 3] = ["a", "b", "c"];

/// Everybody there is; the first asks.
const PEOPLE: [(&str, &[&str]); 7] = [
    ("ana", &["a", "b", "c"]),
    ("bo", &["a"]),
    ("cy", &["a", "b"]),
    ("dee", &["b"]),
    ("eve", &["b", "c"]),
    ("flo", &["c", "a"]),
    ("gus", &["c"]),
];

#[derive(Debug, Clone)]
struct Leaf {
    count: usize,
    group: &'static str,
    fresh: bool,
}

#[derive(Debug, Clone)]
struct Stage {
    leaves: Vec<Leaf>,
    any: bool,
    escalate: Option<&'static str>,
    skip: bool,
}

#[derive(Debug, Clone)]
struct Rule {
    stages: Vec<Stage>,
    block: bool,
    separate: bool,
}

#[derive(Debug, Clone, Copy)]
enum Word {
    Approve,
    For(usize),
    Automatic,
    Reject,
    Withdraw,
    Comment,
}

#[derive(Debug, Clone)]
enum Event {
    Vote { person: usize, word: Word, stale: bool },
    Wait(i64),
    Wake,
    Policy(usize),
    Refresh,
}

fn leaf() -> impl Strategy<Value = Leaf> {
    (select(vec![1, 1, 2]), select(GROUPS.to_vec()), prop::bool::weighted(0.3))
        .prop_map(|(count, group, fresh)| Leaf { count, group, fresh })
}

fn stage() -> impl Strategy<Value = Stage> {
    let escalate = prop::option::weighted(0.4, select(GROUPS.to_vec()));
    (prop::collection::vec(leaf(), 1..3), any::<bool>(), escalate, prop::bool::weighted(0.4))
        .prop_map(|(leaves, any, escalate, skip)| Stage { leaves, any, escalate, skip })
}

fn rule() -> impl Strategy<Value = Rule> {
    (prop::collection::vec(stage(), 1..3), any::<bool>(), any::<bool>())
        .prop_map(|(stages, block, separate)| Rule { stages, block, separate })
}

/// A policy: rules that must all approve.
fn rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), 1..3)
}

fn event() -> impl Strategy<Value = Event> {
    let word = prop_oneof![
        12 => Just(Word::Approve),
        3 => (1_usize..7).prop_map(Word::For),
        2 => Just(Word::Automatic),
        1 => Just(Word::Reject),
        2 => Just(Word::Withdraw),
        1 => Just(Word::Comment),
    ];
    let vote = (0_usize..7, word, prop::bool::weighted(0.1)).prop_map(|(person, word, stale)| Event::Vote {
        person,
        word,
        stale,
    });
    prop_oneof![
        14 => vote,
        4 => select(vec![1, 30, 61, 90]).prop_map(Event::Wait),
        4 => Just(Event::Wake),
        1 => (0_usize..3).prop_map(Event::Policy),
        1 => Just(Event::Refresh),
    ]
}

fn toml(rules: &[Rule], policy: usize) -> String {
    let mut text = HEAD.to_owned();
    for (place, rule) in rules.iter().enumerate() {
        let _ = writeln!(
            text,
            "[[review]]\nid = 'p{policy}-r{place}'\nwhen = 'true'\nseparate = {}",
            rule.separate
        );
        if rule.block {
            text.push_str("veto = [{ from = 'true', final = false }]\n");
        }
        for (place, stage) in rule.stages.iter().enumerate() {
            let leaf = |leaf: &Leaf| {
                let fresh = if leaf.fresh { ", fresh = '60s'" } else { "" };
                format!("{{ count = {}, from = '\"{}\" in approver.groups'{fresh} }}", leaf.count, leaf.group)
            };
            let leaves: Vec<String> = stage.leaves.iter().map(leaf).collect();
            let how = if stage.any { "any" } else { "all" };
            let _ = writeln!(
                text,
                "[[review.stage]]\nid = 's{place}'\napprove = {{ {how} = [{}] }}",
                leaves.join(", ")
            );
            if let Some(group) = stage.escalate {
                let _ = writeln!(
                    text,
                    "escalate = [{{ after = '50s', add = '\"{group}\" in approver.groups' }}]"
                );
            }
            if stage.skip && rule.stages.len() > 1 {
                text.push_str("skip_after = '80s'\n");
            }
        }
    }
    text
}

fn person(index: usize) -> Subject {
    member(PEOPLE[index].0, PEOPLE[index].1)
}

fn vote(index: usize, word: Word) -> Vote {
    match word {
        Word::Approve => Vote::approve(person(index)),
        Word::For(other) => Vote::approve(person(index)).on_behalf_of(person(other)),
        Word::Automatic => Vote::approve(person(index)).automatic(),
        Word::Reject => Vote::reject(person(index)),
        Word::Withdraw => Vote::withdraw(person(index)),
        Word::Comment => Vote::comment(person(index), "hm"),
    }
}

/// An approval that was taken and may still stand.
#[derive(Debug, Clone)]
struct Approval {
    person: usize,
    authority: usize,
    automatic: bool,
    at: i64,
}

#[derive(Debug, Default)]
struct Judge {
    approvals: Vec<Approval>,
    rejections: BTreeSet<usize>,
}

/// Whom nobody else may be: people by number, and the one place of all automatic votes.
const AUTOMATIC: usize = 100;

impl Judge {
    /// Hears a vote that the review took.
    fn hear(&mut self, person: usize, word: Word, at: i64) {
        let (authority, automatic) = match word {
            Word::For(other) => (other, false),
            Word::Automatic => (person, true),
            _ => (person, false),
        };
        match word {
            Word::Comment => {}
            Word::Withdraw => {
                self.approvals.retain(|old| old.person != person && old.authority != person);
                self.rejections.remove(&person);
            }
            Word::Reject => {
                self.approvals.retain(|old| old.person != person);
                self.rejections.insert(person);
            }
            _ => {
                self.rejections.remove(&person);
                self.approvals.push(Approval { person, authority, automatic, at });
            }
        }
    }

    /// Says whether there is any way to seat people under a policy.
    fn finds_quorum(&self, rules: &[Rule], second: i64) -> bool {
        self.rejections.is_empty() && rules.iter().all(|rule| self.finds_seats(rule, second))
    }

    fn finds_seats(&self, rule: &Rule, second: i64) -> bool {
        let skippable = |stage: &Stage| stage.skip && rule.stages.len() > 1 && second >= 80;
        (0_u32..1 << rule.stages.len()).any(|kept| {
            let is_kept = |place: usize| kept & (1 << place) != 0;
            let stages = || rule.stages.iter().enumerate();
            kept != 0
                && stages().all(|(place, stage)| is_kept(place) || skippable(stage))
                && self.seat(
                    &stages()
                        .filter(|(place, _)| is_kept(*place))
                        .map(|(_, stage)| stage)
                        .collect::<Vec<_>>(),
                    Vec::new(),
                    second,
                )
        })
    }

    /// Chooses a leaf of each stage where one suffices, and seats everybody.
    fn seat<'r>(&self, stages: &[&'r Stage], mut seats: Vec<(&'r Leaf, &'r Stage)>, second: i64) -> bool {
        let Some((first, rest)) = stages.split_first() else {
            return self.assign(&seats, &BTreeSet::new(), second);
        };
        if !first.any {
            for leaf in &first.leaves {
                seats.extend(std::iter::repeat_n((leaf, *first), leaf.count));
            }
            return self.seat(rest, seats, second);
        }
        first.leaves.iter().any(|leaf| {
            let mut seats = seats.clone();
            seats.extend(std::iter::repeat_n((leaf, *first), leaf.count));
            self.seat(rest, seats, second)
        })
    }

    fn assign(&self, seats: &[(&Leaf, &Stage)], taken: &BTreeSet<usize>, second: i64) -> bool {
        let Some(((leaf, stage), rest)) = seats.split_first() else { return true };
        self.approvals.iter().any(|approval| {
            let groups = PEOPLE[approval.authority].1;
            let late = stage.escalate.is_some_and(|group| second >= 50 && groups.contains(&group));
            let mut who = BTreeSet::from([approval.person, approval.authority]);
            if approval.automatic {
                who.insert(AUTOMATIC);
            }
            let sits = !who.contains(&0)
                && (groups.contains(&leaf.group) || late)
                && (!leaf.fresh || second - approval.at <= 60)
                && who.is_disjoint(taken);
            sits && self.assign(rest, &taken.union(&who).copied().collect(), second)
        })
    }
}

fn all_of(review: &Review) -> String {
    format!("{review:?}")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 160, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_way_leads_to_a_grant_without_a_quorum(
        policies in prop::collection::vec(rules(), 3..=3), events in prop::collection::vec(event(), 6..32)
    ) {
        let texts: Vec<String> = policies.iter().enumerate().map(|(place, rules)| toml(rules, place)).collect();
        let loaded: Vec<Policy> = texts.iter().map(|text| policy(text)).collect();
        let mut host = Host::new(&texts[0]);
        let request = Request::new(person(0), Action::new("run"), Resource::new("database", "orders"));
        let first = host.open(request, after(0));
        let id = first.id().to_owned();
        let (mut judge, mut second, mut grants) = (Judge::default(), 0, 0);
        for event in &events {
            let before = host.review(&id);
            let lines = host.lines.len();
            let (outcome, taken): (Result<Outcome, VoteError>, _) = match event {
                Event::Wait(seconds) => {
                    second += seconds;
                    continue;
                }
                Event::Policy(place) => {
                    host.gate = Gate::new(loaded[*place].clone(), ISSUER);
                    continue;
                }
                Event::Wake => (host.wake(&before, after(second)).map_err(VoteError::from), None),
                Event::Refresh => {
                    let people = (1..PEOPLE.len()).map(person).collect();
                    let stamp = host.stamp(after(second));
                    let step = host.gate.clone().refresh(&before, people, stamp);
                    (host.store(step), None)
                }
                Event::Vote { person, word, stale } => {
                    let on = if *stale { &first } else { &before };
                    let outcome = host.vote(on, vote(*person, *word), after(second));
                    (outcome, Some((*person, *word)))
                }
            };
            let now = host.review(&id);
            if let (Ok(_), Some((person, word))) = (&outcome, taken)
                // A vote under a policy that ended the review is not taken.
                && (now.state() != ReviewState::Rejected || matches!(word, Word::Reject))
            {
                judge.hear(person, word, second);
            }
            if let Ok(Outcome::Review(live)) = &outcome
                && host.lines.len() > lines
            {
                prop_assert_eq!(all_of(live), all_of(&now), "what replays equals what lived");
            }
            if outcome.is_err() {
                prop_assert_eq!(all_of(&before), all_of(&now), "what is refused changes nothing");
            }
            let mut allowed = matches!(outcome, Ok(Outcome::Allow(_)));
            // Whatever is due is done at once, and nothing is due twice.
            if now.next_wakeup().is_some_and(|due| due <= after(second)) {
                allowed |= matches!(host.wake(&now, after(second)), Ok(Outcome::Allow(_)));
            }
            let now = host.review(&id);
            prop_assert!(now.next_wakeup().is_none_or(|next| next > after(second)), "{:?}", now);
            if allowed {
                grants += 1;
                for heard in now.policies() {
                    let place = loaded.iter().position(|policy| policy.digest() == heard).unwrap();
                    prop_assert!(
                        judge.finds_quorum(&policies[place], second),
                        "{:?} at {} under {}", judge, second, texts[place]
                    );
                }
            }
        }
        let authorized = host.events().iter().filter(|event| *event == "grant.authorized").count();
        prop_assert_eq!(authorized, grants);
        prop_assert!(grants <= 1);
    }
}

/// Every way to seat some of these people on the leaves of a rule with one stage; each way is a set of people.
fn ways(rule: &Rule, people: &[usize]) -> BTreeSet<Vec<usize>> {
    fn seat(seats: &[&Leaf], people: &[usize], taken: &[usize], found: &mut BTreeSet<Vec<usize>>) {
        let Some((first, rest)) = seats.split_first() else {
            let mut sitting = taken.to_vec();
            sitting.sort_unstable();
            found.insert(sitting);
            return;
        };
        for person in people.iter().filter(|person| !taken.contains(person)) {
            if PEOPLE[*person].1.contains(&first.group) {
                seat(rest, people, &[taken, &[*person]].concat(), found);
            }
        }
    }
    let mut found = BTreeSet::new();
    let leaves = &rule.stages[0].leaves;
    let seats = |leaves: &[Leaf]| -> Vec<Leaf> {
        leaves.iter().flat_map(|leaf| std::iter::repeat_n(leaf.clone(), leaf.count)).collect()
    };
    if rule.stages[0].any {
        for leaf in leaves {
            seat(&seats(std::slice::from_ref(leaf)).iter().collect::<Vec<_>>(), people, &[], &mut found);
        }
    } else {
        seat(&seats(leaves).iter().collect::<Vec<_>>(), people, &[], &mut found);
    }
    found
}

/// Says whether a way can be chosen for each rule so that those of separate rules share nobody with any other.
fn apart(rules: &[Rule], people: &[usize]) -> bool {
    let choices: Vec<Vec<Vec<usize>>> =
        rules.iter().map(|rule| ways(rule, people).into_iter().collect()).collect();
    fn choose(rules: &[Rule], choices: &[Vec<Vec<usize>>], chosen: &[(bool, Vec<usize>)]) -> bool {
        let Some((rule, rest)) = rules.split_first() else { return true };
        choices[0].iter().any(|way| {
            let meets = |(separate, other): &(bool, Vec<usize>)| {
                (*separate || rule.separate) && other.iter().any(|person| way.contains(person))
            };
            !chosen.iter().any(meets)
                && choose(rest, &choices[1..], &[chosen, &[(rule.separate, way.clone())]].concat())
        })
    }
    choose(rules, &choices, &[])
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn separate_reviews_take_exactly_people_of_their_own(
        rules in prop::collection::vec((stage(), any::<bool>()), 1..=3),
        people in Just((1..PEOPLE.len()).collect::<Vec<_>>()).prop_shuffle(), take in 1_usize..=6,
    ) {
        let plain = |mut stage: Stage| {
            (stage.escalate, stage.skip) = (None, false);
            stage.leaves.iter_mut().for_each(|leaf| leaf.fresh = false);
            stage
        };
        let rules: Vec<Rule> = rules
            .into_iter()
            .map(|(stage, separate)| Rule { stages: vec![plain(stage)], block: false, separate })
            .collect();
        let mut host = Host::new(&toml(&rules, 0));
        let request = Request::new(person(0), Action::new("run"), Resource::new("database", "orders"));
        let id = host.open(request, after(0)).id().to_owned();
        for (place, index) in people[..take].iter().enumerate() {
            let _ = host.vote(&host.review(&id), vote(*index, Word::Approve), after(1));
            let expected = apart(&rules, &people[..=place]);
            prop_assert_eq!(host.review(&id).state() == ReviewState::Approved, expected, "{}", toml(&rules, 0));
            if expected {
                break;
            }
        }
    }
}
