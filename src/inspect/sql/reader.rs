//! From text to facts: cut, bound, parse, walk, and check that no call escaped the walk.

use std::collections::BTreeSet;

use sqlparser::ast::{Statement, Visit as _};
use sqlparser::dialect::{MySqlDialect, PostgreSqlDialect, SQLiteDialect};
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::facts::{Known, Obstacle, SqlEffect};
use super::rephrase::rephrase;
use super::walk::Walk;
use super::{bounds, calls, lex};
use crate::{Dialect, limits};

/// Reads `text` in one dialect; in the generic one as all three.
pub(super) fn read(dialect: Dialect, text: &str) -> Result<Known, Obstacle> {
    let (found, limit) = (text.len(), limits::PAYLOAD_BYTES);
    if found > limit {
        return Err(Obstacle::TooLarge { what: "size in bytes", found, limit });
    }
    if dialect != Dialect::Generic {
        return read_one(dialect, text);
    }
    let first = read_one(Dialect::PostgreSql, text)?;
    let second = join(first, read_one(Dialect::MySql, text)?)?;
    join(second, read_one(Dialect::Sqlite, text)?)
}

fn read_one(dialect: Dialect, text: &str) -> Result<Known, Obstacle> {
    let tokens = lex::lex(dialect, text)?;
    bounds::check(&tokens)?;
    let statements = match parse(dialect, tokens.clone()) {
        Some(statements) => statements,
        None => {
            rephrase(dialect, &tokens).and_then(|tokens| parse(dialect, tokens)).ok_or(Obstacle::Syntax)?
        }
    };
    let mut walk = Walk::new(dialect, statements.len() == 1);
    for statement in &statements {
        if let std::ops::ControlFlow::Break(obstacle) = statement.visit(&mut walk) {
            return Err(obstacle);
        }
    }
    let (known, listed) = walk.finish(statements.len());
    if known.effect <= SqlEffect::Write {
        calls::check_tokens(&tokens, &known, &listed)?;
    }
    Ok(known)
}

fn parse(dialect: Dialect, tokens: Vec<Token>) -> Option<Vec<Statement>> {
    let grammar: &dyn sqlparser::dialect::Dialect = match dialect {
        Dialect::MySql => &MySqlDialect {},
        Dialect::Sqlite => &SQLiteDialect {},
        _ => &PostgreSqlDialect {},
    };
    let parser = Parser::new(grammar).with_recursion_limit(limits::SQL_RECURSION);
    parser.with_tokens(tokens).parse_statements().ok()
}

/// Joins two readings of one text: the most that either does.
fn join(first: Known, second: Known) -> Result<Known, Obstacle> {
    if first.statements != second.statements {
        return Err(Obstacle::Text("a text that dialects cut into different statements"));
    }
    let same_bound = first.bounded_read == second.bounded_read;
    Ok(Known {
        effect: first.effect.max(second.effect),
        statements: first.statements,
        kinds: union(first.kinds, second.kinds),
        tables: union(first.tables, second.tables),
        functions: union(first.functions, second.functions),
        unbounded_write: first.unbounded_write || second.unbounded_write,
        bounded_read: first.bounded_read.filter(|_| same_bound),
        locks: first.locks || second.locks,
        into: first.into || second.into,
    })
}

fn union<T: Ord>(first: Vec<T>, second: Vec<T>) -> Vec<T> {
    first.into_iter().chain(second).collect::<BTreeSet<_>>().into_iter().collect()
}
