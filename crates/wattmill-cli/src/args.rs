//! What can be typed.

mod value;

use std::path::PathBuf;

use clap::{Args as ClapArgs, Parser, Subcommand, ValueEnum};
use wattmill::units::{Power, Seconds};

use crate::known::CalibrationArgs;
pub(crate) use value::Swap;
use value::{
    arrivals, burst, chunk, clock, column_and_value, day_requests, factor, flavour, growth,
    imbalance, power_cap, precision, preemption, recompute, router, share, span, speculation,
    tokens, training_format, week, window,
};

/// Watts in, tokens out: plans, simulates and explains AI factories.
#[derive(Debug, Parser)]
#[command(name = "wattmill", version, about, max_term_width = 100)]
pub(crate) struct Args {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Plan a factory over its years: what runs when, what it yields, what it costs, what binds.
    Run(Run),
    /// Put factories side by side, and split the difference of each from the first by cause.
    Compare(Compare),
    /// Plan a factory at many values of what is varied in it, into a Parquet table.
    Sweep(Sweep),
    /// Simulate a trace or synthetic traffic, request by request.
    Replay(Box<Replay>),
    /// Simulate a fleet of sites and pools under that traffic: routers, admission, autoscalers,
    /// hand-over of prompts, failures.
    Serve(Box<Serve>),
    /// Show what one step of an engine consists of: each operator's work, time, bound and the
    /// measurements it is priced by.
    Explain(Box<Explain>),
    /// Simulate a window of a factory's plan, request by request, and compare it with the plan.
    Zoom(Zoom),
    /// Price a training job: a step by part, memory, MFU, days, MWh and cost; in the best layout.
    Train(Box<Train>),
    /// Hold the model against measurements and print its error.
    Validate(Validate),
    /// Fit engine constants to measurements of your own machine, and tell whether that helps.
    Calibrate(Calibrate),
    /// Check a factory file and tell every problem at once.
    Check(Check),
    /// Tell how many accelerators a power holds, under each way of counting that is in public use,
    /// beside the published figures.
    Gigawatt(Gigawatt),
    /// Show what is known of hardware, models and traffic, with its sources.
    Catalog(Catalog),
    /// Measure how fast the simulator is on this machine.
    Bench(Bench),
}

impl Command {
    /// Whether the answer is to be a JSON document.
    pub(crate) const fn json(&self) -> bool {
        match self {
            Self::Run(run) => run.output.json,
            Self::Compare(compare) => compare.output.json,
            Self::Sweep(sweep) => sweep.json,
            Self::Replay(replay) => replay.output.json,
            Self::Serve(serve) => serve.output.json,
            Self::Explain(explain) => explain.json,
            Self::Zoom(zoom) => zoom.output.json,
            Self::Train(train) => train.json,
            Self::Validate(validate) => validate.output.json,
            Self::Calibrate(calibrate) => calibrate.json,
            Self::Check(check) => check.json,
            Self::Gigawatt(gigawatt) => gigawatt.json,
            Self::Catalog(catalog) => catalog.json,
            Self::Bench(Bench { command: BenchCommand::Day(day) }) => day.json,
        }
    }
}

