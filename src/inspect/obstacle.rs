//! Why a payload was not understood.

/// Why an HTTP call, a change of a flag or a request to a debugger was not understood.
///
/// ```
/// use countersign::inspect::flag;
///
/// let facts = flag::inspect(r#"{"key": "checkout", "to": {"on": true, "percnt": 5}}"#);
/// let obstacle = facts.obstacle().map(ToString::to_string);
/// assert_eq!(obstacle.as_deref(), Some("`percnt` of `to` is not known"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The payload is of another kind.
    #[error("the payload is of another kind")]
    OtherKind,
    /// A bound is exceeded.
    #[error("{what} {found} exceeds the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A part that could be read in two ways, or not at all.
    #[error("{part}: {problem}")]
    Unclear {
        /// The part of the payload.
        part: &'static str,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A name whose meaning is not known.
    #[error("`{}` of {part} is not known", crate::text::quote(.name))]
    Unknown {
        /// The part of the payload that has it.
        part: &'static str,
        /// The name.
        name: String,
    },
}

impl Obstacle {
    pub(super) fn unclear(part: &'static str, problem: &'static str) -> Self {
        Self::Unclear { part, problem }
    }

    pub(super) fn unknown(part: &'static str, name: &str) -> Self {
        Self::Unknown { part, name: name.to_owned() }
    }

    /// Checks that a text or body is within the bound of payloads.
    pub(super) fn check_size(what: &'static str, found: usize) -> Result<(), Self> {
        let limit = crate::limits::PAYLOAD_BYTES;
        if found > limit { Err(Self::TooLarge { what, found, limit }) } else { Ok(()) }
    }
}
