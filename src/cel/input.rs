//! What a condition reads.
//!
//! Turns a value of the request into an input for a slot, checked against the type that the vocabulary
//! declares. Text stands for timestamps, durations and addresses, and an integer for a double, where the
//! declaration says so; any other wrong type is refused with its path. Borrows wherever nothing is converted.

use std::fmt;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::datum::Datum;
use super::map::Table;
use super::numbers::double_of_int;
use super::types::Type;
use super::val::Val;
use super::{network, time};
use crate::{Attributes, Risk, Value};

/// What a slot holds in one evaluation.
#[derive(Debug, Clone, Default)]
pub enum Input<'a> {
    /// The request does not have it.
    #[default]
    Absent,
    /// Nobody can know it.
    Unknown,
    /// The request has it.
    Value(Given<'a>),
}

/// An input as an index sees it.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Seen<'v> {
    Absent,
    Unreadable,
    Text(&'v str),
    Flag(bool),
    Items(&'v [Value]),
    Names(&'v Attributes),
    Other,
}

/// A value that is given to a condition.
#[derive(Debug, Clone)]
pub struct Given<'a>(pub(super) Val<'a>);

/// A value that is not of the declared type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mismatch {
    /// Where inside the value: empty for the value itself, `[2]` or `.tier` for a part.
    pub path: String,
    /// The declared type.
    pub expected: Type,
    /// The type of what was found.
    pub found: &'static str,
}

impl<'a> Input<'a> {
    /// Checks a value against a type and borrows it.
    ///
    /// Where the type asks for it, RFC 3339 text becomes a timestamp, text like `1h30m` a duration, text an
    /// address, an integer a double or an unsigned integer, and the name of a level a risk.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] if the value is not of the type.
    pub fn of(value: &'a Value, expected: &Type) -> Result<Self, Mismatch> {
        read(value, expected).map(|val| Self::Value(Given(val)))
    }

    /// Shows what an index can look at.
    pub(crate) fn seen(&self) -> Seen<'_> {
        match self {
            Self::Absent => Seen::Absent,
            Self::Unknown => Seen::Unreadable,
            Self::Value(Given(val)) => match val {
                Val::Str(text) => Seen::Text(text),
                Val::Bool(flag) => Seen::Flag(*flag),
                Val::Values(items) => Seen::Items(items),
                Val::Attributes(map) => Seen::Names(map),
                _ => Seen::Other,
            },
        }
    }

    pub(super) fn val(&self) -> Option<&Val<'a>> {
        match self {
            Self::Value(Given(val)) => Some(val),
            _ => None,
        }
    }
}

macro_rules! input_from {
    ($($source:ty => $value:ident -> $val:expr),+ $(,)?) => {$(
        impl<'a> From<$source> for Input<'a> {
            fn from($value: $source) -> Self {
                Self::Value(Given($val))
            }
        }
    )+};
}

input_from! {
    bool => value -> Val::Bool(value),
    i64 => value -> Val::Int(value),
    u64 => value -> Val::Uint(value),
    f64 => value -> Val::Double(value),
    &'a str => value -> Val::Str(value),
    &'a [Value] => value -> Val::Values(value),
    &'a Attributes => value -> Val::Attributes(value),
    &'a Value => value -> Val::of(value),
    DateTime<Utc> => value -> Val::Timestamp(value),
    TimeDelta => value -> Val::of_delta(value),
    Risk => value -> Val::Risk(value),
    &'a Datum => value -> value.val(),
}

impl Val<'_> {
    fn of_delta(delta: TimeDelta) -> Self {
        let longest = if delta < TimeDelta::zero() { i64::MIN } else { i64::MAX };
        Self::Duration(delta.num_nanoseconds().unwrap_or(longest))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(formatter, "{}: ", super::diagnostic::quote(&self.path))?;
        }
        write!(formatter, "expected {}, found {}", self.expected, self.found)
    }
}

