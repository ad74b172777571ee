//! How a command ends. Scripts may rely on these codes; `docs/cli.md` lists them.

use std::io::ErrorKind;
use std::process::ExitCode;

/// What a command cannot go on with.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Flags that do not go together: code 2, as clap's own.
    Usage(String),
    /// Input that is wrong, already rendered: code 3.
    Input(String),
    /// A file that cannot be read or written, and anything unforeseen: code 4.
    Other(anyhow::Error),
    /// Interrupted; what was done is on the output, marked partial: code 130.
    Interrupted,
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::Other(error)
    }
}

/// A command's result.
pub(crate) type Outcome = Result<(), Failure>;

/// Prints what is left to say and gives the exit code.
pub(crate) fn code(result: Outcome) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            eprintln!("error: {message}");
            ExitCode::from(2)
        }
        Err(Failure::Input(rendered)) => {
            eprint!("{rendered}");
            ExitCode::from(3)
        }
        Err(Failure::Other(error)) => {
            // A reader that has seen enough, such as `head`, is no failure.
            let broken_pipe = error
                .chain()
                .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
                .any(|cause| cause.kind() == ErrorKind::BrokenPipe);
            if broken_pipe {
                return ExitCode::SUCCESS;
            }
            eprintln!("error: {error:#}");
            ExitCode::from(4)
        }
        Err(Failure::Interrupted) => {
            eprintln!("interrupted: the result above is partial and says so");
            ExitCode::from(130)
        }
    }
}
