//! Values that a caller could state.
//!
//! Makes an example of what the vocabulary asks for, to try out whether stating it would help. Only of
//! attributes that the caller may state; what the host attests is never made up.

use chrono::{DateTime, TimeDelta, Utc};
use regex_syntax::hir::{Class, Hir, HirKind};

use super::{Attribute, Root, Schema};
use crate::cel::{Datum, Slot, Type};
use crate::policy::Field;
use crate::request::Request;
use crate::value::Value;

/// A value to try, and whether it must be this one: a choice among several, not any of a form.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Sample {
    pub(crate) value: Value,
    pub(crate) exact: bool,
}

impl Attribute {
    /// Says whether it is the caller's to state, as a member of the context.
    pub(crate) fn is_the_callers(&self) -> bool {
        self.from_caller && self.root == Root::Context
    }

    pub(crate) fn slot(&self) -> Slot {
        self.slot
    }

    /// The names below `context`.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// Says whether a request leaves it out, or states it so that nothing can use it.
    pub(crate) fn is_open(&self, request: &Request) -> bool {
        match self.value(request) {
            None | Some((Value::Null, _)) => true,
            Some((Value::String(text), _)) if crate::text::is_blank(text) => true,
            Some((Value::List(items), _)) => items.is_empty(),
            Some((Value::Map(entries), _)) => entries.is_empty(),
            Some((value, _)) => !self.is_well_formed(value),
        }
    }

    /// Makes values to try. `literals` are what conditions compare it with, `asked` what rules ask of it;
    /// what meets the most of that stands first.
    pub(crate) fn samples(
        &self,
        schema: &Schema,
        literals: &[Datum],
        asked: &[&Field],
        now: DateTime<Utc>,
    ) -> Vec<Sample> {
        let ty = schema.environment.declaration(self.slot).map_or(&Type::Dyn, |declaration| &declaration.ty);
        let mut samples: Vec<Sample> = Vec::new();
        let mut add = |value: Value, exact: bool| {
            let fits = self.is_well_formed(&value) && self.check(&value, schema).is_ok();
            if fits && samples.iter().all(|known| known.value != value) {
                samples.push(Sample { value, exact });
            }
        };
        match ty {
            Type::String | Type::Dyn if self.one_of.is_empty() => {
                texts(self.pattern(), asked).into_iter().for_each(|text| add(text.into(), false));
                literals.iter().filter_map(text).for_each(|text| add(text.into(), true));
            }
            Type::String => self.one_of.iter().for_each(|text| add(text.as_str().into(), true)),
            Type::Bool => [true, false].into_iter().for_each(|flag| add(flag.into(), true)),
            Type::Int | Type::Uint | Type::Double => {
                add(Value::Int(1), false);
                for number in literals.iter().filter_map(int) {
                    for near in [Some(number), number.checked_sub(1), number.checked_add(1)] {
                        near.into_iter().for_each(|near| add(Value::Int(near), true));
                    }
                }
                for number in literals.iter().filter_map(double) {
                    add(Value::Double(number), true);
                }
            }
            Type::Timestamp => {
                add(Value::Timestamp(now), false);
                for time in literals.iter().filter_map(timestamp) {
                    for near in [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::seconds(1)] {
                        time.checked_add_signed(near)
                            .into_iter()
                            .for_each(|time| add(Value::Timestamp(time), true));
                    }
                }
            }
            Type::Duration => {
                add(Value::Duration(TimeDelta::hours(1)), false);
                for span in literals.iter().filter_map(duration) {
                    for near in [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::seconds(1)] {
                        span.checked_add(&near).into_iter().for_each(|span| add(Value::Duration(span), true));
                    }
                }
            }
            Type::List(element) if **element == Type::String => {
                add(Value::List(vec![PLAIN.into()]), false);
                for least in asked.iter().filter_map(|field| field.min) {
                    add(Value::List(vec![PLAIN.into(); least.min(MOST)]), false);
                }
                let texts: Vec<&str> = literals.iter().filter_map(text).collect();
                texts.iter().for_each(|text| add(Value::List(vec![(*text).into()]), true));
                add(Value::List(texts.into_iter().map(Value::from).collect()), true);
            }
            Type::Map(key, element) if **key == Type::String && **element == Type::String => {
                for least in std::iter::once(1).chain(asked.iter().filter_map(|field| field.min)) {
                    let entry = |number: usize| (format!("{PLAIN}{number}"), Value::from(PLAIN));
                    add(Value::Map((0..least.min(MOST)).map(entry).collect()), false);
                }
            }
            Type::Ip => add("192.0.2.1".into(), false),
            Type::Cidr => add("192.0.2.0/24".into(), false),
            _ => {}
        }
        samples.sort_by_key(|sample| asked.iter().filter(|field| !field.accepts(&sample.value)).count());
        samples
    }
}

