//! The eight steps of a decision.
//!
//! Shape, facts, risk, forbid, emergency, zones, review, deny: in this order, whatever the order in the
//! document. Three outcomes of a condition are kept apart: it matches, it does not, it failed. What failed
//! is named and never loosens: a failed risk rule is critical risk, a failed forbid or review denies, a
//! failed hold holds, a failed zone or emergency does not open.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::{Decision, Effect, Need, NeedKind, Path, Reason, ReasonCode, Slots, Terms};
use crate::cel::{Failure, Input};
use crate::decision::reason::Problem;
use crate::limits;
use crate::policy::schema::FactValues;
use crate::policy::{GroupMode, LimitBy, LimitSpec, Needs, Policy, ReviewRule, Rule, Zone};
use crate::request::{Request, Usage};
use crate::risk::Risk;
use crate::value::Value;

/// A decision with the facts that it rests on, which its record keeps.
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    pub(crate) facts: FactValues,
}

/// Decides a request.
pub(crate) fn decide(policy: &Policy, request: &Request, now: DateTime<Utc>) -> Decided {
    let fault = shape(policy, request).err();
    let facts = if fault.is_none() { FactValues::of(request) } else { FactValues::default() };
    let decision = match fault {
        Some(fault) => Decision::new(policy.shared_digest()).with_reason(fault),
        None => decide_on(policy, request, &facts, now),
    };
    Decided { decision, facts }
}

/// Decides a request again, on the facts that were recorded with it.
pub(crate) fn decide_again(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
) -> Decision {
    match shape(policy, request) {
        Ok(()) => decide_on(policy, request, facts, now),
        Err(fault) => Decision::new(policy.shared_digest()).with_reason(fault),
    }
}

fn decide_on(policy: &Policy, request: &Request, facts: &FactValues, now: DateTime<Utc>) -> Decision {
    let mut decision = Decision::new(policy.shared_digest());
    match policy.schema().inputs(request, facts, now) {
        Ok(inputs) => Run { policy, request, now, inputs, decision: &mut decision, failures: 0 }.run(),
        Err(misfit) => decision.reasons.push(Reason::new(ReasonCode::InvalidRequest, misfit.to_string())),
    }
    decision
}

/// Checks bounds, and that the action is known and carries the payload that the vocabulary demands.
fn shape(policy: &Policy, request: &Request) -> Result<(), Reason> {
    request.check().map_err(|fault| Reason::new(ReasonCode::InvalidRequest, fault.to_string()))?;
    let (action, payload) = (request.action().name(), request.action().payload());
    let known = policy.actions();
    let Some(spec) = known.iter().find(|spec| spec.name.text == action) else {
        if known.is_empty() {
            return Ok(());
        }
        let text = format!("the policy knows no action `{}`", crate::text::quote(action));
        return Err(Reason::new(ReasonCode::UnknownAction, text));
    };
    let (wanted, found) = (spec.payload.as_deref(), payload.map(crate::Payload::kind_name));
    if wanted != found {
        let (wanted, found) = (wanted.unwrap_or("no"), found.unwrap_or("none"));
        let text = format!("`{action}` must carry {wanted} payload, found {found}");
        return Err(Reason::new(ReasonCode::PayloadMismatch, text).with_detail("action.payload"));
    }
    let dialect = payload.and_then(crate::Payload::dialect);
    if let Some(wanted) = spec.dialect.filter(|wanted| dialect != Some(*wanted)) {
        let found = dialect.map_or("none", crate::Dialect::as_str);
        let text = format!("`{action}` must carry {wanted} payload, found {found}");
        return Err(Reason::new(ReasonCode::PayloadMismatch, text).with_detail("action.payload.dialect"));
    }
    Ok(())
}

/// One run through the steps.
struct Run<'r> {
    policy: &'r Policy,
    request: &'r Request,
    now: DateTime<Utc>,
    inputs: Vec<Input<'r>>,
    decision: &'r mut Decision,
    failures: usize,
}

