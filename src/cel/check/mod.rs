//! From a syntax tree to a program.
//!
//! Resolves names, finds the type of every part, and reports all faults: unknown names, wrong types, attributes
//! that may be absent, reads that the rule forbids. An expression that is only evaluated, never kept, may have
//! such faults; they become parts that fail.

mod access;
mod build;
mod calls;
mod folds;
mod guards;
mod names;
mod operators;

use super::ast::{Expr, Kind, Literal};
use super::budget::Budget;
use super::cost;
use super::diagnostic::{Diagnostic, Severity, Span};
use super::environment::{Access, Environment, Slot};
use super::failure::Fault;
use super::limits::Limits;
use super::node::{Node, OptionalMap};
use super::types::Type;
use super::val::Val;
use crate::limits;

/// What is left of a condition once it is checked.
#[derive(Debug)]
pub(super) struct Checked {
    pub(super) node: Node,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) cost: u64,
}

/// Checks a condition, which must be a truth value.
pub(super) fn check_condition(
    tree: &Expr,
    env: &Environment,
    access: &Access,
) -> Result<Checked, Vec<Diagnostic>> {
    let mut checker = Checker::new(env, access, true);
    let found = checker.position(Position::Positive, |checker| checker.expr(tree));
    if !matches!(found.ty, Type::Bool | Type::Dyn) {
        checker.fault(tree.span, || format!("condition must be bool, found {}", found.ty));
    }
    if let Node::Const(Val::Bool(value)) = &found.node {
        checker.warn(tree.span, format!("condition is always {value}"));
    }
    checker.finish_bounded(tree, found.node)
}

/// Checks an expression that must give a value of a type.
pub(super) fn check_value(
    tree: &Expr,
    env: &Environment,
    access: &Access,
    wanted: &Type,
) -> Result<Checked, Vec<Diagnostic>> {
    let mut checker = Checker::new(env, access, true);
    let found = checker.expr(tree);
    if found.ty != *wanted && found.ty != Type::Dyn {
        checker.fault(tree.span, || format!("expected a {wanted}, found {}", found.ty));
    }
    checker.finish_bounded(tree, found.node)
}

/// Checks an expression as far as it must be to be evaluated.
pub(super) fn check_expression(tree: &Expr, env: &Environment) -> Result<Checked, Vec<Diagnostic>> {
    let access = Access::free();
    let mut checker = Checker::new(env, &access, false);
    let found = checker.expr(tree);
    checker.finish(found.node, 0)
}

/// Checks a definition by itself.
pub(super) fn check_definition(name: &str, tree: &Expr, env: &Environment) -> Result<(), Vec<Diagnostic>> {
    let access = Access::free();
    let mut checker = Checker::new(env, &access, true);
    checker.lets.push(name.to_owned());
    checker.guarded = false;
    let found = checker.expr(tree);
    checker.finish(found.node, 0).map(|_| ())
}

/// A part of a program and its type.
struct Typed {
    node: Node,
    ty: Type,
}

/// A variable of a macro.
struct Local {
    name: Box<str>,
    ty: Type,
    /// The restricted attribute that it is an element of.
    root: Option<Slot>,
}

/// Whether more values of a part can only make the whole condition true.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Position {
    Positive,
    Elsewhere,
}

struct Checker<'e> {
    env: &'e Environment,
    access: &'e Access,
    strict: bool,
    /// Whether attributes that may be absent need a guard here.
    guarded: bool,
    faults: Vec<Diagnostic>,
    locals: Vec<Local>,
    /// Variables below this one belong to the place where a definition is used.
    hidden_locals: usize,
    lets: Vec<String>,
    /// The place where the outermost definition is used.
    use_span: Option<Span>,
    position: Position,
    known: Vec<Slot>,
    nodes: usize,
    depth: usize,
    /// Parts looked at in search of guards.
    looked: usize,
    limits: Limits,
    budget: Budget,
}

impl<'e> Checker<'e> {
    fn new(env: &'e Environment, access: &'e Access, strict: bool) -> Self {
        Self {
            env,
            access,
            strict,
            guarded: strict,
            faults: Vec::new(),
            locals: Vec::new(),
            hidden_locals: 0,
            lets: Vec::new(),
            use_span: None,
            position: Position::Elsewhere,
            known: Vec::new(),
            nodes: 0,
            depth: 0,
            looked: 0,
            limits: env.limits(),
            budget: Budget::new(env.limits()),
        }
    }

