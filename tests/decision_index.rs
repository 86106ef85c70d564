//! The index against a run of every rule.
//!
//! Generates policies whose conditions meet each way through the index (alternatives, denials, guards,
//! definitions, prefixes, elements, facts that nobody knows), with windows, obligations, later starts and an
//! extension in a scope, and wants the same decision, in all it says, from
//! the rules that the index finds and from all of them.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::as_conversions,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use std::collections::BTreeSet;
use std::fmt::Write;

use countersign::{
    Action, Attributes, Decision, Dialect, Effect, Payload, Policy, PolicyOptions, ReasonCode, Request,
    Resource, Risk, Subject, Usage, Value,
};
use support::{NOON, after, minutes, policy, time};

/// Numbers that depend on a seed only (xorshift64*).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % bound
    }

    fn pick<T: Copy>(&mut self, items: &[T]) -> T {
        items[usize::try_from(self.below(items.len() as u64)).unwrap()]
    }
}

/// Tests of one attribute, each with what an index can make of it: a key, several, or none.
fn test(random: &mut Random) -> String {
    let service = random.pick(&SERVICES);
    let other = random.pick(&SERVICES);
    let group = random.pick(&GROUPS);
    let owner = random.pick(&OWNERS);
    let start = random.pick(&[
        "p",
        "pa",
        "pay",
        "paym",
        "payments-",
        "payments-gateway",
        "payments-gateway-eu-1",
        "",
    ]);
    match random.below(34) {
        0 | 1 => format!("resource.service == \"{service}\""),
        2 => format!("resource.service in [\"{service}\", \"{other}\"]"),
        3 => format!("resource.service != \"{service}\""),
        4 => format!("resource.service.startsWith(\"{start}\")"),
        5 => format!("!(resource.service != \"{service}\")"),
        6 => format!("action.name == \"{}\"", random.pick(&ACTIONS)),
        7 => format!("resource.environment == \"{}\"", random.pick(&["dev", "prod"])),
        8 | 9 => format!("\"{group}\" in subject.groups"),
        10 => format!("subject.groups.exists(g, g == \"{group}\")"),
        11 => format!("subject.groups.exists(g, g in [\"{group}\", \"nobody\"])"),
        12 => format!("subject.groups.all(g, g != \"{group}\")"),
        13 => "subject.mfa".to_owned(),
        14 => "!subject.mfa".to_owned(),
        15 | 16 => format!("has(resource.owner) && resource.owner == \"{owner}\""),
        17 => format!("!has(resource.owner) || resource.owner == \"{owner}\""),
        18 => format!("resource.?owner.orValue(\"none\") == \"{owner}\""),
        19 => "has(resource.owner)".to_owned(),
        20 => format!("\"{}\" in resource.labels", random.pick(&["tier", "team"])),
        21 => format!("resource.labels[\"tier\"] == \"{}\"", random.pick(&["gold", "bronze"])),
        22 => "has(sql) && sql.unbounded_write".to_owned(),
        23 => "has(sql) && !sql.unbounded_write".to_owned(),
        24 => format!("has(sql) && \"{}\" in sql.tables", random.pick(&["t", "u"])),
        25 => "has(sql) && sql.tables.exists(t, t == \"t\")".to_owned(),
        26 => "10 / resource.divisor == 5".to_owned(),
        27 => format!("dyn(resource.any) == \"{owner}\""),
        28 => format!("resource.any.startsWith(\"{start}\")"),
        29 => format!("\"{group}\" in resource.any"),
        30 => "resource.any".to_owned(),
        31 => random.pick(&["true", "false"]).to_owned(),
        32 => random.pick(&["named", "!named", "other"]).to_owned(),
        _ => format!(
            "has(context.ticket) && context.ticket.startsWith(\"{}\")",
            random.pick(&["I", "INC1", "X"])
        ),
    }
}

