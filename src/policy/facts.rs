//! What is known about a request's payload.
//!
//! Each inspector has a root that conditions read: `sql`, `http` and so on. A root is present where its
//! inspector looked at the payload; of a payload that was not understood only `understood` is known. Facts
//! are found once, recorded with the decision, and read back from the record ever after.

use std::borrow::Cow;

use serde_json::{Map, Value as Json};

use crate::cel::{Declaration, Environment, Input, Slot};
use crate::inspect::{command, debug, flag, http, sql};
use crate::request::Request;
use crate::value::{Attributes, Value};

/// The slots of one root.
#[derive(Debug)]
pub(crate) struct RootSlots {
    name: &'static str,
    presence: Slot,
    members: Vec<(&'static str, Slot)>,
}

/// What is known about a request's payload, in the form that conditions read.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct FactValues {
    roots: Vec<(&'static str, Attributes)>,
}

impl RootSlots {
    /// Declares all roots.
    pub(crate) fn declare(environment: &mut Environment) -> Vec<Self> {
        let root = |(name, members): &(&'static str, Members)| Self {
            name,
            presence: environment.declare_presence(name),
            members: members
                .iter()
                .filter_map(|(member, kind)| {
                    let declaration: Declaration = kind.parse().ok()?;
                    Some((*member, environment.declare(&format!("{name}.{member}"), declaration)))
                })
                .collect(),
        };
        ROOTS.iter().map(root).collect()
    }

    /// Sets the inputs of the root where it is present.
    pub(crate) fn set<'a>(&self, facts: &'a FactValues, mut set: impl FnMut(Slot, Input<'a>)) {
        let Some(members) = facts.root(self.name) else { return };
        let understood = members.get("understood") == Some(&Value::Bool(true));
        set(self.presence, true.into());
        for (name, slot) in &self.members {
            let absent = if understood { Input::Absent } else { Input::Unknown };
            set(*slot, members.get(name).map_or(absent, Into::into));
        }
    }
}

impl FactValues {
    /// Finds out what a request's payload does. A text is read in the language that the vocabulary gives it.
    pub(crate) fn of(request: &Request, language: Option<&str>) -> Self {
        let Some(payload) = request.action().payload() else { return Self::default() };
        let text = payload.text();
        let root = root_of(request, language).and_then(|root| {
            let members = match root {
                "sql" => sql::inspect(payload.dialect()?, text).attributes(),
                "command" => command::inspect_payload(payload)?.attributes(),
                "http" => http::inspect(payload).attributes(),
                "flag" => flag::inspect(text).attributes(),
                _ => debug::inspect(text).attributes(),
            };
            Some((root, members))
        });
        Self { roots: root.into_iter().collect() }
    }

    /// What a policy reads that came after the one that these were found for: these, or where it reads the payload in
    /// another language, what it finds there.
    pub(crate) fn read_for(&self, request: &Request, language: Option<&str>) -> Cow<'_, Self> {
        let found = self.roots.iter().map(|(name, _)| *name).eq(root_of(request, language));
        if found { Cow::Borrowed(self) } else { Cow::Owned(Self::of(request, language)) }
    }

    /// Writes the facts for a record: an object with one member for each root.
    pub(crate) fn to_record(&self) -> Json {
        let roots = self.roots.iter().map(|(name, members)| ((*name).to_owned(), members.to_record()));
        Json::Object(roots.collect::<Map<_, _>>())
    }

    /// Reads facts back from a record.
    pub(crate) fn from_record(json: &Json) -> Option<Self> {
        let known = ROOTS.iter().filter_map(|(name, _)| Some((*name, json.get(name)?)));
        let roots = known.map(|(name, members)| Some((name, Attributes::from_record(members)?)));
        Some(Self { roots: roots.collect::<Option<_>>()? })
    }

    /// Says whether nothing was looked at.
    pub(crate) fn is_empty(&self) -> bool {
        self.roots.is_empty()
    }

    fn root(&self, name: &str) -> Option<&Attributes> {
        self.roots.iter().find(|(known, _)| *known == name).map(|(_, members)| members)
    }
}

/// The root that a payload's facts stand below.
fn root_of(request: &Request, language: Option<&str>) -> Option<&'static str> {
    match (request.action().payload()?.kind_name(), language) {
        ("sql", _) => Some("sql"),
        ("argv", _) => Some("command"),
        ("http", _) => Some("http"),
        ("text", Some("flag")) => Some("flag"),
        ("text", Some("debug")) => Some("debug"),
        _ => None,
    }
}

/// Returns the kind of payload that carries what `[actions]` asks for: changes of flags and requests to
/// debuggers are texts.
pub(crate) fn carrier(payload: &str) -> &str {
    match payload {
        "flag" | "debug" => "text",
        kind => kind,
    }
}

/// The members of a root with their types.
type Members = &'static [(&'static str, &'static str)];

const ROOTS: [(&str, Members); 5] = [
    ("sql", sql::MEMBERS),
    ("command", command::MEMBERS),
    ("http", http::MEMBERS),
    ("flag", flag::MEMBERS),
    ("debug", debug::MEMBERS),
];
