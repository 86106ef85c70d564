//! Policies as plain data, and the eight steps of a decision told once more, as plainly as possible.
//!
//! Every condition comes from a small set whose meaning is written here by hand, so that nothing of the
//! library's own evaluation is used to judge it.

#![allow(clippy::as_conversions, clippy::arithmetic_side_effects, reason = "tests")]

pub mod ask;

use std::collections::BTreeSet;
use std::fmt::Write;

use countersign::{Action, Auth, Dialect, Effect, Payload, Request, Resource, Risk, Subject, Usage};

use crate::support::{NOON, minutes, time};

/// How a condition comes out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Yes,
    No,
    Unknown,
    Error,
}

/// A condition with a meaning of its own.
#[derive(Debug, Clone)]
pub enum Cond {
    Always,
    Never,
    Production,
    OnCall,
    Member,
    NoMember,
    WideWrite,
    Quotient,
    Not(Box<Cond>),
    And(Box<Cond>, Box<Cond>),
    Or(Box<Cond>, Box<Cond>),
    If(Box<Cond>, Box<Cond>, Box<Cond>),
}

/// What a rule may say of the risk, or of a host's fact, beside its condition.
#[derive(Debug, Clone, Copy)]
pub enum Also {
    Nothing,
    And(Bound),
    Or(Bound),
}

#[derive(Debug, Clone, Copy)]
pub enum Bound {
    AtLeast(Risk),
    AtMost(Risk),
    ManyRows,
}

#[derive(Debug, Clone)]
pub struct Rule {
    pub id: String,
    pub when: Cond,
    pub also: Also,
}

/// The bounds of a grant, in minutes.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    pub min: u64,
    pub default: u64,
    pub max: u64,
    pub caps: bool,
    /// The latest end, in minutes from now.
    pub until: Option<u64>,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Needs {
    pub ticket: bool,
    pub auth: bool,
}

#[derive(Debug, Clone)]
pub struct Zone {
    pub rule: Rule,
    pub max_risk: Risk,
    pub needs: Needs,
    pub limit: Option<u64>,
    pub bounds: Bounds,
    /// Whether its window is open at noon.
    pub open: bool,
    pub owes: Owes,
}

/// How many obligations a zone has, and whether the host fulfils them.
#[derive(Debug, Clone, Copy, Default)]
pub struct Owes {
    pub count: usize,
    pub promised: bool,
}

#[derive(Debug, Clone)]
pub struct Review {
    pub rule: Rule,
    /// `all`, `any`, `one`, or `rest`, which has the alternatives.
    pub group: &'static str,
    pub otherwise: bool,
    pub needs: Needs,
    pub bounds: Bounds,
}

#[derive(Debug, Clone)]
pub struct Emergency {
    pub rule: Rule,
    pub limit: Option<u64>,
    pub bounds: Bounds,
    pub review_within: u64,
}

#[derive(Debug, Clone)]
pub struct Document {
    pub default_risk: Risk,
    pub risks: Vec<(Rule, Risk)>,
    pub forbids: Vec<Rule>,
    pub holds: Vec<Rule>,
    pub zones: Vec<Zone>,
    pub reviews: Vec<Review>,
    pub emergencies: Vec<Emergency>,
}

/// What is asked, in the terms of the conditions above.
#[derive(Debug, Clone)]
pub struct Ask {
    pub production: bool,
    pub on_call: Option<bool>,
    pub member: bool,
    pub sql: Option<Sql>,
    pub divisor: i64,
    pub rows: Option<i64>,
    pub ticket: Option<&'static str>,
    /// Whether by a strong method, and how many minutes ago.
    pub auth: Option<(bool, i64)>,
    pub minutes: Option<u64>,
    pub emergency: Option<Option<&'static str>>,
    pub ask_review: bool,
    /// What something outside holds the risk to be.
    pub hint: Option<Risk>,
    /// Used slots of every rule, and reviews overdue.
    pub usage: Option<(u64, u64)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sql {
    Narrow,
    Wide,
    NotUnderstood,
}

/// A zone that is open: whether it caps, what it owes, how short its maximum is, its id, and for how long.
type Open<'d> = (bool, usize, u64, &'d str, u64);

/// What the eight steps give.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Judged {
    pub effect: Effect,
    pub risk: Risk,
    pub rules: BTreeSet<String>,
    pub minutes: Option<u64>,
}

