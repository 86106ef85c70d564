//! Expressions.
//!
//! Operands and operators take turns. Precedence does not matter here: no order of evaluation makes a read of
//! a write. Every call, subquery and operator is judged where it stands.

use super::facts::{Obstacle, SqlEffect};
use super::names::Path;
use super::reader::{Read, Reader};
use super::tokens::Kind;
use super::words::is_reserved;
use crate::Dialect;

/// Words that end an expression although they could go on.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Stop {
    Nothing,
    /// The `AND` of a window frame.
    And,
    /// The `IN` of POSITION.
    In,
}

impl Reader<'_> {
    pub(super) fn expr(&mut self) -> Read {
        self.expr_until(Stop::Nothing)
    }

    pub(super) fn exprs(&mut self) -> Read {
        self.listed(Reader::expr)
    }

    pub(super) fn expr_until(&mut self, stop: Stop) -> Read {
        self.deeper(|reader| {
            loop {
                reader.operand()?;
                if !reader.infix(stop)? {
                    return Ok(());
                }
            }
        })
    }

    fn operand(&mut self) -> Read {
        while self.prefix() {}
        match self.kind() {
            Kind::Number | Kind::Parameter | Kind::Variable | Kind::Text => {
                self.skip(1);
                Ok(())
            }
            Kind::DoubleQuoted => {
                self.skip(1);
                Ok(())
            }
            Kind::Open => self.brackets(false),
            Kind::Name => self.reference(),
            Kind::Word => self.word_operand(),
            _ => Err(Obstacle::Syntax),
        }
    }

    fn prefix(&mut self) -> bool {
        match self.kind() {
            Kind::Operator => {
                let own = ["!!", "@", "|/", "||/", "@-@", "@@", "#", "?-", "?|"];
                let known = matches!(self.operator(), "+" | "-" | "~")
                    || self.dialect == Dialect::MySql && self.operator() == "!"
                    || self.dialect == Dialect::PostgreSql && own.contains(&self.operator());
                if known {
                    self.skip(1);
                }
                known
            }
            Kind::Word if self.word() == "not" => {
                self.skip(1);
                true
            }
            Kind::Word if self.dialect == Dialect::MySql && self.word() == "binary" => {
                let operand = self.kind_at(1) != Kind::Open;
                if operand {
                    self.skip(1);
                }
                operand
            }
            _ => false,
        }
    }

    /// A bracket: a subquery, a value or a row of them.
    fn brackets(&mut self, may_be_empty: bool) -> Read {
        self.bracketed(|reader| {
            if reader.starts_query() {
                return reader.query();
            }
            if may_be_empty && reader.kind() == Kind::Close {
                return Ok(());
            }
            reader.exprs()?;
            // `((SELECT 1) UNION SELECT 2)`: the first bracket was a query after all.
            if reader.is_set_operation() { reader.query_rest() } else { Ok(()) }
        })
    }

    fn word_operand(&mut self) -> Read {
        let open = self.kind_at(1) == Kind::Open;
        match self.word() {
            "case" => self.case(),
            "exists" if open => {
                self.skip(1);
                self.bracketed(Reader::query)
            }
            "array" if self.kind_at(1) == Kind::OpenSquare => {
                self.skip(1);
                self.array()
            }
            "all" | "any" | "some" if open && !self.follows_comparison() => Err(Obstacle::Syntax),
            "array" | "all" | "any" | "some" if open => {
                self.skip(1);
                self.bracketed(|reader| if reader.starts_query() { reader.query() } else { reader.exprs() })
            }
            "row" if open => {
                self.skip(1);
                self.brackets(true)
            }
            "interval" if !open || self.dialect == Dialect::PostgreSql => self.interval(),
            "null" | "default" | "true" | "false" if !open => {
                self.skip(1);
                Ok(())
            }
            "collation" if self.is(&["collation", "for"]) => {
                self.skip(2);
                self.brackets(false)
            }
            "current" if self.is(&["current", "of"]) => {
                self.skip(2);
                self.name().map(drop)
            }
            "match" if open && self.dialect == Dialect::MySql => {
                self.skip(1);
                self.brackets(false)?;
                self.expect(&["against"])?;
                self.bracketed(|reader| {
                    reader.expr_until(Stop::In)?;
                    while reader.eat_any(&[
                        "in",
                        "boolean",
                        "natural",
                        "language",
                        "mode",
                        "with",
                        "query",
                        "expansion",
                    ]) {}
                    Ok(())
                })
            }
            _ if open => self.form(),
            word if is_reserved(word) && !matches!(word, "left" | "right") => Err(Obstacle::Syntax),
            _ => self.typed_text_or_reference(),
        }
    }

    /// `date '2026-01-01'`, `timestamp with time zone '…'`, `mood 'sad'`; otherwise a column.
    fn typed_text_or_reference(&mut self) -> Read {
        let here = self.at;
        if self.dialect != Dialect::Sqlite {
            // `_utf8mb4 0xC3A9`: no dialect has a number behind a name otherwise.
            let introduced = self.dialect == Dialect::MySql
                && self.word().starts_with('_')
                && self.kind_at(1) == Kind::Number;
            if self.kind_at(1) == Kind::Text || introduced {
                self.skip(2);
                return Ok(());
            }
            let multiword = matches!(
                self.word(),
                "double" | "character" | "bit" | "national" | "timestamp" | "time" | "char"
            );
            if multiword && self.type_name().is_ok() && self.eat_kind(Kind::Text) {
                return Ok(());
            }
        }
        self.at = here;
        self.reference()
    }

    /// A column, with its qualifiers and what is picked out of it, or a qualified call.
    fn reference(&mut self) -> Read {
        let path = self.path()?;
        if self.kind() == Kind::Open {
            return self.call_at(path);
        }
        if !path.is_single() {
            self.picked(path.last(), false)?;
        }
        if self.kind() == Kind::Text && self.dialect == Dialect::PostgreSql && !path.is_single() {
            self.skip(1);
        }
        if self.kind() == Kind::Dot && self.tokens.operator(self.at.saturating_add(1)) == "*" {
            self.skip(2);
        }
        Ok(())
    }

    pub(super) fn call_at(&mut self, path: Path) -> Read {
        self.call(path)?;
        self.arguments()
    }

    /// Says whether an operator stands before, or the `LIKE` that PostgreSQL takes for one.
    fn follows_comparison(&self) -> bool {
        let before = self.at.saturating_sub(1);
        self.tokens.kind(before) == Kind::Operator
            || self.dialect == Dialect::PostgreSql && matches!(self.tokens.word(before), "like" | "ilike")
    }

    fn case(&mut self) -> Read {
        self.skip(1);
        if self.word() != "when" {
            self.expr()?;
        }
        self.expect(&["when"])?;
        loop {
            self.exprs()?;
            self.expect(&["then"])?;
            self.expr()?;
            if !self.eat(&["when"]) {
                break;
            }
        }
        if self.eat(&["else"]) {
            self.expr()?;
        }
        self.expect(&["end"])
    }

    fn array(&mut self) -> Read {
        self.expect_kind(Kind::OpenSquare)?;
        if self.kind() != Kind::CloseSquare {
            self.deeper(|reader| {
                reader.listed(
                    |reader| if reader.kind() == Kind::OpenSquare { reader.array() } else { reader.expr() },
                )
            })?;
        }
        self.expect_kind(Kind::CloseSquare)
    }

    /// PostgreSQL: `INTERVAL '1' DAY`, `INTERVAL(3) '…'`. MySQL: `INTERVAL 1 DAY`.
    fn interval(&mut self) -> Read {
        let here = self.at;
        self.skip(1);
        if self.dialect == Dialect::MySql {
            self.expr()?;
            return self.name().map(drop);
        }
        if self.kind() == Kind::Open {
            self.bracketed(|reader| reader.expect_kind(Kind::Number))?;
        }
        if self.eat_kind(Kind::Text) {
            return self.interval_fields();
        }
        self.at = here;
        self.reference()
    }

    pub(super) fn interval_fields(&mut self) -> Read {
        while self.eat_any(&["year", "month", "day", "hour", "minute", "second", "to"]) {
            if self.kind() == Kind::Open {
                self.bracketed(|reader| reader.expect_kind(Kind::Number))?;
            }
        }
        Ok(())
    }

    /// Reads what stands behind an operand. Returns whether another operand must follow.
    fn infix(&mut self, stop: Stop) -> Read<bool> {
        loop {
            match self.kind() {
                Kind::Operator => {
                    let foreign =
                        self.operator() == "=>" || self.operator() == "@" && self.dialect == Dialect::MySql;
                    self.skip(1);
                    return if foreign { Err(Obstacle::Syntax) } else { Ok(true) };
                }
                Kind::Cast => {
                    self.skip(1);
                    self.type_name()?;
                }
                Kind::OpenSquare => self.subscript()?,
                Kind::Dot
                    if self.dialect == Dialect::PostgreSql
                        || self.tokens.kind(self.at.saturating_sub(1)) == Kind::Variable =>
                {
                    let before = self.tokens.kind(self.at.saturating_sub(1));
                    if !matches!(
                        before,
                        Kind::Close | Kind::CloseSquare | Kind::Word | Kind::Name | Kind::Variable
                    ) {
                        return Err(Obstacle::Syntax);
                    }
                    self.skip(1);
                    match self.kind() {
                        Kind::Word | Kind::Name => {
                            self.picked(self.at, true)?;
                            self.skip(1);
                        }
                        Kind::Operator if self.operator() == "*" => self.skip(1),
                        _ => return Err(Obstacle::Syntax),
                    }
                }
                Kind::Assign if self.dialect == Dialect::MySql => {
                    self.skip(1);
                    self.raise(SqlEffect::Session);
                    return Ok(true);
                }
                Kind::Word => match self.word_infix(stop)? {
                    Some(operand) => return Ok(operand),
                    None => continue,
                },
                _ => return Ok(false),
            }
        }
    }

    /// Reads a word behind an operand. `None`: an operator that ends an operand, more may follow.
    fn word_infix(&mut self, stop: Stop) -> Read<Option<bool>> {
        let negated = usize::from(self.word() == "not");
        let mysql = self.dialect == Dialect::MySql;
        let postgresql = self.dialect == Dialect::PostgreSql;
        match self.word_at(negated) {
            "and" if negated == 0 && stop == Stop::And => Ok(Some(false)),
            "and" | "or" if negated == 0 => self.skip_to_operand(1),
            "xor" | "div" | "mod" if negated == 0 && mysql => self.skip_to_operand(1),
            "sounds" if mysql && self.is(&["sounds", "like"]) => self.skip_to_operand(2),
            "member" if mysql && self.is(&["member", "of"]) => self.skip_to_operand(2),
            "like" => self.skip_to_operand(negated.saturating_add(1)),
            "between" => {
                self.skip(negated.saturating_add(1));
                self.eat_any(&["symmetric", "asymmetric"]);
                self.expr_until(Stop::And)?;
                self.expect(&["and"])?;
                Ok(Some(true))
            }
            "ilike" if postgresql => self.skip_to_operand(negated.saturating_add(1)),
            "similar" if postgresql && self.word_at(negated.saturating_add(1)) == "to" => {
                self.skip_to_operand(negated.saturating_add(2))
            }
            "overlaps" if postgresql && negated == 0 => self.skip_to_operand(1),
            "rlike" | "regexp" if mysql => self.skip_to_operand(negated.saturating_add(1)),
            "glob" | "match" if self.dialect == Dialect::Sqlite => {
                self.skip_to_operand(negated.saturating_add(1))
            }
            // SQLite calls a function of the application.
            "regexp" => Err(Obstacle::Name("regexp".to_owned())),
            "escape" if negated == 0 && self.kind_at(1) != Kind::Comma && stop == Stop::Nothing => {
                self.skip_to_operand(1)
            }
            "in" if stop == Stop::In && negated == 0 => Ok(Some(false)),
            "in" => {
                self.skip(negated.saturating_add(1));
                self.members()?;
                Ok(None)
            }
            "is" if negated == 0 => self.is_test(),
            "isnull" | "notnull" if negated == 0 && !mysql => self.skip_operator(1),
            "null" if negated == 1 && self.dialect == Dialect::Sqlite => self.skip_operator(2),
            "collate" if negated == 0 => {
                self.skip(1);
                self.path()?;
                Ok(None)
            }
            "at" if self.is(&["at", "time", "zone"]) && postgresql => self.skip_to_operand(3),
            "at" if self.is(&["at", "local"]) && postgresql => self.skip_operator(2),
            "operator" if postgresql && self.kind_at(1) == Kind::Open => self.qualified_operator(),
            _ => Ok(Some(false)),
        }
    }

    fn skip_to_operand(&mut self, words: usize) -> Read<Option<bool>> {
        self.skip(words);
        Ok(Some(true))
    }

    fn skip_operator(&mut self, words: usize) -> Read<Option<bool>> {
        self.skip(words);
        Ok(None)
    }

    /// `IS [NOT] …`: a test, or in SQLite a comparison.
    fn is_test(&mut self) -> Read<Option<bool>> {
        self.skip(1);
        self.eat(&["not"]);
        if self.eat(&["distinct", "from"]) {
            return Ok(Some(true));
        }
        if self.eat_any(&["null", "true", "false", "unknown", "document"]) {
            return Ok(None);
        }
        if self.dialect == Dialect::PostgreSql {
            self.eat_any(&["nfc", "nfd", "nfkc", "nfkd"]);
            self.expect(&["normalized"])?;
            return Ok(None);
        }
        if self.dialect == Dialect::Sqlite { Ok(Some(true)) } else { Err(Obstacle::Syntax) }
    }

    /// What `IN` looks in: values, a query, or in SQLite a table.
    fn members(&mut self) -> Read {
        if self.kind() == Kind::Open {
            return self.brackets(self.dialect == Dialect::Sqlite);
        }
        if self.dialect != Dialect::Sqlite {
            return Err(Obstacle::Syntax);
        }
        let path = self.path()?;
        if self.kind() == Kind::Open {
            return self.call_at(path);
        }
        self.source(path);
        Ok(())
    }

    fn subscript(&mut self) -> Read {
        self.expect_kind(Kind::OpenSquare)?;
        if self.kind() != Kind::Colon && self.kind() != Kind::CloseSquare {
            self.expr()?;
        }
        if self.eat_kind(Kind::Colon) && self.kind() != Kind::CloseSquare {
            self.expr()?;
        }
        self.expect_kind(Kind::CloseSquare)
    }

    /// `OPERATOR(pg_catalog.+)`; an operator of another schema is somebody's own.
    fn qualified_operator(&mut self) -> Read<Option<bool>> {
        self.skip(1);
        self.bracketed(|reader| {
            if reader.kind() != Kind::Operator {
                let schema = reader.name()?;
                reader.expect_kind(Kind::Dot)?;
                let schema = super::names::fold(reader.dialect, reader.tokens, schema);
                if schema != "pg_catalog" {
                    return Err(Obstacle::Name(format!("{schema}.{}", reader.operator())));
                }
            }
            reader.expect_kind(Kind::Operator)
        })?;
        Ok(Some(true))
    }

    /// A type's name with its modifiers.
    pub(super) fn type_name(&mut self) -> Read {
        self.eat(&["setof"]);
        let first = self.word();
        match first {
            "double" if self.word_at(1) == "precision" => self.skip(2),
            "national" if matches!(self.word_at(1), "char" | "character" | "varchar") => self.skip(2),
            "table" => return Err(Obstacle::Syntax),
            "character" | "char" | "bit" | "nchar" if self.word_at(1) == "varying" => self.skip(2),
            "set" | "unsigned" | "signed" | "binary" | "char" | "character" => self.skip(1),
            _ => drop(self.path()?),
        }
        if first == "interval" {
            self.interval_fields()?;
        }
        if self.kind() == Kind::Open {
            self.bracketed(|reader| {
                reader.listed(|reader| {
                    reader.eat_operator("-");
                    match reader.kind() {
                        Kind::Number | Kind::Text | Kind::Word | Kind::Name => reader.skip(1),
                        _ => return Err(Obstacle::Syntax),
                    }
                    Ok(())
                })
            })?;
        }
        if matches!(first, "timestamp" | "time")
            && (self.is(&["with", "time"]) || self.is(&["without", "time"]))
        {
            self.skip(2);
            self.expect(&["zone"])?;
        }
        if self.dialect == Dialect::MySql {
            while self
                .eat_any(&["unsigned", "signed", "integer", "int", "zerofill", "binary", "ascii", "unicode"])
            {
            }
            if self.eat(&["character", "set"]) || self.eat(&["charset"]) {
                self.skip(1);
            }
        }
        self.eat(&["array"]);
        while self.kind() == Kind::OpenSquare {
            self.skip(1);
            self.eat_kind(Kind::Number);
            self.expect_kind(Kind::CloseSquare)?;
        }
        Ok(())
    }
}
