//! What a condition can cost at worst.
//!
//! Bounds the steps of an evaluation from the sizes that the vocabulary declares. The bound is generous, so
//! a condition below the limit is never cut short when it runs.

use super::ast::BinaryOp;
use super::environment::Environment;
use super::functions::Func;
use super::node::{Node, TextTest};
use super::operate::is_relation;
use super::types::Type;
use crate::limits;

/// The most steps that evaluating a node can take. Only loops, comparisons and functions take steps: a node
/// by itself runs once per turn of the loop around it, which pays for it.
pub(super) fn of(node: &Node, env: &Environment) -> u64 {
    if let Node::Fold(fold) = node {
        let filter = fold.filter.as_ref().map_or(0, |filter| of(filter, env));
        let turn = of(&fold.body, env).saturating_add(filter).saturating_add(u64::from(fold.weight));
        let turns = elements(&fold.range, env);
        return of(&fold.range, env).saturating_add(turns.saturating_mul(turn));
    }
    let mut total = match node {
        Node::Member(member) => elements(&member.list, env),
        Node::Text(text) => match text.test {
            TextTest::Contains(_) => bytes(&text.operand, env) / 64,
            TextTest::Matches(_) => bytes(&text.operand, env) / 8,
            _ => 0,
        },
        Node::Scalar(_) => 1,
        Node::Binary(binary)
            if matches!(binary.left, Node::Const(_)) || matches!(binary.right, Node::Const(_)) =>
        {
            elements(&binary.left, env).max(elements(&binary.right, env))
        }
        Node::Binary(binary) => {
            let (left, right) = (elements(&binary.left, env), elements(&binary.right, env));
            match binary.op {
                BinaryOp::In => right.saturating_mul(2),
                op if is_relation(op) => left.min(right).saturating_add(1),
                _ => left.saturating_add(right),
            }
        }
        Node::Call(call) => match call.func {
            Func::Dyn | Func::Type | Func::HasValue | Func::Value | Func::Or | Func::OrValue => 0,
            _ => call.args.iter().map(|arg| elements(arg, env)).fold(1, u64::saturating_mul),
        },
        Node::List(items, _) => u64::try_from(items.len()).unwrap_or(MOST),
        Node::Map(entries, _) => u64::try_from(entries.len()).unwrap_or(MOST),
        _ => 0,
    };
    node.visit_children(&mut |child| total = total.saturating_add(of(child, env)));
    total
}

/// The most elements that a list or map can have, or blocks that a text can have.
fn elements(node: &Node, env: &Environment) -> u64 {
    match node {
        Node::Const(value) => value.count().and_then(|count| u64::try_from(count).ok()).unwrap_or(1).max(1),
        Node::Slot(slot, _) | Node::OptionalSlot(slot, _) => match env.declaration(*slot) {
            Some(declaration) => match declaration.ty {
                Type::List(_) | Type::Map(..) | Type::Dyn => declaration.max_size.map_or(MOST, u64::from),
                Type::String | Type::Bytes => declaration.max_size.map_or(TEXT, u64::from) / 64,
                _ => 1,
            },
            None => MOST,
        },
        Node::List(items, _) => u64::try_from(items.len()).unwrap_or(MOST),
        Node::Map(entries, _) => u64::try_from(entries.len()).unwrap_or(MOST),
        Node::Fold(fold) => elements(&fold.range, env),
        Node::And(_) | Node::Or(_) | Node::Not(..) | Node::Negate(..) | Node::Present(..) | Node::Text(_) => {
            1
        }
        Node::Member(_) | Node::Scalar(_) => 1,
        // A part of an attribute is not larger than the attribute.
        Node::Select(select) => elements(&select.operand, env),
        Node::Index(index) => elements(&index.operand, env),
        Node::Binary(binary) => elements(&binary.left, env).saturating_add(elements(&binary.right, env)),
        Node::If(parts) => parts.iter().map(|part| elements(part, env)).max().unwrap_or(1),
        Node::Call(call) => call.args.iter().map(|arg| elements(arg, env)).max().unwrap_or(1),
        Node::Bind(parts) => {
            let [_, body] = parts.as_ref();
            elements(body, env)
        }
        Node::OptionalMap(map) => elements(&map.body, env),
        Node::Local(..) => NESTED,
        Node::Fail(..) => 1,
    }
}

fn bytes(node: &Node, env: &Environment) -> u64 {
    match node {
        Node::Const(value) => value.as_str().and_then(|text| u64::try_from(text.len()).ok()).unwrap_or(1),
        Node::Slot(slot, _) => {
            env.declaration(*slot).and_then(|declaration| declaration.max_size).map_or(TEXT, u64::from)
        }
        // The texts of a list share the bound of the request.
        Node::Local(..) => NESTED.saturating_mul(64),
        _ => TEXT,
    }
}

/// Elements of an attribute without a declared size.
const MOST: u64 = 4_096;

/// Bytes of a text without a declared size.
const TEXT: u64 = 24_576;

/// Elements of a list inside a list, or blocks of a text, on average: all of a request share one bound.
const NESTED: u64 = 4;

const _: () = assert!(limits::VALUE_NODES == 4_096 && limits::REQUEST_TEXT == 24_576);
