//! Hostile cases, and running a text in every way there is.

#![allow(dead_code, reason = "each test uses a part")]

use countersign::cel::{Access, Datum, Environment, Input, Program, Type};

const CASES: &str = include_str!("../data/cel/hostile.jsonl");

pub(crate) fn run(source: &str, environment: &Environment, bindings: &[Datum]) {
    let inputs: Vec<Input<'_>> = bindings.iter().map(Input::from).collect();
    if let Ok(program) = Program::expression(source, environment) {
        let _ = program.evaluate(&inputs);
        let _ = program.test(&inputs);
        let _ = program.explain(&inputs);
    }
    if let Err(faults) = Program::condition(source, environment, &Access::free()) {
        assert!(!faults.is_empty());
        for fault in faults {
            let _ = fault.render(source);
        }
    }
}

pub(crate) fn environment() -> Environment {
    let mut environment = Environment::new();
    for name in ["x", "s", "l100", "l1000"] {
        environment.declare(name, Type::Dyn);
    }
    environment
}

pub(crate) fn bindings() -> Vec<Datum> {
    let numbers = |count| Datum::List((0..count).map(Datum::Int).collect());
    vec![Datum::Int(1), Datum::String("a".repeat(5_000)), numbers(100), numbers(1_000)]
}

pub(crate) fn cases() -> Vec<(String, String)> {
    CASES.lines().filter_map(case).collect()
}

pub(crate) fn case(line: &str) -> Option<(String, String)> {
    let case: serde_json::Value = serde_json::from_str(line).ok()?;
    let label = case.get("label")?.as_str()?.to_owned();
    if let Some(source) = case.get("expr") {
        return Some((label, source.as_str()?.to_owned()));
    }
    let mut source = String::new();
    for part in case.get("parts")?.as_array()? {
        let (text, count) = (part.get(0)?.as_str()?, part.get(1)?.as_u64()?);
        if text.contains('#') && count > 1 {
            (0..count).for_each(|number| source.push_str(&text.replace('#', &number.to_string())));
        } else {
            source.push_str(&text.repeat(usize::try_from(count).ok()?));
        }
    }
    Some((label, source))
}

pub(crate) fn on_a_small_stack(work: impl FnOnce() + Send + 'static) {
    let thread = std::thread::Builder::new().stack_size(512 * 1024).spawn(work);
    assert!(thread.is_ok_and(|thread| thread.join().is_ok()));
}
