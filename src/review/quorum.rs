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

/// Finds the voters who fill the seats of all demands together, or `None` while there is no such set. Of
/// each exclusive set one voter counts at most: those who act for one person, say.
pub(super) fn fill(demands: &[Demand], exclusive: &[u64]) -> Option<Vec<usize>> {
    match search(demands, exclusive) {
        Filled::By(voters) => Some(voters),
        Filled::No | Filled::Unknown => None,
    }
}

/// Looks for the voters who fill the seats of all demands together, and says whether it looked everywhere.
pub(super) fn search(demands: &[Demand], exclusive: &[u64]) -> Filled {
    let mut search = Search { budget: BUDGET, barred: 0 };
    match search.choose(demands, exclusive) {
        Some(seats) => Filled::By((0..VOTERS).filter(|voter| seats.holder(*voter).is_some()).collect()),
        None if search.budget == 0 => Filled::Unknown,
        None => Filled::No,
    }
}

/// Whether the seats of demands can be filled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Filled {
    By(Vec<usize>),
    No,
    /// The budget was used up before the search was over.
    Unknown,
}

/// Seats voters on leaves, as many as possible and on the first leaves first. Returns how many sit on each.
pub(super) fn seated(leaves: &[(usize, u64)]) -> Vec<usize> {
    let mut search = Search { budget: BUDGET, barred: 0 };
    let mut seats = Seats::default();
    let seat = |(leaf, (count, voters)): (usize, &(usize, u64))| {
        seats.leaves.push(*voters);
        let leaf = u8::try_from(leaf).unwrap_or(u8::MAX);
        (0..*count).take_while(|_| search.seat(&mut seats, leaf, &mut 0) == Some(true)).count()
    };
    leaves.iter().enumerate().map(seat).collect()
}

struct Search {
    budget: u32,
    /// Voters who do not count, because another of their exclusive set does.
    barred: u64,
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
    /// Tries, for each exclusive set, every voter who could be the one that counts. What cannot be met when
    /// all count cannot be met when some do not, so that most choices are never tried.
    fn choose(&mut self, demands: &[Demand], exclusive: &[u64]) -> Option<Seats> {
        self.budget = self.budget.checked_sub(1)?;
        let seats = self.solve(demands.iter().map(Task::Meet).collect(), Seats::default())?;
        let seated = bits(u64::MAX).filter(|voter| seats.holder(*voter).is_some());
        let seated = seated.fold(0, |all, voter| all | bit(voter));
        let broken = |set: &&u64| (**set & seated).count_ones() > 1;
        let Some(set) = exclusive.iter().find(broken) else { return Some(seats) };
        let (before, members) = (self.barred, *set & !self.barred);
        for voter in bits(members) {
            self.barred = before | (members & !bit(voter));
            if let Some(seats) = self.choose(demands, exclusive) {
                return Some(seats);
            }
        }
        self.barred = before;
        None
    }

    /// Does every task of the agenda. A combination is met by exactly as many parts as it asks for: more
    /// would only take seats away from others. A chosen part is seated before the next one is chosen, so
    /// that a choice which cannot be seated costs nothing more.
    fn solve<'d>(&mut self, mut agenda: Vec<Task<'d>>, mut seats: Seats) -> Option<Seats> {
        while let Some(task) = agenda.pop() {
            self.budget = self.budget.checked_sub(1)?;
            match task {
                Task::Meet(Demand::Leaf { count, voters }) => {
                    let leaf = u8::try_from(seats.leaves.len()).ok()?;
                    seats.leaves.push(*voters & !self.barred);
                    for _ in 0..*count {
                        if !self.seat(&mut seats, leaf, &mut 0)? {
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

    /// Gives a leaf one more voter, moving others to seats they can also fill (Kuhn, 1955). `None` where the
    /// budget is used up.
    fn seat(&mut self, seats: &mut Seats, leaf: u8, tried: &mut u64) -> Option<bool> {
        let voters = seats.leaves.get(usize::from(leaf)).copied()?;
        for voter in bits(voters) {
            if *tried & bit(voter) != 0 {
                continue;
            }
            self.budget = self.budget.checked_sub(1)?;
            *tried |= bit(voter);
            let free = match seats.holder(voter) {
                None => true,
                Some(other) => self.seat(seats, other, tried)?,
            };
            if free && let Some(place) = seats.holders.get_mut(voter) {
                *place = Some(leaf);
                return Some(true);
            }
        }
        Some(false)
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
}

/// A set of one voter.
pub(super) fn bit(voter: usize) -> u64 {
    u32::try_from(voter).ok().and_then(|voter| 1_u64.checked_shl(voter)).unwrap_or(0)
}

/// The voters of a set, from the lowest on.
pub(super) fn bits(mut set: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let lowest = usize::try_from(set.trailing_zeros()).ok().filter(|_| set != 0)?;
        set &= set.wrapping_sub(1);
        Some(lowest)
    })
}

/// Voters of one review: the bits of a set.
pub(super) const VOTERS: usize = 64;

/// Seats, moves and choices tried in one search. The deepest allowed plan that people write needs a few hundred.
const BUDGET: u32 = 100_000;

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]
mod tests;
