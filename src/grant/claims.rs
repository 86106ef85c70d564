//! What a grant says.
//!
//! The claims of profile 1: who may do what on what, how long, under which constraints, by which approval.
//! The set is closed; only `ext` may be skipped. Claims that exist are within bounds, whether they were read
//! from a token or made from terms, and equal claims are written as equal bytes (keys sorted, no spaces), so
//! that what a record holds can be signed again to the same token.

#[cfg(any(feature = "engine", test))]
use chrono::{DateTime, Utc};

use super::constraint::Constraints;
use super::covered::Covered;
use super::quorum::QuorumError;
#[cfg(any(feature = "engine", test))]
use super::quorum::SignedApproval;
#[cfg(feature = "engine")]
use crate::audit::Cause;
use crate::json::{self, Bounds, Json, MAX_INTEGER};
use crate::keys::PublicKey;
use crate::limits;
use crate::text::{is_unprintable, quote};

/// What a grant shall say. Times are cut to whole seconds, so that a grant never outlasts its terms.
#[cfg(any(feature = "engine", test))]
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Terms {
    /// `iss`: who signs.
    pub(crate) issuer: String,
    /// `sub`: the person, as [`Subject::reference`](crate::Subject::reference) names them.
    pub(crate) subject: String,
    /// `aud`: the tool; by default the resource's reference.
    pub(crate) audience: String,
    /// `iat`.
    pub(crate) issued_at: DateTime<Utc>,
    /// `nbf`.
    pub(crate) not_before: DateTime<Utc>,
    /// `exp`: the first second in which the grant is dead.
    pub(crate) expires_at: DateTime<Utc>,
    /// `jti`.
    pub(crate) id: String,
    /// `act`: the action's name.
    pub(crate) action: String,
    /// `res`: the references of the resources.
    pub(crate) resource: Covered,
    /// `req`: the request; uses are counted under it.
    pub(crate) request: String,
    /// `adg`: the digest of the payload.
    pub(crate) action_digest: Option<String>,
    /// `pol`: the digest of the policy that decided.
    pub(crate) policy: Option<String>,
    /// `con`.
    pub(crate) constraints: Constraints,
    /// `apr`.
    pub(crate) approvals: Vec<Approval>,
    /// `cnf`: the key whose holder alone may use the grant.
    pub(crate) holder: Option<PublicKey>,
}

/// One entry of `apr`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Approval {
    /// An approval that the issuer vouches for.
    Named { by: String, at: i64 },
    /// An approval that its approver signed, as a token.
    Signed(String),
}

/// Where the authorization stands in the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogReference {
    stream: String,
    seq: i64,
    leaf: String,
}

/// Claims within bounds.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Claims {
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) audience: String,
    pub(super) issued_at: i64,
    pub(super) not_before: i64,
    pub(super) expires_at: i64,
    pub(super) id: String,
    pub(super) action: String,
    pub(super) resource: Covered,
    pub(super) request: String,
    pub(super) action_digest: Option<String>,
    pub(super) policy: Option<String>,
    pub(super) constraints: Constraints,
    pub(super) approvals: Vec<Approval>,
    pub(super) holder: Option<PublicKey>,
    pub(super) parent: Option<String>,
    pub(super) log: Option<LogReference>,
}

/// What is wrong with a grant's claims.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimError {
    /// Another version of the profile.
    #[error("grant has version {found}, known is 1")]
    Version {
        /// The version found.
        found: i64,
    },
    /// A claim that the profile does not have.
    #[error("unknown claim `{name}`")]
    Unknown {
        /// The claim's name, escaped and cut at 64 characters.
        name: String,
    },
    /// A claim that the profile demands.
    #[error("claim `{claim}` is missing")]
    Missing {
        /// The claim's name.
        claim: &'static str,
    },
    /// A claim or constraint of the wrong type, out of bounds, or with unprintable characters.
    #[error("`{claim}` must be {expected}")]
    Type {
        /// The name of the claim or constraint.
        claim: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A signed approval that no verifier would count for this grant.
    #[error("signed approval of `{by}` does not carry the grant: {fault}")]
    Approval {
        /// In whose name it is, escaped and cut at 64 characters; empty where that cannot be read.
        by: String,
        /// What is wrong with it.
        fault: Box<QuorumError>,
    },
    /// Claims too long for a token of 8 KiB.
    #[error("claims are {bytes} bytes, limit is {}", limits::CLAIMS_BYTES)]
    TooLarge {
        /// The bytes they have.
        bytes: usize,
    },
}

