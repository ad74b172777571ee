//! A bar for whatever takes over a second, on a terminal only.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// Patience before a bar appears.
const PATIENCE: Duration = Duration::from_secs(1);

/// Progress of one piece of work.
pub(crate) struct Progress {
    what: &'static str,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// Of `what`, such as `simulating`.
    pub(crate) fn new(what: &'static str) -> Self {
        Self { what, started: Instant::now(), bar: None }
    }

    /// `done` of `all` units of work are done.
    pub(crate) fn at(&mut self, done: u64, all: u64) {
        if self.bar.is_none() {
            let visible = std::io::stdout().is_terminal() && std::io::stderr().is_terminal();
            if !visible || self.started.elapsed() < PATIENCE {
                return;
            }
            let bar = ProgressBar::with_draw_target(Some(all), ProgressDrawTarget::stderr());
            let style = ProgressStyle::with_template("{msg} [{wide_bar}] {percent} % {eta} left");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(self.what);
            self.bar = Some(bar);
        }
        if let Some(bar) = &self.bar {
            bar.set_length(all);
            bar.set_position(done.min(all));
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}
