//! Bounds on what a text or a value can cost.
//!
//! Cut and damaged texts end; no nesting reaches the end of a stack of 512 KiB; shared parts of a value are
//! counted each time they are looked at.

#![cfg(feature = "engine")]

mod cel_common;

use cel_common::{bindings, cases, environment, on_a_small_stack, run};
use countersign::Value;
use countersign::cel::{Access, Failure, Input, Limits, Program, Type};
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

/// The faults of a condition under the bounds that a host sets.
fn faults(source: &str, limits: Limits) -> Vec<String> {
    let mut environment = environment();
    environment.set_limits(limits);
    match Program::condition(source, &environment, &Access::free()) {
        Ok(_) => Vec::new(),
        Err(faults) => faults.iter().map(ToString::to_string).collect(),
    }
}

#[test]
fn host_lowers_every_bound() {
    let source = "((x + 1) * 2) == 4 && l100.all(e, e != 7)";
    let bounds = Limits::default();
    assert_eq!(faults(source, bounds), [""; 0]);
    for (limits, fault) in [
        (bounds.with_source_bytes(40), "condition is 41 bytes, limit is 40"),
        (bounds.with_tokens(10), "condition has more than 10 words and signs"),
        (bounds.with_nodes(5), "condition has more than 5 parts"),
        (bounds.with_nesting(2), "condition is nested deeper than 2"),
        (bounds.with_height(3), "condition is chained or nested deeper than 3"),
        (
            bounds.with_steps(100),
            "condition can need 16386 steps, limit is 100, declare how many elements the lists can have at most, or use fewer loops",
        ),
    ] {
        assert_eq!(faults(source, limits), [fault]);
    }
}

#[test]
fn host_lowers_what_an_evaluation_has() {
    let bindings = bindings();
    let inputs: Vec<Input<'_>> = bindings.iter().map(Input::from).collect();
    let outcome = |source: &str, limits: Limits| {
        let mut environment = environment();
        environment.set_limits(limits);
        Program::expression(source, &environment).unwrap().evaluate(&inputs)
    };
    let bounds = Limits::default();
    assert!(outcome("s + s", bounds).is_ok());
    assert_eq!(outcome("s + s", bounds.with_bytes(9_999)), Err(Failure::Exhausted));
    assert_eq!(outcome("s + s", bounds.with_bytes(0)), Err(Failure::Exhausted));
    assert!(outcome("l1000.map(e, l100.map(f, e + f)).size()", bounds).is_err());
    assert!(
        outcome("l1000.map(e, l100.map(f, e + f)).size()", bounds.with_steps(500_000).with_bytes(8_000_000))
            .is_ok()
    );
    assert_eq!(outcome("l1000.exists(e, e == -1)", bounds.with_steps(0)), Err(Failure::Exhausted));
}

#[test]
fn host_raises_what_is_safe_to_raise() {
    let list = |count: usize| format!("x in [{}]", vec!["1"; count].join(", "));
    let wide = Limits::default().with_source_bytes(usize::MAX).with_tokens(usize::MAX).with_nodes(usize::MAX);
    assert_eq!(faults(&list(3_000), Limits::default()), ["condition has more than 4096 words and signs"]);
    assert_eq!(faults(&list(3_000), wide), [""; 0]);
    assert_eq!(faults(&list(9_000), wide), ["condition has more than 16384 words and signs"]);
    assert_eq!(faults(&list(30_000), wide), ["condition is 90005 bytes, limit is 65536"]);
    let heavy = "l100.all(a, l1000.all(b, a != b))";
    assert_eq!(faults(heavy, Limits::default()).len(), 1);
    assert_eq!(faults(heavy, Limits::default().with_steps(u32::MAX)).len(), 1);
}

#[test]
fn no_setting_reaches_the_end_of_the_stack() {
    on_a_small_stack(|| {
        let most = Limits::default()
            .with_source_bytes(usize::MAX)
            .with_tokens(usize::MAX)
            .with_nodes(usize::MAX)
            .with_nesting(usize::MAX)
            .with_height(usize::MAX)
            .with_steps(u32::MAX)
            .with_bytes(u32::MAX);
        for (open, middle, close) in
            [("(", "1", ")"), ("[1].all(a, ", "x > 1", ")"), ("cel.bind(a, 1, ", "x", ")"), ("", "x", " + x")]
        {
            let source = format!("{}{middle}{}", open.repeat(1_000), close.repeat(1_000));
            let found = faults(&source, most);
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found.iter().all(|fault| fault.contains("deeper than")), "{found:?}");
        }
    });
}
