//! What a SQL payload really does.
//!
//! An allow-list: a statement reads only if everything in it is known to read. What does not parse, is too
//! large, could be read in two ways or names a function that is not known is *not understood*. The text
//! alone shows no views, triggers, rules, user-defined operators, casts or search paths: a database role
//! that may do no more than it must stays the boundary, and these facts decide who is asked.

#[cfg(feature = "sql")]
mod always;
#[cfg(feature = "sql")]
mod calls;
#[cfg(feature = "sql")]
mod cursor;
#[cfg(feature = "sql")]
mod definitions;
#[cfg(feature = "sql")]
mod dml;
#[cfg(feature = "sql")]
mod explain;
#[cfg(feature = "sql")]
mod expr;
mod facts;
#[cfg(feature = "sql")]
mod lex;
#[cfg(feature = "sql")]
mod names;
#[cfg(feature = "sql")]
mod operators;
#[cfg(feature = "sql")]
mod query;
#[cfg(feature = "sql")]
mod quotes;
#[cfg(feature = "sql")]
mod reader;
#[cfg(feature = "sql")]
mod secrets;
#[cfg(feature = "sql")]
mod settings;
#[cfg(feature = "sql")]
mod sources;
#[cfg(feature = "sql")]
mod statements;
#[cfg(feature = "sql")]
mod tokens;
#[cfg(feature = "sql")]
mod words;

use crate::Dialect;

pub use facts::{MEMBERS, Obstacle, SqlEffect, SqlFacts};

/// Reads `text`, one or more statements, and states what it does.
///
/// Every text gets an answer. [`Dialect::Generic`] is understood where PostgreSQL, MySQL and SQLite all
/// understand it, and then does the most that one of them does. Without the feature `sql` nothing is
/// understood.
///
/// ```
/// use countersign::Dialect;
/// use countersign::inspect::sql::{self, SqlEffect};
///
/// let facts = sql::inspect(Dialect::PostgreSql, "SELECT id FROM orders LIMIT 10");
/// assert_eq!(facts.effect(), Some(SqlEffect::Read));
/// assert_eq!(facts.bounded_read(), Some(10));
///
/// let facts = sql::inspect(Dialect::PostgreSql, "SELECT audit_all_orders()");
/// assert!(!facts.understood());
/// ```
#[must_use]
pub fn inspect(dialect: Dialect, text: &str) -> SqlFacts {
    #[cfg(feature = "sql")]
    let state = reader::read(dialect, text);
    #[cfg(not(feature = "sql"))]
    let state = {
        let _ = (dialect, text);
        Err(Obstacle::NotBuilt)
    };
    SqlFacts::new(state)
}
