//! Whose approval is needed.

use super::{Match, Run, above, because};
use crate::decision::{Effect, Need, Path, Reason, ReasonCode, Terms};
use crate::policy::{GroupMode, Kind, ReviewRule, Rule};

/// A review that admits the asked time, for how long, and what it still needs.
struct Asked<'r> {
    review: &'r ReviewRule,
    terms: Terms,
    needs: Vec<Need>,
}

impl<'r> Run<'r> {
    /// Step 7: everyone whose approval is needed.
    pub(super) fn reviews(&mut self) -> bool {
        let Some(matching) = self.matching_reviews() else { return true };
        if matching.is_empty() || self.above_every_ceiling(&matching) {
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

    /// Says whether all that match are reviews of extensions for less risk. Above its ceiling such a review
    /// still must approve, but does not suffice without one of the base.
    fn above_every_ceiling(&mut self, matching: &[&ReviewRule]) -> bool {
        let risk = self.decision.risk;
        if matching.iter().any(|review| review.ceiling.is_none_or(|ceiling| risk <= ceiling)) {
            return false;
        }
        for review in matching {
            let ceiling = review.ceiling.unwrap_or(risk);
            self.aside(&review.rule, above(risk, ceiling, "its scope's"));
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
                members.iter().for_each(|review| self.name(&review.rule));
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
            if matching.iter().any(|other| !other.otherwise && other.group == review.group) {
                continue;
            }
            // It has no condition of its own, but may stand in a scope.
            match self.matches(&review.rule) {
                Match::Yes => matching.push(review),
                Match::No => {}
                Match::Failed(failure) => {
                    self.failed(&review.rule, &failure, true);
                    failed = true;
                }
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
                let admits =
                    self.fulfilled(&review.rule.obligations).and_then(|()| self.admit(&review.grant));
                match admits {
                    Ok((terms, _)) => {
                        let needs = self.unmet(&review.needs, &review.rule.id);
                        admitted.push(Asked { review, terms, needs });
                    }
                    Err(reason) => {
                        self.aside(&review.rule, reason);
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
        let shortest = asked().map(|asked| asked.review.grant.min).max().unwrap_or_default();
        let joined = asked().map(|asked| asked.terms.clone()).reduce(Terms::join)?;
        self.long_enough(joined, shortest).map_err(|reason| self.reason(reason)).ok()
    }

    fn open(&mut self, plan: &[Vec<Asked<'_>>], terms: Terms) {
        for Asked { review, .. } in plan.iter().flatten() {
            self.name(&review.rule);
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
