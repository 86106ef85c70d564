//! The steps of a case: votes, and time that passes.
//!
//! A step says who does what, when, and what must come of it. What a vote of its kind cannot say is a mistake of
//! the author's and told as one: it would test something else than it seems to.

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value as Json;

use super::request::Shelf;
use super::{STATES, time, word};
use crate::limits;
use crate::policy::document::read::{choice, span, texts};
use crate::policy::error::Faults;
use crate::policy::node::{Content, Fields, Node};
use crate::request::{Auth, Subject};

/// One entry of `votes`.
#[derive(Debug, Clone)]
pub(crate) struct StepSpec {
    pub(crate) at: DateTime<Utc>,
    /// Everybody who has a name, where some are known otherwise from now on.
    pub(crate) people: Option<Vec<(String, Subject)>>,
    /// `None`: nobody votes, the review is woken.
    pub(crate) vote: Option<BallotSpec>,
    /// The state that the review must be in afterwards, or `refused`.
    pub(crate) expect: Option<String>,
    /// What a refusal must say.
    pub(crate) says: Option<String>,
}

/// A vote.
#[derive(Debug, Clone)]
pub(crate) struct BallotSpec {
    pub(crate) name: String,
    pub(crate) approver: Subject,
    pub(crate) delegator: Option<Subject>,
    pub(crate) verdict: VerdictSpec,
    pub(crate) kind: KindSpec,
    pub(crate) comment: String,
    pub(crate) at_most: Option<Duration>,
    pub(crate) not_before: Option<DateTime<Utc>>,
    pub(crate) narrowed: Vec<(String, Json)>,
    pub(crate) auth: Option<Auth>,
    pub(crate) signed: bool,
}

/// What a vote says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VerdictSpec {
    Approve,
    Force,
    Reject,
    Withdraw,
    /// The request is taken back.
    Retract,
}

/// Who judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KindSpec {
    Person,
    Automatic,
    Advisory,
}

impl StepSpec {
    pub(super) fn read_all(
        node: &Node,
        start: DateTime<Utc>,
        shelf: &Shelf<'_>,
        faults: &mut Faults<'_>,
    ) -> Vec<Self> {
        let mut steps: Vec<Self> = Vec::new();
        let mut shelf = shelf.clone();
        for node in node.list(faults, "a list of votes") {
            let last = steps.last().map_or(start, |step| step.at);
            steps.extend(Self::read(node, start, last, &mut shelf, faults));
        }
        if steps.len() > STEPS {
            faults.add(&node.span, format!("{} votes, limit is {STEPS}", steps.len()));
        }
        steps
    }

    fn read<'n>(
        node: &'n Node,
        start: DateTime<Utc>,
        last: DateTime<Utc>,
        shelf: &mut Shelf<'n>,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let mut fields = node.fields(faults, "a table such as `{ approve = \"bo\" }`")?;
        let at = match (fields.take("at"), fields.take("after")) {
            (Some(at), None) => time(at, faults),
            (None, Some(after)) => {
                let span = span(after, faults)?;
                TimeDelta::from_std(span).ok().and_then(|span| start.checked_add_signed(span))
            }
            (None, None) => last.checked_add_signed(TimeDelta::minutes(1)),
            (Some(_), Some(after)) => {
                faults.add(&after.span, "`at` and `after` both say when");
                None
            }
        };
        if let Some(at) = at.filter(|at| *at < last) {
            faults.add(&node.span, format!("{at} is before the step above it"));
        }
        let people = fields.take("people").map(|node| {
            shelf.learn(node, faults);
            shelf.everybody(faults)
        });
        let voters = VERDICTS.map(|(name, verdict)| fields.take(name).map(|node| (node, verdict)));
        let mut voters = voters.into_iter().flatten();
        let (voter, second) = (voters.next(), voters.next());
        let wakes = fields.flag(faults, "wake", false);
        if voter.is_some() == wakes || second.is_some() {
            let words = VERDICTS.map(|(name, _)| name).join("`, `");
            faults.add(&node.span, format!("expected one of `{words}` or `wake = true`"));
            return None;
        }
        let vote = BallotSpec::read(voter, &mut fields, at.unwrap_or(last), shelf, faults);
        let expect =
            fields.take("expect").and_then(|node| word(node, &[&STATES[..], &["refused"]].concat(), faults));
        let says = fields.text(faults, "says").map(|text| text.text);
        fields.finish(faults);
        let vote = if voter.is_some() { Some(vote?) } else { None };
        Some(Self { at: at?, people, vote, expect: expect.map(|text| text.text), says })
    }
}

