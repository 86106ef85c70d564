//! Why a decision is as it is, as data and as text.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::span_of_time;
use crate::text::{escaped_len, quote};

/// One reason: a stable code, its parameters, and a text.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reason {
    pub(crate) code: ReasonCode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rule: Option<Arc<str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) detail: Option<String>,
    text: Sentence,
    /// Of a request's several resources those that it is about, where it is not about all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    resources: Vec<Arc<str>>,
}

/// What a reason says: a text of ours or of the policy is shared, not copied, because most decisions have one.
#[derive(Clone)]
pub(crate) enum Sentence {
    Ours(&'static str),
    Shared(Arc<str>),
}

/// What a reason is about. Codes are stable: programs may compare them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ReasonCode {
    /// The request is out of bounds or does not fit the vocabulary.
    InvalidRequest,
    /// The action is not one that the policy knows.
    UnknownAction,
    /// The action does not carry the payload that the policy demands.
    PayloadMismatch,
    /// A forbid matches.
    Forbidden,
    /// A rule could not be evaluated.
    RuleFailed,
    /// A hold matches: nothing is automatic.
    Held,
    /// A zone allows the action.
    ZoneAllows,
    /// The risk is above a zone's ceiling.
    RiskAboveZone,
    /// A limit is used up, or nobody said how much of it is used.
    LimitReached,
    /// The asked time is below the bounds.
    DurationTooShort,
    /// The asked time is above the bounds.
    DurationTooLong,
    /// The asked start is later than a rule admits.
    StartTooLate,
    /// A grant is not extended: nobody showed it, it has ended, or a rule does not let it be.
    ExtensionRefused,
    /// A rule is closed at this time of the day or week.
    OutsideWindow,
    /// Something outside the policy holds the risk to be higher.
    RiskHinted,
    /// The host did not say that it fulfils an obligation.
    ObligationUnsupported,
    /// Evidence is missing.
    NeedsMissing,
    /// People must approve.
    ReviewRequired,
    /// Two reviews match where one must be the right one.
    AmbiguousReview,
    /// Break-glass access is given.
    EmergencyAllows,
    /// Break-glass access was asked for and no rule permits it.
    EmergencyRefused,
    /// A review was rejected.
    ReviewRejected,
    /// A review ran out of time.
    ReviewExpired,
    /// Whoever asked for a review no longer does.
    ReviewWithdrawn,
    /// Whoever asked for a review asks for something else instead.
    ReviewSuperseded,
    /// An approval on which a grant rested was taken back.
    ReviewRevoked,
    /// No candidate can approve it.
    NobodyCanApprove,
    /// What was decided does not fit a grant.
    GrantNotWritable,
    /// No rule matches.
    NothingMatched,
    /// There are more reasons than a decision names.
    ReasonsLeftOut,
}

/// Something that a Challenge asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Need {
    pub(crate) kind: NeedKind,
    pub(crate) path: String,
    pub(crate) problem: Problem,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) because: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) accepts: Vec<String>,
    /// Classes of a sign-in of which one suffices (RFC 9470 `acr_values`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) classes: Vec<String>,
    /// How old a sign-in may be (RFC 9470 `max_age`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) max_age_s: Option<u64>,
    pub(crate) rule: String,
    /// As those of a reason.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) resources: Vec<Arc<str>>,
}

/// What is said of a request's resources: once, with those that it is about.
pub(in crate::decision) trait About: PartialEq {
    fn resources(&mut self) -> &mut Vec<Arc<str>>;

    /// Says whether the two say the same, whatever they are about.
    fn says(&self, other: &Self) -> bool;
}

impl About for Reason {
    fn resources(&mut self) -> &mut Vec<Arc<str>> {
        &mut self.resources
    }

    fn says(&self, other: &Self) -> bool {
        let Self { code, rule, detail, text, resources: _ } = self;
        (code, rule, detail, text) == (&other.code, &other.rule, &other.detail, &other.text)
    }
}

impl About for Need {
    fn resources(&mut self) -> &mut Vec<Arc<str>> {
        &mut self.resources
    }

    fn says(&self, other: &Self) -> bool {
        let Self { kind, path, problem, because, accepts, classes, max_age_s, rule, resources: _ } = self;
        (kind, path, problem, because) == (&other.kind, &other.path, &other.problem, &other.because)
            && (accepts, classes, max_age_s, rule)
                == (&other.accepts, &other.classes, &other.max_age_s, &other.rule)
    }
}

