//! Which resources a grant is for.
//!
//! One, or several of which a tool works on whichever it is asked for. One is written as a string, several as
//! a sorted list.

use std::fmt;

use super::claims::{ClaimError, is_text, push_string};
use crate::json::Json;
use crate::limits;

/// The references of the resources that a grant covers: sorted, each once, at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Covered(Vec<String>);

impl Covered {
    /// Returns the references, sorted.
    pub(crate) fn references(&self) -> &[String] {
        &self.0
    }

    /// Returns the reference where there is one alone.
    pub(crate) fn only(&self) -> Option<&str> {
        match self.0.as_slice() {
            [one] => Some(one),
            _ => None,
        }
    }

    /// Writes one as a string, several as a list.
    pub(super) fn write(&self, text: &mut String) {
        if let Some(one) = self.only() {
            return push_string(text, one);
        }
        text.push('[');
        for (index, name) in self.0.iter().enumerate() {
            if index > 0 {
                text.push(',');
            }
            push_string(text, name);
        }
        text.push(']');
    }

    pub(super) fn read(json: &Json<'_>) -> Result<Self, ClaimError> {
        if let Some(one) = json.as_str() {
            return if is_text(one) { Ok(Self(vec![one.to_owned()])) } else { Err(RES_TYPE) };
        }
        let items = json.as_array().filter(|items| (2..=limits::RESOURCES).contains(&items.len()));
        let texts = items.ok_or(RES_TYPE)?.iter().map(|item| item.as_str().filter(|text| is_text(text)));
        let texts: Vec<&str> = texts.collect::<Option<_>>().ok_or(RES_TYPE)?;
        if !texts.is_sorted_by(|a, b| a < b) {
            return Err(RES_TYPE);
        }
        Ok(Self(texts.into_iter().map(str::to_owned).collect()))
    }
}

impl FromIterator<String> for Covered {
    fn from_iter<I: IntoIterator<Item = String>>(references: I) -> Self {
        let mut references: Vec<String> = references.into_iter().collect();
        references.sort_unstable();
        Self(references)
    }
}

impl From<String> for Covered {
    fn from(reference: String) -> Self {
        Self(vec![reference])
    }
}

impl From<&str> for Covered {
    fn from(reference: &str) -> Self {
        reference.to_owned().into()
    }
}

impl fmt::Display for Covered {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0.join(", "))
    }
}

const RES_TYPE: ClaimError =
    ClaimError::Type { claim: "res", expected: "the name of a resource, or a sorted list of 2 to 16" };
