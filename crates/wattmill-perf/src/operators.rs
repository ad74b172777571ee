//! The operators of one step, from the architecture.

use wattmill_catalog::Precision;
use wattmill_units::{Bytes, Energy, FlopRate, Flops, Seconds};

use crate::attention::AttentionCosts;
use crate::chip::{Chip, Linear};
use crate::context::ContextExchange;
use crate::deployment::{Deployment, LayoutProblem};
use crate::kernels::ExpertsKernel;
use crate::network::Network;
use crate::operator::{Bound, Operator};
use crate::shard::{Experts, Shard};
use crate::step::StepShape;

/// Norm twice, rotary position with cache write, activation.
const ELEMENTWISE_KERNELS: f64 = 4.0;
/// Pick, sort tokens by expert, and put them back.
const ROUTING_KERNELS: f64 = 3.0;
/// What the names of the engine's own work begin with.
const ENGINE: &str = "engine";
/// Scale, filter, normalise and draw.
const SAMPLING_KERNELS: f64 = 4.0;

/// The operators of a step of a deployment, every layer and every accelerator included: the slow,
/// readable form of [`StepSurface`](crate::StepSurface).
///
/// Linear operators are priced once, at decodes plus prefill tokens. Context parallel ranks share the
/// prefill tokens, while each passes all that decode, and exchange what attention needs. With attention data
/// parallelism the batch is dealt evenly to the groups, with pipeline parallelism to as many
/// microbatches as there are stages: a step of the replica is one round, in which a microbatch
/// passes all layers while the stages stay busy with the others. With speculation it is a round, in
/// which every sequence gains [`tokens_per_round`](wattmill_factory::Speculation::tokens_per_round).
///
/// # Errors
/// The [problems](Deployment::problems) of the deployment.
///
/// ```
/// # use wattmill_catalog::{Catalog, Precision};
/// # use wattmill_factory::{EngineSpec, Layout};
/// # use wattmill_perf::{Bound, Deployment, StepShape, explain};
/// # let catalog = Catalog::builtin();
/// # let accelerator = catalog.accelerator("h100-sxm").unwrap();
/// let deployment = Deployment {
///     model: catalog.model("llama-3.1-8b").unwrap(),
///     accelerator,
///     efficiency: catalog.efficiency(&accelerator.family).unwrap(),
///     spec: EngineSpec::new(Layout::tensor(1), Precision::Bf16),
///     accelerators_per_domain: 8,
/// };
/// let shape = StepShape { decodes: 8, decode_context: 8 * 1000, ..StepShape::default() };
/// let operators = explain(&deployment, &shape).unwrap();
/// let slowest = operators.iter().max_by(|a, b| a.time.as_s().total_cmp(&b.time.as_s())).unwrap();
/// assert_eq!((slowest.name, slowest.bound), ("feed-forward up", Bound::Memory));
/// ```
pub fn explain(
    deployment: &Deployment<'_>,
    shape: &StepShape,
) -> Result<Vec<Operator>, Vec<LayoutProblem>> {
    let replica = Replica::of(deployment)?;
    let mut operators = Vec::new();
    let verified = shape.decodes.saturating_mul(replica.verified);
    let prompts = shape.prefill.tokens.div_ceil(deployment.spec.layout.context);
    replica.linear(verified.saturating_add(prompts), &mut |o| operators.push(o));
    let samples = verified.saturating_add(shape.prefill.completed);
    replica.head(samples, &mut |o| operators.push(o));
    if shape.decodes > 0 {
        operators.extend(replica.drafting(shape.decodes));
        let beside = shape.prefill.chunks > 0;
        let decode = replica.attention.decode.iter();
        operators.extend(decode.map(|a| a.operator(shape.decodes, shape.decode_context, beside)));
        operators.extend(replica.exchanges.iter().map(|e| e.merging(&replica.network, verified)));
    }
    if shape.prefill.chunks > 0 {
        let prefill = replica.attention.prefill.iter();
        operators.extend(prefill.map(|a| a.operator(&shape.prefill)));
        let exchanges = replica.exchanges.iter();
        operators.extend(exchanges.map(|e| e.operator(&replica.network, &shape.prefill)));
        operators.push(replica.uncaptured());
    }
    Ok(operators)
}