fn condition(random: &mut Random, depth: u32) -> String {
    if depth == 0 {
        return test(random);
    }
    let mut part = || format!("({})", condition(random, depth - 1));
    let parts = [part(), part(), part()];
    let [a, b, c] = &parts;
    match random.below(10) {
        0..4 => parts.join(" && "),
        4 => format!("{a} && {b}"),
        5 | 6 => parts.join(" || "),
        7 => format!("!{a}"),
        8 => format!("{a} ? {b} : {c}"),
        _ => a.clone(),
    }
}

/// A base that opens a scope, and a document that extends it.
fn documents(seed: u64) -> [String; 2] {
    let mut random = Random(seed | 1);
    let mut base = HEAD.to_owned();
    write!(base, "[let]\nnamed = '{}'\nother = 'named || {}'\n", plain(&mut random), plain(&mut random))
        .unwrap();
    let depth = random.pick(&[0, 0, 1]);
    let (scope, ceiling) =
        (condition(&mut random, depth), random.pick(&["low", "medium", "high", "critical"]));
    write!(
        base,
        "[[open]]\nid = \"scope\"\nwhen = '{scope}'\nmax_risk = \"{ceiling}\"\n\
         may = [\"zone\", \"review\", \"emergency\"]\n"
    )
    .unwrap();
    let mut extension = "format = 1\nname = \"extension\"\nextends = \"generated\"\n".to_owned();
    let count = random.pick(&[3, 8, 20, 40]);
    let allow = random.pick(&[0, 1, 3]);
    for rule in 0..count {
        let kind = match random.below(12) {
            0 | 1 => "risk",
            2..4 if random.below(4) < allow => "forbid",
            4 => "hold",
            5 | 6 => "emergency",
            7..10 => "zone",
            _ => "review",
        };
        // Ids are in another order than the document.
        let id = rule * 7 % 41;
        if random.below(4) == 0 {
            write!(extension, "[[{kind}]]\nid = \"e{id}\"\n").unwrap();
            if matches!(kind, "zone" | "review" | "emergency") {
                extension.push_str("in = \"scope\"\n");
            }
            body(&mut random, kind, &mut extension);
        } else {
            write!(base, "[[{kind}]]\nid = \"r{id}\"\n").unwrap();
            body(&mut random, kind, &mut base);
        }
    }
    [base, extension]
}

/// Writes a rule below its id.
fn body(random: &mut Random, kind: &str, text: &mut String) {
    let alone = kind == "review" && random.below(5) == 0;
    let depth = random.pick(&[0, 1, 1, 2]);
    if alone {
        text.push_str("otherwise = true\ngroup = \"rest\"\n");
    } else {
        let raise = match kind {
            "forbid" | "hold" => random.pick(&["", "", " && risk >= HIGH", " || risk >= CRITICAL"]),
            "zone" | "emergency" => random.pick(&["", "", " && risk <= MEDIUM", " || risk <= LOW"]),
            _ => "",
        };
        let when = condition(random, depth);
        // No door opens on the caller's word alone.
        let door = if matches!(kind, "zone" | "emergency") { "subject.type != \"\" && " } else { "" };
        writeln!(text, "when = '{door}(({when}){raise})'").unwrap();
    }
    match kind {
        "risk" => {
            writeln!(text, "level = \"{}\"", random.pick(&["low", "medium", "high", "critical"])).unwrap()
        }
        "zone" => writeln!(text, "max_risk = \"{}\"", random.pick(&["low", "high", "critical"])).unwrap(),
        "emergency" => text.push_str("review_within = \"24h\"\n"),
        "review" => {
            if !alone {
                writeln!(text, "group = \"{}\"", random.pick(&["a", "b", "rest"])).unwrap();
            }
            text.push_str("approve = { from = 'true' }\n");
        }
        _ => {}
    }
    if matches!(kind, "zone" | "review") && random.below(3) == 0 {
        text.push_str("needs = { fields = [\"context.ticket\"] }\n");
    }
    if matches!(kind, "zone" | "review" | "emergency") && random.below(2) == 0 {
        text.push_str("grant = { start_later = \"4h\" }\n");
    }
    if random.below(4) == 0 {
        let window = random.pick(&[
            "{ days = [\"mon-fri\"] }",
            "{ days = [\"sat\", \"sun\"] }",
            "{ to = \"13:00\" }",
            "{ from = \"13:00\" }",
        ]);
        writeln!(text, "within = {window}").unwrap();
    }
    if random.below(4) == 0 {
        let owed = random.pick(&["\"record_session\"", "{ notify = \"sre\" }", "{ mask = [\"a\"] }"]);
        writeln!(text, "obligations = [{owed}]").unwrap();
    }
}

