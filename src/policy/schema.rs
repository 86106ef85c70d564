//! The vocabulary: which names conditions may read, and where each value comes from.
//!
//! `[attributes]` declares them; a few typed members of every request are always there. A request that
//! lacks a required attribute, or states one in a wrong type, does not fit the vocabulary and is denied.

mod inputs;
mod sample;

use chrono::{DateTime, TimeDelta, Utc};
use regex::Regex;

use super::document::{AttributeSpec, Document};
use super::error::Faults;
pub(crate) use super::facts::FactValues;
use super::facts::RootSlots;
use super::node::Text;
use super::personal::Personal;
use crate::cel::{Declaration, Environment, Input, Limits, Slot, Type};
use crate::limits;
use crate::request::{Request, Resource, Source, Subject};
use crate::text::{nearest, quote};
use crate::value::{Attributes, Value};

pub(crate) use inputs::Inputs;
pub(crate) use sample::{Sample, texts};

/// All names of a policy.
#[derive(Debug)]
pub(crate) struct Schema {
    pub(crate) environment: Environment,
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) members: Members,
    pub(crate) personal: Personal,
    payload: Vec<RootSlots>,
    /// How many slots a request without a payload has; those of payloads are behind them.
    plain_slots: usize,
}

/// One declared attribute.
#[derive(Debug)]
pub(crate) struct Attribute {
    pub(crate) path: String,
    pub(crate) because: Option<String>,
    slot: Slot,
    root: Root,
    names: Vec<String>,
    from_caller: bool,
    one_of: Vec<String>,
    matches: Option<Regex>,
}

/// The slots of what every request, vote and decision has.
#[derive(Debug)]
pub(crate) struct Members {
    pub(crate) now: Slot,
    pub(crate) risk: Slot,
    subject: [Slot; 2],
    action: Slot,
    resource: [Slot; 2],
    reason: Slot,
    duration: Slot,
    start: Slot,
    audience: Slot,
    extends: Slot,
    actor: [Slot; 2],
    emergency: Slot,
    approver: [Slot; 2],
    vote_at: Slot,
    vote_comment: Slot,
    pub(crate) vote_kind: Slot,
    vote_delegated: Slot,
    vote_signed: Slot,
}

/// Who votes, and how, as conditions on approvers see it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Voting<'a> {
    /// Whose authority it is: of a delegate's vote, the delegator's.
    pub(crate) approver: &'a Subject,
    pub(crate) comment: &'a str,
    pub(crate) kind: &'a str,
    pub(crate) delegated: bool,
    pub(crate) signed: bool,
    pub(crate) at: DateTime<Utc>,
}

/// The part of a request that an attribute belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Root {
    Subject,
    Action,
    Resource,
    Context,
    Facts,
    Approver,
}

/// Why a request does not fit the vocabulary.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Misfit {
    #[error("`{path}` is missing")]
    Missing { path: String },
    #[error("`{path}` {problem}")]
    WrongType { path: String, problem: String },
    #[error("`{path}` is not attested by the host")]
    NotAttested { path: String },
    #[error("`{path}` is `{}`, expected one of {expected}", quote(found))]
    NotOneOf { path: String, found: String, expected: String },
    #[error("`{path}` does not match `{pattern}`")]
    NoMatch { path: String, pattern: String },
}

impl Schema {
    /// Declares everything that a document's vocabulary names.
    pub(crate) fn new(document: &Document, limits: Limits, faults: &mut Faults<'_>) -> Self {
        let mut environment = Environment::new();
        environment.set_limits(limits);
        let members = Members::declare(&mut environment);
        let mut attributes = Vec::new();
        for spec in &document.attributes {
            if environment.slot(&spec.path.text).is_some() {
                let path = quote(&spec.path.text);
                faults.add(&spec.path.span, format!("`{path}` is always there and needs no declaration"));
            } else {
                attributes.extend(Attribute::declare(spec, &mut environment, faults));
            }
        }
        let plain_slots = environment.slots();
        let payload = RootSlots::declare(&mut environment);
        let personal = Personal::new(document, faults);
        Self { environment, attributes, members, personal, payload, plain_slots }
    }

