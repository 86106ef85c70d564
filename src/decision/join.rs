//! Two decisions on one request, both of which must hold.
//!
//! The stricter one stands: Deny before Challenge before Review before Allow. Of two that lead to a grant, and
//! of two equal ones, every plan, every obligation and the narrowest terms hold.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::reason::About;
use super::{Decision, Effect, Path, Reason, ReasonCode, Terms};
use crate::limits;
use crate::policy::Obligation;

impl Decision {
    /// Joins two decisions.
    pub(in crate::decision) fn and(self, other: Self) -> Self {
        let risk = self.risk.max(other.risk);
        let swapped = other.effect.strictness() > self.effect.strictness();
        let leads_on = |effect| matches!(effect, Effect::Allow | Effect::Review);
        if self.effect != other.effect && !(leads_on(self.effect) && leads_on(other.effect)) {
            return Self { risk, ..if swapped { other } else { self } };
        }
        let effect = if swapped { other.effect } else { self.effect };
        let left_out = self.left_out.saturating_add(other.left_out);
        let mut joined = Self { effect, risk, left_out, ..self };
        extend(&mut joined.rules, other.rules);
        unite(&mut joined.reasons, other.reasons);
        unite(&mut joined.missing, other.missing);
        extend(&mut joined.obligations, other.obligations);
        joined.sort_obligations();
        match joined.path.clone().and(other.path) {
            Ok(path) => joined.path = path,
            Err(reason) => joined.close(reason),
        }
        if leads_on(joined.effect)
            && let Err(reason) = fits(&joined.obligations)
        {
            joined.close(reason);
        }
        joined
    }

    /// Makes the decision a Deny.
    pub(in crate::decision) fn close(&mut self, reason: Reason) {
        self.effect = Effect::Deny;
        self.path = Path::Closed;
        self.missing.clear();
        self.reasons.push(reason);
    }

    /// Says of which resource all this is said.
    pub(in crate::decision) fn tell_of(&mut self, resource: &Arc<str>) {
        let reasons = self.reasons.iter_mut().map(About::resources);
        for resources in reasons.chain(self.missing.iter_mut().map(About::resources)) {
            *resources = vec![resource.clone()];
        }
    }

    /// Names no resource with what is said of all of them.
    pub(in crate::decision) fn tell_of_all(&mut self, count: usize) {
        let reasons = self.reasons.iter_mut().map(About::resources);
        for resources in reasons.chain(self.missing.iter_mut().map(About::resources)) {
            if resources.len() == count {
                resources.clear();
            }
        }
    }

    /// Names no more reasons than a record has room for: first those of the rules that decide, then the others.
    pub(in crate::decision) fn bounded(mut self) -> Self {
        if self.reasons.len() > FEW {
            let rules: BTreeSet<&str> = self.rules().collect();
            let (mut room, mut named) = (limits::REASON_BYTES, limits::REASONS_NAMED);
            let mut fits = vec![false; self.reasons.len()];
            for deciding in [true, false] {
                for (reason, fits) in self.reasons.iter().zip(&mut fits) {
                    if reason.rule().is_none_or(|rule| rules.contains(rule)) == deciding && named > 0 {
                        let left = room.checked_sub(reason.bytes());
                        (*fits, room) = (left.is_some(), left.unwrap_or(room));
                        named = named.saturating_sub(usize::from(*fits));
                    }
                }
            }
            let dropped = fits.iter().filter(|fits| !**fits).count();
            self.left_out = self.left_out.saturating_add(dropped);
            let mut fits = fits.into_iter();
            self.reasons.retain(|_| fits.next().unwrap_or(true));
        }
        let mut room = limits::RULE_BYTES;
        let fitting = self.rules.iter().rev().take_while(|rule| {
            let left = room.checked_sub(rule.len().saturating_add(3));
            room = left.unwrap_or_default();
            left.is_some()
        });
        let dropped = self.rules.len().saturating_sub(fitting.count());
        self.rules.drain(..dropped);
        self.left_out = self.left_out.saturating_add(dropped);
        if self.left_out > 0 {
            let text = format!("{} more rules and reasons are not named", self.left_out);
            self.left_out = 0;
            self.reasons.push(Reason::new(ReasonCode::ReasonsLeftOut, text));
        }
        self
    }

