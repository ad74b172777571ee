//! Lines over time or over a number.

use super::legend::{Key, Mark};
use super::over_x::{
    MOST_POINTS, count, horizontal_limits, scale_and_label, strips, thinned, value,
};
use super::sheet::{Sheet, color};
use super::{Heading, Horizontal, Limit, Series, Spacing, Svg, drawable};

/// Lines over time or over a number.
#[derive(Clone, Debug, PartialEq)]
pub struct LineChart {
    /// What stands above it.
    pub heading: Heading,
    /// The horizontal axis.
    pub x: Horizontal,
    /// Name and unit of the vertical axis: `facility power, MW`.
    pub y_label: String,
    /// How the values of the vertical axis are spaced.
    pub spacing: Spacing,
    /// One line each.
    pub series: Vec<Series>,
    /// Horizontal lines to compare with.
    pub limits: Vec<Limit>,
}

impl LineChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        sheet.blank = self.series.iter().all(Series::is_nothing);
        let count = count(&self.x, &self.series);
        let value = |s: &Series, i: usize| self.spacing.placed(value(s, i));
        let values = self.series.iter().flat_map(|s| (0..count).filter_map(move |i| value(s, i)));
        let mut limits = self.limits.clone();
        limits.retain(|l| self.spacing.placed(drawable(l.at)).is_some());
        let (mut x, x_label) = scale_and_label(&self.x);
        if values.clone().next().is_none() {
            return sheet.no_data();
        }
        let y = self.spacing.scale(values.chain(limits.iter().map(|l| l.at)));
        sheet.legend(&keys(&self.series));
        let plot = sheet.axes(330.0, (&mut x, x_label), (&y, &self.y_label));
        let mut curves = Vec::new();
        for (index, series) in self.series.iter().enumerate() {
            let at = |i: usize| {
                let place = drawable(*self.x.places().get(i)?)?;
                Some((plot.x(x.share(place)), plot.y(y.share(value(series, i)?))))
            };
            let mut runs = vec![Vec::new()];
            for i in thinned(count, |i| value(series, i).unwrap_or(0.0)) {
                match (at(i), runs.last_mut()) {
                    (Some(point), Some(run)) => run.push(point),
                    (None, Some(run)) if !run.is_empty() => runs.push(Vec::new()),
                    _ => {}
                }
            }
            runs.retain(|run| !run.is_empty());
            let alone = runs.iter().filter(|run| run.len() == 1).map(|run| run[0]);
            let marked =
                (count <= 40).then(|| runs.iter().flatten().copied()).into_iter().flatten();
            let dots: Vec<_> = alone.chain(marked).collect();
            // A line that swings within every unit of width is a band; others must show through it.
            let thin = if count > 10 * MOST_POINTS { " stroke-opacity=\".65\"" } else { "" };
            let over =
                self.series[index + 1..].iter().filter(|other| hides(other, series, count)).count();
            sheet.path(&runs, false, &(Mark::line_style(series.color(index), over) + thin));
            let radius = 3.0 + 1.4 * over.min(4) as f64;
            for dot in dots {
                sheet.dot(dot, radius, &color(series.color(index)), "");
            }
            curves.append(&mut runs);
        }
        horizontal_limits(&mut sheet, plot, &y, &limits, curves);
        strips(&mut sheet, plot, (&self.x, &x), &self.y_label, &self.series);
        sheet.finish()
    }
}

/// Whether a tenth or more of one line lies under the other, which is drawn later.
fn hides(over: &Series, under: &Series, count: usize) -> bool {
    let same = |i: &usize| match (value(over, *i), value(under, *i)) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-3 * a.abs().max(b.abs()),
        _ => false,
    };
    10 * (0..count).filter(same).count() >= count.max(1)
}

fn keys(series: &[Series]) -> Vec<Key> {
    let key = |(index, s): (usize, &Series)| Key {
        name: s.name.clone(),
        series: s.color(index),
        mark: Mark::Line,
    };
    series.iter().enumerate().map(key).collect()
}
