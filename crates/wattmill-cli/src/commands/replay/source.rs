//! Where the requests of a replay come from.

use std::path::Path;

use wattmill::catalog::{Catalog, Kind};
use wattmill::config::{
    BUILTIN_SESSIONS, TraceErrors, TraceProblem, TraceRequest, parse_sessions, read_client_lengths,
    read_clients, read_trace,
};
use wattmill::factory::{Clients, LengthTable, Lengths, Profile, Sessions};
use wattmill::report::ReplayTraffic;
use wattmill::sim::{
    AnswerTime, Ask, ClientTraffic, OpenSessions, Rates, Repeat, Request, Synthetic, Thinning,
    Warp, session_of,
};
use wattmill::units::{Seconds, SimTime};

use super::shaping;
use crate::args::Traffic;
use crate::commands::not_in_catalogue;
use crate::exit::Failure;
use crate::files;
use crate::invalid::{Invalid, colored};

/// Messages a weekly user sends a day: 2.6 billion a day from 700 million users (NBER, 2025).
const MESSAGES_PER_USER_DAY: f64 = 3.7;
/// How long requests arrive where no flag says it.
const USUAL_DURATION: Seconds = Seconds::from_s(600.0);

/// Requests to replay, and what to say of them.
pub(in crate::commands) struct Source {
    pub(in crate::commands) traffic: ReplayTraffic,
    pub(in crate::commands) warnings: Vec<String>,
    requests: Requests,
    profile: Profile,
    until: SimTime,
}

enum Requests {
    Trace(Vec<Ask>),
    Synthetic { per_s: f64, lengths: Lengths },
    Clients { clients: Clients, lengths: Option<Lengths> },
    Sessions { per_s: f64, sessions: Sessions },
}

impl Source {
    /// From the trace, the clients, or the flags of synthetic traffic.
    pub(in crate::commands) fn open(args: &Traffic) -> Result<Self, Failure> {
        // clap drops a requirement that conflicts with another flag, so it cannot say these.
        if args.shaping.repeat.is_some() && args.trace.is_none() {
            return Err(Failure::Usage("--repeat needs a TRACE to repeat".to_owned()));
        }
        if args.from.is_some() && args.clients.is_none() {
            return Err(Failure::Usage("--from is of --clients, which are not given".to_owned()));
        }
        let profile = shaping::profile(&args.shaping)?;
        let duration = args.duration.unwrap_or(USUAL_DURATION);
        if duration > Seconds::from_days(366.0) {
            return Err(Failure::Usage("--duration must be at most 366 days".to_owned()));
        }
        let (requests, traffic, warnings) = if let Some(path) = &args.trace {
            trace(path)?
        } else if let Some(path) = &args.clients {
            clients(args, path, duration)?
        } else if let Some(name) = &args.sessions {
            sessions(args, name, duration)?
        } else {
            synthetic(args, duration)?
        };
        let whole = args.trace.is_some() && args.duration.is_none();
        let until = if whole { SimTime::MAX } else { SimTime::from_seconds(duration) };
        Ok(Self { traffic, warnings, requests, profile, until })
    }

    /// Requests there will be, as far as is known.
    pub(in crate::commands) fn total(&self, args: &Traffic) -> u64 {
        let keep = args.shaping.keep.unwrap_or(1.0);
        let flat = || SimTime::from_seconds(self.profile.integral(self.until));
        let all = match &self.requests {
            Requests::Trace(asks) => asks.len() as f64 * args.shaping.repeat.unwrap_or(1) as f64,
            Requests::Synthetic { per_s, .. } => per_s * flat().as_seconds().as_s(),
            Requests::Clients { clients, .. } => clients.expected(flat()),
            Requests::Sessions { per_s, sessions } => {
                per_s * flat().as_seconds().as_s() * sessions.turns.mean()
            }
        };
        (all * keep) as u64
    }

