//! Functions on text.
//!
//! Positions count Unicode code points, never bytes. A position outside the text is a fault.

use regex::RegexBuilder;

use super::Func;
use crate::cel::budget::{Budget, Trouble};
use crate::cel::failure::Fault;
use crate::cel::val::Val;
use crate::limits;

pub(super) fn size<'a>(value: &Val<'_>, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let size = if let Some(text) = value.as_str() {
        budget.scan(text.len())?;
        text.chars().count()
    } else if let Some(bytes) = value.as_bytes() {
        bytes.len()
    } else {
        value.count().ok_or(Fault::NoOverload)?
    };
    length(size)
}

/// Compiles a regular expression within its bounds. It takes linear time whatever it is.
pub(in crate::cel) fn pattern(text: &str) -> Option<regex::Regex> {
    if text.len() > limits::REGEX_TEXT || !is_cheap(text) {
        return None;
    }
    RegexBuilder::new(text).size_limit(limits::REGEX_BYTES).dfa_size_limit(limits::REGEX_BYTES).build().ok()
}

/// Says whether a pattern can be compiled in reasonable time. A class such as `\w` or `\pL` costs tenths of a
/// millisecond, ten times that where case is ignored, and a wide range there even a hundred times.
fn is_cheap(pattern: &str) -> bool {
    let ignores_case = pattern.split("(?").skip(1).any(|group| {
        let end = group.find(|letter: char| !letter.is_ascii_alphabetic() && letter != '-').unwrap_or(0);
        group.get(..end).is_some_and(|flags| flags.contains('i')) && !group.starts_with("P<")
    });
    let (mut classes, mut brackets, mut wide) = (0_usize, 0_usize, false);
    let mut letters = pattern.chars();
    while let Some(letter) = letters.next() {
        match letter {
            '\\' => match letters.next() {
                Some('p' | 'P' | 'w' | 'W' | 'd' | 'D' | 's' | 'S' | 'b' | 'B') => {
                    classes = classes.saturating_add(1)
                }
                Some('x' | 'u' | 'U') => wide |= brackets > 0,
                _ => {}
            },
            '[' => brackets = brackets.saturating_add(1),
            ']' => brackets = brackets.saturating_sub(1),
            _ => wide |= brackets > 0 && !letter.is_ascii(),
        }
    }
    if ignores_case {
        classes <= limits::REGEX_CLASSES / 8 && !wide
    } else {
        classes <= limits::REGEX_CLASSES
    }
}

pub(super) fn test<'a>(
    func: Func,
    first: &Val<'_>,
    rest: &[Val<'_>],
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    let (Some(text), [other]) = (first.as_str(), rest) else { return Err(Fault::NoOverload.into()) };
    let other = other.as_str().ok_or(Fault::NoOverload)?;
    budget.scan(text.len().saturating_add(other.len()))?;
    Ok(Val::Bool(match func {
        Func::StartsWith => text.starts_with(other),
        Func::EndsWith => text.ends_with(other),
        Func::Contains => text.contains(other),
        _ => {
            budget.step(REGEX_STEPS)?;
            pattern(other).ok_or(Fault::Regex)?.is_match(text)
        }
    }))
}

pub(super) fn edit<'a>(
    func: Func,
    first: &Val<'a>,
    rest: &[Val<'a>],
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    let text = first.as_str().ok_or(Fault::NoOverload)?;
    budget.scan(text.len())?;
    match (func, rest) {
        (Func::CharAt, [Val::Int(place)]) => {
            let place = position(text, *place)?;
            let letter = text.get(place..).and_then(|rest| rest.chars().next());
            built(letter.map(String::from).unwrap_or_default(), budget)
        }
        (Func::IndexOf | Func::LastIndexOf, [other, rest @ ..]) => find(func, text, other, rest, budget),
        (Func::LowerAscii, []) => built(text.to_ascii_lowercase(), budget),
        (Func::UpperAscii, []) => built(text.to_ascii_uppercase(), budget),
        (Func::Trim, []) => built(text.trim_matches(is_space).to_owned(), budget),
        (Func::Quote, []) => built(quote(text), budget),
        (Func::Substring, [Val::Int(start)]) => {
            let start = position(text, *start)?;
            built(text.get(start..).unwrap_or_default().to_owned(), budget)
        }
        (Func::Substring, [Val::Int(start), Val::Int(end)]) => {
            if start > end {
                return Err(Fault::IndexOutOfRange.into());
            }
            let (start, end) = (position(text, *start)?, position(text, *end)?);
            built(text.get(start..end).unwrap_or_default().to_owned(), budget)
        }
        (Func::Replace, [from, to]) => replace(text, from, to, usize::MAX, budget),
        (Func::Replace, [from, to, Val::Int(count)]) => {
            replace(text, from, to, usize::try_from(*count).unwrap_or(usize::MAX), budget)
        }
        (Func::Split, [separator]) => split(text, separator, usize::MAX, budget),
        (Func::Split, [separator, Val::Int(count)]) => {
            split(text, separator, usize::try_from(*count).unwrap_or(usize::MAX), budget)
        }
        _ => Err(Fault::NoOverload.into()),
    }
}

