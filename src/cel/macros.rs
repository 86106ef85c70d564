//! Macros: calls that are syntax.
//!
//! `has`, the macros over lists and maps, `cel.bind`, `optMap` and `optFlatMap` take names and expressions
//! instead of values. A call with another number of arguments is an ordinary call; a variable that is no
//! plain name is refused.

use super::ast::{Expr, Fold, FoldKind, Kind};
use super::diagnostic::{Diagnostic, Span};
use super::parse::{Parsed, Parser};

/// Reads a call without a target.
pub(super) fn function(parser: &mut Parser<'_>, name: Box<str>, args: Vec<Expr>, span: Span) -> Parsed {
    if name.as_ref() != "has" {
        return parser.node(span, Kind::Call { target: None, name, args });
    }
    match <[Expr; 1]>::try_from(args) {
        Ok([operand]) if matches!(operand.kind, Kind::Select { optional: false, .. } | Kind::Name { .. }) => {
            parser.node(span, Kind::Has(Box::new(operand)))
        }
        _ => Err(Diagnostic::error(span, "`has` takes one selection")
            .with_help("write `has(resource.owner)`")
            .into()),
    }
}

/// Reads a call with a target.
pub(super) fn method(
    parser: &mut Parser<'_>,
    target: Expr,
    name: Box<str>,
    args: Vec<Expr>,
    span: Span,
) -> Parsed {
    let plain = matches!(&target.kind, Kind::Name { name, absolute: false } if name.as_ref() == "cel");
    if plain && name.as_ref() == "bind" && args.len() == 3 {
        return bind(parser, args, span);
    }
    match (name.as_ref(), args.len()) {
        ("optMap" | "optFlatMap", 2) => {
            optional_map(parser, target, args, name.as_ref() == "optFlatMap", span)
        }
        ("all" | "exists" | "exists_one" | "existsOne" | "map" | "filter", 2)
        | ("map" | "all" | "exists" | "exists_one" | "existsOne", 3)
        | ("transformList" | "transformMap" | "transformMapEntry", 3 | 4) => {
            fold(parser, target, &name, args, span)
        }
        _ => parser.node(span, Kind::Call { target: Some(Box::new(target)), name, args }),
    }
}

fn fold(parser: &mut Parser<'_>, range: Expr, name: &str, args: Vec<Expr>, span: Span) -> Parsed {
    let kind = match name {
        "all" => FoldKind::All,
        "exists" => FoldKind::Exists,
        "exists_one" | "existsOne" => FoldKind::ExistsOne,
        "transformMap" => FoldKind::Map,
        "transformMapEntry" => FoldKind::Entries,
        _ => FoldKind::List,
    };
    let two = !matches!((name, args.len()), ("map" | "filter", _) | (_, 2));
    let mut args = args.into_iter();
    let mut next = || args.next().ok_or_else(|| Box::new(Diagnostic::error(span, "macro lacks an argument")));
    let (first, first_span) = variable(next()?)?;
    let second = if two { Some(variable(next()?)?.0) } else { None };
    if second.as_ref() == Some(&first) {
        return Err(Diagnostic::error(first_span, "the two variables need two names").into());
    }
    let body = next()?;
    let (filter, body) = match (name, args.next()) {
        ("filter", _) => {
            let element = parser.node(first_span, Kind::Name { name: first.clone(), absolute: false })?;
            (Some(body), element)
        }
        (_, Some(last)) => (Some(body), last),
        (_, None) => (None, body),
    };
    parser.node(span, Kind::Fold(Box::new(Fold { kind, range, first, second, filter, body })))
}

fn bind(parser: &mut Parser<'_>, args: Vec<Expr>, span: Span) -> Parsed {
    let Ok([name, value, body]) = <[Expr; 3]>::try_from(args) else {
        return Err(Diagnostic::error(span, "`cel.bind` takes a name, a value and an expression").into());
    };
    let (name, _) = variable(name)?;
    parser.node(span, Kind::Bind { name, value: Box::new(value), body: Box::new(body) })
}

fn optional_map(parser: &mut Parser<'_>, target: Expr, args: Vec<Expr>, flat: bool, span: Span) -> Parsed {
    let Ok([name, body]) = <[Expr; 2]>::try_from(args) else {
        return Err(Diagnostic::error(span, "`optMap` takes a name and an expression").into());
    };
    let (name, _) = variable(name)?;
    parser.node(span, Kind::OptionalMap { target: Box::new(target), name, body: Box::new(body), flat })
}

fn variable(expr: Expr) -> Parsed<(Box<str>, Span)> {
    match expr.kind {
        Kind::Name { name, absolute: false } => Ok((name, expr.span)),
        _ => Err(Diagnostic::error(expr.span, "expected the name of a variable").into()),
    }
}
