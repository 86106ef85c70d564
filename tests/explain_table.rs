//! Explanations, one situation a test: what is told, what is offered, and what is never offered.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod support;

use countersign::{
    Action, Auth, Came, ChangeStep, Effect, ExplainError, Explanation, NextAction, Request, Resource,
    Subject, Usage, limits,
};
use serde_json::Value;

use support::table::{OPEN, ask, resource, sql, subject, with};
use support::{NOON, minutes, time};

fn explain(rules: &str, request: &Request) -> Explanation {
    with(rules).explain(request, time(NOON))
}

/// What would help, in words; empty where nothing does.
fn help(explanation: &Explanation) -> String {
    explanation.change().map(ToString::to_string).unwrap_or_default()
}

fn zone(when: &str, rest: &str) -> String {
    format!("[defaults]\nrisk = 'low'\n[[zone]]\nid = 'z'\nwhen = '{when}'\nmax_risk = 'low'\n{rest}\n")
}

#[test]
fn rule_that_decided_is_told_with_its_tests_and_what_they_saw() {
    let rules =
        zone("resource.environment == \"dev\" && (subject.id == \"bo\" || \"dev\" in subject.groups)", "");
    let explanation = explain(&rules, &ask());
    let told = "\
allow, low risk
  rule `z`: it is in a safe zone
decided by
  zone `z` matches
    `resource.environment == \"dev\"` is true: resource.environment is \"dev\"
    `\"dev\" in subject.groups` is true: subject.groups is [\"dev\"]
";
    assert_eq!(explanation.to_string(), told);
    assert_eq!(explanation.decision().next_action(), NextAction::None);
}

#[test]
fn near_miss_names_the_test_that_failed_inside_a_named_condition() {
    let rules = format!(
        "[let]\nprod = 'resource.environment == \"prod\"'\n{}",
        zone("prod && subject.id == \"ana\"", "")
    );
    let explanation = explain(&rules, &ask());
    let [miss] = explanation.near_misses().collect::<Vec<_>>()[..] else { panic!("{explanation}") };
    let [test] = miss.tests().collect::<Vec<_>>()[..] else { panic!("{miss}") };
    assert_eq!((miss.rule(), miss.came()), ("z", Came::Missed));
    assert_eq!(
        (test.test(), test.within(), test.outcome()),
        ("resource.environment == \"prod\"", Some("prod"), "false")
    );
    let [seen] = test.saw().collect::<Vec<_>>()[..] else { panic!("{test}") };
    assert_eq!((seen.path(), seen.value()), ("resource.environment", "\"dev\""));
}

#[test]
fn unknown_and_failed_tests_are_said_as_such() {
    let explanation = explain(&zone("has(sql) && sql.effect == \"read\"", ""), &sql("SELEC 1"));
    let [miss] = explanation.near_misses().collect::<Vec<_>>()[..] else { panic!("{explanation}") };
    let [test] = miss.tests().collect::<Vec<_>>()[..] else { panic!("{miss}") };
    assert_eq!(miss.came(), Came::Failed);
    assert_eq!((test.outcome(), test.problem()), ("unknown", Some("nobody knows `sql.effect`")));

    let explanation = explain(&zone("1 / (has(resource.divisor) ? resource.divisor : 0) == 1", ""), &ask());
    let [miss] = explanation.near_misses().collect::<Vec<_>>()[..] else { panic!("{explanation}") };
    let [test] = miss.tests().collect::<Vec<_>>()[..] else { panic!("{miss}") };
    assert_eq!(test.outcome(), "error");
    assert!(test.problem().unwrap().starts_with("division by zero"), "{test}");
}

/// Of many rules those are told that failed on the fewest tests, and rules for other work are not near.
#[test]
fn near_misses_are_few_and_near() {
    let mut rules = String::from("[defaults]\nrisk = 'low'\n");
    for number in 0..2_000 {
        let when = match number {
            7 => "action.name == \"run\" && resource.id == \"billing\"".to_owned(),
            8 => "action.name == \"run\" && resource.id == \"billing\" && subject.id == \"bo\"".to_owned(),
            _ => format!("action.name == \"a{number}\""),
        };
        rules.push_str(&format!("[[zone]]\nid = 'z{number}'\nwhen = '{when}'\nmax_risk = 'low'\n"));
    }
    let explanation = explain(&rules, &ask());
    let near: Vec<&str> = explanation.near_misses().map(|miss| miss.rule()).collect();
    assert_eq!(near, ["z7", "z8"]);

    let same: String = (0..20)
        .map(|number| {
            format!("[[zone]]\nid = 'z{number:02}'\nwhen = 'subject.id == \"bo\"'\nmax_risk = 'low'\n")
        })
        .collect();
    let near: Vec<String> = explain(&same, &ask()).near_misses().map(|miss| miss.rule().to_owned()).collect();
    assert_eq!(near, ["z00", "z01", "z02", "z03", "z04"]);
    assert_eq!(near.len(), limits::NEAR_MISSES);
}

#[test]
fn nothing_is_near_where_a_forbid_is_final() {
    let rules = zone("subject.id == \"bo\"", "[[forbid]]\nid = 'f'\nwhen = 'true'");
    let explanation = explain(&rules, &ask());
    assert_eq!((explanation.near_misses().len(), help(&explanation)), (0, String::new()));
    assert_eq!(explanation.decision().next_action(), NextAction::None);
}

#[test]
fn ceiling_and_hold_are_told_as_obstacles() {
    let rules = "[[risk]]\nid = 'bad'\nwhen = 'true'\nlevel = 'high'\n\
        [[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'low'\n[[hold]]\nid = 'h'\nwhen = 'true'\n";
    let explanation = explain(rules, &ask());
    let [miss] = explanation.near_misses().collect::<Vec<_>>()[..] else { panic!("{explanation}") };
    let obstacles: Vec<&str> = miss.obstacles().collect();
    assert_eq!(obstacles, ["the risk is high, by `bad`; its ceiling is low", "hold `h` keeps it shut"]);
}

#[test]
fn fields_come_before_a_narrower_action_and_that_before_approval() {
    let review = "[[review]]\nid = 'r'\nwhen = 'true'\napprove = { from = 'true' }\ngrant = { max = '8h' }\n";
    let needs = "needs = { fields = ['context.ticket'] }\ngrant = { max = '1h' }\n";
    let rules = format!("{}{review}", zone("true", needs));
    let told = help(&explain(&rules, &ask()));
    assert_eq!(
        told,
        "state `context.ticket`, in the form `^INC[0-9]+$`: give an incident number; then it is allowed"
    );

    let long = ask().with_duration(minutes(120)).with("ticket", "INC7");
    let explanation = explain(&rules, &long);
    assert_eq!(help(&explanation), "ask for 1h instead of 2h; then it is allowed");
    assert_eq!(explanation.decision().next_action(), NextAction::RequestApproval);

    let held = format!("{rules}[[hold]]\nid = 'h'\nwhen = 'true'\n");
    let explanation = explain(&held, &long);
    assert_eq!(help(&explanation), "submit it, and people decide");
    assert_eq!(explanation.change().unwrap().leads_to(), Effect::Review);
}

#[test]
fn choice_among_values_is_offered_only_for_what_was_not_said() {
    let rules = "\"context.kind\" = { type = 'string?', source = 'caller', one_of = ['export', 'look'] }\n";
    let when = "subject.type == \"user\" && has(context.kind) && context.kind == \"look\"";
    let rules = format!("{rules}{}", zone(when, ""));
    assert_eq!(
        help(&explain(&rules, &ask())),
        "state `context.kind` as `look`, if that is so; then it is allowed"
    );
    assert_eq!(help(&explain(&rules, &ask().with("kind", "export"))), "");
}

/// What the host attests is never made up, whatever it would open.
#[test]
fn attested_attributes_are_never_offered() {
    for when in [
        "has(subject.on_call) && subject.on_call",
        "\"sre\" in subject.groups",
        "resource.environment == \"prod\"",
        "has(resource.code) && resource.code == \"a\"",
        "action.name == \"other\"",
        "has(context.change) && context.change == \"standard\"",
    ] {
        let rules = format!("\"context.change\" = 'string?'\n{}", zone(when, ""));
        let explanation = explain(&rules, &ask());
        assert_eq!(explanation.decision().effect(), Effect::Deny);
        assert_eq!(help(&explanation), "", "{when}");
    }
}

#[test]
fn sign_in_is_offered_as_one() {
    let rules = zone("true", "needs = { auth = { amr = ['hwk', 'otp'], within = '5m' } }");
    let stale = ask().with_auth(Auth::new(["hwk"], time(NOON) - chrono::TimeDelta::hours(1)));
    for request in [ask(), stale] {
        let explanation = explain(&rules, &request);
        assert_eq!(
            help(&explanation),
            "sign in again with `hwk` or `otp`, and ask within 5m; then it is allowed"
        );
        assert_eq!(explanation.decision().next_action(), NextAction::StepUp);
    }
}

#[test]
fn smaller_read_is_offered_where_the_text_bears_it() {
    let when = "has(sql) && sql.understood && sql.effect == \"read\" && has(sql.bounded_read) && sql.bounded_read <= 100";
    let rules = zone(when, "");
    let offered = "add `LIMIT 100` to the statement; then it is allowed";
    for text in ["SELECT id FROM orders", "SELECT id FROM orders;", "SELECT id FROM orders -- all"] {
        assert_eq!(help(&explain(&rules, &sql(text))), offered, "{text}");
    }
    for text in
        ["DELETE FROM orders", "SELECT id FROM orders LIMIT 500", "SELEC", "SELECT 1; SELECT id FROM orders"]
    {
        assert_eq!(help(&explain(&rules, &sql(text))), "", "{text}");
    }
}

#[test]
fn break_glass_comes_last_and_is_no_next_action() {
    let glass = "[[emergency]]\nid = 'e'\nwhen = 'true'\nreview_within = '24h'\n";
    let explanation = explain(glass, &ask().with_usage(Usage::none()));
    let told = "state `context.reason`; then if it is an emergency, ask for break-glass access; a review is due 24h \
                later; then it is allowed";
    let told = told.replace("24h", "1d");
    let mut steps: Vec<&str> = told.split("; then ").collect();
    steps.sort_unstable();
    let help = help(&explanation);
    let mut found: Vec<&str> = help.split("; then ").collect();
    found.sort_unstable();
    assert_eq!(found, steps);
    assert_eq!(explanation.decision().next_action(), NextAction::None);

    let review = format!("{glass}[[review]]\nid = 'r'\nwhen = 'true'\napprove = {{ from = 'true' }}\n");
    let explanation = explain(&review, &ask().with_usage(Usage::none()));
    assert!(!explanation.change().unwrap().is_emergency());
}

#[test]
fn hold_that_ends_is_waited_for() {
    let when = "now >= timestamp(\"2026-11-20T00:00:00Z\") && now < timestamp(\"2026-12-01T00:00:00Z\")";
    let rules = format!("{OPEN}[[hold]]\nid = 'freeze'\nwhen = '{when}'\n");
    let explanation = explain(&rules, &ask());
    let end = time("2026-12-01T00:00:00Z");
    assert_eq!(explanation.decision().next_action(), NextAction::WaitUntil(end));
    let wait = explanation.wait().unwrap();
    assert_eq!((wait.at(), wait.leads_to()), (end, Effect::Allow));
    assert_eq!(with(&rules).decide(&ask(), end).effect(), Effect::Allow);

    let json: Value = serde_json::to_value(&explanation).unwrap();
    assert_eq!(json["context"]["next_action"], "wait_until");
    assert_eq!(json["context"]["wait_until"], "2026-12-01T00:00:00Z");
    assert_eq!(json["explanation"]["wait"]["leads_to"], "allow");
    let plain = serde_json::to_value(with(&rules).decide(&ask(), time(NOON))).unwrap();
    assert_eq!(plain["context"]["next_action"], "none");
}

#[test]
fn office_hours_are_waited_for_to_the_quarter() {
    let rules =
        zone("now.getHours() >= 9 && now.getHours() < 17 && now.getDayOfWeek() in [1, 2, 3, 4, 5]", "");
    let friday_evening = with(&rules).explain(&ask(), time("2026-11-27T18:20:00Z"));
    assert_eq!(friday_evening.wait().unwrap().at(), time("2026-11-30T09:00:00Z"));
}

#[test]
fn next_window_of_a_limit_is_waited_for() {
    let rules = zone("true", "limit = { count = 2, per = \"1h\" }");
    let full = ask().with_usage(Usage::none().with_used("z", 2));
    let explanation = with(&rules).explain(&full, time("2026-11-23T12:20:00Z"));
    assert_eq!(explanation.decision().next_action(), NextAction::WaitUntil(time("2026-11-23T13:00:00Z")));
    let uncounted = with(&rules).explain(&ask(), time(NOON));
    assert_eq!((uncounted.wait(), uncounted.decision().next_action()), (None, NextAction::None));
}

#[test]
fn nothing_is_waited_for_that_would_not_help() {
    for hold in
        ["true", "now >= timestamp(\"2026-11-20T00:00:00Z\")", "now < timestamp(\"2028-01-01T00:00:00Z\")"]
    {
        let rules = format!("{OPEN}[[hold]]\nid = 'h'\nwhen = '{hold}'\n");
        assert_eq!(explain(&rules, &ask()).wait(), None, "{hold}");
    }
    let stale = "needs = { auth = { amr = [\"otp\"], within = \"5m\" } }";
    let rules = format!(
        "{}[[hold]]\nid = 'h'\nwhen = 'now < timestamp(\"2026-11-23T12:10:00Z\")'\n",
        zone("true", stale)
    );
    let fresh = ask().with_auth(Auth::new(["otp"], time(NOON)));
    assert_eq!(explain(&rules, &fresh).wait(), None);
}

#[test]
fn who_may_approve_is_told_per_stage() {
    let rules = "[let]\nlead = 'approver.id == \"lee\"'\n[[review]]\nid = 'r'\nwhen = 'true'\nexpires = '2h'\n\
        [[review.stage]]\nid = 'a'\napprove = { any = [ { count = 2, from = 'true' }, { from = 'lead', comment = true } ] }\n\
        [[review.stage]]\nid = 'b'\napprove = { from = 'lead' }\n";
    let explanation = explain(rules, &ask());
    let [plan] = explanation.approvals().collect::<Vec<_>>()[..] else { panic!("{explanation}") };
    let told = "`r`: (2 people with `true` or 1 person with `lead` (`approver.id == \"lee\"`) who say why), then \
                1 person with `lead` (`approver.id == \"lee\"`); within 2h";
    assert_eq!((plan.to_string().as_str(), plan.fewest_people()), (told, 2));
}

#[test]
fn explanation_of_another_decision_is_refused() {
    let (one, other) = (with(OPEN), with(&zone("false", "")));
    let decision = one.decide(&ask(), time(NOON));
    let error = decision.explain(&other, &ask(), time(NOON)).unwrap_err();
    assert!(matches!(error, ExplainError::OtherPolicy { .. }));
    assert!(error.to_string().starts_with("the decision was made under policy sha-256:"), "{error}");
    let invalid = Request::new(subject(), Action::new("run"), Resource::new("database", "orders"));
    let error = decision.explain(&one, &invalid, time(NOON)).unwrap_err();
    assert_eq!(error, ExplainError::OtherDecision { effect: Effect::Allow, now_effect: Effect::Deny });
    assert_eq!(error.to_string(), "this request at this time is decided otherwise: deny instead of allow");
}

#[test]
fn request_that_does_not_fit_is_explained_by_its_reason() {
    let invalid = Request::new(subject(), Action::new("run"), Resource::new("database", "orders"));
    let told = explain(OPEN, &invalid).to_string();
    assert_eq!(told, "deny, critical risk\n  `resource.environment` is missing\n");
}

/// What comes from outside is escaped, cut, or withheld; a payload is never shown.
#[test]
fn outside_text_is_inert() {
    let hostile = format!("<script>\u{202e}\n{}", "x".repeat(200));
    let rules = zone("resource.id == \"a\" && subject.groups.exists(g, g.startsWith(\"b\"))", "");
    let subject = Subject::new("user", "ana")
        .with("groups", vec![hostile.as_str(), "token=abc", "c", "d", "e", "f", "g"]);
    let text = "SELECT 'eyJhbGciOiJub25lIn0' FROM orders";
    let action =
        Action::new("run").with_payload(countersign::Payload::sql(countersign::Dialect::PostgreSql, text));
    let request = Request::new(subject, action, resource());
    let told = explain(&rules, &request).to_string();
    assert!(told.contains("<script>\\u{202e}\\n"), "{told}");
    assert!(told.contains("9 characters withheld") && told.contains("… 7 in all"), "{told}");
    assert!(!told.contains('\u{202e}') && !told.contains("token=abc") && !told.contains("eyJ"), "{told}");
    assert!(told.lines().all(|line| line.len() < 600), "{told}");
}

#[test]
fn steps_of_a_change_are_data() {
    let rules = zone("true", "needs = { fields = ['context.ticket', 'context.reason'] }");
    let explanation = explain(&rules, &ask());
    let json = serde_json::to_value(&explanation).unwrap();
    let steps = &json["explanation"]["change"]["steps"];
    assert_eq!(steps[0]["state"]["path"], "context.ticket");
    assert_eq!(steps[0]["state"]["form"], "^INC[0-9]+$");
    let paths: Vec<_> = explanation
        .change()
        .unwrap()
        .steps()
        .map(|step| match step {
            ChangeStep::State { path, .. } => path.as_str(),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(paths, ["context.ticket", "context.reason"]);
}

/// A search that finds too much to try still ends, and what it offers was tried.
#[test]
fn search_is_bounded() {
    let fields: String =
        (0..12).map(|n| format!("\"context.f{n}\" = {{ type = 'bool?', source = 'caller' }}\n")).collect();
    let when =
        (0..12).map(|n| format!("has(context.f{n}) && !context.f{n}")).collect::<Vec<_>>().join(" && ");
    let explanation =
        explain(&format!("{fields}{}", zone(&format!("subject.type == \"user\" && {when}"), "")), &ask());
    assert_eq!(explanation.decision().effect(), Effect::Deny);
    assert_eq!(help(&explanation), "");
}

#[test]
fn field_is_offered_as_long_as_rules_ask() {
    let rules = zone("true", "needs = { fields = [{ path = 'context.reason', min = 20 }] }");
    let offered = "state `context.reason`, at least 20 long; then it is allowed";
    for request in [ask(), ask().with_reason("too short")] {
        assert_eq!(help(&explain(&rules, &request)), offered);
    }
    let rules = zone("true", "needs = { fields = [{ path = 'context.ticket', min = 12, max = 15 }] }");
    assert_eq!(
        help(&explain(&rules, &ask())),
        "state `context.ticket`, in the form `^INC[0-9]+$`, 12 to 15 long: give an incident number; then it is allowed"
    );
}

#[test]
fn many_fields_are_offered_together() {
    let names: Vec<String> = (0..20).map(|number| format!("context.f{number:02}")).collect();
    let declared: Vec<String> =
        names.iter().map(|name| format!("'{name}' = {{ type = 'string?', source = 'caller' }}\n")).collect();
    let text = format!(
        "format = 1\nname = 'x'\n[attributes]\n{}{}",
        declared.concat(),
        zone("action.name == \"read\"", &format!("needs = {{ fields = {names:?} }}"))
    );
    let request = Request::new(Subject::new("user", "ana"), Action::new("read"), Resource::new("t", "r"));
    let explanation = countersign::Policy::from_toml(&text).unwrap().explain(&request, time(NOON));
    let change = explanation.change().unwrap();
    assert_eq!(change.leads_to(), Effect::Allow);
    let stated: Vec<&str> = change
        .steps()
        .filter_map(|step| match step {
            ChangeStep::State { path, .. } => Some(path.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(stated, names);
    assert_eq!(change.steps().len(), 20);
}

#[test]
fn sign_in_is_offered_in_a_class() {
    let rules = zone("true", "needs = { auth = { acr = ['gold'] } }");
    let plain = ask().with_auth(Auth::new(["pwd"], time(NOON)));
    for request in [ask(), plain] {
        assert_eq!(help(&explain(&rules, &request)), "sign in again in class `gold`; then it is allowed");
    }
}

#[test]
fn window_is_told_and_waited_for() {
    let evening = "within = { from = '18:10', to = '19:00', tz = 'UTC' }";
    let explanation = explain(&zone("true", evening), &ask());
    assert_eq!(
        explanation.wait().unwrap().to_string(),
        format!("until {EVENING}: it is allowed then, if nothing else changes")
    );
    let missed: Vec<String> = explanation.near_misses().map(ToString::to_string).collect();
    assert_eq!(missed.len(), 1);
    assert!(
        missed[0].contains(&format!("outside its window at {NOON}, which opens at {EVENING}")),
        "{missed:?}"
    );

    let noon = "[[forbid]]\nid = 'f'\nwhen = 'true'\nwithin = { from = '11:00', to = '12:30', tz = 'UTC' }\n";
    let explanation = explain(&format!("{OPEN}{noon}"), &ask());
    assert_eq!(explanation.decision().effect(), Effect::Deny);
    assert_eq!(explanation.wait().unwrap().at(), time(NOON) + chrono::TimeDelta::minutes(30));
    let deciding: Vec<String> = explanation.deciding().map(ToString::to_string).collect();
    assert_eq!(deciding, ["forbid `f` matches"]);
}

const EVENING: &str = "2026-11-23T18:10:00Z";