/// `wattmill run`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Run {
    /// Factory file, or the name of a built-in one (ten-gigawatt by default).
    pub(crate) factory: Option<String>,
    /// Print every site in every quarter.
    #[arg(long)]
    pub(crate) sites: bool,
    /// Draw what the file states as a distribution this many times, and tell P10, P50 and P90 of
    /// every figure, what matters most, and how likely the targets are.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) samples: Option<u64>,
    /// First day of the week whose hours of energy the page shows; one worth looking at by default.
    #[arg(long, value_parser = wattmill::config::read_day, value_name = "DAY", requires = "html")]
    pub(crate) week: Option<jiff::civil::Date>,
    /// Tell the least that the same draw could have cost at sites with more than firm sources at
    /// constant prices: an optimiser that knows this many days at a time. More days take longer.
    #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=31))]
    pub(crate) bound: Option<u32>,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `wattmill compare`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Compare {
    /// Factory file that the others are compared with, or the name of a built-in one.
    #[arg(value_name = "A")]
    pub(crate) base: String,
    /// Factory files, or names of built-in ones.
    #[arg(value_name = "B", required = true)]
    pub(crate) others: Vec<String>,
    /// Draw what the files state as distributions this many times, the same numbers for what they
    /// have in common, and tell how the difference spreads.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) samples: Option<u64>,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `wattmill sweep`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Sweep {
    /// Factory file, or the name of a built-in one.
    pub(crate) factory: String,
    /// A value of the file and what it is varied over, such as
    /// 'site.abilene.grid.price=20..90 USD/MWh', 'phase.first gigawatt.first_rack=2026-10-01..2027-10-01'
    /// or 'phase.first gigawatt.system=gb300-nvl72, vr-nvl72'. May be given several times.
    #[arg(long, value_name = "PATH=VALUES", required = true)]
    pub(crate) vary: Vec<String>,
    /// Points; of a grid the values of each range.
    #[arg(long, value_name = "N", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=10_000_000))]
    pub(crate) points: u64,
    /// How points are chosen.
    #[arg(long, default_value = "grid")]
    pub(crate) design: SweepDesign,
    /// Seed of random points (the factory's by default).
    #[arg(long)]
    pub(crate) seed: Option<u64>,
    /// Parquet table of the points. Points that it has already are not computed again.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// How points of a sweep are chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SweepDesign {
    /// Every combination of evenly spaced values and all values of lists.
    Grid,
    /// Each value on its own; more points begin with the same ones.
    Random,
    /// Latin hypercube: every part of every range once.
    Lhs,
}

/// Where an answer goes besides the terminal.
#[derive(Debug, ClapArgs)]
pub(crate) struct Output {
    /// Print one JSON document instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
    /// Write a self-contained page with pictures.
    #[arg(long, value_name = "FILE")]
    pub(crate) html: Option<PathBuf>,
}

/// `wattmill validate`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Validate {
    /// What to validate, all by default, then measured tables as CSV: rows of models, accelerators,
    /// layouts and what was measured on them, which may be your own. Without tables the figures
    /// that come with Wattmill are taken.
    #[arg(value_name = "WHAT|FILE")]
    pub(crate) what_and_files: Vec<String>,
    /// Value of a column that the rows of the files leave blank, such as `tp_size=2`; may be given
    /// several times.
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = column_and_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Write every row's prediction, or why it has none, as CSV.
    #[arg(long, value_name = "FILE")]
    pub(crate) csv: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `wattmill calibrate`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Calibrate {
    /// Measured tables as CSV, of any kind that `wattmill validate` takes: rows of models,
    /// accelerators, layouts and what was measured on them.
    #[arg(value_name = "RESULTS", required = true)]
    pub(crate) files: Vec<String>,
    /// Value of a column that the rows of the files leave blank, such as `tp_size=2`; may be given
    /// several times.
    #[arg(long, value_name = "COLUMN=VALUE", value_parser = column_and_value)]
    pub(crate) set: Vec<(String, String)>,
    /// Write the constants that help, for `--calibration` of other commands.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Take constants even if they are of too few points or help none that were held out.
    #[arg(long)]
    pub(crate) force: bool,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wattmill check`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Check {
    /// Factory file, or the name of a built-in one.
    pub(crate) factory: String,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wattmill zoom`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Zoom {
    /// Factory file, or the name of a built-in one.
    pub(crate) factory: String,
    /// Start of the window, UTC unless its offset is given, such as 2027-03-09T18:00.
    #[arg(long, value_name = "MOMENT", value_parser = wattmill::config::read_moment)]
    pub(crate) at: jiff::civil::DateTime,
    /// Length of the window, such as "10min".
    #[arg(long = "for", value_name = "SPAN")]
    pub(crate) length: Seconds,
    /// Only this site.
    #[arg(long)]
    pub(crate) site: Option<String>,
    /// Only this service.
    #[arg(long)]
    pub(crate) service: Option<String>,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// `wattmill bench`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Bench {
    #[command(subcommand)]
    pub(crate) command: BenchCommand,
}

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum BenchCommand {
    /// A day of the world's chat, every request simulated, on as many replicas as it needs.
    ///
    /// Lengths, hourly shape, SLO, model and machine are those of the factory's first service.
    Day(Day),
}

/// `wattmill bench day`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Day {
    /// Factory file, or the name of a built-in one.
    #[arg(default_value = "ten-gigawatt")]
    pub(crate) factory: String,
    /// Requests of the whole day: what ChatGPT's users sent in July 2025.
    #[arg(long, default_value_t = 2.6e9, value_parser = day_requests)]
    pub(crate) requests: f64,
    /// Only this fraction of the requests, on as much of the fleet.
    #[arg(long, default_value_t = 1.0, value_parser = share)]
    pub(crate) fraction: f64,
    /// Threads; as many as there are processors by default. The answer does not depend on them.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1024))]
    pub(crate) threads: Option<u32>,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wattmill gigawatt`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Gigawatt {
    /// Systems by their id.
    #[arg(value_name = "SYSTEM", default_values = ["dgx-h100", "gb200-nvl72", "vr-nvl72"])]
    pub(crate) systems: Vec<String>,
    /// The power, counted as each convention says.
    #[arg(long, default_value = "1 GW")]
    pub(crate) power: Power,
    /// Facility over IT power at peak, as sites of a factory file have it by default.
    #[arg(long, value_name = "RATIO", default_value_t = 1.4)]
    pub(crate) pue_peak: f64,
    /// Facility over IT energy of a year, likewise.
    #[arg(long, value_name = "RATIO", default_value_t = 1.1)]
    pub(crate) pue_year: f64,
    /// Print one JSON document.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wattmill catalog`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Catalog {
    #[command(subcommand)]
    pub(crate) command: Option<CatalogCommand>,
    /// Print one JSON document.
    #[arg(long, global = true)]
    pub(crate) json: bool,
}

/// What to show of the catalogue.
#[derive(Debug, Subcommand)]
pub(crate) enum CatalogCommand {
    /// Every row, a line each.
    List {
        /// Only this kind.
        kind: Option<CatalogKind>,
    },
    /// One row with every value, its unit, source and date.
    Show {
        /// Its id or an alias.
        id: String,
    },
}

/// Kinds of catalogue rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CatalogKind {
    /// Accelerator packages.
    Accelerators,
    /// Servers, racks and pods.
    Systems,
    /// Model architectures.
    Models,
    /// Prompt and answer lengths.
    Lengths,
    /// Daily shapes of traffic.
    Shapes,
    /// Achieved shares of peaks, by chip family.
    Efficiencies,
}

