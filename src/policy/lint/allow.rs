//! Findings that somebody allowed.

use std::cell::Cell;
use std::collections::BTreeMap;

use super::Lint;
use crate::policy::document::Document;
use crate::policy::error::Span;

/// What `[[lint]]` allows, and what of it was found. What is allowed twice is found once.
pub(super) struct Allowed<'d> {
    entries: Vec<(Lint, &'d Span, Cell<bool>)>,
    /// The first entry of each kind of finding and each thing.
    places: BTreeMap<(Lint, &'d str), usize>,
}

impl<'d> Allowed<'d> {
    pub(super) fn new(document: &'d Document) -> Self {
        let (mut entries, mut places) = (Vec::new(), BTreeMap::new());
        for spec in &document.lints {
            for (lint, span) in &spec.allow {
                places.entry((*lint, spec.of.text.as_str())).or_insert(entries.len());
                entries.push((*lint, span, Cell::new(false)));
            }
        }
        Self { entries, places }
    }

    pub(super) fn allows(&self, lint: Lint, of: &str) -> bool {
        let entry = self.places.get(&(lint, of)).and_then(|place| self.entries.get(*place));
        entry.inspect(|(.., found)| found.set(true)).is_some()
    }

    /// What was allowed and not found.
    pub(super) fn idle(&self) -> impl Iterator<Item = (Lint, &Span)> {
        self.entries.iter().filter(|(.., found)| !found.get()).map(|(lint, span, _)| (*lint, *span))
    }
}
