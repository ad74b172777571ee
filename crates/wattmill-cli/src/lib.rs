//! The `wattmill` command: the only crate that touches files, the clock and the terminal. It decides
//! nothing: it reads text, calls the API and writes what comes back.
//!
//! A library only so that its reference can be written from it; the program is [`main`].

mod args;
mod commands;
mod exit;
mod files;
mod interrupt;
mod invalid;
mod known;
mod progress;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};

pub use exit::EXIT_CODES;

/// Runs the command line of this process and gives its exit code, one of [`EXIT_CODES`].
pub fn main() -> ExitCode {
    let args = args::Args::parse();
    let result = match &args.command {
        args::Command::Run(run) => commands::run::run(run),
        args::Command::Compare(compare) => commands::compare::run(compare),
        args::Command::Sweep(sweep) => commands::sweep::run(sweep),
        args::Command::Replay(replay) => commands::replay::run(replay),
        args::Command::Serve(serve) => commands::serve::run(serve),
        args::Command::Train(train) => commands::train::run(train),
        args::Command::Explain(explain) => commands::explain::run(explain),
        args::Command::Zoom(zoom) => commands::zoom::run(zoom),
        args::Command::Validate(validate) => commands::validate::run(validate),
        args::Command::Calibrate(calibrate) => commands::calibrate::run(calibrate),
        args::Command::Check(check) => commands::check::run(check),
        args::Command::Gigawatt(gigawatt) => commands::gigawatt::run(gigawatt),
        args::Command::Catalog(catalog) => commands::catalog::run(catalog),
        args::Command::Bench(bench) => commands::bench::run(bench),
    };
    exit::code(result, args.command.json())
}

/// Every command and flag with its help.
pub fn command() -> clap::Command {
    args::Args::command()
}
