//! Attention of a step, from the sums a step shape carries.

use wattmill_catalog::{AttentionKind, Compressed};
use wattmill_factory::Flavour;
use wattmill_units::{Bytes, Flops, Seconds};

use crate::chip::{Chip, Surfaced, bound, limit};
use crate::deployment::Deployment;
use crate::kernels::{
    DecodeAttentionKernel, Kernel, LatentDecodeKernel, LatentPrefillKernel, PrefillAttentionKernel,
};
use crate::operator::{Operator, SurfaceUse};
use crate::power::Span;
use crate::prefill_attention::PrefillAttention;
use crate::shard::Shard;
use crate::state::{self, StateLayers, Work};

/// Share of memory bandwidth where no surface is measured.
const UNMEASURED: f64 = 0.7;

/// Every kind of attention layer of a deployment.
pub(crate) struct AttentionCosts<'a> {
    pub(crate) decode: Vec<DecodeAttention<'a>>,
    pub(crate) prefill: Vec<PrefillAttention>,
}

/// Decode attention of one kind of layer, all layers together.
#[derive(Clone, Debug)]
pub(crate) struct DecodeAttention<'a> {
    name: &'static str,
    layers: f64,
    /// Attention batches under way at once: the sequences of a step are dealt evenly to them.
    ranks: f64,
    /// Tokens of a sequence it reads at most.
    pub(crate) cap: u64,
    seen: Seen,
    /// Ranks that each hold a share of every sequence's tokens.
    split: f64,
    /// Tokens of a sequence that attend to its cache at once: its next one and those guessed.
    queries: f64,
    each: Each,
    surfaced: Option<Surfaced<'a>>,
    /// What decodes beside prompts are computed as, where they have no kernel of their own there.
    tiles: Option<Tiles>,
    chip: Chip<'a>,
}

/// Tiles of one token each in the kernel of prompts, for every sequence and query head.
#[derive(Clone, Debug)]
struct Tiles {
    /// Rows of a tile, all of which are computed.
    rows: f64,
    prompts: PrefillAttention,
}

/// What a layer does for each sequence.
#[derive(Clone, Copy, Debug)]
enum Each {
    /// Reads its cache; as the kernel of one sequence of one token.
    Cache(Kernel),
    /// Reads and writes its states.
    States(Work),
}

impl<'a> AttentionCosts<'a> {
    pub(crate) fn of(deployment: &Deployment<'a>, shard: &Shard, chip: &Chip<'a>) -> Self {
        let kinds = layers(deployment, shard);
        let queries = deployment.verified();
        // The layer that guesses attends, too.
        let drafting = 1.0 + deployment.drafting_layers() / shard.layers;
        let prefill: Vec<PrefillAttention> = kinds
            .iter()
            .map(|kind| {
                let surfaced = chip.surface(&kind.prefill, kind.prefill_formats);
                PrefillAttention::of(kind, shard, chip, surfaced)
            })
            .collect();
        // A rule of vLLM, whose attention on such chips is FlashAttention 2.
        let vllm = deployment.spec.flavour == Flavour::Vllm;
        let rows = if vllm { deployment.efficiency.decode_tile_rows } else { 0.0 };
        let decode = kinds.iter().zip(&prefill).map(|(kind, prompts)| {
            let surfaced = chip.surface(&kind.decode, kind.decode_formats);
            let grouped = matches!(kind.decode, Kernel::DecodeAttention(_));
            DecodeAttention {
                name: kind.name[0],
                layers: kind.layers * drafting,
                ranks: shard.ranks(),
                cap: kind.cap,
                seen: kind.seen,
                split: shard.context,
                queries,
                each: Each::Cache(kind.decode),
                surfaced,
                tiles: (grouped && rows > 0.0).then(|| Tiles { rows, prompts: prompts.clone() }),
                chip: chip.clone(),
            }
        });
        let states = || shard.state.iter();
        let decode =
            decode.chain(states().map(|s| DecodeAttention::of_states(s, queries, shard, chip)));
        let decode = decode.collect();
        let states = states().map(|s| PrefillAttention::of_states(s, shard, chip));
        Self { decode, prefill: prefill.into_iter().chain(states).collect() }
    }
}

