//! Names, selections and their types.
//!
//! A dotted path is looked up as a whole first, then shorter: the longest declared name wins, in the nearest
//! namespace. Variables of macros come before all declared names. What remains of a path selects from a value.

use super::super::ast::{Expr, Kind};
use super::super::diagnostic::{Diagnostic, Span, quote};
use super::super::environment::{Name, Slot};
use super::super::failure::Fault;
use super::super::names;
use super::super::node::{How, Index, Node, Select};
use super::super::types::Type;
use super::super::val::Val;
use super::{Checker, Typed};
use crate::text::nearest;

/// What the beginning of a path is.
pub(super) enum Found<'e> {
    Local(usize),
    Slot(Slot),
    Let(&'e str, &'e Expr),
    Constant(Val<'static>),
}

impl<'e> Checker<'e> {
    /// Finds what a path begins with, and how many of its parts that takes.
    pub(super) fn resolve(&self, parts: &[&str], absolute: bool) -> Option<(Found<'e>, usize)> {
        let (first, _) = parts.split_first()?;
        if !absolute {
            let visible = self.locals.get(self.hidden_locals..).unwrap_or_default();
            if let Some(place) = visible.iter().rposition(|local| local.name.as_ref() == *first) {
                return Some((Found::Local(self.hidden_locals.saturating_add(place)), 1));
            }
        }
        let path = parts.join(".");
        let mut end = path.len();
        let container = if absolute { "" } else { self.env.container() };
        for count in (1..=parts.len()).rev() {
            let name = path.get(..end)?;
            if let Some(found) = self.lookup(name, container) {
                return Some((found, count));
            }
            end = path.get(..end)?.rfind('.').unwrap_or(0);
        }
        None
    }

