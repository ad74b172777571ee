//! `wattmill replay`.

use std::io::{IsTerminal, Write};
use std::path::Path;
use std::time::Instant;

use anyhow::Context;
use wattmill::catalog::{Catalog, Kind, Precision};
use wattmill::config::read_trace;
use wattmill::factory::{EngineSpec, Hardware, Layout, LengthTable, Lengths};
use wattmill::perf::StepTable;
use wattmill::plan::{Engine, usual_specs};
use wattmill::policy::BatchLimits;
use wattmill::report::{ReplayHeading, RequestRow, RequestWriter, engine_name, replay_text};
use wattmill::sim::{Finished, Limits, Rates, Request, Synthetic};
use wattmill::units::{Seconds, SimTime};
use wattmill::{Pricing, Replayed, replay};

use crate::args::Replay;
use crate::exit::{Failure, Outcome};
use crate::files::{self, Whole};
use crate::interrupt::Interrupt;
use crate::progress::Progress;

/// Messages a weekly user sends a day: 2.6 billion a day from 700 million users (NBER, 2025).
const MESSAGES_PER_USER_DAY: f64 = 3.7;
/// Limits of a step-time table's engine where none are given: those the peers' tables were made with.
const TABLE_LIMITS: (u32, u32, u32) = (512, 512, 16);

pub(crate) fn run(args: &Replay) -> Outcome {
    let hardware = hardware(args)?;
    let (pricing, engine) = pricing(args, hardware.as_ref())?;
    let limits = Limits {
        ttft: SimTime::from_seconds(args.slo_ttft),
        tpot: SimTime::from_seconds(args.slo_tpot),
    };
    let (described, source) = requests(args)?;
    let started = Instant::now();
    let mut out = args.out.as_deref().map(Records::create).transpose()?;
    let interrupt = Interrupt::install();
    let mut bar = Progress::new("simulating");
    let mut failed = Ok(());
    let record = |replica: u32, done: &Finished| {
        if let (Some(out), true) = (&mut out, failed.is_ok()) {
            failed = out.write(replica, done);
        }
    };
    let total = source.total();
    let replayed =
        replay(&pricing, args.replicas, Some(limits), source.iter(args), record, |progress| {
            bar.at(progress.requests, total);
            interrupt.flow()
        });
    drop(bar);
    failed?;
    if let Some(out) = out {
        out.finish()?;
    }
    let heading = ReplayHeading {
        requests: described,
        engine,
        replicas: args.replicas,
        cache: pricing.cache(),
        slo: (args.slo_ttft, args.slo_tpot),
        wall: Seconds::from_s(started.elapsed().as_secs_f64()),
        interrupted: replayed.interrupted,
    };
    show(args, &heading, &replayed)?;
    if replayed.interrupted { Err(Failure::Interrupted) } else { Ok(()) }
}

fn show(_args: &Replay, heading: &ReplayHeading, replayed: &Replayed) -> Result<(), Failure> {
    files::print(&replay_text(heading, &replayed.summary))
}

/// The system of the catalogue with its accelerator; none with a step-time table.
fn hardware(args: &Replay) -> Result<Option<Hardware>, Failure> {
    if args.step_table.is_some() {
        return Ok(None);
    }
    let catalog = Catalog::builtin();
    let id = args.system.as_deref().ok_or_else(|| {
        Failure::Usage(
            "give --model and --system of the catalogue, or --step-table FILE".to_owned(),
        )
    })?;
    let system =
        catalog.system(id).ok_or_else(|| unknown(catalog, Kind::System, "--system", id))?;
    let chip = &system.accelerator;
    let accelerator = catalog
        .accelerator(chip)
        .ok_or_else(|| unknown(catalog, Kind::Accelerator, "accelerator", chip))?;
    Ok(Some(Hardware { system: system.clone(), accelerator: accelerator.clone() }))
}

/// An id that the catalogue does not have, with the nearest that it has.
fn unknown(catalog: &Catalog, kind: Kind, flag: &str, id: &str) -> Failure {
    let near = catalog.closest(kind, id);
    let hint = if near.is_empty() {
        String::new()
    } else {
        format!("; did you mean {}?", near.join(" or "))
    };
    Failure::Input(format!(
        "error: {flag} `{id}` is not in the catalogue{hint}\n  see `wattmill catalog list`\n"
    ))
}

