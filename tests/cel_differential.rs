//! The `cel` crate as an oracle.
//!
//! Generates expressions, well typed and ill typed, evaluates each over a table of bindings, and wants both
//! to give the same value or both to fail.

#![cfg(feature = "engine")]
#![allow(
    unreachable_pub,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::indexing_slicing,
    reason = "a generator that fails fails the test"
)]

#[allow(dead_code, reason = "the fuzz target uses the rest")]
mod cel_peer;

use proptest::prelude::*;

use cel_peer::generate::{Choices, Generator};
use cel_peer::{compare, environment, rows};

/// The expression of a seed.
fn source(seed: u64, depth: u32) -> String {
    Generator::write(Choices::Seed(seed | 1), depth).0
}

#[test]
fn both_give_the_same_value_or_fail() {
    let (rows, environment) = (rows(), environment());
    proptest!(ProptestConfig::with_cases(400), |(seed in any::<u64>(), depth in 0..5_u32)| {
        let compared = compare(&source(seed, depth), &rows, &environment);
        prop_assert!(compared.is_ok(), "{}", compared.unwrap_err());
    });
}

/// Ten million pairs; takes some minutes in a release build.
#[test]
#[ignore = "takes minutes"]
fn both_agree_on_ten_million_pairs() {
    let (rows, environment) = (rows(), environment());
    let (mut pairs, mut expressions, mut found) = (0, 0_u64, Vec::new());
    let mut seeds = Choices::Seed(0x5eed);
    while pairs < 10_000_000 && found.len() < 40 {
        let seed = seeds.below(1 << 31) << 20 | seeds.below(1 << 20);
        expressions += 1;
        let depth = 1 + u32::try_from(expressions % 4).unwrap_or(0);
        match compare(&source(seed, depth), &rows, &environment) {
            Ok(count) => pairs += count,
            Err(difference) => found.push(difference),
        }
    }
    println!("{pairs} pairs of {expressions} expressions, {} differences", found.len());
    assert!(found.is_empty(), "{}", found.join("\n"));
}
