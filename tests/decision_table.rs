//! The eight steps of a decision, one table each.

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
    Action, Auth, Decision, Dialect, Effect, NextAction, Payload, Policy, Request, Resource, Risk, Subject,
    Usage,
};

use support::{NOON, after, minutes, policy, time};

const HEAD: &str = r#"
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
const OPEN: &str = "[defaults]\nrisk = 'low'\n[[zone]]\nid = 'open'\nwhen = 'true'\nmax_risk = 'critical'\n";

fn with(rules: &str) -> Policy {
    policy(&format!("{HEAD}{rules}"))
}

fn subject() -> Subject {
    Subject::new("user", "ana").with("groups", ["dev"])
}

fn resource() -> Resource {
    Resource::new("database", "orders").with("environment", "dev")
}

fn ask() -> Request {
    Request::new(subject(), Action::new("run"), resource())
}

fn sql(text: &str) -> Request {
    let action = Action::new("run").with_payload(Payload::sql(Dialect::PostgreSql, text));
    Request::new(subject(), action, resource())
}

fn decide(policy: &Policy, request: &Request) -> Decision {
    policy.decide(request, time(NOON))
}

/// The codes and texts of all reasons.
fn reasons(decision: &Decision) -> String {
    let line = |reason: &countersign::Reason| format!("{} {reason}\n", reason.code().as_str());
    decision.reasons().map(line).collect()
}

fn rules(decision: &Decision) -> Vec<&str> {
    decision.rules().collect()
}

fn missing(decision: &Decision) -> Vec<String> {
    decision.missing().map(ToString::to_string).collect()
}

// Step 1: shape.

#[test]
fn request_that_does_not_fit_the_vocabulary_is_denied_with_its_path() {
    let dev = || Resource::new("database", "orders").with("environment", "dev");
    let on = |resource| Request::new(subject(), Action::new("run"), resource);
    let by = |subject| Request::new(subject, Action::new("run"), dev());
    let table = [
        (by(Subject::new("user", "ana")), "`subject.groups` is missing"),
        (
            by(Subject::new("user", "ana").with("groups", countersign::Value::Null)),
            "`subject.groups` is missing",
        ),
        (
            by(Subject::new("user", "ana").with("groups", "sre")),
            "`subject.groups` expected list<string>, found string",
        ),
        (by(Subject::new("user", "ana").with("groups", [7])), "`subject.groups`"),
        (by(subject().with("on_call", "yes")), "`subject.on_call` expected bool, found string"),
        (on(Resource::new("database", "orders")), "`resource.environment` is missing"),
        (
            on(dev().with("environment", "Prod")),
            "`resource.environment` is `Prod`, expected one of `dev`, `prod`",
        ),
        (on(dev().with("environment", 3)), "`resource.environment` expected string, found int"),
        (on(dev().with("code", "A1")), "`resource.code` does not match `^[a-z]+$`"),
        (on(dev().with("code", "a\nb")), "`resource.code` does not match `^[a-z]+$`"),
        (ask().with_fact("rows", "many"), "`facts.rows` expected int, found string"),
        (ask().with("ticket", 7), "`context.ticket` expected string, found int"),
    ];
    let policy = with(OPEN);
    assert_eq!(decide(&policy, &ask()).effect(), Effect::Allow);
    for (request, expected) in table {
        let decision = decide(&policy, &request);
        assert_eq!(decision.effect(), Effect::Deny, "{expected}");
        assert!(reasons(&decision).starts_with("invalid_request "), "{}", reasons(&decision));
        assert!(reasons(&decision).contains(expected), "expected {expected}, found {}", reasons(&decision));
        assert_eq!(decision.risk(), Risk::Critical);
    }
}

