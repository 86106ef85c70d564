//! JSON texts with a closed set of members.
//!
//! A text that two readers could understand in two ways is refused: a key that stands twice, a member that
//! is not known, and so a member that another reader would find because it ignores case.

use super::Obstacle;
use crate::value::{Attributes, Value};

/// One object, of which members are taken out until nothing may be left.
pub(super) struct Fields {
    part: &'static str,
    members: Attributes,
}

/// Reads a JSON text.
pub(super) fn read(part: &'static str, text: &[u8]) -> Result<Value, Obstacle> {
    Obstacle::check_size("bytes", text.len())?;
    serde_json::from_slice(text)
        .map_err(|_| Obstacle::unclear(part, "not JSON, nested too deep, or a key stands twice"))
}

/// Reads a JSON text in which every number is the decimal that its double stands for, so that numbers are equal
/// only where a reader of decimals finds them equal too (RFC 8259, section 6).
pub(super) fn read_exact(part: &'static str, text: &str) -> Result<Value, Obstacle> {
    let value = read(part, text.as_bytes())?;
    // Where a text is JSON, every second part between quotes is outside of texts.
    let unescaped = text.replace("\\\\", "").replace("\\\"", "");
    let letter = |letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '+' | '.');
    let mut words = unescaped.split('"').step_by(2).flat_map(|outside| outside.split(letter));
    let exact = |word: &str| {
        !word.starts_with(|first: char| first == '-' || first.is_ascii_digit()) || is_exact(word)
    };
    if words.all(exact) {
        Ok(value)
    } else {
        Err(Obstacle::unclear(part, "a number that a double does not hold exactly"))
    }
}

/// Says whether a number is whole and held whole, or is the shortest decimal of its double but for zeros.
fn is_exact(number: &str) -> bool {
    let whole = number.parse::<i64>().is_ok() || number.parse::<u64>().is_ok();
    whole || number.parse::<f64>().is_ok_and(|double| decimal(number) == decimal(&format!("{double:e}")))
}

/// Takes a number apart: whether it is negative, its digits without zeros around them, the power of their last.
fn decimal(number: &str) -> Option<(bool, String, i64)> {
    let (mantissa, power) = number.split_once(['e', 'E']).unwrap_or((number, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let short = digits.trim_end_matches('0');
    let zeros = i64::try_from(digits.len().checked_sub(short.len())?).ok()?;
    let places = i64::try_from(fraction.len()).ok()?;
    let power = power.trim_start_matches('+').parse::<i64>().ok()?.checked_sub(places)?.checked_add(zeros)?;
    let short = short.trim_start_matches('0');
    Some(if short.is_empty() {
        (false, String::new(), 0)
    } else {
        (whole.starts_with('-'), short.to_owned(), power)
    })
}

impl Fields {
    pub(super) fn new(part: &'static str, value: Value) -> Result<Self, Obstacle> {
        match value {
            Value::Map(members) => Ok(Self { part, members }),
            _ => Err(Obstacle::unclear(part, "not an object")),
        }
    }

    /// Takes a member; one that is null counts as left out.
    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.take_or_null(name).filter(|value| *value != Value::Null)
    }

    pub(super) fn take_or_null(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name)
    }

    pub(super) fn text(&mut self, name: &'static str) -> Result<Option<String>, Obstacle> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(Obstacle::unclear(name, "not a text")),
        }
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Result<Option<bool>, Obstacle> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(flag)),
            Some(_) => Err(Obstacle::unclear(name, "not a truth value")),
        }
    }

    pub(super) fn list(&mut self, name: &'static str) -> Result<Option<Vec<Value>>, Obstacle> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::List(items)) => Ok(Some(items)),
            Some(_) => Err(Obstacle::unclear(name, "not a list")),
        }
    }

    /// Refuses what was not taken.
    pub(super) fn finish(self) -> Result<(), Obstacle> {
        match self.members.iter().next() {
            Some((name, _)) => Err(Obstacle::unknown(self.part, name)),
            None => Ok(()),
        }
    }
}