fn find<'a>(
    func: Func,
    text: &str,
    other: &Val<'_>,
    rest: &[Val<'_>],
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    let wanted = other.as_str().ok_or(Fault::NoOverload)?;
    budget.scan(wanted.len())?;
    let found = match (func, rest) {
        (Func::IndexOf, []) => text.find(wanted),
        (_, []) => text.rfind(wanted),
        (Func::IndexOf, [Val::Int(from)]) => {
            let from = position(text, *from)?;
            text.get(from..).and_then(|rest| rest.find(wanted)).map(|place| place.saturating_add(from))
        }
        (_, [Val::Int(last)]) => {
            let last = position(text, *last)?;
            // The match may begin at the position at the latest, so it may end that much later.
            let end = text.get(last..).and_then(|rest| rest.char_indices().nth(wanted.chars().count()));
            let end = end.map_or(text.len(), |(offset, _)| last.saturating_add(offset));
            text.get(..end).and_then(|head| head.rfind(wanted))
        }
        _ => return Err(Fault::NoOverload.into()),
    };
    match found {
        Some(place) => length(text.get(..place).unwrap_or_default().chars().count()),
        None => Ok(Val::Int(-1)),
    }
}

fn replace<'a>(
    text: &str,
    from: &Val<'_>,
    to: &Val<'_>,
    count: usize,
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    let (Some(from), Some(to)) = (from.as_str(), to.as_str()) else { return Err(Fault::NoOverload.into()) };
    let places = text.matches(from).count().min(count);
    budget.build(text.len().saturating_add(places.saturating_mul(to.len())))?;
    Ok(Val::text(text.replacen(from, to, count)))
}

fn split<'a>(text: &str, separator: &Val<'_>, count: usize, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let separator = separator.as_str().ok_or(Fault::NoOverload)?;
    if count == 0 {
        return Ok(Val::List(Vec::new().into()));
    }
    let parts: Vec<&str> =
        if separator.is_empty() { letters(text, count) } else { text.splitn(count, separator).collect() };
    budget.build_items(parts.len())?;
    budget.build(text.len())?;
    Ok(Val::List(parts.into_iter().map(Val::text).collect()))
}

/// Single letters, the last part being all that is left.
fn letters(text: &str, count: usize) -> Vec<&str> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(letter) = rest.chars().next() {
        if parts.len().saturating_add(1) == count {
            parts.push(rest);
            break;
        }
        let (head, tail) = rest.split_at_checked(letter.len_utf8()).unwrap_or((rest, ""));
        parts.push(head);
        rest = tail;
    }
    parts
}

fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len().saturating_add(2));
    out.push('"');
    for letter in text.chars() {
        match letter {
            '\u{07}' => out.push_str("\\a"),
            '\u{08}' => out.push_str("\\b"),
            '\u{0b}' => out.push_str("\\v"),
            '\u{0c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            _ => out.push(letter),
        }
    }
    out.push('"');
    out
}

/// The byte at which a code point begins; one behind the last is the end.
fn position(text: &str, place: i64) -> Result<usize, Fault> {
    let place = usize::try_from(place).map_err(|_| Fault::IndexOutOfRange)?;
    let mut starts = text.char_indices().map(|(start, _)| start).chain([text.len()]);
    starts.nth(place).ok_or(Fault::IndexOutOfRange)
}

fn built<'a>(text: String, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    budget.build(text.len())?;
    Ok(Val::text(text))
}

fn length<'a>(size: usize) -> Result<Val<'a>, Trouble> {
    Ok(i64::try_from(size).map(Val::Int).map_err(|_| Fault::Overflow)?)
}

/// White space as the language counts it: the byte order mark and the zero-width ones are letters.
fn is_space(letter: char) -> bool {
    letter.is_whitespace()
}

/// Steps of compiling an expression that is not known at load: at worst some tenths of a millisecond.
const REGEX_STEPS: usize = 10_000;
