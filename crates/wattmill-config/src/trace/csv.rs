//! The two forms that are tables: a header that names the columns, then one request per line.

use std::ops::Range;

use super::form::TraceForm;
use super::problem::quoted;
use super::row::Fields;
use crate::Diagnostic;

/// Where a table has the columns that are read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Columns {
    pub(super) form: TraceForm,
    /// Of arrival, input tokens and output tokens.
    places: [usize; 3],
    count: usize,
}

impl Columns {
    /// From the header.
    pub(super) fn of_header(line: &str) -> Result<Self, Diagnostic> {
        let names: Vec<&str> = fields(line).map(|span| line[span].trim()).collect();
        let found = |form: TraceForm| {
            form.names().map(|wanted| names.iter().position(|n| n.eq_ignore_ascii_case(wanted)))
        };
        let known = |form: TraceForm| found(form).iter().flatten().count();
        let form = if known(TraceForm::Azure) > known(TraceForm::Columns) {
            TraceForm::Azure
        } else {
            TraceForm::Columns
        };
        if known(form) == 0 {
            return Err(unknown_header(line));
        }
        let missing: Vec<_> = form
            .names()
            .into_iter()
            .zip(found(form))
            .filter(|(_, place)| place.is_none())
            .map(|(name, _)| quoted(name))
            .collect();
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let there: Vec<_> = names.iter().take(30).map(|name| quoted(name)).collect();
            return Err(Diagnostic::error(
                0..line.len(),
                format!("column{plural} {} missing", missing.join(" and ")),
                format!("there are {}", there.join(", ")),
            )
            .with_help(format!("the columns of {form} are {}", form.names().join(", "))));
        }
        for (name, place) in form.names().into_iter().zip(found(form)) {
            let twice = fields(line)
                .skip(place.map_or(0, |p| p + 1))
                .find(|span| line[span.clone()].trim().eq_ignore_ascii_case(name));
            if let Some(span) = twice {
                let message = format!("column `{name}` is there twice");
                return Err(Diagnostic::error(span, message, "one column of each name")
                    .with_help("drop or rename one of them"));
            }
        }
        Ok(Self { form, places: found(form).map(|p| p.unwrap_or(0)), count: names.len() })
    }

    /// The three fields of a row.
    pub(super) fn fields(&self, line: &str) -> Result<Fields, Diagnostic> {
        let mut spans = [0..0, 0..0, 0..0];
        let mut count = 0;
        for span in fields(line) {
            for (place, kept) in self.places.iter().zip(&mut spans) {
                if *place == count {
                    *kept = trimmed(line, &span);
                }
            }
            count += 1;
        }
        if count == self.count {
            return Ok(spans);
        }
        let plural = if count == 1 { "" } else { "s" };
        Err(Diagnostic::error(
            0..line.len(),
            format!("the row has {count} column{plural}, the header has {}", self.count),
            format!("{} fields, separated by commas", self.count),
        )
        .with_help("complete the row or drop it"))
    }
}

fn unknown_header(line: &str) -> Diagnostic {
    let help = if line.trim_start().starts_with('[') {
        "write one JSON object per line, as `jq -c '.[]'` does".to_owned()
    } else if line.contains([';', '\t']) && !line.contains(',') {
        "separate the columns by commas".to_owned()
    } else {
        let [azure, columns] = [TraceForm::Azure, TraceForm::Columns].map(|f| f.names().join(","));
        format!("name the columns above the first request: {columns} or {azure}")
    };
    let message = "the first line is not that of a trace";
    Diagnostic::error(0..line.len(), message, "names of columns, or a JSON object").with_help(help)
}

/// Without the blanks at both ends.
pub(super) fn trimmed(line: &str, span: &Range<usize>) -> Range<usize> {
    let text = &line[span.clone()];
    let start = span.start + (text.len() - text.trim_start().len());
    start..start + text.trim().len()
}

/// Spans of the fields, without the quotes around those that have them.
pub(super) fn fields(line: &str) -> impl Iterator<Item = Range<usize>> {
    let bytes = line.as_bytes();
    let mut next = Some(0);
    std::iter::from_fn(move || {
        let start = next?;
        let find = |byte: u8, from: usize| {
            bytes[from..].iter().position(|b| *b == byte).map_or(bytes.len(), |at| from + at)
        };
        let mut inner = None;
        let mut end = start;
        let open = start + bytes[start..].iter().take_while(|b| **b == b' ').count();
        if bytes.get(open) == Some(&b'"') {
            // A quote inside is written twice.
            let mut close = find(b'"', open + 1);
            while bytes.get(close + 1) == Some(&b'"') {
                close = find(b'"', close + 2);
            }
            inner = Some(open + 1..close);
            end = close;
        }
        let end = find(b',', end);
        next = (end < bytes.len()).then_some(end + 1);
        Some(inner.unwrap_or(start..end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn split(line: &str) -> Vec<&str> {
        fields(line).map(|span| &line[span]).collect()
    }

    #[test]
    fn commas_part_fields_and_quotes_hold_them_together() {
        assert_eq!(split("a,b,c"), ["a", "b", "c"]);
        assert_eq!(split(""), [""]);
        assert_eq!(split("a,"), ["a", ""]);
        assert_eq!(split("\"a,b\",c"), ["a,b", "c"]);
        assert_eq!(split("\"a\"\"b\",c"), ["a\"\"b", "c"]);
        assert_eq!(split("a, \"b,\" ,c"), ["a", "b,", "c"]);
        assert_eq!(split("\"open,c"), ["open,c"]);
        assert_eq!(split("\""), [""]);
    }

    proptest! {
        #[test]
        fn no_line_makes_it_panic(line in "[\",a ü]{0,30}") {
            let parts = split(&line);
            prop_assert!(!parts.is_empty());
            let _ = Columns::of_header(&line);
        }
    }
}
