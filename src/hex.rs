//! Lower-case hexadecimal text of bytes.

use sha2::{Digest, Sha256};

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

/// Names a list of texts by half of a SHA-256, for keys that must not show what they are made of.
pub(crate) fn short_digest(parts: &[&str]) -> String {
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        hasher.update(part);
    }
    encode(hasher.finalize().get(..16).unwrap_or_default())
}

/// Reads exactly 32 bytes from 64 lower-case hexadecimal digits.
pub(crate) fn decode32(text: &str) -> Option<[u8; 32]> {
    decode(text)?.try_into().ok()
}

/// Reads bytes from pairs of lower-case hexadecimal digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    let byte = |pair: &[u8]| match pair {
        &[high, low] => Some((nibble(high)? << 4) | nibble(low)?),
        _ => None,
    };
    pairs.map(byte).collect()
}

fn digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_round_trip() {
        let bytes: [u8; 32] = std::array::from_fn(|index| u8::try_from(index * 8).unwrap());
        assert_eq!(decode32(&encode(&bytes)), Some(bytes));
    }

    #[test]
    fn upper_case_and_wrong_lengths_are_refused() {
        assert_eq!(decode32(&"A".repeat(64)), None);
        assert_eq!(decode32(&"0".repeat(63)), None);
        assert_eq!(decode32(&"g".repeat(64)), None);
    }
}
