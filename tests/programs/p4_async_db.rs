//! Two asynchronous hosts on one table: a stream shared by several gates, and a stream per process with
//! group commit.

use std::collections::HashSet;
use std::sync::{Arc, Mutex as Lock};

use countersign::{Gate, Ledger, Outcome, Policy, Record, Request, Stamp, Step};
use tokio::sync::{Mutex, mpsc, oneshot};

type Error = Box<dyn std::error::Error + Send + Sync>;

/// One table: (stream, seq, key, bytes), UNIQUE (stream, seq), UNIQUE (key).
#[derive(Clone, Default)]
pub struct Db(Arc<Lock<Table>>);

#[derive(Default)]
struct Table {
    rows: Vec<Vec<u8>>,
    keys: HashSet<String>,
}

enum Insert {
    Stored,
    SeqTaken,
    KeysTaken(Vec<String>),
}

impl Db {
    async fn insert(&self, records: &[Record]) -> Result<Insert, Error> {
        tokio::task::yield_now().await;
        let mut table = self.0.lock().map_err(|_| "poisoned")?;
        let taken: Vec<String> = records
            .iter()
            .filter_map(Record::key)
            .filter(|key| table.keys.contains(*key))
            .map(str::to_owned)
            .collect();
        if records.first().is_some_and(|record| record.seq() != table.rows.len() as u64) {
            return Ok(Insert::SeqTaken);
        }
        if !taken.is_empty() {
            return Ok(Insert::KeysTaken(taken));
        }
        table.keys.extend(records.iter().filter_map(Record::key).map(str::to_owned));
        table.rows.extend(records.iter().map(|record| record.bytes().to_vec()));
        Ok(Insert::Stored)
    }

    async fn since(&self, seq: u64) -> Result<Vec<Vec<u8>>, Error> {
        let table = self.0.lock().map_err(|_| "poisoned")?;
        Ok(table.rows.iter().skip(usize::try_from(seq)?).cloned().collect())
    }

    /// The whole stream, as lines.
    pub fn rows(&self) -> Vec<Vec<u8>> {
        self.0.lock().map(|table| table.rows.clone()).unwrap_or_default()
    }
}

pub struct Host {
    gate: Gate,
    ledger: Mutex<Ledger>,
    db: Db,
}

impl Host {
    pub fn open(db: Db) -> Result<Self, Error> {
        let gate = Gate::new(Policy::from_toml(include_str!("p.toml"))?, "https://jit.example");
        Ok(Self { gate, ledger: Mutex::new(Ledger::create("shared")?.store_enforces_keys()), db })
    }

    /// Shared stream, several processes: the store's unique index finds the conflict, `rebase` heals it.
    async fn store<T: 'static>(&self, step: Step<T>) -> Result<T, Error> {
        let mut ledger = self.ledger.lock().await;
        if let Some(seq) = ledger.uncertain() {
            ledger.catch_up(self.db.since(seq).await?)?;
        }
        let mut staged = ledger.stage(step)?;
        loop {
            staged = match self.db.insert(staged.records()).await? {
                Insert::Stored => return Ok(staged.commit()),
                Insert::SeqTaken => {
                    let newer = self.db.since(staged.first_seq()).await?;
                    staged.rebase(newer)?
                }
                Insert::KeysTaken(keys) => staged.refuse(keys),
            };
        }
    }

    pub async fn handle(&self, body: &str) -> Result<Outcome, Error> {
        let request = Request::from_trusted_json(body)?;
        Ok(self.store(self.gate.submit(request, stamp())).await??)
    }
}

/// One stream per process, group commit: callers queue steps, one task stores many at once.
pub async fn appender(mut ledger: Ledger, db: Db, mut queue: mpsc::Receiver<Step<()>>) -> Result<(), Error> {
    let mut steps = Vec::new();
    while queue.recv_many(&mut steps, 256).await > 0 {
        let mut staged = ledger.stage(steps.drain(..).collect::<Step<Vec<()>>>())?;
        while let Insert::KeysTaken(keys) = db.insert(staged.records()).await? {
            staged = staged.refuse(keys);
        }
        staged.commit();
    }
    Ok(())
}

pub async fn handle_queued(gate: Gate, queue: mpsc::Sender<Step<()>>, body: &str) -> Result<Outcome, Error> {
    let (reply, answer) = oneshot::channel();
    let step = gate.submit(Request::from_trusted_json(body)?, stamp());
    queue.send(step.map(move |outcome| drop(reply.send(outcome)))).await?;
    Ok(answer.await??)
}

pub fn gate() -> Result<Gate, Error> {
    Ok(Gate::new(Policy::from_toml(include_str!("p.toml"))?, "https://jit.example"))
}

fn stamp() -> Stamp {
    Stamp::new(chrono::Utc::now(), crate::random())
}
