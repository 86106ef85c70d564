//! Plays a review from a script: a policy, a request, candidates, and what happens when.
//!
//! Time passes as in production: before each event of the script the review is woken whenever something is
//! due. One JSON line tells the state after each event. An event that comes out other than its `expect` says
//! makes the program fail, so that scripts are tests.

#![allow(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a program has files, and what JSON lacks is null"
)]

#[path = "review/script.rs"]
mod script;
#[path = "review/stage.rs"]
mod stage;
#[path = "review/timeline.rs"]
mod timeline;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use self::script::Script;
use self::stage::Stage;

const HELP: &str = "\
Plays a review from a script and tells its state after each event.

Usage: review SCRIPT.json [--timeline OUT.html]

The script is an object:
  policy      the policy document, in TOML; or policy_file, its path
  start       when the request is submitted, RFC 3339; 2026-11-23T12:00:00Z if absent
  request     the AuthZEN request, all of it attested
  people      {\"NAME\": {\"type\", \"id\", \"properties\"}}; type is user and id the name if absent
  candidates  names of all who could approve, where the host knows them
  events      a list, each with `at` (RFC 3339, or \"+15m\" after the start) and one of
    vote      approve, reject, withdraw, comment, force; with `by` (a name) and, as
              wanted, for, comment, kind (automatic, advisory), at_most, not_before,
              narrow ({\"max_rows\": 10}), auth ({\"amr\": [\"hwk\"], \"at\": \"+1m\"}), people
    refresh   names whose attributes are stated anew
    withdraw  the name of whoever takes the request back
    supersede the request that is asked instead
    extend    how much longer the grant is to hold, such as \"30m\"
    policy    another policy document, which decides from then on
    wake      true: nothing happens but time
  expect      in the script and in each event: {\"outcome\", \"state\", \"error\", \"wakeup\",
              \"can_approve\", \"missing\", \"duration_s\"}; what is left out is not checked

Options:
  --timeline OUT.html   draw what happened as one self-contained page
  --help                print this help
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match run(&arguments) {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

/// Plays the script. Says whether everything came out as expected.
fn run(arguments: &[String]) -> Result<bool, Box<dyn Error>> {
    let (path, page) = match arguments {
        [path] if !path.starts_with('-') => (path, None),
        [path, option, page] if option == "--timeline" && !path.starts_with('-') => (path, Some(page)),
        _ => return Err(format!("expected a script, see --help\n\n{HELP}").into()),
    };
    let text = std::fs::read_to_string(path).map_err(|error| format!("{path}: {error}"))?;
    let script = Script::read(&text).map_err(|error| format!("{path}: {error}"))?;
    let mut output = std::io::stdout().lock();
    let mut stage = Stage::new(&script, path)?;
    let mut told = Vec::new();
    let mut tell = |lines: Vec<serde_json::Value>| -> Result<(), std::io::Error> {
        for line in lines {
            writeln!(output, "{line}")?;
            told.push(line);
        }
        Ok(())
    };
    tell(stage.submit()?)?;
    for event in &script.events {
        tell(stage.play(event)?)?;
    }
    tell(stage.finish())?;
    if let Some(page) = page {
        std::fs::write(page, timeline::page(&script, &told)).map_err(|error| format!("{page}: {error}"))?;
    }
    for failure in stage.failures() {
        eprintln!("{path}: {failure}");
    }
    Ok(stage.failures().is_empty())
}
