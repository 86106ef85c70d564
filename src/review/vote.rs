//! What an approver says.
//!
//! A vote is what the host attests: who said what, on whose behalf, how they had signed in. Building one never
//! fails; what is wrong with it is told when it is counted.

use std::time::Duration;

use chrono::{DateTime, Datelike, Utc};
use serde_json::Value as Json;

use super::VoteError;
use crate::grant::Constraints;
use crate::limits;
use crate::request::{self, Auth, RequestError, Subject};

/// An approver's word on one review.
///
/// ```
/// use countersign::{Subject, Vote};
///
/// let approver = Subject::new("user", "bo").with("groups", ["sre"]);
/// let vote = Vote::approve(approver).with_comment("checked the WHERE clause");
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Vote {
    pub(crate) approver: Subject,
    pub(crate) delegator: Option<Subject>,
    pub(crate) verdict: Verdict,
    pub(crate) kind: VoteKind,
    pub(crate) comment: String,
    pub(crate) at_most: Option<Duration>,
    pub(crate) not_before: Option<DateTime<Utc>>,
    pub(crate) narrowed: Vec<(String, Json)>,
    pub(crate) auth: Option<Auth>,
    pub(crate) signature: Option<String>,
}

/// What a vote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Approve,
    Reject,
    Withdraw,
    Comment,
}

/// How a vote came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VoteKind {
    /// A person judged.
    Person,
    /// A program judged. All automatic votes of a review together count as one person.
    Automatic,
    /// A program advises: it never counts.
    Advisory,
    /// Somebody passes over the others, where the policy admits it.
    Force,
}

impl Vote {
    /// Approves.
    #[must_use]
    pub fn approve(approver: Subject) -> Self {
        Self::new(approver, Verdict::Approve)
    }

    /// Rejects.
    #[must_use]
    pub fn reject(approver: Subject) -> Self {
        Self::new(approver, Verdict::Reject)
    }

    /// Takes back the approver's votes, and those that delegates cast for them.
    #[must_use]
    pub fn withdraw(approver: Subject) -> Self {
        Self::new(approver, Verdict::Withdraw)
    }

    /// Says something that counts for nothing. Anybody whom the host attests may.
    #[must_use]
    pub fn comment(author: Subject, text: impl Into<String>) -> Self {
        Self::new(author, Verdict::Comment).with_comment(text)
    }

    /// Approves past the others: it counts only for a condition that admits `vote.kind == "force"`.
    ///
    /// ```
    /// # use countersign::{Subject, Vote};
    /// let vote = Vote::force(Subject::new("user", "cto")).with_comment("the site is down");
    /// ```
    #[must_use]
    pub fn force(approver: Subject) -> Self {
        Self { kind: VoteKind::Force, ..Self::new(approver, Verdict::Approve) }
    }

    /// Says that a program judged and not a person. All automatic votes together count as one.
    #[must_use]
    pub fn automatic(mut self) -> Self {
        self.kind = VoteKind::Automatic;
        self
    }

    /// Says that it is advice, such as a model's: it is recorded and never counts.
    #[must_use]
    pub fn advisory(mut self) -> Self {
        self.kind = VoteKind::Advisory;
        self
    }

    /// Says that the approver acts for somebody who, as the host attests, let them. The vote has the
    /// delegator's rights and none of the delegate's own, and takes the seat of both.
    ///
    /// ```
    /// # use countersign::{Subject, Vote};
    /// let lead = Subject::new("user", "lee").with("groups", ["leads"]);
    /// let vote = Vote::approve(Subject::new("user", "bo")).on_behalf_of(lead);
    /// ```
    #[must_use]
    pub fn on_behalf_of(mut self, delegator: Subject) -> Self {
        self.delegator = Some(delegator);
        self
    }

    /// Adds a comment.
    #[must_use]
    pub fn with_comment(mut self, text: impl Into<String>) -> Self {
        self.comment = text.into();
        self
    }

    /// Says how and when the approver signed in.
    #[must_use]
    pub fn with_auth(mut self, auth: Auth) -> Self {
        self.auth = Some(auth);
        self
    }

