//! The table of windows: who asks at which rate, and how the requests bunch.

use std::collections::BTreeMap;
use std::io::Read;
use std::ops::Range;

use wattmill_factory::{Client, ClientWindow, Clients, GapShape};
use wattmill_units::SimTime;

use super::super::csv;
use super::super::lines::{Lines, Next};
use super::super::number::{self, NumberError};
use super::super::problem::{TraceErrors, TraceProblem, quoted};
use crate::Diagnostic;

const NAMES: [&str; 7] =
    ["client", "window_start_s", "rate_rps", "cv", "pattern", "param1", "param2"];

/// Length of a window (ServeGen, arXiv 2505.09999).
const WINDOW: SimTime = SimTime::from_ns(600_000_000_000);
/// More than all the world asks of one service.
const MOST_PER_S: f64 = 1e9;
/// Beyond these, requests of a window come all at once or like clockwork, to the last nanosecond.
const GAMMA_SHAPES: (f64, f64) = (0.001, 1e6);
const WEIBULL_SHAPES: (f64, f64) = (0.01, 1e3);

/// Reads the windows of ServeGen's clients, text or gzip: CSV with `client`, `window_start_s`,
/// `rate_rps`, `cv`, `pattern` (Gamma or Weibull), `param1` (its shape) and `param2` (its scale),
/// one window of ten minutes a line, in any order. The rate says how many requests come, the shape
/// how they bunch; `cv` and `param2`, which follow from the two, are only checked. Windows of rate 0
/// are left out.
///
/// ```
/// let text = "client,window_start_s,rate_rps,cv,pattern,param1,param2\n\
///             3,600,0.5,2.0,Gamma,0.25,8.0\n3,1200,0.25,1.2,Weibull,0.85,3.7\n";
/// let clients = wattmill_config::read_clients(text.as_bytes())?;
/// assert_eq!(clients.clients.len(), 1);
/// assert_eq!(clients.expected(clients.end()), 450.0);
/// # Ok::<(), wattmill_config::TraceErrors>(())
/// ```
///
/// # Errors
/// With every problem of the text, if there is any.
pub fn read_clients(reader: impl Read) -> Result<Clients, TraceErrors> {
    let mut lines = Lines::new(reader);
    let mut table = Windows::default();
    let mut errors = TraceErrors::default();
    loop {
        match lines.next() {
            Next::Line(_, line) if line.trim_ascii().is_empty() => {}
            Next::Line(number, line) => {
                let result = match &table.places {
                    None => table.read_header(line).map_err(|problem| vec![problem]),
                    Some(_) => table.read_row(number, line),
                };
                let problems = result.err().into_iter().flatten();
                problems.for_each(|p| errors.push(TraceProblem::in_line(number, line, p)));
                if table.places.is_none() {
                    return Err(errors);
                }
            }
            Next::Unreadable(problem) => errors.push(problem),
            Next::End(problem) => {
                problem.into_iter().for_each(|problem| errors.push(problem));
                break;
            }
        }
    }
    if errors.count() == 0 && table.clients.is_empty() {
        let message = "nobody ever asks anything";
        let problem = Diagnostic::error(0..0, message, "one line for each client and window")
            .with_help("check how the table was written or fetched");
        errors.push(TraceProblem::at_line(1, problem));
    }
    if errors.count() > 0 { Err(errors) } else { Ok(table.finish()) }
}

/// The table so far.
#[derive(Default)]
struct Windows {
    /// Columns of the names, and how many there are.
    places: Option<([usize; 7], usize)>,
    /// By client and start, with the line.
    clients: BTreeMap<u64, BTreeMap<SimTime, (u64, ClientWindow)>>,
}

