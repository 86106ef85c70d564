//! A position in SQL text.
//!
//! Moves forward only and never panics: past the end there is the byte 0, which the text itself cannot
//! hold because it was refused before.

/// A position in `text`.
#[derive(Debug, Clone)]
pub(super) struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    /// Moves over `count` bytes.
    pub(super) fn skip(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    /// Moves over all characters that `keep` accepts and returns them.
    pub(super) fn take_while(&mut self, keep: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !keep(character)).unwrap_or(rest.len());
        self.skip(end);
        rest.get(..end).unwrap_or_default()
    }

    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// Moves over `prefix` if it stands here.
    pub(super) fn eat(&mut self, prefix: &str) -> bool {
        let found = self.starts_with(prefix);
        if found {
            self.skip(prefix.len());
        }
        found
    }

    /// Moves behind the next `mark` and returns what stood before it.
    pub(super) fn take_until(&mut self, mark: &str) -> Option<&'a str> {
        let (before, _) = self.rest().split_once(mark)?;
        self.skip(before.len().saturating_add(mark.len()));
        Some(before)
    }

    pub(super) fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    /// The byte `ahead` of here, 0 past the end.
    pub(super) fn byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at.saturating_add(ahead)).copied().unwrap_or(0)
    }

    pub(super) fn char(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn starts_with(&self, prefix: &str) -> bool {
        self.rest().starts_with(prefix)
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.text.len()
    }
}
