//! The operators of one step, from the architecture.

use wattmill_catalog::Precision;
use wattmill_units::{Bytes, Energy, Flops, Seconds};

use crate::attention::AttentionCosts;
use crate::chip::{Chip, Gemm};
use crate::deployment::{Deployment, LayoutProblem};
use crate::network::Network;
use crate::operator::{Bound, Operator};
use crate::shard::{Experts, Shard};
use crate::step::StepShape;

/// Norm twice, rotary position with cache write, activation.
const ELEMENTWISE_KERNELS: f64 = 4.0;
/// Sort tokens by expert, and put them back.
const ROUTING_KERNELS: f64 = 2.0;
/// Scale, filter, normalise and draw.
const SAMPLING_KERNELS: f64 = 4.0;

/// The operators of a step of a deployment, every layer and every accelerator included: the slow,
/// readable form of [`StepSurface`](crate::StepSurface).
///
/// Linear operators are priced once, at decodes plus prefill tokens. With attention data
/// parallelism the batch is dealt evenly to the groups, with pipeline parallelism to as many
/// microbatches as there are stages: a step of the replica is one round, in which a microbatch
/// passes all layers while the stages stay busy with the others.
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
/// assert_eq!((slowest.name, slowest.bound), ("feed-forward", Bound::Memory));
/// ```
pub fn explain(
    deployment: &Deployment<'_>,
    shape: &StepShape,
) -> Result<Vec<Operator>, Vec<LayoutProblem>> {
    let replica = Replica::of(deployment)?;
    let mut operators = Vec::new();
    replica.linear(shape.decodes.saturating_add(shape.prefill.tokens), &mut |o| operators.push(o));
    let samples = shape.decodes.saturating_add(shape.prefill.completed);
    replica.head(samples, &mut |o| operators.push(o));
    if shape.decodes > 0 {
        let decode = replica.attention.decode.iter();
        operators.extend(decode.map(|a| a.operator(shape.decodes, shape.decode_context)));
    }
    if shape.prefill.chunks > 0 {
        let prefill = replica.attention.prefill.iter();
        operators.extend(prefill.map(|a| a.operator(&shape.prefill)));
    }
    Ok(operators)
}

/// A deployment reduced to the numbers its steps are priced with.
pub(crate) struct Replica {
    pub(crate) chip: Chip,
    pub(crate) attention: AttentionCosts,
    shard: Shard,
    network: Network,
    accelerators: f64,
    expert: f64,
    overhead: f64,
}

impl Replica {
    pub(crate) fn of(deployment: &Deployment<'_>) -> Result<Self, Vec<LayoutProblem>> {
        let problems = deployment.problems();
        if !problems.is_empty() {
            return Err(problems);
        }
        let Some(chip) = Chip::of(deployment) else {
            return Err(problems);
        };
        let shard = Shard::of(deployment);
        Ok(Self {
            chip,
            attention: AttentionCosts::of(deployment, &shard, &chip),
            network: Network::of(deployment),
            accelerators: f64::from(deployment.spec.layout.accelerators()),
            expert: f64::from(deployment.spec.layout.expert),
            overhead: deployment.efficiency.step_overhead.as_s(),
            shard,
        })
    }

    /// Everything that depends only on the step's tokens. A step without tokens has none.
    pub(crate) fn linear(&self, tokens: u32, out: &mut dyn FnMut(Operator)) {
        if tokens == 0 {
            return;
        }
        let shard = &self.shard;
        let tokens = f64::from(tokens);
        let rows = (tokens / shard.ranks()).ceil();
        let precision = self.chip.precision();

        out(engine(self.overhead));
        for p in &shard.attention {
            out(self.chip.gemm(&Gemm {
                name: p.name,
                layers: shard.layers,
                kernels: 1.0,
                rows,
                weights: p.weights,
                row_io: p.input + p.output,
                precision,
            }));
        }
        if shard.dense_layers > 0.0 {
            let inner = shard.dense_inner;
            out(self.feed_forward("feed-forward", shard.dense_layers, rows, shard.dense, inner));
        }
        if let Some(experts) = &shard.experts {
            self.experts(experts, tokens, rows, out);
        }
        out(self.elementwise(rows));
        self.messages(tokens, rows, out);
    }

    fn feed_forward(
        &self,
        name: &'static str,
        layers: f64,
        rows: f64,
        weights: f64,
        inner: f64,
    ) -> Operator {
        self.chip.gemm(&Gemm {
            name,
            layers,
            kernels: 2.0,
            rows,
            weights,
            row_io: 2.0 * self.shard.hidden + 3.0 * inner,
            precision: self.chip.precision(),
        })
    }

