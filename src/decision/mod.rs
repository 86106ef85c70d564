//! The answer to a request, and why.
//!
//! A decision names its effect, the rules that made it, every rule that failed, and what would help. It
//! holds no authority: a grant comes only from a recorded step. Reasons are stable codes with parameters;
//! the text beside them is for people.

mod decide;
mod explain;
mod groups;
mod join;
mod reason;
mod record;

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize, Serializer};

use decide::decide_by_every_rule;
pub(crate) use decide::{Decided, decide, decide_again, decide_at_close};
pub(crate) use explain::approvals;
pub use explain::{
    ApprovalPlan, Approvals, Came, Change, ChangeStep, ExplainError, Explanation, RuleAccount, Seen,
    StagePlan, TestAccount, Wait,
};
pub(crate) use groups::Groups;
pub use reason::{Need, NeedKind, NextAction, Reason, ReasonCode};

use crate::policy::{Obligation, Policy};
use crate::request::Request;
use crate::risk::Risk;

/// What a decision says: closed, because a host must handle each.
///
/// ```compile_fail,E0004
/// fn forgets_one(effect: countersign::Effect) -> bool {
///     match effect {
///         countersign::Effect::Allow => true,
///         countersign::Effect::Review | countersign::Effect::Deny => false,
///     }
/// }
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Do it.
    Allow,
    /// Come back with what is missing.
    Challenge,
    /// People must approve.
    Review,
    /// Not allowed.
    Deny,
}

/// The answer to one request at one time.
///
/// It serialises as an AuthZEN response: `{"decision": bool, "context": {…}}`. It holds no authority: there is
/// nothing in it to sign.
///
/// ```compile_fail,E0599
/// fn forge(decision: countersign::Decision, key: &countersign::SigningKey) -> countersign::Grant {
///     decision.sign(key)
/// }
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    pub(crate) effect: Effect,
    pub(crate) risk: Risk,
    pub(crate) rules: Vec<Arc<str>>,
    pub(crate) reasons: Vec<Reason>,
    pub(crate) missing: Vec<Need>,
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) policy: Arc<str>,
    pub(crate) path: Path,
    /// How many reasons were found and not kept, until the last one says so.
    pub(crate) left_out: usize,
    /// What an explanation found to help. No record holds it: it is advice, not part of what was decided.
    advice: Option<NextAction>,
}

/// What the effect leads to, for the gate.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Path {
    /// A zone opens.
    Zone(Terms),
    /// Break-glass access, which owes a review within a time.
    Emergency {
        terms: Terms,
        #[serde(with = "record::seconds")]
        review_within: Duration,
    },
    /// The reviews that must approve.
    Review { groups: Groups, terms: Terms },
    /// None.
    Closed,
}

/// On which terms a grant is given.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Terms {
    #[serde(with = "record::seconds")]
    pub(crate) duration: Duration,
    /// The earliest start, where it is later than the decision.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "record::maybe_time")]
    pub(crate) start: Option<DateTime<Utc>>,
    /// The latest end, whenever it starts.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "record::maybe_time")]
    pub(crate) until: Option<DateTime<Utc>>,
    pub(crate) max_uses: Option<u64>,
    #[serde(with = "record::maybe_seconds")]
    pub(crate) use_within: Option<Duration>,
    pub(crate) limit: Option<Slots>,
}

/// The slots of a limit, of which a grant takes the first free one.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Slots {
    pub(crate) prefix: String,
    pub(crate) first: u64,
    pub(crate) last: u64,
}

impl Policy {
    /// Decides a request. It always answers: a request that is out of bounds or does not fit the vocabulary
    /// is a Deny that names the path.
    ///
    /// The order of rules in the document never matters. An error, an unknown or a missing fact never
    /// loosens the answer, and the decision names the rule that failed.
    #[must_use]
    pub fn decide(&self, request: &Request, now: DateTime<Utc>) -> Decision {
        decide(self, request, now).decision
    }

    /// Decides a request by evaluating every rule: what the index must agree with.
    #[doc(hidden)]
    #[must_use]
    pub fn decide_by_every_rule(&self, request: &Request, now: DateTime<Utc>) -> Decision {
        decide_by_every_rule(self, request, now)
    }
}

