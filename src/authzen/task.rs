//! How far a filed access request is.
//!
//! A task has no state of its own: its status is read off the reviews that it opened, every time.

use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};

use super::access::text;
use super::filed::{FiledItem, Stands};
use super::{AccessRequestError, AccessRequests, Callback, Filed, body};
use crate::review::{Review, ReviewState, VoteError};

/// The status of a task or an item.
///
/// A failure is none of them: what a gate could not record was never filed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TaskStatus {
    /// People or the start are awaited.
    Pending,
    /// It was approved. This allows nothing: ask again with the approval.
    Approved,
    /// It was rejected.
    Denied,
    /// Nobody decided in time.
    Expired,
    /// It was withdrawn, replaced, or its approval was taken back.
    Cancelled,
    /// The items of a bundle ended differently.
    Partial,
}

/// The answer of the access request endpoint and of the task status endpoint.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Task {
    task: Json,
    #[serde(skip_serializing_if = "Option::is_none")]
    result: Option<Json>,
    #[serde(skip)]
    status: TaskStatus,
    #[serde(skip)]
    location: String,
    #[serde(skip)]
    retry_after: Option<u64>,
}

/// The body of a cancellation: why, for the audit.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Cancellation {
    /// A reason code.
    pub reason: Option<String>,
    /// A note.
    pub comment: Option<String>,
}

impl AccessRequests {
    /// Makes the answer on a task. `review` gives a review as it stands; whether this caller may see the task is the
    /// host's to know.
    ///
    /// # Errors
    ///
    /// [`AccessRequestError::UnknownTask`] for another tenant's task or where a review is not found,
    /// [`AccessRequestError::TaskExpired`].
    pub fn task(
        &self,
        filed: &Filed,
        mut review: impl FnMut(&str) -> Option<Review>,
        now: DateTime<Utc>,
    ) -> Result<Task, AccessRequestError> {
        self.open_task(filed, now)?;
        let items = filed.items.iter().map(|item| item.stand(&mut review, now));
        let stands = items.collect::<Result<Vec<_>, _>>()?;
        let status = TaskStatus::of_all(stands.iter().map(|(status, _)| *status));
        let location = format!("{}/{}", self.endpoint.trim_end_matches('/'), filed.task());
        let mut task = json!({
            "id": filed.task(), "status": status.as_str(), "status_endpoint": location,
            "expires_at": text(filed.expires_at().timestamp()),
        });
        let mut put = |name: &str, value: Json| {
            task.as_object_mut().and_then(|task| task.insert(name.to_owned(), value));
        };
        let mut result = None;
        if status == TaskStatus::Pending {
            put("links", json!({ "cancel": format!("{location}/cancel") }));
        }
        if filed.bundle {
            let items = filed.items.iter().zip(stands).map(|(item, (status, result))| {
                let mut shown =
                    json!({ "resource": item.resource, "action": item.action, "status": status.as_str() });
                if let (Some(result), Some(shown)) = (result, shown.as_object_mut()) {
                    shown.insert("result".to_owned(), result);
                }
                shown
            });
            put("items", items.collect());
        } else {
            result = stands.into_iter().next().and_then(|(_, result)| result);
        }
        let age = now.timestamp().saturating_sub(filed.filed_at) / 10;
        let pause = u64::try_from(age).unwrap_or_default().clamp(SHORTEST_POLL, LONGEST_POLL);
        let retry_after = (status == TaskStatus::Pending).then_some(pause);
        Ok(Task { task, result, status, location, retry_after })
    }

    /// Returns the reviews to take back for a cancellation, each by [`Gate::withdraw`](crate::Gate::withdraw) in
    /// the name of whoever asked. Answer with the [task](Self::task) as it then stands.
    ///
    /// # Errors
    ///
    /// As [`task`](Self::task), and [`AccessRequestError::InvalidTaskState`] where nothing is pending.
    pub fn pending(
        &self,
        filed: &Filed,
        mut review: impl FnMut(&str) -> Option<Review>,
        now: DateTime<Utc>,
    ) -> Result<Vec<Review>, AccessRequestError> {
        self.open_task(filed, now)?;
        let mut open = Vec::new();
        for id in filed.reviews() {
            let review = review(id).filter(|review| review.id() == id);
            let review = review.ok_or(AccessRequestError::UnknownTask)?;
            if TaskStatus::of(&review, now) == TaskStatus::Pending {
                open.push(review);
            }
        }
        if open.is_empty() { Err(AccessRequestError::InvalidTaskState) } else { Ok(open) }
    }

    fn open_task(&self, filed: &Filed, now: DateTime<Utc>) -> Result<(), AccessRequestError> {
        if !filed.is_of(self) {
            return Err(AccessRequestError::UnknownTask);
        }
        let expires_at = filed.expires_at();
        if now >= expires_at { Err(AccessRequestError::TaskExpired { expires_at, now }) } else { Ok(()) }
    }
}

