//! Prints the JSON Schema of policy documents.
//!
//! ```text
//! cargo run --example policy_schema > policies/schema.json
//! ```

#![allow(clippy::print_stdout, reason = "a tool prints")]

use countersign::Policy;

fn main() {
    println!("{:#}", Policy::json_schema());
}
