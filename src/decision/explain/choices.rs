//! What a caller could do otherwise.
//!
//! Lists the changes worth trying: stating what is open, signing in, asking for another time, a smaller read,
//! people, or break-glass access. Each has a price; what the host attests is not among them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};

use super::change::ChangeStep;
use crate::cel::{Datum, Slot};
use crate::inspect::sql;
use crate::limits;
use crate::payload::Kind;
use crate::policy::schema::{Attribute, Sample, texts};
use crate::policy::{AuthSpec, Field, Needs, Policy, Rule};
use crate::request::{Asking, Auth, Request};
use crate::value::Value;
use crate::{Payload, span_of_time};

/// What a change costs: break-glass access, approval, a narrower action, sign-ins, fields, asking for a
/// review, values that must be certain ones, seconds given up. What stands first weighs more than all behind it.
pub(super) type Price = [u64; 8];

/// One change to try.
#[derive(Debug, Clone)]
pub(super) struct Choice {
    pub(super) step: ChangeStep,
    pub(super) price: Price,
    edit: Edit,
}

#[derive(Debug, Clone)]
enum Edit {
    State(Vec<String>, Value),
    Ask(Asking),
}

/// Changes of which at most one is made.
pub(super) type Group = Vec<Choice>;

impl Choice {
    pub(super) fn apply(&self, request: &Request) -> Option<Request> {
        match &self.edit {
            Edit::State(names, value) => request.restated(names, value.clone()),
            Edit::Ask(how) => Some(request.asking(how)),
        }
    }

    fn asking(step: ChangeStep, price: Price, how: Asking) -> Self {
        Self { step, price, edit: Edit::Ask(how) }
    }
}

/// Collects the groups.
pub(super) struct Choices<'c> {
    policy: &'c Policy,
    request: &'c Request,
    now: DateTime<Utc>,
    rules: Vec<&'c Rule>,
}

impl<'c> Choices<'c> {
    pub(super) fn new(policy: &'c Policy, request: &'c Request, now: DateTime<Utc>) -> Self {
        let rules = policy.rules().all().into_iter().map(|(_, rule)| rule).collect();
        Self { policy, request, now, rules }
    }

    /// All but break-glass access, for trying every combination.
    pub(super) fn ordinary(&self) -> Vec<Group> {
        self.groups(FIELDS)
    }

    /// The same with more fields than could be combined, for going where challenges lead.
    pub(super) fn led(&self) -> Vec<Group> {
        self.groups(LED_FIELDS)
    }

    fn groups(&self, fields: usize) -> Vec<Group> {
        let mut groups = self.fields(fields);
        groups.extend([
            self.reason(),
            self.sign_ins(),
            self.smaller_reads(),
            self.durations(),
            self.people(),
        ]);
        groups.retain(|group| !group.is_empty());
        groups
    }

    /// Break-glass access, if the policy has any and it is not asked for.
    pub(super) fn emergency(&self) -> Option<Choice> {
        let within = self.policy.rules().emergencies.iter().map(|rule| rule.review_within).min()?;
        let step = ChangeStep::AskEmergency { review_within: within };
        let asked = self.request.is_emergency();
        (!asked).then(|| Choice::asking(step, [1, 0, 0, 0, 0, 0, 0, 0], Asking::Emergency))
    }

    /// Attributes that the caller may state and leaves open, where a rule looks at them.
    fn fields(&self, most: usize) -> Vec<Group> {
        let schema = self.policy.schema();
        let is_open = |field: &Attribute| {
            let stated = field.value(self.request).map(|(value, _)| value);
            let refused = |stated: &Value| self.asked(&field.path).iter().any(|asked| !asked.accepts(stated));
            field.is_open(self.request) || stated.is_some_and(refused)
        };
        let open = schema.attributes.iter().filter(|field| field.is_the_callers() && is_open(field));
        let looked_at = open.filter(|field| {
            !self.asked(&field.path).is_empty()
                || schema.environment.declaration(field.slot()).is_some_and(|declared| !declared.optional)
                || self.readers(field.slot()).next().is_some()
        });
        let group = |field: &Attribute| -> Group {
            let (literals, asked) = (self.literals(field.slot()), self.asked(&field.path));
            let samples = field.samples(schema, &literals, &asked, self.now).into_iter().take(VALUES);
            let choice = |Sample { value, exact }: Sample| Choice {
                step: state(&field.path, Some(field), &asked, &value, exact),
                price: [0, 0, 0, 0, 1, 0, exact.into(), 0],
                edit: Edit::State(field.names().to_vec(), value),
            };
            samples.map(choice).collect()
        };
        looked_at.take(most).map(group).collect()
    }