/// `wattmill replay`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Replay {
    #[command(flatten)]
    pub(crate) traffic: Traffic,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Replicas behind one router.
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Engine")]
    pub(crate) replicas: u32,
    /// Who chooses the replica: round-robin, random, power-of-two, least-loaded (in tokens) or
    /// kv-aware (what is cached, and load).
    #[arg(long, value_name = "NAME", default_value = "round-robin", value_parser = router, help_heading = "Engine")]
    pub(crate) router: wattmill::policy::RouterKind,
    /// Keep the beginnings of prompts for others that begin alike, as traces with hashes and
    /// sessions have them.
    #[arg(long, help_heading = "Engine")]
    pub(crate) prefix_caching: bool,
    /// With --dp: each attention group has a batch of its own and waits for the slowest; otherwise
    /// the batch is dealt to them evenly.
    #[arg(long, requires = "dp", help_heading = "Engine")]
    pub(crate) own_batches: bool,
    /// Most requests that wait once every batch is full; more are turned away, and counted.
    #[arg(long, value_name = "N", help_heading = "Engine")]
    pub(crate) most_waiting: Option<u32>,
    /// Most requests that wait at each replica, unless they wait in front of all with
    /// --most-waiting; more are turned away, and counted.
    #[arg(long, value_name = "N", default_value_t = wattmill::Serving::MOST_QUEUED, conflicts_with = "most_waiting", help_heading = "Engine")]
    pub(crate) queue: u32,
    /// Most sequences in a replica's batch.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=1_000_000), help_heading = "Engine")]
    pub(crate) max_seqs: Option<u32>,
    /// Most tokens in a replica's step.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=10_000_000), help_heading = "Engine")]
    pub(crate) max_tokens: Option<u32>,
    /// Tokens in a KV block.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=65_536), help_heading = "Engine")]
    pub(crate) block_tokens: Option<u32>,
    /// What becomes of the cache of a sequence whose blocks others need: recompute, or swap to host
    /// memory and back, over a link of 50 GB/s or, swap@450GB/s, of your own.
    #[arg(long, value_name = "WAY", default_value = "recompute", value_parser = preemption, conflicts_with = "step_table", help_heading = "Engine")]
    pub(crate) preemption: Swap,
    /// Step-time table (JSON) in place of the performance model.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["model", "system", "tp", "pp", "ep", "dp", "cp", "engine", "precision", "kv_precision", "power_cap", "speculate", "expert_imbalance", "calibration"], help_heading = "Engine")]
    pub(crate) step_table: Option<PathBuf>,
    /// KV blocks of a replica, with a step-time table (unlimited by default).
    #[arg(long, conflicts_with_all = ["model", "system"], value_parser = clap::value_parser!(u64).range(1..1 << 40), help_heading = "Engine")]
    pub(crate) kv_blocks: Option<u64>,

    /// Limit on the time to first token that attainment is counted against.
    #[arg(long, default_value = "2 s", value_parser = span, help_heading = "SLO")]
    pub(crate) slo_ttft: Seconds,
    /// Limit on the mean time per output token.
    #[arg(long, default_value = "50 ms", value_parser = span, help_heading = "SLO")]
    pub(crate) slo_tpot: Seconds,

    /// Find how much faster the requests may come: the highest speed at which this share of them
    /// (99 % if none is given) keeps both limits, and what stands in the way of more.
    #[arg(
        long,
        value_name = "SHARE",
        num_args = 0..=1,
        default_missing_value = "0.99",
        value_parser = share,
        conflicts_with_all = ["out", "speed", "perfetto", "series", "row"],
        help_heading = "SLO"
    )]
    pub(crate) saturate: Option<f64>,

    /// Write every request to a Parquet file.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the time series to a Parquet file: requests, latencies, queue, batch, KV cache, watts.
    #[arg(long, value_name = "FILE")]
    pub(crate) series: Option<PathBuf>,
    /// Length of a row of the time series: 1 min by default, 1 h or a day where there would be more
    /// than 10,000 rows.
    #[arg(long, value_name = "SPAN", value_parser = span)]
    pub(crate) row: Option<Seconds>,
    #[command(flatten)]
    pub(crate) steps: Steps,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// A trace of steps: what `replay` and `serve` have in common.
