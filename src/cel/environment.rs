//! The names that conditions may use.
//!
//! Declares attributes with their types, presence roots and named conditions, and resolves dotted paths by
//! the longest declared prefix. Says for each condition which roots it may read and in which direction.
//! A name that is not declared does not exist.

use std::collections::BTreeMap;
use std::str::FromStr;

use super::ast::Expr;
use super::diagnostic::{Diagnostic, Span, quote};
use super::limits::Limits;
use super::names::RESERVED;
use super::types::{Type, TypeError};
use super::{check, parse};
use crate::limits;

/// Where an evaluation finds an attribute among its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(u32);

/// What the vocabulary says of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Declaration {
    /// The type of its values.
    pub ty: Type,
    /// Whether it may be absent, so that a condition must guard it.
    pub optional: bool,
    /// The texts it can have; empty for any.
    pub one_of: Vec<String>,
    /// How many elements or bytes it can have at most; the bound of a request where nothing is declared.
    pub max_size: Option<u32>,
}

/// The names that conditions may use.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    entries: Vec<Entry>,
    names: BTreeMap<String, Name>,
    container: String,
    limits: Limits,
}

/// How a condition may read a root such as `risk`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Rule {
    /// In every way.
    Free,
    /// Only so that a higher value can make the condition true: `risk >= HIGH`.
    Raising,
    /// Only so that a lower value can make the condition true: `risk <= LOW`.
    Lowering,
    /// Not at all, for the reason given.
    Hidden(&'static str),
}

/// The rules for the roots of one condition; a root without a rule is free.
#[derive(Debug, Clone, Default)]
pub struct Access {
    rules: Vec<(&'static str, Rule)>,
}

#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) path: String,
    pub(super) declaration: Declaration,
    /// A root of which only `has(root)` can be asked.
    pub(super) presence: bool,
}

#[derive(Debug, Clone)]
pub(super) enum Name {
    Slot(Slot),
    Let(Box<Expr>),
    /// The beginning of longer names.
    Prefix,
}

impl Slot {
    /// Returns the index among the inputs.
    #[must_use]
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

impl Declaration {
    /// Declares an attribute that every request has.
    #[must_use]
    pub fn new(ty: Type) -> Self {
        Self { ty, optional: false, one_of: Vec::new(), max_size: None }
    }

    /// Declares that the attribute may be absent.
    #[must_use]
    pub fn optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Declares the texts that the attribute can have.
    #[must_use]
    pub fn one_of<T: Into<String>>(mut self, values: impl IntoIterator<Item = T>) -> Self {
        self.one_of = values.into_iter().map(Into::into).collect();
        self
    }

    /// Declares how many elements or bytes the attribute can have at most.
    #[must_use]
    pub fn max_size(mut self, size: u32) -> Self {
        self.max_size = Some(size);
        self
    }
}

impl From<Type> for Declaration {
    fn from(ty: Type) -> Self {
        Self::new(ty)
    }
}

impl FromStr for Declaration {
    type Err = TypeError;

    /// Reads a type with an optional `?` behind it.
    ///
    /// # Errors
    ///
    /// The faults of [`Type`]'s notation.
    fn from_str(text: &str) -> Result<Self, TypeError> {
        match text.trim_end().strip_suffix('?') {
            Some(inner) => Ok(Self::new(inner.parse()?).optional()),
            None => Ok(Self::new(text.parse()?)),
        }
    }
}

impl Environment {
    /// Makes an environment without names.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Declares an attribute by its dotted path and returns its slot. A second declaration replaces the first.
    pub fn declare(&mut self, path: &str, declaration: impl Into<Declaration>) -> Slot {
        self.add(Entry { path: path.to_owned(), declaration: declaration.into(), presence: false })
    }

    /// Declares a root of which conditions can ask `has(root)`. The attributes below it may be read only
    /// where it is present.
    pub fn declare_presence(&mut self, root: &str) -> Slot {
        let declaration = Declaration::new(Type::Dyn).optional();
        self.add(Entry { path: root.to_owned(), declaration, presence: true })
    }

