//! Tests of policies: their cases, what the cases cover, and requests to try.
//!
//! A case is a request, the votes on it and what must come of both; it stands beside the rules, or in a file of
//! its own. A host runs the cases in one line of its own tests. Coverage says which rules no case matches, and
//! which parts of a condition were never both true and false.

mod cases;
mod compare;
mod coverage;
mod diff;
#[cfg(feature = "testing")]
mod strategies;

use std::fmt;
use std::sync::Arc;

pub use coverage::{Coverage, Gap};
pub use diff::{DecisionChange, DiffExample, DiffGroup, Direction, PolicyDiff, policy_diff};
#[cfg(feature = "testing")]
pub use strategies::requests;

use chrono::{DateTime, Utc};

use crate::decision::{Decision, Explanation};
use crate::policy::{CaseSpec, Lines, Policy, PolicyError};
use crate::request::Request;

/// Runs every case of a policy, and gives their number.
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
    let report = Suite::new(policy).run();
    let failures: Vec<CaseFailure> = report.failures().cloned().collect();
    if failures.is_empty() { Ok(report.cases()) } else { Err(failures) }
}

/// Lists the requests of a policy's cases, each with the name of its case and when it is decided.
///
/// ```
/// # let policy = countersign::Policy::from_toml("format = 1\nname = 'x'\n")?;
/// let old = policy.clone();
/// let requests = countersign::testing::sample_requests(&policy).map(|(_, request, now)| (request, now));
/// assert!(!countersign::testing::policy_diff(&old, &policy, requests).loosens());
/// # Ok::<(), countersign::PolicyError>(())
/// ```
pub fn sample_requests(policy: &Policy) -> impl Iterator<Item = (&str, Request, DateTime<Utc>)> {
    policy.cases().iter().map(|case| (case.name.text.as_str(), case.request.clone(), case.now))
}

/// Decides a request as in a case: as [`Policy::decide`] does, with every obligation taken for fulfilled, because
/// what is tested are the documents and not the host.
#[must_use]
pub fn decide(policy: &Policy, request: &Request, now: DateTime<Utc>) -> Decision {
    policy.assuming_host().decide(request, now)
}

/// Explains a decision as in a case: as [`Policy::explain`] does, with every obligation taken for fulfilled.
#[must_use]
pub fn explain(policy: &Policy, request: &Request, now: DateTime<Utc>) -> Explanation {
    policy.assuming_host().explain(request, now)
}

/// The cases of a policy, with those of other files.
///
/// ```
/// use countersign::testing::Suite;
///
/// let policy = countersign::Policy::from_toml(
///     r#"
///     format = 1
///     name = "logs"
///     [[forbid]]
///     id = "shells"
///     when = 'action.name == "shell.run"'
///     "#,
/// )?;
/// let cases = r#"
///     [requests.shell]
///     subject = { type = "user", id = "ana" }
///     action = { name = "shell.run" }
///     resource = { type = "host", id = "db-1" }
///
///     [[case]]
///     name = "nobody gets a shell"
///     base = "shell"
///     expect = { effect = "deny", rules = ["shells"] }
/// "#;
/// let report = Suite::new(&policy).with_cases("logs.cases.toml", cases)?.run();
/// assert_eq!((report.cases(), report.failures().count()), (1, 0));
/// let gaps: Vec<String> = report.coverage().gaps().map(|gap| gap.to_string()).collect();
/// assert_eq!(gaps, ["`shells`: `action.name == \"shell.run\"` was never false"]);
/// # Ok::<(), countersign::PolicyError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Suite {
    policy: Policy,
    /// Cases with the places where they stand.
    cases: Vec<(CaseSpec, Place)>,
}

/// What became of the cases of a suite.
#[derive(Debug, Clone)]
pub struct Report {
    /// The name and the place of each case, and how it failed.
    cases: Vec<(String, Place, Option<CaseFailure>)>,
    coverage: Coverage,
}

/// A case that does not come out as it must.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaseFailure {
    case: String,
    place: Place,
    differences: Vec<Difference>,
}

/// One thing that is not as expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    field: String,
    expected: String,
    found: String,
    note: Option<String>,
}

/// A file and a line.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Place {
    file: Arc<str>,
    line: usize,
}

impl Suite {
    /// Takes the cases that stand in the policy's own document.
    #[must_use]
    pub fn new(policy: &Policy) -> Self {
        let place = |case: &CaseSpec| Place::of(policy.lines(), case.name.span.start);
        let cases = policy.cases().iter().map(|case| (case.clone(), place(case))).collect();
        // Cases test the documents and not the host.
        Self { policy: policy.assuming_host(), cases }
    }

