//! Cases that test nothing any more.
//!
//! A vocabulary that moves on leaves cases behind whose requests no longer fit. Every such request is denied, so a
//! case that expects a Deny still holds, and shows nothing.

use std::collections::BTreeSet;

use super::{Lint, Report};
use crate::policy::document::{CaseSpec, Document};
use crate::policy::facts::FactValues;
use crate::policy::schema::Schema;
use crate::text::quote;

pub(super) fn look(document: &Document, schema: &Schema, report: &mut Report<'_, '_, '_>) {
    let ids: BTreeSet<&str> = document.rules().map(|rule| rule.id.text.as_str()).collect();
    let mut seen = BTreeSet::new();
    for case in &document.cases {
        fits(case, document, schema, report);
        names(case, &ids, schema, report);
        if !seen.insert(case.fingerprint()) {
            let message =
                format!("case `{}` asks and expects the same as one above it", quote(&case.name.text));
            report.find(Lint::SameCase, &case.name.text, &case.name.span, message, "take one of the two out");
        }
    }
}

/// Tells of a request that is denied for its form alone, where the case does not say that it is about that.
fn fits(case: &CaseSpec, document: &Document, schema: &Schema, report: &mut Report<'_, '_, '_>) {
    if case.expect.reasons.is_some() {
        return;
    }
    let action = case.request.action().name();
    let actions = &document.actions;
    let problem = if !actions.is_empty() && actions.iter().all(|spec| spec.name.text != action) {
        Some(format!("the policy knows no action `{}`", quote(action)))
    } else {
        schema.inputs(&case.request, &FactValues::default(), case.now).err().map(|misfit| misfit.to_string())
    };
    if let Some(problem) = problem {
        let name = quote(&case.name.text);
        let message = format!("case `{name}` tests no rule: its request is denied because {problem}");
        let help = "mend the request; if the case is about that, let it expect the `reasons`";
        report.find(Lint::IdleCase, &case.name.text, &case.name.span, message, help);
    }
}

/// Tells of rules and attributes that a case names and the policy does not have.
fn names(case: &CaseSpec, ids: &BTreeSet<&str>, schema: &Schema, report: &mut Report<'_, '_, '_>) {
    for rule in case.expect.rules.iter().flatten().filter(|rule| !ids.contains(rule.text.as_str())) {
        let hint = crate::text::nearest(&rule.text, ids.iter().copied());
        let hint = hint.map(|hint| format!("did you mean `{hint}`?")).unwrap_or_default();
        let message = format!(
            "case `{}` expects rule `{}`, which there is not",
            quote(&case.name.text),
            quote(&rule.text)
        );
        report.find(Lint::UnknownInCase, &case.name.text, &rule.span, message, &hint);
    }
    // Whoever asks in one case approves in another: what is known of approvers is known of people.
    let of_people = |path: &str| {
        path.strip_prefix("subject.").is_some_and(|name| schema.reads(&format!("approver.{name}")))
    };
    let read = |path: &str| schema.reads(path) || of_people(path);
    for path in case.stated.iter().filter(|path| !read(&path.text)) {
        let hint = schema.closest(&path.text).map(|hint| format!("did you mean `{hint}`?"));
        let message = format!(
            "case `{}` states `{}`, which no condition can read",
            quote(&case.name.text),
            quote(&path.text)
        );
        let hint = hint.unwrap_or_else(|| "declare it in `[attributes]`, or take it out".to_owned());
        report.find(Lint::UnknownInCase, &case.name.text, &path.span, message, &hint);
    }
}