/// Of the tokens before one, what attention reads.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen {
    /// Tokens that an entry of the cache stands for.
    pub(crate) tokens: f64,
    /// The latest tokens that it reads one by one beside entries.
    pub(crate) latest: f64,
}

impl Seen {
    /// Every token.
    pub(crate) const ALL: Self = Self { tokens: 1.0, latest: 0.0 };

    /// Rows that are read of `context` tokens.
    pub(crate) fn of(self, context: f64) -> f64 {
        context / self.tokens + context.min(self.latest)
    }
}

/// One kind of attention layer on one accelerator.
pub(crate) struct Layer {
    pub(crate) layers: f64,
    pub(crate) cap: u64,
    pub(crate) seen: Seen,
    pub(crate) name: [&'static str; 2],
    pub(crate) decode: Kernel,
    decode_formats: &'static [&'static str],
    pub(crate) prefill: Kernel,
    prefill_formats: &'static [&'static str],
    /// Operations per cached token that a prefill chunk needs expanded.
    pub(crate) expand: f64,
    /// Bytes of cache per token.
    pub(crate) cached: f64,
}

pub(crate) fn layers(deployment: &Deployment<'_>, shard: &Shard) -> Vec<Layer> {
    let model = deployment.model;
    let element = deployment.spec.kv_precision.bytes_per_weight();
    let narrow = element < 2.0;
    let decode_formats: &[&str] = if narrow { &["fp8", "bf16"] } else { &["bf16"] };
    let grouped_formats: &[&str] = if narrow { &["bf16_fp8", "bf16"] } else { &["bf16"] };
    let grouped = |heads: f64, kv_heads: f64, head_dim: f64, cached: f64| {
        let decode = Kernel::DecodeAttention(DecodeAttentionKernel {
            sequences: 1.0,
            context: 1.0,
            heads,
            kv_heads,
            head_dim,
            cached,
        });
        let prefill = Kernel::PrefillAttention(PrefillAttentionKernel {
            prompts: 1.0,
            tokens: 1.0,
            window: 0.0,
            heads,
            kv_heads,
            head_dim,
            cached,
        });
        (decode, prefill)
    };
    let attending = &shard.attending;
    let latent = |rank: f64, rope: f64, key: f64, value: f64| {
        // Decode works on the latent itself; prefill expands it to keys and values first.
        let decode = Kernel::LatentDecode(LatentDecodeKernel {
            sequences: 1.0,
            context: 1.0,
            heads: shard.heads,
            rank,
            rope,
            cached: element,
        });
        let prefill = Kernel::LatentPrefill(LatentPrefillKernel {
            prompts: 1.0,
            tokens: 1.0,
            heads: shard.heads,
            key,
            value,
        });
        (decode, prefill)
    };
    let whole = match model.attention {
        AttentionKind::Grouped { head_dim, .. } => {
            let dim = f64::from(head_dim);
            let kv_heads = attending.kv_elements / (2.0 * dim);
            let (decode, prefill) = grouped(shard.heads, kv_heads, dim, element);
            Layer {
                layers: shard.full_layers,
                cap: u64::MAX,
                seen: Seen::ALL,
                name: ["decode attention", "prefill attention"],
                decode,
                decode_formats,
                prefill,
                prefill_formats: grouped_formats,
                expand: 0.0,
                cached: attending.kv_elements * element,
            }
        }
        AttentionKind::Latent { kv_rank, nope_dim, rope_dim, v_dim, .. } => {
            let (rank, nope) = (f64::from(kv_rank), f64::from(nope_dim));
            let (rope, v) = (f64::from(rope_dim), f64::from(v_dim));
            let (decode, prefill) = latent(rank, rope, nope + rope, v);
            Layer {
                layers: shard.full_layers,
                cap: u64::MAX,
                seen: Seen::ALL,
                name: ["decode attention", "prefill attention"],
                decode,
                decode_formats,
                prefill,
                prefill_formats: decode_formats,
                expand: 2.0 * rank * shard.heads * (nope + v),
                cached: attending.kv_elements * element,
            }
        }
        // A row is key and value at once, for prompts as for decodes.
        AttentionKind::Compressed(Compressed { head_dim, dense, .. }) => {
            let dim = f64::from(head_dim);
            let (decode, prefill) = latent(dim, 0.0, dim, dim);
            let tokens = f64::from(dense.tokens);
            Layer {
                layers: dense.layers.into(),
                cap: u64::MAX,
                seen: Seen { tokens, latest: model.window.into() },
                name: ["decode entries", "prefill entries"],
                decode,
                decode_formats,
                prefill,
                prefill_formats: decode_formats,
                expand: 0.0,
                cached: dim * element / tokens,
            }
        }
    };
    let indexed = |layers: f64, cached: f64, seen: Seen| {
        let indexer = model.indexer?;
        let (heads, dim) = (f64::from(indexer.heads), f64::from(indexer.head_dim));
        // One key and no value for all heads: half of what grouped attention reads and multiplies.
        let (decode, prefill) = grouped(heads, 1.0, dim / 2.0, element);
        Some(Layer {
            layers,
            cap: u64::MAX,
            seen,
            name: ["decode indexer", "prefill indexer"],
            decode,
            decode_formats,
            prefill,
            prefill_formats: grouped_formats,
            expand: 0.0,
            cached,
        })
    };
    let window = |layers: f64| Layer {
        layers,
        cap: u64::from(model.window),
        seen: Seen::ALL,
        name: ["decode window attention", "prefill window attention"],
        cached: attending.window_elements * element,
        ..copied(&whole)
    };
    let kinds = if let AttentionKind::Compressed(c) = model.attention {
        let tokens = f64::from(c.sparse.tokens);
        let dim = model.indexer.map_or(0.0, |indexer| f64::from(indexer.head_dim));
        let picked = Layer {
            layers: c.sparse.layers.into(),
            cap: u64::from(model.sparse_top_k).saturating_mul(c.sparse.tokens.into()),
            seen: Seen { tokens, ..whole.seen },
            name: ["decode picked entries", "prefill picked entries"],
            cached: f64::from(c.head_dim) * element / tokens,
            ..copied(&whole)
        };
        let keys = Seen { tokens, latest: 0.0 };
        let indexer = indexed(c.sparse.layers.into(), dim * element / tokens, keys);
        let rest = window(attending.window_layers - f64::from(c.layers()));
        [Some(whole), Some(rest), indexer, Some(picked)]
    } else {
        let window = window(attending.window_layers);
        let indexer = indexed(shard.full_layers, attending.index_elements * element, Seen::ALL);
        let whole = match model.sparse_top_k {
            0 => whole,
            k => Layer { cap: u64::from(k), ..whole },
        };
        [Some(whole), Some(window), indexer, None]
    };
    kinds.into_iter().flatten().filter(|l| l.layers > 0.0).collect()
}

