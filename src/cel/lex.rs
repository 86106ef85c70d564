//! From text to tokens.
//!
//! Finds the next token and its place: names, numbers, texts, operators. Looks at every byte once and keeps
//! nothing. What stands for no token is refused with its place; what a literal means is decided elsewhere.

use super::diagnostic::{Diagnostic, Span, quote};

/// A token and its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TokenKind {
    End,
    Name,
    /// A name in back-ticks.
    Quoted,
    Int,
    Uint,
    Double,
    String,
    Bytes,
    In,
    Dot,
    Comma,
    Colon,
    Question,
    OpenParen,
    CloseParen,
    OpenBracket,
    CloseBracket,
    OpenBrace,
    CloseBrace,
    Not,
    Minus,
    Plus,
    Star,
    Slash,
    Percent,
    AndAnd,
    OrOr,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

#[derive(Debug, Clone)]
pub(super) struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    pub(super) fn new(source: &'s str) -> Self {
        Self { source, at: 0 }
    }

    pub(super) fn next(&mut self) -> Result<Token, Diagnostic> {
        self.skip_blank();
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return Ok(Token { kind: TokenKind::End, span: Span::new(start, start) });
        };
        let kind = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.name_or_text()?,
            b'0'..=b'9' => self.number(),
            b'.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number(),
            b'"' | b'\'' => {
                self.text(start, first, false)?;
                TokenKind::String
            }
            b'`' => self.quoted(start)?,
            _ => self.operator(start, first)?,
        };
        Ok(Token { kind, span: Span::new(start, self.at) })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.source.as_bytes().get(self.at.checked_add(ahead)?).copied()
    }

    fn advance(&mut self, bytes: usize) {
        self.at = self.at.saturating_add(bytes);
    }

    fn skip_while(&mut self, wanted: impl Fn(u8) -> bool) {
        while self.peek(0).is_some_and(&wanted) {
            self.advance(1);
        }
    }

    fn skip_blank(&mut self) {
        loop {
            self.skip_while(|byte| matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | 0x0c));
            if self.peek(0) != Some(b'/') || self.peek(1) != Some(b'/') {
                return;
            }
            self.skip_while(|byte| byte != b'\n');
        }
    }

    fn name_or_text(&mut self) -> Result<TokenKind, Diagnostic> {
        let start = self.at;
        self.skip_while(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let word = self.source.get(start..self.at).unwrap_or_default();
        if let Some(quote @ (b'"' | b'\'')) = self.peek(0) {
            let (raw, bytes) = match word {
                "r" | "R" => (true, false),
                "b" | "B" => (false, true),
                _ if word.len() == 2 => match word.to_ascii_lowercase().as_str() {
                    "rb" | "br" => (true, true),
                    _ => return Ok(TokenKind::Name),
                },
                _ => return Ok(TokenKind::Name),
            };
            self.text(start, quote, raw)?;
            return Ok(if bytes { TokenKind::Bytes } else { TokenKind::String });
        }
        Ok(if word == "in" { TokenKind::In } else { TokenKind::Name })
    }

    fn text(&mut self, start: usize, quote: u8, raw: bool) -> Result<(), Diagnostic> {
        let triple = self.peek(1) == Some(quote) && self.peek(2) == Some(quote);
        self.advance(if triple { 3 } else { 1 });
        loop {
            match self.peek(0) {
                Some(byte) if byte == quote => {
                    if !triple {
                        self.advance(1);
                        return Ok(());
                    }
                    if self.peek(1) == Some(quote) && self.peek(2) == Some(quote) {
                        self.advance(3);
                        return Ok(());
                    }
                    self.advance(1);
                }
                Some(b'\\') if !raw => self.advance(2),
                Some(b'\n' | b'\r') if !triple => break,
                Some(_) => self.advance(1),
                None => break,
            }
        }
        let span = Span::new(start, start.saturating_add(1));
        Err(Diagnostic::error(span, "text is not closed").with_help("end it with the same quotes"))
    }

    fn quoted(&mut self, start: usize) -> Result<TokenKind, Diagnostic> {
        self.advance(1);
        self.skip_while(|byte| {
            byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'/' | b' ')
        });
        let closed = self.peek(0) == Some(b'`') && self.at > start.saturating_add(1);
        self.advance(1);
        if closed {
            return Ok(TokenKind::Quoted);
        }
        Err(Diagnostic::error(Span::new(start, start.saturating_add(1)), "name in back-ticks is malformed"))
    }

    fn number(&mut self) -> TokenKind {
        if self.peek(0) == Some(b'0') && matches!(self.peek(1), Some(b'x' | b'X')) {
            self.advance(2);
            self.skip_while(|byte| byte.is_ascii_hexdigit());
            return self.unsigned();
        }
        self.skip_while(|byte| byte.is_ascii_digit());
        let mut double = false;
        if self.peek(0) == Some(b'.') && self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) {
            double = true;
            self.advance(1);
            self.skip_while(|byte| byte.is_ascii_digit());
        }
        if matches!(self.peek(0), Some(b'e' | b'E')) {
            let sign = usize::from(matches!(self.peek(1), Some(b'+' | b'-')));
            if self.peek(sign.saturating_add(1)).is_some_and(|byte| byte.is_ascii_digit()) {
                double = true;
                self.advance(sign.saturating_add(1));
                self.skip_while(|byte| byte.is_ascii_digit());
            }
        }
        if double { TokenKind::Double } else { self.unsigned() }
    }

    fn unsigned(&mut self) -> TokenKind {
        if matches!(self.peek(0), Some(b'u' | b'U')) {
            self.advance(1);
            return TokenKind::Uint;
        }
        TokenKind::Int
    }

    fn operator(&mut self, start: usize, first: u8) -> Result<TokenKind, Diagnostic> {
        let pair = match (first, self.peek(1)) {
            (b'&', Some(b'&')) => Some(TokenKind::AndAnd),
            (b'|', Some(b'|')) => Some(TokenKind::OrOr),
            (b'=', Some(b'=')) => Some(TokenKind::Equal),
            (b'!', Some(b'=')) => Some(TokenKind::NotEqual),
            (b'<', Some(b'=')) => Some(TokenKind::LessEqual),
            (b'>', Some(b'=')) => Some(TokenKind::GreaterEqual),
            _ => None,
        };
        if let Some(kind) = pair {
            self.advance(2);
            return Ok(kind);
        }
        let kind = match first {
            b'.' => TokenKind::Dot,
            b',' => TokenKind::Comma,
            b':' => TokenKind::Colon,
            b'?' => TokenKind::Question,
            b'(' => TokenKind::OpenParen,
            b')' => TokenKind::CloseParen,
            b'[' => TokenKind::OpenBracket,
            b']' => TokenKind::CloseBracket,
            b'{' => TokenKind::OpenBrace,
            b'}' => TokenKind::CloseBrace,
            b'!' => TokenKind::Not,
            b'-' => TokenKind::Minus,
            b'+' => TokenKind::Plus,
            b'*' => TokenKind::Star,
            b'/' => TokenKind::Slash,
            b'%' => TokenKind::Percent,
            b'<' => TokenKind::Less,
            b'>' => TokenKind::Greater,
            _ => return Err(self.foreign(start)),
        };
        self.advance(1);
        Ok(kind)
    }

    fn foreign(&self, start: usize) -> Diagnostic {
        let letter = self.source.get(start..).and_then(|rest| rest.chars().next()).unwrap_or('?');
        let span = Span::new(start, start.saturating_add(letter.len_utf8()));
        let mut buffer = [0; 4];
        let fault = format!("unexpected {}", quote(letter.encode_utf8(&mut buffer)));
        let found = Diagnostic::error(span, fault);
        match letter {
            '=' => found.with_help("write `==` to compare"),
            '&' => found.with_help("write `&&` for \"and\""),
            '|' => found.with_help("write `||` for \"or\""),
            '“' | '”' | '‘' | '’' => found.with_help("write straight quotes around text"),
            _ => found,
        }
    }
}
