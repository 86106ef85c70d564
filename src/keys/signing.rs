//! One secret key.
//!
//! Signs grants and checkpoints. The secret is wiped when the key is dropped, is not copied by `Clone`, and
//! never stands in `Debug`. Randomness comes from the host, as a seed.

use std::fmt;

use ed25519_dalek::Signer;
use ed25519_dalek::pkcs8::DecodePrivateKey;
use zeroize::Zeroizing;

use super::{KeyError, PublicKey, base64, from_base64};

/// A secret key of Ed25519.
///
/// ```
/// use countersign::SigningKey;
///
/// let key = SigningKey::from_seed([7; 32]);
/// let again = SigningKey::from_pem(key.to_pem().as_str())?;
/// assert_eq!(again.public(), key.public());
/// assert_eq!(format!("{key:?}"), format!("SigningKey({:?})", key.public()));
/// # Ok::<(), countersign::KeyError>(())
/// ```
pub struct SigningKey {
    key: ed25519_dalek::SigningKey,
    public: PublicKey,
}

/// A text that holds a secret: wiped when dropped, hidden in `Debug`.
pub struct SecretText(Zeroizing<String>);

impl SigningKey {
    /// Makes the key of 32 secret bytes (RFC 8032, section 5.1.5), which must come from a source fit for keys.
    #[must_use]
    pub fn from_seed(seed: [u8; 32]) -> Self {
        let seed = Zeroizing::new(seed);
        Self::new(ed25519_dalek::SigningKey::from_bytes(&seed))
    }

    /// Reads a PKCS#8 private key in PEM (RFC 8410, section 7; RFC 7468), with or without its public half.
    ///
    /// # Errors
    ///
    /// [`KeyError::Pem`] for anything else, also for a public half that is another key's.
    pub fn from_pem(text: &str) -> Result<Self, KeyError> {
        let body = text
            .trim()
            .strip_prefix(BEGIN)
            .and_then(|rest| rest.strip_suffix(END))
            .filter(|body| body.len() <= PEM_BODY)
            .ok_or(KeyError::Pem)?;
        let body: Zeroizing<String> = Zeroizing::new(body.split(['\r', '\n']).collect());
        let der = Zeroizing::new(from_base64(&body).ok_or(KeyError::Pem)?);
        ed25519_dalek::SigningKey::from_pkcs8_der(&der).map(Self::new).map_err(|_| KeyError::Pem)
    }

    /// Writes the key as PKCS#8 in PEM, version 1 (without the public half), which every reader takes.
    #[must_use]
    pub fn to_pem(&self) -> SecretText {
        let mut der = Zeroizing::new([0; 48]);
        let (head, seed) = der.split_at_mut(PKCS8_HEAD.len());
        head.copy_from_slice(&PKCS8_HEAD);
        seed.copy_from_slice(self.key.as_bytes());
        let body = Zeroizing::new(base64(der.as_slice()));
        // Sized at once: a growing string would leave copies of the secret behind.
        let mut text = Zeroizing::new(String::with_capacity(128));
        for part in [BEGIN, "\n", body.as_str(), "\n", END, "\n"] {
            text.push_str(part);
        }
        SecretText(text)
    }

    /// Returns the public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        self.public.clone()
    }

    pub(crate) fn public_ref(&self) -> &PublicKey {
        &self.public
    }

    /// Signs bytes (RFC 8032, section 5.1.6): the same bytes give the same signature.
    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.key.sign(bytes).to_bytes()
    }

    fn new(key: ed25519_dalek::SigningKey) -> Self {
        let public = PublicKey::trusted(key.verifying_key());
        Self { key, public }
    }
}

impl SecretText {
    /// Shows the secret.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("SigningKey").field(&self.public).finish()
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("SecretText(..)")
    }
}

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";

/// The largest body: 85 bytes of DER in base64, with line breaks.
const PEM_BODY: usize = 256;

/// Version 0, algorithm 1.3.101.112, an octet string of an octet string of 32 bytes (RFC 8410, section 7).
const PKCS8_HEAD: [u8; 16] =
    [0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20];