impl Claims {
    /// Makes claims of terms.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn new(terms: Terms) -> Result<Self, ClaimError> {
        let claims = Self {
            issuer: terms.issuer,
            subject: terms.subject,
            audience: terms.audience,
            issued_at: terms.issued_at.timestamp(),
            not_before: terms.not_before.timestamp(),
            expires_at: terms.expires_at.timestamp(),
            id: terms.id,
            action: terms.action,
            resource: terms.resource,
            request: terms.request,
            action_digest: terms.action_digest,
            policy: terms.policy,
            constraints: terms.constraints,
            approvals: terms.approvals,
            holder: terms.holder,
            parent: None,
            log: None,
        };
        claims.bounded()
    }

    /// Refuses signed approvals that no verifier would count, so that nothing useless is authorized: of
    /// something else, of less, by the requester, or one person's twice. Their signatures are not checked:
    /// the verifiers know the keys.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn covered(self) -> Result<Self, ClaimError> {
        let mut people = std::collections::BTreeSet::new();
        for approval in &self.approvals {
            let Approval::Signed(text) = approval else { continue };
            let refused = |by: &str, fault| ClaimError::Approval { by: quote(by), fault: Box::new(fault) };
            let (by, approval) = SignedApproval::open(text).map_err(|fault| refused("", fault))?;
            approval.check(&self).map_err(|fault| refused(&by, fault))?;
            if by == self.subject {
                return Err(refused(&by, QuorumError::Requester { person: quote(&by) }));
            }
            if !people.insert(by.clone()) {
                return Err(refused(&by, QuorumError::Twice { person: quote(&by) }));
            }
        }
        Ok(self)
    }

    /// Reads claims as a record holds them.
    pub(crate) fn from_value(value: &serde_json::Value) -> Result<Self, ClaimError> {
        let text = value.to_string();
        let json = json::parse(text.as_bytes(), BOUNDS)
            .map_err(|_| ClaimError::Type { claim: "grant", expected: "claims of a grant" })?;
        Self::read(&json)?.bounded()
    }

    /// Writes claims as a record holds them.
    pub(crate) fn to_value(&self) -> serde_json::Value {
        serde_json::from_str(&self.to_text()).unwrap_or_default()
    }
}

impl Claims {
    /// Refuses what a verifier would refuse, so that nothing unverifiable is ever authorized.
    pub(super) fn bounded(self) -> Result<Self, ClaimError> {
        let text = self.to_text();
        if text.len() > limits::CLAIMS_BYTES {
            return Err(ClaimError::TooLarge { bytes: text.len() });
        }
        let json = json::parse(text.as_bytes(), BOUNDS)
            .map_err(|_| ClaimError::Type { claim: "grant", expected: "claims of a grant" })?;
        if self.constraints.unknown().is_some() {
            return Err(ClaimError::Type { claim: "con", expected: "constraints of the vocabulary" });
        }
        Self::read(&json)
    }

