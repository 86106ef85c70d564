//! Where servers keep credentials, and which statements tell or carry them.
//!
//! By the names of tables and words alone: what a view shows, or a table of somebody's own, the text does not
//! say. Without its schema MySQL's `user` is anybody's table.

use super::names::{self, Path};
use super::tokens::Tokens;
use crate::Dialect;

/// Says whether a table holds credentials.
pub(super) fn are_in(dialect: Dialect, tokens: &Tokens<'_>, path: Path) -> bool {
    let name = names::fold(dialect, tokens, path.last()).to_lowercase();
    match dialect {
        Dialect::PostgreSql => POSTGRESQL.contains(&name.as_str()),
        Dialect::MySql => {
            let schema = (!path.is_single()).then(|| tokens.lower(path.start));
            MYSQL.contains(&name.as_str()) && (name != "user" && name != "servers" || schema == Some("mysql"))
        }
        _ => false,
    }
}

/// Says whether the statement from `start` to `end` shows a user's credentials, or carries some.
pub(super) fn are_told(tokens: &Tokens<'_>, start: usize, end: usize) -> bool {
    let word = |ahead: usize| tokens.word(start.saturating_add(ahead));
    let has = |words: &[&str]| (start..end).any(|at| words.contains(&tokens.word(at)));
    let object = |ahead| matches!(word(ahead), "user" | "role" | "group" | "server" | "subscription");
    match word(0) {
        "show" => word(1) == "grants" || word(1) == "create" && word(2) == "user",
        "create" | "alter" if object(1) || word(1) == "or" && object(3) => {
            word(2) == "mapping" || has(&["connection", "identified", "password"])
        }
        "grant" => has(&["identified"]),
        "set" => word(1) == "password",
        "change" => has(&["master_password", "source_password"]),
        _ => false,
    }
}

/// Roles with their hashes, and the options that hold passwords of other servers (PostgreSQL manual, chapter
/// "System Catalogs").
const POSTGRESQL: [&str; 9] = [
    "_pg_foreign_servers",
    "_pg_user_mappings",
    "pg_authid",
    "pg_foreign_server",
    "pg_shadow",
    "pg_subscription",
    "pg_user_mapping",
    "pg_user_mappings",
    "user_mapping_options",
];

/// The same of MySQL and MariaDB ("The mysql System Schema").
const MYSQL: [&str; 7] = [
    "global_priv",
    "password_history",
    "replication_asynchronous_connection_failover",
    "servers",
    "slave_master_info",
    "user",
    "user_bak",
];
