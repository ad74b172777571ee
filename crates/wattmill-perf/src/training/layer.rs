//! Times of one layer for one micro-batch on one accelerator, forward and backward.

use wattmill_catalog::{AttentionKind, Moe, Precision, TrainingConstant as C};

use super::job::{Task, TrainingFormat, TrainingJob};
use super::links::{Links, exposed, smooth_max};
use super::work::{Product, attended, attention_products, expert_share, ffn_products};

/// Parts of a pass through one or more layers, s; and what it executes.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Pass {
    pub(crate) gemm: f64,
    pub(crate) attention: f64,
    pub(crate) experts: f64,
    pub(crate) elementwise: f64,
    pub(crate) tensor: f64,
    pub(crate) context: f64,
    pub(crate) expert: f64,
    /// Host time that kernels do not hide.
    pub(crate) launch: f64,
    /// Seconds of arithmetic at the dense peak of its format.
    pub(crate) at_peak: f64,
    /// Bytes moved to and from memory.
    pub(crate) bytes: f64,
}

impl Pass {
    pub(crate) fn total(&self) -> f64 {
        self.gemm
            + self.attention
            + self.experts
            + self.elementwise
            + self.tensor
            + self.context
            + self.expert
            + self.launch
    }

    pub(crate) fn times(self, k: f64) -> Self {
        Self {
            gemm: self.gemm * k,
            attention: self.attention * k,
            experts: self.experts * k,
            elementwise: self.elementwise * k,
            tensor: self.tensor * k,
            context: self.context * k,
            expert: self.expert * k,
            launch: self.launch * k,
            at_peak: self.at_peak * k,
            bytes: self.bytes * k,
        }
    }

    pub(crate) fn plus(self, o: Self) -> Self {
        Self {
            gemm: self.gemm + o.gemm,
            attention: self.attention + o.attention,
            experts: self.experts + o.experts,
            elementwise: self.elementwise + o.elementwise,
            tensor: self.tensor + o.tensor,
            context: self.context + o.context,
            expert: self.expert + o.expert,
            launch: self.launch + o.launch,
            at_peak: self.at_peak + o.at_peak,
            bytes: self.bytes + o.bytes,
        }
    }
}

/// Forward and backward.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Both {
    pub(crate) forward: Pass,
    pub(crate) backward: Pass,
}

/// Rates of one accelerator in training.
pub(crate) struct Rates<'a> {
    job: &'a TrainingJob<'a>,
    pub(crate) links: Links,
    /// Clock of arithmetic over the highest.
    clock: f64,
    peak: f64,
    peak_bf16: f64,
    gemm: f64,
    gemm_bf16: f64,
    /// Bytes per second of plain kernels.
    pub(crate) memory: f64,
}

impl<'a> Rates<'a> {
    /// With arithmetic at `clock` of its highest.
    pub(crate) fn of(job: &'a TrainingJob<'a>, clock: f64) -> Self {
        let (chip, share, fit) = (job.accelerator, job.efficiency, job.training);
        let rate = |p: Precision| chip.peak(p).map(|r| r.as_flops_per_s());
        // Chips that publish no BF16 peak have always run it at half of FP8.
        let peak_bf16 = rate(Precision::Bf16)
            .or(rate(Precision::Fp8).map(|r| r / 2.0))
            .or(rate(Precision::Fp4).map(|r| r / 4.0))
            .unwrap_or(1.0);
        let precision = job.recipe.format.precision();
        let peak = rate(precision).unwrap_or(peak_bf16);
        let factor = fit.get(match job.recipe.format {
            TrainingFormat::Bf16 => C::GemmBf16,
            TrainingFormat::Fp8 => C::GemmFp8,
            TrainingFormat::Mxfp8 => C::GemmMxfp8,
            TrainingFormat::Nvfp4 => C::GemmFp4,
        });
        let bandwidth = chip.memory_bandwidth.map_or(1.0, |b| b.as_bytes_per_s());
        Self {
            job,
            links: Links::of(job),
            clock,
            peak,
            peak_bf16,
            gemm: (share.gemm_at(precision) * factor).min(1.0),
            gemm_bf16: (share.gemm_at(Precision::Bf16) * fit.get(C::GemmBf16)).min(1.0),
            memory: bandwidth * share.memory_weights_at(Precision::Bf16),
        }
    }

    /// Time, time at peak and bytes of one product, all three passes alike.
    fn product(&self, p: &Product, wide: bool) -> (f64, f64, f64) {
        let (peak, share, width) = if wide {
            (self.peak_bf16, self.gemm_bf16, 2.0)
        } else {
            (self.peak, self.gemm, self.job.recipe.format.precision().bytes_per_weight())
        };
        // Inputs in the format, the result in 16 bits.
        let result = p.copies * p.rows * p.outer;
        let bytes = (p.elements() - result) * width + result * 2.0;
        let arithmetic = p.flops() / (peak * share * self.clock);
        let edge = self.job.training.get(C::GemmEdge) * bytes / self.memory;
        (arithmetic + edge, p.flops() / peak, bytes)
    }

