//! What one step does to a review, as data: applied to the state, written to a record, and read back.
//!
//! The live state and the replayed one are made by the same function from the same changes, so they cannot
//! differ. A change holds all that it decides; applying it judges nothing.

use std::sync::Arc;

use chrono::{DateTime, Utc};
use serde_json::{Map, Value as Json, json};

use super::cast::{Cast, add, optional, text, time};
use super::plan::Plan;
use super::progress::{Progress, StageProgress};
use super::vote::Verdict;
use super::{Approver, Review, ReviewState, Track};
use crate::audit::Event;
use crate::decision::Terms;
use crate::policy::Obligation;
use crate::request::Subject;

/// One change of a review.
#[derive(Debug, Clone)]
pub(crate) enum Change {
    Voted(Arc<Cast>),
    Commented(Arc<Cast>),
    Refreshed(Vec<Subject>),
    Replanned(Box<Replan>),
    StagePassed(Turn),
    StageReopened(Turn),
    StageSkipped(Turn),
    Escalated(Turn),
    FellBack(Turn),
    Reminded(Turn),
    Scheduled { starts_at: DateTime<Utc> },
    Unscheduled,
    NeedsFresh { people: Vec<String> },
    Approved { approvers: Vec<Approver> },
    Rejected { because: String },
    Expired,
    Withdrawn { by: String },
    Superseded { by: String },
    Revoked { by: String },
}

/// What another policy adds.
#[derive(Debug, Clone)]
pub(crate) struct Replan {
    pub(super) policy: Arc<str>,
    /// The rules that match by now and did not before, where the policy is not new.
    pub(super) rules: Option<Vec<Arc<str>>>,
    /// What it asks for; `None` where it asks for nothing.
    pub(super) plan: Option<(Plan, Terms)>,
    /// The seats of the standing votes in its reviews.
    pub(super) seats: Vec<Vec<Option<usize>>>,
    /// What the host must do beside.
    pub(super) obligations: Vec<Obligation>,
    pub(super) expires_at: DateTime<Utc>,
}

/// The stage of a review that a change is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Turn {
    /// The review's place among those of all plans.
    pub(super) review: usize,
    pub(super) rule: Arc<str>,
    pub(super) stage: usize,
}

impl Change {
    pub(crate) fn event(&self) -> Event {
        match self {
            Self::Voted(_) => Event::ReviewVoted,
            Self::Commented(_) => Event::ReviewCommented,
            Self::Refreshed(_) => Event::ReviewRefreshed,
            Self::Replanned(_) => Event::ReviewReplanned,
            Self::StagePassed(_) => Event::ReviewStagePassed,
            Self::StageReopened(_) => Event::ReviewStageReopened,
            Self::StageSkipped(_) => Event::ReviewStageSkipped,
            Self::Escalated(_) => Event::ReviewEscalated,
            Self::FellBack(_) => Event::ReviewFellBack,
            Self::Reminded(_) => Event::ReviewReminded,
            Self::Scheduled { .. } => Event::ReviewScheduled,
            Self::Unscheduled => Event::ReviewUnscheduled,
            Self::NeedsFresh { .. } => Event::ReviewNeedsFresh,
            Self::Approved { .. } => Event::ReviewApproved,
            Self::Rejected { .. } => Event::ReviewRejected,
            Self::Expired => Event::ReviewExpired,
            Self::Withdrawn { .. } => Event::ReviewWithdrawn,
            Self::Superseded { .. } => Event::ReviewSuperseded,
            Self::Revoked { .. } => Event::GrantRevoked,
        }
    }

