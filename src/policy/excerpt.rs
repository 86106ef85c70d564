//! What of a policy a review needs.
//!
//! A review's plan travels in a record, which is bounded. It takes the matched reviews, and of the shared
//! tables only the names that they can read, so that a policy may have any number of names.

use std::collections::BTreeSet;

use serde_json::Value as Json;

use super::node::{Content, Node, Text};
use super::{Policy, ReviewRule};

impl Policy {
    /// Writes a document that holds only the given reviews and what they share with the rest.
    pub(crate) fn excerpt(&self, reviews: &[&ReviewRule]) -> Json {
        let shared = &self.inner.document.shared;
        let table = |name: &str| {
            let found = shared.iter().find(|(known, _)| *known == name).map(|(_, node)| &node.content);
            if let Some(Content::Table(entries)) = found { entries.as_slice() } else { &[] }
        };
        let mut words = BTreeSet::new();
        for review in reviews {
            collect(&review.node, &mut words);
        }
        // A kept condition can name others, so look until no more are named.
        let mut rest: Vec<&(Text, Node)> = table("let").iter().collect();
        loop {
            let (named, others): (Vec<_>, Vec<_>) =
                rest.into_iter().partition(|entry| is_named(entry, &words));
            if named.is_empty() {
                break;
            }
            for (_, condition) in named {
                collect(condition, &mut words);
            }
            rest = others;
        }
        let kept = |(table, node): &(&'static str, Node)| {
            let json = match &node.content {
                Content::Table(entries) if matches!(*table, "attributes" | "let") => entries
                    .iter()
                    .filter(|entry| is_named(entry, &words))
                    .map(|(name, node)| (name.text.clone(), node.to_json()))
                    .collect(),
                _ => node.to_json(),
            };
            ((*table).to_owned(), json)
        };
        let rules = reviews.iter().map(|review| review.node.to_json()).collect();
        let kept_tables = shared.iter().filter(|(name, _)| *name != "actions");
        kept_tables.map(kept).chain([("review".to_owned(), rules)]).collect()
    }
}

/// Says whether a text can name an entry. Whoever names a path writes its last part.
fn is_named((name, _): &(Text, Node), words: &BTreeSet<&str>) -> bool {
    name.text.rsplit('.').next().is_some_and(|last| words.contains(last))
}

/// Collects every word of every text.
fn collect<'n>(node: &'n Node, words: &mut BTreeSet<&'n str>) {
    match &node.content {
        Content::Text(text) => {
            words.extend(text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_'));
        }
        Content::List(items) => items.iter().for_each(|item| collect(item, words)),
        Content::Table(entries) => entries.iter().for_each(|(_, item)| collect(item, words)),
        Content::Bool(_) | Content::Int(_) | Content::Double(_) => {}
    }
}
