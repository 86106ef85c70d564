//! Reading JSON from outside, strictly.
//!
//! Two readers must never see two texts in one. A key that stands twice (after unescaping), depth, a lone
//! surrogate, a byte order mark, bytes after the value: each is refused, where lenient readers choose.
//! Numbers keep their text, so that nothing is rounded before it is judged (RFC 8259; RFC 7515, section 4).

use std::borrow::Cow;

use crate::text::quote;

/// What is read: text borrows from the source unless it was escaped.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Json<'a> {
    Null,
    Bool(bool),
    /// A number as it was written.
    Number(&'a str),
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// How much a text may hold.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// Levels of lists and objects; the outermost is level 1.
    pub(crate) depth: usize,
    /// Members of one object. Each is compared with those before it.
    pub(crate) members: usize,
}

/// What is wrong with a text that should be JSON.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not JSON (RFC 8259), or more than one value.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Bytes before the fault.
        at: usize,
    },
    /// Not UTF-8.
    #[error("not UTF-8 at byte {at}")]
    Encoding {
        /// Bytes before the fault.
        at: usize,
    },
    /// One object has a key twice, escapes resolved.
    #[error("key `{key}` stands twice")]
    DuplicateKey {
        /// The key, escaped and cut at 64 characters.
        key: String,
    },
    /// Lists and objects nest deeper than allowed.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The allowed number of levels.
        limit: usize,
    },
    /// One object has more members than allowed.
    #[error("object has more than {limit} members")]
    TooManyMembers {
        /// The allowed number of members.
        limit: usize,
    },
}

/// Reads exactly one value, with JSON's white space around it.
pub(crate) fn parse(bytes: &[u8], bounds: Bounds) -> Result<Json<'_>, JsonError> {
    let text = std::str::from_utf8(bytes).map_err(|fault| JsonError::Encoding { at: fault.valid_up_to() })?;
    let mut reader = Reader { text, at: 0, bounds };
    reader.skip_space();
    let value = reader.value(0)?;
    reader.skip_space();
    if reader.at < text.len() { Err(reader.fault()) } else { Ok(value) }
}

impl<'a> Json<'a> {
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn as_array(&self) -> Option<&[Json<'a>]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn as_object(&self) -> Option<&[(Cow<'a, str>, Json<'a>)]> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// Returns a member of an object.
    pub(crate) fn get(&self, key: &str) -> Option<&Json<'a>> {
        self.as_object()?.iter().find(|(known, _)| known == key).map(|(_, value)| value)
    }

    /// Returns a number written as a plain integer in 0 ..= 2^53 − 1: no sign, fraction, exponent.
    pub(crate) fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Number(text) => {
                let value: i64 =
                    text.bytes().all(|digit| digit.is_ascii_digit()).then(|| text.parse().ok())??;
                (value <= MAX_INTEGER).then_some(value)
            }
            _ => None,
        }
    }

    /// Copies the value into the ecosystem's type. Only integers within ±(2^53 − 1) keep their exact value.
    pub(crate) fn to_value(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(text) => serde_json::from_str(text).unwrap_or(serde_json::Value::Null),
            Self::String(text) => text.as_ref().into(),
            Self::Array(items) => items.iter().map(Json::to_value).collect(),
            Self::Object(members) => {
                members.iter().map(|(key, value)| (key.as_ref().to_owned(), value.to_value())).collect()
            }
        }
    }
}

/// 2^53 − 1: the largest integer that every JSON reader keeps (RFC 8259, section 6).
pub(crate) const MAX_INTEGER: i64 = 9_007_199_254_740_991;

struct Reader<'a> {
    text: &'a str,
    at: usize,
    bounds: Bounds,
}

impl<'a> Reader<'a> {
    fn value(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        match self.peek() {
            Some(b'{') => self.object(self.deeper(depth)?),
            Some(b'[') => self.array(self.deeper(depth)?),
            Some(b'"') => self.string().map(Json::String),
            Some(b't') => self.word("true", Json::Bool(true)),
            Some(b'f') => self.word("false", Json::Bool(false)),
            Some(b'n') => self.word("null", Json::Null),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => Err(self.fault()),
        }
    }

    fn deeper(&self, depth: usize) -> Result<usize, JsonError> {
        let depth = depth.saturating_add(1);
        if depth > self.bounds.depth {
            return Err(JsonError::TooDeep { limit: self.bounds.depth });
        }
        Ok(depth)
    }

