//! Values as records hold them.
//!
//! A record knows no floats, no integers above 2^53−1 and only lower-case keys (docs/formats.md, "Values").
//! What does not fit is wrapped in an object with one key that starts with `$`, so that every value comes
//! back as it went in.

use chrono::{DateTime, SecondsFormat, TimeDelta};
use serde_json::{Map, Value as Json, json};

use super::{Attributes, Value, is_plain_name};

impl Value {
    /// Writes the value for a record.
    pub(crate) fn to_record(&self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Bool(flag) => Json::Bool(*flag),
            Self::Int(number) if fits(number.unsigned_abs()) => json!(number),
            Self::Int(number) => json!({ INT: number.to_string() }),
            Self::Uint(number) => json!({ UINT: number.to_string() }),
            Self::Double(number) => json!({ DOUBLE: format!("{number:?}") }),
            Self::String(text) => json!(text),
            Self::Bytes(bytes) => json!({ BYTES: crate::hex::encode(bytes) }),
            Self::Timestamp(time) => json!({ TIMESTAMP: time.to_rfc3339_opts(SecondsFormat::AutoSi, true) }),
            Self::Duration(span) => {
                json!({ DURATION: [span.num_seconds(), i64::from(span.subsec_nanos())] })
            }
            Self::List(items) => items.iter().map(Self::to_record).collect(),
            Self::Map(entries) => entries.to_record(),
        }
    }

    /// Reads a value back from a record.
    pub(crate) fn from_record(json: &Json) -> Option<Self> {
        Some(match json {
            Json::Null => Self::Null,
            Json::Bool(flag) => Self::Bool(*flag),
            Json::Number(number) => Self::Int(number.as_i64()?),
            Json::String(text) => Self::String(text.clone()),
            Json::Array(items) => Self::List(items.iter().map(Self::from_record).collect::<Option<_>>()?),
            Json::Object(entries) => match single(entries) {
                Some((name, inner)) => unwrap(name, inner)?,
                None => Self::Map(Attributes::from_record(json)?),
            },
        })
    }
}

impl Attributes {
    /// Writes the attributes for a record.
    pub(crate) fn to_record(&self) -> Json {
        if self.iter().all(|(name, _)| is_plain_name(name)) {
            return Json::Object(
                self.iter().map(|(name, value)| (name.to_owned(), value.to_record())).collect(),
            );
        }
        let pairs: Vec<Json> = self.iter().map(|(name, value)| json!([name, value.to_record()])).collect();
        json!({ MAP: pairs })
    }

    /// Reads attributes back from a record.
    pub(crate) fn from_record(json: &Json) -> Option<Self> {
        let entries = json.as_object()?;
        let Some((MAP, pairs)) = single(entries) else {
            return entries
                .iter()
                .map(|(name, value)| Some((name.clone(), Value::from_record(value)?)))
                .collect();
        };
        let pair = |pair: &Json| Some((pair.get(0)?.as_str()?.to_owned(), Value::from_record(pair.get(1)?)?));
        pairs.as_array()?.iter().map(pair).collect()
    }
}

fn unwrap(name: &str, inner: &Json) -> Option<Value> {
    let text = inner.as_str().unwrap_or_default();
    Some(match name {
        INT => Value::Int(text.parse().ok()?),
        UINT => Value::Uint(text.parse().ok()?),
        DOUBLE => Value::Double(text.parse().ok()?),
        BYTES => Value::Bytes(crate::hex::decode(text)?),
        TIMESTAMP => Value::Timestamp(DateTime::parse_from_rfc3339(text).ok()?.to_utc()),
        DURATION => {
            let seconds = TimeDelta::try_seconds(inner.get(0)?.as_i64()?)?;
            Value::Duration(seconds.checked_add(&TimeDelta::nanoseconds(inner.get(1)?.as_i64()?))?)
        }
        MAP => Value::Map(Attributes::from_record(&json!({ MAP: inner }))?),
        _ => return None,
    })
}

/// The wrapper's key and content, where an object is a wrapper. Plain keys never start with `$`.
fn single(entries: &Map<String, Json>) -> Option<(&str, &Json)> {
    let (name, inner) =
        entries.iter().next().filter(|(name, _)| entries.len() == 1 && name.starts_with('$'))?;
    Some((name, inner))
}

fn fits(magnitude: u64) -> bool {
    magnitude <= MAX_INTEGER
}

/// The largest integer that every JSON reader keeps exact (RFC 7493, section 2.2).
const MAX_INTEGER: u64 = (1 << 53) - 1;

const INT: &str = "$int";
const UINT: &str = "$uint";
const DOUBLE: &str = "$double";
const BYTES: &str = "$bytes";
const TIMESTAMP: &str = "$timestamp";
const DURATION: &str = "$duration";
const MAP: &str = "$map";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_comes_back_as_it_went_in() {
        let nested: Attributes = [("Upper", Value::Double(0.1)), ("", Value::Null)].into_iter().collect();
        let values = [
            Value::Int(i64::MIN),
            Value::Int(7),
            Value::Uint(u64::MAX),
            Value::Double(f64::INFINITY),
            Value::Double(-0.0),
            Value::Bytes(vec![0, 255]),
            Value::Duration(TimeDelta::nanoseconds(-1_500_000_001)),
            Value::Timestamp(DateTime::UNIX_EPOCH),
            Value::Map(nested),
            Value::Map([("$int", "7")].into_iter().collect()),
            Value::Map([("plain.key-1", true)].into_iter().collect()),
            Value::List(vec![Value::Null, Value::from("x")]),
        ];
        for value in values {
            assert_eq!(Value::from_record(&value.to_record()), Some(value));
        }
    }
}
