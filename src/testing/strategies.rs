//! Requests for property tests.
//!
//! Makes requests that fit a policy's vocabulary, so that what a property tries is decided by rules and not refused
//! for its form. Values are mostly those that the policy's own conditions ask for: random text would match nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::cel::{Environment, Slot, Test, Type, What};
use crate::payload::{Dialect, Payload};
use crate::policy::{ActionSpec, Policy};
use crate::request::{Action, Auth, Request, Resource, Subject, Usage};
use crate::value::{Attributes, Value};

/// Makes requests that fit a policy's vocabulary: every attribute has a value of its type and its `one_of`, optional
/// ones are sometimes left out, and an action carries the payload that it must.
///
/// A pattern (`matches`) is met where it can be generated; an attribute whose pattern cannot be is left out where it
/// may be, and does not fit where it may not.
///
/// ```
/// use countersign::{Effect, Policy, testing};
/// use proptest::prelude::*;
///
/// let policy = Policy::from_toml(
///     "format = 1\nname = 'x'\n[attributes]\n'resource.environment' = { type = 'string', one_of = ['dev', 'prod'] }\n\
///      [[forbid]]\nid = 'prod'\nwhen = 'resource.environment == \"prod\"'\n",
/// )?;
/// let now = "2026-11-23T10:00:00Z".parse()?;
/// proptest!(|(request in testing::requests(&policy))| {
///     let decision = policy.decide(&request, now);
///     prop_assert_eq!(decision.effect(), Effect::Deny);
///     prop_assert!(decision.reasons().all(|reason| reason.code() != countersign::ReasonCode::InvalidRequest));
/// });
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn requests(policy: &Policy) -> impl Strategy<Value = Request> + use<> {
    let words = Words::of(policy);
    let environment = &policy.schema().environment;
    let text = |path: &str, others: &[&str]| {
        let slot = environment.slot(path);
        let known = slot.and_then(|slot| words.texts.get(&slot)).cloned().unwrap_or_default();
        one_of(known, others)
    };
    let fixed = (
        (text("subject.type", &["user", "agent"]), text("subject.id", &["ana", "bo"])),
        (text("resource.type", &["service", "database"]), text("resource.id", &["orders", "payments"])),
        actions(policy, text("action.name", &["logs.read", "service.restart"])),
        asks(),
    );
    let attributes: Vec<_> = policy
        .schema()
        .attributes
        .iter()
        .filter_map(|attribute| {
            let slot = environment.slot(&attribute.path)?;
            let value = values(slot, attribute.pattern(), environment, &words);
            let path = attribute.path.clone();
            Some(value.prop_map(move |value| Some((path.clone(), value?))).boxed())
        })
        .collect();
    (fixed, attributes).prop_map(|(((kind, id), (what, which), action, ask), attributes)| {
        let [mut subject, mut resource, mut done, mut context, mut facts] =
            [(); 5].map(|()| Attributes::new());
        for (path, value) in attributes.into_iter().flatten() {
            let Some((root, rest)) = path.split_once('.') else { continue };
            let part = match root {
                "subject" => &mut subject,
                "resource" => &mut resource,
                "action" => &mut done,
                "context" => &mut context,
                "facts" => &mut facts,
                _ => continue,
            };
            put(part, rest, value);
        }
        let subject =
            subject.into_iter().fold(Subject::new(kind, id), |all, (name, value)| all.with(&name, value));
        let resource = resource
            .into_iter()
            .fold(Resource::new(what, which), |all, (name, value)| all.with(&name, value));
        let action = done.into_iter().fold(action, |all, (name, value)| all.with(&name, value));
        let request = ask.of(Request::new(subject, action, resource));
        let request = context.into_iter().fold(request, |all, (name, value)| all.with(&name, value));
        facts.into_iter().fold(request, |all, (name, value)| all.with_fact(&name, value))
    })
}

/// What the conditions of a policy look for.
#[derive(Debug, Default)]
struct Words {
    texts: BTreeMap<Slot, Vec<String>>,
    numbers: BTreeMap<Slot, Vec<i64>>,
}

impl Words {
    fn of(policy: &Policy) -> Self {
        let mut words = Self::default();
        let rules = policy.rules();
        let plain = rules.risks.iter().map(|(rule, _)| rule).chain(&rules.forbids).chain(&rules.holds);
        let plain = plain.chain(rules.zones.iter().map(|zone| &zone.rule));
        let plain = plain.chain(rules.emergencies.iter().map(|rule| &rule.rule));
        for rule in plain.chain(rules.reviews.iter().map(|review| &review.rule)) {
            rule.when.shape(true, &policy.schema().environment).tests(&mut |test| words.add(test));
        }
        words
    }

