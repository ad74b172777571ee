//! Points of two numbers that should be equal.

use super::legend::{Key, Mark};
use super::sheet::{Sheet, color};
use super::{Heading, Spacing, Svg, drawable, value_label};

/// Predictions against measurements on equal logarithmic axes, with the diagonal on which both are
/// equal and a band around it.
#[derive(Clone, Debug, PartialEq)]
pub struct ScatterChart {
    /// What stands above it.
    pub heading: Heading,
    /// Name and unit of the horizontal axis.
    pub x_label: String,
    /// Name and unit of the vertical axis.
    pub y_label: String,
    /// One colour each.
    pub series: Vec<Points>,
    /// Half the width of the band, as a fraction: at 0.2 it reaches from 80 % to 120 %.
    pub band: f64,
}

/// Points of one kind.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Points {
    /// As the legend calls it.
    pub name: String,
    /// Horizontal and vertical place and what a point says on hovering. What is not above zero has
    /// no place and is left out.
    pub points: Vec<(f64, f64, String)>,
}

const HEIGHT: f64 = 560.0;

impl ScatterChart {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let placed = |value: f64| Spacing::Logarithmic.placed(drawable(value));
        let all = self.series.iter().flat_map(|s| &s.points);
        let values: Vec<f64> = all
            .filter_map(|(x, y, _)| placed(*x).zip(placed(*y)))
            .flat_map(|(x, y)| [x, y])
            .collect();
        if values.is_empty() {
            return sheet.no_data();
        }
        let mut x = Spacing::Logarithmic.scale(values.iter().copied());
        let y = Spacing::Logarithmic.scale(values.iter().copied());
        sheet.legend(&self.keys());
        let (low, high) =
            values.iter().fold((f64::INFINITY, 0.0f64), |(l, h), v| (l.min(*v), h.max(*v)));
        let plot = sheet.axes(HEIGHT, (&mut x, &self.x_label), (&y, &self.y_label));
        let line = |factor: f64| {
            // Where the line leaves the plot it is cut at the edge, not bent along it.
            let (from, to) = (low.max(low / factor), high.min(high / factor));
            (from < to).then(|| {
                let at = |v: f64| (plot.x(x.share(v)), plot.y(y.share(v * factor)));
                (at(from), at(to))
            })
        };
        for factor in [1.0 - self.band, 1.0 + self.band] {
            if let Some((from, to)) = line(factor) {
                sheet.line(from, to, "wm-link");
            }
        }
        if let Some((from, to)) = line(1.0) {
            sheet.line(from, to, "wm-base");
        }
        for (index, series) in self.series.iter().enumerate() {
            let fill = color(index) + ";fill-opacity:.6";
            for (measured, predicted, words) in &series.points {
                let Some((h, v)) = placed(*measured).zip(placed(*predicted)) else { continue };
                let at = (plot.x(x.share(h)), plot.y(y.share(v)));
                let words = format!(
                    "{}: {words}\n{} measured, {} predicted",
                    series.name,
                    value_label(h),
                    value_label(v)
                );
                sheet.dot(at, 3.0, &fill, &words);
            }
        }
        sheet.finish()
    }

    fn keys(&self) -> Vec<Key> {
        let key =
            |(series, s): (usize, &Points)| Key { name: s.name.clone(), series, mark: Mark::Dot };
        self.series.iter().enumerate().map(key).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chart(points: &[(f64, f64)]) -> ScatterChart {
        let points = points.iter().map(|(x, y)| (*x, *y, "a & b".to_owned())).collect();
        ScatterChart {
            heading: Heading::new("Predicted", ""),
            x_label: "measured, ms".to_owned(),
            y_label: "predicted, ms".to_owned(),
            series: vec![Points { name: "h100".to_owned(), points }],
            band: 0.2,
        }
    }

    #[test]
    fn every_point_with_a_place_is_drawn_beside_three_lines() {
        let svg = chart(&[(1.0, 1.1), (90.0, 60.0), (0.0, 5.0), (f64::NAN, 1.0)]).to_svg();
        let svg = svg.as_str();
        // One circle is the legend's.
        assert_eq!(svg.matches("<circle").count(), 3, "{svg}");
        assert_eq!(svg.matches("class=\"wm-link\"").count(), 2, "{svg}");
        assert!(svg.contains("a &amp; b") && svg.contains("60 predicted"), "{svg}");
    }

    #[test]
    fn nothing_to_draw_says_so() {
        assert!(chart(&[]).to_svg().as_str().contains("no data"));
        assert!(chart(&[(0.0, 1.0)]).to_svg().as_str().contains("no data"));
        // A single point has no line to lie on, and no axis of zero length.
        assert!(!chart(&[(5.0, 5.0)]).to_svg().as_str().contains("NaN"));
    }
}
