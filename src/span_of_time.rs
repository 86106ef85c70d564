//! Spans of time as people write them: `15m`, `1h30m`, `7d`.

use std::time::Duration;

/// The units, largest first, in seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// Reads a span of whole units, each unit at most once and larger ones first.
pub(crate) fn parse(text: &str) -> Option<Duration> {
    let mut rest = text;
    let mut seconds = 0_u64;
    for (unit, length) in UNITS {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, tail) = rest.split_at_checked(digits)?;
        if let Some(tail) = tail.strip_prefix(unit) {
            seconds = seconds.checked_add(number.parse::<u64>().ok()?.checked_mul(length)?)?;
            rest = tail;
        }
    }
    (rest.is_empty() && !text.is_empty()).then(|| Duration::from_secs(seconds))
}

/// Writes a span as people do.
pub(crate) fn print(span: Duration) -> String {
    let mut rest = span.as_secs();
    let mut text = String::new();
    for (unit, length) in UNITS {
        let count = rest.checked_div(length).unwrap_or(0);
        rest = rest.saturating_sub(count.saturating_mul(length));
        if count > 0 {
            text.push_str(&format!("{count}{unit}"));
        }
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_round_trip() {
        for text in ["15m", "1h30m", "7d", "1d2h3m4s", "0s"] {
            assert_eq!(parse(text).map(print).as_deref(), Some(text));
        }
    }

    #[test]
    fn what_is_not_a_span_is_refused() {
        for text in
            ["", "15", "m", "1m1h", "1m1m", "-1m", "1.5h", " 1m", "1M", "99999999999999999999d", "1h30"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
