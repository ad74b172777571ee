//! Closed-loop serving points: TTFT and TPOT at fixed lengths and concurrency.
//!
//! Each row is a benchmark: `concurrency` clients, ten requests each. InferenceX draws lengths
//! between 80 % and 100 % of what it names; the other sources send requests of one length. The
//! figures are means over all requests, except those of long prompts, which are medians: measured
//! TTFTs rise with the concurrency as the share of the first round does, in which all clients start
//! together, and medians would not. The engine is the simulator's replica with that many requests under way.

use wattmill_catalog::{Catalog, Efficiency};
use wattmill_factory::{EngineSpec, Flavour, Layout};
use wattmill_perf::{Deployment, MemoryPlan, StepCost, StepModel, StepShape};
use wattmill_sim::{ClosedRun, Finished};
use wattmill_units::{Seconds, SimTime};

use crate::engine::{self, Effort, Engine, Frontend, MOST_CONCURRENCY, MOST_DEGREE, MOST_TOKENS};
use crate::errors::quantile;
use crate::kind::Kind;
use crate::labels;
use crate::lengths::{Spread, draw};
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::settings::{Held, Loop, Settings, Setup};
use crate::table::Row;

/// Requests that each client of a benchmark sends (InferenceX: `num_prompts = 10 x concurrency`).
const MEASURED_ROUNDS: f64 = 10.0;
/// The same in runs with prompts of whole thousands, which do not state it: measured TTFTs hold a fifth
/// of what the first round takes, in which all clients start together.
const ROUNDS_OF_THOUSANDS: f64 = 5.0;
/// Rounds of the loop between prefill and decode pools after which their shares have settled.
const SETTLING_ROUNDS: usize = 4;

/// How far answers of one length are taken to differ where clients drift out of step. TTFTs measured
/// at fixed lengths rise with the concurrency as those of clients out of step do; in a simulated
/// loop nothing but the lengths moves them apart.
const DRIFT: f64 = 0.1;

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// What runs where.
    pub pools: Pools<'a>,
    /// Prompt tokens, the most of a request.
    pub input: u32,
    /// Output tokens, the most of a request.
    pub output: u32,
    /// How lengths vary.
    pub spread: Spread,
    /// Requests in flight on all replicas that are measured.
    pub concurrency: u32,
    /// Whether medians were published and not means.
    pub median: bool,
    /// Requests that each client sent.
    pub rounds: f64,
    /// Whether the servers were told to gather tokens over several steps, as InferenceX's later runs do
    /// (stream interval).
    pub gathers: bool,
    /// Whether the servers were told to hold prompts back, and how.
    pub held: Option<Held>,
    /// Steps of answers between two looks at the queue; 1: at each.
    pub polled: u32,
}

/// Replicas of one kind.
#[derive(Clone, Copy, Debug)]
pub struct Pool<'a> {
    /// One of them.
    pub deployment: Deployment<'a>,
    /// How many there are.
    pub workers: u32,
}

/// Where prompts and answers are computed.
#[derive(Clone, Copy, Debug)]
pub enum Pools<'a> {
    /// On the same replica.
    Together(Deployment<'a>),
    /// Prompts in one pool, answers in another that gets the KV cache sent.
    Apart {
        /// Computes prompts.
        prefill: Pool<'a>,
        /// Computes answers.
        decode: Pool<'a>,
    },
}

impl Case<'_> {
    /// The replica that answers.
    pub const fn deployment(&self) -> &Deployment<'_> {
        match &self.pools {
            Pools::Together(deployment) => deployment,
            Pools::Apart { decode, .. } => &decode.deployment,
        }
    }

    /// Accelerators of all replicas.
    pub fn accelerators(&self) -> u32 {
        match &self.pools {
            Pools::Together(deployment) => deployment.spec.layout.accelerators(),
            Pools::Apart { prefill, decode } => [prefill, decode]
                .iter()
                .map(|pool| pool.workers * pool.deployment.spec.layout.accelerators())
                .sum(),
        }
    }
}

