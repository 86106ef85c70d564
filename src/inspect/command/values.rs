//! What may stand as a flag's value or as an operand.
//!
//! Each kind that a table names is an allow-list of its own: it admits a text, says what the text adds to
//! the command's effect, and refuses the rest.

use super::facts::{CommandEffect, Obstacle};
use super::walk::{Draft, is_number};
use super::{clients, paths, scripts, web};

/// Where a text stands.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) word: usize,
    pub(super) operand: bool,
    /// The program reads no flags here, so a dash means nothing to us and much to others.
    pub(super) stop: bool,
    pub(super) directory: Option<&'a str>,
}

impl Place<'_> {
    /// Refuses the text.
    pub(super) fn refuse(&self, problem: &'static str) -> Obstacle {
        Obstacle::Word { word: self.word, problem }
    }
}

/// Judges a text of a kind.
pub(super) fn judge(kind: &str, text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    if place.operand && place.stop && text.starts_with('-') && kind != "WORD" {
        return Err(place.refuse("an operand looks like a flag"));
    }
    let known = match kind {
        "TEXT" | "WORD" => true,
        "NUMBER" => is_number(text.strip_prefix(['-', '+']).unwrap_or(text)),
        "NAME" => !text.starts_with('-') && named(text, place, draft),
        "HOST" => is_host(text) && named(text, place, draft),
        "DNS" => is_dns(text) && named(text, place, draft),
        "PATH" => named(text, place, draft),
        // A colon would name another host, reached by a remote shell.
        "ARCHIVE" if text.contains(':') => false,
        "FILE" | "ARCHIVE" => {
            paths::judge(text, place, draft)?;
            named(text, place, draft)
        }
        "OUTPUT" => is_output(text, draft),
        "RESOURCE" => resource(text, place, draft),
        "REMOTE" => is_remote(text, draft),
        "URL" => return web::url(text, place, draft),
        "METHOD" => web::method(text, draft),
        "HEADER" => web::header(text, draft),
        "PRINT" => !text.contains("-file"),
        "WRITEOUT" => !text.starts_with('@') && !text.contains("%output"),
        "POSTGRESQL" => return clients::postgresql(text, place, draft),
        "MYSQL" => return clients::mysql(text, place, draft),
        "SQLITE" => return clients::sqlite(text, place, draft),
        "DATABASE" => clients::database(text, place, draft),
        "REDISURL" => redis_url(text, draft),
        "PASSWORD" => {
            draft.secret();
            true
        }
        "SED" => scripts::sed(text),
        "AWK" => scripts::awk(text),
        "JQ" => scripts::jq(text),
        "GDB" => scripts::gdb(text),
        "STRACE" => scripts::strace(text),
        "BSD" => is_bsd(text),
        "BSDFORMAT" => text.strip_suffix('o').is_some_and(|rest| rest.is_empty() || is_bsd(rest)),
        "BSDSECRET" => text.contains('e') && text.split('e').all(|part| part.is_empty() || is_bsd(part)),
        "FORMAT" => text.starts_with('+'),
        "SYSCTL" => !text.contains('=') && named(text, place, draft),
        "ASSIGNMENT" => text.contains('=') && named(text, place, draft),
        "PERMISSION" => {
            !text.is_empty()
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-/,+=".contains(&byte))
        }
        _ => kind.strip_prefix('=').is_some_and(|set| set.split('|').any(|word| word == text)),
    };
    if known { Ok(()) } else { Err(place.refuse("it is not known to be harmless")) }
}

/// Notes what an operand names.
fn named(text: &str, place: Place<'_>, draft: &mut Draft) -> bool {
    if place.operand {
        draft.targets.push(text.to_owned());
    }
    true
}

/// `-` and `/dev/null` keep nothing; a pipe or an escape runs a program in several tools.
fn is_output(text: &str, draft: &mut Draft) -> bool {
    if matches!(text, "-" | "/dev/null" | "/dev/stdout" | "/dev/stderr") {
        return true;
    }
    draft.raise(CommandEffect::Write);
    !text.starts_with(['|', '!', '%'])
}

/// A resource of Kubernetes: `pods`, `pods,svc`, `deploy/web`, `secrets.v1.`; the first operand is a type.
fn resource(text: &str, place: Place<'_>, draft: &mut Draft) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./,:=+@".contains(&byte);
    if text.is_empty() || text.starts_with('-') || !text.bytes().all(known) {
        return false;
    }
    let first = !draft.typed;
    draft.typed = true;
    for part in text.split(',') {
        let kind = part.split_once('/').map_or(part, |(kind, _)| kind).to_ascii_lowercase();
        if kind.starts_with("secret") && (first || part.contains('/')) {
            draft.secret();
        }
        named(part, place, draft);
    }
    true
}

fn is_host(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:%[]".contains(&byte))
}

fn is_dns(text: &str) -> bool {
    !text.is_empty()
        && !text.starts_with('-')
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-:%@+=/".contains(&byte))
}

/// A repository, branch or path of git; `ext::` and other helpers run programs.
fn is_remote(text: &str, draft: &mut Draft) -> bool {
    if web::has_password(text) {
        draft.secret();
    }
    !text.starts_with('-') && !text.contains("::") && !text.contains("//-")
}

fn redis_url(text: &str, draft: &mut Draft) -> bool {
    if text.contains('@') {
        draft.secret();
    }
    text.starts_with("redis://") || text.starts_with("rediss://")
}

/// Options of `ps` in the BSD manner, without `e`, which shows the environment, and those with a value.
fn is_bsd(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| "aAxuwfjlvTrmhHcSgLXs".contains(letter))
}
