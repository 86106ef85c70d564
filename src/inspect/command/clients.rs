//! Clients of SQL servers: what they send goes to the SQL inspector.
//!
//! The commands that a client carries out itself are read only if they list or describe.

use super::facts::{CommandEffect, Obstacle};
use super::values::Place;
use super::walk::Draft;
use crate::Dialect;
use crate::inspect::sql::{self, SqlEffect};

/// Judges the word behind `psql -c`: SQL, or one meta-command.
pub(super) fn postgresql(text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    match text.strip_prefix('\\') {
        Some(meta) if describes(meta) => Ok(()),
        Some(_) => Err(place.refuse("the meta-command is not known to be harmless")),
        None => statements(Dialect::PostgreSql, text, place, draft),
    }
}

/// Judges the word behind `mysql -e`. The client knows commands of its own at the start of each line and
/// behind a backslash.
pub(super) fn mysql(text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    let text = text.strip_suffix("\\G").unwrap_or(text);
    if text.contains(['\\', '\n']) {
        return Err(place.refuse("the client may read a command of its own"));
    }
    statements(Dialect::MySql, text, place, draft)
}

/// Judges a word behind the file of `sqlite3`: SQL, or one dot-command.
pub(super) fn sqlite(text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    let Some(command) = text.strip_prefix('.') else {
        return statements(Dialect::Sqlite, text, place, draft);
    };
    let (name, rest) = command.split_once(' ').unwrap_or((command, ""));
    if ["databases", "dump", "fullschema", "indexes", "schema", "tables"].contains(&name) && is_pattern(rest)
    {
        return Ok(());
    }
    if name == "headers" && matches!(rest, "on" | "off")
        || name == "mode" && ["column", "csv", "json", "line", "list", "table"].contains(&rest)
    {
        return Ok(());
    }
    Err(place.refuse("the dot-command is not known to be harmless"))
}

/// A name of a database; a connection string may carry a password or name files.
pub(super) fn database(text: &str, place: Place<'_>, draft: &mut Draft) -> bool {
    let lower = text.to_ascii_lowercase();
    if super::web::has_password(&lower) || lower.contains("password") {
        draft.secret();
        return true;
    }
    let connects = lower.contains("://") || lower.contains('=');
    let risky = ["service", "sslkey", "sslcert", "passfile", "sslrootcert", "options", "%"];
    if connects && risky.iter().any(|word| lower.contains(word)) {
        return false;
    }
    if place.operand {
        draft.targets.push(text.to_owned());
    }
    true
}

fn statements(dialect: Dialect, text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    let facts = sql::inspect(dialect, text);
    if let Some(obstacle) = facts.obstacle() {
        return Err(Obstacle::Sql { word: place.word, obstacle: obstacle.clone() });
    }
    let drops = || facts.kinds().iter().any(|kind| kind.starts_with("drop") || *kind == "truncate");
    let effect = match facts.effect() {
        Some(SqlEffect::Read) => CommandEffect::Read,
        Some(SqlEffect::Session | SqlEffect::Write | SqlEffect::Ddl) => {
            let loses = facts.unbounded_write() == Some(true) || drops();
            if loses { CommandEffect::Destructive } else { CommandEffect::Write }
        }
        Some(SqlEffect::Privilege | SqlEffect::Admin) | None => CommandEffect::Privilege,
    };
    draft.raise(effect);
    draft.targets.extend(facts.tables().iter().cloned());
    Ok(())
}

/// Says whether a meta-command of `psql` lists or describes. In its arguments a backquote runs a program and
/// a backslash begins another command.
fn describes(meta: &str) -> bool {
    let (name, rest) = meta.split_once(' ').unwrap_or((meta, ""));
    let bare = name.trim_end_matches(['+', 'S']);
    let known = [
        "conninfo", "d", "dA", "dC", "dD", "dF", "dL", "dO", "dP", "dT", "da", "db", "dc", "dconfig", "dd",
        "ddp", "det", "dew", "df", "dg", "di", "dl", "dm", "dn", "do", "dp", "drds", "ds", "dt", "du", "dv",
        "dx", "dy", "l", "sf", "sv", "z",
    ];
    known.contains(&bare) && is_pattern(rest)
}

fn is_pattern(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b" _.*?\"$%".contains(&byte))
}
