//! Why a training job cannot be, and what could be instead.

use thiserror::Error;
use wattmill_catalog::{AttentionKind, Precision};

use super::TrainingFormat;
use super::job::{Recompute, Sharding, TrainingJob, TrainingLayout};
use super::memory::TrainingMemory;
use crate::power::CapProblem;

/// Largest degree and job that are priced. Beyond it a degree is a slip of the pen.
const MOST_ACCELERATORS: u64 = 1 << 22;

/// Why a training job cannot be, with the way out.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum TrainingProblem {
    /// The catalogue does not know enough of the model or accelerator.
    #[error("{what} `{id}` cannot be priced: nothing states {missing}; take another or state it")]
    Unknown {
        /// `model` or `accelerator`.
        what: &'static str,
        /// Catalogue id.
        id: String,
        /// What is not known.
        missing: String,
    },
    /// A number that cannot be.
    #[error("{what} = {value} cannot be; it may be {allowed}")]
    Limit {
        /// Which one.
        what: &'static str,
        /// What it is.
        value: String,
        /// What it may be.
        allowed: String,
    },
    /// One number does not divide another.
    #[error("{what} = {value} does not divide {of}; use {allowed}")]
    Division {
        /// Whose degree.
        what: &'static str,
        /// The degree.
        value: String,
        /// What it has to divide.
        of: String,
        /// What does.
        allowed: String,
    },
    /// Expert parallelism of a model without experts.
    #[error("{what} = {value}, but `{model}` has no experts; use {what} = 1")]
    NoExperts {
        /// `expert` or `expert_tensor`.
        what: &'static str,
        /// Degree asked for.
        value: u32,
        /// Catalogue id.
        model: String,
    },
    /// The accelerator has no units of that format.
    #[error("`{accelerator}` has no {precision} units; use {allowed}")]
    Format {
        /// Catalogue id.
        accelerator: String,
        /// Units asked for.
        precision: Precision,
        /// Formats it can run.
        allowed: String,
    },
    /// The job needs a network nothing is known of.
    #[error(
        "{accelerators} accelerators span scale-up domains of {domain}, but nothing states the \
         scale-out bandwidth of `{accelerator}`; use at most {domain} or state it"
    )]
    ScaleOut {
        /// Accelerators of the job.
        accelerators: u64,
        /// Accelerators of a domain.
        domain: u32,
        /// Catalogue id.
        accelerator: String,
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
    /// It does not fit the memory.
    #[error(
        "`{model}` does not fit: each `{accelerator}` would hold {weights:.1} GB of weights, \
         {gradients:.1} GB of gradients, {optimizer:.1} GB of optimizer state, {activations:.1} GB \
         of activations and {runtime:.1} GB of runtime, {total:.1} GB of its {memory:.1} GB; {ways}"
    )]
    Memory {
        /// Catalogue id of the model.
        model: String,
        /// Catalogue id of the accelerator.
        accelerator: String,
        /// Weights, GB.
        weights: f64,
        /// Gradients, GB.
        gradients: f64,
        /// Optimizer state, GB.
        optimizer: f64,
        /// Activations, GB.
        activations: f64,
        /// Runtime, GB.
        runtime: f64,
        /// All of it, GB.
        total: f64,
        /// What there is, GB.
        memory: f64,
        /// What would fit.
        ways: String,
    },
}

impl TrainingProblem {
    /// Whether it is the memory that does not suffice.
    pub const fn is_memory(&self) -> bool {
        matches!(self, Self::Memory { .. })
    }
}

