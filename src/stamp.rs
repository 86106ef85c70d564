//! The time and the chance that a recorded call may use.
//!
//! A library without a clock and without randomness takes both from its host, in one value that moves.
//! Every id that a step makes comes from its stamp, so equal inputs give equal bytes, and a stamp cannot
//! be used for two steps.

use std::fmt;

use chrono::{DateTime, SubsecRound, Timelike, Utc};
use sha2::{Digest, Sha256};

/// The time of a step and 32 random bytes, for one use.
///
/// The time is cut to microseconds, which is what records hold. The bytes must come from a
/// cryptographic source: ids of grants and reviews are made from them and must not be guessed.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use countersign::Stamp;
///
/// let now: DateTime<Utc> = "2026-11-23T10:00:00Z".parse()?;
/// let random = [7; 32]; // from the operating system
/// let stamp = Stamp::new(now, random);
/// # let _ = stamp;
/// # Ok::<(), chrono::ParseError>(())
/// ```
///
/// A stamp moves into the call that uses it:
///
/// ```compile_fail,E0382
/// # use countersign::{Stamp, Step};
/// fn twice(stamp: Stamp) {
///     let first = Step::note("deploy.started", serde_json::json!({}), stamp);
///     let second = Step::note("deploy.done", serde_json::json!({}), stamp);
/// }
/// ```
pub struct Stamp {
    now: DateTime<Utc>,
    random: [u8; 32],
}

impl Stamp {
    /// Takes the time and 32 random bytes.
    #[must_use]
    pub fn new(now: DateTime<Utc>, random: [u8; 32]) -> Self {
        // chrono writes a leap second as more than 999,999,999 nanoseconds; a record has no place for it.
        let whole = if now.nanosecond() > 999_999_999 { now.with_nanosecond(999_999_999) } else { None };
        Self { now: whole.unwrap_or(now).trunc_subsecs(6), random }
    }

    /// Returns the time, in whole microseconds.
    pub(crate) fn now(&self) -> DateTime<Utc> {
        self.now
    }

    /// Makes the id that belongs to a label: 26 letters and digits, 130 bits. Different labels of one
    /// stamp give unrelated ids, and no id tells the random bytes.
    pub(crate) fn id(&self, label: &str) -> String {
        let mut hasher = Sha256::new();
        hasher.update(b"countersign/id/v1\0");
        hasher.update(self.random);
        hasher.update(label.as_bytes());
        base32(&hasher.finalize(), ID_LETTERS)
    }
}

impl Stamp {
    /// Makes the salt of a value that a record commits to. It is as random as the stamp's bytes, and nothing
    /// that is stored tells it: not the ids, and no other salt.
    pub(crate) fn salt(&self, record: &str, path: &str) -> [u8; 32] {
        let mut hasher = Sha256::new();
        hasher.update(b"countersign/salt/v1\0");
        hasher.update(self.random);
        hasher.update(record.as_bytes());
        hasher.update([0]);
        hasher.update(path.as_bytes());
        hasher.finalize().into()
    }
}

impl fmt::Debug for Stamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Stamp").field("now", &self.now).finish_non_exhaustive()
    }
}

/// Writes the first `letters` groups of five bits, in the lower-case alphabet of RFC 4648, section 6.
fn base32(bytes: &[u8], letters: usize) -> String {
    let (mut bits, mut held) = (0_u32, 0_u32);
    let mut text = String::with_capacity(letters);
    let mut bytes = bytes.iter();
    while text.len() < letters {
        if held < 5 {
            bits = (bits << 8) | u32::from(bytes.next().copied().unwrap_or(0));
            held = held.saturating_add(8);
        }
        held = held.saturating_sub(5);
        let group = (bits >> held) & 0x1f;
        let letter =
            if group < 26 { group.saturating_add(u32::from(b'a')) } else { group.saturating_add(24) };
        text.push(char::from_u32(letter).unwrap_or('a'));
        bits &= 0xff;
    }
    text
}

/// 26 letters of five bits are 130 bits: enough that no two ids ever meet by chance.
const ID_LETTERS: usize = 26;

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp() -> Stamp {
        Stamp::new("2026-11-23T10:00:00.123456789Z".parse().unwrap(), [7; 32])
    }

    #[test]
    fn base32_matches_rfc_4648() {
        assert_eq!(base32(b"foobar", 9), "mzxw6ytbo");
        assert_eq!(base32(&[0xff; 32], 26), "7".repeat(26));
    }

    #[test]
    fn time_is_cut_to_microseconds() {
        assert_eq!(stamp().now().timestamp_subsec_nanos(), 123_456_000);
    }

    #[test]
    fn leap_second_stays_within_its_second() {
        let leap = "2016-12-31T23:59:60.5Z".parse().unwrap();
        assert_eq!(Stamp::new(leap, [0; 32]).now().timestamp_subsec_nanos(), 999_999_000);
    }

    #[test]
    fn ids_depend_on_the_label_and_on_the_bytes() {
        assert_eq!(stamp().id("a"), stamp().id("a"));
        assert_ne!(stamp().id("a"), stamp().id("b"));
        assert_ne!(stamp().id("a"), Stamp::new(stamp().now(), [8; 32]).id("a"));
        assert_eq!(stamp().id("a").len(), 26);
    }

    #[test]
    fn debug_text_hides_the_random_bytes() {
        assert_eq!(format!("{:?}", stamp()), "Stamp { now: 2026-11-23T10:00:00.123456Z, .. }");
    }
}