const fn copied(layer: &Layer) -> Layer {
    Layer { ..*layer }
}

impl<'a> DecodeAttention<'a> {
    /// The states of decoding sequences, however long their context.
    fn of_states(states: &StateLayers, queries: f64, shard: &Shard, chip: &Chip<'a>) -> Self {
        Self {
            name: "decode states",
            queries,
            layers: states.layers,
            ranks: shard.ranks(),
            cap: 1,
            seen: Seen::ALL,
            split: 1.0,
            each: Each::States(states.decode),
            surfaced: None,
            tiles: None,
            chip: chip.clone(),
        }
    }

    /// Of `decodes` sequences whose contexts sum to `context`, alone or `beside` prompts.
    pub(crate) fn operator(&self, decodes: u32, context: u64, beside: bool) -> Operator {
        let n = f64::from(decodes).max(1.0);
        let mean = (context as f64 / n).min(self.cap as f64);
        if beside { self.beside_prompts(n, mean) } else { self.alone(n, mean) }
    }

    /// Of `n` sequences of `context` tokens each, in a step of decodes.
    pub(crate) fn alone(&self, n: f64, context: f64) -> Operator {
        self.at(n, context, 0.0)
    }

    /// The same in a step that holds prompts too.
    pub(crate) fn beside_prompts(&self, n: f64, context: f64) -> Operator {
        let tiled = self.tiles.as_ref().map_or(0.0, |tiles| {
            let sequences = (n / self.ranks).max(1.0);
            let context = (self.seen.of(context) / self.split).max(1.0);
            tiles.prompts.arithmetic(tiles.rows * sequences, context, sequences)
        });
        self.at(n, context, tiled)
    }

