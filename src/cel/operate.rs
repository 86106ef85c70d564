//! Operators on values.
//!
//! Equality, order, membership, arithmetic, selection. Integers never wrap: a result outside its type is an
//! error. What is not defined for two types is an error, never a guess.

use std::cmp::Ordering;
use std::sync::Arc;

use super::ast::BinaryOp;
use super::budget::{Budget, Trouble};
use super::failure::Fault;
use super::node::How;
use super::time;
use super::val::{Items, Val};

/// Says whether an operator gives a truth value.
pub(super) fn is_relation(op: BinaryOp) -> bool {
    !matches!(
        op,
        BinaryOp::Add | BinaryOp::Subtract | BinaryOp::Multiply | BinaryOp::Divide | BinaryOp::Remainder
    )
}

pub(super) fn relation(
    op: BinaryOp,
    left: &Val<'_>,
    right: &Val<'_>,
    budget: &mut Budget,
) -> Result<bool, Trouble> {
    match op {
        BinaryOp::Equal => left.equals(right, budget),
        BinaryOp::NotEqual => left.equals(right, budget).map(|equal| !equal),
        BinaryOp::In => contains(left, right, budget),
        _ => {
            let order = left.compare(right).ok_or(Fault::NoOverload)?;
            if let Some(text) = left.as_str() {
                budget.scan(text.len())?;
            }
            Ok(ordered(op, order))
        }
    }
}

/// Says whether an order is the one that a comparison asks for; a NaN has none.
pub(super) fn ordered(op: BinaryOp, order: Option<Ordering>) -> bool {
    let Some(order) = order else { return op == BinaryOp::NotEqual };
    match op {
        BinaryOp::Equal => order == Ordering::Equal,
        BinaryOp::NotEqual => order != Ordering::Equal,
        BinaryOp::Less => order == Ordering::Less,
        BinaryOp::LessEqual => order != Ordering::Greater,
        BinaryOp::Greater => order == Ordering::Greater,
        _ => order != Ordering::Less,
    }
}

/// `in`: an element of a list or a key of a map.
pub(super) fn contains(item: &Val<'_>, list: &Val<'_>, budget: &mut Budget) -> Result<bool, Trouble> {
    if let Some(items) = list.items() {
        for candidate in items.iter() {
            if candidate.equals(item, budget)? {
                return Ok(true);
            }
        }
        return Ok(false);
    }
    budget.step(1)?;
    let is_key =
        matches!(item, Val::Bool(_) | Val::Int(_) | Val::Uint(_) | Val::Double(_)) || item.as_str().is_some();
    let found = list.lookup(item).filter(|_| is_key);
    Ok(found.ok_or(Fault::NoOverload)?.is_some())
}

pub(super) fn negate<'a>(value: &Val<'_>) -> Result<Val<'a>, Fault> {
    match value {
        Val::Int(number) => number.checked_neg().map(Val::Int).ok_or(Fault::Overflow),
        Val::Double(number) => Ok(Val::Double(-number)),
        _ => Err(Fault::NoOverload),
    }
}

pub(super) fn arithmetic<'a>(
    op: BinaryOp,
    left: &Val<'a>,
    right: &Val<'a>,
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    let result = match (left, right) {
        (Val::Int(left), Val::Int(right)) => return Ok(ints(op, *left, *right).map(Val::Int)?),
        (Val::Uint(left), Val::Uint(right)) => return Ok(uints(op, *left, *right).map(Val::Uint)?),
        (Val::Double(left), Val::Double(right)) => return Ok(doubles(op, *left, *right).map(Val::Double)?),
        (Val::Timestamp(at), Val::Duration(span)) | (Val::Duration(span), Val::Timestamp(at))
            if op == BinaryOp::Add =>
        {
            time::add(*at, *span).map(Val::Timestamp)
        }
        (Val::Timestamp(at), Val::Duration(span)) if op == BinaryOp::Subtract => {
            time::subtract(*at, *span).map(Val::Timestamp)
        }
        (Val::Timestamp(later), Val::Timestamp(earlier)) if op == BinaryOp::Subtract => {
            time::between(*later, *earlier).map(Val::Duration)
        }
        (Val::Duration(left), Val::Duration(right)) if op == BinaryOp::Add => {
            left.checked_add(*right).map(Val::Duration)
        }
        (Val::Duration(left), Val::Duration(right)) if op == BinaryOp::Subtract => {
            left.checked_sub(*right).map(Val::Duration)
        }
        _ if op == BinaryOp::Add => return concatenate(left, right, budget),
        _ => return Err(Fault::NoOverload.into()),
    };
    result.ok_or(Trouble::Fault(Fault::Overflow))
}

