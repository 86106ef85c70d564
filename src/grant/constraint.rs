//! What a grant restricts beyond action, resource and time.
//!
//! The vocabulary is closed: a constraint has one type and one meaning of "narrower", and a name that is not
//! in it is refused. Three are enforced here, the others by a tool that declares it; a tool that does not
//! declare a constraint must refuse the grant that carries it.

use std::net::IpAddr;

use serde_json::Value;

use super::claims::ClaimError;
use crate::json::{Json, MAX_INTEGER};
use crate::limits;
use crate::text::quote;

/// A name of the vocabulary, in the order of the names' bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Constraint {
    /// `cidr`: networks that the holder may come from.
    Cidr,
    /// `first_use_by`: seconds since 1970; a first use from then on is refused.
    FirstUseBy,
    /// `idle_s`: seconds after which an unused session ends.
    IdleSeconds,
    /// `max_rows`: rows that one run may read or change.
    MaxRows,
    /// `max_sessions`: sessions open at once.
    MaxSessions,
    /// `max_uses`: uses in all, counted under issuer and request.
    MaxUses,
    /// `read_only`: nothing may be changed.
    ReadOnly,
    /// `revocation_max_age_s`: seconds that a view of revocations may be old.
    RevocationMaxAge,
}

/// The constraints of one grant, each at most once, in the order of their names.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Constraints {
    known: Vec<(Constraint, Value)>,
    unknown: Option<String>,
}

impl Constraint {
    pub(crate) const ALL: [Self; 8] = [
        Self::Cidr,
        Self::FirstUseBy,
        Self::IdleSeconds,
        Self::MaxRows,
        Self::MaxSessions,
        Self::MaxUses,
        Self::ReadOnly,
        Self::RevocationMaxAge,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Cidr => "cidr",
            Self::FirstUseBy => "first_use_by",
            Self::IdleSeconds => "idle_s",
            Self::MaxRows => "max_rows",
            Self::MaxSessions => "max_sessions",
            Self::MaxUses => "max_uses",
            Self::ReadOnly => "read_only",
            Self::RevocationMaxAge => "revocation_max_age_s",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|constraint| constraint.as_str() == name)
    }

    /// Says whether this library enforces it, whatever the tool declares.
    pub(super) fn is_enforced_here(self) -> bool {
        matches!(self, Self::FirstUseBy | Self::MaxUses | Self::RevocationMaxAge)
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Cidr => "a network or a list of 1 to 16 networks",
            Self::ReadOnly => "a truth value",
            Self::MaxUses => "an integer from 1 to 1000",
            _ => "an integer from 0 to 9007199254740991",
        }
    }

    fn admits(self, value: &Value) -> bool {
        let integer = value.as_i64();
        match self {
            Self::Cidr => match value {
                Value::String(text) => Network::read(text).is_some(),
                Value::Array(list) => (1..=16).contains(&list.len()) && networks(value).len() == list.len(),
                _ => false,
            },
            Self::ReadOnly => value.is_boolean(),
            Self::MaxUses => integer.is_some_and(|uses| (1..=limits::GRANT_USES).contains(&uses)),
            _ => integer.is_some_and(|number| (0..=MAX_INTEGER).contains(&number)),
        }
    }

    /// Says whether a value allows nothing that the other one refuses.
    fn is_within(self, value: &Value, outer: &Value) -> bool {
        match self {
            Self::Cidr => {
                let outer = networks(outer);
                networks(value).iter().all(|network| outer.iter().any(|other| network.is_within(other)))
            }
            Self::ReadOnly => value.as_bool() == Some(true) || outer.as_bool() == Some(false),
            _ => value.as_i64().zip(outer.as_i64()).is_some_and(|(value, outer)| value <= outer),
        }
    }
}

impl Constraints {
    /// Reads the claim `con`. A name outside the vocabulary is kept, for the check that comes later.
    pub(super) fn read(json: &Json<'_>) -> Result<Self, ClaimError> {
        let members = json.as_object().ok_or(ClaimError::Type { claim: "con", expected: "an object" })?;
        let mut constraints = Self::default();
        for (name, value) in members {
            match Constraint::from_name(name) {
                // A number that is no plain integer never reaches the comparison with its bounds.
                Some(constraint) if matches!(value, Json::Number(_)) && value.as_integer().is_none() => {
                    return Err(ClaimError::Type {
                        claim: constraint.as_str(),
                        expected: constraint.expected(),
                    });
                }
                Some(constraint) => constraints.set(constraint, value.to_value())?,
                None => constraints.unknown = Some(quote(name)),
            }
        }
        Ok(constraints)
    }