/// What prices the steps, and what to call it.
fn pricing<'a>(
    args: &Replay,
    hardware: Option<&'a Hardware>,
) -> Result<(Pricing<'a>, String), Failure> {
    let (Some(hardware), None) = (hardware, &args.step_table) else {
        return table(args);
    };
    let catalog = Catalog::builtin();
    let id = args.model.as_deref().ok_or_else(|| {
        Failure::Usage("give --model of the catalogue, or --step-table FILE".to_owned())
    })?;
    let model = catalog.model(id).ok_or_else(|| unknown(catalog, Kind::Model, "--model", id))?;
    let refuse = |why: Vec<String>| {
        let lines: String = why.iter().map(|reason| format!("error: {reason}\n")).collect();
        Failure::Input(lines)
    };
    let engine = if [args.tp, args.pp, args.ep, args.dp].iter().any(Option::is_some) {
        let precision = args.precision.unwrap_or_else(|| {
            let fp8 = hardware.accelerator.peak(Precision::Fp8);
            if fp8.is_some() { Precision::Fp8 } else { Precision::Bf16 }
        });
        let layout = Layout {
            tensor: args.tp.unwrap_or(1),
            pipeline: args.pp.unwrap_or(1),
            expert: args.ep.unwrap_or(1),
            data_attention: args.dp.unwrap_or(1),
        };
        let spec = with_flags(args, EngineSpec::new(layout, precision));
        Engine::new(model, hardware, catalog, spec).map_err(refuse)?
    } else {
        let mut refusal = Vec::new();
        let fits = usual_specs(model, hardware).into_iter().find_map(|spec| {
            let engine = Engine::new(model, hardware, catalog, with_flags(args, spec));
            engine.map_err(|why| refusal = why).ok()
        });
        fits.ok_or_else(|| refuse(refusal))?
    };
    let name = engine_name(&model.id, &hardware.system.id, &engine.deployment.spec);
    Ok((Pricing::Engine(Box::new(engine)), name))
}

fn with_flags(args: &Replay, spec: EngineSpec) -> EngineSpec {
    EngineSpec {
        precision: args.precision.unwrap_or(spec.precision),
        kv_precision: args.kv_precision.unwrap_or(spec.kv_precision),
        max_seqs: args.max_seqs.unwrap_or(spec.max_seqs),
        max_tokens: args.max_tokens.unwrap_or(spec.max_tokens),
        block_tokens: args.block_tokens.unwrap_or(spec.block_tokens),
        ..spec
    }
}

/// A step-time table as the pricing.
fn table<'a>(args: &Replay) -> Result<(Pricing<'a>, String), Failure> {
    let path = args.step_table.as_deref().ok_or_else(|| {
        Failure::Usage(
            "give --model and --system of the catalogue, or --step-table FILE".to_owned(),
        )
    })?;
    let named = files::text(path)?;
    let table = StepTable::from_json(&named.text).map_err(|error| {
        let lines = error.to_string();
        let lines: String =
            lines.lines().map(|line| format!("error: {}: {line}\n", named.name)).collect();
        Failure::Input(lines)
    })?;
    let (seqs, tokens, block) = TABLE_LIMITS;
    let (seqs, tokens) = (args.max_seqs.unwrap_or(seqs), args.max_tokens.unwrap_or(tokens));
    let limits = BatchLimits::new(
        seqs,
        tokens,
        args.block_tokens.unwrap_or(block),
        args.kv_blocks.unwrap_or(BatchLimits::UNLIMITED_BLOCKS),
    );
    let name = format!("{}, {seqs} sequences, {tokens} tokens a step", named.name);
    Ok((Pricing::Table(table, limits), name))
}

/// Where requests come from.
enum Source {
    Trace(Vec<Request>),
    Synthetic { rates: Rates, lengths: Lengths, until: SimTime },
}

impl Source {
    /// Requests there will be, as far as is known.
    fn total(&self) -> u64 {
        match self {
            Self::Trace(requests) => requests.len() as u64,
            Self::Synthetic { rates, until, .. } => rates.expected(*until) as u64,
        }
    }