#[test]
fn vocabulary_fixes_the_actions_and_what_they_carry() {
    let actions = "[actions]\n\"logs.read\" = {}\n\"sql.execute\" = { payload = 'sql', dialect = 'mysql' }\n\
                   \"sql.any\" = { payload = 'sql' }\nshell = { payload = 'argv' }\ncall = { payload = 'http' }\n\
                   note = { payload = 'text' }\n";
    let policy = with(&format!("{actions}{OPEN}"));
    let payloads = [
        None,
        Some(Payload::sql(Dialect::MySql, "SELECT 1")),
        Some(Payload::sql(Dialect::PostgreSql, "SELECT 1")),
        Some(Payload::argv(["ls"])),
        Some(Payload::http("GET", "https://a.example/", b"")),
        Some(Payload::plain("hello")),
    ];
    let table = [
        ("logs.read", [true, false, false, false, false, false]),
        ("sql.execute", [false, true, false, false, false, false]),
        ("sql.any", [false, true, true, false, false, false]),
        ("shell", [false, false, false, true, false, false]),
        ("call", [false, false, false, false, true, false]),
        ("note", [false, false, false, false, false, true]),
        ("logs.Read", [false; 6]),
        ("sql.execute ", [false; 6]),
    ];
    for (name, fits) in table {
        for (payload, fits) in payloads.iter().zip(fits) {
            let action = Action::new(name);
            let action = payload.iter().fold(action, |action, payload| action.with_payload(payload.clone()));
            let decision = decide(&policy, &Request::new(subject(), action, resource()));
            let expected = if fits { Effect::Allow } else { Effect::Deny };
            assert_eq!(decision.effect(), expected, "{name} with {payload:?}: {}", reasons(&decision));
        }
    }
    let wrong = |payload: &Payload| {
        Request::new(subject(), Action::new("sql.execute").with_payload(payload.clone()), resource())
    };
    let told = |request| reasons(&decide(&policy, &request));
    assert!(told(wrong(&Payload::argv(["ls"]))).contains("must carry sql payload, found argv"));
    assert!(
        told(wrong(&Payload::sql(Dialect::Sqlite, "SELECT 1")))
            .contains("must carry mysql payload, found sqlite")
    );
    let unknown = Request::new(subject(), Action::new("logs.raed"), resource());
    assert!(told(unknown).starts_with("unknown_action the policy knows no action `logs.raed`"));
}

// Step 2: facts and three-valued logic.

/// Outcomes of a condition: it matches, it does not, it hangs on an unknown fact, it has no value.
const T: &str = "true";
const F: &str = "false";
const U: &str = "has(sql) && sql.unbounded_write";
const E: &str = "1 / (has(resource.divisor) ? resource.divisor : 0) == 1";

fn outcome_of(condition: &str) -> &'static str {
    let policy = with(&format!("{OPEN}[[hold]]\nid = 'hold'\nwhen = '''{condition}'''\n"));
    let decision = decide(&policy, &sql("DELETE FRM t"));
    let told = reasons(&decision);
    if decision.effect() == Effect::Allow {
        return F;
    }
    match () {
        () if told.contains("held rule `hold`") => T,
        () if told.contains("is unknown") => U,
        () if told.contains("rule_failed rule `hold`") => E,
        () => panic!("{condition}: {told}"),
    }
}

#[test]
fn logic_has_four_outcomes_and_unknown_wins_over_errors() {
    let values = [T, F, U, E];
    let and = [[T, F, U, E], [F, F, F, F], [U, F, U, U], [E, F, U, E]];
    let or = [[T, T, T, T], [T, F, U, E], [T, U, U, U], [T, E, U, E]];
    for (row, a) in values.iter().enumerate() {
        for (column, b) in values.iter().enumerate() {
            assert_eq!(outcome_of(&format!("({a}) && ({b})")), and[row][column], "{a} && {b}");
            assert_eq!(outcome_of(&format!("({a}) || ({b})")), or[row][column], "{a} || {b}");
        }
        let negated = [F, T, U, E][row];
        assert_eq!(outcome_of(&format!("!({a})")), negated, "!({a})");
        assert_eq!(outcome_of(&format!("({a}) ? true : false")), *a, "({a}) ? true : false");
        assert_eq!(outcome_of(&format!("({a}) == true")), *a, "({a}) == true");
        assert_eq!(outcome_of(&format!("({a}) in [true]")), *a, "({a}) in [true]");
    }
    assert_eq!(outcome_of(&format!("false ? ({U}) : true")), T);
    assert_eq!(outcome_of(&format!("true ? ({U}) : true")), U);
}