    /// Sets a constraint, replacing the value it had.
    pub(crate) fn set(&mut self, constraint: Constraint, value: Value) -> Result<(), ClaimError> {
        if !constraint.admits(&value) {
            return Err(ClaimError::Type { claim: constraint.as_str(), expected: constraint.expected() });
        }
        match self.known.binary_search_by_key(&constraint, |(known, _)| *known) {
            Ok(place) => {
                if let Some(entry) = self.known.get_mut(place) {
                    entry.1 = value;
                }
            }
            Err(place) => self.known.insert(place, (constraint, value)),
        }
        Ok(())
    }

    /// Makes constraints of names and values.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn of<'n>(pairs: impl IntoIterator<Item = (&'n str, Value)>) -> Result<Self, ClaimError> {
        let mut constraints = Self::default();
        for (name, value) in pairs {
            let unknown = || ClaimError::Unknown { name: quote(name) };
            constraints.set(Constraint::from_name(name).ok_or_else(unknown)?, value)?;
        }
        Ok(constraints)
    }

    /// Adds what others demand: of two values the narrower one.
    ///
    /// # Errors
    ///
    /// The constraint of which neither value is within the other.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn narrow(&mut self, others: &Self) -> Result<(), Constraint> {
        for (constraint, value) in &others.known {
            match self.get(*constraint) {
                Some(known) if constraint.is_within(known, value) => {}
                Some(known) if !constraint.is_within(value, known) => return Err(*constraint),
                _ => self.set(*constraint, value.clone()).map_err(|_| *constraint)?,
            }
        }
        Ok(())
    }

    /// Names a constraint that allows more than the others do.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn exceeds(&self, others: &Self) -> Option<Constraint> {
        let more = |(constraint, value): &(Constraint, Value)| {
            others.get(*constraint).is_some_and(|other| !constraint.is_within(value, other))
        };
        self.known.iter().find(|known| more(known)).map(|(constraint, _)| *constraint)
    }

    /// Lists the constraints by name.
    #[cfg(any(feature = "engine", test))]
    pub(crate) fn to_value(&self) -> Value {
        self.known.iter().map(|(constraint, value)| (constraint.as_str().to_owned(), value.clone())).collect()
    }

    pub(crate) fn get(&self, constraint: Constraint) -> Option<&Value> {
        self.known.iter().find(|(known, _)| *known == constraint).map(|(_, value)| value)
    }

    pub(super) fn integer(&self, constraint: Constraint) -> Option<i64> {
        self.get(constraint)?.as_i64()
    }

    pub(super) fn names(&self) -> impl Iterator<Item = Constraint> {
        self.known.iter().map(|(constraint, _)| *constraint)
    }

    pub(super) fn unknown(&self) -> Option<&str> {
        self.unknown.as_deref()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.known.is_empty() && self.unknown.is_none()
    }

    /// Writes the claim `con`.
    pub(super) fn write(&self, text: &mut String) {
        for (index, (constraint, value)) in self.known.iter().enumerate() {
            text.push_str(if index == 0 { "{\"" } else { ",\"" });
            text.push_str(constraint.as_str());
            text.push_str("\":");
            text.push_str(&value.to_string());
        }
        text.push_str(if self.known.is_empty() { "{}" } else { "}" });
    }

    /// Names a constraint of the outer grant that this one lacks or widens.
    pub(super) fn widens(&self, outer: &Self) -> Option<Constraint> {
        let kept = |constraint: Constraint, outer: &Value| {
            self.get(constraint).is_some_and(|value| constraint.is_within(value, outer))
        };
        outer
            .known
            .iter()
            .find(|(constraint, value)| !kept(*constraint, value))
            .map(|(constraint, _)| *constraint)
    }
}

