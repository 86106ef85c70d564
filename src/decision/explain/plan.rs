//! Who may approve, in words.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::decision::{Decision, Path};
use crate::policy::{Approve, Policy, ReviewRule};
use crate::span_of_time;

/// What one review asks of people.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ApprovalPlan {
    review: Arc<str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    instead: Vec<Arc<str>>,
    stages: Vec<StagePlan>,
    allow_self: bool,
    expires_s: u64,
}

/// What one stage asks.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StagePlan {
    approve: Approvals,
}

/// Who must approve.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Approvals {
    /// So many people who meet a condition.
    People {
        /// How many.
        count: usize,
        /// The condition, as the policy writes it.
        from: String,
        /// What a named condition stands for.
        #[serde(skip_serializing_if = "Option::is_none")]
        meaning: Option<String>,
        /// Whether each must write why.
        comment: bool,
    },
    /// At least so many of several parts.
    AtLeast {
        /// How many.
        count: usize,
        /// The parts.
        of: Vec<Approvals>,
    },
}

impl ApprovalPlan {
    /// Returns the review's id.
    #[must_use]
    pub fn review(&self) -> &str {
        &self.review
    }

    /// Returns the reviews of which one may approve instead.
    pub fn instead(&self) -> impl ExactSizeIterator<Item = &str> {
        self.instead.iter().map(AsRef::as_ref)
    }

    /// Returns the stages, in order.
    pub fn stages(&self) -> impl ExactSizeIterator<Item = &StagePlan> {
        self.stages.iter()
    }

    /// Counts the people that it takes at least.
    #[must_use]
    pub fn fewest_people(&self) -> usize {
        self.stages.iter().map(|stage| stage.approve.fewest_people()).fold(0, usize::saturating_add)
    }
}

impl StagePlan {
    /// Returns who must approve.
    #[must_use]
    pub fn approve(&self) -> &Approvals {
        &self.approve
    }
}

impl Approvals {
    /// Counts the people that it takes at least. Nobody fills two seats.
    #[must_use]
    pub fn fewest_people(&self) -> usize {
        match self {
            Self::People { count, .. } => *count,
            Self::AtLeast { count, of } => {
                let mut fewest: Vec<usize> = of.iter().map(Self::fewest_people).collect();
                fewest.sort_unstable();
                fewest.into_iter().take(*count).fold(0, usize::saturating_add)
            }
        }
    }

    fn of(approve: &Approve, policy: &Policy) -> Self {
        match approve {
            Approve::Leaf(leaf) => Self::People {
                count: leaf.count,
                from: leaf.from.source().to_owned(),
                meaning: leaf.from.meaning(&policy.schema().environment),
                comment: leaf.comment,
            },
            Approve::AtLeast { count, of } => {
                Self::AtLeast { count: *count, of: of.iter().map(|part| Self::of(part, policy)).collect() }
            }
        }
    }
}

/// The plans of a decision that sends to people; none for another.
pub(crate) fn of(policy: &Policy, decision: &Decision) -> Vec<ApprovalPlan> {
    let Path::Review { groups, .. } = &decision.path else { return Vec::new() };
    let reviews = &policy.rules().reviews;
    let find = |id: &Arc<str>| reviews.iter().find(|review| review.rule.id == *id);
    let mut plans = Vec::new();
    for group in groups.iter() {
        for id in group {
            let instead = group.iter().filter(|other| *other != id).cloned().collect();
            plans.extend(find(id).map(|review| plan(review, instead, policy)));
        }
    }
    plans
}

fn plan(review: &ReviewRule, instead: Vec<Arc<str>>, policy: &Policy) -> ApprovalPlan {
    let stage = |approve| StagePlan { approve: Approvals::of(approve, policy) };
    ApprovalPlan {
        review: review.rule.id.clone(),
        instead,
        stages: review.stages.iter().map(|each| stage(&each.approve)).collect(),
        allow_self: review.allow_self,
        expires_s: review.expires.as_secs(),
    }
}

impl fmt::Display for ApprovalPlan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`: ", self.review)?;
        for (index, stage) in self.stages.iter().enumerate() {
            if index > 0 {
                formatter.write_str(", then ")?;
            }
            write!(formatter, "{}", stage.approve)?;
        }
        let who = if self.allow_self { "; the requester may be one of them" } else { "" };
        let expires = span_of_time::print(std::time::Duration::from_secs(self.expires_s));
        write!(formatter, "{who}; within {expires}")?;
        if !self.instead.is_empty() {
            write!(formatter, "; or `{}` instead", self.instead.join("` or `"))?;
        }
        Ok(())
    }
}

impl fmt::Display for Approvals {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::People { count, from, meaning, comment } => {
                let people = if *count == 1 { "person" } else { "people" };
                write!(formatter, "{count} {people} with `{from}`")?;
                if let Some(meaning) = meaning {
                    write!(formatter, " (`{meaning}`)")?;
                }
                formatter.write_str(if *comment { " who say why" } else { "" })
            }
            Self::AtLeast { count, of } => {
                let (word, join) = match *count {
                    1 => ("", " or "),
                    all if all == of.len() => ("", " and "),
                    _ => ("of ", ", "),
                };
                if !word.is_empty() {
                    write!(formatter, "{count} {word}")?;
                }
                formatter.write_str("(")?;
                for (index, part) in of.iter().enumerate() {
                    if index > 0 {
                        formatter.write_str(join)?;
                    }
                    write!(formatter, "{part}")?;
                }
                formatter.write_str(")")
            }
        }
    }
}
