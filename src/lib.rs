//! Just-in-time approval of production actions.
//!
//! A host service asks: *may this subject do this action on this resource, now?* The library reads what
//! the action really does, decides under a policy, counts the votes of people, issues signed grants that
//! any tool verifies offline, and emits the records of a hash-chained log. It is a library, not a server:
//! it reads no clock, no randomness, no files and no environment, and starts no threads.
//!
//! ```text
//! request ──▶ facts ──▶ risk ──▶ decision ──┬─ Allow ────────────▶ grant ──▶ verify ──▶ redeem
//!                                           ├─ Challenge
//!                                           ├─ Review ──▶ votes ──▶ grant
//!                                           └─ Deny
//!   every arrow is a record ──▶ ledger ──▶ the host stores it
//! ```
//!
//! # One request, all the way
//!
//! ```
//! use countersign::{
//!     Action, Attempt, Dialect, Gate, GrantVerifier, KeySet, Ledger, Outcome, Payload, Policy, Request, Resource,
//!     SigningKey, Stamp, Step, Subject, Vote,
//! };
//!
//! // The host's part: time, randomness, storage.
//! # let mut tick = 0_u8;
//! let mut stamp = || {
//!     # tick += 1;
//!     # let (now, random) = ("2026-11-23T10:00:00Z".parse().unwrap(), [tick; 32]);
//!     Stamp::new(now, random) // the clock, and 32 bytes of a cryptographic source
//! };
//! let mut file = Vec::new();
//! let mut ledger = Ledger::create("orders-gate")?;
//! fn store<T: 'static>(ledger: &mut Ledger, file: &mut Vec<u8>, step: Step<T>) -> T {
//!     let staged = ledger.stage(step).unwrap();
//!     file.extend_from_slice(staged.lines()); // persist,
//!     staged.commit() // then believe
//! }
//!
//! // Ask.
//! # let policy = Policy::from_toml(
//! #     r#"
//! #     format = 1
//! #     name = "orders"
//! #     [attributes]
//! #     "approver.groups" = "list<string>"
//! #     [[review]]
//! #     id = "production"
//! #     when = 'resource.type == "database"'
//! #     approve = { count = 1, from = '"sre" in approver.groups' }
//! #     grant = { single_use = true }
//! #     "#,
//! # )?;
//! let gate = Gate::new(policy, "https://jit.example");
//! let delete = Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, "DELETE FROM orders"));
//! let orders = Resource::new("database", "orders");
//! let request = Request::new(Subject::new("user", "ana"), delete.clone(), orders.clone());
//! let Outcome::Review(review) = store(&mut ledger, &mut file, gate.submit(request, stamp()))? else { panic!() };
//!
//! // Vote, and sign.
//! let vote = Vote::approve(Subject::new("user", "bo").with("groups", ["sre"]));
//! let Outcome::Allow(authorization) = store(&mut ledger, &mut file, gate.vote(&review, vote, stamp()))? else { panic!() };
//! let key = SigningKey::from_seed([7; 32]);
//! let grant = authorization.sign(&key);
//!
//! // The tool, far away: verify offline, take the use, run what was approved.
//! let verifier = GrantVerifier::new("https://jit.example", "database/orders", KeySet::new([key.public()]));
//! let now = "2026-11-23T10:00:01Z".parse()?;
//! let redemption = verifier.verify(grant.token(), Attempt::new(delete, orders), now)?.redeem();
//! let inserted = redemption.keys().first().cloned(); // the first that its store did not have
//! let permit = redemption.confirm(inserted)?;
//! assert_eq!(permit.payload(), "DELETE FROM orders");
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Where to look
//!
//! | to | see |
//! |---|---|
//! | ask | [`Policy::decide`], [`Request`], [`Decision`] |
//! | ask on the record | [`Gate`], [`Step`], [`Ledger`], [`Stamp`] |
//! | let people decide | [`Review`], [`Vote`] |
//! | give and use leave | [`Authorization`], [`Grant`], [`GrantVerifier`], [`Permit`] |
//! | know what SQL or a command does | [`inspect::sql`], [`inspect::command`] |
//! | check a log | [`LogVerifier`], [`Replay`], [`Checkpoint`] |
//! | test a policy | [`testing`] |
//! | know every bound | [`limits`] |
//!
//! # What it does not do
//!
//! It does not authenticate: the host attests who asks and who votes ([`Request::from_caller_json`] attests
//! nothing). It does not store: [`Staged::commit`](Staged::commit) is the host's word that it did. It does
//! not execute: a [`Permit`] says what may run.
//!
//! # Features
//!
//! `verify` is the small verifier for tools and auditors: grants and logs, no policies. `engine` adds
//! everything that decides; `sql` the facts about SQL; `toml` policies in TOML; `tz` named time zones;
//! `testing` strategies that make requests for property tests.

