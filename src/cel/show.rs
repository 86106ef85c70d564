//! Conditions and values in words, for explanations.
//!
//! Text from outside is escaped and cut. What looks like a secret is not shown: an explanation is read by
//! more people than the request.

use std::fmt::Write;

use chrono::{SecondsFormat, TimeDelta};

use super::environment::Environment;
use super::input::{Given, Input};
use super::node::{How, Node, TextTest};
use super::val::{Items, Val};
use crate::text::{is_unprintable, quote};

/// Writes a condition as a policy would, if it is made of the usual tests.
pub(super) fn condition(whole: &Node, environment: &Environment) -> Option<String> {
    match whole {
        Node::Or(parts) => {
            let parts = parts.iter().map(|part| node(part, environment)).collect::<Option<Vec<_>>>()?;
            Some(parts.join(" || ")).filter(|text| text.len() <= SOURCE)
        }
        other => node(other, environment),
    }
}

/// The same for a part of one.
pub(super) fn node(node: &Node, environment: &Environment) -> Option<String> {
    let inner = |part: &Node| self::node(part, environment);
    let list = |texts: Vec<String>| format!("[{}]", texts.join(", "));
    let text = match node {
        Node::Const(value) => val(value),
        Node::Slot(slot, _) => environment.path(*slot)?.to_owned(),
        Node::Present(slot, _) => format!("has({})", environment.path(*slot)?),
        Node::Not(part, _) => match part.as_ref() {
            Node::Slot(..) | Node::Present(..) => format!("!{}", inner(part)?),
            _ => format!("!({})", inner(part)?),
        },
        Node::And(parts) => parts.iter().map(inner).collect::<Option<Vec<_>>>()?.join(" && "),
        Node::Or(parts) => format!("({})", parts.iter().map(inner).collect::<Option<Vec<_>>>()?.join(" || ")),
        Node::Text(text) => {
            let operand = inner(&text.operand)?;
            match &text.test {
                TextTest::Equal(literal) => format!("{operand} == {}", word(literal)),
                TextTest::NotEqual(literal) => format!("{operand} != {}", word(literal)),
                TextTest::In(set) => {
                    format!("{operand} in {}", list(set.iter().take(ELEMENTS).map(word).collect()))
                }
                TextTest::StartsWith(literal) => format!("{operand}.startsWith({})", word(literal)),
                TextTest::EndsWith(literal) => format!("{operand}.endsWith({})", word(literal)),
                TextTest::Contains(literal) => format!("{operand}.contains({})", word(literal)),
                TextTest::Matches(pattern) => format!("{operand}.matches({})", word(pattern.as_str())),
            }
        }
        Node::Scalar(scalar) => {
            format!("{} {} {}", inner(&scalar.operand)?, scalar.op.symbol(), val(&scalar.literal))
        }
        Node::Member(member) => format!("{} in {}", word(&member.item), inner(&member.list)?),
        Node::Binary(binary) => {
            format!("{} {} {}", inner(&binary.left)?, binary.op.symbol(), inner(&binary.right)?)
        }
        Node::Select(select) if select.how == How::Get => {
            format!("{}.{}", inner(&select.operand)?, select.field)
        }
        Node::Select(select) if select.how == How::Has => {
            format!("has({}.{})", inner(&select.operand)?, select.field)
        }
        _ => return None,
    };
    Some(text).filter(|text| text.len() <= SOURCE)
}

/// Writes what an attribute holds.
pub(super) fn input(input: &Input<'_>, path: &str) -> String {
    match input {
        Input::Absent => "absent".to_owned(),
        Input::Unknown => "unknown".to_owned(),
        Input::Value(Given(Val::Bool(flag))) => flag.to_string(),
        Input::Value(_) if names_a_secret(path) => "withheld".to_owned(),
        Input::Value(Given(value)) => val(value),
    }
}

/// Writes a value on one short line.
pub(super) fn val(value: &Val<'_>) -> String {
    if let Some(text) = value.as_str() {
        return word(text);
    }
    if let Some(bytes) = value.as_bytes() {
        return format!("{} bytes", bytes.len());
    }
    if let Some(items) = value.items() {
        return listed(items);
    }
    match value {
        Val::Bool(value) => value.to_string(),
        Val::Int(value) => value.to_string(),
        Val::Uint(value) => value.to_string(),
        Val::Double(value) => value.to_string(),
        Val::Risk(value) => value.as_str().to_uppercase(),
        Val::Timestamp(value) => value.to_rfc3339_opts(SecondsFormat::AutoSi, true),
        Val::Duration(nanoseconds) => duration(TimeDelta::nanoseconds(*nanoseconds)),
        Val::Optional(Some(inner)) => val(inner),
        Val::Optional(None) => "none".to_owned(),
        Val::Ip(address) => address.to_string(),
        Val::Cidr(cidr) => cidr.to_string(),
        Val::Type(name) => name.0.to_owned(),
        Val::Null => "null".to_owned(),
        map => match map.count() {
            Some(1) => "a map of 1 entry".to_owned(),
            Some(count) => format!("a map of {count} entries"),
            None => "a value".to_owned(),
        },
    }
}

