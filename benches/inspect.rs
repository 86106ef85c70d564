//! How long the SQL inspector takes for one statement, over the labelled statements.

use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign::Dialect;
use countersign::inspect::sql::inspect;
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
    percentiles(&rows);
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
    group.finish();
    criterion.final_summary();
}

/// Prints the median and the 99th percentile of the statements' best times.
fn percentiles(rows: &[(Dialect, String)]) {
    let mut times: Vec<Duration> = rows.iter().map(|(dialect, text)| best(*dialect, text)).collect();
    times.sort_unstable();
    let at =
        |percent: usize| times.get(times.len().saturating_mul(percent) / 100).copied().unwrap_or_default();
    println!(
        "one statement of {}: median {:?}, p99 {:?}, most {:?}",
        times.len(),
        at(50),
        at(99),
        times.last()
    );
}

#[allow(clippy::disallowed_methods, reason = "a benchmark reads the clock")]
fn best(dialect: Dialect, text: &str) -> Duration {
    let run = || {
        let start = Instant::now();
        black_box(inspect(dialect, black_box(text)));
        start.elapsed()
    };
    (0..ROUNDS).map(|_| run()).min().unwrap_or_default()
}
