//! What a host owes beside what is allowed, and the labels of rules.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod policy_faults;
mod support;

use countersign::{Effect, PolicyOptions, ReasonCode};
use policy_faults::{ZONE, faults};
use support::terms::{HEAD, ask, codes, decide, fulfilling, owed, policy, told, zone};
use support::{NOON, minutes, time};

const WATCHED: &str = "obligations = [{ notify = 'sre' }, 'record_session', { mask = ['a', 'b'] }, \
    { custom = { name = 'watermark', value = 'internal' } }]";

#[test]
fn decision_owes_what_its_rules_say() {
    let text = format!(
        "[[risk]]\nid = 'r'\nwhen = 'true'\nlevel = 'low'\nobligations = [{{ notify = 'audit' }}]\n{}",
        zone("z", WATCHED)
    );
    let policy = fulfilling(&text, &["notify", "record_session", "mask", "watermark"]);
    let decision = policy.decide(&ask(), time(NOON));
    assert_eq!(decision.effect(), Effect::Allow, "{}", told(&decision));
    let json = serde_json::to_value(&decision).unwrap();
    let expected = serde_json::json!([
        { "notify": "audit" },
        { "notify": "sre" },
        "record_session",
        { "mask": ["a", "b"] },
        { "custom": { "name": "watermark", "value": "internal" } },
    ]);
    assert_eq!(json["context"]["obligations"], expected);
}

#[test]
fn what_is_owed_and_not_promised_is_denied() {
    let all = ["notify", "record_session", "mask", "watermark"];
    for missing in all {
        let kinds: Vec<&str> = all.into_iter().filter(|kind| *kind != missing).collect();
        let decision = fulfilling(&zone("z", WATCHED), &kinds).decide(&ask(), time(NOON));
        assert_eq!(decision.effect(), Effect::Deny, "{missing}");
        assert_eq!(codes(&decision), [ReasonCode::ObligationUnsupported]);
        assert_eq!(decision.reasons().next().unwrap().detail(), Some(missing));
    }
    let risk = "[[risk]]\nid = 'r'\nwhen = 'true'\nlevel = 'low'\nobligations = ['record_session']\n";
    let decision = decide(&format!("{risk}{}", zone("z", "")), &ask());
    assert_eq!((decision.effect(), decision.duration()), (Effect::Deny, None), "{}", told(&decision));
    let review = "[[review]]\nid = 'p'\nwhen = 'true'\napprove = { from = 'true' }\nobligations = ['record_session']\n";
    assert_eq!(decide(review, &ask()).effect(), Effect::Deny);
    assert_eq!(fulfilling(review, &["record_session"]).decide(&ask(), time(NOON)).effect(), Effect::Review);
}

#[test]
fn failed_risk_rule_owes_what_it_says() {
    let text = format!(
        "[[risk]]\nid = 'r'\nwhen = '1 / (size(resource.id) - 3) == 1'\nlevel = 'low'\nobligations = ['record_session']\n{}",
        zone("z", "").replace("'high'", "'critical'")
    );
    let decision = fulfilling(&text, &["record_session"]).decide(&ask(), time(NOON));
    assert_eq!((decision.effect(), owed(&decision)), (Effect::Allow, vec!["record_session"]));
    assert_eq!(decide(&text, &ask()).effect(), Effect::Deny);
}

#[test]
fn zone_with_an_unpromised_obligation_takes_no_other_zone_away() {
    let text = format!(
        "{}{}",
        zone("a", "obligations = ['record_session']"),
        zone("b", "obligations = [{ notify = 'x' }, { notify = 'y' }]")
    );
    let decision = fulfilling(&text, &["notify"]).decide(&ask(), time(NOON));
    assert_eq!((decision.effect(), decision.rules().collect::<Vec<_>>()), (Effect::Allow, vec!["b"]));
}

#[test]
fn of_several_zones_the_one_that_owes_least_is_used() {
    let zones = [
        zone("a", "obligations = ['record_session']\ngrant = { max = '8h' }"),
        zone("b", "grant = { max = '1h' }"),
        zone("c", "grant = { max = '2h' }"),
        zone("d", "grant = { max = '2h' }"),
    ];
    let used = |zones: &[String]| {
        let decision = fulfilling(&zones.concat(), &["record_session"]).decide(&ask(), time(NOON));
        let used = decision.rules().next().unwrap().to_owned();
        let reversed: Vec<String> = zones.iter().rev().cloned().collect();
        let again = fulfilling(&reversed.concat(), &["record_session"]).decide(&ask(), time(NOON));
        assert_eq!(again.rules().next(), Some(used.as_str()));
        used
    };
    assert_eq!(used(&zones), "c");
    assert_eq!(used(&zones[..2]), "b");
    let uncapped = [zones[0].clone(), zone("b", "grant = { max = '10m', over = 'cap' }")];
    let policy = fulfilling(&uncapped.concat(), &["record_session"]);
    let decision = policy.decide(&ask().with_duration(minutes(60)), time(NOON));
    assert_eq!(decision.rules().next(), Some("a"), "what caps is used only if nothing else admits it");
}

