//! For how long, and from when to when: the asked time within the bounds of a rule.

use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};

use super::Run;
use crate::cel::{Datum, Input, Program};
use crate::decision::{Reason, ReasonCode, Terms};
use crate::policy::{Bounds, Window};
use crate::span_of_time;

impl Run<'_> {
    /// Finds on which terms the bounds give what is asked, and whether they cut the asked time short.
    ///
    /// # Errors
    ///
    /// The reason why the asked time is refused.
    pub(super) fn admit(&self, bounds: &Bounds) -> Result<(Terms, bool), Reason> {
        if let Some(known) = self.request.extended().and_then(|extended| extended.known.as_ref()) {
            return self.prolong(bounds, known).map(|terms| (terms, false));
        }
        let asked = self.request.duration();
        let earliest = bounds.not_before.as_ref().map(|program| self.earliest(program)).transpose()?;
        let later = [earliest, Some(self.clock)].into_iter().flatten().filter(|start| *start > self.now);
        let start = self.asked_start(bounds)?.into_iter().chain(later).max();
        let until = bounds.until.as_ref().map(|until| self.time(until, &self.inputs, "until")).transpose()?;
        let (duration, max_uses, use_within) = (bounds.admit(asked)?, bounds.max_uses, bounds.use_within);
        let terms = Terms { duration, start, until, max_uses, use_within, limit: None };
        let terms = self.long_enough(terms, bounds.min)?;
        let capped = asked.is_some_and(|asked| asked > terms.duration);
        Ok((terms, capped))
    }

    /// Cuts a grant at its latest end.
    ///
    /// # Errors
    ///
    /// The reason, where less than the minimum is left.
    pub(super) fn long_enough(&self, terms: Terms, least: Duration) -> Result<Terms, Reason> {
        if terms.duration < least {
            return Err(Reason::duration(ReasonCode::DurationTooShort, terms.duration, least));
        }
        let Some(until) = terms.until else { return Ok(terms) };
        let left = until.signed_duration_since(terms.start.unwrap_or(self.now)).max(TimeDelta::zero());
        let left = Duration::from_secs(left.num_seconds().unsigned_abs());
        if left < least || left.is_zero() {
            return Err(ends_too_early(until, left, least));
        }
        Ok(Terms { duration: terms.duration.min(left), ..terms })
    }

    /// Says whether an opening rule is open: now, and when the grant is to start.
    pub(super) fn is_open(&self, window: Option<&Window>) -> Result<(), Reason> {
        let Some(window) = window else { return Ok(()) };
        for at in [Some(self.now), self.later_start(), Some(self.clock)].into_iter().flatten() {
            if !window.contains(at) {
                let next = window.next_opening(at).map(print);
                let text = match &next {
                    Some(next) => format!("it is outside its window at {}, which opens at {next}", print(at)),
                    None => format!("it is outside its window at {}", print(at)),
                };
                let reason = Reason::new(ReasonCode::OutsideWindow, text);
                return Err(match next {
                    Some(next) => reason.with_detail(next),
                    None => reason,
                });
            }
        }
        Ok(())
    }

    /// The asked start, where it is still ahead.
    pub(super) fn later_start(&self) -> Option<DateTime<Utc>> {
        self.request.not_before().filter(|start| *start > self.now)
    }

    pub(super) fn asked_start(&self, bounds: &Bounds) -> Result<Option<DateTime<Utc>>, Reason> {
        let Some(start) = self.later_start() else { return Ok(None) };
        let longest = bounds.start_later.unwrap_or_default();
        let ahead = start.signed_duration_since(self.now);
        if TimeDelta::from_std(longest).is_ok_and(|longest| ahead <= longest) {
            return Ok(Some(start));
        }
        let text = match bounds.start_later {
            None => "its grants start at once, none later can be asked for".to_owned(),
            Some(_) => format!("a grant can start {} from now at the latest", span_of_time::print(longest)),
        };
        Err(Reason::new(ReasonCode::StartTooLate, text).with_detail(span_of_time::print(longest)))
    }

    /// Computes the earliest start, which counts from now also as of a later one: else it would move with it.
    pub(super) fn earliest(&self, program: &Program) -> Result<DateTime<Utc>, Reason> {
        if self.clock == self.now {
            return self.time(program, &self.inputs, "not_before");
        }
        let mut inputs = self.inputs.clone();
        if let Some(place) = inputs.get_mut(self.policy.schema().members.now.index()) {
            *place = self.now.into();
        }
        self.time(program, &inputs, "not_before")
    }

    /// Computes a time. What fails never loosens: the rule gives nothing.
    pub(super) fn time(
        &self,
        program: &Program,
        inputs: &[Input<'_>],
        key: &str,
    ) -> Result<DateTime<Utc>, Reason> {
        let detail = match program.evaluate(inputs) {
            Ok(Datum::Timestamp(time)) => return Ok(time),
            Ok(_) => "it is no timestamp".to_owned(),
            Err(failure) => self.describe(&failure),
        };
        let text = format!("its `{key}` could not be evaluated: {detail}");
        Err(Reason::new(ReasonCode::RuleFailed, text).with_detail(detail))
    }
}

impl Bounds {
    /// Finds how long a grant holds: the asked time within the bounds, capped only where the rule caps.
    ///
    /// # Errors
    ///
    /// The reason why the asked time is refused.
    pub(crate) fn admit(&self, asked: Option<Duration>) -> Result<Duration, Reason> {
        let asked = asked.unwrap_or(self.default);
        // A grant that holds for no second is none.
        let least = self.min.max(Duration::from_secs(1));
        if asked < least || self.max < least {
            return Err(Reason::duration(ReasonCode::DurationTooShort, asked.min(self.max), least));
        }
        if asked > self.max && !self.caps {
            return Err(Reason::duration(ReasonCode::DurationTooLong, asked, self.max));
        }
        Ok(asked.min(self.max))
    }
}

impl Terms {
    /// Joins what two rules give, both of which must hold: the narrowest of each. Who joins terms with limits
    /// sees to it that they count together.
    pub(in crate::decision) fn join(self, other: Self) -> Self {
        let least = |a: Option<u64>, b: Option<u64>| a.into_iter().chain(b).min();
        let use_within = self.use_within.into_iter().chain(other.use_within).min();
        let max_uses = least(self.max_uses, other.max_uses);
        Self {
            duration: self.duration.min(other.duration),
            start: self.start.max(other.start),
            until: self.until.into_iter().chain(other.until).min(),
            // A deadline for the first use says nothing of a second one.
            max_uses: if use_within.is_some() { max_uses.min(Some(1)).or(max_uses) } else { max_uses },
            use_within,
            limit: self.limit.or(other.limit),
        }
    }
}

fn ends_too_early(until: DateTime<Utc>, left: Duration, least: Duration) -> Reason {
    let (left, least) = (span_of_time::print(left), span_of_time::print(least));
    let text =
        format!("a grant would end at {} and hold for {left}, below the minimum of {least}", print(until));
    Reason::new(ReasonCode::DurationTooShort, text).with_detail(least)
}

pub(super) fn print(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, true)
}
