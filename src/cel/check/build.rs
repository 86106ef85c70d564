//! Better programs for the same condition.
//!
//! Computes what is constant, turns tests of a text against literals into one node, and puts cheap tests
//! first. A program gives the same value as the condition it was made from; only which of several errors it
//! names can differ.

use super::super::ast::BinaryOp;
use super::super::diagnostic::Span;
use super::super::eval::Machine;
use super::super::failure::{Fault, Stop};
use super::super::functions::{self, Func};
use super::super::node::{Binary, Call, Member, Node, ScalarNode, TextNode, TextSet, TextTest};
use super::super::val::Val;
use super::Checker;
use super::calls::constant_text;

impl Checker<'_> {
    /// Computes a node whose parts are all constant.
    pub(super) fn folded(&mut self, node: Node, span: Span) -> Node {
        if !parts_are_constant(&node) {
            return node;
        }
        let budget = std::mem::replace(&mut self.budget, super::Budget::new(self.limits));
        let mut machine = Machine { inputs: &[], budget };
        let result = machine.value(&node, None).map(Val::owned);
        self.budget = machine.budget;
        match result {
            Ok(value) => Node::Const(value),
            Err(Stop::Error(fault, _)) => {
                self.fault(span, || format!("this always fails: {fault}"));
                Node::Fail(fault, span)
            }
            Err(_) => node,
        }
    }

    /// `&&` and `||`: constants decide or drop out.
    pub(super) fn joined(&mut self, nodes: Vec<Node>, and: bool) -> Node {
        let mut parts = Vec::with_capacity(nodes.len());
        for node in nodes {
            match node {
                Node::Const(Val::Bool(value)) if value == and => {}
                Node::Const(Val::Bool(value)) => return Node::Const(Val::Bool(value)),
                Node::And(inner) if and => parts.extend(inner),
                Node::Or(inner) if !and => parts.extend(inner),
                node => parts.push(node),
            }
        }
        parts.sort_by_key(price);
        match <[Node; 1]>::try_from(parts) {
            Ok([only]) if is_truth(&only) => only,
            Ok([only]) => {
                if and {
                    Node::And(Box::new([only]))
                } else {
                    Node::Or(Box::new([only]))
                }
            }
            Err(parts) if parts.is_empty() => Node::Const(Val::Bool(and)),
            Err(parts) => {
                if and {
                    Node::And(parts.into())
                } else {
                    Node::Or(parts.into())
                }
            }
        }
    }

    pub(super) fn chosen(&mut self, condition: Node, then: Node, otherwise: Node) -> Node {
        match condition {
            Node::Const(Val::Bool(true)) => then,
            Node::Const(Val::Bool(false)) => otherwise,
            condition => Node::If(Box::new([condition, then, otherwise])),
        }
    }

    /// A comparison or an arithmetic operation.
    pub(super) fn fused(&mut self, binary: Binary) -> Node {
        let span = binary.span;
        if let (Node::Const(_), Node::Const(_)) = (&binary.left, &binary.right) {
            return self.folded(Node::Binary(Box::new(binary)), span);
        }
        let Binary { op, left, right, span } = binary;
        let text = |node: &Node| constant_text(node).map(Box::<str>::from);
        match (op, text(&left), text(&right)) {
            (BinaryOp::Equal, None, Some(literal)) => text_node(left, TextTest::Equal(literal), span),
            (BinaryOp::Equal, Some(literal), None) => text_node(right, TextTest::Equal(literal), span),
            (BinaryOp::NotEqual, None, Some(literal)) => text_node(left, TextTest::NotEqual(literal), span),
            (BinaryOp::NotEqual, Some(literal), None) => text_node(right, TextTest::NotEqual(literal), span),
            (BinaryOp::In, Some(item), None) => Node::Member(Box::new(Member { item, list: right, span })),
            (BinaryOp::In, None, _) => match text_set(&right) {
                Some(set) => text_node(left, TextTest::In(set), span),
                None => Node::Binary(Box::new(Binary { op, left, right, span })),
            },
            _ => match scalar_literal(op, &left, &right) {
                Some((literal, false)) => scalar_node(left, op, literal, span),
                Some((literal, true)) => scalar_node(right, op.flipped(), literal, span),
                None => Node::Binary(Box::new(Binary { op, left, right, span })),
            },
        }
    }

    /// A call.
    pub(super) fn called(&mut self, call: Call) -> Node {
        let span = call.span;
        let node = match self.text_call(call) {
            Ok(node) => return node,
            Err(call) => Node::Call(Box::new(call)),
        };
        // `dyn` exists to hide a type; without values it has nothing to compute.
        self.folded(node, span)
    }

    /// Compiles a pattern out of what a condition may take to compile: some twenty ordinary ones.
    fn pattern(&mut self, text: &str) -> Option<regex::Regex> {
        self.budget.step(text.len().saturating_mul(25).saturating_add(500)).ok()?;
        functions::pattern(text)
    }

    /// A test of a text against a literal, if the call is one.
    fn text_call(&mut self, call: Call) -> Result<Node, Call> {
        let Some(literal) = call.args.get(1).and_then(constant_text).map(Box::<str>::from) else {
            return Err(call);
        };
        let constant = matches!(call.args.first(), Some(Node::Const(_)));
        let test = match call.func {
            _ if constant => return Err(call),
            Func::StartsWith => TextTest::StartsWith(literal),
            Func::EndsWith => TextTest::EndsWith(literal),
            Func::Contains => TextTest::Contains(literal),
            Func::Matches => match self.pattern(&literal) {
                Some(regex) => TextTest::Matches(Box::new(regex)),
                None => return Ok(Node::Fail(Fault::Regex, call.span)),
            },
            _ => return Err(call),
        };
        let span = call.span;
        match call.args.into_iter().next() {
            Some(operand) => Ok(text_node(operand, test, span)),
            None => Ok(Node::Fail(Fault::NoOverload, span)),
        }
    }
}

