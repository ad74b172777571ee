//! Large messages of training: bytes over bandwidth, per tier.

use super::job::TrainingJob;
use wattmill_catalog::TrainingConstant;

/// Share of scale-up bandwidth that messages of tens of megabytes reach. nccl.csv of
/// aiconfigurator, 64 MB and above on H100 and B200: 0.75 to 0.85.
const SCALEUP: f64 = 0.8;

/// Rates between accelerators, bytes per second, as reached by large messages.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    domain: f64,
    scaleup: f64,
    scaleout: f64,
}

impl Links {
    pub(crate) fn of(job: &TrainingJob<'_>) -> Self {
        let chip = job.accelerator;
        let scaleup = chip.scaleup.map_or(0.0, |r| r.as_bytes_per_s());
        let scaleout = chip.scaleout.map_or(0.0, |r| r.as_bytes_per_s());
        let reached = job.efficiency.scaleout * job.training.get(TrainingConstant::Scaleout);
        // A message has to go somewhere: where no scale-up link is stated, over scale-out, and the
        // other way round.
        let out = if scaleout > 0.0 { scaleout * reached } else { scaleup * SCALEUP };
        let up = if scaleup > 0.0 { scaleup * SCALEUP } else { out };
        Self {
            domain: f64::from(job.accelerators_per_domain.max(1)),
            scaleup: up.max(1.0),
            scaleout: out.max(1.0),
        }
    }

    /// Ranks of a group within one domain, where neighbours of the group are `stride` apart.
    fn inside(&self, ranks: f64, stride: f64) -> f64 {
        (self.domain / stride).floor().clamp(1.0, ranks)
    }

    /// Time of a gather that leaves `bytes` with each of `ranks`, or of a reduction that scatters
    /// as much; both tiers work at once.
    pub(crate) fn gather(&self, bytes: f64, ranks: f64, stride: f64) -> f64 {
        if ranks <= 1.0 {
            return 0.0;
        }
        let inside = self.inside(ranks, stride);
        let within = bytes * (inside - 1.0) / inside / self.scaleup;
        let domains = (ranks / inside).ceil();
        let between = bytes * (domains - 1.0) / domains / inside / self.scaleout;
        within.max(between)
    }

    /// Each of `ranks` sends `bytes` altogether, evenly to all.
    pub(crate) fn all_to_all(&self, bytes: f64, ranks: f64, stride: f64) -> f64 {
        if ranks <= 1.0 {
            return 0.0;
        }
        let inside = self.inside(ranks, stride);
        let within = bytes * (inside - 1.0) / ranks / self.scaleup;
        let between = bytes * (ranks - inside) / ranks / self.scaleout;
        within.max(between)
    }

    /// One rank sends `bytes` to the next, `stride` away.
    pub(crate) fn send(&self, bytes: f64, ranks: f64, stride: f64) -> f64 {
        if ranks <= 1.0 {
            return 0.0;
        }
        let rate = if stride * ranks <= self.domain { self.scaleup } else { self.scaleout };
        bytes / rate
    }

    /// Passes `bytes` around a ring of `ranks`, all but the last leg.
    pub(crate) fn ring(&self, bytes: f64, ranks: f64, stride: f64) -> f64 {
        self.send(bytes, ranks, stride) * (ranks - 1.0)
    }

    /// Scale-up domains a job of `accelerators` spans.
    pub(crate) fn domains(&self, accelerators: f64) -> f64 {
        (accelerators / self.domain).max(1.0)
    }
}

/// What is left of `message` beside `work` that may hide it: a share that never hides, and what is
/// too long to hide. Smooth, so that a fit sees where it goes.
pub(crate) fn exposed(message: f64, work: f64, share: f64) -> f64 {
    if message <= 0.0 {
        return 0.0;
    }
    let always = message * share.min(1.0);
    let hideable = message - always;
    always + smooth_max(work, hideable) - work + message * (share - 1.0).max(0.0)
}

/// The larger of the two, a little more where they are close.
pub(crate) fn smooth_max(a: f64, b: f64) -> f64 {
    let top = a.max(b);
    if top <= 0.0 {
        return 0.0;
    }
    let ratio = a.min(b) / top;
    let fourth = ratio * ratio * ratio * ratio;
    top * (1.0 + fourth).sqrt().sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINKS: Links = Links { domain: 8.0, scaleup: 400e9, scaleout: 50e9 };

    #[test]
    fn what_leaves_a_domain_is_shared_by_its_ports() {
        // 64 ranks next to each other: eight to a domain, each port carries an eighth.
        let near = LINKS.gather(64e9, 64.0, 1.0);
        assert!((near - 64e9 * 7.0 / 8.0 / 8.0 / 50e9).abs() < 1e-12);
        // Eight apart: each alone in its domain, each port carries it all.
        let far = LINKS.gather(64e9, 64.0, 8.0);
        assert!((far - 64e9 * 63.0 / 64.0 / 50e9).abs() < 1e-9);
        assert_eq!(LINKS.gather(64e9, 1.0, 1.0), 0.0);
    }

    #[test]
    fn a_message_hides_behind_work_but_for_its_share() {
        assert!((exposed(1.0, 1e6, 0.2) - 0.2).abs() < 1e-6);
        assert!((exposed(1.0, 0.0, 0.2) - 1.0).abs() < 1e-12);
        assert!((exposed(10.0, 1e-3, 0.2) - 10.0).abs() < 0.01);
        assert!(exposed(1.0, 1.0, 1.5) > 1.4);
    }
}
