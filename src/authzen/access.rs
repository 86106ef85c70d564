//! The access request service of a decision point: which denials can be requested, and which submissions are
//! after one.
//!
//! Holds no state: a denial travels in a signed token, and what was filed is the host's to store. A denial stays
//! a denial; the gate alone allows.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::json;

use super::binding::{Binding, context_of, digest};
use super::submission::Asked;
use super::{AccessRequest, AccessRequestError, Answer, BindingFault, Bound, Metadata};
use crate::decision::{Decision, Effect};
use crate::keys::{KeySet, Lookup, SigningKey};
use crate::limits;
use crate::request::Request;
use crate::stamp::Stamp;

/// Makes denials requestable and binds submissions to them (OpenID AuthZEN Access Request and Approval Profile,
/// draft 1).
///
/// ```
/// use countersign::authzen::{AccessRequests, Endpoint, Metadata};
/// use countersign::{Action, KeySet, Policy, Request, Resource, SigningKey, Stamp, Subject};
/// # let policy = Policy::from_toml(
/// #     "format = 1\nname = 'p'\n[attributes]\n'approver.groups' = 'list<string>'\n[defaults]\nrisk = 'low'\n\
/// #      [[review]]\nid = 'all'\nwhen = 'true'\napprove = { count = 1, from = '\"sre\" in approver.groups' }",
/// # )?;
///
/// let key = SigningKey::from_seed([7; 32]);
/// let metadata = Metadata::new("https://jit.example")?
///     .with(Endpoint::AccessRequest)
///     .with_keys_at("https://jit.example/jwks");
/// let service = AccessRequests::new(&metadata, KeySet::new([key.public()])).unwrap();
///
/// let request = Request::new(Subject::new("user", "ana"), Action::new("can_read"), Resource::new("document", "q4-plan"));
/// let now = "2026-11-23T10:00:00Z".parse()?;
/// let decision = policy.decide(&request, now);
/// let answer = service.answer(&request, &decision, &key, Stamp::new(now, [9; 32])); // the time, and random bytes
/// let answer = serde_json::to_value(&answer)?;
/// assert_eq!(answer["decision"], false);
/// assert_eq!(answer["context"]["access_request"]["endpoint"], "https://jit.example/access/v1/requests");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct AccessRequests {
    pub(super) issuer: String,
    pub(super) endpoint: String,
    pub(super) tenant: Option<String>,
    keys: KeySet,
    valid: TimeDelta,
    template: Option<String>,
    context: Option<Vec<String>>,
}

impl AccessRequests {
    /// Makes the service of a decision point, with all keys that may have signed its denials. `None` unless the
    /// metadata names both an access request endpoint and where those keys are (section on discovery).
    #[must_use]
    pub fn new(metadata: &Metadata, keys: KeySet) -> Option<Self> {
        let (issuer, endpoint) = metadata.access_requests()?;
        let (issuer, endpoint) = (issuer.to_owned(), endpoint.to_owned());
        let valid = TimeDelta::seconds(VALID);
        Some(Self { issuer, endpoint, tenant: None, keys, valid, template: None, context: None })
    }

    /// Serves one tenant: denials and tasks of another are unknown here.
    #[must_use]
    pub fn for_tenant(mut self, tenant: impl Into<String>) -> Self {
        self.tenant = Some(tenant.into());
        self
    }

    /// Sets how long after a denial it can be requested: a second to an hour, ten minutes unless told otherwise.
    #[must_use]
    pub fn with_denials_valid_for(mut self, span: Duration) -> Self {
        let seconds = i64::try_from(span.as_secs()).unwrap_or(LONGEST).clamp(1, LONGEST);
        self.valid = TimeDelta::seconds(seconds);
        self
    }

    /// Sets the template that denials name.
    #[must_use]
    pub fn with_template(mut self, template: impl Into<String>) -> Self {
        self.template = Some(template.into());
        self
    }

    /// Names the members of the context that a denial and its approval bind, instead of all that the evaluation
    /// had but `time`. Leave out what is never the same twice.
    #[must_use]
    pub fn binding_context<S: Into<String>>(mut self, members: impl IntoIterator<Item = S>) -> Self {
        self.context = Some(members.into_iter().map(Into::into).collect());
        self
    }

