//! Conditions that are always true.
//!
//! `WHERE 1 = 1` bounds nothing. A condition counts as always true if it is true for every row, but for
//! NULLs, or if it does not depend on the row at all, so that it takes all rows or none. Where that is not
//! plain the answer errs towards "always true" for constants and towards "bounded" for columns.

use std::ops::ControlFlow;

use sqlparser::ast::{
    BinaryOperator, Expr, Ident, ObjectName, Query, UnaryOperator, Value, Visit as _, Visitor,
};

/// What is known about a condition's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Truth {
    True,
    False,
    /// The same for every row, its value unknown.
    Constant,
    /// Depends on the row.
    Varies,
}

/// Says whether `condition` lets every row pass.
pub(super) fn always_true(condition: Option<&Expr>) -> bool {
    condition.is_none_or(|condition| matches!(truth(condition), Truth::True | Truth::Constant))
}

fn truth(condition: &Expr) -> Truth {
    match condition {
        Expr::Nested(inner) | Expr::IsTrue(inner) | Expr::IsNotFalse(inner) => truth(inner),
        Expr::IsFalse(inner) | Expr::IsNotTrue(inner) => truth(inner).not(),
        Expr::UnaryOp { op: UnaryOperator::Not | UnaryOperator::BangNot, expr } => truth(expr).not(),
        Expr::Value(value) => literal(&value.value),
        Expr::Cast { expr, .. } | Expr::Convert { expr, .. } | Expr::Collate { expr, .. } => truth(expr),
        Expr::BinaryOp { left, op, right } => binary(left, op, right),
        Expr::IsNotDistinctFrom(left, right) if same(left, right) => Truth::True,
        Expr::IsNotNull(inner) | Expr::IsNotUnknown(inner) if !is_column(inner) => Truth::Constant,
        Expr::InList { expr, list, negated: false } if list.iter().any(|item| same(expr, item)) => {
            Truth::True
        }
        Expr::Between { expr, low, high, negated: false } if same(expr, low) && same(expr, high) => {
            Truth::True
        }
        Expr::Like { pattern, negated: false, .. } | Expr::ILike { pattern, negated: false, .. }
            if is_any_pattern(pattern) =>
        {
            Truth::True
        }
        Expr::Case { conditions, else_result, .. } => {
            let results = conditions.iter().map(|when| &when.result).chain(else_result.as_deref());
            let reached = conditions
                .iter()
                .find(|when| matches!(truth(&when.condition), Truth::True | Truth::Constant))
                .map(|when| truth(&when.result));
            match reached {
                Some(Truth::True | Truth::Constant) => Truth::Constant,
                _ if results.clone().all(|result| truth(result) != Truth::Varies) => Truth::Constant,
                _ => varies(condition),
            }
        }
        Expr::Identifier(name) if name.quote_style == Some('"') && starts_with_digit(&name.value) => {
            Truth::Constant
        }
        _ => varies(condition),
    }
}

fn binary(left: &Expr, op: &BinaryOperator, right: &Expr) -> Truth {
    match op {
        BinaryOperator::And => truth(left).and(truth(right)),
        // MySQL reads `||` as OR unless its mode says otherwise; elsewhere it makes no condition.
        BinaryOperator::Or | BinaryOperator::StringConcat => {
            let mut alternatives = Vec::new();
            flatten(left, &mut alternatives);
            flatten(right, &mut alternatives);
            if covers(&alternatives) {
                return Truth::True;
            }
            alternatives.into_iter().map(truth).fold(Truth::False, Truth::or)
        }
        BinaryOperator::Eq | BinaryOperator::Spaceship | BinaryOperator::LtEq | BinaryOperator::GtEq
            if same(left, right) =>
        {
            Truth::True
        }
        BinaryOperator::NotEq | BinaryOperator::Lt | BinaryOperator::Gt if same(left, right) => Truth::False,
        _ => varies_both(left, right),
    }
}

impl Truth {
    fn not(self) -> Self {
        match self {
            Self::True => Self::False,
            Self::False => Self::True,
            other => other,
        }
    }

    fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::False, _) | (_, Self::False) => Self::False,
            (Self::Varies, _) | (_, Self::Varies) => Self::Varies,
            (Self::True, Self::True) => Self::True,
            _ => Self::Constant,
        }
    }

    fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::True, _) | (_, Self::True) => Self::True,
            (Self::Constant, _) | (_, Self::Constant) => Self::Constant,
            (Self::False, Self::False) => Self::False,
            _ => Self::Varies,
        }
    }
}

fn literal(value: &Value) -> Truth {
    match value {
        Value::Boolean(true) => Truth::True,
        Value::Boolean(false) | Value::Null => Truth::False,
        Value::Number(number, _) if number.chars().all(|digit| matches!(digit, '0' | '.')) => Truth::False,
        Value::Number(..) => Truth::True,
        _ => Truth::Constant,
    }
}

fn flatten<'a>(condition: &'a Expr, into: &mut Vec<&'a Expr>) {
    match condition {
        Expr::Nested(inner) => flatten(inner, into),
        Expr::BinaryOp { left, op: BinaryOperator::Or | BinaryOperator::StringConcat, right } => {
            flatten(left, into);
            flatten(right, into);
        }
        _ => into.push(condition),
    }
}

