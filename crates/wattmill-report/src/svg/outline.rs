//! Coasts and borders of the world, for maps.

/// A part of a coast or border.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Outline {
    /// Whether it is a border, not a coast.
    pub(super) border: bool,
    /// Degrees east and north.
    pub(super) points: Vec<(f64, f64)>,
}

/// Everything there is. What the file holds is proved in a test.
pub(super) fn outlines() -> impl Iterator<Item = Outline> {
    include_str!("outline.txt").lines().filter_map(outline)
}

fn outline(line: &str) -> Option<Outline> {
    let (kind, steps) = line.split_once(' ').filter(|(kind, _)| *kind != "#")?;
    let (mut east, mut north) = (0, 0);
    let points = steps.split(',').map(|step| {
        let (by_east, by_north) = step.split_once(' ')?;
        east += by_east.parse::<i32>().ok()?;
        north += by_north.parse::<i32>().ok()?;
        Some((f64::from(east) / 10.0, f64::from(north) / 10.0))
    });
    Some(Outline { border: kind == "border", points: points.collect::<Option<_>>()? })
}

/// The part of a line that lies within a rectangle, by Liang and Barsky (1984).
pub(super) fn clipped(
    from: (f64, f64),
    to: (f64, f64),
    (west, east): (f64, f64),
    (south, north): (f64, f64),
) -> Option<((f64, f64), (f64, f64))> {
    let (dx, dy) = (to.0 - from.0, to.1 - from.1);
    let (mut enters, mut leaves) = (0.0_f64, 1.0_f64);
    for (step, room) in
        [(-dx, from.0 - west), (dx, east - from.0), (-dy, from.1 - south), (dy, north - from.1)]
    {
        if step == 0.0 && room < 0.0 {
            return None;
        }
        let at = room / step;
        if step < 0.0 {
            enters = enters.max(at);
        } else if step > 0.0 {
            leaves = leaves.min(at);
        }
    }
    let point = |share: f64| (from.0 + share * dx, from.1 + share * dy);
    (enters < leaves).then(|| (point(enters), point(leaves)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_file_is_one_on_the_globe() {
        let lines = include_str!("outline.txt").lines().filter(|line| !line.starts_with('#'));
        let all: Vec<Outline> = outlines().collect();
        assert_eq!(all.len(), lines.count());
        assert!(all.iter().any(|of| of.border) && all.iter().any(|of| !of.border));
        for of in &all {
            assert!(of.points.len() > 1);
            for pair in of.points.windows(2) {
                let [(east, north), (next, _)] = [pair[0], pair[1]];
                assert!(east.abs() <= 180.0 && north.abs() <= 90.0, "{of:?}");
                assert!((east - next).abs() < 90.0, "no line runs around the globe: {of:?}");
            }
        }
        // The coast of Texas is where it is: something lies near Galveston.
        let near = |&(east, north): &(f64, f64)| {
            (east + 94.8_f64).abs() < 2.0 && (north - 29.3_f64).abs() < 1.0
        };
        assert!(all.iter().any(|of| !of.border && of.points.iter().any(near)));
    }

    #[test]
    fn a_line_is_cut_where_it_leaves_the_map() {
        let map = |from, to| clipped(from, to, (0.0, 10.0), (0.0, 10.0));
        assert_eq!(map((1.0, 1.0), (2.0, 3.0)), Some(((1.0, 1.0), (2.0, 3.0))));
        assert_eq!(map((-5.0, 5.0), (15.0, 5.0)), Some(((0.0, 5.0), (10.0, 5.0))));
        assert_eq!(map((-5.0, 11.0), (15.0, 11.0)), None);
        assert_eq!(map((-5.0, -5.0), (-1.0, -1.0)), None);
        assert_eq!(map((5.0, 15.0), (5.0, 5.0)), Some(((5.0, 10.0), (5.0, 5.0))));
    }
}
