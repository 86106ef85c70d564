//! The façade: submit, vote, wake, redeem, reload.
//!
//! Each call evaluates and returns a step: records to store, and the result that committing them releases.
//! A gate is immutable and evaluates without a lock; time and chance come in a stamp. What is signed,
//! voted or redeemed was recorded first.

mod extend;
mod owed;
mod people;
mod records;

use std::sync::Arc;

pub use self::extend::ExtendError;
pub use self::owed::{Debts, Owed};
pub(crate) use self::records::ENGINE;
use self::records::{Asked, Stamped};
use crate::audit::{Cause, Draft, Event, Fate, Key, Refusal, RefusalKind, Step};
use crate::decision::{self, Decision, Path, ReasonCode};
use crate::grant::{Authorization, Claims, LogReference, Permit, Quorum, VerifiedGrant, VerifyError};
use crate::keys::PublicKey;
use crate::policy::Policy;
use crate::request::{Request, Subject};
use crate::review::{Granted, OpenError, Review};
use crate::stamp::Stamp;

/// Decides requests and counts votes under one policy, as one issuer. Cheap to clone.
///
/// ```
/// use countersign::{Action, Gate, Ledger, Outcome, Policy, Request, Resource, SigningKey, Stamp, Subject};
///
/// let policy = Policy::from_toml(
///     "format = 1\nname = 'logs'\n[defaults]\nrisk = 'low'\n\
///      [[zone]]\nid = 'logs'\nwhen = 'action.name == \"logs.read\"'\nmax_risk = 'low'\n",
/// )?;
/// let gate = Gate::new(policy, "https://jit.example");
/// let mut ledger = Ledger::create("orders-gate")?;
///
/// let request = Request::new(Subject::new("user", "ana"), Action::new("logs.read"), Resource::new("service", "orders"));
/// let stamp = Stamp::new("2026-11-23T10:00:00Z".parse()?, [7; 32]); // the time, and random bytes
/// let staged = ledger.stage(gate.submit(request, stamp))?;
/// let stored = staged.lines().to_vec(); // a host writes them to its store
/// let Outcome::Allow(authorization) = staged.commit()? else { panic!("expected a grant") };
/// let grant = authorization.sign(&SigningKey::from_seed([1; 32]));
/// assert!(grant.token().starts_with("eyJ"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Gate {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    policy: Policy,
    issuer: String,
    /// Whose keys sign approvals.
    approvers: Quorum,
}

/// What a call will record, and what it releases.
struct Submission {
    id: String,
    drafts: Vec<Draft>,
    refusal: Refusal,
    release: Release,
}

/// What is released when the records of a call are stored.
enum Release {
    Authorize(Claims, Decision),
    Outcome(Outcome),
}

/// What a step leads to: closed, because a host must handle each.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "an outcome is handled at once and never kept in bulk")]
pub enum Outcome {
    /// A grant may be signed.
    Allow(Authorization),
    /// The request must come back with more.
    Challenge(Decision),
    /// People must approve.
    Review(Review),
    /// Not allowed.
    Deny(Decision),
}

/// Somebody acted first. The refusal is recorded; decide again on the new state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The state that the step was made for has moved on.
    #[error("somebody acted first: `{key}` is taken")]
    Stale {
        /// The key that was taken.
        key: String,
    },
    /// The last slot of a limit was taken.
    #[error("limit is used up: `{key}` is taken")]
    LimitReached {
        /// The key that was taken.
        key: String,
    },
    /// The grant that is to be extended has fewer uses left than its extension would have.
    #[error("grant to extend is used up: `{key}` is taken")]
    Redeemed {
        /// The key that was taken.
        key: String,
    },
    /// The grant that is to be extended was revoked or extended by now.
    #[error("grant to extend was revoked or extended: `{key}` is taken")]
    Ended {
        /// The key that was taken.
        key: String,
    },
}

impl Gate {
    /// Makes a gate. The issuer names whoever signs its grants, such as an https URL.
    #[must_use]
    pub fn new(policy: Policy, issuer: &str) -> Self {
        let approvers = Quorum::new(0, []);
        Self { inner: Arc::new(Inner { policy, issuer: issuer.to_owned(), approvers }) }
    }

    /// Sets the keys by which approvers sign their votes, each with the person whose it is, as
    /// [`Subject::reference`] names them. A vote that carries a signature is refused unless it is by one of them.
    #[must_use]
    pub fn with_approvers(self, keys: impl IntoIterator<Item = (String, PublicKey)>) -> Self {
        let Inner { policy, issuer, .. } = &*self.inner;
        let approvers = Quorum::new(0, keys);
        Self { inner: Arc::new(Inner { policy: policy.clone(), issuer: issuer.clone(), approvers }) }
    }

    /// Returns the policy.
    #[must_use]
    pub fn policy(&self) -> &Policy {
        &self.inner.policy
    }