    fn add(&mut self, test: &Test<'_>) {
        // Of a computed place, the text or number asked for is the best guess for each of its attributes.
        for slot in test.slots() {
            let texts: Vec<&str> = match &test.what {
                What::OneOf(texts) => texts.clone(),
                What::StartsWith(text) | What::EndsWith(text) | What::Contains(text) | What::Has(text) => {
                    vec![text]
                }
                What::AtLeast(number) | What::AtMost(number) => {
                    self.numbers.entry(slot).or_default().extend(i64::try_from(*number));
                    Vec::new()
                }
                _ => Vec::new(),
            };
            let known = self.texts.entry(slot).or_default();
            for text in texts {
                if known.len() < KNOWN && !known.iter().any(|known| known == text) {
                    known.push(text.to_owned());
                }
            }
        }
    }
}

/// What a request asks for beside the action.
#[derive(Debug, Clone)]
struct Asks {
    reason: Option<String>,
    minutes: Option<u64>,
    emergency: bool,
    review: bool,
    auth: Option<(Vec<&'static str>, i64)>,
    overdue: Option<u64>,
}

fn asks() -> impl Strategy<Value = Asks> {
    let auth = (subsequence(vec!["pwd", "otp", "hwk"], 1..=2), 0_i64..120);
    let rare = prop::bool::weighted(0.2);
    (
        option::of(select(vec!["slow checkout".to_owned(), " ".to_owned()])),
        option::of(1_u64..600),
        (rare, prop::bool::weighted(0.2)),
        option::of(auth),
        option::weighted(0.8, 0_u64..2),
    )
        .prop_map(|(reason, minutes, (emergency, review), auth, overdue)| Asks {
            reason,
            minutes,
            emergency,
            review,
            auth,
            overdue,
        })
}

impl Asks {
    fn of(self, request: Request) -> Request {
        let mut request = request;
        if let Some(reason) = self.reason {
            request = request.with_reason(reason);
        }
        if let Some(minutes) = self.minutes {
            request = request.with_duration(Duration::from_secs(minutes.saturating_mul(60)));
        }
        if let Some((methods, minutes)) = self.auth {
            let time = START.saturating_sub(minutes.saturating_mul(60));
            request = request.with_auth(Auth::new(methods, instant(time)));
        }
        if let Some(overdue) = self.overdue {
            request = request.with_usage(Usage::none().with_overdue_reviews(overdue));
        }
        request = if self.emergency { request.as_emergency() } else { request };
        if self.review { request.asking_review() } else { request }
    }
}

/// Actions that the policy knows, each with the payload that it must carry; any action where it lists none.
fn actions(policy: &Policy, names: BoxedStrategy<String>) -> BoxedStrategy<Action> {
    let known: Vec<ActionSpec> = policy.actions().to_vec();
    if known.is_empty() {
        return (names, option::weighted(0.5, payload(None, None)))
            .prop_map(|(name, payload)| match payload {
                Some(payload) => Action::new(name).with_payload(payload),
                None => Action::new(name),
            })
            .boxed();
    }
    select(known)
        .prop_flat_map(|spec| {
            let name = spec.name.text.clone();
            match &spec.payload {
                Some(kind) => payload(Some(kind), spec.dialect)
                    .prop_map(move |payload| Action::new(&*name).with_payload(payload))
                    .boxed(),
                None => Just(Action::new(name)).boxed(),
            }
        })
        .boxed()
}

fn payload(kind: Option<&str>, dialect: Option<Dialect>) -> BoxedStrategy<Payload> {
    let dialects =
        dialect.map_or_else(|| vec![Dialect::PostgreSql, Dialect::MySql, Dialect::Sqlite], |one| vec![one]);
    let sql = (select(dialects), select(STATEMENTS.to_vec()))
        .prop_map(|(dialect, text)| Payload::sql(dialect, text));
    let argv = select(COMMANDS.to_vec()).prop_map(|words| Payload::argv(words.split(' ')));
    let http = (
        select(vec!["GET", "POST", "DELETE"]),
        select(vec!["https://api.example/v1/orders", "https://api.example/v1/orders/7?force=true"]),
    )
        .prop_map(|(method, url)| Payload::http(method, url, b""));
    let text = "[a-z =]{1,20}".prop_map(Payload::plain);
    match kind {
        Some("sql") => sql.boxed(),
        Some("argv") => argv.boxed(),
        Some("http") => http.boxed(),
        Some(_) => text.boxed(),
        None => prop_oneof![sql, argv, http, text].boxed(),
    }
}

/// Values of one attribute, left out sometimes where they may be.
fn values(
    slot: Slot,
    pattern: Option<&str>,
    environment: &Environment,
    words: &Words,
) -> BoxedStrategy<Option<Value>> {
    let Some(declaration) = environment.declaration(slot) else { return Just(None).boxed() };
    let value = match pattern {
        Some(pattern) => matching(pattern),
        None if !declaration.one_of.is_empty() => {
            Some(select(declaration.one_of.clone()).prop_map(Value::from).boxed())
        }
        None => {
            let texts = words.texts.get(&slot).cloned().unwrap_or_default();
            let numbers = words.numbers.get(&slot).cloned().unwrap_or_default();
            Some(of_type(&declaration.ty, &texts, &numbers))
        }
    };
    match (value, declaration.optional) {
        (Some(value), true) => option::weighted(0.7, value).boxed(),
        (Some(value), false) => value.prop_map(Some).boxed(),
        (None, _) => Just(None).boxed(),
    }
}

/// Texts that match a pattern, if it can be generated: the generator knows no anchors.
fn matching(pattern: &str) -> Option<BoxedStrategy<Value>> {
    let bare = pattern.strip_prefix('^').unwrap_or(pattern);
    let bare = bare.strip_suffix('$').unwrap_or(bare);
    let whole = regex::Regex::new(pattern).ok()?;
    let texts = proptest::string::string_regex(bare).ok()?;
    Some(texts.prop_filter("the pattern", move |text| whole.is_match(text)).prop_map(Value::from).boxed())
}

fn of_type(ty: &Type, texts: &[String], numbers: &[i64]) -> BoxedStrategy<Value> {
    let around: Vec<i64> = numbers
        .iter()
        .flat_map(|number| [number.saturating_sub(1), *number, number.saturating_add(1)])
        .chain([0, 1, 1_000])
        .collect();
    match ty {
        Type::Null => Just(Value::Null).boxed(),
        Type::Bool => any::<bool>().prop_map(Value::Bool).boxed(),
        Type::Int => {
            prop_oneof![select(around), any::<i16>().prop_map(i64::from)].prop_map(Value::Int).boxed()
        }
        Type::Uint => select(around).prop_map(|number| Value::Uint(number.unsigned_abs())).boxed(),
        Type::Double => any::<i16>().prop_map(|number| Value::Double(f64::from(number))).boxed(),
        Type::Bytes => vec(any::<u8>(), 0..8).prop_map(Value::Bytes).boxed(),
        Type::Timestamp => (0_i64..100_000)
            .prop_map(|seconds| Value::Timestamp(instant(START.saturating_add(seconds))))
            .boxed(),
        Type::Duration => {
            (0_i64..100_000).prop_map(|seconds| Value::Duration(TimeDelta::seconds(seconds))).boxed()
        }
        Type::Ip => select(vec!["10.1.2.3", "192.0.2.7", "2001:db8::1"]).prop_map(Value::from).boxed(),
        Type::Cidr => select(vec!["10.0.0.0/8", "192.0.2.0/24"]).prop_map(Value::from).boxed(),
        Type::List(element) => {
            let element = of_type(element, texts, numbers);
            vec(element, 0..4).prop_map(Value::List).boxed()
        }
        Type::Map(_, element) => {
            let entry = (one_of(texts.to_vec(), &["tier", "team"]), of_type(element, texts, numbers));
            vec(entry, 0..4).prop_map(|entries| Value::Map(entries.into_iter().collect())).boxed()
        }
        _ => one_of(texts.to_vec(), &["x"]).prop_map(Value::from).boxed(),
    }
}

/// A known text mostly, and any other now and then.
fn one_of(known: Vec<String>, others: &[&str]) -> BoxedStrategy<String> {
    let others: Vec<String> = others.iter().map(|text| (*text).to_owned()).collect();
    if known.is_empty() {
        return prop_oneof![4 => select(others), 1 => "[a-z]{1,8}"].boxed();
    }
    prop_oneof![6 => select(known), 2 => select(others), 1 => "[a-z]{1,8}"].boxed()
}

/// Puts a value at a path below a part of a request.
fn put(part: &mut Attributes, path: &str, value: Value) {
    let Some((first, rest)) = path.split_once('.') else {
        part.insert(path, value);
        return;
    };
    let mut inner = match part.remove(first) {
        Some(Value::Map(inner)) => inner,
        _ => Attributes::new(),
    };
    put(&mut inner, rest, value);
    part.insert(first, Value::Map(inner));
}

fn instant(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap_or_default()
}

/// Around when times are: 2026-01-14T12:00:00Z.
const START: i64 = 1_768_392_000;

/// Texts of one attribute that are tried.
const KNOWN: usize = 256;

const STATEMENTS: [&str; 9] = [
    "SELECT id FROM orders LIMIT 10",
    "SELECT * FROM orders",
    "SELECT * FROM vault.keys",
    "UPDATE orders SET paid = true WHERE id = 7",
    "DELETE FROM orders",
    "DROP TABLE orders",
    "GRANT ALL ON orders TO bo",
    "SELECT 1; SELECT 2",
    "no such statement",
];

const COMMANDS: [&str; 4] =
    ["kubectl get pods", "kubectl delete pod web-1", "rm -rf /var/lib/app", "systemctl restart app"];
