//! The names of what a log can say happened.
//!
//! One list, so that a writer and its readers cannot disagree about a spelling. A host's own notes are
//! named `host.` and its word; they never look like an event of the library.

use std::fmt;

macro_rules! events {
    ($($(#[$doc:meta])+ $variant:ident = $name:literal,)+) => {
        /// What a record says happened.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Event {
            $($(#[$doc])+ $variant,)+
        }

        impl Event {
            /// Every event of the library.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// Returns the name that records hold.
            #[must_use]
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)+
                }
            }

            /// Reads a name. A host's own note is none of these.
            #[must_use]
            pub fn parse(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$variant),)+
                    _ => None,
                }
            }
        }
    };
}

events! {
    /// A stream begins: its record 0.
    StreamOpened = "stream.opened",
    /// A stream ends: nothing follows.
    StreamClosed = "stream.closed",
    /// A stream under this one begins, with which record.
    ChildOpened = "child.opened",
    /// A stream under this one reached a checkpoint.
    ChildCheckpointed = "child.checkpointed",
    /// A stream under this one ended with a checkpoint.
    ChildClosed = "child.closed",
    /// A policy decides from here on.
    PolicyLoaded = "policy.loaded",
    /// A request was decided: what was asked, the facts, the rules, the effect.
    RequestDecided = "request.decided",
    /// People are asked: the whole plan.
    ReviewOpened = "review.opened",
    /// A vote was cast, changed or withdrawn.
    ReviewVoted = "review.voted",
    /// A vote did not count, and why.
    ReviewVoteRefused = "review.vote_refused",
    /// Somebody said something that does not count: a comment, or an advisory vote.
    ReviewCommented = "review.commented",
    /// What the host attests of approvers was stated anew.
    ReviewRefreshed = "review.refreshed",
    /// Another policy decides by now: what it asks for was added.
    ReviewReplanned = "review.replanned",
    /// A stage is satisfied: the next one takes votes.
    ReviewStagePassed = "review.stage_passed",
    /// A stage is no longer satisfied: it takes votes again.
    ReviewStageReopened = "review.stage_reopened",
    /// A stage was passed over because nobody voted in time.
    ReviewStageSkipped = "review.stage_skipped",
    /// Nobody can fill a stage by now: its fallback may.
    ReviewFellBack = "review.fell_back",
    /// Approvers are to be reminded.
    ReviewReminded = "review.reminded",
    /// Approvers were added because time passed.
    ReviewEscalated = "review.escalated",
    /// A plan is satisfied and waits for its start.
    ReviewScheduled = "review.scheduled",
    /// A plan that waited for its start is no longer satisfied.
    ReviewUnscheduled = "review.unscheduled",
    /// A plan is satisfied, but what the host attests of its approvers is too old.
    ReviewNeedsFresh = "review.needs_fresh",
    /// A plan is satisfied.
    ReviewApproved = "review.approved",
    /// A plan can no longer be satisfied, or was vetoed.
    ReviewRejected = "review.rejected",
    /// Nobody decided in time.
    ReviewExpired = "review.expired",
    /// Whoever asked no longer does.
    ReviewWithdrawn = "review.withdrawn",
    /// Whoever asked asks for something else instead.
    ReviewSuperseded = "review.superseded",
    /// A grant may be signed: its id, times and claims are fixed.
    GrantAuthorized = "grant.authorized",
    /// A recorded grant was handed out again, after a crash.
    GrantRecovered = "grant.recovered",
    /// A grant holds for longer, by another one: its id, and the uses that go over to that one.
    GrantExtended = "grant.extended",
    /// A use of a grant was taken.
    GrantRedeemed = "grant.redeemed",
    /// A grant is dead before its end.
    GrantRevoked = "grant.revoked",
    /// What may happen once had happened already.
    StepRefused = "step.refused",
    /// Break-glass was used: a review is owed.
    EmergencyOwed = "emergency.owed",
    /// An owed review was held.
    EmergencySettled = "emergency.settled",
    /// Checkpoints are signed by another key from here on.
    KeyRotated = "key.rotated",
    /// Openings of personal values were deleted.
    RecordErased = "record.erased",
    /// Records were handed to somebody.
    LogExported = "log.exported",
}

impl Event {
    /// Says whether nobody votes any more on a review that has a record of it.
    pub(crate) fn ends_a_review(self) -> bool {
        matches!(
            self,
            Self::ReviewRejected
                | Self::ReviewExpired
                | Self::ReviewWithdrawn
                | Self::ReviewSuperseded
                | Self::GrantAuthorized
                | Self::GrantRevoked
        )
    }
}

impl fmt::Display for Event {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_back_and_are_distinct() {
        for event in Event::ALL {
            assert_eq!(Event::parse(event.as_str()), Some(*event));
        }
    }

    #[test]
    fn names_of_hosts_are_no_events() {
        assert_eq!(Event::parse("host.deploy"), None);
        assert!(Event::ALL.iter().all(|event| !event.as_str().starts_with("host.")));
    }
}