/// Says whether two of the alternatives leave nothing out.
fn covers(alternatives: &[&Expr]) -> bool {
    let mut rest = alternatives;
    while let Some((first, others)) = rest.split_first() {
        if others.iter().any(|second| complement(first, second) || complement(second, first)) {
            return true;
        }
        rest = others;
    }
    false
}

fn complement(first: &Expr, second: &Expr) -> bool {
    use BinaryOperator::{Eq, Gt, GtEq, Lt, LtEq, NotEq};
    match (first, second) {
        (Expr::IsNull(one), Expr::IsNotNull(other))
        | (Expr::IsTrue(one), Expr::IsNotTrue(other))
        | (Expr::IsFalse(one), Expr::IsNotFalse(other))
        | (Expr::IsUnknown(one), Expr::IsNotUnknown(other)) => same(one, other),
        (one, Expr::UnaryOp { op: UnaryOperator::Not, expr }) => same(one, expr),
        (
            Expr::BinaryOp { left, op: first_op, right },
            Expr::BinaryOp { left: other_left, op: other_op, right: other_right },
        ) if same(left, other_left) => match (first_op, other_op) {
            (Eq, NotEq) | (Lt, GtEq) | (LtEq, Gt) | (LtEq, GtEq) if same(right, other_right) => true,
            (NotEq, NotEq) => is_literal(right) && is_literal(other_right) && !same(right, other_right),
            // x < 9 or x > 3: the two half-lines overlap.
            (Lt | LtEq, Gt | GtEq) => {
                number(right).zip(number(other_right)).is_some_and(|(high, low)| low < high)
            }
            _ => false,
        },
        _ => false,
    }
}

fn same(one: &Expr, other: &Expr) -> bool {
    match (one, other) {
        (Expr::Nested(inner), other) | (other, Expr::Nested(inner)) => same(inner, other),
        (Expr::Identifier(name), Expr::CompoundIdentifier(parts))
        | (Expr::CompoundIdentifier(parts), Expr::Identifier(name)) => {
            parts.last().is_some_and(|last| same_name(last, name))
        }
        (Expr::Identifier(one), Expr::Identifier(other)) => same_name(one, other),
        (Expr::CompoundIdentifier(one), Expr::CompoundIdentifier(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same_name(one, other))
        }
        // SQLite reads a double-quoted name without a column as a string.
        (Expr::Identifier(name), Expr::Value(value)) | (Expr::Value(value), Expr::Identifier(name)) => {
            name.quote_style == Some('"')
                && matches!(&value.value, Value::SingleQuotedString(text) if *text == name.value)
        }
        (Expr::Value(one), Expr::Value(other)) => one.value == other.value,
        _ => one == other,
    }
}

fn same_name(one: &Ident, other: &Ident) -> bool {
    one.value.eq_ignore_ascii_case(&other.value)
}

fn is_column(expr: &Expr) -> bool {
    match expr {
        Expr::Nested(inner) => is_column(inner),
        _ => matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)),
    }
}

fn is_literal(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(_))
}

fn is_any_pattern(expr: &Expr) -> bool {
    let Expr::Value(value) = expr else { return false };
    matches!(&value.value, Value::SingleQuotedString(text) if !text.is_empty() && text.chars().all(|mark| mark == '%'))
}

fn starts_with_digit(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_digit())
}

fn number(expr: &Expr) -> Option<f64> {
    match expr {
        Expr::Nested(inner) => number(inner),
        Expr::UnaryOp { op: UnaryOperator::Minus, expr } => number(expr).map(|value| -value),
        Expr::Value(value) => match &value.value {
            Value::Number(digits, _) => digits.parse().ok(),
            _ => None,
        },
        _ => None,
    }
}

fn varies(expr: &Expr) -> Truth {
    let mut columns = Columns::default();
    let _ = expr.visit(&mut columns);
    columns.answer()
}

fn varies_both(left: &Expr, right: &Expr) -> Truth {
    let mut columns = Columns::default();
    let _ = left.visit(&mut columns);
    let _ = right.visit(&mut columns);
    columns.answer()
}

/// Looks for columns of the row that a condition judges.
#[derive(Default)]
struct Columns {
    /// Open subqueries.
    depth: usize,
    /// A column outside of every subquery.
    own: bool,
    /// Names that subqueries' tables go by, and names that qualify their columns.
    inner: Vec<String>,
    qualifiers: Vec<String>,
}

impl Columns {
    fn answer(&self) -> Truth {
        let outside = |qualifier: &String| !self.inner.contains(qualifier);
        if self.own || self.qualifiers.iter().any(outside) { Truth::Varies } else { Truth::Constant }
    }
}

impl Visitor for Columns {
    type Break = ();

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_add(1);
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
        self.depth = self.depth.saturating_sub(1);
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
        let last = name.0.last().and_then(|part| part.as_ident());
        self.inner.extend(last.map(|ident| ident.value.to_ascii_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &sqlparser::ast::TableFactor) -> ControlFlow<()> {
        self.inner.extend(super::walk::alias(factor).map(|alias| alias.name.value.to_ascii_lowercase()));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
        match expr {
            Expr::Identifier(name) if self.depth == 0 => self.own |= !name.value.starts_with('@'),
            Expr::CompoundIdentifier(_) if self.depth == 0 => self.own = true,
            Expr::CompoundIdentifier(parts) => {
                let qualifier = parts.iter().rev().nth(1);
                self.qualifiers.extend(qualifier.map(|ident| ident.value.to_ascii_lowercase()));
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
