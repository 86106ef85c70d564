//! What a change of policy changes.
//!
//! Decides each request under both policies and tells which decisions loosen and which tighten, grouped by the
//! rules that made the difference. What cannot be told to be stricter is not called stricter: other people
//! who may approve, or another way to count, are unclear, and count as loosening where one word must do.

mod compare;
mod print;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::Serialize;

use self::compare::{Side, compare, people};
use crate::decision::{Decision, Effect};
use crate::limits;
use crate::policy::Policy;
use crate::request::Request;
use crate::text::quote;

/// How two policies differ over a number of requests.
///
/// ```
/// use countersign::testing::policy_diff;
/// use countersign::{Action, Policy, Request, Resource, Subject};
///
/// let old = Policy::from_toml("format = 1\nname = 'x'\n")?;
/// let new = Policy::from_toml(
///     "format = 1\nname = 'x'\n[[zone]]\nid = 'all'\nwhen = 'true'\nmax_risk = 'critical'\n",
/// )?;
/// let request = Request::new(Subject::new("user", "ana"), Action::new("logs.read"), Resource::new("service", "orders"));
/// let diff = policy_diff(&old, &new, [(request, "2026-11-23T10:00:00Z".parse()?)]);
/// assert!(diff.loosens());
/// assert_eq!(diff.groups().next().unwrap().to_string(), "loosens 1: deny becomes allow, now by `all`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct PolicyDiff {
    old: String,
    new: String,
    compared: u64,
    same: u64,
    groups: Vec<DiffGroup>,
}

/// Requests whose decisions change in the same way, by the same rules.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffGroup {
    direction: Direction,
    old: Effect,
    new: Effect,
    changed: Vec<&'static str>,
    no_more_by: Vec<String>,
    now_by: Vec<String>,
    still_by: Vec<String>,
    count: u64,
    example: DiffExample,
}

/// The first request of a group.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DiffExample {
    number: u64,
    subject: String,
    action: String,
    resource: String,
    changes: Vec<DecisionChange>,
}

/// One difference between two decisions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DecisionChange {
    what: &'static str,
    old: String,
    new: String,
    direction: Direction,
}

/// In which direction a decision changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// More is allowed, or with fewer people, for longer, or at less risk than before.
    Loosens,
    /// It is different, and nothing says that it is stricter: other people may approve.
    Unclear,
    /// Less is allowed.
    Tightens,
}

/// Decides requests under two policies and groups the differences. It holds the groups, not the requests, so
/// any number of them can be streamed; at most [`DIFF_GROUPS`](limits::DIFF_GROUPS) groups name their rules.
///
/// The order of effects is Deny, Challenge, Review, Allow. Where the effect is the same, risk, people, bounds
/// of the grant and what is missing are compared.
pub fn policy_diff(
    old: &Policy,
    new: &Policy,
    requests: impl IntoIterator<Item = (Request, DateTime<Utc>)>,
) -> PolicyDiff {
    // Documents are compared and not hosts.
    let (old, new) = (&old.assuming_host(), &new.assuming_host());
    let (mut old_side, mut new_side) = (Side::new(old), Side::new(new));
    let mut groups: BTreeMap<Key, (u64, DiffExample)> = BTreeMap::new();
    let (mut compared, mut same) = (0_u64, 0_u64);
    for (request, now) in requests {
        let (before, after) = (old.decide(&request, now), new.decide(&request, now));
        let mut changes = compare(&before, &after);
        if let (Some(was), Some(is)) = (old_side.people(&before), new_side.people(&after)) {
            people(&mut changes, &was, &is);
        }
        let changes = changes.found;
        let number = compared;
        compared = compared.saturating_add(1);
        let Some(direction) = changes.iter().map(|change| change.direction).min() else {
            same = same.saturating_add(1);
            continue;
        };
        // A change of effect says all: what else differs follows from it.
        let direction = match changes.first() {
            Some(change) if change.what == EFFECT => change.direction,
            _ => direction,
        };
        let mut key = Key::new(direction, &before, &after, &changes);
        if groups.len() >= limits::DIFF_GROUPS && !groups.contains_key(&key) {
            key = key.without_rules();
        }
        let count = groups.get(&key).map_or(0, |(count, _)| *count).saturating_add(1);
        let example = |request: &Request| DiffExample {
            number,
            subject: quote(&request.subject().reference()),
            action: quote(request.action().name()),
            resource: request.resources().map(|on| quote(&on.reference())).collect::<Vec<_>>().join(", "),
            changes,
        };
        groups.entry(key).or_insert_with(|| (0, example(&request))).0 = count;
    }
    let mut groups: Vec<DiffGroup> = groups.into_iter().map(DiffGroup::of).collect();
    groups.sort_by(|a, b| (a.direction, b.count).cmp(&(b.direction, a.count)));
    PolicyDiff { old: old.digest().to_owned(), new: new.digest().to_owned(), compared, same, groups }
}