    /// Backward passes of a linear layer against its forward pass.
    const fn backward_products(&self) -> f64 {
        // Frozen weights need no gradient of their own.
        if self.job.recipe.task.is_frozen() { 1.0 } else { 2.0 }
    }

    /// One layer with a dense feed-forward part, or with experts.
    pub(crate) fn layer(&self, moe: Option<&Moe>) -> Both {
        let job = self.job;
        let (model, layout, fit) = (job.model, job.layout, job.training);
        let (tensor, context) = (f64::from(layout.tensor), f64::from(layout.context));
        let rows = job.rank_tokens();
        let hidden = f64::from(model.hidden);
        let mut both = Both::default();

        let mut products = attention_products(model, rows, tensor);
        let mut inner = f64::from(model.ffn.dense_dim) / tensor;
        if let Some(moe) = moe {
            inner = f64::from(moe.shared_dim) / tensor;
        }
        if inner > 0.0 {
            products.extend(ffn_products(model, inner, rows, 1.0));
        }
        for product in &products {
            self.add(&mut both, |pass| &mut pass.gemm, product, 1.0, false);
        }
        if let Some(moe) = moe {
            let router = Product { rows, inner: hidden, outer: f64::from(moe.routed), copies: 1.0 };
            self.add(&mut both, |pass| &mut pass.experts, &router, 1.0, true);
            self.experts(&mut both, moe, rows);
        }
        self.attention(&mut both, rows);
        self.elementwise(&mut both, moe, rows);

        // Tensor parallelism: two gathers and two reductions of the residual stream in each pass;
        // the feed-forward part of a layer of experts has its own all-to-all instead.
        let exchanges = if moe.is_some() { 2.0 } else { 4.0 };
        let message = exchanges * self.links.gather(rows * hidden * 2.0, tensor, 1.0);
        both.forward.tensor = message * fit.get(C::TensorExposed);
        both.backward.tensor = both.forward.tensor;

        // Context parallelism: keys and values go around, backward with their gradients.
        let kv = model_kv(model) / tensor.min(kv_heads(model));
        let ring = self.links.ring(rows * kv * 2.0, context, tensor);
        let share = fit.get(C::ContextExposed);
        both.forward.context = exposed(ring, both.forward.attention, share);
        both.backward.context = exposed(2.0 * ring, both.backward.attention, share);

        let launch = fit.get(if moe.is_some() { C::LaunchMoe } else { C::Launch }) / 3.0;
        for (pass, host) in [(&mut both.forward, launch), (&mut both.backward, 2.0 * launch)] {
            let busy = pass.total();
            pass.launch = smooth_max(busy, host) - busy;
        }
        both
    }

    fn add(
        &self,
        both: &mut Both,
        part: impl Fn(&mut Pass) -> &mut f64,
        product: &Product,
        slower: f64,
        wide: bool,
    ) {
        let (time, at_peak, bytes) = self.product(product, wide);
        for (pass, k) in [(&mut both.forward, 1.0), (&mut both.backward, self.backward_products())]
        {
            *part(pass) += time * k * slower;
            pass.at_peak += at_peak * k;
            pass.bytes += bytes * k;
        }
    }

    fn experts(&self, both: &mut Both, moe: &Moe, rows: f64) {
        let (layout, fit) = (self.job.layout, self.job.training);
        let (expert, tensor) = (f64::from(layout.expert), f64::from(layout.tensor));
        let expert_tensor = f64::from(layout.expert_tensor);
        // Tokens of a rank are already split over tensor ranks when they reach the experts.
        let (routed, held) = expert_share(moe, rows / tensor, expert, expert_tensor);
        let inner = f64::from(moe.expert_dim) / expert_tensor;
        let slower = 1.0 / fit.get(C::Grouped);
        for product in ffn_products(self.job.model, inner, routed / held, held) {
            self.add(both, |pass| &mut pass.experts, &product, slower, false);
        }
        let sent = rows / tensor * f64::from(moe.top_k) * f64::from(self.job.model.hidden) * 2.0;
        let trip = self.links.all_to_all(sent, expert, expert_tensor);
        let message = 2.0 * trip * fit.get(C::ExpertExposed);
        both.forward.expert = message;
        both.backward.expert = message;
    }

