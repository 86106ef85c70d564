//! Names of tables and functions, folded as the server folds them.

use std::collections::BTreeSet;

use super::tokens::{Kind, Tokens};
use crate::Dialect;

/// A name with its qualifiers: the tokens from `start` to `end`, every second one a full stop.
#[derive(Debug, Clone, Copy)]
pub(super) struct Path {
    pub(super) start: usize,
    pub(super) end: usize,
}

impl Path {
    pub(super) fn is_single(self) -> bool {
        self.start == self.end
    }

    pub(super) fn last(self) -> usize {
        self.end
    }

    pub(super) fn parts(self) -> impl Iterator<Item = usize> {
        (self.start..=self.end).step_by(2)
    }
}

/// Folds one part of a name.
pub(super) fn fold(dialect: Dialect, tokens: &Tokens<'_>, part: usize) -> String {
    let exact = match dialect {
        Dialect::PostgreSql => tokens.kind(part) != Kind::Word,
        Dialect::MySql => true,
        _ => false,
    };
    if exact { tokens.text(part).to_owned() } else { tokens.lower(part).to_owned() }
}

/// Folds a function's name: MySQL's functions ignore case, quoted or not.
pub(super) fn fold_function(dialect: Dialect, tokens: &Tokens<'_>, part: usize) -> String {
    match dialect {
        Dialect::MySql => tokens.lower(part).to_owned(),
        _ => fold(dialect, tokens, part),
    }
}

/// Adds a table's name, in both spellings where the server's setting decides between them.
pub(super) fn add_table(dialect: Dialect, tokens: &Tokens<'_>, path: Path, tables: &mut BTreeSet<String>) {
    let name = display(dialect, tokens, path);
    if dialect == Dialect::MySql {
        tables.insert(name.to_lowercase());
    }
    tables.insert(name);
}

/// Joins the parts. One that holds anything but letters, digits, `_` and `$` keeps quotes, so that no two
/// names look alike.
pub(super) fn display(dialect: Dialect, tokens: &Tokens<'_>, path: Path) -> String {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    let part = |part| {
        let name = fold(dialect, tokens, part);
        if name.chars().all(plain) { name } else { format!("\"{name}\"") }
    };
    path.parts().map(part).collect::<Vec<_>>().join(".")
}