/// A test without a definition in it.
fn plain(random: &mut Random) -> String {
    loop {
        let text = test(random);
        if !text.contains("named") && !text.contains("other") {
            return text;
        }
    }
}

fn request(random: &mut Random) -> Request {
    let groups: Vec<&str> = GROUPS.into_iter().filter(|_| random.below(3) == 0).collect();
    let mut subject = Subject::new("user", "ana").with("mfa", random.below(2) == 0);
    if random.below(40) > 0 {
        subject = subject.with("groups", groups);
    }
    let labels: Attributes =
        [("tier", "gold"), ("team", "x")].into_iter().filter(|_| random.below(3) > 0).collect();
    let mut resource = Resource::new("service", "x")
        .with("service", random.pick(&SERVICES))
        .with("environment", random.pick(&["dev", "prod"]))
        .with("labels", labels)
        .with("divisor", random.pick(&[2_i64, 2, 5, 0]));
    if random.below(2) == 0 {
        resource = resource.with("owner", random.pick(&OWNERS));
    }
    let any = match random.below(8) {
        0 => Value::from(true),
        1 => Value::from(false),
        2 => Value::from(7_i64),
        3 => Value::from(vec![random.pick(&GROUPS)]),
        4 => Value::from([(random.pick(&GROUPS), 1_i64)].into_iter().collect::<Attributes>()),
        5 => Value::from("payments-gateway"),
        _ => Value::from(random.pick(&OWNERS)),
    };
    resource = resource.with("any", any);
    let mut action = Action::new(random.pick(&ACTIONS));
    let sql = ["DELETE FROM t WHERE id = 7", "DELETE FROM t", "SELECT * FROM u", "DELETE FRM t"];
    if random.below(2) == 0 {
        action = action.with_payload(Payload::sql(Dialect::PostgreSql, random.pick(&sql)));
    }
    if random.below(30) == 0 {
        return claimed();
    }
    let mut request = Request::new(subject, action, resource);
    match random.below(4) {
        0 => request = request.with("ticket", "INC17"),
        1 => request = request.with("ticket", "nothing"),
        _ => {}
    }
    if random.below(3) == 0 {
        request = request.as_emergency().with_reason("down");
    }
    if random.below(4) > 0 {
        request = request.with_usage(Usage::none());
    }
    if random.below(3) == 0 {
        request = request.with_duration(minutes(random.pick(&[1, 20, 5_000])));
    }
    if random.below(5) == 0 {
        request = request.with_not_before(after(random.pick(&[7_200, 20_000])));
    }
    if random.below(10) == 0 {
        request = request.with_risk_hint(random.pick(&[Risk::Medium, Risk::Critical]));
    }
    request
}

/// A request that nobody attests.
fn claimed() -> Request {
    Request::from_caller_json(
        r#"{"subject": {"type": "user", "id": "ana", "properties": {"mfa": true, "groups": ["sre"]}},
            "action": {"name": "read"}, "resource": {"type": "service", "id": "x"}}"#,
    )
    .unwrap()
}

fn requests(count: usize) -> Vec<Request> {
    let mut random = Random(0x5eed);
    (0..count).map(|_| request(&mut random)).collect()
}

/// What a policy decides on a request, both ways.
fn both(policy: &Policy, request: &Request) -> (Decision, Decision) {
    (policy.decide(request, time(NOON)), policy.decide_by_every_rule(request, time(NOON)))
}

