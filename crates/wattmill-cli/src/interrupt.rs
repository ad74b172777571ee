//! SIGINT: finish the block under way, then say what is there.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by the first SIGINT; the second ends the process as usual.
#[derive(Clone, Debug, Default)]
pub(crate) struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// From now on SIGINT asks instead of killing.
    pub(crate) fn install() -> Self {
        let interrupt = Self::default();
        let flag = interrupt.clone();
        // Without a handler SIGINT kills, which is no worse than before.
        let _ = ctrlc::set_handler(move || {
            if flag.0.swap(true, Ordering::Relaxed) {
                crate::files::discard_partial();
                std::process::exit(130);
            }
        });
        interrupt
    }

    /// Whether to go on.
    pub(crate) fn flow(&self) -> ControlFlow<()> {
        if self.0.load(Ordering::Relaxed) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}
