//! The `wattmill` command: the only crate that touches files, the clock and the terminal. It decides
//! nothing: it reads text, calls the API and writes what comes back.

mod args;
mod commands;
mod exit;
mod files;
mod interrupt;
mod progress;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let args = args::Args::parse();
    let result = match &args.command {
        args::Command::Run(run) => commands::run::run(run),
        args::Command::Replay(replay) => commands::replay::run(replay),
        args::Command::Zoom(zoom) => commands::zoom::run(zoom),
        args::Command::Check(check) => commands::check::run(check),
        args::Command::Catalog(catalog) => commands::catalog::run(catalog),
    };
    exit::code(result)
}
