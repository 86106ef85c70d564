//! What the last step did, for a host that tells people.

use std::sync::Arc;

use super::Review;
use super::change::{Change, Turn};

/// Something that the last step did and that somebody may have to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum News {
    /// A stage takes votes now: ask its approvers.
    StageBegins(StageName),
    /// A stage takes votes again, because an approval was taken back or became too old.
    StageReopens(StageName),
    /// A stage was passed over.
    StageSkipped(StageName),
    /// More people may approve: ask them.
    Escalated(StageName),
    /// Nobody can fill a stage by now: ask those of its fallback.
    FellBack(StageName),
    /// Remind whoever has not voted.
    Remind(StageName),
    /// Another policy decides by now.
    PolicyChanged {
        /// Its digest.
        policy: String,
    },
    /// The quorum was there, and rules match by now that did not when the review opened: what they ask for
    /// was added.
    MoreAsked {
        /// Their ids.
        rules: Vec<String>,
    },
    /// The quorum is there; state what you know of these people by [`Gate::refresh`](crate::Gate::refresh).
    NeedsFresh {
        /// Their names, as [`Subject::reference`](crate::Subject::reference) gives them.
        ids: Vec<String>,
    },
}

/// A stage of one of the reviews that a request needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageName {
    pub(super) rule: Arc<str>,
    pub(super) id: Arc<str>,
}

impl StageName {
    /// Returns the id of the review's rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the id of the stage; it is empty where the rule has one alone.
    #[must_use]
    pub fn stage(&self) -> &str {
        &self.id
    }
}

impl Review {
    /// Returns what the last step did beside counting a vote.
    #[must_use]
    pub fn news(&self) -> &[News] {
        &self.news
    }

    pub(crate) fn without_news(mut self) -> Self {
        self.news.clear();
        self
    }

    pub(super) fn news_of(&self, change: &Change) -> Option<News> {
        Some(match change {
            // All stages are satisfied: there is nobody to ask.
            Change::StagePassed(turn) => News::StageBegins(self.name(turn)?),
            Change::StageReopened(turn) => News::StageReopens(self.name(turn)?),
            Change::StageSkipped(turn) => News::StageSkipped(self.name(turn)?),
            Change::Escalated(turn) => News::Escalated(self.name(turn)?),
            Change::FellBack(turn) => News::FellBack(self.name(turn)?),
            Change::Reminded(turn) => News::Remind(self.name(turn)?),
            Change::Replanned(replan) => match &replan.rules {
                None => News::PolicyChanged { policy: replan.policy.to_string() },
                Some(rules) => News::MoreAsked { rules: rules.iter().map(ToString::to_string).collect() },
            },
            Change::NeedsFresh { people } => News::NeedsFresh { ids: people.clone() },
            _ => return None,
        })
    }

    fn name(&self, turn: &Turn) -> Option<StageName> {
        let mut rules = self.tracks.iter().flat_map(|track| track.plan.reviews());
        let stage = rules.nth(turn.review)?.stages.get(turn.stage)?;
        Some(StageName { rule: turn.rule.clone(), id: stage.id.clone() })
    }
}
