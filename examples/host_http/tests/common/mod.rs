//! A host in this process or another, and a client of a few lines.

#![allow(dead_code, reason = "each test uses a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that fails may panic")]
#![allow(clippy::disallowed_methods, reason = "tests have files, an environment and a clock")]

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use countersign_host::config::Config;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A folder of its own, gone with it.
pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("countersign-host-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// Stores to test: always a file, and a database of its own on the server that the environment names.
pub(crate) async fn stores(folder: &Folder) -> Vec<String> {
    let mut stores = vec![folder.0.join("host.db").display().to_string()];
    match postgres().await {
        Some(url) => stores.push(url),
        None => println!("SKIPPED: set HOST_TEST_POSTGRES to test PostgreSQL as well"),
    }
    stores
}

/// Makes a database on the server that `HOST_TEST_POSTGRES` names, `postgres://user@address:port`.
pub(crate) async fn postgres() -> Option<String> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let server = std::env::var("HOST_TEST_POSTGRES").ok()?;
    let (client, connection) =
        tokio_postgres::connect(&format!("{server}/postgres"), tokio_postgres::NoTls).await.unwrap();
    tokio::spawn(connection);
    let name = format!("host_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    client.batch_execute(&format!("CREATE DATABASE {name}")).await.unwrap();
    Some(format!("{server}/{name}"))
}

pub(crate) fn config(folder: &Path, store: &str) -> Config {
    Config {
        address: "127.0.0.1:0".to_owned(),
        store: store.to_owned(),
        stream: "test-host".to_owned(),
        issuer: "https://countersign.example".to_owned(),
        key: folder.join("host.key"),
        policy: Some(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/common/policy.toml").into()),
        directory: None,
    }
}

/// What a host answered: the status, and the body if it is JSON.
pub(crate) async fn call(address: SocketAddr, who: &str, path: &str, body: Option<Value>) -> (u16, Value) {
    try_call(address, who, path, body).await.expect("the host answers")
}

/// As [`call`]; `None` where no whole answer came.
pub(crate) async fn try_call(
    address: SocketAddr,
    who: &str,
    path: &str,
    body: Option<Value>,
) -> Option<(u16, Value)> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let method = if body.is_some() { "POST" } else { "GET" };
    let body = body.map(|body| body.to_string()).unwrap_or_default();
    let length = body.len();
    let text = format!(
        "{method} {path} HTTP/1.1\r\nHost: test\r\nConnection: close\r\nAuthorization: Bearer dev-{who}\r\n\
         Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n{body}"
    );
    stream.write_all(text.as_bytes()).await.ok()?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let text = String::from_utf8(answer).ok()?;
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length =
        head.to_lowercase().lines().find_map(|line| line.strip_prefix("content-length: ")?.parse().ok());
    if length.is_some_and(|length: usize| length != body.len()) {
        return None;
    }
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()))))
}

pub(crate) const DELETE: &str = "DELETE FROM orders WHERE id = 7";

/// A request that people must approve.
pub(crate) fn delete() -> Value {
    json!({
        "subject": { "type": "user", "id": "ana" },
        "action": { "name": "sql.execute", "payload": { "dialect": "postgresql", "sql": DELETE } },
        "resource": { "type": "database", "id": "orders" },
        "context": { "reason": "checkout fails", "ticket": "INC4711" },
    })
}

pub(crate) fn use_of(grant: &str) -> Value {
    json!({
        "grant": grant, "action": "sql.execute", "sql": DELETE,
        "resource": { "type": "database", "id": "orders" },
    })
}
