//! A comparison as text.

use std::fmt;

use super::{DecisionChange, DiffExample, DiffGroup, Direction, PolicyDiff};

impl fmt::Display for Direction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.as_str())
    }
}

impl fmt::Display for PolicyDiff {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |direction| self.count(direction);
        writeln!(
            formatter,
            "{} requests: {} loosen, {} may loosen, {} tighten, {} the same",
            self.compared,
            count(Direction::Loosens),
            count(Direction::Unclear),
            count(Direction::Tightens),
            self.same
        )?;
        for group in &self.groups {
            writeln!(formatter, "{group}\n  {}", group.example)?;
            for change in group.example.changes() {
                writeln!(formatter, "    {change}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for DiffGroup {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{} {}: ", self.direction, self.count)?;
        if self.old == self.new {
            write!(formatter, "{} as before, with other {}", self.old.as_str(), self.changed.join(", "))?;
        } else {
            write!(formatter, "{} becomes {}", self.old.as_str(), self.new.as_str())?;
        }
        let named =
            [("no more by", &self.no_more_by), ("now by", &self.now_by), ("still by", &self.still_by)];
        for (words, rules) in named.into_iter().filter(|(_, rules)| !rules.is_empty()) {
            write!(formatter, ", {words} `{}`", rules.join("`, `"))?;
        }
        Ok(())
    }
}

impl fmt::Display for DiffExample {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { number, subject, action, resource, .. } = self;
        write!(formatter, "e.g. request {number}: `{subject}`, `{action}` on `{resource}`")
    }
}

impl fmt::Display for DecisionChange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nothing = |text: &str| if text.is_empty() { "nothing".to_owned() } else { text.to_owned() };
        write!(
            formatter,
            "{}: {}, was {} ({})",
            self.what,
            nothing(&self.new),
            nothing(&self.old),
            self.direction
        )
    }
}

impl Direction {
    fn as_str(self) -> &'static str {
        match self {
            Self::Loosens => "loosens",
            Self::Unclear => "may loosen",
            Self::Tightens => "tightens",
        }
    }
}
