//! What the events are evidence of.
//!
//! A table from events to controls of five frameworks, for whoever prepares an audit. A record supports a
//! control; that it is fulfilled depends on how the host is run.

use super::super::Event;

/// A control of a framework.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Control {
    /// `SOC 2`, `HIPAA`, `PCI DSS`, `NIST 800-53` or `GDPR`.
    pub framework: &'static str,
    /// Its numbers there.
    pub ids: &'static [&'static str],
}

/// Returns what an event is evidence of, one row for each framework.
pub(super) fn of(event: Event) -> &'static [Control] {
    match event {
        Event::RequestDecided | Event::StepRefused | Event::ReviewVoteRefused => &DECISION,
        Event::GrantAuthorized | Event::GrantExtended | Event::GrantRecovered | Event::GrantRedeemed => {
            &ACCESS
        }
        Event::GrantRevoked => &REVOCATION,
        Event::EmergencyOwed | Event::EmergencySettled => &EMERGENCY,
        Event::PolicyLoaded => &POLICY,
        Event::KeyRotated
        | Event::StreamOpened
        | Event::StreamClosed
        | Event::ChildOpened
        | Event::ChildCheckpointed
        | Event::ChildClosed => &LOG,
        Event::RecordErased => &ERASURE,
        Event::LogExported => &DISCLOSURE,
        Event::ReviewOpened
        | Event::ReviewVoted
        | Event::ReviewCommented
        | Event::ReviewRefreshed
        | Event::ReviewReplanned
        | Event::ReviewStagePassed
        | Event::ReviewStageReopened
        | Event::ReviewStageSkipped
        | Event::ReviewReminded
        | Event::ReviewEscalated
        | Event::ReviewFellBack
        | Event::ReviewScheduled
        | Event::ReviewUnscheduled
        | Event::ReviewNeedsFresh
        | Event::ReviewApproved
        | Event::ReviewRejected
        | Event::ReviewExpired
        | Event::ReviewWithdrawn
        | Event::ReviewSuperseded => &APPROVAL,
    }
}

/// SOC 2: Trust Services Criteria of 2017. HIPAA: 45 CFR 164.312. PCI DSS: version 4.0, requirement 10. NIST
/// 800-53: revision 5, families AC and AU. GDPR: Regulation (EU) 2016/679.
const fn row(ids: [&'static [&'static str]; 5]) -> [Control; 5] {
    let [soc, hipaa, pci, nist, gdpr] = ids;
    [
        Control { framework: "SOC 2", ids: soc },
        Control { framework: "HIPAA", ids: hipaa },
        Control { framework: "PCI DSS", ids: pci },
        Control { framework: "NIST 800-53", ids: nist },
        Control { framework: "GDPR", ids: gdpr },
    ]
}

/// Somebody asked, and what was answered.
static DECISION: [Control; 5] = row([
    &["CC6.1", "CC6.3", "CC7.2"],
    &["164.312(a)(1)", "164.312(b)"],
    &["10.2.1.4", "10.2.2"],
    &["AC-3", "AC-6", "AU-2", "AU-3", "AU-12"],
    &["Art. 5(2)", "Art. 32(1)(b)"],
]);

/// People were asked, and what they said.
static APPROVAL: [Control; 5] = row([
    &["CC6.3", "CC8.1"],
    &["164.312(a)(1)", "164.312(b)"],
    &["10.2.1.2", "10.2.2"],
    &["AC-3(2)", "AC-5", "AC-6", "AU-3", "AU-10"],
    &["Art. 5(2)", "Art. 32(1)(b)"],
]);

/// Somebody got a privilege, or used it.
static ACCESS: [Control; 5] = row([
    &["CC6.1", "CC6.2", "CC6.3"],
    &["164.312(a)(1)", "164.312(b)", "164.312(d)"],
    &["10.2.1.1", "10.2.1.2", "10.2.1.5", "10.2.2"],
    &["AC-2", "AC-3", "AC-6(9)", "AU-3", "AU-12"],
    &["Art. 5(1)(f)", "Art. 5(2)", "Art. 32(1)(b)"],
]);

/// A privilege ended early.
static REVOCATION: [Control; 5] = row([
    &["CC6.3", "CC7.4"],
    &["164.312(a)(1)", "164.312(b)"],
    &["10.2.1.5", "10.2.2"],
    &["AC-2", "AC-3(8)", "AU-12"],
    &["Art. 5(1)(f)", "Art. 32(1)(b)"],
]);

/// Break-glass, and the review that it owed.
static EMERGENCY: [Control; 5] = row([
    &["CC6.3", "CC7.3", "CC7.4"],
    &["164.312(a)(2)(ii)", "164.312(b)"],
    &["10.2.1.2", "10.4.1"],
    &["AC-3(10)", "AC-6(9)", "AU-6", "AU-12"],
    &["Art. 5(2)", "Art. 32(1)(b)"],
]);

/// What decides changed.
static POLICY: [Control; 5] = row([
    &["CC6.1", "CC8.1"],
    &["164.312(a)(1)", "164.312(b)"],
    &["10.2.1.2", "10.2.1.7"],
    &["AC-3", "AC-6(9)", "AU-12"],
    &["Art. 5(2)", "Art. 25", "Art. 32(1)(d)"],
]);

/// The log began, ended, was anchored, or changed its key.
static LOG: [Control; 5] = row([
    &["CC7.1", "CC7.2"],
    &["164.312(b)", "164.312(c)(1)"],
    &["10.2.1.6", "10.3.2", "10.3.4"],
    &["AU-9", "AU-9(3)", "AU-10", "AU-12"],
    &["Art. 5(1)(f)", "Art. 5(2)"],
]);

/// Personal values were deleted.
static ERASURE: [Control; 5] = row([
    &["P4.3", "C1.2"],
    &["164.312(b)", "164.312(c)(1)"],
    &["10.3.2"],
    &["AU-9", "AU-11"],
    &["Art. 5(1)(e)", "Art. 5(2)", "Art. 17"],
]);

/// Somebody read or got records.
static DISCLOSURE: [Control; 5] = row([
    &["CC6.1", "CC7.2"],
    &["164.312(b)"],
    &["10.2.1.3", "10.3.1"],
    &["AU-6", "AU-9", "AU-12"],
    &["Art. 5(2)", "Art. 32(1)(b)"],
]);
