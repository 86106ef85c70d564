//! Findings that somebody allowed.

use std::cell::Cell;

use super::Lint;
use crate::policy::document::Document;
use crate::policy::error::Span;

/// What `[[lint]]` allows, and what of it was found.
pub(super) struct Allowed<'d> {
    entries: Vec<Entry<'d>>,
}

struct Entry<'d> {
    lint: Lint,
    of: &'d str,
    span: &'d Span,
    found: Cell<bool>,
}

impl<'d> Allowed<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        let entries = document.lints.iter().flat_map(|spec| {
            let entry = |(lint, span): &'d (Lint, Span)| Entry {
                lint: *lint,
                of: &spec.of.text,
                span,
                found: Cell::new(false),
            };
            spec.allow.iter().map(entry)
        });
        Self { entries: entries.collect() }
    }

    pub(super) fn allows(&self, lint: Lint, of: &str) -> bool {
        let entry = self.entries.iter().find(|entry| entry.lint == lint && entry.of == of);
        entry.inspect(|entry| entry.found.set(true)).is_some()
    }

    /// What was allowed and not found.
    pub(super) fn idle(&self) -> impl Iterator<Item = (Lint, &Span)> {
        self.entries.iter().filter(|entry| !entry.found.get()).map(|entry| (entry.lint, entry.span))
    }
}