#[test]
fn unknown_is_absorbed_by_all_and_exists_alone() {
    let table = [
        ("[false, true].exists(x, x || sql.unbounded_write)", T),
        ("[false].exists(x, x || sql.unbounded_write)", U),
        ("[true, false].all(x, x && sql.unbounded_write)", F),
        ("[true].all(x, x && sql.unbounded_write)", U),
        ("sql.tables.exists(t, t == \"vault.keys\")", U),
        ("size(sql.tables) == 0", U),
        ("\"t\" in sql.tables", U),
        ("has(sql)", T),
        ("!sql.understood", T),
        ("has(sql.bounded_read)", U),
    ];
    for (condition, expected) in table {
        assert_eq!(outcome_of(&format!("has(sql) && ({condition})")), expected, "{condition}");
    }
}

#[test]
fn facts_are_known_inapplicable_or_unknown() {
    let rules = format!("{OPEN}[[hold]]\nid = 'wide'\nwhen = 'has(sql) && sql.unbounded_write'\n");
    let policy = with(&rules);
    let table = [
        (ask(), Effect::Allow),
        (sql("DELETE FROM t WHERE id = 7"), Effect::Allow),
        (sql("DELETE FROM t"), Effect::Deny),
        (sql("DELETE FRM t"), Effect::Deny),
        (
            Request::new(
                subject(),
                Action::new("run").with_payload(Payload::plain("DELETE FROM t")),
                resource(),
            ),
            Effect::Allow,
        ),
    ];
    for (request, effect) in table {
        assert_eq!(decide(&policy, &request).effect(), effect, "{request:?}");
    }
    let bare = with(&format!("{OPEN}[[forbid]]\nid = 'wide'\nwhen = 'has(sql) && sql.unbounded_write'\n"));
    let told = reasons(&decide(&bare, &sql("DELETE FRM t")));
    assert!(
        told.contains("rule_failed rule `wide`: it could not be evaluated: `sql.unbounded_write` is unknown"),
        "{told}"
    );
}

// Step 3: risk.

#[test]
fn risk_is_the_highest_match_and_a_failure_is_critical() {
    let rule = |id: &str, when: &str, level: &str| {
        format!("[[risk]]\nid = '{id}'\nwhen = '''{when}'''\nlevel = '{level}'\n")
    };
    let table = [
        (vec![], Risk::High, vec![]),
        (vec![rule("a", "false", "critical")], Risk::High, vec![]),
        (vec![rule("a", "true", "low")], Risk::Low, vec!["a"]),
        (vec![rule("a", "true", "medium"), rule("b", "true", "low")], Risk::Medium, vec!["a", "b"]),
        (vec![rule("b", "true", "low"), rule("a", "true", "high")], Risk::High, vec!["b", "a"]),
        (vec![rule("a", U, "low"), rule("b", "true", "low")], Risk::Critical, vec!["b"]),
        (vec![rule("b", "true", "low"), rule("a", E, "low")], Risk::Critical, vec!["b"]),
        (vec![rule("a", "has(facts.rows) && facts.rows > 9", "low")], Risk::Low, vec!["a"]),
    ];
    for (written, risk, named) in table {
        let policy = with(&format!("{}{}", "[defaults]\nrisk = 'high'\n", written.concat()));
        let decision = decide(&policy, &sql("DELETE FRM t").with_fact("rows", 10));
        assert_eq!((decision.risk(), rules(&decision)), (risk, named), "{written:?}");
    }
}

// Step 4: forbid.

#[test]
fn forbid_is_final() {
    let emergency = "[[emergency]]\nid = 'glass'\nwhen = 'true'\nreview_within = '1h'\n";
    let review = "[[review]]\nid = 'people'\nwhen = 'true'\napprove = { from = 'true' }\n";
    for (when, denied) in [("true", true), (U, true), (E, true), ("false", false)] {
        let forbid = format!("[[forbid]]\nid = 'never'\nwhen = '''{when}'''\nbecause = 'not here'\n");
        let policy = with(&[OPEN, emergency, review, &forbid].concat());
        let request = sql("DELETE FRM t").as_emergency().with_reason("down").with_usage(Usage::none());
        let decision = decide(&policy, &request);
        assert_eq!(decision.effect() == Effect::Deny, denied, "{when}");
        assert_eq!(decision.is_emergency(), !denied);
        if denied {
            assert_eq!(rules(&decision), ["never"]);
            assert_eq!(decision.next_action(), NextAction::None);
        }
        assert_eq!(reasons(&decision).contains("forbidden rule `never`: not here"), when == "true");
    }
}