fn compare(seed: u64, requests: &[Request], seen: &mut BTreeSet<String>) -> Result<usize, String> {
    let [base, extension] = documents(seed);
    let options = PolicyOptions::new().fulfilling(["record_session", "notify"]);
    let policy = options.from_documents([("base.toml", base.as_str()), ("extension.toml", &extension)]);
    let policy = policy.map_err(|error| format!("{error}\n{base}\n{extension}"))?;
    for request in requests {
        let (indexed, every) = both(&policy, request);
        note(&indexed, seen);
        if indexed != every {
            return Err(format!("{indexed:#?}\n{every:#?}\n{request:#?}\n{base}\n{extension}"));
        }
    }
    Ok(requests.len())
}

/// Notes what a decision shows.
fn note(decision: &Decision, seen: &mut BTreeSet<String>) {
    let effect = decision.effect().as_str();
    let mut note = |what: &str| {
        if !seen.contains(what) {
            seen.insert(what.to_owned());
        }
    };
    note(if decision.is_emergency() { "emergency" } else { effect });
    for reason in decision.reasons() {
        if matches!(
            reason.code(),
            ReasonCode::OutsideWindow | ReasonCode::ObligationUnsupported | ReasonCode::StartTooLate
        ) {
            note(reason.code().as_str());
        }
    }
    if matches!(decision.effect(), Effect::Allow | Effect::Review) {
        if decision.obligations().len() > 0 {
            note("obliged");
        }
        if decision.not_before().is_some() {
            note("later");
        }
        if decision.rules().any(|rule| rule.starts_with('e')) {
            note("extended");
        }
    }
}

#[test]
fn index_finds_all_that_a_run_of_every_rule_finds() {
    let requests = requests(200);
    let mut seen = BTreeSet::new();
    for seed in 0..50_u64 {
        let compared = compare(seed * 0x9e37_79b9 + 7, &requests, &mut seen);
        assert!(compared.is_ok(), "{}", compared.unwrap_err());
    }
    let seen: Vec<&str> = seen.iter().map(String::as_str).collect();
    assert_eq!(
        seen,
        [
            "allow",
            "challenge",
            "deny",
            "emergency",
            "extended",
            "later",
            "obligation_unsupported",
            "obliged",
            "outside_window",
            "review",
            "start_too_late",
        ]
    );
}

