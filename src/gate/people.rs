//! Reviews on the record: votes, time, new policies, and whoever asked.
//!
//! Each call makes one motion of a review and records its changes under the review's next version, so that of
//! two calls on one state one is stored. What people approved is decided once more before it is authorized.

use chrono::{DateTime, Utc};

use super::records::{Asked, Stamped, of_review};
use super::{Conflict, Gate, Outcome, Release, stored};
use crate::audit::{Key, Step};
use crate::decision::{self, ReasonCode};
use crate::grant::{Authorization, Claims, LogReference, QuorumError, use_root};
use crate::request::{Request, Subject};
use crate::review::{Change, Granted, Motion, Review, ReviewState, SignedTerms, Vote, VoteError};
use crate::stamp::Stamp;
use crate::text::quote;

impl Gate {
    /// Counts a vote. A vote that does not count is recorded as refused and changes nothing.
    ///
    /// If another policy decides by now, the review hears it first: what it asks for is added, and what it
    /// denies is rejected. When the quorum is there but what the host attests of somebody is too old, the
    /// outcome is the review still, and [`Review::news`] says whom to [`refresh`](Self::refresh).
    ///
    /// # Errors
    ///
    /// The step gives [`VoteError`].
    pub fn vote(&self, review: &Review, vote: Vote, stamp: Stamp) -> Step<Result<Outcome, VoteError>> {
        let at = Stamped::new(&stamp, "vote");
        match self.counted(review, &vote, &at) {
            Ok((motion, claims)) => self.moved(motion, claims, "vote", &at),
            Err(error) => {
                let drafts = vec![at.vote_refused(self.policy(), review, &vote, &error)];
                let refusal = at.refusal("vote").with_review(review.id());
                Step::new(drafts, refusal, |_| Err(error))
            }
        }
    }

    /// Takes what the host attests of voters by now, and judges again. It is for those whom
    /// [`News::NeedsFresh`](crate::News::NeedsFresh) names; others who voted may be among them.
    ///
    /// # Errors
    ///
    /// The step gives [`VoteError`].
    pub fn refresh(
        &self,
        review: &Review,
        people: Vec<Subject>,
        stamp: Stamp,
    ) -> Step<Result<Outcome, VoteError>> {
        let at = Stamped::new(&stamp, "refresh");
        let moved = Motion::new(review, self.policy(), stamp.now()).and_then(|mut motion| {
            motion.hear();
            if motion.review.state() != review.state() {
                return Ok((motion, None));
            }
            let granted = motion.refresh(people)?;
            let claims = self.fixed(&motion, granted, &at)?;
            Ok((motion, claims))
        });
        self.moved_or_refused(review, moved, "refresh", &at)
    }

    /// Takes the request back, in the name of whoever asked or of somebody on whose behalf they did.
    ///
    /// # Errors
    ///
    /// The step gives [`VoteError::NotTheRequester`], [`VoteError::NotAttested`], [`VoteError::Closed`] or a
    /// conflict.
    pub fn withdraw(&self, review: &Review, by: &Subject, stamp: Stamp) -> Step<Result<Outcome, VoteError>> {
        let at = Stamped::new(&stamp, "withdraw");
        let moved = Motion::new(review, self.policy(), stamp.now()).and_then(|mut motion| {
            motion.withdraw(by)?;
            Ok((motion, None))
        });
        self.moved_or_refused(review, moved, "withdraw", &at)
    }

    /// Asks for something else instead: submits the request, and ends the review unless the new request is
    /// denied or challenged. Both are stored or neither. Only whoever asked can.
    ///
    /// # Errors
    ///
    /// The step gives [`VoteError::NotTheRequester`], [`VoteError::Closed`] or a conflict.
    pub fn supersede(
        &self,
        review: &Review,
        request: Request,
        stamp: Stamp,
    ) -> Step<Result<Outcome, VoteError>> {
        let at = Stamped::new(&stamp, "supersede");
        let by = request.subject().clone();
        let mut submission = self.submission(request.with_unknown_grant(), None, &stamp);
        let opens = match &submission.release {
            Release::Authorize(..) => true,
            Release::Outcome(outcome) => outcome.effect() == decision::Effect::Review,
        };
        let motion = Motion::new(review, self.policy(), stamp.now()).and_then(|mut motion| {
            motion.supersede(&by, &submission.id)?;
            Ok(motion)
        });
        match motion {
            Err(error) => self.moved_or_refused(review, Err(error), "supersede", &at),
            Ok(motion) => {
                if opens {
                    let mut drafts = at.changed(self.policy(), &motion.review, &motion.changes);
                    drafts.append(&mut submission.drafts);
                    submission.drafts = drafts;
                }
                submission.into_step(VoteError::from)
            }
        }
    }

