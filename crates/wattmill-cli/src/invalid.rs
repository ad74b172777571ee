//! Input that is wrong: every problem, for people and for programs.

use std::io::IsTerminal;

use wattmill::config::{Diagnostic, Diagnostics, Severity, TraceErrors, TraceProblem};
use wattmill::report::{DiagnosticEntry, DiagnosticSeverity, check_document};

/// A text and what to call it in messages.
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) text: String,
}

/// Whether messages may be coloured.
pub(crate) fn colored() -> bool {
    std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none()
}

/// Everything wrong with one input.
#[derive(Debug)]
pub(crate) struct Invalid {
    /// Name of the file or flag.
    name: String,
    /// As a person reads it.
    rendered: String,
    /// As a program reads it.
    entries: Vec<DiagnosticEntry>,
}

impl Invalid {
    /// A text with diagnostics.
    pub(crate) fn text(named: &Named, diagnostics: &Diagnostics) -> Self {
        Self {
            name: named.name.clone(),
            rendered: diagnostics.render(&named.name, &named.text, colored()),
            entries: entries(named, diagnostics),
        }
    }

    /// A trace.
    pub(crate) fn trace(name: &str, errors: &TraceErrors) -> Self {
        let entry = |problem: &TraceProblem| {
            let place = Some((problem.line, problem.column));
            entry(name, &problem.diagnostic, place)
        };
        let mut entries: Vec<DiagnosticEntry> = errors.listed.iter().map(entry).collect();
        if errors.more > 0 {
            let message = format!("{} more problems of the same trace", errors.more);
            entries.push(without_place(name, &message, None));
        }
        Self { name: name.to_owned(), rendered: errors.render(name, colored()), entries }
    }

    /// Problems without a place in a text, such as those of a flag, each with its way out if any.
    pub(crate) fn plain(name: &str, problems: &[(String, Option<String>)]) -> Self {
        let mut rendered = String::new();
        for (message, help) in problems {
            rendered.push_str(&format!("error: {name}: {message}\n"));
            if let Some(help) = help {
                rendered.push_str(&format!("  help: {help}\n"));
            }
        }
        let entries = problems.iter().map(|(m, help)| without_place(name, m, help.clone()));
        Self { name: name.to_owned(), rendered, entries: entries.collect() }
    }

    /// As a person reads it.
    pub(crate) fn rendered(&self) -> &str {
        &self.rendered
    }

    /// As one JSON document.
    pub(crate) fn document(&self) -> String {
        check_document(&self.name, None, &self.entries, None)
    }
}

/// Diagnostics of a text as plain data.
pub(crate) fn entries(named: &Named, diagnostics: &Diagnostics) -> Vec<DiagnosticEntry> {
    let of = |diagnostic: &Diagnostic| {
        let (line, column) = diagnostic.line_column(&named.text);
        entry(&named.name, diagnostic, Some((line as u64, column as u64)))
    };
    diagnostics.iter().map(of).collect()
}

fn entry(file: &str, diagnostic: &Diagnostic, place: Option<(u64, u64)>) -> DiagnosticEntry {
    DiagnosticEntry {
        severity: match diagnostic.severity {
            Severity::Error => DiagnosticSeverity::Error,
            Severity::Warning => DiagnosticSeverity::Warning,
        },
        file: file.to_owned(),
        line: place.map(|place| place.0),
        column: place.map(|place| place.1),
        message: diagnostic.message.clone(),
        label: diagnostic.label.clone(),
        help: diagnostic.help.clone(),
    }
}

fn without_place(file: &str, message: &str, help: Option<String>) -> DiagnosticEntry {
    DiagnosticEntry {
        severity: DiagnosticSeverity::Error,
        file: file.to_owned(),
        line: None,
        column: None,
        message: message.to_owned(),
        label: String::new(),
        help,
    }
}
