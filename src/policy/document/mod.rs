//! What is written: the policy document, read but not yet compiled.
//!
//! Each struct is one table of the document and reads itself. Nothing here knows the condition language;
//! a condition is text with a place. Impossible counts and bounds are faults here.

mod approve;
mod case;
mod lint;
mod open;
mod read;
mod review;
mod terms;

use std::time::Duration;

pub(crate) use approve::{ApproveSpec, LeafSpec, VetoSpec};
pub(crate) use case::{BallotSpec, CaseSpec, GrantExpectSpec, KindSpec, StepSpec, VerdictSpec};
pub(crate) use lint::LintSpec;
pub(crate) use open::OpenSpec;
pub(crate) use read::{identifier, line};
pub(crate) use review::{EscalateSpec, May, ReviewSpec, StageSpec};
pub(crate) use terms::{AuthSpec, FieldSpec, GrantSpec, LimitBy, LimitSpec, NeedsSpec};

use self::read::{choice, level, prose, rules, span, table, texts};
use super::error::{Faults, Span};
use super::node::{Content, Fields, Node, Text};
use super::obligation::Obligation;
use super::window::Window;
use crate::limits;
use crate::payload::Dialect;
use crate::risk::Risk;

/// A whole document.
#[derive(Debug, Clone, Default)]
pub(crate) struct Document {
    pub(crate) name: Text,
    /// The base that this document adds to.
    pub(crate) extends: Option<Text>,
    pub(crate) opens: Vec<OpenSpec>,
    /// The tables that all rules share, as they are written: a review's plan carries them into the log.
    pub(crate) shared: Vec<(&'static str, Node)>,
    pub(crate) attributes: Vec<AttributeSpec>,
    pub(crate) actions: Vec<ActionSpec>,
    pub(crate) lets: Vec<(Text, Text)>,
    pub(crate) groups: Vec<(Text, GroupMode)>,
    pub(crate) defaults: Defaults,
    pub(crate) risks: Vec<RiskSpec>,
    pub(crate) forbids: Vec<RuleSpec>,
    pub(crate) holds: Vec<RuleSpec>,
    pub(crate) zones: Vec<ZoneSpec>,
    pub(crate) reviews: Vec<ReviewSpec>,
    pub(crate) emergencies: Vec<EmergencySpec>,
    pub(crate) cases: Vec<CaseSpec>,
    pub(crate) lints: Vec<LintSpec>,
}

/// `[attributes]`: one name of the vocabulary.
#[derive(Debug, Clone)]
pub(crate) struct AttributeSpec {
    pub(crate) path: Text,
    pub(crate) kind: Text,
    pub(crate) one_of: Vec<String>,
    pub(crate) from_caller: bool,
    pub(crate) personal: bool,
    pub(crate) matches: Option<Text>,
    pub(crate) because: Option<String>,
}

/// `[actions]`: what an action of this name must carry.
#[derive(Debug, Clone)]
pub(crate) struct ActionSpec {
    pub(crate) name: Text,
    pub(crate) payload: Option<String>,
    pub(crate) dialect: Option<Dialect>,
    /// The payload holds personal values.
    pub(crate) personal: bool,
}

/// `[defaults]`.
#[derive(Debug, Clone)]
pub(crate) struct Defaults {
    pub(crate) risk: Risk,
    pub(crate) grant: GrantSpec,
    pub(crate) expires: Duration,
    pub(crate) refresh: Duration,
}

/// What every rule has.
#[derive(Debug, Clone, Default)]
pub(crate) struct RuleSpec {
    pub(crate) id: Text,
    pub(crate) when: Text,
    pub(crate) because: Option<String>,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) obligations: Vec<Obligation>,
    pub(crate) window: Option<Window>,
    pub(crate) replaceable: Option<Span>,
    /// The scope of the base in which an extension's rule stands.
    pub(crate) scope: Option<Text>,
    /// The document that the rule belongs to; 0 is the base, also for a rule that replaces one of the base's.
    pub(crate) origin: usize,
    /// The document whose named conditions it can read.
    pub(crate) environment: usize,
    /// The scope by its place, and its ceiling.
    pub(crate) within: Option<(usize, Risk)>,
}