#[test]
fn obligations_are_recorded_with_the_decision_and_come_back_with_the_grant() {
    let options = PolicyOptions::new().fulfilling(["record_session"]);
    let text = format!("{HEAD}{}", zone("z", "obligations = ['record_session']"));
    let mut host = support::Host::new(&text);
    host.gate = countersign::Gate::new(options.from_toml(&text).unwrap(), support::ISSUER);
    let outcome = host.submit(ask(), time(NOON)).unwrap();
    let countersign::Outcome::Allow(authorization) = outcome else { panic!("expected a grant") };
    assert_eq!(owed(authorization.decision()), ["record_session"]);
    assert!(String::from_utf8_lossy(&host.lines).contains(r#""obligations":["record_session"]"#));
}

#[test]
fn obligations_of_a_decision_are_bounded() {
    let long = "x".repeat(500);
    let risks: String = (0..9)
        .map(|n| format!("[[risk]]\nid = 'r{n}'\nwhen = 'true'\nlevel = 'low'\nobligations = [{{ notify = '{n}{long}' }}]\n"))
        .collect();
    let decision = fulfilling(&format!("{risks}{}", zone("z", "")), &["notify"]).decide(&ask(), time(NOON));
    assert_eq!(decision.effect(), Effect::Deny);
    assert!(told(&decision).contains("its obligations are 4509 bytes, limit is 4096"), "{}", told(&decision));
}

#[test]
fn cases_take_every_obligation_for_fulfilled() {
    let case = "[[case]]\nname = 'c'\nrequest.subject = { type = 'user', id = 'a' }\n\
        request.action = { name = 'a' }\nrequest.resource = { type = 'b', id = 'c' }\nexpect = { effect = 'allow' }\n";
    let policy = policy(&format!("{}{case}", zone("z", WATCHED)));
    assert_eq!(countersign::testing::check(&policy), Ok(1));
}

#[test]
fn bad_obligations_and_labels_are_refused() {
    let expected = "expected `{ notify = \"…\" }`, `\"record_session\"`, `{ mask = […] }` or `{ custom = { name = \"…\" } }`";
    for (text, fault) in [
        ("obligations = ['page']", format!("7:16 {expected}, found `page`")),
        ("obligations = [{}]", format!("7:16 {expected}")),
        ("obligations = [{ notify = 'a', mask = ['b'] }]", format!("7:16 {expected}")),
        ("obligations = [3]", format!("7:16 {expected}, found an integer")),
        (
            "obligations = 'record_session'",
            "7:15 expected a list such as `[{ notify = \"…\" }, \"record_session\"]`, found a string"
                .to_owned(),
        ),
        ("obligations = [{ page = 'x' }]", "unknown key `page`".to_owned()),
        (
            "obligations = [{ notify = '' }]",
            "7:27 expected one line of 1 to 512 bytes, nothing in it hidden".to_owned(),
        ),
        ("obligations = [{ mask = [] }]", "7:25 nothing is masked: expected at least one field".to_owned()),
        (
            "obligations = [{ custom = {} }]",
            "7:27 `name` is missing: the kind that the host fulfils".to_owned(),
        ),
        (
            "obligations = [{ custom = { name = 'mask' } }]",
            "7:36 `mask` is no obligation of the host's own".to_owned(),
        ),
        (
            "obligations = ['record_session', 'record_session']",
            "7:34 this obligation stands there already".to_owned(),
        ),
        ("labels = { team = 3 }", "7:19 expected a string, found an integer".to_owned()),
        ("labels = { 'two words' = 'x' }", "7:12 expected 1 to 256 letters".to_owned()),
        (
            "labels = 'team'",
            "7:10 expected a table such as `{ team = \"payments\" }`, found a string".to_owned(),
        ),
    ] {
        let found = faults(&format!("{ZONE}{text}\n")).join("\n");
        assert!(found.contains(&fault.replace("found `page`, found", "found")), "{text}: {found}");
    }
    let many: String = (0..9).map(|n| format!("{{ notify = '{n}' }},")).collect();
    assert_eq!(faults(&format!("{ZONE}obligations = [{many}]\n")), ["7:15 9 obligations, limit is 8"]);
    let many: String = (0..17).map(|n| format!("l{n} = 'x',")).collect();
    assert_eq!(faults(&format!("{ZONE}labels = {{ {many} }}\n")), ["7:10 17 labels, limit is 16"]);
}

#[test]
fn labels_are_told_by_rule() {
    let policy = policy(&zone("z", "labels = { team = 'payments', tier = 'gold' }"));
    assert_eq!(policy.labels("z").collect::<Vec<_>>(), [("team", "payments"), ("tier", "gold")]);
    assert_eq!(policy.labels("y").count(), 0);
}
