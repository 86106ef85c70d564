//! The right people, counted right.
//!
//! A review collects votes until its plan is satisfied, vetoed or out of time. Its state is a fold over
//! its records: what replays from a log equals what lived. It holds no authorization; that comes only from
//! a committed step of the gate.

mod plan;
mod quorum;
mod replay;
mod vote;

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

pub use replay::ReviewError;
pub(crate) use vote::Verdict;
pub use vote::{Vote, VoteError};

use self::plan::{About, Cast, Judgement, Plan};
use crate::audit::Position;
use crate::decision::{Decision, Terms};
use crate::limits;
use crate::policy::Policy;
use crate::policy::schema::FactValues;
use crate::request::{Request, Source, Subject};

/// A request that waits for people, or did.
///
/// A review is a value: voting gives a new one. Keep it, or replay it from its records.
#[derive(Debug, Clone)]
pub struct Review {
    id: String,
    version: u64,
    request: Arc<Request>,
    decision: Arc<Decision>,
    facts: Arc<FactValues>,
    plan: Plan,
    state: ReviewState,
    votes: Vec<Cast>,
    opened_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    grant: Option<Recorded>,
}

/// How far a review is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReviewState {
    /// It takes votes.
    Open,
    /// The plan was satisfied, and a grant authorized.
    Approved,
    /// It was vetoed, or can no longer be satisfied.
    Rejected,
    /// Nobody decided in time.
    Expired,
}

/// The grant that a review led to, as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) claims: serde_json::Value,
    pub(crate) position: Position,
}

/// What a vote does to a review.
#[derive(Debug)]
pub(crate) struct Counted {
    pub(crate) review: Review,
    pub(crate) seats: Vec<Option<usize>>,
    pub(crate) closing: Closing,
}

/// Whether a vote closes its review.
#[derive(Debug)]
pub(crate) enum Closing {
    Open,
    Approved { terms: Terms, approvers: Vec<Approver> },
    Rejected,
}

/// Somebody whose approval was counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Approver {
    pub(crate) person: String,
    pub(crate) at: DateTime<Utc>,
}

impl Review {
    /// Opens a review for a decision that asks for one, if a record can hold its plan.
    pub(crate) fn open(
        id: String,
        policy: &Policy,
        request: Request,
        decision: Decision,
        facts: FactValues,
        now: DateTime<Utc>,
    ) -> Option<Self> {
        let plan = Plan::of(policy, &decision.path).filter(Plan::is_recordable)?;
        let expires = TimeDelta::from_std(plan.expires()).ok()?;
        Some(Self {
            id,
            version: 1,
            request: Arc::new(request),
            decision: Arc::new(decision),
            facts: Arc::new(facts),
            state: ReviewState::Open,
            votes: Vec::new(),
            opened_at: now,
            expires_at: now.checked_add_signed(expires)?,
            grant: None,
            plan,
        })
    }

    /// Returns the id, which is also the request's.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns what is asked.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Returns the decision that asks for the review.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns how far the review is.
    #[must_use]
    pub fn state(&self) -> ReviewState {
        self.state
    }

    /// Returns when the review opened.
    #[must_use]
    pub fn opened_at(&self) -> DateTime<Utc> {
        self.opened_at
    }

