//! What is wrong with a text, where, and the way out.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The text cannot be used.
    Error,
    /// It can, but probably not as meant.
    Warning,
}

impl Severity {
    /// As a word: `error`, `warning`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
        }
    }

    pub(crate) const fn level(self) -> Level<'static> {
        match self {
            Self::Error => Level::ERROR,
            Self::Warning => Level::WARNING,
        }
    }
}

/// One problem of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// Where, in bytes of the text; an empty range is a place between two characters.
    pub span: Range<usize>,
    /// What is wrong, as a fragment in lower case.
    pub message: String,
    /// What is allowed there; stands beside the span.
    pub label: String,
    /// The way out.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error without help.
    pub fn error(span: Range<usize>, message: impl Into<String>, label: impl Into<String>) -> Self {
        Self {
            severity: Severity::Error,
            span,
            message: message.into(),
            label: label.into(),
            help: None,
        }
    }

    /// A warning without help.
    pub fn warning(
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
    ) -> Self {
        Self { severity: Severity::Warning, ..Self::error(span, message, label) }
    }

    /// The same with a way out.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Line and column of the span's start, both from 1, the column in characters.
    ///
    /// ```
    /// # use wattmill_config::Diagnostic;
    /// let text = "name = \"µ\" ?\n";
    /// let d = Diagnostic::error(12..13, "unexpected `?`", "a new line is expected");
    /// assert_eq!(d.line_column(text), (1, 12));
    /// ```
    pub fn line_column(&self, text: &str) -> (usize, usize) {
        let start = boundary_at_or_before(text, self.span.start);
        let before = &text[..start];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    }
}

/// Every problem of one text, in the order of the text.
///
/// ```
/// use wattmill_config::{Diagnostic, Diagnostics};
/// let text = "power = \"1.2 GWh\"\n";
/// let mut all = Diagnostics::new();
/// all.push(
///     Diagnostic::error(8..17, "energy where power belongs", "W, kW, MW, GW")
///         .with_help("write \"1.2 GW\""),
/// );
/// assert!(all.has_errors());
/// assert!(all.render("factory.toml", text, false).contains("factory.toml:1:9"));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    sorted: Vec<Diagnostic>,
}

impl Diagnostics {
    /// None yet.
    pub const fn new() -> Self {
        Self { sorted: Vec::new() }
    }

    /// Adds one; of those at the same place the one pushed first stays first.
    pub fn push(&mut self, diagnostic: Diagnostic) {
        let at = self.sorted.partition_point(|d| d.span.start <= diagnostic.span.start);
        self.sorted.insert(at, diagnostic);
    }

    /// Whether any is an error.
    pub fn has_errors(&self) -> bool {
        self.sorted.iter().any(|d| d.severity == Severity::Error)
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.sorted.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.sorted.is_empty()
    }

    /// In the order of the text.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.sorted.iter()
    }

    /// For people: each with the file's name, line and column, the line itself and the way out.
    ///
    /// `text` is the text that the spans count in; `color` adds terminal colours.
    pub fn render(&self, file_name: &str, text: &str, color: bool) -> String {
        let renderer = if color { Renderer::styled() } else { Renderer::plain() };
        let reports: Vec<_> =
            self.sorted.iter().map(|d| render_one(d, file_name, text, &renderer)).collect();
        reports.join("\n")
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl Extend<Diagnostic> for Diagnostics {
    fn extend<I: IntoIterator<Item = Diagnostic>>(&mut self, diagnostics: I) {
        diagnostics.into_iter().for_each(|d| self.push(d));
    }
}

fn render_one(diagnostic: &Diagnostic, file_name: &str, text: &str, renderer: &Renderer) -> String {
    let start = boundary_at_or_before(text, diagnostic.span.start);
    let end = boundary_at_or_before(text, diagnostic.span.end).max(start);
    let group = diagnostic.severity.level().primary_title(diagnostic.message.as_str()).element(
        Snippet::source(text)
            .path(file_name)
            .annotation(AnnotationKind::Primary.span(start..end).label(diagnostic.label.as_str())),
    );
    let group = match &diagnostic.help {
        Some(help) => group.element(Level::HELP.message(help.as_str())),
        None => group,
    };
    let mut report = renderer.render(&[group]);
    report.push('\n');
    report
}

/// The last place a `str` may be cut at that is not after `at`.
pub(crate) fn boundary_at_or_before(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;
    use expect_test::expect;
    use proptest::prelude::*;

    const TEXT: &str = "name = \"Mill\"\n\n[[site]]\nname = \"abilène\"\ngrid = \"1.2 GWh\"\n";

    fn both() -> Diagnostics {
        let mut all = Diagnostics::new();
        let wrong = TEXT.find("\"1.2").unwrap();
        all.push(
            Diagnostic::error(wrong..wrong + 9, "energy where a power belongs", "W, kW, MW or GW")
                .with_help("write \"1.2 GW\""),
        );
        all.push(Diagnostic::warning(0..4, "unusual name", "any text"));
        all
    }

    #[test]
    fn they_are_told_in_the_order_of_the_text_with_a_way_out() {
        expect![[r#"
            warning: unusual name
             --> factory.toml:1:1
              |
            1 | name = "Mill"
              | ^^^^ any text

            error: energy where a power belongs
             --> factory.toml:5:8
              |
            5 | grid = "1.2 GWh"
              |        ^^^^^^^^^ W, kW, MW or GW
              |
              = help: write "1.2 GW"
        "#]]
        .assert_eq(&both().render("factory.toml", TEXT, false));
    }

    #[test]
    fn colour_is_there_only_when_asked_for() {
        assert!(!both().render("f", TEXT, false).contains('\u{1b}'));
        assert!(both().render("f", TEXT, true).contains('\u{1b}'));
    }

    #[test]
    fn of_two_at_one_place_the_first_stays_first() {
        let mut all = Diagnostics::new();
        all.push(Diagnostic::error(3..4, "first", ""));
        all.push(Diagnostic::error(3..4, "second", ""));
        all.push(Diagnostic::warning(0..1, "before", ""));
        let order: Vec<_> = all.iter().map(|d| d.message.as_str()).collect();
        assert_eq!(order, ["before", "first", "second"]);
    }

    #[test]
    fn columns_count_characters() {
        let quote = TEXT.find("\"abil").unwrap();
        let after = quote + "\"abilène\"".len();
        let at = |byte| Diagnostic::error(byte..byte, "", "").line_column(TEXT);
        assert_eq!(at(quote), (4, 8));
        assert_eq!(at(after), (4, 17));
        assert_eq!(at(TEXT.len()), (6, 1));
    }

    proptest! {
        #[test]
        fn no_span_makes_it_panic(text in ".{0,40}(\n.{0,20}){0,3}", a in 0usize..200, b in 0usize..200) {
            let mut all = Diagnostics::new();
            all.push(Diagnostic::error(a..b, "m", "l").with_help("h"));
            prop_assert!(all.render("f", &text, false).contains("help: h"));
            let (line, column) = all.iter().next().unwrap().line_column(&text);
            prop_assert!(line >= 1 && column >= 1);
        }
    }
}
