//! What a step will record, before it has a place in a stream.
//!
//! A draft is rendered to canonical text when it is made, outside the ledger's one writer, with gaps for
//! what only the ledger knows: the key's free number, the predecessor, the number and the stream. Filling
//! the gaps cannot fail, so a record that was staged can be moved or re-chained without a fault.

use std::borrow::Cow;
use std::fmt::Write;
use std::ops::Range;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::cause::Cause;
use super::commitment::{Opening, Salt, Sealed};
use super::json::{self, JsonFault};
use super::merkle::{Hash, leaf_hash};
use super::record::{Body, FORMAT, Fields, HEADER, Record, is_field_name, is_token};
use super::step::RefusalKind;
use super::{Event, RecordFault, time};
use crate::text::quote;
use crate::{Stamp, hex, limits};

/// What a step will record.
#[derive(Debug, Clone)]
pub(crate) struct Draft {
    event: Cow<'static, str>,
    id: String,
    at: DateTime<Utc>,
    key: Option<(Key, RefusalKind)>,
    review: Option<String>,
    cause: Option<Cause>,
    content: Vec<(Cow<'static, str>, Value)>,
    /// What is committed to, and with which salts.
    personal: Vec<(String, Salt)>,
}

/// What may happen only once.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "only the engine names keys")]
pub(crate) enum Key {
    /// Exactly this: a review's next version, the authorization of a request.
    Once(String),
    /// The first free number from `first` to `last`, written after the prefix: a slot of a limit, a use
    /// of a grant.
    Next {
        /// What is numbered.
        prefix: String,
        /// The lowest number to try.
        first: u64,
        /// The highest number that there is.
        last: u64,
    },
}

impl Draft {
    /// Begins a draft of an event, with an id made by the step's stamp and the stamp's time.
    pub(crate) fn new(event: Event, id: String, at: DateTime<Utc>) -> Self {
        Self::named(event.as_str(), id, at)
    }

    pub(super) fn named(event: impl Into<Cow<'static, str>>, id: String, at: DateTime<Utc>) -> Self {
        Self {
            event: event.into(),
            id,
            at,
            key: None,
            review: None,
            cause: None,
            content: Vec::new(),
            personal: Vec::new(),
        }
    }

    /// Sets the key, and what it means that the key is taken.
    #[allow(dead_code, reason = "only the engine names keys")]
    #[must_use]
    pub(crate) fn with_key(mut self, key: Key, taken: RefusalKind) -> Self {
        self.key = Some((key, taken));
        self
    }

    /// Sets the review that the record belongs to.
    #[allow(dead_code, reason = "only the engine has reviews")]
    #[must_use]
    pub(crate) fn with_review(mut self, review: impl Into<String>) -> Self {
        self.review = Some(review.into());
        self
    }

    /// Names the record that it follows from, which is written where that is in another stream.
    #[allow(dead_code, reason = "only the engine knows causes")]
    #[must_use]
    pub(crate) fn with_cause(mut self, cause: Option<Cause>) -> Self {
        self.cause = cause;
        self
    }

    /// Adds a field of the content.
    #[must_use]
    pub(crate) fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        self.content.push((name.into(), value.into()));
        self
    }

    /// Adds fields of the content.
    #[allow(dead_code, reason = "only the engine has content at hand as a map")]
    #[must_use]
    pub(crate) fn with_content(mut self, fields: impl IntoIterator<Item = (String, Value)>) -> Self {
        self.content.extend(fields.into_iter().map(|(name, value)| (name.into(), value)));
        self
    }

    /// Commits to values of the content, each named by an RFC 6901 pointer, with salts made by the step's
    /// stamp. Nothing is done where nothing stands.
    #[allow(dead_code, reason = "only the engine knows personal values")]
    #[must_use]
    pub(crate) fn committing(mut self, paths: impl IntoIterator<Item = String>, stamp: &Stamp) -> Self {
        let id = &self.id;
        self.personal.extend(paths.into_iter().map(|path| {
            let salt = stamp.salt(id, &path);
            (path, salt)
        }));
        self
    }

