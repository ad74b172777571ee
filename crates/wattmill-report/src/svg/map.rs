//! Places on the globe, degrees east across and degrees north up.

use super::outline::{clipped, outlines};
use super::sheet::{Anchor, LABEL, Plot, Sheet, WIDTH, color};
use super::text::width;
use super::{Heading, Svg, value_label};

/// A place.
#[derive(Clone, Debug, PartialEq)]
pub struct Place {
    /// What stands beside it.
    pub name: String,
    /// Degrees north.
    pub north: f64,
    /// Degrees east.
    pub east: f64,
    /// How large it is, in the unit of the map.
    pub size: f64,
}

/// Places in their coordinates, each as large as its size.
#[derive(Clone, Debug, PartialEq)]
pub struct PlaceMap {
    /// What stands above it.
    pub heading: Heading,
    /// Unit of the sizes.
    pub unit: String,
    /// The places.
    pub places: Vec<Place>,
}

/// Room around the places, in degrees.
const AROUND: f64 = 8.0;
const HEIGHT: f64 = 420.0;
/// Largest and smallest radius of a place.
const RADIUS: (f64, f64) = (18.0, 4.0);

impl PlaceMap {
    /// Draws it.
    pub fn to_svg(&self) -> Svg {
        let mut sheet = Sheet::new(&self.heading);
        let sound = |place: &&Place| place.north.abs() <= 90.0 && place.east.abs() <= 180.0;
        let places: Vec<&Place> = self.places.iter().filter(sound).collect();
        if places.is_empty() {
            return sheet.no_data();
        }
        let ends = |of: fn(&Place) -> f64, most: f64| {
            let (low, high) = places
                .iter()
                .map(|place| of(place))
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
            ((low - AROUND).max(-most), (high + AROUND).min(most))
        };
        let (south, north) = ends(|place| place.north, 90.0);
        let (west, east) = ends(|place| place.east, 180.0);
        let room = Plot {
            left: 24.0 + 44.0,
            right: WIDTH - 34.0,
            top: sheet.used + 14.0,
            bottom: sheet.used + 14.0 + HEIGHT,
        };
        // A degree is as long both ways.
        let degree = (room.width() / (east - west)).min(HEIGHT / (north - south));
        let side = (room.width() - degree * (east - west)) / 2.0;
        let plot = Plot {
            left: room.left + side,
            right: room.right - side,
            top: room.top,
            bottom: room.top + degree * (north - south),
        };
        let x = |at: f64| plot.left + (at - west) * degree;
        let y = |at: f64| plot.bottom - (at - south) * degree;
        for border in [true, false] {
            let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
            for outline in outlines().filter(|outline| outline.border == border) {
                for pair in outline.points.windows(2) {
                    let inside = clipped(pair[0], pair[1], (west, east), (south, north));
                    let Some((from, to)) = inside else { continue };
                    let at = |(east, north): (f64, f64)| (x(east), y(north));
                    match runs.last_mut() {
                        Some(run) if run.last() == Some(&at(from)) => run.push(at(to)),
                        _ => runs.push(vec![at(from), at(to)]),
                    }
                }
            }
            if !runs.is_empty() {
                let dashes = if border { " stroke-dasharray=\"1 3\"" } else { "" };
                sheet.path(&runs, false, &format!("class=\"wm-coast\"{dashes}"));
            }
        }
        let step = [1.0, 2.0, 5.0, 10.0, 20.0, 30.0]
            .into_iter()
            .find(|step| degree * step >= 70.0)
            .unwrap_or(30.0);
        for at in lines(west, east, step) {
            sheet.line((x(at), plot.top), (x(at), plot.bottom), "wm-grid");
            let label = named(at, 'E', 'W');
            sheet.text(x(at), plot.bottom + 18.0, "wm-tick", Anchor::Middle, &label);
        }
        for at in lines(south, north, step) {
            sheet.line((plot.left, y(at)), (plot.right, y(at)), "wm-grid");
            let label = named(at, 'N', 'S');
            sheet.text(plot.left - 8.0, y(at) + 4.5, "wm-tick", Anchor::End, &label);
        }
        for (from, to) in [
            ((plot.left, plot.top), (plot.right, plot.top)),
            ((plot.left, plot.bottom), (plot.right, plot.bottom)),
            ((plot.left, plot.top), (plot.left, plot.bottom)),
            ((plot.right, plot.top), (plot.right, plot.bottom)),
        ] {
            sheet.line(from, to, "wm-base");
        }
        let most = places.iter().map(|place| place.size).fold(0.0, f64::max);
        let radius = |place: &Place| {
            let share = if most > 0.0 { (place.size / most).max(0.0) } else { 0.0 };
            (RADIUS.0 * share.sqrt()).max(RADIUS.1)
        };
        let mut taken: Vec<Plot> = places
            .iter()
            .map(|place| around((x(place.east), y(place.north)), radius(place), radius(place)))
            .collect();
        for place in &places {
            let (at, r) = ((x(place.east), y(place.north)), radius(place));
            let size = value_label(place.size);
            let words = format!(
                "{}: {size} {}, {} {}",
                place.name,
                self.unit,
                named(place.north, 'N', 'S'),
                named(place.east, 'E', 'W')
            );
            sheet.dot(at, r, &format!("{};fill-opacity:.75", color(0)), &words);
        }
        for place in &places {
            let (at, r) = ((x(place.east), y(place.north)), radius(place));
            let label = format!("{} {} {}", place.name, value_label(place.size), self.unit);
            let wide = width(&label, LABEL);
            let spot = spot(at, r, wide, &taken, plot);
            let middle = (spot.top + spot.bottom) / 2.0;
            let near = if spot.left > at.0 { spot.left - 2.0 } else { spot.right + 2.0 };
            sheet.line(at, (near, middle), "wm-link");
            sheet.text(spot.left, middle + 4.5, "wm-halo", Anchor::Start, &label);
            taken.push(spot);
        }
        sheet.used = plot.bottom + 36.0;
        sheet.finish()
    }
}

