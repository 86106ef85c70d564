//! The eight steps of a decision.
//!
//! Shape, facts, risk, forbid, emergency, zones, review, deny: in this order, whatever the order in the
//! document. Three outcomes of a condition are kept apart: it matches, it does not, it failed. What failed
//! is named and never loosens: a failed risk rule is critical risk, a failed forbid or review denies, a
//! failed hold holds, a failed zone or emergency does not open.

mod extension;
mod needs;
mod opening;
mod people;
mod several;
mod terms;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::several::over_each;
pub(super) use self::several::strictest;
use super::{Decision, Effect, Need, Reason, ReasonCode};
use crate::cel::Failure;
use crate::decision::join::fits;
use crate::decision::reason::Sentence;
use crate::limits;
use crate::policy::facts::carrier;
use crate::policy::schema::{FactValues, Inputs};
use crate::policy::{ActionSpec, Candidates, Kind, Obligation, Policy, Rule};
use crate::request::Request;
use crate::risk::Risk;
use crate::text::quote;

/// A decision with the facts that it rests on, which its record keeps.
pub(crate) struct Decided {
    pub(crate) decision: Decision,
    pub(crate) facts: FactValues,
}

/// Decides a request.
pub(crate) fn decide(policy: &Policy, request: &Request, now: DateTime<Utc>) -> Decided {
    decide_by(policy, request, now, Rules::Candidates)
}

/// Decides a request by evaluating every rule, whatever the index says.
pub(crate) fn decide_by_every_rule(policy: &Policy, request: &Request, now: DateTime<Utc>) -> Decision {
    decide_by(policy, request, now, Rules::All).decision
}

fn decide_by(policy: &Policy, request: &Request, now: DateTime<Utc>, rules: Rules<'_>) -> Decided {
    let fault = shape(policy, request).err();
    let language = language(policy, request);
    let facts = if fault.is_none() { FactValues::of(request, language) } else { FactValues::default() };
    let decision = match fault {
        Some(fault) => Decision::new(policy.shared_digest()).with_reason(fault),
        None => decide_on(policy, request, &facts, now, rules),
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
        Ok(()) => {
            let facts = facts.read_for(request, language(policy, request));
            decide_on(policy, request, &facts, now, Rules::Candidates)
        }
        Err(fault) => Decision::new(policy.shared_digest()).with_reason(fault),
    }
}

/// Decides a request again when people have approved it, on the facts that were recorded with it. What these
/// reviews need was there when they were opened, a zone that could open with more evidence opens nothing, and the
/// grant begins now, whatever start its rules would give a new one.
pub(crate) fn decide_at_close(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
    opened: &[Arc<str>],
) -> Decision {
    match shape(policy, request) {
        Ok(()) => {
            let facts = &facts.read_for(request, language(policy, request));
            over_each(request, |one| decide_at(policy, one, facts, [now, now], Rules::Closing(opened)))
                .bounded()
        }
        Err(fault) => Decision::new(policy.shared_digest()).with_reason(fault),
    }
}

/// Finds the later starts as of which a request is decided again.
pub(super) fn later_starts(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
) -> Vec<DateTime<Utc>> {
    decide_until_settled(policy, request, facts, now, Rules::Candidates).1
}

/// Which rules are evaluated.
#[derive(Clone, Copy)]
enum Rules<'k> {
    /// Those that the request can concern.
    Candidates,
    All,
    /// Those that it can concern, when these reviews were held.
    Closing(&'k [Arc<str>]),
}

fn decide_on(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
    rules: Rules<'_>,
) -> Decision {
    decide_until_settled(policy, request, facts, now, rules).0.bounded()
}

/// What is forbidden or held when the grant begins is not let in ahead of it: a request whose grant begins later
/// is decided again as of that start. Another rule may then put it off further; a start that does not settle is
/// refused.
fn decide_until_settled(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    now: DateTime<Utc>,
    rules: Rules<'_>,
) -> (Decision, Vec<DateTime<Utc>>) {
    let as_of = |clock| over_each(request, |one| decide_at(policy, one, facts, [now, clock], rules));
    let mut decision = as_of(now);
    let mut starts = Vec::new();
    while let Some(start) = decision.not_before().filter(|start| starts.last().unwrap_or(&now) < start) {
        if starts.len() >= limits::LATER_STARTS {
            let text = "its rules put the start off again and again";
            decision.close(Reason::new(ReasonCode::StartTooLate, text));
            break;
        }
        decision = decision.and(as_of(start));
        starts.push(start);
    }
    (decision, starts)
}

