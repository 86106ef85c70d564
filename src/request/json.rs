//! Requests in AuthZEN's JSON (OpenID AuthZEN Authorization API 1.0, section 5).
//!
//! `{"subject": {"type", "id", "properties"}, "action": {"name", "properties", "payload"},
//! "resource": {"type", "id", "properties"}, "context": {…}}`; instead of `resource` there may be `resources`, a list. Members that AuthZEN does not name are
//! ignored, as it demands; a typed member of the wrong type, or a key that stands twice, is refused.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Action, Ask, Auth, Extended, Known, Request, RequestError, Resource, Source, Subject, Usage};
use crate::limits;
use crate::payload::{Dialect, Payload};
use crate::risk::Risk;
use crate::span_of_time;
use crate::value::{Attributes, Value};

/// Context members with a type of their own; the others are attributes.
pub(super) const CONTEXT_MEMBERS: [&str; 12] = [
    "reason",
    "duration",
    "emergency",
    "ask_review",
    "auth",
    "usage",
    "facts",
    "not_before",
    "extends",
    "audience",
    "actor",
    "risk_hint",
];

/// Context members that only the host may state.
const HOST_MEMBERS: [&str; 6] = ["auth", "usage", "facts", "actor", "audience", "risk_hint"];

impl Request {
    /// Reads a request that the caller wrote. Nothing in it is attested: a policy that wants an attested
    /// value denies it until the host states it by [`with_subject`](Self::with_subject),
    /// [`with_resource`](Self::with_resource) or [`with`](Self::with).
    ///
    /// # Errors
    ///
    /// [`RequestError::TooLarge`], [`RequestError::Json`], or the first member that is absent, of the
    /// wrong type or not the caller's to state.
    pub fn from_caller_json(text: impl AsRef<[u8]>) -> Result<Self, RequestError> {
        read(text.as_ref(), Source::Caller)
    }

    /// Reads a request that a trusted enforcement point wrote. All in it is attested.
    ///
    /// ```
    /// use countersign::Request;
    ///
    /// let request = Request::from_trusted_json(
    ///     r#"{"subject": {"type": "user", "id": "ana", "properties": {"groups": ["payments"]}},
    ///         "action": {"name": "sql.execute", "payload": {"dialect": "postgresql", "sql": "SELECT 1"}},
    ///         "resource": {"type": "database", "id": "orders"},
    ///         "context": {"reason": "check the connection", "duration": "15m"}}"#,
    /// )?;
    /// assert_eq!(request.action().payload().map(|payload| payload.text()), Some("SELECT 1"));
    /// # Ok::<(), countersign::RequestError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`RequestError::TooLarge`], [`RequestError::Json`], or the first member that is absent or of the
    /// wrong type.
    pub fn from_trusted_json(text: impl AsRef<[u8]>) -> Result<Self, RequestError> {
        read(text.as_ref(), Source::Attested)
    }
}

fn read(text: &[u8], source: Source) -> Result<Request, RequestError> {
    Request::from_members(members_of(text, limits::REQUEST_BYTES)?, source)
}

/// Reads the object of at most `limit` bytes that a body is.
pub(crate) fn members_of(text: &[u8], limit: usize) -> Result<Attributes, RequestError> {
    if text.len() > limit {
        return Err(RequestError::TooLarge { bytes: text.len(), limit });
    }
    // Looked at as a whole, text is read faster; the slower way says where it is none.
    let body = match std::str::from_utf8(text) {
        Ok(text) => serde_json::from_str::<Attributes>(text),
        Err(_) => serde_json::from_slice(text),
    };
    body.map_err(|error| RequestError::Json {
        line: error.line(),
        column: error.column(),
        problem: problem(&error),
    })
}

