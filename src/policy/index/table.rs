//! Rules by the hash of what they demand.
//!
//! Holds no texts: two keys of one hash share their rules, which costs an evaluation and never hides a
//! rule. Entries are sorted and found through a directory of their first bits, so building takes no longer
//! for keys that somebody chose badly.

use std::fmt;

/// Entries by the hash of their key.
pub(super) struct Table {
    /// Where the entries begin whose hash has these first bits.
    starts: Box<[u32]>,
    entries: Box<[Entry]>,
    shift: u32,
}

/// A rule that is found by a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Entry {
    /// The last bits of the key's hash.
    rest: u32,
    pub(super) rule: u32,
    pub(super) others: Others,
}

/// More texts that a rule demands. They are compared before the rule itself is looked at, which may be far away
/// in memory.
pub(super) type Others = [Option<Other>; 2];

/// The last bits of a text's hash, and which of the index's other attributes it is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Other {
    pub(super) rest: u32,
    pub(super) place: u8,
}

impl Table {
    pub(super) fn new(mut pairs: Vec<(u64, u32, Others)>) -> Self {
        pairs.sort_unstable();
        pairs.dedup();
        let bits = pairs.len().next_power_of_two().trailing_zeros().clamp(1, MOST_BITS);
        let shift = u64::BITS.saturating_sub(bits);
        let buckets = 1_u64.checked_shl(bits).unwrap_or(1);
        let start = |bucket: u64| {
            let place = pairs.partition_point(|(hash, ..)| hash.checked_shr(shift).unwrap_or(0) < bucket);
            u32::try_from(place).unwrap_or(u32::MAX)
        };
        let starts = (0..=buckets).map(start).collect();
        let entry = |(hash, rule, others): &(u64, u32, Others)| Entry {
            rest: last_bits(*hash),
            rule: *rule,
            others: *others,
        };
        let entries = pairs.iter().map(entry).collect();
        Self { starts, entries, shift }
    }

    /// The entries of a key.
    pub(super) fn find(&self, hash: u64) -> impl Iterator<Item = &Entry> {
        let bucket = usize::try_from(hash.checked_shr(self.shift).unwrap_or(0)).unwrap_or(usize::MAX);
        let place = |bucket: usize| self.starts.get(bucket).and_then(|start| usize::try_from(*start).ok());
        let range = place(bucket).unwrap_or(0)..place(bucket.saturating_add(1)).unwrap_or(0);
        let wanted = last_bits(hash);
        let entries = self.entries.get(range).unwrap_or_default();
        entries.iter().filter(move |entry| entry.rest == wanted)
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Table").field("entries", &self.entries.len()).finish_non_exhaustive()
    }
}

/// Hashes a text with what it is a key of: eight bytes at a time, multiplied and turned (as in FxHash), and
/// mixed at the end so that the first bits depend on all of it.
pub(super) fn hash(salt: u64, text: &[u8]) -> u64 {
    let turn = |state: u64, word: u64| (state.rotate_left(23) ^ word).wrapping_mul(MULTIPLIER);
    let mut state = turn(salt, u64::try_from(text.len()).unwrap_or(0));
    let (words, rest) = text.as_chunks::<8>();
    for word in words {
        state = turn(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    for (place, byte) in last.iter_mut().zip(rest) {
        *place = *byte;
    }
    state = turn(state, u64::from_le_bytes(last));
    (state ^ state.rotate_right(32)).wrapping_mul(MULTIPLIER)
}

pub(super) fn last_bits(hash: u64) -> u32 {
    u32::try_from(hash & u64::from(u32::MAX)).unwrap_or(0)
}

/// An odd number whose bits are spread: 2^64 divided by the golden ratio.
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;

/// A directory of half a megabyte.
const MOST_BITS: u32 = 17;
