//! Reviews and time: escalation, reminders, fallback, hours, fresh approvals, scheduled starts.

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

use countersign::{Auth, Conflict, News, Outcome, Review, ReviewState, Subject, Vote, VoteError};

use support::reviews::{ask, dba, lead, no, one, sre, word, yes};
use support::walk::allowed;
use support::{Host, after, minutes};

fn woken(host: &mut Host, review: &Review, second: i64) -> Review {
    match host.wake(review, after(second)) {
        Ok(Outcome::Review(review)) => review,
        other => panic!("expected an open review, found {}", effect(&other)),
    }
}

fn effect(outcome: &Result<Outcome, Conflict>) -> &'static str {
    outcome.as_ref().map_or("conflict", |outcome| outcome.effect().as_str())
}

fn names(news: &[News]) -> Vec<String> {
    let name = |news: &News| match news {
        News::StageBegins(stage) => format!("begins {}", stage.stage()),
        News::StageReopens(stage) => format!("reopens {}", stage.stage()),
        News::StageSkipped(stage) => format!("skipped {}", stage.stage()),
        News::Escalated(stage) => format!("escalated {}", stage.rule()),
        News::Remind(stage) => format!("remind {}", stage.rule()),
        other => format!("{other:?}"),
    };
    news.iter().map(name).collect()
}

#[test]
fn escalation_adds_approvers_and_takes_nobodys_right() {
    let rule = "approve = { count = 2, from = 'sre' }\n\
                escalate = [{ after = '15m', add = 'lead' }, { after = '30m', add = 'dba' }]";
    let mut host = one(rule);
    let review = host.open(ask(), after(0));
    assert_eq!(review.next_wakeup(), Some(after(900)));
    assert_eq!(word(&host.vote(&review, yes(lead("dee")), after(899))), "ineligible");
    let review = woken(&mut host, &review, 900);
    assert_eq!(names(review.news()), ["escalated people"]);
    assert_eq!(review.next_wakeup(), Some(after(1_800)));
    assert_eq!(word(&host.vote(&review, yes(dba("eve")), after(901))), "ineligible");
    assert_eq!(word(&host.vote(&review, yes(lead("dee")), after(902))), "review");
    let review = host.review(review.id());
    assert_eq!(
        word(&host.vote(&review, yes(sre("bo")), after(903))),
        "allow",
        "an earlier one keeps the right"
    );
    // A wake-up that comes late does all that is due.
    let mut host = one(rule);
    let review = host.open(ask(), after(0));
    let review = woken(&mut host, &review, 2_000);
    assert_eq!(names(review.news()), ["escalated people", "escalated people"]);
    assert_eq!(review.next_wakeup(), Some(after(3_600)), "nothing but the end is left");
    assert_eq!(word(&host.vote(&review, yes(dba("eve")), after(2_001))), "review");
}

#[test]
fn reminders_are_due_once_each() {
    let mut host = one("remind = ['10m', '20m']\napprove = { from = 'sre' }");
    let mut review = host.open(ask(), after(0));
    for second in [600, 1_200] {
        assert_eq!(review.next_wakeup(), Some(after(second)));
        let lines = host.lines.len();
        assert!(names(woken(&mut host, &review, second - 1).news()).is_empty());
        assert_eq!(host.lines.len(), lines, "nothing is recorded before it is due");
        review = woken(&mut host, &review, second);
        assert_eq!(names(review.news()), ["remind people"]);
    }
    assert_eq!(review.next_wakeup(), Some(after(3_600)));
}

#[test]
fn clock_of_a_stage_starts_when_it_begins_and_again_when_it_is_reopened() {
    let stages = "[[review.stage]]\nid = 'a'\napprove = { from = 'sre' }\n\
                  escalate = [{ after = '10m', add = 'dba' }]\n\
                  [[review.stage]]\nid = 'b'\napprove = { from = 'lead' }\nremind = ['10m']\n";
    let mut host = one(stages);
    let review = host.open(ask(), after(0));
    let Ok(Outcome::Review(review)) = host.vote(&review, yes(sre("bo")), after(300)) else { panic!("open") };
    assert_eq!(names(review.news()), ["begins b"]);
    assert_eq!(review.next_wakeup(), Some(after(900)));
    let Ok(Outcome::Review(review)) = host.vote(&review, Vote::withdraw(sre("bo")), after(800)) else {
        panic!("open")
    };
    assert_eq!(names(review.news()), ["reopens a"]);
    assert_eq!(review.next_wakeup(), Some(after(1_400)));
}

