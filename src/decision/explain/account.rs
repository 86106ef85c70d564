//! What each rule made of the request.
//!
//! Rules that decided are told with the tests that made them match. Of the rest only those are told that came
//! nearest to helping: what failed on the fewest tests. A test of the action or of the kind of resource counts
//! more, because a rule for other work is no near miss.

use std::sync::Arc;

use serde::Serialize;

use crate::cel::{Failure, Input, Slot, Why};
use crate::decision::decide::later_starts;
use crate::decision::{Decision, Effect, ReasonCode};
use crate::limits;
use crate::policy::schema::{FactValues, Inputs, Schema};
use crate::policy::{Policy, Rule, RuleKind};
use crate::request::Request;
use chrono::{DateTime, Utc};

/// A rule and what it made of the request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RuleAccount {
    rule: Arc<str>,
    kind: RuleKind,
    came: Came,
    #[serde(skip_serializing_if = "Option::is_none")]
    because: Option<Arc<str>>,
    tests: Vec<TestAccount>,
    #[serde(skip_serializing_if = "is_zero")]
    more_tests: usize,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obstacles: Vec<String>,
}

/// How a rule's condition came out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Came {
    /// It is true.
    Matched,
    /// It is false.
    Missed,
    /// It is neither: an error, or something that nobody knows.
    Failed,
}

/// A test that decided how a condition came out.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct TestAccount {
    test: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    within: Option<String>,
    outcome: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    saw: Vec<Seen>,
}

/// A value that a test saw.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Seen {
    path: String,
    value: String,
}

/// Everything that conditions saw, and what they made of it.
pub(super) struct Evidence<'e> {
    pub(super) policy: &'e Policy,
    pub(super) request: &'e Request,
    pub(super) facts: &'e FactValues,
    pub(super) now: DateTime<Utc>,
    pub(super) decision: &'e Decision,
}

impl RuleAccount {
    /// Returns the rule's id.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the rule's kind.
    #[must_use]
    pub fn kind(&self) -> RuleKind {
        self.kind
    }

    /// Returns how the rule's condition came out.
    #[must_use]
    pub fn came(&self) -> Came {
        self.came
    }

    /// Returns the policy author's text.
    #[must_use]
    pub fn because(&self) -> Option<&str> {
        self.because.as_deref()
    }

    /// Returns the tests that decided, at most [`TESTS_TOLD`](limits::TESTS_TOLD).
    pub fn tests(&self) -> impl ExactSizeIterator<Item = &TestAccount> {
        self.tests.iter()
    }

    /// Counts the deciding tests that are left out.
    #[must_use]
    pub fn more_tests(&self) -> usize {
        self.more_tests
    }

    /// Returns what keeps the rule shut beside its condition, in words: a ceiling, a limit, a hold.
    pub fn obstacles(&self) -> impl ExactSizeIterator<Item = &str> {
        self.obstacles.iter().map(AsRef::as_ref)
    }
}

impl TestAccount {
    /// Returns the test in the words of the policy; of a named condition, the part of it that decided.
    #[must_use]
    pub fn test(&self) -> &str {
        &self.test
    }

    /// Returns the name of the named condition that the test stands in, or the id of the scope.
    #[must_use]
    pub fn within(&self) -> Option<&str> {
        self.within.as_deref()
    }

    /// Returns `true`, `false`, `unknown` or `error`.
    #[must_use]
    pub fn outcome(&self) -> &str {
        self.outcome
    }

    /// Returns what went wrong in a test that is neither true nor false.
    #[must_use]
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// Returns the values that the test saw.
    pub fn saw(&self) -> impl ExactSizeIterator<Item = &Seen> {
        self.saw.iter()
    }
}

impl Seen {
    /// Returns the path, such as `resource.environment`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the value on one line: escaped, cut, and withheld where it looks like a secret. What is not
    /// there is `absent`, what nobody knows is `unknown`.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }
}

