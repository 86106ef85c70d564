//! The `cel` crate in a loop over compiled conditions, those that win first.

use std::collections::HashMap;

use cel::{Context, Program, Value};

use crate::engine::{Engine, Outcome, Rule, first_decides};
use crate::workload::{Ask, when};

pub struct Cel {
    rules: Vec<(Outcome, Program)>,
}

impl Engine for Cel {
    type Source = Vec<(Outcome, String)>;
    type Question = Context<'static, 'static>;

    fn name() -> String {
        "cel".to_owned()
    }

    fn source(rules: &[Rule]) -> Self::Source {
        first_decides(rules).into_iter().map(|rule| (Outcome::of(rule.spec.kind), when(rule.spec))).collect()
    }

    fn load(source: &Self::Source) -> Self {
        Self {
            rules: source.iter().map(|(outcome, text)| (*outcome, Program::compile(text).unwrap())).collect(),
        }
    }

    fn question(ask: &Ask) -> Self::Question {
        let groups: Vec<Value> = ask.groups.iter().map(|group| text(group)).collect();
        let labels = map(vec![("tier", text(ask.tier)), ("team", text("payments"))]);
        let span = chrono::Duration::seconds(ask.seconds as i64);
        let mut context = Context::default();
        context.add_variable_from_value("action", map(vec![("name", text(&ask.action))]));
        context.add_variable_from_value(
            "subject",
            map(vec![("groups", groups.into()), ("mfa", ask.mfa.into())]),
        );
        context.add_variable_from_value(
            "resource",
            map(vec![
                ("environment", text(ask.environment)),
                ("service", text(&ask.service)),
                ("labels", labels),
            ]),
        );
        context.add_variable_from_value("context", map(vec![("duration", Value::Duration(span))]));
        context
    }

    fn decide(&mut self, context: &Self::Question) -> Outcome {
        let matches = |program: &Program| matches!(program.execute(context), Ok(Value::Bool(true)));
        self.rules
            .iter()
            .find(|(_, program)| matches(program))
            .map_or(Outcome::Unmatched, |(outcome, _)| *outcome)
    }
}

fn text(text: &str) -> Value {
    Value::from(text.to_owned())
}

fn map(pairs: Vec<(&str, Value)>) -> Value {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value)).collect::<HashMap<_, _>>().into()
}
