//! A submission to the access request endpoint: who asks for what, after which denial.
//!
//! Reads the body and judges nothing. What it says of approval, display or urgency is what somebody asks for; the
//! gate decides.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::access::https;
use super::binding::{Binding, framed};
use super::{AccessRequestError, BadRequest, body, object, wrong_type};
use crate::limits;
use crate::request::{Request, RequestError, Source};
use crate::value::{Attributes, Value};

/// A submission, read and not yet bound to its denial: see [`AccessRequests::bind`](super::AccessRequests::bind).
///
/// ```
/// use countersign::authzen::AccessRequest;
///
/// let body = r#"{"subject": {"type": "user", "id": "ana"}, "action": {"name": "can_read"},
///                "resource": {"type": "document", "id": "q4-plan"},
///                "denial": {"evaluation_id": "eval_1", "expires_at": "2026-11-23T10:10:00Z"}}"#;
/// let submission = AccessRequest::from_trusted_json(body)?;
/// assert!(submission.callback().is_none());
/// # Ok::<(), countersign::authzen::AccessRequestError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct AccessRequest {
    pub(super) items: Vec<Asked>,
    pub(super) bundle: bool,
    pub(super) actor_verified: bool,
    pub(super) digest: String,
    client: Option<Json>,
    callback: Option<Callback>,
}

/// One item: what is asked, and after which denial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    pub(super) request: Request,
    pub(super) until: Option<DateTime<Utc>>,
    pub(super) denial: Option<Denial>,
    pub(super) resource: Json,
    pub(super) action: Json,
}

/// What the enforcement point echoes of a denial.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Denial {
    pub(super) token: Option<String>,
    pub(super) evaluation: Option<String>,
    pub(super) expires_at: DateTime<Utc>,
}

/// Where somebody wants to be told of the end of a task. Data only: deliver to what is registered for the
/// authenticated enforcement point and nowhere else, or you forge requests into your own network.
#[derive(Debug, Clone, PartialEq)]
pub struct Callback {
    endpoint: String,
    pub(super) state: Option<Json>,
    pub(super) events: Vec<String>,
}

/// A submission of which every item is bound to a denial of just that: hand its [requests](Self::requests) to the
/// gate, then [`file`](Self::file) it.
#[derive(Debug)]
#[must_use]
pub struct Bound {
    pub(super) items: Vec<(Asked, Binding)>,
    pub(super) bundle: bool,
    pub(super) digest: String,
}

impl AccessRequest {
    /// Reads a submission of an enforcement point that the host trusts: all in it is attested.
    ///
    /// # Errors
    ///
    /// [`AccessRequestError::Body`], or [`AccessRequestError::Member`].
    pub fn from_trusted_json(text: impl AsRef<[u8]>) -> Result<Self, AccessRequestError> {
        Self::read(text.as_ref(), Source::Attested)
    }

    /// Reads a submission of anybody: nothing in it is attested.
    ///
    /// # Errors
    ///
    /// As [`from_trusted_json`](Self::from_trusted_json).
    pub fn from_caller_json(text: impl AsRef<[u8]>) -> Result<Self, AccessRequestError> {
        Self::read(text.as_ref(), Source::Caller)
    }

    fn read(text: &[u8], source: Source) -> Result<Self, AccessRequestError> {
        let mut body = body(text)?;
        let digest = framed(b"countersign/submission/v1", &body);
        let client = object(&mut body, "client")?.map(|client| to_json(&Value::Map(client)));
        let callback = object(&mut body, "callback")?.map(Callback::read).transpose()?;
        let denial = object(&mut body, "denial")?;
        let wanted = object(&mut body, "requested_access")?.unwrap_or_default();
        let Some(items) = body.remove("items") else {
            let asked = Asked::read(body, denial, wanted, source)?;
            return Ok(Self {
                items: vec![asked],
                bundle: false,
                actor_verified: false,
                digest,
                client,
                callback,
            });
        };
        for path in ["resource", "resources", "action"] {
            if body.get(path).is_some() {
                return Err(AccessRequestError::Member { path, expected: "absent beside `items`" });
            }
        }
        let items = match items {
            Value::List(items) if items.is_empty() => return Err(missing("items")),
            Value::List(items) => items,
            other => return Err(wrong_type("items", "a list", &other).into()),
        };
        let (found, limit) = (items.len(), limits::RESOURCES);
        if found > limit {
            let path = "items".to_owned();
            return Err(RequestError::OutOfBounds { path, found, unit: "items", limit }.into());
        }
        let items = items.into_iter().map(|item| {
            let Value::Map(mut item) = item else { return Err(wrong_type("items", "objects", &item).into()) };
            // A denial of the whole bundle would have to list its items; none is ever issued.
            let denial = object(&mut item, "denial")?;
            let mut wanted = wanted.clone();
            for (name, value) in object(&mut item, "requested_access")?.unwrap_or_default() {
                wanted.insert(name, value);
            }
            let mut members = body.clone();
            for name in ["resource", "action"] {
                members.insert(name, item.remove(name).ok_or_else(|| missing(name))?);
            }
            Asked::read(members, denial, wanted, source)
        });
        let items = items.collect::<Result<_, AccessRequestError>>()?;
        Ok(Self { items, bundle: true, actor_verified: false, digest, client, callback })
    }

