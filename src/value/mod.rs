//! Values that conditions look at.
//!
//! A request carries names with values: strings, numbers, lists, maps. This file holds them and reads
//! them from JSON; it refuses a key that stands twice, because two readers could see two requests.
//! Bounds are checked where a request is decided, so that a fault is a Deny that names its path.

#[cfg(feature = "engine")]
mod record;

use std::borrow::Cow;
use std::fmt;
use std::iter::Map;
use std::vec::IntoIter;

use crate::payload::length;
use chrono::{DateTime, TimeDelta, Utc};
use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// One value of an attribute.
///
/// The variants are the types of the condition language (CEL language definition, "Values").
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// No value, JSON `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer; JSON numbers above `i64::MAX` arrive here.
    Uint(u64),
    /// An IEEE 754 double.
    Double(f64),
    /// Unicode text.
    String(String),
    /// Bytes; JSON has none.
    Bytes(Vec<u8>),
    /// A point in time.
    Timestamp(DateTime<Utc>),
    /// A signed span of time.
    Duration(TimeDelta),
    /// An ordered list.
    List(Vec<Value>),
    /// Names with values.
    Map(Attributes),
}

/// Names with values, in the order of the names' bytes.
///
/// ```
/// use countersign::{Attributes, Value};
///
/// let mut labels = Attributes::new();
/// labels.insert("tier", "gold");
/// assert_eq!(labels.get("tier"), Some(&Value::from("gold")));
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Attributes {
    entries: Vec<(Name, Value)>,
}

/// A name. Those of a request's own members are not copied.
type Name = Cow<'static, str>;

impl Value {
    /// Returns the text of a string value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// Visits the parts of the value for a digest: its type, then its content (docs/formats.md, "Action digest").
    pub(crate) fn for_each_part(&self, put: &mut impl FnMut(&[u8])) {
        let mut number = |kind: &str, text: String| {
            put(kind.as_bytes());
            put(text.as_bytes());
        };
        match self {
            Self::Int(value) => return number("int", value.to_string()),
            // The same number, whichever type it was built with.
            Self::Uint(value) => {
                let kind = if i64::try_from(*value).is_ok() { "int" } else { "uint" };
                return number(kind, value.to_string());
            }
            _ => put(self.type_name().as_bytes()),
        }
        match self {
            Self::Null | Self::Int(_) | Self::Uint(_) => {}
            Self::Bool(value) => put(&[u8::from(*value)]),
            Self::Double(value) => put(&value.to_bits().to_be_bytes()),
            Self::String(text) => put(text.as_bytes()),
            Self::Bytes(bytes) => put(bytes),
            Self::Timestamp(time) => {
                put(time.timestamp().to_string().as_bytes());
                put(time.timestamp_subsec_nanos().to_string().as_bytes());
            }
            Self::Duration(span) => {
                put(span.num_seconds().to_string().as_bytes());
                put(span.subsec_nanos().to_string().as_bytes());
            }
            Self::List(items) => {
                put(&length(items.len()));
                items.iter().for_each(|item| item.for_each_part(put));
            }
            Self::Map(entries) => entries.for_each_part(put),
        }
    }

    /// Counts the characters of a text, the elements of a list or map.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::String(text) => text.chars().count(),
            Self::List(items) => items.len(),
            Self::Map(entries) => entries.len(),
            _ => 0,
        }
    }

    /// Names the value's type as conditions and the vocabulary write it.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::String(_) => "string",
            Self::Bytes(_) => "bytes",
            Self::Timestamp(_) => "timestamp",
            Self::Duration(_) => "duration",
            Self::List(_) => "list",
            Self::Map(_) => "map",
        }
    }
}

impl Attributes {
    /// Makes an empty set of attributes.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the value of a name and returns the value it had.
    pub fn insert(&mut self, name: impl Into<String>, value: impl Into<Value>) -> Option<Value> {
        let (name, value) = (name.into(), value.into());
        match self.find(&name) {
            Ok(index) => self.entries.get_mut(index).map(|entry| std::mem::replace(&mut entry.1, value)),
            Err(index) => {
                self.entries.insert(index, (name.into(), value));
                None
            }
        }
    }

    /// Removes a name and returns the value it had.
    pub fn remove(&mut self, name: &str) -> Option<Value> {
        let index = self.find(name).ok()?;
        Some(self.entries.remove(index).1)
    }

