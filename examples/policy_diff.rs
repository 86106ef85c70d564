//! Tells what a change of policy changes, over recorded requests.
//!
//! A pipeline runs it on every change of a policy: it fails where something loosens, so that a person looks.

#![allow(clippy::disallowed_methods, reason = "a program has files")]

#[path = "documents/load.rs"]
mod documents;

use std::cell::RefCell;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use countersign::Request;
use countersign::testing::{policy_diff, sample_requests};
use documents::load;
use serde_json::Value;

const HELP: &str = "\
Tells what a change of policy changes, over recorded requests.

Usage: policy_diff OLD NEW [--requests FILE] [--now RFC3339] [--format text|json]
                   [--allow-loosening]

OLD and NEW are policies, in TOML: a file, the files of several documents separated
by commas, or a folder of documents. FILE has one request a line, as AuthZEN JSON
or as {\"request\": {...}, \"now\": \"...\"}; `-` is standard input. Without FILE the
requests of the cases of both policies are compared. A line that is no request
ends the comparison: what was not compared is not known to be safe.

Exit code: 0 if nothing loosens, 1 if something does or may (other people may
approve), 2 if the comparison failed.

Options:
  --requests FILE     the requests
  --now RFC3339       when requests are decided that do not say (default: a
                      Wednesday noon, 2026-01-14T12:00:00Z)
  --format FORMAT     `text` (the default) or `json`
  --allow-loosening   exit with 0 although something loosens
  --help              print this help
";

struct Options {
    policies: Vec<String>,
    requests: Option<String>,
    now: DateTime<Utc>,
    json: bool,
    allow: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: &[String]) -> Result<ExitCode, Box<dyn Error>> {
    let options = options(arguments)?;
    let [old, new] = options.policies.as_slice() else {
        return Err("expected OLD and NEW, see --help".into());
    };
    let (old, new) = (load([old.as_str()])?, load([new.as_str()])?);
    let fault = RefCell::new(None);
    let diff = match &options.requests {
        Some(file) => {
            let lines: Box<dyn BufRead> = match file.as_str() {
                "-" => Box::new(std::io::stdin().lock()),
                file => {
                    Box::new(BufReader::new(File::open(file).map_err(|error| format!("{file}: {error}"))?))
                }
            };
            // The first fault ends the iteration and is told instead of a result.
            let read = lines.split(b'\n').enumerate().map_while(|(number, line)| {
                match line.map_err(|error| error.to_string()).and_then(|line| read(&line, options.now)) {
                    Ok(found) => Some(found),
                    Err(problem) => {
                        fault.replace(Some(format!("{file}:{}: {problem}", number.saturating_add(1))));
                        None
                    }
                }
            });
            policy_diff(&old, &new, read.flatten())
        }
        None => {
            let cases =
                sample_requests(&old).chain(sample_requests(&new)).map(|(_, request, now)| (request, now));
            policy_diff(&old, &new, cases)
        }
    };
    if let Some(fault) = fault.take() {
        return Err(fault.into());
    }
    if diff.compared() == 0 {
        return Err("there is no request to compare by".into());
    }
    let mut output = std::io::stdout().lock();
    if options.json {
        writeln!(output, "{}", serde_json::to_string(&diff)?)?;
    } else {
        write!(output, "{diff}")?;
    }
    Ok(if diff.loosens() && !options.allow { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Reads one line; an empty one is no request.
fn read(line: &[u8], now: DateTime<Utc>) -> Result<Option<(Request, DateTime<Utc>)>, String> {
    if line.trim_ascii().is_empty() {
        return Ok(None);
    }
    let whole: Value = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let Some(inner) = whole.get("request") else {
        return Request::from_trusted_json(line)
            .map(|request| Some((request, now)))
            .map_err(|error| error.to_string());
    };
    let now = match whole.get("now") {
        None => now,
        Some(Value::String(text)) => text.parse().map_err(|_| format!("`now` is no time: {text:?}"))?,
        Some(_) => return Err("`now` is no text".to_owned()),
    };
    let request = Request::from_trusted_json(inner.to_string()).map_err(|error| error.to_string())?;
    Ok(Some((request, now)))
}

fn options(arguments: &[String]) -> Result<Options, Box<dyn Error>> {
    let now = "2026-01-14T12:00:00Z".parse()?;
    let mut options = Options { policies: Vec::new(), requests: None, now, json: false, allow: false };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value, see --help"));
        match argument.as_str() {
            "--requests" => options.requests = Some(value()?.clone()),
            "--now" => options.now = DateTime::parse_from_rfc3339(value()?)?.to_utc(),
            "--format" => {
                options.json = match value()?.as_str() {
                    "json" => true,
                    "text" => false,
                    other => return Err(format!("unknown format {other}, see --help").into()),
                }
            }
            "--allow-loosening" => options.allow = true,
            other if other.starts_with("--") => {
                return Err(format!("unknown option {other}, see --help").into());
            }
            file => options.policies.push(file.to_owned()),
        }
    }
    Ok(options)
}
