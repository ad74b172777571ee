//! Two factories side by side, and the difference between them split by cause.
//!
//! A cause is a group of inputs. Each is swapped from the base to the other factory in every order
//! there is, and what a figure changes by is averaged: Shapley's value (A Value for n-Person Games,
//! 1953). No order is preferred, and the causes add up to the whole difference.

use wattmill_catalog::Catalog;
use wattmill_factory::{Cause, Causes, Factory, mixed};
use wattmill_units::{AnswerHash, draw};

use crate::almanac::Almanac;
use crate::calendar::QuarterLabel;
use crate::figures::{Figure, FigureName, FigureUnit, reckon};
use crate::ledger::Balance;
use crate::probed::Probed;
use crate::risk::quantile;
use crate::serving::Offer;

/// How many causes there are.
const CAUSES: usize = Cause::ALL.len();

/// A figure of two factories.
#[derive(Clone, Debug, PartialEq)]
pub struct Contrast {
    /// Which.
    pub figure: Figure,
    /// Of the base.
    pub base: f64,
    /// Of the other.
    pub other: f64,
    /// What each of [`Cause::ALL`] contributes to the difference; `None` where a factory between the
    /// two has no such figure, such as a cost of tokens without tokens.
    pub causes: Option<[f64; CAUSES]>,
}

/// Two factories and why they differ.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Every figure of the whole plan.
    pub figures: Vec<Contrast>,
    /// Energised power at the end of each quarter in megawatts, output tokens served and capital of
    /// it: of the base and of the other, `NaN` for a quarter that it does not have.
    pub quarters: Vec<(QuarterLabel, [[f64; 3]; 2])>,
    /// That the causes of each figure add up to its difference.
    pub ledger: Vec<Balance>,
    /// Of everything that is conserved in any plan that was compared, what is furthest off.
    pub worst: Balance,
    /// Over samples, by figure; empty without.
    pub gaps: Vec<Gap>,
    /// Samples in which either factory had no answer.
    pub refused: usize,
    /// Hash of every figure, its causes and its gaps.
    pub answer_hash: u64,
}

/// A difference over samples that draw the same for what the two factories have in common.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap {
    /// Samples in which one of the two has no such figure, left out of the others' quantiles, mean and
    /// chance.
    pub undefined: usize,
    /// Quantiles (10, 50 and 90 %) of the base.
    pub base: [f64; 3],
    /// Quantiles of the other.
    pub other: [f64; 3],
    /// Quantiles of the difference within one sample.
    pub difference: [f64; 3],
    /// Mean difference.
    pub mean: f64,
    /// What each cause contributes to the mean.
    pub causes: Option<[f64; CAUSES]>,
    /// Share of the samples in which the other has more.
    pub chance_of_more: f64,
}

/// One sample of both: every figure of the base, then after each cause was swapped.
#[derive(Clone, Debug, PartialEq)]
pub struct ContrastSample {
    /// Causes in the order in which they were swapped.
    order: [Cause; CAUSES],
    /// Before, between and after the swaps.
    steps: Vec<Step>,
}

/// Figures of one mixture of the two.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// Each of them.
    figures: Vec<f64>,
    /// Of everything that is conserved, what is furthest off.
    worst: Balance,
}

/// Two factories ready to be compared.
#[derive(Clone, Debug)]
pub struct Contrasts<'a> {
    base: &'a Factory,
    other: &'a Factory,
    catalog: &'a Catalog,
    /// What machines do, by set of causes.
    offers: Vec<Vec<Offer>>,
    almanac: Almanac,
    figures: Vec<Figure>,
}

impl<'a> Contrasts<'a> {
    /// Measures what the machines of both do for the services of both.
    pub fn new(
        base: &'a Factory,
        other: &'a Factory,
        catalog: &'a Catalog,
        mut progress: impl FnMut(usize, usize),
    ) -> Self {
        let mut probed = Probed::default();
        let all = Causes::every().count();
        let offers = Causes::every().map(|causes| {
            progress(causes.index(), all);
            probed.offers(&mixed(base, other, causes), catalog, |_, _| {})
        });
        let mut contrasts = Self {
            base,
            other,
            catalog,
            offers: offers.collect(),
            almanac: Almanac::of([base, other]),
            figures: Vec::new(),
        };
        // What has no price has no revenue; the other may have some.
        for causes in [Causes::NONE, Causes::ALL] {
            for (figure, _) in contrasts.all(base, other, causes).0 {
                let known = contrasts.figures.iter().any(|known| known.name == figure.name);
                if is_compared(&figure) && !known {
                    contrasts.figures.push(figure);
                }
            }
        }
        contrasts
    }

    fn all(
        &self,
        base: &Factory,
        other: &Factory,
        causes: Causes,
    ) -> (Vec<(Figure, f64)>, Balance) {
        let factory = mixed(base, other, causes);
        reckon(&factory, self.catalog, &self.offers[causes.index()], &self.almanac)
    }

