//! A vote that was taken: whose it is, in which stages it was cast, and how a record holds it.

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde_json::{Map, Value as Json, json};

use super::vote::{Verdict, Vote, VoteKind};
use crate::grant::Constraints;
use crate::policy::schema::Voting;
use crate::request::{Auth, Subject};

/// A vote that stands until its caster takes it back, in the stages in which it was cast.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Cast {
    pub(crate) approver: Subject,
    pub(crate) delegator: Option<Subject>,
    /// Who acts.
    pub(crate) person: String,
    /// Whose right it is: the delegator's, or the person's own.
    pub(crate) authority: String,
    pub(crate) verdict: Verdict,
    pub(crate) kind: VoteKind,
    pub(crate) comment: String,
    pub(crate) at: DateTime<Utc>,
    /// When the host last stated what it attests of them.
    pub(crate) attested_at: DateTime<Utc>,
    pub(crate) at_most: Option<Duration>,
    pub(crate) not_before: Option<DateTime<Utc>>,
    pub(crate) narrowed: Constraints,
    pub(crate) auth: Option<Auth>,
    pub(crate) signature: Option<String>,
    /// The end that the approver signed, which no grant passes.
    pub(crate) not_after: Option<DateTime<Utc>>,
    /// The stage of each review of each plan in which it was cast; `None` where the caster had no seat.
    pub(crate) stages: Vec<Option<usize>>,
}

impl Cast {
    /// Takes a vote at a time, before it has seats.
    pub(crate) fn of(vote: &Vote, narrowed: Constraints, at: DateTime<Utc>) -> Self {
        let person = vote.approver.reference();
        Self {
            authority: vote.delegator.as_ref().map_or_else(|| person.clone(), Subject::reference),
            person,
            approver: vote.approver.clone(),
            delegator: vote.delegator.clone(),
            verdict: vote.verdict,
            kind: vote.kind,
            comment: vote.comment.clone(),
            at,
            attested_at: at,
            at_most: vote.at_most,
            // A record holds microseconds.
            not_before: vote.not_before.map(|start| start.trunc_subsecs(6)),
            narrowed,
            auth: vote.auth.clone(),
            signature: vote.signature.clone(),
            not_after: None,
            stages: Vec::new(),
        }
    }

    /// Whose attributes conditions on approvers read: a delegate has no rights of their own.
    pub(super) fn acting_for(&self) -> &Subject {
        self.delegator.as_ref().unwrap_or(&self.approver)
    }

    /// Says whether somebody cast it, or had it cast.
    pub(super) fn is_of(&self, person: &str) -> bool {
        self.person == person || self.authority == person
    }

    pub(super) fn seat(&self, review: usize) -> Option<usize> {
        self.stages.get(review).copied().flatten()
    }

    pub(super) fn has_comment(&self) -> bool {
        !crate::text::is_blank(&self.comment)
    }

    /// The vote as conditions on approvers see it, if it were the given person's.
    pub(super) fn voting<'a>(&'a self, approver: &'a Subject) -> Voting<'a> {
        Voting {
            approver,
            comment: &self.comment,
            kind: self.kind.as_str(),
            delegated: self.delegator.is_some(),
            signed: self.signature.is_some(),
            at: self.at,
        }
    }

    /// Says whether two votes say the same in every respect but time.
    pub(super) fn says(&self, other: &Self) -> bool {
        let times = |cast: &Self| Self { at: other.at, attested_at: other.attested_at, ..cast.clone() };
        self.person == other.person && times(self) == *other
    }

    /// Says whether a new vote leaves this one standing.
    pub(super) fn stays_beside(&self, new: &Self) -> bool {
        let elsewhere = || self.stages.iter().zip(&new.stages).all(|(old, new)| old.is_none() || old != new);
        self.person != new.person || (self.verdict == new.verdict && elsewhere())
    }

