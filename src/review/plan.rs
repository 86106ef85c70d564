//! Whose approval is needed.
//!
//! A plan is a policy document that holds only what one review needs: the matched rules, the names they
//! read, the named conditions. It travels in the record that opens the review, so that a review can be
//! judged without the policy it came from.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::decision::Path;
use crate::limits;
use crate::policy::{May, Policy, ReviewRule};

/// Whose approval is needed.
#[derive(Clone)]
pub(super) struct Plan {
    policy: Policy,
    /// Each inner list is a group of reviews, of which one suffices; all groups must approve.
    pub(super) groups: Vec<Vec<usize>>,
    pub(super) text: Arc<str>,
}

impl Plan {
    /// Takes the reviews that a decision asks for out of its policy.
    pub(super) fn of(policy: &Policy, path: &Path) -> Option<Self> {
        let Path::Review { groups, .. } = path else { return None };
        let rule = |id: &Arc<str>| policy.rules().reviews.iter().find(|review| review.rule.id == *id);
        let mut rules: Vec<&ReviewRule> = Vec::new();
        let mut ids: Vec<Vec<&str>> = Vec::new();
        for group in groups.iter() {
            let members: Vec<&ReviewRule> = group.iter().map(rule).collect::<Option<_>>()?;
            ids.push(members.iter().map(|review| &*review.rule.id).collect());
            rules.extend(members);
        }
        let text = json!({ "document": policy.excerpt(&rules), "groups": ids }).to_string();
        Self::from_record(&text)
    }

    /// Reads a plan back from a record.
    pub(super) fn from_record(text: &str) -> Option<Self> {
        let json: serde_json::Value = serde_json::from_str(text).ok()?;
        let policy = Policy::from_record(&json.get("document")?.to_string()).ok()?;
        let reviews = &policy.rules().reviews;
        let place = |id: &serde_json::Value| {
            let id = id.as_str()?;
            reviews.iter().position(|review| &*review.rule.id == id)
        };
        let group = |ids: &serde_json::Value| ids.as_array()?.iter().map(place).collect::<Option<Vec<_>>>();
        let groups: Vec<Vec<usize>> =
            json.get("groups")?.as_array()?.iter().map(group).collect::<Option<_>>()?;
        let complete = !groups.is_empty() && groups.iter().all(|group| !group.is_empty());
        let staged = reviews.iter().all(|review| !review.stages.is_empty());
        (complete && staged).then(|| Self { policy, groups, text: text.into() })
    }

    pub(super) fn is_recordable(&self) -> bool {
        crate::text::escaped_len(&self.text) <= limits::PLAN_BYTES
    }

    /// How long the review stays open: as long as the most impatient of its rules.
    pub(super) fn expires(&self) -> Duration {
        self.reviews().iter().map(|review| review.expires).min().unwrap_or_default()
    }

    /// How old what the host attests of an approver may be when the quorum closes.
    pub(super) fn refresh(&self) -> Duration {
        self.reviews().iter().map(|review| review.refresh).min().unwrap_or_default()
    }

    /// What votes may change: what every review lets them.
    pub(super) fn may(&self) -> May {
        let all = |may: fn(&May) -> bool| self.reviews().iter().all(|review| may(&review.may));
        May {
            shorten: all(|may| may.shorten),
            start_later: all(|may| may.start_later),
            narrow: all(|may| may.narrow),
        }
    }

    /// The least that a shortened grant may be.
    pub(super) fn least(&self) -> Duration {
        self.reviews().iter().map(|review| review.grant.min).max().unwrap_or_default()
    }

    /// Whether a withdrawal after the approval revokes the grant.
    pub(super) fn revokes(&self) -> bool {
        self.reviews().iter().any(|review| review.revokes)
    }

    pub(super) fn reviews(&self) -> &[ReviewRule] {
        &self.policy.rules().reviews
    }

    pub(super) fn policy(&self) -> &Policy {
        &self.policy
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The text is all there is of it.
        formatter.debug_tuple("Plan").field(&self.text).finish()
    }
}
