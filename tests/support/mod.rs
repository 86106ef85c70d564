//! What several tests need: literal times, fixed seeds, and a host that stores what it is told to.

#![allow(dead_code, reason = "each test uses its part")]

pub mod reviews;
pub mod table;
pub mod terms;
pub mod walk;

use std::time::Duration;

use chrono::{DateTime, Utc};
use countersign::{
    Conflict, Gate, Ledger, Outcome, Policy, Request, Review, SigningKey, Stamp, Subject, Vote, VoteError,
};

/// A Monday.
pub const NOON: &str = "2026-11-23T12:00:00Z";

pub const ISSUER: &str = "https://jit.example";

pub const STREAM: &str = "orders-gate";

pub fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A time after noon.
pub fn after(seconds: i64) -> DateTime<Utc> {
    time(NOON) + chrono::TimeDelta::seconds(seconds)
}

pub fn minutes(count: u64) -> Duration {
    Duration::from_secs(count * 60)
}

pub fn policy(toml: &str) -> Policy {
    Policy::from_toml(toml).unwrap_or_else(|error| panic!("{error}\n{toml}"))
}

pub fn key() -> SigningKey {
    SigningKey::from_seed([7; 32])
}

/// Somebody who is in groups.
pub fn member(id: &str, groups: &[&str]) -> Subject {
    Subject::new("user", id).with("groups", groups.to_vec())
}

/// A host: one gate, one ledger, and the lines of its log.
pub struct Host {
    pub gate: Gate,
    pub ledger: Ledger,
    pub lines: Vec<u8>,
    /// What opens the personal values of the log.
    pub openings: Vec<countersign::Opening>,
    stamps: u64,
}

impl Host {
    pub fn new(toml: &str) -> Self {
        let gate = Gate::new(policy(toml), ISSUER);
        Self {
            gate,
            ledger: Ledger::create(STREAM).unwrap(),
            lines: Vec::new(),
            openings: Vec::new(),
            stamps: 0,
        }
    }

    /// A stamp that no other call has.
    pub fn stamp(&mut self, now: DateTime<Utc>) -> Stamp {
        self.stamps += 1;
        let mut random = [0; 32];
        random[..8].copy_from_slice(&self.stamps.to_be_bytes());
        Stamp::new(now, random)
    }

    /// Stages, stores and commits.
    pub fn store<T: 'static>(&mut self, step: countersign::Step<T>) -> T {
        let staged = self.ledger.stage(step).unwrap();
        self.lines.extend_from_slice(staged.lines());
        self.openings.extend(staged.openings().cloned());
        staged.commit()
    }

    pub fn submit(&mut self, request: Request, now: DateTime<Utc>) -> Result<Outcome, Conflict> {
        let stamp = self.stamp(now);
        self.store(self.gate.clone().submit(request, stamp))
    }

    pub fn vote(&mut self, review: &Review, vote: Vote, now: DateTime<Utc>) -> Result<Outcome, VoteError> {
        let stamp = self.stamp(now);
        self.store(self.gate.clone().vote(review, vote, stamp))
    }

    pub fn wake(&mut self, review: &Review, now: DateTime<Utc>) -> Result<Outcome, Conflict> {
        let stamp = self.stamp(now);
        self.store(self.gate.clone().wake(review, stamp))
    }

    pub fn recover(&mut self, review: &Review, now: DateTime<Utc>) -> Result<Outcome, Conflict> {
        let stamp = self.stamp(now);
        self.store(self.gate.clone().recover(review, stamp))
    }

    /// Submits what must lead to a review.
    pub fn open(&mut self, request: Request, now: DateTime<Utc>) -> Review {
        match self.submit(request, now).unwrap() {
            Outcome::Review(review) => review,
            other => panic!("expected a review, found {other:?}"),
        }
    }

    /// Reads every review back from the log.
    pub fn reviews(&self) -> Vec<Review> {
        Ledger::resume(STREAM, &self.lines).unwrap().reviews().unwrap()
    }

    /// Reads one review back from the log.
    pub fn review(&self, id: &str) -> Review {
        self.reviews().into_iter().find(|review| review.id() == id).unwrap()
    }

    /// The events of the log, with the review they belong to.
    pub fn events(&self) -> Vec<String> {
        let resumed = Ledger::resume(STREAM, &self.lines).unwrap();
        resumed.records().iter().map(|record| record.event().to_owned()).collect()
    }
}
