//! From what is written to what runs.
//!
//! Conditions become programs, bounds take their defaults, ids are checked for uniqueness. Each kind of
//! rule sees only the names that cannot turn it against its purpose: risk raises, it never opens.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::document::{
    ApproveSpec, AuthSpec, Document, EmergencySpec, GrantSpec, GroupMode, LimitSpec, NeedsSpec, ReviewSpec,
    RuleSpec, VetoSpec, ZoneSpec,
};
use super::error::{Faults, Span};
use super::node::Text;
use super::schema::Schema;
use crate::cel::{self, Access, Program};
use crate::limits;
use crate::risk::Risk;
use crate::text::quote;

/// All rules of a policy, in document order within each kind.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) default_risk: Risk,
    pub(crate) risks: Vec<(Rule, Risk)>,
    pub(crate) forbids: Vec<Rule>,
    pub(crate) holds: Vec<Rule>,
    pub(crate) zones: Vec<Zone>,
    pub(crate) reviews: Vec<ReviewRule>,
    pub(crate) emergencies: Vec<Emergency>,
}

/// What every rule has.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: Arc<str>,
    pub(crate) when: Program,
    pub(crate) because: Option<Arc<str>>,
}

/// A safe zone: approved at once.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) rule: Rule,
    pub(crate) max_risk: Risk,
    pub(crate) needs: Needs,
    pub(crate) limit: Option<LimitSpec>,
    pub(crate) grant: Bounds,
}

/// A rule that sends a request to people.
#[derive(Debug)]
pub(crate) struct ReviewRule {
    pub(crate) rule: Rule,
    /// The table as it is written, as JSON text: as a tree it would take three times as much memory.
    pub(crate) written: Box<str>,
    pub(crate) group: Arc<str>,
    pub(crate) mode: GroupMode,
    pub(crate) otherwise: bool,
    pub(crate) allow_self: bool,
    pub(crate) needs: Needs,
    pub(crate) stages: Vec<Stage>,
    /// `None`: one rejection by anybody who may approve ends it.
    pub(crate) veto: Option<Vec<Veto>>,
    pub(crate) may_shorten: bool,
    pub(crate) grant: Bounds,
    pub(crate) expires: Duration,
}

/// A break-glass rule.
#[derive(Debug)]
pub(crate) struct Emergency {
    pub(crate) rule: Rule,
    pub(crate) grant: Bounds,
    pub(crate) limit: Option<LimitSpec>,
    pub(crate) review_within: Duration,
}

/// One stage of a review.
#[derive(Debug)]
pub(crate) struct Stage {
    pub(crate) approve: Approve,
}

/// Who must approve.
#[derive(Debug)]
pub(crate) enum Approve {
    Leaf { count: usize, from: Program, comment: bool },
    AtLeast { count: usize, of: Vec<Approve> },
}

/// How many rejections, and from whom, end or block a review.
#[derive(Debug)]
pub(crate) struct Veto {
    pub(crate) count: usize,
    pub(crate) from: Program,
    pub(crate) is_final: bool,
}

/// What a request must bring.
#[derive(Debug, Default)]
pub(crate) struct Needs {
    pub(crate) fields: Vec<String>,
    pub(crate) auth: Option<AuthSpec>,
}

/// The bounds of a grant, with the defaults filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bounds {
    pub(crate) min: Duration,
    pub(crate) default: Duration,
    pub(crate) max: Duration,
    pub(crate) caps: bool,
    pub(crate) max_uses: Option<u64>,
    pub(crate) use_within: Option<Duration>,
}

/// Compiles one document.
pub(super) struct Compiler<'c, 't> {
    schema: &'c Schema,
    faults: &'c mut Faults<'t>,
    defaults: &'c GrantSpec,
    /// Who may approve: most reviews of a policy ask the same people, who are compiled once.
    people: BTreeMap<String, Program>,
}

impl<'c, 't> Compiler<'c, 't> {
    pub(super) fn new(schema: &'c Schema, document: &'c Document, faults: &'c mut Faults<'t>) -> Self {
        Self { schema, faults, defaults: &document.defaults.grant, people: BTreeMap::new() }
    }

    pub(super) fn compile(mut self, document: &Document) -> Rules {
        self.check_ids(document);
        let classify = Access::free()
            .with("risk", cel::Rule::Hidden("a risk rule decides the risk and cannot read it"))
            .with("facts", cel::Rule::Raising);
        let classify = hide_people(classify);
        let raising =
            hide_people(Access::free().with("risk", cel::Rule::Raising).with("facts", cel::Rule::Raising));
        let opening = hide_people(
            Access::free()
                .with("risk", cel::Rule::Lowering)
                .with("facts", cel::Rule::Hidden("host facts can only raise, a zone or an emergency opens")),
        );
        let risks =
            document.risks.iter().map(|spec| (self.rule(&spec.rule, &classify), spec.level)).collect();
        let forbids = document.forbids.iter().map(|spec| self.rule(spec, &raising)).collect();
        let holds = document.holds.iter().map(|spec| self.rule(spec, &raising)).collect();
        let zones = document.zones.iter().map(|spec| self.zone(spec, &opening)).collect();
        let reviews = document.reviews.iter().map(|spec| self.review(spec, document, &raising)).collect();
        let emergencies = document.emergencies.iter().map(|spec| self.emergency(spec, &opening)).collect();
        for (name, _) in &document.groups {
            if !document.reviews.iter().any(|review| review.group.text == name.text) {
                self.faults.add(&name.span, format!("no review is in group `{}`", quote(&name.text)));
            }
        }
        Rules { default_risk: document.defaults.risk, risks, forbids, holds, zones, reviews, emergencies }
    }

