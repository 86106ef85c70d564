//! Decisions on the workload of the budgets: N rules over 40 actions, 3 environments and N/5 services.
//!
//! This version evaluates every rule, so the time grows with N: the figures say by how much.

#![allow(
    clippy::unwrap_used,
    clippy::arithmetic_side_effects,
    clippy::indexing_slicing,
    clippy::missing_docs_in_private_items,
    reason = "a bench"
)]
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::fmt::Write;
use std::hint::black_box;

use chrono::{DateTime, Utc};
use countersign::{Action, Policy, Request, Resource, Subject};
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};

/// Writes N rules: 60 % zones, 15 % forbids, 25 % reviews, each testing action, environment, service, group,
/// MFA, a label and a duration.
fn policy(rules: usize) -> Policy {
    let mut text = String::from(
        "format = 1\nname = \"bench\"\n[attributes]\n\"subject.groups\" = \"list<string>\"\n\"subject.mfa\" = \"bool\"\n\
         \"resource.environment\" = \"string\"\n\"resource.service\" = \"string\"\n\"resource.labels\" = \"map<string, string>\"\n\
         \"approver.groups\" = \"list<string>\"\n[defaults]\nrisk = \"low\"\n",
    );
    for rule in 0..rules {
        let kind = match rule % 20 {
            0..12 => "zone",
            12..15 => "forbid",
            _ => "review",
        };
        let when = format!(
            "action.name == \"action-{}\" && resource.environment == \"{}\" && resource.service == \"service-{}\" && \
             \"group-{}\" in subject.groups && subject.mfa && resource.labels[\"tier\"] == \"gold\" && \
             has(context.duration) && context.duration <= duration(\"1h\")",
            rule % 40,
            ENVIRONMENTS[rule % 3],
            rule % (rules / 5).max(1),
            rule % 8,
        );
        write!(text, "[[{kind}]]\nid = \"r{rule}\"\nwhen = '{when}'\n").unwrap();
        match kind {
            "zone" => text.push_str("max_risk = \"low\"\n"),
            "review" => text.push_str("approve = { count = 1, from = '\"sre\" in approver.groups' }\n"),
            _ => {}
        }
    }
    Policy::from_toml(&text).unwrap()
}

fn requests(rules: usize) -> Vec<Request> {
    (0..100)
        .map(|index| {
            let rule = index * 7 % rules.max(1);
            let subject =
                Subject::new("user", "ana").with("groups", [format!("group-{}", rule % 8)]).with("mfa", true);
            let labels: countersign::Attributes =
                [("tier", if index % 5 == 0 { "bronze" } else { "gold" })].into_iter().collect();
            let resource = Resource::new("service", "x")
                .with("environment", ENVIRONMENTS[rule % 3])
                .with("service", format!("service-{}", rule % (rules / 5).max(1)))
                .with("labels", labels);
            Request::new(subject, Action::new(format!("action-{}", rule % 40)), resource)
                .with_duration(std::time::Duration::from_secs(900))
        })
        .collect()
}

fn decide(criterion: &mut Criterion) {
    let now: DateTime<Utc> = "2026-11-23T10:00:00Z".parse().unwrap();
    let mut group = criterion.benchmark_group("decide");
    for rules in [10, 100, 1_000] {
        let (policy, requests) = (policy(rules), requests(rules));
        let mut next = requests.iter().cycle();
        group.bench_function(BenchmarkId::from_parameter(rules), |bencher| {
            bencher.iter(|| policy.decide(black_box(next.next().unwrap()), now));
        });
    }
    group.finish();
}

const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];

criterion_group!(benches, decide);
criterion_main!(benches);
