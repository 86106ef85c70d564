//! What a command really does.
//!
//! An allow-list over words, never over a shell string: a program, verb, flag or operand that no table
//! describes makes the whole command *not understood*, and so does whatever runs other programs: shells,
//! wrappers, interpreters, pagers. The words show neither aliases, nor what a name on the `PATH` is, nor
//! configuration files, plugins or links: an account that may do no more than it must stays the boundary.

mod aws;
mod clients;
mod environment;
mod facts;
mod glob;
mod hosts;
mod paths;
mod redis;
mod scripts;
mod secrets;
mod table;
mod values;
mod walk;
mod web;

use crate::payload::{Kind, Payload};
use crate::{limits, text};

pub use facts::{CommandEffect, CommandFacts, MEMBERS, Obstacle};

use facts::Known;
use table::Program;
use walk::{Draft, Words};

/// Reads the words of a command, the program first, and states what it does.
///
/// Every list of words gets an answer. The program is a plain name, or a name in one of the usual
/// directories of programs; flags must be spelt as the manual spells them, not abbreviated.
///
/// ```
/// use countersign::inspect::command::{self, CommandEffect};
///
/// let facts = command::inspect(&["journalctl", "-u", "web", "--since", "today"]);
/// assert_eq!(facts.effect(), Some(CommandEffect::Read));
///
/// let facts = command::inspect(&["journalctl", "--vacuum-size=1M"]);
/// assert_eq!(facts.effect(), Some(CommandEffect::Destructive));
///
/// let facts = command::inspect(&["sh", "-c", "journalctl -u web"]);
/// assert!(!facts.understood());
/// ```
#[must_use]
pub fn inspect<S: AsRef<str>>(words: &[S]) -> CommandFacts {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    CommandFacts::new(explain(&words, None, &[]))
}

/// Reads the command of a payload with its working directory and its declared environment. Other payloads
/// have none.
///
/// ```
/// use countersign::Payload;
/// use countersign::inspect::command;
///
/// let payload = Payload::argv(["ls", "-l"]).with_env("LD_PRELOAD", "/srv/x.so");
/// assert!(command::inspect_payload(&payload).is_some_and(|facts| !facts.understood()));
/// ```
#[must_use]
pub fn inspect_payload(payload: &Payload) -> Option<CommandFacts> {
    let Kind::Argv { words, directory, env, .. } = payload.kind() else { return None };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    Some(CommandFacts::new(explain(&words, directory.as_deref(), env)))
}

fn explain(words: &[&str], directory: Option<&str>, env: &[(String, String)]) -> Result<Known, Obstacle> {
    check(words)?;
    let (program, rest) = words.split_first().ok_or(Obstacle::Empty)?;
    let unknown = || Obstacle::Program((*program).to_owned());
    let name = plain_name(program).ok_or_else(unknown)?;
    let mut around = Draft::new(CommandEffect::Read, false);
    environment::judge(env, &mut around)?;
    let mut known = if name == "aws" {
        match rest {
            ["--version"] => Draft::new(CommandEffect::Read, false).known(name),
            _ => aws::explain(rest, directory)?,
        }
    } else {
        let program = Program::find(name).ok_or_else(unknown)?;
        match rest {
            ["--version"] if program.reads() => Draft::new(CommandEffect::Read, false).known(name),
            _ => walk::explain(name, &program, Words { list: rest, directory })?,
        }
    };
    known.effect = known.effect.max(around.effect);
    known.secrets |= around.secrets;
    Ok(known)
}

/// Checks the bounds.
fn check(words: &[&str]) -> Result<(), Obstacle> {
    let bytes = words.iter().fold(0_usize, |bytes, word| bytes.saturating_add(word.len()));
    for (what, found, limit) in [
        ("the number of words", words.len(), limits::PAYLOAD_PARTS),
        ("the number of bytes", bytes, limits::PAYLOAD_BYTES),
    ] {
        if found > limit {
            return Err(Obstacle::TooLarge { what, found, limit });
        }
    }
    let hides = |letter: char| text::is_unprintable(letter) && !matches!(letter, '\n' | '\t');
    match words.iter().position(|word| word.contains(hides)) {
        Some(word) => Err(Obstacle::Control { word }),
        None => Ok(()),
    }
}

/// Takes the directory of programs off a program's path.
fn plain_name(program: &str) -> Option<&str> {
    let name = match program.rsplit_once('/') {
        None => program,
        Some((directory, name)) => DIRECTORIES.contains(&directory).then_some(name)?,
    };
    (!name.is_empty()).then_some(name)
}

/// Where programs are installed by an administrator.
const DIRECTORIES: &[&str] = &["/bin", "/sbin", "/usr/bin", "/usr/local/bin", "/usr/local/sbin", "/usr/sbin"];