    /// Makes the response to an evaluation, requestable where people could approve the request. The key must be one
    /// of those that the service knows; otherwise, or if the token would be too large, the denial is as final as any.
    #[must_use]
    pub fn answer(&self, request: &Request, decision: &Decision, key: &SigningKey, stamp: Stamp) -> Answer {
        let now = stamp.now();
        let evaluation = format!("eval_{}", stamp.id("evaluation"));
        let answer = Answer::new(request, decision).evaluated(&evaluation, now);
        let known = matches!(self.keys.lookup(key.public_ref().thumbprint()), Lookup::Found(_));
        let expires = now.checked_add_signed(self.valid).map(|at| at.timestamp());
        let (Effect::Review, true, Some(expires_at)) = (decision.effect(), known, expires) else {
            return answer;
        };
        let context = self.context.clone().unwrap_or_else(|| context_of(request));
        let binding = Binding {
            issuer: self.issuer.clone(),
            audience: self.endpoint.clone(),
            tenant: self.tenant.clone(),
            id: stamp.id("binding"),
            evaluation,
            issued_at: now.timestamp(),
            expires_at,
            policy: decision.policy().to_owned(),
            digest: digest(request, &context),
            context,
        };
        let Some(token) = binding.sign(key) else { return answer };
        let mut offer =
            json!({ "endpoint": self.endpoint, "expires_at": text(expires_at), "binding_token": token });
        if let (Some(template), Some(offer)) = (&self.template, offer.as_object_mut()) {
            offer.insert("template".to_owned(), template.as_str().into());
        }
        answer.requestable(offer)
    }

    /// Binds a submission to its denials. `attest` adds to each request what the host attested at the evaluation:
    /// what is bound is what was decided.
    ///
    /// # Errors
    ///
    /// [`AccessRequestError::NotRequestable`] without a denial, [`AccessRequestError::Binding`],
    /// [`AccessRequestError::ExpiredDenial`], or [`AccessRequestError::Member`] for an end that has passed.
    pub fn bind(
        &self,
        submission: &AccessRequest,
        mut attest: impl FnMut(Request) -> Request,
        now: DateTime<Utc>,
    ) -> Result<Bound, AccessRequestError> {
        if submission.actor_is_open() {
            return Err(BindingFault::Actor.into());
        }
        let mut seen = BTreeSet::new();
        let items = submission.items.iter().map(|asked| {
            if asked.denial.is_none() && !submission.bundle {
                return Err(AccessRequestError::NotRequestable);
            }
            let mut asked = asked.clone();
            asked.request = attest(asked.request);
            let binding = self.bound(&asked, now)?;
            if !seen.insert(binding.id.clone()) {
                return Err(BindingFault::Replayed.into());
            }
            if let Some(until) = asked.until {
                let start = asked.request.not_before().map_or(now, |start| start.max(now));
                let span = until.signed_duration_since(start).to_std().ok().filter(|span| span.as_secs() > 0);
                let fault = AccessRequestError::Member {
                    path: "requested_access.requested_until",
                    expected: "a time after the start",
                };
                asked.request = asked.request.with_duration(span.ok_or(fault)?);
            }
            Ok((asked, binding))
        });
        let items = items.collect::<Result<_, AccessRequestError>>()?;
        Ok(Bound { items, bundle: submission.bundle, digest: submission.digest.clone() })
    }

    fn bound(&self, asked: &Asked, now: DateTime<Utc>) -> Result<Binding, AccessRequestError> {
        let denial = asked.denial.as_ref().ok_or(BindingFault::Missing)?;
        let token = denial.token.as_ref().ok_or(BindingFault::Missing)?;
        let binding = Binding::open(token, &self.keys)?;
        let foreign = [
            ("iss", binding.issuer == self.issuer),
            ("aud", binding.audience == self.endpoint),
            ("tenant", binding.tenant == self.tenant),
        ];
        if let Some((claim, _)) = foreign.into_iter().find(|(_, holds)| !holds) {
            return Err(BindingFault::Foreign { claim }.into());
        }
        let expires_at = moment(binding.expires_at);
        let alike = [
            ("denial.evaluation_id", denial.evaluation.as_ref().is_none_or(|id| *id == binding.evaluation)),
            ("denial.expires_at", denial.expires_at == expires_at),
            ("request", digest(&asked.request, &binding.context) == binding.digest),
        ];
        if let Some((member, _)) = alike.into_iter().find(|(_, holds)| !holds) {
            return Err(BindingFault::Differs { member }.into());
        }
        let leeway = TimeDelta::seconds(limits::LEEWAY_SECONDS / 2);
        if expires_at.checked_add_signed(leeway).is_none_or(|end| now >= end) {
            return Err(AccessRequestError::ExpiredDenial { expires_at, now });
        }
        Ok(binding)
    }
}

/// Takes the part after `https://` of an address that has a host, nobody's name, and no odd characters.
pub(super) fn https(url: &str) -> Option<&str> {
    let rest = url.strip_prefix("https://")?;
    let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let odd = |byte: u8| byte <= b' ' || byte >= 0x7f || b"\"<>\\^`{|}".contains(&byte);
    (!host.is_empty() && !host.contains('@') && !rest.bytes().any(odd)).then_some(rest)
}

pub(super) fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MIN_UTC)
}

pub(super) fn text(seconds: i64) -> String {
    moment(seconds).to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// Seconds for which a denial can be requested: long enough to write down why.
const VALID: i64 = 600;

/// The most that a host may choose: the profile wants it short.
const LONGEST: i64 = 3_600;
