//! The terms on which a rule gives: what it needs, how often, and the bounds of its grants.

use std::time::Duration;

use super::read::{choice, count, span, texts};
use crate::limits;
use crate::policy::error::{Faults, Span};
use crate::policy::node::{Fields, Node, Text};

/// `needs = { fields = […], auth = { amr = […], within = "…" } }`.
#[derive(Debug, Clone, Default)]
pub(crate) struct NeedsSpec {
    pub(crate) fields: Vec<Text>,
    pub(crate) auth: Option<AuthSpec>,
}

/// How and how lately the subject must have signed in: by one of the methods, within the time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct AuthSpec {
    pub(crate) methods: Vec<String>,
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
#[derive(Debug, Clone, Default)]
pub(crate) struct GrantSpec {
    pub(crate) span: Span,
    pub(crate) min: Option<Duration>,
    pub(crate) default: Option<Duration>,
    pub(crate) max: Option<Duration>,
    pub(crate) caps: Option<bool>,
    pub(crate) max_uses: Option<u64>,
    pub(crate) use_within: Option<Duration>,
}

impl NeedsSpec {
    pub(super) fn read(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Self {
        let mut needs = Self::default();
        let Some(mut inner) = fields.take("needs").and_then(|node| node.fields(faults, "a table")) else {
            return needs;
        };
        needs.fields = texts(inner.take("fields"), faults);
        needs.auth = inner.take("auth").and_then(|node| AuthSpec::read(node, faults));
        inner.finish(faults);
        needs
    }
}

impl AuthSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut auth = node.fields(faults, "a table such as `{ amr = [\"otp\"], within = \"5m\" }`")?;
        let methods: Vec<String> =
            texts(auth.take("amr"), faults).into_iter().map(|text| text.text).collect();
        let within = auth.take("within").and_then(|node| span(node, faults));
        if methods.is_empty() && within.is_none() {
            faults.add(&auth.span, "nothing is needed: expected `amr`, `within` or both");
        }
        auth.refuse(faults, &["acr"]);
        auth.finish(faults);
        Some(Self { methods, within })
    }
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
        let use_within = take("use_within", faults);
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
        fields.refuse(faults, &["extend", "until", "not_before", "on_withdraw"]);
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
        Some(Self { span: node.span.clone(), min, default, max, caps, max_uses, use_within })
    }
}

const LIMIT_BY: [(&str, LimitBy); 3] =
    [("subject", LimitBy::Subject), ("resource", LimitBy::Resource), ("rule", LimitBy::Rule)];

const OVER: [(&str, bool); 2] = [("refuse", false), ("cap", true)];
