//! Keys that sign and verify.
//!
//! Grants and checkpoints are signed with Ed25519 (RFC 8032) and verified strictly. A public key is checked
//! once, when it is read: its encoding is canonical, its point is on the curve, not of small order, free of
//! torsion. A key that fails never becomes a [`PublicKey`]. Nothing here fetches a key or tries another one.

mod error;
mod public;
mod set;
mod signing;

pub use error::KeyError;
pub(crate) use public::COSIGNATURE;
pub use public::PublicKey;
pub use set::KeySet;
pub(crate) use set::Lookup;
pub use signing::{SecretText, SigningKey};

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

/// Writes base64url without padding (RFC 7515, section 2).
pub(crate) fn base64url(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads base64url; padding and trailing bits are refused (RFC 4648, section 3.5).
pub(crate) fn from_base64url(text: &str) -> Option<Vec<u8>> {
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// Writes base64 with padding (RFC 4648, section 4), as notes and PEM have it.
pub(crate) fn base64(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// Reads base64 with padding.
pub(crate) fn from_base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}
