//! Using a grant.
//!
//! A counted grant has one key per use. The host inserts the first absent one *before* executing, and only
//! then is there a [`Permit`]. What is uncertain stays spent: there is no way back, so a tool that must
//! survive a crash makes its execution idempotent under the key it inserted.

use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};

use super::VerifyError;
use super::claims::Claims;
use super::constraint::Constraint;
use super::error::moment;
use super::verify::{Attempt, check_first_use};
use crate::limits;
use crate::payload::Payload;
use crate::request::{Action, Resource};
use crate::text::quote;

/// A use about to be recorded.
///
/// ```no_run
/// # fn insert_if_absent(key: &str) -> bool { true }
/// # fn run(verified: countersign::VerifiedGrant) -> Result<(), countersign::VerifyError> {
/// let redemption = verified.redeem();
/// let inserted = redemption.keys().iter().find(|key| insert_if_absent(key)).cloned();
/// let permit = redemption.confirm(inserted)?;
/// println!("run {}", permit.payload());
/// # Ok(())
/// # }
/// ```
///
/// ```compile_fail,E0382
/// fn twice(redemption: countersign::Redemption) {
///     (redemption.confirm(None).is_ok(), redemption.confirm(None).is_ok());
/// }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Redemption {
    claims: Claims,
    attempt: Attempt,
    now: DateTime<Utc>,
    keys: Vec<String>,
    last_end: i64,
}

/// Leave to run exactly what was approved, once.
///
/// ```compile_fail,E0451
/// fn forge(one: countersign::Permit) -> countersign::Permit { countersign::Permit { ..one } }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Permit {
    claims: Claims,
    attempt: Attempt,
}

impl Redemption {
    pub(super) fn new(
        claims: Claims,
        attempt: Attempt,
        now: DateTime<Utc>,
        uses: i64,
        last_end: i64,
    ) -> Self {
        let root = use_root(&claims.issuer, &claims.request);
        let keys = (1..=uses).map(|number| format!("{root}/{number}")).collect();
        Self { claims, attempt, now, keys, last_end }
    }

    /// Returns the keys of the uses, of which the host inserts the first absent one into the store that all
    /// tools of the audience share. None where uses are not counted.
    ///
    /// A key is `use/`, 64 hexadecimal digits of the root (issuer and request), `/` and the use's number
    /// from 1, so that re-issued and delegated grants of one request share their uses.
    #[must_use]
    pub fn keys(&self) -> &[String] {
        &self.keys
    }

    /// Returns when an inserted key may be forgotten: when no verifier, whatever its leeway, accepts this
    /// grant, or another one that the same signed approvals could carry. A host that re-issues grants for a
    /// request keeps the keys until the last one's end.
    #[must_use]
    pub fn keep_until(&self) -> DateTime<Utc> {
        moment(self.last_end.saturating_add(limits::LEEWAY_SECONDS))
    }

    /// Takes the key that was inserted and gives leave to run.
    ///
    /// # Errors
    ///
    /// [`VerifyError::Replayed`] if uses are counted and none was inserted, [`VerifyError::UnknownUse`] for a
    /// key that is not among [`keys`](Self::keys), [`VerifyError::FirstUseTooLate`] for any use that comes
    /// after the deadline of the first.
    pub fn confirm(self, inserted: Option<String>) -> Result<Permit, VerifyError> {
        let Some(key) = inserted else { return self.confirm_use(None) };
        match self.keys.iter().position(|known| *known == key) {
            Some(place) => self.confirm_use(Some(place)),
            None => Err(VerifyError::UnknownUse { key: quote(&key) }),
        }
    }

    /// Judges times as of a later moment than that of verification.
    #[cfg(feature = "engine")]
    pub(crate) fn at(self, now: DateTime<Utc>) -> Self {
        Self { now: now.max(self.now), ..self }
    }

    /// Confirms the recorded use at a place in [`keys`](Self::keys), or that none is counted.
    pub(crate) fn confirm_use(self, place: Option<usize>) -> Result<Permit, VerifyError> {
        self.check_use(place)?;
        Ok(Permit { claims: self.claims, attempt: self.attempt })
    }

    /// Says whether a use could be confirmed, before it is recorded.
    pub(crate) fn check_use(&self, place: Option<usize>) -> Result<(), VerifyError> {
        let uses = self.keys.len();
        match place {
            // Nothing shows that the first use was in time, so no later one can be let off.
            None if uses == 0 => check_first_use(&self.claims, self.now),
            Some(place) if place < uses => check_first_use(&self.claims, self.now),
            _ => Err(VerifyError::Replayed { id: self.claims.id.clone(), uses }),
        }
    }

    #[cfg(feature = "engine")]
    pub(crate) fn claims(&self) -> &Claims {
        &self.claims
    }
}

impl Permit {
    /// Returns the action to run.
    #[must_use]
    pub fn action(&self) -> &Action {
        &self.attempt.action
    }

    /// Returns the resource to run it on.
    #[must_use]
    pub fn resource(&self) -> &Resource {
        &self.attempt.resource
    }

    /// Returns the text to run; nothing for an action without a payload.
    #[must_use]
    pub fn payload(&self) -> &str {
        self.attempt.action.payload().map(Payload::text).unwrap_or_default()
    }

    /// Returns a constraint's value, which the tool enforces.
    #[must_use]
    pub fn constraint(&self, name: &str) -> Option<&serde_json::Value> {
        self.claims.constraints.get(Constraint::from_name(name)?)
    }

    /// Returns the grant's id, `jti`.
    #[must_use]
    pub fn grant(&self) -> &str {
        &self.claims.id
    }

    /// Returns the person that the grant is for.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// Returns the first second in which what was started under the grant must have ended.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        moment(self.claims.expires_at)
    }
}

/// Names the root of uses: `use/` and the SHA-256 of the domain, the issuer and the request, each preceded
/// by its length as eight big-endian bytes.
pub(crate) fn use_root(issuer: &str, request: &str) -> String {
    let mut hasher = Sha256::new();
    for part in ["countersign/use/v1", issuer, request] {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part.as_bytes());
    }
    format!("use/{}", crate::hex::encode(&hasher.finalize()))
}
