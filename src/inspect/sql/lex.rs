//! SQL text to tokens, as the server would cut it.
//!
//! The parser only sees what this file cut, so there is one reading of the text. Where the reading depends
//! on a server setting (backslashes, quote modes), on the version, or where a person would read something
//! else than the server (comments, control characters), the text is refused.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, Word};

use super::cursor::Cursor;
use super::facts::Obstacle;
use super::{operators, quotes};
use crate::{Dialect, limits};

/// Cuts `text` into tokens. White space and comments are gone.
pub(super) fn lex(dialect: Dialect, text: &str) -> Result<Vec<Token>, Obstacle> {
    check_characters(text)?;
    let mut lexer = Lexer { dialect, cursor: Cursor::new(text), tokens: Vec::with_capacity(64), brackets: 0 };
    loop {
        skip_blanks(dialect, &mut lexer.cursor)?;
        if lexer.cursor.at_end() {
            return Ok(lexer.tokens);
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
        let single = match first {
            b'(' => Token::LParen,
            b')' => Token::RParen,
            b',' => Token::Comma,
            b';' => Token::SemiColon,
            b'[' if self.dialect == Dialect::Sqlite => return quotes::identifier(self, "[", "]"),
            b'[' => {
                self.brackets = self.brackets.saturating_add(1);
                Token::LBracket
            }
            b']' => {
                self.brackets = self.brackets.saturating_sub(1);
                Token::RBracket
            }
            b'.' if second == b'.' => return Err(Obstacle::Text("two full stops in a row")),
            b'.' if !second.is_ascii_digit() => Token::Period,
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
        self.cursor.skip(1);
        self.tokens.push(single);
        Ok(())
    }

    /// Says whether the last token ends an operand, so that a full stop here belongs to it.
    fn after_operand(&self) -> bool {
        matches!(
            self.tokens.last(),
            Some(Token::Word(_) | Token::RParen | Token::RBracket | Token::Number(..))
        )
    }

    fn number(&mut self) -> Result<(), Obstacle> {
        let mut cursor = self.cursor.clone();
        let digits = |cursor: &mut Cursor<'_>| cursor.take_while(|digit| digit.is_ascii_digit()).to_owned();
        let radix = matches!((cursor.byte(0), cursor.byte(1)), (b'0', b'x' | b'X'));
        if radix && matches!(self.dialect, Dialect::Sqlite | Dialect::MySql) {
            cursor.skip(2);
            let value = cursor.take_while(|digit| digit.is_ascii_hexdigit()).to_owned();
            self.tokens.push(Token::HexStringLiteral(value));
        } else {
            let mut value = digits(&mut cursor);
            if cursor.byte(0) == b'.' && cursor.byte(1) != b'.' {
                cursor.skip(1);
                value.push('.');
                value.push_str(&digits(&mut cursor));
            }
            let signed = matches!(cursor.byte(1), b'+' | b'-');
            let exponent = if signed { cursor.byte(2) } else { cursor.byte(1) };
            if matches!(cursor.byte(0), b'e' | b'E') && exponent.is_ascii_digit() {
                value.push('e');
                if cursor.byte(1) == b'-' {
                    value.push('-');
                }
                cursor.skip(if signed { 2 } else { 1 });
                value.push_str(&digits(&mut cursor));
            }
            self.tokens.push(Token::Number(value, false));
        }
        if matches!(cursor.byte(0), b'_' | b'$' | b'.' | b'0'..=b'9' | b'a'..=b'z' | b'A'..=b'Z' | 0x80..) {
            return Err(Obstacle::Text("a number glued to a word"));
        }
        self.cursor = cursor;
        Ok(())
    }

    /// Parameters, variables and casts: what starts with `$`, `:`, `@` or `?`.
    fn sigil(&mut self) -> Result<(), Obstacle> {
        let (first, second) = (self.cursor.byte(0), self.cursor.byte(1));
        let starts_name = second == b'_' || second.is_ascii_alphabetic();
        let token = match (self.dialect, first) {
            (Dialect::PostgreSql, b'$') if !second.is_ascii_digit() => return quotes::dollar(self),
            (Dialect::PostgreSql, b'$') => self.parameter(|character| character.is_ascii_digit())?,
            (Dialect::PostgreSql, b':') if second == b':' => {
                self.cursor.skip(2);
                Token::DoubleColon
            }
            (Dialect::PostgreSql | Dialect::MySql, b':') if second == b'=' => {
                self.cursor.skip(2);
                Token::Assignment
            }
            (Dialect::PostgreSql, b':')
                if self.brackets > 0 && !starts_name && second != b'\'' && second != b'"' =>
            {
                self.cursor.skip(1);
                Token::Colon
            }
            (Dialect::PostgreSql, b'@' | b'?') => return operators::operator(self),
            (Dialect::MySql, b'@') => {
                let signs = if second == b'@' { 2 } else { 1 };
                let mut ahead = self.cursor.clone();
                ahead.skip(signs);
                let name = ahead.take_while(is_word_part);
                if name.is_empty() || !name.is_ascii() {
                    return Err(Obstacle::Text("a quoted variable"));
                }
                self.cursor = ahead;
                let sign = if signs == 2 { "@@" } else { "@" };
                Token::make_word(&format!("{sign}{name}"), None)
            }
            (Dialect::MySql | Dialect::Sqlite, b'?') => {
                self.parameter(|character| character.is_ascii_digit())?
            }
            (Dialect::Sqlite, b'$' | b':' | b'@') if starts_name => self.parameter(is_word_part)?,
            _ => return Err(Obstacle::Text("a character that no statement starts a token with")),
        };
        self.tokens.push(token);
        Ok(())
    }

    fn parameter(&mut self, keep: fn(char) -> bool) -> Result<Token, Obstacle> {
        let sign = self.cursor.take_while(|character| matches!(character, '$' | ':' | '@' | '?'));
        let name = self.cursor.take_while(keep);
        let glued = self.cursor.char().is_some_and(is_word_part);
        // SQLite reads `$name(…)` and `$name::part` as one parameter.
        let tail = sign == "$" && (self.cursor.byte(0) == b'(' || self.cursor.byte(0) == b':');
        if sign.len() != 1 || glued || tail {
            return Err(Obstacle::Text("a parameter glued to something"));
        }
        Ok(Token::Placeholder(format!("{sign}{name}")))
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
        if self.dialect == Dialect::PostgreSql && ahead.byte(0) == b'&' && word.eq_ignore_ascii_case("u") {
            if let b'\'' | b'"' = ahead.byte(1) {
                return quotes::unicode(self);
            }
        }
        self.cursor = ahead;
        check_name(self.dialect, word)?;
        // The parser folds case beyond ASCII, the servers' keywords do not.
        let keyword = if word.is_ascii() { None } else { Some(Keyword::NoKeyword) };
        self.tokens.push(match keyword {
            None => Token::make_word(word, None),
            Some(keyword) => Token::Word(Word { value: word.to_owned(), quote_style: None, keyword }),
        });
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
