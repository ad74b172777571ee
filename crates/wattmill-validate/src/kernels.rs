//! Timed single operators: rows of kernel tables as [`Kernel`]s.

use wattmill_catalog::{Accelerator, Catalog, Precision};
use wattmill_perf::kernels::{
    Collective, CollectiveKernel, DecodeAttentionKernel, ExchangeKernel, ExpertsKernel, GemmKernel,
    Kernel, LatentDecodeKernel, LatentPrefillKernel, PrefillAttentionKernel, Rates,
};

/// One row of a kernel table.
#[derive(Clone, Debug, PartialEq)]
pub struct KernelRow {
    /// Chip family.
    pub family: String,
    /// Catalogue id of the chip.
    pub accelerator: String,
    /// Number format, as the surfaces name it.
    pub format: String,
    /// What ran.
    pub kernel: Kernel,
    /// Peaks of the chip for it.
    pub rates: Rates,
    /// Seconds.
    pub seconds: f64,
}

/// Why a row of a kernel table says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KernelProblem {
    /// The columns are those of no kernel table.
    #[error("the columns are those of no kernel table")]
    Columns,
    /// A value that is not there, or is not a number above 0.
    #[error("`{0}` is not a number above 0")]
    Number(&'static str),
    /// A chip nobody knows.
    #[error("no accelerator `{0}` in the catalogue")]
    Accelerator(String),
    /// A format nobody knows.
    #[error("no number format `{0}`")]
    Format(String),
    /// A chip without units of that format.
    #[error("`{accelerator}` states no peak for {precision}")]
    Peak {
        /// Catalogue id.
        accelerator: String,
        /// Format.
        precision: Precision,
    },
}

/// Multiprocessors of the exchange kernels that set none aside.
const NO_UNITS: f64 = 4.0;

/// The kernels of a row whose columns `get` reads: one, or two where dispatch and combine share a
/// row.
///
/// # Errors
/// What is missing, or not known.
pub fn kernel_rows<'a>(
    get: &dyn Fn(&str) -> Option<&'a str>,
    catalog: &Catalog,
) -> Result<Vec<KernelRow>, KernelProblem> {
    let number = |name: &'static str| {
        let value = get(name).and_then(|t| t.parse::<f64>().ok());
        value.filter(|v| v.is_finite() && *v > 0.0).ok_or(KernelProblem::Number(name))
    };
    let or_zero = |name: &str| get(name).and_then(|t| t.parse::<f64>().ok()).unwrap_or(0.0);
    let gpu = get("gpu").unwrap_or_default();
    let chip =
        catalog.accelerator(gpu).ok_or_else(|| KernelProblem::Accelerator(gpu.to_owned()))?;
    let row = |kernel: Kernel, format: String, precision: Precision, seconds: f64| {
        Ok(KernelRow {
            family: chip.family.clone(),
            accelerator: chip.id.clone(),
            format,
            kernel,
            rates: rates(chip, precision)?,
            seconds,
        })
    };
    let milliseconds = || number("latency_ms").map(|ms| ms * 1e-3);
    if let Some(label) = get("gemm_dtype") {
        let (format, precision) = format_of(label)?;
        let kernel = GemmKernel::of_format(number("m")?, number("n")?, number("k")?, format)
            .ok_or_else(|| KernelProblem::Format(label.to_owned()))?;
        return Ok(vec![row(Kernel::Gemm(kernel), format.to_owned(), precision, milliseconds()?)?]);
    }
    if let Some(label) = get("mla_dtype") {
        let (_, precision) = format_of(label)?;
        let (cache, width) = cache_of(get("kv_cache_dtype").unwrap_or("bfloat16"))?;
        let heads = number("num_heads")?;
        let sequences = number("batch_size")?;
        let step = or_zero("step");
        let kernel = if get("op_name").is_some_and(|op| op.contains("generation")) {
            Kernel::LatentDecode(LatentDecodeKernel {
                sequences,
                context: step + 1.0,
                heads,
                rank: 512.0,
                rope: 64.0,
                cached: width,
            })
        } else {
            Kernel::LatentPrefill(LatentPrefillKernel {
                prompts: sequences,
                tokens: number("isl")?,
                heads,
                key: 192.0,
                value: 128.0,
            })
        };
        return Ok(vec![row(kernel, cache.to_owned(), precision, milliseconds()?)?]);
    }
    if let Some(label) = get("attn_dtype") {
        let (format, precision) = format_of(label)?;
        let (cache, cached) = cache_of(get("kv_cache_dtype").unwrap_or("bfloat16"))?;
        let (heads, kv_heads) = (number("num_heads")?, number("num_key_value_heads")?);
        let (sequences, head_dim) = (number("batch_size")?, number("head_dim")?);
        let window = or_zero("window_size");
        if get("op_name").is_some_and(|op| op.contains("generation")) {
            let context = or_zero("step") + 1.0;
            let context = if window > 0.0 { context.min(window) } else { context };
            let kernel =
                DecodeAttentionKernel { sequences, context, heads, kv_heads, head_dim, cached };
            let kernel = Kernel::DecodeAttention(kernel);
            return Ok(vec![row(kernel, cache.to_owned(), precision, milliseconds()?)?]);
        }
        let kernel = Kernel::PrefillAttention(PrefillAttentionKernel {
            prompts: sequences,
            tokens: number("isl")?,
            window,
            heads,
            kv_heads,
            head_dim,
            cached,
        });
        let format = if format == cache { format.to_owned() } else { format!("{format}_{cache}") };
        return Ok(vec![row(kernel, format, precision, milliseconds()?)?]);
    }
    if let Some(label) = get("moe_dtype") {
        let (format, precision, weight) = experts_format(label)?;
        let routing = match get("distribution").unwrap_or("balanced") {
            "balanced" => "",
            "power_law_1.01" => "_skew101",
            "power_law_1.2" => "_skew120",
            other => return Err(KernelProblem::Format(other.to_owned())),
        };
        let gated = !get("kernel_source").is_some_and(|source| source.contains("nongated"));
        let kernel = Kernel::Experts(ExpertsKernel {
            tokens: number("num_tokens")?,
            top_k: number("topk")?,
            experts: number("num_experts")?,
            expert_parallel: number("moe_ep_size")?,
            hidden: number("hidden_size")?,
            inner: number("inter_size")? / number("moe_tp_size")?,
            matrices: if gated { 3.0 } else { 2.0 },
            weight,
        });
        return Ok(vec![row(kernel, format!("{format}{routing}"), precision, milliseconds()?)?]);
    }
    if let Some(label) = get("allreduce_dtype").or_else(|| get("nccl_dtype")) {
        let width = if label == "int8" { 1.0 } else { 2.0 };
        let collective = match get("op_name").unwrap_or_default() {
            "all_reduce" if get("allreduce_dtype").is_some() => Collective::EngineAllReduce,
            "all_reduce" => Collective::AllReduce,
            "all_gather" => Collective::AllGather,
            "reduce_scatter" => Collective::ReduceScatter,
            "alltoall" => Collective::AllToAll,
            other => return Err(KernelProblem::Format(other.to_owned())),
        };
        let kernel = Kernel::Collective(CollectiveKernel {
            collective,
            accelerators: number("num_gpus")?,
            bytes: number("message_size_elements")? * width,
        });
        let format = if label == "int8" { "int8" } else { "bf16" };
        return Ok(vec![row(kernel, format.to_owned(), Precision::Bf16, milliseconds()?)?]);
    }
    if get("num_topk").is_some() {
        let low_latency = get("dispatch_avg_t_us").is_some();
        let (out, back) = if low_latency {
            ("dispatch_avg_t_us", "combine_avg_t_us")
        } else {
            ("dispatch_transmit_us", "combine_transmit_us")
        };
        let exchange = |combine: bool, time: &'static str, units: &'static str| {
            let kernel = Kernel::Exchange(ExchangeKernel {
                combine,
                low_latency,
                tokens: number("num_token")?,
                hidden: number("hidden_size")?,
                top_k: number("num_topk")?,
                experts: number("num_experts")?,
                accelerators: f64::from(chip.scaleup_domain.unwrap_or(8).min(8)),
                units: if low_latency { NO_UNITS } else { number(units)? },
            });
            row(kernel, "fp8".to_owned(), Precision::Bf16, number(time)? * 1e-6)
        };
        return Ok(vec![
            exchange(false, out, "dispatch_sms")?,
            exchange(true, back, "combine_sms")?,
        ]);
    }
    Err(KernelProblem::Columns)
}