fn concatenate<'a>(left: &Val<'a>, right: &Val<'a>, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    if let (Some(left), Some(right)) = (left.as_str(), right.as_str()) {
        budget.build(left.len().saturating_add(right.len()))?;
        return Ok(Val::text([left, right].concat()));
    }
    if let (Some(left), Some(right)) = (left.as_bytes(), right.as_bytes()) {
        budget.build(left.len().saturating_add(right.len()))?;
        return Ok(Val::Blob([left, right].concat().into()));
    }
    let (Some(first), Some(second)) = (left.items(), right.items()) else {
        return Err(Fault::NoOverload.into());
    };
    if second.len() == 0 {
        return Ok(left.clone());
    }
    budget.build_items(first.len().saturating_add(second.len()))?;
    Ok(Val::List(first.iter().chain(second.iter()).collect()))
}

pub(super) fn ints(op: BinaryOp, left: i64, right: i64) -> Result<i64, Fault> {
    let by_zero = right == 0 && matches!(op, BinaryOp::Divide | BinaryOp::Remainder);
    let result = match op {
        BinaryOp::Add => left.checked_add(right),
        BinaryOp::Subtract => left.checked_sub(right),
        BinaryOp::Multiply => left.checked_mul(right),
        BinaryOp::Divide => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result.ok_or(if by_zero { Fault::DivideByZero } else { Fault::Overflow })
}

fn uints(op: BinaryOp, left: u64, right: u64) -> Result<u64, Fault> {
    let by_zero = right == 0 && matches!(op, BinaryOp::Divide | BinaryOp::Remainder);
    let result = match op {
        BinaryOp::Add => left.checked_add(right),
        BinaryOp::Subtract => left.checked_sub(right),
        BinaryOp::Multiply => left.checked_mul(right),
        BinaryOp::Divide => left.checked_div(right),
        _ => left.checked_rem(right),
    };
    result.ok_or(if by_zero { Fault::DivideByZero } else { Fault::Overflow })
}

pub(super) fn doubles(op: BinaryOp, left: f64, right: f64) -> Result<f64, Fault> {
    match op {
        BinaryOp::Add => Ok(left + right),
        BinaryOp::Subtract => Ok(left - right),
        BinaryOp::Multiply => Ok(left * right),
        BinaryOp::Divide => Ok(left / right),
        _ => Err(Fault::NoOverload),
    }
}

/// `x.field`, `has(x.field)` and `x.?field`. A selection from an optional is optional.
pub(super) fn select<'a>(operand: &Val<'a>, field: &str, how: How) -> Result<Val<'a>, Fault> {
    if let Val::Optional(inner) = operand {
        let found = match inner {
            Some(inner) => inner.lookup(&Val::Str(field)).ok_or(Fault::NoOverload)?,
            None => None,
        };
        return Ok(match how {
            How::Has => Val::Bool(found.is_some()),
            How::Get | How::Optional => Val::Optional(found.map(Arc::new)),
        });
    }
    let found = operand.lookup(&Val::Str(field)).ok_or(Fault::NoOverload)?;
    match how {
        How::Get => found.ok_or(Fault::NoSuchKey),
        How::Has => Ok(Val::Bool(found.is_some())),
        How::Optional => Ok(Val::Optional(found.map(Arc::new))),
    }
}

/// `x[index]` and `x[?index]`. An index into an optional is optional.
pub(super) fn index<'a>(operand: &Val<'a>, index: &Val<'_>, optional: bool) -> Result<Val<'a>, Fault> {
    if let Val::Optional(inner) = operand {
        let Some(inner) = inner else { return Ok(Val::Optional(None)) };
        return element(inner, index).map(|found| Val::Optional(found.ok().map(Arc::new)));
    }
    let found = element(operand, index)?;
    if optional { Ok(Val::Optional(found.ok().map(Arc::new))) } else { found }
}

/// The outer result says whether the index fits the operand, the inner one whether something is there.
fn element<'a>(operand: &Val<'a>, index: &Val<'_>) -> Result<Result<Val<'a>, Fault>, Fault> {
    if let Some(items) = operand.items() {
        let place = list_index(index).ok_or(Fault::NoOverload)?;
        return Ok(at(items, place).ok_or(Fault::IndexOutOfRange));
    }
    Ok(operand.lookup(index).ok_or(Fault::NoOverload)?.ok_or(Fault::NoSuchKey))
}

fn at<'a>(items: Items<'_, 'a>, place: i128) -> Option<Val<'a>> {
    items.get(usize::try_from(place).ok()?)
}

/// An index as a whole number, of any numeric type.
fn list_index(index: &Val<'_>) -> Option<i128> {
    Some(match index {
        Val::Int(number) => i128::from(*number),
        Val::Uint(number) => i128::from(*number),
        Val::Double(number) if number.fract() == 0.0 => i128::from(super::numbers::int_of_double(*number)?),
        _ => return None,
    })
}
