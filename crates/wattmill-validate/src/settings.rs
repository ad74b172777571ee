//! What a campaign's published scripts set and its rows do not say.
//!
//! InferenceX keeps the script of every run in `benchmarks/` of SemiAnalysisAI/InferenceX. A row is of
//! the script as it stood on its day: here are those that set something else than [`engine::spec`] takes
//! for usual, each with the commit it was read at. They are conditions of a measurement and no results
//! of it.

use wattmill_catalog::Precision;
use wattmill_factory::{EngineSpec, Flavour};
use wattmill_perf::MemoryPlan;

use crate::engine;
use crate::lengths::Spread;
use crate::table::Row;

/// TensorRT-LLM's `batch_wait_timeout_iters` and `batch_wait_max_tokens_ratio`: while answers are under
/// way, new prompts are held until so many steps have passed or the step would have so many tokens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Held {
    /// Most steps.
    pub steps: f64,
    /// Tokens of prompts and answers under way that are enough.
    pub tokens: f64,
}

/// A closed loop, as far as it says how often a prompt comes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Loop {
    pub(crate) clients: f64,
    /// Mean tokens of a prompt.
    pub(crate) input: f64,
    /// Steps from a request to its last token.
    pub(crate) steps: f64,
}

impl Held {
    /// Steps that a prompt waits, in the mean over prompts that come independently of each other: the
    /// first waits for all of the window and those that come within it for half.
    pub(crate) fn mean_wait(&self, of: Loop) -> f64 {
        let between = of.steps / of.clients.max(1.0);
        let enough = ((self.tokens - of.clients) / of.input.max(1.0)).ceil().max(1.0) - 1.0;
        let window = self.steps.min(enough * between);
        let joined = window / between.max(f64::MIN_POSITIVE);
        window * (1.0 + joined / 2.0) / (1.0 + joined)
    }
}

/// Tokens of a step of one attention group.
#[derive(Clone, Copy, Debug)]
enum Budget {
    /// As is usual.
    Usual,
    /// So many.
    Tokens(u32),
    /// So many prompts.
    Prompts(u32),
}

/// Memory that the engine may use.
#[derive(Clone, Copy, Debug)]
enum Memory {
    /// A share of all.
    OfAll(f64),
    /// A share of all for weights and cache, activations come on top: SGLang's `mem-fraction-static`.
    Static(f64),
    /// A share of what weights and activations leave, for the cache: TensorRT-LLM's
    /// `free_gpu_memory_fraction`.
    OfRest(f64),
}

/// When prompts are held, and how long: steps, and share of the tokens of a step.
type Holding = (fn(&Setup) -> bool, f64, f64);
/// Steps between two looks at the queue (SGLang's `scheduler-recv-interval`).
type Polling = fn(&Setup) -> u32;

/// One script.
#[derive(Debug)]
struct Script {
    engine: Flavour,
    model: &'static str,
    chips: &'static [&'static str],
    precision: Option<Precision>,
    /// First day of the runs it is of.
    since: &'static str,
    /// Runs of it that are of this script; others of the day are as is usual.
    only: fn(&Setup) -> bool,
    budget: Budget,
    cache: Option<Precision>,
    memory: Option<Memory>,
    held: Option<Holding>,
    polled: Option<Polling>,
}

/// A run, as far as scripts look at it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Setup {
    pub(crate) tensor: u32,
    pub(crate) input: u32,
    pub(crate) output: u32,
    pub(crate) concurrency: u32,
}

const ALL: fn(&Setup) -> bool = |_| true;
/// A thousand tokens each way.
const SHORT: fn(&Setup) -> bool = |run| run.input == 1_024 && run.output == 1_024;

const USUAL: Script = Script {
    engine: Flavour::Vllm,
    model: "",
    chips: &[],
    precision: None,
    since: "2025-08-01",
    only: ALL,
    budget: Budget::Usual,
    cache: None,
    memory: None,
    held: None,
    polled: None,
};
/// More clients are looked for less often.
const RARELY: Polling = |run| if run.concurrency >= 16 { 30 } else { 10 };

