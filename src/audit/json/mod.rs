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

/// Counts the bytes at the beginning that stand for themselves in a string: no control, `"` or `\\`.
fn plain_length(bytes: &[u8]) -> usize {
    // Eight bytes at a time, by their carries (Lamport, 1975): a string is most of a record.
    let mut chunks = bytes.chunks_exact(8);
    let any_special = |chunk: &[u8]| {
        let word = chunk.try_into().map_or(0, u64::from_le_bytes);
        let below = |word: u64, limit: u64| word.wrapping_sub(limit.wrapping_mul(EACH_BYTE)) & !word;
        let equal = |byte: u64| below(word ^ byte.wrapping_mul(EACH_BYTE), 1);
        (below(word, 0x20) | equal(0x22) | equal(0x5c)) & (0x80 * EACH_BYTE) != 0
    };
    let plain = chunks.by_ref().take_while(|chunk| !any_special(chunk)).count().saturating_mul(8);
    let rest = bytes.get(plain..).unwrap_or_default();
    let special = |byte: &u8| *byte < 0x20 || *byte == b'"' || *byte == b'\\';
    plain.saturating_add(rest.iter().position(special).unwrap_or(rest.len()))
}

const EACH_BYTE: u64 = 0x0101_0101_0101_0101;

const BOUNDS: Bounds = Bounds { depth: limits::RECORD_DEPTH, members: limits::RECORD_MEMBERS };

#[cfg(test)]
mod tests;
