//! Policies as JSON: the same model as TOML, with places.

#![cfg(all(feature = "sql", feature = "toml"))]
#![allow(clippy::disallowed_methods, reason = "a test reads the files that it is about")]
#![allow(
    clippy::string_slice,
    clippy::unwrap_used,
    clippy::panic,
    clippy::arithmetic_side_effects,
    reason = "tests"
)]

use countersign::Policy;
use proptest::prelude::*;
use toml::de::{DeTable, DeValue};

fn faults(text: &str) -> Vec<String> {
    let error = Policy::from_json(text).map(|_| text).unwrap_err();
    error.faults().map(|fault| format!("{}:{} {}", fault.line(), fault.column(), fault.message())).collect()
}

/// A TOML document as another program would write it as JSON.
fn to_json(value: &DeValue<'_>) -> serde_json::Value {
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

fn table_to_json(table: &DeTable<'_>) -> serde_json::Value {
    let entry = |(name, value): (&toml::Spanned<_>, &toml::Spanned<DeValue<'_>>)| {
        let name: &std::borrow::Cow<'_, str> = name.get_ref();
        (name.to_string(), to_json(value.get_ref()))
    };
    table.iter().map(entry).collect()
}

#[test]
fn toml_and_json_of_one_document_are_one_policy() {
    let text = std::fs::read_to_string("policies/production-debugging.toml").unwrap();
    let json = table_to_json(DeTable::parse(&text).unwrap().get_ref());
    let (from_toml, from_json) =
        (Policy::from_toml(&text).unwrap(), Policy::from_json(&json.to_string()).unwrap());
    assert_eq!(from_toml.digest(), from_json.digest());
    let pretty = serde_json::to_string_pretty(&json).unwrap();
    assert_eq!(Policy::from_json(&pretty).unwrap().digest(), from_json.digest());
    assert_eq!(countersign::testing::check(&from_json), countersign::testing::check(&from_toml));
}

#[test]
fn digest_is_that_of_the_model() {
    let digest = |text: &str| Policy::from_toml(text).unwrap().digest().to_owned();
    let one = digest("format = 1\nname = 'x'\n[let]\na = 'true'\n");
    assert_eq!(digest("# said\nname = \"x\"\nformat = 1\n[let]\n'a' = '''true'''\n"), one);
    assert_ne!(digest("format = 1\nname = 'x'\n[let]\na = 'true '\n"), one);
    assert_ne!(digest("format = 1\nname = 'x'\n[let]\nb = 'true'\n"), one);
    assert_ne!(digest("format = 1\nname = 'y'\n[let]\na = 'true'\n"), one);
}

#[test]
fn every_fault_has_its_place() {
    let text = r#"{
  "format": 1, "name": "x",
  "zone": [
    { "id": "a", "when": "resource.enviroment == 'x'", "max_risk": "huge", "grnat": {} },
    { "id": "a", "when": "1", "max_risk": "low" }
  ]
}"#;
    assert_eq!(
        faults(text),
        [
            "4:27 rule `a`: unknown attribute `resource.enviroment`",
            "4:68 expected `low`, `medium`, `high`, `critical`, found `huge`",
            "4:76 unknown key `grnat`, did you mean `grant`?",
            "5:13 rule id `a` is taken by the rule at line 4",
            "5:27 rule `a`: condition must be bool, found int",
        ]
    );
}

#[test]
fn key_that_stands_twice_is_told_with_both_places() {
    let text = "{\"format\": 1,\n\"name\": \"x\",\n\"n\\u0061me\": \"y\"}";
    assert_eq!(faults(text), ["3:1 key `name` stands at line 2 already"]);
}

