//! Any bytes as a request, under the shipped policy: an answer, the same one twice, and never an Allow for
//! what only a caller says.

#![no_main]

use std::sync::LazyLock;

use chrono::{DateTime, Utc};
use countersign::{Effect, Policy, Request};
use libfuzzer_sys::fuzz_target;

static POLICY: LazyLock<Policy> = LazyLock::new(|| {
    Policy::from_toml(include_str!("../../policies/production-debugging.toml")).expect("the shipped policy loads")
});

fuzz_target!(|text: &[u8]| {
    let now = DateTime::<Utc>::UNIX_EPOCH;
    if let Ok(request) = Request::from_trusted_json(text) {
        assert_eq!(POLICY.decide(&request, now), POLICY.decide(&request, now));
    }
    if let Ok(request) = Request::from_caller_json(text) {
        assert_eq!(POLICY.decide(&request, now).effect(), Effect::Deny);
    }
});
