//! A grant that begins later is decided as of its start too, whoever put it off.

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

use std::fmt::Write as _;

use chrono::{DateTime, Utc};
use countersign::{Effect, Outcome, ReasonCode, Request, Risk, Subject, Usage, Vote};
use proptest::prelude::*;
use proptest::sample::select;

use support::terms::{HEAD, ask, codes, decide, owed, told};
use support::{NOON, after, minutes, time};

const LATER: &str = "grant = { default = '30m', not_before = 'now + duration(\"1h\")' }";

fn rule(kind: &str, id: &str, rest: &str) -> String {
    format!("[[{kind}]]\nid = '{id}'\n{rest}\n")
}

fn within(kind: &str, id: &str, from: &str, to: &str) -> String {
    rule(kind, id, &format!("when = 'true'\nwithin = {{ from = '{from}', to = '{to}' }}"))
}

fn opens(kind: &str, grant: &str) -> String {
    let rest = match kind {
        "zone" => "max_risk = 'high'",
        "emergency" => "review_within = '1h'",
        _ => "approve = { from = 'true' }",
    };
    rule(kind, kind, &format!("when = 'true'\n{rest}\n{grant}"))
}

fn urgent() -> Request {
    ask().as_emergency().with_reason("down").with_usage(Usage::none())
}

#[test]
fn start_that_a_rule_puts_off_is_decided_as_of_then() {
    for (from, to, bites) in [
        ("13:00", "13:01", true),
        ("12:30", "13:00", false),
        ("12:59", "14:00", true),
        ("13:01", "14:00", false),
        ("12:00", "12:01", true),
    ] {
        let effect = |kind: &str, opening: &str, request: &Request| {
            let text = format!("{}{}", within(kind, "stop", from, to), opens(opening, LATER));
            decide(&text, request)
        };
        let or_deny = |effect| if bites { Effect::Deny } else { effect };
        for stop in ["forbid", "hold"] {
            let zone = effect(stop, "zone", &ask());
            assert_eq!(zone.effect(), or_deny(Effect::Allow), "{stop} {from}: {}", told(&zone));
        }
        let emergency = effect("forbid", "emergency", &urgent());
        assert_eq!(emergency.effect(), or_deny(Effect::Allow), "{from}: {}", told(&emergency));
        assert_eq!(effect("hold", "emergency", &urgent()).effect(), Effect::Allow, "it passes holds");
        let review = effect("forbid", "review", &ask());
        assert_eq!(review.effect(), or_deny(Effect::Review), "{from}: {}", told(&review));
        if !bites {
            assert_eq!(review.not_before(), Some(after(3_600)), "the start stays");
            assert_eq!(effect("hold", "zone", &ask()).not_before(), Some(after(3_600)), "the start stays");
        }
    }
}

#[test]
fn rule_that_puts_a_start_off_must_be_open_by_then() {
    let zone = |condition: &str| {
        rule("zone", "z", &format!("when = 'true'\nmax_risk = 'high'\n{LATER}\n{condition}"))
    };
    assert_eq!(decide(&zone(""), &ask()).effect(), Effect::Allow);
    let shut = decide(&zone("within = { to = '13:00' }"), &ask());
    assert_eq!(shut.effect(), Effect::Deny);
    assert!(codes(&shut).contains(&ReasonCode::OutsideWindow), "{}", told(&shut));
    assert_eq!(decide(&zone("within = { to = '13:01' }"), &ask()).effect(), Effect::Allow);
    let over = zone("").replace("'true'", "'now < timestamp(\"2026-11-23T13:00:00Z\")'");
    assert_eq!(decide(&over, &ask()).effect(), Effect::Deny);
}