    /// Returns the first moment at which the review no longer takes votes.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Returns when to wake the review, while it is open.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<DateTime<Utc>> {
        (self.state == ReviewState::Open).then_some(self.expires_at)
    }

    /// Returns who of the candidates could approve now.
    #[must_use]
    pub fn eligible<'a>(&self, candidates: impl IntoIterator<Item = &'a Subject>) -> Vec<&'a Subject> {
        let has_seat = |vote: Vote| {
            let seats = self.plan.seats(&vote, &self.votes, self.about(self.opened_at));
            seats.iter().any(Option::is_some)
        };
        // Some seats are only for those who say why.
        let could = |candidate: &&Subject| {
            let vote = Vote::approve((*candidate).clone());
            self.state == ReviewState::Open
                && candidate.source() == Source::Attested
                && (has_seat(vote.clone()) || has_seat(vote.with_comment("…")))
        };
        candidates.into_iter().filter(could).collect()
    }

    /// Counts a vote.
    ///
    /// # Errors
    ///
    /// Why it does not count; the review stays as it is.
    pub(crate) fn count(&self, vote: &Vote, now: DateTime<Utc>) -> Result<Counted, VoteError> {
        let approver = vote.approver.reference();
        self.admit(vote, &approver, now)?;
        let seats = self.plan.seats(vote, &self.votes, self.about(now));
        let mut votes = self.votes.clone();
        if vote.verdict == Verdict::Withdraw {
            votes.retain(|cast| cast.person != approver);
            if votes.len() == self.votes.len() {
                return Err(VoteError::NothingToWithdraw { approver });
            }
        } else {
            if seats.iter().all(Option::is_none) {
                let own = approver == self.request.subject().reference();
                return Err(if own {
                    VoteError::OwnRequest { approver }
                } else {
                    VoteError::NotEligible { approver }
                });
            }
            let cast = Cast {
                approver: vote.approver.clone(),
                person: approver.clone(),
                verdict: vote.verdict,
                comment: vote.comment.clone(),
                at: now,
                at_most: vote.at_most,
                stages: seats.clone(),
            };
            let same = |old: &Cast| {
                (&old.approver, old.verdict, &old.comment, old.at_most, &old.stages)
                    == (&cast.approver, cast.verdict, &cast.comment, cast.at_most, &cast.stages)
            };
            if votes.iter().any(same) {
                return Err(VoteError::Duplicate { approver });
            }
            add(&mut votes, cast);
            if votes.len() > limits::VOTES {
                return Err(VoteError::TooManyVotes);
            }
        }
        let judgement = self.plan.judge(&votes, self.about(now));
        let version = self.version.saturating_add(1);
        let mut review = Self { version, votes, ..self.clone() };
        let closing = match judgement {
            Judgement::Pending => Closing::Open,
            Judgement::Rejected => {
                review.state = ReviewState::Rejected;
                Closing::Rejected
            }
            Judgement::Approved(counted) => review.close(&counted),
        };
        Ok(Counted { review, seats, closing })
    }

    /// Says whether the review's time is over.
    pub(crate) fn is_due(&self, now: DateTime<Utc>) -> bool {
        self.state == ReviewState::Open && now >= self.expires_at
    }

    pub(crate) fn expired(&self) -> Self {
        Self { version: self.version.saturating_add(1), state: ReviewState::Expired, ..self.clone() }
    }

    pub(crate) fn facts(&self) -> &FactValues {
        &self.facts
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn plan_text(&self) -> &str {
        &self.plan.text
    }

    pub(crate) fn grant(&self) -> Option<&Recorded> {
        self.grant.as_ref()
    }

    /// Checks all that does not depend on the plan's conditions.
    fn admit(&self, vote: &Vote, approver: &str, now: DateTime<Utc>) -> Result<(), VoteError> {
        let owned = || approver.to_owned();
        if self.state != ReviewState::Open {
            return Err(VoteError::Closed { state: self.state });
        }
        if now >= self.expires_at {
            return Err(VoteError::Closed { state: ReviewState::Expired });
        }
        let latest = self.votes.iter().map(|cast| cast.at).fold(self.opened_at, DateTime::max);
        if latest.signed_duration_since(now) > CLOCK_SKEW {
            return Err(VoteError::ClockBehind { latest, now });
        }
        vote.check()?;
        if vote.approver.source() != Source::Attested {
            return Err(VoteError::NotAttested { approver: owned() });
        }
        if let (Some(at_most), Some(terms)) = (vote.at_most, self.decision.terms()) {
            if !self.plan.may_shorten() || at_most < self.plan.least() {
                return Err(VoteError::MayNotShorten);
            }
            if at_most > terms.duration {
                return Err(VoteError::Widens { at_most, asked: terms.duration });
            }
        }
        Ok(())
    }

    fn close(&mut self, counted: &[usize]) -> Closing {
        let Some(terms) = self.decision.terms() else { return Closing::Open };
        let terms = terms.shortened(&self.votes);
        let approvers = counted.iter().filter_map(|place| self.votes.get(*place));
        let approvers = approvers.map(|cast| Approver { person: cast.person.clone(), at: cast.at }).collect();
        self.state = ReviewState::Approved;
        Closing::Approved { terms, approvers }
    }

    fn about(&self, now: DateTime<Utc>) -> About<'_> {
        About { request: &self.request, facts: &self.facts, now }
    }
}

impl ReviewState {
    /// Returns the state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for ReviewState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

/// Adds a vote. It takes the place of what the same person said before, but for approvals of earlier stages.
fn add(votes: &mut Vec<Cast>, cast: Cast) {
    let stays = |old: &Cast| {
        let elsewhere = old.stages.iter().zip(&cast.stages).all(|(old, new)| old.is_none() || old != new);
        old.person != cast.person || (old.verdict == cast.verdict && elsewhere)
    };
    votes.retain(stays);
    votes.push(cast);
}

/// How far the clocks of two nodes may be apart. An earlier time could come before an end that has passed.
const CLOCK_SKEW: TimeDelta = TimeDelta::seconds(5);
