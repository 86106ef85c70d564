//! What the cases of a policy cover.
//!
//! Looks at every condition in every case, whether the decision needed it or not, and keeps which rules matched
//! and which parts of a condition were ever true and ever false. Conditions on approvers are looked at with the
//! votes and the candidates of the reviews that were asked for. A part is a test below `&&`, `||` and `!`; a named
//! condition is one part.

use std::fmt;
use std::sync::Arc;

use super::cases::Played;
use crate::cel::{Access, Input, Program};
use crate::policy::schema::Voting;
use crate::policy::{CaseSpec, Policy, Rule};
use crate::request::Request;

/// What the cases of a policy cover.
#[derive(Debug, Clone)]
pub struct Coverage {
    conditions: Vec<Condition>,
}

/// Something that no case shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    rule: Arc<str>,
    /// The part of the condition; `None` where the whole rule is meant.
    part: Option<String>,
    missing: &'static str,
    file: Arc<str>,
    line: usize,
}

/// One condition and what was seen of it.
#[derive(Debug, Clone)]
struct Condition {
    rule: Arc<str>,
    program: Program,
    about: About,
    file: Arc<str>,
    line: usize,
    matched: bool,
    parts: Vec<Part>,
}

/// What a condition is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum About {
    Request,
    /// A request that no other review of its group is for.
    Rest,
    Approver,
}

/// A part of a condition.
#[derive(Debug, Clone)]
struct Part {
    span: std::ops::Range<usize>,
    text: String,
    /// The named condition that the part is.
    named: Option<Program>,
    is_true: bool,
    is_false: bool,
}

impl Coverage {
    pub(super) fn new(policy: &Policy) -> Self {
        let (rules, lines) = (policy.rules(), policy.lines());
        let condition = |rule: &Rule, program: &Program, place: u32, about| {
            let (file, line) = lines.of(usize::try_from(place).unwrap_or(usize::MAX));
            let (rule, program) = (rule.id.clone(), program.clone());
            let parts = parts(&program, policy);
            Condition { rule, program, about, file, line, matched: false, parts }
        };
        let mut conditions = Vec::new();
        let plain = rules.risks.iter().map(|(rule, _)| rule).chain(&rules.forbids).chain(&rules.holds);
        let plain = plain.chain(rules.zones.iter().map(|zone| &zone.rule));
        let plain = plain.chain(rules.emergencies.iter().map(|emergency| &emergency.rule));
        let plain = plain.map(|rule| (rule, false));
        for (rule, rest) in plain.chain(rules.reviews.iter().map(|review| (&review.rule, review.otherwise))) {
            let [id, when] = rule.places;
            let (place, about) = if rest { (id, About::Rest) } else { (when, About::Request) };
            conditions.push(condition(rule, &rule.when, place, about));
        }
        for review in &rules.reviews {
            let leaves = review.stages.iter().flat_map(|stage| stage.approve.leaves());
            let from =
                leaves.map(|leaf| &leaf.from).chain(review.veto.iter().flatten().map(|veto| &veto.from));
            let [id, _] = review.rule.places;
            conditions.extend(from.map(|from| condition(&review.rule, from, id, About::Approver)));
        }
        Self { conditions }
    }

    /// Looks at every condition in one case.
    pub(super) fn see(&mut self, policy: &Policy, case: &CaseSpec, played: &Played) {
        for one in case.request.on_each() {
            self.see_one(policy, case, &one, played);
        }
    }

    /// Looks at every condition on one of a request's resources.
    fn see_one(&mut self, policy: &Policy, case: &CaseSpec, request: &Request, played: &Played) {
        let inputs = policy.schema().inputs(request, &played.facts, case.now);
        let Ok(mut inputs) = inputs else { return };
        if let Some(place) = inputs.get_mut(policy.schema().members.risk.index()) {
            *place = played.decision.risk().into();
        }
        let decides = |rule: &str| played.decision.rules().any(|id| id == rule);
        for condition in self.conditions.iter_mut().filter(|condition| condition.about != About::Approver) {
            condition.matched |= condition.about == About::Rest && decides(&condition.rule);
            condition.see(&inputs);
        }
        let asked =
            |condition: &&mut Condition| condition.about == About::Approver && decides(&condition.rule);
        let ballots = case.steps.iter().filter_map(|step| Some((step.vote.as_ref()?, step.at)));
        let ballots = ballots.map(|(ballot, at)| (&ballot.approver, ballot.comment.as_str(), at));
        let candidates = case.candidates.iter().filter(|_| case.expect.approvers.is_some());
        let candidates = candidates.map(|(_, person)| (person, "", case.now));
        for (person, comment, at) in ballots.chain(candidates) {
            let mut inputs = inputs.clone();
            let kind = "person";
            let voting = Voting { approver: person, comment, kind, delegated: false, signed: false, at };
            policy.schema().add_vote(&mut inputs, voting);
            self.conditions.iter_mut().filter(asked).for_each(|condition| condition.see(&inputs));
        }
    }