#[derive(Debug, ClapArgs)]
pub(crate) struct Steps {
    /// Write every step, request and transfer of a window of time as a trace that ui.perfetto.dev and
    /// chrome://tracing open (JSON; packed if FILE ends in .gz).
    #[arg(long, value_name = "FILE")]
    pub(crate) perfetto: Option<PathBuf>,
    /// The window, from the start of the traffic, such as 120s..150s, 10:00:00..10:00:30 or 2min..;
    /// all of it by default. More than a million events are refused.
    #[arg(long, value_name = "FROM..TO", requires = "perfetto", value_parser = window)]
    pub(crate) window: Option<wattmill::sim::Window>,
}

/// `wattmill serve`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Serve {
    /// Fleet file, or the name of a built-in one (two-coasts, three-providers).
    pub(crate) fleet: String,
    #[command(flatten)]
    pub(crate) traffic: Traffic,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
    /// Write every answered request to a Parquet file; replicas are numbered through all pools.
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
    /// Write the time series to a Parquet file, by service and by pool: requests, latencies, queue,
    /// batch, KV cache, watts, cost.
    #[arg(long, value_name = "FILE")]
    pub(crate) series: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) steps: Steps,
    #[command(flatten)]
    pub(crate) output: Output,
}

/// Where requests come from: what `replay` and `serve` have in common.
#[derive(Debug, ClapArgs)]
pub(crate) struct Traffic {
    /// Trace: Azure 2023 CSV, Mooncake JSONL or arrived_at_s,prefill_tokens,decode_tokens; plain or
    /// gzip.
    #[arg(conflicts_with_all = ["rate", "users", "clients", "sessions"])]
    pub(crate) trace: Option<PathBuf>,

