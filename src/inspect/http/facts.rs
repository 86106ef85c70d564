//! What is known about an HTTP call.

use super::super::Obstacle;
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
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpFacts {
    state: Result<Box<Known>, Obstacle>,
}

/// The facts of an understood call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Known {
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
    pub(super) fn new(state: Result<Known, Obstacle>) -> Self {
        Self { state: state.map(Box::new) }
    }

    /// Says whether the whole call was explained. If not, no other fact is known.
    #[must_use]
    pub fn understood(&self) -> bool {
        self.state.is_ok()
    }

    /// Returns why the call was not understood.
    #[must_use]
    pub fn obstacle(&self) -> Option<&Obstacle> {
        self.state.as_ref().err()
    }

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

    /// Returns the facts as conditions see them: the members of [`MEMBERS`], or `understood` alone.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        let mut members = Attributes::new();
        members.insert("understood", self.understood());
        if let Some(known) = self.known() {
            members.insert("authority", &known.authority);
            members.insert("body_digest", &known.body_digest);
            members.insert("effect", known.effect.as_str());
            members.insert("idempotency_key", known.idempotency_key);
            members.insert("idempotent", known.idempotent);
            members.insert("method", &known.method);
            members.insert("parameters", known.parameters.iter().map(Value::from).collect::<Vec<_>>());
            members.insert("path", &known.path);
            members.insert("query", known.query);
            members.insert("template", &known.template);
            if let Some(operation) = known.graphql {
                members.insert("graphql", operation.as_str());
            }
        }
        members
    }

    fn known(&self) -> Option<&Known> {
        self.state.as_ref().ok().map(|known| &**known)
    }
}