// Step 5: emergency.

#[test]
fn emergency_needs_a_reason_a_rule_usage_and_a_free_slot() {
    let glass = |when: &str| {
        format!(
            "[[emergency]]\nid = 'glass'\nwhen = '''{when}'''\nreview_within = '1h'\n\
                 grant = {{ min = '5m', default = '10m', max = '30m' }}\nlimit = {{ count = 2, per = '1h' }}\n"
        )
    };
    let on_call = "has(subject.on_call) && subject.on_call";
    let sre = || Request::new(subject().with("on_call", true), Action::new("run"), resource());
    let good = || sre().as_emergency().with_reason("down").with_usage(Usage::none().with_used("glass", 1));
    let table = [
        ("granted", good(), true, "emergency_allows"),
        ("not asked for", sre().with_reason("down").with_usage(Usage::none()), false, "nothing_matched"),
        ("no reason", sre().as_emergency().with_usage(Usage::none()), false, "an emergency needs a reason"),
        ("blank reason", good().with_reason(" \n\t\u{3000}"), false, "an emergency needs a reason"),
        (
            "no rule",
            ask().as_emergency().with_reason("down").with_usage(Usage::none()),
            false,
            "no rule permits",
        ),
        ("no usage", sre().as_emergency().with_reason("down"), false, "nobody said whether"),
        ("overdue", good().with_usage(Usage::none().with_overdue_reviews(1)), false, "is overdue"),
        ("limit", good().with_usage(Usage::none().with_used("glass", 2)), false, "its limit of 2 is used up"),
        (
            "beyond the limit",
            good().with_usage(Usage::none().with_used("glass", countersign::limits::RECORD_INTEGER)),
            false,
            "used up",
        ),
        ("too short", good().with_duration(minutes(4)), false, "below the minimum of 5m"),
        ("at the minimum", good().with_duration(minutes(5)), true, "emergency_allows"),
        ("at the maximum", good().with_duration(minutes(30)), true, "emergency_allows"),
        ("too long", good().with_duration(minutes(31)), false, "above the maximum of 30m"),
    ];
    let policy = with(&glass(on_call));
    for (name, request, granted, told) in table {
        let decision = decide(&policy, &request);
        assert_eq!(decision.effect() == Effect::Allow, granted, "{name}: {}", reasons(&decision));
        assert_eq!(decision.is_emergency(), granted, "{name}");
        assert!(reasons(&decision).contains(told), "{name}: {}", reasons(&decision));
    }
    for failing in [U, E] {
        let decision = decide(
            &with(&glass(failing)),
            &sql("DELETE FRM t").as_emergency().with_reason("x").with_usage(Usage::none()),
        );
        assert_eq!(decision.effect(), Effect::Deny);
        assert!(reasons(&decision).contains("rule_failed rule `glass`"));
    }
}

#[test]
fn emergency_passes_holds_and_refused_goes_on_as_an_ordinary_request() {
    let policy = with(
        &[
            OPEN,
            "[[hold]]\nid = 'freeze'\nwhen = 'resource.environment == \"prod\"'\n\
        [[emergency]]\nid = 'glass'\nwhen = 'subject.id == \"ana\"'\nreview_within = '1h'\n\
        [[review]]\nid = 'people'\nwhen = 'true'\napprove = { from = 'true' }\n",
        ]
        .concat(),
    );
    let prod = || resource().with("environment", "prod");
    let on = |id: &str, resource| {
        Request::new(Subject::new("user", id).with("groups", ["dev"]), Action::new("run"), resource)
            .as_emergency()
            .with_reason("down")
            .with_usage(Usage::none())
    };
    let table = [
        (on("ana", prod()), Effect::Allow, vec!["glass"]),
        (on("bo", prod()), Effect::Review, vec!["freeze", "people"]),
        (on("bo", resource()), Effect::Allow, vec!["open"]),
    ];
    for (request, effect, named) in table {
        let decision = decide(&policy, &request);
        assert_eq!((decision.effect(), rules(&decision)), (effect, named));
    }
    assert!(reasons(&decide(&policy, &on("bo", prod()))).contains("emergency_refused"));
}

