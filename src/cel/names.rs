//! Names that belong to the language.
//!
//! Type names, the levels of risk, and the words that no attribute can have. A declared attribute with such a
//! name comes first, except for the words.

use super::val::{TypeName, Val};
use crate::Risk;

/// The value of a name that every condition knows.
pub(super) fn constant(name: &str) -> Option<Val<'static>> {
    Some(match name {
        "LOW" => Val::Risk(Risk::Low),
        "MEDIUM" => Val::Risk(Risk::Medium),
        "HIGH" => Val::Risk(Risk::High),
        "CRITICAL" => Val::Risk(Risk::Critical),
        _ => Val::Type(TypeName(type_constant(name)?)),
    })
}

/// The name of a type as the language prints it.
pub(super) fn type_constant(name: &str) -> Option<&'static str> {
    TYPES.iter().find(|known| **known == name).copied()
}

/// Says whether a name means something in every condition.
pub(crate) fn is_word(name: &str) -> bool {
    constant(name).is_some() || super::functions::namespaces(name)
}

/// Words that cannot be a name of their own, though they can follow a point.
pub(super) const RESERVED: [&str; 21] = [
    "as",
    "break",
    "const",
    "continue",
    "else",
    "for",
    "function",
    "if",
    "import",
    "in",
    "let",
    "loop",
    "package",
    "namespace",
    "return",
    "true",
    "false",
    "null",
    "var",
    "void",
    "while",
];

const TYPES: [&str; 16] = [
    "bool",
    "int",
    "uint",
    "double",
    "string",
    "bytes",
    "list",
    "map",
    "null_type",
    "type",
    "google.protobuf.Timestamp",
    "google.protobuf.Duration",
    "optional_type",
    "net.IP",
    "net.CIDR",
    "risk",
];