    pub(super) fn event(&self) -> &Cow<'static, str> {
        &self.event
    }

    pub(super) fn without_content(mut self) -> Self {
        self.personal.clear();
        self.content.clear();
        self
    }

    /// Checks all but the content.
    pub(super) fn check_header(&self) -> Result<(), RecordFault> {
        for (name, token) in
            [("event", Some(self.event.as_ref())), ("id", Some(&self.id)), ("review", self.review.as_deref())]
        {
            if token.is_some_and(|token| !is_token(token)) {
                return Err(RecordFault::Field { name });
            }
        }
        if self.key.as_ref().is_some_and(|(key, _)| !is_token(&key.longest())) {
            return Err(RecordFault::Field { name: "key" });
        }
        if time::is_writable(self.at) { Ok(()) } else { Err(RecordFault::Field { name: "at" }) }
    }

    /// Renders the text with its gaps, or says why no record can hold the draft.
    pub(super) fn render(mut self) -> Result<Template, RecordFault> {
        self.check_header()?;
        let sealed = self.seal()?;
        self.content.sort_by(|left, right| left.0.cmp(&right.0));
        let mut last = None;
        for (name, _) in &self.content {
            if !is_field_name(name) || HEADER.contains(&name.as_ref()) || last == Some(name) {
                return Err(RecordFault::FieldName { found: quote(name) });
            }
            last = Some(name);
        }
        let mut out = Template {
            text: String::with_capacity(512),
            gaps: [0; GAPS.len()],
            cause: self.cause.take(),
            key: self.key.take(),
            fields: Places { at: self.at, id: 0..0, event: 0..0, review: None },
            sealed,
        };
        let mut content = self.content.iter().peekable();
        for field in HEADER {
            while let Some((name, value)) = content.next_if(|(name, _)| name.as_ref() < field) {
                out.put(name, value)?;
            }
            self.put_header(&mut out, field)?;
        }
        for (name, value) in content {
            out.put(name, value)?;
        }
        out.text.push('}');
        let most = if out.cause.is_some() { MOST_IN_GAPS.saturating_add(CAUSE_BYTES) } else { MOST_IN_GAPS };
        let bytes = out.text.len().saturating_add(most);
        if bytes > limits::RECORD_BYTES { Err(JsonFault::Size { bytes }.into()) } else { Ok(out) }
    }

    /// Puts commitments in the places of personal values. What contains others goes first.
    fn seal(&mut self) -> Result<Vec<Sealed>, JsonFault> {
        let mut sealed = Vec::new();
        self.personal.sort();
        self.personal.dedup_by(|left, right| left.0 == right.0);
        for (path, salt) in std::mem::take(&mut self.personal) {
            let name = path.split('/').nth(1).unwrap_or_default();
            let of_name = self.content.iter_mut().find(|(known, _)| *known == name);
            let Some((name, value)) = of_name else { continue };
            // The pointer begins at the record, so the field is wrapped for as long as it takes.
            let mut content = Value::Object([(name.to_string(), value.take())].into_iter().collect());
            let found = Sealed::put(&mut content, path, salt);
            *value = content.get_mut(name.as_ref()).map(Value::take).unwrap_or_default();
            sealed.extend(found?);
        }
        Ok(sealed)
    }

    fn put_header(&self, out: &mut Template, field: &str) -> Result<(), RecordFault> {
        match field {
            "!fmt" => {
                out.text.push_str("{\"!fmt\":\"");
                out.text.push_str(FORMAT);
                out.text.push('"');
            }
            "at" => {
                out.text.push_str(",\"at\":\"");
                time::write(&mut out.text, self.at).ok_or(RecordFault::Field { name: "at" })?;
                out.text.push('"');
            }
            "event" => out.fields.event = out.put_token("event", &self.event),
            "id" => out.fields.id = out.put_token("id", &self.id),
            "review" => {
                out.fields.review = self.review.as_ref().map(|review| out.put_token("review", review))
            }
            gap => {
                let here = out.text.len();
                if let Some(index) = GAPS.iter().position(|name| *name == gap)
                    && let Some(place) = out.gaps.get_mut(index)
                {
                    *place = here;
                }
            }
        }
        Ok(())
    }
}

impl Key {
    /// Returns the longest text that the key can take.
    fn longest(&self) -> String {
        match self {
            Self::Once(name) => name.clone(),
            Self::Next { prefix, last, .. } => format!("{prefix}{last}"),
        }
    }

    /// Returns the key that is free, or the last one tried.
    pub(super) fn resolve(&self, taken: impl Fn(&str) -> bool) -> Result<String, String> {
        match self {
            Self::Once(name) if taken(name) => Err(name.clone()),
            Self::Once(name) => Ok(name.clone()),
            Self::Next { prefix, first, last } => {
                for number in *first..=*last {
                    let name = format!("{prefix}{number}");
                    if !taken(&name) {
                        return Ok(name);
                    }
                }
                Err(format!("{prefix}{last}"))
            }
        }
    }
}

/// A draft's text with gaps.
#[derive(Debug)]
pub(super) struct Template {
    text: String,
    /// Where the members of `GAPS` belong.
    gaps: [usize; GAPS.len()],
    cause: Option<Cause>,
    pub(super) key: Option<(Key, RefusalKind)>,
    fields: Places,
    /// What stands in the text as commitments.
    sealed: Vec<Sealed>,
}

