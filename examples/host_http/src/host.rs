//! What handlers use: each call reads what it needs, decides without a lock, and answers after the store has
//! confirmed.
//!
//! Of a review only its records count; it is read from the store for each call. Whoever acts on a state that has
//! moved on meanwhile is told by the key that was taken, and acts again on the new one. Grants are signed here, and
//! only when whoever asked fetches them.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use countersign::{
    Attempt, Checkpoint, Conflict, Debts, Gate, Grant, GrantVerifier, KeySet, Outcome, Owed, Permit, Policy,
    Record, RecordFault, Request, Review, ReviewError, SigningKey, Step, Subject, Usage, VerifyError, Vote,
    VoteError,
};

use crate::clock::{now, random, stamp};
use crate::config::{Config, ConfigError};
use crate::directory::Directory;
use crate::store::{OPEN, REVOKED, ReviewRows, SCHEDULED, Store, StoreError};
use crate::writer::{Parent, WriteError, Writer};

/// A gate with a store, keys and a directory. Shared by all handlers.
#[derive(Debug)]
pub struct Host {
    gate: RwLock<Gate>,
    store: Store,
    writer: Writer,
    parent: Option<Parent>,
    keys: Keys,
    directory: Directory,
    issuer: String,
    stream: String,
}

#[derive(Debug)]
struct Keys {
    grants: SigningKey,
    log: SigningKey,
}

