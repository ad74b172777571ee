//! Areas on top of one another, over time or over a number.

use super::gather::gathered;
use super::legend::{Key, Mark};
use super::over_x::{count, horizontal_limits, scale_and_label, strips, thinned, value};
use super::scale::Scale;
use super::sheet::Sheet;
use super::{Heading, Horizontal, Limit, Series, Svg, drawable};

/// Parts of a whole over time or over a number, stacked from the first series up.
///
/// A value that is missing or negative counts as nothing.
#[derive(Clone, Debug, PartialEq)]
pub struct AreaChart {
    /// What stands above it.
    pub heading: Heading,
    /// The horizontal axis.
    pub x: Horizontal,
    /// Name and unit of the vertical axis: `facility power, MW`.
    pub y_label: String,
    /// One area each, the first at the bottom.
    pub series: Vec<Series>,
    /// Lines over the areas, not stacked, to compare with: the first dashed, the second solid.
    pub over: Vec<Series>,
    /// Horizontal lines to compare with.
    pub limits: Vec<Limit>,
}

impl AreaChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let series = gathered(&self.series).into_owned();
        Self { series, ..self.clone() }.drawn()
    }

    fn drawn(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        sheet.blank = self.series.iter().chain(&self.over).all(Series::is_nothing);
        let count = count(&self.x, &self.series);
        if !self.series.iter().any(|s| (0..count).any(|i| value(s, i).is_some())) {
            return sheet.no_data();
        }
        let part = |s: &Series, i: usize| value(s, i).unwrap_or(0.0).max(0.0);
        let total = |i: usize| self.series.iter().map(|s| part(s, i)).sum::<f64>();
        let limits = self.limits.iter().filter_map(|l| drawable(l.at));
        let (mut x, x_label) = scale_and_label(&self.x);
        let over = self.over.iter().flat_map(|s| (0..count).filter_map(|i| value(s, i)));
        let y = Scale::from_zero((0..count).map(total).chain(over).chain(limits));
        sheet.legend(&self.keys());
        let plot = sheet.axes(330.0, (&mut x, x_label), (&y, &self.y_label));

        let places: Vec<(usize, f64)> = thinned(count, total)
            .into_iter()
            .filter_map(|i| drawable(self.x.places()[i]).map(|at| (i, plot.x(x.share(at)))))
            .collect();
        let mut floor = vec![0.0; places.len()];
        let mut curves = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            let ceiling: Vec<f64> =
                places.iter().zip(&floor).map(|((i, _), below)| below + part(series, *i)).collect();
            let edge = |heights: &[f64]| -> Vec<(f64, f64)> {
                let points = places.iter().zip(heights);
                points.map(|((_, at), height)| (*at, plot.y(y.share(*height)))).collect()
            };
            let mut outline = edge(&ceiling);
            curves.push(outline.clone());
            outline.extend(edge(&floor).into_iter().rev());
            let style = format!(
                "style=\"fill:{};stroke:var(--wm-bg);stroke-width:.8\"",
                Mark::fill(series.color(index))
            );
            sheet.path(&[outline], true, &style);
            floor = ceiling;
        }
        sheet.line((plot.left, plot.bottom), (plot.right, plot.bottom), "wm-base");
        for (index, series) in self.over.iter().enumerate() {
            let level = |i: usize| value(series, i).unwrap_or(0.0);
            let at = |i: usize| Some(plot.x(x.share(drawable(*self.x.places().get(i)?)?)));
            let points = thinned(count, level).into_iter();
            let run: Vec<_> =
                points.filter_map(|i| Some((at(i)?, plot.y(y.share(level(i)))))).collect();
            sheet.path(std::slice::from_ref(&run), false, Mark::over_style(index));
            curves.push(run);
        }
        horizontal_limits(&mut sheet, plot, &y, &self.limits, curves);
        let told: Vec<Series> = self.series.iter().chain(&self.over).cloned().collect();
        strips(&mut sheet, plot, (&self.x, &x), &self.y_label, &told);
        sheet.finish()
    }

    fn keys(&self) -> Vec<Key> {
        let marked = |mark| {
            move |(index, s): (usize, &Series)| Key {
                name: s.name.clone(),
                series: s.color(index),
                mark,
            }
        };
        let areas = self.series.iter().enumerate().map(marked(Mark::Fill));
        areas.chain(self.over.iter().enumerate().map(marked(Mark::Over))).collect()
    }
}
