//! Requests as records hold them, and back.

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Map, Value as Json, json};

use super::{Action, Ask, Auth, Extended, Request, Resource, Source, Subject, Usage};
use crate::payload::{Dialect, Kind, Payload};
use crate::value::Attributes;

impl Request {
    /// Writes the request for a record: AuthZEN's four parts, and what the library knows beside them.
    pub(crate) fn to_record(&self) -> Json {
        let mut action = Map::new();
        action.insert("name".to_owned(), json!(self.action.name()));
        put(&mut action, "properties", self.action.properties());
        if let Some(payload) = self.action.payload() {
            action.insert("payload".to_owned(), payload.to_record());
        }
        mark(&mut action, self.action.source());
        let mut context = Map::new();
        let ask = &self.ask;
        let members = [
            ("reason", ask.reason.as_ref().map(|reason| json!(reason))),
            ("duration", ask.duration.map(|duration| json!(duration.as_secs()))),
            ("emergency", ask.emergency.then_some(json!(true))),
            ("ask_review", ask.review.then_some(json!(true))),
            ("not_before", ask.start.map(|start| json!(print(start)))),
            ("extends", ask.extended.as_deref().map(Extended::to_record)),
            ("auth", self.auth.as_ref().map(Auth::to_record)),
            ("audience", self.audience.as_ref().map(|audience| json!(audience))),
            ("risk_hint", self.risk_hint.map(|risk| json!(risk.as_str()))),
            (
                "actors",
                (!self.actors.is_empty()).then(|| self.actors.iter().map(Subject::to_record).collect()),
            ),
        ];
        let usage = self.usage.as_ref().map(Usage::to_record);
        context.extend(usage.map(|usage| ("usage".to_owned(), usage)));
        for (name, value) in members {
            context.extend(value.map(|value| (name.to_owned(), value)));
        }
        #[cfg(feature = "verify")]
        if let Some(key) = self.holder() {
            context.insert("holder".to_owned(), json!(key.x()));
        }
        put(&mut context, "attested", &self.attested);
        put(&mut context, "claimed", &self.claimed);
        put(&mut context, "facts", &self.facts);
        let (name, resources) = if self.others.is_empty() {
            ("resource", self.resource.to_record())
        } else {
            ("resources", self.resources().map(Resource::to_record).collect())
        };
        json!({ "subject": self.subject.to_record(), "action": action, name: resources, "context": context })
    }

    /// Reads a request back from a record.
    pub(crate) fn from_record(json: &Json) -> Option<Self> {
        let (action, context) = (json.get("action")?, json.get("context")?);
        let mut named = Action::new(text(action, "name")?);
        for (name, value) in properties(action)? {
            named = named.with(&name, value);
        }
        if let Some(payload) = action.get("payload") {
            named = named.with_payload(Payload::from_record(payload)?);
        }
        let several = match json.get("resources") {
            Some(resources) => {
                resources.as_array()?.iter().map(Resource::from_record).collect::<Option<_>>()?
            }
            None => vec![Resource::from_record(json.get("resource")?)?],
        };
        let subject = Subject::from_record(json.get("subject")?)?;
        let mut request = Self::new(subject, named, several.first()?.clone()).with_resources(several);
        if source(action) == Source::Caller {
            request.action = request.action.claimed();
        }
        request.ask = Ask {
            reason: text(context, "reason"),
            duration: context.get("duration").and_then(Json::as_u64).map(std::time::Duration::from_secs),
            start: match context.get("not_before") {
                Some(_) => Some(read_time(context, "not_before")?),
                None => None,
            },
            emergency: context.get("emergency").is_some(),
            review: context.get("ask_review").is_some(),
            extended: match context.get("extends") {
                Some(extended) => Some(Box::new(Extended::from_record(extended)?)),
                None => None,
            },
        };
        if let Some(auth) = context.get("auth") {
            request.auth = Some(Auth::from_record(auth)?);
        }
        request.audience = text(context, "audience");
        if let Some(hint) = context.get("risk_hint") {
            request.risk_hint = Some(hint.as_str()?.parse().ok()?);
        }
        if let Some(actors) = context.get("actors") {
            request.actors = actors.as_array()?.iter().map(Subject::from_record).collect::<Option<_>>()?;
        }
        request.usage = match context.get("usage") {
            Some(usage) => Some(Usage::from_record(usage)?),
            None => None,
        };
        #[cfg(feature = "verify")]
        if let Some(key) = context.get("holder") {
            request.holder = Some(crate::keys::PublicKey::from_x(key.as_str()?).ok()?);
        }
        request.attested = attributes(context, "attested")?;
        request.claimed = attributes(context, "claimed")?;
        request.facts = attributes(context, "facts")?;
        Some(request)
    }
}