/// What a row of [`Kind::Serving`] or [`Kind::LongPrompt`] measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, kind: Kind, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let name = row.needed_text("model")?;
    let model = labels::model(name, catalog)?;
    let chip = labels::accelerator(row.needed_text("gpu")?, catalog)?;
    let backend = row.needed_text("backend")?;
    let flavour = labels::flavour(backend)?;
    let label = row.text("precision_label").or(row.text("gemm_quant_mode"));
    let precision = labels::precision_or_published(label, name, model)?;
    let mut concurrency = row.needed_count("concurrency", MOST_CONCURRENCY)?;
    let input = row.needed_count("isl_tokens", MOST_TOKENS)?;
    let output = row.needed_count("osl_tokens", MOST_TOKENS)?;
    let mode = row.text("mode").unwrap_or("agg");

    let inferencex = row.text("src_kind").is_some_and(|source| {
        source == "other" || source.starts_with("inferencex_") && kind == Kind::Serving
    });
    let of_thousands = is_of_thousands(row, input);
    let spread = match flavour {
        _ if inferencex => Spread::From(0.8),
        // Prompts that go first keep the clients in step: all wait for the last prompt.
        Flavour::Sglang if !of_thousands => Spread::Fixed,
        _ => Spread::Adrift(DRIFT),
    };
    let spec = |layout, concurrency| -> EngineSpec {
        engine::spec(layout, flavour, precision, chip, input, concurrency)
    };
    let longest = u64::from(input) + u64::from(output);
    engine::within_context(model, longest)?;
    engine::affordable(concurrency, longest)?;
    let (mut held, mut polled) = (None, 1);
    let pools = if mode == "disagg" {
        let pool = |columns: &PoolColumns, longest: u64| -> Result<Pool<'a>, Reason> {
            let workers = row.count(columns.workers, MOST_DEGREE)?.unwrap_or(1);
            let spec = spec(columns.layout(row)?, concurrency.div_ceil(workers));
            let deployment = engine::deployment(model, chip, catalog, spec)?;
            engine::holds(&deployment, longest)?;
            Ok(Pool { deployment, workers })
        };
        Pools::Apart { prefill: pool(&PREFILL, u64::from(input))?, decode: pool(&DECODE, longest)? }
    } else {
        let layout = spread_attention(row, AGGREGATED.layout(row)?, concurrency)?;
        // Some sources measure several equal replicas behind one router.
        let batch = row.count("batch_size", MOST_CONCURRENCY)?.unwrap_or(concurrency);
        let replica = batch.saturating_mul(layout.data_attention);
        if replica > 0 && concurrency > replica && concurrency.is_multiple_of(replica) {
            concurrency = replica;
        }
        let mut spec = spec(layout, concurrency);
        let setup = Setup { tensor: layout.tensor, input, output, concurrency };
        if let Some(set) = Settings::of(row, (flavour, &model.id, &chip.id, precision), setup) {
            spec = set.applied(spec);
            (held, polled) = (set.held(&spec), set.polled());
            let whole = EngineSpec { memory_fraction: 1.0, ..spec };
            let whole = MemoryPlan::of(&engine::deployment(model, chip, catalog, whole)?);
            spec.memory_fraction = set.memory_fraction(&whole).unwrap_or(spec.memory_fraction);
        }
        let deployment = engine::deployment(model, chip, catalog, spec)?;
        engine::holds(&deployment, longest)?;
        Pools::Together(deployment)
    };

    let source = row.text("src_kind").unwrap_or_default().to_owned();
    let known = row.text("quality").is_none_or(|quality| quality != "B");
    let read = row.text("verification").is_none_or(|how| how != "recalled_not_reread");
    let mut case = Case {
        measured: Measured {
            line: row.line,
            group: Group {
                model: model.id.clone(),
                accelerator: chip.id.clone(),
                engine: flavour.name().to_owned(),
                mode: mode.to_owned(),
                precision: precision.name().to_owned(),
                concurrency: Some(concurrency),
                source,
            },
            headline: known && read,
            figures: Vec::new(),
        },
        pools,
        input,
        output,
        spread,
        concurrency,
        median: kind == Kind::LongPrompt,
        rounds: if of_thousands { ROUNDS_OF_THOUSANDS } else { MEASURED_ROUNDS },
        gathers: gathers(row, flavour),
        held,
        polled,
    };
    case.measured.figures = figures(row, kind, &case)?;
    Ok(case)
}

