//! How much harm an action can do.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The risk of an action, in four levels of which a higher one compares greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Risk {
    /// Undone without effort, or nothing changes.
    Low,
    /// Touches few people or little data.
    Medium,
    /// Touches many people or data that matters.
    High,
    /// Cannot be undone, or nobody can tell what it does.
    Critical,
}

impl Risk {
    /// All levels, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// Returns the level's name as policies write it.
    ///
    /// ```
    /// assert_eq!(countersign::Risk::Critical.as_str(), "critical");
    /// ```
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl FromStr for Risk {
    type Err = ();

    /// Reads a level's name.
    ///
    /// # Errors
    ///
    /// `Err(())` for any other text; whoever reads a document says what was expected.
    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|risk| risk.as_str() == text).ok_or(())
    }
}