/// Decides a request now, as of a clock that conditions read as `now`.
fn decide_at(
    policy: &Policy,
    request: &Request,
    facts: &FactValues,
    [now, clock]: [DateTime<Utc>; 2],
    rules: Rules<'_>,
) -> Decision {
    let mut decision = Decision::new(policy.shared_digest());
    match policy.schema().inputs(request, facts, clock) {
        Ok(inputs) => {
            let candidates = match rules {
                Rules::Candidates | Rules::Closing(_) => policy.index().candidates(&inputs),
                Rules::All => policy.index().everything(),
            };
            let candidates = &candidates;
            let opened = if let Rules::Closing(opened) = rules { Some(opened) } else { None };
            let decision = &mut decision;
            let (failures, asides, explained) = (0, 0, false);
            Run {
                policy,
                request,
                now,
                clock,
                inputs,
                candidates,
                opened,
                decision,
                failures,
                asides,
                explained,
            }
            .run();
        }
        Err(misfit) => decision.reasons.push(Reason::new(ReasonCode::InvalidRequest, misfit.to_string())),
    }
    decision
}

/// Checks bounds, and that the action is known and carries the payload that the vocabulary demands.
fn shape(policy: &Policy, request: &Request) -> Result<(), Reason> {
    request.check().map_err(|fault| Reason::new(ReasonCode::InvalidRequest, fault.to_string()))?;
    let (action, payload) = (request.action().name(), request.action().payload());
    let Some(spec) = spec(policy, request) else {
        if policy.actions().is_empty() {
            return Ok(());
        }
        let text = format!("the policy knows no action `{}`", quote(action));
        return Err(Reason::new(ReasonCode::UnknownAction, text));
    };
    let (wanted, found) = (spec.payload.as_deref(), payload.map(crate::Payload::kind_name));
    if wanted.map(carrier) != found {
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

/// In which language the vocabulary reads the request's payload.
fn language<'p>(policy: &'p Policy, request: &Request) -> Option<&'p str> {
    spec(policy, request).and_then(|spec| spec.payload.as_deref())
}

/// What the vocabulary says of the request's action.
fn spec<'p>(policy: &'p Policy, request: &Request) -> Option<&'p ActionSpec> {
    policy.actions().iter().find(|spec| spec.name.text == request.action().name())
}

