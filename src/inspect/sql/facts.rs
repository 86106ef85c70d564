//! What is known about a SQL payload.
//!
//! Facts are all known or all unknown: a payload that was not understood states that and why, nothing
//! else. Lists are sorted and hold each entry once, so that equal payloads give equal bytes.

use super::super::facts::{Facts, Members, count};
use crate::{Attributes, Value};

/// Every member of the fact `sql` with its type, in the notation of a policy's vocabulary.
///
/// ```
/// use countersign::inspect::sql::MEMBERS;
///
/// assert!(MEMBERS.contains(&("unbounded_write", "bool")));
/// ```
pub const MEMBERS: &[(&str, &str)] = &[
    ("bounded_read", "int?"),
    ("effect", "string"),
    ("functions", "list<string>"),
    ("into", "bool"),
    ("kinds", "list<string>"),
    ("locks", "bool"),
    ("multi", "bool"),
    ("secrets", "bool"),
    ("statements", "int"),
    ("tables", "list<string>"),
    ("unbounded_write", "bool"),
    ("understood", "bool"),
];

/// The strongest thing a SQL payload does, from least to most.
///
/// ```
/// use countersign::inspect::sql::SqlEffect;
///
/// assert!(SqlEffect::Read < SqlEffect::Write && SqlEffect::Ddl < SqlEffect::Admin);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SqlEffect {
    /// Returns rows and changes nothing.
    Read,
    /// Changes the session only: a setting, a cursor, a transaction.
    Session,
    /// Changes rows, sequences or locks.
    Write,
    /// Changes what exists: tables, views, functions.
    Ddl,
    /// Changes who may do what, or who the session is.
    Privilege,
    /// Reaches the server itself: its processes, files, settings or network.
    Admin,
}

/// Facts about a SQL payload.
///
/// ```
/// use countersign::Dialect;
/// use countersign::inspect::sql::{self, SqlEffect};
///
/// let facts = sql::inspect(Dialect::PostgreSql, "DELETE FROM orders WHERE 1 = 1");
/// assert_eq!(facts.effect(), Some(SqlEffect::Write));
/// assert_eq!(facts.unbounded_write(), Some(true));
/// assert_eq!(facts.tables(), ["orders"]);
/// ```
pub type SqlFacts = Facts<Known, Obstacle>;

/// Why a SQL payload was not understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// The crate was built without the feature `sql`.
    #[error("this build reads no SQL")]
    NotBuilt,
    /// A bound is exceeded.
    #[error("{what} {found} exceeds the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many there are; counting stops soon after the limit.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// Text that could be read in two ways, or that hides what runs.
    #[error("{0}")]
    Text(&'static str),
    /// The statement does not parse.
    #[error("the statement does not parse")]
    Syntax,
    /// A statement or clause whose effect is not known.
    #[error("{0} is not judged")]
    Construct(&'static str),
    /// A function, operator or table-like name whose effect is not known.
    #[error("`{}` is not known to be harmless", crate::text::quote(.0))]
    Name(String),
}

/// The facts of an understood payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub(super) effect: SqlEffect,
    pub(super) statements: usize,
    pub(super) kinds: Vec<&'static str>,
    pub(super) tables: Vec<String>,
    pub(super) functions: Vec<String>,
    pub(super) unbounded_write: bool,
    pub(super) bounded_read: Option<u64>,
    pub(super) locks: bool,
    pub(super) secrets: bool,
    pub(super) into: bool,
}

impl SqlEffect {
    /// Returns the effect's name as conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Session => "session",
            Self::Write => "write",
            Self::Ddl => "ddl",
            Self::Privilege => "privilege",
            Self::Admin => "admin",
        }
    }
}

impl SqlFacts {
    /// Returns the strongest effect of all statements.
    #[must_use]
    pub fn effect(&self) -> Option<SqlEffect> {
        self.known().map(|known| known.effect)
    }

    /// Counts the statements.
    #[must_use]
    pub fn statements(&self) -> Option<usize> {
        self.known().map(|known| known.statements)
    }

    /// Says whether there is more than one statement.
    #[must_use]
    pub fn multi(&self) -> Option<bool> {
        self.statements().map(|count| count > 1)
    }

    /// Returns the kinds of statement, such as `select` or `create_table`, nested ones included.
    /// Empty if the payload was not understood.
    #[must_use]
    pub fn kinds(&self) -> &[&'static str] {
        self.known().map_or(&[], |known| &known.kinds)
    }

    /// Returns the tables named, with their schema where the text gives one. What a view, a function or a
    /// trigger touches is not among them. Empty if the payload was not understood.
    ///
    /// Names are folded as the server folds them: PostgreSQL to lower case unless quoted, SQLite always.
    /// MySQL's case rule is a server setting, so a name with capitals stands there in both spellings. A
    /// part that holds anything but letters, digits, `_` and `$` is kept in double quotes.
    #[must_use]
    pub fn tables(&self) -> &[String] {
        self.known().map_or(&[], |known| &known.tables)
    }

    /// Returns the functions called, in lower case. Empty if the payload was not understood.
    #[must_use]
    pub fn functions(&self) -> &[String] {
        self.known().map_or(&[], |known| &known.functions)
    }

    /// Says whether an UPDATE or DELETE has no WHERE, or one that is always true, or a table is emptied.
    #[must_use]
    pub fn unbounded_write(&self) -> Option<bool> {
        self.known().map(|known| known.unbounded_write)
    }

    /// Returns the number of rows that a single query can return at most, where its text says so.
    #[must_use]
    pub fn bounded_read(&self) -> Option<u64> {
        self.known().and_then(|known| known.bounded_read)
    }

    /// Says whether rows or tables are locked on purpose.
    #[must_use]
    pub fn locks(&self) -> Option<bool> {
        self.known().map(|known| known.locks)
    }

    /// Says whether a table is named in which the server keeps credentials, such as `pg_authid` or `mysql.user`,
    /// or whether the statement shows a user's credentials or carries some. What a view shows, and what tables
    /// of one's own hold, is not known.
    #[must_use]
    pub fn secrets(&self) -> Option<bool> {
        self.known().map(|known| known.secrets)
    }

    /// Says whether a query's rows go into a table, a file or a variable (the member `into`).
    #[must_use]
    pub fn stores(&self) -> Option<bool> {
        self.known().map(|known| known.into)
    }
}

impl Members for Known {
    fn add_to(&self, members: &mut Attributes) {
        let names = |list: &[String]| list.iter().map(Value::from).collect::<Vec<_>>();
        members.insert("effect", self.effect.as_str());
        members.insert("statements", count(self.statements));
        members.insert("multi", self.statements > 1);
        members.insert("kinds", self.kinds.iter().map(|&kind| Value::from(kind)).collect::<Vec<_>>());
        members.insert("tables", names(&self.tables));
        members.insert("functions", names(&self.functions));
        members.insert("unbounded_write", self.unbounded_write);
        members.insert("locks", self.locks);
        members.insert("secrets", self.secrets);
        members.insert("into", self.into);
        if let Some(rows) = self.bounded_read {
            members.insert("bounded_read", i64::try_from(rows).unwrap_or(i64::MAX));
        }
    }
}
