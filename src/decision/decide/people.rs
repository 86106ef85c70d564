//! Whose approval is needed.

use std::time::Duration;

use super::{Match, Run, because};
use crate::decision::{Effect, Need, Path, Reason, ReasonCode, Terms};
use crate::policy::{GroupMode, Kind, ReviewRule, Rule};

/// A review that admits the asked time, for how long, and what it still needs.
struct Asked<'r> {
    review: &'r ReviewRule,
    duration: Duration,
    needs: Vec<Need>,
}

impl<'r> Run<'r> {
    /// Step 7: everyone whose approval is needed.
    pub(super) fn reviews(&mut self) -> bool {
        let Some(matching) = self.matching_reviews() else { return true };
        if matching.is_empty() {
            return false;
        }
        let mut groups: Vec<(&str, Vec<&'r ReviewRule>)> = Vec::new();
        for review in matching {
            match groups.iter_mut().find(|(name, _)| *name == &*review.group) {
                Some((_, members)) => members.push(review),
                None => groups.push((&review.group, vec![review])),
            }
        }
        let groups: Vec<_> = groups.into_iter().map(|(_, members)| members).collect();
        if self.ambiguous(&groups) {
            return true;
        }
        // The bounds come first: evidence is not asked for where it could not help.
        let Some(plan) = self.admitted(groups) else { return true };
        let Some(terms) = self.join(&plan) else { return true };
        let unmet: Vec<&Asked<'_>> = plan.iter().flatten().filter(|asked| !asked.needs.is_empty()).collect();
        if unmet.is_empty() {
            self.open(&plan, terms);
        } else {
            let rules: Vec<&Rule> = unmet.iter().map(|asked| &asked.review.rule).collect();
            self.challenge(&rules, unmet.iter().flat_map(|asked| asked.needs.clone()).collect());
        }
        true
    }

    /// Says whether two reviews match where one must.
    fn ambiguous(&mut self, groups: &[Vec<&ReviewRule>]) -> bool {
        let mut found = false;
        for members in groups {
            if members.len() > 1 && members.iter().any(|review| review.mode == GroupMode::One) {
                let ids: Vec<_> = members.iter().map(|review| &*review.rule.id).collect();
                let text = format!("several reviews match where one must: `{}`", ids.join("`, `"));
                self.decision.rules.extend(members.iter().map(|review| review.rule.id.clone()));
                self.reason(Reason::new(ReasonCode::AmbiguousReview, text));
                found = true;
            }
        }
        found
    }

    /// Finds the reviews that match, with the alternatives that `otherwise` adds. A failed one denies.
    fn matching_reviews(&mut self) -> Option<Vec<&'r ReviewRule>> {
        let policy = self.policy;
        let candidates = self.candidates;
        let reviews = || candidates.pick(Kind::Review, &policy.rules().reviews);
        let mut matching = Vec::new();
        let mut failed = false;
        for review in reviews().filter(|review| !review.otherwise) {
            match self.matches(&review.rule) {
                Match::Yes => matching.push(review),
                Match::No => {}
                Match::Failed(failure) => {
                    self.failed(&review.rule, &failure, true);
                    failed = true;
                }
            }
        }
        for review in reviews().filter(|review| review.otherwise) {
            if !matching.iter().any(|other| !other.otherwise && other.group == review.group) {
                matching.push(review);
            }
        }
        (!failed).then_some(matching)
    }

    /// Lists who is asked: of each inner list one suffices. There is no plan where a group refuses the
    /// asked time. An alternative with unmet needs drops out if another's are met.
    fn admitted(&mut self, groups: Vec<Vec<&'r ReviewRule>>) -> Option<Vec<Vec<Asked<'r>>>> {
        let (mut plan, mut refused) = (Vec::new(), false);
        for members in groups {
            let alternatives = members.iter().any(|review| review.mode == GroupMode::Any);
            let mut admitted: Vec<Asked<'r>> = Vec::new();
            for review in members {
                match review.grant.admit(self.request.duration()) {
                    Ok(duration) => {
                        let needs = self.unmet(&review.needs, &review.rule.id);
                        admitted.push(Asked { review, duration, needs });
                    }
                    Err(reason) => {
                        self.reason(reason.with_rule(&review.rule.id));
                        refused |= !alternatives;
                    }
                }
            }
            refused |= admitted.is_empty();
            if alternatives {
                plan.push(cheapest(admitted));
            } else {
                plan.extend(admitted.into_iter().map(|asked| vec![asked]));
            }
        }
        (!refused).then_some(plan)
    }

    /// Joins the bounds of everyone who is asked: the narrowest hold, whichever of several alternatives approves.
    fn join(&mut self, plan: &[Vec<Asked<'_>>]) -> Option<Terms> {
        let asked = || plan.iter().flatten();
        let bounds = || asked().map(|asked| &asked.review.grant);
        let duration = asked().map(|asked| asked.duration).min()?;
        let shortest = bounds().map(|bounds| bounds.min).max().unwrap_or_default();
        if duration < shortest {
            self.reason(Reason::duration(ReasonCode::DurationTooShort, duration, shortest));
            return None;
        }
        let max_uses = bounds().filter_map(|bounds| bounds.max_uses).min();
        let use_within = bounds().filter_map(|bounds| bounds.use_within).min();
        // A deadline for the first use says nothing of a second one.
        let max_uses = if use_within.is_some() { max_uses.min(Some(1)).or(max_uses) } else { max_uses };
        Some(Terms { duration, max_uses, use_within, limit: None })
    }

    fn open(&mut self, plan: &[Vec<Asked<'_>>], terms: Terms) {
        for Asked { review, .. } in plan.iter().flatten() {
            self.decision.rules.push(review.rule.id.clone());
            self.reason(because(ReasonCode::ReviewRequired, &review.rule, "people must approve it"));
        }
        let ids = |group: &Vec<Asked<'_>>| group.iter().map(|asked| asked.review.rule.id.clone()).collect();
        self.decision.effect = Effect::Review;
        self.decision.path = Path::Review { groups: plan.iter().map(ids).collect(), terms };
    }
}

/// Of reviews of which one suffices, keeps those that miss nothing; if each misses something, the one that
/// misses least.
fn cheapest(mut alternatives: Vec<Asked<'_>>) -> Vec<Asked<'_>> {
    let cost = |asked: &Asked<'_>| (asked.needs.len(), asked.review.rule.id.clone());
    if let Some((fewest, id)) = alternatives.iter().map(cost).min() {
        alternatives
            .retain(|asked| asked.needs.len() == fewest && (fewest == 0 || asked.review.rule.id == id));
    }
    alternatives
}
