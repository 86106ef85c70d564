//! Letting a grant hold for longer: a review of its own, of the same person for the same thing, once.

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

use chrono::{DateTime, Utc};
use countersign::{
    Action, Attempt, Authorization, Conflict, ExtendError, Gate, GrantVerifier, KeySet, Ledger, Outcome,
    Policy, PolicyOptions, ReasonCode, Request, Resource, Review, ReviewState, Subject, Usage, VoteError,
};
use serde_json::Value;

use support::reviews::{HEAD, ask, back, host, lead, one, sre, word, yes};
use support::{Host, ISSUER, STREAM, after, key, member, minutes};

const LONGER: &str =
    "approve = { from = 'sre' }\ngrant = { max = '1h', extend = { max = '30m', times = 2 } }";

/// Opens a review and has it approved: its id, and the claims of its grant.
fn granted(host: &mut Host) -> (String, Value) {
    let id = host.open(ask(), after(0)).id().to_owned();
    let outcome = host.vote(&host.review(&id), yes(sre("bo")), after(60)).unwrap();
    assert_eq!(outcome.effect().as_str(), "allow");
    (id.clone(), claims(host, &id))
}

/// The claims that the log authorizes for a review.
fn claims(host: &Host, id: &str) -> Value {
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let mut of = resumed.records().iter().filter(|record| record.review() == Some(id));
    let record = of.rfind(|record| record.event() == "grant.authorized").unwrap().content();
    record["claims"].clone()
}

fn grant(claims: &Value) -> &str {
    claims["jti"].as_str().unwrap()
}

fn seconds(claims: &Value) -> (i64, i64) {
    let noon = after(0).timestamp();
    (claims["nbf"].as_i64().unwrap() - noon, claims["exp"].as_i64().unwrap() - noon)
}

fn extend(host: &mut Host, id: &str, request: Request, now: DateTime<Utc>) -> Result<Outcome, ExtendError> {
    let (review, stamp) = (host.review(id), host.stamp(now));
    host.store(host.gate.clone().extend(&review, request, stamp))
}

/// Opens an extension of a grant.
fn longer(host: &mut Host, id: &str, more: u64, now: DateTime<Utc>) -> Review {
    let named = ask().extending(grant(&claims(host, id))).with_duration(minutes(more));
    match extend(host, id, named, now).unwrap() {
        Outcome::Review(review) => review,
        other => panic!("expected a review, found {other:?}"),
    }
}

fn code(outcome: Result<Outcome, ExtendError>) -> (ReasonCode, String) {
    match outcome {
        Ok(Outcome::Deny(decision)) => {
            let reason = decision.reasons().next().unwrap();
            (reason.code(), reason.text().to_owned())
        }
        other => panic!("expected a Deny, found {other:?}"),
    }
}

#[test]
fn extension_counts_from_the_end_of_its_grant() {
    let mut host = one(LONGER);
    let (id, first) = granted(&mut host);
    assert_eq!(seconds(&first), (60, 960));
    let review = longer(&mut host, &id, 20, after(300));
    assert_eq!(review.expires_at(), after(960), "it is open no longer than the grant holds");
    assert_eq!(review.request().extends(), Some(grant(&first)));
    let outcome = host.vote(&review, yes(sre("cy")), after(600)).unwrap();
    assert_eq!(outcome.effect().as_str(), "allow");
    let second = claims(&host, review.id());
    assert_eq!(seconds(&second), (600, 960 + 1_200));
    assert_ne!(grant(&second), grant(&first));
    let resumed = Ledger::resume(STREAM, &host.lines).unwrap();
    let extended = resumed.records().iter().find(|record| record.event() == "grant.extended").unwrap();
    let content = extended.content();
    assert_eq!(
        (content["grant"].as_str(), content["by"].as_str()),
        (Some(grant(&first)), Some(grant(&second)))
    );
    assert_eq!((content["req"].as_str(), extended.review()), (Some(&*id), Some(review.id())));
}

#[test]
fn extension_is_read_back_from_its_records() {
    let mut host = one(LONGER);
    let (id, _) = granted(&mut host);
    let live = longer(&mut host, &id, 20, after(300));
    let read = host.review(live.id());
    assert_eq!(format!("{read:?}"), format!("{live:?}"));
    host.vote(&read, yes(sre("cy")), after(600)).unwrap();
    let read = host.review(live.id());
    assert_eq!((read.state(), read.request().extends()), (ReviewState::Approved, live.request().extends()));
    let again = host.recover(&read, after(700)).unwrap();
    assert_eq!(again.effect().as_str(), "allow", "a crash loses no extension");
}

