//! `format`: text with places for values.
//!
//! `%s %d %f %e %b %o %x %X` with a precision for `%f` and `%e`. A clause that does not fit its value, and a
//! missing value, are faults.

use super::convert::print_double;
use crate::cel::budget::{Budget, Trouble};
use crate::cel::failure::Fault;
use crate::cel::numbers::{double_of_int, double_of_uint};
use crate::cel::time;
use crate::cel::val::{Items, Val};

pub(super) fn format<'a>(first: &Val<'_>, rest: &[Val<'_>], budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let (Some(template), [args]) = (first.as_str(), rest) else { return Err(Fault::NoOverload.into()) };
    let args = args.items().ok_or(Fault::NoOverload)?;
    budget.scan(template.len())?;
    let mut out = Output { text: String::new(), budget };
    let mut used = 0_usize;
    let mut letters = template.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            out.push(letter.encode_utf8(&mut [0; 4]))?;
            continue;
        }
        let (precision, verb) = clause(&mut letters)?;
        if verb == '%' {
            out.push("%")?;
            continue;
        }
        let value = args.get(used).ok_or(Fault::IndexOutOfRange)?;
        used = used.saturating_add(1);
        write(&mut out, verb, precision, &value)?;
    }
    Ok(Val::text(out.text))
}

struct Output<'b> {
    text: String,
    budget: &'b mut Budget,
}

impl Output<'_> {
    fn push(&mut self, text: &str) -> Result<(), Trouble> {
        self.budget.build(text.len())?;
        self.text.push_str(text);
        Ok(())
    }
}

/// Reads what follows a `%`: an optional precision and a letter.
fn clause(letters: &mut std::str::Chars<'_>) -> Result<(Option<usize>, char), Fault> {
    let first = letters.next().ok_or(Fault::Argument)?;
    if first != '.' {
        return Ok((None, first));
    }
    let mut precision = 0_usize;
    let mut digits = 0_usize;
    loop {
        let letter = letters.next().ok_or(Fault::Argument)?;
        let Some(digit) = letter.to_digit(10) else {
            return if digits > 0 { Ok((Some(precision), letter)) } else { Err(Fault::Argument) };
        };
        digits = digits.saturating_add(1);
        let digit = usize::try_from(digit).unwrap_or(0);
        precision = precision.saturating_mul(10).saturating_add(digit);
        if precision > PRECISION {
            return Err(Fault::Argument);
        }
    }
}

fn write(out: &mut Output<'_>, verb: char, precision: Option<usize>, value: &Val<'_>) -> Result<(), Trouble> {
    let text = match (verb, value) {
        ('s', _) => return write_value(out, value),
        ('d' | 'f' | 'e', Val::Double(number)) if !number.is_finite() => print_double(*number),
        ('d', Val::Int(number)) => number.to_string(),
        ('d', Val::Uint(number)) => number.to_string(),
        ('d', Val::Double(number)) => print_double(*number),
        ('f' | 'e', Val::Int(number)) => fixed(verb, precision, double_of_int(*number)),
        ('f' | 'e', Val::Uint(number)) => fixed(verb, precision, double_of_uint(*number)),
        ('f' | 'e', Val::Double(number)) => fixed(verb, precision, *number),
        ('b', Val::Bool(flag)) => u8::from(*flag).to_string(),
        ('b', Val::Uint(number)) => format!("{number:b}"),
        ('o', Val::Uint(number)) => format!("{number:o}"),
        ('x', Val::Uint(number)) => format!("{number:x}"),
        ('X', Val::Uint(number)) => format!("{number:X}"),
        ('b' | 'o' | 'x' | 'X', Val::Int(number)) => {
            let (sign, size) = (if *number < 0 { "-" } else { "" }, number.unsigned_abs());
            match verb {
                'b' => format!("{sign}{size:b}"),
                'o' => format!("{sign}{size:o}"),
                'x' => format!("{sign}{size:x}"),
                _ => format!("{sign}{size:X}"),
            }
        }
        ('x' | 'X', _) => {
            let bytes = value.as_str().map(str::as_bytes).or(value.as_bytes()).ok_or(Fault::NoOverload)?;
            return hexadecimal(out, bytes, verb == 'X');
        }
        ('d' | 'f' | 'e' | 'b' | 'o', _) => return Err(Fault::NoOverload.into()),
        _ => return Err(Fault::Argument.into()),
    };
    out.push(&text)
}

fn fixed(verb: char, precision: Option<usize>, number: f64) -> String {
    let digits = precision.unwrap_or(6);
    if verb == 'f' {
        return format!("{number:.digits$}");
    }
    let text = format!("{number:.digits$e}");
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, size) = exponent.strip_prefix('-').map_or(('+', exponent), |size| ('-', size));
    format!("{mantissa}e{sign}{size:0>2}")
}

fn hexadecimal(out: &mut Output<'_>, bytes: &[u8], upper: bool) -> Result<(), Trouble> {
    for byte in bytes {
        out.push(&if upper { format!("{byte:02X}") } else { format!("{byte:02x}") })?;
    }
    Ok(())
}

fn write_value(out: &mut Output<'_>, value: &Val<'_>) -> Result<(), Trouble> {
    if let Some(text) = value.as_str() {
        return out.push(text);
    }
    if let Some(bytes) = value.as_bytes() {
        return out.push(&String::from_utf8_lossy(bytes));
    }
    if let Some(items) = value.items() {
        return write_list(out, items);
    }
    if value.map_len().is_some() {
        return write_map(out, value);
    }
    let text = match value {
        Val::Null => "null".to_owned(),
        Val::Bool(flag) => flag.to_string(),
        Val::Int(number) => number.to_string(),
        Val::Uint(number) => number.to_string(),
        Val::Double(number) => print_double(*number),
        Val::Timestamp(at) => time::print_timestamp(*at),
        Val::Duration(span) => time::print_duration(*span),
        Val::Type(name) => name.0.to_owned(),
        Val::Risk(risk) => risk.as_str().to_owned(),
        Val::Ip(address) => address.to_string(),
        Val::Cidr(net) => net.to_string(),
        _ => return Err(Fault::NoOverload.into()),
    };
    out.push(&text)
}

fn write_list(out: &mut Output<'_>, items: Items<'_, '_>) -> Result<(), Trouble> {
    out.push("[")?;
    for (place, item) in items.iter().enumerate() {
        if place > 0 {
            out.push(", ")?;
        }
        write_value(out, &item)?;
    }
    out.push("]")
}

/// Entries stand in the order of their keys' text, so that equal maps print equally.
fn write_map(out: &mut Output<'_>, map: &Val<'_>) -> Result<(), Trouble> {
    let mut entries = Vec::new();
    map.each(|key, value| {
        entries.push((key, value));
        std::ops::ControlFlow::<()>::Continue(())
    });
    out.budget.build_items(entries.len().saturating_mul(2))?;
    let mut printed = Vec::with_capacity(entries.len());
    for (key, value) in entries {
        let mut text = Output { text: String::new(), budget: out.budget };
        write_value(&mut text, &key)?;
        printed.push((text.text, value));
    }
    printed.sort_by(|(left, _), (right, _)| left.cmp(right));
    out.push("{")?;
    for (place, (key, value)) in printed.iter().enumerate() {
        if place > 0 {
            out.push(", ")?;
        }
        out.push(key)?;
        out.push(": ")?;
        write_value(out, value)?;
    }
    out.push("}")
}

/// Digits behind the point: a double has 767 at most.
const PRECISION: usize = 1_000;
