//! What an approver says, and why it may be refused.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ReviewState;
use crate::gate::Conflict;
use crate::grant::ClaimError;
use crate::request::{self, RequestError, Subject};
use crate::span_of_time;

/// An approver's word on one review.
///
/// ```
/// use countersign::{Subject, Vote};
///
/// let approver = Subject::new("user", "bo").with("groups", ["sre"]);
/// let vote = Vote::approve(approver).with_comment("checked the WHERE clause");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    pub(crate) approver: Subject,
    pub(crate) verdict: Verdict,
    pub(crate) comment: String,
    pub(crate) at_most: Option<Duration>,
}

/// What a vote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Approve,
    Reject,
    Withdraw,
}

/// Why a vote does not count. The refusal is recorded; nothing else changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoteError {
    /// The approver asked for it.
    #[error("approver `{approver}` is also the requester")]
    OwnRequest {
        /// The approver.
        approver: String,
    },
    /// No seat that is still open is for this approver.
    #[error("approver `{approver}` is not eligible")]
    NotEligible {
        /// The approver.
        approver: String,
    },
    /// The approver comes from a caller and not from the host.
    #[error("approver `{approver}` is not attested by the host")]
    NotAttested {
        /// The approver.
        approver: String,
    },
    /// The same vote was cast before.
    #[error("approver `{approver}` has already voted so")]
    Duplicate {
        /// The approver.
        approver: String,
    },
    /// There is no vote to withdraw.
    #[error("approver `{approver}` has no vote to withdraw")]
    NothingToWithdraw {
        /// The approver.
        approver: String,
    },
    /// The review is over.
    #[error("review is {state}, it takes no votes")]
    Closed {
        /// How it ended.
        state: ReviewState,
    },
    /// The time of the vote lies before what the review already holds: a clock is wrong.
    #[error("vote is of {now}, the review already holds {latest}")]
    ClockBehind {
        /// The latest time in the review.
        latest: DateTime<Utc>,
        /// The time of the vote.
        now: DateTime<Utc>,
    },
    /// More votes than a review may have.
    #[error("review has {} votes, which is the limit", crate::limits::VOTES)]
    TooManyVotes,
    /// The plan does not let votes shorten the grant.
    #[error("votes on this review may not shorten the grant")]
    MayNotShorten,
    /// The vote asks for longer than the request.
    #[error("vote allows {}, the request asks for {}", span_of_time::print(*at_most), span_of_time::print(*asked))]
    Widens {
        /// What the vote allows.
        at_most: Duration,
        /// What the request asks for.
        asked: Duration,
    },
    /// Another policy decides by now: the request must be submitted again.
    #[error("policy has changed since the review was opened, submit the request again")]
    PolicyChanged,
    /// The quorum is there, but by now the policy denies the request: a forbid begins to match, say.
    #[error("request is denied by now: {reason}")]
    DeniedByNow {
        /// Why.
        reason: String,
    },
    /// The grant that the quorum allows cannot be written.
    #[error("grant cannot be written: {0}")]
    Claims(#[from] ClaimError),
    /// The approver or the comment is out of bounds.
    #[error("vote is out of bounds: {0}")]
    Invalid(#[from] RequestError),
    /// Somebody acted first: load the review again.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

impl Vote {
    /// Approves.
    #[must_use]
    pub fn approve(approver: Subject) -> Self {
        Self::new(approver, Verdict::Approve)
    }

    /// Rejects.
    #[must_use]
    pub fn reject(approver: Subject) -> Self {
        Self::new(approver, Verdict::Reject)
    }

    /// Takes back the approver's vote.
    #[must_use]
    pub fn withdraw(approver: Subject) -> Self {
        Self::new(approver, Verdict::Withdraw)
    }

    /// Adds a comment.
    #[must_use]
    pub fn with_comment(mut self, text: impl Into<String>) -> Self {
        self.comment = text.into();
        self
    }

    /// Allows at most this long, where the plan lets votes shorten the grant. Fractions of a second are dropped.
    #[must_use]
    pub fn at_most(mut self, duration: Duration) -> Self {
        self.at_most = Some(Duration::from_secs(duration.as_secs()));
        self
    }

    /// Checks the bounds of all that a record would hold.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        self.approver.check("approver", &self.comment)?;
        self.at_most.map_or(Ok(()), |at_most| request::check_span("vote.at_most", at_most))
    }

    fn new(approver: Subject, verdict: Verdict) -> Self {
        Self { approver, verdict, comment: String::new(), at_most: None }
    }
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        [Self::Approve, Self::Reject, Self::Withdraw].into_iter().find(|verdict| verdict.as_str() == text)
    }
}
