//! Passing on less than one holds.
//!
//! The holder of a grant that is bound to a key signs a child: for another person and key, over an equal or
//! shorter time, under equal or narrower constraints. A verifier gets the chain, root first, and compares
//! every child with its parent. Uses stay counted under the root, so a chain multiplies nothing.

use chrono::{DateTime, Utc};

use super::claims::{BOUNDS, Claims};
use super::constraint::Constraint;
use super::prove::token_digest;
use super::token::{Algorithm, Token};
use super::verify::Link;
use super::{ClaimError, Grant, TYP, TokenError, UnsignedGrant, VerifyError};
use crate::keys::{PublicKey, SigningKey};
use crate::limits;

/// A grant about to be derived from one that is held.
///
/// It begins as a copy of the parent, for the person and key given, and can only be narrowed. The tool that
/// verifies the chain decides; what is refused here would be refused there.
///
/// ```no_run
/// # fn main() -> Result<(), countersign::DelegationError> {
/// # let (held, my_key, agent_key) = ("eyJ…", countersign::SigningKey::from_seed([1; 32]), countersign::SigningKey::from_seed([2; 32]));
/// # let until = chrono::DateTime::UNIX_EPOCH;
/// let child = countersign::Delegation::new(held, "agent/runner-7", &agent_key.public(), "01JD8X2M9Q7ZK4T6")?
///     .ending(until)
///     .constrained("max_rows", 100.into())?
///     .sign(&my_key)?;
/// let chain = [held, child.token()]; // what the agent presents
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use]
pub struct Delegation {
    parent: Claims,
    claims: Claims,
}

/// Why a grant is not derived, or a derived one is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DelegationError {
    /// The parent's or the child's shape.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// What the parent or the child says is outside the profile.
    #[error("{0}")]
    Claims(#[from] ClaimError),
    /// A chain of no token, or of more than four.
    #[error("chain has {count} grants, expected 1 to {}", limits::CHAIN_GRANTS)]
    Length {
        /// The tokens found.
        count: usize,
    },
    /// The parent is bound to no key: nobody can pass it on.
    #[error("grant is bound to no key, so nobody can pass it on")]
    Unbound,
    /// The child is signed by, or shall be signed by, a key that the parent is not bound to.
    #[error("child is by key `{found}`, its parent is bound to `{expected}`")]
    Key {
        /// The key's id.
        found: String,
        /// The thumbprint of the parent's key.
        expected: String,
    },
    /// The child names another parent, or none.
    #[error("grant {index} of the chain does not follow the one before it")]
    Parent {
        /// The place in the chain, from 0.
        index: usize,
    },
    /// A claim of the child is not what its parent says.
    #[error("`{claim}` of the child differs from its parent's")]
    Differs {
        /// The claim's name.
        claim: &'static str,
    },
    /// A claim or constraint of the child allows more than its parent.
    #[error("`{claim}` of the child is wider than its parent's")]
    Wider {
        /// The name of the claim or constraint.
        claim: &'static str,
    },
    /// A claim that stands in the root only.
    #[error("`{claim}` stands in a delegated grant")]
    RootOnly {
        /// The claim's name.
        claim: &'static str,
    },
}

impl Delegation {
    /// Begins a child of a held grant, for a person as [`Subject::reference`](crate::Subject::reference)
    /// names them, bound to their key, under a new id of 16 to 128 characters.
    ///
    /// # Errors
    ///
    /// [`DelegationError::Token`] and [`DelegationError::Claims`] for what is no grant,
    /// [`DelegationError::Unbound`] for one without a key. The parent's signature is not checked: it is held.
    pub fn new(parent: &str, subject: &str, holder: &PublicKey, id: &str) -> Result<Self, DelegationError> {
        let token = Token::read(parent, limits::TOKEN_BYTES, TYP)?;
        let parent_claims = Claims::read(&token.claims(BOUNDS)?)?;
        if parent_claims.holder.is_none() {
            return Err(DelegationError::Unbound);
        }
        let claims = Claims {
            subject: subject.to_owned(),
            id: id.to_owned(),
            holder: Some(holder.clone()),
            parent: Some(token_digest(parent)),
            policy: None,
            approvals: Vec::new(),
            log: None,
            ..parent_claims.clone()
        };
        Ok(Self { parent: parent_claims, claims: claims.bounded()? })
    }

    /// Lets the child begin later.
    pub fn beginning(mut self, not_before: DateTime<Utc>) -> Self {
        self.claims.not_before = not_before.timestamp();
        self
    }

    /// Lets the child end sooner.
    pub fn ending(mut self, expires_at: DateTime<Utc>) -> Self {
        self.claims.expires_at = expires_at.timestamp();
        self
    }

