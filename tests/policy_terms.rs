//! On which terms rules give: obligations, windows, starts and ends, and what must be brought.

#![cfg(feature = "toml")]
#![allow(
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

mod policy_faults;
mod support;

use std::time::Duration;

use chrono::{DateTime, Utc};
use countersign::{
    Action, Auth, Decision, Effect, Obligation, Policy, PolicyOptions, ReasonCode, Request, Resource, Risk,
    Subject,
};
use policy_faults::{ZONE, faults};
use support::{NOON, after, minutes, time};

const HEAD: &str = "format = 1\nname = 'x'\n\
    [attributes]\n'context.ends' = 'timestamp?'\n'context.tags' = 'list<string>?'\n'context.size' = 'int?'\n\
    'context.ticket' = { type = 'string?', source = 'caller' }\n'context.actor.groups' = 'list<string>?'\n\
    'context.actor.actor.groups' = 'list<string>?'\n";

fn zone(id: &str, rest: &str) -> String {
    format!("[[zone]]\nid = '{id}'\nwhen = 'true'\nmax_risk = 'high'\n{rest}\n")
}

fn policy(text: &str) -> Policy {
    support::policy(&format!("{HEAD}{text}"))
}

fn fulfilling(text: &str, kinds: &[&str]) -> Policy {
    let options = PolicyOptions::new().fulfilling(kinds.iter().copied());
    options.from_toml(&format!("{HEAD}{text}")).unwrap_or_else(|error| panic!("{error}"))
}

fn ask() -> Request {
    Request::new(Subject::new("user", "ana"), Action::new("run"), Resource::new("host", "db1"))
}

fn decide(text: &str, request: &Request) -> Decision {
    policy(text).decide(request, time(NOON))
}

fn codes(decision: &Decision) -> Vec<ReasonCode> {
    decision.reasons().map(countersign::Reason::code).collect()
}

