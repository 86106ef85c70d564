//! Open scopes, as they are written: where extensions of a policy may add rules that let something happen.

use super::read::{choice, identifier, level, prose};
use crate::policy::error::Faults;
use crate::policy::kind::RuleKind;
use crate::policy::node::{Node, Text};
use crate::risk::Risk;

/// `[[open]]`.
#[derive(Debug, Clone)]
pub(crate) struct OpenSpec {
    pub(crate) id: Text,
    pub(crate) when: Text,
    pub(crate) may: Vec<RuleKind>,
    pub(crate) max_risk: Risk,
}

impl OpenSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let id =
            fields.required(faults, "id", "every scope has an id").and_then(|node| identifier(node, faults));
        let when = fields.required(faults, "when", "the condition that every rule in the scope gets");
        let when = when.and_then(|node| node.text(faults, "a condition"));
        let max_risk = fields.required(faults, "max_risk", "a scope always has a ceiling");
        let max_risk = max_risk.and_then(|node| level(node, faults));
        let may = fields.required(faults, "may", "which kinds of rules extensions may add").map(|node| {
            let kinds = node.list(faults, "a list such as `[\"zone\", \"review\"]`");
            if kinds.is_empty() {
                faults.add(&node.span, "nothing is open: expected at least one kind of rule");
            }
            kinds.iter().filter_map(|node| choice(node, faults, &OPENING)).collect()
        });
        prose(&mut fields, faults, "because");
        fields.finish(faults);
        Some(Self { id: id?, when: when?, may: may?, max_risk: max_risk? })
    }
}

const OPENING: [(&str, RuleKind); 3] =
    [("zone", RuleKind::Zone), ("review", RuleKind::Review), ("emergency", RuleKind::Emergency)];
