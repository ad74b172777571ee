//! What the process used.

use anyhow::{Context, Result};
use rustix::time::{ClockId, clock_gettime};

/// CPU-seconds of this process so far.
pub(crate) fn seconds() -> f64 {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 * 1e-9
}

/// CPU-seconds of this thread so far.
pub(crate) fn thread_seconds() -> f64 {
    let used = clock_gettime(ClockId::ThreadCPUTime);
    used.tv_sec as f64 + used.tv_nsec as f64 * 1e-9
}

/// Repeats `work` until at least `least` CPU-seconds are used; CPU-seconds of one repetition and the
/// last answer.
pub(crate) fn repeat<T>(least: f64, mut work: impl FnMut() -> T) -> (f64, T) {
    // Once to warm caches and the branch predictor.
    std::hint::black_box(work());
    let start = seconds();
    let mut times = 0u32;
    loop {
        let answer = std::hint::black_box(work());
        times += 1;
        let used = seconds() - start;
        if used >= least {
            return (used / f64::from(times), answer);
        }
    }
}

/// Highest resident memory of this process, megabytes.
pub(crate) fn peak_resident_mb() -> Result<f64> {
    let status = std::fs::read_to_string("/proc/self/status").context("no /proc here")?;
    let kb = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|rest| rest.trim().strip_suffix("kB"))
        .and_then(|kb| kb.trim().parse::<f64>().ok())
        .context("/proc/self/status has no VmHWM")?;
    Ok(kb * 1024.0 / 1e6)
}
