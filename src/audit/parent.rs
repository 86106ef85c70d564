//! Streams under a parent.
//!
//! A stream that is missing as a whole leaves no gap in any other. So a parent stream records the first
//! record of each stream before that record is stored, then checkpoints, then the end. Whoever holds one
//! checkpoint of a sound parent knows which streams there must be and how far each reached.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::cause::Links;
use super::chain::is_stream_name;
use super::checkpoint::KeptCheckpoint;
use super::step::RefusalKind;
use super::{
    Cause, CauseFault, Checkpoint, Draft, Event, Fate, Integrity, Key, LogFault, LogVerdict, LogVerifier,
    Record, Refusal, Step, VerifiedRecord,
};
use crate::text::quote;
use crate::{Stamp, hex};

/// Why a stream was not opened under a parent: one of that name was. A stream that begins again has another
/// name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("stream `{stream}` was opened before")]
pub struct StreamTaken {
    /// The name, escaped and cut.
    pub stream: String,
}

impl Step<Result<(), StreamTaken>> {
    /// Records in a parent stream that a stream begins with a record. Commit this before the record is
    /// stored: what is stored first can be lost unseen.
    ///
    /// ```
    /// # use countersign::{Ledger, Stamp, Step};
    /// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
    /// # let stamp = |number| Stamp::new(now, [number; 32]);
    /// let mut parent = Ledger::create("fleet")?;
    /// let mut ledger = Ledger::create("orders-gate/7f3a")?;
    /// let staged = ledger.stage(Step::note("gate.started", 1.into(), stamp(1)))?;
    /// let opening = staged.records().first().ok_or("no records")?;
    ///
    /// let opened = parent.stage(Step::child_opened(opening, stamp(2)))?;
    /// // … the host stores `opened.lines()` …
    /// opened.commit()?;
    /// // … then `staged.lines()` …
    /// staged.commit();
    ///
    /// let checkpoint = ledger.checkpoint(); // from time to time
    /// parent.stage(Step::child_checkpointed(&checkpoint, stamp(3)))?.commit();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn child_opened(opening: &Record, stamp: Stamp) -> Self {
        let stream = opening.stream().to_owned();
        let checkpoint = Checkpoint::new(&stream, 1, opening.leaf());
        let key = Key::Once(format!("child/{stream}"));
        let draft = draft(Event::ChildOpened, &checkpoint, &stamp).with_key(key, RefusalKind::Stale);
        let refusal = Refusal::new(&stamp).with("call", Event::ChildOpened.as_str());
        Step::new(vec![draft], refusal, move |fate| match fate {
            Fate::Stored(_) => Ok(()),
            Fate::Refused { .. } => Err(StreamTaken { stream: quote(&stream) }),
        })
    }
}

impl Step<()> {
    /// Records in a parent stream how far a stream reached. A checkpoint that comes from elsewhere is opened
    /// with its stream's key first.
    pub fn child_checkpointed(checkpoint: &Checkpoint, stamp: Stamp) -> Self {
        Self::of_child(Event::ChildCheckpointed, checkpoint, stamp)
    }

    /// Records in a parent stream that a stream ended with a checkpoint: nothing may follow. A stream that was
    /// opened and never stored a record is ended with its checkpoint of no records.
    pub fn child_closed(checkpoint: &Checkpoint, stamp: Stamp) -> Self {
        Self::of_child(Event::ChildClosed, checkpoint, stamp)
    }

    fn of_child(event: Event, checkpoint: &Checkpoint, stamp: Stamp) -> Self {
        Step::new(vec![draft(event, checkpoint, &stamp)], Refusal::new(&stamp), |_| ())
    }
}

fn draft(event: Event, checkpoint: &Checkpoint, stamp: &Stamp) -> Draft {
    let child = json!({
        "root": format!("sha-256:{}", hex::encode(&checkpoint.root())),
        "size": checkpoint.size(),
        "stream": checkpoint.origin(),
    });
    Draft::new(event, stamp.id(event.as_str()), stamp.now()).with("child", child)
}

