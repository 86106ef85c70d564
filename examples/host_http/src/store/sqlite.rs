//! The embedded store.
//!
//! One connection writes and one reads, each behind a lock and off the threads that answer callers. A commit
//! returns after the write-ahead log was synced (`synchronous = FULL`).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, TransactionBehavior, params};

use super::{Batch, Document, Inserted, PAGE, ReviewRows, StoreError, states};

/// A file, or `:memory:` for a test that needs no restart.
#[derive(Debug, Clone)]
pub struct Sqlite {
    writer: Arc<Mutex<Connection>>,
    reader: Arc<Mutex<Connection>>,
}

impl Sqlite {
    pub(super) async fn open(path: &str) -> Result<Self, StoreError> {
        let path = path.to_owned();
        blocking(move || {
            let writer = connect(&path)?;
            writer.execute_batch(SCHEMA)?;
            let writer = Arc::new(Mutex::new(writer));
            // What is in memory belongs to one connection.
            let reader =
                if path == ":memory:" { writer.clone() } else { Arc::new(Mutex::new(connect(&path)?)) };
            Ok(Self { writer, reader })
        })
        .await
    }

    pub(super) async fn insert(&self, batch: Batch) -> Result<Inserted, StoreError> {
        self.write(move |connection| match insert(connection, &batch) {
            Ok(()) => Ok(Inserted::Stored),
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::ConstraintViolation => {
                in_the_way(connection, &batch)
            }
            Err(rusqlite::Error::SqliteFailure(error, _)) if error.code == ErrorCode::DatabaseBusy => {
                Ok(Inserted::Busy)
            }
            Err(error) => Err(error),
        })
        .await
    }

    pub(super) async fn since(&self, stream: &str, from: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        let stream = stream.to_owned();
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let sql = "SELECT bytes FROM records WHERE stream = ? AND seq >= ? ORDER BY seq LIMIT ?";
        self.read(move |connection| column(connection, sql, params![stream, from, limit])).await
    }

    pub(super) async fn review(&self, id: &str) -> Result<ReviewRows, StoreError> {
        let id = id.to_owned();
        self.read(move |connection| {
            let sql = "SELECT bytes FROM records WHERE review = ? ORDER BY place";
            let records = column(connection, sql, params![id])?;
            let sql = "SELECT line FROM openings JOIN records USING (stream, seq) WHERE review = ?";
            let openings = column(connection, sql, params![id])?;
            Ok(ReviewRows { records, openings })
        })
        .await
    }

    pub(super) async fn reviews(&self, state: Option<&str>) -> Result<BTreeMap<String, String>, StoreError> {
        let state = state.map(str::to_owned);
        self.read(move |connection| {
            let sql = "SELECT review, state FROM reviews WHERE ?1 IS NULL OR state = ?1";
            let mut statement = connection.prepare_cached(sql)?;
            statement.query_map(params![state], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    pub(super) async fn state(&self, review: &str) -> Result<Option<String>, StoreError> {
        let review = review.to_owned();
        self.read(move |connection| {
            let sql = "SELECT state FROM reviews WHERE review = ?";
            connection.query_row(sql, params![review], |row| row.get(0)).optional()
        })
        .await
    }

    pub(super) async fn emergencies(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "SELECT bytes FROM records \
                   WHERE event IN ('emergency.owed', 'emergency.settled') ORDER BY place";
        self.read(|connection| column(connection, sql, params![])).await
    }

    pub(super) async fn streams(&self) -> Result<Vec<String>, StoreError> {
        self.read(|connection| column(connection, "SELECT stream FROM records WHERE seq = 0", params![]))
            .await
    }

    pub(super) async fn journal(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        self.read(|connection| {
            let mut statement =
                connection.prepare_cached("SELECT stream, bytes FROM records ORDER BY place")?;
            statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?.collect()
        })
        .await
    }

    pub(super) async fn openings(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        self.read(|connection| column(connection, "SELECT line FROM openings", params![])).await
    }

    pub(super) async fn put(&self, document: Document) -> Result<bool, StoreError> {
        self.write(move |connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            match put(&transaction, &document) {
                Ok(()) => transaction.commit().map(|()| true),
                Err(rusqlite::Error::SqliteFailure(error, _))
                    if error.code == ErrorCode::ConstraintViolation =>
                {
                    Ok(false)
                }
                Err(error) => Err(error),
            }
        })
        .await
    }

    pub(super) async fn document(&self, kind: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let (kind, id) = (kind.to_owned(), id.to_owned());
        self.read(move |connection| {
            let sql = "SELECT bytes FROM documents WHERE kind = ? AND id = ?";
            connection.query_row(sql, params![kind, id], |row| row.get(0)).optional()
        })
        .await
    }

    pub(super) async fn document_of(&self, key: &str) -> Result<Option<Document>, StoreError> {
        let key = key.to_owned();
        self.read(move |connection| {
            let sql =
                "SELECT kind, id, bytes FROM document_keys JOIN documents USING (kind, id) WHERE key = ?";
            let read = |row: &rusqlite::Row<'_>| {
                Ok(Document { kind: row.get(0)?, id: row.get(1)?, bytes: row.get(2)?, keys: Vec::new() })
            };
            let found = connection.query_row(sql, params![key], read).optional()?;
            Ok(found.map(|document| Document { keys: vec![key], ..document }))
        })
        .await
    }

    pub(super) async fn rebuild(&self) -> Result<(), StoreError> {
        self.write(|connection| {
            let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let rows: Vec<(String, String)> = {
                let sql = "SELECT review, event FROM records WHERE review IS NOT NULL ORDER BY place";
                let mut statement = transaction.prepare(sql)?;
                let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
                rows.collect::<Result<_, _>>()?
            };
            transaction.execute("DELETE FROM reviews", [])?;
            keep(&transaction, &states(rows))?;
            transaction.commit()
        })
        .await
    }

    async fn write<T: Send + 'static>(
        &self,
        call: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let writer = self.writer.clone();
        blocking(move || call(&mut writer.lock().unwrap_or_else(PoisonError::into_inner))).await
    }

    async fn read<T: Send + 'static>(
        &self,
        call: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let reader = self.reader.clone();
        blocking(move || call(&reader.lock().unwrap_or_else(PoisonError::into_inner))).await
    }
}

