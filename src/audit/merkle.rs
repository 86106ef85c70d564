//! The Merkle tree over a stream's records (RFC 6962, section 2.1).
//!
//! A writer keeps the frontier only: the roots of the full subtrees from left to right, one hash for each
//! bit of the size. Proofs are lists of such hashes, fetched by the host, who keeps the storage.

use sha2::{Digest, Sha256};

/// A SHA-256 hash.
pub(crate) type Hash = [u8; 32];

/// Hashes the bytes of a record: at once the link that the next record names and the leaf of the tree.
pub(crate) fn leaf_hash(bytes: &[u8]) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([0]);
    hasher.update(bytes);
    hasher.finalize().into()
}

/// Hashes two subtrees into the one that holds them.
pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hasher = Sha256::new();
    hasher.update([1]);
    hasher.update(left);
    hasher.update(right);
    hasher.finalize().into()
}

/// The right edge of a tree: what it takes to append and to know the root.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Frontier {
    size: u64,
    /// Roots of full subtrees, the largest first: one for each bit of `size` that is set.
    peaks: Vec<Hash>,
}

impl Frontier {
    /// Takes a frontier as it was kept. `None` unless there is one peak for each bit of the size.
    pub(super) fn from_parts(size: u64, peaks: Vec<Hash>) -> Option<Self> {
        (u32::try_from(peaks.len()) == Ok(size.count_ones())).then_some(Self { size, peaks })
    }

    /// Appends a leaf.
    pub(crate) fn push(&mut self, leaf: Hash) {
        self.push_subtree(0, leaf);
    }

    /// Appends what a span holds. It must begin where this ends.
    pub(super) fn extend(&mut self, span: &Span) {
        span.nodes.iter().for_each(|(level, root)| self.push_subtree(*level, *root));
    }

    /// Appends the root of 2^`level` leaves. There are a multiple of as many.
    fn push_subtree(&mut self, level: u32, root: Hash) {
        let mut peak = root;
        for _ in 0..self.size.checked_shr(level).unwrap_or(0).trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                peak = node_hash(&left, &peak);
            }
        }
        self.peaks.push(peak);
        self.size = self.size.saturating_add(1_u64.checked_shl(level).unwrap_or(0));
    }

    /// Counts the leaves.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Returns the roots of the full subtrees, the largest first.
    pub(super) fn peaks(&self) -> &[Hash] {
        &self.peaks
    }

    /// Computes the root over all leaves; of no leaves it is the hash of nothing.
    pub(crate) fn root(&self) -> Hash {
        let mut peaks = self.peaks.iter().rev();
        let Some(last) = peaks.next() else { return Sha256::digest([]).into() };
        peaks.fold(*last, |right, left| node_hash(left, &right))
    }
}

/// The part of a tree over the leaves from a number on: the roots of the full subtrees in it.
#[derive(Debug, Clone)]
pub(super) struct Span {
    end: u64,
    /// Levels and roots, from left to right.
    nodes: Vec<(u32, Hash)>,
}

impl Span {
    pub(super) fn new(start: u64) -> Self {
        Self { end: start, nodes: Vec::new() }
    }

    /// Appends a leaf.
    pub(super) fn push(&mut self, leaf: Hash) {
        self.end = self.end.saturating_add(1);
        let (mut level, mut root) = (0, leaf);
        while level < self.end.trailing_zeros()
            && let Some((_, left)) = self.nodes.pop_if(|(left, _)| *left == level)
        {
            root = node_hash(&left, &root);
            level = level.saturating_add(1);
        }
        self.nodes.push((level, root));
    }
}