/// Verifies a parent stream and collects what it says about others.
///
/// ```
/// use countersign::{LogVerifier, ParentVerifier};
/// # use countersign::{Ledger, SigningKey, Stamp, Step};
/// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
/// # let stamp = |number| Stamp::new(now, [number; 32]);
/// # let log_key = SigningKey::from_seed([7; 32]);
/// # let (mut parent, mut ledger) = (Ledger::create("fleet")?, Ledger::create("orders-gate/7f3a")?);
/// # let staged = ledger.stage(Step::note("gate.started", 1.into(), stamp(1)))?;
/// # let opened = parent.stage(Step::child_opened(&staged.records()[0], stamp(2)))?;
/// # let parent_file = opened.lines().to_vec();
/// # opened.commit()?;
/// # let orders_file = staged.lines().to_vec();
/// # let kept = parent.checkpoint().sign(&log_key);
/// let log = LogVerifier::new("fleet").with_key(log_key.public()).with_checkpoint(&kept)?;
/// let mut parent = ParentVerifier::new(log);
/// for line in parent_file.split_inclusive(|byte| *byte == b'\n') {
///     parent.push(line);
/// }
/// let mut streams = parent.finish(now)?; // an unsound parent vouches for nothing
/// assert!(streams.names().eq(["orders-gate/7f3a"]));
///
/// let lines = orders_file.split_inclusive(|byte| *byte == b'\n');
/// streams.read(LogVerifier::new("orders-gate/7f3a"), lines);
/// let verdict = streams.finish();
/// verdict.require_sound()?; // no stream is missing
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ParentVerifier {
    log: LogVerifier,
    links: Links,
    children: BTreeMap<String, Child>,
    malformed: Option<u64>,
}

/// What a sound parent says about its streams, and what was found of them so far.
#[derive(Debug)]
pub struct Streams {
    parent: LogVerdict,
    links: Links,
    children: BTreeMap<String, Child>,
    strangers: BTreeMap<String, LogVerdict>,
    now: DateTime<Utc>,
}

#[derive(Debug, Default)]
struct Child {
    checkpoints: Vec<Checkpoint>,
    closed: Option<u64>,
    verdict: Option<LogVerdict>,
    links: Links,
}

/// What was found of all streams under a parent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StreamsVerdict {
    /// The parent itself. It is sound; look at how many records no checkpoint covers.
    pub parent: LogVerdict,
    /// Every stream that was read.
    pub streams: BTreeMap<String, LogVerdict>,
    /// What is wrong, by stream; the parent's name stands here only where it has a record that follows from
    /// nothing.
    pub faults: BTreeMap<String, StreamFault>,
}

/// Why a stream under a parent cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamFault {
    /// The parent knows records of the stream, and there is none.
    #[error("stream is missing: {size} records were there")]
    Missing {
        /// The records that the parent knows.
        size: u64,
    },
    /// The parent does not know the stream.
    #[error("stream was never opened under the parent")]
    Unknown,
    /// The parent says that the stream ended, and it goes on.
    #[error("stream has {records} records and ended with {size}")]
    Reopened {
        /// The records that are there.
        records: u64,
        /// The records at its end.
        size: u64,
    },
    /// Its log is not sound.
    #[error(transparent)]
    Log(#[from] LogFault),
    /// A record does not follow from the one in another stream that it names. It is the first such record.
    #[error("record {seq} names record {} of `{}` as its cause: {fault}", cause.seq(), cause.stream())]
    Cause {
        /// The record's number.
        seq: u64,
        /// What it names.
        cause: Cause,
        /// Why it does not follow.
        fault: CauseFault,
    },
}

/// Why a parent vouches for nothing, or the first stream under it that cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamsFault {
    /// The parent's log is not sound.
    #[error("parent: {0}")]
    Parent(#[from] LogFault),
    /// A record of the parent does not say what it should about a stream.
    #[error("parent: record {seq}: field `child` is missing or malformed")]
    Malformed {
        /// The record's number.
        seq: u64,
    },
    /// A stream cannot be relied on.
    #[error("`{stream}`: {fault}")]
    Stream {
        /// Its name.
        stream: String,
        /// Why not.
        fault: StreamFault,
    },
}

impl ParentVerifier {
    /// Begins with a verifier that has read no record yet.
    #[must_use]
    pub fn new(parent: LogVerifier) -> Self {
        Self { log: parent, links: Links::default(), children: BTreeMap::new(), malformed: None }
    }

    /// Takes the parent's next record, as [`LogVerifier::push`] does.
    pub fn push<'a>(&mut self, line: &'a [u8]) -> Option<VerifiedRecord<'a>> {
        let record = self.log.push(line)?;
        self.links.see(&record);
        let event = Event::parse(record.event());
        if matches!(event, Some(Event::ChildOpened | Event::ChildCheckpointed | Event::ChildClosed)) {
            match checkpoint(&record) {
                Some(checkpoint) => {
                    let child = self.children.entry(checkpoint.origin().to_owned()).or_default();
                    if event == Some(Event::ChildClosed) {
                        child.closed = Some(child.closed.unwrap_or(u64::MAX).min(checkpoint.size()));
                    }
                    child.checkpoints.push(checkpoint);
                }
                None => self.malformed = self.malformed.or(Some(record.seq())),
            }
        }
        Some(record)
    }

    /// Judges the parent.
    ///
    /// # Errors
    ///
    /// [`StreamsFault::Parent`], [`StreamsFault::Malformed`]: what the parent says about others is worth
    /// nothing.
    pub fn finish(self, now: DateTime<Utc>) -> Result<Streams, StreamsFault> {
        let parent = self.log.finish(now);
        parent.require_sound()?;
        match self.malformed {
            Some(seq) => Err(StreamsFault::Malformed { seq }),
            None => {
                let Self { links, children, .. } = self;
                Ok(Streams { parent, links, children, strangers: BTreeMap::new(), now })
            }
        }
    }
}