/// Why a call came to nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HostError {
    /// Nothing is known under that name.
    #[error("no such review")]
    UnknownReview,
    /// The review has not led to a grant that is alive.
    #[error("there is no grant to fetch")]
    NoGrant,
    /// Only whoever asked may do that.
    #[error("only whoever asked may do that")]
    NotYours,
    /// An approval on which the grant rested was taken back.
    #[error("the grant was revoked")]
    Revoked,
    /// Somebody acted first, again and again.
    #[error(transparent)]
    Conflict(#[from] Conflict),
    /// The vote does not count.
    #[error(transparent)]
    Vote(#[from] VoteError),
    /// The grant does not let that run.
    #[error(transparent)]
    Verify(#[from] VerifyError),
    /// The write was not confirmed.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// The store does not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// What is stored of a review cannot be followed.
    #[error("review: {0}")]
    Review(#[from] ReviewError),
    /// What is stored is no record.
    #[error("record: {0}")]
    Record(#[from] RecordFault),
    /// The host cannot start like this.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The address cannot be used.
    #[error("address: {0}")]
    Address(#[from] std::io::Error),
}

impl Host {
    /// Opens the store, goes on with the log, and wakes what was left.
    ///
    /// # Errors
    ///
    /// [`HostError`]: the host must not run.
    pub async fn open(config: &Config) -> Result<Arc<Self>, HostError> {
        let policy = Policy::from_toml(&config.policy_text()?).map_err(ConfigError::from)?;
        let directory = Directory::read(&config.directory_text()?).map_err(ConfigError::from)?;
        let (grants, log) = config.keys()?;
        let store = Store::open(&config.store).await?;
        let (stream, parent) = if store.is_shared() {
            let start: String = random().iter().take(8).map(|byte| format!("{byte:02x}")).collect();
            let parent = Parent::open(store.clone(), &config.stream).await?;
            (format!("{}/{start}", config.stream), Some(parent))
        } else {
            (config.stream.clone(), None)
        };
        let writer = Writer::start(store.clone(), &stream, parent.as_ref()).await?;
        let gate = RwLock::new(Gate::new(policy, &config.issuer));
        let (issuer, keys) = (config.issuer.clone(), Keys { grants, log });
        let host = Arc::new(Self { gate, store, writer, parent, keys, directory, issuer, stream });
        host.wake_due().await?;
        Ok(host)
    }

    /// Returns the gate that decides now.
    #[must_use]
    pub fn gate(&self) -> Gate {
        self.gate.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns people and resources.
    #[must_use]
    pub fn directory(&self) -> &Directory {
        &self.directory
    }

    /// Returns the store, for reading and for documents. Records go through [`record`](Self::record).
    #[must_use]
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// Returns the key that signs grants and denials.
    #[must_use]
    pub fn signing_key(&self) -> &SigningKey {
        &self.keys.grants
    }

    /// Returns who signs.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the name of this process's stream.
    #[must_use]
    pub fn stream(&self) -> &str {
        &self.stream
    }

    /// Returns the keys that verify grants.
    #[must_use]
    pub fn key_set(&self) -> KeySet {
        KeySet::new([self.keys.grants.public()])
    }

    /// Records any step and gives its result.
    ///
    /// # Errors
    ///
    /// [`HostError::Write`].
    pub async fn record<T: Send + 'static>(&self, step: Step<T>) -> Result<T, HostError> {
        Ok(self.writer.record(step).await?)
    }

    /// States what the log holds against a request. Slots of limits are counted by their keys.
    ///
    /// # Errors
    ///
    /// [`HostError::Store`].
    pub async fn with_usage(&self, request: Request) -> Result<Request, HostError> {
        let request = request.with_usage(Usage::none());
        if !request.is_emergency() {
            return Ok(request);
        }
        Ok(self.debts().await?.state(request, now()))
    }

    /// Decides a request and records it. The host attests subject and resources before.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn submit(&self, request: Request) -> Result<Outcome, HostError> {
        let request = self.with_usage(request).await?;
        let people = self.directory.people();
        let step = self.gate().submit_with_candidates(request, &people, stamp());
        Ok(self.record(step).await??)
    }

    /// Counts a vote; on a state that has moved on, again.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn vote(&self, review: &str, vote: Vote) -> Result<Outcome, HostError> {
        self.retried(review, |gate, review| gate.vote(review, vote.clone(), stamp())).await
    }

    /// Takes a request back.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn withdraw(&self, review: &str, by: &Subject) -> Result<Outcome, HostError> {
        self.retried(review, |gate, review| gate.withdraw(review, by, stamp())).await
    }

    /// Gives whoever asked the grant that is recorded, signed: the same bytes each time.
    ///
    /// # Errors
    ///
    /// [`HostError::NotYours`], [`HostError::NoGrant`].
    pub async fn grant(&self, review: &str, by: &Subject) -> Result<Grant, HostError> {
        if self.review(review).await?.request().subject().reference() != by.reference() {
            return Err(HostError::NotYours);
        }
        let recovered = |gate: &Gate, review: &Review| {
            gate.recover(review, stamp()).map(|outcome| outcome.map_err(VoteError::from))
        };
        match self.retried(review, recovered).await? {
            Outcome::Allow(authorization) => Ok(authorization.sign(&self.keys.grants)),
            Outcome::Review(_) | Outcome::Challenge(_) | Outcome::Deny(_) => Err(HostError::NoGrant),
        }
    }

    /// Verifies a grant and takes a use of it. Only the permit says what may run.
    ///
    /// # Errors
    ///
    /// [`HostError::Verify`].
    pub async fn redeem(&self, token: &str, audience: &str, attempt: Attempt) -> Result<Permit, HostError> {
        let verifier = GrantVerifier::new(&self.issuer, audience, self.key_set()).enforcing(ENFORCED);
        let verified = verifier.verify(token, attempt, now())?;
        // Uses are taken away by key; a grant without a count of uses ends with its review.
        if self.store.state(verified.request()).await?.as_deref() == Some(REVOKED) {
            return Err(HostError::Revoked);
        }
        Ok(self.record(self.gate().redeem(verified, stamp())).await??)
    }

    /// Reads a review.
    ///
    /// # Errors
    ///
    /// [`HostError::UnknownReview`].
    pub async fn review(&self, id: &str) -> Result<Review, HostError> {
        let ReviewRows { records, openings } = self.store.review(id).await?;
        if records.is_empty() {
            return Err(HostError::UnknownReview);
        }
        Ok(Review::replay(records, openings)?)
    }

    /// Reads the reviews on which people vote now.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn open_reviews(&self) -> Result<Vec<Review>, HostError> {
        let mut reviews = Vec::new();
        for id in self.store.reviews(Some(OPEN)).await?.into_keys() {
            reviews.push(self.review(&id).await?);
        }
        Ok(reviews)
    }

    /// Returns every break-glass access and what is owed for it.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn debts(&self) -> Result<Debts, HostError> {
        let mut debts = Debts::new();
        for bytes in self.store.emergencies().await? {
            debts.push(&Record::read(&bytes)?);
        }
        Ok(debts)
    }

    /// Records that somebody else held the review that break-glass access owed.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn settle(&self, owed: &Owed, vote: Vote) -> Result<(), HostError> {
        Ok(self.record(self.gate().settle(owed, vote, stamp())).await??)
    }

    /// Lets another policy decide from here on.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn reload(&self, policy: Policy) -> Result<(), HostError> {
        let gate = self.record(self.gate().reload(policy, stamp())).await?;
        *self.gate.write().unwrap_or_else(PoisonError::into_inner) = gate;
        Ok(())
    }

    /// Returns the head of this process's log, signed.
    #[must_use]
    pub fn checkpoint(&self) -> String {
        self.writer.checkpoint().sign(&self.keys.log)
    }

    /// Returns the head of the parent, signed, where this process's stream has one.
    pub async fn parent_checkpoint(&self) -> Option<String> {
        Some(self.parent.as_ref()?.checkpoint().await.sign(&self.keys.log))
    }

    /// Returns the head of this process's log.
    #[must_use]
    pub fn head(&self) -> Checkpoint {
        self.writer.checkpoint()
    }

    /// Returns the key that signs heads.
    #[must_use]
    pub fn log_key(&self) -> countersign::PublicKey {
        self.keys.log.public()
    }

    /// Wakes every review of which something is due, and says when to come again.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn wake_due(&self) -> Result<Duration, HostError> {
        let mut next = REST;
        let people = self.directory.people();
        for state in [OPEN, SCHEDULED] {
            for id in self.store.reviews(Some(state)).await?.into_keys() {
                let review = self.review(&id).await?;
                let Some(at) = review.next_wakeup() else { continue };
                if let Ok(ahead) = (at - now()).to_std() {
                    next = next.min(ahead);
                    continue;
                }
                let step = self.gate().wake_with_candidates(&review, &people, stamp());
                // Whoever acted first has woken it.
                let _outcome = self.record(step).await?;
            }
        }
        Ok(next.max(Duration::from_millis(100)))
    }

    /// Tells the parent how far this process's stream reached.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn anchor(&self) -> Result<(), HostError> {
        let Some(parent) = &self.parent else { return Ok(()) };
        Ok(parent.record(Step::child_checkpointed(&self.head(), stamp())).await?)
    }

    /// Ends this process's stream, where it has one of its own.
    ///
    /// # Errors
    ///
    /// [`HostError`].
    pub async fn close(&self) -> Result<(), HostError> {
        let Some(parent) = &self.parent else { return Ok(()) };
        self.record(Step::stream_closed(stamp())).await?;
        Ok(parent.record(Step::child_closed(&self.writer.ended().await, stamp())).await?)
    }

    async fn retried(
        &self,
        id: &str,
        act: impl Fn(&Gate, &Review) -> Step<Result<Outcome, VoteError>>,
    ) -> Result<Outcome, HostError> {
        let mut attempt = 1;
        loop {
            let review = self.review(id).await?;
            match self.record(act(&self.gate(), &review)).await? {
                Err(VoteError::Conflict(_)) if attempt < ATTEMPTS => attempt += 1,
                outcome => return Ok(outcome?),
            }
        }
    }
}

/// Times to act on a state that somebody else moves on.
const ATTEMPTS: u32 = 8;

/// The longest time between two looks for what is due: another process may have opened it.
const REST: Duration = Duration::from_secs(5);

/// The constraints that this host's tools enforce.
const ENFORCED: [&str; 2] = ["max_uses", "first_use_by"];
