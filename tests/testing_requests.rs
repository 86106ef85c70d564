//! Requests for property tests: they fit the vocabulary, and they reach the rules.

#![cfg(all(feature = "sql", feature = "testing", feature = "toml"))]
#![allow(clippy::disallowed_methods, reason = "a test reads the file that it is about")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use countersign::{Effect, Policy, ReasonCode, testing};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

fn now() -> DateTime<Utc> {
    "2026-01-14T12:00:00Z".parse().unwrap()
}

fn shipped() -> Policy {
    Policy::from_toml(&std::fs::read_to_string("policies/production-debugging.toml").unwrap()).unwrap()
}

/// Makes so many requests, always the same.
fn some(policy: &Policy, count: usize) -> Vec<countersign::Request> {
    let mut runner = TestRunner::deterministic();
    let strategy = testing::requests(policy);
    (0..count).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect()
}

fn is_misfit(policy: &Policy, request: &countersign::Request) -> Option<String> {
    let decision = policy.decide(request, now());
    let misfits = [ReasonCode::InvalidRequest, ReasonCode::UnknownAction, ReasonCode::PayloadMismatch];
    decision.reasons().find(|reason| misfits.contains(&reason.code())).map(ToString::to_string)
}

#[test]
fn every_request_fits_the_vocabulary_of_the_shipped_policy() {
    let policy = shipped();
    for request in some(&policy, 2_000) {
        assert_eq!(is_misfit(&policy, &request), None, "{request:?}");
    }
}

#[test]
fn requests_reach_most_rules_and_every_effect() {
    let policy = shipped();
    let (mut rules, mut effects) = (BTreeSet::new(), BTreeSet::new());
    for request in some(&policy, 4_000) {
        let decision = policy.decide(&request, now());
        effects.insert(decision.effect().as_str());
        rules.extend(decision.rules().map(str::to_owned));
    }
    assert_eq!(effects.len(), 4, "{effects:?}");
    assert!(rules.len() >= 30, "{} rules: {rules:?}", rules.len());
}

#[test]
fn attributes_of_every_type_fit() {
    let types = [
        "bool",
        "int",
        "uint",
        "double",
        "string",
        "bytes",
        "timestamp",
        "duration",
        "ip",
        "cidr",
        "dyn",
        "list<string>",
        "list<int>",
        "map<string, string>",
        "map<string, list<bool>>",
        "list<map<string, int>>",
    ];
    for ty in types {
        for optional in ["", "?"] {
            let text = format!(
                "format = 1\nname = 'x'\n[attributes]\n'subject.a' = '{ty}{optional}'\n'resource.b.c' = '{ty}{optional}'\n\
                 'context.d' = '{ty}{optional}'\n'facts.e' = '{ty}{optional}'\n'action.f' = '{ty}{optional}'\n"
            );
            let policy = Policy::from_toml(&text).unwrap();
            for request in some(&policy, 20) {
                assert_eq!(is_misfit(&policy, &request), None, "{ty}{optional}: {request:?}");
            }
        }
    }
}

#[test]
fn patterns_are_met_and_payloads_are_carried() {
    let policy = Policy::from_toml(
        "format = 1\nname = 'x'\n[attributes]\n'resource.ticket' = { type = 'string', matches = '^INC[0-9]{1,6}$' }\n\
         [actions]\na = {}\nb = { payload = 'sql', dialect = 'mysql' }\nc = { payload = 'argv' }\nd = { payload = 'http' }\n\
         e = { payload = 'text' }\n",
    )
    .unwrap();
    let requests = some(&policy, 200);
    for request in &requests {
        assert_eq!(is_misfit(&policy, request), None, "{request:?}");
    }
    let names: BTreeSet<&str> = requests.iter().map(|request| request.action().name()).collect();
    assert_eq!(names.len(), 5);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// The use that hosts make of it: a property of their own policy.
    #[test]
    fn nothing_reads_secrets(request in testing::requests(&shipped())) {
        let decision = shipped().decide(&request, now());
        let secrets = request.action().payload().is_some_and(|payload| payload.text().contains("vault.keys"));
        let understood = request.action().name() == "sql.execute";
        prop_assert!(!(secrets && understood) || decision.effect() == Effect::Deny);
    }
}
