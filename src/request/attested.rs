//! What only the host can know of whoever asks: how they signed in, and what they have used up.

use chrono::{DateTime, Utc};

/// How and when the subject signed in, as the host attests it (RFC 8176 `amr`, OpenID Connect `acr` and
/// `auth_time`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Auth {
    pub(crate) methods: Vec<String>,
    pub(crate) class: Option<String>,
    pub(crate) time: DateTime<Utc>,
}

/// What has been used up already, as the host counts it for this subject. It may be stale: a limit is
/// enforced again where its slot is recorded.
///
/// ```
/// use countersign::Usage;
///
/// let usage = Usage::none().with_used("reads-outside-production", 3);
/// assert_eq!(usage.used("reads-outside-production"), 3);
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Usage {
    pub(crate) limits: Vec<(String, u64)>,
    pub(crate) emergencies: u64,
    pub(crate) overdue_reviews: u64,
}

impl Auth {
    /// Says that the subject signed in at `time` by the given methods, such as `otp` or `hwk` (RFC 8176).
    pub fn new<S: Into<String>>(methods: impl IntoIterator<Item = S>, time: DateTime<Utc>) -> Self {
        Self { methods: methods.into_iter().map(Into::into).collect(), class: None, time }
    }

    /// Sets the class of the sign-in, such as `urn:example:mfa` (`acr`).
    #[must_use]
    pub fn with_class(mut self, class: impl Into<String>) -> Self {
        self.class = Some(class.into());
        self
    }
}

impl Usage {
    /// Says that nothing has been used and nothing is owed.
    #[must_use]
    pub fn none() -> Self {
        Self::default()
    }

    /// Sets how many slots of a rule's limit are used in the current window.
    #[must_use]
    pub fn with_used(mut self, rule: impl Into<String>, count: u64) -> Self {
        self.limits.push((rule.into(), count));
        self
    }

    /// Sets how many emergencies the subject has used so far, ever.
    #[must_use]
    pub fn with_emergencies(mut self, count: u64) -> Self {
        self.emergencies = count;
        self
    }

    /// Sets how many reviews the subject owes past their deadline.
    #[must_use]
    pub fn with_overdue_reviews(mut self, count: u64) -> Self {
        self.overdue_reviews = count;
        self
    }

    /// Returns how many slots of a rule's limit are used.
    #[must_use]
    pub fn used(&self, rule: &str) -> u64 {
        self.limits.iter().filter(|(known, _)| known == rule).map(|(_, count)| *count).max().unwrap_or(0)
    }
}
