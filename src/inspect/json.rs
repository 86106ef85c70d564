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

impl Fields {
    pub(super) fn new(part: &'static str, value: Value) -> Result<Self, Obstacle> {
        match value {
            Value::Map(members) => Ok(Self { part, members }),
            _ => Err(Obstacle::unclear(part, "not an object")),
        }
    }

    pub(super) fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| *value != Value::Null)
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
