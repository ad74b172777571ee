//! What share of a chip's peaks is reached in practice.

use std::collections::BTreeMap;
use std::sync::Arc;

use toml::Table;
use wattmill_units::{Power, Ratio, Seconds};

use crate::row::{Row, RowError};
use crate::{Overheads, Precision, Provenance, Surfaces};

/// Achieved shares of the peaks of one chip family, and the fixed costs beside them.
///
/// Arrays are indexed by `Precision as usize`: BF16, FP8, FP4. A precision the family was not
/// measured in repeats the next wider one.
#[derive(Clone, Debug, PartialEq)]
pub struct Efficiency {
    /// Family, such as `hopper`; what [`Accelerator::family`](crate::Accelerator::family) names.
    pub family: String,
    /// The measured family these figures were taken from, where this one was never measured.
    pub borrowed_from: Option<String>,
    /// Large matrix multiplications: fraction of the dense peak of the same precision.
    pub gemm: [f64; 3],
    /// The measured family whose BF16 multiplications and attention are nearer than the lender's.
    pub bf16_kernels_from: Option<String>,
    /// [`Self::gemm`] over that of the family it was borrowed from; 1 where it is its own.
    pub gemm_of_lender: [f64; 3],
    /// Operator surfaces, its own or those of the family it borrows from.
    pub surfaces: Arc<Surfaces>,
    /// Constants of the engines that were measured on it, or on the family it borrows from, by
    /// name; of engines as shipped that were not, those of [`MOST_MEASURED`](crate::MOST_MEASURED).
    pub overheads: BTreeMap<String, Overheads>,
    /// Rows of the tile that FlashAttention 2 computes for a single query beside prompts; 0 where
    /// engines have a kernel of their own for decodes there. It lays the query heads of a key head
    /// into one tile only while no sequence of a step has more than one query.
    pub decode_tile_rows: f64,
    /// Reading weights of one precision in decode: fraction of peak memory bandwidth.
    pub memory_weights: [f64; 3],
    /// Reading the KV cache in decode attention: fraction of peak memory bandwidth.
    pub memory_kv: f64,
    /// All-reduce bus bandwidth as a fraction of one accelerator's scale-up bandwidth in one
    /// direction, for the messages of inference. May pass 1 where switches reduce in flight.
    pub allreduce: f64,
    /// Fixed part of an all-reduce over eight accelerators.
    pub allreduce_latency: Seconds,
    /// All-to-all bandwidth as a fraction of scale-up bandwidth in one direction.
    pub alltoall: f64,
    /// Fixed part of an all-to-all over eight accelerators.
    pub alltoall_latency: Seconds,
    /// Large messages between scale-up domains: fraction of scale-out bandwidth in one direction.
    pub scaleout: f64,
    /// Time of the smallest message between scale-up domains.
    pub scaleout_latency: Seconds,
    /// Fixed cost of one kernel inside a captured graph.
    pub kernel_latency: Seconds,
    /// Fixed cost of one engine step: scheduling, launch and sampling.
    pub step_overhead: Seconds,
    /// Power of an idle package with weights loaded, as a fraction of its power limit.
    pub idle_fraction: f64,
    /// What arithmetic at the full dense rate draws over (limit - idle). Above 1 where a chip meets
    /// its limit before its peak.
    ///
    /// While a kernel runs, dynamic power over (limit - idle) is `x / (1 + x^4)^(1/4)` of
    /// `x = power_active + power_compute * FLOPs/(peak*t) + power_memory * bytes/(bandwidth*t) +
    /// power_link * sent/(link*t)`: the sum of its parts as far as the limit allows.
    pub power_compute: f64,
    /// What full memory bandwidth draws over (limit - idle); see [`Self::power_compute`].
    pub power_memory: f64,
    /// What sending at the full scale-up rate draws over (limit - idle); see
    /// [`Self::power_compute`].
    pub power_link: f64,
    /// What any kernel draws over (limit - idle), however little it does; see
    /// [`Self::power_compute`].
    pub power_active: f64,
    /// What waiting for the engine between kernels draws over (limit - idle): clocks stay up.
    pub power_waiting: f64,
    /// What the engine's work on each sequence draws over (limit - idle), most of which is small
    /// kernels: preparing inputs, picking tokens.
    pub power_sequence: f64,
    /// What training draws over (limit - idle) while a package waits for messages or other stages.
    pub power_exposed: f64,
    /// What a node draws besides its packages, for each of them: host, fans, network ports and what
    /// its power supplies lose.
    pub power_node: Power,
    /// Where it all comes from.
    pub provenance: Provenance,
}

impl Efficiency {
    /// Whether it was measured on this very family. One that borrows may still state some values of
    /// its own; [`Provenance::fields`] holds those.
    pub const fn is_measured(&self) -> bool {
        self.borrowed_from.is_none()
    }

    /// Constants of `engine`. Where it was never measured, of the same engine as a campaign ran it
    /// (`vllm-splitwise` for `vllm`); else of another engine, and of a campaign last.
    ///
    /// ```
    /// use wattmill_catalog::Catalog;
    /// let chip = Catalog::builtin().efficiency("hopper").unwrap();
    /// assert_eq!(chip.overheads("another"), chip.overheads["sglang"]);
    /// ```
    pub fn overheads(&self, engine: &str) -> Overheads {
        if let Some(own) = self.overheads.get(engine) {
            return *own;
        }
        let farness = |name: &str| {
            let (of, campaign) = Overheads::parts_of(name);
            (campaign.is_none() || of != engine, campaign.is_some())
        };
        let nearest = self.overheads.iter().min_by_key(|(name, _)| farness(name));
        nearest.map_or(Overheads::NONE, |(_, constants)| *constants)
    }

