//! What a decision and a policy may take of the heap, on the workload of the budgets.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

#[allow(dead_code, reason = "the bench uses the rest")]
#[path = "../benches/workload/mod.rs"]
mod workload;

use std::alloc::System;
use std::collections::BTreeMap;

use countersign::{Policy, Request};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use workload::{Ask, asks, document, now};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// One test, because the counts are those of the whole process.
#[test]
fn decisions_and_policies_stay_within_their_memory() {
    for rules in [10, 10_000] {
        let text = document(rules);
        let region = Region::new(ALLOCATOR);
        let policy = Policy::from_toml(&text).unwrap();
        let change = region.change();
        let held = change.bytes_allocated - change.bytes_deallocated;
        let requests: Vec<Request> = asks(rules, &policy).iter().map(Ask::request).collect();
        let mut most: BTreeMap<&str, usize> = BTreeMap::new();
        for request in &requests {
            let region = Region::new(ALLOCATOR);
            let decision = policy.decide(request, now());
            let change = region.change();
            let count = most.entry(decision.effect().as_str()).or_default();
            *count = (*count).max(change.allocations + change.reallocations);
        }
        let findings = policy.warnings().len();
        println!("{rules} rules with {findings} findings hold {held} bytes; allocations {most:?}");
        assert!(most["allow"] <= 2 && most["deny"] <= 2, "{most:?}");
        // Beside its rules and reasons, a review has a list of whom it asks and a plan of them.
        assert!(most["review"] <= 4, "{most:?}");
        let most = HELD + rules * HELD_BY_RULE;
        assert!(held <= most, "{held} bytes, expected {most} at most");
    }
}

/// Bytes of the vocabulary and its tables.
const HELD: usize = 50_000;

/// Bytes of a rule of some 400, with what the linter finds: ten thousand take 15 MB at most.
const HELD_BY_RULE: usize = 1_450;