/// A network: an address and how many of its leading bits count. Bits behind them are zero (RFC 4632).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Network {
    bits: u128,
    prefix: u32,
    width: u32,
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, prefix) = text.split_once('/')?;
        let plain = !prefix.starts_with('0') || prefix == "0";
        let prefix: u32 =
            prefix.bytes().all(|digit| digit.is_ascii_digit()).then(|| prefix.parse().ok())??;
        let (bits, width) = match address.parse().ok()? {
            IpAddr::V4(address) => (u128::from(address.to_bits()), 32),
            IpAddr::V6(address) => (address.to_bits(), 128),
        };
        let network = Self { bits, prefix, width };
        (plain && prefix <= width && network.head(prefix) == bits).then_some(network)
    }

    fn is_within(&self, outer: &Self) -> bool {
        self.width == outer.width && self.prefix >= outer.prefix && self.head(outer.prefix) == outer.bits
    }

    /// Clears every bit behind the first `prefix`.
    fn head(&self, prefix: u32) -> u128 {
        let tail = self.width.saturating_sub(prefix);
        self.bits.checked_shr(tail).and_then(|bits| bits.checked_shl(tail)).unwrap_or(0)
    }
}

fn networks(value: &Value) -> Vec<Network> {
    match value {
        Value::String(text) => Network::read(text).into_iter().collect(),
        Value::Array(list) => list.iter().filter_map(|item| Network::read(item.as_str()?)).collect(),
        _ => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(name: &str, value: Value) -> Result<Constraints, ClaimError> {
        let mut constraints = Constraints::default();
        constraints.set(Constraint::from_name(name).unwrap(), value)?;
        Ok(constraints)
    }

    #[test]
    fn vocabulary_is_sorted_by_name() {
        let names: Vec<_> = Constraint::ALL.map(Constraint::as_str).to_vec();
        assert!(names.is_sorted());
        assert!(Constraint::ALL.is_sorted());
    }

    #[test]
    fn values_of_the_wrong_type_are_refused() {
        for (name, value) in [
            ("max_rows", json!("500")),
            ("max_rows", json!(-1)),
            ("max_rows", json!(1.5)),
            ("max_rows", json!(9_007_199_254_740_992_i64)),
            ("max_rows", json!(null)),
            ("max_uses", json!(0)),
            ("max_uses", json!(1001)),
            ("read_only", json!(1)),
            ("read_only", json!("true")),
            ("cidr", json!("10.0.0.0")),
            ("cidr", json!("10.0.0.1/8")),
            ("cidr", json!("10.0.0.0/33")),
            ("cidr", json!("10.0.0.0/08")),
            ("cidr", json!("10.0.0.0/+8")),
            ("cidr", json!("::1/64")),
            ("cidr", json!([])),
            ("cidr", json!(["10.0.0.0/8", 1])),
            ("cidr", json!(vec!["10.0.0.0/8"; 17])),
            ("first_use_by", json!("2026-01-01")),
        ] {
            assert!(matches!(of(name, value.clone()), Err(ClaimError::Type { .. })), "{name} {value}");
        }
    }

    #[test]
    fn narrower_is_typed() {
        for (name, inner, outer) in [
            ("max_rows", json!(5), json!(5)),
            ("max_uses", json!(1), json!(2)),
            ("read_only", json!(true), json!(false)),
            ("read_only", json!(true), json!(true)),
            ("read_only", json!(false), json!(false)),
            ("cidr", json!("10.1.0.0/16"), json!("10.0.0.0/8")),
            ("cidr", json!(["10.1.0.0/16", "fe80::/64"]), json!(["fe80::/10", "0.0.0.0/0"])),
            ("cidr", json!("::/0"), json!("::/0")),
        ] {
            assert_eq!(of(name, inner).unwrap().widens(&of(name, outer).unwrap()), None, "{name}");
        }
    }

    #[test]
    fn wider_is_named() {
        for (name, inner, outer) in [
            ("max_rows", json!(6), json!(5)),
            ("read_only", json!(false), json!(true)),
            ("cidr", json!("10.0.0.0/7"), json!("10.0.0.0/8")),
            ("cidr", json!(["10.1.0.0/16", "11.0.0.0/8"]), json!("10.0.0.0/8")),
            ("cidr", json!("::/128"), json!("0.0.0.0/0")),
        ] {
            let widened = of(name, inner).unwrap().widens(&of(name, outer).unwrap());
            assert_eq!(widened.map(Constraint::as_str), Some(name));
        }
        let outer = of("max_rows", json!(5)).unwrap();
        assert_eq!(Constraints::default().widens(&outer), Some(Constraint::MaxRows));
        assert_eq!(outer.widens(&Constraints::default()), None);
    }
}
