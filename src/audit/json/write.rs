//! Writing canonical JSON.
//!
//! Keys in the order of RFC 8785, the shortest escapes, no spaces. What the profile cannot hold is
//! refused, never rounded or replaced.

use std::fmt::Write;

use serde_json::{Map, Value};

use super::{BOUNDS, JsonFault, key_order, plain_length};
use crate::json::{JsonError, MAX_INTEGER};
use crate::text::quote;

/// Writes a value that stands `depth` levels deep.
pub(in crate::audit) fn value(out: &mut String, value: &Value, depth: usize) -> Result<(), JsonFault> {
    match value {
        Value::Null => out.push_str("null"),
        Value::Bool(true) => out.push_str("true"),
        Value::Bool(false) => out.push_str("false"),
        Value::Number(number) => {
            let exact = number.as_i64().filter(|exact| exact.unsigned_abs() <= MAX_INTEGER.unsigned_abs());
            let exact = exact.ok_or_else(|| JsonFault::Number { found: quote(&number.to_string()) })?;
            // Writing to a string cannot fail.
            let _ = write!(out, "{exact}");
        }
        Value::String(text) => string(out, text)?,
        Value::Array(items) => {
            let inner = deeper(depth)?;
            out.push('[');
            for (index, item) in items.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                self::value(out, item, inner)?;
            }
            out.push(']');
        }
        Value::Object(map) => object(out, map, depth)?,
    }
    Ok(())
}

/// Writes a string with its quotes.
fn string(out: &mut String, text: &str) -> Result<(), JsonFault> {
    out.push('"');
    let mut rest = text;
    loop {
        let at = plain_length(rest.as_bytes());
        let (plain, special) = rest.split_at_checked(at).unwrap_or((rest, ""));
        out.push_str(plain);
        let mut letters = special.chars();
        match letters.next() {
            Some('\0') => return Err(JsonFault::Nul),
            Some('"') => out.push_str("\\\""),
            Some('\\') => out.push_str("\\\\"),
            Some('\u{8}') => out.push_str("\\b"),
            Some('\t') => out.push_str("\\t"),
            Some('\n') => out.push_str("\\n"),
            Some('\u{c}') => out.push_str("\\f"),
            Some('\r') => out.push_str("\\r"),
            Some(control) => {
                out.push_str("\\u00");
                out.push_str(&crate::hex::encode(&[u8::try_from(control).unwrap_or_default()]));
            }
            None => break,
        }
        rest = letters.as_str();
    }
    out.push('"');
    Ok(())
}

fn object(out: &mut String, map: &Map<String, Value>, depth: usize) -> Result<(), JsonFault> {
    let inner = deeper(depth)?;
    if map.len() > BOUNDS.members {
        return Err(JsonError::TooManyMembers { limit: BOUNDS.members }.into());
    }
    // A program that builds serde_json with `preserve_order` has maps in the order of insertion, and the order
    // of bytes is not that of UTF-16. Nearly all maps are in order: they are written as they are read.
    let start = out.len();
    if members(out, map, inner)? {
        return Ok(());
    }
    out.truncate(start);
    let mut sorted: Vec<(&String, &Value)> = map.iter().collect();
    sorted.sort_by(|left, right| key_order(left.0, right.0));
    members(out, sorted, inner).map(drop)
}

/// Writes members, or stops and says so at the first that is out of order.
fn members<'v>(
    out: &mut String,
    members: impl IntoIterator<Item = (&'v String, &'v Value)>,
    depth: usize,
) -> Result<bool, JsonFault> {
    let mut last: Option<&String> = None;
    out.push('{');
    for (name, item) in members {
        if let Some(last) = last.replace(name) {
            if !key_order(last, name).is_lt() {
                return Ok(false);
            }
            out.push(',');
        }
        string(out, name)?;
        out.push(':');
        value(out, item, depth)?;
    }
    out.push('}');
    Ok(true)
}

fn deeper(depth: usize) -> Result<usize, JsonError> {
    let inner = depth.saturating_add(1);
    if inner > BOUNDS.depth { Err(JsonError::TooDeep { limit: BOUNDS.depth }) } else { Ok(inner) }
}
