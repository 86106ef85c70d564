//! Small readers that the tables of a document share.

use std::time::Duration;

use crate::limits;
use crate::policy::error::Faults;
use crate::policy::node::{Content, Fields, Node, Text};
use crate::risk::Risk;
use crate::span_of_time;
use crate::text::is_unprintable;

/// Reads a list of tables, `[[name]]`.
pub(super) fn rules<T>(
    fields: &mut Fields<'_>,
    faults: &mut Faults<'_>,
    name: &'static str,
    mut read: impl FnMut(&Node, &mut Faults<'_>) -> Option<T>,
) -> Vec<T> {
    let Some(node) = fields.take(name) else { return Vec::new() };
    node.list(faults, "a list of tables").iter().filter_map(|node| read(node, faults)).collect()
}

/// Reads a table whose keys are names of the author's.
pub(super) fn table<T>(
    node: &Node,
    faults: &mut Faults<'_>,
    expected: &str,
    mut read: impl FnMut(&Text, &Node, &mut Faults<'_>) -> Option<T>,
) -> Vec<T> {
    match &node.content {
        Content::Table(entries) => {
            entries.iter().filter_map(|(name, node)| read(name, node, faults)).collect()
        }
        _ => {
            node.unexpected(faults, expected);
            Vec::new()
        }
    }
}

/// Reads an id or a name: 1 to 256 bytes, nothing that a terminal or a log would hide.
pub(crate) fn identifier(node: &Node, faults: &mut Faults<'_>) -> Option<Text> {
    let text = node.text(faults, "an id")?;
    let good = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | ':');
    if text.text.is_empty() || text.text.len() > limits::NAME_BYTES || !text.text.chars().all(good) {
        let limit = limits::NAME_BYTES;
        faults.add(&text.span, format!("expected 1 to {limit} letters, digits, `-`, `_`, `.`, `/` or `:`"));
        return None;
    }
    Some(text)
}

/// Reads what is told to people and recorded with every decision: short, and nothing in it hides.
pub(super) fn prose(fields: &mut Fields<'_>, faults: &mut Faults<'_>, name: &'static str) -> Option<String> {
    let text = fields.text(faults, name)?;
    let limit = limits::BECAUSE_BYTES;
    if text.text.len() > limit || text.text.chars().any(is_unprintable) {
        faults.add(&text.span, format!("expected one line of at most {limit} bytes, nothing in it hidden"));
    }
    Some(text.text)
}

/// Reads one printable line.
pub(crate) fn line(node: &Node, faults: &mut Faults<'_>) -> Option<Text> {
    let text = node.text(faults, "a string")?;
    let limit = limits::BECAUSE_BYTES;
    let good = (1..=limit).contains(&text.text.len()) && !text.text.chars().any(is_unprintable);
    if !good {
        faults.add(&text.span, format!("expected one line of 1 to {limit} bytes, nothing in it hidden"));
    }
    good.then_some(text)
}

pub(super) fn texts(node: Option<&Node>, faults: &mut Faults<'_>) -> Vec<Text> {
    let Some(node) = node else { return Vec::new() };
    node.list(faults, "a list of strings").iter().filter_map(|node| node.text(faults, "a string")).collect()
}

pub(super) fn span(node: &Node, faults: &mut Faults<'_>) -> Option<Duration> {
    let text = node.text(faults, "a duration such as `15m`")?;
    let span = span_of_time::parse(&text.text);
    match span {
        None => faults.add(&text.span, "expected a duration such as `15m`, `1h30m` or `7d`"),
        Some(Duration::ZERO) => faults.add(&text.span, "expected a duration above zero"),
        Some(span) if span > limits::LONGEST_SPAN => {
            faults.add(&text.span, format!("longer than {}", span_of_time::print(limits::LONGEST_SPAN)));
        }
        Some(_) => {}
    }
    span.filter(|span| !span.is_zero() && *span <= limits::LONGEST_SPAN)
}

pub(super) fn count(node: &Node, faults: &mut Faults<'_>) -> Option<u32> {
    let number = match node.content {
        Content::Int(number) => {
            u32::try_from(number).ok().filter(|number| (1..=limits::COUNT).contains(number))
        }
        _ => {
            node.unexpected(faults, "a whole number");
            return None;
        }
    };
    if number.is_none() {
        faults.add(&node.span, format!("expected a count from 1 to {}", limits::COUNT));
    }
    number
}

pub(super) fn level(node: &Node, faults: &mut Faults<'_>) -> Option<Risk> {
    let levels = Risk::ALL.map(|risk| (risk.as_str(), risk));
    choice(node, faults, &levels)
}

pub(super) fn choice<T: Copy>(node: &Node, faults: &mut Faults<'_>, choices: &[(&str, T)]) -> Option<T> {
    let names = || format!("`{}`", choices.iter().map(|(name, _)| *name).collect::<Vec<_>>().join("`, `"));
    let text = match &node.content {
        Content::Text(text) => text,
        _ => {
            node.unexpected(faults, &names());
            return None;
        }
    };
    let found = choices.iter().find(|(name, _)| name == text).map(|(_, choice)| *choice);
    if found.is_none() {
        faults.add(&node.span, format!("expected {}, found `{}`", names(), crate::text::quote(text)));
    }
    found
}
