//! What the votes amount to, under one plan.
//!
//! Every approval is held against every leaf of its stage; then distinct people, and the distinct authorities
//! for which they act, are matched to seats. Reviews of a plan share their people unless one is `separate`.
//! What is satisfied is computed from the votes alone, so that a withdrawal undoes exactly what it carried.

use std::cell::OnceCell;
use std::sync::Arc;

use super::Track;
use super::bench::{About, Bench, is_within};
use super::cast::Cast;
use super::plan::Plan;
use super::quorum::{Demand, Filled, VOTERS, bit, bits, fill, search};
use super::vote::{Verdict, VoteKind};
use crate::policy::{Approve, ReviewRule};

/// Votes under one plan.
#[derive(Debug)]
pub(super) struct Court<'a> {
    plan: &'a Plan,
    votes: &'a [Arc<Cast>],
    voters: Voters,
    bench: Bench<'a>,
    /// The leaves that each vote fits, for each review.
    fits: Vec<Vec<u64>>,
    /// The seats of each stage of each review; `None` for a stage that was passed over.
    demands: Vec<Vec<Option<Demand>>>,
    /// Who fills all seats of each review, once it was looked for.
    filled: Vec<OnceCell<Option<Vec<usize>>>>,
    /// The place of the first review among those of all plans.
    first: usize,
}

/// What courts found of votes at one time, as long as no plan and no stage has changed.
#[derive(Debug, Default)]
pub(super) struct Notes {
    votes: Vec<Arc<Cast>>,
    /// The leaves that each vote fits, for each review of each plan.
    fits: Vec<Vec<u64>>,
}

impl Notes {
    /// Finds votes among those of which something is known.
    fn places(&self, votes: &[Arc<Cast>]) -> Vec<Option<usize>> {
        let place = |cast: &Arc<Cast>| self.votes.iter().position(|known| Arc::ptr_eq(known, cast));
        votes.iter().map(place).collect()
    }
}

/// What the votes amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    Pending,
    /// Approved by these votes, by their place in the list.
    Approved(Vec<usize>),
    Rejected,
}

/// Who is one voter: people who act for themselves alone are one, whatever they vote; every vote that is
/// delegated or automatic, or whose person another one acts for, is one of its own.
#[derive(Debug)]
struct Voters {
    /// The voter of each vote.
    of: Vec<usize>,
    /// Voters of whom one counts at most, because they share a person.
    exclusive: Vec<u64>,
}

impl<'a> Court<'a> {
    /// Holds all votes against all seats. With `fresh`, only approvals of people of whom the host attested
    /// something lately are heard. What an earlier court found of the same votes is taken from its notes.
    pub(super) fn of(
        track: &'a Track,
        votes: &'a [Arc<Cast>],
        about: About<'a>,
        fresh: bool,
        notes: &Notes,
    ) -> Self {
        let Track { plan, progress, first, .. } = track;
        let first = *first;
        let bench = Bench::new(plan, about);
        let refresh = plan.refresh();
        let heard = |cast: &Cast| !fresh || is_within(cast.attested_at, about.now, refresh);
        let voters = Voters::of(votes);
        let mut slate = bench.slate();
        let (mut demands, mut fits) =
            (Vec::with_capacity(progress.len()), Vec::with_capacity(progress.len()));
        let before = notes.places(votes);
        for (index, (rule, progress)) in plan.reviews().iter().zip(progress).enumerate() {
            let place = first.saturating_add(index);
            // Who could fill each leaf of each stage.
            let mut leaves: Vec<[u64; LEAVES]> = vec![[0; LEAVES]; rule.stages.len()];
            let mut found: Vec<u64> = vec![0; votes.len()];
            let noted = notes.fits.get(place);
            for (((cast, voter), fit), before) in votes.iter().zip(&voters.of).zip(&mut found).zip(&before) {
                let Some(seat) = cast.seat(place).filter(|_| cast.verdict == Verdict::Approve) else {
                    continue;
                };
                let (Some(stage), Some(leaves)) = (rule.stages.get(seat), leaves.get_mut(seat)) else {
                    continue;
                };
                if !heard(cast) || progress.of(seat).skipped {
                    continue;
                }
                let Some(slate) = &mut slate else { continue };
                let noted = before.and_then(|before| noted?.get(before).copied());
                *fit = noted.unwrap_or_else(|| bench.fits(rule, stage, &progress.of(seat), cast, slate));
                for leaf in bits(*fit) {
                    if let Some(leaf) = leaves.get_mut(leaf) {
                        *leaf |= bit(*voter);
                    }
                }
            }
            let stages = rule.stages.iter().zip(&leaves).enumerate();
            let stages = stages.map(|(place, (stage, voters))| {
                let state = progress.of(place);
                let mut voters = voters.iter().copied();
                let usual = demand(&stage.approve, &mut voters);
                let wanted = match stage.fallback.as_ref().filter(|_| state.fallback) {
                    Some(fallback) => {
                        Demand::AtLeast { count: 1, of: vec![usual, demand(fallback, &mut voters)] }
                    }
                    None => usual,
                };
                (!state.skipped).then_some(wanted)
            });
            demands.push(stages.collect());
            fits.push(found);
        }
        drop(slate);
        let filled = vec![OnceCell::new(); demands.len()];
        Self { plan, votes, voters, bench, fits, demands, filled, first }
    }

