//! How long the requests of each client are.

use std::collections::BTreeMap;
use std::fmt;
use std::io::Read;
use std::ops::Range;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use wattmill_factory::{ClientLengths, Clients, LengthPdf};
use wattmill_units::SimTime;

use super::super::lines::{Lines, Next};
use super::super::number::{self, MOST_TOKENS};
use super::super::problem::{TraceErrors, TraceProblem, quoted};
use crate::Diagnostic;

/// How far probabilities may be from adding up to 1: published ones are rounded to six digits.
const SLACK: f64 = 0.01;

/// Lengths by client and the time from which on they hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RecordedLengths(BTreeMap<u64, BTreeMap<SimTime, ClientLengths>>);

impl RecordedLengths {
    /// Hands the clients their lengths; how many of them have some.
    pub fn hand_out(self, clients: &mut Clients) -> usize {
        let mut served = 0;
        let mut all = self.0;
        for client in &mut clients.clients {
            if let Some(lengths) = all.remove(&client.id) {
                client.lengths = lengths.into_iter().collect();
                served += 1;
            }
        }
        served
    }
}

/// Reads the lengths of ServeGen's clients, text or gzip: a JSON object a line with `client`,
/// `window_start_s`, `input_tokens` and `output_tokens`, the latter two maps of token counts to
/// probabilities. What is said of a length of 0 is left out: such a request asks for no work.
///
/// ```
/// let text = r#"{"client": 3, "window_start_s": 0, "input_tokens": {"13": 0.25, "14": 0.75},
///                "output_tokens": {"7": 1.0}}"#.replace('\n', " ");
/// let lengths = wattmill_config::read_client_lengths(text.as_bytes())?;
/// let mut clients = wattmill_config::read_clients(
///     "client,window_start_s,rate_rps,cv,pattern,param1,param2\n3,0,1,1,Gamma,1,1\n".as_bytes())?;
/// assert_eq!(lengths.hand_out(&mut clients), 1);
/// assert_eq!(clients.clients[0].lengths[0].1.input.mean(), 13.75);
/// # Ok::<(), wattmill_config::TraceErrors>(())
/// ```
///
/// # Errors
/// With every problem of the text, if there is any.
pub fn read_client_lengths(reader: impl Read) -> Result<RecordedLengths, TraceErrors> {
    let mut lines = Lines::new(reader);
    let mut all = RecordedLengths::default();
    let mut errors = TraceErrors::default();
    loop {
        match lines.next() {
            Next::Line(_, line) if line.trim_ascii().is_empty() => {}
            Next::Line(number, line) => match read_line(line) {
                Ok((client, from, lengths)) => {
                    all.0.entry(client).or_default().insert(from, lengths);
                }
                Err(problems) => {
                    for problem in problems {
                        errors.push(TraceProblem::in_line(number, line, problem));
                    }
                }
            },
            Next::Unreadable(problem) => errors.push(problem),
            Next::End(problem) => {
                problem.into_iter().for_each(|problem| errors.push(problem));
                break;
            }
        }
    }
    if errors.count() == 0 && all.0.is_empty() {
        let problem = Diagnostic::error(0..0, "no client has any lengths", EXPECTED)
            .with_help("check how the file was written or fetched");
        errors.push(TraceProblem::at_line(1, problem));
    }
    if errors.count() > 0 { Err(errors) } else { Ok(all) }
}

const EXPECTED: &str = "one JSON object for each client and window";
const NAMES: [&str; 4] = ["client", "window_start_s", "input_tokens", "output_tokens"];

/// What is read of a line; other keys, such as the share of reasoning, are skipped.
#[derive(serde::Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    client: Option<&'a RawValue>,
    #[serde(borrow)]
    window_start_s: Option<&'a RawValue>,
    #[serde(borrow)]
    input_tokens: Option<&'a RawValue>,
    #[serde(borrow)]
    output_tokens: Option<&'a RawValue>,
}

