//! The programs that users write, run.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::as_conversions,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "programs have files, a clock and short code"
)]

#[path = "programs/p1_quickstart.rs"]
mod p1_quickstart;
#[path = "programs/p2_authzen.rs"]
mod p2_authzen;
#[path = "programs/p3_sync_file.rs"]
mod p3_sync_file;
#[path = "programs/p4_async_db.rs"]
mod p4_async_db;
#[path = "programs/p5_vote.rs"]
mod p5_vote;
#[path = "programs/p6_tool.rs"]
mod p6_tool;
#[path = "programs/p7_audit.rs"]
mod p7_audit;

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;

use countersign::{GrantVerifier, KeySet, Ledger, LogVerifier, Outcome, SigningKey, Stamp, Subject};

const DELETE: &str = r#"{"subject": {"type": "user", "id": "ana"},
    "action": {"name": "sql.execute", "payload": {"dialect": "postgresql", "sql": "DELETE FROM orders WHERE id = 7"}},
    "resource": {"type": "database", "id": "orders", "properties": {"environment": "prod"}}}"#;

fn random() -> [u8; 32] {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).unwrap();
    bytes
}

/// A folder of its own for one test, with a signing key.
fn folder(test: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("countersign-{test}-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("key.pem"), SigningKey::from_seed([7; 32]).to_pem().as_str()).unwrap();
    folder
}

fn approver(name: &str) -> Subject {
    Subject::new("user", name).with("groups", ["sre"])
}

#[test]
fn policy_answers_with_a_review() {
    let answer = p1_quickstart::main().unwrap();
    assert_eq!(answer, r#"critical risk, ask: ["table-wide-write", "production"]"#);
}

#[test]
fn malformed_line_does_not_stop_the_rest() {
    let one_line = DELETE.replace('\n', " ");
    let input = format!("{one_line}\n{{\"bad\n{one_line}\n");
    let mut output = Vec::new();
    p2_authzen::main(input.as_bytes(), &mut output).unwrap();
    let lines: Vec<serde_json::Value> =
        String::from_utf8(output).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["context"]["effect"], "review");
    assert_eq!(lines[0]["decision"], false);
    assert_eq!(lines[1]["error"], "request is not JSON at line 1, column 5: EOF while parsing a string");
    assert_eq!(lines[2], lines[0]);
}

#[test]
fn file_host_runs_what_was_approved_and_an_auditor_agrees() {
    let folder = folder("file");
    assert_eq!(p3_sync_file::main(&folder).unwrap(), "DELETE FROM orders WHERE id = 7");
    let vkey = SigningKey::from_seed([7; 32]).public().to_vkey("orders-gate").unwrap();
    assert_eq!(p7_audit::main(&folder, &vkey).unwrap(), "8 records, 0 not covered by a checkpoint");

    // A second run resumes the log; a torn write at its end is cut off first.
    let path = folder.join("audit.jsonl");
    let mut log = fs::read(&path).unwrap();
    log.extend_from_slice(b"{\"!fmt\":\"countersi");
    fs::write(&path, log).unwrap();
    p3_sync_file::main(&folder).unwrap();
    assert_eq!(p7_audit::main(&folder, &vkey).unwrap(), "15 records, 0 not covered by a checkpoint");
    fs::remove_dir_all(folder).unwrap();
}

#[test]
fn gates_on_one_stream_and_one_store_lose_nothing() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let db = p4_async_db::Db::default();
    runtime.block_on(async {
        let hosts: Vec<_> = (0..4).map(|_| Arc::new(p4_async_db::Host::open(db.clone()).unwrap())).collect();
        let calls: Vec<_> = (0..40)
            .map(|call| {
                let host = Arc::clone(&hosts[call % hosts.len()]);
                tokio::spawn(async move { host.handle(DELETE).await.map(|outcome| outcome.effect()) })
            })
            .collect();
        for call in calls {
            assert_eq!(call.await.unwrap().unwrap(), countersign::Effect::Review);
        }
    });
    let mut verifier = LogVerifier::new("shared");
    let rows = db.rows();
    assert!(rows.iter().all(|row| verifier.push(row).is_some()));
    assert_eq!(rows.len(), 81); // the opening, and two records for each request
}

#[test]
fn queued_steps_are_answered_after_their_batch_is_stored() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let db = p4_async_db::Db::default();
    runtime.block_on(async {
        let (sender, receiver) = tokio::sync::mpsc::channel(1024);
        let appender =
            tokio::spawn(p4_async_db::appender(Ledger::create("gate-2").unwrap(), db.clone(), receiver));
        let gate = p4_async_db::gate().unwrap();
        let calls: Vec<_> = (0..40)
            .map(|_| tokio::spawn(p4_async_db::handle_queued(gate.clone(), sender.clone(), DELETE)))
            .collect();
        drop(sender);
        for call in calls {
            assert!(matches!(call.await.unwrap().unwrap(), Outcome::Review(_)));
        }
        appender.await.unwrap().unwrap();
    });
    assert_eq!(db.rows().len(), 81);
}

#[test]
fn voters_load_the_review_and_the_last_one_gets_a_token_that_the_tool_takes_once() {
    let (gate, key) = (p4_async_db::gate().unwrap(), SigningKey::from_seed([7; 32]));
    let (mut ledger, mut db) = (Ledger::create("orders-gate").unwrap(), p5_vote::Db::default());
    let stamp = || Stamp::new(chrono::Utc::now(), random());
    let request = countersign::Request::from_trusted_json(DELETE).unwrap();
    let staged = ledger.stage(gate.submit(request, stamp())).unwrap();
    db.insert(staged.records()).unwrap();
    let Outcome::Review(review) = staged.commit().unwrap() else { unreachable!() };
    let mut vote =
        |name| p5_vote::approve(&gate, &mut ledger, &mut db, &key, review.id(), approver(name), stamp());
    assert_eq!(vote("bo").unwrap(), None);
    let token = vote("cy").unwrap().unwrap();

    let verifier = GrantVerifier::new("https://jit.example", "database/orders", KeySet::new([key.public()]));
    let tool = p6_tool::Db::default();
    let sql = "DELETE FROM orders WHERE id = 7";
    assert!(p6_tool::run(&verifier, &tool, &token, "DELETE FROM orders WHERE id = 8").is_err());
    assert_eq!(p6_tool::run(&verifier, &tool, &token, sql).unwrap(), 1);
    assert!(
        p6_tool::run(&verifier, &tool, &token, sql)
            .unwrap_err()
            .to_string()
            .ends_with("has no use left of 1")
    );
    assert_eq!(*tool.executed.borrow(), [sql]);
}
