//! AuthZEN requests in, AuthZEN decisions out, one a line.

use std::io::{BufRead, Write};

use countersign::{Policy, Request};

pub fn main(input: impl BufRead, mut output: impl Write) -> Result<(), Box<dyn std::error::Error>> {
    let policy = Policy::from_toml(include_str!("p.toml"))?;
    for line in input.lines() {
        match Request::from_trusted_json(line?) {
            Ok(request) => {
                writeln!(output, "{}", serde_json::to_string(&policy.decide(&request, chrono::Utc::now()))?)?;
            }
            Err(error) => writeln!(output, "{}", serde_json::json!({ "error": error.to_string() }))?,
        }
    }
    Ok(())
}