impl Windows {
    fn read_header(&mut self, line: &str) -> Result<(), Diagnostic> {
        let names: Vec<&str> = csv::fields(line).map(|span| line[span].trim()).collect();
        let found = NAMES.map(|name| names.iter().position(|n| n.eq_ignore_ascii_case(name)));
        let missing: Vec<String> = NAMES
            .into_iter()
            .zip(found)
            .filter(|(_, place)| place.is_none())
            .map(|(name, _)| quoted(name))
            .collect();
        if !missing.is_empty() {
            let plural = if missing.len() == 1 { "" } else { "s" };
            let there: Vec<String> = names.iter().take(30).map(|name| quoted(name)).collect();
            let message = format!("column{plural} {} missing", missing.join(" and "));
            let label = format!("there are {}", there.join(", "));
            return Err(Diagnostic::error(0..line.len(), message, label)
                .with_help(format!("the columns of client windows are {}", NAMES.join(", "))));
        }
        self.places = Some((found.map(|place| place.unwrap_or(0)), names.len()));
        Ok(())
    }

    fn read_row(&mut self, number: u64, line: &str) -> Result<(), Vec<Diagnostic>> {
        let (places, count) = self.places.unwrap_or_default();
        let spans: Vec<Range<usize>> =
            csv::fields(line).map(|span| csv::trimmed(line, &span)).collect();
        if spans.len() != count {
            let plural = if spans.len() == 1 { "" } else { "s" };
            let message = format!("the row has {} column{plural}, the header {count}", spans.len());
            let label = format!("{count} fields, separated by commas");
            return Err(vec![
                Diagnostic::error(0..line.len(), message, label)
                    .with_help("complete the row or drop it"),
            ]);
        }
        let mut row = Row { line, problems: Vec::new() };
        let [client, start, rate, cv, pattern, shape, scale] = places.map(|at| spans[at].clone());
        let id = row.id(&client);
        let start_at = row.start(&start);
        let per_s = row.real(&rate, "a rate", (0.0, MOST_PER_S));
        row.real(&cv, "a coefficient of variation", (0.0, f64::MAX));
        row.real(&scale, "the scale of a distribution", (f64::MIN_POSITIVE, f64::MAX));
        let gaps = row.gaps(&pattern, &shape);
        let (Some(id), Some(start_at), Some(per_s), Some(gaps), true) =
            (id, start_at, per_s, gaps, row.problems.is_empty())
        else {
            return Err(row.problems);
        };
        let windows = self.clients.entry(id).or_default();
        let before = windows.range(..=start_at).next_back();
        let after = windows.range(start_at..).next();
        let near = before.into_iter().chain(after).find(|(other, _)| {
            let (early, late) = (start_at.min(**other), start_at.max(**other));
            late.since(early) < WINDOW
        });
        if let Some((_, (other, _))) = near {
            return Err(vec![
                Diagnostic::error(
                    start,
                    format!("client {id} has another window then, in line {other}"),
                    format!("windows are {} s long", WINDOW.as_ns() / 1_000_000_000),
                )
                .with_help("keep one of the two"),
            ]);
        }
        windows.insert(start_at, (number, ClientWindow { start: start_at, per_s, gaps }));
        Ok(())
    }

    fn finish(self) -> Clients {
        let windows = |all: BTreeMap<SimTime, (u64, ClientWindow)>| {
            all.into_values().map(|(_, window)| window).filter(|w| w.per_s > 0.0).collect()
        };
        let client = |(id, all)| Client { id, windows: windows(all), lengths: Vec::new() };
        Clients { window: WINDOW, clients: self.clients.into_iter().map(client).collect() }
    }
}

/// One line under scrutiny.
struct Row<'a> {
    line: &'a str,
    problems: Vec<Diagnostic>,
}