/// A review that admits the asked time, for how long, and what it still needs.
struct Asked<'r> {
    review: &'r ReviewRule,
    duration: Duration,
    needs: Vec<Need>,
}

/// How a condition came out.
enum Match {
    Yes,
    No,
    Failed(Failure),
}

impl<'r> Run<'r> {
    fn run(mut self) {
        self.classify();
        let decided = self.forbidden() || self.emergency() || self.zones() || self.reviews();
        if !decided && self.decision.reasons.iter().all(|reason| !explains(reason.code())) {
            self.reason(Reason::new(ReasonCode::NothingMatched, "no rule allows it"));
        }
        if let Some(more) = self.failures.checked_sub(limits::FAILURES_NAMED).filter(|more| *more > 0) {
            let text = format!("{more} more rules could not be evaluated");
            self.reason(Reason::new(ReasonCode::RuleFailed, text));
        }
    }

    /// Step 3: the highest level of all matching risk rules.
    fn classify(&mut self) {
        let rules = self.policy.rules();
        let mut highest = None;
        for (rule, level) in &rules.risks {
            match self.matches(rule) {
                Match::Yes => {
                    self.decision.rules.push(rule.id.clone());
                    highest = highest.max(Some(*level));
                }
                Match::No => {}
                Match::Failed(failure) => {
                    self.failed(rule, &failure, false);
                    highest = Some(Risk::Critical);
                }
            }
        }
        self.decision.risk = highest.unwrap_or(rules.default_risk);
        let slot = self.policy.schema().members.risk;
        if let Some(place) = self.inputs.get_mut(slot.index()) {
            *place = self.decision.risk.into();
        }
    }

    /// Step 4: any forbid that matches or fails ends it.
    fn forbidden(&mut self) -> bool {
        let mut found = false;
        for rule in &self.policy.rules().forbids {
            match self.matches(rule) {
                Match::Yes => {
                    self.decision.rules.push(rule.id.clone());
                    self.reason(because(ReasonCode::Forbidden, rule, "it is forbidden"));
                }
                Match::No => continue,
                Match::Failed(failure) => {
                    self.failed(rule, &failure, true);
                }
            }
            found = true;
        }
        found
    }

    /// Step 5: break-glass access, where it is asked for with a reason and a rule permits it.
    fn emergency(&mut self) -> bool {
        if !self.request.is_emergency() {
            return false;
        }
        let refuse = |text: &str| Reason::new(ReasonCode::EmergencyRefused, text);
        if self.request.reason().is_none_or(|reason| reason.trim().is_empty()) {
            self.reason(refuse("an emergency needs a reason").with_detail("context.reason"));
            return false;
        }
        let mut candidates = Vec::new();
        for rule in &self.policy.rules().emergencies {
            match self.matches(&rule.rule) {
                Match::Yes => candidates.push(rule),
                Match::No => {}
                Match::Failed(failure) => self.failed(&rule.rule, &failure, false),
            }
        }
        if candidates.is_empty() {
            self.reason(refuse("no rule permits break-glass access here"));
            return false;
        }
        let overdue = self.request.usage().map(|usage| usage.overdue_reviews);
        if overdue != Some(0) {
            self.reason(refuse(match overdue {
                None => "nobody said whether reviews of earlier emergencies are overdue",
                Some(_) => "the review of an earlier emergency is overdue",
            }));
            return false;
        }
        let mut admitted = Vec::new();
        for rule in candidates {
            let terms = rule.grant.admit(self.request.duration()).and_then(|duration| {
                let limit = self.slots(&rule.rule.id, rule.limit)?;
                Ok(Terms {
                    duration,
                    max_uses: rule.grant.max_uses,
                    use_within: rule.grant.use_within,
                    limit,
                })
            });
            match terms {
                Ok(terms) => admitted.push((rule, terms)),
                Err(reason) => self.reason(reason.with_rule(&rule.rule.id)),
            }
        }
        // The strictest of several: the shortest grant, then the nearest review, then the smallest id.
        let strictest = admitted.into_iter().min_by(|(a, x), (b, y)| {
            (x.duration, a.review_within, &a.rule.id).cmp(&(y.duration, b.review_within, &b.rule.id))
        });
        let Some((rule, terms)) = strictest else {
            self.reason(refuse("no rule that matches admits it now"));
            return false;
        };
        self.decision.rules.push(rule.rule.id.clone());
        self.reason(because(ReasonCode::EmergencyAllows, &rule.rule, "break-glass access; it owes a review"));
        self.decision.effect = Effect::Allow;
        self.decision.path = Path::Emergency { terms, review_within: rule.review_within };
        true
    }