#[test]
fn stage_that_nobody_can_fill_goes_to_its_fallback() {
    let rule = "approve = { from = 'has(resource.owner) && approver.id == resource.owner' }\n\
                fallback = { count = 2, from = 'lead' }";
    let submit = |host: &mut Host, candidates: &[Subject]| {
        let stamp = host.stamp(after(0));
        match host.store(host.gate.clone().submit_with_candidates(ask(), candidates, stamp)) {
            Ok(Outcome::Review(review)) => review,
            other => panic!("expected a review, found {}", effect(&other)),
        }
    };
    let mut host = one(rule);
    let review = submit(&mut host, &[sre("bo"), lead("cy"), lead("dee")]);
    assert_eq!(word(&host.vote(&review, yes(lead("cy")), after(1))), "review");
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(lead("dee")), after(2))), "allow");
    // Without candidates nobody knows that nobody can.
    let mut host = one(rule);
    let review = host.open(ask(), after(0));
    assert_eq!(word(&host.vote(&review, yes(lead("cy")), after(1))), "ineligible");
    // Where somebody can, the fallback stays shut.
    let mut host = one(&rule.replace("has(resource.owner) && approver.id == resource.owner", "sre"));
    let review = submit(&mut host, &[sre("bo"), lead("cy"), lead("dee")]);
    assert_eq!(word(&host.vote(&review, yes(lead("cy")), after(1))), "ineligible");
}

#[test]
fn votes_count_at_the_hours_of_their_seats() {
    // The Monday's noon of all tests is one o'clock in Berlin.
    let hours = "within = { days = ['mon-fri'], from = '09:00', to = '17:00', tz = 'Europe/Berlin' }";
    for rule in [
        format!("{hours}\napprove = {{ count = 2, from = 'sre' }}"),
        format!("approve = {{ count = 2, from = 'sre', {hours} }}"),
    ] {
        let mut host = one(&format!("expires = '7d'\nrefresh = '7d'\n{rule}"));
        let review = host.open(ask(), after(0));
        assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(4 * 3_600 - 1))), "review");
        let review = host.review(review.id());
        let late = host.vote(&review, yes(sre("cy")), after(4 * 3_600));
        let opens = support::time("2026-11-24T08:00:00Z");
        let expected = VoteError::OutsideHours { approver: "user/cy".to_owned(), opens_at: Some(opens) };
        assert_eq!(late.unwrap_err(), expected, "the end is no part of the hours");
        let candidates = [sre("cy")];
        assert_eq!(review.eligible(&candidates).len(), 1, "at a better hour");
        assert_eq!(word(&host.vote(&review, yes(sre("cy")), opens)), "allow");
    }
}

#[test]
fn approval_that_is_too_old_no_longer_counts() {
    let mut host = one("expires = '8h'\napprove = { count = 2, from = 'sre', fresh = '1h' }");
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")), after(0)).unwrap();
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(3_600))), "duplicate", "an hour old is fresh");
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(3_660))), "review", "61 minutes old");
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(3_661))), "allow", "it may be given anew");
}

#[test]
fn seat_demands_a_step_up_when_the_vote_is_cast() {
    let rule = "approve = { from = 'sre', auth = { amr = ['hwk'], within = '5m' } }";
    let by = |method: &str, second| yes(sre("bo")).with_auth(Auth::new([method], after(second)));
    for (vote, expected) in [
        (yes(sre("bo")), "step up"),
        (by("pwd", 0), "step up"),
        (by("hwk", -241), "step up"),
        (by("hwk", 61), "step up"),
        (by("hwk", -240), "allow"),
        (by("hwk", 60), "allow"),
    ] {
        let mut host = one(rule);
        let review = host.open(ask(), after(0));
        assert_eq!(word(&host.vote(&review, vote.clone(), after(60))), expected, "{vote:?}");
    }
    let mut host = one(rule);
    let review = host.open(ask(), after(0));
    let error = host.vote(&review, yes(sre("bo")), after(60)).unwrap_err();
    assert_eq!(error.to_string(), "approver `user/bo` must sign in again by `hwk` within 5m");
    assert_eq!(word(&host.vote(&review, no(sre("bo")), after(60))), "step up", "so does a rejection");
}

const LATER: &str = "expires = '1h'\nmay = ['start_later']\ngrant = { max = '30m', start_later = '7d' }\n\
                     approve = { count = 2, from = 'sre' }";

