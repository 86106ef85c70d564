//! URLs, methods and headers of `curl`.
//!
//! Safe are GET, HEAD and OPTIONS (RFC 9110, section 9.2.1) over HTTP. What a server does on a GET the words
//! do not show.

use super::facts::{CommandEffect, Obstacle};
use super::values::Place;
use super::walk::Draft;

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
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-:[]".contains(&byte);
    let globs = text.contains(['{', '}']) || path.contains(['[', ']']);
    if host.is_empty()
        || host.starts_with('-')
        || !host.bytes().all(plain)
        || globs
        || text.contains(char::is_whitespace)
    {
        return Err(place.refuse("it is not a plain URL"));
    }
    let query = path.split_once('?').map_or("", |(_, query)| query);
    let carries =
        query.split(['&', ';']).any(|pair| is_credential_name(pair.split('=').next().unwrap_or_default()));
    let name = host.split(':').next().unwrap_or_default().trim_end_matches('.');
    if is_odd_address(name, host) {
        return Err(place.refuse("the address is not written in the usual way"));
    }
    let metadata = METADATA.contains(&name) || name.starts_with("169.254.") || host.starts_with("[fd00:ec2");
    if authority.contains('@') || carries || metadata {
        draft.secret();
    }
    let path = path.find(['?', '#']).map_or(path, |at| path.split_at(at).0);
    draft.targets.push(format!("{host}{path}"));
    Ok(())
}

/// `2852039166`, `0xa9.0xfe.1` and `[::ffff:a9fe:a9fe]` are addresses too, and hide which.
fn is_odd_address(name: &str, host: &str) -> bool {
    let numeric = |part: &str| part.starts_with("0x") || part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = name.split('.').collect();
    let last = parts.last().is_some_and(|part| !part.is_empty() && numeric(part));
    let usual = parts.len() == 4
        && parts.iter().all(|part| part.parse::<u8>().is_ok_and(|number| number.to_string() == *part));
    last && !usual || host.contains("::ffff") || host.contains("::a9fe") || host.starts_with("[64:ff9b")
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

/// Judges a header.
pub(super) fn header(text: &str, draft: &mut Draft) -> bool {
    if text.starts_with('@') || text.contains(['\n', '\r']) {
        return false;
    }
    let name = text.split([':', ';']).next().unwrap_or_default().trim().to_ascii_lowercase();
    if name.contains("override") || name == "x-http-method" {
        draft.raise(CommandEffect::Write);
    }
    if name.contains("auth") || name.contains("cookie") || is_credential_name(&name) {
        draft.secret();
    }
    true
}

fn is_credential_name(name: &str) -> bool {
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
    ]
    .iter()
    .any(|word| name.contains(word))
}

/// Hosts that hand a machine its credentials.
const METADATA: &[&str] =
    &["100.100.100.200", "169.254.169.254", "169.254.170.2", "metadata", "metadata.google.internal"];