    fn lookup(&self, name: &str, container: &str) -> Option<Found<'e>> {
        let mut space = container;
        while !space.is_empty() {
            if let Some(found) = self.declared(&format!("{space}.{name}")) {
                return Some(found);
            }
            space = space.rfind('.').and_then(|end| space.get(..end)).unwrap_or_default();
        }
        self.declared(name).or_else(|| names::constant(name).map(Found::Constant))
    }

    fn declared(&self, name: &str) -> Option<Found<'e>> {
        match self.env.name(name)? {
            (_, Name::Slot(slot)) => Some(Found::Slot(*slot)),
            (known, Name::Let(tree)) => Some(Found::Let(known, tree)),
            (_, Name::Prefix) => None,
        }
    }

    /// Finds the attribute that a path names as a whole.
    pub(super) fn whole_slot(&self, parts: &[&str], absolute: bool) -> Option<Slot> {
        match self.resolve(parts, absolute)? {
            (Found::Slot(slot), count) if count == parts.len() => Some(slot),
            _ => None,
        }
    }

    /// Checks a name or a dotted path.
    pub(super) fn path(&mut self, expr: &Expr) -> Typed {
        let span = self.place(expr.span);
        let Some((parts, absolute)) = expr.path() else {
            return self.fail(span, Fault::UnknownName, || "expected a name".to_owned());
        };
        let Some((found, used)) = self.resolve(&parts, absolute) else {
            return self.unknown(&parts, span);
        };
        let base = match found {
            Found::Local(place) => self.local(place, span),
            Found::Constant(value) => {
                let ty = if matches!(value, Val::Risk(_)) { Type::Risk } else { Type::Type };
                Typed { node: Node::Const(value), ty }
            }
            Found::Slot(slot) => self.read(slot, span),
            Found::Let(name, tree) => self.expand(name, tree, span),
        };
        let rest = parts.get(used..).unwrap_or_default();
        rest.iter().fold(base, |base, field| self.field(base, field, How::Get, span))
    }

    fn local(&mut self, place: usize, span: Span) -> Typed {
        let hops = self.locals.len().saturating_sub(place).saturating_sub(1);
        let (ty, root) = match self.locals.get(place) {
            Some(local) => (local.ty.clone(), local.root),
            None => (Type::Dyn, None),
        };
        if let Some(slot) = root {
            self.restricted(slot, span, &ty);
        }
        Typed { node: Node::Local(u16::try_from(hops).unwrap_or(u16::MAX), span), ty }
    }

    /// Reads an attribute.
    fn read(&mut self, slot: Slot, span: Span) -> Typed {
        let Some(entry) = self.env.entry(slot) else {
            return self.fail(span, Fault::UnknownName, || "unknown attribute".to_owned());
        };
        let path = quote(&entry.path);
        if entry.presence {
            let help = format!("ask `has({})` or name one of its attributes", entry.path);
            if self.strict {
                self.report(Diagnostic::error(span, format!("{path} is not a value")).with_help(help));
            }
        } else if self.guarded && !self.is_guarded(slot) {
            let guard = self.guard_of(slot);
            let help = format!("guard it with `has({guard}) && …`");
            self.report(Diagnostic::error(span, format!("attribute {path} may be absent")).with_help(help));
        }
        let ty = entry.declaration.ty.clone();
        self.restricted(slot, span, &ty);
        Typed { node: Node::Slot(slot, span), ty }
    }

    /// Puts a definition in the place of its name.
    fn expand(&mut self, name: &'e str, tree: &'e Expr, span: Span) -> Typed {
        if self.lets.iter().any(|known| known == name) {
            let name = quote(name);
            return self.fail(span, Fault::UnknownName, || format!("definition {name} needs itself"));
        }
        let hidden = std::mem::replace(&mut self.hidden_locals, self.locals.len());
        let outer = self.use_span;
        // A definition that is checked by itself shows its own places.
        if outer.is_none() {
            self.use_span = Some(span);
        }
        self.lets.push(name.to_owned());
        let found = self.expr(tree);
        self.lets.pop();
        self.use_span = outer;
        self.hidden_locals = hidden;
        found
    }

    fn unknown(&mut self, parts: &[&str], span: Span) -> Typed {
        let path = parts.join(".");
        let env = self.env;
        if self.strict {
            let prefix = format!("{path}.");
            let below = env.known().find(|known| known.starts_with(&prefix));
            let found = match below {
                Some(known) => {
                    let help = format!("name one of its attributes, such as `{known}`");
                    Diagnostic::error(span, format!("{} is not a value", quote(&path))).with_help(help)
                }
                None => {
                    let found = Diagnostic::error(span, format!("unknown attribute {}", quote(&path)));
                    let locals = self.locals.iter().map(|local| local.name.as_ref());
                    let known = env.known().chain(locals).chain(LEVELS);
                    match nearest(&path, known) {
                        Some(near) => found.with_help(format!("did you mean `{near}`?")),
                        None => found,
                    }
                }
            };
            self.report(found);
        }
        Typed { node: Node::Fail(Fault::UnknownName, span), ty: Type::Dyn }
    }

    /// Checks a selection.
    pub(super) fn select(&mut self, expr: &Expr, operand: &Expr, field: &str, optional: bool) -> Typed {
        let span = self.place(expr.span);
        if optional {
            if let Some((mut parts, absolute)) = operand.path() {
                parts.push(field);
                if let Some(slot) = self.whole_slot(&parts, absolute) {
                    return self.optional_read(slot, span);
                }
            }
        } else if expr.path().is_some() {
            return self.path(expr);
        }
        let base = self.operand(operand);
        self.field(base, field, if optional { How::Optional } else { How::Get }, span)
    }

    fn optional_read(&mut self, slot: Slot, span: Span) -> Typed {
        let ty = self.env.declaration(slot).map_or(Type::Dyn, |declaration| declaration.ty.clone());
        self.restricted(slot, span, &ty);
        Typed { node: Node::OptionalSlot(slot, span), ty: Type::optional(ty) }
    }

    /// Selects from a value.
    pub(super) fn field(&mut self, base: Typed, field: &str, how: How, span: Span) -> Typed {
        let (inner, wrapped) = match base.ty {
            Type::Optional(inner) => (*inner, true),
            ty => (ty, false),
        };
        let element = match inner {
            Type::Map(key, value) if matches!(*key, Type::String | Type::Dyn) => *value,
            Type::Dyn => Type::Dyn,
            // An optional that has no value gives none, whatever is selected.
            _ if wrapped && !self.strict => Type::Dyn,
            ty => {
                let name = quote(field);
                return self.fail(span, Fault::NoOverload, || format!("{ty} has no field {name}"));
            }
        };
        let ty = match how {
            How::Has => Type::Bool,
            How::Get if !wrapped => element,
            How::Get | How::Optional => Type::optional(element),
        };
        let node = Node::Select(Box::new(Select { operand: base.node, field: field.into(), how, span }));
        Typed { node: self.folded(node, span), ty }
    }

    /// Checks `has`.
    pub(super) fn has(&mut self, operand: &Expr, span: Span) -> Typed {
        if let Some((parts, absolute)) = operand.path()
            && let Some(slot) = self.whole_slot(&parts, absolute)
        {
            return self.presence(slot, parts.len() > 1, span);
        }
        let Kind::Select { operand: base, field, .. } = &operand.kind else {
            return self.fail(span, Fault::NoOverload, || "`has` takes one selection".to_owned());
        };
        let base = self.operand(base);
        self.field(base, field, How::Has, span)
    }

    fn presence(&mut self, slot: Slot, selection: bool, span: Span) -> Typed {
        let Some(entry) = self.env.entry(slot) else {
            return self.fail(span, Fault::UnknownName, || "unknown attribute".to_owned());
        };
        let path = quote(&entry.path);
        if !selection && !entry.presence {
            return self
                .fail(span, Fault::NoOverload, || format!("`has` takes a selection, {path} is a name"));
        }
        let always = !entry.presence && !entry.declaration.optional && self.presence_root(slot).is_none();
        if always && self.strict {
            self.warn(span, format!("attribute {path} is always present"));
        }
        self.restricted(slot, span, &Type::Bool);
        Typed { node: Node::Present(slot, span), ty: Type::Bool }
    }

    /// Checks an index.
    pub(super) fn index(&mut self, operand: &Expr, index: &Expr, optional: bool, span: Span) -> Typed {
        let (operand, index) = (self.operand(operand), self.operand(index));
        let (inner, wrapped) = match operand.ty {
            Type::Optional(inner) => (*inner, true),
            ty => (ty, false),
        };
        let (element, fits) = match inner {
            Type::List(element) => (*element, index.ty.is_number() || index.ty.is_dyn()),
            Type::Map(key, value) => (*value, key.comparable(&index.ty)),
            Type::Dyn => (Type::Dyn, true),
            _ if wrapped && !self.strict => (Type::Dyn, true),
            ty => return self.fail(span, Fault::NoOverload, || format!("{ty} has no elements")),
        };
        if !fits {
            let ty = &index.ty;
            self.fault(span, || format!("index is {ty}, which no element has"));
        }
        let ty = if optional || wrapped { Type::optional(element) } else { element };
        let node = Node::Index(Box::new(Index { operand: operand.node, index: index.node, optional, span }));
        Typed { node: self.folded(node, span), ty }
    }
}

const LEVELS: [&str; 4] = ["LOW", "MEDIUM", "HIGH", "CRITICAL"];
