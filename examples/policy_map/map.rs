//! What the page shows: rows of actions, columns of places and personas, and a decision for each.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use countersign::testing::{decide, explain, sample_requests};
use countersign::{Explanation, Payload, Policy, ReasonCode, Request, Resource, Subject, Usage, Value};

pub(crate) struct Map {
    pub(crate) policy: String,
    pub(crate) digest: String,
    pub(crate) now: String,
    pub(crate) columns: Option<String>,
    pub(crate) places: Vec<String>,
    pub(crate) personas: Vec<Persona>,
    pub(crate) rows: Vec<Row>,
    pub(crate) left_out: usize,
    pub(crate) coverage: Coverage,
}

#[derive(Clone)]
pub(crate) struct Persona {
    pub(crate) name: String,
    pub(crate) described: String,
    pub(crate) subject: Subject,
}

pub(crate) struct Row {
    pub(crate) action: String,
    pub(crate) what: Option<String>,
    /// The case that the rest of the request comes from.
    pub(crate) basis: String,
    pub(crate) cells: Vec<Cell>,
}

pub(crate) struct Cell {
    pub(crate) persona: String,
    pub(crate) place: String,
    pub(crate) explanation: Explanation,
}

pub(crate) struct Coverage {
    pub(crate) rules: Vec<CoveredRule>,
    pub(crate) cells: usize,
    pub(crate) cases: usize,
}

pub(crate) struct CoveredRule {
    pub(crate) id: String,
    pub(crate) kind: &'static str,
    pub(crate) cells: usize,
    pub(crate) cases: usize,
}

impl Map {
    /// Decides every cell. A row's request is that of the first case with its action and payload that is no
    /// emergency; subject and place are the column's, and nothing is used of any limit.
    pub(crate) fn new(policy: &Policy, personas: Vec<Persona>, columns: &str, now: DateTime<Utc>) -> Self {
        let cases: Vec<(&str, Request, DateTime<Utc>)> = sample_requests(policy).collect();
        // A case of a request that does not fit the vocabulary shows nothing of who may do what.
        let fitting: Vec<_> =
            cases.iter().filter(|(_, request, now)| fits(policy, request, *now)).cloned().collect();
        let (personas, more) = if personas.is_empty() { of_cases(&fitting) } else { (personas, 0) };
        let mut places: Vec<String> = policy.values_of(columns).map(str::to_owned).collect();
        let columns = (!places.is_empty()).then(|| columns.to_owned());
        if places.is_empty() {
            places.push("everywhere".to_owned());
        }
        let (templates, left_out) = templates(policy, &fitting);
        let mut rows = Vec::new();
        for (action, template) in templates {
            let Some((basis, request)) = template else {
                rows.push(Row { action, what: None, basis: String::new(), cells: Vec::new() });
                continue;
            };
            let mut cells = Vec::new();
            for place in &places {
                for persona in &personas {
                    let resource =
                        columns.as_deref().and_then(|path| placed(request.resource(), path, place));
                    let request =
                        request.clone().with_subject(persona.subject.clone()).with_usage(Usage::none());
                    let request =
                        resource.map_or(request.clone(), |resource| request.with_resource(resource));
                    let explanation = explain(policy, &request, now);
                    cells.push(Cell { persona: persona.name.clone(), place: place.clone(), explanation });
                }
            }
            rows.push(Row { action, what: request.action().payload().map(short), basis, cells });
        }
        let coverage = coverage(policy, &cases, &rows);
        let now = now.to_rfc3339_opts(SecondsFormat::Secs, true);
        let (policy, digest) = (policy.name().to_owned(), policy.digest().to_owned());
        Self { policy, digest, now, columns, places, personas, rows, left_out: left_out + more, coverage }
    }

    pub(crate) fn width(&self) -> usize {
        self.places.len() * self.personas.len()
    }
}

fn fits(policy: &Policy, request: &Request, now: DateTime<Utc>) -> bool {
    let misfit = |code| {
        matches!(code, ReasonCode::InvalidRequest | ReasonCode::UnknownAction | ReasonCode::PayloadMismatch)
    };
    !policy.decide(request, now).reasons().any(|reason| misfit(reason.code()))
}

