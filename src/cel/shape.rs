//! What a condition says, apart from how it runs.
//!
//! Gives a condition as tests joined by "all" and "any", with every negation at a test, so that conditions can
//! be compared without running them. The form is exact in three-valued logic: it holds just where the condition
//! is definitely true (or definitely false, if that was asked for). What it cannot look into is a test of its
//! own, equal only to the same test elsewhere.

use std::fmt::Write;
use std::sync::Arc;

use super::ast::BinaryOp;
use super::environment::{Environment, Slot};
use super::functions::Func;
use super::node::{Node, TextTest};
use super::types::Type;
use super::val::Val;

/// A condition as tests.
#[derive(Debug, Clone)]
pub(crate) enum Shape<'p> {
    /// Holds always, or never.
    Always(bool),
    All(Vec<Self>),
    Any(Vec<Self>),
    Test(Test<'p>),
}

/// A test and how it must come out.
#[derive(Debug, Clone)]
pub(crate) struct Test<'p> {
    pub(crate) of: Place,
    pub(crate) what: What<'p>,
    pub(crate) holds: bool,
}

/// What is tested: an attribute, or what is computed from some.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Slot(Slot),
    Computed(Arc<Computed>),
}

/// Something computed: what it is computed from, and a text that is the same for the same computation.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Computed {
    pub(crate) slots: Vec<Slot>,
    pub(crate) text: String,
    /// Whether a part of it can fail by itself: an index, arithmetic, a conversion.
    pub(crate) can_fail: bool,
}

