//! Values that an expression gives.
//!
//! Holds any value of the language without borrowing, so that a tool can print it or feed it back. Maps
//! keep all kinds of keys, which the attributes of a request do not have.

use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::map::Table;
use super::val::{TypeName, Val};
use super::network;
use crate::{Attributes, Risk, Value};

/// Any value of the condition language.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Datum {
    /// No value.
    Null,
    /// A truth value.
    Bool(bool),
    /// A signed integer.
    Int(i64),
    /// An unsigned integer.
    Uint(u64),
    /// An IEEE 754 double.
    Double(f64),
    /// Unicode text.
    String(String),
    /// Bytes.
    Bytes(Vec<u8>),
    /// A point in time.
    Timestamp(DateTime<Utc>),
    /// A signed span of time.
    Duration(TimeDelta),
    /// A level of risk.
    Risk(Risk),
    /// An ordered list.
    List(Vec<Datum>),
    /// Keys with values, in the order in which they were written.
    Map(Vec<(Datum, Datum)>),
    /// A value that may be missing.
    Optional(Option<Box<Datum>>),
    /// A type, by its name.
    Type(String),
    /// An IP address, as text.
    Ip(String),
    /// An IP address with its prefix length, as text.
    Cidr(String),
}

impl Datum {
    /// Borrows the datum as a value to compute with. A map whose keys are no map's keys is empty.
    pub(super) fn val(&self) -> Val<'_> {
        match self {
            Self::Null => Val::Null,
            Self::Bool(value) => Val::Bool(*value),
            Self::Int(value) => Val::Int(*value),
            Self::Uint(value) => Val::Uint(*value),
            Self::Double(value) => Val::Double(*value),
            Self::String(value) => Val::Str(value),
            Self::Bytes(value) => Val::Bytes(value),
            Self::Timestamp(value) => Val::Timestamp(*value),
            Self::Duration(value) => Val::Duration(value.num_nanoseconds().unwrap_or(i64::MAX)),
            Self::Risk(value) => Val::Risk(*value),
            Self::List(items) => Val::List(items.iter().map(Self::val).collect()),
            Self::Map(entries) => {
                let entries = entries.iter().map(|(key, value)| (key.val(), value.val())).collect();
                Val::Table(Arc::new(Table::new(entries).unwrap_or_default()))
            }
            Self::Optional(inner) => Val::Optional(inner.as_ref().map(|inner| Arc::new(inner.val()))),
            Self::Type(name) => Val::Type(TypeName(super::names::type_constant(name).unwrap_or("type"))),
            Self::Ip(text) => network::parse_ip(text).map_or(Val::Null, Val::Ip),
            Self::Cidr(text) => network::parse_cidr(text).map_or(Val::Null, Val::Cidr),
        }
    }
}

impl From<&Val<'_>> for Datum {
    fn from(val: &Val<'_>) -> Self {
        match val {
            Val::Null => Self::Null,
            Val::Bool(value) => Self::Bool(*value),
            Val::Int(value) => Self::Int(*value),
            Val::Uint(value) => Self::Uint(*value),
            Val::Double(value) => Self::Double(*value),
            Val::Risk(value) => Self::Risk(*value),
            Val::Str(text) => Self::String((*text).to_owned()),
            Val::Text(text) => Self::String(text.as_ref().to_owned()),
            Val::Bytes(bytes) => Self::Bytes(bytes.to_vec()),
            Val::Blob(bytes) => Self::Bytes(bytes.to_vec()),
            Val::Timestamp(value) => Self::Timestamp(*value),
            Val::Duration(nanoseconds) => Self::Duration(TimeDelta::nanoseconds(*nanoseconds)),
            Val::Values(items) => Self::List(items.iter().map(Self::from).collect()),
            Val::Slice(items) => Self::List(items.iter().map(Self::from).collect()),
            Val::List(items) => Self::List(items.iter().map(Self::from).collect()),
            Val::Attributes(map) => Self::from(*map),
            Val::TableRef(table) => Self::from(*table),
            Val::Table(table) => Self::from(table.as_ref()),
            Val::Optional(inner) => Self::Optional(inner.as_ref().map(|inner| Box::new(Self::from(inner.as_ref())))),
            Val::Type(name) => Self::Type(name.0.to_owned()),
            Val::Ip(address) => Self::Ip(address.to_string()),
            Val::Cidr(cidr) => Self::Cidr(cidr.to_string()),
        }
    }
}

impl From<&Table<'_>> for Datum {
    fn from(table: &Table<'_>) -> Self {
        Self::Map(table.entries().iter().map(|(key, value)| (key.into(), value.into())).collect())
    }
}

impl From<&Attributes> for Datum {
    fn from(map: &Attributes) -> Self {
        Self::Map(map.iter().map(|(key, value)| (Self::String(key.to_owned()), value.into())).collect())
    }
}

impl From<&Value> for Datum {
    fn from(value: &Value) -> Self {
        Self::from(&Val::of(value))
    }
}
