//! Rego on the virtual machine of regorus, in the two ways that Rego is written.
//!
//! Rules as code: each rule is a body of a partial set. Rules as data: one body, and the rules are a document that
//! it looks up by service.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::num::{NonZeroU32, NonZeroUsize};

use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::vm::RegoVM;
use regorus::{Engine as Interpreter, PolicyLengthConfig, Value};

use crate::engine::{Engine, Outcome, Rule};
use crate::workload::{Ask, ENVIRONMENTS};

pub struct Code(RegoVM);

impl Engine for Code {
    /// A program of the machine has 65,535 instructions at most, and a rule takes 31.
    const MOST: usize = 2_000;

    type Source = String;
    type Question = Value;

    fn name() -> String {
        "regorus, rules as code".to_owned()
    }

    fn source(rules: &[Rule]) -> Self::Source {
        let mut text = format!("package access\n{OUTCOME}");
        for Rule { spec, .. } in rules {
            write!(
                text,
                "\nkinds contains \"{}\" if {{\n\tinput.resource.service == \"service-{}\"\n\t\
                 input.action.name == \"action-{}\"\n\tinput.resource.environment == \"{}\"\n\t\
                 \"group-{}\" in input.subject.groups\n{SHARED}}}\n",
                spec.kind, spec.service, spec.action, ENVIRONMENTS[spec.environment], spec.group
            )
            .unwrap();
        }
        text
    }

    fn load(source: &Self::Source) -> Self {
        Self(machine(source, None))
    }

    fn question(ask: &Ask) -> Self::Question {
        input(ask)
    }

    fn decide(&mut self, input: &Self::Question) -> Outcome {
        run(&mut self.0, input)
    }
}

pub struct Data(RegoVM);

impl Engine for Data {
    /// The policy, and the rules as JSON.
    type Source = (String, String);
    type Question = Value;

    fn name() -> String {
        "regorus, rules as data".to_owned()
    }

    fn source(rules: &[Rule]) -> Self::Source {
        let text = format!(
            "package access\n{OUTCOME}\nkinds contains rule.kind if {{\n\t\
             some rule in data.rules[input.resource.service]\n\trule.action == input.action.name\n\t\
             rule.environment == input.resource.environment\n\trule.group in input.subject.groups\n{SHARED}}}\n"
        );
        let mut by_service: BTreeMap<String, Vec<serde_json::Value>> = BTreeMap::new();
        for Rule { id, spec } in rules {
            by_service.entry(format!("service-{}", spec.service)).or_default().push(serde_json::json!({
                "id": format!("r{id}"), "kind": spec.kind, "action": format!("action-{}", spec.action),
                "environment": ENVIRONMENTS[spec.environment], "group": format!("group-{}", spec.group),
            }));
        }
        (text, serde_json::json!({"rules": by_service}).to_string())
    }

    fn load((text, data): &Self::Source) -> Self {
        Self(machine(text, Some(data)))
    }

    fn question(ask: &Ask) -> Self::Question {
        input(ask)
    }

    fn decide(&mut self, input: &Self::Question) -> Outcome {
        run(&mut self.0, input)
    }
}

fn machine(text: &str, data: Option<&str>) -> RegoVM {
    let mut interpreter = Interpreter::new();
    interpreter.set_policy_length_config(PolicyLengthConfig {
        max_col: NonZeroU32::MAX,
        max_file_bytes: NonZeroUsize::MAX,
        max_lines: NonZeroUsize::MAX,
    });
    interpreter.add_policy("access.rego".to_owned(), text.to_owned()).unwrap();
    let policy = interpreter.compile_with_entrypoint(&ENTRY.into()).unwrap();
    let program = Compiler::compile_from_policy(&policy, &[ENTRY]).unwrap();
    let mut machine = RegoVM::new();
    machine.load_program(program);
    machine.set_max_instructions(usize::MAX);
    if let Some(data) = data {
        machine.set_data(Value::from_json_str(data).unwrap()).unwrap();
    }
    machine
}

fn input(ask: &Ask) -> Value {
    let groups: Vec<Value> = ask.groups.iter().map(|group| Value::from(group.as_str())).collect();
    object([
        ("action", object([("name", ask.action.as_str().into())])),
        ("subject", object([("groups", groups.into()), ("mfa", ask.mfa.into())])),
        (
            "resource",
            object([
                ("environment", ask.environment.into()),
                ("service", ask.service.as_str().into()),
                ("labels", object([("tier", ask.tier.into()), ("team", "payments".into())])),
            ]),
        ),
        ("context", object([("duration", ask.seconds.into())])),
    ])
}

fn object<const N: usize>(pairs: [(&str, Value); N]) -> Value {
    pairs.into_iter().map(|(key, value)| (Value::from(key), value)).collect::<BTreeMap<_, _>>().into()
}

fn run(machine: &mut RegoVM, input: &Value) -> Outcome {
    machine.set_input(input.clone());
    let outcome = machine.execute().unwrap();
    match outcome.as_string().unwrap().as_ref() {
        "unmatched" => Outcome::Unmatched,
        kind => Outcome::of(kind),
    }
}

const ENTRY: &str = "data.access.outcome";

const OUTCOME: &str = r#"
default outcome := "unmatched"

outcome := "forbid" if "forbid" in kinds
else := "zone" if "zone" in kinds
else := "review" if "review" in kinds
"#;

const SHARED: &str =
    "\tinput.subject.mfa\n\tinput.resource.labels.tier == \"gold\"\n\tinput.context.duration <= 3600\n";
