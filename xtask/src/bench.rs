//! `cargo xtask bench`: the project's figures, each with the hash of its answer and its ratio to a
//! floor measured in the same run.
//!
//! Times are process CPU-seconds of one thread. Every figure runs in a process of its own, so that
//! memory is its own too. The floor is what no simulator can leave out: drawing the arrivals and
//! lengths of as many requests and filling the histograms.

mod cpu;
mod day;
mod figures;
mod floor;
mod peers;
mod routers;
mod steps;
mod traffic;

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

/// One measured figure.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Figure {
    /// Which.
    pub(crate) name: String,
    /// How much.
    pub(crate) value: f64,
    /// Of what.
    pub(crate) unit: String,
    /// CPU time over that of the floor; how many times the least possible it takes.
    pub(crate) floor_ratio: f64,
    /// Hash of the answer.
    pub(crate) hash: String,
}

/// What `cargo xtask bench` was asked for.
#[derive(clap::Args, Debug)]
pub(crate) struct BenchArgs {
    /// Figures to measure; all by default: w4096, u64, prefix, replicas-1024, replicas-50000, threads-2,
    /// router-load-1024, router-kv-1024, stream-10m, run-10gw, samples-10gw, draw,
    /// step, day.
    names: Vec<String>,
    /// Print a JSON list.
    #[arg(long)]
    json: bool,
    /// Measure in this very process.
    #[arg(long, hide = true)]
    here: bool,
}

pub(crate) fn run(args: &BenchArgs) -> Result<()> {
    let known: Vec<&str> = figures::ALL.iter().map(|(name, _)| *name).collect();
    for name in &args.names {
        if !known.contains(&name.as_str()) {
            bail!("there is no figure `{name}`; there are {}", known.join(", "));
        }
    }
    let wanted = |name: &str| args.names.is_empty() || args.names.iter().any(|n| n == name);
    let mut measured = Vec::new();
    for (name, measure) in figures::ALL.iter().filter(|(name, _)| wanted(name)) {
        if args.here {
            measured.extend(measure()?);
        } else {
            measured.extend(in_process(name)?);
        }
    }
    if args.json || args.here {
        println!("{}", serde_json::to_string_pretty(&measured)?);
    } else {
        println!("{:<26} {:>12} {:<28} {:>12}  hash", "figure", "value", "unit", "x the floor");
        for f in &measured {
            println!(
                "{:<26} {:>12.2} {:<28} {:>12.2}  {}",
                f.name, f.value, f.unit, f.floor_ratio, f.hash
            );
        }
    }
    Ok(())
}

/// Measures one figure in a process of its own.
fn in_process(name: &str) -> Result<Vec<Figure>> {
    let me = std::env::current_exe().context("failed to find this program")?;
    let output = std::process::Command::new(me)
        .args(["bench", "--here", name])
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("failed to start a process for {name}"))?;
    if !output.status.success() {
        bail!("{name} failed");
    }
    serde_json::from_slice(&output.stdout).with_context(|| format!("{name} printed no figures"))
}
