//! A host of Countersign: approvals over HTTP, on SQLite or PostgreSQL.
//!
//! It owns what the library does not: transport, identity, storage, keys, the clock and chance.
//!
//! ```text
//! http ──▶ Host ──▶ Gate (no lock) ──▶ Step ──▶ Writer (one task, one Ledger) ──▶ Store
//!            ▲                                                                      │
//!            └──────────────── the result, after the store has confirmed ◀──────────┘
//! ```
//!
//! | to | see |
//! |---|---|
//! | add routes | [`http::router`]: merge another `Router<Arc<Host>>` there; [`http::SignedIn`] is who calls |
//! | decide, vote, sign, redeem, wake | [`host::Host`] |
//! | record any other step | [`host::Host::record`], with [`clock::stamp`] |
//! | keep a row of the wire, such as a filed access request or an idempotency key | [`store::Store::put`] and [`store::Document`] |
//! | know people and resources | [`directory::Directory`] |
//! | say how a host runs | [`config::Config`] |
//! | start a host in a test | [`start`] with `address` `127.0.0.1:0` and a store in a fresh folder |

pub mod clock;
pub mod config;
pub mod directory;
pub mod host;
pub mod http;
pub mod store;
pub mod writer;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::host::{Host, HostError};

/// A host that runs.
#[derive(Debug)]
pub struct Running {
    /// Where it listens.
    pub address: SocketAddr,
    /// What its handlers use.
    pub host: Arc<Host>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<std::io::Result<()>>,
    tending: JoinHandle<()>,
}

/// Starts a host: its store, its log, its port, and the task that wakes reviews and anchors heads.
///
/// # Errors
///
/// [`HostError`].
pub async fn start(config: &Config) -> Result<Running, HostError> {
    let host = Host::open(config).await?;
    let listener = TcpListener::bind(&config.address).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let serve = axum::serve(listener, http::router(host.clone())).with_graceful_shutdown(async move {
        // Dropped is stopped.
        let _ = stopped.await;
    });
    let serving = tokio::spawn(serve.into_future());
    let tending = tokio::spawn(tend(host.clone()));
    Ok(Running { address, host, stop, serving, tending })
}

impl Running {
    /// Answers what was begun, and ends.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn stop(self) -> Result<(), HostError> {
        drop(self.stop);
        self.tending.abort();
        if let Ok(served) = self.serving.await {
            served?;
        }
        self.host.close().await
    }
}

async fn tend(host: Arc<Host>) {
    let mut anchored = 0;
    loop {
        let rest = host.wake_due().await.unwrap_or_else(|error| {
            eprintln!("{error}");
            Duration::from_secs(1)
        });
        let size = host.head().size();
        if size != anchored {
            match host.anchor().await {
                Ok(()) => anchored = size,
                Err(error) => eprintln!("{error}"),
            }
        }
        tokio::time::sleep(rest).await;
    }
}
