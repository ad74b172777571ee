//! A published deployment as the model sees it: limits the engines are run with, and runs.

use wattmill_catalog::{Accelerator, Catalog, Efficiency, Model, Overheads, Precision};
use wattmill_factory::{EngineSpec, Flavour, Layout};
use wattmill_perf::{Deployment, MemoryPlan, StepModel, StepSurface};
use wattmill_policy::BatchLimits;
use wattmill_sim::{ClosedLoop, ClosedRun, Exchange, Steady};
use wattmill_units::{Seconds, SimTime};

use crate::lengths::{Spread, draw};
use crate::outcome::Reason;

/// Largest parallel degree or worker count that is read.
pub(crate) const MOST_DEGREE: u32 = 4_096;
/// Most requests in flight that are simulated.
pub(crate) const MOST_CONCURRENCY: u32 = 65_536;
/// Longest prompt or answer that is simulated.
pub(crate) const MOST_TOKENS: u32 = 1 << 22;
/// Most tokens of all requests in flight that are simulated; measured are up to 2^27.
const MOST_UNDER_WAY: u64 = 1 << 30;
/// Output tokens of a run beyond which rounds are left out.
const MOST_RUN_TOKENS: u64 = 1 << 31;

/// Most tokens of a step that are simulated.
pub(crate) const MOST_STEP_TOKENS: u32 = 1 << 24;

/// How long a prediction may simulate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// Rounds of a closed loop: requests per client. Benchmarks send 10; a fit does with 3, which
    /// weighs the first round, in which all clients start together, more.
    pub rounds: u32,
}

impl Default for Effort {
    /// As benchmarks do.
    fn default() -> Self {
        Self { rounds: 10 }
    }
}

/// Most tokens that one attention group of an engine puts into a step, where the row does not say.
///
/// vLLM: 8,192, its default for a server and what InferenceX sets. SGLang: 16,384, its default on
/// chips of 90 GB and more and what InferenceX sets (`--chunked-prefill-size`). TensorRT-LLM: 8,192,
/// its default, or what a prompt and one token of each running sequence need, which is what
/// InferenceX sets (`max_num_tokens = max(8192, round_up(conc + isl + 64, 64))`).
pub(crate) fn step_tokens(flavour: Flavour, isl: u32, concurrency: u32) -> u32 {
    match flavour {
        Flavour::Vllm => 8_192,
        Flavour::Sglang => 16_384,
        Flavour::Trtllm => isl.saturating_add(concurrency).saturating_add(127) / 64 * 64,
    }
    .max(8_192)
}

/// Format of the KV cache, where the row does not say: FP8 in TensorRT-LLM, whose quantised
/// checkpoints bring it along, and on chips with FP4 units (InferenceX sets it on Blackwell); BF16
/// beside BF16 weights and otherwise.
pub(crate) fn cache_precision(
    flavour: Flavour,
    weights: Precision,
    chip: &Accelerator,
) -> Precision {
    let quantised = weights != Precision::Bf16;
    if quantised && (flavour == Flavour::Trtllm || chip.peak(Precision::Fp4).is_some()) {
        Precision::Fp8
    } else {
        Precision::Bf16
    }
}

/// The limits of one replica that never has more than `concurrency` requests, which is what its
/// batch is sized for.
pub(crate) fn spec(
    layout: Layout,
    flavour: Flavour,
    precision: Precision,
    chip: &Accelerator,
    isl: u32,
    concurrency: u32,
) -> EngineSpec {
    let groups = layout.data_attention.max(1);
    let each = step_tokens(flavour, isl, concurrency.div_ceil(groups));
    EngineSpec {
        flavour,
        kv_precision: cache_precision(flavour, precision, chip),
        max_seqs: concurrency.max(1),
        max_tokens: each.saturating_mul(groups).min(MOST_STEP_TOKENS),
        ..EngineSpec::new(layout, precision)
    }
}

/// A deployment, if it can be.
///
/// # Errors
/// What speaks against it.
pub(crate) fn deployment<'a>(
    model: &'a Model,
    chip: &'a Accelerator,
    catalog: &'a Catalog,
    spec: EngineSpec,
) -> Result<Deployment<'a>, Reason> {
    let Some(efficiency) = catalog.efficiency(&chip.family) else {
        let family = &chip.family;
        return Err(Reason::Unsupported(format!("no efficiency of the chip family `{family}`")));
    };
    let deployment = Deployment {
        model,
        accelerator: chip,
        efficiency,
        spec,
        accelerators_per_domain: chip.scaleup_domain.unwrap_or(1),
    };
    let problems = deployment.problems();
    if problems.is_empty() { Ok(deployment) } else { Err(Reason::Layout(problems)) }
}

/// Refuses requests that the replica could never hold.
pub(crate) fn holds(deployment: &Deployment<'_>, tokens: u64) -> Result<(), Reason> {
    let cache = MemoryPlan::of(deployment).tokens();
    if tokens > cache { Err(Reason::TooLong { tokens, cache }) } else { Ok(()) }
}

/// Refuses requests that are longer than what the model was made for.
pub(crate) fn within_context(model: &Model, tokens: u64) -> Result<(), Reason> {
    let context = model.context;
    if context > 0 && tokens > u64::from(context) {
        return Err(Reason::Context { tokens, context, model: model.id.clone() });
    }
    Ok(())
}

/// Requests of this mean length that fit the cache of `deployment` side by side; see
/// [`Engine::batch`].
pub(crate) fn batch_of(deployment: &Deployment<'_>, input: u32, output: u32) -> u32 {
    fit(&MemoryPlan::of(deployment), deployment.spec.max_seqs, input, output)
}

