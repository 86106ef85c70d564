//! What was expected beside what was found.

use super::Difference;
use super::cases::{Granted, Played};
use crate::decision::{Decision, Need};
use crate::policy::{CaseSpec, StepSpec, Text};
use crate::span_of_time;

pub(super) fn differences(case: &CaseSpec, played: &Played) -> Vec<Difference> {
    let (expect, decision) = (&case.expect, &played.decision);
    let mut found = Vec::new();
    let effect = expect.effect.as_ref().map(|effect| effect.text.as_str());
    found.extend(text("effect", effect, decision.effect().as_str(), || Some(reasons(decision))));
    found.extend(text("risk", expect.risk.map(|risk| risk.as_str()), decision.risk().as_str(), || None));
    found.extend(list("rules", expect.rules.as_deref(), decision.rules()));
    let missing: Vec<String> =
        decision.missing().map(|need| missing(need, expect.missing.as_deref())).collect();
    found.extend(list("missing", expect.missing.as_deref(), missing.iter().map(String::as_str)));
    let codes = decision.reasons().map(|reason| reason.code().as_str());
    found.extend(list("reasons", expect.reasons.as_deref(), codes));
    for (number, (step, outcome)) in case.steps.iter().zip(&played.steps).enumerate() {
        found.extend(self::step(number.saturating_add(1), step, outcome));
    }
    let state = expect.state.as_ref().map(|state| state.text.as_str());
    found.extend(text("state", state, &played.state, || None));
    found.extend(list("approvers", expect.approvers.as_deref(), played.approvers.iter().map(String::as_str)));
    if let Some(expected) = &expect.grant {
        found.extend(grant(expected, played.grant.as_ref()));
    }
    found
}

/// A need as it is expected: by its path alone, or as `path: problem`.
fn missing(need: &Need, expected: Option<&[Text]>) -> String {
    let path = need.path();
    let mut expected = expected.unwrap_or_default().iter();
    let tells = |text: &Text| text.text.strip_prefix(path).is_some_and(|rest| rest.starts_with(": "));
    if expected.any(tells) { format!("{path}: {}", need.problem()) } else { path.to_owned() }
}

fn text(
    field: &str,
    expected: Option<&str>,
    found: &str,
    note: impl FnOnce() -> Option<String>,
) -> Option<Difference> {
    let expected = expected.filter(|expected| *expected != found)?;
    Some(Difference { note: note(), ..Difference::new(field, expected, found) })
}

/// Compares two sets: how often a text stands there, and in which order, does not matter.
fn list<'t>(
    field: &str,
    expected: Option<&'t [Text]>,
    found: impl Iterator<Item = &'t str>,
) -> Option<Difference> {
    let expected = sorted(expected?.iter().map(|text| text.text.as_str()));
    let found = sorted(found);
    if expected == found {
        return None;
    }
    let beside = |these: &[&str], those: &[&str]| {
        let only: Vec<&str> = these.iter().filter(|text| !those.contains(text)).copied().collect();
        only.join("`, `")
    };
    let (lacks, more) = (beside(&expected, &found), beside(&found, &expected));
    let parts = [("lacks", lacks), ("has besides", more)];
    let note: Vec<String> = parts
        .iter()
        .filter(|(_, names)| !names.is_empty())
        .map(|(word, names)| format!("{word} `{names}`"))
        .collect();
    let show = |texts: &[&str]| format!("[{}]", texts.join(", "));
    Some(Difference {
        note: Some(format!("what was found {}", note.join(" and "))),
        ..Difference::new(field, show(&expected), show(&found))
    })
}

/// Compares one step. A step that says nothing must at least count.
fn step(number: usize, step: &StepSpec, outcome: &Result<String, String>) -> Option<Difference> {
    let who = step.vote.as_ref().map_or("wake", |ballot| ballot.name.as_str());
    let field = format!("votes[{number}] ({who})");
    match (outcome, step.expect.as_deref()) {
        (Ok(_), None) if step.says.is_none() => None,
        (Ok(state), Some(expected)) if step.says.is_none() => text(&field, Some(expected), state, || None),
        (Ok(state), _) => {
            let says = step.says.as_deref().unwrap_or_default();
            Some(Difference::new(field, format!("refused: {says}"), state.clone()))
        }
        (Err(problem), expected) => {
            let refused = expected == Some("refused") || (expected.is_none() && step.says.is_some());
            let says = step.says.as_deref().unwrap_or_default();
            if refused && problem.contains(says) {
                return None;
            }
            let expected =
                if refused { format!("refused: {says}") } else { expected.unwrap_or("counted").to_owned() };
            Some(Difference::new(field, expected, format!("refused: {problem}")))
        }
    }
}

fn grant(expected: &crate::policy::GrantExpectSpec, found: Option<&Granted>) -> Vec<Difference> {
    let Some(found) = found else {
        return (!expected.none).then(|| Difference::new("grant", "one", "none")).into_iter().collect();
    };
    if expected.none {
        let shown = format!("one that lasts {}", span_of_time::print(found.lasts));
        return vec![Difference::new("grant", "none", shown)];
    }
    let show = |field: &str, expected: Option<String>, found: Option<String>| {
        let found = found.unwrap_or_else(|| "none".to_owned());
        text(field, expected.as_deref(), &found, || None)
    };
    let lasts =
        show("grant.lasts", expected.lasts.map(span_of_time::print), Some(span_of_time::print(found.lasts)));
    let ends =
        show("grant.ends", expected.ends.map(|end| end.to_rfc3339()), found.ends.map(|end| end.to_rfc3339()));
    let uses = show(
        "grant.max_uses",
        expected.uses.map(|uses| uses.to_string()),
        found.uses.map(|uses| uses.to_string()),
    );
    let within = show(
        "grant.use_within",
        expected.use_within.map(span_of_time::print),
        found.use_within.map(span_of_time::print),
    );
    [lasts, ends, uses, within].into_iter().flatten().collect()
}

/// Why a decision is as it is, in one line.
fn reasons(decision: &Decision) -> String {
    decision.reasons().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

fn sorted<'t>(texts: impl Iterator<Item = &'t str>) -> Vec<&'t str> {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
