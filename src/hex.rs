//! Lower-case hexadecimal text of bytes.

/// Writes bytes as lower-case hexadecimal digits.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut digits = vec![0; bytes.len().saturating_mul(2)];
    for (pair, byte) in digits.chunks_exact_mut(2).zip(bytes) {
        pair.copy_from_slice(&[digit(byte >> 4), digit(byte & 0x0f)]);
    }
    String::from_utf8(digits).unwrap_or_default()
}

/// Reads exactly 32 bytes from 64 lower-case hexadecimal digits.
pub(crate) fn decode32(text: &str) -> Option<[u8; 32]> {
    let digits: &[u8; 64] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 32];
    let mut all_digits = true;
    for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
        let &[high, low] = pair else { return None };
        let (high, low) = (nibble(high), nibble(low));
        all_digits &= (high | low) < 16;
        *byte = (high << 4) | (low & 0x0f);
    }
    all_digits.then_some(bytes)
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