/// Whether a row is of AIConfigurator's runs with prompts of whole thousands of tokens. In those with
/// powers of two SGLang's clients stay in step. In these they do not: answers of 100 tokens take 1.35
/// times as long per token, because others' prompts come between, and first tokens a quarter of the
/// time.
fn is_of_thousands(row: &Row<'_>, input: u32) -> bool {
    row.text("src_kind") == Some("aic_gap_analysis") && input.is_multiple_of(1_000)
}

/// Whether servers were told to gather: in InferenceX's published database. What SGLang was told its
/// scripts say, where they are known.
fn gathers(row: &Row<'_>, flavour: Flavour) -> bool {
    row.text("src_kind") == Some("inferencex_db_dump") && flavour != Flavour::Sglang
}

fn figures(row: &Row<'_>, kind: Kind, case: &Case<'_>) -> Result<Vec<(Metric, f64)>, Reason> {
    let accelerators = f64::from(case.accelerators());
    if kind == Kind::LongPrompt {
        let mut figures = vec![
            (Metric::Ttft, row.needed("ttft_median_ms")?),
            (Metric::Tpot, row.needed("tpot_median_ms")?),
        ];
        figures.extend(row.number("e2e_median_s").map(|s| (Metric::EndToEnd, s)));
        let rate = row.number("output_tok_s");
        figures.extend(rate.map(|rate| (Metric::OutputRate, rate / accelerators)));
        return Ok(figures);
    }
    let (ttft, tpot) = (row.needed("ttft_ms")?, row.needed("tpot_ms")?);
    Ok(vec![
        (Metric::Ttft, ttft),
        (Metric::Tpot, tpot),
        (Metric::OutputRate, rate_of(ttft, tpot, case)),
    ])
}

/// Output tokens a second of one accelerator that follow from the latencies: every client gets its
/// tokens in the time to the first and to each further one.
fn rate_of(ttft_ms: f64, tpot_ms: f64, case: &Case<'_>) -> f64 {
    let output = f64::from(case.output);
    let seconds = (ttft_ms + tpot_ms * (output - 1.0)) * 1e-3;
    f64::from(case.concurrency) * output / seconds / f64::from(case.accelerators())
}

/// Columns of one kind of replica.
struct PoolColumns {
    workers: &'static str,
    tensor: &'static str,
    pipeline: &'static str,
    data_attention: &'static str,
    expert: &'static str,
}

const AGGREGATED: PoolColumns = PoolColumns {
    workers: "",
    tensor: "tp_size",
    pipeline: "pp_size",
    data_attention: "attention_dp_size",
    expert: "moe_ep_size",
};
const PREFILL: PoolColumns = PoolColumns {
    workers: "prefill_num_workers",
    tensor: "prefill_tp_size",
    pipeline: "prefill_pp_size",
    data_attention: "prefill_attention_dp_size",
    expert: "prefill_moe_ep_size",
};
const DECODE: PoolColumns = PoolColumns {
    workers: "decode_num_workers",
    tensor: "decode_tp_size",
    pipeline: "decode_pp_size",
    data_attention: "decode_attention_dp_size",
    expert: "decode_moe_ep_size",
};

impl PoolColumns {
    /// Blank degrees are 1.
    fn layout(&self, row: &Row<'_>) -> Result<Layout, Reason> {
        let degree = |column| Ok(row.count(column, MOST_DEGREE)?.unwrap_or(1));
        Ok(Layout {
            tensor: degree(self.tensor)?,
            pipeline: degree(self.pipeline)?,
            expert: degree(self.expert)?,
            data_attention: degree(self.data_attention)?,
            context: 1,
        })
    }
}

/// Where the attention groups are blank, they show in the batch of each: as many as the batch goes
/// into the concurrency, if that is the expert parallel degree.
fn spread_attention(row: &Row<'_>, layout: Layout, concurrency: u32) -> Result<Layout, Reason> {
    let blank = row.text(AGGREGATED.data_attention).is_none();
    let batch = row.count("batch_size", MOST_CONCURRENCY)?.unwrap_or(concurrency);
    let groups = layout.expert;
    let split = blank && groups > 1 && batch.checked_mul(groups) == Some(concurrency);
    if !split || !layout.tensor.is_multiple_of(groups) {
        return Ok(layout);
    }
    Ok(Layout { tensor: layout.tensor / groups, data_attention: groups, ..layout })
}

