//! Zones that let the same request in and oblige to different things.
//!
//! Of several zones the one with the fewest obligations is used. So where a zone obliges to something and another
//! one that matches the same request does not, the first obligation is never met.

use super::rules::{Ruled, compared};
use super::solve::Solver;
use super::{Lint, Report};
use crate::policy::{Obligation, Zone};

pub(super) fn look<'p>(ruled: &[Ruled<'p>], solver: &mut Solver<'p>, report: &mut Report<'_, '_, '_>) {
    let zones = || ruled.iter().filter_map(|rule| Some((rule, rule.zone?)));
    for (rule, zone) in zones().filter(|(_, zone)| !zone.rule.obligations.is_empty()) {
        let Some(reduced) = solver.reduce(&rule.shape) else { continue };
        for (other, wide) in zones() {
            if solver.is_spent() {
                return;
            }
            solver.spend(compared(&zone.rule.obligations, &wide.rule.obligations));
            let missed = missed(zone, wide);
            if missed.is_empty() || !solver.must_meet(&reduced, &rule.shape, &other.shape) {
                continue;
            }
            let (id, cause) = (rule.id(), other.id());
            let kinds: Vec<&str> = missed.iter().map(|owed| owed.kind()).collect();
            let message = format!(
                "zone `{id}` obliges to `{}`, and zone `{cause}`, which can match the same request, does not",
                kinds.join("`, `")
            );
            let help = "let the conditions exclude each other, or oblige to the same in both";
            report.find(Lint::Obligations, id, &rule.spec.id.span, message, help);
            break;
        }
    }
}

/// What one zone obliges to and another, which may be used in its place, does not.
fn missed<'z>(zone: &'z Zone, other: &Zone) -> Vec<&'z Obligation> {
    if other.rule.obligations.len() > zone.rule.obligations.len() {
        return Vec::new();
    }
    zone.rule.obligations.iter().filter(|owed| !other.rule.obligations.contains(owed)).collect()
}
