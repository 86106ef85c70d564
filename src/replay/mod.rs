//! Deciding a log's requests again.
//!
//! Every recorded decision names its policy and holds the request and the facts it rests on. Replay decides
//! again under that policy and compares all of the answer. Every authorized grant must rest on a request that
//! was allowed, or on a review whose recorded votes are a quorum under its recorded plans: they are counted
//! again. What cannot be decided again is counted as such: it never passes in silence. Only verified records
//! are replayed.

use std::collections::{HashMap, HashSet};

use serde_json::Value as Json;

use crate::audit::{Closed, Event, Opened, Openings, Record, VerifiedRecord};
use crate::decision::{Decision, Effect, ReasonCode, decide_again};
use crate::gate::ENGINE;
use crate::policy::Policy;
use crate::policy::schema::FactValues;
use crate::request::Request;
use crate::review::{Review, ReviewError};

mod finding;
mod lifecycle;
mod verdict;

pub use finding::{Finding, Violation};
pub use lifecycle::Lifecycle;
pub use verdict::{Difference, Replayed, Unreplayable};

/// Re-executes the decisions of a log.
///
/// Records that were not verified are not replayed:
///
/// ```compile_fail,E0308
/// fn unverified(replay: &mut countersign::Replay, record: &countersign::Record) {
///     replay.push(record);
/// }
/// ```
#[derive(Debug)]
pub struct Replay {
    policies: HashMap<String, Policy>,
    openings: Openings,
    report: ReplayReport,
    /// Requests that were allowed and not yet authorized.
    allowed: HashSet<String>,
    /// Requests that people were asked about, until their review opens.
    asked: HashMap<String, Record>,
    /// Reviews that may still lead to a grant.
    reviews: HashMap<String, Review>,
    /// Reviews of which a quorum was recorded and found.
    founded: HashSet<String>,
    /// Reviews of which a record holds a commitment that nothing opens.
    closed: HashSet<String>,
}

/// What deciding again gave.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReplayReport {
    /// Decisions that came out the same, in every field.
    pub same: u64,
    /// Decisions that came out differently.
    pub different: u64,
    /// The number of the first record that would be decided differently.
    pub first_difference: Option<u64>,
    /// Decisions that cannot be made again: see [`Unreplayable`].
    pub unreplayable: u64,
    /// Authorized grants that rest on a request that was allowed, or on a quorum that was found again.
    pub founded: u64,
    /// Authorized grants that rest on neither.
    pub unfounded: u64,
    /// The number of the first record that authorizes a grant which rests on neither.
    pub first_unfounded: Option<u64>,
    /// Authorized grants of reviews that cannot be counted again, because values of it were erased or are
    /// withheld.
    pub unjudged: u64,
}

