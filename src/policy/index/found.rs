//! The rules that a request can concern, by kind and in document order.

use super::Kind;

/// Numbers of rules. Those of one request fit where they stand; more are kept on the heap.
#[derive(Debug)]
pub(crate) struct Candidates {
    starts: [u32; 7],
    few: [u32; FEW],
    count: usize,
    many: Vec<u32>,
}

impl Candidates {
    pub(super) fn new(starts: [u32; 7]) -> Self {
        Self { starts, few: [0; FEW], count: 0, many: Vec::new() }
    }

    pub(super) fn extend(&mut self, rules: &[u32]) {
        rules.iter().for_each(|rule| self.push(*rule));
    }

    pub(super) fn push(&mut self, rule: u32) {
        if !self.many.is_empty() {
            self.many.push(rule);
        } else if let Some(place) = self.few.get_mut(self.count) {
            *place = rule;
            self.count = self.count.saturating_add(1);
        } else {
            self.many.extend(self.few);
            self.many.push(rule);
        }
    }

    /// Puts the numbers in order and drops those that stand twice.
    pub(super) fn sort(&mut self) {
        if self.many.is_empty() {
            let few = self.few.get_mut(..self.count).unwrap_or_default();
            few.sort_unstable();
            let (mut kept, mut last) = (0, None);
            for place in 0..few.len() {
                let rule = few.get(place).copied();
                if rule != last {
                    few.swap(kept, place);
                    kept = kept.saturating_add(1);
                    last = rule;
                }
            }
            self.count = kept;
        } else {
            self.many.sort_unstable();
            self.many.dedup();
        }
    }

    fn rules(&self) -> &[u32] {
        if self.many.is_empty() { self.few.get(..self.count).unwrap_or_default() } else { &self.many }
    }

    /// Picks the rules of a kind out of all of that kind.
    pub(crate) fn pick<'r, T>(
        &'r self,
        kind: Kind,
        all: &'r [T],
    ) -> impl Iterator<Item = &'r T> + use<'r, T> {
        let place = match kind {
            Kind::Risk => 0,
            Kind::Forbid => 1,
            Kind::Emergency => 2,
            Kind::Hold => 3,
            Kind::Zone => 4,
            Kind::Review => 5,
        };
        let start = |place: usize| self.starts.get(place).copied().unwrap_or(u32::MAX);
        let (first, end) = (start(place), start(place.saturating_add(1)));
        let rules = self.rules();
        let from = rules.partition_point(|rule| *rule < first);
        let to = rules.partition_point(|rule| *rule < end);
        let rules = rules.get(from..to).unwrap_or_default();
        rules.iter().filter_map(move |rule| all.get(usize::try_from(rule.checked_sub(first)?).ok()?))
    }
}

/// Enough for the candidates of a request under ten thousand rules that name their service.
const FEW: usize = 64;
