//! Whose approval is needed.

use super::{Match, Run, above, because};
use crate::decision::{Effect, Groups, Need, Path, Reason, ReasonCode, Terms};
use crate::policy::{GroupMode, Kind, ReviewRule, Rule};

/// A review that matches, on which terms it admits the asked time, and what it still needs.
struct Asked<'r> {
    review: &'r ReviewRule,
    terms: Result<Terms, Reason>,
    needs: Vec<Need>,
    /// The place of the first review of its group.
    group: usize,
    /// Whether another review of its group is asked instead.
    spared: bool,
}

impl<'r> Run<'r> {
    /// Step 7: everyone whose approval is needed.
    pub(super) fn reviews(&mut self) -> bool {
        let Some(mut asked) = self.matching_reviews() else { return true };
        if asked.is_empty() || self.above_every_ceiling(&asked) {
            return false;
        }
        sort_by_group(&mut asked);
        if self.ambiguous(&asked) || !self.admitted(&mut asked) {
            return true;
        }
        asked.retain(|asked| !asked.spared);
        // The bounds come first: evidence is not asked for where it could not help.
        let Some(terms) = self.join(&asked) else { return true };
        if asked.iter().all(|asked| asked.needs.is_empty()) {
            self.open(&asked, terms);
        } else {
            let unmet: Vec<&Asked<'_>> = asked.iter().filter(|asked| !asked.needs.is_empty()).collect();
            let rules: Vec<&Rule> = unmet.iter().map(|asked| &asked.review.rule).collect();
            self.challenge(&rules, unmet.iter().flat_map(|asked| asked.needs.clone()).collect());
        }
        true
    }