    fn iter(&self, args: &Replay) -> Box<dyn Iterator<Item = Request> + '_> {
        match self {
            Self::Trace(requests) => Box::new(requests.iter().copied()),
            Self::Synthetic { rates, lengths, until } => {
                let traffic = Synthetic::new(args.seed, rates.clone(), args.arrivals, lengths);
                Box::new(traffic.take_while(|request| request.arrival < *until))
            }
        }
    }
}

fn requests(args: &Replay) -> Result<(String, Source), Failure> {
    match &args.trace {
        Some(path) => trace(path),
        None => synthetic(args),
    }
}

fn trace(path: &Path) -> Result<(String, Source), Failure> {
    let name = path.display().to_string();
    let color = std::io::stderr().is_terminal();
    let trace = read_trace(files::open(path)?)
        .map_err(|errors| Failure::Input(errors.render(&name, color)))?;
    for warning in &trace.warnings {
        eprint!(
            "{}",
            wattmill::config::TraceProblem::render_all(std::slice::from_ref(warning), &name, color)
        );
    }
    let request = |(id, r): (u64, &wattmill::config::TraceRequest)| Request {
        id,
        arrival: r.arrival,
        input: r.input_tokens,
        output: r.output_tokens,
    };
    let requests: Vec<Request> = (0..).zip(&trace.requests).map(request).collect();
    let described = format!("{} requests of {name}", requests.len());
    Ok((described, Source::Trace(requests)))
}

fn synthetic(args: &Replay) -> Result<(String, Source), Failure> {
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
    if !(args.duration > Seconds::ZERO && args.duration <= Seconds::from_days(366.0)) {
        return Err(Failure::Usage("--duration must be above 0 and at most 366 days".to_owned()));
    }
    let lengths = lengths(catalog, &args.lengths)?;
    let shape = catalog
        .shape(&args.shape)
        .ok_or_else(|| unknown(catalog, Kind::Shape, "--shape", &args.shape))?;
    let hour = SimTime::from_seconds(Seconds::from_hours(1.0));
    let rates = Rates::cycle(hour, shape.hourly.iter().map(|factor| factor * mean).collect());
    let described = format!(
        "synthetic traffic: {mean:.4} requests/s, {} of {}, shape {}, seed {}",
        args.duration, lengths.name, shape.id, args.seed
    );
    let until = SimTime::from_seconds(args.duration);
    Ok((described, Source::Synthetic { rates, lengths, until }))
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
            name: format!("{input} tokens in, {output} out"),
            input: LengthTable::fixed(input),
            output: LengthTable::fixed(output),
        });
    }
    let row =
        catalog.lengths(text).ok_or_else(|| unknown(catalog, Kind::Lengths, "--lengths", text))?;
    let table = |points: &[(f64, f64)]| {
        LengthTable::from_quantiles(points).ok_or_else(|| {
            Failure::Input(format!("error: --lengths {text} is not a distribution\n"))
        })
    };
    Ok(Lengths { name: row.id.clone(), input: table(&row.input)?, output: table(&row.output)? })
}

/// The per-request file.
struct Records {
    writer: RequestWriter<Whole>,
    name: String,
}

impl Records {
    fn create(path: &Path) -> Result<Self, Failure> {
        let name = path.display().to_string();
        let writer = RequestWriter::new(Whole::create(path)?)
            .with_context(|| format!("failed to write {name}"))?;
        Ok(Self { writer, name })
    }

    fn write(&mut self, replica: u32, done: &Finished) -> Result<(), Failure> {
        let row = RequestRow {
            id: done.request.id,
            replica,
            arrival_ns: done.request.arrival.as_ns(),
            input_tokens: done.request.input,
            output_tokens: done.request.output,
            first_token_ns: done.first_token.as_ns(),
            finish_ns: done.finish.as_ns(),
            preemptions: done.preemptions,
        };
        Ok(self.writer.write(&row).with_context(|| format!("failed to write {}", self.name))?)
    }

    fn finish(self) -> Result<(), Failure> {
        let (mut file, _) =
            self.writer.finish().with_context(|| format!("failed to write {}", self.name))?;
        file.flush().with_context(|| format!("failed to write {}", self.name))?;
        file.finish()
    }
}
