//! Files that are read and shown.
//!
//! A path is judged as it is written, because links are not seen: `.` and `..` are resolved, and what stands
//! behind the last `..` is judged from the root too, since nobody knows what that leads to. Where the working
//! directory is declared, a relative path starts there.

use super::facts::Obstacle;
use super::secrets::{self, Names, Verdict};
use super::values::Place;
use super::walk::Draft;

/// Judges a file that is read and shown.
pub(super) fn judge(text: &str, place: Place<'_>, draft: &mut Draft) -> Result<(), Obstacle> {
    if text == "-" {
        return Ok(());
    }
    if text.contains('\n') || text.contains("://") || text.len() > LENGTH {
        return Err(place.refuse("it is not a plain path"));
    }
    let Some(readings) = readings(text, place.directory) else {
        return Err(place.refuse("it has too many colons"));
    };
    for names in &readings {
        match secrets::place(names) {
            Verdict::Refused => return Err(place.refuse("reading it is not known to be harmless")),
            Verdict::Secret => draft.secret(),
            Verdict::Plain if draft.deep && secrets::is_above(names) => draft.secret(),
            Verdict::Plain => {}
        }
    }
    Ok(())
}

/// Every way to read a path: as a whole, and behind each colon, where git names a file in a commit.
fn readings(text: &str, directory: Option<&str>) -> Option<Vec<Names>> {
    let mut found = Vec::new();
    read(text, directory, &mut found);
    for (count, (at, _)) in text.match_indices(':').enumerate() {
        if count >= COLONS {
            return None;
        }
        let behind = text.get(at..).unwrap_or_default().trim_start_matches(':');
        read(behind, directory, &mut found);
        let magic = behind.strip_prefix('(').and_then(|magic| magic.split_once(')'));
        let plain = magic.map_or(behind, |(_, path)| path).trim_start_matches(['!', '^', '/']);
        read(plain, directory, &mut found);
    }
    Some(found)
}

/// Resolves a path, and what stands behind its last `..` as if it began at the root.
fn read(text: &str, directory: Option<&str>, found: &mut Vec<Names>) {
    let home = HOMES.iter().find_map(|home| text.strip_prefix(home));
    let base = match home {
        Some(_) => "/home/~/",
        None if text.starts_with('/') => "/",
        None => directory.unwrap_or_default(),
    };
    let rest = match home {
        // `~ana/x`: the name of a home is no matter.
        Some(rest) => rest.split_once('/').map_or("", |(_, rest)| rest),
        None => text,
    };
    let mut names: Vec<String> = Vec::new();
    let mut tail = None;
    for part in base.split('/').chain(rest.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                names.pop();
                tail = Some(Vec::new());
            }
            _ => {
                let part = part.to_lowercase();
                tail.iter_mut().for_each(|tail| tail.push(part.clone()));
                names.push(part);
            }
        }
    }
    if let ["var", "run", ..] = names.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        names.remove(0);
    }
    found.push(Names::new(names, base.starts_with('/')));
    found.extend(tail.map(|names| Names::new(names, true)));
}

/// How a shell or a client writes a home.
const HOMES: &[&str] = &["~", "$HOME", "${HOME}"];

/// `PATH_MAX` of Linux.
const LENGTH: usize = 4_096;

/// A path with more is not judged.
const COLONS: usize = 8;