fn connect(path: &str) -> rusqlite::Result<Connection> {
    let connection = Connection::open(path)?;
    connection
        .execute_batch("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA busy_timeout = 5000;")?;
    Ok(connection)
}

fn insert(connection: &mut Connection, batch: &Batch) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    {
        let sql = "INSERT INTO records (stream, seq, key, review, event, bytes) VALUES (?, ?, ?, ?, ?, ?)";
        let mut statement = transaction.prepare_cached(sql)?;
        let rows =
            batch.seqs.iter().zip(&batch.keys).zip(&batch.reviews).zip(&batch.events).zip(&batch.bytes);
        for ((((seq, key), review), event), bytes) in rows {
            statement.execute(params![batch.stream, seq, key, review, event, bytes])?;
        }
        let sql = "INSERT OR REPLACE INTO openings (stream, seq, path, line) VALUES (?, ?, ?, ?)";
        let mut statement = transaction.prepare_cached(sql)?;
        for (seq, path, line) in &batch.openings {
            statement.execute(params![batch.stream, seq, path, line])?;
        }
    }
    keep(&transaction, &batch.states)?;
    transaction.commit()
}

/// Finds out what a batch ran into.
fn in_the_way(connection: &Connection, batch: &Batch) -> rusqlite::Result<Inserted> {
    let sql = "SELECT EXISTS (SELECT 1 FROM records WHERE stream = ? AND seq >= ?)";
    if connection.query_row(sql, params![batch.stream, batch.first()], |row| row.get(0))? {
        return Ok(Inserted::SeqTaken);
    }
    let mut statement = connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM records WHERE key = ?)")?;
    let mut taken = Vec::new();
    for key in batch.keys.iter().flatten() {
        if statement.query_row(params![key], |row| row.get(0))? {
            taken.push(key.clone());
        }
    }
    Ok(if taken.is_empty() { Inserted::Busy } else { Inserted::KeysTaken(taken) })
}

fn keep(transaction: &Transaction<'_>, states: &BTreeMap<String, &'static str>) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO reviews (review, state) VALUES (?, ?)";
    let mut statement = transaction.prepare_cached(sql)?;
    for (review, state) in states {
        statement.execute(params![review, state])?;
    }
    Ok(())
}

fn put(transaction: &Transaction<'_>, document: &Document) -> rusqlite::Result<()> {
    let Document { kind, id, bytes, keys } = document;
    transaction
        .execute("INSERT INTO documents (kind, id, bytes) VALUES (?, ?, ?)", params![kind, id, bytes])?;
    for key in keys {
        transaction
            .execute("INSERT INTO document_keys (key, kind, id) VALUES (?, ?, ?)", params![key, kind, id])?;
    }
    Ok(())
}

fn column<T: rusqlite::types::FromSql>(
    connection: &Connection,
    sql: &str,
    parameters: impl rusqlite::Params,
) -> rusqlite::Result<Vec<T>> {
    let mut statement = connection.prepare_cached(sql)?;
    statement.query_map(parameters, |row| row.get(0))?.collect()
}

async fn blocking<T: Send + 'static>(
    call: impl FnOnce() -> rusqlite::Result<T> + Send + 'static,
) -> Result<T, StoreError> {
    let answer = tokio::task::spawn_blocking(call).await.map_err(|_| StoreError::Thread)?;
    Ok(answer?)
}

const SCHEMA: &str = include_str!("../../schema/sqlite.sql");
