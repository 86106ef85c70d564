//! The requests and the people of cases.
//!
//! A request is written in full, or as what differs from a named one. Paths are those that conditions write:
//! `resource.environment` is the resource's property. A person has a name, so that a case can vote with it.

use super::unknown;
use crate::policy::error::{Faults, Span};
use crate::policy::node::{Content, Fields, Node, Text};
use crate::request::{Request, RequestError, Source, Subject};
use crate::value::Value;

/// What the cases of a document share: `[requests]` and `[people]`.
#[derive(Debug, Clone)]
pub(super) struct Shelf<'n> {
    requests: &'n [(Text, Node)],
    /// Whoever has a name, and who is known otherwise later on: the last that tells of somebody holds.
    people: Vec<&'n [(Text, Node)]>,
}

impl<'n> Shelf<'n> {
    pub(super) fn take(fields: &mut Fields<'n>, faults: &mut Faults<'_>) -> Self {
        let mut table = |name, expected| match fields.take(name) {
            None => &[][..],
            Some(Node { content: Content::Table(entries), .. }) => entries.as_slice(),
            Some(other) => {
                other.unexpected(faults, expected);
                &[]
            }
        };
        let shelf = Self {
            requests: table("requests", "a table of named requests"),
            people: vec![table("people", "a table of people and their attributes")],
        };
        shelf.check_people(faults);
        shelf
    }

    /// Takes over who is known otherwise from a step on.
    pub(super) fn learn(&mut self, node: &'n Node, faults: &mut Faults<'_>) {
        let Content::Table(entries) = &node.content else {
            return node.unexpected(faults, "a table of people and their attributes");
        };
        for (name, _) in entries {
            if self.known(&name.text).is_none() {
                self.unknown_person(&name.text, &name.span, faults);
            }
        }
        self.people.push(entries);
        self.check_people(faults);
    }

    fn check_people(&self, faults: &mut Faults<'_>) {
        for (_, node) in self.people.last().copied().unwrap_or_default() {
            self.person_of(node, "", faults);
        }
    }

