//! Maps that a condition builds.
//!
//! Keeps entries in the order in which they were written and finds a key in logarithmic time. Keys are
//! booleans, integers and strings; numbers that stand for the same number are one key. Refuses other keys
//! and a key that stands twice.

use std::cmp::Ordering;

use super::numbers::{int_of_double, uint_of_double};
use super::val::Val;

/// A map with the keys of the language.
#[derive(Debug, Clone, Default)]
pub(crate) struct Table<'a> {
    entries: Vec<(Val<'a>, Val<'a>)>,
    /// Indexes of `entries`, in the order of their keys.
    sorted: Vec<u32>,
}

/// Why entries are no map.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyFault {
    Type,
    Twice,
}

impl<'a> Table<'a> {
    pub(super) fn new(entries: Vec<(Val<'a>, Val<'a>)>) -> Result<Self, KeyFault> {
        if entries.iter().any(|(key, _)| Key::of(key).is_none() || matches!(key, Val::Double(_))) {
            return Err(KeyFault::Type);
        }
        let count = u32::try_from(entries.len()).map_err(|_| KeyFault::Type)?;
        let mut sorted: Vec<u32> = (0..count).collect();
        let key = |index: &u32| at(&entries, *index).and_then(|(key, _)| Key::of(key));
        sorted.sort_by(|left, right| key(left).cmp(&key(right)));
        let twice = sorted.windows(2).any(|pair| match pair {
            [left, right] => key(left) == key(right),
            _ => false,
        });
        if twice { Err(KeyFault::Twice) } else { Ok(Self { entries, sorted }) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entries(&self) -> &[(Val<'a>, Val<'a>)] {
        &self.entries
    }

    pub(super) fn get(&self, key: &Val<'_>) -> Option<&Val<'a>> {
        let wanted = Key::of(key)?;
        let found = self.sorted.binary_search_by(|index| {
            let key = at(&self.entries, *index).and_then(|(key, _)| Key::of(key));
            key.map_or(Ordering::Less, |key| key.cmp(&wanted))
        });
        let index = self.sorted.get(found.ok()?)?;
        at(&self.entries, *index).map(|(_, value)| value)
    }
}

/// A key, with numbers of all types on one line.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Key<'k> {
    Bool(bool),
    Number(i128),
    Text(&'k str),
}

impl<'k> Key<'k> {
    fn of(value: &'k Val<'_>) -> Option<Self> {
        Some(match value {
            Val::Bool(flag) => Self::Bool(*flag),
            Val::Int(number) => Self::Number(i128::from(*number)),
            Val::Uint(number) => Self::Number(i128::from(*number)),
            Val::Double(number) if number.fract() == 0.0 => Self::Number(match int_of_double(*number) {
                Some(whole) => i128::from(whole),
                None => i128::from(uint_of_double(*number)?),
            }),
            _ => Self::Text(value.as_str()?),
        })
    }
}

fn at<'v, 'a>(entries: &'v [(Val<'a>, Val<'a>)], index: u32) -> Option<&'v (Val<'a>, Val<'a>)> {
    entries.get(usize::try_from(index).ok()?)
}
