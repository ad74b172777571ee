//! Three fields of text into a request.

use std::ops::Range;

use super::form::TraceForm;
use super::number::{self, NumberError};
use super::problem::quoted;
use crate::Diagnostic;

/// Where in the line arrival, input tokens and output tokens stand.
pub(super) type Fields = [Range<usize>; 3];

/// A request before its place in the trace is known.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// In nanoseconds, from whatever the form counts from.
    pub(super) at_ns: i128,
    pub(super) input_tokens: u32,
    pub(super) output_tokens: u32,
}

/// Reads the fields of a line; every one of them that is wrong is told.
pub(super) fn read(form: TraceForm, line: &str, fields: &Fields) -> Result<Row, Vec<Diagnostic>> {
    let [time, input, output] = fields;
    let at_ns = match form {
        TraceForm::Azure => number::timestamp_ns(&line[time.clone()])
            .ok_or_else(|| time.is_empty().then_some(NumberError::Empty)),
        TraceForm::Mooncake => {
            number::decimal_ns(&line[time.clone()], 6).map_err(Some).map(i128::from)
        }
        TraceForm::Columns => {
            number::decimal_ns(&line[time.clone()], 9).map_err(Some).map(i128::from)
        }
    };
    let input_tokens = number::tokens(&line[input.clone()]);
    let output_tokens = number::tokens(&line[output.clone()]);
    if let (&Ok(at_ns), &Ok(input_tokens), &Ok(output_tokens)) =
        (&at_ns, &input_tokens, &output_tokens)
    {
        return Ok(Row { at_ns, input_tokens, output_tokens });
    }
    let [_, input_name, output_name] = form.names();
    let wrong = [
        at_ns.err().map(|error| wrong_time(form, line, time, error)),
        input_tokens.err().map(|error| wrong_tokens("input", input_name, line, input, error)),
        output_tokens.err().map(|error| wrong_tokens("output", output_name, line, output, error)),
    ];
    Err(wrong.into_iter().flatten().collect())
}

/// Of a time before that of the line before.
pub(super) fn out_of_order(
    form: TraceForm,
    line: &str,
    time: &Range<usize>,
    previous: &str,
) -> Diagnostic {
    let here = quoted(&line[time.clone()]);
    let [name, _, _] = form.names();
    Diagnostic::error(
        time.clone(),
        format!("time goes back: {here} comes after {}", quoted(previous)),
        "no earlier than the line before",
    )
    .with_help(format!("sort the trace by `{name}`"))
}

/// Of a time that is 584 years after the first one.
pub(super) fn too_late(form: TraceForm, line: &str, time: &Range<usize>) -> Diagnostic {
    wrong_time(form, line, time, Some(NumberError::TooLarge))
}

fn wrong_time(
    form: TraceForm,
    line: &str,
    span: &Range<usize>,
    error: Option<NumberError>,
) -> Diagnostic {
    let here = quoted(&line[span.clone()]);
    let [name, _, _] = form.names();
    let (message, help) = match error {
        Some(NumberError::Empty) => {
            (format!("`{name}` is empty"), "fill in the time or drop the request")
        }
        Some(NumberError::NotFinite) => {
            (format!("{here} is not a time"), "fill in the time or drop the request")
        }
        Some(NumberError::Negative) => (
            format!("{here} is before the trace's start"),
            "subtract the earliest time from all of them",
        ),
        Some(NumberError::TooLarge) => (
            format!("{here} is more than 584 years after the trace's start"),
            "check the unit of the times",
        ),
        Some(NumberError::NotANumber | NumberError::NotWhole | NumberError::Zero) => {
            (format!("{here} is not a number"), "write digits, with a point before decimals")
        }
        None => (
            format!("{here} is not a date and time"),
            "write it as year-month-day hour:minute:second",
        ),
    };
    Diagnostic::error(span.clone(), message, form.time()).with_help(help)
}

fn wrong_tokens(
    what: &str,
    name: &str,
    line: &str,
    span: &Range<usize>,
    error: NumberError,
) -> Diagnostic {
    let here = quoted(&line[span.clone()]);
    let drop = "drop the request: it asks for no work that can be simulated";
    let (message, help) = match error {
        NumberError::Empty => (format!("`{name}` is empty"), "fill it in or drop the request"),
        NumberError::Zero => (format!("a request without {what} tokens"), drop),
        NumberError::Negative => (format!("{here} {what} tokens are less than none"), drop),
        NumberError::TooLarge => (
            format!("{here} {what} tokens are more than any model takes"),
            "check the column: tokens are counted, not characters or bytes",
        ),
        NumberError::NotWhole => {
            (format!("{here} is not a whole number of tokens"), "write it without decimals")
        }
        NumberError::NotFinite | NumberError::NotANumber => {
            (format!("{here} is not a number of tokens"), "write digits only")
        }
    };
    Diagnostic::error(span.clone(), message, "a whole number from 1 to 10000000").with_help(help)
}
