//! From what is written to what runs.
//!
//! Conditions become programs, bounds take their defaults, ids are checked for uniqueness. Each kind of
//! rule sees only the names that cannot turn it against its purpose: risk raises, it never opens.

mod names;
mod people;
mod terms;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub(super) use names::scope_of;
pub(crate) use people::{Approve, Leaf, ReviewRule, Stage, Veto};
pub(crate) use terms::{Bounds, Field, Needs};

use super::document::{Document, EmergencySpec, GrantSpec, GroupMode, LimitSpec, RuleSpec, ZoneSpec};
use super::error::{Faults, Span};
use super::node::Text;
use super::obligation::Obligation;
use super::schema::Schema;
use super::window::Window;
use crate::cel::{self, Access, Environment, Program};
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
    pub(crate) obligations: Box<[Obligation]>,
    /// It is added by an extension, so it can only raise the risk.
    pub(crate) is_added: bool,
    /// When the rule can match at all; an opening rule says apart why it is closed.
    pub(crate) window: Option<Window>,
    /// Where its id and its condition stand in the text of all documents.
    pub(crate) places: [u32; 2],
}

/// A safe zone: approved at once.
#[derive(Debug)]
pub(crate) struct Zone {
    pub(crate) rule: Rule,
    pub(crate) max_risk: Risk,
    pub(crate) window: Option<Window>,
    pub(crate) needs: Needs,
    pub(crate) limit: Option<LimitSpec>,
    pub(crate) grant: Arc<Bounds>,
}

/// A break-glass rule.
#[derive(Debug)]
pub(crate) struct Emergency {
    pub(crate) rule: Rule,
    /// The ceiling of the scope that it stands in.
    pub(crate) ceiling: Option<Risk>,
    pub(crate) window: Option<Window>,
    pub(crate) grant: Arc<Bounds>,
    pub(crate) limit: Option<LimitSpec>,
    pub(crate) review_within: Duration,
}

/// Compiles one document.
pub(super) struct Compiler<'c, 't> {
    schema: &'c Schema,
    faults: &'c mut Faults<'t>,
    defaults: &'c GrantSpec,
    /// The groups that have an `otherwise`.
    alternating: BTreeSet<&'c str>,
    groups: BTreeMap<&'c str, GroupMode>,
    /// What the rules of each document can read.
    environments: &'c [Environment],
    /// The document whose rule is compiled.
    current: usize,
    longest: Duration,
    /// Who may approve, by document: most reviews ask the same people, who are compiled once.
    people: BTreeMap<(usize, String), Program>,
    /// The bounds of rules that state none, by document.
    usual: BTreeMap<usize, Arc<Bounds>>,
}

impl<'c, 't> Compiler<'c, 't> {
    pub(super) fn new(
        schema: &'c Schema,
        environments: &'c [Environment],
        document: &'c Document,
        faults: &'c mut Faults<'t>,
        longest: Duration,
    ) -> Self {
        let alternating = document.reviews.iter().filter(|review| review.otherwise);
        let alternating = alternating.map(|review| review.group.text.as_str()).collect();
        let groups = document.groups.iter().rev().map(|(name, mode)| (name.text.as_str(), *mode)).collect();
        let defaults = &document.defaults.grant;
        let (people, usual) = (BTreeMap::new(), BTreeMap::new());
        Self {
            schema,
            faults,
            defaults,
            alternating,
            groups,
            environments,
            current: 0,
            longest,
            people,
            usual,
        }
    }

    pub(super) fn compile(mut self, document: &Document) -> Rules {
        self.check_ids(document);
        self.bounds(&document.defaults.grant);
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
        self.check_scopes(&document.opens);
        let risks =
            document.risks.iter().map(|spec| (self.rule(&spec.rule, &classify), spec.level)).collect();
        let forbids = document.forbids.iter().map(|spec| self.rule(spec, &raising)).collect();
        let holds = document.holds.iter().map(|spec| self.rule(spec, &raising)).collect();
        let zones = document.zones.iter().map(|spec| self.zone(spec, &opening)).collect();
        let reviews = document.reviews.iter().map(|spec| self.review(spec, document, &raising)).collect();
        let emergencies = document.emergencies.iter().map(|spec| self.emergency(spec, &opening)).collect();
        let used: BTreeSet<&str> = document.reviews.iter().map(|review| review.group.text.as_str()).collect();
        for (name, _) in &document.groups {
            if !used.contains(name.text.as_str()) {
                let own = name.text.rsplit('\0').next().unwrap_or_default();
                self.faults.add(&name.span, format!("no review is in group `{}`", quote(own)));
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
                let line = self.faults.line(place, &id.span);
                let message = format!("rule id `{}` is taken by the rule at {line}", quote(&id.text));
                self.faults.add(&id.span, message);
            } else {
                first.insert(&id.text, &id.span);
            }
        }
    }

    fn rule(&mut self, spec: &RuleSpec, access: &Access) -> Rule {
        self.current = spec.environment;
        let owner = format!("rule `{}`", spec.id.text);
        let mut when = self.condition(&spec.when, access, &owner);
        if let Some((scope, _)) = spec.within {
            when = self.in_scope(scope, when, &spec.id.span, access, &owner);
        }
        Rule {
            id: spec.id.text.as_str().into(),
            when,
            because: spec.because.as_deref().map(Into::into),
            obligations: spec.obligations.as_slice().into(),
            window: spec.window.clone(),
            is_added: spec.origin > 0,
            places: [&spec.id, &spec.when].map(|text| u32::try_from(text.span.start).unwrap_or(u32::MAX)),
        }
    }

    fn zone(&mut self, spec: &ZoneSpec, access: &Access) -> Zone {
        let mut rule = self.rule(&spec.rule, access);
        Zone {
            window: rule.window.take(),
            rule,
            max_risk: spec.max_risk,
            needs: self.needs(&spec.needs),
            limit: spec.limit,
            grant: self.bounds(&spec.grant),
        }
    }

    fn emergency(&mut self, spec: &EmergencySpec, access: &Access) -> Emergency {
        let mut rule = self.rule(&spec.rule, access);
        let grant = self.bounds(&spec.grant);
        Emergency {
            ceiling: spec.rule.within.map(|(_, ceiling)| ceiling),
            window: rule.window.take(),
            rule,
            grant,
            limit: spec.limit,
            review_within: spec.review_within,
        }
    }

    fn condition(&mut self, source: &Text, access: &Access, owner: &str) -> Program {
        if source.span.is_empty() && source.text.is_empty() {
            return never();
        }
        let Some(environment) = self.environments.get(self.current) else { return never() };
        match Program::condition(&source.text, environment, access) {
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

/// Finds the bytes of the document that a part of a condition stands at. A condition written with escapes
/// has other bytes than its text; then the whole of it is the place.
pub(super) fn place(document: &str, source: &Text, part: &Span) -> Span {
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
    let nothing = Environment::new();
    match Program::expression("false", &nothing) {
        Ok(program) => program,
        Err(_) => never(),
    }
}
