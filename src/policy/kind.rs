//! The kinds of rules, and all rules of a policy with theirs.

use serde::Serialize;

use super::{Rule, Rules};

/// The kind of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RuleKind {
    /// `[[risk]]`
    Risk,
    /// `[[forbid]]`
    Forbid,
    /// `[[hold]]`
    Hold,
    /// `[[zone]]`
    Zone,
    /// `[[review]]`
    Review,
    /// `[[emergency]]`
    Emergency,
}

impl RuleKind {
    /// Returns the kind as a policy writes it.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Risk => "risk",
            Self::Forbid => "forbid",
            Self::Hold => "hold",
            Self::Zone => "zone",
            Self::Review => "review",
            Self::Emergency => "emergency",
        }
    }

    /// Says whether rules of the kind let something happen.
    pub(crate) fn opens(self) -> bool {
        matches!(self, Self::Zone | Self::Review | Self::Emergency)
    }
}

impl Rules {
    /// All rules with their kinds, in document order within each kind.
    pub(crate) fn all(&self) -> Vec<(RuleKind, &Rule)> {
        let risks = self.risks.iter().map(|(rule, _)| (RuleKind::Risk, rule));
        let forbids = self.forbids.iter().map(|rule| (RuleKind::Forbid, rule));
        let holds = self.holds.iter().map(|rule| (RuleKind::Hold, rule));
        let zones = self.zones.iter().map(|zone| (RuleKind::Zone, &zone.rule));
        let reviews = self.reviews.iter().map(|review| (RuleKind::Review, &review.rule));
        let emergencies = self.emergencies.iter().map(|rule| (RuleKind::Emergency, &rule.rule));
        risks.chain(forbids).chain(holds).chain(zones).chain(reviews).chain(emergencies).collect()
    }
}