impl Streams {
    /// Lists the streams that there must be.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.children.keys().map(String::as_str)
    }

    /// Reads a stream's log and compares it with what the parent knows. The verifier may have keys and
    /// checkpoints of its own, and has read no record yet.
    pub fn read<R: AsRef<[u8]>>(&mut self, log: LogVerifier, lines: impl IntoIterator<Item = R>) {
        let stream = log.stream().to_owned();
        let child = self.children.get_mut(&stream);
        let known = child.iter().flat_map(|child| child.checkpoints.iter().cloned());
        let mut log = known.fold(log, |log, known| log.anchored(KeptCheckpoint::vouched(known)));
        let mut links = Links::default();
        lines
            .into_iter()
            .for_each(|line| log.push(line.as_ref()).iter().for_each(|record| links.see(record)));
        let verdict = log.finish(self.now);
        match child {
            Some(child) => (child.verdict, child.links) = (Some(verdict), links),
            None => drop(self.strangers.insert(stream, verdict)),
        }
    }

    /// Says what was found of all streams. One that was not read counts as missing. Of several faults of a
    /// stream the gravest is told: one of its log before one of its records' causes.
    #[must_use]
    pub fn finish(self) -> StreamsVerdict {
        let (mut streams, mut faults) = (BTreeMap::new(), BTreeMap::new());
        let known = self.children.iter().map(|(stream, child)| (stream.as_str(), &child.links));
        let known: BTreeMap<_, _> = known.chain([(self.parent.head.origin(), &self.links)]).collect();
        for (stream, links) in &known {
            let fault = links.fault(|stream| known.get(stream).copied());
            let fault = fault.map(|(seq, cause, fault)| StreamFault::Cause { seq, cause, fault });
            faults.extend(fault.map(|fault| ((*stream).to_owned(), fault)));
        }
        for (stream, child) in self.children {
            if let Some(fault) = child.fault() {
                faults.insert(stream.clone(), fault);
            }
            if let Some(verdict) = child.verdict {
                streams.insert(stream, verdict);
            }
        }
        for (stream, verdict) in self.strangers {
            faults.insert(stream.clone(), StreamFault::Unknown);
            streams.insert(stream, verdict);
        }
        StreamsVerdict { parent: self.parent, streams, faults }
    }
}

impl Child {
    fn fault(&self) -> Option<StreamFault> {
        let verdict = self.verdict.as_ref();
        let records = verdict.map_or(0, |verdict| verdict.head.size());
        if let Some(size) = self.closed.filter(|size| *size < records) {
            return Some(StreamFault::Reopened { records, size });
        }
        match verdict {
            Some(verdict) if verdict.integrity != (Integrity::Intact { records: 0 }) => {
                verdict.require_sound().err().map(StreamFault::Log)
            }
            _ => {
                let size = self.checkpoints.iter().map(Checkpoint::size).max().unwrap_or(0);
                // A stream that ended before its first record was only announced.
                let announced = self.closed == Some(0) && size <= 1;
                (!announced).then_some(StreamFault::Missing { size })
            }
        }
    }
}

impl StreamsVerdict {
    /// Accepts streams of which none is missing, unknown, longer than its end, or unsound by itself.
    ///
    /// What it says holds for the records that the parent's checkpoints cover.
    ///
    /// # Errors
    ///
    /// [`StreamsFault::Stream`], the first by name.
    pub fn require_sound(&self) -> Result<(), StreamsFault> {
        match self.faults.first_key_value() {
            Some((stream, fault)) => {
                Err(StreamsFault::Stream { stream: stream.clone(), fault: fault.clone() })
            }
            None => Ok(()),
        }
    }
}

/// Reads what a record of a parent says about a stream.
fn checkpoint(record: &VerifiedRecord<'_>) -> Option<Checkpoint> {
    let content = record.content();
    let child = content.get("child")?;
    let text = |name: &str| child.get(name).and_then(Value::as_str);
    let stream = text("stream").filter(|name| is_stream_name(name))?;
    let root = hex::decode32(text("root")?.strip_prefix("sha-256:")?)?;
    let size = child.get("size")?.as_u64()?;
    // The first record of a stream is the whole tree over it.
    let fits = record.event() != Event::ChildOpened.as_str() || size == 1;
    fits.then(|| Checkpoint::new(stream, size, root))
}
