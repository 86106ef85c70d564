//! Reading a log without trusting whoever wrote or kept it.
//!
//! Takes one record after the other and holds no more than the edge of their tree, so a log of any size
//! can be read as it streams by. Stops believing at the first bad record. Says what the records prove
//! and, as loudly, what they do not.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value};

use self::kept::{Anchors, SKEW};
pub use self::range::LogRange;
use super::chain::Tip;
use super::checkpoint::KeptCheckpoint;
use super::commitment::{Opened, Openings};
use super::merkle::{Frontier, Hash};
use super::record::{Body, blame, vouches};
use super::rotation::Terms;
use super::{
    Cause, Checkpoint, CheckpointError, Freshness, Integrity, LogVerdict, Record, RecordFault, Witness,
};
use crate::PublicKey;

mod kept;
mod range;

/// Verifies a stream's log in one pass and constant memory.
///
/// Give it the keys and every checkpoint that was kept, then each record in its order.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use countersign::{Completeness, Integrity, Ledger, LogVerifier, SigningKey, Stamp, Step};
///
/// let now: DateTime<Utc> = "2026-11-23T10:00:00Z".parse()?;
/// let key = SigningKey::from_seed([7; 32]);
/// let mut ledger = Ledger::create("orders-gate")?;
/// let staged = ledger.stage(Step::note("deploy.started", 7.into(), Stamp::new(now, [7; 32])))?;
/// let file = staged.lines().to_vec();
/// staged.commit();
/// let kept = ledger.checkpoint().sign(&key);
///
/// let mut log = LogVerifier::new("orders-gate").with_key(key.public()).with_checkpoint(&kept)?;
/// for line in file.split_inclusive(|byte| *byte == b'\n') {
///     log.push(line);
/// }
/// let verdict = log.finish(now);
/// assert_eq!(verdict.integrity, Integrity::Intact { records: 2 });
/// assert_eq!(verdict.completeness, Completeness::Reaches { size: 2 });
/// verdict.require_sound()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LogVerifier {
    tip: Tip,
    keys: Terms,
    kept: Anchors,
    broken: Option<(u64, RecordFault)>,
    /// The tree before the newest good record, which may turn out to be the changed one.
    before: Frontier,
    /// A record whose link does not hold, until the record behind it or a checkpoint says whom to blame.
    suspect: Option<Suspect>,
    re_encoded: u64,
    first: Option<DateTime<Utc>>,
    last: Option<DateTime<Utc>>,
}

/// A record that stands where it belongs in its stream. Only a verifier makes one.
#[derive(Clone)]
pub struct VerifiedRecord<'a> {
    body: Body<Cow<'a, str>>,
}

/// What is known of a record whose link does not hold.
#[derive(Debug)]
struct Suspect {
    leaf: Hash,
    prev: Hash,
}

impl LogVerifier {
    /// Begins to read the log of a stream.
    #[must_use]
    pub fn new(stream: &str) -> Self {
        let tip = Tip::unchecked(stream);
        Self {
            tip,
            keys: Terms::default(),
            kept: Anchors::default(),
            broken: None,
            before: Frontier::default(),
            suspect: None,
            re_encoded: 0,
            first: None,
            last: None,
        }
    }

    /// Adds a key that may have signed checkpoints, under the stream's name. Where the log hands over to
    /// another key ([`Checkpoint::rotate`]), that one is followed by itself. Add all before the first record.
    #[must_use]
    pub fn with_key(mut self, key: PublicKey) -> Self {
        self.keys.trust(key);
        self
    }

    /// Adds a checkpoint that was kept. Add all before the first record.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] for a text that is no checkpoint of the stream. Its signature is judged by
    /// [`finish`](Self::finish).
    pub fn with_checkpoint(self, note: &str) -> Result<Self, CheckpointError> {
        let checkpoint = KeptCheckpoint::read(note, self.tip.stream())?;
        Ok(self.anchored(checkpoint))
    }

    pub(super) fn stream(&self) -> &str {
        self.tip.stream()
    }

    /// Adds a checkpoint of the stream.
    pub(super) fn anchored(mut self, checkpoint: KeptCheckpoint) -> Self {
        self.kept.add(checkpoint);
        if self.broken.is_none() {
            self.kept.compare(self.tip.frontier(), self.last);
        }
        self
    }

