//! Times as records write them: `YYYY-MM-DDTHH:MM:SS.ffffffZ`, 27 bytes.
//!
//! One time has one text, and texts sort as times do. Years outside 0 to 9999 have none.

use chrono::{DateTime, Datelike, NaiveDate, Timelike, Utc};

/// Appends the text of a time. `None` if the year has no four digits.
pub(super) fn write(out: &mut String, time: DateTime<Utc>) -> Option<()> {
    let year = year(time)?;
    let time = time.naive_utc();
    let micros = (time.nanosecond() / 1_000).min(999_999);
    digits(out, year, 1_000);
    for (mark, part) in [('-', time.month()), ('-', time.day()), ('T', time.hour()), (':', time.minute())] {
        out.push(mark);
        digits(out, part, 10);
    }
    out.push(':');
    digits(out, time.second(), 10);
    out.push('.');
    digits(out, micros, 100_000);
    out.push('Z');
    Some(())
}

/// Says whether a time has a text.
pub(super) fn is_writable(time: DateTime<Utc>) -> bool {
    year(time).is_some()
}

/// Reads a time that stands exactly as [`write`] writes it.
pub(super) fn read(text: &str) -> Option<DateTime<Utc>> {
    let marks = [(4, b'-'), (7, b'-'), (10, b'T'), (13, b':'), (16, b':'), (19, b'.'), (26, b'Z')];
    let bytes = text.as_bytes();
    if bytes.len() != 27 || marks.iter().any(|(at, mark)| bytes.get(*at) != Some(mark)) {
        return None;
    }
    let number = |from: usize, to: usize| {
        bytes.get(from..to)?.iter().try_fold(0_u32, |number, byte| {
            let digit = char::from(*byte).to_digit(10)?;
            number.checked_mul(10)?.checked_add(digit)
        })
    };
    let date = NaiveDate::from_ymd_opt(i32::try_from(number(0, 4)?).ok()?, number(5, 7)?, number(8, 10)?)?;
    let time = date.and_hms_micro_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 26)?)?;
    Some(time.and_utc())
}

fn year(time: DateTime<Utc>) -> Option<u32> {
    u32::try_from(time.naive_utc().year()).ok().filter(|year| *year <= 9_999)
}

/// Appends a number with as many digits as `place`, its highest decimal place.
fn digits(out: &mut String, number: u32, mut place: u32) {
    while place > 0 {
        let digit = number.checked_div(place).unwrap_or(0).checked_rem(10).unwrap_or(0);
        out.push(char::from_digit(digit, 10).unwrap_or('0'));
        place /= 10;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_round_trips() {
        for text in
            ["2026-11-23T10:00:00.000001Z", "0000-01-01T00:00:00.000000Z", "9999-12-31T23:59:59.999999Z"]
        {
            let mut out = String::new();
            write(&mut out, read(text).unwrap()).unwrap();
            assert_eq!(out, text);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for text in [
            "2026-11-23T10:00:00Z",
            "2026-11-23T10:00:00.000000+00:00",
            "2026-11-23t10:00:00.000000Z",
            "2026-02-30T10:00:00.000000Z",
            "2026-11-23T24:00:00.000000Z",
            "2026-11-23T10:00:60.000000Z",
            "2026-11-23T10:00:00.00000 Z",
            "+026-11-23T10:00:00.000000Z",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }

    #[test]
    fn years_without_four_digits_have_no_text() {
        let mut out = String::new();
        assert_eq!(write(&mut out, DateTime::<Utc>::MAX_UTC), None);
        assert_eq!(write(&mut out, DateTime::<Utc>::MIN_UTC), None);
    }
}
