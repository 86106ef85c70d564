//! What is known about requests to a debugger.

use super::super::facts::{Facts, Members, count};
use crate::Attributes;
use crate::value::Value;

/// Every member of the fact `debug` with its type, in the notation of a policy's vocabulary.
///
/// ```
/// use countersign::inspect::debug::MEMBERS;
///
/// assert!(MEMBERS.contains(&("breakpoints", "int")));
/// ```
pub const MEMBERS: &[(&str, &str)] = &[
    ("breakpoints", "int"),
    ("commands", "list<string>"),
    ("effect", "string"),
    ("evaluates", "bool"),
    ("logpoints", "int"),
    ("memory", "bool"),
    ("understood", "bool"),
];

/// The strongest thing that requests to a debugger do, from least to most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DebugEffect {
    /// Looks at the process while it runs.
    #[default]
    Observe,
    /// Stops the process, moves it step by step, or lets it go on.
    Stop,
    /// Changes the process, runs code in it, or ends it.
    Write,
}

/// Facts about requests to a debugger.
///
/// ```
/// use countersign::inspect::debug::{self, DebugEffect};
///
/// let facts = debug::inspect(r#"{"command": "evaluate", "arguments": {"expression": "orders.clear()"}}"#);
/// assert_eq!(facts.effect(), Some(DebugEffect::Write));
/// ```
pub type DebugFacts = Facts<Known>;

/// The facts of understood requests.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Known {
    pub(super) commands: Vec<String>,
    pub(super) effect: DebugEffect,
    pub(super) breakpoints: usize,
    pub(super) logpoints: usize,
    pub(super) evaluates: bool,
    pub(super) memory: bool,
}

impl DebugEffect {
    /// Returns the effect's name as conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Stop => "stop",
            Self::Write => "write",
        }
    }
}

impl DebugFacts {
    /// Returns the strongest effect of all requests.
    #[must_use]
    pub fn effect(&self) -> Option<DebugEffect> {
        self.known().map(|known| known.effect)
    }

    /// Returns the commands, sorted, each once. Empty if the requests were not understood.
    #[must_use]
    pub fn commands(&self) -> &[String] {
        self.known().map_or(&[], |known| &known.commands)
    }

    /// Counts the breakpoints that stop the process.
    #[must_use]
    pub fn breakpoints(&self) -> Option<usize> {
        self.known().map(|known| known.breakpoints)
    }

    /// Counts the breakpoints that write a line and let the process go on.
    #[must_use]
    pub fn logpoints(&self) -> Option<usize> {
        self.known().map(|known| known.logpoints)
    }

    /// Says whether expressions are evaluated in the process, be it names alone.
    #[must_use]
    pub fn evaluates(&self) -> Option<bool> {
        self.known().map(|known| known.evaluates)
    }

    /// Says whether raw memory is read or written.
    #[must_use]
    pub fn memory(&self) -> Option<bool> {
        self.known().map(|known| known.memory)
    }
}

impl Members for Known {
    fn add_to(&self, members: &mut Attributes) {
        members.insert("breakpoints", count(self.breakpoints));
        members.insert("commands", self.commands.iter().map(Value::from).collect::<Vec<_>>());
        members.insert("effect", self.effect.as_str());
        members.insert("evaluates", self.evaluates);
        members.insert("logpoints", count(self.logpoints));
        members.insert("memory", self.memory);
    }
}
