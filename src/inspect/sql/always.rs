//! Conditions that are always true.
//!
//! `WHERE 1 = 1` bounds nothing. A condition counts as always true if it is true for every row, but for
//! NULLs, or if it does not depend on the row at all, so that it takes all rows or none. Where that is not
//! plain the answer errs towards "always true" for constants and towards "bounded" for columns.

use std::collections::BTreeSet;

use super::tokens::{Kind, Tokens};
use crate::Dialect;

/// Alternatives of one OR that are compared with each other: the work grows with the square.
const PAIRS: usize = 64;

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

/// Says whether the condition from token `start` up to `end` lets every row pass.
pub(super) fn always_true(dialect: Dialect, tokens: &Tokens<'_>, start: usize, end: usize) -> bool {
    let condition = Condition { dialect, tokens };
    matches!(condition.truth(Range { start, end }), Truth::True | Truth::Constant)
}

#[derive(Debug, Clone, Copy)]
struct Range {
    start: usize,
    end: usize,
}

impl Range {
    fn length(self) -> usize {
        self.end.saturating_sub(self.start)
    }

    fn from(self, start: usize) -> Self {
        Self { start, end: self.end }
    }

    fn to(self, end: usize) -> Self {
        Self { start: self.start, end }
    }
}

struct Condition<'a> {
    dialect: Dialect,
    tokens: &'a Tokens<'a>,
}

