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
        let rooms: Vec<Plot> = places
            .iter()
            .map(|place| around((x(place.east), y(place.north)), radius(place), radius(place)))
            .chain(ticks)
            .collect();
        let mut taken = Taken { rooms, leads: Vec::new() };
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
            let others: Vec<(f64, f64)> = places
                .iter()
                .filter(|other| other.name != place.name)
                .map(|other| (x(other.east), y(other.north)))
                .collect();
            let spot = spot(at, r, wide, (&taken, &others), plot);
            let middle = (spot.top + spot.bottom) / 2.0;
            // From the rim of the dot on, where the name does not stand right beside it.
            let (to, far) = (near(at, &spot), away(at, &spot));
            if far > r + 8.0 {
                let rim = r / far;
                let from = (at.0 + (to.0 - at.0) * rim, at.1 + (to.1 - at.1) * rim);
                sheet.line(from, to, "wm-lead");
                taken.leads.push((from, to));
            }
            sheet.text(spot.left, middle + 4.5, "wm-halo", Anchor::Start, &label);
            taken.rooms.push(spot);
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

/// What stands on a map already.
struct Taken {
    /// Dots, names and the numbers of the axes: none of them may be covered.
    rooms: Vec<Plot>,
    /// From a dot to its name.
    leads: Vec<((f64, f64), (f64, f64))>,
}

impl Taken {
    fn meet(&self, spot: &Plot) -> usize {
        let meets = |other: &&Plot| {
            spot.left < other.right
                && other.left < spot.right
                && spot.top < other.bottom
                && other.top < spot.bottom
        };
        self.rooms.iter().filter(meets).count()
    }

    /// Whether a name there could be taken for that of another place: nearer to it, or on the line to
    /// another name, or its own line across one.
    fn misleads(&self, at: (f64, f64), spot: &Plot, others: &[(f64, f64)]) -> bool {
        let across = |room: &Plot, (from, to): ((f64, f64), (f64, f64))| {
            clipped(from, to, (room.left, room.right), (room.top, room.bottom)).is_some()
        };
        let own = (at, near(at, spot));
        let of_others = |room: &&Plot| {
            let holds = (room.left..=room.right).contains(&at.0)
                && (room.top..=room.bottom).contains(&at.1);
            !holds
        };
        self.leads.iter().any(|lead| across(spot, *lead))
            || self.rooms.iter().filter(of_others).any(|room| across(room, own))
            || others.iter().any(|other| away(*other, spot) <= away(at, spot))
    }
}

/// The point of a name's room that is next to a place.
fn near((x, y): (f64, f64), spot: &Plot) -> (f64, f64) {
    (x.clamp(spot.left, spot.right), y.clamp(spot.top, spot.bottom))
}

fn away(at: (f64, f64), spot: &Plot) -> f64 {
    let (x, y) = near(at, spot);
    libm::hypot(x - at.0, y - at.1)
}

/// The nearest room for a name beside a place that nothing else has and that nobody takes for another's,
/// within the frame of the map; else one that nothing else has, on the sheet if need be.
fn spot(
    (x, y): (f64, f64),
    radius: f64,
    wide: f64,
    (taken, others): (&Taken, &[(f64, f64)]),
    plot: Plot,
) -> Plot {
    const HIGH: f64 = 16.0;
    let sheet = Plot { left: 4.0, right: WIDTH - 4.0, ..plot };
    let mut least = (usize::MAX, around((x, y), wide / 2.0, HIGH / 2.0));
    for (frame, clear) in [(plot, true), (plot, false), (sheet, false)] {
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
                if !inside || (clear && taken.misleads((x, y), &spot, others)) {
                    continue;
                }
                let clashes = taken.meet(&spot);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_stands_where_another_place_is_nearer() {
        let plot = Plot { left: 60.0, right: 900.0, top: 60.0, bottom: 460.0 };
        // Three campuses in a row, close to one another.
        let dots = [(300.0, 200.0), (318.0, 205.0), (334.0, 211.0)];
        let rooms = dots.iter().map(|dot| around(*dot, 8.0, 8.0)).collect();
        let mut taken = Taken { rooms, leads: Vec::new() };
        for dot in dots {
            let others: Vec<(f64, f64)> = dots.into_iter().filter(|other| *other != dot).collect();
            let spot = spot(dot, 8.0, 120.0, (&taken, &others), plot);
            assert!(others.iter().all(|other| away(*other, &spot) > away(dot, &spot)), "{spot:?}");
            assert_eq!(taken.meet(&spot), 0);
            taken.leads.push((dot, near(dot, &spot)));
            taken.rooms.push(spot);
        }
    }
}
