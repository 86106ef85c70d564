//! The cheapest change that leads to yes.
//!
//! Tries changes in the order of their price, each time deciding the request as it would then be. What is
//! offered was allowed, or sent to people, in one of these trials; nothing is offered that was not. Fields
//! come first, then a narrower action, then approval; break-glass access only where nothing else helps.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Serialize, Serializer};

use super::choices::{Choice, Choices, Group, Price};
use super::plan::{self, ApprovalPlan};
use crate::decision::decide::decide_again;
use crate::decision::{Decision, Effect};
use crate::limits;
use crate::policy::Policy;
use crate::policy::schema::FactValues;
use crate::request::Request;
use crate::span_of_time;
use crate::text::quote;

/// A change that leads to yes. It was tried: the request with it was decided at the same time under the same
/// policy, on the same attested facts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Change {
    steps: Vec<ChangeStep>,
    leads_to: Effect,
    rules: Vec<Arc<str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<ApprovalPlan>,
}

/// One part of a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ChangeStep {
    /// State a field of the context that is absent, empty or malformed.
    State {
        /// The path, such as `context.ticket`.
        path: String,
        /// The value that helps, where it must be a certain one. State it only if it is true.
        #[serde(skip_serializing_if = "Option::is_none")]
        value: Option<String>,
        /// The pattern that a text must match.
        #[serde(skip_serializing_if = "Option::is_none")]
        form: Option<String>,
        /// How many characters or elements it must have at least.
        #[serde(skip_serializing_if = "Option::is_none")]
        min: Option<usize>,
        /// How many it may have at most.
        #[serde(skip_serializing_if = "Option::is_none")]
        max: Option<usize>,
        /// The policy author's hint.
        #[serde(skip_serializing_if = "Option::is_none")]
        because: Option<String>,
    },
    /// Sign in again.
    SignIn {
        /// By one of these methods (RFC 8176); any where there are none.
        methods: Vec<String>,
        /// In one of these classes (`acr`); any where there are none.
        #[serde(skip_serializing_if = "Vec::is_empty")]
        classes: Vec<String>,
        /// How fresh the sign-in must be.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_seconds")]
        within: Option<Duration>,
    },
    /// Ask for another time.
    AskFor {
        /// The time asked for now.
        #[serde(skip_serializing_if = "Option::is_none", serialize_with = "maybe_seconds")]
        asked: Option<Duration>,
        /// The time that is given.
        #[serde(serialize_with = "seconds")]
        duration: Duration,
    },
    /// Read fewer rows.
    LimitRows {
        /// The rows of the `LIMIT` to add.
        rows: i64,
    },
    /// Set `context.ask_review`.
    AskReview,
    /// Set `context.emergency`, if it is one.
    AskEmergency {
        /// When the review afterwards is due at the earliest.
        #[serde(serialize_with = "seconds")]
        review_within: Duration,
    },
    /// Submit the request, and wait for people.
    RequestApproval,
}

impl Change {
    /// Returns what to do, in order.
    pub fn steps(&self) -> impl ExactSizeIterator<Item = &ChangeStep> {
        self.steps.iter()
    }

    /// Returns what the changed request was decided to be: Allow, or Review.
    #[must_use]
    pub fn leads_to(&self) -> Effect {
        self.leads_to
    }

    /// Returns the rules that decided the changed request.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rules.iter().map(AsRef::as_ref)
    }

    /// Returns who may approve the changed request.
    pub fn approvals(&self) -> impl ExactSizeIterator<Item = &ApprovalPlan> {
        self.approvals.iter()
    }

    /// Says whether it is break-glass access.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        self.steps.iter().any(|step| matches!(step, ChangeStep::AskEmergency { .. }))
    }
}

/// Finds the cheapest change; `None` for what is allowed already, and where nothing was found.
pub(super) fn cheapest(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
    decision: &Decision,
) -> Option<Change> {
    if decision.effect == Effect::Allow {
        return None;
    }
    let choices = Choices::new(policy, request, now);
    let affordable = affordable(policy);
    let mut search = Search { policy, request, now, facts, left: affordable, best: None };
    let groups = choices.ordinary();
    search.follow(&choices.led());
    search.all(&groups, &[]);
    if search.best.is_none()
        && let Some(glass) = choices.emergency()
    {
        search.left = affordable;
        search.all(&groups, &[&glass]);
    }
    search.best.map(|(_, change)| change)
}

/// How many decisions a search may make: each costs at most what all conditions cost.
fn affordable(policy: &Policy) -> usize {
    let cost = policy
        .rules()
        .all()
        .into_iter()
        .map(|(_, rule)| rule.when.cost().max(1))
        .fold(1, u64::saturating_add);
    let count = limits::EXPLAIN_STEPS.checked_div(cost).and_then(|count| usize::try_from(count).ok());
    count.unwrap_or(0).clamp(FEWEST_DECISIONS, limits::EXPLAIN_DECISIONS)
}

struct Search<'s> {
    policy: &'s Policy,
    request: &'s Request,
    now: DateTime<Utc>,
    facts: &'s FactValues,
    left: usize,
    best: Option<(Price, Change)>,
}