    /// The figures that are compared, of the factory with these causes from `other`.
    fn values(&self, base: &Factory, other: &Factory, causes: Causes) -> Step {
        let (all, worst) = self.all(base, other, causes);
        let of = |figure: &Figure| {
            all.iter().find(|(f, _)| f.name == figure.name).map_or(0.0, |(_, value)| *value)
        };
        Step { figures: self.figures.iter().map(of).collect(), worst }
    }

    /// Figures of the base with these causes from the other.
    pub fn step(&self, causes: Causes) -> Step {
        self.values(self.base, self.other, causes)
    }

    /// One sample, of both factories with their numbers drawn: the causes are swapped one after the
    /// other, in an order that is drawn too and in every second sample reversed.
    pub fn sample(&self, base: &Factory, other: &Factory, index: u64) -> ContrastSample {
        let mut order = Cause::ALL;
        for last in (1..CAUSES).rev() {
            let share = draw(self.base.seed, ORDERS[last], index / 2);
            order.swap(last, ((share * (last + 1) as f64) as usize).min(last));
        }
        if index % 2 == 1 {
            order.reverse();
        }
        let mut causes = Causes::NONE;
        let mut steps = vec![self.values(base, other, causes)];
        for cause in order {
            causes = causes.with(cause);
            steps.push(self.values(base, other, causes));
        }
        ContrastSample { order, steps }
    }

    /// The comparison, from the [`Self::step`] of each of [`Causes::every`] in their order, and
    /// samples; `None` for one that had no answer.
    pub fn compare(&self, steps: &[Step], samples: &[Option<ContrastSample>]) -> Comparison {
        let (first, last) = (&steps[0].figures, &steps[Causes::ALL.index()].figures);
        let contrast = |(index, figure): (usize, &Figure)| Contrast {
            figure: figure.clone(),
            base: first[index],
            other: last[index],
            causes: shapley(&|causes| steps[causes.index()].figures[index]),
        };
        let contrasts: Vec<Contrast> = self.figures.iter().enumerate().map(contrast).collect();
        let sound: Vec<&ContrastSample> = samples.iter().flatten().collect();
        let gaps: Vec<Gap> = match sound.is_empty() {
            true => Vec::new(),
            false => (0..self.figures.len()).map(|index| gap(&sound, index)).collect(),
        };
        let balance = |c: &Contrast| {
            // What adds on one side, what takes away on the other: all of a figure may be taken away, and
            // rounding is measured by what cancels.
            let terms = c.causes?.into_iter().chain([c.base, -c.other]);
            let (mut sources, mut uses) = (0.0, 0.0);
            for term in terms {
                *(if term > 0.0 { &mut sources } else { &mut uses }) += term.abs();
            }
            let unit = c.figure.unit.suffix();
            Some(Balance { what: "base and causes = other", unit, sources, uses })
        };
        let mut hash = AnswerHash::new();
        for c in &contrasts {
            hash.add_text(&c.figure.name.to_string());
            let causes = c.causes.iter().flatten();
            [c.base, c.other].iter().chain(causes).for_each(|value| hash.add_f64(*value));
        }
        for gap in &gaps {
            let parts = [&gap.base, &gap.other, &gap.difference].into_iter().flatten();
            let causes = gap.causes.iter().flatten();
            parts.chain([&gap.mean]).chain(causes).for_each(|value| hash.add_f64(*value));
        }
        Comparison {
            ledger: contrasts.iter().filter_map(balance).collect(),
            worst: (steps.iter().chain(sound.iter().flat_map(|sample| &sample.steps)))
                .map(|step| step.worst)
                .fold(Balance::NOTHING, Balance::worse),
            figures: contrasts,
            quarters: self.quarters(),
            gaps,
            refused: samples.len() - sound.len(),
            answer_hash: hash.finish(),
        }
    }

    fn quarters(&self) -> Vec<(QuarterLabel, [[f64; 3]; 2])> {
        const WHAT: [&str; 3] = ["energised", "output tokens served", "capital"];
        let mut quarters: Vec<(QuarterLabel, [[f64; 3]; 2])> = Vec::new();
        for (side, causes) in [Causes::NONE, Causes::ALL].into_iter().enumerate() {
            for (figure, value) in self.all(self.base, self.other, causes).0 {
                let FigureName::In(what, label) = figure.name else { continue };
                let Some(part) = WHAT.iter().position(|known| *known == what) else { continue };
                let known = quarters.iter().position(|(known, _)| *known == label);
                let place = known.unwrap_or_else(|| {
                    quarters.push((label, [[f64::NAN; 3]; 2]));
                    quarters.len() - 1
                });
                quarters[place].1[side][part] = value;
            }
        }
        quarters.sort_by_key(|(label, _)| *label);
        quarters
    }
}

/// Names of the numbers that an order is drawn with.
const ORDERS: [&str; CAUSES] =
    ["order.0", "order.1", "order.2", "order.3", "order.4", "order.5", "order.6", "order.7"];

/// Days cannot be split.
fn is_compared(figure: &Figure) -> bool {
    matches!(figure.name, FigureName::Whole(_)) && figure.unit != FigureUnit::Day
}

