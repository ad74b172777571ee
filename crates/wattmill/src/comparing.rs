//! Two factory files side by side, with samples of both that draw the same for what they have in
//! common.

use wattmill_catalog::Catalog;
use wattmill_config::{Files, Variants};
use wattmill_factory::{Causes, Factory};
use wattmill_plan::{Comparison, ContrastSample, Contrasts, Step};

/// Two factory files that can be compared, from any thread.
///
/// ```
/// use wattmill::{Compared, Comparing, catalog::Catalog, config, factory::Causes};
/// let catalog = Catalog::builtin();
/// let text = config::builtin_factory("nvl72-rack").expect("a built-in factory");
/// let base = config::parse_factory(text, catalog).factory.expect("it is sound");
/// let dear = text.replace("47 USD/MWh", "60 USD/MWh");
/// let other = config::parse_factory(&dear, catalog).factory.expect("it is sound");
/// let files = config::Files::default();
/// let base = Compared { text, files: &files, factory: &base };
/// let other = Compared { text: &dear, files: &files, factory: &other };
/// let comparing = Comparing::open(base, other, catalog, |_, _| {});
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

/// A factory file that is compared with another.
#[derive(Clone, Copy, Debug)]
pub struct Compared<'a> {
    /// What it says.
    pub text: &'a str,
    /// The files that it names.
    pub files: &'a Files,
    /// The factory that was read from it.
    pub factory: &'a Factory,
}

impl<'a> Comparing<'a> {
    /// Of two files. Measures what the machines of both do; `progress` is called with how many of how
    /// many mixtures of the two are measured.
    pub fn open(
        base: Compared<'a>,
        other: Compared<'a>,
        catalog: &'a Catalog,
        progress: impl FnMut(usize, usize),
    ) -> Self {
        let open = |of: Compared<'a>| Variants::open_with(of.text, catalog, of.files);
        Self {
            contrasts: Contrasts::new(base.factory, other.factory, catalog, progress),
            variants: open(base).zip(open(other)).map(|(base, other)| [base, other]),
            seed: base.factory.seed,
        }
    }

    /// Figures of the base with these causes from the other; every input at its median.
    pub fn step(&self, causes: Causes) -> Step {
        self.contrasts.step(causes)
    }

    /// The `index`-th sample of both; `None` if what was drawn makes no sense together.
    pub fn sample(&self, index: u64) -> Option<ContrastSample> {
        let [base, other] = self.variants.as_ref()?;
        let drawn = |of: &Variants<'_>| of.sample(self.seed, index).1;
        Some(self.contrasts.sample(&drawn(base)?, &drawn(other)?, index))
    }

    /// What the [`Self::step`] of each of [`Causes::every`] and samples say together.
    pub fn compare(&self, steps: &[Step], samples: &[Option<ContrastSample>]) -> Comparison {
        self.contrasts.compare(steps, samples)
    }
}
