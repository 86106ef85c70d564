//! Did enough people sign this themselves?
//!
//! Where the issuer's key alone must not be enough, approvers sign what they approve (`typ:
//! jit-approval+jwt`): the request and its person, the exact action, constraints with the number of uses, and an absolute
//! end. A verifier that knows their keys counts distinct people with distinct keys, the requester not among
//! them. Because the uses are part of it and are counted under the request, old approvals carry no second grant.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use super::claims::{Approval, Claims, check_version, date, optional_digest, push_string, text};
use super::constraint::{Constraint, Constraints};
use super::covered::Covered;
use super::token::{Algorithm, Token, seal, signing_input};
use super::verify::Attempt;
use super::{ClaimError, TokenError};
use crate::json::{Bounds, Json};
use crate::keys::{PublicKey, SigningKey};
use crate::limits;
use crate::request::{Action, Resource};
use crate::text::quote;

/// What an approver signs: one request of one person, one action with its exact payload, a number of uses, an end.
///
/// ```
/// use countersign::{Action, Attempt, Resource, SignedApproval, SigningKey};
///
/// let attempt = Attempt::new(Action::new("restart"), Resource::new("service", "orders"));
/// let until = chrono::DateTime::from_timestamp(1_800_003_600, 0).unwrap();
/// let approval = SignedApproval::new("https://jit.example", "req-4821", "user/ana", &attempt, 1, until);
/// let token = approval.sign("user/bo", &SigningKey::from_seed([7; 32]))?;
/// assert!(token.starts_with("eyJ"));
/// # Ok::<(), countersign::QuorumError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[must_use]
pub struct SignedApproval {
    issuer: String,
    request: String,
    subject: String,
    action: String,
    resource: Covered,
    action_digest: Option<String>,
    constraints: Constraints,
    /// The number of uses is set apart, so that it cannot be left out.
    uses: i64,
    not_after: i64,
}

