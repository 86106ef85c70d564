//! What the gate records: who asked what, why it was decided so, under which policy, who voted.

use std::time::Duration;

use chrono::{DateTime, Datelike, SecondsFormat, TimeDelta, Utc};
use serde_json::{Value as Json, json};

use super::draft;
use super::extend::inherited;
use super::owed::Owed;
use super::people::version_key;
use crate::audit::{Draft, Event, Key, Refusal, RefusalKind};
use crate::decision::Decision;
use crate::grant::{self, Approval, ClaimError, Claims, Constraint, Constraints, VerifyError};
use crate::limits;
use crate::policy::Policy;
use crate::policy::personal::Personal;
use crate::policy::schema::FactValues;
use crate::request::{Request, Subject};
use crate::review::{Approver, Cast, Change, Granted, Review, Vote, VoteError};
use crate::stamp::Stamp;

/// The stamp of one step, and the id that it gives what the step begins.
pub(super) struct Stamped<'s> {
    pub(super) stamp: &'s Stamp,
    pub(super) id: String,
}

/// What a grant answers.
#[derive(Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) request: &'a Request,
    pub(super) decision: &'a Decision,
    pub(super) review: Option<&'a Review>,
}

impl<'s> Stamped<'s> {
    pub(super) fn new(stamp: &'s Stamp, label: &str) -> Self {
        Self { stamp, id: stamp.id(label) }
    }

    pub(super) fn refusal(&self, call: &str) -> Refusal {
        Refusal::new(self.stamp).with("call", call)
    }

    /// Records a decision with all it rests on. A request out of bounds is left out: no record could hold it.
    /// Personal values stand as commitments.
    pub(super) fn decided(
        &self,
        policy: &Policy,
        request: &Request,
        decided: &Decision,
        facts: &FactValues,
    ) -> Draft {
        let decision = decided.to_record();
        let asked = request.check().is_ok().then(|| request.to_record());
        let personal = policy.schema().personal.of_decision(asked.as_ref().unwrap_or(&Json::Null), &decision);
        let record = draft(self, Event::RequestDecided)
            .with("req", &*self.id)
            .with("engine", ENGINE)
            .with("decision", decision)
            .with("facts", facts.to_record())
            .with_content(asked.map(|asked| ("request".to_owned(), asked)))
            .committing(personal, self.stamp);
        match decided.terms().and_then(|terms| terms.limit.as_ref()) {
            Some(slots) => {
                let key = Key::Next { prefix: slots.prefix.clone(), first: slots.first, last: slots.last };
                record.with_key(key, RefusalKind::LimitReached)
            }
            None => record,
        }
    }

    pub(super) fn opened(&self, review: &Review) -> Draft {
        let fallbacks = Some(review.fallbacks()).filter(|stages| !stages.is_empty());
        let fallbacks = fallbacks.map(|stages| ("fallback".to_owned(), json!(stages)));
        draft(self, Event::ReviewOpened)
            .with_review(review.id())
            .with_key(version_key(review, review.version()), RefusalKind::Stale)
            .with("version", review.version())
            .with("plan", review.plan_text())
            .with("expires_at", text(review.expires_at()))
            .with_content(fallbacks)
    }

    /// Records the changes of a review, in their order. The first takes the review's next version.
    pub(super) fn changed(&self, policy: &Policy, review: &Review, changes: &[Change]) -> Vec<Draft> {
        let mut drafts: Vec<Draft> = Vec::with_capacity(changes.len());
        for (place, change) in changes.iter().enumerate() {
            let event = change.event();
            let again = changes.iter().take(place).filter(|other| other.event() == event).count();
            let label = if again == 0 { event.to_string() } else { format!("{event}/{again}") };
            let draft = of_review(Draft::new(event, self.stamp.id(&label), self.stamp.now()), review);
            let draft = if place == 0 {
                draft
                    .with_key(version_key(review, review.version()), RefusalKind::Stale)
                    .with("version", review.version())
            } else {
                draft
            };
            drafts.push(self.personal(policy, review, draft, change.content()));
        }
        drafts
    }