/// Later ones of an engine, model, chip and format replace earlier ones for the runs they are of.
const SCRIPTS: &[Script] = &[
    // 70b_fp{4,8}_{b200,h200}_trt_slurm.sh @9596d23d74.
    Script {
        engine: Flavour::Trtllm,
        model: "llama-3.1-70b",
        chips: &["b200-sxm", "h200-sxm"],
        budget: Budget::Tokens(16_384),
        cache: Some(Precision::Fp8),
        memory: Some(Memory::OfRest(0.9)),
        held: Some((|run| SHORT(run) && run.tensor < 8, 20.0, 0.9)),
        ..USUAL
    },
    // gptoss_fp4_b200_trt_slurm.sh @9596d23d74.
    Script {
        engine: Flavour::Trtllm,
        model: "gpt-oss-120b",
        chips: &["b200-sxm"],
        budget: Budget::Tokens(20_000),
        memory: Some(Memory::OfRest(0.85)),
        ..USUAL
    },
    // gptoss_fp4_h200_trt_slurm.sh @9596d23d74: the cache in the format of the checkpoint.
    Script {
        engine: Flavour::Trtllm,
        model: "gpt-oss-120b",
        chips: &["h200-sxm"],
        budget: Budget::Tokens(20_000),
        cache: Some(Precision::Bf16),
        memory: Some(Memory::OfRest(0.85)),
        ..USUAL
    },
    // dsr1_fp{4,8}_b200_trt_slurm.sh and dsr1_fp8_h200_trt_slurm.sh @9596d23d74.
    Script {
        engine: Flavour::Trtllm,
        model: "deepseek-v3",
        chips: &["b200-sxm"],
        memory: Some(Memory::OfRest(0.8)),
        ..USUAL
    },
    Script {
        engine: Flavour::Trtllm,
        model: "deepseek-v3",
        chips: &["h200-sxm"],
        memory: Some(Memory::OfRest(0.75)),
        ..USUAL
    },
    // dsr1_fp8_b200_trt.sh @dcc0f53a88.
    Script {
        engine: Flavour::Trtllm,
        model: "deepseek-v3",
        chips: &["b200-sxm"],
        precision: Some(Precision::Fp8),
        since: "2026-01-29",
        memory: Some(Memory::OfRest(0.8)),
        held: Some((|run| SHORT(run) && run.concurrency >= 64, 40.0, 0.8)),
        ..USUAL
    },
    // dsr1_fp8_b200_docker.sh @9596d23d74, dsr1_fp8_b200.sh @12ba0ae072.
    Script {
        engine: Flavour::Sglang,
        model: "deepseek-v3",
        chips: &["b200-sxm"],
        precision: Some(Precision::Fp8),
        only: |run| run.tensor == 8,
        budget: Budget::Tokens(32_768),
        memory: Some(Memory::Static(0.82)),
        polled: Some(RARELY),
        ..USUAL
    },
    // dsr1_fp8_b200.sh @b0c4ed21b: weights leave four accelerators so little that nearly all of the rest
    // is the cache.
    Script {
        engine: Flavour::Sglang,
        model: "deepseek-v3",
        chips: &["b200-sxm"],
        precision: Some(Precision::Fp8),
        since: "2026-01-22",
        only: |run| run.tensor == 4,
        budget: Budget::Tokens(8_192),
        memory: Some(Memory::Static(0.95)),
        polled: Some(|_| 10),
        ..USUAL
    },
    // dsr1_fp4_b200_docker.sh @9596d23d74, dsr1_fp4_b200.sh @12ba0ae072.
    Script {
        engine: Flavour::Sglang,
        model: "deepseek-v3",
        chips: &["b200-sxm"],
        precision: Some(Precision::Fp4),
        memory: Some(Memory::Static(0.85)),
        polled: Some(RARELY),
        ..USUAL
    },
    // dsr1_fp8_h200_slurm.sh @9596d23d74, dsr1_fp8_h200.sh @12ba0ae072.
    Script {
        engine: Flavour::Sglang,
        model: "deepseek-v3",
        chips: &["h200-sxm"],
        precision: Some(Precision::Fp8),
        budget: Budget::Tokens(32_768),
        memory: Some(Memory::Static(0.82)),
        ..USUAL
    },
    // 70b_fp8_{h100,h200}_slurm.sh @9596d23d74.
    Script {
        model: "llama-3.1-70b",
        chips: &["h100-sxm", "h200-sxm"],
        precision: Some(Precision::Fp8),
        cache: Some(Precision::Fp8),
        ..USUAL
    },
    // gptoss_fp4_b200_docker.sh @e06929c701 leaves the cache in BF16, gptoss_fp4_b200.sh @8944a358cc
    // does not.
    Script { model: "gpt-oss-120b", chips: &["b200-sxm"], cache: Some(Precision::Bf16), ..USUAL },
    Script { model: "gpt-oss-120b", chips: &["b200-sxm"], since: "2026-02-01", ..USUAL },
    // minimaxm2.5_fp8_b200.sh @64c20b6b5b, minimaxm2.5_fp{4,8}_b200.sh @bddbf40317 and @49db20088e,
    // minimaxm2.5_fp8_h200.sh @bc818474fd.
    Script {
        model: "minimax-m2.5",
        chips: &["b200-sxm"],
        cache: Some(Precision::Bf16),
        memory: Some(Memory::OfAll(0.95)),
        ..USUAL
    },
    Script {
        model: "minimax-m2.5",
        chips: &["b200-sxm"],
        since: "2026-04-01",
        budget: Budget::Prompts(2),
        cache: Some(Precision::Fp8),
        ..USUAL
    },
    Script {
        model: "minimax-m2.5",
        chips: &["h200-sxm"],
        memory: Some(Memory::OfAll(0.95)),
        ..USUAL
    },
];

