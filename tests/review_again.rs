//! What is decided once more when people have approved: by the clock of the close, and never for less.

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

use countersign::{
    Action, Gate, Ledger, News, Obligation, Outcome, PolicyOptions, Request, Resource, Review, ReviewState,
    Subject, Vote, VoteError,
};

use support::reviews::{ask, at, back, dba, host, lead, no, one, sre, word, yes};
use support::walk::allowed;
use support::{Host, ISSUER, STREAM, after, member};

fn events(host: &Host, id: &str) -> Vec<String> {
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let of = resumed.records().iter().filter(|record| record.review() == Some(id));
    of.map(|record| record.event().to_owned()).collect()
}

/// A grant's times, in seconds after noon.
fn times(outcome: Result<Outcome, VoteError>) -> (i64, i64) {
    let grant = allowed(outcome);
    let claims: serde_json::Value = {
        use base64::Engine as _;
        let body = grant.token().split('.').nth(1).unwrap();
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    };
    let noon = after(0).timestamp();
    (claims["nbf"].as_i64().unwrap() - noon, claims["exp"].as_i64().unwrap() - noon)
}

#[test]
fn start_that_its_voter_takes_back_is_forgotten() {
    let mut host = one("may = ['start_later']\napprove = { count = 2, from = 'sre' }");
    let id = host.open(ask(), after(0)).id().to_owned();
    let late = yes(sre("bo")).not_before(after(1_200));
    host.vote(&host.review(&id), late, at(0)).unwrap();
    host.vote(&host.review(&id), yes(sre("cy")), at(1)).unwrap();
    assert_eq!(host.review(&id).starts_at(), Some(after(1_200)));
    host.vote(&host.review(&id), yes(sre("dee")), at(2)).unwrap();
    // Two others are a quorum still, and neither asked to wait.
    let outcome = host.vote(&host.review(&id), back(sre("bo")), at(3));
    assert_eq!(times(outcome), (4, 4 + 900));
    assert_eq!(host.review(&id).starts_at(), None);
    assert_eq!(
        events(&host, &id)[7..],
        ["review.voted", "review.unscheduled", "review.approved", "grant.authorized"]
    );
}

#[test]
fn start_is_found_anew_among_those_who_remain() {
    let mut host = one("may = ['start_later']\napprove = { count = 2, from = 'sre' }");
    let id = host.open(ask(), after(0)).id().to_owned();
    for (second, (who, start)) in [("bo", 1_200), ("cy", 600), ("dee", 300)].into_iter().enumerate() {
        host.vote(&host.review(&id), yes(sre(who)).not_before(after(start)), at(second)).unwrap();
    }
    assert_eq!(host.review(&id).starts_at(), Some(after(1_200)));
    host.vote(&host.review(&id), back(sre("bo")), at(4)).unwrap();
    assert_eq!(host.review(&id).starts_at(), Some(after(600)));
    let outcome = host.wake(&host.review(&id), after(601)).map_err(VoteError::from);
    assert_eq!(times(outcome), (600, 600 + 900), "the grant's life runs from its start");
}

const FREEZE: &str = r#"
[[review]]
id = "usual"
when = 'true'
approve = { from = 'sre' }
[[review]]
id = "late"
when = 'now >= timestamp("2026-11-23T12:30:00Z")'
approve = { from = 'dba' }
"#;

#[test]
fn rule_that_matches_by_now_is_asked_too() {
    let mut host = host(FREEZE);
    let id = host.open(ask(), after(0)).id().to_owned();
    let Ok(Outcome::Review(review)) = host.vote(&host.review(&id), yes(sre("bo")), after(1_800)) else {
        panic!("expected the review to stay open")
    };
    assert_eq!(review.state(), ReviewState::Open);
    assert!(review.news().contains(&News::MoreAsked { rules: vec!["late".to_owned()] }));
    assert_eq!(format!("{review:?}"), format!("{:?}", host.review(&id)), "what replays equals what lived");
    let missing = review.outlook(&[], after(1_801)).missing;
    assert_eq!(missing.iter().map(|seat| &*seat.rule).collect::<Vec<_>>(), ["late"]);
    assert_eq!(word(&host.vote(&review, yes(sre("bo")), after(1_801))), "duplicate");
    let outcome = host.vote(&review, yes(dba("dee")), after(1_802));
    assert_eq!(word(&outcome), "allow");
    let replanned = events(&host, &id);
    assert_eq!(replanned.iter().filter(|event| *event == "review.replanned").count(), 1);
}

