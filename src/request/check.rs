//! Is the request within bounds?
//!
//! Every text that a request carries is recorded, so every text is bounded and printable. The first fault
//! is told with its path; a decision turns it into a Deny.

use std::fmt;
use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};

use crate::limits;
use crate::request::{Request, RequestError, Subject, Usage};
use crate::text::{is_plain, is_unprintable, quote};
use crate::value::{Attributes, Value, is_plain_name};

/// A path in a request, spelt out only where something is wrong with it.
#[derive(Clone, Copy)]
struct Place<'p> {
    root: &'p str,
    name: Option<&'p str>,
}

/// Counts what a request holds while it is checked.
#[derive(Default)]
struct Meter {
    nodes: usize,
    bytes: usize,
}

/// Most requests are fine, and what is said of each value is the smaller for the box.
type Checked = Result<(), Box<RequestError>>;

impl Request {
    /// Checks the bounds of every member.
    ///
    /// # Errors
    ///
    /// The first fault, with its path.
    pub(crate) fn check(&self) -> Result<(), RequestError> {
        if !self.is_plain() {
            self.check_parts().map_err(|fault| *fault)?;
        }
        self.action.payload().map_or(Ok(()), |payload| payload.check().map_err(RequestError::from))
    }

    /// Checks everything beside the payload.
    pub(super) fn check_parts(&self) -> Checked {
        let faults = [self.fault.as_ref(), self.subject.fault(), self.action.fault()];
        let of_resources = self.resources().map(super::Resource::fault);
        if let Some(fault) = faults.into_iter().chain(of_resources).flatten().next() {
            return Err(fault.clone().into());
        }
        let mut meter = Meter::default();
        meter.person(at("subject"), &self.subject)?;
        meter.name(at("action.name"), self.action.name())?;
        self.check_resources(&mut meter)?;
        meter.attributes(at("action"), self.action.properties())?;
        meter.attributes(at("context"), &self.attested)?;
        meter.attributes(at("context"), &self.claimed)?;
        meter.attributes(at("facts"), &self.facts)?;
        if let Some(reason) = self.reason() {
            meter.text(at("context.reason"), reason)?;
        }
        if let Some(duration) = self.duration() {
            check_span("context.duration", duration)?;
        }
        if let Some(start) = self.not_before() {
            meter.time(at("context.not_before"), start)?;
        }
        if let Some(extended) = self.extended() {
            meter.name(at("context.extends"), &extended.grant)?;
            if let Some(known) = &extended.known {
                meter.name(at("context.extends.request"), &known.request)?;
                meter.time(at("context.extends.begins"), known.begins)?;
                meter.time(at("context.extends.ends"), known.ends)?;
            }
        }
        if let Some(audience) = &self.audience {
            meter.name(at("context.audience"), audience)?;
        }
        bound(at("context.actor"), self.actors.len(), "actors", limits::ACTORS)?;
        self.actors.iter().try_for_each(|actor| {
            actor.fault().map_or(Ok(()), |fault| Err(Box::new(fault.clone())))?;
            meter.person(at("context.actor"), actor)
        })?;
        if let Some(auth) = &self.auth {
            meter.time(at("context.auth.time"), auth.time)?;
            auth.class.iter().try_for_each(|class| meter.item(at("context.auth.acr"), class))?;
            auth.methods.iter().try_for_each(|method| meter.item(at("context.auth.amr"), method))?;
        }
        self.usage().map_or(Ok(()), |usage| meter.usage(usage))
    }

