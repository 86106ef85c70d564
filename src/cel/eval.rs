//! Evaluation.
//!
//! Walks a program over inputs. Truth values take a way of their own that builds nothing. Only `&&`, `||`,
//! `all` and `exists` absorb errors and unknowns; where an error and an unknown meet, the unknown wins;
//! an exhausted budget ends everything.

use std::sync::Arc;

use super::budget::{Budget, Trouble};
use super::diagnostic::Span;
use super::environment::Slot;
use super::failure::{Fault, Stop};
use super::functions::Func;
use super::input::{Given, Input};
use super::map::{KeyFault, Table};
use super::node::{
    Binary, Call, How, Index, Member, Node, OptionalMap, ScalarNode, Select, TextNode, TextTest,
};
use super::val::Val;
use super::{functions, operate};
use crate::Value;

/// One evaluation.
pub(super) struct Machine<'a> {
    pub(super) inputs: &'a [Input<'a>],
    pub(super) budget: Budget,
}

/// The variables of macros, innermost first.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scope<'s, 'a> {
    pub(super) value: &'s Val<'a>,
    pub(super) parent: Option<&'s Scope<'s, 'a>>,
}

pub(super) type Outer<'s, 'a> = Option<&'s Scope<'s, 'a>>;
pub(super) type Outcome<T> = Result<T, Stop>;