#[test]
fn what_holds_at_the_start_is_added_to_what_holds_now() {
    let hour = "timestamp(\"2026-11-23T13:00:00Z\")";
    let review = |when: &str| {
        let rest = format!(
            "when = '{when}'\napprove = {{ from = 'true' }}\ngrant = {{ max = '4h', default = '2h' }}\nneeds = {{ fields = ['context.ticket'] }}\n"
        );
        rule("review", "p", &rest)
    };
    let risk = rule("risk", "r", &format!("when = 'now >= {hour}'\nlevel = 'critical'"));
    let text = format!("{}{risk}{}", opens("zone", LATER), review(&format!("now >= {hour}")));
    let decision = decide(&text, &ask());
    assert_eq!((decision.effect(), decision.risk()), (Effect::Challenge, Risk::Critical));
    let decision = decide(&text, &ask().with("ticket", "INC1"));
    assert_eq!((decision.effect(), decision.risk()), (Effect::Review, Risk::Critical));
    assert_eq!((decision.not_before(), decision.duration()), (Some(after(3_600)), Some(minutes(30))));
}

/// People let it in now; as of its start a zone would, on terms of its own.
#[test]
fn zone_of_the_start_keeps_its_terms_beside_a_review_of_now() {
    let zone = "when = 'true'\nmax_risk = 'high'\nobligations = ['record_session']\n\
        grant = { default = '5m', start_later = '4h', single_use = true }";
    let review = "when = 'true'\napprove = { from = 'true' }\n\
        grant = { default = '2h', max = '2h', start_later = '4h' }";
    let text = format!(
        "{HEAD}{}{}{}",
        within("hold", "h", "12:00", "13:00"),
        rule("zone", "z", zone),
        rule("review", "p", review)
    );
    let options = countersign::PolicyOptions::new().fulfilling(["record_session"]);
    let policy = options.from_toml(&text).unwrap();
    let decision = policy.decide(&ask().with_not_before(after(3_600)), time(NOON));
    assert_eq!((decision.effect(), decision.duration()), (Effect::Review, Some(minutes(5))));
    assert_eq!(owed(&decision), ["record_session"]);
    assert_eq!(decision.rules().collect::<Vec<_>>(), ["h", "p", "z"]);
}

#[test]
fn starts_that_rules_put_off_one_after_the_other_are_all_decided() {
    let step = |number: usize| {
        let (minute, start) = (number * 5, number * 5 + 5);
        let rest = format!(
            "when = 'now >= timestamp(\"2026-11-23T12:{minute:02}:00Z\") && now < timestamp(\"2026-11-23T12:{start:02}:00Z\")'\n\
             max_risk = 'high'\ngrant = {{ not_before = 'timestamp(\"2026-11-23T12:{start:02}:00Z\")' }}"
        );
        rule("zone", &format!("z{number}"), &rest)
    };
    let last = rule("zone", "last", "when = 'now >= timestamp(\"2026-11-23T12:10:00Z\")'\nmax_risk = 'high'");
    let two = [step(0), step(1), last].concat();
    assert_eq!(decide(&two, &ask()).not_before(), Some(after(600)));
    let stop = format!("{two}{}", within("forbid", "f", "12:10", "12:11"));
    assert_eq!(decide(&stop, &ask()).effect(), Effect::Deny);
    let endless: String = (0..10).map(step).collect();
    let decision = decide(&endless, &ask());
    assert_eq!((decision.effect(), decision.not_before()), (Effect::Deny, None));
    assert!(codes(&decision).contains(&ReasonCode::StartTooLate), "{}", told(&decision));
}

