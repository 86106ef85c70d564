//! Asks a policy and handles every effect.

use countersign::{Action, Dialect, Effect, Payload, Policy, Request, Resource, Subject};

pub fn main() -> Result<String, Box<dyn std::error::Error>> {
    let policy = Policy::from_toml(include_str!("p.toml"))?;
    let request = Request::new(
        Subject::new("user", "ana").with("groups", ["payments"]),
        Action::new("sql.execute").with_payload(Payload::sql(Dialect::PostgreSql, "DELETE FROM orders")),
        Resource::new("database", "orders").with("environment", "prod"),
    );
    let decision = policy.decide(&request, chrono::Utc::now());
    Ok(match decision.effect() {
        Effect::Allow => "go ahead".to_owned(),
        Effect::Challenge => format!("come back with {:?}", decision.missing().collect::<Vec<_>>()),
        Effect::Review => {
            format!("{} risk, ask: {:?}", decision.risk(), decision.rules().collect::<Vec<_>>())
        }
        Effect::Deny => format!("no: {:?}", decision.reasons().collect::<Vec<_>>()),
    })
}
