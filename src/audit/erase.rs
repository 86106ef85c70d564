//! Forgetting, on the record.
//!
//! An erasure is recorded first and carried out afterwards: the step says which openings are to go, and
//! only its commit tells the host to delete them. What an open review or a living grant rests on cannot be
//! erased: it would be decided on what nobody can see.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde_json::{Value, json};

use super::commitment::Openings;
use super::draft::Draft;
use super::record::Record;
use super::step::{Fate, Refusal, Step};
use super::{Event, RecordFault};
use crate::{Stamp, hex};

/// A commitment of a record.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Commitment {
    /// The name of the stream.
    pub stream: String,
    /// The record's number.
    pub seq: u64,
    /// Where it stands in the record: an RFC 6901 pointer.
    pub path: String,
}

/// What is to be forgotten.
///
/// ```
/// # use countersign::*;
/// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
/// let policy = Policy::from_toml(
///     "format = 1\nname = 'x'\n[attributes]\n'subject.email' = { type = 'string', personal = true }\n",
/// )?;
/// let gate = Gate::new(policy, "https://jit.example");
/// let mut ledger = Ledger::create("orders-gate")?;
/// let ana = Subject::new("user", "u-4711").with("email", "ana@example.com");
/// let request = Request::new(ana, Action::new("logs.read"), Resource::new("service", "orders"));
/// let staged = ledger.stage(gate.submit(request, Stamp::new(now, [1; 32])))?;
/// let log = staged.lines().to_vec();
/// let openings: Vec<Opening> = staged.openings().cloned().collect(); // stored with the records, apart from them
/// staged.commit()?;
/// assert_eq!(openings[0].value(), "ana@example.com");
/// assert!(!String::from_utf8_lossy(&log).contains("ana@example.com"));
///
/// let records = log.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
/// let erasure = Erasure::of(records)?;
/// let staged = ledger.stage(erasure.into_step("user/dpo", "request 17", Stamp::new(now, [2; 32]))?)?;
/// // … the host stores the record, and then deletes these openings
/// let gone = staged.commit();
/// assert_eq!((gone[0].seq, gone[0].path.as_str()), (1, "/request/subject/properties/email"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Erasure {
    places: BTreeMap<Commitment, [u8; 32]>,
    /// Until when the newest grant lives that rests on the records.
    until: Option<DateTime<Utc>>,
}

/// Why openings are not erased.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EraseError {
    /// A record cannot be read.
    #[error("record cannot be read: {0}")]
    Record(#[from] RecordFault),
    /// A record belongs to a review that, by the records that were given, has not ended.
    #[error("review `{review}` has not ended")]
    Open {
        /// The review.
        review: String,
    },
    /// A grant rests on the records, and has not ended.
    #[error("a grant rests on it until {until}, it is {now}")]
    Granted {
        /// The end of the grant.
        until: DateTime<Utc>,
        /// The time of the step.
        now: DateTime<Utc>,
    },
    /// The records commit to nothing.
    #[error("records hold no commitment")]
    Nothing,
}

impl Erasure {
    /// Takes every commitment of some records: those of one request, or of everything about one person. Of a
    /// review and of a grant give all records: they say whether it has ended, and what rests on it.
    ///
    /// # Errors
    ///
    /// [`EraseError::Record`], [`EraseError::Open`].
    pub fn of<R: AsRef<[u8]>>(records: impl IntoIterator<Item = R>) -> Result<Self, EraseError> {
        let (mut erasure, mut open) = (Self { places: BTreeMap::new(), until: None }, BTreeMap::new());
        for record in records {
            let record = Record::read(record.as_ref())?;
            let event = Event::parse(record.event());
            if let Some(review) = record.review() {
                let ended = open.entry(review.to_owned()).or_insert(false);
                *ended |= event.is_some_and(Event::ends_a_review);
            }
            if event == Some(Event::GrantAuthorized) {
                let end = record.content().get("claims").and_then(|claims| claims.get("exp")?.as_i64());
                erasure.until = erasure.until.max(end.and_then(|end| DateTime::from_timestamp(end, 0)));
            }
            for closed in record.opened(&Openings::default()).closed {
                let (stream, seq) = (record.stream().to_owned(), record.seq());
                erasure.places.insert(Commitment { stream, seq, path: closed.path }, record.leaf());
            }
        }
        match open.into_iter().find(|(_, ended)| !ended) {
            Some((review, _)) => Err(EraseError::Open { review }),
            None => Ok(erasure),
        }
    }