/// Peaks of a chip for operands of `precision`.
///
/// # Errors
/// Where it has no such units.
pub fn rates(chip: &Accelerator, precision: Precision) -> Result<Rates, KernelProblem> {
    let missing = || KernelProblem::Peak { accelerator: chip.id.clone(), precision };
    Ok(Rates {
        compute: chip.peak(precision).ok_or_else(missing)?.as_flops_per_s(),
        bandwidth: chip.memory_bandwidth.ok_or_else(missing)?.as_bytes_per_s(),
        link: chip.scaleup.map_or(0.0, |r| r.as_bytes_per_s()),
    })
}

/// Format of a matrix multiplication and the units it runs on.
fn format_of(label: &str) -> Result<(&'static str, Precision), KernelProblem> {
    Ok(match label {
        "bfloat16" | "bf16" | "float16" => ("bf16", Precision::Bf16),
        "fp8" => ("fp8", Precision::Fp8),
        "fp8_block" => ("fp8_block", Precision::Fp8),
        "nvfp4" | "fp4" => ("fp4", Precision::Fp4),
        // Widened before they are multiplied.
        "int8_wo" => ("int8_wo", Precision::Bf16),
        "int4_wo" => ("int4_wo", Precision::Bf16),
        // Eight-bit integers, on the one family measured twice as fast as BF16.
        "sq" => ("sq", Precision::Bf16),
        other => return Err(KernelProblem::Format(other.to_owned())),
    })
}

fn cache_of(label: &str) -> Result<(&'static str, f64), KernelProblem> {
    let (format, precision) = format_of(label)?;
    Ok((format, precision.bytes_per_weight()))
}

/// Format of experts, the units they run on and the bytes of a weight.
fn experts_format(label: &str) -> Result<(&'static str, Precision, f64), KernelProblem> {
    Ok(match label {
        // Four bits with a scale of eight for 32 values.
        "w4a16_mxfp4" => ("w4a16", Precision::Bf16, 0.53125),
        "w4a8_mxfp4_mxfp8" => ("w4a8", Precision::Fp8, 0.53125),
        other => {
            let (format, precision) = format_of(other)?;
            (format, precision, precision.bytes_per_weight())
        }
    })
}
