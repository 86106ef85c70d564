//! Bounds on what a text or a value can cost.
//!
//! Cut and damaged texts end; no nesting reaches the end of a stack of 512 KiB; shared parts of a value are
//! counted each time they are looked at.

#![cfg(feature = "engine")]

mod cel_common;

use cel_common::{bindings, cases, environment, on_a_small_stack, run};
use countersign::Value;
use countersign::cel::{Failure, Input, Program, Type};

#[test]
fn damaged_cases_end_too() {
    let cases = cases();
    on_a_small_stack(move || {
        let environment = environment();
        let bindings = bindings();
        for (_, source) in
            cases.into_iter().filter(|(_, source)| source.len() < 400 && !source.contains("matches"))
        {
            for (end, _) in source.char_indices() {
                run(source.get(..end).unwrap_or_default(), &environment, &bindings);
                run(source.get(end..).unwrap_or_default(), &environment, &bindings);
            }
        }
    });
}

#[test]
fn nothing_is_deeper_than_the_stack() {
    on_a_small_stack(|| {
        let environment = environment();
        let bindings = bindings();
        for depth in [20, 40, 46, 47, 48, 49, 60, 63, 64, 65, 200] {
            let nested = |open: &str, middle: &str, close: &str| {
                format!("{}{middle}{}", open.repeat(depth), close.repeat(depth))
            };
            for source in [
                nested("(", "1", ")"),
                nested("[", "1", "]"),
                nested("{1:", "1", "}"),
                nested("x ? 1 : ", "1", ""),
                nested("!(", "true", ")"),
                nested("-(", "x", ")"),
                nested("[1].all(a, ", "x > 1", ")"),
                nested("[1].map(a, ", "x", ")"),
                nested("{1:1}.transformMap(k, v, ", "x", ")"),
                nested("cel.bind(a, 1, ", "x", ")"),
                nested("size(", "x", ")"),
                nested("optional.of(", "x", ")"),
                nested("x", "", " + x"),
                nested("x", "", ".a"),
                nested("x", "", "[0]"),
                nested("[x]", "", ".map(a, [a])"),
                nested("true && (true || ", "true", ")"),
            ] {
                run(&source, &environment, &bindings);
                run(&format!("{source} == {source}"), &environment, &bindings);
            }
        }
    });
}

#[test]
fn shared_parts_do_not_multiply() {
    let mut source = "[a, a]".to_owned();
    for _ in 0..40 {
        source = format!("cel.bind(a, [a, a], {source})");
    }
    let doubled = format!("cel.bind(a, [1], {source})");
    let environment = environment();
    let result = Program::expression(&doubled, &environment).unwrap().evaluate(&[]);
    assert_eq!(result, Err(Failure::Exhausted));
    let compared = format!("cel.bind(a, [1], {source} == {source})");
    assert_eq!(Program::expression(&compared, &environment).unwrap().test(&[]), Err(Failure::Exhausted));
}

#[test]
fn a_value_is_read_as_declared_or_refused() {
    let number = Value::from(5_i64);
    assert!(Input::of(&number, &Type::Double).is_ok());
    let fault = Input::of(&number, &Type::String).unwrap_err();
    assert_eq!(fault.to_string(), "expected string, found int");
    let list = Value::from(vec!["a", "b"]);
    let fault = Input::of(&list, &Type::list(Type::Timestamp)).unwrap_err();
    assert_eq!(fault.to_string(), "`[0]`: expected timestamp, found string");
}
