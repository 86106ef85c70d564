//! What the tables of reviews share: a vocabulary, people, and what an outcome comes to.

use chrono::{DateTime, Utc};
use countersign::{Action, Outcome, Request, Resource, Subject, Vote, VoteError};

use super::{Host, after, member};

pub const HEAD: &str = r#"
format = 1
name = "reviews"
[attributes]
"approver.groups" = "list<string>?"
"resource.owner" = "string?"
[let]
sre = 'has(approver.groups) && "sre" in approver.groups'
dba = 'has(approver.groups) && "dba" in approver.groups'
lead = 'has(approver.groups) && "lead" in approver.groups'
[defaults]
risk = "high"
grant = { min = "5m", default = "15m", max = "1h" }
review = { expires = "1h" }
"#;

pub fn host(reviews: &str) -> Host {
    Host::new(&format!("{HEAD}{reviews}"))
}

/// One review with the given members.
pub fn one(rest: &str) -> Host {
    host(&format!("[[review]]\nid = 'people'\nwhen = 'true'\n{rest}\n"))
}

pub fn ask() -> Request {
    Request::new(
        member("ana", &["sre", "dba", "lead"]),
        Action::new("run"),
        Resource::new("database", "orders"),
    )
}

pub fn sre(id: &str) -> Subject {
    member(id, &["sre"])
}

pub fn dba(id: &str) -> Subject {
    member(id, &["dba"])
}

pub fn lead(id: &str) -> Subject {
    member(id, &["lead"])
}

/// What an outcome comes to, in one word.
pub fn word(outcome: &Result<Outcome, VoteError>) -> &'static str {
    match outcome {
        Ok(outcome) => outcome.effect().as_str(),
        Err(VoteError::OwnRequest { .. }) => "own",
        Err(VoteError::NotEligible { .. }) => "ineligible",
        Err(VoteError::NotAttested { .. }) => "unattested",
        Err(VoteError::Duplicate { .. }) => "duplicate",
        Err(VoteError::NothingToWithdraw { .. }) => "nothing",
        Err(VoteError::Closed { state }) => state.as_str(),
        Err(VoteError::ClockBehind { .. }) => "clock",
        Err(VoteError::TooManyVotes) => "too many",
        Err(VoteError::MayNotShorten) => "may not shorten",
        Err(VoteError::Widens { .. }) => "widens",
        Err(VoteError::Excluded { .. }) => "excluded",
        Err(VoteError::StepUp { .. }) => "step up",
        Err(VoteError::OutsideHours { .. }) => "hours",
        Err(VoteError::OwnDelegate { .. }) => "own delegate",
        Err(VoteError::NothingToRefresh) => "nobody",
        Err(VoteError::EmptyComment) => "empty",
        Err(VoteError::NotTheRequester { .. }) => "not requester",
        Err(VoteError::TooManyComments) => "too many comments",
        Err(VoteError::MayNotStartLater) => "may not start later",
        Err(VoteError::MayNotNarrow) => "may not narrow",
        Err(VoteError::StartsEarlier { .. }) => "starts earlier",
        Err(VoteError::Narrowing(_)) => "narrowing",
        Err(VoteError::WidensConstraint { .. }) => "widens constraint",
        Err(VoteError::Signature(_)) => "signature",
        Err(VoteError::SignatureExpired { .. }) => "signature expired",
        Err(VoteError::DeniedByNow { .. }) => "denied by now",
        Err(VoteError::Invalid(_)) => "invalid",
        Err(VoteError::Conflict(_)) => "conflict",
        Err(_) => "other",
    }
}

/// Casts votes one after the other, each on the state that the log then holds.
pub fn cast(host: &mut Host, votes: impl IntoIterator<Item = Vote>) -> Vec<&'static str> {
    let id = host.open(ask(), after(0)).id().to_owned();
    let votes = votes.into_iter().enumerate();
    votes.map(|(second, vote)| word(&host.vote(&host.review(&id), vote, at(second)))).collect()
}

pub fn at(second: usize) -> DateTime<Utc> {
    after(i64::try_from(second).unwrap() + 1)
}

pub fn yes(approver: Subject) -> Vote {
    Vote::approve(approver)
}

pub fn no(approver: Subject) -> Vote {
    Vote::reject(approver)
}

pub fn back(approver: Subject) -> Vote {
    Vote::withdraw(approver)
}

/// A subject that only the caller vouches for.
pub fn claimed(id: &str) -> Subject {
    let text = format!(
        r#"{{"subject": {{"type": "user", "id": "{id}", "properties": {{"groups": ["sre"]}}}},
            "action": {{"name": "x"}}, "resource": {{"type": "a", "id": "b"}}}}"#
    );
    Request::from_caller_json(text).unwrap().subject().clone()
}