/// What each cause contributes to the difference between all causes and none, averaged over every
/// order in which they may be swapped.
fn shapley(value: &dyn Fn(Causes) -> f64) -> Option<[f64; CAUSES]> {
    // Orders in which so many causes come before one: their weight among all orders.
    let mut weights = [0.0; CAUSES];
    let mut choose = 1.0;
    for (before, weight) in weights.iter_mut().enumerate() {
        *weight = 1.0 / (CAUSES as f64 * choose);
        choose *= (CAUSES - 1 - before) as f64 / (before + 1) as f64;
    }
    let mut parts = [0.0; CAUSES];
    for causes in Causes::every() {
        let without = value(causes);
        if !without.is_finite() {
            return None;
        }
        for (part, cause) in parts.iter_mut().zip(Cause::ALL) {
            if !causes.has(cause) {
                *part += weights[causes.len()] * (value(causes.with(cause)) - without);
            }
        }
    }
    Some(parts)
}

fn gap(samples: &[&ContrastSample], figure: usize) -> Gap {
    let ends =
        |sample: &&ContrastSample| [0, CAUSES].map(|step| sample.steps[step].figures[figure]);
    let whole = |sample: &&ContrastSample| ends(sample).into_iter().all(f64::is_finite);
    let all = samples.len();
    let samples: Vec<&ContrastSample> = samples.iter().copied().filter(whole).collect();
    let n = samples.len() as f64;
    let quantiles = |of: &dyn Fn([f64; 2]) -> f64| {
        let mut values: Vec<f64> = samples.iter().map(|sample| of(ends(sample))).collect();
        values.sort_by(f64::total_cmp);
        [0.1, 0.5, 0.9].map(|share| quantile(&values, share).unwrap_or(f64::NAN))
    };
    let mut causes = [0.0; CAUSES];
    for sample in &samples {
        for (step, cause) in sample.order.iter().enumerate() {
            let change =
                sample.steps[step + 1].figures[figure] - sample.steps[step].figures[figure];
            causes[*cause as usize] += change / n;
        }
    }
    let more = samples.iter().filter(|sample| ends(sample)[1] > ends(sample)[0]).count();
    Gap {
        base: quantiles(&|[base, _]| base),
        other: quantiles(&|[_, other]| other),
        difference: quantiles(&|[base, other]| other - base),
        mean: match samples.is_empty() {
            true => f64::NAN,
            false => samples.iter().map(|s| ends(s)[1] - ends(s)[0]).sum::<f64>() / n,
        },
        causes: (n > 0.0 && causes.iter().all(|cause| cause.is_finite())).then_some(causes),
        chance_of_more: more as f64 / n.max(1.0),
        undefined: all - samples.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn samples_without_a_figure_are_counted_and_left_out() {
        let of = |base: f64, other: f64| ContrastSample {
            order: Cause::ALL,
            steps: std::iter::once(base)
                .chain(std::iter::repeat_n(other, CAUSES))
                .map(|v| Step { figures: vec![v], worst: Balance::NOTHING })
                .collect(),
        };
        let none = f64::NEG_INFINITY;
        let samples = [of(0.1, 0.3), of(none, 0.2), of(0.2, none), of(0.2, 0.1)];
        let gap = gap(&samples.iter().collect::<Vec<_>>(), 0);
        assert_eq!((gap.undefined, gap.chance_of_more), (2, 0.5));
        assert!((gap.mean - 0.05).abs() < 1e-12 && gap.base == [0.1, 0.1, 0.2], "{gap:?}");
        let causes = gap.causes.expect("finite");
        assert!((causes[0] - 0.05).abs() < 1e-12 && causes[1..].iter().all(|c| *c == 0.0));
    }

    #[test]
    fn causes_of_a_sum_are_its_terms_and_a_product_is_shared() {
        let term = |cause: Cause| f64::from(cause as u8 + 1) * 10.0;
        let sum = |causes: Causes| {
            let there = Cause::ALL.into_iter().filter(|cause| causes.has(*cause));
            1.0 + there.map(term).sum::<f64>()
        };
        for (part, cause) in shapley(&sum).expect("finite").iter().zip(Cause::ALL) {
            assert!((part - term(cause)).abs() < 1e-9, "{}: {part}", cause.name());
        }
        // Half of an effect that takes two causes belongs to each of them.
        let both = |c: Causes| if c.has(Cause::Dates) && c.has(Cause::Rest) { 8.0 } else { 0.0 };
        let parts = shapley(&both).expect("finite");
        let rest = Cause::Rest as usize;
        assert!((parts[0] - 4.0).abs() < 1e-12 && (parts[rest] - 4.0).abs() < 1e-12, "{parts:?}");
        assert!(parts[1..rest].iter().all(|part| part.abs() < 1e-12), "{parts:?}");
        let never = |c: Causes| if c.len() == 3 { f64::INFINITY } else { 1.0 };
        assert_eq!(shapley(&never), None);
    }
}
