//! `wattmill`.

use std::process::ExitCode;

fn main() -> ExitCode {
    wattmill_cli::main()
}
