//! What ties an access request to the denial before it.
//!
//! A binding token is a compact JWS of the strict shape that grants have, with a type of its own. It says who was
//! denied what as one digest, so that it shows the enforcement point nothing and fits whatever the payload. Nothing
//! in it is believed before its signature holds, and it allows nothing: it lets somebody ask.

use serde_json::json;
use sha2::{Digest, Sha256};

use super::BindingFault;
use crate::grant::{Algorithm, Token, seal, signing_input};
use crate::json::{Bounds, Json};
use crate::keys::{KeySet, Lookup, SigningKey, base64url};
use crate::limits;
use crate::payload::length;
use crate::request::Request;
use crate::value::{Attributes, Value};

/// What a binding token says (docs/formats.md, "Binding token").
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Binding {
    pub(super) issuer: String,
    pub(super) audience: String,
    pub(super) tenant: Option<String>,
    /// `jti`: for one submission.
    pub(super) id: String,
    pub(super) evaluation: String,
    pub(super) issued_at: i64,
    pub(super) expires_at: i64,
    pub(super) policy: String,
    /// The members of the context that the digest covers.
    pub(super) context: Vec<String>,
    pub(super) digest: String,
}

impl Binding {
    /// Signs the token. `None` where no reader would take it.
    pub(super) fn sign(&self, key: &SigningKey) -> Option<String> {
        let mut claims = json!({
            "aud": self.audience, "binding_context_members": self.context, "denial_expires_at": self.expires_at,
            "evaluation_id": self.evaluation, "exp": self.expires_at, "iat": self.issued_at, "iss": self.issuer,
            "jti": self.id, "pol": self.policy, "request_digest": self.digest,
        });
        if let (Some(tenant), Some(claims)) = (&self.tenant, claims.as_object_mut()) {
            claims.insert("tenant".to_owned(), tenant.as_str().into());
        }
        let kid = key.public_ref().thumbprint();
        let input = signing_input(TYP, Algorithm::default(), kid, &claims.to_string());
        let signature = key.sign(input.as_bytes());
        Some(seal(input, &signature)).filter(|token| token.len() <= limits::TOKEN_BYTES)
    }

    /// Reads a token whose signature is by one of the keys.
    pub(super) fn open(text: &str, keys: &KeySet) -> Result<Self, BindingFault> {
        let token = Token::read(text, limits::TOKEN_BYTES, TYP)?;
        let Lookup::Found(key) = keys.lookup(&token.key_id) else { return Err(BindingFault::Signature) };
        if !key.verify_strict(token.signed, &token.signature) {
            return Err(BindingFault::Signature);
        }
        let claims = token.claims(BOUNDS)?;
        let text = |claim| {
            let text = claims.get(claim).and_then(Json::as_str);
            text.map(str::to_owned).ok_or(BindingFault::Claim { claim })
        };
        let time = |claim| claims.get(claim).and_then(Json::as_integer).ok_or(BindingFault::Claim { claim });
        let names = |claim| {
            let names = claims.get(claim).and_then(Json::as_array).ok_or(BindingFault::Claim { claim })?;
            let names = names.iter().map(|name| name.as_str().map(str::to_owned));
            names.collect::<Option<_>>().ok_or(BindingFault::Claim { claim })
        };
        let expires_at = time("exp")?;
        if time("denial_expires_at")? != expires_at {
            return Err(BindingFault::Claim { claim: "denial_expires_at" });
        }
        Ok(Self {
            issuer: text("iss")?,
            audience: text("aud")?,
            tenant: claims.get("tenant").map(|_| text("tenant")).transpose()?,
            id: text("jti")?,
            evaluation: text("evaluation_id")?,
            issued_at: time("iat")?,
            expires_at,
            policy: text("pol")?,
            context: names("binding_context_members")?,
            digest: text("request_digest")?,
        })
    }
}

