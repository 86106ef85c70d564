//! Statements that change rows.

use super::always::always_true;
use super::facts::{Obstacle, SqlEffect};
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

impl Reader<'_> {
    /// Says whether a statement that changes rows starts here.
    pub(super) fn is_change(&self) -> bool {
        match self.word() {
            "insert" | "update" | "delete" => true,
            "merge" => self.dialect == Dialect::PostgreSql,
            "replace" => self.dialect != Dialect::PostgreSql,
            _ => false,
        }
    }

    pub(super) fn change(&mut self) -> Read {
        self.scopes.push(Vec::new());
        if self.word() == "with" {
            self.common_tables()?;
        }
        self.raise(SqlEffect::Write);
        let answer = match self.word() {
            "insert" => {
                self.note("insert");
                self.insert()
            }
            "replace" => {
                self.note("replace");
                self.insert()
            }
            "update" => self.update(),
            "delete" => self.delete(),
            "merge" => self.merge(),
            _ => Err(Obstacle::Syntax),
        };
        self.scopes.pop();
        self.bounded_read = None;
        answer
    }

    fn insert(&mut self) -> Read {
        self.skip(1);
        self.modifiers();
        self.eat(&["into"]);
        let target = self.table_path()?;
        self.table(target);
        if self.word() == "partition" && self.kind_at(1) == Kind::Open {
            self.skip(1);
            self.names()?;
        }
        if self.eat(&["as"]) {
            self.name()?;
        } else if self.is_name_at(0) && !matches!(self.word(), "values" | "value" | "overriding") {
            self.skip(1);
        }
        if self.kind() == Kind::Open && !self.bracket_holds_query() {
            self.bracketed(|reader| {
                if reader.kind() == Kind::Close { Ok(()) } else { reader.listed(Reader::target_column) }
            })?;
        }
        if self.eat(&["overriding"]) {
            self.eat_any(&["user", "system"]);
            self.expect(&["value"])?;
        }
        if self.eat(&["default", "values"]) {
        } else if self.eat_any(&["values", "value"]) {
            self.listed(|reader| {
                reader.eat(&["row"]);
                reader.bracketed(|reader| if reader.kind() == Kind::Close { Ok(()) } else { reader.exprs() })
            })?;
            if matches!(self.word(), "order" | "limit" | "offset" | "union" | "except" | "intersect") {
                self.query_rest()?;
            }
        } else if self.eat(&["set"]) {
            self.assignments()?;
        } else if self.kind() == Kind::Open || self.starts_query() {
            self.query()?;
        } else {
            return Err(Obstacle::Syntax);
        }
        if self.dialect == Dialect::MySql && self.eat(&["as"]) {
            self.name()?;
            if self.kind() == Kind::Open {
                self.names()?;
            }
        }
        self.conflicts()?;
        self.returning()
    }

    fn modifiers(&mut self) {
        while self.eat_any(&["low_priority", "delayed", "high_priority", "ignore", "quick"]) {}
        if self.dialect == Dialect::Sqlite && self.eat(&["or"]) {
            self.eat_any(&["rollback", "abort", "replace", "fail", "ignore"]);
        }
    }

    fn bracket_holds_query(&self) -> bool {
        let mut ahead = 0;
        while self.kind_at(ahead) == Kind::Open {
            ahead = ahead.saturating_add(1);
        }
        matches!(self.word_at(ahead), "select" | "with" | "values")
            && self.kind_at(ahead.saturating_add(1)) != Kind::Comma
    }

    /// A column to be set, or a part of one.
    fn target_column(&mut self) -> Read {
        self.path()?;
        while self.kind() == Kind::OpenSquare {
            self.skip(1);
            while !matches!(self.kind(), Kind::CloseSquare | Kind::End) {
                if self.kind() == Kind::Colon {
                    self.skip(1);
                } else {
                    self.expr()?;
                }
            }
            self.expect_kind(Kind::CloseSquare)?;
            while self.kind() == Kind::Dot {
                self.skip(1);
                self.name()?;
            }
        }
        Ok(())
    }

    fn assignments(&mut self) -> Read {
        self.listed(|reader| {
            if reader.kind() == Kind::Open {
                reader.bracketed(|reader| reader.listed(Reader::target_column))?;
            } else {
                reader.target_column()?;
            }
            if !reader.eat_operator("=") && !reader.eat_kind(Kind::Assign) {
                return Err(Obstacle::Syntax);
            }
            reader.expr()
        })
    }

    fn conflicts(&mut self) -> Read {
        if self.eat(&["on", "duplicate", "key", "update"]) {
            return self.assignments();
        }
        while self.eat(&["on", "conflict"]) {
            if self.kind() == Kind::Open {
                self.bracketed(|reader| {
                    reader.listed(|reader| {
                        reader.expr()?;
                        // An operator class.
                        if reader.is_name_at(0) {
                            reader.path()?;
                        }
                        reader.eat_any(&["asc", "desc"]);
                        Ok(())
                    })
                })?;
                if self.eat(&["where"]) {
                    self.expr()?;
                }
            } else if self.eat(&["on", "constraint"]) {
                self.name()?;
            }
            self.expect(&["do"])?;
            if self.eat(&["nothing"]) {
                continue;
            }
            self.expect(&["update", "set"])?;
            self.assignments()?;
            if self.eat(&["where"]) {
                self.expr()?;
            }
        }
        Ok(())
    }

    fn returning(&mut self) -> Read {
        if self.eat(&["returning"]) { self.listed(Reader::selected) } else { Ok(()) }
    }

    /// Reads the table that is written: never a common one, whatever its name.
    fn target(&mut self) -> Read {
        let start = self.at.saturating_add(usize::from(self.word() == "only"));
        if self.tokens.kind(start) != Kind::Open {
            let here = self.at;
            self.at = start;
            let path = self.table_path()?;
            self.table(path);
            self.at = here;
        }
        self.table_reference()
    }

    fn update(&mut self) -> Read {
        self.note("update");
        self.skip(1);
        self.modifiers();
        self.listed(Reader::target)?;
        self.expect(&["set"])?;
        self.assignments()?;
        if self.eat(&["from"]) {
            self.listed(Reader::table_reference)?;
        }
        self.condition_and_rest()
    }

    fn delete(&mut self) -> Read {
        self.note("delete");
        self.skip(1);
        self.modifiers();
        if self.word() != "from" {
            self.listed(|reader| {
                let path = reader.path()?;
                reader.table(path);
                if reader.eat_kind(Kind::Dot) && !reader.eat_operator("*") {
                    return Err(Obstacle::Syntax);
                }
                Ok(())
            })?;
        }
        self.expect(&["from"])?;
        self.listed(Reader::target)?;
        if self.eat(&["using"]) {
            self.listed(Reader::table_reference)?;
        }
        self.condition_and_rest()
    }

    fn condition_and_rest(&mut self) -> Read {
        if self.eat(&["where"]) {
            let start = self.at;
            self.expr()?;
            let unbounded = always_true(self.dialect, self.tokens, start, self.at);
            self.unbounded(unbounded);
        } else {
            self.unbounded(true);
        }
        if self.dialect != Dialect::PostgreSql {
            if self.eat(&["order", "by"]) {
                self.sorts()?;
            }
            if self.word() == "limit" {
                self.limits()?;
            }
        }
        self.returning()
    }

    fn merge(&mut self) -> Read {
        self.note("merge");
        self.skip(1);
        self.expect(&["into"])?;
        self.target()?;
        self.expect(&["using"])?;
        self.merge_source()?;
        self.expect(&["on"])?;
        let start = self.at;
        self.expr()?;
        let every = always_true(self.dialect, self.tokens, start, self.at);
        while self.eat(&["when"]) {
            let not = self.eat(&["not"]);
            self.expect(&["matched"])?;
            let by_source = self.eat(&["by", "source"]);
            self.eat(&["by", "target"]);
            let narrowed = self.eat(&["and"]);
            if narrowed {
                self.expr()?;
            }
            self.expect(&["then"])?;
            let changes = matches!(self.word(), "update" | "delete");
            self.unbounded(changes && !narrowed && (by_source || every && !not));
            self.merge_action()?;
        }
        self.returning()
    }

    /// A table or a join; of several ONs the last is the MERGE's.
    fn merge_source(&mut self) -> Read {
        self.factor()?;
        while self.join_word() {
            self.factor()?;
            if self.eat(&["on"]) {
                self.expr()?;
            }
        }
        Ok(())
    }

    fn merge_action(&mut self) -> Read {
        if self.eat(&["do", "nothing"]) || self.eat(&["delete"]) {
            return Ok(());
        }
        if self.eat(&["update", "set"]) {
            return self.assignments();
        }
        self.expect(&["insert"])?;
        if self.kind() == Kind::Open {
            self.bracketed(|reader| reader.listed(Reader::target_column))?;
        }
        if self.eat(&["overriding"]) {
            self.eat_any(&["user", "system"]);
            self.expect(&["value"])?;
        }
        if self.eat(&["default", "values"]) {
            return Ok(());
        }
        self.expect(&["values"])?;
        self.bracketed(Reader::exprs)
    }
}
