//! Values that an expression gives.
//!
//! Holds any value of the language without borrowing, so that a tool can print it or feed it back. Maps
//! keep all kinds of keys, which the attributes of a request do not have.

use std::ops::ControlFlow;
use std::sync::Arc;

use chrono::{DateTime, TimeDelta, Utc};

use super::budget::{Budget, Trouble};
use super::map::Table;
use super::network;
use super::val::{TypeName, Val};
use crate::Risk;

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

impl Datum {
    /// Copies a value. Parts that are shared are copied each time, so the copy is paid for.
    pub(super) fn of(val: &Val<'_>, budget: &mut Budget) -> Result<Self, Trouble> {
        budget.build_items(1)?;
        if let Some(text) = val.as_str() {
            budget.build(text.len())?;
            return Ok(Self::String(text.to_owned()));
        }
        if let Some(bytes) = val.as_bytes() {
            budget.build(bytes.len())?;
            return Ok(Self::Bytes(bytes.to_vec()));
        }
        if let Some(items) = val.items() {
            return items
                .iter()
                .map(|item| Self::of(&item, budget))
                .collect::<Result<_, _>>()
                .map(Self::List);
        }
        if val.map_len().is_some() {
            return Self::of_map(val, budget);
        }
        Ok(match val {
            Val::Bool(value) => Self::Bool(*value),
            Val::Int(value) => Self::Int(*value),
            Val::Uint(value) => Self::Uint(*value),
            Val::Double(value) => Self::Double(*value),
            Val::Risk(value) => Self::Risk(*value),
            Val::Timestamp(value) => Self::Timestamp(*value),
            Val::Duration(nanoseconds) => Self::Duration(TimeDelta::nanoseconds(*nanoseconds)),
            Val::Optional(Some(inner)) => Self::Optional(Some(Box::new(Self::of(inner, budget)?))),
            Val::Optional(None) => Self::Optional(None),
            Val::Type(name) => Self::Type(name.0.to_owned()),
            Val::Ip(address) => Self::Ip(address.to_string()),
            Val::Cidr(cidr) => Self::Cidr(cidr.to_string()),
            _ => Self::Null,
        })
    }

    fn of_map(map: &Val<'_>, budget: &mut Budget) -> Result<Self, Trouble> {
        let mut entries = Vec::new();
        let walked = map.each(|key, value| {
            match Self::of(&key, budget).and_then(|key| Ok((key, Self::of(&value, budget)?))) {
                Ok(entry) => entries.push(entry),
                Err(trouble) => return ControlFlow::Break(trouble),
            }
            ControlFlow::Continue(())
        });
        match walked {
            Some(ControlFlow::Break(trouble)) => Err(trouble),
            _ => Ok(Self::Map(entries)),
        }
    }
}