impl Auth {
    pub(crate) fn to_record(&self) -> Json {
        let mut auth = json!({ "amr": self.methods, "time": print(self.time) });
        if let (Some(class), Json::Object(members)) = (&self.class, &mut auth) {
            members.insert("acr".to_owned(), json!(class));
        }
        auth
    }

    pub(crate) fn from_record(json: &Json) -> Option<Self> {
        let methods = texts(json.get("amr")?)?;
        Some(Self { methods, class: text(json, "acr"), time: read_time(json, "time")? })
    }
}

impl Usage {
    fn to_record(&self) -> Json {
        json!({ "emergencies": self.emergencies, "limits": self.limits, "overdue_reviews": self.overdue_reviews })
    }

    fn from_record(json: &Json) -> Option<Self> {
        let limit = |pair: &Json| Some((pair.get(0)?.as_str()?.to_owned(), pair.get(1)?.as_u64()?));
        Some(Self {
            limits: json.get("limits")?.as_array()?.iter().map(limit).collect::<Option<_>>()?,
            emergencies: json.get("emergencies")?.as_u64()?,
            overdue_reviews: json.get("overdue_reviews")?.as_u64()?,
        })
    }
}

impl Subject {
    /// Writes the subject for a record.
    pub(crate) fn to_record(&self) -> Json {
        let mut subject = Map::new();
        subject.insert("type".to_owned(), json!(self.kind()));
        subject.insert("id".to_owned(), json!(self.id()));
        put(&mut subject, "properties", self.properties());
        mark(&mut subject, self.source());
        Json::Object(subject)
    }

    /// Reads a subject back from a record.
    pub(crate) fn from_record(json: &Json) -> Option<Self> {
        let mut subject = Self::new(text(json, "type")?, text(json, "id")?);
        for (name, value) in properties(json)? {
            subject = subject.with(&name, value);
        }
        Some(if source(json) == Source::Caller { subject.claimed() } else { subject })
    }
}

impl Resource {
    fn to_record(&self) -> Json {
        let mut resource = Map::new();
        resource.insert("type".to_owned(), json!(self.kind()));
        resource.insert("id".to_owned(), json!(self.id()));
        put(&mut resource, "properties", self.properties());
        mark(&mut resource, self.source());
        Json::Object(resource)
    }

    fn from_record(json: &Json) -> Option<Self> {
        let mut resource = Self::new(text(json, "type")?, text(json, "id")?);
        for (name, value) in properties(json)? {
            resource = resource.with(&name, value);
        }
        Some(if source(json) == Source::Caller { resource.claimed() } else { resource })
    }
}

impl Payload {
    fn to_record(&self) -> Json {
        match self.kind() {
            Kind::Sql { dialect, text, parameters } => {
                json!({ "sql": text, "dialect": dialect.as_str(), "parameters": parameters })
            }
            Kind::Argv { words, directory, env, .. } => {
                json!({ "argv": words, "directory": directory, "env": env })
            }
            Kind::Http { method, url, headers, body } => {
                json!({ "method": method, "url": url, "headers": headers, "body": crate::hex::encode(body) })
            }
            Kind::Text { text } => json!({ "text": text }),
        }
    }

    fn from_record(json: &Json) -> Option<Self> {
        if let Some(sql) = text(json, "sql") {
            let dialect = Dialect::from_name(&text(json, "dialect")?)?;
            return Some(Self::sql(dialect, sql).with_parameters(texts(json.get("parameters")?)?));
        }
        if let Some(words) = json.get("argv") {
            let mut payload = Self::argv(texts(words)?);
            if let Some(directory) = text(json, "directory") {
                payload = payload.with_directory(directory);
            }
            let env = pairs(json.get("env")?)?;
            return Some(
                env.into_iter().fold(payload, |payload, (name, value)| payload.with_env(name, value)),
            );
        }
        if let Some(url) = text(json, "url") {
            let body = crate::hex::decode(&text(json, "body")?)?;
            let payload = Self::http(&text(json, "method")?, &url, &body);
            let headers = pairs(json.get("headers")?)?;
            return Some(
                headers.into_iter().fold(payload, |payload, (name, value)| payload.with_header(&name, value)),
            );
        }
        Some(Self::plain(text(json, "text")?))
    }
}