/// One run through the steps.
struct Run<'r> {
    policy: &'r Policy,
    request: &'r Request,
    now: DateTime<Utc>,
    /// What conditions read as `now`: a grant that starts later is decided as of its start, too.
    clock: DateTime<Utc>,
    inputs: Inputs<'r>,
    candidates: &'r Candidates,
    /// The reviews that were opened, where they close now.
    opened: Option<&'r [Arc<str>]>,
    decision: &'r mut Decision,
    failures: usize,
    /// Reasons of rules that do not decide.
    asides: usize,
    /// Whether one of them by itself explains a Deny.
    explained: bool,
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
        let decided = self.forbidden()
            || match self.request.extended() {
                // What opens at once can be asked for again: only people extend. What a hold obliges to is owed
                // for longer, too.
                Some(extended) => {
                    self.held();
                    self.unknown(extended) || self.reviews()
                }
                None => self.emergency() || self.zones() || self.reviews(),
            };
        if !decided && !self.explained && self.decision.reasons.iter().all(|reason| !explains(reason.code()))
        {
            self.reason(Reason::new(ReasonCode::NothingMatched, "no rule allows it"));
        }
        let more = self.failures.saturating_sub(limits::FAILURES_NAMED);
        self.decision.left_out = self.decision.left_out.saturating_add(more);
        self.oblige();
    }

    /// Step 3: the highest level of all matching risk rules.
    fn classify(&mut self) {
        let rules = self.policy.rules();
        let (mut highest, mut raised, mut named) = (None, None, 0);
        for (rule, level) in self.candidates.pick(Kind::Risk, &rules.risks) {
            match self.matches(rule) {
                Match::Yes => {
                    self.name_one_of(rule, &mut named, None);
                    let side = if rule.is_added { &mut raised } else { &mut highest };
                    *side = (*side).max(Some(*level));
                }
                Match::No => {}
                Match::Failed(failure) => {
                    self.failed(rule, &failure, false);
                    self.decision.obligations.extend_from_slice(&rule.obligations);
                    highest = Some(Risk::Critical);
                }
            }
        }
        // What an extension adds raises also what no rule of the base classified.
        self.decision.risk = highest.unwrap_or(rules.default_risk).max(raised.unwrap_or(Risk::Low));
        if let Some(hint) = self.request.risk_hint().filter(|hint| *hint > self.decision.risk) {
            let text = format!("it is held to be {hint}, the rules alone say {}", self.decision.risk);
            self.reason(Reason::new(ReasonCode::RiskHinted, text).with_detail(hint.as_str()));
            self.decision.risk = hint;
        }
        let slot = self.policy.schema().members.risk;
        if let Some(place) = self.inputs.get_mut(slot.index()) {
            *place = self.decision.risk.into();
        }
    }

    /// Step 4: any forbid that matches or fails ends it.
    fn forbidden(&mut self) -> bool {
        let (mut found, mut named) = (false, 0);
        for rule in self.candidates.pick(Kind::Forbid, &self.policy.rules().forbids) {
            match self.matches(rule) {
                Match::Yes => {
                    let reason = because(ReasonCode::Forbidden, rule, "it is forbidden");
                    self.name_one_of(rule, &mut named, Some(reason));
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

    fn challenge(&mut self, rules: &[&Rule], needs: Vec<Need>) {
        for rule in rules {
            self.name(rule);
            let text = "it would go on with what is missing";
            self.reason(Reason::of_rule(ReasonCode::NeedsMissing, &rule.id, text));
        }
        self.decision.missing = needs;
        self.decision.effect = Effect::Challenge;
    }

    /// Names a rule of a kind of which any number may match, and says why it matters. Past the first, rules are
    /// counted; what they oblige the host to is owed all the same.
    fn name_one_of(&mut self, rule: &Rule, named: &mut usize, reason: Option<Reason>) {
        *named = named.saturating_add(1);
        if *named > limits::RULES_NAMED {
            self.decision.left_out = self.decision.left_out.saturating_add(1);
            self.decision.obligations.extend_from_slice(&rule.obligations);
            return;
        }
        self.name(rule);
        reason.into_iter().for_each(|reason| self.reason(reason));
    }

    /// Names a rule that decides, with what it obliges the host to.
    fn name(&mut self, rule: &Rule) {
        self.decision.rules.push(rule.id.clone());
        self.decision.obligations.extend_from_slice(&rule.obligations);
    }

    /// Denies what would be allowed with an obligation that nobody promised to fulfil.
    fn oblige(&mut self) {
        self.decision.sort_obligations();
        if !matches!(self.decision.effect, Effect::Allow | Effect::Review) {
            return;
        }
        let Err(reason) = self.fulfilled(&self.decision.obligations) else { return };
        self.decision.close(reason);
    }

    /// Says which of some obligations the host does not fulfil.
    fn fulfilled(&self, obligations: &[Obligation]) -> Result<(), Reason> {
        let missing = obligations.iter().find(|obligation| !self.policy.is_fulfilled(obligation.kind()));
        if let Some(obligation) = missing {
            let kind = quote(obligation.kind());
            let text = format!("the host does not say that it fulfils `{kind}`");
            return Err(Reason::new(ReasonCode::ObligationUnsupported, text).with_detail(kind));
        }
        fits(obligations)
    }

    fn matches(&self, rule: &Rule) -> Match {
        if rule.window.as_ref().is_some_and(|window| !window.contains(self.clock)) {
            return Match::No;
        }
        match rule.when.test(&self.inputs) {
            Ok(true) => Match::Yes,
            Ok(false) => Match::No,
            Err(failure) => Match::Failed(failure),
        }
    }

    /// Names a rule that failed, and whether it decides by that. What it obliges to is owed all the same. One unknown fact may fail every rule there
    /// is; a record has no room for all of them.
    fn failed(&mut self, rule: &Rule, failure: &Failure, decides: bool) {
        self.failures = self.failures.saturating_add(1);
        if decides {
            self.decision.obligations.extend_from_slice(&rule.obligations);
        }
        if self.failures > limits::FAILURES_NAMED {
            return;
        }
        if decides {
            self.decision.rules.push(rule.id.clone());
        }
        let detail = self.describe(failure);
        let text = format!("it could not be evaluated: {detail}");
        self.reason(Reason::of_rule(ReasonCode::RuleFailed, &rule.id, text).with_detail(detail));
    }

    fn describe(&self, failure: &Failure) -> String {
        match failure {
            Failure::Unknown { slot } => {
                let path = self.policy.schema().environment.path(*slot).unwrap_or("a fact");
                format!("`{path}` is unknown")
            }
            other => other.to_string(),
        }
    }

    fn reason(&mut self, reason: Reason) {
        self.decision.reasons.push(reason);
    }

    /// Says why a rule does not let it in. There may be as many as rules, so that only the first are kept.
    fn aside(&mut self, rule: &Rule, reason: Reason) {
        self.explained |= explains(reason.code());
        self.asides = self.asides.saturating_add(1);
        if self.asides > limits::REASONS_NAMED {
            self.decision.left_out = self.decision.left_out.saturating_add(1);
        } else {
            self.reason(reason.with_rule(&rule.id));
        }
    }
}

/// Says whether a reason by itself explains a Deny.
fn explains(code: ReasonCode) -> bool {
    matches!(
        code,
        ReasonCode::Forbidden
            | ReasonCode::DurationTooShort
            | ReasonCode::DurationTooLong
            | ReasonCode::AmbiguousReview
            | ReasonCode::StartTooLate
            | ReasonCode::ExtensionRefused
            | ReasonCode::OutsideWindow
            | ReasonCode::ObligationUnsupported
    )
}

fn above(risk: Risk, ceiling: Risk, whose: &str) -> Reason {
    let text = format!("the risk is {risk}, {whose} ceiling is {ceiling}");
    Reason::new(ReasonCode::RiskAboveZone, text).with_detail(ceiling.as_str())
}

fn because(code: ReasonCode, rule: &Rule, otherwise: &'static str) -> Reason {
    Reason::of_rule(code, &rule.id, rule.because.clone().map_or(otherwise.into(), Sentence::from))
}