    /// Reads claims from a token's second part: version, unknown claims, missing claims, types, in this order.
    pub(super) fn read(json: &Json<'_>) -> Result<Self, ClaimError> {
        let members = json.as_object().ok_or(ClaimError::Missing { claim: "v" })?;
        check_version(json)?;
        if let Some((name, _)) = members.iter().find(|(name, _)| !is_known(name)) {
            return Err(ClaimError::Unknown { name: quote(name) });
        }
        if let Some(claim) = REQUIRED.into_iter().find(|name| json.get(name).is_none()) {
            return Err(ClaimError::Missing { claim });
        }
        let claims = Self {
            issuer: text(json, "iss")?,
            subject: text(json, "sub")?,
            audience: text(json, "aud")?,
            issued_at: date(json, "iat")?,
            not_before: date(json, "nbf")?,
            expires_at: date(json, "exp")?,
            id: id(json, "jti")?,
            action: text(json, "act")?,
            resource: Covered::read(json.get("res").ok_or(ClaimError::Missing { claim: "res" })?)?,
            request: text(json, "req")?,
            action_digest: optional_digest(json, "adg")?,
            policy: optional_digest(json, "pol")?,
            constraints: json.get("con").map(Constraints::read).transpose()?.unwrap_or_default(),
            approvals: approvals(json)?,
            holder: json.get("cnf").map(holder).transpose()?,
            parent: optional_digest(json, "par")?,
            log: json.get("log").map(LogReference::read).transpose()?,
        };
        // Of an action that is a name alone, a holder's proof does not say which of several resources it is for.
        if claims.resource.only().is_none() && claims.action_digest.is_none() && claims.holder.is_some() {
            return Err(ClaimError::Type {
                claim: "cnf",
                expected: "absent: several resources, and no `adg`",
            });
        }
        Ok(claims)
    }

    /// Names the record that authorized the grant, where the grant does.
    #[cfg(feature = "engine")]
    pub(crate) fn cause(&self) -> Option<Cause> {
        self.log.as_ref()?.cause()
    }

    /// Writes the claims: keys sorted, no spaces, text escaped as RFC 8785 does (section 3.2.2.2).
    pub(super) fn to_text(&self) -> String {
        let mut writer = Writer { text: String::with_capacity(512) };
        writer.string("act", &self.action);
        writer.optional("adg", self.action_digest.as_deref());
        writer.approvals(&self.approvals);
        writer.string("aud", &self.audience);
        if let Some(holder) = &self.holder {
            let jwk = format!(r#"{{"jwk":{{"crv":"Ed25519","kty":"OKP","x":"{}"}}}}"#, holder.x());
            writer.raw("cnf", &jwk);
        }
        if !self.constraints.is_empty() {
            writer.key("con");
            self.constraints.write(&mut writer.text);
        }
        writer.integer("exp", self.expires_at);
        writer.integer("iat", self.issued_at);
        writer.string("iss", &self.issuer);
        writer.string("jti", &self.id);
        if let Some(log) = &self.log {
            writer.key("log");
            let mut nested = Writer { text: std::mem::take(&mut writer.text) };
            nested.text.push('{');
            nested.string("leaf", &log.leaf);
            nested.integer("seq", log.seq);
            nested.string("stream", &log.stream);
            nested.text.push('}');
            writer.text = nested.text;
        }
        writer.integer("nbf", self.not_before);
        writer.optional("par", self.parent.as_deref());
        writer.optional("pol", self.policy.as_deref());
        writer.string("req", &self.request);
        match self.resource.references() {
            [one] => writer.string("res", one),
            several => writer.strings("res", several),
        }
        writer.string("sub", &self.subject);
        writer.raw("v", "1");
        format!("{{{}}}", writer.text)
    }
}

impl LogReference {
    /// Makes a reference to a record by its place and its leaf (RFC 9162, section 2.1).
    ///
    /// # Errors
    ///
    /// [`ClaimError::Type`] if the stream's name is empty, over 256 bytes or unprintable, or `seq` is above
    /// 2^53 − 1.
    pub fn new(stream: &str, seq: u64, leaf: [u8; 32]) -> Result<Self, ClaimError> {
        let seq = i64::try_from(seq).ok().filter(|seq| *seq <= MAX_INTEGER).ok_or(LOG_TYPE)?;
        let leaf = format!("sha-256:{}", crate::hex::encode(&leaf));
        if !is_text(stream) || stream.len() > limits::NAME_BYTES {
            return Err(LOG_TYPE);
        }
        Ok(Self { stream: stream.to_owned(), seq, leaf })
    }

    /// Returns the stream's name.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Returns the record's sequence number.
    #[must_use]
    pub fn seq(&self) -> u64 {
        u64::try_from(self.seq).unwrap_or_default()
    }

    /// Names the record for those that follow from it. `None` if no stream of records has such a name.
    #[cfg(feature = "engine")]
    pub(crate) fn cause(&self) -> Option<Cause> {
        let leaf = self.leaf.strip_prefix("sha-256:").and_then(crate::hex::decode32)?;
        Cause::new(&self.stream, self.seq(), leaf)
    }

