//! Lower-case hexadecimal text of bytes.

use sha2::{Digest, Sha256};

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut digits = vec![0; bytes.len().saturating_mul(2)];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// Appends bytes as lower-case hexadecimal digits.
pub(crate) fn push(out: &mut String, bytes: &[u8; 32]) {
    let mut digits = [0; 64];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
    out.push_str(std::str::from_utf8(&digits).unwrap_or_default());
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
    let mut bytes = [0; 32];
    read(text, &mut bytes).then_some(bytes)
}

/// Reads bytes from pairs of lower-case hexadecimal digits.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = vec![0; text.len() / 2];
    read(text, &mut bytes).then_some(bytes)
}

/// Fills bytes from as many pairs of digits; `false` if the text is something else.
fn read(text: &str, bytes: &mut [u8]) -> bool {
    let mut all_digits = text.len() == bytes.len().saturating_mul(2);
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        let (high, low) = match pair {
            &[high, low] => (nibble(high), nibble(low)),
            _ => return false,
        };
        all_digits &= (high | low) < 16;
        *byte = (high << 4) | (low & 0x0f);
    }
    all_digits
}

// Neither looks at a digit to decide where to go on: hashes are as unpredictable as data gets.

fn digit(nibble: u8) -> u8 {
    let letter = u8::from(nibble > 9).wrapping_mul(b'a'.wrapping_sub(b'0').wrapping_sub(10));
    nibble.wrapping_add(b'0').wrapping_add(letter)
}

/// Returns a digit's value, and 16 or more for what is no digit.
fn nibble(digit: u8) -> u8 {
    let (number, letter) = (digit.wrapping_sub(b'0'), digit.wrapping_sub(b'a'));
    let letter = if letter < 6 { letter.wrapping_add(10) } else { 0xf0 };
    if number < 10 { number } else { letter }
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
        for other in [0, b'/', b':', b'@', b'F', b'G', b'`', b'g', b'~', 0x7f] {
            let text = format!("{}{}", "0".repeat(63), char::from(other));
            assert_eq!(decode32(&text), None, "{text}");
        }
    }
}