    /// How long requests arrive, about.
    pub(in crate::commands) fn span(&self, args: &Traffic) -> SimTime {
        let Requests::Trace(asks) = &self.requests else { return self.until };
        let last = asks.last().map_or(SimTime::ZERO, |ask| ask.request.arrival).as_seconds();
        let (rounds, speed) = (args.shaping.repeat.unwrap_or(1), args.shaping.speed.unwrap_or(1.0));
        self.until.min(SimTime::from_seconds(last * (rounds as f64 / speed)))
    }

    /// What a request belongs to: its conversation, or itself.
    pub(in crate::commands) fn group(&self, id: u64) -> u64 {
        if matches!(self.requests, Requests::Sessions { .. }) { session_of(id) } else { id }
    }

    /// How their rate moves.
    pub(in crate::commands) const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The requests, in order of arrival, at the pace of `profile`; conversations go on as if answers
    /// took `expected`.
    pub(in crate::commands) fn iter<'a>(
        &'a self,
        args: &Traffic,
        profile: &'a Profile,
        expected: AnswerTime,
    ) -> Box<dyn Iterator<Item = Ask> + 'a> {
        let seed = args.seed;
        let drawn: Box<dyn Iterator<Item = Ask> + 'a> = match &self.requests {
            Requests::Trace(asks) => {
                let rounds = args.shaping.repeat.unwrap_or(1);
                Box::new(Repeat::new(asks, rounds, Repeat::period(asks)))
            }
            Requests::Synthetic { per_s, lengths } => {
                let rates = Rates::constant(*per_s);
                Box::new(Synthetic::new(seed, rates, args.arrivals, lengths).map(Ask::alone))
            }
            Requests::Clients { clients, lengths } => {
                let traffic = ClientTraffic::new(seed, clients, lengths.as_ref());
                Box::new(traffic.into_iter().flatten())
            }
            Requests::Sessions { per_s, sessions } => {
                let rates = Rates::constant(*per_s);
                Box::new(OpenSessions::new(seed, rates, args.arrivals, sessions, expected))
            }
        };
        let kept: Box<dyn Iterator<Item = Ask> + 'a> = match args.shaping.keep {
            None => drawn,
            Some(keep) => {
                let thinning = Thinning::new(seed, keep);
                Box::new(drawn.filter(move |ask| thinning.keeps(self.group(ask.request.id))))
            }
        };
        let until = self.until;
        let shaped: Box<dyn Iterator<Item = Ask> + 'a> =
            if *profile == Profile::FLAT { kept } else { Box::new(Warp::new(kept, profile)) };
        Box::new(shaped.take_while(move |ask| ask.request.arrival < until))
    }
}

type Opened = (Requests, ReplayTraffic, Vec<String>);

fn trace(path: &Path) -> Result<Opened, Failure> {
    let name = path.display().to_string();
    let trace = read_trace(files::open(path)?).map_err(refused(&name))?;
    files::tell(&TraceProblem::render_all(&trace.warnings, &name, colored()));
    let warning =
        |p: &TraceProblem| format!("{name}:{}:{}: {}", p.line, p.column, p.diagnostic.message);
    let warnings = trace.warnings.iter().map(warning).collect();
    let ask = |(id, r): (u64, TraceRequest)| {
        let (arrival, input, output) = (r.arrival, r.input_tokens, r.output_tokens);
        Ask { prompt: r.prompt, ..Ask::alone(Request { id, arrival, input, output }) }
    };
    let asks = (0..).zip(trace.requests).map(ask).collect();
    Ok((Requests::Trace(asks), ReplayTraffic::Trace { file: name }, warnings))
}

fn refused(name: &str) -> impl Fn(TraceErrors) -> Failure {
    move |errors| Failure::from(Invalid::trace(name, &errors))
}

