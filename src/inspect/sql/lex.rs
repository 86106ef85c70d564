//! SQL text to tokens, as the server would cut it.
//!
//! The reader only sees what this file cut. Where the reading depends
//! on a server setting (backslashes, quote modes), on the version, or where a person would read something
//! else than the server (comments, control characters), the text is refused.

use super::cursor::Cursor;
use super::facts::Obstacle;
use super::tokens::{Kind, Token, Tokens};
use super::{operators, quotes};
use crate::{Dialect, limits};

/// Cuts `text` into tokens. White space and comments are gone.
pub(super) fn lex(dialect: Dialect, text: &str) -> Result<Tokens<'_>, Obstacle> {
    check_characters(text)?;
    let mut lexer =
        Lexer { dialect, cursor: Cursor::new(text), tokens: Vec::with_capacity(text.len() / 4), brackets: 0 };
    loop {
        skip_blanks(dialect, &mut lexer.cursor)?;
        if lexer.cursor.at_end() {
            return Ok(Tokens::new(text, lexer.tokens));
        }
        lexer.token()?;
        let found = lexer.tokens.len();
        if found > limits::SQL_TOKENS {
            let limit = limits::SQL_TOKENS;
            return Err(Obstacle::TooLarge { what: "number of tokens", found, limit });
        }
    }
}

/// What stood between two tokens.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Blanks {
    pub(super) newline: bool,
    pub(super) comment: bool,
}

pub(super) struct Lexer<'a> {
    pub(super) dialect: Dialect,
    pub(super) cursor: Cursor<'a>,
    pub(super) tokens: Vec<Token>,
    brackets: usize,
}

