//! Every request of a run, replayed with its own arrival and lengths.
//!
//! A run is one engine under the arrivals of its file. The figures are those one would state of it:
//! mean time per output token, mean time to the last token, and the median and the ninth decile of
//! the time to first token. With a column `queue_s` the times are the engine's own stamps, counted
//! from when it took the request in: nothing of a frontend is in them, nor the rest of the step that
//! was under way when the request came, which a prediction counts and which is at most one step.

use wattmill_catalog::{Catalog, Efficiency};
use wattmill_factory::{EngineSpec, Flavour, Layout};
use wattmill_perf::Deployment;
use wattmill_policy::{BatchLimits, Scheduling};
use wattmill_sim::{Finished, Replica, Request, Tally};
use wattmill_units::{Seconds, SimTime};

use crate::bars::Load;
use crate::engine::{self, Engine, MOST_CONCURRENCY, MOST_DEGREE, MOST_TOKENS, most_sequences};
use crate::errors::quantile;
use crate::labels;
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;

/// Most tokens in a step, or in a block, that are read.
const MOST_STEP: u32 = 1 << 20;
/// First version of vLLM that schedules a step ahead unless told otherwise.
const AHEAD: (u32, u32) = (0, 14);
/// Latest arrival that is read, s: a year.
const LATEST: f64 = 366.0 * 86_400.0;

/// What one request was measured to take, s.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Timed {
    /// To its first token.
    pub ttft: f64,
    /// To its last token.
    pub e2e: f64,
    /// Mean time per output token after the first; `None` for a single token.
    pub tpot: Option<f64>,
}

/// A run, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// The replica that answered.
    pub deployment: Deployment<'a>,
    /// What it was asked, in order of arrival.
    pub requests: Vec<Request>,
    /// What each took, in the same order.
    pub timed: Vec<Timed>,
    /// Whether the engine took the times itself, so that no frontend is in them.
    pub inside: bool,
    /// When the engine chooses what a step holds.
    pub scheduling: Scheduling,
}

/// What the run that begins with `row` measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let name = told(row, "model")?;
    let model = labels::model(name, catalog)?;
    let chip = labels::accelerator(told(row, "gpu")?, catalog)?;
    let flavour = labels::flavour(row.text("backend").unwrap_or("vllm"))?;
    let precision = labels::precision_or_published(row.text("precision_label"), name, model)?;
    let degree = |column| Ok(row.count(column, MOST_DEGREE)?.unwrap_or(1));
    let layout = Layout { pipeline: degree("pp_size")?, ..Layout::tensor(degree("tp_size")?) };
    let seqs = row.count("max_num_seqs", MOST_CONCURRENCY)?.unwrap_or(most_sequences(flavour));

    let (mut requests, mut timed) = (Vec::new(), Vec::new());
    for (id, row) in (0..).zip(row.run()) {
        let arrival = row.needed("arrival_s")?;
        if arrival > LATEST {
            let most = LATEST as u32;
            return Err(Reason::OutOfRange { column: "arrival_s", value: arrival, most });
        }
        let arrival = SimTime::from_seconds(Seconds::from_s(arrival));
        let input = row.needed_count("in", MOST_TOKENS)?;
        let output = row.needed_count("out", MOST_TOKENS)?;
        let (ttft, e2e) = (row.needed("ttft_s")?, row.needed("e2e_s")?);
        if e2e < ttft {
            let line = row.line;
            let text = format!(
                "line {line}: the last token comes before the first; ttft_s and e2e_s both count from the arrival"
            );
            return Err(Reason::Unsupported(text));
        }
        let tpot = (output > 1).then(|| (e2e - ttft) / f64::from(output - 1));
        requests.push(Request { id, arrival, input, output });
        timed.push(Timed { ttft, e2e, tpot });
    }
    let longest = requests.iter().map(|r| u64::from(r.input) + u64::from(r.output)).max();
    let prompt = requests.iter().map(|r| r.input).max().unwrap_or(1);
    let spec = engine::spec(layout, flavour, precision, chip, prompt, seqs);
    let spec = EngineSpec {
        max_tokens: row.count("max_num_batched_tokens", MOST_STEP)?.unwrap_or(spec.max_tokens),
        block_tokens: row.count("block_size", MOST_STEP)?.unwrap_or(spec.block_tokens),
        ..spec
    };
    let deployment = engine::deployment(model, chip, catalog, spec)?;
    engine::within_context(model, longest.unwrap_or(0))?;
    engine::holds(&deployment, longest.unwrap_or(0))?;

    let mut order: Vec<usize> = (0..requests.len()).collect();
    order.sort_by_key(|at| (requests[*at].arrival, *at));
    let timed: Vec<Timed> = order.iter().map(|at| timed[*at]).collect();
    let requests = (0..).zip(&order).map(|(id, at)| Request { id, ..requests[*at] }).collect();
    Ok(Case {
        measured: Measured {
            line: row.line,
            group: Group {
                model: model.id.clone(),
                accelerator: chip.id.clone(),
                engine: flavour.name().to_owned(),
                mode: "requests".to_owned(),
                precision: precision.name().to_owned(),
                concurrency: None,
                source: row.text("source").unwrap_or_default().to_owned(),
            },
            headline: true,
            figures: figures(&timed),
        },
        deployment,
        requests,
        timed,
        inside: row.text("queue_s").is_some(),
        scheduling: row
            .text("backend_version")
            .map_or(Scheduling::default(), |version| scheduling(flavour, version)),
    })
}

