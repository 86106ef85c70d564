//! The syntax tree of a condition.
//!
//! Holds what was written, with its place, before names and types are looked at. Macros stand as what they
//! are. Its depth is bounded by the parser, so walking and dropping it is safe.

use super::diagnostic::Span;

/// An expression and its place in the source.
#[derive(Debug, Clone)]
pub(crate) struct Expr {
    pub(super) span: Span,
    /// Nodes on the longest way down, this one included.
    pub(super) height: u16,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Literal(Literal),
    /// A name; with a leading point it is looked up outside all scopes and namespaces.
    Name {
        name: Box<str>,
        absolute: bool,
    },
    Select {
        operand: Box<Expr>,
        field: Box<str>,
        optional: bool,
    },
    Index {
        operand: Box<Expr>,
        index: Box<Expr>,
        optional: bool,
    },
    Has(Box<Expr>),
    Call {
        target: Option<Box<Expr>>,
        name: Box<str>,
        args: Vec<Expr>,
    },
    Not(Box<Expr>),
    Negate(Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    If(Box<[Expr; 3]>),
    Binary {
        op: BinaryOp,
        left: Box<Expr>,
        right: Box<Expr>,
    },
    List(Vec<(Expr, bool)>),
    Map(Vec<(Expr, Expr, bool)>),
    /// A message literal: there are no message types, so it always is an error.
    Message(Box<str>),
    Fold(Box<Fold>),
    Bind {
        name: Box<str>,
        value: Box<Expr>,
        body: Box<Expr>,
    },
    /// `optMap` and `optFlatMap`.
    OptionalMap {
        target: Box<Expr>,
        name: Box<str>,
        body: Box<Expr>,
        flat: bool,
    },
}

#[derive(Debug, Clone)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    String(Box<str>),
    Bytes(Box<[u8]>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BinaryOp {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

/// A macro that goes over the elements of a list or the keys of a map.
#[derive(Debug, Clone)]
pub(super) struct Fold {
    pub(super) kind: FoldKind,
    pub(super) range: Expr,
    /// The element, or the index or key where there are two variables.
    pub(super) first: Box<str>,
    pub(super) second: Option<Box<str>>,
    pub(super) filter: Option<Expr>,
    pub(super) body: Expr,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FoldKind {
    All,
    Exists,
    ExistsOne,
    /// `map`, `filter` and `transformList`.
    List,
    /// `transformMap`: keys stay.
    Map,
    /// `transformMapEntry`: every element gives a map of entries.
    Entries,
}

impl Kind {
    pub(super) fn highest_child(&self) -> u16 {
        let most = |parts: &[Expr]| parts.iter().map(|part| part.height).max().unwrap_or(0);
        match self {
            Self::Literal(_) | Self::Name { .. } | Self::Message(_) => 0,
            Self::Select { operand, .. }
            | Self::Has(operand)
            | Self::Not(operand)
            | Self::Negate(operand) => operand.height,
            Self::Index { operand, index, .. } => operand.height.max(index.height),
            Self::Call { target, args, .. } => {
                target.as_ref().map_or(0, |target| target.height).max(most(args))
            }
            Self::And(parts) | Self::Or(parts) => most(parts),
            Self::If(parts) => most(parts.as_slice()),
            Self::Binary { left, right, .. } => left.height.max(right.height),
            Self::List(items) => items.iter().map(|(item, _)| item.height).max().unwrap_or(0),
            Self::Map(entries) => {
                entries.iter().map(|(key, value, _)| key.height.max(value.height)).max().unwrap_or(0)
            }
            Self::Fold(fold) => {
                let filter = fold.filter.as_ref().map_or(0, |filter| filter.height);
                fold.range.height.max(fold.body.height).max(filter)
            }
            Self::Bind { value, body, .. } => value.height.max(body.height),
            Self::OptionalMap { target, body, .. } => target.height.max(body.height),
        }
    }
}

impl BinaryOp {
    /// The comparison that holds when the sides are exchanged.
    pub(super) fn flipped(self) -> Self {
        match self {
            Self::Less => Self::Greater,
            Self::LessEqual => Self::GreaterEqual,
            Self::Greater => Self::Less,
            Self::GreaterEqual => Self::LessEqual,
            other => other,
        }
    }

    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessEqual => "<=",
            Self::Greater => ">",
            Self::GreaterEqual => ">=",
            Self::In => "in",
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

impl Expr {
    /// The dotted path that the expression spells, outermost first, if it spells one.
    pub(super) fn path(&self) -> Option<(Vec<&str>, bool)> {
        let mut parts = Vec::new();
        let mut current = self;
        loop {
            match &current.kind {
                Kind::Name { name, absolute } => {
                    parts.push(name.as_ref());
                    parts.reverse();
                    return Some((parts, *absolute));
                }
                Kind::Select { operand, field, optional: false } => {
                    parts.push(field.as_ref());
                    current = operand;
                }
                _ => return None,
            }
        }
    }
}
