//! What opens at once: emergencies and zones.

use std::cmp::Reverse;

use super::{Match, Run, above, because};
use crate::decision::{Effect, Need, Path, Reason, ReasonCode, Slots, Terms};
use crate::policy::{Emergency, Kind, LimitBy, LimitSpec, Zone};
use crate::request::Usage;

impl Run<'_> {
    /// Step 5: break-glass access, where it is asked for with a reason and a rule permits it.
    pub(super) fn emergency(&mut self) -> bool {
        // What people approved opens by them.
        if !self.request.is_emergency() || self.opened.is_some() {
            return false;
        }
        let refuse = |text: &'static str| Reason::new(ReasonCode::EmergencyRefused, text);
        if self.request.reason().is_none_or(crate::text::is_blank) {
            self.reason(refuse("an emergency needs a reason").with_detail("context.reason"));
            return false;
        }
        let mut candidates = Vec::new();
        for rule in self.candidates.pick(Kind::Emergency, &self.policy.rules().emergencies) {
            match self.matches(&rule.rule) {
                Match::Yes => candidates.push(rule),
                Match::No => {}
                Match::Failed(failure) => self.failed(&rule.rule, &failure, false),
            }
        }
        if candidates.is_empty() {
            self.reason(refuse("no rule permits break-glass access here"));
            return false;
        }
        let overdue = self.request.usage().map(|usage| usage.overdue_reviews);
        if overdue != Some(0) {
            self.reason(refuse(match overdue {
                None => "nobody said whether reviews of earlier emergencies are overdue",
                Some(_) => "the review of an earlier emergency is overdue",
            }));
            return false;
        }
        let mut admitted = Vec::new();
        for rule in candidates {
            match self.breaks_glass(rule) {
                Ok(terms) => admitted.push((rule, terms)),
                Err(reason) => self.aside(&rule.rule, reason),
            }
        }
        // The strictest of several: the shortest grant, then the nearest review, then the smallest id.
        let strictest = admitted.into_iter().min_by(|(a, x), (b, y)| {
            (x.duration, a.review_within, &a.rule.id).cmp(&(y.duration, b.review_within, &b.rule.id))
        });
        let Some((rule, terms)) = strictest else {
            self.reason(refuse("no rule that matches admits it now"));
            return false;
        };
        self.name(&rule.rule);
        self.reason(because(ReasonCode::EmergencyAllows, &rule.rule, "break-glass access; it owes a review"));
        self.decision.effect = Effect::Allow;
        self.decision.path = Path::Emergency { terms, review_within: rule.review_within };
        true
    }

    /// Step 6: zones that no hold stops.
    pub(super) fn zones(&mut self) -> bool {
        if self.held() {
            return false;
        }
        let mut best: Option<(&Zone, Terms, bool)> = None;
        let mut challenges: Vec<(&Zone, Vec<Need>)> = Vec::new();
        for zone in self.candidates.pick(Kind::Zone, &self.policy.rules().zones) {
            match self.matches(&zone.rule) {
                Match::Yes => {}
                Match::No => continue,
                Match::Failed(failure) => {
                    self.failed(&zone.rule, &failure, false);
                    continue;
                }
            }
            match self.enter(zone) {
                Ok((terms, capped)) => {
                    let needs = self.unmet(&zone.needs, &zone.rule.id);
                    if !needs.is_empty() {
                        challenges.push((zone, needs));
                    } else if best
                        .as_ref()
                        .is_none_or(|(known, _, cuts)| preference(zone, capped) < preference(known, *cuts))
                    {
                        best = Some((zone, terms, capped));
                    }
                }
                Err(reason) => self.aside(&zone.rule, reason),
            }
        }
        if let Some((zone, terms, _)) = best {
            self.name(&zone.rule);
            self.reason(because(ReasonCode::ZoneAllows, &zone.rule, "it is in a safe zone"));
            self.decision.effect = Effect::Allow;
            self.decision.path = Path::Zone(terms);
            return true;
        }
        let fewest = challenges
            .into_iter()
            .min_by(|(a, needs), (b, others)| (needs.len(), &a.rule.id).cmp(&(others.len(), &b.rule.id)));
        match fewest {
            Some((zone, needs)) if !self.request.asks_review() && self.opened.is_none() => {
                self.challenge(&[&zone.rule], needs);
                true
            }
            _ => false,
        }
    }

    pub(super) fn held(&mut self) -> bool {
        let (mut held, mut named) = (false, 0);
        for rule in self.candidates.pick(Kind::Hold, &self.policy.rules().holds) {
            match self.matches(rule) {
                Match::Yes => {
                    let reason = because(ReasonCode::Held, rule, "nothing is automatic here");
                    self.name_one_of(rule, &mut named, Some(reason));
                }
                Match::No => continue,
                Match::Failed(failure) => {
                    self.failed(rule, &failure, true);
                }
            }
            held = true;
        }
        held
    }

    /// Says on which terms a matching zone lets the request in, and whether it caps the asked time.
    fn enter(&self, zone: &Zone) -> Result<(Terms, bool), Reason> {
        if self.decision.risk > zone.max_risk {
            return Err(above(self.decision.risk, zone.max_risk, "the zone's"));
        }
        self.is_open(zone.window.as_ref())?;
        self.fulfilled(&zone.rule.obligations)?;
        let (terms, capped) = self.admit(&zone.grant)?;
        let limit = self.slots(&zone.rule.id, zone.limit)?;
        Ok((Terms { limit, ..terms }, capped))
    }

    /// Says on which terms a matching emergency rule gives access.
    fn breaks_glass(&self, rule: &Emergency) -> Result<Terms, Reason> {
        if let Some(ceiling) = rule.ceiling.filter(|ceiling| self.decision.risk > *ceiling) {
            return Err(above(self.decision.risk, ceiling, "its scope's"));
        }
        self.is_open(rule.window.as_ref())?;
        self.fulfilled(&rule.rule.obligations)?;
        let (terms, _) = self.admit(&rule.grant)?;
        Ok(Terms { limit: self.slots(&rule.rule.id, rule.limit)?, ..terms })
    }

    /// Finds the free slots of a limit in the current window. Windows start at multiples of their length
    /// since the epoch, in UTC.
    fn slots(&self, id: &str, limit: Option<LimitSpec>) -> Result<Option<Slots>, Reason> {
        let Some(limit) = limit else { return Ok(None) };
        let full = |text: String| Reason::new(ReasonCode::LimitReached, text);
        let usage: Option<&Usage> = self.request.usage();
        let used =
            usage.ok_or_else(|| full("nobody said how much of its limit is used".to_owned()))?.used(id);
        if used >= limit.count {
            return Err(full(format!("its limit of {} is used up", limit.count)));
        }
        let whose = match limit.by {
            LimitBy::Subject => self.request.subject().reference(),
            LimitBy::Resource => self.request.resource().reference(),
            LimitBy::Rule => String::new(),
        };
        let per = i64::try_from(limit.per.as_secs()).unwrap_or(i64::MAX);
        let window = self
            .now
            .timestamp()
            .checked_div_euclid(per)
            .and_then(|count| count.checked_mul(per))
            .unwrap_or(0);
        let prefix = format!("limit/{}/", crate::hex::short_digest(&[id, &whose, &window.to_string()]));
        Ok(Some(Slots { prefix, first: used.saturating_add(1), last: limit.count }))
    }
}

/// Of zones that let a request in, the least comes first: it gives the asked time, obliges to least, and would
/// give longest.
fn preference(zone: &Zone, capped: bool) -> impl Ord + '_ {
    (capped, zone.rule.obligations.len(), Reverse(zone.grant.max), &zone.rule.id)
}
