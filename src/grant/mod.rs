//! Grants: signed, narrow, short-lived, verifiable anywhere.
//!
//! A grant is a compact JWS of one strict profile. It is issued only from an [`Authorization`], which exists
//! once its record was stored, and it is verified offline against a set of keys. Verification binds it to
//! what is about to run; redeeming yields the [`Permit`] that runs it. Nothing here reads a clock, fetches a
//! key or tries another one.

mod claims;
mod constraint;
mod covered;
mod delegate;
mod error;
mod issue;
mod logged;
mod prove;
mod quorum;
mod redeem;
mod revoke;
mod token;
mod verify;

#[cfg(feature = "engine")]
pub(crate) use claims::{Approval, Claims, Terms};
pub use claims::{ClaimError, LogReference};
#[cfg(feature = "engine")]
pub(crate) use constraint::{Constraint, Constraints};
pub use delegate::{Delegation, DelegationError};
pub use error::VerifyError;
#[cfg(any(feature = "engine", test))]
pub use issue::Authorization;
pub use issue::{Grant, SignatureMismatch, UnsignedGrant};
pub use logged::{LogProof, LogProofError};
pub use prove::HolderProofError;
#[cfg(feature = "engine")]
pub(crate) use quorum::Quorum;
pub use quorum::{QuorumError, SignedApproval};
#[cfg(feature = "engine")]
pub(crate) use redeem::use_root;
pub use redeem::{Permit, Redemption};
pub use revoke::RevocationList;
pub use token::{Algorithm, Part, TokenError};
#[cfg(feature = "authzen")]
pub(crate) use token::{Token, seal, signing_input};
pub use verify::{Attempt, GrantVerifier, VerifiedGrant};

/// The type of a grant's token (RFC 8725, section 3.11).
const TYP: &str = "jit-grant+jwt";

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
mod tests;

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
mod properties;
