//! Evaluates expressions of the condition language.
//!
//! Reads JSON lines `{"expr": "x + 1", "bindings": {"x": {"t": "int", "v": "1"}}, "container": "a.b"}` and
//! writes a line `{"value": {"t": "int", "v": "2"}}` or `{"error": "…"}` for each. Bindings without a tag are
//! plain JSON. Exits with 1 if a line was no such request.

#[path = "eval/notation.rs"]
mod notation;

use std::io::{BufRead as _, Write as _};
use std::process::ExitCode;

use countersign::cel::{Datum, Declaration, Environment, Input, Program, Type};
use serde_json::{Value, json};

const HELP: &str = "\
Usage: eval < requests.jsonl > results.jsonl
request: {\"expr\": text, \"bindings\": {name: value}, \"container\": text}
value: {\"t\": type, \"v\": content}; numbers as text, bytes as base64, maps as pairs
result: {\"value\": value} or {\"error\": text}
";

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(other) => {
            eprintln!("unknown option {other}, see --help");
            return ExitCode::FAILURE;
        }
    }
    let mut code = ExitCode::SUCCESS;
    let mut out = std::io::stdout().lock();
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { return ExitCode::FAILURE };
        if line.trim().is_empty() {
            continue;
        }
        let result = match request(&line) {
            Some((expr, bindings, container)) => match evaluate(&expr, &bindings, &container) {
                Ok(value) => json!({"value": notation::write(&value)}),
                Err(fault) => json!({"error": fault}),
            },
            None => {
                code = ExitCode::FAILURE;
                json!({"error": "line is not a request, see --help"})
            }
        };
        if writeln!(out, "{result}").is_err() {
            return ExitCode::FAILURE;
        }
    }
    code
}

type Bindings = Vec<(String, Datum)>;

fn request(line: &str) -> Option<(String, Bindings, String)> {
    let request: Value = serde_json::from_str(line).ok()?;
    let expr = request.get("expr")?.as_str()?.to_owned();
    let mut bindings = Vec::new();
    if let Some(found) = request.get("bindings").filter(|found| !found.is_null()) {
        for (name, value) in found.as_object()? {
            bindings.push((name.clone(), notation::read(value)?));
        }
    }
    let container = request.get("container").and_then(Value::as_str).unwrap_or_default().to_owned();
    Some((expr, bindings, container))
}

fn evaluate(expr: &str, bindings: &Bindings, container: &str) -> Result<Datum, String> {
    let mut environment = Environment::new();
    environment.set_container(container);
    let mut inputs = Vec::new();
    for (name, value) in bindings {
        environment.declare(name, Declaration::new(Type::Dyn));
        inputs.push(Input::from(value));
    }
    let program = Program::expression(expr, &environment)
        .map_err(|faults| faults.first().map_or_else(String::new, ToString::to_string))?;
    program.evaluate(&inputs).map_err(|failure| failure.to_string())
}
