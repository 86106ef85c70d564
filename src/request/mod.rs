//! The question: may this subject do this action on this resource, now?
//!
//! A request has AuthZEN's four parts and the few typed members that just-in-time approval adds. It
//! keeps apart what the host attests and what the caller only says. Nothing is judged here; what is out
//! of bounds is told when the request is decided.

mod attested;
mod check;
mod error;
mod extended;
mod json;
mod parts;
mod plain;
#[cfg(feature = "engine")]
mod record;
#[cfg(feature = "engine")]
mod restate;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub use attested::{Auth, Usage};
#[cfg(feature = "engine")]
pub(crate) use check::check_span;
pub use error::RequestError;
pub(crate) use extended::{Extended, Known};
#[cfg(feature = "authzen")]
pub(crate) use json::members_of;
pub(crate) use parts::Source;
#[cfg(feature = "engine")]
pub(crate) use parts::same_person;
pub use parts::{Action, Resource, Subject};
#[cfg(feature = "engine")]
pub(crate) use restate::Asking;

use crate::risk::Risk;
use crate::value::{Attributes, Value};

/// A request for a decision.
///
/// ```
/// use countersign::{Action, Request, Resource, Subject};
///
/// let request = Request::new(
///     Subject::new("user", "ana").with("groups", ["payments"]),
///     Action::new("logs.read"),
///     Resource::new("service", "orders").with("environment", "staging"),
/// )
/// .with_reason("slow checkout");
/// assert_eq!(request.reason(), Some("slow checkout"));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    subject: Subject,
    action: Action,
    /// The first of the resources, in the order of their ids; for most requests the only one.
    resource: Resource,
    others: Vec<Resource>,
    attested: Attributes,
    claimed: Attributes,
    ask: Ask,
    auth: Option<Auth>,
    usage: Option<Usage>,
    #[cfg(feature = "verify")]
    holder: Option<crate::keys::PublicKey>,
    facts: Attributes,
    actors: Vec<Subject>,
    audience: Option<String>,
    risk_hint: Option<Risk>,
    fault: Option<RequestError>,
}

/// What the caller asks for beside the action itself. None of it needs attesting: asking is the caller's part.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ask {
    pub(crate) reason: Option<String>,
    pub(crate) duration: Option<Duration>,
    pub(crate) start: Option<DateTime<Utc>>,
    pub(crate) emergency: bool,
    pub(crate) review: bool,
    /// The grant that is to hold for longer.
    pub(crate) extended: Option<Box<Extended>>,
}

impl Request {
    /// Makes a request of parts that the host attests.
    #[must_use]
    pub fn new(subject: Subject, action: Action, resource: Resource) -> Self {
        Self {
            subject,
            action,
            resource,
            others: Vec::new(),
            attested: Attributes::new(),
            claimed: Attributes::new(),
            ask: Ask::default(),
            auth: None,
            usage: None,
            #[cfg(feature = "verify")]
            holder: None,
            facts: Attributes::new(),
            actors: Vec::new(),
            audience: None,
            risk_hint: None,
            fault: None,
        }
    }

