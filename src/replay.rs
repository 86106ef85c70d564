//! Deciding a log's requests again.
//!
//! Every recorded decision names its policy and holds the request and the facts it rests on. Replay decides
//! again under that policy and compares all of the answer. What cannot be decided again is counted as such:
//! it never passes in silence. Only verified records are replayed.

use std::collections::HashMap;

use crate::audit::{Event, VerifiedRecord};
use crate::decision::{Decision, ReasonCode, decide_again};
use crate::policy::Policy;
use crate::policy::schema::FactValues;
use crate::request::Request;

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
}

impl Replay {
    /// Takes the policies under which the log's requests were decided; each record names its own by digest.
    #[must_use]
    pub fn new(policies: impl IntoIterator<Item = Policy>) -> Self {
        let policies = policies.into_iter().map(|policy| (policy.digest().to_owned(), policy)).collect();
        Self { policies, report: ReplayReport::default() }
    }

    /// Decides a record's request again. Records of other events pass.
    pub fn push(&mut self, record: &VerifiedRecord<'_>) {
        if record.event() != Event::RequestDecided.as_str() {
            return;
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