    /// Keeps only the commitments that the function picks.
    #[must_use]
    pub fn only(mut self, mut picks: impl FnMut(&Commitment) -> bool) -> Self {
        self.places.retain(|place, _| picks(place));
        self
    }

    /// Makes the step that records who has what forgotten, and why, in as many records as that needs. It gives the openings that the host must
    /// delete, in every copy, after the record is stored. `by` and `because` are recorded as they are: name the
    /// demand, not the person.
    ///
    /// # Errors
    ///
    /// [`EraseError::Granted`], [`EraseError::Nothing`].
    pub fn into_step(
        self,
        by: &str,
        because: &str,
        stamp: Stamp,
    ) -> Result<Step<Vec<Commitment>>, EraseError> {
        let now = stamp.now();
        if let Some(until) = self.until.filter(|until| *until > now) {
            return Err(EraseError::Granted { until, now });
        }
        if self.places.is_empty() {
            return Err(EraseError::Nothing);
        }
        let event = Event::RecordErased;
        let drafts = self.parts().into_iter().enumerate().map(|(part, records)| {
            let id = if part == 0 { stamp.id(event.as_str()) } else { stamp.id(&format!("{event}/{part}")) };
            Draft::new(event, id, now).with("because", because).with("by", by).with("records", records)
        });
        let drafts = drafts.collect();
        let places = self.places.into_keys().collect();
        let stored = |fate, places| match fate {
            Fate::Stored(_) => places,
            // The step has no key that could be taken.
            Fate::Refused { .. } => Vec::new(),
        };
        Ok(Step::new(drafts, Refusal::new(&stamp), move |fate| stored(fate, places)))
    }

    /// Names the commitments, in as many parts as they need records.
    fn parts(&self) -> Vec<Vec<Value>> {
        let (mut parts, mut bytes) = (vec![Vec::<Named>::new()], 0_usize);
        for (place, leaf) in &self.places {
            let written = |text: &str| Value::from(text).to_string().len().saturating_add(1);
            bytes = bytes.saturating_add(written(&place.path));
            if bytes > PART_BYTES {
                parts.push(Vec::new());
                bytes = written(&place.path);
            }
            let Some(part) = parts.last_mut() else { continue };
            match part.last_mut().filter(|named| named.is_of(place, leaf)) {
                Some(named) => named.paths.push(&place.path),
                None => {
                    bytes = bytes.saturating_add(NAMED_BYTES).saturating_add(place.stream.len());
                    part.push(Named {
                        stream: &place.stream,
                        seq: place.seq,
                        leaf,
                        paths: vec![&place.path],
                    });
                }
            }
        }
        parts.into_iter().map(|part| part.iter().map(Named::to_json).collect()).collect()
    }
}

/// Commitments of one record.
struct Named<'e> {
    stream: &'e str,
    seq: u64,
    leaf: &'e [u8; 32],
    paths: Vec<&'e str>,
}

impl Named<'_> {
    fn is_of(&self, place: &Commitment, leaf: &[u8; 32]) -> bool {
        (self.stream, self.seq, self.leaf) == (&*place.stream, place.seq, leaf)
    }

    fn to_json(&self) -> Value {
        json!({ "leaf": hex::encode(self.leaf), "paths": self.paths, "seq": self.seq, "stream": self.stream })
    }
}

/// What of the personal values of a log can be shown, and whether the rest is gone for a reason.
///
/// It looks at records that a [`LogVerifier`](super::LogVerifier) found good, of one stream or of several. What it
/// finds never changes what the verifier says of the log.
#[derive(Debug, Default)]
pub struct Disclosures {
    openings: Openings,
    report: DisclosureReport,
    closed: BTreeMap<Commitment, [u8; 32]>,
    open: BTreeMap<Commitment, [u8; 32]>,
    erased: BTreeMap<Commitment, ([u8; 32], (String, u64))>,
}

