//! Words that nothing reads.
//!
//! A name counts as used where any text of the rules writes the last part of it, even in passing: a name that is
//! reported is used nowhere.

use std::collections::BTreeSet;

use super::{Lint, Report};
use crate::policy::node::{Content, Node, Text};

pub(super) fn look(root: &Node, report: &mut Report<'_, '_, '_>) {
    let Content::Table(tables) = &root.content else { return };
    let mut words = BTreeSet::new();
    for (_, node) in tables.iter().filter(|(name, _)| !ASIDE.contains(&name.text.as_str())) {
        collect(node, &mut words);
    }
    let mut lets = entries(tables, "let");
    // A used condition can name others, so look until no more are named.
    loop {
        let (used, rest): (Vec<_>, Vec<_>) =
            lets.into_iter().partition(|(name, _)| words.contains(name.text.as_str()));
        lets = rest;
        if used.is_empty() {
            break;
        }
        used.into_iter().for_each(|(_, condition)| collect(condition, &mut words));
    }
    for (name, _) in lets {
        let message = format!("named condition `{}` is never used", name.text);
        report.find(Lint::UnusedLet, &name.text, &name.span, message, "take it out");
    }
    for (path, _) in entries(tables, "attributes") {
        let last = path.text.rsplit('.').next().unwrap_or_default();
        if !words.contains(last) {
            let message = format!("attribute `{}` is declared and never read", path.text);
            let help = "take it out: a request without it would be denied for nothing";
            report.find(Lint::UnusedAttribute, &path.text, &path.span, message, help);
        }
    }
}

fn entries<'n>(tables: &'n [(Text, Node)], name: &str) -> Vec<&'n (Text, Node)> {
    match tables.iter().find(|(known, _)| known.text == name) {
        Some((_, Node { content: Content::Table(entries), .. })) => entries.iter().collect(),
        _ => Vec::new(),
    }
}

/// Collects every word of every text that a rule can read by.
fn collect<'n>(node: &'n Node, words: &mut BTreeSet<&'n str>) {
    match &node.content {
        Content::Text(text) => {
            words.extend(text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        }
        Content::List(items) => items.iter().for_each(|item| collect(item, words)),
        Content::Table(entries) => {
            let read = entries.iter().filter(|(key, _)| !PROSE.contains(&key.text.as_str()));
            read.for_each(|(_, item)| collect(item, words));
        }
        Content::Bool(_) | Content::Int(_) | Content::Double(_) => {}
    }
}

/// Tables that read nothing of a request.
const ASIDE: [&str; 8] = ["attributes", "let", "case", "requests", "people", "lint", "name", "defaults"];

/// Keys whose text is for people.
const PROSE: [&str; 2] = ["id", "because"];
