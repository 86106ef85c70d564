//! Policies: what is allowed, what needs whom, and what is never done.
//!
//! Reads a document, checks it whole, and compiles it once. A policy that has any fault does not exist:
//! whatever can be found at load is not left to production.

mod compile;
mod compose;
mod document;
mod error;
mod excerpt;
pub(crate) mod facts;
mod index;
mod json;
mod keys;
mod kind;
mod lint;
mod load;
mod node;
mod obligation;
mod options;
pub(crate) mod personal;
pub(crate) mod schema;
#[cfg(feature = "toml")]
mod toml;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;

use sha2::{Digest, Sha256};

pub(crate) use compile::{
    Approve, Bounds, Emergency, Field, Leaf, Needs, ReviewRule, Rule, Rules, Stage, Veto, Zone,
};
pub(crate) use document::{
    ActionSpec, AuthSpec, BallotSpec, CaseSpec, GrantExpectSpec, GroupMode, KindSpec, LimitBy, LimitSpec,
    May, StepSpec, VerdictSpec,
};
pub use error::{PolicyError, PolicyFault};
pub(crate) use index::{Candidates, Index, Kind};
pub use kind::RuleKind;
pub use lint::Lint;
pub(crate) use node::{Node, Text};
pub use obligation::Obligation;
pub use options::PolicyOptions;
pub(crate) use window::Window;

use self::compile::Compiler;
pub(crate) use self::document::Document;
pub(crate) use self::error::Lines;
use self::error::{Faults, Source};
use self::schema::Schema;
use crate::value::{Attributes, Value};

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
    assumes_host: bool,
}

#[derive(Debug)]
struct Inner {
    digest: Arc<str>,
    document: Document,
    schema: Schema,
    rules: Rules,
    index: Index,
    lines: Arc<Lines>,
    warnings: Vec<PolicyFault>,
    /// The labels of the rules that have any.
    labels: BTreeMap<String, Vec<(String, String)>>,
    options: PolicyOptions,
}

impl Policy {
    /// Reads a policy from TOML. Faults name the file `policy.toml`.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the document.
    #[cfg(feature = "toml")]
    pub fn from_toml(text: &str) -> Result<Self, PolicyError> {
        PolicyOptions::new().from_toml(text)
    }

    /// Reads a policy from JSON: the same model, and the same digest, as in TOML. Faults name the file
    /// `policy.json`.
    ///
    /// ```
    /// use countersign::Policy;
    ///
    /// let json = r#"{"format": 1, "name": "x", "hold": [{"id": "all", "when": "true"}]}"#;
    /// let toml = "format = 1\nname = 'x'\n[[hold]]\nid = 'all'\nwhen = 'true'  # for now\n";
    /// assert_eq!(Policy::from_json(json)?.digest(), Policy::from_toml(toml)?.digest());
    /// # Ok::<(), countersign::PolicyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the document; of its syntax, the first.
    pub fn from_json(text: &str) -> Result<Self, PolicyError> {
        PolicyOptions::new().from_json(text)
    }

