use std::fmt::Write;

use chrono::{DateTime, Utc};

use super::super::chain::{Tip, chain};
use super::super::step::Part;
use super::super::{Draft, LogVerifier};
use super::*;

const SCHEMA: &str = include_str!("../../../tests/data/ocsf/schema.json");
const LOG: &str = include_str!("../../../tests/vectors/review/0.2.0.jsonl");
const CONTROLS: &str = include_str!("../../../docs/controls.md");

fn records() -> Vec<Record> {
    let mut log = LogVerifier::new("orders-gate");
    LOG.lines().map(|line| Record::from(&log.push(line.as_bytes()).unwrap())).collect()
}

/// A record of an event, with content of every kind that an export looks at, or none.
fn record(event: &str, content: Value) -> Record {
    let at: DateTime<Utc> = "2026-11-23T10:00:00.000001Z".parse().unwrap();
    let mut draft = Draft::named(event.to_owned(), "i".to_owned(), at);
    if let Value::Object(content) = content {
        draft = draft.with_content(content);
    }
    let part = Part { drafts: vec![draft.render().unwrap()], refusal: None, fault: None };
    chain(&Tip::new("a stream/é".replace([' ', 'é'], "~").as_str()).unwrap(), None, &[part], |_| false)
        .records
        .remove(0)
}

/// Checks a value against an object of the schema, and returns what is wrong.
fn faults(schema: &Value, object: &Value, value: &Value, path: &str, out: &mut Vec<String>) {
    let Some(found) = value.as_object() else {
        return out.push(format!("{path} is no object"));
    };
    let attributes = object["attributes"].as_object().unwrap();
    for (name, attribute) in attributes {
        if attribute["required"] == true && !found.contains_key(name) {
            out.push(format!("{path}.{name} is missing"));
        }
    }
    if let Some(names) = object["constraints"]["at_least_one"].as_array()
        && !names.iter().any(|name| found.contains_key(name.as_str().unwrap()))
    {
        out.push(format!("{path} has none of {names:?}"));
    }
    for (name, value) in found {
        let path = format!("{path}.{name}");
        let Some(attribute) = attributes.get(name) else {
            out.push(format!("{path} is not in the schema"));
            continue;
        };
        let items = match value {
            Value::Array(items) if attribute["array"] == true => items.clone(),
            _ if attribute["array"] == true => return out.push(format!("{path} is no list")),
            other => vec![other.clone()],
        };
        for item in items {
            let fits = match attribute["type"].as_str().unwrap() {
                "string_t" => item.is_string(),
                "integer_t" | "long_t" | "timestamp_t" => item.is_i64() || item.is_u64(),
                kind => {
                    faults(schema, &schema["objects"][kind], &item, &path, out);
                    true
                }
            };
            // `0` stands for a class's own number, which the schema's compiler fills in.
            let named = match attribute["enum"].as_array() {
                Some(known) if !path.ends_with("category_uid") && !path.ends_with("class_uid") => {
                    known.iter().any(|known| known.as_str() == Some(&item.to_string())) || item.is_string()
                }
                _ => true,
            };
            if !fits || !named {
                out.push(format!("{path} is {item}"));
            }
        }
    }
}

fn check(event: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let (class, category) = match event["class_uid"].as_u64().unwrap() {
        3005 => ("user_access", 3),
        3004 => ("entity_management", 3),
        6003 => ("api_activity", 6),
        other => panic!("class {other}"),
    };
    let mut out = Vec::new();
    faults(&schema, &schema["classes"][class], event, class, &mut out);
    assert!(out.is_empty(), "{out:#?} in {event:#}");
    let uid = schema["classes"][class]["uid"].as_u64().unwrap();
    assert_eq!(event["category_uid"], category);
    assert_eq!(event["class_uid"].as_u64().unwrap(), category * 1000 + uid);
    let activity = event["activity_id"].as_u64().unwrap();
    assert_eq!(event["type_uid"].as_u64().unwrap(), (category * 1000 + uid) * 100 + activity);
}

