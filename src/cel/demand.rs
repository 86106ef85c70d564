//! What a condition demands of single attributes.
//!
//! Finds the tests that every true outcome needs, so that an index can pass over a condition without running
//! it. A demand is only drawn from what decides the condition by itself; when in doubt there is none.

use super::environment::Slot;
use super::node::{Node, TextTest};

/// What one attribute must be if a condition is to be true.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Demand<'p> {
    /// A text that is one of these.
    OneOf(Slot, Vec<&'p str>),
    /// A text that begins so.
    StartsWith(Slot, &'p str),
    /// A list or map that has this text as an element or key.
    Has(Slot, &'p str),
    /// The truth value `true`.
    True(Slot),
    /// Any value at all.
    Present(Slot),
}

/// The demands of a condition.
pub(super) fn of(node: &Node) -> Vec<Demand<'_>> {
    match node {
        Node::And(parts) => parts.iter().filter_map(single).collect(),
        _ => single(node).into_iter().collect(),
    }
}

/// Visits the tests below `&&`, `||` and `!`.
pub(super) fn leaves<'p>(node: &'p Node, look: &mut dyn FnMut(&'p Node)) {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| leaves(part, look)),
        Node::Not(inner, _) => leaves(inner, look),
        _ => look(node),
    }
}

fn single(node: &Node) -> Option<Demand<'_>> {
    match node {
        Node::Slot(slot, _) => Some(Demand::True(*slot)),
        Node::Present(slot, _) => Some(Demand::Present(*slot)),
        Node::Member(member) => match member.list {
            Node::Slot(slot, _) => Some(Demand::Has(slot, &member.item)),
            _ => None,
        },
        Node::Text(text) => match (&text.operand, &text.test) {
            (Node::Slot(slot, _), TextTest::Equal(literal)) => Some(Demand::OneOf(*slot, vec![literal])),
            (Node::Slot(slot, _), TextTest::In(set)) => Some(Demand::OneOf(*slot, set.iter().collect())),
            (Node::Slot(slot, _), TextTest::StartsWith(literal)) => Some(Demand::StartsWith(*slot, literal)),
            _ => None,
        },
        Node::Or(parts) => either(parts),
        _ => None,
    }
}

/// Tests of one attribute joined by `||`.
fn either(parts: &[Node]) -> Option<Demand<'_>> {
    let mut joined: Option<(Slot, Vec<&str>)> = None;
    for part in parts {
        let Some(Demand::OneOf(slot, texts)) = single(part) else { return None };
        match &mut joined {
            None => joined = Some((slot, texts)),
            Some((known, all)) if *known == slot => all.extend(texts),
            Some(_) => return None,
        }
    }
    joined.map(|(slot, texts)| Demand::OneOf(slot, texts))
}
