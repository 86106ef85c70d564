//! The façade: submit, vote, wake, redeem, reload.
//!
//! Each call evaluates and returns a step: records to store, and the result that committing them releases.
//! A gate is immutable and evaluates without a lock; time and chance come in a stamp. What is signed,
//! voted or redeemed was recorded first.

mod records;

use std::sync::Arc;

use chrono::{DateTime, Utc};

use self::records::Stamped;
use crate::audit::{Draft, Event, Fate, Key, RefusalKind, Step};
use crate::decision::{self, Decision, Path, ReasonCode};
use crate::grant::{Authorization, Claims, LogReference, Permit, VerifiedGrant, VerifyError};
use crate::policy::Policy;
use crate::request::Request;
use crate::review::{Closing, Review, ReviewState, Vote, VoteError};
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
}

impl Gate {
    /// Makes a gate. The issuer names whoever signs its grants, such as an https URL.
    #[must_use]
    pub fn new(policy: Policy, issuer: &str) -> Self {
        Self { inner: Arc::new(Inner { policy, issuer: issuer.to_owned() }) }
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
        let at = Stamped::new(&stamp, "request");
        let decided = decision::decide(self.policy(), &request, stamp.now());
        let (mut decision, facts) = (decided.decision, decided.facts);
        let (mut claims, mut review) = (None, None);
        let written = match decision.path.clone() {
            Path::Zone(terms) | Path::Emergency { terms, .. } => at
                .claims(&self.inner.issuer, &request, &decision, &terms, &[], None)
                .map(|written| claims = Some(written))
                .map_err(|error| error.to_string()),
            Path::Review { .. } => {
                let (request, facts) = (request.clone(), facts.clone());
                Review::open(at.id.clone(), self.policy(), request, decision.clone(), facts, stamp.now())
                    .map(|opened| review = Some(opened))
                    .ok_or_else(|| "the review cannot be opened".to_owned())
            }
            Path::Closed => Ok(()),
        };
        if let Err(problem) = written {
            decision = decision.denied(ReasonCode::GrantNotWritable, &problem);
        }
        let mut drafts = vec![at.decided(&request, &decision, &facts)];
        let refusal = at.refusal("submit");
        if let Some(claims) = claims {
            drafts.extend(at.owed(&request, &decision));
            drafts.push(at.authorized(&at.id, &claims, &decision));
            return Step::new(drafts, refusal, move |fate| {
                Ok(Outcome::Allow(authorize(fate, claims, decision)?))
            });
        }
        if let Some(review) = review {
            let drafts = drafts.into_iter().map(|draft| draft.with_review(&*at.id));
            let drafts = drafts.chain([at.opened(&review)]).collect();
            return Step::new(drafts, refusal, |fate| stored(fate).map(|_| Outcome::Review(review)));
        }
        let outcome = match decision.effect() {
            decision::Effect::Challenge => Outcome::Challenge(decision),
            _ => Outcome::Deny(decision),
        };
        Step::new(drafts, refusal, |fate| stored(fate).map(|_| outcome))
    }

    /// Counts a vote. A vote that does not count is recorded as refused and changes nothing.
    ///
    /// A review takes votes under the policy that opened it: after a change of policy it must be asked again.
    ///
    /// # Errors
    ///
    /// The step gives [`VoteError`].
    pub fn vote(&self, review: &Review, vote: Vote, stamp: Stamp) -> Step<Result<Outcome, VoteError>> {
        let at = Stamped::new(&stamp, "vote");
        let counted = if review.decision().policy() == self.policy().digest() {
            review.count(&vote, stamp.now())
        } else {
            Err(VoteError::PolicyChanged)
        };
        let counted = counted.and_then(|counted| match &counted.closing {
            Closing::Approved { terms, approvers } => {
                self.ask_again(review, stamp.now())?;
                let (issuer, id) = (&self.inner.issuer, review.id());
                let claims =
                    at.claims(issuer, review.request(), review.decision(), terms, approvers, Some(id))?;
                Ok((Some(claims), counted))
            }
            _ => Ok((None, counted)),
        });
        let refusal = at.refusal("vote").with_review(review.id());
        let (claims, counted) = match counted {
            Ok(counted) => counted,
            Err(error) => {
                let drafts = vec![at.vote_refused(review, &vote, &error)];
                return Step::new(drafts, refusal, |_| Err(error));
            }
        };
        let mut drafts = vec![at.voted(&counted, &vote)];
        let (review, decision) = (counted.review, review.decision().clone());
        match (counted.closing, claims) {
            (Closing::Approved { approvers, .. }, Some(claims)) => {
                drafts.push(at.approved(&review, &approvers));
                drafts.push(at.authorized(review.id(), &claims, &decision).with_review(review.id()));
                Step::new(drafts, refusal, move |fate| Ok(Outcome::Allow(authorize(fate, claims, decision)?)))
            }
            (Closing::Rejected, _) => {
                drafts.push(at.ended(Event::ReviewRejected, &review));
                let decision = decision.denied(ReasonCode::ReviewRejected, "the review was rejected");
                Step::new(drafts, refusal, |fate| Ok(stored(fate).map(|_| Outcome::Deny(decision))?))
            }
            _ => Step::new(drafts, refusal, |fate| Ok(stored(fate).map(|_| Outcome::Review(review))?)),
        }
    }