    /// Says whether all that match are reviews of extensions for less risk. Above its ceiling such a review
    /// still must approve, but does not suffice without one of the base.
    fn above_every_ceiling(&mut self, matching: &[Asked<'_>]) -> bool {
        let risk = self.decision.risk;
        if matching.iter().any(|asked| asked.review.ceiling.is_none_or(|ceiling| risk <= ceiling)) {
            return false;
        }
        for Asked { review, .. } in matching {
            let ceiling = review.ceiling.unwrap_or(risk);
            self.aside(&review.rule, above(risk, ceiling, "its scope's"));
        }
        true
    }

    /// Says whether two reviews match where one must.
    fn ambiguous(&mut self, matching: &[Asked<'_>]) -> bool {
        let mut found = false;
        for members in matching.chunk_by(|one, next| one.group == next.group) {
            if members.len() > 1 && members.iter().any(|asked| asked.review.mode == GroupMode::One) {
                let ids: Vec<_> = members.iter().map(|asked| &*asked.review.rule.id).collect();
                let text = format!("several reviews match where one must: `{}`", ids.join("`, `"));
                members.iter().for_each(|asked| self.name(&asked.review.rule));
                self.reason(Reason::new(ReasonCode::AmbiguousReview, text));
                found = true;
            }
        }
        found
    }

    /// Finds the reviews that match, with the alternatives that `otherwise` adds. A failed one denies.
    fn matching_reviews(&mut self) -> Option<Vec<Asked<'r>>> {
        let policy = self.policy;
        let candidates = self.candidates;
        let reviews = || candidates.pick(Kind::Review, &policy.rules().reviews);
        let mut matching: Vec<Asked<'r>> = Vec::new();
        let mut failed = false;
        for review in reviews().filter(|review| !review.otherwise) {
            match self.matches(&review.rule) {
                Match::Yes => matching.push(self.ask(review)),
                Match::No => {}
                Match::Failed(failure) => {
                    self.failed(&review.rule, &failure, true);
                    failed = true;
                }
            }
        }
        for review in reviews().filter(|review| review.otherwise) {
            if matching
                .iter()
                .any(|Asked { review: other, .. }| !other.otherwise && other.group == review.group)
            {
                continue;
            }
            // It has no condition of its own, but may stand in a scope.
            match self.matches(&review.rule) {
                Match::Yes => matching.push(self.ask(review)),
                Match::No => {}
                Match::Failed(failure) => {
                    self.failed(&review.rule, &failure, true);
                    failed = true;
                }
            }
        }
        (!failed).then_some(matching)
    }

    fn ask(&self, review: &'r ReviewRule) -> Asked<'r> {
        let admitted = self.fulfilled(&review.rule.obligations).and_then(|()| self.admit(&review.grant));
        Asked { review, terms: admitted.map(|(terms, _)| terms), needs: Vec::new(), group: 0, spared: false }
    }

    /// Says whether every group admits the asked time, and finds what its reviews need. An alternative that
    /// refuses it is spared, and one with unmet needs if another's are met.
    fn admitted(&mut self, asked: &mut [Asked<'r>]) -> bool {
        let mut refused = false;
        for members in asked.chunk_by_mut(|one, next| one.group == next.group) {
            let alternatives = members.iter().any(|asked| asked.review.mode == GroupMode::Any);
            for member in &mut *members {
                let rule = &member.review.rule;
                match &member.terms {
                    Ok(_) => member.needs = self.unmet(&member.review.needs, &rule.id),
                    Err(reason) => {
                        self.aside(rule, reason.clone());
                        member.spared = true;
                        refused |= !alternatives;
                    }
                }
            }
            refused |= members.iter().all(|asked| asked.spared);
            if alternatives {
                spare_all_but_the_cheapest(members);
            }
        }
        !refused
    }

    /// Joins the bounds of everyone who is asked: the narrowest hold, whichever of several alternatives approves.
    fn join(&mut self, asked: &[Asked<'_>]) -> Option<Terms> {
        let shortest = asked.iter().map(|asked| asked.review.grant.min).max().unwrap_or_default();
        let terms = asked.iter().filter_map(|asked| asked.terms.as_ref().ok()).cloned();
        self.long_enough(terms.reduce(Terms::join)?, shortest).map_err(|reason| self.reason(reason)).ok()
    }

    fn open(&mut self, asked: &[Asked<'_>], terms: Terms) {
        for Asked { review, .. } in asked {
            self.name(&review.rule);
            self.reason(because(ReasonCode::ReviewRequired, &review.rule, "people must approve it"));
        }
        self.decision.effect = Effect::Review;
        self.decision.path = Path::Review { groups: groups(asked), terms };
    }
}

/// Puts the reviews of one group beside each other, the groups in the order in which they first occur.
fn sort_by_group(asked: &mut [Asked<'_>]) {
    for place in 1..asked.len() {
        let Some((one, before)) = asked.get_mut(..=place).and_then(<[_]>::split_last_mut) else { continue };
        let first = before.iter().position(|known| known.review.group == one.review.group);
        one.group = first.unwrap_or(place);
    }
    asked.sort_by_key(|asked| asked.group);
}

/// Of reviews of which one suffices, keeps those that miss nothing; if each misses something, the one that
/// misses least.
fn spare_all_but_the_cheapest(alternatives: &mut [Asked<'_>]) {
    let open = alternatives.iter().filter(|asked| !asked.spared);
    let cost = |asked: &Asked<'_>| (asked.needs.len(), asked.review.rule.id.clone());
    let Some((fewest, id)) = open.map(cost).min() else { return };
    for asked in alternatives {
        let cheapest = asked.needs.len() == fewest && (fewest == 0 || asked.review.rule.id == id);
        asked.spared |= !cheapest;
    }
}

/// Names who is asked: the alternatives of a group together, everybody else alone.
fn groups(asked: &[Asked<'_>]) -> Groups {
    let id = |asked: &Asked<'_>| asked.review.rule.id.clone();
    let together =
        |one: &Asked<'_>, next: &Asked<'_>| one.group == next.group && one.review.mode == GroupMode::Any;
    if asked.windows(2).any(|pair| matches!(pair, [one, next] if together(one, next))) {
        Groups::OneOfEach(asked.chunk_by(together).map(|group| group.iter().map(id).collect()).collect())
    } else {
        Groups::Each(asked.iter().map(id).collect())
    }
}
