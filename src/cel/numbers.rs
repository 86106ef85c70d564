//! Numbers of three types, compared and converted.
//!
//! Integers compare by the number they stand for; beside a double they are rounded to one, as the conformance
//! suite has it. A conversion that would lose the range is refused; these are the only casts of the language.

use std::cmp::Ordering;

/// The nearest double of an integer.
#[expect(clippy::as_conversions, reason = "rounds to nearest; the language defines double(int) so")]
pub(super) fn double_of_int(number: i64) -> f64 {
    number as f64
}

/// The nearest double of an unsigned integer.
#[expect(clippy::as_conversions, reason = "rounds to nearest; the language defines double(uint) so")]
pub(super) fn double_of_uint(number: u64) -> f64 {
    number as f64
}

/// The integer part of a double inside the open range (-2^63, 2^63).
#[expect(clippy::as_conversions, reason = "the range is checked before, the fraction is dropped as defined")]
pub(super) fn int_of_double(number: f64) -> Option<i64> {
    (number > -TWO_63 && number < TWO_63).then_some(number as i64)
}

/// The integer part of a double inside [0, 2^64).
#[expect(clippy::as_conversions, reason = "the range is checked before, the fraction is dropped as defined")]
pub(super) fn uint_of_double(number: f64) -> Option<u64> {
    (0.0..TWO_64).contains(&number).then_some(number as u64)
}

pub(super) fn compare_int_uint(left: i64, right: u64) -> Ordering {
    u64::try_from(left).map_or(Ordering::Less, |left| left.cmp(&right))
}

/// Compares as doubles, and by range where the double is beyond all integers; a NaN compares with nothing.
pub(super) fn compare_int_double(left: i64, right: f64) -> Option<Ordering> {
    if right > TWO_63 {
        return Some(Ordering::Less);
    }
    double_of_int(left).partial_cmp(&right)
}

/// Compares as doubles, and by range where the double is beyond all integers; a NaN compares with nothing.
pub(super) fn compare_uint_double(left: u64, right: f64) -> Option<Ordering> {
    if right > TWO_64 {
        return Some(Ordering::Less);
    }
    double_of_uint(left).partial_cmp(&right)
}

const TWO_63: f64 = 9_223_372_036_854_775_808.0;
const TWO_64: f64 = 18_446_744_073_709_551_616.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_compare_with_doubles_as_doubles() {
        assert_eq!(compare_int_double(i64::MAX, TWO_63), Some(Ordering::Equal));
        assert_eq!(compare_int_double(i64::MIN, -TWO_63), Some(Ordering::Equal));
        assert_eq!(compare_int_double(-1, -1.5), Some(Ordering::Greater));
        assert_eq!(compare_int_double(1, 1.5), Some(Ordering::Less));
        assert_eq!(compare_int_double(0, -0.0), Some(Ordering::Equal));
        assert_eq!(compare_int_double(i64::MAX, f64::INFINITY), Some(Ordering::Less));
        assert_eq!(compare_uint_double(u64::MAX, TWO_64 * 2.0), Some(Ordering::Less));
        assert_eq!(compare_uint_double(0, -0.5), Some(Ordering::Greater));
        assert_eq!(compare_uint_double(1, f64::NAN), None);
        assert_eq!(compare_int_uint(-1, 0), Ordering::Less);
    }

    #[test]
    fn a_double_out_of_range_is_no_integer() {
        assert_eq!(int_of_double(TWO_63), None);
        assert_eq!(int_of_double(-TWO_63), None);
        assert_eq!(int_of_double(f64::NAN), None);
        assert_eq!(int_of_double(-1.9), Some(-1));
        assert_eq!(uint_of_double(-0.5), None);
        assert_eq!(uint_of_double(-1.0), None);
        assert_eq!(uint_of_double(TWO_64), None);
    }
}
