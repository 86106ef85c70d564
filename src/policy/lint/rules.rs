//! Rules that cannot do what they are for.
//!
//! Finds conditions that never or always hold, rules that add nothing to another, and rules that a forbid, a
//! hold or the risk defeats wherever they match. Compares rules in pairs: what several rules cover only
//! together is not found.

use super::index::Index;
use super::solve::{Reduced, Solver};
use super::{Lint, Report};
use crate::cel::{Environment, Program, Shape};
use crate::policy::document::{Document, RuleSpec};
use crate::policy::schema::Schema;
use crate::policy::{Field, Obligation, Rule, RuleKind, Rules, Text, Zone};
use crate::risk::Risk;

/// A rule with its condition as tests.
pub(super) struct Ruled<'p> {
    pub(super) kind: RuleKind,
    pub(super) spec: &'p RuleSpec,
    pub(super) when: &'p Program,
    /// Holds where the condition is true.
    pub(super) shape: Shape<'p>,
    environment: &'p Environment,
    pub(super) zone: Option<&'p Zone>,
    rule: &'p Rule,
    level: Option<Risk>,
}

impl<'p> Ruled<'p> {
    /// All rules that have a condition of their own.
    pub(super) fn all(document: &'p Document, rules: &'p Rules, schema: &'p Schema) -> Vec<Self> {
        let new = |kind, spec, rule: &'p Rule| Self {
            kind,
            spec,
            rule,
            when: &rule.when,
            shape: rule.when.shape(true, &schema.environment),
            environment: &schema.environment,
            zone: None,
            level: None,
        };
        let risks = document.risks.iter().zip(&rules.risks);
        let risks = risks.map(|(spec, (rule, level))| Self {
            level: Some(*level),
            ..new(RuleKind::Risk, &spec.rule, rule)
        });
        let forbids = document.forbids.iter().zip(&rules.forbids);
        let holds = document.holds.iter().zip(&rules.holds);
        let zones = document.zones.iter().zip(&rules.zones);
        let zones = zones
            .map(|(spec, zone)| Self { zone: Some(zone), ..new(RuleKind::Zone, &spec.rule, &zone.rule) });
        let reviews = document.reviews.iter().zip(&rules.reviews).filter(|(spec, _)| !spec.otherwise);
        let emergencies = document.emergencies.iter().zip(&rules.emergencies);
        risks
            .chain(forbids.map(|(spec, rule)| new(RuleKind::Forbid, spec, rule)))
            .chain(holds.map(|(spec, rule)| new(RuleKind::Hold, spec, rule)))
            .chain(zones)
            .chain(reviews.map(|(spec, review)| new(RuleKind::Review, &spec.rule, &review.rule)))
            .chain(emergencies.map(|(spec, rule)| new(RuleKind::Emergency, &spec.rule, &rule.rule)))
            .collect()
    }

    pub(super) fn id(&self) -> &str {
        &self.spec.id.text
    }

    /// Holds where the condition is false.
    fn opposite(&self) -> Shape<'p> {
        self.when.shape(false, self.environment)
    }
}

/// Names a kind in a sentence.
pub(super) fn called(kind: RuleKind) -> &'static str {
    match kind {
        RuleKind::Risk => "risk rule",
        other => other.as_str(),
    }
}

pub(super) fn look<'p>(
    ruled: &[Ruled<'p>],
    rules: &Rules,
    solver: &mut Solver<'p>,
    report: &mut Report<'_, '_, '_>,
) {
    let of_kind = |kind: RuleKind| {
        ruled
            .iter()
            .enumerate()
            .filter(move |(_, rule)| rule.kind == kind)
            .map(|(number, rule)| (number, &rule.shape))
    };
    let kinds = [RuleKind::Risk, RuleKind::Forbid, RuleKind::Hold, RuleKind::Zone];
    let indexes = kinds.map(|kind| (kind, Index::new(of_kind(kind))));
    let ceilings = Ceilings::new(ruled, rules.default_risk);
    for (number, rule) in ruled.iter().enumerate() {
        idle_tests(rule.id(), &rule.spec.when, rule.when, report);
        let Some(reduced) = solver.reduce(&rule.shape) else {
            never(rule, report);
            continue;
        };
        always(rule, solver, report);
        let mut covered = false;
        for (_, index) in indexes.iter().filter(|(kind, _)| asks(rule.kind, *kind)) {
            for other in index.candidates(reduced.state().keys()) {
                if covered || solver.is_spent() {
                    break;
                }
                let Some(other_rule) = ruled.get(other).filter(|_| other != number) else { continue };
                solver.spend(compared(&rule.rule.obligations, &other_rule.rule.obligations));
                let Some(lint) = relation(rule, other_rule) else { continue };
                if solver.can_differ(&reduced, &other_rule.shape, || other_rule.opposite()) {
                    continue;
                }
                // A zone that fails lets nobody in; every other rule counts as if it matched.
                if other_rule.kind == RuleKind::Zone && solver.can_fail(&reduced, &other_rule.shape) {
                    continue;
                }
                // But for zones and emergencies, a rule that fails where it does not match does something there.
                let strict = !matches!(rule.kind, RuleKind::Zone | RuleKind::Emergency);
                if strict && solver.can_fail(&Reduced::default(), &rule.shape) {
                    continue;
                }
                // Of rules that do the same the first stays.
                let stays = number < other && relation(other_rule, rule) == Some(lint);
                if !(stays && covers_wholly(rule, other_rule, solver)) {
                    tell(rule, other_rule, lint, report);
                    covered = true;
                }
            }
        }
        if let (false, Some(zone)) = (covered, rule.zone) {
            ceilings.look(rule, zone, &reduced, solver, report);
        }
    }
}

