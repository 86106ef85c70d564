//! Counting approvals.
//!
//! Decides whether votes can be assigned to the seats that a plan asks for, so that each person fills one
//! seat at most, whatever groups they are in. The matching is exact: no order of votes loses a quorum that
//! exists. Work is counted; when the budget is used up, nothing is approved.

/// Who must approve, with the voters who could fill each leaf as a bit set: bit `n` is voter `n`.
#[derive(Debug, Clone)]
pub(super) enum Demand {
    Leaf { count: usize, voters: u64 },
    AtLeast { count: usize, of: Vec<Demand> },
}

/// Finds the voters who fill the seats of all demands together, or `None` while there is no such set.
pub(super) fn fill(demands: &[Demand]) -> Option<Vec<usize>> {
    let mut search = Search { budget: BUDGET };
    let agenda = demands.iter().map(Task::Meet).collect();
    let seats = search.solve(agenda, Seats::default())?;
    Some((0..VOTERS).filter(|voter| seats.holder(*voter).is_some()).collect())
}

struct Search {
    budget: u32,
}

/// What is still to be done.
#[derive(Debug, Clone, Copy)]
enum Task<'d> {
    Meet(&'d Demand),
    /// Meet so many of these.
    Choose(usize, &'d [Demand]),
}

/// An assignment of voters to leaves.
#[derive(Debug, Clone)]
struct Seats {
    /// The voters of each leaf taken on so far.
    leaves: Vec<u64>,
    /// The leaf that each voter fills.
    holders: [Option<u8>; VOTERS],
}

impl Search {
    /// Does every task of the agenda. A combination is met by exactly as many parts as it asks for: more
    /// would only take seats away from others. A chosen part is seated before the next one is chosen, so
    /// that a choice which cannot be seated costs nothing more.
    fn solve<'d>(&mut self, mut agenda: Vec<Task<'d>>, mut seats: Seats) -> Option<Seats> {
        while let Some(task) = agenda.pop() {
            self.budget = self.budget.checked_sub(1)?;
            match task {
                Task::Meet(Demand::Leaf { count, voters }) => {
                    let leaf = u8::try_from(seats.leaves.len()).ok()?;
                    seats.leaves.push(*voters);
                    for _ in 0..*count {
                        self.budget = self.budget.checked_sub(1)?;
                        if !seats.seat(leaf, &mut 0) {
                            return None;
                        }
                    }
                }
                Task::Meet(Demand::AtLeast { count, of }) => agenda.push(Task::Choose(*count, of)),
                Task::Choose(0, _) => {}
                Task::Choose(count, of) if count > of.len() => return None,
                Task::Choose(count, of) => {
                    let (first, rest) = of.split_first()?;
                    let mut with_first = agenda.clone();
                    with_first.extend([Task::Choose(count.saturating_sub(1), rest), Task::Meet(first)]);
                    if let Some(seats) = self.solve(with_first, seats.clone()) {
                        return Some(seats);
                    }
                    agenda.push(Task::Choose(count, rest));
                }
            }
        }
        Some(seats)
    }
}

impl Default for Seats {
    fn default() -> Self {
        Self { leaves: Vec::new(), holders: [None; VOTERS] }
    }
}

impl Seats {
    fn holder(&self, voter: usize) -> Option<u8> {
        self.holders.get(voter).copied().flatten()
    }

    /// Gives a leaf one more voter, moving others to seats they can also fill (Kuhn, 1955).
    fn seat(&mut self, leaf: u8, tried: &mut u64) -> bool {
        let Some(voters) = self.leaves.get(usize::from(leaf)).copied() else { return false };
        for voter in 0..VOTERS {
            let bit = 1_u64.checked_shl(u32::try_from(voter).unwrap_or(u32::MAX)).unwrap_or(0);
            if voters & bit == 0 || *tried & bit != 0 {
                continue;
            }
            *tried |= bit;
            let free = self.holder(voter).is_none_or(|other| self.seat(other, tried));
            if free && let Some(place) = self.holders.get_mut(voter) {
                *place = Some(leaf);
                return true;
            }
        }
        false
    }
}

/// Voters of one review: the bits of a set.
const VOTERS: usize = 64;

