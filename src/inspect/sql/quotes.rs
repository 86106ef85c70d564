//! Strings and quoted names.
//!
//! A string must end at the same place under every mode of the server: with and without backslash escapes,
//! and for MySQL's double quotes as a string and as a name. Otherwise the text is refused.

use sqlparser::ast::DollarQuotedString;
use sqlparser::tokenizer::Token;

use super::facts::Obstacle;
use super::lex::{Lexer, check_name, is_word_part, skip_blanks};
use crate::Dialect;

const ENDLESS: Obstacle = Obstacle::Text("a quoted text that does not end");
const MODES: Obstacle = Obstacle::Text("a string that ends elsewhere under another server mode");

/// How a string reads a backslash.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Backslash {
    Plain,
    Escape,
    /// A server setting decides.
    Mode,
}

/// Reads a plain string at the cursor, with those that continue it.
pub(super) fn string(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    let backslash = if lexer.dialect == Dialect::Sqlite { Backslash::Plain } else { Backslash::Mode };
    let mut text = body(lexer, '\'', backslash)?;
    loop {
        let mut ahead = lexer.cursor.clone();
        let blanks = skip_blanks(lexer.dialect, &mut ahead)?;
        if ahead.byte(0) != b'\'' {
            lexer.tokens.push(Token::SingleQuotedString(text));
            return Ok(());
        }
        let continues = match lexer.dialect {
            Dialect::PostgreSql => blanks.newline && !blanks.comment,
            Dialect::MySql => true,
            _ => false,
        };
        if !continues {
            return Err(Obstacle::Text("two strings in a row"));
        }
        lexer.cursor = ahead;
        text.push_str(&body(lexer, '\'', backslash)?);
    }
}

/// Reads MySQL's double quotes: a string, or a name under ANSI_QUOTES.
pub(super) fn double_quoted(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    let text = body(lexer, '"', Backslash::Mode)?;
    if matches!(lexer.cursor.byte(0), b'.' | b'(' | b'"' | b'\'') {
        return Err(Obstacle::Text("a double-quoted text that is a name under ANSI_QUOTES"));
    }
    lexer.tokens.push(Token::DoubleQuotedString(text));
    Ok(())
}

/// Reads a string whose prefix `word` stands at the cursor. Returns whether it is such a prefix.
pub(super) fn prefixed(lexer: &mut Lexer<'_>, word: &str) -> Result<bool, Obstacle> {
    let lower = word.to_ascii_lowercase();
    let (backslash, make): (_, fn(String) -> Token) = match (lexer.dialect, lower.as_str()) {
        (Dialect::PostgreSql, "e") => (Backslash::Escape, Token::EscapedStringLiteral),
        (Dialect::PostgreSql | Dialect::MySql, "b") => {
            (Backslash::Plain, Token::SingleQuotedByteStringLiteral)
        }
        (_, "x") => (Backslash::Plain, Token::HexStringLiteral),
        (Dialect::PostgreSql | Dialect::MySql, "n") => (Backslash::Mode, Token::NationalStringLiteral),
        _ => return Ok(false),
    };
    lexer.cursor.skip(word.len());
    let text = body(lexer, '\'', backslash)?;
    if matches!(lower.as_str(), "b" | "x") && !text.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Obstacle::Text("a digit string with other characters"));
    }
    lexer.tokens.push(make(text));
    refuse_continuation(lexer)?;
    Ok(true)
}

/// Reads PostgreSQL's `U&'…'` and `U&"…"`.
pub(super) fn unicode(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    lexer.cursor.skip(2);
    if lexer.cursor.byte(0) == b'"' {
        let name = body(lexer, '"', Backslash::Plain)?;
        let name = decode(&name).ok_or(Obstacle::Text("a name with odd escapes"))?;
        check_name(lexer.dialect, &name)?;
        lexer.tokens.push(Token::make_word(&name, Some('"')));
    } else {
        let text = body(lexer, '\'', Backslash::Plain)?;
        lexer.tokens.push(Token::SingleQuotedString(text));
        refuse_continuation(lexer)?;
    }
    let mut ahead = lexer.cursor.clone();
    skip_blanks(lexer.dialect, &mut ahead)?;
    if ahead.take_while(is_word_part).eq_ignore_ascii_case("uescape") {
        return Err(Obstacle::Text("an escape character of its own"));
    }
    Ok(())
}