fn clients(args: &Traffic, path: &Path, duration: Seconds) -> Result<Opened, Failure> {
    let name = path.display().to_string();
    let mut clients = read_clients(files::open(path)?).map_err(refused(&name))?;
    let catalog = Catalog::builtin();
    let known = args.lengths.contains(':') || catalog.lengths(&args.lengths).is_some();
    let file = Path::new(&args.lengths);
    let named_like_a_file = args.lengths.contains(['.', '/']);
    let lengths = if known || !(file.exists() || named_like_a_file) {
        Some(lengths(catalog, &args.lengths)?)
    } else {
        let recorded = read_client_lengths(files::open(file)?).map_err(refused(&args.lengths))?;
        if recorded.hand_out(&mut clients) == 0 {
            let problem = format!("it has lengths of none of the clients of {name}");
            let help = Some("take both files of the same service".to_owned());
            return Err(Invalid::plain(&args.lengths, &[(problem, help)]).into());
        }
        None
    };
    if let Some(from) = args.from {
        clients = clients.starting(SimTime::from_seconds(from));
    }
    if clients.end() == SimTime::ZERO {
        return Err(Failure::Usage("--from is after the clients' last window".to_owned()));
    }
    if lengths.is_none() && ClientTraffic::new(args.seed, &clients, None).is_none() {
        return Err(Failure::Usage(format!(
            "the clients that {} knows ask nothing in this time; move --from, or give --lengths \
             INPUT:OUTPUT",
            args.lengths
        )));
    }
    let traffic = ReplayTraffic::Clients {
        file: name,
        clients: clients.clients.iter().filter(|client| !client.windows.is_empty()).count() as u64,
        lengths: args.lengths.clone(),
        from: args.from.unwrap_or(Seconds::ZERO),
        duration,
        seed: args.seed,
    };
    Ok((Requests::Clients { clients, lengths }, traffic, Vec::new()))
}

fn sessions(args: &Traffic, name: &str, duration: Seconds) -> Result<Opened, Failure> {
    let built_in = BUILTIN_SESSIONS.iter().find(|(known, _)| *known == name);
    let built_in = built_in.map(|(_, text)| *text);
    let named = files::or_built_in(name, built_in, "sessions", BUILTIN_SESSIONS)?;
    let sessions =
        parse_sessions(&named.text).map_err(|problems| Invalid::text(&named, &problems))?;
    let Some(per_s) = args.rate else {
        return Err(Failure::Usage("--sessions needs --rate, of sessions a second".to_owned()));
    };
    sound_rate(per_s)?;
    let traffic = ReplayTraffic::Sessions {
        sessions_per_s: per_s,
        name: sessions.name.clone(),
        arrivals: args.arrivals,
        duration,
        seed: args.seed,
    };
    Ok((Requests::Sessions { per_s, sessions }, traffic, Vec::new()))
}

fn synthetic(args: &Traffic, duration: Seconds) -> Result<Opened, Failure> {
    let catalog = Catalog::builtin();
    let mean = match (args.rate, args.users) {
        (Some(rate), None) => rate,
        (None, Some(users)) => users * MESSAGES_PER_USER_DAY / 86_400.0,
        _ => {
            return Err(Failure::Usage("give a TRACE, --rate or --users, or --clients".to_owned()));
        }
    };
    sound_rate(mean)?;
    let lengths = lengths(catalog, &args.lengths)?;
    let traffic = ReplayTraffic::Synthetic {
        requests_per_s: mean,
        weekly_users: args.users,
        lengths: lengths.name.clone(),
        arrivals: args.arrivals,
        shape: args.shaping.shape.clone(),
        duration,
        seed: args.seed,
    };
    Ok((Requests::Synthetic { per_s: mean, lengths }, traffic, Vec::new()))
}

fn sound_rate(per_s: f64) -> Result<(), Failure> {
    if per_s > 0.0 && per_s <= 1e9 {
        return Ok(());
    }
    Err(Failure::Usage(format!(
        "{per_s} requests a second cannot be simulated; give a rate above 0 and up to 1e9"
    )))
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
