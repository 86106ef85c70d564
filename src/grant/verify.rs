//! Is this grant genuine, valid now, and for what is about to run?
//!
//! Refuses in one fixed order, so that nothing in a token is believed before its signature holds, and nothing
//! costs work before it must. The attempt is part of the question: a grant that fits something else is as
//! refused as a forged one. What this verifier cannot check is refused, never skipped; only `ext` is skipped.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};

use super::claims::{Approval, BOUNDS, Claims};
use super::constraint::Constraint;
use super::delegate::check_child;
use super::error::moment;
use super::logged::Logs;
use super::prove::{self, Expected};
use super::quorum::Quorum;
use super::redeem::Redemption;
use super::revoke::Revocations;
use super::token::Token;
use super::{DelegationError, LogReference, TYP, VerifyError};
use crate::keys::{KeySet, Lookup, PublicKey};
use crate::limits;
use crate::request::{Action, Resource};
use crate::text::quote;

/// Checks grants for one audience, offline. Cloning is cheap.
///
/// ```
/// use countersign::{Action, Attempt, GrantVerifier, KeySet, Resource, SigningKey};
///
/// let keys = KeySet::new([SigningKey::from_seed([7; 32]).public()]);
/// let verifier = GrantVerifier::new("https://jit.example", "database/orders", keys);
/// let attempt = Attempt::new(Action::new("db.query"), Resource::new("database", "orders"));
/// let refused = verifier.verify("no.grant", attempt, chrono::DateTime::UNIX_EPOCH).unwrap_err();
/// assert_eq!(refused.reason(), "malformed");
/// assert_eq!(refused.to_string(), "token has 2 parts, expected 3");
/// ```
#[derive(Debug, Clone)]
pub struct GrantVerifier {
    settings: Arc<Settings>,
}

#[derive(Debug, Clone)]
struct Settings {
    issuer: String,
    audience: String,
    keys: KeySet,
    max_lifetime: i64,
    leeway: i64,
    enforced: Vec<Constraint>,
    revoked: BTreeSet<String>,
    revocations: Option<Revocations>,
    quorum: Option<Quorum>,
    logs: Option<Logs>,
    single_use: bool,
}

/// A grant in its chain, with the key that signed it.
#[derive(Debug)]
pub(super) struct Link<'a> {
    pub(super) claims: Claims,
    pub(super) key_id: String,
    pub(super) token: &'a str,
}

/// What a tool is about to do: the action with its exact payload, and the resource.
#[derive(Debug, Clone)]
pub struct Attempt {
    pub(super) action: Action,
    pub(super) resource: Resource,
    proof: Option<String>,
    log_proof: Option<String>,
}

/// A grant that is genuine, valid and for the attempt. It does not show the payload: that takes a
/// [`Permit`](super::Permit). Redeem it at once: unless a gate does it, nothing looks at a clock again.
///
/// ```compile_fail,E0451
/// fn forge(one: countersign::VerifiedGrant) -> countersign::VerifiedGrant { countersign::VerifiedGrant { ..one } }
/// ```
///
/// ```compile_fail,E0599
/// fn run(grant: &countersign::VerifiedGrant) -> &str { grant.payload() }
/// ```
///
/// ```compile_fail,E0382
/// fn twice(grant: countersign::VerifiedGrant) { (grant.redeem(), grant.redeem()); }
/// ```
#[derive(Debug)]
#[must_use]
pub struct VerifiedGrant {
    claims: Claims,
    attempt: Attempt,
    now: DateTime<Utc>,
    uses: i64,
    leeway: i64,
    last_end: i64,
}

impl GrantVerifier {
    /// Makes a verifier that accepts grants of one issuer for one audience. Grants may live eight hours,
    /// clocks may not differ, and no constraint is enforced by the tool.
    #[must_use]
    pub fn new(issuer: &str, audience: &str, keys: KeySet) -> Self {
        let settings = Settings {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            keys,
            max_lifetime: limits::GRANT_LIFETIME_SECONDS,
            leeway: 0,
            enforced: Vec::new(),
            revoked: BTreeSet::new(),
            revocations: None,
            quorum: None,
            logs: None,
            single_use: false,
        };
        Self { settings: Arc::new(settings) }
    }