/// `[[risk]]`.
#[derive(Debug, Clone)]
pub(crate) struct RiskSpec {
    pub(crate) rule: RuleSpec,
    pub(crate) level: Risk,
}

/// `[[zone]]`.
#[derive(Debug, Clone)]
pub(crate) struct ZoneSpec {
    pub(crate) rule: RuleSpec,
    pub(crate) max_risk: Risk,
    pub(crate) needs: NeedsSpec,
    pub(crate) limit: Option<LimitSpec>,
    pub(crate) grant: GrantSpec,
}

/// `[[emergency]]`.
#[derive(Debug, Clone)]
pub(crate) struct EmergencySpec {
    pub(crate) rule: RuleSpec,
    pub(crate) grant: GrantSpec,
    pub(crate) limit: Option<LimitSpec>,
    pub(crate) review_within: Duration,
}

/// How the reviews of one group go together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GroupMode {
    /// Every matching review must approve.
    All,
    /// One of the matching reviews suffices.
    Any,
    /// Two matching reviews are ambiguous.
    One,
}

impl Default for Defaults {
    fn default() -> Self {
        Self {
            risk: Risk::High,
            grant: GrantSpec::default(),
            expires: Duration::from_secs(4 * 3600),
            refresh: limits::APPROVER_AGE,
        }
    }
}

impl Document {
    /// Drops what was written of the rules, once they are compiled: it is two thirds of what a policy holds.
    pub(crate) fn forget_rules(&mut self) {
        self.risks = Vec::new();
        self.forbids = Vec::new();
        self.holds = Vec::new();
        self.zones = Vec::new();
        self.reviews = Vec::new();
        self.emergencies = Vec::new();
    }

    /// Reads a document. What is missing or wrong is a fault; the rest is read all the same.
    pub(crate) fn read(root: &Node, faults: &mut Faults<'_>) -> Self {
        let mut document = Self::default();
        let Some(mut fields) = root.fields(faults, "a table") else { return document };
        match fields.required(faults, "format", "this library reads format 1") {
            None | Some(Node { content: Content::Int(1), .. }) => {}
            Some(other) => faults.add(&other.span, "expected format 1"),
        }
        if let Some(node) = fields.required(faults, "name", "a policy has a name") {
            document.name = identifier(node, faults).unwrap_or_default();
        }
        // Editors find the schema by it.
        fields.text(faults, "$schema");
        document.extends = fields.take("extends").and_then(|node| identifier(node, faults));
        let shared = ["format", "name", "attributes", "let", "defaults", "actions"];
        document.shared =
            shared.iter().filter_map(|name| Some((*name, fields.take(name)?.clone()))).collect();
        if let Some(node) = fields.take("attributes") {
            document.attributes = table(node, faults, "a table of attributes", AttributeSpec::read);
        }
        if let Some(node) = fields.take("actions") {
            document.actions = table(node, faults, "a table of actions", ActionSpec::read);
        }
        if let Some(node) = fields.take("let") {
            document.lets = table(node, faults, "a table of named conditions", |name, node, faults| {
                Some((name.clone(), node.text(faults, "a condition")?))
            });
        }
        if let Some(node) = fields.take("groups") {
            document.groups = table(node, faults, "a table of groups", |name, node, faults| {
                if name.text.is_empty() {
                    faults.add(&name.span, "a group has a name: reviews without one must all approve");
                }
                Some((name.clone(), choice(node, faults, &GROUP_MODES)?))
            });
        }
        if let Some(node) = fields.take("defaults") {
            document.defaults = Defaults::read(node, faults).unwrap_or_default();
        }
        document.risks = rules(&mut fields, faults, "risk", RiskSpec::read);
        document.forbids = rules(&mut fields, faults, "forbid", RuleSpec::read_alone);
        document.holds = rules(&mut fields, faults, "hold", RuleSpec::read_alone);
        document.zones = rules(&mut fields, faults, "zone", ZoneSpec::read);
        document.reviews = rules(&mut fields, faults, "review", ReviewSpec::read);
        document.emergencies = rules(&mut fields, faults, "emergency", EmergencySpec::read);
        document.cases = CaseSpec::read_all(&mut fields, faults);
        document.lints = rules(&mut fields, faults, "lint", LintSpec::read);
        document.opens = rules(&mut fields, faults, "open", OpenSpec::read);
        fields.finish(faults);
        document
    }