/// The subjects of the cases, most frequent first; those that differ in their ids alone are one.
fn of_cases(cases: &[(&str, Request, DateTime<Utc>)]) -> (Vec<Persona>, usize) {
    let mut found: BTreeMap<String, (usize, Persona)> = BTreeMap::new();
    for (_, request, _) in cases {
        let subject = request.subject();
        let described = describe(subject);
        let persona = || Persona {
            name: subject.id().to_owned(),
            described: described.clone(),
            subject: subject.clone(),
        };
        found.entry(described.clone()).or_insert_with(|| (0, persona())).0 += 1;
    }
    let mut personas: Vec<(usize, Persona)> = found.into_values().collect();
    personas.sort_by(|(a, x), (b, y)| (b, &x.name).cmp(&(a, &y.name)));
    let more = personas.len().saturating_sub(PERSONAS);
    let mut taken: Vec<Persona> = personas.into_iter().map(|(_, persona)| persona).take(PERSONAS).collect();
    // Two personas may share a name and differ in what they are.
    let mut names = BTreeSet::new();
    for persona in &mut taken {
        let mut number = 1;
        while !names.insert(persona.name.clone()) {
            number += 1;
            persona.name = format!("{} ({number})", persona.subject.id());
        }
    }
    (taken, more)
}

/// A row for each action, or for each payload of it that the cases show.
type Template = (String, Option<(String, Request)>);

fn templates(policy: &Policy, cases: &[(&str, Request, DateTime<Utc>)]) -> (Vec<Template>, usize) {
    let known: Vec<&str> = policy.action_names().collect();
    let used: BTreeSet<&str> = cases.iter().map(|(_, request, _)| request.action().name()).collect();
    let others = used.into_iter().filter(|name| known.is_empty() && !known.contains(name));
    let actions: Vec<&str> = known.iter().copied().chain(others).collect();
    let (mut rows, mut left_out): (Vec<Template>, usize) = (Vec::new(), 0);
    for action in actions {
        let ordinary = cases
            .iter()
            .filter(|(_, request, _)| request.action().name() == action && !request.is_emergency());
        let mut seen: Vec<Option<String>> = Vec::new();
        let before = rows.len();
        for (name, request, _) in ordinary {
            let payload = request.action().payload().map(short);
            if seen.contains(&payload) {
                continue;
            }
            seen.push(payload);
            if rows.len() - before < VARIANTS {
                rows.push((action.to_owned(), Some(((*name).to_owned(), request.clone()))));
            } else {
                left_out += 1;
            }
        }
        if rows.len() == before {
            rows.push((action.to_owned(), None));
        }
    }
    (rows, left_out)
}

/// The resource elsewhere: the property that the path names, such as `resource.environment`.
fn placed(resource: &Resource, path: &str, place: &str) -> Option<Resource> {
    let name = path.strip_prefix("resource.")?;
    (!name.contains('.')).then(|| resource.clone().with(name, place))
}

fn coverage(policy: &Policy, cases: &[(&str, Request, DateTime<Utc>)], rows: &[Row]) -> Coverage {
    let mut counts: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let cells: Vec<&Cell> = rows.iter().flat_map(|row| &row.cells).collect();
    for cell in &cells {
        for rule in cell.explanation.decision().rules() {
            counts.entry(rule.to_owned()).or_default().0 += 1;
        }
    }
    for (_, request, now) in cases {
        for rule in decide(policy, request, *now).rules() {
            counts.entry(rule.to_owned()).or_default().1 += 1;
        }
    }
    let rule = |(kind, id): (countersign::RuleKind, &str)| {
        let (cells, cases) = counts.get(id).copied().unwrap_or_default();
        CoveredRule { id: id.to_owned(), kind: kind.as_str(), cells, cases }
    };
    Coverage { rules: policy.rule_ids().map(rule).collect(), cells: cells.len(), cases: cases.len() }
}

/// A subject's type and properties on one line.
pub(crate) fn describe(subject: &Subject) -> String {
    let properties: Vec<String> =
        subject.properties().iter().map(|(name, value)| format!("{name} = {}", shown(value))).collect();
    let mut text = subject.kind().to_owned();
    if !properties.is_empty() {
        text.push_str(", ");
        text.push_str(&properties.join(", "));
    }
    text
}

fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::List(items) => format!("[{}]", items.iter().map(shown).collect::<Vec<_>>().join(", ")),
        other => other.type_name().to_owned(),
    }
}

/// The beginning of a payload, on one line.
fn short(payload: &Payload) -> String {
    let mut text: String = match payload.words() {
        [] => payload.text().split_whitespace().collect::<Vec<_>>().join(" "),
        words => words.join(" "),
    };
    if text.chars().count() > SHORT {
        text = text.chars().take(SHORT).collect();
        text.push('…');
    }
    text
}

/// What fits on a page that people look at.
const PERSONAS: usize = 4;
const VARIANTS: usize = 5;
const SHORT: usize = 60;
