//! What one evaluation may cost.
//!
//! Counts steps and built bytes down from a bound; nothing is timed. Whoever loops, compares or builds pays
//! before the work. A budget that is used up ends the evaluation, and no operator absorbs that.

use super::diagnostic::Span;
use super::failure::{Fault, Stop};
use super::limits::Limits;

/// What is left of an evaluation's steps and bytes.
#[derive(Debug, Clone)]
pub(super) struct Budget {
    steps: u32,
    bytes: u32,
}

/// A fault that does not know its place yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    Fault(Fault),
    Exhausted,
}

impl Budget {
    pub(super) fn new(limits: Limits) -> Self {
        Self { steps: limits.steps, bytes: limits.bytes }
    }

    /// Pays for steps.
    pub(super) fn step(&mut self, steps: usize) -> Result<(), Trouble> {
        let left = u32::try_from(steps).ok().and_then(|steps| self.steps.checked_sub(steps));
        self.steps = left.ok_or(Trouble::Exhausted)?;
        Ok(())
    }

    /// Pays for looking at bytes.
    pub(super) fn scan(&mut self, bytes: usize) -> Result<(), Trouble> {
        self.step((bytes / BLOCK).saturating_add(1))
    }

    /// Pays for building a text or bytes.
    pub(super) fn build(&mut self, bytes: usize) -> Result<(), Trouble> {
        let left = u32::try_from(bytes).ok().and_then(|bytes| self.bytes.checked_sub(bytes));
        self.bytes = left.ok_or(Trouble::Exhausted)?;
        self.scan(bytes)
    }

    /// Pays for building a list or map of some elements.
    pub(super) fn build_items(&mut self, items: usize) -> Result<(), Trouble> {
        self.build(items.saturating_mul(ELEMENT).saturating_add(ELEMENT))
    }
}

impl Trouble {
    pub(super) fn at(self, span: Span) -> Stop {
        match self {
            Self::Fault(fault) => Stop::Error(fault, span),
            Self::Exhausted => Stop::Exhausted,
        }
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Bytes that are compared or searched at the price of one step.
const BLOCK: usize = 64;

/// Bytes of one element of a list: a value, and its share of what holds it.
const ELEMENT: usize = 32;
