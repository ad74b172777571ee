//! How a command ends.

use std::io::ErrorKind;
use std::process::ExitCode;

use crate::files::{print, tell};
use crate::invalid::Invalid;

/// Every exit code and what it means. Scripts may rely on them.
pub const EXIT_CODES: [(u8, &str); 5] = [
    (0, "an answer, also if it is that something is infeasible"),
    (2, "flags that are unknown or do not go together"),
    (3, "input that is wrong: every problem is on standard error, pointing into the file"),
    (4, "a file that cannot be read or written, or anything unforeseen"),
    (130, "interrupted: what was done is on the output, marked partial"),
];

/// What a command cannot go on with.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Flags that do not go together: code 2, as clap's own.
    Usage(String),
    /// Input that is wrong: code 3.
    Input(Box<Invalid>),
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

impl From<Invalid> for Failure {
    fn from(invalid: Invalid) -> Self {
        Self::Input(Box::new(invalid))
    }
}

/// A command's result.
pub(crate) type Outcome = Result<(), Failure>;

/// Prints what is left to say, for a program too if it asked for `json`, and gives the exit code.
pub(crate) fn code(result: Outcome, json: bool) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(message)) => {
            tell(&format!("error: {message}\n"));
            ExitCode::from(2)
        }
        Err(Failure::Input(invalid)) => {
            tell(invalid.rendered());
            if json {
                // The exit code says the same to a program that does not read on.
                let _ = print(&invalid.document());
            }
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
            tell(&format!("error: {error:#}\n"));
            ExitCode::from(4)
        }
        Err(Failure::Interrupted) => {
            tell("interrupted: the result above is partial and says so\n");
            ExitCode::from(130)
        }
    }
}