    /// Allows at most this long, where the plan lets votes shorten the grant. Fractions of a second are dropped.
    #[must_use]
    pub fn at_most(mut self, duration: Duration) -> Self {
        self.at_most = Some(Duration::from_secs(duration.as_secs()));
        self
    }

    /// Lets the grant start no earlier, where the plan lets votes start it later. Of several the latest holds.
    #[must_use]
    pub fn not_before(mut self, start: DateTime<Utc>) -> Self {
        self.not_before = Some(start);
        self
    }

    /// Adds a constraint of the grant, such as `max_rows`, where the plan lets votes narrow it. The names and
    /// values are those of the grant profile (docs/formats.md, "Constraints").
    ///
    /// ```
    /// # use countersign::{Subject, Vote};
    /// # let bo = Subject::new("user", "bo");
    /// let vote = Vote::approve(bo).narrowed("max_rows", 100.into());
    /// ```
    #[must_use]
    pub fn narrowed(mut self, constraint: &str, value: Json) -> Self {
        self.narrowed.push((constraint.to_owned(), value));
        self
    }

    /// Adds what the approver signed with their own key: a token of the type `jit-approval+jwt`, made by
    /// [`SignedApproval::sign`](crate::SignedApproval::sign).
    #[must_use]
    pub fn with_signature(mut self, token: impl Into<String>) -> Self {
        self.signature = Some(token.into());
        self
    }

    /// Checks the bounds of all that a record would hold.
    ///
    /// # Errors
    ///
    /// The first fault.
    pub(crate) fn check(&self) -> Result<Constraints, VoteError> {
        self.approver.check("approver", &self.comment)?;
        if let Some(delegator) = &self.delegator {
            delegator.check("delegator", "")?;
        }
        if let Some(at_most) = self.at_most {
            request::check_span("vote.at_most", at_most)?;
        }
        for (path, time) in [
            ("vote.not_before", self.not_before),
            ("vote.auth.time", self.auth.as_ref().map(|auth| auth.time)),
        ] {
            if time.is_some_and(|time| !(0..=9_999).contains(&time.year())) {
                return Err(RequestError::Year { path: path.to_owned() }.into());
            }
        }
        let methods = self.auth.iter().flat_map(|auth| auth.methods.iter().chain(&auth.class));
        let bytes = methods.map(|method| crate::text::escaped_len(method).saturating_add(1));
        bound("vote.auth", bytes.fold(0, usize::saturating_add), AUTH_BYTES)?;
        bound("vote.signature", self.signature.as_ref().map_or(0, String::len), limits::APPROVAL_BYTES)?;
        let narrowed: usize = self.narrowed.iter().map(|(_, value)| value.to_string().len()).sum();
        bound("vote.narrowed", narrowed, NARROWED_BYTES)?;
        let pairs = self.narrowed.iter().map(|(name, value)| (name.as_str(), value.clone()));
        Constraints::of(pairs).map_err(VoteError::Narrowing)
    }

    fn new(approver: Subject, verdict: Verdict) -> Self {
        Self {
            approver,
            delegator: None,
            verdict,
            kind: VoteKind::Person,
            comment: String::new(),
            at_most: None,
            not_before: None,
            narrowed: Vec::new(),
            auth: None,
            signature: None,
        }
    }
}

impl Verdict {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::Withdraw => "withdraw",
            Self::Comment => "comment",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Approve, Self::Reject, Self::Withdraw, Self::Comment];
        all.into_iter().find(|verdict| verdict.as_str() == text)
    }
}

impl VoteKind {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Automatic => "automatic",
            Self::Advisory => "advisory",
            Self::Force => "force",
        }
    }

    pub(crate) fn parse(text: &str) -> Option<Self> {
        let all = [Self::Person, Self::Automatic, Self::Advisory, Self::Force];
        all.into_iter().find(|kind| kind.as_str() == text)
    }
}

fn bound(path: &str, found: usize, limit: usize) -> Result<(), RequestError> {
    if found <= limit {
        return Ok(());
    }
    Err(RequestError::OutOfBounds { path: path.to_owned(), found, unit: "bytes", limit })
}

/// Bytes of the names of sign-in methods: a record holds them beside two people and a signature.
const AUTH_BYTES: usize = 1_024;

/// Bytes of the values of narrowed constraints.
const NARROWED_BYTES: usize = 2_048;
