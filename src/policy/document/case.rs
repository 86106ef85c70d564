//! Tests beside the rules, as they are written.
//!
//! A case is a request, the votes on it, and what must come of it. All that can be wrong with it is found when it
//! is read: a time that is none, a person that nobody named, a request that cannot be one.

mod request;
mod step;

use std::time::Duration;

use chrono::{DateTime, Utc};

pub(crate) use self::step::{BallotSpec, KindSpec, StepSpec, VerdictSpec};

use self::request::Shelf;
use super::read::{choice, count, level, span, texts};
use crate::policy::error::{Faults, Span};
use crate::policy::node::{Content, Fields, Node, Text};
use crate::request::{Request, Subject};
use crate::risk::Risk;
use crate::text::{nearest, quote};

/// `[[case]]`: a test beside the rules.
#[derive(Debug, Clone)]
pub(crate) struct CaseSpec {
    pub(crate) name: Text,
    pub(crate) request: Request,
    /// The paths of the attributes that the request states, with the places where it does.
    pub(crate) stated: Vec<Text>,
    pub(crate) now: DateTime<Utc>,
    pub(crate) steps: Vec<StepSpec>,
    /// Everybody who has a name, by it, as the host knows them when it decides.
    pub(crate) people: Vec<(String, Subject)>,
    /// Who could be asked, by the names that the case uses.
    pub(crate) candidates: Vec<(String, Subject)>,
    /// Whether the host names the candidates when it asks.
    pub(crate) names_candidates: bool,
    pub(crate) expect: ExpectSpec,
}

/// `expect = { effect = "…", … }`: what is left out is not checked.
#[derive(Debug, Clone, Default)]
pub(crate) struct ExpectSpec {
    pub(crate) effect: Option<Text>,
    pub(crate) risk: Option<Risk>,
    pub(crate) rules: Option<Vec<Text>>,
    pub(crate) missing: Option<Vec<Text>>,
    pub(crate) reasons: Option<Vec<Text>>,
    /// How far the review is after all votes.
    pub(crate) state: Option<Text>,
    /// Who of the candidates can approve after all votes.
    pub(crate) approvers: Option<Vec<Text>>,
    pub(crate) grant: Option<GrantExpectSpec>,
}

/// `grant = { … }` of what is expected.
#[derive(Debug, Clone, Default)]
pub(crate) struct GrantExpectSpec {
    pub(crate) none: bool,
    pub(crate) lasts: Option<Duration>,
    pub(crate) ends: Option<DateTime<Utc>>,
    pub(crate) uses: Option<u64>,
    pub(crate) use_within: Option<Duration>,
}

impl CaseSpec {
    /// Reads the cases of a document, with the requests and the people that they share.
    pub(crate) fn read_all(fields: &mut Fields<'_>, faults: &mut Faults<'_>) -> Vec<Self> {
        let shelf = Shelf::take(fields, faults);
        super::read::rules(fields, faults, "case", |node, faults| Self::read(node, &shelf, faults))
    }

    fn read(node: &Node, shelf: &Shelf<'_>, faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table")?;
        let name =
            fields.required(faults, "name", "what the case shows").and_then(|node| node.text(faults, "text"));
        let now = fields.take("now").map_or_else(noon, |node| time(node, faults));
        let read = shelf.request(&mut fields, faults);
        let steps = match (fields.take("votes"), now) {
            (Some(node), Some(now)) => StepSpec::read_all(node, now, shelf, faults),
            _ => Vec::new(),
        };
        let people = shelf.everybody(faults);
        let asked = fields.take("candidates");
        let names_candidates = asked.is_some();
        let candidates = asked.map_or_else(|| people.clone(), |node| shelf.people(node, faults));
        let expect = fields.required(faults, "expect", "what the decision must be");
        let expect = expect.and_then(|node| ExpectSpec::read(node, &candidates, faults));
        fields.finish(faults);
        let (request, stated) = read?;
        let (name, now, expect) = (name?, now?, expect?);
        Some(Self { name, request, stated, now, steps, people, candidates, names_candidates, expect })
    }
}

impl CaseSpec {
    /// All that the case asks and expects, without its name and its place.
    pub(crate) fn fingerprint(&self) -> String {
        let asked = (self.names_candidates, &self.candidates);
        format!("{:?}", (&self.request, self.now, &self.steps, asked, self.expect.fingerprint()))
    }
}

