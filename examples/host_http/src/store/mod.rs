//! Where records are kept.
//!
//! Two stores, one contract: a batch is stored whole or not at all, the numbers of a stream and the keys of the
//! tenant are unique, and an answer comes after the store has made the batch durable. Nothing here decides anything;
//! the tables beside `records` can be made again from it.

mod postgres;
mod sqlite;

use std::collections::BTreeMap;

use countersign::{Opening, Record};

pub use self::postgres::Postgres;
pub use self::sqlite::Sqlite;

/// A store.
#[derive(Debug, Clone)]
pub enum Store {
    /// A file of this process.
    Sqlite(Sqlite),
    /// A server that several processes share.
    Postgres(Postgres),
}

/// What an insert came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Inserted {
    /// All of it is durable.
    Stored,
    /// Somebody else has a number of the batch. Nothing was stored.
    SeqTaken,
    /// Somebody else has these keys. Nothing was stored.
    KeysTaken(Vec<String>),
    /// Somebody was in the way and is gone. Nothing was stored; insert again.
    Busy,
}

/// Why a store did not answer. Of an insert nobody knows then what is stored.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The embedded store failed.
    #[error("store: {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// The server failed, or the way to it.
    #[error("store: {0}")]
    Postgres(#[from] tokio_postgres::Error),
    /// A thread of the store is gone.
    #[error("store: its thread ended")]
    Thread,
    /// A number is beyond what the store counts to.
    #[error("store: number out of range")]
    Range,
}

/// A review's records in their order, and what opens their personal values.
#[derive(Debug, Default)]
pub struct ReviewRows {
    /// Canonical bytes.
    pub records: Vec<Vec<u8>>,
    /// Lines.
    pub openings: Vec<Vec<u8>>,
}

/// A row that never changes and that each of its keys names alone.
#[derive(Debug, Clone)]
pub struct Document {
    /// What it is, such as `filed`.
    pub kind: String,
    /// Its name among its kind.
    pub id: String,
    /// What it holds.
    pub bytes: Vec<u8>,
    /// What else may name one document only, over all kinds.
    pub keys: Vec<String>,
}

/// Rows of one stream, ready to be stored.
#[derive(Debug)]
pub(super) struct Batch {
    stream: String,
    seqs: Vec<i64>,
    keys: Vec<Option<String>>,
    reviews: Vec<Option<String>>,
    events: Vec<String>,
    bytes: Vec<Vec<u8>>,
    openings: Vec<(i64, String, Vec<u8>)>,
    /// The last state that the batch leads each of its reviews to.
    states: BTreeMap<String, &'static str>,
}

impl Batch {
    fn new<'o>(
        records: &[Record],
        openings: impl IntoIterator<Item = &'o Opening>,
    ) -> Result<Self, StoreError> {
        let mut batch = Self {
            stream: records.first().map(|record| record.stream().to_owned()).unwrap_or_default(),
            seqs: Vec::new(),
            keys: Vec::new(),
            reviews: Vec::new(),
            events: Vec::new(),
            bytes: Vec::new(),
            openings: Vec::new(),
            states: BTreeMap::new(),
        };
        for record in records {
            batch.seqs.push(seq(record.seq())?);
            batch.keys.push(record.key().map(str::to_owned));
            batch.reviews.push(record.review().map(str::to_owned));
            batch.events.push(record.event().to_owned());
            batch.bytes.push(record.bytes().to_vec());
            if let (Some(review), Some(state)) = (record.review(), state_after(record.event())) {
                batch.states.insert(review.to_owned(), state);
            }
        }
        for opening in openings {
            let line = opening.to_line().into_bytes();
            batch.openings.push((seq(opening.seq())?, opening.path().to_owned(), line));
        }
        Ok(batch)
    }

    fn is_empty(&self) -> bool {
        self.seqs.is_empty() && self.openings.is_empty()
    }

    fn first(&self) -> i64 {
        self.seqs.first().copied().unwrap_or(i64::MAX)
    }
}

