//! `docs/cli.md`: every command and flag, and what the exit codes mean.

use std::fmt::Write;

/// The reference of the command line, from the definitions it is parsed with.
pub(super) fn markdown() -> String {
    let mut command = wattmill_cli::command();
    command.build();
    let mut out = String::from(
        "# The command line\n\nWritten by `cargo xtask docs` from the flags' definitions.\n\n\
         Quantities carry their unit (`\"50 ms\"`, `10min`, `\"1 h\"`); dates and times are UTC. A FACTORY is \
         a file or the name of a built-in one.\n\n## Exit codes\n\n| code | meaning |\n| --- | --- |\n",
    );
    for (code, meaning) in wattmill_cli::EXIT_CODES {
        let _ = writeln!(out, "| {code} | {meaning} |");
    }
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        section(&mut out, sub);
    }
    out
}

fn section(out: &mut String, command: &mut clap::Command) {
    let name = command.get_bin_name().unwrap_or(command.get_name()).to_owned();
    let help = command.render_long_help().to_string();
    let lines: Vec<&str> = help.lines().map(str::trim_end).collect();
    let _ = write!(out, "\n## `{name}`\n\n```text\n{}\n```\n", lines.join("\n").trim_end());
    for sub in command.get_subcommands_mut().filter(|sub| sub.get_name() != "help") {
        section(out, sub);
    }
}