#[test]
fn strictest_of_several_emergencies_is_used() {
    let rule = |id: &str, max: &str, within: &str| {
        format!(
            "[[emergency]]\nid = '{id}'\nwhen = 'true'\nreview_within = '{within}'\ngrant = {{ default = '{max}', max = '{max}', over = 'cap' }}\n"
        )
    };
    let request =
        ask().as_emergency().with_reason("down").with_usage(Usage::none()).with_duration(minutes(60));
    let table = [
        (rule("a", "20m", "1h") + &rule("b", "10m", "9h"), "b"),
        (rule("a", "10m", "9h") + &rule("b", "10m", "1h"), "b"),
        (rule("b", "10m", "1h") + &rule("a", "10m", "1h"), "a"),
    ];
    for (written, used) in table {
        assert_eq!(rules(&decide(&with(&written), &request)), [used]);
    }
}

// Step 6: zones.

#[test]
fn bounds_of_a_zone_decide_on_the_asked_duration() {
    let zone = |over: &str| {
        format!(
            "[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'critical'\n\
        grant = {{ min = '5m', default = '15m', max = '1h', over = '{over}' }}\n"
        )
    };
    let hour = 3_600;
    let table = [
        ("refuse", None, Some(900)),
        ("refuse", Some(0), None),
        ("refuse", Some(299), None),
        ("refuse", Some(300), Some(300)),
        ("refuse", Some(hour), Some(hour)),
        ("refuse", Some(hour + 1), None),
        ("refuse", Some(u64::MAX), None),
        ("cap", Some(299), None),
        ("cap", Some(hour + 1), Some(hour)),
        ("cap", Some(8 * hour), Some(hour)),
    ];
    for (over, asked, granted) in table {
        let request = asked.map_or(ask(), |asked| ask().with_duration(Duration::from_secs(asked)));
        let decision = decide(&with(&zone(over)), &request);
        assert_eq!(decision.duration().map(|duration| duration.as_secs()), granted, "{over} {asked:?}");
        assert_eq!(decision.effect() == Effect::Allow, granted.is_some());
    }
    let fraction = ask().with_duration(Duration::from_millis(299_999));
    assert_eq!(decide(&with(&zone("cap")), &fraction).effect(), Effect::Deny);
}

#[test]
fn bounds_come_from_the_defaults_and_a_rule_may_say_otherwise() {
    let defaults = "[defaults]\ngrant = { min = '5m', default = '15m', max = '1h' }\n";
    let table = [
        ("", [300, 900, 3_600]),
        ("grant = { max = '10m' }", [300, 600, 600]),
        ("grant = { max = '2m' }", [120, 120, 120]),
        ("grant = { default = '2h' }", [300, 7_200, 7_200]),
        ("grant = { min = '30m' }", [1_800, 1_800, 3_600]),
        ("grant = { min = '2h' }", [7_200, 7_200, 7_200]),
    ];
    for (grant, [min, default, max]) in table {
        let policy =
            with(&format!("{defaults}[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'critical'\n{grant}\n"));
        let allowed = |seconds| {
            decide(&policy, &ask().with_duration(Duration::from_secs(seconds))).effect() == Effect::Allow
        };
        assert_eq!(decide(&policy, &ask()).duration(), Some(Duration::from_secs(default)), "{grant}");
        assert_eq!([min - 1, min, max, max + 1].map(allowed), [false, true, true, false], "{grant}");
    }
}

