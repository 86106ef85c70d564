//! The workload of the budgets.
//!
//! N rules, each testing action, environment, service, group, MFA, a label and a duration: 40 actions, 3
//! environments, N/5 services, 60 % zones, 15 % forbids, 25 % reviews. A thousand requests: 45 % allowed, 15 %
//! reviewed, 20 % forbidden, 20 % matching nothing, because a late test of a rule fails.

use std::fmt::Write;
use std::time::Duration;

use chrono::{DateTime, Utc};
use countersign::{Action, Attributes, Effect, Policy, Request, Resource, Subject, Value};

/// What a rule tests.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Spec {
    pub kind: &'static str,
    pub action: usize,
    pub environment: usize,
    pub service: usize,
    pub group: usize,
}

pub fn spec(rule: usize, rules: usize) -> Spec {
    let kind = match rule * 7 % 20 {
        0..12 => "zone",
        12..15 => "forbid",
        _ => "review",
    };
    let service = rule % (rules / 5).max(1);
    Spec { kind, action: rule * 13 % 40, environment: rule % 3, service, group: rule % 8 }
}

pub fn when(spec: Spec) -> String {
    format!(
        "action.name == \"action-{}\" && resource.environment == \"{}\" && resource.service == \"service-{}\" && \
         \"group-{}\" in subject.groups && subject.mfa && resource.labels.tier == \"gold\" && \
         has(context.duration) && context.duration <= duration(\"1h\")",
        spec.action, ENVIRONMENTS[spec.environment], spec.service, spec.group
    )
}

pub fn document(rules: usize) -> String {
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
pub struct Ask {
    pub action: String,
    pub environment: &'static str,
    pub service: String,
    pub groups: [String; 3],
    pub mfa: bool,
    pub tier: &'static str,
    pub seconds: u64,
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

    pub fn request(&self) -> Request {
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

    pub fn json(&self) -> String {
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
pub fn asks(rules: usize, policy: &Policy) -> Vec<Ask> {
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

pub fn now() -> DateTime<Utc> {
    "2026-11-23T10:00:00Z".parse().unwrap()
}

pub const ENVIRONMENTS: [&str; 3] = ["dev", "staging", "prod"];
