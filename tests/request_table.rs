//! Requests: who vouches for what, what is out of bounds, and that whatever is asked can be recorded.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use std::time::Duration;

use countersign::{
    Action, Attributes, Auth, Decision, Dialect, Effect, Payload, Request, Resource, Subject, Usage, Value,
    limits,
};

use support::{Host, NOON, policy, time};

const OPEN: &str = "format = 1\nname = 'open'\n[defaults]\nrisk = 'low'\n\
    [[zone]]\nid = 'open'\nwhen = 'true'\nmax_risk = 'critical'\n";

const VOUCHED: &str = r#"
format = 1
name = "vouched"
[attributes]
"resource.environment" = "string?"
"action.dry_run" = "bool?"
"context.change" = "string?"
"context.ticket" = { type = "string?", source = "caller" }
[defaults]
risk = "low"
[[zone]]
id = "open"
when = 'true'
max_risk = "critical"
"#;

fn ask() -> Request {
    Request::new(Subject::new("user", "ana"), Action::new("run"), Resource::new("database", "orders"))
}

fn told(decision: &Decision) -> String {
    decision.reasons().map(|reason| format!("{reason}\n")).collect()
}

// Who vouches.

fn caller(
    subject: &str,
    action: &str,
    resource: &str,
    context: &str,
) -> Result<Request, countersign::RequestError> {
    Request::from_caller_json(format!(
        r#"{{"subject": {{"type": "user", "id": "ana" {subject}}}, "action": {{"name": "run" {action}}},
            "resource": {{"type": "database", "id": "orders" {resource}}}, "context": {{{context}}}}}"#
    ))
}

