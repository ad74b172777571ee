//! Which engines can hand prompts over to each other, and what it costs.

use thiserror::Error;
use wattmill_perf::{Deployment, MemoryPlan};
use wattmill_units::{ByteRate, Bytes, SimTime};

/// What one engine sends to another for each prompt, and how fast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pairing {
    /// Cache that is sent for each prompt token: all that the accelerators of one attention group of
    /// the receiver hold of it, each fetching its own part.
    pub cache_per_token: Bytes,
    /// What the ports of a sending replica reach together.
    pub sends: ByteRate,
    /// What the ports of a receiving replica reach together.
    pub receives: ByteRate,
    /// Time of the smallest message.
    pub latency: SimTime,
}

/// Why two engines cannot hand prompts over.
#[derive(Clone, Debug, PartialEq, Error)]
#[non_exhaustive]
pub enum PairingProblem {
    /// They serve different models.
    #[error("`{prefill}` is prefilled, but `{decode}` decoded; take one model for both")]
    Model {
        /// Catalogue id of the one.
        prefill: String,
        /// Catalogue id of the other.
        decode: String,
    },
    /// One cannot read what the other has written.
    #[error("the cache is written in {prefill}, but read in {decode}; give both one kv_precision")]
    Precision {
        /// Format of the one.
        prefill: String,
        /// Format of the other.
        decode: String,
    },
    /// Blocks do not become each other.
    #[error(
        "blocks of {prefill} tokens do not become blocks of {decode}; give both one block_tokens"
    )]
    Blocks {
        /// Tokens of the one.
        prefill: u32,
        /// Tokens of the other.
        decode: u32,
    },
    /// Stages hold different layers.
    #[error(
        "{prefill} pipeline stages hold other layers than {decode}; give both as many, which may \
         be 1"
    )]
    Stages {
        /// Stages of the one.
        prefill: u32,
        /// Stages of the other.
        decode: u32,
    },
    /// Nothing is known of the network between them.
    #[error(
        "nothing states the scale-out bandwidth of `{accelerator}`; state it in an accelerator of \
         your own or take another"
    )]
    Ports {
        /// Catalogue id.
        accelerator: String,
    },
}

impl Pairing {
    /// Of two engines whose replicas are in different scale-up domains: caches go over the
    /// scale-out ports, of which each accelerator has its share.
    ///
    /// Tensor parallel degrees may differ: each accelerator of the receiver fetches the heads it
    /// needs from whoever has them. Caches of sliding windows that are reserved whole
    /// ([`MemoryPlan::windows`]) are small beside the rest and not counted.
    ///
    /// # Errors
    /// Everything that keeps them apart.
    ///
    /// ```
    /// # use wattmill_catalog::{Catalog, Precision};
    /// # use wattmill_factory::{EngineSpec, Layout};
    /// # use wattmill_perf::Deployment;
    /// use wattmill_sim::Pairing;
    /// # let catalog = Catalog::builtin();
    /// # let accelerator = catalog.accelerator("h100-sxm").unwrap();
    /// # let engine = |tensor| Deployment {
    /// #     model: catalog.model("llama-3.1-70b").unwrap(),
    /// #     accelerator,
    /// #     efficiency: catalog.efficiency(&accelerator.family).unwrap(),
    /// #     spec: EngineSpec::new(Layout::tensor(tensor), Precision::Fp8),
    /// #     accelerators_per_domain: 8,
    /// # };
    /// let (prefill, decode) = (engine(2), engine(4));
    /// let pairing = Pairing::of(&prefill, &decode).unwrap();
    /// // 80 layers, 8 heads of 128, keys and values, two bytes each.
    /// assert_eq!(pairing.cache_per_token.as_bytes(), 80.0 * 8.0 * 128.0 * 2.0 * 2.0);
    /// assert_eq!(pairing.receives, pairing.sends * 2.0);
    ///
    /// let mut other = engine(4);
    /// other.spec.kv_precision = Precision::Fp8;
    /// let problems = Pairing::of(&prefill, &other).unwrap_err();
    /// assert!(problems[0].to_string().ends_with("give both one kv_precision"));
    /// ```
    pub fn of(
        prefill: &Deployment<'_>,
        decode: &Deployment<'_>,
    ) -> Result<Self, Vec<PairingProblem>> {
        let mut problems = Vec::new();
        if prefill.model.id != decode.model.id {
            let [prefill, decode] = [prefill, decode].map(|d| d.model.id.clone());
            problems.push(PairingProblem::Model { prefill, decode });
        }
        let (theirs, ours) = (&decode.spec, &prefill.spec);
        if ours.kv_precision != theirs.kv_precision {
            let [prefill, decode] = [ours, theirs].map(|spec| spec.kv_precision.name().to_owned());
            problems.push(PairingProblem::Precision { prefill, decode });
        }
        if ours.block_tokens != theirs.block_tokens {
            let (prefill, decode) = (ours.block_tokens, theirs.block_tokens);
            problems.push(PairingProblem::Blocks { prefill, decode });
        }
        if ours.layout.pipeline != theirs.layout.pipeline {
            let (prefill, decode) = (ours.layout.pipeline, theirs.layout.pipeline);
            problems.push(PairingProblem::Stages { prefill, decode });
        }
        let mut ports = |deployment: &Deployment<'_>| match deployment.accelerator.scaleout {
            Some(each) => {
                let accelerators = f64::from(deployment.spec.layout.accelerators());
                each * (accelerators * deployment.efficiency.scaleout)
            }
            None => {
                let accelerator = deployment.accelerator.id.clone();
                let problem = PairingProblem::Ports { accelerator };
                if !problems.contains(&problem) {
                    problems.push(problem);
                }
                ByteRate::ZERO
            }
        };
        let (sends, receives) = (ports(prefill), ports(decode));
        if !problems.is_empty() {
            return Err(problems);
        }
        let group = f64::from(theirs.layout.tensor * theirs.layout.pipeline);
        let latency = prefill.efficiency.scaleout_latency.max(decode.efficiency.scaleout_latency);
        Ok(Self {
            cache_per_token: MemoryPlan::of(decode).kv_per_token * group,
            sends,
            receives,
            latency: SimTime::from_seconds(latency),
        })
    }
}