#[test]
fn explanation_tells_of_a_rule_that_matches_at_the_start_alone() {
    let text = format!("{}{}", within("forbid", "stop", "13:00", "14:00"), opens("zone", LATER));
    let policy = support::terms::policy(&text);
    let explanation = policy.explain(&ask(), time(NOON));
    let told = serde_json::to_value(&explanation).unwrap().to_string();
    assert!(told.contains(r#""came":"matched""#) && told.contains(r#""rule":"stop""#), "{told}");
}

/// A review's own start has come when it is authorized, and does not move on.
#[test]
fn review_is_authorized_at_its_start() {
    let text =
        |from: &str| format!("{HEAD}{}{}", within("forbid", "stop", from, "15:00"), opens("review", LATER));
    let mut host = support::Host::new(&text("13:30"));
    let review = host.open(ask(), time(NOON));
    let outcome = host.vote(&review, Vote::approve(Subject::new("user", "bo")), after(60)).unwrap();
    let Outcome::Review(review) = outcome else { panic!("expected a review: {outcome:?}") };
    let outcome = host.wake(&review, after(3_600)).unwrap();
    assert_eq!(outcome.effect(), Effect::Allow, "what begins later than its start is for the next grant");
}

// --- every policy

/// When a rule holds, in quarters of an hour from noon: the end is not in it.
type Span = (i64, i64);

/// How a rule puts the start off.
#[derive(Debug, Clone, Copy)]
enum Start {
    AtOnce,
    In(i64),
    At(i64),
    Asked,
    Next,
}

#[derive(Debug, Clone)]
struct Plan {
    forbids: Vec<(Span, bool)>,
    holds: Vec<(Span, bool)>,
    openings: Vec<(&'static str, Span, bool, Start)>,
    asked: Option<i64>,
    emergency: bool,
}

const QUARTER: i64 = 900;

fn span() -> impl Strategy<Value = Span> {
    (-2_i64..8, 1_i64..12).prop_map(|(from, long)| (from, from + long))
}

fn plan() -> impl Strategy<Value = Plan> {
    let start = prop_oneof![
        Just(Start::AtOnce),
        (0_i64..8).prop_map(Start::In),
        (-2_i64..8).prop_map(Start::At),
        Just(Start::Asked),
        Just(Start::Next),
    ];
    let opening = (select(vec!["zone", "zone", "review", "emergency"]), span(), any::<bool>(), start);
    let stops = || prop::collection::vec((span(), any::<bool>()), 0..3);
    let asked = prop::option::weighted(0.3, 0_i64..8);
    (stops(), stops(), prop::collection::vec(opening, 1..5), asked, any::<bool>()).prop_map(
        |(forbids, holds, openings, asked, emergency)| Plan { forbids, holds, openings, asked, emergency },
    )
}

fn quarter(count: i64) -> DateTime<Utc> {
    after(count * QUARTER)
}

impl Plan {
    fn toml(&self) -> String {
        let mut text = HEAD.to_owned();
        let when = |(from, to): Span, window: bool| {
            if window {
                let clock = |count| quarter(count).format("%H:%M").to_string();
                format!("when = 'true'\nwithin = {{ from = '{}', to = '{}' }}", clock(from), clock(to))
            } else {
                let (from, to) = (quarter(from).to_rfc3339(), quarter(to).to_rfc3339());
                format!("when = 'now >= timestamp(\"{from}\") && now < timestamp(\"{to}\")'")
            }
        };
        for (kind, stops) in [("forbid", &self.forbids), ("hold", &self.holds)] {
            for (number, (span, window)) in stops.iter().enumerate() {
                let _ = writeln!(text, "[[{kind}]]\nid = '{kind}{number}'\n{}", when(*span, *window));
            }
        }
        for (number, (kind, span, window, start)) in self.openings.iter().enumerate() {
            let rest = match *kind {
                "zone" => "max_risk = 'high'",
                "emergency" => "review_within = '1h'",
                _ => "approve = { from = 'true' }",
            };
            let start = match start {
                Start::AtOnce => String::new(),
                Start::In(count) => format!("not_before = 'now + duration(\"{}s\")', ", count * QUARTER),
                Start::At(count) => {
                    format!("not_before = 'timestamp(\"{}\")', ", quarter(*count).to_rfc3339())
                }
                // What moves with the clock in steps of its own.
                Start::Next => {
                    "not_before = 'now.getMinutes() < 30 ? now + duration(\"30m\") : now', ".to_owned()
                }
                Start::Asked => String::new(),
            };
            let grant = format!("grant = {{ {start}start_later = '4h', default = '10m', max = '1h' }}");
            let when = when(*span, *window);
            let _ = writeln!(text, "[[{kind}]]\nid = '{kind}{number}'\n{when}\n{rest}\n{grant}");
        }
        text
    }

    fn request(&self) -> Request {
        let request = if self.emergency { urgent() } else { ask() };
        self.asked.map_or(request.clone(), |count| request.with_not_before(quarter(count)))
    }

    /// Says what keeps a grant from beginning at a time.
    fn stopped(&self, at: DateTime<Utc>, may_be_held: bool) -> bool {
        let holds = self.holds.iter().filter(|_| !may_be_held);
        self.forbids.iter().chain(holds).any(|(span, _)| contains(*span, at))
    }

    fn opens(&self, at: DateTime<Utc>, kinds: &[&str]) -> bool {
        self.openings.iter().any(|(kind, span, ..)| kinds.contains(kind) && contains(*span, at))
    }
}

fn contains((from, to): Span, at: DateTime<Utc>) -> bool {
    quarter(from) <= at && at < quarter(to)
}

/// When the authorized grants of a log begin.
fn begins(lines: &[u8]) -> Vec<DateTime<Utc>> {
    let lines = String::from_utf8(lines.to_vec()).unwrap();
    let records = lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap());
    let granted = records.filter(|record| record["event"] == "grant.authorized");
    granted
        .map(|record| DateTime::from_timestamp(record["claims"]["nbf"].as_i64().unwrap(), 0).unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1_500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_grant_begins_when_it_is_forbidden_or_held(plan in plan()) {
        let text = plan.toml();
        let mut host = support::Host::new(&text);
        let decision = support::policy(&text).decide(&plan.request(), time(NOON));
        let start = decision.not_before().unwrap_or(time(NOON));
        let outcome = host.submit(plan.request(), time(NOON)).unwrap();
        prop_assert_eq!(outcome.effect(), decision.effect());
        prop_assert!(decision.not_before().is_none_or(|start| start > time(NOON)));
        match outcome {
            Outcome::Allow(_) => {
                prop_assert_eq!(begins(&host.lines), vec![start]);
                let kinds = if decision.is_emergency() { vec!["emergency"] } else { vec!["zone", "emergency"] };
                for at in [time(NOON), start] {
                    prop_assert!(!plan.stopped(at, plan.emergency), "{at}: {text}");
                    prop_assert!(plan.opens(at, if plan.emergency { &["zone", "emergency"] } else { &["zone"] }), "{at}: {text}");
                }
                prop_assert!(kinds.iter().any(|kind| decision.rules().any(|id| id.starts_with(kind))));
            }
            Outcome::Review(review) => {
                for at in [time(NOON), start] {
                    prop_assert!(!plan.stopped(at, true), "{at}: {text}");
                }
                let outcome = host.vote(&review, Vote::approve(Subject::new("user", "bo")), after(60));
                if let Ok(Outcome::Review(review)) = outcome {
                    let _ = host.wake(&review, review.next_wakeup().unwrap());
                }
                for start in begins(&host.lines) {
                    prop_assert!(!plan.stopped(start, true), "{start}: {text}");
                }
            }
            _ => prop_assert!(begins(&host.lines).is_empty()),
        }
    }

    /// One rule that is always open gives exactly the start that it says, unless something is in the way.
    #[test]
    fn start_of_one_rule_stays(plan in plan()) {
        let plan = Plan { openings: vec![("zone", (-2, 40), false, plan.openings[0].3)], ..plan };
        let now = time(NOON);
        let own = match plan.openings[0].3 {
            Start::In(count) | Start::At(count) => quarter(count),
            Start::Next => after(1_800),
            Start::AtOnce | Start::Asked => now,
        };
        let start = own.max(plan.asked.map_or(now, quarter)).max(now);
        let decision = support::policy(&plan.toml()).decide(&plan.request(), now);
        let stopped = plan.stopped(now, false) || plan.stopped(start, false);
        prop_assert_eq!(decision.effect() == Effect::Allow, !stopped, "{}", told(&decision));
        if !stopped {
            prop_assert_eq!(decision.not_before().unwrap_or(now), start);
        }
    }
}