    /// Checks that no two rules have one id, of whatever kind they are; the later one in the document is at fault.
    fn check_ids(&mut self, document: &Document) {
        let mut ids: Vec<&Text> = document.rules().map(|rule| &rule.id).collect();
        ids.sort_by_key(|id| id.span.start);
        let mut first: BTreeMap<&str, &Span> = BTreeMap::new();
        for id in ids.into_iter().filter(|id| !id.text.is_empty()) {
            if let Some(place) = first.get(id.text.as_str()) {
                let line = line_of(self.faults.text(), place);
                let message = format!("rule id `{}` is taken by the rule at line {line}", quote(&id.text));
                self.faults.add(&id.span, message);
            } else {
                first.insert(&id.text, &id.span);
            }
        }
    }

    fn rule(&mut self, spec: &RuleSpec, access: &Access) -> Rule {
        let when = self.condition(&spec.when, access, &format!("rule `{}`", spec.id.text));
        Rule { id: spec.id.text.as_str().into(), when, because: spec.because.as_deref().map(Into::into) }
    }

    fn zone(&mut self, spec: &ZoneSpec, access: &Access) -> Zone {
        Zone {
            rule: self.rule(&spec.rule, access),
            max_risk: spec.max_risk,
            needs: self.needs(&spec.needs),
            limit: spec.limit,
            grant: self.bounds(&spec.grant),
        }
    }

    fn emergency(&mut self, spec: &EmergencySpec, access: &Access) -> Emergency {
        let grant = self.bounds(&spec.grant);
        Emergency {
            rule: self.rule(&spec.rule, access),
            grant,
            limit: spec.limit,
            review_within: spec.review_within,
        }
    }

    fn review(&mut self, spec: &ReviewSpec, document: &Document, raising: &Access) -> ReviewRule {
        let declared = document.groups.iter().find(|(name, _)| name.text == spec.group.text);
        let mode = declared.map_or(GroupMode::All, |(_, mode)| *mode);
        let alternates =
            document.reviews.iter().any(|other| other.otherwise && other.group.text == spec.group.text);
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
        let id = rule.id.clone();
        ReviewRule {
            rule,
            written: spec.node.to_json().to_string().into(),
            group: spec.group.text.as_str().into(),
            mode,
            otherwise: spec.otherwise,
            allow_self: spec.allow_self,
            needs: self.needs(&spec.needs),
            stages: spec
                .stages
                .iter()
                .map(|stage| Stage { approve: self.approve(&stage.approve, &people, &id) })
                .collect(),
            veto: spec.veto.as_ref().map(|vetoes| {
                let veto = |veto: &VetoSpec| Veto {
                    count: people_of(veto.count),
                    from: self.people(&veto.from, &people, &format!("rule `{id}`")),
                    is_final: veto.is_final,
                };
                vetoes.iter().map(veto).collect()
            }),
            may_shorten: spec.may_shorten,
            grant: self.bounds(&spec.grant),
            expires: spec.expires.unwrap_or(document.defaults.expires),
        }
    }

    fn approve(&mut self, spec: &ApproveSpec, people: &Access, id: &str) -> Approve {
        match spec {
            ApproveSpec::Leaf { count, from, comment } => Approve::Leaf {
                count: people_of(*count),
                from: self.people(from, people, &format!("rule `{id}`")),
                comment: *comment,
            },
            ApproveSpec::AtLeast { count, of } => Approve::AtLeast {
                count: *count,
                of: of.iter().map(|part| self.approve(part, people, id)).collect(),
            },
        }
    }

    /// Compiles who may approve. What has faults is compiled each time, so that each place is told.
    fn people(&mut self, source: &Text, people: &Access, owner: &str) -> Program {
        if let Some(known) = self.people.get(&source.text) {
            return known.clone();
        }
        let program = self.condition(source, people, owner);
        if self.faults.is_empty() {
            self.people.insert(source.text.clone(), program.clone());
        }
        program
    }