impl Replay {
    /// Takes the policies under which the log's requests were decided; each record names its own by digest.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Self {
        let policies = policies.into_iter().map(|policy| (policy.digest().to_owned(), policy)).collect();
        Self {
            policies,
            openings: Openings::default(),
            report: ReplayReport::default(),
            allowed: HashSet::new(),
            asked: HashMap::new(),
            reviews: HashMap::new(),
            founded: HashSet::new(),
            closed: HashSet::new(),
        }
    }

    /// Takes what opens the personal values of the log.
    #[must_use]
    pub fn with_openings(self, openings: Openings) -> Self {
        Self { openings, ..self }
    }

    /// Decides a record's request again, counts the votes of a review again, and looks what a grant rests on.
    /// Records of other events pass. Returns what came of a decision.
    pub fn push(&mut self, record: &VerifiedRecord<'_>) -> Option<Replayed> {
        let replayed = match Event::parse(record.event()) {
            Some(Event::RequestDecided) => Some(self.redecide(record)),
            Some(Event::GrantAuthorized) => {
                self.rest(record);
                None
            }
            _ => None,
        };
        if record.review().is_some() {
            self.follow(record);
        }
        replayed
    }

    /// Reads the request of a recorded decision, to be decided under another policy. `None` for another record,
    /// and for a request with values that nothing opens.
    ///
    /// ```
    /// # use countersign::{Policy, Replay, VerifiedRecord};
    /// use countersign::testing::policy_diff;
    ///
    /// /// What would have changed.
    /// fn would_change(replay: &Replay, records: &[VerifiedRecord<'_>], old: &Policy, new: &Policy) -> u64 {
    ///     let asked = records.iter().filter_map(|record| Some((replay.request(record)?, record.at())));
    ///     let diff = policy_diff(old, new, asked);
    ///     diff.compared() - diff.same()
    /// }
    /// ```
    #[must_use]
    pub fn request(&self, record: &VerifiedRecord<'_>) -> Option<Request> {
        if record.event() != Event::RequestDecided.as_str() {
            return None;
        }
        let Opened { content, closed, .. } = record.opened(&self.openings);
        if closed.iter().any(|closed| closed.path.starts_with("/request/")) {
            return None;
        }
        Request::from_record(content.get("request")?)
    }

    fn redecide(&mut self, record: &VerifiedRecord<'_>) -> Replayed {
        let content = record.content();
        let request = content.get("req").and_then(Json::as_str);
        let effect = content.get("decision").and_then(|decision| decision.get("effect")?.as_str());
        if let Some(request) = request.filter(|_| effect == Some(Effect::Allow.as_str())) {
            self.allowed.insert(request.to_owned());
        }
        let replayed = self.decide(record);
        match &replayed {
            Replayed::Same => self.report.same = self.report.same.saturating_add(1),
            Replayed::Different(_) => {
                self.report.different = self.report.different.saturating_add(1);
                self.report.first_difference = self.report.first_difference.or(Some(record.seq()));
            }
            Replayed::Unreplayable(_) => {
                self.report.unreplayable = self.report.unreplayable.saturating_add(1);
            }
        }
        replayed
    }

    /// Follows a review. A quorum is looked for when one is recorded, in the votes as they then stand.
    fn follow(&mut self, record: &VerifiedRecord<'_>) {
        let (Some(id), Ok(record)) = (record.review(), Record::read(record.bytes())) else { return };
        match Event::parse(record.event()) {
            Some(Event::RequestDecided) => {
                self.asked.insert(id.to_owned(), record);
            }
            Some(Event::ReviewOpened) => {
                let Some(decided) = self.asked.remove(id) else { return };
                match Review::opened(&decided, &record, &self.openings) {
                    Some(review) => {
                        self.reviews.insert(id.to_owned(), review);
                    }
                    None if !decided.opened(&self.openings).closed.is_empty() => {
                        self.closed.insert(id.to_owned());
                    }
                    None => {}
                }
            }
            event => {
                let Some(review) = self.reviews.get_mut(id) else { return };
                if event == Some(Event::ReviewApproved) && review.has_quorum(record.at()) {
                    self.founded.insert(id.to_owned());
                }
                // What does not follow leaves a review that leads to nothing.
                let followed = review.follow(&record, &self.openings);
                if matches!(followed, Err(ReviewError::Closed { .. })) {
                    self.closed.insert(id.to_owned());
                }
                if followed.is_err() || !review.state().is_pending() {
                    self.reviews.remove(id);
                }
            }
        }
    }

    /// Looks what an authorized grant rests on; each is rested on once.
    fn rest(&mut self, record: &VerifiedRecord<'_>) {
        let content = record.content();
        let request = content.get("req").and_then(Json::as_str).unwrap_or_default();
        let founded = match record.review() {
            Some(review) => review == request && self.founded.remove(review),
            None => self.allowed.remove(request),
        };
        if record.review().is_some_and(|review| review == request && self.closed.remove(review)) {
            self.report.unjudged = self.report.unjudged.saturating_add(1);
        } else if founded {
            self.report.founded = self.report.founded.saturating_add(1);
        } else {
            self.report.unfounded = self.report.unfounded.saturating_add(1);
            self.report.first_unfounded = self.report.first_unfounded.or(Some(record.seq()));
        }
    }

    /// Returns what was found.
    #[must_use]
    pub fn finish(self) -> ReplayReport {
        self.report
    }

    fn decide(&self, record: &VerifiedRecord<'_>) -> Replayed {
        let Opened { content, closed, .. } = record.opened(&self.openings);
        match self.decide_opened(record, &Json::Object(content), &closed) {
            Ok(None) => Replayed::Same,
            Ok(Some(difference)) => Replayed::Different(difference),
            Err(why) => Replayed::Unreplayable(why),
        }
    }

    fn decide_opened(
        &self,
        record: &VerifiedRecord<'_>,
        content: &Json,
        closed: &[Closed],
    ) -> Result<Option<Difference>, Unreplayable> {
        let field = |name: &'static str| content.get(name).ok_or(Unreplayable::Malformed { name });
        let digest = field("decision")?.get("policy").and_then(Json::as_str).unwrap_or_default();
        let policy = self
            .policies
            .get(digest)
            .ok_or_else(|| Unreplayable::PolicyNotGiven { digest: crate::text::quote(digest) })?;
        if let Some(closed) = closed.iter().find(|closed| closed.mismatch) {
            return Err(Unreplayable::Mismatch { path: closed.path.clone() });
        }
        if !closed.is_empty() {
            let paths = closed.iter().map(|closed| closed.path.clone()).collect();
            return Err(Unreplayable::Erased { paths });
        }
        let malformed = |name| move || Unreplayable::Malformed { name };
        let recorded = Decision::from_record(field("decision")?).ok_or_else(malformed("decision"))?;
        let asked = content.get("request").ok_or(Unreplayable::NotRecorded)?;
        let request = Request::from_record(asked).ok_or_else(malformed("request"))?;
        let facts = FactValues::from_record(field("facts")?).ok_or_else(malformed("facts"))?;
        let by_gate = [ReasonCode::GrantNotWritable, ReasonCode::NobodyCanApprove];
        if recorded.reasons().any(|reason| by_gate.contains(&reason.code())) {
            return Err(Unreplayable::ByGate);
        }
        let again = decide_again(policy, &request, &facts, record.at());
        if recorded == again {
            return Ok(None);
        }
        // Another version may have meant another thing by the same policy.
        let engine = field("engine")?.as_str().unwrap_or_default();
        if engine != ENGINE {
            return Err(Unreplayable::OtherEngine { engine: crate::text::quote(engine) });
        }
        Ok(Some(Difference::between(&recorded, &again)))
    }
}
