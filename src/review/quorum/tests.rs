//! The search against one that tries everything.

use proptest::prelude::*;

use super::*;

fn leaf(count: usize, voters: u64) -> Demand {
    Demand::Leaf { count, voters }
}

#[test]
fn one_person_in_two_groups_fills_one_seat() {
    let both = Demand::AtLeast { count: 2, of: vec![leaf(1, 0b01), leaf(1, 0b01)] };
    assert_eq!(fill(&[both], &[]), None);
}

#[test]
fn person_moves_to_the_seat_that_only_they_can_fill() {
    assert_eq!(fill(&[leaf(1, 0b11), leaf(1, 0b01)], &[]), Some(vec![0, 1]));
    assert_eq!(fill(&[leaf(1, 0b01), leaf(1, 0b11)], &[]), Some(vec![0, 1]));
}

#[test]
fn more_votes_than_needed_are_a_quorum_too() {
    assert_eq!(fill(&[leaf(1, 0b111)], &[]).map(|voters| voters.len()), Some(1));
}

#[test]
fn nothing_is_met_without_voters() {
    assert_eq!(fill(&[leaf(1, 0)], &[]), None);
    assert_eq!(fill(&[Demand::AtLeast { count: 1, of: Vec::new() }], &[]), None);
}

#[test]
fn exhausted_search_approves_nobody() {
    let parts = (0..16).map(|_| leaf(4, 0b111)).collect::<Vec<_>>();
    let wide = Demand::AtLeast { count: 8, of: parts };
    assert_eq!(fill(&[wide.clone(), wide], &[]), None);
}

/// Tries every assignment of voters to seats.
fn brute_force(demands: &[Demand], exclusive: &[u64], voters: u32) -> bool {
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
                    for (_, part) in of.iter().enumerate().filter(|(index, _)| subset & (1 << index) != 0) {
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
    fn assign(seats: &[u64], taken: u64, exclusive: &[u64], voters: u32) -> bool {
        let Some((first, rest)) = seats.split_first() else {
            return exclusive.iter().all(|set| (set & taken).count_ones() < 2);
        };
        (0..voters).any(|voter| {
            let bit = 1_u64 << voter;
            first & !taken & bit != 0 && assign(rest, taken | bit, exclusive, voters)
        })
    }
    let whole = Demand::AtLeast { count: demands.len(), of: demands.to_vec() };
    seats(&whole).iter().any(|seats| assign(seats, 0, exclusive, voters))
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
            fill(&[Demand::AtLeast { count: 8, of: of.clone() }], &[]).map(|voters| voters.len()),
            Some(8)
        );
        assert_eq!(fill(&[Demand::AtLeast { count: 9, of }], &[]), None);
    }
    let shared = (0..16).map(|place| leaf(1, if place < 9 { 1 } else { 1 << place })).collect();
    assert!(fill(&[Demand::AtLeast { count: 8, of: shared }], &[]).is_some());
}

fn leaves(demand: &Demand) -> usize {
    match demand {
        Demand::Leaf { .. } => 1,
        Demand::AtLeast { of, .. } => of.iter().map(leaves).sum(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn search_agrees_with_brute_force(
        demands in prop::collection::vec(demand(), 1..3)
            .prop_filter("at most six leaves", |demands| demands.iter().map(leaves).sum::<usize>() <= 6),
        exclusive in prop::collection::vec(0_u64..256, 0..3),
    ) {
        let found = fill(&demands, &exclusive);
        prop_assert_eq!(found.is_some(), brute_force(&demands, &exclusive, 8));
        let found = found.unwrap_or_default().into_iter().fold(0, |all, voter| all | bit(voter));
        prop_assert!(exclusive.iter().all(|set| (set & found).count_ones() < 2));
    }
}
