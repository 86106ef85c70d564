//! Is the authorization in the log?
//!
//! Where the issuer's key alone must not be enough, a verifier demands the record that authorized the grant:
//! its bytes, the hashes that lead from it to a checkpoint, and the checkpoint, signed by the log's own key
//! (C2SP tlog-proof). The record fixes every claim, so no genuine record carries a second grant. All of it is
//! checked offline; nothing here asks a log.

use super::claims::{Claims, LogReference, OPTIONAL, REQUIRED};
use crate::audit::{
    Checkpoint, CheckpointError, Event, Opened, Opening, Openings, ProofError, Record, RecordFault,
};
use crate::keys::{PublicKey, base64, from_base64};
use crate::limits;
use crate::text::quote;

/// What shows that a record is in a log: its bytes, the hashes of its inclusion, and a signed checkpoint.
///
/// The host that keeps the log makes it, its holder carries it beside the grant, and the tool gives it to
/// [`Attempt::with_log_proof`](super::Attempt::with_log_proof).
///
/// ```
/// use countersign::{LogProof, ProofPlan};
///
/// # let (record, checkpoint, hash_of) = (b"{}".as_slice(), "orders-gate\n2\n", |_| [0; 32]);
/// let plan = ProofPlan::inclusion(1, 2).ok_or("no such record")?; // record 1 of a checkpoint of 2
/// let hashes = plan.assemble(plan.subtrees().map(hash_of)).ok_or("another number of hashes")?;
/// let text = LogProof::new(1, record, hashes, checkpoint).to_text();
/// assert!(text.starts_with("c2sp.org/tlog-proof@v1\nextra "));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogProof {
    seq: u64,
    record: Vec<u8>,
    /// What opens the record's commitments.
    openings: Vec<Opening>,
    hashes: Vec<[u8; 32]>,
    checkpoint: String,
}

/// Why a grant does not count as logged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogProofError {
    /// The grant names no record.
    #[error("grant names no record that authorized it")]
    Unlogged,
    /// The attempt shows no proof.
    #[error("grant is of record {seq} in `{stream}`, the attempt has no proof of it")]
    Missing {
        /// The log that the grant names.
        stream: String,
        /// The record's number.
        seq: u64,
    },
    /// The grant names a log that the verifier does not know.
    #[error("no key of the log `{found}` is known here")]
    Stream {
        /// The log that the grant names, escaped and cut at 64 characters.
        found: String,
    },
    /// More bytes than a proof may have.
    #[error("log proof is {bytes} bytes, limit is {}", limits::LOG_PROOF_BYTES)]
    TooLarge {
        /// The bytes found.
        bytes: usize,
    },
    /// A line is not what stands there in a proof: the format, the record, its number, hashes.
    #[error("line {line} of the log proof is malformed")]
    Line {
        /// The line, counted from 1.
        line: usize,
    },
    /// The proof is of another record.
    #[error("log proof is of record {found}, grant is of record {expected}")]
    Seq {
        /// The number in the proof.
        found: u64,
        /// The number in the grant.
        expected: u64,
    },
    /// What the proof shows is no record.
    #[error("log proof: {0}")]
    Record(#[from] RecordFault),
    /// What the proof shows is not the record that the grant names.
    #[error("log proof shows record `{found}`, grant is of `{expected}`")]
    Leaf {
        /// The hash of the record in the proof: `sha-256:` and 64 hexadecimal digits.
        found: String,
        /// The leaf in the grant.
        expected: String,
    },
    /// The checkpoint is none of the log, or its key did not sign it.
    #[error("log proof: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The checkpoint is older than the record.
    #[error("log proof has a checkpoint of {size} records, too old for record {seq}")]
    Stale {
        /// The record's number.
        seq: u64,
        /// The checkpoint's size.
        size: u64,
    },
    /// The hashes lead to another root than the checkpoint's.
    #[error("log proof does not lead to its checkpoint")]
    Inclusion,
    /// The record is in the log, but it authorizes nothing.
    #[error("record is `{found}`, expected `{}`", Event::GrantAuthorized.as_str())]
    Event {
        /// What the record says that happened, escaped and cut at 64 characters.
        found: String,
    },
    /// The record only commits to a claim, and the proof has no opening that fits: it was left out or erased.
    #[error("log proof has nothing that opens {}", quote(path))]
    Closed {
        /// Where the claim stands in the record.
        path: String,
    },
    /// The record authorized something else.
    #[error("`{claim}` of the grant differs from what was recorded")]
    Differs {
        /// The claim's name.
        claim: &'static str,
    },
}

