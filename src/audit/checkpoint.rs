//! One line of truth about a stream, signed and kept elsewhere (C2SP tlog-checkpoint).
//!
//! A checkpoint fixes the first `size` records of a stream for good: whoever keeps one finds out whether
//! a log that is shown later still has them. Its text is read strictly, since a witness that reads
//! another size than the auditor would vouch for another log.

use std::fmt;

use super::Witness;
use super::merkle::Hash;
use super::note::{self, Forged, Note, Signed};
use crate::keys::{PublicKey, SigningKey, base64, from_base64};
use crate::text::quote;

/// The size and the root hash of a stream, under its name.
///
/// ```
/// use countersign::{Checkpoint, Ledger, SigningKey};
///
/// let key = SigningKey::from_seed([7; 32]);
/// let note = Ledger::create("orders-gate")?.checkpoint().sign(&key);
/// assert!(note.starts_with("orders-gate\n0\n"));
///
/// let checkpoint = Checkpoint::open(&note, "orders-gate", &key.public())?;
/// assert_eq!(checkpoint.size(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Checkpoint {
    origin: String,
    size: u64,
    root: Hash,
}

/// Why a text is not the checkpoint that it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CheckpointError {
    /// Not a text, an empty line and signature lines.
    #[error("checkpoint is not a signed note")]
    NotANote,
    /// A line of the text is not what stands there in a checkpoint: origin, size, root hash.
    #[error("line {line} of the checkpoint is malformed")]
    Line {
        /// The line, counted from 1.
        line: u8,
    },
    /// It is a checkpoint of another stream.
    #[error("checkpoint is of `{found}`, expected `{expected}`")]
    Origin {
        /// The origin found, escaped and cut.
        found: String,
        /// The stream asked for, escaped and cut.
        expected: String,
    },
    /// The key did not sign it, or it was altered.
    #[error("checkpoint is not signed by the key")]
    Signature,
}

/// A checkpoint as it was kept.
#[derive(Debug, Clone)]
pub(super) struct KeptCheckpoint {
    pub(super) checkpoint: Checkpoint,
    /// The note with its signatures; none of a checkpoint that stands in a sound parent stream.
    note: Option<String>,
}

impl Checkpoint {
    pub(crate) fn new(origin: &str, size: u64, root: Hash) -> Self {
        Self { origin: origin.to_owned(), size, root }
    }

    /// Reads a signed checkpoint of a stream and checks that the key signed it under the stream's name.
    ///
    /// # Errors
    ///
    /// [`CheckpointError`], all of its variants.
    pub fn open(note: &str, stream: &str, key: &PublicKey) -> Result<Self, CheckpointError> {
        Self::open_signed_as(note, stream, stream, key)
    }

    /// Reads a signed checkpoint of a log whose key has another name than the log, as that of some public logs
    /// has: `origin` is the checkpoint's first line, `name` that of the verifier key.
    ///
    /// ```
    /// use countersign::{Checkpoint, PublicKey};
    ///
    /// let vkey = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    /// let (name, key) = PublicKey::from_vkey(vkey)?;
    /// # let note = concat!("go.sum database tree\n65209736\n5+uGFjx6xBZG8ip1+wi77v+grwbhhukIrxEUS8PXvRo=\n\n",
    /// #     "— sum.golang.org Az3grnbssgK7ubgFX36gVETtNv0U23qxyAhAMai2QUfeGa3nB/akvkMdlUErfcZz7l/R3cVtYspg3dxXABkGZZKdsQ8=\n");
    /// // `note` is what <https://sum.golang.org/latest> gave.
    /// let checkpoint = Checkpoint::open_signed_as(note, "go.sum database tree", &name, &key)?;
    /// assert_eq!(checkpoint.size(), 65_209_736);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`CheckpointError`], all of its variants.
    pub fn open_signed_as(
        note: &str,
        origin: &str,
        name: &str,
        key: &PublicKey,
    ) -> Result<Self, CheckpointError> {
        let signed = KeptCheckpoint::read(note, origin)?;
        match signed.signed_as(name, key) {
            Signed::Valid => Ok(signed.checkpoint),
            Signed::Absent | Signed::Forged => Err(CheckpointError::Signature),
        }
    }