    /// Makes inputs for a request: what conditions of a decision read. Slots behind the last input are absent.
    ///
    /// # Errors
    ///
    /// The first way in which the request does not fit.
    pub(crate) fn inputs<'a>(
        &self,
        request: &'a Request,
        facts: &'a FactValues,
        now: DateTime<Utc>,
    ) -> Result<Inputs<'a>, Misfit> {
        self.inputs_on(request, request.resource(), facts, now)
    }

    /// Makes inputs for one of a request's resources.
    ///
    /// # Errors
    ///
    /// As [`inputs`](Self::inputs).
    pub(crate) fn inputs_on<'a>(
        &self,
        request: &'a Request,
        resource: &'a Resource,
        facts: &'a FactValues,
        now: DateTime<Utc>,
    ) -> Result<Inputs<'a>, Misfit> {
        let slots = if facts.is_empty() { self.plain_slots } else { self.environment.slots() };
        let mut inputs = Inputs::absent(slots);
        let members = &self.members;
        let places: &mut [Input<'a>] = &mut inputs;
        let mut set = |slot: Slot, input: Input<'a>| {
            if let Some(place) = places.get_mut(slot.index()) {
                *place = input;
            }
        };
        if request.subject().source() != Source::Attested {
            return Err(Misfit::NotAttested { path: "subject".to_owned() });
        }
        let [kind, id] = members.subject;
        set(kind, request.subject().kind().into());
        set(id, request.subject().id().into());
        set(members.action, request.action().name().into());
        let [kind, id] = members.resource;
        set(kind, resource.kind().into());
        set(id, resource.id().into());
        set(members.now, now.into());
        set(members.emergency, request.is_emergency().into());
        if let Some(reason) = request.reason() {
            set(members.reason, reason.into());
        }
        if let Some(duration) = request.duration().and_then(|span| TimeDelta::from_std(span).ok()) {
            set(members.duration, duration.into());
        }
        if let Some(start) = request.not_before() {
            set(members.start, start.into());
        }
        if let Some(audience) = request.stated_audience() {
            set(members.audience, audience.into());
        }
        if let Some(grant) = request.extends() {
            set(members.extends, grant.into());
        }
        if let Some(actor) = request.actors().next() {
            let [kind, id] = members.actor;
            set(kind, actor.kind().into());
            set(id, actor.id().into());
        }
        if !facts.is_empty() {
            self.payload.iter().for_each(|root| root.set(facts, &mut set));
        }
        for attribute in self.attributes.iter().filter(|attribute| attribute.root != Root::Approver) {
            set(attribute.slot, attribute.read_request(request, resource, self)?);
        }
        Ok(inputs)
    }

    /// Adds who votes, how and when, to the inputs of a request. An approver's attribute that is absent or
    /// of the wrong type is left out: a condition that reads it fails, and who fails a condition does not count.
    pub(crate) fn add_vote<'a>(&self, inputs: &mut [Input<'a>], vote: Voting<'a>) {
        let approver = vote.approver;
        let [kind_slot, id] = self.members.approver;
        let always: [(Slot, Input<'a>); 7] = [
            (kind_slot, approver.kind().into()),
            (id, approver.id().into()),
            (self.members.vote_at, vote.at.into()),
            (self.members.vote_comment, vote.comment.into()),
            (self.members.vote_kind, vote.kind.into()),
            (self.members.vote_delegated, vote.delegated.into()),
            (self.members.vote_signed, vote.signed.into()),
        ];
        let attributes = self.attributes.iter().filter(|attribute| attribute.root == Root::Approver);
        let stated = attributes.map(|attribute| {
            let value = find(approver.properties(), &attribute.names);
            let value = value.filter(|value| attribute.is_well_formed(value));
            let input = value.and_then(|value| attribute.check(value, self).ok());
            (attribute.slot, input.filter(|_| approver.source() == Source::Attested).unwrap_or_default())
        });
        for (slot, input) in always.into_iter().chain(stated) {
            if let Some(place) = inputs.get_mut(slot.index()) {
                *place = input;
            }
        }
    }

    /// Finds a declared attribute, or the typed member `context.reason`.
    pub(crate) fn attribute(&self, path: &str) -> Option<&Attribute> {
        self.attributes.iter().find(|attribute| attribute.path == path)
    }

    /// Says whether the caller may state an attribute.
    pub(crate) fn is_callers(&self, slot: Slot) -> bool {
        let members = [self.members.reason, self.members.duration, self.members.emergency];
        members.contains(&slot)
            || self.attributes.iter().any(|attribute| attribute.slot == slot && attribute.from_caller)
    }

    /// Says whether a member of a request means anything: an attribute, the beginning of one, or a typed member.
    pub(crate) fn reads(&self, path: &str) -> bool {
        let below = |known: &str| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
        let typed = path.strip_prefix("context.").is_some_and(Request::is_context_member);
        typed
            || self.environment.slot(path).is_some()
            || self.attributes.iter().any(|attribute| below(&attribute.path))
    }

    /// Names the declared path that a mistyped one most likely means.
    pub(crate) fn closest(&self, path: &str) -> Option<&str> {
        nearest(path, self.attributes.iter().map(|attribute| attribute.path.as_str()))
    }
}