    /// Requests a second, mean, instead of a trace.
    #[arg(long, conflicts_with = "users", help_heading = "Synthetic traffic")]
    pub(crate) rate: Option<f64>,
    /// Weekly users instead of a rate: 3.7 messages a day each (NBER, 2025).
    #[arg(long, help_heading = "Synthetic traffic")]
    pub(crate) users: Option<f64>,
    /// Clients of a ServeGen table of windows (CSV, plain or gzip), superposed. --lengths may then
    /// name a file of their lengths (JSON lines, plain or gzip).
    #[arg(long, value_name = "FILE", conflicts_with_all = ["rate", "users", "sessions", "arrivals"], help_heading = "Synthetic traffic")]
    pub(crate) clients: Option<PathBuf>,
    /// Where in the clients' table the traffic starts.
    #[arg(long, value_name = "SPAN", value_parser = span, help_heading = "Synthetic traffic")]
    pub(crate) from: Option<Seconds>,
    /// Conversations instead of single requests: chat, agent or a session file. --rate is then of
    /// conversations; turns follow one another as if answers took just as long as the SLO allows.
    #[arg(
        long,
        value_name = "NAME|FILE",
        conflicts_with = "lengths",
        help_heading = "Synthetic traffic"
    )]
    pub(crate) sessions: Option<String>,
    /// Prompt and answer lengths: a table of the catalogue, or INPUT:OUTPUT for fixed ones.
    #[arg(long, default_value = "azure-conv-2023", help_heading = "Synthetic traffic")]
    pub(crate) lengths: String,
    /// Arrivals: poisson, or gamma:CV for bursts.
    #[arg(long, default_value = "poisson", value_parser = arrivals, help_heading = "Synthetic traffic")]
    pub(crate) arrivals: wattmill::factory::Arrivals,
    /// Length of the traffic: 10min by default; of a trace all.
    #[arg(long, value_name = "SPAN", value_parser = span, help_heading = "Synthetic traffic")]
    pub(crate) duration: Option<Seconds>,
    /// Seed of the traffic.
    #[arg(long, default_value_t = 1, help_heading = "Synthetic traffic")]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) shaping: Shaping,
}

/// What becomes of any traffic, traces too.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Shape of the traffic")]
pub(crate) struct Shaping {
    /// Share of the requests (of sessions: of the conversations) that is kept, such as "10%"; who is
    /// kept depends on the seed alone, and a larger share keeps those of a smaller one too.
    #[arg(long, value_name = "SHARE", value_parser = share)]
    pub(crate) keep: Option<f64>,
    /// How often a trace is repeated, at its own rate; prompts of different rounds share nothing.
    #[arg(long, value_name = "TIMES", value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    pub(crate) repeat: Option<u64>,
    /// How many times faster everything arrives.
    #[arg(long, value_name = "FACTOR", value_parser = factor)]
    pub(crate) speed: Option<f64>,
    /// Shape of the day, from the catalogue.
    #[arg(long, default_value = "flat")]
    pub(crate) shape: String,
    /// Shape of the week: the rate on each of seven days over its mean, the first day's first.
    #[arg(long, value_name = "F,F,F,F,F,F,F", value_parser = week)]
    pub(crate) week: Option<[f64; 7]>,
    /// Growth per year, such as "40%", compounded daily.
    #[arg(long, value_name = "SHARE", value_parser = growth, allow_hyphen_values = true)]
    pub(crate) growth: Option<f64>,
    /// A time of more traffic, or less, such as 3@10min+90s: three times as much for 90 seconds after
    /// ten minutes. May be given several times.
    #[arg(long, value_name = "FACTOR@START+LENGTH", value_parser = burst)]
    pub(crate) burst: Vec<wattmill::factory::Burst>,
    /// Local time of day at the start, such as 9h; the shape of the day follows it.
    #[arg(long, value_name = "SPAN", value_parser = clock)]
    pub(crate) clock: Option<Seconds>,
}

