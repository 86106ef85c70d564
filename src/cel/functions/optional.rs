//! Optional values.
//!
//! Wraps and unwraps values that may be missing. Only `orValue` and `or` turn a missing value into something.

use std::sync::Arc;

use super::Func;
use crate::cel::budget::{Budget, Trouble};
use crate::cel::failure::Fault;
use crate::cel::val::Val;

pub(super) fn call<'a>(
    func: Func,
    first: &Val<'a>,
    rest: &[Val<'a>],
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    match (func, first, rest) {
        (Func::OptionalOf, value, []) => {
            budget.build_items(1)?;
            Ok(Val::some(value.clone()))
        }
        (Func::OptionalOfNonZero, value, []) => {
            budget.build_items(1)?;
            Ok(if is_zero(value) { Val::Optional(None) } else { Val::some(value.clone()) })
        }
        (Func::HasValue, Val::Optional(inner), []) => Ok(Val::Bool(inner.is_some())),
        (Func::Value, Val::Optional(inner), []) => {
            Ok(inner.as_ref().map(|inner| inner.as_ref().clone()).ok_or(Fault::NoValue)?)
        }
        (Func::Or, Val::Optional(inner), [other @ Val::Optional(_)]) => {
            Ok(if inner.is_some() { first.clone() } else { other.clone() })
        }
        (Func::OrValue, Val::Optional(inner), [other]) => {
            Ok(inner.as_ref().map_or_else(|| other.clone(), |inner| inner.as_ref().clone()))
        }
        (Func::Unwrap, list, []) => {
            let items = list.items().ok_or(Fault::NoOverload)?;
            budget.build_items(items.len())?;
            let mut found = Vec::new();
            for item in items.iter() {
                match item {
                    Val::Optional(inner) => found.extend(inner.map(Arc::unwrap_or_clone)),
                    _ => return Err(Fault::NoOverload.into()),
                }
            }
            Ok(Val::List(found.into()))
        }
        _ => Err(Fault::NoOverload.into()),
    }
}

/// The value that a type has where nothing was set.
fn is_zero(value: &Val<'_>) -> bool {
    match value {
        Val::Null => true,
        Val::Bool(flag) => !flag,
        Val::Int(number) => *number == 0,
        Val::Uint(number) => *number == 0,
        Val::Double(number) => *number == 0.0,
        Val::Duration(span) => *span == 0,
        Val::Timestamp(at) => at.timestamp() == 0 && at.timestamp_subsec_nanos() == 0,
        Val::Optional(inner) => inner.is_none(),
        _ => {
            value.as_str().is_some_and(str::is_empty)
                || value.as_bytes().is_some_and(<[u8]>::is_empty)
                || value.count() == Some(0)
        }
    }
}
