//! The one writer of a stream.
//!
//! Persist, then believe: a step's result exists only after the host has stored the step's records. The
//! ledger knows the end of its stream and which keys are taken; the host keeps the records. After a write
//! whose outcome nobody knows it refuses to go on until it has been shown what is stored.

use std::collections::HashSet;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::chain::{self, Tip};
use super::draft::Template;
use super::merkle::Frontier;
use super::record::{Record, blame, vouches};
use super::step::Step;
use super::{Checkpoint, LedgerError, RecordFault, Staged, json as profile};
use crate::keys::{base64, from_base64};
use crate::text::quote;
use crate::{hex, limits};

/// The end of a stream, and the right to append to it.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use countersign::{Ledger, Stamp, Step};
/// use serde_json::json;
///
/// let now: DateTime<Utc> = "2026-11-23T10:00:00Z".parse()?;
/// let mut file = Vec::new(); // stands for a file
/// let mut ledger = Ledger::create("orders-gate")?;
/// for (build, random) in [(7, [1; 32]), (8, [2; 32])] {
///     let step = Step::note("deploy.started", json!({ "build": build }), Stamp::new(now, random));
///     let staged = ledger.stage(step)?;
///     file.extend_from_slice(staged.lines());
///     staged.commit();
/// }
/// assert_eq!(ledger.next_seq(), 3); // the stream's opening and two notes
///
/// let resumed = Ledger::resume("orders-gate", &file)?;
/// assert_eq!(resumed.records()[2].content()["note"]["build"], 8);
/// assert_eq!(resumed.ledger.next_seq(), 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// There is one writer:
///
/// ```compile_fail,E0277
/// # use countersign::Ledger;
/// fn second(ledger: &Ledger) -> Ledger {
///     Ledger::clone(ledger)
/// }
/// ```
#[derive(Debug)]
pub struct Ledger {
    pub(super) tip: Tip,
    pub(super) keys: Keys,
    /// Set while a step is staged, so that a `Staged` that goes away in whatever way leaves its mark.
    pub(super) uncertain: Option<u64>,
}

/// A ledger that was read from its log, and the records of that log.
#[derive(Debug)]
pub struct Resumed {
    /// The ledger, ready to append.
    pub ledger: Ledger,
    records: Vec<Record>,
}

/// Where a log that was read stands beside a checkpoint that was kept of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// At it.
    At,
    /// Behind a crash or a busy hour as it should be: the records after the checkpoint are chained to it.
    Ahead {
        /// How many they are.
        records: u64,
    },
    /// Before it: the store lost records that it had confirmed. Do not go on: what they gave may be in use.
    Short {
        /// How many are missing.
        records: u64,
    },
    /// It is another log, or a part that the checkpoint covers was rewritten. Do not go on.
    Differs,
}

/// Who knows which keys are taken.
#[derive(Debug)]
pub(super) enum Keys {
    /// The ledger has read every record.
    Memory(HashSet<String>),
    /// The store has a unique index.
    Store,
    /// Nobody: the ledger was restored without its keys.
    Unknown,
}

impl Ledger {
    /// Begins a stream. The record that opens it travels with the first step.
    ///
    /// # Errors
    ///
    /// [`LedgerError::StreamName`].
    pub fn create(stream: &str) -> Result<Self, LedgerError> {
        Ok(Self { tip: Tip::new(stream)?, keys: Keys::Memory(HashSet::new()), uncertain: None })
    }

    /// Leaves keys to a store that refuses a record whose key is taken. The ledger then keeps none in
    /// memory, and streams of several processes can share one domain of keys.
    #[must_use]
    pub fn store_enforces_keys(mut self) -> Self {
        self.keys = Keys::Store;
        self
    }