#[test]
fn best_zone_is_uncapped_then_longest_then_smallest_and_others_do_not_spoil_it() {
    let zone = |id: &str, rest: &str| {
        format!("[[zone]]\nid = '{id}'\nwhen = 'true'\nmax_risk = 'critical'\n{rest}\n")
    };
    let hour = "grant = { max = '1h' }";
    let table = [
        (zone("b", hour) + &zone("a", hour), "a"),
        (zone("a", hour) + &zone("b", "grant = { max = '2h' }"), "b"),
        (zone("a", "grant = { max = '30m', over = 'cap' }") + &zone("b", hour), "b"),
        (zone("a", "grant = { max = '2h' }\nlimit = { count = 1, per = '1h' }") + &zone("b", hour), "b"),
        (
            zone("a", "grant = { max = '2h' }\nneeds = { fields = ['context.ticket'] }") + &zone("b", hour),
            "b",
        ),
        (zone("a", "grant = { max = '2h', min = '50m' }") + &zone("b", hour), "b"),
        (
            zone("b", hour) + &zone("a", "grant = { max = '2h' }").replace("'true'", &format!("'''{E}'''")),
            "b",
        ),
        (zone("b", hour) + &zone("a", "grant = { max = '2h' }").replace("critical", "medium"), "b"),
    ];
    for (written, used) in table {
        let decision = decide(&with(&written), &ask().with_duration(minutes(45)));
        assert_eq!(
            (decision.effect(), rules(&decision)),
            (Effect::Allow, vec![used]),
            "{written}{}",
            reasons(&decision)
        );
    }
}

#[test]
fn limit_is_per_window_and_missing_usage_is_exhausted() {
    let policy =
        with("[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'critical'\nlimit = { count = 2, per = '1h' }\n");
    let table = [
        (None, false),
        (Some(Usage::none()), true),
        (Some(Usage::none().with_used("other", 9)), true),
        (Some(Usage::none().with_used("z", 1)), true),
        (Some(Usage::none().with_used("z", 2)), false),
        (Some(Usage::none().with_used("z", 2).with_used("z", 0)), false),
        (Some(Usage::none().with_used("z", countersign::limits::RECORD_INTEGER)), false),
    ];
    for (usage, open) in table {
        let request = usage.clone().map_or(ask(), |usage| ask().with_usage(usage));
        assert_eq!(decide(&policy, &request).effect() == Effect::Allow, open, "{usage:?}");
    }
}

#[test]
fn zone_with_unmet_needs_is_a_challenge_that_says_what_is_missing() {
    let policy = with(
        "[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'critical'\n\
        needs = { fields = ['context.ticket', 'context.reason', 'context.tags'], auth = { amr = ['otp', 'hwk'], within = '5m' } }\n\
        [[review]]\nid = 'people'\nwhen = 'true'\napprove = { from = 'true' }\n",
    );
    let auth = |method: &str, age: i64| Auth::new([method], after(-age));
    let good =
        || ask().with("ticket", "INC7").with("tags", ["a"]).with_reason("down").with_auth(auth("otp", 300));
    let ticket = "`context.ticket`";
    let because = ": give an incident number";
    let table = [
        (good(), vec![]),
        (good().with_auth(auth("hwk", 0)), vec![]),
        (good().with_auth(Auth::new(["pwd", "hwk"], after(-9))), vec![]),
        (good().with("ticket", ""), vec![format!("{ticket} is empty{because}")]),
        (good().with("ticket", "  "), vec![format!("{ticket} is empty{because}")]),
        (good().with("ticket", "7"), vec![format!("{ticket} is malformed{because}")]),
        (good().with("ticket", "INC7\n"), vec![format!("{ticket} is malformed{because}")]),
        (good().with("ticket", countersign::Value::Null), vec![format!("{ticket} is missing{because}")]),
        (good().with("tags", Vec::<String>::new()), vec!["`context.tags` is empty".to_owned()]),
        (good().with_reason(" "), vec!["`context.reason` is empty".to_owned()]),
        (good().with_auth(auth("otp", 301)), vec!["`context.auth` is too old".to_owned()]),
        (good().with_auth(auth("otp", -1)), vec!["`context.auth` is too old".to_owned()]),
        (good().with_auth(auth("pwd", 0)), vec!["`context.auth` is not strong enough".to_owned()]),
        (
            good().with_auth(Auth::new(Vec::<String>::new(), after(0))),
            vec!["`context.auth` is not strong enough".to_owned()],
        ),
        (
            ask().with("ticket", "INC7").with("tags", ["a"]).with_reason("x"),
            vec!["`context.auth` is missing".to_owned()],
        ),
    ];
    for (request, needs) in table {
        let decision = decide(&policy, &request);
        let expected = if needs.is_empty() { Effect::Allow } else { Effect::Challenge };
        assert_eq!((decision.effect(), missing(&decision)), (expected, needs), "{request:?}");
        assert_eq!(
            decide(&policy, &request.asking_review()).effect() == Effect::Allow,
            expected == Effect::Allow
        );
    }
    let nothing = decide(&policy, &ask());
    assert_eq!(missing(&nothing).len(), 4);
    assert_eq!(nothing.next_action(), NextAction::Supply);
    assert_eq!(decide(&policy, &good().with_auth(auth("otp", 900))).next_action(), NextAction::StepUp);
    let asked = decide(&policy, &ask().asking_review());
    assert_eq!((asked.effect(), rules(&asked)), (Effect::Review, vec!["people"]));
    assert_eq!(asked.next_action(), NextAction::RequestApproval);
}