fn fit(memory: &MemoryPlan, max_seqs: u32, input: u32, output: u32) -> u32 {
    let each = (u64::from(input) + u64::from(output)).max(1);
    (memory.tokens() / each).clamp(1, u64::from(max_seqs.max(1))) as u32
}

/// Refuses more work than a row is worth.
pub(crate) fn affordable(requests: u32, tokens: u64) -> Result<(), Reason> {
    let most = MOST_UNDER_WAY;
    if tokens.saturating_mul(u64::from(requests)) > most {
        return Err(Reason::TooMuch { requests, tokens, most });
    }
    Ok(())
}

/// What stands between clients and an engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Frontend {
    latency: SimTime,
    service: SimTime,
}

impl Frontend {
    /// What delays one request, and what delays those behind it too.
    pub(crate) const fn times(self) -> (SimTime, SimTime) {
        (self.latency, self.service)
    }
}

/// One replica, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Engine {
    pub(crate) surface: StepSurface,
    pub(crate) limits: BatchLimits,
    overheads: Overheads,
}

impl Engine {
    pub(crate) fn compile(
        deployment: &Deployment<'_>,
        efficiency: &Efficiency,
    ) -> Result<Self, Reason> {
        let deployment = Deployment { efficiency, ..*deployment };
        let spec = &deployment.spec;
        let surface = StepSurface::compile(&deployment).map_err(Reason::Layout)?;
        let blocks = surface.memory().blocks;
        let limits = BatchLimits::new(spec.max_seqs, spec.max_tokens, spec.block_tokens, blocks)
            .flavoured(spec.flavour);
        let overheads = efficiency.overheads(spec.flavour.name());
        Ok(Self { surface, limits, overheads })
    }

    /// Decode steps that a first token waits to be sent, if the server `gathers` at all.
    pub(crate) const fn gathered_steps(&self, gathers: bool) -> f64 {
        if gathers { self.overheads.gathered_steps } else { 0.0 }
    }

    /// What a prompt of `input` tokens meets before the engine has it.
    pub(crate) fn frontend(&self, input: u32) -> Frontend {
        let o = &self.overheads;
        let time = |seconds: f64| SimTime::from_seconds(Seconds::from_s(seconds));
        let service = time(o.request + o.prompt_token * f64::from(input));
        Frontend { latency: time(o.latency), service }
    }

    pub(crate) fn run(
        &self,
        model: &impl StepModel,
        concurrency: u32,
        frontend: Frontend,
        pause: SimTime,
        exchanges: &[Exchange],
    ) -> ClosedRun {
        let Frontend { latency, service } = frontend;
        let clients = ClosedLoop { concurrency, exchanges, latency, service, pause };

        clients.run(model, self.limits)
    }
}

/// Requests of a closed loop: `rounds` a client, fewer where they would be too much work.
pub(crate) fn requests(concurrency: u32, output: u32, rounds: u32) -> usize {
    let wanted = u64::from(concurrency) * u64::from(rounds.max(1));
    let affordable = MOST_RUN_TOKENS / u64::from(output.max(1));
    wanted.min(affordable.max(u64::from(concurrency))) as usize
}

/// Rounds of a run at maximum load: the first fills the batch, the last drains it, and what lies
/// between is measured.
const LOADED_ROUNDS: u32 = 4;

impl Engine {
    /// The replica with `concurrency` requests always under way, measured while all of them are.
    ///
    /// # Errors
    /// [`Reason::TooLong`] if it can hold none of these requests.
    pub(crate) fn loaded(
        &self,
        concurrency: u32,
        spread: Spread,
        input: u32,
        output: u32,
    ) -> Result<Steady, Reason> {
        let count = requests(concurrency, output, LOADED_ROUNDS);
        let exchanges = draw(spread, input, output, count);
        let none = SimTime::ZERO;
        let clients = ClosedLoop {
            concurrency,
            exchanges: &exchanges,
            latency: none,
            service: none,
            pause: none,
        };
        clients.steady(&self.surface, self.limits).ok_or_else(|| Reason::TooLong {
            tokens: u64::from(input) + u64::from(output),
            cache: self.surface.memory().tokens(),
        })
    }

    /// Requests of this mean length that fit the cache side by side, at most as many as the engine
    /// runs, at least one.
    pub(crate) fn batch(&self, input: u32, output: u32) -> u32 {
        fit(self.surface.memory(), self.limits.max_seqs, input, output)
    }

    /// Power of one accelerator over a stretch, W; `None` where nothing states its limit.
    pub(crate) fn accelerator_power(&self, steady: &Steady) -> Option<f64> {
        let dynamic = steady.usage.dynamic_energy() / steady.busy();
        let power = self.surface.idle_power()? + dynamic;
        Some(power.as_watts() / f64::from(self.surface.accelerators()))
    }
}

/// Most sequences that one attention group runs by default: vLLM 1,024 (`max_num_seqs` on chips of
/// 70 GB and more), TensorRT-LLM 2,048 (`max_batch_size`), SGLang as many, its own limit depending
/// on memory.
pub(crate) const fn most_sequences(flavour: Flavour) -> u32 {
    match flavour {
        Flavour::Vllm => 1_024,
        Flavour::Sglang | Flavour::Trtllm => 2_048,
    }
}

/// Limits at maximum load: the batch is what the engine runs by default, if the cache holds it.
pub(crate) fn loaded_spec(
    layout: Layout,
    flavour: Flavour,
    precision: Precision,
    chip: &Accelerator,
    input: u32,
) -> EngineSpec {
    let sequences = most_sequences(flavour).saturating_mul(layout.data_attention.max(1));
    spec(layout, flavour, precision, chip, input, sequences)
}
