//! Decisions on the workload of the budgets, side by side with what they are held to.
//!
//! Times are minima of rounds over all requests, one decision each. `tests/decision_budget.rs` counts
//! allocations and memory on the same workload: counting takes time.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "a bench that cannot run has failed"
)]

mod workload;

use std::collections::HashMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use countersign::{Effect, Ledger, Policy, Request, Stamp, Step};

use workload::{Ask, ENVIRONMENTS, Spec, asks, document, now, spec, when};

fn main() {
    println!(
        "{:>7} {:>9} {:>9} {:>9} {:>9} {:>12} {:>9}",
        "rules", "typed", "JSON", "parse", "native", "cel, by hand", "load"
    );
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    for rules in if asked.is_empty() { vec![10, 100, 1_000, 10_000] } else { asked } {
        row(rules);
    }
    record();
}

fn row(rules: usize) {
    let text = document(rules);
    let mut load = Duration::MAX;
    for _ in 0..if rules > 1_000 { 3 } else { 10 } {
        let started = Instant::now();
        black_box(Policy::from_toml(&text).unwrap());
        load = load.min(started.elapsed());
    }
    let policy = Policy::from_toml(&text).unwrap();
    let asks = asks(rules, &policy);
    let requests: Vec<Request> = asks.iter().map(Ask::request).collect();
    let texts: Vec<String> = asks.iter().map(Ask::json).collect();
    let now = now();
    let typed = time(requests.len(), || {
        requests.iter().for_each(|request| {
            black_box(policy.decide(black_box(request), now));
        })
    });
    let json = time(texts.len(), || {
        texts.iter().for_each(|text| {
            let request = Request::from_trusted_json(black_box(text)).unwrap();
            black_box(policy.decide(&request, now));
        })
    });
    let parse = time(texts.len(), || {
        for text in &texts {
            black_box(serde_json::from_str::<serde_json::Value>(black_box(text)).unwrap());
        }
    });
    let native = Native::new(rules);
    let floor = time(asks.len(), || {
        asks.iter().for_each(|ask| {
            black_box(native.decide(black_box(ask)));
        })
    });
    let peer = Peer::new(rules);
    let peer = time(asks.len(), || {
        asks.iter().for_each(|ask| {
            black_box(peer.decide(black_box(ask)));
        })
    });
    println!(
        "{rules:>7} {typed:>6.0} ns {json:>6.0} ns {parse:>6.0} ns {floor:>6.0} ns {peer:>9.0} ns {:>6.1} ms",
        load.as_secs_f64() * 1e3,
    );
}

/// A decision and a record of 500 bytes.
fn record() {
    let policy = Policy::from_toml(&document(1_000)).unwrap();
    let asks = asks(1_000, &policy);
    let requests: Vec<Request> = asks.iter().map(Ask::request).collect();
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let content = serde_json::json!({
        "action": "sql.execute", "environment": "prod", "reason": "stuck order of a customer",
        "resource": "database/orders", "risk": "high", "rows": 1, "rules": ["production-writes"],
        "sql": "DELETE FROM orders WHERE id = 7", "subject": "user/ana",
    });
    let (mut best, now) = (Duration::MAX, now());
    for _ in 0..ROUNDS {
        let contents = vec![content.clone(); requests.len()];
        let started = Instant::now();
        for (request, content) in requests.iter().zip(contents) {
            black_box(policy.decide(request, now));
            ledger.stage(Step::note("ran", content, Stamp::new(now, [1; 32]))).unwrap().commit();
        }
        best = best.min(started.elapsed());
    }
    println!("decide and chain one record: {:.0} ns", best.as_nanos() as f64 / requests.len() as f64);
}

/// The fastest round, for each call of it.
fn time(calls: usize, mut round: impl FnMut()) -> f64 {
    let mut best = Duration::MAX;
    for _ in 0..ROUNDS {
        let started = Instant::now();
        round();
        best = best.min(started.elapsed());
    }
    best.as_nanos() as f64 / calls as f64
}

/// The same decision written by hand: the floor.
struct Native {
    by_service: HashMap<String, Vec<(usize, Spec)>>,
}

impl Native {
    fn new(rules: usize) -> Self {
        let mut by_service: HashMap<String, Vec<(usize, Spec)>> = HashMap::new();
        for rule in 0..rules {
            let spec = spec(rule, rules);
            by_service.entry(format!("service-{}", spec.service)).or_default().push((rule, spec));
        }
        Self { by_service }
    }

    fn decide(&self, ask: &Ask) -> (Effect, Option<usize>) {
        let mut best = (Effect::Deny, None);
        for (rule, spec) in self.by_service.get(&ask.service).into_iter().flatten() {
            let number = |text: &str| text.rsplit('-').next().and_then(|digits| digits.parse().ok());
            let matches = number(&ask.action) == Some(spec.action)
                && ask.environment == ENVIRONMENTS[spec.environment]
                && ask.groups.iter().any(|group| number(group) == Some(spec.group))
                && ask.mfa
                && ask.tier == "gold"
                && ask.seconds <= 3_600;
            if matches {
                match spec.kind {
                    "forbid" => return (Effect::Deny, Some(*rule)),
                    "zone" => best = (Effect::Allow, Some(*rule)),
                    _ if best.1.is_none() => best = (Effect::Review, Some(*rule)),
                    _ => {}
                }
            }
        }
        best
    }
}

/// The `cel` crate with rules found by hand.
struct Peer {
    by_service: HashMap<String, Vec<(Spec, cel::Program)>>,
}

impl Peer {
    fn new(rules: usize) -> Self {
        let mut by_service: HashMap<String, Vec<(Spec, cel::Program)>> = HashMap::new();
        for rule in 0..rules {
            let spec = spec(rule, rules);
            let program = cel::Program::compile(&when(spec)).unwrap();
            by_service.entry(format!("service-{}", spec.service)).or_default().push((spec, program));
        }
        Self { by_service }
    }

    fn decide(&self, ask: &Ask) -> Option<&'static str> {
        let mut context = cel::Context::default();
        let part = |pairs: Vec<(&str, cel::Value)>| -> cel::Value {
            pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<HashMap<_, _>>().into()
        };
        let text = |text: &str| cel::Value::from(text.to_owned());
        context.add_variable_from_value("action", part(vec![("name", text(&ask.action))]));
        let groups: Vec<cel::Value> = ask.groups.iter().map(|group| text(group)).collect();
        context.add_variable_from_value(
            "subject",
            part(vec![("groups", groups.into()), ("mfa", ask.mfa.into())]),
        );
        let labels = part(vec![("tier", text(ask.tier)), ("team", text("payments"))]);
        context.add_variable_from_value(
            "resource",
            part(vec![
                ("environment", text(ask.environment)),
                ("service", text(&ask.service)),
                ("labels", labels),
            ]),
        );
        let span = chrono::Duration::seconds(ask.seconds as i64);
        context.add_variable_from_value("context", part(vec![("duration", cel::Value::Duration(span))]));
        let mut best = None;
        for (spec, program) in self.by_service.get(&ask.service).into_iter().flatten() {
            if matches!(program.execute(&context), Ok(cel::Value::Bool(true))) {
                match spec.kind {
                    "forbid" => return Some("forbid"),
                    kind => best = best.or(Some(kind)),
                }
            }
        }
        best
    }
}

const ROUNDS: usize = 40;
