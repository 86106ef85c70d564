//! Opening a review, and whether anybody could ever approve it.
//!
//! Where the host names the candidates, a plan that they cannot fill is told at once instead of waiting for
//! its end, and a stage that they cannot fill goes to its fallback. Candidates are taken at their best: with a
//! comment, a signature and a fresh sign-in, at a good hour, after every escalation.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::bench::{About, Bench};
use super::cast::Cast;
use super::change::{Change, Turn};
use super::motion::Motion;
use super::plan::Plan;
use super::progress::{Progress, StageProgress, later};
use super::quorum::{Demand, VOTERS, bit, fill};
use super::{Review, ReviewState, Track, Vote};
use crate::decision::Decision;
use crate::grant::Constraints;
use crate::policy::schema::FactValues;
use crate::policy::{Approve, Policy, ReviewRule, Stage};
use crate::request::{Request, Source, Subject};

/// Why a review is not opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum OpenError {
    /// No record can hold its plan.
    Unrecordable,
    /// No candidate can approve it.
    Nobody,
}

impl Review {
    /// Opens a review for a decision that asks for one.
    ///
    /// # Errors
    ///
    /// [`OpenError::Nobody`] only where candidates are given.
    pub(crate) fn open(
        id: String,
        policy: &Policy,
        request: Request,
        decision: Decision,
        facts: FactValues,
        candidates: Option<&[Subject]>,
        now: DateTime<Utc>,
    ) -> Result<Self, OpenError> {
        let plan = Plan::of(policy, &decision.path).filter(Plan::is_recordable);
        let (Some(plan), Some(terms)) = (plan, decision.terms().cloned()) else {
            return Err(OpenError::Unrecordable);
        };
        let mut progress: Vec<Progress> =
            plan.reviews().iter().map(|rule| Progress::new(rule, now)).collect();
        if let Some(candidates) = candidates {
            ask(&plan, &mut progress, About { request: &request, facts: &facts, now }, candidates)?;
        }
        let expires_at = later(now, plan.expires()).ok_or(OpenError::Unrecordable)?;
        let known = request.extended().and_then(|extended| extended.known.as_ref());
        let expires_at = known.map_or(expires_at, |known| expires_at.min(known.ends));
        let personal = policy.schema().personal.holds_action(&request);
        let policy: Arc<str> = decision.policy().into();
        Ok(Self {
            personal,
            id,
            version: 1,
            policies: vec![policy.clone()],
            request: Arc::new(request),
            decision: Arc::new(decision),
            facts: Arc::new(facts),
            tracks: vec![Track { policy, plan, terms, first: 0, progress }],
            state: ReviewState::Open,
            votes: Vec::new(),
            comments: Vec::new(),
            opened_at: now,
            opening: None,
            expires_at,
            latest: now,
            starts_at: None,
            awaited: Vec::new(),
            grant: None,
            news: Vec::new(),
        })
    }

    /// The stages that go to their fallback, by the place of their review.
    pub(crate) fn fallbacks(&self) -> Vec<(usize, usize)> {
        let progress = self.tracks.iter().flat_map(|track| &track.progress).enumerate();
        let of = |(review, progress): (usize, &Progress)| {
            let stages = progress.stages.iter().enumerate().filter(|(_, stage)| stage.fallback);
            stages.map(|(stage, _)| (review, stage)).collect::<Vec<_>>()
        };
        progress.flat_map(of).collect()
    }
}

impl Motion {
    /// Looks whether candidates can fill what is asked by now, beside those who have voted. A stage that they
    /// cannot fill goes to its fallback; a review that they cannot approve is rejected.
    pub(crate) fn look_for(&mut self, candidates: &[Subject]) {
        let review = &self.review;
        if review.state != ReviewState::Open {
            return;
        }
        let voters = review.votes.iter().map(|cast| cast.acting_for());
        let people: Vec<Subject> = candidates.iter().chain(voters).cloned().collect();
        let about = review.about(self.now());
        let (mut changes, mut nobody) = (Vec::new(), false);
        for track in &review.tracks {
            let mut progress = track.progress.clone();
            nobody |= ask(&track.plan, &mut progress, about, &people).is_err();
            let reviews = track.plan.reviews().iter().zip(track.progress.iter().zip(&progress)).enumerate();
            for (index, (rule, (old, new))) in reviews {
                let stages = old.stages.iter().zip(&new.stages).enumerate();
                changes.extend(stages.filter(|(_, (old, new))| old.fallback != new.fallback).map(
                    |(stage, _)| {
                        let review = track.first.saturating_add(index);
                        Change::FellBack(Turn { review, rule: rule.rule.id.clone(), stage })
                    },
                ));
            }
        }
        if nobody {
            self.reject(NOBODY);
        } else {
            self.make_all(changes);
        }
    }
}