impl Cond {
    pub fn text(&self) -> String {
        match self {
            Self::Always => "true".to_owned(),
            Self::Never => "false".to_owned(),
            Self::Production => "resource.environment == \"prod\"".to_owned(),
            Self::OnCall => "has(subject.on_call) && subject.on_call".to_owned(),
            Self::Member => "\"sre\" in subject.groups".to_owned(),
            Self::NoMember => "subject.groups.all(g, g != \"sre\")".to_owned(),
            Self::WideWrite => "has(sql) && sql.unbounded_write".to_owned(),
            Self::Quotient => "1 / resource.divisor == 1".to_owned(),
            Self::Not(a) => format!("!({})", a.text()),
            Self::And(a, b) => format!("({}) && ({})", a.text(), b.text()),
            Self::Or(a, b) => format!("({}) || ({})", a.text(), b.text()),
            Self::If(a, b, c) => format!("({}) ? ({}) : ({})", a.text(), b.text(), c.text()),
        }
    }

    pub fn holds(&self, ask: &Ask) -> Outcome {
        match self {
            Self::Always => Outcome::Yes,
            Self::Never => Outcome::No,
            Self::Production => yes(ask.production),
            Self::OnCall => yes(ask.on_call == Some(true)),
            Self::Member => yes(ask.member),
            Self::NoMember => yes(!ask.member),
            Self::WideWrite => match ask.sql {
                None | Some(Sql::Narrow) => Outcome::No,
                Some(Sql::Wide) => Outcome::Yes,
                Some(Sql::NotUnderstood) => Outcome::Unknown,
            },
            Self::Quotient if ask.divisor == 0 => Outcome::Error,
            Self::Quotient => yes(1 / ask.divisor == 1),
            Self::Not(a) => not(a.holds(ask)),
            Self::And(a, b) => and(a.holds(ask), b.holds(ask)),
            Self::Or(a, b) => not(and(not(a.holds(ask)), not(b.holds(ask)))),
            Self::If(a, b, c) => match a.holds(ask) {
                Outcome::Yes => b.holds(ask),
                Outcome::No => c.holds(ask),
                failed => failed,
            },
        }
    }
}

fn yes(holds: bool) -> Outcome {
    if holds { Outcome::Yes } else { Outcome::No }
}

fn not(outcome: Outcome) -> Outcome {
    match outcome {
        Outcome::Yes => Outcome::No,
        Outcome::No => Outcome::Yes,
        failed => failed,
    }
}

fn and(a: Outcome, b: Outcome) -> Outcome {
    [Outcome::No, Outcome::Unknown, Outcome::Error]
        .into_iter()
        .find(|outcome| *outcome == a || *outcome == b)
        .unwrap_or(Outcome::Yes)
}

impl Bound {
    fn text(self) -> String {
        match self {
            Self::AtLeast(risk) => format!("risk >= {}", risk.as_str().to_uppercase()),
            Self::AtMost(risk) => format!("risk <= {}", risk.as_str().to_uppercase()),
            Self::ManyRows => "(has(facts.rows) && facts.rows > 100)".to_owned(),
        }
    }

    fn holds(self, ask: &Ask, risk: Risk) -> Outcome {
        match self {
            Self::AtLeast(bound) => yes(risk >= bound),
            Self::AtMost(bound) => yes(risk <= bound),
            Self::ManyRows => yes(ask.rows.is_some_and(|rows| rows > 100)),
        }
    }
}

impl Rule {
    pub fn holds(&self, ask: &Ask, risk: Risk) -> Outcome {
        let base = self.when.holds(ask);
        match self.also {
            Also::Nothing => base,
            Also::And(bound) => and(base, bound.holds(ask, risk)),
            Also::Or(bound) => not(and(not(base), not(bound.holds(ask, risk)))),
        }
    }

    pub fn fails(&self, ask: &Ask, risk: Risk) -> bool {
        matches!(self.holds(ask, risk), Outcome::Unknown | Outcome::Error)
    }

    pub fn matches(&self, ask: &Ask, risk: Risk) -> bool {
        self.holds(ask, risk) == Outcome::Yes
    }

    fn text(&self) -> String {
        let when = self.when.text();
        let when = match self.also {
            Also::Nothing => when,
            Also::And(bound) => format!("({when}) && {}", bound.text()),
            Also::Or(bound) => format!("({when}) || {}", bound.text()),
        };
        format!("id = \"{}\"\nwhen = '{when}'\n", self.id)
    }
}

impl Bounds {
    fn admit(self, asked: Option<u64>) -> Option<u64> {
        let asked = asked.unwrap_or(self.default);
        let left = self.until.unwrap_or(u64::MAX);
        let fits = asked >= self.min && (asked <= self.max || self.caps) && left >= self.min;
        fits.then_some(asked.min(self.max).min(left))
    }

