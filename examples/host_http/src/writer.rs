//! The one writer of a stream.
//!
//! Callers queue steps; one task stores as many at once as have come while it stored the last ones, and answers
//! each caller after the store has confirmed. A step whose key is taken becomes a recorded refusal, the others of
//! its batch stay. If nobody knows what was stored, the writer looks before it goes on, and whoever was waiting hears
//! that it is not known.

use std::time::Duration;

use countersign::{Checkpoint, Ledger, LedgerError, Record, Step, StreamTaken};
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use crate::clock::stamp;
use crate::store::{Inserted, PAGE, Store, StoreError};

/// Queues steps for the task that writes them.
#[derive(Debug, Clone)]
pub struct Writer {
    queue: mpsc::Sender<Step<()>>,
    head: watch::Receiver<Checkpoint>,
}

/// Why a step was not confirmed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WriteError {
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The ledger refuses the step, or what the store holds.
    #[error("ledger: {0}")]
    Ledger(#[from] LedgerError),
    /// The name of the stream was used before.
    #[error(transparent)]
    Taken(#[from] StreamTaken),
    /// The write was not confirmed: whether it is stored shows when it is looked for.
    #[error("not confirmed: look before you try again")]
    Unconfirmed,
    /// As many steps wait as may.
    #[error("too many steps are waiting")]
    Busy,
}

impl Writer {
    /// Goes on with a stream, or begins it: under the parent if there is one, which hears of it first.
    ///
    /// # Errors
    ///
    /// [`WriteError`]: the log is broken, or the store does not answer.
    pub async fn start(store: Store, stream: &str, parent: Option<&Parent>) -> Result<Self, WriteError> {
        let mut ledger = ledger(&store, stream).await?;
        let note = serde_json::json!({ "version": env!("CARGO_PKG_VERSION") });
        let step = Step::note("started", note, stamp());
        if let (Some(parent), 0) = (parent, ledger.next_seq()) {
            let staged = ledger.stage(step)?;
            if let Some(opening) = staged.records().first() {
                parent.record(Step::child_opened(opening, stamp())).await??;
            }
            write(&store, stream, staged).await?;
        } else {
            store_step(&store, &mut ledger, step).await?;
        }
        let (queue, steps) = mpsc::channel(WAITING);
        let (told, head) = watch::channel(ledger.checkpoint());
        tokio::spawn(run(store, ledger, steps, told));
        Ok(Self { queue, head })
    }

    /// Records a step and gives its result, after the store has confirmed.
    ///
    /// # Errors
    ///
    /// [`WriteError::Busy`] and [`WriteError::Ledger`]: nothing was stored. [`WriteError::Unconfirmed`].
    pub async fn record<T: Send + 'static>(&self, step: Step<T>) -> Result<T, WriteError> {
        step.check()?;
        let (reply, answer) = oneshot::channel();
        let step = step.map(move |result| drop(reply.send(result)));
        self.queue.try_send(step).map_err(|_| WriteError::Busy)?;
        answer.await.map_err(|_| WriteError::Unconfirmed)
    }

    /// Returns the end of what is confirmed.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        self.head.borrow().clone()
    }

    /// Returns the end of a stream that a step has closed, when the writer has shown it.
    pub async fn ended(&self) -> Checkpoint {
        let Self { queue, mut head } = self.clone();
        drop(queue);
        // The writer ends with a stream that is closed, and has shown its head before.
        while head.changed().await.is_ok() {}
        head.borrow().clone()
    }
}

/// The stream above those of several processes, which all of them write.
#[derive(Debug)]
pub struct Parent {
    store: Store,
    ledger: Mutex<Ledger>,
}

impl Parent {
    /// Reads the parent's stream, or begins it.
    ///
    /// # Errors
    ///
    /// [`WriteError`].
    pub async fn open(store: Store, stream: &str) -> Result<Self, WriteError> {
        let ledger = Mutex::new(ledger(&store, stream).await?);
        Ok(Self { store, ledger })
    }

