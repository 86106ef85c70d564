//! The workload written by hand in Rust: the floor.

use std::collections::HashMap;

use crate::engine::{Engine, Outcome, Rule, first_decides};
use crate::workload::{Ask, ENVIRONMENTS};

pub struct Native {
    by_service: HashMap<String, Vec<Test>>,
}

struct Test {
    outcome: Outcome,
    action: String,
    environment: &'static str,
    group: String,
}

impl Engine for Native {
    type Source = Vec<Rule>;
    type Question = Ask;

    fn name() -> String {
        "native Rust".to_owned()
    }

    fn source(rules: &[Rule]) -> Self::Source {
        first_decides(rules)
    }

    fn load(source: &Self::Source) -> Self {
        let mut by_service: HashMap<String, Vec<Test>> = HashMap::new();
        for Rule { spec, .. } in source {
            by_service.entry(format!("service-{}", spec.service)).or_default().push(Test {
                outcome: Outcome::of(spec.kind),
                action: format!("action-{}", spec.action),
                environment: ENVIRONMENTS[spec.environment],
                group: format!("group-{}", spec.group),
            });
        }
        Self { by_service }
    }

    fn question(ask: &Ask) -> Self::Question {
        ask.clone()
    }

    fn decide(&mut self, ask: &Self::Question) -> Outcome {
        let tests = self.by_service.get(&ask.service).map_or(&[][..], Vec::as_slice);
        let found = tests.iter().find(|test| {
            ask.action == test.action
                && ask.environment == test.environment
                && ask.groups.contains(&test.group)
                && ask.mfa
                && ask.tier == "gold"
                && ask.seconds <= 3_600
        });
        found.map_or(Outcome::Unmatched, |test| test.outcome)
    }
}
