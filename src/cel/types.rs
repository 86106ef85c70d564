//! Types of the condition language.
//!
//! Says which type an attribute or an expression has and how the vocabulary writes it: `string`,
//! `list<string>`, `map<string, int>`, `dyn`. Refuses notation that is nested deeper than values may be.
//! `dyn` is a type only where someone wrote it: nothing else is left untyped.

use std::fmt;
use std::str::FromStr;

use crate::limits;

/// The type of an attribute or of an expression.
///
/// ```
/// use countersign::cel::Type;
///
/// let groups: Type = "list<string>".parse().unwrap();
/// assert_eq!(groups, Type::List(Box::new(Type::String)));
/// assert_eq!(groups.to_string(), "list<string>");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// The type of `null`.
    Null,
    /// A truth value.
    Bool,
    /// A signed integer of 64 bits.
    Int,
    /// An unsigned integer of 64 bits.
    Uint,
    /// An IEEE 754 double.
    Double,
    /// Unicode text.
    String,
    /// Bytes.
    Bytes,
    /// A point in time, from year 1 to 9999.
    Timestamp,
    /// A signed span of time, in nanoseconds of 64 bits.
    Duration,
    /// The risk of an action; `LOW`, `MEDIUM`, `HIGH` and `CRITICAL` are its constants.
    Risk,
    /// Any type, judged when a condition runs.
    Dyn,
    /// An ordered list.
    List(Box<Self>),
    /// Keys with values.
    Map(Box<Self>, Box<Self>),
    /// A value that may be missing.
    Optional(Box<Self>),
    /// The type of types, such as `type(1)` has.
    Type,
    /// An IP address.
    Ip,
    /// An IP address with the length of its network prefix.
    Cidr,
}

/// Why a text is no type.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TypeError {
    /// No type has this name.
    #[error("unknown type `{}`, expected one of {NAMES}", found.escape_debug())]
    Unknown {
        /// The name found.
        found: String,
    },
    /// The notation ends too early or goes on too long.
    #[error("type is not complete, expected the form `map<string, int>`")]
    Malformed,
    /// A list of lists of lists … beyond the bound.
    #[error("type is nested deeper than {}", limits::VALUE_DEPTH)]
    Depth,
}

impl Type {
    /// Makes the type of a list.
    #[must_use]
    pub fn list(element: Self) -> Self {
        Self::List(Box::new(element))
    }

    /// Makes the type of a map.
    #[must_use]
    pub fn map(key: Self, value: Self) -> Self {
        Self::Map(Box::new(key), Box::new(value))
    }

    /// Makes the type of a value that may be missing.
    #[must_use]
    pub fn optional(value: Self) -> Self {
        Self::Optional(Box::new(value))
    }

    pub(super) fn is_dyn(&self) -> bool {
        matches!(self, Self::Dyn)
    }

    pub(super) fn is_number(&self) -> bool {
        matches!(self, Self::Int | Self::Uint | Self::Double)
    }

    /// Says whether values of the two types can be equal. Numbers of all types compare by value.
    pub(super) fn comparable(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Dyn, _) | (_, Self::Dyn) => true,
            (Self::List(left), Self::List(right)) | (Self::Optional(left), Self::Optional(right)) => {
                left.comparable(right)
            }
            (Self::Map(left_key, left), Self::Map(right_key, right)) => {
                left_key.comparable(right_key) && left.comparable(right)
            }
            _ => self == other || (self.is_number() && other.is_number()),
        }
    }

    /// Finds the type that covers both.
    pub(super) fn join(self, other: &Self) -> Self {
        match (self, other) {
            (left, right) if left == *right => left,
            (Self::List(left), Self::List(right)) => Self::list(left.join(right)),
            (Self::Map(left_key, left), Self::Map(right_key, right)) => {
                Self::map(left_key.join(right_key), left.join(right))
            }
            (Self::Optional(left), Self::Optional(right)) => Self::optional(left.join(right)),
            _ => Self::Dyn,
        }
    }

    fn plain(name: &str) -> Option<Self> {
        Some(match name {
            "null" => Self::Null,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "uint" => Self::Uint,
            "double" => Self::Double,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "timestamp" => Self::Timestamp,
            "duration" => Self::Duration,
            "risk" => Self::Risk,
            "dyn" => Self::Dyn,
            "list" => Self::list(Self::Dyn),
            "map" => Self::map(Self::Dyn, Self::Dyn),
            "type" => Self::Type,
            "ip" => Self::Ip,
            "cidr" => Self::Cidr,
            _ => return None,
        })
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Null => "null",
            Self::Bool => "bool",
            Self::Int => "int",
            Self::Uint => "uint",
            Self::Double => "double",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Timestamp => "timestamp",
            Self::Duration => "duration",
            Self::Risk => "risk",
            Self::Dyn => "dyn",
            Self::Type => "type",
            Self::Ip => "ip",
            Self::Cidr => "cidr",
            Self::List(element) => return write!(formatter, "list<{element}>"),
            Self::Map(key, value) => return write!(formatter, "map<{key}, {value}>"),
            Self::Optional(value) => return write!(formatter, "optional<{value}>"),
        })
    }
}

