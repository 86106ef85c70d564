//! Reviews that nobody can approve.
//!
//! Looks at each condition on approvers together with the condition of its review. Whether the people exist is
//! the host's to know; that no person could meet a condition is not.

use super::rules::idle_tests;
use super::solve::Solver;
use super::{Lint, Report};
use crate::cel::{Program, Shape};
use crate::policy::document::{ApproveSpec, Document, ReviewSpec};
use crate::policy::schema::Schema;
use crate::policy::{Approve, ReviewRule, Rules, Text};

pub(super) fn look<'p>(
    document: &'p Document,
    rules: &'p Rules,
    schema: &'p Schema,
    solver: &mut Solver<'p>,
    report: &mut Report<'_, '_, '_>,
) {
    for (spec, review) in document.reviews.iter().zip(&rules.reviews) {
        for (text, condition) in conditions(spec, review) {
            idle_tests(&spec.rule.id.text, text, condition, report);
        }
        let when = review.rule.when.shape(true, &schema.environment);
        if solver.reduce(&when).is_none() {
            continue; // It never matches, which is told already.
        }
        let when = timeless(&when, schema);
        let mut seats = Seats { spec, review, when, schema, solver, report };
        for (stage, compiled) in spec.stages.iter().zip(&review.stages) {
            // Somebody else may fill it later.
            if compiled.escalate.is_empty() && compiled.fallback.is_none() {
                seats.approve(&stage.approve, &compiled.approve);
            }
            for (stage, compiled) in stage.fallback.iter().zip(&compiled.fallback) {
                seats.approve(stage, compiled);
            }
        }
        for (veto, compiled) in spec.veto.iter().flatten().zip(review.veto.iter().flatten()) {
            if !seats.can_be_met(&compiled.from) {
                let message = format!(
                    "nobody can reject review `{}` by this condition: it cannot be true",
                    spec.rule.id.text
                );
                seats.report.find(
                    Lint::NobodyApproves,
                    &spec.rule.id.text,
                    &veto.from.span,
                    message,
                    EXCLUDE,
                );
            }
        }
    }
}

/// All conditions on people, each with its text.
fn conditions<'p>(spec: &'p ReviewSpec, review: &'p ReviewRule) -> Vec<(&'p Text, &'p Program)> {
    let mut found: Vec<(&Text, &Program)> = spec.exclude.iter().zip(&review.exclude).collect();
    for (stage, compiled) in spec.stages.iter().zip(&review.stages) {
        leaves(&stage.approve, &compiled.approve, &mut found);
        if let (Some(stage), Some(compiled)) = (&stage.fallback, &compiled.fallback) {
            leaves(stage, compiled, &mut found);
        }
        let added = stage.escalate.iter().zip(&compiled.escalate);
        found.extend(added.map(|(spec, compiled)| (&spec.add, &compiled.add)));
    }
    let vetoes = spec.veto.iter().flatten().zip(review.veto.iter().flatten());
    found.extend(vetoes.map(|(spec, compiled)| (&spec.from, &compiled.from)));
    found
}

fn leaves<'p>(spec: &'p ApproveSpec, approve: &'p Approve, found: &mut Vec<(&'p Text, &'p Program)>) {
    match (spec, approve) {
        (ApproveSpec::AtLeast { of, .. }, Approve::AtLeast { of: compiled, .. }) => {
            of.iter().zip(compiled).for_each(|(spec, part)| leaves(spec, part, found));
        }
        (ApproveSpec::Leaf(spec), Approve::Leaf(leaf)) => found.push((&spec.from, &leaf.from)),
        _ => {}
    }
}

/// The condition under which a review was opened, as it still holds when somebody votes: it is later then.
fn timeless<'p>(shape: &Shape<'p>, schema: &Schema) -> Shape<'p> {
    match shape {
        Shape::Test(test) if test.slots().any(|slot| slot == schema.members.now) => Shape::Always(true),
        Shape::All(parts) => Shape::All(parts.iter().map(|part| timeless(part, schema)).collect()),
        Shape::Any(parts) => Shape::Any(parts.iter().map(|part| timeless(part, schema)).collect()),
        other => other.clone(),
    }
}

/// The seats of one review.
struct Seats<'s, 'p, 'd, 'f, 't> {
    spec: &'p ReviewSpec,
    review: &'p ReviewRule,
    when: Shape<'p>,
    schema: &'p Schema,
    solver: &'s mut Solver<'p>,
    report: &'s mut Report<'d, 'f, 't>,
}

impl<'p> Seats<'_, 'p, '_, '_, '_> {
    fn approve(&mut self, spec: &'p ApproveSpec, approve: &'p Approve) {
        match (spec, approve) {
            (ApproveSpec::AtLeast { of, .. }, Approve::AtLeast { of: compiled, .. }) => {
                of.iter().zip(compiled).for_each(|(spec, part)| self.approve(spec, part));
            }
            (ApproveSpec::Leaf(spec), Approve::Leaf(leaf)) => self.leaf(&spec.from, leaf.count, &leaf.from),
            _ => {}
        }
    }

    fn leaf(&mut self, text: &Text, count: usize, from: &'p Program) {
        let id = self.spec.rule.id.text.as_str();
        let mut tell = |lint, message: String, help| self.report.find(lint, id, &text.span, message, help);
        let environment = &self.schema.environment;
        let shape = from.shape(true, environment);
        let Some(alone) = self.solver.reduce(&shape) else {
            tell(
                Lint::NobodyApproves,
                format!("nobody can approve review `{id}` here: the condition cannot be true"),
                EXCLUDE,
            );
            return;
        };
        if !self.solver.can_hold(&alone, &self.when) {
            let message = format!(
                "nobody can approve review `{id}` here: the condition excludes the review's own `when`"
            );
            tell(Lint::NobodyApproves, message, EXCLUDE);
            return;
        }
        let ids = [environment.slot("approver.id"), environment.slot("subject.id")];
        let [Some(approver), Some(subject)] = ids else { return };
        let own = alone.state().is_same(approver, subject);
        if own && !self.review.allow_self {
            let message = format!(
                "only somebody with the requester's id could approve review `{id}` here, and requesters do not count"
            );
            tell(Lint::OnlyRequester, message, "ask somebody else, or say `allow_self = true`");
            return;
        }
        let people = if own { Some(1) } else { alone.state().texts(approver).map(<[_]>::len) };
        if let Some(people) = people.filter(|people| *people < count) {
            let message = format!(
                "nobody can approve review `{id}` here: it asks for {count} people and lets {people} id{} in",
                if people == 1 { "" } else { "s" }
            );
            tell(Lint::NobodyApproves, message, "lower `count`, or let more people in");
        }
    }

    fn can_be_met(&mut self, from: &'p Program) -> bool {
        let shape = from.shape(true, &self.schema.environment);
        self.solver.can_both_hold(&shape, &self.when)
    }
}

const EXCLUDE: &str = "look for tests that exclude each other, and for values that `one_of` does not have";
