//! Verifies grants, one case per line of standard input.

use std::error::Error;
use std::io::{BufRead, Write, stdin, stdout};
use std::process::ExitCode;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::DateTime;
use countersign::{Action, Attempt, GrantVerifier, KeyError, KeySet, Payload, Resource, VerifyError};
use serde::Deserialize;
use serde_json::{Value, json};

const HELP: &str = "\
Verifies grants, one case per line of standard input, and writes one JSON line for each:
`{\"accept\": true}`, `{\"reject\": \"<reason>\"}`, or `{\"error\": \"…\"}` for a line that is no case.

  verify_grant [--explain] < cases.jsonl

With --explain each refusal also says `because`.

A case: {\"token\": …, \"keyset\": {\"keys\": […]}, \"now\": seconds since 1970, \"context\": {
  \"iss\": …, \"aud\": …                   the issuer and audience to accept
  \"leeway_s\": 0, \"max_lifetime_s\": 28800  clock skew and longest life, in seconds
  \"enforcing\": [\"max_rows\", …]          constraints that the tool enforces; these, read_only and cidr
  \"act\": …, \"res\": …                   what is attempted; where absent, what the token names
  \"action_bytes\": …                     the text that is about to run
  \"revoked_jti\": […], \"seen_jti\": […]   ids revoked, ids used before (then every grant is single use)
}}

Exit code: 0 if every line was a case, 1 otherwise.";

#[derive(Deserialize)]
struct Case {
    token: String,
    keyset: Value,
    now: i64,
    context: Context,
}

#[derive(Deserialize)]
struct Context {
    iss: String,
    aud: String,
    #[serde(default)]
    leeway_s: u64,
    #[serde(default = "eight_hours")]
    max_lifetime_s: u64,
    #[serde(default = "usual_constraints")]
    enforcing: Vec<String>,
    act: Option<String>,
    res: Option<String>,
    action_bytes: Option<String>,
    #[serde(default)]
    revoked_jti: Vec<String>,
    #[serde(alias = "used_jti")]
    seen_jti: Option<Vec<String>>,
}

enum Refusal {
    Keys(KeyError),
    Grant(VerifyError),
}

impl Refusal {
    fn reason(&self) -> &'static str {
        match self {
            Self::Keys(error) => error.reason(),
            Self::Grant(error) => error.reason(),
        }
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Keys(error) => error.fmt(formatter),
            Self::Grant(error) => error.fmt(formatter),
        }
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let explain = match std::env::args().nth(1).as_deref() {
        None => false,
        Some("--explain") => true,
        Some(other) => {
            println!("{HELP}");
            return Ok(if other == "--help" { ExitCode::SUCCESS } else { ExitCode::FAILURE });
        }
    };
    let mut output = stdout().lock();
    let mut code = ExitCode::SUCCESS;
    for line in stdin().lock().lines() {
        let line = line?;
        if line.trim().is_empty() {
            continue;
        }
        let answer = match serde_json::from_str::<Case>(&line) {
            Ok(case) => match judge(&case) {
                Ok(()) => json!({ "accept": true }),
                Err(refusal) if explain => {
                    json!({ "reject": refusal.reason(), "because": refusal.to_string() })
                }
                Err(refusal) => json!({ "reject": refusal.reason() }),
            },
            Err(error) => {
                code = ExitCode::FAILURE;
                json!({ "error": error.to_string() })
            }
        };
        writeln!(output, "{answer}")?;
    }
    Ok(code)
}

fn judge(case: &Case) -> Result<(), Refusal> {
    let context = &case.context;
    let keys = case.keyset.as_str().map_or_else(|| case.keyset.to_string(), str::to_owned);
    let keys = KeySet::from_jwks(&keys).map_err(Refusal::Keys)?;
    let mut verifier = GrantVerifier::new(&context.iss, &context.aud, keys)
        .with_leeway(Duration::from_secs(context.leeway_s))
        .with_max_lifetime(Duration::from_secs(context.max_lifetime_s))
        .enforcing(context.enforcing.iter().map(String::as_str))
        .with_revoked(context.revoked_jti.iter());
    if context.seen_jti.is_some() {
        verifier = verifier.with_single_use();
    }
    let now = DateTime::from_timestamp(case.now, 0).unwrap_or_default();
    let verified = verifier.verify(&case.token, attempt(case), now).map_err(Refusal::Grant)?;
    let seen = context.seen_jti.as_ref().is_some_and(|ids| ids.iter().any(|id| id == verified.id()));
    let redemption = verified.redeem();
    let inserted = if seen { None } else { redemption.keys().first().cloned() };
    redemption.confirm(inserted).map(drop).map_err(Refusal::Grant)
}

/// What is attempted: what the case says, else what the token says of itself.
fn attempt(case: &Case) -> Attempt {
    let claims = claims_unverified(&case.token);
    let named = |given: &Option<String>, claim: &str| {
        given
            .clone()
            .unwrap_or_else(|| claims.get(claim).and_then(Value::as_str).unwrap_or_default().to_owned())
    };
    let mut action = Action::new(named(&case.context.act, "act"));
    if let Some(bytes) = &case.context.action_bytes {
        action = action.with_payload(Payload::plain(bytes));
    }
    let reference = named(&case.context.res, "res");
    let (kind, id) = reference.split_once('/').unwrap_or((&reference, ""));
    let kind = kind.replace("%2F", "/").replace("%7E", "~").replace("%25", "%");
    Attempt::new(action, Resource::new(kind, id))
}

fn claims_unverified(token: &str) -> Value {
    let claims = token.split('.').nth(1).unwrap_or_default();
    let claims = URL_SAFE_NO_PAD.decode(claims).unwrap_or_default();
    serde_json::from_slice(&claims).unwrap_or_default()
}

fn eight_hours() -> u64 {
    28_800
}

fn usual_constraints() -> Vec<String> {
    ["max_rows", "read_only", "cidr"].map(str::to_owned).to_vec()
}
