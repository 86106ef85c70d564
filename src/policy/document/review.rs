//! Review rules, as they are written: who must approve, in which stages, and what time does.

use std::time::Duration;

use super::read::{choice, identifier, span};
use super::{ApproveSpec, GrantSpec, NeedsSpec, RuleSpec, VetoSpec};
use crate::limits;
use crate::policy::error::{Faults, Span};
use crate::policy::node::{Fields, Node, Text};
use crate::policy::window::Window;
use crate::text::quote;

/// `[[review]]`.
#[derive(Debug, Clone)]
pub(crate) struct ReviewSpec {
    pub(crate) rule: RuleSpec,
    /// The table as it is written, which a review's plan carries into the log.
    pub(crate) node: Node,
    pub(crate) group: Text,
    pub(crate) otherwise: bool,
    pub(crate) allow_self: bool,
    /// Its people count in no other review of the plan.
    pub(crate) separate: bool,
    /// Who never counts.
    pub(crate) exclude: Option<Text>,
    pub(crate) needs: NeedsSpec,
    pub(crate) stages: Vec<StageSpec>,
    /// `None`: one rejection by anybody who may approve ends it.
    pub(crate) veto: Option<Vec<VetoSpec>>,
    pub(crate) may: May,
    pub(crate) grant: GrantSpec,
    pub(crate) expires: Option<Duration>,
    /// How old what the host attests of an approver may be when the quorum closes.
    pub(crate) refresh: Option<Duration>,
    pub(crate) within: Option<Window>,
    pub(crate) revokes: bool,
}

/// `may = ["shorten", "start_later", "narrow"]`: what a vote may change.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct May {
    pub(crate) shorten: bool,
    pub(crate) start_later: bool,
    pub(crate) narrow: bool,
}

/// `[[review.stage]]`.
#[derive(Debug, Clone)]
pub(crate) struct StageSpec {
    pub(crate) id: Text,
    pub(crate) approve: ApproveSpec,
    pub(crate) escalate: Vec<EscalateSpec>,
    pub(crate) fallback: Option<ApproveSpec>,
    pub(crate) skip_after: Option<Duration>,
    pub(crate) remind: Vec<Duration>,
}

/// `escalate = [{ after = "15m", add = '…' }]`.
#[derive(Debug, Clone)]
pub(crate) struct EscalateSpec {
    pub(crate) after: Duration,
    pub(crate) add: Text,
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
        let spec = Self {
            rule,
            node: node.clone(),
            group,
            otherwise,
            allow_self: fields.flag(faults, "allow_self", false),
            separate: fields.flag(faults, "separate", false),
            exclude: fields.text(faults, "exclude"),
            needs: NeedsSpec::read(&mut fields, faults),
            stages: stages(&mut fields, faults),
            veto: fields.take("veto").map(|node| {
                node.one_or_many().iter().filter_map(|node| VetoSpec::read(node, faults)).collect()
            }),
            may: fields.take("may").map(|node| May::read(node, faults)).unwrap_or_default(),
            grant: GrantSpec::take(&mut fields, faults),
            expires: fields.take("expires").and_then(|node| span(node, faults)),
            refresh: fields.take("refresh").and_then(|node| span(node, faults)),
            within: Window::take(&mut fields, faults),
            revokes: fields
                .take("on_withdraw")
                .and_then(|node| choice(node, faults, &ON_WITHDRAW))
                .unwrap_or(false),
        };
        fields.refuse(faults, &["pending"]);
        fields.finish(faults);
        Some(spec)
    }

    /// Counts the conditions on approvers.
    pub(crate) fn leaves(&self) -> usize {
        self.stages.iter().map(StageSpec::leaves).fold(0, usize::saturating_add)
    }
}

impl May {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Self {
        let mut may = Self::default();
        for item in node.list(faults, "a list such as `[\"shorten\"]`") {
            match choice(item, faults, &[("shorten", 0), ("start_later", 1), ("narrow", 2)]) {
                Some(0) => may.shorten = true,
                Some(1) => may.start_later = true,
                Some(_) => may.narrow = true,
                None => {}
            }
        }
        may
    }
}