impl<'e> Evidence<'e> {
    /// The rules that decided, in the order in which the decision names them.
    pub(super) fn deciding(&self) -> Vec<RuleAccount> {
        // A grant that starts later is decided as of its start, too.
        let starts = later_starts(self.policy, self.request, self.facts, self.now);
        let moments = std::iter::once(self.now).chain(starts);
        let moments: Vec<_> = moments.filter_map(|at| Some((at, self.inputs(at)?))).collect();
        let rules = self.policy.rules().all();
        let named = self.decision.rules().filter_map(|id| rules.iter().find(|(_, rule)| &*rule.id == id));
        let tell = |(kind, rule): &(RuleKind, &Rule)| {
            let mut whys = moments.iter().map(|(at, inputs)| self.why(rule, inputs, *at));
            let first = whys.next()?;
            let decided = |why: &Why| why.outcome != Ok(false);
            let why = if decided(&first) { first } else { whys.find(decided).unwrap_or(first) };
            Some(account(*kind, rule, why, self.policy, Vec::new()))
        };
        named.filter_map(tell).collect()
    }

    /// The rules that came nearest to helping.
    pub(super) fn near_misses(&self) -> Vec<RuleAccount> {
        let final_no = |code| matches!(code, ReasonCode::Forbidden);
        if self.decision.effect == Effect::Allow
            || self.decision.reasons().any(|reason| final_no(reason.code()))
        {
            return Vec::new();
        }
        let Some(inputs) = self.inputs(self.now) else { return Vec::new() };
        let helps = |kind: RuleKind| match kind {
            RuleKind::Zone => true,
            RuleKind::Review => self.decision.effect == Effect::Deny,
            RuleKind::Emergency => self.request.is_emergency(),
            _ => false,
        };
        let named = |rule: &Rule| self.decision.rules.contains(&rule.id);
        let mut missed: Vec<(usize, RuleKind, &Rule, Why, Vec<String>)> = Vec::new();
        for (kind, rule) in
            self.policy.rules().all().into_iter().filter(|(kind, rule)| helps(*kind) && !named(rule))
        {
            // Most rules are for other work; what they saw is not even looked at.
            if self.distance(rule, &inputs) > FAR {
                continue;
            }
            let why = self.why(rule, &inputs, self.now);
            let obstacles = self.obstacles(kind, rule, why.outcome == Ok(true));
            let distance = why.distance.saturating_add(obstacles.len());
            if distance > 0 {
                missed.push((distance, kind, rule, why, obstacles));
            }
        }
        missed.sort_by(|a, b| (a.0, a.1, &a.2.id).cmp(&(b.0, b.1, &b.2.id)));
        let nearest = missed.first().map_or(0, |first| first.0).saturating_add(SLACK).min(FAR);
        let near =
            missed.into_iter().take_while(|(distance, ..)| *distance <= nearest).take(limits::NEAR_MISSES);
        near.map(|(_, kind, rule, why, obstacles)| account(kind, rule, why, self.policy, obstacles)).collect()
    }

    /// What keeps a rule shut although its condition is true.
    fn obstacles(&self, kind: RuleKind, rule: &Rule, matched: bool) -> Vec<String> {
        let rules = self.policy.rules();
        let mut found = Vec::new();
        let opening = match kind {
            RuleKind::Zone => rules.zones.iter().find(|zone| std::ptr::eq(&zone.rule, rule)),
            _ => None,
        };
        let zone_window = opening.and_then(|zone| zone.window.as_ref());
        let glass = rules.emergencies.iter().find(|known| std::ptr::eq(&known.rule, rule));
        let window = rule.window.as_ref().or(zone_window).or(glass.and_then(|known| known.window.as_ref()));
        // Of an opening rule that matches, the decision itself says so.
        if let Some(window) = window.filter(|_| rule.window.is_some() || !matched)
            && !window.contains(self.now)
        {
            found.push(match window.next_opening(self.now) {
                Some(next) => format!(
                    "it is outside its window, which opens at {}",
                    next.to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
                ),
                None => "it is outside its window".to_owned(),
            });
        }
        if let Some(zone) = opening {
            if self.decision.risk > zone.max_risk {
                let raised = rules
                    .risks
                    .iter()
                    .filter(|(risk, level)| *level > zone.max_risk && self.decision.rules.contains(&risk.id));
                let raised: Vec<String> = raised.map(|(risk, _)| format!("`{}`", risk.id)).collect();
                let by =
                    if raised.is_empty() { String::new() } else { format!(", by {}", raised.join(", ")) };
                found.push(format!(
                    "the risk is {}{by}; its ceiling is {}",
                    self.decision.risk, zone.max_risk
                ));
            }
            let held = rules.holds.iter().filter(|hold| self.decision.rules.contains(&hold.id));
            found.extend(held.map(|hold| format!("hold `{}` keeps it shut", hold.id)));
        }
        let told = |code| !matches!(code, ReasonCode::RiskAboveZone | ReasonCode::RuleFailed);
        let reasons =
            self.decision.reasons().filter(|reason| reason.rule() == Some(&*rule.id) && told(reason.code()));
        if matched {
            found.extend(reasons.map(|reason| reason.text().to_owned()));
        }
        found
    }

