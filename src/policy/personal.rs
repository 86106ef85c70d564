//! What a vocabulary marks `personal`: where records hold commitments instead of values.
//!
//! What is personal of one person is personal of all: a name declared below `subject`, `approver` or
//! `context.actor` is committed to wherever somebody stands in a record. Digests over personal values are
//! personal themselves, and so are the facts that were found in a personal payload.

use serde_json::{Map, Value as Json};

use super::document::Document;
use super::error::Faults;
use crate::audit::below;
use crate::request::Request;
use crate::value::{Attributes, Value};

/// The names of personal attributes by whose they are, and the actions with personal payloads.
#[derive(Debug, Default)]
pub(crate) struct Personal {
    people: Vec<Vec<String>>,
    action: Vec<Vec<String>>,
    resource: Vec<Vec<String>>,
    context: Vec<Vec<String>>,
    facts: Vec<Vec<String>>,
    payloads: Vec<String>,
}

impl Personal {
    pub(super) fn new(document: &Document, faults: &mut Faults<'_>) -> Self {
        let mut personal = Self::default();
        for spec in document.attributes.iter().filter(|spec| spec.personal) {
            let mut names = spec.path.text.split('.').map(str::to_owned);
            let root = names.next();
            let names: Vec<String> = names.collect();
            let behind = match root.as_deref() {
                Some("context") => names.iter().take_while(|name| *name == "actor").count(),
                _ => 0,
            };
            let is_person = matches!(root.as_deref(), Some("subject" | "approver")) || behind > 0;
            let of = match root.as_deref() {
                _ if is_person => &mut personal.people,
                Some("action") => &mut personal.action,
                Some("resource") => &mut personal.resource,
                Some("context") => &mut personal.context,
                _ => &mut personal.facts,
            };
            let names: Vec<String> = names.into_iter().skip(behind).collect();
            if is_person && names.first().is_some_and(|name| name == "tenant") {
                faults
                    .add(&spec.path.span, "a tenant is part of a person's name, which keys and grants hold");
            }
            of.push(names);
        }
        let payloads = document.actions.iter().filter(|action| action.personal);
        personal.payloads = payloads.map(|action| action.name.text.clone()).collect();
        personal
    }

    /// Says whether nothing is personal.
    pub(crate) fn is_empty(&self) -> bool {
        let Self { people, action, resource, context, facts, payloads } = self;
        [people, action, resource, context, facts].into_iter().all(Vec::is_empty) && payloads.is_empty()
    }

    /// Says whether the digest of a request's action is one over personal values.
    pub(crate) fn holds_action(&self, request: &Request) -> bool {
        let action = request.action();
        self.holds_payload(action.name()) && action.payload().is_some()
            || self.action.iter().any(|names| holds(action.properties(), names))
    }

    /// Finds what is personal in a record of a decision: its content's `request`, `facts` and `decision`.
    pub(crate) fn of_decision(&self, request: &Json, decision: &Json) -> Vec<String> {
        let mut found = Vec::new();
        if self.is_empty() {
            return found;
        }
        let member = |path: &str| request.pointer(path).unwrap_or(&Json::Null);
        self.of_person("/request/subject", member("/subject"), &mut found);
        let actors = member("/context/actors").as_array();
        for (place, actor) in actors.into_iter().flatten().enumerate() {
            self.of_person(&format!("/request/context/actors/{place}"), actor, &mut found);
        }
        for (names, parts) in [
            (&self.action, ["/action/properties"].as_slice()),
            (&self.resource, &["/resource/properties"]),
            (&self.context, &["/context/attested", "/context/claimed"]),
            (&self.facts, &["/context/facts"]),
        ] {
            for part in parts {
                locate_all(names, &format!("/request{part}"), member(part), &mut found);
            }
        }
        let several = member("/resources").as_array().into_iter().flatten().enumerate();
        for (place, resource) in several {
            let properties = resource.get("properties").unwrap_or(&Json::Null);
            let at = format!("/request/resources/{place}/properties");
            locate_all(&self.resource, &at, properties, &mut found);
        }
        let action = member("/action/name").as_str().unwrap_or_default();
        if self.holds_payload(action) && request.pointer("/action/payload").is_some() {
            found.extend(["/request/action/payload".to_owned(), "/facts".to_owned()]);
        }
        // What is wrong with a value may be told by showing it.
        let reasons = decision.get("reasons").and_then(Json::as_array);
        for (place, reason) in reasons.into_iter().flatten().enumerate() {
            let code = reason.get("code").and_then(Json::as_str);
            if matches!(code, Some("invalid_request" | "rule_failed")) {
                found.extend(["text", "detail"].map(|name| format!("/decision/reasons/{place}/{name}")));
            }
        }
        found
    }