fn told(decision: &Decision) -> String {
    decision.reasons().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn owed(decision: &Decision) -> Vec<&str> {
    decision.obligations().map(Obligation::kind).collect()
}

// --- obligations

const WATCHED: &str = "obligations = [{ notify = 'sre' }, 'record_session', { mask = ['a', 'b'] }, \
    { custom = { name = 'watermark', value = 'internal' } }]";

#[test]
fn decision_owes_what_its_rules_say() {
    let text = format!(
        "[[risk]]\nid = 'r'\nwhen = 'true'\nlevel = 'low'\nobligations = [{{ notify = 'audit' }}]\n{}",
        zone("z", WATCHED)
    );
    let policy = fulfilling(&text, &["notify", "record_session", "mask", "watermark"]);
    let decision = policy.decide(&ask(), time(NOON));
    assert_eq!(decision.effect(), Effect::Allow, "{}", told(&decision));
    let json = serde_json::to_value(&decision).unwrap();
    let expected = serde_json::json!([
        { "notify": "audit" },
        { "notify": "sre" },
        "record_session",
        { "mask": ["a", "b"] },
        { "custom": { "name": "watermark", "value": "internal" } },
    ]);
    assert_eq!(json["context"]["obligations"], expected);
}

#[test]
fn what_is_owed_and_not_promised_is_denied() {
    let all = ["notify", "record_session", "mask", "watermark"];
    for missing in all {
        let kinds: Vec<&str> = all.into_iter().filter(|kind| *kind != missing).collect();
        let decision = fulfilling(&zone("z", WATCHED), &kinds).decide(&ask(), time(NOON));
        assert_eq!(decision.effect(), Effect::Deny, "{missing}");
        assert_eq!(codes(&decision), [ReasonCode::ObligationUnsupported]);
        assert_eq!(decision.reasons().next().unwrap().detail(), Some(missing));
    }
    let risk = "[[risk]]\nid = 'r'\nwhen = 'true'\nlevel = 'low'\nobligations = ['record_session']\n";
    let decision = decide(&format!("{risk}{}", zone("z", "")), &ask());
    assert_eq!((decision.effect(), decision.duration()), (Effect::Deny, None), "{}", told(&decision));
    let review = "[[review]]\nid = 'p'\nwhen = 'true'\napprove = { from = 'true' }\nobligations = ['record_session']\n";
    assert_eq!(decide(review, &ask()).effect(), Effect::Deny);
    assert_eq!(fulfilling(review, &["record_session"]).decide(&ask(), time(NOON)).effect(), Effect::Review);
}

#[test]
fn failed_risk_rule_owes_what_it_says() {
    let text = format!(
        "[[risk]]\nid = 'r'\nwhen = '1 / (size(resource.id) - 3) == 1'\nlevel = 'low'\nobligations = ['record_session']\n{}",
        zone("z", "").replace("'high'", "'critical'")
    );
    let decision = fulfilling(&text, &["record_session"]).decide(&ask(), time(NOON));
    assert_eq!((decision.effect(), owed(&decision)), (Effect::Allow, vec!["record_session"]));
    assert_eq!(decide(&text, &ask()).effect(), Effect::Deny);
}

#[test]
fn zone_with_an_unpromised_obligation_takes_no_other_zone_away() {
    let text = format!(
        "{}{}",
        zone("a", "obligations = ['record_session']"),
        zone("b", "obligations = [{ notify = 'x' }, { notify = 'y' }]")
    );
    let decision = fulfilling(&text, &["notify"]).decide(&ask(), time(NOON));
    assert_eq!((decision.effect(), decision.rules().collect::<Vec<_>>()), (Effect::Allow, vec!["b"]));
}

#[test]
fn of_several_zones_the_one_that_owes_least_is_used() {
    let zones = [
        zone("a", "obligations = ['record_session']\ngrant = { max = '8h' }"),
        zone("b", "grant = { max = '1h' }"),
        zone("c", "grant = { max = '2h' }"),
        zone("d", "grant = { max = '2h' }"),
    ];
    let used = |zones: &[String]| {
        let decision = fulfilling(&zones.concat(), &["record_session"]).decide(&ask(), time(NOON));
        let used = decision.rules().next().unwrap().to_owned();
        let reversed: Vec<String> = zones.iter().rev().cloned().collect();
        let again = fulfilling(&reversed.concat(), &["record_session"]).decide(&ask(), time(NOON));
        assert_eq!(again.rules().next(), Some(used.as_str()));
        used
    };
    assert_eq!(used(&zones), "c");
    assert_eq!(used(&zones[..2]), "b");
    let uncapped = [zones[0].clone(), zone("b", "grant = { max = '10m', over = 'cap' }")];
    let policy = fulfilling(&uncapped.concat(), &["record_session"]);
    let decision = policy.decide(&ask().with_duration(minutes(60)), time(NOON));
    assert_eq!(decision.rules().next(), Some("a"), "what caps is used only if nothing else admits it");
}

#[test]
fn obligations_are_recorded_with_the_decision_and_come_back_with_the_grant() {
    let options = PolicyOptions::new().fulfilling(["record_session"]);
    let text = format!("{HEAD}{}", zone("z", "obligations = ['record_session']"));
    let mut host = support::Host::new(&text);
    host.gate = countersign::Gate::new(options.from_toml(&text).unwrap(), support::ISSUER);
    let outcome = host.submit(ask(), time(NOON)).unwrap();
    let countersign::Outcome::Allow(authorization) = outcome else { panic!("expected a grant") };
    assert_eq!(owed(authorization.decision()), ["record_session"]);
    assert!(String::from_utf8_lossy(&host.lines).contains(r#""obligations":["record_session"]"#));
}

#[test]
fn obligations_of_a_decision_are_bounded() {
    let long = "x".repeat(500);
    let risks: String = (0..9)
        .map(|n| format!("[[risk]]\nid = 'r{n}'\nwhen = 'true'\nlevel = 'low'\nobligations = [{{ notify = '{n}{long}' }}]\n"))
        .collect();
    let decision = fulfilling(&format!("{risks}{}", zone("z", "")), &["notify"]).decide(&ask(), time(NOON));
    assert_eq!(decision.effect(), Effect::Deny);
    assert!(told(&decision).contains("its obligations are 4509 bytes, limit is 4096"), "{}", told(&decision));
}

#[test]
fn cases_take_every_obligation_for_fulfilled() {
    let case = "[[case]]\nname = 'c'\nrequest.subject = { type = 'user', id = 'a' }\n\
        request.action = { name = 'a' }\nrequest.resource = { type = 'b', id = 'c' }\nexpect = { effect = 'allow' }\n";
    let policy = policy(&format!("{}{case}", zone("z", WATCHED)));
    assert_eq!(countersign::testing::check(&policy), Ok(1));
}

#[test]
fn bad_obligations_and_labels_are_refused() {
    let expected = "expected `{ notify = \"…\" }`, `\"record_session\"`, `{ mask = […] }` or `{ custom = { name = \"…\" } }`";
    for (text, fault) in [
        ("obligations = ['page']", format!("7:16 {expected}, found `page`")),
        ("obligations = [{}]", format!("7:16 {expected}")),
        ("obligations = [{ notify = 'a', mask = ['b'] }]", format!("7:16 {expected}")),
        ("obligations = [3]", format!("7:16 {expected}, found an integer")),
        (
            "obligations = 'record_session'",
            "7:15 expected a list such as `[{ notify = \"…\" }, \"record_session\"]`, found a string"
                .to_owned(),
        ),
        ("obligations = [{ page = 'x' }]", "unknown key `page`".to_owned()),
        (
            "obligations = [{ notify = '' }]",
            "7:27 expected one line of 1 to 512 bytes, nothing in it hidden".to_owned(),
        ),
        ("obligations = [{ mask = [] }]", "7:25 nothing is masked: expected at least one field".to_owned()),
        (
            "obligations = [{ custom = {} }]",
            "7:27 `name` is missing: the kind that the host fulfils".to_owned(),
        ),
        (
            "obligations = [{ custom = { name = 'mask' } }]",
            "7:36 `mask` is no obligation of the host's own".to_owned(),
        ),
        (
            "obligations = ['record_session', 'record_session']",
            "7:34 this obligation stands there already".to_owned(),
        ),
        ("labels = { team = 3 }", "7:19 expected a string, found an integer".to_owned()),
        ("labels = { 'two words' = 'x' }", "7:12 expected 1 to 256 letters".to_owned()),
        (
            "labels = 'team'",
            "7:10 expected a table such as `{ team = \"payments\" }`, found a string".to_owned(),
        ),
    ] {
        let found = faults(&format!("{ZONE}{text}\n")).join("\n");
        assert!(found.contains(&fault.replace("found `page`, found", "found")), "{text}: {found}");
    }
    let many: String = (0..9).map(|n| format!("{{ notify = '{n}' }},")).collect();
    assert_eq!(faults(&format!("{ZONE}obligations = [{many}]\n")), ["7:15 9 obligations, limit is 8"]);
    let many: String = (0..17).map(|n| format!("l{n} = 'x',")).collect();
    assert_eq!(faults(&format!("{ZONE}labels = {{ {many} }}\n")), ["7:10 17 labels, limit is 16"]);
}

#[test]
fn labels_are_told_by_rule() {
    let policy = policy(&zone("z", "labels = { team = 'payments', tier = 'gold' }"));
    assert_eq!(policy.labels("z").collect::<Vec<_>>(), [("team", "payments"), ("tier", "gold")]);
    assert_eq!(policy.labels("y").count(), 0);
}

// --- windows

#[test]
fn zone_outside_its_window_is_shut_and_says_when_it_opens() {
    let text = zone("sundays", "within = { days = ['sun'] }");
    let at = |at: &str| policy(&text).decide(&ask(), time(at));
    assert_eq!(at("2026-11-22T12:00:00Z").effect(), Effect::Allow);
    let monday = at("2026-11-23T00:30:00Z");
    assert_eq!((monday.effect(), codes(&monday)), (Effect::Deny, vec![ReasonCode::OutsideWindow]));
    assert_eq!(monday.reasons().next().unwrap().detail(), Some("2026-11-29T00:00:00Z"));
    let people = "[[review]]\nid = 'p'\nwhen = 'true'\napprove = { from = 'true' }\n";
    let monday = policy(&format!("{text}{people}")).decide(&ask(), time("2026-11-23T00:30:00Z"));
    assert_eq!(monday.effect(), Effect::Review);
}

#[test]
fn other_rules_hold_only_in_their_window() {
    let within = "within = { from = '11:00', to = '13:00' }\n";
    let forbid = format!("[[forbid]]\nid = 'f'\nwhen = 'true'\n{within}{}", zone("z", ""));
    let at = |text: &str, at: &str| policy(text).decide(&ask(), time(at));
    assert_eq!(at(&forbid, "2026-11-23T12:59:59Z").effect(), Effect::Deny);
    assert_eq!(at(&forbid, "2026-11-23T13:00:00Z").effect(), Effect::Allow);
    let risk = format!("[[risk]]\nid = 'r'\nwhen = 'true'\nlevel = 'low'\n{within}");
    assert_eq!(at(&risk, "2026-11-23T12:00:00Z").risk(), Risk::Low);
    assert_eq!(at(&risk, "2026-11-23T10:59:59Z").risk(), Risk::High);
    let emergency = format!("[[emergency]]\nid = 'e'\nwhen = 'true'\nreview_within = '1h'\n{within}");
    let asked = ask().as_emergency().with_reason("down").with_usage(countersign::Usage::none());
    assert_eq!(policy(&emergency).decide(&asked, time(NOON)).effect(), Effect::Allow);
    let late = policy(&emergency).decide(&asked, time("2026-11-23T14:00:00Z"));
    assert_eq!(late.effect(), Effect::Deny);
    assert!(codes(&late).contains(&ReasonCode::OutsideWindow), "{}", told(&late));
}

// --- starts and ends

fn ends(at: DateTime<Utc>) -> Request {
    ask().with("ends", at)
}

const UNTIL: &str = "grant = { min = '5m', default = '1h', max = '2h', until = 'context.ends' }";
const GUARDED: &str = "has(context.ends)";

#[test]
fn grant_ends_when_its_rule_says() {
    let text = zone("z", UNTIL).replace("'true'", &format!("'{GUARDED}'"));
    let error = Policy::from_toml(&format!("{HEAD}{text}")).unwrap_err().to_string();
    assert!(error.contains("`until`: attribute `context.ends` may be absent"), "{error}");
    let text =
        zone("z", "grant = { min = '5m', default = '1h', max = '2h', until = 'context.?ends.orValue(now)' }");
    for (end, granted) in [
        (7_200, Some(3_600)),
        (3_600, Some(3_600)),
        (1_800, Some(1_800)),
        (300, Some(300)),
        (299, None),
        (0, None),
        (-60, None),
    ] {
        let decision = decide(&text, &ends(after(end)));
        assert_eq!(decision.duration().map(|span| span.as_secs()), granted, "{end}: {}", told(&decision));
        assert_eq!(decision.effect() == Effect::Allow, granted.is_some());
    }
    let late = decide(&text, &ends(after(60)));
    assert_eq!(codes(&late), [ReasonCode::DurationTooShort]);
    assert!(
        told(&late)
            .contains("a grant would end at 2026-11-23T12:01:00Z and hold for 1m, below the minimum of 5m")
    );
    assert_eq!(decide(&text, &ask()).effect(), Effect::Deny, "an absent end ends at once");
}

#[test]
fn bound_that_fails_gives_nothing() {
    for bound in [
        "until = 'now + duration(string(1 / size(resource.type)) + \"x\")'",
        "not_before = 'timestamp(context.?ticket.orValue(\"x\"))'",
    ] {
        let decision = decide(&zone("z", &format!("grant = {{ {bound} }}")), &ask());
        assert_eq!(
            (decision.effect(), codes(&decision)),
            (Effect::Deny, vec![ReasonCode::RuleFailed, ReasonCode::NothingMatched]),
            "{bound}"
        );
        let people = format!(
            "[[review]]\nid = 'p'\nwhen = 'true'\napprove = {{ from = 'true' }}\ngrant = {{ {bound} }}\n"
        );
        assert_eq!(decide(&people, &ask()).effect(), Effect::Deny, "{bound}");
    }
}

#[test]
fn rule_sets_the_earliest_start() {
    let text = zone(
        "z",
        "grant = { default = '30m', not_before = 'now + duration(\"10m\")', until = 'now + duration(\"1h\")' }",
    );
    let decision = decide(&text, &ask());
    assert_eq!(decision.not_before(), Some(after(600)));
    assert_eq!((decision.until(), decision.duration()), (Some(after(3_600)), Some(minutes(30))));
    let long = decide(&text, &ask().with_duration(minutes(60)));
    assert_eq!(long.duration(), Some(minutes(50)), "it ends where it must");
    let past = zone("z", "grant = { not_before = 'now - duration(\"10m\")' }");
    assert_eq!(decide(&past, &ask()).not_before(), None);
}

#[test]
fn later_start_is_given_where_the_rule_admits_it() {
    let plain = zone("z", "");
    let ahead = |seconds| ask().with_not_before(after(seconds));
    let refused = decide(&plain, &ahead(60));
    assert_eq!((refused.effect(), codes(&refused)), (Effect::Deny, vec![ReasonCode::StartTooLate]));
    assert_eq!(decide(&plain, &ahead(0)).effect(), Effect::Allow);
    assert_eq!(decide(&plain, &ahead(-60)).not_before(), None, "a start that has passed is now");
    let text = zone("z", "grant = { start_later = '2h' }");
    assert_eq!(decide(&text, &ahead(7_200)).not_before(), Some(after(7_200)));
    assert_eq!(decide(&text, &ahead(7_201)).effect(), Effect::Deny);
}

/// Asking today for a grant that begins in tomorrow's freeze gets what tomorrow would give.
#[test]
fn later_start_is_decided_as_of_the_start_too() {
    let noon = "timestamp(\"2026-11-23T13:00:00Z\")";
    let open = zone("z", "grant = { start_later = '4h' }");
    let people =
        "[[review]]\nid = 'p'\nwhen = 'true'\ngrant = { start_later = '4h' }\napprove = { from = 'true' }\n";
    let hold = format!("[[hold]]\nid = 'freeze'\nwhen = 'now >= {noon}'\n{open}{people}");
    let forbid = hold.replace("hold", "forbid");
    let within = zone("z", "grant = { start_later = '4h' }\nwithin = { to = '13:00' }");
    let only_now = open.replace("'true'", &format!("'now < {noon}'"));
    let effect = |text: &str, seconds| decide(text, &ask().with_not_before(after(seconds))).effect();
    for (text, later) in
        [(&hold, Effect::Review), (&forbid, Effect::Deny), (&within, Effect::Deny), (&only_now, Effect::Deny)]
    {
        assert_eq!(effect(text, 0), Effect::Allow, "{text}");
        assert_eq!(effect(text, 3_599), Effect::Allow, "{text}");
        assert_eq!(effect(text, 3_600), later, "{text}");
    }
}

#[test]
fn later_start_joins_the_plans_of_both_moments() {
    let review = |id: &str, when: &str| {
        format!(
            "[[review]]\nid = '{id}'\nwhen = '{when}'\ngrant = {{ start_later = '4h' }}\napprove = {{ from = 'true' }}\n"
        )
    };
    let hour = "timestamp(\"2026-11-23T13:00:00Z\")";
    let text = format!(
        "{}{}",
        review("before", &format!("now < {hour}")),
        review("after", &format!("now >= {hour}"))
    );
    let decision = decide(&text, &ask().with_not_before(after(7_200)));
    assert_eq!(decision.effect(), Effect::Review);
    assert_eq!(decision.rules().collect::<Vec<_>>(), ["before", "after"]);
}

#[test]
fn grant_has_the_start_and_the_end_of_its_terms() {
    let text = format!(
        "{HEAD}{}",
        zone(
            "z",
            "grant = { default = '1h', use_within = '10m', single_use = true, start_later = '1h', until = 'now + duration(\"90m\")' }"
        )
    );
    let mut host = support::Host::new(&text);
    let request = ask().with_not_before(after(1_800)).with_audience("proxy/orders");
    let outcome = host.submit(request, time(NOON)).unwrap();
    let countersign::Outcome::Allow(authorization) = outcome else { panic!("expected a grant: {outcome:?}") };
    assert_eq!(authorization.decision().duration(), Some(minutes(60)));
    let log = String::from_utf8_lossy(&host.lines).into_owned();
    let unix = |seconds| after(seconds).timestamp();
    for claim in [
        format!(r#""nbf":{}"#, unix(1_800)),
        format!(r#""exp":{}"#, unix(5_400)),
        format!(r#""first_use_by":{}"#, unix(2_400)),
        r#""aud":"proxy/orders""#.to_owned(),
        r#""start":"2026-11-23T12:30:00Z""#.to_owned(),
    ] {
        assert!(log.contains(&claim), "{claim} in {log}");
    }
}

#[test]
fn approval_after_the_end_gives_nothing() {
    let text = "[[review]]\nid = 'p'\nwhen = 'true'\napprove = { from = 'true' }\n\
        grant = { min = '5m', default = '1h', until = 'timestamp(\"2026-11-23T12:30:00Z\")' }\n";
    let closed = |seconds| {
        let mut host = support::Host::new(&format!("{HEAD}{text}"));
        let outcome = host.submit(ask(), time(NOON)).unwrap();
        let countersign::Outcome::Review(review) = outcome else { panic!("expected a review") };
        assert_eq!(review.decision().duration(), Some(minutes(30)));
        let vote = countersign::Vote::approve(Subject::new("user", "bo"));
        let outcome = host.vote(&review, vote, after(seconds));
        (outcome.map(|outcome| outcome.effect()), String::from_utf8_lossy(&host.lines).into_owned())
    };
    let (outcome, log) = closed(1_200);
    assert_eq!(outcome, Ok(Effect::Allow));
    assert!(log.contains(&format!(r#""exp":{}"#, after(1_800).timestamp())), "cut at the end: {log}");
    let (outcome, log) = closed(1_800);
    assert!(outcome.is_err() && !log.contains("grant.authorized"), "{outcome:?}");
}

#[test]
fn bad_bounds_of_time_are_refused() {
    for (text, fault) in [
        ("until = 3", "expected a string, found an integer"),
        ("until = 'context.'", "`until`: "),
        ("until = '\"2026\"'", "`until`: expected a timestamp, found string"),
        ("until = 'risk >= HIGH ? now : now'", "`until`: `risk` cannot be read here"),
        ("until = 'vote.at'", "`until`: "),
        ("not_before = 'context.nothing'", "`not_before`: unknown attribute `context.nothing`"),
        ("start_later = 'soon'", "expected a duration such as `15m`"),
    ] {
        let found = faults(&format!("{ZONE}grant = {{ {text} }}\n")).join("\n");
        assert!(found.contains(fault), "{text}: {found}");
    }
    assert_eq!(
        faults("[defaults]\ngrant = { until = 'now + 1' }\n").len(),
        1,
        "a default that no rule takes is checked all the same"
    );
}

// --- what must be brought

#[test]
fn field_is_judged_by_pattern_and_length() {
    let text = zone(
        "z",
        "needs = { fields = [{ path = 'context.ticket', matches = '^[0-9]+$', min = 2, max = 10, because = 'a ticket number' }] }",
    );
    for (ticket, problem) in [
        (None, Some("absent")),
        (Some(""), Some("empty")),
        (Some("  "), Some("empty")),
        (Some("1"), Some("too_short")),
        (Some("12345678901"), Some("too_long")),
        (Some("ABC-1"), Some("malformed")),
        (Some("12345"), None),
        (Some("1234567890"), None),
    ] {
        let request = ticket.map_or(ask(), |ticket| ask().with("ticket", ticket));
        let decision = decide(&text, &request);
        let need = decision.missing().next();
        assert_eq!(need.map(countersign::Need::problem), problem, "{ticket:?}");
        assert_eq!(decision.effect(), if problem.is_some() { Effect::Challenge } else { Effect::Allow });
        assert_eq!(need.and_then(countersign::Need::because), problem.map(|_| "a ticket number"));
    }
    let letters = zone(
        "z",
        "needs = { fields = [{ path = 'context.reason', max = 4 }, { path = 'context.tags', min = 2 }] }",
    );
    let request = ask().with_reason("größ").with("tags", ["a", "b"]);
    assert_eq!(decide(&letters, &request).effect(), Effect::Allow, "characters are counted, not bytes");
    let few = decide(&letters, &request.with("tags", ["a"]));
    assert_eq!(few.missing().map(ToString::to_string).collect::<Vec<_>>(), ["`context.tags` is too short"]);
}

#[test]
fn bad_fields_are_refused() {
    for (field, fault) in [
        ("{ path = 'context.tikcet' }", "unknown attribute `context.tikcet`, did you mean `context.ticket`?"),
        ("{}", "`path` is missing: the field that is needed"),
        ("3", "expected a path such as `\"context.ticket\"`, or a table, found an integer"),
        ("{ path = 'context.ticket', min = 0 }", "expected a count from 1 to 10000"),
        ("{ path = 'context.ticket', min = 3, max = 2 }", "impossible bounds: `min` is above `max`"),
        ("{ path = 'context.ticket', matches = '(' }", "pattern is malformed or too large"),
        (
            "{ path = 'context.tags', matches = 'x' }",
            "`matches` goes with a string, `context.tags` is a list<string>",
        ),
        (
            "{ path = 'context.size', max = 2 }",
            "`min` and `max` count characters or elements, `context.size` is a int",
        ),
        ("{ path = 'context.ticket', pattern = 'x' }", "unknown key `pattern`"),
    ] {
        let error =
            Policy::from_toml(&format!("{HEAD}{}", zone("z", &format!("needs = {{ fields = [{field}] }}"))));
        let error = error.unwrap_err().to_string();
        assert!(error.contains(fault), "{field}: {error}");
    }
}

#[test]
fn sign_in_is_judged_by_its_class() {
    let text = zone("z", "needs = { auth = { acr = ['mfa', 'phr'], amr = ['otp'], within = '5m' } }");
    let auth = |class: Option<&str>| {
        let auth = Auth::new(["otp"], time(NOON));
        ask().with_auth(class.map_or(auth.clone(), |class| auth.with_class(class)))
    };
    assert_eq!(decide(&text, &auth(Some("phr"))).effect(), Effect::Allow);
    for class in [None, Some("pwd"), Some("MFA"), Some("")] {
        let decision = decide(&text, &auth(class));
        let need = serde_json::to_value(decision.missing().next().unwrap()).unwrap();
        assert_eq!(need["problem"], "wrong_class", "{class:?}");
        assert_eq!(need["classes"], serde_json::json!(["mfa", "phr"]));
        assert_eq!(need["max_age_s"], 300);
    }
}

// --- hints, actors

#[test]
fn outside_hint_only_raises() {
    let text = "[[risk]]\nid = 'r'\nwhen = 'true'\nlevel = 'medium'\n";
    for (hint, risk) in
        [(Risk::Low, Risk::Medium), (Risk::Medium, Risk::Medium), (Risk::Critical, Risk::Critical)]
    {
        let decision = decide(text, &ask().with_risk_hint(hint));
        assert_eq!(decision.risk(), risk);
        assert_eq!(codes(&decision).contains(&ReasonCode::RiskHinted), hint > Risk::Medium);
    }
    let both = ask().with_risk_hint(Risk::Critical).with_risk_hint(Risk::Low);
    assert_eq!(decide(text, &both).risk(), Risk::Critical);
}

fn json(context: &str) -> String {
    format!(
        r#"{{"subject": {{"type": "agent", "id": "a1"}}, "action": {{"name": "run"}},
            "resource": {{"type": "host", "id": "db1"}}, "context": {{{context}}}}}"#
    )
}

#[test]
fn conditions_see_who_stands_behind_the_subject() {
    let when = "has(context.actor.type) && context.actor.type == \"user\" && has(context.actor.groups) && \"sre\" in context.actor.groups \
        && has(context.actor.actor.groups) && \"boss\" in context.actor.actor.groups";
    let text = zone("z", "").replace("'true'", &format!("'{when}'"));
    let actor = r#"{"type": "user", "id": "bo", "properties": {"groups": ["sre"]},
        "actor": {"type": "user", "id": "cy", "properties": {"groups": ["boss"]}}}"#;
    let request =
        Request::from_trusted_json(json(&format!(r#""actor": {actor}, "risk_hint": "low""#))).unwrap();
    assert_eq!(request.actors().map(Subject::id).collect::<Vec<_>>(), ["bo", "cy"]);
    assert_eq!(decide(&text, &request).effect(), Effect::Allow);
    assert_eq!(decide(&text, &ask()).effect(), Effect::Deny);
    for (context, fault) in [
        (r#""actor": {"type": "user"}"#, "`context.actor.id` is missing"),
        (r#""actor": "bo""#, "`context.actor` is string, expected an object"),
        (
            r#""risk_hint": "huge""#,
            "`context.risk_hint` is string, expected `low`, `medium`, `high` or `critical`",
        ),
        (r#""not_before": "tomorrow""#, "`context.not_before` is string, expected a time such as"),
    ] {
        let error = Request::from_trusted_json(json(context)).unwrap_err().to_string();
        assert!(error.starts_with(fault), "{error}");
    }
    let many = (0..5).fold(ask(), |request, n| request.with_actor(Subject::new("agent", n.to_string())));
    let decision = decide(&zone("z", ""), &many);
    assert_eq!(decision.effect(), Effect::Deny);
    assert!(told(&decision).contains("`context.actor` has 5 actors, limit is 4"), "{}", told(&decision));
}

#[test]
fn who_stands_behind_the_requester_cannot_approve() {
    let text = "[[review]]\nid = 'p'\nwhen = 'true'\napprove = { from = 'true' }\n";
    let mut host = support::Host::new(&format!("{HEAD}{text}"));
    let request = ask().with_actor(Subject::new("agent", "a1")).with_actor(Subject::new("user", "bo"));
    let outcome = host.submit(request, time(NOON)).unwrap();
    let countersign::Outcome::Review(review) = outcome else { panic!("expected a review") };
    let people = ["ana", "bo", "cy"].map(|id| Subject::new("user", id));
    assert_eq!(review.eligible(&people), [&people[2]]);
}

// --- a host's caps

#[test]
fn host_caps_what_a_document_asks_for() {
    let text = format!("{HEAD}{}", zone("z", "grant = { min = '5m', default = '2h', max = '8h' }"));
    let capped = PolicyOptions::new().with_max_grant(Duration::from_secs(600)).from_toml(&text).unwrap();
    assert_eq!(capped.decide(&ask(), time(NOON)).duration(), Some(minutes(10)));
    let long = capped.decide(&ask().with_duration(minutes(11)), time(NOON));
    assert_eq!(codes(&long), [ReasonCode::DurationTooLong]);
    let rules = PolicyOptions::new().with_max_rules(0).from_toml(&text).unwrap_err();
    assert_eq!(rules.faults().next().unwrap().message(), "policy has 1 rules, limit is 0");
    let bytes = PolicyOptions::new().with_max_bytes(10).from_toml(&text).unwrap_err();
    assert_eq!(
        bytes.faults().next().unwrap().message(),
        format!("policy document is {} bytes, limit is 10", text.len())
    );
}

#[test]
fn options_that_decide_are_in_the_digest() {
    let text = format!("{HEAD}{}", zone("z", ""));
    let digest = |options: PolicyOptions| options.from_toml(&text).unwrap().digest().to_owned();
    let plain = digest(PolicyOptions::new());
    assert_eq!(plain, Policy::from_toml(&text).unwrap().digest());
    assert_eq!(plain, digest(PolicyOptions::new().with_max_rules(5).with_max_bytes(5_000)));
    let some = digest(PolicyOptions::new().fulfilling(["a", "b"]));
    assert_ne!(plain, some);
    assert_eq!(some, digest(PolicyOptions::new().fulfilling(["b"]).fulfilling(["a"])));
    assert_ne!(some, digest(PolicyOptions::new().fulfilling(["a\nb"])));
    assert_ne!(plain, digest(PolicyOptions::new().with_max_grant(minutes(9))));
}