    /// Returns the record's leaf: `sha-256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn leaf(&self) -> &str {
        &self.leaf
    }

    fn read(json: &Json<'_>) -> Result<Self, ClaimError> {
        exactly(json, &["leaf", "seq", "stream"]).ok_or(LOG_TYPE)?;
        let seq = json.get("seq").and_then(Json::as_integer).ok_or(LOG_TYPE)?;
        let leaf = json.get("leaf").and_then(Json::as_str).and_then(|leaf| leaf.strip_prefix("sha-256:"));
        let leaf = leaf.and_then(crate::hex::decode32).ok_or(LOG_TYPE)?;
        let stream = json.get("stream").and_then(Json::as_str).ok_or(LOG_TYPE)?;
        Self::new(stream, u64::try_from(seq).unwrap_or_default(), leaf)
    }
}

/// Writes members in the order of the calls.
struct Writer {
    text: String,
}

impl Writer {
    fn key(&mut self, key: &str) {
        if !matches!(self.text.as_bytes().last(), None | Some(b'{')) {
            self.text.push(',');
        }
        self.text.push('"');
        self.text.push_str(key);
        self.text.push_str("\":");
    }

    fn raw(&mut self, key: &str, value: &str) {
        self.key(key);
        self.text.push_str(value);
    }

    fn integer(&mut self, key: &str, value: i64) {
        self.raw(key, &value.to_string());
    }

    fn string(&mut self, key: &str, value: &str) {
        self.key(key);
        push_string(&mut self.text, value);
    }

    fn strings(&mut self, key: &str, values: &[String]) {
        self.key(key);
        self.text.push('[');
        for (place, value) in values.iter().enumerate() {
            if place > 0 {
                self.text.push(',');
            }
            push_string(&mut self.text, value);
        }
        self.text.push(']');
    }

