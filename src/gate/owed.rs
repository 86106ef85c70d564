//! What break-glass access owes: a review by somebody else, before a deadline.
//!
//! Debts are a fold over the log: each emergency adds one, each settlement takes one away. Whoever owes one
//! past its deadline gets no further emergency, because the request's usage says so when they ask.

use chrono::{DateTime, Utc};

use super::records::Stamped;
use super::{Conflict, Gate, stored};
use crate::audit::{Cause, Event, Record, Step};
use crate::request::{Request, Source, Subject, same_person};
use crate::review::{Verdict, Vote, VoteError, VoteKind};
use crate::stamp::Stamp;

/// A review that break-glass access owes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owed {
    pub(super) request: String,
    pub(super) person: String,
    /// On whose behalf they acted.
    pub(super) behind: Vec<String>,
    /// When the access begins, where that was ahead.
    begins: Option<DateTime<Utc>>,
    due: DateTime<Utc>,
    /// The record that says so.
    pub(super) cause: Cause,
}

/// Every emergency of a log, and what is still owed for them.
///
/// ```
/// # use countersign::{Action, Debts, Gate, Ledger, Policy, Request, Resource, Stamp, Subject, Usage, Vote};
/// # let policy = Policy::from_toml(
/// #     "format = 1\nname = 'x'\n[[emergency]]\nid = 'glass'\nwhen = 'true'\nreview_within = '24h'\n",
/// # )?;
/// # let gate = Gate::new(policy, "https://jit.example");
/// # let mut ledger = Ledger::create("s")?;
/// # let ana = Subject::new("user", "ana");
/// # let request = Request::new(ana.clone(), Action::new("fix"), Resource::new("service", "web"))
/// #     .as_emergency().with_reason("it is down").with_usage(Usage::none());
/// # let staged = ledger.stage(gate.submit(request, Stamp::new("2026-11-23T10:00:00Z".parse()?, [7; 32])))?;
/// # let records = staged.records().to_vec();
/// # let _ = staged.commit()?;
/// let mut debts = Debts::new();
/// records.iter().for_each(|record| debts.push(record)); // of the log, in its order
/// let owed = debts.open().next().unwrap().clone();
/// assert_eq!((owed.person(), owed.due()), ("user/ana", "2026-11-24T10:00:00Z".parse()?));
///
/// let vote = Vote::approve(Subject::new("user", "bo")).with_comment("it was down, the fix is right");
/// let staged = ledger.stage(gate.settle(&owed, vote, Stamp::new("2026-11-23T11:00:00Z".parse()?, [8; 32])))?;
/// staged.records().iter().for_each(|record| debts.push(record));
/// staged.commit()?;
/// assert_eq!(debts.open().count(), 0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Debts {
    /// Every emergency: what it owes, and whether that was settled.
    all: Vec<(Owed, bool)>,
}

impl Debts {
    /// Begins with no emergency.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the next record of a log. Records of other events pass.
    pub fn push(&mut self, record: &Record) {
        let content = record.content();
        let request = content.get("req").and_then(serde_json::Value::as_str);
        match (Event::parse(record.event()), request) {
            (Some(Event::EmergencyOwed), Some(request)) => {
                let text = |name: &str| content.get(name).and_then(serde_json::Value::as_str);
                let time = |name: &str| {
                    text(name)
                        .and_then(|time| DateTime::parse_from_rfc3339(time).ok())
                        .map(|time| time.to_utc())
                };
                let behind = content.get("behind").and_then(serde_json::Value::as_array);
                let behind = behind.into_iter().flatten().filter_map(|person| person.as_str());
                let owed = Owed {
                    request: request.to_owned(),
                    person: text("by").unwrap_or_default().to_owned(),
                    behind: behind.map(str::to_owned).collect(),
                    // A deadline that cannot be read has passed.
                    due: time("due").unwrap_or(record.at()),
                    begins: time("begins"),
                    cause: Cause::of(record),
                };
                self.all.push((owed, false));
            }
            (Some(Event::EmergencySettled), Some(request)) => {
                for (_, settled) in self.all.iter_mut().filter(|(owed, _)| owed.request == request) {
                    *settled = true;
                }
            }
            _ => {}
        }
    }

    /// Returns what is not settled, the oldest first.
    pub fn open(&self) -> impl Iterator<Item = &Owed> {
        self.all.iter().filter(|(_, settled)| !settled).map(|(owed, _)| owed)
    }

