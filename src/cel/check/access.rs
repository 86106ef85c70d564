//! What a rule may read, and in which direction.
//!
//! Where a rule restricts a root, a higher or lower value of it may only push the condition one way, so its
//! attributes occur positively: below `&&`, `||`, `all` and `exists`, as a truth value or beside a comparison.
//! A risk is compared with constants in the direction of the rule.

use super::super::ast::{BinaryOp, Expr};
use super::super::diagnostic::{Diagnostic, Span, quote};
use super::super::environment::{Rule, Slot};
use super::super::node::Node;
use super::super::types::Type;
use super::names::Found;
use super::{Checker, Position};

impl Checker<'_> {
    /// Checks that an attribute may be read here.
    pub(super) fn restricted(&mut self, slot: Slot, span: Span, ty: &Type) {
        let env = self.env;
        let path = env.path(slot).unwrap_or_default();
        let name = quote(path);
        match self.access.rule(path) {
            Rule::Free => {}
            Rule::Hidden(reason) => {
                self.report(Diagnostic::error(span, format!("{name} cannot be read here: {reason}")))
            }
            Rule::Raising | Rule::Lowering => {
                let positive = self.position == Position::Positive;
                if *ty == Type::Risk {
                    self.report(Diagnostic::error(
                        span,
                        format!("{name} can only be compared with a constant here"),
                    ));
                } else if !positive {
                    let fault =
                        format!("{name} cannot stand under `!`, `==`, `!=`, `?:`, `in` or in a call here");
                    self.report(Diagnostic::error(span, fault));
                }
            }
        }
    }

    /// The restricted attribute that an expression names.
    pub(super) fn restricted_name(&self, expr: &Expr) -> Option<(Slot, Rule)> {
        let (parts, absolute) = expr.path()?;
        let slot = match self.resolve(&parts, absolute)? {
            (Found::Slot(slot), _) => slot,
            (Found::Local(place), 1) => self.locals.get(place)?.root?,
            _ => return None,
        };
        let rule = self.access.rule(self.env.path(slot)?);
        matches!(rule, Rule::Raising | Rule::Lowering).then_some((slot, rule))
    }

    /// The restricted attribute whose elements a macro goes over.
    pub(super) fn restricted_range(&self, expr: &Expr) -> Option<Slot> {
        self.restricted_name(expr).map(|(slot, _)| slot)
    }

    /// Checks a comparison that names a restricted attribute; `None` if it names none.
    pub(super) fn restricted_comparison(
        &mut self,
        op: BinaryOp,
        left: &Expr,
        right: &Expr,
        span: Span,
    ) -> Option<()> {
        let ordered =
            matches!(op, BinaryOp::Less | BinaryOp::LessEqual | BinaryOp::Greater | BinaryOp::GreaterEqual);
        if self.position != Position::Positive || !ordered {
            return None;
        }
        let (name, flipped) = match (self.restricted_name(left), self.restricted_name(right)) {
            (Some(name), None) => (name, false),
            (None, Some(name)) => (name, true),
            _ => return None,
        };
        let (slot, rule) = name;
        if self.env.declaration(slot).is_some_and(|declaration| declaration.ty == Type::Risk) {
            let greater = matches!(op, BinaryOp::Greater | BinaryOp::GreaterEqual) != flipped;
            if greater != (rule == Rule::Raising) {
                let path = quote(self.env.path(slot).unwrap_or_default());
                let signs = if rule == Rule::Raising { "`>` or `>=`" } else { "`<` or `<=`" };
                let fault = format!("{path} can only be compared with {signs} here");
                self.report(Diagnostic::error(span, fault));
            }
        }
        Some(())
    }

    /// Checks that the other side of a comparison with a restricted risk is a constant.
    pub(super) fn constant_beside(&mut self, node: &Node, span: Span) {
        if !matches!(node, Node::Const(_)) {
            self.report(Diagnostic::error(span, "a risk can only be compared with a constant here"));
        }
    }
}