fn text_node(operand: Node, test: TextTest, span: Span) -> Node {
    Node::Text(Box::new(TextNode { operand, test, span }))
}

fn scalar_node(operand: Node, op: BinaryOp, literal: Val<'static>, span: Span) -> Node {
    Node::Scalar(Box::new(ScalarNode { operand, op, literal, span }))
}

/// The literal of a comparison with one, and whether it stands on the left.
fn scalar_literal(op: BinaryOp, left: &Node, right: &Node) -> Option<(Val<'static>, bool)> {
    let scalar = |node: &Node| match node {
        Node::Const(
            value @ (Val::Bool(_)
            | Val::Int(_)
            | Val::Uint(_)
            | Val::Double(_)
            | Val::Risk(_)
            | Val::Timestamp(_)
            | Val::Duration(_)),
        ) => Some(value.clone()),
        _ => None,
    };
    if !super::super::operate::is_relation(op) || op == BinaryOp::In {
        return None;
    }
    scalar(right).map(|literal| (literal, false)).or_else(|| scalar(left).map(|literal| (literal, true)))
}

fn text_set(node: &Node) -> Option<TextSet> {
    let Node::Const(value) = node else { return None };
    let texts =
        value.items()?.iter().map(|item| item.as_str().map(Box::<str>::from)).collect::<Option<Vec<_>>>()?;
    Some(TextSet::new(texts))
}

fn parts_are_constant(node: &Node) -> bool {
    let constant = |node: &Node| matches!(node, Node::Const(_));
    match node {
        Node::Not(inner, _) | Node::Negate(inner, _) => constant(inner),
        Node::Select(select) => constant(&select.operand),
        Node::Index(index) => constant(&index.operand) && constant(&index.index),
        Node::Binary(binary) => constant(&binary.left) && constant(&binary.right),
        Node::Call(call) => call.args.iter().all(constant),
        Node::List(items, _) => items.iter().all(|(item, _)| constant(item)),
        Node::Map(entries, _) => entries.iter().all(|(key, value, _)| constant(key) && constant(value)),
        _ => false,
    }
}

/// Says whether a node gives a truth value or fails.
fn is_truth(node: &Node) -> bool {
    match node {
        Node::And(_)
        | Node::Or(_)
        | Node::Not(..)
        | Node::Text(_)
        | Node::Scalar(_)
        | Node::Member(_)
        | Node::Present(..) => true,
        Node::Binary(binary) => super::super::operate::is_relation(binary.op),
        _ => false,
    }
}

/// What a test costs, roughly in nanoseconds.
fn price(node: &Node) -> u32 {
    let mut total = 0_u32;
    node.visit(&mut |part| {
        total = total.saturating_add(match part {
            Node::Const(_) | Node::Local(..) | Node::Present(..) => 1,
            Node::Slot(..) | Node::OptionalSlot(..) => 2,
            Node::Text(text) => match text.test {
                TextTest::Matches(_) => 60,
                TextTest::Contains(_) => 20,
                TextTest::In(_) => 6,
                _ => 3,
            },
            Node::Member(_) => 15,
            Node::Call(_) | Node::List(..) | Node::Map(..) | Node::OptionalMap(_) => 30,
            Node::Fold(_) => 100,
            _ => 4,
        });
    });
    total
}
