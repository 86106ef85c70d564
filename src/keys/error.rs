//! What is wrong with a key.

use crate::json::JsonError;
use crate::limits;

/// What is wrong with a key or a set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// The bytes are no point of the curve in its canonical encoding (RFC 8032, section 5.1.3).
    #[error("public key is not a canonical point of Ed25519")]
    NotAPoint,
    /// The point has small order: such a key verifies signatures that nobody made.
    #[error("public key has small order")]
    SmallOrder,
    /// The point is not in the prime-order group: verifiers disagree about such a key.
    #[error("public key has a torsion component")]
    Torsion,
    /// Not 32 bytes of base64url without padding.
    #[error("public key is not 32 bytes of base64url without padding")]
    Encoding,
    /// Not a PKCS#8 private key of Ed25519 in PEM (RFC 8410, section 7).
    #[error("private key is not PKCS#8 PEM of Ed25519")]
    Pem,
    /// Not the text of a verifier key: `name+hash+key`.
    #[error("verifier key is not `name+8 hex digits+base64 of an Ed25519 key`")]
    Vkey,
    /// The key's name is empty, too long, or has a space, a plus or a control character.
    #[error(
        "key name `{name}` is empty, over {} bytes, or has a space, a plus or a control character",
        limits::NAME_BYTES
    )]
    Name {
        /// The name, escaped and cut at 64 characters.
        name: String,
    },
    /// The verifier key's hash is not that of its name and key.
    #[error("verifier key names hash {found:08x}, its name and key have {expected:08x}")]
    VkeyHash {
        /// The hash in the text.
        found: u32,
        /// The hash of name and key.
        expected: u32,
    },
    /// A key set's text is too long.
    #[error("key set is {bytes} bytes, limit is {}", limits::KEY_SET_BYTES)]
    SetTooLarge {
        /// The bytes found.
        bytes: usize,
    },
    /// A key set is not JSON.
    #[error("key set: {0}")]
    Json(#[from] JsonError),
    /// A key set has no list `keys`.
    #[error("key set has no list `keys`")]
    NoKeys,
    /// More keys than a set may have.
    #[error("key set has {count} keys, limit is {}", limits::KEY_SET_KEYS)]
    TooManyKeys {
        /// The keys found.
        count: usize,
    },
    /// A member of a key is missing, has the wrong type, or a value that does not verify grants.
    #[error("key {index}: `{member}` {expected}")]
    Member {
        /// The key's place in the list, from 0.
        index: usize,
        /// The member's name (RFC 7517, section 4).
        member: &'static str,
        /// What the member must be.
        expected: &'static str,
    },
    /// A key set holds private or symmetric key material, which must not be published.
    #[error("key {index}: private member `{member}` in a published key set")]
    Private {
        /// The key's place in the list, from 0.
        index: usize,
        /// The member's name (RFC 7518, section 6; RFC 8037, section 2).
        member: &'static str,
    },
    /// A key's id is not its thumbprint.
    #[error("key {index}: kid `{found}` is not the thumbprint `{expected}`")]
    KidMismatch {
        /// The key's place in the list, from 0.
        index: usize,
        /// The id found, escaped and cut at 64 characters.
        found: String,
        /// The key's thumbprint (RFC 7638).
        expected: String,
    },
    /// Two keys of a set have one id.
    #[error("kid `{kid}` stands twice in the key set")]
    DuplicateKid {
        /// The id, escaped and cut at 64 characters.
        kid: String,
    },
}

impl KeyError {
    /// Returns the stable code of the error: `keyset_rejected` for the set as a whole, else `key_rejected`.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::SetTooLarge { .. }
            | Self::Json(_)
            | Self::NoKeys
            | Self::TooManyKeys { .. }
            | Self::DuplicateKid { .. } => "keyset_rejected",
            _ => "key_rejected",
        }
    }
}