    /// Adds a content about a review, and commits to what is personal in it.
    fn personal(
        &self,
        policy: &Policy,
        review: &Review,
        draft: Draft,
        content: serde_json::Map<String, Json>,
    ) -> Draft {
        let content = Json::Object(content);
        let paths = policy.schema().personal.of_change(&content, review.holds_personal_action());
        let Json::Object(content) = content else { return draft };
        draft.with_content(content).committing(paths, self.stamp)
    }

    /// Records a vote that does not count. A vote out of bounds is left out: no record could hold it.
    pub(super) fn vote_refused(
        &self,
        policy: &Policy,
        review: &Review,
        vote: &Vote,
        error: &VoteError,
    ) -> Draft {
        let record = of_review(draft(self, Event::ReviewVoteRefused), review);
        let mut content = serde_json::Map::new();
        content.insert("error".to_owned(), error.to_string().into());
        if let Ok(narrowed) = vote.check() {
            content.insert("vote".to_owned(), Cast::of(vote, narrowed, self.stamp.now()).to_record());
        }
        self.personal(policy, review, record, content)
    }

    /// Records that somebody could not move a review.
    pub(super) fn move_refused(
        &self,
        policy: &Policy,
        review: &Review,
        call: &str,
        error: &VoteError,
    ) -> Draft {
        let record = of_review(draft(self, Event::StepRefused), review).with("call", call);
        let content = [("error".to_owned(), error.to_string().into())].into_iter().collect();
        self.personal(policy, review, record, content)
    }

    /// Records that a use of a revoked grant is taken, so that no tool can.
    pub(super) fn use_taken(&self, root: &str, number: u64, last: u64, claims: &Json) -> Draft {
        let key = Key::Next { prefix: format!("{root}/"), first: 1, last };
        let claim = |name: &str| claims.get(name).cloned().unwrap_or_default();
        Draft::new(Event::GrantRevoked, self.stamp.id(&format!("use/{number}")), self.stamp.now())
            .with_key(key, RefusalKind::Replayed)
            .with("grant", claim("jti"))
            .with("req", claim("req"))
    }

    /// Records what fixes a grant. A request is authorized once. Digests over a personal action stand as
    /// commitments.
    pub(super) fn authorized(
        &self,
        request: &str,
        claims: &Claims,
        decision: &Decision,
        personal: bool,
    ) -> Draft {
        let claims = claims.to_value();
        let paths = if personal { Personal::of_claims(&claims) } else { Vec::new() };
        draft(self, Event::GrantAuthorized)
            .with_key(Key::Once(format!("authorize/{request}")), RefusalKind::Stale)
            .with("req", request)
            .with("policy", decision.policy())
            .with("claims", claims)
            .committing(paths, self.stamp)
    }

    /// Records that a recorded grant is handed out again, as the review's next version.
    pub(super) fn recovered(&self, review: &Review, claims: &Json) -> Draft {
        let version = review.version().saturating_add(1);
        let grant = claims.get("jti").cloned().unwrap_or_default();
        of_review(draft(self, Event::GrantRecovered), review)
            .with_key(version_key(review, version), RefusalKind::Stale)
            .with("version", version)
            .with("grant", grant)
    }

    /// Records the review that break-glass access owes, from its start on. A person's k-th emergency happens
    /// once; an agent's are those of whoever stands behind it. `None` where no time can be its deadline.
    pub(super) fn owed(
        &self,
        request: &Request,
        review_within: Duration,
        begins: Option<DateTime<Utc>>,
    ) -> Option<Draft> {
        let used = request.usage().map_or(0, |usage| usage.emergencies).saturating_add(1);
        let person = request.subject().reference();
        let within = TimeDelta::from_std(review_within).ok()?;
        let due = begins.unwrap_or(self.stamp.now()).checked_add_signed(within)?;
        if due.year() > LAST_YEAR {
            return None;
        }
        let behind: Vec<String> = request.actors().map(Subject::reference).collect();
        let human = behind.last().unwrap_or(&person);
        let key = Key::Once(format!("emergency/{}/{used}", crate::hex::short_digest(&[human])));
        let begins = begins.map(|begins| ("begins".to_owned(), text(begins).into()));
        let record = draft(self, Event::EmergencyOwed)
            .with_key(key, RefusalKind::Stale)
            .with("req", &*self.id)
            .with("by", person)
            .with("due", text(due))
            .with_content(begins);
        Some(if behind.is_empty() { record } else { record.with("behind", behind) })
    }