    /// Reads a policy from named documents: a base, and any that extend it. A name that ends in `.json` is
    /// JSON, every other one TOML. The order of the documents makes no difference.
    ///
    /// ```
    /// use countersign::Policy;
    ///
    /// let base = "format = 1\nname = 'base'\n[[open]]\nid = 'logs'\nwhen = 'action.name == \"logs.read\"'\n\
    ///             may = ['zone']\nmax_risk = 'low'\n";
    /// let team = "format = 1\nname = 'team'\nextends = 'base'\n[[zone]]\nid = 'ours'\nin = 'logs'\n\
    ///             when = 'resource.id == \"orders\"'\nmax_risk = 'low'\n";
    /// let policy = Policy::from_documents([("base.toml", base), ("team.toml", team)])?;
    /// assert_eq!(policy.name(), "base");
    /// # Ok::<(), countersign::PolicyError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the documents.
    pub fn from_documents<'a>(
        named: impl IntoIterator<Item = (&'a str, &'a str)>,
    ) -> Result<Self, PolicyError> {
        PolicyOptions::new().from_documents(named)
    }

    /// Reads a policy back from a record, where it stands as JSON text.
    pub(crate) fn from_record(text: &str) -> Result<Self, PolicyError> {
        let mut faults = Faults::new(Source::new("record", ""));
        let root =
            serde_json::from_str::<Attributes>(text).ok().and_then(|value| Node::of(&Value::Map(value)));
        let Some(root) = root else {
            faults.add(&(0..0), "the recorded plan cannot be read");
            return Err(faults.into_error());
        };
        let document = Document::read(&root, &mut faults);
        Self::compile(vec![document], &[], faults, digest(&[text], None), PolicyOptions::recorded())
    }

    /// Returns the digest of all that decides: the documents, whatever their order, their format and their
    /// comments, and [`PolicyOptions`] that are not the default. `sha-256:` and 64 hexadecimal digits.
    #[must_use]
    pub fn digest(&self) -> &str {
        &self.inner.digest
    }

    /// Returns the name of the document, or of the base.
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

    /// Returns what loads and is yet probably not meant, in the order of the places. Each has a code
    /// ([`PolicyFault::lint`]); `[[lint]]` in the document allows what was looked at.
    pub fn warnings(&self) -> impl ExactSizeIterator<Item = &PolicyFault> {
        self.inner.warnings.iter()
    }

    pub(crate) fn schema(&self) -> &Schema {
        &self.inner.schema
    }

    pub(crate) fn rules(&self) -> &Rules {
        &self.inner.rules
    }

    pub(crate) fn index(&self) -> &Index {
        &self.inner.index
    }

    pub(crate) fn actions(&self) -> &[ActionSpec] {
        &self.inner.document.actions
    }

    pub(crate) fn cases(&self) -> &[CaseSpec] {
        &self.inner.document.cases
    }

    pub(crate) fn document(&self) -> &Document {
        &self.inner.document
    }

    /// Returns the id of the scope that a condition reads by a name.
    pub(crate) fn scope(&self, name: &str) -> Option<&str> {
        self.inner.document.opens.get(compile::scope_of(name)?).map(|open| open.id.text.as_str())
    }

    pub(crate) fn lines(&self) -> &Lines {
        &self.inner.lines
    }

    pub(crate) fn shared_digest(&self) -> Arc<str> {
        self.inner.digest.clone()
    }

    /// Returns the labels of a rule, by its id.
    pub fn labels(&self, rule: &str) -> impl Iterator<Item = (&str, &str)> {
        let labels = self.inner.labels.get(rule).map(Vec::as_slice).unwrap_or_default();
        labels.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Says whether the host fulfils a kind of obligation.
    pub(crate) fn is_fulfilled(&self, kind: &str) -> bool {
        self.assumes_host || self.inner.options.fulfils(kind)
    }

    /// Takes every obligation for fulfilled, as cases do: they test the documents and not the host.
    pub(crate) fn assuming_host(&self) -> Self {
        Self { assumes_host: true, ..self.clone() }
    }

    /// Compiles documents. What their roots are given for is looked at by the linter; a policy from a record was
    /// looked at when it was loaded.
    fn compile(
        documents: Vec<Document>,
        roots: &[Node],
        mut faults: Faults<'_>,
        digest: String,
        options: PolicyOptions,
    ) -> Result<Self, PolicyError> {
        let (mut document, lets) = compose::compose(documents, &mut faults);
        let rules = document.rules().count();
        if rules > options.max_rules {
            faults.add(&(0..0), format!("policy has {rules} rules, limit is {}", options.max_rules));
            return Err(faults.into_error());
        }
        let mut schema = Schema::new(&document, options.limits, &mut faults);
        let environments = schema.define(&lets, &document.opens, &mut faults);
        let longest = options.max_grant;
        let compiler = Compiler::new(&schema, &environments, &document, &mut faults, longest);
        let rules = compiler.compile(&document);
        if !faults.is_empty() {
            return Err(faults.into_error());
        }
        if !roots.is_empty() {
            lint::look(roots, &document, &schema, &rules, &mut faults);
        }
        let lines = faults.lines();
        let warnings = faults.into_warnings()?;
        let labelled = document.rules().filter(|rule| !rule.labels.is_empty());
        let labels = labelled.map(|rule| (rule.id.text.clone(), rule.labels.clone())).collect();
        document.forget_rules();
        let index = Index::new(&rules);
        let inner =
            Inner { digest: digest.into(), document, schema, rules, index, lines, warnings, labels, options };
        Ok(Self { inner: Arc::new(inner), assumes_host: false })
    }
}

/// Digests documents, whose texts are in order, and options that decide.
fn digest<T: AsRef<[u8]>>(documents: &[T], options: Option<&str>) -> String {
    let mut hasher = Sha256::new();
    hasher.update(b"countersign/policy/v2\0");
    for text in documents.iter().map(AsRef::as_ref).chain(options.map(str::as_bytes)) {
        hasher.update(u64::try_from(text.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(text);
    }
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
