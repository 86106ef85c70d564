//! A vocabulary in which nothing is found, and rules to put beneath it.

#![allow(dead_code, reason = "each test uses its part")]

use countersign::Policy;

pub const HEAD: &str = r#"
format = 1
name = "x"
[attributes]
"subject.groups" = "list<string>"
"subject.mfa" = "bool"
"subject.level" = "int"
"subject.on_call" = "bool?"
"resource.environment" = { type = "string", one_of = ["dev", "staging", "prod"] }
"resource.owner" = "string?"
"resource.labels" = "map<string, string>"
"context.ticket" = { type = "string?", source = "caller" }
"approver.groups" = "list<string>"
"approver.level" = "int"
[defaults]
risk = "low"
# Reads every name, so that only what a test is about is found.
[[risk]]
id = "reads-all"
when = '''"x" in subject.groups && subject.mfa && subject.level > 1 && has(subject.on_call) && subject.on_call &&
  resource.environment == "dev" && has(resource.owner) && resource.owner == "x" && resource.labels["x"] == "y" &&
  has(context.ticket) && context.ticket == "z" && action.name == "approver.groups approver.level"'''
level = "low"
"#;

/// The codes and messages of all findings.
pub fn found(rules: &str) -> Vec<String> {
    let policy = Policy::from_toml(&format!("{HEAD}{rules}")).unwrap_or_else(|error| panic!("{error}"));
    policy.warnings().map(|found| format!("{} {}", found.lint().unwrap(), found.message())).collect()
}

pub fn rule(kind: &str, id: &str, when: &str) -> String {
    let rest = match kind {
        "zone" => "max_risk = 'low'\n",
        "emergency" => "review_within = '1h'\n",
        "review" => "approve = { from = '\"sre\" in approver.groups' }\n",
        "risk" => "level = 'medium'\n",
        _ => "",
    };
    format!("[[{kind}]]\nid = '{id}'\nwhen = '''{when}'''\n{rest}")
}