impl Effect {
    /// Returns the effect's name: `allow`, `challenge`, `review` or `deny`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Challenge => "challenge",
            Self::Review => "review",
            Self::Deny => "deny",
        }
    }
}

impl Decision {
    /// Returns the effect.
    #[must_use]
    pub fn effect(&self) -> Effect {
        self.effect
    }

    /// Returns the risk of the action.
    #[must_use]
    pub fn risk(&self) -> Risk {
        self.risk
    }

    /// Returns the ids of the rules that made the decision, in document order within their kinds: first the
    /// risk rules, then the rules that decided.
    pub fn rules(&self) -> impl ExactSizeIterator<Item = &str> {
        self.rules.iter().map(AsRef::as_ref)
    }

    /// Returns why the decision is as it is.
    pub fn reasons(&self) -> impl ExactSizeIterator<Item = &Reason> {
        self.reasons.iter()
    }

    /// Returns what a Challenge asks for.
    pub fn missing(&self) -> impl ExactSizeIterator<Item = &Need> {
        self.missing.iter()
    }

    /// Returns what the host must do beside what is allowed: the obligations of every rule that is named.
    /// An Allow or a Review has none that the host did not declare ([`PolicyOptions::fulfilling`]).
    ///
    /// [`PolicyOptions::fulfilling`]: crate::PolicyOptions::fulfilling
    pub fn obligations(&self) -> impl ExactSizeIterator<Item = &Obligation> {
        self.obligations.iter()
    }

    /// Returns the digest of the policy that decided.
    #[must_use]
    pub fn policy(&self) -> &str {
        &self.policy
    }

    /// Says whether this is break-glass access.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        matches!(self.path, Path::Emergency { .. })
    }

    /// Returns the cheapest step towards yes. Of a Deny it is known only after an
    /// [explanation](Policy::explain) has looked for one: `decide` does not search.
    #[must_use]
    pub fn next_action(&self) -> NextAction {
        if let Some(advice) = self.advice {
            return advice;
        }
        match self.effect {
            Effect::Challenge if self.missing.iter().all(|need| need.kind() == NeedKind::StepUp) => {
                NextAction::StepUp
            }
            Effect::Challenge => NextAction::Supply,
            Effect::Review => NextAction::RequestApproval,
            Effect::Allow | Effect::Deny => NextAction::None,
        }
    }

    /// How long the grant will hold, where one can come of this decision.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.terms().map(|terms| terms.duration)
    }

    /// When the grant will start, where that is later than now.
    #[must_use]
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.terms()?.start
    }

    /// When the grant ends at the latest, where a rule says so.
    #[must_use]
    pub fn until(&self) -> Option<DateTime<Utc>> {
        self.terms()?.until
    }

    /// The Deny that every decision starts from.
    pub(crate) fn new(policy: Arc<str>) -> Self {
        Self {
            effect: Effect::Deny,
            risk: Risk::Critical,
            rules: Vec::new(),
            reasons: Vec::new(),
            missing: Vec::new(),
            obligations: Vec::new(),
            policy,
            path: Path::Closed,
            left_out: 0,
            advice: None,
        }
    }

    /// The decision as it was made.
    fn without_advice(&self) -> Self {
        Self { advice: None, ..self.clone() }
    }

    pub(crate) fn with_reason(mut self, reason: Reason) -> Self {
        self.reasons.push(reason);
        self
    }

    /// The Deny that a review's end gives.
    pub(crate) fn denied(&self, code: ReasonCode, text: impl Into<reason::Sentence>) -> Self {
        Self {
            effect: Effect::Deny,
            reasons: vec![Reason::new(code, text)],
            path: Path::Closed,
            advice: None,
            ..self.clone()
        }
    }

    /// What it obliges the host to that another decision does not.
    pub(crate) fn owes_beside(&self, other: &Self) -> Vec<Obligation> {
        self.obligations.iter().filter(|owed| !other.obligations.contains(owed)).cloned().collect()
    }

    pub(crate) fn terms(&self) -> Option<&Terms> {
        match &self.path {
            Path::Zone(terms) | Path::Emergency { terms, .. } | Path::Review { terms, .. } => Some(terms),
            Path::Closed => None,
        }
    }
}