    /// Adds the cases of a file that holds only `[requests]`, `[people]` and `[[case]]`, such as
    /// `production.cases.toml` beside `production.toml`. They are no part of the policy or its digest.
    ///
    /// # Errors
    ///
    /// [`PolicyError`] with every fault of the file.
    pub fn with_cases(mut self, file: &str, text: &str) -> Result<Self, PolicyError> {
        let (cases, lines) = self.policy.read_cases(file, text)?;
        let place = |case: &CaseSpec| Place::of(&lines, case.name.span.start);
        self.cases.extend(cases.into_iter().map(|case| {
            let place = place(&case);
            (case, place)
        }));
        Ok(self)
    }

    /// Runs every case.
    #[must_use]
    pub fn run(&self) -> Report {
        let mut coverage = Coverage::new(&self.policy);
        let run = |(case, place): &(CaseSpec, Place)| {
            let played = cases::play(&self.policy, case);
            coverage.see(&self.policy, case, &played);
            let differences = compare::differences(case, &played);
            let failed = (!differences.is_empty()).then(|| CaseFailure {
                case: case.name.text.clone(),
                place: place.clone(),
                differences,
            });
            (case.name.text.clone(), place.clone(), failed)
        };
        let cases = self.cases.iter().map(run).collect();
        Report { cases, coverage }
    }
}

impl Place {
    fn of(lines: &Lines, place: usize) -> Self {
        let (file, line) = lines.of(place);
        Self { file, line }
    }
}

impl Report {
    /// Counts the cases.
    #[must_use]
    pub fn cases(&self) -> usize {
        self.cases.len()
    }

    /// Returns the name of each case, its file, its line from 1, and how it failed, if it did.
    pub fn results(&self) -> impl ExactSizeIterator<Item = (&str, &str, usize, Option<&CaseFailure>)> {
        self.cases
            .iter()
            .map(|(name, place, failed)| (name.as_str(), &*place.file, place.line, failed.as_ref()))
    }

    /// Returns the cases that failed.
    pub fn failures(&self) -> impl Iterator<Item = &CaseFailure> {
        self.cases.iter().filter_map(|(_, _, failed)| failed.as_ref())
    }

    /// Returns what the cases cover.
    #[must_use]
    pub fn coverage(&self) -> &Coverage {
        &self.coverage
    }
}

impl CaseFailure {
    /// Returns the name of the case.
    #[must_use]
    pub fn case(&self) -> &str {
        &self.case
    }

    /// Returns the file that the case stands in.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.place.file
    }

    /// Returns the line that the case's name stands in, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.place.line
    }

    /// Returns each difference.
    pub fn differences(&self) -> impl ExactSizeIterator<Item = &Difference> {
        self.differences.iter()
    }

    /// Returns each difference, in one line.
    pub fn problems(&self) -> impl ExactSizeIterator<Item = String> {
        self.differences.iter().map(ToString::to_string)
    }
}

impl Difference {
    fn new(field: impl Into<String>, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self { field: field.into(), expected: expected.into(), found: found.into(), note: None }
    }

    /// Returns what was compared, such as `effect` or `grant.lasts`.
    #[must_use]
    pub fn field(&self) -> &str {
        &self.field
    }

    /// Returns what the case expects.
    #[must_use]
    pub fn expected(&self) -> &str {
        &self.expected
    }

    /// Returns what was found.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.found
    }

    /// Returns what explains it, such as the reasons of a decision.
    #[must_use]
    pub fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, expected, found, .. } = self;
        write!(formatter, "expected {field} {expected}, found {found}")
    }
}

impl fmt::Display for CaseFailure {
    /// Writes the case with its place, and below it each difference.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { case, place, differences } = self;
        write!(formatter, "case `{}`\n --> {}:{}", crate::text::quote(case), place.file, place.line)?;
        let width = differences.iter().map(|difference| difference.field.len()).max().unwrap_or(0);
        for Difference { field, expected, found, note } in differences {
            write!(
                formatter,
                "\n  {field:width$}  expected  {expected}\n  {:width$}  found     {found}",
                ""
            )?;
            if let Some(note) = note {
                write!(formatter, "\n  {:width$}  because   {note}", "")?;
            }
        }
        Ok(())
    }
}
