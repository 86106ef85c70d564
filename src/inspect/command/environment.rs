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
        let known = HARMLESS.contains(&name.as_str()) || name.starts_with("LC_");
        if CREDENTIALS.contains(&name.as_str()) {
            draft.secret();
        } else if !known || !plain || value.starts_with(['/', '.']) {
            return Err(Obstacle::Environment(name.clone()));
        }
    }
    Ok(())
}

const HARMLESS: &[&str] = &[
    "AWS_DEFAULT_REGION",
    "AWS_PROFILE",
    "AWS_REGION",
    "COLUMNS",
    "LANG",
    "LANGUAGE",
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
