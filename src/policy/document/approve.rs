//! Who must approve, as it is written: leaves, combinations, vetoes.

use std::time::Duration;

use super::AuthSpec;
use super::read::{count, span};
use crate::limits;
use crate::policy::error::Faults;
use crate::policy::node::{Fields, Node, Text};
use crate::policy::window::Window;

/// Who must approve: a leaf, or a combination of others.
#[derive(Debug, Clone)]
pub(crate) enum ApproveSpec {
    Leaf(Box<LeafSpec>),
    /// At least `count` of the parts; `all` and `any` are its extremes.
    AtLeast {
        count: usize,
        of: Vec<ApproveSpec>,
    },
}

/// `{ count = 2, from = '…' }`: so many people who meet a condition.
#[derive(Debug, Clone)]
pub(crate) struct LeafSpec {
    pub(crate) count: u32,
    pub(crate) from: Text,
    pub(crate) comment: bool,
    /// How and how lately they must have signed in when they vote.
    pub(crate) auth: Option<AuthSpec>,
    /// How old an approval may be when it is counted.
    pub(crate) fresh: Option<Duration>,
    /// When they may vote.
    pub(crate) within: Option<Window>,
}

/// `veto = [{ count = 1, from = '…' }]`.
#[derive(Debug, Clone)]
pub(crate) struct VetoSpec {
    pub(crate) count: u32,
    pub(crate) from: Text,
    pub(crate) is_final: bool,
}

impl ApproveSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>, depth: usize) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ count = 2, from = '…' }`")?;
        let parts = [fields.take("all"), fields.take("any"), fields.take("of")];
        if depth >= limits::APPROVE_DEPTH && parts.iter().any(Option::is_some) {
            faults.add(&node.span, format!("nested deeper than {} levels", limits::APPROVE_DEPTH));
            return None;
        }
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
        let people = fields.take("count").map_or(Some(1), |node| people(node, faults));
        let from = fields.required(faults, "from", "the condition that an approver meets");
        let from = from.and_then(|node| node.text(faults, "a condition"));
        let comment = fields.flag(faults, "comment", false);
        let auth = fields.take("auth").and_then(|node| AuthSpec::read(node, faults));
        let fresh = fields.take("fresh").and_then(|node| span(node, faults));
        let within = Window::take(fields, faults);
        Some(Self::Leaf(Box::new(LeafSpec { count: people?, from: from?, comment, auth, fresh, within })))
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

    pub(super) fn leaves(&self) -> usize {
        match self {
            Self::Leaf(_) => 1,
            Self::AtLeast { of, .. } => of.iter().map(Self::leaves).fold(0, usize::saturating_add),
        }
    }
}

impl VetoSpec {
    pub(super) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ count = 1, from = '…' }`")?;
        let people = fields.take("count").map_or(Some(1), |node| people(node, faults));
        let from = fields.required(faults, "from", "the condition that a rejecting approver meets");
        let from = from.and_then(|node| node.text(faults, "a condition"));
        let is_final = fields.flag(faults, "final", true);
        fields.finish(faults);
        Some(Self { count: people?, from: from?, is_final })
    }
}

/// Reads a number of people: more than a review takes votes can never be counted.
fn people(node: &Node, faults: &mut Faults<'_>) -> Option<u32> {
    let people = count(node, faults)?;
    if usize::try_from(people).is_ok_and(|people| people > limits::VOTES) {
        let limit = limits::VOTES;
        faults.add(&node.span, format!("{people} people can never be met: a review takes {limit} votes"));
    }
    Some(people)
}
