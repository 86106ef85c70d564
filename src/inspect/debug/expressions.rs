//! Which expressions of a breakpoint only read names.
//!
//! An allow-list over letters, for the languages that debuggers have in common: names with dots and
//! indices, literals, comparisons. A call, an assignment or any other sign is not known to be harmless.

use crate::text::is_unprintable;

/// What an expression needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// Nothing: it is a plain text.
    Text,
    /// The values of names.
    Names,
}

/// Reads a condition: comparisons of names and literals, joined by `&&`, `||`, `and`, `or`, with `not`.
pub(super) fn condition(text: &str) -> Option<Use> {
    let mut rest = text.trim_matches(' ');
    if rest.is_empty() {
        return Some(Use::Text);
    }
    loop {
        while let Some(after) = rest.strip_prefix("not ") {
            rest = after.trim_start_matches(' ');
        }
        let operand = operand(rest)?;
        rest = rest.get(operand.len()..)?.trim_start_matches(' ');
        if rest.is_empty() {
            return Some(Use::Names);
        }
        let operator = OPERATORS.iter().find(|operator| rest.starts_with(**operator))?;
        rest = rest.get(operator.len()..)?;
        // Nothing may be read as a longer operator: `<=>`, `>>=`, `&&=`.
        if rest.starts_with(['=', '<', '>', '&', '|', '~']) {
            return None;
        }
        rest = rest.trim_start_matches(' ');
    }
}

/// Reads a log message: text with names in `{…}`.
pub(super) fn message(text: &str) -> Option<Use> {
    // Templates of shells and languages inside the text are evaluated by some adapters; others put the text
    // between quotes, or make it the format of a `printf`.
    if text.contains(['`', '$', '\\', '"', '\'', '%'])
        || text.contains("#{")
        || text.chars().any(is_unprintable)
    {
        return None;
    }
    let mut parts = text.split('{');
    if parts.next()?.contains('}') {
        return None;
    }
    let mut found = Use::Text;
    for part in parts {
        let (expression, rest) = part.split_once('}')?;
        let expression = expression.trim_matches(' ');
        if rest.contains('}') || path(expression)? != expression {
            return None;
        }
        found = Use::Names;
    }
    Some(found)
}

/// Says whether a text names a child of a variable: a name with dots and indices, or an index.
pub(super) fn is_child(text: &str) -> bool {
    let index = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    path(index.unwrap_or(text)) == Some(index.unwrap_or(text))
}

/// Says whether a text is a number, or a comparison with one, of how often a breakpoint was passed.
pub(super) fn is_hit_count(text: &str) -> bool {
    let text = text.trim_matches(' ');
    let operator = ["==", ">=", "<=", "=", ">", "<", "%"].into_iter().find(|sign| text.starts_with(sign));
    let number = operator.and_then(|sign| text.strip_prefix(sign)).unwrap_or(text).trim_start_matches(' ');
    text.is_empty() || !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
}

/// Cuts off a name with dots and plain indices, or a number.
fn path(text: &str) -> Option<&str> {
    let letter = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '[' | ']');
    let end = text.find(|c| !letter(c)).unwrap_or(text.len());
    let path = text.get(..end)?;
    // `a[0].b`: an index holds digits alone, and a dot stands between names.
    let mut rest = path;
    loop {
        let name = word(rest);
        if name.is_empty() {
            return None;
        }
        rest = rest.get(name.len()..)?;
        while let Some(index) = rest.strip_prefix('[') {
            let (digits, after) = index.split_once(']')?;
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            rest = after;
        }
        if rest.is_empty() {
            return Some(path);
        }
        rest = rest.strip_prefix('.')?;
    }
}

/// Cuts off a name, a number or a text without escapes.
fn operand(text: &str) -> Option<&str> {
    if let Some(quote @ ('"' | '\'')) = text.chars().next() {
        let (literal, rest) = text.get(1..)?.split_once(quote)?;
        let plain = !literal.contains(['\\', '\n', '\r', '$', '#', '{']) && !rest.starts_with(quote);
        return text.get(..literal.len().saturating_add(2)).filter(|_| plain);
    }
    let number = text.strip_prefix('-').filter(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
    let path = path(number.unwrap_or(text))?;
    let sign = usize::from(number.is_some());
    (!matches!(path, "and" | "or" | "not")).then(|| text.get(..path.len().saturating_add(sign)))?
}

fn word(text: &str) -> &str {
    let end =
        text.find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_').unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

const OPERATORS: [&str; 12] = ["===", "!==", "==", "!=", "<=", ">=", "&&", "||", "and ", "or ", "<", ">"];
