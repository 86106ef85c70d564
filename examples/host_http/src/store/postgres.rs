//! The store that several processes share.
//!
//! A batch is one statement, so one round trip and one transaction. Each process writes a stream of its own;
//! keys are one domain for all of them, and rows go in ordered by key so that batches do not wait for each other
//! in a circle.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::Mutex;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, NoTls, Row};

use super::{Batch, Document, Inserted, PAGE, ReviewRows, StoreError, states};

/// A server: one connection for writing, one for reading, made anew when they break.
#[derive(Debug, Clone)]
pub struct Postgres {
    url: Arc<str>,
    writer: Connection,
    reader: Connection,
}

type Connection = Arc<Mutex<Option<Arc<Client>>>>;

type Parameters<'p> = &'p [&'p (dyn ToSql + Sync)];

impl Postgres {
    pub(super) async fn open(url: &str) -> Result<Self, StoreError> {
        let store = Self { url: url.into(), writer: Connection::default(), reader: Connection::default() };
        let client = store.client(&store.writer).await?;
        // Several processes may start at once, and `IF NOT EXISTS` alone does not make them wait.
        let schema = format!("BEGIN; SELECT pg_advisory_xact_lock({SCHEMA_LOCK}); {SCHEMA} COMMIT;");
        client.batch_execute(&schema).await?;
        Ok(store)
    }

    pub(super) async fn insert(&self, batch: &Batch) -> Result<Inserted, StoreError> {
        let client = self.client(&self.writer).await?;
        let mut order: Vec<usize> = (0..batch.seqs.len()).collect();
        order.sort_by_key(|at| batch.keys.get(*at));
        let seqs = pick(&batch.seqs, &order);
        let keys = pick(&batch.keys, &order);
        let reviews = pick(&batch.reviews, &order);
        let events = pick(&batch.events, &order);
        let bytes = pick(&batch.bytes, &order);
        let opened: Vec<i64> = batch.openings.iter().map(|(seq, ..)| *seq).collect();
        let paths: Vec<&str> = batch.openings.iter().map(|(_, path, _)| path.as_str()).collect();
        let lines: Vec<&[u8]> = batch.openings.iter().map(|(.., line)| line.as_slice()).collect();
        let (moved, states): (Vec<&str>, Vec<&str>) =
            batch.states.iter().map(|(review, state)| (review.as_str(), *state)).unzip();
        let parameters: Parameters<'_> = &[
            &batch.stream,
            &seqs,
            &keys,
            &reviews,
            &events,
            &bytes,
            &opened,
            &paths,
            &lines,
            &moved,
            &states,
        ];
        let statement = client.prepare(INSERT).await?;
        let Err(error) = client.execute(&statement, parameters).await else { return Ok(Inserted::Stored) };
        match error.code() {
            Some(code) if *code == SqlState::UNIQUE_VIOLATION => in_the_way(&client, batch).await,
            Some(code)
                if *code == SqlState::T_R_DEADLOCK_DETECTED
                    || *code == SqlState::T_R_SERIALIZATION_FAILURE =>
            {
                Ok(Inserted::Busy)
            }
            _ => Err(error.into()),
        }
    }

    pub(super) async fn since(&self, stream: &str, from: i64) -> Result<Vec<Vec<u8>>, StoreError> {
        let limit = i64::try_from(PAGE).unwrap_or(i64::MAX);
        let sql = "SELECT bytes FROM records WHERE stream = $1 AND seq >= $2 ORDER BY seq LIMIT $3";
        first(self.query(sql, &[&stream, &from, &limit]).await?)
    }

    pub(super) async fn review(&self, id: &str) -> Result<ReviewRows, StoreError> {
        let sql = "SELECT bytes FROM records WHERE review = $1 ORDER BY place, seq";
        let records = first(self.query(sql, &[&id]).await?)?;
        let sql = "SELECT line FROM openings JOIN records USING (stream, seq) WHERE review = $1";
        Ok(ReviewRows { records, openings: first(self.query(sql, &[&id]).await?)? })
    }

    pub(super) async fn reviews(&self, state: Option<&str>) -> Result<BTreeMap<String, String>, StoreError> {
        let sql = "SELECT review, state FROM reviews WHERE $1::text IS NULL OR state = $1";
        let rows = self.query(sql, &[&state]).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    pub(super) async fn state(&self, review: &str) -> Result<Option<String>, StoreError> {
        let rows = self.query("SELECT state FROM reviews WHERE review = $1", &[&review]).await?;
        rows.first().map(|row| Ok(row.try_get(0)?)).transpose()
    }

    pub(super) async fn emergencies(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        let sql = "SELECT bytes FROM records \
                   WHERE event IN ('emergency.owed', 'emergency.settled') ORDER BY place, seq";
        first(self.query(sql, &[]).await?)
    }

    pub(super) async fn streams(&self) -> Result<Vec<String>, StoreError> {
        let sql = "SELECT stream FROM records WHERE seq = 0 ORDER BY place";
        let rows = self.query(sql, &[]).await?;
        rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
    }

    pub(super) async fn journal(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let rows = self.query("SELECT stream, bytes FROM records ORDER BY place, seq", &[]).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    pub(super) async fn openings(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        first(self.query("SELECT line FROM openings", &[]).await?)
    }

    pub(super) async fn put(&self, document: &Document) -> Result<bool, StoreError> {
        let client = self.client(&self.writer).await?;
        let Document { kind, id, bytes, keys } = document;
        match client.execute(PUT, &[kind, id, bytes, keys]).await {
            Ok(_) => Ok(true),
            Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    pub(super) async fn document(&self, kind: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT bytes FROM documents WHERE kind = $1 AND id = $2";
        Ok(first(self.query(sql, &[&kind, &id]).await?)?.into_iter().next())
    }

    pub(super) async fn document_of(&self, key: &str) -> Result<Option<Document>, StoreError> {
        let sql = "SELECT kind, id, bytes FROM document_keys JOIN documents USING (kind, id) WHERE key = $1";
        let rows = self.query(sql, &[&key]).await?;
        let Some(row) = rows.first() else { return Ok(None) };
        let keys = vec![key.to_owned()];
        Ok(Some(Document { kind: row.try_get(0)?, id: row.try_get(1)?, bytes: row.try_get(2)?, keys }))
    }

    pub(super) async fn rebuild(&self) -> Result<(), StoreError> {
        let sql = "SELECT review, event FROM records WHERE review IS NOT NULL ORDER BY place, seq";
        let rows = self.query(sql, &[]).await?;
        let pairs = rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?)));
        let led = states(pairs.collect::<Result<Vec<_>, tokio_postgres::Error>>()?);
        let (moved, states): (Vec<&str>, Vec<&str>) =
            led.iter().map(|(review, state)| (review.as_str(), *state)).unzip();
        let client = self.client(&self.writer).await?;
        client.execute(REBUILD, &[&moved, &states]).await?;
        Ok(())
    }

    async fn query(&self, sql: &str, parameters: Parameters<'_>) -> Result<Vec<Row>, StoreError> {
        let client = self.client(&self.reader).await?;
        Ok(client.query(sql, parameters).await?)
    }

    async fn client(&self, place: &Connection) -> Result<Arc<Client>, StoreError> {
        let mut place = place.lock().await;
        if let Some(client) = place.as_ref().filter(|client| !client.is_closed()) {
            return Ok(client.clone());
        }
        let (client, connection) = tokio_postgres::connect(&self.url, NoTls).await?;
        // Its errors come back to whoever waits for an answer.
        tokio::spawn(connection);
        let client = Arc::new(client);
        *place = Some(client.clone());
        Ok(client)
    }
}

/// Finds out what a batch ran into.
async fn in_the_way(client: &Client, batch: &Batch) -> Result<Inserted, StoreError> {
    let sql = "SELECT EXISTS (SELECT 1 FROM records WHERE stream = $1 AND seq >= $2)";
    if client.query_one(sql, &[&batch.stream, &batch.first()]).await?.try_get(0)? {
        return Ok(Inserted::SeqTaken);
    }
    let keys: Vec<&str> = batch.keys.iter().flatten().map(String::as_str).collect();
    let rows = client.query("SELECT key FROM records WHERE key = ANY ($1)", &[&keys]).await?;
    let taken: Vec<String> = rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
    Ok(if taken.is_empty() { Inserted::Busy } else { Inserted::KeysTaken(taken) })
}

fn first(rows: Vec<Row>) -> Result<Vec<Vec<u8>>, StoreError> {
    rows.iter().map(|row| Ok(row.try_get(0)?)).collect()
}

fn pick<'b, T>(column: &'b [T], order: &[usize]) -> Vec<&'b T> {
    order.iter().filter_map(|at| column.get(*at)).collect()
}

