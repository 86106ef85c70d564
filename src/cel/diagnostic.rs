//! What is wrong with a condition, and where.
//!
//! A fault names its bytes in the source, says what was found and expected, and often what to write
//! instead. All faults of a condition are reported, up to a bound.

use std::fmt::{self, Write};
use std::ops::Range;

/// How much a diagnostic weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The condition cannot be used.
    Error,
    /// The condition can be used and probably does not say what was meant.
    Warning,
}

/// One fault of a condition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// The bytes of the source that it is about.
    pub span: Range<usize>,
    /// What is wrong, in one line.
    pub message: String,
    /// What to write instead, where that is known.
    pub help: Option<String>,
    /// Whether the condition can be used.
    pub severity: Severity,
}

/// A stretch of the source, in bytes. Sources are far shorter than 4 GiB.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
}

impl Diagnostic {
    pub(super) fn error(span: Span, message: impl Into<String>) -> Self {
        Self { span: span.range(), message: message.into(), help: None, severity: Severity::Error }
    }

    pub(super) fn warning(span: Span, message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message) }
    }

    pub(super) fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Renders the diagnostic with its source line and carets below the bytes it is about.
    ///
    /// `source` is the text that was compiled; other text gives a misplaced caret, never a panic.
    #[must_use]
    pub fn render(&self, source: &str) -> String {
        let start = floor(source, self.span.start);
        let before = source.get(..start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |index| index.saturating_add(1));
        let line = source.get(line_start..).unwrap_or_default().lines().next().unwrap_or_default();
        let number = before.matches('\n').count().saturating_add(1);
        let prefix = source.get(line_start..start).unwrap_or_default();
        let marked = source.get(start..floor(source, self.span.end)).unwrap_or_default();
        let width = marked.lines().next().unwrap_or_default().chars().count().max(1);
        let column = prefix.chars().count();
        let label = match self.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let mut text = format!("{label}: {}\n", self.message);
        if line.chars().count() <= LINE {
            let gutter = number.to_string();
            let pad = " ".repeat(gutter.len());
            text.push_str(&format!(
                "{pad} |\n{gutter} | {line}\n{pad} | {}{}",
                " ".repeat(column),
                "^".repeat(width.min(LINE))
            ));
        } else {
            text.push_str(&format!("  at line {number}, column {}", column.saturating_add(1)));
        }
        if let Some(help) = &self.help {
            text.push_str("\n  help: ");
            text.push_str(help);
        }
        text
    }
}

impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(formatter, ", {help}"),
            None => Ok(()),
        }
    }
}

impl Span {
    pub(super) fn new(start: usize, end: usize) -> Self {
        Self { start: u32::try_from(start).unwrap_or(u32::MAX), end: u32::try_from(end).unwrap_or(u32::MAX) }
    }

    pub(super) fn to(self, other: Self) -> Self {
        Self { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    pub(super) fn range(self) -> Range<usize> {
        usize::try_from(self.start).unwrap_or(usize::MAX)..usize::try_from(self.end).unwrap_or(usize::MAX)
    }
}

/// Puts outside text into back-ticks, escaped and cut, where it is shown at all.
pub(super) fn quote(text: &str) -> Quoted<'_> {
    Quoted(text)
}

/// Text that is shown in back-ticks.
#[derive(Clone, Copy)]
pub(super) struct Quoted<'t>(&'t str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_char('`')?;
        for letter in self.0.chars().take(QUOTED) {
            if letter.is_control() || letter == '`' {
                write!(formatter, "{}", letter.escape_default())?;
            } else {
                formatter.write_char(letter)?;
            }
        }
        formatter.write_str(if self.0.chars().nth(QUOTED).is_some() { "…`" } else { "`" })
    }
}

fn floor(source: &str, index: usize) -> usize {
    let mut index = index.min(source.len());
    while !source.is_char_boundary(index) {
        index = index.saturating_sub(1);
    }
    index
}

/// Characters of a source line that are shown under a caret.
const LINE: usize = 160;

/// Characters of outside text in a message.
const QUOTED: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_shown_under_its_line() {
        let source = "a &&\n  bcd";
        let found =
            Diagnostic::error(Span::new(7, 10), "unknown attribute `bcd`").with_help("did you mean `bce`?");
        let expected =
            "error: unknown attribute `bcd`\n  |\n2 |   bcd\n  |   ^^^\n  help: did you mean `bce`?";
        assert_eq!(found.render(source), expected);
        assert_eq!(
            found.render(""),
            "error: unknown attribute `bcd`\n  |\n1 | \n  | ^\n  help: did you mean `bce`?"
        );
    }
}
