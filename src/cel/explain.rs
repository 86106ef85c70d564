//! Why a condition came out as it did.
//!
//! Takes a condition apart below `&&`, `||` and `!` and keeps the tests that decided it, each with its own
//! words and the values it saw. Counts how many tests stand between a condition and the truth. What failed is
//! told apart from what is false.

use super::datum::Datum;
use super::environment::{Environment, Slot};
use super::eval::Machine;
use super::failure::Failure;
use super::input::Input;
use super::node::{Node, TextTest};
use super::program::Program;
use super::show;

/// How a condition came out, and by which tests.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Why {
    pub(crate) outcome: Result<bool, Failure>,
    /// How far it is from true: the weights of the tests that would have to come out otherwise.
    pub(crate) distance: usize,
    pub(crate) tests: Vec<Test>,
}

/// A test that decided.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Test {
    /// What it says, also where a named condition says it.
    pub(crate) text: String,
    /// The named condition it stands in, as the rule writes it.
    pub(crate) within: Option<String>,
    pub(crate) outcome: Result<bool, Failure>,
    /// What it read, cut and escaped.
    pub(crate) reads: Vec<(Slot, String)>,
}

/// One evaluation, taken apart.
struct Walk<'w> {
    program: &'w Program,
    environment: &'w Environment,
    inputs: &'w [Input<'w>],
    weight: &'w dyn Fn(Slot) -> usize,
}

impl Program {
    /// Says which tests made the condition come out as it did. `weight` says what a test costs that reads an
    /// attribute, 1 for an ordinary one.
    pub(crate) fn why(
        &self,
        environment: &Environment,
        inputs: &[Input<'_>],
        weight: &dyn Fn(Slot) -> usize,
    ) -> Why {
        let walk = Walk { program: self, environment, inputs, weight };
        let mut tests = Vec::new();
        walk.collect(self.node(), &mut tests);
        // A program runs cheap tests first; people read them as they are written.
        tests.sort_by_key(|node| node.span().start);
        Why {
            outcome: walk.outcome(self.node()),
            distance: walk.distance(self.node(), true),
            tests: tests.into_iter().map(|node| walk.test(node)).collect(),
        }
    }

    /// Says how far the condition is from true, as [`Program::why`] does.
    pub(crate) fn distance(
        &self,
        environment: &Environment,
        inputs: &[Input<'_>],
        weight: &dyn Fn(Slot) -> usize,
    ) -> usize {
        Walk { program: self, environment, inputs, weight }.distance(self.node(), true)
    }

    /// Lists the literals that stand beside an attribute in the condition's tests.
    pub(crate) fn literals(&self, slot: Slot) -> Vec<Datum> {
        let reads = |node: &Node| reads(node).contains(&slot);
        let mut found = Vec::new();
        self.node().visit(&mut |node| match node {
            Node::Text(text) if reads(&text.operand) => match &text.test {
                TextTest::Equal(text)
                | TextTest::NotEqual(text)
                | TextTest::StartsWith(text)
                | TextTest::EndsWith(text)
                | TextTest::Contains(text) => found.push(Datum::String(text.as_ref().to_owned())),
                TextTest::In(set) => found.extend(set.iter().map(|text| Datum::String(text.to_owned()))),
                TextTest::Matches(_) => {}
            },
            Node::Scalar(scalar) if reads(&scalar.operand) => {
                found.extend(Datum::of(&scalar.literal, &mut self.budget()));
            }
            Node::Member(member) if reads(&member.list) => {
                found.push(Datum::String(member.item.as_ref().to_owned()));
            }
            _ => {}
        });
        found
    }

    /// Writes the condition in its own words where it is no more than the name of another, and short.
    pub(crate) fn meaning(&self, environment: &Environment) -> Option<String> {
        show::condition(self.node(), environment).filter(|text| text != self.source())
    }
}

impl<'w> Walk<'w> {
    fn outcome(&self, node: &Node) -> Result<bool, Failure> {
        Machine::new(self.inputs, self.program.budget())
            .test(node, None)
            .map_err(|stop| stop.failure(self.program.source()))
    }

    /// The tests that decide a node: of a false `&&` the false parts, of a true `||` the first true one, of a
    /// failed one those that failed, else all.
    fn collect(&self, node: &'w Node, tests: &mut Vec<&'w Node>) {
        match node {
            Node::Not(inner, _) => self.collect(inner, tests),
            Node::And(parts) | Node::Or(parts) => match self.outcome(node) {
                Ok(value) => {
                    let alone = value == matches!(node, Node::Or(_));
                    let decides = |part: &&Node| !alone || self.outcome(part) == Ok(value);
                    let most = if alone && value { 1 } else { usize::MAX };
                    parts.iter().filter(decides).take(most).for_each(|part| self.collect(part, tests));
                }
                Err(_) => {
                    let failed = parts.iter().filter(|part| self.outcome(part).is_err());
                    failed.for_each(|part| self.collect(part, tests));
                }
            },
            Node::Const(_) => {}
            leaf => tests.push(leaf),
        }
    }

    /// How much would have to come out otherwise for a node to be what is wanted.
    fn distance(&self, node: &Node, wanted: bool) -> usize {
        match node {
            Node::Not(inner, _) => self.distance(inner, !wanted),
            Node::And(parts) | Node::Or(parts) => {
                let each = parts.iter().map(|part| self.distance(part, wanted));
                if matches!(node, Node::And(_)) == wanted {
                    each.fold(0, usize::saturating_add)
                } else {
                    each.min().unwrap_or(0)
                }
            }
            leaf if self.outcome(leaf) == Ok(wanted) => 0,
            Node::Const(_) => NEVER,
            leaf => reads(leaf).into_iter().map(self.weight).max().unwrap_or(NEVER),
        }
    }

    fn test(&self, node: &Node) -> Test {
        let source = self.program.source();
        let written = source.get(node.span().range()).unwrap_or_default().trim();
        let meant = if is_name(written) { show::node(node, self.environment) } else { None };
        let within = meant.as_ref().filter(|text| text.as_str() != written).map(|_| show::cut(written));
        let read = |slot: Slot| {
            let input = self.inputs.get(slot.index()).unwrap_or(&Input::Absent);
            (slot, show::input(input, self.environment.path(slot).unwrap_or_default()))
        };
        Test {
            text: meant.unwrap_or_else(|| show::cut(written)),
            within,
            outcome: self.outcome(node),
            reads: reads(node).into_iter().map(read).collect(),
        }
    }
}

/// The attributes that a node reads, each once.
fn reads(node: &Node) -> Vec<Slot> {
    let mut slots = Vec::new();
    node.visit(&mut |node| match node {
        Node::Slot(slot, _) | Node::Present(slot, _) | Node::OptionalSlot(slot, _)
            if !slots.contains(slot) =>
        {
            slots.push(*slot);
        }
        _ => {}
    });
    slots
}

fn is_name(text: &str) -> bool {
    text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_') && !text.is_empty()
}

/// The distance of what reads nothing and is not what is wanted: it never will be.
const NEVER: usize = 1_000;
