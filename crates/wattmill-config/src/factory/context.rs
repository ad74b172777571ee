//! What every reading function needs: the catalogue, and where problems go.

use std::collections::BTreeMap;
use std::ops::Range;

use wattmill_catalog::{Catalog, closest};
use wattmill_factory::{Hourly, Lengths, Uncertain, Weather};

use super::files::{Files, NO_FILES};
use super::spans::Spans;
use crate::{Diagnostic, Diagnostics, Severity};

/// A file of hours, brought onto the hours of the plan.
#[derive(Clone, Debug, Default)]
pub(super) struct Hours {
    /// Its columns, by name.
    pub columns: BTreeMap<&'static str, Hourly>,
    /// The same if the plan had the weather of each year that the file has whole, in their order. None
    /// unless weather varies.
    pub years: Vec<BTreeMap<&'static str, Hourly>>,
}

/// What a sample knows beforehand, by where it starts in the text.
#[derive(Clone, Copy)]
pub(super) struct Drawn<'c> {
    /// What was drawn for distributions.
    pub numbers: &'c BTreeMap<usize, f64>,
    /// Lengths of users, which no draw changes and which take long to tabulate.
    pub lengths: &'c BTreeMap<usize, Lengths>,
    /// Files of hours, which no draw changes.
    pub hours: &'c BTreeMap<usize, Hours>,
    /// Whose weather it has.
    pub weather: Weather,
}

/// Carried through the reading of one file.
pub(super) struct Context<'c> {
    pub catalog: &'c Catalog,
    pub files: &'c Files,
    pub spans: Spans,
    /// Every distribution so far, and where it starts in the text.
    pub uncertain: Vec<(usize, Uncertain)>,
    /// Every table of lengths so far, and where the users are written that have it.
    pub lengths: BTreeMap<usize, Lengths>,
    /// Every file of hours so far, and where it is named.
    pub hours: BTreeMap<usize, Hours>,
    /// Whether samples have weather of their own.
    pub weather_varies: bool,
    /// In a sample what was drawn.
    drawn: Option<Drawn<'c>>,
    problems: Vec<Diagnostic>,
    /// Where the text is not even TOML: what stands there was guessed.
    broken: Vec<Range<usize>>,
    /// Whether something may stand in the text that was not read as such.
    hides: bool,
}

impl<'c> Context<'c> {
    pub(super) fn new(catalog: &'c Catalog) -> Self {
        Self::with(catalog, &NO_FILES)
    }

    /// With the files that the text may name.
    pub(super) fn with(catalog: &'c Catalog, files: &'c Files) -> Self {
        Self {
            catalog,
            files,
            spans: Spans::default(),
            uncertain: Vec::new(),
            lengths: BTreeMap::new(),
            hours: BTreeMap::new(),
            weather_varies: false,
            drawn: None,
            problems: Vec::new(),
            broken: Vec::new(),
            hides: false,
        }
    }

    /// Reads with numbers that were drawn.
    pub(super) fn sample(catalog: &'c Catalog, drawn: Drawn<'c>) -> Self {
        Self { drawn: Some(drawn), ..Self::new(catalog) }
    }

    /// Whether numbers are drawn.
    pub(super) const fn sampling(&self) -> bool {
        self.drawn.is_some()
    }

    /// What was drawn for the distribution that starts at `at`.
    pub(super) fn drawn(&self, at: usize) -> Option<f64> {
        self.drawn?.numbers.get(&at).copied()
    }

    /// The lengths of users that are written at `at`, known from the first reading.
    pub(super) fn known_lengths(&self, at: usize) -> Option<Lengths> {
        self.drawn?.lengths.get(&at).cloned()
    }

    /// The file of hours that is named at `at`, known from the first reading.
    pub(super) fn known_hours(&self, at: usize) -> Option<&'c Hours> {
        self.drawn?.hours.get(&at)
    }

    /// Whose weather is read.
    pub(super) fn weather(&self) -> Weather {
        match self.drawn {
            _ if !self.weather_varies => Weather::Same,
            Some(drawn) => drawn.weather,
            None => Weather::Varies,
        }
    }

    /// Reports that the text is not TOML at `span`.
    pub(super) fn broken(&mut self, span: Range<usize>, message: &str) {
        // A day that no month has is still one value; anything else may swallow what follows.
        let date = message.starts_with("invalid date");
        self.hides |= !date;
        let (label, help) = match message {
            "duplicate key" => ("written before", "keep one of the two"),
            _ if date => ("not a day", "write a day like `2026-10-01`"),
            _ => (
                "this is not TOML",
                "text stands in double quotes, one `key = value` on a line; see https://toml.io",
            ),
        };
        self.problems.push(Diagnostic::error(span.clone(), message, label).with_help(help));
        self.broken.push(span);
    }

    /// Reports what makes the file unusable. Says nothing about what was guessed in place of
    /// broken text.
    pub(super) fn error(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        let guessed = |b: &Range<usize>| span.start <= b.end && b.start <= span.end;
        if !self.broken.iter().any(guessed) {
            self.problems.push(Diagnostic::error(span, message, label).with_help(help));
        }
    }

    /// Reports something absent, unless broken text may hide it.
    pub(super) fn missing(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        if !self.hides {
            self.error(span, message, label, help);
        }
    }

    /// Reports what is odd but usable.
    pub(super) fn warning(
        &mut self,
        span: Range<usize>,
        message: impl Into<String>,
        label: impl Into<String>,
        help: impl Into<String>,
    ) {
        self.problems.push(Diagnostic::warning(span, message, label).with_help(help));
    }

    /// What `wrong` may have meant.
    pub(super) fn closest<'a>(
        &self,
        wrong: &str,
        names: impl IntoIterator<Item = &'a str>,
    ) -> Option<&'a str> {
        closest(wrong, names, 1).first().copied()
    }

    /// Whether anything so far makes the file unusable.
    pub(super) fn failed(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }

    /// Everything reported, and where everything stands.
    pub(super) fn finish(self) -> (Diagnostics, Spans) {
        let mut diagnostics = Diagnostics::new();
        diagnostics.extend(self.problems);
        (diagnostics, self.spans)
    }
}
