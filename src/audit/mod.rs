//! The log that proves itself.
//!
//! A stream of records, each naming the hash of the one before it, all of them leaves of one Merkle tree
//! whose root is signed and kept elsewhere. Writers go through [`Ledger`], which releases a step's result
//! only after its records are stored; readers go through [`LogVerifier`], which trusts nobody.

mod checkpoint;
mod event;
mod json;
mod merkle;
mod note;
mod record;
mod time;

pub use checkpoint::{Checkpoint, CheckpointError};
pub use event::Event;
pub use json::JsonFault;
pub use record::{Record, RecordFault};
