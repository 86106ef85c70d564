//! Draws a policy: one self-contained HTML page with a matrix of decisions.
//!
//! Actions by environments by personas, each cell opening to its explanation, and which rules no case shows.
//! The page needs no network, runs no script, and can be read without its colours.

#![allow(
    clippy::disallowed_methods,
    clippy::arithmetic_side_effects,
    reason = "a program has files, and counts a page"
)]

#[path = "documents/load.rs"]
mod documents;
#[path = "policy_map/map.rs"]
mod map;
#[path = "policy_map/page.rs"]
mod page;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use countersign::Request;
use map::{Map, Persona};
use serde_json::{Value, json};

const HELP: &str = "\
Draws a policy: one self-contained HTML page with a matrix of decisions.

Usage: policy_map POLICY... [--personas FILE] [--columns PATH] [--now RFC3339] > out.html

POLICY is a file, or a folder; several are the documents of one policy.

Rows are the actions of the policy, with each payload that its cases show;
columns are environments and personas. The rest of a row's request is that of
the first case with its action and payload.

Options:
  --personas FILE   one subject a line, as AuthZEN JSON: {\"name\": \"on call\",
                    \"type\": \"user\", \"id\": \"dee\", \"properties\": {...}}
                    (default: the subjects of the cases, the most frequent four)
  --columns PATH    the property of the resource that columns are made of; it
                    must have `one_of` (default: resource.environment)
  --now RFC3339     when requests are decided (default: a Wednesday noon,
                    2026-01-14T12:00:00Z)
  --help            print this help
";

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
    let (mut files, mut columns, mut people) = (Vec::new(), "resource.environment".to_owned(), Vec::new());
    let mut now: DateTime<Utc> = "2026-01-14T12:00:00Z".parse()?;
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().ok_or(format!("{argument} needs a value, see --help"));
        match argument.as_str() {
            "--personas" => people = personas(value()?)?,
            "--columns" => columns.clone_from(value()?),
            "--now" => now = DateTime::parse_from_rfc3339(value()?)?.to_utc(),
            other if other.starts_with("--") => {
                return Err(format!("unknown option {other}, see --help").into());
            }
            other => files.push(other),
        }
    }
    if files.is_empty() {
        return Err("expected POLICY, see --help".into());
    }
    let policy = documents::load(files)?;
    let map = Map::new(&policy, people, &columns, now);
    std::io::stdout().lock().write_all(page::write(&map).as_bytes())?;
    Ok(())
}

/// Reads personas. A subject is read as part of a request, so that it is held to the same form.
fn personas(file: &str) -> Result<Vec<Persona>, Box<dyn Error>> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let mut personas = Vec::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = |error: &dyn std::fmt::Display| format!("{file}:{}: {error}", number + 1);
        let subject: Value = serde_json::from_str(line).map_err(|error| place(&error))?;
        let request =
            json!({ "subject": &subject, "action": { "name": "x" }, "resource": { "type": "x", "id": "x" } });
        let request = Request::from_trusted_json(request.to_string()).map_err(|error| place(&error))?;
        let known = request.subject().clone();
        let name = subject.get("name").and_then(Value::as_str).unwrap_or(known.id()).to_owned();
        personas.push(Persona { name, described: map::describe(&known), subject: known });
    }
    Ok(personas)
}
