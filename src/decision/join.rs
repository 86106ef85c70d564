//! Two decisions on one request, both of which must hold.
//!
//! The stricter one stands: Deny before Challenge before Review before Allow. Of two that lead to a grant, and
//! of two equal ones, every plan, every obligation and the narrowest terms hold.

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
        let mut joined = Self { effect, risk, ..self };
        extend(&mut joined.rules, other.rules);
        extend(&mut joined.reasons, other.reasons);
        extend(&mut joined.missing, other.missing);
        extend(&mut joined.obligations, other.obligations);
        joined.sort_obligations();
        match joined.path.clone().and(other.path) {
            Some(path) => joined.path = path,
            None => joined.close(Reason::new(
                ReasonCode::LimitReached,
                "rules with different limits would have to count the same use",
            )),
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
    /// Joins two ways, both of which must be gone. There is none where one use would count twice.
    fn and(self, other: Self) -> Option<Self> {
        let countable = |a: &Self, b: &Self| match (a.limit(), b.limit()) {
            (Some(a), Some(b)) => a == b,
            _ => true,
        };
        if !countable(&self, &other) {
            return None;
        }
        Some(match (self, other) {
            (Self::Closed, _) | (_, Self::Closed) => Self::Closed,
            (Self::Review { groups, terms }, Self::Review { groups: more, terms: others }) => {
                Self::Review { groups: groups.and(&more), terms: terms.join(others) }
            }
            (Self::Review { groups, terms }, Self::Zone(others) | Self::Emergency { terms: others, .. })
            | (Self::Zone(others) | Self::Emergency { terms: others, .. }, Self::Review { groups, terms }) => {
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

fn extend<T: PartialEq>(list: &mut Vec<T>, more: Vec<T>) {
    for item in more {
        if !list.contains(&item) {
            list.push(item);
        }
    }
}