    /// Adds what was found of each vote to notes.
    pub(super) fn note(&self, notes: &mut Notes) {
        if notes.votes.is_empty() {
            notes.votes = self.votes.to_vec();
        }
        notes.fits.extend_from_slice(&self.fits);
    }

    pub(super) fn bench(&self) -> &Bench<'a> {
        &self.bench
    }

    /// Finds the stage of a review that takes votes: the first whose seats, with those of all before it, are
    /// not filled. It is the number of stages where all are.
    pub(super) fn stage(&self, review: usize) -> usize {
        let Some(stages) = self.demands.get(review) else { return 0 };
        let mut met = Vec::new();
        let last = stages.iter().rposition(Option::is_some);
        for (place, stage) in stages.iter().enumerate() {
            let Some(demand) = stage else { continue };
            if Some(place) == last {
                return if self.filled(review).is_some() { stages.len() } else { place };
            }
            met.push(demand.clone());
            if fill(&met, &self.voters.exclusive).is_none() {
                return place;
            }
        }
        stages.len()
    }

    /// Finds who fills all seats of a review.
    fn filled(&self, review: usize) -> Option<&Vec<usize>> {
        let find = || fill(&self.seats(review), &self.voters.exclusive);
        self.filled.get(review)?.get_or_init(find).as_ref()
    }

    /// Lists how many people each leaf of a stage takes and who could sit there, those of the fallback last.
    pub(super) fn leaves(&self, review: usize, stage: usize) -> Vec<(usize, u64)> {
        let mut leaves = Vec::new();
        let demand = self.demands.get(review).and_then(|stages| stages.get(stage)?.as_ref());
        if let Some(demand) = demand {
            flatten(demand, &mut leaves);
        }
        leaves
    }

    /// Judges the votes.
    pub(super) fn judge(&self) -> Judgement {
        let ones: Vec<Option<Judgement>> = (0..self.demands.len()).map(|review| self.one(review)).collect();
        let judged =
            |review: &usize| ones.get(*review).and_then(Option::as_ref).unwrap_or(&Judgement::Rejected);
        let lost = |group: &Vec<usize>| group.iter().all(|review| *judged(review) == Judgement::Rejected);
        if self.plan.groups.iter().any(lost) {
            return Judgement::Rejected;
        }
        let approving = |group: &Vec<usize>| -> Vec<usize> {
            let approves = |review: &&usize| matches!(judged(review), Judgement::Approved(_));
            group.iter().filter(approves).copied().collect()
        };
        let choices: Vec<Vec<usize>> = self.plan.groups.iter().map(approving).collect();
        if choices.iter().any(Vec::is_empty) {
            return Judgement::Pending;
        }
        if !self.plan.reviews().iter().any(|rule| rule.separate) {
            let chosen = choices.iter().filter_map(|group| group.first());
            return self.approved(chosen.map(|review| match judged(review) {
                Judgement::Approved(voters) => voters.clone(),
                _ => Vec::new(),
            }));
        }
        let mut tried = 0_usize;
        for chosen in Choices::of(&choices) {
            tried = tried.saturating_add(1);
            if tried > CHOICES {
                break;
            }
            if let Some(voters) = self.apart(&chosen) {
                return self.approved([voters]);
            }
        }
        Judgement::Pending
    }

    /// Names the votes of voters.
    fn approved(&self, voters: impl IntoIterator<Item = Vec<usize>>) -> Judgement {
        let voters: Vec<usize> = voters.into_iter().flatten().collect();
        let votes = self.votes.iter().zip(&self.voters.of).enumerate();
        let counted = |(cast, voter): (&Arc<Cast>, &usize)| {
            cast.verdict == Verdict::Approve
                && voters.contains(voter)
                && cast.stages.iter().skip(self.first).take(self.demands.len()).any(Option::is_some)
        };
        let places = votes.filter(|(_, vote)| counted(*vote)).map(|(place, _)| place).collect::<Vec<_>>();
        // Nobody is no quorum, however it comes about.
        if places.is_empty() { Judgement::Pending } else { Judgement::Approved(places) }
    }

    fn one(&self, review: usize) -> Option<Judgement> {
        let rule = self.plan.reviews().get(review)?;
        match self.blocked(rule, review) {
            Some(true) => return Some(Judgement::Rejected),
            Some(false) => return Some(Judgement::Pending),
            None => {}
        }
        let voters = self.filled(review).filter(|voters| !voters.is_empty()).cloned();
        Some(voters.map_or(Judgement::Pending, Judgement::Approved))
    }

    /// Says whether rejections end the review (`true`) or block it until one is taken back (`false`).
    fn blocked(&self, rule: &ReviewRule, review: usize) -> Option<bool> {
        let place = self.first.saturating_add(review);
        let rejections = || {
            let votes = self.votes.iter().zip(&self.voters.of);
            votes.filter(move |(cast, _)| cast.verdict == Verdict::Reject && cast.seat(place).is_some())
        };
        let Some(vetoes) = &rule.veto else {
            return rejections().next().map(|_| true);
        };
        let met = vetoes.iter().filter_map(|veto| {
            let of = rejections().filter(|(cast, _)| self.bench.vetoes(veto, cast));
            let voters = of.fold(0, |all, (_, voter)| all | bit(*voter));
            match search(&[Demand::Leaf { count: veto.count, voters }], &self.voters.exclusive) {
                Filled::By(_) => Some(veto.is_final),
                // It may stand: nothing is approved over it, and nothing is rejected for it.
                Filled::Unknown => Some(false),
                Filled::No => None,
            }
        });
        met.max()
    }

    fn seats(&self, review: usize) -> Vec<Demand> {
        self.demands.get(review).into_iter().flatten().flatten().cloned().collect()
    }

    /// Finds voters for reviews of which some are separate: whoever counts in one of those counts in no other.
    fn apart(&self, reviews: &[usize]) -> Option<Vec<usize>> {
        let is_separate = |review: &usize| self.plan.reviews().get(*review).is_some_and(|rule| rule.separate);
        let (separate, sharing): (Vec<usize>, Vec<usize>) =
            reviews.iter().partition(|review| is_separate(review));
        let of =
            |reviews: &[usize]| reviews.iter().flat_map(|review| self.seats(*review)).collect::<Vec<_>>();
        let all = of(&[separate.clone(), sharing.clone()].concat());
        let everybody_apart = fill(&all, &self.voters.exclusive);
        if everybody_apart.is_some() || sharing.len() < 2 {
            return everybody_apart;
        }
        // Those who share may be fewer: try every way to divide the voters who could sit on either side.
        let (apart, shared) = (of(&separate), of(&sharing));
        let either = reach(&apart) & reach(&shared);
        let mut side = either;
        for _ in 0..SIDES {
            let sitting = fill(&within(&apart, side | !either), &self.voters.exclusive);
            if let Some(mut voters) = sitting {
                let taken = voters.iter().fold(0, |all, voter| all | bit(*voter));
                let bound = |set: &u64| if set & taken == 0 { 0 } else { *set };
                let taken = taken | self.voters.exclusive.iter().map(bound).fold(0, |all, set| all | set);
                let filled =
                    |review: &usize| fill(&within(&self.seats(*review), !taken), &self.voters.exclusive);
                if let Some(others) = sharing.iter().map(filled).collect::<Option<Vec<_>>>() {
                    voters.extend(others.concat());
                    return Some(voters);
                }
            }
            if side == 0 {
                return None;
            }
            side = side.wrapping_sub(1) & either;
        }
        None
    }
}

