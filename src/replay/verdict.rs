//! What deciding one request again gave.

use std::fmt;

use serde::Serialize;
use serde_json::Value as Json;

use crate::decision::Decision;

/// What came of one recorded decision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replayed {
    /// It came out the same, in every field.
    Same,
    /// It came out differently.
    Different(Difference),
    /// It cannot be made again.
    Unreplayable(Unreplayable),
}

/// The first field in which two decisions differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Difference {
    /// The field: `effect`, `risk`, `rules`, `reasons`, `missing`, `obligations`, `path` for what it leads to.
    pub field: &'static str,
    /// What the record holds, as JSON.
    pub recorded: String,
    /// What it is by now, as JSON.
    pub again: String,
}

/// Why a decision cannot be made again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unreplayable {
    /// Its policy was not given.
    #[error("policy `{digest}` was not given")]
    PolicyNotGiven {
        /// The policy's digest, escaped and cut.
        digest: String,
    },
    /// Values were erased, or are withheld.
    #[error("nothing opens {}", paths.join(", "))]
    Erased {
        /// Where they stood in the record.
        paths: Vec<String>,
    },
    /// An opening is of something else.
    #[error("opening at {path} is of something else")]
    Mismatch {
        /// Where the value stood in the record.
        path: String,
    },
    /// Another version of the engine decided, and this one decides differently.
    #[error("decided by `{engine}`, which decides differently")]
    OtherEngine {
        /// The version, escaped and cut.
        engine: String,
    },
    /// No record could hold the request.
    #[error("request was not recorded")]
    NotRecorded,
    /// The gate denied it after the decision: its grant could not be written, or nobody could approve it.
    #[error("denied by the gate, after the decision")]
    ByGate,
    /// A field of the record is missing or cannot be read.
    #[error("field `{name}` is missing or malformed")]
    Malformed {
        /// Its name.
        name: &'static str,
    },
}

impl Difference {
    /// Compares what decides first.
    pub(super) fn between(recorded: &Decision, again: &Decision) -> Self {
        let (old, new) = (recorded.to_record(), again.to_record());
        let member = |json: &Json, name: &str| json.get(name).cloned().unwrap_or_default();
        let fields = FIELDS.into_iter().map(|name| (name, member(&old, name), member(&new, name)));
        let found = fields.into_iter().find(|(_, old, new)| old != new);
        let (field, recorded, again) = found.unwrap_or_default();
        Self { field, recorded: recorded.to_string(), again: again.to_string() }
    }
}

impl fmt::Display for Difference {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { field, recorded, again } = self;
        write!(formatter, "`{field}` is {recorded} in the record and {again} now")
    }
}

const FIELDS: [&str; 7] = ["effect", "risk", "rules", "reasons", "missing", "obligations", "path"];
