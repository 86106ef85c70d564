//! Operators and their types.
//!
//! Refuses operands for which an operator is not defined, comparisons of what can never be equal, and texts
//! that an attribute cannot have. Numbers of different types compare; they do not add.

use super::super::ast::{BinaryOp, Expr};
use super::super::diagnostic::{Diagnostic, Span, quote};
use super::super::failure::Fault;
use super::super::node::{Binary, Node};
use super::super::types::Type;
use super::super::val::Val;
use super::{Checker, Position, Typed};
use crate::text::nearest;

impl Checker<'_> {
    /// `&&` and `||`.
    pub(super) fn join(&mut self, parts: &[Expr], and: bool) -> Typed {
        let facts: Vec<_> = parts.iter().map(|part| self.facts(part, and)).collect();
        let mut nodes = Vec::with_capacity(parts.len());
        for (place, part) in parts.iter().enumerate() {
            let others = facts.iter().enumerate().filter(|(other, _)| *other != place);
            let known = others.flat_map(|(_, facts)| facts.iter().copied()).collect();
            let found = self.knowing(known, |checker| checker.expr(part));
            nodes.push(self.truth(found, part));
        }
        Typed { node: self.joined(nodes, and), ty: Type::Bool }
    }

    /// Checks that a part is a truth value.
    pub(super) fn truth(&mut self, found: Typed, expr: &Expr) -> Node {
        let span = self.place(expr.span);
        if !matches!(found.ty, Type::Bool | Type::Dyn) {
            let ty = &found.ty;
            self.fault(span, || format!("expected bool, found {ty}"));
        }
        match found.node {
            Node::Const(value) if !matches!(value, Val::Bool(_)) => Node::Fail(Fault::NoOverload, span),
            node => node,
        }
    }

    pub(super) fn not(&mut self, inner: &Expr, span: Span) -> Typed {
        let found = self.operand(inner);
        let node = Node::Not(Box::new(self.truth(found, inner)), span);
        Typed { node: self.folded(node, span), ty: Type::Bool }
    }

    pub(super) fn negate(&mut self, inner: &Expr, span: Span) -> Typed {
        let found = self.operand(inner);
        if !matches!(found.ty, Type::Int | Type::Double | Type::Dyn) {
            let ty = &found.ty;
            self.fault(span, || format!("`-` is not defined for {ty}"));
        }
        let node = Node::Negate(Box::new(found.node), span);
        Typed { node: self.folded(node, span), ty: found.ty }
    }

    pub(super) fn conditional(&mut self, parts: &[Expr; 3], span: Span) -> Typed {
        let [condition, then, otherwise] = parts;
        let (when_true, when_false) = (self.facts(condition, true), self.facts(condition, false));
        let found = self.operand(condition);
        let condition = self.truth(found, condition);
        let then = self.knowing(when_true, |checker| checker.operand(then));
        let otherwise = self.knowing(when_false, |checker| checker.operand(otherwise));
        if !then.ty.comparable(&otherwise.ty) {
            let (left, right) = (&then.ty, &otherwise.ty);
            self.fault(span, || format!("the two sides of `:` have different types, {left} and {right}"));
        }
        let ty = then.ty.join(&otherwise.ty);
        Typed { node: self.chosen(condition, then.node, otherwise.node), ty }
    }

    pub(super) fn binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, span: Span) -> Typed {
        if self.restricted_comparison(op, left, right, span).is_some() {
            return self.restricted_binary(op, left, right, span);
        }
        let (left_found, right_found) = (self.operand(left), self.operand(right));
        let ty = self.operator_type(op, &left_found.ty, &right_found.ty, span);
        if self.strict && matches!(op, BinaryOp::Equal | BinaryOp::NotEqual | BinaryOp::In) {
            self.possible(&left_found.node, &right_found.node, span);
            self.possible(&right_found.node, &left_found.node, span);
        }
        let binary = Binary { op, left: left_found.node, right: right_found.node, span };
        Typed { node: self.fused(binary), ty }
    }

    /// A comparison of an attribute that may only push the condition one way.
    fn restricted_binary(&mut self, op: BinaryOp, left: &Expr, right: &Expr, span: Span) -> Typed {
        let mut read = |expr: &Expr| match self.restricted_name(expr) {
            // The comparison has been judged as a whole.
            Some(_) => {
                let access = std::mem::replace(&mut self.access, &FREE);
                let found = self.position(Position::Positive, |checker| checker.expr(expr));
                self.access = access;
                (found, true)
            }
            None => (self.operand(expr), false),
        };
        let ((left, left_restricted), (right, _)) = (read(left), read(right));
        if left.ty == Type::Risk && right.ty == Type::Risk {
            self.constant_beside(if left_restricted { &right.node } else { &left.node }, span);
        }
        let ty = self.operator_type(op, &left.ty, &right.ty, span);
        Typed { node: self.fused(Binary { op, left: left.node, right: right.node, span }), ty }
    }

    fn operator_type(&mut self, op: BinaryOp, left: &Type, right: &Type, span: Span) -> Type {
        let (fits, ty) = match op {
            BinaryOp::Equal | BinaryOp::NotEqual => {
                if !left.comparable(right) {
                    self.fault(span, || format!("{left} and {right} can never be equal"));
                }
                return Type::Bool;
            }
            BinaryOp::In => {
                let fits = match right {
                    Type::List(element) => element.comparable(left),
                    Type::Map(key, _) => key.comparable(left),
                    Type::Dyn => true,
                    _ => {
                        self.fault(span, || format!("expected a list or map behind `in`, found {right}"));
                        return Type::Bool;
                    }
                };
                if !fits {
                    self.fault(span, || format!("{left} can never be in {right}"));
                }
                return Type::Bool;
            }
            BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual => {
                (ordered(left, right), Type::Bool)
            }
            _ => arithmetic(op, left, right).map_or((false, Type::Dyn), |ty| (true, ty)),
        };
        if !fits {
            self.fault(span, || format!("`{}` is not defined for {left} and {right}", op.symbol()));
        }
        ty
    }

    /// Reports texts that an attribute cannot have.
    fn possible(&mut self, attribute: &Node, other: &Node, span: Span) {
        let Node::Slot(slot, _) = attribute else { return };
        let env = self.env;
        let Some(declaration) = env.declaration(*slot).filter(|declaration| !declaration.one_of.is_empty())
        else {
            return;
        };
        let Node::Const(value) = other else { return };
        let texts: Vec<Val<'_>> = match value.items() {
            Some(items) => items.iter().collect(),
            None => vec![value.clone()],
        };
        for text in texts.iter().filter_map(Val::as_str) {
            if declaration.one_of.iter().any(|known| known == text) {
                continue;
            }
            let path = quote(env.path(*slot).unwrap_or_default());
            let fault = Diagnostic::error(span, format!("{} is never a value of {path}", quote(text)));
            self.report(match nearest(text, declaration.one_of.iter().map(String::as_str)) {
                Some(near) => fault.with_help(format!("did you mean `{near}`?")),
                None => fault.with_help(format!("expected one of {}", declaration.one_of.join(", "))),
            });
        }
    }
}

