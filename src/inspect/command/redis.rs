//! Commands of Redis, as a server's own `COMMAND` describes them.

use super::facts::{CommandEffect, Obstacle};
use super::walk::Draft;

const COMMANDS: &str = include_str!("tables/redis.txt");

/// Judges the words behind the flags of `redis-cli`. The place of each counts from 0 behind the program.
pub(super) fn judge(words: &[(usize, &str)], draft: &mut Draft) -> Result<(), Obstacle> {
    let Some(((place, first), rest)) = words.split_first() else {
        return Err(Obstacle::Missing("a command"));
    };
    let first = first.to_ascii_lowercase();
    let pair = rest.first().map(|(_, second)| format!("{first} {}", second.to_ascii_lowercase()));
    let found = pair.and_then(|pair| find(&pair)).map(|(name, does)| (name, does, rest.get(1..)));
    let found = found.or_else(|| find(&first).map(|(name, does)| (name, does, Some(rest))));
    let unknown = Obstacle::Verb { program: "redis-cli".to_owned(), word: place.saturating_add(1) };
    let Some((name, does, rest)) = found else { return Err(unknown) };
    let mut marks = does.split(' ');
    draft.raise(marks.next().and_then(CommandEffect::from_name).ok_or(unknown)?);
    draft.verb = vec![name.to_owned()];
    let (mut secrets, mut key) = (false, false);
    for mark in marks {
        secrets |= mark == "secrets";
        key |= mark == "key";
    }
    if secrets {
        draft.secret();
    }
    if key {
        draft.targets.extend(rest.and_then(<[_]>::first).map(|(_, word)| (*word).to_owned()));
    }
    Ok(())
}

fn find(name: &str) -> Option<(&'static str, &'static str)> {
    let mut lines = COMMANDS.lines().filter_map(|line| line.split_once(": "));
    lines.find(|(known, _)| *known == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_something_known() {
        for line in COMMANDS.lines() {
            let (name, does) = line.split_once(": ").unwrap_or_default();
            let mut marks = does.split(' ');
            assert!(marks.next().and_then(CommandEffect::from_name).is_some(), "{line}");
            assert!(marks.all(|mark| matches!(mark, "secrets" | "key")), "{line}");
            assert!(!name.is_empty() && name == name.to_lowercase(), "{line}");
        }
    }
}
