//! URLs, methods and headers of `curl`.
//!
//! Safe are GET, HEAD and OPTIONS (RFC 9110, section 9.2.1) over HTTP. What a server does on a GET the words
//! do not show.

use super::facts::{CommandEffect, Obstacle};
use super::glob::matches;
use super::secrets::{self, Names};
use super::values::Place;
use super::walk::Draft;
use super::{hosts, paths};

/// Judges a URL.
pub(super) fn url(text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    let lower = text.to_ascii_lowercase();
    let rest = match lower.split_once("://") {
        Some(("http" | "https", rest)) => rest,
        Some(_) => return Err(place.refuse("the scheme is neither http nor https")),
        None => lower.as_str(),
    };
    let (authority, path) = rest.find(['/', '?', '#']).map_or((rest, ""), |at| rest.split_at(at));
    let guessed =
        ["dict.", "ftp.", "imap.", "ldap.", "pop3.", "smtp."].iter().any(|host| authority.starts_with(host));
    if guessed && !lower.contains("://") {
        return Err(place.refuse("the scheme is guessed from the name"));
    }
    let globs = text.contains(['{', '}', '\\']) || path.contains(['[', ']']);
    if globs || text.contains(char::is_whitespace) {
        return Err(place.refuse("it is not a plain URL"));
    }
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let Some(name) = hosts::name(host) else { return Err(place.refuse("it is not a plain URL")) };
    let shows = hosts::hands_out_credentials(name);
    if !shows && hosts::is_odd(name) {
        return Err(place.refuse("the address is not written in the usual way"));
    }
    let (path, query) = path.split_once(['?', '#']).unwrap_or((path, ""));
    let names = || query.split(['&', ';', '?', '#']).map(|pair| pair.split('=').next().unwrap_or_default());
    if authority.contains('@')
        || shows
        || names().any(|name| is_credential_name(&decoded(name)))
        || secrets::page(&page(path))
    {
        draft.secret();
    }
    if names().any(|name| overrides(&decoded(name))) {
        draft.raise(CommandEffect::Write);
    }
    draft.targets.push(format!("{host}{path}"));
    Ok(())
}

/// The names of a page, as a server reads them.
fn page(path: &str) -> Names {
    let mut names: Vec<String> = Vec::new();
    for part in decoded(path).split('/') {
        match part {
            "" | "." => {}
            ".." => drop(names.pop()),
            _ => names.push(part.to_lowercase()),
        }
    }
    Names::new(names, false)
}

/// Resolves `%2e` and the like.
fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let byte = part.get(..2).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (byte, part.get(2..)) {
            (Some(byte), Some(rest)) => {
                bytes.push(byte);
                bytes.extend_from_slice(rest.as_bytes());
            }
            _ => bytes.extend_from_slice(part.as_bytes()),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Says whether a header or a parameter states another method.
fn overrides(name: &str) -> bool {
    let name = name.replace('_', "-").to_ascii_lowercase();
    name.contains("override") || matches!(name.trim_matches('-'), "method" | "x-method" | "x-http-method")
}

/// Says whether a URL of any scheme holds a password.
pub(super) fn has_password(text: &str) -> bool {
    let rest = text.split_once("://").map_or("", |(_, rest)| rest);
    rest.split('/')
        .next()
        .is_some_and(|authority| authority.split_once('@').is_some_and(|(user, _)| user.contains(':')))
}

/// Judges a method.
pub(super) fn method(text: &str, draft: &mut Draft) -> bool {
    match text {
        "GET" | "HEAD" | "OPTIONS" => {}
        "POST" | "PUT" | "PATCH" => draft.raise(CommandEffect::Write),
        "DELETE" => draft.raise(CommandEffect::Destructive),
        _ => return false,
    }
    true
}

/// Judges a header. Servers read `_` as `-`.
pub(super) fn header(text: &str, draft: &mut Draft) -> bool {
    if text.starts_with('@') || text.contains(['\n', '\r']) {
        return false;
    }
    let (name, value) = text.split_once([':', ';']).unwrap_or((text, ""));
    let name = name.trim().to_ascii_lowercase().replace('_', "-");
    if overrides(&name) {
        draft.raise(CommandEffect::Write);
        return true;
    }
    if name.contains("auth") || name.contains("cookie") || is_credential_name(&name) {
        draft.secret();
        return true;
    }
    if name == "host" {
        let host = value.trim().to_ascii_lowercase();
        if hosts::name(&host).is_some_and(hosts::hands_out_credentials) {
            draft.secret();
        }
        draft.targets.push(host);
    }
    HEADERS.iter().any(|known| matches(known, &name))
}

/// Judges what is sent: `@FILE` and `<FILE` stand for a file's content.
pub(super) fn data(text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    for (at, _) in text.match_indices(['@', '<']).take(FILES) {
        let name = text.get(..at).unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.[]".contains(&byte);
        if !name.strip_suffix('=').unwrap_or(name).bytes().all(plain) {
            continue;
        }
        let path = text.get(at..).unwrap_or_default().trim_start_matches(['@', '<']);
        let path = path.split([';', ',']).next().unwrap_or_default();
        if !path.is_empty() && !path.contains("://") && !path.contains('\n') {
            paths::judge(path, place, draft)?;
        }
    }
    Ok(())
}

pub(super) fn is_credential_name(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    [
        "token",
        "secret",
        "password",
        "passwd",
        "api-key",
        "api_key",
        "apikey",
        "access_key",
        "signature",
        "credential",
        "api key",
        "private-key",
        "session",
        "impersonate",
        "metadata",
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Headers that say what is wanted and from where, and neither who asks nor which page.
const HEADERS: &[&str] = &[
    "accept",
    "accept-*",
    "cache-control",
    "connection",
    "content-type",
    "date",
    "dnt",
    "host",
    "if-*",
    "origin",
    "pragma",
    "range",
    "referer",
    "te",
    "traceparent",
    "tracestate",
    "upgrade-insecure-requests",
    "user-agent",
    "x-b3-*",
    "x-correlation-id",
    "x-forwarded-proto",
    "x-request-id",
    "x-requested-with",
    "x-trace-id",
    "*-version",
];

/// Files in one word; the words of more are not judged.
const FILES: usize = 16;