    /// Step 6: zones that no hold stops.
    fn zones(&mut self) -> bool {
        if self.held() {
            return false;
        }
        let mut satisfied: Vec<(&Zone, Terms, bool)> = Vec::new();
        let mut challenges: Vec<(&Zone, Vec<Need>)> = Vec::new();
        for zone in &self.policy.rules().zones {
            match self.matches(&zone.rule) {
                Match::Yes => {}
                Match::No => continue,
                Match::Failed(failure) => {
                    self.failed(&zone.rule, &failure, false);
                    continue;
                }
            }
            match self.enter(zone) {
                Ok((terms, capped)) => {
                    let needs = self.unmet(&zone.needs, &zone.rule.id);
                    if needs.is_empty() {
                        satisfied.push((zone, terms, capped));
                    } else {
                        challenges.push((zone, needs));
                    }
                }
                Err(reason) => self.reason(reason.with_rule(&zone.rule.id)),
            }
        }
        let best = satisfied.into_iter().min_by(|(a, _, a_capped), (b, _, b_capped)| {
            let order =
                |zone: &Zone, capped| (capped, std::cmp::Reverse(zone.grant.max), zone.rule.id.clone());
            order(a, *a_capped).cmp(&order(b, *b_capped))
        });
        if let Some((zone, terms, _)) = best {
            self.decision.rules.push(zone.rule.id.clone());
            self.reason(because(ReasonCode::ZoneAllows, &zone.rule, "it is in a safe zone"));
            self.decision.effect = Effect::Allow;
            self.decision.path = Path::Zone(terms);
            return true;
        }
        let fewest = challenges
            .into_iter()
            .min_by(|(a, needs), (b, others)| (needs.len(), &a.rule.id).cmp(&(others.len(), &b.rule.id)));
        match fewest {
            Some((zone, needs)) if !self.request.asks_review() => {
                self.challenge(&[&zone.rule], needs);
                true
            }
            _ => false,
        }
    }

    fn held(&mut self) -> bool {
        let mut held = false;
        for rule in &self.policy.rules().holds {
            match self.matches(rule) {
                Match::Yes => {
                    self.decision.rules.push(rule.id.clone());
                    self.reason(because(ReasonCode::Held, rule, "nothing is automatic here"));
                }
                Match::No => continue,
                Match::Failed(failure) => {
                    self.failed(rule, &failure, true);
                }
            }
            held = true;
        }
        held
    }

    /// Says on which terms a matching zone lets the request in, and whether it caps the asked time.
    fn enter(&self, zone: &Zone) -> Result<(Terms, bool), Reason> {
        if self.decision.risk > zone.max_risk {
            let text = format!("the risk is {}, the zone's ceiling is {}", self.decision.risk, zone.max_risk);
            return Err(Reason::new(ReasonCode::RiskAboveZone, text).with_detail(zone.max_risk.as_str()));
        }
        let asked = self.request.duration();
        let duration = zone.grant.admit(asked)?;
        let limit = self.slots(&zone.rule.id, zone.limit)?;
        let capped = asked.is_some_and(|asked| asked > duration);
        let terms =
            Terms { duration, max_uses: zone.grant.max_uses, use_within: zone.grant.use_within, limit };
        Ok((terms, capped))
    }

