//! Break-glass access: what it owes, to whom, and what comes of owing.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::{Action, Debts, Ledger, Outcome, Owed, Request, Resource, Subject, Usage, Vote, VoteError};

use support::reviews::{claimed, word};
use support::{Host, STREAM, after, member, time};

const POLICY: &str = r#"
format = 1
name = "glass"
[[emergency]]
id = "glass"
when = 'subject.type == "user" || subject.type == "agent"'
limit = { count = 2, per = "24h" }
grant = { max = "30m" }
review_within = "24h"
"#;

fn glass(subject: Subject) -> Request {
    Request::new(subject, Action::new("fix"), Resource::new("service", "web")).as_emergency()
}

fn ana() -> Subject {
    Subject::new("user", "ana")
}

fn debts(host: &Host) -> Debts {
    let mut debts = Debts::new();
    Ledger::resume(STREAM, &host.lines).unwrap().records().iter().for_each(|record| debts.push(record));
    debts
}

/// Breaks the glass on what the log says of the person.
fn broken(host: &mut Host, who: Subject, used: u64, second: i64) -> &'static str {
    broken_for(host, glass(who), used, second)
}

fn broken_for(host: &mut Host, request: Request, used: u64, second: i64) -> &'static str {
    let request = request.with_reason("it is down").with_usage(Usage::none().with_used("glass", used));
    let request = debts(host).state(request, after(second));
    host.submit(request, after(second)).unwrap().effect().as_str()
}

fn settle(host: &mut Host, owed: &Owed, vote: Vote, second: i64) -> Result<(), VoteError> {
    let stamp = host.stamp(after(second));
    host.store(host.gate.clone().settle(owed, vote, stamp))
}

#[test]
fn owed_review_is_held_by_somebody_else_once() {
    let mut host = Host::new(POLICY);
    assert_eq!(broken(&mut host, ana(), 0, 0), "allow");
    let owed = debts(&host).open().next().unwrap().clone();
    assert_eq!((owed.person(), owed.due()), ("user/ana", after(24 * 3_600)));
    let said = |who: Subject| Vote::approve(who).with_comment("it was down");
    let table = [
        (said(ana()), "own"),
        (said(claimed("bo")), "unattested"),
        (Vote::approve(member("bo", &[])), "empty"),
        (said(member("bo", &[])).automatic(), "ineligible"),
        (said(member("bo", &[])).advisory(), "ineligible"),
        (said(member("bo", &[])).on_behalf_of(member("cy", &[])), "ineligible"),
        (Vote::withdraw(member("bo", &[])).with_comment("x"), "ineligible"),
    ];
    for (vote, expected) in table {
        let refused = settle(&mut host, &owed, vote, 1).map(|()| panic!("{expected}"));
        assert_eq!(word(&refused), expected);
        assert_eq!(host.events().last().unwrap(), "step.refused");
        assert_eq!(debts(&host).open().count(), 1);
    }
    settle(&mut host, &owed, Vote::reject(member("bo", &[])).with_comment("it was not down"), 2).unwrap();
    assert_eq!(debts(&host).open().count(), 0);
    let twice = settle(&mut host, &owed, said(member("cy", &[])), 3).map(|()| panic!("twice"));
    assert_eq!(word(&twice), "conflict");
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let settled = resumed.records().iter().find(|record| record.event() == "emergency.settled").unwrap();
    let content = settled.content();
    assert_eq!((&content["verdict"], &content["late"]), (&"reject".into(), &false.into()));
}

#[test]
fn overdue_review_blocks_the_next_emergency_of_that_person() {
    let mut host = Host::new(POLICY);
    assert_eq!(broken(&mut host, ana(), 0, 0), "allow");
    let day = 24 * 3_600;
    assert_eq!(broken(&mut host, ana(), 0, day - 1), "allow", "not overdue yet");
    assert_eq!(broken(&mut host, ana(), 0, day), "deny", "overdue from its second on");
    assert_eq!(broken(&mut host, Subject::new("user", "bo"), 0, day), "allow", "somebody else is free");
    let owed = debts(&host).open().next().unwrap().clone();
    let vote = Vote::approve(member("cy", &[])).with_comment("it was down");
    settle(&mut host, &owed, vote, day + 1).unwrap();
    assert_eq!(broken(&mut host, ana(), 0, day + 2), "allow", "settled, though late");
}