    /// Reads a log of JSON lines and goes on where it ends. A log of no lines is a new stream.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Broken`] names the first record that is not the one that belongs there;
    /// [`LedgerError::TornTail`] if all whole lines are good and a part of a line follows;
    /// [`LedgerError::StreamName`].
    pub fn resume(stream: &str, lines: &[u8]) -> Result<Resumed, LedgerError> {
        let mut ledger = Self::create(stream)?;
        let keep = lines.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end.saturating_add(1));
        let (whole, torn) = lines.split_at_checked(keep).unwrap_or((lines, &[]));
        let records = ledger.pass(whole.split_inclusive(|byte| *byte == b'\n'))?;
        if torn.is_empty() { Ok(Resumed { ledger, records }) } else { Err(LedgerError::TornTail { keep }) }
    }

    /// Writes what it takes to go on without reading the whole log: less than 4 KiB, whatever the log's
    /// size. Keys are not in it.
    #[must_use]
    pub fn snapshot(&self) -> Vec<u8> {
        let peaks: Vec<String> = self.tip.frontier().peaks().iter().map(|peak| base64(peak)).collect();
        let mut fields = json!({
            "!fmt": SNAPSHOT_FORMAT,
            "head": hex::encode(self.tip.head()),
            "keys": if matches!(self.keys, Keys::Store) { STORE } else { MEMORY },
            "peaks": peaks,
            "size": self.next_seq(),
            "stream": self.tip.stream(),
        });
        if let (true, Some(fields)) = (self.is_closed(), fields.as_object_mut()) {
            fields.insert("closed".to_owned(), true.into());
        }
        let mut text = String::new();
        // Nothing in these fields is outside the profile.
        let _ = profile::value(&mut text, &fields, 0);
        let digest = hex::encode(&Sha256::digest(text.as_bytes()));
        format!("{text}\n{digest}\n").into_bytes()
    }

    /// Goes on from a snapshot and all records that were stored since, without their line ends or with. Without
    /// them, or with a snapshot that is ahead of its store, numbers are written twice or left out: a store with
    /// unique numbers refuses the first, and whoever reads the log finds both.
    ///
    /// Keys of records before the snapshot are not known. If the snapshot's ledger left keys to the store,
    /// so does this one; otherwise a step with a key is refused until
    /// [`store_enforces_keys`](Self::store_enforces_keys) is called.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Snapshot`]; [`LedgerError::Broken`] for a record that does not follow.
    pub fn restore<R: AsRef<[u8]>>(
        snapshot: &[u8],
        newer: impl IntoIterator<Item = R>,
    ) -> Result<Self, LedgerError> {
        let (tip, keys) = read_snapshot(snapshot).ok_or(LedgerError::Snapshot)?;
        let mut ledger = Self { tip, keys, uncertain: None };
        ledger.pass(newer)?;
        Ok(ledger)
    }

    /// Gives a step's records their places. The ledger is lent to the [`Staged`] until it is settled.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Uncertain`] after a step that was not committed; [`LedgerError::Unrecordable`] for a
    /// step that no record can hold, or of which records come after the one that closes the stream;
    /// [`LedgerError::KeysUnknown`]; [`LedgerError::Closed`]. The ledger is as it was before.
    pub fn stage<T: 'static>(&mut self, step: Step<T>) -> Result<Staged<'_, T>, LedgerError> {
        if let Some(from) = self.uncertain {
            return Err(LedgerError::Uncertain { from });
        }
        if self.is_closed() {
            return Err(LedgerError::Closed);
        }
        step.check()?;
        let (parts, release) = step.split();
        let mut drafts = parts.iter().flat_map(|part| &part.drafts);
        let behind = drafts.clone().skip_while(|draft| !draft.closes()).nth(1);
        if let Some(behind) = behind {
            let (event, fault) = (quote(behind.event()), RecordFault::Closed);
            return Err(LedgerError::Unrecordable { event, fault });
        }
        if matches!(self.keys, Keys::Unknown) && drafts.clone().any(|draft| draft.key.is_some()) {
            return Err(LedgerError::KeysUnknown);
        }
        let count = u64::try_from(drafts.clone().count()).unwrap_or(u64::MAX);
        if self.next_seq().saturating_add(count) > MAX_RECORDS {
            let event = drafts.next().map_or("", Template::event);
            let fault = RecordFault::Field { name: "seq" };
            return Err(LedgerError::Unrecordable { event: quote(event), fault });
        }
        let first = drafts.next().filter(|_| self.next_seq() == 0);
        let opening = first.map(|first| chain::opening(self.tip.stream(), first)).transpose();
        let opening = opening.map_err(|fault| LedgerError::Unrecordable {
            event: super::Event::StreamOpened.to_string(),
            fault,
        })?;
        Ok(Staged::new(self, opening, parts, release))
    }

    /// Returns the number from which the store must be read before the ledger goes on.
    #[must_use]
    pub fn uncertain(&self) -> Option<u64> {
        self.uncertain
    }

    /// Takes in what the store holds from [`next_seq`](Self::next_seq) on: the records of a step whose
    /// outcome was unknown, or those of other writers. After that the ledger is certain.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Broken`]; the ledger is as it was before.
    pub fn catch_up<R: AsRef<[u8]>>(
        &mut self,
        newer: impl IntoIterator<Item = R>,
    ) -> Result<(), LedgerError> {
        self.pass(newer)?;
        self.uncertain = None;
        Ok(())
    }

    /// Returns the number that the next record will have.
    #[must_use]
    pub fn next_seq(&self) -> u64 {
        self.tip.next_seq()
    }

    /// Says whether the stream ended: [`Step::stream_closed`] was committed, and nothing may follow.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.tip.is_closed()
    }

    /// Returns the stream's name.
    #[must_use]
    pub fn stream(&self) -> &str {
        self.tip.stream()
    }

    /// Describes all committed records in one line to be signed and kept elsewhere. That of a closed stream is
    /// its last: one of more records contradicts it.
    #[must_use]
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint::new(self.tip.stream(), self.next_seq(), self.tip.frontier().root())
    }

    /// Moves past records that are stored already: all or none.
    pub(super) fn pass<R: AsRef<[u8]>>(
        &mut self,
        newer: impl IntoIterator<Item = R>,
    ) -> Result<Vec<Record>, LedgerError> {
        let mut tip = self.tip.clone();
        let mut records = Vec::new();
        let mut newer = newer.into_iter();
        while let Some(bytes) = newer.next() {
            let seq = tip.next_seq();
            let record = Record::read(bytes.as_ref()).map_err(|fault| LedgerError::Broken { seq, fault })?;
            if let Err(fault) = tip.pass(&record.body) {
                // What was not read here, this ledger wrote or has read before: it is not to blame.
                let vouched = match records.is_empty() {
                    true => Some(false),
                    false => newer.next().map(|behind| vouches(behind.as_ref(), seq, &record.leaf())),
                };
                let (seq, fault) = blame(seq, fault, vouched);
                return Err(LedgerError::Broken { seq, fault });
            }
            records.push(record);
        }
        self.tip = tip;
        self.remember(&records);
        Ok(records)
    }

    /// Keeps the keys of stored records.
    pub(super) fn remember(&mut self, records: &[Record]) {
        if let Keys::Memory(keys) = &mut self.keys {
            keys.extend(records.iter().filter_map(Record::key).map(str::to_owned));
        }
    }
}