    /// Takes what the host attests of somebody by now, if the vote is theirs.
    pub(super) fn refresh(&mut self, people: &[Subject], at: DateTime<Utc>) {
        let fresh = |old: &Subject| people.iter().find(|new| new.reference() == old.reference()).cloned();
        match (&mut self.delegator, fresh(&self.approver)) {
            (None, Some(approver)) => {
                self.approver = approver;
                self.attested_at = at;
            }
            (Some(delegator), Some(approver)) => {
                if let Some(authority) = fresh(delegator) {
                    *delegator = authority;
                    self.approver = approver;
                    self.attested_at = at;
                }
            }
            (_, None) => {}
        }
    }

    /// Writes the vote for a record. What older versions did not know is left out where it says nothing.
    pub(crate) fn to_record(&self) -> Json {
        let mut record = Map::new();
        let mut put = |name: &str, value: Json| record.insert(name.to_owned(), value);
        put("approver", self.approver.to_record());
        put("verdict", self.verdict.as_str().into());
        put("comment", self.comment.as_str().into());
        put("at_most_s", self.at_most.map(|span| span.as_secs()).into());
        put("stages", json!(self.stages));
        if let Some(delegator) = &self.delegator {
            put("for", delegator.to_record());
        }
        if self.kind != VoteKind::Person {
            put("kind", self.kind.as_str().into());
        }
        if let Some(start) = self.not_before {
            put("not_before", text(start).into());
        }
        if !self.narrowed.is_empty() {
            put("con", self.narrowed.to_value());
        }
        if let Some(auth) = &self.auth {
            put("auth", auth.to_record());
        }
        if let Some(signature) = &self.signature {
            put("signature", signature.as_str().into());
        }
        if let Some(end) = self.not_after {
            put("not_after", text(end).into());
        }
        Json::Object(record)
    }

    /// Reads a vote back from a record.
    pub(super) fn from_record(json: &Json, at: DateTime<Utc>) -> Option<Self> {
        let approver = Subject::from_record(json.get("approver")?)?;
        let delegator = optional(json, "for", Subject::from_record)?;
        let stage = |stage: &Json| match stage {
            Json::Null => Some(None),
            number => Some(Some(usize::try_from(number.as_u64()?).ok()?)),
        };
        let person = approver.reference();
        Some(Self {
            authority: delegator.as_ref().map_or_else(|| person.clone(), Subject::reference),
            person,
            approver,
            delegator,
            verdict: Verdict::parse(json.get("verdict")?.as_str()?)?,
            kind: optional(json, "kind", |kind| VoteKind::parse(kind.as_str()?))?.unwrap_or(VoteKind::Person),
            comment: json.get("comment")?.as_str()?.to_owned(),
            at,
            attested_at: at,
            at_most: optional(json, "at_most_s", |span| span.as_u64().map(Duration::from_secs))?,
            not_before: optional(json, "not_before", time)?,
            narrowed: optional(json, "con", |con| {
                let pairs = con.as_object()?.iter().map(|(name, value)| (name.as_str(), value.clone()));
                Constraints::of(pairs).ok()
            })?
            .unwrap_or_default(),
            auth: optional(json, "auth", Auth::from_record)?,
            signature: optional(json, "signature", |text| text.as_str().map(str::to_owned))?,
            not_after: optional(json, "not_after", time)?,
            stages: json.get("stages")?.as_array()?.iter().map(stage).collect::<Option<_>>()?,
        })
    }
}

/// Reads a member that may be absent or null: `None` where it is there and cannot be read.
#[expect(clippy::option_option, reason = "absent and unreadable are two things")]
pub(super) fn optional<T>(
    json: &Json,
    name: &str,
    read: impl FnOnce(&Json) -> Option<T>,
) -> Option<Option<T>> {
    match json.get(name) {
        None | Some(Json::Null) => Some(None),
        Some(value) => read(value).map(Some),
    }
}

pub(super) fn text(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Micros, true)
}

pub(super) fn time(json: &Json) -> Option<DateTime<Utc>> {
    Some(DateTime::parse_from_rfc3339(json.as_str()?).ok()?.to_utc())
}

/// Adds a vote. It takes the place of what the same person said before, but for approvals of other stages.
pub(super) fn add(votes: &mut Vec<Arc<Cast>>, cast: Arc<Cast>) {
    votes.retain(|old| old.stays_beside(&cast));
    votes.push(cast);
}
