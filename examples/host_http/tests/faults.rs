//! The host under kill -9, and many gates on one store.
//!
//! The host is another process that dies at any moment, again and again, while callers go on. Afterwards the log
//! is read by the library's own verifiers, and held against what callers were told.
//!
//! `HOST_FAULT_FLOWS` and `HOST_FAULT_RACES` set how many flows and races there are.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails may panic"
)]
#![allow(clippy::disallowed_methods, reason = "tests have files, an environment and a clock")]

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use common::{Folder, config, delete, postgres, stores, try_call, use_of};
use countersign::{Ledger, Lifecycle, LogVerifier, ParentVerifier, Record};
use countersign_host::store::Store;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

/// A host in a process of its own.
struct Gate {
    child: Child,
    address: SocketAddr,
}

impl Gate {
    async fn start(folder: &Path, store: &str) -> Self {
        let config = config(folder, store);
        let mut child = Command::new(env!("CARGO_BIN_EXE_countersign-host"))
            .env("HOST_ADDRESS", &config.address)
            .env("HOST_STORE", &config.store)
            .env("HOST_STREAM", &config.stream)
            .env("HOST_KEY", &config.key)
            .env("HOST_POLICY", config.policy.unwrap())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let line = lines.next_line().await.unwrap().expect("the host starts");
        let address = line.strip_prefix("listening on http://").unwrap().parse().unwrap();
        tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Self { child, address }
    }

    /// SIGKILL: no handler runs, nothing is flushed.
    async fn kill(mut self) {
        self.child.kill().await.unwrap();
    }
}

/// What callers were told.
#[derive(Debug, Default)]
struct Told {
    votes: BTreeSet<(String, String)>,
    grants: BTreeMap<String, String>,
    uses: BTreeMap<String, usize>,
}

type Addresses = Arc<Mutex<Vec<SocketAddr>>>;

/// Asks whichever host is there until one answers, at most for half a minute.
async fn ask(hosts: &Addresses, turn: usize, who: &str, path: &str, body: &Value) -> (u16, Value) {
    for attempt in 0..600 {
        let address = {
            let hosts = hosts.lock().unwrap();
            hosts[(turn + attempt) % hosts.len()]
        };
        match try_call(address, who, path, Some(body.clone())).await {
            Some((status, answer)) if status < 500 => return (status, answer),
            _ => tokio::time::sleep(Duration::from_millis(50)).await,
        }
    }
    panic!("no host answers {path}");
}

/// One flow up to the grant; what is acknowledged is told. An answer that is lost is asked for again.
async fn granted(hosts: &Addresses, turn: usize, told: &Mutex<Told>) -> (String, String) {
    let (status, asked) = ask(hosts, turn, "ana", "/v1/requests", &delete()).await;
    assert_eq!(status, 200, "{asked}");
    let review = asked["review"].as_str().unwrap().to_owned();
    for (place, who) in ["bo", "cy"].into_iter().enumerate() {
        let path = format!("/v1/reviews/{review}/votes");
        let ballot = json!({ "approve": true, "comment": "looks right" });
        let (status, _) = ask(hosts, turn + place, who, &path, &ballot).await;
        // A vote whose answer was lost counts already, and is refused the second time.
        assert!(status == 200 || status == 403, "{status}");
        if status == 200 {
            told.lock().unwrap().votes.insert((review.clone(), who.to_owned()));
        }
    }
    let path = format!("/v1/reviews/{review}/grant");
    let (status, answer) = ask(hosts, turn, "ana", &path, &json!({})).await;
    assert_eq!(status, 200, "two people have approved {review}: {answer}");
    let grant = answer["grant"].as_str().unwrap().to_owned();
    let before = told.lock().unwrap().grants.insert(review.clone(), grant.clone());
    assert_eq!(before, None);
    (review, grant)
}