/// Names the members of a request's context that a denial binds where the host names none: all but the
/// profile's own, and the time.
pub(super) fn context_of(request: &Request) -> Vec<String> {
    let bound = request.context_names().filter(|name| !UNBOUND.contains(name));
    let mut names: Vec<String> = bound.map(str::to_owned).collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// Digests who wants to do what on what, and the named members of the context (docs/formats.md, "Request
/// digest").
pub(super) fn digest(request: &Request, context: &[String]) -> String {
    let subject = |subject: &crate::request::Subject| {
        let mut properties = subject.properties().clone();
        // The enforcement point may move the actor to `client` (section on delegation).
        properties.remove("act");
        entity(subject.kind(), subject.id(), properties)
    };
    let action = request.action();
    let mut bound = Attributes::new();
    bound.insert("subject", subject(request.subject()));
    bound.insert("actors", request.actors().map(subject).collect::<Vec<_>>());
    bound.insert("action", action.name());
    bound.insert("properties", canonical(&Value::Map(action.properties().clone())));
    bound.insert("payload", action.payload().and(request.action_digest()).unwrap_or_default());
    let resources = request.resources();
    bound.insert(
        "resources",
        resources.map(|one| entity(one.kind(), one.id(), one.properties().clone())).collect::<Vec<_>>(),
    );
    bound.insert("audience", request.audience());
    let context: Attributes = context
        .iter()
        .filter_map(|name| request.context(name).map(|(value, _)| (name.as_str(), canonical(value))))
        .collect();
    bound.insert("context", context);
    framed(b"countersign/denial/v1", &bound)
}

/// Digests attributes: each part is preceded by its length.
pub(super) fn framed(label: &[u8], attributes: &Attributes) -> String {
    let mut hash = Sha256::new();
    let mut put = |part: &[u8]| {
        hash.update(length(part.len()));
        hash.update(part);
    };
    put(label);
    attributes.for_each_part(&mut put);
    base64url(&hash.finalize())
}

fn entity(kind: &str, id: &str, properties: Attributes) -> Value {
    let mut entity = Attributes::new();
    entity.insert("type", kind);
    entity.insert("id", id);
    entity.insert("properties", canonical(&Value::Map(properties)));
    Value::Map(entity)
}

/// Writes equal numbers alike (RFC 8785, section 3.2.2.3): an enforcement point may write `1.0` as `1`.
fn canonical(value: &Value) -> Value {
    match value {
        Value::Double(number) if number.fract() == 0.0 && number.abs() < EXACT => {
            format!("{number:.0}").parse::<i64>().map_or_else(|_| value.clone(), Value::Int)
        }
        Value::List(items) => Value::List(items.iter().map(canonical).collect()),
        Value::Map(members) => {
            Value::Map(members.iter().map(|(name, value)| (name, canonical(value))).collect())
        }
        other => other.clone(),
    }
}

/// The type of a binding token (RFC 8725, section 3.11).
const TYP: &str = "jit-denial+jwt";

/// Members of a context that no denial binds.
const UNBOUND: [&str; 5] = ["access_request", "approval", "evaluated_at", "evaluation_id", "time"];

/// Whole numbers below it are exact as doubles.
const EXACT: f64 = 9_007_199_254_740_992.0;

const BOUNDS: Bounds = Bounds { depth: limits::TOKEN_DEPTH, members: limits::TOKEN_MEMBERS };

#[cfg(test)]
mod tests {
    use super::*;
    use crate::request::{Action, Resource, Subject};

    fn request() -> Request {
        let flag = Resource::new("flag", "new-checkout");
        let ana = Subject::new("user", "ana").with("groups", ["sre"]).with("act", "agent");
        Request::new(ana, Action::new("flag.set").with("percent", 50.0), flag)
            .with_actor(Subject::new("user", "bo"))
            .with("ticket", "T-1")
            .with("weight", 2.0)
            .with("time", "2026-11-23T10:00:00Z")
    }

    /// Computed apart from the library, with another language's hash.
    #[test]
    fn digest_is_that_of_the_format() {
        let context = context_of(&request());
        assert_eq!(context, ["ticket", "weight"]);
        assert_eq!(digest(&request(), &context), "3kDpcPart5IbMQiJLInF2cMYQV0sK-SGfsA-euYaNdE");
    }

    #[test]
    fn digest_covers_audience_and_every_resource() {
        let one = digest(&request(), &[]);
        let several = ["new-checkout", "other"].map(|id| Resource::new("flag", id));
        assert_ne!(digest(&request().with_resources(several), &[]), one);
        assert_ne!(digest(&request().with_audience("elsewhere"), &[]), one);
        assert_eq!(digest(&request().with("more", 1), &[]), one);
    }

    #[test]
    fn token_without_one_of_its_claims_is_refused() {
        let key = SigningKey::from_seed([7; 32]);
        let keys = KeySet::new([key.public()]);
        let binding = Binding {
            issuer: "https://jit.example".into(),
            audience: "https://jit.example/access/v1/requests".into(),
            tenant: Some("eu".into()),
            id: "t".into(),
            evaluation: "e".into(),
            issued_at: 1_800_000_000,
            expires_at: 1_800_000_600,
            policy: "sha-256:p".into(),
            context: vec!["ticket".into()],
            digest: "d".into(),
        };
        let token = binding.sign(&key).unwrap();
        assert_eq!(Binding::open(&token, &keys), Ok(binding));
        let claims =
            Token::read(&token, limits::TOKEN_BYTES, TYP).unwrap().claims(BOUNDS).unwrap().to_value();
        let open = |claims: &serde_json::Value| {
            let input =
                signing_input(TYP, Algorithm::default(), key.public_ref().thumbprint(), &claims.to_string());
            let signature = key.sign(input.as_bytes());
            Binding::open(&seal(input, &signature), &keys)
        };
        assert!(open(&claims).is_ok());
        for (name, value) in claims.as_object().unwrap() {
            let mut less = claims.clone();
            less.as_object_mut().unwrap().remove(name);
            let refused = open(&less).err();
            let claim = refused.as_ref().map(|fault| match fault {
                BindingFault::Claim { claim } => *claim,
                other => panic!("{other}"),
            });
            assert_eq!(claim, (name != "tenant").then_some(name.as_str()));
            let mut other = claims.clone();
            other[name] = if value.is_string() { json!(7) } else { json!("7") };
            assert!(open(&other).is_err(), "{name}");
        }
        let mut later = claims.clone();
        later["denial_expires_at"] = json!(1_800_000_601);
        assert_eq!(open(&later), Err(BindingFault::Claim { claim: "denial_expires_at" }));
    }
}
