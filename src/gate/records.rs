//! What the gate records: who asked what, why it was decided so, under which policy, who voted.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::{draft, version_key};
use crate::audit::{Draft, Event, Key, Refusal, RefusalKind};
use crate::decision::{Decision, Path, Terms};
use crate::grant::{self, Approval, ClaimError, Claims, Constraint, Constraints, VerifyError};
use crate::policy::Policy;
use crate::policy::schema::FactValues;
use crate::request::Request;
use crate::review::{Approver, Counted, Review, Vote, VoteError};
use crate::stamp::Stamp;

/// The stamp of one step, and the id that it gives what the step begins.
pub(super) struct Stamped<'s> {
    pub(super) stamp: &'s Stamp,
    pub(super) id: String,
}

impl<'s> Stamped<'s> {
    pub(super) fn new(stamp: &'s Stamp, label: &str) -> Self {
        Self { stamp, id: stamp.id(label) }
    }

    pub(super) fn refusal(&self, call: &str) -> Refusal {
        Refusal::new(self.stamp).with("call", call)
    }

    /// Records a decision with all it rests on. A request out of bounds is left out: no record could hold it.
    pub(super) fn decided(&self, request: &Request, decision: &Decision, facts: &FactValues) -> Draft {
        let mut record = draft(self, Event::RequestDecided)
            .with("req", &*self.id)
            .with("engine", ENGINE)
            .with("decision", decision.to_record())
            .with("facts", facts.to_record());
        if request.check().is_ok() {
            record = record.with("request", request.to_record());
        }
        match decision.terms().and_then(|terms| terms.limit.as_ref()) {
            Some(slots) => {
                let key = Key::Next { prefix: slots.prefix.clone(), first: slots.first, last: slots.last };
                record.with_key(key, RefusalKind::LimitReached)
            }
            None => record,
        }
    }

    pub(super) fn opened(&self, review: &Review) -> Draft {
        draft(self, Event::ReviewOpened)
            .with_review(review.id())
            .with_key(version_key(review), RefusalKind::Stale)
            .with("version", review.version())
            .with("plan", review.plan_text())
            .with("expires_at", text(review.expires_at()))
    }

    pub(super) fn voted(&self, counted: &Counted, vote: &Vote) -> Draft {
        let review = &counted.review;
        draft(self, Event::ReviewVoted)
            .with_review(review.id())
            .with_key(version_key(review), RefusalKind::Stale)
            .with("version", review.version())
            .with("vote", recorded_vote(vote, &counted.seats))
    }

    /// Records a vote that does not count. A vote out of bounds is left out: no record could hold it.
    pub(super) fn vote_refused(&self, review: &Review, vote: &Vote, error: &VoteError) -> Draft {
        let record =
            draft(self, Event::ReviewVoteRefused).with_review(review.id()).with("error", error.to_string());
        if vote.check().is_ok() { record.with("vote", recorded_vote(vote, &[])) } else { record }
    }

    pub(super) fn approved(&self, review: &Review, approvers: &[Approver]) -> Draft {
        let named: Json = approvers
            .iter()
            .map(|approver| json!({ "by": approver.person, "at": text(approver.at) }))
            .collect();
        self.ended(Event::ReviewApproved, review).with("approvers", named)
    }

    /// Records the end of a review. It goes with the vote that made it, or has the version's key itself.
    pub(super) fn ended(&self, event: Event, review: &Review) -> Draft {
        let record = draft(self, event).with_review(review.id());
        if event == Event::ReviewExpired { record.with("version", review.version()) } else { record }
    }

    /// Records what fixes a grant. A request is authorized once.
    pub(super) fn authorized(&self, request: &str, claims: &Claims, decision: &Decision) -> Draft {
        draft(self, Event::GrantAuthorized)
            .with_key(Key::Once(format!("authorize/{request}")), RefusalKind::Stale)
            .with("req", request)
            .with("policy", decision.policy())
            .with("claims", claims.to_value())
    }