    fn text(self) -> String {
        let Self { min, default, max, caps, until } = self;
        let over = if caps { "cap" } else { "refuse" };
        let until =
            until.map(|until| format!(", until = 'now + duration(\"{until}m\")'")).unwrap_or_default();
        format!(
            "grant = {{ min = \"{min}m\", default = \"{default}m\", max = \"{max}m\", over = \"{over}\"{until} }}\n"
        )
    }
}

impl Needs {
    /// Counts what is missing.
    fn unmet(self, ask: &Ask) -> usize {
        let ticket = ask.ticket.is_some_and(|ticket| ticket.starts_with("INC"));
        let auth = ask.auth.is_some_and(|(strong, age)| strong && (0..=5).contains(&age));
        usize::from(self.ticket && !ticket) + usize::from(self.auth && !auth)
    }

    fn text(self) -> String {
        let fields = if self.ticket { "\"context.ticket\"" } else { "" };
        let auth = if self.auth { ", auth = { amr = [\"otp\", \"hwk\"], within = \"5m\" }" } else { "" };
        format!("needs = {{ fields = [{fields}]{auth} }}\n")
    }
}

impl Owes {
    /// Obligations of the only kind that the host fulfils, or the last of another.
    fn text(self) -> String {
        let all = (0..self.count).map(|number| match self.promised || number + 1 < self.count {
            true => format!("{{ notify = \"{number}\" }}"),
            false => "\"record_session\"".to_owned(),
        });
        format!("obligations = [{}]\n", all.collect::<Vec<_>>().join(", "))
    }

    fn kept(self) -> bool {
        self.count == 0 || self.promised
    }
}

impl Document {
    /// Writes the document. `turn` rotates every list of rules.
    pub fn toml(&self, turn: usize) -> String {
        let mut text = format!("{HEAD}[defaults]\nrisk = \"{}\"\n", self.default_risk);
        if !self.reviews.is_empty() {
            let used: BTreeSet<_> = self.reviews.iter().map(|review| review.group).collect();
            text.push_str("[groups]\n");
            for group in used {
                let mode = if group == "rest" { "all" } else { group };
                let _ = writeln!(text, "{group} = \"{mode}\"");
            }
        }
        let mut put = |kind: &str, rules: Vec<String>| {
            let count = rules.len().max(1);
            for rule in rules.iter().cycle().skip(turn % count).take(rules.len()) {
                let _ = writeln!(text, "[[{kind}]]\n{rule}");
            }
        };
        let limit = |limit: Option<u64>| match limit {
            Some(count) => format!("limit = {{ count = {count}, per = \"1h\" }}\n"),
            None => String::new(),
        };
        put(
            "emergency",
            self.emergencies
                .iter()
                .map(|e| {
                    let within = format!("review_within = \"{}h\"\n", e.review_within);
                    [e.rule.text(), limit(e.limit), e.bounds.text(), within].concat()
                })
                .collect(),
        );
        put(
            "review",
            self.reviews
                .iter()
                .map(|r| {
                    let rule = if r.otherwise {
                        format!("id = \"{}\"\notherwise = true\n", r.rule.id)
                    } else {
                        r.rule.text()
                    };
                    let rest = format!("group = \"{}\"\napprove = {{ from = 'true' }}\n", r.group);
                    [rule, rest, r.needs.text(), r.bounds.text()].concat()
                })
                .collect(),
        );
        put(
            "zone",
            self.zones
                .iter()
                .map(|z| {
                    let ceiling = format!("max_risk = \"{}\"\n", z.max_risk);
                    let within = if z.open { "12:00" } else { "12:01" };
                    let within =
                        format!("within = {{ days = [\"mon\"], from = \"{within}\", to = \"13:00\" }}\n");
                    let rest = [limit(z.limit), z.bounds.text(), within, z.owes.text()].concat();
                    [z.rule.text(), ceiling, z.needs.text(), rest].concat()
                })
                .collect(),
        );
        put("hold", self.holds.iter().map(Rule::text).collect());
        put("forbid", self.forbids.iter().map(Rule::text).collect());
        put(
            "risk",
            self.risks.iter().map(|(rule, level)| format!("{}level = \"{level}\"\n", rule.text())).collect(),
        );
        text
    }

