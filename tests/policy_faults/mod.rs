//! What the tests of bad documents share.

#![allow(dead_code, reason = "each test uses its part")]

use countersign::Policy;

/// A review and a zone that have no fault; a test adds one.
pub const REVIEW: &str = "[[review]]\nid = 'r'\nwhen = 'true'\n";
pub const ZONE: &str = "[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'low'\n";

/// Reads a document that starts with its format and name and lists its faults as `line:column message`.
pub fn faults(body: &str) -> Vec<String> {
    whole(&format!("format = 1\nname = 'x'\n{body}"))
}

pub fn whole(document: &str) -> Vec<String> {
    let error = Policy::from_toml(document).map(|_| document).expect_err("a fault");
    error.faults().map(|fault| format!("{}:{} {}", fault.line(), fault.column(), fault.message())).collect()
}