    /// What is known of somebody by now.
    fn known(&self, name: &str) -> Option<&'n Node> {
        let mut latest = self.people.iter().rev().flat_map(|people| people.iter());
        latest.find(|(known, _)| known.text == name).map(|(_, node)| node)
    }

    fn names(&self) -> impl Iterator<Item = &'n str> {
        self.people.first().copied().unwrap_or_default().iter().map(|(name, _)| name.text.as_str())
    }

    fn unknown_person(&self, name: &str, span: &Span, faults: &mut Faults<'_>) {
        unknown("person", name, span, self.names(), faults);
    }

    /// Reads what a case asks: `request`, or `base`; then `with`, `without` and `usage`.
    pub(super) fn request(
        &self,
        fields: &mut Fields<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<(Request, Vec<Text>)> {
        let (own, base) = (fields.take("request"), fields.take("base"));
        let (with, without) = (fields.take("with"), fields.take("without"));
        let usage = fields.take("usage");
        let mut node = match (own, base) {
            (Some(own), None) => own.clone(),
            (None, Some(base)) => self.base(base, faults)?,
            (Some(_), Some(base)) => {
                faults.add(&base.span, "`request` and `base` both say what is asked, expected one of them");
                return None;
            }
            (None, None) => {
                faults.add(&fields.span, "`request` is missing: the AuthZEN request to decide, or a `base`");
                return None;
            }
        };
        self.name_subject(&mut node, faults)?;
        for path in super::texts(without, faults) {
            if !path_of(&path.text).is_some_and(|parts| remove(&mut node, &parts)) {
                faults.add(&path.span, "there is no such attribute in the request to leave out");
            }
        }
        if let Some(with) = with {
            merge(&mut node, &[], with, faults);
        }
        if let Some(usage) = usage {
            put(&mut node, &["context", "usage"], &usage.span, usage);
        }
        self.name_subject(&mut node, faults)?;
        check_members(&node, faults);
        let Value::Map(members) = node.to_value() else {
            node.unexpected(faults, "a table");
            return None;
        };
        match Request::from_members(members, Source::Attested) {
            Ok(request) => Some((request, stated(&node))),
            Err(error) => {
                let place = path(&error).and_then(|path| place(&node, path)).unwrap_or(&node.span);
                faults.add(place, error.to_string());
                None
            }
        }
    }

    /// Reads the name of somebody, or somebody in full.
    pub(super) fn person(&self, node: &Node, faults: &mut Faults<'_>) -> Option<(String, Subject)> {
        if let Content::Text(name) = &node.content {
            let Some(person) = self.known(name) else {
                self.unknown_person(name, &node.span, faults);
                return None;
            };
            return Some((name.clone(), self.person_of(person, name, &mut silent(faults))?));
        }
        let subject = self.person_of(node, "", faults)?;
        Some((subject.id().to_owned(), subject))
    }

    pub(super) fn people(&self, node: &Node, faults: &mut Faults<'_>) -> Vec<(String, Subject)> {
        let list = node.list(faults, "a list of people").iter();
        list.filter_map(|node| self.person(node, faults)).collect()
    }

    /// Everybody in `[people]`.
    pub(super) fn everybody(&self, faults: &mut Faults<'_>) -> Vec<(String, Subject)> {
        let mut faults = silent(faults);
        let person =
            |name: &str| Some((name.to_owned(), self.person_of(self.known(name)?, name, &mut faults)?));
        self.names().filter_map(person).collect()
    }

    /// Reads a person: attributes beside `type` and `id`, which have defaults, or below `properties`.
    fn person_of(&self, node: &Node, name: &str, faults: &mut Faults<'_>) -> Option<Subject> {
        let Content::Table(entries) = &node.content else {
            node.unexpected(faults, "a person such as `{ groups = [\"sre\"] }`");
            return None;
        };
        let text = |key: &str, default: &str, faults: &mut Faults<'_>| match entries
            .iter()
            .find(|(known, _)| known.text == key)
        {
            Some((_, node)) => node.text(faults, "a string").map(|text| text.text),
            None => Some(default.to_owned()),
        };
        let subject = Subject::new(text("type", "user", faults)?, text("id", name, faults)?);
        let flat =
            entries.iter().filter(|(key, _)| !matches!(key.text.as_str(), "type" | "id" | "properties"));
        let below = entries.iter().filter(|(key, _)| key.text == "properties");
        let below = below.flat_map(|(_, node)| match &node.content {
            Content::Table(entries) => entries.as_slice(),
            _ => &[],
        });
        Some(flat.chain(below).fold(subject, |subject, (key, node)| subject.with(&key.text, node.to_value())))
    }

    fn base(&self, base: &Node, faults: &mut Faults<'_>) -> Option<Node> {
        let name = base.text(faults, "the name of a request in `[requests]`")?;
        let found = self.requests.iter().find(|(known, _)| known.text == name.text);
        if found.is_none() {
            let known = self.requests.iter().map(|(name, _)| name.text.as_str());
            unknown("request", &name.text, &name.span, known, faults);
        }
        found.map(|(_, node)| node.clone())
    }

    /// Puts the person in where a subject is only named.
    fn name_subject(&self, node: &mut Node, faults: &mut Faults<'_>) -> Option<()> {
        let Content::Table(entries) = &mut node.content else { return Some(()) };
        let Some((_, subject)) = entries.iter_mut().find(|(key, _)| key.text == "subject") else {
            return Some(());
        };
        let Content::Text(name) = &subject.content else { return Some(()) };
        let Some(Node { content: Content::Table(person), .. }) = self.known(name) else {
            self.unknown_person(name, &subject.span, faults);
            return None;
        };
        let span = subject.span.clone();
        let at = |text: &str| Text { text: text.to_owned(), span: span.clone() };
        let node_of = |content| Node { span: span.clone(), content };
        let is_own = |key: &str| matches!(key, "type" | "id" | "properties");
        let mut whole: Vec<(Text, Node)> =
            person.iter().filter(|(key, _)| is_own(&key.text)).cloned().collect();
        for (key, default) in [("type", "user"), ("id", name.as_str())] {
            if !whole.iter().any(|(known, _)| known.text == key) {
                whole.push((at(key), node_of(Content::Text(default.to_owned()))));
            }
        }
        let flat: Vec<(Text, Node)> = person.iter().filter(|(key, _)| !is_own(&key.text)).cloned().collect();
        match whole.iter_mut().find(|(key, _)| key.text == "properties") {
            Some((_, Node { content: Content::Table(entries), .. })) => entries.extend(flat),
            _ => whole.push((at("properties"), node_of(Content::Table(flat)))),
        }
        subject.content = Content::Table(whole);
        Some(())
    }
}

/// A place for faults that are told elsewhere.
fn silent<'t>(faults: &Faults<'t>) -> Faults<'t> {
    faults.beside()
}

/// Writes a delta into a request. Tables are entered, everything else takes the place of what was there.
fn merge(request: &mut Node, above: &[&str], delta: &Node, faults: &mut Faults<'_>) {
    let Content::Table(entries) = &delta.content else {
        delta.unexpected(faults, "a table of what differs");
        return;
    };
    for (key, node) in entries {
        let parts: Vec<&str> = above.iter().copied().chain(key.text.split('.')).collect();
        match &node.content {
            Content::Table(inner) if !inner.is_empty() && parts.last() != Some(&"payload") => {
                merge(request, &parts, node, faults);
            }
            _ => match path_of(&parts.join(".")) {
                Some(parts) => {
                    let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
                    if parts == ["resources"] {
                        // Several stand in place of the one.
                        remove(request, &["resource".to_owned()]);
                    }
                    put(request, &parts, &key.span, node);
                }
                None => {
                    let roots = "`subject`, `action`, `resource`, `context` or `facts`, or `resources` alone";
                    faults.add(&key.span, format!("expected a path that begins with {roots}"));
                }
            },
        }
    }
}