#![cfg_attr(
    not(all(feature = "engine", feature = "toml")),
    allow(
        dead_code,
        unused_imports,
        reason = "the engine asks for more of the shared modules than a verifier does"
    )
)]

#[cfg(feature = "verify")]
mod audit;
#[cfg(feature = "authzen")]
pub mod authzen;
#[cfg(feature = "engine")]
pub mod cel;
#[cfg(feature = "engine")]
mod decision;
#[cfg(feature = "engine")]
mod gate;
#[cfg(feature = "verify")]
mod grant;
mod hex;
pub mod inspect;
#[cfg(feature = "verify")]
mod json;
#[cfg(feature = "verify")]
mod keys;
pub mod limits;
mod payload;
#[cfg(feature = "engine")]
mod policy;
#[cfg(feature = "engine")]
mod replay;
mod request;
#[cfg(feature = "engine")]
mod review;
mod risk;
mod span_of_time;
#[cfg(feature = "verify")]
mod stamp;
#[cfg(feature = "engine")]
pub mod testing;
mod text;
mod value;

#[cfg(feature = "verify")]
pub use audit::{
    Authorship, Cause, CauseFault, Checkpoint, CheckpointError, Commitment, Completeness, Control,
    Cosignature, DisclosureReport, Disclosures, EraseError, Erasure, Event, Export, Fork, Freshness,
    Integrity, JsonFault, Ledger, LedgerError, LogFault, LogRange, LogVerdict, LogVerifier, Opening,
    OpeningError, Openings, ParentVerifier, ProofError, ProofPlan, Reach, Record, RecordFault, Resumed,
    Rotation, Staged, Step, StreamFault, StreamTaken, Streams, StreamsFault, StreamsVerdict, Subtree, Tile,
    VerifiedRecord, Witness,
};
#[cfg(feature = "engine")]
pub use decision::{
    ApprovalPlan, Approvals, Came, Change, ChangeStep, Decision, Effect, ExplainError, Explanation, Need,
    NeedKind, NextAction, Reason, ReasonCode, RuleAccount, Seen, StagePlan, TestAccount, Wait,
};
#[cfg(feature = "engine")]
pub use gate::{Conflict, Debts, ExtendError, Gate, Outcome, Owed};
#[cfg(any(feature = "engine", all(feature = "verify", test)))]
pub use grant::Authorization;
#[cfg(feature = "verify")]
pub use grant::{
    Algorithm, Attempt, ClaimError, Delegation, DelegationError, Grant, GrantVerifier, HolderProofError,
    LogProof, LogProofError, LogReference, Part, Permit, QuorumError, Redemption, RevocationList,
    SignatureMismatch, SignedApproval, TokenError, UnsignedGrant, VerifiedGrant, VerifyError,
};
#[cfg(feature = "verify")]
pub use json::JsonError;
#[cfg(feature = "verify")]
pub use keys::{KeyError, KeySet, PublicKey, SecretText, SigningKey};
pub use payload::{Dialect, Payload, PayloadError};
#[cfg(feature = "engine")]
pub use policy::{Lint, Obligation, Policy, PolicyError, PolicyFault, PolicyOptions, RuleKind};
#[cfg(feature = "engine")]
pub use replay::{Difference, Finding, Lifecycle, Replay, ReplayReport, Replayed, Unreplayable, Violation};
pub use request::{Action, Auth, Request, RequestError, Resource, Subject, Usage};
#[cfg(feature = "engine")]
pub use review::{Missing, News, Outlook, Review, ReviewError, ReviewState, StageName, Vote, VoteError};
pub use risk::Risk;
#[cfg(feature = "verify")]
pub use stamp::Stamp;
pub use value::{Attributes, Value};

#[cfg(all(doctest, feature = "toml"))]
#[doc = include_str!("../README.md")]
struct Readme;
