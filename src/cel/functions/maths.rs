//! Functions on numbers.
//!
//! Rounding, signs, bits, the greatest and the least. Numbers of different types compare by value; every
//! other function is defined within a type.

use super::Func;
use crate::cel::budget::{Budget, Trouble};
use crate::cel::failure::Fault;
use crate::cel::numbers::{double_of_int, double_of_uint};
use crate::cel::val::Val;

pub(super) fn call<'a>(
    func: Func,
    first: &Val<'a>,
    rest: &[Val<'a>],
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    match (func, first, rest) {
        (Func::Greatest | Func::Least, _, _) => extreme(func, first, rest, budget),
        (Func::Abs, Val::Int(number), []) => Ok(number.checked_abs().map(Val::Int).ok_or(Fault::Overflow)?),
        (Func::Abs | Func::Sign, Val::Uint(number), []) => {
            Ok(Val::Uint(if func == Func::Abs { *number } else { (*number).min(1) }))
        }
        (Func::Sign, Val::Int(number), []) => Ok(Val::Int(number.signum())),
        (Func::Sqrt, Val::Int(number), []) => Ok(Val::Double(double_of_int(*number).sqrt())),
        (Func::Sqrt, Val::Uint(number), []) => Ok(Val::Double(double_of_uint(*number).sqrt())),
        (_, Val::Double(number), []) => double(func, *number),
        (_, Val::Int(left), [Val::Int(right)]) => ints(func, *left, *right),
        (_, Val::Uint(left), [Val::Uint(right)]) => uints(func, *left, *right),
        (Func::BitShiftLeft | Func::BitShiftRight, Val::Uint(number), [Val::Int(by)]) => {
            let by = u64::try_from(*by).map_err(|_| Fault::Argument)?;
            shift_uint(func, *number, by)
        }
        (Func::BitNot, Val::Int(number), []) => Ok(Val::Int(!number)),
        (Func::BitNot, Val::Uint(number), []) => Ok(Val::Uint(!number)),
        _ => Err(Fault::NoOverload.into()),
    }
}

fn double<'a>(func: Func, number: f64) -> Result<Val<'a>, Trouble> {
    Ok(match func {
        Func::Ceil => Val::Double(number.ceil()),
        Func::Floor => Val::Double(number.floor()),
        Func::Round => Val::Double(number.round()),
        Func::Trunc => Val::Double(number.trunc()),
        Func::Abs => Val::Double(number.abs()),
        Func::Sqrt => Val::Double(number.sqrt()),
        Func::Sign if number.is_nan() || number == 0.0 => Val::Double(number),
        Func::Sign => Val::Double(number.signum()),
        Func::IsNan => Val::Bool(number.is_nan()),
        Func::IsInf => Val::Bool(number.is_infinite()),
        Func::IsFinite => Val::Bool(number.is_finite()),
        _ => return Err(Fault::NoOverload.into()),
    })
}

fn ints<'a>(func: Func, left: i64, right: i64) -> Result<Val<'a>, Trouble> {
    Ok(Val::Int(match func {
        Func::BitAnd => left & right,
        Func::BitOr => left | right,
        Func::BitXor => left ^ right,
        // Bits that are shifted in are zero, whatever the sign.
        Func::BitShiftLeft | Func::BitShiftRight => {
            let by = u32::try_from(right.min(64)).map_err(|_| Fault::Argument)?;
            let bits = left.cast_unsigned();
            let shifted =
                if func == Func::BitShiftLeft { bits.checked_shl(by) } else { bits.checked_shr(by) };
            shifted.unwrap_or(0).cast_signed()
        }
        _ => return Err(Fault::NoOverload.into()),
    }))
}

fn uints<'a>(func: Func, left: u64, right: u64) -> Result<Val<'a>, Trouble> {
    Ok(Val::Uint(match func {
        Func::BitAnd => left & right,
        Func::BitOr => left | right,
        Func::BitXor => left ^ right,
        _ => return Err(Fault::NoOverload.into()),
    }))
}

fn shift_uint<'a>(func: Func, bits: u64, by: u64) -> Result<Val<'a>, Trouble> {
    let by = u32::try_from(by.min(64)).map_err(|_| Fault::Argument)?;
    let shifted = if func == Func::BitShiftLeft { bits.checked_shl(by) } else { bits.checked_shr(by) };
    Ok(Val::Uint(shifted.unwrap_or(0)))
}

/// The greatest or least of two numbers or of a list of them; of equal ones the first.
fn extreme<'a>(
    func: Func,
    first: &Val<'a>,
    rest: &[Val<'a>],
    budget: &mut Budget,
) -> Result<Val<'a>, Trouble> {
    if let ([], Some(items)) = (rest, first.items()) {
        budget.step(items.len())?;
        let mut best = items.get(0).ok_or(Fault::Argument)?;
        numeric(&best)?;
        for item in items.iter().skip(1) {
            best = better(func, best, &item)?;
        }
        return Ok(best);
    }
    numeric(first)?;
    rest.iter().try_fold(first.clone(), |best, item| better(func, best, item))
}

fn better<'a>(func: Func, best: Val<'a>, item: &Val<'a>) -> Result<Val<'a>, Trouble> {
    numeric(item)?;
    let order = best.compare(item).ok_or(Fault::NoOverload)?;
    let replace = match order {
        Some(order) if func == Func::Greatest => order.is_lt(),
        Some(order) => order.is_gt(),
        None => false,
    };
    Ok(if replace { item.clone() } else { best })
}

fn numeric(value: &Val<'_>) -> Result<(), Trouble> {
    match value {
        Val::Int(_) | Val::Uint(_) | Val::Double(_) => Ok(()),
        _ => Err(Fault::NoOverload.into()),
    }
}