    /// Sets the longest time from issue to end that is accepted, in whole seconds.
    #[must_use]
    pub fn with_max_lifetime(mut self, limit: Duration) -> Self {
        self.change().max_lifetime = seconds(limit);
        self
    }

    /// Sets how far this clock may be off, in whole seconds; above a minute counts as a minute.
    #[must_use]
    pub fn with_leeway(mut self, leeway: Duration) -> Self {
        self.change().leeway = seconds(leeway).min(limits::LEEWAY_SECONDS);
        self
    }

    /// Declares constraints that the tool enforces by what [`Permit::constraint`](super::Permit::constraint)
    /// shows: `max_rows`, `read_only`, `cidr`, `max_sessions`, `idle_s`. A grant with one that is not declared
    /// is refused. `max_uses`, `first_use_by` and `revocation_max_age_s` are enforced here, and a name outside
    /// the vocabulary declares nothing.
    #[must_use]
    pub fn enforcing<'a>(mut self, constraints: impl IntoIterator<Item = &'a str>) -> Self {
        self.change().enforced.extend(constraints.into_iter().filter_map(Constraint::from_name));
        self
    }

    /// Refuses grants by their ids, such as those that the tool itself saw revoked.
    #[must_use]
    pub fn with_revoked<S: Into<String>>(mut self, ids: impl IntoIterator<Item = S>) -> Self {
        self.change().revoked.extend(ids.into_iter().map(Into::into));
        self
    }

    /// Refuses what a signed [`RevocationList`](super::RevocationList) of the issuer revokes, and every grant
    /// once the list is older than `max_age` (whole seconds). A list that the verifier has is replaced only by
    /// a newer one.
    ///
    /// # Errors
    ///
    /// [`VerifyError::RevocationsOlder`] for a list whose sequence is not above the present one's,
    /// [`VerifyError::RevokedKey`] for one signed by a key that the present one revokes, and those of
    /// [`verify`](Self::verify) up to the issuer.
    pub fn with_revocations(mut self, list: &str, max_age: Duration) -> Result<Self, VerifyError> {
        let Settings { issuer, keys, revocations, .. } = self.settings.as_ref();
        let verified = Revocations::verify(list, issuer, keys, max_age, revocations.as_ref())?;
        self.change().revocations = Some(verified);
        Ok(self)
    }

    /// Demands that a number of people signed the grant's approvals themselves
    /// ([`SignedApproval`](super::SignedApproval)), and names whose keys count: persons as
    /// [`Subject::reference`](crate::Subject::reference) names them. Every signed approval of a grant must
    /// then hold; without this setting a grant with signed approvals is refused.
    #[must_use]
    pub fn requiring_approvals(
        mut self,
        count: usize,
        approvers: impl IntoIterator<Item = (String, PublicKey)>,
    ) -> Self {
        self.change().quorum = Some(Quorum::new(count, approvers));
        self
    }

    /// Refuses grants whose authorization is not shown to be in one of these logs: each is the name of its
    /// stream and the key that signs its checkpoints, which should be no key of the issuer. The attempt
    /// carries the record and the proof ([`Attempt::with_log_proof`]); the record must say exactly what the
    /// grant says. A stream named twice may be signed by either key, as while its key is replaced.
    #[must_use]
    pub fn requiring_log(mut self, logs: impl IntoIterator<Item = (String, PublicKey)>) -> Self {
        self.change().logs = Some(Logs::new(logs));
        self
    }

    /// Lets every grant be used once only, also one that says more or nothing of its uses.
    #[must_use]
    pub fn with_single_use(mut self) -> Self {
        self.change().single_use = true;
        self
    }

    /// Verifies a grant for what is about to run.
    ///
    /// Checks in this order and stops at the first fault: size, parts, base64url, header, key, signature;
    /// then version, unknown and missing claims, types; issuer and audience; times; constraints; action,
    /// resource and payload; chain, approvals, log and proof; revocation.
    ///
    /// # Errors
    ///
    /// [`VerifyError`], one variant for each of these.
    pub fn verify(
        &self,
        token: &str,
        attempt: Attempt,
        now: DateTime<Utc>,
    ) -> Result<VerifiedGrant, VerifyError> {
        self.verify_chain(&[token], attempt, now)
    }

    /// Verifies a delegated grant with the grants that it derives from, root first, at most four.
    ///
    /// The root is checked as [`verify`](Self::verify) does; every child must be signed by the key that its
    /// parent is bound to, name its parent, and be equal or narrower. The last one is what is used; its
    /// holder's proof is demanded, and none in the chain may be revoked.
    ///
    /// # Errors
    ///
    /// Those of [`verify`](Self::verify), and [`VerifyError::Chain`].
    pub fn verify_chain<S: AsRef<str>>(
        &self,
        chain: &[S],
        attempt: Attempt,
        now: DateTime<Utc>,
    ) -> Result<VerifiedGrant, VerifyError> {
        let count = chain.len();
        let Some((root_token, children)) = chain.split_first().filter(|_| count <= limits::CHAIN_GRANTS)
        else {
            return Err(DelegationError::Length { count }.into());
        };
        let read = Token::read(root_token.as_ref(), limits::TOKEN_BYTES, TYP)?;
        check_signature(&read, &self.settings.keys)?;
        let root = Claims::read(&read.claims(BOUNDS)?)?;
        self.check_names(&root)?;
        let (policy, log) = (root.policy.clone(), root.log.clone());
        let mut last = Link { claims: root, key_id: read.key_id, token: root_token.as_ref() };
        let mut above = Vec::new();
        for (index, token) in (1..).zip(children.iter().map(AsRef::as_ref)) {
            let read = Token::read(token, limits::TOKEN_BYTES, TYP)?;
            let claims = check_child(index, &read, &last)?;
            above.push(std::mem::replace(&mut last, Link { claims, key_id: read.key_id, token }));
        }
        let chain = || above.iter().chain([&last]);
        chain().try_for_each(|link| self.check_times(&link.claims, now))?;
        chain().try_for_each(|link| self.check_constraints(&link.claims, now))?;
        let digest = attempt.check(&last.claims)?;
        let root = &chain().next().unwrap_or(&last).claims;
        let last_end = self.check_bonds(root)?;
        self.check_log(root, &attempt)?;
        self.check_proof(&last, &attempt, digest.as_deref(), now)?;
        chain().try_for_each(|link| self.check_revocation(link, now))?;
        let uses = self.uses(&last.claims);
        let (claims, leeway) = (Claims { policy, log, ..last.claims }, self.settings.leeway);
        Ok(VerifiedGrant { claims, attempt, now, uses, leeway, last_end })
    }

    /// Counts the uses that the grant allows here; 0 where they are not counted.
    fn uses(&self, claims: &Claims) -> i64 {
        let granted = claims.constraints.integer(Constraint::MaxUses);
        if self.settings.single_use { 1 } else { granted.unwrap_or(0) }
    }

    fn change(&mut self) -> &mut Settings {
        Arc::make_mut(&mut self.settings)
    }

    fn check_names(&self, claims: &Claims) -> Result<(), VerifyError> {
        if claims.issuer != self.settings.issuer {
            let expected = self.settings.issuer.clone();
            return Err(VerifyError::Issuer { found: quote(&claims.issuer), expected });
        }
        if claims.audience != self.settings.audience {
            let expected = self.settings.audience.clone();
            return Err(VerifyError::Audience { found: quote(&claims.audience), expected });
        }
        Ok(())
    }

    /// A grant is valid in `nbf <= now < exp`, and not before it was issued (RFC 7519, sections 4.1.4 to 4.1.6).
    fn check_times(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), VerifyError> {
        let begins = claims.not_before.max(claims.issued_at);
        let (begins_at, expires_at) = (moment(begins), moment(claims.expires_at));
        if claims.expires_at <= begins {
            return Err(VerifyError::TimeOrder { begins_at, expires_at });
        }
        let (lived, limit) = (claims.expires_at.saturating_sub(claims.issued_at), self.settings.max_lifetime);
        if lived > limit {
            return Err(VerifyError::Lifetime { seconds: lived, limit });
        }
        let second = now.timestamp();
        if second.saturating_add(self.settings.leeway) < begins {
            return Err(VerifyError::NotYetValid { begins_at, now });
        }
        check_end(claims, self.settings.leeway, now)
    }

    fn check_constraints(&self, claims: &Claims, now: DateTime<Utc>) -> Result<(), VerifyError> {
        let constraints = &claims.constraints;
        if let Some(name) = constraints.unknown() {
            return Err(VerifyError::UnknownConstraint { name: name.to_owned() });
        }
        let enforced = |name: &Constraint| name.is_enforced_here() || self.settings.enforced.contains(name);
        if let Some(name) = constraints.names().find(|name| !enforced(name)) {
            return Err(VerifyError::ConstraintNotEnforced { name: name.as_str() });
        }
        // Where uses are counted, redeeming knows which use is the first.
        // Those of a delegated grant began before it, so its own first use is any.
        if self.uses(claims) == 0 || claims.parent.is_some() {
            check_first_use(claims, now)?;
        }
        Ok(())
    }

    /// Checks what binds the first grant of a chain to something beside it: no parent, and its signed
    /// approvals. Returns the second until which these could carry a grant.
    fn check_bonds(&self, root: &Claims) -> Result<i64, VerifyError> {
        if root.parent.is_some() {
            return Err(VerifyError::OutsideChain);
        }
        match &self.settings.quorum {
            Some(quorum) => Ok(quorum.check(root)?),
            None if root.approvals.iter().any(|approval| matches!(approval, Approval::Signed(_))) => {
                Err(VerifyError::SignedApprovals)
            }
            None => Ok(root.expires_at),
        }
    }

    fn check_log(&self, root: &Claims, attempt: &Attempt) -> Result<(), VerifyError> {
        match (&self.settings.logs, &attempt.log_proof) {
            (Some(logs), proof) => Ok(logs.check(root, proof.as_deref())?),
            (None, Some(_)) => Err(VerifyError::LogProofUnchecked),
            (None, None) => Ok(()),
        }
    }

    fn check_proof(
        &self,
        link: &Link<'_>,
        attempt: &Attempt,
        action_digest: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        match (&link.claims.holder, &attempt.proof) {
            (None, None) => Ok(()),
            (None, Some(_)) => Err(VerifyError::ProofUnexpected),
            (Some(key), None) => Err(VerifyError::ProofRequired { key_id: key.thumbprint().to_owned() }),
            (Some(holder), Some(proof)) => {
                let (audience, leeway) = (self.settings.audience.as_str(), self.settings.leeway);
                let expected = Expected { holder, grant: link.token, audience, action_digest, leeway, now };
                Ok(prove::check(proof, &expected)?)
            }
        }
    }

    fn check_revocation(&self, link: &Link<'_>, now: DateTime<Utc>) -> Result<(), VerifyError> {
        let Link { claims, key_id, .. } = link;
        if self.settings.revoked.contains(&claims.id) {
            return Err(VerifyError::Revoked { id: claims.id.clone() });
        }
        let limit = claims.constraints.integer(Constraint::RevocationMaxAge);
        match (&self.settings.revocations, limit) {
            (Some(list), limit) => list.check(claims, key_id, limit, self.settings.leeway, now),
            (None, Some(limit)) => Err(VerifyError::RevocationsUnknown { limit }),
            (None, None) => Ok(()),
        }
    }
}

