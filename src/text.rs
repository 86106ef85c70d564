//! Outside text in our messages.

/// Makes outside text fit for one line of a message: escaped, and cut at 64 characters.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted: String = text.chars().take(64).flat_map(char::escape_debug).collect();
    if text.chars().nth(64).is_some() {
        quoted.push('…');
    }
    quoted
}

/// Joins the lines of a text, with one space for every stretch of white space, and cuts it at 120 characters.
pub(crate) fn one_line(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut line: String = joined.chars().take(120).collect();
    if line.len() < joined.len() {
        line.push('…');
    }
    line
}

/// Says whether a text is printable ASCII without quotes and backslashes, as most are: then nothing in it needs
/// a closer look, or an escape.
pub(crate) fn is_plain(text: &str) -> bool {
    let bytes = text.as_bytes();
    match bytes.last_chunk() {
        Some(last) => bytes.as_chunks().0.iter().chain([last]).all(|eight| is_plain_word(*eight)),
        None => bytes.iter().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')),
    }
}

/// Looks at eight bytes at once. In bytes below 0x80 a sum does not carry into the next one, and its highest bit
/// tells how the byte compares.
fn is_plain_word(eight: [u8; 8]) -> bool {
    let each = |byte: u8| u64::from_ne_bytes([byte; 8]);
    let (word, highest) = (u64::from_ne_bytes(eight), each(0x80));
    let at_least = |low: u8| word.wrapping_add(each(0x80_u8.wrapping_sub(low)));
    let other_than = |byte: u8| (word ^ each(byte)).wrapping_add(each(0x7f));
    let plain = at_least(b' ') & !at_least(0x7f) & other_than(b'"') & other_than(b'\\') & !word;
    plain & highest == highest
}

/// Control characters, and the ones that reorder or hide text (Unicode TR 36, section 3; CVE-2021-42574).
pub(crate) fn is_unprintable(character: char) -> bool {
    character.is_control()
        || matches!(character,
            '\u{ad}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Says whether nobody would see anything of a text.
pub(crate) fn is_blank(text: &str) -> bool {
    let shows_nothing = |c: char| matches!(c, '\u{2800}' | '\u{fe00}'..='\u{fe0f}') || is_unprintable(c);
    text.chars().all(|c| c.is_whitespace() || shows_nothing(c))
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

/// Finds the name that was probably meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let allowed = (name.len() / 3).clamp(1, 3);
    known
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= allowed && candidate.len() <= NAME)
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed && *distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// Counts the letters to change, add, drop or swap with a neighbour (restricted Damerau-Levenshtein).
fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for (row, letter) in left.iter().enumerate() {
        let mut line = vec![row.saturating_add(1)];
        for (column, other) in right.iter().enumerate() {
            let cell = |line: &[usize], at: usize| line.get(at).copied().unwrap_or(usize::MAX);
            let next = column.saturating_add(1);
            let same = usize::from(letter != other);
            let mut least = cell(&above, column).saturating_add(same);
            least =
                least.min(cell(&above, next).saturating_add(1)).min(cell(&line, column).saturating_add(1));
            if let (Some(up), Some(back)) = (row.checked_sub(1), column.checked_sub(1))
                && left.get(up) == Some(other)
                && right.get(back) == Some(letter)
            {
                least = least.min(cell(&before, back).saturating_add(1));
            }
            line.push(least);
        }
        before = std::mem::replace(&mut above, line);
    }
    above.last().copied().unwrap_or(usize::MAX)
}

/// Bytes of a name for which a neighbour is looked for: the search is quadratic.
const NAME: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_plain_just_where_every_byte_is() {
        for byte in 0_u8..0x80 {
            let expected = matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
            for (before, behind) in [(0, 0), (3, 3), (0, 8), (7, 1), (8, 0), (9, 12)] {
                let text = format!("{}{}{}", "a".repeat(before), char::from(byte), "z".repeat(behind));
                assert_eq!(is_plain(&text), expected, "{text:?}");
            }
        }
        assert!(is_plain("") && !is_plain("é") && !is_plain("seven and é") && !is_plain("éseven and"));
    }

    #[test]
    fn quoted_text_is_one_short_line() {
        assert_eq!(quote("a\nb\u{202e}"), "a\\nb\\u{202e}");
        assert_eq!(quote(&"x".repeat(65)), format!("{}…", "x".repeat(64)));
    }

    #[test]
    fn a_near_name_is_found_and_a_far_one_is_not() {
        let known = ["resource.environment", "resource.owner", "now"];
        assert_eq!(nearest("resource.enviroment", known), Some("resource.environment"));
        assert_eq!(nearest("nwo", known), Some("now"));
        assert_eq!(nearest("context.ticket", known), None);
    }
}
