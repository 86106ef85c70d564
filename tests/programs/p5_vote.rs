//! Loads a review from the records of a database, votes, and signs when the quorum is there.

use std::error::Error;

use countersign::{Gate, Ledger, Outcome, Record, Review, SigningKey, Stamp, Subject, Vote};

/// One table of records.
#[derive(Default)]
pub struct Db {
    pub rows: Vec<(Option<String>, Vec<u8>)>,
}

impl Db {
    /// `SELECT bytes WHERE review = $1 ORDER BY seq`
    fn review(&self, id: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        let of = |review: &Option<String>| review.as_deref() == Some(id);
        Ok(self.rows.iter().filter(|(review, _)| of(review)).map(|(_, bytes)| bytes.clone()).collect())
    }

    /// The values behind the commitments of personal attributes: this policy has none.
    fn openings(&self, _id: &str) -> Result<Vec<Vec<u8>>, Box<dyn Error>> {
        Ok(Vec::new())
    }

    pub fn insert(&mut self, records: &[Record]) -> Result<(), Box<dyn Error>> {
        let row = |record: &Record| (record.review().map(str::to_owned), record.bytes().to_vec());
        self.rows.extend(records.iter().map(row));
        Ok(())
    }
}

pub fn approve(
    gate: &Gate,
    ledger: &mut Ledger,
    db: &mut Db,
    key: &SigningKey,
    id: &str,
    approver: Subject,
    stamp: Stamp,
) -> Result<Option<String>, Box<dyn Error>> {
    let review = Review::replay(db.review(id)?, db.openings(id)?)?;
    let vote = Vote::approve(approver).with_comment("checked the WHERE clause");
    let staged = ledger.stage(gate.vote(&review, vote, stamp))?;
    db.insert(staged.records())?;
    match staged.commit()? {
        Outcome::Allow(authorization) => Ok(Some(authorization.sign(key).token().to_owned())),
        Outcome::Review(_) | Outcome::Challenge(_) | Outcome::Deny(_) => Ok(None),
    }
}
