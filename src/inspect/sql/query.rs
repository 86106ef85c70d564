//! Queries: what they read from, and what hangs at them.

use super::facts::{Obstacle, SqlEffect};
use super::names;
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

impl Reader<'_> {
    pub(super) fn starts_query(&self) -> bool {
        match self.word() {
            "select" | "values" => true,
            "with" => true,
            "table" => self.is_name_at(1),
            _ => false,
        }
    }

    pub(super) fn is_set_operation(&self) -> bool {
        matches!(self.word(), "union" | "except" | "intersect")
            || self.word() == "minus" && self.dialect == Dialect::MySql
    }

    /// A whole query. The row bound of the last one read stays noted; the outermost one ends last.
    pub(super) fn query(&mut self) -> Read {
        self.deeper(|reader| {
            reader.scopes.push(Vec::new());
            if reader.word() == "with" {
                reader.common_tables()?;
                if reader.is_change() {
                    reader.change()?;
                    reader.scopes.pop();
                    return Ok(());
                }
            }
            reader.term()?;
            reader.query_rest()?;
            reader.scopes.pop();
            Ok(())
        })
    }

    /// What may follow a query's first term.
    pub(super) fn query_rest(&mut self) -> Read {
        while self.is_set_operation() {
            self.skip(1);
            self.eat_any(&["all", "distinct"]);
            self.term()?;
        }
        let mut bound = None;
        loop {
            if self.eat(&["order", "by"]) {
                self.sorts()?;
            } else if matches!(self.word(), "limit" | "offset" | "fetch") {
                let limit = self.limits()?;
                bound = match (bound, limit) {
                    (Some(one), Some(other)) => Some(std::cmp::min::<u64>(one, other)),
                    (one, other) => one.or(other),
                };
            } else if self.word() == "into" && self.dialect == Dialect::MySql {
                self.storing()?;
            } else if self.word() == "for" {
                self.locking()?;
            } else if self.eat(&["lock", "in", "share", "mode"]) && self.dialect == Dialect::MySql {
                self.lock();
            } else {
                self.bounded_read = bound;
                return Ok(());
            }
        }
    }

    /// `WITH …`, up to the query or statement that uses it.
    pub(super) fn common_tables(&mut self) -> Read {
        self.skip(1);
        let recursive = self.eat(&["recursive"]) || self.dialect == Dialect::Sqlite;
        let first = self.at;
        if recursive {
            // All names are seen from everywhere; those that come later are found by looking ahead.
            self.look_ahead(first);
        }
        self.listed(|reader| {
            let name = reader.name()?;
            if reader.kind() == Kind::Open {
                reader.names()?;
            }
            reader.expect(&["as"])?;
            reader.eat(&["not"]);
            reader.eat(&["materialized"]);
            reader.bracketed(|reader| {
                if reader.is_change() { reader.deeper(Reader::change) } else { reader.query() }
            })?;
            reader.search_and_cycle()?;
            let name = names::fold(reader.dialect, reader.tokens, name);
            if let Some(scope) = reader.scopes.last_mut() {
                scope.push(name);
            }
            Ok(())
        })
    }

    /// Notes the names of a WITH whose queries all see each other, before they are read.
    fn look_ahead(&mut self, first: usize) {
        let mut at = first;
        loop {
            let name = at;
            at = at.saturating_add(1);
            if self.tokens.kind(at) == Kind::Open {
                at = self.behind_bracket(at);
            }
            if self.tokens.word(at) != "as" {
                return;
            }
            let name = names::fold(self.dialect, self.tokens, name);
            if let Some(scope) = self.scopes.last_mut() {
                scope.push(name);
            }
            while !matches!(self.tokens.kind(at), Kind::Open | Kind::End) {
                at = at.saturating_add(1);
            }
            at = self.behind_bracket(at);
            // SEARCH and CYCLE name columns, with commas between.
            let ended = |word: &str| {
                matches!(word, "select" | "values" | "insert" | "update" | "delete" | "merge" | "table")
            };
            while self.tokens.kind(at) != Kind::Comma {
                let stop =
                    matches!(self.tokens.kind(at), Kind::Open | Kind::End | Kind::Semicolon | Kind::Close);
                if stop || ended(self.tokens.word(at)) {
                    return;
                }
                at = at.saturating_add(1);
            }
            at = at.saturating_add(1);
        }
    }

    /// The index behind the bracket that opens at `at`.
    fn behind_bracket(&self, mut at: usize) -> usize {
        let mut depth = 0_usize;
        loop {
            match self.tokens.kind(at) {
                Kind::Open => depth = depth.saturating_add(1),
                Kind::Close => depth = depth.saturating_sub(1),
                Kind::End => return at,
                _ => {}
            }
            at = at.saturating_add(1);
            if depth == 0 {
                return at;
            }
        }
    }

    fn search_and_cycle(&mut self) -> Read {
        if self.eat(&["search"]) {
            self.eat_any(&["depth", "breadth"]);
            self.expect(&["first", "by"])?;
            self.listed(|reader| reader.name().map(drop))?;
            self.expect(&["set"])?;
            self.name()?;
        }
        if self.eat(&["cycle"]) {
            self.listed(|reader| reader.name().map(drop))?;
            self.expect(&["set"])?;
            self.name()?;
            if self.eat(&["to"]) {
                self.expr()?;
                self.expect(&["default"])?;
                self.expr()?;
            }
            self.expect(&["using"])?;
            self.name()?;
        }
        Ok(())
    }

    fn term(&mut self) -> Read {
        match self.word() {
            "select" => self.select(),
            "values" => {
                self.skip(1);
                self.note("values");
                self.listed(|reader| {
                    reader.eat(&["row"]);
                    reader.bracketed(Reader::exprs)
                })
            }
            "table" => {
                self.skip(1);
                self.eat(&["only"]);
                self.note("select");
                let path = self.path()?;
                self.source(path);
                Ok(())
            }
            _ if self.kind() == Kind::Open => self.bracketed(Reader::query),
            _ => Err(Obstacle::Syntax),
        }
    }

    fn select(&mut self) -> Read {
        self.skip(1);
        self.note("select");
        if self.dialect == Dialect::MySql {
            while self.eat_any(&[
                "all",
                "distinct",
                "distinctrow",
                "high_priority",
                "straight_join",
                "sql_small_result",
                "sql_big_result",
                "sql_buffer_result",
                "sql_cache",
                "sql_no_cache",
                "sql_calc_found_rows",
            ]) {}
        } else if self.eat(&["distinct"]) {
            if self.eat(&["on"]) {
                self.bracketed(Reader::exprs)?;
            }
        } else {
            self.eat(&["all"]);
        }
        let ends = matches!(
            self.word(),
            "from" | "where" | "into" | "union" | "except" | "intersect" | "limit" | "order"
        );
        let empty = ends || matches!(self.kind(), Kind::End | Kind::Semicolon | Kind::Close);
        if !(empty && self.dialect == Dialect::PostgreSql) {
            self.listed(Reader::selected)?;
        }
        if self.word() == "into" {
            self.storing()?;
        }
        if self.eat(&["from"]) {
            self.listed(Reader::table_reference)?;
        }
        if self.eat(&["where"]) {
            self.expr()?;
        }
        if self.eat(&["group", "by"]) {
            self.eat_any(&["all", "distinct"]);
            self.listed(Reader::grouping)?;
            self.eat(&["with", "rollup"]);
        }
        if self.eat(&["having"]) {
            self.expr()?;
        }
        if self.eat(&["window"]) {
            self.listed(|reader| {
                reader.name()?;
                reader.expect(&["as"])?;
                reader.window()
            })?;
        }
        Ok(())
    }

    /// One entry of a select list or of RETURNING.
    pub(super) fn selected(&mut self) -> Read {
        if self.eat_operator("*") {
            return Ok(());
        }
        self.expr()?;
        self.alias_of_value()
    }

    fn alias_of_value(&mut self) -> Read {
        if self.eat(&["as"]) {
            return match self.kind() {
                Kind::Word | Kind::Name | Kind::Text | Kind::DoubleQuoted => {
                    self.skip(1);
                    Ok(())
                }
                _ => Err(Obstacle::Syntax),
            };
        }
        let text =
            matches!(self.kind(), Kind::Text | Kind::DoubleQuoted) && self.dialect != Dialect::PostgreSql;
        if text || self.is_name_at(0) {
            self.skip(1);
        }
        Ok(())
    }

    /// `INTO`: a table in PostgreSQL; variables or a file in MySQL.
    fn storing(&mut self) -> Read {
        self.skip(1);
        match self.dialect {
            Dialect::PostgreSql => {
                self.eat_any(&["temporary", "temp", "unlogged"]);
                self.eat(&["table"]);
                let path = self.path()?;
                self.table(path);
                self.into = true;
                self.raise(SqlEffect::Ddl);
                Ok(())
            }
            Dialect::MySql if matches!(self.word(), "outfile" | "dumpfile") => {
                self.skip(1);
                self.into = true;
                self.raise(SqlEffect::Admin);
                self.expect_kind(Kind::Text)?;
                while self.kind() == Kind::Text
                    || matches!(
                        self.word(),
                        "character"
                            | "set"
                            | "fields"
                            | "columns"
                            | "lines"
                            | "terminated"
                            | "enclosed"
                            | "optionally"
                            | "escaped"
                            | "starting"
                            | "by"
                            | "utf8"
                            | "utf8mb4"
                            | "binary"
                    )
                {
                    self.skip(1);
                }
                Ok(())
            }
            Dialect::MySql => {
                self.into = true;
                self.raise(SqlEffect::Session);
                self.listed(|reader| {
                    let variable =
                        reader.kind() == Kind::Variable && !reader.tokens.text(reader.at).starts_with("@@");
                    if !variable {
                        return Err(Obstacle::Construct("SELECT … INTO"));
                    }
                    reader.skip(1);
                    Ok(())
                })
            }
            _ => Err(Obstacle::Syntax),
        }
    }

    fn grouping(&mut self) -> Read {
        if self.is(&["grouping", "sets"]) {
            self.skip(1);
        }
        let sets = matches!(self.word(), "rollup" | "cube" | "sets") && self.kind_at(1) == Kind::Open;
        if sets {
            self.skip(1);
            return self.bracketed(|reader| reader.listed(Reader::grouping));
        }
        if self.kind() == Kind::Open && self.kind_at(1) == Kind::Close {
            self.skip(2);
            return Ok(());
        }
        self.expr()?;
        self.eat_any(&["asc", "desc"]);
        Ok(())
    }

    pub(super) fn sorts(&mut self) -> Read {
        self.listed(|reader| {
            reader.expr()?;
            if reader.eat(&["using"]) {
                let qualified = reader.is(&["operator"]);
                reader.skip(1);
                if qualified {
                    return Err(Obstacle::Construct("a qualified operator to sort by"));
                }
            }
            reader.eat_any(&["asc", "desc"]);
            if reader.eat(&["nulls"]) && !reader.eat_any(&["first", "last"]) {
                return Err(Obstacle::Syntax);
            }
            Ok(())
        })
    }

    /// `LIMIT`, `OFFSET` and `FETCH`; returns a literal bound on rows.
    pub(super) fn limits(&mut self) -> Read<Option<u64>> {
        if self.eat(&["offset"]) {
            self.expr()?;
            self.eat_any(&["row", "rows"]);
            return Ok(None);
        }
        if self.eat(&["fetch"]) {
            self.eat_any(&["first", "next"]);
            let mut bound = Some(1);
            if !matches!(self.word(), "row" | "rows") {
                bound = self.literal_count();
                self.operand_of_fetch()?;
            }
            self.eat_any(&["row", "rows"]);
            if self.eat(&["only"]) {
                return Ok(bound);
            }
            self.expect(&["with", "ties"])?;
            return Ok(None);
        }
        self.expect(&["limit"])?;
        if self.eat_any(&["all", "null"]) {
            return Ok(None);
        }
        let mut bound = self.literal_count();
        self.expr()?;
        if self.dialect != Dialect::PostgreSql && self.eat_kind(Kind::Comma) {
            bound = self.literal_count();
            self.expr()?;
        }
        Ok(bound)
    }

    fn operand_of_fetch(&mut self) -> Read {
        if self.kind() == Kind::Open {
            return self.bracketed(Reader::expr);
        }
        self.eat_operator("+");
        match self.kind() {
            Kind::Number | Kind::Parameter => {
                self.skip(1);
                Ok(())
            }
            _ => Err(Obstacle::Syntax),
        }
    }

    /// The number at the cursor, if it stands alone.
    fn literal_count(&self) -> Option<u64> {
        let alone = match self.kind_at(1) {
            Kind::Operator | Kind::Cast | Kind::OpenSquare => false,
            Kind::Word => !matches!(
                self.word_at(1),
                "or" | "and" | "between" | "is" | "in" | "like" | "not" | "div" | "mod" | "xor"
            ),
            _ => true,
        };
        if self.kind() == Kind::Number && alone { self.tokens.text(self.at).parse().ok() } else { None }
    }

    /// `FOR UPDATE` and its kin.
    fn locking(&mut self) -> Read {
        self.skip(1);
        let known = self.eat_any(&["update", "share"])
            || self.eat(&["no", "key", "update"])
            || self.eat(&["key", "share"]);
        if !known || self.dialect == Dialect::Sqlite {
            return Err(Obstacle::Syntax);
        }
        self.lock();
        if self.eat(&["of"]) {
            self.listed(|reader| reader.path().map(drop))?;
        }
        if self.eat(&["wait"]) {
            self.expect_kind(Kind::Number)?;
        }
        if !self.eat(&["nowait"]) {
            self.eat(&["skip", "locked"]);
        }
        Ok(())
    }
}