impl Voters {
    fn of(votes: &[Arc<Cast>]) -> Self {
        let shared: Vec<&Cast> = votes.iter().map(AsRef::as_ref).filter(|cast| !is_plain(cast)).collect();
        let alone = |cast: &Cast| is_plain(cast) && !shared.iter().any(|other| other.is_of(&cast.person));
        // Whose votes fill the seats must not depend on who voted first.
        let mut order: Vec<usize> = (0..votes.len()).collect();
        let name = |place: &usize| votes.get(*place).map(|cast| (&cast.person, &cast.authority, cast.at));
        order.sort_by(|one, other| name(one).cmp(&name(other)));
        let mut of = vec![VOTERS; votes.len()];
        let (mut count, mut last): (usize, Option<&str>) = (0, None);
        for place in order {
            let Some(cast) = votes.get(place) else { continue };
            let is_alone = alone(cast);
            if !(is_alone && last == Some(cast.person.as_str())) {
                count = count.saturating_add(1);
            }
            last = is_alone.then_some(cast.person.as_str());
            if let Some(voter) = of.get_mut(place) {
                *voter = count.saturating_sub(1);
            }
        }
        let mut exclusive = Vec::new();
        let mut bind = |shares: &dyn Fn(&Cast) -> bool| {
            let sharing = votes.iter().zip(&of).filter(|(cast, _)| shares(cast));
            let set = sharing.fold(0, |all, (_, voter)| all | bit(*voter));
            if set.count_ones() > 1 && !exclusive.contains(&set) {
                exclusive.push(set);
            }
        };
        bind(&|cast| cast.kind == VoteKind::Automatic);
        for cast in shared {
            bind(&|other| other.is_of(&cast.person));
            bind(&|other| other.is_of(&cast.authority));
        }
        Self { of, exclusive }
    }
}

