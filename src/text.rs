//! Outside text in our messages.

/// Makes outside text fit for one line of a message: escaped, and cut at 64 characters.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(64).flat_map(char::escape_debug).collect();
    if text.chars().nth(64).is_some() {
        quoted.push('…');
    }
    quoted
}

/// Control characters, and the ones that reorder or hide text (Unicode TR 36, section 3; CVE-2021-42574).
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{2028}' | '\u{2029}' | '\u{e0000}'..='\u{e007f}' |
            '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

/// Counts the bytes of a text as JSON writes it, its quotes included.
pub(crate) fn escaped_len(text: &str) -> usize {
    let escape = |byte: u8| match byte {
        b'"' | b'\\' | b'\n' | b'\r' | b'\t' => 2,
        0..=0x1f => 6,
        _ => 1,
    };
    text.bytes().map(escape).fold(2, usize::saturating_add)
}

/// Finds the known name that a mistyped one most likely means: at most a third of its characters differ.
pub(crate) fn closest<'a>(found: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let near = known.into_iter().map(|name| (distance(found, name), name));
    let (distance, name) = near.min_by_key(|(distance, _)| *distance)?;
    (distance.saturating_mul(3) <= found.chars().count().max(3)).then_some(name)
}

/// Counts the insertions, removals and replacements that turn one text into the other (Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (line, a) in left.chars().enumerate() {
        let mut diagonal = line;
        let mut before = line.saturating_add(1);
        for (cell, b) in row.iter_mut().skip(1).zip(right.chars()) {
            let replaced = diagonal.saturating_add(usize::from(a != b));
            diagonal = *cell;
            before = replaced.min(before.saturating_add(1)).min(cell.saturating_add(1));
            *cell = before;
        }
        if let Some(first) = row.first_mut() {
            *first = line.saturating_add(1);
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_text_is_one_short_line() {
        assert_eq!(quote("a\nb\u{202e}"), "a\\nb\\u{202e}");
        assert_eq!(quote(&"x".repeat(65)), format!("{}…", "x".repeat(64)));
    }

    #[test]
    fn mistyped_name_finds_its_neighbour() {
        let known = ["resource.environment", "resource.owner", "subject.groups"];
        assert_eq!(closest("resource.enviroment", known), Some("resource.environment"));
        assert_eq!(closest("zzz", known), None);
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
