//! What somebody might try on a review: at the edge of its times, by others in their name, by other records.

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

use countersign::{Ledger, Outcome, Request, Review, ReviewError, ReviewState, Vote, VoteError};

use support::reviews::{HEAD, ask, at, back, dba, host, lead, one, sre, word, yes};
use support::{Host, STREAM, after, member};

/// The records of a log that are about a review.
fn records(host: &Host, id: &str) -> Vec<Vec<u8>> {
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let of = resumed.records().iter().filter(|record| record.review() == Some(id));
    of.map(|record| record.bytes().to_vec()).collect()
}

fn replay(records: Vec<Vec<u8>>) -> Result<Review, ReviewError> {
    Review::replay(records, Vec::new())
}

#[test]
fn requester_does_not_count_as_or_by_a_delegate() {
    let mut host = one("approve = { from = 'sre' }");
    let review = host.open(ask(), after(0));
    let ana = || member("ana", &["sre"]);
    assert_eq!(word(&host.vote(&review, yes(sre("bo")).on_behalf_of(ana()), at(1))), "own");
    assert_eq!(word(&host.vote(&review, yes(ana()).on_behalf_of(sre("bo")), at(2))), "own");
    let agent = ask().with_actor(sre("kim"));
    let review = host.open(agent, after(10));
    assert_eq!(word(&host.vote(&review, yes(sre("bo")).on_behalf_of(sre("kim")), at(11))), "own");
    assert_eq!(
        word(&host.vote(&review, yes(sre("kim")), at(12))),
        "own",
        "whoever stands behind it asks, too"
    );
}

#[test]
fn delegate_does_not_delegate_on() {
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let id = host.open(ask(), after(0)).id().to_owned();
    // Of bo as cy's delegate and dee as bo's, one counts: bo is a person once, whether acting or acted for.
    assert_eq!(word(&host.vote(&host.review(&id), yes(sre("bo")).on_behalf_of(sre("cy")), at(1))), "review");
    assert_eq!(word(&host.vote(&host.review(&id), yes(sre("dee")).on_behalf_of(sre("bo")), at(2))), "review");
    assert_eq!(host.review(&id).state(), ReviewState::Open);
    assert_eq!(word(&host.vote(&host.review(&id), yes(sre("eve")), at(3))), "allow");
}

#[test]
fn later_vote_widens_no_narrowing_of_another() {
    let mut host = one("may = ['narrow']\napprove = { count = 2, from = 'sre' }");
    let id = host.open(ask(), after(0)).id().to_owned();
    let rows = |who: &str, rows: i64| yes(sre(who)).narrowed("max_rows", rows.into());
    assert_eq!(word(&host.vote(&host.review(&id), rows("bo", 10), at(1))), "review");
    // Their own they may change, either way; it was theirs.
    assert_eq!(word(&host.vote(&host.review(&id), rows("bo", 20), at(2))), "review");
    assert_eq!(word(&host.vote(&host.review(&id), rows("cy", 500), at(3))), "allow");
    let authorized = records(&host, &id).pop().unwrap();
    let text = String::from_utf8(authorized).unwrap();
    assert!(text.contains("\"max_rows\":20"), "the narrowest of all approvals holds: {text}");
}

const STAGES: &str = "expires = '1h'\n\
    [[review.stage]]\nid = 'first'\napprove = { from = 'sre' }\nskip_after = '10m'\n\
    escalate = [{ after = '5m', add = 'dba' }]\n\
    [[review.stage]]\nid = 'second'\napprove = { from = 'lead' }";

#[test]
fn vote_at_the_instant_of_a_skip_or_an_escalation_is_heard_before_it() {
    // Nobody woke the review, so what was due has not happened: who may vote depends on no unrecorded time.
    let mut host = one(STAGES);
    let id = host.open(ask(), after(0)).id().to_owned();
    assert_eq!(word(&host.vote(&host.review(&id), yes(dba("dee")), after(300))), "ineligible");
    host.wake(&host.review(&id), after(300)).unwrap();
    assert_eq!(word(&host.vote(&host.review(&id), yes(dba("dee")), after(300))), "review");
    assert_eq!(word(&host.vote(&host.review(&id), yes(lead("lee")), after(600))), "allow");

    let mut host = one(STAGES);
    let id = host.open(ask(), after(0)).id().to_owned();
    assert_eq!(word(&host.vote(&host.review(&id), yes(lead("lee")), after(600))), "ineligible");
    host.wake(&host.review(&id), after(600)).unwrap();
    assert_eq!(word(&host.vote(&host.review(&id), yes(sre("bo")), after(600))), "ineligible", "passed over");
    assert_eq!(word(&host.vote(&host.review(&id), yes(lead("lee")), after(600))), "allow");
}

#[test]
fn stage_that_a_withdrawal_reopens_keeps_whom_time_added() {
    let mut host = one(STAGES);
    let id = host.open(ask(), after(0)).id().to_owned();
    host.wake(&host.review(&id), after(300)).unwrap();
    assert_eq!(word(&host.vote(&host.review(&id), yes(dba("dee")), after(301))), "review");
    assert_eq!(word(&host.vote(&host.review(&id), back(dba("dee")), after(302))), "review");
    // The stage takes votes again, of the added people too, and nobody is asked twice.
    let review = host.review(&id);
    assert_eq!(word(&host.vote(&review, yes(lead("lee")), after(303))), "ineligible");
    assert_eq!(
        review.next_wakeup(),
        Some(after(302 + 600)),
        "its clock starts again, its escalation does not"
    );
    assert_eq!(word(&host.vote(&review, yes(dba("kim")), after(304))), "review");
    assert_eq!(word(&host.vote(&host.review(&id), yes(lead("lee")), after(305))), "allow");
}

