//! Which grants no longer count.
//!
//! A revocation list is one signed text (`typ: jit-revocations+jwt`) with a sequence that only grows, so that
//! an old list cannot replace a newer one. A verifier that has a list refuses every grant once the list is
//! older than it allows: silence is not "nothing revoked". A revoked key signs no further list.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::Value;

use super::claims::{Approval, Claims, check_version, date, is_text, push_string, text};
use super::token::{Algorithm, Token, seal, signing_input};
use super::{ClaimError, SignedApproval, VerifyError};
use crate::audit::{Event, Record};
use crate::json::{Bounds, Json, MAX_INTEGER};
use crate::keys::{KeySet, SigningKey};
use crate::limits;
use crate::text::quote;

/// A list of revocations, to be signed.
///
/// Subjects, policies and "everything" are revoked up to a second: grants issued later count again. Keys and
/// single grants are revoked for good. A rule is revoked by the ids of its grants, which the log has.
/// Verifiers know a list only while it is the newest: each new one repeats what shall stay revoked.
///
/// ```
/// use chrono::DateTime;
/// use countersign::{GrantVerifier, KeySet, RevocationList, SigningKey};
/// use std::time::Duration;
///
/// let (key, now) = (SigningKey::from_seed([7; 32]), DateTime::from_timestamp(1_800_000_000, 0).unwrap());
/// let list = RevocationList::new("https://jit.example", 42, now)
///     .grant("01JD8X2M9Q7ZK4T6V3W5Y1B0CA")
///     .subject("user/ana", now)
///     .sign(&key)?;
/// let verifier = GrantVerifier::new("https://jit.example", "database/orders", KeySet::new([key.public()]))
///     .with_revocations(&list, Duration::from_secs(300))?;
/// # Ok::<(), countersign::VerifyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct RevocationList {
    issuer: String,
    sequence: i64,
    issued_at: i64,
    everything: Option<i64>,
    grants: BTreeSet<String>,
    keys: BTreeSet<String>,
    policies: BTreeMap<String, i64>,
    subjects: BTreeMap<String, i64>,
}

/// A list that was verified.
#[derive(Debug, Clone)]
pub(super) struct Revocations {
    list: RevocationList,
    text: String,
    max_age: i64,
}

impl RevocationList {
    /// Makes an empty list. Each new list of an issuer has a higher sequence (at most 2^53 − 1).
    pub fn new(issuer: &str, sequence: u64, issued_at: DateTime<Utc>) -> Self {
        Self {
            issuer: issuer.to_owned(),
            sequence: i64::try_from(sequence).unwrap_or(i64::MAX),
            issued_at: issued_at.timestamp(),
            everything: None,
            grants: BTreeSet::new(),
            keys: BTreeSet::new(),
            policies: BTreeMap::new(),
            subjects: BTreeMap::new(),
        }
    }

    /// Revokes a grant by its id, with everything delegated from it.
    pub fn grant(mut self, id: &str) -> Self {
        self.grants.insert(id.to_owned());
        self
    }

    /// Revokes a key by its thumbprint: what it signed (grants, lists, approvals) and grants bound to it.
    pub fn key(mut self, thumbprint: &str) -> Self {
        self.keys.insert(thumbprint.to_owned());
        self
    }

    /// Revokes the grants of a person, as [`Subject::reference`](crate::Subject::reference) names them,
    /// issued in or before the second `until`.
    pub fn subject(mut self, reference: &str, until: DateTime<Utc>) -> Self {
        self.subjects.insert(reference.to_owned(), until.timestamp());
        self
    }

    /// Revokes the grants that a policy, named by its digest, led to, issued in or before the second `until`.
    pub fn policy(mut self, digest: &str, until: DateTime<Utc>) -> Self {
        self.policies.insert(digest.to_owned(), until.timestamp());
        self
    }

