//! The transition table of reviews: every state against every input.

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

use countersign::{Conflict, Gate, Outcome, Review, ReviewState, Step, Vote, VoteError};

use support::reviews::{HEAD, ask, back, claimed, dba, lead, no, one, sre, word, yes};
use support::{Host, ISSUER, after, minutes, policy};

use ReviewState::{Approved, Expired, Open, Rejected, Revoked, Scheduled, Superseded, Withdrawn};

const RULE: &str = "on_withdraw = 'revoke'\nmay = ['shorten', 'start_later']\n\
                    grant = { max_uses = 1 }\napprove = { count = 2, from = 'sre' }";

#[derive(Debug, Clone, Copy, PartialEq)]
enum Input {
    Approve,
    Closing,
    Delegated,
    Automatic,
    Forced,
    Reject,
    Withdraw,
    WithdrawWithoutVote,
    Comment,
    Advice,
    Own,
    Ineligible,
    Unattested,
    Widening,
    Malformed,
    Signed,
    ClockBehind,
    AfterTheEnd,
    PolicyAdds,
    PolicyDenies,
    RefreshVoter,
    RefreshStranger,
    TakeBack,
    TakeBackOfAStranger,
    Supersede,
    SupersedeWithLess,
    WakeEarly,
    WakeAtStart,
    WakeAtTheEnd,
    Recover,
}

