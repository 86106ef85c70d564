//! Strings and quoted names.
//!
//! A string must end at the same place under every mode of the server: with and without backslash escapes,
//! and for MySQL's double quotes as a string and as a name. Otherwise the text is refused.

use super::facts::Obstacle;
use super::lex::{Lexer, check_name, is_word_part, skip_blanks};
use super::tokens::Kind;
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
    body(lexer, '\'', backslash, Kind::Text)?;
    loop {
        let mut ahead = lexer.cursor.clone();
        let blanks = skip_blanks(lexer.dialect, &mut ahead)?;
        if ahead.byte(0) != b'\'' {
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
        body(lexer, '\'', backslash, Kind::Text)?;
        // The parts are one string: the last one ends it.
        let part = lexer.tokens.pop();
        if let Some((whole, part)) = lexer.tokens.last_mut().zip(part) {
            whole.end = part.end;
        }
    }
}

/// Reads MySQL's double quotes: a string, or a name under ANSI_QUOTES.
pub(super) fn double_quoted(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    body(lexer, '"', Backslash::Mode, Kind::DoubleQuoted)?;
    if matches!(lexer.cursor.byte(0), b'.' | b'(' | b'"' | b'\'') {
        return Err(Obstacle::Text("a double-quoted text that is a name under ANSI_QUOTES"));
    }
    Ok(())
}

/// Reads a string whose prefix `word` stands at the cursor. Returns whether it is such a prefix.
pub(super) fn prefixed(lexer: &mut Lexer<'_>, word: &str) -> Result<bool, Obstacle> {
    let prefix = word.to_ascii_lowercase();
    let backslash = match (lexer.dialect, prefix.as_str()) {
        (Dialect::PostgreSql, "e") => Backslash::Escape,
        (Dialect::PostgreSql | Dialect::MySql, "b") | (_, "x") => Backslash::Plain,
        (Dialect::PostgreSql | Dialect::MySql, "n") => Backslash::Mode,
        (Dialect::MySql, charset) if charset.starts_with('_') => Backslash::Mode,
        _ => return Ok(false),
    };
    lexer.cursor.skip(word.len());
    let text = body(lexer, '\'', backslash, Kind::Text)?;
    if backslash == Backslash::Plain && !text.chars().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Obstacle::Text("a digit string with other characters"));
    }
    refuse_continuation(lexer)?;
    Ok(true)
}

/// Reads PostgreSQL's `U&'…'` and `U&"…"`.
pub(super) fn unicode(lexer: &mut Lexer<'_>) -> Result<(), Obstacle> {
    lexer.cursor.skip(2);
    if lexer.cursor.byte(0) == b'"' {
        let name = body(lexer, '"', Backslash::Plain, Kind::Name)?;
        if name.contains('\\') {
            return Err(Obstacle::Text("a name in escapes"));
        }
    } else {
        body(lexer, '\'', Backslash::Plain, Kind::Text)?;
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
    let start = lexer.cursor.at();
    let mut ahead = lexer.cursor.clone();
    ahead.skip(1);
    let tag = ahead.take_while(|character| character != '$' && is_word_part(character));
    if !ahead.eat("$") || tag.starts_with(|first: char| first.is_ascii_digit()) {
        return Err(Obstacle::Text("a lone dollar sign"));
    }
    ahead.take_until(&format!("${tag}$")).ok_or(ENDLESS)?;
    if ahead.char().is_some_and(is_word_part) {
        return Err(Obstacle::Text("a string glued to a word"));
    }
    lexer.push(Kind::Text, ahead.at().saturating_sub(start));
    Ok(())
}

/// Reads a quoted name. A doubled end mark stands for itself, except in SQLite's brackets.
pub(super) fn identifier(lexer: &mut Lexer<'_>, open: &str, close: &str) -> Result<(), Obstacle> {
    let mut ahead = lexer.cursor.clone();
    ahead.skip(open.len());
    let start = ahead.at();
    ahead.take_until(close).ok_or(ENDLESS)?;
    while close != "]" && ahead.eat(close) {
        ahead.take_until(close).ok_or(ENDLESS)?;
    }
    let length = ahead.at().saturating_sub(start).saturating_sub(close.len());
    lexer.cursor.skip(open.len());
    let name = lexer.cursor.rest().get(..length).unwrap_or_default();
    if name.is_empty() {
        return Err(Obstacle::Text("an empty name"));
    }
    check_name(lexer.dialect, name)?;
    lexer.push(Kind::Name, length);
    lexer.cursor = ahead;
    Ok(())
}

/// Reads from quote to quote, adds the token and returns what stands between, escapes as they are.
fn body<'a>(
    lexer: &mut Lexer<'a>,
    quote: char,
    backslash: Backslash,
    kind: Kind,
) -> Result<&'a str, Obstacle> {
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
    };
    let text = text.get(..end.ok_or(ENDLESS)?).unwrap_or_default();
    // In a multi-byte character set a backslash can be the second half of a character.
    if backslash == Backslash::Mode && lexer.dialect == Dialect::MySql && wide_backslash(text) {
        return Err(MODES);
    }
    lexer.cursor.skip(1);
    lexer.push(kind, text.len());
    lexer.cursor.skip(1);
    Ok(text)
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
