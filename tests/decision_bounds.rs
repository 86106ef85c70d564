//! However many rules there are, what was decided fits into a record.

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

use std::fmt::Write as _;

use countersign::{
    Action, Decision, Effect, Gate, Outcome, Payload, PolicyOptions, ReasonCode, Request, Resource, limits,
};

use support::terms::{ask, told};
use support::{Host, ISSUER, NOON, time};

/// As many rules as asked for, each with an id and a reason of full length.
fn rules(count: usize, of: impl Fn(usize) -> String) -> String {
    let mut text = "format = 1\nname = 'x'\n".to_owned();
    for number in 0..count {
        writeln!(text, "{}", of(number)).unwrap();
    }
    text
}

fn id(number: usize) -> String {
    format!("{number:05}-{}", "x".repeat(limits::NAME_BYTES - 6))
}

fn because() -> String {
    "b".repeat(limits::BECAUSE_BYTES)
}

fn on_sixteen() -> Request {
    let name = |number: usize| format!("{number:02}-{}", "h".repeat(limits::NAME_BYTES - 3));
    ask().with_resources((0..16).map(|number| Resource::new("host", name(number)))).with_audience("fleet")
}

/// Submits to a gate, whose log must take it.
fn submit(text: &str, request: Request) -> (Decision, usize) {
    let policy = PolicyOptions::new().fulfilling(["record_session"]).from_toml(text).unwrap();
    let mut host = Host::new("format = 1\nname = 'x'\n");
    host.gate = Gate::new(policy.clone(), ISSUER);
    let before = host.lines.len();
    let decision = policy.decide(&request, time(NOON));
    let outcome = host.submit(request, time(NOON)).unwrap();
    let told = match outcome {
        Outcome::Allow(authorized) => authorized.decision().clone(),
        Outcome::Deny(told) | Outcome::Challenge(told) => told,
        other => panic!("{other:?}"),
    };
    assert_eq!(told, decision);
    (decision, host.lines.len() - before)
}

fn left_out(decision: &Decision) -> Option<&str> {
    let last = decision.reasons().last()?;
    (last.code() == ReasonCode::ReasonsLeftOut).then(|| last.text())
}

#[test]
fn refusals_of_ten_thousand_zones_fit_into_a_record() {
    let zone = |when: &str, ceiling: &str| {
        let when = when.to_owned();
        let ceiling = ceiling.to_owned();
        move |number: usize| {
            format!("[[zone]]\nid = '{}'\nwhen = '{when}'\nmax_risk = '{ceiling}'", id(number))
        }
    };
    let refused = rules(10_000, zone("true", "low"));
    for request in [ask(), on_sixteen()] {
        let (decision, bytes) = submit(&refused, request);
        assert_eq!(decision.effect(), Effect::Deny, "{}", told(&decision));
        assert!(
            left_out(&decision).unwrap().contains("more rules and reasons are not named"),
            "{}",
            told(&decision)
        );
        let named = decision.reasons().filter(|reason| reason.code() == ReasonCode::RiskAboveZone).count();
        assert!((20..=limits::REASONS_NAMED).contains(&named), "{named}");
        let count = left_out(&decision).unwrap().split(' ').next().unwrap().parse::<usize>().unwrap();
        assert!(count >= 10_000 - named, "{count}");
        assert!(decision.reasons().any(|reason| reason.code() == ReasonCode::NothingMatched));
        assert!(bytes <= 2 * limits::RECORD_BYTES);
    }
    let one_opens = format!("{refused}\n[[zone]]\nid = 'open'\nwhen = 'true'\nmax_risk = 'high'\n");
    for request in [ask(), on_sixteen()] {
        let (decision, _) = submit(&one_opens, request);
        assert_eq!(decision.effect(), Effect::Allow, "{}", told(&decision));
        assert_eq!(decision.rules().collect::<Vec<_>>(), ["open"]);
        assert!(
            decision.reasons().any(|reason| reason.code() == ReasonCode::ZoneAllows),
            "the one that decides"
        );
    }
}

#[test]
fn rules_of_each_kind_are_counted_past_the_first() {
    for (kind, more) in [("forbid", ""), ("hold", ""), ("risk", "level = 'high'\n")] {
        for request in [ask(), on_sixteen()] {
            let text = rules(500, |number| {
                format!("[[{kind}]]\nid = '{}'\nwhen = 'true'\nbecause = '{}'\n{more}", id(number), because())
            });
            let (decision, _) = submit(&text, request.clone());
            assert_eq!(decision.effect(), Effect::Deny, "{}", told(&decision));
            assert!((10..=limits::RULES_NAMED).contains(&decision.rules().len()), "{kind}");
            assert!(left_out(&decision).is_some(), "{kind}");
            let open = format!("{text}[[zone]]\nid = 'open'\nwhen = 'true'\nmax_risk = 'high'\n");
            let (decision, _) = submit(&open, request);
            let expected = if kind == "risk" { Effect::Allow } else { Effect::Deny };
            assert_eq!(decision.effect(), expected, "{kind}");
            assert_eq!(decision.rules().any(|rule| rule == "open"), kind == "risk", "what decides is named");
        }
    }
}

/// What the hundredth rule obliges to is owed, though nobody names the rule.
#[test]
fn obligation_of_a_rule_that_is_not_named_is_owed() {
    let text = rules(100, |number| {
        let owed = if number == 99 { "obligations = ['record_session']\n" } else { "" };
        format!("[[risk]]\nid = 'r{number}'\nwhen = 'true'\nlevel = 'low'\n{owed}")
    });
    let text = format!("{text}[[zone]]\nid = 'open'\nwhen = 'true'\nmax_risk = 'high'\n");
    let (decision, _) = submit(&text, ask());
    assert_eq!((decision.effect(), decision.obligations().count()), (Effect::Allow, 1));
}

/// A request, a payload and what obliges at their bounds, and rules of every kind with names of full length.
#[test]
fn the_most_that_a_decision_says_fits_beside_the_most_that_a_request_says() {
    let kinds = ["risk", "hold", "zone"];
    let mut text = "format = 1\nname = 'x'\n".to_owned();
    for (kind, number) in kinds.iter().flat_map(|kind| (0..100).map(move |number| (kind, number))) {
        let more = match *kind {
            "risk" => "level = 'high'",
            "zone" => "max_risk = 'low'",
            _ => "",
        };
        let when = if number % 2 == 0 { "true" } else { r#"resource.id.substring(99) == """# };
        let id = format!("{kind}{number:05}-{}", "x".repeat(limits::NAME_BYTES - 10));
        writeln!(text, "[[{kind}]]\nid = '{id}'\nwhen = '{when}'\nbecause = '{}'\n{more}", because())
            .unwrap();
    }
    text.push_str(
        "[[review]]\nid = 'people'\nwhen = 'true'\napprove = { from = 'true' }\ngrant = { max = '5m' }\n",
    );
    let action = Action::new("run").with_payload(Payload::plain("p".repeat(limits::PAYLOAD_BYTES - 64)));
    let request = ask().with_action(action).with_duration(support::minutes(30));
    let request = request.with_reason("r".repeat(limits::REQUEST_TEXT - 256));
    let (decision, bytes) = submit(&text, request);
    assert_eq!(decision.effect(), Effect::Deny, "{}", told(&decision));
    assert!(bytes > 50_000, "{bytes}");
    assert!(left_out(&decision).is_some());
}