    /// Finds what is personal in the record of a review's change: its votes and people, and why it was ended.
    pub(crate) fn of_change(&self, content: &Json, sealed: bool) -> Vec<String> {
        let mut found = Vec::new();
        let people = content.get("people").and_then(Json::as_array);
        for (place, person) in people.into_iter().flatten().enumerate() {
            self.of_person(&format!("/people/{place}"), person, &mut found);
        }
        for name in ["approver", "for"] {
            let person = content.get("vote").and_then(|vote| vote.get(name));
            person
                .into_iter()
                .for_each(|person| self.of_person(&format!("/vote/{name}"), person, &mut found));
        }
        // An approval signs the action's digest.
        found.extend(sealed.then(|| "/vote/signature".to_owned()));
        if !self.is_empty() || sealed {
            found.extend(["/because", "/error"].map(str::to_owned));
        }
        found
    }

    /// Finds the digests over an action in the claims of a grant for it.
    pub(crate) fn of_claims(claims: &Json) -> Vec<String> {
        let mut found = vec!["/claims/adg".to_owned()];
        let approvals = claims.get("apr").and_then(Json::as_array).into_iter().flatten().enumerate();
        let signed = approvals.filter(|(_, approval)| approval.is_string());
        found.extend(signed.map(|(place, _)| format!("/claims/apr/{place}")));
        found
    }

    fn holds_payload(&self, action: &str) -> bool {
        self.payloads.iter().any(|name| name == action)
    }

    fn of_person(&self, at: &str, person: &Json, found: &mut Vec<String>) {
        let properties = person.get("properties").unwrap_or(&Json::Null);
        locate_all(&self.people, &below(at, "properties"), properties, found);
    }
}

fn locate_all(all: &[Vec<String>], at: &str, json: &Json, found: &mut Vec<String>) {
    all.iter().for_each(|names| locate(names, at.to_owned(), json, found));
}

/// Finds a member of attributes as a record holds them: an object, or pairs where keys are unusual. What is no
/// map and stands where one should is found as a whole: it may well be the member itself.
fn locate(names: &[String], at: String, json: &Json, found: &mut Vec<String>) {
    let Some((first, rest)) = names.split_first() else {
        found.push(at);
        return;
    };
    let Some(members) = json.as_object().filter(|members| !is_wrapped(members)) else {
        found.push(at);
        return;
    };
    let pairs = members.get(PAIRS).and_then(Json::as_array).into_iter().flatten().enumerate();
    let named = pairs.filter(|(_, pair)| pair.get(0).and_then(Json::as_str) == Some(first));
    for (place, pair) in named {
        locate(rest, format!("{at}/{PAIRS}/{place}/1"), pair.get(1).unwrap_or(&Json::Null), found);
    }
    if let Some(member) = members.get(first) {
        locate(rest, below(&at, first), member, found);
    }
}

/// Says whether an object stands for a value that JSON cannot hold, and for no attributes.
fn is_wrapped(members: &Map<String, Json>) -> bool {
    members.keys().any(|name| name.starts_with('$') && name != PAIRS)
}

fn holds(attributes: &Attributes, names: &[String]) -> bool {
    let Some((first, rest)) = names.split_first() else { return true };
    match attributes.get(first) {
        Some(Value::Map(inner)) => holds(inner, rest),
        found => found.is_some(),
    }
}

/// The key of attributes that stand as pairs.
const PAIRS: &str = "$map";