impl Request {
    /// Reads a request from its members, such as a policy's case has.
    pub(crate) fn from_members(mut body: Attributes, source: Source) -> Result<Self, RequestError> {
        let (mut subject, mut action) =
            (Reader::required(&mut body, "subject")?, Reader::required(&mut body, "action")?);
        let several = several(&mut body)?;
        let one = if several.is_empty() { Some(Reader::required(&mut body, "resource")?) } else { None };
        let (subject, action) = (subject.subject()?, action.action()?);
        let resource = match (one, several.first()) {
            (Some(mut one), _) => one.resource()?,
            (None, first) => first.cloned().unwrap_or_else(|| Resource::new("", "")),
        };
        let mut request = Request::new(subject, action, resource);
        if !several.is_empty() {
            request = request.with_resources(several);
        }
        if source == Source::Caller {
            request.subject = request.subject.claimed();
            request.action = request.action.claimed();
            request.resource = request.resource.claimed();
            request.others = request.others.into_iter().map(Resource::claimed).collect();
        }
        if let Some(mut context) = Reader::optional(&mut body, "context")? {
            context.context(&mut request, source)?;
        }
        Ok(request)
    }
}

/// Reads `resources`, which may stand instead of `resource`.
fn several(body: &mut Attributes) -> Result<Vec<Resource>, RequestError> {
    let path = "resources";
    let items = match body.remove(path) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::List(items)) => items,
        Some(other) => return Err(wrong_type(path.to_owned(), "a list of objects", &other)),
    };
    if body.get("resource").is_some_and(|resource| *resource != Value::Null) {
        return Err(RequestError::BothResources);
    }
    let (found, limit) = (items.len(), limits::RESOURCES);
    if found > limit {
        return Err(RequestError::OutOfBounds { path: path.to_owned(), found, unit: path, limit });
    }
    if items.is_empty() {
        return Err(RequestError::Missing { path: path.to_owned() });
    }
    let resources = items.into_iter().map(|item| match item {
        Value::Map(members) => Reader { path, members }.resource(),
        other => Err(wrong_type(path.to_owned(), "a list of objects", &other)),
    });
    resources.collect()
}

/// Takes members out of one object, naming their paths in errors.
struct Reader {
    path: &'static str,
    members: Attributes,
}

impl Reader {
    fn required(parent: &mut Attributes, path: &'static str) -> Result<Self, RequestError> {
        Self::optional(parent, path)?.ok_or_else(|| RequestError::Missing { path: path.to_owned() })
    }

