//! Samples of a factory: the same file with other numbers for what is not known.

use wattmill_catalog::Catalog;
use wattmill_config::{Files, Variants};
use wattmill_factory::Factory;
use wattmill_plan::{Almanac, Offer, Risk, Sample, figures, sample};

/// A factory file whose distributions can be drawn again and again, from any thread.
///
/// ```
/// use wattmill::{Sampling, catalog::Catalog, config, plan};
/// let text = config::builtin_factory("hundred-megawatt").expect("a built-in factory");
/// let factory = config::parse_factory(text, Catalog::builtin()).factory.expect("it is sound");
/// let offers = plan::offers(&factory, Catalog::builtin(), |_, _| {});
/// let sampling = Sampling::open(text, Catalog::builtin(), &factory, &offers).expect("it is sound");
/// let samples: Vec<_> = (0..20).map(|index| sampling.sample(index)).collect();
/// let risk = sampling.risk(&samples);
/// assert_eq!((risk.samples, risk.refused), (20, 0));
/// ```
#[derive(Debug)]
pub struct Sampling<'a> {
    variants: Variants<'a>,
    catalog: &'a Catalog,
    factory: &'a Factory,
    offers: &'a [Offer],
    almanac: Almanac,
}

impl<'a> Sampling<'a> {
    /// Of the file that `factory` was read from, and what its machines do; `None` unless the file is
    /// sound.
    pub fn open(
        text: &'a str,
        catalog: &'a Catalog,
        factory: &'a Factory,
        offers: &'a [Offer],
    ) -> Option<Self> {
        Self::open_with(text, catalog, &Files::default(), factory, offers)
    }

    /// The same with the files that the factory file names.
    pub fn open_with(
        text: &'a str,
        catalog: &'a Catalog,
        files: &Files,
        factory: &'a Factory,
        offers: &'a [Offer],
    ) -> Option<Self> {
        let variants = Variants::open_with(text, catalog, files)?;
        Some(Self { variants, catalog, factory, offers, almanac: Almanac::of([factory]) })
    }

    /// The `index`-th sample; `None` if what was drawn makes no sense together.
    pub fn sample(&self, index: u64) -> Option<Sample> {
        let (drawn, factory) = self.variants.sample(self.factory.seed, index);
        let factory = factory?;
        let (figures, worst) = sample(&factory, self.catalog, self.offers, &self.almanac);
        Some(Sample { drawn, figures, worst })
    }

    /// What samples say together, given in their order.
    pub fn risk(&self, samples: &[Option<Sample>]) -> Risk {
        Risk::new(self.factory, &figures(self.factory, self.catalog, self.offers), samples)
    }
}
