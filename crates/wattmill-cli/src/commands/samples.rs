//! Samples of a factory, on every core.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::anyhow;
use wattmill::Sampling;
use wattmill::catalog::Catalog;
use wattmill::plan::{Offer, Risk, Sample};

use super::factory::Loaded;
use crate::exit::Failure;
use crate::invalid::Invalid;
use crate::progress::Progress;

/// Whether the file has anything to draw.
pub(super) fn possible(loaded: &Loaded) -> Result<(), Failure> {
    if loaded.factory.uncertainty.is_empty() {
        let problem = "nothing in it is a distribution: every sample would be the plan".to_owned();
        let help = "write a number as one, such as `slip = { p50 = \"60 days\", p90 = \"270 days\" }` \
                    or `price = \"30..70 USD/MWh\"`; see docs/factory-file.md";
        return Err(Invalid::plain(&loaded.named.name, &[(problem, Some(help.to_owned()))]).into());
    }
    Ok(())
}

/// What `samples` samples say. Which thread takes which sample changes nothing.
pub(super) fn risk(
    loaded: &Loaded,
    catalog: &Catalog,
    offers: &[Offer],
    samples: u64,
) -> Result<Risk, Failure> {
    let sampling = Sampling::open(&loaded.named.text, catalog, &loaded.factory, offers)
        .ok_or_else(|| Failure::Other(anyhow!("the factory file was sound and is not any more")))?;
    let threads = thread::available_parallelism().map_or(1, |threads| threads.get() as u64);
    let (next, done) = (AtomicU64::new(0), AtomicU64::new(0));
    let take = |mut tell: Option<&mut Progress>| {
        let mut taken: Vec<(u64, Option<Sample>)> = Vec::new();
        loop {
            let index = next.fetch_add(1, Ordering::Relaxed);
            if index >= samples {
                return taken;
            }
            taken.push((index, sampling.sample(index)));
            let done = done.fetch_add(1, Ordering::Relaxed) + 1;
            if let Some(progress) = &mut tell {
                progress.at(done, samples);
            }
        }
    };
    let mut all = thread::scope(|scope| {
        let others: Vec<_> = (1..threads).map(|_| scope.spawn(|| take(None))).collect();
        let mut all = take(Some(&mut Progress::new("sampling")));
        for other in others {
            all.extend(other.join().map_err(|_| Failure::Other(anyhow!("a sample panicked")))?);
        }
        Ok::<_, Failure>(all)
    })?;
    all.sort_by_key(|(index, _)| *index);
    let samples: Vec<Option<Sample>> = all.into_iter().map(|(_, sample)| sample).collect();
    Ok(sampling.risk(&samples))
}
