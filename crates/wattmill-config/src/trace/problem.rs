//! What is wrong with a trace, where, and the way out.

use std::fmt;
use std::ops::Range;

use annotate_snippets::{AnnotationKind, Element, Level, Origin, Renderer, Snippet};

use crate::Diagnostic;
use crate::diagnostic::boundary_at_or_before;

/// How many problems of one trace are listed; the rest is counted.
pub(super) const MOST_LISTED: usize = 20;

/// Bytes of a line that are shown: those of a long prompt's block list help nobody.
const MOST_SHOWN: usize = 120;

/// One problem of a trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceProblem {
    /// Line, from 1.
    pub line: u64,
    /// Column in characters, from 1.
    pub column: u64,
    /// The line, or the part of it around the problem; none where the text gives out.
    pub text: Option<String>,
    /// What is wrong, what is allowed and the way out; its span counts in `text`.
    pub diagnostic: Diagnostic,
}

impl TraceProblem {
    /// With a span that counts in `text`, the whole line.
    pub(super) fn in_line(line: u64, text: &str, mut diagnostic: Diagnostic) -> Self {
        let start = boundary_at_or_before(text, diagnostic.span.start);
        let end = boundary_at_or_before(text, diagnostic.span.end).max(start);
        let (excerpt, span) = excerpt(text, start..end);
        diagnostic.span = span;
        let column = text[..start].chars().count() as u64 + 1;
        Self { line, column, text: Some(excerpt), diagnostic }
    }

    /// At the start of a line that cannot be shown.
    pub(super) const fn at_line(line: u64, diagnostic: Diagnostic) -> Self {
        Self { line, column: 1, text: None, diagnostic }
    }

    /// For people: each with the file's name, line and column, the line itself and the way out.
    ///
    /// `color` adds terminal colours.
    pub fn render_all(problems: &[Self], file_name: &str, color: bool) -> String {
        let renderer = renderer(color);
        let reports: Vec<_> = problems.iter().map(|p| p.render(file_name, &renderer)).collect();
        reports.join("\n")
    }

    fn render(&self, file_name: &str, renderer: &Renderer) -> String {
        let Diagnostic { severity, span, message, label, help } = &self.diagnostic;
        let line = usize::try_from(self.line).unwrap_or(usize::MAX);
        let column = usize::try_from(self.column).unwrap_or(usize::MAX);
        let place = || Origin::path(file_name).line(line).char_column(column);
        let mut elements: Vec<Element<'_>> = Vec::new();
        if let Some(text) = &self.text {
            let shown = Snippet::source(text.as_str())
                .line_start(line)
                .annotation(AnnotationKind::Primary.span(span.clone()).label(label.as_str()));
            // A snippet counts columns from its own start, which is not the line's if that was cut.
            if text[..span.start].chars().count() + 1 == column {
                elements.push(shown.path(file_name).into());
            } else {
                elements.extend([place().into(), shown.into()]);
            }
        } else {
            elements.push(place().into());
            if !label.is_empty() {
                elements.push(Level::NOTE.message(label.as_str()).into());
            }
        }
        if let Some(help) = help {
            elements.push(Level::HELP.message(help.as_str()).into());
        }
        let title = severity.level().primary_title(message.as_str());
        let mut report = renderer.render(&[title.elements(elements)]);
        report.push('\n');
        report
    }
}

impl fmt::Display for TraceProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: {}", self.line, self.column, self.diagnostic.message)?;
        match &self.diagnostic.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for TraceProblem {}

/// Why a trace cannot be used: every problem, up to twenty of them in full.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TraceErrors {
    /// The first twenty, in the order of the text.
    pub listed: Vec<TraceProblem>,
    /// How many more there are.
    pub more: u64,
}

impl TraceErrors {
    pub(super) fn push(&mut self, problem: TraceProblem) {
        if self.listed.len() < MOST_LISTED {
            self.listed.push(problem);
        } else {
            self.more += 1;
        }
    }

    /// How many there are in all.
    pub fn count(&self) -> u64 {
        self.listed.len() as u64 + self.more
    }

    /// For people, as [`TraceProblem::render_all`], and how many more there are.
    pub fn render(&self, file_name: &str, color: bool) -> String {
        let mut text = TraceProblem::render_all(&self.listed, file_name, color);
        if self.more > 0 {
            let more = self.more;
            let plural = if more == 1 { "" } else { "s" };
            let title = format!("{more} more problem{plural} of the same trace");
            text.push('\n');
            text.push_str(&renderer(color).render(&[annotate_snippets::Group::with_title(
                Level::ERROR.primary_title(title),
            )]));
            text.push('\n');
        }
        text
    }
}

impl fmt::Display for TraceErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.listed.first(), self.count()) {
            (Some(first), 1) => first.fmt(f),
            (Some(first), all) => write!(f, "{all} problems; the first: {first}"),
            (None, _) => f.write_str("no problems"),
        }
    }
}

impl std::error::Error for TraceErrors {}

const fn renderer(color: bool) -> Renderer {
    if color { Renderer::styled() } else { Renderer::plain() }
}

/// The part of a line around a span, and the span in it.
fn excerpt(line: &str, span: Range<usize>) -> (String, Range<usize>) {
    if line.len() <= MOST_SHOWN {
        return (line.to_owned(), span);
    }
    let from = boundary_at_or_before(line, span.start.saturating_sub(MOST_SHOWN / 3));
    let to = boundary_at_or_before(line, from + MOST_SHOWN);
    let head = if from > 0 { "…" } else { "" };
    let tail = if to < line.len() { "…" } else { "" };
    let moved = |at: usize| at.clamp(from, to) - from + head.len();
    (format!("{head}{}{tail}", &line[from..to]), moved(span.start)..moved(span.end))
}

/// A field as messages quote it: on one line, and short.
pub(super) fn quoted(text: &str) -> String {
    let cut = boundary_at_or_before(text, 40);
    let mut quoted = String::from("`");
    for c in text[..cut].chars() {
        if c.is_control() {
            quoted.extend(c.escape_default());
        } else {
            quoted.push(c);
        }
    }
    quoted + if cut < text.len() { "…`" } else { "`" }
}
