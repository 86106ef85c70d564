use super::*;

const GOOD: &str = r#"{"!fmt":"countersign/record/1","at":"2026-11-23T10:00:00.000000Z","event":"host.x","id":"i","key":"k","prev":"0000000000000000000000000000000000000000000000000000000000000000","review":"r","seq":7,"stream":"s","zone":1}"#;

fn with(from: &str, to: &str) -> RecordFault {
    assert!(GOOD.contains(from), "{from}");
    Record::read(GOOD.replacen(from, to, 1).as_bytes()).unwrap_err()
}

#[test]
fn good_record_shows_its_fields() {
    let record = Record::read(GOOD.as_bytes()).unwrap();
    assert_eq!((record.seq(), record.id(), record.event()), (7, "i", "host.x"));
    assert_eq!((record.key(), record.review(), record.bytes()), (Some("k"), Some("r"), GOOD.as_bytes()));
    assert_eq!(Value::Object(record.content()).to_string(), r#"{"zone":1}"#);
    assert_eq!(record.read_as::<std::collections::BTreeMap<String, Value>>().unwrap()["zone"], 1);
    assert_eq!(format!("{record:?}"), r#"Record { seq: 7, event: "host.x", id: "i", .. }"#);
    assert_eq!(Record::read(format!("{GOOD}\n").as_bytes()).unwrap(), record);
}

#[test]
fn record_without_key_and_review_is_good() {
    let text = GOOD.replace(r#""key":"k","#, "").replace(r#""review":"r","#, "");
    let record = Record::read(text.as_bytes()).unwrap();
    assert_eq!((record.key(), record.review()), (None, None));
}

#[test]
fn fields_of_another_shape_are_named() {
    for (from, to, name) in [
        (r#""!fmt":"countersign/record/1","#, "", "!fmt"),
        ("countersign/record/1", "countersign/record/2", "!fmt"),
        (r#""at":"2026-11-23T10:00:00.000000Z","#, "", "at"),
        ("10:00:00.000000Z", "10:00:00Z", "at"),
        (r#""event":"host.x""#, r#""event":"""#, "event"),
        (r#""event":"host.x""#, r#""event":null"#, "event"),
        (r#""id":"i""#, r#""id":"a b""#, "id"),
        (r#""id":"i""#, r#""id":["i"]"#, "id"),
        (r#""key":"k""#, r#""key":"é""#, "key"),
        (r#""key":"k""#, r#""key":null"#, "key"),
        (r#""key":"k""#, r#""key":"a\\b""#, "key"),
        ("\"prev\":\"0", "\"prev\":\"A", "prev"),
        ("\"prev\":\"0", "\"prev\":\"", "prev"),
        (r#""review":"r""#, r#""review":7"#, "review"),
        (r#""seq":7"#, r#""seq":-7"#, "seq"),
        (r#""seq":7"#, r#""seq":"7""#, "seq"),
        (r#""seq":7,"#, "", "seq"),
        (r#""stream":"s""#, r#""stream":"""#, "stream"),
    ] {
        assert_eq!(with(from, to), RecordFault::Field { name }, "{from} as {to}");
    }
    assert_eq!(with(r#""seq":7,"#, "").to_string(), "field `seq` is missing or malformed");
}

#[test]
fn field_names_outside_the_grammar_are_named() {
    for name in ["Team", "1st", "a b", "é", "", "a\\n", "!a"] {
        let fault = Record::read(GOOD.replace("zone", name).as_bytes()).unwrap_err();
        assert!(matches!(fault, RecordFault::FieldName { .. }), "{name}: {fault}");
    }
    assert_eq!(with("zone", "Zone").to_string(), "`Zone` is not the name of a field");
}

#[test]
fn names_within_the_content_are_free() {
    for inner in [r#"{"Team":1}"#, r#"{"é":1}"#, r#"{"":1}"#, "{\"\u{fb33}\":1}"] {
        let text = GOOD.replace(r#""zone":1"#, &format!(r#""zone":{inner}"#));
        let record = Record::read(text.as_bytes()).unwrap();
        assert!(!record.body.re_encoded);
        assert_eq!(record.bytes(), text.as_bytes());
    }
}

#[test]
fn bytes_that_are_no_object_are_refused() {
    assert_eq!(Record::read(b"[]").unwrap_err().to_string(), "not a JSON object");
    assert_eq!(Record::read(b"7").unwrap_err(), RecordFault::NotAnObject);
    assert_eq!(Record::read(b"").unwrap_err().to_string(), "not JSON at byte 0");
    assert_eq!(Record::read(b"\0\0\0").unwrap_err().to_string(), "not JSON at byte 0");
    assert_eq!(with(r#","zone":1"#, r#","zone":1,"zone":1"#).to_string(), "key `zone` stands twice");
}

#[test]
fn record_that_stands_elsewhere_is_refused() {
    let record = Record::read(GOOD.as_bytes()).unwrap().body;
    assert_eq!(record.follows("s", 7, &[0; 32]), Ok(()));
    for (found, message) in [
        (record.follows("t", 7, &[0; 32]), "stream is `s`, expected `t`"),
        (record.follows("s", 8, &[0; 32]), "number is 7, expected 8"),
        (record.follows("s", 7, &[1; 32]), "does not follow the record before it"),
    ] {
        assert_eq!(found.unwrap_err().to_string(), message);
    }
    let opening = Record::read(GOOD.replace("host.x", "stream.opened").as_bytes()).unwrap().body;
    assert_eq!(opening.follows("s", 7, &[0; 32]), Err(RecordFault::Opening));
    let first = Record::read(GOOD.replace("\"seq\":7", "\"seq\":0").as_bytes()).unwrap().body;
    assert_eq!(
        first.follows("s", 0, &[0; 32]).unwrap_err().to_string(),
        "a stream is opened by its first record and no other"
    );
}
