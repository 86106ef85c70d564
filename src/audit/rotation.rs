//! From one key of a log to the next.
//!
//! The key that ends signs one last checkpoint, which names its successor; the successor signs it too, so that
//! nobody rotates to a key that nobody holds. The record of it stands in the log: whoever trusts the first
//! key follows all others. A key signs nothing beyond its last checkpoint, whoever has it by then.

use super::commitment::Openings;
use super::draft::Draft;
use super::merkle::Frontier;
use super::note::{self, Note, Signed};
use super::record::Body;
use super::step::{Refusal, Step};
use super::{Checkpoint, CheckpointError, Event};
use crate::Stamp;
use crate::keys::{PublicKey, SigningKey};

/// A change of the key that signs a log's checkpoints.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// The number of its record.
    pub seq: u64,
    /// The size of the last checkpoint that the old key signs. Those of larger ones are signed by the new key.
    pub size: u64,
    /// The new key.
    pub key: PublicKey,
}

/// Since when and until when a key signs checkpoints.
#[derive(Debug, Clone)]
struct Term {
    key: PublicKey,
    /// It signs checkpoints that are larger.
    above: Option<u64>,
    /// It signs checkpoints that are not larger.
    until: Option<u64>,
}

/// The keys of a log.
#[derive(Debug, Default)]
pub(super) struct Terms {
    terms: Vec<Term>,
    pub(super) rotations: Vec<Rotation>,
    /// The first rotation that no key in charge signed.
    pub(super) refused: Option<u64>,
}

impl Checkpoint {
    /// Makes the step that hands a log over to another key. The old key signs this checkpoint as its last, and is
    /// wiped; destroy every other copy of it once the step is committed. The step gives the signed checkpoint, to
    /// be kept like any other. Later checkpoints are signed by the new key.
    ///
    /// ```
    /// # use countersign::{Ledger, LogVerifier, SigningKey, Stamp, Step};
    /// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
    /// let (old, new) = (SigningKey::from_seed([7; 32]), SigningKey::from_seed([8; 32]));
    /// let first = old.public();
    /// let mut ledger = Ledger::create("orders-gate")?;
    /// let mut log = Vec::new();
    /// # let staged = ledger.stage(Step::note("deploy.started", 7.into(), Stamp::new(now, [7; 32])))?;
    /// # log.extend_from_slice(staged.lines());
    /// # staged.commit();
    /// let staged = ledger.stage(ledger.checkpoint().rotate(old, &new, Stamp::new(now, [9; 32])))?;
    /// log.extend_from_slice(staged.lines());
    /// let last = staged.commit();
    /// let newest = ledger.checkpoint().sign(&new);
    ///
    /// let mut verifier = LogVerifier::new("orders-gate").with_key(first); // the first key is enough
    /// for kept in [&last, &newest] {
    ///     verifier = verifier.with_checkpoint(kept)?;
    /// }
    /// log.split_inclusive(|byte| *byte == b'\n').for_each(|line| drop(verifier.push(line)));
    /// let verdict = verifier.finish(now);
    /// verdict.require_sound()?;
    /// assert_eq!(verdict.rotations[0].key, new.public());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// The old key is gone:
    ///
    /// ```compile_fail,E0382
    /// # use countersign::{Ledger, SigningKey, Stamp};
    /// # fn rotate(ledger: &Ledger, old: SigningKey, new: &SigningKey, stamp: Stamp) {
    /// let step = ledger.checkpoint().rotate(old, new, stamp);
    /// let late = ledger.checkpoint().sign(&old);
    /// # }
    /// ```
    pub fn rotate(self, old: SigningKey, new: &SigningKey, stamp: Stamp) -> Step<String> {
        let text = self.rotation_text(new.public_ref());
        let signatures = [&old, new].map(|key| (key.public(), key.sign(text.as_bytes())));
        // Nothing waits for the commit to be wiped.
        drop(old);
        self.rotated(&text, &signatures, &stamp)
    }

    /// Returns the text that both keys sign in a [`rotate`](Self::rotate), to be signed by an HSM or a KMS.
    #[must_use]
    pub fn rotation_text(&self, new: &PublicKey) -> String {
        format!("{}{MARK}{}\n", self.text(), new.vkey(self.origin()))
    }

