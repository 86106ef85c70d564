//! What a script says.

use std::collections::BTreeMap;

use chrono::{DateTime, TimeDelta, Utc};
use countersign::{Request, Subject, Value as Attribute};
use serde::Deserialize;
use serde_json::{Map, Value};

/// A whole script.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Script {
    #[serde(default)]
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) policy: Option<String>,
    #[serde(default)]
    pub(crate) policy_file: Option<String>,
    #[serde(default = "noon")]
    pub(crate) start: DateTime<Utc>,
    pub(crate) request: Value,
    #[serde(default)]
    pub(crate) people: BTreeMap<String, Person>,
    #[serde(default)]
    pub(crate) candidates: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) events: Vec<Event>,
    #[serde(default)]
    pub(crate) expect: Option<Expect>,
}

/// Somebody whom the host knows.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Person {
    #[serde(default, rename = "type")]
    kind: Option<String>,
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    properties: Map<String, Value>,
}

/// Something that happens.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Event {
    pub(crate) at: String,
    pub(crate) vote: Option<String>,
    pub(crate) by: String,
    #[serde(rename = "for")]
    pub(crate) delegator: Option<String>,
    pub(crate) comment: String,
    pub(crate) kind: Option<String>,
    pub(crate) at_most: Option<String>,
    pub(crate) not_before: Option<String>,
    pub(crate) narrow: BTreeMap<String, Value>,
    pub(crate) auth: Option<SignIn>,
    pub(crate) refresh: Option<Vec<String>>,
    pub(crate) withdraw: Option<String>,
    pub(crate) supersede: Option<Value>,
    pub(crate) extend: Option<String>,
    pub(crate) policy: Option<String>,
    pub(crate) wake: bool,
    /// People who are known otherwise from now on.
    pub(crate) people: BTreeMap<String, Person>,
    pub(crate) expect: Option<Expect>,
}

/// How and when somebody signed in.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignIn {
    #[serde(default)]
    pub(crate) amr: Vec<String>,
    #[serde(default)]
    pub(crate) acr: Option<String>,
    pub(crate) at: String,
}

/// What must come of it.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Expect {
    pub(crate) outcome: Option<String>,
    pub(crate) state: Option<String>,
    pub(crate) error: Option<String>,
    pub(crate) wakeup: Option<String>,
    pub(crate) can_approve: Option<Vec<String>>,
    pub(crate) missing: Option<usize>,
    pub(crate) duration_s: Option<i64>,
}

impl Script {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    /// Reads a time: RFC 3339, or a span after the start.
    pub(crate) fn time(&self, text: &str) -> Result<DateTime<Utc>, String> {
        let fault = || format!("`{text}` is no time: expected RFC 3339, or a span such as `+1h30m`");
        match text.strip_prefix('+') {
            Some(span) => self.start.checked_add_signed(span_of(span).ok_or_else(fault)?).ok_or_else(fault),
            None => text.parse().map_err(|_| fault()),
        }
    }
}

impl Person {
    pub(crate) fn subject(&self, name: &str) -> Subject {
        let kind = self.kind.as_deref().unwrap_or("user");
        let subject = Subject::new(kind, self.id.as_deref().unwrap_or(name));
        let pairs = self.properties.iter();
        pairs.fold(subject, |subject, (name, value)| {
            match serde_json::from_value::<Attribute>(value.clone()) {
                Ok(value) => subject.with(name, value),
                Err(_) => subject,
            }
        })
    }
}

pub(crate) fn request(json: &Value) -> Result<Request, String> {
    Request::from_trusted_json(json.to_string()).map_err(|error| error.to_string())
}

/// Reads whole units, such as `1h30m`.
pub(crate) fn span_of(text: &str) -> Option<TimeDelta> {
    let (mut seconds, mut number) = (0_i64, None::<i64>);
    for letter in text.chars() {
        let unit = match letter {
            'd' => 86_400,
            'h' => 3_600,
            'm' => 60,
            's' => 1,
            digit => {
                let digit = i64::from(digit.to_digit(10)?);
                number = Some(number.unwrap_or(0).checked_mul(10)?.checked_add(digit)?);
                continue;
            }
        };
        seconds = seconds.checked_add(number.take()?.checked_mul(unit)?)?;
    }
    (number.is_none() && !text.is_empty()).then(|| TimeDelta::try_seconds(seconds))?
}

fn noon() -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_435_200, 0).unwrap_or_default()
}
