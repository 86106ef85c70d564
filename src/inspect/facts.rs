//! Facts that are all known, or all unknown for one reason.

use super::Obstacle;
use crate::Attributes;

/// Facts about a payload: all of them known, or none, and why.
///
/// Each inspector has its own: [`SqlFacts`](super::sql::SqlFacts),
/// [`CommandFacts`](super::command::CommandFacts), [`HttpFacts`](super::http::HttpFacts),
/// [`FlagFacts`](super::flag::FlagFacts), [`DebugFacts`](super::debug::DebugFacts). What holds of all is here.
///
/// ```
/// use countersign::inspect::flag;
///
/// let facts = flag::inspect("checkout on");
/// assert!(!facts.understood() && facts.obstacle().is_some());
/// assert_eq!(facts.attributes().len(), 1); // `understood`
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Facts<K, O = Obstacle> {
    state: Result<Box<K>, O>,
}

/// The facts of one kind of understood payload, as members for conditions.
pub trait Members {
    /// Adds every member but `understood`.
    fn add_to(&self, members: &mut Attributes);
}

impl<K, O> Facts<K, O> {
    pub(super) fn new(state: Result<K, O>) -> Self {
        Self { state: state.map(Box::new) }
    }

    /// Says whether the whole payload was explained. If not, no other fact is known.
    #[must_use]
    pub fn understood(&self) -> bool {
        self.state.is_ok()
    }

    /// Returns why the payload was not understood.
    #[must_use]
    pub fn obstacle(&self) -> Option<&O> {
        self.state.as_ref().err()
    }

    pub(super) fn known(&self) -> Option<&K> {
        self.state.as_ref().ok().map(|known| &**known)
    }
}

impl<K: Members, O> Facts<K, O> {
    /// Returns the facts as conditions see them: the inspector's `MEMBERS`, or `understood` alone if the payload
    /// was not understood; then all other members are unknown.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        let mut members = Attributes::new();
        members.insert("understood", self.understood());
        if let Some(known) = self.known() {
            known.add_to(&mut members);
        }
        members
    }
}

/// Counts as conditions do.
pub(super) fn count(number: usize) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
