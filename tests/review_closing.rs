//! What still stands when a quorum closes.

#![cfg(feature = "toml")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use chrono::{DateTime, Utc};
use countersign::{
    Action, Gate, Ledger, Outcome, Policy, Request, Resource, Review, Stamp, Step, Subject, Vote, VoteError,
};

const POLICY: &str = r#"
    format = 1
    name = "closing"
    [attributes]
    "approver.groups" = "list<string>"
    [[forbid]]
    id = "freeze"
    when = 'now >= timestamp("2026-12-20T00:00:00Z")'
    because = "nothing changes over the holidays"
    [[review]]
    id = "change"
    when = 'true'
    expires = "7d"
    approve = { from = '"sre" in approver.groups && vote.comment != ""' }
"#;

fn at(time: &str) -> DateTime<Utc> {
    time.parse().unwrap()
}

fn store<T: 'static>(ledger: &mut Ledger, step: Step<T>) -> T {
    ledger.stage(step).unwrap().commit()
}

fn open(gate: &Gate, ledger: &mut Ledger) -> Review {
    let request =
        Request::new(Subject::new("user", "ana"), Action::new("deploy"), Resource::new("service", "web"));
    let step = gate.submit(request, Stamp::new(at("2026-12-19T23:00:00Z"), [1; 32]));
    let Outcome::Review(review) = store(ledger, step).unwrap() else { panic!("expected a review") };
    review
}

fn bo() -> Vote {
    Vote::approve(Subject::new("user", "bo").with("groups", ["sre"])).with_comment("looks good")
}

#[test]
fn quorum_does_not_close_over_a_forbid_that_has_begun() {
    let gate = Gate::new(Policy::from_toml(POLICY).unwrap(), "https://jit.example");
    let mut ledger = Ledger::create("s").unwrap();
    let review = open(&gate, &mut ledger);
    let late = gate.vote(&review, bo(), Stamp::new(at("2026-12-20T00:00:00Z"), [2; 32]));
    let error = store(&mut ledger, late).unwrap_err();
    let reason = "rule `freeze`: nothing changes over the holidays".to_owned();
    assert_eq!(error, VoteError::DeniedByNow { reason });
    let early = gate.vote(&review, bo(), Stamp::new(at("2026-12-19T23:59:59Z"), [3; 32]));
    assert!(matches!(store(&mut ledger, early), Ok(Outcome::Allow(_))));
}

#[test]
fn people_who_must_say_why_are_eligible_until_the_review_is_over() {
    let gate = Gate::new(Policy::from_toml(POLICY).unwrap(), "https://jit.example");
    let mut ledger = Ledger::create("s").unwrap();
    let review = open(&gate, &mut ledger);
    let people = [
        Subject::new("user", "bo").with("groups", ["sre"]),
        Subject::new("user", "dee").with("groups", ["dev"]),
        Subject::new("user", "ana").with("groups", ["sre"]),
    ];
    let ids = |review: &Review| -> Vec<String> {
        review.eligible(&people).into_iter().map(|person| person.id().to_owned()).collect()
    };
    assert_eq!(ids(&review), ["bo"]);
    let after = review.next_wakeup().unwrap();
    let Outcome::Deny(_) = store(&mut ledger, gate.wake(&review, Stamp::new(after, [4; 32]))).unwrap() else {
        panic!("expected the end of the review")
    };
}
