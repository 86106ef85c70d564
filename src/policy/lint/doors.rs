//! Zones and emergencies that open too easily.
//!
//! A zone that opens on what the caller says alone is an error: whoever wants in says it. One that names neither
//! an action nor a resource opens for whatever comes later.

use super::rules::{Ruled, called};
use super::solve::Solver;
use super::{Lint, Report};
use crate::cel::{Shape, Slot, Test};
use crate::policy::RuleKind;
use crate::policy::schema::Schema;

pub(super) fn look<'p>(
    ruled: &[Ruled<'p>],
    schema: &Schema,
    solver: &mut Solver<'p>,
    report: &mut Report<'_, '_, '_>,
) {
    for rule in ruled.iter().filter(|rule| matches!(rule.kind, RuleKind::Zone | RuleKind::Emergency)) {
        let (kind, id) = (called(rule.kind), rule.id());
        let is_callers = |test: &Test<'_>| who_says(test, schema) == Says::Caller;
        let is_hosts = |test: &Test<'_>| who_says(test, schema) == Says::Host;
        // It opens although nothing that the host vouches for says so, and only because the caller said something.
        let by_caller = rule.shape.holds(&|test| !is_hosts(test));
        let by_itself = rule.shape.holds(&|test| !is_hosts(test) && !is_callers(test));
        if by_caller && !by_itself && can_open(rule, solver, &is_hosts) {
            let message = format!("{kind} `{id}` opens on what the caller says alone");
            let help = "join it by `&&` with something that the host attests or that the grant is bound to, such as the action";
            report.find(Lint::CallerAlone, id, &rule.spec.when.span, message, help);
            continue;
        }
        let names = |test: &Test<'_>| test.slots().any(|slot| is_named(slot, schema));
        if rule.shape.holds(&|test| !names(test)) && can_open(rule, solver, &names) {
            let message = format!("{kind} `{id}` opens for any action on any resource");
            let help = "name the actions or the resources that it is meant for, such as an environment";
            report.find(Lint::OpenEverywhere, id, &rule.spec.when.span, message, help);
        }
    }
}

/// Who vouches for what a test reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Says {
    Host,
    Caller,
    /// The clock, and the risk, which every zone bounds anyway.
    Nobody,
}

fn who_says(test: &Test<'_>, schema: &Schema) -> Says {
    let mut says = Says::Nobody;
    for slot in test.slots() {
        if schema.is_callers(slot) {
            says = Says::Caller;
        } else if slot != schema.members.now && slot != schema.members.risk {
            return Says::Host;
        }
    }
    says
}

/// Says whether an attribute tells an action or a resource from others.
fn is_named(slot: Slot, schema: &Schema) -> bool {
    let path = schema.environment.path(slot).unwrap_or_default();
    let root = path.split('.').next().unwrap_or_default();
    matches!(root, "action" | "resource")
        || schema
            .environment
            .slot(root)
            .is_some_and(|root| root != schema.members.now && root != schema.members.risk)
}

/// Says whether a rule can open although none of the tests comes out right.
fn can_open<'p>(rule: &Ruled<'p>, solver: &mut Solver<'p>, without: &dyn Fn(&Test<'_>) -> bool) -> bool {
    solver.reduce(&cut(&rule.shape, without)).is_some()
}

/// The condition as it would be if some tests never came out right.
fn cut<'p>(shape: &Shape<'p>, without: &dyn Fn(&Test<'_>) -> bool) -> Shape<'p> {
    match shape {
        Shape::Test(test) if without(test) => Shape::Always(false),
        Shape::All(parts) => Shape::All(parts.iter().map(|part| cut(part, without)).collect()),
        Shape::Any(parts) => Shape::Any(parts.iter().map(|part| cut(part, without)).collect()),
        other => other.clone(),
    }
}
