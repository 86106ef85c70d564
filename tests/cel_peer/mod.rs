//! Our evaluator beside the `cel` crate.
//!
//! Evaluates one expression over rows of bindings in both, and wants both to give the same value or both to
//! fail. Where the crate is known to differ from the language, the difference is listed with its reason;
//! `excused` is that list. The fuzz target `peer` uses this file too.

pub mod generate;

use std::panic::{AssertUnwindSafe, catch_unwind};

use cel::objects::Key;
use countersign::cel::{Datum, Environment, Failure, Input, Program, Type};

use generate::Choices;

/// One row of bindings, for both sides.
pub struct Row {
    ours: Vec<Datum>,
    theirs: cel::Context<'static, 'static>,
}

const NAMES: [&str; 12] = ["b", "c", "i", "j", "u", "d", "s", "t", "l", "ls", "m", "n"];

/// Twenty-five rows that meet every boundary.
pub fn rows() -> Vec<Row> {
    let ints = [0, 1, -1, 2, 5, i64::MAX, i64::MIN, 100];
    let uints = [0, 1, 2, u64::MAX, 7, 3, 1 << 63, 10];
    let doubles = [0.0, 1.0, -1.5, f64::NAN, f64::INFINITY, 2.0, -0.0, 1e18];
    let texts = ["", "a", "ab", "é🐱", "abc", "x", "b", "aa"];
    (0..25_usize)
        .map(|row| {
            let text = |shift: usize| texts[(row * 3 + shift) % 8].to_owned();
            let list: Vec<i64> = (0..row % 4).map(|place| ints[(row + place) % 8]).collect();
            let strings: Vec<String> = (0..(row + 1) % 4).map(text).collect();
            let map: Vec<(String, i64)> = ["a", "b", "ab"]
                .iter()
                .take(row % 4)
                .map(|key| ((*key).to_owned(), ints[(row * 5) % 8]))
                .collect();
            let numbers = |list: &[i64]| list.iter().map(|number| Datum::Int(*number)).collect();
            let ours = vec![
                Datum::Bool(row % 2 == 0),
                Datum::Bool(row % 3 == 0),
                Datum::Int(ints[row % 8]),
                Datum::Int(ints[(row / 3 + 1) % 8]),
                Datum::Uint(uints[(row / 2) % 8]),
                Datum::Double(doubles[(row / 2 + 3) % 8]),
                Datum::String(text(0)),
                Datum::String(text(5)),
                Datum::List(numbers(&list)),
                Datum::List(strings.iter().map(|text| Datum::String(text.clone())).collect()),
                Datum::Map(
                    map.iter().map(|(key, value)| (Datum::String(key.clone()), Datum::Int(*value))).collect(),
                ),
                Datum::Null,
            ];
            Row::new(ours)
        })
        .collect()
}

impl Row {
    fn new(ours: Vec<Datum>) -> Self {
        let mut theirs = cel::Context::default();
        for (name, value) in NAMES.iter().zip(&ours) {
            theirs.add_variable_from_value(*name, peer_value(value));
        }
        Self { ours, theirs }
    }

    /// A row of its own for a fuzzer's choices.
    pub fn drawn(choices: &mut Choices<'_>) -> Self {
        let mut below = |bound: u64| choices.below(bound);
        let mut int = || match below(8) {
            0 => i64::MAX,
            1 => i64::MIN,
            small => small as i64 - 4,
        };
        let (i, j, u) = (int(), int(), int());
        let doubles = [0.0, 1.0, -1.5, f64::NAN, f64::INFINITY, 2.0, -0.0, 1e18];
        let texts = ["", "a", "ab", "é🐱", "abc", "x", "b", "aa"];
        let place = |number: u64| usize::try_from(number).unwrap_or(0);
        let mut text = || Datum::String(texts[place(below(8))].to_owned());
        let (s, t, ls) = (text(), text(), vec![text(), text(), text()]);
        let (flags, double, count, keys) = (below(4), below(8), below(4), below(4));
        let entries = ["a", "b", "ab"].iter().take(place(keys));
        Self::new(vec![
            Datum::Bool(flags & 1 == 0),
            Datum::Bool(flags & 2 == 0),
            Datum::Int(i),
            Datum::Int(j),
            Datum::Uint(u.unsigned_abs()),
            Datum::Double(doubles[place(double)]),
            s,
            t,
            Datum::List([i, j, u].iter().take(place(count)).map(|number| Datum::Int(*number)).collect()),
            Datum::List(ls.into_iter().take(place(count)).collect()),
            Datum::Map(entries.map(|key| (Datum::String((*key).to_owned()), Datum::Int(i))).collect()),
            Datum::Null,
        ])
    }
}

