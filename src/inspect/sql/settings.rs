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
        let plain = matches!(self.word(), "transaction" | "constraints" | "characteristics");
        self.rereads |= !plain && self.kind() != Kind::Variable && !self.is_plain_setting(self.at);
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
        let name = self.at;
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
            self.rereads |= !self.is_plain_setting(self.at);
            self.path()?;
        } else {
            self.rereads |= self.tokens.lower(name).starts_with("@@") && !self.is_plain_setting(name);
        }
        if !self.eat_operator("=") && !self.eat_kind(Kind::Assign) {
            return Err(Obstacle::Syntax);
        }
        if self.eat_any(&["on", "all", "default", "binary"]) { Ok(()) } else { self.expr() }
    }

    /// Says whether a setting leaves alone how the next statement is cut and which names it finds. Others, such
    /// as `NAMES`, `sql_mode`, `client_encoding`, `standard_conforming_strings` or `search_path`, may not.
    pub(super) fn is_plain_setting(&self, at: usize) -> bool {
        let name = self.tokens.lower(at).trim_start_matches('@');
        PLAIN.binary_search(&name).is_ok() || name.starts_with("enable_")
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

/// Settings that bear upon time, plans, bounds and what is shown. Sorted.
const PLAIN: &[&str] = &[
    "application_name",
    "autocommit",
    "bytea_output",
    "client_min_messages",
    "constraint_exclusion",
    "datestyle",
    "deadlock_timeout",
    "extra_float_digits",
    "foreign_key_checks",
    "idle_in_transaction_session_timeout",
    "innodb_lock_wait_timeout",
    "intervalstyle",
    "jit",
    "lock_timeout",
    "lock_wait_timeout",
    "maintenance_work_mem",
    "max_execution_time",
    "max_parallel_workers_per_gather",
    "max_statement_time",
    "plan_cache_mode",
    "random_page_cost",
    "seq_page_cost",
    "sql_safe_updates",
    "statement_timeout",
    "temp_buffers",
    "time",
    "time_zone",
    "timezone",
    "transaction_isolation",
    "transaction_timeout",
    "unique_checks",
    "work_mem",
];
