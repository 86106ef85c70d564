//! The same request, asked otherwise.
//!
//! Changes only what the caller may state and how it asks. What a part of the host's word is stays as it is.

use std::time::Duration;

use super::{Auth, Request};
use crate::payload::Payload;
use crate::value::{Attributes, Value};

impl Request {
    /// States a member of the context, by the names below `context`. `None` where a part of the path is no map.
    pub(crate) fn restated(&self, names: &[String], value: Value) -> Option<Self> {
        let (first, rest) = names.split_first()?;
        let mut request = self.clone();
        let vouched = request.attested.get(first).is_some();
        let part = if vouched { &mut request.attested } else { &mut request.claimed };
        let whole = nested(part.get(first), rest, value)?;
        part.insert(first.as_str(), whole);
        Some(request)
    }

    /// Asks for the same in another way.
    pub(crate) fn asking(&self, how: &Asking) -> Self {
        let mut request = self.clone();
        match how {
            Asking::Reason(text) => request.ask.reason = Some(text.clone()),
            Asking::For(duration) => request.ask.duration = Some(*duration),
            Asking::Review => request.ask.review = true,
            Asking::Emergency => request.ask.emergency = true,
            Asking::SignedIn(auth) => request.auth = Some(auth.clone()),
            Asking::Payload(payload) => request.action = request.action.with_payload(payload.clone()),
        }
        request
    }
}

/// A way to ask.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Asking {
    Reason(String),
    For(Duration),
    Review,
    Emergency,
    SignedIn(Auth),
    Payload(Payload),
}

fn nested(found: Option<&Value>, names: &[String], value: Value) -> Option<Value> {
    let Some((first, rest)) = names.split_first() else { return Some(value) };
    let mut entries = match found {
        None | Some(Value::Null) => Attributes::new(),
        Some(Value::Map(entries)) => entries.clone(),
        Some(_) => return None,
    };
    let inner = nested(entries.get(first), rest, value)?;
    entries.insert(first.as_str(), inner);
    Some(Value::Map(entries))
}