    fn experts(&self, experts: &Experts, tokens: f64, rows: f64, out: &mut dyn FnMut(Operator)) {
        let (shard, moe) = (&self.shard, &experts.moe);
        let layers = f64::from(moe.layers);
        let (routed, top_k) = (f64::from(moe.routed), f64::from(moe.top_k));
        out(self.chip.gemm(&Gemm {
            name: "router",
            layers,
            kernels: 1.0 + ROUTING_KERNELS,
            rows,
            weights: experts.router,
            row_io: shard.hidden + routed,
            precision: Precision::Bf16,
        }));
        // All attention groups meet in the experts; each token draws without regard to the others.
        let batch = (tokens / shard.pipeline).ceil();
        let touched = routed * (1.0 - libm::pow(1.0 - top_k / routed, batch));
        let slice = f64::from(moe.expert_dim) * self.expert / shard.group;
        let gemm = Gemm {
            name: "experts",
            layers,
            kernels: 2.0,
            rows: batch * top_k / self.expert,
            weights: touched * experts.expert / shard.group,
            row_io: 2.0 * shard.hidden + 3.0 * slice,
            precision: self.chip.precision(),
        };
        out(self.chip.grouped_gemm(&gemm, touched, batch * top_k));
        if experts.shared > 0.0 {
            let inner = experts.shared_inner;
            out(self.feed_forward("shared experts", layers, rows, experts.shared, inner));
        }
    }

    fn elementwise(&self, rows: f64) -> Operator {
        let shard = &self.shard;
        let moe_layers = shard.experts.map_or(0.0, |e| f64::from(e.moe.layers));
        let routed = shard.experts.map_or(0.0, |e| {
            f64::from(e.moe.top_k) * f64::from(e.moe.expert_dim) * shard.data_attention
                / shard.group
                + e.shared_inner
        });
        // Both norms read and write the row and its residual; the activation reads two inner rows
        // and writes one; rotary position reads and writes queries and keys.
        let numbers = shard.layers * (8.0 * shard.hidden + 2.0 * shard.attention_io)
            + 3.0 * (shard.dense_layers * shard.dense_inner + moe_layers * routed)
            + 2.0 * shard.hidden;
        let kernels = shard.layers * ELEMENTWISE_KERNELS + 1.0;
        let name = "norms and elementwise";
        self.chip.streaming(name, kernels, rows * numbers * 2.0)
    }

    fn messages(&self, tokens: f64, rows: f64, out: &mut dyn FnMut(Operator)) {
        let (shard, network) = (&self.shard, &self.network);
        let row_bytes = shard.hidden * 2.0;
        let moe_layers = shard.experts.map_or(0.0, |e| f64::from(e.moe.layers));
        let grouped = shard.data_attention > 1.0;
        if shard.tensor > 1.0 {
            // After attention, after the feed-forward part, after the embedding. With attention
            // groups the experts have messages of their own.
            let own = if grouped { moe_layers } else { 0.0 };
            let times = 2.0 * shard.layers - own + 1.0;
            let exchange = network.allreduce(rows * row_bytes, shard.tensor);
            out(exchange.operator("tensor all-reduce", times));
        }
        if let Some(experts) = shard.experts.filter(|_| grouped) {
            let sender = rows * row_bytes / shard.tensor;
            if self.expert > 1.0 {
                let copies = f64::from(experts.moe.top_k);
                // Rows go out in the weights' format or FP8 and come back in BF16.
                let narrow = self.chip.precision().bytes_per_weight().max(1.0) / 2.0;
                // Experts that are cut over several accelerators need the row on each of them.
                let cut = shard.group / self.expert;
                let dispatch = network.scatter(sender * narrow, copies, cut, shard.group);
                let combine = network.scatter(sender, copies, cut, shard.group);
                out(dispatch.operator("expert dispatch", moe_layers));
                out(combine.operator("expert combine", moe_layers));
            } else {
                let batch = (tokens / shard.pipeline).ceil() * row_bytes;
                let exchange = network.gather(batch, shard.group);
                out(exchange.operator("expert gather and scatter", 2.0 * moe_layers));
            }
        }
        if shard.pipeline > 1.0 {
            let exchange = network.send(rows * row_bytes / shard.tensor, self.accelerators);
            out(exchange.operator("pipeline send", shard.pipeline));
        }
    }

    /// Output head and sampling of `samples` sequences.
    pub(crate) fn head(&self, samples: u32, out: &mut dyn FnMut(Operator)) {
        if samples == 0 {
            return;
        }
        let shard = &self.shard;
        let rows = (f64::from(samples) / shard.ranks()).ceil();
        out(self.chip.gemm(&Gemm {
            name: "output head",
            layers: 1.0,
            kernels: 1.0,
            rows,
            weights: shard.embedding,
            row_io: shard.hidden + shard.vocab / shard.tensor,
            precision: Precision::Bf16,
        }));
        if shard.tensor > 1.0 {
            let exchange = self.network.gather(rows * shard.vocab * 2.0, shard.tensor);
            out(exchange.operator("logits gather", 1.0));
        }
        // Each kernel reads and writes FP32 logits.
        let bytes = rows * shard.vocab * 4.0 * 2.0 * SAMPLING_KERNELS / 2.0;
        out(self.chip.streaming("sampling", SAMPLING_KERNELS, bytes));
    }
}

/// The engine's own work: scheduling, preparing inputs, handing out tokens.
fn engine(overhead: f64) -> Operator {
    Operator {
        name: "engine",
        flops: Flops::ZERO,
        bytes: Bytes::ZERO,
        message: Bytes::ZERO,
        time: Seconds::from_s(overhead),
        energy: Energy::ZERO,
        bound: Bound::Latency,
    }
}
