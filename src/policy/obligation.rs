//! What a host owes when it lets something happen: tell somebody, record the session, hide fields.
//!
//! The library carries nothing out. A host says which obligations it fulfils; whatever would be allowed with
//! another one is denied, so that none is overlooked.

use serde::{Deserialize, Serialize};

use super::document::{identifier, line};
use super::error::Faults;
use super::node::{Content, Fields, Node};
use crate::limits;

/// What a host must do beside what a decision allows.
///
/// It serialises as it is written in a policy: `{"notify": "payments-on-call"}`, `"record_session"`,
/// `{"mask": ["customers.email"]}`, `{"custom": {"name": "watermark", "value": "internal"}}`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Obligation {
    /// Tell somebody: a person, a group or a channel, as the host names it.
    Notify(String),
    /// Record the session, and refuse it where that fails.
    RecordSession,
    /// Hide these fields from whoever asked.
    Mask(Vec<String>),
    /// Something that only this host knows.
    Custom {
        /// The kind, as the host declares it.
        name: String,
        /// What the host needs to know; empty where nothing is said.
        #[serde(default)]
        value: String,
    },
}

impl Obligation {
    /// Returns the kind that a host declares to fulfil: `notify`, `record_session`, `mask`, or a name of its own.
    #[must_use]
    pub fn kind(&self) -> &str {
        match self {
            Self::Notify(_) => NOTIFY,
            Self::RecordSession => RECORD_SESSION,
            Self::Mask(_) => MASK,
            Self::Custom { name, .. } => name,
        }
    }

    /// Bytes of its texts, which a record holds.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Self::Notify(whom) => whom.len(),
            Self::RecordSession => RECORD_SESSION.len(),
            Self::Mask(fields) => fields.iter().map(String::len).fold(0, usize::saturating_add),
            Self::Custom { name, value } => name.len().saturating_add(value.len()),
        }
    }

    /// Reads a rule's `obligations`.
    pub(super) fn take(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<Self> {
        let Some(node) = fields.take("obligations") else { return Vec::new() };
        let parts = node.list(faults, "a list such as `[{ notify = \"…\" }, \"record_session\"]`");
        if parts.len() > limits::RULE_OBLIGATIONS {
            let limit = limits::RULE_OBLIGATIONS;
            faults.add(&node.span, format!("{} obligations, limit is {limit}", parts.len()));
            return Vec::new();
        }
        let mut read: Vec<Self> = Vec::new();
        for part in parts {
            let Some(obligation) = Self::read(part, faults) else { continue };
            if read.contains(&obligation) {
                faults.add(&part.span, "this obligation stands there already");
            }
            read.push(obligation);
        }
        read
    }

    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        if let Content::Text(text) = &node.content {
            if text == RECORD_SESSION {
                return Some(Self::RecordSession);
            }
            faults.add(&node.span, format!("expected {EXPECTED}, found `{}`", crate::text::quote(text)));
            return None;
        }
        let mut fields = node.fields(faults, EXPECTED)?;
        let (notify, mask, custom) = (fields.take(NOTIFY), fields.take(MASK), fields.take("custom"));
        let read = match (notify, mask, custom) {
            (Some(whom), None, None) => line(whom, faults).map(|whom| Self::Notify(whom.text)),
            (None, Some(node), None) => {
                let masked = node.list(faults, "a list of fields");
                if masked.is_empty() {
                    faults.add(&node.span, "nothing is masked: expected at least one field");
                }
                let masked: Option<Vec<String>> =
                    masked.iter().map(|field| line(field, faults).map(|text| text.text)).collect();
                masked.filter(|masked| !masked.is_empty()).map(Self::Mask)
            }
            (None, None, Some(node)) => Self::read_custom(node, faults),
            _ => {
                faults.add(&node.span, format!("expected {EXPECTED}"));
                None
            }
        };
        fields.finish(faults);
        read
    }

    fn read_custom(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ name = \"watermark\" }`")?;
        let name = fields.required(faults, "name", "the kind that the host fulfils");
        let name = name.and_then(|node| identifier(node, faults));
        let value = fields.take("value").map_or(Some(String::new()), |node| Some(line(node, faults)?.text));
        fields.finish(faults);
        let (name, value) = (name?, value?);
        if [NOTIFY, RECORD_SESSION, MASK].contains(&name.text.as_str()) {
            faults.add(&name.span, format!("`{}` is no obligation of the host's own", name.text));
        }
        Some(Self::Custom { name: name.text, value })
    }
}

const NOTIFY: &str = "notify";
const RECORD_SESSION: &str = "record_session";
const MASK: &str = "mask";

const EXPECTED: &str =
    "`{ notify = \"…\" }`, `\"record_session\"`, `{ mask = […] }` or `{ custom = { name = \"…\" } }`";
