//! The right people, counted right, in time.
//!
//! A review collects votes until its plan is satisfied, vetoed or out of time. It is a value: a step makes a
//! new one from changes, and the same changes read from its records make the same value. Votes move it,
//! time moves it ([`Gate::wake`](crate::Gate::wake)), and so do a new policy and whoever asked:
//!
//! ```text
//!             votes, time, policy                 start comes
//!   ┌──────▶ open ──────────▶ scheduled ─────────────────▶ approved ──▶ revoked
//!   └─ stages, ─┘ ▲ withdrawal │    quorum, no later start ▲  an approval is taken back
//!      reminders, └────────────┘ ──────────────────────────┘
//!      escalation │ veto ▶ rejected   time ▶ expired   requester ▶ withdrawn, superseded
//! ```
//!
//! It holds no authorization; that comes only from a committed step of the gate.

mod bench;
mod cast;
mod change;
mod court;
mod error;
mod motion;
mod news;
mod opening;
mod outlook;
mod plan;
mod progress;
mod quorum;
mod replay;
mod state;
mod vote;

use std::sync::Arc;

use chrono::{DateTime, Utc};

pub(crate) use cast::Cast;
pub(crate) use change::Change;
pub use error::VoteError;
pub(crate) use motion::{Granted, Motion, SignedTerms};
pub use news::{News, StageName};
pub(crate) use opening::OpenError;
pub use outlook::{Missing, Outlook};
pub use replay::ReviewError;
pub use state::ReviewState;
pub use vote::Vote;
pub(crate) use vote::{Verdict, VoteKind};

use self::bench::About;
use self::court::{Court, Notes};
use self::plan::Plan;
use self::progress::{Progress, later};
use crate::audit::{Cause, Position};
use crate::decision::{Decision, Terms};
use crate::policy::May;
use crate::policy::schema::FactValues;
use crate::request::Request;

/// A request that waits for people, or did.
///
/// A review is a value: voting gives a new one. Keep it, or replay it from its records.
#[derive(Debug, Clone)]
pub struct Review {
    id: String,
    version: u64,
    request: Arc<Request>,
    decision: Arc<Decision>,
    facts: Arc<FactValues>,
    /// Records only commit to the action, or to a part of it.
    personal: bool,
    /// One for each policy that asks for people; the first is the one that opened the review.
    tracks: Vec<Track>,
    /// Every policy that was asked.
    policies: Vec<Arc<str>>,
    state: ReviewState,
    votes: Vec<Arc<Cast>>,
    comments: Vec<Arc<Cast>>,
    opened_at: DateTime<Utc>,
    /// The record that opened it, once that is stored.
    opening: Option<Cause>,
    expires_at: DateTime<Utc>,
    /// The latest time of any change.
    latest: DateTime<Utc>,
    /// When a satisfied plan is authorized.
    starts_at: Option<DateTime<Utc>>,
    /// Whose attributes were too old when the quorum was there.
    awaited: Vec<String>,
    grant: Option<Recorded>,
    news: Vec<News>,
}

/// A plan, the terms that its policy gives, and how far each of its reviews is.
#[derive(Debug, Clone)]
struct Track {
    /// Whose plan it is, by the policy's digest.
    policy: Arc<str>,
    plan: Plan,
    terms: Terms,
    /// The place of its first review among those of all plans.
    first: usize,
    progress: Vec<Progress>,
}

/// The grant that a review led to, as it is recorded.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Recorded {
    pub(crate) claims: serde_json::Value,
    pub(crate) position: Position,
}

/// Somebody whose approval was counted.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Approver {
    pub(crate) person: String,
    /// For whom they acted, if not for themselves.
    pub(crate) delegator: Option<String>,
    pub(crate) at: DateTime<Utc>,
    /// The approval that they signed themselves.
    pub(crate) signature: Option<String>,
}

impl Review {
    /// Returns the id, which is also the request's.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Returns what is asked.
    #[must_use]
    pub fn request(&self) -> &Request {
        &self.request
    }

    /// Returns the decision that asks for the review.
    #[must_use]
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// Returns how far the review is.
    #[must_use]
    pub fn state(&self) -> ReviewState {
        self.state
    }

    /// Returns when the review opened.
    #[must_use]
    pub fn opened_at(&self) -> DateTime<Utc> {
        self.opened_at
    }

    /// Says which record opened it, unless that is known.
    pub(crate) fn opened_by(self, record: Option<Cause>) -> Self {
        Self { opening: self.opening.or(record), ..self }
    }

    /// Returns the record that opened it.
    pub(crate) fn opening(&self) -> Option<&Cause> {
        self.opening.as_ref()
    }

    /// Returns the first moment at which an open review no longer takes votes.
    #[must_use]
    pub fn expires_at(&self) -> DateTime<Utc> {
        self.expires_at
    }

