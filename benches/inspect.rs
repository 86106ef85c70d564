//! How long the inspectors take for one statement and for one command, over the labelled ones.

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign::Dialect;
use countersign::inspect::{command, sql::inspect};
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
