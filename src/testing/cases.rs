//! Playing a case.
//!
//! Decides the request, and where the case has votes, takes them through a gate and a ledger in memory, as a host
//! does: it wakes the review when something is due and states what it knows of people when it is asked.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::audit::{Ledger, Step};
use crate::decision::{Decided, Decision, decide};
use crate::gate::{Gate, Outcome};
use crate::grant::SignedApproval;
use crate::keys::SigningKey;
use crate::limits;
use crate::policy::facts::FactValues;
use crate::policy::{BallotSpec, CaseSpec, KindSpec, Policy, StepSpec, VerdictSpec};
use crate::request::Subject;
use crate::review::{News, Review, ReviewState, Vote};
use crate::stamp::Stamp;

/// What came of a case.
pub(super) struct Played {
    pub(super) decision: Decision,
    pub(super) facts: FactValues,
    /// The state after each step, or why it was refused.
    pub(super) steps: Vec<Result<String, String>>,
    /// How far the review is at the end; `none` where there was none.
    pub(super) state: String,
    /// Who of the candidates can approve at the end.
    pub(super) approvers: Vec<String>,
    pub(super) grant: Option<Granted>,
}

/// The bounds of a grant that was given, or that will be if all that is asked approve.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Granted {
    pub(super) lasts: Duration,
    pub(super) ends: Option<DateTime<Utc>>,
    pub(super) uses: Option<u64>,
    pub(super) use_within: Option<Duration>,
}

pub(super) fn play(policy: &Policy, case: &CaseSpec) -> Played {
    let Decided { decision, facts } = decide(policy, &case.request, case.now);
    let mut played = Played {
        grant: planned(&decision, case.now),
        decision,
        facts,
        steps: Vec::new(),
        state: "none".to_owned(),
        approvers: Vec::new(),
    };
    let looks = case.expect.state.is_some() || case.expect.approvers.is_some();
    if case.steps.is_empty() && !looks && !case.names_candidates {
        return played;
    }
    let Some(mut table) = Table::new(policy, case) else { return played };
    match table.submit(case) {
        Some(Outcome::Review(_)) => {}
        outcome => {
            if let Some(Outcome::Deny(decision) | Outcome::Challenge(decision)) = outcome {
                played.grant = planned(&decision, case.now);
                played.decision = decision;
            }
            played.steps = case.steps.iter().map(|_| Err("there is no review".to_owned())).collect();
            return played;
        }
    }
    played.steps = case.steps.iter().map(|step| table.play(step)).collect();
    let Some(review) = &table.review else { return played };
    played.state = review.state().to_string();
    match review.state() {
        ReviewState::Open => {
            let person = |name: &str, person| {
                table.known.iter().find(|(known, _)| known == name).map_or(person, |(_, now)| now)
            };
            let candidates: Vec<(&str, &Subject)> =
                case.candidates.iter().map(|(name, known)| (name.as_str(), person(name, known))).collect();
            let can = review.eligible(candidates.iter().map(|(_, person)| *person));
            let can = candidates.iter().filter(|(_, person)| can.contains(person));
            played.approvers = can.map(|(name, _)| (*name).to_owned()).collect();
        }
        ReviewState::Approved => played.grant = table.granted,
        _ => played.grant = None,
    }
    played
}

/// A gate, its log, and the host's clock and knowledge of people.
struct Table {
    gate: Gate,
    ledger: Ledger,
    /// The log, as it is stored.
    stored: Vec<u8>,
    calls: u64,
    now: DateTime<Utc>,
    known: Vec<(String, Subject)>,
    keys: BTreeMap<String, SigningKey>,
    review: Option<Review>,
    granted: Option<Granted>,
}

impl Table {
    fn new(policy: &Policy, case: &CaseSpec) -> Option<Self> {
        let signs = |step: &StepSpec| {
            step.vote.as_ref().filter(|ballot| ballot.signed).map(|ballot| ballot.approver.reference())
        };
        let signers: BTreeSet<String> = case.steps.iter().filter_map(signs).collect();
        let numbered = (1_u64..).zip(signers);
        let keys: BTreeMap<String, SigningKey> =
            numbered.map(|(number, name)| (name, SigningKey::from_seed(bytes(number)))).collect();
        let approvers = keys.iter().map(|(name, key)| (name.clone(), key.public()));
        Some(Self {
            gate: Gate::new(policy.clone(), ISSUER).with_approvers(approvers),
            ledger: Ledger::create(STREAM).ok()?,
            stored: Vec::new(),
            calls: 0,
            now: case.now,
            known: case.people.clone(),
            keys,
            review: None,
            granted: None,
        })
    }

