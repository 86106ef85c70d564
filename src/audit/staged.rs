//! A step whose records have places, before the host has stored them.
//!
//! Lends out what is to be stored and keeps the result back. Two things can be in the way of storing:
//! somebody took the numbers, or somebody took a key. Both are healed here without asking the caller
//! again, and both leave the ledger as uncertain as it was if they fail.

use std::collections::HashSet;
use std::fmt;
use std::sync::OnceLock;

use super::chain::{self, Chained};
use super::commitment::Opening;
use super::draft::Template;
use super::record::Record;
use super::step::{Fate, Part, Position, Release};
use super::{Ledger, LedgerError};

/// Records to store, and the result that storing them releases.
///
/// Store all of [`lines`](Self::lines) or [`records`](Self::records), as one write; then
/// [`commit`](Self::commit). A `Staged` that is dropped instead leaves the ledger
/// [`uncertain`](Ledger::uncertain): its records may be stored or not.
///
/// Each step is committed once, the ledger takes one step at a time, and makes no checkpoint in between:
///
/// ```compile_fail,E0382
/// # fn twice(staged: countersign::Staged<'_, ()>) {
/// staged.commit();
/// staged.commit();
/// # }
/// ```
///
/// ```compile_fail,E0499
/// # use countersign::{Ledger, Step};
/// fn two(ledger: &mut Ledger, first: Step<()>, second: Step<()>) {
///     let first = ledger.stage(first).unwrap();
///     let second = ledger.stage(second).unwrap();
///     first.commit();
/// }
/// ```
///
/// ```compile_fail,E0502
/// # use countersign::{Ledger, Step};
/// fn early(ledger: &mut Ledger, step: Step<()>) {
///     let staged = ledger.stage(step).unwrap();
///     let checkpoint = ledger.checkpoint();
///     staged.commit();
/// }
/// ```
#[must_use = "store the records, then commit: dropping leaves the ledger uncertain"]
pub struct Staged<'a, T> {
    ledger: &'a mut Ledger,
    opening: Option<Template>,
    /// What remains to be stored, or is lent out.
    parts: Vec<Part>,
    /// The fates of the parts before those, which the store was found to hold.
    settled: Vec<Fate>,
    /// The places of the first part's records, if the store was found to hold some of them.
    begun: Vec<Position>,
    release: Release<T>,
    /// Keys that the store said are taken.
    taken: HashSet<String>,
    chained: Chained,
    /// The openings of records that the store was found to hold: it may not hold these.
    owed: Vec<Opening>,
    /// What was lent out before at the same place, oldest first: the store may hold any of it.
    earlier: Vec<Chained>,
    lines: OnceLock<Vec<u8>>,
}

