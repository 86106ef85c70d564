//! What a literal means.
//!
//! Reads numbers and the escapes in texts and bytes. A number outside its type, an escape that is cut short,
//! and a code point that is no character are refused with their place.

use super::ast::Literal;
use super::diagnostic::{Diagnostic, Span};

/// Reads an integer, with its sign so that the smallest one can be written.
pub(super) fn int(text: &str, negative: bool, span: Span) -> Result<Literal, Diagnostic> {
    let size = magnitude(text).ok_or_else(|| out_of_range("int", span))?;
    let number = if negative { 0_i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() };
    number.map(Literal::Int).ok_or_else(|| out_of_range("int", span))
}

pub(super) fn uint(text: &str, span: Span) -> Result<Literal, Diagnostic> {
    let digits = text.trim_end_matches(['u', 'U']);
    magnitude(digits).map(Literal::Uint).ok_or_else(|| out_of_range("uint", span))
}

pub(super) fn double(text: &str, negative: bool, span: Span) -> Result<Literal, Diagnostic> {
    let number: f64 = text.parse().map_err(|_| out_of_range("double", span))?;
    if number.is_infinite() {
        return Err(out_of_range("double", span));
    }
    Ok(Literal::Double(if negative { -number } else { number }))
}

/// Reads a text with its quotes and prefix.
pub(super) fn string(text: &str, span: Span) -> Result<Literal, Diagnostic> {
    let (body, raw, offset) = body(text);
    if raw || !body.contains(['\\', '\r']) {
        return Ok(Literal::String(body.into()));
    }
    let mut out = String::with_capacity(body.len());
    let mut rest = body;
    while let Some(letter) = rest.chars().next() {
        let here = place(span, offset, body, rest);
        rest = after(rest, letter.len_utf8());
        if letter != '\\' {
            out.push(letter);
            continue;
        }
        let (code, tail) = escape(rest, true).ok_or_else(|| bad_escape(here, rest))?;
        out.push(char::from_u32(code).ok_or_else(|| bad_escape(here, rest))?);
        rest = tail;
    }
    Ok(Literal::String(out.into()))
}

/// Reads bytes with their quotes and prefix.
pub(super) fn bytes(text: &str, span: Span) -> Result<Literal, Diagnostic> {
    let (body, raw, offset) = body(text);
    if raw {
        return Ok(Literal::Bytes(body.as_bytes().into()));
    }
    let mut out = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some(letter) = rest.chars().next() {
        let here = place(span, offset, body, rest);
        rest = after(rest, letter.len_utf8());
        if letter != '\\' {
            out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
            continue;
        }
        let (code, tail) = escape(rest, false).ok_or_else(|| bad_escape(here, rest))?;
        out.push(u8::try_from(code).map_err(|_| bad_escape(here, rest))?);
        rest = tail;
    }
    Ok(Literal::Bytes(out.into()))
}

/// Cuts prefix and quotes off; says whether escapes are letters, and how far in the body begins.
fn body(text: &str) -> (&str, bool, usize) {
    let unprefixed = text.trim_start_matches(['r', 'R', 'b', 'B']);
    let prefix = text.len().saturating_sub(unprefixed.len());
    let raw = text.get(..prefix).is_some_and(|prefix| prefix.contains(['r', 'R']));
    for quotes in ["\"\"\"", "'''", "\"", "'"] {
        let inner = unprefixed.strip_prefix(quotes).and_then(|rest| rest.strip_suffix(quotes));
        if let Some(inner) = inner {
            return (inner, raw, prefix.saturating_add(quotes.len()));
        }
    }
    ("", raw, prefix)
}

/// Reads what follows a backslash: a code and the rest of the text.
fn escape(rest: &str, unicode: bool) -> Option<(u32, &str)> {
    let letter = rest.chars().next()?;
    let simple = match letter {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => 0x0a,
        'r' => 0x0d,
        't' => 0x09,
        'v' => 0x0b,
        '\\' | '?' | '"' | '\'' | '`' => u32::from(letter),
        'x' | 'X' => return digits(after(rest, 1), 2, 16),
        'u' if unicode => return digits(after(rest, 1), 4, 16),
        'U' if unicode => return digits(after(rest, 1), 8, 16),
        '0'..='3' => return digits(rest, 3, 8),
        _ => return None,
    };
    Some((simple, after(rest, 1)))
}

fn digits(text: &str, count: usize, radix: u32) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(count)?;
    let plain = digits.chars().all(|digit| digit.is_digit(radix));
    Some((u32::from_str_radix(digits, radix).ok().filter(|_| plain)?, rest))
}

fn magnitude(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

fn after(text: &str, bytes: usize) -> &str {
    text.get(bytes..).unwrap_or_default()
}

fn place(span: Span, offset: usize, body: &str, rest: &str) -> Span {
    let start =
        span.range().start.saturating_add(offset).saturating_add(body.len()).saturating_sub(rest.len());
    Span::new(start, start.saturating_add(2).min(span.range().end))
}

fn out_of_range(kind: &str, span: Span) -> Diagnostic {
    Diagnostic::error(span, format!("number is outside the range of {kind}"))
}

fn bad_escape(span: Span, rest: &str) -> Diagnostic {
    let letter = rest.chars().next().map(String::from).unwrap_or_default();
    // The letter after the backslash may be wider than one byte.
    let start = span.range().start;
    let span = Span::new(start, start.saturating_add(1).saturating_add(letter.len()));
    let fault = format!("{} is not the start of an escape", super::diagnostic::quote(&format!("\\{letter}")));
    Diagnostic::error(span, fault).with_help("write `\\\\` for a backslash, or `r\"…\"` for raw text")
}
