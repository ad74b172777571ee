//! Operator surfaces: what a kernel of a chip family takes, fitted to measurements.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::row::RowError;

/// Unit of the stored corrections: hundredths of a natural logarithm, finer than any measurement
/// repeats.
pub const CORRECTION: f64 = 0.01;

/// One axis of a surface: a coordinate and the values at which corrections are stored.
#[derive(Clone, Debug, PartialEq)]
pub struct Axis {
    /// What is laid off on it, such as `log2 rows`.
    pub name: String,
    /// Ascending; the first and the last bound the measured range.
    pub knots: Vec<f64>,
}

/// How far a fit is from the rows it was fitted to, and from rows it had not seen.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct FitError {
    /// Median of |fitted / measured - 1|.
    pub median: f64,
    /// 90th percentile of the same.
    pub p90: f64,
    /// Median when each fifth of the shapes is predicted from the other four.
    pub unseen_median: f64,
    /// 90th percentile of the same.
    pub unseen_p90: f64,
}

/// The time of one operator in one number format on one chip family: a closed form with a few
/// constants, times a correction interpolated between the knots of a small grid.
///
/// The closed form scales with the peaks of a chip, so that a surface serves every chip of its
/// family. Outside the grid the correction is held, and with it the utilisation.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// Constants of the closed form by name.
    pub constants: BTreeMap<String, f64>,
    /// Axes, slowest first.
    pub axes: Vec<Axis>,
    /// Hundredths of the logarithm of measured over closed form, one for each knot, last axis
    /// fastest.
    pub corrections: Vec<i32>,
    /// Measured rows it was fitted to.
    pub rows: u32,
    /// How far it is from them.
    pub error: FitError,
    /// Where they come from.
    pub source: String,
    /// Whether it is another family's, for want of rows of its own.
    pub borrowed: bool,
}

impl Surface {
    /// The constant `name`, 0 where there is none.
    pub fn constant(&self, name: &str) -> f64 {
        self.constants.get(name).copied().unwrap_or(0.0)
    }

    /// What the closed form is to be multiplied by at `at`, one coordinate for each axis.
    ///
    /// ```
    /// let catalog = wattmill_catalog::Catalog::builtin();
    /// let hopper = &catalog.efficiency("hopper").unwrap().surfaces;
    /// let gemm = hopper.get("gemm", "bf16").unwrap();
    /// let [small, large] = [4.0, 12.0].map(|rows| gemm.factor(&[rows, 12.0, 12.0]));
    /// assert!(small > 0.2 && small < 5.0 && large > 0.2 && large < 5.0);
    /// assert!(gemm.holds(&[4.0, 12.0, 12.0]) && !gemm.holds(&[30.0, 12.0, 12.0]));
    /// ```
    pub fn factor(&self, at: &[f64]) -> f64 {
        let mut corners = [(0usize, 1.0f64); 1 << MOST_AXES];
        let mut count = 1;
        for (axis, &x) in self.axes.iter().zip(at).take(MOST_AXES) {
            let (low, share) = axis.place(x);
            let length = axis.knots.len();
            for corner in 0..count {
                let (index, weight) = corners[corner];
                let index = index * length + low;
                corners[count + corner] = (index + usize::from(length > 1), weight * share);
                corners[corner] = (index, weight * (1.0 - share));
            }
            count *= 2;
        }
        let sum: f64 = corners[..count]
            .iter()
            .filter(|(_, weight)| *weight > 0.0)
            .map(|&(index, weight)| {
                self.corrections.get(index).map_or(0.0, |c| f64::from(*c) * weight)
            })
            .sum();
        libm::exp(sum * CORRECTION)
    }

    /// Whether `at` lies within the range measured on this very family.
    pub fn holds(&self, at: &[f64]) -> bool {
        !self.borrowed
            && self.axes.iter().zip(at).all(|(axis, x)| {
                let ends = axis.knots.first().zip(axis.knots.last());
                ends.is_some_and(|(first, last)| *x >= *first - SLACK && *x <= *last + SLACK)
            })
    }
}

/// Axes of a surface at most.
pub const MOST_AXES: usize = 4;
/// Axes are logarithms to the base 2: utilisation changes little within an octave of the range.
const SLACK: f64 = 1.0;

