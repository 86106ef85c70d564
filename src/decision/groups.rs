//! Which reviews must approve, by their ids.

use std::slice;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// Groups of reviews: of each group one suffices, and every group must approve. Most groups are of one review.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(from = "Vec<Vec<Arc<str>>>", into = "Vec<Vec<Arc<str>>>")]
pub(crate) enum Groups {
    /// Every one of these.
    Each(Vec<Arc<str>>),
    /// One of each inner list, of which some are longer than one.
    OneOfEach(Vec<Vec<Arc<str>>>),
}

impl Groups {
    pub(crate) fn iter(&self) -> impl Iterator<Item = &[Arc<str>]> {
        let (single, several) = match self {
            Self::Each(ids) => (ids.as_slice(), [].as_slice()),
            Self::OneOfEach(groups) => ([].as_slice(), groups.as_slice()),
        };
        single.iter().map(slice::from_ref).chain(several.iter().map(Vec::as_slice))
    }

    /// Adds the groups that are not among these.
    pub(super) fn and(self, other: &Self) -> Self {
        let mut groups = Vec::from(self);
        for group in other.iter() {
            if !groups.iter().any(|known| known == group) {
                groups.push(group.to_vec());
            }
        }
        groups.into()
    }
}

impl From<Vec<Vec<Arc<str>>>> for Groups {
    fn from(groups: Vec<Vec<Arc<str>>>) -> Self {
        if groups.iter().all(|group| group.len() == 1) {
            Self::Each(groups.into_iter().flatten().collect())
        } else {
            Self::OneOfEach(groups)
        }
    }
}

impl From<Groups> for Vec<Vec<Arc<str>>> {
    fn from(groups: Groups) -> Self {
        match groups {
            Groups::Each(ids) => ids.into_iter().map(|id| vec![id]).collect(),
            Groups::OneOfEach(groups) => groups,
        }
    }
}