    /// Step 3. What failed is as bad as can be.
    pub fn risk(&self, ask: &Ask) -> Risk {
        let level = |(rule, level): &(Rule, Risk)| {
            if rule.fails(ask, Risk::Low) {
                Some(Risk::Critical)
            } else {
                rule.matches(ask, Risk::Low).then_some(*level)
            }
        };
        let risk = self.risks.iter().filter_map(level).max().unwrap_or(self.default_risk);
        ask.hint.map_or(risk, |hint| hint.max(risk))
    }

    /// The reviews that match, with the alternatives; those of step 7.
    pub fn matching(&self, ask: &Ask, risk: Risk) -> Vec<&Review> {
        let direct = |review: &&Review| !review.otherwise && review.rule.matches(ask, risk);
        let direct: Vec<&Review> = self.reviews.iter().filter(direct).collect();
        let alone =
            |review: &&Review| review.otherwise && direct.iter().all(|other| other.group != review.group);
        let alternatives: Vec<&Review> = self.reviews.iter().filter(alone).collect();
        [direct, alternatives].concat()
    }

    /// All eight steps.
    pub fn judge(&self, ask: &Ask) -> Judged {
        let risk = self.risk(ask);
        let mut rules: BTreeSet<String> = BTreeSet::new();
        rules.extend(
            self.risks.iter().filter(|(rule, _)| rule.matches(ask, risk)).map(|(rule, _)| rule.id.clone()),
        );
        let mut end = |effect, more: Vec<&str>, minutes| {
            rules.extend(more.into_iter().map(str::to_owned));
            Judged { effect, risk, rules: rules.clone(), minutes }
        };
        let bites = |rule: &&Rule| rule.holds(ask, risk) != Outcome::No;
        let forbids: Vec<&str> = self.forbids.iter().filter(bites).map(|rule| &*rule.id).collect();
        if !forbids.is_empty() {
            return end(Effect::Deny, forbids, None);
        }
        if let Some((id, minutes)) = self.emergency(ask, risk) {
            return end(Effect::Allow, vec![id], Some(minutes));
        }
        let holds: Vec<&str> = self.holds.iter().filter(bites).map(|rule| &*rule.id).collect();
        if holds.is_empty() {
            let (open, closed) = self.zones(ask, risk);
            if let Some((.., id, minutes)) = open.into_iter().min() {
                return end(Effect::Allow, vec![id], Some(minutes));
            }
            if let Some((_, id)) = closed.into_iter().min().filter(|_| !ask.ask_review) {
                return end(Effect::Challenge, vec![id], None);
            }
        }
        let failed = self.reviews.iter().filter(|review| !review.otherwise && review.rule.fails(ask, risk));
        let failed: Vec<&str> = failed.map(|review| &*review.rule.id).collect();
        if !failed.is_empty() {
            return end(Effect::Deny, [holds, failed].concat(), None);
        }
        let (effect, reviews, minutes) = people(self.matching(ask, risk), ask);
        let reviews = reviews.into_iter().map(|review| &*review.rule.id);
        end(effect, holds.into_iter().chain(reviews).collect(), minutes)
    }

    /// Step 5.
    fn emergency(&self, ask: &Ask, risk: Risk) -> Option<(&str, u64)> {
        let reason = ask.emergency??;
        let (used, overdue) = ask.usage?;
        if reason.trim().is_empty() || overdue > 0 {
            return None;
        }
        let open = self.emergencies.iter().filter(|rule| rule.rule.matches(ask, risk));
        let open = open.filter(|rule| rule.limit.is_none_or(|limit| used < limit));
        let open = open
            .filter_map(|rule| Some((rule.bounds.admit(ask.minutes)?, rule.review_within, &*rule.rule.id)));
        open.min().map(|(minutes, _, id)| (id, minutes))
    }

    /// Step 6: what is open, best first, and what would be with more evidence.
    fn zones(&self, ask: &Ask, risk: Risk) -> (Vec<Open<'_>>, Vec<(usize, &str)>) {
        let (mut open, mut closed) = (Vec::new(), Vec::new());
        for zone in self.zones.iter().filter(|zone| zone.rule.matches(ask, risk) && risk <= zone.max_risk) {
            let used = ask.usage.map(|(used, _)| used);
            let free = zone.limit.is_none_or(|limit| used.is_some_and(|used| used < limit));
            let free = free && zone.open && zone.owes.kept();
            let Some(minutes) = zone.bounds.admit(ask.minutes).filter(|_| free) else { continue };
            let capped = ask.minutes.is_some_and(|asked| asked > minutes);
            match zone.needs.unmet(ask) {
                0 => {
                    open.push((capped, zone.owes.count, u64::MAX - zone.bounds.max, &*zone.rule.id, minutes));
                }
                unmet => closed.push((unmet, &*zone.rule.id)),
            }
        }
        (open, closed)
    }
}

