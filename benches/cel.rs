//! Conditions of the kinds that policies use: ours, the `cel` crate, and the same test written in Rust.
//!
//! All three run over the same request in one run, with everything built before that can be. Prints
//! nanoseconds, ratios and allocations; exits with 1 if a bound of the design is broken.

#![allow(
    clippy::arithmetic_side_effects,
    clippy::disallowed_methods,
    reason = "a bench measures time, and its hand-written conditions are those that anybody would write"
)]

use std::alloc::System;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use countersign::cel::{Access, Environment, Input, Program, Type};
use countersign::{Attributes, Value};
use regex::Regex;
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

struct Request {
    kind: String,
    principal: String,
    groups: Vec<String>,
    mfa: bool,
    level: i64,
    name: String,
    env: String,
    team: String,
    labels: BTreeMap<String, String>,
    cpus: f64,
    reason: String,
    minutes: i64,
    hour: i64,
    region: String,
    ids: Vec<i64>,
}

struct Shape {
    source: &'static str,
    hand: fn(&Request, &Patterns) -> bool,
}

struct Patterns {
    database: Regex,
    ticket: Regex,
}

fn request() -> Request {
    let text = str::to_owned;
    Request {
        kind: text("read"),
        principal: text("ana@example.org"),
        groups: ["engineering", "oncall-payments", "sre", "everyone"].map(text).into(),
        mfa: true,
        level: 4,
        name: text("prod-payments-db"),
        env: text("staging"),
        team: text("payments"),
        labels: [("tier", "gold"), ("zone", "eu"), ("pii", "no")]
            .map(|(key, value)| (text(key), text(value)))
            .into(),
        cpus: 2.5,
        reason: text("INC12345: investigate slow queries"),
        minutes: 15,
        hour: 14,
        region: text("eu-west-1"),
        ids: (0..16).collect(),
    }
}

fn shapes() -> Vec<Shape> {
    let shape = |source, hand| Shape { source, hand };
    vec![
        shape("action.kind == \"read\" && resource.env in [\"staging\", \"dev\"]", |r, _| {
            r.kind == "read" && (r.env == "staging" || r.env == "dev")
        }),
        shape("\"sre\" in principal.groups && principal.mfa && resource.labels.tier != \"pii\"", |r, _| {
            r.groups.iter().any(|g| g == "sre") && r.mfa && r.labels.get("tier").is_some_and(|t| t != "pii")
        }),
        shape("principal.groups.exists(g, g.startsWith(\"oncall-\"))", |r, _| {
            r.groups.iter().any(|g| g.starts_with("oncall-"))
        }),
        shape("resource.name.matches(\"^prod-[a-z]+-db$\")", |r, p| p.database.is_match(&r.name)),
        shape("resource.env == \"staging\"", |r, _| r.env == "staging"),
        shape("principal.mfa", |r, _| r.mfa),
        shape("principal.level >= 3 && context.minutes <= 30", |r, _| r.level >= 3 && r.minutes <= 30),
        shape("resource.name.startsWith(\"prod-\") && !resource.name.endsWith(\"-test\")", |r, _| {
            r.name.starts_with("prod-") && !r.name.ends_with("-test")
        }),
        shape("context.reason.contains(\"INC\") || context.reason.contains(\"CHG\")", |r, _| {
            r.reason.contains("INC") || r.reason.contains("CHG")
        }),
        shape("context.reason.matches(\"^(INC|CHG)[0-9]{5}: .+\")", |r, p| p.ticket.is_match(&r.reason)),
        shape("principal.groups.all(g, g != \"contractors\")", |r, _| {
            r.groups.iter().all(|g| g != "contractors")
        }),
        shape("resource.labels.pii == \"no\" && \"zone\" in resource.labels", |r, _| {
            r.labels.get("pii").is_some_and(|v| v == "no") && r.labels.contains_key("zone")
        }),
        shape("size(principal.groups) < 10 && size(resource.name) < 64", |r, _| {
            r.groups.len() < 10 && r.name.chars().count() < 64
        }),
        shape("context.hour >= 9 && context.hour < 17 || principal.level > 5", |r, _| {
            r.hour >= 9 && r.hour < 17 || r.level > 5
        }),
        shape("resource.env == \"prod\" ? principal.level >= 5 : principal.level >= 2", |r, _| {
            if r.env == "prod" { r.level >= 5 } else { r.level >= 2 }
        }),
        shape(
            "resource.region in [\"us-east-1\", \"us-east-2\", \"us-west-1\", \"us-west-2\", \"eu-west-1\", \
             \"eu-west-2\", \"eu-central-1\", \"ap-south-1\", \"ap-east-1\", \"sa-east-1\", \"af-south-1\", \
             \"me-south-1\"]",
            |r, _| {
                matches!(
                    r.region.as_str(),
                    "us-east-1"
                        | "us-east-2"
                        | "us-west-1"
                        | "us-west-2"
                        | "eu-west-1"
                        | "eu-west-2"
                        | "eu-central-1"
                        | "ap-south-1"
                        | "ap-east-1"
                        | "sa-east-1"
                        | "af-south-1"
                        | "me-south-1"
                )
            },
        ),
        shape("resource.cpus * 2.0 > 4.0 && context.minutes + 15 < 60", |r, _| {
            r.cpus * 2.0 > 4.0 && r.minutes + 15 < 60
        }),
        shape(
            "principal.name == \"ana@example.org\" || resource.team == \"payments\" && principal.level > 3",
            |r, _| r.principal == "ana@example.org" || r.team == "payments" && r.level > 3,
        ),
        shape("has(resource.labels.owner) && resource.labels.owner == principal.name", |r, _| {
            r.labels.get("owner").is_some_and(|owner| *owner == r.principal)
        }),
        shape("context.ids.exists(i, i > 12 && i % 2 == 1)", |r, _| {
            r.ids.iter().any(|i| *i > 12 && i % 2 == 1)
        }),
    ]
}