    /// Records that an owed review was held. It is held once.
    pub(super) fn settled(&self, owed: &Owed, vote: &Vote, late: bool) -> Draft {
        draft(self, Event::EmergencySettled)
            .with_cause(Some(owed.cause.clone()))
            .with_key(Key::Once(format!("settle/{}", owed.request)), RefusalKind::Stale)
            .with("req", &*owed.request)
            .with("of", &*owed.person)
            .with("by", vote.approver.reference())
            .with("verdict", vote.verdict.as_str())
            .with("comment", &*vote.comment)
            .with("late", late)
    }

    pub(super) fn settle_refused(&self, owed: &Owed, error: &VoteError) -> Draft {
        draft(self, Event::StepRefused)
            .with_cause(Some(owed.cause.clone()))
            .with("call", "settle")
            .with("req", &*owed.request)
            .with("error", error.to_string())
    }

    pub(super) fn redeemed(&self, claims: &Claims) -> Draft {
        draft(self, Event::GrantRedeemed).with_cause(claims.cause()).with_content(use_of(claims))
    }

    pub(super) fn redeem_refused(&self, claims: &Claims, error: &VerifyError) -> Draft {
        draft(self, Event::StepRefused)
            .with_cause(claims.cause())
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
        asked: Asked<'_>,
        granted: &Granted,
        now: DateTime<Utc>,
    ) -> Result<Claims, ClaimError> {
        let (Asked { request, decision, review }, terms) = (asked, &granted.terms);
        let begins = granted.starts_at.unwrap_or(now);
        let after = |span: Duration| {
            let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::zero());
            begins.checked_add_signed(span).unwrap_or(begins)
        };
        let ends = after(terms.duration);
        let ends =
            [granted.not_after, terms.until].into_iter().flatten().fold(ends, |ends, end| ends.min(end));
        if ends <= begins.max(now) {
            return Err(ClaimError::Type { claim: "exp", expected: "later than the start of the grant" });
        }
        let mut constraints = Constraints::default();
        if let Some(uses) = terms.max_uses {
            constraints.set(Constraint::MaxUses, json!(uses))?;
        }
        if let Some(within) = terms.use_within {
            constraints.set(Constraint::FirstUseBy, json!(after(within).min(ends).timestamp()))?;
        }
        if review.is_some_and(Review::revokes) {
            constraints.set(Constraint::RevocationMaxAge, json!(limits::REVOCATION_AGE_SECONDS))?;
        }
        let narrower = |constraint: Constraint| ClaimError::Type {
            claim: constraint.as_str(),
            expected: "within what the policy allows",
        };
        constraints.narrow(&granted.narrowed).map_err(narrower)?;
        if let Some(known) = request.extended().and_then(|extended| extended.known.as_ref()) {
            constraints.narrow(&inherited(known)?).map_err(narrower)?;
        }
        let approval = |approver: &Approver| match &approver.signature {
            Some(token) => Approval::Signed(token.clone()),
            None => Approval::Named { by: approver.person.clone(), at: approver.at.timestamp() },
        };
        Claims::new(grant::Terms {
            issuer: issuer.to_owned(),
            subject: request.subject().reference(),
            audience: request.audience(),
            issued_at: now,
            not_before: begins,
            expires_at: ends,
            id: self.stamp.id("grant"),
            action: request.action().name().to_owned(),
            resource: request.resources().map(crate::request::Resource::reference).collect(),
            request: review.map_or(&*self.id, Review::id).to_owned(),
            action_digest: request.action_digest(),
            policy: Some(decision.policy().to_owned()),
            constraints,
            approvals: granted.approvers.iter().map(approval).collect(),
            holder: request.holder().cloned(),
        })
        .and_then(Claims::covered)
    }
}

/// Puts a record to a review, of whose opening it is a consequence.
pub(super) fn of_review(draft: Draft, review: &Review) -> Draft {
    draft.with_review(review.id()).with_cause(review.opening().cloned())
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

/// The last year that a record's reader knows.
const LAST_YEAR: i32 = 9_999;

/// The version whose semantics decided, so that a replay knows whether it is the same.
pub(crate) const ENGINE: &str = concat!("countersign ", env!("CARGO_PKG_VERSION"));
