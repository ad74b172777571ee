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
        let (mut west, mut east) = ends(|place| place.east, 180.0);
        let room = Plot {
            left: 24.0 + 44.0,
            right: WIDTH - 34.0,
            top: sheet.used + 14.0,
            bottom: sheet.used + 14.0 + HEIGHT,
        };
        // Names stand beside the places: what the sheet has room for is shown.
        let wide = ((north - south) * room.width() / HEIGHT).max(east - west).min(360.0);
        west = ((west + east - wide) / 2.0).clamp(-180.0, 180.0 - wide);
        east = west + wide;
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
        let mut ticks: Vec<Plot> = Vec::new();
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
            let left = plot.left - 8.0 - width(&label, LABEL);
            ticks.push(Plot { left, right: plot.left, top: y(at) - 8.0, bottom: y(at) + 8.0 });
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
            .chain(ticks)
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
            let near = (at.0.clamp(spot.left - 2.0, spot.right + 2.0), middle);
            let near = if near.0 == at.0 {
                (near.0, if middle < at.1 { spot.bottom - 1.0 } else { spot.top + 1.0 })
            } else {
                near
            };
            let far = libm::hypot(near.0 - at.0, near.1 - at.1);
            // From the rim of the dot on, where the name does not stand right beside it.
            if far > r + 6.0 {
                let rim = r / far;
                let from = (at.0 + (near.0 - at.0) * rim, at.1 + (near.1 - at.1) * rim);
                sheet.line(from, near, "wm-lead");
            }
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

/// The nearest room for a label beside a place that nothing else has: within the frame of the map, or
/// else on the sheet.
fn spot((x, y): (f64, f64), radius: f64, wide: f64, taken: &[Plot], plot: Plot) -> Plot {
    const HIGH: f64 = 16.0;
    let sheet = Plot { left: 4.0, right: WIDTH - 4.0, ..plot };
    let meets = |spot: &Plot, other: &Plot| {
        spot.left < other.right
            && other.left < spot.right
            && spot.top < other.bottom
            && other.top < spot.bottom
    };
    let mut least = (usize::MAX, around((x, y), wide / 2.0, HIGH / 2.0));
    for frame in [plot, sheet] {
        for ring in 0..26 {
            let far = f64::from(ring);
            let out = radius + 6.0 + 4.0 * far + wide / 2.0;
            let over = radius + HIGH * (0.5 + far) + 2.0;
            for (across, up) in [
                (out, 0.0),
                (-out, 0.0),
                (out, HIGH * far),
                (-out, HIGH * far),
                (out, -HIGH * far),
                (-out, -HIGH * far),
                (0.0, over),
                (0.0, -over),
            ] {
                let spot = around((x + across, y - up), wide / 2.0, HIGH / 2.0);
                let inside = spot.left >= frame.left + 3.0
                    && spot.right <= frame.right - 3.0
                    && spot.top >= frame.top + 2.0
                    && spot.bottom <= frame.bottom - 2.0;
                if !inside {
                    continue;
                }
                let clashes = taken.iter().filter(|other| meets(&spot, other)).count();
                if clashes == 0 {
                    return spot;
                }
                if clashes < least.0 {
                    least = (clashes, spot);
                }
            }
        }
    }
    least.1
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
