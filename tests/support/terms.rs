//! What the tests of terms share: a vocabulary, a zone that is open to all, and what a decision says.

use countersign::{
    Action, Decision, Obligation, Policy, PolicyOptions, ReasonCode, Request, Resource, Subject,
};

use super::{NOON, time};

pub const HEAD: &str = "format = 1\nname = 'x'\n\
    [attributes]\n'context.ends' = 'timestamp?'\n'context.tags' = 'list<string>?'\n'context.size' = 'int?'\n\
    'context.ticket' = { type = 'string?', source = 'caller' }\n'context.actor.groups' = 'list<string>?'\n\
    'context.actor.actor.groups' = 'list<string>?'\n";

pub fn zone(id: &str, rest: &str) -> String {
    format!("[[zone]]\nid = '{id}'\nwhen = 'true'\nmax_risk = 'high'\n{rest}\n")
}

pub fn policy(text: &str) -> Policy {
    super::policy(&format!("{HEAD}{text}"))
}

pub fn fulfilling(text: &str, kinds: &[&str]) -> Policy {
    let options = PolicyOptions::new().fulfilling(kinds.iter().copied());
    options.from_toml(&format!("{HEAD}{text}")).unwrap_or_else(|error| panic!("{error}"))
}

pub fn ask() -> Request {
    Request::new(Subject::new("user", "ana"), Action::new("run"), Resource::new("host", "db1"))
}

pub fn decide(text: &str, request: &Request) -> Decision {
    policy(text).decide(request, time(NOON))
}

pub fn codes(decision: &Decision) -> Vec<ReasonCode> {
    decision.reasons().map(countersign::Reason::code).collect()
}

pub fn told(decision: &Decision) -> String {
    decision.reasons().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

pub fn owed(decision: &Decision) -> Vec<&str> {
    decision.obligations().map(Obligation::kind).collect()
}
