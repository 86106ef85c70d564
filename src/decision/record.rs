//! Decisions as records hold them, and back.

use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use super::{Decision, Effect, Need, Path, Reason};
use crate::policy::Obligation;
use crate::risk::Risk;

/// All of a decision.
#[derive(Serialize, Deserialize)]
struct Recorded {
    effect: Effect,
    risk: Risk,
    rules: Vec<Arc<str>>,
    reasons: Vec<Reason>,
    missing: Vec<Need>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<Obligation>,
    policy: Arc<str>,
    path: Path,
}

impl Decision {
    /// Writes the decision for a record.
    pub(crate) fn to_record(&self) -> Json {
        let Self { effect, risk, rules, reasons, missing, obligations, policy, path, left_out: _, advice: _ } =
            self.clone();
        // Strings, counts and booleans alone: this cannot fail, and null would be refused by every reader.
        serde_json::to_value(Recorded { effect, risk, rules, reasons, missing, obligations, policy, path })
            .unwrap_or_default()
    }

    /// Reads a decision back from a record.
    pub(crate) fn from_record(json: &Json) -> Option<Self> {
        let Recorded { effect, risk, rules, reasons, missing, obligations, policy, path } =
            Recorded::deserialize(json).ok()?;
        Some(Self {
            effect,
            risk,
            rules,
            reasons,
            missing,
            obligations,
            policy,
            path,
            left_out: 0,
            advice: None,
        })
    }
}

/// A duration as whole seconds.
pub(super) mod seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(in crate::decision) fn serialize<S: Serializer>(
        span: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(span.as_secs())
    }

    pub(in crate::decision) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_secs)
    }
}

/// A duration that may be absent, as whole seconds.
pub(super) mod maybe_seconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::decision) fn serialize<S: Serializer>(
        span: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        span.map(|span| span.as_secs()).serialize(serializer)
    }

    pub(in crate::decision) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        Ok(Option::<u64>::deserialize(deserializer)?.map(Duration::from_secs))
    }
}

/// A time that may be absent, as RFC 3339 text.
pub(super) mod maybe_time {
    use chrono::{DateTime, SecondsFormat, Utc};
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(in crate::decision) fn serialize<S: Serializer>(
        time: &Option<DateTime<Utc>>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        time.map(|time| time.to_rfc3339_opts(SecondsFormat::AutoSi, true)).serialize(serializer)
    }

    pub(in crate::decision) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<DateTime<Utc>>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        let read = |text: String| DateTime::parse_from_rfc3339(&text).map(|time| time.to_utc());
        text.map(read).transpose().map_err(D::Error::custom)
    }
}