impl TrainingJob<'_> {
    /// Everything that speaks against it, each with the way out. Empty: [`TrainingStep::of`]
    /// prices it.
    ///
    /// [`TrainingStep::of`]: super::TrainingStep::of
    pub fn problems(&self) -> Vec<TrainingProblem> {
        let mut problems = self.unknowns();
        problems.extend(self.limits());
        if problems.is_empty() {
            problems.extend(self.divisions());
            problems.extend(self.machine());
        }
        // Degrees that do not divide make no sense of what each accelerator holds.
        if problems.is_empty() {
            problems.extend(self.memory());
        }
        problems
    }

    fn unknowns(&self) -> Vec<TrainingProblem> {
        let subjects = [
            ("model", &self.model.id, self.undescribed()),
            ("accelerator", &self.accelerator.id, self.accelerator.missing()),
        ];
        let unknown = subjects.into_iter().filter(|(_, _, missing)| !missing.is_empty());
        unknown
            .map(|(what, id, missing)| TrainingProblem::Unknown {
                what,
                id: id.clone(),
                missing: missing.join(", "),
            })
            .collect()
    }

    /// What is not known of the model and needed. A step is made of layers that attend and have a
    /// feed-forward part of the residual's width; no published run says what states cost in one.
    fn undescribed(&self) -> Vec<&'static str> {
        let mut missing = self.model.missing();
        if self.model.state.is_some() {
            missing.push("what training its states costs");
        }
        if self.model.ffn.moe.is_some_and(|m| m.latent_dim > 0) {
            missing.push("what training experts on a latent costs");
        }
        missing
    }

    fn limits(&self) -> Vec<TrainingProblem> {
        let l = self.layout;
        let group = match l.sharding {
            Sharding::None | Sharding::Optimizer => 1,
            Sharding::Gradients { group } | Sharding::Full { group } => group,
        };
        let counts = [
            ("tensor", l.tensor),
            ("pipeline", l.pipeline),
            ("virtual_stages", l.virtual_stages),
            ("context", l.context),
            ("expert", l.expert),
            ("expert_tensor", l.expert_tensor),
            ("data", l.data),
            ("sharding group", group),
            ("micro_batch", self.micro_batch),
            ("global_batch", self.global_batch),
            ("sequence", self.sequence),
            ("accelerators_per_domain", self.accelerators_per_domain),
        ];
        let count = format!("a whole number from 1 to {MOST_ACCELERATORS}");
        let bad = counts.into_iter().filter(|(_, n)| *n == 0 || u64::from(*n) > MOST_ACCELERATORS);
        let mut problems: Vec<TrainingProblem> = bad
            .map(|(what, n)| TrainingProblem::Limit {
                what,
                value: n.to_string(),
                allowed: count.clone(),
            })
            .collect();
        let size = l.accelerators();
        if problems.is_empty() && size > MOST_ACCELERATORS {
            problems.push(TrainingProblem::Limit {
                what: "tensor x context x pipeline x data",
                value: size.to_string(),
                allowed: format!("at most {MOST_ACCELERATORS} accelerators"),
            });
        }
        let bytes = [
            ("gradient_bytes", self.recipe.gradient_bytes),
            ("optimizer_bytes", self.recipe.optimizer_bytes),
            ("kept_bytes", self.recipe.kept_bytes),
        ];
        for (what, value) in bytes {
            if !(0.0..=64.0).contains(&value) {
                let allowed = "from 0 to 64 bytes a weight".to_owned();
                problems.push(TrainingProblem::Limit { what, value: value.to_string(), allowed });
            }
        }
        if !(2015.0..=2100.0).contains(&self.recipe.year) {
            problems.push(TrainingProblem::Limit {
                what: "year",
                value: self.recipe.year.to_string(),
                allowed: "from 2015 to 2100".to_owned(),
            });
        }
        problems
    }

    fn divisions(&self) -> Vec<TrainingProblem> {
        let (model, l) = (self.model, self.layout);
        let heads = crate::deployment::heads(model);
        let (mut problems, mut none) = (Vec::new(), Vec::new());
        let mut refuse = |what, value: u64, of: String, allowed: String| {
            let value = value.to_string();
            problems.push(TrainingProblem::Division { what, value, of, allowed });
        };
        if !heads.is_multiple_of(l.tensor) {
            let of = format!("the {heads} heads of `{}`", model.id);
            refuse("tensor", l.tensor.into(), of, divisors(heads));
        } else if let AttentionKind::Grouped { kv_heads, .. } = model.attention
            && !kv_heads.is_multiple_of(l.tensor)
            && !l.tensor.is_multiple_of(kv_heads)
        {
            let of = format!("the {kv_heads} KV heads of `{}`", model.id);
            refuse("tensor", l.tensor.into(), of, divisors(kv_heads));
        }
        if !self.sequence.is_multiple_of(l.context) {
            let of = format!("sequences of {} tokens", self.sequence);
            refuse(
                "context",
                l.context.into(),
                of,
                names((1..=64).filter(|d| self.sequence.is_multiple_of(*d))),
            );
        }
        let chunks = l.pipeline.saturating_mul(l.virtual_stages);
        // Megatron counts embedding and loss as layers where that makes stages even.
        let most = model.layers.saturating_add(2);
        if l.pipeline > model.layers || chunks > most {
            let of = format!("the {} layers of `{}`", model.layers, model.id);
            let allowed = format!("at most {most} chunks in all");
            refuse("pipeline x virtual_stages", chunks.into(), of, allowed);
        }
        if l.virtual_stages > 1 && l.pipeline == 1 {
            let of = "a pipeline of one stage".to_owned();
            refuse("virtual_stages", l.virtual_stages.into(), of, "virtual_stages = 1".to_owned());
        }
        let round = u64::from(l.data) * u64::from(self.micro_batch);
        if !u64::from(self.global_batch).is_multiple_of(round) {
            let of = format!("the {} sequences of a step", self.global_batch);
            let up = u64::from(self.global_batch).div_ceil(round) * round;
            refuse("data x micro_batch", round, of, format!("global_batch = {up}"));
        }
        let ranks = u64::from(l.tensor) * u64::from(l.context) * u64::from(l.data);
        match model.ffn.moe {
            None => {
                let degrees = [("expert", l.expert), ("expert_tensor", l.expert_tensor)];
                let model = &model.id;
                let wrong = degrees.into_iter().filter(|(_, n)| *n > 1);
                none = wrong
                    .map(|(what, value)| TrainingProblem::NoExperts {
                        what,
                        value,
                        model: model.clone(),
                    })
                    .collect();
            }
            Some(moe) => {
                if !moe.routed.is_multiple_of(l.expert) {
                    let of = format!("the {} experts of `{}`", moe.routed, model.id);
                    refuse("expert", l.expert.into(), of, divisors(moe.routed));
                }
                let group = u64::from(l.expert) * u64::from(l.expert_tensor);
                if !ranks.is_multiple_of(group) {
                    let of = format!("the {ranks} ranks of tensor x context x data");
                    let most = u32::try_from(ranks).unwrap_or(u32::MAX).min(moe.routed);
                    let allowed = names((1..=most).filter(|d| {
                        ranks.is_multiple_of(u64::from(*d)) && moe.routed.is_multiple_of(*d)
                    }));
                    refuse("expert x expert_tensor", group, of, allowed);
                }
            }
        }
        if let Sharding::Gradients { group } | Sharding::Full { group } = l.sharding {
            let shared = u64::from(l.data) * u64::from(l.context);
            if !shared.is_multiple_of(u64::from(group)) {
                let of = format!("the {shared} ranks of data x context");
                let allowed = format!("group = {shared}");
                refuse("sharding group", group.into(), of, allowed);
            }
        }
        problems.extend(none);
        problems
    }

    fn machine(&self) -> Vec<TrainingProblem> {
        let chip = self.accelerator;
        let mut problems = Vec::new();
        let precision = self.recipe.format.precision();
        if chip.peak(precision).is_none() {
            let has = |f: &TrainingFormat| chip.peak(f.precision()).is_some();
            problems.push(TrainingProblem::Format {
                accelerator: chip.id.clone(),
                precision,
                allowed: names(TrainingFormat::ALL.into_iter().filter(has)),
            });
        }
        let accelerators = self.layout.accelerators();
        let domain = self.accelerators_per_domain;
        let reachable = chip.scaleout.is_some_and(|rate| rate.as_bytes_per_s() > 0.0);
        if accelerators > u64::from(domain) && !reachable {
            let accelerator = chip.id.clone();
            problems.push(TrainingProblem::ScaleOut { accelerators, domain, accelerator });
        }
        problems.extend(self.cap());
        problems
    }

    fn cap(&self) -> Option<TrainingProblem> {
        let cap = self.power_cap?;
        let Some(limit) = self.accelerator.tdp else {
            return Some(TrainingProblem::NoLimit { accelerator: self.accelerator.id.clone() });
        };
        CapProblem::of(cap, self.accelerator, self.efficiency, limit).map(TrainingProblem::from)
    }

    fn memory(&self) -> Option<TrainingProblem> {
        let (need, there) = (TrainingMemory::of(self), self.accelerator.memory?);
        (need.total() > there).then(|| TrainingProblem::Memory {
            model: self.model.id.clone(),
            accelerator: self.accelerator.id.clone(),
            weights: need.weights.as_gb(),
            gradients: need.gradients.as_gb(),
            optimizer: need.optimizer.as_gb(),
            activations: need.activations.as_gb(),
            runtime: need.runtime.as_gb(),
            total: need.total().as_gb(),
            memory: there.as_gb(),
            ways: self.ways_to_fit(),
        })
    }

    /// More recomputation, a smaller micro-batch, sharded weights, or more of one degree.
    fn ways_to_fit(&self) -> String {
        let fits = |job: &Self| {
            job.accelerator.memory.is_some_and(|m| TrainingMemory::of(job).total() <= m)
        };
        let mut ways = Vec::new();
        for recompute in Recompute::ALL.into_iter().filter(|r| *r > self.recipe.recompute) {
            let mut job = *self;
            job.recipe.recompute = recompute;
            if fits(&job) {
                ways.push(format!("recompute = {recompute}"));
                break;
            }
        }
        if self.micro_batch > 1 && fits(&Self { micro_batch: 1, ..*self }) {
            ways.push("micro_batch = 1".to_owned());
        }
        let l = self.layout;
        let shared = l.data.saturating_mul(l.context);
        if shared > 1 && !matches!(l.sharding, Sharding::Full { .. }) {
            let layout = TrainingLayout { sharding: Sharding::Full { group: shared }, ..l };
            if fits(&Self { layout, ..*self }) {
                ways.push("sharded weights (zero = 3)".to_owned());
            }
        }
        let wider = |name: &str, grow: fn(TrainingLayout, u32) -> TrainingLayout| {
            [2_u32, 4, 8, 16].into_iter().find_map(|k| {
                let layout = grow(l, k);
                let fine = layout.pipeline <= self.model.layers
                    && crate::deployment::heads(self.model).is_multiple_of(layout.tensor)
                    && layout.tensor <= self.accelerators_per_domain
                    && layout.data > 0;
                let degree = if name == "tensor" { layout.tensor } else { layout.pipeline };
                (fine && fits(&Self { layout, ..*self })).then(|| format!("{name} = {degree}"))
            })
        };
        // The same accelerators: what one degree gains, data parallelism loses.
        ways.extend(wider("tensor", |l, k| TrainingLayout {
            tensor: l.tensor.saturating_mul(k),
            sequence_parallel: true,
            data: l.data / k,
            ..l
        }));
        ways.extend(wider("pipeline", |l, k| TrainingLayout {
            pipeline: l.pipeline.saturating_mul(k),
            virtual_stages: 1,
            data: l.data / k,
            ..l
        }));
        if ways.is_empty() {
            return "no single change fits; take more accelerators or ones with more memory"
                .to_owned();
        }
        format!("fits with {}", ways.join(" or "))
    }
}

fn divisors(n: u32) -> String {
    names((1..=n.min(1024)).filter(|d| n.is_multiple_of(*d)))
}

fn names<T: ToString>(items: impl Iterator<Item = T>) -> String {
    let items: Vec<String> = items.map(|i| i.to_string()).collect();
    items.join(" or ")
}
