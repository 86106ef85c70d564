//! A result that is withheld until its records are stored.
//!
//! A step holds what will be recorded and how its result comes to be. It has no way to the result but
//! through a ledger: stage it, store the records, commit. It owns all it needs, so it can be queued,
//! moved between threads and collected into a batch.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use serde_json::Value;

use super::draft::{Draft, Template};
use super::{Event, LedgerError, RecordFault};
use crate::Stamp;
use crate::text::quote;

/// Records that are to be stored, and the `T` that is released when they are.
///
/// ```
/// use chrono::{DateTime, Utc};
/// use countersign::{Ledger, Stamp, Step};
/// use serde_json::json;
///
/// let now: DateTime<Utc> = "2026-11-23T10:00:00Z".parse()?;
/// let step = Step::note("deploy.started", json!({"build": 7}), Stamp::new(now, [7; 32])).map(|()| "go");
///
/// let mut ledger = Ledger::create("orders-gate")?;
/// let staged = ledger.stage(step)?;
/// let mut file = Vec::new();
/// file.extend_from_slice(staged.lines()); // the host stores the lines
/// assert_eq!(staged.commit(), "go");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Steps collect into one, so that one write stores many:
///
/// ```
/// # use countersign::Step;
/// fn batch(steps: Vec<Step<u32>>) -> Step<Vec<u32>> {
///     steps.into_iter().collect()
/// }
/// ```
///
/// There is no way to the result before it is recorded, also not by borrowing:
///
/// ```compile_fail,E0616
/// # use countersign::Step;
/// fn early(step: Step<u32>) -> u32 {
///     step.finish
/// }
/// ```
///
/// ```compile_fail,E0597
/// # use countersign::Step;
/// fn leak(step: Step<u32>) {
///     let mut seen = None;
///     let place = &mut seen;
///     let step = step.map(move |number| place.replace(number));
/// }
/// ```
#[must_use = "nothing is recorded and nothing is released until the step is staged, stored and committed"]
pub struct Step<T> {
    pub(super) parts: Vec<Part>,
    finish: Finish<T>,
}

/// The records of one call: stored whole, or refused whole.
#[derive(Debug, Default)]
pub(super) struct Part {
    pub(super) drafts: Vec<Template>,
    pub(super) refusal: Option<Box<Refusal>>,
    /// The first draft that no record can hold: its event and why.
    pub(super) fault: Option<(Cow<'static, str>, RecordFault)>,
}

/// What is recorded instead of a step's records when one of its keys is taken.
#[derive(Debug)]
pub(crate) struct Refusal(Draft);

/// Why a step was refused: the meaning of its keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "only the engine refuses steps")]
pub(crate) enum RefusalKind {
    /// Somebody else acted first: decide again on the new state.
    Stale,
    /// The grant was used already.
    Replayed,
    /// The last slot of a limit is taken.
    LimitReached,
    /// The grant that is to be extended was revoked or extended.
    Ended,
}

/// Where a record stands.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "only the engine reads where its records stand")]
pub(crate) struct Position {
    pub(crate) stream: Arc<str>,
    pub(crate) seq: u64,
    pub(crate) leaf: [u8; 32],
    /// The key that the record took, with its number.
    pub(crate) key: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(dead_code, reason = "only the engine reads the fate of its steps")]
pub(crate) enum Fate {
    /// Every draft is a record, in their order.
    Stored(Vec<Position>),
    /// A key was taken. One record says so.
    Refused { kind: RefusalKind, key: String, at: Option<Position> },
}

impl Fate {
    /// Tells whether all records of the part have numbers below this one.
    pub(super) fn ends_before(&self, seq: u64) -> bool {
        let last = match self {
            Self::Stored(places) => places.last(),
            Self::Refused { at, .. } => at.as_ref(),
        };
        last.is_none_or(|place| place.seq < seq)
    }
}

/// How a result comes to be from the fates of the parts, in their order. The mutex is never locked: it
/// makes a step `Sync`, though what a caller passes to `map` need not be.
struct Finish<T>(Mutex<Box<MakeResult<T>>>);

type MakeResult<T> = dyn FnOnce(&mut Fates) -> T + Send;

type Fates = std::vec::IntoIter<Fate>;

impl Step<()> {
    /// Makes a step that records a host's own note: what it ran, what came of it. The event is `host.`
    /// and the name; the content is recorded as the field `note`.
    ///
    /// A name that is not made of lower-case letters, digits, `_`, `-` and `.`, or a content that no
    /// record can hold, is refused when the step is staged.
    pub fn note(name: &str, content: Value, stamp: Stamp) -> Self {
        let event = if super::record::is_field_name(name) { ["host.", name].concat() } else { String::new() };
        let draft = Draft::named(event, stamp.id("note"), stamp.now()).with("note", content);
        Self::of(vec![draft], None, |_| ())
    }

    /// Makes a step that ends its stream: nothing may follow, and the ledger and every reader refuse what does.
    /// Without it nobody can tell a stream that ended from one whose newest records are missing.
    ///
    /// ```
    /// # use countersign::{Ledger, LedgerError, Stamp, Step};
    /// # let now: chrono::DateTime<chrono::Utc> = "2026-11-23T10:00:00Z".parse()?;
    /// # let stamp = |number| Stamp::new(now, [number; 32]);
    /// # let mut ledger = Ledger::create("orders-gate/7f3a")?;
    /// ledger.stage(Step::stream_closed(stamp(1)))?.commit();
    /// let last = ledger.checkpoint(); // to be signed, and for the parent's `Step::child_closed`
    /// # let _ = last;
    ///
    /// let late = ledger.stage(Step::note("deploy.started", 7.into(), stamp(2)));
    /// assert_eq!(late.unwrap_err(), LedgerError::Closed);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn stream_closed(stamp: Stamp) -> Self {
        let event = Event::StreamClosed;
        Self::of(vec![Draft::new(event, stamp.id(event.as_str()), stamp.now())], None, |_| ())
    }
}

