//! What a condition demands of single attributes.
//!
//! Finds the tests that must not be false if a condition is to be anything but false, so that an index can
//! pass over it without running it. What fails is not false: an attribute that cannot be read meets every
//! demand. A demand is only drawn from what decides by itself; when in doubt there is none.

use super::ast::BinaryOp;
use super::environment::Slot;
use super::node::{FoldNode, LoopKind, Node, TextNode, TextTest};
use super::val::Val;

/// What one attribute must be if a condition is to be true, or is to fail.
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
    /// The truth value `false`.
    False(Slot),
    /// Any value at all: the one demand that an absent attribute does not meet.
    Present(Slot),
    /// One of these lists, each as a whole; where there is none, nothing meets it.
    Any(Vec<Vec<Demand<'p>>>),
}

/// The demands of a condition.
pub(super) fn of(node: &Node) -> Vec<Demand<'_>> {
    let mut demands = Vec::new();
    find(node, true, &mut demands);
    demands
}

/// Visits the tests below `&&`, `||` and `!`.
pub(super) fn leaves<'p>(node: &'p Node, look: &mut dyn FnMut(&'p Node)) {
    match node {
        Node::And(parts) | Node::Or(parts) => parts.iter().for_each(|part| leaves(part, look)),
        Node::Not(inner, _) => leaves(inner, look),
        _ => look(node),
    }
}

/// Adds what a node demands if it is to give a truth value, or to fail.
fn find<'p>(node: &'p Node, truth: bool, demands: &mut Vec<Demand<'p>>) {
    match node {
        Node::Not(inner, _) => find(inner, !truth, demands),
        Node::And(parts) | Node::Or(parts) if matches!(node, Node::And(_)) == truth => {
            for part in parts {
                find(part, truth, demands);
                // What comes after is not reached if the part uses up the budget.
                if builds(part) {
                    break;
                }
            }
        }
        Node::And(parts) | Node::Or(parts) => demands.extend(either(parts, truth)),
        Node::Const(Val::Bool(value)) if *value != truth => demands.push(Demand::Any(Vec::new())),
        Node::Slot(slot, _) if truth => demands.push(Demand::True(*slot)),
        Node::Slot(slot, _) => demands.push(Demand::False(*slot)),
        Node::Present(slot, _) if truth => demands.push(Demand::Present(*slot)),
        Node::Member(member) if truth => {
            if let Node::Slot(slot, _) = member.list {
                demands.push(Demand::Has(slot, &member.item));
            }
        }
        Node::Text(text) => demands.extend(text_demand(text, truth)),
        Node::Fold(fold) if truth => demands.extend(element(fold)),
        _ => {}
    }
}

/// Says whether evaluating a node can use up the bytes of a budget. Its steps suffice: the cost is checked.
fn builds(node: &Node) -> bool {
    let mut found = false;
    node.visit(&mut |node| {
        found |= match node {
            Node::Call(_) | Node::List(..) | Node::Map(..) => true,
            Node::Fold(fold) => !matches!(fold.kind, LoopKind::Exists | LoopKind::All),
            Node::Binary(binary) => binary.op == BinaryOp::Add,
            _ => false,
        };
    });
    found
}

fn text_demand(text: &TextNode, truth: bool) -> Option<Demand<'_>> {
    let Node::Slot(slot, _) = text.operand else { return None };
    match (&text.test, truth) {
        (TextTest::Equal(literal), true) | (TextTest::NotEqual(literal), false) => {
            Some(Demand::OneOf(slot, vec![literal]))
        }
        (TextTest::In(set), true) => Some(Demand::OneOf(slot, set.iter().collect())),
        (TextTest::StartsWith(literal), true) => Some(Demand::StartsWith(slot, literal)),
        _ => None,
    }
}

/// `list.exists(x, x == "a")` and `list.exists(x, x in ["a", "b"])`.
fn element(fold: &FoldNode) -> Option<Demand<'_>> {
    let (LoopKind::Exists, false, None, Node::Slot(slot, _)) =
        (fold.kind, fold.pairs, &fold.filter, &fold.range)
    else {
        return None;
    };
    match &fold.body {
        Node::Text(text) if matches!(text.operand, Node::Local(0, _)) => match &text.test {
            TextTest::Equal(literal) => Some(Demand::Has(*slot, literal)),
            // With no alternative there is nothing to look the rule up by, and it may still fail.
            TextTest::In(set) if set.iter().next().is_some() => {
                Some(Demand::Any(set.iter().map(|literal| vec![Demand::Has(*slot, literal)]).collect()))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Alternatives of which one must hold; equal tests of one attribute become one demand.
fn either(parts: &[Node], truth: bool) -> Option<Demand<'_>> {
    let mut alternatives = Vec::with_capacity(parts.len());
    for part in parts {
        let mut demands = Vec::new();
        find(part, truth, &mut demands);
        if demands.is_empty() {
            return None;
        }
        alternatives.push(demands);
    }
    Some(one_text(&alternatives).unwrap_or(Demand::Any(alternatives)))
}

fn one_text<'p>(alternatives: &[Vec<Demand<'p>>]) -> Option<Demand<'p>> {
    let mut joined: Option<(Slot, Vec<&str>)> = None;
    for alternative in alternatives {
        let [Demand::OneOf(slot, texts)] = alternative.as_slice() else { return None };
        match &mut joined {
            None => joined = Some((*slot, texts.clone())),
            Some((known, all)) if known == slot => all.extend(texts),
            Some(_) => return None,
        }
    }
    joined.map(|(slot, texts)| Demand::OneOf(slot, texts))
}
