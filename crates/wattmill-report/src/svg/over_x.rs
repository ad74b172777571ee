//! What charts over a horizontal axis share: the places, limits, and words on hovering.

use super::clear::{Clear, Place};
use super::scale::Scale;
use super::sheet::{Anchor, LABEL, Plot, Sheet};
use super::{Horizontal, Limit, Series, drawable, text, value_label};

/// More points than this say no more in 960 units of width.
pub(super) const MOST_POINTS: usize = 400;
/// Strips that say their values on hovering.
const MOST_STRIPS: usize = 160;

/// The horizontal axis and its label.
pub(super) fn scale_and_label(x: &Horizontal) -> (Scale, &str) {
    let places: Vec<f64> = x.places().iter().filter_map(|v| drawable(*v)).collect();
    match x {
        Horizontal::Numbers { label, .. } => (Scale::between(&places), label),
        Horizontal::Calendar { .. } => (Scale::calendar(&places), ""),
    }
}

/// Places that have a value of any series.
pub(super) fn count(x: &Horizontal, series: &[Series]) -> usize {
    let longest = series.iter().map(|s| s.values.len()).max().unwrap_or(0);
    longest.min(x.places().len())
}

/// The value of a series at a place, if it can be drawn.
pub(super) fn value(series: &Series, place: usize) -> Option<f64> {
    series.values.get(place).copied().and_then(drawable)
}

/// The indices to draw: all, or of every group of neighbours the one where `weight` is highest and,
/// for the shape's sake, the one where it is lowest.
pub(super) fn thinned(count: usize, weight: impl Fn(usize) -> f64) -> Vec<usize> {
    if count <= MOST_POINTS {
        return (0..count).collect();
    }
    let groups = MOST_POINTS / 2;
    let mut kept = Vec::with_capacity(MOST_POINTS);
    for group in 0..groups {
        let members = group * count / groups..(group + 1) * count / groups;
        let least = members.clone().min_by(|a, b| weight(*a).total_cmp(&weight(*b)));
        let most = members.max_by(|a, b| weight(*a).total_cmp(&weight(*b)));
        kept.extend(least.into_iter().chain(most));
    }
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Draws limits across the plot and their names beside them, apart from one another and, as far as
/// there is room, from what is drawn there: `curves`.
pub(super) fn horizontal_limits(
    sheet: &mut Sheet,
    plot: Plot,
    y: &Scale,
    limits: &[Limit],
    mut curves: Vec<Vec<(f64, f64)>>,
) {
    let mut lines: Vec<(f64, &str)> = limits
        .iter()
        .filter_map(|l| drawable(l.at).map(|at| (plot.y(y.share(at)), l.name.as_str())))
        .collect();
    lines.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (at, _) in &lines {
        sheet.limit((plot.left, *at), (plot.right, *at));
        curves.push(vec![(plot.left, *at), (plot.right, *at)]);
    }
    let mut clear = Clear::new(plot, &curves);
    for (at, name) in lines {
        let name = text::shorten(name, LABEL, plot.width() - 12.0);
        // At the right end above its line, else below, else farther left; else one line after another.
        let ends = [1.0, 0.0, 0.75, 0.5, 0.25].map(|share| match share {
            1.0 => (plot.right - 6.0, Anchor::End),
            0.0 => (plot.left + 6.0, Anchor::Start),
            share => (plot.x(share), Anchor::Middle),
        });
        let beside = [at - 7.0, at + 16.0].map(|base| ends.map(|(x, anchor)| (x, base, anchor)));
        let further =
            (1..20).map(|line| (plot.right - 6.0, at + 16.0 * f64::from(line), Anchor::End));
        let places: Vec<Place> = beside
            .into_iter()
            .flatten()
            .chain(further)
            .map(|(x, base, anchor)| Place { x, base, anchor })
            .collect();
        if let Some(Place { x, base, anchor }) = clear.place(&name, &places) {
            sheet.text(x, base, "wm-halo wm-bold", anchor, &name);
        }
    }
}

/// Strips over the plot that say, on hovering, what every series is worth there.
pub(super) fn strips(
    sheet: &mut Sheet,
    plot: Plot,
    (x, scale): (&Horizontal, &Scale),
    y_label: &str,
    series: &[Series],
) {
    let count = count(x, series);
    let shown = count.min(MOST_STRIPS);
    let places: Vec<(usize, f64)> = (0..shown)
        .map(|strip| (2 * strip + 1) * count / (2 * shown))
        .filter_map(|i| drawable(x.places()[i]).map(|at| (i, plot.x(scale.share(at)))))
        .collect();
    for (strip, (index, at)) in places.iter().enumerate() {
        let before = strip.checked_sub(1).and_then(|s| places.get(s));
        let left = before.map_or(plot.left, |(_, other)| (other + at) / 2.0);
        let right = places.get(strip + 1).map_or(plot.right, |(_, other)| (other + at) / 2.0);
        let mut words = place_label(x, *index);
        for s in series {
            if let Some(value) = value(s, *index) {
                words.push_str(&format!("\n{}: {}", s.name, value_label(value)));
            }
        }
        if !y_label.is_empty() {
            words.push_str(&format!("\n({y_label})"));
        }
        sheet.hit(Plot { left, right, ..plot }, &words);
    }
}

fn place_label(x: &Horizontal, index: usize) -> String {
    match x {
        Horizontal::Numbers { label, values } => format!("{label}: {}", value_label(values[index])),
        Horizontal::Calendar { days } => day_label(days[index]),
    }
}

/// A day, and the time of it if it is not midnight.
pub(super) fn day_label(day: f64) -> String {
    if !day.is_finite() {
        return "never".to_owned();
    }
    let minutes = libm::round(day.clamp(-3.6e6, 2.9e6) * 1440.0) as i64;
    jiff::civil::DateTime::constant(1970, 1, 1, 0, 0, 0, 0)
        .checked_add(jiff::SignedDuration::from_mins(minutes))
        .map(|at| match (at.hour(), at.minute()) {
            (0, 0) => at.date().to_string(),
            (hour, minute) => format!("{} {hour:02}:{minute:02}", at.date()),
        })
        .unwrap_or_default()
}
