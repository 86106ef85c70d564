//! What is wrong with an access request, and what of it the caller is told.
//!
//! The error names the fault for the host's log. The problem document (RFC 9457) made of it has the profile's type
//! and status and says no more than the profile does, so that a forger learns nothing from trying.

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::BadRequest;
use crate::TokenError;

/// Why an access request is refused. Nothing was changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessRequestError {
    /// The body cannot be read.
    #[error(transparent)]
    Body(#[from] BadRequest),
    /// A member is absent or is not what it must be.
    #[error("`{path}` is not {expected}")]
    Member {
        /// The member's path.
        path: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// No denial that can be requested: none is named, or what is asked is not for people to approve by now.
    #[error("denial is not requestable")]
    NotRequestable,
    /// The time to ask is over.
    #[error("denial expired at {expires_at}, submitted at {now}")]
    ExpiredDenial {
        /// When it expired.
        expires_at: DateTime<Utc>,
        /// When it was submitted.
        now: DateTime<Utc>,
    },
    /// The denial cannot be shown to be of what is asked.
    #[error("denial is not bound: {0}")]
    Binding(#[from] BindingFault),
    /// The idempotency key stands for another body.
    #[error("idempotency key was used with another body")]
    DuplicateRequest,
    /// There is no such task, or none for this caller.
    #[error("task is unknown")]
    UnknownTask,
    /// The handle is no longer valid.
    #[error("task expired at {expires_at}, asked at {now}")]
    TaskExpired {
        /// When it expired.
        expires_at: DateTime<Utc>,
        /// The time of the call.
        now: DateTime<Utc>,
    },
    /// The task is over.
    #[error("task is over")]
    InvalidTaskState,
}

/// Why a denial cannot be shown to be of what is asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BindingFault {
    /// A denial without a binding token, or one that does not cover every item.
    #[error("no binding token covers the item")]
    Missing,
    /// The token's shape.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The signature is not that of a known key over these bytes.
    #[error("signature does not hold")]
    Signature,
    /// A claim is absent or of the wrong type.
    #[error("claim `{claim}` is missing or malformed")]
    Claim {
        /// The claim's name.
        claim: &'static str,
    },
    /// The token is another issuer's, another service's or another tenant's.
    #[error("claim `{claim}` is another's")]
    Foreign {
        /// The claim's name.
        claim: &'static str,
    },
    /// What was submitted is not what was denied.
    #[error("`{member}` differs from what was denied")]
    Differs {
        /// The member's name.
        member: &'static str,
    },
    /// The token was submitted before.
    #[error("token was submitted before")]
    Replayed,
    /// The submission names an actor for whom the host did not vouch.
    #[error("actor is not verified")]
    Actor,
}

/// A problem document, `application/problem+json` (RFC 9457).
///
/// ```
/// use countersign::authzen::AccessRequestError;
///
/// let problem = AccessRequestError::UnknownTask.problem();
/// assert_eq!(problem.status(), 404);
/// assert_eq!(problem.kind(), "urn:openid:authzen:access-request:error:unknown_task");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

impl AccessRequestError {
    /// Makes the problem document for the caller. Of a body it says what is wrong; of anything else only the type.
    #[must_use]
    pub fn problem(&self) -> Problem {
        let (name, title, status) = match self {
            Self::Body(error) if error.status() == 413 => (None, "Content too large", 413),
            Self::Body(_) | Self::Member { .. } => (None, "Bad request", 400),
            Self::NotRequestable => (Some("not_requestable"), "Access is not requestable", 400),
            Self::ExpiredDenial { .. } => (Some("expired_denial"), "Denial has expired", 410),
            Self::Binding(_) => (Some("invalid_denial_binding"), "Denial does not cover the request", 400),
            Self::DuplicateRequest => (Some("duplicate_request"), "Idempotency key was used before", 409),
            Self::UnknownTask => (Some("unknown_task"), "Task is unknown", 404),
            Self::TaskExpired { .. } => (Some("task_expired"), "Task handle has expired", 410),
            Self::InvalidTaskState => (Some("invalid_task_state"), "Task is over", 409),
        };
        let kind = name.map_or("about:blank".to_owned(), |name| format!("{TYPES}{name}"));
        Problem { kind, title, status, detail: name.is_none().then(|| self.to_string()) }
    }
}

impl Problem {
    /// Returns the problem's type, a URI.
    #[must_use]
    pub fn kind(&self) -> &str {
        &self.kind
    }

    /// Returns the HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }
}

impl From<crate::RequestError> for AccessRequestError {
    fn from(error: crate::RequestError) -> Self {
        Self::Body(error.into())
    }
}

const TYPES: &str = "urn:openid:authzen:access-request:error:";
