//! What gives a call another method, path or host than its first line.
//!
//! Frameworks take another method from a header, a parameter or a field of a form, gateways another path or
//! host from headers, and each folds names in its own way: PHP drops leading blanks and makes `_` of a blank
//! and a dot, others read `a[b]`. Names are compared part by part, by their letters and digits alone.

use super::super::Obstacle;
use super::super::json;
use super::url;
use crate::value::Value;

/// Refuses a header that gives another method, path or host; its name is in lower case, with `-` for `_`.
pub(super) fn check_header(name: &str) -> Result<(), Obstacle> {
    if KNOWN_HEADERS.contains(&name) {
        return Ok(());
    }
    if is_override(name) || name.split('-').any(|word| word == "method") {
        return Err(Obstacle::unclear("header", "it gives another method"));
    }
    let routes = |word: &str| ROUTES.iter().any(|route| word.ends_with(route));
    if ["forwarded", "x-forwarded-server"].contains(&name) || name.split('-').any(routes) {
        return Err(Obstacle::unclear("header", "it gives another path or host"));
    }
    Ok(())
}

/// Refuses a parameter that gives another method, or the hash of a stored GraphQL document.
pub(super) fn check_query(parameters: &[(String, String)]) -> Result<(), Obstacle> {
    for (name, value) in parameters {
        if name.chars().any(|letter| letter == '%' || crate::text::is_unprintable(letter)) {
            return Err(Obstacle::unclear("query", "a name that is encoded twice or cannot be seen"));
        }
        if is_override(name) {
            return Err(Obstacle::unclear("query", "a parameter gives another method"));
        }
        if letters(value).contains("persistedquery") {
            return Err(Obstacle::unclear("graphql", "a stored document"));
        }
    }
    Ok(())
}

/// Refuses a body with a field that gives another method: a form's or a JSON object's.
pub(super) fn check_body(content_type: &str, body: &[u8]) -> Result<(), Obstacle> {
    let text = String::from_utf8_lossy(body);
    // `method` itself is a common field, as in JSON-RPC.
    let gives = |name: &str| {
        parts(name).any(|part| {
            METHODS.contains(&letters(part).as_str()) && !part.trim().eq_ignore_ascii_case("method")
        })
    };
    let media = content_type.to_ascii_lowercase();
    let found = if media.contains("urlencoded") {
        match url::parameters(&text) {
            Ok(parameters) => parameters.iter().any(|(name, _)| gives(name)),
            Err(_) => true,
        }
    } else {
        match json::read("body", body) {
            Ok(Value::Map(members)) => members.iter().any(|(name, _)| gives(name)),
            Ok(_) => false,
            // Parts of a form, or what is nearly JSON: names stand in quotes.
            Err(_) => text.split(['"', '\'', ';', '=', '\r', '\n']).any(gives),
        }
    };
    if found { Err(Obstacle::unclear("body", "a field gives another method")) } else { Ok(()) }
}

/// Says whether some server takes a name for one of `known`, which are letters and digits in lower case.
pub(super) fn reads_as(name: &str, known: &[&str]) -> bool {
    parts(name).any(|part| known.contains(&letters(part).as_str()))
}

/// Cuts `a[b]` and `a.b` into their names; a dot and a blank may stand for `_` too.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let separates = |letter: char| !letter.is_ascii_alphanumeric() && !"_-. +\t".contains(letter);
    name.split(separates).flat_map(|part| std::iter::once(part).chain(part.split('.')))
}

fn is_override(name: &str) -> bool {
    reads_as(name, &METHODS)
}

/// The ASCII letters and digits of a name, in lower case.
fn letters(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
}

/// Names by which servers take another method.
const METHODS: [&str; 10] = [
    "httpmethod",
    "httpmethodoverride",
    "method",
    "methodoverride",
    "overridemethod",
    "realmethod",
    "requestmethod",
    "xhttpmethod",
    "xhttpmethodoverride",
    "xmethodoverride",
];

/// Ends of words in the names of headers by which servers and proxies take another path or host:
/// `x-original-url`, `x-forwarded-prefix`, `x-envoy-original-path`, `x-http-host-override`.
const ROUTES: [&str; 7] = ["host", "override", "path", "prefix", "rewrite", "uri", "url"];

/// Headers that sound so and do not: the host is compared with the URL's, a preflight asks about a method.
const KNOWN_HEADERS: [&str; 2] = ["host", "access-control-request-method"];