/// What was set for a run, if any script of it is known to set something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    script: &'static Script,
    run: Setup,
}

impl Settings {
    /// Of a row of that engine, model, chip and format.
    pub(crate) fn of(
        row: &Row<'_>,
        (engine, model, chip, precision): (Flavour, &str, &str, Precision),
        run: Setup,
    ) -> Option<Self> {
        let source = row.text("src_kind")?;
        let date = row.text("measured_date")?;
        let is = |script: &&Script| {
            (script.engine, script.model) == (engine, model)
                && script.chips.contains(&chip)
                && script.precision.is_none_or(|only| only == precision)
                && script.since <= date
                && (script.only)(&run)
        };
        let script = SCRIPTS.iter().rev().find(is)?;
        source.starts_with("inferencex_").then_some(Self { script, run })
    }

    /// The usual `spec` of a run as its script has it.
    pub(crate) fn applied(&self, spec: EngineSpec) -> EngineSpec {
        let groups = spec.layout.data_attention.max(1);
        let each = match self.script.budget {
            Budget::Usual => spec.max_tokens / groups,
            Budget::Tokens(tokens) => tokens,
            Budget::Prompts(prompts) => prompts.saturating_mul(self.run.input),
        };
        EngineSpec {
            max_tokens: each.saturating_mul(groups).clamp(1, engine::MOST_STEP_TOKENS),
            kv_precision: self.script.cache.unwrap_or(spec.kv_precision),
            ..spec
        }
    }

    /// Share of memory that a replica may use which has `whole` when it may use all.
    pub(crate) fn memory_fraction(&self, whole: &MemoryPlan) -> Option<f64> {
        let taken = (whole.weights + whole.activations) / whole.usable;
        let fraction = match self.script.memory? {
            Memory::OfAll(share) => share,
            Memory::Static(share) => share + whole.activations / whole.usable,
            Memory::OfRest(share) => taken + share * (1.0 - taken),
        };
        Some(fraction.min(1.0))
    }

    /// Steps between two looks at the queue; 1: at each.
    pub(crate) fn polled(&self) -> u32 {
        self.script.polled.map_or(1, |polled| polled(&self.run))
    }

    /// How prompts are held, if they are, in a replica of this `spec`.
    pub(crate) fn held(&self, spec: &EngineSpec) -> Option<Held> {
        let (when, steps, share) = self.script.held?;
        when(&self.run).then(|| Held { steps, tokens: share * f64::from(spec.max_tokens) })
    }
}