    /// States what the log holds against a request: how many emergencies whoever stands behind it has had, and
    /// how many reviews are overdue of its subject and of everybody on whose behalf the subject acts. A debt
    /// made through one agent counts through every other. The rest of the request's usage stays as it is.
    #[must_use]
    pub fn state(&self, request: Request, now: DateTime<Utc>) -> Request {
        let people: Vec<String> =
            [request.subject()].into_iter().chain(request.actors()).map(Subject::reference).collect();
        let human = people.last().cloned().unwrap_or_default();
        let count = |all: usize| u64::try_from(all).unwrap_or(u64::MAX);
        let had = self.all.iter().filter(|(owed, _)| same_person(owed.human(), &human)).count();
        let overdue = self.open().filter(|owed| owed.is_overdue(now));
        let overdue = overdue.filter(|owed| people.iter().any(|person| owed.is_of(person))).count();
        let usage = request.usage().cloned().unwrap_or_default();
        request.with_usage(usage.with_emergencies(count(had)).with_overdue_reviews(count(overdue)))
    }
}

impl Owed {
    /// Returns the id of the request that was allowed.
    #[must_use]
    pub fn request(&self) -> &str {
        &self.request
    }

    /// Returns who had the access, as [`Subject::reference`] names them.
    #[must_use]
    pub fn person(&self) -> &str {
        &self.person
    }

    /// Returns the first moment at which the review is overdue.
    #[must_use]
    pub fn due(&self) -> DateTime<Utc> {
        self.due
    }

    /// Says whether the review is overdue.
    #[must_use]
    pub fn is_overdue(&self, now: DateTime<Utc>) -> bool {
        now >= self.due
    }

    /// Says whether somebody had the access, or it was had on their behalf.
    fn is_of(&self, person: &str) -> bool {
        [&self.person].into_iter().chain(&self.behind).any(|known| same_person(known, person))
    }

    /// Who stands behind all others.
    fn human(&self) -> &str {
        self.behind.last().unwrap_or(&self.person)
    }
}

impl Gate {
    /// Records that the review which break-glass access owes was held: by a person who did not have the
    /// access and is not behind whoever had it, and who says what they found once it has begun. A vote that approves finds it
    /// justified, one that rejects does not; both settle the debt, late or not. It is settled once.
    ///
    /// # Errors
    ///
    /// The step gives [`VoteError::OwnRequest`], [`VoteError::NotAttested`], [`VoteError::EmptyComment`],
    /// [`VoteError::NotBegun`] where the access has not begun,
    /// [`VoteError::NotEligible`] for anything but a person's own approval or rejection,
    /// [`VoteError::Invalid`], or a conflict where it was settled first.
    pub fn settle(&self, owed: &Owed, vote: Vote, stamp: Stamp) -> Step<Result<(), VoteError>> {
        let at = Stamped::new(&stamp, "settle");
        let refusal = at.refusal("settle");
        match check(owed, &vote, stamp.now()) {
            Ok(()) => {
                let late = owed.is_overdue(stamp.now());
                let draft = at.settled(owed, &vote, late);
                Step::new(vec![draft], refusal, |fate| match stored(fate) {
                    Ok(_) => Ok(()),
                    Err(conflict) => Err(Conflict::into(conflict)),
                })
            }
            Err(error) => {
                let draft = at.settle_refused(owed, &error);
                Step::new(vec![draft], refusal, |_| Err(error))
            }
        }
    }
}

fn check(owed: &Owed, vote: &Vote, now: DateTime<Utc>) -> Result<(), VoteError> {
    let approver = vote.approver.reference();
    vote.check()?;
    if vote.approver.source() != Source::Attested {
        return Err(VoteError::NotAttested { approver });
    }
    if owed.is_of(&approver) {
        return Err(VoteError::OwnRequest { approver });
    }
    if let Some(begins) = owed.begins.filter(|begins| now < *begins) {
        return Err(VoteError::NotBegun { begins, now });
    }
    let judges = matches!(vote.verdict, Verdict::Approve | Verdict::Reject);
    if !judges || vote.kind != VoteKind::Person || vote.delegator.is_some() {
        return Err(VoteError::NotEligible { approver });
    }
    if crate::text::is_blank(&vote.comment) {
        return Err(VoteError::EmptyComment);
    }
    Ok(())
}
