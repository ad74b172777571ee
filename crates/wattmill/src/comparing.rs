//! Two factory files side by side, with samples of both that draw the same for what they have in
//! common.

use wattmill_catalog::Catalog;
use wattmill_config::Variants;
use wattmill_factory::{Causes, Factory};
use wattmill_plan::{Comparison, ContrastSample, Contrasts};

/// Two factory files that can be compared, from any thread.
///
/// ```
/// use wattmill::{Comparing, catalog::Catalog, config, factory::Causes};
/// let catalog = Catalog::builtin();
/// let text = config::builtin_factory("nvl72-rack").expect("a built-in factory");
/// let base = config::parse_factory(text, catalog).factory.expect("it is sound");
/// let dear = text.replace("47 USD/MWh", "60 USD/MWh");
/// let other = config::parse_factory(&dear, catalog).factory.expect("it is sound");
/// let comparing = Comparing::open((text, &base), (&dear, &other), catalog, |_, _| {});
/// let steps: Vec<_> = Causes::every().map(|causes| comparing.step(causes)).collect();
/// let comparison = comparing.compare(&steps, &[]);
/// assert!(comparison.ledger.iter().all(|balance| balance.closes()));
/// ```
#[derive(Debug)]
pub struct Comparing<'a> {
    contrasts: Contrasts<'a>,
    variants: Option<[Variants<'a>; 2]>,
    seed: u64,
}

impl<'a> Comparing<'a> {
    /// Of two files and the factories that were read from them. Measures what the machines of both
    /// do; `progress` is called with how many of how many mixtures of the two are measured.
    pub fn open(
        base: (&'a str, &'a Factory),
        other: (&'a str, &'a Factory),
        catalog: &'a Catalog,
        progress: impl FnMut(usize, usize),
    ) -> Self {
        let open = |text| Variants::open(text, catalog);
        Self {
            contrasts: Contrasts::new(base.1, other.1, catalog, progress),
            variants: open(base.0).zip(open(other.0)).map(|(base, other)| [base, other]),
            seed: base.1.seed,
        }
    }

    /// Figures of the base with these causes from the other; every input at its median.
    pub fn step(&self, causes: Causes) -> Vec<f64> {
        self.contrasts.step(causes)
    }

    /// The `index`-th sample of both; `None` if what was drawn makes no sense together.
    pub fn sample(&self, index: u64) -> Option<ContrastSample> {
        let [base, other] = self.variants.as_ref()?;
        let drawn = |of: &Variants<'_>| of.factory(&of.uncertainty().draw(self.seed, index));
        Some(self.contrasts.sample(&drawn(base)?, &drawn(other)?, index))
    }

    /// What the [`Self::step`] of each of [`Causes::every`] and samples say together.
    pub fn compare(&self, steps: &[Vec<f64>], samples: &[Option<ContrastSample>]) -> Comparison {
        self.contrasts.compare(steps, samples)
    }
}
