//! What sources call models, chips, number formats and engines.

use wattmill_catalog::{Accelerator, Catalog, Kind, Model, Precision};
use wattmill_factory::Flavour;

use crate::outcome::Reason;

/// The model that a source names, such as `nvidia/Llama-3.1-8B-Instruct-FP8`.
pub(crate) fn model<'a>(name: &str, catalog: &'a Catalog) -> Result<&'a Model, Reason> {
    catalog.model(name).ok_or_else(|| {
        let closest = owned(&catalog.closest(Kind::Model, name));
        Reason::UnknownModel { name: name.to_owned(), closest }
    })
}

/// The accelerator that a source names.
pub(crate) fn accelerator<'a>(name: &str, catalog: &'a Catalog) -> Result<&'a Accelerator, Reason> {
    catalog.accelerator(name).ok_or_else(|| {
        let closest = owned(&catalog.closest(Kind::Accelerator, name));
        Reason::UnknownAccelerator { name: name.to_owned(), closest }
    })
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The number format that a label stands for.
pub(crate) fn precision(label: &str) -> Result<Precision, Reason> {
    let lower = label.to_lowercase();
    let has = |part: &str| lower.contains(part);
    if has("fp4") || has("int4") || has("w4a") {
        Ok(Precision::Fp4)
    } else if has("fp8") || has("int8") || has("w8a8") {
        Ok(Precision::Fp8)
    } else if has("bf16") || has("bfloat16") || has("fp16") || has("float16") {
        Ok(Precision::Bf16)
    } else {
        Err(Reason::UnknownPrecision { label: label.to_owned() })
    }
}

/// The format of a row: its label, and where that is blank (or `UNSET`) what the checkpoint was
/// published in. Models that their developers trained in MXFP4 are served from that: on chips without
/// FP4 a table's `fp8` says in what the engine multiplies.
pub(crate) fn precision_or_published(
    label: Option<&str>,
    name: &str,
    model: &Model,
) -> Result<Precision, Reason> {
    match label.filter(|label| !label.eq_ignore_ascii_case("unset")).map(precision) {
        Some(Ok(Precision::Fp8)) if published_in_mxfp4(model) => Ok(Precision::Fp4),
        Some(said) => said,
        None => Ok(published(name, model)),
    }
}

/// The format that the checkpoint `name` of `model` was published in: what its name says, else FP8
/// for the families whose developers trained and published in it, FP4 for those published in MXFP4,
/// BF16 for all others (the model cards on Hugging Face).
fn published(name: &str, model: &Model) -> Precision {
    if let Ok(said) = precision(name) {
        return said;
    }
    let family = |names: &[&str]| names.iter().any(|n| model.id.starts_with(n));
    if published_in_mxfp4(model) {
        Precision::Fp4
    } else if family(&["deepseek-v3", "minimax-m2", "kimi-k2"]) {
        Precision::Fp8
    } else {
        Precision::Bf16
    }
}

fn published_in_mxfp4(model: &Model) -> bool {
    model.id.starts_with("gpt-oss")
}

/// The engine that a source names.
pub(crate) fn flavour(name: &str) -> Result<Flavour, Reason> {
    let lower = name.to_lowercase();
    if lower.contains("vllm") {
        Ok(Flavour::Vllm)
    } else if lower.contains("sglang") {
        Ok(Flavour::Sglang)
    } else if lower.contains("trt") || lower.contains("tensorrt") {
        Ok(Flavour::Trtllm)
    } else {
        Err(Reason::UnknownEngine { name: name.to_owned() })
    }
}

/// What a file's name tells of all its rows: words between `_` that name a model, a chip or an engine,
/// as column and value; a word that may be either is none.
///
/// ```
/// let catalog = wattmill_catalog::Catalog::builtin();
/// let told = wattmill_validate::told_by_name("runs/vllm_RTXPRO6000_Llama-3.1-8B.csv", catalog);
/// let told: Vec<_> = told.iter().map(|(c, v)| (c.as_str(), v.as_str())).collect();
/// assert_eq!(told, [("backend", "vllm"), ("gpu", "RTXPRO6000"), ("model", "Llama-3.1-8B")]);
/// ```
pub fn told_by_name(name: &str, catalog: &Catalog) -> Vec<(String, String)> {
    let file = name.rsplit(['/', '\\']).next().unwrap_or(name);
    let stem = file.strip_suffix(".gz").unwrap_or(file);
    let stem = stem.strip_suffix(".csv").unwrap_or(stem);
    let words = stem.split('_').filter_map(|word| {
        let columns = [
            ("model", catalog.model(word).is_some()),
            ("gpu", catalog.accelerator(word).is_some()),
            ("backend", Flavour::from_name(word).is_some()),
        ];
        let mut named = columns.into_iter().filter(|(_, named)| *named);
        match (named.next(), named.next()) {
            (Some((column, _)), None) => Some((column.to_owned(), word.to_owned())),
            _ => None,
        }
    });
    words.collect()
}

/// The engine that a source names; where it names none that is modelled, vLLM, whose scheduling the
/// others follow most.
pub(crate) fn flavour_or_usual(name: &str) -> Flavour {
    flavour(name).unwrap_or_default()
}