#[test]
fn scheduled_review_can_be_superseded_and_then_starts_nothing() {
    let mut host = one("may = ['start_later']\napprove = { from = 'sre' }");
    let id = host.open(ask(), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")).not_before(after(600)), at(1)).unwrap();
    assert_eq!(host.review(&id).state(), ReviewState::Scheduled);
    let (old, stamp) = (host.review(&id), host.stamp(after(10)));
    let outcome = host.store(host.gate.clone().supersede(&old, ask(), stamp));
    assert_eq!(word(&outcome), "review");
    let woken = host.wake(&host.review(&id), after(600)).unwrap();
    assert_eq!((host.review(&id).state(), woken.effect().as_str()), (ReviewState::Superseded, "deny"));
    // A node that still has the old state is told by the store.
    let stale = host.wake(&old, after(600));
    assert!(stale.is_err(), "{stale:?}");
}

#[test]
fn forced_vote_fills_no_seat_of_a_separate_review() {
    let mut host = host(
        "[[review]]\nid = 'a'\nwhen = 'true'\nseparate = true\napprove = { from = 'sre' }\n\
         [[review]]\nid = 'b'\nwhen = 'true'\napprove = { from = 'sre || vote.kind == \"force\"' }\n",
    );
    let id = host.open(ask(), after(0)).id().to_owned();
    let force = Vote::force(lead("lee")).with_comment("it burns");
    assert_eq!(word(&host.vote(&host.review(&id), force, at(1))), "review");
    assert_eq!(host.review(&id).state(), ReviewState::Open, "the separate one has nobody");
    assert_eq!(word(&host.vote(&host.review(&id), yes(sre("bo")), at(2))), "allow");
}

#[test]
fn records_of_another_review_are_no_part_of_this_one() {
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let ids = [0, 1].map(|second| host.open(ask(), after(second)).id().to_owned());
    for id in &ids {
        host.vote(&host.review(id), yes(sre("bo")), after(10)).unwrap();
    }
    let [one, other] = ids.each_ref().map(|id| records(&host, id));
    let mixed = |take: &[&Vec<u8>]| replay(take.iter().map(|bytes| (*bytes).clone()).collect());
    assert!(mixed(&[&one[0], &one[1], &one[2]]).is_ok());
    let foreign = mixed(&[&one[0], &one[1], &other[2]]);
    assert!(matches!(foreign, Err(ReviewError::OtherReview { .. })), "{foreign:?}");
    assert!(mixed(&[&one[0], &other[1]]).is_err(), "another opening");
    assert!(mixed(&[&one[1], &one[2]]).is_err(), "no request");
    let doubled = mixed(&[&one[0], &one[1], &one[2], &one[2]]);
    assert!(matches!(doubled, Err(ReviewError::Version { .. })), "{doubled:?}");
}

#[test]
fn no_more_plans_are_added_than_the_bound() {
    // Each rule begins a second after the one before, and asks only a moment ahead of every close.
    let mut rules = String::from("[[review]]\nid = 'r'\nwhen = 'true'\napprove = { from = 'sre' }\n");
    for place in 0..9 {
        rules.push_str(&format!(
            "[[review]]\nid = 'late{place}'\nwhen = 'now >= timestamp(\"2026-11-23T12:00:{:02}Z\")'\n\
             approve = {{ from = 'approver.id == \"p{place}\"' }}\n",
            10 + place
        ));
    }
    let mut host = host(&rules);
    let id = host.open(ask(), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")), after(10)).unwrap();
    for place in 0..6 {
        let who = member(&format!("p{place}"), &[]);
        assert_eq!(word(&host.vote(&host.review(&id), yes(who), after(11 + place))), "review", "{place}");
    }
    let last = host.vote(&host.review(&id), yes(member("p6", &[])), after(17));
    let Err(VoteError::DeniedByNow { reason }) = last else { panic!("{last:?}") };
    assert_eq!(reason, "more than 8 plans were added while it waited");
    assert_eq!(host.review(&id).state(), ReviewState::Open);
}

#[test]
fn extension_that_is_cut_before_its_authorization_adds_nothing() {
    let mut host = Host::new(&format!(
        "{HEAD}[[review]]\nid = 'r'\nwhen = 'true'\napprove = {{ from = 'sre' }}\n\
         grant = {{ single_use = true, extend = {{ max = '30m' }} }}\n"
    ));
    let id = host.open(ask(), after(0)).id().to_owned();
    let Ok(Outcome::Allow(first)) = host.vote(&host.review(&id), yes(sre("bo")), after(1)) else { panic!() };
    let grant = first.sign(&support::key()).id().to_owned();
    let request: Request = ask().extending(grant);
    let (review, stamp) = (host.review(&id), host.stamp(after(2)));
    let Ok(Outcome::Review(longer)) = host.store(host.gate.clone().extend(&review, request, stamp)) else {
        panic!("expected a review")
    };
    host.vote(&longer, yes(sre("bo")), after(3)).unwrap();
    let text = String::from_utf8(host.lines.clone()).unwrap();
    let whole: Vec<&str> = text.split_inclusive('\n').collect();
    let authorized = whole.iter().rposition(|line| line.contains("grant.authorized")).unwrap();
    host.lines = whole[..authorized].concat().into_bytes();
    host.ledger = Ledger::resume(STREAM, &host.lines).unwrap().ledger;
    // The use went over to a grant that is not there: it is spent, and nothing brings it back.
    assert_eq!(host.review(longer.id()).state(), ReviewState::Open);
    let again = host.wake(&host.review(longer.id()), after(4));
    assert!(again.is_err(), "{again:?}");
}