    /// Records the review that break-glass access owes. A person's k-th emergency happens once.
    pub(super) fn owed(&self, request: &Request, decision: &Decision) -> Option<Draft> {
        let Path::Emergency { review_within, .. } = &decision.path else { return None };
        let used = request.usage().map_or(0, |usage| usage.emergencies).saturating_add(1);
        let person = request.subject().reference();
        let within = TimeDelta::from_std(*review_within).ok()?;
        let due = self.stamp.now().checked_add_signed(within)?;
        let key = Key::Once(format!("emergency/{}/{used}", crate::hex::short_digest(&[&person])));
        let record = draft(self, Event::EmergencyOwed)
            .with_key(key, RefusalKind::Stale)
            .with("req", &*self.id)
            .with("by", person)
            .with("due", text(due));
        Some(record)
    }

    pub(super) fn redeemed(&self, claims: &Claims) -> Draft {
        draft(self, Event::GrantRedeemed).with_content(use_of(claims))
    }

    pub(super) fn redeem_refused(&self, claims: &Claims, error: &VerifyError) -> Draft {
        draft(self, Event::StepRefused)
            .with("call", "redeem")
            .with("error", error.to_string())
            .with_content(use_of(claims))
    }

    pub(super) fn loaded(&self, policy: &Policy, before: &Policy) -> Draft {
        draft(self, Event::PolicyLoaded)
            .with("policy", policy.digest())
            .with("name", policy.name())
            .with("replaces", before.digest())
            .with("engine", ENGINE)
    }

    /// Fixes every claim of a grant.
    pub(super) fn claims(
        &self,
        issuer: &str,
        request: &Request,
        decision: &Decision,
        terms: &Terms,
        approvers: &[Approver],
        review: Option<&str>,
    ) -> Result<Claims, ClaimError> {
        let now = self.stamp.now();
        let start = terms.start.unwrap_or(now).max(now);
        let after = |span: std::time::Duration| {
            let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::zero());
            start.checked_add_signed(span).unwrap_or(start)
        };
        let end = after(terms.duration);
        let end = terms.until.map_or(end, |until| until.min(end));
        if end <= start {
            return Err(ClaimError::Type { claim: "exp", expected: "later than the start of the grant" });
        }
        let resource = request.resource();
        let mut constraints = Constraints::default();
        if let Some(uses) = terms.max_uses {
            constraints.set(Constraint::MaxUses, json!(uses))?;
        }
        if let Some(within) = terms.use_within {
            constraints.set(Constraint::FirstUseBy, json!(after(within).min(end).timestamp()))?;
        }
        let approvals = approvers.iter();
        let approvals = approvals
            .map(|approver| Approval::Named { by: approver.person.clone(), at: approver.at.timestamp() });
        Claims::new(grant::Terms {
            issuer: issuer.to_owned(),
            subject: request.subject().reference(),
            audience: request.audience(),
            issued_at: now,
            not_before: start,
            expires_at: end,
            id: self.stamp.id("grant"),
            action: request.action().name().to_owned(),
            resource: resource.reference(),
            request: review.unwrap_or(&self.id).to_owned(),
            action_digest: request.action().digest(resource),
            policy: Some(decision.policy().to_owned()),
            constraints,
            approvals: approvals.collect(),
            holder: None,
        })
    }
}

fn recorded_vote(vote: &Vote, seats: &[Option<usize>]) -> Json {
    json!({
        "approver": vote.approver.to_record(),
        "verdict": vote.verdict.as_str(),
        "comment": vote.comment,
        "at_most_s": vote.at_most.map(|span| span.as_secs()),
        "stages": seats,
    })
}

fn use_of(claims: &Claims) -> [(String, Json); 5] {
    let claims = claims.to_value();
    let claim = |name: &str| claims.get(name).cloned().unwrap_or_default();
    [("grant", "jti"), ("req", "req"), ("by", "sub"), ("action", "act"), ("resource", "res")]
        .map(|(name, from)| (name.to_owned(), claim(from)))
}

fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

/// The version whose semantics decided, so that a replay knows whether it is the same.
const ENGINE: &str = concat!("countersign ", env!("CARGO_PKG_VERSION"));