/// Why a grant's signed approvals are refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QuorumError {
    /// An approval's shape.
    #[error("approval: {0}")]
    Token(#[from] TokenError),
    /// What an approval says is outside its profile.
    #[error("approval: {0}")]
    Claims(#[from] ClaimError),
    /// An approval by a key that the verifier does not know.
    #[error("no approver has the key `{key_id}`")]
    UnknownKey {
        /// The id in the approval's header.
        key_id: String,
    },
    /// An approval's signature is not that of its key over these bytes.
    #[error("signature of an approval does not hold")]
    Signature,
    /// An approval in the name of somebody whose key it is not.
    #[error("approval is in the name of `{found}`, its key is that of `{expected}`")]
    Person {
        /// The claim `by`.
        found: String,
        /// The person whose key it is.
        expected: String,
    },
    /// An approval by the person that the grant is for.
    #[error("approver `{person}` is also the requester")]
    Requester {
        /// The person.
        person: String,
    },
    /// Two approvals by one person or one key.
    #[error("approver `{person}` counts once")]
    Twice {
        /// The person.
        person: String,
    },
    /// An approval of something else.
    #[error("`{claim}` of the grant differs from what was approved")]
    Differs {
        /// The claim's name.
        claim: &'static str,
    },
    /// The grant allows more than was approved.
    #[error("`{claim}` of the grant is wider than what was approved")]
    Wider {
        /// The name of the claim or constraint.
        claim: &'static str,
    },
    /// Fewer approvals than the verifier demands.
    #[error("grant has {found} signed approvals, expected {required}")]
    TooFew {
        /// The approvals that count.
        found: usize,
        /// The number demanded.
        required: usize,
    },
}

/// What a verifier demands of approvals.
#[derive(Debug, Clone)]
pub(crate) struct Quorum {
    required: usize,
    /// By the thumbprint of the key.
    approvers: BTreeMap<String, (String, PublicKey)>,
}

impl SignedApproval {
    /// Begins an approval of an attempt under a request of an issuer, for a person as
    /// [`Subject::reference`](crate::Subject::reference) names them, for a number of uses (1 to 1,000), until
    /// an end that no grant passes.
    pub fn new(
        issuer: &str,
        request: &str,
        subject: &str,
        attempt: &Attempt,
        uses: u32,
        not_after: DateTime<Utc>,
    ) -> Self {
        Self {
            issuer: issuer.to_owned(),
            request: request.to_owned(),
            subject: subject.to_owned(),
            action: attempt.action.name().to_owned(),
            resource: attempt.resource.reference().into(),
            action_digest: attempt.action_digest(),
            constraints: Constraints::default(),
            uses: i64::from(uses),
            not_after: not_after.timestamp(),
        }
    }

    /// Begins an approval as [`new`](Self::new) does, of an action on several resources at once: all that the request
    /// names, in any order. It carries no grant for some of them.
    ///
    /// ```
    /// use countersign::{Action, Resource, SignedApproval, SigningKey};
    ///
    /// let hosts = ["a", "b"].map(|id| Resource::new("host", id));
    /// let until = chrono::DateTime::from_timestamp(1_800_003_600, 0).unwrap();
    /// let restart = Action::new("restart");
    /// let approval =
    ///     SignedApproval::of_several("https://jit.example", "req-7", "user/ana", &restart, &hosts, 1, until);
    /// assert!(approval.sign("user/bo", &SigningKey::from_seed([7; 32])).is_ok());
    /// # Ok::<(), countersign::QuorumError>(())
    /// ```
    pub fn of_several<'r>(
        issuer: &str,
        request: &str,
        subject: &str,
        action: &Action,
        resources: impl IntoIterator<Item = &'r Resource>,
        uses: u32,
        not_after: DateTime<Utc>,
    ) -> Self {
        let resources: Vec<&Resource> = resources.into_iter().collect();
        let digest = match resources.as_slice() {
            [one] => action.digest(one),
            several => action.digest_over(several.iter().map(|resource| resource.reference())),
        };
        Self {
            issuer: issuer.to_owned(),
            request: request.to_owned(),
            subject: subject.to_owned(),
            action: action.name().to_owned(),
            resource: resources.into_iter().map(Resource::reference).collect(),
            action_digest: digest,
            constraints: Constraints::default(),
            uses: i64::from(uses),
            not_after: not_after.timestamp(),
        }
    }

    /// Adds a constraint that the grant must have, equal or narrower.
    ///
    /// # Errors
    ///
    /// [`QuorumError::Claims`] for a name outside the vocabulary or a value of the wrong type.
    pub fn constrained(mut self, name: &str, value: serde_json::Value) -> Result<Self, QuorumError> {
        let constraint = Constraint::from_name(name)
            .filter(|constraint| *constraint != Constraint::MaxUses)
            .ok_or(ClaimError::Type {
                claim: "con",
                expected: "constraints of the vocabulary beside `max_uses`",
            })?;
        self.constraints.set(constraint, value)?;
        Ok(self)
    }

    /// Signs the approval in the name of a person, with their key.
    ///
    /// # Errors
    ///
    /// [`QuorumError::Token`] and [`QuorumError::Claims`] for what no verifier would read.
    pub fn sign(&self, person: &str, key: &SigningKey) -> Result<String, QuorumError> {
        let claims = self.to_text(person);
        let input = signing_input(TYP, Algorithm::default(), key.public_ref().thumbprint(), &claims);
        let signature = key.sign(input.as_bytes());
        let text = seal(input, &signature);
        let token = Token::read(&text, limits::APPROVAL_BYTES, TYP)?;
        Self::read(&token.claims(BOUNDS)?).map(|_| text).map_err(QuorumError::from)
    }

    /// Reads an approval and the person in whose name it is, whoever signed it: the verifiers know the keys.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn open(text: &str) -> Result<(String, Self), QuorumError> {
        let token = Token::read(text, limits::APPROVAL_BYTES, TYP)?;
        Ok(Self::read(&token.claims(BOUNDS)?)?)
    }

    /// Returns the id of the key that an approval names.
    pub(super) fn key_id(text: &str) -> Option<String> {
        Token::read(text, limits::APPROVAL_BYTES, TYP).ok().map(|token| token.key_id)
    }

    /// Returns the end that no grant passes.
    #[must_use]
    pub fn not_after(&self) -> DateTime<Utc> {
        super::error::moment(self.not_after)
    }

    /// Returns the number of uses that no grant exceeds.
    #[must_use]
    pub fn uses(&self) -> u32 {
        u32::try_from(self.uses).unwrap_or_default()
    }

    /// Returns the person in whose name the approval is, and what is approved.
    fn read(json: &Json<'_>) -> Result<(String, Self), ClaimError> {
        check_version(json)?;
        let members = json.as_object().unwrap_or_default();
        if let Some((name, _)) = members.iter().find(|(name, _)| !KNOWN.contains(&name.as_ref())) {
            return Err(ClaimError::Unknown { name: quote(name) });
        }
        let constraints = json.get("con").map(Constraints::read).transpose()?.unwrap_or_default();
        if constraints.unknown().is_some() || constraints.get(Constraint::MaxUses).is_some() {
            return Err(ClaimError::Type {
                claim: "con",
                expected: "constraints of the vocabulary beside `max_uses`",
            });
        }
        let uses = date(json, "uses")?;
        if !(1..=limits::GRANT_USES).contains(&uses) {
            return Err(ClaimError::Type { claim: "uses", expected: "an integer from 1 to 1000" });
        }
        let person = text(json, "by")?;
        let approval = Self {
            issuer: text(json, "iss")?,
            request: text(json, "req")?,
            subject: text(json, "sub")?,
            action: text(json, "act")?,
            resource: Covered::read(json.get("res").ok_or(ClaimError::Missing { claim: "res" })?)?,
            action_digest: optional_digest(json, "adg")?,
            constraints,
            uses,
            not_after: date(json, "not_after")?,
        };
        Ok((person, approval))
    }

    /// Refuses an approval of something else than an issuer would grant for a request.
    #[cfg(feature = "engine")]
    pub(crate) fn check_request(
        &self,
        issuer: &str,
        id: &str,
        request: &crate::request::Request,
    ) -> Result<(), QuorumError> {
        let equal = [
            ("iss", self.issuer == issuer),
            ("req", self.request == id),
            ("sub", self.subject == request.subject().reference()),
            ("act", self.action == request.action().name()),
            ("res", self.resource == request.resources().map(Resource::reference).collect()),
            ("adg", self.action_digest == request.action_digest()),
        ];
        match equal.into_iter().find(|(_, holds)| !holds) {
            Some((claim, _)) => Err(QuorumError::Differs { claim }),
            None => Ok(()),
        }
    }

    /// Returns the number of uses, the constraints and the end that the approver signed.
    #[cfg(feature = "engine")]
    pub(crate) fn ceiling(self) -> (i64, Constraints, i64) {
        (self.uses, self.constraints, self.not_after)
    }

    fn to_text(&self, person: &str) -> String {
        let mut text = String::from("{\"act\":");
        push_string(&mut text, &self.action);
        if let Some(digest) = &self.action_digest {
            text.push_str(",\"adg\":");
            push_string(&mut text, digest);
        }
        text.push_str(",\"by\":");
        push_string(&mut text, person);
        if !self.constraints.is_empty() {
            text.push_str(",\"con\":");
            self.constraints.write(&mut text);
        }
        text.push_str(",\"iss\":");
        push_string(&mut text, &self.issuer);
        text.push_str(&format!(",\"not_after\":{},\"req\":", self.not_after));
        push_string(&mut text, &self.request);
        text.push_str(",\"res\":");
        self.resource.write(&mut text);
        text.push_str(",\"sub\":");
        push_string(&mut text, &self.subject);
        text.push_str(&format!(",\"uses\":{},\"v\":1}}", self.uses));
        text
    }

    /// Refuses a grant that is not what was approved, or more.
    pub(super) fn check(&self, grant: &Claims) -> Result<(), QuorumError> {
        let equal = [
            ("iss", self.issuer == grant.issuer),
            ("req", self.request == grant.request),
            ("sub", self.subject == grant.subject),
            ("act", self.action == grant.action),
            ("res", grant.resource == self.resource),
            ("adg", self.action_digest == grant.action_digest),
        ];
        if let Some((claim, _)) = equal.into_iter().find(|(_, holds)| !holds) {
            return Err(QuorumError::Differs { claim });
        }
        let uses = grant.constraints.integer(Constraint::MaxUses);
        let within = [
            ("exp", grant.expires_at <= self.not_after),
            ("max_uses", uses.is_some_and(|uses| uses <= self.uses)),
        ];
        if let Some((claim, _)) = within.into_iter().find(|(_, holds)| !holds) {
            return Err(QuorumError::Wider { claim });
        }
        match grant.constraints.widens(&self.constraints) {
            Some(constraint) => Err(QuorumError::Wider { claim: constraint.as_str() }),
            None => Ok(()),
        }
    }
}

