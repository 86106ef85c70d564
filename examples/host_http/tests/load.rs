//! Steps per second into each store, beside what the store takes of the same bytes without a host.
//!
//! Meant for `--release -- --ignored --nocapture`. Both are measured in one run, in turns, so that their ratio
//! travels.

#![allow(clippy::as_conversions, reason = "rates are approximate")]
#![allow(clippy::unwrap_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "tests have files, an environment and a clock")]

mod common;

use std::time::Instant;

use common::{Folder, config, delete, stores, try_call};
use countersign::{Ledger, Record, Step};
use countersign_host::clock::stamp;
use countersign_host::start;
use countersign_host::store::{Inserted, Store};
use countersign_host::writer::Writer;
use serde_json::{Value, json};

/// Steps of one measurement, and of one batch.
const STEPS: usize = 20_000;
const BATCH: usize = 256;

fn note(number: usize) -> Step<()> {
    Step::note("deploy.started", json!({ "build": number, "text": "x".repeat(300) }), stamp())
}

/// The same number of rows of the same size, in batches of the same size, by one call after the other.
async fn bare(store: &Store, stream: &str) -> f64 {
    let mut ledger = Ledger::create(stream).unwrap().store_enforces_keys();
    let mut batches: Vec<Vec<Record>> = Vec::new();
    for first in (0..STEPS).step_by(BATCH) {
        let step: Step<Vec<()>> = (first..STEPS.min(first + BATCH)).map(note).collect();
        let staged = ledger.stage(step).unwrap();
        batches.push(staged.records().to_vec());
        staged.commit();
    }
    let begun = Instant::now();
    for records in &batches {
        assert_eq!(store.insert(records, []).await.unwrap(), Inserted::Stored);
    }
    STEPS as f64 / begun.elapsed().as_secs_f64()
}

async fn through_the_writer(store: &Store, stream: &str) -> f64 {
    let writer = Writer::start(store.clone(), stream, None).await.unwrap();
    let begun = Instant::now();
    let callers: Vec<_> = (0..1_024)
        .map(|caller| {
            let writer = writer.clone();
            tokio::spawn(async move {
                for number in (caller..STEPS).step_by(1_024) {
                    writer.record(note(number)).await.unwrap();
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.unwrap();
    }
    STEPS as f64 / begun.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn steps_per_second_beside_the_bare_insert() {
    let folder = Folder::new();
    for place in stores(&folder).await {
        let store = Store::open(&place).await.unwrap();
        let mut ratios = Vec::new();
        for round in 0..5 {
            let bare = bare(&store, &format!("bare-{round}")).await;
            let steps = through_the_writer(&store, &format!("writer-{round}")).await;
            println!(
                "shared {}: bare {bare:.0}/s, host {steps:.0}/s, {:.2}",
                store.is_shared(),
                steps / bare
            );
            ratios.push(steps / bare);
        }
        ratios.sort_by(f64::total_cmp);
        println!("median ratio {:.2}", ratios[2]);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "measures"]
async fn recorded_decisions_per_second_over_http() {
    let folder = Folder::new();
    for place in stores(&folder).await {
        let running = start(&config(&folder.0, &place)).await.unwrap();
        let at = running.address;
        let body = |name: &str| match name {
            "review" => delete(),
            _ => json!({
                "subject": { "type": "user", "id": "ana" }, "action": { "name": "logs.read" },
                "resource": { "type": "database", "id": "orders" },
            }),
        };
        for kind in ["allow", "review"] {
            let begun = Instant::now();
            let callers: Vec<_> = (0..64)
                .map(|_| {
                    let body: Value = body(kind);
                    tokio::spawn(async move {
                        for _ in 0..50 {
                            let (status, answer) =
                                try_call(at, "ana", "/v1/requests", Some(body.clone())).await.unwrap();
                            assert_eq!((status, answer["effect"].as_str()), (200, Some(kind)), "{answer}");
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await.unwrap();
            }
            let rate = 3_200.0 / begun.elapsed().as_secs_f64();
            println!("shared {}: {kind} {rate:.0} requests/s", running.host.store().is_shared());
        }
        running.stop().await.unwrap();
    }
}