impl Case<'_> {
    /// What the replica had to do in the mean: as many answers under way as their times add up to.
    pub(crate) fn load(&self) -> Load {
        let ends = self.requests.iter().zip(&self.timed);
        let ends = ends.map(|(request, timed)| request.arrival.as_seconds().as_s() + timed.e2e);
        let (count, span) = (self.requests.len().max(1) as f64, ends.fold(0.0, f64::max));
        let under_way: f64 = self.timed.iter().map(|timed| timed.e2e).sum();
        let of = |tokens: fn(&Request) -> u32| -> f64 {
            self.requests.iter().map(|request| f64::from(tokens(request))).sum::<f64>() / count
        };
        Load {
            batch: if span > 0.0 { under_way / span } else { 1.0 },
            input: of(|request| request.input),
            output: of(|request| request.output),
        }
    }
}

/// When an engine of that version chooses what a step holds: vLLM from 0.14 on while the step before
/// runs, unless it is told otherwise.
fn scheduling(flavour: Flavour, version: &str) -> Scheduling {
    let mut parts = version.trim_start_matches('v').split('.').map(|part| part.parse().ok());
    let mut next = || parts.next().flatten().unwrap_or(0);
    let version: (u32, u32) = (next(), next());
    if flavour == Flavour::Vllm && version >= AHEAD {
        Scheduling::Ahead
    } else {
        Scheduling::default()
    }
}

/// What the rows of such a table may leave to a line above them or to the caller.
fn told<'a>(row: &Row<'a>, column: &'static str) -> Result<&'a str, Reason> {
    row.text(column).ok_or_else(|| {
        Reason::Unsupported(format!(
            "nothing says the `{column}` of the run; write `# {column} = …` above its rows"
        ))
    })
}

fn figures(timed: &[Timed]) -> Vec<(Metric, f64)> {
    let mut ttft: Vec<f64> = timed.iter().map(|t| t.ttft).collect();
    let at = |ttft: &mut [f64], q| quantile(ttft, q).unwrap_or(0.0) * 1e3;
    let mut figures = vec![
        (Metric::Ttft, at(&mut ttft, 0.5)),
        (Metric::TtftTail, at(&mut ttft, 0.9)),
        (Metric::EndToEnd, mean(timed.iter().map(|t| t.e2e)).unwrap_or(0.0)),
    ];
    let tpot = mean(timed.iter().filter_map(|t| t.tpot));
    figures.extend(tpot.map(|tpot| (Metric::Tpot, tpot * 1e3)));
    figures
}

fn mean(values: impl Iterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// What each request of the run is predicted to take, in the order of [`Case::requests`].
///
/// # Errors
/// Why it cannot be predicted after all.
pub fn replay(case: &Case<'_>, efficiency: &Efficiency) -> Result<Vec<Timed>, Reason> {
    let engine = Engine::compile(&case.deployment, efficiency)?;
    let limits = BatchLimits { scheduling: case.scheduling, ..engine.limits };
    let mut replica = Replica::new(limits);
    let mut came: Vec<Request> = case.requests.clone();
    if !case.inside {
        let mut free = SimTime::ZERO;
        for request in &mut came {
            let (latency, service) = engine.frontend(request.input).times();
            free = free.max(request.arrival + latency) + service;
            request.arrival = free;
        }
    }
    replica.push_all(came.into_iter());
    let mut answers: Vec<Option<Finished>> = vec![None; case.requests.len()];
    replica.run_until(&engine.surface, SimTime::MAX, &mut Tally::new(None), &mut |done| {
        answers[done.request.id as usize] = Some(*done);
    });
    let timed = case.requests.iter().zip(answers).map(|(request, answer)| {
        let done = answer.ok_or_else(|| Reason::TooLong {
            tokens: u64::from(request.input) + u64::from(request.output),
            cache: engine.surface.memory().tokens(),
        })?;
        let since = |time: SimTime| time.since(request.arrival).as_seconds().as_s();
        let (ttft, e2e) = (since(done.first_token), since(done.finish));
        let tpot = done.tpot().map(|tpot| tpot.as_seconds().as_s());
        Ok(Timed { ttft, e2e, tpot })
    });
    timed.collect()
}

/// Predicts every figure of a run with the shares of peak in `efficiency`.
///
/// # Errors
/// Why it cannot be predicted after all.
pub fn predict(case: &Case<'_>, efficiency: &Efficiency) -> Result<Vec<(Metric, f64)>, Reason> {
    Ok(figures(&replay(case, efficiency)?))
}
