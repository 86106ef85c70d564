//! Deciding a log's requests again.
//!
//! Every recorded decision names its policy and holds the request and the facts it rests on. Replay decides
//! again under that policy and compares all of the answer. Every authorized grant must rest on a request that
//! was allowed, or on a review whose recorded votes are a quorum under its recorded plans: they are counted
//! again. What cannot be decided again is counted as such: it never passes in silence. Only verified records
//! are replayed.

use std::collections::{HashMap, HashSet};

use crate::audit::{Event, Record, VerifiedRecord};
use crate::decision::{Decision, Effect, ReasonCode, decide_again};
use crate::policy::Policy;
use crate::policy::schema::FactValues;
use crate::request::Request;
use crate::review::Review;

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
    report: ReplayReport,
    /// Requests that were allowed and not yet authorized.
    allowed: HashSet<String>,
    /// Requests that people were asked about, until their review opens.
    asked: HashMap<String, Record>,
    /// Reviews that may still lead to a grant.
    reviews: HashMap<String, Review>,
    /// Reviews of which a quorum was recorded and found.
    founded: HashSet<String>,
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
    /// Decisions whose policy was not given, whose request was not recordable, whose grant could not be
    /// written, that nobody could approve, or whose record cannot be read.
    pub unreplayable: u64,
    /// Authorized grants that rest on a request that was allowed, or on a quorum that was found again.
    pub founded: u64,
    /// Authorized grants that rest on neither.
    pub unfounded: u64,
    /// The number of the first record that authorizes a grant which rests on neither.
    pub first_unfounded: Option<u64>,
}

impl Replay {
    /// Takes the policies under which the log's requests were decided; each record names its own by digest.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Self {
        let policies = policies.into_iter().map(|policy| (policy.digest().to_owned(), policy)).collect();
        Self {
            policies,
            report: ReplayReport::default(),
            allowed: HashSet::new(),
            asked: HashMap::new(),
            reviews: HashMap::new(),
            founded: HashSet::new(),
        }
    }

    /// Decides a record's request again, counts the votes of a review again, and looks what a grant rests on.
    /// Records of other events pass.
    pub fn push(&mut self, record: &VerifiedRecord<'_>) {
        match Event::parse(record.event()) {
            Some(Event::RequestDecided) => self.redecide(record),
            Some(Event::GrantAuthorized) => self.rest(record),
            _ => {}
        }
        if record.review().is_some() {
            self.follow(record);
        }
    }

    fn redecide(&mut self, record: &VerifiedRecord<'_>) {
        let content = record.content();
        let request = content.get("req").and_then(serde_json::Value::as_str);
        let decision = content.get("decision").and_then(Decision::from_record);
        if let (Some(request), Some(decision)) = (request, decision)
            && decision.effect() == Effect::Allow
        {
            self.allowed.insert(request.to_owned());
        }
        match self.decide(record) {
            Some(true) => self.report.same = self.report.same.saturating_add(1),
            Some(false) => {
                self.report.different = self.report.different.saturating_add(1);
                self.report.first_difference = self.report.first_difference.or(Some(record.seq()));
            }
            None => self.report.unreplayable = self.report.unreplayable.saturating_add(1),
        }
    }

    /// Follows a review. A quorum is looked for when one is recorded, in the votes as they then stand.
    fn follow(&mut self, record: &VerifiedRecord<'_>) {
        let (Some(id), Ok(record)) = (record.review(), Record::read(record.bytes())) else { return };
        match Event::parse(record.event()) {
            Some(Event::RequestDecided) => {
                self.asked.insert(id.to_owned(), record);
            }
            Some(Event::ReviewOpened) => {
                let opened = self.asked.remove(id).and_then(|decided| Review::opened(&decided, &record));
                self.reviews.extend(opened.map(|review| (id.to_owned(), review)));
            }
            event => {
                let Some(review) = self.reviews.get_mut(id) else { return };
                if event == Some(Event::ReviewApproved) && review.has_quorum(record.at()) {
                    self.founded.insert(id.to_owned());
                }
                // What does not follow leaves a review that leads to nothing.
                if review.follow(&record).is_err() || !review.state().is_pending() {
                    self.reviews.remove(id);
                }
            }
        }
    }

    /// Looks what an authorized grant rests on; each is rested on once.
    fn rest(&mut self, record: &VerifiedRecord<'_>) {
        let content = record.content();
        let request = content.get("req").and_then(serde_json::Value::as_str).unwrap_or_default();
        let founded = match record.review() {
            Some(review) => review == request && self.founded.remove(review),
            None => self.allowed.remove(request),
        };
        if founded {
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

    fn decide(&self, record: &VerifiedRecord<'_>) -> Option<bool> {
        let content = record.content();
        let recorded = Decision::from_record(content.get("decision")?)?;
        let policy = self.policies.get(recorded.policy())?;
        let request = Request::from_record(content.get("request")?)?;
        let facts = FactValues::from_record(content.get("facts")?)?;
        // Whether a grant could be written, and who could have approved, is known only to the gate, which denied
        // it after the decision.
        let by_gate = [ReasonCode::GrantNotWritable, ReasonCode::NobodyCanApprove];
        if recorded.reasons().any(|reason| by_gate.contains(&reason.code())) {
            return None;
        }
        Some(recorded == decide_again(policy, &request, &facts, record.at()))
    }
}
