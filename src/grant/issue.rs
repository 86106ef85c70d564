//! Turning an authorization into a grant.
//!
//! An authorization exists only after its record was stored, and fixes every claim. Signing therefore adds no
//! decision: the same authorization, key and algorithm give the same bytes, also after a crash. The signature
//! may come from elsewhere (HSM, KMS): bytes out, signature in, and a wrong one is refused.

use chrono::{DateTime, Utc};

use super::TYP;
use super::claims::Claims;
#[cfg(any(feature = "engine", test))]
use super::claims::LogReference;
use super::error::moment;
use super::token::{Algorithm, seal, signing_input};
#[cfg(feature = "engine")]
use crate::decision::Decision;
use crate::keys::{PublicKey, SigningKey};

/// The right to sign one grant. It cannot be made, copied or used twice.
///
/// ```compile_fail,E0451
/// fn forge(one: countersign::Authorization) -> countersign::Authorization { countersign::Authorization { ..one } }
/// ```
///
/// ```compile_fail,E0308
/// fn copy(one: &countersign::Authorization) -> countersign::Authorization { one.clone() }
/// ```
///
/// ```compile_fail,E0382
/// fn twice(one: countersign::Authorization, key: &countersign::SigningKey) { (one.sign(key), one.sign(key)); }
/// ```
#[cfg(any(feature = "engine", test))]
#[derive(Debug)]
#[must_use]
pub struct Authorization {
    claims: Claims,
    #[cfg(feature = "engine")]
    decision: Decision,
    algorithm: Algorithm,
}

/// A grant that waits for its signature.
#[derive(Debug)]
#[must_use]
pub struct UnsignedGrant {
    id: String,
    expires_at: i64,
    key: PublicKey,
    input: String,
}

/// A signed grant. Whoever holds its token can use it, unless it is bound to a key: keep it as a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Grant {
    id: String,
    expires_at: i64,
    token: String,
}

/// The signature is not that of the prepared bytes by the prepared key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("signature is not that of key `{key_id}` over the prepared bytes")]
#[non_exhaustive]
pub struct SignatureMismatch {
    /// The key's thumbprint.
    pub key_id: String,
}

#[cfg(any(feature = "engine", test))]
impl Authorization {
    #[cfg(feature = "engine")]
    pub(crate) fn new(claims: Claims, decision: Decision) -> Self {
        Self { claims, decision, algorithm: Algorithm::default() }
    }

    /// Makes an authorization that no decision led to.
    #[cfg(test)]
    pub(crate) fn of_claims(claims: Claims) -> Self {
        Self {
            claims,
            #[cfg(feature = "engine")]
            decision: Decision::new("sha-256:none".into()),
            algorithm: Algorithm::default(),
        }
    }

    /// Returns the decision that the grant comes of.
    #[cfg(feature = "engine")]
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Names the record that authorized the grant, once it is committed.
    pub(crate) fn with_log(mut self, reference: LogReference) -> Self {
        self.claims.log = Some(reference);
        self
    }

    /// Chooses the algorithm's name in the header; [`Algorithm::EdDsa`] unless told otherwise.
    pub fn using(mut self, algorithm: Algorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Returns the id that the grant will have.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.claims.id
    }

    /// Returns the first second in which the grant will be dead.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        moment(self.claims.expires_at)
    }

    /// Signs the grant with a key that is at hand.
    pub fn sign(self, key: &SigningKey) -> Grant {
        self.prepare(key.public_ref()).sign(key)
    }

    /// Prepares the bytes that the holder of a key must sign with pure Ed25519 (RFC 8032, section 5.1.6).
    pub fn prepare(self, key: &PublicKey) -> UnsignedGrant {
        UnsignedGrant::new(self.claims, self.algorithm, key)
    }
}

impl UnsignedGrant {
    pub(super) fn new(claims: Claims, algorithm: Algorithm, key: &PublicKey) -> Self {
        let input = signing_input(TYP, algorithm, key.thumbprint(), &claims.to_text());
        Self { id: claims.id, expires_at: claims.expires_at, key: key.clone(), input }
    }

    /// Returns the bytes to sign.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        self.input.as_bytes()
    }

    /// Adds the signature. A wrong one leaves the grant unsigned, so that the signer can be asked again.
    ///
    /// # Errors
    ///
    /// [`SignatureMismatch`].
    pub fn finish(&self, signature: [u8; 64]) -> Result<Grant, SignatureMismatch> {
        if !self.key.verify_strict(self.bytes(), &signature) {
            return Err(SignatureMismatch { key_id: self.key.thumbprint().to_owned() });
        }
        let (id, expires_at, input) = (self.id.clone(), self.expires_at, self.input.clone());
        Ok(Grant { id, expires_at, token: seal(input, &signature) })
    }

    pub(super) fn sign(self, key: &SigningKey) -> Grant {
        let signature = key.sign(self.bytes());
        Grant { id: self.id, expires_at: self.expires_at, token: seal(self.input, &signature) }
    }
}

impl Grant {
    /// Returns the grant's id, `jti`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns the text to hand to the tool: a compact JWS.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// Returns the first second in which the grant is dead.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        moment(self.expires_at)
    }
}

/// Leaves the token out, which is as good as a password.
impl std::fmt::Debug for Grant {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Grant").field("id", &self.id).finish_non_exhaustive()
    }
}