    fn submit(&mut self, case: &CaseSpec) -> Option<Outcome> {
        let (request, stamp) = (case.request.clone(), self.stamp());
        let step = if case.names_candidates {
            let candidates: Vec<Subject> = case.candidates.iter().map(|(_, person)| person.clone()).collect();
            self.gate.submit_with_candidates(request, &candidates, stamp)
        } else {
            self.gate.submit(request, stamp)
        };
        let outcome = self.store(step)?.ok()?;
        if let Outcome::Review(review) = &outcome {
            self.review = Some(review.clone());
        }
        Some(outcome)
    }

    /// Lets time pass until a step, plays it, and gives the state after it.
    fn play(&mut self, step: &StepSpec) -> Result<String, String> {
        self.pass(step.at)?;
        self.now = step.at;
        if let Some(people) = &step.people {
            self.known.clone_from(people);
        }
        let review = self.review.clone().ok_or(LOST)?;
        let stamp = self.stamp();
        let outcome = match &step.vote {
            None => self.woken(&review)?,
            Some(ballot) if ballot.verdict == VerdictSpec::Retract => {
                let step = self.gate.withdraw(&review, &ballot.approver, stamp);
                self.store(step).ok_or(LOST)?.map_err(|error| error.to_string())?
            }
            Some(ballot) => {
                let vote = self.vote(ballot, &review)?;
                self.know(ballot);
                let step = self.gate.vote(&review, vote, stamp);
                self.store(step).ok_or(LOST)?.map_err(|error| error.to_string())?
            }
        };
        self.take(outcome);
        self.refresh()?;
        Ok(self.review.as_ref().map(|review| review.state().to_string()).unwrap_or_default())
    }

    /// Wakes the review whenever something is due before a time.
    fn pass(&mut self, until: DateTime<Utc>) -> Result<(), String> {
        while let Some(review) = self.review.clone() {
            let due = review.next_wakeup().filter(|due| *due <= until && *due > self.now);
            let Some(due) = due else { break };
            self.now = due;
            let outcome = self.woken(&review)?;
            self.take(outcome);
            self.refresh()?;
        }
        Ok(())
    }

    fn woken(&mut self, review: &Review) -> Result<Outcome, String> {
        let stamp = self.stamp();
        let step = self.gate.wake(review, stamp);
        self.store(step).ok_or(LOST)?.map_err(|conflict| conflict.to_string())
    }

    /// States what is known by now of whoever the review asks about.
    fn refresh(&mut self) -> Result<(), String> {
        let Some(review) = self.review.clone().filter(|review| review.state().is_pending()) else {
            return Ok(());
        };
        let asked = review.news().iter().find_map(|news| match news {
            News::NeedsFresh { ids } => Some(ids),
            _ => None,
        });
        let Some(ids) = asked else { return Ok(()) };
        let people = self.known.iter().map(|(_, person)| person);
        let people = people.filter(|person| ids.contains(&person.reference())).cloned().collect();
        let stamp = self.stamp();
        let step = self.gate.refresh(&review, people, stamp);
        let outcome = self.store(step).ok_or(LOST)?.map_err(|error| error.to_string())?;
        self.take(outcome);
        Ok(())
    }

    /// Keeps what the host knows of whoever votes, be they named or written in full.
    fn know(&mut self, ballot: &BallotSpec) {
        for person in [Some(&ballot.approver), ballot.delegator.as_ref()].into_iter().flatten() {
            let name = person.reference();
            if !self.known.iter().any(|(_, known)| known.reference() == name) {
                self.known.push((name, person.clone()));
            }
        }
    }

