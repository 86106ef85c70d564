//! Signed notes (C2SP signed-note).
//!
//! Splits a note into its text and its signatures and checks the one that a known key should have made.
//! Signatures of unknown keys are ignored, as the standard demands; a known key's that does not verify
//! makes the note worthless, whatever else stands there.

use super::Witness;
use crate::keys::{COSIGNATURE, PublicKey, SigningKey, base64, from_base64};
use crate::limits;

/// A note whose signatures are not checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Note<'a> {
    /// The signed text, its last line end included.
    pub(super) text: &'a str,
    signatures: Vec<Signature<'a>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Signature<'a> {
    name: &'a str,
    key_id: u32,
    bytes: Vec<u8>,
}

/// What a note shows about one key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Signed {
    /// The key signed the text.
    Valid,
    /// The key is not named.
    Absent,
    /// The key is named, but did not sign the text.
    Forged,
}

/// A key is named, but did not sign the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Forged;

impl<'a> Note<'a> {
    /// Splits a note. `None` for another shape.
    pub(super) fn read(note: &'a str) -> Option<Self> {
        if note.len() > limits::NOTE_BYTES
            || note.chars().any(|letter| letter.is_ascii_control() && letter != '\n')
        {
            return None;
        }
        let end = note.rfind("\n\n")?.checked_add(1)?;
        let (text, rest) = note.split_at_checked(end)?;
        let lines = rest.strip_prefix('\n')?.strip_suffix('\n')?;
        let signatures = lines.split('\n').map(Signature::read).collect::<Option<Vec<_>>>()?;
        (signatures.len() <= limits::NOTE_SIGNATURES && text.len() > 1).then_some(Self { text, signatures })
    }

    /// Checks what a key under a name says about the text.
    pub(super) fn signed_by(&self, name: &str, key: &PublicKey) -> Signed {
        let mut state = Signed::Absent;
        for bytes in self.signatures_of(name, key.key_id(name)) {
            match <[u8; 64]>::try_from(bytes) {
                Ok(bytes) if key.verify_strict(self.text.as_bytes(), &bytes) => state = Signed::Valid,
                _ => return Signed::Forged,
            }
        }
        state
    }

    /// Checks what a witness says about the text, which is a checkpoint's: the seconds since 1970 at which it
    /// was the newest. `None` if the witness says nothing.
    pub(super) fn cosigned_by(&self, witness: &Witness) -> Result<Option<i64>, Forged> {
        let (name, key) = (witness.name(), witness.key());
        let mut newest = None;
        for bytes in self.signatures_of(name, key.typed_id(name, COSIGNATURE)) {
            let (time, signature) = bytes.split_first_chunk::<8>().ok_or(Forged)?;
            let time = i64::try_from(u64::from_be_bytes(*time)).map_err(|_| Forged)?;
            let signature = signature.try_into().map_err(|_| Forged)?;
            let message = format!("cosignature/v1\ntime {time}\n{}", self.text);
            if !key.verify_strict(message.as_bytes(), signature) {
                return Err(Forged);
            }
            newest = newest.max(Some(time));
        }
        Ok(newest)
    }

    fn signatures_of(&self, name: &str, key_id: u32) -> impl Iterator<Item = &[u8]> {
        let signatures = self.signatures.iter();
        signatures
            .filter(move |found| found.name == name && found.key_id == key_id)
            .map(|found| found.bytes.as_slice())
    }
}

impl<'a> Signature<'a> {
    fn read(line: &'a str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix("— ")?.split_once(' ')?;
        let named =
            !name.is_empty() && !name.contains(|letter: char| letter == '+' || letter.is_whitespace());
        let bytes = from_base64(encoded).filter(|_| named)?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        if bytes.is_empty() {
            return None;
        }
        Some(Self { name, key_id: u32::from_be_bytes(*id), bytes: bytes.to_vec() })
    }
}

/// Signs a text, which ends with a line end, under a name.
pub(super) fn sign(text: &str, name: &str, key: &SigningKey) -> String {
    attach(text, name, key.public_ref(), &key.sign(text.as_bytes()))
}

/// Adds a signature to a text.
pub(super) fn attach(text: &str, name: &str, key: &PublicKey, signature: &[u8; 64]) -> String {
    format!("{text}\n{}", signature_line(name, key, signature))
}

/// Writes the line of one signature, with its line end.
pub(super) fn signature_line(name: &str, key: &PublicKey, signature: &[u8; 64]) -> String {
    let mut bytes = key.key_id(name).to_be_bytes().to_vec();
    bytes.extend_from_slice(signature);
    format!("— {name} {}\n", base64(&bytes))
}

#[cfg(test)]
mod tests;