impl Attempt {
    /// Makes an attempt of an action on a resource.
    #[must_use]
    pub fn new(action: Action, resource: Resource) -> Self {
        Self { action, resource, proof: None, log_proof: None }
    }

    /// Adds the holder's proof, which a grant bound to a key demands.
    #[must_use]
    pub fn with_proof(mut self, proof: &str) -> Self {
        self.proof = Some(proof.to_owned());
        self
    }

    /// Adds the text of a [`LogProof`](super::LogProof), which a verifier with
    /// [`requiring_log`](GrantVerifier::requiring_log) demands and any other refuses.
    #[must_use]
    pub fn with_log_proof(mut self, proof: &str) -> Self {
        self.log_proof = Some(proof.to_owned());
        self
    }

    /// Returns the digest of what is about to be done, where more than a name is.
    pub(super) fn action_digest(&self) -> Option<String> {
        self.action.digest(&self.resource)
    }

    fn check(&self, claims: &Claims) -> Result<Option<String>, VerifyError> {
        if self.action.name() != claims.action {
            let (granted, attempted) = (quote(&claims.action), quote(self.action.name()));
            return Err(VerifyError::Action { granted, attempted });
        }
        let attempted = self.resource.reference();
        if !claims.resource.references().contains(&attempted) {
            let (granted, attempted) = (quote(&claims.resource.to_string()), quote(&attempted));
            return Err(VerifyError::Resource { granted, attempted });
        }
        let own = self.action_digest();
        let attempted = match claims.resource.only() {
            Some(_) => own.clone(),
            None => self.action.digest_over(claims.resource.references().iter().cloned()),
        };
        if attempted != claims.action_digest {
            return Err(VerifyError::Payload { granted: claims.action_digest.clone(), attempted });
        }
        Ok(own)
    }
}

