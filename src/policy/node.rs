//! A document as a tree with places.
//!
//! TOML and JSON become the same tree, so that everything above reads one model. Each node knows the bytes
//! it came from; a key that nobody asked for is a fault with the name that was most likely meant.

use serde_json::{Value as Json, json};

use super::error::{Faults, Span};
use crate::text::{nearest, quote};
use crate::value::{Attributes, Value};

/// One value of a document and the bytes it came from.
#[derive(Debug, Clone)]
pub(crate) struct Node {
    pub(crate) span: Span,
    pub(crate) content: Content,
}

#[derive(Debug, Clone)]
pub(crate) enum Content {
    Bool(bool),
    Int(i64),
    Double(f64),
    Text(String),
    List(Vec<Node>),
    Table(Vec<(Text, Node)>),
}

/// Text with the bytes it came from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Text {
    pub(crate) text: String,
    pub(crate) span: Span,
}

/// Reads one table: each key is asked for by name, and what was not asked for is a fault.
#[derive(Debug)]
pub(crate) struct Fields<'n> {
    pub(crate) span: Span,
    entries: &'n [(Text, Node)],
    asked: Vec<&'static str>,
    refused: Vec<&'static str>,
}

impl Node {
    /// Takes over a value that has no places, such as a plan from a record.
    pub(crate) fn of(value: &Value) -> Option<Self> {
        let content = match value {
            Value::Bool(flag) => Content::Bool(*flag),
            Value::Int(number) => Content::Int(*number),
            Value::Double(number) => Content::Double(*number),
            Value::String(text) => Content::Text(text.clone()),
            Value::List(items) => Content::List(items.iter().map(Self::of).collect::<Option<_>>()?),
            Value::Map(entries) => Content::Table(Self::table_of(entries)?),
            _ => return None,
        };
        Some(Self { span: 0..0, content })
    }

    pub(crate) fn table_of(entries: &Attributes) -> Option<Vec<(Text, Self)>> {
        let entry = |(name, value): (&str, &Value)| {
            Some((Text { text: name.to_owned(), span: 0..0 }, Self::of(value)?))
        };
        entries.iter().map(entry).collect()
    }

    /// Returns the value without its places.
    pub(crate) fn to_value(&self) -> Value {
        match &self.content {
            Content::Bool(flag) => Value::Bool(*flag),
            Content::Int(number) => Value::Int(*number),
            Content::Double(number) => Value::Double(*number),
            Content::Text(text) => Value::String(text.clone()),
            Content::List(items) => Value::List(items.iter().map(Self::to_value).collect()),
            Content::Table(entries) => {
                Value::Map(entries.iter().map(|(name, node)| (name.text.clone(), node.to_value())).collect())
            }
        }
    }

    /// Writes the node as JSON.
    pub(crate) fn to_json(&self) -> Json {
        match &self.content {
            Content::Bool(flag) => json!(flag),
            Content::Int(number) => json!(number),
            Content::Double(number) => json!(number),
            Content::Text(text) => json!(text),
            Content::List(items) => items.iter().map(Self::to_json).collect(),
            Content::Table(entries) => {
                entries.iter().map(|(name, node)| (name.text.clone(), node.to_json())).collect()
            }
        }
    }

    /// Takes a key out of a table.
    pub(crate) fn remove(&mut self, name: &str) {
        if let Content::Table(entries) = &mut self.content {
            entries.retain(|(key, _)| key.text != name);
        }
    }

    /// Writes the node in one way, whatever it was written in: JSON with its keys in order.
    pub(crate) fn canonical(&self) -> Vec<u8> {
        let mut text = Vec::new();
        self.write_canonical(&mut text);
        text
    }

    fn write_canonical(&self, text: &mut Vec<u8>) {
        match &self.content {
            Content::Text(content) => write_text(text, content),
            Content::List(items) => {
                text.push(b'[');
                for item in items {
                    item.write_canonical(text);
                    text.push(b',');
                }
                text.push(b']');
            }
            Content::Table(entries) => {
                let mut entries: Vec<&(Text, Self)> = entries.iter().collect();
                entries.sort_by(|(one, _), (two, _)| one.text.cmp(&two.text));
                text.push(b'{');
                for (name, item) in entries {
                    write_text(text, &name.text);
                    text.push(b':');
                    item.write_canonical(text);
                    text.push(b',');
                }
                text.push(b'}');
            }
            _ => text.extend_from_slice(self.to_json().to_string().as_bytes()),
        }
    }