const SCHEMA: &str = include_str!("../../schema/postgres.sql");

/// Any number that nobody else of this database locks.
const SCHEMA_LOCK: i64 = 0x636f_756e_7465_7273;

const INSERT: &str = "
WITH place AS MATERIALIZED (SELECT nextval('places') AS number),
stored AS (
    INSERT INTO records (stream, seq, key, review, event, place, bytes)
    SELECT $1::text, row.seq, row.key, row.review, row.event, place.number, row.bytes
    FROM unnest($2::bigint[], $3::text[], $4::text[], $5::text[], $6::bytea[])
        AS row (seq, key, review, event, bytes), place
),
opened AS (
    INSERT INTO openings (stream, seq, path, line)
    SELECT $1::text, * FROM unnest($7::bigint[], $8::text[], $9::bytea[])
    ON CONFLICT (stream, seq, path) DO UPDATE SET line = excluded.line
)
INSERT INTO reviews (review, state) SELECT * FROM unnest($10::text[], $11::text[])
ON CONFLICT (review) DO UPDATE SET state = excluded.state";

const REBUILD: &str = "
WITH gone AS (DELETE FROM reviews WHERE review <> ALL ($1::text[]))
INSERT INTO reviews (review, state) SELECT * FROM unnest($1::text[], $2::text[])
ON CONFLICT (review) DO UPDATE SET state = excluded.state";

const PUT: &str = "
WITH stored AS (INSERT INTO documents (kind, id, bytes) VALUES ($1, $2, $3))
INSERT INTO document_keys (key, kind, id) SELECT key, $1, $2 FROM unnest($4::text[]) AS key";
