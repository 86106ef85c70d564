//! A part of a log that is read apart from the rest.
//!
//! Reading and hashing is nearly all the work of verifying, and needs nothing of the records before. So
//! parts are read by as many threads as a host has, and joined in their order. A part that does not hold
//! together is read again where it stands, so that the verdict is the one of a single pass.

use chrono::{DateTime, Utc};

use super::super::Event;
use super::super::merkle::{Hash, Span};
use super::super::record::Body;
use super::LogVerifier;

/// Consecutive lines of a log, read. Only [`LogVerifier::read`] makes one.
#[derive(Debug)]
pub struct LogRange<'a> {
    pub(super) lines: &'a [u8],
    pub(super) read: Option<Read>,
}

/// What is known of a part whose records follow one another.
#[derive(Debug)]
pub(super) struct Read {
    /// The number and the predecessor of its first record.
    pub(super) from: (u64, Hash),
    pub(super) times: (DateTime<Utc>, DateTime<Utc>),
    /// All records but the last.
    pub(super) span: Span,
    pub(super) last: Hash,
    /// The part up to the sizes of checkpoints, with the times of the last records then.
    pub(super) until: Vec<(Span, DateTime<Utc>)>,
    pub(super) re_encoded: u64,
}

impl<'a> LogRange<'a> {
    /// Splits a log into at most so many parts of about the same size, each of whole lines.
    #[must_use]
    pub fn split(log: &'a [u8], parts: usize) -> Vec<&'a [u8]> {
        let size = log.len().checked_div(parts).unwrap_or(log.len()).max(1);
        let (mut found, mut rest) = (Vec::new(), log);
        while !rest.is_empty() {
            let behind = rest.iter().skip(size.saturating_sub(1));
            let end = match behind.clone().position(|byte| *byte == b'\n') {
                Some(at) if found.len().saturating_add(1) < parts => size.saturating_add(at),
                _ => rest.len(),
            };
            let (part, others) = rest.split_at_checked(end).unwrap_or((rest, &[]));
            found.push(part);
            rest = others;
        }
        found
    }
}

/// Reads lines. `None` if one does not follow the one before it, or has a meaning for what comes after it.
pub(super) fn read(log: &LogVerifier, lines: &[u8]) -> Option<Read> {
    let stream = log.tip.stream();
    let mut lines = lines.split_inclusive(|byte| *byte == b'\n');
    let first = Body::read(lines.next()?).ok()?;
    let (seq, prev) = (first.fields.seq, first.fields.prev);
    let mut sizes = log.kept.sizes().skip_while(|size| *size <= seq).peekable();
    let mut read = Read {
        from: (seq, prev),
        times: (first.fields.at, first.fields.at),
        span: Span::new(seq),
        last: prev,
        until: Vec::new(),
        re_encoded: 0,
    };
    let mut expected = seq;
    let mut next = Some(Ok(first));
    while let Some(body) = next {
        let body = body.ok()?;
        body.follows(stream, expected, &read.last).ok()?;
        if body.closes() || body.event() == Event::KeyRotated.as_str() {
            return None;
        }
        if expected > seq {
            read.span.push(read.last);
        }
        read.last = body.leaf;
        read.times.1 = body.fields.at;
        read.re_encoded = read.re_encoded.saturating_add(u64::from(body.re_encoded));
        expected = expected.checked_add(1)?;
        if sizes.next_if_eq(&expected).is_some() {
            while sizes.next_if_eq(&expected).is_some() {}
            let mut span = read.span.clone();
            span.push(read.last);
            read.until.push((span, body.fields.at));
        }
        next = lines.next().map(Body::read);
    }
    Some(read)
}
