//! JSON of the audit profile: a strict part of RFC 8785.
//!
//! Two programs that read a record must see the same thing, and whoever writes the same thing must
//! write the same bytes. So there are no floats, no integers that a double cannot hold, no duplicate
//! keys and no NUL. What is valid but not canonical (other key order, spaces, needless escapes) can be
//! read and is named as such; everything else is refused.

mod read;
mod scan;
mod write;

use std::cmp::Ordering;

pub(super) use read::canonical;
pub(super) use scan::members;
pub(super) use write::value;

use crate::json::{Bounds, JsonError};
use crate::limits;

/// Why a value or its bytes are not JSON of the audit profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonFault {
    /// Not JSON, a key twice, or out of bounds.
    #[error(transparent)]
    Json(#[from] JsonError),
    /// A number with a fraction or an exponent, minus zero, or an integer beyond ±(2^53 − 1).
    #[error("number `{found}` is not an integer within ±9007199254740991")]
    Number {
        /// The number as it was written, escaped and cut.
        found: String,
    },
    /// A NUL character, which PostgreSQL cannot store.
    #[error("text holds a NUL character")]
    Nul,
    /// More bytes than a record may have.
    #[error("{bytes} bytes, limit is {}", limits::RECORD_BYTES)]
    Size {
        /// How many.
        bytes: usize,
    },
}

/// Orders keys as RFC 8785 does, by their UTF-16 code units. Only characters above U+FFFF sort
/// differently from their UTF-8 bytes.
fn key_order(left: &str, right: &str) -> Ordering {
    if left.is_ascii() && right.is_ascii() {
        left.cmp(right)
    } else {
        left.encode_utf16().cmp(right.encode_utf16())
    }
}

const BOUNDS: Bounds = Bounds { depth: limits::RECORD_DEPTH, members: limits::RECORD_MEMBERS };

#[cfg(test)]
mod tests;
