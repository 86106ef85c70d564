//! TOML documents as trees with places.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::error::Faults;
use super::node::{Content, Node, Text};

/// Parses a document. Every fault of its syntax is reported; what could be read is returned all the same.
pub(super) fn parse(faults: &mut Faults<'_>) -> Node {
    let (table, errors) = DeTable::parse_recoverable(faults.text());
    for error in &errors {
        let span = error.span().unwrap_or(0..0);
        faults.add(&span, error.message().replace('\n', ", "));
    }
    let span = table.span();
    Node { span, content: Content::Table(entries(table.get_ref(), faults)) }
}

fn entries(table: &DeTable<'_>, faults: &mut Faults<'_>) -> Vec<(Text, Node)> {
    let entry = |(key, value): (&Spanned<_>, &Spanned<DeValue<'_>>)| {
        let key: &Spanned<std::borrow::Cow<'_, str>> = key;
        (Text { text: key.get_ref().clone().into_owned(), span: key.span() }, node(value, faults))
    };
    table.iter().map(entry).collect()
}

fn node(value: &Spanned<DeValue<'_>>, faults: &mut Faults<'_>) -> Node {
    let span = value.span();
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
        DeValue::Array(items) => Content::List(items.iter().map(|item| node(item, faults)).collect()),
        DeValue::Table(table) => Content::Table(entries(table, faults)),
    };
    Node { span, content }
}