fn read_line(line: &str) -> Result<(u64, SimTime, ClientLengths), Vec<Diagnostic>> {
    let values: Line<'_> = serde_json::from_str(line).map_err(|error| {
        let at = error.column().saturating_sub(1).min(line.len());
        let reason = error.to_string();
        let reason = reason.rfind(" at line ").map_or(reason.as_str(), |at| &reason[..at]);
        let message = format!("the line is not a JSON object: {reason}");
        vec![
            Diagnostic::error(at..(at + 1).min(line.len()), message, EXPECTED)
                .with_help(format!("its keys are {}", NAMES.join(", "))),
        ]
    })?;
    let values = [values.client, values.window_start_s, values.input_tokens, values.output_tokens];
    let [Some(client), Some(from), Some(input), Some(output)] = values else {
        let missing: Vec<String> = NAMES
            .into_iter()
            .zip(values)
            .filter(|(_, value)| value.is_none())
            .map(|(name, _)| quoted(name))
            .collect();
        let message = format!("{} missing", missing.join(" and "));
        return Err(vec![
            Diagnostic::error(0..1, message, EXPECTED)
                .with_help(format!("its keys are {}", NAMES.join(", "))),
        ]);
    };
    let mut problems = Vec::new();
    let id: Option<u64> = client.get().parse().ok();
    if id.is_none() {
        let message = format!("{} is not the number of a client", quoted(client.get()));
        let label = format!("a whole number from 0 to {}", u64::MAX);
        problems.push(
            Diagnostic::error(place(line, client.get()), message, label)
                .with_help("take the number the client has in the table of windows"),
        );
    }
    let from_ns = number::decimal_ns(from.get(), 9).ok();
    if from_ns.is_none() {
        let message = format!("{} is not a time", quoted(from.get()));
        let label = "seconds from the start, such as 21600";
        problems.push(
            Diagnostic::error(place(line, from.get()), message, label)
                .with_help("say from when on the lengths hold"),
        );
    }
    let mut pdf = |text: &RawValue| match distribution(line, text.get()) {
        Ok(pdf) => Some(pdf),
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    match (pdf(input), pdf(output), id, from_ns) {
        (Some(input), Some(output), Some(id), Some(ns)) => {
            Ok((id, SimTime::from_ns(ns), ClientLengths { input, output }))
        }
        _ => Err(problems),
    }
}

/// Where in the line a text stands that was borrowed from it.
fn place(line: &str, text: &str) -> Range<usize> {
    let start = text.as_ptr() as usize - line.as_ptr() as usize;
    start..start + text.len()
}

/// A map of token counts to probabilities.
fn distribution(line: &str, text: &str) -> Result<LengthPdf, Diagnostic> {
    const HELP: &str = "correct it or drop the line: other lengths of the client take its place";
    let Ok(Pairs(pairs)) = serde_json::from_str::<Pairs<'_>>(text) else {
        let message = format!("{} is not a map of lengths to probabilities", quoted(text));
        let label = r#"such as {"13": 0.25, "14": 0.75}"#;
        return Err(Diagnostic::error(place(line, text), message, label).with_help(HELP));
    };
    let mut weights = Vec::with_capacity(pairs.len());
    let mut sum = 0.0;
    for (key, value) in pairs {
        let Some(tokens) = key.parse::<u32>().ok().filter(|tokens| *tokens <= MOST_TOKENS) else {
            let message = format!("{} is not a number of tokens", quoted(key));
            let label = format!("a whole number from 0 to {MOST_TOKENS}");
            return Err(Diagnostic::error(place(line, key), message, label).with_help(HELP));
        };
        let weight = value.get().parse::<f64>().ok().filter(|p| (0.0..=1.0 + SLACK).contains(p));
        let Some(weight) = weight else {
            let message = format!("{} is not a probability", quoted(value.get()));
            let span = place(line, value.get());
            return Err(Diagnostic::error(span, message, "a number from 0 to 1").with_help(HELP));
        };
        sum += weight;
        if tokens > 0 {
            weights.push((tokens, weight));
        }
    }
    let problem = |message| {
        let label = "they add up to 1 over all lengths";
        Diagnostic::error(place(line, text), message, label).with_help(HELP)
    };
    if (sum - 1.0).abs() > SLACK {
        return Err(problem(format!("the probabilities add up to {sum:.3}")));
    }
    LengthPdf::new(&weights).ok_or_else(|| problem("no request has a length above 0".to_owned()))
}