/// A deployment reduced to the numbers its steps are priced with.
pub(crate) struct Replica<'a> {
    pub(crate) chip: Chip<'a>,
    pub(crate) attention: AttentionCosts<'a>,
    /// Messages among context parallel ranks, for each kind of attention layer; none without any.
    pub(crate) exchanges: Vec<ContextExchange>,
    pub(crate) network: Network<'a>,
    shard: Shard,
    accelerators: f64,
    expert: f64,
    /// Tokens of the busiest expert rank over those of the mean one.
    imbalance: f64,
    /// Format of attention's weights.
    attention_precision: Precision,
    matrices: f64,
    /// Tokens of a decoding sequence that pass the model in a round.
    verified: u32,
    /// Passes of a layer and the head that guess, in a round.
    drafts: f64,
}

impl<'a> Replica<'a> {
    pub(crate) fn of(deployment: &Deployment<'a>) -> Result<Self, Vec<LayoutProblem>> {
        let problems = deployment.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let Some(chip) = Chip::of(deployment) else {
            return Err(problems);
        };
        let shard = Shard::of(deployment);
        Ok(Self {
            attention: AttentionCosts::of(deployment, &shard, &chip),
            exchanges: ContextExchange::all(deployment, &shard),
            network: Network::of(deployment, &chip),
            accelerators: f64::from(deployment.spec.layout.accelerators()),
            expert: f64::from(deployment.spec.layout.expert),
            imbalance: deployment.spec.expert_imbalance,
            attention_precision: deployment.attention_precision(),
            matrices: if deployment.model.ffn.gated { 3.0 } else { 2.0 },
            verified: deployment.verified() as u32,
            drafts: deployment.drafting_layers(),
            chip,
            shard,
        })
    }

    /// Everything that depends only on the tokens of a step, as many as a context rank passes. A step
    /// without tokens has none.
    pub(crate) fn linear(&self, tokens: u32, out: &mut dyn FnMut(Operator)) {
        if tokens == 0 {
            return;
        }
        let shard = &self.shard;
        let tokens = f64::from(tokens);
        let rows = (tokens / shard.ranks()).ceil();

        let step = self.chip.overheads.step;
        out(engine("engine", step, self.chip.energy_of_waiting(step)));
        for (layers, p) in shard.mixing() {
            out(self.chip.linear(&Linear {
                name: p.name,
                layers,
                rows,
                outputs: p.output,
                inputs: p.input,
                precision: self.attention_precision,
                blocks: shard.experts.is_some(),
            }));
        }
        if shard.dense_layers > 0.0 {
            let names = ["feed-forward up", "feed-forward down"];
            self.feed_forward(names, shard.dense_layers, rows, shard.dense_inner, out);
        }
        if let Some(experts) = &shard.experts {
            self.experts(experts, tokens, rows, out);
        }
        out(self.elementwise(rows));
        self.messages(tokens, rows, out);
    }