fn peer_value(datum: &Datum) -> cel::Value {
    match datum {
        Datum::Bool(value) => cel::Value::Bool(*value),
        Datum::Int(value) => cel::Value::Int(*value),
        Datum::Uint(value) => cel::Value::UInt(*value),
        Datum::Double(value) => cel::Value::Float(*value),
        Datum::String(value) => cel::Value::from(value.clone()),
        Datum::List(items) => cel::Value::from(items.iter().map(peer_value).collect::<Vec<_>>()),
        Datum::Map(entries) => {
            let key = |key: &Datum| if let Datum::String(text) = key { text.clone() } else { String::new() };
            let map = entries.iter().map(|(name, value)| (key(name), peer_value(value)));
            cel::Value::from(map.collect::<std::collections::HashMap<_, _>>())
        }
        _ => cel::Value::Null,
    }
}

/// A value as text, the same for both sides.
fn print(datum: &Datum) -> String {
    match datum {
        Datum::Double(value) if value.is_nan() => "nan".to_owned(),
        Datum::List(items) => format!("[{}]", items.iter().map(print).collect::<Vec<_>>().join(",")),
        Datum::Map(entries) => {
            let mut parts: Vec<String> =
                entries.iter().map(|(key, value)| format!("{}:{}", print(key), print(value))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        other => format!("{other:?}"),
    }
}

fn print_peer(value: &cel::Value) -> String {
    match value {
        cel::Value::Null => print(&Datum::Null),
        cel::Value::Bool(value) => print(&Datum::Bool(*value)),
        cel::Value::Int(value) => print(&Datum::Int(*value)),
        cel::Value::UInt(value) => print(&Datum::Uint(*value)),
        cel::Value::Float(value) => print(&Datum::Double(*value)),
        cel::Value::String(value) => print(&Datum::String(value.to_string())),
        cel::Value::List(items) => {
            format!("[{}]", items.iter().map(print_peer).collect::<Vec<_>>().join(","))
        }
        cel::Value::Map(map) => {
            let key = |key: &Key| match key {
                Key::Int(value) => print(&Datum::Int(*value)),
                Key::Uint(value) => print(&Datum::Uint(*value)),
                Key::Bool(value) => print(&Datum::Bool(*value)),
                Key::String(value) => print(&Datum::String(value.to_string())),
            };
            let mut parts: Vec<String> =
                map.map.iter().map(|(name, value)| format!("{}:{}", key(name), print_peer(value))).collect();
            parts.sort();
            format!("{{{}}}", parts.join(","))
        }
        other => format!("{other:?}"),
    }
}

/// The known differences of the `cel` crate from the language, each with its reason.
fn excused(ours: &Result<String, Failure>, theirs: &Result<String, String>) -> Option<&'static str> {
    match (ours, theirs) {
        (Ok(_), Err(message))
            if message.contains("double") && ["_<", "_>"].iter().any(|op| message.contains(op)) =>
        {
            Some("the crate fails to order a NaN; the language says false")
        }
        (Err(Failure::Error { at, .. }), Ok(_))
            if at.contains(" + ") && (at.contains('{') || at.contains('m')) =>
        {
            Some("the crate appends the keys of a map to a list; the language does not add them")
        }
        (Ok(left), Ok(right)) if left.starts_with('[') => {
            let sorted = |text: &str| {
                let mut letters: Vec<char> = text.chars().collect();
                letters.sort_unstable();
                letters
            };
            (sorted(left) == sorted(right)).then_some("the keys of a map have no order")
        }
        _ => None,
    }
}

/// Evaluates an expression over all rows; gives the number of pairs, or the first difference.
pub fn compare(source: &str, rows: &[Row], environment: &Environment) -> Result<u64, String> {
    let peer = catch_unwind(AssertUnwindSafe(|| cel::Program::compile(source)));
    let own = Program::expression(source, environment);
    let (Ok(Ok(peer)), Ok(own)) = (peer, own) else { return Ok(0) };
    let mut pairs = 0;
    for row in rows {
        let inputs: Vec<Input<'_>> = row.ours.iter().map(Input::from).collect();
        let ours = own.evaluate(&inputs).map(|value| print(&value));
        let theirs = catch_unwind(AssertUnwindSafe(|| peer.execute(&row.theirs)));
        let Ok(theirs) = theirs else { continue };
        let theirs = theirs.map(|value| print_peer(&value)).map_err(|error| error.to_string());
        pairs += 1;
        let same = match (&ours, &theirs) {
            (Ok(left), Ok(right)) => left == right,
            (Err(_), Err(_)) => true,
            _ => false,
        };
        if !same && excused(&ours, &theirs).is_none() {
            return Err(format!("{source}\n  with {:?}\n  ours {ours:?}\n  cel  {theirs:?}", row.ours));
        }
    }
    Ok(pairs)
}

pub fn environment() -> Environment {
    let mut environment = Environment::new();
    for name in NAMES {
        environment.declare(name, Type::Dyn);
    }
    environment
}
