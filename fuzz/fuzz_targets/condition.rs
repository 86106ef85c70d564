//! Any text as a condition and as an expression: a program, or faults; an evaluation ends within its budget.

#![no_main]

use countersign::Value;
use countersign::cel::{Access, Environment, Input, Program, Type};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let mut environment = Environment::new();
    environment.declare("x", Type::Dyn);
    environment.declare("subject.groups", Type::list(Type::String));
    let groups = Value::from(["sre", "payments"]);
    let inputs = [Input::from(7_i64), Input::from(&groups)];
    if let Ok(program) = Program::expression(text, &environment) {
        let _ = program.evaluate(&inputs);
    }
    if let Ok(program) = Program::condition(text, &environment, &Access::free()) {
        let _ = program.test(&inputs);
    }
});