#[test]
fn grant_is_extended_as_often_as_the_rule_says() {
    let mut host = one(LONGER);
    let (first, _) = granted(&mut host);
    let second = longer(&mut host, &first, 30, after(300));
    host.vote(&second, yes(sre("bo")), after(301)).unwrap();
    let third = longer(&mut host, second.id(), 30, after(302));
    host.vote(&third, yes(sre("bo")), after(303)).unwrap();
    assert_eq!(seconds(&claims(&host, third.id())), (303, 960 + 3_600));
    let named = ask().extending(grant(&claims(&host, third.id()))).with_duration(minutes(5));
    let (reason, text) = code(extend(&mut host, third.id(), named, after(304)));
    assert_eq!((reason, &*text), (ReasonCode::ExtensionRefused, "a grant is extended 2 times at most"));
}

#[test]
fn grant_that_is_extended_twice_at_once_is_extended_once() {
    let mut host = one(LONGER);
    let (id, _) = granted(&mut host);
    let (one, other) = (longer(&mut host, &id, 10, after(300)), longer(&mut host, &id, 20, after(301)));
    host.vote(&one, yes(sre("bo")), after(302)).unwrap();
    let refused = host.vote(&other, yes(sre("bo")), after(303));
    assert!(matches!(refused, Err(VoteError::Conflict(Conflict::Ended { .. }))), "{refused:?}");
    assert_eq!(host.review(other.id()).state(), ReviewState::Open);
    // Its next try is refused, too, until it ends with the grant.
    assert!(host.wake(&host.review(other.id()), after(400)).is_ok());
    assert_eq!(word(&host.wake(&host.review(other.id()), after(960)).map_err(VoteError::from)), "deny");
}

#[test]
fn extension_needs_a_rule_that_lets_it() {
    let mut host = one("approve = { from = 'sre' }");
    let (id, first) = granted(&mut host);
    let named = ask().extending(grant(&first));
    let (reason, text) = code(extend(&mut host, &id, named, after(300)));
    assert_eq!((reason, &*text), (ReasonCode::ExtensionRefused, "its grants cannot be extended"));
}

#[test]
fn every_review_that_matches_must_let_it() {
    let mut host = host(&format!(
        "[[review]]\nid = 'a'\nwhen = 'true'\n{LONGER}\n[[review]]\nid = 'b'\nwhen = 'true'\n\
         approve = {{ from = 'sre' }}\n"
    ));
    let (id, first) = granted(&mut host);
    let (reason, _) = code(extend(&mut host, &id, ask().extending(grant(&first)), after(300)));
    assert_eq!(reason, ReasonCode::ExtensionRefused);
}

#[test]
fn what_opens_at_once_extends_nothing() {
    let zone = "[[zone]]\nid = 'quick'\nwhen = 'has(context.extends)'\nmax_risk = 'critical'\n\
                [[emergency]]\nid = 'glass'\nwhen = 'true'\nreview_within = '1h'\n";
    let mut host = host(&format!("[[review]]\nid = 'people'\nwhen = 'true'\n{LONGER}\n{zone}"));
    let (id, first) = granted(&mut host);
    let named = ask().extending(grant(&first)).as_emergency().with_reason("down").with_usage(Usage::none());
    let outcome = extend(&mut host, &id, named, after(300)).unwrap();
    assert_eq!(outcome.effect().as_str(), "review");
}

#[test]
fn bounds_of_an_extension_are_those_of_its_rule() {
    let mut host = one(LONGER);
    let (id, first) = granted(&mut host);
    for (minutes_asked, expected) in [(31, ReasonCode::DurationTooLong), (4, ReasonCode::DurationTooShort)] {
        let named = ask().extending(grant(&first)).with_duration(minutes(minutes_asked));
        assert_eq!(code(extend(&mut host, &id, named, after(300))).0, expected, "{minutes_asked}");
    }
    let later = ask().extending(grant(&first)).with_not_before(after(400));
    assert_eq!(code(extend(&mut host, &id, later, after(300))).0, ReasonCode::StartTooLate);
}

