//! Bars for things that have names.

use super::gather::gathered;
use super::legend::{Key, Mark};
use super::over_x::value;
use super::scale::Scale;
use super::sheet::{Anchor, LABEL, Plot, Sheet};
use super::text::{shorten, width};
use super::{Heading, Series, Svg, value_label};

/// How bars of the same place stand to one another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrangement {
    /// Side by side, to compare series.
    Grouped,
    /// On top of one another, to see their sum; negative ones hang below zero.
    Stacked,
}

/// Bars for things that have names: sites, phases, quarters.
#[derive(Clone, Debug, PartialEq)]
pub struct BarChart {
    /// What stands above it.
    pub heading: Heading,
    /// What the bars are for, from left to right.
    pub categories: Vec<String>,
    /// Name and unit of the vertical axis.
    pub y_label: String,
    /// One value per category each.
    pub series: Vec<Series>,
    /// How the bars of a category stand.
    pub arrangement: Arrangement,
}

impl BarChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        match self.arrangement {
            Arrangement::Grouped => self.drawn(),
            Arrangement::Stacked => {
                let series = gathered(&self.series).into_owned();
                Self { series, ..self.clone() }.drawn()
            }
        }
    }

    fn drawn(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        sheet.blank = self.series.iter().all(Series::is_nothing);
        let count = self.categories.len();
        let cells = self.series.iter().flat_map(|s| (0..count).filter_map(|i| value(s, i)));
        if cells.clone().next().is_none() {
            return sheet.no_data();
        }
        let y = match self.arrangement {
            Arrangement::Grouped => Scale::from_zero(cells),
            Arrangement::Stacked => {
                let ends = (0..count).flat_map(|i| {
                    let values = || self.series.iter().filter_map(move |s| value(s, i));
                    let below: f64 = values().filter(|v| *v < 0.0).sum();
                    let above: f64 = values().filter(|v| *v > 0.0).sum();
                    [below, above]
                });
                Scale::from_zero(ends)
            }
        };
        sheet.legend(&self.keys());
        let plot = sheet.vertical_axis(330.0, &y, &self.y_label);
        let band = plot.width() / count as f64;
        for i in 0..count {
            let middle = plot.left + (i as f64 + 0.5) * band;
            match self.arrangement {
                Arrangement::Grouped => self.group(&mut sheet, plot, &y, i, middle, band),
                Arrangement::Stacked => self.stack(&mut sheet, plot, &y, i, middle, band),
            }
        }
        let zero = plot.y(y.share(0.0));
        sheet.line((plot.left, zero), (plot.right, zero), "wm-base");
        self.names(&mut sheet, plot, band);
        sheet.finish()
    }

    fn group(&self, sheet: &mut Sheet, plot: Plot, y: &Scale, i: usize, middle: f64, band: f64) {
        let wide = (band * 0.78 / self.series.len() as f64).min(64.0);
        let from = middle - wide * self.series.len() as f64 / 2.0;
        for (index, series) in self.series.iter().enumerate() {
            let Some(value) = value(series, i) else {
                continue;
            };
            let left = from + wide * index as f64;
            let gap = (wide * 0.06).min(1.5);
            self.bar(sheet, plot, y, (left + gap, left + wide - gap), (0.0, value), (i, index));
        }
    }

    fn stack(&self, sheet: &mut Sheet, plot: Plot, y: &Scale, i: usize, middle: f64, band: f64) {
        let half = (band * 0.72).min(96.0) / 2.0;
        let (mut below, mut above) = (0.0, 0.0);
        for (index, series) in self.series.iter().enumerate() {
            let Some(value) = value(series, i) else {
                continue;
            };
            let from = if value < 0.0 { &mut below } else { &mut above };
            let ends = (*from, *from + value);
            *from += value;
            self.bar(sheet, plot, y, (middle - half, middle + half), ends, (i, index));
        }
    }

    fn bar(
        &self,
        sheet: &mut Sheet,
        plot: Plot,
        y: &Scale,
        (left, right): (f64, f64),
        (from, to): (f64, f64),
        (category, series): (usize, usize),
    ) {
        let (one, other) = (plot.y(y.share(from)), plot.y(y.share(to)));
        let (top, bottom) = (one.min(other), one.max(other));
        let Series { name, values, .. } = &self.series[series];
        let words = format!(
            "{}\n{name}: {}\n({})",
            self.categories[category],
            value_label(values[category]),
            self.y_label
        );
        let place = Plot { left, right, top, bottom };
        sheet.bar(place, &Mark::fill(self.series[series].color(series)), &words);
    }

    /// The categories' names below the plot: side by side if they fit, else on two or three levels
    /// if they are few, else every second or third only.
    fn names(&self, sheet: &mut Sheet, plot: Plot, band: f64) {
        let widest = self.categories.iter().map(|c| width(c, LABEL)).fold(0.0, f64::max) + 10.0;
        let widest = widest.min(plot.width() / 2.0);
        let most_levels = if self.categories.len() <= 10 { 3.0 } else { 1.0 };
        let levels = libm::ceil(widest / band).clamp(1.0, most_levels);
        let every = libm::ceil(widest / (band * levels)).max(1.0) as usize;
        let levels = levels as usize;
        for (shown, (i, name)) in self.categories.iter().enumerate().step_by(every).enumerate() {
            let name = shorten(name, LABEL, widest);
            let half = width(&name, LABEL) / 2.0;
            let middle = plot.left + (i as f64 + 0.5) * band;
            let middle = middle.clamp(half + 4.0, plot.right + 30.0 - half);
            let level = shown % levels;
            let at = plot.bottom + 20.0 + 18.0 * level as f64;
            if level > 0 {
                let tick = plot.left + (i as f64 + 0.5) * band;
                sheet.line((tick, plot.bottom + 3.0), (tick, at - 13.0), "wm-grid");
            }
            sheet.text(middle, at, "wm-tick wm-halo", Anchor::Middle, &name);
        }
        sheet.used = plot.bottom + 22.0 + 18.0 * levels as f64;
    }

    fn keys(&self) -> Vec<Key> {
        let key = |(index, s): (usize, &Series)| Key {
            name: s.name.clone(),
            series: s.color(index),
            mark: Mark::Fill,
        };
        self.series.iter().enumerate().map(key).collect()
    }
}