/// Cuts a part of a condition to one line; its white space is made plain.
pub(super) fn cut(source: &str) -> String {
    let mut text = String::new();
    for word in source.split_whitespace() {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(word);
    }
    let mut shown: String = text.chars().take(SOURCE).filter(|letter| !is_unprintable(*letter)).collect();
    if text.chars().nth(SOURCE).is_some() {
        shown.push('…');
    }
    shown
}

fn word(text: &str) -> String {
    if holds_a_secret(text) {
        return format!("{} characters withheld", text.chars().count());
    }
    format!("\"{}\"", quote(text).replace("\\'", "'"))
}

fn listed(items: Items<'_, '_>) -> String {
    let count = items.len();
    let mut text = String::from("[");
    for (index, item) in items.iter().take(ELEMENTS).enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        text.push_str(&val(&item));
    }
    if count > ELEMENTS {
        let _ = write!(text, ", … {count} in all");
    }
    text.push(']');
    text
}

fn duration(span: TimeDelta) -> String {
    match span.to_std() {
        Ok(span) if span.subsec_nanos() == 0 => crate::span_of_time::print(span),
        _ => format!("{}ms", span.num_milliseconds()),
    }
}

fn names_a_secret(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    SECRET_NAMES.iter().any(|name| path.contains(name))
}

fn holds_a_secret(text: &str) -> bool {
    let mut words = text.split([' ', '\t', '\n', '"', '\'', '=', ',', ';']).filter(|word| !word.is_empty());
    let begins = |word: &str| SECRET_BEGINNINGS.iter().any(|beginning| word.starts_with(beginning));
    let lower = text.to_ascii_lowercase();
    let assigned = |name: &str| {
        let rest = lower.split_once(name).map(|(_, rest)| rest.trim_start_matches(['"', '\'', ' ']));
        rest.is_some_and(|rest| rest.starts_with(['=', ':']))
    };
    let authority = lower.split_once("://").and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    let user = authority.and_then(|authority| authority.rsplit_once('@')).map(|(user, _)| user);
    words.any(begins)
        || SECRET_NAMES.iter().any(|name| assigned(name))
        || user.is_some_and(|user| user.contains(':'))
}

/// Elements of a list that are shown.
const ELEMENTS: usize = 6;

/// Characters of a condition's part that are shown.
const SOURCE: usize = 160;

/// Words in the name of an attribute or parameter whose value nobody should read over a shoulder.
const SECRET_NAMES: [&str; 8] =
    ["password", "passwd", "secret", "token", "credential", "api_key", "apikey", "private_key"];

/// How well-known secrets begin (PEM, JWT, keys of clouds, forges and chats, HTTP authentication).
const SECRET_BEGINNINGS: [&str; 7] = ["-----BEGIN", "eyJ", "AKIA", "ghp_", "github_pat_", "xoxb-", "Bearer"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_withheld_and_ordinary_text_is_not() {
        let secrets = [
            "--password=hunter2",
            "{\"api_key\": \"x\"}",
            "Authorization: Bearer abc",
            "postgres://ana:pw@db/orders",
            "eyJhbGciOiJub25lIn0.e30.",
            "-----BEGIN PRIVATE KEY-----",
        ];
        for secret in secrets {
            assert_eq!(word(secret), format!("{} characters withheld", secret.len()));
        }
        for plain in
            ["orders", "vault.tokens", "the basic plan", "https://a.example/x:y@z", "reset a password"]
        {
            assert_eq!(word(plain), format!("\"{plain}\""));
        }
        assert_eq!(input(&Input::from("x"), "subject.api_token"), "withheld");
    }

    #[test]
    fn outside_text_is_escaped_and_cut() {
        assert_eq!(word("a\n\u{202e}\"b"), "\"a\\n\\u{202e}\\\"b\"");
        assert_eq!(word(&"x".repeat(70)).chars().count(), 67);
        assert_eq!(cut("a\n   && b"), "a && b");
    }
}
