//! Tokens of a SQL text.

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// An unquoted name or keyword.
    Word,
    /// A quoted name.
    Name,
    /// A string of any form.
    Text,
    /// MySQL's double quotes: a string, or a name under ANSI_QUOTES.
    DoubleQuoted,
    Number,
    /// A placeholder of a prepared statement.
    Parameter,
    /// A variable of MySQL, `@x` or `@@x`.
    Variable,
    Operator,
    Open,
    Close,
    OpenSquare,
    CloseSquare,
    Comma,
    Dot,
    Semicolon,
    Colon,
    /// `::`
    Cast,
    /// `:=`
    Assign,
    End,
}

/// One token: its kind, and the range of bytes that it covers. Quotes are not in the range.
#[derive(Debug, Clone, Copy)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// The tokens of one text. Past the last one stand ends.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    text: &'a str,
    /// The text with ASCII letters in lower case: keywords fold no others.
    lower: String,
    pub(super) list: Vec<Token>,
}

impl<'a> Tokens<'a> {
    pub(super) fn new(text: &'a str, list: Vec<Token>) -> Self {
        Self { text, lower: text.to_ascii_lowercase(), list }
    }

    pub(super) fn kind(&self, index: usize) -> Kind {
        self.list.get(index).map_or(Kind::End, |token| token.kind)
    }

    /// The token as it was written, without quotes.
    pub(super) fn text(&self, index: usize) -> &'a str {
        self.list.get(index).and_then(|token| self.text.get(token.start..token.end)).unwrap_or_default()
    }

    /// The token in lower case, without quotes.
    pub(super) fn lower(&self, index: usize) -> &str {
        self.list.get(index).and_then(|token| self.lower.get(token.start..token.end)).unwrap_or_default()
    }

    /// The unquoted word in lower case; empty if the token is no word.
    pub(super) fn word(&self, index: usize) -> &str {
        if self.kind(index) == Kind::Word { self.lower(index) } else { "" }
    }

    /// The operator's spelling; empty if the token is none.
    pub(super) fn operator(&self, index: usize) -> &str {
        if self.kind(index) == Kind::Operator { self.lower(index) } else { "" }
    }

    /// Says whether blanks stand between a token and the next.
    pub(super) fn is_apart(&self, index: usize) -> bool {
        let next = self.list.get(index.saturating_add(1));
        self.list.get(index).zip(next).is_some_and(|(token, next)| token.end < next.start)
    }
}