impl<'a, T: 'static> Staged<'a, T> {
    pub(super) fn new(
        ledger: &'a mut Ledger,
        opening: Option<Template>,
        parts: Vec<Part>,
        release: Release<T>,
    ) -> Self {
        let mut staged = Self {
            ledger,
            opening,
            parts,
            settled: Vec::new(),
            begun: Vec::new(),
            release,
            taken: HashSet::new(),
            chained: Chained::default(),
            owed: Vec::new(),
            earlier: Vec::new(),
            lines: OnceLock::new(),
        };
        staged.chain();
        staged
    }

    /// Returns the records as JSON lines, each with its line end, for a file.
    #[must_use]
    pub fn lines(&self) -> &[u8] {
        self.lines.get_or_init(|| {
            let mut lines = Vec::new();
            for record in &self.chained.records {
                lines.extend_from_slice(record.bytes());
                lines.push(b'\n');
            }
            lines
        })
    }

    /// Returns the records as rows, for a database. There are none if the store turned out to hold them.
    #[must_use]
    pub fn records(&self) -> &[Record] {
        &self.chained.records
    }

    /// Returns what opens the personal values that the records commit to: to be stored with the records, in the
    /// same transaction or else before them, but apart from them, where it can be deleted. A log whose policies
    /// mark nothing `personal` has none.
    ///
    /// After a [`rebase`](Self::rebase) store them anew: they name the records' new numbers, and those of records
    /// that were found stored are here again.
    pub fn openings(&self) -> impl Iterator<Item = &Opening> {
        self.owed.iter().chain(&self.chained.openings)
    }

    /// Returns the number of the first record; of none, the number that the next would have.
    #[must_use]
    pub fn first_seq(&self) -> u64 {
        self.ledger.next_seq()
    }

    /// Goes on behind `newer`, what the store holds from [`first_seq`](Self::first_seq) on: another process
    /// has taken the numbers, or the answer to a write was lost.
    ///
    /// Where `newer` begins with these very records, or with those that stood here before a
    /// [`refuse`](Self::refuse), they are stored: they are settled and never lent out again. What remains is
    /// lent out as it was, or chained anew where records of others follow. If nothing remains, the result is
    /// that of the records that are stored.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Broken`]: the store holds something that does not follow. The ledger is uncertain.
    /// [`LedgerError::Closed`]: somebody closed the stream, and what remains has no place in it.
    pub fn rebase<R: AsRef<[u8]>>(mut self, newer: impl IntoIterator<Item = R>) -> Result<Self, LedgerError> {
        let first = self.ledger.next_seq();
        let newer = self.ledger.pass(newer)?;
        if newer.is_empty() {
            return Ok(self);
        }
        let mut lent = std::mem::take(&mut self.earlier);
        lent.push(std::mem::take(&mut self.chained));
        // Of equals the last: what was lent out last is what was written last.
        let own = lent.into_iter().map(|chained| (chained.begun_in(&newer), chained));
        let (own, chained) = own.max_by_key(|(own, _)| *own).unwrap_or_default();
        let rest = self.settle(chained, own, first);
        if self.ledger.is_closed() && !self.parts.is_empty() {
            // The places that were lent out are taken, so nothing is uncertain.
            self.ledger.uncertain = None;
            return Err(LedgerError::Closed);
        }
        if own == newer.len() {
            self.lend(rest)
        } else {
            self.chain()
        }
        Ok(self)
    }

    /// Turns every step that needs one of these keys into a recorded refusal; a numbered key first moves
    /// on to the next number that is free. The other steps stay.
    pub fn refuse<K: AsRef<str>>(mut self, taken_keys: impl IntoIterator<Item = K>) -> Self {
        self.taken.extend(taken_keys.into_iter().map(|key| key.as_ref().to_owned()));
        self.earlier.push(std::mem::take(&mut self.chained));
        self.chain();
        self
    }

    /// Says that the records are stored, all of them, and returns the result.
    pub fn commit(self) -> T {
        let Chained { records, mut fates, .. } = self.chained;
        self.ledger.remember(&records);
        for record in &records {
            self.ledger.tip.advance(&record.body);
        }
        self.ledger.uncertain = None;
        resume(&mut fates, self.begun);
        if !self.settled.is_empty() {
            fates.splice(..0, self.settled);
        }
        self.release.now(fates)
    }

    /// Settles what the first `own` records belong to, which are stored, and returns the others.
    fn settle(&mut self, mut chained: Chained, own: usize, first: u64) -> Chained {
        if own == 0 {
            return chained;
        }
        let next = first.saturating_add(u64::try_from(own).unwrap_or(u64::MAX));
        chained.records.drain(..own);
        let openings = std::mem::take(&mut chained.openings);
        let (owed, rest) = openings.into_iter().partition(|opening| opening.seq() < next);
        let owed: Vec<Opening> = owed;
        self.owed.extend(owed);
        chained.openings = rest;
        let whole = chained.fates.iter().take_while(|fate| fate.ends_before(next)).count();
        if whole > 0 {
            resume(&mut chained.fates, std::mem::take(&mut self.begun));
            self.settled.extend(chained.fates.drain(..whole));
            self.parts.drain(..whole);
        }
        if let (Some(Fate::Stored(places)), Some(part)) = (chained.fates.first_mut(), self.parts.first_mut())
        {
            let cut = places.iter().take_while(|place| place.seq < next).count();
            self.begun.extend(places.drain(..cut));
            part.drafts.drain(..cut);
        }
        chained
    }

    fn chain(&mut self) {
        let (keys, taken) = (&self.ledger.keys, &self.taken);
        let is_taken = |key: &str| taken.contains(key) || keys.holds(key);
        self.lend(chain::chain(&self.ledger.tip, self.opening.as_ref(), &self.parts, is_taken));
    }

    fn lend(&mut self, chained: Chained) {
        self.ledger.uncertain = (!chained.records.is_empty()).then_some(self.ledger.next_seq());
        self.chained = chained;
        self.lines = OnceLock::new();
    }
}

/// Puts the places that were found stored before those of the first part's other records.
fn resume(fates: &mut [Fate], begun: Vec<Position>) {
    if let Some(Fate::Stored(places)) = fates.first_mut() {
        places.splice(..0, begun);
    }
}

impl<T> fmt::Debug for Staged<'_, T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Staged").field("records", &self.chained.records).finish_non_exhaustive()
    }
}