    /// Does what is due on a review: ends it when its time is over. Nothing is recorded before that.
    ///
    /// # Errors
    ///
    /// The step gives [`Conflict`] when somebody acted first.
    pub fn wake(&self, review: &Review, stamp: Stamp) -> Step<Result<Outcome, Conflict>> {
        let at = Stamped::new(&stamp, "wake");
        let refusal = at.refusal("wake").with_review(review.id());
        if !review.is_due(stamp.now()) {
            let outcome = standing(review);
            return Step::new(Vec::new(), refusal, |_| Ok(outcome));
        }
        let review = review.expired();
        let draft =
            at.ended(Event::ReviewExpired, &review).with_key(version_key(&review), RefusalKind::Stale);
        let decision = review.decision().denied(ReasonCode::ReviewExpired, "nobody decided in time");
        Step::new(vec![draft], refusal, |fate| stored(fate).map(|_| Outcome::Deny(decision)))
    }

    /// Gives the recorded grant of a review again, after a crash between recording and signing. Nothing new
    /// is authorized: the claims, the id and the log reference are those of the record, and so are the
    /// bytes to sign.
    ///
    /// # Errors
    ///
    /// The step gives no error today; the type leaves room for a conflict.
    pub fn recover(&self, review: &Review, stamp: Stamp) -> Step<Result<Outcome, Conflict>> {
        let refusal = Stamped::new(&stamp, "recover").refusal("recover").with_review(review.id());
        let recorded = review.grant().and_then(|grant| {
            let claims = Claims::from_value(&grant.claims).ok()?;
            let position = &grant.position;
            let reference = LogReference::new(&position.stream, position.seq, position.leaf).ok()?;
            Some(Authorization::new(claims, review.decision().clone()).with_log(reference))
        });
        let outcome = recorded.map_or_else(|| standing(review), Outcome::Allow);
        Step::new(Vec::new(), refusal, |_| Ok(outcome))
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
        let gate = Self::new(policy, &self.inner.issuer);
        Step::new(vec![draft], at.refusal("reload"), |_| gate)
    }

    /// What is forbidden when the quorum closes was not approved, whatever it was when the review opened.
    fn ask_again(&self, review: &Review, now: DateTime<Utc>) -> Result<(), VoteError> {
        let decision = decision::decide_again(self.policy(), review.request(), review.facts(), now);
        if decision.effect() != decision::Effect::Deny {
            return Ok(());
        }
        let reason = decision.reasons().next().map_or_else(String::new, ToString::to_string);
        Err(VoteError::DeniedByNow { reason })
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
        Fate::Refused { key, .. } => Err(Conflict::Stale { key }),
    }
}

/// What a review leads to as it stands.
fn standing(review: &Review) -> Outcome {
    match review.state() {
        ReviewState::Open | ReviewState::Approved => Outcome::Review(review.clone()),
        ReviewState::Rejected => {
            Outcome::Deny(review.decision().denied(ReasonCode::ReviewRejected, "the review was rejected"))
        }
        ReviewState::Expired => {
            Outcome::Deny(review.decision().denied(ReasonCode::ReviewExpired, "nobody decided in time"))
        }
    }
}

/// A review's version happens once.
fn version_key(review: &Review) -> Key {
    Key::Once(format!("review/{}/{}", review.id(), review.version()))
}

/// A draft of a kind of event, made by the stamp of its step.
fn draft(at: &Stamped<'_>, event: Event) -> Draft {
    Draft::new(event, at.stamp.id(event.as_str()), at.stamp.now())
}
