//! How two decisions on one request differ.
//!
//! Each difference has a direction. What is shorter, rarer, riskier or takes more people is stricter; what is
//! only different is unclear.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value as Json};

use super::{DecisionChange, Direction, EFFECT, effect, rank};
use crate::decision::{ApprovalPlan, Decision, Groups, Path, Terms, approvals};
use crate::limits;
use crate::policy::{Policy, ReviewRule};
use crate::span_of_time;

/// Lists the differences between two decisions; a different effect stands first.
pub(super) fn compare(before: &Decision, after: &Decision) -> Changes {
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
        obligations(&mut changes, before, after);
    }
    changes
}

fn bounds(changes: &mut Changes, before: &Terms, after: &Terms) {
    changes.number("duration", before.duration, after.duration, |span| span_of_time::print(*span));
    let time = |at: &DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    let start = |terms: &Terms| terms.start.unwrap_or(DateTime::<Utc>::MIN_UTC);
    changes.stricter("start", start(before), start(after), |at| {
        if *at == DateTime::<Utc>::MIN_UTC { "at once".to_owned() } else { time(at) }
    });
    let end = |terms: &Terms| terms.until.unwrap_or(DateTime::<Utc>::MAX_UTC);
    changes.number("latest end", end(before), end(after), |at| {
        if *at == DateTime::<Utc>::MAX_UTC { "any".to_owned() } else { time(at) }
    });
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
    changes.sets("missing", &needs(before), &needs(after));
}

/// Who owes more is held more strictly.
fn obligations(changes: &mut Changes, before: &Decision, after: &Decision) {
    let owed = |decision: &Decision| {
        decision.obligations().filter_map(|owed| serde_json::to_string(owed).ok()).collect::<BTreeSet<_>>()
    };
    changes.sets("obligations", &owed(before), &owed(after));
}

pub(super) fn people(changes: &mut Changes, was: &People, is: &People) {
    // Fewer people are looser.
    changes.stricter("people", was.fewest, is.fewest, ToString::to_string);
    if was.written != is.written {
        changes.unclear("approvers", was.words.clone(), is.words.clone());
    }
}

/// Who may approve, as far as two plans are compared.
#[derive(Debug, Clone)]
pub(super) struct People {
    fewest: usize,
    words: String,
    written: Json,
}

/// One side of a comparison. Many requests lead to few plans, so each is looked at once.
pub(super) struct Side<'p> {
    policy: &'p Policy,
    plans: BTreeMap<Groups, People>,
}

impl<'p> Side<'p> {
    pub(super) fn new(policy: &'p Policy) -> Self {
        Self { policy, plans: BTreeMap::new() }
    }

    pub(super) fn people(&mut self, decision: &Decision) -> Option<People> {
        let Path::Review { groups, .. } = &decision.path else { return None };
        if self.plans.len() >= limits::DIFF_GROUPS {
            self.plans.clear();
        }
        let known = self.plans.entry(groups.clone());
        Some(known.or_insert_with(|| People::of(self.policy, decision, groups)).clone())
    }
}

impl People {
    fn of(policy: &Policy, decision: &Decision, groups: &Groups) -> Self {
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
fn written(policy: &Policy, groups: &Groups) -> Json {
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
pub(super) struct Changes {
    pub(super) found: Vec<DecisionChange>,
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

    /// More elements are stricter; other ones are unclear.
    fn sets(&mut self, what: &'static str, old: &BTreeSet<String>, new: &BTreeSet<String>) {
        let words = |set: &BTreeSet<String>| set.iter().cloned().collect::<Vec<_>>().join(", ");
        let direction = match (old.is_subset(new), new.is_subset(old)) {
            (true, true) => return,
            (true, false) => Direction::Tightens,
            (false, true) => Direction::Loosens,
            (false, false) => Direction::Unclear,
        };
        self.push(what, words(old), words(new), direction);
    }

    fn unclear(&mut self, what: &'static str, old: String, new: String) {
        self.push(what, old, new, Direction::Unclear);
    }

    fn push(&mut self, what: &'static str, old: String, new: String, direction: Direction) {
        self.found.push(DecisionChange { what, old, new, direction });
    }
}

/// Keys of a review that say nothing of who approves, or that are compared by what they come to.
const NOT_OF_PEOPLE: [&str; 9] =
    ["id", "when", "because", "needs", "grant", "otherwise", "obligations", "labels", "within"];