    /// All rules, kind by kind.
    pub(crate) fn rules(&self) -> impl Iterator<Item = &RuleSpec> {
        let risks = self.risks.iter().map(|spec| &spec.rule);
        let zones = self.zones.iter().map(|spec| &spec.rule);
        let reviews = self.reviews.iter().map(|spec| &spec.rule);
        let emergencies = self.emergencies.iter().map(|spec| &spec.rule);
        let plain = self.forbids.iter().chain(&self.holds);
        risks.chain(plain).chain(zones).chain(reviews).chain(emergencies)
    }
}

impl AttributeSpec {
    fn read(path: &Text, node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut spec = Self {
            path: path.clone(),
            kind: Text::default(),
            one_of: Vec::new(),
            from_caller: false,
            personal: false,
            matches: None,
            because: None,
        };
        if let Content::Text(kind) = &node.content {
            spec.kind = Text { text: kind.clone(), span: node.span.clone() };
            return Some(spec);
        }
        let mut fields = node.fields(faults, "a type such as `list<string>`, or a table")?;
        if !path.text.contains('.') && !fields.holds("type") {
            let example = format!("\"{}.…\"", crate::text::quote(&path.text));
            faults.add(&path.span, format!("expected a path in quotes, such as `{example}`"));
            return None;
        }
        let kind = fields.required(faults, "type", "a type such as `string` or `list<string>?`");
        spec.kind = kind?.text(faults, "a type")?;
        if let Some(node) = fields.take("one_of") {
            spec.one_of = texts(Some(node), faults).into_iter().map(|text| text.text).collect();
            if matches!(&node.content, Content::List(items) if items.is_empty()) {
                faults.add(&node.span, "no value is allowed: expected at least one");
            }
        }
        spec.from_caller =
            fields.take("source").and_then(|node| choice(node, faults, &SOURCES)).unwrap_or(false);
        spec.matches = fields.text(faults, "matches");
        spec.because = prose(&mut fields, faults, "because");
        spec.personal = fields.flag(faults, "personal", false);
        fields.finish(faults);
        Some(spec)
    }
}

impl ActionSpec {
    fn read(name: &Text, node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ payload = \"sql\" }`")?;
        let payload =
            fields.take("payload").and_then(|node| choice(node, faults, &PAYLOADS)).map(str::to_owned);
        let dialect = fields.take("dialect").and_then(|node| {
            let text = node.text(faults, "a dialect")?;
            let dialect = Dialect::from_name(&text.text);
            if dialect.is_none() {
                faults.add(&text.span, "expected `postgresql`, `mysql`, `sqlite` or `generic`");
            }
            dialect
        });
        if dialect.is_some() && payload.as_deref() != Some("sql") {
            faults.add(&fields.span, "`dialect` goes with `payload = \"sql\"`");
        }
        let personal = fields.flag(faults, "personal", false);
        if personal && payload.is_none() {
            faults.add(&fields.span, "`personal` goes with a `payload`");
        }
        fields.finish(faults);
        Some(Self { name: name.clone(), payload, dialect, personal })
    }
}

impl Defaults {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut defaults = Self::default();
        let mut fields = node.fields(faults, "a table")?;
        if let Some(risk) = fields.take("risk").and_then(|node| level(node, faults)) {
            defaults.risk = risk;
        }
        if let Some(grant) = fields.take("grant").and_then(|node| GrantSpec::read(node, faults)) {
            defaults.grant = grant.opening(faults);
        }
        if let Some(mut review) = fields.take("review").and_then(|node| node.fields(faults, "a table")) {
            defaults.refresh =
                review.take("refresh").and_then(|node| span(node, faults)).unwrap_or(defaults.refresh);
            defaults.expires =
                review.take("expires").and_then(|node| span(node, faults)).unwrap_or(defaults.expires);
            if let Some(nobody) = review.take("nobody") {
                choice(nobody, faults, &[("deny", ())]);
            }
            review.finish(faults);
        }
        fields.finish(faults);
        Some(defaults)
    }
}