impl Condition<'_> {
    fn truth(&self, range: Range) -> Truth {
        let range = self.strip(range);
        let alternatives = self.split(range, |index| self.is_or(index));
        if alternatives.len() > 1 {
            let covered = alternatives.iter().enumerate().take(PAIRS).any(|(index, one)| {
                alternatives
                    .iter()
                    .take(PAIRS)
                    .skip(index.saturating_add(1))
                    .any(|other| self.complement(*one, *other))
            });
            return if covered {
                Truth::True
            } else {
                alternatives.iter().map(|part| self.truth(*part)).fold(Truth::False, Truth::or)
            };
        }
        let all = self.conditions(range);
        if all.len() > 1 {
            return all.iter().map(|part| self.truth(*part)).fold(Truth::True, Truth::and);
        }
        let negates = |index: usize| self.tokens.word(index) == "not" || self.tokens.operator(index) == "!";
        let count = (range.start..range.end).take_while(|index| negates(*index)).count();
        if count == 0 {
            return self.atom(range);
        }
        let truth = self.truth(range.from(range.start.saturating_add(count)));
        if count % 2 == 0 { truth } else { truth.not() }
    }

    fn atom(&self, range: Range) -> Truth {
        if range.length() == 1 {
            return self.literal(range.start);
        }
        if let Some(test) = self.top_level(range, |index| self.tokens.word(index) == "is") {
            return self.is_test(range.to(test), range.from(test.saturating_add(1)));
        }
        if self.tokens.word(range.start) == "case" {
            return self.case(range);
        }
        if let Some((left, operator, right)) = self.comparison(range) {
            let equal = matches!(operator, "=" | "==" | "<=" | ">=" | "<=>");
            let unequal = matches!(operator, "<>" | "!=" | "<" | ">");
            if (equal || unequal) && self.same(left, right) {
                return if equal { Truth::True } else { Truth::False };
            }
        }
        if let Some(word) = self
            .top_level(range, |index| matches!(self.tokens.word(index), "like" | "ilike" | "in" | "between"))
        {
            let (left, right) = (range.to(word), range.from(word.saturating_add(1)));
            let negated = self.tokens.word(word.saturating_sub(1)) == "not";
            let every = match self.tokens.word(word) {
                _ if negated => false,
                "in" => self.list(right).iter().any(|item| self.same(left, *item)),
                "between" => self
                    .split(right, |index| self.tokens.word(index) == "and")
                    .iter()
                    .all(|bound| self.same(left, *bound)),
                _ => {
                    let pattern = self.strip(right);
                    let text = self.tokens.text(pattern.start);
                    self.tokens.kind(pattern.start) == Kind::Text
                        && !text.is_empty()
                        && text.chars().all(|mark| mark == '%')
                }
            };
            if every {
                return Truth::True;
            }
        }
        if self.reads_row(range) { Truth::Varies } else { Truth::Constant }
    }

    fn literal(&self, index: usize) -> Truth {
        let text = self.tokens.lower(index);
        match self.tokens.kind(index) {
            Kind::Number if text.chars().all(|digit| matches!(digit, '0' | '.')) => Truth::False,
            Kind::Number => Truth::True,
            Kind::Word if text == "true" => Truth::True,
            Kind::Word if matches!(text, "false" | "null" | "unknown") => Truth::False,
            // SQLite reads a quoted name without a column as a string.
            Kind::Name if text.starts_with(|first: char| first.is_ascii_digit()) => Truth::Constant,
            Kind::Word | Kind::Name => Truth::Varies,
            _ => Truth::Constant,
        }
    }

    fn is_test(&self, left: Range, right: Range) -> Truth {
        let negated = self.tokens.word(right.start) == "not";
        let right = right.from(right.start.saturating_add(usize::from(negated)));
        let sign = |truth: Truth| if negated { truth.not() } else { truth };
        let tested = self.strip(left);
        match self.tokens.word(right.start) {
            "true" => sign(self.truth(tested)),
            "false" => sign(self.truth(tested).not()),
            // A test of a test is never NULL for rows without NULLs.
            "null" | "unknown" if negated && tested.length() > 1 && !self.is_column(tested) => {
                Truth::Constant
            }
            "null" | "unknown" if self.reads_row(tested) => Truth::Varies,
            "distinct" => {
                let other = right.from(right.start.saturating_add(2));
                if self.same(tested, other) { sign(Truth::False) } else { self.depends(tested, other) }
            }
            _ if self.same(tested, right) => sign(Truth::True),
            _ => self.depends(tested, right),
        }
    }

    fn depends(&self, one: Range, other: Range) -> Truth {
        if self.reads_row(one) || self.reads_row(other) { Truth::Varies } else { Truth::Constant }
    }

    /// A CASE is constant if a branch that is always reached is, or if all its results are.
    fn case(&self, range: Range) -> Truth {
        let marks = |index: usize| matches!(self.tokens.word(index), "when" | "then" | "else" | "end");
        let inner = Range { start: range.start.saturating_add(1), end: range.end };
        let (mut start, mut mark, mut certain) = (inner.start, "", false);
        let (mut constant, mut decided, mut every) = (true, true, true);
        let mut depth = 0_usize;
        for index in inner.start..inner.end {
            match self.tokens.kind(index) {
                Kind::Open => depth = depth.saturating_add(1),
                Kind::Close => depth = depth.saturating_sub(1),
                _ => {}
            }
            if self.tokens.word(index) == "case" {
                return if self.reads_row(range) { Truth::Varies } else { Truth::Constant };
            }
            if depth > 0 || !marks(index) {
                continue;
            }
            let part = Range { start, end: index };
            let value = if part.length() == 0 { Truth::Varies } else { self.truth(part) };
            match mark {
                "when" => {
                    certain |= matches!(value, Truth::True | Truth::Constant);
                    decided &= value != Truth::Varies;
                }
                "then" | "else" => {
                    if certain && mark == "then" && value != Truth::Varies {
                        return Truth::Constant;
                    }
                    constant &= value != Truth::Varies;
                    every &= matches!(value, Truth::True | Truth::Constant);
                }
                _ => {}
            }
            (start, mark) = (index.saturating_add(1), self.tokens.word(index));
        }
        if constant && (decided || every) { Truth::Constant } else { Truth::Varies }
    }

    fn is_or(&self, index: usize) -> bool {
        // MySQL reads `||` as OR unless its mode says otherwise; elsewhere it makes no condition.
        self.tokens.word(index) == "or" || self.tokens.operator(index) == "||"
    }

    /// Cuts the range at every AND that joins conditions: the one of a BETWEEN does not.
    fn conditions(&self, range: Range) -> Vec<Range> {
        let mut open = 0_usize;
        self.split(range, |index| match self.tokens.word(index) {
            "between" => {
                open = open.saturating_add(1);
                false
            }
            "and" if open > 0 => {
                open = open.saturating_sub(1);
                false
            }
            "and" => true,
            _ => self.dialect == Dialect::MySql && self.tokens.operator(index) == "&&",
        })
    }

    /// Drops brackets around the whole range.
    fn strip(&self, mut range: Range) -> Range {
        while range.length() > 2 && self.tokens.kind(range.start) == Kind::Open {
            let mut depth = 0_usize;
            let closes = (range.start..range.end).find(|&index| {
                match self.tokens.kind(index) {
                    Kind::Open => depth = depth.saturating_add(1),
                    Kind::Close => depth = depth.saturating_sub(1),
                    _ => {}
                }
                depth == 0
            });
            let whole = closes.is_some_and(|index| index.saturating_add(1) == range.end);
            let query = matches!(
                self.tokens.word(range.start.saturating_add(1)),
                "select" | "with" | "values" | "table"
            );
            if !whole || query {
                break;
            }
            range = Range { start: range.start.saturating_add(1), end: range.end.saturating_sub(1) };
        }
        range
    }

    /// The first index outside of brackets and CASEs for which `found` holds.
    fn top_level(&self, range: Range, mut found: impl FnMut(usize) -> bool) -> Option<usize> {
        let mut depth = 0_usize;
        (range.start..range.end).find(|&index| {
            match self.tokens.kind(index) {
                Kind::Open | Kind::OpenSquare => depth = depth.saturating_add(1),
                Kind::Close | Kind::CloseSquare => depth = depth.saturating_sub(1),
                Kind::Word if self.tokens.word(index) == "case" => depth = depth.saturating_add(1),
                Kind::Word if self.tokens.word(index) == "end" => depth = depth.saturating_sub(1),
                _ if depth > 0 => {}
                _ => return found(index),
            }
            depth == 0
                && self.tokens.kind(index) == Kind::Word
                && self.tokens.word(index) != "end"
                && found(index)
        })
    }

    /// Cuts the range at every separator outside of brackets.
    fn split(&self, range: Range, mut separates: impl FnMut(usize) -> bool) -> Vec<Range> {
        let (mut parts, mut rest) = (Vec::new(), range);
        while let Some(index) = self.top_level(rest, &mut separates) {
            parts.push(rest.to(index));
            rest = rest.from(index.saturating_add(1));
        }
        parts.push(rest);
        parts
    }

    /// The entries of `( a, b, … )`.
    fn list(&self, range: Range) -> Vec<Range> {
        self.split(self.strip(range), |index| self.tokens.kind(index) == Kind::Comma)
    }

    /// Cuts `a < b` into its parts.
    fn comparison(&self, range: Range) -> Option<(Range, &str, Range)> {
        let compares = |index| {
            matches!(self.tokens.operator(index), "=" | "==" | "<" | "<=" | ">" | ">=" | "<>" | "!=" | "<=>")
        };
        let index = self.top_level(range, compares)?;
        Some((range.to(index), self.tokens.operator(index), range.from(index.saturating_add(1))))
    }

    /// Says whether two alternatives leave nothing out.
    fn complement(&self, one: Range, other: Range) -> bool {
        let (one, other) = (self.strip(one), self.strip(other));
        let negates = |one: Range, other: Range| {
            self.tokens.word(other.start) == "not"
                && self.same(one, other.from(other.start.saturating_add(1)))
        };
        if negates(one, other)
            || negates(other, one)
            || self.opposite_tests(one, other)
            || self.opposite_tests(other, one)
        {
            return true;
        }
        let (Some((left, first, right)), Some((other_left, second, other_right))) =
            (self.comparison(one), self.comparison(other))
        else {
            return false;
        };
        if !self.same(left, other_left) {
            return false;
        }
        let same = self.same(right, other_right);
        let (low, high) = match (first, second) {
            ("=" | "==", "<>" | "!=") | ("<>" | "!=", "=" | "==") => return same,
            ("<>" | "!=", "<>" | "!=") => return !same && right.length() == 1 && other_right.length() == 1,
            ("<" | "<=", ">" | ">=") => (other_right, right),
            (">" | ">=", "<" | "<=") => (right, other_right),
            _ => return false,
        };
        // `x < 9 OR x > 3`: the two half-lines overlap; `x < 3 OR x >= 3`: they meet.
        same && (first.len() == 2 || second.len() == 2)
            || self.number(low).zip(self.number(high)).is_some_and(|(low, high)| low < high)
    }

    /// `x IS NULL`, `x IS NOT NULL`.
    fn opposite_tests(&self, one: Range, other: Range) -> bool {
        let test = |range| self.top_level(range, |index| self.tokens.word(index) == "is");
        let (Some(first), Some(second)) = (test(one), test(other)) else { return false };
        let after = second.saturating_add(1);
        self.tokens.word(after) == "not"
            && self.same(one.to(first), other.to(second))
            && self.same(one.from(first.saturating_add(1)), other.from(after.saturating_add(1)))
    }

    fn number(&self, range: Range) -> Option<f64> {
        let range = self.strip(range);
        let negative = self.tokens.operator(range.start) == "-";
        let digits = range.from(range.start.saturating_add(usize::from(negative)));
        if digits.length() != 1 || self.tokens.kind(digits.start) != Kind::Number {
            return None;
        }
        let value: f64 = self.tokens.text(digits.start).parse().ok()?;
        Some(if negative { -value } else { value })
    }

    /// Says whether two expressions read the same; a column may have its table before it in one of them.
    fn same(&self, one: Range, other: Range) -> bool {
        let (one, other) = (self.strip(one), self.strip(other));
        let equal = |one: Range, other: Range| {
            one.length() == other.length()
                && (one.start..one.end)
                    .zip(other.start..other.end)
                    .all(|(one, other)| self.reads_same(one, other))
        };
        if one.length() == 0 || other.length() == 0 {
            return false;
        }
        let tail = |range: Range| range.from(range.end.saturating_sub(1));
        equal(one, other)
            || (one.length() == 1 || other.length() == 1)
                && self.is_column(one)
                && self.is_column(other)
                && ![one, other].iter().any(|range| {
                    range.length() > 1 && matches!(self.tokens.word(range.start), "old" | "new" | "excluded")
                })
                && equal(tail(one), tail(other))
    }

    fn reads_same(&self, one: usize, other: usize) -> bool {
        let names = |kind| matches!(kind, Kind::Word | Kind::Name | Kind::Text | Kind::DoubleQuoted);
        let (first, second) = (self.tokens.kind(one), self.tokens.kind(other));
        // A quoted name and a string are one thing to SQLite, and to MySQL under ANSI_QUOTES.
        (first == second || names(first) && names(second))
            && self.tokens.lower(one) == self.tokens.lower(other)
    }

    fn is_column(&self, range: Range) -> bool {
        (range.start..range.end)
            .all(|index| matches!(self.tokens.kind(index), Kind::Word | Kind::Name | Kind::Dot))
    }

    /// Says whether an expression reads a column of the row that it judges. In a subquery only a column that
    /// is qualified by a table from outside does.
    fn reads_row(&self, range: Range) -> bool {
        let mut inner = BTreeSet::new();
        for index in range.start..range.end {
            if matches!(self.tokens.word(index), "from" | "join") || self.tokens.kind(index) == Kind::Comma {
                inner.extend((1..=4).map(|ahead| self.tokens.lower(index.saturating_add(ahead))));
            }
        }
        let mut queries: Vec<usize> = Vec::new();
        let mut depth = 0_usize;
        for index in range.start..range.end {
            let next = index.saturating_add(1);
            match self.tokens.kind(index) {
                Kind::Open => {
                    depth = depth.saturating_add(1);
                    if matches!(self.tokens.word(next), "select" | "with" | "values" | "table") {
                        queries.push(depth);
                    }
                }
                Kind::Close => {
                    if queries.last() == Some(&depth) {
                        queries.pop();
                    }
                    depth = depth.saturating_sub(1);
                }
                Kind::Word | Kind::Name if self.tokens.kind(next) == Kind::Open => {}
                Kind::Word | Kind::Name => {
                    let qualified = self.tokens.kind(next) == Kind::Dot;
                    let behind = self.tokens.kind(index.saturating_sub(1)) == Kind::Dot
                        || self.tokens.kind(index.saturating_sub(1)) == Kind::Cast;
                    let outside = qualified && !inner.contains(self.tokens.lower(index));
                    let own = queries.is_empty() && !self.is_constant_word(index) && !behind;
                    if outside && !behind || own {
                        return true;
                    }
                }
                _ => {}
            }
        }
        false
    }

    /// Words that are no column: the grammar's own, and values without arguments.
    fn is_constant_word(&self, index: usize) -> bool {
        let (before, after) =
            (self.tokens.kind(index.saturating_sub(1)), self.tokens.kind(index.saturating_add(1)));
        match self.tokens.word(index) {
            "true" | "false" | "unknown" | "interval" | "current_date" | "current_time"
            | "current_timestamp" | "current_user" | "session_user" | "localtime" | "localtimestamp"
            | "any" | "array" => true,
            "date" | "time" | "timestamp" => after == Kind::Text,
            "year" | "month" | "day" | "hour" | "minute" | "second" => {
                matches!(before, Kind::Text | Kind::Number)
            }
            "div" | "mod" | "escape" | "at" | "zone" | "binary" => {
                !matches!(before, Kind::Word | Kind::Open | Kind::End)
            }
            word => super::words::is_reserved(word),
        }
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
