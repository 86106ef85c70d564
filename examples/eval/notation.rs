//! Values as JSON: `{"t": "int", "v": "1"}`.
//!
//! Numbers stand as text so that none is rounded, bytes in base64, maps as a list of pairs. JSON without such
//! a tag is read as the plain value that it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use chrono::{DateTime, TimeDelta, Utc};
use countersign::cel::Datum;
use serde_json::{Value, json};

/// Reads a value; `None` if it is malformed.
pub(crate) fn read(value: &Value) -> Option<Datum> {
    let Some(tag) = value.get("t").and_then(Value::as_str) else { return plain(value) };
    let inner = value.get("v");
    let text = || inner.and_then(Value::as_str);
    Some(match tag {
        "null" => Datum::Null,
        "bool" => Datum::Bool(inner?.as_bool()?),
        "int" => Datum::Int(text()?.parse().ok()?),
        "uint" => Datum::Uint(text()?.parse().ok()?),
        "double" => Datum::Double(text()?.parse().ok()?),
        "string" => Datum::String(text()?.to_owned()),
        "bytes" => Datum::Bytes(STANDARD.decode(text()?).ok()?),
        "type" => Datum::Type(text()?.to_owned()),
        "timestamp" => Datum::Timestamp(DateTime::parse_from_rfc3339(text()?).ok()?.with_timezone(&Utc)),
        "duration" => Datum::Duration(read_duration(text()?)?),
        "ip" => Datum::Ip(text()?.to_owned()),
        "cidr" => Datum::Cidr(text()?.to_owned()),
        "optional" => match inner {
            None | Some(Value::Null) => Datum::Optional(None),
            Some(inner) => Datum::Optional(Some(Box::new(read(inner)?))),
        },
        "list" => Datum::List(inner?.as_array()?.iter().map(read).collect::<Option<_>>()?),
        "map" => {
            let pair = |pair: &Value| match pair.as_array().map(Vec::as_slice) {
                Some([key, value]) => Some((read(key)?, read(value)?)),
                _ => None,
            };
            Datum::Map(inner?.as_array()?.iter().map(pair).collect::<Option<_>>()?)
        }
        _ => return None,
    })
}

/// Writes a value.
pub(crate) fn write(datum: &Datum) -> Value {
    match datum {
        Datum::Null => json!({"t": "null"}),
        Datum::Bool(value) => json!({"t": "bool", "v": value}),
        Datum::Int(value) => json!({"t": "int", "v": value.to_string()}),
        Datum::Uint(value) => json!({"t": "uint", "v": value.to_string()}),
        Datum::Double(value) => json!({"t": "double", "v": write_double(*value)}),
        Datum::String(value) => json!({"t": "string", "v": value}),
        Datum::Bytes(value) => json!({"t": "bytes", "v": STANDARD.encode(value)}),
        Datum::Timestamp(value) => {
            json!({"t": "timestamp", "v": value.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true)})
        }
        Datum::Duration(value) => json!({"t": "duration", "v": write_duration(*value)}),
        Datum::Risk(value) => json!({"t": "risk", "v": value.as_str()}),
        Datum::List(items) => json!({"t": "list", "v": items.iter().map(write).collect::<Vec<_>>()}),
        Datum::Map(entries) => {
            let pairs: Vec<Value> =
                entries.iter().map(|(key, value)| json!([write(key), write(value)])).collect();
            json!({"t": "map", "v": pairs})
        }
        Datum::Optional(inner) => json!({"t": "optional", "v": inner.as_ref().map(|inner| write(inner))}),
        Datum::Type(name) => json!({"t": "type", "v": name}),
        Datum::Ip(text) => json!({"t": "ip", "v": text}),
        Datum::Cidr(text) => json!({"t": "cidr", "v": text}),
        _ => Value::Null,
    }
}

fn plain(value: &Value) -> Option<Datum> {
    Some(match value {
        Value::Null => Datum::Null,
        Value::Bool(value) => Datum::Bool(*value),
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(number), _) => Datum::Int(number),
            (None, Some(number)) => Datum::Uint(number),
            (None, None) => Datum::Double(number.as_f64()?),
        },
        Value::String(text) => Datum::String(text.clone()),
        Value::Array(items) => Datum::List(items.iter().map(read).collect::<Option<_>>()?),
        Value::Object(map) => {
            let entry = |(key, value): (&String, &Value)| Some((Datum::String(key.clone()), read(value)?));
            Datum::Map(map.iter().map(entry).collect::<Option<_>>()?)
        }
    })
}

/// The shortest digits that give the number back: plain from 1e-4 to 1e16, with an exponent outside.
fn write_double(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value < 0.0 { "-inf".to_owned() } else { "inf".to_owned() };
    }
    let scientific = format!("{value:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..16).contains(&exponent) {
        let text = format!("{value}");
        return if text.contains('.') { text } else { format!("{text}.0") };
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn write_duration(value: TimeDelta) -> String {
    let seconds = value.num_seconds();
    let nanoseconds = value.subsec_nanos().unsigned_abs();
    let sign = if value < TimeDelta::zero() { "-" } else { "" };
    let text = format!("{sign}{}.{nanoseconds:09}", seconds.unsigned_abs());
    format!("{}s", text.trim_end_matches('0').trim_end_matches('.'))
}

fn read_duration(text: &str) -> Option<TimeDelta> {
    let (whole, fraction) = text.strip_suffix('s')?.split_once('.').unwrap_or((text.strip_suffix('s')?, ""));
    let seconds: i64 = whole.parse().ok()?;
    let nanoseconds: i64 = if fraction.is_empty() { 0 } else { format!("{fraction:0<9}").parse().ok()? };
    let (seconds, part) = (TimeDelta::try_seconds(seconds)?, TimeDelta::nanoseconds(nanoseconds));
    if whole.starts_with('-') { seconds.checked_sub(&part) } else { seconds.checked_add(&part) }
}