    /// Counts the rules, and those that some case matches.
    #[must_use]
    pub fn rules(&self) -> (usize, usize) {
        let rules = self.conditions.iter().filter(|condition| condition.about != About::Approver);
        (rules.clone().count(), rules.filter(|condition| condition.matched).count())
    }

    /// Counts the parts of all conditions, and those that were true in one case and false in another.
    #[must_use]
    pub fn parts(&self) -> (usize, usize) {
        let parts = self.conditions.iter().flat_map(|condition| &condition.parts);
        (parts.clone().count(), parts.filter(|part| part.is_true && part.is_false).count())
    }

    /// Returns what no case shows: rules that never matched, and of the others, parts of their conditions that were
    /// never true or never false.
    pub fn gaps(&self) -> impl Iterator<Item = Gap> + '_ {
        self.conditions.iter().flat_map(Condition::gaps)
    }
}

impl Condition {
    fn see(&mut self, inputs: &[Input<'_>]) {
        self.matched |= self.program.test(inputs) == Ok(true) && self.about != About::Rest;
        let outcomes = self.program.explain(inputs);
        for part in &mut self.parts {
            let mut saw = |outcome: bool| {
                part.is_true |= outcome;
                part.is_false |= !outcome;
            };
            match &part.named {
                Some(program) => program.test(inputs).into_iter().for_each(saw),
                None => {
                    let here = outcomes.iter().filter(|outcome| outcome.span == part.span);
                    here.filter_map(|outcome| outcome.outcome.clone().ok()).for_each(&mut saw);
                }
            }
        }
    }

    fn gaps(&self) -> Vec<Gap> {
        let gap = |part, missing| Gap {
            rule: self.rule.clone(),
            part,
            missing,
            file: self.file.clone(),
            line: self.line,
        };
        if !self.matched && self.about != About::Approver {
            return vec![gap(None, "never matched")];
        }
        let missing = |part: &Part| match (part.is_true, part.is_false) {
            (true, true) => None,
            (true, false) => Some("was never false"),
            (false, true) => Some("was never true"),
            (false, false) => Some("was never true and never false"),
        };
        self.parts.iter().filter_map(|part| Some(gap(Some(part.text.clone()), missing(part)?))).collect()
    }
}

impl Gap {
    /// Returns the id of the rule.
    #[must_use]
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the part of the rule's condition, as it is written; `None` where the rule never matched.
    #[must_use]
    pub fn part(&self) -> Option<&str> {
        self.part.as_deref()
    }

    /// Returns what was not seen, such as `was never false`.
    #[must_use]
    pub fn missing(&self) -> &str {
        self.missing
    }

    /// Returns the file of the rule.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line of the rule's condition, from 1; of a condition on approvers, that of the rule's id.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Gap {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { rule, part, missing, .. } = self;
        match part {
            Some(part) => write!(formatter, "`{rule}`: `{}` {missing}", crate::text::one_line(part)),
            None => write!(formatter, "`{rule}` {missing}"),
        }
    }
}

/// The parts of a condition. The tests of a named condition all stand where its name does.
fn parts(program: &Program, policy: &Policy) -> Vec<Part> {
    let source = program.source();
    let mut parts: Vec<Part> = Vec::new();
    for found in program.explain(&[]) {
        let text = source.get(found.span.clone()).unwrap_or_default();
        if text.is_empty() || parts.iter().any(|part| part.span == found.span) {
            continue;
        }
        let is_named = policy.document().lets.iter().any(|(name, _)| name.text == text);
        let named = if is_named {
            Program::condition(text, &policy.schema().environment, &Access::free()).ok()
        } else {
            None
        };
        parts.push(Part { span: found.span, text: text.to_owned(), named, is_true: false, is_false: false });
    }
    parts.sort_by_key(|part| part.span.start);
    parts
}