/// What becomes of an input in the states that are not over: new, open with one approval of two, scheduled
/// with both, approved.
type Row = (Input, [(&'static str, ReviewState); 4]);

const TABLE: [Row; 30] = [
    (
        Input::Approve,
        [("review", Open), ("duplicate", Open), ("duplicate", Scheduled), ("approved", Approved)],
    ),
    // cy's second approval says nothing of a start, so the grant may begin.
    (Input::Closing, [("review", Open), ("allow", Approved), ("allow", Approved), ("approved", Approved)]),
    (
        Input::Delegated,
        [("review", Open), ("allow", Approved), ("review", Scheduled), ("approved", Approved)],
    ),
    (
        Input::Automatic,
        [("review", Open), ("allow", Approved), ("review", Scheduled), ("approved", Approved)],
    ),
    (
        Input::Forced,
        [("ineligible", Open), ("ineligible", Open), ("ineligible", Scheduled), ("approved", Approved)],
    ),
    (Input::Reject, [("deny", Rejected), ("deny", Rejected), ("deny", Rejected), ("approved", Approved)]),
    (Input::Withdraw, [("nothing", Open), ("review", Open), ("review", Open), ("deny", Revoked)]),
    (
        Input::WithdrawWithoutVote,
        [("nothing", Open), ("nothing", Open), ("nothing", Scheduled), ("nothing", Approved)],
    ),
    (Input::Comment, [("review", Open), ("review", Open), ("review", Scheduled), ("approved", Approved)]),
    (Input::Advice, [("review", Open), ("review", Open), ("review", Scheduled), ("approved", Approved)]),
    (Input::Own, [("own", Open), ("own", Open), ("own", Scheduled), ("approved", Approved)]),
    (
        Input::Ineligible,
        [("ineligible", Open), ("ineligible", Open), ("ineligible", Scheduled), ("approved", Approved)],
    ),
    (
        Input::Unattested,
        [("unattested", Open), ("unattested", Open), ("unattested", Scheduled), ("approved", Approved)],
    ),
    (Input::Widening, [("widens", Open), ("widens", Open), ("widens", Scheduled), ("approved", Approved)]),
    (
        Input::Malformed,
        [("invalid", Open), ("invalid", Open), ("invalid", Scheduled), ("approved", Approved)],
    ),
    (
        Input::Signed,
        [("signature", Open), ("signature", Open), ("signature", Scheduled), ("signature", Approved)],
    ),
    (Input::ClockBehind, [("clock", Open), ("clock", Open), ("clock", Scheduled), ("approved", Approved)]),
    // A scheduled review outlives its end, but not the time that was planned.
    (Input::AfterTheEnd, [("expired", Open), ("expired", Open), ("deny", Expired), ("approved", Approved)]),
    (Input::PolicyAdds, [("review", Open), ("allow", Approved), ("allow", Approved), ("approved", Approved)]),
    (
        Input::PolicyDenies,
        [("deny", Rejected), ("deny", Rejected), ("deny", Rejected), ("approved", Approved)],
    ),
    (
        Input::RefreshVoter,
        [("nobody", Open), ("review", Open), ("review", Scheduled), ("approved", Approved)],
    ),
    (
        Input::RefreshStranger,
        [("nobody", Open), ("nobody", Open), ("nobody", Scheduled), ("approved", Approved)],
    ),
    (
        Input::TakeBack,
        [("deny", Withdrawn), ("deny", Withdrawn), ("deny", Withdrawn), ("approved", Approved)],
    ),
    (
        Input::TakeBackOfAStranger,
        [
            ("not requester", Open),
            ("not requester", Open),
            ("not requester", Scheduled),
            ("approved", Approved),
        ],
    ),
    (
        Input::Supersede,
        [("review", Superseded), ("review", Superseded), ("review", Superseded), ("approved", Approved)],
    ),
    (Input::SupersedeWithLess, [("deny", Open), ("deny", Open), ("deny", Scheduled), ("approved", Approved)]),
    (Input::WakeEarly, [("review", Open), ("review", Open), ("review", Scheduled), ("review", Approved)]),
    (Input::WakeAtStart, [("review", Open), ("review", Open), ("allow", Approved), ("review", Approved)]),
    (Input::WakeAtTheEnd, [("deny", Expired), ("deny", Expired), ("deny", Expired), ("review", Approved)]),
    (Input::Recover, [("review", Open), ("review", Open), ("review", Scheduled), ("allow", Approved)]),
];

/// A review that is over takes nothing.
fn of_the_ended(input: Input, state: ReviewState) -> &'static str {
    match input {
        Input::WakeEarly | Input::WakeAtStart | Input::WakeAtTheEnd | Input::Recover => "deny",
        Input::Signed => "signature",
        _ => state.as_str(),
    }
}

#[test]
fn every_state_meets_every_input() {
    let begun = [("new", Open), ("open", Open), ("scheduled", Scheduled), ("approved", Approved)];
    let ended = [Rejected, Expired, Withdrawn, Superseded, Revoked];
    let states: Vec<ReviewState> = begun.iter().map(|(_, state)| *state).chain(ended).collect();
    assert!(ReviewState::ALL.iter().all(|state| states.contains(state)), "every state is met");
    for (place, (input, row)) in TABLE.into_iter().enumerate() {
        assert_eq!(TABLE.iter().position(|(other, _)| *other == input), Some(place), "{input:?} stands once");
        let rows = begun.iter().zip(row).map(|((name, state), (word, then))| (*name, *state, word, then));
        let over = ended.map(|state| (state.as_str(), state, of_the_ended(input, state), state));
        for (name, state, expected, then) in rows.chain(over) {
            let mut host = one(RULE);
            let review = lead_to(&mut host, name, state);
            let lines = host.lines.len();
            let found = apply(&mut host, &review, input);
            assert_eq!(found, expected, "{input:?} on a review that is {name}");
            let after = host.review(review.id());
            assert_eq!(after.state(), then, "{input:?} on a review that is {name}");
            let wakes = matches!(input, Input::WakeEarly | Input::WakeAtStart | Input::WakeAtTheEnd);
            let silent = (wakes && then == state) || (input == Input::Recover && found != "allow");
            assert_eq!(host.lines.len() == lines, silent, "{input:?} on a review that is {name} is recorded");
            if then == state && !matches!(found, "review" | "allow") {
                let (before, after) = (format!("{review:?}"), format!("{after:?}"));
                assert_eq!(before, after, "{input:?} on a review that is {name}: nothing else changes");
            }
        }
    }
}

/// Opens a review and leads it to a state.
fn lead_to(host: &mut Host, name: &str, state: ReviewState) -> Review {
    let id = host.open(ask(), after(0)).id().to_owned();
    let mut votes = vec![];
    if name != "new" {
        votes.push(yes(sre("bo")));
    }
    match state {
        Scheduled => votes.push(yes(sre("cy")).not_before(after(1_800))),
        Approved => votes.push(yes(sre("cy"))),
        Revoked => votes.extend([yes(sre("cy")), back(sre("bo"))]),
        Rejected => votes.push(no(sre("cy"))),
        _ => {}
    }
    for vote in votes {
        host.vote(&host.review(&id), vote, after(1)).unwrap();
    }
    let review = host.review(&id);
    match state {
        Expired => drop(host.wake(&review, after(3_600)).unwrap()),
        Withdrawn => drop(store(host, |gate, stamp| gate.withdraw(&review, &sre("ana"), stamp), 2).unwrap()),
        Superseded => drop(store(host, |gate, stamp| gate.supersede(&review, ask(), stamp), 2).unwrap()),
        _ => {}
    }
    let review = host.review(&id);
    assert_eq!(review.state(), state);
    review
}

fn store(
    host: &mut Host,
    step: impl FnOnce(&Gate, countersign::Stamp) -> Step<Result<Outcome, VoteError>>,
    second: i64,
) -> Result<Outcome, VoteError> {
    let (gate, stamp) = (host.gate.clone(), host.stamp(after(second)));
    host.store(step(&gate, stamp))
}

fn apply(host: &mut Host, review: &Review, input: Input) -> &'static str {
    let effect = |outcome: Result<Outcome, Conflict>| outcome.unwrap().effect().as_str();
    let mut second = 60;
    let vote = match input {
        Input::Approve => yes(sre("bo")),
        Input::Closing => yes(sre("cy")),
        Input::Delegated => yes(dba("flo")).on_behalf_of(sre("eve")),
        Input::Automatic => yes(sre("bot")).automatic(),
        Input::Forced => Vote::force(sre("cy")),
        Input::Reject => no(sre("dee")),
        Input::Withdraw => back(sre("bo")),
        Input::WithdrawWithoutVote => back(sre("eve")),
        Input::Comment => Vote::comment(dba("eve"), "why?"),
        Input::Advice => no(sre("model")).advisory(),
        Input::Own => yes(sre("ana")),
        Input::Ineligible => yes(dba("dee")),
        Input::Unattested => yes(claimed("cy")),
        Input::Widening => yes(sre("cy")).at_most(minutes(120)),
        Input::Malformed => yes(sre("cy")).with_comment("x".repeat(100_000)),
        Input::Signed => yes(sre("cy")).with_signature("forged"),
        Input::ClockBehind => {
            second = -60;
            yes(sre("cy"))
        }
        Input::AfterTheEnd => {
            second = 3_600;
            yes(sre("cy"))
        }
        Input::PolicyAdds | Input::PolicyDenies => {
            let rules = match input {
                Input::PolicyAdds => "[[review]]\nid = 'new'\nwhen = 'true'\napprove = { from = 'sre' }\n",
                _ => "[[forbid]]\nid = 'no'\nwhen = 'true'\n",
            };
            host.gate = Gate::new(policy(&format!("{HEAD}{rules}")), ISSUER);
            yes(sre("cy"))
        }
        Input::RefreshVoter => {
            let step = |gate: &Gate, stamp| gate.refresh(review, vec![sre("bo")], stamp);
            return word(&store(host, step, second));
        }
        Input::RefreshStranger => {
            let step = |gate: &Gate, stamp| gate.refresh(review, vec![lead("eve")], stamp);
            return word(&store(host, step, second));
        }
        Input::TakeBack => {
            return word(&store(host, |gate, stamp| gate.withdraw(review, &sre("ana"), stamp), second));
        }
        Input::TakeBackOfAStranger => {
            return word(&store(host, |gate, stamp| gate.withdraw(review, &sre("bo"), stamp), second));
        }
        Input::Supersede => {
            return word(&store(host, |gate, stamp| gate.supersede(review, ask(), stamp), second));
        }
        Input::SupersedeWithLess => {
            let too_long = ask().with_duration(minutes(600));
            return word(&store(host, |gate, stamp| gate.supersede(review, too_long, stamp), second));
        }
        Input::WakeEarly => return effect(host.wake(review, after(1_799))),
        Input::WakeAtStart => return effect(host.wake(review, after(1_800))),
        Input::WakeAtTheEnd => return effect(host.wake(review, after(3_600))),
        Input::Recover => return effect(host.recover(review, after(second))),
    };
    word(&host.vote(review, vote, after(second)))
}