impl Row<'_> {
    fn tell(&mut self, span: &Range<usize>, message: String, label: String, help: &str) {
        self.problems.push(Diagnostic::error(span.clone(), message, label).with_help(help));
    }

    fn id(&mut self, span: &Range<usize>) -> Option<u64> {
        let text = &self.line[span.clone()];
        let id = text.parse().ok();
        if id.is_none() {
            let message = format!("{} is not the number of a client", quoted(text));
            let label = format!("a whole number from 0 to {}", u64::MAX);
            self.tell(span, message, label, "number the clients from 0");
        }
        id
    }

    fn start(&mut self, span: &Range<usize>) -> Option<SimTime> {
        let text = &self.line[span.clone()];
        let wrong = match number::decimal_ns(text, 9) {
            Ok(ns) if ns < u64::MAX - WINDOW.as_ns() => return Some(SimTime::from_ns(ns)),
            Err(NumberError::Negative) => "is before the start",
            Ok(_) | Err(NumberError::TooLarge) => "is more than 584 years after the start",
            Err(_) => "is not a time",
        };
        let message = format!("{} {wrong}", quoted(text));
        self.tell(span, message, "seconds from the start, such as 600".to_owned(), CORRECT);
        None
    }

    fn real(&mut self, span: &Range<usize>, what: &str, (least, most): (f64, f64)) -> Option<f64> {
        let text = &self.line[span.clone()];
        let value = text.parse::<f64>().ok().filter(|value| (least..=most).contains(value));
        if value.is_none() {
            let allowed = match (least, most) {
                (0.0, f64::MAX) => "a number of at least 0".to_owned(),
                (f64::MIN_POSITIVE, _) => "a number above 0".to_owned(),
                _ => format!("a number from {least} to {most}"),
            };
            self.tell(span, format!("{} is not {what}", quoted(text)), allowed, CORRECT);
        }
        value
    }

    fn gaps(&mut self, pattern: &Range<usize>, shape: &Range<usize>) -> Option<GapShape> {
        let name = &self.line[pattern.clone()];
        if name.eq_ignore_ascii_case("gamma") {
            return self.real(shape, "the shape of a gamma", GAMMA_SHAPES).map(GapShape::Gamma);
        }
        if name.eq_ignore_ascii_case("weibull") {
            let shape = self.real(shape, "the shape of a Weibull", WEIBULL_SHAPES);
            return shape.map(GapShape::Weibull);
        }
        let message = format!("{} is no pattern of arrivals that is known", quoted(name));
        let help = "independent arrivals are a Gamma of shape 1";
        self.tell(pattern, message, "Gamma or Weibull".to_owned(), help);
        None
    }
}

