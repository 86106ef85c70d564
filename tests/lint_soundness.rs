//! What the linter tells is so: every request of a small universe is tried.
//!
//! Rules of all kinds are made of tests that this universe tells apart, some of which can fail. A rule that is
//! told to do nothing is taken out, one that is told to match always is opened, and no decision may change.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    reason = "a failed test may panic"
)]

mod lint_common;

use std::fmt::Write;

use chrono::{DateTime, Utc};
use countersign::testing;
use countersign::{
    Action, Attributes, Decision, Effect, Lint, Policy, ReasonCode, Request, Resource, Risk, Subject, Usage,
};
use proptest::prelude::*;
use proptest::sample::select;

const HEAD: &str = r#"
format = 1
name = "universe"
[attributes]
"subject.groups" = "list<string>"
"subject.level" = "int"
"resource.environment" = { type = "string", one_of = ["dev", "staging", "prod"] }
"resource.owner" = "string?"
"resource.labels" = "map<string, string>"
"approver.groups" = "list<string>"
"#;

/// A rule as it is written: its kind, its condition, and its other keys.
#[derive(Debug, Clone)]
struct Written {
    kind: &'static str,
    when: String,
    rest: String,
}

fn condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => select(vec!["a", "b"]).prop_map(|text| format!("action.name == \"{text}\"")),
        1 => Just("action.name.startsWith(\"a\")".to_owned()),
        1 => Just("action.name.matches(\"^a\")".to_owned()),
        2 => select(vec!["dev", "prod"]).prop_map(|text| format!("resource.environment == \"{text}\"")),
        1 => Just("resource.environment in [\"dev\", \"staging\"]".to_owned()),
        1 => Just("has(resource.owner)".to_owned()),
        1 => Just("(has(resource.owner) && resource.owner == \"x\")".to_owned()),
        1 => Just("\"g\" in subject.groups".to_owned()),
        1 => Just("size(subject.groups) > 0".to_owned()),
        2 => (1..3, select(vec!["<", "<=", "==", "!=", ">"]))
            .prop_map(|(number, op)| format!("subject.level {op} {number}")),
        // Fails where the level is 0.
        1 => select(vec!["> 5", "<= 5"]).prop_map(|test| format!("10 / subject.level {test}")),
        // Fails where there is no such label.
        1 => Just("resource.labels[\"k\"] == \"v\"".to_owned()),
        1 => Just("true".to_owned()),
    ];
    leaf.prop_recursive(2, 6, 3, |part| {
        prop_oneof![
            2 => prop::collection::vec(part.clone(), 2..=3).prop_map(|parts| format!("({})", parts.join(" && "))),
            2 => prop::collection::vec(part.clone(), 2..=3).prop_map(|parts| format!("({})", parts.join(" || "))),
            1 => part.clone().prop_map(|part| format!("!({part})")),
            1 => (part.clone(), part.clone(), part).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

fn rule() -> impl Strategy<Value = Written> {
    let level = || select(vec!["low", "medium", "high", "critical"]);
    let notify = || prop::option::weighted(0.3, Just("obligations = [{ notify = 'x' }]\n"));
    let owed = |text: Option<&'static str>| text.unwrap_or_default().to_owned();
    let zone = (
        level(),
        notify(),
        select(vec!["15m", "30m"]),
        prop::option::weighted(0.2, Just(())),
        prop::option::weighted(0.2, Just(())),
    )
        .prop_map(move |(level, notify, most, limit, needs)| {
            let mut rest = format!("max_risk = '{level}'\ngrant = {{ max = '{most}' }}\n{}", owed(notify));
            if limit.is_some() {
                rest.push_str("limit = { count = 1, per = '1h' }\n");
            }
            if needs.is_some() {
                rest.push_str("needs = { fields = ['context.reason'] }\n");
            }
            ("zone", rest)
        });
    let plain =
        |kind: &'static str| notify().prop_map(move |notify| (kind, notify.unwrap_or_default().to_owned()));
    let kinds = prop_oneof![
        2 => (level(), notify()).prop_map(move |(level, notify)| ("risk", format!("level = '{level}'\n{}", owed(notify)))),
        2 => plain("forbid"),
        2 => plain("hold"),
        4 => zone,
        1 => Just(("review", "approve = { from = '\"sre\" in approver.groups' }\n".to_owned())),
        1 => Just(("emergency", "review_within = '1h'\n".to_owned())),
    ];
    (kinds, condition()).prop_map(|((kind, rest), when)| Written { kind, when, rest })
}

fn document(rules: &[(usize, Written)], default_risk: &str) -> String {
    let mut text = format!("{HEAD}[defaults]\nrisk = '{default_risk}'\n");
    for (number, Written { kind, when, rest }) in rules {
        write!(text, "[[{kind}]]\nid = 'r{number}'\nwhen = '''{when}'''\n{rest}").unwrap();
    }
    text
}

/// Every request that the tests above tell apart.
fn universe() -> Vec<Request> {
    let mut requests = Vec::new();
    for (action, environment) in ["a", "aa", "b", "c"]
        .iter()
        .flat_map(|action| ["dev", "staging", "prod"].map(|environment| (action, environment)))
    {
        for bits in 0..(3 * 4 * 3 * 3 * 4) {
            let groups: &[&str] = [&["g"][..], &["h"], &[]][bits % 3];
            let level = i64::try_from(bits / 3 % 4).unwrap();
            let resource = Resource::new("t", "i").with("environment", environment);
            let resource = match bits / 12 % 3 {
                0 => resource,
                1 => resource.with("owner", "x"),
                _ => resource.with("owner", "y"),
            };
            let labels = [None, Some("v"), Some("w")][bits / 36 % 3];
            let labels: Attributes =
                labels.map(|value| ("k".to_owned(), countersign::Value::from(value))).into_iter().collect();
            let subject = Subject::new("user", "ana").with("groups", groups.to_vec()).with("level", level);
            let request = Request::new(subject, Action::new(*action), resource.with("labels", labels));
            // Alone; with a reason and nothing used; with everything used; an emergency.
            requests.push(match bits / 108 {
                0 => request,
                1 => request.with_usage(Usage::none()).with_reason("x"),
                2 => request.with_reason("x"),
                _ => request.with_usage(Usage::none()).with_reason("x").as_emergency(),
            });
        }
    }
    requests
}

fn now() -> DateTime<Utc> {
    "2026-01-14T12:00:00Z".parse().unwrap()
}

/// What comes of a decision, whichever rules made it.
fn said(decision: &Decision) -> (Effect, Risk, Option<std::time::Duration>, Vec<String>) {
    let mut missing: Vec<String> = decision.missing().map(|need| need.path().to_owned()).collect();
    missing.sort();
    (decision.effect(), decision.risk(), decision.duration(), missing)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_told_is_so(
        written in prop::collection::vec(rule(), 1..5), default in select(vec!["low", "high"])
    ) {
        let rules: Vec<(usize, Written)> = written.into_iter().enumerate().collect();
        let text = document(&rules, default);
        // A zone on nothing that the host says does not load.
        let Ok(policy) = Policy::from_toml(&text) else { return Ok(()) };
        let universe = universe();
        for found in policy.warnings() {
            let lint = found.lint().unwrap();
            let Some(number) = rules.iter().position(|(number, _)| found.message().contains(&format!("`r{number}`"))) else { continue };
            // The first rule that a message names is the one that it is about.
            let of = found.message().split('`').nth(1).unwrap();
            let number = of.trim_start_matches('r').parse::<usize>().unwrap_or(number);
            let mut changed = rules.clone();
            match lint {
                Lint::NeverMatches if rules[number].1.kind == "zone" || rules[number].1.kind == "emergency" => { changed.remove(number); }
                Lint::Shadowed | Lint::AlwaysForbidden | Lint::AlwaysHeld | Lint::RiskTooHigh => { changed.remove(number); }
                Lint::AlwaysMatches => changed[number].1.when = "true".to_owned(),
                Lint::NeverMatches => {
                    let failed = |decision: &Decision| decision.reasons().any(|reason| reason.code() == ReasonCode::RuleFailed);
                    for request in &universe {
                        let decision = testing::decide(&policy, request, now());
                        prop_assert!(failed(&decision) || decision.rules().all(|id| id != of), "{}\n{}", found, text);
                    }
                    continue;
                }
                Lint::Obligations => {
                    // Somebody meets both.
                    let other = found.message().split('`').nth(5).unwrap();
                    let alone = |id: &str| {
                        let zone = &rules[id.trim_start_matches('r').parse::<usize>().unwrap()].1;
                        let zone = Written { rest: "max_risk = 'critical'\n".to_owned(), ..zone.clone() };
                        Policy::from_toml(&document(&[(0, zone)], "low")).unwrap()
                    };
                    let (one, two) = (alone(of), alone(other));
                    let opens = |policy: &Policy, request: &Request| policy.decide(request, now()).effect() == Effect::Allow;
                    prop_assert!(universe.iter().any(|request| opens(&one, request) && opens(&two, request)), "{}\n{}", found, text);
                    continue;
                }
                _ => continue,
            }
            let Ok(without) = Policy::from_toml(&document(&changed, default)) else { continue };
            for request in &universe {
                let (before, after) = (testing::decide(&policy, request, now()), testing::decide(&without, request, now()));
                prop_assert_eq!(said(&before), said(&after), "{}\n{}\n{:?}", found, text, request);
            }
        }
    }
}

/// A condition over few values, so that every request can be tried.
fn plain_condition() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        select(vec!["a", "b", "ab"]).prop_map(|text| format!("action.name == \"{text}\"")),
        select(vec!["a", "b"]).prop_map(|text| format!("action.name.startsWith(\"{text}\")")),
        select(vec!["b", "ab"]).prop_map(|text| format!("action.name.endsWith(\"{text}\")")),
        select(vec!["dev", "prod"]).prop_map(|text| format!("resource.environment == \"{text}\"")),
        Just("resource.environment in [\"dev\", \"staging\"]".to_owned()),
        Just("subject.mfa".to_owned()),
        Just("has(resource.owner)".to_owned()),
        Just("(has(resource.owner) && resource.owner == \"x\")".to_owned()),
        Just("\"g\" in subject.groups".to_owned()),
        (0..4, select(vec!["<", "<=", "==", "!=", ">"]))
            .prop_map(|(number, op)| format!("subject.level {op} {number}")),
    ];
    leaf.prop_recursive(3, 8, 3, |part| {
        prop_oneof![
            prop::collection::vec(part.clone(), 2..=3).prop_map(|parts| format!("({})", parts.join(" && "))),
            prop::collection::vec(part.clone(), 2..=3).prop_map(|parts| format!("({})", parts.join(" || "))),
            part.clone().prop_map(|part| format!("!({part})")),
            (part.clone(), part.clone(), part).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
        ]
    })
}

/// Every request that tells the conditions above apart.
fn plain_requests() -> Vec<Request> {
    let mut requests = Vec::new();
    for action in ["a", "b", "ab", "aa", "aab", "acb", "ba", "bb", "bab", "c", "cb", "cab"] {
        for environment in ["dev", "staging", "prod"] {
            for level in -1..5 {
                for bits in 0..12 {
                    let groups: &[&str] = if bits % 2 == 0 { &["g"] } else { &[] };
                    let subject = Subject::new("user", "ana")
                        .with("groups", groups.to_vec())
                        .with("mfa", bits / 2 % 2 == 0)
                        .with("level", level);
                    let resource = Resource::new("t", "i")
                        .with("environment", environment)
                        .with("labels", Attributes::new());
                    let resource = match bits / 4 {
                        0 => resource,
                        1 => resource.with("owner", "x"),
                        _ => resource.with("owner", "y"),
                    };
                    requests.push(Request::new(subject, Action::new(action), resource));
                }
            }
        }
    }
    requests
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Tries every request: what is told to be impossible must be, and of these small conditions what is
    /// impossible must be told.
    #[test]
    fn findings_agree_with_trying_every_request(one in plain_condition(), other in plain_condition()) {
        let now = "2026-11-23T10:00:00Z".parse().unwrap();
        let text = format!("{}{}{}", lint_common::HEAD, lint_common::rule("hold", "one", &one), lint_common::rule("forbid", "other", &other));
        let policy = Policy::from_toml(&text).unwrap();
        let has = |lint: Lint, of: &str| {
            let name = format!("`{of}`");
            policy.warnings().any(|found| found.lint() == Some(lint) && found.message().split(": ").next().unwrap().contains(&name))
        };
        let alone = |kind: &str, when: &str| Policy::from_toml(&format!("{}{}", lint_common::HEAD, lint_common::rule(kind, "r", when))).unwrap();
        let (first, second) = (alone("forbid", &one), alone("forbid", &other));
        let matches = |policy: &Policy, request: &Request| {
            policy.decide(request, now).rules().any(|id| id == "r")
        };
        let requests = plain_requests();
        let seen: Vec<(bool, bool)> =
            requests.iter().map(|request| (matches(&first, request), matches(&second, request))).collect();
        let never = seen.iter().all(|(one, _)| !one);
        let always = seen.iter().all(|(one, _)| *one) && one != "true";
        let covered = !never && seen.iter().all(|(one, other)| !one || *other);
        prop_assert_eq!(has(Lint::NeverMatches, "one"), never, "{}", one);
        prop_assert_eq!(has(Lint::AlwaysMatches, "one"), always, "{}", one);
        // Only what a forbid demands finds it; what is found is so.
        prop_assert!(!has(Lint::AlwaysForbidden, "one") || covered, "{} | {}", one, other);
        prop_assert_eq!(policy.decide(&requests[0], now).effect(), Effect::Deny);
    }
}

#[test]
fn work_is_bounded_whatever_the_conditions_are() {
    // Alternatives that exclude each other only together: the search gives up and says nothing.
    let parts: Vec<String> = (0..40)
        .map(|n| {
            format!("(subject.level == {n} || resource.labels[\"{n}\"] == \"x\" || action.name == \"{n}\")")
        })
        .collect();
    let mut text = lint_common::HEAD.to_owned();
    for number in 0..60 {
        let when = format!("{} && subject.level > {}", parts.join(" && "), 100 + number);
        write!(text, "{}", lint_common::rule("forbid", &format!("f{number}"), &when)).unwrap();
    }
    Policy::from_toml(&text).unwrap();
}