#[test]
fn every_record_of_a_log_fits_the_schema_of_its_class() {
    let export = Export::new("https://gate.example");
    let records = records();
    for record in &records {
        check(&export.ocsf(record));
    }
    assert!(records.len() > 20);
}

#[test]
fn every_event_fits_the_schema_with_and_without_content() {
    let export = Export::new("https://gate.example");
    let full = json!({
        "by": "user/bo", "req": "r", "grant": "g", "policy": "sha-256:00", "call": "redeem", "action": "run",
        "resource": "database/orders", "child": { "root": "sha-256:00", "size": 1, "stream": "s" },
        "claims": { "sub": "user/ana", "act": "run", "res": "database/orders" },
        "decision": { "effect": "deny", "risk": "critical" },
    });
    let odd = json!({ "by": 1, "claims": [], "decision": "x", "request": null, "vote": { "approver": 7 } });
    let names = Event::ALL.iter().map(|event| event.as_str()).chain(["host.deploy"]);
    for name in names {
        for content in [Value::Null, full.clone(), odd.clone()] {
            check(&export.ocsf(&record(name, content)));
        }
    }
}

#[test]
fn schema_test_finds_faults() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let event = Export::new("https://gate.example").ocsf(&record("host.deploy", Value::Null));
    let broken = |change: &dyn Fn(&mut Value)| {
        let (mut event, mut out) = (event.clone(), Vec::new());
        change(&mut event);
        faults(&schema, &schema["classes"]["api_activity"], &event, "", &mut out);
        out.len()
    };
    assert_eq!(broken(&|_| ()), 0);
    assert_eq!(broken(&|event| drop(event.as_object_mut().unwrap().remove("src_endpoint"))), 1);
    assert_eq!(broken(&|event| event["src_endpoint"] = json!({})), 1);
    assert_eq!(broken(&|event| event["api"] = json!({ "operation": 7 })), 1);
    assert_eq!(broken(&|event| event["severity_id"] = json!(7)), 1);
    assert_eq!(broken(&|event| event["reason"] = json!("x")), 1);
}

#[test]
fn events_name_the_version_of_the_schema_that_they_are_checked_against() {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    for name in ["grant.authorized", "stream.closed", "host.deploy"] {
        let event = Export::new("https://gate.example").ocsf(&record(name, Value::Null));
        assert_eq!(event["metadata"]["version"], schema["version"]);
    }
}

#[test]
fn each_of_several_resources_is_named() {
    let export = Export::new("https://gate.example");
    let both = json!([{ "uid": "database/orders" }, { "uid": "database/users" }]);
    let names = json!(["database/orders", "database/users"]);
    let entities = json!([{ "type": "database", "id": "orders" }, { "type": "database", "id": "users" }]);
    for (event, content) in [
        ("grant.authorized", json!({ "claims": { "res": names } })),
        ("grant.redeemed", json!({ "resource": names })),
        ("request.decided", json!({ "request": { "resources": entities } })),
    ] {
        let event = export.ocsf(&record(event, content));
        check(&event);
        assert_eq!(event["resources"], both);
    }
}

#[test]
fn text_of_a_record_cannot_add_fields_or_lines_to_an_event() {
    let export = Export::new("https://gate.example");
    let text = "ana\r\nCEF:0|x|y|\u{1b}[2J\", \"severity_id\": 1, \"x\": \"\u{202e}\u{2028}\\";
    let content = json!({ "by": text, "action": text, "resource": [text], "call": text,
        "claims": { "sub": text, "act": text, "res": text }, "request": { "action": { "name": text } } });
    for name in ["grant.authorized", "grant.redeemed", "step.refused", "emergency.settled", "host.deploy"] {
        let record = record(name, content.clone());
        for event in [export.ocsf(&record), export.cloud_event(&record)] {
            let line = event.to_string();
            assert!(line.bytes().all(|byte| byte >= 0x20), "{line}");
            assert_eq!(serde_json::from_str::<Value>(&line).unwrap(), event);
            assert!(event.get("x").is_none());
        }
        let event = export.ocsf(&record);
        check(&event);
        let written = record.bytes();
        assert_eq!(event["raw_data"].as_str().unwrap().as_bytes(), written);
    }
}

