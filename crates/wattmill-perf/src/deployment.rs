//! One model on one kind of accelerator in one layout, and what may be wrong with that.

use thiserror::Error;
use wattmill_catalog::{Accelerator, AttentionKind, Compressed, Efficiency, Model, Precision};
use wattmill_factory::{Draft, EngineSpec, Layout, PowerCap, Speculation};
use wattmill_units::Bytes;

use crate::memory::MemoryPlan;
use crate::power::CapProblem;

/// Largest replica that is priced. Beyond it a degree is a slip of the pen.
const MOST_ACCELERATORS: u64 = 65_536;
/// Tensor parallel degrees tried when looking for a layout that fits.
const DEGREES: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];

/// One replica of an engine: a model, the accelerators it runs on and how it is laid out on them.
#[derive(Clone, Copy, Debug)]
pub struct Deployment<'a> {
    /// The model that is served.
    pub model: &'a Model,
    /// The accelerator it runs on.
    pub accelerator: &'a Accelerator,
    /// What share of its peaks that accelerator's family reaches.
    pub efficiency: &'a Efficiency,
    /// Layout, number formats and batching limits.
    pub spec: EngineSpec,
    /// Accelerators in one scale-up domain of the machine it runs on.
    pub accelerators_per_domain: u32,
}

/// Why a deployment cannot be, and what could be instead.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum LayoutProblem {
    /// The catalogue does not know enough of the model.
    #[error(
        "model `{model}` cannot be priced: nothing states {what}; state it in a model of your own \
         or take another"
    )]
    ModelUnknown {
        /// Catalogue id.
        model: String,
        /// What is not known.
        what: String,
    },
    /// The catalogue does not know enough of the accelerator.
    #[error(
        "accelerator `{accelerator}` cannot be priced: nothing states {what}; state it in an \
         accelerator of your own or take another"
    )]
    AcceleratorUnknown {
        /// Catalogue id.
        accelerator: String,
        /// What is not known.
        what: String,
    },
    /// A power cap that leaves nothing to work with, or none at all.
    #[error(transparent)]
    PowerCap(#[from] CapProblem),
    /// A power cap on an accelerator whose limit is not known.
    #[error(
        "what a power cap does on `{accelerator}` is not known: nothing states its limit; state \
         `tdp` in an accelerator of your own or leave the cap out"
    )]
    NoLimit {
        /// Catalogue id.
        accelerator: String,
    },
    /// A limit of the engine that cannot be.
    #[error("{what} = {value} cannot be; it may be {allowed}")]
    Limit {
        /// Which one.
        what: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
    /// Tensor parallelism cuts through a head.
    #[error(
        "tensor = {tensor} does not divide the {heads} heads of `{model}`; use one of {allowed}"
    )]
    Heads {
        /// Degree asked for.
        tensor: u32,
        /// Query heads.
        heads: u32,
        /// Catalogue id.
        model: String,
        /// Degrees that divide them.
        allowed: String,
    },
    /// Key and value heads can be neither split nor repeated evenly.
    #[error(
        "tensor = {tensor} is neither a divisor nor a multiple of the {kv_heads} KV heads of \
         `{model}`; use one of {allowed}"
    )]
    KvHeads {
        /// Degree asked for.
        tensor: u32,
        /// Key and value heads.
        kv_heads: u32,
        /// Catalogue id.
        model: String,
        /// Degrees that work.
        allowed: String,
    },
    /// Expert parallelism of a model without experts.
    #[error("expert = {expert}, but `{model}` has no experts; use expert = 1")]
    NoExperts {
        /// Degree asked for.
        expert: u32,
        /// Catalogue id.
        model: String,
    },
    /// Experts cannot be dealt out evenly.
    #[error(
        "expert = {expert} does not divide the {routed} experts of `{model}`; use one of {allowed}"
    )]
    Experts {
        /// Degree asked for.
        expert: u32,
        /// Routed experts.
        routed: u32,
        /// Catalogue id.
        model: String,
        /// Degrees that divide them.
        allowed: String,
    },
    /// Experts are dealt to accelerators that are not there.
    #[error(
        "expert = {expert} does not divide the {group} accelerators of tensor x data_attention x \
         context; use one of {allowed}"
    )]
    ExpertGroup {
        /// Degree asked for.
        expert: u32,
        /// Tensor times attention data times context parallel degree.
        group: u32,
        /// Degrees that divide it.
        allowed: String,
    },
    /// More pipeline stages than layers.
    #[error("pipeline = {pipeline}, but `{model}` has {layers} layers; use at most {layers}")]
    Pipeline {
        /// Degree asked for.
        pipeline: u32,
        /// Catalogue id.
        model: String,
        /// Layers of the model.
        layers: u32,
    },
    /// States pass from token to token, so that ranks would have to wait for each other.
    #[error(
        "context = {context}, but layers of `{model}` carry a state from token to token, of which \
         ranks cannot each take a part; use context = 1"
    )]
    ContextStates {
        /// Degree asked for.
        context: u32,
        /// Catalogue id.
        model: String,
    },
    /// Context ranks lie unevenly over scale-up domains.
    #[error(
        "context = {context} ranks of {tensor} accelerators do not fill scale-up domains of \
         {domain} evenly; use one of {allowed}"
    )]
    ContextDomains {
        /// Degree asked for.
        context: u32,
        /// Accelerators of a rank.
        tensor: u32,
        /// Accelerators of a domain.
        domain: u32,
        /// Degrees that do.
        allowed: String,
    },
    /// The replica needs a network nothing is known of.
    #[error(
        "a replica of {accelerators} spans scale-up domains of {domain}, but nothing states the \
         scale-out bandwidth of `{accelerator}`; use at most {domain} accelerators a replica or \
         state it"
    )]
    ScaleOut {
        /// Accelerators of the replica.
        accelerators: u32,
        /// Accelerators of a domain.
        domain: u32,
        /// Catalogue id.
        accelerator: String,
    },
    /// It does not fit the memory.
    #[error(
        "`{model}` in {precision} does not fit: {weights:.1} GB of weights and {reserve:.1} GB for \
         activations on each `{accelerator}`, of whose memory {usable:.1} GB may be used; {ways}"
    )]
    Memory {
        /// Catalogue id of the model.
        model: String,
        /// Format of the weights.
        precision: Precision,
        /// Weights of one accelerator, GB.
        weights: f64,
        /// Activations and runtime of one accelerator, GB.
        reserve: f64,
        /// Catalogue id of the accelerator.
        accelerator: String,
        /// What the engine may use of its memory, GB.
        usable: f64,
        /// What would fit.
        ways: String,
    },
}