    fn object(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        let mut members: Vec<(Cow<'a, str>, Json<'a>)> = Vec::new();
        self.advance(1);
        self.skip_space();
        if self.take(b'}') {
            return Ok(Json::Object(members));
        }
        loop {
            let key = self.string()?;
            if members.iter().any(|(known, _)| *known == key) {
                return Err(JsonError::DuplicateKey { key: quote(&key) });
            }
            if members.len() >= self.bounds.members {
                return Err(JsonError::TooManyMembers { limit: self.bounds.members });
            }
            self.skip_space();
            self.expect(b':')?;
            self.skip_space();
            members.push((key, self.value(depth)?));
            self.skip_space();
            if self.take(b'}') {
                return Ok(Json::Object(members));
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    fn array(&mut self, depth: usize) -> Result<Json<'a>, JsonError> {
        let mut items = Vec::new();
        self.advance(1);
        self.skip_space();
        if self.take(b']') {
            return Ok(Json::Array(items));
        }
        loop {
            items.push(self.value(depth)?);
            self.skip_space();
            if self.take(b']') {
                return Ok(Json::Array(items));
            }
            self.expect(b',')?;
            self.skip_space();
        }
    }

    fn string(&mut self) -> Result<Cow<'a, str>, JsonError> {
        self.expect(b'"')?;
        let start = self.at;
        self.skip_plain();
        let plain = self.slice(start, self.at);
        if self.take(b'"') {
            return Ok(Cow::Borrowed(plain));
        }
        let mut text = plain.to_owned();
        loop {
            match self.peek() {
                Some(b'"') => {
                    self.advance(1);
                    return Ok(Cow::Owned(text));
                }
                Some(b'\\') => text.push(self.escape()?),
                _ => return Err(self.fault()),
            }
            let start = self.at;
            self.skip_plain();
            text.push_str(self.slice(start, self.at));
        }
    }

    /// Moves past characters that stand for themselves in a string.
    fn skip_plain(&mut self) {
        let rest = self.rest();
        let length =
            rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | 0..=0x1f)).unwrap_or(rest.len());
        self.advance(length);
    }

    fn escape(&mut self) -> Result<char, JsonError> {
        self.advance(1);
        let plain = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => char::from(byte),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.advance(1);
                return self.unicode_escape();
            }
            _ => return Err(self.fault()),
        };
        self.advance(1);
        Ok(plain)
    }

    /// Reads the digits after `\u`; a surrogate must be one half of a pair.
    fn unicode_escape(&mut self) -> Result<char, JsonError> {
        let first = self.hex4()?;
        if !(0xd800..=0xdbff).contains(&first) {
            return char::from_u32(first).ok_or_else(|| self.fault());
        }
        self.expect(b'\\')?;
        self.expect(b'u')?;
        let second = self.hex4()?;
        if !(0xdc00..=0xdfff).contains(&second) {
            return Err(self.fault());
        }
        let scalar = (((first & 0x3ff) << 10) | (second & 0x3ff)).wrapping_add(0x1_0000);
        char::from_u32(scalar).ok_or_else(|| self.fault())
    }

    fn hex4(&mut self) -> Result<u32, JsonError> {
        let mut value = 0_u32;
        for _ in 0..4 {
            let digit =
                self.peek().and_then(|byte| char::from(byte).to_digit(16)).ok_or_else(|| self.fault())?;
            value = (value << 4) | digit;
            self.advance(1);
        }
        Ok(value)
    }

    fn number(&mut self) -> Result<Json<'a>, JsonError> {
        let start = self.at;
        self.take(b'-');
        if !self.take(b'0') {
            self.digits()?;
        }
        if self.take(b'.') {
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.advance(1);
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.advance(1);
            }
            self.digits()?;
        }
        Ok(Json::Number(self.slice(start, self.at)))
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.advance(count);
        if count == 0 { Err(self.fault()) } else { Ok(()) }
    }

    fn word(&mut self, word: &str, value: Json<'a>) -> Result<Json<'a>, JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.fault());
        }
        self.advance(word.len());
        Ok(value)
    }

    fn skip_space(&mut self) {
        let count =
            self.rest().iter().take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r')).count();
        self.advance(count);
    }

    fn expect(&mut self, byte: u8) -> Result<(), JsonError> {
        if self.take(byte) { Ok(()) } else { Err(self.fault()) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        if found {
            self.advance(1);
        }
        found
    }

    fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn slice(&self, start: usize, end: usize) -> &'a str {
        self.text.get(start..end).unwrap_or_default()
    }

    fn fault(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }
}

#[cfg(test)]
mod tests;
