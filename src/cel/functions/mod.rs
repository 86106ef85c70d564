//! Functions of the language.
//!
//! Lists every function with its types and runs it. A function is total: it gives a value or a fault, pays
//! for what it builds or scans, and reads nothing but its arguments.

mod convert;
mod format;
mod lists;
mod maths;
mod optional;
mod table;
mod text;

use super::budget::{Budget, Trouble};
use super::failure::Fault;
use super::network;
use super::time::{self, Part};
use super::val::Val;

pub(super) use lists::sort_pairs;
pub(super) use table::{Func, named, namespaces, overloads};
pub(super) use text::pattern;

/// Runs a function.
pub(super) fn call<'a>(func: Func, args: &[Val<'a>], budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let [first, rest @ ..] = args else {
        return match func {
            Func::OptionalNone => Ok(Val::Optional(None)),
            _ => Err(Fault::NoOverload.into()),
        };
    };
    match func {
        Func::Dyn => Ok(first.clone()),
        Func::Type => Ok(Val::Type(first.type_name())),
        Func::Size => text::size(first, budget),
        Func::Int | Func::Uint | Func::Double | Func::String | Func::Bytes | Func::Bool => {
            convert::convert(func, first, budget)
        }
        Func::Timestamp | Func::Duration | Func::Ip | Func::Cidr => convert::convert(func, first, budget),
        Func::StartsWith | Func::EndsWith | Func::Contains | Func::Matches => {
            text::test(func, first, rest, budget)
        }
        Func::FullYear => part(first, rest, Part::FullYear),
        Func::Month => part(first, rest, Part::Month),
        Func::Date => part(first, rest, Part::Date),
        Func::DayOfMonth => part(first, rest, Part::DayOfMonth),
        Func::DayOfWeek => part(first, rest, Part::DayOfWeek),
        Func::DayOfYear => part(first, rest, Part::DayOfYear),
        Func::Hours => part(first, rest, Part::Hours),
        Func::Minutes => part(first, rest, Part::Minutes),
        Func::Seconds => part(first, rest, Part::Seconds),
        Func::Milliseconds => part(first, rest, Part::Milliseconds),
        Func::CharAt
        | Func::IndexOf
        | Func::LastIndexOf
        | Func::LowerAscii
        | Func::UpperAscii
        | Func::Replace
        | Func::Split
        | Func::Substring
        | Func::Trim
        | Func::Quote => text::edit(func, first, rest, budget),
        Func::Format => format::format(first, rest, budget),
        Func::Base64Encode | Func::Base64Decode => convert::base64(func, first, budget),
        Func::Join
        | Func::Reverse
        | Func::Slice
        | Func::Flatten
        | Func::Distinct
        | Func::Sort
        | Func::Range
        | Func::First
        | Func::Last
        | Func::SetsContains
        | Func::SetsEquivalent
        | Func::SetsIntersects => lists::call(func, first, rest, budget),
        Func::OptionalNone
        | Func::OptionalOf
        | Func::OptionalOfNonZero
        | Func::HasValue
        | Func::Value
        | Func::Or
        | Func::OrValue
        | Func::Unwrap => optional::call(func, first, rest, budget),
        Func::IsIp
        | Func::IsCidr
        | Func::Family
        | Func::IsUnspecified
        | Func::IsLoopback
        | Func::IsGlobalUnicast
        | Func::IsLinkLocalMulticast
        | Func::IsLinkLocalUnicast
        | Func::IsCanonical
        | Func::ContainsIp
        | Func::ContainsCidr
        | Func::CidrIp
        | Func::Masked
        | Func::PrefixLength => address(func, first, rest),
        _ => maths::call(func, first, rest, budget),
    }
}

fn part<'a>(value: &Val<'_>, rest: &[Val<'_>], part: Part) -> Result<Val<'a>, Trouble> {
    match (value, rest) {
        (Val::Timestamp(at), []) => Ok(time::part(*at, part, None).map(Val::Int).ok_or(Fault::Zone)?),
        (Val::Timestamp(at), [zone]) => {
            let zone = zone.as_str().ok_or(Fault::NoOverload)?;
            Ok(time::part(*at, part, Some(zone)).map(Val::Int).ok_or(Fault::Zone)?)
        }
        (Val::Duration(span), []) => {
            Ok(time::duration_part(*span, part).map(Val::Int).ok_or(Fault::NoOverload)?)
        }
        _ => Err(Fault::NoOverload.into()),
    }
}

fn address<'a>(func: Func, first: &Val<'_>, rest: &[Val<'_>]) -> Result<Val<'a>, Trouble> {
    let flag = match (func, first, rest) {
        (Func::IsIp, text, []) => network::parse_ip(text.as_str().ok_or(Fault::NoOverload)?).is_some(),
        (Func::IsCidr, text, []) => network::parse_cidr(text.as_str().ok_or(Fault::NoOverload)?).is_some(),
        (Func::IsCanonical, text, []) => {
            network::is_canonical(text.as_str().ok_or(Fault::NoOverload)?).ok_or(Fault::Malformed)?
        }
        (Func::IsUnspecified, Val::Ip(address), []) => address.is_unspecified(),
        (Func::IsLoopback, Val::Ip(address), []) => address.is_loopback(),
        (Func::IsGlobalUnicast, Val::Ip(address), []) => network::is_global_unicast(*address),
        (Func::IsLinkLocalMulticast, Val::Ip(address), []) => network::is_link_local_multicast(*address),
        (Func::IsLinkLocalUnicast, Val::Ip(address), []) => network::is_link_local(*address),
        (Func::Family, Val::Ip(address), []) => return Ok(Val::Int(if address.is_ipv4() { 4 } else { 6 })),
        (Func::ContainsIp, Val::Cidr(net), [Val::Ip(address)]) => net.contains(*address),
        (Func::ContainsIp, Val::Cidr(net), [text]) => {
            let text = text.as_str().ok_or(Fault::NoOverload)?;
            net.contains(network::parse_ip(text).ok_or(Fault::Malformed)?)
        }
        (Func::ContainsCidr, Val::Cidr(net), [Val::Cidr(other)]) => net.covers(*other),
        (Func::ContainsCidr, Val::Cidr(net), [text]) => {
            let text = text.as_str().ok_or(Fault::NoOverload)?;
            net.covers(network::parse_cidr(text).ok_or(Fault::Malformed)?)
        }
        (Func::CidrIp, Val::Cidr(net), []) => return Ok(Val::Ip(net.address)),
        (Func::Masked, Val::Cidr(net), []) => return Ok(Val::Cidr(net.masked())),
        (Func::PrefixLength, Val::Cidr(net), []) => return Ok(Val::Int(i64::from(net.prefix))),
        _ => return Err(Fault::NoOverload.into()),
    };
    Ok(Val::Bool(flag))
}
