//! Why a condition has no value.
//!
//! An error, an unknown or an exhausted budget. Inside an evaluation a fault is small and names a place;
//! outside it names the text at that place. Nothing turns a failure into a decision that loosens.

use std::fmt;
use std::ops::Range;

use super::diagnostic::{Span, quote};
use super::environment::Slot;

/// Why a condition has no value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Failure {
    /// The condition did something that has no result.
    Error {
        /// What went wrong.
        what: Fault,
        /// The part of the condition that did it.
        at: String,
        /// The bytes of that part in the source.
        span: Range<usize>,
    },
    /// The result hangs on something that nobody can know.
    Unknown {
        /// The attribute that is unknown.
        slot: Slot,
    },
    /// The budget of steps or bytes was used up.
    Exhausted,
}

/// What went wrong in an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// A name that is not declared.
    UnknownName,
    /// A function that does not exist.
    UnknownFunction,
    /// An operator or function that is not defined for the types of its operands.
    NoOverload,
    /// A message literal; there are no message types.
    NoMessage,
    /// An attribute that the request does not have.
    Absent,
    /// A key that the map does not have.
    NoSuchKey,
    /// An index outside the list or text.
    IndexOutOfRange,
    /// A key of a type that no map has.
    KeyType,
    /// A key that stands twice.
    KeyTwice,
    /// A number, timestamp or duration outside its range.
    Overflow,
    /// A division by zero.
    DivideByZero,
    /// Text or bytes that do not stand for the wanted value.
    Malformed,
    /// A regular expression that is no such, or too large.
    Regex,
    /// A time zone that is not known.
    Zone,
    /// An argument that the function refuses.
    Argument,
    /// The value of an optional that has none.
    NoValue,
}

/// A fault on its way out of an evaluation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    Error(Fault, Span),
    Unknown(Slot),
    Exhausted,
}

impl Stop {
    /// Chooses between two faults that meet: exhaustion, then unknown, then the first error.
    pub(super) fn meet(self, other: Option<Self>) -> Self {
        match (self, other) {
            (Self::Exhausted, _) | (_, Some(Self::Exhausted)) => Self::Exhausted,
            (_, Some(Self::Unknown(slot))) => Self::Unknown(slot),
            (Self::Unknown(slot), _) => Self::Unknown(slot),
            (_, Some(first)) => first,
            (first, None) => first,
        }
    }

    pub(super) fn failure(self, source: &str) -> Failure {
        match self {
            Self::Error(what, span) => Failure::Error {
                what,
                at: source.get(span.range()).unwrap_or_default().to_owned(),
                span: span.range(),
            },
            Self::Unknown(slot) => Failure::Unknown { slot },
            Self::Exhausted => Failure::Exhausted,
        }
    }
}

impl Fault {
    fn text(self) -> &'static str {
        match self {
            Self::UnknownName => "unknown name",
            Self::UnknownFunction => "unknown function",
            Self::NoOverload => "not defined for values of these types",
            Self::NoMessage => "there are no message types",
            Self::Absent => "attribute is absent",
            Self::NoSuchKey => "no such key",
            Self::IndexOutOfRange => "index is out of range",
            Self::KeyType => "key is not a bool, int, uint or string",
            Self::KeyTwice => "key stands twice",
            Self::Overflow => "result is out of range",
            Self::DivideByZero => "division by zero",
            Self::Malformed => "text does not stand for such a value",
            Self::Regex => "regular expression is malformed or too large",
            Self::Zone => "unknown time zone",
            Self::Argument => "argument is not allowed",
            Self::NoValue => "optional has no value",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.text())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error { what, at, .. } => write!(formatter, "{what} at {}", quote(at)),
            Self::Unknown { slot } => write!(formatter, "attribute {} is unknown", slot.index()),
            Self::Exhausted => formatter.write_str("budget of steps or bytes is used up"),
        }
    }
}

impl std::error::Error for Failure {}
