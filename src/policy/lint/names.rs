//! Words that nothing reads.
//!
//! A name counts as used where any text of the rules writes the last part of it, even in passing: a name that is
//! reported is used nowhere.

use std::collections::BTreeSet;

use super::{Lint, Report};
use crate::policy::node::{Content, Node, Text};

pub(super) fn look(roots: &[Node], report: &mut Report<'_, '_, '_>) {
    let tables = roots.iter().flat_map(|root| match &root.content {
        Content::Table(tables) => tables.as_slice(),
        _ => &[],
    });
    let tables: Vec<&(Text, Node)> = tables.collect();
    let (lets, attributes) = (entries(&tables, "let"), entries(&tables, "attributes"));
    let names = lets.iter().map(|(name, _)| name.text.as_str());
    let mut words = Words { unseen: names.chain(attributes.iter().map(|(path, _)| last(path))).collect() };
    for (_, node) in tables.iter().filter(|(name, _)| !ASIDE.contains(&name.text.as_str())) {
        words.strike(node);
    }
    // A used condition can name others, so look until no more are named.
    let mut rest = lets;
    loop {
        let is_used = |entry: &&&(Text, Node)| !words.unseen.contains(entry.0.text.as_str());
        let used: Vec<&(Text, Node)> = rest.iter().filter(is_used).copied().collect();
        rest.retain(|entry| words.unseen.contains(entry.0.text.as_str()));
        if used.is_empty() {
            break;
        }
        used.into_iter().for_each(|(_, condition)| words.strike(condition));
    }
    for (name, _) in rest {
        let message = format!("named condition `{}` is never used", name.text);
        report.find(Lint::UnusedLet, &name.text, &name.span, message, "take it out");
    }
    for (path, _) in attributes.iter().filter(|(path, _)| words.unseen.contains(last(path))) {
        let message = format!("attribute `{}` is declared and never read", path.text);
        let help = "take it out: a request without it would be denied for nothing";
        report.find(Lint::UnusedAttribute, &path.text, &path.span, message, help);
    }
}

fn last(path: &Text) -> &str {
    path.text.rsplit('.').next().unwrap_or_default()
}

fn entries<'n>(tables: &[&'n (Text, Node)], name: &str) -> Vec<&'n (Text, Node)> {
    let named = tables.iter().filter(|(known, _)| known.text == name);
    let entries = named.flat_map(|(_, node)| match &node.content {
        Content::Table(entries) => entries.as_slice(),
        _ => &[],
    });
    entries.collect()
}

/// Words that are looked for and were not seen so far.
struct Words<'n> {
    unseen: BTreeSet<&'n str>,
}

impl Words<'_> {
    /// Strikes out every word that a rule can read by.
    fn strike(&mut self, node: &Node) {
        if self.unseen.is_empty() {
            return;
        }
        match &node.content {
            Content::Text(text) => {
                for word in text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_') {
                    self.unseen.remove(word);
                }
            }
            Content::List(items) => items.iter().for_each(|item| self.strike(item)),
            Content::Table(entries) => {
                let read = entries.iter().filter(|(key, _)| !PROSE.contains(&key.text.as_str()));
                read.for_each(|(_, item)| self.strike(item));
            }
            Content::Bool(_) | Content::Int(_) | Content::Double(_) => {}
        }
    }
}

/// Tables that read nothing of a request.
const ASIDE: [&str; 8] = ["attributes", "let", "case", "requests", "people", "lint", "name", "defaults"];

/// Keys whose text is for people.
const PROSE: [&str; 2] = ["id", "because"];