/// The logs in which a verifier wants to see a grant's record, with the keys that sign their checkpoints.
#[derive(Debug, Clone)]
pub(super) struct Logs(Vec<(String, PublicKey)>);

impl LogProof {
    /// Makes a proof of a stored record by its number and bytes, the hashes that
    /// [`ProofPlan::inclusion`](crate::ProofPlan::inclusion) asked for, from the record up, and the signed
    /// checkpoint that they lead to. Nothing is checked: the tool does.
    #[must_use]
    pub fn new(
        seq: u64,
        record: &[u8],
        hashes: impl IntoIterator<Item = [u8; 32]>,
        checkpoint: &str,
    ) -> Self {
        let record = record.strip_suffix(b"\n").unwrap_or(record).to_vec();
        let (hashes, checkpoint) = (hashes.into_iter().collect(), checkpoint.to_owned());
        Self { seq, record, openings: Vec::new(), hashes, checkpoint }
    }

    /// Adds what opens the record's commitments: where the policy marks an action `personal`, the record only
    /// commits to its digest, and no tool accepts the grant without these openings. They tell the holder nothing
    /// that the grant does not.
    #[must_use]
    pub fn with_openings(mut self, openings: impl IntoIterator<Item = Opening>) -> Self {
        self.openings.extend(openings);
        self
    }

    /// Writes the proof as a C2SP tlog-proof. Its extra data are the record's bytes and, each behind a line end,
    /// the openings.
    #[must_use]
    pub fn to_text(&self) -> String {
        let mut extra = self.record.clone();
        for opening in &self.openings {
            extra.push(b'\n');
            extra.extend_from_slice(opening.to_line().as_bytes());
        }
        let mut text = format!("{FORMAT}\nextra {}\nindex {}\n", base64(&extra), self.seq);
        for hash in &self.hashes {
            text.push_str(&base64(hash));
            text.push('\n');
        }
        text.push('\n');
        text.push_str(&self.checkpoint);
        text
    }

    fn read(text: &str) -> Result<Self, LogProofError> {
        if text.len() > limits::LOG_PROOF_BYTES {
            return Err(LogProofError::TooLarge { bytes: text.len() });
        }
        let (head, checkpoint) = text.split_once("\n\n").ok_or(LogProofError::Line { line: 1 })?;
        let mut lines = (1..).zip(head.split('\n'));
        let mut next = |line, prefix| {
            let found = lines.next().and_then(|(_, text)| text.strip_prefix(prefix));
            found.ok_or(LogProofError::Line { line })
        };
        if !next(1, FORMAT)?.is_empty() {
            return Err(LogProofError::Line { line: 1 });
        }
        let extra = from_base64(next(2, "extra ")?).ok_or(LogProofError::Line { line: 2 })?;
        let mut extra = extra.split(|byte| *byte == b'\n');
        let record = extra.next().unwrap_or_default().to_vec();
        let openings = extra.map(Opening::read).collect::<Result<_, _>>();
        let openings = openings.map_err(|_| LogProofError::Line { line: 2 })?;
        let index = next(3, "index ")?;
        let plain =
            index.bytes().all(|digit| digit.is_ascii_digit()) && (index == "0" || !index.starts_with('0'));
        let seq = index.parse().ok().filter(|_| plain).ok_or(LogProofError::Line { line: 3 })?;
        let hash = |(line, text): (usize, &str)| {
            let hash = from_base64(text).and_then(|bytes| bytes.try_into().ok());
            hash.ok_or(LogProofError::Line { line })
        };
        let hashes = lines.map(hash).collect::<Result<_, _>>()?;
        Ok(Self { seq, record, openings, hashes, checkpoint: checkpoint.to_owned() })
    }
}

