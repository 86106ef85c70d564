//! Playing a case.
//!
//! Decides the request, and where the case has votes, takes them through a gate and a ledger in memory: what a
//! case shows is what a host would see.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::audit::{Ledger, Step};
use crate::decision::{Decided, Decision, ReasonCode, decide};
use crate::gate::{Gate, Outcome};
use crate::policy::facts::FactValues;
use crate::policy::{CaseSpec, Policy, StepSpec, VerdictSpec};
use crate::review::{Review, Vote};
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
    if case.steps.is_empty() && case.expect.state.is_none() && case.expect.approvers.is_none() {
        return played;
    }
    let Ok(ledger) = Ledger::create("cases") else { return played };
    let mut table = Table { gate: Gate::new(policy.clone(), ISSUER), ledger, calls: 0, granted: None };
    let stamp = table.stamp(case.now);
    let step = table.gate.submit(case.request.clone(), stamp);
    let Some(Ok(Outcome::Review(mut review))) = table.store(step) else {
        let refuse = |_: &StepSpec| Err("there is no review".to_owned());
        played.steps = case.steps.iter().map(refuse).collect();
        return played;
    };
    played.state = review.state().to_string();
    for step in &case.steps {
        let outcome = table.play(step, &review);
        if let Ok(outcome) = &outcome {
            played.state = state(outcome);
        }
        match outcome {
            Ok(Outcome::Review(next)) => {
                review = next;
                played.steps.push(Ok(played.state.clone()));
            }
            Ok(_) => played.steps.push(Ok(played.state.clone())),
            Err(problem) => played.steps.push(Err(problem)),
        }
    }
    if played.state == "open" {
        let people = case.candidates.iter().map(|(_, person)| person);
        let can = review.eligible(people);
        let can = case.candidates.iter().filter(|(_, person)| can.contains(&person));
        played.approvers = can.map(|(name, _)| name.clone()).collect();
    } else {
        played.grant = table.granted;
    }
    played
}

/// A gate and its log.
struct Table {
    gate: Gate,
    ledger: Ledger,
    calls: u64,
    granted: Option<Granted>,
}

impl Table {
    fn stamp(&mut self, at: DateTime<Utc>) -> Stamp {
        self.calls = self.calls.saturating_add(1);
        let mut random = [0; 32];
        for (place, byte) in random.iter_mut().zip(self.calls.to_be_bytes()) {
            *place = byte;
        }
        Stamp::new(at, random)
    }

    fn play(&mut self, step: &StepSpec, review: &Review) -> Result<Outcome, String> {
        let stamp = self.stamp(step.at);
        let lost = || "the step cannot be recorded".to_owned();
        let Some(ballot) = &step.vote else {
            let step = self.gate.wake(review, stamp);
            return self.store(step).ok_or_else(lost)?.map_err(|conflict| conflict.to_string());
        };
        let person = ballot.approver.clone();
        let vote = match ballot.verdict {
            VerdictSpec::Approve => Vote::approve(person),
            VerdictSpec::Reject => Vote::reject(person),
            VerdictSpec::Withdraw => Vote::withdraw(person),
        };
        let vote = if ballot.comment.is_empty() { vote } else { vote.with_comment(&*ballot.comment) };
        let vote = match ballot.at_most {
            Some(at_most) => vote.at_most(at_most),
            None => vote,
        };
        let step = self.gate.vote(review, vote, stamp);
        self.store(step).ok_or_else(lost)?.map_err(|error| error.to_string())
    }

    /// Stores a step, and keeps the grant that it records.
    fn store<T: 'static>(&mut self, step: Step<T>) -> Option<T> {
        let staged = self.ledger.stage(step).ok()?;
        let mut granted = staged.records().iter().filter(|record| record.event() == "grant.authorized");
        let granted = granted.next_back().and_then(|record| granted_by(record.content().get("claims")?));
        let done = staged.commit();
        self.granted = granted.or(self.granted.take());
        Some(done)
    }
}

/// The grant that a decision leads to.
fn planned(decision: &Decision, now: DateTime<Utc>) -> Option<Granted> {
    let terms = decision.terms()?;
    let ends = chrono::TimeDelta::from_std(terms.duration).ok().and_then(|span| now.checked_add_signed(span));
    let ends = ends.filter(|_| decision.effect() == crate::Effect::Allow);
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

fn state(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Review(review) => review.state().to_string(),
        Outcome::Allow(_) => "approved".to_owned(),
        Outcome::Deny(decision) | Outcome::Challenge(decision) => {
            let expired = decision.reasons().any(|reason| reason.code() == ReasonCode::ReviewExpired);
            if expired { "expired" } else { "rejected" }.to_owned()
        }
    }
}

const ISSUER: &str = "https://cases.example";
