//! Finding the few rules that could cover another.
//!
//! A rule that matches wherever another does must be content with what the other demands. So rules are found
//! by one thing that they demand, the rarest, among the things that the other one fixes. Rules without any such
//! demand are compared with all, as far as the work that is left allows.

use std::collections::BTreeMap;

use super::solve::Key;
use crate::cel::{Place, Shape, What};

/// Rules by what they demand. Each is known by a number of the caller's.
#[derive(Debug, Default)]
pub(super) struct Index<'p> {
    by_key: BTreeMap<Key<'p>, Vec<usize>>,
    /// Rules that demand nothing that can be looked up.
    loose: Vec<usize>,
}

impl<'p> Index<'p> {
    pub(super) fn new<'s>(shapes: impl Iterator<Item = (usize, &'s Shape<'p>)> + Clone) -> Self
    where
        'p: 's,
    {
        let mut often: BTreeMap<Key<'p>, usize> = BTreeMap::new();
        for (_, shape) in shapes.clone() {
            for key in demands(shape).into_iter().flatten() {
                let count = often.entry(key).or_default();
                *count = count.saturating_add(1);
            }
        }
        let mut index = Self::default();
        for (number, shape) in shapes {
            let cost = |keys: &Vec<Key<'p>>| {
                keys.iter()
                    .filter_map(|key| often.get(key))
                    .fold(0, |sum: usize, count| sum.saturating_add(*count))
            };
            match demands(shape).into_iter().min_by_key(cost) {
                Some(keys) => {
                    keys.into_iter().for_each(|key| index.by_key.entry(key).or_default().push(number));
                }
                None => index.loose.push(number),
            }
        }
        index
    }

    /// The rules that could hold wherever all of these facts do.
    pub(super) fn candidates<'i>(
        &'i self,
        facts: impl Iterator<Item = Key<'p>> + 'i,
    ) -> impl Iterator<Item = usize> + 'i {
        facts.filter_map(|key| self.by_key.get(&key)).flatten().chain(&self.loose).copied()
    }
}

/// What a condition demands: of each inner list one must be a fact.
fn demands<'p>(shape: &Shape<'p>) -> Vec<Vec<Key<'p>>> {
    match shape {
        Shape::All(parts) => parts.iter().flat_map(demands).collect(),
        Shape::Test(test) if test.holds => {
            let Place::Slot(slot) = test.of else { return Vec::new() };
            match &test.what {
                What::OneOf(texts) if texts.len() <= TEXTS => {
                    vec![texts.iter().map(|text| Key::Text(slot, text)).collect()]
                }
                What::Has(text) => vec![vec![Key::Has(slot, text)]],
                What::True => vec![vec![Key::True(slot)]],
                What::Present => vec![vec![Key::Present(slot)]],
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    }
}

/// Texts of one demand up to which a rule is entered under each.
const TEXTS: usize = 32;