impl Keys {
    pub(super) fn holds(&self, key: &str) -> bool {
        matches!(self, Self::Memory(keys) if keys.contains(key))
    }
}

impl Resumed {
    /// Returns every record of the log.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.records
    }

    /// Compares the log with a checkpoint that was kept, which [`Checkpoint::open`] has checked.
    ///
    /// ```
    /// # use countersign::{Ledger, Reach, Stamp, Step};
    /// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
    /// # let mut ledger = Ledger::create("orders-gate")?;
    /// # let staged = ledger.stage(Step::note("deploy.started", 7.into(), Stamp::new(now, [7; 32])))?;
    /// # let file = staged.lines().to_vec();
    /// # staged.commit();
    /// let kept = ledger.checkpoint();
    /// assert_eq!(Ledger::resume("orders-gate", &file)?.reach(&kept), Reach::At);
    /// assert_eq!(Ledger::resume("orders-gate", &[])?.reach(&kept), Reach::Short { records: 2 });
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn reach(&self, kept: &Checkpoint) -> Reach {
        let (size, records) = (kept.size(), self.ledger.next_seq());
        if kept.origin() != self.ledger.stream() {
            return Reach::Differs;
        }
        if size > records {
            return Reach::Short { records: size.saturating_sub(records) };
        }
        let mut tree = Frontier::default();
        let covered = self.records.iter().take_while(|record| record.seq() < size);
        covered.for_each(|record| tree.push(record.leaf()));
        match records.saturating_sub(size) {
            _ if tree.root() != kept.root() => Reach::Differs,
            0 => Reach::At,
            records => Reach::Ahead { records },
        }
    }
}

fn read_snapshot(bytes: &[u8]) -> Option<(Tip, Keys)> {
    let (text, digest) = std::str::from_utf8(bytes).ok()?.strip_suffix('\n')?.split_once('\n')?;
    if text.len() > limits::SNAPSHOT_BYTES || hex::encode(&Sha256::digest(text.as_bytes())) != digest {
        return None;
    }
    let fields: Value = serde_json::from_str(text).ok()?;
    let field = |name: &str| fields.get(name).and_then(Value::as_str);
    if field("!fmt")? != SNAPSHOT_FORMAT {
        return None;
    }
    let peak = |value: &Value| <[u8; 32]>::try_from(from_base64(value.as_str()?)?).ok();
    let peaks = fields.get("peaks")?.as_array()?.iter().map(peak).collect::<Option<Vec<_>>>()?;
    let frontier = Frontier::from_parts(fields.get("size")?.as_u64()?, peaks)?;
    // No record could have the next number.
    if frontier.size() > MAX_RECORDS {
        return None;
    }
    let closed = fields.get("closed").map_or(Some(false), Value::as_bool)?;
    let tip = Tip::from_parts(field("stream")?, hex::decode32(field("head")?)?, frontier, closed).ok()?;
    match field("keys")? {
        STORE => Some((tip, Keys::Store)),
        MEMORY if tip.next_seq() == 0 => Some((tip, Keys::Memory(HashSet::new()))),
        MEMORY => Some((tip, Keys::Unknown)),
        _ => None,
    }
}

/// Records of a stream: their numbers go up to 2^53 − 1.
const MAX_RECORDS: u64 = 1 << 53;

const SNAPSHOT_FORMAT: &str = "countersign/snapshot/1";
const STORE: &str = "store";
const MEMORY: &str = "memory";

#[cfg(test)]
mod tests;