fn around((x, y): (f64, f64), half_width: f64, half_height: f64) -> Plot {
    Plot {
        left: x - half_width,
        right: x + half_width,
        top: y - half_height,
        bottom: y + half_height,
    }
}

/// The nearest room for a label beside a place that nothing else has.
fn spot((x, y): (f64, f64), radius: f64, wide: f64, taken: &[Plot], plot: Plot) -> Plot {
    const HIGH: f64 = 16.0;
    let mut last = around((x, y), wide / 2.0, HIGH / 2.0);
    for ring in 0..24 {
        for (side, up) in
            [(1.0, 0.0), (-1.0, 0.0), (1.0, 1.0), (1.0, -1.0), (-1.0, 1.0), (-1.0, -1.0)]
        {
            let out = radius + 6.0 + 4.0 * f64::from(ring);
            let middle = x + side * (out + wide / 2.0);
            let level = y - up * HIGH * f64::from(ring);
            let spot = around((middle, level), wide / 2.0, HIGH / 2.0);
            let inside = spot.left >= 4.0
                && spot.right <= WIDTH - 4.0
                && spot.top >= plot.top + 2.0
                && spot.bottom <= plot.bottom - 2.0;
            let meets = |other: &Plot| {
                spot.left < other.right
                    && other.left < spot.right
                    && spot.top < other.bottom
                    && other.top < spot.bottom
            };
            if inside {
                last = spot;
                if !taken.iter().any(meets) {
                    return spot;
                }
            }
        }
    }
    last
}

/// Round degrees between two.
fn lines(low: f64, high: f64, step: f64) -> impl Iterator<Item = f64> {
    let first = libm::ceil(low / step) as i32;
    let last = libm::floor(high / step) as i32;
    (first..=last).map(move |line| f64::from(line) * step)
}

fn named(degrees: f64, positive: char, negative: char) -> String {
    let side = if degrees < 0.0 { negative } else { positive };
    format!("{}° {side}", value_label(degrees.abs()))
}
