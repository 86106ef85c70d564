//! The log that proves itself.
//!
//! A stream of records, each naming the hash of the one before it, all of them leaves of one Merkle tree
//! whose root is signed and kept elsewhere. Writers go through [`Ledger`], which releases a step's result
//! only after its records are stored; readers go through [`LogVerifier`], which trusts nobody.

mod cause;
mod chain;
mod checkpoint;
mod commitment;
mod draft;
mod erase;
mod error;
mod event;
mod export;
mod json;
mod ledger;
mod merkle;
mod note;
mod parent;
mod proof;
mod record;
mod rotation;
mod staged;
mod step;
mod tile;
mod time;
mod verdict;
mod verify;
mod witness;

pub use cause::{Cause, CauseFault};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use commitment::{Opening, OpeningError, Openings};
pub use erase::{Commitment, DisclosureReport, Disclosures, EraseError, Erasure};
pub use error::LedgerError;
pub use event::Event;
pub use export::{Control, Export};
pub use json::JsonFault;
pub use ledger::{Ledger, Reach, Resumed};
pub use parent::{ParentVerifier, StreamFault, StreamTaken, Streams, StreamsFault, StreamsVerdict};
pub use proof::{ProofError, ProofPlan, Subtree};
pub use record::{Record, RecordFault};
pub use rotation::Rotation;
pub use staged::Staged;
pub use step::Step;
pub use tile::Tile;
pub use verdict::{Authorship, Completeness, Fork, Freshness, Integrity, LogFault, LogVerdict};
pub use verify::{LogRange, LogVerifier, VerifiedRecord};
pub use witness::{Cosignature, Witness};

#[cfg(test)]
pub(crate) use merkle::Frontier;
#[allow(unused_imports, reason = "only the engine makes steps")]
pub(crate) use {
    commitment::{Closed, Opened, below},
    draft::{Draft, Key},
    step::{Fate, Position, Refusal, RefusalKind},
};