impl FromStr for Type {
    type Err = TypeError;

    /// Reads a type as the vocabulary writes it.
    ///
    /// # Errors
    ///
    /// [`TypeError::Unknown`], [`TypeError::Malformed`] or [`TypeError::Depth`].
    fn from_str(text: &str) -> Result<Self, TypeError> {
        let (found, rest) = read(text, 0)?;
        if rest.trim().is_empty() { Ok(found) } else { Err(TypeError::Malformed) }
    }
}

fn read(text: &str, depth: usize) -> Result<(Type, &str), TypeError> {
    if depth > limits::VALUE_DEPTH {
        return Err(TypeError::Depth);
    }
    let text = text.trim_start();
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric()).unwrap_or(text.len());
    let (name, rest) = text.split_at_checked(end).ok_or(TypeError::Malformed)?;
    let Some(inner) = rest.trim_start().strip_prefix('<') else {
        let found = Type::plain(name).ok_or_else(|| unknown(text, name))?;
        return Ok((found, rest));
    };
    let deeper = depth.saturating_add(1);
    let (first, rest) = match name {
        "list" | "map" | "optional" => read(inner, deeper)?,
        _ => return Err(unknown(text, name)),
    };
    let (found, rest) = match name {
        "list" => (Type::list(first), rest),
        "optional" => (Type::optional(first), rest),
        _ => {
            let after = rest.trim_start().strip_prefix(',').ok_or(TypeError::Malformed)?;
            let (second, rest) = read(after, deeper)?;
            (Type::map(first, second), rest)
        }
    };
    let rest = rest.trim_start().strip_prefix('>').ok_or(TypeError::Malformed)?;
    Ok((found, rest))
}

fn unknown(text: &str, name: &str) -> TypeError {
    if text.is_empty() {
        return TypeError::Malformed;
    }
    let found = if name.is_empty() { text } else { name };
    TypeError::Unknown { found: found.chars().take(64).collect() }
}

const NAMES: &str = "bool, int, uint, double, string, bytes, timestamp, duration, ip, cidr, \
                     list<…>, map<…, …>, dyn";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notation_is_read_and_printed() {
        for text in ["string", "list<string>", "map<string, list<int>>", "optional<dyn>", "risk", "ip"] {
            assert_eq!(text.parse::<Type>().unwrap().to_string(), text);
        }
        assert_eq!("list".parse(), Ok(Type::list(Type::Dyn)));
        assert_eq!(" map < string , int > ".parse(), Ok(Type::map(Type::String, Type::Int)));
    }

    #[test]
    fn foreign_notation_is_refused() {
        for text in
            ["", "list<", "list<int", "map<string>", "string int", "int>", "<int>", "string<int>", "str"]
        {
            assert!(text.parse::<Type>().is_err(), "{text}");
        }
        let deep = format!("{}int{}", "list<".repeat(9), ">".repeat(9));
        assert_eq!(deep.parse::<Type>(), Err(TypeError::Depth));
        assert_eq!(
            "strng".parse::<Type>().unwrap_err().to_string(),
            "unknown type `strng`, expected one of bool, int, uint, double, string, bytes, timestamp, duration, \
             ip, cidr, list<…>, map<…, …>, dyn"
        );
    }
}