/// How a need is met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NeedKind {
    /// By stating a field.
    Field,
    /// By signing in again, or in a stronger way.
    StepUp,
}

/// In which way a need is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Problem {
    Absent,
    Empty,
    Malformed,
    TooShort,
    TooLong,
    TooOld,
    WrongMethod,
    WrongClass,
}

/// The cheapest step towards yes, for machines: closed, because a client must know what to do with each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum NextAction {
    /// State the missing fields, or ask for less.
    Supply,
    /// Sign in again.
    StepUp,
    /// Submit the request and wait for people.
    RequestApproval,
    /// Come back at this time: the same request was tried then, and fared better.
    WaitUntil(DateTime<Utc>),
    /// There is none.
    None,
}

impl NextAction {
    /// Returns the action's name: `supply`, `step_up`, `request_approval`, `wait_until` or `none`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Supply => "supply",
            Self::StepUp => "step_up",
            Self::RequestApproval => "request_approval",
            Self::WaitUntil(_) => "wait_until",
            Self::None => "none",
        }
    }

    pub(crate) fn wait_until(self) -> Option<DateTime<Utc>> {
        match self {
            Self::WaitUntil(at) => Some(at),
            _ => None,
        }
    }
}

impl Reason {
    pub(crate) fn new(code: ReasonCode, text: impl Into<Sentence>) -> Self {
        Self { code, rule: None, detail: None, text: text.into(), resources: Vec::new() }
    }

    pub(crate) fn of_rule(code: ReasonCode, rule: &Arc<str>, text: impl Into<Sentence>) -> Self {
        Self { rule: Some(rule.clone()), ..Self::new(code, text) }
    }

    pub(crate) fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    pub(crate) fn with_rule(mut self, rule: &Arc<str>) -> Self {
        self.rule = Some(rule.clone());
        self
    }

    pub(crate) fn duration(code: ReasonCode, asked: Duration, bound: Duration) -> Self {
        let (asked, bound) = (span_of_time::print(asked), span_of_time::print(bound));
        let side = if code == ReasonCode::DurationTooShort {
            "below the minimum of"
        } else {
            "above the maximum of"
        };
        Self::new(code, format!("the asked {asked} is {side} {bound}")).with_detail(bound)
    }

    /// Returns the code.
    #[must_use]
    pub fn code(&self) -> ReasonCode {
        self.code
    }

    /// Returns the rule that the reason is about.
    #[must_use]
    pub fn rule(&self) -> Option<&str> {
        self.rule.as_deref()
    }

    /// Returns the parameter of the code: a path, a bound, what failed.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// Returns the text for people.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.as_str()
    }

    /// Returns which of the request's resources it is about, as [`Resource::reference`] names them; none where it is
    /// about the request, or about all of them.
    ///
    /// [`Resource::reference`]: crate::Resource::reference
    pub fn resources(&self) -> impl ExactSizeIterator<Item = &str> {
        self.resources.iter().map(AsRef::as_ref)
    }

    /// The bytes that a record needs for it, about.
    pub(in crate::decision) fn bytes(&self) -> usize {
        let rule = self.rule.as_deref().map_or(0, escaped_len);
        let detail = self.detail.as_deref().map_or(0, escaped_len);
        let resources = self.resources.iter().map(|name| escaped_len(name).saturating_add(1));
        [rule, detail, escaped_len(self.text()), FRAME]
            .into_iter()
            .chain(resources)
            .fold(0, usize::saturating_add)
    }
}

impl Sentence {
    fn as_str(&self) -> &str {
        match self {
            Self::Ours(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl fmt::Debug for Sentence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), formatter)
    }
}

impl PartialEq for Sentence {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Sentence {}

impl From<&'static str> for Sentence {
    fn from(text: &'static str) -> Self {
        Self::Ours(text)
    }
}

impl From<String> for Sentence {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl From<Arc<str>> for Sentence {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Sentence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Arc::<str>::deserialize(deserializer).map(Self::Shared)
    }
}