    fn attention(&self, both: &mut Both, rows: f64) {
        let (job, fit) = (self.job, self.job.training);
        let sequence = f64::from(job.sequence);
        let flops = 4.0 * rows * attended(job.model, sequence) / f64::from(job.layout.tensor);
        let short = sequence / (sequence + fit.get(C::AttentionShort));
        let rate = self.peak_bf16 * fit.get(C::Attention) * short * self.clock;
        // Backward: five multiplications for the forward pass's two, at a somewhat lower rate.
        const BACKWARD: f64 = 2.5;
        const BACKWARD_SLOWER: f64 = 1.2;
        both.forward.attention = flops / rate;
        both.backward.attention = flops / rate * BACKWARD * BACKWARD_SLOWER;
        both.forward.at_peak += flops / self.peak_bf16;
        both.backward.at_peak += BACKWARD * flops / self.peak_bf16;
    }

    /// Norms, residuals, position, activation: what must be read and written at least, 16 bits.
    fn elementwise(&self, both: &mut Both, moe: Option<&Moe>, rows: f64) {
        let (job, layout) = (self.job, self.job.layout);
        let tensor = f64::from(layout.tensor);
        let hidden = f64::from(job.model.hidden);
        let stream = if layout.sequence_parallel { rows / tensor } else { rows };
        // Two norms and two residuals: read and write each, residuals read two.
        let norms = 10.0 * hidden * stream;
        let heads = 3.0 * attention_width(job.model) * rows / tensor;
        let lanes = if job.model.ffn.gated { 3.0 } else { 2.0 };
        let dense = lanes * f64::from(job.model.ffn.dense_dim) * rows / tensor;
        let inner = match moe {
            None => dense,
            Some(m) => {
                let routed = f64::from(m.top_k) * rows / tensor;
                // Permute into experts' order and back, weigh and sum.
                let moved = 6.0 * hidden * routed;
                lanes * (f64::from(m.expert_dim) * routed + f64::from(m.shared_dim) * rows / tensor)
                    + moved
            }
        };
        // An adapter reads its input and adds to its output once more.
        let adapters = match job.recipe.task {
            Task::Lora { .. } => {
                let products = attention_products(job.model, rows, tensor);
                products.iter().map(|p| p.rows * (p.inner + 2.0 * p.outer)).sum()
            }
            _ => 0.0,
        };
        let bytes = 2.0 * (norms + heads + inner + adapters) * job.training.get(C::Elementwise);
        both.forward.elementwise = bytes / self.memory;
        both.backward.elementwise = 2.0 * bytes / self.memory;
        both.forward.bytes += bytes;
        both.backward.bytes += 2.0 * bytes;
    }

    /// The output head and its loss for one micro-batch.
    pub(crate) fn head(&self) -> Both {
        let job = self.job;
        let mut both = Both::default();
        let rows = job.rank_tokens();
        let outer = f64::from(job.model.vocab) / f64::from(job.layout.tensor);
        let head = Product { rows, inner: f64::from(job.model.hidden), outer, copies: 1.0 };
        self.add(&mut both, |pass| &mut pass.gemm, &head, 1.0, true);
        // Logits in FP32: written, read for the maximum and the sum; backward read and written.
        let bytes = 4.0 * rows * outer * job.training.get(C::Elementwise);
        for (pass, passes) in [(&mut both.forward, 3.0), (&mut both.backward, 2.0)] {
            pass.elementwise = passes * bytes / self.memory;
            pass.bytes += passes * bytes;
        }
        both
    }
}

/// Width of queries, keys and values together.
fn attention_width(model: &wattmill_catalog::Model) -> f64 {
    match model.attention {
        AttentionKind::Grouped { heads, kv_heads, head_dim } => {
            (f64::from(heads) + 2.0 * f64::from(kv_heads)) * f64::from(head_dim)
        }
        AttentionKind::Latent { heads, nope_dim, rope_dim, v_dim, .. } => {
            f64::from(heads) * (2.0 * f64::from(nope_dim + rope_dim) + f64::from(v_dim))
        }
        AttentionKind::Compressed(c) => (f64::from(c.heads) + 1.0) * f64::from(c.head_dim),
    }
}

/// Numbers of keys and values of one token in one layer, as attention sees them in training.
fn model_kv(model: &wattmill_catalog::Model) -> f64 {
    match model.attention {
        AttentionKind::Grouped { kv_heads, head_dim, .. } => {
            2.0 * f64::from(kv_heads) * f64::from(head_dim)
        }
        AttentionKind::Latent { heads, nope_dim, rope_dim, v_dim, .. } => {
            f64::from(heads) * f64::from(nope_dim + rope_dim + v_dim)
        }
        AttentionKind::Compressed(c) => f64::from(c.head_dim),
    }
}

/// Heads that keys and values can be split by.
fn kv_heads(model: &wattmill_catalog::Model) -> f64 {
    match model.attention {
        AttentionKind::Grouped { kv_heads, .. } => f64::from(kv_heads),
        AttentionKind::Latent { heads, .. } => f64::from(heads),
        AttentionKind::Compressed(_) => 1.0,
    }
}
