//! Whose approval is needed, judged against the votes.
//!
//! A plan is a policy document that holds only what one review needs: the matched rules, the names they
//! read, the named conditions. It travels in the record that opens the review, so that a review can be
//! judged without the policy it came from. Eligibility is judged when a vote arrives and again when the
//! quorum closes.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde_json::json;

use super::quorum::{Demand, fill};
use super::vote::{Verdict, Vote};
use crate::cel::Input;
use crate::decision::{Path, Terms};
use crate::limits;
use crate::policy::schema::FactValues;
use crate::policy::{Approve, Policy, ReviewRule};
use crate::request::{Request, Subject};

/// Whose approval is needed.
#[derive(Debug, Clone)]
pub(super) struct Plan {
    policy: Policy,
    /// Each inner list is a group of reviews, of which one suffices; all groups must approve.
    groups: Vec<Vec<usize>>,
    pub(super) text: Arc<str>,
}

/// A vote that counts until its caster takes it back, in the stage in which it was cast.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Cast {
    pub(super) approver: Subject,
    pub(super) person: String,
    pub(super) verdict: Verdict,
    pub(super) comment: String,
    pub(super) at: DateTime<Utc>,
    pub(super) at_most: Option<Duration>,
    /// The stage of each review of the plan in which it was cast; `None` where the caster had no seat.
    pub(super) stages: Vec<Option<usize>>,
}

/// What the votes amount to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Judgement {
    Pending,
    /// Approved by these votes, by their place in the list.
    Approved(Vec<usize>),
    Rejected,
}

/// What one review of the plan amounts to.
enum One {
    Pending,
    Approved(Vec<usize>),
    Rejected,
}

/// The request that a plan is for, with its facts.
#[derive(Debug, Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) request: &'a Request,
    pub(super) facts: &'a FactValues,
    pub(super) now: DateTime<Utc>,
}

impl Plan {
    /// Takes the reviews that a decision asks for out of its policy.
    pub(super) fn of(policy: &Policy, path: &Path) -> Option<Self> {
        let Path::Review { groups, .. } = path else { return None };
        let rule = |id: &Arc<str>| policy.rules().reviews.iter().find(|review| review.rule.id == *id);
        let mut rules: Vec<&ReviewRule> = Vec::new();
        let mut ids: Vec<Vec<&str>> = Vec::new();
        for group in groups {
            let members: Vec<&ReviewRule> = group.iter().map(rule).collect::<Option<_>>()?;
            ids.push(members.iter().map(|review| &*review.rule.id).collect());
            rules.extend(members);
        }
        let text = json!({ "document": policy.excerpt(&rules), "groups": ids }).to_string();
        Self::from_record(&text)
    }

    /// Reads a plan back from a record.
    pub(super) fn from_record(text: &str) -> Option<Self> {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let policy = Policy::from_record(&json.get("document")?.to_string()).ok()?;
        let reviews = &policy.rules().reviews;
        let place = |id: &serde_json::Value| {
            let id = id.as_str()?;
            reviews.iter().position(|review| &*review.rule.id == id)
        };
        let group = |ids: &serde_json::Value| ids.as_array()?.iter().map(place).collect::<Option<Vec<_>>>();
        let groups: Vec<Vec<usize>> =
            json.get("groups")?.as_array()?.iter().map(group).collect::<Option<_>>()?;
        let complete = !groups.is_empty() && groups.iter().all(|group| !group.is_empty());
        complete.then(|| Self { policy, groups, text: text.into() })
    }

    pub(super) fn is_recordable(&self) -> bool {
        crate::text::escaped_len(&self.text) <= limits::PLAN_BYTES
    }

    /// How long the review stays open: as long as the most impatient of its rules.
    pub(super) fn expires(&self) -> Duration {
        self.reviews().map(|review| review.expires).min().unwrap_or_default()
    }

    pub(super) fn may_shorten(&self) -> bool {
        self.reviews().all(|review| review.may_shorten)
    }

    /// The least that a shortened grant may be.
    pub(super) fn least(&self) -> Duration {
        self.reviews().map(|review| review.grant.min).max().unwrap_or_default()
    }

