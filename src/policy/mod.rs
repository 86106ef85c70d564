//! Policies: what is allowed, what needs whom, and what is never done.
//!
//! Reads a document, checks it whole, and compiles it once. A policy that has any fault does not exist:
//! whatever can be found at load is not left to production.

mod compile;
mod document;
mod error;
mod excerpt;
pub(crate) mod facts;
mod kind;
mod node;
pub(crate) mod schema;
#[cfg(feature = "toml")]
mod toml;
#[expect(dead_code, reason = "rules read it next")]
mod window;

use std::sync::Arc;

use sha2::{Digest, Sha256};

pub(crate) use compile::{Approve, Bounds, Needs, ReviewRule, Rule, Rules, Zone};
pub(crate) use document::{ActionSpec, CaseSpec, GroupMode, LimitBy, LimitSpec};
pub use error::{PolicyError, PolicyFault};
pub use kind::RuleKind;
pub(crate) use node::{Node, Text};

use self::compile::Compiler;
use self::document::Document;
use self::error::{Faults, Source};
use self::schema::Schema;
use crate::value::{Attributes, Value};
use crate::{cel, limits};

/// A checked and compiled policy. Cheap to clone; decisions need no lock.
///
/// ```
/// use countersign::{Action, Effect, Policy, Request, Resource, Subject};
///
/// let policy = Policy::from_toml(
///     r#"
///     format = 1
///     name = "staging-logs"
///
///     [attributes]
///     "resource.environment" = { type = "string", one_of = ["staging", "prod"] }
///
///     [defaults]
///     risk = "low"
///
///     [[zone]]
///     id = "staging"
///     when = 'action.name == "logs.read" && resource.environment == "staging"'
///     max_risk = "low"
///     "#,
/// )?;
/// let request = Request::new(
///     Subject::new("user", "ana"),
///     Action::new("logs.read"),
///     Resource::new("service", "orders").with("environment", "staging"),
/// );
/// let now = "2026-11-23T10:00:00Z".parse()?;
/// assert_eq!(policy.decide(&request, now).effect(), Effect::Allow);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Policy {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    digest: Arc<str>,
    document: Document,
    schema: Schema,
    rules: Rules,
}

