//! Timestamps and durations.
//!
//! Reads and prints RFC 3339 and `1h30m`, adds and subtracts, and takes a timestamp apart in a time zone.
//! A timestamp outside the years 1 to 9999 and a duration outside 64 bits of nanoseconds do not exist: what
//! would give one is an error. Named zones need the feature `tz`; UTC and fixed offsets do not.

use chrono::{DateTime, Datelike, FixedOffset, NaiveDateTime, TimeDelta, Timelike, Utc};

/// A part of a date or time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    FullYear,
    Month,
    Date,
    DayOfMonth,
    DayOfWeek,
    DayOfYear,
    Hours,
    Minutes,
    Seconds,
    Milliseconds,
}

/// Reads RFC 3339, in years 1 to 9999, without leap seconds.
pub(super) fn parse_timestamp(text: &str) -> Option<DateTime<Utc>> {
    let bytes = text.as_bytes();
    let strict = bytes.get(10) == Some(&b'T') && !bytes.ends_with(b"z") && bytes.len() <= TIMESTAMP;
    let parsed = DateTime::parse_from_rfc3339(text).ok().filter(|_| strict)?;
    if parsed.nanosecond() >= NANOS_PER_SECOND {
        return None;
    }
    in_range(parsed.with_timezone(&Utc))
}

/// Makes a timestamp of seconds since 1970.
pub(super) fn from_seconds(seconds: i64) -> Option<DateTime<Utc>> {
    in_range(DateTime::from_timestamp(seconds, 0)?)
}

pub(super) fn add(timestamp: DateTime<Utc>, nanoseconds: i64) -> Option<DateTime<Utc>> {
    in_range(timestamp.checked_add_signed(TimeDelta::nanoseconds(nanoseconds))?)
}

pub(super) fn subtract(timestamp: DateTime<Utc>, nanoseconds: i64) -> Option<DateTime<Utc>> {
    in_range(timestamp.checked_sub_signed(TimeDelta::nanoseconds(nanoseconds))?)
}

pub(super) fn between(later: DateTime<Utc>, earlier: DateTime<Utc>) -> Option<i64> {
    later.signed_duration_since(earlier).num_nanoseconds()
}

/// Reads a duration: numbers with the units `h m s ms us µs ns`, such as `1h30m` or `-1.5s`, or `0`.
pub(super) fn parse_duration(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.strip_prefix(['-', '+']) {
        Some(rest) => (text.starts_with('-'), rest),
        None => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() || rest.len() > DURATION {
        return None;
    }
    let mut total: i128 = 0;
    while !rest.is_empty() {
        let (nanoseconds, after) = parse_component(rest)?;
        total = total.checked_add(nanoseconds)?;
        rest = after;
    }
    i64::try_from(if negative { total.checked_neg()? } else { total }).ok()
}

fn parse_component(text: &str) -> Option<(i128, &str)> {
    let (whole, rest) = digits(text);
    let (fraction, rest) = rest.strip_prefix('.').map_or(("", rest), digits);
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let end = rest.find(|letter: char| letter.is_ascii_digit() || letter == '.').unwrap_or(rest.len());
    let (unit, rest) = rest.split_at_checked(end)?;
    let scale: i128 = match unit {
        "h" => 3_600_000_000_000,
        "m" => 60_000_000_000,
        "s" => 1_000_000_000,
        "ms" => 1_000_000,
        "us" | "µs" | "μs" => 1_000,
        "ns" => 1,
        _ => return None,
    };
    let mut total =
        if whole.is_empty() { 0 } else { whole.parse::<i64>().ok().map(i128::from)?.checked_mul(scale)? };
    let mut place = scale;
    for digit in fraction.chars() {
        place = place.checked_div(10)?;
        total = total.checked_add(i128::from(digit.to_digit(10)?).checked_mul(place)?)?;
    }
    Some((total, rest))
}

/// Prints a timestamp in UTC with as many digits of a second as it has.
pub(super) fn print_timestamp(timestamp: DateTime<Utc>) -> String {
    let mut text = format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}",
        timestamp.year(),
        timestamp.month(),
        timestamp.day(),
        timestamp.hour(),
        timestamp.minute(),
        timestamp.second()
    );
    push_fraction(&mut text, timestamp.nanosecond());
    text.push('Z');
    text
}

/// Prints a duration in seconds with as many digits as it has.
pub(super) fn print_duration(nanoseconds: i64) -> String {
    let sign = if nanoseconds < 0 { "-" } else { "" };
    let size = nanoseconds.unsigned_abs();
    let mut text = format!("{sign}{}", size / 1_000_000_000);
    push_fraction(&mut text, u32::try_from(size % 1_000_000_000).unwrap_or(0));
    text.push('s');
    text
}

/// Takes a part out of a timestamp, in UTC or in a zone. `None` if there is no such zone.
pub(super) fn part(timestamp: DateTime<Utc>, part: Part, zone: Option<&str>) -> Option<i64> {
    let local = local(timestamp, zone)?;
    let number = match part {
        Part::FullYear => return Some(i64::from(local.year())),
        Part::Month => local.month0(),
        Part::Date => local.day(),
        Part::DayOfMonth => local.day0(),
        Part::DayOfWeek => local.weekday().num_days_from_sunday(),
        Part::DayOfYear => local.ordinal0(),
        Part::Hours => local.hour(),
        Part::Minutes => local.minute(),
        Part::Seconds => local.second(),
        Part::Milliseconds => local.nanosecond() / 1_000_000,
    };
    Some(i64::from(number))
}

