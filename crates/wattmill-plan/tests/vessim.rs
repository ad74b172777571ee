//! Dispatch against Vessim (TU Berlin, PyPI `vessim`): the same microgrid, hour by hour. Runs where `python3`
//! has it, and says so where it is skipped.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use wattmill_catalog::Catalog;
use wattmill_config::{Files, parse_factory_with};
use wattmill_plan::{offers, run};

/// Reads a power balance a line, in watts; gives what the battery takes, what it holds in watt-hours and
/// what the grid takes.
const PEER: &str = "
import sys
from vessim.dispatchable import GridConnection, SimpleBattery
from vessim.dispatch_policy import DefaultDispatchPolicy
capacity, start, least, rate = map(float, sys.argv[1:])
battery = SimpleBattery('battery', capacity, initial_soc=start, min_soc=least, c_rate=rate)
grid, policy = GridConnection(), DefaultDispatchPolicy()
for line in sys.stdin:
    policy.apply(float(line), 3600.0, [battery, grid])
    for part in (battery, grid):
        part.step(3600.0)
    print(battery.current_power, battery.charge_level, grid.current_power)
";

fn peer(arguments: &[&str], balances: &[f64]) -> Option<Vec<[f64; 3]>> {
    let mut child = Command::new("python3")
        .args(["-c", PEER])
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .ok()?;
    let mut lines = String::new();
    for balance in balances {
        let _ = writeln!(lines, "{balance:?}");
    }
    let mut input = child.stdin.take().expect("it is piped");
    // It closes its input at once where it is not installed.
    let given = input.write_all(lines.as_bytes());
    drop(input);
    let output = child.wait_with_output().expect("it was started");
    if !output.status.success() {
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(why.contains("No module named"), "Vessim failed: {why}");
        return None;
    }
    given.expect("it took every line");
    let said = String::from_utf8(output.stdout).expect("numbers");
    let row = |line: &str| {
        let mut numbers = line.split(' ').map(|number| number.parse().expect("a number"));
        std::array::from_fn(|_| numbers.next().expect("three numbers"))
    };
    Some(said.lines().map(row).collect())
}

#[test]
fn a_month_of_sun_and_storage_is_dispatched_as_vessim_does() {
    // A day of sun that is never twice the same, and nights.
    let hour = |hour: u32| {
        let day = f64::from(hour / 24);
        let sun = (f64::from(hour % 24) - 12.0) / 6.0;
        (1.0 - sun * sun).max(0.0) * (0.55 + 0.45 * (day * 1.7).sin())
    };
    let mut csv = String::from("time,solar_fraction\n");
    let start = jiff::civil::date(2027, 6, 1).at(0, 0, 0, 0);
    for at in 0..30 * 24 {
        let time = start.saturating_add(jiff::Span::new().hours(i64::from(at)));
        let _ = writeln!(csv, "{time},{:?}", hour(at));
    }
    let mut files = Files::default();
    files.put("sun.csv", Ok(csv));
    let text = "name = \"peer\"\nstart = 2027-06-01\nend = 2027-06-30\n[[site]]\nname = \"yard\"\n\
                grid = { connection = \"2 MW\", energized = 2027-01-01, price = \"50 USD/MWh\", \
                carbon = \"300 g/kWh\" }\nsolar = { capacity = \"1.2 MW\", hourly = \"sun.csv\" }\n\
                battery = { energy = \"2 MWh\", power = \"300 kW\", efficiency = 1, start = 0.6, \
                reserve = 0.1 }\n[[phase]]\nname = \"racks\"\nsite = \"yard\"\nsystem = \"dgx-h100\"\n\
                power = \"900 kW\"\nfirst_rack = 2027-06-01\n";
    let factory = parse_factory_with(text, Catalog::builtin(), &files).factory.expect("sound");
    let plan = run(&factory, Catalog::builtin(), offers(&factory, Catalog::builtin(), |_, _| {}));
    let hours = &plan.site_hours[0];
    let balance = |(at, draw): (u32, &wattmill_units::Power)| 1.2e6 * hour(at) - draw.as_watts();
    let balances: Vec<f64> = (0..).zip(&hours.draw).map(balance).collect();
    assert!(balances.iter().any(|watts| *watts > 3e5), "more sun than the battery takes");
    let Some(theirs) = peer(&["2e6", "0.6", "0.1", "0.15"], &balances) else {
        eprintln!("skipped: python3 has no vessim");
        return;
    };
    assert_eq!(theirs.len(), 720);
    let mut worst = 0.0_f64;
    for (at, [power, stored, grid]) in theirs.into_iter().enumerate() {
        let mix = plan.mix[at];
        let ours = [
            f64::from(mix.charged_mw - mix.discharged_mw) * 1e6,
            hours.stored[at + 1].as_kwh() * 1e3,
            f64::from(mix.curtailed_mw - mix.grid_mw) * 1e6,
        ];
        for (ours, theirs) in ours.into_iter().zip([power, stored, grid]) {
            let off = (ours - theirs).abs();
            worst = worst.max(off);
            // A watt: what single precision leaves of a megawatt.
            assert!(off < 1.0, "hour {at}: {ours} against {theirs}");
        }
    }
    eprintln!("largest difference to Vessim in 720 hours: {worst:.2e} W or Wh");
}