impl Logs {
    pub(super) fn new(logs: impl IntoIterator<Item = (String, PublicKey)>) -> Self {
        Self(logs.into_iter().collect())
    }

    /// Refuses a root grant unless the proof shows, in a log that is known, the record of exactly its claims.
    pub(super) fn check(&self, grant: &Claims, proof: Option<&str>) -> Result<(), LogProofError> {
        let log = grant.log.as_ref().ok_or(LogProofError::Unlogged)?;
        let mut keys = self.0.iter().filter(|(stream, _)| stream == log.stream()).map(|(_, key)| key);
        let key = keys.next().ok_or_else(|| LogProofError::Stream { found: quote(log.stream()) })?;
        let proof = proof.ok_or_else(|| {
            let stream = log.stream().to_owned();
            LogProofError::Missing { stream, seq: log.seq() }
        })?;
        let proof = LogProof::read(proof)?;
        let record = check_record(&proof, log)?;
        let open = |key| Checkpoint::open(&proof.checkpoint, log.stream(), key);
        let checkpoint = open(key).or_else(|error| keys.find_map(|key| open(key).ok()).ok_or(error))?;
        checkpoint.includes(proof.seq, record.leaf(), &proof.hashes).map_err(|error| match error {
            ProofError::NoSuchRecord { seq, size } => LogProofError::Stale { seq, size },
            _ => LogProofError::Inclusion,
        })?;
        check_claims(&record, &Openings::new(proof.openings), grant)
    }
}

/// Reads the record that a proof shows, which must be the one that the grant names.
fn check_record(proof: &LogProof, log: &LogReference) -> Result<Record, LogProofError> {
    if proof.seq != log.seq() {
        return Err(LogProofError::Seq { found: proof.seq, expected: log.seq() });
    }
    let record = Record::read(&proof.record)?;
    let found = format!("sha-256:{}", crate::hex::encode(&record.leaf()));
    if found != log.leaf() {
        return Err(LogProofError::Leaf { found, expected: log.leaf().to_owned() });
    }
    // Whoever signs checkpoints may have put records of another stream under this one's name.
    if record.stream() != log.stream() {
        let (found, expected) = (quote(record.stream()), log.stream().to_owned());
        return Err(RecordFault::Stream { found, expected }.into());
    }
    if record.seq() != log.seq() {
        return Err(RecordFault::Seq { found: record.seq(), expected: log.seq() }.into());
    }
    Ok(record)
}

/// Compares what the record authorized with what the grant says. Only `log`, which the record cannot hold,
/// and `ext`, which says nothing, may differ.
fn check_claims(record: &Record, openings: &Openings, grant: &Claims) -> Result<(), LogProofError> {
    if record.event() != Event::GrantAuthorized.as_str() {
        return Err(LogProofError::Event { found: quote(record.event()) });
    }
    let Opened { mut content, closed, .. } = record.opened(openings);
    if let Some(closed) = closed.into_iter().next() {
        return Err(LogProofError::Closed { path: closed.path });
    }
    let recorded = content.remove("claims").unwrap_or_default();
    let recorded = Claims::from_value(&recorded).map_err(|_| LogProofError::Differs { claim: "v" })?;
    let granted = Claims { log: None, ..grant.clone() };
    if recorded == granted {
        return Ok(());
    }
    let (recorded, granted) = (recorded.to_value(), granted.to_value());
    let claim = REQUIRED.into_iter().chain(OPTIONAL).find(|name| recorded.get(name) != granted.get(name));
    Err(LogProofError::Differs { claim: claim.unwrap_or("v") })
}

impl LogProofError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Unlogged | Self::Missing { .. } => "log_required",
            Self::Stale { .. } => "log_stale",
            _ => "log_rejected",
        }
    }
}

const FORMAT: &str = "c2sp.org/tlog-proof@v1";

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, clippy::indexing_slicing, reason = "tests fail by panicking")]
mod tests;