    fn reason(&self) -> Group {
        let asked = self.asked(REASON);
        let refused = |text: &str| asked.iter().any(|field| !field.accepts(&text.into()));
        let open =
            self.request.reason().is_none_or(|reason| crate::text::is_blank(reason) || refused(reason));
        if !open {
            return Vec::new();
        }
        let mut samples: Vec<String> = Vec::new();
        for text in texts(None, &asked) {
            if !samples.contains(&text) {
                samples.push(text);
            }
        }
        samples.sort_by_key(|text| {
            let text = Value::from(text.as_str());
            asked.iter().filter(|field| !field.accepts(&text)).count()
        });
        let choice = |text: String| {
            let step = state(REASON, None, &asked, &text.as_str().into(), false);
            Choice::asking(step, [0, 0, 0, 0, 1, 0, 0, 0], Asking::Reason(text))
        };
        samples.into_iter().take(VALUES).map(choice).collect()
    }

    /// What rules ask of a field.
    fn asked(&self, path: &str) -> Vec<&'c Field> {
        self.needs().flat_map(|needs| &needs.fields).filter(|field| field.path == path).collect()
    }

    /// A sign-in for each kind that a rule needs, and one that serves all.
    fn sign_ins(&self) -> Group {
        let mut wanted: Vec<&AuthSpec> = Vec::new();
        for auth in self.needs().filter_map(|needs| needs.auth.as_deref()) {
            if !wanted.contains(&auth) && wanted.len() < VALUES {
                wanted.push(auth);
            }
        }
        let known = self.request.auth().and_then(|auth| auth.class.clone());
        let first = |methods: &[String]| methods.first().cloned().or_else(|| self.method());
        let sign_in = |wanted: AuthSpec, with: Vec<String>, more: u64| {
            let auth = Auth::new(with, self.now);
            let auth = match wanted.classes.first().or(known.as_ref()) {
                Some(class) => auth.with_class(class),
                None => auth,
            };
            let AuthSpec { methods, classes, within } = wanted;
            let step = ChangeStep::SignIn { methods, classes, within };
            Choice::asking(step, [0, 0, 0, 1, 0, 0, more, 0], Asking::SignedIn(auth))
        };
        let mut group: Group = Vec::new();
        for each in &wanted {
            group.push(sign_in((*each).clone(), first(&each.methods).into_iter().collect(), 0));
        }
        if wanted.len() > 1 {
            let within = wanted.iter().filter_map(|auth| auth.within).min();
            let methods: BTreeSet<String> = wanted.iter().filter_map(|auth| first(&auth.methods)).collect();
            let methods: Vec<String> = methods.into_iter().collect();
            // A sign-in has one class: one that serves all, if there is any.
            let choosy: Vec<&Vec<String>> =
                wanted.iter().map(|auth| &auth.classes).filter(|classes| !classes.is_empty()).collect();
            let serves = |class: &&String| choosy.iter().all(|classes| classes.contains(class));
            let classes = choosy.first().into_iter().copied().flatten().filter(serves).cloned().collect();
            group.push(sign_in(AuthSpec { methods: methods.clone(), classes, within }, methods, 1));
        }
        group
    }

    /// The method of the sign-in that there was, for a rule that takes any.
    fn method(&self) -> Option<String> {
        let known = self.request.auth().and_then(|auth| auth.methods.first().cloned());
        Some(known.unwrap_or_else(|| "pwd".to_owned()))
    }

    /// The same read of fewer rows: a `LIMIT`, where conditions look at the number of rows.
    fn smaller_reads(&self) -> Group {
        let Some(slot) = self.policy.schema().environment.slot("sql.bounded_read") else { return Vec::new() };
        let Some(Kind::Sql { dialect, text, parameters }) =
            self.request.action().payload().map(Payload::kind)
        else {
            return Vec::new();
        };
        let facts = sql::inspect(*dialect, text);
        if facts.effect() != Some(sql::SqlEffect::Read) || facts.attributes().get("bounded_read").is_some() {
            return Vec::new();
        }
        let mut rows: Vec<i64> =
            self.literals(slot).iter().filter_map(rows).filter(|rows| *rows > 0).collect();
        rows.sort_unstable_by_key(|rows| Reverse(*rows));
        rows.dedup();
        let whole = text.trim_end().trim_end_matches(';');
        let choice = |rows: i64| {
            let payload =
                Payload::sql(*dialect, format!("{whole}\nLIMIT {rows}")).with_parameters(parameters.clone());
            let step = ChangeStep::LimitRows { rows };
            Choice::asking(step, [0, 0, 1, 0, 0, 0, 0, 0], Asking::Payload(payload))
        };
        rows.into_iter().take(VALUES).map(choice).collect()
    }

    /// Other times, at the bounds of rules and beside those that conditions name: shorter ones first, or the
    /// shortest where none was asked for.
    fn durations(&self) -> Group {
        let rules = self.policy.rules();
        let zones = rules.zones.iter().map(|zone| &zone.grant);
        let reviews = rules.reviews.iter().map(|review| &review.grant);
        let bounds = zones.chain(reviews).chain(rules.emergencies.iter().map(|rule| &rule.grant));
        let mut spans: BTreeSet<Duration> =
            bounds.flat_map(|bounds| [bounds.min, bounds.default, bounds.max]).collect();
        if let Some(slot) = self.policy.schema().environment.slot("context.duration") {
            let named = self.literals(slot).into_iter().filter_map(|literal| match literal {
                Datum::Duration(span) => Some(span),
                _ => None,
            });
            for span in named {
                let near = [TimeDelta::zero(), TimeDelta::seconds(-1), TimeDelta::seconds(1)];
                let near = near.into_iter().filter_map(|step| span.checked_add(&step)?.to_std().ok());
                spans.extend(near.map(|span| Duration::from_secs(span.as_secs())));
            }
        }
        let asked = self.request.duration();
        spans.retain(|span| Some(*span) != asked && !span.is_zero() && *span <= limits::LONGEST_SPAN);
        let start = asked.unwrap_or(Duration::ZERO);
        let shorter = spans.iter().rev().filter(|span| **span < start).take(SHORTER);
        let longer = spans.iter().filter(|span| **span > start).take(LONGER);
        let choice = |span: &Duration| {
            let lost = match asked {
                Some(asked) if *span > asked => LENGTHENING.saturating_add(span.as_secs()),
                Some(asked) => asked.saturating_sub(*span).as_secs(),
                None => span.as_secs(),
            };
            let step = ChangeStep::AskFor { asked, duration: *span };
            Choice::asking(step, [0, 0, 1, 0, 0, 0, 0, lost], Asking::For(*span))
        };
        shorter.chain(longer).map(choice).collect()
    }

    fn people(&self) -> Group {
        let choice = Choice::asking(ChangeStep::AskReview, [0, 0, 0, 0, 0, 1, 0, 0], Asking::Review);
        let useful = !self.request.asks_review() && !self.policy.rules().reviews.is_empty();
        if useful { vec![choice] } else { Vec::new() }
    }

    fn needs(&self) -> impl Iterator<Item = &'c Needs> {
        let rules = self.policy.rules();
        let zones = rules.zones.iter().map(|zone| &zone.needs);
        zones.chain(rules.reviews.iter().map(|review| &review.needs))
    }

    fn readers(&self, slot: Slot) -> impl Iterator<Item = &'c Rule> + '_ {
        self.rules.iter().copied().filter(move |rule| rule.when.slots().any(|read| read == slot))
    }

    fn literals(&self, slot: Slot) -> Vec<Datum> {
        let mut literals: Vec<Datum> = Vec::new();
        for literal in self.readers(slot).flat_map(|rule| rule.when.literals(slot)) {
            if literals.len() < LITERALS && !literals.contains(&literal) {
                literals.push(literal);
            }
        }
        literals
    }
}

