//! Just-in-time approval of production actions.

#[cfg(feature = "verify")]
mod audit;
#[cfg(feature = "engine")]
mod cel;
#[cfg(feature = "engine")]
mod decision;
#[cfg(feature = "engine")]
mod gate;
#[cfg(feature = "verify")]
mod grant;
mod hex;
pub mod inspect;
#[cfg(feature = "verify")]
mod json;
#[cfg(feature = "verify")]
mod keys;
pub mod limits;
mod payload;
#[cfg(feature = "engine")]
mod policy;
mod request;
#[cfg(feature = "engine")]
mod review;
mod risk;
mod span_of_time;
#[cfg(feature = "verify")]
mod stamp;
#[cfg(feature = "engine")]
pub mod testing;
mod text;
mod value;

#[cfg(feature = "verify")]
pub use audit::{
    Authorship, Checkpoint, CheckpointError, Completeness, Event, Freshness, Integrity, JsonFault, Ledger,
    LedgerError, LogFault, LogVerdict, LogVerifier, ProofError, ProofPlan, Record, RecordFault, Resumed,
    Staged, Step, VerifiedRecord,
};
#[cfg(feature = "engine")]
pub use cel::{
    Access, Datum, Declaration, Diagnostic, Environment, Failure, Fault, Given, Input, Mismatch, Program,
    Rule, Severity, Slot, Type, TypeError,
};
#[cfg(feature = "engine")]
pub use decision::{Decision, Effect, Need, NeedKind, NextAction, Reason, ReasonCode};
#[cfg(feature = "engine")]
pub use gate::{Conflict, Gate, Outcome};
#[cfg(any(feature = "engine", all(feature = "verify", test)))]
pub use grant::Authorization;
#[cfg(feature = "verify")]
pub use grant::{
    Algorithm, Attempt, ClaimError, Delegation, DelegationError, Grant, GrantVerifier, HolderProofError,
    LogReference, Part, Permit, Redemption, RevocationList, SignatureMismatch, TokenError, UnsignedGrant,
    VerifiedGrant, VerifyError,
};
#[cfg(feature = "verify")]
pub use json::JsonError;
#[cfg(feature = "verify")]
pub use keys::{KeyError, KeySet, PublicKey, SecretText, SigningKey};
pub use payload::{Dialect, Payload, PayloadError};
#[cfg(feature = "engine")]
pub use policy::{Policy, PolicyError, PolicyFault};
pub use request::{Action, Auth, Request, RequestError, Resource, Subject, Usage};
#[cfg(feature = "engine")]
pub use review::{Review, ReviewError, ReviewState, Vote, VoteError};
pub use risk::Risk;
#[cfg(feature = "verify")]
pub use stamp::Stamp;
pub use value::{Attributes, Value};
