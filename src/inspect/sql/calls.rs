//! Functions: which are known to only compute, and which are known to do more.
//!
//! One table per dialect, sorted, one name a line: a name alone only computes or reads, a name with an
//! effect has it. A name that is not in the table is not understood. The second half is a check that does
//! not trust the parser: every word before a bracket must be one that the walk has explained.

use std::collections::BTreeSet;

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::Token;

use super::facts::{Known, Obstacle, SqlEffect};
use crate::Dialect;

const POSTGRESQL: &str = include_str!("functions/postgresql.txt");
const MYSQL: &str = include_str!("functions/mysql.txt");
const SQLITE: &str = include_str!("functions/sqlite.txt");

/// Words that may stand before a bracket without being called, sorted.
const STRUCTURAL: &str = include_str!("functions/structural.txt");

/// What is known of a function.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Pure,
    /// A word of the grammar that only computes; in quotes it would be somebody's function.
    Grammar,
    Effect(SqlEffect),
    Unknown,
}

/// Looks a folded name up.
pub(super) fn class(dialect: Dialect, name: &str) -> Class {
    let table = match dialect {
        Dialect::MySql => MYSQL,
        Dialect::Sqlite => SQLITE,
        _ => POSTGRESQL,
    };
    match find(table, name) {
        None => Class::Unknown,
        Some("") => Class::Pure,
        Some("grammar") => Class::Grammar,
        Some("session") => Class::Effect(SqlEffect::Session),
        Some("write") => Class::Effect(SqlEffect::Write),
        Some("privilege") => Class::Effect(SqlEffect::Privilege),
        Some(_) => Class::Effect(SqlEffect::Admin),
    }
}

/// Checks the tokens against what the walk has found, without trusting the parser.
///
/// Every word before a bracket must be explained: a call that the walk has judged, a word of the grammar, or
/// a name in `listed`, which the walk has seen to list columns. A query that reads holds no word that makes
/// another statement of it.
pub(super) fn check_tokens(
    tokens: &[Token],
    known: &Known,
    listed: &BTreeSet<String>,
) -> Result<(), Obstacle> {
    let query = known.effect == SqlEffect::Read
        && known.kinds.iter().all(|kind| matches!(*kind, "select" | "values"));
    let mut previous = &Token::EOF;
    let next = tokens.iter().skip(1).chain([&Token::EOF]);
    for (token, next) in tokens.iter().zip(next) {
        let before = std::mem::replace(&mut previous, token);
        let Token::Word(word) = token else { continue };
        let plain = word.quote_style.is_none();
        if *next == Token::LParen {
            let name = word.value.to_ascii_lowercase();
            let called = known.functions.contains(&name);
            let grammar = plain && find(STRUCTURAL, &name).is_some();
            if !called && !grammar && !listed.contains(&name) {
                return Err(Obstacle::Name(word.value.clone()));
            }
        } else if query && plain && *before != Token::Period && is_foreign(word.keyword) {
            return Err(Obstacle::Construct("a word of another kind of statement"));
        }
    }
    Ok(())
}

/// Words that a query which only reads has no use for.
fn is_foreign(keyword: Keyword) -> bool {
    matches!(
        keyword,
        Keyword::CALL
            | Keyword::DELETE
            | Keyword::EXECUTE
            | Keyword::INSERT
            | Keyword::INTO
            | Keyword::MERGE
            | Keyword::SHARE
            | Keyword::TRUNCATE
            | Keyword::UPDATE
    )
}

/// Finds the line of `table` that starts with `name` and returns what follows the name.
fn find<'a>(table: &'a str, name: &str) -> Option<&'a str> {
    let mut rest = table;
    while !rest.is_empty() {
        let middle = rest.len() / 2;
        let start = rest.get(..middle)?.rfind('\n').map_or(0, |index| index.saturating_add(1));
        let line = rest.get(start..)?.lines().next()?;
        let (key, effect) = line.split_once(' ').unwrap_or((line, ""));
        match name.cmp(key) {
            std::cmp::Ordering::Equal => return Some(effect),
            std::cmp::Ordering::Less => rest = rest.get(..start)?,
            std::cmp::Ordering::Greater => {
                rest = rest.get(start.saturating_add(line.len()).saturating_add(1)..)?
            }
        }
    }
    None
}
