//! Whatever anybody asks or says, it is answered and recorded, and comes back from the log as it was.

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

use chrono::{DateTime, TimeDelta, Utc};
use countersign::{
    Action, Attributes, Auth, Dialect, Outcome, Payload, Request, Resource, Subject, Usage, Value, Vote,
};
use proptest::prelude::*;
use proptest::sample::select;

use support::{Host, after};

const POLICY: &str = "format = 1\nname = 'all'\n[attributes]\n\"approver.level\" = 'int?'\n\
    [[review]]\nid = 'people'\nwhen = 'true'\napprove = { from = 'true' }\nmay = ['shorten']\n";

/// Text as people and attackers write it.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[a-z]{1,8}",
        2 => select(vec!["", "A", "$int", "$map", "a.b", "0", "é", "e\u{301}", "/", "~", "%2F", "\"", "\\", "x\ny", "\u{7f}", "\0", "\u{202e}", "\u{feff}", "\u{10ffff}"])
            .prop_map(str::to_owned),
        1 => "\\PC{0,6}",
        1 => (select(vec!["x", "\"", "\n", "é"]), select(vec![255, 256, 257, 8_192, 12_500, 70_000])).prop_map(|(text, count)| text.repeat(count)),
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let times =
        select(vec![DateTime::<Utc>::MIN_UTC, DateTime::<Utc>::MAX_UTC, DateTime::UNIX_EPOCH, after(0)]);
    let spans = select(vec![TimeDelta::MIN, TimeDelta::MAX, TimeDelta::zero(), TimeDelta::nanoseconds(-1)]);
    let doubles = select(vec![0.0, -0.0, 0.1, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        select(vec![0, 1, -1, i64::MIN, i64::MAX, 1 << 53, -(1 << 53), (1 << 53) - 1]).prop_map(Value::Int),
        select(vec![0, 1, u64::MAX, 1 << 53]).prop_map(Value::Uint),
        doubles.prop_map(Value::Double),
        text().prop_map(Value::String),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Value::Bytes),
        times.prop_map(Value::Timestamp),
        spans.prop_map(Value::Duration),
    ];
    let many = (leaf.clone(), select(vec![3, 300, 5_000])).prop_map(|(item, count)| match item {
        Value::String(text) if text.len() > 99 => Value::List(vec![Value::String(text)]),
        item => Value::List(vec![item; count]),
    });
    let leaf = prop_oneof![6 => leaf, 1 => many];
    leaf.prop_recursive(9, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::List),
            attributes_of(inner).prop_map(Value::Map),
        ]
    })
}

fn attributes_of(value: impl Strategy<Value = Value>) -> impl Strategy<Value = Attributes> {
    prop::collection::vec((text(), value), 0..3).prop_map(|pairs| pairs.into_iter().collect())
}

fn attributes() -> impl Strategy<Value = Attributes> {
    prop_oneof![3 => Just(Attributes::new()), 2 => attributes_of(value())]
}

