//! Conversions between types.
//!
//! A conversion gives the same value in another type or a fault; it never wraps and never guesses. Doubles
//! lose their fraction, as the language says.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD};

use super::Func;
use crate::cel::budget::{Budget, Trouble};
use crate::cel::failure::Fault;
use crate::cel::numbers::{double_of_int, double_of_uint, int_of_double, uint_of_double};
use crate::cel::val::Val;
use crate::cel::{network, time};

pub(super) fn convert<'a>(func: Func, value: &Val<'a>, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    if let Some(text) = value.as_str() {
        budget.scan(text.len())?;
        return of_text(func, text, value, budget);
    }
    let result = match (func, value) {
        (Func::Int, Val::Int(_))
        | (Func::Uint, Val::Uint(_))
        | (Func::Double, Val::Double(_))
        | (Func::Bytes, Val::Bytes(_) | Val::Blob(_))
        | (Func::Bool, Val::Bool(_))
        | (Func::Timestamp, Val::Timestamp(_))
        | (Func::Duration, Val::Duration(_))
        | (Func::Ip, Val::Ip(_))
        | (Func::Cidr, Val::Cidr(_)) => return Ok(value.clone()),
        (Func::Int, Val::Uint(number)) => i64::try_from(*number).ok().map(Val::Int),
        (Func::Int, Val::Double(number)) => int_of_double(*number).map(Val::Int),
        (Func::Int, Val::Timestamp(at)) => Some(Val::Int(at.timestamp())),
        (Func::Int, Val::Duration(span)) => Some(Val::Int(span / 1_000_000_000)),
        (Func::Uint, Val::Int(number)) => u64::try_from(*number).ok().map(Val::Uint),
        (Func::Uint, Val::Double(number)) => uint_of_double(*number).map(Val::Uint),
        (Func::Double, Val::Int(number)) => Some(Val::Double(double_of_int(*number))),
        (Func::Double, Val::Uint(number)) => Some(Val::Double(double_of_uint(*number))),
        (Func::Timestamp, Val::Int(seconds)) => time::from_seconds(*seconds).map(Val::Timestamp),
        (Func::String, _) => return string(value, budget),
        _ => return Err(Fault::NoOverload.into()),
    };
    result.ok_or(Trouble::Fault(Fault::Overflow))
}

fn of_text<'a>(func: Func, text: &str, value: &Val<'a>, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let result = match func {
        Func::String => return Ok(value.clone()),
        Func::Bytes => {
            budget.build(text.len())?;
            return Ok(Val::Blob(text.as_bytes().into()));
        }
        Func::Int => number(text).and_then(|text| text.parse().ok()).map(Val::Int),
        Func::Uint => number(text).and_then(|text| text.parse().ok()).map(Val::Uint),
        Func::Double => double(text).map(Val::Double),
        Func::Bool => match text {
            "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(Val::Bool(true)),
            "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(Val::Bool(false)),
            _ => None,
        },
        Func::Timestamp => time::parse_timestamp(text).map(Val::Timestamp),
        Func::Duration => time::parse_duration(text).map(Val::Duration),
        Func::Ip => network::parse_ip(text).map(Val::Ip),
        Func::Cidr => network::parse_cidr(text).map(Val::Cidr),
        _ => return Err(Fault::NoOverload.into()),
    };
    result.ok_or(Trouble::Fault(Fault::Malformed))
}

fn string<'a>(value: &Val<'_>, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let text = match value {
        Val::Bool(flag) => flag.to_string(),
        Val::Int(number) => number.to_string(),
        Val::Uint(number) => number.to_string(),
        Val::Double(number) => print_double(*number),
        Val::Timestamp(at) => time::print_timestamp(*at),
        Val::Duration(span) => time::print_duration(*span),
        Val::Ip(address) => address.to_string(),
        Val::Cidr(net) => net.to_string(),
        Val::Risk(risk) => risk.as_str().to_owned(),
        _ => {
            let bytes = value.as_bytes().ok_or(Fault::NoOverload)?;
            budget.build(bytes.len())?;
            std::str::from_utf8(bytes).map_err(|_| Fault::Malformed)?.to_owned()
        }
    };
    budget.build(text.len())?;
    Ok(Val::text(text))
}

/// Prints a double as the language does: plain digits, or with an exponent where it is below -4 or above 20.
pub(super) fn print_double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number < 0.0 { "-Infinity".to_owned() } else { "Infinity".to_owned() };
    }
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if (-4..21).contains(&exponent) {
        return format!("{number}");
    }
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

fn number(text: &str) -> Option<&str> {
    (!text.starts_with('+')).then_some(text)
}

fn double(text: &str) -> Option<f64> {
    let known = match text {
        "NaN" => f64::NAN,
        "Infinity" | "+Infinity" | "Inf" | "+Inf" | "inf" => f64::INFINITY,
        "-Infinity" | "-Inf" | "-inf" => f64::NEG_INFINITY,
        _ => {
            let plain = text
                .bytes()
                .all(|byte| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-'));
            return text.parse().ok().filter(|number: &f64| plain && number.is_finite());
        }
    };
    Some(known)
}

pub(super) fn base64<'a>(func: Func, value: &Val<'_>, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    match func {
        Func::Base64Encode => {
            let bytes = value.as_bytes().ok_or(Fault::NoOverload)?;
            budget.build(bytes.len().saturating_mul(2))?;
            Ok(Val::text(STANDARD.encode(bytes)))
        }
        _ => {
            let text = value.as_str().ok_or(Fault::NoOverload)?;
            budget.build(text.len())?;
            let bytes = STANDARD.decode(text).or_else(|_| STANDARD_NO_PAD.decode(text));
            Ok(Val::Blob(bytes.map_err(|_| Fault::Malformed)?.into()))
        }
    }
}
