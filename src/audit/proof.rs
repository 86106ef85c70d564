//! Proofs over a stream's tree (RFC 9162, sections 2.1.3 and 2.1.4).
//!
//! A host that keeps the records need not show all of them: a few hashes prove that one record belongs to
//! a checkpoint, or that a newer checkpoint keeps every record of an older one. Which hashes is planned
//! here, as full subtrees for the host to fetch; nothing here stores or fetches.

use std::ops::Range;

use super::Checkpoint;
use super::merkle::{Frontier, Hash, node_hash};

/// A full subtree: the 2^`level` records from number `index` · 2^`level` on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Subtree {
    /// How high it is; a record's own hash is level 0.
    pub level: u32,
    /// Its place among the subtrees of its level, from the left.
    pub index: u64,
}

/// The hashes that a proof is made of, before they are fetched.
///
/// ```
/// use countersign::{ProofPlan, Subtree};
///
/// // That record 1 of 5 belongs to the tree: its neighbour, the next two, and the last one.
/// let plan = ProofPlan::inclusion(1, 5).ok_or("no such record")?;
/// let wanted: Vec<Subtree> = plan.subtrees().collect();
/// let at = |level, index| Subtree { level, index };
/// assert_eq!(wanted, [at(0, 0), at(1, 1), at(0, 4)]);
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofPlan {
    /// For each hash of the proof the full subtrees that it covers, from left to right.
    nodes: Vec<Vec<Subtree>>,
}

/// Why a proof does not prove what it should.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The checkpoint has no such record.
    #[error("record {seq} is not among the first {size}")]
    NoSuchRecord {
        /// The record's number.
        seq: u64,
        /// The checkpoint's size.
        size: u64,
    },
    /// The checkpoint that should be older is larger.
    #[error("checkpoint of {size} records cannot extend one of {older}")]
    Shrunk {
        /// The older checkpoint's size.
        older: u64,
        /// The newer one's.
        size: u64,
    },
    /// The older checkpoint has no records, so there is nothing to be kept and nothing to prove.
    #[error("checkpoint of no records proves nothing")]
    NoRecords,
    /// The checkpoints are of different streams.
    #[error("checkpoints are of different streams")]
    OtherStream,
    /// The hashes lead to another root.
    #[error("proof does not lead to the checkpoint's root")]
    Mismatch,
}

impl Subtree {
    /// Returns the numbers of its records.
    #[must_use]
    pub fn records(self) -> Range<u64> {
        let size = 1_u64.checked_shl(self.level).unwrap_or(u64::MAX);
        let first = self.index.saturating_mul(size);
        first..first.saturating_add(size)
    }

    /// Computes its hash from the hashes of its records. `None` unless there are exactly as many.
    pub fn hash(self, leaves: impl IntoIterator<Item = [u8; 32]>) -> Option<[u8; 32]> {
        let mut frontier = Frontier::default();
        leaves.into_iter().for_each(|leaf| frontier.push(leaf));
        (1_u64.checked_shl(self.level) == Some(frontier.size())).then(|| frontier.root())
    }
}

impl ProofPlan {
    /// Plans the proof that a record belongs to the tree over the first `size` records. `None` if it does
    /// not.
    #[must_use]
    pub fn inclusion(seq: u64, size: u64) -> Option<Self> {
        let mut nodes = Vec::new();
        let mut tree = (seq < size).then_some(0..size)?;
        while let Some(middle) = split(&tree) {
            let (near, far) = if seq < middle {
                (tree.start..middle, middle..tree.end)
            } else {
                (middle..tree.end, tree.start..middle)
            };
            nodes.push(full_subtrees(far));
            tree = near;
        }
        nodes.reverse();
        Some(Self { nodes })
    }

    /// Plans the proof that the tree over the first `size` records keeps the first `older`. `None` if
    /// there are not as many, or none.
    #[must_use]
    pub fn consistency(older: u64, size: u64) -> Option<Self> {
        let mut nodes = Vec::new();
        let mut tree = (0 < older && older <= size).then_some(0..size)?;
        // The older tree ends at the end of `tree`, or somewhere within it.
        while tree.end != older {
            let middle = split(&tree)?;
            if older <= middle {
                nodes.push(full_subtrees(middle..tree.end));
                tree.end = middle;
            } else {
                nodes.push(full_subtrees(tree.start..middle));
                tree.start = middle;
            }
        }
        // Who has the older root knows this subtree, if it is all of the older tree.
        if tree.start > 0 {
            nodes.push(full_subtrees(tree));
        }
        nodes.reverse();
        Some(Self { nodes })
    }

    /// Lists the subtrees to fetch.
    pub fn subtrees(&self) -> impl Iterator<Item = Subtree> {
        self.nodes.iter().flatten().copied()
    }