    /// Decides a request, and records it with its facts and its decision.
    ///
    /// # Errors
    ///
    /// The step gives [`Conflict`] when a slot of a limit or an emergency was taken first.
    pub fn submit(&self, request: Request, stamp: Stamp) -> Step<Result<Outcome, Conflict>> {
        self.submission(request.with_unknown_grant(), None, &stamp).into_step(|error| error)
    }

    /// Decides a request as [`submit`](Self::submit) does. If people must approve it, and none of the
    /// candidates ever could, it is denied at once; a stage that they cannot fill goes to its `fallback`.
    /// The candidates are all people of whom the host knows, with what it attests of them.
    ///
    /// # Errors
    ///
    /// As [`submit`](Self::submit).
    pub fn submit_with_candidates(
        &self,
        request: Request,
        candidates: &[Subject],
        stamp: Stamp,
    ) -> Step<Result<Outcome, Conflict>> {
        self.submission(request.with_unknown_grant(), Some(candidates), &stamp).into_step(|error| error)
    }

    fn submission(&self, request: Request, candidates: Option<&[Subject]>, stamp: &Stamp) -> Submission {
        let at = Stamped::new(stamp, "request");
        let decided = decision::decide(self.policy(), &request, stamp.now());
        let (mut decision, facts) = (decided.decision, decided.facts);
        let (mut claims, mut owed, mut review) = (None, None, None);
        let fault = match decision.path.clone() {
            Path::Zone(terms) => match self.plain(&request, &decision, terms, &at) {
                Ok(written) => {
                    claims = Some(written);
                    None
                }
                Err(fault) => Some(fault),
            },
            Path::Emergency { terms, review_within } => {
                let debt = at.owed(&request, review_within, terms.start);
                match (self.plain(&request, &decision, terms, &at), debt) {
                    (Ok(written), Some(debt)) => {
                        (claims, owed) = (Some(written), Some(debt));
                        None
                    }
                    (Err(fault), _) => Some(fault),
                    // What nobody would have to answer for is not allowed.
                    (Ok(_), None) => {
                        let problem = "the review that it owes cannot be recorded".to_owned();
                        Some((ReasonCode::GrantNotWritable, problem))
                    }
                }
            }
            Path::Review { .. } => {
                let (asked, facts, made) = (request.clone(), facts.clone(), decision.clone());
                let id = at.id.clone();
                match Review::open(id, self.policy(), asked, made, facts, candidates, stamp.now()) {
                    Ok(opened) => {
                        review = Some(opened);
                        None
                    }
                    Err(OpenError::Nobody) => {
                        Some((ReasonCode::NobodyCanApprove, "no candidate can approve it".to_owned()))
                    }
                    Err(OpenError::Unrecordable) => {
                        Some((ReasonCode::GrantNotWritable, "the review cannot be opened".to_owned()))
                    }
                }
            }
            Path::Closed => None,
        };
        if let Some((code, problem)) = fault {
            decision = decision.denied(code, problem);
        }
        let mut drafts = vec![at.decided(self.policy(), &request, &decision, &facts)];
        let refusal = at.refusal("submit");
        let outcome = match (claims, review) {
            (Some(claims), _) => {
                drafts.extend(owed);
                let personal = self.policy().schema().personal.holds_action(&request);
                drafts.push(at.authorized(&at.id, &claims, &decision, personal));
                Release::Authorize(claims, decision)
            }
            (None, Some(review)) => {
                drafts = drafts.into_iter().map(|draft| draft.with_review(&*at.id)).collect();
                drafts.push(at.opened(&review));
                Release::Outcome(Outcome::Review(review))
            }
            (None, None) if decision.effect() == decision::Effect::Challenge => {
                Release::Outcome(Outcome::Challenge(decision))
            }
            (None, None) => Release::Outcome(Outcome::Deny(decision)),
        };
        Submission { id: at.id.clone(), drafts, refusal, release: outcome }
    }

    /// Fixes the claims of what a rule allows by itself.
    fn plain(
        &self,
        request: &Request,
        decision: &Decision,
        terms: decision::Terms,
        at: &Stamped<'_>,
    ) -> Result<Claims, (ReasonCode, String)> {
        let asked = Asked { request, decision, review: None };
        at.claims(&self.inner.issuer, asked, &Granted::plain(terms), at.stamp.now())
            .map_err(|error| (ReasonCode::GrantNotWritable, error.to_string()))
    }

