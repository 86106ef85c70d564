//! The JSON Schema of documents: up to date, and true of what loads.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
#![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

use countersign::Policy;
use regex::Regex;
use serde_json::{Value, json};
use toml::de::{DeTable, DeValue};

/// Lists what is wrong, as far as the words that the schema uses go; an unknown word is a failed test.
fn check(value: &Value, schema: &Value, root: &Value, path: &str, wrong: &mut Vec<String>) {
    let mut say = |good: bool, what: &str| {
        if !good {
            wrong.push(format!("{path}: {what}"));
        }
    };
    for (word, wanted) in schema.as_object().unwrap() {
        match word.as_str() {
            "$schema"
            | "title"
            | "description"
            | "$defs"
            | "properties"
            | "additionalProperties"
            | "items"
            | "$ref" => {}
            "type" => say(
                match wanted.as_str().unwrap() {
                    "object" => value.is_object(),
                    "array" => value.is_array(),
                    "string" => value.is_string(),
                    "boolean" => value.is_boolean(),
                    "integer" => value.is_i64(),
                    other => panic!("unknown type {other}"),
                },
                &format!("expected {wanted}"),
            ),
            "const" => say(value == wanted, "wrong constant"),
            "enum" => say(wanted.as_array().unwrap().contains(value), "not in enum"),
            "pattern" => {
                let pattern = Regex::new(wanted.as_str().unwrap()).unwrap();
                say(value.as_str().is_none_or(|text| pattern.is_match(text)), "pattern");
            }
            "minLength" => {
                let least = usize::try_from(wanted.as_u64().unwrap()).unwrap();
                say(value.as_str().is_none_or(|text| text.chars().count() >= least), "minLength");
            }
            "minimum" => say(value.as_i64() >= wanted.as_i64(), "minimum"),
            "maximum" => say(value.as_i64() <= wanted.as_i64(), "maximum"),
            "required" => {
                for name in wanted.as_array().unwrap() {
                    say(value.get(name.as_str().unwrap()).is_some(), &format!("{name} is missing"));
                }
            }
            "anyOf" => {
                let fits = |schema: &Value| {
                    let mut wrong = Vec::new();
                    check(value, schema, root, path, &mut wrong);
                    wrong.is_empty()
                };
                say(wanted.as_array().unwrap().iter().any(fits), "fits none");
            }
            other => panic!("unknown word {other}"),
        }
    }
    if let Some(name) = schema.get("$ref").and_then(Value::as_str) {
        let part = root["$defs"]
            .get(name.strip_prefix("#/$defs/").unwrap())
            .unwrap_or_else(|| panic!("no part {name}"));
        check(value, part, root, path, wrong);
    }
    for (index, item) in value.as_array().into_iter().flatten().enumerate() {
        if let Some(items) = schema.get("items") {
            check(item, items, root, &format!("{path}[{index}]"), wrong);
        }
    }
    for (name, member) in value.as_object().into_iter().flatten() {
        let named = schema.get("properties").and_then(|known| known.get(name));
        match (named, schema.get("additionalProperties")) {
            (Some(part), _) => check(member, part, root, &format!("{path}.{name}"), wrong),
            (None, Some(Value::Bool(false))) => wrong.push(format!("{path}: unknown {name}")),
            (None, Some(part)) => check(member, part, root, &format!("{path}.{name}"), wrong),
            (None, None) => {}
        }
    }
}

fn faults(document: &Value) -> Vec<String> {
    let schema = Policy::json_schema();
    let mut wrong = Vec::new();
    check(document, &schema, &schema, "$", &mut wrong);
    wrong
}

fn to_json(value: &DeValue<'_>) -> Value {
    match value {
        DeValue::Table(table) => table_to_json(table),
        DeValue::Array(items) => items.iter().map(|item| to_json(item.get_ref())).collect(),
        DeValue::String(text) => text.as_ref().into(),
        DeValue::Integer(number) => number.as_str().parse::<i64>().unwrap().into(),
        DeValue::Float(number) => number.as_str().parse::<f64>().unwrap().into(),
        DeValue::Boolean(flag) => (*flag).into(),
        DeValue::Datetime(time) => time.to_string().into(),
    }
}

fn table_to_json(table: &DeTable<'_>) -> Value {
    let entry = |(name, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = name.get_ref();
        (name.to_string(), to_json(value.get_ref()))
    };
    table.iter().map(entry).collect()
}

#[test]
fn shipped_schema_is_up_to_date() {
    let shipped = std::fs::read_to_string("policies/schema.json").unwrap();
    let expected = format!("{:#}\n", Policy::json_schema());
    assert!(shipped == expected, "run `cargo run --example policy_schema > policies/schema.json`");
}

#[test]
fn shipped_policies_and_those_of_the_guide_fit() {
    let guide = std::fs::read_to_string("docs/policy-guide.md").unwrap();
    let blocks =
        guide.split("```toml policy\n").skip(1).map(|rest| rest.split("```").next().unwrap().to_owned());
    let bases = ["base", "extension"].map(|mark| {
        let start = format!("```toml {mark}\n");
        guide.split(&start).nth(1).unwrap().split("```").next().unwrap().to_owned()
    });
    let parts = guide
        .split("```toml part\n")
        .skip(1)
        .map(|rest| format!("format = 1\nname = 'part'\n{}", rest.split("```").next().unwrap()));
    let shipped = std::fs::read_to_string("policies/production-debugging.toml").unwrap();
    for text in blocks.chain(bases).chain(parts).chain([shipped]) {
        let document = table_to_json(DeTable::parse(&text).unwrap().get_ref());
        assert_eq!(faults(&document), Vec::<String>::new(), "{text}");
    }
}

#[test]
fn what_does_not_fit_is_told() {
    let with = |name: &str, value: Value| {
        let mut document = json!({ "format": 1, "name": "x" });
        document[name] = value;
        faults(&document)
    };
    assert_eq!(with("zones", json!([])), ["$: unknown zones"]);
    assert_eq!(with("format", json!(2)), ["$.format: wrong constant"]);
    assert_eq!(with("name", json!("two words")), ["$.name: pattern"]);
    assert_eq!(with("hold", json!({ "id": "h" })), ["$.hold: expected \"array\""]);
    assert_eq!(with("hold", json!([{ "id": "h" }])), ["$.hold[0]: \"when\" is missing"]);
    assert_eq!(with("defaults", json!({ "risk": "huge" })), ["$.defaults.risk: not in enum"]);
    assert_eq!(with("defaults", json!({ "grant": { "max": "1 hour" } })), ["$.defaults.grant.max: pattern"]);
    assert_eq!(
        with("defaults", json!({ "grant": { "max_uses": 0 } })),
        ["$.defaults.grant.max_uses: minimum"]
    );
}
