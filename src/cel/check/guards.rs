//! Attributes that may be absent.
//!
//! Finds out where a condition can only be reached, or only counts, if an attribute is present. The other
//! parts of an `&&` guard a part wherever they stand, because a false one decides the whole.

use super::super::ast::{Expr, Kind};
use super::super::environment::Slot;
use super::Checker;
use super::names::Found;

impl Checker<'_> {
    /// Says whether an attribute cannot be absent here.
    pub(super) fn is_guarded(&self, slot: Slot) -> bool {
        let Some(entry) = self.env.entry(slot) else { return false };
        if self.known.contains(&slot) {
            return true;
        }
        if entry.declaration.optional {
            return false;
        }
        self.presence_root(slot).is_none_or(|root| self.known.contains(&root))
    }

    /// What to ask before reading an attribute.
    pub(super) fn guard_of(&self, slot: Slot) -> String {
        let optional = self.env.declaration(slot).is_some_and(|declaration| declaration.optional);
        let guard = if optional { slot } else { self.presence_root(slot).unwrap_or(slot) };
        self.env.path(guard).unwrap_or_default().to_owned()
    }

    /// The root of an attribute if it is one that may be absent as a whole.
    pub(super) fn presence_root(&self, slot: Slot) -> Option<Slot> {
        let (root, _) = self.env.path(slot)?.split_once('.')?;
        self.env.slot(root).filter(|root| self.env.entry(*root).is_some_and(|entry| entry.presence))
    }

    /// Checks something where further attributes are known to be present.
    pub(super) fn knowing<T>(&mut self, facts: Vec<Slot>, check: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.known.len();
        self.known.extend(facts);
        let found = check(self);
        self.known.truncate(before);
        found
    }

    /// The attributes that are present if an expression is true, or if it is false.
    pub(super) fn facts(&mut self, expr: &Expr, truth: bool) -> Vec<Slot> {
        self.looked = self.looked.saturating_add(1);
        let deep = self.depth > self.limits.height;
        if !self.guarded || deep || self.looked > self.limits.nodes.saturating_mul(4) {
            return Vec::new();
        }
        self.depth = self.depth.saturating_add(1);
        let found = self.facts_below(expr, truth);
        self.depth = self.depth.saturating_sub(1);
        found
    }

    fn facts_below(&mut self, expr: &Expr, truth: bool) -> Vec<Slot> {
        match &expr.kind {
            Kind::Not(inner) => self.facts(inner, !truth),
            Kind::And(parts) | Kind::Or(parts) => {
                let every = matches!(expr.kind, Kind::And(_)) == truth;
                let mut found = parts.iter().map(|part| self.facts(part, truth)).collect::<Vec<_>>();
                if every {
                    return found.into_iter().flatten().collect();
                }
                let mut common = found.pop().unwrap_or_default();
                common.retain(|slot| found.iter().all(|other| other.contains(slot)));
                common
            }
            Kind::Has(operand) if truth => {
                let slot = operand.path().and_then(|(parts, absolute)| self.whole_slot(&parts, absolute));
                // A present attribute shows that its root is.
                let root = slot.and_then(|slot| self.presence_root(slot));
                slot.into_iter().chain(root).collect()
            }
            Kind::Name { name, absolute } => match self.resolve(&[name], *absolute) {
                Some((Found::Let(name, tree), _)) => {
                    self.lets.push(name.to_owned());
                    let found = self.facts(tree, truth);
                    self.lets.pop();
                    found
                }
                _ => Vec::new(),
            },
            _ => Vec::new(),
        }
    }
}
