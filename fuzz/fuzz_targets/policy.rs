//! Any bytes as a policy document: a policy, or faults that can be printed.

#![no_main]

use countersign::Policy;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match Policy::from_toml(text) {
        Ok(policy) => assert_eq!(policy.digest().len(), 72),
        Err(error) => assert!(error.faults().len() > 0 && !error.to_string().is_empty()),
    }
});
