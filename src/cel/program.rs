//! Compiled conditions.
//!
//! Compiles a condition once and evaluates it against inputs, any number of times and from any thread.
//! A condition is true, false or failed; what failed never counts as either.

use std::ops::Range;
use std::sync::Arc;

use super::budget::Budget;
use super::check::{self, Checked};
use super::datum::Datum;
use super::demand::{self, Demand};
use super::diagnostic::Diagnostic;
use super::environment::{Access, Environment, Slot};
use super::eval::Machine;
use super::failure::Failure;
use super::input::Input;
use super::node::Node;
use super::parse;
use super::shape::{self, Shape};
use super::types::Type;

/// A compiled condition or expression, cheap to clone.
#[derive(Debug, Clone)]
pub struct Program {
    inner: Arc<Inner>,
}

/// One test of a condition and how it ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// The bytes of the test in the source; those of the name where a `[let]` is used.
    pub span: Range<usize>,
    /// How it ended.
    pub outcome: Result<bool, Failure>,
    /// The attributes it reads.
    pub slots: Vec<Slot>,
}

#[derive(Debug)]
struct Inner {
    source: Box<str>,
    node: Node,
    warnings: Vec<Diagnostic>,
    cost: u64,
    budget: Budget,
}

impl Program {
    /// Compiles a condition, which must be a truth value.
    ///
    /// ```
    /// use countersign::Value;
    /// use countersign::cel::{Access, Declaration, Environment, Input, Program, Type};
    ///
    /// let mut environment = Environment::new();
    /// environment.declare("resource.owner", Declaration::new(Type::String).optional());
    /// let groups = environment.declare("subject.groups", Type::list(Type::String));
    ///
    /// let source = r#""sre" in subject.groups && !has(resource.owner)"#;
    /// let program = Program::condition(source, &environment, &Access::free()).unwrap();
    ///
    /// let value = Value::from(["sre", "payments"]);
    /// let mut inputs = vec![Input::Absent; environment.slots()];
    /// inputs[groups.index()] = Input::of(&value, &Type::list(Type::String)).unwrap();
    /// assert_eq!(program.test(&inputs), Ok(true));
    ///
    /// let faults = Program::condition("subject.group == 1", &environment, &Access::free()).unwrap_err();
    /// assert_eq!(faults[0].to_string(), "unknown attribute `subject.group`, did you mean `subject.groups`?");
    /// ```
    ///
    /// # Errors
    ///
    /// All faults found, at most 32.
    pub fn condition(
        source: &str,
        environment: &Environment,
        access: &Access,
    ) -> Result<Self, Vec<Diagnostic>> {
        let tree = parse::parse(source, environment.limits())?;
        Ok(Self::new(source, check::check_condition(&tree, environment, access)?, environment))
    }

    /// Compiles an expression that gives a value of a type, checked as strictly as a condition.
    ///
    /// # Errors
    ///
    /// All faults found, at most 32.
    pub fn value(
        source: &str,
        environment: &Environment,
        access: &Access,
        ty: &Type,
    ) -> Result<Self, Vec<Diagnostic>> {
        let tree = parse::parse(source, environment.limits())?;
        Ok(Self::new(source, check::check_value(&tree, environment, access, ty)?, environment))
    }

    /// Compiles an expression of any type. Faults of names and types are left to its evaluation.
    ///
    /// # Errors
    ///
    /// Faults of the syntax and of the bounds.
    pub fn expression(source: &str, environment: &Environment) -> Result<Self, Vec<Diagnostic>> {
        let tree = parse::parse(source, environment.limits())?;
        Ok(Self::new(source, check::check_expression(&tree, environment)?, environment))
    }

    fn new(source: &str, checked: Checked, environment: &Environment) -> Self {
        let Checked { node, warnings, cost } = checked;
        let budget = Budget::new(environment.limits());
        Self { inner: Arc::new(Inner { source: source.into(), node, warnings, cost, budget }) }
    }

    /// Evaluates a condition. Inputs are indexed by slot; a missing one is absent.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it is neither true nor false.
    pub fn test(&self, inputs: &[Input<'_>]) -> Result<bool, Failure> {
        let mut machine = Machine::new(inputs, self.inner.budget.clone());
        machine.test(&self.inner.node, None).map_err(|stop| stop.failure(&self.inner.source))
    }

    /// Evaluates an expression.
    ///
    /// # Errors
    ///
    /// [`Failure`] if it has no value.
    pub fn evaluate(&self, inputs: &[Input<'_>]) -> Result<Datum, Failure> {
        let mut machine = Machine::new(inputs, self.inner.budget.clone());
        let value = machine.value(&self.inner.node, None).map_err(|stop| stop.failure(&self.inner.source))?;
        Datum::of(&value, &mut machine.budget).map_err(|_| Failure::Exhausted)
    }

    /// Returns the steps that an evaluation takes at most, as far as the vocabulary bounds them.
    #[must_use]
    pub fn cost(&self) -> u64 {
        self.inner.cost
    }

    /// Lists what an evaluation demands of single attributes: where one demand is not met, the condition is
    /// false, and an index can skip it. An attribute that is unknown, or not of the type that a demand is about,
    /// meets it, because the condition may fail; so does an absent one, but for [`Demand::Present`].
    #[must_use]
    pub fn demands(&self) -> Vec<Demand<'_>> {
        demand::of(&self.inner.node)
    }

    /// Evaluates the tests below `&&`, `||` and `!` one by one, to say which of them decided.
    #[must_use]
    pub fn explain(&self, inputs: &[Input<'_>]) -> Vec<Part> {
        let mut parts = Vec::new();
        demand::leaves(&self.inner.node, &mut |leaf| {
            let outcome = Machine::new(inputs, self.inner.budget.clone())
                .test(leaf, None)
                .map_err(|stop| stop.failure(&self.inner.source));
            parts.push(Part { span: leaf.span().range(), outcome, slots: leaf.slots() });
        });
        parts
    }

    pub(super) fn node(&self) -> &Node {
        &self.inner.node
    }

    pub(super) fn budget(&self) -> Budget {
        self.inner.budget.clone()
    }

    /// Gives the condition as tests: a form that holds just where the condition is definitely `truth`.
    pub(crate) fn shape(&self, truth: bool, environment: &Environment) -> Shape<'_> {
        shape::of(&self.inner.node, truth, environment)
    }

    /// Iterates over the slots that the program reads, each once and in order. What a constant made superfluous
    /// is not read.
    pub fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let mut slots = self.inner.node.slots();
        slots.sort_unstable();
        slots.dedup();
        slots.into_iter()
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