#[test]
fn scheduled_review_waits_for_its_start() {
    let mut host = one(LATER);
    let review = host.open(ask().with_not_before(after(1_800)), after(0));
    host.vote(&review, yes(sre("bo")), after(60)).unwrap();
    let Ok(Outcome::Review(review)) = host.vote(&host.review(review.id()), yes(sre("cy")), after(61)) else {
        panic!("it waits")
    };
    assert_eq!((review.state(), review.starts_at()), (ReviewState::Scheduled, Some(after(1_800))));
    assert_eq!(review.next_wakeup(), Some(after(1_800)));
    assert_eq!(effect(&host.wake(&review, after(1_799))), "review");
    assert_eq!(host.review(review.id()).state(), ReviewState::Scheduled);
    // A host that wakes it a little late gives no more time than was planned.
    let grant = allowed(host.wake(&review, after(1_860)));
    assert_eq!(grant.expires_at(), after(1_800 + 900));
    assert_eq!(host.review(review.id()).state(), ReviewState::Approved);
    assert!(matches!(host.wake(&review, after(1_861)), Err(Conflict::Stale { .. })));
}

#[test]
fn scheduled_review_can_be_undone_until_its_start() {
    let scheduled = || {
        let mut host = one(LATER);
        let review = host.open(ask().with_not_before(after(1_800)), after(0));
        host.vote(&review, yes(sre("bo")), after(60)).unwrap();
        host.vote(&host.review(review.id()), yes(sre("cy")), after(61)).unwrap();
        let review = host.review(review.id());
        assert_eq!(review.state(), ReviewState::Scheduled);
        (host, review)
    };
    let (mut host, review) = scheduled();
    let Ok(Outcome::Review(open)) = host.vote(&review, Vote::withdraw(sre("cy")), after(100)) else {
        panic!("open again")
    };
    assert_eq!((open.state(), open.next_wakeup()), (ReviewState::Open, Some(after(3_600))));
    assert_eq!(effect(&host.wake(&open, after(3_600))), "deny");
    let (mut host, review) = scheduled();
    assert_eq!(word(&host.vote(&review, no(sre("dee")), after(100))), "deny");
    let (mut host, review) = scheduled();
    assert_eq!(effect(&host.wake(&review, after(1_800 + 900))), "deny", "its time is over");
    assert_eq!(host.review(review.id()).state(), ReviewState::Expired);
}

#[test]
fn scheduled_review_needs_fresh_attributes_at_its_start() {
    let mut host = one(&format!("refresh = '10m'\n{LATER}"));
    let review = host.open(ask().with_not_before(after(1_800)), after(0));
    host.vote(&review, yes(sre("bo")), after(60)).unwrap();
    host.vote(&host.review(review.id()), yes(sre("cy")), after(61)).unwrap();
    let review = host.review(review.id());
    let review = woken(&mut host, &review, 1_800);
    assert_eq!(names(review.news()), ["NeedsFresh { ids: [\"user/bo\", \"user/cy\"] }"]);
    assert_eq!(review.next_wakeup(), Some(after(2_700)), "until then people can be asked");
    let stamp = host.stamp(after(1_810));
    let fresh = host.gate.clone().refresh(&review, vec![sre("bo"), sre("cy")], stamp);
    assert_eq!(word(&host.store(fresh)), "allow");
}

#[test]
fn votes_may_start_a_grant_later_and_the_latest_holds() {
    let later = |id: &str, second| yes(sre(id)).not_before(after(second));
    let mut host = one(LATER);
    let review = host.open(ask().with_not_before(after(600)), after(0));
    assert_eq!(word(&host.vote(&review, later("bo", 599), after(1))), "starts earlier");
    assert_eq!(word(&host.vote(&review, later("bo", 1_200), after(1))), "review");
    let Ok(Outcome::Review(review)) = host.vote(&host.review(review.id()), later("cy", 900), after(2)) else {
        panic!("it waits")
    };
    assert_eq!(review.starts_at(), Some(after(1_200)));
    let mut host = one("approve = { from = 'sre' }");
    let review = host.open(ask(), after(0));
    assert_eq!(word(&host.vote(&review, later("bo", 600), after(1))), "may not start later");
}

#[test]
fn small_skew_uses_the_later_time_and_more_loses_no_vote() {
    let mut host = one("may = ['shorten']\napprove = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    host.vote(&review, yes(sre("bo")).at_most(minutes(5)), after(100)).unwrap();
    let review = host.review(review.id());
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(94))), "clock");
    let stamp = host.stamp(after(96));
    let outcome = host.store(host.gate.clone().vote(&review, Vote::reject(dba("x")), stamp));
    assert_eq!(word(&outcome), "ineligible");
    assert_eq!(word(&host.vote(&review, yes(sre("cy")), after(95))), "allow");
    let review = host.review(review.id());
    assert_eq!(review.state(), ReviewState::Approved);
}
