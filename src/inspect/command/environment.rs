//! Environment variables that a command is declared to run with.
//!
//! Nearly every variable can change what runs (`LD_PRELOAD`, `PAGER`, `GIT_SSH_COMMAND`, `KUBECONFIG`), so
//! only a few are known.

use super::facts::Obstacle;
use super::walk::Draft;

/// Judges the variables.
pub(super) fn judge(variables: &[(String, String)], draft: &mut Draft) -> Result<(), Obstacle> {
    for (name, value) in variables {
        let plain = value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.@:+-,/".contains(&byte));
        let locale = name.starts_with("LC_") || name.starts_with("LANG");
        let known = if locale { is_locale(value) } else { HARMLESS.contains(&name.as_str()) };
        if CREDENTIALS.contains(&name.as_str()) {
            draft.secret();
        } else if !known || !plain || value.starts_with(['/', '.', ':']) {
            return Err(Obstacle::Environment(name.clone()));
        }
    }
    Ok(())
}

/// A locale with a slash is a path, and one with another set of letters may hide where a string ends.
fn is_locale(value: &str) -> bool {
    let lower = value.to_ascii_lowercase();
    matches!(value, "" | "C" | "POSIX")
        || (lower.ends_with(".utf-8") || lower.ends_with(".utf8")) && !lower.contains(['/', ':'])
}

const HARMLESS: &[&str] = &[
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
    "COLUMNS",
    "LINES",
    "NO_COLOR",
    "PGAPPNAME",
    "PGCONNECT_TIMEOUT",
    "PGDATABASE",
    "PGHOST",
    "PGPORT",
    "PGUSER",
    "TZ",
];

const CREDENTIALS: &[&str] = &[
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "MYSQL_PWD",
    "PGPASSWORD",
    "REDISCLI_AUTH",
];
