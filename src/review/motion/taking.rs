//! Taking a vote.
//!
//! A vote is checked from the outside in: is the review open for it, is it within bounds, is its caster attested,
//! does it ask for no more than is allowed, is there a seat. The first fault refuses it.

use std::sync::Arc;

use super::{CHANGE_BYTES, Granted, Motion, SignedTerms, Verdicts, seats_by};
use crate::grant::{Constraint, Constraints};
use crate::limits;
use crate::request::{RequestError, Source, same_person};
use crate::review::bench::{Obstacle, is_own, is_within};
use crate::review::cast::Cast;
use crate::review::change::Change;
use crate::review::court::{Court, Notes};
use crate::review::progress::later;
use crate::review::vote::{Verdict, Vote, VoteKind};
use crate::review::{ReviewState, Track, VoteError};

impl Motion {
    /// Takes a vote. What the approver signed has been verified.
    ///
    /// # Errors
    ///
    /// Why it does not count.
    pub(crate) fn vote(
        &mut self,
        vote: &Vote,
        signed: Option<SignedTerms>,
    ) -> Result<Option<Granted>, VoteError> {
        let person = || vote.approver.reference();
        self.is_open_for(vote)?;
        let narrowed = vote.check()?;
        for subject in [Some(&vote.approver), vote.delegator.as_ref()].into_iter().flatten() {
            if subject.source() != Source::Attested {
                return Err(VoteError::NotAttested { approver: subject.reference() });
            }
        }
        let mut cast = Cast::of(vote, narrowed, self.now);
        let judges = matches!(vote.verdict, Verdict::Approve | Verdict::Reject);
        if cast.delegator.is_some() && (same_person(&cast.person, &cast.authority) || !judges) {
            return Err(VoteError::OwnDelegate { approver: person() });
        }
        self.is_named_alike(&cast)?;
        if vote.verdict == Verdict::Comment || vote.kind == VoteKind::Advisory {
            return self.remark(cast);
        }
        if vote.verdict == Verdict::Withdraw {
            return self.take_back(cast);
        }
        if vote.verdict == Verdict::Approve {
            self.narrow(&mut cast, signed)?;
        }
        let (courts, mut notes) = (self.courts(), Notes::default());
        let (stages, obstacle) = seats_by(&courts, &self.review, &cast);
        // The votes that stay are not judged twice.
        courts.iter().for_each(|court| court.note(&mut notes));
        drop(courts);
        self.notes = notes;
        cast.stages = stages;
        if cast.stages.iter().all(Option::is_none) {
            return Err(self.refusal(&cast, obstacle));
        }
        if self.review.votes.iter().any(|old| old.says(&cast) && self.still_counts_as(old, &cast)) {
            return Err(VoteError::Duplicate { approver: person() });
        }
        let bytes = cast.to_record().to_string().len();
        if bytes > CHANGE_BYTES {
            let (path, limit) = ("vote".to_owned(), CHANGE_BYTES);
            return Err(RequestError::OutOfBounds { path, found: bytes, unit: "bytes", limit }.into());
        }
        let stay = self.review.votes.iter().filter(|old| old.stays_beside(&cast)).count();
        if stay >= limits::VOTES {
            return Err(VoteError::TooManyVotes);
        }
        self.make(Change::Voted(Arc::new(cast)));
        self.settle()
    }

    fn is_open_for(&self, vote: &Vote) -> Result<(), VoteError> {
        let review = &self.review;
        let revokes = review.state == ReviewState::Approved
            && review.revokes()
            && vote.verdict == Verdict::Withdraw
            && review.grant_end().is_some_and(|end| self.now < end);
        if !review.state.is_pending() && !revokes {
            return Err(VoteError::Closed { state: review.state });
        }
        if review.state == ReviewState::Open && self.now >= review.expires_at {
            return Err(VoteError::Closed { state: ReviewState::Expired });
        }
        Ok(())
    }

    /// Refuses somebody who would be two people by a tenant that is stated once and left out once.
    fn is_named_alike(&self, cast: &Cast) -> Result<(), VoteError> {
        let known = self.review.votes.iter().flat_map(|old| [&old.person, &old.authority]);
        for known in known {
            let other = [&cast.person, &cast.authority]
                .into_iter()
                .find(|name| *name != known && same_person(name, known));
            if let Some(name) = other {
                return Err(VoteError::TenantUnclear { approver: name.clone(), known: known.clone() });
            }
        }
        Ok(())
    }

    fn remark(&mut self, cast: Cast) -> Result<Option<Granted>, VoteError> {
        if cast.verdict == Verdict::Comment && !cast.has_comment() {
            return Err(VoteError::EmptyComment);
        }
        if self.review.comments.len() >= limits::REMARKS {
            return Err(VoteError::TooManyComments);
        }
        self.make(Change::Commented(Arc::new(cast)));
        Ok(None)
    }

