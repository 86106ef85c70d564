//! The grant that a request asks to extend.
//!
//! Anybody may name one. What is known of it, when it ends above all, is the host's word, and a gate takes it
//! from the review that led to the grant alone.

use chrono::{DateTime, Utc};
use serde_json::Value as Json;
#[cfg(feature = "engine")]
use serde_json::json;

use super::Request;
#[cfg(feature = "engine")]
use super::record::{print, read_time, text};

/// A grant that a request asks to extend.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Extended {
    /// Its id, the claim `jti`.
    pub(crate) grant: String,
    pub(crate) known: Option<Known>,
}

/// What is known of a grant that is to be extended.
#[derive(Debug, Clone, PartialEq)]
#[cfg_attr(not(feature = "engine"), allow(dead_code, reason = "only the engine extends grants"))]
pub(crate) struct Known {
    /// The request that it answers.
    pub(crate) request: String,
    /// When it began; of one that is an extension, when the first of them did.
    pub(crate) begins: DateTime<Utc>,
    pub(crate) ends: DateTime<Utc>,
    /// How often it was extended before.
    pub(crate) times: u64,
    /// Its constraints, as the claim `con` holds them.
    pub(crate) constraints: Json,
}

impl Request {
    /// Names the grant that is to hold for longer, by its id. The request is for the same action, and
    /// [`with_duration`](Self::with_duration) says how much longer. It is submitted by `Gate::extend`, which
    /// knows the grant; otherwise it is denied.
    #[must_use]
    pub fn extending(mut self, grant: impl Into<String>) -> Self {
        self.ask.extended = Some(Box::new(Extended { grant: grant.into(), known: None }));
        self
    }

    /// Returns the id of the grant that is to be extended.
    #[must_use]
    pub fn extends(&self) -> Option<&str> {
        self.extended().map(|extended| extended.grant.as_str())
    }

    pub(crate) fn extended(&self) -> Option<&Extended> {
        self.ask.extended.as_deref()
    }

    /// The same request, with what a gate knows of the grant.
    #[cfg(feature = "engine")]
    pub(crate) fn with_extended(mut self, extended: Extended) -> Self {
        self.ask.extended = Some(Box::new(extended));
        self
    }

    /// The same request, of which the gate knows no grant.
    #[cfg(feature = "engine")]
    pub(crate) fn with_unknown_grant(mut self) -> Self {
        if let Some(extended) = &mut self.ask.extended {
            extended.known = None;
        }
        self
    }
}

#[cfg(feature = "engine")]
impl Extended {
    pub(super) fn to_record(&self) -> Json {
        match &self.known {
            None => json!({ "grant": self.grant }),
            Some(known) => json!({
                "grant": self.grant,
                "request": known.request,
                "begins": print(known.begins),
                "ends": print(known.ends),
                "times": known.times,
                "con": known.constraints,
            }),
        }
    }

    pub(super) fn from_record(json: &Json) -> Option<Self> {
        let known = match json.get("request") {
            None => None,
            Some(request) => Some(Known {
                request: request.as_str()?.to_owned(),
                begins: read_time(json, "begins")?,
                ends: read_time(json, "ends")?,
                times: json.get("times")?.as_u64()?,
                constraints: json.get("con").cloned().unwrap_or_default(),
            }),
        };
        Some(Self { grant: text(json, "grant")?, known })
    }
}
