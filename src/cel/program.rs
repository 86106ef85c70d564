//! Compiled conditions.
//!
//! Compiles a condition once and evaluates it against inputs, any number of times and from any thread.
//! A condition is true, false or failed; what failed never counts as either.

use std::sync::Arc;

use super::datum::Datum;
use super::diagnostic::Diagnostic;
use super::environment::{Access, Environment, Slot};
use super::failure::Failure;
use super::input::Input;

/// A compiled condition or expression, cheap to clone.
#[derive(Debug, Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    source: Box<str>,
    slots: Box<[Slot]>,
    warnings: Vec<Diagnostic>,
}

impl Program {
    /// Compiles a condition, which must be a truth value.
    ///
    /// # Errors
    ///
    /// All faults found, at most 32.
    pub fn condition(source: &str, environment: &Environment, access: &Access) -> Result<Self, Vec<Diagnostic>> {
        let _ = (environment, access);
        let tree = super::parse::parse(source)?;
        let _ = tree;
        Ok(Self { inner: Arc::new(Inner { source: source.into(), slots: Box::default(), warnings: Vec::new() }) })
    }

    /// Compiles an expression of any type. Faults of names and types are left to its evaluation.
    ///
    /// # Errors
    ///
    /// Faults of the syntax and of the bounds.
    pub fn expression(source: &str, environment: &Environment) -> Result<Self, Vec<Diagnostic>> {
        Self::condition(source, environment, &Access::free())
    }

    /// Evaluates a condition. Inputs are indexed by slot; a missing one is absent.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it is neither true nor false.
    pub fn test(&self, inputs: &[Input<'_>]) -> Result<bool, Failure> {
        let _ = inputs;
        Err(Failure::Exhausted)
    }

    /// Evaluates an expression.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it has no value.
    pub fn evaluate(&self, inputs: &[Input<'_>]) -> Result<Datum, Failure> {
        let _ = inputs;
        Err(Failure::Exhausted)
    }

    /// Iterates over the slots that the program reads, each once.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        self.inner.slots.iter().copied()
    }

    /// Returns the source.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.inner.source
    }

    /// Returns what is allowed and yet probably not meant.
    #[must_use]
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.inner.warnings
    }
}