#[test]
fn what_only_the_caller_says_is_denied_where_the_host_must_say_it() {
    let policy = policy(VOUCHED);
    let host = || Subject::new("user", "ana");
    let read = |action: &str, resource: &str, context: &str| {
        caller("", action, resource, context).unwrap().with_subject(host())
    };
    let dev = r#", "properties": {"environment": "dev"}"#;
    let table = [
        ("subject", caller("", "", "", "").unwrap(), Some("`subject` is not attested by the host")),
        ("attested subject", read("", "", ""), None),
        ("resource property", read("", dev, ""), Some("`resource.environment` is not attested by the host")),
        (
            "attested resource",
            read("", dev, "").with_resource(Resource::new("database", "orders").with("environment", "dev")),
            None,
        ),
        (
            "action property",
            read(r#", "properties": {"dry_run": true}"#, "", ""),
            Some("`action.dry_run` is not attested"),
        ),
        (
            "context attribute",
            read("", "", r#""change": "C1""#),
            Some("`context.change` is not attested by the host"),
        ),
        (
            "context attribute said again by the host",
            read("", "", r#""change": "C1""#).with("change", "C2"),
            None,
        ),
        ("attribute that is the caller's to state", read("", "", r#""ticket": "INC1""#), None),
        ("attribute that nobody declared", read("", "", r#""other": {"a": [1, null]}"#), None),
    ];
    for (name, request, denied) in table {
        let decision = policy.decide(&request, time(NOON));
        match denied {
            None => assert_eq!(decision.effect(), Effect::Allow, "{name}: {}", told(&decision)),
            Some(expected) => {
                assert_eq!(decision.effect(), Effect::Deny, "{name}");
                assert!(told(&decision).contains(expected), "{name}: {}", told(&decision));
            }
        }
    }
}

#[test]
fn caller_cannot_state_what_the_host_counts_and_finds_out() {
    for member in ["auth", "usage", "facts", "actor", "audience", "risk_hint"] {
        let refused = caller("", "", "", &format!(r#""{member}": {{}}"#)).unwrap_err();
        assert_eq!(refused.to_string(), format!("`context.{member}` is not the caller's to state"));
    }
}

#[test]
fn caller_data_never_satisfies_step_up() {
    let policy = policy(&format!("{VOUCHED}needs = {{ auth = {{ amr = ['otp'], within = '5m' }} }}\n"));
    let request =
        caller("", "", "", r#""ticket": "INC1""#).unwrap().with_subject(Subject::new("user", "ana"));
    assert_eq!(policy.decide(&request, time(NOON)).effect(), Effect::Challenge);
    let vouched = request.with_auth(Auth::new(["otp"], time(NOON)));
    assert_eq!(policy.decide(&vouched, time(NOON)).effect(), Effect::Allow);
}

#[test]
fn json_that_two_readers_could_read_differently_is_refused() {
    let part = |text: &str| Request::from_trusted_json(text);
    let table = [
        ("", "request is not JSON"),
        ("[]", "request is not JSON"),
        (r#"{"subject": {}, "action": {}, "resource": {}}"#, "`subject.type` is missing"),
        (r#"{"subject": {"type": "a", "type": "b", "id": "c"}}"#, "stands twice"),
        (r#"{"subject": {"type": "a", "id": "c", "properties": {"x": 1, "\u0078": 2}}}"#, "stands twice"),
        (r#"{"subject": "ana"}"#, "`subject` is string, expected an object"),
        (
            r#"{"subject": {"type": 1, "id": "c"}, "action": {"name": "x"}, "resource": {"type": "a", "id": "b"}}"#,
            "`subject.type` is int",
        ),
        (r#"{"action": {"name": "x"}, "resource": {"type": "a", "id": "b"}}"#, "`subject` is missing"),
    ];
    for (text, expected) in table {
        let error = part(text).unwrap_err().to_string();
        assert!(error.contains(expected), "{text}: {error}");
    }
    let long = format!(r#"{{"x": "{}"}}"#, "a".repeat(limits::REQUEST_BYTES));
    assert!(part(&long).unwrap_err().to_string().starts_with("request is 65545 bytes"));
    assert!(part(&"[".repeat(60_000)).is_err());
    assert!(part(&format!("{}1{}", r#"{"a":"#.repeat(10_000), "}".repeat(10_000))).is_err());
}

#[test]
fn typed_members_of_the_context_have_their_types() {
    let read = |context: &str| {
        Request::from_trusted_json(format!(
            r#"{{"subject": {{"type": "a", "id": "b"}}, "action": {{"name": "x"}}, "resource": {{"type": "c", "id": "d"}}, "context": {{{context}}}}}"#
        ))
    };
    let table = [
        (r#""reason": 7"#, "`context.reason` is int, expected a string"),
        (r#""duration": "15""#, "`context.duration`"),
        (r#""duration": -1"#, "`context.duration`"),
        (r#""duration": 1.5"#, "`context.duration`"),
        (r#""emergency": "true""#, "`context.emergency` is string, expected a bool"),
        (r#""ask_review": 1"#, "`context.ask_review` is int, expected a bool"),
        (r#""auth": {"amr": "otp", "time": "2026-11-23T12:00:00Z"}"#, "`context.auth.amr` is string"),
        (r#""auth": {"amr": ["otp"]}"#, "`context.auth.time` is missing"),
        (r#""auth": {"amr": ["otp"], "time": "noon"}"#, "`context.auth.time`"),
        (r#""usage": {"limits": {"z": -1}}"#, "`context.usage.limits`"),
        (r#""usage": {"emergencies": "1"}"#, "`context.usage.emergencies`"),
        (r#""facts": 7"#, "`context.facts` is int, expected an object"),
    ];
    for (context, expected) in table {
        let error = read(context).unwrap_err().to_string();
        assert!(error.contains(expected), "{context}: {error}");
    }
    assert_eq!(read(r#""duration": "1h30m""#).unwrap().duration(), Some(Duration::from_secs(5_400)));
    assert_eq!(read(r#""duration": 60, "reason": null"#).unwrap().duration(), Some(Duration::from_secs(60)));
}

// Bounds.

fn nested(levels: usize, name: &str) -> Value {
    (1..levels)
        .fold(Value::from(7), |value, _| Value::Map([(name, value)].into_iter().collect::<Attributes>()))
}

fn long(bytes: usize) -> String {
    "x".repeat(bytes)
}

#[test]
fn every_bound_is_a_deny_that_names_the_path() {
    let name = limits::NAME_BYTES;
    let text = limits::REQUEST_TEXT;
    let with_payload = |payload| {
        Request::new(
            Subject::new("user", "ana"),
            Action::new("run").with_payload(payload),
            Resource::new("a", "b"),
        )
    };
    let subject = |subject| Request::new(subject, Action::new("run"), Resource::new("a", "b"));
    let table = [
        (subject(Subject::new("", "ana")), "`subject.type` is empty"),
        (subject(Subject::new("user", "")), "`subject.id` is empty"),
        (subject(Subject::new(long(name + 1), "ana")), "`subject.type` has 257 bytes, limit is 256"),
        (subject(Subject::new("user", long(name + 1))), "`subject.id` has 257 bytes, limit is 256"),
        (subject(Subject::new("user", "ana\n")), "`subject.id` holds a control"),
        (subject(Subject::new("user", "ana\0")), "`subject.id` holds a control"),
        (
            subject(Subject::new("user", "a\u{202e}na")),
            "`subject.id` holds a control or bidirectional character",
        ),
        (subject(Subject::new("user", "ana").with("id", "bo")), "`subject.id` is a reserved name"),
        (
            Request::new(Subject::new("user", "ana"), Action::new(""), Resource::new("a", "b")),
            "`action.name` is empty",
        ),
        (
            Request::new(Subject::new("user", "ana"), Action::new(long(name + 1)), Resource::new("a", "b")),
            "`action.name` has 257",
        ),
        (
            Request::new(
                Subject::new("user", "ana"),
                Action::new("run").with("payload", 1),
                Resource::new("a", "b"),
            ),
            "`action.payload` is a reserved name",
        ),
        (
            Request::new(Subject::new("user", "ana"), Action::new("run"), Resource::new("", "b")),
            "`resource.type` is empty",
        ),
        (
            Request::new(Subject::new("user", "ana"), Action::new("run"), Resource::new("a", "")),
            "`resource.id` is empty",
        ),
        (
            Request::new(Subject::new("user", "ana"), Action::new("run"), Resource::new("a", long(name + 1))),
            "`resource.id` has 257",
        ),
        (
            Request::new(
                Subject::new("user", "ana"),
                Action::new("run"),
                Resource::new("a", "b").with("type", 1),
            ),
            "`resource.type` is a reserved name",
        ),
        (ask().with("usage", 1), "`context.usage` is a reserved name"),
        (ask().with("duration", 1), "`context.duration` is a reserved name"),
        (ask().with(&long(name + 1), 1), "bytes, limit is 256"),
        (ask().with(&long(100_000), 1), &format!("`context.{}…` has 100000 bytes", long(64))),
        (ask().with("a\u{200b}\u{1b}b", 1), "`context.a\\u{200b}\\u{1b}b` holds a control"),
        (ask().with("a", "x\0"), "`context.a` holds a control"),
        (ask().with("a", nested(limits::VALUE_DEPTH + 1, "b")), "`context.a` has 9 levels, limit is 8"),
        (ask().with("a", vec![true; limits::VALUE_NODES]), "`context.a` has"),
        (ask().with("a", long(text)), "`context.a` has"),
        (ask().with_fact("a", long(text)), "`facts.a` has"),
        (ask().with_reason(long(text)), "`context.reason` has"),
        (ask().with_reason("a\u{2066}b"), "`context.reason` holds a control"),
        (ask().with_auth(Auth::new([long(text)], time(NOON))), "`context.auth.amr` has"),
        (ask().with_auth(Auth::new(vec![""; text], time(NOON))), "`context.auth.amr` has"),
        (
            ask().with_auth(Auth::new(["otp"], chrono::DateTime::<chrono::Utc>::MAX_UTC)),
            "`context.auth.time` is not within the years",
        ),
        (
            ask().with("a", chrono::DateTime::<chrono::Utc>::MIN_UTC),
            "`context.a` is not within the years 0 to 9999",
        ),
        (ask().with("A", nested(5, "B")), "`context.A` has 18 levels in a record, limit is 16"),
        (
            subject(Subject::new("user", "ana").with("tenant", 7)),
            "`subject.tenant` is int, expected a string",
        ),
        (subject(Subject::new("user", "ana").with("tenant", "")), "`subject.tenant` is empty"),
        (subject(Subject::new("user", "ana").with("tenant", "a\nb")), "`subject.tenant` holds a control"),
        (
            subject(Subject::new("user", "ana").with("tenant", long(name + 1))),
            "`subject.tenant` has 257 bytes, limit is 256",
        ),
        (
            ask().with_duration(limits::LONGEST_SPAN + Duration::from_secs(1)),
            "`context.duration` has 31622401 seconds, limit is 31622400",
        ),
        (ask().with_duration(Duration::MAX), "`context.duration` has"),
        (ask().with_usage(Usage::none().with_emergencies(u64::MAX)), "`context.usage"),
        (ask().with_usage(Usage::none().with_used("z", u64::MAX)), "`context.usage"),
        (
            ask().with_usage(
                (0..1_000).fold(Usage::none(), |usage, n| usage.with_used(format!("{n}{}", long(99)), n)),
            ),
            "`context.usage",
        ),
        (with_payload(Payload::plain("")), "`action.payload`: payload is empty"),
        (with_payload(Payload::argv(Vec::<String>::new())), "`action.payload`: payload is empty"),
        (
            with_payload(Payload::plain(long(limits::PAYLOAD_BYTES))),
            "`action.payload`: payload is 16386 bytes, limit is 16384",
        ),
        (with_payload(Payload::http("POST", "https://a", &[0xff; 9_000])), "`action.payload`: payload is"),
        (with_payload(Payload::argv(vec!["x"; limits::PAYLOAD_PARTS])), "`action.payload`: payload has"),
        (with_payload(Payload::argv(["a", "b\0c"])), "`action.payload`: payload holds a NUL character"),
        (with_payload(Payload::argv(["a"]).with_env("A", "\0")), "payload holds a NUL character"),
        (
            with_payload(Payload::sql(Dialect::MySql, "SELECT ?").with_parameters(["\0"])),
            "payload holds a NUL character",
        ),
        (
            with_payload(Payload::http("GET", "https://a", b"").with_header("A", "\0")),
            "payload holds a NUL character",
        ),
    ];
    let policy = policy(OPEN);
    assert_eq!(policy.decide(&ask(), time(NOON)).effect(), Effect::Allow);
    let mut wrong = Vec::new();
    for (request, expected) in table {
        let decision = policy.decide(&request, time(NOON));
        if decision.effect() != Effect::Deny || !told(&decision).contains(expected) {
            wrong.push(format!(
                "expected {expected}, found {} {}",
                decision.effect().as_str(),
                told(&decision)
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Requests at their bounds, with whether they are within them.
fn hostile(ask: impl Fn() -> Request) -> Vec<(&'static str, Request, bool)> {
    let doubles = |count: usize| vec![-1.234_567_890_123_456_7e-300; count];
    let fill = |value: Value, bytes: usize| vec![value; (limits::REQUEST_TEXT - 200) / bytes];
    let maps: Value = [("A", Value::Null)].into_iter().collect::<Attributes>().into();
    vec![
        ("deep maps of odd names", ask().with("a", nested(3, "B")), true),
        ("deeper maps of odd names", ask().with("a", nested(5, "B")), true),
        ("deepest maps of odd names", ask().with("A", nested(5, "B")), false),
        ("deep maps", ask().with("a", nested(limits::VALUE_DEPTH, "b")), true),
        (
            "deep lists",
            ask().with("a", (1..limits::VALUE_DEPTH).fold(Value::from(7), |value, _| vec![value].into())),
            true,
        ),
        ("many doubles", ask().with("a", doubles(450)), true),
        ("too many doubles", ask().with("a", doubles(3_000)), false),
        ("many large integers", ask().with("a", vec![i64::MIN; 560]), true),
        ("too many large integers", ask().with("a", vec![i64::MIN; 3_000]), false),
        ("too many large unsigned integers", ask().with("a", vec![u64::MAX; 3_000]), false),
        ("many small maps", ask().with("a", fill(maps, 34)), true),
        ("many times", ask().with("a", vec![time(NOON); 440]), true),
        ("too many times", ask().with("a", vec![time(NOON); 3_000]), false),
        ("much text", ask().with("a", long(limits::REQUEST_TEXT - 200)), true),
        ("much escaped text", ask().with_reason("\n".repeat(limits::REQUEST_TEXT / 2 - 100)), true),
        (
            "many names",
            ask().with("a", (0..1_500).map(|n| (format!("N{n}"), true)).collect::<Attributes>()),
            true,
        ),
        ("many methods", ask().with_auth(Auth::new(vec![""; 8_000], time(NOON))), true),
        ("a far time", ask().with_auth(Auth::new(["otp"], chrono::DateTime::<chrono::Utc>::MAX_UTC)), false),
        ("the longest duration", ask().with_duration(Duration::MAX), false),
        (
            "much use",
            ask().with_usage(
                Usage::none()
                    .with_emergencies(limits::RECORD_INTEGER)
                    .with_used("open", limits::RECORD_INTEGER),
            ),
            true,
        ),
        ("too much use", ask().with_usage(Usage::none().with_emergencies(u64::MAX)), false),
        (
            "too many uses",
            ask().with_usage(
                (0..5_000).fold(Usage::none(), |usage, n| usage.with_used(format!("rule-{n}"), n)),
            ),
            false,
        ),
    ]
}

#[test]
fn whatever_is_within_bounds_can_be_recorded() {
    let payload = || Payload::plain("\"".repeat(limits::PAYLOAD_BYTES / 2 - 1));
    let full = || {
        Request::new(
            Subject::new("user", "ana"),
            Action::new("run").with_payload(payload()),
            Resource::new("a", "b"),
        )
    };
    let mut wrong = Vec::new();
    for (name, request, good) in hostile(full).into_iter().chain(hostile(ask)) {
        let denied = told(&policy(OPEN).decide(&request, time(NOON)));
        let within = !denied.contains("limit is") && !denied.contains("within the years");
        if within != good {
            wrong.push(format!("{name}: {denied}"));
        }
        let mut host = Host::new(OPEN);
        let stamp = host.stamp(time(NOON));
        match host.ledger.stage(host.gate.submit(request, stamp)) {
            Ok(staged) => drop(staged.commit().unwrap()),
            Err(error) => wrong.push(format!("{name}: {error}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn statement_that_nobody_understands_is_recorded_however_many_rules_fail() {
    let forbid =
        |number| format!("[[forbid]]\nid = 'never-{number}'\nwhen = 'has(sql) && sql.unbounded_write'\n");
    let policy: String = [OPEN.to_owned()].into_iter().chain((0..1_000).map(forbid)).collect();
    let action = Action::new("run").with_payload(Payload::sql(Dialect::PostgreSql, "DELETE FRM t"));
    let request = Request::new(Subject::new("user", "ana"), action, Resource::new("a", "b"));
    let mut host = Host::new(&policy);
    let Ok(countersign::Outcome::Deny(decision)) = host.submit(request, time(NOON)) else {
        panic!("expected a Deny")
    };
    let last = decision.reasons().last().unwrap();
    assert_eq!(last.text(), "968 more rules and reasons are not named");
    assert_eq!((decision.reasons().len(), decision.rules().len()), (33, 32));
}
