//! A review from its records.
//!
//! The state is a fold: what was recorded is taken as it is, nothing is judged again. The records must be
//! one review's, from its opening on, with no version missing.

use std::sync::Arc;

use serde_json::Value as Json;

use super::cast::time;
use super::change::Change;
use super::plan::Plan;
use super::progress::Progress;
use super::{Recorded, Review, ReviewState, Track};
use crate::audit::{Cause, Event, Position, Record, RecordFault, Resumed};
use crate::decision::Decision;
use crate::policy::schema::FactValues;
use crate::request::Request;

/// Why records do not make a review.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReviewError {
    /// A record cannot be read.
    #[error("record cannot be read: {0}")]
    Record(#[from] RecordFault),
    /// The records do not begin with the request and the opening of a review.
    #[error("review is not opened by its first records")]
    NotOpened,
    /// A record belongs to another review.
    #[error("record {seq} belongs to another review")]
    OtherReview {
        /// The record's number.
        seq: u64,
    },
    /// Versions are missing, doubled or out of order.
    #[error("record {seq} makes version {found}, expected {expected}")]
    Version {
        /// The record's number.
        seq: u64,
        /// The version found.
        found: u64,
        /// The version that comes next.
        expected: u64,
    },
    /// A record lacks what its event must have.
    #[error("record {seq} lacks what `{event}` must hold")]
    Malformed {
        /// The record's number.
        seq: u64,
        /// The record's event.
        event: String,
    },
    /// Openings were given, and this version commits to no personal values.
    #[error("openings are not supported")]
    Openings,
}

impl Review {
    /// Replays a review from its records, in their order. The result equals the review that lived, and
    /// holds no authorization: [`Gate::recover`](crate::Gate::recover) re-issues a recorded grant.
    ///
    /// This version commits to no personal values, so there are no openings to give.
    ///
    /// # Errors
    ///
    /// [`ReviewError`] names the record that does not belong.
    pub fn replay<R: AsRef<[u8]>>(
        records: impl IntoIterator<Item = R>,
        openings: impl IntoIterator<Item = R>,
    ) -> Result<Self, ReviewError> {
        if openings.into_iter().next().is_some() {
            return Err(ReviewError::Openings);
        }
        let records = records.into_iter().map(|bytes| Record::read(bytes.as_ref()));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        Self::fold(records.iter())
    }

    fn fold<'r>(records: impl Iterator<Item = &'r Record>) -> Result<Self, ReviewError> {
        let mut records = records.filter(|record| record.review().is_some());
        let decided = records.next().ok_or(ReviewError::NotOpened)?;
        let opened = records.next().ok_or(ReviewError::NotOpened)?;
        if decided.event() != Event::RequestDecided.as_str() || opened.event() != Event::ReviewOpened.as_str()
        {
            return Err(ReviewError::NotOpened);
        }
        let mut review = Self::opened(decided, opened).ok_or_else(|| malformed(opened))?;
        for record in records {
            if record.review() != Some(&review.id) {
                return Err(ReviewError::OtherReview { seq: record.seq() });
            }
            review.take(record)?;
        }
        Ok(review)
    }

    /// Applies the next record of the review.
    ///
    /// # Errors
    ///
    /// [`ReviewError`] for a record that does not follow.
    pub(crate) fn follow(&mut self, record: &Record) -> Result<(), ReviewError> {
        self.take(record)
    }

    /// Makes the review that two records open.
    pub(crate) fn opened(decided: &Record, opened: &Record) -> Option<Self> {
        let (asked, content) = (decided.content(), opened.content());
        if decided.review() != opened.review() {
            return None;
        }
        let decision = Decision::from_record(asked.get("decision")?)?;
        let plan = Plan::from_record(content.get("plan")?.as_str()?)?;
        let progress = plan.reviews().iter().map(|rule| Progress::new(rule, opened.at())).collect();
        let terms = decision.terms()?.clone();
        let policy: Arc<str> = decision.policy().into();
        let mut review = Self {
            id: opened.review()?.to_owned(),
            version: content.get("version")?.as_u64()?,
            request: Arc::new(Request::from_record(asked.get("request")?)?),
            policies: vec![policy.clone()],
            decision: Arc::new(decision),
            facts: Arc::new(FactValues::from_record(asked.get("facts")?)?),
            tracks: vec![Track { policy, plan, terms, first: 0, progress }],
            state: ReviewState::Open,
            votes: Vec::new(),
            comments: Vec::new(),
            opened_at: opened.at(),
            opening: Some(Cause::of(opened)),
            expires_at: time(content.get("expires_at")?)?,
            latest: opened.at(),
            starts_at: None,
            awaited: Vec::new(),
            grant: None,
            news: Vec::new(),
        };
        for stage in content.get("fallback").and_then(Json::as_array).into_iter().flatten() {
            let number = |place: usize| usize::try_from(stage.get(place)?.as_u64()?).ok();
            let progress = review.tracks.first_mut()?.progress.get_mut(number(0)?)?;
            progress.stages.get_mut(number(1)?)?.fallback = true;
        }
        Some(review)
    }

    fn take(&mut self, record: &Record) -> Result<(), ReviewError> {
        let content = record.content();
        let Some(event) = Event::parse(record.event()) else { return Ok(()) };
        if let Some(version) = content.get("version") {
            let (found, expected) = (version.as_u64().unwrap_or(0), self.version.saturating_add(1));
            if found != expected {
                return Err(ReviewError::Version { seq: record.seq(), found, expected });
            }
            self.version = found;
            self.news.clear();
        }
        if event == Event::GrantAuthorized {
            let claims = content.get("claims").cloned().ok_or_else(|| malformed(record))?;
            let position = Position {
                stream: record.stream().into(),
                seq: record.seq(),
                leaf: record.leaf(),
                key: record.key().map(str::to_owned),
            };
            self.apply(&Change::Approved { approvers: Vec::new() }, record.at().max(self.latest));
            self.grant = Some(Recorded { claims, position });
            return Ok(());
        }
        // A clock that was a little behind was put forward.
        let at = record.at().max(self.latest);
        if event == Event::ReviewApproved {
            // Nothing is approved without the authorization that follows: a torn write may have lost it, and
            // then nothing was released, and the quorum can close again.
            self.latest = at;
            return Ok(());
        }
        let change = Change::read(event, &Json::Object(content), at).ok_or_else(|| malformed(record))?;
        if let Some(change) = change {
            self.apply(&change, at);
        }
        Ok(())
    }
}

impl Resumed {
    /// Replays every review of the log, in the order of their opening.
    ///
    /// # Errors
    ///
    /// The first review's [`ReviewError`].
    pub fn reviews(&self) -> Result<Vec<Review>, ReviewError> {
        let mut of: Vec<(&str, Vec<&Record>)> = Vec::new();
        let mut places = std::collections::HashMap::new();
        for record in self.records() {
            let Some(id) = record.review() else { continue };
            let place = *places.entry(id).or_insert_with(|| {
                of.push((id, Vec::new()));
                of.len().saturating_sub(1)
            });
            if let Some((_, records)) = of.get_mut(place) {
                records.push(record);
            }
        }
        // A refusal may name a review whose own records are in another stream.
        let is_here = |records: &[&Record]| {
            records.first().is_some_and(|record| record.event() == Event::RequestDecided.as_str())
        };
        let here = of.into_iter().filter(|(_, records)| is_here(records));
        here.map(|(_, records)| Review::fold(records.into_iter())).collect()
    }
}

fn malformed(record: &Record) -> ReviewError {
    ReviewError::Malformed { seq: record.seq(), event: crate::text::quote(record.event()) }
}