    /// Takes votes back. After the approval the grant is revoked unless the others suffice.
    fn take_back(&mut self, cast: Cast) -> Result<Option<Granted>, VoteError> {
        let approver = cast.person.clone();
        if !self.review.votes.iter().any(|old| old.is_of(&approver)) {
            return Err(VoteError::NothingToWithdraw { approver });
        }
        let taken = Change::Voted(Arc::new(cast));
        if self.review.state != ReviewState::Approved {
            self.make(taken);
            return self.settle();
        }
        let before = self.review.clone();
        self.review.apply(&taken, self.now);
        let holds = matches!(self.judge(&self.courts()), Verdicts::Approved(_));
        self.review = before;
        if !holds {
            // It comes first: a torn write must not lose it and keep the withdrawal.
            self.make(Change::Revoked { by: approver });
        }
        self.make(taken);
        Ok(None)
    }

    /// Checks that a vote allows no more than is allowed already, and takes what its caster signed into it.
    fn narrow(&self, cast: &mut Cast, signed: Option<SignedTerms>) -> Result<(), VoteError> {
        let (review, may) = (&self.review, self.review.may());
        let Some(terms) = review.terms() else { return Ok(()) };
        let least = review.tracks.iter().map(|track| track.plan.least()).max().unwrap_or_default();
        if let Some(at_most) = cast.at_most {
            if !may.shorten || at_most < least {
                return Err(VoteError::MayNotShorten);
            }
            if at_most > terms.duration {
                return Err(VoteError::Widens { at_most, asked: terms.duration });
            }
        }
        if let Some(start) = cast.not_before {
            if !may.start_later {
                return Err(VoteError::MayNotStartLater);
            }
            let earliest = terms.start.map_or(self.now, |asked| asked.max(self.now));
            if start < earliest {
                return Err(VoteError::StartsEarlier { start, earliest });
            }
            if later(self.now, limits::LONGEST_SPAN).is_none_or(|latest| start > latest) {
                return Err(RequestError::Year { path: "vote.not_before".to_owned() }.into());
            }
        }
        if !cast.narrowed.is_empty() && !may.narrow {
            return Err(VoteError::MayNotNarrow);
        }
        if let Some(signed) = signed {
            let uses = terms.max_uses.and_then(|uses| i64::try_from(uses).ok());
            if !may.narrow && (!signed.constraints.is_empty() || uses.is_some_and(|uses| signed.uses < uses))
            {
                return Err(VoteError::MayNotNarrow);
            }
            let end =
                later(self.now, terms.duration).map(|end| terms.until.map_or(end, |until| end.min(until)));
            let whole = end.is_some_and(|end| signed.not_after >= end);
            if !may.shorten && !whole {
                return Err(VoteError::MayNotShorten);
            }
            let mut of = signed.constraints;
            of.set(Constraint::MaxUses, signed.uses.into()).map_err(VoteError::Narrowing)?;
            cast.narrowed.narrow(&of).map_err(widens)?;
            cast.not_after = Some(signed.not_after);
        }
        let mut allowed = Constraints::default();
        if let Some(uses) = terms.max_uses.filter(|_| cast.signature.is_none()) {
            allowed.set(Constraint::MaxUses, uses.into()).map_err(VoteError::Narrowing)?;
        }
        if let Some(constraint) = cast.narrowed.exceeds(&allowed) {
            return Err(widens(constraint));
        }
        let others = review.votes.iter().filter(|other| other.person != cast.person);
        let mut joined = cast.narrowed.clone();
        others.map(|other| &other.narrowed).try_for_each(|other| joined.narrow(other).map_err(widens))
    }

    /// Says whether an old vote counts for everything for which the same vote would count now.
    fn still_counts_as(&self, old: &Cast, new: &Cast) -> bool {
        let review = &self.review;
        let refresh = review.tracks.iter().map(|track| track.plan.refresh()).min().unwrap_or_default();
        let counts = |cast: &Cast| -> Vec<u64> {
            let of = |(court, track): (Court<'_>, &Track)| {
                let reviews = track.plan.reviews().iter().zip(&track.progress).enumerate();
                let fits = reviews.map(|(index, (rule, progress))| {
                    let seat = cast.seat(track.first.saturating_add(index));
                    let stage = seat.and_then(|seat| Some((rule.stages.get(seat)?, progress.of(seat))));
                    let slate = court.bench().slate();
                    stage.zip(slate).map_or(0, |((stage, state), mut slate)| {
                        court.bench().fits(rule, stage, &state, cast, &mut slate)
                    })
                });
                fits.collect::<Vec<_>>()
            };
            review.courts(self.now).zip(&review.tracks).flat_map(of).collect()
        };
        is_within(old.attested_at, self.now, refresh) && counts(old) == counts(new)
    }

    fn refusal(&self, cast: &Cast, obstacle: Option<Obstacle>) -> VoteError {
        let approver = cast.person.clone();
        match obstacle {
            _ if is_own(&self.review.request, cast) => VoteError::OwnRequest { approver },
            Some(Obstacle::Excluded) => VoteError::Excluded { approver },
            Some(Obstacle::StepUp(wanted)) => {
                VoteError::StepUp { approver, accepts: wanted.methods, within: wanted.within }
            }
            Some(Obstacle::Hours(opens_at)) => VoteError::OutsideHours { approver, opens_at },
            None => VoteError::NotEligible { approver },
        }
    }
}

fn widens(constraint: Constraint) -> VoteError {
    VoteError::WidensConstraint { constraint: constraint.as_str() }
}
