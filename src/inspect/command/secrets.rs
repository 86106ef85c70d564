//! The table of places: where credentials stand, and what must not be read.
//!
//! A path is compared as its names, of which the last line of the table that matches decides. A name with
//! `*`, `?`, `[` or `{` may be widened by somebody else, so it counts as what it could become.

use super::glob::{is_wide, matches, meets};

/// What reading a place does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Plain,
    Secret,
    Refused,
}

/// The names of a path, in small letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Names {
    parts: Vec<String>,
    /// The first name lies in the root directory.
    rooted: bool,
    /// What the last name may be a copy of.
    copied: Vec<String>,
}

impl Names {
    pub(super) fn new(parts: Vec<String>, rooted: bool) -> Self {
        let last = parts.last().map(String::as_str).unwrap_or_default();
        let copied = originals(last).into_iter().filter(|name| *name != last).map(str::to_owned).collect();
        Self { parts, rooted, copied }
    }
}

/// How a name of a pattern is compared with a name of a path.
type Same = fn(&str, &str) -> bool;

/// Judges what stands at a path.
pub(super) fn place(names: &Names) -> Verdict {
    let mut found = Verdict::Plain;
    for (verb, pattern) in lines() {
        let verdict = match verb {
            "secret" | "word" => Verdict::Secret,
            "refuse" => Verdict::Refused,
            "plain" => Verdict::Plain,
            _ => continue,
        };
        let matched = match verb {
            "word" => ends_in(names, pattern),
            "plain" => stands_at(names, pattern, matches),
            _ => stands_at(names, pattern, meets),
        };
        if matched {
            found = verdict;
        }
    }
    found
}

/// Says whether a search below a directory reaches one of the places.
pub(super) fn is_above(names: &Names) -> bool {
    let reaches = |place: &str, home: &[&str]| {
        let rest = place.split('/').filter(|name| !name.is_empty());
        let mut place = home.iter().copied().chain(rest);
        let all = names.parts.iter().all(|part| place.next().is_some_and(|name| meets(name, part)));
        all && place.next().is_some()
    };
    names.rooted
        && lines().filter(|(verb, _)| matches!(*verb, "secret" | "refuse")).any(|(_, pattern)| {
            match (pattern.strip_prefix('/'), pattern.strip_prefix("~/")) {
                (Some(rest), _) => reaches(rest, &[]),
                (_, Some(rest)) => HOMES.iter().any(|home| reaches(rest, home)),
                _ => false,
            }
        })
}

/// Says whether a host hands out credentials.
pub(super) fn host(name: &str) -> bool {
    any("host", |pattern| matches(pattern, name))
}

/// Says whether a page of a server shows credentials.
pub(super) fn page(names: &Names) -> bool {
    place(names) != Verdict::Plain || any("page", |pattern| stands_at(names, pattern, meets))
}

/// Says whether a table or a schema of a database holds credentials.
pub(super) fn table(name: &str) -> bool {
    let name = name.to_lowercase().replace(['"', '`', '[', ']'], "");
    let last = name.rsplit('.').next().unwrap_or_default();
    any("table", |pattern| matches(pattern, &name) || matches(pattern, last))
}

fn any(verb: &str, matched: impl Fn(&str) -> bool) -> bool {
    lines().any(|(known, pattern)| known == verb && matched(pattern))
}

fn lines() -> impl Iterator<Item = (&'static str, &'static str)> {
    PLACES.lines().filter(|line| !line.starts_with('#')).filter_map(|line| line.split_once(' '))
}

fn stands_at(names: &Names, pattern: &str, same: Same) -> bool {
    let (bare, below) = match pattern.strip_suffix('/') {
        Some(bare) => (bare, true),
        None => (pattern, false),
    };
    if bare.starts_with('/') {
        return names.rooted && begins(names, 0, bare, below, same);
    }
    let bare = bare.strip_prefix("~/").unwrap_or(bare);
    let count = names.parts.len();
    let last = count.saturating_sub(bare.split('/').count());
    let first = if below { 0 } else { last };
    (first..=last).any(|start| begins(names, start, bare, below, same))
}

/// Says whether the path begins with the pattern, and ends with it unless all below counts.
fn begins(names: &Names, start: usize, pattern: &str, below: bool, same: Same) -> bool {
    let rooted = pattern.starts_with('/');
    let mut parts = names.parts.iter().skip(start).peekable();
    for name in pattern.strip_prefix('/').unwrap_or(pattern).split('/') {
        let Some(part) = parts.next() else { return false };
        let mut copied = || parts.peek().is_none() && names.copied.iter().any(|part| matches(name, part));
        let known = same(name, part) && (rooted || !is_wide(part));
        if !known && !copied() {
            return false;
        }
    }
    below || parts.next().is_none()
}

/// Says whether a dotted part of the name ends in a word.
fn ends_in(names: &Names, word: &str) -> bool {
    let Some(name) = names.parts.last() else { return false };
    let ends = |part: &str| {
        let before = part.strip_suffix(word);
        before.is_some_and(|before| before.is_empty() || before.ends_with(['-', '_', ' ', '#']))
    };
    name.split('.').any(ends) || names.copied.iter().any(|name| name.split('.').any(ends))
}

/// The name of the file that a backup or a copy was made of, with and without a dot before it.
fn originals(name: &str) -> [&str; 2] {
    let mut name = name;
    if name.len() > NAME {
        return [name, name];
    }
    loop {
        let cut = name.trim_end_matches(['~', '-', '#']);
        let cut = cut.trim_end_matches(|letter: char| letter.is_ascii_digit());
        let cut = if cut.ends_with(['.', '-']) { cut.trim_end_matches(['.', '-']) } else { name };
        let cut = cut.trim_end_matches(['~', '-', '#']);
        let cut = BACKUPS.iter().find_map(|ending| cut.strip_suffix(ending)).unwrap_or(cut);
        if cut == name || cut.is_empty() {
            return [name, name.trim_start_matches(['.', '#'])];
        }
        name = cut;
    }
}

/// Where homes are.
const HOMES: &[&[&str]] = &[&["root"], &["home", "*"]];

/// A longer name is none.
const NAME: usize = 255;

const BACKUPS: &[&str] = &[
    ".back",
    ".backup",
    ".bak",
    ".bz2",
    ".copy",
    ".dpkg-dist",
    ".dpkg-new",
    ".dpkg-old",
    ".gz",
    ".lz4",
    ".new",
    ".old",
    ".orig",
    ".prev",
    ".rpmnew",
    ".rpmsave",
    ".save",
    ".saved",
    ".swo",
    ".swp",
    ".tmp",
    ".ucf-dist",
    ".ucf-old",
    ".xz",
    ".zst",
];

const PLACES: &str = include_str!("tables/secrets.txt");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_says_something_known() {
        for line in PLACES.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (verb, pattern) = line.split_once(' ').unwrap_or_default();
            let known = ["secret", "refuse", "plain", "word", "host", "page", "table"].contains(&verb);
            assert!(known && !pattern.is_empty() && pattern == pattern.to_lowercase(), "{line}");
        }
    }

    #[test]
    fn no_line_stands_twice() {
        let mut all: Vec<_> = lines().collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn each_place_is_found_itself() {
        for (verb, pattern) in lines().filter(|(verb, _)| *verb == "secret") {
            let path = pattern.trim_start_matches("~/").trim_end_matches('/').replace('*', "7");
            let parts = path.split('/').filter(|name| !name.is_empty()).map(str::to_owned).collect();
            let names = Names::new(parts, pattern.starts_with('/'));
            assert_ne!(place(&names), Verdict::Plain, "{verb} {pattern}");
        }
    }
}
