//! The conformance suite of the language.
//!
//! Every case of `data/cel/conformance.jsonl` gives the value or an error as the suite says, except those that
//! `data/cel/exceptions.txt` lists with a reason. An exception that is none any more is a failure.

#![cfg(feature = "engine")]

#[path = "../examples/eval/notation.rs"]
#[allow(dead_code, reason = "the test writes no values")]
mod notation;

use std::collections::BTreeMap;

use countersign::cel::{Datum, Declaration, Environment, Input, Program, Type};
use serde_json::Value;

const CASES: &str = include_str!("data/cel/conformance.jsonl");
const EXCEPTIONS: &str = include_str!("data/cel/exceptions.txt");

#[test]
fn every_case_is_as_the_suite_says_or_listed() {
    let exceptions: BTreeMap<&str, &str> = EXCEPTIONS
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once(": "))
        .collect();
    let mut wrong = Vec::new();
    let (mut passed, mut excepted) = (0, 0);
    for line in CASES.lines() {
        let case: Value = serde_json::from_str(line).unwrap();
        let name = format!("{}/{}", text(&case, "section"), text(&case, "name"));
        let result = evaluate(&case);
        let right = match case.get("expect") {
            Some(expected) => {
                result.as_ref().is_ok_and(|found| same(found, &notation::read(expected).unwrap()))
            }
            None => result.is_err(),
        };
        match (right, exceptions.contains_key(name.as_str())) {
            (true, false) => passed += 1,
            (false, true) => excepted += 1,
            _ => wrong.push(format!(
                "{name}: {} gave {result:?}, expected {}",
                text(&case, "expr"),
                case_end(&case)
            )),
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong, {passed} passed, {excepted} excepted:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(passed > 800, "{passed}");
}

fn evaluate(case: &Value) -> Result<Datum, String> {
    let mut environment = Environment::new();
    environment.set_container(case.get("container").and_then(Value::as_str).unwrap_or_default());
    let mut bindings = Vec::new();
    for (name, value) in case.get("bindings").and_then(Value::as_object).into_iter().flatten() {
        environment.declare(name, Declaration::new(Type::Dyn));
        bindings.push(notation::read(value).ok_or("binding is malformed")?);
    }
    let inputs: Vec<Input<'_>> = bindings.iter().map(Input::from).collect();
    let program = Program::expression(&text(case, "expr"), &environment)
        .map_err(|faults| faults.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))?;
    program.evaluate(&inputs).map_err(|failure| failure.to_string())
}

/// Equality of results: a NaN is a NaN, zeros differ by sign, maps have no order.
fn same(left: &Datum, right: &Datum) -> bool {
    match (left, right) {
        (Datum::Double(left), Datum::Double(right)) => {
            (left.is_nan() && right.is_nan()) || left.to_bits() == right.to_bits()
        }
        (Datum::List(left), Datum::List(right)) => {
            left.len() == right.len() && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (Datum::Map(left), Datum::Map(right)) => {
            left.len() == right.len()
                && left.iter().all(|(key, value)| {
                    right.iter().any(|(other, expected)| same(key, other) && same(value, expected))
                })
        }
        _ => left == right,
    }
}

fn text(case: &Value, key: &str) -> String {
    case.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn case_end(case: &Value) -> String {
    case.get("expect").map_or_else(|| "an error".to_owned(), ToString::to_string)
}