#[test]
fn host_bounds_a_grant_with_all_its_extensions() {
    let text = format!("{HEAD}[[review]]\nid = 'people'\nwhen = 'true'\n{LONGER}\n");
    let policy = PolicyOptions::new().with_max_grant(minutes(40)).from_toml(&text).unwrap();
    let mut host = one(LONGER);
    host.gate = Gate::new(policy, ISSUER);
    let (id, first) = granted(&mut host);
    let named = ask().extending(grant(&first)).with_duration(minutes(26));
    assert_eq!(code(extend(&mut host, &id, named, after(300))).0, ReasonCode::DurationTooLong);
    let review = longer(&mut host, &id, 25, after(300));
    host.vote(&review, yes(sre("bo")), after(301)).unwrap();
    assert_eq!(seconds(&claims(&host, review.id())).1, 60 + 40 * 60, "counted from the first start");
    let named = ask().extending(grant(&claims(&host, review.id()))).with_duration(minutes(5));
    let outcome = extend(&mut host, review.id(), named, after(302));
    assert_eq!(code(outcome).0, ReasonCode::DurationTooLong);
}

#[test]
fn grant_that_has_ended_is_not_extended() {
    let mut host = one(LONGER);
    let (id, first) = granted(&mut host);
    let named = || ask().extending(grant(&first));
    let expected = ExtendError::Expired { ends_at: after(960), now: after(960) };
    assert_eq!(extend(&mut host, &id, named(), after(960)).unwrap_err(), expected);
    assert_eq!(
        expected.to_string(),
        "grant ended at 2026-11-23 12:16:00 UTC, checked at 2026-11-23 12:16:00 UTC"
    );
    let Ok(Outcome::Review(review)) = extend(&mut host, &id, named(), after(959)) else { panic!() };
    let late = host.vote(&review, yes(sre("bo")), after(960));
    assert_eq!(word(&late), "expired", "approved at its end is too late");
}

#[test]
fn grant_that_has_not_begun_is_not_extended() {
    let mut host =
        one("approve = { from = 'sre' }\ngrant = { start_later = '1d', extend = { max = '30m' } }");
    let id = host.open(ask().with_not_before(after(600)), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")), after(1)).unwrap();
    let unready = extend(&mut host, &id, ask().extending("x"), after(2));
    assert_eq!(unready.unwrap_err(), ExtendError::NoGrant { state: ReviewState::Scheduled });
    host.wake(&host.review(&id), after(600)).unwrap();
    let named = ask().extending(grant(&claims(&host, &id)));
    let early = extend(&mut host, &id, named, after(599)).unwrap_err();
    assert_eq!(early, ExtendError::NotBegun { begins: after(600), now: after(599) });
}

#[test]
fn open_review_has_nothing_to_extend() {
    let mut host = one(LONGER);
    let id = host.open(ask(), after(0)).id().to_owned();
    let error = extend(&mut host, &id, ask().extending("x"), after(1)).unwrap_err();
    assert_eq!(error, ExtendError::NoGrant { state: ReviewState::Open });
    assert_eq!(error.to_string(), "review is open, there is no grant to extend");
    assert_eq!(host.events().last().map(String::as_str), Some("step.refused"));
}

#[test]
fn extension_is_of_the_same_grant_people_and_action() {
    let mut host = one(LONGER);
    let (id, first) = granted(&mut host);
    let base = |subject: Subject, action: &str, resource: &str| {
        Request::new(subject, Action::new(action), Resource::new("database", resource))
            .extending(grant(&first))
    };
    let cases = [
        (ask(), "unnamed"),
        (ask().extending("other"), "other_grant"),
        (base(member("eve", &["sre"]), "run", "orders"), "other_subject"),
        (ask().extending(grant(&first)).with_actor(member("kim", &[])), "other_subject"),
        (base(member("ana", &[]), "drop", "orders"), "other_action"),
        (base(member("ana", &[]), "run", "payments"), "other_action"),
        (ask().extending(grant(&first)).with_audience("elsewhere"), "other_action"),
    ];
    for (request, expected) in cases {
        let error = extend(&mut host, &id, request, after(300)).unwrap_err();
        assert_eq!(error.code(), expected, "{error}");
    }
    let stranger = Gate::new(host.gate.policy().clone(), "https://other.example");
    let (review, stamp) = (host.review(&id), host.stamp(after(300)));
    let error = host.store(stranger.extend(&review, ask().extending(grant(&first)), stamp)).unwrap_err();
    assert_eq!(error.code(), "other_issuer");
}

#[test]
fn grant_that_nobody_showed_is_unknown() {
    let mut host = one(LONGER);
    let (_, first) = granted(&mut host);
    let shown = format!(
        r#"{{"subject": {{"type": "user", "id": "ana"}}, "action": {{"name": "run"}},
            "resource": {{"type": "database", "id": "orders"}},
            "context": {{"extends": {{"grant": "{}", "request": "r", "begins": "2026-11-23T12:00:00Z",
                        "ends": "2026-11-23T13:00:00Z", "times": 0}}}}}}"#,
        grant(&first)
    );
    let shown = Request::from_trusted_json(shown).unwrap();
    assert_eq!(
        host.gate.policy().decide(&shown, after(300)).effect().as_str(),
        "review",
        "as a case asks it"
    );
    for request in [ask().extending(grant(&first)), shown] {
        let outcome = host.submit(request, after(300)).map_err(ExtendError::from);
        let (reason, text) = code(outcome);
        assert_eq!(
            (reason, &*text),
            (ReasonCode::ExtensionRefused, "nobody showed the grant that it extends")
        );
    }
    let forged = r#"{"subject": {"type": "user", "id": "ana"}, "action": {"name": "run"},
        "resource": {"type": "database", "id": "orders"}, "context": {"extends": {"grant": "g"}}}"#;
    let error = Request::from_caller_json(forged).unwrap_err();
    assert_eq!(error.to_string(), "`context.extends` is map, expected a string");
}