/// Reads everything that is stored and holds it against what callers were told.
async fn check(folder: &Path, store: &str, told: &Told) -> usize {
    let store = Store::open(store).await.unwrap();
    let journal = store.journal().await.unwrap();
    let mut lifecycle = Lifecycle::new();
    let mut verifiers: BTreeMap<&str, LogVerifier> = BTreeMap::new();
    let mut logs: BTreeMap<&str, Vec<&[u8]>> = BTreeMap::new();
    // Reviews go over from stream to stream, so they are followed in the order in which they were stored.
    for (stream, line) in &journal {
        let log = verifiers.entry(stream).or_insert_with(|| LogVerifier::new(stream));
        lifecycle.push(&log.push(line).expect("every record is where it belongs"));
        logs.entry(stream).or_default().push(line);
    }
    assert_eq!(lifecycle.finish(), []);
    if store.is_shared() {
        let now = countersign_host::clock::now();
        let mut ledger = Ledger::create("test-host").unwrap();
        ledger.catch_up(&logs["test-host"]).unwrap();
        let (_, key) = config(folder, "").keys().unwrap();
        let kept = ledger.checkpoint().sign(&key);
        let log = LogVerifier::new("test-host").with_key(key.public()).with_checkpoint(&kept).unwrap();
        let mut parent = ParentVerifier::new(log);
        logs["test-host"].iter().for_each(|line| drop(parent.push(line)));
        let mut streams = parent.finish(now).unwrap();
        for (stream, lines) in logs.iter().filter(|(stream, _)| **stream != "test-host") {
            streams.read(LogVerifier::new(stream), lines);
        }
        streams.finish().require_sound().unwrap();
    }

    let (mut votes, mut authorized, mut redeemed) = (BTreeSet::new(), BTreeMap::new(), BTreeMap::new());
    for line in logs.values().flatten() {
        let record = Record::read(line).unwrap();
        let content = Value::Object(record.content());
        let review = record.review().unwrap_or_default().to_owned();
        match record.event() {
            "review.voted" => {
                let who = content["vote"]["approver"]["id"].as_str().unwrap().to_owned();
                votes.insert((review, who));
            }
            "grant.authorized" => *authorized.entry(review).or_insert(0) += 1,
            "grant.redeemed" => {
                let request = content["req"].as_str().unwrap().to_owned();
                *redeemed.entry(request).or_insert(0_usize) += 1;
            }
            _ => {}
        }
    }
    let lost: Vec<_> = told.votes.difference(&votes).collect();
    assert!(lost.is_empty(), "acknowledged votes are lost: {lost:?}");
    assert!(authorized.values().all(|count| *count == 1), "a review led to two grants");
    for review in told.grants.keys() {
        assert!(authorized.contains_key(review), "a grant of {review} was handed out and is not recorded");
    }
    assert!(redeemed.values().all(|count| *count == 1), "a grant was redeemed twice");
    for (review, count) in &told.uses {
        assert!(*count <= 1, "{review} ran {count} times");
        assert!(*count == 0 || redeemed.contains_key(review), "{review} ran and no use is recorded");
    }
    assert!(store.rebuild().await.unwrap(), "the read model differs from the records");
    journal.len()
}

