//! Tests beside the rules, as they are written.

use super::read::{level, texts};
use crate::policy::error::Faults;
use crate::policy::node::{Node, Text};
use crate::risk::Risk;

/// `[[case]]`: a test beside the rules.
#[derive(Debug, Clone)]
pub(crate) struct CaseSpec {
    pub(crate) name: Text,
    pub(crate) request: Node,
    pub(crate) now: Option<Text>,
    pub(crate) expect: ExpectSpec,
}

/// `expect = { effect = "…", … }`: what is left out is not checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExpectSpec {
    pub(crate) effect: Option<Text>,
    pub(crate) risk: Option<Risk>,
    pub(crate) rules: Option<Vec<Text>>,
    pub(crate) missing: Option<Vec<Text>>,
    pub(crate) reasons: Option<Vec<Text>>,
}

impl CaseSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let name =
            fields.required(faults, "name", "what the case shows").and_then(|node| node.text(faults, "text"));
        let request = fields.required(faults, "request", "the AuthZEN request to decide");
        let now = fields.text(faults, "now");
        let expect = fields.required(faults, "expect", "what the decision must be");
        let expect = expect.and_then(|node| ExpectSpec::read(node, faults));
        fields.refuse(faults, &["votes", "usage", "base"]);
        fields.finish(faults);
        Some(Self { name: name?, request: request?.clone(), now, expect: expect? })
    }
}

impl ExpectSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ effect = \"deny\" }`")?;
        let mut list =
            |name, faults: &mut Faults<'_>| fields.take(name).map(|node| texts(Some(node), faults));
        let (rules, missing, reasons) =
            (list("rules", faults), list("missing", faults), list("reasons", faults));
        let effect = fields.text(faults, "effect");
        let risk = fields.take("risk").and_then(|node| level(node, faults));
        fields.refuse(faults, &["approvers", "grant"]);
        let spec = Self { effect, risk, rules, missing, reasons };
        if let Some(effect) = &spec.effect
            && !EFFECTS.contains(&effect.text.as_str())
        {
            faults.add(&effect.span, "expected `allow`, `challenge`, `review` or `deny`");
        }
        if spec.is_empty() {
            faults.add(&fields.span, "a case that expects nothing tests nothing");
        }
        fields.finish(faults);
        Some(spec)
    }

    fn is_empty(&self) -> bool {
        self.effect.is_none()
            && self.risk.is_none()
            && self.rules.is_none()
            && self.missing.is_none()
            && self.reasons.is_none()
    }
}

const EFFECTS: [&str; 4] = ["allow", "challenge", "review", "deny"];
