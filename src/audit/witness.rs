//! Who else saw a checkpoint (C2SP tlog-cosignature).
//!
//! A witness signs a checkpoint only if it extends the last one that it signed, so a log that shows two
//! histories needs two sets of witnesses. Cosignatures of the form `cosignature/v1` are checked here, with
//! the time that they state; those of unknown witnesses are ignored, as the standard demands.

use chrono::{DateTime, Utc};

use crate::keys::{COSIGNATURE, KeyError, PublicKey};

/// A program elsewhere that cosigns checkpoints: its name and its key.
///
/// ```
/// use countersign::{SigningKey, Witness};
///
/// let key = SigningKey::from_seed([9; 32]).public();
/// let text = Witness::new("witness.example.com/w1", key)?.to_vkey();
/// assert!(text.starts_with("witness.example.com/w1+"));
/// assert_eq!(Witness::from_vkey(&text)?.name(), "witness.example.com/w1");
/// # Ok::<(), countersign::KeyError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    name: String,
    key: PublicKey,
}

/// What a witness says about a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cosignature {
    /// The witness's name.
    pub witness: String,
    /// When the checkpoint was the newest that the witness had seen of the log, in whole seconds.
    pub at: DateTime<Utc>,
}

impl Witness {
    /// Names a witness and its key. A key belongs to one witness alone.
    ///
    /// # Errors
    ///
    /// [`KeyError::Name`].
    pub fn new(name: &str, key: PublicKey) -> Result<Self, KeyError> {
        key.to_vkey(name)?;
        Ok(Self { name: name.to_owned(), key })
    }

    /// Reads a witness's verifier key: `name+hash+base64(0x04 ‖ key)`.
    ///
    /// # Errors
    ///
    /// As those of [`PublicKey::from_vkey`]; a log's own key is another type of key, so [`KeyError::Vkey`].
    pub fn from_vkey(text: &str) -> Result<Self, KeyError> {
        let (name, key) = PublicKey::from_typed_vkey(text, COSIGNATURE)?;
        Ok(Self { name, key })
    }

    /// Writes the witness's verifier key.
    #[must_use]
    pub fn to_vkey(&self) -> String {
        self.key.typed_vkey(&self.name, COSIGNATURE)
    }

    /// Returns the name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the key.
    #[must_use]
    pub fn key(&self) -> &PublicKey {
        &self.key
    }
}
