//! An evaluation that shows an approval: does it apply, and to this?
//!
//! An approval is a reference, never a right. It is checked against what was filed, the review as it stands, and
//! the policy of now; what remains is allowed only by the gate, which gives the review's grant once more.

use chrono::{DateTime, Utc};
use serde_json::json;

use super::access::text;
use super::binding::digest;
use super::filed::{FiledItem, Stands};
use super::{AccessRequests, Answer, Filed};
use crate::decision::{Decision, Effect};
use crate::grant::Authorization;
use crate::keys::SigningKey;
use crate::request::Request;
use crate::review::{Review, ReviewState};
use crate::stamp::Stamp;
use crate::value::Value;

/// What an evaluation with an approval leads to.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "it is handled at once and never kept in bulk")]
pub enum Reevaluation {
    /// The answer: what the policy says without people, or why the approval does not apply.
    Answered(Answer),
    /// The approval applies: let the gate give its grant.
    Applies(Applicable),
}

/// An approval that applies to a request. It allows nothing before the gate has given the grant once more
/// ([`Gate::recover`](crate::Gate::recover) of the review).
#[derive(Debug)]
#[must_use]
pub struct Applicable {
    request: Request,
    approval: String,
    review: String,
    grant: String,
    until: i64,
}

/// Why an approval does not apply (section on completion).
#[derive(Debug, Clone, Copy)]
enum Because {
    Expired,
    OutOfScope,
    Pending { seconds: u64 },
    PolicyDenied,
    Unverifiable,
}

impl AccessRequests {
    /// Returns the id of the approval that an evaluation shows, to look up what was filed under it.
    #[must_use]
    pub fn approval_of(request: &Request) -> Option<&str> {
        match request.context("approval")?.0 {
            Value::Map(approval) => approval.get("id")?.as_str(),
            _ => None,
        }
    }

    /// Answers an evaluation that may show an approval, by the policy's decision of now on it. `filed` is what was
    /// filed under [that id](Self::approval_of) and `review` the review of its item, as it stands.
    ///
    /// What the policy allows by itself is allowed, and what it denies or challenges by now is not, whatever people
    /// approved.
    #[must_use]
    pub fn reevaluate(
        &self,
        request: &Request,
        decision: &Decision,
        filed: Option<(&Filed, &Review)>,
        key: &SigningKey,
        stamp: Stamp,
    ) -> Reevaluation {
        let now = stamp.now();
        let answer = self.answer(request, decision, key, stamp);
        let shown = request.context("approval").is_some();
        if !shown || matches!(decision.effect(), Effect::Allow | Effect::Challenge) {
            return Reevaluation::Answered(answer);
        }
        match self.applies(request, decision, filed, now) {
            Ok(applicable) => Reevaluation::Applies(applicable),
            Err(because) => Reevaluation::Answered(because.answer(answer)),
        }
    }

    fn applies(
        &self,
        request: &Request,
        decision: &Decision,
        filed: Option<(&Filed, &Review)>,
        now: DateTime<Utc>,
    ) -> Result<Applicable, Because> {
        if decision.effect() == Effect::Deny {
            return Err(Because::PolicyDenied);
        }
        let ((filed, review), id) = filed.zip(Self::approval_of(request)).ok_or(Because::Unverifiable)?;
        // No state is ever given out, so one that comes back is somebody else's.
        let foreign_state = match request.context("approval") {
            Some((Value::Map(approval), _)) => approval.get("state").is_some(),
            _ => true,
        };
        let item = filed.items.iter().find(|item| item.approval == id && item.is_of(review));
        let item = item.filter(|_| !foreign_state && filed.is_of(self)).ok_or(Because::Unverifiable)?;
        if digest(request, &item.context) != item.digest {
            return Err(Because::OutOfScope);
        }
        match review.state() {
            ReviewState::Approved => {}
            // Nobody was told of an approval yet.
            ReviewState::Open | ReviewState::Scheduled => return Err(Because::Unverifiable),
            _ => return Err(Because::Expired),
        }
        let times = review.grant_time("nbf").zip(review.grant_time("exp"));
        let (grant, (from, until)) = review.grant_id().zip(times).ok_or(Because::Unverifiable)?;
        // People whom the policy of now asks were never asked.
        let asked = review.policies().any(|policy| policy == decision.policy());
        if !asked || now.timestamp() >= until {
            return Err(Because::Expired);
        }
        if let Ok(seconds @ 1..) = u64::try_from(from.saturating_sub(now.timestamp())) {
            return Err(Because::Pending { seconds });
        }
        Ok(Applicable {
            request: request.clone(),
            approval: id.to_owned(),
            review: review.id().to_owned(),
            grant: grant.to_owned(),
            until,
        })
    }
}

impl FiledItem {
    fn is_of(&self, review: &Review) -> bool {
        matches!(&self.stands, Stands::Review(id) if id == review.id())
    }
}

impl Applicable {
    /// Returns the id of the review whose grant the gate must give.
    #[must_use]
    pub fn review(&self) -> &str {
        &self.review
    }

    /// Makes the answer that allows, of the grant that the gate gave: hand its token out beside it. The tool
    /// redeems it, so that one use stays one use however often somebody asks. Another grant allows nothing.
    #[must_use]
    pub fn answer(self, authorization: &Authorization) -> Answer {
        let answer = Answer::new(&self.request, authorization.decision());
        if authorization.id() != self.grant {
            return Because::Unverifiable.answer(answer);
        }
        answer.approved(json!({ "id": self.approval, "approved_until": text(self.until) }))
    }
}

impl Because {
    fn answer(self, answer: Answer) -> Answer {
        match self {
            Self::Expired => answer.unapproved("approval_expired", "request", None),
            Self::OutOfScope => answer.unapproved("out_of_scope", "request", None),
            Self::Pending { seconds } => answer.unapproved("grant_pending", "retry", Some(seconds)),
            Self::PolicyDenied => answer.unapproved("policy_denied", "none", None),
            Self::Unverifiable => answer.unapproved("approval_unverifiable", "none", None),
        }
    }
}