/// Counts the units of a duration; milliseconds are those beyond its whole seconds.
pub(super) fn duration_part(nanoseconds: i64, part: Part) -> Option<i64> {
    Some(match part {
        Part::Hours => nanoseconds / 3_600_000_000_000,
        Part::Minutes => nanoseconds / 60_000_000_000,
        Part::Seconds => nanoseconds / 1_000_000_000,
        Part::Milliseconds => nanoseconds % 1_000_000_000 / 1_000_000,
        _ => return None,
    })
}

/// Says whether a text names a zone that this build knows.
pub(crate) fn is_zone(zone: &str) -> bool {
    DateTime::from_timestamp(0, 0).is_some_and(|epoch| local(epoch, Some(zone)).is_some())
}

/// Tells what a clock in a zone shows. `None` if there is no such zone.
pub(crate) fn local_time(timestamp: DateTime<Utc>, zone: &str) -> Option<NaiveDateTime> {
    local(timestamp, Some(zone))
}

fn local(timestamp: DateTime<Utc>, zone: Option<&str>) -> Option<NaiveDateTime> {
    match zone {
        None | Some("UTC" | "") => Some(timestamp.naive_utc()),
        Some(zone) => match offset(zone) {
            Some(offset) => timestamp.naive_utc().checked_add_offset(offset),
            None => named(timestamp, zone),
        },
    }
}

/// Reads `+HH:MM`, `-HH:MM` or `HH:MM`.
fn offset(zone: &str) -> Option<FixedOffset> {
    let unsigned = zone.strip_prefix(['+', '-']).unwrap_or(zone);
    let (hours, minutes) = unsigned.split_once(':')?;
    if hours.len() != 2
        || minutes.len() != 2
        || !hours.bytes().chain(minutes.bytes()).all(|b| b.is_ascii_digit())
    {
        return None;
    }
    let (hours, minutes) =
        (hours.parse::<i32>().ok()?, minutes.parse::<i32>().ok().filter(|value| *value < 60)?);
    let seconds = hours.checked_mul(3_600)?.checked_add(minutes.checked_mul(60)?)?;
    FixedOffset::east_opt(if zone.starts_with('-') { seconds.checked_neg()? } else { seconds })
}

#[cfg(feature = "tz")]
fn named(timestamp: DateTime<Utc>, zone: &str) -> Option<NaiveDateTime> {
    use chrono::{Offset, TimeZone};

    let zone: chrono_tz::Tz = zone.parse().ok()?;
    let utc = timestamp.naive_utc();
    utc.checked_add_offset(zone.offset_from_utc_datetime(&utc).fix())
}

#[cfg(not(feature = "tz"))]
fn named(_: DateTime<Utc>, _: &str) -> Option<NaiveDateTime> {
    None
}

fn in_range(timestamp: DateTime<Utc>) -> Option<DateTime<Utc>> {
    (1..=9999).contains(&timestamp.year()).then_some(timestamp)
}

fn digits(text: &str) -> (&str, &str) {
    let end = text.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(text.len());
    text.split_at_checked(end).unwrap_or((text, ""))
}

fn push_fraction(text: &mut String, nanoseconds: u32) {
    if nanoseconds != 0 {
        text.push('.');
        text.push_str(format!("{nanoseconds:09}").trim_end_matches('0'));
    }
}

const NANOS_PER_SECOND: u32 = 1_000_000_000;

/// Bytes of a timestamp's text: the longest useful one has 35.
const TIMESTAMP: usize = 64;

/// Bytes of a duration's text: every unit once with all its digits.
const DURATION: usize = 128;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read() {
        for (text, expected) in [
            ("0", Some(0)),
            ("1h30m", Some(5_400_000_000_000)),
            ("-1.5s", Some(-1_500_000_000)),
            (".5ms", Some(500_000)),
            ("1.000000001s", Some(1_000_000_001)),
            ("2562047h47m16.854775807s", Some(i64::MAX)),
            ("-2562047h47m16.854775808s", Some(i64::MIN)),
            ("2562047h47m16.854775808s", None),
            ("", None),
            ("-", None),
            ("1", None),
            ("1d", None),
            ("1e4s", None),
            (".s", None),
            ("1 s", None),
            ("nans", None),
        ] {
            assert_eq!(parse_duration(text), expected, "{text}");
        }
        assert_eq!(print_duration(-1_500_000_000), "-1.5s");
        assert_eq!(print_duration(i64::MIN), "-9223372036.854775808s");
    }

    #[test]
    fn timestamps_are_read_strictly() {
        for text in ["2009-02-13T23:31:30Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z"] {
            assert_eq!(print_timestamp(parse_timestamp(text).unwrap()), text);
        }
        for text in [
            "",
            "2009-02-13",
            "2009-02-13 23:31:30Z",
            "2009-02-13T23:31:30z",
            "2009-02-13T23:31:30",
            "0000-01-01T00:00:00Z",
            "10000-01-01T00:00:00Z",
            "0001-01-01T00:00:00+01:00",
            "2016-12-31T23:59:60Z",
        ] {
            assert_eq!(parse_timestamp(text), None, "{text}");
        }
    }

    #[test]
    fn a_zone_is_an_offset_or_utc() {
        let at = parse_timestamp("2009-02-13T23:31:30Z").unwrap();
        assert_eq!(part(at, Part::Hours, Some("02:00")), Some(1));
        assert_eq!(part(at, Part::Minutes, Some("-09:30")), Some(1));
        assert_eq!(part(at, Part::Hours, Some("UTC")), Some(23));
        for zone in ["+25:00", "+2:00", "+02:60", "02", "Not/AZone", "+02:00:00"] {
            assert!(!is_zone(zone), "{zone}");
        }
    }
}
