//! What many samples of a plan say together: quantiles, what matters most, chances of targets.

use jiff::civil::Date;
use wattmill_factory::{Factory, Uncertain};
use wattmill_units::AnswerHash;

use crate::figures::{Figure, FigureName, FigureUnit, day_number};
use crate::ledger::Balance;

/// One sample: what was drawn and what came of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// Every input, in base units.
    pub drawn: Vec<f64>,
    /// Every figure.
    pub figures: Vec<f64>,
    /// Of everything that is conserved, what is furthest off.
    pub worst: Balance,
}

/// What samples say together.
#[derive(Clone, Debug, PartialEq)]
pub struct Risk {
    /// How many.
    pub samples: usize,
    /// What they were drawn with.
    pub seed: u64,
    /// Samples without an answer: what was drawn made no sense together.
    pub refused: usize,
    /// What was drawn.
    pub inputs: Vec<Uncertain>,
    /// Every figure.
    pub figures: Vec<Spread>,
    /// What matters most for the main figures.
    pub tornados: Vec<Tornado>,
    /// Every target.
    pub targets: Vec<Chance>,
    /// Of everything that is conserved, what is furthest off in any sample; `None` without samples.
    pub worst: Option<Balance>,
    /// Hash of every figure of every sample.
    pub answer_hash: u64,
}

/// A figure over the samples.
#[derive(Clone, Debug, PartialEq)]
pub struct Spread {
    /// Which.
    pub figure: Figure,
    /// With every input at its median.
    pub planned: f64,
    /// Of the samples that have it, one in ten is at most this.
    pub p10: f64,
    /// Half of them are at most this.
    pub p50: f64,
    /// Nine in ten are at most this.
    pub p90: f64,
    /// Samples that have no such figure, as a rate of return that nothing makes worth nothing. A day that
    /// never comes is later than any other and counts.
    pub undefined: usize,
}

/// How a figure depends on the inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Tornado {
    /// Which of [`Risk::figures`].
    pub figure: usize,
    /// Its inputs, those that matter more than chance, the one that moves the figure furthest first.
    pub bars: Vec<Bar>,
}

/// How a figure depends on one input.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bar {
    /// Which of [`Risk::inputs`].
    pub input: usize,
    /// Rank correlation (Spearman): 1 if the figure rises whenever the input does, -1 if it falls.
    pub correlation: f64,
    /// Median of the figure in the tenth of the samples in which the input is lowest.
    pub low: f64,
    /// Likewise highest.
    pub high: f64,
}

impl Bar {
    /// From one end of what a tornado draws of it to the other; `middle` is the figure's median.
    pub fn reach(&self, middle: f64) -> f64 {
        let ends = [self.low, self.high, middle];
        let low = ends.into_iter().fold(f64::INFINITY, f64::min);
        let high = ends.into_iter().fold(f64::NEG_INFINITY, f64::max);
        // From never to never is no way.
        if low == high { 0.0 } else { high - low }
    }
}

/// How likely a target is.
#[derive(Clone, Debug, PartialEq)]
pub struct Chance {
    /// Its name.
    pub name: String,
    /// Last day on which it counts as met.
    pub by: Date,
    /// Share of samples that meet it.
    pub chance: f64,
    /// Days on which it is met, over the samples.
    pub met: Spread,
}

/// Bars of a tornado that are kept.
const MOST_BARS: usize = 12;
/// Figures of the whole plan that have a tornado.
const MAIN: [&str; 8] = [
    "energised at the end",
    "energy",
    "output tokens served",
    "requests served",
    "capital",
    "full cost of tokens",
    "revenue",
    "net present value",
];

