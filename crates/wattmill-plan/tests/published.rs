//! Published totals that no convention of one accelerator is about.

use wattmill_factory::PowerBasis;
use wattmill_units::{Power, Seconds};

/// LBNL (2024 United States Data Center Energy Usage Report, LBNL-2001637, 2024-12): 176 TWh in 2023, of
/// which 30 % infrastructure, at a mean PUE of 1.4 (its page 47). What is IT, taken to the meter as a
/// plan's IT power is, is the total within 2.5 %: what two rounded figures allow (29 to 31 % and 1.35 to
/// 1.45 span 164 to 181 TWh).
///
/// Its own stock is not held against it: it draws servers by class over the years and prints neither their
/// numbers nor their mean power, and the shipments behind them are bought (`docs/power.md`).
#[test]
fn the_parts_of_lbnl_make_its_total() {
    let (total_twh, infrastructure, pue) = (176.0, 0.30, 1.4);
    let year = Seconds::from_hours(8760.0);
    let it = Power::from_gw(total_twh * (1.0 - infrastructure) / 8.76);
    let drawn = (PowerBasis::It.facility(it, pue) * year).as_twh();
    assert!((drawn / total_twh - 1.0).abs() < 0.025, "{drawn}");
    let least = PowerBasis::It.facility(it * (0.69 / 0.70), 1.35) * year;
    let most = PowerBasis::It.facility(it * (0.71 / 0.70), 1.45) * year;
    assert!((least.as_twh()..most.as_twh()).contains(&total_twh), "{least} to {most}");
}
