//! Values that a log can forget.
//!
//! A personal value stands in its record as a commitment: a salted hash. The value and its salt, the
//! opening, are kept beside the log. Whoever has the opening can show the value; once it is deleted, the hash
//! says nothing about the value, and every hash, proof and signature of the log stays what it was.

use std::collections::HashMap;
use std::fmt;

use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::json::{self, JsonFault};
use super::merkle::Hash;
use super::record::is_token;
use crate::text::quote;
use crate::{hex, limits};

/// What opens one commitment: where it stands, its salt, and the value.
///
/// It is as secret as the value. Deleting it, and every copy of it, forgets the value.
///
/// ```
/// use countersign::Opening;
///
/// let line = format!(
///     r#"{{"!fmt":"countersign/opening/1","path":"/request/resource/properties/owner","salt":"{}","seq":1,"stream":"orders-gate","value":"olga"}}"#,
///     "07".repeat(32),
/// );
/// let opening = Opening::read(&line)?;
/// assert_eq!((opening.seq(), opening.path()), (1, "/request/resource/properties/owner"));
/// assert_eq!(opening.to_line(), line);
/// # Ok::<(), countersign::OpeningError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Opening {
    stream: String,
    seq: u64,
    path: String,
    salt: Salt,
    value: Value,
}

/// Why a line is not an opening.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpeningError {
    /// The line is not JSON of the audit profile.
    #[error("opening: {0}")]
    Json(#[from] JsonFault),
    /// A field is missing or has another shape.
    #[error("opening: field `{name}` is missing or malformed")]
    Field {
        /// Its name.
        name: &'static str,
    },
    /// It has a field that openings do not have.
    #[error("opening: `{found}` is not a field of it")]
    FieldName {
        /// The name, escaped and cut.
        found: String,
    },
}

/// Openings by the record that they belong to.
#[derive(Debug, Clone, Default)]
pub struct Openings {
    of: HashMap<(String, u64), Vec<Opening>>,
    pub(super) complete: bool,
}

/// A record's content, with the values of all commitments that could be opened.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) content: Map<String, Value>,
    /// The commitments that were opened.
    pub(crate) open: Vec<String>,
    /// Those that were not.
    pub(crate) closed: Vec<Closed>,
}

/// A commitment that stays closed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed {
    pub(crate) path: String,
    /// An opening was given, and it is of something else.
    pub(crate) mismatch: bool,
}

/// What a draft commits to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Sealed {
    pub(super) path: String,
    pub(super) salt: Salt,
    pub(super) value: Value,
}

/// 256 random bits, which nobody else has.
pub(crate) type Salt = [u8; 32];

impl Opening {
    pub(super) fn new(stream: &str, seq: u64, sealed: &Sealed) -> Self {
        let Sealed { path, salt, value } = sealed.clone();
        Self { stream: stream.to_owned(), seq, path, salt, value }
    }

    /// Reads a line, with or without its line end. Whether the opening is that of a record is known only
    /// beside the record.
    ///
    /// # Errors
    ///
    /// [`OpeningError`], all of its variants.
    pub fn read(line: impl AsRef<[u8]>) -> Result<Self, OpeningError> {
        let line = line.as_ref();
        let text = json::canonical(line.strip_suffix(b"\n").unwrap_or(line))?;
        let mut fields: Map<String, Value> =
            serde_json::from_str(&text).map_err(|_| OpeningError::Field { name: "!fmt" })?;
        let mut take = |name| fields.remove(name).ok_or(OpeningError::Field { name });
        let mut token = |name| match take(name)? {
            Value::String(text) => Ok(text),
            _ => Err(OpeningError::Field { name }),
        };
        if token("!fmt")? != FORMAT {
            return Err(OpeningError::Field { name: "!fmt" });
        }
        let (stream, path, salt) = (token("stream")?, token("path")?, token("salt")?);
        if !is_token(&stream) || stream.len() > limits::STREAM_BYTES {
            return Err(OpeningError::Field { name: "stream" });
        }
        if !path.starts_with('/') {
            return Err(OpeningError::Field { name: "path" });
        }
        let salt = hex::decode32(&salt).ok_or(OpeningError::Field { name: "salt" })?;
        let seq = take("seq")?.as_u64().ok_or(OpeningError::Field { name: "seq" })?;
        let value = take("value")?;
        match fields.keys().next() {
            Some(name) => Err(OpeningError::FieldName { found: quote(name) }),
            None => Ok(Self { stream, seq, path, salt, value }),
        }
    }

    /// Writes the opening as one line of canonical JSON, without a line end.
    #[must_use]
    pub fn to_line(&self) -> String {
        let fields = json!({
            "!fmt": FORMAT,
            "path": self.path,
            "salt": hex::encode(&self.salt),
            "seq": self.seq,
            "stream": self.stream,
            "value": self.value,
        });
        let mut text = String::new();
        // The value was within the profile when it was committed to, or read.
        let _ = json::value(&mut text, &fields, 0);
        text
    }

    /// Returns the name of the stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Returns the record's number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns where the commitment stands in the record: an RFC 6901 pointer.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns the value.
    #[must_use]
    pub fn value(&self) -> &Value {
        &self.value
    }
}