impl Attribute {
    fn declare(spec: &AttributeSpec, environment: &mut Environment, faults: &mut Faults<'_>) -> Option<Self> {
        let path = &spec.path;
        let mut parts = path.text.split('.');
        let root = match parts.next() {
            Some("subject") => Root::Subject,
            Some("action") => Root::Action,
            Some("resource") => Root::Resource,
            Some("context") => Root::Context,
            Some("facts") => Root::Facts,
            Some("approver") => Root::Approver,
            _ => {
                let roots = "`subject`, `action`, `resource`, `context`, `facts` or `approver`";
                let found = quote(&path.text);
                faults.add(&path.span, format!("attribute `{found}` starts with none of {roots}"));
                return None;
            }
        };
        let names: Vec<String> = parts.map(str::to_owned).collect();
        if names.is_empty()
            || names.iter().any(|name| !is_identifier(name))
            || names.len() > limits::VALUE_DEPTH
        {
            faults.add(&path.span, "expected a path such as `resource.environment`");
            return None;
        }
        let mut declaration: Declaration = match spec.kind.text.parse() {
            Ok(declaration) => declaration,
            Err(error) => {
                faults.add(&spec.kind.span, error.to_string());
                Declaration::new(Type::Dyn)
            }
        };
        if declaration.ty == Type::Risk {
            faults.add(&spec.kind.span, "an attribute cannot be a risk");
        }
        if !spec.one_of.is_empty() {
            if declaration.ty != Type::String {
                faults.add(&path.span, "`one_of` goes with the type `string`");
            }
            declaration = declaration.one_of(spec.one_of.iter());
        }
        let matches = spec.matches.as_ref().and_then(|pattern| {
            if declaration.ty != Type::String {
                faults.add(&pattern.span, "`matches` goes with the type `string`");
            }
            compile_pattern(pattern, faults)
        });
        Some(Self {
            path: path.text.clone(),
            because: spec.because.clone(),
            slot: environment.declare(&path.text, declaration),
            root,
            names,
            from_caller: spec.from_caller,
            one_of: spec.one_of.clone(),
            matches,
        })
    }

