//! Why a grant is refused.

use chrono::{DateTime, SecondsFormat, Utc};

use super::{ClaimError, DelegationError, HolderProofError, LogProofError, QuorumError, TokenError};

/// Why a grant is refused. Every variant has a stable code, [`reason`](Self::reason).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// The token's shape.
    #[error("{0}")]
    Token(#[from] TokenError),
    /// The verifier knows no key of this id. No other key is tried.
    #[error("no key has the id `{key_id}`")]
    UnknownKey {
        /// The id in the header.
        key_id: String,
    },
    /// The key of this id is not one that signs grants.
    #[error("key `{key_id}` is not an Ed25519 key")]
    UnusableKey {
        /// The id in the header.
        key_id: String,
    },
    /// The signature is not that of the key over these bytes: another key signed, or something was altered.
    #[error("signature does not hold")]
    Signature,
    /// What the claims say is outside the profile.
    #[error("{0}")]
    Claims(#[from] ClaimError),
    /// Another issuer.
    #[error("issuer is `{found}`, expected `{expected}`")]
    Issuer {
        /// The claim `iss`.
        found: String,
        /// The verifier's.
        expected: String,
    },
    /// Another audience.
    #[error("audience is `{found}`, expected `{expected}`")]
    Audience {
        /// The claim `aud`.
        found: String,
        /// The verifier's.
        expected: String,
    },
    /// The grant ends before it begins or before it was issued.
    #[error("grant ends at {}, not after {}", instant(expires_at), instant(begins_at))]
    TimeOrder {
        /// The later of `nbf` and `iat`.
        begins_at: DateTime<Utc>,
        /// The claim `exp`.
        expires_at: DateTime<Utc>,
    },
    /// The grant lives longer than this verifier accepts.
    #[error("grant lives {seconds} s, limit is {limit} s")]
    Lifetime {
        /// From `iat` to `exp`, in seconds.
        seconds: i64,
        /// The verifier's limit, in seconds.
        limit: i64,
    },
    /// The grant is not valid yet.
    #[error("grant is valid from {}, checked at {}", instant(begins_at), instant(now))]
    NotYetValid {
        /// The later of `nbf` and `iat`.
        begins_at: DateTime<Utc>,
        /// When it was checked.
        now: DateTime<Utc>,
    },
    /// The grant has ended: it is dead in the second `exp` (RFC 7519, section 4.1.4).
    #[error("grant expired at {}, checked at {}", instant(expires_at), instant(now))]
    Expired {
        /// The claim `exp`.
        expires_at: DateTime<Utc>,
        /// When it was checked.
        now: DateTime<Utc>,
    },
    /// A constraint outside the vocabulary.
    #[error("unknown constraint `{name}`")]
    UnknownConstraint {
        /// The name, escaped and cut at 64 characters.
        name: String,
    },
    /// A constraint that this tool did not declare.
    #[error("constraint `{name}` is not enforced here")]
    ConstraintNotEnforced {
        /// The name.
        name: &'static str,
    },
    /// The first use comes too late.
    #[error("first use was allowed before {}, checked at {}", instant(first_use_by), instant(now))]
    FirstUseTooLate {
        /// The constraint `first_use_by`.
        first_use_by: DateTime<Utc>,
        /// When it was checked.
        now: DateTime<Utc>,
    },
    /// The grant is for another action.
    #[error("grant is for action `{granted}`, attempted is `{attempted}`")]
    Action {
        /// The claim `act`.
        granted: String,
        /// What the tool is about to do.
        attempted: String,
    },
    /// The grant is for another resource.
    #[error("grant is for resource `{granted}`, attempted is `{attempted}`")]
    Resource {
        /// The claim `res`.
        granted: String,
        /// What the tool is about to do it on.
        attempted: String,
    },
    /// The grant is for another payload, for one where there is none, or for none where there is one.
    #[error("grant is for payload {}, attempted is {}", digest(granted), digest(attempted))]
    Payload {
        /// The claim `adg`.
        granted: Option<String>,
        /// The digest of what is about to run.
        attempted: Option<String>,
    },
    /// A chain of delegated grants.
    #[error("{0}")]
    Chain(#[from] DelegationError),
    /// A delegated grant stands alone, without the grants that it derives from.
    #[error("grant is delegated and stands outside its chain")]
    OutsideChain,
    /// Approvals signed by their approvers, which this verifier does not check.
    #[error("signed approvals are not checked here")]
    SignedApprovals,
    /// The grant's signed approvals.
    #[error("{0}")]
    Quorum(#[from] QuorumError),
    /// The record that authorized the grant, or the proof of it.
    #[error("{0}")]
    Log(#[from] LogProofError),
    /// The attempt proves a record, and this verifier does not check that.
    #[error("log proofs are not checked here")]
    LogProofUnchecked,
    /// The grant is bound to a key, and the attempt has no proof of it.
    #[error("grant is bound to key `{key_id}`, the attempt has no proof of it")]
    ProofRequired {
        /// The thumbprint of the key in `cnf`.
        key_id: String,
    },
    /// The holder's proof.
    #[error("{0}")]
    Proof(#[from] HolderProofError),
    /// A proof beside a grant that is bound to no key: one of the two is not what the caller believes.
    #[error("attempt has a proof, the grant is bound to no key")]
    ProofUnexpected,
    /// The grant was revoked.
    #[error("grant `{id}` is revoked")]
    Revoked {
        /// The claim `jti`.
        id: String,
    },
    /// The grant demands a view of revocations, and the verifier has none.
    #[error("grant demands a view of revocations of at most {limit} s, there is none")]
    RevocationsUnknown {
        /// The constraint `revocation_max_age_s`, in seconds.
        limit: i64,
    },
    /// The view of revocations is too old, or from the future.
    #[error("view of revocations is {age} s old, limit is {limit} s")]
    RevocationsStale {
        /// The list's age in seconds; negative for one from the future.
        age: i64,
        /// The smaller of the verifier's and the grant's limit, in seconds.
        limit: i64,
    },
    /// A list of revocations that is not newer than the one it shall replace.
    #[error("list of revocations has sequence {found}, known is {known}")]
    RevocationsOlder {
        /// The sequence of the new list.
        found: i64,
        /// The sequence of the present list.
        known: i64,
    },
    /// The key that signed is revoked.
    #[error("key `{key_id}` is revoked")]
    RevokedKey {
        /// The id in the header.
        key_id: String,
    },
    /// Every use was taken before.
    #[error("grant `{id}` has no use left of {uses}")]
    Replayed {
        /// The claim `jti`.
        id: String,
        /// How often the grant may be used.
        uses: usize,
    },
    /// The key given back is none of those to insert.
    #[error("use `{key}` is none of this grant")]
    UnknownUse {
        /// The key, escaped and cut at 64 characters.
        key: String,
    },
}

impl VerifyError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Token(error) => error.reason(),
            Self::UnknownKey { .. } => "kid_unknown",
            Self::UnusableKey { .. } => "key_rejected",
            Self::Signature => "bad_signature",
            Self::Claims(error) => error.reason(),
            Self::Issuer { .. } => "iss_mismatch",
            Self::Audience { .. } => "aud_mismatch",
            Self::TimeOrder { .. } => "time_order",
            Self::Lifetime { .. } => "lifetime_too_long",
            Self::NotYetValid { .. } => "not_yet_valid",
            Self::Expired { .. } | Self::FirstUseTooLate { .. } => "expired",
            Self::UnknownConstraint { .. } | Self::ConstraintNotEnforced { .. } => "constraint_unknown",
            Self::Action { .. } | Self::Resource { .. } | Self::Payload { .. } => "action_mismatch",
            Self::Chain(error) => error.reason(),
            Self::OutsideChain => "chain_required",
            Self::SignedApprovals => "approvals_unchecked",
            Self::Quorum(error) => error.reason(),
            Self::Log(error) => error.reason(),
            Self::LogProofUnchecked => "log_unchecked",
            Self::ProofRequired { .. } => "proof_required",
            Self::Proof(error) => error.reason(),
            Self::ProofUnexpected => "proof_rejected",
            Self::Revoked { .. } | Self::RevokedKey { .. } => "revoked",
            Self::RevocationsUnknown { .. } => "revocations_unknown",
            Self::RevocationsStale { .. } => "revocations_stale",
            Self::RevocationsOlder { .. } => "revocations_older",
            Self::Replayed { .. } => "replayed",
            Self::UnknownUse { .. } => "use_unknown",
        }
    }
}

impl ClaimError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Version { .. } => "version_unsupported",
            Self::Unknown { .. } => "claim_unknown",
            Self::Missing { .. } => "claim_missing",
            Self::Type { .. } => "claim_type",
            Self::TooLarge { .. } => "too_large",
        }
    }
}

/// Seconds since 1970 as a time; what no calendar reaches becomes its end.
pub(super) fn moment(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn instant(moment: &DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn digest(digest: &Option<String>) -> &str {
    digest.as_deref().unwrap_or("none")
}