/// The step of stating a value, with what the value meets of that which rules ask.
fn state(
    path: &str,
    attribute: Option<&Attribute>,
    asked: &[&Field],
    value: &Value,
    exact: bool,
) -> ChangeStep {
    let met: Vec<&&Field> = asked.iter().filter(|field| field.accepts(value)).collect();
    let form = attribute.and_then(Attribute::pattern);
    let asked_form = || met.iter().find_map(|field| field.matches.as_ref().map(regex::Regex::as_str));
    let hint = met.iter().find_map(|field| field.because.clone());
    ChangeStep::State {
        path: path.to_owned(),
        value: exact.then(|| shown(value)),
        form: form.or_else(asked_form).map(str::to_owned),
        min: met.iter().filter_map(|field| field.min).max(),
        max: met.iter().filter_map(|field| field.max).min(),
        because: hint.or_else(|| attribute.and_then(|attribute| attribute.because.clone())),
    }
}

/// Writes a value as the caller would state it.
fn shown(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::List(items) => items.iter().map(shown).collect::<Vec<_>>().join(", "),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Timestamp(time) => time.to_rfc3339_opts(chrono::SecondsFormat::AutoSi, true),
        Value::Duration(span) => span.to_std().map(span_of_time::print).unwrap_or_default(),
        other => other.type_name().to_owned(),
    }
}

fn rows(literal: &Datum) -> Option<i64> {
    match literal {
        Datum::Int(rows) => Some(*rows),
        _ => None,
    }
}

const REASON: &str = "context.reason";

/// Fields, values of one field, and times that are tried; and literals of conditions that are looked at.
const FIELDS: usize = 8;
const LED_FIELDS: usize = 64;
const VALUES: usize = 6;
const SHORTER: usize = 16;
const LONGER: usize = 12;
const LITERALS: usize = 64;

/// Asking for more time costs more than giving up any.
const LENGTHENING: u64 = 1 << 40;
