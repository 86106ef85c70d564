//! Cases that ask for several resources at once.

#![cfg(feature = "toml")]
#![allow(unreachable_pub, clippy::unwrap_used, clippy::panic, reason = "tests")]

use countersign::{Policy, PolicyFault, testing};

const RULES: &str = r#"format = 1
name = "hosts"
[attributes]
"resource.environment" = "string"
"context.ticket" = "string?"
"approver.groups" = "list<string>"
[[zone]]
id = "dev"
when = 'resource.environment == "dev"'
max_risk = "high"
grant = { default = "30m", max = "1h" }
[[zone]]
id = "test"
when = 'resource.environment == "test"'
max_risk = "high"
needs = { fields = ["context.ticket"] }
[[review]]
id = "people"
when = 'resource.environment == "prod"'
approve = { from = '"sre" in approver.groups' }
grant = { single_use = true }
[people]
ana = {}
bo = { groups = ["sre"] }
[requests.restart]
subject = "ana"
action = { name = "restart" }
resource = { type = "host", id = "a", properties = { environment = "dev" } }
context = { audience = "fleet" }
[requests.fleet]
subject = "ana"
action = { name = "restart" }
resources = [
  { type = "host", id = "a", properties = { environment = "dev" } },
  { type = "host", id = "b", properties = { environment = "prod" } },
]
context = { audience = "fleet" }
"#;

fn load(cases: &str) -> Result<Policy, Vec<String>> {
    Policy::from_toml(&format!("{RULES}{cases}"))
        .map_err(|error| error.faults().map(PolicyFault::message).map(str::to_owned).collect())
}

#[test]
fn case_asks_for_several_resources() {
    let policy = load(
        r#"
[[case]]
name = "people approve all of them"
base = "fleet"
votes = [{ approve = "bo", signed = true, expect = "approved" }]
expect = { effect = "review", rules = ["people", "dev"], approvers = [], grant = { lasts = "15m", single_use = true } }

[[case]]
name = "several in place of one"
base = "restart"
with = { resources = [
  { type = "host", id = "a", properties = { environment = "dev" } },
  { type = "host", id = "c", properties = { environment = "test" } },
] }
expect = { effect = "challenge", missing = ["context.ticket"], rules = ["test"] }

[[case]]
name = "one that no rule knows denies all"
request.subject = "ana"
request.action = { name = "restart" }
request.context = { audience = "fleet" }
request.resources = [
  { type = "host", id = "a", properties = { environment = "dev" } },
  { type = "host", id = "d", properties = { environment = "lab" } },
]
expect = { effect = "deny", reasons = ["nothing_matched"] }

[[case]]
name = "the tool must be named"
base = "fleet"
without = ["context.audience"]
expect = { effect = "deny", reasons = ["invalid_request"] }
"#,
    )
    .unwrap();
    let warnings: Vec<&str> = policy.warnings().map(PolicyFault::message).collect();
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(testing::check(&policy), Ok(4));
}

#[test]
fn mistakes_in_several_resources_are_told() {
    let case = |rest: &str| format!("[[case]]\nname = 'c'\nexpect = {{ effect = 'deny' }}\n{rest}\n");
    for (rest, told) in [
        (
            "base = 'fleet'\nwith = { 'resource.environment' = 'dev' }",
            "`resource` and `resources` exclude each other",
        ),
        ("base = 'fleet'\nwith = { 'resources.a' = 'dev' }", "expected a path that begins with"),
        ("base = 'fleet'\nwith = { resources = [] }", "`resources` is missing"),
        ("base = 'fleet'\nwith = { resources = 'a' }", "`resources`"),
        (
            "base = 'fleet'\nwith = { resources = [{ type = 'host', id = 'a', color = 'red' }] }",
            "unknown key `color`",
        ),
        ("base = 'fleet'\nwith = { resources = [{ type = 'host' }] }", "is missing"),
        ("base = 'fleet'\nwithout = ['resources']", "`resource` is missing"),
    ] {
        let faults = load(&case(rest)).map(|_| ()).unwrap_err();
        assert!(faults.iter().any(|fault| fault.contains(told)), "{rest}: {faults:?}");
    }
}
