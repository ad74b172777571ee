//! Samples of a factory, on every core.

use anyhow::anyhow;
use wattmill::Sampling;
use wattmill::catalog::Catalog;
use wattmill::plan::{Offer, Risk};

use super::cores;
use super::factory::Loaded;
use crate::exit::Failure;
use crate::invalid::Invalid;

/// Whether the file has anything to draw.
pub(super) fn possible(loaded: &Loaded) -> Result<(), Failure> {
    if loaded.factory.is_certain() {
        let problem = "nothing in it is a distribution: every sample would be the plan".to_owned();
        let help = "write a number as one, such as `slip = { p50 = \"60 days\", p90 = \"270 days\" }` \
                    or `price = \"30..70 USD/MWh\"`, or `weather = \"varies\"`; see docs/factory-file.md";
        return Err(Invalid::plain(&loaded.named.name, &[(problem, Some(help.to_owned()))]).into());
    }
    Ok(())
}

/// What `samples` samples say.
pub(super) fn risk(
    loaded: &Loaded,
    catalog: &Catalog,
    offers: &[Offer],
    samples: u64,
) -> Result<Risk, Failure> {
    let sampling =
        Sampling::open_with(&loaded.named.text, catalog, &loaded.files, &loaded.factory, offers)
            .ok_or_else(|| {
                Failure::Other(anyhow!("the factory file was sound and is not any more"))
            })?;
    let samples = cores::all("sampling", samples, |index| sampling.sample(index))?;
    Ok(sampling.risk(&samples))
}
