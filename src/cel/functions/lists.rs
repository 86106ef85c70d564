//! Functions on lists and sets.
//!
//! A list is a set by the equality of its elements. Order is that of numbers, texts, bytes, truth values,
//! timestamps or durations; a list that mixes them has none.

use std::cmp::Ordering;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::Func;
use crate::cel::budget::{Budget, Trouble};
use crate::cel::failure::Fault;
use crate::cel::operate::contains;
use crate::cel::val::{Items, Val};

pub(super) fn call<'a>(
    func: Func,
    first: &Val<'a>,
    rest: &[Val<'a>],
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    if let (Func::Range, Val::Int(count), []) = (func, first, rest) {
        let length = usize::try_from(*count).unwrap_or(0);
        budget.build_items(length)?;
        return Ok(Val::List((0..*count).map(Val::Int).collect()));
    }
    if let (Func::Reverse, Some(text), []) = (func, first.as_str(), rest) {
        budget.build(text.len())?;
        return Ok(Val::text(text.chars().rev().collect::<String>()));
    }
    let items = first.items().ok_or(Fault::NoOverload)?;
    match (func, rest) {
        (Func::First, []) => Ok(Val::Optional(items.get(0).map(Arc::new))),
        (Func::Last, []) => {
            Ok(Val::Optional(items.len().checked_sub(1).and_then(|last| items.get(last)).map(Arc::new)))
        }
        (Func::Join, rest) => join(items, rest, budget),
        (Func::Reverse, []) => {
            budget.build_items(items.len())?;
            let mut list: Vec<Val<'a>> = items.iter().collect();
            list.reverse();
            Ok(Val::List(list.into()))
        }
        (Func::Slice, [Val::Int(start), Val::Int(end)]) => {
            let bound = |number: &i64| usize::try_from(*number).map_err(|_| Fault::IndexOutOfRange);
            let (start, end) = (bound(start)?, bound(end)?);
            if start > end || end > items.len() {
                return Err(Fault::IndexOutOfRange.into());
            }
            budget.build_items(end.saturating_sub(start))?;
            Ok(Val::List(items.iter().take(end).skip(start).collect()))
        }
        (Func::Flatten, []) => flatten(first, 1, budget),
        (Func::Flatten, [Val::Int(depth)]) => {
            flatten(first, u64::try_from(*depth).map_err(|_| Fault::Argument)?, budget)
        }
        (Func::Distinct, []) => distinct(items, budget),
        (Func::Sort, []) => {
            budget.build_items(items.len().saturating_mul(2))?;
            sort_pairs(items.iter().map(|item| (item.clone(), item)).collect(), budget)
        }
        (Func::SetsContains, [other]) => subset(other, first, budget).map(Val::Bool),
        (Func::SetsEquivalent, [other]) => {
            Ok(Val::Bool(subset(other, first, budget)? && subset(first, other, budget)?))
        }
        (Func::SetsIntersects, [other]) => {
            let other_items = other.items().ok_or(Fault::NoOverload)?;
            for item in other_items.iter() {
                if contains(&item, first, budget)? {
                    return Ok(Val::Bool(true));
                }
            }
            Ok(Val::Bool(false))
        }
        _ => Err(Fault::NoOverload.into()),
    }
}

/// Sorts elements by their keys, which must be of one ordered type. Equal ones keep their order.
pub(in crate::cel) fn sort_pairs<'a>(
    mut pairs: Vec<(Val<'a>, Val<'a>)>,
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    let mut bytes = 0_usize;
    let mut previous: Option<&Val<'a>> = None;
    for (key, _) in &pairs {
        bytes = bytes.saturating_add(key.as_str().map_or(0, str::len));
        let same = previous.is_none_or(|previous| previous.type_name() == key.type_name());
        if !same || key.compare(key).is_none() {
            return Err(Fault::NoOverload.into());
        }
        previous = Some(key);
    }
    let levels = usize::try_from(pairs.len().checked_ilog2().unwrap_or(0)).unwrap_or(0).saturating_add(1);
    budget.step(pairs.len().saturating_mul(levels))?;
    budget.scan(bytes.saturating_mul(levels))?;
    let rank = |key: &Val<'_>| matches!(key, Val::Double(number) if number.is_nan());
    pairs.sort_by(|(left, _), (right, _)| match left.compare(right) {
        Some(Some(order)) => order,
        // A NaN stands before every number, so that the order is total.
        _ => rank(right).cmp(&rank(left)).then(Ordering::Equal),
    });
    Ok(Val::List(pairs.into_iter().map(|(_, element)| element).collect()))
}

fn join<'a>(items: Items<'_, 'a>, rest: &[Val<'a>], budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let separator = match rest {
        [] => "",
        [separator] => separator.as_str().ok_or(Fault::NoOverload)?,
        _ => return Err(Fault::NoOverload.into()),
    };
    let mut out = String::new();
    for (place, item) in items.iter().enumerate() {
        let text = item.as_str().ok_or(Fault::NoOverload)?;
        budget.build(text.len().saturating_add(separator.len()))?;
        if place > 0 {
            out.push_str(separator);
        }
        out.push_str(text);
    }
    Ok(Val::text(out))
}

fn flatten<'a>(list: &Val<'a>, depth: u64, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let mut current = list.clone();
    let mut left = depth;
    while left > 0 {
        left = left.saturating_sub(1);
        let mut flat = Vec::new();
        let mut deeper = false;
        let walked = current.each(|_, item| {
            let count = item.items().map_or(1, Items::len);
            if let Err(trouble) = budget.build_items(count) {
                return ControlFlow::Break(trouble);
            }
            match item.items() {
                Some(inner) => {
                    deeper = true;
                    flat.extend(inner.iter());
                }
                None => flat.push(item),
            }
            ControlFlow::Continue(())
        });
        if let Some(ControlFlow::Break(trouble)) = walked {
            return Err(trouble);
        }
        current = Val::List(flat.into());
        if !deeper {
            break;
        }
    }
    Ok(current)
}

fn distinct<'a>(items: Items<'_, 'a>, budget: &mut Budget) -> Result<Val<'a>, Trouble> {
    let mut found: Vec<Val<'a>> = Vec::new();
    'next: for item in items.iter() {
        for known in &found {
            if known.equals(&item, budget)? {
                continue 'next;
            }
        }
        budget.build_items(1)?;
        found.push(item);
    }
    Ok(Val::List(found.into()))
}

/// Says whether every element of one list is in the other.
fn subset(part: &Val<'_>, whole: &Val<'_>, budget: &mut Budget) -> Result<bool, Trouble> {
    let items = part.items().ok_or(Fault::NoOverload)?;
    whole.items().ok_or(Fault::NoOverload)?;
    for item in items.iter() {
        if !contains(&item, whole, budget)? {
            return Ok(false);
        }
    }
    Ok(true)
}
