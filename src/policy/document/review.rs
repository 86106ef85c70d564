//! Review rules, as they are written: who must approve, in which stages, and who may veto.

use std::time::Duration;

use super::read::{choice, count, identifier, span};
use super::{GrantSpec, NeedsSpec, RuleSpec};
use crate::limits;
use crate::policy::error::Faults;
use crate::policy::node::{Fields, Node, Text};

/// `[[review]]`.
#[derive(Debug, Clone)]
pub(crate) struct ReviewSpec {
    pub(crate) rule: RuleSpec,
    /// The table as it is written, which a review's plan carries into the log.
    pub(crate) node: Node,
    pub(crate) group: Text,
    pub(crate) otherwise: bool,
    pub(crate) allow_self: bool,
    pub(crate) needs: NeedsSpec,
    pub(crate) stages: Vec<StageSpec>,
    /// `None`: one rejection by anybody who may approve ends it.
    pub(crate) veto: Option<Vec<VetoSpec>>,
    pub(crate) may_shorten: bool,
    pub(crate) grant: GrantSpec,
    pub(crate) expires: Option<Duration>,
}

/// `[[review.stage]]`.
#[derive(Debug, Clone)]
pub(crate) struct StageSpec {
    pub(crate) id: String,
    pub(crate) approve: ApproveSpec,
}

/// Who must approve: a leaf, or a combination of others.
#[derive(Debug, Clone)]
pub(crate) enum ApproveSpec {
    Leaf {
        count: u32,
        from: Text,
        comment: bool,
    },
    /// At least `count` of the parts; `all` and `any` are its extremes.
    AtLeast {
        count: usize,
        of: Vec<ApproveSpec>,
    },
}

/// `veto = [{ count = 1, from = '…' }]`.
#[derive(Debug, Clone)]
pub(crate) struct VetoSpec {
    pub(crate) count: u32,
    pub(crate) from: Text,
    pub(crate) is_final: bool,
}

impl ReviewSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let otherwise = fields.flag(faults, "otherwise", false);
        let id =
            fields.required(faults, "id", "every rule has an id").and_then(|node| identifier(node, faults));
        let when = fields.text(faults, "when");
        if when.is_none() && !otherwise {
            faults.add(&fields.span, "`when` is missing: the condition under which the rule matches");
        }
        if let Some(when) = when.as_ref().filter(|_| otherwise) {
            faults.add(&when.span, "`otherwise` has no condition of its own");
        }
        let rule = RuleSpec::with_when(id, when, &mut fields, faults);
        let group = fields.take("group").and_then(|node| identifier(node, faults)).unwrap_or_default();
        let allow_self = fields.flag(faults, "allow_self", false);
        let needs = NeedsSpec::read(&mut fields, faults);
        let stages = stages(&mut fields, faults);
        let veto = fields
            .take("veto")
            .map(|node| node.one_or_many().iter().filter_map(|node| VetoSpec::read(node, faults)).collect());
        let may_shorten = fields.take("may").is_some_and(|node| {
            let may = node.list(faults, "a list such as `[\"shorten\"]`").iter();
            may.filter_map(|node| choice(node, faults, &[("shorten", ())])).count() > 0
        });
        let grant = GrantSpec::take(&mut fields, faults);
        let expires = fields.take("expires").and_then(|node| span(node, faults));
        fields.refuse(faults, &["separate", "exclude", "pending", "remind", "within", "on_withdraw"]);
        fields.finish(faults);
        let node = node.clone();
        Some(Self {
            rule,
            node,
            group,
            otherwise,
            allow_self,
            needs,
            stages,
            veto,
            may_shorten,
            grant,
            expires,
        })
    }

    /// Counts the conditions on approvers.
    pub(crate) fn leaves(&self) -> usize {
        self.stages.iter().map(|stage| stage.approve.leaves()).fold(0, usize::saturating_add)
    }
}