/// A model on a system in a layout: what `replay` and `explain` have in common.
#[derive(Debug, ClapArgs)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArgs {
    /// Model of the catalogue.
    #[arg(long)]
    pub(crate) model: Option<String>,
    /// System of the catalogue it runs on, or accelerator: one scale-up domain of it.
    #[arg(long)]
    pub(crate) system: Option<String>,
    /// Tensor parallel degree (the smallest that fits, if no degree is given).
    #[arg(long)]
    pub(crate) tp: Option<u32>,
    /// Pipeline parallel degree.
    #[arg(long)]
    pub(crate) pp: Option<u32>,
    /// Expert parallel degree.
    #[arg(long)]
    pub(crate) ep: Option<u32>,
    /// Attention data parallel degree.
    #[arg(long)]
    pub(crate) dp: Option<u32>,
    /// Context parallel degree: ranks that share the tokens of every prompt, for long ones.
    #[arg(long)]
    pub(crate) cp: Option<u32>,
    /// The software whose overheads it has: vllm, sglang or trtllm (vllm by default).
    #[arg(long, value_parser = flavour)]
    pub(crate) engine: Option<wattmill::factory::Flavour>,
    /// Format of weights and matrix multiplications: bf16, fp8 or fp4 (fp8 where the chip has it).
    #[arg(long, value_parser = precision)]
    pub(crate) precision: Option<wattmill::catalog::Precision>,
    /// Format of the KV cache.
    #[arg(long, value_parser = precision)]
    pub(crate) kv_precision: Option<wattmill::catalog::Precision>,
    /// What each accelerator may draw, such as "500 W", or the share of its limit, such as "70 %":
    /// compute slows, memory does not.
    #[arg(long, value_name = "POWER", value_parser = power_cap)]
    pub(crate) power_cap: Option<wattmill::factory::PowerCap>,
    /// Tokens guessed ahead in a round and the probability that each is right, such as 3@0.8: by a
    /// layer of the model (multi-token prediction, EAGLE), or, 3@0.4:lookup, from the prompt.
    #[arg(long, value_name = "TOKENS@ACCEPTANCE", value_parser = speculation)]
    pub(crate) speculate: Option<wattmill::factory::Speculation>,
    /// Tokens of the busiest of the accelerators that share the experts over those of the mean one:
    /// all wait for it (1 by default).
    #[arg(long, value_name = "RATIO", value_parser = imbalance)]
    pub(crate) expert_imbalance: Option<f64>,
    #[command(flatten)]
    pub(crate) calibration: CalibrationArgs,
}

/// `wattmill explain`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Explain {
    /// Sequences that decode a token each.
    #[arg(long, default_value_t = 0, value_name = "N", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub(crate) decodes: u32,
    /// Context of each of them, tokens.
    #[arg(long, value_name = "TOKENS", value_parser = clap::value_parser!(u32).range(1..=1 << 30))]
    pub(crate) context: Option<u32>,
    /// Prompts, or chunks of them, in the same step: tokens of each, or TOKENS@CACHED behind a
    /// cache, such as `2048 512@8000`.
    #[arg(long, num_args = 1.., value_name = "TOKENS", value_parser = chunk)]
    pub(crate) prefill: Vec<(u32, u32)>,
    #[command(flatten)]
    pub(crate) engine: EngineArgs,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}

/// `wattmill train`.
#[derive(Debug, ClapArgs)]
pub(crate) struct Train {
    /// Model of the catalogue.
    #[arg(long)]
    pub(crate) model: String,
    /// System of the catalogue it is trained on, or accelerator: scale-up domains of it.
    #[arg(long)]
    pub(crate) system: String,
    /// Accelerators of the job.
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    pub(crate) gpus: u32,
    /// Layout, such as tp=8,pp=4,vpp=5,cp=2,ep=8,zero=1 (dp follows), or auto: the fastest that fits.
    #[arg(long, default_value = "auto")]
    pub(crate) layout: String,
    /// Tokens of the whole run, such as 15.6T.
    #[arg(long, value_parser = tokens)]
    pub(crate) tokens: Option<f64>,
    /// Sequences of a step (about four million tokens by default).
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    pub(crate) global_batch: Option<u32>,
    /// Sequences of a micro-batch of one data parallel rank (the fastest by default).
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    pub(crate) micro_batch: Option<u32>,
    /// Tokens of a sequence (8192 by default, or the model's context).
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=4_194_304))]
    pub(crate) seq_len: Option<u32>,
    /// Format of the linear layers: bf16, fp8, mxfp8 or nvfp4 (bf16 by default).
    #[arg(long, value_parser = training_format)]
    pub(crate) precision: Option<wattmill::perf::TrainingFormat>,
    /// What is computed twice to save memory: none, selective or full (as little as fits).
    #[arg(long, value_parser = recompute)]
    pub(crate) recompute: Option<wattmill::perf::Recompute>,
    /// Train LoRA adapters of this rank instead of all weights.
    #[arg(long, value_name = "RANK", value_parser = clap::value_parser!(u32).range(1..=4096))]
    pub(crate) lora: Option<u32>,
    /// What each accelerator may draw, such as "500 W", or the share of its limit, such as "70 %".
    #[arg(long, value_name = "POWER", value_parser = power_cap)]
    pub(crate) power_cap: Option<wattmill::factory::PowerCap>,
    /// Software whose measured steps it is priced by, such as megatron or torchtitan.
    #[arg(long)]
    pub(crate) stack: Option<String>,
    /// Print one JSON document instead of tables.
    #[arg(long)]
    pub(crate) json: bool,
}
