//! Time and chance: read here and nowhere else.

use chrono::{DateTime, Utc};
use countersign::Stamp;

/// Returns the time, and 32 bytes that nobody can guess.
///
/// # Panics
///
/// When the system has no randomness: nothing that is safe can be done then.
#[must_use]
pub fn stamp() -> Stamp {
    Stamp::new(now(), random())
}

/// Returns 32 bytes that nobody can guess.
///
/// # Panics
///
/// As [`stamp`].
#[must_use]
#[expect(clippy::expect_used, reason = "without randomness ids and keys could be guessed: stop")]
pub fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).expect("the system gives randomness");
    bytes
}

/// Returns the time.
#[must_use]
#[allow(clippy::disallowed_methods, reason = "a host has a clock")]
pub fn now() -> DateTime<Utc> {
    Utc::now()
}