#[test]
fn standing_votes_sit_where_more_is_asked() {
    let mut host = host(FREEZE);
    let id = host.open(ask(), after(0)).id().to_owned();
    let both = yes(member("bo", &["sre", "dba"]));
    assert_eq!(word(&host.vote(&host.review(&id), both, after(1_800))), "allow");
    assert!(events(&host, &id).contains(&"review.replanned".to_owned()));
}

#[test]
fn rule_of_which_another_would_do_is_not_asked_again() {
    let any = format!("[groups]\nany = 'any'\n{}", FREEZE.replace("approve", "group = 'any'\napprove"));
    let mut host = host(&any);
    let id = host.open(ask(), after(0)).id().to_owned();
    assert_eq!(word(&host.vote(&host.review(&id), yes(sre("bo")), after(1_800))), "allow");
}

#[test]
fn rule_that_matches_at_a_later_start_is_asked_before_it() {
    let mut host = host(
        &FREEZE.replace("approve = { from = 'sre' }", "may = ['start_later']\napprove = { from = 'sre' }"),
    );
    let id = host.open(ask(), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")).not_before(after(1_900)), after(1)).unwrap();
    assert_eq!(host.review(&id).state(), ReviewState::Scheduled);
    let woken = host.wake(&host.review(&id), after(1_900)).unwrap();
    assert_eq!(woken.effect().as_str(), "review");
    assert_eq!(host.review(&id).state(), ReviewState::Open);
    let outcome = host.vote(&host.review(&id), yes(dba("dee")), after(1_901));
    assert_eq!(times(outcome).0, 1_901);
}

#[test]
fn forbid_counts_by_the_later_of_two_clocks() {
    let forbid = "[[forbid]]\nid = 'freeze'\nwhen = 'now >= timestamp(\"2026-11-23T12:30:00Z\")'\n\
        [[review]]\nid = 'people'\nwhen = 'true'\napprove = { count = 2, from = 'sre' }\n";
    let mut host = host(forbid);
    let id = host.open(ask(), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")), after(1_800)).unwrap();
    // A node whose clock is a little behind does not get in before the freeze.
    let outcome = host.vote(&host.review(&id), yes(sre("cy")), after(1_797));
    assert_eq!(word(&outcome), "denied by now");
}

#[test]
fn grant_begins_by_the_later_of_two_clocks() {
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let id = host.open(ask(), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")), after(100)).unwrap();
    let outcome = host.vote(&host.review(&id), yes(sre("cy")), after(97));
    assert_eq!(times(outcome), (100, 1_000));
}

#[test]
fn evidence_of_the_opening_is_not_asked_again_and_hides_no_new_rule() {
    let needs = FREEZE
        .replace("id = \"usual\"", "id = \"usual\"\nneeds = { auth = { amr = ['otp'], within = '1m' } }");
    let mut host = host(&needs);
    let auth = countersign::Auth::new(["otp"], after(0));
    let id = host.open(ask().with_auth(auth), after(0)).id().to_owned();
    let outcome = host.vote(&host.review(&id), yes(sre("bo")), after(1_800));
    assert_eq!(word(&outcome), "review", "the new rule is asked although the sign-in is old by now");
    assert_eq!(word(&host.vote(&host.review(&id), yes(dba("dee")), after(1_801))), "allow");
}

#[test]
fn new_rule_whose_evidence_lacks_is_a_denial() {
    let needs = FREEZE.replace("id = \"late\"", "id = \"late\"\nneeds = { fields = ['context.reason'] }");
    let mut host = host(&needs);
    let id = host.open(ask(), after(0)).id().to_owned();
    assert_eq!(word(&host.vote(&host.review(&id), yes(sre("bo")), after(1_800))), "denied by now");
    assert_eq!(host.review(&id).state(), ReviewState::Open);
}

#[test]
fn obligations_that_begin_to_hold_are_owed() {
    let text = format!(
        "{}[[risk]]\nid = 'evening'\nlevel = 'high'\nwhen = 'now >= timestamp(\"2026-11-23T12:30:00Z\")'\n\
         obligations = ['record_session']\n{}",
        support::reviews::HEAD,
        "[[review]]\nid = 'people'\nwhen = 'true'\napprove = { from = 'sre' }\n"
    );
    let policy = PolicyOptions::new().fulfilling(["record_session"]).from_toml(&text).unwrap();
    let mut host = one("approve = { from = 'sre' }");
    host.gate = Gate::new(policy, ISSUER);
    let id = host.open(ask(), after(0)).id().to_owned();
    let outcome = host.vote(&host.review(&id), yes(sre("bo")), after(1_800));
    let Ok(Outcome::Allow(authorization)) = outcome else { panic!("{outcome:?}") };
    let owed = |decision: &countersign::Decision| decision.obligations().cloned().collect::<Vec<_>>();
    assert_eq!(owed(authorization.decision()), [Obligation::RecordSession]);
    assert_eq!(owed(host.review(&id).decision()), [Obligation::RecordSession], "also after a crash");
}

#[test]
fn torn_write_leaves_a_scheduled_review_scheduled() {
    let mut host = one("approve = { from = 'sre' }\ngrant = { start_later = '2h', max = '1h' }");
    let id = host.open(ask().with_not_before(after(600)), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")), after(1)).unwrap();
    let scheduled = host.review(&id);
    allowed(host.wake(&scheduled, after(600)));
    // The authorization is lost, the approval before it is not.
    let lines: Vec<&[u8]> = host.lines.split_inclusive(|byte| *byte == b'\n').collect();
    let torn = lines[..lines.len() - 1].concat();
    let resumed = Ledger::resume(STREAM, &torn).unwrap();
    assert_eq!(resumed.records().last().unwrap().event(), "review.approved");
    let review = resumed.reviews().unwrap().remove(0);
    assert_eq!((review.state(), review.starts_at()), (ReviewState::Scheduled, Some(after(600))));
    let mut again = Host::new(support::reviews::HEAD);
    again.gate = host.gate.clone();
    (again.ledger, again.lines) = (resumed.ledger, torn);
    assert_eq!(woken(&mut again, &review), (600, 1_500));
}

/// Wakes what was resumed; a stamp of before the crash is never used again.
fn woken(host: &mut Host, review: &Review) -> (i64, i64) {
    for _ in 0..50 {
        let _ = host.stamp(after(0));
    }
    times(host.wake(review, after(601)).map_err(VoteError::from))
}

#[test]
fn torn_write_of_a_closing_vote_is_made_good_by_waking() {
    let mut host = one("approve = { from = 'sre' }");
    let id = host.open(ask(), after(0)).id().to_owned();
    allowed(host.vote(&host.review(&id), yes(sre("bo")), after(1)));
    let lines: Vec<&[u8]> = host.lines.split_inclusive(|byte| *byte == b'\n').collect();
    for lost in [1, 2] {
        let torn = lines[..lines.len() - lost].concat();
        let resumed = Ledger::resume(STREAM, &torn).unwrap();
        let review = resumed.reviews().unwrap().remove(0);
        assert_eq!(review.state(), ReviewState::Open, "{lost} records lost");
        let mut again = one("approve = { from = 'sre' }");
        (again.ledger, again.lines) = (resumed.ledger, torn);
        assert_eq!(woken(&mut again, &review), (601, 1_501));
    }
}

#[test]
fn veto_that_was_not_looked_for_to_the_end_blocks() {
    let mut host = one("approve = { from = 'sre' }\nveto = [{ count = 21, from = 'true', final = false }]");
    let mut review = host.open(ask(), after(0));
    // Twenty rings of three, each voting for the next: at most one of each ring counts, in 3^20 ways.
    for place in 0..60_usize {
        let name = |place: usize| format!("p{place}");
        let next = if place % 3 == 2 { place - 2 } else { place + 1 };
        let vote = no(sre(&name(place))).on_behalf_of(sre(&name(next)));
        review = match host.vote(&review, vote, at(place)) {
            Ok(Outcome::Review(review)) => review,
            other => panic!("{other:?}"),
        };
    }
    assert_eq!(word(&host.vote(&review, yes(sre("zoe")), at(61))), "review");
}

#[test]
fn nobody_is_two_people_by_leaving_the_tenant_out() {
    let tenant = |id: &str| sre(id).with("tenant", "acme");
    let mut host = one("approve = { count = 2, from = 'sre' }");
    let review = host.open(ask(), after(0));
    let vote = |host: &mut Host, vote: Vote| word(&host.vote(&review, vote, after(1)));
    assert_eq!(vote(&mut host, yes(tenant("ana"))), "own", "ana asked, without a tenant");
    assert_eq!(vote(&mut host, yes(sre("bo")).on_behalf_of(tenant("bo"))), "own delegate");
    let strange = Subject::new("user", "cy").with("groups", ["sre"]).with("tenant", 7);
    assert_eq!(vote(&mut host, yes(strange)), "invalid");
    let Ok(Outcome::Review(review)) = host.vote(&review, yes(sre("bo")), after(1)) else { panic!() };
    let error = host.vote(&review, yes(tenant("bo")), after(2)).unwrap_err();
    assert_eq!(
        error.to_string(),
        "approver `~acme/user/bo` is known here as `user/bo`, their tenant must be stated alike"
    );
    let error = host.vote(&review, back(tenant("bo")), after(2)).unwrap_err();
    assert_eq!(error.code(), "tenant_unclear");
    let both = host.vote(&review, yes(tenant("cy")), after(3));
    assert_eq!(word(&both), "allow", "another person's tenant is their own");
    // Who is of two tenants is two people.
    let acme = Subject::new("user", "ana").with("tenant", "acme");
    let request = Request::new(acme, Action::new("run"), Resource::new("database", "orders"));
    let review = host.open(request, after(4));
    let other = Subject::new("user", "ana").with("groups", ["sre"]).with("tenant", "other");
    assert_eq!(word(&host.vote(&review, yes(other), after(5))), "review");
}

#[test]
fn recovering_from_before_a_revocation_brings_nothing_back() {
    let mut host = one("approve = { from = 'sre' }\non_withdraw = 'revoke'\ngrant = { max_uses = 1 }");
    let id = host.open(ask(), after(0)).id().to_owned();
    let grant = allowed(host.vote(&host.review(&id), yes(sre("bo")), after(1)));
    let before = host.review(&id);
    assert_eq!(allowed(host.recover(&before, after(2))).token(), grant.token());
    assert!(host.recover(&before, after(3)).is_err(), "it was recovered from here once");
    let recovered = host.review(&id);
    assert_eq!(word(&host.vote(&recovered, back(sre("bo")), after(4))), "deny");
    let error = host.recover(&recovered, after(5)).unwrap_err();
    assert!(matches!(error, countersign::Conflict::Stale { .. }), "{error}");
    assert_eq!(host.recover(&host.review(&id), after(6)).unwrap().effect().as_str(), "deny");
    let last = events(&host, &id).pop().unwrap();
    assert_eq!(last, "step.refused");
}

#[test]
fn torn_write_of_a_revocation_keeps_the_revocation() {
    let mut host = one("approve = { from = 'sre' }\non_withdraw = 'revoke'\ngrant = { max_uses = 1 }");
    let id = host.open(ask(), after(0)).id().to_owned();
    allowed(host.vote(&host.review(&id), yes(sre("bo")), after(1)));
    let whole = host.lines.len();
    assert_eq!(word(&host.vote(&host.review(&id), back(sre("bo")), after(2))), "deny");
    let first = host.lines[whole..].iter().position(|byte| *byte == b'\n').unwrap();
    let torn = Ledger::resume(STREAM, &host.lines[..=whole + first]).unwrap();
    assert_eq!(torn.reviews().unwrap()[0].state(), ReviewState::Revoked);
}

const OWNER: &str = r#"
[[review]]
id = "two"
when = 'true'
[[review.stage]]
id = "peers"
approve = { from = 'sre' }
[[review.stage]]
id = "owner"
approve = { from = 'has(resource.owner) && approver.id == resource.owner' }
fallback = { from = 'lead' }
"#;

#[test]
fn candidates_are_looked_at_again_when_the_host_names_them() {
    let mut host = host(OWNER);
    let owned = Request::new(
        sre("ana"),
        Action::new("run"),
        Resource::new("database", "orders").with("owner", "olga"),
    );
    let people = [sre("bo"), member("olga", &[]), lead("lee")];
    let stamp = host.stamp(after(0));
    let step = host.gate.clone().submit_with_candidates(owned, &people, stamp);
    let Ok(Outcome::Review(review)) = host.store(step) else { panic!("expected a review") };
    let id = review.id().to_owned();
    let wake = |host: &mut Host, people: &[Subject], second| {
        let stamp = host.stamp(after(second));
        let step = host.gate.clone().wake_with_candidates(&host.review(&id), people, stamp);
        host.store(step).unwrap()
    };
    let lines = host.lines.len();
    assert!(matches!(wake(&mut host, &people, 1), Outcome::Review(_)));
    assert_eq!(host.lines.len(), lines, "nothing is new");
    assert_eq!(word(&host.vote(&host.review(&id), yes(lead("lee")), after(2))), "ineligible");
    // Olga leaves.
    let Outcome::Review(review) = wake(&mut host, &[sre("bo"), lead("lee")], 3) else { panic!() };
    assert!(matches!(&review.news()[0], News::FellBack(stage) if stage.stage() == "owner"));
    assert_eq!(format!("{review:?}"), format!("{:?}", host.review(&id)));
    host.vote(&host.review(&id), yes(sre("bo")), after(4)).unwrap();
    // Whoever voted is still there, though the host no longer names them.
    assert!(matches!(wake(&mut host, &[lead("lee")], 5), Outcome::Review(_)));
    let nobody = wake(&mut host, &[sre("cy")], 6);
    assert_eq!(nobody.effect().as_str(), "deny");
    assert_eq!(host.review(&id).state(), ReviewState::Rejected);
}
