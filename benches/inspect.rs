//! How long the inspectors take: SQL and commands over the labelled ones, the others over examples.

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign::inspect::{command, debug, flag, http, sql::inspect};
use countersign::{Dialect, Payload};
use criterion::{Criterion, Throughput};

const ROUNDS: usize = 20;

fn main() {
    let rows: Vec<(Dialect, String)> = include_str!("../tests/data/sql/statements.jsonl")
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|row| {
            Some((Dialect::from_name(row.get("dialect")?.as_str()?)?, row.get("sql")?.as_str()?.to_owned()))
        })
        .collect();
    let commands: Vec<Vec<String>> = [
        include_str!("../tests/data/commands/labelled.jsonl"),
        include_str!("../tests/data/commands/own.jsonl"),
        include_str!("../tests/data/commands/later.jsonl"),
    ]
    .iter()
    .flat_map(|file| file.lines())
    .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
    .filter_map(|row| serde_json::from_value(row.get("command")?.clone()).ok())
    .collect();
    let inspect_one = |(dialect, text): &(Dialect, String)| inspect(*dialect, text).understood();
    percentiles("statement", &rows, inspect_one);
    percentiles("command", &commands, |words| command::inspect(words).understood());
    percentiles("call", &calls(), |call| http::inspect(call).understood());
    percentiles("change of a flag", &FLAGS, |text| flag::inspect(text).understood());
    percentiles("request to a debugger", &DEBUGGER, |text| debug::inspect(text).understood());
    let mut criterion = Criterion::default().configure_from_args();
    let mut group = criterion.benchmark_group("inspect");
    group.throughput(Throughput::Elements(rows.len().try_into().unwrap_or(u64::MAX)));
    group.bench_function("sql, all statements", |bencher| {
        bencher.iter(|| {
            for (dialect, text) in &rows {
                black_box(inspect(*dialect, text));
            }
        });
    });
    group.throughput(Throughput::Elements(commands.len().try_into().unwrap_or(u64::MAX)));
    group.bench_function("command, all commands", |bencher| {
        bencher.iter(|| {
            for words in &commands {
                black_box(command::inspect(words));
            }
        });
    });
    group.finish();
    criterion.final_summary();
}

/// Calls with a long path, parameters, headers, and GraphQL of 20 to 2,000 bytes.
fn calls() -> Vec<Payload> {
    let url =
        "https://orders.example/v1/orders/9f8b6c1e-0000-4000-8000-1234567890ab/lines/7?expand=a%20b&limit=10";
    let plain = ["GET", "PUT", "POST", "DELETE"].map(|method| {
        let body: &[u8] = if method == "GET" { b"" } else { br#"{"state": "paid"}"# };
        Payload::http(method, url, body)
            .with_header("idempotency-key", "8e03978e-40d5-43dd-bc93-6894a57f9324")
            .with_header("accept", "application/json")
    });
    let graphql = (0_usize..16).map(|size| {
        let fields = "orders(first: 10, after: \\\"x\\\") { id total ...F } ".repeat(size.saturating_mul(3));
        let body =
            format!("{{\"query\": \"query Q($x: Int = 1) {{ a {fields} }} fragment F on T {{ b }}\"}}");
        Payload::http("POST", "https://orders.example/graphql", body.as_bytes())
            .with_header("content-type", "application/json")
    });
    plain.into_iter().chain(graphql).collect()
}

/// Prints the median and the 99th percentile of the rows' best times.
fn percentiles<T>(what: &str, rows: &[T], inspect: impl Fn(&T) -> bool) {
    let mut times: Vec<Duration> = rows.iter().map(|row| best(|| inspect(row))).collect();
    times.sort_unstable();
    let at =
        |percent: usize| times.get(times.len().saturating_mul(percent) / 100).copied().unwrap_or_default();
    println!("one {what} of {}: median {:?}, p99 {:?}, most {:?}", times.len(), at(50), at(99), times.last());
}

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn best(inspect: impl Fn() -> bool) -> Duration {
    let run = || {
        let start = Instant::now();
        black_box(inspect());
        start.elapsed()
    };
    (0..ROUNDS).map(|_| run()).min().unwrap_or_default()
}

const FLAGS: [&str; 3] = [
    r#"{"key": "new-checkout", "to": {"on": false}}"#,
    r#"{"key": "new-checkout", "from": {"on": true, "percent": 5}, "to": {"on": true, "percent": 50}}"#,
    r#"{"key": "new-checkout", "from": {"on": true, "percent": 5, "targeting": ["beta", {"country": "de"}]},
        "to": {"on": true, "percent": 5, "targeting": ["beta", {"country": "fr"}]}}"#,
];

const DEBUGGER: [&str; 3] = [
    r#"{"command": "threads"}"#,
    r#"{"seq": 1, "type": "request", "command": "evaluate", "arguments": {"expression": "orders.clear()"}}"#,
    r#"[{"command": "attach", "arguments": {"processId": 7}}, {"command": "setBreakpoints", "arguments":
        {"source": {"path": "a.py"}, "breakpoints": [{"line": 7, "logMessage": "{order.total}"},
        {"line": 9, "condition": "order.id == 7 && total > 100"}]}}]"#,
];
