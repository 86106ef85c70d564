//! Names of tables and functions, folded as the server folds them.

use std::collections::BTreeSet;

use sqlparser::ast::{Ident, ObjectName, ObjectNamePart};

use crate::Dialect;

/// Folds one part of a name.
pub(super) fn fold(dialect: Dialect, ident: &Ident) -> String {
    match (dialect, ident.quote_style) {
        (Dialect::PostgreSql, Some(_)) | (Dialect::MySql, _) => ident.value.clone(),
        _ => ident.value.to_ascii_lowercase(),
    }
}

/// Folds a function's name: MySQL's functions ignore case, quoted or not.
pub(super) fn fold_function(dialect: Dialect, ident: &Ident) -> String {
    match dialect {
        Dialect::MySql => ident.value.to_ascii_lowercase(),
        _ => fold(dialect, ident),
    }
}

/// Returns the parts of a name, or nothing if one is computed.
pub(super) fn parts(name: &ObjectName) -> Option<Vec<&Ident>> {
    name.0.iter().map(ObjectNamePart::as_ident).collect()
}

/// Adds a table's name, in both spellings where the server's setting decides between them.
pub(super) fn add_table(dialect: Dialect, tables: &mut BTreeSet<String>, parts: &[String]) {
    let name = parts.iter().map(|part| display(part)).collect::<Vec<_>>().join(".");
    if dialect == Dialect::MySql {
        tables.insert(name.to_lowercase());
    }
    tables.insert(name);
}

fn display(part: &str) -> String {
    let plain = |character: char| character.is_alphanumeric() || matches!(character, '_' | '$');
    if part.chars().all(plain) { part.to_owned() } else { format!("\"{}\"", part.replace('"', "\"\"")) }
}
