//! The terms on which a rule gives: what it needs, how often, and the bounds of its grants.

use std::time::Duration;

use super::read::{choice, count, prose, span, texts};
use crate::limits;
use crate::policy::error::{Faults, Span};
use crate::policy::node::{Content, Fields, Node, Text};

/// `needs = { fields = […], auth = { amr = […], acr = […], within = "…" } }`.
#[derive(Debug, Clone, Default)]
pub(crate) struct NeedsSpec {
    pub(crate) fields: Vec<FieldSpec>,
    pub(crate) auth: Option<Box<AuthSpec>>,
}

/// `"context.ticket"`, or `{ path = "context.ticket", matches = '…', min = 1, max = 10, because = "…" }`.
#[derive(Debug, Clone)]
pub(crate) struct FieldSpec {
    pub(crate) path: Text,
    pub(crate) matches: Option<Text>,
    /// In characters of a text, in elements of a list.
    pub(crate) min: Option<u32>,
    pub(crate) max: Option<u32>,
    pub(crate) because: Option<String>,
}

/// How and how lately the subject must have signed in: by one of the methods, in one of the classes, within
/// the time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AuthSpec {
    pub(crate) methods: Vec<String>,
    pub(crate) classes: Vec<String>,
    pub(crate) within: Option<Duration>,
}

/// `limit = { count = 20, per = "1h", by = "subject" }`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct LimitSpec {
    pub(crate) count: u64,
    pub(crate) per: Duration,
    pub(crate) by: LimitBy,
}

/// Whose uses a limit counts together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitBy {
    /// Each subject has its own slots.
    Subject,
    /// All subjects share the slots on one resource.
    Resource,
    /// All share the slots.
    Rule,
}

/// `grant = { … }`: what a rule says of a grant's bounds; the rest comes from the defaults.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct GrantSpec {
    pub(crate) span: Span,
    pub(crate) min: Option<Duration>,
    pub(crate) default: Option<Duration>,
    pub(crate) max: Option<Duration>,
    pub(crate) caps: Option<bool>,
    pub(crate) max_uses: Option<u64>,
    pub(crate) use_within: Option<Duration>,
    /// How much later than now a grant may be asked to start.
    pub(crate) start_later: Option<Duration>,
    pub(crate) not_before: Option<Text>,
    pub(crate) until: Option<Text>,
    pub(crate) extend: Option<ExtendSpec>,
}

/// `extend = { max = "1h", times = 1 }`: how much longer, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ExtendSpec {
    pub(crate) span: Span,
    pub(crate) max: Duration,
    pub(crate) times: u64,
}

impl NeedsSpec {
    pub(super) fn read(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Self {
        let mut needs = Self::default();
        let Some(mut inner) = fields.take("needs").and_then(|node| node.fields(faults, "a table")) else {
            return needs;
        };
        if let Some(node) = inner.take("fields") {
            let fields = node.list(faults, "a list of fields").iter();
            needs.fields = fields.filter_map(|node| FieldSpec::read(node, faults)).collect();
        }
        needs.auth = inner.take("auth").and_then(|node| AuthSpec::read(node, faults)).map(Box::new);
        inner.finish(faults);
        needs
    }
}

impl AuthSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut auth = node.fields(faults, "a table such as `{ amr = [\"otp\"], within = \"5m\" }`")?;
        let methods = words(&mut auth, faults, "amr");
        let classes = words(&mut auth, faults, "acr");
        let within = auth.take("within").and_then(|node| span(node, faults));
        if methods.is_empty() && classes.is_empty() && within.is_none() {
            faults.add(&auth.span, "nothing is needed: expected `amr`, `acr` or `within`");
        }
        auth.finish(faults);
        Some(Self { methods, classes, within })
    }
}

impl FieldSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        if let Content::Text(path) = &node.content {
            let path = Text { text: path.clone(), span: node.span.clone() };
            return Some(Self { path, matches: None, min: None, max: None, because: None });
        }
        let mut fields = node.fields(faults, "a path such as `\"context.ticket\"`, or a table")?;
        let path = fields.required(faults, "path", "the field that is needed");
        let path = path.and_then(|node| node.text(faults, "a path"));
        let matches = fields.text(faults, "matches");
        let min = fields.take("min").and_then(|node| count(node, faults));
        let max = fields.take("max").and_then(|node| count(node, faults));
        let because = prose(&mut fields, faults, "because");
        fields.finish(faults);
        if min.is_some_and(|min| max.is_some_and(|max| min > max)) {
            faults.add(&node.span, "impossible bounds: `min` is above `max`");
        }
        Some(Self { path: path?, matches, min, max, because })
    }
}

