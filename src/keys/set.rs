//! The keys that a verifier trusts.
//!
//! A grant names one key by its thumbprint; that key is used or none. A set read from JSON (RFC 7517,
//! RFC 8037) is refused whole if one of its Ed25519 keys is malformed, weak, meant for something else or
//! misnamed, or if it holds secret material. Keys of other kinds stay unusable: naming one is refused.

use super::{KeyError, PublicKey};
use crate::json::{self, Bounds, Json};
use crate::limits;
use crate::text::quote;

/// A set of public keys, found by their thumbprints.
///
/// Rotation with overlap: add the new key, publish, sign with the new key from then on, and take the old key
/// out when its last grant has ended.
///
/// ```
/// use countersign::{KeySet, SigningKey};
///
/// let (old, new) = (SigningKey::from_seed([1; 32]).public(), SigningKey::from_seed([2; 32]).public());
/// let overlap = KeySet::new([old.clone()]).with(new.clone());
/// let published = KeySet::from_jwks(&overlap.to_jwks())?;
/// assert_eq!(published.len(), 2);
/// assert_eq!(published.without(old.thumbprint()), KeySet::new([new]));
/// # Ok::<(), countersign::KeyError>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeySet {
    keys: Vec<PublicKey>,
    unusable: Vec<String>,
}

/// What a set knows under an id.
#[derive(Debug)]
pub(crate) enum Lookup<'a> {
    Found(&'a PublicKey),
    /// The set holds a key of another kind under this id.
    Unusable,
    Unknown,
}

impl KeySet {
    /// Makes a set; a key given twice stands once.
    pub fn new(keys: impl IntoIterator<Item = PublicKey>) -> Self {
        keys.into_iter().fold(Self::default(), Self::with)
    }

    /// Reads a JWK set. Members that RFC 7517 does not define are ignored, as it demands.
    ///
    /// # Errors
    ///
    /// [`KeyError::SetTooLarge`], [`KeyError::Json`], [`KeyError::NoKeys`], [`KeyError::TooManyKeys`] for the
    /// text; [`KeyError::Member`], [`KeyError::Private`], [`KeyError::KidMismatch`],
    /// [`KeyError::DuplicateKid`] and those of [`PublicKey::from_bytes`] for one of its keys.
    pub fn from_jwks(text: &str) -> Result<Self, KeyError> {
        if text.len() > limits::KEY_SET_BYTES {
            return Err(KeyError::SetTooLarge { bytes: text.len() });
        }
        let document = json::parse(text.as_bytes(), BOUNDS)?;
        let listed = document.get("keys").and_then(Json::as_array).ok_or(KeyError::NoKeys)?;
        if listed.len() > limits::KEY_SET_KEYS {
            return Err(KeyError::TooManyKeys { count: listed.len() });
        }
        let mut set = Self::default();
        for (index, jwk) in listed.iter().enumerate() {
            set.add_jwk(index, jwk)?;
        }
        Ok(set)
    }

    /// Writes the set as a JWK set, without `alg`: the one form that readers of `EdDSA` (RFC 8037) and of
    /// `Ed25519` (RFC 9864) both take.
    #[must_use]
    pub fn to_jwks(&self) -> String {
        let jwk = |key: &PublicKey| {
            let (kid, x) = (key.thumbprint(), key.x());
            format!(r#"{{"crv":"Ed25519","kid":"{kid}","kty":"OKP","use":"sig","x":"{x}"}}"#)
        };
        let keys: Vec<String> = self.keys.iter().map(jwk).collect();
        format!(r#"{{"keys":[{}]}}"#, keys.join(","))
    }

    /// Adds a key.
    #[must_use]
    pub fn with(mut self, key: PublicKey) -> Self {
        if let Err(place) = self.place(key.thumbprint()) {
            self.keys.insert(place, key);
        }
        self
    }

    /// Takes a key out: its grants are refused from then on.
    #[must_use]
    pub fn without(mut self, thumbprint: &str) -> Self {
        self.keys.retain(|key| key.thumbprint() != thumbprint);
        self
    }

    /// Iterates over the keys, in the order of their thumbprints.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &PublicKey> {
        self.keys.iter()
    }

    /// Counts the keys.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Says whether there is no key; such a set verifies nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(crate) fn lookup(&self, kid: &str) -> Lookup<'_> {
        match self.place(kid).ok().and_then(|place| self.keys.get(place)) {
            Some(key) => Lookup::Found(key),
            None if self.unusable.iter().any(|known| known == kid) => Lookup::Unusable,
            None => Lookup::Unknown,
        }
    }

    fn add_jwk(&mut self, index: usize, jwk: &Json<'_>) -> Result<(), KeyError> {
        let member = |member, expected| KeyError::Member { index, member, expected };
        jwk.as_object().ok_or(member("keys", "must list objects"))?;
        if let Some(private) = PRIVATE.into_iter().find(|name| jwk.get(name).is_some()) {
            return Err(KeyError::Private { index, member: private });
        }
        let text = |name: &'static str| match jwk.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(member(name, "must be text")),
        };
        let kid = text("kid")?;
        let kind = text("kty")?.ok_or(member("kty", "is missing"))?;
        let curve = text("crv")?;
        if (kind, curve) != ("OKP", Some("Ed25519")) {
            return match kid {
                Some(kid) => self.add_unusable(kid),
                None => Ok(()),
            };
        }
        if text("use")?.is_some_and(|usage| usage != "sig") {
            return Err(member("use", "must be `sig`"));
        }
        if text("alg")?.is_some_and(|name| name != "EdDSA" && name != "Ed25519") {
            return Err(member("alg", "must be `EdDSA` or `Ed25519`"));
        }
        if let Some(operations) = jwk.get("key_ops") {
            let operations = operations.as_array().unwrap_or_default();
            if operations.is_empty() || operations.iter().any(|name| name.as_str() != Some("verify")) {
                return Err(member("key_ops", "must be `[\"verify\"]`"));
            }
        }
        let key = PublicKey::from_x(text("x")?.ok_or(member("x", "is missing"))?)?;
        let expected = key.thumbprint();
        if let Some(found) = kid.filter(|kid| *kid != expected) {
            return Err(KeyError::KidMismatch { index, found: quote(found), expected: expected.to_owned() });
        }
        self.check_new(expected)?;
        if let Err(place) = self.place(key.thumbprint()) {
            self.keys.insert(place, key);
        }
        Ok(())
    }

    fn add_unusable(&mut self, kid: &str) -> Result<(), KeyError> {
        self.check_new(kid)?;
        self.unusable.push(kid.to_owned());
        Ok(())
    }

    fn check_new(&self, kid: &str) -> Result<(), KeyError> {
        match self.lookup(kid) {
            Lookup::Unknown => Ok(()),
            _ => Err(KeyError::DuplicateKid { kid: quote(kid) }),
        }
    }

    fn place(&self, kid: &str) -> Result<usize, usize> {
        self.keys.binary_search_by(|key| key.thumbprint().cmp(kid))
    }
}

/// A set, its list, a key, a list in the key, and one level for members that are ignored.
const BOUNDS: Bounds = Bounds { depth: 6, members: 32 };

/// Secret members of all registered key types (RFC 7518, section 6; RFC 8037; RFC 9864 adds none).
const PRIVATE: [&str; 9] = ["d", "k", "p", "q", "dp", "dq", "qi", "oth", "priv"];
