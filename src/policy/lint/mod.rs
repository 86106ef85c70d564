//! What is allowed in a policy and yet probably not meant.
//!
//! Looks at a policy that loads and says, with a code, what cannot work as written: rules that never match,
//! zones that never open, reviews that nobody can approve, words that nothing reads. A finding is proven from the
//! conditions and the vocabulary, within a bound of work; what cannot be proven is not told.

mod allow;
mod cases;
mod doors;
mod index;
mod names;
mod obligations;
mod people;
mod rules;
mod solve;

use std::collections::BTreeMap;
use std::fmt;

use self::allow::Allowed;
use self::rules::Ruled;
use self::solve::Solver;
use super::Rules;
use super::document::Document;
use super::error::{Faults, Span};
use super::node::{Node, Text};
use super::schema::Schema;
use crate::limits;

/// A kind of finding. `docs/policy-guide.md` says of each what it sees and what to do.
///
/// ```
/// use countersign::{Lint, Policy};
///
/// let policy = Policy::from_toml(
///     "format = 1\nname = 'x'\n[attributes]\n'resource.team' = 'string'\n\
///      [[forbid]]\nid = 'never'\nwhen = 'action.name == \"a\" && action.name == \"b\"'\n",
/// )?;
/// let found: Vec<Lint> = policy.warnings().filter_map(|found| found.lint()).collect();
/// assert_eq!(found, [Lint::UnusedAttribute, Lint::NeverMatches]);
/// assert_eq!(Lint::NeverMatches.code(), "L003");
/// # Ok::<(), countersign::PolicyError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Lint {
    /// A zone or an emergency opens on what the caller says alone. It is an error.
    CallerAlone,
    /// A zone or an emergency names neither an action nor a resource.
    OpenEverywhere,
    /// A condition can never be true.
    NeverMatches,
    /// A condition is always true and does not say so.
    AlwaysMatches,
    /// A test in a condition always comes out the same.
    IdleTest,
    /// A rule adds nothing to another.
    Shadowed,
    /// A forbid defeats a rule wherever it matches.
    AlwaysForbidden,
    /// A hold closes a zone wherever it matches.
    AlwaysHeld,
    /// Whatever a zone matches has a higher risk than it lets in.
    RiskTooHigh,
    /// Only the requester could approve.
    OnlyRequester,
    /// Nobody can approve.
    NobodyApproves,
    /// Two zones match the same request and oblige to different things.
    Obligations,
    /// An attribute is declared and never read.
    UnusedAttribute,
    /// A named condition is never used.
    UnusedLet,
    /// A case is denied because its request does not fit, and does not say that it expects so.
    IdleCase,
    /// A case tests what another does.
    SameCase,
    /// A case names what the policy does not have.
    UnknownInCase,
    /// An `allow` allows nothing.
    IdleAllow,
    /// The rules are too many, or too much alike, to compare all of them, or the findings too many to tell all.
    Unfinished,
}

impl Lint {
    /// Every kind of finding, in the order of the codes.
    pub const ALL: [Self; 19] = [
        Self::CallerAlone,
        Self::OpenEverywhere,
        Self::NeverMatches,
        Self::AlwaysMatches,
        Self::IdleTest,
        Self::Shadowed,
        Self::AlwaysForbidden,
        Self::AlwaysHeld,
        Self::RiskTooHigh,
        Self::OnlyRequester,
        Self::NobodyApproves,
        Self::Obligations,
        Self::UnusedAttribute,
        Self::UnusedLet,
        Self::IdleCase,
        Self::SameCase,
        Self::UnknownInCase,
        Self::IdleAllow,
        Self::Unfinished,
    ];