impl<'a> Machine<'a> {
    pub(super) fn new(inputs: &'a [Input<'a>], budget: Budget) -> Self {
        Self { inputs, budget }
    }

    /// Evaluates a node that must be a truth value.
    ///
    /// Each way is a function of its own, so that this one, which recurses, keeps a small frame.
    pub(super) fn test(&mut self, node: &'a Node, scope: Outer<'_, 'a>) -> Outcome<bool> {
        match node {
            Node::Text(text) => self.text_test(text, scope),
            Node::And(parts) => self.join(parts, false, scope),
            Node::Or(parts) => self.join(parts, true, scope),
            Node::Not(inner, _) => Ok(!self.test(inner, scope)?),
            Node::Scalar(scalar) => self.scalar(scalar, scope),
            Node::Slot(slot, span) => match self.slot(*slot, *span)? {
                Val::Bool(value) => Ok(*value),
                _ => Err(Stop::Error(Fault::NoOverload, *span)),
            },
            Node::Member(member) => self.member(member, scope),
            Node::Present(slot, _) => self.present(*slot),
            Node::Const(Val::Bool(value)) => Ok(*value),
            Node::Binary(binary) if operate::is_relation(binary.op) => self.relation(binary, scope),
            Node::If(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                if self.test(condition, scope)? {
                    self.test(then, scope)
                } else {
                    self.test(otherwise, scope)
                }
            }
            Node::Fold(fold) => self.fold_test(fold, scope),
            Node::Select(select) if select.how == How::Has => self.has(select, scope),
            _ => self.other_test(node, scope),
        }
    }

    #[inline(never)]
    fn other_test(&mut self, node: &'a Node, scope: Outer<'_, 'a>) -> Outcome<bool> {
        match self.value(node, scope)? {
            Val::Bool(value) => Ok(value),
            _ => Err(Stop::Error(Fault::NoOverload, node.span())),
        }
    }

    /// Evaluates a node.
    pub(super) fn value(&mut self, node: &'a Node, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        match node {
            Node::Const(value) => Ok(value.borrowed()),
            Node::Slot(slot, span) => self.slot(*slot, *span).cloned(),
            Node::Local(hops, span) => local(scope, *hops, *span).cloned(),
            Node::OptionalSlot(slot, _) => self.optional_slot(*slot),
            Node::Select(select) => self.select(select, scope),
            Node::Index(index) => self.index(index, scope),
            Node::Negate(inner, span) => self.negate(inner, *span, scope),
            Node::If(parts) => self.conditional(parts, scope),
            Node::Binary(binary) if !operate::is_relation(binary.op) => self.arithmetic(binary, scope),
            Node::Call(call) => self.call(call, scope),
            Node::List(items, span) => self.list(items, *span, scope),
            Node::Map(entries, span) => self.map(entries, *span, scope),
            Node::Fold(fold) => self.fold(fold, scope),
            Node::Bind(parts) => self.bind(parts, scope),
            Node::OptionalMap(map) => self.optional_map(map, scope),
            Node::Fail(fault, span) => Err(Stop::Error(*fault, *span)),
            Node::And(_)
            | Node::Or(_)
            | Node::Not(..)
            | Node::Text(_)
            | Node::Scalar(_)
            | Node::Member(_)
            | Node::Present(..)
            | Node::Binary(_) => self.test(node, scope).map(Val::Bool),
        }
    }

    /// Borrows the value of a node where it has a place of its own, and computes it otherwise.
    #[inline]
    pub(super) fn borrow<'h>(
        &mut self,
        node: &'a Node,
        scope: Outer<'h, 'a>,
        held: &'h mut Val<'a>,
    ) -> Outcome<&'h Val<'a>> {
        match node {
            Node::Slot(slot, span) => self.slot(*slot, *span).map(shorter),
            Node::Local(hops, span) => local(scope, *hops, *span),
            Node::Const(value) => Ok(shorter(value)),
            _ => {
                *held = self.value(node, scope)?;
                Ok(held)
            }
        }
    }

    /// `&&` and `||`: the deciding value absorbs everything else.
    fn join(&mut self, parts: &'a [Node], deciding: bool, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let mut stop: Option<Stop> = None;
        for part in parts {
            match self.test(part, scope) {
                Ok(value) if value == deciding => return Ok(deciding),
                Ok(_) => {}
                Err(Stop::Exhausted) => return Err(Stop::Exhausted),
                Err(found) => stop = Some(found.meet(stop)),
            }
        }
        stop.map_or(Ok(!deciding), Err)
    }

    #[inline]
    fn slot(&self, slot: Slot, span: Span) -> Outcome<&'a Val<'a>> {
        match self.inputs.get(slot.index()) {
            Some(Input::Value(given)) => Ok(&given.0),
            Some(Input::Unknown) => Err(Stop::Unknown(slot)),
            Some(Input::Absent) | None => Err(Stop::Error(Fault::Absent, span)),
        }
    }

    fn present(&self, slot: Slot) -> Outcome<bool> {
        match self.inputs.get(slot.index()) {
            Some(Input::Value(_)) => Ok(true),
            Some(Input::Unknown) => Err(Stop::Unknown(slot)),
            Some(Input::Absent) | None => Ok(false),
        }
    }

    #[inline(never)]
    fn optional_slot(&self, slot: Slot) -> Outcome<Val<'a>> {
        match self.inputs.get(slot.index()) {
            Some(Input::Value(given)) => Ok(Val::some(given.0.clone())),
            Some(Input::Unknown) => Err(Stop::Unknown(slot)),
            Some(Input::Absent) | None => Ok(Val::Optional(None)),
        }
    }

    /// Borrows a text; `None` if the value is of another type.
    fn text<'h>(
        &mut self,
        node: &'a Node,
        scope: Outer<'h, 'a>,
        held: &'h mut Val<'a>,
    ) -> Outcome<Option<&'h str>> {
        if let Node::Select(select) = node
            && let (How::Get, Node::Slot(slot, span)) = (select.how, &select.operand)
            && let Val::Attributes(map) = self.slot(*slot, *span)?
        {
            return match map.get(&select.field) {
                Some(value) => Ok(value.as_str()),
                None => Err(Stop::Error(Fault::NoSuchKey, select.span)),
            };
        }
        self.borrow(node, scope, held).map(Val::as_str)
    }

    /// `has(x.field)`.
    #[inline(never)]
    fn has(&mut self, node: &'a Select, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let mut held = Val::Null;
        match self.borrow(&node.operand, scope, &mut held)? {
            Val::Attributes(map) => Ok(map.get(&node.field).is_some()),
            operand => match operate::select(operand, &node.field, How::Has) {
                Ok(found) => Ok(matches!(found, Val::Bool(true))),
                Err(fault) => Err(Stop::Error(fault, node.span)),
            },
        }
    }

    /// Most tests are of a text of the request: that way holds nothing and drops nothing.
    fn text_test(&mut self, node: &'a TextNode, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let text = match &node.operand {
            Node::Slot(slot, _) => self.inputs.get(slot.index()).and_then(Input::val),
            Node::Local(hops, span) => local(scope, *hops, *span).ok(),
            _ => None,
        };
        match text {
            Some(Val::Str(text)) => self.text_is(node, text),
            _ => self.computed_text_test(node, scope),
        }
    }

    #[inline(never)]
    fn computed_text_test(&mut self, node: &'a TextNode, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let mut held = Val::Null;
        let Some(text) = self.text(&node.operand, scope, &mut held)? else {
            return match node.test {
                TextTest::Equal(_) | TextTest::In(_) => Ok(false),
                TextTest::NotEqual(_) => Ok(true),
                _ => Err(Stop::Error(Fault::NoOverload, node.span)),
            };
        };
        self.text_is(node, text)
    }

    #[inline]
    fn text_is(&mut self, node: &'a TextNode, text: &str) -> Outcome<bool> {
        Ok(match &node.test {
            TextTest::Equal(literal) => text == literal.as_ref(),
            TextTest::NotEqual(literal) => text != literal.as_ref(),
            TextTest::In(set) => set.contains(text),
            TextTest::StartsWith(literal) => text.starts_with(literal.as_ref()),
            TextTest::EndsWith(literal) => text.ends_with(literal.as_ref()),
            TextTest::Contains(literal) => {
                self.budget.scan(text.len()).map_err(|trouble| trouble.at(node.span))?;
                text.contains(literal.as_ref())
            }
            TextTest::Matches(regex) => {
                self.budget.scan(text.len().saturating_mul(8)).map_err(|trouble| trouble.at(node.span))?;
                regex.is_match(text)
            }
        })
    }

    #[inline(never)]
    fn scalar(&mut self, node: &'a ScalarNode, scope: Outer<'_, 'a>) -> Outcome<bool> {
        if let Val::Int(right) = &node.literal
            && let Some(left) = self.int(&node.operand, scope)
        {
            return Ok(operate::ordered(node.op, Some(left.cmp(right))));
        }
        if let Val::Double(right) = &node.literal
            && let Some(left) = self.double(&node.operand)
        {
            return Ok(operate::ordered(node.op, left.partial_cmp(right)));
        }
        let mut held = Val::Null;
        let operand = self.borrow(&node.operand, scope, &mut held)?;
        operate::relation(node.op, operand, &node.literal, &mut self.budget)
            .map_err(|trouble| trouble.at(node.span))
    }

    /// The value of a node where all it is made of are integers; `None` where it must be evaluated otherwise,
    /// which gives the same value or says what fails.
    fn int(&self, node: &'a Node, scope: Outer<'_, 'a>) -> Option<i64> {
        match node {
            Node::Slot(slot, _) => match self.inputs.get(slot.index())? {
                Input::Value(Given(Val::Int(value))) => Some(*value),
                _ => None,
            },
            Node::Local(hops, span) => match local(scope, *hops, *span) {
                Ok(Val::Int(value)) => Some(*value),
                _ => None,
            },
            Node::Const(Val::Int(value)) => Some(*value),
            Node::Binary(binary) if !operate::is_relation(binary.op) => {
                let (left, right) = (self.int(&binary.left, scope)?, self.int(&binary.right, scope)?);
                operate::ints(binary.op, left, right).ok()
            }
            Node::Call(call) if call.func == Func::Size => match call.args.as_ref() {
                [Node::Slot(slot, _)] => {
                    let count = self.inputs.get(slot.index())?.val()?.count()?;
                    i64::try_from(count).ok()
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The same for doubles of the request.
    fn double(&self, node: &'a Node) -> Option<f64> {
        match node {
            Node::Slot(slot, _) => match self.inputs.get(slot.index())? {
                Input::Value(Given(Val::Double(value))) => Some(*value),
                _ => None,
            },
            Node::Const(Val::Double(value)) => Some(*value),
            Node::Binary(binary) if !operate::is_relation(binary.op) => {
                operate::doubles(binary.op, self.double(&binary.left)?, self.double(&binary.right)?).ok()
            }
            _ => None,
        }
    }

    /// A literal text in a list or among the keys of a map.
    #[inline(never)]
    fn member(&mut self, node: &'a Member, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let place = |trouble: Trouble| trouble.at(node.span);
        let mut held = Val::Null;
        match self.borrow(&node.list, scope, &mut held)? {
            Val::Values(items) => {
                self.budget.step(items.len()).map_err(place)?;
                Ok(items
                    .iter()
                    .any(|item| matches!(item, Value::String(text) if text.as_str() == node.item.as_ref())))
            }
            Val::Attributes(map) => Ok(map.get(&node.item).is_some()),
            other => operate::contains(&Val::Str(&node.item), other, &mut self.budget).map_err(place),
        }
    }

    #[inline(never)]
    fn relation(&mut self, node: &'a Binary, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let (mut left, mut right) = (Val::Null, Val::Null);
        let left = self.borrow(&node.left, scope, &mut left);
        let right = self.borrow(&node.right, scope, &mut right);
        let (left, right) = meet(left, right)?;
        operate::relation(node.op, left, right, &mut self.budget).map_err(|trouble| trouble.at(node.span))
    }

    #[inline(never)]
    fn arithmetic(&mut self, node: &'a Binary, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let (mut left, mut right) = (Val::Null, Val::Null);
        let left = self.borrow(&node.left, scope, &mut left);
        let right = self.borrow(&node.right, scope, &mut right);
        let (left, right) = meet(left, right)?;
        operate::arithmetic(node.op, left, right, &mut self.budget).map_err(|trouble| trouble.at(node.span))
    }

    #[inline(never)]
    fn negate(&mut self, inner: &'a Node, span: Span, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let value = self.value(inner, scope)?;
        operate::negate(&value).map_err(|fault| Stop::Error(fault, span))
    }

    #[inline(never)]
    fn conditional(&mut self, parts: &'a [Node; 3], scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let [condition, then, otherwise] = parts;
        if self.test(condition, scope)? { self.value(then, scope) } else { self.value(otherwise, scope) }
    }

    #[inline(never)]
    fn select(&mut self, node: &'a Select, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let mut held = Val::Null;
        let operand = self.borrow(&node.operand, scope, &mut held)?;
        operate::select(operand, &node.field, node.how).map_err(|fault| Stop::Error(fault, node.span))
    }

    #[inline(never)]
    fn index(&mut self, node: &'a Index, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let (mut operand, mut index) = (Val::Null, Val::Null);
        let operand = self.borrow(&node.operand, scope, &mut operand);
        let index = self.borrow(&node.index, scope, &mut index);
        let (operand, index) = meet(operand, index)?;
        operate::index(operand, index, node.optional).map_err(|fault| Stop::Error(fault, node.span))
    }

    /// A call of one argument, which most are.
    #[inline(never)]
    fn call_one(&mut self, node: &'a Call, arg: &'a Node, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let mut held = Val::Null;
        let arg = self.borrow(arg, scope, &mut held)?;
        functions::call(node.func, std::slice::from_ref(arg), &mut self.budget)
            .map_err(|trouble| trouble.at(node.span))
    }

    #[inline(never)]
    fn call(&mut self, node: &'a Call, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        match (node.func, node.args.as_ref()) {
            (Func::Or | Func::OrValue, [target, other]) => return self.or_value(node, target, other, scope),
            (_, [arg]) => return self.call_one(node, arg, scope),
            _ => {}
        }
        let mut args = [Val::Null, Val::Null, Val::Null, Val::Null];
        let mut stop: Option<Stop> = None;
        for (place, arg) in args.iter_mut().zip(node.args.iter()) {
            match self.value(arg, scope) {
                Ok(value) => *place = value,
                Err(Stop::Exhausted) => return Err(Stop::Exhausted),
                Err(found) => stop = Some(found.meet(stop)),
            }
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        let args = args.get(..node.args.len()).unwrap_or(&args);
        functions::call(node.func, args, &mut self.budget).map_err(|trouble| trouble.at(node.span))
    }

    /// `or` and `orValue`: the other value is evaluated only where it is needed.
    #[inline(never)]
    fn or_value(
        &mut self,
        node: &'a Call,
        target: &'a Node,
        other: &'a Node,
        scope: Outer<'_, 'a>,
    ) -> Outcome<Val<'a>> {
        let target = self.value(target, scope)?;
        let other = match &target {
            Val::Optional(None) => self.value(other, scope)?,
            _ => Val::Optional(None),
        };
        functions::call(node.func, &[target, other], &mut self.budget)
            .map_err(|trouble| trouble.at(node.span))
    }

    #[inline(never)]
    fn list(&mut self, items: &'a [(Node, bool)], span: Span, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        self.budget.build_items(items.len()).map_err(|trouble| trouble.at(span))?;
        let mut list = Vec::with_capacity(items.len());
        let mut stop: Option<Stop> = None;
        for (item, optional) in items {
            match self.value(item, scope) {
                Ok(Val::Optional(inner)) if *optional => {
                    list.extend(inner.map(|inner| inner.as_ref().clone()))
                }
                Ok(_) if *optional => stop = Some(Stop::Error(Fault::NoOverload, span).meet(stop)),
                Ok(value) => list.push(value),
                Err(Stop::Exhausted) => return Err(Stop::Exhausted),
                Err(found) => stop = Some(found.meet(stop)),
            }
        }
        stop.map_or_else(|| Ok(Val::List(list.into())), Err)
    }

    #[inline(never)]
    fn map(
        &mut self,
        entries: &'a [(Node, Node, bool)],
        span: Span,
        scope: Outer<'_, 'a>,
    ) -> Outcome<Val<'a>> {
        self.budget.build_items(entries.len().saturating_mul(2)).map_err(|trouble| trouble.at(span))?;
        let mut pairs = Vec::with_capacity(entries.len());
        let mut stop: Option<Stop> = None;
        for (key, value, optional) in entries {
            match meet(self.value(key, scope), self.value(value, scope)) {
                Ok((key, Val::Optional(inner))) if *optional => {
                    pairs.extend(inner.map(|inner| (key, inner.as_ref().clone())));
                }
                Ok(_) if *optional => stop = Some(Stop::Error(Fault::NoOverload, span).meet(stop)),
                Ok(pair) => pairs.push(pair),
                Err(Stop::Exhausted) => return Err(Stop::Exhausted),
                Err(found) => stop = Some(found.meet(stop)),
            }
        }
        if let Some(stop) = stop {
            return Err(stop);
        }
        table(pairs).map_err(|fault| Stop::Error(fault, span))
    }

    #[inline(never)]
    fn bind(&mut self, parts: &'a [Node; 2], scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let [value, body] = parts;
        let value = self.value(value, scope)?;
        self.value(body, Some(&Scope { value: &value, parent: scope }))
    }

    #[inline(never)]
    fn optional_map(&mut self, node: &'a OptionalMap, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let Val::Optional(target) = self.value(&node.target, scope)? else {
            return Err(Stop::Error(Fault::NoOverload, node.span));
        };
        let Some(inner) = target else { return Ok(Val::Optional(None)) };
        let result = self.value(&node.body, Some(&Scope { value: &inner, parent: scope }))?;
        match (node.flat, result) {
            (false, result) => Ok(Val::some(result)),
            (true, result @ Val::Optional(_)) => Ok(result),
            (true, _) => Err(Stop::Error(Fault::NoOverload, node.span)),
        }
    }
}

pub(super) fn table<'a>(pairs: Vec<(Val<'a>, Val<'a>)>) -> Result<Val<'a>, Fault> {
    match Table::new(pairs) {
        Ok(table) => Ok(Val::Table(Arc::new(table))),
        Err(KeyFault::Type) => Err(Fault::KeyType),
        Err(KeyFault::Twice) => Err(Fault::KeyTwice),
    }
}

fn local<'s, 'a>(scope: Outer<'s, 'a>, hops: u16, span: Span) -> Outcome<&'s Val<'a>> {
    let mut current = scope;
    for _ in 0..hops {
        current = current.and_then(|scope| scope.parent);
    }
    current.map(|scope| scope.value).ok_or(Stop::Error(Fault::UnknownName, span))
}

/// Both values, or the stop that wins.
fn meet<T>(left: Outcome<T>, right: Outcome<T>) -> Outcome<(T, T)> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(first), Err(second)) => Err(second.meet(Some(first))),
        (Err(stop), Ok(_)) | (Ok(_), Err(stop)) => Err(stop),
    }
}

/// A constant or an input, seen as long as the evaluation lasts.
fn shorter<'h, 'a: 'h>(value: &'h Val<'a>) -> &'h Val<'a> {
    value
}
