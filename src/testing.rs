//! Running the cases of a policy.
//!
//! A case is a request and what its decision must be. A host runs them in one line of its own tests.

mod diff;

use std::fmt;

use chrono::{DateTime, Utc};

use crate::decision::{Decision, Need};
use crate::policy::{CaseSpec, Policy};
use crate::request::{Request, Source};
use crate::value::Value;

pub use diff::{DecisionChange, DiffExample, DiffGroup, Direction, PolicyDiff, policy_diff};

/// A case whose decision is not what it must be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFailure {
    case: String,
    problems: Vec<String>,
}

/// Runs every case of a policy.
///
/// ```
/// # let policy = countersign::Policy::from_toml("format = 1\nname = 'x'\n")?;
/// countersign::testing::check(&policy).expect("every case holds");
/// # Ok::<(), countersign::PolicyError>(())
/// ```
///
/// # Errors
///
/// Every case that fails, with what was expected and what was found.
pub fn check(policy: &Policy) -> Result<usize, Vec<CaseFailure>> {
    let failures: Vec<CaseFailure> = policy.cases().iter().filter_map(|case| run(policy, case)).collect();
    if failures.is_empty() { Ok(policy.cases().len()) } else { Err(failures) }
}

impl CaseFailure {
    /// Returns the name of the case.
    #[must_use]
    pub fn case(&self) -> &str {
        &self.case
    }

    /// Returns each difference, in one line.
    pub fn problems(&self) -> impl ExactSizeIterator<Item = &str> {
        self.problems.iter().map(String::as_str)
    }
}

impl fmt::Display for CaseFailure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "case `{}`: {}", self.case, self.problems.join("; "))
    }
}

fn run(policy: &Policy, case: &CaseSpec) -> Option<CaseFailure> {
    let problems = match decide(policy, case) {
        Ok(decision) => differences(case, &decision),
        Err(problem) => vec![problem],
    };
    (!problems.is_empty()).then(|| CaseFailure { case: case.name.text.clone(), problems })
}

/// Lists the requests of a policy's cases, each with the name of its case and when it is decided. A case whose
/// request cannot be read is left out; [`check`] tells of it.
///
/// ```
/// # let policy = countersign::Policy::from_toml("format = 1\nname = 'x'\n")?;
/// let old = policy.clone();
/// let requests = countersign::testing::requests(&policy).map(|(_, request, now)| (request, now));
/// assert!(!countersign::testing::policy_diff(&old, &policy, requests).loosens());
/// # Ok::<(), countersign::PolicyError>(())
/// ```
pub fn requests(policy: &Policy) -> impl Iterator<Item = (&str, Request, DateTime<Utc>)> {
    let cases = policy.cases().iter().map(|case| (case, request(case)));
    cases.filter_map(|(case, found)| found.ok().map(|(request, now)| (case.name.text.as_str(), request, now)))
}

fn decide(policy: &Policy, case: &CaseSpec) -> Result<Decision, String> {
    request(case).map(|(request, now)| policy.decide(&request, now))
}

fn request(case: &CaseSpec) -> Result<(Request, DateTime<Utc>), String> {
    let Value::Map(members) = case.request.to_value() else {
        return Err("`request` is not a table".to_owned());
    };
    let request = Request::from_members(members, Source::Attested).map_err(|error| error.to_string())?;
    let now = case.now.as_ref().map_or(NOON, |now| &now.text);
    let now: DateTime<Utc> = now.parse().map_err(|_| "`now` is not a time such as `2026-11-23T10:00:00Z`")?;
    Ok((request, now))
}

fn differences(case: &CaseSpec, decision: &Decision) -> Vec<String> {
    let expect = &case.expect;
    let mut problems = Vec::new();
    let mut compare = |what: &str, expected: Option<String>, found: String| {
        if let Some(expected) = expected.filter(|expected| *expected != found) {
            problems.push(format!("expected {what} {expected}, found {found}"));
        }
    };
    let list = |texts: &Option<Vec<crate::policy::Text>>| {
        texts.as_ref().map(|texts| sorted(texts.iter().map(|text| text.text.as_str())))
    };
    compare(
        "effect",
        expect.effect.as_ref().map(|effect| effect.text.clone()),
        decision.effect().as_str().to_owned(),
    );
    compare("risk", expect.risk.map(|risk| risk.to_string()), decision.risk().to_string());
    compare("rules", list(&expect.rules), sorted(decision.rules()));
    compare("missing", list(&expect.missing), sorted(decision.missing().map(Need::path)));
    compare(
        "reasons",
        list(&expect.reasons),
        sorted(decision.reasons().map(|reason| reason.code().as_str())),
    );
    problems
}

/// Writes a set of texts: how often each stands there does not matter.
fn sorted<'t>(texts: impl Iterator<Item = &'t str>) -> String {
    let mut texts: Vec<&str> = texts.collect();
    texts.sort_unstable();
    texts.dedup();
    format!("[{}]", texts.join(", "))
}

/// The time of a case that names none: a weekday noon.
const NOON: &str = "2026-01-14T12:00:00Z";
