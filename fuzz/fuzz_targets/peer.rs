//! Any bytes as the choices of a generator of expressions and bindings: our evaluator and the `cel` crate give
//! the same value or both fail, but for the differences that `tests/cel_peer` lists.

#![no_main]

use std::sync::LazyLock;

use countersign::cel::Environment;
use libfuzzer_sys::fuzz_target;

#[allow(dead_code, reason = "the property test uses the rest")]
#[path = "../../tests/cel_peer/mod.rs"]
mod cel_peer;

use cel_peer::generate::{Choices, Generator};
use cel_peer::{Row, compare, environment};

static ENVIRONMENT: LazyLock<Environment> = LazyLock::new(environment);

fuzz_target!(
    // The crate panics on some expressions; that is its way to fail, and must not end the run.
    init: std::panic::set_hook(Box::new(|panic| {
        if panic.location().is_some_and(|place| place.file().ends_with("peer.rs")) {
            eprintln!("{panic}");
        }
    })),
    |bytes: &[u8]| {
        let (source, mut rest) = Generator::write(Choices::Bytes(bytes), 4);
        let rows = [Row::drawn(&mut rest), Row::drawn(&mut rest)];
        if let Err(difference) = compare(&source, &rows, &ENVIRONMENT) {
            panic!("{difference}");
        }
    }
);
