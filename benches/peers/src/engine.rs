//! What an engine must do to take part.
//!
//! Each gets the same rules and the same requests, in the form that its own documentation suggests.

use std::collections::{BTreeMap, HashMap};

use crate::workload::{Ask, Spec};

/// A rule of the workload under its own number.
#[derive(Clone, Copy)]
pub struct Rule {
    pub id: usize,
    pub spec: Spec,
}

/// What must come out the same everywhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Allowed,
    Reviewed,
    Forbidden,
    Unmatched,
}

impl Outcome {
    /// The outcome of a rule that decides.
    pub fn of(kind: &str) -> Self {
        match kind {
            "zone" => Self::Allowed,
            "review" => Self::Reviewed,
            "forbid" => Self::Forbidden,
            other => panic!("no such kind: {other}"),
        }
    }
}

pub trait Engine: Sized {
    /// The most rules that it can be given.
    const MOST: usize = usize::MAX;

    /// A policy as it is stored: text, for all but hand-written code.
    type Source;
    /// A request as the engine wants it.
    type Question;

    fn name() -> String;
    fn source(rules: &[Rule]) -> Self::Source;
    fn load(source: &Self::Source) -> Self;
    fn question(ask: &Ask) -> Self::Question;
    fn decide(&mut self, question: &Self::Question) -> Outcome;
}

/// An engine for each service: what a host does by hand for one that looks at every rule.
pub struct Indexed<E> {
    by_service: HashMap<String, E>,
}

impl<E: Engine> Engine for Indexed<E> {
    type Source = Vec<(String, E::Source)>;
    type Question = (String, E::Question);

    fn name() -> String {
        format!("{}, indexed by hand", E::name())
    }

    fn source(rules: &[Rule]) -> Self::Source {
        let mut by_service: BTreeMap<usize, Vec<Rule>> = BTreeMap::new();
        for rule in rules {
            by_service.entry(rule.spec.service).or_default().push(*rule);
        }
        by_service
            .into_iter()
            .map(|(service, rules)| (format!("service-{service}"), E::source(&rules)))
            .collect()
    }

    fn load(source: &Self::Source) -> Self {
        Self {
            by_service: source.iter().map(|(service, source)| (service.clone(), E::load(source))).collect(),
        }
    }

    fn question(ask: &Ask) -> Self::Question {
        (ask.service.clone(), E::question(ask))
    }

    fn decide(&mut self, (service, question): &Self::Question) -> Outcome {
        match self.by_service.get_mut(service) {
            Some(engine) => engine.decide(question),
            None => Outcome::Unmatched,
        }
    }
}

/// Forbids, then zones, then reviews: the first that matches decides.
pub fn first_decides(rules: &[Rule]) -> Vec<Rule> {
    let mut rules = rules.to_vec();
    rules.sort_by_key(|rule| match rule.spec.kind {
        "forbid" => 0,
        "zone" => 1,
        _ => 2,
    });
    rules
}