/// Seats and choices tried in one search. The deepest allowed plan that people write needs a few hundred.
const BUDGET: u32 = 20_000;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn leaf(count: usize, voters: u64) -> Demand {
        Demand::Leaf { count, voters }
    }

    #[test]
    fn one_person_in_two_groups_fills_one_seat() {
        let both = Demand::AtLeast { count: 2, of: vec![leaf(1, 0b01), leaf(1, 0b01)] };
        assert_eq!(fill(&[both]), None);
    }

    #[test]
    fn person_moves_to_the_seat_that_only_they_can_fill() {
        assert_eq!(fill(&[leaf(1, 0b11), leaf(1, 0b01)]), Some(vec![0, 1]));
        assert_eq!(fill(&[leaf(1, 0b01), leaf(1, 0b11)]), Some(vec![0, 1]));
    }

    #[test]
    fn more_votes_than_needed_are_a_quorum_too() {
        assert_eq!(fill(&[leaf(1, 0b111)]).map(|voters| voters.len()), Some(1));
    }

    #[test]
    fn nothing_is_met_without_voters() {
        assert_eq!(fill(&[leaf(1, 0)]), None);
        assert_eq!(fill(&[Demand::AtLeast { count: 1, of: Vec::new() }]), None);
    }

    #[test]
    fn exhausted_search_approves_nobody() {
        let parts = (0..16).map(|_| leaf(4, 0b111)).collect::<Vec<_>>();
        let wide = Demand::AtLeast { count: 8, of: parts };
        assert_eq!(fill(&[wide.clone(), wide]), None);
    }

    /// Tries every assignment of voters to seats.
    fn brute_force(demands: &[Demand], voters: u32) -> bool {
        fn seats(demand: &Demand) -> Vec<Vec<u64>> {
            match demand {
                Demand::Leaf { count, voters } => vec![vec![*voters; *count]],
                Demand::AtLeast { count, of } => {
                    let mut all = Vec::new();
                    for subset in 0_u32..1 << of.len() {
                        if usize::try_from(subset.count_ones()).unwrap() != *count {
                            continue;
                        }
                        let mut joined = vec![Vec::new()];
                        for (_, part) in of.iter().enumerate().filter(|(index, _)| subset & (1 << index) != 0)
                        {
                            let options = seats(part);
                            joined = joined
                                .iter()
                                .flat_map(|head| {
                                    options.iter().map(move |tail| [head.clone(), tail.clone()].concat())
                                })
                                .collect();
                        }
                        all.extend(joined);
                    }
                    all
                }
            }
        }
        fn assign(seats: &[u64], free: u64, voters: u32) -> bool {
            let Some((first, rest)) = seats.split_first() else { return true };
            (0..voters).any(|voter| {
                let bit = 1_u64 << voter;
                first & free & bit != 0 && assign(rest, free & !bit, voters)
            })
        }
        let whole = Demand::AtLeast { count: demands.len(), of: demands.to_vec() };
        seats(&whole).iter().any(|seats| assign(seats, u64::MAX, voters))
    }

    fn demand() -> impl Strategy<Value = Demand> {
        let leaf = (1_usize..3, 0_u64..256).prop_map(|(count, voters)| Demand::Leaf { count, voters });
        leaf.prop_recursive(2, 6, 3, |part| {
            prop::collection::vec(part, 1..=3).prop_flat_map(|of| {
                (1..=of.len()).prop_map(move |count| Demand::AtLeast { count, of: of.clone() })
            })
        })
    }

    #[test]
    fn half_of_the_most_leaves_is_found_wherever_it_votes() {
        for voting in [0x00ff_u64, 0xff00, 0xaaaa, 0xf0f0, 0x0ff0] {
            let of: Vec<Demand> = (0..16).map(|place| leaf(1, voting & (1 << place))).collect();
            assert_eq!(
                fill(&[Demand::AtLeast { count: 8, of: of.clone() }]).map(|voters| voters.len()),
                Some(8)
            );
            assert_eq!(fill(&[Demand::AtLeast { count: 9, of }]), None);
        }
        let shared = (0..16).map(|place| leaf(1, if place < 9 { 1 } else { 1 << place })).collect();
        assert!(fill(&[Demand::AtLeast { count: 8, of: shared }]).is_some());
    }

    proptest! {
        #[test]
        fn search_agrees_with_brute_force(demands in prop::collection::vec(demand(), 1..3)) {
            prop_assert_eq!(fill(&demands).is_some(), brute_force(&demands, 8));
        }
    }
}