#[test]
fn grant_is_a_privilege_that_somebody_got() {
    let export = Export::new("https://gate.example");
    let records = records();
    let of = |event: Event| {
        let record = records.iter().find(|record| record.event() == event.as_str()).unwrap();
        export.ocsf(record)
    };
    let grant = of(Event::GrantAuthorized);
    assert_eq!(
        (&grant["class_uid"], &grant["activity_id"], &grant["type_uid"]),
        (&3005.into(), &1.into(), &300_501.into())
    );
    assert_eq!(grant["user"]["uid"], "user/ana");
    assert_eq!(
        (&grant["privileges"], &grant["resources"]),
        (&json!(["run"]), &json!([{ "uid": "database/orders" }]))
    );
    let vote = of(Event::ReviewVoted);
    assert_eq!((&vote["class_uid"], &vote["actor"]["user"]["uid"]), (&3004.into(), &json!("user/bo")));
    assert_eq!(vote["entity"], json!({ "type": "review", "uid": "wzs6fxypjdpmwvwrfkx3hldpad" }));
    let asked = of(Event::RequestDecided);
    assert_eq!((&asked["class_uid"], &asked["api"]["operation"]), (&6003.into(), &json!("run")));
    assert_eq!((&asked["severity_id"], &asked["status_id"]), (&4.into(), &1.into()));
    assert_eq!(asked["raw_data"].as_str().unwrap().as_bytes(), records[1].bytes());
}

#[test]
fn cloud_event_has_what_the_standard_requires() {
    let export = Export::new("https://gate.example");
    for record in records() {
        let event = export.cloud_event(&record);
        for name in ["specversion", "id", "source", "type"] {
            assert!(!event[name].as_str().unwrap().is_empty(), "{name}");
        }
        // Names of attributes are lower-case letters and digits (CloudEvents 1.0.2, section 3.1).
        let names = event.as_object().unwrap().keys();
        assert!(
            names
                .into_iter()
                .all(|name| name.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit()))
        );
        assert_eq!(event["id"], record.seq().to_string());
        assert!(DateTime::parse_from_rfc3339(event["time"].as_str().unwrap()).unwrap() == record.at());
        assert_eq!(serde_json::from_slice::<Value>(record.bytes()).unwrap(), event["data"]);
        let about = event.get("subject").and_then(Value::as_str);
        assert!(about.is_some() || record.event() == "stream.opened");
        assert!(record.review().is_none() || about == record.review());
    }
    let event = export.cloud_event(&record("host.deploy", json!({ "req": "r" })));
    assert_eq!(event["source"], "https://gate.example/a~stream%2F~");
    assert_eq!(event["subject"], "r");
}

#[test]
fn table_of_controls_is_current() {
    let mut table = "| event |".to_owned();
    for control in Event::StreamOpened.controls() {
        write!(table, " {} |", control.framework).unwrap();
    }
    table += "\n|---|---|---|---|---|---|\n";
    for event in Event::ALL {
        write!(table, "| `{event}` |").unwrap();
        for control in event.controls() {
            write!(table, " {} |", control.ids.join(", ")).unwrap();
        }
        table.push('\n');
    }
    let (_, rest) = CONTROLS.split_once("<!-- table -->\n").unwrap();
    let (written, _) = rest.split_once("<!-- /table -->").unwrap();
    assert_eq!(written, table, "docs/controls.md should say:\n{table}");
}
