use super::*;
use crate::audit::{Draft, Event, Ledger, Record, Refusal, Step};
use crate::stamp::Stamp;

const PATH: &str = "/request/resource/properties/owner";

fn opening() -> Opening {
    let sealed = Sealed { path: PATH.to_owned(), salt: [7; 32], value: json!("olga") };
    Opening::new("orders-gate", 1, &sealed)
}

/// A step that commits to one of two members.
fn step(random: u8) -> Step<()> {
    let stamp = Stamp::new("2026-11-23T10:00:00Z".parse().unwrap(), [random; 32]);
    let content = json!({ "resource": { "properties": { "owner": "olga", "tier": 1 } } });
    let draft = Draft::new(Event::RequestDecided, stamp.id("test"), stamp.now())
        .with("request", content)
        .committing([PATH.to_owned(), "/request/subject".to_owned(), "/nothing".to_owned()], &stamp);
    Step::new(vec![draft], Refusal::new(&stamp), |_| ())
}

/// Computed apart from the library, with another language's hash.
#[test]
fn commitment_is_that_of_the_format() {
    let expected = "b929114bfb12136628b20f82535d283692802d2d3f0155db147bf78d199b0b7f";
    assert_eq!(
        commit(&[7; 32], PATH, &json!("olga")).map(|hash| hex::encode(&hash)).as_deref(),
        Some(expected)
    );
}

#[test]
fn record_holds_a_commitment_and_its_opening_the_value() {
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let staged = ledger.stage(step(1)).unwrap();
    let record = staged.records()[1].clone();
    let openings: Vec<Opening> = staged.openings().cloned().collect();
    assert_eq!((openings.len(), openings[0].seq(), openings[0].path()), (1, 1, PATH));
    assert!(!String::from_utf8_lossy(record.bytes()).contains("olga"));
    let opened = record.opened(&Openings::new(openings.clone()));
    assert_eq!(opened.content["request"]["resource"]["properties"], json!({ "owner": "olga", "tier": 1 }));
    assert_eq!((opened.open, opened.closed), (vec![PATH.to_owned()], Vec::new()));
    let closed = record.opened(&Openings::default());
    assert_eq!(closed.closed, [Closed { path: PATH.to_owned(), mismatch: false }]);
    assert_eq!(closed.content["request"]["resource"]["properties"]["tier"], 1);
}

#[test]
fn equal_values_have_unlike_commitments() {
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let found = [1, 2].map(|random| {
        let staged = ledger.stage(step(random)).unwrap();
        let content = staged.records().last().unwrap().content();
        let salt = staged.openings().next().unwrap().salt;
        staged.commit();
        (content["request"]["resource"]["properties"]["owner"].clone(), salt)
    });
    assert_ne!(found[0], found[1]);
    assert_ne!(found[0].1, found[1].1);
}

#[test]
fn opening_of_another_value_salt_or_place_opens_nothing() {
    let mut ledger = Ledger::create("orders-gate").unwrap();
    let staged = ledger.stage(step(1)).unwrap();
    let record = staged.records()[1].clone();
    let good = staged.openings().next().unwrap().clone();
    let value = Opening { value: json!("ola"), ..good.clone() };
    let mut salt = good.clone();
    salt.salt[31] ^= 1;
    for wrong in [value, salt] {
        let closed = record.opened(&Openings::new([wrong.clone()])).closed;
        assert_eq!(closed, [Closed { path: PATH.to_owned(), mismatch: true }]);
        // One that is right beside it is enough.
        assert!(record.opened(&Openings::new([wrong, good.clone()])).closed.is_empty());
    }
    let elsewhere = [
        Opening { seq: 2, ..good.clone() },
        Opening { stream: "other".to_owned(), ..good.clone() },
        Opening { path: "/request/subject".to_owned(), ..good },
    ];
    for wrong in elsewhere {
        let closed = record.opened(&Openings::new([wrong])).closed;
        assert_eq!(closed, [Closed { path: PATH.to_owned(), mismatch: false }]);
    }
}

#[test]
fn openings_follow_their_records_to_other_numbers() {
    let mut first = Ledger::create("orders-gate").unwrap();
    let mut second = Ledger::create("orders-gate").unwrap();
    let staged = first.stage(step(1)).unwrap();
    let store: Vec<Record> = staged.records().to_vec();
    staged.commit();

    let staged = second.stage(step(2)).unwrap();
    assert_eq!(staged.openings().map(Opening::seq).collect::<Vec<_>>(), [1]);
    let staged = staged.rebase(store.iter().map(Record::bytes)).unwrap();
    assert_eq!(staged.openings().map(Opening::seq).collect::<Vec<_>>(), [2]);
    let openings = Openings::new(staged.openings().cloned());
    assert!(staged.records()[0].opened(&openings).closed.is_empty());
    // The answer to the write was lost: what is stored is stored, and its openings may not be.
    let stored: Vec<Record> = staged.records().to_vec();
    let staged = staged.rebase(stored.iter().map(Record::bytes)).unwrap();
    assert!(staged.records().is_empty());
    assert_eq!(staged.openings().map(Opening::seq).collect::<Vec<_>>(), [2]);
    staged.commit();
}

#[test]
fn opening_survives_its_line() {
    let opening = opening();
    assert_eq!(Opening::read(opening.to_line()), Ok(opening.clone()));
    assert_eq!(Opening::read(format!("{}\n", opening.to_line())), Ok(opening));
}

#[test]
fn malformed_openings_are_refused() {
    let line = opening().to_line();
    let changed = |from: &str, to: &str| Opening::read(line.replacen(from, to, 1)).unwrap_err();
    for (from, to, name) in [
        ("opening/1", "opening/2", "!fmt"),
        ("\"path\":\"/", "\"path\":\"", "path"),
        ("0707", "07g7", "salt"),
        ("\"seq\":1", "\"seq\":-1", "seq"),
        ("orders-gate", "", "stream"),
        (",\"value\":\"olga\"", "", "value"),
    ] {
        assert_eq!(changed(from, to), OpeningError::Field { name }, "{from}");
    }
    let found = "more".to_owned();
    assert_eq!(changed("{", "{\"more\":1,"), OpeningError::FieldName { found });
    assert!(matches!(changed("\"seq\":1", "\"seq\":1.5"), OpeningError::Json(_)));
    assert_eq!(
        changed("opening/1", "opening/2").to_string(),
        "opening: field `!fmt` is missing or malformed"
    );
}

#[test]
fn debug_text_hides_the_value_and_the_salt() {
    let text = format!("{:?}", opening());
    assert!(!text.contains("olga") && !text.contains('7'), "{text}");
}
