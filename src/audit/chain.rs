//! Giving records their places in a stream.
//!
//! The one place where a record's number, predecessor and key are decided, for writers, and checked, for
//! readers. A step is chained whole or its refusal is; what was refused for one step never touches
//! another. Nothing here changes a ledger: chaining can be done again on another tip.

use std::collections::HashSet;
use std::sync::Arc;

use sha2::{Digest, Sha256};

use super::commitment::Opening;
use super::draft::{Draft, Template};
use super::merkle::{Frontier, Hash, Span};
use super::record::{Body, Record, is_token};
use super::step::{Fate, Part, Position, RefusalKind};
use super::{Event, LedgerError, RecordFault};
use crate::text::quote;
use crate::{hex, limits};

/// The end of a stream: all that the next record depends on.
#[derive(Debug, Clone)]
pub(super) struct Tip {
    stream: Arc<str>,
    head: Hash,
    frontier: Frontier,
    /// Whether the newest record closes the stream.
    closed: bool,
}

/// Records with their places, and what becomes of each part.
#[derive(Debug, Default)]
pub(super) struct Chained {
    pub(super) records: Vec<Record>,
    pub(super) fates: Vec<Fate>,
    /// What opens the commitments of the records, in their order.
    pub(super) openings: Vec<Opening>,
}

impl Chained {
    /// Counts how many of these records what is stored begins with.
    pub(super) fn begun_in(&self, stored: &[Record]) -> usize {
        self.records.iter().zip(stored).take_while(|(own, stored)| own.leaf() == stored.leaf()).count()
    }
}

impl Tip {
    /// Begins a stream. Its first record's predecessor is a hash that only this stream has.
    pub(super) fn new(stream: &str) -> Result<Self, LedgerError> {
        if !is_stream_name(stream) {
            return Err(LedgerError::StreamName { found: quote(stream) });
        }
        Ok(Self::unchecked(stream))
    }

    /// Begins a stream of any name. No record can name a stream that has no proper name.
    pub(super) fn unchecked(stream: &str) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(b"countersign/genesis/v1\0");
        hasher.update(stream.as_bytes());
        let head = hasher.finalize().into();
        Self { stream: stream.into(), head, frontier: Frontier::default(), closed: false }
    }

    /// Takes a tip as it was kept.
    pub(super) fn from_parts(
        stream: &str,
        head: Hash,
        frontier: Frontier,
        closed: bool,
    ) -> Result<Self, LedgerError> {
        Ok(Self { head, frontier, closed, ..Self::new(stream)? })
    }

    pub(super) fn stream(&self) -> &str {
        &self.stream
    }

    pub(super) fn head(&self) -> &Hash {
        &self.head
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.frontier.size()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    pub(super) fn frontier(&self) -> &Frontier {
        &self.frontier
    }

    /// Checks that a record is the next one.
    pub(super) fn check<T: std::ops::Deref<Target = str>>(
        &self,
        record: &Body<T>,
    ) -> Result<(), RecordFault> {
        record.follows(&self.stream, self.next_seq(), &self.head)?;
        if self.closed { Err(RecordFault::Closed) } else { Ok(()) }
    }

    /// Moves past a record if it is the next one.
    pub(super) fn pass<T: std::ops::Deref<Target = str>>(
        &mut self,
        record: &Body<T>,
    ) -> Result<(), RecordFault> {
        self.check(record)?;
        self.advance(record);
        Ok(())
    }

    /// Moves past records that were checked elsewhere, and the last of them. None closes the stream.
    pub(super) fn advance_by(&mut self, span: &Span, last: Hash) {
        self.frontier.extend(span);
        self.head = last;
        self.frontier.push(last);
    }

    /// Moves past a record that was checked or chained here.
    pub(super) fn advance<T: std::ops::Deref<Target = str>>(&mut self, record: &Body<T>) {
        self.head = record.leaf;
        self.frontier.push(record.leaf);
        self.closed = record.closes();
    }
}

