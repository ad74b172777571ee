//! What counts as the world outside.

/// One way out, and why a crate above the edge does not take it.
#[derive(Debug)]
pub(super) struct Rule {
    /// A path; everything below it counts too. A macro is its name with `!`.
    path: &'static str,
    pub(super) reason: &'static str,
}

/// Macros and everything below `std` that leaves the program.
pub(super) const RULES: &[Rule] = &[
    rule("std::fs", "files are opened at the edge; take text or a reader"),
    rule("std::net", "sockets are opened at the edge; take a reader or a writer"),
    rule("std::env", "the environment is read at the edge; take the value"),
    rule("std::process", "processes start and end at the edge; return an error"),
    rule("std::thread", "threads are started at the edge; offer work that can be split"),
    rule("std::time::Instant", CLOCK),
    rule("std::time::SystemTime", CLOCK),
    rule("std::io::stdin", TERMINAL),
    rule("std::io::stdout", TERMINAL),
    rule("std::io::stderr", TERMINAL),
    rule("print!", TERMINAL),
    rule("println!", TERMINAL),
    rule("eprint!", TERMINAL),
    rule("eprintln!", TERMINAL),
];

/// `Timestamp::now()` and its like, of any crate.
pub(super) const NOW: Rule = rule("now", CLOCK);

const CLOCK: &str = "the clock is read at the edge; results know simulated time only";
const TERMINAL: &str = "only the edge talks to the user; return what there is to say";

const fn rule(path: &'static str, reason: &'static str) -> Rule {
    Rule { path, reason }
}

/// The rule that `path` breaks.
pub(super) fn broken_by(path: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| {
        let below = path.strip_prefix(rule.path);
        below.is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}
