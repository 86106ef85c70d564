//! One step of a review.
//!
//! A motion starts from a state at a time, makes changes, and ends with the new state, the changes to record
//! and, where the quorum is there, what may be authorized. A call that fails leaves nothing behind. Nothing
//! here approves but the court; time passes over a stage, a new policy adds a plan, and both ask it again.

mod hearing;
mod taking;

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::bench::{Obstacle, is_within};
use super::cast::Cast;
use super::change::{Change, Turn};
use super::court::{Court, Judgement, Notes};
use super::progress::{Due, Progress};
use super::vote::Verdict;
use super::{Approver, Review, ReviewState, VoteError};
use crate::decision::{Decision, Terms};
use crate::grant::Constraints;
use crate::limits;
use crate::policy::Policy;
use crate::request::{RequestError, Source, Subject};

/// One step of a review.
#[derive(Debug)]
pub(crate) struct Motion {
    pub(crate) review: Review,
    pub(crate) changes: Vec<Change>,
    policy: Policy,
    now: DateTime<Utc>,
    notes: Notes,
}

/// What a satisfied plan allows.
#[derive(Debug, Clone)]
pub(crate) struct Granted {
    pub(crate) terms: Terms,
    pub(crate) approvers: Vec<Approver>,
    /// When the grant begins, where it waited for that.
    pub(crate) starts_at: Option<DateTime<Utc>>,
    /// The end that no grant passes, by the approvers' own signatures.
    pub(crate) not_after: Option<DateTime<Utc>>,
    pub(crate) narrowed: Constraints,
}

/// What an approver signed, after their signature was found to hold.
#[derive(Debug, Clone)]
pub(crate) struct SignedTerms {
    pub(crate) uses: i64,
    pub(crate) constraints: Constraints,
    pub(crate) not_after: DateTime<Utc>,
}

impl Granted {
    /// What a rule allows by itself.
    pub(crate) fn plain(terms: Terms) -> Self {
        let (approvers, narrowed) = (Vec::new(), Constraints::default());
        Self { starts_at: terms.start, terms, approvers, not_after: None, narrowed }
    }
}

impl Motion {
    /// Begins a step under the policy that decides by now. A clock that is a little behind another one is put forward; a vote of one that is far
    /// behind could come before an end that has passed.
    ///
    /// # Errors
    ///
    /// [`VoteError::ClockBehind`].
    pub(crate) fn new(review: &Review, policy: &Policy, now: DateTime<Utc>) -> Result<Self, VoteError> {
        let latest = review.latest;
        if review.state.is_pending() && latest.signed_duration_since(now) > CLOCK_SKEW {
            return Err(VoteError::ClockBehind { latest, now });
        }
        let mut review = review.clone();
        review.version = review.version.saturating_add(1);
        review.news.clear();
        Ok(Self {
            review,
            changes: Vec::new(),
            policy: policy.clone(),
            now: now.max(latest),
            notes: Notes::default(),
        })
    }

    /// The time of the step: no earlier than what the review holds.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Does what is due: ends the review, escalates, reminds, passes over a stage, authorizes a start.
    ///
    /// # Errors
    ///
    /// [`VoteError::DeniedByNow`].
    pub(crate) fn wake(&mut self) -> Result<Option<Granted>, VoteError> {
        if self.review.state == ReviewState::Scheduled {
            if self.review.starts_at.is_none_or(|start| self.now < start) {
                return Ok(None);
            }
            if self.review.latest_start().is_none_or(|end| self.now >= end) {
                self.make(Change::Expired);
                return Ok(None);
            }
            let granted = self.settle()?;
            if granted.is_some() || self.review.state != ReviewState::Open {
                return Ok(granted);
            }
        }
        if self.review.state != ReviewState::Open {
            return Ok(None);
        }
        if self.now >= self.review.expires_at {
            self.make(Change::Expired);
            return Ok(None);
        }
        // Each is due once, and a stage that begins now has nothing due: this ends.
        while let Some((_, (review, due))) = self.review.dues().filter(|(at, _)| *at <= self.now).min() {
            let Some(turn) = self.turn(review) else { break };
            self.make(match due {
                Due::Escalate => Change::Escalated(turn),
                Due::Remind => Change::Reminded(turn),
                Due::Skip => Change::StageSkipped(turn),
            });
            if due == Due::Skip {
                let courts = self.courts();
                let turns = self.turns(&courts);
                drop(courts);
                self.make_all(turns);
            }
        }
        // A torn write may have lost what its votes led to.
        self.settle()
    }