impl RuleSpec {
    fn read(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Self {
        let id =
            fields.required(faults, "id", "every rule has an id").and_then(|node| identifier(node, faults));
        let when = fields.required(faults, "when", "the condition under which the rule matches");
        let window = Window::take(fields, faults);
        let when = when.and_then(|node| node.text(faults, "a condition"));
        Self { window, ..Self::with_when(id, when, fields, faults) }
    }

    fn with_when(
        id: Option<Text>,
        when: Option<Text>,
        fields: &mut Fields<'_>,
        faults: &mut Faults<'_>,
    ) -> Self {
        let because = prose(fields, faults, "because");
        let labels = labels(fields, faults);
        let obligations = Obligation::take(fields, faults);
        let replaceable = fields.take("replaceable").and_then(|node| match node.content {
            Content::Bool(flag) => flag.then(|| node.span.clone()),
            _ => {
                node.unexpected(faults, "true or false");
                None
            }
        });
        let scope = fields.text(faults, "in");
        let (id, when) = (id.unwrap_or_default(), when.unwrap_or_default());
        Self { id, when, because, labels, obligations, replaceable, scope, ..Self::default() }
    }

    fn read_alone(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let rule = Self::read(&mut fields, faults);
        fields.finish(faults);
        Some(rule)
    }
}

/// Reads `labels = { team = "payments" }`.
fn labels(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<(String, String)> {
    let Some(node) = fields.take("labels") else { return Vec::new() };
    let labels = table(node, faults, "a table such as `{ team = \"payments\" }`", |name, node, faults| {
        let named = Node { span: name.span.clone(), content: Content::Text(name.text.clone()) };
        Some((identifier(&named, faults)?.text, line(node, faults)?.text))
    });
    if labels.len() > limits::RULE_LABELS {
        let limit = limits::RULE_LABELS;
        faults.add(&node.span, format!("{} labels, limit is {limit}", labels.len()));
    }
    labels
}

impl RiskSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let rule = RuleSpec::read(&mut fields, faults);
        let level =
            fields.required(faults, "level", "the risk of what matches").and_then(|node| level(node, faults));
        fields.finish(faults);
        Some(Self { rule, level: level.unwrap_or(Risk::Critical) })
    }
}

impl ZoneSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let rule = RuleSpec::read(&mut fields, faults);
        let max_risk = fields
            .required(faults, "max_risk", "a zone always has a ceiling")
            .and_then(|node| level(node, faults));
        let needs = NeedsSpec::read(&mut fields, faults);
        let limit = fields.take("limit").and_then(|node| LimitSpec::read(node, faults));
        let grant = GrantSpec::take(&mut fields, faults).opening(faults);
        fields.finish(faults);
        Some(Self { rule, max_risk: max_risk.unwrap_or(Risk::Low), needs, limit, grant })
    }
}

impl EmergencySpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let rule = RuleSpec::read(&mut fields, faults);
        let limit = fields.take("limit").and_then(|node| LimitSpec::read(node, faults));
        let grant = GrantSpec::take(&mut fields, faults).opening(faults);
        let review_within = fields
            .required(faults, "review_within", "break-glass access owes a review")
            .and_then(|node| span(node, faults));
        fields.finish(faults);
        Some(Self { rule, grant, limit, review_within: review_within.unwrap_or_default() })
    }
}

const GROUP_MODES: [(&str, GroupMode); 3] =
    [("all", GroupMode::All), ("any", GroupMode::Any), ("one", GroupMode::One)];

/// Whether the caller may state an attribute.
const SOURCES: [(&str, bool); 2] = [("caller", true), ("attested", false)];

const PAYLOADS: [(&str, &str); 6] = [
    ("sql", "sql"),
    ("argv", "argv"),
    ("http", "http"),
    ("flag", "flag"),
    ("debug", "debug"),
    ("text", "text"),
];
