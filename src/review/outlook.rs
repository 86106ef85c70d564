//! Who can approve, who has voted, and what is still missing.

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};

use super::Review;
use super::motion::seats;
use super::opening::best_votes;
use super::quorum::seated;
use super::vote::{Verdict, VoteKind};
use crate::policy::{Leaf, Stage};
use crate::request::{Source, Subject};

/// What a review waits for.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Outlook<'c> {
    /// The candidates whose approval would count now or at a better hour.
    pub can_approve: Vec<&'c Subject>,
    /// The names of those whose approval stands, in the order in which they voted.
    pub approved: Vec<String>,
    /// The names of those whose rejection stands.
    pub rejected: Vec<String>,
    /// The seats of the stages that take votes and are not filled. Where a part of a stage suffices, its
    /// other parts are listed all the same.
    pub missing: Vec<Missing>,
    /// Whose attributes the host must state anew before the quorum closes.
    pub needs_fresh: Vec<String>,
}

/// Seats that are not filled.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// The id of the review's rule.
    pub rule: String,
    /// The id of the stage; it is empty where the rule has one alone.
    pub stage: String,
    /// The condition that an approver meets, as the policy writes it.
    pub from: String,
    /// How many people it takes.
    pub count: usize,
    /// How many of those who voted sit here.
    pub found: usize,
    /// Whether they must say why.
    pub comment: bool,
    /// Whether they must have signed in lately or strongly.
    pub auth: bool,
}

impl Review {
    /// Returns who of the candidates could approve now, with a comment or a sign-in where that is demanded.
    #[must_use]
    pub fn eligible<'c>(&self, candidates: impl IntoIterator<Item = &'c Subject>) -> Vec<&'c Subject> {
        let could = |candidate: &&Subject| {
            self.state.is_pending() && candidate.source() == Source::Attested && self.has_seat_for(candidate)
        };
        candidates.into_iter().filter(could).collect()
    }

    /// Says who of the candidates could approve, who has voted, and what is missing.
    ///
    /// ```
    /// # use countersign::{Action, Gate, Ledger, Outcome, Policy, Request, Resource, Stamp, Subject};
    /// # let policy = Policy::from_toml(
    /// #     "format = 1\nname = 'x'\n[attributes]\n'approver.groups' = 'list<string>'\n[[review]]\nid = 'a'\n\
    /// #      when = 'true'\napprove = { count = 2, from = '\"sre\" in approver.groups' }\n",
    /// # )?;
    /// # let gate = Gate::new(policy, "https://jit.example");
    /// # let request = Request::new(Subject::new("user", "ana"), Action::new("a"), Resource::new("b", "c"));
    /// # let step = gate.submit(request, Stamp::new("2026-11-23T10:00:00Z".parse()?, [7; 32]));
    /// # let Outcome::Review(review) = Ledger::create("s")?.stage(step)?.commit()? else { panic!() };
    /// let people = [Subject::new("user", "bo").with("groups", ["sre"]), Subject::new("user", "cy")];
    /// let outlook = review.outlook(&people, "2026-11-23T10:00:01Z".parse()?);
    /// assert_eq!(outlook.can_approve, [&people[0]]);
    /// assert_eq!((outlook.missing[0].count, outlook.missing[0].found), (2, 0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn outlook<'c>(
        &self,
        candidates: impl IntoIterator<Item = &'c Subject>,
        now: DateTime<Utc>,
    ) -> Outlook<'c> {
        let named = |verdict: Verdict| {
            let mut seen = BTreeSet::new();
            let of = self.votes.iter().filter(|cast| cast.verdict == verdict);
            of.filter(|cast| seen.insert(&cast.person)).map(|cast| cast.person.clone()).collect()
        };
        Outlook {
            can_approve: self.eligible(candidates),
            approved: named(Verdict::Approve),
            rejected: named(Verdict::Reject),
            missing: if self.state.is_pending() { self.missing(now.max(self.latest)) } else { Vec::new() },
            needs_fresh: self.awaited.clone(),
        }
    }

    /// Returns what was said that counts for nothing: who, and the text. An advisory vote is marked by its
    /// verdict.
    pub fn comments(&self) -> impl Iterator<Item = (&Subject, &str, Option<bool>)> {
        self.comments.iter().map(|cast| {
            let verdict = match cast.verdict {
                Verdict::Approve => Some(true),
                Verdict::Reject => Some(false),
                Verdict::Comment | Verdict::Withdraw => None,
            };
            (&cast.approver, cast.comment.as_str(), verdict)
        })
    }

    fn has_seat_for(&self, candidate: &Subject) -> bool {
        let mut best = best_votes(candidate, self.latest);
        best.retain(|cast| cast.kind != VoteKind::Force);
        best.iter().any(|cast| {
            let (seats, obstacle) = seats(self, cast, self.latest);
            let can_wait = obstacle.is_some_and(|obstacle| obstacle != super::bench::Obstacle::Excluded);
            can_wait || seats.iter().any(Option::is_some)
        })
    }

    fn missing(&self, now: DateTime<Utc>) -> Vec<Missing> {
        let mut missing = Vec::new();
        for (court, track) in self.courts(now).zip(&self.tracks) {
            for (index, (rule, progress)) in track.plan.reviews().iter().zip(&track.progress).enumerate() {
                let place = court.stage(index);
                let Some(stage) = rule.stages.get(place) else { continue };
                let state = progress.of(place);
                let open = stage.leaves_with_fallback().filter(|(_, open)| *open || state.fallback);
                let open: Vec<&Leaf> = open.map(|(leaf, _)| leaf).collect();
                let leaves = court.leaves(index, place);
                let mut found: Vec<usize> = leaves.iter().map(|(_, voters)| people(*voters)).collect();
                if leaves.iter().zip(&found).all(|((count, _), found)| found >= count) {
                    // Each leaf has enough by itself: some sit on two of them, or sat in an earlier stage.
                    let earlier: Vec<(usize, u64)> =
                        (0..place).flat_map(|stage| court.leaves(index, stage)).collect();
                    let skip = earlier.len();
                    found = seated(&[earlier, leaves].concat()).split_off(skip);
                }
                let seats = open.into_iter().zip(found);
                let unfilled = seats.filter(|(leaf, found)| *found < leaf.count);
                missing.extend(unfilled.map(|(leaf, found)| Missing::of(&rule.rule.id, stage, leaf, found)));
            }
        }
        missing
    }
}

impl Missing {
    fn of(rule: &str, stage: &Stage, leaf: &Leaf, found: usize) -> Self {
        Self {
            rule: rule.to_owned(),
            stage: stage.id.to_string(),
            from: leaf.from.source().to_owned(),
            count: leaf.count,
            found,
            comment: leaf.comment,
            auth: leaf.auth.is_some(),
        }
    }
}

fn people(voters: u64) -> usize {
    usize::try_from(voters.count_ones()).unwrap_or(usize::MAX)
}