    /// Does what is due on a review: ends it, escalates, reminds, passes over a stage, authorizes it at its
    /// start. [`Review::next_wakeup`] says when; before that nothing is recorded.
    ///
    /// # Errors
    ///
    /// The step gives [`Conflict`] when somebody acted first.
    pub fn wake(&self, review: &Review, stamp: Stamp) -> Step<Result<Outcome, Conflict>> {
        self.woken(review, None, stamp)
    }

    /// Does what is due as [`wake`](Self::wake) does, after a look at who could approve by now: a stage that
    /// neither the candidates nor those who voted can fill goes to its `fallback`, and a review that they could
    /// never approve is rejected. The candidates are all people of whom the host knows, as in
    /// [`submit_with_candidates`](Self::submit_with_candidates).
    ///
    /// # Errors
    ///
    /// As [`wake`](Self::wake).
    pub fn wake_with_candidates(
        &self,
        review: &Review,
        candidates: &[Subject],
        stamp: Stamp,
    ) -> Step<Result<Outcome, Conflict>> {
        self.woken(review, Some(candidates), stamp)
    }

    fn woken(
        &self,
        review: &Review,
        candidates: Option<&[Subject]>,
        stamp: Stamp,
    ) -> Step<Result<Outcome, Conflict>> {
        let at = Stamped::new(&stamp, "wake");
        let refusal = at.refusal("wake").with_review(review.id());
        let moved = Motion::new(review, self.policy(), stamp.now()).ok().and_then(|mut motion| {
            motion.hear();
            candidates.into_iter().for_each(|candidates| motion.look_for(candidates));
            let woken = motion.wake().and_then(|granted| self.fixed(&motion, granted, &at));
            match woken {
                Ok(claims) => Some((motion, claims)),
                // People approved what the policy denies by now, or what no grant can say.
                Err(error) => {
                    let mut motion = Motion::new(review, self.policy(), stamp.now()).ok()?;
                    motion.reject(&error.to_string());
                    Some((motion, None))
                }
            }
        });
        match moved {
            Some((motion, claims)) if !motion.changes.is_empty() => {
                let (drafts, release) = self.drafted(motion, claims, &at);
                Step::new(drafts, refusal, move |fate| release.after(fate))
            }
            _ => {
                // What was news is told once.
                let outcome = standing(&review.clone().without_news());
                Step::new(Vec::new(), refusal, |_| Ok(outcome))
            }
        }
    }

    /// Gives the recorded grant of a review again, after a crash between recording and signing. Nothing new
    /// is authorized: the claims, the id and the log reference are those of the record, and so are the
    /// bytes to sign. It is recorded as the review's next version, so that a state from before a revocation
    /// brings nothing back; read the review from its records again before the next call on it.
    ///
    /// # Errors
    ///
    /// The step gives [`Conflict`] when the review has moved on.
    pub fn recover(&self, review: &Review, stamp: Stamp) -> Step<Result<Outcome, Conflict>> {
        let at = Stamped::new(&stamp, "recover");
        let refusal = at.refusal("recover").with_review(review.id());
        let alive = review.grant().filter(|_| review.state() == ReviewState::Approved);
        let recorded = alive.and_then(|grant| {
            let claims = Claims::from_value(&grant.claims).ok()?;
            let position = &grant.position;
            let reference = LogReference::new(&position.stream, position.seq, position.leaf).ok()?;
            let authorization = Authorization::new(claims, review.decision().clone()).with_log(reference);
            Some((authorization, at.recovered(review, &grant.claims)))
        });
        let Some((authorization, draft)) = recorded else {
            let outcome = standing(review);
            return Step::new(Vec::new(), refusal, |_| Ok(outcome));
        };
        Step::new(vec![draft], refusal, move |fate| stored(fate).map(|_| Outcome::Allow(authorization)))
    }

    fn counted(
        &self,
        review: &Review,
        vote: &Vote,
        at: &Stamped<'_>,
    ) -> Result<(Motion, Option<Claims>), VoteError> {
        let mut motion = Motion::new(review, self.policy(), at.stamp.now())?;
        motion.hear();
        if motion.review.state() != review.state() {
            // The new policy ended it: the vote comes too late, and what it says is of no account.
            return Ok((motion, None));
        }
        let signed = self.signed(review, vote, motion.now())?;
        let granted = motion.vote(vote, signed)?;
        let claims = self.fixed(&motion, granted, at)?;
        Ok((motion, claims))
    }

    /// Verifies what the approver signed.
    fn signed(
        &self,
        review: &Review,
        vote: &Vote,
        now: DateTime<Utc>,
    ) -> Result<Option<SignedTerms>, VoteError> {
        let Some(token) = &vote.signature else { return Ok(None) };
        let (person, approval) = self.inner.approvers.verify(token)?;
        let expected = vote.approver.reference();
        if person != expected {
            return Err(QuorumError::Person { found: quote(&person), expected }.into());
        }
        approval.check_request(&self.inner.issuer, review.id(), review.request())?;
        let (uses, constraints, end) = approval.ceiling();
        let not_after = DateTime::from_timestamp(end, 0).unwrap_or(DateTime::<Utc>::MAX_UTC);
        if not_after <= now {
            return Err(VoteError::SignatureExpired { not_after, now });
        }
        Ok(Some(SignedTerms { uses, constraints, not_after }))
    }

