//! What is known about an HTTP call.

use super::super::facts::{Facts, Members};
use super::graphql::Operation;
use crate::Attributes;
use crate::value::Value;

/// Every member of the fact `http` with its type, in the notation of a policy's vocabulary.
///
/// ```
/// use countersign::inspect::http::MEMBERS;
///
/// assert!(MEMBERS.contains(&("template", "string")));
/// ```
pub const MEMBERS: &[(&str, &str)] = &[
    ("authority", "string"),
    ("body_digest", "string"),
    ("effect", "string"),
    ("graphql", "string?"),
    ("idempotency_key", "bool"),
    ("idempotent", "bool"),
    ("method", "string"),
    ("parameters", "list<string>"),
    ("path", "string"),
    ("query", "bool"),
    ("template", "string"),
    ("understood", "bool"),
];

/// What a call promises to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HttpEffect {
    /// Asks for nothing to be changed.
    Read,
    /// May change something.
    Write,
}

/// Facts about an HTTP call.
///
/// ```
/// use countersign::Payload;
/// use countersign::inspect::http::{self, HttpEffect};
///
/// let facts = http::inspect(&Payload::http("DELETE", "https://orders.example/v1/orders/4711", b""));
/// assert_eq!(facts.effect(), Some(HttpEffect::Write));
/// assert_eq!(facts.template(), Some("/v1/orders/{id}"));
/// assert_eq!(facts.idempotent(), Some(true));
/// ```
pub type HttpFacts = Facts<Known>;

/// The facts of an understood call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub(super) authority: String,
    pub(super) body_digest: String,
    pub(super) effect: HttpEffect,
    pub(super) graphql: Option<Operation>,
    pub(super) idempotency_key: bool,
    pub(super) idempotent: bool,
    pub(super) method: String,
    pub(super) parameters: Vec<String>,
    pub(super) path: String,
    pub(super) query: bool,
    pub(super) template: String,
}

impl HttpEffect {
    /// Returns the effect's name as conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

impl HttpFacts {
    /// Returns what the call promises: a safe method reads (RFC 9110, section 9.2.1), and so does a POST to
    /// a path that ends in `/graphql` with nothing but queries.
    #[must_use]
    pub fn effect(&self) -> Option<HttpEffect> {
        self.known().map(|known| known.effect)
    }

    /// Returns the method.
    #[must_use]
    pub fn method(&self) -> Option<&str> {
        self.known().map(|known| known.method.as_str())
    }

    /// Returns the host in lower case, and its port where it is not the scheme's own.
    #[must_use]
    pub fn authority(&self) -> Option<&str> {
        self.known().map(|known| known.authority.as_str())
    }

    /// Returns the path as it is written.
    #[must_use]
    pub fn path(&self) -> Option<&str> {
        self.known().map(|known| known.path.as_str())
    }

    /// Returns the path with `{id}` for each segment that is a number, a UUID, or at least eight
    /// hexadecimal digits of which one is a decimal digit. All else stands as it is written: case and a `/`
    /// at the end count.
    #[must_use]
    pub fn template(&self) -> Option<&str> {
        self.known().map(|known| known.template.as_str())
    }

    /// Returns the names of the query's parameters, decoded, sorted, each once.
    #[must_use]
    pub fn parameters(&self) -> &[String] {
        self.known().map_or(&[], |known| &known.parameters)
    }

    /// Says whether the URL has a query.
    #[must_use]
    pub fn has_query(&self) -> Option<bool> {
        self.known().map(|known| known.query)
    }

    /// Says whether the method is idempotent (RFC 9110, section 9.2.2).
    #[must_use]
    pub fn idempotent(&self) -> Option<bool> {
        self.known().map(|known| known.idempotent)
    }

    /// Says whether the call has a header `Idempotency-Key` that is not empty
    /// (draft-ietf-httpapi-idempotency-key-header).
    #[must_use]
    pub fn idempotency_key(&self) -> Option<bool> {
        self.known().map(|known| known.idempotency_key)
    }

    /// Returns `sha-256:` and the digest of the body's bytes.
    #[must_use]
    pub fn body_digest(&self) -> Option<&str> {
        self.known().map(|known| known.body_digest.as_str())
    }

    /// Returns the strongest GraphQL operation of the call, if it has one.
    #[must_use]
    pub fn graphql(&self) -> Option<Operation> {
        self.known().and_then(|known| known.graphql)
    }
}

impl Members for Known {
    fn add_to(&self, members: &mut Attributes) {
        members.insert("authority", &self.authority);
        members.insert("body_digest", &self.body_digest);
        members.insert("effect", self.effect.as_str());
        members.insert("idempotency_key", self.idempotency_key);
        members.insert("idempotent", self.idempotent);
        members.insert("method", &self.method);
        members.insert("parameters", self.parameters.iter().map(Value::from).collect::<Vec<_>>());
        members.insert("path", &self.path);
        members.insert("query", self.query);
        members.insert("template", &self.template);
        if let Some(operation) = self.graphql {
            members.insert("graphql", operation.as_str());
        }
    }
}