#[derive(Debug)]
struct Places {
    at: DateTime<Utc>,
    id: Range<usize>,
    event: Range<usize>,
    review: Option<Range<usize>>,
}

impl Template {
    pub(super) fn id(&self) -> &str {
        self.text.get(self.fields.id.clone()).unwrap_or_default()
    }

    pub(super) fn event(&self) -> &str {
        self.text.get(self.fields.event.clone()).unwrap_or_default()
    }

    /// Says whether nothing may follow in the stream.
    pub(super) fn closes(&self) -> bool {
        self.event() == Event::StreamClosed.as_str()
    }

    pub(super) fn at(&self) -> DateTime<Utc> {
        self.fields.at
    }

    /// Lists the openings of the record that stands at a place of a stream.
    pub(super) fn openings(&self, stream: &str, seq: u64) -> impl Iterator<Item = Opening> {
        self.sealed.iter().map(move |sealed| Opening::new(stream, seq, sealed))
    }

    /// Makes the record that stands at a place of a stream.
    pub(super) fn fill(&self, stream: &str, seq: u64, prev: &Hash, key: Option<&str>) -> Record {
        let digits = usize::try_from(seq.checked_ilog10().unwrap_or(0)).unwrap_or(0);
        let gaps = key.map_or(0, |key| key.len().saturating_add(9)).saturating_add(stream.len());
        let length = self.text.len().saturating_add(gaps).saturating_add(digits).saturating_add(74 + 8 + 12);
        // Exactly what is needed, since the text is kept as it is.
        let mut text = String::with_capacity(length);
        let mut from = 0;
        let mut next = |text: &mut String, to: usize| {
            text.push_str(self.text.get(from..to).unwrap_or_default());
            from = to;
        };
        let [at_cause, at_key, at_prev, at_seq, at_stream] = self.gaps;
        next(&mut text, at_cause);
        if let Some(cause) = self.cause.as_ref().filter(|cause| cause.stream() != stream) {
            cause.put(&mut text);
        }
        let shifted = text.len().saturating_sub(at_cause);
        let cause = (shifted > 0).then(|| at_cause.saturating_add(CAUSE_NAME)..text.len());
        next(&mut text, at_key);
        let key = key.map(|key| put_token(&mut text, "key", key));
        next(&mut text, at_prev);
        text.push_str(",\"prev\":\"");
        hex::push(&mut text, prev);
        text.push('"');
        let shift =
            |place: &Range<usize>, by: usize| place.start.saturating_add(by)..place.end.saturating_add(by);
        let past = text.len().saturating_sub(at_prev);
        let review = self.fields.review.as_ref().map(|place| shift(place, past));
        next(&mut text, at_seq);
        // Writing to a string cannot fail.
        let _ = write!(text, ",\"seq\":{seq}");
        next(&mut text, at_stream);
        let stream = put_token(&mut text, "stream", stream);
        next(&mut text, self.text.len());

        let Places { at, id, event, .. } = &self.fields;
        let (at, id, event) = (*at, shift(id, shifted), shift(event, shifted));
        let fields = Fields { seq, at, prev: *prev, cause, stream, id, event, key, review };
        let leaf = leaf_hash(text.as_bytes());
        Record { body: Body { text: text.into(), leaf, fields, re_encoded: false } }
    }

    fn put(&mut self, name: &str, value: &Value) -> Result<(), JsonFault> {
        self.text.push_str(",\"");
        self.text.push_str(name);
        self.text.push_str("\":");
        json::value(&mut self.text, value, 1)
    }

    fn put_token(&mut self, name: &str, token: &str) -> Range<usize> {
        put_token(&mut self.text, name, token)
    }
}

/// Appends a member whose value JSON writes as it is, and returns the value's place.
fn put_token(text: &mut String, name: &str, token: &str) -> Range<usize> {
    text.push_str(",\"");
    text.push_str(name);
    text.push_str("\":\"");
    let start = text.len();
    text.push_str(token);
    let end = text.len();
    text.push('"');
    start..end
}

/// The fields that only the ledger knows.
const GAPS: [&str; 5] = ["cause", "key", "prev", "seq", "stream"];

/// Bytes of `,"cause":`.
const CAUSE_NAME: usize = 9;

/// Bytes that a cause takes at most: a leaf, 16 digits and a stream, with their names.
const CAUSE_BYTES: usize = CAUSE_NAME + 82 + 23 + 13 + limits::STREAM_BYTES;

/// Bytes that the gaps take at most: a key, a hash, 16 digits and a stream, with their names.
const MOST_IN_GAPS: usize = 9 + limits::KEY_BYTES + 74 + 23 + 12 + limits::STREAM_BYTES;