    /// Records a step behind whatever other processes have recorded.
    ///
    /// # Errors
    ///
    /// [`WriteError`].
    pub async fn record<T: 'static>(&self, step: Step<T>) -> Result<T, WriteError> {
        let mut ledger = self.ledger.lock().await;
        store_step(&self.store, &mut ledger, step).await
    }

    /// Returns the end of the parent's stream, as far as this process knows it.
    pub async fn checkpoint(&self) -> Checkpoint {
        self.ledger.lock().await.checkpoint()
    }
}

async fn run(
    store: Store,
    mut ledger: Ledger,
    mut queue: mpsc::Receiver<Step<()>>,
    head: watch::Sender<Checkpoint>,
) {
    let mut steps = Vec::new();
    while queue.recv_many(&mut steps, BATCH).await > 0 {
        let batch: Step<Vec<()>> = steps.drain(..).collect();
        if let Err(error) = store_step(&store, &mut ledger, batch).await {
            eprintln!("{error}");
        }
        if ledger.uncertain().is_none() {
            head.send_replace(ledger.checkpoint());
        }
        if ledger.is_closed() {
            return;
        }
    }
}

async fn store_step<T: 'static>(store: &Store, ledger: &mut Ledger, step: Step<T>) -> Result<T, WriteError> {
    let stream = ledger.stream().to_owned();
    if ledger.uncertain().is_some() {
        catch_up(store, ledger).await?;
    }
    write(store, &stream, ledger.stage(step)?).await
}

/// Stores what is staged, around whatever is in the way.
async fn write<T: 'static>(
    store: &Store,
    stream: &str,
    mut staged: countersign::Staged<'_, T>,
) -> Result<T, WriteError> {
    let mut failures = 0;
    loop {
        let records: Vec<Record> = staged.records().to_vec();
        let openings: Vec<countersign::Opening> = staged.openings().cloned().collect();
        match store.insert(&records, &openings).await {
            Ok(Inserted::Stored) => return Ok(staged.commit()),
            Ok(Inserted::KeysTaken(keys)) => staged = staged.refuse(keys),
            Ok(Inserted::SeqTaken) => {
                let newer = all_since(store, stream, staged.first_seq()).await?;
                staged = staged.rebase(newer)?;
            }
            Ok(Inserted::Busy) => tokio::time::sleep(PAUSE).await,
            // Nobody knows what is stored: look, and settle what is found.
            Err(error) => {
                failures += 1;
                if failures > ATTEMPTS {
                    return Err(error.into());
                }
                tokio::time::sleep(PAUSE.saturating_mul(failures)).await;
                if let Ok(newer) = all_since(store, stream, staged.first_seq()).await {
                    staged = staged.rebase(newer)?;
                }
            }
        }
    }
}

async fn ledger(store: &Store, stream: &str) -> Result<Ledger, WriteError> {
    let mut ledger = Ledger::create(stream)?.store_enforces_keys();
    catch_up(store, &mut ledger).await?;
    Ok(ledger)
}

async fn catch_up(store: &Store, ledger: &mut Ledger) -> Result<(), WriteError> {
    loop {
        let stream = ledger.stream().to_owned();
        let page = store.since(&stream, ledger.next_seq()).await?;
        let last = page.len() < PAGE;
        ledger.catch_up(page)?;
        if last {
            return Ok(());
        }
    }
}

async fn all_since(store: &Store, stream: &str, mut from: u64) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut rows = Vec::new();
    loop {
        let page = store.since(stream, from).await?;
        let count = page.len();
        rows.extend(page);
        if count < PAGE {
            return Ok(rows);
        }
        from = from.saturating_add(u64::try_from(count).unwrap_or(u64::MAX));
    }
}

/// Steps that may wait. What comes beyond is refused at once.
const WAITING: usize = 4_096;

/// Steps of one write.
const BATCH: usize = 256;

/// Looks at a store that does not answer, before those who wait are told.
const ATTEMPTS: u32 = 8;

const PAUSE: Duration = Duration::from_millis(20);
