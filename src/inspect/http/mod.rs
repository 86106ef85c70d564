//! What an HTTP call does.
//!
//! States where a call goes and what its method, its headers and a GraphQL body promise. A call that
//! servers and proxies could read in two ways is *not understood*. A method is a promise of the one who
//! built the service: a GET that deletes is a GET, and only the service knows.

mod body;
mod facts;
mod graphql;
mod methods;
mod overrides;
mod url;

use sha2::{Digest, Sha256};

use self::body::Media;
use self::facts::Known;
use self::methods::Method;
use self::url::Target;
use super::Obstacle;
use crate::payload::{Kind, Payload};

pub use facts::{HttpEffect, HttpFacts, MEMBERS};
pub use graphql::Operation;

/// Reads an HTTP call and states what it does. A payload of another kind is not understood.
///
/// The URL is absolute, or a path beside a header `host`. Not understood are: a method that the registry of
/// methods does not have; user names, fragments, `;`, `//`, `.` and `..` in a URL and characters encoded
/// without need; a body where the method defines none; headers and parameters that give another method,
/// path or host, or change how the message is cut; and GraphQL of which the text does not show what runs.
///
/// ```
/// use countersign::Payload;
/// use countersign::inspect::http::{self, HttpEffect, Operation};
///
/// let query = Payload::http("POST", "https://shop.example/graphql", br#"{"query": "{ orders { id } }"}"#)
///     .with_header("Content-Type", "application/json");
/// let facts = http::inspect(&query);
/// assert_eq!((facts.effect(), facts.graphql()), (Some(HttpEffect::Read), Some(Operation::Query)));
///
/// let hidden = Payload::http("GET", "https://shop.example/public/..%2fadmin", b"");
/// assert!(!http::inspect(&hidden).understood());
/// ```
#[must_use]
pub fn inspect(payload: &Payload) -> HttpFacts {
    HttpFacts::new(match payload.kind() {
        Kind::Http { method, url, headers, body } => Call { method, url, headers, body }.read(),
        _ => Err(Obstacle::OtherKind),
    })
}

struct Call<'p> {
    method: &'p str,
    url: &'p str,
    headers: &'p [(String, String)],
    body: &'p [u8],
}

impl Call<'_> {
    fn read(&self) -> Result<Known, Obstacle> {
        let headers = self.headers.iter().map(|(name, value)| name.len().saturating_add(value.len()));
        let bytes = headers.fold(self.url.len(), usize::saturating_add).saturating_add(self.body.len());
        Obstacle::check_size("bytes", bytes)?;
        let method = Method::find(self.method).ok_or_else(|| Obstacle::unknown("the call", self.method))?;
        let mut target = Target::read(self.url)?;
        self.check_headers()?;
        overrides::check_query(&target.parameters)?;
        let content_type = self.header("content-type").unwrap_or_default();
        overrides::check_body(content_type, self.body)?;
        let authority = self.authority(&mut target)?;
        if !self.body.is_empty() && !method.has_body {
            return Err(Obstacle::unclear("body", "its meaning is not defined for the method"));
        }
        let graphql = match self.method {
            "GET" | "HEAD" => body::of_query(&target)?,
            "POST" => body::of_body(&target, self.media(), self.body)?,
            _ => None,
        };
        let reads = match graphql {
            Some(operation) => operation != Operation::Mutation && (method.safe || target.is_graphql()),
            None => method.safe,
        };
        let mut parameters: Vec<String> = target.parameters.iter().map(|(name, _)| name.clone()).collect();
        parameters.sort();
        parameters.dedup();
        Ok(Known {
            authority,
            body_digest: format!("sha-256:{}", crate::hex::encode(&Sha256::digest(self.body))),
            effect: if reads { HttpEffect::Read } else { HttpEffect::Write },
            graphql,
            idempotency_key: self.header("idempotency-key").is_some_and(is_key),
            idempotent: method.idempotent,
            method: self.method.to_owned(),
            parameters,
            path: target.path,
            query: target.has_query,
            template: target.template,
        })
    }

    /// Refuses headers that are malformed, or give the call another method, path, host or end.
    fn check_headers(&self) -> Result<(), Obstacle> {
        for (name, value) in self.headers {
            let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
            if name.is_empty() || !name.bytes().all(token) {
                return Err(Obstacle::unclear("header", "its name is not a token"));
            }
            if value.chars().any(|letter| letter.is_control() && letter != '\t') {
                return Err(Obstacle::unclear("header", "a control character in its value"));
            }
            // Some servers read `_` as `-`, some drop such a header.
            let folded = name.replace('_', "-");
            if folded != *name && (JUDGED.contains(&folded.as_str()) || self.header(&folded).is_some()) {
                return Err(Obstacle::unclear("header", "a `_` that some servers read as `-`"));
            }
            overrides::check_header(&folded)?;
            let ends = match folded.as_str() {
                "content-length" => value.trim() != self.body.len().to_string(),
                "connection" => {
                    !["close", "keep-alive"].iter().any(|known| known.eq_ignore_ascii_case(value.trim()))
                }
                name => ["transfer-encoding", "upgrade", "http2-settings", "trailer"].contains(&name),
            };
            if ends {
                return Err(Obstacle::unclear("header", "it changes how the message is cut"));
            }
        }
        Ok(())
    }

    fn authority(&self, target: &mut Target) -> Result<String, Obstacle> {
        let host = self.header("host");
        match (target.authority.take(), host) {
            (Some(authority), None) => Ok(authority),
            (None, Some(host)) => url::authority(host, 0),
            (Some(authority), Some(host)) => {
                let default = if self.url.get(..5).is_some_and(|start| start.eq_ignore_ascii_case("https")) {
                    443
                } else {
                    80
                };
                if url::authority(host, default)? == authority {
                    Ok(authority)
                } else {
                    Err(Obstacle::unclear("header", "`host` is not the host of the URL"))
                }
            }
            (None, None) => Err(Obstacle::unclear("authority", "neither the URL nor a header names it")),
        }
    }

    fn media(&self) -> Media {
        if self.header("content-encoding").is_some() {
            return Media::Other;
        }
        self.header("content-type").map_or(Media::Other, Media::read)
    }

    fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// Says whether a value is a key: a quoted string (RFC 8941, section 3.3.3) or, as clients send it, bare.
fn is_key(value: &str) -> bool {
    let value = value.trim();
    let value = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"')).unwrap_or(value);
    !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'"')
}

/// Headers that are judged here, so that nobody may find another one under their name.
const JUDGED: [&str; 10] = [
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "http2-settings",
    "host",
    "idempotency-key",
    "trailer",
    "transfer-encoding",
    "upgrade",
];
