//! Weather of places that are near each other.
//!
//! What is drawn for a place follows what is drawn for those near it: correlations fall exponentially
//! with the distance, as those of wind power between the countries of Europe do (J. Olauson, M.
//! Bergkvist: Correlation between wind power generation in the European countries, Energy 114, 2016).

/// Distance at which a correlation has fallen to 1/e, km. An assumption: changes of wind power over half
/// a day still correlate by 0.2 at 500 km (B. Ernst, ISET, as shown in Magdeburg 2001), which is an
/// e-th at 310 km; what does not change so fast reaches farther. Taken for days of clouds too.
const REACH_KM: f64 = 400.0;
/// Of the earth.
const RADIUS_KM: f64 = 6371.0;
/// Weights below this are none.
const LEAST: f64 = 1e-6;

/// How what is drawn for each place is made of what is drawn for all.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Nearness {
    /// For each place its weights: of those before it, and of itself.
    weights: Vec<Vec<(usize, f64)>>,
}

impl Nearness {
    /// Of places, degrees north and east; one that is not known is near nobody. A place does not depend
    /// on those after it.
    pub(crate) fn of(places: &[Option<(f64, f64)>]) -> Self {
        // Cholesky's factor of the matrix of correlations.
        let mut rows: Vec<Vec<f64>> = Vec::with_capacity(places.len());
        for (index, place) in places.iter().enumerate() {
            let mut row = vec![0.0; index + 1];
            for other in 0..index {
                let correlation = place.zip(places[other]).map_or(0.0, |(a, b)| alike(a, b));
                let known: f64 = (0..other).map(|k| row[k] * rows[other][k]).sum();
                let own = rows[other][other];
                row[other] = if own > 1e-9 { (correlation - known) / own } else { 0.0 };
            }
            let shared: f64 = row.iter().map(|weight| weight * weight).sum();
            row[index] = libm::sqrt((1.0 - shared).max(0.0));
            rows.push(row);
        }
        let some = |row: &Vec<f64>| {
            row.iter().copied().enumerate().filter(|(_, weight)| weight.abs() > LEAST).collect()
        };
        Self { weights: rows.iter().map(some).collect() }
    }

    /// Whether what is drawn for a place is its own.
    pub(crate) fn is_alone(&self, place: usize) -> bool {
        self.weights[place] == [(place, 1.0)]
    }

    /// What a place has of scores that were drawn for every one: normal as they are.
    pub(crate) fn score(&self, place: usize, drawn: &[f64]) -> f64 {
        self.weights[place].iter().map(|(of, weight)| weight * drawn[*of]).sum()
    }
}

/// Correlation of two places.
fn alike(a: (f64, f64), b: (f64, f64)) -> f64 {
    libm::exp(-distance_km(a, b) / REACH_KM)
}

/// Over the ground.
fn distance_km((north, east): (f64, f64), (other_north, other_east): (f64, f64)) -> f64 {
    let half = |from: f64, to: f64| {
        let sine = libm::sin((to - from).to_radians() / 2.0);
        sine * sine
    };
    let along = libm::cos(north.to_radians()) * libm::cos(other_north.to_radians());
    let chord = half(north, other_north) + along * half(east, other_east);
    2.0 * RADIUS_KM * libm::asin(libm::sqrt(chord.min(1.0)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use wattmill_units::Stream;

    const ABILENE: (f64, f64) = (32.45, -99.73);
    const SHACKELFORD: (f64, f64) = (32.7, -99.3);
    const MILAM: (f64, f64) = (30.8, -97.0);
    const NARVIK: (f64, f64) = (68.44, 17.43);

    #[test]
    fn distances_are_those_over_the_ground() {
        // A degree of a great circle is 111.2 km.
        let degree = RADIUS_KM * std::f64::consts::PI / 180.0;
        assert!((distance_km((0.0, 10.0), (0.0, 11.0)) - degree).abs() < 1e-9);
        assert!((distance_km((60.0, 179.5), (60.0, -179.5)) - 0.5 * degree).abs() < 0.1);
        assert!((distance_km((90.0, 0.0), (-90.0, 50.0)) - 180.0 * degree).abs() < 1e-6);
        assert_eq!(distance_km(MILAM, MILAM), 0.0);
    }

    #[test]
    fn what_is_drawn_correlates_as_the_distance_says_and_stays_normal() {
        let places = [ABILENE, SHACKELFORD, MILAM, NARVIK];
        let nearness = Nearness::of(&places.map(Some));
        assert!(nearness.is_alone(0) && !nearness.is_alone(1) && nearness.is_alone(3));
        let n = 200_000;
        let mut drawn: Vec<Stream> =
            (0..places.len() as u64).map(|place| Stream::new(1, "place", place)).collect();
        let mut sums = [[0.0; 4]; 4];
        for _ in 0..n {
            let own: Vec<f64> = drawn.iter_mut().map(Stream::normal).collect();
            let scores: Vec<f64> = (0..4).map(|place| nearness.score(place, &own)).collect();
            for (row, a) in sums.iter_mut().zip(&scores) {
                row.iter_mut().zip(&scores).for_each(|(sum, b)| *sum += a * b / f64::from(n));
            }
        }
        for (a, row) in sums.iter().enumerate() {
            for (b, found) in row.iter().enumerate() {
                let expected = alike(places[a], places[b]);
                assert!((found - expected).abs() < 0.01, "{a} {b}: {found} {expected}");
            }
        }
        // 49 km, 340 km.
        assert!((0.87..0.90).contains(&alike(ABILENE, SHACKELFORD)));
        assert!((0.45..0.55).contains(&alike(ABILENE, MILAM)));
    }

    #[test]
    fn one_place_named_twice_has_one_weather_and_an_unknown_one_its_own() {
        let nearness = Nearness::of(&[Some(MILAM), Some(MILAM), None, Some(ABILENE)]);
        let drawn = [0.3, -1.2, 0.7, 1.1];
        assert_eq!(nearness.score(0, &drawn), 0.3);
        assert_eq!(nearness.score(1, &drawn), 0.3);
        assert!(nearness.is_alone(2));
        // Who comes later changes nobody before.
        let fewer = Nearness::of(&[Some(MILAM), Some(MILAM), None]);
        assert_eq!(fewer.weights[..], nearness.weights[..3]);
    }
}
