//! What is wrong with a policy, and where.
//!
//! A fault names its file, line and column, shows the line with a caret and says what was expected. All
//! faults of a document are reported, not the first.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::limits;
use crate::text::is_unprintable;

/// Everything that is wrong with a policy.
///
/// ```
/// let error = countersign::Policy::from_toml("format = 1\nname = 'x'\nrisks = 3\n").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "error: unknown key `risks`, did you mean `risk`?\n --> policy.toml:3:1\n  |\n3 | risks = 3\n  | ^^^^^"
/// );
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyError {
    faults: Vec<PolicyFault>,
}

/// One fault of a policy document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyFault {
    file: Arc<str>,
    line: usize,
    column: usize,
    /// What stands around the place, and how far into it the place is.
    excerpt: String,
    indent: usize,
    width: usize,
    message: String,
}

/// The texts of all documents, one behind the other, to which spans point.
#[derive(Debug, Clone)]
pub(crate) struct Source<'t> {
    /// Each file's name, and where its text starts.
    files: Vec<(Arc<str>, usize)>,
    text: &'t str,
}

/// Bytes of a document.
pub(crate) type Span = Range<usize>;

/// Collects faults while a document is read.
#[derive(Debug)]
pub(crate) struct Faults<'t> {
    source: Source<'t>,
    found: Vec<(Span, String)>,
    /// Faults beyond those that are told.
    more: usize,
}

impl PolicyError {
    pub(crate) fn new(mut faults: Vec<PolicyFault>) -> Self {
        faults.sort_by(|left, right| {
            (&left.file, left.line, left.column).cmp(&(&right.file, right.line, right.column))
        });
        // A parser that recovers meets the same end of a document once for each open bracket.
        faults.dedup();
        Self { faults }
    }

    /// Returns the faults, in the order of their places.
    pub fn faults(&self) -> impl ExactSizeIterator<Item = &PolicyFault> {
        self.faults.iter()
    }
}

impl PolicyFault {
    /// Returns the document's name.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// Returns the line, from 1.
    #[must_use]
    pub fn line(&self) -> usize {
        self.line
    }

    /// Returns the column in characters, from 1.
    #[must_use]
    pub fn column(&self) -> usize {
        self.column
    }

    /// Returns what was found and what was expected, in one line.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl<'t> Faults<'t> {
    pub(crate) fn new(source: Source<'t>) -> Self {
        Self { source, found: Vec::new(), more: 0 }
    }

    pub(crate) fn add(&mut self, span: &Span, message: impl Into<String>) {
        if self.found.len() < limits::POLICY_FAULTS {
            self.found.push((span.clone(), message.into()));
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    pub(crate) fn text(&self) -> &'t str {
        self.source.text
    }

    /// Names a place that another one is told about: its line, and its file where that is another.
    pub(crate) fn line(&self, place: &Span, beside: &Span) -> String {
        if self.found.len() >= limits::POLICY_FAULTS {
            return String::new();
        }
        let fault = self.source.fault(place, String::new());
        let line = fault.line;
        if self.source.fault(beside, String::new()).file == fault.file {
            format!("line {line}")
        } else {
            format!("line {line} of `{}`", crate::text::quote(&fault.file))
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    pub(crate) fn into_error(self) -> PolicyError {
        let Self { source, mut found, more } = self;
        if more > 0 {
            let end = source.text.trim_end().len();
            found.push((end..end, format!("{more} more faults")));
        }
        PolicyError::new(found.into_iter().map(|(span, message)| source.fault(&span, message)).collect())
    }
}

impl<'t> Source<'t> {
    /// Takes one document.
    pub(crate) fn new(file: &str, text: &'t str) -> Self {
        Self { files: vec![(file.into(), 0)], text }
    }

    /// Takes several documents: their texts joined, and where each starts, in this order.
    pub(crate) fn joined(files: Vec<(Arc<str>, usize)>, text: &'t str) -> Self {
        Self { files, text }
    }

    fn fault(&self, span: &Span, message: String) -> PolicyFault {
        let start = span.start.min(self.text.len());
        let (file, first) =
            self.files.iter().rfind(|(_, first)| *first <= start).cloned().unwrap_or_default();
        let before = self.text.get(first..start).unwrap_or_default();
        let line_start = first.saturating_add(before.rfind('\n').map_or(0, |index| index.saturating_add(1)));
        let line = self.text.get(line_start..).and_then(|rest| rest.lines().next()).unwrap_or_default();
        let prefix = self.text.get(line_start..start).unwrap_or_default();
        let marked = self.text.get(span.clone()).and_then(|text| text.lines().next()).unwrap_or_default();
        let column = prefix.chars().count().saturating_add(1);
        let cut = if line.chars().nth(LINE).is_some() { column.saturating_sub(LINE / 2) } else { 0 };
        let shown = line.chars().skip(cut).take(LINE);
        PolicyFault {
            file,
            line: before.matches('\n').count().saturating_add(1),
            column,
            excerpt: shown.map(|c| if is_unprintable(c) { ' ' } else { c }).collect(),
            indent: column.saturating_sub(1).saturating_sub(cut),
            width: marked.chars().take(LINE / 2).count().max(1),
            message,
        }
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, excerpt, indent, width, message } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        writeln!(formatter, "error: {message}")?;
        writeln!(formatter, "{margin}--> {file}:{line}:{column}")?;
        let (indent, caret) = (" ".repeat(*indent), "^".repeat(*width));
        write!(formatter, "{margin} |\n{number} | {excerpt}\n{margin} | {indent}{caret}")
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, fault) in self.faults.iter().enumerate() {
            if index > 0 {
                formatter.write_str("\n\n")?;
            }
            fault.fmt(formatter)?;
        }
        Ok(())
    }
}

impl std::error::Error for PolicyError {}

/// Characters of a source line that are shown: of a longer one, those around the place.
const LINE: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_line_is_shown_around_the_place() {
        let text = format!("{}here{}", "a".repeat(1_000), "b".repeat(1_000));
        let fault = Source::new("p", &text).fault(&(1_000..1_004), "found".to_owned());
        assert_eq!((fault.line(), fault.column()), (1, 1_001));
        let shown = fault.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let [.., source, carets] = lines.as_slice() else { panic!("expected lines") };
        assert_eq!(source.chars().count(), "1 | ".len() + LINE);
        assert_eq!(source.find("here"), carets.find("^^^^"));
    }
}