    /// Revokes the grants that a rule led to and that have not ended when the list is issued, by their ids.
    /// A grant does not name its rules; the records of the log do, of which those of all streams are needed.
    pub fn rule<'r>(mut self, rule: &str, records: impl IntoIterator<Item = &'r Record>) -> Self {
        let (mut requests, mut living) = (BTreeSet::new(), Vec::new());
        for record in records {
            let decided = record.event() == Event::RequestDecided.as_str();
            if !decided && record.event() != Event::GrantAuthorized.as_str() {
                continue;
            }
            let content = record.content();
            let Some(request) = content.get("req").and_then(Value::as_str).map(str::to_owned) else {
                continue;
            };
            let claim = |name| content.get("claims").and_then(|claims| claims.get(name));
            if decided {
                let rules = content.get("decision").and_then(|decision| decision.get("rules"));
                let mut named = rules.and_then(Value::as_array).into_iter().flatten();
                requests.extend(named.any(|name| name.as_str() == Some(rule)).then_some(request));
            } else if claim("exp").and_then(Value::as_i64).is_none_or(|end| end > self.issued_at) {
                living.extend(claim("jti").and_then(Value::as_str).map(|id| (request, id.to_owned())));
            }
        }
        let led_to = living.into_iter().filter(|(request, _)| requests.contains(request));
        self.grants.extend(led_to.map(|(_, id)| id));
        self
    }

    /// Revokes every grant issued in or before the second `until`.
    pub fn everything(mut self, until: DateTime<Utc>) -> Self {
        self.everything = Some(until.timestamp());
        self
    }

    /// Signs the list.
    ///
    /// # Errors
    ///
    /// [`ClaimError`] for what no verifier would read, in [`VerifyError::Claims`]; a list over 256 KiB is
    /// [`TokenError::TooLarge`](super::TokenError::TooLarge) in [`VerifyError::Token`].
    pub fn sign(&self, key: &SigningKey) -> Result<String, VerifyError> {
        let claims = self.to_text();
        let input = signing_input(TYP, Algorithm::default(), key.public_ref().thumbprint(), &claims);
        let signature = key.sign(input.as_bytes());
        let text = seal(input, &signature);
        let token = Token::read(&text, limits::REVOCATIONS_BYTES, TYP)?;
        Self::read(&token.claims(BOUNDS)?).map(|_| text).map_err(VerifyError::from)
    }

    fn read(json: &Json<'_>) -> Result<Self, ClaimError> {
        check_version(json)?;
        let members = json.as_object().unwrap_or_default();
        if let Some((name, _)) = members.iter().find(|(name, _)| !KNOWN.contains(&name.as_ref())) {
            return Err(ClaimError::Unknown { name: quote(name) });
        }
        Ok(Self {
            issuer: text(json, "iss")?,
            sequence: date(json, "seq")?,
            issued_at: date(json, "iat")?,
            everything: json.get("all").map(|_| date(json, "all")).transpose()?,
            grants: names(json, "jti")?,
            keys: names(json, "kid")?,
            policies: bounds(json, "pol")?,
            subjects: bounds(json, "sub")?,
        })
    }

    fn to_text(&self) -> String {
        let mut text = String::from("{");
        if let Some(until) = self.everything {
            text.push_str(&format!("\"all\":{until},"));
        }
        text.push_str(&format!("\"iat\":{},\"iss\":", self.issued_at));
        push_string(&mut text, &self.issuer);
        push_list(&mut text, "jti", &self.grants, |text, id| push_string(text, id));
        push_list(&mut text, "kid", &self.keys, |text, id| push_string(text, id));
        push_list(&mut text, "pol", &self.policies, push_bound);
        text.push_str(&format!(",\"seq\":{}", self.sequence));
        push_list(&mut text, "sub", &self.subjects, push_bound);
        text.push_str(",\"v\":1}");
        text
    }
}

impl Revocations {
    /// Verifies a list and holds it against the one that it shall replace.
    pub(super) fn verify(
        text: &str,
        issuer: &str,
        keys: &KeySet,
        max_age: Duration,
        known: Option<&Self>,
    ) -> Result<Self, VerifyError> {
        let token = Token::read(text, limits::REVOCATIONS_BYTES, TYP)?;
        if known.is_some_and(|known| known.list.keys.contains(&token.key_id)) {
            return Err(VerifyError::RevokedKey { key_id: token.key_id });
        }
        super::verify::check_signature(&token, keys)?;
        let list = RevocationList::read(&token.claims(BOUNDS)?)?;
        if list.issuer != issuer {
            let expected = issuer.to_owned();
            return Err(VerifyError::Issuer { found: quote(&list.issuer), expected });
        }
        if let Some(known) = known.filter(|known| known.text != text) {
            let (found, known) = (list.sequence, known.list.sequence);
            if found <= known {
                return Err(VerifyError::RevocationsOlder { found, known });
            }
        }
        let max_age = i64::try_from(max_age.as_secs()).unwrap_or(MAX_INTEGER);
        Ok(Self { list, text: text.to_owned(), max_age })
    }

