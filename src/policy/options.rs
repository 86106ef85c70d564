//! What a host says when it loads a policy: what it fulfils, and the bounds that no document exceeds.

use std::collections::BTreeSet;
use std::time::Duration;

use crate::cel::Limits;
use crate::limits;

/// How a host loads a policy. A document cannot ask for more than the host allows.
///
/// Options that are not the default are part of the policy's digest: they decide, too.
///
/// ```
/// use std::time::Duration;
/// use countersign::{Action, Effect, PolicyOptions, Request, Resource, Subject};
///
/// let policy = PolicyOptions::new()
///     .fulfilling(["record_session"])
///     .with_max_grant(Duration::from_secs(1800))
///     .from_toml(
///         "format = 1\nname = 'x'\n[[zone]]\nid = 'z'\nwhen = 'true'\nmax_risk = 'high'\n\
///          obligations = ['record_session']\ngrant = { max = '8h', over = 'cap' }\n",
///     )?;
/// let request = Request::new(Subject::new("user", "ana"), Action::new("a"), Resource::new("b", "c"))
///     .with_duration(Duration::from_secs(7200));
/// let decision = policy.decide(&request, "2026-11-23T10:00:00Z".parse()?);
/// assert_eq!(decision.effect(), Effect::Allow);
/// assert_eq!(decision.duration(), Some(Duration::from_secs(1800)));
/// assert_eq!(decision.obligations().next().map(|owed| owed.kind()), Some("record_session"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyOptions {
    fulfils: BTreeSet<String>,
    pub(super) limits: Limits,
    pub(super) max_grant: Duration,
    pub(super) max_rules: usize,
    pub(super) max_bytes: usize,
}

impl PolicyOptions {
    /// Fulfils no obligation, and has the library's own bounds.
    #[must_use]
    pub fn new() -> Self {
        Self {
            fulfils: BTreeSet::new(),
            limits: Limits::default(),
            max_grant: limits::LONGEST_SPAN,
            max_rules: limits::POLICY_RULES,
            max_bytes: limits::POLICY_BYTES,
        }
    }

    /// Declares that the host fulfils these kinds of obligations: `notify`, `record_session`, `mask`, or
    /// names of its own. What would be allowed with another one is denied.
    #[must_use]
    pub fn fulfilling<'a>(mut self, kinds: impl IntoIterator<Item = &'a str>) -> Self {
        self.fulfils.extend(kinds.into_iter().map(str::to_owned));
        self
    }

    /// Sets how long a grant can hold at most; a rule's `max` above it is cut. At most
    /// [`limits::LONGEST_SPAN`].
    #[must_use]
    pub fn with_max_grant(mut self, longest: Duration) -> Self {
        self.max_grant = longest.min(limits::LONGEST_SPAN);
        self
    }

    /// Sets how much a condition may need.
    #[must_use]
    pub fn with_condition_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Options for a plan that was recorded: what the host's bounds let in once is in force under later ones.
    pub(super) fn recorded() -> Self {
        Self { limits: Limits::most(), ..Self::new() }
    }

    /// Sets how many rules a policy can have. At most [`limits::POLICY_RULES`].
    #[must_use]
    pub fn with_max_rules(mut self, rules: usize) -> Self {
        self.max_rules = rules.min(limits::POLICY_RULES);
        self
    }

    /// Sets how many bytes all documents together can have. At most [`limits::POLICY_BYTES`].
    #[must_use]
    pub fn with_max_bytes(mut self, bytes: usize) -> Self {
        self.max_bytes = bytes.min(limits::POLICY_BYTES);
        self
    }

    pub(super) fn fulfils(&self, kind: &str) -> bool {
        self.fulfils.contains(kind)
    }

    /// What of the options decides, for the digest: nothing where they are the default. The bounds of a
    /// document only say whether it loads.
    pub(super) fn text(&self) -> Option<String> {
        let Self { fulfils, max_grant, limits, .. } = self;
        let (steps, bytes) = limits.of_evaluation();
        let usual = Self::new();
        if fulfils.is_empty()
            && *max_grant == usual.max_grant
            && (steps, bytes) == usual.limits.of_evaluation()
        {
            return None;
        }
        let mut text = format!("max_grant {}\nsteps {steps}\nbytes {bytes}\n", max_grant.as_secs());
        for kind in fulfils {
            text.push_str(&format!("fulfils {} {kind}\n", kind.len()));
        }
        Some(text)
    }
}

impl Default for PolicyOptions {
    fn default() -> Self {
        Self::new()
    }
}
