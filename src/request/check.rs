//! Is the request within bounds?
//!
//! Every text that a request carries is recorded, so every text is bounded and printable. The first fault
//! is told with its path; a decision turns it into a Deny.

use crate::limits;
use crate::request::{Request, RequestError, Subject};
use crate::text::is_unprintable;
use crate::value::{Attributes, Value};

/// Counts what a request holds while it is checked.
#[derive(Default)]
struct Meter {
    nodes: usize,
    bytes: usize,
}

impl Request {
    /// Checks the bounds of every member.
    ///
    /// # Errors
    ///
    /// The first fault, with its path.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        let faults = [self.fault.as_ref(), self.subject.fault(), self.action.fault(), self.resource.fault()];
        if let Some(fault) = faults.into_iter().flatten().next() {
            return Err(fault.clone());
        }
        let mut meter = Meter::default();
        meter.name("subject.type", self.subject.kind())?;
        meter.name("subject.id", self.subject.id())?;
        meter.name("action.name", self.action.name())?;
        meter.name("resource.type", self.resource.kind())?;
        meter.name("resource.id", self.resource.id())?;
        meter.attributes("subject", self.subject.properties())?;
        meter.attributes("action", self.action.properties())?;
        meter.attributes("resource", self.resource.properties())?;
        meter.attributes("context", &self.attested)?;
        meter.attributes("context", &self.claimed)?;
        meter.attributes("facts", &self.facts)?;
        if let Some(reason) = self.reason() {
            meter.text("context.reason", reason)?;
        }
        for method in self.auth.iter().flat_map(|auth| &auth.methods) {
            meter.text("context.auth.amr", method)?;
        }
        if let Some(payload) = self.action.payload() {
            payload.check()?;
        }
        Ok(())
    }
}

impl Subject {
    /// Checks the bounds of somebody who is not the requester, with what they say.
    pub(crate) fn check(&self, path: &str, comment: &str) -> Result<(), RequestError> {
        if let Some(fault) = self.fault() {
            return Err(fault.clone());
        }
        let mut meter = Meter::default();
        meter.name(&format!("{path}.type"), self.kind())?;
        meter.name(&format!("{path}.id"), self.id())?;
        meter.attributes(path, self.properties())?;
        meter.text("vote.comment", comment)
    }
}

impl Meter {
    fn name(&mut self, path: &str, text: &str) -> Result<(), RequestError> {
        if text.is_empty() {
            return Err(RequestError::Empty { path: path.to_owned() });
        }
        bound(path, text.len(), "bytes", limits::NAME_BYTES)?;
        if text.chars().any(is_unprintable) {
            return Err(RequestError::BadCharacter { path: path.to_owned() });
        }
        self.text(path, text)
    }

    /// Text may hold line breaks and tabs, as reasons and labels do, but nothing that hides or reorders it.
    fn text(&mut self, path: &str, text: &str) -> Result<(), RequestError> {
        self.add(path, crate::text::escaped_len(text))?;
        if text.chars().any(|c| is_unprintable(c) && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(RequestError::BadCharacter { path: path.to_owned() });
        }
        Ok(())
    }

    /// Counts bytes as a record holds them.
    fn add(&mut self, path: &str, bytes: usize) -> Result<(), RequestError> {
        self.bytes = self.bytes.saturating_add(bytes);
        bound(path, self.bytes, "recorded bytes up to here", limits::REQUEST_TEXT)
    }

    fn attributes(&mut self, root: &str, attributes: &Attributes) -> Result<(), RequestError> {
        attributes.iter().try_for_each(|(name, value)| {
            let path = format!("{root}.{name}");
            self.key(&path, name)?;
            self.value(&path, value, 1)
        })
    }

    fn key(&mut self, path: &str, name: &str) -> Result<(), RequestError> {
        bound(path, name.len(), "bytes", limits::NAME_BYTES)?;
        self.text(path, name)
    }

    fn value(&mut self, path: &str, value: &Value, depth: usize) -> Result<(), RequestError> {
        self.nodes = self.nodes.saturating_add(1);
        bound(path, self.nodes, "values up to here", limits::VALUE_NODES)?;
        bound(path, depth, "levels", limits::VALUE_DEPTH)?;
        self.add(path, VALUE_OVERHEAD)?;
        let below = depth.saturating_add(1);
        match value {
            Value::String(text) => self.text(path, text),
            Value::Bytes(bytes) => self.add(path, bytes.len().saturating_mul(2)),
            Value::List(items) => items.iter().try_for_each(|item| self.value(path, item, below)),
            Value::Map(entries) => entries.iter().try_for_each(|(name, item)| {
                self.key(path, name)?;
                self.value(path, item, below)
            }),
            _ => Ok(()),
        }
    }
}

fn bound(path: &str, found: usize, unit: &'static str, limit: usize) -> Result<(), RequestError> {
    if found > limit {
        return Err(RequestError::OutOfBounds { path: path.to_owned(), found, unit, limit });
    }
    Ok(())
}

/// Bytes that a record spends around a value: quotes, a comma, or the wrapper of a number that JSON lacks.
const VALUE_OVERHEAD: usize = 8;