    /// Makes the step of a [`rotate`](Self::rotate) with signatures that were made elsewhere, over
    /// [`rotation_text`](Self::rotation_text).
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Signature`] if one of the keys did not make its signature.
    pub fn finish_rotation(
        self,
        (old, old_signature): (&PublicKey, [u8; 64]),
        (new, new_signature): (&PublicKey, [u8; 64]),
        stamp: Stamp,
    ) -> Result<Step<String>, CheckpointError> {
        let text = self.rotation_text(new);
        let signatures = [(old.clone(), old_signature), (new.clone(), new_signature)];
        if !signatures.iter().all(|(key, signature)| key.verify_strict(text.as_bytes(), signature)) {
            return Err(CheckpointError::Signature);
        }
        Ok(self.rotated(&text, &signatures, &stamp))
    }

    fn rotated(self, text: &str, signatures: &[(PublicKey, [u8; 64])], stamp: &Stamp) -> Step<String> {
        let mut signed = text.to_owned();
        signed.push('\n');
        for (key, signature) in signatures {
            signed.push_str(&note::signature_line(self.origin(), key, signature));
        }
        let event = Event::KeyRotated;
        let draft = Draft::new(event, stamp.id(event.as_str()), stamp.now()).with("note", signed.as_str());
        Step::new(vec![draft], Refusal::new(stamp), |_| signed)
    }
}

impl Term {
    fn covers(&self, size: u64) -> bool {
        self.above.is_none_or(|above| size > above) && self.until.is_none_or(|until| size <= until)
    }
}

impl Terms {
    /// Trusts a key from the beginning.
    pub(super) fn trust(&mut self, key: PublicKey) {
        if self.terms.iter().all(|term| term.key != key) {
            self.terms.push(Term { key, above: None, until: None });
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// Says whether what a key says about a checkpoint of a size makes it that of a key in charge. A known key
    /// that did not sign what bears its name spoils it.
    pub(super) fn accept(&self, size: u64, says: impl Fn(&PublicKey) -> Signed) -> bool {
        let mut valid = false;
        for term in &self.terms {
            match says(&term.key) {
                Signed::Forged => return false,
                Signed::Valid => valid |= term.covers(size),
                Signed::Absent => {}
            }
        }
        valid
    }

    /// Follows a record that says that the key was rotated, behind the tree of the records before it. A
    /// rotation of a key that is not known is none of ours: it changes nothing.
    pub(super) fn follow<T: std::ops::Deref<Target = str>>(
        &mut self,
        stream: &str,
        record: &Body<T>,
        tree: &Frontier,
    ) {
        if record.event() != Event::KeyRotated.as_str() || self.is_empty() {
            return;
        }
        let seq = record.fields.seq;
        let content = record.opened(&Openings::default()).content;
        let note = content.get("note").and_then(|note| note.as_str()).unwrap_or_default();
        match self.judge(stream, note, seq, tree) {
            Some(Judged::Rotated { by, size, key }) => {
                let key = *key;
                if let Some(term) = self.terms.get_mut(by) {
                    term.until = Some(size);
                }
                match self.terms.iter_mut().find(|term| term.key == key) {
                    Some(term) => term.above = Some(size),
                    None => self.terms.push(Term { key: key.clone(), above: Some(size), until: None }),
                }
                self.rotations.push(Rotation { seq, size, key });
            }
            Some(Judged::Unknown) => {}
            None => self.refused = self.refused.or(Some(seq)),
        }
    }

    /// Judges a rotation. `None` if it is not to be followed.
    fn judge(&self, stream: &str, note: &str, seq: u64, tree: &Frontier) -> Option<Judged> {
        let note = Note::read(note)?;
        let (checkpoint, extension) = Checkpoint::with_extension(note.text).ok()?;
        let (name, key) = PublicKey::from_vkey(extension.strip_prefix(MARK)?).ok()?;
        let size = checkpoint.size();
        let fits = checkpoint.origin() == stream && name == stream && size <= seq;
        let is_met = size < seq || checkpoint.root() == tree.root();
        if !fits || !is_met || note.signed_by(stream, &key) != Signed::Valid {
            return None;
        }
        let named = |term: &Term| note.signed_by(stream, &term.key) != Signed::Absent && term.key != key;
        let Some(by) = self.terms.iter().position(named) else { return Some(Judged::Unknown) };
        let term = self.terms.get(by)?;
        let is_new =
            self.terms.iter().all(|other| other.key != key || other.until.is_none() && other.above.is_none());
        let in_charge = term.until.is_none() && term.above.is_none_or(|above| size > above);
        let signed = note.signed_by(stream, &term.key) == Signed::Valid;
        (is_new && in_charge && signed).then(|| Judged::Rotated { by, size, key: Box::new(key) })
    }
}

/// What a well-formed rotation amounts to.
enum Judged {
    /// The key of this term hands over.
    Rotated { by: usize, size: u64, key: Box<PublicKey> },
    /// No key that is known hands over.
    Unknown,
}

/// What stands before the new key in the fourth line of the last checkpoint.
const MARK: &str = "countersign/rotation/v1 ";

#[cfg(test)]
#[allow(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests fail by panicking")]
mod tests;
