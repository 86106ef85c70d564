//! Which rules a request can concern.
//!
//! Finds the rules whose conditions may come out as anything but false, by the tests that they demand, so that
//! a decision evaluates those alone. A rule that would fail is found too: an attribute that cannot be read
//! meets every demand. For each rule the demand that fewest other rules share is kept.

mod choose;
mod found;
mod table;

use std::fmt;

pub(crate) use self::found::Candidates;
use self::table::{Other, Others, Table, hash, last_bits};
use super::compile::{Rule, Rules};
use crate::cel::{Input, Seen, Slot};

/// The kinds of rules, in the order of their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Risk,
    Forbid,
    Emergency,
    Hold,
    Zone,
    Review,
}

/// All rules of a policy by what they demand.
pub(crate) struct Index {
    /// The first number of each kind, and the count of all.
    starts: [u32; 7],
    /// Rules that any request can concern.
    always: Box<[u32]>,
    slots: Box<[SlotIndex]>,
    /// The attributes whose texts are compared before a rule is looked at.
    others: Vec<Slot>,
    table: Table,
}

/// The rules that are found by one attribute.
#[derive(Debug)]
struct SlotIndex {
    slot: Slot,
    /// All of them, for a value that cannot be read.
    all: Box<[u32]>,
    /// Those that an absent value concerns.
    absent: Box<[u32]>,
    /// Those that any value concerns.
    present: Box<[u32]>,
    yes: Box<[u32]>,
    no: Box<[u32]>,
    /// Which kinds of keys there are.
    by_text: bool,
    by_element: bool,
    by_flag: bool,
    /// The lengths of prefixes that are keys, as bits of [`PREFIX_LENGTHS`].
    prefixes: u8,
}

/// What a rule is found by: one of the keys, and other texts that it demands, the rarest first.
struct Choice {
    keys: Vec<Key>,
    others: Vec<(Slot, u64)>,
}

/// One test of one attribute.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Key {
    slot: Slot,
    test: Test,
    /// Whether an absent value makes the rule false.
    guarded: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Test {
    /// The hash of a text.
    Text(u64),
    /// The hash of a prefix, and its place in [`PREFIX_LENGTHS`].
    Prefix(u64, u8),
    /// The hash of an element.
    Element(u64),
    Flag(bool),
    Present,
}

impl Index {
    pub(crate) fn new(rules: &Rules) -> Self {
        let kinds: [Vec<&Rule>; 6] = [
            rules.risks.iter().map(|(rule, _)| rule).collect(),
            rules.forbids.iter().collect(),
            rules.emergencies.iter().map(|rule| &rule.rule).collect(),
            rules.holds.iter().collect(),
            rules.zones.iter().map(|zone| &zone.rule).collect(),
            rules.reviews.iter().map(|review| &review.rule).collect(),
        ];
        let mut starts = [0; 7];
        let mut count = 0;
        for (kind, start) in kinds.iter().zip(starts.iter_mut().skip(1)) {
            count = number(kind.len()).saturating_add(count);
            *start = count;
        }
        let all: Vec<&Rule> = kinds.into_iter().flatten().collect();
        Self::of(starts, choose::keys(&all))
    }