/// Ten million pairs; takes some minutes in a release build.
#[test]
#[ignore = "takes minutes"]
fn index_finds_all_in_ten_million_pairs() {
    let pool = requests(20_000);
    let (mut pairs, mut policies, mut seen) = (0, 0_usize, BTreeSet::new());
    while pairs < 10_000_000 {
        let from = policies * 1_000 % pool.len();
        let seed = (policies as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        match compare(seed, &pool[from..from + 1_000], &mut seen) {
            Ok(count) => pairs += count,
            Err(difference) => panic!("{difference}"),
        }
        policies += 1;
    }
    println!("{pairs} pairs of {policies} policies, {seen:?}");
}

#[test]
fn attribute_of_another_type_finds_what_it_would_fail() {
    let text = format!("{HEAD}[[forbid]]\nid = \"f\"\nwhen = 'resource.any.startsWith(\"a\")'\n");
    let policy = policy(&text);
    for (any, effect) in [
        (Value::from("b"), "no rule allows it"),
        (
            Value::from(7_i64),
            "it could not be evaluated: not defined for values of these types at `resource.any.startsWith(\"a\")`",
        ),
    ] {
        let mut resource = Resource::new("service", "x");
        for (name, value) in [("service", Value::from("x")), ("environment", Value::from("dev"))] {
            resource = resource.with(name, value);
        }
        let resource = resource.with("labels", Attributes::new()).with("divisor", 1_i64).with("any", any);
        let subject = Subject::new("user", "ana").with("groups", ["sre"]).with("mfa", true);
        let (indexed, every) = both(&policy, &Request::new(subject, Action::new("read"), resource));
        assert_eq!(indexed, every);
        assert_eq!(indexed.effect(), Effect::Deny);
        assert_eq!(indexed.reasons().next().map(countersign::Reason::text), Some(effect));
    }
}

#[test]
fn rule_that_uses_up_its_budget_before_its_demands_is_found() {
    let limits = countersign::cel::Limits::default().with_bytes(0);
    let options = PolicyOptions::new().with_condition_limits(limits);
    let when = r#"resource.service + "x" == "ax" && subject.groups.exists(g, g == "dev")"#;
    let text = format!("{HEAD}[[forbid]]\nid = \"f\"\nwhen = '{when}'\n");
    let policy = options.from_toml(&text).unwrap();
    let resource = Resource::new("service", "x")
        .with("service", "a")
        .with("environment", "dev")
        .with("labels", Attributes::new())
        .with("divisor", 1_i64)
        .with("any", "b");
    let subject = Subject::new("user", "ana").with("groups", ["sre"]).with("mfa", true);
    let (indexed, every) = both(&policy, &Request::new(subject, Action::new("read"), resource));
    assert_eq!(indexed, every);
    assert_eq!(indexed.reasons().next().map(countersign::Reason::code), Some(ReasonCode::RuleFailed));
}

/// The test in the empty list never holds, but of a statement that was not understood nobody knows the tables.
#[test]
fn test_in_an_empty_list_is_found_where_it_fails() {
    let text = format!("{HEAD}[[forbid]]\nid = \"f\"\nwhen = 'has(sql) && sql.tables.exists(t, t in [])'\n");
    let policy = policy(&text);
    for (sql, code) in [("DELETE FRM t", ReasonCode::RuleFailed), ("SELECT 1", ReasonCode::NothingMatched)] {
        let resource = Resource::new("service", "x")
            .with("service", "a")
            .with("environment", "dev")
            .with("labels", Attributes::new())
            .with("divisor", 1_i64)
            .with("any", "b");
        let subject = Subject::new("user", "ana").with("groups", ["sre"]).with("mfa", true);
        let payload = Payload::sql(Dialect::PostgreSql, sql);
        let request = Request::new(subject, Action::new("read").with_payload(payload), resource);
        let (indexed, every) = both(&policy, &request);
        assert_eq!(indexed, every, "{sql}");
        assert_eq!(indexed.reasons().next().map(countersign::Reason::code), Some(code), "{sql}");
    }
}

#[test]
fn text_that_nobody_knows_meets_what_is_compared_first() {
    let mut text = HEAD.to_owned();
    for service in ["a", "b", "c"] {
        let when = format!(r#"resource.service == "{service}" && has(http) && http.method == "GET""#);
        write!(text, "[[forbid]]\nid = \"{service}\"\nwhen = '{when}'\n").unwrap();
    }
    let policy = policy(&text);
    let found = [("GET", ReasonCode::Forbidden), ("POST", ReasonCode::NothingMatched)];
    for (method, code) in found.into_iter().chain([("BREW", ReasonCode::RuleFailed)]) {
        let resource = Resource::new("service", "x")
            .with("service", "b")
            .with("environment", "dev")
            .with("labels", Attributes::new())
            .with("divisor", 1_i64)
            .with("any", "b");
        let subject = Subject::new("user", "ana").with("groups", ["sre"]).with("mfa", true);
        let call = Payload::http(method, "https://a.example/", b"");
        let request = Request::new(subject, Action::new("read").with_payload(call), resource);
        let (indexed, every) = both(&policy, &request);
        assert_eq!(indexed, every);
        assert_eq!(indexed.reasons().next().map(countersign::Reason::code), Some(code));
    }
}

const SERVICES: [&str; 8] =
    ["payments", "payments-gateway", "payments-gateway-eu-1", "pay", "orders", "ledger", "", "péage"];
const GROUPS: [&str; 4] = ["sre", "dev", "leads", "payments"];
const OWNERS: [&str; 3] = ["ana", "bo", "payments-gateway"];
const ACTIONS: [&str; 3] = ["read", "write", "restart"];

const HEAD: &str = r#"format = 1
name = "generated"
[attributes]
"subject.groups" = "list<string>"
"subject.mfa" = "bool"
"resource.service" = "string"
"resource.environment" = { type = "string", one_of = ["dev", "prod"] }
"resource.owner" = "string?"
"resource.labels" = "map<string, string>"
"resource.divisor" = "int"
"resource.any" = "dyn"
"context.ticket" = { type = "string?", source = "caller", matches = '^INC[0-9]+$' }
"#;