    fn optional(parent: &mut Attributes, path: &'static str) -> Result<Option<Self>, RequestError> {
        let name = path.rsplit('.').next().unwrap_or(path);
        match parent.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Map(members)) => Ok(Some(Self { path, members })),
            Some(other) => Err(wrong_type(path.to_owned(), "an object", &other)),
        }
    }

    fn subject(&mut self) -> Result<Subject, RequestError> {
        let subject = Subject::new(self.text("type")?, self.text("id")?);
        Ok(subject.with_properties(self.properties()?))
    }

    fn action(&mut self) -> Result<Action, RequestError> {
        let action = Action::new(self.text("name")?).with_properties(self.properties()?);
        match Self::optional(&mut self.members, "action.payload")? {
            Some(mut payload) => Ok(action.with_payload(payload.payload()?)),
            None => Ok(action),
        }
    }

    fn resource(&mut self) -> Result<Resource, RequestError> {
        let resource = Resource::new(self.text("type")?, self.text("id")?);
        Ok(resource.with_properties(self.properties()?))
    }

    /// Reads a payload: `{"dialect", "sql", "parameters"}`, `{"argv", "directory", "env"}`,
    /// `{"http": {"method", "url", "headers", "body"}}` or `{"text"}`. A member that is not of the kind is
    /// refused: what is approved must be all that runs.
    fn payload(&mut self) -> Result<Payload, RequestError> {
        let payload = if self.has("sql") {
            let name = self.text("dialect")?;
            let dialect = Dialect::from_name(&name).ok_or(RequestError::UnknownDialect { name })?;
            let parameters = self.maybe_texts("parameters")?.unwrap_or_default();
            Payload::sql(dialect, self.text("sql")?).with_parameters(parameters)
        } else if self.has("argv") {
            let words = self.maybe_texts("argv")?.unwrap_or_default();
            let mut payload = Payload::argv(words);
            if let Some(directory) = self.maybe_text("directory")? {
                payload = payload.with_directory(directory);
            }
            self.text_pairs("env")?
                .into_iter()
                .fold(payload, |payload, (name, value)| payload.with_env(name, value))
        } else if self.has("http") {
            let mut http = Self::required(&mut self.members, "action.payload.http")?;
            let body = http.maybe_text("body")?.unwrap_or_default();
            let payload = Payload::http(&http.text("method")?, &http.text("url")?, body.as_bytes());
            let headers = http.text_pairs("headers")?;
            http.nothing_left()?;
            headers.into_iter().fold(payload, |payload, (name, value)| payload.with_header(&name, value))
        } else {
            Payload::plain(self.text("text")?)
        };
        self.nothing_left()?;
        Ok(payload)
    }

    fn context(&mut self, request: &mut Request, source: Source) -> Result<(), RequestError> {
        if source == Source::Caller
            && let Some(name) = HOST_MEMBERS.into_iter().find(|name| self.has(name))
        {
            return Err(RequestError::NotTheCallers { path: self.at(name) });
        }
        request.ask = Ask {
            reason: self.maybe_text("reason")?,
            duration: self.maybe_duration("duration")?,
            start: self.maybe_time("not_before")?,
            emergency: self.flag("emergency")?,
            review: self.flag("ask_review")?,
            extended: self.extended(source)?.map(Box::new),
        };
        if let Some(mut auth) = Self::optional(&mut self.members, "context.auth")? {
            let stated = Auth::new(auth.maybe_texts("amr")?.unwrap_or_default(), auth.time("time")?);
            request.auth = Some(Auth { class: auth.maybe_text("acr")?, ..stated });
        }
        let mut outer = Self::optional(&mut self.members, "context.actor")?;
        while let Some(mut actor) = outer {
            request.actors.push(actor.subject()?);
            outer = Self::optional(&mut actor.members, "context.actor")?;
        }
        request.audience = self.maybe_text("audience")?;
        if let Some(level) = self.maybe_text("risk_hint")? {
            let known: Option<Risk> = level.parse().ok();
            let expected = "`low`, `medium`, `high` or `critical`";
            let found = Value::String(level);
            request.risk_hint =
                Some(known.ok_or_else(|| wrong_type(self.at("risk_hint"), expected, &found))?);
        }
        if let Some(mut usage) = Self::optional(&mut self.members, "context.usage")? {
            request.usage = Some(usage.usage()?);
        }
        if let Some(facts) = Self::optional(&mut self.members, "context.facts")? {
            request.facts = facts.members;
        }
        let attributes = std::mem::take(&mut self.members);
        match source {
            Source::Attested => request.attested = attributes,
            Source::Caller => request.claimed = attributes,
        }
        Ok(())
    }

    fn usage(&mut self) -> Result<Usage, RequestError> {
        let mut usage = Usage::none()
            .with_emergencies(self.count("emergencies")?)
            .with_overdue_reviews(self.count("overdue_reviews")?);
        if let Some(limits) = Self::optional(&mut self.members, "context.usage.limits")? {
            for (rule, value) in limits.members {
                let count =
                    count(&value).ok_or_else(|| wrong_type(limits.path.to_owned(), "counts", &value))?;
                usage = usage.with_used(rule, count);
            }
        }
        Ok(usage)
    }

    /// Reads which grant is to be extended: its id, or, where the host says so, what is known of it.
    fn extended(&mut self, source: Source) -> Result<Option<Extended>, RequestError> {
        if source == Source::Caller || matches!(self.members.get("extends"), None | Some(Value::String(_))) {
            let grant = self.maybe_text("extends")?;
            return Ok(grant.map(|grant| Extended { grant, known: None }));
        }
        let Some(mut of) = Self::optional(&mut self.members, "context.extends")? else { return Ok(None) };
        let known = Known {
            request: of.text("request")?,
            begins: of.time("begins")?,
            ends: of.time("ends")?,
            times: of.count("times")?,
            constraints: serde_json::Value::Null,
        };
        let extended = Extended { grant: of.text("grant")?, known: Some(known) };
        of.nothing_left()?;
        Ok(Some(extended))
    }

    fn properties(&mut self) -> Result<Attributes, RequestError> {
        match self.members.remove("properties") {
            None | Some(Value::Null) => Ok(Attributes::new()),
            Some(Value::Map(properties)) => Ok(properties),
            Some(other) => Err(wrong_type(self.at("properties"), "an object", &other)),
        }
    }

    fn has(&self, name: &str) -> bool {
        self.members.get(name).is_some()
    }

    fn at(&self, name: &str) -> String {
        format!("{}.{name}", self.path)
    }

    fn text(&mut self, name: &str) -> Result<String, RequestError> {
        self.maybe_text(name)?.ok_or_else(|| RequestError::Missing { path: self.at(name) })
    }

    fn maybe_text(&mut self, name: &str) -> Result<Option<String>, RequestError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(wrong_type(self.at(name), "a string", &other)),
        }
    }

    fn maybe_texts(&mut self, name: &str) -> Result<Option<Vec<String>>, RequestError> {
        let items = match self.members.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::List(items)) => items,
            Some(other) => return Err(wrong_type(self.at(name), "a list of strings", &other)),
        };
        let texts = items.into_iter().map(|item| match item {
            Value::String(text) => Ok(text),
            other => Err(wrong_type(self.at(name), "a list of strings", &other)),
        });
        texts.collect::<Result<_, _>>().map(Some)
    }

    fn text_pairs(&mut self, name: &str) -> Result<Vec<(String, String)>, RequestError> {
        let members = match self.members.remove(name) {
            None | Some(Value::Null) => return Ok(Vec::new()),
            Some(Value::Map(members)) => members,
            Some(other) => return Err(wrong_type(self.at(name), "an object of strings", &other)),
        };
        let pairs = members.into_iter().map(|(key, item)| match item {
            Value::String(text) => Ok((key, text)),
            other => Err(wrong_type(self.at(name), "an object of strings", &other)),
        });
        pairs.collect()
    }

    fn maybe_duration(&mut self, name: &str) -> Result<Option<Duration>, RequestError> {
        let found = match self.members.remove(name) {
            None | Some(Value::Null) => return Ok(None),
            Some(value) => value,
        };
        let duration = match &found {
            Value::String(text) => span_of_time::parse(text),
            other => count(other).map(Duration::from_secs),
        };
        duration
            .map(Some)
            .ok_or_else(|| wrong_type(self.at(name), "a duration such as `15m`, or seconds", &found))
    }

    fn time(&mut self, name: &str) -> Result<DateTime<Utc>, RequestError> {
        self.maybe_time(name)?.ok_or_else(|| RequestError::Missing { path: self.at(name) })
    }

    fn maybe_time(&mut self, name: &str) -> Result<Option<DateTime<Utc>>, RequestError> {
        let Some(text) = self.maybe_text(name)? else { return Ok(None) };
        DateTime::parse_from_rfc3339(&text).map(|time| Some(time.to_utc())).map_err(|_| {
            let expected = "a time such as `2026-11-23T10:00:00Z`";
            wrong_type(self.at(name), expected, &Value::String(text))
        })
    }

    fn flag(&mut self, name: &str) -> Result<bool, RequestError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(other) => Err(wrong_type(self.at(name), "a bool", &other)),
        }
    }

    fn count(&mut self, name: &str) -> Result<u64, RequestError> {
        match self.members.remove(name) {
            None | Some(Value::Null) => Ok(0),
            Some(value) => count(&value).ok_or_else(|| wrong_type(self.at(name), "a count", &value)),
        }
    }

    fn nothing_left(&self) -> Result<(), RequestError> {
        match self.members.iter().next() {
            Some((name, _)) => Err(RequestError::UnknownMember { path: self.at(&crate::text::quote(name)) }),
            None => Ok(()),
        }
    }
}

fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Int(count) => u64::try_from(*count).ok(),
        Value::Uint(count) => Some(*count),
        _ => None,
    }
}

fn wrong_type(path: String, expected: &'static str, found: &Value) -> RequestError {
    RequestError::WrongType { path, expected, found: found.type_name() }
}

/// The reader's message without the place, which the error has apart.
fn problem(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    crate::text::quote(text.get(..end).unwrap_or(&text))
}