    /// Returns `client`, which nobody vouches for: keep it for the audit, decide nothing by it.
    #[must_use]
    pub fn client(&self) -> Option<&Json> {
        self.client.as_ref()
    }

    /// Says that the host verified the whole chain of `client.actor` against the caller's credential. A submission
    /// with an actor is refused without it.
    #[must_use]
    pub fn with_verified_actor(mut self) -> Self {
        self.actor_verified = true;
        self
    }

    pub(super) fn actor_is_open(&self) -> bool {
        !self.actor_verified && self.client.as_ref().and_then(|client| client.get("actor")).is_some()
    }

    /// Returns where the caller wants to be told.
    #[must_use]
    pub fn callback(&self) -> Option<&Callback> {
        self.callback.as_ref()
    }
}

impl Asked {
    fn read(
        members: Attributes,
        denial: Option<Attributes>,
        wanted: Attributes,
        source: Source,
    ) -> Result<Self, AccessRequestError> {
        let echo = |name| members.get(name).map(to_json).unwrap_or_default();
        let (resource, action) = (echo("resource"), echo("action"));
        let justification = match members.get("context") {
            Some(Value::Map(context)) => context.get("business_justification").and_then(Value::as_str),
            _ => None,
        };
        let justification = justification.map(str::to_owned);
        let mut request = Request::from_members(members, source)?;
        if let (None, Some(text)) = (request.reason(), justification) {
            request = request.with_reason(text);
        }
        match wanted.get("emergency") {
            Some(Value::Bool(true)) => request = request.as_emergency(),
            None | Some(Value::Null | Value::Bool(false)) => {}
            Some(_) => {
                return Err(AccessRequestError::Member {
                    path: "requested_access.emergency",
                    expected: "a bool",
                });
            }
        }
        let until = match wanted.get("requested_until") {
            None | Some(Value::Null) => None,
            Some(value) => Some(time(value, "requested_access.requested_until")?),
        };
        let denial = denial.map(Denial::read).transpose()?;
        Ok(Self { request, until, denial, resource, action })
    }
}

impl Denial {
    fn read(mut members: Attributes) -> Result<Self, AccessRequestError> {
        let mut text = |name: &str, path| match members.remove(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(AccessRequestError::Member { path, expected: "a string" }),
        };
        let token = text("binding_token", "denial.binding_token")?;
        let evaluation = text("evaluation_id", "denial.evaluation_id")?;
        let expires_at = members.get("expires_at").unwrap_or(&Value::Null);
        Ok(Self { token, evaluation, expires_at: time(expires_at, "denial.expires_at")? })
    }
}

impl Callback {
    fn read(mut members: Attributes) -> Result<Self, AccessRequestError> {
        let member = |path, expected| AccessRequestError::Member { path, expected };
        let endpoint = members.get("endpoint").and_then(Value::as_str).filter(|url| https(url).is_some());
        let endpoint = endpoint.ok_or(member("callback.endpoint", "an https URL"))?.to_owned();
        let events = match members.remove("events") {
            None => Vec::new(),
            Some(Value::List(events)) => events
                .iter()
                .map(|event| event.as_str().map(str::to_owned))
                .collect::<Option<_>>()
                .ok_or(member("callback.events", "a list of strings"))?,
            Some(_) => return Err(member("callback.events", "a list of strings")),
        };
        Ok(Self { endpoint, state: members.get("state").map(to_json), events })
    }

    /// Returns the address, an https URL.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }
}

impl Bound {
    /// Iterates over what to submit to the gate: one request, of a bundle one for each item.
    pub fn requests(&self) -> impl ExactSizeIterator<Item = &Request> {
        self.items.iter().map(|(asked, _)| &asked.request)
    }

    /// Iterates over the ids of the binding tokens. Each is for one submission: store them under a unique key until
    /// the token expires, and refuse with [`BindingFault::Replayed`](super::BindingFault) one that is there.
    pub fn token_ids(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|(_, binding)| binding.id.as_str())
    }

    /// Iterates over the digests of the policies by which the items were denied. The gate decides by its own.
    pub fn policies(&self) -> impl ExactSizeIterator<Item = &str> {
        self.items.iter().map(|(_, binding)| binding.policy.as_str())
    }
}

fn missing(path: &str) -> AccessRequestError {
    BadRequest::from(RequestError::Missing { path: path.to_owned() }).into()
}

fn time(value: &Value, path: &'static str) -> Result<DateTime<Utc>, AccessRequestError> {
    let time = value.as_str().and_then(|text| DateTime::parse_from_rfc3339(text).ok());
    let expected = "a time such as `2026-11-23T10:00:00Z`";
    time.map(|time| time.to_utc()).ok_or(AccessRequestError::Member { path, expected })
}

/// Writes a value that was read from JSON.
fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(flag) => (*flag).into(),
        Value::Int(number) => (*number).into(),
        Value::Uint(number) => (*number).into(),
        Value::Double(number) => (*number).into(),
        Value::String(text) => text.as_str().into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Map(members) => {
            members.iter().map(|(name, value)| (name.to_owned(), to_json(value))).collect()
        }
        Value::Null | Value::Bytes(_) | Value::Timestamp(_) | Value::Duration(_) => Json::Null,
    }
}