    fn kind(&self) -> &'static str {
        match self.content {
            Content::Bool(_) => "a bool",
            Content::Int(_) => "an integer",
            Content::Double(_) => "a float",
            Content::Text(_) => "a string",
            Content::List(_) => "a list",
            Content::Table(_) => "a table",
        }
    }

    /// Says that the node is not what was expected.
    pub(crate) fn unexpected(&self, faults: &mut Faults<'_>, expected: &str) {
        faults.add(&self.span, format!("expected {expected}, found {}", self.kind()));
    }

    pub(crate) fn text(&self, faults: &mut Faults<'_>, expected: &str) -> Option<Text> {
        match &self.content {
            Content::Text(text) => Some(Text { text: text.clone(), span: self.span.clone() }),
            _ => {
                self.unexpected(faults, expected);
                None
            }
        }
    }

    pub(crate) fn fields(&self, faults: &mut Faults<'_>, expected: &str) -> Option<Fields<'_>> {
        match &self.content {
            Content::Table(entries) => Some(Fields::new(entries, self.span.clone())),
            _ => {
                self.unexpected(faults, expected);
                None
            }
        }
    }

    pub(crate) fn list(&self, faults: &mut Faults<'_>, expected: &str) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => {
                self.unexpected(faults, expected);
                &[]
            }
        }
    }

    pub(crate) fn is_empty_table(&self) -> bool {
        matches!(&self.content, Content::Table(entries) if entries.is_empty())
    }

    /// A node that may stand alone where a list is expected.
    pub(crate) fn one_or_many(&self) -> &[Self] {
        match &self.content {
            Content::List(items) => items,
            _ => std::slice::from_ref(self),
        }
    }
}

impl<'n> Fields<'n> {
    pub(crate) fn new(entries: &'n [(Text, Node)], span: Span) -> Self {
        Self { span, entries, asked: Vec::new(), refused: Vec::new() }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Says whether the table has a key, without asking for it.
    pub(crate) fn holds(&self, name: &str) -> bool {
        self.entries.iter().any(|(key, _)| key.text == name)
    }

    pub(crate) fn take(&mut self, name: &'static str) -> Option<&'n Node> {
        if !self.asked.contains(&name) {
            self.asked.push(name);
        }
        self.entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node)
    }

    pub(crate) fn required(
        &mut self,
        faults: &mut Faults<'_>,
        name: &'static str,
        meaning: &str,
    ) -> Option<&'n Node> {
        let node = self.take(name);
        if node.is_none() {
            faults.add(&self.span, format!("`{name}` is missing: {meaning}"));
        }
        node
    }

    pub(crate) fn text(&mut self, faults: &mut Faults<'_>, name: &'static str) -> Option<Text> {
        self.take(name)?.text(faults, "a string")
    }

    pub(crate) fn flag(&mut self, faults: &mut Faults<'_>, name: &'static str, default: bool) -> bool {
        match self.take(name) {
            None => default,
            Some(Node { content: Content::Bool(flag), .. }) => *flag,
            Some(other) => {
                other.unexpected(faults, "true or false");
                default
            }
        }
    }

    /// Says for each key that a later version will read that this one does not.
    pub(crate) fn refuse(&mut self, faults: &mut Faults<'_>, names: &[&'static str]) {
        for name in names {
            self.refused.push(name);
            if let Some((key, _)) = self.entries.iter().find(|(key, _)| key.text == *name) {
                faults.add(&key.span, format!("`{name}` is not supported"));
            }
        }
    }

    /// Reports every key that nobody asked for.
    pub(crate) fn finish(self, faults: &mut Faults<'_>) {
        let known = |name: &str| self.asked.contains(&name) || self.refused.contains(&name);
        for (key, _) in self.entries.iter().filter(|(key, _)| !known(&key.text)) {
            if faults.is_full() {
                faults.add(&key.span, "");
                continue;
            }
            let hint = match nearest(&key.text, self.asked.iter().copied()) {
                Some(name) => format!(", did you mean `{name}`?"),
                None => format!(", expected one of `{}`", self.asked.join("`, `")),
            };
            faults.add(&key.span, format!("unknown key `{}`{hint}", quote(&key.text)));
        }
    }
}

/// Writes a text as JSON does. Writing to memory does not fail.
fn write_text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}