    /// Takes what the host attests of voters by now.
    ///
    /// # Errors
    ///
    /// [`VoteError::Closed`], [`VoteError::NotAttested`], [`VoteError::Invalid`], and
    /// [`VoteError::NothingToRefresh`] where none of them has voted.
    pub(crate) fn refresh(&mut self, people: Vec<Subject>) -> Result<Option<Granted>, VoteError> {
        let review = &self.review;
        if !review.state.is_pending() {
            return Err(VoteError::Closed { state: review.state });
        }
        if review.state == ReviewState::Open && self.now >= review.expires_at {
            return Err(VoteError::Closed { state: ReviewState::Expired });
        }
        let voted = |person: &Subject| {
            let name = person.reference();
            review.votes.iter().any(|cast| cast.is_of(&name))
        };
        let people: Vec<Subject> = people.into_iter().filter(voted).collect();
        let mut bytes = 0_usize;
        for person in &people {
            if person.source() != Source::Attested {
                return Err(VoteError::NotAttested { approver: person.reference() });
            }
            person.check("approver", "")?;
            bytes = bytes.saturating_add(person.to_record().to_string().len());
        }
        if bytes > REFRESH_BYTES {
            let (path, limit) = ("approvers".to_owned(), REFRESH_BYTES);
            return Err(RequestError::OutOfBounds { path, found: bytes, unit: "bytes", limit }.into());
        }
        if people.is_empty() {
            return Err(VoteError::NothingToRefresh);
        }
        self.make(Change::Refreshed(people));
        self.settle()
    }

    /// Ends the review because whoever asked no longer does.
    ///
    /// # Errors
    ///
    /// [`VoteError::Closed`], [`VoteError::NotAttested`], [`VoteError::NotTheRequester`].
    pub(crate) fn withdraw(&mut self, by: &Subject) -> Result<(), VoteError> {
        let name = self.requester(by)?;
        self.make(Change::Withdrawn { by: name });
        Ok(())
    }

    /// Ends the review because whoever asked asks for something else.
    ///
    /// # Errors
    ///
    /// [`VoteError::Closed`], [`VoteError::NotAttested`], [`VoteError::NotTheRequester`].
    pub(crate) fn supersede(&mut self, by: &Subject, request: &str) -> Result<(), VoteError> {
        self.requester(by)?;
        self.make(Change::Superseded { by: request.to_owned() });
        Ok(())
    }

    /// Ends the review because the policy denies what people approved.
    pub(crate) fn reject(&mut self, because: &str) {
        self.make(Change::Rejected { because: because.to_owned() });
    }

    fn requester(&self, by: &Subject) -> Result<String, VoteError> {
        let name = by.reference();
        if !self.review.state.is_pending() {
            return Err(VoteError::Closed { state: self.review.state });
        }
        if by.source() != Source::Attested {
            return Err(VoteError::NotAttested { approver: name });
        }
        by.check("subject", "")?;
        if self.review.request.is_from(by) {
            Ok(name)
        } else {
            Err(VoteError::NotTheRequester { found: name })
        }
    }

    /// Judges, and records which stages began or were reopened. Returns what may be authorized now.
    ///
    /// # Errors
    ///
    /// [`VoteError::DeniedByNow`].
    fn settle(&mut self) -> Result<Option<Granted>, VoteError> {
        let scheduled = self.review.state == ReviewState::Scheduled;
        let courts = self.courts();
        let (verdict, turns) = (self.judge(&courts), self.turns(&courts));
        drop(courts);
        match verdict {
            Verdicts::Rejected => self.make(Change::Rejected { because: String::new() }),
            Verdicts::Approved(places) => return self.close(&places, turns),
            Verdicts::Pending => {
                self.make_all(turns);
                if scheduled {
                    self.make(Change::Unscheduled);
                }
            }
            Verdicts::NeedsFresh(people) => {
                self.make_all(turns);
                if self.review.awaited != people {
                    self.make(Change::NeedsFresh { people });
                }
            }
        }
        Ok(None)
    }