impl BallotSpec {
    /// Reads what a vote says. Where nobody votes, each of its keys is a fault.
    fn read(
        voter: Option<(&Node, VerdictSpec)>,
        fields: &mut Fields<'_>,
        at: DateTime<Utc>,
        shelf: &Shelf<'_>,
        faults: &mut Faults<'_>,
    ) -> Option<Self> {
        let verdict = voter.map(|(_, verdict)| verdict);
        for (key, verdicts) in PARTS {
            if let Some(node) =
                fields.take(key).filter(|_| !verdict.is_some_and(|one| verdicts.contains(&one)))
            {
                let words = VERDICTS.iter().filter(|(_, verdict)| verdicts.contains(verdict));
                let words: Vec<String> = words.map(|(name, _)| format!("`{name}`")).collect();
                faults.add(&node.span, format!("`{key}` goes with {}", words.join(", ")));
            }
        }
        let comment = fields.text(faults, "comment").map(|text| text.text).unwrap_or_default();
        let at_most = fields.take("at_most").and_then(|node| span(node, faults));
        let not_before = fields.take("not_before").and_then(|node| time(node, faults));
        let narrowed = fields.take("narrow").map(|node| narrowed(node, faults)).unwrap_or_default();
        let auth = fields.take("auth").and_then(|node| signed_in(node, at, faults));
        let kind = fields.take("kind").and_then(|node| choice(node, faults, &KINDS));
        let signed = fields.flag(faults, "signed", false);
        let delegator = fields.take("for").map(|node| shelf.person(node, faults));
        let (node, verdict) = voter?;
        let (name, approver) = shelf.person(node, faults)?;
        Some(Self {
            name,
            approver,
            delegator: match delegator {
                Some(delegator) => Some(delegator?.1),
                None => None,
            },
            verdict,
            kind: kind.unwrap_or(KindSpec::Person),
            comment,
            at_most,
            not_before,
            narrowed,
            auth,
            signed,
        })
    }
}

/// Reads `{ max_rows = 100 }`. Which constraints there are, and what they take, is told when the vote is counted.
fn narrowed(node: &Node, faults: &mut Faults<'_>) -> Vec<(String, Json)> {
    match &node.content {
        Content::Table(entries) => {
            entries.iter().map(|(name, node)| (name.text.clone(), node.to_json())).collect()
        }
        _ => {
            node.unexpected(faults, "a table such as `{ max_rows = 100 }`");
            Vec::new()
        }
    }
}

/// Reads how and when a voter signed in: at the vote, where nothing else is said.
fn signed_in(node: &Node, at: DateTime<Utc>, faults: &mut Faults<'_>) -> Option<Auth> {
    let mut fields = node.fields(faults, "a table such as `{ amr = [\"hwk\"], ago = \"2m\" }`")?;
    let methods = texts(fields.take("amr"), faults);
    let class = fields.text(faults, "acr");
    let time = match (fields.take("time"), fields.take("ago")) {
        (Some(time), None) => self::time(time, faults),
        (None, Some(ago)) => span(ago, faults)
            .and_then(|span| TimeDelta::from_std(span).ok())
            .and_then(|span| at.checked_sub_signed(span)),
        (None, None) => Some(at),
        (Some(_), Some(ago)) => {
            faults.add(&ago.span, "`time` and `ago` both say when");
            None
        }
    };
    fields.finish(faults);
    let auth = Auth::new(methods.into_iter().map(|method| method.text), time?);
    Some(match class {
        Some(class) => auth.with_class(class.text),
        None => auth,
    })
}

const VERDICTS: [(&str, VerdictSpec); 5] = [
    ("approve", VerdictSpec::Approve),
    ("force", VerdictSpec::Force),
    ("reject", VerdictSpec::Reject),
    ("withdraw", VerdictSpec::Withdraw),
    ("retract", VerdictSpec::Retract),
];

const KINDS: [(&str, KindSpec); 2] = [("automatic", KindSpec::Automatic), ("advisory", KindSpec::Advisory)];

/// The keys of a vote, and what must be said with them.
const PARTS: [(&str, &[VerdictSpec]); 8] = {
    use VerdictSpec::{Approve, Force, Reject, Withdraw};
    [
        ("comment", &[Approve, Force, Reject, Withdraw]),
        ("auth", &[Approve, Force, Reject]),
        ("for", &[Approve, Force, Reject]),
        ("kind", &[Approve, Reject]),
        ("at_most", &[Approve, Force]),
        ("not_before", &[Approve, Force]),
        ("narrow", &[Approve, Force]),
        ("signed", &[Approve, Force]),
    ]
};

/// Votes and wakings of one case: each voter changes their mind once.
const STEPS: usize = limits::VOTES.saturating_mul(2);