/// Reads the stages; `approve` alone is one stage.
fn stages(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<StageSpec> {
    let (inline, listed) = (fields.take("approve"), fields.take("stage"));
    match (inline, listed) {
        (Some(approve), None) => {
            let approve = ApproveSpec::read(approve, faults, 0);
            approve.into_iter().map(|approve| StageSpec { id: "approve".to_owned(), approve }).collect()
        }
        (None, Some(stages)) => {
            let nodes = stages.list(faults, "a list of stages");
            if nodes.is_empty() {
                faults.add(&stages.span, "nobody is asked: expected at least one stage");
            }
            nodes.iter().filter_map(|node| StageSpec::read(node, faults)).collect()
        }
        (Some(_), Some(stages)) => {
            faults.add(&stages.span, "`approve` and `stage` both say who approves, expected one of them");
            Vec::new()
        }
        (None, None) => {
            faults.add(&fields.span, "`approve` is missing: who must approve");
            Vec::new()
        }
    }
}

impl StageSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let id =
            fields.required(faults, "id", "every stage has an id").and_then(|node| identifier(node, faults));
        let approve = fields.required(faults, "approve", "who must approve");
        let approve = approve.and_then(|node| ApproveSpec::read(node, faults, 0));
        fields.refuse(faults, &["escalate", "fallback", "skip_after", "remind"]);
        fields.finish(faults);
        Some(Self { id: id?.text, approve: approve? })
    }
}

impl ApproveSpec {
    fn read(node: &Node, faults: &mut Faults<'_>, depth: usize) -> Option<Self> {
        if depth >= limits::APPROVE_DEPTH {
            faults.add(&node.span, format!("nested deeper than {} levels", limits::APPROVE_DEPTH));
            return None;
        }
        let mut fields = node.fields(faults, "a table such as `{ count = 2, from = '…' }`")?;
        let parts = [fields.take("all"), fields.take("any"), fields.take("of")];
        let spec = match parts {
            [Some(all), None, None] => Self::combine(all, faults, depth, |parts, _| Some(parts)),
            [None, Some(any), None] => Self::combine(any, faults, depth, |_, _| Some(1)),
            [None, None, Some(of)] => {
                let least = fields
                    .required(faults, "at_least", "how many of the parts")
                    .and_then(|n| count(n, faults));
                Self::combine(of, faults, depth, |parts, faults| {
                    let least = usize::try_from(least?).ok()?;
                    if least > parts {
                        faults.add(&of.span, format!("at least {least} of {parts} can never be met"));
                    }
                    Some(least)
                })
            }
            [None, None, None] => Self::leaf(&mut fields, faults),
            _ => {
                faults.add(&node.span, "expected one of `all`, `any`, `of` or `count`");
                None
            }
        };
        fields.finish(faults);
        spec
    }

    fn leaf(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let people = fields.take("count").map_or(Some(1), |node| count(node, faults));
        let from = fields.required(faults, "from", "the condition that an approver meets");
        let from = from.and_then(|node| node.text(faults, "a condition"));
        let comment = fields.flag(faults, "comment", false);
        fields.refuse(faults, &["auth", "fresh", "within"]);
        Some(Self::Leaf { count: people?, from: from?, comment })
    }

    fn combine(
        node: &Node,
        faults: &mut Faults<'_>,
        depth: usize,
        least: impl FnOnce(usize, &mut Faults<'_>) -> Option<usize>,
    ) -> Option<Self> {
        let parts = node.list(faults, "a list");
        if parts.is_empty() {
            faults.add(&node.span, "nobody is asked: expected at least one part");
        }
        let below = depth.saturating_add(1);
        let of: Vec<Self> = parts.iter().filter_map(|part| Self::read(part, faults, below)).collect();
        Some(Self::AtLeast { count: least(parts.len(), faults)?, of })
    }

    fn leaves(&self) -> usize {
        match self {
            Self::Leaf { .. } => 1,
            Self::AtLeast { of, .. } => of.iter().map(Self::leaves).fold(0, usize::saturating_add),
        }
    }
}

impl VetoSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ count = 1, from = '…' }`")?;
        let people = fields.take("count").map_or(Some(1), |node| count(node, faults));
        let from = fields.required(faults, "from", "the condition that a rejecting approver meets");
        let from = from.and_then(|node| node.text(faults, "a condition"));
        let is_final = fields.flag(faults, "final", true);
        fields.finish(faults);
        Some(Self { count: people?, from: from?, is_final })
    }
}