    /// Writes what a record of it holds beside its event.
    pub(crate) fn content(&self) -> Map<String, Json> {
        let json = match self {
            Self::Voted(cast) | Self::Commented(cast) => json!({ "vote": cast.to_record() }),
            Self::Refreshed(people) => {
                json!({ "people": people.iter().map(Subject::to_record).collect::<Vec<_>>() })
            }
            Self::Replanned(replan) => return replan.content(),
            Self::StagePassed(turn)
            | Self::StageReopened(turn)
            | Self::StageSkipped(turn)
            | Self::Escalated(turn)
            | Self::FellBack(turn)
            | Self::Reminded(turn) => {
                json!({ "place": turn.review, "rule": &*turn.rule, "stage": turn.stage })
            }
            Self::Scheduled { starts_at } => json!({ "starts_at": text(*starts_at) }),
            Self::NeedsFresh { people } => json!({ "people": people }),
            Self::Approved { approvers } => {
                let named = |approver: &Approver| match &approver.delegator {
                    Some(delegator) => {
                        json!({ "by": approver.person, "at": text(approver.at), "for": delegator })
                    }
                    None => json!({ "by": approver.person, "at": text(approver.at) }),
                };
                json!({ "approvers": approvers.iter().map(named).collect::<Vec<_>>() })
            }
            Self::Rejected { because } if because.is_empty() => json!({}),
            Self::Rejected { because } => json!({ "because": because }),
            Self::Unscheduled | Self::Expired => json!({}),
            Self::Withdrawn { by } | Self::Superseded { by } | Self::Revoked { by } => json!({ "by": by }),
        };
        if let Json::Object(content) = json { content } else { Map::new() }
    }

    /// Reads a change back. An event that is none of a review's changes is `Some(None)`.
    #[expect(clippy::option_option, reason = "another event and an unreadable one are two things")]
    pub(super) fn read(event: Event, content: &Json, at: DateTime<Utc>) -> Option<Option<Self>> {
        let people = |name: &str| {
            let people = content.get(name)?.as_array()?.iter();
            people.map(|person| person.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
        };
        let by = || Some(content.get("by")?.as_str()?.to_owned());
        let cast = || Some(Arc::new(Cast::from_record(content.get("vote")?, at)?));
        Some(Some(match event {
            Event::ReviewVoted => Self::Voted(cast()?),
            Event::ReviewCommented => Self::Commented(cast()?),
            Event::ReviewRefreshed => {
                let people = content.get("people")?.as_array()?.iter();
                Self::Refreshed(people.map(Subject::from_record).collect::<Option<_>>()?)
            }
            Event::ReviewReplanned => Self::Replanned(Box::new(Replan::read(content)?)),
            Event::ReviewStagePassed => Self::StagePassed(Turn::read(content)?),
            Event::ReviewStageReopened => Self::StageReopened(Turn::read(content)?),
            Event::ReviewStageSkipped => Self::StageSkipped(Turn::read(content)?),
            Event::ReviewEscalated => Self::Escalated(Turn::read(content)?),
            Event::ReviewFellBack => Self::FellBack(Turn::read(content)?),
            Event::ReviewReminded => Self::Reminded(Turn::read(content)?),
            Event::ReviewScheduled => Self::Scheduled { starts_at: time(content.get("starts_at")?)? },
            Event::ReviewUnscheduled => Self::Unscheduled,
            Event::ReviewNeedsFresh => Self::NeedsFresh { people: people("people")? },
            // Who was counted is for readers of the log.
            Event::ReviewApproved => Self::Approved { approvers: Vec::new() },
            Event::ReviewRejected => {
                let because = optional(content, "because", |text| text.as_str().map(str::to_owned))?;
                Self::Rejected { because: because.unwrap_or_default() }
            }
            Event::ReviewExpired => Self::Expired,
            Event::ReviewWithdrawn => Self::Withdrawn { by: by()? },
            Event::ReviewSuperseded => Self::Superseded { by: by()? },
            Event::GrantRevoked => Self::Revoked { by: by()? },
            _ => return Some(None),
        }))
    }
}

impl Replan {
    /// What older versions did not know is left out where it says nothing.
    fn content(&self) -> Map<String, Json> {
        let mut content = Map::new();
        let mut put = |name: &str, value: Json| content.insert(name.to_owned(), value);
        put("policy", (*self.policy).into());
        put("plan", self.plan.as_ref().map(|(plan, _)| &*plan.text).into());
        put("terms", json!(self.plan.as_ref().map(|(_, terms)| terms)));
        put("seats", json!(self.seats));
        put("expires_at", text(self.expires_at).into());
        if let Some(rules) = &self.rules {
            put("rules", json!(rules));
        }
        if !self.obligations.is_empty() {
            put("obligations", json!(self.obligations));
        }
        content
    }