/// The entries of a JSON object, in their order.
struct Pairs<'a>(Vec<(&'a str, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries;
        impl<'de> Visitor<'de> for Entries {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map of lengths to probabilities")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Entries)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    #[test]
    fn impossible_lengths_are_all_told() {
        let text = [
            r#"{"client": 1, "window_start_s": 0, "input_tokens": {"5": 0.6, "6": 0.3}, "output_tokens": {"1": 1}}"#,
            r#"{"client": -1, "window_start_s": "x", "input_tokens": {"five": 1}, "output_tokens": {"1": 1.5}}"#,
            r#"{"client": 1, "window_start_s": 0, "input_tokens": [5], "output_tokens": {"0": 1}}"#,
            r#"{"client": 1, "window_start_s": 0}"#,
            r#"{"client": 1, "window_start_s": 0, "input_tokens": {"5": 0.6"#,
            "client,input_tokens",
        ];
        let errors = read_client_lengths(text.join("\n").as_bytes()).expect_err("all are wrong");
        expect![[r#"
            error: the probabilities add up to 0.900
             --> p.jsonl:1:52
              |
            1 | {"client": 1, "window_start_s": 0, "input_tokens": {"5": 0.6, "6": 0.3}, "output_tokens": {"1": 1}}
              |                                                    ^^^^^^^^^^^^^^^^^^^^ they add up to 1 over all lengths
              |
              = help: correct it or drop the line: other lengths of the client take its place

            error: `-1` is not the number of a client
             --> p.jsonl:2:12
              |
            2 | {"client": -1, "window_start_s": "x", "input_tokens": {"five": 1}, "output_tokens": {"1": 1.5}}
              |            ^^ a whole number from 0 to 18446744073709551615
              |
              = help: take the number the client has in the table of windows

            error: `"x"` is not a time
             --> p.jsonl:2:34
              |
            2 | {"client": -1, "window_start_s": "x", "input_tokens": {"five": 1}, "output_tokens": {"1": 1.5}}
              |                                  ^^^ seconds from the start, such as 21600
              |
              = help: say from when on the lengths hold

            error: `five` is not a number of tokens
             --> p.jsonl:2:57
              |
            2 | {"client": -1, "window_start_s": "x", "input_tokens": {"five": 1}, "output_tokens": {"1": 1.5}}
              |                                                         ^^^^ a whole number from 0 to 10000000
              |
              = help: correct it or drop the line: other lengths of the client take its place

            error: `1.5` is not a probability
             --> p.jsonl:2:91
              |
            2 | {"client": -1, "window_start_s": "x", "input_tokens": {"five": 1}, "output_tokens": {"1": 1.5}}
              |                                                                                           ^^^ a number from 0 to 1
              |
              = help: correct it or drop the line: other lengths of the client take its place

            error: `[5]` is not a map of lengths to probabilities
             --> p.jsonl:3:52
              |
            3 | {"client": 1, "window_start_s": 0, "input_tokens": [5], "output_tokens": {"0": 1}}
              |                                                    ^^^ such as {"13": 0.25, "14": 0.75}
              |
              = help: correct it or drop the line: other lengths of the client take its place

            error: no request has a length above 0
             --> p.jsonl:3:74
              |
            3 | {"client": 1, "window_start_s": 0, "input_tokens": [5], "output_tokens": {"0": 1}}
              |                                                                          ^^^^^^^^ they add up to 1 over all lengths
              |
              = help: correct it or drop the line: other lengths of the client take its place

            error: `input_tokens` and `output_tokens` missing
             --> p.jsonl:4:1
              |
            4 | {"client": 1, "window_start_s": 0}
              | ^ one JSON object for each client and window
              |
              = help: its keys are client, window_start_s, input_tokens, output_tokens

            error: the line is not a JSON object: EOF while parsing an object
             --> p.jsonl:5:60
              |
            5 | {"client": 1, "window_start_s": 0, "input_tokens": {"5": 0.6
              |                                                            ^ one JSON object for each client and window
              |
              = help: its keys are client, window_start_s, input_tokens, output_tokens

            error: the line is not a JSON object: expected value
             --> p.jsonl:6:1
              |
            6 | client,input_tokens
              | ^ one JSON object for each client and window
              |
              = help: its keys are client, window_start_s, input_tokens, output_tokens
        "#]].assert_eq(&errors.render("p.jsonl", false));
        let nothing = read_client_lengths("\n\n".as_bytes()).expect_err("there is nothing");
        expect![
            "line 1, column 1: no client has any lengths; check how the file was written or fetched"
        ]
        .assert_eq(&nothing.to_string());
    }

    #[test]
    fn lengths_of_nobody_are_counted() {
        let line = r#"{"client": 4, "window_start_s": 0, "input_tokens": {"5": 1}, "output_tokens": {"0": 0.005, "1": 0.995}}"#;
        let lengths =
            read_client_lengths(line.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
        assert_eq!(lengths.hand_out(&mut Clients::default()), 0);
    }
}