fn put(object: &mut Map<String, Json>, name: &str, attributes: &Attributes) {
    if !attributes.is_empty() {
        object.insert(name.to_owned(), attributes.to_record());
    }
}

/// Marks what only the caller vouches for; the rest is attested.
fn mark(object: &mut Map<String, Json>, source: Source) {
    if source == Source::Caller {
        object.insert("source".to_owned(), json!("caller"));
    }
}

fn source(json: &Json) -> Source {
    if json.get("source").is_some() { Source::Caller } else { Source::Attested }
}

pub(super) fn print(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

pub(super) fn read_time(json: &Json, name: &str) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(json.get(name)?.as_str()?).ok()?.to_utc())
}

pub(super) fn text(json: &Json, name: &str) -> Option<String> {
    json.get(name)?.as_str().map(str::to_owned)
}

fn texts(json: &Json) -> Option<Vec<String>> {
    json.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect()
}

fn pairs(json: &Json) -> Option<Vec<(String, String)>> {
    let pair = |item: &Json| Some((item.get(0)?.as_str()?.to_owned(), item.get(1)?.as_str()?.to_owned()));
    json.as_array()?.iter().map(pair).collect()
}

fn properties(json: &Json) -> Option<Attributes> {
    attributes(json, "properties")
}

fn attributes(json: &Json, name: &str) -> Option<Attributes> {
    json.get(name).map_or_else(|| Some(Attributes::new()), Attributes::from_record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::risk::Risk;

    fn round_trip(request: &Request) -> Option<Request> {
        Request::from_record(&request.to_record())
    }

    #[test]
    fn request_comes_back_as_it_went_in() {
        let subject = Subject::new("user", "ana").with("groups", ["sre"]).with("tenant", "acme");
        let payload = Payload::sql(Dialect::PostgreSql, "DELETE FROM t WHERE id = $1").with_parameters(["7"]);
        let action = Action::new("sql.execute").with("dryRun", false).with_payload(payload);
        let request = Request::new(subject, action, Resource::new("database", "orders").with("weight", 0.5))
            .with("ticket", "INC1")
            .with_reason("stuck")
            .with_duration(std::time::Duration::from_secs(900))
            .as_emergency()
            .with_auth(Auth::new(["otp"], DateTime::UNIX_EPOCH).with_class("mfa"))
            .with_not_before(DateTime::UNIX_EPOCH)
            .with_audience("proxy/orders")
            .with_risk_hint(Risk::Medium)
            .with_actor(Subject::new("agent", "planner").with("depth", 1))
            .with_actor(Subject::new("user", "bo"))
            .with_fact("estimated_rows", 12)
            .with_usage(Usage::none().with_used("zone", 3).with_emergencies(1));
        #[cfg(feature = "verify")]
        let request = request.with_holder(crate::keys::SigningKey::from_seed([7; 32]).public());
        assert_eq!(round_trip(&request), Some(request));
    }

    #[test]
    fn who_vouches_for_a_value_comes_back() {
        let text = r#"{"subject": {"type": "user", "id": "ana"}, "resource": {"type": "x", "id": "y"},
            "action": {"name": "run", "payload": {"argv": ["ls"], "env": {"A": "b"}, "directory": "/"}},
            "context": {"ticket": "INC1"}}"#;
        let request = Request::from_caller_json(text).unwrap();
        assert_eq!(round_trip(&request), Some(request));
    }

    #[test]
    fn other_payloads_come_back_as_they_went_in() {
        let http = Payload::http("POST", "https://a.example/x?y=1", &[0, 255]).with_header("Accept", "a");
        for payload in [http, Payload::plain("hello")] {
            assert_eq!(Payload::from_record(&payload.to_record()), Some(payload));
        }
    }
}