#[test]
fn whoever_is_behind_an_agent_owes_with_it() {
    let mut host = Host::new(POLICY);
    let agent = || Subject::new("agent", "helper");
    let request = glass(agent()).with_actor(ana()).with_reason("it is down").with_usage(Usage::none());
    assert!(matches!(host.submit(request, after(0)), Ok(Outcome::Allow(_))));
    let owed = debts(&host).open().next().unwrap().clone();
    let own = settle(&mut host, &owed, Vote::approve(ana()).with_comment("fine"), 1).map(|()| panic!("own"));
    assert_eq!(word(&own), "own");
    assert_eq!(broken(&mut host, ana(), 0, 24 * 3_600), "deny");
}

#[test]
fn debt_made_through_one_agent_counts_through_another() {
    let agent = |id: &str, who: Subject| glass(Subject::new("agent", id)).with_actor(who);
    let mut host = Host::new(POLICY);
    assert_eq!(broken_for(&mut host, agent("one", ana()), 0, 0), "allow");
    let day = 24 * 3_600;
    assert_eq!(broken_for(&mut host, agent("two", ana()), 0, day - 1), "allow", "not overdue yet");
    assert_eq!(broken_for(&mut host, agent("three", ana()), 0, day), "deny", "the same human");
    let tenant = Subject::new("user", "ana").with("tenant", "acme");
    assert_eq!(broken_for(&mut host, agent("three", tenant), 0, day), "deny", "whatever tenant is stated");
    assert_eq!(broken_for(&mut host, agent("one", member("bo", &[])), 0, day), "deny", "the same agent");
    assert_eq!(broken_for(&mut host, agent("three", member("bo", &[])), 0, day), "allow");
}

#[test]
fn two_agents_of_one_human_cannot_take_the_same_emergency() {
    let mut host = Host::new(POLICY);
    let of = |id: &str| {
        glass(Subject::new("agent", id)).with_actor(ana()).with_reason("it is down").with_usage(Usage::none())
    };
    assert!(matches!(host.submit(of("one"), after(0)), Ok(Outcome::Allow(_))));
    assert!(host.submit(of("two"), after(0)).is_err(), "it is her first one, too");
}

#[test]
fn debt_of_access_that_starts_later_is_settled_once_it_has_begun() {
    let later = POLICY.replace("max = \"30m\"", "max = \"30m\", start_later = \"48h\"");
    let mut host = Host::new(&later);
    let start = 30 * 3_600;
    assert_eq!(broken_for(&mut host, glass(ana()).with_not_before(after(start)), 0, 0), "allow");
    let owed = debts(&host).open().next().unwrap().clone();
    assert_eq!(owed.due(), after(start + 24 * 3_600), "the deadline runs from its start");
    let vote = || Vote::approve(member("bo", &[])).with_comment("it will be down");
    let early = settle(&mut host, &owed, vote(), start - 1).unwrap_err();
    assert_eq!(early, VoteError::NotBegun { begins: after(start), now: after(start - 1) });
    assert_eq!(
        early.to_string(),
        "access begins at 2026-11-24 18:00:00 UTC, its review comes after that, it is 2026-11-24 17:59:59 UTC"
    );
    assert_eq!(debts(&host).open().count(), 1);
    settle(&mut host, &owed, vote(), start).unwrap();
}

#[test]
fn emergency_whose_debt_has_no_deadline_is_denied() {
    let mut host = Host::new(POLICY);
    let request = glass(ana()).with_reason("it is down").with_usage(Usage::none());
    let last = time("9999-12-31T12:00:00Z");
    assert_eq!(host.submit(request, last).unwrap().effect().as_str(), "deny");
    assert!(!host.events().contains(&"grant.authorized".to_owned()));
}

#[test]
fn budget_of_emergencies_is_kept() {
    let mut host = Host::new(POLICY);
    for (used, expected) in [(0, "allow"), (1, "allow"), (2, "deny")] {
        assert_eq!(broken(&mut host, ana(), used, i64::try_from(used).unwrap()), expected);
    }
    // A count that is too low is found out where the slot is taken.
    let usage = Usage::none().with_emergencies(2);
    let request = glass(ana()).with_reason("it is down").with_usage(usage);
    assert!(host.submit(request, after(10)).is_err());
    let silent = glass(ana()).with_usage(Usage::none());
    assert_eq!(host.submit(silent, after(11)).unwrap().effect().as_str(), "deny", "without a reason");
}