impl Lexer<'_> {
    fn token(&mut self) -> Result<(), Obstacle> {
        let (first, second) = (self.cursor.byte(0), self.cursor.byte(1));
        let kind = match first {
            b'(' => Kind::Open,
            b')' => Kind::Close,
            b',' => Kind::Comma,
            b';' => Kind::Semicolon,
            b'[' if self.dialect == Dialect::Sqlite => return quotes::identifier(self, "[", "]"),
            b'[' => {
                self.brackets = self.brackets.saturating_add(1);
                Kind::OpenSquare
            }
            b']' => {
                self.brackets = self.brackets.saturating_sub(1);
                Kind::CloseSquare
            }
            b'.' if second == b'.' => return Err(Obstacle::Text("two full stops in a row")),
            b'.' if !second.is_ascii_digit() => Kind::Dot,
            b'.' if self.after_operand() => return Err(Obstacle::Text("a number glued to a word")),
            b'.' | b'0'..=b'9' => return self.number(),
            b'\'' => return quotes::string(self),
            b'"' if self.dialect == Dialect::MySql => return quotes::double_quoted(self),
            b'"' => return quotes::identifier(self, "\"", "\""),
            b'`' if self.dialect != Dialect::PostgreSql => return quotes::identifier(self, "`", "`"),
            b'$' | b':' | b'@' | b'?' => return self.sigil(),
            b'_' | b'a'..=b'z' | b'A'..=b'Z' | 0x80.. => return self.word(),
            _ => return operators::operator(self),
        };
        self.push(kind, 1);
        Ok(())
    }

    /// Adds a token of `length` bytes at the cursor and moves over it.
    pub(super) fn push(&mut self, kind: Kind, length: usize) {
        let start = self.cursor.at();
        self.cursor.skip(length);
        self.tokens.push(Token { kind, start, end: self.cursor.at() });
    }

    /// Says whether the last token ends an operand, so that a full stop here belongs to it.
    fn after_operand(&self) -> bool {
        let last = self.tokens.last().map_or(Kind::End, |token| token.kind);
        matches!(last, Kind::Word | Kind::Name | Kind::Close | Kind::CloseSquare | Kind::Number)
    }

    fn after_text(&self) -> bool {
        let last = self.tokens.last().map_or(Kind::End, |token| token.kind);
        matches!(last, Kind::Word | Kind::Name | Kind::Text | Kind::DoubleQuoted)
    }

    fn number(&mut self) -> Result<(), Obstacle> {
        let start = self.cursor.at();
        let mut cursor = self.cursor.clone();
        let radix = matches!((cursor.byte(0), cursor.byte(1)), (b'0', b'x' | b'X'));
        if radix && matches!(self.dialect, Dialect::Sqlite | Dialect::MySql) {
            cursor.skip(2);
            cursor.take_while(|digit| digit.is_ascii_hexdigit());
        } else {
            let digits = |cursor: &mut Cursor<'_>| cursor.take_while(|digit| digit.is_ascii_digit()).len();
            digits(&mut cursor);
            if cursor.eat(".") {
                digits(&mut cursor);
            }
            let sign = usize::from(matches!(cursor.byte(1), b'+' | b'-'));
            if matches!(cursor.byte(0), b'e' | b'E') && cursor.byte(sign.saturating_add(1)).is_ascii_digit() {
                cursor.skip(sign.saturating_add(1));
                digits(&mut cursor);
            }
        }
        if matches!(cursor.byte(0), b'_' | b'$' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..) {
            return Err(Obstacle::Text("a number glued to a word"));
        }
        self.push(Kind::Number, cursor.at().saturating_sub(start));
        Ok(())
    }

    /// Parameters, variables and casts: what starts with `$`, `:`, `@` or `?`.
    fn sigil(&mut self) -> Result<(), Obstacle> {
        let (first, second) = (self.cursor.byte(0), self.cursor.byte(1));
        let starts_name = second == b'_' || second.is_ascii_alphabetic();
        let is_digit = |character: char| character.is_ascii_digit();
        match (self.dialect, first) {
            (Dialect::PostgreSql, b'$') if !second.is_ascii_digit() => return quotes::dollar(self),
            (Dialect::PostgreSql, b'$') => self.parameter(is_digit)?,
            (Dialect::PostgreSql, b':') if second == b':' => self.push(Kind::Cast, 2),
            (Dialect::PostgreSql | Dialect::MySql, b':') if second == b'=' => self.push(Kind::Assign, 2),
            // Outside of an array's bounds a client would put its own variable here.
            (Dialect::PostgreSql, b':')
                if self.brackets > 0 && !starts_name && !matches!(second, b'\'' | b'"') =>
            {
                self.push(Kind::Colon, 1);
            }
            (Dialect::PostgreSql, b'@' | b'?') => return operators::operator(self),
            // `'user'@'host'`; as an operator in an expression it is refused.
            (Dialect::MySql, b'@') if matches!(second, b'\'' | b'"' | b'`') && self.after_text() => {
                self.push(Kind::Operator, 1);
            }
            (Dialect::MySql, b'@') => {
                let signs = if second == b'@' { 2 } else { 1 };
                let mut ahead = self.cursor.clone();
                ahead.skip(signs);
                let name = ahead.take_while(is_word_part);
                if name.is_empty() || !name.is_ascii() {
                    return Err(Obstacle::Text("a quoted variable"));
                }
                self.push(Kind::Variable, name.len().saturating_add(signs));
            }
            (Dialect::MySql | Dialect::Sqlite, b'?') => self.parameter(is_digit)?,
            (Dialect::Sqlite, b'$' | b':' | b'@') if starts_name => self.parameter(is_word_part)?,
            _ => return Err(Obstacle::Text("a character that no token starts with")),
        }
        Ok(())
    }

    fn parameter(&mut self, keep: impl Fn(char) -> bool) -> Result<(), Obstacle> {
        let mut ahead = self.cursor.clone();
        let dollar = ahead.byte(0) == b'$';
        ahead.skip(1);
        let name = ahead.take_while(keep);
        let glued = ahead.char().is_some_and(is_word_part);
        // SQLite reads `$name(…)` and `$name::part` as one parameter.
        let tail = dollar && matches!(ahead.byte(0), b'(' | b':') && self.dialect == Dialect::Sqlite;
        if glued || tail {
            return Err(Obstacle::Text("a parameter glued to something"));
        }
        self.push(Kind::Parameter, name.len().saturating_add(1));
        Ok(())
    }

    fn word(&mut self) -> Result<(), Obstacle> {
        let mut ahead = self.cursor.clone();
        let word = ahead.take_while(is_word_part);
        if word.is_empty() {
            return Err(Obstacle::Text("a character outside of names and strings"));
        }
        if ahead.byte(0) == b'\'' && quotes::prefixed(self, word)? {
            return Ok(());
        }
        let unicode = self.dialect == Dialect::PostgreSql && word.eq_ignore_ascii_case("u");
        if unicode && ahead.byte(0) == b'&' && matches!(ahead.byte(1), b'\'' | b'"') {
            return quotes::unicode(self);
        }
        check_name(self.dialect, word)?;
        self.push(Kind::Word, word.len());
        Ok(())
    }
}