impl Deployment<'_> {
    /// Everything that speaks against it, each with the way out. Empty: it can be priced.
    ///
    /// Tensor parallelism must divide the query heads; where it exceeds the KV heads these are
    /// repeated, which needs a multiple of their number.
    ///
    /// ```
    /// # use wattmill_catalog::Catalog;
    /// # use wattmill_catalog::Precision;
    /// # use wattmill_factory::{EngineSpec, Layout};
    /// # use wattmill_perf::Deployment;
    /// # let catalog = Catalog::builtin();
    /// let accelerator = catalog.accelerator("h100-sxm").unwrap();
    /// let deployment = Deployment {
    ///     model: catalog.model("llama-3.1-70b").unwrap(),
    ///     accelerator,
    ///     efficiency: catalog.efficiency(&accelerator.family).unwrap(),
    ///     spec: EngineSpec::new(Layout::tensor(1), Precision::Bf16),
    ///     accelerators_per_domain: 8,
    /// };
    /// let problems = deployment.problems();
    /// let told = problems[0].to_string();
    /// assert!(told.ends_with("it fits with precision = fp8 or tensor = 2"), "{told}");
    /// ```
    pub fn problems(&self) -> Vec<LayoutProblem> {
        let mut problems = self.unknowns();
        problems.extend(self.limits());
        if problems.is_empty() {
            problems.extend(self.divisions());
            problems.extend(self.machine());
            problems.extend(self.memory());
        }
        problems
    }

    fn unknowns(&self) -> Vec<LayoutProblem> {
        let (model, chip) = (self.model, self.accelerator);
        let mut problems = Vec::new();
        let what = model.missing().join(", ");
        if !what.is_empty() {
            let model = model.id.clone();
            problems.push(LayoutProblem::ModelUnknown { model, what });
        }
        let what = chip.missing().join(", ");
        if !what.is_empty() {
            let accelerator = chip.id.clone();
            problems.push(LayoutProblem::AcceleratorUnknown { accelerator, what });
        }
        problems
    }

    fn limits(&self) -> Vec<LayoutProblem> {
        let (spec, layout) = (&self.spec, self.spec.layout);
        let size = u64::from(layout.tensor)
            .saturating_mul(u64::from(layout.pipeline))
            .saturating_mul(u64::from(layout.data_attention))
            .saturating_mul(u64::from(layout.context));
        let count = "a whole number of at least 1";
        let checks = [
            ("tensor", layout.tensor.to_string(), layout.tensor > 0, count),
            ("pipeline", layout.pipeline.to_string(), layout.pipeline > 0, count),
            ("expert", layout.expert.to_string(), layout.expert > 0, count),
            ("data_attention", layout.data_attention.to_string(), layout.data_attention > 0, count),
            ("context", layout.context.to_string(), layout.context > 0, count),
            (
                "context",
                layout.context.to_string(),
                layout.context < 2 || layout.context <= spec.max_tokens / 2,
                "at most half of max_tokens: each rank computes two pieces of a chunk",
            ),
            (
                "tensor x data_attention x context x pipeline",
                size.to_string(),
                size <= MOST_ACCELERATORS,
                "at most 65536 accelerators",
            ),
            (
                "max_seqs",
                spec.max_seqs.to_string(),
                (1..=1 << 24).contains(&spec.max_seqs),
                "from 1 to 16777216 sequences",
            ),
            (
                "max_tokens",
                spec.max_tokens.to_string(),
                (1..=1 << 24).contains(&spec.max_tokens),
                "from 1 to 16777216 tokens",
            ),
            (
                "block_tokens",
                spec.block_tokens.to_string(),
                (1..=1 << 16).contains(&spec.block_tokens),
                "from 1 to 65536 tokens",
            ),
            (
                "memory_fraction",
                spec.memory_fraction.to_string(),
                spec.memory_fraction > 0.0 && spec.memory_fraction <= 1.0,
                "a fraction above 0 and at most 1",
            ),
            (
                "draft_tokens",
                spec.speculation.map_or(1, |s| s.draft_tokens).to_string(),
                spec.speculation.is_none_or(|s| (1..=64).contains(&s.draft_tokens)),
                "from 1 to 64 tokens",
            ),
            (
                "acceptance",
                spec.speculation.map_or(1.0, |s| s.acceptance).to_string(),
                spec.speculation.is_none_or(|s| (0.0..=1.0).contains(&s.acceptance)),
                "a probability from 0 to 1",
            ),
            (
                "kv_precision",
                spec.kv_precision.to_string(),
                spec.kv_precision != Precision::Fp4,
                "bf16 or fp8",
            ),
            (
                "expert_imbalance",
                spec.expert_imbalance.to_string(),
                (1.0..=f64::from(MOST_ACCELERATORS as u32)).contains(&spec.expert_imbalance),
                "a ratio of at least 1",
            ),
            (
                "accelerators_per_domain",
                self.accelerators_per_domain.to_string(),
                self.accelerators_per_domain > 0,
                count,
            ),
        ];
        let bad = checks.into_iter().filter(|(_, _, fine, _)| !fine);
        bad.map(|(what, value, _, allowed)| LayoutProblem::Limit { what, value, allowed }).collect()
    }

    fn divisions(&self) -> Vec<LayoutProblem> {
        let (model, layout) = (self.model, self.spec.layout);
        let id = || model.id.clone();
        let mut problems = Vec::new();
        let heads = heads(model);
        if !heads.is_multiple_of(layout.tensor) {
            problems.push(LayoutProblem::Heads {
                tensor: layout.tensor,
                heads,
                model: id(),
                allowed: divisors(heads, |d| splits_kv(model, d)),
            });
        } else if let AttentionKind::Grouped { kv_heads, .. } = model.attention
            && !splits_kv(model, layout.tensor)
        {
            problems.push(LayoutProblem::KvHeads {
                tensor: layout.tensor,
                kv_heads,
                model: id(),
                allowed: divisors(heads, |d| splits_kv(model, d)),
            });
        }
        let group = layout.tensor * layout.data_attention * layout.context;
        let expert = layout.expert;
        match model.ffn.moe {
            None if expert > 1 => {
                problems.push(LayoutProblem::NoExperts { expert, model: id() });
            }
            Some(moe) if !moe.routed.is_multiple_of(expert) => {
                problems.push(LayoutProblem::Experts {
                    expert,
                    routed: moe.routed,
                    model: id(),
                    allowed: divisors(moe.routed, |d| group.is_multiple_of(d)),
                });
            }
            _ => {}
        }
        if model.is_moe() && !group.is_multiple_of(expert) {
            problems.push(LayoutProblem::ExpertGroup {
                expert,
                group,
                allowed: divisors(group, |_| true),
            });
        }
        if layout.context > 1 && model.state.is_some() {
            problems.push(LayoutProblem::ContextStates { context: layout.context, model: id() });
        }
        if layout.pipeline > model.layers {
            problems.push(LayoutProblem::Pipeline {
                pipeline: layout.pipeline,
                model: id(),
                layers: model.layers,
            });
        }
        problems
    }

    fn machine(&self) -> Vec<LayoutProblem> {
        let (chip, spec) = (self.accelerator, &self.spec);
        let mut problems = Vec::new();
        let accelerators = spec.layout.accelerators();
        let domain = self.accelerators_per_domain;
        let reachable = chip.scaleout.is_some_and(|rate| rate.as_bytes_per_s() > 0.0);
        problems.extend(spec.power_cap.and_then(|cap| self.cap(cap)));
        if accelerators > domain && !reachable {
            problems.push(LayoutProblem::ScaleOut {
                accelerators,
                domain,
                accelerator: chip.id.clone(),
            });
        }
        let Layout { tensor, context, .. } = spec.layout;
        if !fills_domains(tensor, context, domain) {
            problems.push(LayoutProblem::ContextDomains {
                context,
                tensor,
                domain,
                allowed: names((1..=16).filter(|n| fills_domains(tensor, *n, domain))),
            });
        }
        let scaleup = chip.scaleup.is_some_and(|rate| rate.as_bytes_per_s() > 0.0);
        if accelerators > 1 && domain > 1 && !scaleup {
            problems.push(LayoutProblem::AcceleratorUnknown {
                accelerator: chip.id.clone(),
                what: "scaleup".to_owned(),
            });
        }
        problems
    }

    fn cap(&self, cap: PowerCap) -> Option<LayoutProblem> {
        let Some(limit) = self.accelerator.tdp else {
            return Some(LayoutProblem::NoLimit { accelerator: self.accelerator.id.clone() });
        };
        CapProblem::of(cap, self.accelerator, self.efficiency, limit).map(LayoutProblem::from)
    }

    fn memory(&self) -> Option<LayoutProblem> {
        let plan = MemoryPlan::of(self);
        (plan.blocks == 0).then(|| LayoutProblem::Memory {
            model: self.model.id.clone(),
            precision: self.spec.precision,
            weights: plan.weights.as_gb(),
            reserve: (plan.activations + plan.windows).as_gb(),
            accelerator: self.accelerator.id.clone(),
            usable: plan.usable.as_gb(),
            ways: self.ways_to_fit(),
        })
    }

    /// The widest narrower format and the smallest larger tensor degree that fit.
    fn ways_to_fit(&self) -> String {
        let fits = |spec: EngineSpec| MemoryPlan::of(&Self { spec, ..*self }).blocks > 0;
        let narrower = Precision::ALL
            .into_iter()
            .filter(|p| *p > self.spec.precision && self.accelerator.peak(*p).is_some())
            .find(|p| fits(EngineSpec { precision: *p, ..self.spec }));
        let heads = heads(self.model);
        let wider = DEGREES
            .into_iter()
            .filter(|d| *d > self.spec.layout.tensor && heads.is_multiple_of(*d))
            .filter(|d| splits_kv(self.model, *d))
            .find(|d| {
                fits(EngineSpec { layout: Layout { tensor: *d, ..self.spec.layout }, ..self.spec })
            });
        let narrower = narrower.map(|p| format!("precision = {p}"));
        let wider = wider.map(|d| format!("tensor = {d}"));
        match names(narrower.into_iter().chain(wider)).as_str() {
            // Expert parallelism moves experts around, but holds no fewer on each accelerator.
            "" => {
                let experts = if self.model.is_moe() { " or data_attention" } else { "" };
                format!(
                    "no narrower format and no tensor degree up to 64 fits; raise pipeline{experts} \
                     or take an accelerator with more memory"
                )
            }
            ways => format!("it fits with {ways}"),
        }
    }

    /// Format of attention's weights: checkpoints in FP4 with experts narrow only these.
    pub(crate) fn attention_precision(&self) -> Precision {
        match self.spec.precision {
            Precision::Fp4 if self.model.is_moe() => Precision::Bf16,
            precision => precision,
        }
    }

    /// Tokens of a decoding sequence that pass the model in a round.
    pub(crate) fn verified(&self) -> f64 {
        self.spec.speculation.map_or(1.0, |s| f64::from(s.verified()))
    }

    /// Passes of a layer that guesses, in a round.
    pub(crate) fn drafting_layers(&self) -> f64 {
        match self.spec.speculation {
            Some(Speculation { draft: Draft::Layer, draft_tokens, .. }) => f64::from(draft_tokens),
            _ => 0.0,
        }
    }

    /// What the engine may use of the memory of one accelerator.
    pub(crate) fn usable_memory(&self) -> Bytes {
        self.accelerator.memory.unwrap_or(Bytes::ZERO) * self.spec.memory_fraction
    }
}