    /// Adds or narrows a constraint.
    ///
    /// # Errors
    ///
    /// [`DelegationError::Claims`] for a name outside the vocabulary or a value of the wrong type.
    pub fn constrained(mut self, name: &str, value: serde_json::Value) -> Result<Self, DelegationError> {
        let constraint = Constraint::from_name(name)
            .ok_or(ClaimError::Type { claim: "con", expected: "constraints of the vocabulary" })?;
        self.claims.constraints.set(constraint, value)?;
        Ok(self)
    }

    /// Signs the child with the key that the parent is bound to.
    ///
    /// # Errors
    ///
    /// Those of [`prepare`](Self::prepare).
    pub fn sign(self, key: &SigningKey) -> Result<Grant, DelegationError> {
        Ok(self.prepare(key.public_ref())?.sign(key))
    }

    /// Prepares the bytes that the holder of the parent's key must sign.
    ///
    /// # Errors
    ///
    /// [`DelegationError::Key`] for another key, [`DelegationError::Wider`] for a child that is wider than
    /// its parent, [`DelegationError::Claims`] for one outside the profile.
    pub fn prepare(self, key: &PublicKey) -> Result<UnsignedGrant, DelegationError> {
        check_key(&self.parent, key.thumbprint())?;
        check_narrower(&self.claims, &self.parent)?;
        Ok(UnsignedGrant::new(self.claims.bounded()?, Algorithm::default(), key))
    }
}

/// Reads the grant at a place of a chain: signed by its parent's key, naming its parent, and no wider.
pub(super) fn check_child(index: usize, token: &Token<'_>, parent: &Link<'_>) -> Result<Claims, VerifyError> {
    let holder = check_key(&parent.claims, &token.key_id)?;
    if !holder.verify_strict(token.signed, &token.signature) {
        return Err(VerifyError::Signature);
    }
    let claims = Claims::read(&token.claims(BOUNDS)?)?;
    if claims.parent.as_deref() != Some(token_digest(parent.token).as_str()) {
        return Err(DelegationError::Parent { index }.into());
    }
    check_narrower(&claims, &parent.claims)?;
    Ok(claims)
}

fn check_key<'a>(parent: &'a Claims, found: &str) -> Result<&'a PublicKey, DelegationError> {
    let holder = parent.holder.as_ref().ok_or(DelegationError::Unbound)?;
    if holder.thumbprint() != found {
        let (found, expected) = (found.to_owned(), holder.thumbprint().to_owned());
        return Err(DelegationError::Key { found, expected });
    }
    Ok(holder)
}

/// Compares every claim of a child with its parent's. The structure is taken apart so that a claim added to
/// the profile cannot be forgotten here.
fn check_narrower(child: &Claims, parent: &Claims) -> Result<(), DelegationError> {
    let Claims {
        issuer,
        subject: _,
        audience,
        issued_at,
        not_before,
        expires_at,
        id,
        action,
        resource,
        request,
        action_digest,
        policy,
        constraints,
        approvals,
        holder,
        parent: _,
        log,
    } = child;
    let equal = [
        ("iss", *issuer == parent.issuer),
        ("aud", *audience == parent.audience),
        ("req", *request == parent.request),
        ("act", *action == parent.action),
        ("res", *resource == parent.resource),
        ("adg", *action_digest == parent.action_digest),
    ];
    let narrower = [
        ("iat", *issued_at >= parent.issued_at),
        ("nbf", *not_before >= parent.not_before),
        ("exp", *expires_at <= parent.expires_at),
        ("cnf", holder.is_some()),
    ];
    let absent = [("pol", policy.is_none()), ("apr", approvals.is_empty()), ("log", log.is_none())];
    if let Some((claim, _)) = equal.into_iter().find(|(_, holds)| !holds) {
        return Err(DelegationError::Differs { claim });
    }
    if let Some((claim, _)) = absent.into_iter().find(|(_, holds)| !holds) {
        return Err(DelegationError::RootOnly { claim });
    }
    if let Some((claim, _)) = narrower.into_iter().find(|(_, holds)| !holds) {
        return Err(DelegationError::Wider { claim });
    }
    if let Some(constraint) = constraints.widens(&parent.constraints) {
        return Err(DelegationError::Wider { claim: constraint.as_str() });
    }
    // One id for two grants would let one revocation be read as the other's.
    if *id == parent.id {
        return Err(DelegationError::Wider { claim: "jti" });
    }
    Ok(())
}

impl DelegationError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.reason(),
            Self::Claims(error) => error.reason(),
            Self::Length { .. } | Self::Parent { .. } | Self::Unbound => "chain_broken",
            Self::Key { .. } => "kid_unknown",
            Self::Differs { .. } | Self::RootOnly { .. } => "chain_differs",
            Self::Wider { .. } => "chain_widens",
        }
    }
}

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
mod tests;