    /// Defines a named condition. What it reads is checked where it is used and by [`Environment::check`].
    ///
    /// # Errors
    ///
    /// Faults of the syntax, and a name that is taken.
    pub fn define(&mut self, name: &str, source: &str) -> Result<(), Vec<Diagnostic>> {
        let letter = |letter: char| letter.is_ascii_alphanumeric() || letter == '_';
        let plain = name.chars().all(letter)
            && !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit());
        if !plain || RESERVED.contains(&name) {
            let fault = format!("{} cannot be the name of a definition", quote(name));
            let help = "use letters, digits and `_`, and no word of the language";
            return Err(vec![Diagnostic::error(Span::default(), fault).with_help(help)]);
        }
        if self.names.contains_key(name) {
            let fault = format!("{} is already the name of something else", quote(name));
            return Err(vec![Diagnostic::error(Span::default(), fault)]);
        }
        let tree = parse::parse(source, self.limits)?;
        self.names.insert(name.to_owned(), Name::Let(Box::new(tree)));
        Ok(())
    }

    /// Checks a named condition by itself, with every name visible and nothing hidden.
    ///
    /// # Errors
    ///
    /// All faults, with places in the source of the definition; also a definition that needs itself.
    pub fn check(&self, name: &str) -> Result<(), Vec<Diagnostic>> {
        match self.names.get(name) {
            Some(Name::Let(tree)) => check::check_definition(name, tree, self),
            _ => Ok(()),
        }
    }

    /// Sets the namespace in which names are looked up first, `a.b` for the names `a.b.x` and `a.x`.
    pub fn set_container(&mut self, container: &str) {
        container.clone_into(&mut self.container);
    }

    /// Sets what conditions of this environment may cost. Set it first: a definition is read under the bounds
    /// that hold when it is defined.
    pub fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    /// Returns what conditions of this environment may cost.
    #[must_use]
    pub fn limits(&self) -> Limits {
        self.limits
    }

    /// Returns the slot of a declared path.
    #[must_use]
    pub fn slot(&self, path: &str) -> Option<Slot> {
        match self.names.get(path) {
            Some(Name::Slot(slot)) => Some(*slot),
            _ => None,
        }
    }

    /// Returns the declared path of a slot.
    #[must_use]
    pub fn path(&self, slot: Slot) -> Option<&str> {
        self.entries.get(slot.index()).map(|entry| entry.path.as_str())
    }

    /// Returns what was declared for a slot.
    #[must_use]
    pub fn declaration(&self, slot: Slot) -> Option<&Declaration> {
        self.entries.get(slot.index()).map(|entry| &entry.declaration)
    }

    /// Counts the slots; inputs are a slice of this length.
    #[must_use]
    pub fn slots(&self) -> usize {
        self.entries.len()
    }

    /// Iterates over all slots, in their order.
    pub(crate) fn all_slots(&self) -> impl Iterator<Item = Slot> {
        (0_u32..).map(Slot).take(self.entries.len())
    }

    pub(super) fn entry(&self, slot: Slot) -> Option<&Entry> {
        self.entries.get(slot.index())
    }

    pub(super) fn name(&self, name: &str) -> Option<(&str, &Name)> {
        self.names.get_key_value(name).map(|(name, found)| (name.as_str(), found))
    }

    pub(super) fn container(&self) -> &str {
        &self.container
    }

    /// All names that a condition can write.
    pub(super) fn known(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter(|(_, name)| !matches!(name, Name::Prefix)).map(|(name, _)| name.as_str())
    }

    fn add(&mut self, entry: Entry) -> Slot {
        for (index, _) in entry.path.match_indices('.').take(limits::VALUE_DEPTH) {
            let prefix = entry.path.get(..index).unwrap_or_default();
            if !self.names.contains_key(prefix) {
                self.names.insert(prefix.to_owned(), Name::Prefix);
            }
        }
        if let Some(Name::Slot(slot)) = self.names.get(&entry.path) {
            let slot = *slot;
            if let Some(place) = self.entries.get_mut(slot.index()) {
                *place = entry;
            }
            return slot;
        }
        let slot = Slot(u32::try_from(self.entries.len()).unwrap_or(u32::MAX));
        self.names.insert(entry.path.clone(), Name::Slot(slot));
        self.entries.push(entry);
        slot
    }
}

impl Access {
    pub(super) const FREE: Self = Self { rules: Vec::new() };

    /// Makes access without restrictions.
    #[must_use]
    pub fn free() -> Self {
        Self::default()
    }

    /// Sets the rule for a root.
    #[must_use]
    pub fn with(mut self, root: &'static str, rule: Rule) -> Self {
        self.rules.retain(|(known, _)| *known != root);
        self.rules.push((root, rule));
        self
    }

    pub(super) fn rule(&self, path: &str) -> Rule {
        let root = path.split('.').next().unwrap_or(path);
        self.rules.iter().find(|(known, _)| *known == root).map_or(Rule::Free, |(_, rule)| *rule)
    }
}