impl Axis {
    /// The knot at or below `x`, and how far `x` is on the way to the next, from 0 to 1.
    fn place(&self, x: f64) -> (usize, f64) {
        let above = self.knots.partition_point(|k| *k <= x);
        let low = above.saturating_sub(1).min(self.knots.len().saturating_sub(2));
        match (self.knots.get(low), self.knots.get(low + 1)) {
            (Some(a), Some(b)) => (low, ((x - a) / (b - a)).clamp(0.0, 1.0)),
            _ => (0, 0.0),
        }
    }

    /// Knots around `x` with their weights, for fitting.
    pub fn weights(&self, x: f64) -> [(usize, f64); 2] {
        let (low, share) = self.place(x);
        [(low, 1.0 - share), ((low + 1).min(self.knots.len() - 1), share)]
    }
}

/// Every surface of a chip family, by operator and number format.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Surfaces {
    by_name: BTreeMap<String, BTreeMap<String, Surface>>,
}

impl Surfaces {
    /// That of `operator`, such as `gemm`, in `format`, such as `fp8`.
    pub fn get(&self, operator: &str, format: &str) -> Option<&Surface> {
        self.by_name.get(operator)?.get(format)
    }

    /// All of them with operator and format.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str, &Surface)> {
        self.by_name.iter().flat_map(|(operator, formats)| {
            formats.iter().map(move |(format, s)| (operator.as_str(), format.as_str(), s))
        })
    }

    /// Adds one, or takes its place.
    pub fn insert(&mut self, operator: &str, format: &str, surface: Surface) {
        self.by_name.entry(operator.to_owned()).or_default().insert(format.to_owned(), surface);
    }

    /// Takes every surface it lacks from `other`, marked as borrowed.
    pub(crate) fn borrow_missing(&mut self, other: &Self) {
        for (operator, format, surface) in other.iter() {
            if self.get(operator, format).is_none() {
                self.insert(operator, format, Surface { borrowed: true, ..surface.clone() });
            }
        }
    }

    /// Takes what one chip multiplies and attends with in BF16 from another family.
    pub(crate) fn take_bf16_kernels(&mut self, other: &Self) {
        for operator in ["gemm", "prefill_attention", "decode_attention"] {
            if let Some(surface) = other.get(operator, "bf16") {
                self.insert(operator, "bf16", Surface { borrowed: true, ..surface.clone() });
            }
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.by_name.is_empty()
    }

    /// As the text the catalogue reads.
    pub fn to_toml(&self) -> String {
        use std::fmt::Write as _;
        let mut text = String::new();
        for (operator, format, s) in self.iter() {
            let e = s.error;
            let constants: Vec<String> =
                s.constants.iter().map(|(name, value)| format!("{name} = {value:?}")).collect();
            // Writing to a string cannot fail.
            let _ = writeln!(text, "\n[{operator}.{format}]");
            let _ = writeln!(text, "source = {:?}", s.source);
            let _ = writeln!(text, "rows = {}", s.rows);
            let _ = writeln!(
                text,
                "error = {{ median = {:.4}, p90 = {:.4}, unseen_median = {:.4}, unseen_p90 = {:.4} }}",
                e.median, e.p90, e.unseen_median, e.unseen_p90
            );
            let _ = writeln!(text, "constants = {{ {} }}", constants.join(", "));
            let _ = writeln!(text, "axes = [");
            for axis in &s.axes {
                let _ =
                    writeln!(text, "    {{ name = {:?}, knots = {:?} }},", axis.name, axis.knots);
            }
            let _ = writeln!(text, "]\ncorrections = [");
            let row = s.axes.last().map_or(1, |a| a.knots.len()).max(1);
            for line in s.corrections.chunks(row) {
                let numbers: Vec<String> = line.iter().map(ToString::to_string).collect();
                let _ = writeln!(text, "    {},", numbers.join(", "));
            }
            let _ = writeln!(text, "]");
        }
        text
    }
}

/// The surfaces of one family from their table, operators of formats.
pub(crate) fn parse_surfaces(table: &Table) -> Result<Surfaces, Vec<RowError>> {
    let mut surfaces = Surfaces::default();
    let mut errors = Vec::new();
    for (operator, formats) in table {
        let Value::Table(formats) = formats else {
            let message = "is not a table of formats".to_owned();
            errors.push(RowError { field: operator.clone(), message });
            continue;
        };
        for (format, value) in formats {
            match parse_surface(value) {
                Some(surface) => surfaces.insert(operator, format, surface),
                None => errors.push(RowError {
                    field: format!("{operator}.{format}"),
                    message:
                        "is no surface: it has source, rows, error, constants, up to four axes \
                              with ascending knots, and one correction for each knot"
                            .to_owned(),
                }),
            }
        }
    }
    if errors.is_empty() { Ok(surfaces) } else { Err(errors) }
}