    /// Finishes what must be cheap enough for every request within its bounds.
    fn finish_bounded(mut self, tree: &Expr, node: Node) -> Result<Checked, Vec<Diagnostic>> {
        let cost = cost::of(&node, self.env);
        let limit = self.env.limits().cost();
        if cost > limit && self.faults.is_empty() {
            let help = "declare how many elements the lists can have at most, or use fewer loops";
            let fault = format!("condition can need {cost} steps, limit is {limit}");
            self.faults.push(Diagnostic::error(tree.span, fault).with_help(help));
        }
        self.finish(node, cost)
    }

    fn finish(self, node: Node, cost: u64) -> Result<Checked, Vec<Diagnostic>> {
        if self.faults.iter().any(|fault| fault.severity == Severity::Error) {
            return Err(self.faults);
        }
        Ok(Checked { node, warnings: self.faults, cost })
    }

    /// Checks an expression.
    fn expr(&mut self, expr: &Expr) -> Typed {
        self.nodes = self.nodes.saturating_add(1);
        self.depth = self.depth.saturating_add(1);
        let found = if self.nodes > self.limits.nodes || self.depth > self.limits.height {
            self.too_large(expr.span)
        } else {
            self.kind(expr)
        };
        self.depth = self.depth.saturating_sub(1);
        found
    }

    fn kind(&mut self, expr: &Expr) -> Typed {
        let span = self.place(expr.span);
        match &expr.kind {
            Kind::Literal(literal) => constant(literal),
            Kind::Name { .. } => self.path(expr),
            Kind::Select { operand, field, optional } => self.select(expr, operand, field, *optional),
            Kind::Has(operand) => self.has(operand, span),
            Kind::Index { operand, index, optional } => self.index(operand, index, *optional, span),
            Kind::Call { target, name, args } => self.call(target.as_deref(), name, args, span),
            Kind::Not(inner) => self.not(inner, span),
            Kind::Negate(inner) => self.negate(inner, span),
            Kind::And(parts) => self.join(parts, true),
            Kind::Or(parts) => self.join(parts, false),
            Kind::If(parts) => self.conditional(parts, span),
            Kind::Binary { op, left, right } => self.binary(*op, left, right, span),
            Kind::List(items) => self.list(items, span),
            Kind::Map(entries) => self.map(entries, span),
            Kind::Message(name) => {
                let name = super::diagnostic::quote(name);
                self.fail(span, Fault::NoMessage, || format!("unknown message type {name}; there are none"))
            }
            Kind::Fold(fold) => self.fold(fold, span),
            Kind::Bind { name, value, body } => self.bind(name, value, body),
            Kind::OptionalMap { target, name, body, flat } => {
                self.optional_map(target, name, body, *flat, span)
            }
        }
    }

    /// The place to name for a part: that of the use of the definition which it is in.
    fn place(&self, span: Span) -> Span {
        self.use_span.unwrap_or(span)
    }

    /// Reports a fault where faults are reported.
    fn fault(&mut self, span: Span, message: impl FnOnce() -> String) {
        if self.strict {
            let message = message();
            self.report(Diagnostic::error(span, message));
        }
    }

    fn report(&mut self, mut found: Diagnostic) {
        if !self.strict || self.faults.len() >= limits::CONDITION_FAULTS {
            return;
        }
        if let (Some(name), Some(span)) = (self.lets.last(), self.use_span) {
            found.message = format!("in {}: {}", super::diagnostic::quote(name), found.message);
            found.span = span.range();
        }
        if !self.faults.contains(&found) {
            self.faults.push(found);
        }
    }

    fn warn(&mut self, span: Span, message: String) {
        if self.use_span.is_none() {
            self.report(Diagnostic::warning(span, message));
        }
    }

    /// Reports a fault and gives a part that fails.
    fn fail(&mut self, span: Span, what: Fault, message: impl FnOnce() -> String) -> Typed {
        self.fault(span, message);
        Typed { node: Node::Fail(what, span), ty: Type::Dyn }
    }

    /// A condition that is too large is refused in every mode.
    fn too_large(&mut self, span: Span) -> Typed {
        let span = self.place(span);
        let fault = format!(
            "condition has more than {} parts or is deeper than {} with its definitions",
            self.limits.nodes, self.limits.height
        );
        let found = Diagnostic::error(span, fault);
        if !self.faults.contains(&found) {
            self.faults.push(found);
        }
        Typed { node: Node::Fail(Fault::Overflow, span), ty: Type::Dyn }
    }

