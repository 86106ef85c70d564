//! What can be said about a log that was read.
//!
//! Four axes, because a log can be whole and nobody's, or signed and cut short. Each value names what was
//! found; none stands for "probably". Only [`LogVerdict::require_sound`] joins them.

use std::time::Duration;

use chrono::{DateTime, Utc};

use super::{Checkpoint, Cosignature, RecordFault, Rotation};

/// What a [`LogVerifier`](super::LogVerifier) found.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LogVerdict {
    /// Do the records follow one another?
    pub integrity: Integrity,
    /// Are they those that were there when the checkpoints were kept?
    pub completeness: Completeness,
    /// Who vouches for the checkpoints?
    pub authorship: Authorship,
    /// What the given witnesses say about the newest signed checkpoint.
    pub cosignatures: Vec<Cosignature>,
    /// Two signed checkpoints that cannot both be true, whatever the records are.
    pub fork: Option<Fork>,
    /// How old is the newest record?
    pub freshness: Freshness,
    /// The keys that a given key handed over to, one after the other.
    pub rotations: Vec<Rotation>,
    /// The number of the first record by which a given key, or one that it handed over to, seems to hand over and
    /// does not: the key did not sign it, or had ended before.
    pub refused_rotation: Option<u64>,
    /// Good records that no met checkpoint covers: whoever can write the log could have rewritten them.
    pub unanchored: u64,
    /// The time that those records span: from the newest record that is covered, or else from the first, to
    /// the newest.
    pub unanchored_span: Duration,
    /// The time of the newest record that a met checkpoint covers.
    pub anchored_until: Option<DateTime<Utc>>,
    /// Good records whose bytes another tool had written in its own way.
    pub re_encoded: u64,
    /// Whether the newest good record closes the stream. Then there is nothing to come: a checkpoint of more
    /// records was signed of another log.
    pub closed: bool,
    /// The size and root hash of an intact log: what to keep for the next time. Of a broken one it is that
    /// of the records up to the break.
    pub head: Checkpoint,
}

/// Whether the records follow one another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Integrity {
    /// All do.
    Intact {
        /// How many there are.
        records: u64,
    },
    /// One does not. What comes after it was not looked at.
    Broken {
        /// The number that the first bad record should have.
        first_bad: u64,
        /// What is wrong with it.
        fault: RecordFault,
    },
}

/// Whether the records are those that were there when the checkpoints were kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Completeness {
    /// Every kept checkpoint is met.
    Reaches {
        /// The size of the newest.
        size: u64,
    },
    /// No kept checkpoint was met or missed. A chain alone proves little: whoever can write the log can
    /// have rewritten all of it, or cut its end.
    Unanchored,
    /// The log ends before a kept checkpoint: records are missing at its end.
    Short {
        /// The records that are there.
        records: u64,
        /// The records that were there.
        size: u64,
    },
    /// A checkpoint has another root hash: the log was rewritten, or it is another log of the same name.
    Differs {
        /// The size of the first checkpoint that differs.
        size: u64,
        /// The size of the newest that was met before it; the difference lies between the two.
        matched: u64,
    },
}

/// Who vouches for the kept checkpoints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Authorship {
    /// Each is signed by a given key, and the newest has the witnesses that were demanded.
    Signed,
    /// Each stands in a sound parent stream.
    Vouched,
    /// There is no checkpoint.
    Unsigned,
    /// No key was given to check them with.
    Unchecked,
    /// One is not signed by any given key, or was altered.
    Unproven {
        /// Its size.
        size: u64,
    },
    /// The newest is signed, but too few of the given witnesses saw it.
    Unwitnessed {
        /// Its size.
        size: u64,
        /// The given witnesses that cosigned it.
        found: usize,
        /// Those that were demanded.
        needed: usize,
    },
}

/// Two checkpoints of one stream, signed by given keys, that no one log can have: whoever holds the key told two
/// histories. The two signed notes prove it to anybody; where the sizes differ, together with the log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fork {
    /// The smaller one.
    pub older: Checkpoint,
    /// The other one, of the same size or larger.
    pub newer: Checkpoint,
}

