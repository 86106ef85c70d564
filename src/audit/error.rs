//! What a ledger refuses.

use super::RecordFault;
use crate::limits;

/// Why a ledger does not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LedgerError {
    /// The name is not one that a checkpoint's origin can have.
    #[error(
        "stream name `{found}` is not 1 to {} visible ASCII characters without `\"`, `\\` and `+`",
        limits::STREAM_BYTES
    )]
    StreamName {
        /// The name, escaped and cut.
        found: String,
    },
    /// A step was staged and not committed, so nobody knows what the store holds. Read it from that
    /// record on and call [`catch_up`](super::Ledger::catch_up).
    #[error("what is stored from record {from} on is uncertain")]
    Uncertain {
        /// The first record that may be stored.
        from: u64,
    },
    /// The last line has no end: its write was cut off and never confirmed. Cut the file and resume.
    #[error("the last line is torn after byte {keep}")]
    TornTail {
        /// Bytes to keep: the whole lines.
        keep: usize,
    },
    /// A stored record is not the one that belongs there.
    #[error("record {seq}: {fault}")]
    Broken {
        /// The number that the first bad record should have.
        seq: u64,
        /// What is wrong with it.
        fault: RecordFault,
    },
    /// No record can hold what a step wants to record.
    #[error("event `{event}` cannot be recorded: {fault}")]
    Unrecordable {
        /// The event, escaped and cut.
        event: String,
        /// Why not.
        fault: RecordFault,
    },
    /// The stream's last record says that it ended.
    #[error("stream is closed")]
    Closed,
    /// The ledger was restored from a snapshot, which holds no keys, and the store does not enforce them:
    /// what may happen once could happen again. Resume from the whole log, or use a store with unique keys.
    #[error("keys before the snapshot are unknown and the store does not enforce them")]
    KeysUnknown,
    /// The bytes are not a whole snapshot.
    #[error("snapshot is damaged")]
    Snapshot,
}