fn subject() -> impl Strategy<Value = Subject> {
    let name = prop_oneof![4 => "[a-z]{1,8}", 1 => text()];
    let tenant = prop::option::weighted(0.2, prop_oneof![text().prop_map(Value::String), value()]);
    (name.clone(), name, attributes(), tenant).prop_map(|(kind, id, attributes, tenant)| {
        let subject = attributes
            .into_iter()
            .fold(Subject::new(kind, id), |subject, (name, value)| subject.with(&name, value));
        tenant.into_iter().fold(subject, |subject, tenant| subject.with("tenant", tenant))
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    let texts = || prop::collection::vec(text(), 0..3);
    let pairs = || prop::collection::vec((text(), text()), 0..3);
    prop_oneof![
        (text(), texts())
            .prop_map(|(sql, parameters)| Payload::sql(Dialect::PostgreSql, sql).with_parameters(parameters)),
        (texts(), prop::option::of(text()), pairs()).prop_map(|(words, directory, env)| {
            let payload = directory.into_iter().fold(Payload::argv(words), Payload::with_directory);
            env.into_iter().fold(payload, |payload, (name, value)| payload.with_env(name, value))
        }),
        (text(), text(), prop::collection::vec(any::<u8>(), 0..9), pairs()).prop_map(
            |(method, url, body, headers)| {
                headers.into_iter().fold(Payload::http(&method, &url, &body), |payload, (name, value)| {
                    payload.with_header(&name, value)
                })
            }
        ),
        text().prop_map(Payload::plain),
    ]
}

fn request() -> impl Strategy<Value = Request> {
    let parts = (subject(), "[a-z]{1,8}", prop::option::of(payload()), attributes());
    let more = (
        attributes(),
        prop::option::weighted(0.3, text()),
        prop::option::weighted(0.3, select(vec![900, u64::MAX])),
        attributes(),
    );
    let usage =
        prop::option::weighted(0.2, (text(), select(vec![0, u64::MAX]), select(vec![0, 9, u64::MAX])));
    (parts, more, usage, any::<bool>()).prop_map(
        |((subject, action, payload, on), (context, reason, duration, facts), usage, auth)| {
            let action = payload.into_iter().fold(Action::new(action), Action::with_payload);
            let resource = on
                .into_iter()
                .fold(Resource::new("a", "b"), |resource, (name, value)| resource.with(&name, value));
            let mut request = Request::new(subject, action, resource);
            for (name, value) in context {
                request = request.with(&name, value);
            }
            for (name, value) in facts {
                request = request.with_fact(&name, value);
            }
            request = reason.into_iter().fold(request, Request::with_reason);
            request = duration.into_iter().map(Duration::from_secs).fold(request, Request::with_duration);
            if let Some((rule, used, emergencies)) = usage {
                request =
                    request.with_usage(Usage::none().with_used(rule, used).with_emergencies(emergencies));
            }
            if auth { request.with_auth(Auth::new(["otp"], after(0))) } else { request }
        },
    )
}

fn vote() -> impl Strategy<Value = Vote> {
    let span =
        prop::option::weighted(0.2, select(vec![Duration::ZERO, Duration::from_secs(300), Duration::MAX]));
    let comment = prop_oneof![3 => Just(String::new()), 1 => text()];
    (subject(), 0..4, comment, span).prop_map(|(approver, word, comment, span)| {
        let vote = match word {
            0 => Vote::reject(approver),
            1 => Vote::withdraw(approver),
            _ => Vote::approve(approver),
        };
        span.into_iter().fold(vote.with_comment(comment), Vote::at_most)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 128, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_request_is_answered_recorded_and_read_back(request in request(), votes in prop::collection::vec(vote(), 0..3)) {
        let mut host = Host::new(POLICY);
        match host.submit(request.clone(), after(0)).unwrap() {
            Outcome::Review(review) => {
                prop_assert_eq!(review.request(), &request);
                for (second, vote) in votes.into_iter().enumerate() {
                    let live = host.vote(&host.review(review.id()), vote, after(1 + i64::try_from(second).unwrap()));
                    if let Ok(Outcome::Review(live)) = live {
                        prop_assert_eq!(format!("{:?}", live), format!("{:?}", host.review(live.id())));
                    }
                }
                let stored = host.review(review.id());
                prop_assert_eq!(stored.request(), &request);
                prop_assert_eq!(stored.decision(), review.decision());
            }
            Outcome::Deny(decision) => prop_assert_eq!(decision.reasons().next().unwrap().code().as_str(), "invalid_request"),
            other => prop_assert!(false, "{other:?}"),
        }
    }

    #[test]
    fn no_text_breaks_the_readers_of_requests(text in prop::collection::vec(select(vec!["{", "}", "[", "]", ":", ",", "\"", "\"subject\"", "\"type\"", "\"id\"", "\"properties\"", "1e999", "-0", "1.5", "null", "\\u0000", "\u{0}", "x"]), 0..24)) {
        let text = text.concat();
        let _ = Request::from_caller_json(&text);
        let _ = Request::from_trusted_json(format!(r#"{{"subject": {text}, "action": {text}}}"#));
    }
}
