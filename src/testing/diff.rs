//! What a change of policy changes.
//!
//! Decides each request under both policies and tells which decisions loosen and which tighten, grouped by the
//! rules that made the difference. What cannot be told to be stricter is not called stricter: other people
//! who may approve, or another way to count, are unclear, and count as loosening where one word must do.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value as Json};

use crate::decision::{ApprovalPlan, Decision, Effect, Path, Terms, approvals};
use crate::limits;
use crate::policy::{Policy, ReviewRule};
use crate::request::Request;
use crate::span_of_time;
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
            resource: quote(&request.resource().reference()),
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

/// Lists the differences between two decisions; a different effect stands first.
fn compare(before: &Decision, after: &Decision) -> Changes {
    let mut changes = Changes::default();
    changes.number(EFFECT, rank(before.effect()), rank(after.effect()), |rank| {
        effect(*rank).as_str().to_owned()
    });
    // More risk is the stricter word for the same action.
    changes.stricter("risk", before.risk(), after.risk(), ToString::to_string);
    if before.effect() == after.effect() {
        let glass = |decision: &Decision| !decision.is_emergency();
        changes.number("break-glass", glass(before), glass(after), |ordinary| {
            if *ordinary { "no".to_owned() } else { "yes".to_owned() }
        });
        if let (Some(before), Some(after)) = (before.terms(), after.terms()) {
            bounds(&mut changes, before, after);
        }
        missing(&mut changes, before, after);
    }
    changes
}

fn bounds(changes: &mut Changes, before: &Terms, after: &Terms) {
    changes.number("duration", before.duration, after.duration, |span| span_of_time::print(*span));
    let most = |bound: Option<u64>| bound.unwrap_or(u64::MAX);
    let count = |count: &u64| if *count == u64::MAX { "any number".to_owned() } else { count.to_string() };
    changes.number("uses", most(before.max_uses), most(after.max_uses), count);
    let within = |terms: &Terms| terms.use_within.unwrap_or(Duration::MAX);
    changes.number("first use", within(before), within(after), |span| match *span {
        Duration::MAX => "any time".to_owned(),
        span => format!("within {}", span_of_time::print(span)),
    });
    let limit = |terms: &Terms| most(terms.limit.as_ref().map(|slots| slots.last));
    changes.number("limit", limit(before), limit(after), count);
    if let (Some(old), Some(new)) = (&before.limit, &after.limit)
        && old.prefix != new.prefix
    {
        changes.unclear("limit counts", "one way".to_owned(), "another".to_owned());
    }
}

fn missing(changes: &mut Changes, before: &Decision, after: &Decision) {
    let needs = |decision: &Decision| decision.missing().map(ToString::to_string).collect::<BTreeSet<_>>();
    let (old, new) = (needs(before), needs(after));
    let words = |needs: &BTreeSet<String>| needs.iter().cloned().collect::<Vec<_>>().join(", ");
    match (old.is_subset(&new), new.is_subset(&old)) {
        (true, true) => {}
        (true, false) => changes.push("missing", words(&old), words(&new), Direction::Tightens),
        (false, true) => changes.push("missing", words(&old), words(&new), Direction::Loosens),
        (false, false) => changes.unclear("missing", words(&old), words(&new)),
    }
}

fn people(changes: &mut Changes, was: &People, is: &People) {
    // Fewer people are looser.
    changes.stricter("people", was.fewest, is.fewest, ToString::to_string);
    if was.written != is.written {
        changes.unclear("approvers", was.words.clone(), is.words.clone());
    }
}

/// Who may approve, as far as two plans are compared.
#[derive(Debug, Clone)]
struct People {
    fewest: usize,
    words: String,
    written: Json,
}

/// One side of a comparison. Many requests lead to few plans, so each is looked at once.
struct Side<'p> {
    policy: &'p Policy,
    plans: BTreeMap<Vec<Vec<Arc<str>>>, People>,
}

impl<'p> Side<'p> {
    fn new(policy: &'p Policy) -> Self {
        Self { policy, plans: BTreeMap::new() }
    }

    fn people(&mut self, decision: &Decision) -> Option<People> {
        let Path::Review { groups, .. } = &decision.path else { return None };
        if self.plans.len() >= limits::DIFF_GROUPS {
            self.plans.clear();
        }
        let known = self.plans.entry(groups.clone());
        Some(known.or_insert_with(|| People::of(self.policy, decision, groups)).clone())
    }
}

impl People {
    fn of(policy: &Policy, decision: &Decision, groups: &[Vec<Arc<str>>]) -> Self {
        let plans = approvals(policy, decision);
        // Of a group one review suffices; one vote counts for each group.
        let of =
            |id: &Arc<str>| plans.iter().find(|plan| plan.review() == &**id).map(ApprovalPlan::fewest_people);
        let fewest = groups.iter().filter_map(|group| group.iter().filter_map(of).min()).max().unwrap_or(0);
        let words = plans.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ");
        Self { fewest, words, written: written(policy, groups) }
    }
}

