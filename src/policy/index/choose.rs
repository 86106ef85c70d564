//! By which of its demands a rule is found.
//!
//! Of tests that must all hold one suffices: that which fewest rules share. Of alternatives each needs one.

use super::{Choice, Key, PREFIX_LENGTHS, Test, element, prefix, whole};
use crate::cel::{Demand, Slot};
use crate::policy::compile::Rule;

/// Chooses what each rule is found by; `None` where any request can concern it.
pub(super) fn keys(rules: &[&Rule]) -> Vec<Option<Choice>> {
    let demands: Vec<Vec<Demand<'_>>> = rules.iter().map(|rule| rule.when.demands()).collect();
    let mut shared = Shared::new(demands.len());
    for demands in &demands {
        shared.count(demands);
    }
    let choice = |demands: &Vec<Demand<'_>>| {
        let Cover { keys, .. } = shared.choose(demands, &[])?;
        let others = shared.others(demands, &keys);
        Some(Choice { keys, others })
    };
    demands.iter().map(choice).collect()
}

/// How many rules have a key: counted by a part of its hash, so now and then one is thought too common.
struct Shared {
    counts: Vec<u32>,
}

/// Keys of which a request meets one, and how many rules share them.
struct Cover {
    keys: Vec<Key>,
    weight: u64,
}

impl Shared {
    fn new(rules: usize) -> Self {
        Self { counts: vec![0; rules.saturating_mul(16).next_power_of_two().clamp(256, 1 << 20)] }
    }

    fn count(&mut self, demands: &[Demand<'_>]) {
        for demand in demands {
            match demand {
                Demand::Any(alternatives) => alternatives.iter().for_each(|demands| self.count(demands)),
                _ => each_test(demand, |slot, test| {
                    let place = self.place(slot, test);
                    if let Some(count) = self.counts.get_mut(place) {
                        *count = count.saturating_add(1);
                    }
                }),
            }
        }
    }

    fn place(&self, slot: Slot, test: Test) -> usize {
        let mixed = match test {
            Test::Text(hash) | Test::Prefix(hash, _) | Test::Element(hash) => hash,
            Test::Flag(flag) => whole(slot, &[u8::from(flag)]).rotate_left(7),
            Test::Present => whole(slot, b"").rotate_left(9),
        };
        let mask = u64::try_from(self.counts.len()).unwrap_or(1).saturating_sub(1);
        usize::try_from(mixed & mask).unwrap_or(0)
    }

    fn weight(&self, slot: Slot, test: Test) -> u64 {
        self.counts.get(self.place(slot, test)).copied().unwrap_or(u32::MAX).into()
    }

    /// Lists the texts, of other attributes than the keys', that a rule demands: first what fewest rules do.
    fn others(&self, demands: &[Demand<'_>], keys: &[Key]) -> Vec<(Slot, u64)> {
        let texts = demands.iter().filter_map(|demand| match demand {
            Demand::OneOf(slot, texts) => match texts.as_slice() {
                [text] if keys.iter().all(|key| key.slot != *slot) => {
                    Some((*slot, whole(*slot, text.as_bytes())))
                }
                _ => None,
            },
            _ => None,
        });
        let mut texts: Vec<_> = texts.collect();
        texts.sort_by_key(|(slot, hash)| self.weight(*slot, Test::Text(*hash)));
        texts
    }

    /// Chooses among demands that must all be met.
    fn choose(&self, demands: &[Demand<'_>], outer: &[Slot]) -> Option<Cover> {
        let present = demands.iter().filter_map(|demand| match demand {
            Demand::Present(slot) => Some(*slot),
            _ => None,
        });
        let guarded: Vec<Slot> = present.chain(outer.iter().copied()).collect();
        demands.iter().filter_map(|demand| self.cover(demand, &guarded)).min_by_key(|cover| cover.weight)
    }

    /// Keys of which each request meets one that meets the demand.
    fn cover(&self, demand: &Demand<'_>, guarded: &[Slot]) -> Option<Cover> {
        let mut cover = Cover { keys: Vec::new(), weight: 0 };
        if let Demand::Any(alternatives) = demand {
            for demands in alternatives {
                let part = self.choose(demands, guarded)?;
                cover.weight = cover.weight.saturating_add(part.weight);
                cover.keys.extend(part.keys);
            }
        } else {
            each_test(demand, |slot, test| {
                cover.weight = cover.weight.saturating_add(self.weight(slot, test));
                let guarded = test == Test::Present || guarded.contains(&slot);
                cover.keys.push(Key { slot, test, guarded });
            });
            // A demand that every text meets has no key.
            if cover.keys.is_empty() {
                return None;
            }
        }
        (cover.keys.len() <= MOST_KEYS).then_some(cover)
    }
}

fn each_test(demand: &Demand<'_>, mut look: impl FnMut(Slot, Test)) {
    match demand {
        Demand::OneOf(slot, texts) => {
            texts.iter().for_each(|text| look(*slot, Test::Text(whole(*slot, text.as_bytes()))));
        }
        Demand::StartsWith(slot, start) => {
            let fitting =
                PREFIX_LENGTHS.iter().zip(0_u8..).take_while(|(length, _)| **length <= start.len()).last();
            if let Some((start, place)) =
                fitting.and_then(|(length, place)| Some((start.as_bytes().get(..*length)?, place)))
            {
                look(*slot, Test::Prefix(prefix(*slot, start), place));
            }
        }
        Demand::Has(slot, text) => look(*slot, Test::Element(element(*slot, text))),
        Demand::True(slot) => look(*slot, Test::Flag(true)),
        Demand::False(slot) => look(*slot, Test::Flag(false)),
        Demand::Present(slot) => look(*slot, Test::Present),
        Demand::Any(_) => {}
    }
}

/// Keys of one rule: a list of ids longer than this is looked through instead.
const MOST_KEYS: usize = 256;