fn count(name: &str, default: usize) -> usize {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

/// Kills a host whenever a moment has passed, and starts it anew, until the flows are done.
async fn killed(
    folder: &Path,
    store: &str,
    gates: usize,
    hosts: &Addresses,
    done: &AtomicUsize,
    flows: usize,
) -> usize {
    let mut running = Vec::new();
    for _ in 0..gates {
        running.push(Gate::start(folder, store).await);
    }
    *hosts.lock().unwrap() = running.iter().map(|gate| gate.address).collect();
    let mut kills = 0;
    while done.load(Ordering::SeqCst) < flows {
        let chance = u64::from(countersign_host::clock::random()[0]);
        tokio::time::sleep(Duration::from_millis(10 + chance / 2)).await;
        running.remove(0).kill().await;
        kills += 1;
        running.push(Gate::start(folder, store).await);
        *hosts.lock().unwrap() = running.iter().map(|gate| gate.address).collect();
    }
    kills
}

/// Runs flows on hosts that die; says how many records and kills there were.
async fn faults(store: String, folder: &Folder, gates: usize, flows: usize) -> (usize, usize) {
    let hosts = Addresses::default();
    let (told, done) = (Arc::new(Mutex::new(Told::default())), Arc::new(AtomicUsize::new(0)));
    let next = Arc::new(AtomicUsize::new(0));
    let workers: Vec<_> = (0..8)
        .map(|_| {
            let (hosts, told, done, next) = (hosts.clone(), told.clone(), done.clone(), next.clone());
            tokio::spawn(async move {
                while hosts.lock().unwrap().is_empty() {
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                loop {
                    let turn = next.fetch_add(1, Ordering::SeqCst);
                    if turn >= flows {
                        return;
                    }
                    let (review, grant) = granted(&hosts, turn, &told).await;
                    // Twice: of both at most one may run, also if an answer is lost.
                    for _ in 0..2 {
                        let (status, _) = ask(&hosts, turn, "ana", "/v1/redeem", &use_of(&grant)).await;
                        *told.lock().unwrap().uses.entry(review.clone()).or_default() +=
                            usize::from(status == 200);
                    }
                    done.fetch_add(1, Ordering::SeqCst);
                }
            })
        })
        .collect();
    let kills = tokio::spawn({
        let (folder, store, hosts, done) = (folder.0.clone(), store.clone(), hosts.clone(), done.clone());
        async move { killed(&folder, &store, gates, &hosts, &done, flows).await }
    });
    for worker in workers {
        if let Err(error) = worker.await {
            // Whoever waits for the last flow would wait for ever.
            done.store(flows, Ordering::SeqCst);
            std::panic::resume_unwind(error.into_panic());
        }
    }
    let kills = kills.await.unwrap();
    let told = std::mem::take(&mut *told.lock().unwrap());
    (check(&folder.0, &store, &told).await, kills)
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_acknowledged_survives_kill_9() {
    let folder = Folder::new();
    let flows = count("HOST_FAULT_FLOWS", 60);
    for store in stores(&folder).await {
        let kind =
            store.split(':').next().map_or("", |kind| if kind == "postgres" { kind } else { "sqlite" });
        let (records, kills) = faults(store.clone(), &folder, 1, flows).await;
        println!("{kind}: {flows} flows, {kills} kills, {records} records verified");
        assert!(kills > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn four_gates_on_one_store_survive_kill_9() {
    let folder = Folder::new();
    let Some(store) = postgres().await else {
        println!("SKIPPED: set HOST_TEST_POSTGRES");
        return;
    };
    let flows = count("HOST_FAULT_FLOWS", 60);
    let (records, kills) = faults(store, &folder, 4, flows).await;
    println!("4 gates on postgres: {flows} flows, {kills} kills, {records} records verified");
    assert!(kills > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_many_concurrent_redemptions_wins() {
    let folder = Folder::new();
    let Some(store) = postgres().await else {
        println!("SKIPPED: set HOST_TEST_POSTGRES");
        return;
    };
    let races = count("HOST_FAULT_RACES", 100);
    let mut gates = Vec::new();
    for _ in 0..4 {
        gates.push(Gate::start(&folder.0, &store).await);
    }
    let hosts: Addresses = Arc::new(Mutex::new(gates.iter().map(|gate| gate.address).collect()));
    let (told, next) = (Arc::new(Mutex::new(Told::default())), Arc::new(AtomicUsize::new(0)));
    let workers: Vec<_> = (0..16)
        .map(|_| {
            let (hosts, told, next) = (hosts.clone(), told.clone(), next.clone());
            tokio::spawn(async move {
                loop {
                    let turn = next.fetch_add(1, Ordering::SeqCst);
                    if turn >= races {
                        return;
                    }
                    let (review, grant) = granted(&hosts, turn, &told).await;
                    let body = use_of(&grant);
                    let calls: Vec<_> = (0..8)
                        .map(|at| {
                            let (hosts, body) = (hosts.clone(), body.clone());
                            tokio::spawn(async move { ask(&hosts, at, "ana", "/v1/redeem", &body).await.0 })
                        })
                        .collect();
                    let mut wins = 0;
                    for call in calls {
                        wins += usize::from(call.await.unwrap() == 200);
                    }
                    assert_eq!(wins, 1, "of 8 redemptions of {review}");
                    told.lock().unwrap().uses.insert(review, wins);
                }
            })
        })
        .collect();
    for worker in workers {
        worker.await.unwrap();
    }
    for gate in gates {
        gate.kill().await;
    }
    let told = std::mem::take(&mut *told.lock().unwrap());
    let records = check(&folder.0, &store, &told).await;
    println!("{races} races of 8 redemptions over 4 gates, {records} records verified");
}
