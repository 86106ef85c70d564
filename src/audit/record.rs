//! One record: its bytes, and what every record says.
//!
//! Reads bytes as a record of the audit profile or says what is wrong with them. That a record stands
//! in its place in a stream is the ledger's and the verifier's matter, not decided here.

use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, Range};

use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::cause::Cause;
use super::commitment::{Opened, Openings};
use super::json::{self, JsonFault};
use super::merkle::{Hash, leaf_hash};
use super::time;
use crate::text::quote;
use crate::{hex, limits};

/// The format tag, which sorts before every other field.
pub(super) const FORMAT: &str = "countersign/record/1";

/// The fields that every record may have, in their order. The others are its content.
pub(super) const HEADER: [&str; 10] =
    ["!fmt", "at", "cause", "event", "id", "key", "prev", "review", "seq", "stream"];

/// A record of a stream, as the host stores it.
///
/// One record is one line of a file or one row of a database: [`bytes`](Self::bytes) is what is hashed
/// and must be kept; the rest is for columns and indices.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub(super) body: Body<Box<str>>,
}

/// Why bytes are not the record that should stand there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordFault {
    /// The bytes are not JSON of the audit profile.
    #[error(transparent)]
    Json(#[from] JsonFault),
    /// The bytes are JSON, but not an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// A field that every record has is missing or has another shape.
    #[error("field `{name}` is missing or malformed")]
    Field {
        /// Its name.
        name: &'static str,
    },
    /// A field's name is outside `[@$a-z_][a-z0-9_.-]*`, or stands twice.
    #[error("`{found}` is not the name of a field")]
    FieldName {
        /// The name, escaped and cut.
        found: String,
    },
    /// The record belongs to another stream.
    #[error("stream is `{found}`, expected `{expected}`")]
    Stream {
        /// The name found, escaped and cut.
        found: String,
        /// The stream that is being read.
        expected: String,
    },
    /// The record has another number: some are missing, doubled or out of order.
    #[error("number is {found}, expected {expected}")]
    Seq {
        /// The number found.
        found: u64,
        /// The number that comes next.
        expected: u64,
    },
    /// The record names another predecessor than the one that stands before it, and the record behind it
    /// does not vouch for it: it was changed itself, or both were.
    #[error("does not follow the record before it")]
    Link,
    /// The record behind it names another one in its place.
    #[error("is not the record that the next one follows: it was changed")]
    Changed,
    /// The first record does not open the stream, or a later one does.
    #[error("a stream is opened by its first record and no other")]
    Opening,
    /// The stream had ended: its last record said so.
    #[error("comes after the record that closed the stream")]
    Closed,
}

/// A record's text and where its fields stand in it.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Body<T> {
    pub(super) text: T,
    pub(super) leaf: Hash,
    pub(super) fields: Fields,
    /// The bytes were not canonical: another tool wrote the same JSON in its own way.
    pub(super) re_encoded: bool,
}

#[derive(Clone, PartialEq, Eq)]
pub(super) struct Fields {
    pub(super) seq: u64,
    pub(super) at: DateTime<Utc>,
    pub(super) prev: Hash,
    pub(super) cause: Option<Range<usize>>,
    pub(super) stream: Range<usize>,
    pub(super) id: Range<usize>,
    pub(super) event: Range<usize>,
    pub(super) key: Option<Range<usize>>,
    pub(super) review: Option<Range<usize>>,
}

impl Record {
    /// Reads a record that a store gave back. That it is the one of its place in its stream is the store's word;
    /// [`LogVerifier`](crate::LogVerifier) checks it.
    ///
    /// ```
    /// use countersign::{Ledger, Record, Stamp, Step};
    ///
    /// # let stamp = Stamp::new("2026-11-23T10:00:00Z".parse()?, [7; 32]);
    /// let mut ledger = Ledger::create("orders-gate")?;
    /// let staged = ledger.stage(Step::note("deploy.started", 7.into(), stamp))?;
    /// let row = staged.records()[1].bytes().to_vec(); // what a host stores
    /// assert_eq!(Record::read(&row)?, staged.records()[1]);
    /// assert!(Record::read(b"{}").is_err());
    /// # staged.commit();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// The fault of the bytes.
    pub fn read(bytes: &[u8]) -> Result<Self, RecordFault> {
        let Body { text, leaf, fields, re_encoded } = Body::read(bytes)?;
        Ok(Self { body: Body { text: text.into(), leaf, fields, re_encoded } })
    }

