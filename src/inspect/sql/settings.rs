//! Settings of the session and the server, and what shows them.

use super::facts::{Obstacle, SqlEffect};
use super::reader::{Read, Reader};
use super::tokens::Kind;
use crate::Dialect;

impl Reader<'_> {
    pub(super) fn set(&mut self) -> Read {
        self.note("set");
        self.skip(1);
        let start = self.at;
        self.eat_any(&["session", "local"]);
        let identity =
            self.is(&["role"]) || self.is(&["authorization"]) || self.is(&["session", "authorization"]);
        let default_role = self.is(&["default", "role"]);
        if identity || default_role || self.is(&["password"]) || self.word() == "session_authorization" {
            self.raise(SqlEffect::Privilege);
            return self.rest();
        }
        self.raise(SqlEffect::Session);
        let words = matches!(
            self.word(),
            "transaction" | "constraints" | "characteristics" | "names" | "charset" | "character" | "xml"
        );
        if words || self.is(&["time", "zone"]) || self.is(&["session", "characteristics"]) {
            return self.plain_rest();
        }
        if self.dialect == Dialect::PostgreSql {
            let path = self.path()?;
            if self.tokens.lower(path.last()) == "role"
                || self.tokens.lower(path.last()) == "session_authorization"
            {
                self.raise(SqlEffect::Privilege);
            }
            if !self.eat_operator("=") {
                self.expect(&["to"])?;
            }
            return self.plain_rest();
        }
        self.at = start;
        self.listed(Reader::variable)
    }

    /// `[GLOBAL | SESSION | …] name = value`.
    fn variable(&mut self) -> Read {
        let sign = self.kind() == Kind::Variable;
        let scope = if sign { self.tokens.lower(self.at).trim_start_matches('@') } else { self.word() };
        let global = matches!(scope, "global" | "persist" | "persist_only");
        let scoped = global || matches!(scope, "session" | "local");
        if sign || scoped {
            self.skip(1);
            self.eat_kind(Kind::Dot);
        }
        if global {
            self.raise(SqlEffect::Admin);
        }
        if scoped || !sign {
            self.path()?;
        }
        if !self.eat_operator("=") && !self.eat_kind(Kind::Assign) {
            return Err(Obstacle::Syntax);
        }
        if self.eat_any(&["on", "all", "default", "binary"]) { Ok(()) } else { self.expr() }
    }

    /// Moves to the statement's end over words, names and literals, with no bracket among them.
    fn plain_rest(&mut self) -> Read {
        while !matches!(self.kind(), Kind::End | Kind::Semicolon) {
            if matches!(self.kind(), Kind::Open | Kind::Close | Kind::Assign | Kind::Variable) {
                return Err(Obstacle::Construct("a value that is computed"));
            }
            self.skip(1);
        }
        Ok(())
    }

    pub(super) fn show(&mut self) -> Read {
        self.note("show");
        self.skip(1);
        let known = [
            "all",
            "binary",
            "binlog",
            "character",
            "charset",
            "client_statistics",
            "collation",
            "columns",
            "count",
            "create",
            "databases",
            "engine",
            "engines",
            "errors",
            "events",
            "explain",
            "extended",
            "fields",
            "full",
            "function",
            "global",
            "grants",
            "index",
            "index_statistics",
            "indexes",
            "keys",
            "local",
            "locales",
            "master",
            "open",
            "package",
            "plugins",
            "privileges",
            "procedure",
            "processlist",
            "profile",
            "profiles",
            "relaylog",
            "replica",
            "replicas",
            "schemas",
            "session",
            "slave",
            "status",
            "storage",
            "table",
            "table_statistics",
            "tables",
            "triggers",
            "user_statistics",
            "variables",
            "warnings",
        ];
        if known.binary_search(&self.word()).is_err() {
            return Err(Obstacle::Construct("this form of SHOW"));
        }
        while !matches!(self.kind(), Kind::End | Kind::Semicolon) {
            if self.eat(&["where"]) {
                self.expr()?;
            } else if matches!(self.kind(), Kind::Open | Kind::Assign | Kind::Operator)
                && self.operator() != "*"
            {
                // `count(*)` is the only bracket here.
                let count =
                    self.kind() == Kind::Open && self.tokens.word(self.at.saturating_sub(1)) == "count";
                if !count {
                    return Err(Obstacle::Construct("this form of SHOW"));
                }
                self.skip(1);
            } else if self.eat_any(&["from", "in"]) && self.is_name_at(0) {
                let path = self.path()?;
                self.table(path);
            } else {
                self.skip(1);
            }
        }
        Ok(())
    }
}