    /// Share of the dense peak of `precision` that large matrix multiplications reach.
    pub const fn gemm_at(&self, precision: Precision) -> f64 {
        self.gemm[precision as usize]
    }

    /// Share of memory bandwidth reached when reading weights stored in `precision`.
    pub const fn memory_weights_at(&self, precision: Precision) -> f64 {
        self.memory_weights[precision as usize]
    }
}

/// Where a family has what its row does not state.
pub(crate) enum Lender<'a> {
    /// It was measured: its own surfaces and engines.
    Own(Arc<Surfaces>, BTreeMap<String, Overheads>),
    /// The row it borrows from.
    Family(&'a Efficiency),
}

/// One family from its table. What the table does not state is taken from the row it borrows from.
pub(crate) fn parse_efficiency(
    id: &str,
    table: &Table,
    lender: Lender<'_>,
) -> Result<Efficiency, Vec<RowError>> {
    let mut row = Row::new(table);
    let (lender, surfaces, overheads) = match lender {
        Lender::Own(surfaces, overheads) => (None, surfaces, overheads),
        Lender::Family(family) => {
            (Some(family), Arc::clone(&family.surfaces), family.overheads.clone())
        }
    };
    let borrowed_from = row.text("borrowed_from");
    let mut share = |name, otherwise: Option<f64>, most: f64| {
        let value = row.quantity::<Ratio>(name).map(Ratio::as_fraction);
        match value.or(otherwise) {
            Some(v) if v > most => {
                row.refuse(name, format!("`{v}` is not a share; it may be at most {most}"));
                v
            }
            Some(v) => v,
            None => row.absent(name, "a fraction like `0.8`", 0.0),
        }
    };
    let mut shares = |names: [&'static str; 3], lent: Option<[f64; 3]>| {
        let widest = share(names[0], lent.map(|l| l[0]), 1.0);
        let middle = share(names[1], lent.map(|l| l[1]).or(Some(widest)), 1.0);
        [widest, middle, share(names[2], lent.map(|l| l[2]).or(Some(middle)), 1.0)]
    };
    let gemm = shares(["gemm_bf16", "gemm_fp8", "gemm_fp4"], lender.map(|l| l.gemm));
    let memory_weights = shares(
        ["memory_weights_bf16", "memory_weights_fp8", "memory_weights_fp4"],
        lender.map(|l| l.memory_weights),
    );
    let memory_kv = share("memory_kv", lender.map(|l| l.memory_kv), 1.0);
    let allreduce = share("allreduce", lender.map(|l| l.allreduce), 2.0);
    let alltoall = share("alltoall", lender.map(|l| l.alltoall), 1.0);
    let scaleout = share("scaleout", lender.map(|l| l.scaleout), 1.0);
    let idle_fraction = share("idle_fraction", lender.map(|l| l.idle_fraction), 1.0);
    let power_compute = share("power_compute", lender.map(|l| l.power_compute), 10.0);
    let power_memory = share("power_memory", lender.map(|l| l.power_memory), 10.0);
    let power_link = share("power_link", lender.map(|l| l.power_link), 10.0);
    let power_active = share("power_active", lender.map(|l| l.power_active), 1.0);
    let power_waiting = share("power_waiting", lender.map(|l| l.power_waiting), 1.0);
    let power_sequence = share("power_sequence", lender.map(|l| l.power_sequence), 1.0);
    let power_exposed = share("power_exposed", lender.map(|l| l.power_exposed), 1.0);
    let power_node = row.quantity::<Power>("power_node").or(lender.map(|l| l.power_node));
    let power_node =
        power_node.unwrap_or_else(|| row.absent("power_node", "a power like `250 W`", Power::ZERO));
    let bf16_kernels_from = row.text("bf16_kernels_from");
    let decode_tile_rows = f64::from(row.count("decode_tile_rows").unwrap_or(0));
    let mut time = |name, lent: Option<Seconds>| {
        let stated = row.quantity::<Seconds>(name).or(lent);
        stated.unwrap_or_else(|| row.absent(name, "a time like `10 us`", Seconds::ZERO))
    };
    let allreduce_latency = time("allreduce_latency", lender.map(|l| l.allreduce_latency));
    let alltoall_latency = time("alltoall_latency", lender.map(|l| l.alltoall_latency));
    let scaleout_latency = time("scaleout_latency", lender.map(|l| l.scaleout_latency));
    let kernel_latency = time("kernel_latency", lender.map(|l| l.kernel_latency));
    let step_overhead = time("step_overhead", lender.map(|l| l.step_overhead));
    Ok(Efficiency {
        family: id.to_owned(),
        borrowed_from,
        bf16_kernels_from,
        gemm_of_lender: lender.map_or([1.0; 3], |l| {
            let of = |i: usize| if l.gemm[i] > 0.0 { gemm[i] / l.gemm[i] } else { 1.0 };
            [of(0), of(1), of(2)]
        }),
        gemm,
        surfaces,
        overheads,
        decode_tile_rows,
        memory_weights,
        memory_kv,
        allreduce,
        allreduce_latency,
        alltoall,
        alltoall_latency,
        scaleout,
        scaleout_latency,
        kernel_latency,
        step_overhead,
        idle_fraction,
        power_compute,
        power_memory,
        power_link,
        power_active,
        power_waiting,
        power_sequence,
        power_exposed,
        power_node,
        provenance: row.finish()?,
    })
}