impl FiledItem {
    fn stand(
        &self,
        review: &mut impl FnMut(&str) -> Option<Review>,
        now: DateTime<Utc>,
    ) -> Result<(TaskStatus, Option<Json>), AccessRequestError> {
        let (approved_at, until) = match &self.stands {
            Stands::Denied => return Ok((TaskStatus::Denied, None)),
            Stands::Allowed { until } => (None, *until),
            Stands::Review(id) => {
                let review = review(id).filter(|review| review.id() == id);
                let review = review.ok_or(AccessRequestError::UnknownTask)?;
                let status = TaskStatus::of(&review, now);
                if status != TaskStatus::Approved {
                    return Ok((status, None));
                }
                let Some(until) = review.grant_time("exp") else { return Ok((TaskStatus::Pending, None)) };
                (review.grant_time("iat"), until)
            }
        };
        let mut approval = json!({ "id": self.approval, "approved_until": text(until) });
        if let (Some(at), Some(approval)) = (approved_at, approval.as_object_mut()) {
            approval.insert("approved_at".to_owned(), text(at).into());
        }
        Ok((TaskStatus::Approved, Some(json!({ "mode": "reevaluate", "approval": approval }))))
    }
}

impl TaskStatus {
    /// Returns the name of the status.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Approved => "approved",
            Self::Denied => "denied",
            Self::Expired => "expired",
            Self::Cancelled => "cancelled",
            Self::Partial => "partial",
        }
    }

    /// The status of a review by now: one that nobody woke after its end has expired all the same.
    fn of(review: &Review, now: DateTime<Utc>) -> Self {
        match review.state() {
            ReviewState::Open if now >= review.expires_at() => Self::Expired,
            state => state.into(),
        }
    }

    fn of_all(mut items: impl Iterator<Item = Self>) -> Self {
        let first = items.next().unwrap_or(Self::Denied);
        items.fold(first, |one, other| match (one, other) {
            (Self::Pending, _) | (_, Self::Pending) => Self::Pending,
            (one, other) if one == other => one,
            _ => Self::Partial,
        })
    }
}

/// Total: every state of a review has its status. An approval that was taken back shows as cancelled, though a
/// terminal status should not move: nobody may go on taking it for approved.
impl From<ReviewState> for TaskStatus {
    fn from(state: ReviewState) -> Self {
        match state {
            ReviewState::Open | ReviewState::Scheduled => Self::Pending,
            ReviewState::Approved => Self::Approved,
            ReviewState::Rejected => Self::Denied,
            ReviewState::Expired => Self::Expired,
            ReviewState::Withdrawn | ReviewState::Superseded | ReviewState::Revoked => Self::Cancelled,
        }
    }
}

impl Task {
    /// Returns the status.
    #[must_use]
    pub fn status(&self) -> TaskStatus {
        self.status
    }

    /// Returns the HTTP status of the answer to a submission: 202 while it is pending, 201 when it is settled. A
    /// poll is answered with 200.
    #[must_use]
    pub fn submission_status(&self) -> u16 {
        if self.status == TaskStatus::Pending { 202 } else { 201 }
    }

    /// Returns the value of the header `Location`.
    #[must_use]
    pub fn location(&self) -> &str {
        &self.location
    }

    /// Returns the seconds for the header `Retry-After` while the task is pending: a tenth of its age, 5 to 60.
    #[must_use]
    pub fn retry_after(&self) -> Option<u64> {
        self.retry_after
    }

    /// Makes the body of a callback, where the task is settled and the caller wants to know. It carries no result: it
    /// says to look.
    #[must_use]
    pub fn notice(&self, callback: &Callback) -> Option<Json> {
        let name = self.status.as_str();
        let wanted = callback.events.is_empty() || callback.events.iter().any(|event| event == name);
        if self.status == TaskStatus::Pending || !wanted {
            return None;
        }
        let task = json!({ "id": self.task.get("id"), "status": name, "status_endpoint": self.location });
        Some(match &callback.state {
            Some(state) => json!({ "state": state, "task": task }),
            None => json!({ "task": task }),
        })
    }
}

impl Cancellation {
    /// Reads the body of a cancellation, which may be empty.
    ///
    /// # Errors
    ///
    /// [`AccessRequestError::Body`], [`AccessRequestError::Member`].
    pub fn from_json(text: impl AsRef<[u8]>) -> Result<Self, AccessRequestError> {
        if text.as_ref().is_empty() {
            return Ok(Self::default());
        }
        let body = body(text.as_ref())?;
        let member = |name, path| match body.get(name) {
            None => Ok(None),
            Some(value) => {
                let text = value.as_str().map(str::to_owned);
                text.map(Some).ok_or(AccessRequestError::Member { path, expected: "a string" })
            }
        };
        Ok(Self { reason: member("reason", "reason")?, comment: member("comment", "comment")? })
    }
}

/// What a cancellation that the gate refused is to the caller: over, or nothing they know of.
impl From<VoteError> for AccessRequestError {
    fn from(error: VoteError) -> Self {
        match error {
            VoteError::Closed { .. } | VoteError::Conflict(_) => Self::InvalidTaskState,
            _ => Self::UnknownTask,
        }
    }
}

/// Seconds between polls: the profile's several seconds to one minute.
const SHORTEST_POLL: u64 = 5;
const LONGEST_POLL: u64 = 60;