/// Reads the stages; `approve` alone is one stage.
fn stages(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<StageSpec> {
    let stages = fields.take("stage");
    let Some(node) = stages else {
        let place = fields.span.clone();
        if fields.holds("skip_after") {
            faults.add(&place, "`skip_after` of a stage that stands alone would approve by silence");
        }
        let what = "who must approve";
        return StageSpec::rest(fields, faults, what, Text::default()).into_iter().collect();
    };
    if fields.take("approve").is_some() {
        faults.add(&node.span, "`approve` and `stage` both say who approves, expected one of them");
        return Vec::new();
    }
    fields.refuse(faults, &["escalate", "fallback", "skip_after", "remind"]);
    let stages = node.list(faults, "a list of stages");
    if stages.is_empty() {
        faults.add(&node.span, "nobody is asked: expected at least one stage");
    }
    let mut read: Vec<StageSpec> = Vec::new();
    for node in stages {
        let Some(stage) = StageSpec::read(node, faults) else { continue };
        if read.iter().any(|other| other.id.text == stage.id.text) {
            faults.add(
                &stage.id.span,
                format!("stage id `{}` is taken by an earlier stage", quote(&stage.id.text)),
            );
        }
        read.push(stage);
    }
    if let [only] = read.as_slice()
        && only.skip_after.is_some()
    {
        faults.add(&only.id.span, "`skip_after` of a stage that stands alone would approve by silence");
    }
    read
}

impl StageSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let id =
            fields.required(faults, "id", "every stage has an id").and_then(|node| identifier(node, faults));
        let stage = Self::rest(&mut fields, faults, "who must approve", id.clone().unwrap_or_default());
        fields.finish(faults);
        stage.filter(|_| id.is_some())
    }

    /// Reads all but the id.
    fn rest(fields: &mut Fields<'_>, faults: &mut Faults<'_>, approve: &str, id: Text) -> Option<Self> {
        let approve = fields.required(faults, "approve", approve);
        let approve = approve.and_then(|node| ApproveSpec::read(node, faults, 0));
        let mut escalate: Vec<EscalateSpec> = Vec::new();
        for node in fields.take("escalate").map(Node::one_or_many).unwrap_or_default() {
            let Some(step) = EscalateSpec::read(node, faults) else { continue };
            if escalate.last().is_some_and(|earlier| earlier.after >= step.after) {
                faults.add(&node.span, "expected a later time than that of the step before");
            }
            escalate.push(step);
        }
        bound(&fields.span, escalate.len(), "escalations", faults);
        let mut remind: Vec<Duration> = Vec::new();
        let times = fields.take("remind").map(|node| node.list(faults, "a list such as `[\"30m\"]`"));
        for node in times.unwrap_or_default() {
            let Some(after) = span(node, faults) else { continue };
            if remind.last().is_some_and(|earlier| *earlier >= after) {
                faults.add(&node.span, "expected a later time than that of the reminder before");
            }
            remind.push(after);
        }
        bound(&fields.span, remind.len(), "reminders", faults);
        let fallback = fields.take("fallback").and_then(|node| ApproveSpec::read(node, faults, 0));
        let skip_after = fields.take("skip_after").and_then(|node| span(node, faults));
        Some(Self { id, approve: approve?, escalate, fallback, skip_after, remind })
    }

    fn leaves(&self) -> usize {
        let fallback = self.fallback.as_ref().map_or(0, ApproveSpec::leaves);
        self.approve.leaves().saturating_add(fallback)
    }
}

impl EscalateSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ after = \"15m\", add = '…' }`")?;
        let after =
            fields.required(faults, "after", "how long the stage may take before more people are asked");
        let after = after.and_then(|node| span(node, faults));
        let add = fields.required(faults, "add", "the condition that the added approvers meet");
        let add = add.and_then(|node| node.text(faults, "a condition"));
        fields.finish(faults);
        Some(Self { after: after?, add: add? })
    }
}

fn bound(place: &Span, found: usize, what: &str, faults: &mut Faults<'_>) {
    if found > limits::STAGE_STEPS {
        faults.add(place, format!("stage has {found} {what}, limit is {}", limits::STAGE_STEPS));
    }
}

const ON_WITHDRAW: [(&str, bool); 2] = [("keep", false), ("revoke", true)];
