//! Calls and their types.
//!
//! Finds the forms of a function that fit the types of a call. Refuses unknown functions, wrong arguments, and
//! arguments that are known at load to be malformed: patterns, zones, times.

use super::super::ast::{Expr, Kind};
use super::super::diagnostic::{Diagnostic, Span, quote};
use super::super::failure::Fault;
use super::super::functions::{self, Func};
use super::super::node::{Call, Node};
use super::super::time;
use super::super::types::Type;
use super::super::val::Val;
use super::{Checker, Typed};
use crate::text::nearest;

impl Checker<'_> {
    pub(super) fn call(&mut self, target: Option<&Expr>, name: &str, args: &[Expr], span: Span) -> Typed {
        let Some(target) = target else {
            return self.function(name, None, args, span);
        };
        if let Some(space) = self.namespace(target) {
            let full = format!("{space}.{name}");
            if functions::overloads(&full, false).next().is_some() {
                return self.function(&full, None, args, span);
            }
            if self.strict && self.resolve(&[space], false).is_none() {
                return self.unknown_function(&full, false, span);
            }
        }
        if name == "sortBy" && args.len() == 2 {
            return self.sort_by(target, args, span);
        }
        self.function(name, Some(target), args, span)
    }

    /// The namespace that stands before the point, if it is one and not a variable.
    fn namespace<'x>(&self, target: &'x Expr) -> Option<&'x str> {
        match &target.kind {
            Kind::Name { name, .. } if functions::namespaces(name) => {
                let local = self.locals.iter().any(|local| local.name == *name);
                (!local).then_some(name.as_ref())
            }
            _ => None,
        }
    }

    fn function(&mut self, name: &str, target: Option<&Expr>, args: &[Expr], span: Span) -> Typed {
        let method = target.is_some();
        let mut types = Vec::with_capacity(args.len().saturating_add(1));
        let mut nodes = Vec::with_capacity(args.len().saturating_add(1));
        for arg in target.into_iter().chain(args) {
            let found = self.operand(arg);
            types.push(found.ty);
            nodes.push(found.node);
        }
        if matches!(name, "math.greatest" | "math.least") && nodes.len() > 2 {
            return self.extreme(name, nodes, &types, span);
        }
        if functions::overloads(name, method).next().is_none() {
            return self.unknown_function(name, method, span);
        }
        let Some((func, ty)) = fitting(name, method, &types) else {
            let found = types.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
            let forms = forms(name, method);
            let name = quote(name);
            return self.fail(span, Fault::NoOverload, || {
                format!("{name} is not defined for ({found}), expected {forms}")
            });
        };
        if self.strict {
            self.arguments(func, &nodes, &types, span);
        }
        let node = self.called(Call { func, args: nodes.into(), span });
        if matches!(node, Node::Fail(Fault::Regex, _)) {
            self.fault(span, || "pattern is malformed or too large".to_owned());
        }
        Typed { node, ty: precise(func, &types, ty) }
    }

    /// More than two numbers: the greatest of the first two, then of that and the next.
    fn extreme(&mut self, name: &str, nodes: Vec<Node>, types: &[Type], span: Span) -> Typed {
        let func = if name == "math.least" { Func::Least } else { Func::Greatest };
        self.arguments(func, &nodes, types, span);
        let mut nodes = nodes.into_iter();
        let first = nodes.next().unwrap_or(Node::Fail(Fault::NoOverload, span));
        let node =
            nodes.fold(first, |best, next| self.called(Call { func, args: Box::new([best, next]), span }));
        Typed { node, ty: precise(func, types, Type::Dyn) }
    }

    /// Checks what is known of the arguments at load.
    fn arguments(&mut self, func: Func, nodes: &[Node], types: &[Type], span: Span) {
        let text = |place: usize| match nodes.get(place) {
            Some(Node::Const(value)) => value.as_str(),
            _ => None,
        };
        match func {
            Func::Matches if text(1).is_none() => {
                let fault = Diagnostic::error(span, "pattern of `matches` must be a literal");
                self.report(fault.with_help("a pattern is compiled once, when the condition is loaded"));
            }
            Func::FullYear
            | Func::Month
            | Func::Date
            | Func::DayOfMonth
            | Func::DayOfWeek
            | Func::DayOfYear
            | Func::Hours
            | Func::Minutes
            | Func::Seconds
            | Func::Milliseconds => {
                if let Some(zone) = text(1).filter(|zone| !time::is_zone(zone)) {
                    let fault = Diagnostic::error(span, format!("unknown time zone {}", quote(zone)));
                    self.report(
                        fault.with_help("write an offset such as `+01:00`; names need the feature `tz`"),
                    );
                }
            }
            Func::Greatest | Func::Least => {
                let list = |ty: &Type| match ty {
                    Type::List(element) => nodes.len() == 1 && (element.is_number() || element.is_dyn()),
                    _ => false,
                };
                if let Some(ty) = types.iter().find(|ty| !ty.is_number() && !ty.is_dyn() && !list(ty)) {
                    self.fault(span, || format!("expected numbers or a list of numbers, found {ty}"));
                }
            }
            _ => {}
        }
    }

    fn unknown_function(&mut self, name: &str, method: bool, span: Span) -> Typed {
        if self.strict {
            let kind = if method { "method" } else { "function" };
            let found = Diagnostic::error(span, format!("unknown {kind} {}", quote(name)));
            let known = functions::named().filter(|(_, form)| *form == method).map(|(known, _)| known);
            let other = functions::named().any(|(known, form)| known == name && form != method);
            self.report(
                match nearest(name, known.chain(if method { MACROS.as_slice() } else { &[] }.iter().copied()))
                {
                    _ if other && method => found.with_help(format!("write `{name}(x)`")),
                    _ if other => found.with_help(format!("write `x.{name}(…)`")),
                    Some(near) => found.with_help(format!("did you mean `{near}`?")),
                    None => found,
                },
            );
        }
        Typed { node: Node::Fail(Fault::UnknownFunction, span), ty: Type::Dyn }
    }
}

