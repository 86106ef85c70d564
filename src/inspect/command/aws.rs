//! Operations of the AWS command line.
//!
//! Each line of the table names a service, an operation, its effect and all its flags; `!` behind a flag
//! means that it carries or shows credentials, and `secrets` behind the effect that the answer may hold some,
//! such as an environment or user data. What follows a flag up to the next one are its values. None
//! of the operations writes into a file, so no value can be the name of one.

use std::cmp::Ordering;

use super::facts::{CommandEffect, Known, Obstacle};
use super::paths;
use super::values::Place;
use super::walk::Draft;

const OPERATIONS: &str = include_str!("tables/aws.txt");

/// Explains the words behind `aws`.
pub(super) fn explain(words: &[&str], directory: Option<&str>) -> Result<Known, Obstacle> {
    let mut draft = Draft::new(CommandEffect::Read, false);
    let mut words = words.iter().copied().zip(1_usize..).peekable();
    let mut names = Vec::new();
    while names.len() < 2 {
        let Some((word, place)) = words.next() else { return Err(Obstacle::Missing("an operation")) };
        if !word.starts_with('-') {
            names.push((word, place));
        } else if let Some(value) = global(word, &mut draft)? {
            take(value, &mut words, &mut draft)?;
        }
    }
    let (service, operation) = match names.as_slice() {
        [(service, _), (operation, _)] => (*service, *operation),
        _ => return Err(Obstacle::Missing("an operation")),
    };
    let place = names.last().map_or(0, |(_, place)| *place);
    let unknown = || Obstacle::Verb { program: "aws".to_owned(), word: place };
    let line = find(service, operation).ok_or_else(unknown)?;
    let mut known = line.split(' ');
    let effect = known.next().and_then(CommandEffect::from_name).ok_or_else(unknown)?;
    let flags: Vec<&str> = known.collect();
    draft.raise(effect);
    if effect == CommandEffect::Privilege && SHOWS.iter().any(|verb| operation.starts_with(verb)) {
        draft.secret();
    }
    draft.secrets |= flags.first() == Some(&"secrets");
    let mut in_flag = false;
    while let Some((word, place)) = words.next() {
        if !word.starts_with('-') || super::walk::is_number(word.trim_start_matches('-')) {
            plain(word, place, &mut draft)?;
            if service == "s3" && !word.starts_with("s3://") {
                let place = Place { word: place, operand: true, stop: false, directory };
                let deep = std::mem::replace(&mut draft.deep, true);
                paths::judge(word, place, &mut draft)?;
                draft.deep = deep;
            }
            if !in_flag && service != "s3" && (service, operation) != ("logs", "tail") {
                return Err(Obstacle::Word { word: place, problem: "no operand is expected here" });
            }
            if !in_flag {
                draft.targets.push(word.to_owned());
            }
            continue;
        }
        let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
        let positive = flag.strip_prefix("--no-").map(|rest| format!("--{rest}"));
        let is = |name: &str| name == flag || Some(name) == positive.as_deref();
        in_flag = false;
        match flags.iter().find(|name| is(name.strip_suffix('!').unwrap_or(name))) {
            Some(name) => {
                if name.ends_with('!') {
                    draft.secret();
                }
                value.map_or(Ok(()), |value| plain(value, place, &mut draft))?;
                in_flag = value.is_none() && service != "s3";
            }
            None => {
                if let Some(value) = global(word, &mut draft)? {
                    take(value, &mut words, &mut draft)?;
                }
            }
        }
    }
    draft.verb = vec![service.to_owned(), operation.to_owned()];
    Ok(draft.known("aws"))
}

/// Reads a flag of every operation. Returns its name if its value stands in the next word.
fn global<'a>(word: &'a str, draft: &mut Draft) -> Result<Option<&'a str>, Obstacle> {
    let (flag, value) = word.split_once('=').map_or((word, None), |(flag, value)| (flag, Some(value)));
    match value {
        None if SWITCHES.contains(&flag) => Ok(None),
        None if GLOBALS.contains(&flag) => Ok(Some(flag)),
        Some(value) if GLOBALS.contains(&flag) => {
            note(flag, value, draft);
            Ok(None)
        }
        _ => Err(Obstacle::Flag(flag.to_owned())),
    }
}

fn take<'a>(
    flag: &str,
    words: &mut impl Iterator<Item = (&'a str, usize)>,
    draft: &mut Draft,
) -> Result<(), Obstacle> {
    let (value, place) = words.next().ok_or(Obstacle::Missing("a flag's value"))?;
    if value.starts_with('-') {
        return Err(Obstacle::Word { word: place, problem: "a flag's value looks like a flag" });
    }
    plain(value, place, draft)?;
    note(flag, value, draft);
    Ok(())
}

fn note(flag: &str, value: &str, draft: &mut Draft) {
    if matches!(flag, "--profile" | "--region") {
        draft.targets.push(format!("{flag}={value}"));
    }
}

/// Refuses a value that the program replaces by a file's or a page's content, and notes an attribute that is
/// known for credentials.
fn plain(value: &str, place: usize, draft: &mut Draft) -> Result<(), Obstacle> {
    if value.eq_ignore_ascii_case("userData") {
        draft.secret();
    }
    let loads = ["file://", "fileb://", "http://", "https://"].iter().any(|scheme| value.contains(scheme));
    if loads {
        return Err(Obstacle::Word { word: place, problem: "it is loaded from elsewhere" });
    }
    Ok(())
}

/// Finds an operation's line by halving the sorted table.
fn find(service: &str, operation: &str) -> Option<&'static str> {
    let key = format!("{service} {operation} ");
    let mut text = OPERATIONS;
    while !text.is_empty() {
        let middle = text.as_bytes().iter().take(text.len() / 2).rposition(|byte| *byte == b'\n');
        let (before, from) = text.split_at(middle.map_or(0, |at| at.saturating_add(1)));
        let (line, after) = from.split_once('\n').unwrap_or((from, ""));
        if let Some(found) = line.strip_prefix(key.as_str()) {
            return Some(found);
        }
        text = if line.cmp(key.as_str()) == Ordering::Less { after } else { before };
    }
    None
}

/// Beginnings of operations that hand out or open a credential; others only change who may do what.
const SHOWS: &[&str] = &["assume", "batch-get", "create", "decrypt", "describe", "generate", "get"];

/// Flags of every operation that take one value.
const GLOBALS: &[&str] = &[
    "--cli-connect-timeout",
    "--cli-read-timeout",
    "--color",
    "--max-items",
    "--output",
    "--page-size",
    "--profile",
    "--query",
    "--region",
    "--starting-token",
];

/// Flags of every operation that take none.
const SWITCHES: &[&str] = &["--no-cli-auto-prompt", "--no-cli-pager", "--no-paginate", "--no-sign-request"];

#[cfg(test)]
mod tests {
    #[test]
    fn operations_are_sorted_and_all_are_found() {
        assert!(super::OPERATIONS.lines().is_sorted());
        for line in super::OPERATIONS.lines() {
            let mut words = line.split(' ');
            let (service, operation) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
            assert!(super::find(service, operation).is_some(), "{line}");
            assert!(words.next().and_then(super::CommandEffect::from_name).is_some(), "{line}");
            assert!(words.all(|flag| flag.starts_with("--") || flag == "secrets"), "{line}");
        }
        assert_eq!(super::find("ec2", "describe"), None);
        assert_eq!(super::find("", ""), None);
    }
}
