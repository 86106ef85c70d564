//! Steps 6 to 8 of a decision, one table each: zones, reviews, and nothing.

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

use countersign::{Auth, Effect, NextAction, Policy, Usage};

use support::table::{E, HEAD, OPEN, U, ask, decide, missing, reasons, rules, sql, with};
use support::{after, minutes};

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

#[test]
fn reason_that_no_record_can_hold_is_no_policy() {
    for (because, good) in [
        ("held until Monday".to_owned(), true),
        ("\\u0000".to_owned(), false),
        ("\\u202e".to_owned(), false),
        ("x".repeat(513), false),
    ] {
        let written = format!("{HEAD}{OPEN}because = \"{because}\"\n");
        assert_eq!(Policy::from_toml(&written).is_ok(), good, "{because}");
    }
}
