//! The form that is one JSON object per line.

use std::ops::Range;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::form::TraceForm;
use super::problem::quoted;
use super::row::Fields;
use crate::Diagnostic;

/// What is read of a line; other keys are skipped.
#[derive(Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    timestamp: Option<&'a RawValue>,
    #[serde(borrow)]
    input_length: Option<&'a RawValue>,
    #[serde(borrow)]
    output_length: Option<&'a RawValue>,
    #[serde(borrow)]
    hash_ids: Option<&'a RawValue>,
}

/// The three values of a line, and the list of its blocks if there is one.
pub(super) fn fields(line: &str) -> Result<(Fields, Option<Range<usize>>), Diagnostic> {
    if !line.trim_start().starts_with('{') {
        return Err(not_an_object(line, 0..line.len(), "the line is not a JSON object"));
    }
    let values: Line<'_> = serde_json::from_str(line).map_err(|error| {
        let reason = error.to_string();
        let reason = reason.rfind(" at line ").map_or(reason.as_str(), |at| &reason[..at]);
        let at = error.column().saturating_sub(1);
        not_an_object(line, at..at + 1, &format!("the line is not JSON: {reason}"))
    })?;
    let blocks = values.hash_ids;
    let values = [values.timestamp, values.input_length, values.output_length];
    if let [Some(timestamp), Some(input), Some(output)] = values {
        // `get` borrows from the line, so the place of a value is the distance of the two.
        let span = |value: &RawValue| {
            let start = value.get().as_ptr() as usize - line.as_ptr() as usize;
            start..start + value.get().len()
        };
        return Ok(([span(timestamp), span(input), span(output)], blocks.map(span)));
    }
    let missing: Vec<_> = TraceForm::Mooncake
        .names()
        .into_iter()
        .zip(values)
        .filter(|(_, value)| value.is_none())
        .map(|(name, _)| quoted(name))
        .collect();
    let there: serde_json::Map<_, _> = serde_json::from_str(line).unwrap_or_default();
    let there: Vec<_> = there.keys().take(30).map(|name| quoted(name)).collect();
    let there = if there.is_empty() { "nothing".to_owned() } else { there.join(", ") };
    let names = TraceForm::Mooncake.names().join(", ");
    let start = line.len() - line.trim_start().len();
    Err(Diagnostic::error(
        start..start + 1,
        format!("{} missing", missing.join(" and ")),
        format!("there is {there}"),
    )
    .with_help(format!("the keys of {} are {names}", TraceForm::Mooncake)))
}

fn not_an_object(line: &str, span: Range<usize>, message: &str) -> Diagnostic {
    let example = r#"{"timestamp": 0, "input_length": 6758, "output_length": 500}"#;
    let span = span.start.min(line.len())..span.end.min(line.len());
    Diagnostic::error(span, message, "one JSON object per line")
        .with_help(format!("write it as {example}, or drop it"))
}
