//! What the host stores of a submission that the gate took.
//!
//! One row that never changes: which reviews the items opened, under which ids their approvals will be shown, and
//! what those are bound to. How far anything is stands in the reviews.

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::access::moment;
use super::{AccessRequest, AccessRequestError, AccessRequests, Bound};
use crate::gate::Outcome;
use crate::stamp::Stamp;

/// What the host stores of a submission, in the transaction that stores the gate's records.
///
/// Its keys: [`task`](Self::task); the caller with the idempotency key, where there is one; each of the
/// [approvals](Self::approvals); each of [`Bound::token_ids`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filed {
    task: String,
    caller: String,
    tenant: Option<String>,
    /// The digest of the body, for a repeated idempotency key.
    body: String,
    pub(super) filed_at: i64,
    expires_at: i64,
    pub(super) bundle: bool,
    pub(super) items: Vec<FiledItem>,
}

/// One item, with what its approval is bound to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct FiledItem {
    pub(super) resource: Json,
    pub(super) action: Json,
    pub(super) approval: String,
    pub(super) evaluation: String,
    pub(super) context: Vec<String>,
    pub(super) digest: String,
    pub(super) stands: Stands,
}

/// What an item led to when it was filed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Stands {
    /// People are asked, in the review of this id.
    Review(String),
    /// It was allowed at once, until then.
    Allowed { until: i64 },
    /// It was not.
    Denied,
}

impl Bound {
    /// Makes the row to store of what the gate answered to each of the [requests](Self::requests), in their order.
    /// `caller` names whoever the host authenticated.
    ///
    /// # Errors
    ///
    /// [`AccessRequestError::NotRequestable`] where nothing was allowed and nobody is asked.
    pub fn file(self, caller: &str, outcomes: &[Outcome], stamp: Stamp) -> Result<Filed, AccessRequestError> {
        let now = stamp.now();
        let mut end = now;
        let tenant = self.items.first().and_then(|(_, binding)| binding.tenant.clone());
        // Only the items of a bundle are shown again; statements are not stored twice for nothing.
        let echo = |json| if self.bundle { json } else { Json::Null };
        let items: Vec<FiledItem> = self
            .items
            .into_iter()
            .enumerate()
            .map(|(place, (asked, binding))| {
                let stands = match outcomes.get(place) {
                    Some(Outcome::Review(review)) if *review.request() == asked.request => {
                        end = end.max(review.expires_at()).max(asked.request.not_before().unwrap_or(end));
                        Stands::Review(review.id().to_owned())
                    }
                    Some(Outcome::Allow(authorization)) => {
                        Stands::Allowed { until: authorization.expires_at().timestamp() }
                    }
                    _ => Stands::Denied,
                };
                FiledItem {
                    resource: echo(asked.resource),
                    action: echo(asked.action),
                    approval: format!("apr_{}", stamp.id(&format!("approval/{place}"))),
                    evaluation: binding.evaluation,
                    context: binding.context,
                    digest: binding.digest,
                    stands,
                }
            })
            .collect();
        if items.iter().all(|item| item.stands == Stands::Denied) {
            return Err(AccessRequestError::NotRequestable);
        }
        Ok(Filed {
            task: format!("arq_{}", stamp.id("task")),
            caller: caller.to_owned(),
            tenant,
            body: self.digest,
            filed_at: now.timestamp(),
            expires_at: end.checked_add_signed(KEPT).unwrap_or(end).timestamp(),
            bundle: self.bundle,
            items,
        })
    }
}

impl Filed {
    /// Returns the id of the task. Knowing it is no right to see it.
    #[must_use]
    pub fn task(&self) -> &str {
        &self.task
    }

    /// Returns the caller who filed it.
    #[must_use]
    pub fn caller(&self) -> &str {
        &self.caller
    }

    /// Iterates over the ids that approvals of its items have, or will have.
    pub fn approvals(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|item| item.approval.as_str())
    }

    /// Iterates over the ids of the evaluations that were denied.
    pub fn evaluations(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|item| item.evaluation.as_str())
    }

    /// Iterates over the ids of the reviews that it opened.
    pub fn reviews(&self) -> impl Iterator<Item = &str> {
        self.items.iter().filter_map(|item| match &item.stands {
            Stands::Review(id) => Some(id.as_str()),
            _ => None,
        })
    }

    /// Returns when the handle ends: a day after the last moment at which people could decide. Keep the idempotency
    /// key as long.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        moment(self.expires_at)
    }

    pub(super) fn is_of(&self, service: &AccessRequests) -> bool {
        self.tenant == service.tenant
    }

    /// Says that a submission with the idempotency key of this one is the same again: answer it with this task.
    /// Insignificant space and the order of members make no difference.
    ///
    /// # Errors
    ///
    /// [`AccessRequestError::DuplicateRequest`] for another body or another caller.
    pub fn check_repeated(&self, caller: &str, submission: &AccessRequest) -> Result<(), AccessRequestError> {
        let same = self.caller == caller && self.body == submission.digest;
        if same { Ok(()) } else { Err(AccessRequestError::DuplicateRequest) }
    }
}

/// How long a handle outlasts the last moment at which people could decide: the profile's 24 hours.
const KEPT: TimeDelta = TimeDelta::hours(24);