    /// Of several resources each is of one type and stands once, and the tool is named: no default fits all.
    fn check_resources(&self, meter: &mut Meter) -> Checked {
        let root = if self.others.is_empty() { "resource" } else { "resources" };
        bound(at(root), self.resources().len(), root, limits::RESOURCES)?;
        for resource in self.resources() {
            meter.name(at(root).below("type"), resource.kind())?;
            meter.name(at(root).below("id"), resource.id())?;
            meter.attributes(at(root), resource.properties())?;
        }
        for (resource, next) in self.resources().zip(&self.others) {
            let path = root.to_owned();
            if resource.kind() != next.kind() {
                let (found, other) = (resource.kind().to_owned(), next.kind().to_owned());
                return Err(RequestError::MixedTypes { path, found, other }.into());
            }
            if resource.id() == next.id() {
                return Err(RequestError::Duplicate { path, name: next.reference() }.into());
            }
        }
        if self.audience.is_none() && !self.others.is_empty() {
            return Err(RequestError::Missing { path: "context.audience".to_owned() }.into());
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
        let checked = meter.person(at(path), self).and_then(|()| meter.text(at("vote.comment"), comment));
        checked.map_err(|fault| *fault)
    }
}

impl Meter {
    /// The tenant is part of a person's name, so it is held to what a name may be.
    fn person(&mut self, path: Place<'_>, person: &Subject) -> Checked {
        self.name(path.below("type"), person.kind())?;
        self.name(path.below("id"), person.id())?;
        let tenant_path = path.below("tenant");
        match person.properties().get("tenant") {
            None | Some(Value::Null) => {}
            Some(Value::String(tenant)) => self.name(tenant_path, tenant)?,
            Some(other) => {
                let found = other.type_name();
                return Err(RequestError::WrongType {
                    path: tenant_path.to_string(),
                    expected: "a string",
                    found,
                }
                .into());
            }
        }
        self.attributes(path, person.properties())
    }

    fn usage(&mut self, usage: &Usage) -> Checked {
        let count = |path: Place<'_>, count| number(path, count, "uses", limits::RECORD_INTEGER);
        count(at("context.usage.emergencies"), usage.emergencies)?;
        count(at("context.usage.overdue_reviews"), usage.overdue_reviews)?;
        usage.limits.iter().try_for_each(|(rule, used)| {
            let path = at("context.usage.limits");
            count(path, *used)?;
            self.add(path, PAIR_OVERHEAD.saturating_add(digits(*used)))?;
            self.item(path, rule)
        })
    }

    /// Text that stands in a list.
    fn item(&mut self, path: Place<'_>, text: &str) -> Checked {
        self.add(path, 1)?;
        self.text(path, text)
    }

    fn time(&mut self, path: Place<'_>, time: DateTime<Utc>) -> Checked {
        if !is_recordable(time) {
            return Err(RequestError::Year { path: path.to_string() }.into());
        }
        self.add(path, TIME_BYTES)
    }

    fn name(&mut self, path: Place<'_>, text: &str) -> Checked {
        if text.is_empty() {
            return Err(RequestError::Empty { path: path.to_string() }.into());
        }
        bound(path, text.len(), "bytes", limits::NAME_BYTES)?;
        if is_plain(text) {
            return self.add(path, text.len().saturating_add(2));
        }
        if text.chars().any(is_unprintable) {
            return Err(RequestError::BadCharacter { path: path.to_string() }.into());
        }
        self.unusual_text(path, text)
    }

    /// Text may hold line breaks and tabs, as reasons and labels do, but nothing that hides or reorders it.
    fn text(&mut self, path: Place<'_>, text: &str) -> Checked {
        if is_plain(text) {
            return self.add(path, text.len().saturating_add(2));
        }
        self.unusual_text(path, text)
    }

    #[cold]
    fn unusual_text(&mut self, path: Place<'_>, text: &str) -> Checked {
        self.add(path, crate::text::escaped_len(text))?;
        if text.chars().any(|c| is_unprintable(c) && !matches!(c, '\n' | '\r' | '\t')) {
            return Err(RequestError::BadCharacter { path: path.to_string() }.into());
        }
        Ok(())
    }

    /// Counts bytes as a record holds them.
    fn add(&mut self, path: Place<'_>, bytes: usize) -> Checked {
        self.bytes = self.bytes.saturating_add(bytes);
        bound(path, self.bytes, "recorded bytes up to here", limits::REQUEST_TEXT)
    }

    fn attributes(&mut self, root: Place<'_>, attributes: &Attributes) -> Checked {
        let below = RECORDED_AT.saturating_add(levels_of(attributes));
        attributes.iter().try_for_each(|(name, value)| {
            let path = root.below(name);
            self.key(path, name)?;
            self.value(path, value, 1, below)
        })
    }

    fn key(&mut self, path: Place<'_>, name: &str) -> Checked {
        bound(path, name.len(), "bytes", limits::NAME_BYTES)?;
        self.add(path, PAIR_OVERHEAD)?;
        self.text(path, name)
    }

