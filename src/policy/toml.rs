//! TOML documents as trees with places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::{Faults, Span};
use super::node::{Content, Node, Text};

/// Parses a document that starts at some byte of all documents. Every fault of its syntax is reported; what could be read is returned all the same.
pub(super) fn parse(text: &str, start: usize, faults: &mut Faults<'_>) -> Node {
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        faults.add(&shift(span, start), error.message().replace('\n', ", "));
    }
    let span = shift(table.span(), start);
    Node { span, content: Content::Table(entries(table.get_ref(), start, faults)) }
}

fn shift(span: Span, start: usize) -> Span {
    span.start.saturating_add(start)..span.end.saturating_add(start)
}

fn entries(table: &DeTable<'_>, start: usize, faults: &mut Faults<'_>) -> Vec<(Text, Node)> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        let name = Text { text: key.get_ref().clone().into_owned(), span: shift(key.span(), start) };
        (name, node(value, start, faults))
    };
    table.iter().map(entry).collect()
}

fn node(value: &Spanned<DeValue<'_>>, start: usize, faults: &mut Faults<'_>) -> Node {
    let span = shift(value.span(), start);
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Text(text.clone().into_owned()),
        DeValue::Boolean(flag) => Content::Bool(*flag),
        DeValue::Datetime(time) => Content::Text(time.to_string()),
        DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => Content::Int(number),
            Err(_) => {
                faults.add(&span, "integer does not fit 64 bits");
                Content::Int(0)
            }
        },
        DeValue::Float(number) => match number.as_str().parse() {
            Ok(number) => Content::Double(number),
            Err(_) => {
                faults.add(&span, "float cannot be read");
                Content::Double(0.0)
            }
        },
        DeValue::Array(items) => Content::List(items.iter().map(|item| node(item, start, faults)).collect()),
        DeValue::Table(table) => Content::Table(entries(table, start, faults)),
    };
    Node { span, content }
}