    /// Builds the index from what each rule is found by.
    fn of(starts: [u32; 7], choices: Vec<Option<Choice>>) -> Self {
        let (mut always, mut pairs, mut found, mut slots_of_others) =
            (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for (rule, choice) in choices.into_iter().enumerate() {
            let rule = number(rule);
            let Some(Choice { keys, others }) = choice else {
                always.push(rule);
                continue;
            };
            let mut known = others.into_iter().filter_map(|(slot, hash)| {
                let place = slots_of_others.iter().position(|known| *known == slot);
                let place = place.unwrap_or(slots_of_others.len());
                if place == slots_of_others.len() && place < MOST_OTHERS {
                    slots_of_others.push(slot);
                }
                let place = u8::try_from(place).ok().filter(|_| place < slots_of_others.len())?;
                Some(Other { rest: last_bits(hash), place })
            });
            let others: Others = [known.next(), known.next()];
            found.extend(keys.into_iter().map(|key| (key.slot, rule, others, key)));
        }
        found.sort_by_key(|(slot, rule, ..)| (*slot, *rule));
        let slots =
            found.chunk_by(|(a, ..), (b, ..)| a == b).filter_map(|keys| SlotIndex::new(keys, &mut pairs));
        let slots = slots.collect();
        Self { starts, always: always.into(), slots, others: slots_of_others, table: Table::new(pairs) }
    }

    /// Finds the rules that a request can concern.
    pub(crate) fn candidates(&self, inputs: &[Input<'_>]) -> Candidates {
        let mut found = Candidates::new(self.starts);
        found.extend(&self.always);
        let seen = |slot: Slot| inputs.get(slot.index()).map_or(Seen::Absent, Input::seen);
        let mut others = [None; MOST_OTHERS];
        for (place, slot) in others.iter_mut().zip(&self.others) {
            if let Seen::Text(text) = seen(*slot) {
                *place = Some(last_bits(whole(*slot, text.as_bytes())));
            }
        }
        let lookup = Lookup { table: &self.table, others };
        for slot in &self.slots {
            slot.candidates(seen(slot.slot), &lookup, &mut found);
        }
        found.sort();
        found
    }

    /// Names every rule, as if nothing were known of their conditions.
    pub(crate) fn everything(&self) -> Candidates {
        let mut found = Candidates::new(self.starts);
        let [.., count] = self.starts;
        (0..count).for_each(|rule| found.push(rule));
        found
    }
}

/// The table, and what a request has at the other attributes.
struct Lookup<'i> {
    table: &'i Table,
    others: [Option<u32>; MOST_OTHERS],
}

impl Lookup<'_> {
    /// Finds the rules of a key whose other demands are met. What cannot be read meets it.
    fn take(&self, hash: u64, found: &mut Candidates) {
        for entry in self.table.find(hash) {
            let met = |other: &Other| {
                let seen = self.others.get(usize::from(other.place)).copied().flatten();
                seen.is_none_or(|rest| rest == other.rest)
            };
            if entry.others.iter().flatten().all(met) {
                found.push(entry.rule);
            }
        }
    }
}

impl SlotIndex {
    fn new(keys: &[(Slot, u32, Others, Key)], pairs: &mut Vec<(u64, u32, Others)>) -> Option<Self> {
        let (slot, ..) = *keys.first()?;
        let rules = |wanted: &dyn Fn(&Key) -> bool| {
            let mut rules: Vec<u32> =
                keys.iter().filter(|(.., key)| wanted(key)).map(|(_, rule, ..)| *rule).collect();
            rules.dedup();
            rules.into_boxed_slice()
        };
        let mut index = Self {
            slot,
            all: rules(&|_| true),
            absent: rules(&|key| !key.guarded),
            present: rules(&|key| key.test == Test::Present),
            yes: rules(&|key| key.test == Test::Flag(true)),
            no: rules(&|key| key.test == Test::Flag(false)),
            by_text: false,
            by_element: false,
            by_flag: false,
            prefixes: 0,
        };
        for (_, rule, others, key) in keys {
            match key.test {
                Test::Text(hash) => {
                    index.by_text = true;
                    pairs.push((hash, *rule, *others));
                }
                Test::Prefix(hash, length) => {
                    index.by_text = true;
                    index.prefixes |= 1_u8.checked_shl(length.into()).unwrap_or(0);
                    pairs.push((hash, *rule, *others));
                }
                Test::Element(hash) => {
                    index.by_element = true;
                    pairs.push((hash, *rule, *others));
                }
                Test::Flag(_) => index.by_flag = true,
                Test::Present => {}
            }
        }
        Some(index)
    }

