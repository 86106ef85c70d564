//! Reading JSON strictly, whatever its key order and spacing.
//!
//! Decides what the profile refuses. It is not the fast reader: a record that is already canonical is
//! recognised by `scan`, without building a value.

use std::borrow::Cow;

use serde_json::Value;

use super::{BOUNDS, JsonFault, scan, write};
use crate::json::{Json, MAX_INTEGER, parse};
use crate::{limits, text::quote};

/// Reads one value that fills the bytes.
pub(in crate::audit) fn read(bytes: &[u8]) -> Result<Value, JsonFault> {
    to_value(&parse(bytes, BOUNDS)?)
}

/// Returns the canonical text of the value that fills the bytes: borrowed if that is how it stands
/// there, owned if it was re-encoded on its way.
pub(in crate::audit) fn canonical(bytes: &[u8]) -> Result<Cow<'_, str>, JsonFault> {
    if bytes.len() > MOST_RE_ENCODED {
        return Err(JsonFault::Size { bytes: bytes.len() });
    }
    let text = std::str::from_utf8(bytes).ok().filter(|text| text.len() <= limits::RECORD_BYTES);
    if let Some(text) = text.filter(|text| scan::is_canonical(text)) {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::with_capacity(bytes.len());
    write::value(&mut out, &read(bytes)?, 0)?;
    if out.len() > limits::RECORD_BYTES {
        return Err(JsonFault::Size { bytes: out.len() });
    }
    Ok(match text {
        Some(text) if text == out => Cow::Borrowed(text),
        _ => Cow::Owned(out),
    })
}

fn to_value(json: &Json<'_>) -> Result<Value, JsonFault> {
    Ok(match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(text) => integer(text).ok_or_else(|| JsonFault::Number { found: quote(text) })?,
        Json::String(text) => Value::String(string(text)?),
        Json::Array(items) => Value::Array(items.iter().map(to_value).collect::<Result<_, _>>()?),
        Json::Object(members) => {
            let member = |(name, value): &(Cow<'_, str>, _)| Ok((string(name)?, to_value(value)?));
            Value::Object(members.iter().map(member).collect::<Result<_, JsonFault>>()?)
        }
    })
}

/// Reads a number that is written as a plain integer; `-0` is another text of zero.
fn integer(text: &str) -> Option<Value> {
    let number: i64 = text.parse().ok().filter(|_| text != "-0")?;
    (number.unsigned_abs() <= MAX_INTEGER.unsigned_abs()).then_some(Value::from(number))
}

fn string(text: &str) -> Result<String, JsonFault> {
    if text.contains('\0') { Err(JsonFault::Nul) } else { Ok(text.to_owned()) }
}

/// Bytes of a record that was re-encoded: tools that escape all but ASCII make three bytes of one.
const MOST_RE_ENCODED: usize = 3 * limits::RECORD_BYTES;