    /// Returns the number in the stream, counted from 0.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.body.fields.seq
    }

    /// Returns the name of the stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        self.body.part(&self.body.fields.stream)
    }

    /// Returns the bytes to store: canonical JSON without a line end.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.body.text.as_bytes()
    }

    /// Returns what may happen only once: the store lets no two records have the same key.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.body.key()
    }

    /// Returns the review that the record belongs to.
    #[must_use]
    pub fn review(&self) -> Option<&str> {
        self.body.review()
    }

    /// Returns the record in another stream that this one follows from.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.body.cause()
    }

    /// Returns the name of what happened.
    #[must_use]
    pub fn event(&self) -> &str {
        self.body.event()
    }

    /// Returns the record's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.body.id()
    }

    /// Returns the time of the step.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.body.fields.at
    }

    /// Returns the record's hash: SHA-256 over a zero byte and the bytes.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        self.body.leaf
    }

    /// Reads the fields that are particular to the event. Each call reads the bytes anew.
    #[must_use]
    pub fn content(&self) -> Map<String, Value> {
        self.body.content()
    }

    /// Reads the content with the values of all commitments that can be opened.
    pub(crate) fn opened(&self, openings: &Openings) -> Opened {
        self.body.opened(openings)
    }

    /// Reads the record into a type of its event, which ignores the fields that it does not name.
    ///
    /// # Errors
    ///
    /// A content of another shape.
    #[allow(dead_code, reason = "only the engine reads records into types")]
    pub(crate) fn read_as<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.body.text)
    }
}

impl fmt::Debug for Record {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(formatter)
    }
}

impl<'a> Body<Cow<'a, str>> {
    /// Reads bytes, which may end with one line feed.
    pub(super) fn read(bytes: &'a [u8]) -> Result<Self, RecordFault> {
        let bytes = bytes.strip_suffix(b"\n").unwrap_or(bytes);
        if bytes.len() <= limits::RECORD_BYTES
            && let Ok(text) = std::str::from_utf8(bytes)
        {
            let mut found = Found::default();
            if json::members(text, false, |name, place| found.see(name, place)).is_some() {
                let fields = found.finish(text)?;
                let leaf = leaf_hash(bytes);
                return Ok(Self { text: Cow::Borrowed(text), leaf, fields, re_encoded: false });
            }
        }
        let text = json::canonical(bytes)?;
        let mut found = Found::default();
        json::members(&text, true, |name, place| found.see(name, place)).ok_or(RecordFault::NotAnObject)?;
        let fields = found.finish(&text)?;
        let re_encoded = matches!(text, Cow::Owned(_));
        Ok(Self { leaf: leaf_hash(text.as_bytes()), text, fields, re_encoded })
    }
}

impl<T: Deref<Target = str>> Body<T> {
    pub(super) fn part(&self, place: &Range<usize>) -> &str {
        self.text.get(place.clone()).unwrap_or_default()
    }

    pub(super) fn key(&self) -> Option<&str> {
        self.fields.key.as_ref().map(|place| self.part(place))
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        Cause::read(self.part(self.fields.cause.as_ref()?))
    }

    /// Says whether nothing may follow in the stream.
    pub(super) fn closes(&self) -> bool {
        self.event() == super::Event::StreamClosed.as_str()
    }

    pub(super) fn review(&self) -> Option<&str> {
        self.fields.review.as_ref().map(|place| self.part(place))
    }

    pub(super) fn event(&self) -> &str {
        self.part(&self.fields.event)
    }

    pub(super) fn id(&self) -> &str {
        self.part(&self.fields.id)
    }

    pub(super) fn content(&self) -> Map<String, Value> {
        let mut content: Map<String, Value> = serde_json::from_str(&self.text).unwrap_or_default();
        for name in HEADER {
            content.remove(name);
        }
        content
    }

    pub(super) fn opened(&self, openings: &Openings) -> Opened {
        // A host's own note commits to nothing, whatever it looks like.
        if super::Event::parse(self.event()).is_none() {
            return Opened { content: self.content(), open: Vec::new(), closed: Vec::new() };
        }
        openings.open(self.part(&self.fields.stream), self.fields.seq, self.content())
    }

    /// Checks that the record is the next one of a stream.
    pub(super) fn follows(&self, stream: &str, seq: u64, prev: &Hash) -> Result<(), RecordFault> {
        let found = self.part(&self.fields.stream);
        if found != stream {
            return Err(RecordFault::Stream { found: quote(found), expected: stream.to_owned() });
        }
        if self.fields.seq != seq {
            return Err(RecordFault::Seq { found: self.fields.seq, expected: seq });
        }
        if self.fields.prev != *prev {
            return Err(RecordFault::Link);
        }
        if (self.event() == super::Event::StreamOpened.as_str()) != (seq == 0) {
            return Err(RecordFault::Opening);
        }
        Ok(())
    }
}