    /// Fixes the claims of what people approved.
    fn fixed(
        &self,
        motion: &Motion,
        granted: Option<Granted>,
        at: &Stamped<'_>,
    ) -> Result<Option<Claims>, VoteError> {
        let Some(granted) = granted else { return Ok(None) };
        let review = &motion.review;
        let asked = Asked { request: review.request(), decision: review.decision(), review: Some(review) };
        Ok(Some(at.claims(&self.inner.issuer, asked, &granted, motion.now())?))
    }

    /// The step of a motion. Where it revokes a grant, its uses are taken one by one beside it: one that a tool
    /// took first stays taken.
    fn moved(
        &self,
        motion: Motion,
        claims: Option<Claims>,
        call: &str,
        at: &Stamped<'_>,
    ) -> Step<Result<Outcome, VoteError>> {
        let refusal = |call: &str| at.refusal(call).with_review(motion.review.id());
        let revoked = motion.changes.iter().any(|change| matches!(change, Change::Revoked { .. }));
        let grant = motion.review.grant().filter(|_| revoked).map(|grant| grant.claims.clone());
        let uses = grant.as_ref().and_then(|claims| claims.get("con")?.get("max_uses")?.as_u64());
        let alone = |draft| {
            let outcome = standing(&motion.review);
            Step::new(vec![draft], refusal("revoke"), |_| Ok(outcome))
        };
        let root = use_root(&self.inner.issuer, motion.review.id());
        let taken: Vec<Step<Result<Outcome, VoteError>>> = grant
            .iter()
            .flat_map(|claims| {
                let uses = uses.unwrap_or(0);
                let of_use = |number| at.use_taken(&root, number, uses, claims);
                // What is revoked is not extended either.
                (1..=uses).map(of_use).chain([at.extension_taken(claims)]).map(alone).collect::<Vec<_>>()
            })
            .collect();
        let refusal = refusal(call);
        let (drafts, release) = self.drafted(motion, claims, at);
        let first: Step<Result<Outcome, VoteError>> =
            Step::new(drafts, refusal, move |fate| Ok(release.after(fate)?));
        if taken.is_empty() {
            return first;
        }
        let all: Step<Vec<_>> = std::iter::once(first).chain(taken).collect();
        let lost = || Err(Conflict::Stale { key: String::new() }.into());
        all.map(move |outcomes| outcomes.into_iter().next().unwrap_or_else(lost))
    }

    fn moved_or_refused(
        &self,
        review: &Review,
        moved: Result<(Motion, Option<Claims>), VoteError>,
        call: &str,
        at: &Stamped<'_>,
    ) -> Step<Result<Outcome, VoteError>> {
        match moved {
            Ok((motion, claims)) => self.moved(motion, claims, call, at),
            Err(error) => {
                let drafts = vec![at.move_refused(self.policy(), review, call, &error)];
                Step::new(drafts, at.refusal(call).with_review(review.id()), |_| Err(error))
            }
        }
    }

    fn drafted(
        &self,
        motion: Motion,
        claims: Option<Claims>,
        at: &Stamped<'_>,
    ) -> (Vec<crate::audit::Draft>, Release) {
        let Motion { review, changes, .. } = motion;
        let mut drafts = at.changed(self.policy(), &review, &changes);
        let Some(claims) = claims else { return (drafts, Release::Outcome(standing(&review))) };
        let decision = review.decision().clone();
        drafts.extend(at.extended(&self.inner.issuer, &review, &claims));
        let personal = review.holds_personal_action();
        let authorized = at.authorized(review.id(), &claims, &decision, personal);
        drafts.push(of_review(authorized, &review));
        (drafts, Release::Authorize(claims, decision))
    }
}

/// What a review leads to as it stands.
fn standing(review: &Review) -> Outcome {
    let denied = |code, text: &'static str| Outcome::Deny(review.decision().denied(code, text));
    match review.state() {
        ReviewState::Open | ReviewState::Scheduled | ReviewState::Approved => Outcome::Review(review.clone()),
        ReviewState::Rejected => denied(ReasonCode::ReviewRejected, "the review was rejected"),
        ReviewState::Expired => denied(ReasonCode::ReviewExpired, "nobody decided in time"),
        ReviewState::Withdrawn => denied(ReasonCode::ReviewWithdrawn, "whoever asked no longer does"),
        ReviewState::Superseded => {
            denied(ReasonCode::ReviewSuperseded, "whoever asked asks for something else instead")
        }
        ReviewState::Revoked => {
            denied(ReasonCode::ReviewRevoked, "an approval on which the grant rested was taken back")
        }
    }
}

/// A review's version happens once.
pub(super) fn version_key(review: &Review, version: u64) -> Key {
    Key::Once(format!("review/{}/{version}", review.id()))
}
