//! What a log's records do that they must not.

use std::fmt;

use serde::Serialize;

use crate::text::quote;

/// What a record does that it must not.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[non_exhaustive]
pub struct Finding {
    /// The name of the stream.
    pub stream: String,
    /// The record's number.
    pub seq: u64,
    /// What is wrong with it.
    pub violation: Violation,
}

/// Which rule a record breaks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Violation {
    /// A grant is authorized for a request that nobody made.
    #[error("grant of a request that is not recorded")]
    NoRequest,
    /// A grant is authorized though the request was not allowed, and people were not asked.
    #[error("grant of a request that was not allowed")]
    NotAllowed,
    /// A grant is authorized under another policy than the one that decided.
    #[error("grant under policy `{found}`, decided under `{expected}`")]
    Policy {
        /// The policy of the grant, escaped and cut.
        found: String,
        /// The policy of the decision, escaped and cut.
        expected: String,
    },
    /// A grant says another subject, action or resource than its request.
    #[error("`{claim}` of the grant is not what was asked for")]
    NotAsked {
        /// The claim.
        claim: &'static str,
    },
    /// A grant of a review is authorized, and its votes are no quorum.
    #[error("grant without a quorum")]
    NoQuorum,
    /// A request is authorized twice.
    #[error("second grant of one request")]
    GrantedTwice,
    /// A use of a grant that nobody authorized.
    #[error("use of a grant that is not recorded")]
    NoGrant,
    /// A use cites another record than the one that authorized its grant.
    #[error("use cites another record than its grant's")]
    Cause,
    /// A use beyond those that the grant has.
    #[error("use {found} of a grant that has {allowed}")]
    UsedUp {
        /// How many uses there are with this one.
        found: u64,
        /// How many the grant has.
        allowed: u64,
    },
    /// A use before the start or at or after the end of its grant.
    #[error("use at a time when the grant does not hold")]
    OutOfTime,
    /// A use says another subject, action or resource than its grant.
    #[error("`{field}` of the use is not what was granted")]
    NotGranted {
        /// The field.
        field: &'static str,
    },
    /// A vote, or another change, of a review that had ended.
    #[error("`{event}` in a review that had ended")]
    AfterTheEnd {
        /// What was recorded, escaped and cut.
        event: String,
    },
    /// A record of a review that does not follow from its other records.
    #[error("record does not follow in its review: {because}")]
    OutOfPlace {
        /// Why.
        because: String,
    },
    /// A record takes a key that another has.
    #[error("key was taken by record {seq} of `{stream}`")]
    KeyTwice {
        /// The stream of the other record.
        stream: String,
        /// Its number.
        seq: u64,
    },
    /// What an open review rests on was erased.
    #[error("erasure in review `{review}`, which had not ended")]
    ErasedTooEarly {
        /// The review, escaped and cut.
        review: String,
    },
}

impl fmt::Display for Finding {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { stream, seq, violation } = self;
        write!(formatter, "record {seq} of `{}`: {violation}", quote(stream))
    }
}
