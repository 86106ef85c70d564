//! Recognising canonical JSON without building it.
//!
//! Answers yes only for text that the strict reader accepts and the writer would write byte for byte;
//! "not sure" sends the caller to them. So a fault here can cost time, never trust, as long as yes means
//! yes: a property test holds the three together.

use std::ops::Range;

use super::{BOUNDS, plain_length};
use crate::json::MAX_INTEGER;

/// Says whether text certainly is canonical.
pub(super) fn is_canonical(text: &str) -> bool {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, trusted: false };
    scanner.value(0).is_some() && scanner.at == text.len()
}

/// Walks the members of a canonical object and shows each name, as it is written, with the place of its
/// value. `None` if the text is not certainly a canonical object. Of `trusted` text, which is known to be
/// canonical, only the shape is followed.
pub(in crate::audit) fn members<'t>(
    text: &'t str,
    trusted: bool,
    mut see: impl FnMut(&'t str, Range<usize>),
) -> Option<()> {
    let mut scanner = Scanner { bytes: text.as_bytes(), at: 0, trusted };
    scanner.object(0, |name, place| see(text.get(name).unwrap_or_default(), place))?;
    (scanner.at == text.len()).then_some(())
}

struct Scanner<'t> {
    bytes: &'t [u8],
    at: usize,
    trusted: bool,
}

impl Scanner<'_> {
    fn value(&mut self, depth: usize) -> Option<()> {
        match self.peek()? {
            b'"' => self.string(),
            b'{' => self.object(depth, |_, _| ()),
            b'[' => self.array(depth),
            b'-' | b'0'..=b'9' => self.integer(),
            b't' => self.word(b"true"),
            b'f' => self.word(b"false"),
            _ => self.word(b"null"),
        }
    }

    fn object(&mut self, depth: usize, mut see: impl FnMut(Range<usize>, Range<usize>)) -> Option<()> {
        let inner = enter(depth)?;
        self.take(b'{')?;
        if self.peek()? == b'}' {
            return self.take(b'}');
        }
        let mut last: &[u8] = &[];
        let mut seen = 0_usize;
        loop {
            let name = if self.trusted { self.any_name()? } else { self.plain_name()? };
            let bytes = self.bytes;
            let this = bytes.get(name.clone())?;
            if seen > 0 && this <= last && !self.trusted || seen == BOUNDS.members {
                return None;
            }
            (last, seen) = (this, seen.saturating_add(1));
            self.take(b':')?;
            let start = self.at;
            self.value(inner)?;
            see(name, start..self.at);
            match self.next()? {
                b',' => {}
                b'}' => return Some(()),
                _ => return None,
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<()> {
        let inner = enter(depth)?;
        self.take(b'[')?;
        if self.peek()? == b']' {
            return self.take(b']');
        }
        loop {
            self.value(inner)?;
            match self.next()? {
                b',' => {}
                b']' => return Some(()),
                _ => return None,
            }
        }
    }

    /// Passes a name of printable ASCII without escapes. Such names sort alike as UTF-8 and as UTF-16;
    /// others are rare enough to be left to the reader.
    fn plain_name(&mut self) -> Option<Range<usize>> {
        self.take(b'"')?;
        let start = self.at;
        let rest = self.bytes.get(start..)?;
        let length = rest.iter().position(|byte| !matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e))?;
        let end = start.saturating_add(length);
        self.at = end;
        self.take(b'"')?;
        Some(start..end)
    }

    fn any_name(&mut self) -> Option<Range<usize>> {
        let start = self.at.saturating_add(1);
        self.string()?;
        Some(start..self.at.saturating_sub(1))
    }

    fn string(&mut self) -> Option<()> {
        self.take(b'"')?;
        loop {
            let rest = self.bytes.get(self.at..)?;
            self.at = self.at.saturating_add(plain_length(rest));
            match self.next()? {
                b'"' => return Some(()),
                b'\\' => self.escape()?,
                _ => return None,
            }
        }
    }

    /// Passes the rest of an escape that has no shorter form.
    fn escape(&mut self) -> Option<()> {
        match self.next()? {
            b'"' | b'\\' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                self.take(b'0')?;
                self.take(b'0')?;
                match (self.next()?, self.next()?) {
                    (b'0', b'1'..=b'7' | b'b' | b'e' | b'f') | (b'1', b'0'..=b'9' | b'a'..=b'f') => Some(()),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    fn integer(&mut self) -> Option<()> {
        let negative = self.peek()? == b'-';
        if negative {
            self.take(b'-')?;
        }
        if self.peek()? == b'0' {
            self.take(b'0')?;
            return (!negative).then_some(());
        }
        let mut number = 0_u64;
        let start = self.at;
        while let Some(digit @ b'0'..=b'9') = self.peek() {
            number = number.checked_mul(10)?.checked_add(u64::from(digit.wrapping_sub(b'0')))?;
            self.at = self.at.saturating_add(1);
        }
        (self.at > start && number <= MAX_INTEGER.unsigned_abs()).then_some(())
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let end = self.at.saturating_add(word.len());
        (self.bytes.get(self.at..end)? == word).then(|| self.at = end)
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then_some(())
    }

    fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at = self.at.saturating_add(1);
        Some(byte)
    }

    fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }
}

fn enter(depth: usize) -> Option<usize> {
    let inner = depth.saturating_add(1);
    (inner <= BOUNDS.depth).then_some(inner)
}