    /// A value that is not of the kind that the keys are about may make a rule fail, so it finds all.
    fn candidates(&self, seen: Seen<'_>, lookup: &Lookup<'_>, found: &mut Candidates) {
        match seen {
            Seen::Absent => found.extend(&self.absent),
            Seen::Text(text) if !self.by_element && !self.by_flag => {
                found.extend(&self.present);
                if self.by_text {
                    self.texts(text.as_bytes(), lookup, found);
                }
            }
            Seen::Flag(flag) if !self.by_text && !self.by_element => {
                found.extend(&self.present);
                found.extend(if flag { &self.yes } else { &self.no });
            }
            Seen::Items(items) if !self.by_text && !self.by_flag => {
                found.extend(&self.present);
                if self.by_element {
                    let texts = items.iter().filter_map(crate::Value::as_str);
                    texts.for_each(|text| lookup.take(element(self.slot, text), found));
                }
            }
            Seen::Names(map) if !self.by_text && !self.by_flag => {
                found.extend(&self.present);
                if self.by_element {
                    map.iter().for_each(|(name, _)| lookup.take(element(self.slot, name), found));
                }
            }
            _ => found.extend(&self.all),
        }
    }

    fn texts(&self, text: &[u8], lookup: &Lookup<'_>, found: &mut Candidates) {
        lookup.take(whole(self.slot, text), found);
        for (place, length) in PREFIX_LENGTHS.into_iter().enumerate() {
            let bit = u32::try_from(place).ok().and_then(|place| 1_u8.checked_shl(place)).unwrap_or(0);
            if self.prefixes & bit != 0
                && let Some(start) = text.get(..length)
            {
                lookup.take(prefix(self.slot, start), found);
            }
        }
    }
}

impl fmt::Debug for Index {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { starts, always, slots, others, table } = self;
        let slots: Vec<Slot> = slots.iter().map(|slot| slot.slot).collect();
        formatter
            .debug_struct("Index")
            .field("starts", starts)
            .field("always", &always.len())
            .field("slots", &slots)
            .field("others", others)
            .field("table", table)
            .finish()
    }
}

fn whole(slot: Slot, text: &[u8]) -> u64 {
    hash(salt(slot, 0), text)
}

fn prefix(slot: Slot, text: &[u8]) -> u64 {
    hash(salt(slot, 1), text)
}

fn element(slot: Slot, text: &str) -> u64 {
    hash(salt(slot, 2), text.as_bytes())
}

fn salt(slot: Slot, kind: u64) -> u64 {
    u64::try_from(slot.index()).unwrap_or(u64::MAX).saturating_mul(4).saturating_add(kind)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

/// Prefixes are cut to one of these lengths, in bytes: a text is looked up once for each that is in use.
const PREFIX_LENGTHS: [usize; 7] = [1, 2, 4, 8, 16, 32, 64];

/// Attributes whose texts are compared before a rule is looked at: an action, an environment, and room.
const MOST_OTHERS: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cel::{Environment, Type};

    /// The checker sees to it that a rule guards what may be absent. Were there one that does not, it would fail.
    #[test]
    fn rule_that_reads_what_is_absent_is_found_unless_a_guard_makes_it_false() {
        let slot = Environment::new().declare("resource.name", Type::String);
        let rule =
            |test, guarded| Some(Choice { keys: vec![Key { slot, test, guarded }], others: Vec::new() });
        let text = Test::Text(whole(slot, b"a"));
        let index = Index::of(
            [0, 4, 4, 4, 4, 4, 4],
            vec![
                rule(text, false),
                rule(text, true),
                rule(Test::Present, true),
                rule(Test::Flag(true), false),
            ],
        );
        let found = |input| {
            let all: Vec<u32> = (0..4).collect();
            let candidates = index.candidates(&[input]);
            candidates.pick(Kind::Risk, &all).copied().collect::<Vec<u32>>()
        };
        assert_eq!(found(Input::Absent), [0, 3]);
        assert_eq!(found(Input::Unknown), [0, 1, 2, 3]);
    }
}
