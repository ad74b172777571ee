//! How many stay below a value: latencies.

use super::clear::{Clear, Place};
use super::legend::{Key, Mark};
use super::scale::Scale;
use super::sheet::{Anchor, LABEL, Sheet, color};
use super::{Heading, Limit, Svg, drawable, text, value_label};

/// How a quantity is distributed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Distribution {
    /// As the legend calls it.
    pub name: String,
    /// A value and the share of all, from 0 to 1, that is no larger; both rising. Values that are
    /// not positive have no place on the axis and are left out.
    pub points: Vec<(f64, f64)>,
}

impl Distribution {
    /// With a name and points.
    pub fn new(name: impl Into<String>, points: Vec<(f64, f64)>) -> Self {
        Self { name: name.into(), points }
    }

    fn drawn(&self) -> impl Iterator<Item = (f64, f64)> + Clone {
        self.points.iter().filter_map(|(value, share)| {
            let value = drawable(*value).filter(|v| *v > 0.0)?;
            Some((value, drawable(*share)?.clamp(0.0, 1.0)))
        })
    }

    /// The first value that no smaller a share stays below.
    fn quantile(&self, share: f64) -> Option<f64> {
        self.drawn().find(|(_, below)| *below >= share - 1e-12).map(|(value, _)| value)
    }
}

/// Shares of all requests over a logarithmic axis of latency or the like, with the median, the 90th
/// and the 99th percentile marked and told in the legend.
#[derive(Clone, Debug, PartialEq)]
pub struct DistributionChart {
    /// What stands above it.
    pub heading: Heading,
    /// Name and unit of the horizontal axis: `time to first token, s`.
    pub x_label: String,
    /// Name of the whole that shares are of: `share of requests`.
    pub y_label: String,
    /// One curve each.
    pub distributions: Vec<Distribution>,
    /// Vertical lines to compare with, such as an SLO.
    pub limits: Vec<Limit>,
}

impl DistributionChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let values = self.distributions.iter().flat_map(|d| d.drawn().map(|(value, _)| value));
        if values.clone().next().is_none() {
            return sheet.no_data();
        }
        let limits: Vec<&Limit> =
            self.limits.iter().filter(|l| drawable(l.at).is_some_and(|at| at > 0.0)).collect();
        let mut x = Scale::logarithmic(values.chain(limits.iter().map(|l| l.at)));
        let y = Scale::shares();
        sheet.legend(&self.keys());
        let plot = sheet.axes(330.0, (&mut x, &self.x_label), (&y, &self.y_label));

        let mut curves = Vec::new();
        for limit in &limits {
            let at = plot.x(x.share(limit.at));
            sheet.limit((at, plot.top), (at, plot.bottom));
            curves.push(vec![(at, plot.top), (at, plot.bottom)]);
        }
        for (index, distribution) in self.distributions.iter().enumerate() {
            let place = |value: f64, share: f64| (plot.x(x.share(value)), plot.y(y.share(share)));
            let points: Vec<_> = distribution.drawn().collect();
            let every = points.len().div_ceil(900).max(1);
            let curve: Vec<_> = points
                .iter()
                .enumerate()
                .filter(|(i, _)| i % every == 0 || i + 1 == points.len())
                .map(|(_, (value, share))| place(*value, *share))
                .collect();
            if !curve.is_empty() {
                sheet.path(std::slice::from_ref(&curve), false, &Mark::line_style(index, 0));
                curves.push(curve);
            }
            for (share, percentile) in PERCENTILES {
                let Some(value) = distribution.quantile(share) else {
                    continue;
                };
                let words = format!(
                    "{} {percentile}: {}\n({})",
                    distribution.name,
                    value_label(value),
                    self.x_label
                );
                sheet.dot(place(value, share), 4.5, &color(index), &words);
            }
        }
        let mut clear = Clear::new(plot, &curves);
        for limit in limits {
            let at = plot.x(x.share(limit.at));
            let name = text::shorten(&limit.name, LABEL, plot.width() / 2.0);
            // At its foot, else higher up, on either side.
            let bases = [0.0, 1.0, 0.25, 0.5, 0.75]
                .map(|share| plot.bottom - 8.0 - share * (plot.bottom - plot.top - 24.0));
            let sides = [(at + 6.0, Anchor::Start), (at - 6.0, Anchor::End)];
            let places = bases.map(|base| sides.map(|(x, anchor)| Place { x, base, anchor }));
            if let Some(Place { x, base, anchor }) = clear.place(&name, places.as_flattened()) {
                sheet.text(x, base, "wm-halo wm-bold", anchor, &name);
            }
        }
        sheet.finish()
    }

    fn keys(&self) -> Vec<Key> {
        let told = |d: &Distribution| {
            let quantiles = PERCENTILES.iter().filter_map(|(share, percentile)| {
                Some(format!("{percentile} {}", value_label(d.quantile(*share)?)))
            });
            let quantiles: Vec<_> = quantiles.collect();
            if quantiles.is_empty() {
                format!("{}: no data", d.name)
            } else {
                format!("{}: {}", d.name, quantiles.join(", "))
            }
        };
        let key = |(series, d)| Key { name: told(d), series, mark: Mark::Line };
        self.distributions.iter().enumerate().map(key).collect()
    }
}

const PERCENTILES: [(f64, &str); 3] = [(0.5, "p50"), (0.9, "p90"), (0.99, "p99")];
