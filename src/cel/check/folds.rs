//! Macros over lists and maps, and their types.
//!
//! Gives the variables the types of elements, indexes and keys. Refuses a range that has no elements and a
//! test that is no truth value.

use super::super::ast::{Expr, Fold, FoldKind, Kind};
use super::super::diagnostic::Span;
use super::super::failure::Fault;
use super::super::node::{FoldNode, LoopKind, Node};
use super::super::types::Type;
use super::{Checker, Local, Position, Typed};

impl Checker<'_> {
    pub(super) fn fold(&mut self, fold: &Fold, span: Span) -> Typed {
        let absorbing = matches!(fold.kind, FoldKind::All | FoldKind::Exists);
        let position = if absorbing { self.position } else { Position::Elsewhere };
        let root = if position == Position::Positive { self.restricted_range(&fold.range) } else { None };
        let range = self.position(position, |checker| checker.expr(&fold.range));
        let Some((first, second)) = self.variables(&range.ty, fold.second.is_some(), span) else {
            let ty = range.ty;
            return self
                .fail(span, Fault::NoOverload, || format!("expected a list or map to go over, found {ty}"));
        };
        let key_type = first.clone();
        self.locals.push(Local { name: fold.first.clone(), ty: first, root });
        if let (Some(name), Some(ty)) = (&fold.second, second) {
            self.locals.push(Local { name: name.clone(), ty, root });
        }
        let filter = fold.filter.as_ref().map(|filter| {
            let found = self.operand(filter);
            self.truth(found, filter)
        });
        let body = self.position(position, |checker| checker.expr(&fold.body));
        let (body_node, kind, ty) = self.body(fold, body, key_type, &range.ty);
        self.locals.pop();
        if fold.second.is_some() {
            self.locals.pop();
        }
        let weight = weight(&body_node).saturating_add(filter.as_ref().map_or(0, weight));
        let pairs = fold.second.is_some();
        let node = FoldNode { kind, range: range.node, pairs, filter, body: body_node, weight, span };
        Typed { node: Node::Fold(Box::new(node)), ty }
    }

    fn body(&mut self, fold: &Fold, body: Typed, key: Type, range: &Type) -> (Node, LoopKind, Type) {
        let kind = match fold.kind {
            FoldKind::All => LoopKind::All,
            FoldKind::Exists => LoopKind::Exists,
            FoldKind::ExistsOne => LoopKind::ExistsOne,
            FoldKind::List => return (body.node, LoopKind::List, Type::list(body.ty)),
            FoldKind::Map => return (body.node, LoopKind::Map, Type::map(key, body.ty)),
            FoldKind::Entries => {
                if !matches!(body.ty, Type::Map(..) | Type::Dyn) {
                    let (ty, place) = (&body.ty, self.place(fold.body.span));
                    self.fault(place, || format!("expected a map of one entry, found {ty}"));
                }
                return (
                    body.node,
                    LoopKind::Entries,
                    if range.is_dyn() { Type::map(Type::Dyn, Type::Dyn) } else { body.ty },
                );
            }
        };
        (self.truth(body, &fold.body), kind, Type::Bool)
    }

    /// The types of the variables: the element, or the index or key and the value.
    fn variables(&mut self, range: &Type, two: bool, _span: Span) -> Option<(Type, Option<Type>)> {
        Some(match (range, two) {
            (Type::List(element), false) => ((**element).clone(), None),
            (Type::List(element), true) => (Type::Int, Some((**element).clone())),
            (Type::Map(key, _), false) => ((**key).clone(), None),
            (Type::Map(key, value), true) => ((**key).clone(), Some((**value).clone())),
            (Type::Dyn, false) => (Type::Dyn, None),
            (Type::Dyn, true) => (Type::Dyn, Some(Type::Dyn)),
            _ => return None,
        })
    }

    /// `list.sortBy(x, key)`.
    pub(super) fn sort_by(&mut self, target: &Expr, args: &[Expr], span: Span) -> Typed {
        let [variable, key] = args else {
            return self.fail(span, Fault::NoOverload, || "`sortBy` takes a name and a key".to_owned());
        };
        let Kind::Name { name, absolute: false } = &variable.kind else {
            return self.fail(span, Fault::NoOverload, || "expected the name of a variable".to_owned());
        };
        let range = self.operand(target);
        let element = match &range.ty {
            Type::List(element) => (**element).clone(),
            Type::Dyn => Type::Dyn,
            ty => {
                let ty = ty.clone();
                return self.fail(span, Fault::NoOverload, || format!("expected a list to sort, found {ty}"));
            }
        };
        self.locals.push(Local { name: name.clone(), ty: element.clone(), root: None });
        let body = self.operand(key);
        self.locals.pop();
        let weight = weight(&body.node);
        let node = FoldNode {
            kind: LoopKind::Sort,
            range: range.node,
            pairs: false,
            filter: None,
            body: body.node,
            weight,
            span,
        };
        Typed { node: Node::Fold(Box::new(node)), ty: Type::list(element) }
    }
}

/// Steps of one turn: four nodes take about as long as what else counts as a step.
fn weight(node: &Node) -> u32 {
    let mut nodes = 0_u32;
    node.visit(&mut |_| nodes = nodes.saturating_add(1));
    (nodes / 4).saturating_add(1)
}
