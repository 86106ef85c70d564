//! Findings of the linter that somebody looked at and left as they are.

use super::read::prose;
use crate::policy::error::{Faults, Span};
use crate::policy::lint::Lint;
use crate::policy::node::{Node, Text};
use crate::text::quote;

/// `[[lint]]`: findings about one thing that are allowed, and why.
#[derive(Debug, Clone)]
pub(crate) struct LintSpec {
    pub(crate) allow: Vec<(Lint, Span)>,
    /// The id of a rule, the path of an attribute, the name of a `[let]`, of a case or of the policy.
    pub(crate) of: Text,
}

impl LintSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let codes = fields.required(faults, "allow", "the codes, such as `[\"L002\"]`");
        let allow: Vec<(Lint, Span)> = codes
            .map(Node::one_or_many)
            .unwrap_or_default()
            .iter()
            .filter_map(|node| Some((code(node, faults)?, node.span.clone())))
            .collect();
        let of = fields.required(faults, "of", "the rule, attribute, name or case that is found");
        let of = of.and_then(|node| node.text(faults, "a string"));
        if fields.required(faults, "because", "whoever allows a finding says why").is_some() {
            let because = prose(&mut fields, faults, "because");
            if because.as_deref().is_some_and(crate::text::is_blank) {
                faults.add(&node.span, "`because` is empty: whoever allows a finding says why");
            }
        }
        fields.finish(faults);
        Some(Self { allow, of: of? })
    }
}

fn code(node: &Node, faults: &mut Faults<'_>) -> Option<Lint> {
    let text = node.text(faults, "a code such as `L002`")?;
    let lint = Lint::from_code(&text.text);
    match lint {
        None => {
            let last = Lint::ALL.last().map_or("", |lint| lint.code());
            let found = quote(&text.text);
            faults.add(&text.span, format!("unknown code `{found}`, expected `L001` to `{last}`"));
        }
        Some(lint) if lint.is_error() => {
            faults.add(&text.span, format!("`{lint}` is an error and cannot be allowed"));
        }
        Some(_) => {}
    }
    lint.filter(|lint| !lint.is_error())
}