    /// Finds the free slots of a limit in the current window. Windows start at multiples of their length
    /// since the epoch, in UTC.
    fn slots(&self, id: &str, limit: Option<LimitSpec>) -> Result<Option<Slots>, Reason> {
        let Some(limit) = limit else { return Ok(None) };
        let full = |text: String| Reason::new(ReasonCode::LimitReached, text);
        let usage: Option<&Usage> = self.request.usage();
        let used =
            usage.ok_or_else(|| full("nobody said how much of its limit is used".to_owned()))?.used(id);
        if used >= limit.count {
            return Err(full(format!("its limit of {} is used up", limit.count)));
        }
        let whose = match limit.by {
            LimitBy::Subject => self.request.subject().reference(),
            LimitBy::Resource => self.request.resource().reference(),
            LimitBy::Rule => String::new(),
        };
        let per = i64::try_from(limit.per.as_secs()).unwrap_or(i64::MAX);
        let window = self
            .now
            .timestamp()
            .checked_div_euclid(per)
            .and_then(|count| count.checked_mul(per))
            .unwrap_or(0);
        let prefix = format!("limit/{}/", crate::hex::short_digest(&[id, &whose, &window.to_string()]));
        Ok(Some(Slots { prefix, first: used.saturating_add(1), last: limit.count }))
    }

    /// Step 7: everyone whose approval is needed.
    fn reviews(&mut self) -> bool {
        let Some(matching) = self.matching_reviews() else { return true };
        if matching.is_empty() {
            return false;
        }
        let mut groups: Vec<(&str, Vec<&'r ReviewRule>)> = Vec::new();
        for review in matching {
            match groups.iter_mut().find(|(name, _)| *name == &*review.group) {
                Some((_, members)) => members.push(review),
                None => groups.push((&review.group, vec![review])),
            }
        }
        let groups: Vec<_> = groups.into_iter().map(|(_, members)| members).collect();
        if self.ambiguous(&groups) {
            return true;
        }
        // The bounds come first: evidence is not asked for where it could not help.
        let Some(plan) = self.admitted(groups) else { return true };
        let Some(terms) = self.join(&plan) else { return true };
        let unmet: Vec<&Asked<'_>> = plan.iter().flatten().filter(|asked| !asked.needs.is_empty()).collect();
        if unmet.is_empty() {
            self.open(&plan, terms);
        } else {
            let rules: Vec<&Rule> = unmet.iter().map(|asked| &asked.review.rule).collect();
            self.challenge(&rules, unmet.iter().flat_map(|asked| asked.needs.clone()).collect());
        }
        true
    }

    /// Says whether two reviews match where one must.
    fn ambiguous(&mut self, groups: &[Vec<&ReviewRule>]) -> bool {
        let mut found = false;
        for members in groups {
            if members.len() > 1 && members.iter().any(|review| review.mode == GroupMode::One) {
                let ids: Vec<_> = members.iter().map(|review| &*review.rule.id).collect();
                let text = format!("several reviews match where one must: `{}`", ids.join("`, `"));
                self.decision.rules.extend(members.iter().map(|review| review.rule.id.clone()));
                self.reason(Reason::new(ReasonCode::AmbiguousReview, text));
                found = true;
            }
        }
        found
    }

    /// Finds the reviews that match, with the alternatives that `otherwise` adds. A failed one denies.
    fn matching_reviews(&mut self) -> Option<Vec<&'r ReviewRule>> {
        let policy = self.policy;
        let reviews = &policy.rules().reviews;
        let mut matching = Vec::new();
        let mut failed = false;
        for review in reviews.iter().filter(|review| !review.otherwise) {
            match self.matches(&review.rule) {
                Match::Yes => matching.push(review),
                Match::No => {}
                Match::Failed(failure) => {
                    self.failed(&review.rule, &failure, true);
                    failed = true;
                }
            }
        }
        for review in reviews.iter().filter(|review| review.otherwise) {
            if !matching.iter().any(|other| !other.otherwise && other.group == review.group) {
                matching.push(review);
            }
        }
        (!failed).then_some(matching)
    }