fn main() -> ExitCode {
    let request = request();
    let patterns = Regex::new("^prod-[a-z]+-db$")
        .and_then(|database| Ok(Patterns { database, ticket: Regex::new("^(INC|CHG)[0-9]{5}: .+")? }));
    let Ok(patterns) = patterns else { return ExitCode::FAILURE };
    let (environment, values) = ours(&request);
    let inputs: Vec<Input<'_>> = values.iter().map(Input::from).collect();
    let context = theirs(&request);
    let mut broken = false;
    let (mut product, mut count) = (0.0, 0.0);
    println!(
        "{:>8} {:>8} {:>9} {:>7} {:>7} {:>6}  condition",
        "hand", "ours", "cel", "x hand", "cel x", "allocs"
    );
    for shape in shapes() {
        let Ok(program) = Program::condition(shape.source, &environment, &Access::free()) else {
            println!("{} does not compile", shape.source);
            return ExitCode::FAILURE;
        };
        let Ok(peer) = cel::Program::compile(shape.source) else { return ExitCode::FAILURE };
        let expected = (shape.hand)(&request, &patterns);
        let same =
            program.test(&inputs) == Ok(expected) && peer.execute(&context).ok() == Some(expected.into());
        if !same {
            println!("{} differs: {:?} {:?}", shape.source, program.test(&inputs), peer.execute(&context));
            return ExitCode::FAILURE;
        }
        let region = Region::new(ALLOCATOR);
        let _ = black_box(program.test(black_box(&inputs)));
        let allocations = region.change().allocations;
        let hand = measure(|| (shape.hand)(black_box(&request), &patterns));
        let own = measure(|| program.test(black_box(&inputs)).is_ok_and(|value| value));
        let other = measure(|| peer.execute(black_box(&context)).is_ok());
        broken |= allocations > 0 || other < own * 8.0;
        product += (own / hand).ln();
        count += 1.0;
        let source: String = shape.source.chars().take(70).collect();
        println!(
            "{hand:8.1} {own:8.1} {other:9.1} {:7.1} {:7.1} {allocations:6}  {source}",
            own / hand,
            other / own
        );
    }
    compiling(&environment);
    let mean = f64::exp(product / count);
    println!("geometric mean: {mean:.1} x hand-written");
    if broken || mean > 15.0 { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

/// Prints what compiling and holding the conditions without regular expressions costs.
fn compiling(environment: &Environment) {
    let sources: Vec<&str> =
        shapes().iter().map(|shape| shape.source).filter(|source| !source.contains("matches")).collect();
    let mut rounds = sources.iter().cycle();
    let mut next = || {
        let source = rounds.next().copied().unwrap_or_default();
        Program::condition(source, environment, &Access::free())
    };
    let time = measure(|| next().is_ok());
    let region = Region::new(ALLOCATOR);
    let held: Vec<_> = (0..1_800).map(|_| next()).collect();
    let change = region.change();
    let bytes = change.bytes_allocated.saturating_sub(change.bytes_deallocated) / held.len();
    println!("compile: {time:.0} ns, {bytes} bytes held per condition without a regular expression");
}

/// The median nanoseconds of a call, of 15 batches that take about two milliseconds each.
fn measure(mut call: impl FnMut() -> bool) -> f64 {
    let mut batch = |calls: u32| {
        let start = Instant::now();
        for _ in 0..calls {
            black_box(call());
        }
        start.elapsed().as_secs_f64() * 1e9 / f64::from(calls)
    };
    let rough = batch(1_000).max(0.2);
    let calls = if rough < 20.0 {
        200_000
    } else if rough < 500.0 {
        10_000
    } else {
        500
    };
    let mut times: Vec<f64> = (0..15).map(|_| batch(calls)).collect();
    times.sort_by(f64::total_cmp);
    times.get(7).copied().unwrap_or(f64::NAN)
}

fn ours(request: &Request) -> (Environment, Vec<Value>) {
    let mut environment = Environment::new();
    let mut values = Vec::new();
    let mut declare = |path: &str, ty: Type, value: Value| {
        environment.declare(path, ty);
        values.push(value);
    };
    let labels: Attributes =
        request.labels.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    declare("action.kind", Type::String, Value::from(&request.kind));
    declare("principal.name", Type::String, Value::from(&request.principal));
    declare("principal.groups", Type::list(Type::String), Value::from(request.groups.clone()));
    declare("principal.mfa", Type::Bool, Value::from(request.mfa));
    declare("principal.level", Type::Int, Value::from(request.level));
    declare("resource.name", Type::String, Value::from(&request.name));
    declare("resource.env", Type::String, Value::from(&request.env));
    declare("resource.team", Type::String, Value::from(&request.team));
    declare("resource.labels", Type::map(Type::String, Type::String), Value::from(labels));
    declare("resource.cpus", Type::Double, Value::from(request.cpus));
    declare("resource.region", Type::String, Value::from(&request.region));
    declare("context.reason", Type::String, Value::from(&request.reason));
    declare("context.minutes", Type::Int, Value::from(request.minutes));
    declare("context.hour", Type::Int, Value::from(request.hour));
    declare("context.ids", Type::list(Type::Int), Value::from(request.ids.clone()));
    (environment, values)
}

fn theirs(request: &Request) -> cel::Context<'static, 'static> {
    use std::collections::HashMap;
    let mut context = cel::Context::default();
    let text = |value: &String| cel::Value::from(value.clone());
    let action: HashMap<&str, cel::Value> = [("kind", text(&request.kind))].into();
    let principal: HashMap<&str, cel::Value> = [
        ("name", text(&request.principal)),
        ("groups", cel::Value::from(request.groups.iter().map(text).collect::<Vec<_>>())),
        ("mfa", cel::Value::from(request.mfa)),
        ("level", cel::Value::from(request.level)),
    ]
    .into();
    let labels: HashMap<String, cel::Value> =
        request.labels.iter().map(|(key, value)| (key.clone(), text(value))).collect();
    let resource: HashMap<&str, cel::Value> = [
        ("name", text(&request.name)),
        ("env", text(&request.env)),
        ("team", text(&request.team)),
        ("labels", cel::Value::from(labels)),
        ("cpus", cel::Value::from(request.cpus)),
        ("region", text(&request.region)),
    ]
    .into();
    let ids: Vec<cel::Value> = request.ids.iter().map(|id| cel::Value::from(*id)).collect();
    let surroundings: HashMap<&str, cel::Value> = [
        ("reason", text(&request.reason)),
        ("minutes", cel::Value::from(request.minutes)),
        ("hour", cel::Value::from(request.hour)),
        ("ids", cel::Value::from(ids)),
    ]
    .into();
    context.add_variable_from_value("action", action);
    context.add_variable_from_value("principal", principal);
    context.add_variable_from_value("resource", resource);
    context.add_variable_from_value("context", surroundings);
    context
}