    /// Finds the stage of each review in which an approver has a seat, or may veto.
    pub(super) fn seats(&self, vote: &Vote, votes: &[Cast], about: About<'_>) -> Vec<Option<usize>> {
        let own = about.request.is_from(&vote.approver);
        let Some(inputs) = self.inputs(&vote.approver, &vote.comment, about.now, about) else {
            return self.reviews().map(|_| None).collect();
        };
        let seat = |(index, review): (usize, &ReviewRule)| {
            if own && !review.allow_self {
                return None;
            }
            let stage = self.stage(index, votes, about);
            let approve = review.stages.get(stage).map(|stage| &stage.approve);
            let may_approve = approve.is_some_and(|approve| is_wanted(approve, &inputs));
            let may_veto = review.veto.iter().flatten().any(|veto| veto.from.test(&inputs) == Ok(true));
            let counts = match vote.verdict {
                Verdict::Approve => may_approve,
                Verdict::Reject => may_veto || (review.veto.is_none() && may_approve),
                Verdict::Withdraw => false,
            };
            counts.then_some(stage)
        };
        self.reviews().enumerate().map(seat).collect()
    }

    /// Judges the votes.
    pub(super) fn judge(&self, votes: &[Cast], about: About<'_>) -> Judgement {
        let mut counted = Vec::new();
        for group in &self.groups {
            let (mut approved, mut pending) = (None, false);
            for index in group {
                match self.judge_one(*index, votes, about) {
                    One::Approved(voters) => approved = approved.or(Some(voters)),
                    One::Pending => pending = true,
                    One::Rejected => {}
                }
            }
            match approved {
                Some(voters) => counted.push(voters),
                None if pending => return self.pending(votes, about),
                None => return Judgement::Rejected,
            }
        }
        let mut voters = counted.concat();
        voters.sort_unstable();
        voters.dedup();
        Judgement::Approved(voters)
    }

    /// One group is pending; another one may already be lost.
    fn pending(&self, votes: &[Cast], about: About<'_>) -> Judgement {
        let lost = |index: &usize| matches!(self.judge_one(*index, votes, about), One::Rejected);
        if self.groups.iter().any(|group| group.iter().all(lost)) {
            Judgement::Rejected
        } else {
            Judgement::Pending
        }
    }

    fn judge_one(&self, index: usize, votes: &[Cast], about: About<'_>) -> One {
        let Some(review) = self.policy.rules().reviews.get(index).filter(|review| !review.stages.is_empty())
        else {
            return One::Rejected;
        };
        match self.blocked(review, index, votes, about) {
            Some(true) => return One::Rejected,
            Some(false) => return One::Pending,
            None => {}
        }
        match self.fill(review, index, review.stages.len(), votes, about) {
            Some(voters) => One::Approved(voters),
            None => One::Pending,
        }
    }

    /// Says whether rejections end the review (`true`) or block it until one is taken back (`false`).
    fn blocked(&self, review: &ReviewRule, index: usize, votes: &[Cast], about: About<'_>) -> Option<bool> {
        let rejections =
            || votes.iter().filter(|cast| cast.verdict == Verdict::Reject && cast.seat(index).is_some());
        let Some(vetoes) = &review.veto else {
            return rejections().next().map(|_| true);
        };
        let met = vetoes.iter().filter(|veto| {
            let people = rejections().filter(|cast| {
                let inputs = self.inputs(&cast.approver, &cast.comment, cast.at, about);
                inputs.is_some_and(|inputs| veto.from.test(&inputs) == Ok(true))
            });
            distinct(people.map(|cast| cast.person.as_str())) >= veto.count
        });
        met.map(|veto| veto.is_final).max()
    }

    /// Finds the stage that takes votes now: the first whose seats, with those of all before it, are not filled.
    fn stage(&self, index: usize, votes: &[Cast], about: About<'_>) -> usize {
        let Some(review) = self.policy.rules().reviews.get(index) else { return 0 };
        let last = review.stages.len().saturating_sub(1);
        (0..last)
            .find(|stage| self.fill(review, index, stage.saturating_add(1), votes, about).is_none())
            .unwrap_or(last)
    }