    /// Lists who is asked: of each inner list one suffices. There is no plan where a group refuses the
    /// asked time. An alternative with unmet needs drops out if another's are met.
    fn admitted(&mut self, groups: Vec<Vec<&'r ReviewRule>>) -> Option<Vec<Vec<Asked<'r>>>> {
        let (mut plan, mut refused) = (Vec::new(), false);
        for members in groups {
            let alternatives = members.iter().any(|review| review.mode == GroupMode::Any);
            let mut admitted: Vec<Asked<'r>> = Vec::new();
            for review in members {
                match review.grant.admit(self.request.duration()) {
                    Ok(duration) => {
                        let needs = self.unmet(&review.needs, &review.rule.id);
                        admitted.push(Asked { review, duration, needs });
                    }
                    Err(reason) => {
                        self.reason(reason.with_rule(&review.rule.id));
                        refused |= !alternatives;
                    }
                }
            }
            refused |= admitted.is_empty();
            if alternatives {
                plan.push(cheapest(admitted));
            } else {
                plan.extend(admitted.into_iter().map(|asked| vec![asked]));
            }
        }
        (!refused).then_some(plan)
    }

    /// Joins the bounds of everyone who is asked: the narrowest hold, whichever of several alternatives approves.
    fn join(&mut self, plan: &[Vec<Asked<'_>>]) -> Option<Terms> {
        let asked = || plan.iter().flatten();
        let bounds = || asked().map(|asked| &asked.review.grant);
        let duration = asked().map(|asked| asked.duration).min()?;
        let shortest = bounds().map(|bounds| bounds.min).max().unwrap_or_default();
        if duration < shortest {
            self.reason(Reason::duration(ReasonCode::DurationTooShort, duration, shortest));
            return None;
        }
        let max_uses = bounds().filter_map(|bounds| bounds.max_uses).min();
        let use_within = bounds().filter_map(|bounds| bounds.use_within).min();
        Some(Terms { duration, max_uses, use_within, limit: None })
    }

    fn open(&mut self, plan: &[Vec<Asked<'_>>], terms: Terms) {
        for Asked { review, .. } in plan.iter().flatten() {
            self.decision.rules.push(review.rule.id.clone());
            self.reason(because(ReasonCode::ReviewRequired, &review.rule, "people must approve it"));
        }
        let ids = |group: &Vec<Asked<'_>>| group.iter().map(|asked| asked.review.rule.id.clone()).collect();
        self.decision.effect = Effect::Review;
        self.decision.path = Path::Review { groups: plan.iter().map(ids).collect(), terms };
    }

    /// Lists what a request must still bring.
    fn unmet(&self, needs: &Needs, rule: &str) -> Vec<Need> {
        let fields = needs.fields.iter().filter_map(|path| self.unmet_field(path, rule));
        fields.chain(self.unmet_auth(needs, rule)).collect()
    }

    fn unmet_field(&self, path: &str, rule: &str) -> Option<Need> {
        let attribute = self.policy.schema().attribute(path);
        let stated = match attribute {
            Some(attribute) => attribute.value(self.request).map(|(value, _)| value.clone()),
            None => self.request.reason().map(Value::from),
        };
        let problem = match stated {
            None | Some(Value::Null) => Problem::Absent,
            Some(value) if is_empty(&value) => Problem::Empty,
            Some(value) if attribute.is_some_and(|attribute| !attribute.is_well_formed(&value)) => {
                Problem::Malformed
            }
            Some(_) => return None,
        };
        Some(Need {
            kind: NeedKind::Field,
            path: path.to_owned(),
            problem,
            because: attribute.and_then(|attribute| attribute.because.clone()),
            accepts: Vec::new(),
            rule: rule.to_owned(),
        })
    }

    fn unmet_auth(&self, needs: &Needs, rule: &str) -> Option<Need> {
        let wanted = needs.auth.as_ref()?;
        let age_is_good = |time: DateTime<Utc>| match wanted.within {
            Some(within) => {
                let age = self.now.signed_duration_since(time);
                age >= TimeDelta::zero() && TimeDelta::from_std(within).is_ok_and(|within| age <= within)
            }
            None => time <= self.now,
        };
        let problem = match self.request.auth() {
            None => Problem::Absent,
            Some(auth)
                if !wanted.methods.is_empty() && !auth.methods.iter().any(|m| wanted.methods.contains(m)) =>
            {
                Problem::WrongMethod
            }
            Some(auth) if !age_is_good(auth.time) => Problem::TooOld,
            Some(_) => return None,
        };
        Some(Need {
            kind: NeedKind::StepUp,
            path: "context.auth".to_owned(),
            problem,
            because: None,
            accepts: wanted.methods.clone(),
            rule: rule.to_owned(),
        })
    }

    fn challenge(&mut self, rules: &[&Rule], needs: Vec<Need>) {
        for rule in rules {
            self.decision.rules.push(rule.id.clone());
            let text = "it would go on with what is missing";
            self.reason(Reason::of_rule(ReasonCode::NeedsMissing, &rule.id, text));
        }
        self.decision.missing = needs;
        self.decision.effect = Effect::Challenge;
    }

    fn matches(&self, rule: &Rule) -> Match {
        match rule.when.test(&self.inputs) {
            Ok(true) => Match::Yes,
            Ok(false) => Match::No,
            Err(failure) => Match::Failed(failure),
        }
    }

    /// Names a rule that failed, and whether it decides by that. One unknown fact may fail every rule there
    /// is; a record has no room for all of them.
    fn failed(&mut self, rule: &Rule, failure: &Failure, decides: bool) {
        self.failures = self.failures.saturating_add(1);
        if self.failures > limits::FAILURES_NAMED {
            return;
        }
        if decides {
            self.decision.rules.push(rule.id.clone());
        }
        let detail = match failure {
            Failure::Unknown { slot } => {
                let path = self.policy.schema().environment.path(*slot).unwrap_or("a fact");
                format!("`{path}` is unknown")
            }
            other => other.to_string(),
        };
        let text = format!("it could not be evaluated: {detail}");
        self.reason(Reason::of_rule(ReasonCode::RuleFailed, &rule.id, text).with_detail(detail));
    }

    fn reason(&mut self, reason: Reason) {
        self.decision.reasons.push(reason);
    }
}

/// Of reviews of which one suffices, keeps those that miss nothing; if each misses something, the one that
/// misses least.
fn cheapest(mut alternatives: Vec<Asked<'_>>) -> Vec<Asked<'_>> {
    let cost = |asked: &Asked<'_>| (asked.needs.len(), asked.review.rule.id.clone());
    if let Some((fewest, id)) = alternatives.iter().map(cost).min() {
        alternatives
            .retain(|asked| asked.needs.len() == fewest && (fewest == 0 || asked.review.rule.id == id));
    }
    alternatives
}

/// Says whether a reason by itself explains a Deny.
fn explains(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::Forbidden
            | ReasonCode::DurationTooShort
            | ReasonCode::DurationTooLong
            | ReasonCode::AmbiguousReview
    )
}

fn because(code: ReasonCode, rule: &Rule, otherwise: &str) -> Reason {
    Reason::of_rule(code, &rule.id, rule.because.as_deref().unwrap_or(otherwise))
}

fn is_empty(value: &Value) -> bool {
    match value {
        Value::String(text) => text.trim().is_empty(),
        Value::List(items) => items.is_empty(),
        Value::Map(entries) => entries.is_empty(),
        _ => false,
    }
}
