//! Does the one who shows the grant hold its key?
//!
//! A grant with `cnf` is worth nothing alone: the attempt carries a proof (`typ: jit-pop+jwt`), signed by the
//! holder's key over the grant's digest, the audience, the digest of what will run, and the time. A proof
//! fits one grant, one tool and one payload, for a minute. Single use is the redemption's matter, not its.

use chrono::{DateTime, SecondsFormat, Utc};
use sha2::{Digest, Sha256};

use super::claims::{check_version, date, optional_digest, push_string, text};
use super::error::moment;
use super::token::{Algorithm, Token, seal, signing_input};
use super::verify::Attempt;
use super::{ClaimError, TokenError};
use crate::json::Bounds;
use crate::keys::{PublicKey, SigningKey};
use crate::limits;
use crate::text::quote;

/// What is wrong with a holder's proof.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HolderProofError {
    /// The proof's shape.
    #[error("proof: {0}")]
    Token(#[from] TokenError),
    /// What the proof says is outside its profile.
    #[error("proof: {0}")]
    Claims(#[from] ClaimError),
    /// The proof names another key than the grant.
    #[error("proof is by key `{found}`, grant is bound to `{expected}`")]
    Key {
        /// The id in the proof's header.
        found: String,
        /// The thumbprint of the grant's key.
        expected: String,
    },
    /// The signature is not that of the key over these bytes.
    #[error("signature of the proof does not hold")]
    Signature,
    /// The proof is for another grant.
    #[error("proof is for another grant")]
    Grant,
    /// The proof is for another audience.
    #[error("proof is for audience `{found}`, expected `{expected}`")]
    Audience {
        /// The claim `aud`.
        found: String,
        /// The verifier's.
        expected: String,
    },
    /// The proof is for another payload, for one where there is none, or for none where there is one.
    #[error("proof is for another payload")]
    Payload,
    /// The proof is older than a minute, or from the future.
    #[error("proof was made at {}, checked at {}", .made_at.to_rfc3339_opts(SecondsFormat::AutoSi, true), .now.to_rfc3339_opts(SecondsFormat::AutoSi, true))]
    Stale {
        /// The claim `iat`.
        made_at: DateTime<Utc>,
        /// When it was checked.
        now: DateTime<Utc>,
    },
}

/// What a proof must fit.
#[derive(Debug)]
pub(super) struct Expected<'a> {
    pub(super) holder: &'a PublicKey,
    pub(super) grant: &'a str,
    pub(super) audience: &'a str,
    pub(super) action_digest: Option<&'a str>,
    pub(super) leeway: i64,
    pub(super) now: DateTime<Utc>,
}

impl Attempt {
    /// Makes the proof that a grant bound to `key` demands, for this attempt, on the holder's side. A chain
    /// is proven by its last token.
    ///
    /// ```
    /// # use countersign::{Action, Attempt, Resource, SigningKey};
    /// # fn call(token: &str, proof: &str) {}
    /// # let (token, now) = ("eyJ…", chrono::DateTime::UNIX_EPOCH);
    /// let key = SigningKey::from_seed([7; 32]);
    /// let attempt = Attempt::new(Action::new("db.query"), Resource::new("database", "orders"));
    /// let proof = attempt.prove(token, "database/orders", &key, now);
    /// call(token, &proof); // and the tool: attempt.with_proof(&proof)
    /// ```
    #[must_use]
    pub fn prove(&self, token: &str, audience: &str, key: &SigningKey, now: DateTime<Utc>) -> String {
        let mut claims = String::from("{");
        if let Some(digest) = self.action_digest() {
            claims.push_str(&format!(r#""adg":"{digest}","#));
        }
        claims.push_str(r#""aud":"#);
        push_string(&mut claims, audience);
        claims.push_str(&format!(r#","gth":"{}","iat":{},"v":1}}"#, token_digest(token), now.timestamp()));
        let input = signing_input(TYP, Algorithm::default(), key.public_ref().thumbprint(), &claims);
        let signature = key.sign(input.as_bytes());
        seal(input, &signature)
    }
}

/// Checks a proof.
pub(super) fn check(proof: &str, expected: &Expected<'_>) -> Result<(), HolderProofError> {
    let token = Token::read(proof, limits::PROOF_BYTES, TYP)?;
    let thumbprint = expected.holder.thumbprint();
    if token.key_id != thumbprint {
        return Err(HolderProofError::Key { found: token.key_id, expected: thumbprint.to_owned() });
    }
    if !expected.holder.verify_strict(token.signed, &token.signature) {
        return Err(HolderProofError::Signature);
    }
    let claims = token.claims(BOUNDS)?;
    check_version(&claims)?;
    let members = claims.as_object().unwrap_or_default();
    if let Some((name, _)) = members.iter().find(|(name, _)| !KNOWN.contains(&name.as_ref())) {
        return Err(ClaimError::Unknown { name: quote(name) }.into());
    }
    let grant = optional_digest(&claims, "gth")?.ok_or(ClaimError::Missing { claim: "gth" })?;
    let (audience, made) = (text(&claims, "aud")?, date(&claims, "iat")?);
    let action_digest = optional_digest(&claims, "adg")?;
    if grant != token_digest(expected.grant) {
        return Err(HolderProofError::Grant);
    }
    if audience != expected.audience {
        let expected = expected.audience.to_owned();
        return Err(HolderProofError::Audience { found: quote(&audience), expected });
    }
    if action_digest.as_deref() != expected.action_digest {
        return Err(HolderProofError::Payload);
    }
    let age = expected.now.timestamp().saturating_sub(made);
    if age > limits::PROOF_SECONDS.saturating_add(expected.leeway) || age < expected.leeway.saturating_neg() {
        return Err(HolderProofError::Stale { made_at: moment(made), now: expected.now });
    }
    Ok(())
}

/// Names a token by the digest of its text: `sha-256:` and 64 hexadecimal digits.
pub(super) fn token_digest(token: &str) -> String {
    format!("sha-256:{}", crate::hex::encode(&Sha256::digest(token.as_bytes())))
}

impl HolderProofError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Stale { .. } => "proof_stale",
            _ => "proof_rejected",
        }
    }
}

/// The type of a proof's token.
const TYP: &str = "jit-pop+jwt";

const KNOWN: [&str; 5] = ["adg", "aud", "gth", "iat", "v"];

const BOUNDS: Bounds = Bounds { depth: 1, members: 8 };

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
mod tests;
