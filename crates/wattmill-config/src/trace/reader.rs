//! A trace read request by request, in memory that does not grow with it.

use std::collections::VecDeque;
use std::io::Read;
use std::ops::Range;

use wattmill_policy::Segment;
use wattmill_units::SimTime;

use super::csv::Columns;
use super::form::TraceForm;
use super::lines::{Lines, Next};
use super::problem::{TraceErrors, TraceProblem, quoted};
use super::{blocks, jsonl, row};
use crate::Diagnostic;

/// A request as a trace tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRequest {
    /// From the trace's start: of dated traces the first arrival, of others what they call zero.
    pub arrival: SimTime,
    /// Tokens of the prompt, at least 1.
    pub input_tokens: u32,
    /// Tokens of the answer, at least 1.
    pub output_tokens: u32,
    /// Blocks of the prompt, for prompts that share their beginning; empty where the trace names
    /// none, the whole prompt where it does.
    pub prompt: Vec<Segment>,
}

/// A whole trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// In order of arrival; at least one.
    pub requests: Vec<TraceRequest>,
    /// How the text was written.
    pub form: TraceForm,
    /// What is probably not as meant.
    pub warnings: Vec<TraceProblem>,
}

/// Reads a whole trace: text or gzip, in any [`TraceForm`].
///
/// ```
/// let text = "arrived_at_s,prefill_tokens,decode_tokens\n0.158,395,112\n0.162,1030,403\n";
/// let trace = wattmill_config::read_trace(text.as_bytes())?;
/// assert_eq!(trace.requests.len(), 2);
/// assert_eq!(trace.requests[1].arrival.as_ns(), 162_000_000);
/// # Ok::<(), wattmill_config::TraceErrors>(())
/// ```
///
/// # Errors
/// With every problem of the text, if there is any.
pub fn read_trace(reader: impl Read) -> Result<Trace, TraceErrors> {
    let mut reader = TraceReader::new(reader);
    let mut requests = Vec::new();
    let mut errors = TraceErrors::default();
    for result in &mut reader {
        match result {
            Ok(request) if errors.listed.is_empty() => requests.push(request),
            Ok(_) => {}
            Err(problem) => {
                requests = Vec::new();
                errors.push(problem);
            }
        }
    }
    match (reader.form(), errors.listed.is_empty()) {
        (Some(form), true) => Ok(Trace { requests, form, warnings: reader.rows.warnings }),
        _ => Err(errors),
    }
}

/// The requests of a trace, one by one: memory does not grow with their number.
///
/// Yields the problems too, and goes on after those that are of one line only; whoever simulates
/// should stop at the first. A trace without requests yields a problem that says so.
///
/// ```
/// use wattmill_config::TraceReader;
/// let text = "arrived_at_s,prefill_tokens,decode_tokens\n0,0,112\n-1,395,112\n2,395,112\n";
/// let (good, bad): (Vec<_>, Vec<_>) =
///     TraceReader::new(text.as_bytes()).partition(Result::is_ok);
/// assert_eq!((good.len(), bad.len()), (1, 2));
/// ```
pub struct TraceReader<R: Read> {
    lines: Lines<R>,
    rows: Rows,
    ended: bool,
}

impl<R: Read> TraceReader<R> {
    /// Reads nothing yet.
    pub fn new(reader: R) -> Self {
        Self { lines: Lines::new(reader), rows: Rows::default(), ended: false }
    }

    /// The form, once the first request or problem has been read and if it could be told.
    pub fn form(&self) -> Option<TraceForm> {
        self.rows.layout.map(Layout::form)
    }

    /// What is probably not as meant, so far.
    pub fn warnings(&self) -> &[TraceProblem] {
        &self.rows.warnings
    }
}