/// Query heads of a model.
pub(crate) const fn heads(model: &Model) -> u32 {
    match model.attention {
        AttentionKind::Grouped { heads, .. }
        | AttentionKind::Latent { heads, .. }
        | AttentionKind::Compressed(Compressed { heads, .. }) => heads,
    }
}

/// Whether KV heads can be split over or repeated on `tensor` accelerators.
const fn splits_kv(model: &Model, tensor: u32) -> bool {
    match model.attention {
        AttentionKind::Grouped { kv_heads, .. } => {
            kv_heads.is_multiple_of(tensor) || tensor.is_multiple_of(kv_heads)
        }
        AttentionKind::Latent { .. } | AttentionKind::Compressed(_) => true,
    }
}

/// Whether `context` ranks of `tensor` accelerators lie alike in every domain that they reach.
const fn fills_domains(tensor: u32, context: u32, domain: u32) -> bool {
    if context == 1 || tensor * context <= domain {
        return true;
    }
    if tensor > domain {
        return tensor.is_multiple_of(domain);
    }
    domain.is_multiple_of(tensor) && context.is_multiple_of(domain / tensor)
}

fn divisors(n: u32, fits: impl Fn(u32) -> bool) -> String {
    names((1..=n.min(1024)).filter(|d| n.is_multiple_of(*d) && fits(*d)))
}

fn names<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|i| i.to_string()).collect();
    items.join(" or ")
}