/// How old the newest good record is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Freshness {
    /// There is no record.
    Empty,
    /// It was written before now.
    Aged {
        /// When.
        last: DateTime<Utc>,
        /// How long ago.
        age: Duration,
    },
    /// It claims to be written more than five seconds from now: a clock is wrong.
    Ahead {
        /// When.
        last: DateTime<Utc>,
    },
}

/// The first reason why a log cannot be relied on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LogFault {
    /// See [`Integrity::Broken`].
    #[error("record {first_bad}: {fault}")]
    Broken {
        /// The number that the first bad record should have.
        first_bad: u64,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// See [`Completeness::Differs`].
    #[error("log differs from the checkpoint of {size} records; they agree on the first {matched}")]
    Differs {
        /// The size of the checkpoint.
        size: u64,
        /// The records on which they agree.
        matched: u64,
    },
    /// See [`Completeness::Short`].
    #[error("log has {records} records, a checkpoint has {size}")]
    Short {
        /// The records that are there.
        records: u64,
        /// The records that were there.
        size: u64,
    },
    /// See [`Completeness::Unanchored`].
    #[error("no checkpoint covers the log: it could have been rewritten as a whole")]
    Unanchored,
    /// See [`Authorship::Unchecked`].
    #[error("checkpoints were not checked: no key was given")]
    Unchecked,
    /// See [`Authorship::Unproven`].
    #[error("checkpoint of {size} records is not signed by a given key")]
    Unproven {
        /// The size of the checkpoint.
        size: u64,
    },
    /// See [`Authorship::Unwitnessed`].
    #[error("checkpoint of {size} records has {found} of {needed} witnesses")]
    Unwitnessed {
        /// The size of the checkpoint.
        size: u64,
        /// The given witnesses that cosigned it.
        found: usize,
        /// Those that were demanded.
        needed: usize,
    },
    /// See [`Fork`].
    #[error("log was forked: the signed checkpoints of {older} and of {newer} records contradict each other")]
    Forked {
        /// The size of the smaller checkpoint.
        older: u64,
        /// The size of the other.
        newer: u64,
    },
    /// See [`LogVerdict::refused_rotation`].
    #[error("record {seq} hands over to a key, and no key in charge signed it")]
    Rotation {
        /// The number of the record.
        seq: u64,
    },
    /// See [`Freshness::Ahead`].
    #[error("newest record is of {last}, which is yet to come")]
    Ahead {
        /// The time of the record.
        last: DateTime<Utc>,
    },
}

impl LogVerdict {
    /// Accepts a log whose records follow one another, that meets every kept checkpoint, at least one,
    /// each signed by a given key or known by a sound parent stream, the newest cosigned by as many witnesses
    /// as were demanded, and that does not come from the future.
    ///
    /// What it says holds for the records that the checkpoints cover. Look at
    /// [`unanchored`](Self::unanchored) for how many come after them.
    ///
    /// # Errors
    ///
    /// The first [`LogFault`], the gravest first.
    pub fn require_sound(&self) -> Result<(), LogFault> {
        if let Some(fork) = &self.fork {
            return Err(LogFault::Forked { older: fork.older.size(), newer: fork.newer.size() });
        }
        if let Integrity::Broken { first_bad, fault } = &self.integrity {
            return Err(LogFault::Broken { first_bad: *first_bad, fault: fault.clone() });
        }
        match self.completeness {
            Completeness::Reaches { .. } => {}
            Completeness::Differs { size, matched } => return Err(LogFault::Differs { size, matched }),
            Completeness::Short { records, size } => return Err(LogFault::Short { records, size }),
            Completeness::Unanchored => return Err(LogFault::Unanchored),
        }
        match self.authorship {
            Authorship::Signed | Authorship::Vouched => {}
            Authorship::Unsigned => return Err(LogFault::Unanchored),
            Authorship::Unchecked => return Err(LogFault::Unchecked),
            Authorship::Unproven { size } => return Err(LogFault::Unproven { size }),
            Authorship::Unwitnessed { size, found, needed } => {
                return Err(LogFault::Unwitnessed { size, found, needed });
            }
        }
        if let Some(seq) = self.refused_rotation {
            return Err(LogFault::Rotation { seq });
        }
        match self.freshness {
            Freshness::Aged { .. } | Freshness::Empty => Ok(()),
            Freshness::Ahead { last } => Err(LogFault::Ahead { last }),
        }
    }
}