impl Risk {
    /// From the figures of the plan with every input at its median, and samples in their order;
    /// `None` for one that had no answer.
    pub fn new(factory: &Factory, planned: &[(Figure, f64)], samples: &[Option<Sample>]) -> Self {
        let sound: Vec<&Sample> = samples.iter().flatten().collect();
        let mut hash = AnswerHash::new();
        let column = |of: &dyn Fn(&Sample) -> f64| -> Vec<f64> {
            sound.iter().map(|sample| of(sample)).collect()
        };
        let mut figures = Vec::with_capacity(planned.len());
        let mut tornados = Vec::new();
        let inputs = &factory.uncertainty.inputs;
        let input_ranks: Vec<Vec<f64>> =
            (0..inputs.len()).map(|i| ranks(&column(&|s| s.drawn[i]))).collect();
        for (index, (figure, value)) in planned.iter().enumerate() {
            let values = column(&|sample| sample.figures[index]);
            values.iter().for_each(|value| hash.add_f64(*value));
            let spread = Spread::new(figure.clone(), *value, &values);
            if has_tornado(figure) && spread.varies(&values) {
                let mut bars = bars(&input_ranks, &values);
                bars.sort_by(|a, b| b.reach(spread.p50).total_cmp(&a.reach(spread.p50)));
                bars.truncate(MOST_BARS);
                tornados.push(Tornado { figure: index, bars });
            }
            figures.push(spread);
        }
        let of_target = |name: &str| {
            let wanted = FigureName::Of("target", name.to_owned());
            figures.iter().find(|spread| spread.figure.name == wanted)
        };
        let chance = |target: &wattmill_factory::Target| {
            let met = of_target(&target.name)?;
            let index = figures.iter().position(|spread| spread == met)?;
            let by = day_number(target.by);
            let in_time = sound.iter().filter(|sample| sample.figures[index] <= by).count();
            Some(Chance {
                name: target.name.clone(),
                by: target.by,
                chance: in_time as f64 / sound.len().max(1) as f64,
                met: met.clone(),
            })
        };
        Self {
            samples: samples.len(),
            seed: factory.seed,
            refused: samples.len() - sound.len(),
            inputs: inputs.clone(),
            targets: factory.targets.iter().filter_map(chance).collect(),
            figures,
            tornados,
            worst: sound.iter().map(|sample| sample.worst).reduce(Balance::worse),
            answer_hash: hash.finish(),
        }
    }
}

impl Risk {
    /// What to say if the books of a sample do not close.
    pub fn warning(&self) -> Option<String> {
        let open = self.worst.filter(|worst| !worst.closes());
        open.map(|worst| format!("the books of a sample do not close: {worst}"))
    }
}

fn has_tornado(figure: &Figure) -> bool {
    match &figure.name {
        FigureName::Whole(what) => MAIN.contains(what),
        FigureName::Of(what, _) => *what == "target",
        FigureName::In(..) => false,
    }
}

impl Spread {
    fn new(figure: Figure, planned: f64, values: &[f64]) -> Self {
        let has = |value: &f64| figure.unit == FigureUnit::Day || value.is_finite();
        let mut sorted: Vec<f64> = values.iter().copied().filter(has).collect();
        sorted.sort_by(f64::total_cmp);
        let undefined = values.len() - sorted.len();
        let nothing = if values.is_empty() { planned } else { f64::INFINITY };
        let at = |share: f64| quantile(&sorted, share).unwrap_or(nothing);
        Self { figure, planned, p10: at(0.1), p50: at(0.5), p90: at(0.9), undefined }
    }

    fn varies(&self, values: &[f64]) -> bool {
        values.iter().any(|value| *value != self.planned)
    }

    /// Whether its values are days, as [`FigureUnit::Day`] counts them.
    pub fn is_day(&self) -> bool {
        self.figure.unit == FigureUnit::Day
    }
}

/// The smallest of sorted values that at least `share` of them do not exceed.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let rank = (share * sorted.len() as f64).ceil().max(1.0) as usize;
    sorted.get(rank.min(sorted.len()).checked_sub(1)?).copied()
}

/// Rank of each value, equal ones at the mean of theirs; from -1 for the lowest to 1.
pub(crate) fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let scale = 2.0 / (values.len().max(2) - 1) as f64;
    let mut ranks = vec![0.0; values.len()];
    let mut start = 0;
    while start < order.len() {
        let value = values[order[start]];
        let same = order[start..].iter().take_while(|i| values[**i] == value).count();
        let mean = start as f64 + (same - 1) as f64 / 2.0;
        for index in &order[start..start + same] {
            ranks[*index] = mean * scale - 1.0;
        }
        start += same;
    }
    ranks
}