const CORRECT: &str = "correct it, or drop the window: then the client is silent in it";

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::*;

    const HEADER: &str = "client,window_start_s,rate_rps,cv,pattern,param1,param2\n";

    fn refused(text: &str) -> String {
        read_clients(text.as_bytes()).expect_err("it must be refused").render("c.csv", false)
    }

    #[test]
    fn lines_in_any_order_become_clients() {
        let text = "Pattern,note,client,window_start_s,param1,param2,cv,rate_rps\n\
            gamma,x,7,1200,0.5,3,1.4,2\n\
            Weibull,\"a, b\",2,0,0.8,3,1.3,1.5\n\n\
            Gamma,,7,600,1,3,1,0\n\
            Gamma,,7,0,1,3,1,0.25\n";
        let clients = read_clients(text.as_bytes()).unwrap_or_else(|errors| panic!("{errors}"));
        let starts = |client: &Client| -> Vec<u64> {
            client.windows.iter().map(|w| w.start.as_ns() / 1_000_000_000).collect()
        };
        let plain: Vec<_> = clients.clients.iter().map(|c| (c.id, starts(c))).collect();
        assert_eq!(plain, [(2, vec![0]), (7, vec![0, 1200])]);
        assert_eq!(clients.clients[0].windows[0].gaps, GapShape::Weibull(0.8));
        assert_eq!(clients.end(), SimTime::from_ns(1_800_000_000_000));
        assert_eq!(clients.expected(clients.end()), 600.0 * (1.5 + 0.25 + 2.0));
    }

    #[test]
    fn impossible_windows_are_all_told() {
        let text = format!(
            "{HEADER}-1,0,1,1,Gamma,1,1\n\
             1,-600,1,1,Gamma,1,1\n\
             1,0,nan,1,Gamma,1,1\n\
             1,600,1,-0.5,Pareto,1,0\n\
             1,1200,1e12,1,Gamma,0,1\n\
             1,1800,1,1,Weibull,1e9,1\n\
             1,2400,1,1,Gamma,1\n\
             2,3000,1,1,Gamma,1,1\n\
             2,3300,1,1,Gamma,1,1\n"
        );
        expect![[r#"
            error: `-1` is not the number of a client
             --> c.csv:2:1
              |
            2 | -1,0,1,1,Gamma,1,1
              | ^^ a whole number from 0 to 18446744073709551615
              |
              = help: number the clients from 0

            error: `-600` is before the start
             --> c.csv:3:3
              |
            3 | 1,-600,1,1,Gamma,1,1
              |   ^^^^ seconds from the start, such as 600
              |
              = help: correct it, or drop the window: then the client is silent in it

            error: `nan` is not a rate
             --> c.csv:4:5
              |
            4 | 1,0,nan,1,Gamma,1,1
              |     ^^^ a number from 0 to 1000000000
              |
              = help: correct it, or drop the window: then the client is silent in it

            error: `-0.5` is not a coefficient of variation
             --> c.csv:5:9
              |
            5 | 1,600,1,-0.5,Pareto,1,0
              |         ^^^^ a number of at least 0
              |
              = help: correct it, or drop the window: then the client is silent in it

            error: `0` is not the scale of a distribution
             --> c.csv:5:23
              |
            5 | 1,600,1,-0.5,Pareto,1,0
              |                       ^ a number above 0
              |
              = help: correct it, or drop the window: then the client is silent in it

            error: `Pareto` is no pattern of arrivals that is known
             --> c.csv:5:14
              |
            5 | 1,600,1,-0.5,Pareto,1,0
              |              ^^^^^^ Gamma or Weibull
              |
              = help: independent arrivals are a Gamma of shape 1

            error: `1e12` is not a rate
             --> c.csv:6:8
              |
            6 | 1,1200,1e12,1,Gamma,0,1
              |        ^^^^ a number from 0 to 1000000000
              |
              = help: correct it, or drop the window: then the client is silent in it

            error: `0` is not the shape of a gamma
             --> c.csv:6:21
              |
            6 | 1,1200,1e12,1,Gamma,0,1
              |                     ^ a number from 0.001 to 1000000
              |
              = help: correct it, or drop the window: then the client is silent in it

            error: `1e9` is not the shape of a Weibull
             --> c.csv:7:20
              |
            7 | 1,1800,1,1,Weibull,1e9,1
              |                    ^^^ a number from 0.01 to 1000
              |
              = help: correct it, or drop the window: then the client is silent in it

            error: the row has 6 columns, the header 7
             --> c.csv:8:1
              |
            8 | 1,2400,1,1,Gamma,1
              | ^^^^^^^^^^^^^^^^^^ 7 fields, separated by commas
              |
              = help: complete the row or drop it

            error: client 2 has another window then, in line 9
              --> c.csv:10:3
               |
            10 | 2,3300,1,1,Gamma,1,1
               |   ^^^^ windows are 600 s long
               |
               = help: keep one of the two
        "#]]
        .assert_eq(&refused(&text));
    }

    #[test]
    fn tables_of_something_else_are_told() {
        expect![[r#"
            error: columns `window_start_s` and `param2` missing
             --> c.csv:1:1
              |
            1 | client,start,rate_rps,cv,pattern,param1
              | ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ there are `client`, `start`, `rate_rps`, `cv`, `pattern`, `param1`
              |
              = help: the columns of client windows are client, window_start_s, rate_rps, cv, pattern, param1, param2
        "#]]
            .assert_eq(&refused("client,start,rate_rps,cv,pattern,param1\n1,2,3,4,5,6\n"));
        expect![[r#"
            error: nobody ever asks anything
            --> c.csv:1:1
             = note: one line for each client and window
             = help: check how the table was written or fetched
        "#]]
        .assert_eq(&refused(HEADER));
        let many = format!("{HEADER}{}", "x,0,1,1,Gamma,1,1\n".repeat(1000));
        let errors = read_clients(many.as_bytes()).expect_err("they are all wrong");
        assert_eq!((errors.listed.len(), errors.count()), (20, 1000));
    }
}
