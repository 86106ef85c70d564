//! Decisions on the workload of the budgets, side by side with what they are held to.
//!
//! N rules, each testing action, environment, service, group, MFA, a label and a duration: 40 actions, 3
//! environments, N/5 services, 60 % zones, 15 % forbids, 25 % reviews. A thousand requests: 45 % allowed, 15 %
//! reviewed, 20 % forbidden, 20 % matching nothing, because the last test of a rule fails. Times are minima of
//! rounds over all requests, one decision each; allocations are counted.
#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    reason = "a bench that cannot run has failed"
)]

use std::alloc::System;
use std::collections::HashMap;
use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};
use countersign::{
    Action, Attributes, Effect, Ledger, Policy, Request, Resource, Stamp, Step, Subject, Value,
};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() {
    println!(
        "{:>7} {:>9} {:>9} {:>9} {:>9} {:>12} {:>9} {:>9}  allocations by outcome",
        "rules", "typed", "JSON", "parse", "native", "cel, by hand", "load", "held"
    );
    let asked: Vec<usize> = std::env::args().filter_map(|word| word.parse().ok()).collect();
    for rules in if asked.is_empty() { vec![10, 100, 1_000, 10_000] } else { asked } {
        row(rules);
    }
    record();
}

fn row(rules: usize) {
    let text = document(rules);
    let (mut load, mut held) = (Duration::MAX, 0);
    for _ in 0..if rules > 1_000 { 3 } else { 10 } {
        let region = Region::new(ALLOCATOR);
        let started = Instant::now();
        let policy = Policy::from_toml(&text).unwrap();
        load = load.min(started.elapsed());
        let change = region.change();
        held = change.bytes_allocated as isize - change.bytes_deallocated as isize;
        drop(policy);
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
    let mut counts: HashMap<&str, (usize, usize)> = HashMap::new();
    for request in &requests {
        let region = Region::new(ALLOCATOR);
        let decision = policy.decide(request, now);
        let change = region.change();
        let count = counts.entry(decision.effect().as_str()).or_default();
        count.0 = count.0.max(change.allocations + change.reallocations);
        count.1 += 1;
    }
    let mut counts: Vec<_> = counts.into_iter().collect();
    counts.sort_unstable();
    let counts: Vec<String> =
        counts.iter().map(|(effect, (most, share))| format!("{effect} {most} ({share} requests)")).collect();
    println!(
        "{rules:>7} {typed:>6.0} ns {json:>6.0} ns {parse:>6.0} ns {floor:>6.0} ns {peer:>9.0} ns {:>6.1} ms {:>6.2} MB  {}",
        load.as_secs_f64() * 1e3,
        held as f64 / 1e6,
        counts.join(", ")
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

/// What a rule tests.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Spec {
    kind: &'static str,
    action: usize,
    environment: usize,
    service: usize,
    group: usize,
}

fn spec(rule: usize, rules: usize) -> Spec {
    let kind = match rule * 7 % 20 {
        0..12 => "zone",
        12..15 => "forbid",
        _ => "review",
    };
    let service = rule % (rules / 5).max(1);
    Spec { kind, action: rule * 13 % 40, environment: rule % 3, service, group: rule % 8 }
}

fn when(spec: Spec) -> String {
    format!(
        "action.name == \"action-{}\" && resource.environment == \"{}\" && resource.service == \"service-{}\" && \
         \"group-{}\" in subject.groups && subject.mfa && resource.labels.tier == \"gold\" && \
         has(context.duration) && context.duration <= duration(\"1h\")",
        spec.action, ENVIRONMENTS[spec.environment], spec.service, spec.group
    )
}

fn document(rules: usize) -> String {
    let mut text = String::from(
        "format = 1\nname = \"bench\"\n[attributes]\n\"subject.groups\" = \"list<string>\"\n\"subject.mfa\" = \"bool\"\n\
         \"resource.environment\" = \"string\"\n\"resource.service\" = \"string\"\n\"resource.labels\" = \"map<string, string>\"\n\
         \"approver.groups\" = \"list<string>\"\n[defaults]\nrisk = \"low\"\n",
    );
    for rule in 0..rules {
        let spec = spec(rule, rules);
        write!(text, "[[{}]]\nid = \"r{rule}\"\nwhen = '{}'\n", spec.kind, when(spec)).unwrap();
        match spec.kind {
            "zone" => text.push_str("max_risk = \"low\"\n"),
            "review" => text.push_str("approve = { count = 1, from = '\"sre\" in approver.groups' }\n"),
            _ => {}
        }
    }
    text
}

/// One request, and what a rule wants of it.
#[derive(Clone)]
struct Ask {
    action: String,
    environment: &'static str,
    service: String,
    groups: [String; 3],
    mfa: bool,
    tier: &'static str,
    seconds: u64,
}

impl Ask {
    fn of(spec: Spec, gold: bool) -> Self {
        Self {
            action: format!("action-{}", spec.action),
            environment: ENVIRONMENTS[spec.environment],
            service: format!("service-{}", spec.service),
            groups: [format!("group-{}", spec.group), "everyone".to_owned(), "engineering".to_owned()],
            mfa: true,
            tier: if gold { "gold" } else { "bronze" },
            seconds: 900,
        }
    }

    fn request(&self) -> Request {
        let labels: Attributes = [("tier", self.tier), ("team", "payments")].into_iter().collect();
        let groups: Vec<&str> = self.groups.iter().map(String::as_str).collect();
        let resource = Resource::new("service", "orders")
            .with("environment", self.environment)
            .with("service", self.service.as_str())
            .with("labels", Value::Map(labels));
        let subject = Subject::new("user", "ana").with("groups", groups).with("mfa", self.mfa);
        Request::new(subject, Action::new(self.action.as_str()), resource)
            .with_duration(Duration::from_secs(self.seconds))
    }

    fn json(&self) -> String {
        serde_json::json!({
            "subject": {"type": "user", "id": "ana", "properties": {"groups": self.groups, "mfa": self.mfa}},
            "action": {"name": self.action},
            "resource": {"type": "service", "id": "orders", "properties": {
                "environment": self.environment, "service": self.service,
                "labels": {"tier": self.tier, "team": "payments"}}},
            "context": {"duration": format!("{}s", self.seconds)},
        })
        .to_string()
    }
}

/// A thousand requests in a fixed order, each checked to be decided as it is counted.
fn asks(rules: usize, policy: &Policy) -> Vec<Ask> {
    let of = |kind: &str| -> Vec<Spec> {
        (0..rules).map(|rule| spec(rule, rules)).filter(|spec| spec.kind == kind).collect()
    };
    let (zones, forbids, reviews) = (of("zone"), of("forbid"), of("review"));
    let asks = (0..1_000_usize).map(|index| {
        // The order is mixed, so that no branch is foreseen by the request before.
        let (number, share) = (index * 617 % 1_000, index * 7 % 20);
        let (specs, gold, effect) = match share {
            0..9 => (&zones, true, Effect::Allow),
            9..12 => (&reviews, true, Effect::Review),
            12..16 => (&forbids, true, Effect::Deny),
            _ => (&zones, false, Effect::Deny),
        };
        let ask = Ask::of(specs[number * 31 % specs.len()], gold);
        assert_eq!(policy.decide(&ask.request(), now()).effect(), effect);
        ask
    });
    asks.collect()
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

fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

const ROUNDS: usize = 40;
pub fn prof() {
    let rules: usize = std::env::args().nth(1).unwrap().parse().unwrap();
    let rounds: usize = std::env::args().nth(2).unwrap().parse().unwrap();
    let policy = Policy::from_toml(&document(rules)).unwrap();
    let asks = asks(rules, &policy);
    let requests: Vec<Request> = asks.iter().map(Ask::request).collect();
    let texts: Vec<String> = asks.iter().map(Ask::json).collect();
    let json = std::env::args().nth(3).is_some();
    for _ in 0..rounds {
        if json {
            for text in &texts {
                let r = Request::from_trusted_json(text).unwrap();
                black_box(policy.decide(&r, now()));
            }
        } else {
            for request in &requests {
                black_box(policy.decide(request, now()));
            }
        }
    }
}
