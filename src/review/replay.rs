//! A review from its records.
//!
//! The state is a fold: what was recorded is taken as it is, nothing is judged again. The records must be
//! one review's, from its opening on, with no version missing.

use std::sync::Arc;

use serde_json::{Map, Value as Json};

use super::cast::time;
use super::change::Change;
use super::plan::Plan;
use super::progress::Progress;
use super::{Recorded, Review, ReviewState, Track};
use crate::audit::{
    Cause, Closed, Event, Opened, OpeningError, Openings, Position, Record, RecordFault, Resumed,
};
use crate::decision::Decision;
use crate::policy::schema::FactValues;
use crate::request::Request;
use crate::text::quote;

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
    /// An opening cannot be read.
    #[error(transparent)]
    Opening(#[from] OpeningError),
    /// A record commits to a value, and no opening of it was given: it was erased, or is withheld.
    #[error("record {seq} holds a commitment at `{}` that nothing opens", quote(path))]
    Closed {
        /// The record's number.
        seq: u64,
        /// Where the commitment stands in the record.
        path: String,
    },
    /// A record commits to another value than that of the opening which was given.
    #[error("opening of record {seq} at `{}` is of something else", quote(path))]
    Mismatch {
        /// The record's number.
        seq: u64,
        /// Where the commitment stands in the record.
        path: String,
    },
}

impl Review {
    /// Replays a review from its records, in their order. The result equals the review that lived, and
    /// holds no authorization: [`Gate::recover`](crate::Gate::recover) re-issues a recorded grant.
    ///
    /// Openings are those of the records; where the policies marked nothing `personal` there are none.
    ///
    /// # Errors
    ///
    /// [`ReviewError`] names the record that does not belong.
    pub fn replay<R: AsRef<[u8]>>(
        records: impl IntoIterator<Item = R>,
        openings: impl IntoIterator<Item = R>,
    ) -> Result<Self, ReviewError> {
        let openings = Openings::read(openings)?;
        let records = records.into_iter().map(|bytes| Record::read(bytes.as_ref()));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        Self::fold(records.iter(), &openings)
    }

    fn fold<'r>(records: impl Iterator<Item = &'r Record>, openings: &Openings) -> Result<Self, ReviewError> {
        let mut records = records.filter(|record| record.review().is_some());
        let decided = records.next().ok_or(ReviewError::NotOpened)?;
        let opened = records.next().ok_or(ReviewError::NotOpened)?;
        if decided.event() != Event::RequestDecided.as_str() || opened.event() != Event::ReviewOpened.as_str()
        {
            return Err(ReviewError::NotOpened);
        }
        open(decided, openings)?;
        let mut review = Self::opened(decided, opened, openings).ok_or_else(|| malformed(opened))?;
        for record in records {
            if record.review() != Some(&review.id) {
                return Err(ReviewError::OtherReview { seq: record.seq() });
            }
            review.follow(record, openings)?;
        }
        Ok(review)
    }

    /// Applies the next record of the review.
    ///
    /// # Errors
    ///
    /// [`ReviewError`] for a record that does not follow.
    pub(crate) fn follow(&mut self, record: &Record, openings: &Openings) -> Result<(), ReviewError> {
        self.take(record, open(record, openings)?)
    }

    /// Makes the review that two records open.
    pub(crate) fn opened(decided: &Record, opened: &Record, openings: &Openings) -> Option<Self> {
        let Opened { content: asked, open, closed } = decided.opened(openings);
        if !closed.is_empty() {
            return None;
        }
        let content = opened.content();
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
            personal: open.iter().any(|path| path.starts_with("/request/action/")),
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

    fn take(&mut self, record: &Record, content: Map<String, Json>) -> Result<(), ReviewError> {
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
    /// Replays every review of a log that holds no commitments, in the order of their opening.
    ///
    /// # Errors
    ///
    /// The first review's [`ReviewError`].
    pub fn reviews(&self) -> Result<Vec<Review>, ReviewError> {
        self.reviews_with(&Openings::default())
    }

    /// Replays every review of the log, in the order of their opening, with what opens the commitments of
    /// its records. A review that has ended and holds what nothing opens is left out: it was erased.
    ///
    /// # Errors
    ///
    /// The first review's [`ReviewError`].
    pub fn reviews_with(&self, openings: &Openings) -> Result<Vec<Review>, ReviewError> {
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
        let ended = |records: &[&Record]| {
            let events = records.iter().filter_map(|record| Event::parse(record.event()));
            events.into_iter().any(Event::ends_a_review)
        };
        here.filter_map(|(_, records)| {
            let ended = ended(&records);
            match Review::fold(records.into_iter(), openings) {
                Err(ReviewError::Closed { .. }) if ended => None,
                found => Some(found),
            }
        })
        .collect()
    }
}

/// Reads a record's content, all of which must be there.
fn open(record: &Record, openings: &Openings) -> Result<Map<String, Json>, ReviewError> {
    let Opened { content, closed, .. } = record.opened(openings);
    let seq = record.seq();
    match closed.into_iter().next() {
        Some(Closed { path, mismatch: true }) => Err(ReviewError::Mismatch { seq, path }),
        Some(Closed { path, mismatch: false }) => Err(ReviewError::Closed { seq, path }),
        None => Ok(content),
    }
}

fn malformed(record: &Record) -> ReviewError {
    ReviewError::Malformed { seq: record.seq(), event: quote(record.event()) }
}
