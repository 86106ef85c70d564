//! Why, why not, and what would help.
//!
//! Tells a decision again with its evidence: the tests that made each deciding rule match, the rules that
//! just missed and on which test, who may approve, and the cheapest change that leads to yes. A change is
//! offered only after it was decided again and worked; it never touches what the host attests.

mod account;
mod change;
mod choices;
mod plan;
mod print;
mod wait;

use chrono::{DateTime, Utc};
use serde::Serialize;

pub use account::{Came, RuleAccount, Seen, TestAccount};
pub use change::{Change, ChangeStep};
pub(crate) use plan::of as approvals;
pub use plan::{ApprovalPlan, Approvals, StagePlan};
pub use wait::Wait;

use super::decide::{Decided, decide_again, strictest};
use super::{Decision, Effect, NextAction, decide};
use crate::policy::Policy;
use crate::request::Request;

/// A decision with everything that led to it, for people and for machines.
///
/// It shows conditions of the policy and values of the request, attested ones too; who may read both may read
/// it. Outside text is escaped and cut, payloads are not shown, and what looks like a secret is withheld. It
/// prints as text; as JSON it is the AuthZEN response with one member more, `explanation`.
///
/// ```
/// use countersign::{Action, Policy, Request, Resource, Subject};
///
/// let policy = Policy::from_toml(
///     r#"
///     format = 1
///     name = "reads"
///     [attributes]
///     "resource.environment" = "string"
///     "context.ticket" = { type = "string?", source = "caller", matches = '^INC[0-9]+$' }
///     [defaults]
///     risk = "low"
///     [[zone]]
///     id = "staging"
///     when = 'resource.environment == "staging" && has(context.ticket)'
///     max_risk = "low"
///     "#,
/// )?;
/// let orders = Resource::new("service", "orders").with("environment", "staging");
/// let request = Request::new(Subject::new("user", "ana"), Action::new("logs.read"), orders);
/// let explanation = policy.explain(&request, "2026-11-23T10:00:00Z".parse()?);
///
/// let change = explanation.change().expect("a ticket helps");
/// assert_eq!(change.steps().next().unwrap().to_string(), "state `context.ticket`, in the form `^INC[0-9]+$`");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Explanation {
    #[serde(flatten)]
    decision: Decision,
    explanation: Body,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
struct Body {
    deciding: Vec<RuleAccount>,
    near_misses: Vec<RuleAccount>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    approvals: Vec<ApprovalPlan>,
    change: Option<Change>,
    wait: Option<Wait>,
}

/// Why there is no explanation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExplainError {
    /// Another policy made the decision.
    #[error("the decision was made under policy {decided}, not {given}")]
    OtherPolicy {
        /// The digest in the decision.
        decided: String,
        /// The digest of the policy given.
        given: String,
    },
    /// The request and the time lead to another decision: one of them is not the one that was decided.
    #[error("this request at this time is decided otherwise: {now_effect} instead of {effect}", effect = .effect.as_str(), now_effect = .now_effect.as_str())]
    OtherDecision {
        /// The effect of the decision given.
        effect: Effect,
        /// The effect that the request has at the time given.
        now_effect: Effect,
    },
}

impl Policy {
    /// Decides a request and explains the decision. It may decide the request a thousand times over in search
    /// of what would help, so it is not for every request: [`decide`](Self::decide) is.
    ///
    /// The decision of the explanation knows one thing more than that of `decide`: its
    /// [`next_action`](Decision::next_action) rests on what was found to help.
    #[must_use]
    pub fn explain(&self, request: &Request, now: DateTime<Utc>) -> Explanation {
        explain(self, request, now, decide(self, request, now))
    }
}

impl Decision {
    /// Explains the decision: the request is decided once more under the policy and at the time it was
    /// decided at, which a decision does not hold.
    ///
    /// # Errors
    ///
    /// [`ExplainError`] if policy, request and time do not lead to this decision: an explanation of another
    /// one would mislead. A decision that a review's votes or end brought about is such.
    pub fn explain(
        &self,
        policy: &Policy,
        request: &Request,
        now: DateTime<Utc>,
    ) -> Result<Explanation, ExplainError> {
        if self.policy() != policy.digest() {
            let (decided, given) = (self.policy().to_owned(), policy.digest().to_owned());
            return Err(ExplainError::OtherPolicy { decided, given });
        }
        let again = decide(policy, request, now);
        if again.decision != self.without_advice() {
            let (effect, now_effect) = (self.effect, again.decision.effect);
            return Err(ExplainError::OtherDecision { effect, now_effect });
        }
        Ok(explain(policy, request, now, again))
    }
}

impl Explanation {
    /// Returns the decision, with the next action that was found to help.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns the rules that decided, each with the tests that made it match or fail.
    pub fn deciding(&self) -> impl ExactSizeIterator<Item = &RuleAccount> {
        self.explanation.deciding.iter()
    }

    /// Returns the rules that would have helped and just missed, nearest first; at most
    /// [`NEAR_MISSES`](crate::limits::NEAR_MISSES).
    pub fn near_misses(&self) -> impl ExactSizeIterator<Item = &RuleAccount> {
        self.explanation.near_misses.iter()
    }

    /// Returns who may approve, one entry for each review that must.
    pub fn approvals(&self) -> impl ExactSizeIterator<Item = &ApprovalPlan> {
        self.explanation.approvals.iter()
    }

    /// Returns the cheapest change that leads to yes, if one was found.
    #[must_use]
    pub fn change(&self) -> Option<&Change> {
        self.explanation.change.as_ref()
    }

    /// Returns when the same request would fare better, if that was found.
    #[must_use]
    pub fn wait(&self) -> Option<&Wait> {
        self.explanation.wait.as_ref()
    }
}

fn explain(policy: &Policy, request: &Request, now: DateTime<Utc>, decided: Decided) -> Explanation {
    let Decided { mut decision, facts } = decided;
    // Of several resources the one that decides is told of; what helps must help all.
    let one = strictest(request, |one| decide_again(policy, one, &facts, now));
    let evidence = account::Evidence { policy, request: &one, facts: &facts, now, decision: &decision };
    let approvals = plan::of(policy, &decision);
    let change = change::cheapest(policy, request, &facts, now, &decision);
    let wait = wait::better(policy, request, &facts, now, &decision);
    let (deciding, near_misses) = (evidence.deciding(), evidence.near_misses());
    decision.advice = advice(&decision, change.as_ref(), wait.as_ref());
    Explanation { decision, explanation: Body { deciding, near_misses, approvals, change, wait } }
}

/// The next action of a Deny: what the caller can change first, then time. Machines are never sent to
/// break-glass access.
fn advice(decision: &Decision, change: Option<&Change>, wait: Option<&Wait>) -> Option<NextAction> {
    if decision.effect != Effect::Deny {
        return None;
    }
    let by_change = change.and_then(|change| match change.steps().next()? {
        _ if change.is_emergency() => None,
        ChangeStep::SignIn { .. } => Some(NextAction::StepUp),
        ChangeStep::RequestApproval => Some(NextAction::RequestApproval),
        _ => Some(NextAction::Supply),
    });
    by_change.or_else(|| wait.map(|wait| NextAction::WaitUntil(wait.at())))
}
