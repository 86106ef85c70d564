//! Windows of time: on which days, from when to when, on whose clock.
//!
//! A window says what a clock on a wall of that place says: where clocks are put forward, the skipped hour
//! is in no window; where they are put back, both of the repeated hours are in it. An end is no part of its
//! window. A window that reaches over midnight belongs to the day on which it opens.

use chrono::{DateTime, Datelike, Days, NaiveDateTime, NaiveTime, TimeDelta, Utc, Weekday};

use super::error::Faults;
use super::node::{Content, Fields, Node, Text};
use crate::cel::{is_zone, local_time};

/// `within = { days = ["mon-fri"], from = "09:00", to = "17:00", tz = "Europe/Berlin" }`, or a list of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Window {
    openings: Vec<Opening>,
}

/// One of the times at which a window is open.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Opening {
    /// From Monday on.
    days: [bool; 7],
    /// Minutes after midnight.
    from: u32,
    /// Minutes after the midnight before `from`: beyond 24 hours, it is on the next day.
    to: u32,
    zone: String,
}

impl Window {
    /// Reads `within`, where it is stated.
    pub(crate) fn take(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        fields.take("within").and_then(|node| Self::read(node, faults))
    }

    /// Reads a window. It is `None` where there is a fault.
    pub(crate) fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let parts = node.one_or_many();
        if parts.is_empty() {
            faults.add(&node.span, "never open: expected at least one window");
        }
        let openings: Vec<Opening> = parts.iter().filter_map(|part| Opening::read(part, faults)).collect();
        (!openings.is_empty() && openings.len() == parts.len()).then_some(Self { openings })
    }

    /// Says whether a moment is in the window.
    pub(crate) fn contains(&self, at: DateTime<Utc>) -> bool {
        self.openings.iter().any(|opening| opening.contains(at))
    }

    /// Finds the first second at or after a moment that is in the window; a moment in it is its own.
    pub(crate) fn next_opening(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        self.openings.iter().filter_map(|opening| opening.next_opening(after)).min()
    }
}

impl Opening {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, EXAMPLE)?;
        let days = fields.take("days").map_or(Some([true; 7]), |node| days(node, faults));
        let from = fields.text(faults, "from");
        let from = from.map_or(Some(0), |text| minutes(&text, faults, LAST_MINUTE));
        let to = fields.text(faults, "to");
        let to = to.map_or(Some(MIDNIGHT), |text| minutes(&text, faults, MIDNIGHT));
        let zone = fields.text(faults, "tz");
        if let Some(zone) = zone.as_ref().filter(|zone| zone.text.is_empty() || !is_zone(&zone.text)) {
            let found = crate::text::quote(&zone.text);
            let named = if cfg!(feature = "tz") { "" } else { ": names need the feature `tz`" };
            let fault = format!(
                "unknown time zone `{found}`, expected one such as `UTC`, `+01:00` or `Europe/Berlin`{named}"
            );
            faults.add(&zone.span, fault);
        }
        if !["days", "from", "to"].iter().any(|name| fields.holds(name)) {
            faults.add(&node.span, "always open: expected `days`, `from` or `to`");
        }
        fields.finish(faults);
        let (days, from, to) = (days?, from?, to?);
        if from == to {
            faults.add(&node.span, "never open: `from` and `to` are the same time");
        }
        let to = if to > from { to } else { to.saturating_add(MIDNIGHT) };
        Some(Self { days, from, to, zone: zone.map_or_else(|| "UTC".to_owned(), |zone| zone.text) })
    }

    fn contains(&self, at: DateTime<Utc>) -> bool {
        self.local(at).is_some_and(|local| self.shows(local))
    }

    /// Says whether a clock that shows this time is in the window, of this day or of the one before.
    fn shows(&self, local: NaiveDateTime) -> bool {
        let minute = seconds(local.time()) / 60;
        let opens_on = |day: Weekday| self.days.iter().zip(WEEK).any(|(open, known)| *open && known == day);
        let today = opens_on(local.weekday()) && (self.from..self.to).contains(&minute);
        let since_yesterday = minute.saturating_add(MIDNIGHT);
        today || (opens_on(local.weekday().pred()) && (self.from..self.to).contains(&since_yesterday))
    }

    /// Goes from opening to opening as the clock shows them, and looks closer where the clock is put forward
    /// or back on the way.
    fn next_opening(&self, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let mut at = after;
        for _ in 0..STEPS {
            let local = self.local(at)?;
            if self.shows(local) {
                return Some(at);
            }
            let next = at.checked_add_signed(self.until_opening(local)?)?;
            at = if self.offset(next)? == self.offset(at)? { next } else { self.change(at, next)? };
        }
        None
    }

    /// How long a clock that shows this time, outside the window, takes to show the next opening.
    fn until_opening(&self, local: NaiveDateTime) -> Option<TimeDelta> {
        let from = NaiveTime::from_num_seconds_from_midnight_opt(self.from.saturating_mul(60), 0)?;
        (0..=7).find_map(|days| {
            let opening = local.date().checked_add_days(Days::new(days))?.and_time(from);
            (opening > local && self.shows(opening)).then(|| opening.signed_duration_since(local))
        })
    }

    /// Finds the second at which the clock changes between two moments of different offsets.
    fn change(&self, before: DateTime<Utc>, after: DateTime<Utc>) -> Option<DateTime<Utc>> {
        let offset = self.offset(before)?;
        let (mut low, mut high) = (before.timestamp(), after.timestamp());
        while high.saturating_sub(low) > 1 {
            let middle = low.midpoint(high);
            let same = self.offset(DateTime::from_timestamp(middle, 0)?)? == offset;
            (low, high) = if same { (middle, high) } else { (low, middle) };
        }
        DateTime::from_timestamp(high, 0)
    }

    fn offset(&self, at: DateTime<Utc>) -> Option<TimeDelta> {
        Some(self.local(at)?.signed_duration_since(at.naive_utc()))
    }

    fn local(&self, at: DateTime<Utc>) -> Option<NaiveDateTime> {
        local_time(at, &self.zone)
    }
}

