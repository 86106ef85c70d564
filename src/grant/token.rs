//! The text form: three parts, one header, one signature.
//!
//! Takes a compact JWS apart (RFC 7515, section 7.1) before anything in it is believed. One text has one
//! reading: foreign bytes, padding, trailing bits, doubled keys and header parameters beyond `alg`, `typ` and
//! `kid` are refused. Nothing here looks at a key or at what the token says.

use std::fmt;

use crate::json::{self, Bounds, Json, JsonError};
use crate::keys::{base64url, from_base64url};
use crate::limits;
use crate::text::quote;

/// The algorithm's name in a header. Both mean the same signature.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Algorithm {
    /// `EdDSA` (RFC 8037), which every reader knows.
    #[default]
    EdDsa,
    /// `Ed25519` (RFC 9864), its fully specified successor.
    Ed25519,
}

/// A part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Part {
    /// What says how it was signed.
    Header,
    /// What is said.
    Claims,
    /// The signature over the first two.
    Signature,
}

/// What is wrong with a token's shape, before its signature is looked at.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// More bytes than a token may have.
    #[error("token is {bytes} bytes, limit is {limit}")]
    TooLarge {
        /// The bytes found.
        bytes: usize,
        /// The limit for this kind of token.
        limit: usize,
    },
    /// A space, control character or byte outside ASCII.
    #[error("byte {at} is none that a token has")]
    ForeignByte {
        /// Bytes before it.
        at: usize,
    },
    /// Not three parts.
    #[error("token has {count} parts, expected 3")]
    Parts {
        /// The parts found.
        count: usize,
    },
    /// A part without content.
    #[error("{part} is empty")]
    Empty {
        /// Which part.
        part: Part,
    },
    /// Not base64url without padding, or bits after the last byte (RFC 7515, section 2; RFC 4648, section 3.5).
    #[error("{part} is not base64url without padding")]
    Base64 {
        /// Which part.
        part: Part,
    },
    /// Not the 64 bytes of an Ed25519 signature.
    #[error("signature is {bytes} bytes, expected 64")]
    SignatureLength {
        /// The bytes found.
        bytes: usize,
    },
    /// A header longer than the profile's three parameters need.
    #[error("header is {bytes} bytes, limit is {}", limits::TOKEN_HEADER_BYTES)]
    HeaderTooLarge {
        /// The bytes found.
        bytes: usize,
    },
    /// A part is not the JSON that the profile reads.
    #[error("{part}: {fault}")]
    Json {
        /// Which part.
        part: Part,
        /// What is wrong.
        fault: JsonError,
    },
    /// A part is JSON, but no object.
    #[error("{part} is not a JSON object")]
    NotAnObject {
        /// Which part.
        part: Part,
    },
    /// Another algorithm than `EdDSA` and `Ed25519`, or none.
    #[error("algorithm is `{found}`, expected `EdDSA` or `Ed25519`")]
    Algorithm {
        /// What the header names, escaped and cut at 64 characters.
        found: String,
    },
    /// Another type of token.
    #[error("type is `{found}`, expected `{expected}`")]
    Type {
        /// What the header names, escaped and cut at 64 characters.
        found: String,
        /// The type that was to be read.
        expected: &'static str,
    },
    /// A header that demands extensions (RFC 7515, section 4.1.11); the profile has none.
    #[error("header demands extensions by `crit`")]
    Critical,
    /// A header parameter that the profile does not have.
    #[error("header has parameter `{name}`")]
    HeaderParameter {
        /// The parameter's name, escaped and cut at 64 characters.
        name: String,
    },
    /// No key id of 1 to 64 characters of base64url.
    #[error("`kid` is not 1 to 64 characters of base64url")]
    KeyId,
}

/// A token taken apart, its header read.
#[derive(Debug)]
pub(crate) struct Token<'a> {
    pub(crate) key_id: String,
    pub(crate) signed: &'a [u8],
    pub(crate) signature: [u8; 64],
    claims: Vec<u8>,
}

impl<'a> Token<'a> {
    /// Takes a token apart and reads its header.
    pub(crate) fn read(text: &'a str, limit: usize, typ: &'static str) -> Result<Self, TokenError> {
        if text.len() > limit {
            return Err(TokenError::TooLarge { bytes: text.len(), limit });
        }
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(TokenError::ForeignByte { at });
        }
        let count = text.split('.').count();
        let mut parts = text.split('.');
        let (Some(header), Some(claims), Some(signature), 3) =
            (parts.next(), parts.next(), parts.next(), count)
        else {
            return Err(TokenError::Parts { count });
        };
        let decode = |part, text: &str| {
            if text.is_empty() {
                return Err(TokenError::Empty { part });
            }
            from_base64url(text).ok_or(TokenError::Base64 { part })
        };
        let signed_length = header.len().saturating_add(1).saturating_add(claims.len());
        let header = decode(Part::Header, header)?;
        let claims = decode(Part::Claims, claims)?;
        let signature = decode(Part::Signature, signature)?;
        let key_id = read_header(&header, typ)?;
        let length = TokenError::SignatureLength { bytes: signature.len() };
        let signature = signature.try_into().map_err(|_| length)?;
        Ok(Self {
            key_id,
            signed: text.as_bytes().get(..signed_length).unwrap_or_default(),
            signature,
            claims,
        })
    }

    /// Reads the claims; only for a token whose signature holds.
    pub(crate) fn claims(&self, bounds: Bounds) -> Result<Json<'_>, TokenError> {
        object(&self.claims, Part::Claims, bounds)
    }
}

