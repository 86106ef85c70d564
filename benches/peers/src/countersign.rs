//! Countersign itself: one policy document, one call.

use chrono::{DateTime, Utc};
use countersign::{Effect, Policy, Request};

use crate::engine::{Engine, Outcome, Rule};
use crate::workload::{Ask, document, now};

pub struct Countersign {
    policy: Policy,
    now: DateTime<Utc>,
}

impl Engine for Countersign {
    type Source = String;
    type Question = Request;

    fn name() -> String {
        "countersign".to_owned()
    }

    fn source(rules: &[Rule]) -> Self::Source {
        document(rules.len())
    }

    fn load(source: &Self::Source) -> Self {
        Self { policy: Policy::from_toml(source).unwrap(), now: now() }
    }

    fn question(ask: &Ask) -> Self::Question {
        ask.request()
    }

    fn decide(&mut self, request: &Self::Question) -> Outcome {
        let decision = self.policy.decide(request, self.now);
        match decision.effect() {
            Effect::Allow => Outcome::Allowed,
            Effect::Review => Outcome::Reviewed,
            Effect::Deny if decision.rules().next().is_some() => Outcome::Forbidden,
            Effect::Deny => Outcome::Unmatched,
            Effect::Challenge => panic!("nothing in the workload asks for evidence"),
        }
    }
}
