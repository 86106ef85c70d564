//! How far each review of a plan is, and what time does to it.
//!
//! The clock of a stage starts when the stage begins to take votes, and again when it is reopened. Time adds
//! approvers, reminds, and passes over a stage; it never approves: the last stage is passed over only where
//! another one was satisfied.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use crate::policy::ReviewRule;

/// How far one review is. What is satisfied is computed from the votes; this is what time did.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Progress {
    /// The stage that takes votes; the number of stages where all are satisfied.
    pub(super) stage: usize,
    /// Since when it does.
    pub(super) since: DateTime<Utc>,
    pub(super) stages: Vec<StageProgress>,
}

/// What time did to one stage.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StageProgress {
    /// Escalations that have come into force.
    pub(super) escalated: usize,
    pub(super) reminded: usize,
    pub(super) skipped: bool,
    /// Nobody could fill it when candidates were last looked at.
    pub(super) fallback: bool,
}

/// What time does to a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Escalate,
    Remind,
    Skip,
}

impl Progress {
    pub(super) fn new(rule: &ReviewRule, now: DateTime<Utc>) -> Self {
        Self { stage: 0, since: now, stages: vec![StageProgress::default(); rule.stages.len()] }
    }

    pub(super) fn of(&self, stage: usize) -> StageProgress {
        self.stages.get(stage).copied().unwrap_or_default()
    }

    /// Finds what time does next to the stage that takes votes, and when. Each is due once.
    pub(super) fn due(&self, rule: &ReviewRule) -> Option<(DateTime<Utc>, Due)> {
        let stage = rule.stages.get(self.stage)?;
        let done = self.of(self.stage);
        let escalation = stage.escalate.get(done.escalated).map(|step| (step.after, Due::Escalate));
        let reminder = stage.remind.get(done.reminded).map(|after| (*after, Due::Remind));
        let skip = stage.skip_after.filter(|_| self.may_skip(rule)).map(|after| (after, Due::Skip));
        let next = [escalation, reminder, skip].into_iter().flatten().min()?;
        Some((later(self.since, next.0)?, next.1))
    }

    /// Says whether the stage that takes votes may be passed over: a later one follows, or an earlier one was
    /// satisfied by people.
    fn may_skip(&self, rule: &ReviewRule) -> bool {
        let satisfied = (0..self.stage).any(|stage| !self.of(stage).skipped);
        !self.of(self.stage).skipped && (self.stage < rule.last_stage() || satisfied)
    }
}

pub(super) fn later(time: DateTime<Utc>, span: Duration) -> Option<DateTime<Utc>> {
    time.checked_add_signed(TimeDelta::from_std(span).ok()?)
}