impl Need {
    pub(crate) fn new(kind: NeedKind, path: &str, problem: Problem, rule: &str) -> Self {
        let (path, rule) = (path.to_owned(), rule.to_owned());
        let (accepts, classes) = (Vec::new(), Vec::new());
        let resources = Vec::new();
        Self { kind, path, problem, because: None, accepts, classes, max_age_s: None, rule, resources }
    }

    /// Returns how the need is met.
    #[must_use]
    pub fn kind(&self) -> NeedKind {
        self.kind
    }

    /// Returns the path of what is missing, such as `context.ticket`.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Returns in which way it is not met, as it is serialised: `absent`, `empty`, `malformed`, `too_short`,
    /// `too_long`, `too_old`, `wrong_method` or `wrong_class`.
    #[must_use]
    pub fn problem(&self) -> &'static str {
        match self.problem {
            Problem::Absent => "absent",
            Problem::Empty => "empty",
            Problem::Malformed => "malformed",
            Problem::TooShort => "too_short",
            Problem::TooLong => "too_long",
            Problem::TooOld => "too_old",
            Problem::WrongMethod => "wrong_method",
            Problem::WrongClass => "wrong_class",
        }
    }

    /// Returns the policy author's hint.
    #[must_use]
    pub fn because(&self) -> Option<&str> {
        self.because.as_deref()
    }

    /// Returns which of the request's resources want it, as those of a [reason](Reason::resources).
    pub fn resources(&self) -> impl ExactSizeIterator<Item = &str> {
        self.resources.iter().map(AsRef::as_ref)
    }
}

impl ReasonCode {
    /// Returns the code as it is serialised.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::UnknownAction => "unknown_action",
            Self::PayloadMismatch => "payload_mismatch",
            Self::Forbidden => "forbidden",
            Self::RuleFailed => "rule_failed",
            Self::Held => "held",
            Self::ZoneAllows => "zone_allows",
            Self::RiskAboveZone => "risk_above_zone",
            Self::LimitReached => "limit_reached",
            Self::DurationTooShort => "duration_too_short",
            Self::DurationTooLong => "duration_too_long",
            Self::StartTooLate => "start_too_late",
            Self::ExtensionRefused => "extension_refused",
            Self::OutsideWindow => "outside_window",
            Self::RiskHinted => "risk_hinted",
            Self::ObligationUnsupported => "obligation_unsupported",
            Self::NeedsMissing => "needs_missing",
            Self::ReviewRequired => "review_required",
            Self::AmbiguousReview => "ambiguous_review",
            Self::EmergencyAllows => "emergency_allows",
            Self::EmergencyRefused => "emergency_refused",
            Self::ReviewRejected => "review_rejected",
            Self::ReviewExpired => "review_expired",
            Self::ReviewWithdrawn => "review_withdrawn",
            Self::ReviewSuperseded => "review_superseded",
            Self::ReviewRevoked => "review_revoked",
            Self::NobodyCanApprove => "nobody_can_approve",
            Self::GrantNotWritable => "grant_not_writable",
            Self::NothingMatched => "nothing_matched",
            Self::ReasonsLeftOut => "reasons_left_out",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.rule {
            Some(rule) => write!(formatter, "rule `{}`: {}", quote(rule), self.text())?,
            None => formatter.write_str(self.text())?,
        }
        about(formatter, &self.resources)
    }
}

/// Names the resources, where it is not about all.
fn about(formatter: &mut fmt::Formatter<'_>, resources: &[Arc<str>]) -> fmt::Result {
    for (index, name) in resources.iter().enumerate() {
        let before = if index == 0 { ", of " } else { " and " };
        write!(formatter, "{before}`{}`", quote(name))?;
    }
    Ok(())
}

impl fmt::Display for Need {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let problem = match self.problem {
            Problem::Absent => "is missing",
            Problem::Empty => "is empty",
            Problem::Malformed => "is malformed",
            Problem::TooShort => "is too short",
            Problem::TooLong => "is too long",
            Problem::TooOld => "is too old",
            Problem::WrongMethod | Problem::WrongClass => "is not strong enough",
        };
        write!(formatter, "`{}` {problem}", self.path)?;
        about(formatter, &self.resources)?;
        match &self.because {
            Some(because) => write!(formatter, ": {because}"),
            None => Ok(()),
        }
    }
}

/// What a record has around the texts of a reason: its members' names, the code, quotes and commas.
const FRAME: usize = 96;