/// Reads PostgreSQL's `$tag$…$tag$`.
pub(super) fn dollar(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    let mut ahead = lexer.cursor.clone();
    ahead.skip(1);
    let tag = ahead.take_while(|character| character != '$' && is_word_part(character));
    if !ahead.eat("$") || tag.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(Obstacle::Text("a lone dollar sign"));
    }
    let value = ahead.take_until(&format!("${tag}$")).ok_or(ENDLESS)?.to_owned();
    if ahead.char().is_some_and(is_word_part) {
        return Err(Obstacle::Text("a string glued to a word"));
    }
    lexer.cursor = ahead;
    let tag = (!tag.is_empty()).then(|| tag.to_owned());
    lexer.tokens.push(Token::DollarQuotedString(DollarQuotedString { value, tag }));
    Ok(())
}

/// Reads a quoted name. A doubled end mark stands for itself, except in SQLite's brackets.
pub(super) fn identifier(lexer: &mut Lexer<'_>, open: &str, close: &str) -> Result<(), Obstacle> {
    lexer.cursor.skip(open.len());
    let mut name = lexer.cursor.take_until(close).ok_or(ENDLESS)?.to_owned();
    while close != "]" && lexer.cursor.eat(close) {
        name.push_str(close);
        name.push_str(lexer.cursor.take_until(close).ok_or(ENDLESS)?);
    }
    if name.is_empty() {
        return Err(Obstacle::Text("an empty name"));
    }
    check_name(lexer.dialect, &name)?;
    lexer.tokens.push(Token::make_word(&name, open.chars().next()));
    Ok(())
}

/// Reads from quote to quote and returns what stands between, escapes as they are.
fn body(lexer: &mut Lexer<'_>, quote: char, backslash: Backslash) -> Result<String, Obstacle> {
    let text = lexer.cursor.rest().get(1..).unwrap_or_default();
    let end = match backslash {
        Backslash::Plain => end_of(text, quote, false),
        Backslash::Escape => end_of(text, quote, true),
        Backslash::Mode => {
            let (plain, escape) = (end_of(text, quote, false), end_of(text, quote, true));
            if plain != escape {
                return Err(MODES);
            }
            plain
        }
    }
    .ok_or(ENDLESS)?;
    let text = text.get(..end).unwrap_or_default();
    // In a multi-byte character set a backslash can be the second half of a character.
    if backslash == Backslash::Mode && lexer.dialect == Dialect::MySql && wide_backslash(text) {
        return Err(MODES);
    }
    lexer.cursor.skip(end.saturating_add(2));
    Ok(text.to_owned())
}

/// The index of the quote that ends `text`.
fn end_of(text: &str, quote: char, escapes: bool) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    while let Some((index, character)) = characters.next() {
        if escapes && character == '\\' {
            characters.next();
        } else if character == quote && characters.next_if(|&(_, next)| next == quote).is_none() {
            return Some(index);
        }
    }
    None
}

fn wide_backslash(text: &str) -> bool {
    text.chars().zip(text.chars().skip(1)).any(|(first, second)| !first.is_ascii() && second == '\\')
}

/// A string after a string may continue it in the first one's mode.
fn refuse_continuation(lexer: &Lexer<'_>) -> Result<(), Obstacle> {
    let mut ahead = lexer.cursor.clone();
    skip_blanks(lexer.dialect, &mut ahead)?;
    if ahead.byte(0) == b'\'' {
        return Err(Obstacle::Text("two strings in a row"));
    }
    Ok(())
}

/// Resolves `\XXXX` and `\+XXXXXX`.
fn decode(name: &str) -> Option<String> {
    let mut parts = name.split('\\');
    let mut decoded = parts.next()?.to_owned();
    for part in parts {
        let (digits, length) = match part.strip_prefix('+') {
            Some(digits) => (digits, 6),
            None => (part, 4),
        };
        let code = u32::from_str_radix(digits.get(..length)?, 16).ok()?;
        decoded.push(char::from_u32(code).filter(|character| !character.is_control())?);
        decoded.push_str(digits.get(length..)?);
    }
    Some(decoded)
}
