//! What many plans of one factory say about the values that were varied in it.

use crate::figures::{Figure, FigureName};
use crate::risk::{Bar, bars, quantile, ranks};

/// A figure over the points of a sweep.
#[derive(Clone, Debug, PartialEq)]
pub struct Swept {
    /// Which.
    pub figure: Figure,
    /// Lowest of all points, and which point that is.
    pub low: (f64, usize),
    /// Half of the points are at most this.
    pub middle: f64,
    /// Highest, and which point that is.
    pub high: (f64, usize),
    /// How it depends on the values, the strongest first; those that matter more than chance.
    pub bars: Vec<Bar>,
}

/// Every figure of the whole plan over points; `values` by what was varied, then point, and `figures`
/// of each point. Points without a figure are left out of it.
///
/// ```
/// use wattmill_plan::{Figure, FigureName, FigureUnit, swept};
/// let capital = Figure { name: FigureName::Whole("capital"), unit: FigureUnit::Usd };
/// let price: Vec<f64> = (0..50).map(f64::from).collect();
/// let figures: Vec<Vec<f64>> = price.iter().map(|price| vec![100.0 - price]).collect();
/// let all = swept(&[capital], &[price], &figures);
/// assert_eq!((all[0].low, all[0].high), ((51.0, 49), (100.0, 0)));
/// assert!((all[0].bars[0].correlation + 1.0).abs() < 1e-9);
/// ```
pub fn swept(known: &[Figure], values: &[Vec<f64>], figures: &[Vec<f64>]) -> Vec<Swept> {
    let whole = |(_, figure): &(usize, &Figure)| matches!(figure.name, FigureName::Whole(_));
    let of = |(index, figure): (usize, &Figure)| {
        let there: Vec<usize> =
            (0..figures.len()).filter(|point| figures[*point][index].is_finite()).collect();
        let column: Vec<f64> = there.iter().map(|point| figures[*point][index]).collect();
        let end = |better: &dyn Fn(f64, f64) -> bool| {
            let mut best: Option<(f64, usize)> = None;
            for (value, point) in column.iter().zip(&there) {
                if best.is_none_or(|(other, _)| better(*value, other)) {
                    best = Some((*value, *point));
                }
            }
            best
        };
        let inputs: Vec<Vec<f64>> = values
            .iter()
            .map(|of| ranks(&there.iter().map(|point| of[*point]).collect::<Vec<f64>>()))
            .collect();
        let mut sorted = column.clone();
        sorted.sort_by(f64::total_cmp);
        Some(Swept {
            figure: figure.clone(),
            low: end(&|a, b| a < b)?,
            middle: quantile(&sorted, 0.5)?,
            high: end(&|a, b| a > b)?,
            bars: bars(&inputs, &column),
        })
    };
    known.iter().enumerate().filter(whole).filter_map(of).collect()
}