    fn weight(&self) -> impl Fn(Slot) -> usize {
        let heavy = HEAVY.map(|path| self.schema().environment.slot(path));
        move |slot| if heavy.contains(&Some(slot)) { OTHER_WORK } else { 1 }
    }

    fn distance(&self, rule: &Rule, inputs: &[Input<'_>]) -> usize {
        rule.when.distance(&self.schema().environment, inputs, &self.weight())
    }

    fn why(&self, rule: &Rule, inputs: &[Input<'_>], at: DateTime<Utc>) -> Why {
        let mut why = rule.when.why(&self.schema().environment, inputs, &self.weight());
        // Outside its window no rule matches, whatever its condition says.
        if rule.window.as_ref().is_some_and(|window| !window.contains(at)) {
            if why.outcome == Ok(true) {
                why.tests.clear();
            }
            why.outcome = Ok(false);
        }
        why
    }

    /// What the conditions read; `None` if the request does not fit the vocabulary.
    fn inputs(&self, at: DateTime<Utc>) -> Option<Inputs<'_>> {
        let mut inputs = self.schema().inputs(self.request, self.facts, at).ok()?;
        if let Some(place) = inputs.get_mut(self.schema().members.risk.index()) {
            *place = self.decision.risk.into();
        }
        Some(inputs)
    }

    fn schema(&self) -> &'e Schema {
        self.policy.schema()
    }
}

fn account(kind: RuleKind, rule: &Rule, why: Why, policy: &Policy, obstacles: Vec<String>) -> RuleAccount {
    let came = match why.outcome {
        Ok(true) => Came::Matched,
        Ok(false) => Came::Missed,
        Err(_) => Came::Failed,
    };
    let path = |slot| policy.schema().environment.path(slot).unwrap_or("a fact").to_owned();
    let more_tests = why.tests.len().saturating_sub(limits::TESTS_TOLD);
    let tests = why.tests.into_iter().take(limits::TESTS_TOLD).map(|test| {
        let (outcome, problem) = match &test.outcome {
            Ok(true) => ("true", None),
            Ok(false) => ("false", None),
            Err(Failure::Unknown { slot }) => ("unknown", Some(format!("nobody knows `{}`", path(*slot)))),
            Err(failure) => ("error", Some(failure.to_string())),
        };
        let saw = test.reads.into_iter().map(|(slot, value)| Seen { path: path(slot), value }).collect();
        let named = |name: String| policy.scope(&name).map(str::to_owned).unwrap_or(name);
        let (text, within) = (named(test.text), test.within.map(named));
        TestAccount { test: text, within, outcome, problem, saw }
    });
    RuleAccount {
        rule: rule.id.clone(),
        kind,
        came,
        because: rule.because.clone(),
        tests: tests.collect(),
        more_tests,
        obstacles,
    }
}

fn is_zero(count: &usize) -> bool {
    *count == 0
}

/// Attributes that say which work it is.
const HEAVY: [&str; 2] = ["action.name", "resource.type"];

/// What a test of the work weighs.
const OTHER_WORK: usize = 4;

/// How much farther than the nearest a rule may be.
const SLACK: usize = 1;

/// Beyond this nothing is near: a rule for other work, or three tests.
const FAR: usize = 3;
