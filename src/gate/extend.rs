//! Letting a grant hold for longer.
//!
//! An extension is a request of its own, decided and reviewed under the rules of its time, that names a grant
//! of the same person for the same action. Its own grant has a new id and the constraints of the first, begins
//! before that one ends, and takes over its uses. What was revoked, extended or used up meanwhile is found by
//! the keys that its authorization takes.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;

use super::records::{Stamped, of_review};
use super::{Conflict, Gate, Outcome, draft};
use crate::audit::{Draft, Event, Key, RefusalKind, Step};
use crate::grant::{ClaimError, Claims, Constraint, Constraints, use_root};
use crate::request::{Extended, Known, Request, Resource, Subject};
use crate::review::{Review, ReviewState};
use crate::stamp::Stamp;
use crate::text::quote;

/// Why a grant is not extended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ExtendError {
    /// The review has led to no grant.
    #[error("review is {state}, there is no grant to extend")]
    NoGrant {
        /// How far the review is.
        state: ReviewState,
    },
    /// The grant was revoked.
    #[error("grant `{grant}` was revoked")]
    Revoked {
        /// Its id.
        grant: String,
    },
    /// The grant has ended.
    #[error("grant ended at {ends_at}, checked at {now}")]
    Expired {
        /// When it ended, or when its one use was due at the latest.
        ends_at: DateTime<Utc>,
        /// The time of the request.
        now: DateTime<Utc>,
    },
    /// The grant has not begun: its time can still be asked for anew.
    #[error("grant begins at {begins}, checked at {now}")]
    NotBegun {
        /// When it begins.
        begins: DateTime<Utc>,
        /// The time of the request.
        now: DateTime<Utc>,
    },
    /// The request names no grant.
    #[error("request names no grant, expected `{expected}`")]
    Unnamed {
        /// The grant of the review.
        expected: String,
    },
    /// The request names another grant than that of the review.
    #[error("request extends `{found}`, expected `{expected}`")]
    OtherGrant {
        /// The grant that the request names.
        found: String,
        /// The grant of the review.
        expected: String,
    },
    /// The grant is another issuer's.
    #[error("grant was issued by `{found}`, expected `{expected}`")]
    OtherIssuer {
        /// Whose it is.
        found: String,
        /// Who would extend it.
        expected: String,
    },
    /// Somebody else asks, or somebody else stands behind them.
    #[error("grant is of `{expected}`, found `{found}`")]
    OtherSubject {
        /// Who asks, and on whose behalf.
        found: String,
        /// Whose grant it is.
        expected: String,
    },
    /// The request is for something else.
    #[error("extension is of another {part}")]
    OtherAction {
        /// What differs: `action`, `resource`, `payload`, `audience` or `key`.
        part: &'static str,
    },
    /// Somebody acted first.
    #[error(transparent)]
    Conflict(#[from] Conflict),
}

impl ExtendError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoGrant { .. } => "no_grant",
            Self::Revoked { .. } => "revoked",
            Self::Expired { .. } => "expired",
            Self::NotBegun { .. } => "not_begun",
            Self::Unnamed { .. } => "unnamed",
            Self::OtherGrant { .. } => "other_grant",
            Self::OtherIssuer { .. } => "other_issuer",
            Self::OtherSubject { .. } => "other_subject",
            Self::OtherAction { .. } => "other_action",
            Self::Conflict(_) => "conflict",
        }
    }
}

impl Gate {
    /// Asks people to let the grant of a review hold for longer: submits the request, which
    /// [names](Request::extending) the grant, and is of the same subject for the same action. Its duration is
    /// how much longer. The rules that match it by now must let a grant be extended; what comes of it is a
    /// review, never a grant at once. Once that is approved, the extension has a grant of its own, which ends
    /// when it says and takes over the uses of the first.
    ///
    /// Where tools keep the uses of grants in a store of their own, insert the keys of the `grant.extended`
    /// records there, too, before the new grant is signed.
    ///
    /// # Errors
    ///
    /// The step gives [`ExtendError`]. A grant that is used up, revoked or extended while people decide is a
    /// [`Conflict`] of the vote that would authorize its extension.
    pub fn extend(
        &self,
        review: &Review,
        request: Request,
        stamp: Stamp,
    ) -> Step<Result<Outcome, ExtendError>> {
        let at = Stamped::new(&stamp, "extend");
        match extended(review, &request, &self.inner.issuer, stamp.now()) {
            Ok(extended) => {
                let submission = self.submission(request.with_extended(extended), None, &stamp);
                submission.into_step(ExtendError::from)
            }
            Err(error) => {
                let refused = of_review(draft(&at, Event::StepRefused), review).with("call", "extend");
                let refused = refused.with("error", error.to_string());
                let refusal = at.refusal("extend").with_review(review.id());
                Step::new(vec![refused], refusal, |_| Err(error))
            }
        }
    }
}