/// Steps 7 and 8.
fn people<'d>(mut matching: Vec<&'d Review>, ask: &Ask) -> (Effect, Vec<&'d Review>, Option<u64>) {
    let one: Vec<&Review> = matching.iter().copied().filter(|review| review.group == "one").collect();
    if one.len() > 1 {
        return (Effect::Deny, one, None);
    }
    let some_any = matching.iter().any(|review| review.group == "any");
    matching.retain(|review| review.group != "any" || review.bounds.admit(ask.minutes).is_some());
    if some_any && matching.iter().all(|review| review.group != "any") {
        return (Effect::Deny, Vec::new(), None);
    }
    let met = |review: &Review| review.needs.unmet(ask) == 0;
    if matching.iter().any(|review| review.group == "any" && met(review)) {
        matching.retain(|review| review.group != "any" || met(review));
    } else {
        let any = matching.iter().filter(|review| review.group == "any");
        let least = any.map(|review| (review.needs.unmet(ask), review.rule.id.clone())).min();
        matching.retain(|review| {
            review.group != "any" || least.as_ref().is_some_and(|(_, id)| *id == review.rule.id)
        });
    }
    let times: Option<Vec<u64>> = matching.iter().map(|review| review.bounds.admit(ask.minutes)).collect();
    let time = times.and_then(|times| times.into_iter().min());
    let shortest = matching.iter().map(|review| review.bounds.min).max().unwrap_or(0);
    let Some(minutes) = time.filter(|minutes| *minutes >= shortest) else {
        return (Effect::Deny, Vec::new(), None);
    };
    if matching.iter().all(|review| met(review)) {
        return (Effect::Review, matching, Some(minutes));
    }
    matching.retain(|review| !met(review));
    (Effect::Challenge, matching, None)
}

impl Ask {
    pub fn request(&self, document: &Document) -> Request {
        let mut subject = Subject::new("user", "ana")
            .with("groups", if self.member { vec!["dev", "sre"] } else { vec!["dev"] });
        if let Some(on_call) = self.on_call {
            subject = subject.with("on_call", on_call);
        }
        let environment = if self.production { "prod" } else { "dev" };
        let resource = Resource::new("database", "orders")
            .with("environment", environment)
            .with("divisor", self.divisor);
        let action = Action::new("run");
        let action = match self.sql {
            None => action,
            Some(sql) => action.with_payload(Payload::sql(
                Dialect::PostgreSql,
                match sql {
                    Sql::Narrow => "DELETE FROM t WHERE id = 7",
                    Sql::Wide => "DELETE FROM t",
                    Sql::NotUnderstood => "DELETE FRM t",
                },
            )),
        };
        let mut request = Request::new(subject, action, resource);
        if let Some(rows) = self.rows {
            request = request.with_fact("rows", rows);
        }
        if let Some(ticket) = self.ticket {
            request = request.with("ticket", ticket);
        }
        if let Some((strong, age)) = self.auth {
            let at = time(NOON) - chrono::TimeDelta::minutes(age);
            request = request.with_auth(Auth::new([if strong { "hwk" } else { "pwd" }], at));
        }
        if let Some(asked) = self.minutes {
            request = request.with_duration(minutes(asked));
        }
        if let Some(reason) = self.emergency {
            request = request.as_emergency();
            request = reason.map_or(request.clone(), |reason| request.with_reason(reason));
        }
        if let Some(hint) = self.hint {
            request = request.with_risk_hint(hint);
        }
        if self.ask_review {
            request = request.asking_review();
        }
        if let Some((used, overdue)) = self.usage {
            let ids = document.zones.iter().map(|zone| &zone.rule.id);
            let ids = ids.chain(document.emergencies.iter().map(|rule| &rule.rule.id));
            let usage = Usage::none().with_overdue_reviews(overdue);
            request = request.with_usage(ids.fold(usage, |usage, id| usage.with_used(id, used)));
        }
        request
    }
}

const HEAD: &str = r#"format = 1
name = "generated"
[attributes]
"subject.groups" = "list<string>"
"subject.on_call" = "bool?"
"resource.environment" = { type = "string", one_of = ["dev", "prod"] }
"resource.divisor" = "int"
"facts.rows" = "int?"
"context.ticket" = { type = "string?", source = "caller", matches = '^INC[0-9]+$' }
"#;
