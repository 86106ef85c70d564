//! Names with `*` and `?`.

/// Says whether a pattern describes a name.
pub(super) fn matches(pattern: &str, name: &str) -> bool {
    if !pattern.contains(['*', '?']) {
        return pattern == name;
    }
    let (mut pattern, mut name) = (pattern.chars(), name.chars());
    let mut again: Option<(std::str::Chars<'_>, std::str::Chars<'_>)> = None;
    loop {
        let (mut wanted, mut found) = (pattern.clone(), name.clone());
        match (wanted.next(), found.next()) {
            (Some('*'), _) => {
                again = Some((wanted.clone(), name.clone()));
                pattern = wanted;
            }
            (None, None) => return true,
            (Some(one), Some(other)) if one == '?' || one == other => {
                (pattern, name) = (wanted, found);
            }
            _ => {
                let Some((after, mut from)) = again.take() else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, name) = (after.clone(), from.clone());
                again = Some((after, from));
            }
        }
    }
}

/// Says whether a pattern describes a name, or what a name that is a pattern itself could become.
pub(super) fn meets(pattern: &str, name: &str) -> bool {
    if matches(pattern, name) {
        return true;
    }
    if !name.contains(WILD) {
        return false;
    }
    let wide = widened(name);
    matches(&wide, &pattern.replace('*', "x")) || matches(&wide, &pattern.replace('*', ""))
}

/// Says whether a name consists of letters that stand for others.
pub(super) fn is_wide(name: &str) -> bool {
    name.contains(WILD) && widened(name).chars().all(|letter| matches!(letter, '*' | '?'))
}

/// Reads a set of letters as any letter, and a choice as any letters.
fn widened(name: &str) -> String {
    let mut wide = String::new();
    let mut until = None;
    for letter in name.chars() {
        match (until, letter) {
            (Some(end), _) if letter == end => until = None,
            (Some(_), _) => {}
            (None, '[') => {
                wide.push('?');
                until = Some(']');
            }
            (None, '{') => {
                wide.push('*');
                until = Some('}');
            }
            (None, _) => wide.push(letter),
        }
    }
    wide
}

const WILD: [char; 4] = ['*', '?', '[', '{'];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_and_questions() {
        for (pattern, name, same) in [
            ("", "", true),
            ("a", "", false),
            ("*", "", true),
            ("*.pem", "x.pem", true),
            ("*.pem", "x.pem.gz", false),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "a", true),
            ("?", "", false),
            ("a?", "a", false),
        ] {
            assert_eq!(matches(pattern, name), same, "{pattern} {name}");
        }
    }

    #[test]
    fn names_that_could_become_another() {
        for (pattern, name, same) in [
            ("shadow", "sh*", true),
            ("shadow", "[s]hadow", true),
            ("shadow", "{shadow,x}", true),
            ("id_*", "id_r*", true),
            ("*.pem", "*.p?m", true),
            ("id_*", "*.log", false),
            ("shadow", "hosts", false),
        ] {
            assert_eq!(meets(pattern, name), same, "{pattern} {name}");
        }
        assert!(is_wide("*") && is_wide("{a,b}") && !is_wide("a*") && !is_wide("a"));
    }
}