impl Policy {
    /// Reads a policy from TOML. Faults name the file `policy.toml`.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the document.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        Self::from_documents([("policy.toml", text)])
    }

    /// Reads a policy from named TOML documents, so that faults name their file. This version composes no
    /// documents: it takes exactly one.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the document.
    #[cfg(feature = "toml")]
    pub fn from_documents<'a>(
        named: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        let mut named = named.into_iter();
        let (file, text) = named.next().unwrap_or(("policy.toml", ""));
        let mut faults = Faults::new(Source { file: file.into(), text });
        if let Some((other, _)) = named.next() {
            faults.add(
                &(0..0),
                format!("`{}` cannot be joined: one document is a policy", crate::text::quote(other)),
            );
        }
        if text.len() > limits::POLICY_BYTES {
            let limit = limits::POLICY_BYTES;
            faults.add(&(0..0), format!("policy document is {} bytes, limit is {limit}", text.len()));
            return Err(faults.into_error());
        }
        let root = toml::parse(&mut faults);
        if !faults.is_empty() {
            return Err(faults.into_error());
        }
        Self::compile(&root, cel::Limits::default(), faults, digest(text.as_bytes()))
    }

    /// Reads a policy back from a record, where it stands as JSON text.
    pub(crate) fn from_record(text: &str) -> Result<Self, PolicyError> {
        let mut faults = Faults::new(Source { file: "record".into(), text: "" });
        let root =
            serde_json::from_str::<Attributes>(text).ok().and_then(|value| Node::of(&Value::Map(value)));
        let Some(root) = root else {
            faults.add(&(0..0), "the recorded plan cannot be read");
            return Err(faults.into_error());
        };
        // What the host's bounds let in once is in force under any later ones.
        Self::compile(&root, cel::Limits::most(), faults, digest(text.as_bytes()))
    }

    /// Returns the digest of the document: `sha-256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// Returns the name of the document.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner.document.name.text
    }

    /// Returns the actions of the vocabulary, in document order; none where any action is decided.
    pub fn action_names(&self) -> impl ExactSizeIterator<Item = &str> {
        self.inner.document.actions.iter().map(|action| action.name.text.as_str())
    }

    /// Returns the ids of all rules with their kinds, in document order within each kind.
    pub fn rule_ids(&self) -> impl Iterator<Item = (RuleKind, &str)> {
        self.inner.rules.all().into_iter().map(|(kind, rule)| (kind, &*rule.id))
    }

    /// Returns the texts that an attribute can have, where the vocabulary lists them (`one_of`).
    ///
    /// ```
    /// let text = "format = 1\nname = 'x'\n[attributes]\n'resource.tier' = { type = 'string', one_of = ['a', 'b'] }";
    /// let policy = countersign::Policy::from_toml(text)?;
    /// assert_eq!(policy.values_of("resource.tier").collect::<Vec<_>>(), ["a", "b"]);
    /// # Ok::<(), countersign::PolicyError>(())
    /// ```
    pub fn values_of(&self, path: &str) -> impl Iterator<Item = &str> {
        let environment = &self.inner.schema.environment;
        let declared = environment.slot(path).and_then(|slot| environment.declaration(slot));
        declared.into_iter().flat_map(|declared| &declared.one_of).map(String::as_str)
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    pub(crate) fn actions(&self) -> &[ActionSpec] {
        &self.inner.document.actions
    }

    pub(crate) fn cases(&self) -> &[CaseSpec] {
        &self.inner.document.cases
    }

    pub(crate) fn shared_digest(&self) -> Arc<str> {
        self.inner.digest.clone()
    }

    fn compile(
        root: &Node,
        limits: cel::Limits,
        mut faults: Faults<'_>,
        digest: String,
    ) -> Result<Self, PolicyError> {
        let document = Document::read(root, &mut faults);
        let mut schema = Schema::new(&document, limits, &mut faults);
        schema.define(&document.lets, &mut faults);
        let rules = Compiler::new(&schema, &document, &mut faults).compile(&document);
        if !faults.is_empty() {
            return Err(faults.into_error());
        }
        Ok(Self { inner: Arc::new(Inner { digest: digest.into(), document, schema, rules }) })
    }
}

fn digest(document: &[u8]) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"countersign/policy/v1\0");
    hasher.update(document);
    format!("sha-256:{}", crate::hex::encode(&hasher.finalize()))
}

#[cfg(test)]
#[cfg(feature = "toml")]
mod tests {
    use super::*;

    #[test]
    fn excerpt_holds_what_its_reviews_can_name() {
        let text = r#"
            format = 1
            name = "x"
            [attributes]
            "subject.groups" = "list<string>"
            "resource.owner" = "string?"
            "approver.groups" = "list<string>"
            "context.ticket" = "string?"
            "context.unread" = "string?"
            [let]
            unread = 'subject.id == "ana"'
            owner = '"x" in approver.groups || team'
            team = 'resource.?owner.orValue("") in approver.groups'
            [[review]]
            id = "a"
            when = 'true'
            needs = { fields = ["context.ticket"] }
            approve = { from = 'owner' }
            [[review]]
            id = "b"
            when = 'unread && "a" in subject.groups'
            approve = { from = 'true' }
        "#;
        let policy = Policy::from_toml(text).unwrap();
        let [first, _] = policy.rules().reviews.as_slice() else { panic!("expected two reviews") };
        let excerpt = policy.excerpt(&[first]);
        let names = |table: &str| -> Vec<&str> {
            excerpt[table].as_object().unwrap().keys().map(String::as_str).collect()
        };
        assert_eq!(
            names("attributes"),
            ["approver.groups", "context.ticket", "resource.owner", "subject.groups"],
        );
        assert_eq!(names("let"), ["owner", "team"]);
        assert_eq!(excerpt["review"].as_array().unwrap().len(), 1);
        assert!(Policy::from_record(&excerpt.to_string()).is_ok());
    }
}