    /// Sets a context attribute that the host attests.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        if json::CONTEXT_MEMBERS.contains(&name) {
            self.fault = Some(RequestError::Reserved { path: format!("context.{name}") });
        } else {
            self.claimed.remove(name);
            self.attested.insert(name, value);
        }
        self
    }

    /// Sets a context attribute that only the caller states.
    #[cfg(feature = "authzen")]
    pub(crate) fn with_claimed(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claimed.insert(name, value);
        self
    }

    /// Iterates over the names of the context attributes, whoever states them.
    #[cfg(feature = "authzen")]
    pub(crate) fn context_names(&self) -> impl Iterator<Item = &str> {
        self.attested.iter().chain(self.claimed.iter()).map(|(name, _)| name)
    }

    /// Sets the subject that the host attests, in place of what the caller said.
    #[must_use]
    pub fn with_subject(mut self, subject: Subject) -> Self {
        self.subject = subject;
        self
    }

    /// Sets the action that the host attests, in place of what the caller said.
    #[must_use]
    pub fn with_action(mut self, action: Action) -> Self {
        self.action = action;
        self
    }

    /// Sets the resource that the host attests, in place of what the caller said.
    #[must_use]
    pub fn with_resource(mut self, resource: Resource) -> Self {
        self.resource = resource;
        self.others.clear();
        self
    }

    /// Sets several resources of one type, in place of what was there: at most
    /// [`limits::RESOURCES`](crate::limits::RESOURCES), each once.
    /// Their order says nothing. What holds for each must hold for all: the strictest decision stands, every plan
    /// must be satisfied, and the one grant is checked for whichever of them a tool works on. Such a request
    /// must say which tool it is for ([`with_audience`](Self::with_audience)).
    ///
    /// ```
    /// # use countersign::{Action, Effect, Policy, Request, Resource, Subject};
    /// # let text = r#"
    /// # format = 1
    /// # name = "hosts"
    /// # [attributes]
    /// # "resource.environment" = "string"
    /// # [[zone]]
    /// # id = "outside-production"
    /// # when = 'action.name == "host.restart" && resource.environment != "prod"'
    /// # max_risk = "high"
    /// # "#;
    /// # let policy = Policy::from_toml(text)?;
    /// # let now = "2026-11-23T10:00:00Z".parse()?;
    /// let host = |id: &str, environment: &str| Resource::new("host", id).with("environment", environment);
    /// let request = Request::new(Subject::new("user", "ana"), Action::new("host.restart"), host("a", "dev"))
    ///     .with_audience("fleet");
    /// let two = request.clone().with_resources([host("a", "dev"), host("b", "staging")]);
    /// assert_eq!(policy.decide(&two, now).effect(), Effect::Allow);
    /// let three = request.with_resources([host("a", "dev"), host("b", "staging"), host("c", "prod")]);
    /// assert_eq!(policy.decide(&three, now).effect(), Effect::Deny);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_resources(mut self, resources: impl IntoIterator<Item = Resource>) -> Self {
        let mut resources: Vec<Resource> = resources.into_iter().collect();
        resources.sort_by(|a, b| (a.kind(), a.id()).cmp(&(b.kind(), b.id())));
        let mut resources = resources.into_iter();
        match resources.next() {
            Some(first) => self.resource = first,
            None => self.fault = Some(RequestError::Missing { path: "resources".to_owned() }),
        }
        self.others = resources.collect();
        self
    }

    /// Sets why the subject asks.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.ask.reason = Some(reason.into());
        self
    }

    /// Sets how long the grant should hold; fractions of a second are dropped.
    #[must_use]
    pub fn with_duration(mut self, duration: Duration) -> Self {
        self.ask.duration = Some(Duration::from_secs(duration.as_secs()));
        self
    }

    /// Sets when the grant should start, where that is later than now.
    #[must_use]
    pub fn with_not_before(mut self, start: DateTime<Utc>) -> Self {
        self.ask.start = Some(start);
        self
    }

    /// Asks for break-glass access.
    #[must_use]
    pub fn as_emergency(mut self) -> Self {
        self.ask.emergency = true;
        self
    }

    /// Asks for a review where a zone would first want more evidence.
    #[must_use]
    pub fn asking_review(mut self) -> Self {
        self.ask.review = true;
        self
    }

    /// Sets how and when the subject signed in.
    #[must_use]
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Sets what has been used up already. Without it, every limit counts as used up.
    #[must_use]
    pub fn with_usage(mut self, usage: Usage) -> Self {
        self.usage = Some(usage);
        self
    }

    /// Binds the grant to a key, as the host attests it: only who proves to hold it
    /// ([`Attempt::prove`](crate::Attempt::prove)) can use the grant, or pass less of it on. A grant without a
    /// holder is used by whoever shows it.
    #[cfg(feature = "verify")]
    #[must_use]
    pub fn with_holder(mut self, key: crate::keys::PublicKey) -> Self {
        self.holder = Some(key);
        self
    }

    /// Sets a fact that the host found out, such as `estimated_rows`.
    #[must_use]
    pub fn with_fact(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.facts.insert(name, value);
        self
    }

    /// Sets a risk that something outside the policy sees in the request. It can only raise: of several
    /// hints the highest counts.
    ///
    /// ```
    /// # use countersign::{Action, Policy, Request, Resource, Risk, Subject};
    /// # let policy = Policy::from_toml("format = 1\nname = 'x'\n[defaults]\nrisk = 'low'\n")?;
    /// # let request = Request::new(Subject::new("user", "ana"), Action::new("a"), Resource::new("b", "c"));
    /// let request = request.with_risk_hint(Risk::High).with_risk_hint(Risk::Low);
    /// assert_eq!(policy.decide(&request, "2026-11-23T10:00:00Z".parse()?).risk(), Risk::High);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn with_risk_hint(mut self, risk: Risk) -> Self {
        self.risk_hint = self.risk_hint.max(Some(risk));
        self
    }

    /// Names somebody on whose behalf the subject acts, such as the person behind an agent. A second call
    /// names who stands behind that one (RFC 8693, section 4.1); at most [`limits::ACTORS`](crate::limits::ACTORS).
    #[must_use]
    pub fn with_actor(mut self, actor: Subject) -> Self {
        self.actors.push(actor);
        self
    }

    /// Sets which tool the grant is for, in place of the resource's own name.
    #[must_use]
    pub fn with_audience(mut self, audience: impl Into<String>) -> Self {
        self.audience = Some(audience.into());
        self
    }

    /// Returns who asks.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Returns what is to be done.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.action
    }

    /// Returns what it is to be done on: of several [`resources`](Self::resources) the first.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.resource
    }

    /// Returns all that it is to be done on, in the order of their types and ids.
    pub fn resources(&self) -> impl ExactSizeIterator<Item = &Resource> {
        Resources { first: Some(&self.resource), others: self.others.iter() }
    }

    /// Returns why the subject asks.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.ask.reason.as_deref()
    }

    /// Returns how long the grant should hold.
    #[must_use]
    pub fn duration(&self) -> Option<Duration> {
        self.ask.duration
    }

    /// Says whether break-glass access is asked for.
    #[must_use]
    pub fn is_emergency(&self) -> bool {
        self.ask.emergency
    }

    /// Returns when the grant should start.
    #[must_use]
    pub fn not_before(&self) -> Option<DateTime<Utc>> {
        self.ask.start
    }

    /// Returns on whose behalf the subject acts: the nearest first.
    pub fn actors(&self) -> impl ExactSizeIterator<Item = &Subject> {
        self.actors.iter()
    }

    /// Says whether somebody asks, or is who stands behind the one that asks.
    #[cfg(feature = "engine")]
    pub(crate) fn is_from(&self, person: &Subject) -> bool {
        [&self.subject].into_iter().chain(&self.actors).any(|known| known.may_be(person))
    }

    /// Returns which tool the grant is for: the resource's own name where none is set.
    #[must_use]
    pub fn audience(&self) -> String {
        self.audience.clone().unwrap_or_else(|| self.resource.reference())
    }

    /// Computes the digest of the action on all its resources: of one, [`Action::digest`].
    #[cfg(feature = "engine")]
    pub(crate) fn action_digest(&self) -> Option<String> {
        if self.others.is_empty() {
            return self.action.digest(&self.resource);
        }
        self.action.digest_over(self.resources().map(Resource::reference))
    }

    /// The same request on each of its resources alone.
    #[cfg(feature = "engine")]
    pub(crate) fn on_each(&self) -> impl Iterator<Item = Self> {
        self.resources().map(|resource| self.clone().with_resource(resource.clone()))
    }

    /// Returns the highest of the outside hints.
    #[must_use]
    pub fn risk_hint(&self) -> Option<Risk> {
        self.risk_hint
    }

    /// Returns a context attribute and who vouches for it.
    pub(crate) fn context(&self, name: &str) -> Option<(&Value, Source)> {
        let attested = self.attested.get(name).map(|value| (value, Source::Attested));
        attested.or_else(|| self.claimed.get(name).map(|value| (value, Source::Caller)))
    }

    /// Says whether a member of the context has a type of its own.
    pub(crate) fn is_context_member(name: &str) -> bool {
        json::CONTEXT_MEMBERS.contains(&name)
    }

    pub(crate) fn stated_audience(&self) -> Option<&str> {
        self.audience.as_deref()
    }

    pub(crate) fn asks_review(&self) -> bool {
        self.ask.review
    }

    pub(crate) fn auth(&self) -> Option<&Auth> {
        self.auth.as_ref()
    }

    #[cfg(feature = "verify")]
    pub(crate) fn holder(&self) -> Option<&crate::keys::PublicKey> {
        self.holder.as_ref()
    }

    pub(crate) fn usage(&self) -> Option<&Usage> {
        self.usage.as_ref()
    }

    pub(crate) fn facts(&self) -> &Attributes {
        &self.facts
    }
}

/// All resources of a request.
struct Resources<'r> {
    first: Option<&'r Resource>,
    others: std::slice::Iter<'r, Resource>,
}

impl<'r> Iterator for Resources<'r> {
    type Item = &'r Resource;

    fn next(&mut self) -> Option<Self::Item> {
        self.first.take().or_else(|| self.others.next())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let count = self.others.len().saturating_add(usize::from(self.first.is_some()));
        (count, Some(count))
    }
}

impl ExactSizeIterator for Resources<'_> {}
