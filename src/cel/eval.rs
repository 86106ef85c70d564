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
use super::input::Input;
use super::map::{KeyFault, Table};
use super::node::{Binary, Call, Index, Member, Node, OptionalMap, Select, TextNode, TextTest};
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

/// A text that is borrowed or shared.
enum Text<'a> {
    Borrowed(&'a str),
    Shared(Arc<str>),
    /// A value of another type.
    Other,
}

impl<'a> Machine<'a> {
    pub(super) fn new(inputs: &'a [Input<'a>]) -> Self {
        Self { inputs, budget: Budget::new() }
    }

    /// Evaluates a node that must be a truth value.
    pub(super) fn test(&mut self, node: &'a Node, scope: Outer<'_, 'a>) -> Outcome<bool> {
        match node {
            Node::Const(Val::Bool(value)) => Ok(*value),
            Node::And(parts) => self.join(parts, false, scope),
            Node::Or(parts) => self.join(parts, true, scope),
            Node::Not(inner, _) => Ok(!self.test(inner, scope)?),
            Node::Text(text) => self.text_test(text, scope),
            Node::Member(member) => self.member(member, scope),
            Node::Binary(binary) if operate::is_relation(binary.op) => self.relation(binary, scope),
            Node::Present(slot, _) => self.present(*slot),
            Node::If(parts) => {
                let [condition, then, otherwise] = parts.as_ref();
                if self.test(condition, scope)? {
                    self.test(then, scope)
                } else {
                    self.test(otherwise, scope)
                }
            }
            Node::Fold(fold) => self.fold_test(fold, scope),
            _ => match self.value(node, scope)? {
                Val::Bool(value) => Ok(value),
                _ => Err(Stop::Error(Fault::NoOverload, node.span())),
            },
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
            | Node::Member(_)
            | Node::Present(..)
            | Node::Binary(_) => self.test(node, scope).map(Val::Bool),
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

    fn optional_slot(&self, slot: Slot) -> Outcome<Val<'a>> {
        match self.inputs.get(slot.index()) {
            Some(Input::Value(given)) => Ok(Val::some(given.0.clone())),
            Some(Input::Unknown) => Err(Stop::Unknown(slot)),
            Some(Input::Absent) | None => Ok(Val::Optional(None)),
        }
    }

    fn text(&mut self, node: &'a Node, scope: Outer<'_, 'a>) -> Outcome<Text<'a>> {
        match node {
            Node::Slot(slot, span) => self.slot(*slot, *span).map(text_of),
            Node::Local(hops, span) => local(scope, *hops, *span).map(text_of),
            _ => self.value(node, scope).map(|value| text_of(&value)),
        }
    }

    fn text_test(&mut self, node: &'a TextNode, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let found = self.text(&node.operand, scope)?;
        let text = match &found {
            Text::Borrowed(text) => text,
            Text::Shared(text) => text.as_ref(),
            Text::Other => {
                return match node.test {
                    TextTest::Equal(_) | TextTest::In(_) => Ok(false),
                    TextTest::NotEqual(_) => Ok(true),
                    _ => Err(Stop::Error(Fault::NoOverload, node.span)),
                };
            }
        };
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

    /// A literal text in a list or among the keys of a map.
    fn member(&mut self, node: &'a Member, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let place = |trouble: Trouble| trouble.at(node.span);
        let held;
        let list = match &node.list {
            Node::Slot(slot, span) => self.slot(*slot, *span)?,
            other => {
                held = self.value(other, scope)?;
                &held
            }
        };
        match list {
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

    fn relation(&mut self, node: &'a Binary, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let (left, right) = self.both(&node.left, &node.right, scope)?;
        operate::relation(node.op, &left, &right, &mut self.budget).map_err(|trouble| trouble.at(node.span))
    }

    fn arithmetic(&mut self, node: &'a Binary, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let (left, right) = self.both(&node.left, &node.right, scope)?;
        operate::arithmetic(node.op, &left, &right, &mut self.budget).map_err(|trouble| trouble.at(node.span))
    }

    fn negate(&mut self, inner: &'a Node, span: Span, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let value = self.value(inner, scope)?;
        operate::negate(&value).map_err(|fault| Stop::Error(fault, span))
    }

    fn conditional(&mut self, parts: &'a [Node; 3], scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let [condition, then, otherwise] = parts;
        if self.test(condition, scope)? { self.value(then, scope) } else { self.value(otherwise, scope) }
    }

    fn both(&mut self, left: &'a Node, right: &'a Node, scope: Outer<'_, 'a>) -> Outcome<(Val<'a>, Val<'a>)> {
        match (self.value(left, scope), self.value(right, scope)) {
            (Ok(left), Ok(right)) => Ok((left, right)),
            (Err(stop), right) => Err(right.map_or_else(|right| right.meet(Some(stop)), |_| stop)),
            (Ok(_), Err(stop)) => Err(stop),
        }
    }

    fn select(&mut self, node: &'a Select, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let held;
        let operand = match &node.operand {
            Node::Slot(slot, span) => self.slot(*slot, *span)?,
            other => {
                held = self.value(other, scope)?;
                &held
            }
        };
        operate::select(operand, &node.field, node.how).map_err(|fault| Stop::Error(fault, node.span))
    }

    fn index(&mut self, node: &'a Index, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let (operand, index) = self.both(&node.operand, &node.index, scope)?;
        operate::index(&operand, &index, node.optional).map_err(|fault| Stop::Error(fault, node.span))
    }

    fn call(&mut self, node: &'a Call, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        if let (Func::Or | Func::OrValue, [target, other]) = (node.func, node.args.as_ref()) {
            return self.or_value(node, target, other, scope);
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
            match self.both(key, value, scope) {
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

    fn bind(&mut self, parts: &'a [Node; 2], scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let [value, body] = parts;
        let value = self.value(value, scope)?;
        self.value(body, Some(&Scope { value: &value, parent: scope }))
    }

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

fn text_of<'a>(value: &Val<'a>) -> Text<'a> {
    match value {
        Val::Str(text) => Text::Borrowed(text),
        Val::Text(text) => Text::Shared(Arc::clone(text)),
        _ => Text::Other,
    }
}