    /// Whether decodes beside prompts are priced otherwise.
    pub(crate) const fn is_tiled(&self) -> bool {
        self.tiles.is_some()
    }

    /// Of `n` sequences of `context` tokens each, with at least so many seconds of arithmetic a layer.
    fn at(&self, n: f64, context: f64, least: f64) -> Operator {
        let sequences = (n / self.ranks).max(1.0);
        let context = (self.seen.of(context) / self.split).max(1.0);
        let kernel = match self.each {
            Each::Cache(kernel) => kernel,
            Each::States(work) => return self.states(work, sequences),
        };
        let (kernel, flops, bytes) = match kernel {
            Kernel::LatentDecode(k) => {
                // They share the cache as heads do.
                let k =
                    LatentDecodeKernel { sequences, context, heads: k.heads * self.queries, ..k };
                (Kernel::LatentDecode(k), k.flops(), k.bytes())
            }
            Kernel::DecodeAttention(k) => {
                let k = DecodeAttentionKernel {
                    sequences,
                    context,
                    heads: k.heads * self.queries,
                    ..k
                };
                (Kernel::DecodeAttention(k), k.flops(), k.bytes())
            }
            other => (other, 0.0, 0.0),
        };
        let chip = &self.chip;
        let overheads = &chip.overheads;
        let (launch, compute, memory, work, used) = match &self.surfaced {
            Some(s) => {
                let priced = s.pricer.price(&kernel, &chip.wide);
                let (parts, factor) = (priced.parts, priced.factor * overheads.decode_attention);
                let used = SurfaceUse { inside: priced.inside, ..s.used };
                let launch = parts.launch * overheads.launch;
                let work = parts.work * factor;
                (launch, parts.compute * factor, parts.memory * factor, work, Some(used))
            }
            None => {
                let memory = bytes / (chip.wide.bandwidth * UNMEASURED);
                (overheads.kernel, 0.0, memory, memory, None)
            }
        };
        // Memory keeps up with nearly empty tiles: whichever is slower hides the other.
        let (compute, work) = (compute.max(least), work.max(least));
        let span = Span {
            fixed: self.layers * launch,
            work: self.layers * work,
            compute: self.layers * compute,
            memory: self.layers * memory,
        };
        let run = chip.draws_wide().run(&span, self.layers * flops, self.layers * bytes);
        Operator {
            name: self.name,
            flops: Flops::from_flops(self.layers * flops),
            peak: chip.peak_wide(),
            bytes: Bytes::from_bytes(self.layers * bytes),
            message: Bytes::ZERO,
            time: Seconds::from_s(run.seconds),
            energy: chip.energy(run.joules),
            clock: run.clock,
            // Nearly empty tiles: arithmetic that is not in what is counted.
            bound: if least > memory {
                bound(launch, compute / run.clock, memory)
            } else {
                let arithmetic = flops / (chip.wide.compute * run.clock);
                limit(&span, self.layers * arithmetic, self.layers * bytes / chip.wide.bandwidth)
            },
            surface: used,
        }
    }

    /// The states of `n` sequences: too little arithmetic to count.
    fn states(&self, work: Work, n: f64) -> Operator {
        let chip = &self.chip;
        let n = n * self.queries;
        let (flops, bytes) = (self.layers * n * work.flops, self.layers * n * work.bytes);
        let launch = self.layers * state::KERNELS * chip.overheads.kernel;
        let memory = bytes / (chip.wide.bandwidth * state::MEMORY);
        let span = Span { fixed: launch, work: memory, compute: 0.0, memory };
        let run = chip.draws_wide().run(&span, flops, bytes);
        Operator {
            name: self.name,
            flops: Flops::from_flops(flops),
            peak: chip.peak_wide(),
            bytes: Bytes::from_bytes(bytes),
            message: Bytes::ZERO,
            time: Seconds::from_s(run.seconds),
            energy: chip.energy(run.joules),
            clock: run.clock,
            bound: limit(&span, 0.0, memory),
            surface: None,
        }
    }
}