/// What became of the commitments of a log. Each is in one of the first five fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct DisclosureReport {
    /// Commitments whose opening was given and fits.
    pub disclosed: u64,
    /// Commitments without an opening, which may be elsewhere.
    pub withheld: u64,
    /// Commitments whose erasure is recorded, and whose opening is gone.
    pub erased: u64,
    /// Alarm: commitments whose opening is gone, though no record says so. Only where
    /// [all](Openings::all) openings were given.
    pub unrecorded: Vec<Commitment>,
    /// Alarm: commitments whose opening is of something else.
    pub mismatched: Vec<Commitment>,
    /// Alarm: disclosed, though a record says that they were erased.
    pub undeleted: Vec<Commitment>,
    /// Alarm: the stream and number of records that say something was erased that is not there.
    pub unfounded: Vec<(String, u64)>,
}

impl Disclosures {
    /// Begins with the openings that were given.
    #[must_use]
    pub fn new(openings: Openings) -> Self {
        Self { openings, ..Self::default() }
    }

    /// Takes the next record.
    pub fn push(&mut self, record: &super::VerifiedRecord<'_>) {
        let event = Event::parse(record.event());
        if event == Some(Event::RecordErased) {
            let here = (record.stream().to_owned(), record.seq());
            let erased = record.content().remove("records").and_then(|records| erased_by(&records));
            match erased {
                Some(places) => {
                    self.erased.extend(places.into_iter().map(|(place, leaf)| (place, (leaf, here.clone()))))
                }
                None => self.report.unfounded.push(here),
            }
        }
        let opened = record.opened(&self.openings);
        let place = |path| Commitment { stream: record.stream().to_owned(), seq: record.seq(), path };
        self.open.extend(opened.open.into_iter().map(|path| (place(path), record.leaf())));
        for closed in opened.closed {
            let here = place(closed.path);
            if closed.mismatch {
                self.report.mismatched.push(here.clone());
            }
            self.closed.insert(here, record.leaf());
        }
    }

    /// Says what was found.
    #[must_use]
    pub fn finish(self) -> DisclosureReport {
        let Self { openings, mut report, closed, open, erased } = self;
        let mut unfounded: BTreeSet<(String, u64)> = report.unfounded.drain(..).collect();
        for (place, (leaf, by)) in &erased {
            if open.get(place).or_else(|| closed.get(place)) != Some(leaf) {
                unfounded.insert(by.clone());
            }
        }
        let is_erased =
            |place: &Commitment, leaf: &[u8; 32]| erased.get(place).is_some_and(|(named, _)| named == leaf);
        report.disclosed = u64::try_from(open.len()).unwrap_or(u64::MAX);
        report.undeleted = open
            .iter()
            .filter(|(place, leaf)| is_erased(place, leaf))
            .map(|(place, _)| place.clone())
            .collect();
        let mismatched: BTreeSet<Commitment> = report.mismatched.drain(..).collect();
        for (place, leaf) in closed.into_iter().filter(|(place, _)| !mismatched.contains(place)) {
            if is_erased(&place, &leaf) {
                report.erased = report.erased.saturating_add(1);
            } else if openings.complete {
                report.unrecorded.push(place);
            } else {
                report.withheld = report.withheld.saturating_add(1);
            }
        }
        report.mismatched = mismatched.into_iter().collect();
        report.unfounded = unfounded.into_iter().collect();
        report
    }
}

impl DisclosureReport {
    /// Says whether there is no alarm.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.unrecorded.is_empty()
            && self.mismatched.is_empty()
            && self.undeleted.is_empty()
            && self.unfounded.is_empty()
    }
}

/// Reads what a record says was erased, with the leaves of the records that it names.
pub(crate) fn erased_by(records: &Value) -> Option<Vec<(Commitment, [u8; 32])>> {
    let mut places = Vec::new();
    for record in records.as_array()? {
        let leaf = hex::decode32(record.get("leaf")?.as_str()?)?;
        let (stream, seq) = (record.get("stream")?.as_str()?, record.get("seq")?.as_u64()?);
        for path in record.get("paths")?.as_array()? {
            let (stream, path) = (stream.to_owned(), path.as_str()?.to_owned());
            places.push((Commitment { stream, seq, path }, leaf));
        }
    }
    Some(places)
}

/// Bytes of the names in one record, so that there is room for who and why.
const PART_BYTES: usize = 48 * 1_024;

/// Bytes that a named record takes beside its stream and its paths: a leaf, 16 digits and the names of members.
const NAMED_BYTES: usize = 128;
