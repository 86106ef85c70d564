//! How far a review is.

use std::fmt;

/// How far a review is.
///
/// | state | takes votes | next |
/// |---|---|---|
/// | open | all | any of the others but revoked |
/// | scheduled | all; a withdrawal can open it again | approved at its start, open, rejected, expired |
/// | approved | withdrawals, where the policy revokes | revoked |
/// | rejected, expired, withdrawn, superseded, revoked | none | none |
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ReviewState {
    /// It takes votes.
    Open,
    /// The plan is satisfied; the grant is authorized at its start.
    Scheduled,
    /// The plan was satisfied, and a grant authorized.
    Approved,
    /// It was vetoed, or can no longer be satisfied.
    Rejected,
    /// Nobody decided in time.
    Expired,
    /// Whoever asked no longer does.
    Withdrawn,
    /// Whoever asked asks for something else instead.
    Superseded,
    /// It was approved, and an approval on which it rested was taken back.
    Revoked,
}

impl ReviewState {
    /// Every state.
    pub const ALL: [Self; 8] = [
        Self::Open,
        Self::Scheduled,
        Self::Approved,
        Self::Rejected,
        Self::Expired,
        Self::Withdrawn,
        Self::Superseded,
        Self::Revoked,
    ];

    /// Returns the state's name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Scheduled => "scheduled",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Expired => "expired",
            Self::Withdrawn => "withdrawn",
            Self::Superseded => "superseded",
            Self::Revoked => "revoked",
        }
    }

    /// Says whether it still waits for people or for its start.
    #[must_use]
    pub fn is_pending(self) -> bool {
        matches!(self, Self::Open | Self::Scheduled)
    }
}

impl fmt::Display for ReviewState {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}
