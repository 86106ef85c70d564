//! Host facts and the facts of payloads in a decision, under the shipped model of risk.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(clippy::unwrap_used, clippy::panic, reason = "a failed test may panic")]

use std::collections::BTreeSet;

use countersign::{Action, Dialect, Payload, Policy, Request, Resource, Risk, Subject};

const MODEL: &str = include_str!("../policies/risk-model.toml");

fn model() -> Policy {
    Policy::from_toml(MODEL).unwrap_or_else(|error| panic!("{error}"))
}

/// Payloads of every kind, with and without an effect.
fn actions() -> Vec<Action> {
    let sql = |text: &str| Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, text));
    let call = |method: &str| {
        Action::new("http.call").with_payload(Payload::http(method, "https://a.example/x/7", b""))
    };
    let text = |name: &str, text: &str| Action::new(name).with_payload(Payload::plain(text));
    vec![
        sql("SELECT a FROM t LIMIT 1"),
        sql("SELECT a FROM t"),
        sql("SELECT audit(1)"),
        sql("UPDATE t SET a = 1 WHERE b = 2"),
        sql("DELETE FROM t"),
        sql("DROP TABLE t"),
        call("GET"),
        call("PUT"),
        call("POST"),
        call("BREW"),
        text("flag.set", r#"{"key": "k", "from": {"on": true}, "to": {"on": true}}"#),
        text("flag.set", r#"{"key": "k", "from": {"on": true}, "to": {"on": false}}"#),
        text("flag.set", r#"{"key": "k", "to": {"on": true}}"#),
        text("flag.set", "on"),
        text("debug.session", r#"{"command": "threads"}"#),
        text("debug.session", r#"{"command": "pause", "arguments": {"threadId": 1}}"#),
        text("debug.session", r#"{"command": "evaluate", "arguments": {"expression": "x"}}"#),
        text("debug.session", "pause"),
        Action::new("command.run").with_payload(Payload::argv(["kubectl", "get", "pods"])),
        Action::new("command.run").with_payload(Payload::argv(["sh", "-c", "ls"])),
    ]
}

fn request(action: &Action, environment: &str) -> Request {
    let resource = Resource::new("service", "x").with("environment", environment).with("data", "internal");
    Request::new(Subject::new("user", "ana"), action.clone(), resource)
}

#[test]
fn host_facts_only_raise() {
    let (policy, now) = (model(), "2026-01-14T12:00:00Z".parse().unwrap());
    let mut raised = BTreeSet::new();
    for action in actions() {
        for environment in ["dev", "staging", "production"] {
            let without = policy.decide(&request(&action, environment), now).risk();
            for fact in ["estimated_rows", "data_class", "reversible"] {
                for value in [-1, 0, 1, 2, 3, 10_001, 1_000_001, i64::MAX] {
                    let with = request(&action, environment).with_fact(fact, value);
                    let with = policy.decide(&with, now).risk();
                    assert!(
                        with >= without,
                        "{fact} = {value} lowers {action:?} from {without:?} to {with:?}"
                    );
                    if with > without {
                        raised.insert(fact);
                    }
                }
            }
        }
    }
    assert_eq!(raised.len(), 3, "only {raised:?} raise anything");
}

#[test]
fn host_facts_open_no_zone_and_do_not_lower_under_a_sign() {
    for (rule, fault) in [
        (
            "[[zone]]\nid = 'z'\nmax_risk = 'high'\nwhen = 'has(facts.reversible) && facts.reversible > 1'\n",
            "`facts.reversible` cannot be read here",
        ),
        (
            "[[emergency]]\nid = 'z'\nreview_within = '1h'\nwhen = 'has(facts.data_class)'\n",
            "`facts.data_class` cannot be read here",
        ),
        (
            "[[risk]]\nid = 'z'\nlevel = 'low'\nwhen = '!has(facts.estimated_rows)'\n",
            "`facts.estimated_rows` cannot stand under `!`",
        ),
        (
            "[[risk]]\nid = 'z'\nlevel = 'low'\nwhen = 'has(facts.reversible) && facts.reversible == 2'\n",
            "`facts.reversible` cannot stand under `!`, `==`",
        ),
    ] {
        let text = format!("{MODEL}\n{rule}");
        let error = Policy::from_toml(&text).unwrap_err().to_string();
        assert!(error.contains(fault), "{error}");
    }
}

#[test]
fn host_facts_of_another_type_are_no_facts() {
    let (policy, now) = (model(), "2026-01-14T12:00:00Z".parse().unwrap());
    let action = Action::new("http.call").with_payload(Payload::http("GET", "https://a.example/", b""));
    let decision = policy.decide(&request(&action, "dev").with_fact("data_class", "secret"), now);
    let reason = decision.reasons().next().unwrap().to_string();
    assert!(reason.contains("`facts.data_class` expected int, found string"), "{reason}");
}

#[test]
fn highest_factor_decides() {
    // Three properties of medium risk stay medium; one critical property makes it critical.
    let (policy, now) = (model(), "2026-01-14T12:00:00Z".parse().unwrap());
    let statement = |text: &str| {
        let action = Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, text));
        let resource = Resource::new("database", "x").with("environment", "dev").with("data", "personal");
        policy.decide(&Request::new(Subject::new("user", "ana"), action, resource), now)
    };
    let decision = statement("SELECT a FROM t");
    assert_eq!(decision.rules().collect::<Vec<_>>(), ["looks-only", "reads-without-bound", "personal-data"]);
    assert_eq!(decision.risk(), Risk::Medium);
    let decision = statement("DELETE FROM t");
    assert_eq!(decision.rules().collect::<Vec<_>>(), ["sql-rows", "whole-table", "personal-data"]);
    assert_eq!(decision.risk(), Risk::Critical);
}

#[test]
fn text_is_read_only_as_the_vocabulary_says() {
    let now = "2026-01-14T12:00:00Z".parse().unwrap();
    let change = r#"{"key": "k", "from": {"on": true}, "to": {"on": false}}"#;
    for (payload, rules) in [("text", ""), ("flag", "flag,understood"), ("debug", "debug")] {
        let text = format!(
            "format = 1\nname = 'x'\n[actions]\n'set' = {{ payload = '{payload}' }}\n\
             [[risk]]\nid = 'flag'\nlevel = 'low'\nwhen = 'has(flag)'\n\
             [[risk]]\nid = 'debug'\nlevel = 'low'\nwhen = 'has(debug)'\n\
             [[risk]]\nid = 'understood'\nlevel = 'low'\nwhen = 'has(flag) && flag.understood && flag.kill'\n"
        );
        let policy = Policy::from_toml(&text).unwrap_or_else(|error| panic!("{error}"));
        let decision =
            policy.decide(&request(&Action::new("set").with_payload(Payload::plain(change)), "dev"), now);
        assert_eq!(decision.rules().collect::<Vec<_>>().join(","), rules, "{payload}");
        // The kind is the vocabulary's to say, not the caller's.
        let other = Action::new("set").with_payload(Payload::http("GET", "https://a.example/", b""));
        let reason = policy.decide(&request(&other, "dev"), now).reasons().next().unwrap().to_string();
        assert!(reason.contains(&format!("must carry {payload} payload, found http")), "{reason}");
    }
}
