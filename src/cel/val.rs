//! Values while a condition runs.
//!
//! A value borrows from the request or from the program wherever it can; what an expression builds is
//! shared. Equality and order are those of the language: numbers by value, lists and maps by content,
//! and order only within the types that have one.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use chrono::{DateTime, Utc};

use super::budget::{Budget, Trouble};
use super::map::Table;
use super::numbers::{compare_int_double, compare_int_uint, compare_uint_double};
use crate::{Attributes, Risk, Value};

/// A value that is borrowed or shared, cheap to clone.
#[derive(Debug, Clone)]
pub(crate) enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    Risk(Risk),
    Str(&'a str),
    Text(Arc<str>),
    Bytes(&'a [u8]),
    Blob(Arc<[u8]>),
    Timestamp(DateTime<Utc>),
    /// Nanoseconds.
    Duration(i64),
    /// A list of the request.
    Values(&'a [Value]),
    /// A list of the program.
    Slice(&'a [Val<'a>]),
    /// A list that was built.
    List(Arc<[Val<'a>]>),
    /// A map of the request.
    Attributes(&'a Attributes),
    /// A map of the program.
    TableRef(&'a Table<'a>),
    /// A map that was built.
    Table(Arc<Table<'a>>),
    Optional(Option<Arc<Val<'a>>>),
    Type(TypeName),
    Ip(IpAddr),
    Cidr(Cidr),
}

/// The name of a type, as the language has types for values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct TypeName(pub(crate) &'static str);

/// An address and the length of its network prefix.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cidr {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

/// A list, wherever it lives.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Items<'v, 'a> {
    Values(&'a [Value]),
    Slice(&'v [Val<'a>]),
}

impl<'a> Val<'a> {
    /// Wraps a value of the request.
    pub(crate) fn of(value: &'a Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Int(value) => Self::Int(*value),
            Value::Uint(value) => Self::Uint(*value),
            Value::Double(value) => Self::Double(*value),
            Value::String(value) => Self::Str(value),
            Value::Bytes(value) => Self::Bytes(value),
            Value::Timestamp(value) => Self::Timestamp(*value),
            // A span beyond 292 years is not a duration of the language; the nearest one is the longest.
            Value::Duration(value) => {
                Self::Duration(value.num_nanoseconds().unwrap_or(if value.num_seconds() < 0 {
                    i64::MIN
                } else {
                    i64::MAX
                }))
            }
            Value::List(value) => Self::Values(value),
            Value::Map(value) => Self::Attributes(value),
        }
    }

    pub(super) fn text(text: impl Into<Arc<str>>) -> Self {
        Self::Text(text.into())
    }

    pub(super) fn some(value: Val<'a>) -> Self {
        Self::Optional(Some(Arc::new(value)))
    }

    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(bytes) => Some(bytes),
            Self::Blob(bytes) => Some(bytes),
            _ => None,
        }
    }

    pub(super) fn items(&self) -> Option<Items<'_, 'a>> {
        match self {
            Self::Values(values) => Some(Items::Values(values)),
            Self::Slice(items) => Some(Items::Slice(items)),
            Self::List(items) => Some(Items::Slice(items)),
            _ => None,
        }
    }

    /// The built or constant map, if it is one; maps of the request are `Attributes`.
    pub(super) fn table(&self) -> Option<&Table<'a>> {
        match self {
            Self::TableRef(table) => Some(table),
            Self::Table(table) => Some(table),
            _ => None,
        }
    }

    /// Borrows the value from a program, so that reading a constant shares nothing.
    pub(super) fn borrowed(&'a self) -> Val<'a> {
        match self {
            Self::Text(text) => Self::Str(text),
            Self::Blob(bytes) => Self::Bytes(bytes),
            Self::List(items) => Self::Slice(items),
            Self::Table(table) => Self::TableRef(table),
            other => other.clone(),
        }
    }

    /// Copies what the value borrows.
    pub(super) fn owned(self) -> Val<'static> {
        match self {
            Self::Null => Val::Null,
            Self::Bool(value) => Val::Bool(value),
            Self::Int(value) => Val::Int(value),
            Self::Uint(value) => Val::Uint(value),
            Self::Double(value) => Val::Double(value),
            Self::Risk(value) => Val::Risk(value),
            Self::Str(text) => Val::text(text),
            Self::Text(text) => Val::Text(text),
            Self::Bytes(bytes) => Val::Blob(bytes.into()),
            Self::Blob(bytes) => Val::Blob(bytes),
            Self::Timestamp(value) => Val::Timestamp(value),
            Self::Duration(value) => Val::Duration(value),
            Self::Type(value) => Val::Type(value),
            Self::Ip(value) => Val::Ip(value),
            Self::Cidr(value) => Val::Cidr(value),
            Self::Optional(inner) => {
                Val::Optional(inner.map(|inner| Arc::new(inner.as_ref().clone().owned())))
            }
            list @ (Self::Values(_) | Self::Slice(_) | Self::List(_)) => {
                Val::List(list.items().into_iter().flat_map(Items::iter).map(Val::owned).collect())
            }
            map @ (Self::Attributes(_) | Self::TableRef(_) | Self::Table(_)) => {
                let mut entries = Vec::new();
                map.each(|key, value| {
                    entries.push((key.owned(), value.owned()));
                    ControlFlow::<()>::Continue(())
                });
                Val::Table(Arc::new(Table::new(entries).unwrap_or_default()))
            }
        }
    }

    /// The number of elements of a list or map.
    pub(super) fn count(&self) -> Option<usize> {
        match self {
            Self::Attributes(map) => Some(map.len()),
            _ => self.items().map(|items| items.len()).or_else(|| self.table().map(Table::len)),
        }
    }

    /// Looks a key up. `None` if this is no map; `Some(None)` if the key is missing.
    pub(super) fn lookup(&self, key: &Val<'_>) -> Option<Option<Val<'a>>> {
        match self {
            Self::Attributes(map) => Some(key.as_str().and_then(|name| map.get(name)).map(Val::of)),
            _ => self.table().map(|table| table.get(key).cloned()),
        }
    }

    /// The name of the value's type in the language.
    pub(super) fn type_name(&self) -> TypeName {
        TypeName(match self {
            Self::Null => "null_type",
            Self::Bool(_) => "bool",
            Self::Int(_) => "int",
            Self::Uint(_) => "uint",
            Self::Double(_) => "double",
            Self::Risk(_) => "risk",
            Self::Str(_) | Self::Text(_) => "string",
            Self::Bytes(_) | Self::Blob(_) => "bytes",
            Self::Timestamp(_) => "google.protobuf.Timestamp",
            Self::Duration(_) => "google.protobuf.Duration",
            Self::Values(_) | Self::Slice(_) | Self::List(_) => "list",
            Self::Attributes(_) | Self::TableRef(_) | Self::Table(_) => "map",
            Self::Optional(_) => "optional_type",
            Self::Type(_) => "type",
            Self::Ip(_) => "net.IP",
            Self::Cidr(_) => "net.CIDR",
        })
    }

    /// The number of entries of a map.
    pub(super) fn map_len(&self) -> Option<usize> {
        match self {
            Self::Attributes(map) => Some(map.len()),
            _ => self.table().map(Table::len),
        }
    }

    /// The equality of the language, which is defined for all pairs of values.
    pub(super) fn equals(&self, other: &Val<'_>, budget: &mut Budget) -> Result<bool, Trouble> {
        budget.step(1)?;
        Ok(match (self, other) {
            (Self::Null, Val::Null) => true,
            (Self::Bool(left), Val::Bool(right)) => left == right,
            (Self::Risk(left), Val::Risk(right)) => left == right,
            (Self::Timestamp(left), Val::Timestamp(right)) => left == right,
            (Self::Duration(left), Val::Duration(right)) => left == right,
            (Self::Type(left), Val::Type(right)) => left == right,
            (Self::Ip(left), Val::Ip(right)) => left == right,
            (Self::Cidr(left), Val::Cidr(right)) => left == right,
            (Self::Optional(left), Val::Optional(right)) => match (left, right) {
                (Some(left), Some(right)) => return left.equals(right, budget),
                (None, None) => true,
                _ => false,
            },
            _ => {
                if let (Some(left), Some(right)) = (self.as_str(), other.as_str()) {
                    budget.scan(left.len().min(right.len()))?;
                    return Ok(left == right);
                }
                if let Some(order) = self.compare_numbers(other) {
                    return Ok(order == Some(Ordering::Equal));
                }
                if let (Some(left), Some(right)) = (self.as_bytes(), other.as_bytes()) {
                    budget.scan(left.len().min(right.len()))?;
                    return Ok(left == right);
                }
                return self.same_content(other, budget);
            }
        })
    }

    fn same_content(&self, other: &Val<'_>, budget: &mut Budget) -> Result<bool, Trouble> {
        if let (Some(left), Some(right)) = (self.items(), other.items()) {
            if left.len() != right.len() {
                return Ok(false);
            }
            for (left, right) in left.iter().zip(right.iter()) {
                if !left.equals(&right, budget)? {
                    return Ok(false);
                }
            }
            return Ok(true);
        }
        if self.map_len().is_none() || self.map_len() != other.map_len() {
            return Ok(false);
        }
        let differs = self.each(|key, value| match other.lookup(&key) {
            Some(Some(found)) => match value.equals(&found, budget) {
                Ok(true) => ControlFlow::Continue(()),
                result => ControlFlow::Break(result),
            },
            _ => ControlFlow::Break(Ok(false)),
        });
        match differs {
            Some(ControlFlow::Break(result)) => result,
            _ => Ok(true),
        }
    }

    /// Looks at the elements of a list with their indexes, or at the entries of a map, until told to stop.
    /// `None` if this is neither.
    pub(super) fn each<B>(
        &self,
        mut look: impl FnMut(Val<'a>, Val<'a>) -> ControlFlow<B>,
    ) -> Option<ControlFlow<B>> {
        if let Some(items) = self.items() {
            let mut index = 0_i64;
            return Some(items.iter().try_for_each(|item| {
                let key = Val::Int(index);
                index = index.saturating_add(1);
                look(key, item)
            }));
        }
        if let Self::Attributes(map) = self {
            return Some(map.iter().try_for_each(|(key, value)| look(Val::Str(key), Val::of(value))));
        }
        let table = self.table()?;
        Some(table.entries().iter().try_for_each(|(key, value)| look(key.clone(), value.clone())))
    }

    /// Orders two values; `None` where the language has no order, `Some(None)` for a NaN.
    pub(super) fn compare(&self, other: &Val<'_>) -> Option<Option<Ordering>> {
        Some(Some(match (self, other) {
            (Self::Bool(left), Val::Bool(right)) => left.cmp(right),
            (Self::Risk(left), Val::Risk(right)) => left.cmp(right),
            (Self::Timestamp(left), Val::Timestamp(right)) => left.cmp(right),
            (Self::Duration(left), Val::Duration(right)) => left.cmp(right),
            _ => {
                if let Some(order) = self.compare_numbers(other) {
                    return Some(order);
                }
                if let (Some(left), Some(right)) = (self.as_str(), other.as_str()) {
                    return Some(Some(left.cmp(right)));
                }
                return self.as_bytes().zip(other.as_bytes()).map(|(left, right)| Some(left.cmp(right)));
            }
        }))
    }

    fn compare_numbers(&self, other: &Val<'_>) -> Option<Option<Ordering>> {
        Some(match (self, other) {
            (Self::Int(left), Val::Int(right)) => Some(left.cmp(right)),
            (Self::Uint(left), Val::Uint(right)) => Some(left.cmp(right)),
            (Self::Double(left), Val::Double(right)) => left.partial_cmp(right),
            (Self::Int(left), Val::Uint(right)) => Some(compare_int_uint(*left, *right)),
            (Self::Uint(left), Val::Int(right)) => Some(compare_int_uint(*right, *left).reverse()),
            (Self::Int(left), Val::Double(right)) => compare_int_double(*left, *right),
            (Self::Double(left), Val::Int(right)) => compare_int_double(*right, *left).map(Ordering::reverse),
            (Self::Uint(left), Val::Double(right)) => compare_uint_double(*left, *right),
            (Self::Double(left), Val::Uint(right)) => {
                compare_uint_double(*right, *left).map(Ordering::reverse)
            }
            _ => return None,
        })
    }
}

impl<'v, 'a> Items<'v, 'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Slice(items) => items.len(),
        }
    }

    pub(super) fn get(self, index: usize) -> Option<Val<'a>> {
        match self {
            Self::Values(values) => values.get(index).map(Val::of),
            Self::Slice(items) => items.get(index).cloned(),
        }
    }

    pub(super) fn iter(self) -> impl ExactSizeIterator<Item = Val<'a>> + use<'v, 'a> {
        let count = self.len();
        (0..count).map(move |index| self.get(index).unwrap_or(Val::Null))
    }
}
