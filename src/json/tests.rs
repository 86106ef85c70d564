use super::*;

const BOUNDS: Bounds = Bounds { depth: 3, members: 4 };

fn read(text: &str) -> Result<Json<'_>, JsonError> {
    parse(text.as_bytes(), BOUNDS)
}

#[test]
fn every_kind_of_value_is_read() {
    let value = read(r#" {"a":[null,true,false],"b":-1.5e+3,"c":"x\u0041\n"} "#).unwrap();
    assert_eq!(value.get("a").unwrap(), &Json::Array(vec![Json::Null, Json::Bool(true), Json::Bool(false)]));
    assert_eq!(value.get("b").unwrap(), &Json::Number("-1.5e+3"));
    assert_eq!(value.get("c").unwrap().as_str(), Some("xA\n"));
}

#[test]
fn a_surrogate_pair_is_one_character() {
    assert_eq!(read(r#""\ud83d\ude00""#).unwrap().as_str(), Some("\u{1f600}"));
    assert_eq!(read(r#""\udbff\udfff""#).unwrap().as_str(), Some("\u{10ffff}"));
    assert_eq!(read(r#""\ud800\udc00""#).unwrap().as_str(), Some("\u{10000}"));
}

#[test]
fn half_a_surrogate_pair_is_refused() {
    for text in [r#""\ud83d""#, r#""\ude00""#, r#""\ud83d\u0041""#, r#""\ud83dx""#] {
        assert!(matches!(read(text), Err(JsonError::Syntax { .. })), "{text}");
    }
}

#[test]
fn a_key_written_two_ways_stands_twice() {
    assert_eq!(read(r#"{"a":1,"\u0061":2}"#), Err(JsonError::DuplicateKey { key: "a".into() }));
    assert_eq!(read(r#"[{"x":{"b":1,"b":1}}]"#), Err(JsonError::DuplicateKey { key: "b".into() }));
}

#[test]
fn depth_is_bounded_before_it_is_walked() {
    assert!(read("[[[1]]]").is_ok());
    assert_eq!(read("[[[[1]]]]"), Err(JsonError::TooDeep { limit: 3 }));
    assert_eq!(read(&"[".repeat(100_000)), Err(JsonError::TooDeep { limit: 3 }));
    assert_eq!(read(&r#"{"a":"#.repeat(100_000)), Err(JsonError::TooDeep { limit: 3 }));
}

#[test]
fn members_of_an_object_are_bounded() {
    assert!(read(r#"{"a":1,"b":1,"c":1,"d":1}"#).is_ok());
    assert_eq!(read(r#"{"a":1,"b":1,"c":1,"d":1,"e":1}"#), Err(JsonError::TooManyMembers { limit: 4 }));
}

#[test]
fn what_is_not_json_is_refused() {
    for text in [
        "",
        " ",
        "{",
        "}",
        "[1,]",
        "{\"a\":1,}",
        "{\"a\"}",
        "{a:1}",
        "01",
        "-",
        "+1",
        "1.",
        ".5",
        "1e",
        "1e+",
        "0x1",
        "NaN",
        "Infinity",
        "tru",
        "nul",
        "'a'",
        "\"a",
        "\"\\x\"",
        "\"\\u12g4\"",
        "\"\t\"",
        "\"\u{1}\"",
        "1 2",
        "{} {}",
        "[1 2]",
        "\u{feff}1",
        "//c\n1",
        "\u{a0}1",
        "1\0",
    ] {
        assert!(matches!(read(text), Err(JsonError::Syntax { .. })), "{text:?}");
    }
}

#[test]
fn bytes_that_are_not_utf8_are_refused() {
    assert_eq!(parse(b"\"\xff\"", BOUNDS), Err(JsonError::Encoding { at: 1 }));
    assert_eq!(parse(b"\"\xed\xa0\x80\"", BOUNDS), Err(JsonError::Encoding { at: 1 }));
}

#[test]
fn only_plain_integers_are_integers() {
    for (text, integer) in [
        ("0", Some(0)),
        ("9007199254740991", Some(MAX_INTEGER)),
        ("9007199254740992", None),
        ("18446744073709551616", None),
        ("-1", None),
        ("-0", None),
        ("1.0", None),
        ("1e3", None),
    ] {
        assert_eq!(read(text).unwrap().as_integer(), integer, "{text}");
    }
}

#[test]
fn values_copy_into_serde_json() {
    let text = r#"{"a":[1,null,true,"x\u00e9"],"b":{"c":1.5}}"#;
    assert_eq!(read(text).unwrap().to_value(), serde_json::from_str::<serde_json::Value>(text).unwrap());
}

#[test]
fn messages_name_what_was_found() {
    let message = |text: &str| read(text).unwrap_err().to_string();
    assert_eq!(message("{\"a\":}"), "not JSON at byte 5");
    assert_eq!(message("{\"a\":1,\"a\":1}"), "key `a` stands twice");
    assert_eq!(message("[[[[1]]]]"), "nested deeper than 3 levels");
    assert_eq!(message(r#"{"a":1,"b":1,"c":1,"d":1,"e":1}"#), "object has more than 4 members");
    assert_eq!(parse(b"\"\xff\"", BOUNDS).unwrap_err().to_string(), "not UTF-8 at byte 1");
}
