//! How far each of several inputs moves a figure, the strongest at the top.

use super::legend::{Key, Mark};
use super::over_x::day_label;
use super::scale::Scale;
use super::sheet::{Anchor, LABEL, Plot, Sheet, WIDTH};
use super::text::{shorten, width};
use super::{Heading, Svg, drawable, value_label};

/// An input and where the figure lies at its ends.
#[derive(Clone, Debug, PartialEq)]
pub struct Swing {
    /// What the input is.
    pub name: String,
    /// The figure where the input is lowest.
    pub low: f64,
    /// The figure where it is highest.
    pub high: f64,
}

/// What lies along the bars.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Along {
    /// Numbers, with their name and unit.
    Numbers(String),
    /// Days from 1970-01-01 (see [`super::Horizontal::day`]); what is infinite never comes.
    Days,
}

/// Bars to both sides of a middle. What is infinite reaches to the end of the axis.
#[derive(Clone, Debug, PartialEq)]
pub struct TornadoChart {
    /// What stands above it.
    pub heading: Heading,
    /// The horizontal axis.
    pub along: Along,
    /// The figure with every input in the middle.
    pub middle: f64,
    /// The inputs, from top to bottom.
    pub rows: Vec<Swing>,
}

const ROW: f64 = 28.0;
const NAMES: f64 = 300.0;

impl TornadoChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let ends = self.rows.iter().flat_map(|row| [row.low, row.high]);
        let values: Vec<f64> = ends.chain([self.middle]).filter_map(drawable).collect();
        let (low, high) = values
            .iter()
            .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(*v), h.max(*v)));
        let beyond = self.rows.iter().any(|row| row.low.is_infinite() || row.high.is_infinite());
        if self.rows.is_empty() || self.middle.is_nan() || low > high || (low == high && !beyond) {
            return sheet.no_data();
        }
        let key = |name: &str, series| Key { name: name.to_owned(), series, mark: Mark::Fill };
        sheet.legend(&[key("where the input is lowest", 4), key("where it is highest", 1)]);
        let names = self.rows.iter().map(|row| width(&row.name, LABEL)).fold(0.0, f64::max);
        let left = 24.0 + names.min(NAMES) + 12.0;
        let top = sheet.used + 8.0;
        let bottom = top + ROW * self.rows.len() as f64;
        let plot = Plot { left, right: WIDTH - 34.0, top, bottom };
        // Room at both ends, so that no bar touches the frame.
        let room = if low < high { (high - low) * 0.05 } else { low.abs() * 0.01 + 1.0 };
        let ends = [low - room, high + room];
        let (mut x, label) = match &self.along {
            Along::Numbers(label) => (Scale::between(&ends), label.as_str()),
            Along::Days => (Scale::calendar(&ends), ""),
        };
        sheet.horizontal_axis(plot, &mut x, label);
        let used = sheet.used;
        let at = |value: f64| plot.x(x.share(value));
        for (index, row) in self.rows.iter().enumerate() {
            let level = top + ROW * index as f64;
            let name = shorten(&row.name, LABEL, NAMES);
            sheet.text(left - 10.0, level + ROW / 2.0 + 4.5, "", Anchor::End, &name);
            // Where both ends lie on one side, the shorter bar lies on the longer one.
            let mut bars = [(row.low, 4), (row.high, 1)];
            let far = |end: f64| if end == self.middle { 0.0 } else { (end - self.middle).abs() };
            if far(bars[0].0) < far(bars[1].0) {
                bars.swap(0, 1);
            }
            for (end, series) in bars {
                if end.is_nan() {
                    continue;
                }
                let (from, to) = (at(self.middle.min(end)), at(self.middle.max(end)));
                let bar =
                    Plot { left: from, right: to, top: level + 5.0, bottom: level + ROW - 5.0 };
                let words = format!("{}\n{}", row.name, self.told(end));
                sheet.bar(bar, &Mark::fill(series), &words);
            }
        }
        sheet.limit((at(self.middle), top), (at(self.middle), bottom));
        sheet.used = used;
        sheet.finish()
    }

    fn told(&self, end: f64) -> String {
        match &self.along {
            Along::Numbers(_) => value_label(end),
            Along::Days => day_label(end),
        }
    }
}
