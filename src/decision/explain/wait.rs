//! When the same request would fare better.
//!
//! Looks ahead to the times at which rules could turn: those that conditions name, every quarter of an hour
//! of the next eight days where a rule reads the clock, and the next window of a limit that is used up. Only a
//! time at which the request was decided again, and fared better, is told.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::{Serialize, Serializer};

use crate::cel::{Datum, Failure};
use crate::decision::decide::decide_again;
use crate::decision::{Decision, Effect, ReasonCode};
use crate::limits;
use crate::policy::schema::FactValues;
use crate::policy::{LimitSpec, Policy, Window};
use crate::request::Request;

/// When the same request would fare better, if nothing else changes until then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Wait {
    #[serde(serialize_with = "time")]
    at: DateTime<Utc>,
    leads_to: Effect,
}

impl Wait {
    /// Returns the earliest time that was found.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.at
    }

    /// Returns what the request is decided to be then: Allow, or Review.
    #[must_use]
    pub fn leads_to(&self) -> Effect {
        self.leads_to
    }
}

/// Finds the earliest time at which a Deny becomes something better, or a Review an Allow.
pub(super) fn better(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
    decision: &Decision,
) -> Option<Wait> {
    let wanted = |effect: Effect| match decision.effect {
        Effect::Deny => matches!(effect, Effect::Allow | Effect::Review),
        Effect::Review => effect == Effect::Allow,
        Effect::Allow | Effect::Challenge => false,
    };
    if matches!(decision.effect, Effect::Allow | Effect::Challenge) {
        return None;
    }
    let windows = windows(policy, request, now, decision);
    let turns = turns(policy, request, facts, now, decision);
    let times: BTreeSet<DateTime<Utc>> = windows.values().copied().chain(turns).collect();
    times.into_iter().take(TRIALS).find_map(|at| {
        let later = with_new_windows(request, &windows, at);
        let effect = decide_again(policy, &later, facts, at).effect;
        wanted(effect).then_some(Wait { at, leads_to: effect })
    })
}

/// The next window of every limit that is used up. Of one that nobody counted, nobody knows the next.
fn windows<'p>(
    policy: &'p Policy,
    request: &Request,
    now: DateTime<Utc>,
    decision: &Decision,
) -> BTreeMap<&'p str, DateTime<Utc>> {
    let rules = policy.rules();
    let zones = rules.zones.iter().filter_map(|zone| Some((&*zone.rule.id, zone.limit?)));
    let emergencies = rules.emergencies.iter().filter_map(|rule| Some((&*rule.rule.id, rule.limit?)));
    let full = |id: &str| {
        let told = |reason: &&crate::Reason| reason.code() == ReasonCode::LimitReached;
        decision.reasons().filter(told).any(|reason| reason.rule() == Some(id))
    };
    let next = |limit: LimitSpec| {
        let per = i64::try_from(limit.per.as_secs()).ok().filter(|per| *per > 0)?;
        let passed = now.timestamp().checked_rem_euclid(per)?;
        DateTime::from_timestamp(now.timestamp().checked_sub(passed)?.checked_add(per)?, 0)
    };
    let counted = request.usage().is_some();
    let limits = zones.chain(emergencies).filter(|(id, _)| counted && full(id));
    limits.filter_map(|(id, limit)| Some((id, next(limit)?))).collect()
}

/// The request with nothing used of the windows that are new at a time.
fn with_new_windows(
    request: &Request,
    windows: &BTreeMap<&str, DateTime<Utc>>,
    at: DateTime<Utc>,
) -> Request {
    let Some(usage) = request.usage() else { return request.clone() };
    let mut usage = usage.clone();
    usage.limits.retain(|(id, _)| windows.get(id.as_str()).is_none_or(|start| *start > at));
    request.clone().with_usage(usage)
}

/// The times at which the rules that read the clock come out as they have not before.
fn turns(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
    decision: &Decision,
) -> Vec<DateTime<Utc>> {
    let schema = policy.schema();
    let clock = schema.members.now;
    let readers: Vec<_> = policy
        .rules()
        .all()
        .into_iter()
        .map(|(_, rule)| &rule.when)
        .filter(|when| when.slots().any(|slot| slot == clock))
        .collect();
    let rules = policy.rules();
    let opening = rules.zones.iter().map(|zone| &zone.window);
    let opening = opening.chain(rules.emergencies.iter().map(|rule| &rule.window));
    let rule_windows = rules.all().into_iter().map(|(_, rule)| &rule.window);
    let mut windows: Vec<&Window> = Vec::new();
    for window in rule_windows.chain(opening).flatten() {
        if !windows.contains(&window) {
            windows.push(window);
        }
    }
    let Ok(mut inputs) = schema.inputs(request, facts, now) else { return Vec::new() };
    if readers.is_empty() && windows.is_empty() {
        return Vec::new();
    }
    if let Some(place) = inputs.get_mut(schema.members.risk.index()) {
        *place = decision.risk.into();
    }
    let named = readers.iter().flat_map(|when| when.literals(clock)).filter_map(|literal| match literal {
        Datum::Timestamp(time) => Some([Some(time), time.checked_add_signed(TimeDelta::seconds(1))]),
        _ => None,
    });
    let quarter = now.timestamp().div_euclid(QUARTER);
    let quarters = (1..=QUARTERS)
        .filter_map(|count| DateTime::from_timestamp(quarter.checked_add(count)?.checked_mul(QUARTER)?, 0));
    let openings = windows.iter().filter_map(|window| window.next_opening(now));
    let farthest = now.checked_add_signed(TimeDelta::seconds(FARTHEST)).unwrap_or(now);
    let times: BTreeSet<DateTime<Utc>> = named.flatten().flatten().chain(quarters).chain(openings).collect();
    let windows_cost = u64::try_from(windows.len()).unwrap_or(u64::MAX).saturating_mul(WINDOW_COST);
    let cost = readers.iter().map(|when| when.cost().max(1)).fold(windows_cost, u64::saturating_add);
    let affordable =
        limits::EXPLAIN_STEPS.checked_div(cost).and_then(|count| usize::try_from(count).ok()).unwrap_or(0);
    let mut known: Vec<Vec<Result<bool, Failure>>> = Vec::new();
    let mut turns = Vec::new();
    for time in std::iter::once(now)
        .chain(times.into_iter().filter(|time| *time > now && *time <= farthest))
        .take(affordable)
    {
        if let Some(place) = inputs.get_mut(clock.index()) {
            *place = time.into();
        }
        let outcomes = readers.iter().map(|when| when.test(&inputs));
        let outcomes: Vec<_> =
            outcomes.chain(windows.iter().map(|window| Ok(window.contains(time)))).collect();
        if !known.contains(&outcomes) && known.len() <= TRIALS {
            known.push(outcomes);
            turns.push(time);
        }
    }
    turns.retain(|time| *time > now);
    turns
}

fn time<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::AutoSi, true))
}

/// Seconds of a quarter of an hour, how many are looked at, and how far a named time may lie ahead.
const QUARTER: i64 = 900;
const QUARTERS: i64 = 768;
const FARTHEST: i64 = 31 * 86_400;

/// What it costs to look at a window, in steps of a condition.
const WINDOW_COST: u64 = 8;

/// Times at which the request is decided again.
const TRIALS: usize = 64;