impl<R: Read> Iterator for TraceReader<R> {
    type Item = Result<TraceRequest, TraceProblem>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(problem) = self.rows.problems.pop_front() {
                return Some(Err(problem));
            }
            if self.ended {
                return None;
            }
            match self.lines.next() {
                Next::Line(number, line) => {
                    if let Some(request) = self.rows.take(number, line) {
                        return Some(Ok(request));
                    }
                    self.ended = self.rows.layout.is_none() && !self.rows.problems.is_empty();
                }
                Next::Unreadable(problem) => {
                    // Without its first line the others mean nothing.
                    self.ended = self.rows.layout.is_none();
                    self.rows.any_row = true;
                    self.rows.problems.push_back(problem);
                }
                Next::End(problem) => {
                    self.ended = true;
                    let problem = problem.or_else(|| self.rows.nothing());
                    self.rows.problems.extend(problem);
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
enum Layout {
    Csv(Columns),
    JsonLines,
}

impl Layout {
    const fn form(self) -> TraceForm {
        match self {
            Self::Csv(columns) => columns.form,
            Self::JsonLines => TraceForm::Mooncake,
        }
    }
}

/// Lines into requests.
#[derive(Default)]
struct Rows {
    layout: Option<Layout>,
    /// Whether there was a line for a request, good or bad.
    any_row: bool,
    /// What the trace counts its times from.
    origin_ns: Option<i128>,
    previous: Option<(i128, String)>,
    problems: VecDeque<TraceProblem>,
    warnings: Vec<TraceProblem>,
}

impl Rows {
    fn take(&mut self, number: u64, line: &str) -> Option<TraceRequest> {
        if line.trim_ascii().is_empty() {
            return None;
        }
        let layout = match self.layout {
            Some(layout) => layout,
            None if line.trim_start().starts_with('{') => *self.layout.insert(Layout::JsonLines),
            None => {
                match Columns::of_header(line) {
                    Ok(columns) => self.layout = Some(Layout::Csv(columns)),
                    Err(problem) => self.tell(number, line, problem),
                }
                return None;
            }
        };
        self.any_row = true;
        let fields = match layout {
            Layout::Csv(columns) => columns.fields(line).map(|fields| (fields, None)),
            Layout::JsonLines => jsonl::fields(line),
        };
        let form = layout.form();
        let (fields, blocks) = match fields {
            Ok(found) => found,
            Err(problem) => {
                self.tell(number, line, problem);
                return None;
            }
        };
        match row::read(form, line, &fields) {
            Ok(row) => {
                let arrival = self.place(form, number, line, &fields[0], row.at_ns);
                let (input_tokens, output_tokens) = (row.input_tokens, row.output_tokens);
                let prompt = blocks.map(|span| blocks::segments(line, &span, input_tokens));
                let prompt = match prompt.transpose() {
                    Ok(prompt) => prompt.unwrap_or_default(),
                    Err(problems) => {
                        problems.into_iter().for_each(|p| self.tell(number, line, p));
                        return None;
                    }
                };
                Some(TraceRequest { arrival: arrival?, input_tokens, output_tokens, prompt })
            }
            Err(problems) => {
                problems.into_iter().for_each(|problem| self.tell(number, line, problem));
                None
            }
        }
    }

    /// Its time from the trace's start, if it is no earlier than the line before.
    fn place(
        &mut self,
        form: TraceForm,
        number: u64,
        line: &str,
        time: &Range<usize>,
        at_ns: i128,
    ) -> Option<SimTime> {
        let origin = match (self.origin_ns, form) {
            (Some(origin), _) => origin,
            (None, TraceForm::Azure) => *self.origin_ns.insert(at_ns),
            (None, TraceForm::Mooncake | TraceForm::Columns) => {
                self.look_at_first(number, line, time, at_ns);
                *self.origin_ns.insert(0)
            }
        };
        let text = &line[time.clone()];
        let wrong = match &self.previous {
            Some((before, previous)) if at_ns < *before => {
                Some(row::out_of_order(form, line, time, previous))
            }
            _ => None,
        };
        match &mut self.previous {
            Some((before, previous)) => {
                *before = at_ns;
                previous.clear();
                previous.push_str(text);
            }
            None => self.previous = Some((at_ns, text.to_owned())),
        }
        let from_start = u64::try_from(at_ns - origin).map(SimTime::from_ns);
        match (wrong, from_start) {
            (None, Ok(arrival)) => return Some(arrival),
            (Some(problem), _) => self.tell(number, line, problem),
            (None, Err(_)) if at_ns < origin => {}
            (None, Err(_)) => self.tell(number, line, row::too_late(form, line, time)),
        }
        None
    }

    fn look_at_first(&mut self, number: u64, line: &str, time: &Range<usize>, at_ns: i128) {
        const DAY_NS: i128 = 86_400_000_000_000;
        if at_ns < DAY_NS {
            return;
        }
        let days = at_ns / DAY_NS;
        let here = quoted(&line[time.clone()]);
        let warning = Diagnostic::warning(
            time.clone(),
            format!("the first request arrives {days} days after the trace's start, at {here}"),
            "counted from the trace's start",
        )
        .with_help("subtract the first time from all of them if they are calendar times");
        self.warnings.push(TraceProblem::in_line(number, line, warning));
    }

    fn tell(&mut self, number: u64, line: &str, problem: Diagnostic) {
        self.problems.push_back(TraceProblem::in_line(number, line, problem));
    }

    /// If there was none, the problem that there is no request.
    fn nothing(&self) -> Option<TraceProblem> {
        let message = match self.layout {
            _ if self.any_row => return None,
            Some(_) => "no requests: the header is all there is",
            None => "the trace is empty",
        };
        let forms: Vec<_> = TraceForm::ALL.iter().map(ToString::to_string).collect();
        let forms = format!("one line per request, as {}", forms.join(", "));
        let problem = Diagnostic::error(0..0, message, forms)
            .with_help("check how the trace was written or fetched");
        Some(TraceProblem::at_line(1, problem))
    }
}
