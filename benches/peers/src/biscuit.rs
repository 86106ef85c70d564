//! Biscuit: an authorizer whose policies stand in order, so that the first that matches decides.
//!
//! The request is facts of the authorizer. No token is made, verified or attenuated, which is what Biscuit is for.

use std::fmt::Write;
use std::time::Duration;

use biscuit_auth::builder::{Fact, boolean, fact, int, string};
use biscuit_auth::error::{Logic, MatchedPolicy, Token};
use biscuit_auth::{AuthorizerBuilder, AuthorizerLimits};

use crate::engine::{Engine, Outcome, Rule, first_decides};
use crate::workload::{Ask, ENVIRONMENTS};

pub struct Biscuit {
    policies: AuthorizerBuilder,
    /// The outcome of each policy.
    outcomes: Vec<Outcome>,
}

impl Engine for Biscuit {
    type Source = (String, Vec<Outcome>);
    type Question = Vec<Fact>;

    fn name() -> String {
        "biscuit".to_owned()
    }

    fn source(rules: &[Rule]) -> Self::Source {
        let rules = first_decides(rules);
        let mut text = String::new();
        for Rule { spec, .. } in &rules {
            writeln!(
                text,
                "{} if service(\"service-{}\"), action(\"action-{}\"), environment(\"{}\"), group(\"group-{}\"), \
                 mfa(true), label(\"tier\", \"gold\"), duration($seconds), $seconds <= 3600;",
                if spec.kind == "forbid" { "deny" } else { "allow" },
                spec.service,
                spec.action,
                ENVIRONMENTS[spec.environment],
                spec.group
            )
            .unwrap();
        }
        (text, rules.iter().map(|rule| Outcome::of(rule.spec.kind)).collect())
    }

    fn load((text, outcomes): &Self::Source) -> Self {
        let limits = AuthorizerLimits { max_time: Duration::from_secs(60), ..AuthorizerLimits::default() };
        let policies = AuthorizerBuilder::new().set_limits(limits).code(text).unwrap();
        Self { policies, outcomes: outcomes.clone() }
    }

    fn question(ask: &Ask) -> Self::Question {
        let mut facts = vec![
            fact("service", &[string(&ask.service)]),
            fact("action", &[string(&ask.action)]),
            fact("environment", &[string(ask.environment)]),
            fact("mfa", &[boolean(ask.mfa)]),
            fact("label", &[string("tier"), string(ask.tier)]),
            fact("label", &[string("team"), string("payments")]),
            fact("duration", &[int(ask.seconds as i64)]),
        ];
        facts.extend(ask.groups.iter().map(|group| fact("group", &[string(group)])));
        facts
    }

    fn decide(&mut self, facts: &Self::Question) -> Outcome {
        let all = facts.iter().try_fold(self.policies.clone(), |all, fact| all.fact(fact.clone())).unwrap();
        match all.build_unauthenticated().unwrap().authorize() {
            Ok(index)
            | Err(Token::FailedLogic(Logic::Unauthorized { policy: MatchedPolicy::Deny(index), .. })) => {
                self.outcomes[index]
            }
            Err(Token::FailedLogic(Logic::NoMatchingPolicy { .. })) => Outcome::Unmatched,
            Err(other) => panic!("{other}"),
        }
    }
}