    /// Returns the value of a name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&Value> {
        if self.entries.len() <= FEW {
            return self.entries.iter().find(|(known, _)| known == name).map(|(_, value)| value);
        }
        let index = self.find(name).ok()?;
        self.entries.get(index).map(|(_, value)| value)
    }

    /// Iterates over names and values, in the order of the names' bytes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(name, value)| (name.as_ref(), value))
    }

    /// Visits the parts of all attributes for a digest: their count, then each name and value.
    pub(crate) fn for_each_part(&self, put: &mut impl FnMut(&[u8])) {
        put(&length(self.entries.len()));
        for (name, value) in &self.entries {
            put(name.as_bytes());
            value.for_each_part(put);
        }
    }

    /// Counts the names.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Says whether there is no name.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    fn find(&self, name: &str) -> Result<usize, usize> {
        self.entries.binary_search_by(|(known, _)| known.as_ref().cmp(name))
    }
}

impl IntoIterator for Attributes {
    type Item = (String, Value);
    type IntoIter = Map<IntoIter<(Name, Value)>, fn((Name, Value)) -> (String, Value)>;

    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter().map(|(name, value)| (name.into_owned(), value))
    }
}

impl<K: Into<String>, V: Into<Value>> FromIterator<(K, V)> for Attributes {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        let mut attributes = Self::new();
        for (name, value) in pairs {
            attributes.insert(name, value);
        }
        attributes
    }
}

/// Says whether records know a name as it is: `[a-z_][a-z0-9_.-]*`.
pub(crate) fn is_plain_name(name: &str) -> bool {
    let letters = name.as_bytes();
    matches!(letters.first(), Some(b'a'..=b'z' | b'_'))
        && letters.iter().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'_' | b'.' | b'-'))
}

macro_rules! value_from {
    ($($source:ty => $variant:ident),+ $(,)?) => {$(
        impl From<$source> for Value {
            fn from(value: $source) -> Self {
                Self::$variant(value.into())
            }
        }
    )+};
}

value_from! {
    bool => Bool, i64 => Int, i32 => Int, u64 => Uint, u32 => Int, f64 => Double,
    String => String, &str => String, &String => String, DateTime<Utc> => Timestamp, TimeDelta => Duration,
    Attributes => Map,
}

impl<V: Into<Value>> From<Vec<V>> for Value {
    fn from(values: Vec<V>) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<V: Into<Value>, const N: usize> From<[V; N]> for Value {
    fn from(values: [V; N]) -> Self {
        Self::List(values.into_iter().map(Into::into).collect())
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

impl<'de> Deserialize<'de> for Attributes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(AttributesVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Int(value))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(i64::try_from(value).map_or(Value::Uint(value), Value::Int))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Double(value))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Value::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, entries: A) -> Result<Value, A::Error> {
        AttributesVisitor.visit_map(entries).map(Value::Map)
    }
}

/// Reads a name, copying only those that are not among [`MEMBERS`].
struct NameReader;

impl<'de> DeserializeSeed<'de> for NameReader {
    type Value = Name;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Name, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for NameReader {
    type Value = Name;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        let known = MEMBERS.iter().find(|known| **known == name);
        Ok(known.map_or_else(|| name.to_owned().into(), |known| Cow::Borrowed(*known)))
    }
}

struct AttributesVisitor;

impl<'de> Visitor<'de> for AttributesVisitor {
    type Value = Attributes;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a JSON object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut pairs: A) -> Result<Attributes, A::Error> {
        // Sorted once: inserting one by one costs the square of the names, which a caller chooses.
        let mut entries: Vec<(Name, Value)> = Vec::new();
        while let Some(name) = pairs.next_key_seed(NameReader)? {
            entries.push((name, pairs.next_value()?));
        }
        entries.sort_by(|left, right| left.0.cmp(&right.0));
        let twice = entries.windows(2).find_map(|pair| match pair {
            [(left, _), (right, _)] if left == right => Some(left),
            _ => None,
        });
        match twice {
            Some(name) => Err(Error::custom(format_args!("key `{}` stands twice", name.escape_debug()))),
            None => Ok(Attributes { entries }),
        }
    }
}

/// Names up to which comparing with each is faster than a search: their lengths mostly differ.
const FEW: usize = 8;

/// The members that most requests have (AuthZEN, section 5), and those that this library reads beside them.
const MEMBERS: [&str; 14] = [
    "subject",
    "type",
    "id",
    "properties",
    "action",
    "name",
    "payload",
    "resource",
    "context",
    "reason",
    "duration",
    "auth",
    "usage",
    "facts",
];
