//! What is wrong with a policy, and where.
//!
//! A fault names its file, line and column, shows the line with a caret and says what was expected. All
//! faults of a document are reported, not the first. A finding of the linter is told in the same form; it has a
//! code beside, and most findings are no faults.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use super::lint::Lint;
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

/// One fault of a policy document, or one finding of the linter.
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
    lint: Option<Lint>,
    help: Option<String>,
}

/// The texts of all documents, one behind the other, to which spans point.
#[derive(Debug, Clone)]
pub(crate) struct Source<'t> {
    text: &'t str,
    lines: Arc<Lines>,
}

/// Bytes of a document.
pub(crate) type Span = Range<usize>;

/// Collects faults while a document is read.
#[derive(Debug)]
pub(crate) struct Faults<'t> {
    source: Source<'t>,
    found: Vec<Found>,
    /// Faults beyond those that are told.
    more: usize,
}

/// The lines of all documents, to say where something stands when their texts are gone.
#[derive(Debug)]
pub(crate) struct Lines {
    /// Each file's name, and where its text starts.
    files: Vec<(Arc<str>, usize)>,
    breaks: Box<[u32]>,
}

/// A fault or a finding before it is shown.
#[derive(Debug)]
struct Found {
    span: Span,
    message: String,
    lint: Option<Lint>,
    help: Option<String>,
}

impl PolicyError {
    pub(crate) fn new(faults: Vec<PolicyFault>) -> Self {
        Self { faults: in_order(faults) }
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

    /// Returns the code of a finding; `None` for a fault that has none.
    #[must_use]
    pub fn lint(&self) -> Option<Lint> {
        self.lint
    }

    /// Returns what to do about it, where that is known.
    #[must_use]
    pub fn help(&self) -> Option<&str> {
        self.help.as_deref()
    }

    /// Says whether a policy with it does not load.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.lint.is_none_or(Lint::is_error)
    }
}

impl<'t> Faults<'t> {
    pub(crate) fn new(source: Source<'t>) -> Self {
        Self { source, found: Vec::new(), more: 0 }
    }

    pub(crate) fn add(&mut self, span: &Span, message: impl Into<String>) {
        self.push(Found { span: span.clone(), message: message.into(), lint: None, help: None });
    }

    /// Adds a finding of the linter.
    pub(crate) fn find(
        &mut self,
        lint: Lint,
        span: &Span,
        message: impl Into<String>,
        help: impl Into<String>,
    ) {
        let help = Some(help.into()).filter(|help| !help.is_empty());
        self.push(Found { span: span.clone(), message: message.into(), lint: Some(lint), help });
    }

