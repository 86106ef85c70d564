//! Whether a grant may hold for longer, and until when.
//!
//! An extension is asked of people like anything else, and no zone or emergency gives one. It counts from the
//! end of the grant that it extends, under the bounds of the rules that match by now; all extensions of a grant
//! together hold no longer than the host lets one grant.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::Run;
use super::terms::print;
use crate::decision::{Reason, ReasonCode, Terms};
use crate::policy::Bounds;
use crate::request::{Extended, Known};

impl Run<'_> {
    /// Says whether nobody knows the grant.
    pub(super) fn unknown(&mut self, extended: &Extended) -> bool {
        if self.request.is_emergency() {
            let text = "break-glass access extends no grant";
            self.reason(Reason::new(ReasonCode::EmergencyRefused, text));
        }
        if extended.known.is_none() {
            self.reason(refused("nobody showed the grant that it extends".to_owned()));
        }
        extended.known.is_none()
    }

    /// Finds until when the bounds let a grant hold.
    ///
    /// # Errors
    ///
    /// Why it is not extended.
    pub(super) fn prolong(&self, bounds: &Bounds, known: &Known) -> Result<Terms, Reason> {
        let Some(extend) = bounds.extend else {
            return Err(refused("its grants cannot be extended".to_owned()));
        };
        if known.times >= extend.times {
            let times = extend.times;
            return Err(refused(format!("a grant is extended {times} times at most")));
        }
        if self.now >= known.ends {
            return Err(refused(format!("the grant ended at {}", print(known.ends))));
        }
        let earliest = bounds.not_before.as_ref().map(|program| self.earliest(program)).transpose()?;
        let later = earliest.filter(|start| *start > self.now);
        if self.asked_start(bounds)?.or(later).is_some() {
            let text = "an extension begins at once";
            return Err(Reason::new(ReasonCode::StartTooLate, text));
        }
        let asked = self.request.duration().unwrap_or(bounds.default.min(extend.max));
        let least = bounds.min.min(extend.max);
        if asked < least {
            return Err(Reason::duration(ReasonCode::DurationTooShort, asked, least));
        }
        if asked > extend.max && !bounds.caps {
            return Err(Reason::duration(ReasonCode::DurationTooLong, asked, extend.max));
        }
        let wanted = after(known.ends, asked.min(extend.max));
        let latest = after(known.begins, extend.longest);
        if latest <= known.ends || (wanted > latest && !bounds.caps) {
            let whole = wanted.signed_duration_since(known.begins).to_std().unwrap_or_default();
            return Err(Reason::duration(ReasonCode::DurationTooLong, whole, extend.longest));
        }
        let until = bounds.until.as_ref().map(|until| self.time(until, &self.inputs, "until")).transpose()?;
        let ends = until.into_iter().fold(wanted.min(latest), DateTime::min);
        if ends <= known.ends {
            return Err(refused(format!("it would end at {}, no later than it does", print(ends))));
        }
        let length = ends.signed_duration_since(self.now);
        let duration = Duration::from_secs(length.num_seconds().unsigned_abs());
        let (max_uses, use_within) = (bounds.max_uses, bounds.use_within);
        Ok(Terms { duration, start: None, until: Some(ends), max_uses, use_within, limit: None })
    }
}

fn after(time: DateTime<Utc>, span: Duration) -> DateTime<Utc> {
    let span = TimeDelta::from_std(span).unwrap_or(TimeDelta::MAX);
    time.checked_add_signed(span).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn refused(text: String) -> Reason {
    Reason::new(ReasonCode::ExtensionRefused, text)
}