    fn optional(&mut self, key: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.string(key, value);
        }
    }

    fn approvals(&mut self, approvals: &[Approval]) {
        for (index, approval) in approvals.iter().enumerate() {
            if index == 0 {
                self.raw("apr", "[");
            } else {
                self.text.push(',');
            }
            match approval {
                Approval::Named { by, at } => {
                    self.text.push_str(&format!(r#"{{"at":{at},"by":"#));
                    push_string(&mut self.text, by);
                    self.text.push('}');
                }
                Approval::Signed(token) => push_string(&mut self.text, token),
            }
        }
        if !approvals.is_empty() {
            self.text.push(']');
        }
    }
}

/// Writes a string of claims; what needs an escape of its own is quote, backslash and, before it is refused,
/// a control character.
pub(super) fn push_string(text: &mut String, value: &str) {
    if value.bytes().all(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        text.push_str(&serde_json::Value::from(value).to_string());
    }
}

pub(super) fn check_version(json: &Json<'_>) -> Result<(), ClaimError> {
    let version = json.get("v").ok_or(ClaimError::Missing { claim: "v" })?;
    match version.as_integer() {
        Some(1) => Ok(()),
        Some(found) => Err(ClaimError::Version { found }),
        None => Err(ClaimError::Type { claim: "v", expected: "the integer 1" }),
    }
}

fn is_known(name: &str) -> bool {
    name == "v" || REQUIRED.contains(&name) || OPTIONAL.contains(&name)
}

pub(super) fn text(json: &Json<'_>, claim: &'static str) -> Result<String, ClaimError> {
    let value = json.get(claim).ok_or(ClaimError::Missing { claim })?;
    let text = value.as_str().filter(|text| is_text(text));
    text.map(str::to_owned).ok_or(ClaimError::Type { claim, expected: "1 to 2048 bytes of printable text" })
}

pub(super) fn is_text(text: &str) -> bool {
    (1..=limits::CLAIM_TEXT_BYTES).contains(&text.len()) && !text.chars().any(is_unprintable)
}

pub(super) fn date(json: &Json<'_>, claim: &'static str) -> Result<i64, ClaimError> {
    let value = json.get(claim).ok_or(ClaimError::Missing { claim })?;
    value.as_integer().ok_or(ClaimError::Type { claim, expected: "plain integer seconds up to 2^53-1" })
}

pub(super) fn id(json: &Json<'_>, claim: &'static str) -> Result<String, ClaimError> {
    let fits = |id: &&str| {
        (16..=128).contains(&id.len())
            && id
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~'))
    };
    let id = json.get(claim).and_then(Json::as_str).filter(fits);
    id.map(str::to_owned)
        .ok_or(ClaimError::Type { claim, expected: "16 to 128 characters of A-Z a-z 0-9 - . _ ~" })
}

pub(super) fn optional_digest(json: &Json<'_>, claim: &'static str) -> Result<Option<String>, ClaimError> {
    let Some(value) = json.get(claim) else { return Ok(None) };
    let digest = value.as_str().filter(|text| is_digest(text));
    digest.map(|text| Some(text.to_owned())).ok_or(ClaimError::Type {
        claim,
        expected: "`sha-256:` and 64 hexadecimal digits or 43 characters of base64url",
    })
}

fn is_digest(text: &str) -> bool {
    let Some(digest) = text.strip_prefix("sha-256:") else { return false };
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    crate::hex::decode32(digest).is_some() || (digest.len() == 43 && digest.bytes().all(base64url))
}

fn approvals(json: &Json<'_>) -> Result<Vec<Approval>, ClaimError> {
    const FAULT: ClaimError =
        ClaimError::Type { claim: "apr", expected: "up to 64 approvals `{at, by}` or signed ones" };
    let Some(value) = json.get("apr") else { return Ok(Vec::new()) };
    let list = value.as_array().filter(|list| list.len() <= 64).ok_or(FAULT)?;
    let one = |item: &Json<'_>| {
        if let Some(token) = item.as_str() {
            return Some(Approval::Signed(token.to_owned()));
        }
        exactly(item, &["at", "by"])?;
        let by = item.get("by")?.as_str().filter(|by| is_text(by))?.to_owned();
        Some(Approval::Named { by, at: item.get("at")?.as_integer()? })
    };
    list.iter().map(|item| one(item).ok_or(FAULT)).collect()
}

/// Reads `cnf`: the holder's key, as `{"jwk": {crv, kty, x}}` (RFC 7800, section 3.2).
fn holder(json: &Json<'_>) -> Result<PublicKey, ClaimError> {
    const FAULT: ClaimError =
        ClaimError::Type { claim: "cnf", expected: "`{jwk: {crv, kty, x}}` with a key of Ed25519" };
    exactly(json, &["jwk"]).ok_or(FAULT)?;
    let jwk = json.get("jwk").filter(|jwk| exactly(jwk, &["crv", "kty", "x"]).is_some()).ok_or(FAULT)?;
    let member = |name: &str| jwk.get(name).and_then(Json::as_str);
    if (member("kty"), member("crv")) != (Some("OKP"), Some("Ed25519")) {
        return Err(FAULT);
    }
    member("x").and_then(|x| PublicKey::from_x(x).ok()).ok_or(FAULT)
}

/// Says whether an object has these members and no others.
pub(super) fn exactly(json: &Json<'_>, names: &[&str]) -> Option<()> {
    let members = json.as_object()?;
    let all = members.len() == names.len() && members.iter().all(|(name, _)| names.contains(&name.as_ref()));
    all.then_some(())
}

pub(super) const REQUIRED: [&str; 10] =
    ["iss", "sub", "aud", "iat", "nbf", "exp", "jti", "act", "res", "req"];
pub(super) const OPTIONAL: [&str; 8] = ["con", "adg", "pol", "apr", "cnf", "par", "log", "ext"];
const LOG_TYPE: ClaimError = ClaimError::Type {
    claim: "log",
    expected: "`{leaf, seq, stream}` with a leaf of `sha-256:` and 64 hexadecimal digits",
};

/// What a token's claims may hold.
pub(super) const BOUNDS: Bounds = Bounds { depth: limits::TOKEN_DEPTH, members: limits::TOKEN_MEMBERS };

#[cfg(test)]
mod tests;