/// Moves over white space and comments.
pub(super) fn skip_blanks(dialect: Dialect, cursor: &mut Cursor<'_>) -> Result<Blanks, Obstacle> {
    let mut blanks = Blanks::default();
    loop {
        let space = cursor.take_while(|character| matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c'));
        blanks.newline |= space.contains(['\n', '\r']);
        match (cursor.byte(0), cursor.byte(1)) {
            (b'-', b'-') => {
                let blank = matches!(cursor.byte(2), b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' | 0);
                if dialect == Dialect::MySql && !blank {
                    return Err(Obstacle::Text("`--` without a space is no comment to MySQL"));
                }
                line_comment(cursor)?;
            }
            (b'#', _) if dialect == Dialect::MySql => line_comment(cursor)?,
            (b'/', b'*') => block_comment(dialect, cursor)?,
            _ if space.is_empty() => return Ok(blanks),
            _ => continue,
        }
        blanks.comment = true;
    }
}

fn line_comment(cursor: &mut Cursor<'_>) -> Result<(), Obstacle> {
    let line = cursor.take_while(|character| character != '\n');
    if line.strip_suffix('\r').unwrap_or(line).contains('\r') {
        return Err(Obstacle::Text("a lone carriage return ends a comment for some servers only"));
    }
    Ok(())
}

fn block_comment(dialect: Dialect, cursor: &mut Cursor<'_>) -> Result<(), Obstacle> {
    cursor.skip(2);
    let executable = cursor.starts_with("!") || cursor.starts_with("M!");
    if cursor.starts_with("+") || executable && dialect == Dialect::MySql {
        return Err(Obstacle::Text("a comment that the server acts on"));
    }
    let mut depth = 1_usize;
    while depth > 0 {
        match (cursor.byte(0), cursor.byte(1)) {
            (0, _) => return Err(Obstacle::Text("a comment that does not end")),
            (b'*', b'/') => {
                depth = depth.saturating_sub(1);
                cursor.skip(2);
            }
            (b'/', b'*') if dialect == Dialect::PostgreSql => {
                depth = depth.saturating_add(1);
                cursor.skip(2);
            }
            (b'/', b'*') => return Err(Obstacle::Text("a comment inside a comment")),
            _ => cursor.skip(1),
        }
    }
    Ok(())
}

/// PostgreSQL cuts a longer name silently, so two texts could mean one table.
pub(super) fn check_name(dialect: Dialect, name: &str) -> Result<(), Obstacle> {
    let limit = limits::SQL_NAME_BYTES;
    if dialect == Dialect::PostgreSql && name.len() > limit {
        return Err(Obstacle::TooLarge { what: "name length", found: name.len(), limit });
    }
    Ok(())
}

pub(super) fn is_word_part(character: char) -> bool {
    matches!(character, '_' | '$' | '0'..='9' | 'a'..='z' | 'A'..='Z')
        || !character.is_ascii() && character.is_alphanumeric()
}

/// Refuses what a person does not see: controls, and marks that turn the direction of writing.
fn check_characters(text: &str) -> Result<(), Obstacle> {
    let hidden = |character: char| {
        matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || character.is_control() && !matches!(character, '\t' | '\n' | '\r' | '\x0c')
    };
    if text.chars().any(hidden) {
        return Err(Obstacle::Text("a hidden or direction-changing character"));
    }
    Ok(())
}