/// Says whether rules of the other kind can make one of the first idle.
fn asks(kind: RuleKind, other: RuleKind) -> bool {
    match kind {
        RuleKind::Risk => other == RuleKind::Risk,
        RuleKind::Forbid | RuleKind::Review | RuleKind::Emergency => other == RuleKind::Forbid,
        RuleKind::Hold => matches!(other, RuleKind::Forbid | RuleKind::Hold),
        RuleKind::Zone => {
            matches!(other, RuleKind::Risk | RuleKind::Forbid | RuleKind::Hold | RuleKind::Zone)
        }
    }
}

/// How many comparisons show what one list of obligations has that another has not.
pub(super) fn compared(some: &[Obligation], others: &[Obligation]) -> usize {
    some.len().saturating_mul(others.len()).saturating_add(1)
}

/// Says whether a rule matches wherever another does.
fn covers_wholly<'p>(rule: &Ruled<'p>, other: &Ruled<'p>, solver: &mut Solver<'p>) -> bool {
    let reduced = solver.reduce(&other.shape);
    reduced.is_some_and(|reduced| !solver.can_differ(&reduced, &rule.shape, || rule.opposite()))
}

/// What it means for a rule that another one matches wherever it does; `None` if that is no harm.
fn relation(rule: &Ruled<'_>, other: &Ruled<'_>) -> Option<Lint> {
    // What holds only at times covers nothing; and whoever obliges adds that.
    if other.rule.window.is_some() {
        return None;
    }
    let same = rule.rule.obligations.iter().all(|owed| other.rule.obligations.contains(owed));
    let adds = !same && rule.kind != RuleKind::Forbid && rule.kind == other.kind;
    match (rule.kind, other.kind) {
        _ if adds => None,
        (RuleKind::Risk, RuleKind::Risk) => (rule.level <= other.level).then_some(Lint::Shadowed),
        (RuleKind::Forbid, RuleKind::Forbid) | (RuleKind::Hold, RuleKind::Hold) => Some(Lint::Shadowed),
        (RuleKind::Zone, RuleKind::Zone) => covers(other.zone?, rule.zone?).then_some(Lint::Shadowed),
        (RuleKind::Zone, RuleKind::Risk) => {
            (other.level > rule.zone.map(|zone| zone.max_risk)).then_some(Lint::RiskTooHigh)
        }
        (_, RuleKind::Forbid) => Some(Lint::AlwaysForbidden),
        (RuleKind::Zone, RuleKind::Hold) => Some(Lint::AlwaysHeld),
        _ => None,
    }
}

/// Says whether a zone lets in, on terms that are no narrower, whatever another lets in under the same condition.
fn covers(wide: &Zone, narrow: &Zone) -> bool {
    let plain = |zone: &Zone| {
        let grant = &zone.grant;
        zone.window.is_none() && grant.not_before.is_none() && grant.until.is_none()
    };
    let is_needed = |field: &Field| narrow.needs.fields.iter().any(|known| known.path == field.path);
    let no_form = |field: &Field| field.matches.is_none() && field.min.is_none() && field.max.is_none();
    let fields = wide.needs.fields.iter().all(|field| no_form(field) && is_needed(field));
    plain(wide)
        && wide.rule.obligations == narrow.rule.obligations
        && wide.grant.start_later == narrow.grant.start_later
        && wide.max_risk >= narrow.max_risk
        && wide.limit.is_none()
        && fields
        && wide.needs.auth.is_none()
        && wide.grant.min <= narrow.grant.min
        && (wide.grant.max >= narrow.grant.max)
        && (wide.grant.caps || !narrow.grant.caps)
        && wide.grant.max_uses == narrow.grant.max_uses
        && wide.grant.use_within == narrow.grant.use_within
        && wide.grant.default == narrow.grant.default
}