    fn vote(&self, ballot: &BallotSpec, review: &Review) -> Result<Vote, String> {
        let person = ballot.approver.clone();
        let mut vote = match ballot.verdict {
            VerdictSpec::Approve => Vote::approve(person),
            VerdictSpec::Force => Vote::force(person),
            VerdictSpec::Reject => Vote::reject(person),
            VerdictSpec::Withdraw | VerdictSpec::Retract => Vote::withdraw(person),
        };
        vote = match ballot.kind {
            KindSpec::Person => vote,
            KindSpec::Automatic => vote.automatic(),
            KindSpec::Advisory => vote.advisory(),
        };
        if !ballot.comment.is_empty() {
            vote = vote.with_comment(&*ballot.comment);
        }
        if let Some(delegator) = &ballot.delegator {
            vote = vote.on_behalf_of(delegator.clone());
        }
        if let Some(at_most) = ballot.at_most {
            vote = vote.at_most(at_most);
        }
        if let Some(start) = ballot.not_before {
            vote = vote.not_before(start);
        }
        if let Some(auth) = &ballot.auth {
            vote = vote.with_auth(auth.clone());
        }
        if ballot.signed {
            vote = vote.with_signature(self.sign(ballot, review)?);
        }
        let narrowed = ballot.narrowed.iter();
        Ok(narrowed.fold(vote, |vote, (name, value)| vote.narrowed(name, value.clone())))
    }

    /// Signs a vote with the approver's own key: for as many uses as the review gives, and for any end.
    fn sign(&self, ballot: &BallotSpec, review: &Review) -> Result<String, String> {
        let request = review.request();
        let uses = review.decision().terms().and_then(|terms| terms.max_uses);
        let uses = uses.and_then(|uses| u32::try_from(uses).ok()).unwrap_or(1);
        let end = later(self.now, limits::LONGEST_SPAN).ok_or(LOST)?;
        let (subject, person) = (request.subject().reference(), ballot.approver.reference());
        let (action, resources) = (request.action(), request.resources());
        let approval =
            SignedApproval::of_several(ISSUER, review.id(), &subject, action, resources, uses, end);
        let key = self.keys.get(&person).ok_or(LOST)?;
        approval.sign(&person, key).map_err(|error| error.to_string())
    }

    /// Takes what a step led to. A review that ended is read back from the log, as a host reads it.
    fn take(&mut self, outcome: Outcome) {
        self.review = match outcome {
            Outcome::Review(review) => Some(review),
            _ => Ledger::resume(STREAM, &self.stored)
                .ok()
                .and_then(|resumed| resumed.reviews().ok())
                .and_then(|reviews| reviews.into_iter().next()),
        };
    }

    fn stamp(&mut self) -> Stamp {
        self.calls = self.calls.saturating_add(1);
        Stamp::new(self.now, bytes(self.calls))
    }

    /// Stores a step, and keeps the grant that it records.
    fn store<T: 'static>(&mut self, step: Step<T>) -> Option<T> {
        let staged = self.ledger.stage(step).ok()?;
        let mut granted = staged.records().iter().filter(|record| record.event() == "grant.authorized");
        let granted = granted.next_back().and_then(|record| granted_by(record.content().get("claims")?));
        self.stored.extend_from_slice(staged.lines());
        let done = staged.commit();
        self.granted = granted.or(self.granted.take());
        Some(done)
    }
}

/// A number as 32 bytes.
fn bytes(number: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (place, byte) in bytes.iter_mut().zip(number.to_be_bytes()) {
        *place = byte;
    }
    bytes
}

fn later(at: DateTime<Utc>, span: Duration) -> Option<DateTime<Utc>> {
    chrono::TimeDelta::from_std(span).ok().and_then(|span| at.checked_add_signed(span))
}

/// The grant that a decision leads to.
fn planned(decision: &Decision, now: DateTime<Utc>) -> Option<Granted> {
    let terms = decision.terms()?;
    let ends = later(now, terms.duration).filter(|_| decision.effect() == crate::Effect::Allow);
    Some(Granted { lasts: terms.duration, ends, uses: terms.max_uses, use_within: terms.use_within })
}

/// The grant that a record authorizes.
fn granted_by(claims: &serde_json::Value) -> Option<Granted> {
    let number = |name: &str| claims.get(name)?.as_i64();
    let limit = |name: &str| claims.get("con")?.get(name)?.as_i64();
    let span = |from: i64, to: i64| {
        to.checked_sub(from).and_then(|span| u64::try_from(span).ok()).map(Duration::from_secs)
    };
    let (start, end) = (number("nbf")?, number("exp")?);
    Some(Granted {
        lasts: span(start, end)?,
        ends: DateTime::from_timestamp(end, 0),
        uses: limit("max_uses").and_then(|uses| u64::try_from(uses).ok()),
        use_within: limit("first_use_by").and_then(|by| span(start, by)),
    })
}

const ISSUER: &str = "https://cases.example";

const STREAM: &str = "cases";

/// What cannot be recorded, which a case that was read does not come to.
const LOST: &str = "the step cannot be recorded";
