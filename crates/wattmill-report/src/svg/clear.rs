//! Where a text stands clear of curves.

use super::sheet::{Anchor, LABEL, Plot};
use super::text;

/// What a line of text takes above and below its base.
const ABOVE: f64 = 12.0;
const BELOW: f64 = 4.0;
/// Room between a text and what it must not touch.
const APART: f64 = 2.0;

/// Where a text may stand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Place {
    pub(super) x: f64,
    pub(super) base: f64,
    pub(super) anchor: Anchor,
}

impl Place {
    /// What `name` covers there.
    fn covers(&self, name: &str) -> Plot {
        let width = text::width(name, LABEL);
        let left = match self.anchor {
            Anchor::Start => self.x,
            Anchor::Middle => self.x - width / 2.0,
            Anchor::End => self.x - width,
        };
        Plot { left, right: left + width, top: self.base - ABOVE, bottom: self.base + BELOW }
    }
}

/// Texts in a plot, and what is drawn there.
pub(super) struct Clear<'c> {
    plot: Plot,
    curves: &'c [Vec<(f64, f64)>],
    /// Texts that stand already.
    texts: Vec<Plot>,
}

impl<'c> Clear<'c> {
    pub(super) const fn new(plot: Plot, curves: &'c [Vec<(f64, f64)>]) -> Self {
        Self { plot, curves, texts: Vec::new() }
    }

    /// The first of `places` where `name` lies in the plot, on no other text, and on least of the
    /// curves; the first of all where no place is free of texts. It is taken from then on.
    pub(super) fn place(&mut self, name: &str, places: &[Place]) -> Option<Place> {
        let clash = |place: &Place| {
            let text = place.covers(name);
            let inside = text.left >= self.plot.left
                && text.right <= self.plot.right
                && text.top >= self.plot.top
                && text.bottom <= self.plot.bottom;
            if !inside || self.texts.iter().any(|other| overlap(&text, other)) {
                return f64::INFINITY;
            }
            let text = Plot {
                left: text.left - APART,
                right: text.right + APART,
                top: text.top - APART,
                bottom: text.bottom + APART,
            };
            self.curves.iter().map(|curve| within(&text, curve)).sum()
        };
        let clashes = places.iter().map(|place| (clash(place), *place));
        let (_, chosen) = clashes.min_by(|(a, _), (b, _)| a.total_cmp(b))?;
        self.texts.push(chosen.covers(name));
        Some(chosen)
    }
}

fn overlap(a: &Plot, b: &Plot) -> bool {
    a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom
}

/// Length of a curve inside `area`; a point counts as a little.
fn within(area: &Plot, curve: &[(f64, f64)]) -> f64 {
    let inside = |(x, y): (f64, f64)| {
        (area.left..=area.right).contains(&x) && (area.top..=area.bottom).contains(&y)
    };
    let points = curve.iter().filter(|point| inside(**point)).count();
    points as f64 + curve.windows(2).map(|ends| length(area, ends[0], ends[1])).sum::<f64>()
}

/// Length of the part of a straight line inside `area`.
fn length(area: &Plot, (x, y): (f64, f64), (to_x, to_y): (f64, f64)) -> f64 {
    let (mut from, mut until) = (0.0_f64, 1.0_f64);
    for (start, step, low, high) in
        [(x, to_x - x, area.left, area.right), (y, to_y - y, area.top, area.bottom)]
    {
        if step.abs() < 1e-9 {
            if start < low || start > high {
                return 0.0;
            }
            continue;
        }
        let (a, b) = ((low - start) / step, (high - start) / step);
        (from, until) = (from.max(a.min(b)), until.min(a.max(b)));
    }
    (until - from).max(0.0) * libm::hypot(to_x - x, to_y - y)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLOT: Plot = Plot { left: 0.0, right: 400.0, top: 0.0, bottom: 200.0 };

    #[test]
    fn a_line_is_as_long_as_what_lies_inside() {
        let area = Plot { left: 10.0, right: 20.0, top: 0.0, bottom: 10.0 };
        assert!((length(&area, (0.0, 5.0), (100.0, 5.0)) - 10.0).abs() < 1e-9);
        assert!((length(&area, (10.0, 0.0), (20.0, 10.0)) - 200.0_f64.sqrt()).abs() < 1e-9);
        assert!((length(&area, (15.0, -50.0), (15.0, 5.0)) - 5.0).abs() < 1e-9);
        assert!(length(&area, (0.0, 20.0), (100.0, 20.0)).abs() < 1e-9);
    }

    #[test]
    fn texts_go_where_no_curve_is_and_no_other_text() {
        let place = |x, base| Place { x, base, anchor: Anchor::Start };
        // High on the left, low on the right.
        let curves = [vec![(0.0, 30.0), (200.0, 30.0), (200.0, 170.0), (400.0, 170.0)]];
        let mut clear = Clear::new(PLOT, &curves);
        let places = [place(20.0, 35.0), place(250.0, 35.0), place(20.0, 175.0)];
        assert_eq!(clear.place("limit", &places), Some(places[1]));
        assert_eq!(clear.place("limit", &places), Some(places[2]));
        // Nowhere else is left but on the curve.
        assert_eq!(clear.place("limit", &places), Some(places[0]));
        assert_eq!(clear.place("limit", &[place(390.0, 35.0)]), Some(place(390.0, 35.0)));
        assert_eq!(clear.place("limit", &[]), None);
    }
}