#[test]
fn hold_or_its_failure_closes_every_zone() {
    for (when, effect) in
        [("true", Effect::Review), (U, Effect::Review), (E, Effect::Review), ("false", Effect::Allow)]
    {
        let policy = with(&format!(
            "{OPEN}[[hold]]\nid = 'freeze'\nwhen = '''{when}'''\n\
            [[review]]\nid = 'people'\nwhen = 'true'\napprove = {{ from = 'true' }}\n"
        ));
        let decision = decide(&policy, &sql("DELETE FRM t"));
        assert_eq!(decision.effect(), effect, "{when}");
        let named: &[&str] = if effect == Effect::Allow { &["open"] } else { &["freeze", "people"] };
        assert_eq!(rules(&decision), named, "{when}");
    }
}

// Steps 7 and 8: reviews, and nothing.

fn review(id: &str, when: &str, rest: &str) -> String {
    format!("[[review]]\nid = '{id}'\nwhen = '''{when}'''\napprove = {{ from = 'true' }}\n{rest}\n")
}

fn rest(id: &str, rest: &str) -> String {
    review(id, "true", rest).replace("when = '''true'''", "otherwise = true")
}

#[test]
fn groups_of_reviews_go_together_as_declared() {
    let ticket = "needs = { fields = ['context.ticket'] }";
    let group = |name: &str, more: &str| format!("group = '{name}'\n{more}");
    let groups = "[groups]\nany = 'any'\none = 'one'\nall = 'all'\n";
    let fill = review("f-any", "false", "group = 'any'")
        + &review("f-one", "false", "group = 'one'")
        + &review("f-all", "false", "group = 'all'");
    let table = [
        ("nothing matches", review("a", "false", ""), Effect::Deny, vec![]),
        (
            "all matching",
            review("a", "true", "") + &review("b", "true", "") + &review("c", "false", ""),
            Effect::Review,
            vec!["a", "b"],
        ),
        (
            "all groups",
            review("a", "true", "") + &review("b", "true", &group("any", "")),
            Effect::Review,
            vec!["a", "b"],
        ),
        ("a failed review", review("a", "true", "") + &review("b", E, ""), Effect::Deny, vec!["b"]),
        (
            "a failed alternative",
            review("a", "true", &group("any", "")) + &review("b", U, &group("any", "")),
            Effect::Deny,
            vec!["b"],
        ),
        (
            "two of one",
            review("a", "true", &group("one", "")) + &review("b", "true", &group("one", "")),
            Effect::Deny,
            vec!["a", "b"],
        ),
        (
            "one of one",
            review("a", "true", &group("one", "")) + &review("b", "false", &group("one", "")),
            Effect::Review,
            vec!["a"],
        ),
        (
            "unmet in all",
            review("a", "true", ticket) + &review("b", "true", ""),
            Effect::Challenge,
            vec!["a"],
        ),
        (
            "unmet in two",
            review("a", "true", ticket) + &review("b", "true", ticket),
            Effect::Challenge,
            vec!["a", "b"],
        ),
        (
            "unmet in any",
            review("a", "true", &group("any", ticket)) + &review("b", "true", &group("any", "")),
            Effect::Review,
            vec!["b"],
        ),
        (
            "unmet in all of any",
            review("a", "true", &group("any", ticket)) + &review("b", "true", &group("any", ticket)),
            Effect::Challenge,
            vec!["a"],
        ),
        ("otherwise", rest("a", "") + &review("b", "false", ""), Effect::Review, vec!["a"]),
        ("not otherwise", rest("a", "") + &review("b", "true", ""), Effect::Review, vec!["b"]),
        (
            "otherwise in another group",
            rest("a", &group("all", "")) + &review("b", "true", ""),
            Effect::Review,
            vec!["a", "b"],
        ),
        ("otherwise beside a failure", rest("a", "") + &review("b", E, ""), Effect::Deny, vec!["b"]),
    ];
    for (name, written, effect, named) in table {
        let decision = decide(&with(&format!("{groups}{written}{fill}")), &sql("DELETE FRM t"));
        let mut found = rules(&decision);
        found.sort_unstable();
        assert_eq!((decision.effect(), found), (effect, named), "{name}: {}", reasons(&decision));
    }
    let long = ask().with_duration(minutes(600));
    let both = review("a", "true", "") + &review("b", "true", &format!("{ticket}\ngrant = {{ max = '1d' }}"));
    let refused = decide(&with(&both), &long);
    assert_eq!(refused.effect(), Effect::Deny, "evidence that could not help is not asked for");
    assert_eq!(missing(&refused), Vec::<String>::new());
    let none = decide(&with(&review("a", "false", "")), &ask());
    assert_eq!(reasons(&none), "nothing_matched no rule allows it\n");
}