impl std::error::Error for Mismatch {}

fn read<'a>(value: &'a Value, expected: &Type) -> Result<Val<'a>, Mismatch> {
    match (value, expected) {
        (Value::List(items), Type::List(element)) => read_list(items, element),
        (Value::Map(map), Type::Map(key, element)) if matches!(**key, Type::String | Type::Dyn) => {
            read_map(map, element)
        }
        (_, Type::Optional(inner)) => Ok(Val::some(read(value, inner)?)),
        _ => convert(value, expected).ok_or_else(|| Mismatch {
            path: String::new(),
            expected: expected.clone(),
            found: value.type_name(),
        }),
    }
}

fn convert<'a>(value: &'a Value, expected: &Type) -> Option<Val<'a>> {
    let val = Val::of(value);
    let fits = match expected {
        Type::Dyn => true,
        Type::Null => matches!(val, Val::Null),
        Type::Bool => matches!(val, Val::Bool(_)),
        Type::Int => matches!(val, Val::Int(_)),
        Type::Uint => matches!(val, Val::Uint(_)),
        Type::Double => matches!(val, Val::Double(_)),
        Type::String => matches!(val, Val::Str(_)),
        Type::Bytes => matches!(val, Val::Bytes(_)),
        Type::Timestamp => matches!(val, Val::Timestamp(_)),
        Type::Duration => matches!(val, Val::Duration(_)),
        _ => false,
    };
    if fits {
        return Some(val);
    }
    match (expected, val) {
        (Type::Double, Val::Int(number)) => Some(Val::Double(double_of_int(number))),
        (Type::Uint, Val::Int(number)) => u64::try_from(number).ok().map(Val::Uint),
        (Type::Timestamp, Val::Str(text)) => time::parse_timestamp(text).map(Val::Timestamp),
        (Type::Duration, Val::Str(text)) => time::parse_duration(text).map(Val::Duration),
        (Type::Ip, Val::Str(text)) => network::parse_ip(text).map(Val::Ip),
        (Type::Cidr, Val::Str(text)) => network::parse_cidr(text).map(Val::Cidr),
        (Type::Risk, Val::Str(text)) => text.parse().ok().map(Val::Risk),
        _ => None,
    }
}

fn read_list<'a>(items: &'a [Value], element: &Type) -> Result<Val<'a>, Mismatch> {
    let place =
        |index: usize, fault: Mismatch| Mismatch { path: format!("[{index}]{}", fault.path), ..fault };
    if converts(element) {
        let read = |(index, item)| read(item, element).map_err(|fault| place(index, fault));
        return items.iter().enumerate().map(read).collect::<Result<Arc<[_]>, _>>().map(Val::List);
    }
    for (index, item) in items.iter().enumerate() {
        read(item, element).map_err(|fault| place(index, fault))?;
    }
    Ok(Val::Values(items))
}

fn read_map<'a>(map: &'a Attributes, element: &Type) -> Result<Val<'a>, Mismatch> {
    let place = |key: &str, fault: Mismatch| Mismatch { path: format!(".{key}{}", fault.path), ..fault };
    if converts(element) {
        let read = |(key, value)| match read(value, element) {
            Ok(value) => Ok((Val::Str(key), value)),
            Err(fault) => Err(place(key, fault)),
        };
        let entries = map.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        let table = Table::new(entries).unwrap_or_default();
        return Ok(Val::Table(Arc::new(table)));
    }
    for (key, value) in map.iter() {
        read(value, element).map_err(|fault| place(key, fault))?;
    }
    Ok(Val::Attributes(map))
}

/// Says whether values of the type may stand in the request in another form.
fn converts(declared: &Type) -> bool {
    match declared {
        Type::Null | Type::Bool | Type::Int | Type::String | Type::Bytes | Type::Dyn | Type::Type => false,
        Type::List(element) => converts(element),
        Type::Map(_, value) => converts(value),
        _ => true,
    }
}
