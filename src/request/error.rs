//! What can be wrong with a request.

use crate::payload::PayloadError;

/// What is wrong with a request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RequestError {
    /// More bytes than a request may have.
    #[error("request is {bytes} bytes, limit is {limit}")]
    TooLarge {
        /// The bytes found.
        bytes: usize,
        /// The bound.
        limit: usize,
    },
    /// The text is not JSON, or a key stands twice.
    #[error("request is not JSON at line {line}, column {column}: {problem}")]
    Json {
        /// The line, from 1.
        line: usize,
        /// The column, from 1.
        column: usize,
        /// What the reader found.
        problem: String,
    },
    /// A member that every request has is absent.
    #[error("`{path}` is missing")]
    Missing {
        /// The member's path.
        path: String,
    },
    /// A member is not of the type it must have.
    #[error("`{path}` is {found}, expected {expected}")]
    WrongType {
        /// The member's path.
        path: String,
        /// The type it must have.
        expected: &'static str,
        /// The type found.
        found: &'static str,
    },
    /// A property has the name of a typed member.
    #[error("`{path}` is a reserved name")]
    Reserved {
        /// The property's path.
        path: String,
    },
    /// A name or an id is empty.
    #[error("`{path}` is empty")]
    Empty {
        /// The member's path.
        path: String,
    },
    /// A text, list or map is larger than its bound.
    #[error("`{path}` has {found} {unit}, limit is {limit}")]
    OutOfBounds {
        /// The member's path.
        path: String,
        /// The number found.
        found: usize,
        /// What is counted.
        unit: &'static str,
        /// The bound.
        limit: usize,
    },
    /// A text holds a character that no record can hold.
    #[error("`{path}` holds a control or bidirectional character")]
    BadCharacter {
        /// The member's path.
        path: String,
    },
    /// A time that no record can hold.
    #[error("`{path}` is not within the years 0 to 9999")]
    Year {
        /// The member's path.
        path: String,
    },
    /// A resource stands twice.
    #[error("`{path}` names `{}` twice", crate::text::quote(name))]
    Duplicate {
        /// The member's path.
        path: String,
        /// The resource that stands twice.
        name: String,
    },
    /// The resources of a request are not all of one type.
    #[error(
        "`{path}` has `{}` and `{}`, expected one type",
        crate::text::quote(found),
        crate::text::quote(other)
    )]
    MixedTypes {
        /// The member's path.
        path: String,
        /// A type found.
        found: String,
        /// Another one.
        other: String,
    },
    /// Two members of which a request has one.
    #[error("`resource` and `resources` exclude each other")]
    BothResources,
    /// A payload's member that does not belong to its kind.
    #[error("`{path}` does not belong to this kind of payload")]
    UnknownMember {
        /// The member's path.
        path: String,
    },
    /// A SQL dialect that is not known.
    #[error(
        "unknown dialect `{}`, expected `postgresql`, `mysql`, `sqlite` or `generic`",
        crate::text::quote(name)
    )]
    UnknownDialect {
        /// The name found.
        name: String,
    },
    /// The caller states what only the host can know.
    #[error("`{path}` is not the caller's to state")]
    NotTheCallers {
        /// The member's path.
        path: String,
    },
    /// The payload is out of bounds.
    #[error("`action.payload`: {0}")]
    Payload(#[from] PayloadError),
}
