//! The checkpoints that were kept, and what came of each.
//!
//! Compares each with the tree of its size as the log streams by, and afterwards says what they amount to:
//! whether the log still is what they say, and who vouches for them.

use chrono::{DateTime, TimeDelta, Utc};

use super::super::checkpoint::KeptCheckpoint;
use super::super::merkle::{Frontier, Hash};
use super::super::rotation::Terms;
use super::super::{Authorship, Checkpoint, Completeness, Cosignature, Fork, Witness};

/// Kept checkpoints by size, and the witnesses of the newest.
#[derive(Debug, Default)]
pub(super) struct Anchors {
    kept: Vec<Kept>,
    pub(super) witnesses: Vec<Witness>,
    pub(super) quorum: usize,
}

/// A kept checkpoint, and what came of it.
#[derive(Debug)]
struct Kept {
    checkpoint: KeptCheckpoint,
    /// Whether the log has its root, once the log had its size; and the time of the last record then.
    met: Option<(bool, Option<DateTime<Utc>>)>,
}

impl Kept {
    fn size(&self) -> u64 {
        self.checkpoint.checkpoint.size()
    }

    fn root(&self) -> Hash {
        self.checkpoint.checkpoint.root()
    }
}

impl Anchors {
    pub(super) fn add(&mut self, checkpoint: KeptCheckpoint) {
        self.kept.push(Kept { checkpoint, met: None });
        self.kept.sort_by_key(Kept::size);
    }

    /// Lists the sizes of the checkpoints, the smallest first.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> {
        self.kept.iter().map(Kept::size)
    }

    /// Compares the checkpoints of the size that the tree has by now, behind a record of a time.
    pub(super) fn compare(&mut self, tree: &Frontier, last: Option<DateTime<Utc>>) {
        let size = tree.size();
        let first = self.kept.partition_point(|kept| kept.size() < size);
        let due = self.kept.iter_mut().skip(first).take_while(|kept| kept.size() == size);
        let mut root = None;
        for kept in due {
            let root = *root.get_or_insert_with(|| tree.root());
            kept.met = Some((kept.root() == root, last));
        }
    }

    /// Returns the size of the newest checkpoint that was met, and the time of its last record.
    pub(super) fn met(&self) -> Option<(u64, Option<DateTime<Utc>>)> {
        self.kept.iter().rev().find_map(|kept| match kept.met {
            Some((true, until)) => Some((kept.size(), until)),
            _ => None,
        })
    }

    /// Says whether a met checkpoint covers the records before this number.
    pub(super) fn cover(&self, seq: u64) -> bool {
        self.met().is_some_and(|(size, _)| size >= seq)
    }

    /// Returns the root hash of a checkpoint of a size.
    pub(super) fn root_at(&self, size: u64) -> Option<Hash> {
        self.kept.iter().find(|kept| kept.size() == size).map(Kept::root)
    }

    pub(super) fn completeness(&self, records: u64, is_broken: bool) -> Completeness {
        let mut matched = 0;
        let mut found = Completeness::Unanchored;
        for kept in &self.kept {
            let size = kept.size();
            match kept.met {
                // Every log has the empty tree.
                Some((true, _)) if size == 0 => {}
                Some((true, _)) => {
                    matched = size;
                    found = Completeness::Reaches { size };
                }
                Some((false, _)) => return Completeness::Differs { size, matched },
                None if size > records && !is_broken => return Completeness::Short { records, size },
                None => return Completeness::Unanchored,
            }
        }
        found
    }

    pub(super) fn authorship(&self, keys: &Terms, now: DateTime<Utc>) -> Authorship {
        if self.kept.is_empty() {
            return Authorship::Unsigned;
        }
        let Some(newest) = self.notes().next_back() else { return self.vouched() };
        if keys.is_empty() {
            return Authorship::Unchecked;
        }
        let forged =
            |kept: &Kept| self.witnesses.iter().any(|witness| kept.checkpoint.cosigned_by(witness).is_err());
        if let Some(kept) = self.notes().find(|kept| !is_signed(kept, keys) || forged(kept)) {
            return Authorship::Unproven { size: kept.size() };
        }
        let found = self.cosignatures(now).len();
        if found < self.quorum {
            return Authorship::Unwitnessed { size: newest.size(), found, needed: self.quorum };
        }
        Authorship::Signed
    }

    fn vouched(&self) -> Authorship {
        match self.kept.last() {
            Some(newest) if self.quorum > 0 => {
                Authorship::Unwitnessed { size: newest.size(), found: 0, needed: self.quorum }
            }
            _ => Authorship::Vouched,
        }
    }

    /// Lists what the witnesses say about the newest signed checkpoint. A time that is yet to come does not
    /// count.
    pub(super) fn cosignatures(&self, now: DateTime<Utc>) -> Vec<Cosignature> {
        let Some(newest) = self.notes().next_back() else { return Vec::new() };
        let said = |witness: &Witness| {
            let at = newest.checkpoint.cosigned_by(witness).ok()??;
            let at = DateTime::from_timestamp(at, 0)?;
            (at.signed_duration_since(now) <= SKEW)
                .then(|| Cosignature { witness: witness.name().to_owned(), at })
        };
        self.witnesses.iter().filter_map(said).collect()
    }

    /// Finds two signed checkpoints that cannot both be of one log: of one size with different roots, or one
    /// that the log meets and a smaller one that it does not.
    pub(super) fn fork(&self, keys: &Terms) -> Option<Fork> {
        let differ = |older: &Kept, newer: &Kept| {
            let met = |kept: &Kept| kept.met.map(|(met, _)| met);
            older.size() == newer.size() && older.root() != newer.root()
                || met(older) == Some(false) && met(newer) == Some(true)
        };
        let signed: Vec<&Kept> = self.notes().filter(|kept| is_signed(kept, keys)).collect();
        let pairs = signed.iter().enumerate().flat_map(|(at, older)| {
            let newer = signed.iter().skip(at.saturating_add(1));
            newer.map(move |newer| (*older, *newer))
        });
        let (older, newer) = pairs
            .filter(|(older, newer)| differ(older, newer))
            .min_by_key(|(older, newer)| (older.size(), newer.size()))?;
        let checkpoint = |kept: &Kept| -> Checkpoint { kept.checkpoint.checkpoint.clone() };
        Some(Fork { older: checkpoint(older), newer: checkpoint(newer) })
    }

    fn notes(&self) -> impl DoubleEndedIterator<Item = &Kept> {
        self.kept.iter().filter(|kept| !kept.checkpoint.is_vouched())
    }
}

fn is_signed(kept: &Kept, keys: &Terms) -> bool {
    keys.accept(kept.size(), |key| kept.checkpoint.signed_by(key))
}

/// How far clocks of a writer and a reader may be apart.
pub(super) const SKEW: TimeDelta = TimeDelta::seconds(5);