impl<T: 'static> Step<T> {
    /// Makes a step of the drafts that one call records. The refusal stands in for them when a key is
    /// taken; the result is made from what became of them.
    #[allow(dead_code, reason = "only the engine makes steps with keys")]
    pub(crate) fn new(
        drafts: Vec<Draft>,
        refusal: Refusal,
        finish: impl FnOnce(Fate) -> T + Send + 'static,
    ) -> Self {
        Self::of(drafts, Some(Box::new(refusal)), finish)
    }

    fn of(
        drafts: Vec<Draft>,
        refusal: Option<Box<Refusal>>,
        finish: impl FnOnce(Fate) -> T + Send + 'static,
    ) -> Self {
        let mut part = Part { drafts: Vec::with_capacity(drafts.len()), refusal, fault: None };
        if let Some(Err(fault)) = part.refusal.as_ref().map(|refusal| refusal.0.check_header()) {
            part.fault = Some((Event::StepRefused.as_str().into(), fault));
        }
        for draft in drafts {
            let event = draft.event().clone();
            match draft.render() {
                Ok(template) => part.drafts.push(template),
                Err(fault) => part.fault = part.fault.or(Some((event, fault))),
            }
        }
        Self { parts: vec![part], finish: Finish::new(|fates| finish(fates.next().unwrap_or(LOST))) }
    }

    /// Turns the result into another one. The function runs at commit and not before; it may answer a
    /// caller through a channel.
    pub fn map<U: 'static>(self, function: impl FnOnce(T) -> U + Send + 'static) -> Step<U> {
        let Self { parts, finish } = self;
        Step { parts, finish: Finish::new(|fates| function(finish.run(fates))) }
    }

    /// Checks that records can hold the step. A queue that makes batches asks this first, since a ledger
    /// refuses a batch whole.
    ///
    /// # Errors
    ///
    /// [`LedgerError::Unrecordable`], as [`Ledger::stage`](super::Ledger::stage) would say.
    pub fn check(&self) -> Result<(), LedgerError> {
        match self.parts.iter().find_map(|part| part.fault.as_ref()) {
            Some((event, fault)) => {
                Err(LedgerError::Unrecordable { event: quote(event), fault: fault.clone() })
            }
            None => Ok(()),
        }
    }

    pub(super) fn split(self) -> (Vec<Part>, Release<T>) {
        (self.parts, Release(self.finish))
    }
}

/// A batch: its steps are recorded in their order, and one whose key is taken does not touch the others.
/// One that no record can hold is an error for all; see [`Step::check`].
impl<T: 'static> FromIterator<Step<T>> for Step<Vec<T>> {
    fn from_iter<I: IntoIterator<Item = Step<T>>>(steps: I) -> Self {
        let (mut parts, mut finishes) = (Vec::new(), Vec::new());
        for step in steps {
            parts.extend(step.parts);
            finishes.push(step.finish);
        }
        Self {
            parts,
            finish: Finish::new(|fates| finishes.into_iter().map(|finish| finish.run(fates)).collect()),
        }
    }
}

impl<T> fmt::Debug for Step<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let records: usize = self.parts.iter().map(|part| part.drafts.len()).sum();
        formatter.debug_struct("Step").field("records", &records).finish_non_exhaustive()
    }
}

impl Refusal {
    /// Begins a refusal with the id and the time of its step's stamp.
    #[allow(dead_code, reason = "only the engine refuses steps")]
    pub(crate) fn new(stamp: &Stamp) -> Self {
        Self(Draft::new(Event::StepRefused, stamp.id("step.refused"), stamp.now()))
    }

    /// Sets the review that the refused step belongs to.
    #[allow(dead_code, reason = "only the engine has reviews")]
    #[must_use]
    pub(crate) fn with_review(self, review: impl Into<String>) -> Self {
        Self(self.0.with_review(review))
    }

    /// Adds a field that says what was refused. `reason` and `taken` are set by the ledger.
    #[allow(dead_code, reason = "only the engine refuses steps")]
    #[must_use]
    pub(crate) fn with(self, name: impl Into<Cow<'static, str>>, value: impl Into<Value>) -> Self {
        Self(self.0.with(name, value))
    }

    /// Renders the refusal. If its content does not fit a record, the record goes without.
    pub(super) fn render(&self, kind: RefusalKind, key: &str) -> Option<Template> {
        let complete = |draft: Draft| draft.with("reason", kind.as_str()).with("taken", key).render().ok();
        complete(self.0.clone()).or_else(|| complete(self.0.clone().without_content()))
    }
}

impl RefusalKind {
    /// Returns the word that records hold.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Stale => "stale",
            Self::Replayed => "replayed",
            Self::LimitReached => "limit_reached",
            Self::Ended => "ended",
        }
    }
}

/// The right to make a step's result, once.
pub(super) struct Release<T>(Finish<T>);

impl<T: 'static> Release<T> {
    pub(super) fn now(self, fates: Vec<Fate>) -> T {
        self.0.run(&mut fates.into_iter())
    }
}

impl<T: 'static> Finish<T> {
    fn new(finish: impl FnOnce(&mut Fates) -> T + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(finish)))
    }

    fn run(self, fates: &mut Fates) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)(fates)
    }
}

/// What a part without a fate is told. The ledger gives each part one, so no part is told this.
const LOST: Fate = Fate::Refused { kind: RefusalKind::Stale, key: String::new(), at: None };