    /// Closes over a quorum: now, or at the start that its approvals ask for by now.
    fn close(&mut self, places: &[usize], turns: Vec<Change>) -> Result<Option<Granted>, VoteError> {
        let asked = self.review.asked_start();
        if let Some(start) = asked.filter(|start| *start > self.now) {
            if self.review.starts_at != Some(start) {
                self.make_all(turns);
                self.make(Change::Scheduled { starts_at: start });
            }
            return Ok(None);
        }
        if self.review.state == ReviewState::Scheduled {
            if self.review.latest_start().is_none_or(|end| self.now >= end) {
                self.make(Change::Expired);
                return Ok(None);
            }
            if self.review.starts_at != asked {
                // Whoever asked for that start takes it back: the grant begins when it is authorized.
                self.make(Change::Unscheduled);
            }
        }
        if let Some(replan) = self.hear_again()? {
            // Each rule is added once, so this ends.
            self.make(Change::Replanned(Box::new(replan)));
            return self.settle();
        }
        let granted = self.granted(places);
        if let Some(granted) = &granted {
            self.make(Change::Approved { approvers: granted.approvers.clone() });
        }
        Ok(granted)
    }

    /// What a quorum allows.
    fn granted(&self, places: &[usize]) -> Option<Granted> {
        let review = &self.review;
        let approvals = || review.votes.iter().filter(|cast| cast.verdict == Verdict::Approve);
        let mut narrowed = Constraints::default();
        for cast in approvals() {
            // Votes that cannot be joined were refused when they came.
            narrowed.narrow(&cast.narrowed).ok()?;
        }
        let mut approvers: Vec<Approver> = Vec::new();
        for cast in places.iter().filter_map(|place| review.votes.get(*place)) {
            if approvers.iter().any(|known| known.person == cast.person) {
                continue;
            }
            approvers.push(Approver {
                person: cast.person.clone(),
                delegator: (cast.person != cast.authority).then(|| cast.authority.clone()),
                at: cast.at,
                signature: cast.signature.clone(),
            });
        }
        Some(Granted {
            terms: review.terms()?.shortened(&review.votes),
            not_after: approvals().filter_map(|cast| cast.not_after).min(),
            starts_at: review.starts_at,
            approvers,
            narrowed,
        })
    }