/// What the policy writes of who may approve a plan, with the named conditions it uses.
fn written(policy: &Policy, groups: &[Vec<Arc<str>>]) -> Json {
    let named = |review: &&ReviewRule| groups.iter().flatten().any(|id| *id == review.rule.id);
    let matched: Vec<&ReviewRule> = policy.rules().reviews.iter().filter(named).collect();
    let mut excerpt = policy.excerpt(&matched);
    let mut rules: Vec<Json> =
        excerpt.get_mut("review").and_then(Json::as_array_mut).map(std::mem::take).unwrap_or_default();
    for table in rules.iter_mut().filter_map(Json::as_object_mut) {
        table.retain(|key, _| !NOT_OF_PEOPLE.contains(&key.as_str()));
    }
    rules.sort_by_cached_key(ToString::to_string);
    let names = excerpt.get_mut("let").and_then(Json::as_object_mut).map(std::mem::take).unwrap_or_default();
    let mut used: Map<String, Json> = Map::new();
    let mut words = words(&rules.iter().map(ToString::to_string).collect::<String>());
    // A name can use names, so look until no more are found.
    while let Some((name, condition)) =
        names.iter().find(|(name, _)| words.contains(*name) && !used.contains_key(*name))
    {
        words.extend(self::words(&condition.to_string()));
        used.insert(name.clone(), condition.clone());
    }
    Json::Array(vec![Json::Object(used), Json::Array(rules)])
}

fn words(text: &str) -> BTreeSet<String> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').map(str::to_owned).collect()
}

#[derive(Default)]
struct Changes {
    found: Vec<DecisionChange>,
}

impl Changes {
    /// More is looser.
    fn number<T: Ord>(&mut self, what: &'static str, old: T, new: T, print: impl Fn(&T) -> String) {
        let direction = match old.cmp(&new) {
            std::cmp::Ordering::Less => Direction::Loosens,
            std::cmp::Ordering::Greater => Direction::Tightens,
            std::cmp::Ordering::Equal => return,
        };
        self.push(what, print(&old), print(&new), direction);
    }

    /// More is stricter.
    fn stricter<T: Ord>(&mut self, what: &'static str, old: T, new: T, print: impl Fn(&T) -> String) {
        self.number(what, std::cmp::Reverse(old), std::cmp::Reverse(new), |value| print(&value.0));
    }

    fn unclear(&mut self, what: &'static str, old: String, new: String) {
        self.push(what, old, new, Direction::Unclear);
    }

    fn push(&mut self, what: &'static str, old: String, new: String, direction: Direction) {
        self.found.push(DecisionChange { what, old, new, direction });
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

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Loosens => "loosens",
            Self::Unclear => "may loosen",
            Self::Tightens => "tightens",
        }
    }
}

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for PolicyDiff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |direction| self.count(direction);
        writeln!(
            formatter,
            "{} requests: {} loosen, {} may loosen, {} tighten, {} the same",
            self.compared,
            count(Direction::Loosens),
            count(Direction::Unclear),
            count(Direction::Tightens),
            self.same
        )?;
        for group in &self.groups {
            writeln!(formatter, "{group}\n  {}", group.example)?;
            for change in group.example.changes() {
                writeln!(formatter, "    {change}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for DiffGroup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: ", self.direction, self.count)?;
        if self.old == self.new {
            write!(formatter, "{} as before, with other {}", self.old.as_str(), self.changed.join(", "))?;
        } else {
            write!(formatter, "{} becomes {}", self.old.as_str(), self.new.as_str())?;
        }
        let named =
            [("no more by", &self.no_more_by), ("now by", &self.now_by), ("still by", &self.still_by)];
        for (words, rules) in named.into_iter().filter(|(_, rules)| !rules.is_empty()) {
            write!(formatter, ", {words} `{}`", rules.join("`, `"))?;
        }
        Ok(())
    }
}

impl fmt::Display for DiffExample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, subject, action, resource, .. } = self;
        write!(formatter, "e.g. request {number}: `{subject}`, `{action}` on `{resource}`")
    }
}

impl fmt::Display for DecisionChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        write!(
            formatter,
            "{}: {}, was {} ({})",
            self.what,
            nothing(&self.new),
            nothing(&self.old),
            self.direction
        )
    }
}

const EFFECT: &str = "effect";

/// Keys of a review that say nothing of who approves, or that are compared by what they come to.
const NOT_OF_PEOPLE: [&str; 6] = ["id", "when", "because", "needs", "grant", "otherwise"];
