//! A model laid out on a machine, ready to be simulated.

use wattmill_catalog::{Catalog, Model, Precision};
use wattmill_factory::{EngineSpec, Hardware, Layout};
use wattmill_perf::{Deployment, LayoutProblem, MemoryPlan, StepSurface};
use wattmill_policy::{BatchLimits, Preemption};
use wattmill_sim::Setup;
use wattmill_units::{Power, Ticks};

/// One replica: the deployment, its compiled step times and its batching limits.
pub struct Engine<'a> {
    /// Model, chip and layout.
    pub deployment: Deployment<'a>,
    /// Compiled step times.
    pub surface: StepSurface,
    /// Batching limits.
    pub limits: BatchLimits,
}

impl<'a> Engine<'a> {
    /// Lays `model` out on `hardware` as `spec` says.
    ///
    /// # Errors
    /// Every reason why it cannot be, each with a way out.
    pub fn new(
        model: &'a Model,
        hardware: &'a Hardware,
        catalog: &'a Catalog,
        spec: EngineSpec,
    ) -> Result<Self, Vec<String>> {
        let chip = &hardware.accelerator;
        let Some(efficiency) = catalog.efficiency(&chip.family) else {
            return Err(vec![format!(
                "nothing is known of the efficiency of the chip family `{}`; give the accelerator a \
                 family of the catalogue",
                chip.family
            )]);
        };
        let domain = chip.scaleup_domain.unwrap_or(1).min(hardware.system.accelerators);
        let deployment = Deployment {
            model,
            accelerator: chip,
            efficiency,
            spec,
            accelerators_per_domain: domain,
        };
        let surface = StepSurface::compile(&deployment).map_err(|problems| {
            problems.iter().map(LayoutProblem::to_string).collect::<Vec<_>>()
        })?;
        let memory = MemoryPlan::of(&deployment);
        let limits =
            BatchLimits::new(spec.max_seqs, spec.max_tokens, spec.block_tokens, memory.blocks)
                .flavoured(spec.flavour);
        // Every accelerator moves what it holds of a block at once.
        let held =
            memory.kv_per_token * (f64::from(spec.block_tokens) / f64::from(spec.layout.context));
        let preemption = spec.swap.map_or(Preemption::Recompute, |link| Preemption::Swap {
            block: Ticks::from_seconds(held / link),
        });
        let limits = BatchLimits { preemption, ..limits };
        Ok(Self { deployment, surface, limits })
    }

    /// Accelerators of the replica.
    pub const fn accelerators(&self) -> u32 {
        self.deployment.spec.layout.accelerators()
    }

    /// Accelerator power of the replica without work; `None` where nothing states the chip's power
    /// limit.
    pub fn idle_power(&self) -> Option<Power> {
        self.surface.idle_power()
    }

    /// `replicas` of it, for a summary.
    pub fn setup(&self, replicas: u32) -> Setup {
        Setup { replicas, limits: self.limits, idle_power: self.idle_power() }
    }
}

/// The layouts that one would try for `model` on `hardware`: tensor parallel by powers of two within
/// the scale-up domain and, for a mixture of experts, data-parallel attention with the experts
/// spread over the same accelerators. FP8 where the chip has it, BF16 otherwise.
pub fn usual_specs(model: &Model, hardware: &Hardware) -> Vec<EngineSpec> {
    let chip = &hardware.accelerator;
    let precision = match chip.peak(Precision::Fp8) {
        Some(_) => Precision::Fp8,
        None => Precision::Bf16,
    };
    let domain = chip.scaleup_domain.unwrap_or(1).min(hardware.system.accelerators).max(1);
    let powers = || std::iter::successors(Some(1u32), |n| Some(n * 2)).take_while(|n| *n <= domain);
    let mut specs: Vec<EngineSpec> = powers()
        .filter(|degree| *degree <= 8)
        .map(|degree| EngineSpec::new(Layout::tensor(degree), precision))
        .collect();
    if let Some(moe) = model.ffn.moe {
        let wide = powers().filter(|n| *n > 1 && moe.routed % n == 0);
        specs.extend(wide.map(|degree| {
            let layout = Layout { expert: degree, data_attention: degree, ..Layout::tensor(1) };
            let spec = EngineSpec::new(layout, precision);
            EngineSpec { max_seqs: 256 * degree, max_tokens: 1024 * degree, ..spec }
        }));
    }
    specs
}