    /// Findings are as many as the rules give; only faults come from a text that may be anything.
    fn push(&mut self, found: Found) {
        let is_finding = found.lint.is_some_and(|lint| !lint.is_error());
        if is_finding || !self.is_full() {
            self.found.push(found);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    /// Makes a place for faults of the same document that are not told.
    pub(crate) fn beside(&self) -> Self {
        Self::new(self.source.clone())
    }

    pub(crate) fn text(&self) -> &'t str {
        self.source.text
    }

    pub(crate) fn lines(&self) -> Arc<Lines> {
        self.source.lines.clone()
    }

    /// Names a place that another one is told about: its line, and its file where that is another.
    pub(crate) fn line(&self, place: &Span, beside: &Span) -> String {
        let (file, line) = self.source.lines.of(place.start);
        if self.source.lines.of(beside.start).0 == file {
            format!("line {line}")
        } else {
            format!("line {line} of `{}`", crate::text::quote(&file))
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// Says whether further faults are only counted, so that their messages need not be made.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() >= limits::POLICY_FAULTS
    }

    pub(crate) fn into_error(self) -> PolicyError {
        PolicyError::new(self.shown())
    }

    /// Takes the findings that are no errors, in the order of their places; `None` if there is an error.
    pub(crate) fn into_warnings(self) -> Result<Vec<PolicyFault>, PolicyError> {
        let shown = self.shown();
        if shown.iter().any(PolicyFault::is_error) {
            let errors = shown.into_iter().filter(PolicyFault::is_error).collect();
            return Err(PolicyError::new(errors));
        }
        Ok(in_order(shown))
    }

    fn shown(self) -> Vec<PolicyFault> {
        let Self { source, mut found, more } = self;
        if more > 0 {
            let end = source.text.trim_end().len();
            found.push(Found {
                span: end..end,
                message: format!("{more} more faults"),
                lint: None,
                help: None,
            });
        }
        found.sort_by_key(|found| found.span.start);
        let mut column = Column::default();
        found.into_iter().map(|found| source.fault(found, &mut column)).collect()
    }
}

impl<'t> Source<'t> {
    /// Takes one document.
    pub(crate) fn new(file: &str, text: &'t str) -> Self {
        Self::joined(vec![(file.into(), 0)], text)
    }

    /// Takes several documents: their texts joined, and where each starts, in this order.
    pub(crate) fn joined(files: Vec<(Arc<str>, usize)>, text: &'t str) -> Self {
        let breaks = text.match_indices('\n').filter_map(|(place, _)| u32::try_from(place).ok()).collect();
        Self { text, lines: Arc::new(Lines { files, breaks }) }
    }

    fn fault(&self, found: Found, column: &mut Column) -> PolicyFault {
        let Found { span, message, lint, help } = found;
        let start = span.start.min(self.text.len());
        let (file, number) = self.lines.of(start);
        let line = self.lines.around(start, self.text);
        let before = self.text.get(line.start..start).unwrap_or_default();
        let column = column.of(line.start, before);
        let text = self.text.get(line).unwrap_or_default();
        let is_long = text.chars().nth(LINE).is_some();
        let cut = if is_long { column.saturating_sub(LINE / 2) } else { 0 };
        let indent = column.saturating_sub(1).saturating_sub(cut);
        let shown = before.char_indices().rev().take(indent).last().map_or(before.len(), |(first, _)| first);
        let shown = text.get(shown..).unwrap_or_default().chars().take(LINE);
        let marked =
            self.text.get(span).unwrap_or_default().chars().take_while(|c| !matches!(c, '\n' | '\r'));
        PolicyFault {
            file,
            line: number,
            column,
            excerpt: shown.map(|c| if is_unprintable(c) { ' ' } else { c }).collect(),
            indent,
            width: marked.take(LINE / 2).count().max(1),
            message,
            lint,
            help,
        }
    }
}

/// Counts the columns of places that are asked for in order: a line is gone through once, however many
/// places it has.
#[derive(Default)]
struct Column {
    line: usize,
    /// Bytes of the line that are counted, and the characters that they are.
    counted: usize,
    characters: usize,
}

impl Column {
    /// Says in which column of the line, from 1, stands what is behind a text of it.
    fn of(&mut self, line: usize, before: &str) -> usize {
        if line != self.line {
            *self = Self { line, ..Self::default() };
        }
        let more = before.get(self.counted..).unwrap_or_default();
        self.characters = self.characters.saturating_add(more.chars().count());
        self.counted = self.counted.max(before.len());
        self.characters.saturating_add(1)
    }
}

impl Lines {
    /// Returns the file of a place, and its line there, from 1.
    pub(crate) fn of(&self, place: usize) -> (Arc<str>, usize) {
        let (file, first) =
            self.files.iter().rfind(|(_, first)| *first <= place).cloned().unwrap_or_default();
        let line = self.above(place).saturating_sub(self.above(first));
        (file, line.saturating_add(1))
    }

    /// Finds the bytes of the line that a place stands in, without its end.
    fn around(&self, place: usize, text: &str) -> Span {
        let above = self.above(place);
        let line_break = |index: usize| self.breaks.get(index).and_then(|place| usize::try_from(*place).ok());
        let start = above.checked_sub(1).and_then(line_break).map_or(0, |place| place.saturating_add(1));
        let end = line_break(above).unwrap_or(text.len());
        let is_windows = text.get(start..end).is_some_and(|line| line.ends_with('\r'));
        start..if is_windows { end.saturating_sub(1) } else { end }
    }

    fn above(&self, place: usize) -> usize {
        let place = u32::try_from(place).unwrap_or(u32::MAX);
        self.breaks.partition_point(|line_break| *line_break < place)
    }
}

impl fmt::Display for PolicyFault {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, column, excerpt, indent, width, message, lint, help } = self;
        let number = line.to_string();
        let margin = " ".repeat(number.len());
        formatter.write_str(if self.is_error() { "error" } else { "warning" })?;
        if let Some(lint) = lint {
            write!(formatter, "[{lint}]")?;
        }
        writeln!(formatter, ": {message}")?;
        writeln!(formatter, "{margin}--> {file}:{line}:{column}")?;
        let (indent, caret) = (" ".repeat(*indent), "^".repeat(*width));
        write!(formatter, "{margin} |\n{number} | {excerpt}\n{margin} | {indent}{caret}")?;
        match help {
            Some(help) => write!(formatter, "\n{margin} = help: {help}"),
            None => Ok(()),
        }
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

/// Sorts by place. A parser that recovers meets the same end of a document once for each open bracket.
fn in_order(mut faults: Vec<PolicyFault>) -> Vec<PolicyFault> {
    faults.sort_by(|left, right| {
        let place = |fault: &PolicyFault| (fault.line, fault.column, fault.lint);
        left.file.cmp(&right.file).then_with(|| place(left).cmp(&place(right)))
    });
    faults.dedup();
    faults
}

/// Characters of a source line that are shown: of a longer one, those around the place.
const LINE: usize = 160;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_line_is_shown_around_the_place() {
        let text = format!("{}here{}", "a".repeat(1_000), "b".repeat(1_000));
        let found = Found { span: 1_000..1_004, message: "found".to_owned(), lint: None, help: None };
        let fault = Source::new("p", &text).fault(found, &mut Column::default());
        assert_eq!((fault.line(), fault.column()), (1, 1_001));
        let shown = fault.to_string();
        let lines: Vec<&str> = shown.lines().collect();
        let [.., source, carets] = lines.as_slice() else { panic!("expected lines") };
        assert_eq!(source.chars().count(), "1 | ".len() + LINE);
        assert_eq!(source.find("here"), carets.find("^^^^"));
    }

    #[test]
    fn places_of_one_line_are_counted_in_characters_whatever_their_order() {
        let text = "first\r\n\u{e9}\u{e9} one \u{e9} two\nlast";
        let mut faults = Faults::new(Source::new("p", text));
        for word in ["two", "last", "one", "first", "one"] {
            let start = text.find(word).unwrap();
            faults.add(&(start..start.saturating_add(word.len())), word);
        }
        let error = faults.into_error();
        let found = error.faults().map(|fault| (fault.line(), fault.column(), fault.message()));
        assert_eq!(
            found.collect::<Vec<_>>(),
            [(1, 1, "first"), (2, 4, "one"), (2, 10, "two"), (3, 1, "last")]
        );
        let shown = error.faults().next().unwrap().to_string();
        assert!(shown.ends_with("1 | first\n  | ^^^^^"), "{shown}");
    }
}