impl VerifiedGrant {
    /// Returns the grant's id, `jti`.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.claims.id
    }

    /// Returns the person that the grant is for, as [`Subject::reference`](crate::Subject::reference) names
    /// them.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.subject
    }

    /// Returns the request that was approved, `req`.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.claims.request
    }

    /// Returns the first second in which the grant is dead.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        moment(self.claims.expires_at)
    }

    /// Returns the digest of the policy that decided, where the grant names it.
    #[must_use]
    pub fn policy(&self) -> Option<&str> {
        self.claims.policy.as_deref()
    }

    /// Returns where the authorization stands in the log, where the grant names it. It is the issuer's word,
    /// unless the verifier demands the record ([`GrantVerifier::requiring_log`]).
    #[must_use]
    pub fn log(&self) -> Option<&LogReference> {
        self.claims.log.as_ref()
    }

    /// Refuses a later moment in which the verifier would refuse the grant as ended.
    #[cfg(feature = "engine")]
    pub(crate) fn check_alive(&self, now: DateTime<Utc>) -> Result<(), VerifyError> {
        check_end(&self.claims, self.leeway, now)
    }

    /// Starts using the grant.
    pub fn redeem(self) -> Redemption {
        Redemption::new(self.claims, self.attempt, self.now, self.uses, self.last_end)
    }
}

