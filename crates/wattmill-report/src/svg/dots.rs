//! Dots along a line for things that have names.

use super::legend::{Key, Mark};
use super::over_x::value;
use super::sheet::{Anchor, LABEL, Plot, Sheet, WIDTH};
use super::text::{shorten, width};
use super::{Heading, Limit, Series, Spacing, Svg, drawable, value_label};

/// A row for each thing that has a name, a dot in it for each series: percentiles of a latency, or
/// how far two answers are apart.
#[derive(Clone, Debug, PartialEq)]
pub struct DotChart {
    /// What stands above it.
    pub heading: Heading,
    /// What the rows are for, from top to bottom.
    pub rows: Vec<String>,
    /// Name and unit of the horizontal axis.
    pub x_label: String,
    /// How the values of the horizontal axis are spaced.
    pub spacing: Spacing,
    /// One value per row each.
    pub series: Vec<Series>,
    /// Vertical lines to compare with.
    pub limits: Vec<Limit>,
}

const ROW: f64 = 30.0;
/// Most of the width that names may take.
const NAMES: f64 = 440.0;

impl DotChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let value = |s: &Series, i: usize| self.spacing.placed(value(s, i));
        let rows = self.rows.len();
        let values = self.series.iter().flat_map(|s| (0..rows).filter_map(move |i| value(s, i)));
        if values.clone().next().is_none() {
            return sheet.no_data();
        }
        let limits: Vec<&Limit> =
            self.limits.iter().filter(|l| self.spacing.placed(drawable(l.at)).is_some()).collect();
        let mut x = self.spacing.scale(values.chain(limits.iter().map(|l| l.at)));
        sheet.legend(&self.keys());
        let names = self.rows.iter().map(|name| width(name, LABEL)).fold(0.0, f64::max).min(NAMES);
        let head = if limits.is_empty() { 8.0 } else { 26.0 };
        let top = sheet.used + head;
        let plot = Plot {
            left: 24.0 + names + 14.0,
            right: WIDTH - 34.0,
            top,
            bottom: top + ROW * rows as f64,
        };
        sheet.horizontal_axis(plot, &mut x, &self.x_label);
        for limit in limits {
            let at = plot.x(x.share(limit.at));
            sheet.limit((at, plot.top - 4.0), (at, plot.bottom));
            let name = shorten(&limit.name, LABEL, plot.width() / 2.0);
            let half = width(&name, LABEL) / 2.0;
            let middle = at.clamp(half + 4.0, WIDTH - half - 4.0);
            sheet.text(middle, plot.top - 9.0, "wm-halo wm-bold", Anchor::Middle, &name);
        }
        for (row, name) in self.rows.iter().enumerate() {
            let level = plot.top + ROW * (row as f64 + 0.5);
            let shown = shorten(name, LABEL, NAMES);
            sheet.text(plot.left - 12.0, level + 4.5, "", Anchor::End, &shown);
            let places: Vec<(usize, f64, f64)> = self
                .series
                .iter()
                .enumerate()
                .filter_map(|(index, s)| {
                    value(s, row).map(|value| (index, value, plot.x(x.share(value))))
                })
                .collect();
            let first = places.iter().map(|p| p.2).fold(f64::INFINITY, f64::min);
            let last = places.iter().map(|p| p.2).fold(f64::NEG_INFINITY, f64::max);
            if first < last {
                sheet.line((first, level), (last, level), "wm-reach");
            }
            for (index, value, at) in places {
                let series = &self.series[index];
                let words =
                    format!("{name}\n{}: {}\n({})", series.name, value_label(value), self.x_label);
                sheet.dot((at, level), 6.0, &Mark::fill(series.color(index)), &words);
            }
        }
        sheet.finish()
    }

    fn keys(&self) -> Vec<Key> {
        let key =
            |(series, s): (usize, &Series)| Key { name: s.name.clone(), series, mark: Mark::Dot };
        self.series.iter().enumerate().map(key).collect()
    }
}
