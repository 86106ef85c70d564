//! An explanation as text, one fact a line.

use std::fmt;

use super::{Came, Change, Explanation, RuleAccount, TestAccount, Wait};
use crate::decision::Effect;

impl fmt::Display for Explanation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let decision = &self.decision;
        writeln!(formatter, "{}, {} risk", decision.effect.as_str(), decision.risk)?;
        for reason in decision.reasons() {
            writeln!(formatter, "  {reason}")?;
        }
        list(formatter, "decided by", self.deciding())?;
        list(formatter, "just missed", self.near_misses())?;
        list(formatter, "missing", decision.missing())?;
        list(formatter, "who may approve", self.approvals())?;
        if let Some(change) = self.change() {
            write!(formatter, "what would help\n  {change}\n")?;
            let known: Vec<_> = self.approvals().collect();
            for plan in change.approvals().filter(|plan| !known.contains(plan)) {
                writeln!(formatter, "    {plan}")?;
            }
        }
        if let Some(wait) = self.wait() {
            write!(formatter, "or wait\n  {wait}\n")?;
        }
        Ok(())
    }
}

impl fmt::Display for RuleAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let came = match self.came() {
            Came::Matched => "matches",
            Came::Missed => "does not match",
            Came::Failed => "could not be evaluated",
        };
        write!(formatter, "{} `{}` {came}", self.kind().as_str(), self.rule())?;
        for test in self.tests() {
            write!(formatter, "\n    {test}")?;
        }
        if self.more_tests() > 0 {
            write!(formatter, "\n    and {} more tests", self.more_tests())?;
        }
        for obstacle in self.obstacles() {
            write!(formatter, "\n    {obstacle}")?;
        }
        Ok(())
    }
}

impl fmt::Display for TestAccount {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "`{}`", self.test())?;
        if let Some(name) = self.within() {
            write!(formatter, " in `{name}`")?;
        }
        match self.problem() {
            Some(problem) => write!(formatter, " failed: {problem}")?,
            None => write!(formatter, " is {}", self.outcome())?,
        }
        for (index, seen) in self.saw().enumerate() {
            let before = if index == 0 { ": " } else { ", " };
            write!(formatter, "{before}{} is {}", seen.path(), seen.value())?;
        }
        Ok(())
    }
}

impl fmt::Display for Change {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps().enumerate() {
            let before = if index == 0 { "" } else { "; then " };
            write!(formatter, "{before}{step}")?;
        }
        if self.leads_to() == Effect::Allow {
            formatter.write_str("; then it is allowed")?;
        }
        Ok(())
    }
}

impl fmt::Display for Wait {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = self.at().to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
        let then = if self.leads_to() == Effect::Allow { "it is allowed" } else { "people may approve it" };
        write!(formatter, "until {at}: {then} then, if nothing else changes")
    }
}

fn list<T: fmt::Display>(
    formatter: &mut fmt::Formatter<'_>,
    title: &str,
    items: impl ExactSizeIterator<Item = T>,
) -> fmt::Result {
    if items.len() > 0 {
        writeln!(formatter, "{title}")?;
    }
    for item in items {
        writeln!(formatter, "  {item}")?;
    }
    Ok(())
}