/// Reads `["mon-fri", "sun"]`.
fn days(node: &Node, faults: &mut Faults<'_>) -> Option<[bool; 7]> {
    let mut open = [false; 7];
    let parts = node.list(faults, "a list such as `[\"mon-fri\"]`");
    if parts.is_empty() && matches!(node.content, Content::List(_)) {
        faults.add(&node.span, "never open: expected at least one day");
    }
    for part in parts {
        let text = part.text(faults, "a day such as `mon`, or days such as `mon-fri`")?;
        let (first, last) = text.text.split_once('-').unwrap_or((&text.text, &text.text));
        let position = |name: &str| DAYS.iter().position(|known| *known == name);
        let (Some(first), Some(last)) = (position(first), position(last)) else {
            let found = crate::text::quote(&text.text);
            faults.add(
                &text.span,
                format!("expected a day such as `mon`, or days such as `mon-fri`, found `{found}`"),
            );
            return None;
        };
        for (day, open) in open.iter_mut().enumerate() {
            let between =
                if first <= last { first <= day && day <= last } else { day >= first || day <= last };
            *open |= between;
        }
    }
    Some(open)
}

/// Reads `17:30`, in minutes after midnight.
fn minutes(text: &Text, faults: &mut Faults<'_>, latest: u32) -> Option<u32> {
    let two = |digits: &str| {
        (digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_digit()))
            .then(|| digits.parse().ok())?
    };
    let read = text.text.split_once(':').and_then(|(hours, minutes)| {
        let (hours, minutes): (u32, u32) = (two(hours)?, two(minutes)?);
        (minutes < 60).then(|| hours.saturating_mul(60).saturating_add(minutes))
    });
    let minutes = read.filter(|minutes| *minutes <= latest);
    if minutes.is_none() {
        let latest = if latest == MIDNIGHT { "24:00" } else { "23:59" };
        faults.add(&text.span, format!("expected a time from `00:00` to `{latest}`"));
    }
    minutes
}

fn seconds(time: NaiveTime) -> u32 {
    chrono::Timelike::num_seconds_from_midnight(&time)
}

const EXAMPLE: &str =
    "a table such as `{ days = [\"mon-fri\"], from = \"09:00\", to = \"17:00\", tz = \"UTC\" }`";

const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

const WEEK: [Weekday; 7] =
    [Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri, Weekday::Sat, Weekday::Sun];

/// Minutes of a day.
const MIDNIGHT: u32 = 24 * 60;

const LAST_MINUTE: u32 = MIDNIGHT - 1;

/// Openings and clock changes that are looked at: the next opening is at most a week off, and no place puts
/// its clocks forward or back more than a few times a year.
const STEPS: usize = 32;

#[cfg(test)]
#[cfg(feature = "toml")]
#[path = "window/tests.rs"]
mod tests;