    /// Adds a witness. Cosignatures of others are ignored; one of this witness that does not verify spoils
    /// its checkpoint. A witness that is added twice, or under two names with one key, counts once.
    #[must_use]
    pub fn with_witness(mut self, witness: Witness) -> Self {
        if self.kept.witnesses.iter().all(|known| known.key() != witness.key()) {
            self.kept.witnesses.push(witness);
        }
        self
    }

    /// Demands that at least so many of the given witnesses cosigned the newest checkpoint. Without it,
    /// cosignatures are reported and none is demanded.
    #[must_use]
    pub fn requiring_witnesses(mut self, count: usize) -> Self {
        self.kept.quorum = count;
        self
    }

    /// Takes the next record, with or without its line end. Returns it if it and all before it are good, as
    /// far as can be known by then: a change is seen by the record behind it, so the verdict may still
    /// blame the record that was returned last.
    pub fn push<'a>(&mut self, line: &'a [u8]) -> Option<VerifiedRecord<'a>> {
        if let Some((seq, _)) = self.broken {
            if let Some(suspect) = &self.suspect {
                self.blame(Some(vouches(line, seq, &suspect.leaf)));
            }
            return None;
        }
        let seq = self.tip.next_seq();
        let body = match Body::read(line) {
            Ok(body) => body,
            Err(fault) => {
                self.broken = Some((seq, fault));
                return None;
            }
        };
        if let Err(fault) = self.tip.check(&body) {
            self.suspect = Some(Suspect { leaf: body.leaf, prev: body.fields.prev });
            self.broken = Some((seq, fault));
            return None;
        }
        self.keys.follow(self.tip.stream(), &body, self.tip.frontier());
        self.before.clone_from(self.tip.frontier());
        self.tip.advance(&body);
        self.first.get_or_insert(body.fields.at);
        self.last = Some(body.fields.at);
        self.re_encoded = self.re_encoded.saturating_add(u64::from(body.re_encoded));
        self.kept.compare(self.tip.frontier(), self.last);
        Some(VerifiedRecord { body })
    }

    /// Reads consecutive lines apart from the rest, on any thread, for [`append`](Self::append). Add all
    /// checkpoints before.
    ///
    /// ```
    /// # use countersign::{Ledger, LogRange, LogVerifier, Stamp, Step};
    /// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
    /// # let mut ledger = Ledger::create("orders-gate")?;
    /// # let staged = ledger.stage(Step::note("deploy.started", 7.into(), Stamp::new(now, [7; 32])))?;
    /// # let file = staged.lines().to_vec();
    /// # staged.commit();
    /// let mut log = LogVerifier::new("orders-gate");
    /// let ranges: Vec<LogRange<'_>> = std::thread::scope(|scope| {
    ///     let read = |lines| scope.spawn({ let log = &log; move || log.read(lines) });
    ///     let threads: Vec<_> = LogRange::split(&file, 2).into_iter().map(read).collect();
    ///     threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    /// });
    /// ranges.into_iter().for_each(|range| log.append(range));
    /// assert_eq!(log.finish(now).unanchored, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn read<'a>(&self, lines: &'a [u8]) -> LogRange<'a> {
        LogRange { lines, read: range::read(self, lines) }
    }

    /// Takes lines that were read apart. The verdict is that of [`push`](Self::push) of each line.
    pub fn append(&mut self, range: LogRange<'_>) {
        let here = (self.tip.next_seq(), *self.tip.head());
        let Some(read) =
            range.read.filter(|read| self.broken.is_none() && read.from == here && !self.tip.is_closed())
        else {
            return range.lines.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(self.push(line)));
        };
        for (span, at) in read.until {
            let mut tree = self.tip.frontier().clone();
            tree.extend(&span);
            self.kept.compare(&tree, Some(at));
        }
        self.before.clone_from(self.tip.frontier());
        self.before.extend(&read.span);
        self.tip.advance_by(&read.span, read.last);
        self.first.get_or_insert(read.times.0);
        self.last = Some(read.times.1);
        self.re_encoded = self.re_encoded.saturating_add(read.re_encoded);
    }

    fn blame(&mut self, vouched: Option<bool>) {
        if self.suspect.take().is_some() {
            // What a met checkpoint covers is not to blame.
            let covered = self.broken.as_ref().is_some_and(|(seq, _)| self.kept.cover(*seq));
            let vouched = if covered { Some(false) } else { vouched };
            self.broken = self.broken.take().map(|(seq, fault)| blame(seq, fault, vouched));
        }
    }

    /// Says whether a checkpoint of just this size has the suspect, behind the record that it names.
    fn checkpoint_vouches(&self) -> Option<bool> {
        let (suspect, (seq, _)) = (self.suspect.as_ref()?, self.broken.as_ref()?);
        let root = self.kept.root_at(seq.saturating_add(1))?;
        let mut tree = self.before.clone();
        tree.push(suspect.prev);
        tree.push(suspect.leaf);
        Some(tree.root() == root)
    }

    /// Says what was found.
    #[must_use]
    pub fn finish(mut self, now: DateTime<Utc>) -> LogVerdict {
        self.blame(self.checkpoint_vouches());
        let records = self.tip.next_seq();
        let met = self.kept.met();
        let anchored_until = met.and_then(|(_, until)| until);
        let span = self.last.zip(anchored_until.or(self.first));
        let span = span.map(|(last, from)| last.signed_duration_since(from).to_std().unwrap_or_default());
        LogVerdict {
            completeness: self.kept.completeness(records, self.broken.is_some()),
            authorship: self.kept.authorship(&self.keys, now),
            cosignatures: self.kept.cosignatures(now),
            fork: self.kept.fork(&self.keys),
            freshness: self.freshness(now),
            rotations: std::mem::take(&mut self.keys.rotations),
            refused_rotation: self.keys.refused,
            unanchored: records.saturating_sub(met.map_or(0, |(size, _)| size)),
            unanchored_span: span.unwrap_or_default(),
            anchored_until,
            re_encoded: self.re_encoded,
            closed: self.tip.is_closed(),
            head: Checkpoint::new(self.tip.stream(), records, self.tip.frontier().root()),
            integrity: match self.broken {
                None => Integrity::Intact { records },
                Some((first_bad, fault)) => Integrity::Broken { first_bad, fault },
            },
        }
    }

    fn freshness(&self, now: DateTime<Utc>) -> Freshness {
        let Some(last) = self.last else { return Freshness::Empty };
        let age = now.signed_duration_since(last);
        if age < -SKEW {
            Freshness::Ahead { last }
        } else {
            Freshness::Aged { last, age: age.to_std().unwrap_or_default() }
        }
    }
}

