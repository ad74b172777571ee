//! The project's chores: `cargo xtask --help`.

mod bench;
mod calibrate;
mod docs;
mod finding;
mod layers;
mod tidy;

use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

/// The project's chores.
#[derive(Parser)]
#[command(name = "cargo xtask")]
enum Chore {
    /// Measure the project's figures.
    Bench(bench::BenchArgs),
    /// Fit the catalogue to measurements beside the project.
    Calibrate(calibrate::CalibrateArgs),
    /// Write the documents that the code says.
    Docs {
        /// Write nothing; fail if one is stale.
        #[arg(long)]
        check: bool,
    },
    /// Check that a crate uses only those above it, and that only the edge does IO.
    Layers,
    /// Check what neither rustfmt nor clippy look at, over every committed file.
    Tidy,
}

fn main() -> ExitCode {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    // The workspace is the folder above this package.
    let root = root.parent().unwrap_or(root);
    let done = match Chore::parse() {
        Chore::Bench(args) => bench::run(&args),
        Chore::Calibrate(args) => calibrate::run(root, &args),
        Chore::Docs { check: true } => docs::check(root),
        Chore::Docs { check: false } => docs::write(root),
        Chore::Layers => layers::run(root),
        Chore::Tidy => tidy::run(root),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
