//! Bounds on what a text or a value can cost.
//!
//! Cut and damaged texts end; no nesting reaches the end of a stack of 512 KiB; shared parts of a value are
//! counted each time they are looked at.

#![cfg(feature = "engine")]

mod cel_common;

use cel_common::{bindings, cases, environment, on_a_small_stack, run};
use countersign::Value;
use countersign::cel::{Failure, Input, Program, Type};
use proptest::prelude::*;

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
fn definitions_inside_definitions_stay_within_the_stack() {
    on_a_small_stack(|| {
        let mut environment = environment();
        let wrapped = |inner: &str| format!("{}{inner}{}", "!(".repeat(44), ")".repeat(44));
        assert!(environment.define("d0", &wrapped("x == 1")).is_ok());
        for number in 1..100_u32 {
            assert!(
                environment
                    .define(&format!("d{number}"), &wrapped(&format!("d{}", number.saturating_sub(1))))
                    .is_ok()
            );
        }
        for name in ["d0", "d1", "d2", "d99"] {
            run(name, &environment, &[]);
            run(&format!("{name} && x == 1 || {name} ? {name} : {name}"), &environment, &[]);
            assert_eq!(environment.check(name).is_ok(), name == "d0");
        }
    });
}

#[test]
fn any_text_ends_in_a_program_or_a_fault() {
    let (environment, bindings) = (environment(), bindings());
    let words = [
        "x",
        "s",
        "l100",
        "1",
        "0u",
        "1.5",
        "'a'",
        "b'a'",
        "r'\\'",
        "[",
        "]",
        "(",
        ")",
        "{",
        "}",
        ":",
        ",",
        ".",
        "?",
        "!",
        "-",
        "+",
        "*",
        "/",
        "%",
        "==",
        "!=",
        "<",
        ">=",
        "&&",
        "||",
        " in ",
        ".map(i, ",
        ".all(x, ",
        "has(",
        "size(",
        ".?a",
        "[?",
        "true",
        "null",
        "timestamp(",
        "duration('1h')",
        ".matches('a')",
        "optional.of(",
        "cel.bind(y, ",
        "`a-b`",
        "é",
        "\\",
        "'",
        "\"",
        "//",
        "\n",
        "type",
        "math.greatest(",
        ".orValue(",
        "0x",
        "1e9",
        "in",
        "while",
    ];
    let soup = proptest::collection::vec(proptest::sample::select(words.to_vec()), 0..24);
    proptest!(ProptestConfig::with_cases(3_000), |(words in soup, text in any::<String>())| {
        run(&words.concat(), &environment, &bindings);
        run(&words.join(" "), &environment, &bindings);
        run(&text, &environment, &bindings);
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
