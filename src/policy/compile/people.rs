//! Who must approve, compiled.
//!
//! Conditions on approvers see who votes and how, and neither the risk nor host facts: who may approve does
//! not depend on them. The leaves of a stage keep the order in which they are written.

use std::sync::Arc;
use std::time::Duration;

use super::{Bounds, Compiler, Needs, Rule, hide_people};
use crate::cel::{self, Access, Program};
use crate::limits;
use crate::policy::document::{
    ApproveSpec, AuthSpec, Document, EscalateSpec, GroupMode, LeafSpec, May, ReviewSpec, RuleSpec, StageSpec,
    VetoSpec,
};
use crate::policy::node::Text;
use crate::policy::window::Window;
use crate::risk::Risk;

/// A rule that sends a request to people.
#[derive(Debug)]
pub(crate) struct ReviewRule {
    pub(crate) rule: Rule,
    /// The table as it is written, as JSON text: as a tree it would take three times as much memory.
    pub(crate) written: Box<str>,
    pub(crate) group: Arc<str>,
    pub(crate) mode: GroupMode,
    pub(crate) otherwise: bool,
    /// The ceiling of the scope that it stands in: above it, it cannot suffice alone.
    pub(crate) ceiling: Option<Risk>,
    pub(crate) allow_self: bool,
    /// Its people count in no other review of the plan.
    pub(crate) separate: bool,
    /// Who never counts.
    pub(crate) exclude: Option<Program>,
    pub(crate) needs: Needs,
    pub(crate) stages: Vec<Stage>,
    /// `None`: one rejection by anybody who may approve ends it.
    pub(crate) veto: Option<Vec<Veto>>,
    pub(crate) may: May,
    pub(crate) grant: Arc<Bounds>,
    pub(crate) expires: Duration,
    /// How old what the host attests of an approver may be when the quorum closes.
    pub(crate) refresh: Duration,
    /// Whether a withdrawal after the approval revokes the grant.
    pub(crate) revokes: bool,
}

/// One stage of a review.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) id: Arc<str>,
    pub(crate) approve: Approve,
    pub(crate) escalate: Vec<Escalation>,
    /// Who approves instead when nobody can.
    pub(crate) fallback: Option<Box<Approve>>,
    pub(crate) skip_after: Option<Duration>,
    pub(crate) remind: Vec<Duration>,
}

/// Whom time adds to the leaves of a stage.
#[derive(Debug)]
pub(crate) struct Escalation {
    pub(crate) after: Duration,
    pub(crate) add: Program,
}

/// Who must approve.
#[derive(Debug)]
pub(crate) enum Approve {
    Leaf(Leaf),
    AtLeast { count: usize, of: Vec<Approve> },
}

/// So many people who meet a condition.
#[derive(Debug)]
pub(crate) struct Leaf {
    pub(crate) count: usize,
    pub(crate) from: Program,
    pub(crate) comment: bool,
    pub(crate) auth: Option<Box<AuthSpec>>,
    pub(crate) fresh: Option<Duration>,
    /// All of these must be open.
    pub(crate) within: Vec<Window>,
}

/// How many rejections, and from whom, end or block a review.
#[derive(Debug)]
pub(crate) struct Veto {
    pub(crate) count: usize,
    pub(crate) from: Program,
    pub(crate) is_final: bool,
}

impl ReviewRule {
    pub(crate) fn last_stage(&self) -> usize {
        self.stages.len().saturating_sub(1)
    }
}

impl Stage {
    /// All leaves in the order in which they are written, with whether they are open without the fallback;
    /// those of the fallback come last.
    pub(crate) fn leaves_with_fallback(&self) -> impl Iterator<Item = (&Leaf, bool)> {
        let fallback = self.fallback.iter().flat_map(|fallback| fallback.leaves().map(|leaf| (leaf, false)));
        self.approve.leaves().map(|leaf| (leaf, true)).chain(fallback)
    }
}

impl Approve {
    pub(crate) fn leaves(&self) -> Box<dyn Iterator<Item = &Leaf> + '_> {
        match self {
            Self::Leaf(leaf) => Box::new(std::iter::once(leaf)),
            Self::AtLeast { of, .. } => Box::new(of.iter().flat_map(Self::leaves)),
        }
    }
}

/// Where the conditions of one review stand.
struct Place<'a> {
    owner: &'a str,
    people: &'a Access,
    within: Option<&'a Window>,
}

