//! Reviews: bounds, ends, candidates.

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

use countersign::{Effect, Outcome, Review, ReviewState, limits};

use support::after;
use support::reviews::{HEAD, ask, back, claimed, dba, lead, no, one, sre, word, yes};

#[test]
fn refused_vote_is_recorded_whatever_it_holds() {
    let long = "x".repeat(100_000);
    let hostile = [
        yes(sre("cy")).with_comment(&*long),
        yes(sre("cy")).with_comment("\0"),
        yes(sre(&long)),
        yes(sre("")),
        yes(sre("cy").with("id", "bo")),
        yes(sre("cy").with("notes", vec![0.5; 3_000])),
        yes(sre("cy").with("tenant", "/".repeat(20_000))),
        yes(sre("cy")).at_most(std::time::Duration::MAX),
        yes(sre("cy")).at_most(std::time::Duration::ZERO),
        back(sre(&long)),
    ];
    for vote in hostile {
        for closed in [false, true] {
            let mut host = one("approve = { from = 'sre' }\nmay = ['shorten']");
            let id = host.open(ask(), after(0)).id().to_owned();
            if closed {
                host.vote(&host.review(&id), no(sre("bo")), after(1)).unwrap();
            }
            let refused = host.vote(&host.review(&id), vote.clone(), after(2));
            assert!(refused.is_err(), "{vote:?}");
            assert_eq!(host.events().last().unwrap(), "review.vote_refused");
        }
    }
}

// Time, bounds, candidates.

#[test]
fn review_is_dead_at_its_expiry_second() {
    let mut host = one("expires = '30m'\napprove = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    assert_eq!((review.expires_at(), review.next_wakeup()), (after(1_800), Some(after(1_800))));
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(1_799))), "review");
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(1_800))), "expired");
    assert!(matches!(host.wake(&review, after(1_799)), Ok(Outcome::Review(_))));
    let Ok(Outcome::Deny(decision)) = host.wake(&review, after(1_800)) else { panic!("expected the end") };
    assert_eq!(decision.effect(), Effect::Deny);
    let review = host.review(review.id());
    assert_eq!((review.state(), review.next_wakeup()), (ReviewState::Expired, None));
}

#[test]
fn vote_of_a_clock_that_is_behind_is_refused_and_loses_nothing() {
    let mut host = one("approve = { count = 3, from = 'sre' }");
    let review = host.open(ask(), after(0));
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(-6))), "clock");
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(-5))), "review");
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(600))), "review");
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("dee")), after(594))), "clock");
    assert_eq!(word(&host.vote(&review, yes(sre("dee")), after(595))), "allow");
}

#[test]
fn review_takes_no_more_votes_than_its_bound() {
    let mut host = one("approve = { all = [ { count = 64, from = 'sre' }, { from = 'lead' } ] }");
    let mut review = host.open(ask(), after(0));
    for voter in 0..limits::VOTES {
        let Ok(Outcome::Review(next)) = host.vote(&review, yes(sre(&format!("voter-{voter}"))), after(1))
        else {
            panic!("expected an open review")
        };
        review = next;
    }
    assert_eq!(word(&host.vote(&review, yes(sre("one-more")), after(2))), "too many");
    assert_eq!(word(&host.vote(&review, back(sre("voter-7")), after(3))), "review");
}

#[test]
fn candidates_are_those_whose_vote_would_count_now() {
    let mut host = one(
        "[[review.stage]]\nid = 'a'\napprove = { from = 'sre' }\n[[review.stage]]\nid = 'b'\napprove = { from = 'lead' }\n",
    );
    let review = host.open(ask(), after(0));
    let candidates = [sre("ana"), sre("bo"), lead("cy"), dba("dee"), claimed("eve")];
    let ids = |review: &Review| {
        review.eligible(&candidates).iter().map(|subject| subject.id().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&review), ["bo"]);
    host.vote(&review, yes(sre("bo")), after(1)).unwrap();
    assert_eq!(ids(&host.review(review.id())), ["cy"]);
}

#[test]
fn review_that_asks_nobody_is_no_policy() {
    let table = [
        ("stage = []", "nobody is asked: expected at least one stage"),
        ("", "`approve` is missing: who must approve"),
        ("approve = { all = [] }", "nobody is asked: expected at least one part"),
        ("approve = { any = [] }", "nobody is asked: expected at least one part"),
        ("approve = { at_least = 0, of = [{ from = 'sre' }] }", "expected a count from 1 to 10000"),
        ("approve = { at_least = 2, of = [{ from = 'sre' }] }", "at least 2 of 1 can never be met"),
        ("approve = { count = 0, from = 'sre' }", "expected a count from 1 to 10000"),
        ("approve = { count = -1, from = 'sre' }", "expected a count from 1 to 10000"),
        ("approve = { count = 1 }", "`from` is missing: the condition that an approver meets"),
    ];
    for (approve, expected) in table {
        let veto = "veto = [{ count = 2, from = 'sre', final = false }]";
        let written = format!("{HEAD}[[review]]\nid = 'people'\nwhen = 'true'\n{veto}\n{approve}\n");
        let error = countersign::Policy::from_toml(&written).unwrap_err();
        assert_eq!(error.faults().next().unwrap().message(), expected, "{approve}");
    }
}
