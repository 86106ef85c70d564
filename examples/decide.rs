//! Decides AuthZEN requests under a policy: JSON lines in, JSON lines out.
//!
//! A line that is no request gives a line with an `error` and does not stop the rest. Requests are taken
//! as attested: whoever runs this stands for the enforcement point.

#![allow(clippy::disallowed_methods, reason = "a program has files and a clock")]

use std::error::Error;
use std::io::{BufRead, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use countersign::{PolicyOptions, Request};
use serde_json::json;

const HELP: &str = "\
Decides AuthZEN requests under a policy.

Usage: decide --policy FILE… [--fulfil KIND…] [--now RFC3339] [--explain]

Reads one request a line on standard input and writes one decision a line on
standard output: {\"decision\": bool, \"context\": {\"effect\", \"risk\", \"rules\",
\"reasons\", …}}. A line that is no request gives {\"error\": \"…\"}.

Options:
  --policy FILE   a document of the policy, in TOML or (*.json) JSON; once for
                  the base and once for each that extends it
  --fulfil KIND   an obligation that the host fulfils, such as record_session
  --now RFC3339   decide as of this time instead of now
  --explain       add `explanation`: why, why not, and what would help
  --help          print this help
";

struct Options {
    policies: Vec<String>,
    fulfils: Vec<String>,
    now: Option<DateTime<Utc>>,
    explain: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &[String]) -> Result<(), Box<dyn Error>> {
    let options = options(arguments)?;
    let read = |file: &String| {
        std::fs::read_to_string(file)
            .map_err(|error| format!("{file}: {error}"))
            .map(|text| (file.clone(), text))
    };
    let documents: Vec<(String, String)> = options.policies.iter().map(read).collect::<Result<_, _>>()?;
    let documents = documents.iter().map(|(file, text)| (file.as_str(), text.as_str()));
    let host = PolicyOptions::new().fulfilling(options.fulfils.iter().map(String::as_str));
    let policy = host.from_documents(documents)?;
    let mut output = std::io::stdout().lock();
    for line in std::io::stdin().lock().split(b'\n') {
        let line = line?;
        if line.trim_ascii().is_empty() {
            continue;
        }
        let now = options.now.unwrap_or_else(Utc::now);
        let answer = match Request::from_trusted_json(line) {
            Ok(request) if options.explain => serde_json::to_value(policy.explain(&request, now))?,
            Ok(request) => serde_json::to_value(policy.decide(&request, now))?,
            Err(error) => json!({ "error": error.to_string() }),
        };
        writeln!(output, "{answer}")?;
    }
    Ok(())
}

fn options(arguments: &[String]) -> Result<Options, Box<dyn Error>> {
    let (mut policies, mut fulfils, mut now, mut explain) = (Vec::new(), Vec::new(), None, false);
    let mut arguments = arguments.iter();
    while let Some(option) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{option} needs a value, see --help"));
        match option.as_str() {
            "--policy" => policies.push(value()?.clone()),
            "--fulfil" => fulfils.push(value()?.clone()),
            "--now" => now = Some(DateTime::parse_from_rfc3339(value()?)?.to_utc()),
            "--explain" => explain = true,
            other => return Err(format!("unknown option {other}, see --help").into()),
        }
    }
    if policies.is_empty() {
        return Err("--policy is missing, see --help".into());
    }
    Ok(Options { policies, fulfils, now, explain })
}
