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
        // A line break would begin a header or a statement of its own.
        "LINE" => !text.contains('\n'),
        "SETTING" => {
            note_credential(text, draft);
            true
        }
        "NUMBER" => is_number(text.strip_prefix(['-', '+']).unwrap_or(text)),
        "NAME" => !text.starts_with('-') && named(text, place, draft),
        "HOST" => is_host(text) && named(text, place, draft),
        "DNS" => is_dns(text) && named(text, place, draft),
        "PATH" => named(text, place, draft),
        // Programs of binutils take `@FILE` for a file of flags.
        "OBJECT" if text.starts_with('@') => false,
        // `sqlite3` takes `file:` for a URI with parameters.
        "DATABASEFILE" if text.starts_with("file:") || text.contains('?') => false,
        "TREE" => {
            let deep = std::mem::replace(&mut draft.deep, true);
            let judged = paths::judge(text, place, draft);
            draft.deep = deep;
            judged?;
            named(text, place, draft)
        }
        // A colon would name another host, reached by a remote shell.
        "ARCHIVE" if text.contains(':') => false,
        "FILE" | "ARCHIVE" | "OBJECT" | "DATABASEFILE" => {
            paths::judge(text, place, draft)?;
            named(text, place, draft)
        }
        "OUTPUT" => is_output(text, draft),
        "RESOURCE" => resource(text, place, draft),
        "REMOTE" => is_remote(text, draft),
        "URL" => return web::url(text, place, draft),
        "METHOD" => web::method(text, draft),
        "HEADER" => web::header(text, draft),
        "LINES" => {
            // `1,20:FILE` of git.
            let file = text.split_once(':').map_or("-", |(_, file)| file);
            paths::judge(file, place, draft)?;
            true
        }
        "CHART" => is_chart(text) && named(text, place, draft),
        "DATA" => return web::data(text, place, draft),
        "DD" => {
            if let Some(file) = text.strip_prefix("if=") {
                paths::judge(file, place, draft)?;
            }
            named(text, place, draft)
        }
        "GITFORMAT" => !text.contains("%G") && !text.contains("signature"),
        "GITKEY" => git_key(text, place, draft),
        "SCHEMA" => schema(text, place, draft),
        "PROPERTY" => {
            if text.to_ascii_lowercase().contains("environment") {
                draft.secret();
            }
            true
        }
        "PRINT" => is_print(text),
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
        "BSDSECRET" => shows_environment(text),
        // A cluster that is wrong in the one manner is read in the other: `-auxe` as `auxe`.
        "PSLIST" => !shows_environment(text),
        "PSFORMAT" => !text.to_ascii_lowercase().contains("env"),
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
        if first || part.contains('/') {
            if kind.starts_with("secret") {
                draft.secret();
            } else if draft.effect > CommandEffect::Read && RIGHTS.iter().any(|start| kind.starts_with(start))
            {
                draft.raise(CommandEffect::Privilege);
            }
        }
        note_credential(part, draft);
        named(part, place, draft);
    }
    true
}

/// Notes a credential in `name=value`.
fn note_credential(text: &str, draft: &mut Draft) {
    if text.split_once('=').is_some_and(|(name, _)| web::is_credential_name(name)) {
        draft.secret();
    }
}

/// How kubectl prints; `…-file=` reads a file.
fn is_print(text: &str) -> bool {
    let (name, template) = text.split_once('=').map_or((text, false), |(name, _)| (name, true));
    if template {
        matches!(name, "go-template" | "template" | "jsonpath" | "jsonpath-as-json" | "custom-columns")
    } else {
        matches!(name, "json" | "yaml" | "kyaml" | "name" | "wide" | "go-template" | "jsonpath")
    }
}

/// A chart by its name in a repository or by a path; a URL is fetched, and its scheme may run a plugin.
fn is_chart(text: &str) -> bool {
    !text.is_empty() && !text.starts_with(['-', '@']) && !text.contains(':')
}

/// A setting of git: a section and a name. Without a dot it is a subcommand or wrong.
fn git_key(text: &str, place: Place<'_>, draft: &mut Draft) -> bool {
    let lower = text.to_ascii_lowercase();
    let says =
        ["extraheader", "credential", "password", "pass", "token", "secret", "cookie", "proxy", "url", "key"];
    if says.iter().any(|word| lower.contains(word)) {
        draft.secret();
    }
    !text.starts_with('-') && text.contains('.') && named(text, place, draft)
}

fn schema(text: &str, place: Place<'_>, draft: &mut Draft) -> bool {
    if super::secrets::table(text) {
        draft.secret();
    }
    !text.starts_with('-') && named(text, place, draft)
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
    if web::has_password(text) || text.starts_with("http") && text.contains('@') {
        draft.secret();
    }
    let option = ["//-", "@-", ":-"].iter().any(|start| text.contains(start));
    !text.starts_with('-') && !text.contains("::") && !option
}

fn redis_url(text: &str, draft: &mut Draft) -> bool {
    if text.contains('@') {
        draft.secret();
    }
    text.starts_with("redis://") || text.starts_with("rediss://")
}

/// Options of `ps` in the BSD manner, without `e`, which shows the environment, and those with a value.
fn is_bsd(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|letter| BSD.contains(letter))
}

/// Says whether `ps` would take a word for options of which one is `e`.
fn shows_environment(text: &str) -> bool {
    let options = text.split(|letter| !BSD.contains(letter) && letter != 'e').next().unwrap_or_default();
    let rest = text.strip_prefix(options).unwrap_or_default();
    options.contains('e') && (rest.is_empty() || rest.starts_with(['o', 'O', 'k', 'p', 'q', 't', 'U', 'N']))
}

const BSD: &str = "aAxuwfjlvTrmhHcSgLXs";

/// Types of Kubernetes that say who may do what; to change one is to change that.
const RIGHTS: &[&str] = &[
    "role",
    "clusterrole",
    "serviceaccount",
    "sa",
    "certificatesigningrequest",
    "csr",
    "mutatingwebhook",
    "validatingwebhook",
    "validatingadmission",
    "mutatingadmission",
    "apiservice",
];