impl Algorithm {
    /// Returns the name in headers.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::EdDsa => "EdDSA",
            Self::Ed25519 => "Ed25519",
        }
    }
}

impl TokenError {
    /// Returns the stable code of the error.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TooLarge { .. } | Self::HeaderTooLarge { .. } => "too_large",
            Self::ForeignByte { .. } | Self::Parts { .. } | Self::Empty { .. } => "malformed",
            Self::SignatureLength { .. } => "bad_signature",
            Self::Base64 { .. } => "bad_base64url",
            Self::Json { fault: JsonError::DuplicateKey { .. }, .. } => "duplicate_key",
            Self::Json { fault: JsonError::TooDeep { .. }, .. } => "too_deep",
            Self::Json { fault: JsonError::TooManyMembers { .. }, .. } => "too_large",
            Self::Json { .. } | Self::NotAnObject { .. } => "bad_json",
            Self::Algorithm { .. } => "alg_rejected",
            Self::Type { .. } => "typ_rejected",
            Self::Critical => "crit_rejected",
            Self::HeaderParameter { .. } => "header_param_rejected",
            Self::KeyId => "kid_rejected",
        }
    }
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Header => "header",
            Self::Claims => "claims part",
            Self::Signature => "signature part",
        })
    }
}

/// Writes the bytes to sign: header and claims, each base64url, joined by a dot.
pub(crate) fn signing_input(typ: &str, algorithm: Algorithm, key_id: &str, claims: &str) -> String {
    let header = format!(r#"{{"alg":"{}","typ":"{typ}","kid":"{key_id}"}}"#, algorithm.as_str());
    let mut input = base64url(header.as_bytes());
    input.push('.');
    input.push_str(&base64url(claims.as_bytes()));
    input
}

/// Joins what was signed and its signature.
pub(crate) fn seal(mut input: String, signature: &[u8; 64]) -> String {
    input.push('.');
    input.push_str(&base64url(signature));
    input
}

fn read_header(bytes: &[u8], typ: &'static str) -> Result<String, TokenError> {
    if bytes.len() > limits::TOKEN_HEADER_BYTES {
        return Err(TokenError::HeaderTooLarge { bytes: bytes.len() });
    }
    let header = object(bytes, Part::Header, HEADER_BOUNDS)?;
    let algorithm = named(&header, "alg");
    if !matches!(algorithm, "EdDSA" | "Ed25519") {
        return Err(TokenError::Algorithm { found: quote(algorithm) });
    }
    let found = named(&header, "typ");
    if found != typ {
        return Err(TokenError::Type { found: quote(found), expected: typ });
    }
    if header.get("crit").is_some() {
        return Err(TokenError::Critical);
    }
    let mut names = header.as_object().unwrap_or_default().iter().map(|(name, _)| name);
    if let Some(name) = names.find(|name| !matches!(name.as_ref(), "alg" | "typ" | "kid")) {
        return Err(TokenError::HeaderParameter { name: quote(name) });
    }
    let key_id = named(&header, "kid");
    let base64url = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(1..=64).contains(&key_id.len()) || !key_id.bytes().all(base64url) {
        return Err(TokenError::KeyId);
    }
    Ok(key_id.to_owned())
}

fn object(bytes: &[u8], part: Part, bounds: Bounds) -> Result<Json<'_>, TokenError> {
    let json = json::parse(bytes, bounds).map_err(|fault| TokenError::Json { part, fault })?;
    if json.as_object().is_none() {
        return Err(TokenError::NotAnObject { part });
    }
    Ok(json)
}

/// The text of a header parameter; none and a wrong type read as empty, which no parameter may be.
fn named<'a>(header: &'a Json<'_>, name: &str) -> &'a str {
    header.get(name).and_then(Json::as_str).unwrap_or_default()
}

const HEADER_BOUNDS: Bounds = Bounds { depth: limits::TOKEN_DEPTH, members: limits::TOKEN_MEMBERS };

#[cfg(test)]
#[allow(
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::string_slice,
    reason = "tests fail by panicking"
)]
mod tests;