fn parse_surface(value: &Value) -> Option<Surface> {
    let table = value.as_table()?;
    let error = table.get("error")?.as_table()?;
    let share = |name: &str| number(error.get(name)?);
    let constants = table.get("constants")?.as_table()?;
    let constants = constants
        .iter()
        .map(|(name, value)| Some((name.clone(), number(value)?)))
        .collect::<Option<BTreeMap<_, _>>>()?;
    let axes = table.get("axes")?.as_array()?.iter().map(parse_axis).collect::<Option<Vec<_>>>()?;
    let corrections = table.get("corrections")?.as_array()?;
    let corrections = corrections
        .iter()
        .map(|c| i32::try_from(c.as_integer()?).ok())
        .collect::<Option<Vec<_>>>()?;
    let knots: usize = axes.iter().map(|a| a.knots.len()).product();
    let fits = axes.len() <= MOST_AXES && corrections.len() == knots;
    fits.then_some(Surface {
        constants,
        axes,
        corrections,
        rows: u32::try_from(table.get("rows")?.as_integer()?).ok()?,
        error: FitError {
            median: share("median")?,
            p90: share("p90")?,
            unseen_median: share("unseen_median")?,
            unseen_p90: share("unseen_p90")?,
        },
        source: table.get("source")?.as_str()?.to_owned(),
        borrowed: false,
    })
}

fn parse_axis(value: &Value) -> Option<Axis> {
    let table = value.as_table()?;
    let knots = table.get("knots")?.as_array()?;
    let knots = knots.iter().map(number).collect::<Option<Vec<_>>>()?;
    let ascends = knots.len() > 1 && knots.windows(2).all(|pair| pair[0] < pair[1]);
    ascends.then_some(Axis { name: table.get("name")?.as_str()?.to_owned(), knots })
}

fn number(value: &Value) -> Option<f64> {
    let number = value.as_float().or_else(|| value.as_integer().map(|i| i as f64))?;
    number.is_finite().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plane() -> Surface {
        let axis = |name: &str| Axis { name: name.to_owned(), knots: vec![0.0, 1.0, 3.0] };
        let mut corrections = Vec::new();
        for x in [0, 1, 3] {
            for y in [0, 1, 3] {
                corrections.push(100 * x + 10 * y);
            }
        }
        Surface {
            constants: BTreeMap::from([("launch".to_owned(), 2.5)]),
            axes: vec![axis("x"), axis("y")],
            corrections,
            rows: 9,
            error: FitError::default(),
            source: "made up".to_owned(),
            borrowed: false,
        }
    }

    #[test]
    fn a_plane_is_interpolated_exactly_and_held_outside() {
        let surface = plane();
        let log = |x, y| libm::log(surface.factor(&[x, y])) / CORRECTION;
        for (x, y) in [(0.0, 0.0), (0.25, 2.0), (1.0, 1.0), (2.5, 0.5), (3.0, 3.0)] {
            assert!((log(x, y) - (100.0 * x + 10.0 * y)).abs() < 1e-9, "{x} {y}");
        }
        assert!((log(9.0, -4.0) - 300.0).abs() < 1e-9);
        assert!(surface.holds(&[3.0, 0.0]) && !surface.holds(&[4.1, 0.0]));
    }

    #[test]
    fn text_and_surface_are_the_same() {
        let mut surfaces = Surfaces::default();
        surfaces.insert("gemm", "bf16", plane());
        let table: Table = surfaces.to_toml().parse().unwrap();
        assert_eq!(parse_surfaces(&table).unwrap(), surfaces);
    }

    #[test]
    fn what_is_no_surface_is_named() {
        let text = plane();
        let mut surfaces = Surfaces::default();
        surfaces.insert("gemm", "bf16", Surface { corrections: vec![1, 2], ..text });
        let table: Table = surfaces.to_toml().parse().unwrap();
        assert_eq!(parse_surfaces(&table).unwrap_err()[0].field, "gemm.bf16");
    }
}
