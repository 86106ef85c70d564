//! Hearing what a policy says by now.
//!
//! A review is decided again under every policy that the gate has while it waits, and once more when people
//! have approved it. What is asked for beside joins it, and what is denied ends it; nothing is taken away.

use std::sync::Arc;

use super::{CHANGE_BYTES, Motion, first_reason, seats};
use crate::decision::{self, Decision, Effect, Path};
use crate::limits;
use crate::review::change::{Change, Replan};
use crate::review::plan::Plan;
use crate::review::progress::later;
use crate::review::{Track, VoteError};

impl Motion {
    /// Hears the policy, if it is another one: what it asks for is added, and what it denies is rejected.
    pub(crate) fn hear(&mut self) {
        let review = &self.review;
        if !review.state.is_pending() || review.policies.iter().any(|known| **known == *self.policy.digest())
        {
            return;
        }
        if review.policies.len() >= limits::REVIEW_POLICIES {
            let limit = limits::REVIEW_POLICIES;
            let because = format!("more than {limit} policies were loaded while it waited");
            return self.make(Change::Rejected { because });
        }
        let decision = decision::decide_again(&self.policy, &review.request, &review.facts, self.now);
        let replan = match decision.effect() {
            Effect::Deny | Effect::Challenge => Err(first_reason(&decision)),
            Effect::Allow => Ok(self.unplanned(&decision)),
            Effect::Review => {
                // What a rule asks for is asked within its time, as if it had been heard when the review opened.
                self.planned(self.unplanned(&decision), &decision.path, review.opened_at)
            }
        };
        match replan {
            Ok(replan) => self.make(Change::Replanned(Box::new(replan))),
            Err(because) => self.make(Change::Rejected { because }),
        }
    }

    /// Decides once more what people approved: as of now, when the grant would begin. What matches by now and
    /// did not when the review opened is added.
    ///
    /// # Errors
    ///
    /// [`VoteError::DeniedByNow`].
    pub(super) fn hear_again(&self) -> Result<Option<Replan>, VoteError> {
        let review = &self.review;
        let denied = |reason: String| VoteError::DeniedByNow { reason };
        let own = || review.tracks.iter().filter(|track| *track.policy == *self.policy.digest());
        let opened: Vec<Arc<str>> = own().flat_map(Track::groups).flatten().collect();
        let decision =
            decision::decide_at_close(&self.policy, &review.request, &review.facts, self.now, &opened);
        let mut replan = self.unplanned(&decision);
        match (decision.effect(), &decision.path) {
            (Effect::Allow, _) => {}
            (Effect::Review, Path::Review { groups, terms }) => {
                let asked: Vec<Vec<Vec<Arc<str>>>> = own().map(Track::groups).collect();
                // Whoever satisfies a group of which each member would do satisfies a larger one.
                let is_asked = |group: &&[Arc<str>]| {
                    asked.iter().flatten().any(|known| known.iter().all(|rule| group.contains(rule)))
                };
                let more: Vec<Vec<Arc<str>>> =
                    groups.iter().filter(|group| !is_asked(group)).map(<[_]>::to_vec).collect();
                if !more.is_empty() {
                    if review.tracks.len() >= PLANS {
                        return Err(denied(format!("more than {PLANS} plans were added while it waited")));
                    }
                    replan.rules = Some(more.concat());
                    let path = Path::Review { groups: more.into(), terms: terms.clone() };
                    replan = self.planned(replan, &path, self.now).map_err(denied)?;
                }
            }
            _ => return Err(denied(first_reason(&decision))),
        }
        let says_more = replan.plan.is_some() || !replan.obligations.is_empty();
        Ok(says_more.then_some(replan))
    }

    /// What a decision adds beside people.
    fn unplanned(&self, decision: &Decision) -> Replan {
        let review = &self.review;
        let is_known = review.policies.iter().any(|known| **known == *self.policy.digest());
        Replan {
            policy: self.policy.digest().into(),
            rules: is_known.then(Vec::new),
            plan: None,
            seats: Vec::new(),
            obligations: decision.owes_beside(&review.decision),
            expires_at: review.expires_at,
        }
    }

    /// Adds the people whom a decision asks for, and the seats that the standing votes have among them.
    fn planned(
        &self,
        mut replan: Replan,
        path: &Path,
        since: chrono::DateTime<chrono::Utc>,
    ) -> Result<Replan, String> {
        let review = &self.review;
        let unrecordable = || "the plan that is added cannot be recorded".to_owned();
        let plan = Plan::of(&self.policy, path).filter(Plan::is_recordable);
        let (Some(plan), Path::Review { terms, .. }) = (plan, path) else { return Err(unrecordable()) };
        let expires_at = later(since, plan.expires()).unwrap_or(review.expires_at);
        replan.expires_at = expires_at.min(review.expires_at);
        replan.plan = Some((plan, terms.clone()));
        // The standing votes take their seats as if they were cast now, in their order.
        let mut trial = review.clone();
        let votes = std::mem::take(&mut trial.votes);
        trial.apply(&Change::Replanned(Box::new(replan.clone())), self.now);
        let known = trial.tracks.split_last().map_or(0, |(last, _)| last.first);
        for cast in votes {
            let mut cast = (*cast).clone();
            cast.stages.resize(known, None);
            let (seats, _) = seats(&trial, &cast, self.now);
            let new: Vec<Option<usize>> = seats.into_iter().skip(known).collect();
            cast.stages.extend(&new);
            replan.seats.push(new);
            trial.votes.push(Arc::new(cast));
        }
        let change = Change::Replanned(Box::new(replan.clone()));
        if serde_json::Value::Object(change.content()).to_string().len() > CHANGE_BYTES {
            return Err(unrecordable());
        }
        Ok(replan)
    }
}

impl Track {
    /// The rules that it asks, by their ids: of each inner list one suffices.
    fn groups(&self) -> Vec<Vec<Arc<str>>> {
        let id = |place: &usize| self.plan.reviews().get(*place).map(|review| review.rule.id.clone());
        self.plan.groups.iter().map(|group| group.iter().filter_map(id).collect()).collect()
    }
}

/// Plans of one review: those of its policies, and what their rules added by time.
const PLANS: usize = 8;