impl Loop {
    /// Of a benchmark whose first tokens come after `ttft` and the others every `tpot`.
    pub(crate) fn of(clients: u32, lengths: (Spread, u32, u32), ttft: f64, tpot: f64) -> Self {
        let (spread, input, output) = lengths;
        let steps = ttft / tpot.max(f64::MIN_POSITIVE) + (spread.mean(output) - 1.0);
        Self { clients: f64::from(clients), input: spread.mean(input), steps }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::Table;
    use wattmill_factory::Layout;

    const RUN: Setup = Setup { tensor: 4, input: 1_024, output: 1_024, concurrency: 64 };

    fn row(date: &str, source: &str) -> String {
        format!("model,gpu,measured_date,src_kind\nany,any,{date},{source}\n")
    }

    fn set(
        text: &str,
        of: (Flavour, &str, &str, Precision),
        run: Setup,
    ) -> Option<(EngineSpec, Option<Held>)> {
        let columns = "backend,concurrency,isl_tokens,osl_tokens,ttft_ms,tpot_ms";
        let mut lines = text.lines();
        let (head, row) = (lines.next().unwrap(), lines.next().unwrap());
        let table = Table::read(&format!("{head},{columns}\n{row},x,1,1,1,1,1\n")).unwrap();
        let row = table.rows().next().unwrap();
        let settings = Settings::of(&row, of, run)?;
        let layout = Layout::tensor(run.tensor);
        let spec = settings.applied(EngineSpec::new(layout, of.3));
        Some((spec, settings.held(&spec)))
    }

    #[test]
    fn a_row_is_of_the_script_of_its_day() {
        let minimax = (Flavour::Vllm, "minimax-m2.5", "b200-sxm", Precision::Fp8);
        let on = |date: &str| set(&row(date, "inferencex_csv_dump"), minimax, RUN).unwrap().0;
        let (before, after) = (on("2026-03-11"), on("2026-04-03"));
        assert_eq!((before.max_tokens, before.kv_precision), (8_192, Precision::Bf16));
        assert_eq!((after.max_tokens, after.kv_precision), (2_048, Precision::Fp8));
        assert!(set(&row("2026-03-11", "aic_gap_analysis"), minimax, RUN).is_none());
        let other = (Flavour::Vllm, "qwen3-32b", "b200-sxm", Precision::Fp8);
        assert!(set(&row("2026-03-11", "inferencex_csv_dump"), other, RUN).is_none());
    }

    #[test]
    fn a_script_is_of_the_runs_it_names() {
        let deepseek = (Flavour::Sglang, "deepseek-v3", "b200-sxm", Precision::Fp8);
        let tokens = |tensor| {
            let row = row("2026-03-25", "inferencex_db_dump");
            set(&row, deepseek, Setup { tensor, ..RUN }).map(|(spec, _)| spec.max_tokens)
        };
        assert_eq!([tokens(8), tokens(4), tokens(2)], [Some(32_768), Some(8_192), None]);
    }

    #[test]
    fn prompts_are_held_where_the_script_says_so() {
        let llama = (Flavour::Trtllm, "llama-3.1-70b", "h200-sxm", Precision::Fp8);
        let held = |run| set(&row("2025-10-29", "inferencex_csv_dump"), llama, run).unwrap().1;
        assert_eq!(held(RUN), Some(Held { steps: 20.0, tokens: 0.9 * 16_384.0 }));
        assert_eq!(held(Setup { tensor: 8, ..RUN }), None);
        assert_eq!(held(Setup { output: 8_192, ..RUN }), None);
    }

    #[test]
    fn a_lone_prompt_waits_for_all_of_the_window_and_many_for_half() {
        let held = Held { steps: 20.0, tokens: 14_745.0 };
        let wait = |clients| held.mean_wait(Loop { clients, input: 900.0, steps: 900.0 });
        assert!((wait(1.0) - 20.0).abs() < 0.3, "{}", wait(1.0));
        assert!((wait(128.0) - 12.6).abs() < 0.1, "{}", wait(128.0));
        // So many come that tokens are enough long before the time is up.
        assert!(wait(4_096.0) < 2.0, "{}", wait(4_096.0));
    }
}
