//! Reading a log without trusting whoever wrote or kept it.
//!
//! Takes one record after the other and holds no more than the edge of their tree, so a log of any size
//! can be read as it streams by. Stops believing at the first bad record. Says what the records prove
//! and, as loudly, what they do not.

use std::borrow::Cow;
use std::fmt;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Map, Value};

use super::chain::Tip;
use super::checkpoint::SignedCheckpoint;
use super::merkle::{Frontier, Hash};
use super::note::Signed;
use super::record::{Body, blame, vouches};
use super::{
    Authorship, Checkpoint, CheckpointError, Completeness, Freshness, Integrity, LogVerdict, RecordFault,
};
use crate::PublicKey;

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
    keys: Vec<PublicKey>,
    kept: Vec<Kept>,
    broken: Option<(u64, RecordFault)>,
    /// The tree before the newest good record, which may turn out to be the changed one.
    before: Frontier,
    /// A record whose link does not hold, until the record behind it or a checkpoint says whom to blame.
    suspect: Option<Suspect>,
    re_encoded: u64,
    last: Option<DateTime<Utc>>,
}

/// A record that stands where it belongs in its stream. Only a verifier makes one.
#[derive(Clone)]
pub struct VerifiedRecord<'a> {
    body: Body<Cow<'a, str>>,
}

/// A kept checkpoint, and what came of it.
#[derive(Debug)]
struct Kept {
    signed: SignedCheckpoint,
    /// Whether the log has its root, once the log had its size; and the time of the last record then.
    met: Option<(bool, Option<DateTime<Utc>>)>,
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
            keys: Vec::new(),
            kept: Vec::new(),
            broken: None,
            before: Frontier::default(),
            suspect: None,
            re_encoded: 0,
            last: None,
        }
    }

    /// Adds a key that may have signed checkpoints, under the stream's name.
    #[must_use]
    pub fn with_key(mut self, key: PublicKey) -> Self {
        self.keys.push(key);
        self
    }

    /// Adds a checkpoint that was kept. Add all before the first record.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`] for a text that is no checkpoint of the stream. Its signature is judged by
    /// [`finish`](Self::finish).
    pub fn with_checkpoint(mut self, note: &str) -> Result<Self, CheckpointError> {
        let signed = SignedCheckpoint::read(note, self.tip.stream())?;
        self.kept.push(Kept { signed, met: None });
        self.kept.sort_by_key(|kept| kept.signed.checkpoint.size());
        if self.broken.is_none() {
            self.compare();
        }
        Ok(self)
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
        self.before.clone_from(self.tip.frontier());
        self.tip.advance(body.leaf);
        self.last = Some(body.fields.at);
        self.re_encoded = self.re_encoded.saturating_add(u64::from(body.re_encoded));
        self.compare();
        Some(VerifiedRecord { body })
    }

    fn blame(&mut self, vouched: Option<bool>) {
        if self.suspect.take().is_some() {
            // What a met checkpoint covers is not to blame.
            let covered = |kept: &Kept| {
                let reaches =
                    self.broken.as_ref().is_some_and(|(seq, _)| kept.signed.checkpoint.size() >= *seq);
                reaches && matches!(kept.met, Some((true, _)))
            };
            let vouched = if self.kept.iter().any(covered) { Some(false) } else { vouched };
            self.broken = self.broken.take().map(|(seq, fault)| blame(seq, fault, vouched));
        }
    }

    /// Says whether a checkpoint of just this size has the suspect, behind the record that it names.
    fn checkpoint_vouches(&self) -> Option<bool> {
        let (suspect, (seq, _)) = (self.suspect.as_ref()?, self.broken.as_ref()?);
        let size = seq.saturating_add(1);
        let kept = self.kept.iter().find(|kept| kept.signed.checkpoint.size() == size)?;
        let mut tree = self.before.clone();
        tree.push(suspect.prev);
        tree.push(suspect.leaf);
        Some(tree.root() == kept.signed.checkpoint.root())
    }

    /// Says what was found.
    #[must_use]
    pub fn finish(mut self, now: DateTime<Utc>) -> LogVerdict {
        self.blame(self.checkpoint_vouches());
        let records = self.tip.next_seq();
        let met = self.kept.iter().rev().find_map(|kept| match kept.met {
            Some((true, until)) => Some((kept.signed.checkpoint.size(), until)),
            _ => None,
        });
        LogVerdict {
            completeness: self.completeness(),
            authorship: self.authorship(),
            freshness: self.freshness(now),
            unanchored: records.saturating_sub(met.map_or(0, |(size, _)| size)),
            anchored_until: met.and_then(|(_, until)| until),
            re_encoded: self.re_encoded,
            head: Checkpoint::new(self.tip.stream(), records, self.tip.frontier().root()),
            integrity: match self.broken {
                None => Integrity::Intact { records },
                Some((first_bad, fault)) => Integrity::Broken { first_bad, fault },
            },
        }
    }

    /// Compares the checkpoints of the size that was just reached.
    fn compare(&mut self) {
        let size = self.tip.next_seq();
        let first = self.kept.partition_point(|kept| kept.signed.checkpoint.size() < size);
        let due = self.kept.iter_mut().skip(first).take_while(|kept| kept.signed.checkpoint.size() == size);
        let mut root = None;
        for kept in due {
            let root = *root.get_or_insert_with(|| self.tip.frontier().root());
            kept.met = Some((kept.signed.checkpoint.root() == root, self.last));
        }
    }

    fn completeness(&self) -> Completeness {
        let records = self.tip.next_seq();
        let mut matched = 0;
        let mut found = Completeness::Unanchored;
        for kept in &self.kept {
            let size = kept.signed.checkpoint.size();
            match kept.met {
                // Every log has the empty tree.
                Some((true, _)) if size == 0 => {}
                Some((true, _)) => {
                    matched = size;
                    found = Completeness::Reaches { size };
                }
                Some((false, _)) => return Completeness::Differs { size, matched },
                None if size > records && self.broken.is_none() => {
                    return Completeness::Short { records, size };
                }
                None => return Completeness::Unanchored,
            }
        }
        found
    }

    fn authorship(&self) -> Authorship {
        if self.kept.is_empty() {
            return Authorship::Unsigned;
        }
        if self.keys.is_empty() {
            return Authorship::Unchecked;
        }
        let signed = |kept: &Kept| {
            let mut states = self.keys.iter().map(|key| kept.signed.signed_by(key));
            states.clone().any(|state| state == Signed::Valid) && states.all(|state| state != Signed::Forged)
        };
        match self.kept.iter().find(|kept| !signed(kept)) {
            None => Authorship::Signed,
            Some(kept) => Authorship::Unproven { size: kept.signed.checkpoint.size() },
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
}

impl fmt::Debug for VerifiedRecord<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.body.fmt(formatter)
    }
}

/// How far clocks of a writer and a reader may be apart.
const SKEW: TimeDelta = TimeDelta::seconds(5);