const COUNTED: &str = "approve = { from = 'sre' }\nmay = ['narrow']\non_withdraw = 'revoke'\n\
                       grant = { max_uses = 2, extend = { max = '30m' } }";

/// Uses the grant of a review once.
fn redeem(host: &mut Host, authorization: Authorization, now: DateTime<Utc>) -> bool {
    let token = authorization.sign(&key());
    let verifier = GrantVerifier::new(ISSUER, "database/orders", KeySet::new([key().public()]));
    let verifier = verifier.enforcing(["max_rows"]);
    let attempt = || Attempt::new(Action::new("run"), Resource::new("database", "orders"));
    let verified = verifier.verify(token.token(), attempt(), now).unwrap();
    let stamp = host.stamp(now);
    host.store(host.gate.clone().redeem(verified, stamp)).is_ok()
}

fn authorization(outcome: Result<Outcome, VoteError>) -> Authorization {
    match outcome {
        Ok(Outcome::Allow(authorization)) => authorization,
        other => panic!("expected a grant, found {other:?}"),
    }
}

/// A counted grant without revocation lists, twice in hand.
fn counted(uses: u64) -> (Host, String, [Authorization; 2]) {
    let mut host = one(&format!(
        "approve = {{ from = 'sre' }}\nmay = ['narrow']\ngrant = {{ max_uses = {uses}, extend = {{ max = '30m' }} }}"
    ));
    let id = host.open(ask(), after(0)).id().to_owned();
    let one = authorization(host.vote(&host.review(&id), yes(sre("bo")), after(60)));
    let two = authorization(host.recover(&host.review(&id), after(61)).map_err(VoteError::from));
    (host, id, [one, two])
}

#[test]
fn extension_takes_over_the_uses() {
    let (mut host, id, [first, _]) = counted(1);
    let review = longer(&mut host, &id, 20, after(300));
    let second = authorization(host.vote(&review, yes(sre("bo")), after(301)));
    assert!(!redeem(&mut host, first, after(302)), "the first has none left");
    assert!(redeem(&mut host, second, after(303)));
}

#[test]
fn redeemed_grant_is_not_extended() {
    let (mut host, id, [first, _]) = counted(1);
    let review = longer(&mut host, &id, 20, after(300));
    assert!(redeem(&mut host, first, after(301)));
    let refused = host.vote(&review, yes(sre("bo")), after(302));
    let Err(VoteError::Conflict(conflict)) = refused else { panic!("{refused:?}") };
    assert!(matches!(conflict, Conflict::Redeemed { .. }), "{conflict:?}");
    assert!(conflict.to_string().starts_with("grant to extend is used up: `use/"), "{conflict}");
    assert_eq!(host.review(review.id()).state(), ReviewState::Open);
}