    /// Returns the declared type.
    pub(super) fn ty<'s>(&self, schema: &'s Schema) -> &'s Type {
        schema.environment.declaration(self.slot).map_or(&Type::Dyn, |declaration| &declaration.ty)
    }

    /// Reads the attribute's value from a request.
    pub(crate) fn value<'a>(&self, request: &'a Request) -> Option<(&'a Value, Source)> {
        self.value_on(request, request.resource())
    }

    /// Reads the attribute's value from a request on one of its resources.
    fn value_on<'a>(&self, request: &'a Request, resource: &'a Resource) -> Option<(&'a Value, Source)> {
        match self.root {
            Root::Subject => {
                Some((find(request.subject().properties(), &self.names)?, request.subject().source()))
            }
            Root::Action => {
                Some((find(request.action().properties(), &self.names)?, request.action().source()))
            }
            Root::Resource => Some((find(resource.properties(), &self.names)?, resource.source())),
            Root::Context => {
                let behind = self.names.iter().take_while(|name| *name == "actor").count();
                if let Some(place) = behind.checked_sub(1) {
                    let actor = request.actors().nth(place)?;
                    return Some((find(actor.properties(), self.names.get(behind..)?)?, actor.source()));
                }
                let (first, rest) = self.names.split_first()?;
                let (value, source) = request.context(first)?;
                Some((walk(value, rest)?, source))
            }
            Root::Facts => Some((find(request.facts(), &self.names)?, Source::Attested)),
            Root::Approver => None,
        }
    }

    /// Returns the pattern that a text must match.
    pub(crate) fn pattern(&self) -> Option<&str> {
        self.matches.as_ref().map(Regex::as_str)
    }

    /// Says whether a value satisfies the declared pattern.
    pub(crate) fn is_well_formed(&self, value: &Value) -> bool {
        let text = value.as_str().unwrap_or_default();
        self.matches.as_ref().is_none_or(|pattern| pattern.is_match(text))
    }

    fn read_request<'a>(
        &self,
        request: &'a Request,
        resource: &'a Resource,
        schema: &Schema,
    ) -> Result<Input<'a>, Misfit> {
        let declaration = schema.environment.declaration(self.slot);
        let stated = self.value_on(request, resource).filter(|(value, _)| !matches!(value, Value::Null));
        let Some((value, source)) = stated else {
            return match declaration {
                Some(declaration) if declaration.optional => Ok(Input::Absent),
                _ => Err(Misfit::Missing { path: self.path.clone() }),
            };
        };
        if source == Source::Caller && !self.from_caller {
            return Err(Misfit::NotAttested { path: self.path.clone() });
        }
        let input = self.check(value, schema)?;
        if !self.is_well_formed(value) {
            // A form that people fill in is judged by `needs`; conditions do not see what is malformed.
            if self.from_caller && declaration.is_some_and(|declaration| declaration.optional) {
                return Ok(Input::Absent);
            }
            let pattern = self.matches.as_ref().map(Regex::to_string).unwrap_or_default();
            return Err(Misfit::NoMatch { path: self.path.clone(), pattern });
        }
        Ok(input)
    }

    fn check<'a>(&self, value: &'a Value, schema: &Schema) -> Result<Input<'a>, Misfit> {
        let input = Input::of(value, self.ty(schema)).map_err(|mismatch| Misfit::WrongType {
            path: self.path.clone(),
            problem: mismatch.to_string(),
        })?;
        let text = value.as_str().unwrap_or_default();
        if !self.one_of.is_empty() && !self.one_of.iter().any(|known| known == text) {
            let expected = format!("`{}`", self.one_of.join("`, `"));
            return Err(Misfit::NotOneOf { path: self.path.clone(), found: text.to_owned(), expected });
        }
        Ok(input)
    }
}

impl Members {
    fn declare(environment: &mut Environment) -> Self {
        let mut text = |path: &str| environment.declare(path, Type::String);
        let subject = [text("subject.type"), text("subject.id")];
        let action = text("action.name");
        let resource = [text("resource.type"), text("resource.id")];
        let approver = [text("approver.type"), text("approver.id")];
        let vote_comment = text("vote.comment");
        let kinds = ["person", "automatic", "force"];
        Self {
            now: environment.declare("now", Type::Timestamp),
            risk: environment.declare("risk", Type::Risk),
            subject,
            action,
            resource,
            reason: environment.declare("context.reason", Declaration::new(Type::String).optional()),
            duration: environment.declare("context.duration", Declaration::new(Type::Duration).optional()),
            start: environment.declare("context.not_before", Declaration::new(Type::Timestamp).optional()),
            audience: environment.declare("context.audience", Declaration::new(Type::String).optional()),
            extends: environment.declare("context.extends", Declaration::new(Type::String).optional()),
            actor: ["context.actor.type", "context.actor.id"]
                .map(|path| environment.declare(path, Declaration::new(Type::String).optional())),
            emergency: environment.declare("context.emergency", Type::Bool),
            approver,
            vote_at: environment.declare("vote.at", Type::Timestamp),
            vote_comment,
            vote_kind: environment.declare("vote.kind", Declaration::new(Type::String).one_of(kinds)),
            vote_delegated: environment.declare("vote.delegated", Type::Bool),
            vote_signed: environment.declare("vote.signed", Type::Bool),
        }
    }
}

pub(super) fn compile_pattern(pattern: &Text, faults: &mut Faults<'_>) -> Option<Regex> {
    let regex = regex::RegexBuilder::new(&pattern.text).size_limit(limits::PATTERN_BYTES).build();
    regex.map_err(|_| faults.add(&pattern.span, "pattern is malformed or too large")).ok()
}

fn find<'a>(attributes: &'a Attributes, names: &[String]) -> Option<&'a Value> {
    let (first, rest) = names.split_first()?;
    walk(attributes.get(first)?, rest)
}

fn walk<'a>(value: &'a Value, names: &[String]) -> Option<&'a Value> {
    let Some((first, rest)) = names.split_first() else { return Some(value) };
    match value {
        Value::Map(entries) => walk(entries.get(first)?, rest),
        _ => None,
    }
}

fn is_identifier(name: &str) -> bool {
    let mut letters = name.chars();
    letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && letters.all(|c| c.is_ascii_alphanumeric() || c == '_')
}
