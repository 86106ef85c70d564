//! The program that a condition becomes.
//!
//! A tree over slots and constants in which names are resolved, types are known and macros are loops. Tests
//! of a text against literals are nodes of their own, because most conditions consist of them.

use regex::Regex;

use super::ast::BinaryOp;
use super::diagnostic::Span;
use super::environment::Slot;
use super::failure::Fault;
use super::functions::Func;
use super::val::Val;

#[derive(Debug)]
pub(super) enum Node {
    Const(Val<'static>),
    Slot(Slot, Span),
    /// `has(x)` of an attribute.
    Present(Slot, Span),
    /// `x.?y` of an attribute that may be absent.
    OptionalSlot(Slot, Span),
    /// A variable of a macro, counted from the innermost.
    Local(u16, Span),
    Select(Box<Select>),
    Index(Box<Index>),
    Not(Box<Node>, Span),
    Negate(Box<Node>, Span),
    And(Box<[Node]>),
    Or(Box<[Node]>),
    If(Box<[Node; 3]>),
    Binary(Box<Binary>),
    Text(Box<TextNode>),
    /// A number or time beside a literal one.
    Scalar(Box<ScalarNode>),
    /// A literal text in a list of texts.
    Member(Box<Member>),
    Call(Box<Call>),
    /// Elements; those marked are optional and may be left out. A list is rare, and beside its length a node
    /// would be a third larger.
    List(Box<Box<[(Node, bool)]>>, Span),
    Map(Box<Box<[(Node, Node, bool)]>>, Span),
    Fold(Box<FoldNode>),
    Bind(Box<[Node; 2]>),
    OptionalMap(Box<OptionalMap>),
    /// What cannot be evaluated, in expressions that are not checked before.
    Fail(Fault, Span),
}

#[derive(Debug)]
pub(super) struct Select {
    pub(super) operand: Node,
    pub(super) field: Box<str>,
    pub(super) how: How,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    /// The value; a missing key is an error.
    Get,
    /// Whether the key is there.
    Has,
    /// The value as an optional.
    Optional,
}

#[derive(Debug)]
pub(super) struct Index {
    pub(super) operand: Node,
    pub(super) index: Node,
    pub(super) optional: bool,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Binary {
    pub(super) op: BinaryOp,
    pub(super) left: Node,
    pub(super) right: Node,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct TextNode {
    pub(super) operand: Node,
    pub(super) test: TextTest,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct ScalarNode {
    pub(super) operand: Node,
    pub(super) op: BinaryOp,
    pub(super) literal: Val<'static>,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) enum TextTest {
    Equal(Box<str>),
    NotEqual(Box<str>),
    In(TextSet),
    StartsWith(Box<str>),
    EndsWith(Box<str>),
    Contains(Box<str>),
    Matches(Box<Regex>),
}

/// Texts, sorted.
#[derive(Debug)]
pub(super) struct TextSet(Box<[Box<str>]>);

#[derive(Debug)]
pub(super) struct Member {
    pub(super) item: Box<str>,
    pub(super) list: Node,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct Call {
    pub(super) func: Func,
    pub(super) args: Box<[Node]>,
    pub(super) span: Span,
}

#[derive(Debug)]
pub(super) struct FoldNode {
    pub(super) kind: LoopKind,
    pub(super) range: Node,
    /// Whether there is a variable for the index or key beside the one for the value.
    pub(super) pairs: bool,
    pub(super) filter: Option<Node>,
    pub(super) body: Node,
    /// Steps that one turn costs, without the loops inside it.
    pub(super) weight: u32,
    pub(super) span: Span,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LoopKind {
    All,
    Exists,
    ExistsOne,
    List,
    Map,
    Entries,
    /// `sortBy`: the body gives the key to sort by.
    Sort,
}

#[derive(Debug)]
pub(super) struct OptionalMap {
    pub(super) target: Node,
    pub(super) body: Node,
    pub(super) flat: bool,
    pub(super) span: Span,
}

impl Node {
    /// The place that faults of this node name.
    pub(super) fn span(&self) -> Span {
        match self {
            Self::Slot(_, span)
            | Self::Present(_, span)
            | Self::OptionalSlot(_, span)
            | Self::Local(_, span)
            | Self::Not(_, span)
            | Self::Negate(_, span)
            | Self::List(_, span)
            | Self::Map(_, span)
            | Self::Fail(_, span) => *span,
            Self::Select(select) => select.span,
            Self::Index(index) => index.span,
            Self::Binary(binary) => binary.span,
            Self::Text(text) => text.span,
            Self::Scalar(scalar) => scalar.span,
            Self::Member(member) => member.span,
            Self::Call(call) => call.span,
            Self::Fold(fold) => fold.span,
            Self::OptionalMap(map) => map.span,
            Self::And(parts) | Self::Or(parts) => {
                let first = parts.first().map(Self::span).unwrap_or_default();
                parts.iter().fold(first, |all, part| all.to(part.span()))
            }
            Self::If(parts) => {
                let [condition, _, otherwise] = parts.as_ref();
                condition.span().to(otherwise.span())
            }
            Self::Bind(parts) => {
                let [_, body] = parts.as_ref();
                body.span()
            }
            Self::Const(_) => Span::default(),
        }
    }

    /// Lists the slots that are read, as often as they are.
    pub(super) fn slots(&self) -> Vec<Slot> {
        let mut slots = Vec::new();
        self.visit(&mut |node| {
            slots.extend(match node {
                Self::Slot(slot, _) | Self::Present(slot, _) | Self::OptionalSlot(slot, _) => Some(*slot),
                _ => None,
            });
        });
        slots
    }

    /// Visits the node and all below it.
    pub(super) fn visit(&self, look: &mut dyn FnMut(&Self)) {
        look(self);
        self.visit_children(&mut |child| child.visit(look));
    }

    /// Visits the nodes directly below.
    pub(super) fn visit_children(&self, look: &mut dyn FnMut(&Self)) {
        match self {
            Self::Const(_)
            | Self::Slot(..)
            | Self::Present(..)
            | Self::OptionalSlot(..)
            | Self::Local(..)
            | Self::Fail(..) => {}
            Self::Not(inner, _) | Self::Negate(inner, _) => look(inner),
            Self::Select(select) => look(&select.operand),
            Self::Text(text) => look(&text.operand),
            Self::Scalar(scalar) => look(&scalar.operand),
            Self::Member(member) => look(&member.list),
            Self::And(parts) | Self::Or(parts) => parts.iter().for_each(look),
            Self::If(parts) => parts.iter().for_each(look),
            Self::Bind(parts) => parts.iter().for_each(look),
            Self::Call(call) => call.args.iter().for_each(look),
            Self::List(items, _) => items.iter().for_each(|(item, _)| look(item)),
            Self::Index(index) => {
                look(&index.operand);
                look(&index.index);
            }
            Self::Binary(binary) => {
                look(&binary.left);
                look(&binary.right);
            }
            Self::Map(entries, _) => entries.iter().for_each(|(key, value, _)| {
                look(key);
                look(value);
            }),
            Self::Fold(fold) => {
                look(&fold.range);
                fold.filter.iter().for_each(&mut *look);
                look(&fold.body);
            }
            Self::OptionalMap(map) => {
                look(&map.target);
                look(&map.body);
            }
        }
    }
}

impl TextSet {
    pub(super) fn new(mut texts: Vec<Box<str>>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        Self(texts.into())
    }

    pub(super) fn contains(&self, text: &str) -> bool {
        if self.0.len() <= FEW {
            return self.0.iter().any(|known| known.as_ref() == text);
        }
        self.0.binary_search_by(|known| known.as_ref().cmp(text)).is_ok()
    }

    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.iter().map(AsRef::as_ref)
    }
}

/// Texts up to which comparing with each is faster than a search: their lengths mostly differ.
const FEW: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    /// A policy of ten thousand rules holds a hundred thousand nodes.
    #[test]
    fn node_is_three_words() {
        assert!(size_of::<Node>() <= 3 * size_of::<u64>(), "{}", size_of::<Node>());
    }
}
