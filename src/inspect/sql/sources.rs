//! Sources of rows: tables, calls, subqueries and joins of them.

use super::facts::Obstacle;
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

impl Reader<'_> {
    /// A source of rows with all that is joined to it.
    pub(super) fn table_reference(&mut self) -> Read {
        self.factor()?;
        let mut joined = false;
        loop {
            if joined && self.word() == "on" && !matches!(self.word_at(1), "conflict" | "duplicate") {
                self.skip(1);
                self.expr()?;
            } else if joined && self.word() == "using" && self.kind_at(1) == Kind::Open {
                self.skip(1);
                self.names()?;
                if self.eat(&["as"]) {
                    self.name()?;
                }
            } else if self.join_word() {
                joined = true;
                self.factor()?;
            } else {
                return Ok(());
            }
        }
    }

    pub(super) fn join_word(&mut self) -> bool {
        let here = self.at;
        self.eat(&["natural"]);
        self.eat_any(&["inner", "cross", "left", "right", "full"]);
        self.eat(&["outer"]);
        if self.eat(&["join"]) || self.eat(&["straight_join"]) {
            return true;
        }
        self.at = here;
        false
    }

    pub(super) fn factor(&mut self) -> Read {
        self.eat(&["lateral"]);
        if self.kind() == Kind::Open {
            self.bracketed(|reader| {
                if reader.starts_query() {
                    return reader.query();
                }
                // A bracket here holds a query or a join; in both, another one may come first.
                reader.listed(Reader::table_reference)?;
                if reader.is_set_operation() || matches!(reader.word(), "order" | "limit") {
                    reader.query_rest()
                } else {
                    Ok(())
                }
            })?;
            return self.alias_of_table();
        }
        if self.is(&["rows", "from"]) && self.kind_at(2) == Kind::Open {
            self.skip(2);
            self.bracketed(|reader| {
                reader.listed(|reader| {
                    let path = reader.path()?;
                    reader.call_at(path)?;
                    if reader.eat(&["as"]) { reader.columns() } else { Ok(()) }
                })
            })?;
            self.eat(&["with", "ordinality"]);
            return self.alias_of_table();
        }
        if self.eat(&["only"]) && self.kind() == Kind::Open {
            self.bracketed(|reader| {
                let path = reader.path()?;
                reader.source(path);
                Ok(())
            })?;
            return self.alias_of_table();
        }
        if self.kind_at(1) == Kind::Open && matches!(self.word(), "json_table" | "xmltable") {
            self.form()?;
            return self.alias_of_table();
        }
        let path = self.table_path()?;
        if self.kind() == Kind::Open {
            self.call_at(path)?;
            self.eat(&["with", "ordinality"]);
            return self.alias_of_table();
        }
        self.source(path);
        self.eat_operator("*");
        if self.word() == "partition" && self.kind_at(1) == Kind::Open && self.dialect == Dialect::MySql {
            self.skip(1);
            self.names()?;
        }
        self.alias_of_table()?;
        self.table_hints()
    }

    fn table_hints(&mut self) -> Read {
        match self.dialect {
            Dialect::PostgreSql if self.word() == "tablesample" => {
                self.skip(1);
                if !self.eat_any(&["system", "bernoulli"]) {
                    return Err(Obstacle::Construct("a sampling method"));
                }
                self.bracketed(Reader::exprs)?;
                if self.eat(&["repeatable"]) { self.bracketed(Reader::expr) } else { Ok(()) }
            }
            Dialect::Sqlite => {
                if self.eat(&["indexed", "by"]) {
                    return self.name().map(drop);
                }
                self.eat(&["not", "indexed"]);
                Ok(())
            }
            Dialect::MySql => {
                while self.eat_any(&["use", "force", "ignore"]) {
                    if !self.eat_any(&["index", "key"]) {
                        return Err(Obstacle::Syntax);
                    }
                    if self.eat(&["for"]) {
                        while self.eat_any(&["join", "order", "group", "by"]) {}
                    }
                    self.bracketed(|reader| {
                        if reader.kind() == Kind::Close {
                            return Ok(());
                        }
                        reader.listed(|reader| {
                            if !reader.eat(&["primary"]) {
                                reader.name()?;
                            }
                            Ok(())
                        })
                    })?;
                    self.eat_kind(Kind::Comma);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// `[AS] name [(column [type], …)]`, or the columns alone.
    pub(super) fn alias_of_table(&mut self) -> Read {
        let explicit = self.eat(&["as"]);
        if explicit && self.kind() == Kind::Open {
            return self.columns();
        }
        let hint = matches!(self.word(), "use" | "force" | "ignore" | "indexed" | "partition")
            && self.kind_at(1) == Kind::Word;
        if self.dialect == Dialect::Sqlite && explicit && self.kind() == Kind::Text {
            self.skip(1);
            return Ok(());
        }
        if explicit || self.is_name_at(0) && !hint {
            self.name()?;
            if self.kind() == Kind::Open {
                return self.columns();
            }
        }
        Ok(())
    }

    fn columns(&mut self) -> Read {
        self.bracketed(|reader| {
            reader.listed(|reader| {
                reader.name()?;
                if !matches!(reader.kind(), Kind::Comma | Kind::Close) {
                    reader.type_name()?;
                }
                if reader.eat(&["collate"]) {
                    reader.path()?;
                }
                Ok(())
            })
        })
    }
}
