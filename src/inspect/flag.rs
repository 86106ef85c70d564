//! What a change of a feature flag does.
//!
//! The payload is one JSON object, in a form of this library's own, because flag services have none in
//! common: the flag, its state before and its state after. That the state before is the true one, only the
//! service knows: it must refuse the change where it is not.

use super::Obstacle;
use super::facts::{Facts, Members};
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
pub type FlagFacts = Facts<Known>;

/// The facts of an understood change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    key: String,
    effect: FlagEffect,
    before: Option<Reach>,
    after: Reach,
    targeting: bool,
    /// Whether who gets it, or what they get, is stated anew.
    others: bool,
}

/// How many have the feature.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Reach {
    /// Millionths of a percent, so that differences are exact; 0 where the flag is off.
    share: u32,
    /// Whether targeting gives it to some beside the percentage.
    targeted: bool,
}

/// Reads the change of a flag and states what it does.
///
/// The text is `{"key": "…", "from": STATE, "to": STATE}`. A state is `{"on": true, "percent": 5,
/// "targeting": …, "value": …}`: `on` is required, `percent` (0 to 100, at most six decimals) is 100 where it
/// is left out, `targeting` and `value` are any JSON. Targeting may give the feature to anybody, whatever the
/// percentage. `from` may be left out; then the change counts as from nobody, with other targeting. Not
/// understood are any other member, and a number that a double does not hold exactly as it is written.
///
/// ```
/// use countersign::inspect::flag;
///
/// let facts = flag::inspect(r#"{"key": "new-checkout", "from": {"on": true}, "to": {"on": false}}"#);
/// assert_eq!(facts.kill(), Some(true));
/// ```
#[must_use]
pub fn inspect(text: &str) -> FlagFacts {
    FlagFacts::new(read(text))
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
        self.known().and_then(|known| known.before).map(Reach::percent)
    }

    /// Returns the percentage that has the feature after, 0 where the flag is off.
    #[must_use]
    pub fn after(&self) -> Option<f64> {
        self.known().map(|known| known.after.percent())
    }

    /// Returns the percentage after less the one before, which counts as 0 where it is not stated.
    #[must_use]
    pub fn delta(&self) -> Option<f64> {
        self.known().map(Known::delta)
    }

    /// Says whether targeting changes, takes effect, or is not stated before.
    #[must_use]
    pub fn targeting(&self) -> Option<bool> {
        self.known().map(|known| known.targeting)
    }

    /// Says whether nobody has the feature afterwards, somebody had it before or nobody says who, and
    /// nothing else is stated anew: targeting or a value that changes at the same time is no kill switch.
    #[must_use]
    pub fn kill(&self) -> Option<bool> {
        self.known().map(Known::kill)
    }

    /// Says whether somebody has the feature afterwards, and nobody had it before or nobody says who.
    #[must_use]
    pub fn enables(&self) -> Option<bool> {
        self.known().map(Known::enables)
    }
}

impl Members for Known {
    fn add_to(&self, members: &mut Attributes) {
        members.insert("after", self.after.percent());
        members.insert("delta", self.delta());
        members.insert("effect", self.effect.as_str());
        members.insert("enables", self.enables());
        members.insert("key", &self.key);
        members.insert("kill", self.kill());
        members.insert("targeting", self.targeting);
        if let Some(before) = self.before {
            members.insert("before", before.percent());
        }
    }
}

impl Known {
    fn delta(&self) -> f64 {
        let before = self.before.map_or(0, |before| before.share);
        let change = percent(self.after.share.abs_diff(before));
        if self.after.share < before { -change } else { change }
    }

    fn kill(&self) -> bool {
        !self.others && self.after.is_nobody() && !self.before.is_some_and(Reach::is_nobody)
    }

    fn enables(&self) -> bool {
        !self.after.is_nobody() && self.before.is_none_or(Reach::is_nobody)
    }

    fn effect(&self) -> FlagEffect {
        match self.before {
            _ if self.others => FlagEffect::Retarget,
            _ if self.after.is_nobody() => FlagEffect::Narrow,
            None => FlagEffect::Retarget,
            Some(before) if before.is_nobody() || self.after.share > before.share => FlagEffect::Widen,
            Some(_) => FlagEffect::Narrow,
        }
    }
}

impl Reach {
    fn is_nobody(self) -> bool {
        self.share == 0 && !self.targeted
    }

    fn percent(self) -> f64 {
        percent(self.share)
    }
}

/// A flag's state.
#[derive(Debug, PartialEq)]
struct State {
    on: bool,
    share: u32,
    targeting: Option<Value>,
    value: Option<Value>,
}

impl State {
    fn read(part: &'static str, value: Value) -> Result<Self, Obstacle> {
        let mut fields = Fields::new(part, value)?;
        let on = fields.flag("on")?.ok_or_else(|| Obstacle::unclear(part, "`on` is missing"))?;
        let share = fields.take_or_null("percent").map_or(Some(ALL), |percent| share(&percent));
        let share = share.ok_or_else(|| {
            Obstacle::unclear("percent", "not a number from 0 to 100 with at most six decimals")
        })?;
        let (targeting, value) = (fields.take("targeting"), fields.take("value"));
        fields.finish()?;
        Ok(Self { on, share, targeting, value })
    }

    fn reach(&self) -> Reach {
        let share = if self.on { self.share } else { 0 };
        Reach { share, targeted: self.on && self.targeting.is_some() }
    }
}

fn read(text: &str) -> Result<Known, Obstacle> {
    let mut fields = Fields::new("the change", json::read_exact("the change", text)?)?;
    let key = fields.text("key")?.filter(|key| !key.is_empty());
    let key = key.ok_or_else(|| Obstacle::unclear("key", "missing or empty"))?;
    if key.chars().any(crate::text::is_unprintable) || key.len() > crate::limits::NAME_BYTES {
        return Err(Obstacle::unclear("key", "too long, or holds characters that cannot be seen"));
    }
    let from = fields.take("from").map(|state| State::read("from", state)).transpose()?;
    let to = fields.take("to").ok_or_else(|| Obstacle::unclear("to", "missing"))?;
    let to = State::read("to", to)?;
    fields.finish()?;
    let (before, after) = (from.as_ref().map(State::reach), to.reach());
    // What is stated no more is taken away where nobody has the feature.
    let anew = |old: Option<&Value>, new: Option<&Value>| old != new && (new.is_some() || !after.is_nobody());
    let (known, same) = match &from {
        Some(from) => ((from.targeting.as_ref(), from.value.as_ref()), *from == to),
        None => ((None, None), false),
    };
    let targeting = from.as_ref().is_none_or(|from| from.targeting != to.targeting)
        || after.targeted && !before.is_some_and(|before| before.targeted);
    let others = anew(known.0, to.targeting.as_ref()) || anew(known.1, to.value.as_ref());
    let mut change = Known { key, effect: FlagEffect::Same, before, after, targeting, others };
    if !same {
        change.effect = change.effect();
    }
    Ok(change)
}

/// Reads a percentage as millionths of a percent.
fn share(percent: &Value) -> Option<u32> {
    let percent = match percent {
        Value::Double(percent) => *percent,
        Value::Int(percent) => f64::from(u8::try_from(*percent).ok()?),
        _ => return None,
    };
    let fixed = format!("{:.6}", percent.abs());
    let exact = percent >= 0.0 && fixed.parse() == Ok(percent.abs());
    let share = fixed.replace('.', "").parse().ok()?;
    (exact && share <= ALL).then_some(share)
}

fn percent(share: u32) -> f64 {
    f64::from(share) / 1_000_000.0
}

const ALL: u32 = 100_000_000;
