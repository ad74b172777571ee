//! Things that last from one day to another, and how sure their ends are.

use super::legend::{Key, Mark};
use super::scale::Scale;
use super::sheet::{Anchor, LABEL, Plot, Sheet, WIDTH, color};
use super::text::{shorten, width};
use super::{Heading, Svg, drawable};

/// One thing over time, in days from 1970-01-01 (see [`super::Horizontal::day`]).
#[derive(Clone, Debug, PartialEq)]
pub struct Lasting {
    /// What stands beside it.
    pub name: String,
    /// First day.
    pub from: f64,
    /// Last day; not finite if it goes on.
    pub to: f64,
    /// Early and late quantile of the first day.
    pub from_range: Option<(f64, f64)>,
    /// Of the last day.
    pub to_range: Option<(f64, f64)>,
    /// What is said on hovering.
    pub words: String,
    /// What stands in its row where it lies outside of the calendar, or never comes.
    pub outside: String,
}

/// Bars along a calendar, one thing below the other.
#[derive(Clone, Debug, PartialEq)]
pub struct SpanChart {
    /// What stands above it.
    pub heading: Heading,
    /// What the bars are.
    pub bar: String,
    /// What the ranges of first and last days are; empty without ranges.
    pub ranges: [String; 2],
    /// The things.
    pub rows: Vec<Lasting>,
    /// First and last day of the calendar; what lies beyond is cut off.
    pub window: (f64, f64),
}

const ROW: f64 = 30.0;
const NAMES: f64 = 250.0;

impl SpanChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let (first, last) = self.window;
        let spans = first.is_finite() && last.is_finite() && first < last;
        if self.rows.is_empty() || !spans {
            return sheet.no_data();
        }
        let key = |name: &str, series, mark| Key { name: name.to_owned(), series, mark };
        let [early, late] = &self.ranges;
        sheet.legend(&[
            key(&self.bar, 0, Mark::Fill),
            key(early, 1, Mark::Fill),
            key(late, 3, Mark::Fill),
        ]);
        let names = self.rows.iter().map(|row| width(&row.name, LABEL)).fold(0.0, f64::max);
        let left = 24.0 + names.min(NAMES) + 12.0;
        let top = sheet.used + 8.0;
        let bottom = top + ROW * self.rows.len() as f64;
        let plot = Plot { left, right: WIDTH - 34.0, top, bottom };
        let mut x = Scale::calendar(&[first, last]);
        sheet.horizontal_axis(plot, &mut x, "");
        let used = sheet.used;
        let at = |day: f64| plot.x(x.share(day.clamp(first, last)));
        for (index, row) in self.rows.iter().enumerate() {
            let level = top + ROW * index as f64;
            let name = shorten(&row.name, LABEL, NAMES);
            sheet.text(left - 10.0, level + ROW / 2.0 + 4.5, "", Anchor::End, &name);
            let to = if row.to.is_finite() { row.to } else { last };
            let inside = |from: f64, to: f64| to >= first && from <= last;
            if drawable(row.from).is_some() && inside(row.from, to) {
                let left = at(row.from);
                // What comes all at once is a mark that can be seen.
                let right = at(to).max(left + 4.0);
                let bar = Plot { left, right, top: level + 5.0, bottom: level + 16.0 };
                sheet.bar(bar, &Mark::fill(0), &row.words);
            } else {
                outside(&mut sheet, plot, level, row, first);
            }
            for (range, series, below) in [(row.from_range, 1, 18.0), (row.to_range, 3, 22.5)] {
                let Some((early, late)) = range.filter(|(early, _)| early.is_finite()) else {
                    continue;
                };
                let late = if late.is_finite() { late } else { last };
                if inside(early, late) {
                    let (left, right) = (at(early), at(late).max(at(early) + 4.0));
                    let top = level + below;
                    sheet.bar(Plot { left, right, top, bottom: top + 3.5 }, &color(series), "");
                }
            }
        }
        sheet.used = used;
        sheet.finish()
    }
}

/// A mark at the end of the calendar beyond which something lies, and words beside it.
fn outside(sheet: &mut Sheet, plot: Plot, level: f64, row: &Lasting, first: f64) {
    let (top, middle, bottom) = (level + 5.0, level + 10.5, level + 16.0);
    let never = drawable(row.from).is_none();
    let (tip, base, text, anchor) = match row.to < first {
        true => (plot.left + 1.0, plot.left + 9.0, plot.left + 15.0, Anchor::Start),
        false => (plot.right - 1.0, plot.right - 9.0, plot.right - 15.0, Anchor::End),
    };
    if never {
        let words = shorten(&row.outside, LABEL, plot.width() - 8.0);
        sheet.text(plot.left + 4.0, middle + 4.5, "wm-tick wm-halo", Anchor::Start, &words);
        return;
    }
    let mark = vec![(tip, middle), (base, top), (base, bottom)];
    sheet.path(&[mark], true, &format!("style=\"fill:{}\"", color(0)));
    let words = shorten(&row.outside, LABEL, plot.width() - 24.0);
    sheet.text(text, middle + 4.5, "wm-tick wm-halo", anchor, &words);
}
