//! Where the requests of a replay come from.

use std::path::Path;

use wattmill::catalog::{Catalog, Kind};
use wattmill::config::{TraceProblem, TraceRequest, read_trace};
use wattmill::factory::{LengthTable, Lengths};
use wattmill::report::ReplayTraffic;
use wattmill::sim::{Rates, Request, Synthetic};
use wattmill::units::{Seconds, SimTime};

use crate::args::Replay;
use crate::commands::not_in_catalogue;
use crate::exit::Failure;
use crate::files;
use crate::invalid::{Invalid, colored};

/// Messages a weekly user sends a day: 2.6 billion a day from 700 million users (NBER, 2025).
const MESSAGES_PER_USER_DAY: f64 = 3.7;

/// Requests to replay, and what to say of them.
pub(super) struct Source {
    pub(super) traffic: ReplayTraffic,
    pub(super) warnings: Vec<String>,
    requests: Requests,
}

enum Requests {
    Trace(Vec<Request>),
    Synthetic { rates: Rates, lengths: Lengths, until: SimTime },
}

impl Source {
    /// From the trace or the flags of synthetic traffic.
    pub(super) fn open(args: &Replay) -> Result<Self, Failure> {
        match &args.trace {
            Some(path) => trace(path),
            None => synthetic(args),
        }
    }

    /// Requests there will be, as far as is known.
    pub(super) fn total(&self) -> u64 {
        match &self.requests {
            Requests::Trace(requests) => requests.len() as u64,
            Requests::Synthetic { rates, until, .. } => rates.expected(*until) as u64,
        }
    }

    /// The requests, in order of arrival.
    pub(super) fn iter(&self, args: &Replay) -> Box<dyn Iterator<Item = Request> + '_> {
        match &self.requests {
            Requests::Trace(requests) => Box::new(requests.iter().copied()),
            Requests::Synthetic { rates, lengths, until } => {
                let traffic = Synthetic::new(args.seed, rates.clone(), args.arrivals, lengths);
                Box::new(traffic.take_while(|request| request.arrival < *until))
            }
        }
    }
}

fn trace(path: &Path) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let trace = read_trace(files::open(path)?)
        .map_err(|errors| Failure::from(Invalid::trace(&name, &errors)))?;
    files::tell(&TraceProblem::render_all(&trace.warnings, &name, colored()));
    let warning =
        |p: &TraceProblem| format!("{name}:{}:{}: {}", p.line, p.column, p.diagnostic.message);
    let request = |(id, r): (u64, &TraceRequest)| Request {
        id,
        arrival: r.arrival,
        input: r.input_tokens,
        output: r.output_tokens,
    };
    Ok(Source {
        warnings: trace.warnings.iter().map(warning).collect(),
        requests: Requests::Trace((0..).zip(&trace.requests).map(request).collect()),
        traffic: ReplayTraffic::Trace { file: name },
    })
}

fn synthetic(args: &Replay) -> Result<Source, Failure> {
    let catalog = Catalog::builtin();
    let mean = match (args.rate, args.users) {
        (Some(rate), None) => rate,
        (None, Some(users)) => users * MESSAGES_PER_USER_DAY / 86_400.0,
        _ => return Err(Failure::Usage("give a TRACE, --rate or --users".to_owned())),
    };
    if !(mean > 0.0 && mean <= 1e9) {
        return Err(Failure::Usage(format!(
            "{mean} requests a second cannot be simulated; give a rate above 0 and up to 1e9"
        )));
    }
    if args.duration > Seconds::from_days(366.0) {
        return Err(Failure::Usage("--duration must be at most 366 days".to_owned()));
    }
    let lengths = lengths(catalog, &args.lengths)?;
    let shape = catalog.shape(&args.shape).ok_or_else(|| {
        not_in_catalogue(&[("--shape", &args.shape, catalog.closest(Kind::Shape, &args.shape))])
    })?;
    let hour = SimTime::from_seconds(Seconds::from_hours(1.0));
    let rates = Rates::cycle(hour, shape.hourly.iter().map(|factor| factor * mean).collect());
    Ok(Source {
        warnings: Vec::new(),
        traffic: ReplayTraffic::Synthetic {
            requests_per_s: mean,
            weekly_users: args.users,
            lengths: lengths.name.clone(),
            arrivals: args.arrivals,
            shape: shape.id.clone(),
            duration: args.duration,
            seed: args.seed,
        },
        requests: Requests::Synthetic {
            rates,
            lengths,
            until: SimTime::from_seconds(args.duration),
        },
    })
}

/// A table of the catalogue, or `INPUT:OUTPUT`.
fn lengths(catalog: &Catalog, text: &str) -> Result<Lengths, Failure> {
    if let Some((input, output)) = text.split_once(':') {
        let tokens = |part: &str| part.parse::<u32>().ok().filter(|n| (1..=10_000_000).contains(n));
        let (Some(input), Some(output)) = (tokens(input), tokens(output)) else {
            return Err(Failure::Usage(format!(
                "--lengths {text} is not INPUT:OUTPUT with two token counts from 1 to 10,000,000"
            )));
        };
        return Ok(Lengths {
            name: format!("{input}:{output}"),
            input: LengthTable::fixed(input),
            output: LengthTable::fixed(output),
        });
    }
    let row = catalog.lengths(text).ok_or_else(|| {
        not_in_catalogue(&[("--lengths", text, catalog.closest(Kind::Lengths, text))])
    })?;
    let table = |points: &[(f64, f64)]| {
        LengthTable::from_quantiles(points).ok_or_else(|| {
            let problem = format!("`{text}` is not a distribution of lengths");
            Failure::from(Invalid::plain("--lengths", &[(problem, None)]))
        })
    };
    Ok(Lengths { name: row.id.clone(), input: table(&row.input)?, output: table(&row.output)? })
}