/// Checks the signature by the key that the token names, and by no other.
pub(super) fn check_signature(token: &Token<'_>, keys: &KeySet) -> Result<(), VerifyError> {
    let key_id = || token.key_id.clone();
    match keys.lookup(&token.key_id) {
        Lookup::Found(key) if key.verify_strict(token.signed, &token.signature) => Ok(()),
        Lookup::Found(_) => Err(VerifyError::Signature),
        Lookup::Unusable => Err(VerifyError::UnusableKey { key_id: key_id() }),
        Lookup::Unknown => Err(VerifyError::UnknownKey { key_id: key_id() }),
    }
}

/// Refuses a grant from the second of its end on, after leeway.
fn check_end(claims: &Claims, leeway: i64, now: DateTime<Utc>) -> Result<(), VerifyError> {
    if now.timestamp().saturating_sub(leeway) >= claims.expires_at {
        return Err(VerifyError::Expired { expires_at: moment(claims.expires_at), now });
    }
    Ok(())
}

/// Refuses a first use after its time.
pub(super) fn check_first_use(claims: &Claims, now: DateTime<Utc>) -> Result<(), VerifyError> {
    match claims.constraints.integer(Constraint::FirstUseBy) {
        Some(seconds) if now.timestamp() >= seconds => {
            Err(VerifyError::FirstUseTooLate { first_use_by: moment(seconds), now })
        }
        _ => Ok(()),
    }
}

fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
