//! States what a payload does: JSON lines such as `{"dialect": "postgresql", "sql": "…"}` in, facts as JSON
//! lines out.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Write};
use std::process::ExitCode;

use countersign::inspect::{command, debug, flag, http, sql};
use countersign::{Attributes, Dialect, Payload, Value};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};

const HELP: &str = "\
usage: inspect < LINES

Reads JSON lines and writes one JSON line of facts for each.

  {\"dialect\": \"postgresql\" | \"mysql\" | \"mariadb\" | \"sqlite\" | \"generic\", \"sql\": \"SELECT 1\"}
  {\"argv\": [\"kubectl\", \"get\", \"pods\"]}
  {\"shell\": \"kubectl get pods\"}
  {\"http\": {\"method\": \"GET\", \"url\": \"https://a.example/orders/7\", \"headers\": {}, \"body\": \"\"}}
  {\"flag\": {\"key\": \"checkout\", \"from\": {\"on\": false}, \"to\": {\"on\": true, \"percent\": 5}}}
  {\"debug\": {\"command\": \"threads\"}}

A flag and a debug payload may be a text as well; a shell string is never understood. What is not
understood has \"understood\": false, \"effect\": \"unknown\" and the reason;
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
    // Attributes refuse a key that stands twice, wherever it stands.
    serde_json::from_slice::<Attributes>(line).map_err(|error| error.to_string())?;
    let request: Map<String, Json> = serde_json::from_slice(line).map_err(|error| error.to_string())?;
    let kinds: Vec<&str> = KINDS.into_iter().filter(|kind| request.contains_key(*kind)).collect();
    let [kind] = kinds[..] else {
        return Err(format!("expected one of `{}`", KINDS.join("`, `")));
    };
    let payload = request.get(kind).unwrap_or(&Json::Null);
    let beside = |name: &&String| *name != kind && !(kind == "sql" && *name == "dialect");
    if let Some(name) = request.keys().find(beside) {
        return Err(format!("`{}` does not go with `{kind}`", name.escape_debug()));
    }
    match kind {
        "sql" => {
            let name = request.get("dialect").and_then(Json::as_str);
            let name = name.ok_or("`dialect` is missing or not a string")?;
            let dialect = Dialect::from_name(name)
                .ok_or_else(|| format!("unknown dialect `{}`", name.escape_debug()))?;
            let statement = payload.as_str().ok_or("`sql` is not a string")?;
            let facts = sql::inspect(dialect, statement);
            let reason = facts.obstacle().map(ToString::to_string);
            let mut line = describe(sql::MEMBERS, &facts.attributes(), reason);
            line.insert("dialect".to_owned(), json!(name));
            Ok(Json::Object(line))
        }
        "argv" => {
            let words = Vec::<String>::deserialize(payload).map_err(|error| format!("`argv`: {error}"))?;
            Ok(command(&words))
        }
        "shell" => {
            let line = payload.as_str().ok_or("`shell` is not a string")?;
            Ok(command(&["sh", "-c", line]))
        }
        "http" => {
            let call = Call::deserialize(payload).map_err(|error| format!("`http`: {error}"))?;
            let payload = Payload::http(&call.method, &call.url, call.body.as_bytes());
            let payload =
                call.headers.iter().fold(payload, |payload, (name, value)| payload.with_header(name, value));
            let facts = http::inspect(&payload);
            let reason = facts.obstacle().map(ToString::to_string);
            Ok(Json::Object(describe(http::MEMBERS, &facts.attributes(), reason)))
        }
        "flag" => {
            let facts = flag::inspect(&text(payload));
            let reason = facts.obstacle().map(ToString::to_string);
            Ok(Json::Object(describe(flag::MEMBERS, &facts.attributes(), reason)))
        }
        _ => {
            let facts = debug::inspect(&text(payload));
            let reason = facts.obstacle().map(ToString::to_string);
            Ok(Json::Object(describe(debug::MEMBERS, &facts.attributes(), reason)))
        }
    }
}

fn command<S: AsRef<str>>(words: &[S]) -> Json {
    let facts = command::inspect(words);
    let reason = facts.obstacle().map(ToString::to_string);
    Json::Object(describe(command::MEMBERS, &facts.attributes(), reason))
}

/// An HTTP call as requests write it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Call {
    method: String,
    url: String,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    #[serde(default)]
    body: String,
}

/// A payload that is JSON itself, as it stands or inside a string.
fn text(payload: &Json) -> String {
    payload.as_str().map_or_else(|| payload.to_string(), str::to_owned)
}

fn describe(members: &[(&str, &str)], known: &Attributes, reason: Option<String>) -> Map<String, Json> {
    let value = |name: &str| known.get(name).map_or(Json::Null, to_json);
    let mut line: Map<String, Json> =
        members.iter().map(|(name, _)| ((*name).to_owned(), value(name))).collect();
    if let Some(reason) = reason {
        line.insert("effect".to_owned(), json!("unknown"));
        line.insert("reason".to_owned(), json!(reason));
    }
    line
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(value) => json!(value),
        Value::Int(value) => json!(value),
        Value::Double(value) => json!(value),
        Value::String(value) => json!(value),
        Value::List(values) => values.iter().map(to_json).collect(),
        _ => Json::Null,
    }
}

const KINDS: [&str; 6] = ["sql", "argv", "shell", "http", "flag", "debug"];