    /// Checks a value that stands `depth` levels deep, and under `recorded` lists and objects of a record.
    fn value(&mut self, path: Place<'_>, value: &Value, depth: usize, recorded: usize) -> Checked {
        self.nodes = self.nodes.saturating_add(1);
        bound(path, self.nodes, "values up to here", limits::VALUE_NODES)?;
        bound(path, depth, "levels", limits::VALUE_DEPTH)?;
        self.add(path, VALUE_OVERHEAD)?;
        let below = depth.saturating_add(1);
        match value {
            Value::Null | Value::Bool(_) => Ok(()),
            Value::Int(number) => self.add(path, WRAPPER.saturating_add(digits(number.unsigned_abs()))),
            Value::Uint(number) => self.add(path, WRAPPER.saturating_add(digits(*number))),
            Value::Double(_) => self.add(path, WRAPPER.saturating_add(NUMBER_BYTES)),
            Value::Duration(span) => {
                number(path, span.num_seconds().unsigned_abs(), "seconds", limits::RECORD_INTEGER)?;
                self.add(path, WRAPPER.saturating_add(NUMBER_BYTES))
            }
            Value::Timestamp(time) => self.time(path, *time),
            Value::String(text) => self.text(path, text),
            Value::Bytes(bytes) => self.add(path, WRAPPER.saturating_add(bytes.len().saturating_mul(2))),
            Value::List(items) => {
                let inner = nest(path, recorded, 1)?;
                items.iter().try_for_each(|item| self.value(path, item, below, inner))
            }
            Value::Map(entries) => {
                self.add(path, WRAPPER)?;
                let inner = nest(path, recorded, levels_of(entries))?;
                entries.iter().try_for_each(|(name, item)| {
                    self.key(path, name)?;
                    self.value(path, item, below, inner)
                })
            }
        }
    }
}

impl<'p> Place<'p> {
    fn below(self, name: &'p str) -> Self {
        Self { name: Some(name), ..self }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.root)?;
        self.name.map_or(Ok(()), |name| write!(formatter, ".{}", quote(name)))
    }
}

fn at(root: &str) -> Place<'_> {
    Place { root, name: None }
}

/// Checks a span that somebody asks for.
pub(crate) fn check_span(path: &str, span: Duration) -> Result<(), RequestError> {
    number(at(path), span.as_secs(), "seconds", limits::LONGEST_SPAN.as_secs()).map_err(|fault| *fault)
}

/// A record's reader knows years of four digits.
pub(super) fn is_recordable(time: DateTime<Utc>) -> bool {
    (0..=9_999).contains(&time.year())
}

/// Levels that a record spends on a map: names that it does not know stand in a list of pairs.
fn levels_of(attributes: &Attributes) -> usize {
    if attributes.iter().all(|(name, _)| is_plain_name(name)) { 1 } else { 3 }
}

fn nest(path: Place<'_>, recorded: usize, levels: usize) -> Result<usize, Box<RequestError>> {
    let inner = recorded.saturating_add(levels);
    bound(path, inner, "levels in a record", limits::RECORD_DEPTH).map(|()| inner)
}

fn digits(number: u64) -> usize {
    usize::try_from(number.checked_ilog10().unwrap_or(0)).unwrap_or(usize::MAX).saturating_add(1)
}

fn number(path: Place<'_>, found: u64, unit: &'static str, limit: u64) -> Checked {
    let size = |number| usize::try_from(number).unwrap_or(usize::MAX);
    if found > limit { Err(out_of_bounds(path, size(found), unit, size(limit))) } else { Ok(()) }
}

#[inline]
fn bound(path: Place<'_>, found: usize, unit: &'static str, limit: usize) -> Checked {
    if found > limit { Err(out_of_bounds(path, found, unit, limit)) } else { Ok(()) }
}

#[cold]
fn out_of_bounds(path: Place<'_>, found: usize, unit: &'static str, limit: usize) -> Box<RequestError> {
    RequestError::OutOfBounds { path: path.to_string(), found, unit, limit }.into()
}

/// Levels of a record above a part's attributes: the record, the request, the part.
const RECORDED_AT: usize = 3;

/// Bytes that a record spends on each value: a comma, brackets.
const VALUE_OVERHEAD: usize = 3;

/// Bytes that a record spends on each name beside its text: a colon and a comma, or the brackets of a pair.
const PAIR_OVERHEAD: usize = 4;

/// Bytes of the wrapper of what JSON lacks, such as `{"$duration":["",]}`, and of a sign.
const WRAPPER: usize = 20;

/// Bytes of the longest double, and of a duration's two numbers.
const NUMBER_BYTES: usize = 28;

/// Bytes of a time to the nanosecond, with its wrapper.
const TIME_BYTES: usize = 52;