/// Finds the record to blame for a link that does not hold between `seq − 1` and `seq`: the earlier one, unless
/// it is known that nothing vouches for the later one. Changing a link alone gains nothing.
pub(super) fn blame(seq: u64, fault: RecordFault, vouched: Option<bool>) -> (u64, RecordFault) {
    if fault == RecordFault::Link && seq > 0 && vouched != Some(false) {
        (seq.saturating_sub(1), RecordFault::Changed)
    } else {
        (seq, fault)
    }
}

/// Says whether a line is the record that follows the one of a number and leaf.
pub(super) fn vouches(line: &[u8], seq: u64, leaf: &Hash) -> bool {
    Body::read(line)
        .is_ok_and(|behind| behind.fields.seq == seq.saturating_add(1) && behind.fields.prev == *leaf)
}

impl<T: Deref<Target = str>> fmt::Debug for Body<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Record")
            .field("seq", &self.fields.seq)
            .field("event", &self.event())
            .field("id", &self.id())
            .finish_non_exhaustive()
    }
}

/// The places of the fields, as they are found.
#[derive(Default)]
struct Found {
    header: [Option<Range<usize>>; HEADER.len()],
    fault: Option<RecordFault>,
}

impl Found {
    fn see(&mut self, name: &str, place: Range<usize>) {
        // In the order of `HEADER`.
        let [format, at, cause, event, id, key, prev, review, seq, stream] = &mut self.header;
        let field = match name {
            "!fmt" => format,
            "at" => at,
            "cause" => cause,
            "event" => event,
            "id" => id,
            "key" => key,
            "prev" => prev,
            "review" => review,
            "seq" => seq,
            "stream" => stream,
            _ if is_field_name(name) => return,
            _ => {
                self.fault.get_or_insert_with(|| RecordFault::FieldName { found: quote(name) });
                return;
            }
        };
        *field = Some(place);
    }

    fn finish(self, text: &str) -> Result<Fields, RecordFault> {
        if let Some(fault) = self.fault {
            return Err(fault);
        }
        let [format, at, cause, event, id, key, prev, review, seq, stream] = self.header;
        let inner = |place: Option<Range<usize>>, name: &'static str| {
            place.and_then(|place| token(text, &place)).ok_or(RecordFault::Field { name })
        };
        let optional = |place: Option<Range<usize>>, name: &'static str| {
            place.map(|place| token(text, &place).ok_or(RecordFault::Field { name })).transpose()
        };
        let part = |place: &Range<usize>| text.get(place.clone()).unwrap_or_default();
        if part(&inner(format, "!fmt")?) != FORMAT {
            return Err(RecordFault::Field { name: "!fmt" });
        }
        // Nothing but a string can hold such text between its first and its last byte.
        let at = at.and_then(|place| time::read(part(&unquoted(place))));
        let prev = prev.and_then(|place| hex::decode32(part(&unquoted(place))));
        let seq =
            seq.and_then(|place| part(&place).parse().ok()).ok_or(RecordFault::Field { name: "seq" })?;
        let stream = inner(stream, "stream")?;
        // What it follows from in its own stream, a record need not say.
        let is_cause = |place| Cause::read(part(place)).is_some_and(|cause| cause.stream() != part(&stream));
        if cause.as_ref().is_some_and(|place| !is_cause(place)) {
            return Err(RecordFault::Field { name: "cause" });
        }
        Ok(Fields {
            seq,
            cause,
            at: at.ok_or(RecordFault::Field { name: "at" })?,
            prev: prev.ok_or(RecordFault::Field { name: "prev" })?,
            stream,
            id: inner(id, "id")?,
            event: inner(event, "event")?,
            key: optional(key, "key")?,
            review: optional(review, "review")?,
        })
    }
}

/// Says whether text may be an id, a key, an event or a review: 1 to 256 visible ASCII characters that
/// JSON writes as they are. So such a field has one spelling, in a record and in an index.
pub(super) fn is_token(text: &str) -> bool {
    (1..=limits::KEY_BYTES).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\')
}

/// Says whether a name may be a field of a record, besides `!fmt`.
pub(super) fn is_field_name(name: &str) -> bool {
    let mut bytes = name.bytes();
    matches!(bytes.next(), Some(b'@' | b'$' | b'_' | b'a'..=b'z'))
        && bytes.all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
}

/// Returns the place of a token inside its quotes.
fn token(text: &str, quoted: &Range<usize>) -> Option<Range<usize>> {
    let is_string = text.get(quoted.clone())?.starts_with('"');
    let place = unquoted(quoted.clone());
    (is_string && is_token(text.get(place.clone())?)).then_some(place)
}

/// Returns a place without the byte at each end.
fn unquoted(place: Range<usize>) -> Range<usize> {
    place.start.saturating_add(1)..place.end.saturating_sub(1)
}

#[cfg(test)]
mod tests;