    /// Fills the seats of the first `stages` stages with distinct people; returns whose votes did.
    fn fill(
        &self,
        review: &ReviewRule,
        index: usize,
        stages: usize,
        votes: &[Cast],
        about: About<'_>,
    ) -> Option<Vec<usize>> {
        let mut people: Vec<&str> = Vec::new();
        for cast in votes.iter().filter(|cast| cast.verdict == Verdict::Approve) {
            if !people.contains(&cast.person.as_str()) {
                people.push(&cast.person);
            }
        }
        // Whose votes fill the seats must not depend on who voted first.
        people.sort_unstable();
        let ballots: Vec<Ballot<'_>> = votes
            .iter()
            .filter(|cast| cast.verdict == Verdict::Approve)
            .filter_map(|cast| {
                Some(Ballot {
                    person: people.iter().position(|person| *person == cast.person)?,
                    stage: cast.seat(index)?,
                    has_comment: !cast.comment.trim().is_empty(),
                    inputs: self.inputs(&cast.approver, &cast.comment, cast.at, about)?,
                })
            })
            .collect();
        let stages = review.stages.iter().enumerate().take(stages);
        let demands: Vec<Demand> =
            stages.map(|(stage, spec)| demand(&spec.approve, stage, &ballots)).collect();
        let seated = fill(&demands)?;
        let counted = |cast: &Cast| {
            people
                .iter()
                .position(|person| *person == cast.person)
                .is_some_and(|person| seated.contains(&person))
        };
        Some(
            votes
                .iter()
                .enumerate()
                .filter(|(_, cast)| cast.verdict == Verdict::Approve && counted(cast))
                .map(|(place, _)| place)
                .collect(),
        )
    }

    fn inputs<'a>(
        &self,
        approver: &'a Subject,
        comment: &'a str,
        at: DateTime<Utc>,
        about: About<'a>,
    ) -> Option<Vec<Input<'a>>> {
        let schema = self.policy.schema();
        let mut inputs = schema.inputs(about.request, about.facts, about.now).ok()?;
        schema.add_vote(&mut inputs, approver, comment, PERSON, at);
        Some(inputs)
    }

    fn reviews(&self) -> impl Iterator<Item = &ReviewRule> {
        self.policy.rules().reviews.iter()
    }
}

/// An approval, ready to be held against conditions.
struct Ballot<'a> {
    person: usize,
    stage: usize,
    has_comment: bool,
    inputs: Vec<Input<'a>>,
}

impl Cast {
    fn seat(&self, review: usize) -> Option<usize> {
        self.stages.get(review).copied().flatten()
    }
}

fn demand(approve: &Approve, stage: usize, ballots: &[Ballot<'_>]) -> Demand {
    match approve {
        Approve::Leaf { count, from, comment } => {
            let fits = |ballot: &&Ballot<'_>| {
                ballot.stage == stage
                    && (!comment || ballot.has_comment)
                    && from.test(&ballot.inputs) == Ok(true)
            };
            let bit = |ballot: &Ballot<'_>| {
                u32::try_from(ballot.person).ok().and_then(|person| 1_u64.checked_shl(person))
            };
            let voters = ballots.iter().filter(fits).filter_map(bit).fold(0, |all, bit| all | bit);
            Demand::Leaf { count: *count, voters }
        }
        Approve::AtLeast { count, of } => Demand::AtLeast {
            count: *count,
            of: of.iter().map(|part| demand(part, stage, ballots)).collect(),
        },
    }
}

/// Says whether a person could fill any leaf; a comment can still be written.
fn is_wanted(approve: &Approve, inputs: &[Input<'_>]) -> bool {
    match approve {
        Approve::Leaf { from, .. } => from.test(inputs) == Ok(true),
        Approve::AtLeast { of, .. } => of.iter().any(|part| is_wanted(part, inputs)),
    }
}

fn distinct<'p>(people: impl Iterator<Item = &'p str>) -> usize {
    let mut seen: Vec<&str> = people.collect();
    seen.sort_unstable();
    seen.dedup();
    seen.len()
}

/// The kind of vote that this version knows.
const PERSON: &str = "person";

/// One person is one bit of a set.
const _: () = assert!(limits::VOTES <= 64);

impl Terms {
    /// Takes the shortest of what any approval allows. One that fills no seat is heard too: whose votes
    /// fill the seats of a full quorum is arbitrary.
    pub(super) fn shortened(&self, votes: &[Cast]) -> Self {
        let approvals = votes.iter().filter(|cast| cast.verdict == Verdict::Approve);
        let allowed = approvals.filter_map(|cast| cast.at_most).min();
        let duration = allowed.map_or(self.duration, |allowed| allowed.min(self.duration));
        Self { duration, ..self.clone() }
    }
}
