//! What is known about a command.
//!
//! Facts are all known or all unknown: a command that was not understood states that and why, nothing
//! else. Neither the facts nor the reason repeat a password that stood in the words.

use super::super::facts::{Facts, Members};
use crate::inspect::sql;
use crate::{Attributes, Value};

/// Every member of the fact `command` with its type, in the notation of a policy's vocabulary.
///
/// ```
/// use countersign::inspect::command::MEMBERS;
///
/// assert!(MEMBERS.contains(&("secrets", "bool")));
/// ```
pub const MEMBERS: &[(&str, &str)] = &[
    ("effect", "string"),
    ("program", "string"),
    ("secrets", "bool"),
    ("targets", "list<string>"),
    ("understood", "bool"),
    ("verb", "string?"),
];

/// The strongest thing a command does, from least to most.
///
/// ```
/// use countersign::inspect::command::CommandEffect;
///
/// assert!(CommandEffect::Read < CommandEffect::Write && CommandEffect::Write < CommandEffect::Privilege);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CommandEffect {
    /// Shows something and changes nothing.
    Read,
    /// Changes something that can be changed back.
    Write,
    /// Deletes, stops or overwrites what may not come back.
    Destructive,
    /// Changes who may do what or who acts, shows credentials, or looks into other programs.
    Privilege,
}

/// Facts about a command.
///
/// ```
/// use countersign::inspect::command::{self, CommandEffect};
///
/// let facts = command::inspect(&["kubectl", "-n", "prod", "get", "secrets"]);
/// assert_eq!(facts.program(), Some("kubectl"));
/// assert_eq!(facts.verb(), Some("get"));
/// assert_eq!(facts.effect(), Some(CommandEffect::Privilege));
/// assert_eq!(facts.secrets(), Some(true));
/// assert_eq!(facts.targets(), ["--namespace=prod", "secrets"]);
/// ```
pub type CommandFacts = Facts<Known, Obstacle>;

/// Why a command was not understood. Words are named by their place, the program being word 0, because a
/// word may be a password.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// There are no words.
    #[error("there is nothing to run")]
    Empty,
    /// A bound is exceeded.
    #[error("{what} {found} exceeds the limit of {limit}")]
    TooLarge {
        /// What was counted.
        what: &'static str,
        /// How many there are.
        found: usize,
        /// How many there may be.
        limit: usize,
    },
    /// A word holds a control character.
    #[error("word {word} holds a control character")]
    Control {
        /// The word's place.
        word: usize,
    },
    /// A program that no table describes; wrappers, shells and interpreters are among them.
    #[error("`{}` is not a known program", crate::text::quote(.0))]
    Program(String),
    /// A verb that the program's table does not describe.
    #[error("word {word} is not a known verb of `{program}`")]
    Verb {
        /// The program.
        program: String,
        /// The word's place.
        word: usize,
    },
    /// A flag that is not known here. Long flags must be spelt out.
    #[error("flag `{}` is not known", crate::text::quote(.0))]
    Flag(String),
    /// A flag's value, or an operand, that could do more than the table says.
    #[error("word {word} is not judged: {problem}")]
    Word {
        /// The word's place.
        word: usize,
        /// What is not known to be harmless.
        problem: &'static str,
    },
    /// Something that must be there is missing, such as a value or a statement.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// An environment variable that may change what runs.
    #[error("environment variable `{}` is not known to be harmless", crate::text::quote(.0))]
    Environment(String),
    /// SQL in a word that was not understood.
    #[error("the SQL in word {word}: {obstacle}")]
    Sql {
        /// The word's place.
        word: usize,
        /// Why not.
        obstacle: sql::Obstacle,
    },
}

/// The facts of an understood command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    pub(super) program: String,
    pub(super) verb: Option<String>,
    pub(super) effect: CommandEffect,
    pub(super) targets: Vec<String>,
    pub(super) secrets: bool,
}

impl CommandEffect {
    /// Returns the effect's name as conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
            Self::Privilege => "privilege",
        }
    }

    pub(super) fn from_name(name: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Destructive, Self::Privilege]
            .into_iter()
            .find(|effect| effect.as_str() == name)
    }
}

impl CommandFacts {
    /// Returns the strongest effect of all words.
    #[must_use]
    pub fn effect(&self) -> Option<CommandEffect> {
        self.known().map(|known| known.effect)
    }

    /// Returns the program's name without its directory.
    #[must_use]
    pub fn program(&self) -> Option<&str> {
        self.known().map(|known| known.program.as_str())
    }

    /// Returns the verb, such as `get`, `rollout status` or `describe-instances`. Programs without verbs
    /// have none.
    #[must_use]
    pub fn verb(&self) -> Option<&str> {
        self.known().and_then(|known| known.verb.as_deref())
    }

    /// Returns what the command names: resources, files, hosts, tables, keys; and what narrows or widens it,
    /// as `--namespace=prod` or `--all-namespaces`, always in the long spelling. Sorted, each once. Empty if
    /// the command was not understood.
    #[must_use]
    pub fn targets(&self) -> &[String] {
        self.known().map_or(&[], |known| &known.targets)
    }

    /// Says whether the command shows credentials, or carries one in its words.
    #[must_use]
    pub fn secrets(&self) -> Option<bool> {
        self.known().map(|known| known.secrets)
    }
}

impl Members for Known {
    fn add_to(&self, members: &mut Attributes) {
        members.insert("program", self.program.as_str());
        members.insert("effect", self.effect.as_str());
        members.insert("targets", self.targets.iter().map(Value::from).collect::<Vec<_>>());
        members.insert("secrets", self.secrets);
        if let Some(verb) = &self.verb {
            members.insert("verb", verb.as_str());
        }
    }
}
