//! One public key, checked when it is read.
//!
//! Holds an Ed25519 key that verifiers cannot disagree about, with its thumbprint (RFC 7638, RFC 8037) and
//! its text as a verifier key of signed notes (C2SP signed-note). Verification refuses what `verify` of
//! many libraries accepts: small-order points, non-canonical scalars, cofactored equality.

use std::fmt;

use ed25519_dalek::{Signature, VerifyingKey};
use sha2::{Digest, Sha256};

use super::{KeyError, base64, base64url, from_base64, from_base64url};
use crate::limits;
use crate::text::quote;

/// A public key of Ed25519.
///
/// ```
/// use countersign::{PublicKey, SigningKey};
///
/// let key = SigningKey::from_seed([7; 32]).public();
/// assert_eq!(PublicKey::from_bytes(&key.to_bytes())?, key);
/// assert!(PublicKey::from_bytes(&[0; 32]).is_err());
/// # Ok::<(), countersign::KeyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey {
    key: VerifyingKey,
    thumbprint: String,
}

impl PublicKey {
    /// Reads a key from its 32 bytes (RFC 8032, section 5.1.2).
    ///
    /// # Errors
    ///
    /// [`KeyError::NotAPoint`], [`KeyError::SmallOrder`], [`KeyError::Torsion`].
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(bytes).map_err(|_| KeyError::NotAPoint)?;
        let point = key.to_edwards();
        if point.compress().as_bytes() != bytes {
            return Err(KeyError::NotAPoint);
        }
        if point.is_small_order() {
            return Err(KeyError::SmallOrder);
        }
        if !point.is_torsion_free() {
            return Err(KeyError::Torsion);
        }
        Ok(Self::trusted(key))
    }

    /// Reads a verifier key of signed notes: `name+hash+base64(0x01 ‖ key)` (C2SP signed-note, "Verifier
    /// keys"). Returns the name and the key.
    ///
    /// # Errors
    ///
    /// [`KeyError::Vkey`] for another shape or type of key, [`KeyError::Name`], [`KeyError::VkeyHash`], and
    /// those of [`from_bytes`](Self::from_bytes).
    pub fn from_vkey(text: &str) -> Result<(String, Self), KeyError> {
        Self::from_typed_vkey(text, ED25519)
    }

    /// Reads a verifier key of one signature type.
    pub(crate) fn from_typed_vkey(text: &str, kind: u8) -> Result<(String, Self), KeyError> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(hash), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(KeyError::Vkey);
        };
        check_name(name)?;
        let lower_hex = hash.bytes().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'));
        if hash.len() != 8 || !lower_hex {
            return Err(KeyError::Vkey);
        }
        let found = u32::from_str_radix(hash, 16).map_err(|_| KeyError::Vkey)?;
        let bytes = from_base64(key).ok_or(KeyError::Vkey)?;
        let (_, bytes) = bytes.split_first().filter(|(found, _)| **found == kind).ok_or(KeyError::Vkey)?;
        let key = Self::from_bytes(bytes.try_into().map_err(|_| KeyError::Vkey)?)?;
        let expected = key.typed_id(name, kind);
        if found != expected {
            return Err(KeyError::VkeyHash { found, expected });
        }
        Ok((name.to_owned(), key))
    }

    /// Writes the key as a verifier key of signed notes under a name.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`].
    pub fn to_vkey(&self, name: &str) -> Result<String, KeyError> {
        check_name(name)?;
        Ok(self.vkey(name))
    }

    /// Writes the verifier key under a name that is known to fit.
    pub(crate) fn vkey(&self, name: &str) -> String {
        self.typed_vkey(name, ED25519)
    }

    /// Writes a verifier key of one signature type, under a name that was checked.
    pub(crate) fn typed_vkey(&self, name: &str, kind: u8) -> String {
        let mut typed = vec![kind];
        typed.extend_from_slice(self.key.as_bytes());
        format!("{name}+{:08x}+{}", self.typed_id(name, kind), base64(&typed))
    }

    /// Returns the key's 32 bytes.
    #[must_use]
    pub fn to_bytes(&self) -> [u8; 32] {
        self.key.to_bytes()
    }

    /// Returns the key's id in headers and key sets: the base64url SHA-256 of its required members (RFC 7638;
    /// RFC 8037, appendix A.3).
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        &self.thumbprint
    }

    /// Says whether the key made the signature of the message.
    pub(crate) fn verify_strict(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.key.verify_strict(message, &Signature::from_bytes(signature)).is_ok()
    }

    /// Computes the id that a signed note shows beside the name: the first four bytes of
    /// SHA-256(name ‖ 0x0A ‖ 0x01 ‖ key).
    pub(crate) fn key_id(&self, name: &str) -> u32 {
        self.typed_id(name, ED25519)
    }

    /// Computes the id for another signature type.
    pub(crate) fn typed_id(&self, name: &str, kind: u8) -> u32 {
        let mut hasher = Sha256::new();
        hasher.update(name.as_bytes());
        hasher.update([b'\n', kind]);
        hasher.update(self.key.as_bytes());
        let [first, second, third, fourth, ..] = <[u8; 32]>::from(hasher.finalize());
        u32::from_be_bytes([first, second, third, fourth])
    }

    /// Reads the member `x` of a JWK.
    pub(crate) fn from_x(text: &str) -> Result<Self, KeyError> {
        let bytes = from_base64url(text).ok_or(KeyError::Encoding)?;
        Self::from_bytes(bytes.as_slice().try_into().map_err(|_| KeyError::Encoding)?)
    }

    /// Writes the member `x` of a JWK.
    pub(crate) fn x(&self) -> String {
        base64url(self.key.as_bytes())
    }

    /// Takes a key that was derived from a secret key or has been checked.
    pub(super) fn trusted(key: VerifyingKey) -> Self {
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, base64url(key.as_bytes()));
        Self { key, thumbprint: base64url(&Sha256::digest(members.as_bytes())) }
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("PublicKey").field(&self.thumbprint).finish()
    }
}

fn check_name(name: &str) -> Result<(), KeyError> {
    let fits = (1..=limits::NAME_BYTES).contains(&name.len());
    if fits && !name.chars().any(|letter| letter == '+' || letter.is_whitespace() || letter.is_control()) {
        return Ok(());
    }
    Err(KeyError::Name { name: quote(name) })
}

/// The signature type of Ed25519 in signed notes.
const ED25519: u8 = 0x01;

/// The signature type of timestamped cosignatures with Ed25519 (C2SP tlog-cosignature).
pub(crate) const COSIGNATURE: u8 = 0x04;