    fn needs(&mut self, spec: &NeedsSpec) -> Needs {
        for field in &spec.fields {
            if field.text.starts_with("approver.") {
                let found = quote(&field.text);
                self.faults.add(&field.span, format!("a request cannot bring `{found}`"));
            } else if field.text != "context.reason" && self.schema.attribute(&field.text).is_none() {
                let hint = self.schema.closest(&field.text).map(|name| format!(", did you mean `{name}`?"));
                let message =
                    format!("unknown attribute `{}`{}", quote(&field.text), hint.unwrap_or_default());
                self.faults.add(&field.span, message);
            }
        }
        Needs {
            fields: spec.fields.iter().map(|field| field.text.clone()).collect(),
            auth: spec.auth.clone(),
        }
    }

    /// Fills in the defaults. What a rule states stands; an inherited value gives way to it.
    fn bounds(&mut self, spec: &GrantSpec) -> Bounds {
        let max = spec
            .max
            .or_else(|| raise(self.defaults.max, spec.default.max(spec.min)))
            .unwrap_or_else(|| spec.default.max(spec.min).unwrap_or(Duration::ZERO).max(DEFAULT_MAX));
        let min =
            spec.min.or(self.defaults.min).unwrap_or(DEFAULT_MIN).min(max).min(spec.default.unwrap_or(max));
        let default = spec.default.or(self.defaults.default).unwrap_or(DEFAULT_GRANT).clamp(min, max);
        if spec.use_within.is_some_and(|within| within > max) {
            self.faults.add(&spec.span, "impossible bounds: `use_within` is above `max`");
        }
        let max_uses = spec.max_uses.or(self.defaults.max_uses);
        let use_within = spec.use_within.or(self.defaults.use_within);
        if use_within.is_some() && max_uses.is_some_and(|uses| uses > 1) {
            self.faults
                .add(&spec.span, "`use_within` bounds the first use, and goes with `single_use` alone");
        }
        let caps = spec.caps.or(self.defaults.caps).unwrap_or(false);
        Bounds { min, default, max, caps, max_uses, use_within }
    }

    fn condition(&mut self, source: &Text, access: &Access, owner: &str) -> Program {
        if source.span.is_empty() && source.text.is_empty() {
            return never();
        }
        match Program::condition(&source.text, &self.schema.environment, access) {
            Ok(program) => program,
            Err(diagnostics) => {
                for diagnostic in diagnostics {
                    let place = place(self.faults.text(), source, &diagnostic.span);
                    self.faults.add(&place, format!("{owner}: {diagnostic}"));
                }
                never()
            }
        }
    }
}

impl Schema {
    /// Defines the named conditions and checks each by itself.
    pub(super) fn define(&mut self, lets: &[(Text, Text)], faults: &mut Faults<'_>) {
        for (name, source) in lets {
            if let Err(diagnostics) = self.environment.define(&name.text, &source.text) {
                for diagnostic in diagnostics {
                    let place = place(faults.text(), source, &diagnostic.span);
                    faults.add(&place, format!("`{}`: {diagnostic}", quote(&name.text)));
                }
            }
        }
        for (name, source) in lets {
            if let Err(diagnostics) = self.environment.check(&name.text) {
                for diagnostic in diagnostics {
                    let place = place(faults.text(), source, &diagnostic.span);
                    faults.add(&place, format!("`{}`: {diagnostic}", quote(&name.text)));
                }
            }
        }
    }
}

/// Finds the bytes of the document that a part of a condition stands at. A condition written with escapes
/// has other bytes than its text; then the whole of it is the place.
fn place(document: &str, source: &Text, part: &Span) -> Span {
    let written = document.get(source.span.clone()).unwrap_or_default();
    match written.find(source.text.as_str()).filter(|_| !source.text.is_empty()) {
        Some(offset) => {
            let start = source.span.start.saturating_add(offset);
            start.saturating_add(part.start)..start.saturating_add(part.end)
        }
        None => source.span.clone(),
    }
}

fn hide_people(access: Access) -> Access {
    access
        .with("approver", cel::Rule::Hidden("nobody has voted yet when a rule is matched"))
        .with("vote", cel::Rule::Hidden("nobody has voted yet when a rule is matched"))
}

/// The condition of a rule that could not be compiled; the policy it belongs to is never returned.
fn never() -> Program {
    let nothing = cel::Environment::new();
    match Program::expression("false", &nothing) {
        Ok(program) => program,
        Err(_) => never(),
    }
}

fn people_of(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// An inherited ceiling, raised to what the rule itself states.
fn raise(inherited: Option<Duration>, stated: Option<Duration>) -> Option<Duration> {
    inherited.map(|inherited| stated.map_or(inherited, |stated| stated.max(inherited)))
}

fn line_of(text: &str, span: &Span) -> usize {
    text.get(..span.start).unwrap_or_default().matches('\n').count().saturating_add(1)
}

/// Where neither the rule nor the defaults say: long enough to work, short enough to forget.
const DEFAULT_MIN: Duration = Duration::from_secs(60);
const DEFAULT_GRANT: Duration = Duration::from_secs(15 * 60);
const DEFAULT_MAX: Duration = Duration::from_secs(3600);