/// Makes texts of the forms that a pattern and some fields ask for.
pub(crate) fn texts(pattern: Option<&str>, asked: &[&Field]) -> Vec<String> {
    let mut texts = Vec::new();
    let sizes: Vec<usize> = asked.iter().flat_map(|field| [field.min, field.max]).flatten().collect();
    let patterns = asked.iter().filter_map(|field| field.matches.as_ref().map(regex::Regex::as_str));
    let patterns: Vec<&str> = pattern.into_iter().chain(patterns).collect();
    for pattern in &patterns {
        texts.extend(examples(pattern, &sizes));
    }
    if patterns.is_empty() {
        let long = |size: &usize| PLAIN.chars().cycle().take((*size).min(LONGEST)).collect();
        texts.push(PLAIN.to_owned());
        texts.extend(sizes.iter().map(long));
    }
    texts
}

/// Makes texts of a form: a short one, one in which everything optional stands, and some about as long as asked.
fn examples(pattern: &str, sizes: &[usize]) -> Vec<String> {
    let Ok(hir) = regex_syntax::parse(pattern) else { return Vec::new() };
    let make = |least: u32| {
        let mut text = String::new();
        write(&hir, least, &mut text).map(|()| text)
    };
    let sizes = sizes.iter().filter_map(|size| u32::try_from(*size).ok());
    [0, 1].into_iter().chain(sizes).filter_map(make).filter(|text| !crate::text::is_blank(text)).collect()
}

fn write(hir: &Hir, least: u32, text: &mut String) -> Option<()> {
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => {}
        HirKind::Literal(literal) => text.push_str(std::str::from_utf8(&literal.0).ok()?),
        HirKind::Class(class) => text.push(letter(class)?),
        HirKind::Repetition(repetition) => {
            let most = repetition.max.unwrap_or(u32::MAX);
            for _ in 0..repetition.min.max(least.min(most)).min(REPEATED) {
                write(&repetition.sub, least, text)?;
            }
        }
        HirKind::Capture(capture) => write(&capture.sub, least, text)?,
        HirKind::Concat(parts) => parts.iter().try_for_each(|part| write(part, least, text))?,
        HirKind::Alternation(parts) => parts.first().and_then(|part| write(part, least, text))?,
    }
    (text.len() <= LONGEST).then_some(())
}

/// A letter of a class: a plain one if there is one.
fn letter(class: &Class) -> Option<char> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            class.ranges().iter().map(|range| (range.start().into(), range.end().into())).collect()
        }
    };
    let holds = |letter: char| ranges.iter().any(|(start, end)| (*start..=*end).contains(&letter));
    PREFERRED.chars().find(|letter| holds(*letter)).or_else(|| ranges.first().map(|(start, _)| *start))
}

fn text(datum: &Datum) -> Option<&str> {
    match datum {
        Datum::String(text) => Some(text),
        _ => None,
    }
}

fn int(datum: &Datum) -> Option<i64> {
    match datum {
        Datum::Int(number) => Some(*number),
        Datum::Uint(number) => i64::try_from(*number).ok(),
        _ => None,
    }
}

fn double(datum: &Datum) -> Option<f64> {
    match datum {
        Datum::Double(number) => Some(*number),
        _ => None,
    }
}

fn timestamp(datum: &Datum) -> Option<DateTime<Utc>> {
    match datum {
        Datum::Timestamp(time) => Some(*time),
        _ => None,
    }
}

fn duration(datum: &Datum) -> Option<TimeDelta> {
    match datum {
        Datum::Duration(span) => Some(*span),
        _ => None,
    }
}

/// A text of no form.
const PLAIN: &str = "stated";

/// Letters to take from a class, best first.
const PREFERRED: &str = "1aA0_-";

/// Repetitions of one part, and bytes of an example: what a form asks beyond that is not tried.
const REPEATED: u32 = 256;
const LONGEST: usize = 1_024;

/// Elements of an example.
const MOST: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_have_their_form() {
        for pattern in [
            "^INC[0-9]+$",
            r"^(CHG|INC)-\d{4}$",
            "^[A-Z]{2,10}-[1-9][0-9]*$",
            r"^https://git\.example/(?:a|b)?/\w+$",
            "(?i)^[a-f]{8}$",
            "^[^x]$",
            "ü+",
        ] {
            let regex = regex::Regex::new(pattern).unwrap();
            let examples = examples(pattern, &[]);
            assert!(!examples.is_empty(), "{pattern}");
            assert!(examples.iter().all(|text| regex.is_match(text)), "{pattern}: {examples:?}");
        }
        assert_eq!(examples("^INC[0-9]+$", &[]).first().map(String::as_str), Some("INC1"));
    }

    #[test]
    fn an_example_is_bounded() {
        assert!(examples("^(a{255}){255}$", &[]).is_empty());
    }
}