impl ExpectSpec {
    fn read(node: &Node, candidates: &[(String, Subject)], faults: &mut Faults<'_>) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ effect = \"deny\" }`")?;
        let mut list =
            |name, faults: &mut Faults<'_>| fields.take(name).map(|node| texts(Some(node), faults));
        let (rules, missing, reasons) =
            (list("rules", faults), list("missing", faults), list("reasons", faults));
        let approvers = list("approvers", faults);
        for name in approvers.iter().flatten() {
            if !candidates.iter().any(|(known, _)| *known == name.text) {
                let found = quote(&name.text);
                faults.add(&name.span, format!("`{found}` is not among the candidates of this case"));
            }
        }
        let effect = fields.take("effect").and_then(|node| word(node, &EFFECTS, faults));
        let risk = fields.take("risk").and_then(|node| level(node, faults));
        let state = fields.take("state").and_then(|node| word(node, &STATES, faults));
        let grant = fields.take("grant").and_then(|node| GrantExpectSpec::read(node, faults));
        let written = !fields.is_empty();
        fields.finish(faults);
        if !written {
            faults.add(&node.span, "a case that expects nothing tests nothing");
        }
        Some(Self { effect, risk, rules, missing, reasons, state, approvers, grant })
    }
}

impl ExpectSpec {
    /// All that is expected, without the places where it stands.
    fn fingerprint(&self) -> String {
        let words = |texts: &Option<Vec<Text>>| {
            texts.as_ref().map(|texts| texts.iter().map(|text| text.text.clone()).collect::<Vec<_>>())
        };
        let lists = [&self.rules, &self.missing, &self.reasons, &self.approvers].map(words);
        let (effect, state) = (self.effect.as_ref(), self.state.as_ref());
        let single = [effect, state].map(|text| text.map(|text| &text.text));
        format!("{:?}", (single, self.risk, lists, &self.grant))
    }
}

impl GrantExpectSpec {
    fn read(node: &Node, faults: &mut Faults<'_>) -> Option<Self> {
        if let Content::Text(text) = &node.content {
            if text != "none" {
                faults.add(&node.span, "expected `\"none\"` or a table such as `{ lasts = \"15m\" }`");
            }
            return Some(Self { none: true, ..Self::default() });
        }
        let mut fields = node.fields(faults, "`\"none\"` or a table such as `{ lasts = \"15m\" }`")?;
        let lasts = fields.take("lasts").and_then(|node| span(node, faults));
        let ends = fields.take("ends").and_then(|node| time(node, faults));
        let uses = fields.take("max_uses").and_then(|node| count(node, faults)).map(u64::from);
        let single = fields.flag(faults, "single_use", false);
        if single && uses.is_some() {
            faults.add(&fields.span, "`single_use` and `max_uses` say the same thing twice");
        }
        let use_within = fields.take("use_within").and_then(|node| span(node, faults));
        fields.finish(faults);
        Some(Self { none: false, lasts, ends, uses: if single { Some(1) } else { uses }, use_within })
    }
}

/// Reads a point in time.
fn time(node: &Node, faults: &mut Faults<'_>) -> Option<DateTime<Utc>> {
    let text = node.text(faults, "a time")?;
    let time = DateTime::parse_from_rfc3339(&text.text).ok().map(|time| time.to_utc());
    if time.is_none() {
        faults.add(&text.span, "expected a time such as `2026-11-23T10:00:00Z`");
    }
    time
}

/// Reads one of some words.
fn word(node: &Node, words: &[&str], faults: &mut Faults<'_>) -> Option<Text> {
    let pairs: Vec<(&str, ())> = words.iter().map(|word| (*word, ())).collect();
    choice(node, faults, &pairs)?;
    node.text(faults, "a word")
}

/// The time of a case that names none: a weekday noon.
fn noon() -> Option<DateTime<Utc>> {
    DateTime::from_timestamp(1_768_392_000, 0)
}

/// Says that a name is not known, and which is most like it.
fn unknown<'n>(
    what: &str,
    name: &str,
    span: &Span,
    known: impl IntoIterator<Item = &'n str>,
    faults: &mut Faults<'_>,
) {
    let hint = nearest(name, known).map(|name| format!(", did you mean `{name}`?")).unwrap_or_default();
    faults.add(span, format!("unknown {what} `{}`{hint}", quote(name)));
}

const EFFECTS: [&str; 4] = ["allow", "challenge", "review", "deny"];

/// How far a review is; the words of `ReviewState`.
const STATES: [&str; 7] = ["open", "scheduled", "approved", "rejected", "expired", "withdrawn", "revoked"];

#[cfg(test)]
mod tests {
    #[test]
    fn the_time_of_a_case_that_names_none_is_a_wednesday_noon() {
        let noon = super::noon().unwrap();
        assert_eq!(noon.to_rfc3339(), "2026-01-14T12:00:00+00:00");
    }
}
