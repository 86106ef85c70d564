//! JSON documents as trees with places.
//!
//! The same tree that a TOML document becomes. A key that stands twice is told with both places; `null` is no
//! value of a policy. Reading stops at the first fault of the syntax.

use super::error::{Faults, Span};
use super::node::{Content, Node, Text};
use crate::limits;
use crate::text::quote;

/// Parses a document that starts at some byte of all documents.
pub(super) fn parse(text: &str, start: usize, faults: &mut Faults<'_>) -> Option<Node> {
    let mut reader = Reader { text, at: 0, start, faults };
    let node = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() {
        return reader.fail("expected the end of the document");
    }
    Some(node)
}

struct Reader<'r, 't> {
    text: &'r str,
    at: usize,
    start: usize,
    faults: &'r mut Faults<'t>,
}

impl Reader<'_, '_> {
    fn value(&mut self, depth: usize) -> Option<Node> {
        self.skip_space();
        let from = self.at;
        if depth >= limits::POLICY_DEPTH {
            return self.fail(&format!("nested deeper than {} levels", limits::POLICY_DEPTH));
        }
        let content = match self.peek() {
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.list(depth)?,
            Some(b'"') => Content::Text(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Content::Bool(true))?,
            Some(b'f') => self.word("false", Content::Bool(false))?,
            Some(b'n') => return self.fail("`null` is no value, leave the key out"),
            _ => return self.fail("expected a value"),
        };
        Some(Node { span: self.span(from), content })
    }

    fn table(&mut self, depth: usize) -> Option<Content> {
        self.at = self.at.saturating_add(1);
        let mut entries: Vec<(Text, Node)> = Vec::new();
        let mut known = std::collections::BTreeMap::new();
        if self.closes(b'}') {
            return Some(Content::Table(entries));
        }
        loop {
            self.skip_space();
            let from = self.at;
            if self.peek() != Some(b'"') {
                return self.fail("expected a key in quotes");
            }
            let key = Text { text: self.string()?, span: self.span(from) };
            self.skip_space();
            if !self.eat(b':') {
                return self.fail("expected `:`");
            }
            let value = self.value(depth.saturating_add(1))?;
            match known.insert(key.text.clone(), key.span.clone()) {
                Some(first) => {
                    let line = self.faults.line(&first, &key.span);
                    let fault = format!("key `{}` stands at {line} already", quote(&key.text));
                    self.faults.add(&key.span, fault);
                }
                None => entries.push((key, value)),
            }
            if self.closes(b'}') {
                return Some(Content::Table(entries));
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `}`");
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Content> {
        self.at = self.at.saturating_add(1);
        let mut items = Vec::new();
        if self.closes(b']') {
            return Some(Content::List(items));
        }
        loop {
            items.push(self.value(depth.saturating_add(1))?);
            if self.closes(b']') {
                return Some(Content::List(items));
            }
            if !self.eat(b',') {
                return self.fail("expected `,` or `]`");
            }
        }
    }

    /// The standard reader unescapes; where the string ends is found here.
    fn string(&mut self) -> Option<String> {
        let from = self.at;
        let rest = self.text.as_bytes().get(from.saturating_add(1)..).unwrap_or_default();
        let mut escaped = false;
        let end = rest.iter().position(|byte| {
            let ends = *byte == b'"' && !escaped;
            escaped = *byte == b'\\' && !escaped;
            ends
        });
        let end = end.map(|end| from.saturating_add(end).saturating_add(2));
        let read = end.and_then(|end| serde_json::from_str(self.text.get(from..end)?).ok());
        match (read, end) {
            (Some(text), Some(end)) => {
                self.at = end;
                Some(text)
            }
            _ => self.fail("string is malformed or not closed"),
        }
    }

    fn number(&mut self) -> Option<Content> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let digits = |c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.' | 'e' | 'E');
        let (word, _) = rest.split_at(rest.find(|c| !digits(c)).unwrap_or(rest.len()));
        let content = match serde_json::from_str::<serde_json::Number>(word) {
            Ok(_) if !word.contains(['.', 'e', 'E']) => word.parse().ok().map(Content::Int),
            Ok(number) => number.as_f64().map(Content::Double),
            Err(_) => None,
        };
        if content.is_none() {
            return self.fail("number is malformed or does not fit 64 bits");
        }
        self.at = self.at.saturating_add(word.len());
        content
    }

    fn word(&mut self, word: &str, content: Content) -> Option<Content> {
        if !self.text.get(self.at..).unwrap_or_default().starts_with(word) {
            return self.fail("expected a value");
        }
        self.at = self.at.saturating_add(word.len());
        Some(content)
    }

    fn closes(&mut self, bracket: u8) -> bool {
        self.skip_space();
        self.eat(bracket)
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at = self.at.saturating_add(usize::from(found));
        found
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at = self.at.saturating_add(1);
        }
    }

    fn span(&self, from: usize) -> Span {
        self.start.saturating_add(from)..self.start.saturating_add(self.at)
    }

    fn fail<T>(&mut self, message: &str) -> Option<T> {
        let here = self.start.saturating_add(self.at);
        self.faults.add(&(here..here.saturating_add(1)), message);
        None
    }
}