impl Serialize for Decision {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Response<'d> {
            decision: bool,
            context: Context<'d>,
        }
        #[derive(Serialize)]
        struct Context<'d> {
            effect: Effect,
            risk: Risk,
            rules: Vec<&'d str>,
            reasons: &'d [Reason],
            #[serde(skip_serializing_if = "<[Need]>::is_empty")]
            missing: &'d [Need],
            #[serde(skip_serializing_if = "<[Obligation]>::is_empty")]
            obligations: &'d [Obligation],
            next_action: &'static str,
            #[serde(skip_serializing_if = "Option::is_none")]
            wait_until: Option<String>,
            #[serde(skip_serializing_if = "Option::is_none")]
            duration_s: Option<u64>,
            #[serde(skip_serializing_if = "Option::is_none", with = "record::maybe_time")]
            not_before: Option<DateTime<Utc>>,
            #[serde(skip_serializing_if = "Option::is_none", with = "record::maybe_time")]
            until: Option<DateTime<Utc>>,
            #[serde(skip_serializing_if = "std::ops::Not::not")]
            emergency: bool,
            policy: &'d str,
        }
        let context = Context {
            effect: self.effect,
            risk: self.risk,
            rules: self.rules().collect(),
            reasons: &self.reasons,
            missing: &self.missing,
            obligations: &self.obligations,
            next_action: self.next_action().as_str(),
            wait_until: self
                .next_action()
                .wait_until()
                .map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            duration_s: self.duration().map(|duration| duration.as_secs()),
            not_before: self.not_before(),
            until: self.until(),
            emergency: self.is_emergency(),
            policy: &self.policy,
        };
        Response { decision: self.effect == Effect::Allow, context }.serialize(serializer)
    }
}

#[cfg(test)]
#[cfg(feature = "toml")]
mod tests {
    use super::*;
    use crate::{Action, Resource, Subject};

    const HEAD: &str = "format = 1\nname = 'x'\n\
        [attributes]\n'context.ticket' = 'string?'\n'context.plan' = 'string?'\n";

    fn review(id: &str, group: &str, fields: &str) -> String {
        format!(
            "[[review]]\nid = '{id}'\ngroup = '{group}'\nwhen = 'true'\nneeds = {{ fields = {fields} }}\n\
             approve = {{ from = 'true' }}\n"
        )
    }

    /// Decides one request under rules in their order and in the reverse, which must agree.
    fn decide(rules: &[String]) -> (Effect, Vec<String>, Vec<String>) {
        let answer = |text: String| {
            let policy = Policy::from_toml(&format!("{HEAD}{text}")).unwrap();
            let request =
                Request::new(Subject::new("user", "ana"), Action::new("a"), Resource::new("service", "r"));
            let decision = policy.decide(&request, "2026-11-23T10:00:00Z".parse().unwrap());
            let (mut rules, mut missing): (Vec<String>, Vec<String>) = (
                decision.rules().map(str::to_owned).collect(),
                decision.missing().map(|need| need.path().to_owned()).collect(),
            );
            rules.sort_unstable();
            missing.sort_unstable();
            (decision.effect(), rules, missing)
        };
        let reversed: Vec<String> = rules.iter().rev().cloned().collect();
        let found = answer(rules.concat());
        assert_eq!(answer(reversed.concat()), found);
        found
    }

    #[test]
    fn challenge_of_alternatives_asks_for_the_cheapest() {
        let found = decide(&[
            "[groups]\nany = 'any'\n".to_owned(),
            review("both", "any", "['context.ticket', 'context.plan']"),
            review("b", "any", "['context.plan']"),
            review("a", "any", "['context.ticket']"),
        ]);
        assert_eq!(found, (Effect::Challenge, vec!["a".to_owned()], vec!["context.ticket".to_owned()]));
    }

    #[test]
    fn challenge_names_every_review_that_misses_something() {
        let found = decide(&[
            review("first", "all", "['context.ticket']"),
            review("second", "all", "['context.plan']"),
            review("free", "all", "[]"),
        ]);
        let names = |names: [&str; 2]| names.map(str::to_owned).to_vec();
        assert_eq!(
            found,
            (Effect::Challenge, names(["first", "second"]), names(["context.plan", "context.ticket"]))
        );
    }
}