    /// Checks something in another position.
    fn position<T>(&mut self, position: Position, check: impl FnOnce(&mut Self) -> T) -> T {
        let before = std::mem::replace(&mut self.position, position);
        let found = check(self);
        self.position = before;
        found
    }

    /// Checks an operand: what it reads does not occur positively.
    fn operand(&mut self, expr: &Expr) -> Typed {
        self.position(Position::Elsewhere, |checker| checker.expr(expr))
    }

    fn list(&mut self, items: &[(Expr, bool)], span: Span) -> Typed {
        let mut element: Option<Type> = None;
        let mut nodes = Vec::with_capacity(items.len());
        for (item, optional) in items {
            let found = self.operand(item);
            let ty = self.element(found.ty, *optional, item.span);
            element = Some(element.map_or(ty.clone(), |known| known.join(&ty)));
            nodes.push((found.node, *optional));
        }
        let node = self.folded(Node::List(Box::new(nodes.into()), span), span);
        Typed { node, ty: Type::list(element.unwrap_or(Type::Dyn)) }
    }

    fn map(&mut self, entries: &[(Expr, Expr, bool)], span: Span) -> Typed {
        let mut types: Option<(Type, Type)> = None;
        let mut nodes = Vec::with_capacity(entries.len());
        for (key, value, optional) in entries {
            let (key_found, value_found) = (self.operand(key), self.operand(value));
            if !matches!(key_found.ty, Type::Bool | Type::Int | Type::Uint | Type::String | Type::Dyn) {
                let ty = &key_found.ty;
                let place = self.place(key.span);
                self.fault(place, || format!("key of a map must be bool, int, uint or string, found {ty}"));
            }
            let ty = self.element(value_found.ty, *optional, value.span);
            types = Some(match types {
                None => (key_found.ty, ty),
                Some((keys, values)) => (keys.join(&key_found.ty), values.join(&ty)),
            });
            nodes.push((key_found.node, value_found.node, *optional));
        }
        let node = self.folded(Node::Map(Box::new(nodes.into()), span), span);
        let (key, value) = types.unwrap_or((Type::Dyn, Type::Dyn));
        Typed { node, ty: Type::map(key, value) }
    }

    /// The type of an element, which is an optional where it may be left out.
    fn element(&mut self, ty: Type, optional: bool, span: Span) -> Type {
        match ty {
            Type::Optional(inner) if optional => *inner,
            Type::Dyn if optional => Type::Dyn,
            ty if optional => {
                let place = self.place(span);
                self.fault(place, || format!("expected an optional behind `?`, found {ty}"));
                Type::Dyn
            }
            ty => ty,
        }
    }

    fn bind(&mut self, name: &str, value: &Expr, body: &Expr) -> Typed {
        let value = self.operand(value);
        self.locals.push(Local { name: name.into(), ty: value.ty, root: None });
        let body = self.operand(body);
        self.locals.pop();
        Typed { node: Node::Bind(Box::new([value.node, body.node])), ty: body.ty }
    }

    fn optional_map(&mut self, target: &Expr, name: &str, body: &Expr, flat: bool, span: Span) -> Typed {
        let target = self.operand(target);
        let inner = match target.ty {
            Type::Optional(inner) => *inner,
            Type::Dyn => Type::Dyn,
            ty => {
                self.fault(span, || format!("expected an optional, found {ty}"));
                Type::Dyn
            }
        };
        self.locals.push(Local { name: name.into(), ty: inner, root: None });
        let body = self.operand(body);
        self.locals.pop();
        let ty = if flat { body.ty } else { Type::optional(body.ty) };
        if !matches!(ty, Type::Optional(_) | Type::Dyn) {
            self.fault(span, || format!("expected an optional from `optFlatMap`, found {ty}"));
        }
        let node = OptionalMap { target: target.node, body: body.node, flat, span };
        Typed { node: Node::OptionalMap(Box::new(node)), ty }
    }
}

fn constant(literal: &Literal) -> Typed {
    let (value, ty) = match literal {
        Literal::Null => (Val::Null, Type::Null),
        Literal::Bool(value) => (Val::Bool(*value), Type::Bool),
        Literal::Int(value) => (Val::Int(*value), Type::Int),
        Literal::Uint(value) => (Val::Uint(*value), Type::Uint),
        Literal::Double(value) => (Val::Double(*value), Type::Double),
        Literal::String(value) => (Val::text(value.as_ref()), Type::String),
        Literal::Bytes(value) => (Val::Blob(value.as_ref().into()), Type::Bytes),
    };
    Typed { node: Node::Const(value), ty }
}