    fn read(content: &Json) -> Option<Self> {
        let plan = match optional(content, "plan", |text| Plan::from_record(text.as_str()?))? {
            Some(plan) => Some((plan, serde_json::from_value(content.get("terms")?.clone()).ok()?)),
            None => None,
        };
        Some(Self {
            policy: content.get("policy")?.as_str()?.into(),
            rules: optional(content, "rules", |rules| serde_json::from_value(rules.clone()).ok())?,
            obligations: optional(content, "obligations", |all| serde_json::from_value(all.clone()).ok())?
                .unwrap_or_default(),
            plan,
            seats: serde_json::from_value(content.get("seats")?.clone()).ok()?,
            expires_at: time(content.get("expires_at")?)?,
        })
    }
}

impl Turn {
    fn read(content: &Json) -> Option<Self> {
        let number = |name: &str| usize::try_from(content.get(name)?.as_u64()?).ok();
        Some(Self {
            review: number("place")?,
            rule: content.get("rule")?.as_str()?.into(),
            stage: number("stage")?,
        })
    }
}

impl Review {
    /// Applies a change that happened at a time.
    pub(super) fn apply(&mut self, change: &Change, at: DateTime<Utc>) {
        self.latest = self.latest.max(at);
        match change {
            Change::Voted(cast) if cast.verdict == Verdict::Withdraw => {
                self.votes.retain(|old| !old.is_of(&cast.person));
            }
            Change::Voted(cast) => add(&mut self.votes, cast.clone()),
            Change::Commented(cast) => self.comments.push(cast.clone()),
            Change::Refreshed(people) => {
                self.votes.iter_mut().for_each(|cast| Arc::make_mut(cast).refresh(people, at));
                self.awaited.clear();
            }
            Change::Replanned(replan) => self.replan(replan, at),
            Change::StagePassed(turn) | Change::StageReopened(turn) => {
                if let Some(progress) = self.progress_mut(turn.review) {
                    (progress.stage, progress.since) = (turn.stage, at);
                }
            }
            Change::StageSkipped(turn) => self.turn(turn, |stage| stage.skipped = true),
            Change::Escalated(turn) => {
                self.turn(turn, |stage| stage.escalated = stage.escalated.saturating_add(1));
            }
            Change::FellBack(turn) => self.turn(turn, |stage| stage.fallback = true),
            Change::Reminded(turn) => {
                self.turn(turn, |stage| stage.reminded = stage.reminded.saturating_add(1));
            }
            Change::Scheduled { starts_at } => {
                (self.state, self.starts_at) = (ReviewState::Scheduled, Some(*starts_at));
            }
            Change::Unscheduled => {
                (self.state, self.starts_at, self.awaited) = (ReviewState::Open, None, Vec::new());
            }
            Change::NeedsFresh { people } => self.awaited.clone_from(people),
            Change::Approved { .. } => self.state = ReviewState::Approved,
            Change::Rejected { .. } => self.state = ReviewState::Rejected,
            Change::Expired => self.state = ReviewState::Expired,
            Change::Withdrawn { .. } => self.state = ReviewState::Withdrawn,
            Change::Superseded { .. } => self.state = ReviewState::Superseded,
            Change::Revoked { .. } => self.state = ReviewState::Revoked,
        }
        if let Some(news) = self.news_of(change) {
            self.news.push(news);
        }
    }

    fn replan(&mut self, replan: &Replan, at: DateTime<Utc>) {
        if !self.policies.contains(&replan.policy) {
            self.policies.push(replan.policy.clone());
        }
        self.expires_at = replan.expires_at;
        if !replan.obligations.is_empty() {
            Arc::make_mut(&mut self.decision).owe(&replan.obligations);
        }
        let Some((plan, terms)) = &replan.plan else { return };
        let first = self.tracks.iter().map(|track| track.progress.len()).fold(0, usize::saturating_add);
        for (cast, seats) in self.votes.iter_mut().zip(&replan.seats) {
            let cast = Arc::make_mut(cast);
            cast.stages.resize(first, None);
            cast.stages.extend(seats);
        }
        let progress = plan.reviews().iter().map(|rule| Progress::new(rule, at)).collect();
        let policy = replan.policy.clone();
        self.tracks.push(Track { policy, plan: plan.clone(), terms: terms.clone(), first, progress });
    }

    fn turn(&mut self, turn: &Turn, change: impl FnOnce(&mut StageProgress)) {
        let progress = self.progress_mut(turn.review);
        if let Some(stage) = progress.and_then(|progress| progress.stages.get_mut(turn.stage)) {
            change(stage);
        }
    }

    fn progress_mut(&mut self, review: usize) -> Option<&mut Progress> {
        self.tracks.iter_mut().flat_map(|track| &mut track.progress).nth(review)
    }
}
