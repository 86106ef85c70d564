//! States what SQL does: JSON lines `{"dialect": "postgresql", "sql": "…"}` in, facts as JSON lines out.

use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use countersign::inspect::sql::{self, SqlFacts};
use countersign::{Dialect, Value};
use serde_json::{Map, Value as Json, json};

const HELP: &str = "\
usage: inspect < LINES

Reads JSON lines and writes one JSON line of facts for each.

  {\"dialect\": \"postgresql\" | \"mysql\" | \"mariadb\" | \"sqlite\" | \"generic\", \"sql\": \"SELECT 1\"}

A statement that is not understood has \"understood\": false, \"effect\": \"unknown\" and the reason;
its other facts are null. A line that cannot be read gives {\"error\": …} and the rest goes on; the
exit status is then 1.
";

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        None => {}
        Some("--help" | "-h") => {
            print!("{HELP}");
            return ExitCode::SUCCESS;
        }
        Some(_) => {
            eprint!("{HELP}");
            return ExitCode::from(2);
        }
    }
    match run() {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("inspect: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Answers every line and says whether all could be read.
fn run() -> io::Result<bool> {
    let mut output = io::BufWriter::new(io::stdout().lock());
    let mut input = io::stdin().lock();
    let mut clean = true;
    let mut line = Vec::new();
    while input.read_until(b'\n', &mut line)? > 0 {
        if !line.trim_ascii().is_empty() {
            let answer = answer(&line).unwrap_or_else(|error| {
                clean = false;
                json!({ "error": error })
            });
            writeln!(output, "{answer}")?;
        }
        line.clear();
    }
    output.flush()?;
    Ok(clean)
}

fn answer(line: &[u8]) -> Result<Json, String> {
    let request: Map<String, Json> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let text = |key: &str| request.get(key).and_then(Json::as_str);
    if request.contains_key("argv") || request.contains_key("shell") || request.contains_key("http") {
        return Err("only SQL is inspected".to_owned());
    }
    let name = text("dialect").ok_or("`dialect` is missing or not a string")?;
    let dialect =
        Dialect::from_name(name).ok_or_else(|| format!("unknown dialect `{}`", name.escape_debug()))?;
    let statement = text("sql").ok_or("`sql` is missing or not a string")?;
    Ok(facts(name, &sql::inspect(dialect, statement)))
}

fn facts(dialect: &str, facts: &SqlFacts) -> Json {
    let known = facts.attributes();
    let mut line = Map::new();
    line.insert("dialect".to_owned(), json!(dialect));
    for (name, _) in sql::MEMBERS {
        line.insert((*name).to_owned(), known.get(name).map_or(Json::Null, to_json));
    }
    if let Some(obstacle) = facts.obstacle() {
        line.insert("effect".to_owned(), json!("unknown"));
        line.insert("reason".to_owned(), json!(obstacle.to_string()));
    }
    Json::Object(line)
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::String(value) => json!(value),
        Value::List(values) => values.iter().map(to_json).collect(),
        _ => Json::Null,
    }
}
