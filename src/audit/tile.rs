//! Publishing a log as static files (C2SP tlog-tiles).
//!
//! Says which files a log of some size consists of, what stands in them, and which file holds a hash that a
//! proof needs. Hashes stand in tiles of 256, records in bundles beside them. The host keeps the files;
//! nothing here stores or fetches.

use super::Subtree;
use super::merkle::Hash;

/// A tile of up to 256 hashes, or the bundle of as many records beside a tile of level 0.
///
/// ```
/// use countersign::Tile;
///
/// // A log that grew from 255 records to 70,000 has these new or wider tiles at its end:
/// let tiles: Vec<String> = Tile::grown(255, 70_000).map(|tile| tile.path()).collect();
/// assert_eq!(tiles.first().map(String::as_str), Some("tile/0/000"));
/// assert_eq!(tiles.last().map(String::as_str), Some("tile/2/000.p/1"));
/// assert!(tiles.contains(&"tile/0/273.p/112".to_owned()));
///
/// // Level 0 holds the records' own hashes; the records stand beside it.
/// let last = Tile::grown(69_999, 70_000).next().ok_or("no tile")?;
/// assert_eq!(last.entries_path().as_deref(), Some("tile/entries/273.p/112"));
/// # Ok::<(), &str>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tile {
    level: u32,
    index: u64,
    width: u64,
}

impl Tile {
    /// Lists the tiles that a log of `size` records has and one of `older` had not, or had with fewer hashes:
    /// the lower levels first, each from left to right.
    pub fn grown(older: u64, size: u64) -> impl Iterator<Item = Self> {
        (0..LEVELS).flat_map(move |level| {
            let known = older.min(size).checked_shr(BITS.saturating_mul(level)).unwrap_or(0);
            let hashes = size.checked_shr(BITS.saturating_mul(level)).unwrap_or(0);
            let tiles = if known < hashes { known >> BITS..hashes.div_ceil(WIDTH) } else { 0..0 };
            tiles.filter_map(move |index| Self::at(level, index, hashes))
        })
    }

    /// Finds the tile that a subtree's hash is computed from, in a log of `size` records. `None` if the log has
    /// no such subtree.
    #[must_use]
    pub fn of(subtree: Subtree, size: u64) -> Option<Self> {
        // Of an empty range nothing can be computed, so the subtree must end within the log.
        let end = subtree.index.checked_add(1)?.checked_mul(1_u64.checked_shl(subtree.level)?)?;
        let level = subtree.level.checked_div(BITS)?;
        let first = subtree.index.checked_shl(subtree.level.checked_rem(BITS)?)?;
        let hashes = size.checked_shr(BITS.checked_mul(level)?)?;
        (end <= size).then(|| Self::at(level, first >> BITS, hashes)).flatten()
    }

    /// Returns the path below the log's address. A tile of fewer than 256 hashes has its width in it.
    #[must_use]
    pub fn path(&self) -> String {
        self.file(&self.level.to_string())
    }

    /// Returns the path of the records beside a tile of level 0; other levels have none.
    #[must_use]
    pub fn entries_path(&self) -> Option<String> {
        (self.level == 0).then(|| self.file("entries"))
    }

    /// Lists what the tile's hashes are of, in their order. Those of level 0 are records; each of a higher level
    /// is all of a full tile of the level below, whose bytes give it by [`hash`](Self::hash).
    pub fn subtrees(&self) -> impl Iterator<Item = Subtree> {
        let (level, first) = (BITS.saturating_mul(self.level), self.index.saturating_mul(WIDTH));
        (0..self.width).map(move |place| Subtree { level, index: first.saturating_add(place) })
    }

    /// Writes the tile from the hashes of its [`subtrees`](Self::subtrees). `None` unless there are exactly as
    /// many.
    pub fn write(&self, hashes: impl IntoIterator<Item = [u8; 32]>) -> Option<Vec<u8>> {
        let hashes: Vec<[u8; 32]> = hashes.into_iter().collect();
        (u64::try_from(hashes.len()) == Ok(self.width)).then(|| hashes.concat())
    }

    /// Writes the bundle of the records beside a tile of level 0: each with its length before it, in two bytes.
    /// `None` unless there are exactly as many as the tile has hashes, each of at most 65,535 bytes.
    pub fn write_entries<R: AsRef<[u8]>>(&self, records: impl IntoIterator<Item = R>) -> Option<Vec<u8>> {
        let (mut bundle, mut count) = (Vec::new(), 0_u64);
        for record in records {
            let record = record.as_ref();
            bundle.extend_from_slice(&u16::try_from(record.len()).ok()?.to_be_bytes());
            bundle.extend_from_slice(record);
            count = count.checked_add(1)?;
        }
        (self.level == 0 && count == self.width).then_some(bundle)
    }

    /// Splits a bundle into its records. `None` unless it has exactly as many as the tile has hashes.
    #[must_use]
    pub fn read_entries<'a>(&self, mut bundle: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let mut records = Vec::new();
        while let Some((length, rest)) = bundle.split_first_chunk::<2>() {
            let (record, rest) = rest.split_at_checked(u16::from_be_bytes(*length).into())?;
            records.push(record);
            bundle = rest;
        }
        let whole = bundle.is_empty() && self.level == 0;
        (whole && u64::try_from(records.len()) == Ok(self.width)).then_some(records)
    }

    /// Computes the hash of a subtree from a tile's bytes. `None` unless these are as many as the tile has, or
    /// the subtree is not of this tile.
    #[must_use]
    pub fn hash(&self, bytes: &[u8], subtree: Subtree) -> Option<[u8; 32]> {
        let (hashes, rest) = bytes.as_chunks::<32>();
        if !rest.is_empty() || u64::try_from(hashes.len()) != Ok(self.width) {
            return None;
        }
        let height =
            subtree.level.checked_sub(BITS.checked_mul(self.level)?).filter(|height| *height <= BITS)?;
        let count = 1_u64.checked_shl(height)?;
        let first = subtree.index.checked_mul(count)?.checked_sub(self.index.checked_mul(WIDTH)?)?;
        let place = |number: u64| usize::try_from(number).ok();
        let leaves: &[Hash] = hashes.get(place(first)?..place(first.checked_add(count)?)?)?;
        Subtree { level: height, index: 0 }.hash(leaves.iter().copied())
    }

    fn at(level: u32, index: u64, hashes: u64) -> Option<Self> {
        let width = hashes.checked_sub(index.checked_mul(WIDTH)?)?.min(WIDTH);
        (width > 0).then_some(Self { level, index, width })
    }

    fn file(&self, folder: &str) -> String {
        let mut path = format!("{:03}", self.index % 1_000);
        let mut rest = self.index / 1_000;
        while rest > 0 {
            path = format!("x{:03}/{path}", rest % 1_000);
            rest /= 1_000;
        }
        let partial = if self.width < WIDTH { format!(".p/{}", self.width) } else { String::new() };
        format!("tile/{folder}/{path}{partial}")
    }
}

/// Levels of the tree within a tile.
const BITS: u32 = 8;

/// Hashes in a full tile.
const WIDTH: u64 = 256;

/// Levels of tiles that a log of 2^64 records has.
const LEVELS: u32 = 8;