/// A test of one place.
#[derive(Debug, Clone)]
pub(crate) enum What<'p> {
    /// A truth value that is true.
    True,
    /// An attribute that is there.
    Present,
    /// A text that is one of these.
    OneOf(Vec<&'p str>),
    StartsWith(&'p str),
    EndsWith(&'p str),
    Contains(&'p str),
    /// A list or map that has this text as an element or key.
    Has(&'p str),
    /// A whole number, a risk, a time or a span of time that is at least, or at most, this.
    AtLeast(i128),
    AtMost(i128),
    /// The same value as that of another attribute.
    Same(Slot),
}

/// Gives the form that holds where the node is definitely `truth`.
pub(super) fn of<'p>(node: &'p Node, truth: bool, environment: &Environment) -> Shape<'p> {
    let shape = |node: &'p Node, truth: bool| of(node, truth, environment);
    match node {
        Node::Const(Val::Bool(value)) => Shape::Always(*value == truth),
        // What always fails is neither true nor false.
        Node::Const(_) | Node::Fail(..) => Shape::Always(false),
        Node::Not(inner, _) => shape(inner, !truth),
        Node::And(parts) | Node::Or(parts) => {
            let parts = parts.iter().map(|part| shape(part, truth)).collect();
            if matches!(node, Node::And(_)) == truth { Shape::All(parts) } else { Shape::Any(parts) }
        }
        Node::If(parts) => {
            let [condition, then, otherwise] = parts.as_ref();
            Shape::Any(vec![
                Shape::All(vec![shape(condition, true), shape(then, truth)]),
                Shape::All(vec![shape(condition, false), shape(otherwise, truth)]),
            ])
        }
        Node::Slot(slot, _) => test(Place::Slot(*slot), What::True, truth),
        Node::Present(slot, _) => test(Place::Slot(*slot), What::Present, truth),
        Node::Member(member) => test(place(&member.list), What::Has(&member.item), truth),
        Node::Text(text) => {
            let (what, holds) = match &text.test {
                TextTest::Equal(literal) => (What::OneOf(vec![literal]), truth),
                TextTest::NotEqual(literal) => (What::OneOf(vec![literal]), !truth),
                TextTest::In(set) => (What::OneOf(set.iter().collect()), truth),
                TextTest::StartsWith(literal) => (What::StartsWith(literal), truth),
                TextTest::EndsWith(literal) => (What::EndsWith(literal), truth),
                TextTest::Contains(literal) => (What::Contains(literal), truth),
                TextTest::Matches(_) => return test(place(node), What::True, truth),
            };
            test(place(&text.operand), what, holds)
        }
        Node::Scalar(scalar) => match (&scalar.operand, &scalar.literal) {
            (operand, Val::Bool(literal)) if is_equality(scalar.op) => {
                shape(operand, (*literal == truth) == (scalar.op == BinaryOp::Equal))
            }
            (operand, literal) => match number(operand, literal, environment) {
                Some(number) => order(place(operand), scalar.op, number, truth),
                None => test(place(node), What::True, truth),
            },
        },
        Node::Binary(binary) => match (&binary.left, &binary.right, binary.op) {
            (Node::Slot(left, _), Node::Slot(right, _), op) if is_equality(op) => {
                let (first, second) = (*left.min(right), *left.max(right));
                test(Place::Slot(first), What::Same(second), (op == BinaryOp::Equal) == truth)
            }
            _ => test(place(node), What::True, truth),
        },
        _ => test(place(node), What::True, truth),
    }
}

fn test(of: Place, what: What<'_>, holds: bool) -> Shape<'_> {
    Shape::Test(Test { of, what, holds })
}

/// The comparison as bounds on both sides.
fn order<'p>(place: Place, op: BinaryOp, number: i128, truth: bool) -> Shape<'p> {
    let at_least = |number: i128, holds| test(place.clone(), What::AtLeast(number), holds);
    let at_most = |number: i128, holds| test(place.clone(), What::AtMost(number), holds);
    match op {
        BinaryOp::Less => at_least(number, !truth),
        BinaryOp::GreaterEqual => at_least(number, truth),
        BinaryOp::Greater => at_most(number, !truth),
        BinaryOp::LessEqual => at_most(number, truth),
        _ if (op == BinaryOp::Equal) == truth => {
            Shape::All(vec![at_least(number, true), at_most(number, true)])
        }
        _ => Shape::Any(vec![at_least(number, false), at_most(number, false)]),
    }
}

fn is_equality(op: BinaryOp) -> bool {
    matches!(op, BinaryOp::Equal | BinaryOp::NotEqual)
}

fn is_comparison(op: BinaryOp) -> bool {
    use BinaryOp::{Greater, GreaterEqual, In, Less, LessEqual};
    is_equality(op) || matches!(op, Less | LessEqual | Greater | GreaterEqual | In)
}

/// A literal that orders like a whole number, beside an operand that does. A double may be no number at all.
fn number(operand: &Node, literal: &Val<'_>, environment: &Environment) -> Option<i128> {
    let whole = || match operand {
        Node::Slot(slot, _) => {
            environment.declaration(*slot).is_some_and(|found| matches!(found.ty, Type::Int | Type::Uint))
        }
        _ => false,
    };
    match literal {
        Val::Int(value) if whole() => Some(i128::from(*value)),
        Val::Uint(value) if whole() => Some(i128::from(*value)),
        Val::Risk(risk) => crate::Risk::ALL.iter().position(|known| known == risk)?.try_into().ok(),
        Val::Timestamp(time) => {
            let seconds = i128::from(time.timestamp()).checked_mul(1_000_000_000)?;
            seconds.checked_add(i128::from(time.timestamp_subsec_nanos()))
        }
        Val::Duration(nanos) => Some(i128::from(*nanos)),
        _ => None,
    }
}

fn place(node: &Node) -> Place {
    if let Node::Slot(slot, _) = node {
        return Place::Slot(*slot);
    }
    let mut computed = Computed { slots: Vec::new(), text: String::new(), can_fail: false };
    write(node, &mut computed);
    Place::Computed(Arc::new(computed))
}

/// Writes a node so that equal texts are equal computations, wherever they stand.
fn write(node: &Node, out: &mut Computed) {
    if let Node::Slot(slot, _) | Node::Present(slot, _) | Node::OptionalSlot(slot, _) = node
        && !out.slots.contains(slot)
    {
        out.slots.push(*slot);
    }
    out.can_fail |= match node {
        Node::Index(_) | Node::Select(_) | Node::Negate(..) | Node::Fail(..) => true,
        Node::Call(call) => call.func != Func::Size,
        Node::Binary(binary) => !is_comparison(binary.op),
        _ => false,
    };
    let text = &mut out.text;
    // Writing to a text cannot fail.
    let _ = match node {
        Node::Const(value) => write!(text, "{value:?}"),
        Node::Slot(slot, _) => write!(text, "slot {slot:?}"),
        Node::Present(slot, _) => write!(text, "present {slot:?}"),
        Node::OptionalSlot(slot, _) => write!(text, "optional {slot:?}"),
        Node::Local(depth, _) => write!(text, "local {depth}"),
        Node::Select(select) => write!(text, "select {:?} {:?}", select.field, select.how),
        Node::Index(index) => write!(text, "index {}", index.optional),
        Node::Not(..) => write!(text, "not"),
        Node::Negate(..) => write!(text, "negate"),
        Node::And(_) => write!(text, "and"),
        Node::Or(_) => write!(text, "or"),
        Node::If(_) => write!(text, "if"),
        Node::Binary(binary) => write!(text, "{:?}", binary.op),
        Node::Text(found) => write!(text, "text {:?}", found.test),
        Node::Scalar(scalar) => write!(text, "{:?} {:?}", scalar.op, scalar.literal),
        Node::Member(member) => write!(text, "member {:?}", member.item),
        Node::Call(call) => write!(text, "call {:?}", call.func),
        Node::List(items, _) => {
            write!(text, "list {:?}", items.iter().map(|(_, optional)| *optional).collect::<Vec<_>>())
        }
        Node::Map(entries, _) => {
            write!(text, "map {:?}", entries.iter().map(|(_, _, optional)| *optional).collect::<Vec<_>>())
        }
        Node::Fold(fold) => {
            write!(text, "fold {:?} {} {}", fold.kind, fold.pairs, fold.filter.is_some())
        }
        Node::Bind(_) => write!(text, "bind"),
        Node::OptionalMap(map) => write!(text, "map {}", map.flat),
        Node::Fail(fault, _) => write!(text, "fail {fault:?}"),
    };
    out.text.push('(');
    node.visit_children(&mut |child| write(child, out));
    out.text.push(')');
}

impl Shape<'_> {
    /// Visits the tests.
    pub(crate) fn tests<'s>(&'s self, look: &mut dyn FnMut(&'s Test<'s>)) {
        match self {
            Self::Always(_) => {}
            Self::All(parts) | Self::Any(parts) => parts.iter().for_each(|part| part.tests(look)),
            Self::Test(test) => look(test),
        }
    }

    /// Says whether the form holds where each test comes out as told.
    pub(crate) fn holds(&self, holds: &dyn Fn(&Test<'_>) -> bool) -> bool {
        match self {
            Self::Always(value) => *value,
            Self::All(parts) => parts.iter().all(|part| part.holds(holds)),
            Self::Any(parts) => parts.iter().any(|part| part.holds(holds)),
            Self::Test(test) => holds(test),
        }
    }
}

impl Place {
    /// The attributes that it is read or computed from.
    pub(crate) fn slots(&self) -> &[Slot] {
        match self {
            Self::Slot(slot) => std::slice::from_ref(slot),
            Self::Computed(computed) => &computed.slots,
        }
    }
}

impl Test<'_> {
    /// The attributes that the test reads.
    pub(crate) fn slots(&self) -> impl Iterator<Item = Slot> + '_ {
        let other = match self.what {
            What::Same(slot) => Some(slot),
            _ => None,
        };
        self.of.slots().iter().copied().chain(other)
    }
}
