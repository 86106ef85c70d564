//! Clients of SQL servers: what they send goes to the SQL inspector.
//!
//! The commands that a client carries out itself are read only if they list or describe.

use super::facts::{CommandEffect, Obstacle};
use super::secrets;
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
    if text.contains(['\\', '\n']) || text.to_ascii_lowercase().contains("delimiter") {
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

/// A name of a database, or a connection string, of which the parts are known.
pub(super) fn database(text: &str, place: Place<'_>, draft: &mut Draft) -> bool {
    let lower = text.to_ascii_lowercase();
    let password = super::web::has_password(&lower) || lower.contains("password");
    if password {
        draft.secret();
    }
    let known = |part: &str| {
        let name = part.split_once('=').map_or(part, |(name, _)| name).trim();
        name.is_empty() || PARTS.contains(&name)
    };
    let parts = match lower.split_once("://") {
        Some(("postgres" | "postgresql", rest)) => {
            let query = rest.split_once('?').map_or("", |(_, query)| query);
            !lower.contains('%') && query.split('&').all(known)
        }
        Some(_) => false,
        None if lower.contains('=') => {
            // A quote or a space around `=` would need a reader of its own.
            !lower.contains(['\'', '\\', '%'])
                && lower.split_whitespace().all(|part| part.contains('=') && known(part))
        }
        None => true,
    };
    if parts && place.operand && !password {
        draft.targets.push(text.to_owned());
    }
    parts && !text.starts_with('-')
}

fn statements(dialect: Dialect, text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    let facts = sql::inspect(dialect, text);
    if let Some(obstacle) = facts.obstacle() {
        return Err(Obstacle::Sql { word: place.word, obstacle: obstacle.clone() });
    }
    if draft.unsettled {
        return Err(place.refuse("an earlier statement changes how it is read"));
    }
    let lower = text.to_ascii_lowercase();
    if facts.effect() != Some(SqlEffect::Read) && READING.iter().any(|word| lower.contains(word)) {
        draft.unsettled = true;
        if facts.multi() == Some(true) {
            return Err(place.refuse("a statement changes how the next ones are read"));
        }
    }
    if facts.tables().iter().any(|table| secrets::table(table))
        || SHOWS.iter().any(|words| says(&lower, words))
    {
        draft.secret();
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

/// Says whether all words stand in a text, in whatever distance.
fn says(text: &str, words: &[&str]) -> bool {
    words.iter().all(|word| text.contains(word))
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

/// Parts of a connection string that name neither a file, nor a service, nor how text is read.
const PARTS: &[&str] = &[
    "application_name",
    "channel_binding",
    "connect_timeout",
    "dbname",
    "gssencmode",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "password",
    "port",
    "sslmode",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Settings that change where a string or a statement ends.
const READING: &[&str] = &[
    "backslash_quote",
    "character set",
    "character_set",
    "charset",
    "client_encoding",
    "collation",
    "escape_string_warning",
    "names",
    "sql_mode",
    "standard_conforming_strings",
];

/// Statements that show the hash of a password.
const SHOWS: &[&[&str]] = &[
    &["show", "create", "user"],
    &["show", "grants"],
    &["show", "create", "server"],
    &["primary_conninfo"],
    &["show", "all"],
];