    /// Makes the proof from the fetched hashes, in the order of [`subtrees`](Self::subtrees). `None`
    /// unless there are exactly as many.
    pub fn assemble(&self, hashes: impl IntoIterator<Item = [u8; 32]>) -> Option<Vec<[u8; 32]>> {
        let mut hashes = hashes.into_iter();
        let mut proof = Vec::with_capacity(self.nodes.len());
        for node in &self.nodes {
            let parts = node.iter().map(|_| hashes.next()).collect::<Option<Vec<_>>>()?;
            let size =
                node.iter().fold(0_u64, |size, part| size | 1_u64.checked_shl(part.level).unwrap_or(0));
            proof.push(Frontier::from_parts(size, parts)?.root());
        }
        hashes.next().is_none().then_some(proof)
    }
}

impl Checkpoint {
    /// Checks that a record belongs to the checkpoint.
    ///
    /// # Errors
    ///
    /// [`ProofError::NoSuchRecord`], [`ProofError::Mismatch`].
    pub fn includes(&self, seq: u64, leaf: [u8; 32], proof: &[[u8; 32]]) -> Result<(), ProofError> {
        if seq >= self.size() {
            return Err(ProofError::NoSuchRecord { seq, size: self.size() });
        }
        let root = root_of_inclusion(seq, self.size(), leaf, proof);
        if root == Some(self.root()) { Ok(()) } else { Err(ProofError::Mismatch) }
    }

    /// Checks that the checkpoint keeps every record of an older one of the same stream.
    ///
    /// # Errors
    ///
    /// [`ProofError::OtherStream`], [`ProofError::Shrunk`], [`ProofError::NoRecords`],
    /// [`ProofError::Mismatch`].
    pub fn extends(&self, older: &Self, proof: &[[u8; 32]]) -> Result<(), ProofError> {
        if self.origin() != older.origin() {
            return Err(ProofError::OtherStream);
        }
        if older.size() > self.size() {
            return Err(ProofError::Shrunk { older: older.size(), size: self.size() });
        }
        if older.size() == 0 {
            return Err(ProofError::NoRecords);
        }
        let agree = if older.size() == self.size() {
            proof.is_empty() && older.root() == self.root()
        } else {
            roots_of_consistency(older, self.size(), proof) == Some((older.root(), self.root()))
        };
        if agree { Ok(()) } else { Err(ProofError::Mismatch) }
    }
}

/// Computes the root that a proof of inclusion leads to (RFC 9162, section 2.1.3.2).
fn root_of_inclusion(seq: u64, size: u64, leaf: Hash, proof: &[Hash]) -> Option<Hash> {
    let mut climb = Climb { node: seq, last: size.checked_sub(1)? };
    let mut root = leaf;
    for hash in proof {
        root = if climb.is_right()? { node_hash(hash, &root) } else { node_hash(&root, hash) };
        climb.up();
    }
    (climb.last == 0).then_some(root)
}

/// Computes both roots that a proof of consistency leads to (RFC 9162, section 2.1.4.2).
fn roots_of_consistency(older: &Checkpoint, size: u64, proof: &[Hash]) -> Option<(Hash, Hash)> {
    let mut climb = Climb { node: older.size().checked_sub(1)?, last: size.checked_sub(1)? };
    let full = climb.node.trailing_ones();
    climb = Climb { node: climb.node.checked_shr(full)?, last: climb.last.checked_shr(full)? };
    // Of a full older tree the proof leaves out the root, which is known.
    let known = older.root();
    let (first, rest) = if older.size().is_power_of_two() { (&known, proof) } else { proof.split_first()? };
    let (mut old, mut new) = (*first, *first);
    for hash in rest {
        if climb.is_right()? {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
        } else {
            new = node_hash(&new, hash);
        }
        climb.up();
    }
    (climb.last == 0).then_some((old, new))
}

/// A way from a node to the root: the node and the last one of its level.
struct Climb {
    node: u64,
    last: u64,
}

impl Climb {
    /// Says whether the next hash stands to the left. `None` at the root, where there is no next hash.
    fn is_right(&mut self) -> Option<bool> {
        if self.last == 0 {
            return None;
        }
        if self.node & 1 == 1 {
            return Some(true);
        }
        if self.node < self.last {
            return Some(false);
        }
        // The last node of a level without a neighbour goes up until it is a right one.
        while self.node & 1 == 0 {
            self.up();
        }
        Some(true)
    }

    fn up(&mut self) {
        self.node >>= 1;
        self.last >>= 1;
    }
}

/// Returns where a tree's left half ends: the largest power of two below its size. `None` of one record.
fn split(tree: &Range<u64>) -> Option<u64> {
    let last = tree.end.checked_sub(tree.start)?.checked_sub(1)?;
    tree.start.checked_add(1_u64.checked_shl(last.checked_ilog2()?)?)
}

/// Divides a range that begins at a tree's left half into full subtrees, the largest first.
fn full_subtrees(mut range: Range<u64>) -> Vec<Subtree> {
    let mut subtrees = Vec::new();
    while let Some(level) = range.end.saturating_sub(range.start).checked_ilog2() {
        let subtree = Subtree { level, index: range.start.checked_shr(level).unwrap_or(0) };
        range.start = subtree.records().end;
        subtrees.push(subtree);
    }
    subtrees
}

#[cfg(test)]
mod tests;
