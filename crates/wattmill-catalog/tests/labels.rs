//! Every model and accelerator that a measurement names has a row, or is known to have none.

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use wattmill_catalog::Catalog;

/// Labels without a row, each with its reason.
const NO_MODEL: &[(&str, &str)] = &[("bert", "an encoder")];
const NO_ACCELERATOR: &[(&str, &str)] = &[
    ("Gaudi 2", "no row"),
    ("Gaudi 3", "no row"),
    ("Gaudi2", "no row"),
    ("A100-80GB (Ampere)", "a remark, not a name"),
    ("mixed", "more than one"),
];

fn truth() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/truth")
}

/// Files of measurements, compressed or not, of a folder and of `kernels` in it.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = [folder.to_owned(), folder.join("kernels")]
        .iter()
        .flat_map(|folder| fs::read_dir(folder).expect("a folder"))
        .map(|entry| entry.expect("readable").path())
        .filter(|path| {
            let name = path.to_string_lossy();
            name.ends_with(".csv") || name.ends_with(".csv.gz")
        })
        .collect();
    files.sort();
    files
}

fn text(path: &Path) -> String {
    let bytes = fs::read(path).expect("readable");
    let mut text = String::new();
    if path.extension().is_some_and(|e| e == "gz") {
        flate2::read::GzDecoder::new(bytes.as_slice()).read_to_string(&mut text).expect("gzip");
    } else {
        text = String::from_utf8(bytes).expect("UTF-8");
    }
    text
}

/// What the columns of these names hold, empty values left out.
fn labels(text: &str, columns: &[&str], found: &mut BTreeSet<String>) {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    let headings = reader.headers().expect("headings").clone();
    let wanted: Vec<usize> = columns
        .iter()
        .filter_map(|name| headings.iter().position(|heading| heading == *name))
        .collect();
    for record in reader.records() {
        let record = record.expect("a row");
        for &column in &wanted {
            found.extend(record.get(column).filter(|l| !l.is_empty()).map(str::to_owned));
        }
    }
}

#[test]
fn every_measured_label_has_a_row() {
    if !truth().is_dir() {
        println!("skipped: ../shared absent");
        return;
    }
    let (mut models, mut accelerators) = (BTreeSet::new(), BTreeSet::new());
    for path in files(&truth()) {
        let text = text(&path);
        labels(&text, &["model", "benchmark"], &mut models);
        labels(&text, &["gpu"], &mut accelerators);
    }
    assert!(models.len() >= 80 && accelerators.len() >= 20, "{models:?} {accelerators:?}");

    let catalog = Catalog::builtin();
    let without =
        |labels: BTreeSet<String>, found: &dyn Fn(&str) -> bool, known: &[(&str, &str)]| {
            let missing = labels.into_iter().filter(|label| !found(label));
            missing.filter(|label| !known.iter().any(|(name, _)| name == label)).collect::<Vec<_>>()
        };
    let models = without(models, &|label| catalog.model(label).is_some(), NO_MODEL);
    let found = |label: &str| catalog.accelerator(label).is_some();
    let accelerators = without(accelerators, &found, NO_ACCELERATOR);
    assert_eq!((models, accelerators), (vec![], vec![]));
    for (name, _) in NO_ACCELERATOR {
        assert!(!found(name), "{name} has a row by now");
    }
}

#[test]
fn checkpoints_find_the_right_architecture() {
    let catalog = Catalog::builtin();
    for (label, id) in [
        ("meta-llama/Llama-3.1-8B-Instruct", "llama-3.1-8b"),
        ("nvidia/Llama-3.1-8B-Instruct-FP8", "llama-3.1-8b"),
        ("LLaMA v3.3 70B", "llama-3.1-70b"),
        ("Llama-2 70B", "llama-2-70b"),
        ("llama2-70b-99.9", "llama-2-70b"),
        ("Deepseek R1 0528", "deepseek-v3"),
        ("DeepSeek-V3/R1 671B", "deepseek-v3"),
        ("DeepSeek3-671B", "deepseek-v3"),
        ("nvidia/DeepSeek-V3.1-NVFP4", "deepseek-v3"),
        ("deepseek-ai/DeepSeek-V3.2-Exp", ""),
        ("Qwen3_30B_a3B", "qwen3-30b-a3b"),
        ("Qwen/Qwen3-30B-A3B-Thinking-2507", "qwen3-30b-a3b"),
        ("Qwen/Qwen3-VL-32B-Instruct", "qwen3-vl-32b"),
        ("google/gemma-3-27b-it", "gemma-3-27b"),
        ("Gemma3-12B", "gemma-3-12b"),
        ("GPT 1T", "megatron-1t"),
        ("GPT-3 175B", "gpt-3-175b"),
        ("MPT 13b", "mpt-13b"),
        ("openai/gpt-oss-120b", "gpt-oss-120b"),
        ("llama-3.1-71b", ""),
        ("instruct", ""),
    ] {
        assert_eq!(catalog.model(label).map_or("", |m| &m.id), id, "{label}");
    }
    for (label, id) in [
        ("A100-80GB", "a100-80"),
        ("A100 PCIe", "a100-pcie"),
        ("A100", "a100-80"),
        ("H100-SXM", "h100-sxm"),
        ("H100-PCIe", "h100-pcie"),
        ("H200-NVL", "h200-nvl"),
        ("TPU-v4", "tpu-v4"),
        ("GB200 SXM", "gb200"),
        ("Gaudi 2", ""),
    ] {
        assert_eq!(catalog.accelerator(label).map_or("", |a| &a.id), id, "{label}");
    }
}