impl Search<'_> {
    /// Goes where the challenges lead: a good answer where there are too many combinations to try them all.
    fn follow(&mut self, groups: &[Group]) {
        let mut made: Vec<&Choice> = Vec::new();
        for _ in 0..groups.len().saturating_add(1) {
            let Some(decision) = self.attempt(&made) else { return };
            if decision.effect != Effect::Challenge {
                return;
            }
            let before = made.len();
            for need in decision.missing() {
                let meets = |choice: &&Choice| choice.step.meets(need.path());
                made.extend(groups.iter().filter_map(|group| group.first()).find(meets));
            }
            made.dedup_by_key(|choice| choice.step.clone());
            if made.len() == before {
                return;
            }
        }
    }

    /// Tries all combinations beside `always`, cheapest first, until one is allowed or no trial is left.
    fn all(&mut self, groups: &[Group], always: &[&Choice]) {
        let mut combinations = Vec::new();
        for size in 0..=groups.len() {
            combine(groups, size, &mut always.to_vec(), &mut combinations);
        }
        combinations.sort_by_key(|made| price(made));
        for made in combinations {
            if self.left == 0 || self.best.as_ref().is_some_and(|(best, _)| *best <= price(&made)) {
                return;
            }
            self.attempt(&made);
        }
    }

    /// Decides the request as it would be, and remembers what helps if nothing cheaper is known.
    fn attempt(&mut self, made: &[&Choice]) -> Option<Decision> {
        self.left = self.left.checked_sub(1)?;
        let mut request = self.request.clone();
        for choice in made {
            request = choice.apply(&request)?;
        }
        let reread = made.iter().any(|choice| matches!(choice.step, ChangeStep::LimitRows { .. }));
        let decision = if reread {
            self.policy.decide(&request, self.now)
        } else {
            decide_again(self.policy, &request, self.facts, self.now)
        };
        let mut price = price(made);
        let mut steps: Vec<ChangeStep> = made.iter().map(|choice| choice.step.clone()).collect();
        match decision.effect {
            Effect::Allow => {}
            Effect::Review => {
                let [_, approval, ..] = &mut price;
                *approval = 1;
                steps.push(ChangeStep::RequestApproval);
            }
            Effect::Challenge | Effect::Deny => return Some(decision),
        }
        if self.best.as_ref().is_none_or(|(best, _)| price < *best) {
            let (leads_to, rules) = (decision.effect, decision.rules.clone());
            let approvals = plan::of(self.policy, &decision);
            self.best = Some((price, Change { steps, leads_to, rules, approvals }));
        }
        Some(decision)
    }
}

/// Lists the combinations of a size, up to a bound.
fn combine<'g>(
    groups: &'g [Group],
    size: usize,
    made: &mut Vec<&'g Choice>,
    found: &mut Vec<Vec<&'g Choice>>,
) {
    if found.len() >= COMBINATIONS {
        return;
    }
    let Some(left) = size.checked_sub(1) else {
        found.push(made.clone());
        return;
    };
    let mut rest = groups;
    while let Some((group, behind)) = rest.split_first() {
        for choice in group {
            made.push(choice);
            combine(behind, left, made, found);
            made.pop();
        }
        rest = behind;
    }
}

fn price(made: &[&Choice]) -> Price {
    let mut total = Price::default();
    for choice in made {
        for (sum, part) in total.iter_mut().zip(choice.price) {
            *sum = sum.saturating_add(part);
        }
    }
    total
}

impl ChangeStep {
    fn meets(&self, path: &str) -> bool {
        match self {
            Self::State { path: stated, .. } => stated == path,
            Self::SignIn { .. } => path == "context.auth",
            _ => false,
        }
    }
}

impl fmt::Display for ChangeStep {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let span = |span: &Duration| span_of_time::print(*span);
        match self {
            Self::State { path, value, form, min, max, because } => {
                write!(formatter, "state `{}`", quote(path))?;
                match (value, form) {
                    (Some(value), _) => write!(formatter, " as `{}`, if that is so", quote(value))?,
                    (None, Some(form)) => write!(formatter, ", in the form `{}`", quote(form))?,
                    (None, None) => {}
                }
                match (min, max) {
                    _ if value.is_some() => {}
                    (Some(min), Some(max)) => write!(formatter, ", {min} to {max} long")?,
                    (Some(min), None) => write!(formatter, ", at least {min} long")?,
                    (None, Some(max)) => write!(formatter, ", at most {max} long")?,
                    (None, None) => {}
                }
                because.as_ref().map_or(Ok(()), |because| write!(formatter, ": {because}"))
            }
            Self::SignIn { methods, classes, within } => {
                formatter.write_str("sign in again")?;
                if !methods.is_empty() {
                    write!(formatter, " with `{}`", methods.join("` or `"))?;
                }
                if !classes.is_empty() {
                    write!(formatter, " in class `{}`", classes.join("` or `"))?;
                }
                within.map_or(Ok(()), |within| write!(formatter, ", and ask within {}", span(&within)))
            }
            Self::AskFor { asked: Some(asked), duration } => {
                write!(formatter, "ask for {} instead of {}", span(duration), span(asked))
            }
            Self::AskFor { asked: None, duration } => write!(formatter, "ask for {}", span(duration)),
            Self::LimitRows { rows } => write!(formatter, "add `LIMIT {rows}` to the statement"),
            Self::AskReview => formatter.write_str("ask for a review"),
            Self::AskEmergency { review_within } => {
                let within = span(review_within);
                write!(
                    formatter,
                    "if it is an emergency, ask for break-glass access; a review is due {within} later"
                )
            }
            Self::RequestApproval => formatter.write_str("submit it, and people decide"),
        }
    }
}

fn seconds<S: Serializer>(span: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(span.as_secs())
}

fn maybe_seconds<S: Serializer>(span: &Option<Duration>, serializer: S) -> Result<S::Ok, S::Error> {
    span.map(|span| span.as_secs()).serialize(serializer)
}

/// Decisions that a search makes however dear they are: enough to follow the challenges.
const FEWEST_DECISIONS: usize = 16;

/// Combinations that are put in order; far more than are tried.
const COMBINATIONS: usize = 16_384;
