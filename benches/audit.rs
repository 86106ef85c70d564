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

criterion_group!(benches, append, batch, verify);
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

fn verify(criterion: &mut Criterion) {
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let mut file = Vec::new();
    for _ in 0..10 {
        let staged = ledger.stage((0..=255).map(step).collect::<Step<Vec<()>>>()).unwrap();
        file.extend_from_slice(staged.lines());
        staged.commit();
    }
    let lines: Vec<&[u8]> = file.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let mut group = criterion.benchmark_group("verify");
    group.throughput(Throughput::Elements(ledger.next_seq()));
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
    group.bench_function("read and verify on two threads", |bench| {
        bench.iter(|| {
            let mut log = LogVerifier::new("orders-gate");
            for range in on_two_threads(&log, &file) {
                log.append(range);
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

fn on_two_threads<'a>(log: &LogVerifier, file: &'a [u8]) -> Vec<LogRange<'a>> {
    std::thread::scope(|scope| {
        let parts = LogRange::split(file, 2).into_iter();
        let threads: Vec<_> = parts.map(|part| scope.spawn(move || log.read(part))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    })
}