    /// Signs the checkpoint under the stream's name.
    #[must_use]
    pub fn sign(self, key: &SigningKey) -> String {
        note::sign(&self.text(), &self.origin, key)
    }

    /// Returns the text to be signed elsewhere, by an HSM or a KMS.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{}\n{}\n{}\n", self.origin, self.size, base64(&self.root))
    }

    /// Adds a signature over [`text`](Self::text) that was made elsewhere.
    ///
    /// # Errors
    ///
    /// [`CheckpointError::Signature`] if the key did not make it.
    pub fn finish(self, key: &PublicKey, signature: [u8; 64]) -> Result<String, CheckpointError> {
        let text = self.text();
        if !key.verify_strict(text.as_bytes(), &signature) {
            return Err(CheckpointError::Signature);
        }
        Ok(note::attach(&text, &self.origin, key, &signature))
    }

    /// Returns the stream's name.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.origin
    }

    /// Counts the records.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Returns the root hash over the records.
    #[must_use]
    pub fn root(&self) -> [u8; 32] {
        self.root
    }

    /// Reads a checkpoint's text that has one extension.
    pub(super) fn with_extension(text: &str) -> Result<(Self, &str), CheckpointError> {
        let mut lines = text.split_terminator('\n').skip(3);
        match (lines.next(), lines.next()) {
            (Some(extension), None) => Ok((Self::read(text)?, extension)),
            _ => Err(CheckpointError::Line { line: 4 }),
        }
    }

    /// Reads a checkpoint's text. Lines after the third are extensions, and ignored.
    fn read(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.split_terminator('\n');
        let mut next =
            |line| lines.next().filter(|text| !text.is_empty()).ok_or(CheckpointError::Line { line });
        let (origin, size, root) = (next(1)?, next(2)?, next(3)?);
        let digits =
            size.bytes().all(|digit| digit.is_ascii_digit()) && (size == "0" || !size.starts_with('0'));
        let size = size.parse().ok().filter(|_| digits).ok_or(CheckpointError::Line { line: 2 })?;
        let root = from_base64(root).and_then(|root| root.try_into().ok());
        let root = root.ok_or(CheckpointError::Line { line: 3 })?;
        if lines.any(str::is_empty) {
            return Err(CheckpointError::Line { line: 4 });
        }
        Ok(Self { origin: origin.to_owned(), size, root })
    }
}

impl fmt::Debug for Checkpoint {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Checkpoint")
            .field("origin", &self.origin)
            .field("size", &self.size)
            .field("root", &base64(&self.root))
            .finish()
    }
}

impl KeptCheckpoint {
    /// Reads a signed checkpoint of a stream, whoever signed it.
    pub(super) fn read(note: &str, stream: &str) -> Result<Self, CheckpointError> {
        let checkpoint = Checkpoint::read(Note::read(note).ok_or(CheckpointError::NotANote)?.text)?;
        if checkpoint.origin != stream {
            let (found, expected) = (quote(&checkpoint.origin), quote(stream));
            return Err(CheckpointError::Origin { found, expected });
        }
        Ok(Self { checkpoint, note: Some(note.to_owned()) })
    }

    /// Takes a checkpoint that a sound parent stream has.
    pub(super) fn vouched(checkpoint: Checkpoint) -> Self {
        Self { checkpoint, note: None }
    }

    pub(super) fn is_vouched(&self) -> bool {
        self.note.is_none()
    }

    /// Checks what a key under the stream's name says about the checkpoint.
    pub(super) fn signed_by(&self, key: &PublicKey) -> Signed {
        self.signed_as(&self.checkpoint.origin, key)
    }

    /// Checks what a key under a name says about the checkpoint.
    fn signed_as(&self, name: &str, key: &PublicKey) -> Signed {
        self.note().map_or(Signed::Absent, |note| note.signed_by(name, key))
    }

    /// Checks what a witness says about the checkpoint.
    pub(super) fn cosigned_by(&self, witness: &Witness) -> Result<Option<i64>, Forged> {
        self.note().map_or(Ok(None), |note| note.cosigned_by(witness))
    }

    fn note(&self) -> Option<Note<'_>> {
        Note::read(self.note.as_deref()?)
    }
}
