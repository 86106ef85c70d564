//! One policy and one statement, all the way from the request to the permit.

use chrono::{DateTime, Utc};
use countersign::{
    Action, Attempt, Dialect, Grant, GrantVerifier, KeySet, Outcome, Payload, Request, Resource, Usage,
    VerifiedGrant, VerifyError, Vote,
};

use super::{Host, ISSUER, after, key, member};

pub const POLICY: &str = r#"
format = 1
name = "walk"
[attributes]
"approver.groups" = "list<string>"
"resource.environment" = { type = "string", one_of = ["dev", "prod"] }
[defaults]
risk = "low"
grant = { min = "1m", default = "15m", max = "1h" }

[[risk]]
id = "wide"
when = 'has(sql) && sql.unbounded_write'
level = "critical"

[[zone]]
id = "dev"
when = 'resource.environment == "dev"'
max_risk = "low"
limit = { count = 2, per = "1h" }

[[review]]
id = "prod"
when = 'resource.environment == "prod"'
approve = { count = 2, from = '"sre" in approver.groups' }
grant = { max = "30m", single_use = true, use_within = "10m" }

[[emergency]]
id = "glass"
when = 'resource.environment == "prod"'
review_within = "24h"
grant = { max_uses = 3 }
"#;

pub const DELETE: &str = "DELETE FROM orders WHERE id = 7";

pub fn action(sql: &str) -> Action {
    Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, sql))
}

pub fn orders(environment: &str) -> Resource {
    Resource::new("database", "orders").with("environment", environment)
}

pub fn ask(environment: &str) -> Request {
    Request::new(member("ana", &["dev"]), action(DELETE), orders(environment)).with_usage(Usage::none())
}

pub fn verifier() -> GrantVerifier {
    GrantVerifier::new(ISSUER, "database/orders", KeySet::new([key().public()]))
}

pub fn verify(token: &str, sql: &str, now: DateTime<Utc>) -> Result<VerifiedGrant, VerifyError> {
    verifier().verify(token, Attempt::new(action(sql), orders("prod")), now)
}

pub fn allowed(outcome: Result<Outcome, impl std::fmt::Debug>) -> Grant {
    match outcome {
        Ok(Outcome::Allow(authorization)) => authorization.sign(&key()),
        other => panic!("expected a grant, found {other:?}"),
    }
}

/// A grant that two people approved one and two seconds after noon.
pub fn approved(host: &mut Host) -> (String, Grant) {
    let review = host.open(ask("prod"), after(0));
    let Ok(Outcome::Review(review)) = host.vote(&review, Vote::approve(member("bo", &["sre"])), after(1))
    else {
        panic!("expected an open review")
    };
    let grant = allowed(host.vote(&review, Vote::approve(member("cy", &["sre"])), after(2)));
    (review.id().to_owned(), grant)
}

pub fn redeem(
    host: &mut Host,
    grant: VerifiedGrant,
    now: DateTime<Utc>,
) -> Result<countersign::Permit, VerifyError> {
    let stamp = host.stamp(now);
    host.store(host.gate.clone().redeem(grant, stamp))
}
