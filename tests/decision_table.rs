//! Steps 1 to 5 of a decision, one table each.

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

use countersign::{Action, Dialect, Effect, NextAction, Payload, Request, Resource, Risk, Subject, Usage};

use support::minutes;
use support::table::{E, F, OPEN, T, U, ask, decide, reasons, resource, rules, sql, subject, with};

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