fn ordered(left: &Type, right: &Type) -> bool {
    let has_order = |ty: &Type| {
        ty.is_number()
            || matches!(
                ty,
                Type::Dyn
                    | Type::Bool
                    | Type::String
                    | Type::Bytes
                    | Type::Timestamp
                    | Type::Duration
                    | Type::Risk
            )
    };
    has_order(left) && has_order(right) && left.comparable(right)
}

fn arithmetic(op: BinaryOp, left: &Type, right: &Type) -> Option<Type> {
    let add = op == BinaryOp::Add;
    let sum = add || op == BinaryOp::Subtract;
    Some(match (left, right) {
        (Type::Dyn, _) | (_, Type::Dyn) => Type::Dyn,
        (Type::Int, Type::Int) => Type::Int,
        (Type::Uint, Type::Uint) => Type::Uint,
        (Type::Double, Type::Double) if op != BinaryOp::Remainder => Type::Double,
        (Type::String, Type::String) if add => Type::String,
        (Type::Bytes, Type::Bytes) if add => Type::Bytes,
        (Type::List(left), Type::List(right)) if add => Type::list((**left).clone().join(right)),
        (Type::Timestamp, Type::Duration) if sum => Type::Timestamp,
        (Type::Duration, Type::Timestamp) if add => Type::Timestamp,
        (Type::Duration, Type::Duration) if sum => Type::Duration,
        (Type::Timestamp, Type::Timestamp) if op == BinaryOp::Subtract => Type::Duration,
        _ => return None,
    })
}

static FREE: super::Access = super::Access::FREE;
