//! What the tables of decisions share: a vocabulary, requests, and what a decision says.

use countersign::{Action, Decision, Dialect, Payload, Policy, Request, Resource, Subject};

use super::{NOON, policy, time};

pub const HEAD: &str = r#"
format = 1
name = "table"
[attributes]
"subject.groups" = "list<string>"
"subject.on_call" = "bool?"
"resource.environment" = { type = "string", one_of = ["dev", "prod"] }
"resource.code" = { type = "string?", matches = '^[a-z]+$' }
"resource.divisor" = "int?"
"context.ticket" = { type = "string?", source = "caller", matches = '^INC[0-9]+$', because = "give an incident number" }
"context.tags" = { type = "list<string>?", source = "caller" }
"facts.rows" = "int?"
"#;

/// A zone that is open to all.
pub const OPEN: &str =
    "[defaults]\nrisk = 'low'\n[[zone]]\nid = 'open'\nwhen = 'true'\nmax_risk = 'critical'\n";

pub fn with(rules: &str) -> Policy {
    policy(&format!("{HEAD}{rules}"))
}

pub fn subject() -> Subject {
    Subject::new("user", "ana").with("groups", ["dev"])
}

pub fn resource() -> Resource {
    Resource::new("database", "orders").with("environment", "dev")
}

pub fn ask() -> Request {
    Request::new(subject(), Action::new("run"), resource())
}

pub fn sql(text: &str) -> Request {
    let action = Action::new("run").with_payload(Payload::sql(Dialect::PostgreSql, text));
    Request::new(subject(), action, resource())
}

pub fn decide(policy: &Policy, request: &Request) -> Decision {
    policy.decide(request, time(NOON))
}

/// The codes and texts of all reasons.
pub fn reasons(decision: &Decision) -> String {
    let line = |reason: &countersign::Reason| format!("{} {reason}\n", reason.code().as_str());
    decision.reasons().map(line).collect()
}

pub fn rules(decision: &Decision) -> Vec<&str> {
    decision.rules().collect()
}

pub fn missing(decision: &Decision) -> Vec<String> {
    decision.missing().map(ToString::to_string).collect()
}

/// Outcomes of a condition: it matches, it does not, it hangs on an unknown fact, it has no value.
pub const T: &str = "true";
pub const F: &str = "false";
pub const U: &str = "has(sql) && sql.unbounded_write";
pub const E: &str = "1 / (has(resource.divisor) ? resource.divisor : 0) == 1";