/// Every way to choose one of each list.
struct Choices<'c> {
    of: &'c [Vec<usize>],
    next: Option<Vec<usize>>,
}

impl<'c> Choices<'c> {
    fn of(of: &'c [Vec<usize>]) -> Self {
        Self { of, next: Some(vec![0; of.len()]) }
    }
}

impl Iterator for Choices<'_> {
    type Item = Vec<usize>;

    fn next(&mut self) -> Option<Vec<usize>> {
        let mut digits = self.next.take()?;
        let chosen =
            self.of.iter().zip(&digits).filter_map(|(list, digit)| list.get(*digit)).copied().collect();
        for (digit, list) in digits.iter_mut().zip(self.of) {
            *digit = digit.saturating_add(1);
            if *digit < list.len() {
                self.next = Some(digits);
                return Some(chosen);
            }
            *digit = 0;
        }
        Some(chosen)
    }
}

/// Says whether a vote is a person's for themselves.
fn is_plain(cast: &Cast) -> bool {
    cast.person == cast.authority && cast.kind != VoteKind::Automatic
}

/// Writes who must approve with the voters who could fill each leaf, in the order of the leaves.
pub(super) fn demand(approve: &Approve, voters: &mut dyn Iterator<Item = u64>) -> Demand {
    match approve {
        Approve::Leaf(leaf) => Demand::Leaf { count: leaf.count, voters: voters.next().unwrap_or(0) },
        Approve::AtLeast { count, of } => {
            Demand::AtLeast { count: *count, of: of.iter().map(|part| demand(part, voters)).collect() }
        }
    }
}

fn flatten(demand: &Demand, leaves: &mut Vec<(usize, u64)>) {
    match demand {
        Demand::Leaf { count, voters } => leaves.push((*count, *voters)),
        Demand::AtLeast { of, .. } => of.iter().for_each(|part| flatten(part, leaves)),
    }
}

/// All voters who could fill any leaf.
fn reach(demands: &[Demand]) -> u64 {
    let one = |demand: &Demand| match demand {
        Demand::Leaf { voters, .. } => *voters,
        Demand::AtLeast { of, .. } => reach(of),
    };
    demands.iter().map(one).fold(0, |all, voters| all | voters)
}

/// The same demands, of these voters alone.
fn within(demands: &[Demand], allowed: u64) -> Vec<Demand> {
    let one = |demand: &Demand| match demand {
        Demand::Leaf { count, voters } => Demand::Leaf { count: *count, voters: voters & allowed },
        Demand::AtLeast { count, of } => Demand::AtLeast { count: *count, of: within(of, allowed) },
    };
    demands.iter().map(one).collect()
}

/// Leaves of one stage, its fallback included.
const LEAVES: usize = crate::limits::APPROVE_LEAVES;

/// Ways to choose the reviews of groups of which one suffices, where some are separate.
const CHOICES: usize = 256;

/// Ways to divide voters among reviews of which some are separate.
const SIDES: usize = 4_096;

/// One voter is one bit of a set.
const _: () = assert!(crate::limits::VOTES <= VOTERS);