/// Predicts every figure of a case with the shares of peak in `efficiency`.
///
/// # Errors
/// Why it cannot be predicted after all.
pub fn predict(
    case: &Case<'_>,
    efficiency: &Efficiency,
    effort: Effort,
) -> Result<Vec<(Metric, f64)>, Reason> {
    match &case.pools {
        Pools::Together(deployment) => {
            let engine = Engine::compile(deployment, efficiency)?;
            let count = engine::requests(case.concurrency, case.output, effort.rounds);
            let exchanges = draw(case.spread, case.input, case.output, count);
            let frontend = engine.frontend(case.input);
            let run =
                engine.run(&engine.surface, case.concurrency, frontend, SimTime::ZERO, &exchanges);
            Ok(together(case, &run, engine.gathered_steps(case.gathers)))
        }
        Pools::Apart { prefill, decode } => apart(case, prefill, decode, efficiency, effort),
    }
}

fn together(case: &Case<'_>, run: &ClosedRun, gathered: f64) -> Vec<(Metric, f64)> {
    if case.median {
        let tpot = median_ms(run.tpot());
        return vec![
            (Metric::Ttft, median_ms(run.ttft()) + gathered * tpot),
            (Metric::Tpot, tpot),
            (Metric::EndToEnd, median_ms(run.e2e()) * 1e-3),
            (Metric::OutputRate, run.output_per_s() / f64::from(case.accelerators())),
        ];
    }
    let (ttft, tpot) =
        (case.mean_ttft_ms(run, case.concurrency), case.mean_tpot_ms(run, case.concurrency));
    let waited = gathered + case.waited_steps(ttft, tpot);
    figures_of(case, ttft + waited * tpot, tpot)
}

fn figures_of(case: &Case<'_>, ttft: f64, tpot: f64) -> Vec<(Metric, f64)> {
    let mut all = vec![(Metric::Ttft, ttft), (Metric::OutputRate, rate_of(ttft, tpot, case))];
    // A single token has no time between tokens.
    all.extend((case.output > 1).then_some((Metric::Tpot, tpot)));
    all
}

/// Median of times, ms; 0 without any.
pub(crate) fn median_ms(times: impl Iterator<Item = SimTime>) -> f64 {
    let mut ms: Vec<f64> = times.map(|time| time.as_seconds().as_ms()).collect();
    quantile(&mut ms, 0.5).unwrap_or(0.0)
}

/// Mean of times, ms, of which those of the first round, marked, count for one round in `rounds`
/// however many were simulated; 0 without any.
fn mean_ms(times: impl Iterator<Item = (bool, SimTime)>, rounds: f64) -> f64 {
    let mut sums = [(0.0, 0.0); 2];
    for (first, time) in times {
        let (sum, count) = &mut sums[usize::from(first)];
        *sum += time.as_seconds().as_ms();
        *count += 1.0;
    }
    let [(later, later_count), (first, first_count)] = sums;
    match (later_count > 0.0, first_count > 0.0) {
        (true, true) => {
            let share = 1.0 / rounds;
            first / first_count * share + later / later_count * (1.0 - share)
        }
        (true, false) => later / later_count,
        (false, true) => first / first_count,
        (false, false) => 0.0,
    }
}

impl Case<'_> {
    /// Steps that prompts wait before the scheduler knows of them or lets them in, in the mean over
    /// all rounds; in the first no answer is under way, and none waits.
    fn waited_steps(&self, ttft: f64, tpot: f64) -> f64 {
        let held = self.held.map_or(0.0, |held| {
            let lengths = (self.spread, self.input, self.output);
            held.mean_wait(Loop::of(self.concurrency, lengths, ttft, tpot))
        });
        let polled = f64::from(self.polled - 1) / 2.0;
        (held + polled) * (1.0 - 1.0 / self.rounds)
    }

    fn mean_ttft_ms(&self, run: &ClosedRun, clients: u32) -> f64 {
        let first = |done: &Finished| done.request.id < u64::from(clients);
        let ttft = |done: &Finished| done.first_token.since(run.sent_at(done));
        mean_ms(run.answers.iter().map(|done| (first(done), ttft(done))), self.rounds)
    }

    fn mean_tpot_ms(&self, run: &ClosedRun, clients: u32) -> f64 {
        let first = |done: &Finished| done.request.id < u64::from(clients);
        let times = run.answers.iter().filter_map(|done| Some((first(done), done.tpot()?)));
        mean_ms(times, self.rounds)
    }
}