/// Finds the function and its type; `dyn` where the types leave several.
fn fitting(name: &str, method: bool, types: &[Type]) -> Option<(Func, Type)> {
    let mut found: Option<(Func, Type)> = None;
    for row in functions::overloads(name, method).filter(|row| row.args.len() == types.len()) {
        let mut bound = [None, None];
        if !row.args.iter().zip(types).all(|(shape, ty)| shape.fits(ty, &mut bound)) {
            continue;
        }
        let ty = row.result.ty(&bound);
        found = Some(match found {
            None => (row.func, ty),
            Some((func, known)) => (func, known.join(&ty)),
        });
    }
    found
}

/// The type of a call where the table does not say enough.
fn precise(func: Func, types: &[Type], ty: Type) -> Type {
    match (func, types) {
        (Func::Greatest | Func::Least, [Type::List(element)]) => (**element).clone(),
        (Func::Greatest | Func::Least, [first, rest @ ..]) => {
            rest.iter().fold(first.clone(), |joined, next| joined.join(next))
        }
        (Func::Flatten, [Type::List(element)]) => match element.as_ref() {
            Type::List(_) => (**element).clone(),
            _ => Type::List(element.clone()),
        },
        (Func::Flatten, _) => Type::list(Type::Dyn),
        _ => ty,
    }
}

fn forms(name: &str, method: bool) -> String {
    let mut texts = Vec::new();
    for row in functions::overloads(name, method) {
        let unbound = [None, None];
        let args = row.args.iter().map(|shape| shape.ty(&unbound).to_string()).collect::<Vec<_>>().join(", ");
        texts.push(format!("({args})"));
        if texts.len() == 4 {
            texts.push("…".to_owned());
            break;
        }
    }
    texts.join(" or ")
}

/// Says whether a node is a constant text.
pub(super) fn constant_text(node: &Node) -> Option<&str> {
    match node {
        Node::Const(value @ (Val::Str(_) | Val::Text(_))) => value.as_str(),
        _ => None,
    }
}

const MACROS: [&str; 9] =
    ["all", "exists", "exists_one", "map", "filter", "transformList", "transformMap", "optMap", "optFlatMap"];