/// How `values` depend on each input, given by its ranks: those that matter more than chance, the one
/// that goes with them most first.
pub(crate) fn bars(inputs: &[Vec<f64>], values: &[f64]) -> Vec<Bar> {
    let of_figure = ranks(values);
    let square = |ranks: &[f64]| ranks.iter().map(|rank| rank * rank).sum::<f64>();
    let figure_square = square(&of_figure);
    let bar = |(input, ranks): (usize, &Vec<f64>)| {
        let both: f64 = ranks.iter().zip(&of_figure).map(|(a, b)| a * b).sum();
        let scale = (square(ranks) * figure_square).sqrt();
        let correlation = if scale > 0.0 { both / scale } else { 0.0 };
        // Where many inputs are equal, all of them belong to the tenth that they begin or end.
        let mut sorted = ranks.clone();
        sorted.sort_by(f64::total_cmp);
        let tenth = |chosen: &dyn Fn(f64) -> bool| {
            let mut some: Vec<f64> =
                ranks.iter().zip(values).filter(|(r, _)| chosen(**r)).map(|(_, v)| *v).collect();
            some.sort_by(f64::total_cmp);
            quantile(&some, 0.5)
        };
        let (first, last) = (quantile(&sorted, 0.1)?, quantile(&sorted, 0.9)?);
        let (low, high) = (tenth(&|rank| rank <= first)?, tenth(&|rank| rank >= last)?);
        Some(Bar { input, correlation, low, high })
    };
    // Beyond what chance alone makes of independent numbers, two times out of a hundred.
    let noise = 2.33 / (values.len().max(2) as f64 - 1.0).sqrt();
    let mut all: Vec<Bar> = inputs.iter().enumerate().filter_map(bar).collect();
    all.retain(|bar| bar.correlation.abs() > noise);
    all.sort_by(|a, b| b.correlation.abs().total_cmp(&a.correlation.abs()));
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_values_that_occur() {
        let sorted = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, f64::INFINITY];
        assert_eq!(quantile(&sorted, 0.1), Some(1.0));
        assert_eq!(quantile(&sorted, 0.5), Some(5.0));
        assert_eq!(quantile(&sorted, 0.9), Some(9.0));
        assert_eq!(quantile(&sorted, 0.91), Some(f64::INFINITY), "never is later than any day");
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn what_some_samples_lack_is_summed_up_over_the_others() {
        let rate = |unit| Figure { name: FigureName::Whole("rate"), unit };
        let values = [0.3, f64::NEG_INFINITY, 0.1, 0.2, f64::NEG_INFINITY];
        let spread = Spread::new(rate(FigureUnit::Share), 0.15, &values);
        assert_eq!((spread.p10, spread.p50, spread.p90, spread.undefined), (0.1, 0.2, 0.3, 2));
        let none = Spread::new(rate(FigureUnit::Share), 0.15, &[f64::NEG_INFINITY; 3]);
        assert!(!none.p50.is_finite() && none.undefined == 3, "{none:?}");
        // Never is a day like others.
        let days = Spread::new(rate(FigureUnit::Day), 1.0, &[1.0, f64::INFINITY, f64::INFINITY]);
        assert_eq!((days.p10, days.p50, days.undefined), (1.0, f64::INFINITY, 0));
    }

    #[test]
    fn the_longest_bar_of_a_tornado_stands_first() {
        let bar = |low, high| Bar { input: 0, correlation: 0.0, low, high };
        assert_eq!(bar(2.0, 5.0).reach(3.0), 3.0);
        assert_eq!(bar(2.0, 5.0).reach(9.0), 7.0, "both ends on one side");
        assert_eq!(bar(2.0, f64::INFINITY).reach(3.0), f64::INFINITY);
        assert_eq!(bar(f64::INFINITY, f64::INFINITY).reach(f64::INFINITY), 0.0);
    }

    #[test]
    fn equal_values_share_their_rank() {
        assert_eq!(ranks(&[3.0, 1.0, 3.0, 9.0, 3.0]), [0.0, -1.0, 0.0, 1.0, 0.0]);
    }

    #[test]
    fn what_drives_a_figure_comes_first_and_what_does_not_stays_away() {
        let n = 1000;
        let mut columns = vec![Vec::new(); 3];
        let mut values = Vec::new();
        for sample in 0..n {
            let u = |name| wattmill_units::draw(1, name, sample);
            let (a, b, c) = (u("a"), u("b"), u("c"));
            [a, b, c].iter().zip(&mut columns).for_each(|(x, column)| column.push(*x));
            values.push(10.0 - 3.0 * a + b);
        }
        // Half of the second input is at its lowest value.
        columns[1].iter_mut().for_each(|b| *b = f64::max(*b, 0.5));
        let ranks: Vec<Vec<f64>> = columns.iter().map(|column| ranks(column)).collect();
        let bars = bars(&ranks, &values);
        assert_eq!(bars.iter().map(|bar| bar.input).collect::<Vec<_>>(), [0, 1]);
        assert!(bars[0].correlation < -0.9 && bars[1].correlation > 0.2, "{bars:?}");
        assert!(bars[0].low > bars[0].high && bars[1].low < bars[1].high, "{bars:?}");
    }
}