/// What a group has in common.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    direction: Direction,
    old: u8,
    new: u8,
    changed: Vec<&'static str>,
    no_more_by: Vec<String>,
    now_by: Vec<String>,
    still_by: Vec<String>,
}

impl Key {
    fn new(direction: Direction, before: &Decision, after: &Decision, changes: &[DecisionChange]) -> Self {
        let (old, new): (BTreeSet<&str>, BTreeSet<&str>) =
            (before.rules().collect(), after.rules().collect());
        let listed = |rules: Vec<&&str>| rules.into_iter().map(|rule| (*rule).to_owned()).collect::<Vec<_>>();
        let (gone, come) = (listed(old.difference(&new).collect()), listed(new.difference(&old).collect()));
        let still =
            if gone.is_empty() && come.is_empty() { listed(old.iter().collect()) } else { Vec::new() };
        Self {
            direction,
            old: rank(before.effect()),
            new: rank(after.effect()),
            changed: changes.iter().map(|change| change.what).collect(),
            no_more_by: gone,
            now_by: come,
            still_by: still,
        }
    }

    fn without_rules(self) -> Self {
        Self { no_more_by: Vec::new(), now_by: Vec::new(), still_by: Vec::new(), ..self }
    }
}

impl DiffGroup {
    fn of((key, (count, example)): (Key, (u64, DiffExample))) -> Self {
        let Key { direction, old, new, changed, no_more_by, now_by, still_by } = key;
        let (old, new) = (effect(old), effect(new));
        Self { direction, old, new, changed, no_more_by, now_by, still_by, count, example }
    }

    /// Returns the direction.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }

    /// Returns the effect under the old policy and under the new one.
    #[must_use]
    pub fn effects(&self) -> (Effect, Effect) {
        (self.old, self.new)
    }

    /// Returns what changed: `effect`, `risk`, `people`, `approvers`, `duration` and others.
    pub fn changed(&self) -> impl ExactSizeIterator<Item = &str> {
        self.changed.iter().copied()
    }

    /// Returns the rules that decide under the old policy alone.
    pub fn no_more_by(&self) -> impl ExactSizeIterator<Item = &str> {
        self.no_more_by.iter().map(AsRef::as_ref)
    }

    /// Returns the rules that decide under the new policy alone.
    pub fn now_by(&self) -> impl ExactSizeIterator<Item = &str> {
        self.now_by.iter().map(AsRef::as_ref)
    }

    /// Returns the rules that decide under both, where they are the same ones.
    pub fn still_by(&self) -> impl ExactSizeIterator<Item = &str> {
        self.still_by.iter().map(AsRef::as_ref)
    }

    /// Counts the requests.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Returns the first request of the group.
    #[must_use]
    pub fn example(&self) -> &DiffExample {
        &self.example
    }
}

impl PolicyDiff {
    /// Counts the requests.
    #[must_use]
    pub fn compared(&self) -> u64 {
        self.compared
    }

    /// Counts the requests whose decision is the same.
    #[must_use]
    pub fn same(&self) -> u64 {
        self.same
    }

    /// Returns the groups: what loosens first, and of each direction the largest first.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = &DiffGroup> {
        self.groups.iter()
    }

    /// Counts the requests whose decision changes in a direction.
    #[must_use]
    pub fn count(&self, direction: Direction) -> u64 {
        let groups = self.groups.iter().filter(|group| group.direction == direction);
        groups.map(|group| group.count).fold(0, u64::saturating_add)
    }

    /// Says whether anything loosens, or may: what is unclear counts.
    #[must_use]
    pub fn loosens(&self) -> bool {
        self.groups.iter().any(|group| group.direction != Direction::Tightens)
    }
}

impl DiffExample {
    /// Returns the request's place among those compared, from 0.
    #[must_use]
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Returns each difference.
    pub fn changes(&self) -> impl ExactSizeIterator<Item = &DecisionChange> {
        self.changes.iter()
    }
}

impl DecisionChange {
    /// Returns what changed.
    #[must_use]
    pub fn what(&self) -> &str {
        self.what
    }

    /// Returns the direction.
    #[must_use]
    pub fn direction(&self) -> Direction {
        self.direction
    }
}

fn rank(effect: Effect) -> u8 {
    match effect {
        Effect::Deny => 0,
        Effect::Challenge => 1,
        Effect::Review => 2,
        Effect::Allow => 3,
    }
}

fn effect(rank: u8) -> Effect {
    match rank {
        3 => Effect::Allow,
        2 => Effect::Review,
        1 => Effect::Challenge,
        _ => Effect::Deny,
    }
}

const EFFECT: &str = "effect";