/// Says whether a stream can have a name: one that stands in a record and in a checkpoint as it is.
pub(super) fn is_stream_name(name: &str) -> bool {
    is_token(name) && name.len() <= limits::STREAM_BYTES && !name.contains('+')
}

/// Renders the record that opens a stream. Its id is the stream's incarnation, made from the id of the
/// first draft and so from the first stamp: a stream that begins again begins as another one.
pub(super) fn opening(stream: &str, first: &Template) -> Result<Template, RecordFault> {
    let mut hasher = Sha256::new();
    for part in ["countersign/incarnation/v1", stream, first.id()] {
        hasher.update(part.as_bytes());
        hasher.update([0]);
    }
    let mut incarnation = hex::encode(&hasher.finalize());
    incarnation.truncate(INCARNATION_DIGITS);
    Draft::new(Event::StreamOpened, incarnation, first.at()).render()
}

/// Chains parts onto a tip. A part with a taken key is refused; numbered keys move to a free number.
pub(super) fn chain(
    tip: &Tip,
    opening: Option<&Template>,
    parts: &[Part],
    taken: impl Fn(&str) -> bool,
) -> Chained {
    let drafts: usize = parts.iter().map(|part| part.drafts.len()).sum();
    let mut writer = Writer {
        stream: Arc::clone(&tip.stream),
        seq: tip.next_seq(),
        prev: tip.head,
        records: Vec::with_capacity(drafts.saturating_add(1)),
        openings: Vec::new(),
    };
    if let Some(opening) = opening.filter(|_| writer.seq == 0) {
        writer.write(opening, None);
    }
    let mut own = HashSet::new();
    let mut fates = Vec::with_capacity(parts.len());
    for part in parts {
        fates.push(match resolve(part, &own, &taken) {
            Ok(keys) => {
                own.extend(keys.iter().flatten().cloned());
                // Of drafts without keys there is no list of keys.
                let keys = keys.into_iter().chain(std::iter::repeat(None));
                let places = part.drafts.iter().zip(keys).map(|(draft, key)| writer.write(draft, key));
                Fate::Stored(places.collect())
            }
            Err((kind, key)) => {
                let refusal = part.refusal.as_ref().and_then(|refusal| refusal.render(kind, &key));
                let at = refusal.map(|refusal| writer.write(&refusal, None));
                Fate::Refused { kind, key, at }
            }
        });
    }
    Chained { records: writer.records, fates, openings: writer.openings }
}

/// Finds a free key for each draft of a part, or the one that is taken and what that means.
fn resolve(
    part: &Part,
    own: &HashSet<String>,
    taken: impl Fn(&str) -> bool,
) -> Result<Vec<Option<String>>, (RefusalKind, String)> {
    let mut keys: Vec<Option<String>> = Vec::new();
    if part.drafts.iter().all(|draft| draft.key.is_none()) {
        return Ok(keys);
    }
    for draft in &part.drafts {
        let key = match &draft.key {
            Some((key, meaning)) => {
                let free = key.resolve(|name| {
                    taken(name) || own.contains(name) || keys.iter().flatten().any(|key| key == name)
                });
                Some(free.map_err(|name| (*meaning, name))?)
            }
            None => None,
        };
        keys.push(key);
    }
    Ok(keys)
}

struct Writer {
    stream: Arc<str>,
    seq: u64,
    prev: Hash,
    records: Vec<Record>,
    openings: Vec<Opening>,
}

impl Writer {
    fn write(&mut self, draft: &Template, key: Option<String>) -> Position {
        let record = draft.fill(&self.stream, self.seq, &self.prev, key.as_deref());
        let place = Position { stream: Arc::clone(&self.stream), seq: self.seq, leaf: record.leaf(), key };
        self.openings.extend(draft.openings(&self.stream, self.seq));
        self.seq = self.seq.saturating_add(1);
        self.prev = record.leaf();
        self.records.push(record);
        place
    }
}

/// 32 hexadecimal digits are 128 bits.
const INCARNATION_DIGITS: usize = 32;
