//! Why a vote does not count.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::ReviewState;
use crate::gate::Conflict;
use crate::grant::{ClaimError, QuorumError};
use crate::request::RequestError;
use crate::span_of_time;

/// Why a vote does not count. The refusal is recorded; nothing else changes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VoteError {
    /// The approver asked for it, acts behind whoever did, or votes for one of them.
    #[error("approver `{approver}` is also the requester")]
    OwnRequest {
        /// The approver.
        approver: String,
    },
    /// The policy excludes the approver from this request.
    #[error("approver `{approver}` is excluded from this request")]
    Excluded {
        /// The approver.
        approver: String,
    },
    /// No seat that is still open is for this approver.
    #[error("approver `{approver}` is not eligible")]
    NotEligible {
        /// The approver.
        approver: String,
    },
    /// The approver must sign in again, or in a stronger way, and then vote.
    #[error("approver `{approver}` must sign in again{}", step_up(accepts, *within))]
    StepUp {
        /// The approver.
        approver: String,
        /// The methods of which one is needed; empty for any.
        accepts: Vec<String>,
        /// How long ago the sign-in may be.
        within: Option<Duration>,
    },
    /// The approver's seats take votes at other hours.
    #[error("approver `{approver}` may not vote at this hour{}", opens(*opens_at))]
    OutsideHours {
        /// The approver.
        approver: String,
        /// When the first of them takes votes again.
        opens_at: Option<DateTime<Utc>>,
    },
    /// The approver comes from a caller and not from the host.
    #[error("approver `{approver}` is not attested by the host")]
    NotAttested {
        /// The approver.
        approver: String,
    },
    /// The delegator is the delegate, or the vote is none that can be delegated.
    #[error("approver `{approver}` cannot act for themselves")]
    OwnDelegate {
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
    /// Break-glass access that starts later is reviewed once it has begun.
    #[error("access begins at {begins}, its review comes after that, it is {now}")]
    NotBegun {
        /// When the access begins.
        begins: DateTime<Utc>,
        /// The time of the vote.
        now: DateTime<Utc>,
    },
    /// Somebody of this type and id is known to the review with a tenant and is named without one now, or the
    /// reverse: whether they are one person cannot be told.
    #[error("approver `{approver}` is known here as `{known}`, their tenant must be stated alike")]
    TenantUnclear {
        /// The approver.
        approver: String,
        /// The name by which the review knows them.
        known: String,
    },
    /// None of the people has voted.
    #[error("none of these people has voted")]
    NothingToRefresh,
    /// A comment without a text.
    #[error("comment is empty")]
    EmptyComment,
    /// Only whoever asked can take the request back.
    #[error("`{found}` did not ask for this")]
    NotTheRequester {
        /// Who tried.
        found: String,
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
    /// More comments than a review may have.
    #[error("review has {} comments, which is the limit", crate::limits::REMARKS)]
    TooManyComments,
    /// The plan does not let votes shorten the grant.
    #[error("votes on this review may not shorten the grant")]
    MayNotShorten,
    /// The plan does not let votes start the grant later.
    #[error("votes on this review may not start the grant later")]
    MayNotStartLater,
    /// The plan does not let votes narrow the grant.
    #[error("votes on this review may not narrow the grant")]
    MayNotNarrow,
    /// The vote asks for longer than the request.
    #[error("vote allows {}, the request asks for {}", span_of_time::print(*at_most), span_of_time::print(*asked))]
    Widens {
        /// What the vote allows.
        at_most: Duration,
        /// What the request asks for.
        asked: Duration,
    },
    /// The vote asks for an earlier start than the request, or for one in the past.
    #[error("vote lets the grant start at {start}, expected {earliest} or later")]
    StartsEarlier {
        /// The start that the vote asks for.
        start: DateTime<Utc>,
        /// The earliest that it may ask for.
        earliest: DateTime<Utc>,
    },
    /// A constraint that the vote adds is unknown or has a wrong value.
    #[error("vote cannot narrow the grant so: {0}")]
    Narrowing(ClaimError),
    /// The vote allows more of a constraint than the policy or another vote.
    #[error("vote allows more of `{constraint}` than is allowed already")]
    WidensConstraint {
        /// The constraint.
        constraint: &'static str,
    },
    /// What the vote carries as the approver's own signature does not hold.
    #[error("{0}")]
    Signature(#[from] QuorumError),
    /// What the approver signed expires before the vote is counted.
    #[error("signed approval ended at {not_after}, checked at {now}")]
    SignatureExpired {
        /// The end that the approver signed.
        not_after: DateTime<Utc>,
        /// The time of the vote.
        now: DateTime<Utc>,
    },
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

impl VoteError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OwnRequest { .. } => "own_request",
            Self::Excluded { .. } => "excluded",
            Self::NotEligible { .. } => "not_eligible",
            Self::StepUp { .. } => "step_up",
            Self::OutsideHours { .. } => "outside_hours",
            Self::NotAttested { .. } => "not_attested",
            Self::OwnDelegate { .. } => "own_delegate",
            Self::Duplicate { .. } => "duplicate",
            Self::NothingToWithdraw { .. } => "nothing_to_withdraw",
            Self::NotBegun { .. } => "not_begun",
            Self::TenantUnclear { .. } => "tenant_unclear",
            Self::NothingToRefresh => "nothing_to_refresh",
            Self::EmptyComment => "empty_comment",
            Self::NotTheRequester { .. } => "not_the_requester",
            Self::Closed { .. } => "closed",
            Self::ClockBehind { .. } => "clock_behind",
            Self::TooManyVotes => "too_many_votes",
            Self::TooManyComments => "too_many_comments",
            Self::MayNotShorten => "may_not_shorten",
            Self::MayNotStartLater => "may_not_start_later",
            Self::MayNotNarrow => "may_not_narrow",
            Self::Widens { .. } | Self::WidensConstraint { .. } => "widens",
            Self::StartsEarlier { .. } => "starts_earlier",
            Self::Narrowing(_) => "narrowing",
            Self::Signature(_) => "signature",
            Self::SignatureExpired { .. } => "signature_expired",
            Self::DeniedByNow { .. } => "denied_by_now",
            Self::Claims(_) => "grant_not_writable",
            Self::Invalid(_) => "invalid",
            Self::Conflict(_) => "conflict",
        }
    }
}

fn step_up(accepts: &[String], within: Option<Duration>) -> String {
    let methods = if accepts.is_empty() {
        String::new()
    } else {
        let accepts: Vec<String> = accepts.iter().map(|method| crate::text::quote(method)).collect();
        format!(" by `{}`", accepts.join("` or `"))
    };
    methods + &within.map_or_else(String::new, |within| format!(" within {}", span_of_time::print(within)))
}

fn opens(at: Option<DateTime<Utc>>) -> String {
    at.map_or_else(String::new, |at| format!(", votes are taken from {at} on"))
}