/// Asks whether candidates can fill a plan, and sends stages that they cannot fill to their fallbacks.
fn ask(
    plan: &Plan,
    progress: &mut [Progress],
    about: About<'_>,
    candidates: &[Subject],
) -> Result<(), OpenError> {
    let bench = Bench::new(plan, about);
    let mut can = Vec::with_capacity(progress.len());
    for (rule, progress) in plan.reviews().iter().zip(progress) {
        let kinds = kinds(&bench, rule, candidates, about.now);
        for (place, stage) in rule.stages.iter().enumerate() {
            let usual = fill(&[demand(&stage.approve, place, 0, &kinds)], &[]).is_some();
            if let Some(state) = progress.stages.get_mut(place) {
                state.fallback |= !usual && stage.fallback.is_some() && !state.skipped;
            }
        }
        let demands = |skippable: bool| -> Vec<Demand> {
            let stages = rule.stages.iter().enumerate();
            let asked = stages.filter(|(place, stage)| {
                !progress.of(*place).skipped && (skippable || stage.skip_after.is_none())
            });
            asked.map(|(place, stage)| whole(stage, place, progress.of(place), &kinds)).collect()
        };
        // A stage that time passes over needs nobody, as long as another one is filled.
        let (all, needed) = (demands(true), demands(false));
        let filled = if needed.is_empty() {
            all.iter().any(|one| fill(std::slice::from_ref(one), &[]).is_some())
        } else {
            fill(&needed, &[]).is_some()
        };
        can.push(filled);
    }
    let possible = |group: &Vec<usize>| group.iter().any(|review| can.get(*review) == Some(&true));
    if plan.groups.iter().all(possible) { Ok(()) } else { Err(OpenError::Nobody) }
}

/// Which leaves of each stage a candidate could fill, and the voters who stand for all such candidates.
type Kinds = Vec<(Vec<u64>, u64)>;

/// Sorts candidates by what they could fill. Those who could fill the same are alike, and no more of them are
/// needed than a review takes votes; those who could fill least come first.
fn kinds(bench: &Bench<'_>, rule: &ReviewRule, candidates: &[Subject], now: DateTime<Utc>) -> Kinds {
    let mut of: BTreeMap<Vec<u64>, Vec<String>> = BTreeMap::new();
    for candidate in candidates.iter().filter(|candidate| candidate.source() == Source::Attested) {
        let casts = best_votes(candidate, now);
        let fits = rule.stages.iter().map(|stage| bench.could_fit(rule, stage, &casts));
        let fits: Vec<u64> = fits.collect();
        if fits.iter().any(|leaves| *leaves != 0) {
            let alike = of.entry(fits).or_default();
            let name = candidate.reference();
            if alike.len() < VOTERS && !alike.contains(&name) {
                alike.push(name);
            }
        }
    }
    let mut of: Vec<(Vec<u64>, usize)> = of.into_iter().map(|(fits, alike)| (fits, alike.len())).collect();
    of.sort_by_key(|(fits, _)| fits.iter().map(|leaves| leaves.count_ones()).fold(0, u32::saturating_add));
    let mut next = 0_usize;
    let number = |(fits, count): (Vec<u64>, usize)| {
        let voters = (next..next.saturating_add(count)).map(bit).fold(0, |all, voter| all | voter);
        next = next.saturating_add(count);
        (fits, voters)
    };
    of.into_iter().map(number).collect()
}

/// The votes by which a candidate could fill a leaf, whatever it demands beside its condition.
pub(super) fn best_votes(candidate: &Subject, now: DateTime<Utc>) -> Vec<Cast> {
    let said = Vote::approve(candidate.clone()).with_comment("…");
    let votes = [
        Vote::approve(candidate.clone()),
        said.clone(),
        said.clone().with_signature("…"),
        Vote::force(candidate.clone()).with_comment("…"),
    ];
    votes.iter().map(|vote| Cast::of(vote, Constraints::default(), now)).collect()
}

fn whole(stage: &Stage, place: usize, state: StageProgress, kinds: &Kinds) -> Demand {
    let usual = demand(&stage.approve, place, 0, kinds);
    match stage.fallback.as_ref().filter(|_| state.fallback) {
        Some(fallback) => {
            let first = stage.approve.leaves().count();
            Demand::AtLeast { count: 1, of: vec![usual, demand(fallback, place, first, kinds)] }
        }
        None => usual,
    }
}

fn demand(approve: &Approve, stage: usize, first: usize, kinds: &Kinds) -> Demand {
    let voters = |leaf: usize| {
        let fits =
            |(fits, _): &&(Vec<u64>, u64)| fits.get(stage).is_some_and(|leaves| leaves & bit(leaf) != 0);
        kinds.iter().filter(fits).map(|(_, voters)| voters).fold(0, |all, voters| all | voters)
    };
    super::court::demand(approve, &mut (first..).map(voters))
}

/// Why a review that nobody can approve is rejected.
const NOBODY: &str = "no candidate can approve it";