    /// Judges the votes under all plans.
    fn judge(&self, courts: &[Court<'_>]) -> Verdicts {
        let review = &self.review;
        let counted = match Verdicts::of(courts.iter().map(Court::judge)) {
            Verdicts::Approved(counted) => counted,
            other => return other,
        };
        let refresh = review.tracks.iter().map(|track| track.plan.refresh()).min().unwrap_or_default();
        let old = |cast: &&Arc<Cast>| !is_within(cast.attested_at, self.now, refresh);
        let people = counted.iter().filter_map(|place| review.votes.get(*place)).filter(old);
        let mut people: Vec<String> =
            people.flat_map(|cast| [cast.person.clone(), cast.authority.clone()]).collect();
        people.sort_unstable();
        people.dedup();
        if people.is_empty() {
            return Verdicts::Approved(counted);
        }
        match Verdicts::of(review.courts_by(self.now, true, &self.notes).iter().map(Court::judge)) {
            Verdicts::Approved(counted) => Verdicts::Approved(counted),
            _ => Verdicts::NeedsFresh(people),
        }
    }

    /// Finds the stages that begin or are reopened.
    fn turns(&self, courts: &[Court<'_>]) -> Vec<Change> {
        let mut changes = Vec::new();
        for (court, track) in courts.iter().zip(&self.review.tracks) {
            for (index, (rule, progress)) in track.plan.reviews().iter().zip(&track.progress).enumerate() {
                let (review, stage) = (track.first.saturating_add(index), court.stage(index));
                let turn = Turn { review, rule: rule.rule.id.clone(), stage };
                if stage > progress.stage {
                    changes.push(Change::StagePassed(turn));
                } else if stage < progress.stage {
                    changes.push(Change::StageReopened(turn));
                }
            }
        }
        changes
    }

    pub(super) fn make_all(&mut self, changes: Vec<Change>) {
        changes.into_iter().for_each(|change| self.make(change));
    }

    fn turn(&self, review: usize) -> Option<Turn> {
        let progress: &Progress = self.review.tracks.iter().flat_map(|track| &track.progress).nth(review)?;
        let rule = self.review.tracks.iter().flat_map(|track| track.plan.reviews()).nth(review)?;
        Some(Turn { review, rule: rule.rule.id.clone(), stage: progress.stage })
    }

    fn courts(&self) -> Vec<Court<'_>> {
        self.review.courts_by(self.now, false, &self.notes)
    }

    fn make(&mut self, change: Change) {
        // These change no stage and no vote that stands.
        if !matches!(
            change,
            Change::Voted(_) | Change::Commented(_) | Change::StagePassed(_) | Change::StageReopened(_)
        ) {
            self.notes = Notes::default();
        }
        self.review.apply(&change, self.now);
        self.changes.push(change);
    }
}

/// What the votes amount to under all plans.
#[derive(Debug)]
enum Verdicts {
    Pending,
    Rejected,
    /// The quorum is there, of people whose attributes are too old.
    NeedsFresh(Vec<String>),
    Approved(Vec<usize>),
}

impl Verdicts {
    fn of(judgements: impl Iterator<Item = Judgement>) -> Self {
        let (mut counted, mut pending) = (Vec::new(), false);
        for judgement in judgements {
            match judgement {
                Judgement::Rejected => return Self::Rejected,
                Judgement::Pending => pending = true,
                Judgement::Approved(places) => counted.extend(places),
            }
        }
        counted.sort_unstable();
        counted.dedup();
        if pending || counted.is_empty() { Self::Pending } else { Self::Approved(counted) }
    }
}

/// Finds the seats of a vote in every review of every plan, and what keeps away somebody who has none.
pub(super) fn seats(
    review: &Review,
    cast: &Cast,
    now: DateTime<Utc>,
) -> (Vec<Option<usize>>, Option<Obstacle>) {
    seats_by(&review.courts(now).collect::<Vec<_>>(), review, cast)
}

fn seats_by(courts: &[Court<'_>], review: &Review, cast: &Cast) -> (Vec<Option<usize>>, Option<Obstacle>) {
    let (mut seats, mut obstacle) = (Vec::new(), None);
    for (court, track) in courts.iter().zip(&review.tracks) {
        for (index, (rule, progress)) in track.plan.reviews().iter().zip(&track.progress).enumerate() {
            let stage = court.stage(index).min(rule.last_stage());
            let seat = rule
                .stages
                .get(stage)
                .map_or(Ok(false), |of| court.bench().seat(rule, of, &progress.of(stage), cast));
            seats.push(seat.as_ref().is_ok_and(|seated| *seated).then_some(stage));
            obstacle = obstacle.or(seat.err());
        }
    }
    (seats, obstacle)
}

/// The first reason of a decision, for people.
pub(crate) fn first_reason(decision: &Decision) -> String {
    let reason = decision.reasons().next().map(ToString::to_string);
    let missing = || decision.missing().next().map(ToString::to_string);
    reason.or_else(missing).unwrap_or_default()
}

impl Review {
    /// The latest start that the plan or any approval asks for.
    fn asked_start(&self) -> Option<DateTime<Utc>> {
        let approvals = self.votes.iter().filter(|cast| cast.verdict == Verdict::Approve);
        let asked = approvals.filter_map(|cast| cast.not_before);
        asked.chain(self.terms().and_then(|terms| terms.start)).max()
    }

    /// Says whether the votes that stand are a quorum under every plan, whatever is recorded.
    pub(crate) fn has_quorum(&self, now: DateTime<Utc>) -> bool {
        let now = now.max(self.latest);
        matches!(Verdicts::of(self.courts(now).map(|court| court.judge())), Verdicts::Approved(_))
    }

    /// When the recorded grant is dead.
    fn grant_end(&self) -> Option<DateTime<Utc>> {
        DateTime::from_timestamp(self.grant.as_ref()?.claims.get("exp")?.as_i64()?, 0)
    }
}

/// How far the clocks of two nodes may be apart.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);

/// Bytes of all that is stated anew of approvers in one record.
const REFRESH_BYTES: usize = 49_152;

/// Bytes of a change as its record holds it: the record's other fields take some hundred.
const CHANGE_BYTES: usize = limits::RECORD_BYTES - 1_535;