impl VerifiedRecord<'_> {
    pub(super) fn to_record(&self) -> Record {
        let Body { text, leaf, fields, re_encoded } = self.body.clone();
        Record { body: Body { text: text.into(), leaf, fields, re_encoded } }
    }

    /// Returns the number in the stream, counted from 0.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.body.fields.seq
    }

    /// Returns the time of the step.
    #[must_use]
    pub fn at(&self) -> DateTime<Utc> {
        self.body.fields.at
    }

    /// Returns the record's id.
    #[must_use]
    pub fn id(&self) -> &str {
        self.body.id()
    }

    /// Returns the name of what happened.
    #[must_use]
    pub fn event(&self) -> &str {
        self.body.event()
    }

    /// Returns the key, which no other record has in a log whose store was sound.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.body.key()
    }

    /// Returns the review that the record belongs to.
    #[must_use]
    pub fn review(&self) -> Option<&str> {
        self.body.review()
    }

    /// Returns the record in another stream that this one follows from.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        self.body.cause()
    }

    /// Returns the canonical bytes, which were hashed.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.body.text.as_bytes()
    }

    /// Returns the record's hash.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        self.body.leaf
    }

    /// Says whether another tool had written the record in its own way.
    #[must_use]
    pub fn is_re_encoded(&self) -> bool {
        self.body.re_encoded
    }

    /// Reads the fields that are particular to the event. Each call reads the bytes anew.
    #[must_use]
    pub fn content(&self) -> Map<String, Value> {
        self.body.content()
    }

    /// Returns the name of the stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        self.body.part(&self.body.fields.stream)
    }

    /// Reads the content with the values of all commitments that can be opened.
    pub(crate) fn opened(&self, openings: &Openings) -> Opened {
        self.body.opened(openings)
    }
}

impl fmt::Debug for VerifiedRecord<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(formatter)
    }
}
