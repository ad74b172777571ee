//! How many accelerators a power holds, under each way of counting that is in public use.

use wattmill_catalog::{Accelerator, StatedPower, Statement, System};
use wattmill_factory::Pue;
use wattmill_units::Power;

/// A way to count the power of an accelerator.
#[derive(Clone, Debug, PartialEq)]
pub struct Convention {
    /// What is counted, in a few words.
    pub name: String,
    /// Where: `package`, `IT` or `facility`.
    pub counted: &'static str,
    /// Whether more units are counted than are provisioned for, as a policy of power allows.
    pub oversubscribed: bool,
    /// Power of one accelerator.
    pub each: Power,
    /// Accelerators in the power that was asked for: whole units, where it is a unit that is
    /// counted.
    pub accelerators: f64,
}

/// One of the powers that a unit has.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Mode {
    /// Such as `maximum (Max-P)`.
    pub(crate) name: String,
    /// IT power of a unit.
    pub(crate) unit: Power,
    /// Power limit of a package, where it is known.
    pub(crate) package: Option<Power>,
}

/// Power limit of a package in a unit for which so much is provisioned: the higher of two where that is
/// the unit's maximum.
pub(crate) fn package_limit(
    system: &System,
    accelerator: &Accelerator,
    unit: Power,
) -> Option<Power> {
    let most = accelerator.tdp_max_p.filter(|_| system.power_max == Some(unit));
    most.or(accelerator.tdp)
}

/// The powers that are stated of a unit, the lower first.
pub(crate) fn modes(system: &System, accelerator: &Accelerator) -> Vec<Mode> {
    let called = |name: &str, as_called: &Option<String>| match as_called {
        Some(called) => format!("{name} ({called})"),
        None => name.to_owned(),
    };
    let mode = |name: &str, as_called: &Option<String>, unit: Option<Power>| {
        unit.map(|unit| Mode {
            name: called(name, as_called),
            unit,
            package: package_limit(system, accelerator, unit),
        })
    };
    let typical = mode("typical", &system.power_typical_as, system.power_typical);
    let maximum = mode("maximum", &system.power_max_as, system.power_max);
    typical.into_iter().chain(maximum).collect()
}

/// Every way of counting the accelerators of `system` in `power`, from the least counted to the most;
/// `None` where no source states a package's limit.
pub(crate) fn ways(
    system: &System,
    accelerator: &Accelerator,
    power: Power,
    pue: Pue,
) -> Option<Vec<Convention>> {
    let tdp = accelerator.tdp?;
    let mut ways = Vec::new();
    let mut push = |name: String, counted: &'static str, each: Power, units: f64, times: f64| {
        let each = each / times;
        let accelerators = (power / (each * units) + 1e-9).floor() * units;
        ways.push(Convention { name, counted, oversubscribed: times > 1.0, each, accelerators });
    };
    match accelerator.tdp_max_p {
        None => push("power limit of the packages alone".to_owned(), "package", tdp, 1.0, 1.0),
        Some(most) => {
            push("power limit of the packages alone, Max-Q".to_owned(), "package", tdp, 1.0, 1.0);
            push("power limit of the packages alone, Max-P".to_owned(), "package", most, 1.0, 1.0);
        }
    }
    let stated = StatedPower::builtin();
    let times = stated.iter().find_map(|stated| match &stated.statement {
        Statement::Oversubscribed { times, systems } if systems.contains(&system.id) => {
            Some(*times)
        }
        _ => None,
    });
    let count = f64::from(system.accelerators);
    for Mode { name, unit, .. } in modes(system, accelerator) {
        // What is oversubscribed is what would be reserved for the peak of every unit at once.
        let times = times.filter(|_| system.power_max == Some(unit));
        let named = format!("{} at its {name}", system.unit);
        let each = unit / count;
        push(named.clone(), "IT", each, count, 1.0);
        let place = [("of a year", pue.annual), ("at peak", pue.design)];
        for (when, pue) in place {
            push(format!("{named}, PUE {pue} {when}"), "facility", each * pue, count, 1.0);
            if let Some(times) = times {
                let name = format!("{named}, {times} times oversubscribed, PUE {pue} {when}");
                push(name, "facility", each * pue, count, times);
            }
        }
    }
    for chain in &stated {
        if let Statement::Chain { server_over_packages, it_over_server, facility_over_it } =
            chain.statement
        {
            let each = tdp * (server_over_packages * it_over_server * facility_over_it);
            push(chain.says.clone(), "facility", each, 1.0, 1.0);
        }
    }
    ways.sort_by(|a, b| a.each.as_watts().total_cmp(&b.each.as_watts()));
    Some(ways)
}
