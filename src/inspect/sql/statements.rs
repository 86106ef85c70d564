//! The kinds of statement and what each does by itself.
//!
//! Only the statements listed here are understood. What runs inside them, queries and calls, is read where
//! it stands and can only raise the effect.

use super::facts::{Obstacle, SqlEffect};
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

/// Words of COPY's options. Sorted.
const COPY_WORDS: &[&str] = &[
    "as",
    "binary",
    "csv",
    "default",
    "delimiter",
    "delimiters",
    "encoding",
    "escape",
    "false",
    "force",
    "force_not_null",
    "force_null",
    "force_quote",
    "format",
    "freeze",
    "header",
    "match",
    "not",
    "null",
    "off",
    "oids",
    "on",
    "quote",
    "text",
    "true",
    "with",
];

impl Reader<'_> {
    /// Reads one statement up to its semicolon.
    pub(super) fn statement(&mut self) -> Read {
        if self.is_change() {
            return self.change();
        }
        if self.starts_query() || self.kind() == Kind::Open {
            return self.query();
        }
        match self.dialect {
            Dialect::PostgreSql => self.postgresql_statement(),
            Dialect::MySql => self.mysql_statement(),
            _ => self.sqlite_statement(),
        }
    }

    fn postgresql_statement(&mut self) -> Read {
        match self.word() {
            "show" => {
                self.note("show");
                self.skip(1);
                let known = self.eat(&["time", "zone"])
                    || self.eat(&["transaction", "isolation", "level"])
                    || self.eat(&["session", "authorization"])
                    || self.eat(&["all"]);
                if known { Ok(()) } else { self.path().map(drop) }
            }
            "explain" => self.explain(),
            "copy" => self.copy(),
            "set" => self.set(),
            "reset" => {
                self.skip(1);
                let identity = self.eat(&["session", "authorization"]) || self.eat(&["role"]);
                if !identity && !self.eat(&["time", "zone"]) {
                    self.rereads |= !self.is_plain_setting(self.at);
                    if !self.eat(&["all"]) {
                        self.path()?;
                    }
                }
                self.done("reset", if identity { SqlEffect::Privilege } else { SqlEffect::Session })
            }
            "declare" => {
                self.done("declare", SqlEffect::Session)?;
                self.skip(1);
                self.name()?;
                while self.eat_any(&[
                    "binary",
                    "asensitive",
                    "insensitive",
                    "no",
                    "scroll",
                    "cursor",
                    "with",
                    "without",
                    "hold",
                ]) {}
                self.expect(&["for"])?;
                self.query()
            }
            "close" => self.simple("close", SqlEffect::Session),
            "prepare" if self.word_at(1) == "transaction" => {
                self.simple("prepare_transaction", SqlEffect::Write)
            }
            "commit" | "rollback" if self.word_at(1) == "prepared" => {
                self.simple("prepared_transaction", SqlEffect::Write)
            }
            "prepare" => {
                self.done("prepare", SqlEffect::Session)?;
                self.skip(1);
                self.name()?;
                if self.kind() == Kind::Open {
                    self.bracketed(|reader| reader.listed(Reader::type_name))?;
                }
                self.expect(&["as"])?;
                if self.is_change() { self.change() } else { self.query() }
            }
            "deallocate" => self.simple("deallocate", SqlEffect::Session),
            "discard" => {
                self.rereads = true;
                self.simple("discard", SqlEffect::Session)
            }
            "listen" | "unlisten" => self.simple("listen", SqlEffect::Session),
            "notify" => self.simple("notify", SqlEffect::Write),
            "begin" | "start" | "commit" | "end" | "abort" | "rollback" | "savepoint" | "release" => {
                self.transaction()
            }
            "refresh" => {
                self.done("refresh", SqlEffect::Write)?;
                self.skip(1);
                self.expect(&["materialized", "view"])?;
                self.eat(&["concurrently"]);
                self.tables_and_rest()
            }
            "vacuum" | "analyze" | "analyse" | "cluster" | "reindex" | "checkpoint" | "load" => {
                self.maintenance()
            }
            "lock" => {
                self.lock();
                self.done("lock", SqlEffect::Admin)?;
                self.skip(1);
                self.eat(&["table"]);
                self.tables_and_rest()
            }
            "reassign" => self.simple("reassign_owned", SqlEffect::Privilege),
            "security" => self.simple("security_label", SqlEffect::Privilege),
            _ => self.common_statement(),
        }
    }

    fn mysql_statement(&mut self) -> Read {
        match self.word() {
            "show" => self.show(),
            "explain" | "describe" | "desc" => self.explain(),
            "analyze" => self.analyze(),
            "help" => {
                self.note("help");
                self.skip(1);
                self.expect_kind(Kind::Text)
            }
            "set" => self.set(),
            "use" => {
                self.rereads = true;
                self.simple("use", SqlEffect::Session)
            }
            "prepare" => {
                self.done("prepare", SqlEffect::Session)?;
                self.skip(1);
                self.name()?;
                self.expect(&["from"])?;
                if self.eat_kind(Kind::Variable) { Ok(()) } else { self.expect_kind(Kind::Text) }
            }
            "deallocate" => self.simple("deallocate", SqlEffect::Session),
            "begin" | "start" | "commit" | "rollback" | "savepoint" | "release" => self.transaction(),
            "do" => {
                self.done("do", SqlEffect::Session)?;
                self.skip(1);
                self.exprs()
            }
            "rename" if self.word_at(1) == "table" => {
                self.done("alter_table", SqlEffect::Ddl)?;
                self.skip(2);
                self.listed(|reader| {
                    let old = reader.path()?;
                    reader.table(old);
                    reader.expect(&["to"])?;
                    let new = reader.path()?;
                    reader.table(new);
                    Ok(())
                })
            }
            "rename" if self.word_at(1) == "user" => self.simple("alter_role", SqlEffect::Privilege),
            "lock" => {
                self.lock();
                self.done("lock", SqlEffect::Admin)?;
                self.skip(1);
                if !self.eat_any(&["table", "tables"]) {
                    return Err(Obstacle::Syntax);
                }
                self.tables_and_rest()
            }
            "unlock" if self.word_at(1) == "tables" => self.simple("unlock", SqlEffect::Session),
            "load" if matches!(self.word_at(1), "data" | "xml") => {
                self.done("load", SqlEffect::Admin)?;
                while !matches!(self.kind(), Kind::End | Kind::Semicolon) && !self.is(&["into", "table"]) {
                    self.skip(1);
                }
                self.skip(2);
                self.tables_and_rest()
            }
            "optimize" | "repair" | "check" | "checksum" => self.maintenance(),
            "kill" => self.simple("kill", SqlEffect::Admin),
            "flush" | "reset" | "purge" | "change" | "stop" | "shutdown" | "install" | "uninstall"
            | "cache" => self.simple("server", SqlEffect::Admin),
            _ => self.common_statement(),
        }
    }

    fn sqlite_statement(&mut self) -> Read {
        match self.word() {
            "explain" => {
                self.note("explain");
                self.skip(1);
                self.eat(&["query", "plan"]);
                self.plans = true;
                if self.is_change() {
                    self.change()
                } else if self.starts_query() {
                    self.query()
                } else {
                    match self.word() {
                        "begin" | "commit" | "end" | "rollback" | "savepoint" | "release" => {
                            self.transaction()
                        }
                        "create" | "alter" | "drop" => self.definition(),
                        // A pragma can act when it is compiled.
                        _ => Err(Obstacle::Construct("EXPLAIN of this kind of statement")),
                    }
                }
            }
            "pragma" => self.simple("pragma", SqlEffect::Admin),
            "attach" | "detach" => {
                self.done("attach", SqlEffect::Admin)?;
                self.skip(1);
                self.eat(&["database"]);
                self.expr()?;
                if self.eat(&["as"]) { self.expr() } else { Ok(()) }
            }
            "begin" | "commit" | "end" | "rollback" | "savepoint" | "release" => self.transaction(),
            "vacuum" => self.simple("vacuum", SqlEffect::Admin),
            "analyze" | "reindex" => self.maintenance(),
            _ => self.common_statement(),
        }
    }

    fn common_statement(&mut self) -> Read {
        match self.word() {
            "create" | "alter" | "drop" | "comment" | "import" => self.definition(),
            "truncate" => {
                let effect = if self.dialect == Dialect::MySql { SqlEffect::Ddl } else { SqlEffect::Write };
                self.done("truncate", effect)?;
                self.unbounded(true);
                self.skip(1);
                self.eat(&["table"]);
                self.tables_and_rest()
            }
            "grant" | "revoke" if self.dialect != Dialect::Sqlite => {
                let kind = if self.word() == "grant" { "grant" } else { "revoke" };
                self.done(kind, SqlEffect::Privilege)?;
                while !matches!(self.kind(), Kind::End | Kind::Semicolon) && self.word() != "on" {
                    self.skip(1);
                }
                if self.eat(&["on"])
                    && (self.eat(&["table"]) || self.is_name_at(0) && self.kind_at(1) != Kind::Word)
                {
                    return self.tables_and_rest();
                }
                self.rest()
            }
            _ => Err(Obstacle::Construct("this kind of statement")),
        }
    }

    /// Notes a statement's kind and effect.
    pub(super) fn done(&mut self, kind: &'static str, effect: SqlEffect) -> Read {
        self.note(kind);
        self.raise(effect);
        Ok(())
    }

    /// A statement whose first word says all.
    fn simple(&mut self, kind: &'static str, effect: SqlEffect) -> Read {
        self.done(kind, effect)?;
        self.rest()
    }

    /// Moves to the statement's end.
    pub(super) fn rest(&mut self) -> Read {
        while !matches!(self.kind(), Kind::End | Kind::Semicolon) {
            self.skip(1);
        }
        Ok(())
    }

    /// Reads names of tables, with commas between, and moves to the statement's end.
    fn tables_and_rest(&mut self) -> Read {
        loop {
            self.eat(&["only"]);
            let path = self.table_path()?;
            self.table(path);
            self.eat_operator("*");
            while self.kind() == Kind::Word {
                self.skip(1);
            }
            if !self.eat_kind(Kind::Comma) {
                return self.rest();
            }
        }
    }

    pub(super) fn maintenance(&mut self) -> Read {
        self.done("maintenance", SqlEffect::Admin)?;
        self.skip(1);
        if self.kind() == Kind::Open {
            self.bracketed(|reader| {
                while !matches!(reader.kind(), Kind::Close | Kind::End) {
                    reader.skip(1);
                }
                Ok(())
            })?;
        }
        let words = [
            "full",
            "freeze",
            "verbose",
            "analyze",
            "table",
            "tables",
            "index",
            "schema",
            "database",
            "system",
            "concurrently",
        ];
        while self.eat_any(&words) {}
        if self.is_name_at(0) { self.tables_and_rest() } else { self.rest() }
    }

    pub(super) fn transaction(&mut self) -> Read {
        let kind = match self.word() {
            "begin" | "start" => "begin",
            "commit" | "end" => "commit",
            "rollback" | "abort" => "rollback",
            _ => "savepoint",
        };
        let start = self.word() == "start";
        self.done(kind, SqlEffect::Session)?;
        self.skip(1);
        if start && self.word() != "transaction" {
            // MySQL starts replication and plugins by the same word.
            self.raise(SqlEffect::Admin);
            return self.rest();
        }
        if kind == "savepoint" || self.word() == "to" {
            self.eat(&["to"]);
            self.eat(&["savepoint"]);
            return self.name().map(drop);
        }
        let words = [
            "work",
            "transaction",
            "isolation",
            "level",
            "read",
            "only",
            "write",
            "committed",
            "uncommitted",
            "repeatable",
            "serializable",
            "deferrable",
            "not",
            "and",
            "no",
            "chain",
            "release",
            "deferred",
            "immediate",
            "exclusive",
            "with",
            "consistent",
            "snapshot",
            "to",
            "savepoint",
        ];
        while self.eat_kind(Kind::Comma) || self.eat_any(&words) {
            if matches!(self.word_at(0), "") || self.kind() == Kind::Name {
                break;
            }
        }
        if kind == "rollback" && self.is_name_at(0) {
            self.skip(1);
        }
        Ok(())
    }

    fn copy(&mut self) -> Read {
        self.note("copy");
        self.skip(1);
        if self.kind() == Kind::Open {
            self.bracketed(|reader| if reader.is_change() { reader.change() } else { reader.query() })?;
        } else {
            self.eat(&["binary"]);
            let path = self.path()?;
            self.table(path);
            if self.kind() == Kind::Open {
                self.names()?;
            }
        }
        let reads = self.eat(&["to"]);
        if !reads {
            self.expect(&["from"])?;
        }
        let client = self.eat_any(&["stdin", "stdout"]);
        if !client {
            self.eat(&["program"]);
            self.expect_kind(Kind::Text)?;
            self.into |= reads;
        }
        self.raise(match (client, reads) {
            (false, _) => SqlEffect::Admin,
            (true, false) => SqlEffect::Write,
            (true, true) => SqlEffect::Read,
        });
        while !matches!(self.kind(), Kind::End | Kind::Semicolon) {
            let known = COPY_WORDS.binary_search(&self.word()).is_ok();
            if self.eat(&["where"]) {
                self.expr()?;
            } else if self.kind() == Kind::Word && !known {
                return Err(Obstacle::Construct("an option of COPY"));
            } else {
                self.skip(1);
            }
        }
        self.bounded_read = None;
        Ok(())
    }
}