    fn feed_forward(
        &self,
        names: [&'static str; 2],
        layers: f64,
        rows: f64,
        inner: f64,
        out: &mut dyn FnMut(Operator),
    ) {
        let hidden = self.shard.hidden;
        let shapes = [((self.matrices - 1.0) * inner, hidden), (hidden, inner)];
        for (name, (outputs, inputs)) in names.into_iter().zip(shapes) {
            out(self.chip.linear(&Linear {
                name,
                layers,
                rows,
                outputs,
                inputs,
                precision: self.chip.precision(),
                blocks: self.shard.experts.is_some(),
            }));
        }
    }

    fn experts(&self, experts: &Experts, tokens: f64, rows: f64, out: &mut dyn FnMut(Operator)) {
        let (shard, moe) = (&self.shard, &experts.moe);
        let layers = f64::from(moe.layers);
        out(self.chip.linear(&Linear {
            name: "router",
            layers,
            rows,
            outputs: f64::from(moe.routed),
            inputs: shard.hidden,
            precision: Precision::Bf16,
            blocks: false,
        }));
        if let Some(operator) = self.routed(experts, tokens) {
            out(operator);
        }
        if experts.latent > 0.0 {
            let (wide, narrow) = (shard.hidden, experts.width / shard.tensor);
            let ends = [("to expert latent", narrow, wide), ("from expert latent", wide, narrow)];
            for (name, outputs, inputs) in ends {
                out(self.chip.linear(&Linear {
                    name,
                    layers,
                    rows,
                    outputs,
                    inputs,
                    precision: self.chip.precision(),
                    blocks: true,
                }));
            }
        }
        if experts.shared_inner > 0.0 {
            let names = ["shared experts up", "shared experts down"];
            self.feed_forward(names, layers, rows, experts.shared_inner, out);
        }
    }

    /// The routed experts, in which all attention groups and context ranks meet.
    fn routed(&self, experts: &Experts, tokens: f64) -> Option<Operator> {
        let (shard, moe) = (&self.shard, &experts.moe);
        let kernel = ExpertsKernel {
            tokens: (tokens * shard.context / shard.pipeline).ceil(),
            top_k: f64::from(moe.top_k),
            experts: f64::from(moe.routed),
            expert_parallel: self.expert,
            hidden: experts.width,
            inner: f64::from(moe.expert_dim) * self.expert / shard.group,
            matrices: self.matrices,
            weight: 0.0,
        };
        self.chip.experts(f64::from(moe.layers), kernel, self.imbalance)
    }

    /// All tokens to every accelerator and the sums back, where each has a part of every expert.
    fn expert_gather(&self, experts: &Experts, tokens: f64) -> Operator {
        let shard = &self.shard;
        let batch = (tokens * shard.context / shard.pipeline).ceil() * shard.hidden * 2.0;
        let times = 2.0 * f64::from(experts.moe.layers);
        self.network.gather("expert gather and scatter", times, batch, shard.group)
    }

    /// Whether attention groups have anything to do together.
    pub(crate) const fn meets(&self) -> bool {
        self.shard.experts.is_some()
    }

    /// What of [`linear`](Self::linear) depends on the tokens of all attention groups together. The rest
    /// goes by the tokens of one group: what it computes for itself, and what its accelerators send
    /// to experts elsewhere, for which the busiest sender needs longest.
    pub(crate) fn meeting(&self, tokens: u32, out: &mut dyn FnMut(Operator)) {
        let Some(experts) = &self.shard.experts else {
            return;
        };
        if tokens == 0 {
            return;
        }
        let tokens = f64::from(tokens);
        self.routed(experts, tokens).into_iter().for_each(&mut *out);
        if self.shard.spread() > 1.0 && self.expert <= 1.0 {
            out(self.expert_gather(experts, tokens));
        }
    }

    fn elementwise(&self, rows: f64) -> Operator {
        let shard = &self.shard;
        let moe_layers = shard.experts.map_or(0.0, |e| f64::from(e.moe.layers));
        let routed = shard.experts.map_or(0.0, |e| {
            f64::from(e.moe.top_k) * f64::from(e.moe.expert_dim) * shard.spread() / shard.group
                + e.shared_inner
        });
        // Both norms read and write the row and its residual streams; the activation reads two inner
        // rows and writes one; rotary position reads and writes queries and keys.
        let numbers = 2.0 * (1.0 + shard.streams) * shard.halves() * shard.hidden
            + 2.0 * shard.attention_layers * shard.attending.io
            + 3.0 * (shard.dense_layers * shard.dense_inner + moe_layers * routed)
            + 2.0 * shard.hidden;
        let kernels =
            shard.halves() / 2.0 * ELEMENTWISE_KERNELS + moe_layers * ROUTING_KERNELS + 1.0;
        self.chip.streaming("norms and elementwise", kernels, rows * numbers * 2.0)
    }

    fn messages(&self, tokens: f64, rows: f64, out: &mut dyn FnMut(Operator)) {
        let (shard, network) = (&self.shard, &self.network);
        let row_bytes = shard.hidden * 2.0;
        let moe_layers = shard.experts.map_or(0.0, |e| f64::from(e.moe.layers));
        let grouped = shard.spread() > 1.0;
        if shard.tensor > 1.0 {
            // After attention, after the feed-forward part, after the embedding. With attention
            // groups the experts have messages of their own.
            let own = if grouped { moe_layers } else { 0.0 };
            let times = shard.halves() - own + 1.0;
            let bytes = rows * row_bytes;
            out(network.allreduce("tensor all-reduce", times, bytes, shard.tensor));
        }
        if let Some(experts) = &shard.experts
            && grouped
        {
            if self.expert > 1.0 {
                if let Some(o) = network.experts(moe_layers, rows / shard.tensor, shard.group) {
                    out(o);
                }
            } else {
                out(self.expert_gather(experts, tokens));
            }
        }
        if shard.pipeline > 1.0 {
            let bytes = rows * shard.streams * row_bytes / shard.tensor;
            out(network.send("pipeline send", shard.pipeline, bytes, self.accelerators));
        }
    }

    /// Output head and sampling of `samples` sequences, and the bookkeeping for each.
    pub(crate) fn head(&self, samples: u32, out: &mut dyn FnMut(Operator)) {
        if samples == 0 {
            return;
        }
        let shard = &self.shard;
        let samples = f64::from(samples);
        let rows = (samples / shard.ranks()).ceil();
        out(self.chip.linear(&Linear {
            name: "output head",
            layers: 1.0,
            rows,
            outputs: shard.vocab / shard.tensor,
            inputs: shard.hidden,
            precision: Precision::Bf16,
            blocks: false,
        }));
        if shard.tensor > 1.0 {
            out(self.network.gather("logits gather", 1.0, rows * shard.vocab * 2.0, shard.tensor));
        }
        // Each kernel reads and writes FP32 logits.
        let bytes = rows * shard.vocab * 4.0 * 2.0 * SAMPLING_KERNELS / 2.0;
        out(self.chip.streaming("sampling", SAMPLING_KERNELS, bytes));
        // Every attention group has a scheduler of its own.
        let sequences = samples / shard.data_attention;
        let each = self.chip.overheads.sequence * sequences;
        out(engine("engine, each sequence", each, self.chip.energy_of_sequences(each)));
    }

    /// Guessing the next tokens of `decodes` sequences: a layer and the output head, once for each
    /// guess; its attention is with the other layers'.
    pub(crate) fn drafting(&self, decodes: u32) -> Option<Operator> {
        if self.drafts == 0.0 {
            return None;
        }
        let mut all: Option<(Operator, Seconds)> = None;
        let mut add = |part: Operator, share: f64| {
            if part.name.starts_with(ENGINE) {
                return;
            }
            let time = part.time * share;
            let (sum, longest) = all.get_or_insert((
                Operator {
                    name: "drafting",
                    flops: Flops::ZERO,
                    bytes: Bytes::ZERO,
                    message: Bytes::ZERO,
                    time: Seconds::ZERO,
                    energy: part.energy.map(|_| Energy::ZERO),
                    ..part
                },
                time,
            ));
            sum.flops += part.flops * share;
            sum.bytes += part.bytes * share;
            sum.message += part.message * share;
            sum.time += time;
            sum.energy = sum.energy.zip(part.energy).map(|(sum, energy)| sum + energy * share);
            if time > *longest {
                (sum.bound, sum.peak, sum.clock, *longest) =
                    (part.bound, part.peak, part.clock, time);
            }
        };
        self.linear(decodes, &mut |part| add(part, self.drafts / self.shard.layers));
        self.head(decodes, &mut |part| add(part, self.drafts));
        all.map(|(sum, _)| Operator { surface: None, ..sum })
    }

    /// What of [`drafting`](Self::drafting) attention groups do together.
    pub(crate) fn meeting_of_drafts(&self, decodes: u32, out: &mut dyn FnMut(Operator)) {
        let share = self.drafts / self.shard.layers;
        self.meeting(decodes, &mut |o| out(o.spread(share)));
    }

    /// Tokens of a decoding sequence that pass the model in a round.
    pub(crate) const fn verified(&self) -> u32 {
        self.verified
    }

    /// What a step with prefill takes longer because it is launched kernel by kernel.
    pub(crate) fn uncaptured(&self) -> Operator {
        let mixed = self.chip.overheads.mixed;
        engine("engine, outside captured graphs", mixed, self.chip.energy_of_waiting(mixed))
    }
}

/// The engine's own work: scheduling, preparing inputs, handing out tokens.
fn engine(name: &'static str, overhead: f64, energy: Option<Energy>) -> Operator {
    Operator {
        name,
        flops: Flops::ZERO,
        peak: FlopRate::ZERO,
        bytes: Bytes::ZERO,
        message: Bytes::ZERO,
        time: Seconds::from_s(overhead),
        energy,
        clock: 1.0,
        bound: Bound::Latency,
        surface: None,
    }
}