impl Store {
    /// Opens `path` or, of a `postgres://` URL, connects; and makes the tables that are missing.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn open(place: &str) -> Result<Self, StoreError> {
        if place.starts_with("postgres://") || place.starts_with("postgresql://") {
            Ok(Self::Postgres(Postgres::open(place).await?))
        } else {
            Ok(Self::Sqlite(Sqlite::open(place).await?))
        }
    }

    /// Says whether several processes may use the store at once.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        matches!(self, Self::Postgres(_))
    }

    /// Stores records of one stream with their openings, all or none.
    ///
    /// # Errors
    ///
    /// [`StoreError`]: nobody knows whether they are stored.
    pub async fn insert<'o>(
        &self,
        records: &[Record],
        openings: impl IntoIterator<Item = &'o Opening>,
    ) -> Result<Inserted, StoreError> {
        let batch = Batch::new(records, openings)?;
        if batch.is_empty() {
            return Ok(Inserted::Stored);
        }
        match self {
            Self::Sqlite(store) => store.insert(batch).await,
            Self::Postgres(store) => store.insert(&batch).await,
        }
    }

    /// Returns at most [`PAGE`] records of a stream from a number on.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn since(&self, stream: &str, from: u64) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Self::Sqlite(store) => store.since(stream, seq(from)?).await,
            Self::Postgres(store) => store.since(stream, seq(from)?).await,
        }
    }

    /// Returns what is stored of a review. Of one that is not known that is nothing.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn review(&self, id: &str) -> Result<ReviewRows, StoreError> {
        match self {
            Self::Sqlite(store) => store.review(id).await,
            Self::Postgres(store) => store.review(id).await,
        }
    }

    /// Returns all reviews with their states, or those in one state.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn reviews(&self, state: Option<&str>) -> Result<BTreeMap<String, String>, StoreError> {
        match self {
            Self::Sqlite(store) => store.reviews(state).await,
            Self::Postgres(store) => store.reviews(state).await,
        }
    }

    /// Returns the state of a review.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn state(&self, review: &str) -> Result<Option<String>, StoreError> {
        match self {
            Self::Sqlite(store) => store.state(review).await,
            Self::Postgres(store) => store.state(review).await,
        }
    }

    /// Returns the records of emergencies and settlements, in their order.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn emergencies(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Self::Sqlite(store) => store.emergencies().await,
            Self::Postgres(store) => store.emergencies().await,
        }
    }

    /// Returns the names of all streams.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn streams(&self) -> Result<Vec<String>, StoreError> {
        match self {
            Self::Sqlite(store) => store.streams().await,
            Self::Postgres(store) => store.streams().await,
        }
    }

    /// Returns all records with their streams in the order in which they were stored: each stream in its order,
    /// and of a review each record behind those that led to it, whichever streams they stand in.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn journal(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        match self {
            Self::Sqlite(store) => store.journal().await,
            Self::Postgres(store) => store.journal().await,
        }
    }

    /// Returns every opening, as lines.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn openings(&self) -> Result<Vec<Vec<u8>>, StoreError> {
        match self {
            Self::Sqlite(store) => store.openings().await,
            Self::Postgres(store) => store.openings().await,
        }
    }

    /// Stores a document unless its id or one of its keys is taken, and says whether it did.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn put(&self, document: Document) -> Result<bool, StoreError> {
        match self {
            Self::Sqlite(store) => store.put(document).await,
            Self::Postgres(store) => store.put(&document).await,
        }
    }

    /// Returns a document's bytes by its id.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn document(&self, kind: &str, id: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Sqlite(store) => store.document(kind, id).await,
            Self::Postgres(store) => store.document(kind, id).await,
        }
    }

    /// Returns the kind, the id and the bytes of the document that a key names.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn document_of(&self, key: &str) -> Result<Option<Document>, StoreError> {
        match self {
            Self::Sqlite(store) => store.document_of(key).await,
            Self::Postgres(store) => store.document_of(key).await,
        }
    }

    /// Makes the read model anew from the records and says whether it was as it should be. Nobody may write
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// [`StoreError`].
    pub async fn rebuild(&self) -> Result<bool, StoreError> {
        let before = self.reviews(None).await?;
        match self {
            Self::Sqlite(store) => store.rebuild().await?,
            Self::Postgres(store) => store.rebuild().await?,
        }
        Ok(self.reviews(None).await? == before)
    }
}

/// Where an event leads a review, of those that lead it anywhere.
fn state_after(event: &str) -> Option<&'static str> {
    match event {
        "review.opened" | "review.unscheduled" => Some(OPEN),
        "review.scheduled" => Some(SCHEDULED),
        "grant.authorized" => Some("approved"),
        "review.rejected" => Some("rejected"),
        "review.expired" => Some("expired"),
        "review.withdrawn" => Some("withdrawn"),
        "review.superseded" => Some("superseded"),
        "grant.revoked" => Some(REVOKED),
        _ => None,
    }
}

/// Folds the events of reviews, in their order, to where each stands.
fn states(rows: impl IntoIterator<Item = (String, String)>) -> BTreeMap<String, &'static str> {
    let led = |(review, event): (String, String)| Some((review, state_after(&event)?));
    rows.into_iter().filter_map(led).collect()
}

fn seq(number: u64) -> Result<i64, StoreError> {
    i64::try_from(number).map_err(|_| StoreError::Range)
}

/// People are asked.
pub const OPEN: &str = "open";

/// People have approved, and the start lies ahead.
pub const SCHEDULED: &str = "scheduled";

/// What people approved was taken back.
pub const REVOKED: &str = "revoked";

/// Records of one answer of [`Store::since`].
pub const PAGE: usize = 1_000;