impl Compiler<'_, '_> {
    pub(super) fn review(&mut self, spec: &ReviewSpec, document: &Document, raising: &Access) -> ReviewRule {
        let mode = self.groups.get(spec.group.text.as_str()).copied().unwrap_or(GroupMode::All);
        let alternates = self.alternating.contains(spec.group.text.as_str());
        let access = if alternates || mode != GroupMode::All {
            let why = "in a group with alternatives, more risk could ask fewer people";
            hide_people(
                Access::free().with("risk", cel::Rule::Hidden(why)).with("facts", cel::Rule::Hidden(why)),
            )
        } else {
            raising.clone()
        };
        if spec.leaves() > limits::APPROVE_LEAVES {
            let limit = limits::APPROVE_LEAVES;
            self.faults
                .add(&spec.rule.id.span, format!("review has {} leaves, limit is {limit}", spec.leaves()));
        }
        let people = Access::free()
            .with("risk", cel::Rule::Hidden("who may approve does not depend on the risk"))
            .with("facts", cel::Rule::Hidden("who may approve does not depend on host facts"));
        let always = Text { text: "true".to_owned(), span: spec.rule.when.span.clone() };
        let rule = if spec.otherwise {
            self.rule(&RuleSpec { when: always, ..spec.rule.clone() }, &access)
        } else {
            self.rule(&spec.rule, &access)
        };
        let grant = self.bounds(&spec.grant);
        if spec.revokes && grant.max_uses.is_some_and(|uses| uses > limits::REVOCABLE_USES) {
            let limit = limits::REVOCABLE_USES;
            self.faults.add(
                &spec.rule.id.span,
                format!("a withdrawn approval can take {limit} uses of a grant at most, set `max_uses`"),
            );
        }
        let owner = format!("rule `{}`", rule.id);
        let place = Place { owner: &owner, people: &people, within: spec.within.as_ref() };
        ReviewRule {
            written: spec.node.to_json().to_string().into(),
            group: spec.group.text.as_str().into(),
            mode,
            otherwise: spec.otherwise,
            ceiling: spec.rule.within.map(|(_, ceiling)| ceiling),
            allow_self: spec.allow_self,
            separate: spec.separate,
            exclude: spec.exclude.as_ref().map(|text| self.people(text, &people, &owner)),
            needs: self.needs(&spec.needs),
            stages: spec.stages.iter().map(|stage| self.stage(stage, &place)).collect(),
            veto: spec.veto.as_ref().map(|vetoes| {
                let veto = |veto: &VetoSpec| Veto {
                    count: people_of(veto.count),
                    from: self.people(&veto.from, &people, &owner),
                    is_final: veto.is_final,
                };
                vetoes.iter().map(veto).collect()
            }),
            may: spec.may,
            grant,
            expires: spec.expires.unwrap_or(document.defaults.expires),
            refresh: spec.refresh.unwrap_or(document.defaults.refresh),
            revokes: spec.revokes,
            rule,
        }
    }

    fn stage(&mut self, spec: &StageSpec, place: &Place<'_>) -> Stage {
        let escalation = |spec: &EscalateSpec| Escalation {
            after: spec.after,
            add: self.people(&spec.add, place.people, place.owner),
        };
        Stage {
            id: spec.id.text.as_str().into(),
            escalate: spec.escalate.iter().map(escalation).collect(),
            approve: self.approve(&spec.approve, place),
            fallback: spec.fallback.as_ref().map(|fallback| Box::new(self.approve(fallback, place))),
            skip_after: spec.skip_after,
            remind: spec.remind.clone(),
        }
    }

    fn approve(&mut self, spec: &ApproveSpec, place: &Place<'_>) -> Approve {
        match spec {
            ApproveSpec::Leaf(leaf) => Approve::Leaf(self.leaf(leaf, place)),
            ApproveSpec::AtLeast { count, of } => Approve::AtLeast {
                count: *count,
                of: of.iter().map(|part| self.approve(part, place)).collect(),
            },
        }
    }

    /// Compiles who may approve. What has faults is compiled each time, so that each place is told.
    fn people(&mut self, source: &Text, people: &Access, owner: &str) -> Program {
        let key = (self.current, source.text.clone());
        if let Some(known) = self.people.get(&key) {
            return known.clone();
        }
        let program = self.condition(source, people, owner);
        if self.faults.is_empty() {
            self.people.insert(key, program.clone());
        }
        program
    }

    fn leaf(&mut self, spec: &LeafSpec, place: &Place<'_>) -> Leaf {
        Leaf {
            count: people_of(spec.count),
            from: self.people(&spec.from, place.people, place.owner),
            comment: spec.comment,
            auth: spec.auth.clone().map(Box::new),
            fresh: spec.fresh,
            within: spec.within.iter().chain(place.within).cloned().collect(),
        }
    }
}

fn people_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}
