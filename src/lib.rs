//! Just-in-time approval of production actions.

#[cfg(feature = "verify")]
mod audit;
mod hex;
#[cfg(feature = "verify")]
mod json;
#[cfg(feature = "verify")]
mod keys;
pub mod limits;
mod payload;
mod request;
mod risk;
mod span_of_time;
#[cfg(feature = "verify")]
mod stamp;
mod text;
mod value;

#[cfg(feature = "verify")]
pub use audit::{
    Authorship, Checkpoint, CheckpointError, Completeness, Event, Freshness, Integrity, JsonFault, Ledger,
    LedgerError, LogFault, LogVerdict, LogVerifier, ProofError, ProofPlan, Record, RecordFault, Resumed,
    Staged, Step, Subtree, VerifiedRecord,
};
#[cfg(feature = "verify")]
pub use json::JsonError;
#[cfg(feature = "verify")]
pub use keys::{KeyError, KeySet, PublicKey, SecretText, SigningKey};
pub use payload::{Dialect, Payload, PayloadError};
pub use request::{Action, Auth, Request, RequestError, Resource, Subject, Usage};
pub use risk::Risk;
#[cfg(feature = "verify")]
pub use stamp::Stamp;
pub use value::{Attributes, Value};
