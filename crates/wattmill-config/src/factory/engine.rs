//! `engine` of a service.

use toml::de::DeValue;
use wattmill_catalog::Precision;
use wattmill_factory::{Draft, EngineChoice, EngineSpec, Flavour, Layout, PowerCap, Speculation};
use wattmill_units::{ByteRate, Power, Ratio};

use super::context::Context;
use super::row::{Row, SizeOrShare};

/// `"auto"`, or a layout of the file's own.
pub(super) fn engine(cx: &mut Context<'_>, service: &Row<'_>) -> Option<EngineChoice> {
    let Some(value) = service.raw("engine") else {
        return Some(EngineChoice::Auto);
    };
    match value.get_ref() {
        DeValue::String(word) if word == "auto" => Some(EngineChoice::Auto),
        DeValue::Table(_) => {
            let row = service.table_of(cx, "engine")?;
            explicit(cx, &row).map(EngineChoice::Explicit)
        }
        _ => {
            service.mismatch(cx, "engine", value);
            None
        }
    }
}

fn explicit(cx: &mut Context<'_>, row: &Row<'_>) -> Option<EngineSpec> {
    let tensor = row.small(cx, "tensor");
    let pipeline = row.small(cx, "pipeline");
    let expert = row.small(cx, "expert");
    let data_attention = row.small(cx, "data_attention");
    let context = row.small(cx, "context");
    let flavour = row.choice(cx, "flavour").and_then(Flavour::from_name);
    let precision = self::precision(cx, row, "precision");
    let kv_precision = self::precision(cx, row, "kv_precision");
    let max_seqs = row.small(cx, "max_seqs");
    let max_tokens = row.small(cx, "max_tokens");
    let block_tokens = row.small(cx, "block_tokens");
    let memory_fraction = row.number(cx, "memory_fraction");
    let power_cap = row.size_or_share(cx, "power_cap").map(|cap| match cap {
        SizeOrShare::Size(watts) => PowerCap::Watts(Power::from_watts(watts)),
        SizeOrShare::Share(share) => PowerCap::Share(Ratio::from_fraction(share)),
    });
    let expert_imbalance = row.number(cx, "expert_imbalance");
    let swap = swap(cx, row);
    let speculation = match row.raw("speculation") {
        None => None,
        Some(_) => {
            let row = row.table_of(cx, "speculation")?;
            Some(self::speculation(cx, &row)?)
        }
    };
    let layout = Layout {
        tensor: tensor?,
        pipeline: pipeline?,
        expert: expert?,
        data_attention: data_attention?,
        context: context?,
    };
    let stage = [layout.data_attention, layout.context]
        .into_iter()
        .fold(layout.tensor, u32::saturating_mul);
    if !stage.is_multiple_of(layout.expert) {
        cx.error(
            row.span("expert"),
            format!("experts cannot be spread over {} accelerators", layout.expert),
            format!("a stage has {stage}"),
            format!("`expert` must divide `tensor × data_attention × context`, here {stage}"),
        );
    }
    if stage.checked_mul(layout.pipeline).is_none_or(|n| n > 1 << 20) {
        cx.error(
            row.header(),
            "a replica of more than 1,048,576 accelerators",
            "`tensor × data_attention × context × pipeline` is too large",
            "lower one of the degrees",
        );
    }
    let spec = EngineSpec {
        layout,
        flavour: flavour?,
        precision: precision?,
        kv_precision: kv_precision?,
        max_seqs: max_seqs?,
        max_tokens: max_tokens?,
        block_tokens: block_tokens?,
        memory_fraction: memory_fraction?,
        power_cap,
        speculation,
        expert_imbalance: expert_imbalance?,
        swap: swap?,
    };
    if spec.max_tokens < spec.max_seqs {
        cx.error(
            row.span("max_tokens"),
            format!("{} tokens a step for {} sequences", spec.max_tokens, spec.max_seqs),
            "a full batch needs one token each",
            "raise `max_tokens` to `max_seqs` or more",
        );
    }
    Some(spec)
}

/// Link to host memory over which what is preempted goes, if it does.
fn swap(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Option<ByteRate>> {
    let word = row.choice(cx, "preemption")?;
    if word == "swap" {
        return match row.has("host_link") {
            true => row.quantity(cx, "host_link").map(Some),
            false => Some(Some(EngineSpec::HOST_LINK)),
        };
    }
    if row.has("host_link") {
        cx.error(
            row.span("host_link"),
            "`host_link` of an engine that moves nothing to its host",
            "what is preempted is computed again",
            "leave it out, or set `preemption = \"swap\"`",
        );
        return None;
    }
    Some(None)
}

/// Tokens guessed ahead.
fn speculation(cx: &mut Context<'_>, row: &Row<'_>) -> Option<Speculation> {
    let draft_tokens = row.small(cx, "draft_tokens");
    let acceptance = row.number(cx, "acceptance");
    let draft = row.choice(cx, "draft").and_then(Draft::from_name);
    Some(Speculation { draft_tokens: draft_tokens?, acceptance: acceptance?, draft: draft? })
}

/// A precision under `name`.
pub(super) fn precision(cx: &mut Context<'_>, row: &Row<'_>, name: &str) -> Option<Precision> {
    row.choice(cx, name).and_then(Precision::from_name)
}