#[test]
fn joined_bounds_are_the_narrowest_and_empty_bounds_are_a_deny() {
    let with_grant = |id: &str, group: &str, min: u64, default: u64, max: u64, over: &str| {
        review(
            id,
            "true",
            &format!(
                "group = '{group}'\ngrant = {{ min = '{min}m', default = '{default}m', max = '{max}m', over = '{over}' }}"
            ),
        )
    };
    let table = [
        ("all: shortest default", "all", [(5, 15, 60, "refuse"), (5, 10, 60, "refuse")], None, Some(10)),
        ("all: both admit", "all", [(5, 15, 60, "refuse"), (5, 10, 30, "refuse")], Some(20), Some(20)),
        ("all: one refuses", "all", [(5, 15, 60, "refuse"), (5, 10, 30, "refuse")], Some(40), None),
        ("all: one caps", "all", [(5, 15, 60, "refuse"), (5, 10, 30, "cap")], Some(40), Some(30)),
        (
            "all: capped below the other's minimum",
            "all",
            [(35, 40, 60, "refuse"), (5, 10, 30, "cap")],
            Some(40),
            None,
        ),
        (
            "all: defaults exclude each other",
            "all",
            [(20, 20, 60, "refuse"), (5, 10, 60, "refuse")],
            None,
            None,
        ),
        ("any: one refuses", "any", [(5, 15, 60, "refuse"), (5, 10, 30, "refuse")], Some(40), Some(40)),
        ("any: both refuse", "any", [(5, 15, 60, "refuse"), (5, 10, 30, "refuse")], Some(90), None),
        ("any: one caps", "any", [(5, 15, 60, "refuse"), (5, 10, 30, "cap")], Some(40), Some(30)),
    ];
    for (name, group, [a, b], asked, granted) in table {
        let written =
            with_grant("a", group, a.0, a.1, a.2, a.3) + &with_grant("b", group, b.0, b.1, b.2, b.3);
        let policy = with(&format!("[groups]\n{group} = '{group}'\n{written}"));
        let decision = decide(&policy, &asked.map_or(ask(), |asked| ask().with_duration(minutes(asked))));
        assert_eq!(decision.duration(), granted.map(minutes), "{name}: {}", reasons(&decision));
        assert_eq!(
            decision.effect(),
            if granted.is_some() { Effect::Review } else { Effect::Deny },
            "{name}"
        );
    }
}

#[test]
fn grant_with_more_uses_than_can_be_counted_is_no_policy() {
    let zone = |uses: u32| format!("{HEAD}{OPEN}grant = {{ max_uses = {uses} }}\n");
    assert!(Policy::from_toml(&zone(1_000)).is_ok());
    let error = Policy::from_toml(&zone(1_001)).unwrap_err();
    assert_eq!(
        error.faults().next().unwrap().message(),
        "1001 uses are more than a grant can have, limit is 1000"
    );
}