/// Prompts wait for a prefill worker while the rest of the clients watch their answers come from
/// the decode workers. Each pool is a closed loop of its own, in which a client pauses for as long
/// as the other pool has it; a few rounds settle how many are where.
fn apart(
    case: &Case<'_>,
    prefill: &Pool<'_>,
    decode: &Pool<'_>,
    efficiency: &Efficiency,
    effort: Effort,
) -> Result<Vec<(Metric, f64)>, Reason> {
    let before = Engine::compile(&prefill.deployment, efficiency)?;
    let mut after = Engine::compile(&decode.deployment, efficiency)?;
    // The cache comes filled: no budget of prompt tokens holds a sequence up.
    after.limits.max_tokens = u32::MAX / 2;
    let answering = Answering(&after.surface);
    let transfer = transfer_time(&before, prefill, efficiency, case.input);

    let clients = |workers: u32| case.concurrency.div_ceil(workers);
    let count = |workers| engine::requests(clients(workers), case.output, effort.rounds);
    let mut asked = draw(case.spread, case.input, case.output, count(prefill.workers));
    asked.iter_mut().for_each(|exchange| exchange.output = 1);
    let answered = draw(case.spread, case.input, case.output, count(decode.workers));

    let (mut ttft, mut tpot) = (0.0, 0.0);
    let mut waiting = SimTime::ZERO;
    for _ in 0..SETTLING_ROUNDS {
        let at_decode = clients(decode.workers);
        let run = after.run(&answering, at_decode, Frontend::default(), waiting, &answered);
        tpot = case.mean_tpot_ms(&run, at_decode);
        let answering_time = mean_ms(run.e2e().map(|time| (false, time)), case.rounds);
        let pause = SimTime::from_seconds(Seconds::from_ms(answering_time)) + transfer;
        let at_prefill = clients(prefill.workers);
        let frontend = before.frontend(case.input);
        let run = before.run(&before.surface, at_prefill, frontend, pause, &asked);
        ttft = case.mean_ttft_ms(&run, at_prefill);
        waiting = SimTime::from_seconds(Seconds::from_ms(ttft)) + transfer;
    }
    let gathered = after.gathered_steps(case.gathers) * tpot;
    Ok(figures_of(case, ttft + transfer.as_seconds().as_ms() + gathered, tpot))
}

/// Time to send the KV cache of a prompt to the decode worker: every accelerator sends what it holds
/// over its own scale-out link.
fn transfer_time(engine: &Engine, pool: &Pool<'_>, efficiency: &Efficiency, input: u32) -> SimTime {
    let bytes = engine.surface.memory().kv_per_token * f64::from(input);
    let time = match pool.deployment.accelerator.scaleout {
        Some(rate) if rate.as_bytes_per_s() > 0.0 => bytes / (rate * efficiency.scaleout),
        _ => return SimTime::ZERO,
    };
    SimTime::from_seconds(time + efficiency.scaleout_latency)
}

/// A decode worker: prompts cost nothing, their cache was sent.
struct Answering<'a, M>(&'a M);

impl<M: StepModel> StepModel for Answering<'_, M> {
    fn step(&self, shape: &StepShape) -> StepCost {
        if shape.decodes == 0 {
            return StepCost::default();
        }
        let decodes = StepShape { prefill: Default::default(), ..*shape };
        self.0.step(&decodes)
    }

    fn together(&self, shape: &StepShape) -> StepCost {
        self.0.together(&StepShape { prefill: Default::default(), ..*shape })
    }

    fn decode_run(&self, decodes: u32, context: u64) -> wattmill_perf::DecodeRun {
        self.0.decode_run(decodes, context)
    }
}
