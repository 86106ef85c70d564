//! Macros over lists and maps, at work.
//!
//! Pays for each turn before it is taken. `all` and `exists` stop at what decides them and absorb errors
//! before it; every other macro needs all its elements.

use std::ops::ControlFlow;

use super::eval::{Machine, Outcome, Outer, Scope, table};
use super::failure::{Fault, Stop};
use super::node::{FoldNode, LoopKind};
use super::val::Val;
use crate::Value;

impl<'a> Machine<'a> {
    /// `all`, `exists` and `exists_one`.
    pub(super) fn fold_test(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<bool> {
        match fold.kind {
            LoopKind::All => self.search(fold, false, scope),
            LoopKind::Exists => self.search(fold, true, scope),
            LoopKind::ExistsOne => self.exists_one(fold, scope),
            _ => self.fold(fold, scope).and(Err(Stop::Error(Fault::NoOverload, fold.span))),
        }
    }

    /// The macros that build.
    pub(super) fn fold(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        match fold.kind {
            LoopKind::All | LoopKind::Exists | LoopKind::ExistsOne => {
                self.fold_test(fold, scope).map(Val::Bool)
            }
            LoopKind::List => self.build_list(fold, scope),
            LoopKind::Map => self.build_map(fold, scope),
            LoopKind::Entries => self.build_entries(fold, scope),
            LoopKind::Sort => self.sort_by(fold, scope),
        }
    }

    #[inline(never)]
    fn search(&mut self, fold: &'a FoldNode, deciding: bool, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let mut stop: Option<Stop> = None;
        let mut held = Val::Null;
        let range = self.borrow(&fold.range, scope, &mut held)?;
        if let (Val::Values(items), false) = (range, fold.pairs) {
            return self.search_values(fold, items, deciding, scope);
        }
        let decided =
            self.turns(fold, range, scope, |machine, scope, _| match machine.test(&fold.body, scope) {
                Ok(value) if value == deciding => ControlFlow::Break(Ok(deciding)),
                Ok(_) => ControlFlow::Continue(()),
                Err(Stop::Exhausted) => ControlFlow::Break(Err(Stop::Exhausted)),
                Err(found) => {
                    stop = Some(found.meet(stop));
                    ControlFlow::Continue(())
                }
            })?;
        decided.unwrap_or_else(|| stop.map_or(Ok(!deciding), Err))
    }

    /// The way of most conditions: a list of the request and one variable.
    #[inline(never)]
    fn search_values(
        &mut self,
        fold: &'a FoldNode,
        items: &'a [Value],
        deciding: bool,
        scope: Outer<'_, 'a>,
    ) -> Outcome<bool> {
        let mut stop: Option<Stop> = None;
        let weight = usize::try_from(fold.weight).unwrap_or(usize::MAX);
        for item in items {
            self.budget.step(weight).map_err(|trouble| trouble.at(fold.span))?;
            let value = Val::of(item);
            match self.test(&fold.body, Some(&Scope { value: &value, parent: scope })) {
                Ok(value) if value == deciding => return Ok(deciding),
                Ok(_) => {}
                Err(Stop::Exhausted) => return Err(Stop::Exhausted),
                Err(found) => stop = Some(found.meet(stop)),
            }
        }
        stop.map_or(Ok(!deciding), Err)
    }

    #[inline(never)]
    fn exists_one(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<bool> {
        let mut count = 0_usize;
        self.each(fold, scope, |machine, scope, _| {
            if machine.test(&fold.body, scope)? {
                count = count.saturating_add(1);
            }
            Ok(())
        })?;
        Ok(count == 1)
    }

    #[inline(never)]
    fn build_list(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let mut list = Vec::new();
        self.each(fold, scope, |machine, scope, _| {
            if machine.admitted(fold, scope)? {
                let value = machine.value(&fold.body, scope)?;
                machine.budget.build_items(1).map_err(|trouble| trouble.at(fold.span))?;
                list.push(value);
            }
            Ok(())
        })?;
        Ok(Val::List(list.into()))
    }

    #[inline(never)]
    fn build_map(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let mut pairs = Vec::new();
        self.each(fold, scope, |machine, scope, key| {
            if machine.admitted(fold, scope)? {
                let value = machine.value(&fold.body, scope)?;
                machine.budget.build_items(3).map_err(|trouble| trouble.at(fold.span))?;
                pairs.push((key.clone(), value));
            }
            Ok(())
        })?;
        table(pairs).map_err(|fault| Stop::Error(fault, fold.span))
    }

    #[inline(never)]
    fn build_entries(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let mut pairs = Vec::new();
        self.each(fold, scope, |machine, scope, _| {
            if machine.admitted(fold, scope)? {
                let value = machine.value(&fold.body, scope)?;
                let count = value.map_len().ok_or(Stop::Error(Fault::NoOverload, fold.span))?;
                machine
                    .budget
                    .build_items(count.saturating_mul(3))
                    .map_err(|trouble| trouble.at(fold.span))?;
                value.each(|key, value| {
                    pairs.push((key, value));
                    ControlFlow::<()>::Continue(())
                });
            }
            Ok(())
        })?;
        table(pairs).map_err(|fault| Stop::Error(fault, fold.span))
    }

    #[inline(never)]
    fn sort_by(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<Val<'a>> {
        let mut pairs: Vec<(Val<'a>, Val<'a>)> = Vec::new();
        self.each(fold, scope, |machine, scope, _| {
            let element = scope.map_or(Val::Null, |scope| scope.value.clone());
            let key = machine.value(&fold.body, scope)?;
            machine.budget.build_items(3).map_err(|trouble| trouble.at(fold.span))?;
            pairs.push((key, element));
            Ok(())
        })?;
        super::functions::sort_pairs(pairs, &mut self.budget).map_err(|trouble| trouble.at(fold.span))
    }

    fn admitted(&mut self, fold: &'a FoldNode, scope: Outer<'_, 'a>) -> Outcome<bool> {
        fold.filter.as_ref().map_or(Ok(true), |filter| self.test(filter, scope))
    }

    /// Takes every turn; an error waits for the end, because an unknown after it would win.
    fn each(
        &mut self,
        fold: &'a FoldNode,
        scope: Outer<'_, 'a>,
        mut body: impl FnMut(&mut Self, Outer<'_, 'a>, &Val<'a>) -> Outcome<()>,
    ) -> Outcome<()> {
        let held = self.value(&fold.range, scope)?;
        let mut stop: Option<Stop> = None;
        let ended =
            self.turns(fold, &held, scope, |machine, scope, key| match body(machine, scope, key) {
                Ok(()) => ControlFlow::Continue(()),
                Err(found @ (Stop::Exhausted | Stop::Unknown(_))) => ControlFlow::Break(found),
                Err(found) => {
                    stop = Some(found.meet(stop));
                    ControlFlow::Continue(())
                }
            })?;
        ended.or(stop).map_or(Ok(()), Err)
    }

    /// Goes over the range until the body breaks; pays for each turn and sets the variables.
    fn turns<B>(
        &mut self,
        fold: &'a FoldNode,
        range: &Val<'a>,
        scope: Outer<'_, 'a>,
        mut body: impl FnMut(&mut Self, Outer<'_, 'a>, &Val<'a>) -> ControlFlow<B>,
    ) -> Outcome<Option<B>> {
        let weight = usize::try_from(fold.weight).unwrap_or(usize::MAX);
        let keys = !fold.pairs && range.items().is_none();
        let ended = range.each(|key, value| {
            if let Err(trouble) = self.budget.step(weight) {
                return ControlFlow::Break(Err(trouble.at(fold.span)));
            }
            let outer = Scope { value: &key, parent: scope };
            let inner = if keys {
                outer
            } else {
                Scope { value: &value, parent: if fold.pairs { Some(&outer) } else { scope } }
            };
            match body(self, Some(&inner), &key) {
                ControlFlow::Continue(()) => ControlFlow::Continue(()),
                ControlFlow::Break(result) => ControlFlow::Break(Ok(result)),
            }
        });
        match ended {
            None => Err(Stop::Error(Fault::NoOverload, fold.span)),
            Some(ControlFlow::Continue(())) => Ok(None),
            Some(ControlFlow::Break(result)) => result.map(Some),
        }
    }
}
