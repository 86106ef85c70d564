//! Which seats a vote could take.
//!
//! A seat is a leaf of a stage. Whom it admits is a condition over the approver, the vote and the request;
//! beside it stand a comment, a sign-in, an age and hours. A condition that fails admits nobody. What a
//! delegate votes is judged by the delegator's attributes; neither of them may be excluded.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::cast::Cast;
use super::plan::Plan;
use super::progress::StageProgress;
use super::quorum::bit;
use super::vote::{Verdict, VoteKind};
use crate::cel::{Input, Program};
use crate::policy::schema::FactValues;
use crate::policy::{AuthSpec, Leaf, ReviewRule, Stage, Veto};
use crate::request::{Auth, Request, Subject};

/// The request that a plan is for, with its facts, at a time.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) request: &'a Request,
    pub(super) facts: &'a FactValues,
    pub(super) now: DateTime<Utc>,
}

/// A plan, ready to hold votes against.
#[derive(Debug)]
pub(super) struct Bench<'a> {
    plan: &'a Plan,
    about: About<'a>,
    /// What every condition reads of the request; `None` where it does not fit the vocabulary.
    inputs: Option<Vec<Input<'a>>>,
    /// The same for every further resource of the request.
    elsewhere: Vec<Vec<Input<'a>>>,
}

/// Why somebody whom a condition admits has no seat.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Obstacle {
    Excluded,
    StepUp(AuthSpec),
    Hours(Option<DateTime<Utc>>),
}

impl<'a> Bench<'a> {
    pub(super) fn new(plan: &'a Plan, about: About<'a>) -> Self {
        let on = |resource| {
            let inputs = plan.policy().schema().inputs_on(about.request, resource, about.facts, about.now);
            inputs.ok().map(|inputs| inputs.to_vec())
        };
        let mut resources = about.request.resources();
        let inputs = resources.next().and_then(on);
        let elsewhere: Option<Vec<_>> = resources.map(on).collect();
        match elsewhere {
            Some(elsewhere) => Self { plan, about, inputs, elsewhere },
            None => Self { plan, about, inputs: None, elsewhere: Vec::new() },
        }
    }

    /// Says whether a vote has a seat in a stage of a review, or may veto it.
    ///
    /// # Errors
    ///
    /// What keeps away somebody whom a condition admits.
    pub(super) fn seat(
        &self,
        rule: &ReviewRule,
        stage: &Stage,
        progress: &StageProgress,
        cast: &Cast,
    ) -> Result<bool, Obstacle> {
        if !rule.allow_self && is_own(self.about.request, cast) {
            return Ok(false);
        }
        let Some(inputs) = self.inputs(cast.acting_for(), cast) else { return Ok(false) };
        let rejects = cast.verdict == Verdict::Reject;
        let mut vetoes = rule.veto.iter().flatten().filter(|_| rejects);
        let mut seated = vetoes.any(|veto| self.vetoes(veto, cast));
        let mut obstacle = None;
        if cast.verdict == Verdict::Approve || (rejects && rule.veto.is_none()) {
            for (leaf, is_open) in stage.leaves_with_fallback() {
                if (is_open || progress.fallback) && self.admits(leaf, stage, progress, cast, &inputs) {
                    match obstacle_at(leaf, cast) {
                        None => seated = true,
                        Some(found) => obstacle = obstacle.or(Some(found)),
                    }
                }
            }
        }
        if (seated || obstacle.is_some()) && self.excludes(rule, cast) {
            return Err(Obstacle::Excluded);
        }
        match obstacle {
            Some(found) if !seated => Err(found),
            _ => Ok(seated),
        }
    }