impl Quorum {
    pub(crate) fn new(required: usize, approvers: impl IntoIterator<Item = (String, PublicKey)>) -> Self {
        let by_key = |(person, key): (String, PublicKey)| (key.thumbprint().to_owned(), (person, key));
        Self { required, approvers: approvers.into_iter().map(by_key).collect() }
    }

    /// Counts the signed approvals of a grant; every one must hold. Returns the last second until which they
    /// could carry a grant.
    pub(super) fn check(&self, grant: &Claims) -> Result<i64, QuorumError> {
        let mut people = BTreeSet::new();
        let mut end = grant.expires_at;
        for approval in &grant.approvals {
            let Approval::Signed(text) = approval else { continue };
            let (person, approval) = self.verify(text)?;
            if person == grant.subject {
                return Err(QuorumError::Requester { person: quote(&person) });
            }
            approval.check(grant)?;
            end = end.max(approval.not_after);
            if people.contains(&person) {
                return Err(QuorumError::Twice { person: quote(&person) });
            }
            people.insert(person);
        }
        let (found, required) = (people.len(), self.required);
        if found < required { Err(QuorumError::TooFew { found, required }) } else { Ok(end) }
    }

    /// Verifies an approval by the key of its approver. Returns in whose name it is.
    pub(crate) fn verify(&self, text: &str) -> Result<(String, SignedApproval), QuorumError> {
        let token = Token::read(text, limits::APPROVAL_BYTES, TYP)?;
        let Some((person, key)) = self.approvers.get(&token.key_id) else {
            return Err(QuorumError::UnknownKey { key_id: token.key_id });
        };
        if !key.verify_strict(token.signed, &token.signature) {
            return Err(QuorumError::Signature);
        }
        let (found, approval) = SignedApproval::read(&token.claims(BOUNDS)?)?;
        if found != *person {
            return Err(QuorumError::Person { found: quote(&found), expected: person.clone() });
        }
        Ok((found, approval))
    }
}

impl QuorumError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooFew { .. } => "approvals_missing",
            _ => "approval_rejected",
        }
    }
}

/// The type of a signed approval's token.
const TYP: &str = "jit-approval+jwt";

const KNOWN: [&str; 11] = ["act", "adg", "by", "con", "iss", "not_after", "req", "res", "sub", "uses", "v"];

const BOUNDS: Bounds = Bounds { depth: 3, members: 64 };

#[cfg(test)]
#[allow(clippy::arithmetic_side_effects, reason = "tests fail by panicking")]
mod tests;
