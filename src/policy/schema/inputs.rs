//! What conditions read of one request, by slot.

use std::ops::{Deref, DerefMut};

use crate::cel::Input;

/// Inputs in the order of their slots. Those of a usual vocabulary fit where they stand; more are kept on the heap.
#[derive(Debug, Clone)]
pub(crate) struct Inputs<'a> {
    few: [Input<'a>; FEW],
    count: usize,
    many: Vec<Input<'a>>,
}

impl Inputs<'_> {
    /// Makes inputs that are all absent.
    pub(super) fn absent(count: usize) -> Self {
        let mut many = Vec::new();
        if count > FEW {
            many.resize_with(count, Input::default);
        }
        Self { few: [const { Input::Absent }; FEW], count, many }
    }
}

impl<'a> Deref for Inputs<'a> {
    type Target = [Input<'a>];

    fn deref(&self) -> &[Input<'a>] {
        if self.many.is_empty() { self.few.get(..self.count).unwrap_or_default() } else { &self.many }
    }
}

impl<'a> DerefMut for Inputs<'a> {
    fn deref_mut(&mut self) -> &mut [Input<'a>] {
        if self.many.is_empty() { self.few.get_mut(..self.count).unwrap_or_default() } else { &mut self.many }
    }
}

/// The members that every request can have, and as many attributes again.
const FEW: usize = 48;