    /// Returns the code: `L001` and so on. It never changes its meaning.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::CallerAlone => "L001",
            Self::OpenEverywhere => "L002",
            Self::NeverMatches => "L003",
            Self::AlwaysMatches => "L004",
            Self::IdleTest => "L005",
            Self::Shadowed => "L006",
            Self::AlwaysForbidden => "L007",
            Self::AlwaysHeld => "L008",
            Self::RiskTooHigh => "L009",
            Self::OnlyRequester => "L010",
            Self::NobodyApproves => "L011",
            Self::Obligations => "L012",
            Self::UnusedAttribute => "L013",
            Self::UnusedLet => "L014",
            Self::IdleCase => "L015",
            Self::SameCase => "L016",
            Self::UnknownInCase => "L017",
            Self::IdleAllow => "L018",
            Self::Unfinished => "L019",
        }
    }

    /// Says whether a policy with such a finding does not load. Such a finding cannot be allowed.
    #[must_use]
    pub fn is_error(self) -> bool {
        self == Self::CallerAlone
    }

    pub(super) fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|lint| lint.code() == code)
    }
}

impl fmt::Display for Lint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.code())
    }
}

/// Looks at a policy whose document has no faults.
pub(super) fn look(
    roots: &[Node],
    document: &Document,
    schema: &Schema,
    rules: &Rules,
    faults: &mut Faults<'_>,
) {
    let mut report = Report { allowed: Allowed::new(document), counts: BTreeMap::new(), faults };
    let mut solver = Solver::new(&schema.environment);
    let ruled = Ruled::all(document, rules, schema);
    doors::look(&ruled, schema, &mut solver, &mut report);
    rules::look(&ruled, rules, &mut solver, &mut report);
    obligations::look(&ruled, &mut solver, &mut report);
    people::look(document, rules, schema, &mut solver, &mut report);
    if solver.is_spent() {
        let message = "the rules are more than can be compared: what is idle or shadowed may not be told";
        let help = "name an action or a resource in each rule, and keep lists short";
        let name = &document.name;
        report.find(Lint::Unfinished, &name.text, &name.span, message.to_owned(), help);
    }
    names::look(roots, &mut report);
    cases::look(document, schema, &mut report);
    report.finish(document);
}

/// Where findings go, unless they are allowed.
struct Report<'d, 'f, 't> {
    allowed: Allowed<'d>,
    /// How many were found of each kind: of those that are no errors, so many are told.
    counts: BTreeMap<Lint, usize>,
    faults: &'f mut Faults<'t>,
}

impl Report<'_, '_, '_> {
    /// Tells a finding about something that has a name: a rule, an attribute, a case.
    fn find(&mut self, lint: Lint, owner: &str, span: &Span, message: String, help: &str) {
        if lint.is_error() || !self.allowed.allows(lint, owner) {
            self.tell(lint, span, message, help);
        }
    }

    fn tell(&mut self, lint: Lint, span: &Span, message: String, help: &str) {
        let count = self.counts.entry(lint).or_default();
        *count = count.saturating_add(1);
        if lint.is_error() || *count <= limits::FINDINGS {
            self.faults.find(lint, span, message, help);
        }
    }

    /// The place in the document of a part of a condition.
    fn place(&self, source: &Text, part: &Span) -> Span {
        super::compile::place(self.faults.text(), source, part)
    }

    /// Tells of what allows nothing, and how much was not told.
    fn finish(mut self, document: &Document) {
        let left_out = |(lint, count): (&Lint, &usize)| {
            let more = count.checked_sub(limits::FINDINGS).filter(|more| *more > 0 && !lint.is_error())?;
            Some(format!("{more} more findings `{lint}` are not told"))
        };
        let messages: Vec<String> = self.counts.iter().filter_map(left_out).collect();
        for message in messages {
            let (name, help) = (&document.name, "mend those that are told, and look again");
            self.find(Lint::Unfinished, &name.text, &name.span, message, help);
        }
        let idle: Vec<(Lint, Span)> = self.allowed.idle().map(|(lint, span)| (lint, span.clone())).collect();
        for (code, span) in idle {
            let message = format!("`{code}` is allowed here and was not found");
            self.tell(Lint::IdleAllow, &span, message, "take it out: it would hide the next finding");
        }
    }
}