fn tell(rule: &Ruled<'_>, other: &Ruled<'_>, lint: Lint, report: &mut Report<'_, '_, '_>) {
    let (kind, id, cause) = (called(rule.kind), rule.id(), other.id());
    let (message, help) = match lint {
        Lint::AlwaysForbidden => (
            format!("{kind} `{id}` has no effect: wherever it matches, forbid `{cause}` does"),
            "narrow the forbid, or take the rule out",
        ),
        Lint::AlwaysHeld => (
            format!("{kind} `{id}` never opens: wherever it matches, hold `{cause}` does"),
            "narrow the hold, or take the zone out",
        ),
        Lint::RiskTooHigh => (
            format!(
                "zone `{id}` never opens: wherever it matches, risk rule `{cause}` raises the risk above its `max_risk`"
            ),
            "raise `max_risk`, or narrow one of the two",
        ),
        _ => (
            format!("{kind} `{id}` adds nothing: wherever it matches, `{cause}` does, and does as much"),
            "take one of the two out, or narrow the wider one",
        ),
    };
    report.find(lint, id, &rule.spec.id.span, message, help);
}

fn never(rule: &Ruled<'_>, report: &mut Report<'_, '_, '_>) {
    let message =
        format!("{} `{}` never matches: its condition cannot be true", called(rule.kind), rule.id());
    let help = "look for tests that exclude each other, and for values that `one_of` does not have";
    report.find(Lint::NeverMatches, rule.id(), &rule.spec.when.span, message, help);
}

/// Tells of a condition that is true in other words than `true`.
fn always<'p>(rule: &Ruled<'p>, solver: &mut Solver<'p>, report: &mut Report<'_, '_, '_>) {
    let anything = Reduced::default();
    if rule.spec.when.text.trim() != "true"
        && !solver.can_differ(&anything, &rule.shape, || rule.opposite())
        && !solver.can_fail(&anything, &rule.shape)
    {
        let message =
            format!("{} `{}` always matches: its condition is never false", called(rule.kind), rule.id());
        report.find(
            Lint::AlwaysMatches,
            rule.id(),
            &rule.spec.when.span,
            message,
            "if that is meant, write `true`",
        );
    }
}

/// Tells what the condition language itself found in a condition of a rule.
pub(super) fn idle_tests(id: &str, text: &Text, condition: &Program, report: &mut Report<'_, '_, '_>) {
    for warning in condition.warnings().iter().filter(|warning| !warning.message.starts_with(CONSTANT)) {
        let span = report.place(text, &warning.span);
        let message = format!("rule `{id}`: {}", warning.message);
        report.find(Lint::IdleTest, id, &span, message, warning.help.as_deref().unwrap_or_default());
    }
}

/// The levels that risk rules can give, to see which zones none of them lets in.
struct Ceilings<'r, 'p> {
    default: Risk,
    risks: Vec<(&'r Ruled<'p>, Risk)>,
}

impl<'r, 'p> Ceilings<'r, 'p> {
    fn new(ruled: &'r [Ruled<'p>], default: Risk) -> Self {
        Self { default, risks: ruled.iter().filter_map(|rule| Some((rule, rule.level?))).collect() }
    }

    /// Tells of a zone that no risk rule helps below its ceiling, where the default is above it.
    fn look(
        &self,
        rule: &Ruled<'p>,
        zone: &Zone,
        reduced: &Reduced<'_, 'p>,
        solver: &mut Solver<'p>,
        report: &mut Report<'_, '_, '_>,
    ) {
        let helps = |solver: &mut Solver<'p>, (risk, level): &(&Ruled<'p>, Risk)| {
            solver.spend(1);
            *level <= zone.max_risk && solver.can_hold(reduced, &risk.shape)
        };
        if self.default <= zone.max_risk || self.risks.iter().any(|risk| helps(solver, risk)) {
            return;
        }
        let (id, most, default) = (rule.id(), zone.max_risk, self.default);
        let message = format!(
            "zone `{id}` never opens: it lets in {most} risk at most, no risk rule says so of what it matches, and the default is {default}"
        );
        let help = "add a `[[risk]]` rule that says how harmless it is, or raise `max_risk`";
        report.find(Lint::RiskTooHigh, id, &rule.spec.id.span, message, help);
    }
}

/// How the condition language begins to tell of a constant condition.
const CONSTANT: &str = "condition is always";
