//! What a log costs beside the hashing that it cannot do without.
//!
//! Absolute times do not travel between machines; compare the lines of one group. Each record is about
//! 500 bytes.
#![allow(missing_docs, reason = "criterion's macros make public items")]
#![allow(clippy::unwrap_used, reason = "a bench that cannot run has failed")]

use std::hint::black_box;

use chrono::{DateTime, Utc};
use countersign::{Ledger, LogRange, LogVerifier, Stamp, Step};
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

criterion_group!(benches, append, batch, verify, verify_long);
criterion_main!(benches);

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

fn content() -> Value {
    json!({
        "action": "sql.execute", "environment": "prod", "reason": "stuck order of a customer",
        "resource": "database/orders", "risk": "high", "rows": 1, "rules": ["production-writes"],
        "sql": "DELETE FROM orders WHERE id = 7", "subject": "user/ana",
    })
}

fn step(number: u8) -> Step<()> {
    Step::note("sql.ran", content(), Stamp::new(now(), [number; 32]))
}

fn append(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append");
    let mut ledger = Ledger::create("orders-gate").unwrap();
    ledger.stage(step(0)).unwrap().commit();
    let record: Value =
        serde_json::from_slice(ledger.stage(step(1)).unwrap().records().first().unwrap().bytes()).unwrap();
    ledger.catch_up::<&[u8]>([]).unwrap();
    group.bench_function("serialise and hash", |bench| {
        bench.iter_batched(
            || record.clone(),
            |record| Sha256::digest(serde_json::to_vec(&record).unwrap()),
            BatchSize::SmallInput,
        );
    });
    // A host has its clock: reading a text as a time is none of the work.
    let now = now();
    group.bench_function("step, stage and commit", |bench| {
        bench.iter_batched(
            content,
            |content| {
                let step = Step::note("sql.ran", content, Stamp::new(now, [1; 32]));
                ledger.stage(step).unwrap().commit();
            },
            BatchSize::SmallInput,
        );
    });
    group.bench_function("stage and commit", |bench| {
        bench.iter_batched(|| step(1), |step| ledger.stage(step).unwrap().commit(), BatchSize::SmallInput);
    });
    group.finish();
}

fn batch(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("append 256");
    group.throughput(Throughput::Elements(256));
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let steps = || (0..=255).map(step).collect::<Vec<_>>();
    group.bench_function("stage, lines and commit", |bench| {
        bench.iter_batched(
            steps,
            |steps| {
                let staged = ledger.stage(steps.into_iter().collect::<Step<Vec<()>>>()).unwrap();
                black_box(staged.lines());
                staged.commit()
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// A log of so many batches of 256 records and of the record that opens it.
fn log_of(batches: usize) -> Vec<u8> {
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let mut file = Vec::new();
    for _ in 0..batches {
        let staged = ledger.stage((0..=255).map(step).collect::<Step<Vec<()>>>()).unwrap();
        file.extend_from_slice(staged.lines());
        staged.commit();
    }
    file
}

fn lines_of(file: &[u8]) -> Vec<&[u8]> {
    file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect()
}

fn verify(criterion: &mut Criterion) {
    let file = log_of(10);
    let lines = lines_of(&file);
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(lines.len().try_into().unwrap()));
    group.bench_function("hash", |bench| {
        bench.iter(|| {
            for line in &lines {
                black_box(Sha256::digest(line));
            }
        });
    });
    group.bench_function("read and verify", |bench| {
        bench.iter(|| {
            let mut log = LogVerifier::new("orders-gate");
            for line in &lines {
                black_box(log.push(line));
            }
            log.finish(now())
        });
    });
    // What one thread has to do when the other is done.
    group.bench_function("join two parts", |bench| {
        bench.iter_batched(
            || {
                let log = LogVerifier::new("orders-gate");
                let ranges = on_two_threads(&log, &file);
                (log, ranges)
            },
            |(mut log, ranges)| {
                ranges.into_iter().for_each(|range| log.append(range));
                log.finish(now())
            },
            BatchSize::SmallInput,
        );
    });
    group.finish();
}

/// A quarter of a million records, with two threads. Hashing says what a second core of this machine is worth.
fn verify_long(criterion: &mut Criterion) {
    let file = log_of(1000);
    let lines = lines_of(&file);
    let hash = |lines: &[&[u8]]| {
        for line in lines {
            black_box(Sha256::digest(line));
        }
    };
    let mut group = criterion.benchmark_group("verify 256,000");
    group.sample_size(20).throughput(Throughput::Elements(lines.len().try_into().unwrap()));
    group.bench_function("hash", |bench| bench.iter(|| hash(&lines)));
    group.bench_function("hash on two threads", |bench| {
        let (left, right) = lines.split_at(lines.len().div_ceil(2));
        bench.iter(|| {
            std::thread::scope(|scope| {
                scope.spawn(|| hash(left));
                hash(right);
            });
        });
    });
    group.bench_function("read and verify", |bench| {
        bench.iter(|| {
            let mut log = LogVerifier::new("orders-gate");
            LogRange::split(&file, 1).into_iter().for_each(|whole| {
                let range = log.read(whole);
                log.append(range);
            });
            log.finish(now())
        });
    });
    group.bench_function("read and verify on two threads", |bench| {
        bench.iter(|| {
            let mut log = LogVerifier::new("orders-gate");
            for range in on_two_threads(&log, &file) {
                log.append(range);
            }
            log.finish(now())
        });
    });
    group.finish();
}

fn on_two_threads<'a>(log: &LogVerifier, file: &'a [u8]) -> Vec<LogRange<'a>> {
    std::thread::scope(|scope| {
        let parts = LogRange::split(file, 2).into_iter();
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || log.read(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