/// The members of a request that a path of the vocabulary leads through.
fn path_of(path: &str) -> Option<Vec<String>> {
    let mut parts: Vec<&str> = path.split('.').collect();
    let (root, first) = (*parts.first()?, parts.get(1).copied());
    let own: &[&str] = match root {
        "subject" | "resource" => &["type", "id", "properties"],
        "action" => &["name", "payload", "properties"],
        "context" => return Some(parts.into_iter().map(str::to_owned).collect()),
        "resources" => return first.is_none().then(|| vec![path.to_owned()]),
        "facts" => return Some(["context"].into_iter().chain(parts).map(str::to_owned).collect()),
        _ => return None,
    };
    if first.is_some_and(|first| !own.contains(&first)) {
        parts.insert(1, "properties");
    }
    Some(parts.into_iter().map(str::to_owned).collect())
}

/// Puts a value at a path, with the tables on the way.
fn put(node: &mut Node, path: &[&str], span: &Span, value: &Node) {
    let Some((first, rest)) = path.split_first() else {
        *node = value.clone();
        return;
    };
    if !matches!(node.content, Content::Table(_)) {
        node.content = Content::Table(Vec::new());
    }
    let Content::Table(entries) = &mut node.content else { return };
    let index = entries.iter().position(|(key, _)| key.text == *first).unwrap_or_else(|| {
        let empty = Node { span: span.clone(), content: Content::Table(Vec::new()) };
        entries.push((Text { text: (*first).to_owned(), span: span.clone() }, empty));
        entries.len().saturating_sub(1)
    });
    if let Some((_, inner)) = entries.get_mut(index) {
        put(inner, rest, span, value);
    }
}

fn remove(node: &mut Node, path: &[String]) -> bool {
    let (Content::Table(entries), Some((first, rest))) = (&mut node.content, path.split_first()) else {
        return false;
    };
    let Some(index) = entries.iter().position(|(key, _)| key.text == *first) else { return false };
    if rest.is_empty() {
        entries.remove(index);
        return true;
    }
    entries.get_mut(index).is_some_and(|(_, inner)| remove(inner, rest))
}

/// Refuses members that a request does not have. AuthZEN ignores them; in a case they are mistakes.
fn check_members(node: &Node, faults: &mut Faults<'_>) {
    let check = |node: &Node, known: &[&'static str], faults: &mut Faults<'_>| {
        if let Content::Table(entries) = &node.content {
            let mut fields = Fields::new(entries, node.span.clone());
            for name in known {
                fields.take(name);
            }
            fields.finish(faults);
        }
    };
    check(node, &["subject", "action", "resource", "resources", "context"], faults);
    for (part, known) in [
        ("subject", ["type", "id", "properties"]),
        ("action", ["name", "properties", "payload"]),
        ("resource", ["type", "id", "properties"]),
    ] {
        if let Some(part) = member(node, part) {
            check(part, &known, faults);
        }
    }
    for resource in several(node) {
        check(resource, &["type", "id", "properties"], faults);
    }
}

/// The resources of a request that names several.
fn several(node: &Node) -> &[Node] {
    match member(node, "resources") {
        Some(Node { content: Content::List(items), .. }) => items,
        _ => &[],
    }
}

/// The paths of the attributes that a request states, as the vocabulary would write them.
fn stated(node: &Node) -> Vec<Text> {
    let mut paths = Vec::new();
    let parts = ["subject", "action", "resource", "context"].map(|root| (root, member(node, root)));
    let resources = several(node).iter().map(|resource| ("resource", Some(resource)));
    for (root, part) in parts.into_iter().chain(resources) {
        let part = if root == "context" { part } else { part.and_then(|part| member(part, "properties")) };
        let Some(Node { content: Content::Table(entries), .. }) = part else { continue };
        let stated = entries.iter().filter(|(_, node)| !node.is_empty_table());
        paths.extend(
            stated.map(|(key, _)| Text { text: format!("{root}.{}", key.text), span: key.span.clone() }),
        );
    }
    paths
}

fn member<'n>(node: &'n Node, name: &str) -> Option<&'n Node> {
    match &node.content {
        Content::Table(entries) => entries.iter().find(|(key, _)| key.text == name).map(|(_, node)| node),
        _ => None,
    }
}

/// The path that an error names.
fn path(error: &RequestError) -> Option<&str> {
    match error {
        RequestError::Missing { path }
        | RequestError::WrongType { path, .. }
        | RequestError::Reserved { path }
        | RequestError::Empty { path }
        | RequestError::OutOfBounds { path, .. }
        | RequestError::BadCharacter { path }
        | RequestError::Year { path }
        | RequestError::UnknownMember { path }
        | RequestError::NotTheCallers { path } => Some(path),
        RequestError::BothResources => Some("resources"),
        RequestError::UnknownDialect { .. } => Some("action.payload.dialect"),
        RequestError::Payload(_) => Some("action.payload"),
        _ => None,
    }
}

/// The place of a path, or of as much of it as there is.
fn place<'n>(node: &'n Node, path: &str) -> Option<&'n Span> {
    let mut here = node;
    for part in path.split('.') {
        match member(here, part) {
            Some(inner) => here = inner,
            None => break,
        }
    }
    Some(&here.span)
}
