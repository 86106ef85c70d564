//! A decision as the response of an evaluation (section 5.5), obligations as the Obligations Profile has them.

use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value as Json, json};

use crate::decision::{Decision, Effect, Need, NeedKind};
use crate::policy::Obligation;
use crate::request::{Request, RequestError};
use crate::risk::Risk;

/// One response: `decision`, and in `context` why, what is missing, and what the enforcement point must do.
///
/// `decision` is true for [`Effect::Allow`] alone. The context names no rule and no condition: people see it.
/// An operator gets those from the [`Decision`] itself.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Answer {
    decision: bool,
    context: Context,
}

#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct Context {
    #[serde(skip_serializing_if = "Option::is_none")]
    effect: Option<Effect>,
    #[serde(skip_serializing_if = "Option::is_none")]
    risk: Option<Risk>,
    /// The code of the first reason.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reason_user: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    missing: Vec<Json>,
    /// RFC 9470 and example 3 of section 5.5.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    acr_values: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    amr_values: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_age: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_action: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    wait_until: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<Json>,
    #[serde(flatten)]
    access: Access,
}

/// What the Access Request and Approval Profile adds.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
struct Access {
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluation_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evaluated_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_request: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    approval: Option<Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retry_after: Option<u64>,
}

impl Answer {
    /// Makes the response to a request of the decision on it.
    #[must_use]
    pub fn new(request: &Request, decision: &Decision) -> Self {
        let step_up = decision.missing().find(|need| need.kind() == NeedKind::StepUp);
        let next = decision.next_action();
        let context = Context {
            effect: Some(decision.effect()),
            risk: Some(decision.risk()),
            reason: decision.reasons().next().map(|reason| reason.code().as_str().to_owned()),
            reason_user: decision.reasons().map(|reason| reason.text().to_owned()).collect(),
            missing: decision.missing().map(missing).collect(),
            acr_values: step_up.and_then(|need| words(&need.classes)),
            amr_values: step_up.and_then(|need| words(&need.accepts)),
            max_age: step_up.and_then(|need| need.max_age_s),
            obligations: (1_usize..)
                .zip(decision.obligations())
                .map(|(number, owed)| obligation(number, owed, request, decision))
                .collect(),
            next_action: Some(next.as_str()),
            wait_until: next.wait_until().map(|at| at.to_rfc3339_opts(SecondsFormat::AutoSi, true)),
            error: None,
            access: Access::default(),
        };
        Self { decision: decision.effect() == Effect::Allow, context }
    }

    /// Makes the response to an evaluation that is no request.
    pub(super) fn refused(error: &RequestError) -> Self {
        let error = json!({ "status": 400, "message": error.to_string() });
        Self { decision: false, context: Context { error: Some(error), ..Context::default() } }
    }

    /// Names the evaluation.
    pub(super) fn evaluated(mut self, id: &str, at: DateTime<Utc>) -> Self {
        self.context.access.evaluation_id = Some(id.to_owned());
        self.context.access.evaluated_at = Some(at.to_rfc3339_opts(SecondsFormat::Secs, true));
        self
    }

    /// Says how the denial can be requested.
    pub(super) fn requestable(mut self, offer: Json) -> Self {
        self.context.access.access_request = Some(offer);
        self
    }

    /// Says why an approval does not apply. What is not requestable cannot be requested again.
    pub(super) fn unapproved(
        mut self,
        reason: &'static str,
        next: &'static str,
        retry_after: Option<u64>,
    ) -> Self {
        let access = &mut self.context.access;
        access.retry_after = retry_after;
        if next != "request" {
            access.access_request = None;
        }
        let none = next == "request" && access.access_request.is_none();
        self.context.next_action = Some(if none { "none" } else { next });
        self.context.reason = Some(reason.to_owned());
        self.context.effect =
            self.context.effect.filter(|effect| *effect != Effect::Allow).or(Some(Effect::Deny));
        Self { decision: false, ..self }
    }

    /// Allows what people approved: nothing is missing any more, and what is owed is still owed.
    pub(super) fn approved(self, approval: Json) -> Self {
        let Context { risk, obligations, .. } = self.context;
        let access = Access { approval: Some(approval), ..Access::default() };
        let effect = Some(Effect::Allow);
        Self { decision: true, context: Context { effect, risk, obligations, access, ..Context::default() } }
    }

    /// Says whether the request is permitted.
    #[must_use]
    pub fn decision(&self) -> bool {
        self.decision
    }

    /// Returns the effect, which there is of what could be evaluated.
    #[must_use]
    pub fn effect(&self) -> Option<Effect> {
        self.context.effect
    }
}

fn words(words: &[String]) -> Option<String> {
    (!words.is_empty()).then(|| words.join(" "))
}

fn missing(need: &Need) -> Json {
    let mut told = json!({ "path": need.path(), "problem": need.problem() });
    if let (Some(because), Some(told)) = (need.because(), told.as_object_mut()) {
        told.insert("because".to_owned(), because.into());
    }
    told
}

/// Writes an obligation: a notice as the profile's `notification`, all else as `custom`, whose properties name
/// what is owed.
fn obligation(number: usize, owed: &Obligation, request: &Request, decision: &Decision) -> Json {
    let (kind, properties) = match owed {
        Obligation::Notify(whom) => {
            let body = format!(
                "{}: `{}` on `{}` by `{}`, {} risk",
                decision.effect().as_str(),
                request.action().name(),
                request.resource().reference(),
                request.subject().reference(),
                decision.risk()
            );
            ("notification", json!({ "to": whom, "topic": "production access", "body": body }))
        }
        Obligation::RecordSession => ("custom", json!({ "name": owed.kind() })),
        Obligation::Mask(fields) => ("custom", json!({ "name": owed.kind(), "fields": fields })),
        Obligation::Custom { name, value } => ("custom", json!({ "name": name, "value": value })),
    };
    json!({ "id": format!("obligation-{number}"), "type": kind, "properties": properties })
}
