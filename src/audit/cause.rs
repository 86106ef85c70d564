//! Which record in another stream a record follows from.
//!
//! A grant that was authorized in one stream may be used in another. The record of the use names the record that
//! authorized it, by its place and its leaf, so that an auditor of all streams finds out whether there is such a
//! record. Within one stream the order of the records says as much, and nothing is named.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::chain::is_stream_name;
use super::merkle::Hash;
use super::{Event, Record, VerifiedRecord};
use crate::{hex, json};

/// The record in another stream that a record follows from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    stream: String,
    seq: u64,
    leaf: Hash,
}

/// Why a record does not follow from the one that it names.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CauseFault {
    /// The parent knows no such stream.
    #[error("there is no such stream")]
    NoStream,
    /// No authorization of a grant, emergency or opening of a review stands there; what comes after a stream's
    /// first bad record does not count.
    #[error("there is no record that others follow from")]
    NoRecord,
    /// Another one stands there.
    #[error("another record stands there")]
    Leaf,
    /// A use follows from an authorization, what settles an emergency from the emergency, and what moves a review
    /// from its opening; this is none of the three.
    #[error("nothing of its kind follows from `{found}`")]
    Kind {
        /// What stands there.
        found: Event,
    },
    /// What stands there is about another request or review.
    #[error("the one is about another request or review")]
    About,
}

impl Cause {
    /// Names a record. `None` if no stream has such a name, or no record such a number.
    pub(crate) fn new(stream: &str, seq: u64, leaf: Hash) -> Option<Self> {
        let fits = is_stream_name(stream) && i64::try_from(seq).is_ok_and(|seq| seq <= json::MAX_INTEGER);
        fits.then(|| Self { stream: stream.to_owned(), seq, leaf })
    }

    /// Names a record as what others follow from.
    #[allow(dead_code, reason = "only the engine makes records that follow from others")]
    pub(crate) fn of(record: &Record) -> Self {
        Self { stream: record.stream().to_owned(), seq: record.seq(), leaf: record.leaf() }
    }

    /// Returns the name of the stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Returns the record's number there.
    #[must_use]
    pub fn seq(&self) -> u64 {
        self.seq
    }

    /// Returns the record's hash.
    #[must_use]
    pub fn leaf(&self) -> [u8; 32] {
        self.leaf
    }

    /// Appends the member of a record.
    pub(super) fn put(&self, text: &mut String) {
        // Writing to a string cannot fail.
        let _ = write!(
            text,
            ",\"cause\":{{\"leaf\":\"sha-256:{}\",\"seq\":{}",
            hex::encode(&self.leaf),
            self.seq
        );
        let _ = write!(text, ",\"stream\":\"{}\"}}", self.stream);
    }

    /// Reads the member's value from canonical text, where it has one spelling.
    pub(super) fn read(text: &str) -> Option<Self> {
        let (leaf, rest) = text.strip_prefix("{\"leaf\":\"sha-256:")?.split_at_checked(64)?;
        let (seq, stream) = rest.strip_prefix("\",\"seq\":")?.split_once(",\"stream\":\"")?;
        Self::new(stream.strip_suffix("\"}")?, seq.parse().ok()?, hex::decode32(leaf)?)
    }
}

/// What the records of a stream follow from, and those that records of other streams can follow from.
#[derive(Debug, Default)]
pub(super) struct Links {
    known: BTreeMap<u64, Known>,
    named: Vec<Named>,
}

/// A record that others can follow from, and the request or review that it is about.
#[derive(Debug)]
struct Known {
    event: Event,
    leaf: Hash,
    about: Option<String>,
}

/// A record that names another one.
#[derive(Debug)]
struct Named {
    seq: u64,
    event: Option<Event>,
    review: Option<String>,
    request: Option<String>,
    cause: Cause,
}

impl Links {
    /// Takes the next record of the stream.
    pub(super) fn see(&mut self, record: &VerifiedRecord<'_>) {
        let event = Event::parse(record.event());
        let review = || record.review().map(str::to_owned);
        let request = || record.content().get("req").and_then(|id| id.as_str()).map(str::to_owned);
        if let Some(cause) = record.cause() {
            let (review, request) = (review(), request());
            self.named.push(Named { seq: record.seq(), event, review, request, cause });
        }
        let about = match event {
            Some(Event::GrantAuthorized | Event::EmergencyOwed) => request(),
            Some(Event::ReviewOpened) => review(),
            _ => return,
        };
        self.known.extend(event.map(|event| (record.seq(), Known { event, leaf: record.leaf(), about })));
    }

    /// Finds the first record that does not follow from the one that it names.
    pub(super) fn fault<'a>(
        &self,
        of: impl Fn(&str) -> Option<&'a Self>,
    ) -> Option<(u64, Cause, CauseFault)> {
        self.named.iter().find_map(|named| {
            let fault = match of(&named.cause.stream) {
                None => CauseFault::NoStream,
                Some(stream) => named.fault(stream.known.get(&named.cause.seq))?,
            };
            Some((named.seq, named.cause.clone(), fault))
        })
    }
}

impl Named {
    fn fault(&self, found: Option<&Known>) -> Option<CauseFault> {
        let Some(known) = found else { return Some(CauseFault::NoRecord) };
        if known.leaf != self.cause.leaf {
            return Some(CauseFault::Leaf);
        }
        let of_review = known.event == Event::ReviewOpened;
        let follows = match self.event {
            Some(Event::GrantRedeemed) => known.event == Event::GrantAuthorized,
            Some(Event::EmergencySettled) => known.event == Event::EmergencyOwed,
            Some(Event::StepRefused) => true,
            Some(
                Event::GrantAuthorized | Event::GrantRecovered | Event::GrantExtended | Event::GrantRevoked,
            ) => of_review,
            Some(event) => of_review && event.as_str().starts_with("review."),
            None => false,
        };
        if !follows {
            return Some(CauseFault::Kind { found: known.event });
        }
        let about = if of_review { &self.review } else { &self.request };
        (about.is_none() || *about != known.about).then_some(CauseFault::About)
    }
}