/// What is known of the grant of a review, if a request may extend it.
fn extended(
    review: &Review,
    request: &Request,
    issuer: &str,
    now: DateTime<Utc>,
) -> Result<Extended, ExtendError> {
    let none = || ExtendError::NoGrant { state: review.state() };
    let claims = &review.grant().ok_or_else(none)?.claims;
    let text = |name: &str| claims.get(name).and_then(Json::as_str).unwrap_or_default();
    let grant = text("jti").to_owned();
    match review.state() {
        ReviewState::Approved => {}
        ReviewState::Revoked => return Err(ExtendError::Revoked { grant }),
        _ => return Err(none()),
    }
    match request.extends() {
        None => return Err(ExtendError::Unnamed { expected: grant }),
        Some(found) if found != grant => {
            return Err(ExtendError::OtherGrant { found: quote(found), expected: grant });
        }
        Some(_) => {}
    }
    if text("iss") != issuer {
        return Err(ExtendError::OtherIssuer { found: quote(text("iss")), expected: issuer.to_owned() });
    }
    is_same(review.request(), request)?;
    let time = |json: Option<&Json>| json.and_then(|time| DateTime::from_timestamp(time.as_i64()?, 0));
    let constraints = claims.get("con").cloned().unwrap_or_default();
    let begins = time(claims.get("nbf")).ok_or_else(none)?;
    let ends = time(claims.get("exp")).ok_or_else(none)?;
    if now < begins {
        return Err(ExtendError::NotBegun { begins, now });
    }
    let dead = time(constraints.get(Constraint::FirstUseBy.as_str())).map_or(ends, |due| due.min(ends));
    if now >= dead {
        return Err(ExtendError::Expired { ends_at: dead, now });
    }
    let earlier = review.request().extended().and_then(|extended| extended.known.as_ref());
    let known = Known {
        request: review.id().to_owned(),
        begins: earlier.map_or(begins, |earlier| earlier.begins),
        ends: dead,
        times: earlier.map_or(0, |earlier| earlier.times.saturating_add(1)),
        constraints,
    };
    Ok(Extended { grant, known: Some(known) })
}

/// Refuses a request that is not of the same people for the same thing.
fn is_same(first: &Request, request: &Request) -> Result<(), ExtendError> {
    let people = |request: &Request| {
        let all = [request.subject()].into_iter().chain(request.actors()).map(Subject::reference);
        all.collect::<Vec<_>>().join("` for `")
    };
    let (found, expected) = (people(request), people(first));
    if found != expected {
        return Err(ExtendError::OtherSubject { found: quote(&found), expected: quote(&expected) });
    }
    let resources = |request: &Request| request.resources().map(Resource::reference).collect::<Vec<_>>();
    let parts = [
        ("action", first.action().name() == request.action().name()),
        ("resource", resources(first) == resources(request)),
        ("payload", first.action_digest() == request.action_digest()),
        ("audience", first.audience() == request.audience()),
        ("key", first.holder() == request.holder()),
    ];
    match parts.into_iter().find(|(_, same)| !same) {
        Some((part, _)) => Err(ExtendError::OtherAction { part }),
        None => Ok(()),
    }
}

/// The constraints of the grant that is extended, which its extension has, too: when the first use is due is
/// said anew.
pub(super) fn inherited(known: &Known) -> Result<Constraints, ClaimError> {
    let members = known.constraints.as_object().into_iter().flatten();
    let kept = members.filter(|(name, _)| *name != Constraint::FirstUseBy.as_str());
    Constraints::of(kept.map(|(name, value)| (name.as_str(), value.clone())))
}

impl Stamped<'_> {
    /// Records that a grant goes on in another one, once, and that the other one has its uses. Nothing for a
    /// request that extends none.
    pub(super) fn extended(&self, issuer: &str, review: &Review, claims: &Claims) -> Vec<Draft> {
        let Some(Extended { grant, known: Some(known) }) = review.request().extended() else {
            return Vec::new();
        };
        let to = claims.to_value();
        let number = |constraints: Option<&Json>| {
            constraints.and_then(|all| all.get(Constraint::MaxUses.as_str())?.as_u64())
        };
        let had = number(Some(&known.constraints)).unwrap_or(0);
        let has = number(to.get("con")).unwrap_or(0).min(had);
        let root = use_root(issuer, &known.request);
        let of = |label: &str| {
            let id = self.stamp.id(&format!("extended/{label}"));
            of_review(Draft::new(Event::GrantExtended, id, self.stamp.now()), review)
                .with("grant", grant.as_str())
                .with("req", &*known.request)
                .with("by", to.get("jti").cloned().unwrap_or_default())
        };
        let whole = of("whole").with_key(extension_key(grant), RefusalKind::Ended);
        let uses = (1..=has).map(|number| {
            let key = Key::Next { prefix: format!("{root}/"), first: 1, last: had };
            of(&number.to_string()).with_key(key, RefusalKind::Replayed)
        });
        [whole].into_iter().chain(uses).collect()
    }

    /// Records that a revoked grant is not extended.
    pub(super) fn extension_taken(&self, claims: &Json) -> Draft {
        let claim = |name: &str| claims.get(name).cloned().unwrap_or_default();
        let key = extension_key(claims.get("jti").and_then(Json::as_str).unwrap_or_default());
        Draft::new(Event::GrantRevoked, self.stamp.id("revoke/extension"), self.stamp.now())
            .with_key(key, RefusalKind::Ended)
            .with("grant", claim("jti"))
            .with("req", claim("req"))
    }
}

/// A grant is extended once; one that is revoked, never.
fn extension_key(grant: &str) -> Key {
    Key::Once(format!("extend/{grant}"))
}
