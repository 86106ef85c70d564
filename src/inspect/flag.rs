//! What a change of a feature flag does.
//!
//! The payload is one JSON object, in a form of this library's own, because flag services have none in
//! common: the flag, its state before and its state after. That the state before is the true one, only the
//! service knows: it must refuse the change where it is not.

use super::Obstacle;
use super::json::{self, Fields};
use crate::Attributes;
use crate::value::Value;

/// Every member of the fact `flag` with its type, in the notation of a policy's vocabulary.
///
/// ```
/// use countersign::inspect::flag::MEMBERS;
///
/// assert!(MEMBERS.contains(&("kill", "bool")));
/// ```
pub const MEMBERS: &[(&str, &str)] = &[
    ("after", "double"),
    ("before", "double?"),
    ("delta", "double"),
    ("effect", "string"),
    ("enables", "bool"),
    ("key", "string"),
    ("kill", "bool"),
    ("targeting", "bool"),
    ("understood", "bool"),
];

/// What a change does to those who have the feature, from least to most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagEffect {
    /// The state after is the state before.
    Same,
    /// Nobody gets the feature who did not have it.
    Narrow,
    /// More have it, chosen as before.
    Widen,
    /// Others have it, or have another value of it.
    Retarget,
}

/// Facts about a change of a feature flag.
///
/// ```
/// use countersign::inspect::flag::{self, FlagEffect};
///
/// let text = r#"{"key": "new-checkout", "from": {"on": true, "percent": 5}, "to": {"on": true, "percent": 50}}"#;
/// let facts = flag::inspect(text);
/// assert_eq!(facts.effect(), Some(FlagEffect::Widen));
/// assert_eq!(facts.delta(), Some(45.0));
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct FlagFacts {
    state: Result<Box<Known>, Obstacle>,
}

#[derive(Debug, Clone, PartialEq)]
struct Known {
    key: String,
    effect: FlagEffect,
    before: Option<f64>,
    after: f64,
    targeting: bool,
}

/// Reads the change of a flag and states what it does.
///
/// The text is `{"key": "…", "from": STATE, "to": STATE}`. A state is `{"on": true, "percent": 5,
/// "targeting": …, "value": …}`: `on` is required, `percent` (0 to 100) is 100 where it is left out,
/// `targeting` and `value` are any JSON. `from` may be left out; then the change counts as from nobody, with
/// other targeting. Any other member is not understood.
///
/// ```
/// use countersign::inspect::flag;
///
/// let facts = flag::inspect(r#"{"key": "new-checkout", "from": {"on": true}, "to": {"on": false}}"#);
/// assert_eq!(facts.kill(), Some(true));
/// ```
#[must_use]
pub fn inspect(text: &str) -> FlagFacts {
    FlagFacts { state: read(text).map(Box::new) }
}

impl FlagEffect {
    /// Returns the effect's name as conditions write it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Narrow => "narrow",
            Self::Widen => "widen",
            Self::Retarget => "retarget",
        }
    }
}

impl FlagFacts {
    /// Says whether the whole change was explained. If not, no other fact is known.
    #[must_use]
    pub fn understood(&self) -> bool {
        self.state.is_ok()
    }

    /// Returns why the change was not understood.
    #[must_use]
    pub fn obstacle(&self) -> Option<&Obstacle> {
        self.state.as_ref().err()
    }

    /// Returns what the change does.
    #[must_use]
    pub fn effect(&self) -> Option<FlagEffect> {
        self.known().map(|known| known.effect)
    }