    /// Makes a slate on which the inputs of one vote after the other are written.
    pub(super) fn slate(&self) -> Option<Vec<Input<'_>>> {
        self.inputs.clone()
    }

    /// Finds the leaves of a stage for which an approval counts now, as bits in the order of the leaves. What
    /// stood on the slate is written over.
    pub(super) fn fits<'v>(
        &'v self,
        rule: &ReviewRule,
        stage: &Stage,
        progress: &StageProgress,
        cast: &'v Cast,
        slate: &mut [Input<'v>],
    ) -> u64 {
        self.plan.policy().schema().add_vote(slate, cast.voting(cast.acting_for()));
        let inputs = &*slate;
        if self.excludes(rule, cast) {
            return 0;
        }
        let mut fits = 0;
        for (place, (leaf, is_open)) in stage.leaves_with_fallback().enumerate() {
            let counts = (is_open || progress.fallback)
                && (!leaf.comment || cast.has_comment())
                && leaf.fresh.is_none_or(|fresh| is_within(cast.at, self.about.now, fresh))
                && obstacle_at(leaf, cast).is_none()
                && self.admits(leaf, stage, progress, cast, inputs);
            if counts {
                fits |= bit(place);
            }
        }
        fits
    }

    /// Finds the leaves of a stage, its fallback included, that one of several votes could fill if its caster
    /// brought what is demanded, after every escalation.
    pub(super) fn could_fit(&self, rule: &ReviewRule, stage: &Stage, casts: &[Cast]) -> u64 {
        let late = StageProgress { escalated: stage.escalate.len(), ..StageProgress::default() };
        let mut fits = 0;
        for cast in casts.iter().filter(|cast| !self.excludes(rule, cast)) {
            let Some(inputs) = self.inputs(cast.acting_for(), cast) else { continue };
            for (place, (leaf, _)) in stage.leaves_with_fallback().enumerate() {
                if self.admits(leaf, stage, &late, cast, &inputs) {
                    fits |= bit(place);
                }
            }
        }
        fits
    }

    /// Says whether a rejection counts for a veto.
    pub(super) fn vetoes(&self, veto: &Veto, cast: &Cast) -> bool {
        let who = cast.acting_for();
        self.inputs(who, cast).is_some_and(|inputs| veto.from.test(&inputs) == Ok(true))
            || self.elsewhere(who, cast).any(|inputs| veto.from.test(&inputs) == Ok(true))
    }

    /// Says whether somebody never counts: whoever asked, whoever is behind them, whom the rule excludes.
    fn excludes(&self, rule: &ReviewRule, cast: &Cast) -> bool {
        if !rule.allow_self && is_own(self.about.request, cast) {
            return true;
        }
        let Some(exclude) = &rule.exclude else { return false };
        let mut people = cast.delegator.iter().chain([&cast.approver]);
        people.any(|who| {
            self.inputs(who, cast).is_none_or(|inputs| exclude.test(&inputs) != Ok(false))
                || self.elsewhere(who, cast).any(|inputs| exclude.test(&inputs) != Ok(false))
        })
    }

    /// Says whether a leaf is for a vote, by its own condition or by one that an escalation added. A forced
    /// vote is for conditions that know of forced votes.
    fn admits(
        &self,
        leaf: &Leaf,
        stage: &Stage,
        progress: &StageProgress,
        cast: &Cast,
        inputs: &[Input<'_>],
    ) -> bool {
        let kind = self.plan.policy().schema().members.vote_kind;
        let knows =
            |program: &Program| cast.kind != VoteKind::Force || program.slots().any(|slot| slot == kind);
        let added = stage.escalate.iter().take(progress.escalated).map(|step| &step.add);
        let mut programs = std::iter::once(&leaf.from).chain(added);
        let who = cast.acting_for();
        programs.any(|program| {
            knows(program)
                && program.test(inputs) == Ok(true)
                && self.elsewhere(who, cast).all(|inputs| program.test(&inputs) == Ok(true))
        })
    }

    /// What conditions read of each further resource: who approves may approve for all of them, and who vetoes
    /// one vetoes all.
    fn elsewhere<'v>(&'v self, who: &'v Subject, cast: &'v Cast) -> impl Iterator<Item = Vec<Input<'v>>> {
        self.elsewhere.iter().map(move |inputs| {
            let mut inputs: Vec<Input<'v>> = inputs.clone();
            self.plan.policy().schema().add_vote(&mut inputs, cast.voting(who));
            inputs
        })
    }

    fn inputs<'v>(&'v self, who: &'v Subject, cast: &'v Cast) -> Option<Vec<Input<'v>>> {
        let mut inputs: Vec<Input<'v>> = self.inputs.clone()?;
        self.plan.policy().schema().add_vote(&mut inputs, cast.voting(who));
        Some(inputs)
    }
}

/// Says whether a vote is the requester's, or of somebody on whose behalf they act.
pub(super) fn is_own(request: &Request, cast: &Cast) -> bool {
    [Some(&cast.approver), cast.delegator.as_ref()]
        .into_iter()
        .flatten()
        .any(|person| request.is_from(person))
}

/// What a leaf demands beside its condition, where a vote lacks it.
fn obstacle_at(leaf: &Leaf, cast: &Cast) -> Option<Obstacle> {
    if let Some(wanted) =
        leaf.auth.as_deref().filter(|wanted| !signed_in(wanted, cast.auth.as_ref(), cast.at))
    {
        return Some(Obstacle::StepUp(wanted.clone()));
    }
    let shut = leaf.within.iter().filter(|window| !window.contains(cast.at));
    let mut opens = shut.map(|window| window.next_opening(cast.at)).peekable();
    opens.peek()?;
    Some(Obstacle::Hours(opens.collect::<Option<Vec<_>>>().and_then(|times| times.into_iter().max())))
}

fn signed_in(wanted: &AuthSpec, auth: Option<&Auth>, at: DateTime<Utc>) -> bool {
    auth.is_some_and(|auth| {
        let method = wanted.methods.is_empty() || auth.methods.iter().any(|m| wanted.methods.contains(m));
        let class =
            wanted.classes.is_empty() || auth.class.as_ref().is_some_and(|c| wanted.classes.contains(c));
        method && class && wanted.within.map_or(auth.time <= at, |within| is_within(auth.time, at, within))
    })
}

/// Says whether a time lies in the given span before another one.
pub(super) fn is_within(time: DateTime<Utc>, now: DateTime<Utc>, span: Duration) -> bool {
    let age = now.signed_duration_since(time);
    age >= TimeDelta::zero() && TimeDelta::from_std(span).is_ok_and(|span| age <= span)
}
