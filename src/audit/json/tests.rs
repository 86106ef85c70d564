use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

const CASES: &str = include_str!("../../../tests/data/audit/strict-profile/strict_profile_cases.json");

macro_rules! pair {
    ($name:literal) => {
        (
            include_bytes!(concat!("../../../tests/data/audit/rfc8785/input/", $name, ".json")).as_slice(),
            include_bytes!(concat!("../../../tests/data/audit/rfc8785/output/", $name, ".json")).as_slice(),
        )
    };
}

fn bytes(case: &Value, field: &str) -> Vec<u8> {
    let digits = case[field].as_str().unwrap().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn write(item: &Value) -> Result<String, JsonFault> {
    let mut out = String::new();
    value(&mut out, item, 0).map(|()| out)
}

#[test]
fn bytes_outside_the_profile_are_refused() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let cases = cases["reject"].as_array().unwrap();
    assert_eq!(cases.len(), 19);
    for case in cases {
        assert!(canonical(&bytes(case, "hex")).is_err(), "{case}");
    }
}

#[test]
fn valid_bytes_are_re_encoded_to_the_canonical_ones() {
    let cases: Value = serde_json::from_str(CASES).unwrap();
    let cases = cases["noncanonical_but_valid"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        let (found, expected) = (bytes(case, "hex"), bytes(case, "canonical"));
        assert_eq!(canonical(&found).unwrap(), std::str::from_utf8(&expected).unwrap(), "{case}");
        assert!(matches!(canonical(&found).unwrap(), std::borrow::Cow::Owned(_)), "{case}");
        assert!(matches!(canonical(&expected).unwrap(), std::borrow::Cow::Borrowed(_)), "{case}");
    }
}

#[test]
fn pairs_of_rfc_8785_that_fit_the_profile_match_byte_for_byte() {
    for (input, output) in [pair!("arrays"), pair!("french"), pair!("unicode"), pair!("weird")] {
        assert_eq!(canonical(input).unwrap().as_bytes(), output);
        assert_eq!(canonical(output).unwrap().as_bytes(), output);
    }
}

#[test]
fn pairs_of_rfc_8785_with_floats_are_refused() {
    for ((input, _), number) in [(pair!("structures"), "56.0"), (pair!("values"), "333333333.33333329")] {
        assert_eq!(canonical(input), Err(JsonFault::Number { found: number.to_owned() }));
    }
}

#[test]
fn values_outside_the_profile_are_not_written() {
    let deep = (0..17).fold(Value::Null, |inner, _| json!([inner]));
    for (item, message) in [
        (json!(1.5), "number `1.5` is not an integer within ±9007199254740991"),
        (
            json!(9_007_199_254_740_992_i64),
            "number `9007199254740992` is not an integer within ±9007199254740991",
        ),
        (json!(u64::MAX), "number `18446744073709551615` is not an integer within ±9007199254740991"),
        (json!("a\0b"), "text holds a NUL character"),
        (json!({ "a\0": 1 }), "text holds a NUL character"),
        (deep, "nested deeper than 16 levels"),
    ] {
        assert_eq!(write(&item).unwrap_err().to_string(), message);
    }
}

#[test]
fn objects_with_too_many_members_are_neither_written_nor_read() {
    let object = |count: usize| (0..count).map(|n| (format!("k{n:05}"), Value::Null)).collect::<Map<_, _>>();
    let most = write(&Value::Object(object(4_096))).unwrap();
    assert!(matches!(canonical(most.as_bytes()), Ok(std::borrow::Cow::Borrowed(_))));
    assert!(write(&Value::Object(object(4_097))).is_err());
    let one_more = most.replacen('{', "{\"a\":0,", 1);
    assert!(members(&one_more, false, |_, _| ()).is_none());
    assert!(canonical(one_more.as_bytes()).is_err());
}

#[test]
fn size_is_bounded_before_and_after_re_encoding() {
    let text = format!("\"{}\"", "a".repeat(limits::RECORD_BYTES));
    assert_eq!(canonical(text.as_bytes()).unwrap_err().to_string(), "65537 bytes, limit is 65535");
    let spaces = " ".repeat(3 * limits::RECORD_BYTES);
    assert_eq!(
        canonical(format!("1{spaces}").as_bytes()).unwrap_err().to_string(),
        "196606 bytes, limit is 65535"
    );
    let padded = format!("1{}", " ".repeat(limits::RECORD_BYTES));
    assert_eq!(canonical(padded.as_bytes()).unwrap(), "1");
}

#[test]
fn control_characters_have_one_spelling() {
    let letters: String = (1..=0x1f_u8).chain([0x7f]).map(char::from).chain("\"\\/é😂".chars()).collect();
    let plain = "\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f\\u0010\\u0011\
                 \\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e\\u001f";
    assert_eq!(write(&json!(letters)).unwrap(), format!("\"{plain}\u{7f}\\\"\\\\/é😂\""));
    for spelling in [r#""\u000a""#, r#""\u001F""#, r#""\/""#, r#""\u0041""#, r#""\u00e9""#, r#""\u0008""#] {
        assert!(members(&format!("{{\"a\":{spelling}}}"), false, |_, _| ()).is_none(), "{spelling}");
    }
}

fn any_value() -> impl Strategy<Value = Value> {
    let integer = prop_oneof![-9_007_199_254_740_991..=9_007_199_254_740_991_i64, -20..20_i64];
    let text = prop_oneof!["[a-z]{0,6}", "[ -~]{0,6}", "[\u{1}-\u{ffff}\u{10000}-\u{10100}]{0,4}"];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integer.prop_map(Value::from),
        text.clone().prop_map(Value::String),
    ];
    leaf.prop_recursive(4, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            prop::collection::btree_map(text.clone(), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

/// Writes a value as PostgreSQL's `jsonb` prints it: shorter keys first, a space after `:` and `,`.
fn like_jsonb(item: &Value) -> String {
    match item {
        Value::Object(map) => {
            let mut members: Vec<_> = map.iter().collect();
            members.sort_by_key(|(name, _)| (name.len(), name.as_bytes()));
            let member = |(name, item): &(&String, &Value)| format!("{}: {}", json!(name), like_jsonb(item));
            format!("{{{}}}", members.iter().map(member).collect::<Vec<_>>().join(", "))
        }
        Value::Array(items) => format!("[{}]", items.iter().map(like_jsonb).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_recognised_and_read_back(item in any_value()) {
        let text = write(&item).unwrap();
        let read = canonical(text.as_bytes()).unwrap();
        prop_assert!(matches!(read, std::borrow::Cow::Borrowed(_)));
        prop_assert_eq!(read::read(text.as_bytes()).unwrap(), item);
    }

    #[test]
    fn other_spellings_of_a_value_lead_to_the_same_bytes(item in any_value()) {
        let text = write(&item).unwrap();
        for other in [like_jsonb(&item), serde_json::to_string_pretty(&item).unwrap()] {
            let read = canonical(other.as_bytes()).unwrap();
            prop_assert_eq!(read.as_ref(), text.as_str());
        }
    }

    /// The fast recogniser never says yes where the strict reader and the writer would not agree.
    #[test]
    fn what_is_recognised_is_canonical(item in any_value(), at in any::<prop::sample::Index>(), byte in 0x09..0x80_u8) {
        let mut bytes = write(&item).unwrap().into_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(text) = std::str::from_utf8(&bytes)
            && scan::is_canonical(text)
        {
            let again = write(&read::read(&bytes).unwrap()).unwrap();
            prop_assert_eq!(again.as_str(), text);
        }
    }
}
