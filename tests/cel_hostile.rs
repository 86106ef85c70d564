//! Texts made to break a parser or an evaluator.
//!
//! Every case of `data/cel/hostile.jsonl` ends in a value or an error, within 50 ms and 16 MB, on a stack of
//! 512 KiB, in a build without optimisation. The only test of its file, so that nothing else allocates.

#![cfg(feature = "engine")]

mod cel_common;

use cel_common::{bindings, cases, environment, on_a_small_stack};
use countersign::cel::{Input, Program};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

#[test]
fn every_case_ends_within_time_memory_and_stack() {
    let cases = cases();
    assert_eq!(cases.len(), 151);
    on_a_small_stack(move || {
        let environment = environment();
        let bindings = bindings();
        for (label, source) in cases {
            let before = ALLOCATOR.current_usage();
            ALLOCATOR.reset_peak_usage();
            let spent = time(|| {
                let inputs: Vec<Input<'_>> = bindings.iter().map(Input::from).collect();
                Program::expression(&source, &environment).map(|program| program.evaluate(&inputs).is_ok())
            });
            let bytes = ALLOCATOR.peak_usage().saturating_sub(before);
            assert!(bytes < 16 << 20, "{label} held {bytes} bytes");
            assert!(spent < 50_000_000, "{label} took {spent} ns");
        }
    });
}

#[expect(clippy::disallowed_methods, reason = "the test measures time")]
fn time<T>(work: impl FnOnce() -> T) -> u128 {
    let start = std::time::Instant::now();
    let _ = work();
    start.elapsed().as_nanos()
}