#[test]
fn uses_that_are_left_go_over_where_people_narrow_to_them() {
    let (mut host, id, [first, second]) = counted(3);
    assert!(redeem(&mut host, first, after(100)));
    let review = longer(&mut host, &id, 20, after(300));
    assert!(host.vote(&review, yes(sre("bo")), after(301)).is_err(), "three are more than are left");
    let narrowed = yes(sre("bo")).narrowed("max_uses", 2.into());
    let third = authorization(host.vote(&host.review(review.id()), narrowed, after(302)));
    assert!(!redeem(&mut host, second, after(303)));
    assert!(redeem(&mut host, third, after(304)));
}

#[test]
fn extension_keeps_the_constraints_of_its_grant() {
    let mut host = one(&format!("{LONGER}\nmay = ['narrow']"));
    let id = host.open(ask(), after(0)).id().to_owned();
    host.vote(&host.review(&id), yes(sre("bo")).narrowed("max_rows", 10.into()), after(60)).unwrap();
    let review = longer(&mut host, &id, 20, after(300));
    host.vote(&review, yes(sre("cy")).narrowed("idle_s", 60.into()), after(301)).unwrap();
    let con = &claims(&host, review.id())["con"];
    assert_eq!((con["max_rows"].as_i64(), con["idle_s"].as_i64()), (Some(10), Some(60)));
}

#[test]
fn revoked_grant_is_not_extended() {
    let mut host = one(COUNTED);
    let (id, first) = granted(&mut host);
    let review = longer(&mut host, &id, 20, after(300));
    host.vote(&host.review(&id), back(sre("bo")), after(301)).unwrap();
    let again = extend(&mut host, &id, ask().extending(grant(&first)), after(302)).unwrap_err();
    assert_eq!(again, ExtendError::Revoked { grant: grant(&first).to_owned() });
    // People who decide on the extension meanwhile come too late, too.
    let refused = host.vote(&review, yes(sre("cy")), after(303));
    assert!(matches!(refused, Err(VoteError::Conflict(Conflict::Ended { .. }))), "{refused:?}");
}

#[test]
fn revocation_after_the_extension_stops_neither() {
    let mut host = one(COUNTED);
    let (id, _) = granted(&mut host);
    let review = longer(&mut host, &id, 20, after(300));
    host.vote(&review, yes(sre("cy")), after(301)).unwrap();
    let outcome = host.vote(&host.review(&id), back(sre("bo")), after(302));
    assert_eq!(word(&outcome), "deny");
    assert_eq!(host.review(&id).state(), ReviewState::Revoked);
    assert_eq!(host.review(review.id()).state(), ReviewState::Approved, "others approved it");
}

#[test]
fn extension_cannot_be_put_off_by_a_vote() {
    let mut host = one(&format!("{LONGER}\nmay = ['start_later']"));
    let (id, _) = granted(&mut host);
    let review = longer(&mut host, &id, 20, after(300));
    let outcome = host.vote(&review, yes(sre("bo")).not_before(after(400)), after(301));
    assert_eq!(word(&outcome), "may not start later");
}

#[test]
fn requester_does_not_approve_the_extension() {
    let mut host = one(LONGER);
    let (id, _) = granted(&mut host);
    let review = longer(&mut host, &id, 20, after(300));
    let own = host.vote(&review, yes(member("ana", &["sre"])), after(301));
    assert_eq!(word(&own), "own");
    assert_eq!(word(&host.vote(&review, yes(lead("lee")), after(302))), "ineligible");
}

#[test]
fn extension_stands_in_reviews_alone() {
    let told = |rest: &str| Policy::from_toml(&format!("{HEAD}{rest}")).unwrap_err().to_string();
    let expected = "`extend` stands in the `grant` of a review: an extension asks people";
    let zone = "[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'low'\ngrant = { extend = { max = '1h' } }\n";
    assert!(told(zone).contains(expected), "{}", told(zone));
    let glass =
        "[[emergency]]\nid = 'e'\nwhen = 'true'\nreview_within = '1h'\ngrant = { extend = { max = '1h' } }\n";
    assert!(told(glass).contains(expected), "{}", told(glass));
    let bad = |extend: &str| {
        told(&format!(
            "[[review]]\nid = 'r'\nwhen = 'true'\napprove = {{ from = 'sre' }}\ngrant = {{ extend = {extend} }}\n"
        ))
    };
    assert!(bad("{ times = 1 }").contains("`max` is missing"), "{}", bad("{ times = 1 }"));
    assert!(bad("{ max = '1h', times = 0 }").contains("expected"), "{}", bad("{ max = '1h', times = 0 }"));
    assert!(bad("{ max = '1h', time = 1 }").contains("did you mean `times`?"));
}