/// Reads a list of words of which one suffices.
fn words(fields: &mut Fields<'_>, faults: &mut Faults<'_>, name: &'static str) -> Vec<String> {
    texts(fields.take(name), faults).into_iter().map(|text| text.text).collect()
}

impl LimitSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields =
            node.fields(faults, "a table such as `{ count = 20, per = \"1h\", by = \"subject\" }`")?;
        let uses = fields.required(faults, "count", "how many uses").and_then(|node| count(node, faults));
        let per =
            fields.required(faults, "per", "the length of a window").and_then(|node| span(node, faults));
        let by = fields.take("by").map_or(Some(LimitBy::Subject), |node| choice(node, faults, &LIMIT_BY));
        fields.finish(faults);
        Some(Self { count: u64::from(uses?), per: per?, by: by? })
    }
}

impl GrantSpec {
    pub(super) fn take(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Self {
        fields.take("grant").and_then(|node| Self::read(node, faults)).unwrap_or_default()
    }

    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ default = \"15m\", max = \"1h\" }`")?;
        let mut take = |name, faults: &mut Faults<'_>| fields.take(name).and_then(|node| span(node, faults));
        let (min, default, max) = (take("min", faults), take("default", faults), take("max", faults));
        let (use_within, start_later) = (take("use_within", faults), take("start_later", faults));
        let (not_before, until) = (fields.text(faults, "not_before"), fields.text(faults, "until"));
        let caps = fields.take("over").and_then(|node| choice(node, faults, &OVER));
        let single_use = fields.flag(faults, "single_use", false);
        let max_uses = fields.take("max_uses").and_then(|node| count(node, faults));
        if single_use && max_uses.is_some() {
            faults.add(&fields.span, "`single_use` and `max_uses` say the same thing twice");
        }
        if let Some(uses) = max_uses.filter(|uses| i64::from(*uses) > limits::GRANT_USES) {
            let limit = limits::GRANT_USES;
            faults.add(&fields.span, format!("{uses} uses are more than a grant can have, limit is {limit}"));
        }
        let extend = fields.take("extend").and_then(|node| ExtendSpec::read(node, faults));
        fields.refuse(faults, &["on_withdraw"]);
        fields.finish(faults);
        for (low, high, words) in [
            (min, default, "`min` is above `default`"),
            (default, max, "`default` is above `max`"),
            (min, max, "`min` is above `max`"),
        ] {
            if low > high && high.is_some() {
                faults.add(&node.span, format!("impossible bounds: {words}"));
                break;
            }
        }
        let max_uses = if single_use { Some(1) } else { max_uses.map(u64::from) };
        let span = node.span.clone();
        Some(Self {
            span,
            min,
            default,
            max,
            caps,
            max_uses,
            use_within,
            start_later,
            not_before,
            until,
            extend,
        })
    }

    /// Refuses what only people allow.
    pub(super) fn opening(self, faults: &mut Faults<'_>) -> Self {
        if let Some(extend) = &self.extend {
            faults.add(&extend.span, "`extend` stands in the `grant` of a review: an extension asks people");
        }
        Self { extend: None, ..self }
    }
}

impl ExtendSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ max = \"1h\", times = 1 }`")?;
        let max = fields.required(faults, "max", "how much longer").and_then(|node| span(node, faults));
        let times = fields.take("times").map_or(Some(1), |node| count(node, faults));
        fields.finish(faults);
        Some(Self { span: node.span.clone(), max: max?, times: u64::from(times?) })
    }
}

const LIMIT_BY: [(&str, LimitBy); 3] =
    [("subject", LimitBy::Subject), ("resource", LimitBy::Resource), ("rule", LimitBy::Rule)];

const OVER: [(&str, bool); 2] = [("refuse", false), ("cap", true)];