/// The salt and the value are not shown.
impl fmt::Debug for Opening {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, seq, path, .. } = self;
        let mut shown = formatter.debug_struct("Opening");
        shown.field("stream", stream).field("seq", seq).field("path", path).finish_non_exhaustive()
    }
}

impl Openings {
    /// Takes openings. A commitment that none of them opens may have one elsewhere.
    #[must_use]
    pub fn new(openings: impl IntoIterator<Item = Opening>) -> Self {
        let mut of: HashMap<_, Vec<Opening>> = HashMap::new();
        for opening in openings {
            of.entry((opening.stream.clone(), opening.seq)).or_default().push(opening);
        }
        Self { of, complete: false }
    }

    /// Reads lines of openings.
    ///
    /// # Errors
    ///
    /// The first line's [`OpeningError`].
    pub fn read<R: AsRef<[u8]>>(lines: impl IntoIterator<Item = R>) -> Result<Self, OpeningError> {
        Ok(Self::new(lines.into_iter().map(Opening::read).collect::<Result<Vec<_>, _>>()?))
    }

    /// Says that these are all openings that there are: what none of them opens must have been erased.
    #[must_use]
    pub fn all(self) -> Self {
        Self { complete: true, ..self }
    }

    pub(super) fn of(&self, stream: &str, seq: u64) -> &[Opening] {
        self.of.get(&(stream.to_owned(), seq)).map_or(&[], Vec::as_slice)
    }

    /// Opens what can be opened of a record's content.
    pub(super) fn open(&self, stream: &str, seq: u64, content: Map<String, Value>) -> Opened {
        let mut opened = Opened { content, open: Vec::new(), closed: Vec::new() };
        let mut content = Value::Object(std::mem::take(&mut opened.content));
        let given = self.of(stream, seq);
        for (path, commitment) in commitments(&content) {
            let mut of_path = given.iter().filter(|opening| opening.path == path).peekable();
            let mismatch = of_path.peek().is_some();
            let found =
                of_path.find(|opening| commit(&opening.salt, &path, &opening.value) == Some(commitment));
            match (found, content.pointer_mut(&path)) {
                (Some(opening), Some(place)) => {
                    *place = opening.value.clone();
                    opened.open.push(path);
                }
                _ => opened.closed.push(Closed { path, mismatch }),
            }
        }
        if let Value::Object(content) = content {
            opened.content = content;
        }
        opened
    }
}

impl FromIterator<Opening> for Openings {
    fn from_iter<I: IntoIterator<Item = Opening>>(openings: I) -> Self {
        Self::new(openings)
    }
}

impl Sealed {
    /// Puts a commitment in the place of a value. `None` where there is nothing.
    pub(super) fn put(content: &mut Value, path: String, salt: Salt) -> Result<Option<Self>, JsonFault> {
        let Some(place) = content.pointer_mut(&path) else { return Ok(None) };
        let value = place.take();
        let mut text = String::new();
        json::value(&mut text, &value, 1)?;
        *place = json!({ COMMITMENT: hex::encode(&hash(&salt, &path, &text)) });
        Ok(Some(Self { path, salt, value }))
    }
}

/// Adds a member's name to an RFC 6901 pointer.
pub(crate) fn below(path: &str, name: &str) -> String {
    format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"))
}

/// Lists the commitments of a content, with where they stand.
fn commitments(content: &Value) -> Vec<(String, Hash)> {
    let mut found = Vec::new();
    let mut waiting = vec![(String::new(), content)];
    while let Some((path, value)) = waiting.pop() {
        match value {
            Value::Object(members) => match commitment(members) {
                Some(hash) => found.push((path, hash)),
                None => {
                    waiting.extend(members.iter().rev().map(|(name, member)| (below(&path, name), member)))
                }
            },
            Value::Array(items) => waiting.extend(
                items.iter().enumerate().rev().map(|(place, item)| (format!("{path}/{place}"), item)),
            ),
            _ => {}
        }
    }
    found
}

/// Reads an object as a commitment. No plain value of a record looks like one: keys that begin with `$` wrap.
fn commitment(members: &Map<String, Value>) -> Option<Hash> {
    let hash = members.get(COMMITMENT).filter(|_| members.len() == 1)?;
    hex::decode32(hash.as_str()?)
}

fn commit(salt: &Salt, path: &str, value: &Value) -> Option<Hash> {
    let mut text = String::new();
    json::value(&mut text, value, 1).ok()?;
    Some(hash(salt, path, &text))
}

/// The path holds no NUL, so no two pairs of path and value are hashed alike.
fn hash(salt: &Salt, path: &str, value: &str) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update(b"countersign/commitment/v1\0");
    hasher.update(salt);
    hasher.update(path.as_bytes());
    hasher.update([0]);
    hasher.update(value.as_bytes());
    hasher.finalize().into()
}

/// The only member of the object that stands for a value.
pub(super) const COMMITMENT: &str = "$committed";

const FORMAT: &str = "countersign/opening/1";

#[cfg(test)]
#[allow(clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests;