    /// Returns when a scheduled review is authorized.
    #[must_use]
    pub fn starts_at(&self) -> Option<DateTime<Utc>> {
        self.starts_at
    }

    /// Returns the digests of all policies that were asked: the one that opened the review comes first.
    pub fn policies(&self) -> impl ExactSizeIterator<Item = &str> {
        self.policies.iter().map(AsRef::as_ref)
    }

    /// Returns when to wake the review: to escalate, remind, pass over a stage, authorize it at its start or
    /// end it. It is `None` where nothing but people can move it, or nobody.
    #[must_use]
    pub fn next_wakeup(&self) -> Option<DateTime<Utc>> {
        match self.state {
            ReviewState::Open => {
                let due = self.dues().map(|(at, _)| at);
                due.chain([self.expires_at]).min()
            }
            ReviewState::Scheduled if self.awaited.is_empty() => self.starts_at,
            ReviewState::Scheduled => self.latest_start(),
            _ => None,
        }
    }

    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    pub(crate) fn plan_text(&self) -> &str {
        self.tracks.first().map_or("", |track| &track.plan.text)
    }

    /// Says whether records only commit to what is asked to be done, or to a part of it.
    pub(crate) fn holds_personal_action(&self) -> bool {
        self.personal
    }

    pub(crate) fn grant(&self) -> Option<&Recorded> {
        self.grant.as_ref()
    }

    /// Returns the id of the grant that the review led to.
    #[cfg(feature = "authzen")]
    pub(crate) fn grant_id(&self) -> Option<&str> {
        self.grant()?.claims.get("jti")?.as_str()
    }

    /// Returns a time that the grant of the review says, in seconds since 1970.
    #[cfg(feature = "authzen")]
    pub(crate) fn grant_time(&self, claim: &str) -> Option<i64> {
        self.grant()?.claims.get(claim)?.as_i64()
    }

    /// Says whether a withdrawal after the approval revokes the grant.
    pub(crate) fn revokes(&self) -> bool {
        self.tracks.iter().any(|track| track.plan.revokes())
    }

    /// What votes may change: what every plan lets them.
    fn may(&self) -> May {
        let all = |may: fn(&May) -> bool| self.tracks.iter().all(|track| may(&track.plan.may()));
        May {
            shorten: all(|may| may.shorten),
            // An extension begins before the grant ends that it extends.
            start_later: self.request.extended().is_none() && all(|may| may.start_later),
            narrow: all(|may| may.narrow),
        }
    }

    /// The terms of all plans together: the narrowest hold.
    fn terms(&self) -> Option<Terms> {
        let mut all = self.tracks.iter().map(|track| &track.terms);
        let mut joined = all.next()?.clone();
        for terms in all {
            joined.duration = joined.duration.min(terms.duration);
            joined.max_uses = narrower(joined.max_uses, terms.max_uses);
            joined.use_within = narrower(joined.use_within, terms.use_within);
            joined.start = joined.start.max(terms.start);
            joined.until = narrower(joined.until, terms.until);
        }
        Some(joined)
    }

    /// The first moment at which a scheduled grant would be over.
    fn latest_start(&self) -> Option<DateTime<Utc>> {
        later(self.starts_at?, self.terms()?.shortened(&self.votes).duration)
    }

    /// What time does next to each review of each plan.
    fn dues(&self) -> impl Iterator<Item = (DateTime<Utc>, (usize, progress::Due))> + '_ {
        self.tracks.iter().flat_map(|track| {
            let reviews = track.plan.reviews().iter().zip(&track.progress).enumerate();
            reviews.filter_map(|(index, (rule, progress))| {
                let (at, due) = progress.due(rule)?;
                Some((at, (track.first.saturating_add(index), due)))
            })
        })
    }

    fn courts(&self, now: DateTime<Utc>) -> impl Iterator<Item = Court<'_>> {
        self.courts_by(now, false, &Notes::default()).into_iter()
    }

    fn courts_by(&self, now: DateTime<Utc>, fresh: bool, notes: &Notes) -> Vec<Court<'_>> {
        let about = self.about(now);
        let court = |track| Court::of(track, &self.votes, about, fresh, notes);
        self.tracks.iter().map(court).collect()
    }

    fn about(&self, now: DateTime<Utc>) -> About<'_> {
        About { request: &self.request, facts: &self.facts, now }
    }
}

impl Terms {
    /// Takes the shortest of what any approval allows. One that fills no seat is heard too: whose votes
    /// fill the seats of a full quorum is arbitrary.
    fn shortened(&self, votes: &[Arc<Cast>]) -> Self {
        let approvals = votes.iter().filter(|cast| cast.verdict == Verdict::Approve);
        let allowed = approvals.filter_map(|cast| cast.at_most).min();
        let duration = allowed.map_or(self.duration, |allowed| allowed.min(self.duration));
        Self { duration, ..self.clone() }
    }
}

fn narrower<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
