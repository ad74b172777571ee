//! What chips draw: constants for `data/efficiency.toml`, with what they are worth.

use wattmill::catalog::Catalog;
use wattmill::validate::fit::{PowerMiss, cross_validate_power, fit_power, power_miss};
use wattmill::validate::{Case, Effort, quantile};

/// How long a fit simulates each row.
const EFFORT: Effort = Effort { rounds: 3 };

/// Fits every family whose power was measured, and prints lines for its row of the catalogue.
pub(super) fn print(cases: &[Case<'_>], catalog: &Catalog) {
    let own = catalog.efficiencies().filter(|efficiency| efficiency.is_measured());
    let families: Vec<_> = own.collect();
    let all: Vec<&Case<'_>> = cases.iter().collect();
    let fitted = super::in_parallel(&families, |efficiency| {
        let constants = fit_power(&all, efficiency, EFFORT)?;
        let applied = constants.applied(efficiency);
        let counts = |case: &&Case<'_>| {
            case.measured().headline && case.family() == efficiency.family.as_str()
        };
        let own = cases.iter().filter(counts);
        let misses: Vec<_> = own.filter_map(|c| power_miss(c, &applied, EFFORT)).collect();
        let unseen = cross_validate_power(cases, &efficiency.family, catalog, EFFORT);
        Some((constants, misses, unseen))
    });
    for (efficiency, fitted) in families.iter().zip(fitted) {
        let family = &efficiency.family;
        let Some((constants, misses, unseen)) = fitted else {
            println!("{family}: too few measurements of power");
            continue;
        };
        let rows = misses.len();
        println!("[{family}] # {rows} rows");
        for (name, value) in constants.named() {
            println!("{name} = {value:.3}");
        }
        println!("  its rows: {}", errors(&misses));
        println!("  models left out: {}", errors(&unseen));
    }
}

/// Median and 90th percentile of power, of power in steps as long as measured, and of a token's
/// energy.
fn errors(misses: &[PowerMiss]) -> String {
    let both = |name: &str, mut errors: Vec<f64>| {
        let mut percent = |q| 100.0 * quantile(&mut errors, q).unwrap_or(0.0);
        format!("{name} {:.1} % / {:.1} %", percent(0.5), percent(0.9))
    };
    let of = |x: f64, m: &PowerMiss| (x / m.measured - 1.0).abs();
    [
        both("power", misses.iter().map(|m| of(m.predicted, m)).collect()),
        both("power in measured time", misses.iter().map(|m| of(m.in_time, m)).collect()),
        both("J/token", misses.iter().filter_map(|m| m.energy).map(|e| (e - 1.0).abs()).collect()),
    ]
    .join(", ")
}