    /// Refuses what the list revokes, and everything once the list is too old.
    pub(super) fn check(
        &self,
        claims: &Claims,
        key_id: &str,
        limit: Option<i64>,
        leeway: i64,
        now: DateTime<Utc>,
    ) -> Result<(), VerifyError> {
        let list = &self.list;
        let until = |bounds: &BTreeMap<String, i64>, name: Option<&str>| {
            name.and_then(|name| bounds.get(name)).is_some_and(|until| claims.issued_at <= *until)
        };
        let approvers = claims.approvals.iter().filter_map(|approval| match approval {
            Approval::Signed(text) => SignedApproval::key_id(text),
            Approval::Named { .. } => None,
        });
        let holder = claims.holder.as_ref().map(|key| key.thumbprint().to_owned());
        let mut keys = std::iter::once(key_id.to_owned()).chain(holder).chain(approvers);
        if let Some(key_id) = keys.find(|key_id| list.keys.contains(key_id)) {
            return Err(VerifyError::RevokedKey { key_id });
        }
        if list.grants.contains(&claims.id)
            || list.everything.is_some_and(|until| claims.issued_at <= until)
            || until(&list.subjects, Some(&claims.subject))
            || until(&list.policies, claims.policy.as_deref())
        {
            return Err(VerifyError::Revoked { id: claims.id.clone() });
        }
        let limit = limit.map_or(self.max_age, |limit| limit.min(self.max_age));
        let age = now.timestamp().saturating_sub(list.issued_at);
        if age > limit || age < leeway.saturating_neg() {
            return Err(VerifyError::RevocationsStale { age, limit });
        }
        Ok(())
    }
}

fn names(json: &Json<'_>, claim: &'static str) -> Result<BTreeSet<String>, ClaimError> {
    let fault = ClaimError::Type { claim, expected: "a list of ids" };
    let Some(value) = json.get(claim) else { return Ok(BTreeSet::new()) };
    let name = |item: &Json<'_>| item.as_str().filter(|name| is_text(name)).map(str::to_owned);
    value.as_array().and_then(|items| items.iter().map(name).collect()).ok_or(fault)
}

fn bounds(json: &Json<'_>, claim: &'static str) -> Result<BTreeMap<String, i64>, ClaimError> {
    let fault = ClaimError::Type { claim, expected: "a list of `[name, seconds]`, no name twice" };
    let Some(value) = json.get(claim) else { return Ok(BTreeMap::new()) };
    let items = value.as_array().ok_or(fault.clone())?;
    let mut bounds = BTreeMap::new();
    for item in items {
        let Some([name, until]) = item.as_array() else { return Err(fault) };
        let name = name.as_str().filter(|name| is_text(name)).ok_or(fault.clone())?;
        let until = until.as_integer().ok_or(fault.clone())?;
        if bounds.insert(name.to_owned(), until).is_some() {
            return Err(fault);
        }
    }
    Ok(bounds)
}

/// Writes a member with a list, or nothing for an empty one.
fn push_list<T>(
    text: &mut String,
    name: &str,
    items: impl IntoIterator<Item = T>,
    push: impl Fn(&mut String, T),
) {
    let mut items = items.into_iter();
    let Some(first) = items.next() else { return };
    text.push_str(&format!(",\"{name}\":["));
    push(text, first);
    for item in items {
        text.push(',');
        push(text, item);
    }
    text.push(']');
}

fn push_bound(text: &mut String, (name, until): (&String, &i64)) {
    text.push('[');
    push_string(text, name);
    text.push_str(&format!(",{until}]"));
}

/// The type of a revocation list's token.
const TYP: &str = "jit-revocations+jwt";

const KNOWN: [&str; 9] = ["all", "iat", "iss", "jti", "kid", "pol", "seq", "sub", "v"];

const BOUNDS: Bounds = Bounds { depth: 3, members: 16 };

#[cfg(test)]
mod tests;