    /// Takes a use of a verified grant. The permit that lets the tool run exists only after the use was
    /// recorded; a use that is taken is recorded as refused.
    ///
    /// # Errors
    ///
    /// The step gives [`VerifyError::Replayed`] when no use is left,
    /// [`VerifyError::FirstUseTooLate`] when a use comes after the deadline of the first, and
    /// [`VerifyError::Expired`] when the grant was verified in time but is redeemed after its end and
    /// its verifier's leeway.
    pub fn redeem(&self, grant: VerifiedGrant, stamp: Stamp) -> Step<Result<Permit, VerifyError>> {
        let at = Stamped::new(&stamp, "redeem");
        let alive = grant.check_alive(stamp.now());
        let redemption = grant.redeem().at(stamp.now());
        let refusal = at.refusal("redeem");
        let usable = alive.and_then(|()| redemption.check_use((!redemption.keys().is_empty()).then_some(0)));
        if let Err(error) = usable {
            let draft = at.redeem_refused(redemption.claims(), &error);
            return Step::new(vec![draft], refusal, |_| Err(error));
        }
        let draft = at.redeemed(redemption.claims());
        let Some(prefix) = redemption.keys().first().and_then(|key| key.strip_suffix('1')) else {
            return Step::new(vec![draft], refusal, |_| redemption.confirm_use(None));
        };
        let last = u64::try_from(redemption.keys().len()).unwrap_or(u64::MAX);
        let key = Key::Next { prefix: prefix.to_owned(), first: 1, last };
        let draft = draft.with_key(key, RefusalKind::Replayed);
        Step::new(vec![draft], refusal, move |fate| {
            let taken = stored(fate).ok().and_then(|positions| positions.into_iter().next()?.key);
            let place = taken.and_then(|key| redemption.keys().iter().position(|known| *known == key));
            redemption.confirm_use(place)
        })
    }

    /// Records that another policy decides from now on, and gives the gate that has it.
    pub fn reload(&self, policy: Policy, stamp: Stamp) -> Step<Self> {
        let at = Stamped::new(&stamp, "reload");
        let draft = at.loaded(&policy, self.policy());
        let Inner { issuer, approvers, .. } = &*self.inner;
        let (issuer, approvers) = (issuer.clone(), approvers.clone());
        let gate = Self { inner: Arc::new(Inner { policy, issuer, approvers }) };
        Step::new(vec![draft], at.refusal("reload"), |_| gate)
    }
}

impl Submission {
    fn into_step<E: From<Conflict> + 'static>(
        self,
        error: impl FnOnce(Conflict) -> E + Send + 'static,
    ) -> Step<Result<Outcome, E>> {
        let release = self.release;
        Step::new(self.drafts, self.refusal, move |fate| release.after(fate).map_err(error))
    }
}

impl Release {
    fn after(self, fate: Fate) -> Result<Outcome, Conflict> {
        match self {
            Self::Authorize(claims, decision) => Ok(Outcome::Allow(authorize(fate, claims, decision)?)),
            Self::Outcome(Outcome::Review(review)) => {
                let positions = stored(fate)?;
                // Of a step that opens a review the last record does.
                let opening = positions.last();
                let opening = opening.and_then(|place| Cause::new(&place.stream, place.seq, place.leaf));
                Ok(Outcome::Review(review.opened_by(opening)))
            }
            Self::Outcome(outcome) => stored(fate).map(|_| outcome),
        }
    }
}

impl Outcome {
    /// Returns the effect.
    #[must_use]
    pub fn effect(&self) -> decision::Effect {
        match self {
            Self::Allow(_) => decision::Effect::Allow,
            Self::Challenge(_) => decision::Effect::Challenge,
            Self::Review(_) => decision::Effect::Review,
            Self::Deny(_) => decision::Effect::Deny,
        }
    }
}

/// Makes the authorization of a stored record, which is the last of its step.
fn authorize(fate: Fate, claims: Claims, decision: Decision) -> Result<Authorization, Conflict> {
    let positions = stored(fate)?;
    let authorization = Authorization::new(claims, decision);
    let reference = positions
        .last()
        .and_then(|position| LogReference::new(&position.stream, position.seq, position.leaf).ok());
    Ok(match reference {
        Some(reference) => authorization.with_log(reference),
        None => authorization,
    })
}

fn stored(fate: Fate) -> Result<Vec<crate::audit::Position>, Conflict> {
    match fate {
        Fate::Stored(positions) => Ok(positions),
        Fate::Refused { kind: RefusalKind::LimitReached, key, .. } => Err(Conflict::LimitReached { key }),
        Fate::Refused { kind: RefusalKind::Replayed, key, .. } => Err(Conflict::Redeemed { key }),
        Fate::Refused { kind: RefusalKind::Ended, key, .. } => Err(Conflict::Ended { key }),
        Fate::Refused { key, .. } => Err(Conflict::Stale { key }),
    }
}

/// A draft of a kind of event, made by the stamp of its step.
fn draft(at: &Stamped<'_>, event: Event) -> Draft {
    Draft::new(event, at.stamp.id(event.as_str()), at.stamp.now())
}