    /// Returns the flag.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.known().map(|known| known.key.as_str())
    }

    /// Returns the percentage that has the feature before, 0 where the flag is off, if the change states it.
    #[must_use]
    pub fn before(&self) -> Option<f64> {
        self.known().and_then(|known| known.before)
    }

    /// Returns the percentage that has the feature after, 0 where the flag is off.
    #[must_use]
    pub fn after(&self) -> Option<f64> {
        self.known().map(|known| known.after)
    }

    /// Returns the percentage after less the one before, which counts as 0 where it is not stated.
    #[must_use]
    pub fn delta(&self) -> Option<f64> {
        self.known().map(Known::delta)
    }

    /// Says whether targeting changes, or is not stated before.
    #[must_use]
    pub fn targeting(&self) -> Option<bool> {
        self.known().map(|known| known.targeting)
    }

    /// Says whether nobody has the feature afterwards, and somebody had it before or nobody says who.
    #[must_use]
    pub fn kill(&self) -> Option<bool> {
        self.known().map(Known::kill)
    }

    /// Says whether somebody has the feature afterwards, and nobody had it before or nobody says who.
    #[must_use]
    pub fn enables(&self) -> Option<bool> {
        self.known().map(Known::enables)
    }

    /// Returns the facts as conditions see them: the members of [`MEMBERS`], or `understood` alone.
    #[must_use]
    pub fn attributes(&self) -> Attributes {
        let mut members = Attributes::new();
        members.insert("understood", self.understood());
        if let Some(known) = self.known() {
            members.insert("after", known.after);
            members.insert("delta", known.delta());
            members.insert("effect", known.effect.as_str());
            members.insert("enables", known.enables());
            members.insert("key", &known.key);
            members.insert("kill", known.kill());
            members.insert("targeting", known.targeting);
            if let Some(before) = known.before {
                members.insert("before", before);
            }
        }
        members
    }

    fn known(&self) -> Option<&Known> {
        self.state.as_ref().ok().map(|known| &**known)
    }
}

impl Known {
    fn delta(&self) -> f64 {
        self.after - self.before.unwrap_or_default()
    }

    fn kill(&self) -> bool {
        self.after <= 0.0 && self.before.is_none_or(|before| before > 0.0)
    }

    fn enables(&self) -> bool {
        self.after > 0.0 && self.before.is_none_or(|before| before <= 0.0)
    }
}

/// A flag's state.
#[derive(Debug, Default, PartialEq)]
struct State {
    on: bool,
    percent: f64,
    targeting: Option<Value>,
    value: Option<Value>,
}

impl State {
    fn read(part: &'static str, value: Value) -> Result<Self, Obstacle> {
        let mut fields = Fields::new(part, value)?;
        let on = fields.flag("on")?.ok_or_else(|| Obstacle::unclear(part, "`on` is missing"))?;
        let percent = match fields.take("percent") {
            None => Some(100.0),
            Some(Value::Double(percent)) => Some(percent),
            Some(Value::Int(percent)) => u8::try_from(percent).ok().map(f64::from),
            Some(_) => None,
        };
        let percent = percent
            .filter(|percent| (0.0..=100.0).contains(percent))
            .ok_or_else(|| Obstacle::unclear("percent", "not a number from 0 to 100"))?;
        let (targeting, value) = (fields.take("targeting"), fields.take("value"));
        fields.finish()?;
        Ok(Self { on, percent, targeting, value })
    }

    fn exposed(&self) -> f64 {
        // `-0.0` is 0.
        if self.on && self.percent > 0.0 { self.percent } else { 0.0 }
    }
}

fn read(text: &str) -> Result<Known, Obstacle> {
    let mut fields = Fields::new("the change", json::read("the change", text.as_bytes())?)?;
    let key = fields.text("key")?.filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| Obstacle::unclear("key", "missing or empty"))?;
    if key.chars().any(crate::text::is_unprintable) || key.len() > crate::limits::NAME_BYTES {
        return Err(Obstacle::unclear("key", "too long, or holds characters that cannot be seen"));
    }
    let from = fields.take("from").map(|state| State::read("from", state)).transpose()?;
    let to = fields.take("to").ok_or_else(|| Obstacle::unclear("to", "missing"))?;
    let to = State::read("to", to)?;
    fields.finish()?;
    let before = from.as_ref().map(State::exposed);
    let after = to.exposed();
    let targeting = from.as_ref().is_none_or(|from| from.targeting != to.targeting);
    let others = targeting || from.as_ref().is_none_or(|from| from.value != to.value);
    let effect = match from {
        Some(from) if from == to => FlagEffect::Same,
        _ if after <= 0.0 => FlagEffect::Narrow,
        _ if others => FlagEffect::Retarget,
        _ if after <= before.unwrap_or_default() => FlagEffect::Narrow,
        _ => FlagEffect::Widen,
    };
    Ok(Known { key, effect, before, after, targeting })
}