#[test]
fn what_is_not_json_is_told_at_its_place() {
    for (text, fault) in [
        ("", "1:1 expected a value"),
        ("{", "1:2 expected a key in quotes"),
        ("{\"a\"", "1:5 expected `:`"),
        ("{\"a\": 1", "1:8 expected `,` or `}`"),
        ("{\"a\": 1,}", "1:9 expected a key in quotes"),
        ("{\"a\": [1 2]}", "1:10 expected `,` or `]`"),
        ("{\"a\": [1,]}", "1:10 expected a value"),
        ("{\"a\": null}", "1:7 `null` is no value, leave the key out"),
        ("{\"a\": tru}", "1:7 expected a value"),
        ("{\"a\": 01}", "1:7 number is malformed or does not fit 64 bits"),
        ("{\"a\": +1}", "1:7 expected a value"),
        ("{\"a\": 1e999}", "1:7 number is malformed or does not fit 64 bits"),
        ("{\"a\": 99999999999999999999}", "1:7 number is malformed or does not fit 64 bits"),
        ("{\"a\": \"\\x\"}", "1:7 string is malformed or not closed"),
        ("{\"a\": \"\\ud800\"}", "1:7 string is malformed or not closed"),
        ("{\"a\": \"b", "1:7 string is malformed or not closed"),
        ("{\"a\": \"b\nc\"}", "1:7 string is malformed or not closed"),
        ("{} {}", "1:4 expected the end of the document"),
        ("\u{feff}{}", "1:1 expected a value"),
        ("{/* */}", "1:2 expected a key in quotes"),
        ("[]", "1:1 expected a table, found a list"),
    ] {
        assert_eq!(faults(text), [fault], "{text}");
    }
}

#[test]
fn depth_is_bounded() {
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(faults(&format!("{{\"a\": {deep}}}")), ["1:38 nested deeper than 32 levels"]);
}

#[test]
fn a_hundred_errors_are_a_hundred_faults() {
    let rules: Vec<String> =
        (0..100).map(|n| format!("{{\"id\": \"r{n}\", \"when\": \"nothing_{n}\"}}")).collect();
    let text = format!("{{\"format\": 1, \"name\": \"x\", \"hold\": [{}]}}", rules.join(",\n"));
    assert_eq!(faults(&text).len(), 100);
}

#[test]
fn documents_of_both_kinds_are_one_policy() {
    let base = "format = 1\nname = 'base'\n[let]\nours = 'true'\n";
    let team =
        r#"{"format": 1, "name": "team", "extends": "base", "hold": [{"id": "h", "when": "ours && x"}]}"#;
    let error = Policy::from_documents([("base.toml", base), ("team.json", team)]).unwrap_err();
    let fault = error.faults().next().unwrap();
    assert_eq!((fault.file(), fault.line(), fault.column()), ("team.json", 1, 88));
    let good = team.replace(" && x", "");
    assert!(Policy::from_documents([("base.toml", base), ("team.json", &good)]).is_ok());
}

proptest! {
    #[test]
    fn any_text_gives_diagnostics(text in "(\\PC|[\\[\\]{}:,\"\\\\ \n0-9e.-]){0,80}") {
        if let Err(error) = Policy::from_json(&text) {
            prop_assert!(error.faults().len() > 0);
            let _ = error.to_string();
        }
    }

    /// What the reader takes is what the standard reader takes, for documents without duplicates and nulls.
    #[test]
    fn reads_what_the_standard_reader_reads(cut in 0_usize..200, put in "[\\[\\]{}:,\"\\\\ a0.-]{0,2}") {
        let good = r#"{"format": 1, "other": [1.5e3, -2.0, {"a": true, "b": []}, "\u0061", ""], "x": {"y": {}}, "z": 0}"#;
        let cut = cut.min(good.len());
        let text = format!("{}{put}{}", &good[..cut], &good[cut..]);
        let standard = serde_json::from_str::<serde_json::Value>(&text);
        let syntax = Policy::from_json(&text).err().map(|error| error.to_string()).unwrap_or_default();
        let refused = ["expected a value", "expected a key", "expected `:`", "expected `,`", "malformed", "expected the end"];
        let refused = refused.iter().any(|words| syntax.contains(words));
        prop_assert_eq!(standard.is_err(), refused, "{}\n{}", text, syntax);
    }
}