    /// Adds what the host must do beside.
    pub(crate) fn owe(&mut self, obligations: &[Obligation]) {
        self.obligations.extend_from_slice(obligations);
        self.sort_obligations();
    }

    pub(super) fn sort_obligations(&mut self) {
        self.obligations.sort_unstable();
        self.obligations.dedup();
    }
}

impl Path {
    /// Joins two ways, both of which must be gone. There is none where one use would count twice, and none from
    /// break-glass access to people's approval: whoever approves the one would stand in for the review that the
    /// other owes.
    fn and(self, other: Self) -> Result<Self, Reason> {
        let countable = |a: &Self, b: &Self| match (a.limit(), b.limit()) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        if !countable(&self, &other) {
            let text = "rules with different limits would have to count the same use";
            return Err(Reason::new(ReasonCode::LimitReached, text));
        }
        Ok(match (self, other) {
            (Self::Closed, _) | (_, Self::Closed) => Self::Closed,
            (Self::Review { groups, terms }, Self::Review { groups: more, terms: others }) => {
                Self::Review { groups: groups.and(&more), terms: terms.join(others) }
            }
            (Self::Review { .. }, Self::Emergency { .. }) | (Self::Emergency { .. }, Self::Review { .. }) => {
                let text = "break-glass access is for a part of it, people must approve the rest: ask for each apart";
                return Err(Reason::new(ReasonCode::EmergencyRefused, text));
            }
            (Self::Review { groups, terms }, Self::Zone(others))
            | (Self::Zone(others), Self::Review { groups, terms }) => {
                // What people approved is not counted.
                Self::Review { groups, terms: Terms { limit: None, ..terms.join(others) } }
            }
            (
                Self::Emergency { terms, review_within: one },
                Self::Emergency { terms: others, review_within: two },
            ) => Self::Emergency { terms: terms.join(others), review_within: one.min(two) },
            (Self::Emergency { terms, review_within }, Self::Zone(others))
            | (Self::Zone(others), Self::Emergency { terms, review_within }) => {
                Self::Emergency { terms: terms.join(others), review_within }
            }
            (Self::Zone(terms), Self::Zone(others)) => Self::Zone(terms.join(others)),
        })
    }

    pub(super) fn limit(&self) -> Option<&super::Slots> {
        match self {
            Self::Zone(terms) | Self::Emergency { terms, .. } => terms.limit.as_ref(),
            Self::Review { .. } | Self::Closed => None,
        }
    }
}

/// Says whether a record has room for some obligations.
pub(super) fn fits(obligations: &[Obligation]) -> Result<(), Reason> {
    let bytes = obligations.iter().map(Obligation::bytes).fold(0, usize::saturating_add);
    if bytes > limits::OBLIGATION_BYTES {
        let text = format!("its obligations are {bytes} bytes, limit is {}", limits::OBLIGATION_BYTES);
        return Err(Reason::new(ReasonCode::ObligationUnsupported, text));
    }
    Ok(())
}

impl Effect {
    pub(super) fn strictness(self) -> u8 {
        match self {
            Self::Allow => 0,
            Self::Review => 1,
            Self::Challenge => 2,
            Self::Deny => 3,
        }
    }
}

/// Adds what is said to what was: what two resources have in common is said once, of both.
fn unite<T: About>(list: &mut Vec<T>, more: Vec<T>) {
    for mut item in more {
        let Some(known) = list.iter_mut().find(|known| known.says(&item)) else {
            list.push(item);
            continue;
        };
        let (all, added) = (known.resources(), item.resources());
        if all.is_empty() || added.is_empty() {
            all.clear();
        } else {
            all.append(added);
            all.sort_unstable();
            all.dedup();
        }
    }
}

fn extend<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}

/// So few reasons always fit.
const FEW: usize = 8;
