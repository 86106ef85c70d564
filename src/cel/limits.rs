//! What a condition may cost, as the host sets it.
//!
//! Starts from the bounds of [`crate::limits`]. A host may set each lower, and some higher; what keeps the
//! parser and the evaluator on the stack, and load in bounded time, can only be set lower. A value outside is
//! brought to the nearest that is safe, so no setting takes a bound away.

use crate::limits;

/// Bounds of every condition of an environment.
///
/// ```
/// use countersign::cel::{Access, Environment, Limits, Program, Type};
///
/// let limits = Limits::default().with_source_bytes(1_000).with_nesting(5);
/// let mut environment = Environment::new();
/// environment.set_limits(limits);
/// environment.declare("x", Type::Int);
///
/// let faults = Program::condition("((((((x))))) == 1", &environment, &Access::free()).unwrap_err();
/// assert_eq!(faults[0].to_string(), "condition is nested deeper than 5");
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    pub(super) source_bytes: usize,
    pub(super) tokens: usize,
    pub(super) nodes: usize,
    pub(super) nesting: usize,
    pub(super) height: usize,
    pub(super) steps: u32,
    pub(super) bytes: u32,
}

impl Default for Limits {
    /// The bounds of [`crate::limits`].
    fn default() -> Self {
        Self {
            source_bytes: limits::CONDITION_BYTES,
            tokens: limits::CONDITION_TOKENS,
            nodes: limits::CONDITION_NODES,
            nesting: limits::CONDITION_NESTING,
            height: limits::CONDITION_HEIGHT,
            steps: limits::EVALUATION_STEPS,
            bytes: limits::EVALUATION_BYTES,
        }
    }
}

impl Limits {
    /// Sets the bytes of a condition's text: 1 to 65,536, [`limits::CONDITION_BYTES`] by default.
    #[must_use]
    pub fn with_source_bytes(mut self, bytes: usize) -> Self {
        self.source_bytes = bytes.clamp(1, MOST_SOURCE_BYTES);
        self
    }

    /// Sets the words and signs of a condition: 1 to 16,384, [`limits::CONDITION_TOKENS`] by default.
    #[must_use]
    pub fn with_tokens(mut self, tokens: usize) -> Self {
        self.tokens = tokens.clamp(1, MOST_PARTS);
        self
    }

    /// Sets the nodes of a condition, its definitions expanded: 1 to 16,384, [`limits::CONDITION_NODES`] by
    /// default.
    #[must_use]
    pub fn with_nodes(mut self, nodes: usize) -> Self {
        self.nodes = nodes.clamp(1, MOST_PARTS);
        self
    }

    /// Sets how deep brackets stand in brackets: 1 to [`limits::CONDITION_NESTING`], which is the default. The
    /// parser recurses on them, and more would need a larger stack than a thread may have.
    #[must_use]
    pub fn with_nesting(mut self, levels: usize) -> Self {
        self.nesting = levels.clamp(1, limits::CONDITION_NESTING);
        self
    }

    /// Sets the longest way down a condition's tree: 1 to [`limits::CONDITION_HEIGHT`], which is the default,
    /// for the same reason.
    #[must_use]
    pub fn with_height(mut self, nodes: usize) -> Self {
        self.height = nodes.clamp(1, limits::CONDITION_HEIGHT);
        self
    }

    /// Sets the steps of one evaluation, some 13 ns each: 1 to 1,000,000, [`limits::EVALUATION_STEPS`] by
    /// default. It bounds the static cost of a condition too, so what loads is never cut short by a request
    /// within its bounds.
    #[must_use]
    pub fn with_steps(mut self, steps: u32) -> Self {
        self.steps = steps.clamp(1, MOST_STEPS);
        self
    }

    /// Sets the bytes that one evaluation may build: up to 16 MiB, [`limits::EVALUATION_BYTES`] by default.
    #[must_use]
    pub fn with_bytes(mut self, bytes: u32) -> Self {
        self.bytes = bytes.min(MOST_BYTES);
        self
    }

    /// The highest bounds that a host can set: under these loads whatever loaded under the host's.
    pub(crate) fn most() -> Self {
        Self {
            source_bytes: MOST_SOURCE_BYTES,
            tokens: MOST_PARTS,
            nodes: MOST_PARTS,
            steps: MOST_STEPS,
            bytes: MOST_BYTES,
            ..Self::default()
        }
    }

    /// What an evaluation has, which can decide how a condition ends: steps, and bytes.
    pub(crate) fn of_evaluation(self) -> (u32, u32) {
        (self.steps, self.bytes)
    }

    /// The steps that a condition may need in the worst case.
    pub(super) fn cost(self) -> u64 {
        u64::from(self.steps)
    }
}

/// Four times the default: guards are compared with each other, so the time to load grows with the square.
const MOST_SOURCE_BYTES: usize = 65_536;
const MOST_PARTS: usize = 16_384;

/// Some 13 ms of one core, or a fifth of a second without optimisation.
const MOST_STEPS: u32 = 1_000_000;

/// What a small container can spare to each of a hundred evaluations at once.
const MOST_BYTES: u32 = 16_777_216;
