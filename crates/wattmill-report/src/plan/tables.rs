//! Tables of a plan that only its page has.

use jiff::civil::Date;
use wattmill_factory::{Factory, Grid, Phase, Site};
use wattmill_plan::{Binds, CashQuarter, Plan, Quarter, RegionQuarter, Sums, TargetDay};
use wattmill_units::{Energy, Money, Power};

use super::text::main_bind;
use crate::Table;
use crate::format::{counted, grouped, number, or_dash, percent, prefixed, usd};
use crate::measure::Measure;

/// Units that suit the largest quarter of a plan.
struct Units {
    power: Measure,
    energy: Measure,
    capital: Measure,
    operating: Measure,
}

/// What stands above a column: its name and its unit.
type Column = [&'static str; 2];

impl Units {
    fn of(plan: &Plan) -> Self {
        let totals: Vec<Sums> = plan.quarters.iter().map(Quarter::total).collect();
        let money = |of: fn(&Sums) -> Money| {
            Measure::of_money(totals.iter().map(of).fold(Money::ZERO, Money::max))
        };
        Self {
            power: most_power(plan),
            energy: Measure::of_energy(
                totals.iter().map(|s| s.energy).fold(Energy::ZERO, Energy::max),
            ),
            capital: money(|sums| sums.capital),
            operating: money(Sums::operating_cost),
        }
    }

    const fn columns(&self) -> [Column; 12] {
        [
            ["energised", self.power.name],
            ["racks", "units"],
            ["accelerators", ""],
            ["binds", ""],
            ["can serve", "tokens/day"],
            ["served", "tokens/day"],
            ["energy", self.energy.name],
            ["tokens", "per MWh"],
            ["capital", self.capital.name],
            ["operating", self.operating.name],
            ["full cost", "USD/M tokens"],
            ["carbon", "t"],
        ]
    }

    fn cells(&self, sums: &Sums, binds: Binds, days: u32) -> [String; 12] {
        [
            number(self.power.power(sums.energised)),
            grouped(sums.units),
            grouped(sums.accelerators),
            binds.name().to_owned(),
            prefixed(sums.capacity_tokens_per_day),
            prefixed(sums.served_output_tokens / f64::from(days)),
            number(self.energy.energy(sums.energy)),
            or_dash(sums.tokens_per_mwh(), prefixed),
            number(self.capital.money(sums.capital)),
            number(self.operating.money(sums.operating_cost())),
            or_dash(sums.cost_per_million_tokens(), usd),
            prefixed(sums.carbon_t),
        ]
    }
}

/// The unit that suits the power of a plan at its largest.
pub(super) fn most_power(plan: &Plan) -> Measure {
    let each = plan.quarters.iter().map(|quarter| quarter.total().energised);
    Measure::of_power(each.fold(Power::ZERO, Power::max))
}

fn table_of(columns: &[Column]) -> Table {
    Table::new(columns.iter().map(|[name, _]| *name))
        .units(columns.iter().map(|[_, unit]| *unit))
        .left(&[0, 4])
}

/// Every quarter in units that suit the plan.
pub(super) fn quarters(plan: &Plan) -> Table {
    // What is asked stands before what can be served, the worst hour behind what is.
    const ASKED: usize = 5;
    const WORST: usize = 8;
    let units = Units::of(plan);
    let mut columns = vec![["quarter", ""]];
    columns.extend(units.columns());
    columns.insert(ASKED, ["asked", "tokens/day"]);
    columns.insert(WORST, ["worst hour", "served"]);
    let mut table = table_of(&columns);
    for quarter in &plan.quarters {
        let worst = quarter.services.iter().map(|s| s.worst_hour_served).fold(1.0, f64::min);
        let mut row = vec![quarter.label.to_string()];
        row.extend(units.cells(&quarter.total(), main_bind(quarter), quarter.days));
        row.insert(ASKED, prefixed(quarter.asked_tokens_per_day()));
        row.insert(WORST, percent(worst));
        table.push(row);
    }
    table
}

/// Every site in one quarter, in the units of all quarters.
pub(super) fn quarter_sites(factory: &Factory, plan: &Plan, quarter: &Quarter) -> Table {
    let units = Units::of(plan);
    let mut columns = vec![["site", ""]];
    columns.extend(units.columns());
    let mut table = table_of(&columns);
    for site in &quarter.sites {
        let mut row = vec![factory.sites[site.site].name.clone()];
        row.extend(units.cells(&site.sums, site.binds, quarter.days));
        table.push(row);
    }
    table
}

/// Every site as the file has it.
pub(super) fn sites(factory: &Factory) -> Table {
    let mut table = Table::new([
        "site",
        "connection",
        "energised",
        "on site",
        "PUE",
        "PUE",
        "energy price",
        "carbon",
        "source",
    ])
    .units(["", "", "", "", "design", "annual", "USD/MWh", "g/kWh", ""])
    .left(&[0, 2, 3, 8]);
    for site in &factory.sites {
        let grid = site.grid.as_ref();
        table.push([
            site.name.clone(),
            or_dash(grid, connection),
            or_dash(grid, |grid| grid.energized.to_string()),
            onsite(site),
            number(site.pue.design),
            number(site.pue.annual),
            or_dash(grid, |grid| number(grid.price.as_usd_per_mwh())),
            or_dash(grid, |grid| number(grid.carbon.as_g_per_kwh())),
            or_dash(site.source.clone(), |source| source),
        ]);
    }
    table
}

fn connection(grid: &Grid) -> String {
    let steps = grid.steps.iter().map(|(from, power)| format!("{power} from {from}"));
    [grid.connection.to_string()].into_iter().chain(steps).collect::<Vec<_>>().join("; ")
}

fn onsite(site: &Site) -> String {
    if site.onsite.is_empty() {
        return "-".to_owned();
    }
    let each = site.onsite.iter().map(|o| format!("{} {} from {}", o.capacity, o.kind, o.from));
    each.collect::<Vec<_>>().join("; ")
}

/// Every phase as it comes.
pub(super) fn phases(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "phase",
        "site",
        "system",
        "power",
        "units",
        "accelerators",
        "first rack",
        "last rack",
        "source",
    ])
    .left(&[0, 1, 2, 6, 7, 8]);
    for outcome in &plan.phases {
        let phase = &factory.phases[outcome.phase];
        table.push([
            phase.name.clone(),
            factory.sites[phase.site].name.clone(),
            system_of(factory, phase),
            phase_power(phase),
            grouped(outcome.units),
            grouped(outcome.accelerators),
            outcome.first_rack.to_string(),
            outcome.last_rack.to_string(),
            or_dash(phase.source.clone(), |source| source),
        ]);
    }
    table
}

/// What is asked of every service in every region that its users are said to live in, what is served of
/// it, in which hour worst, and from where.
pub(super) fn regions(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new([
        "service",
        "region",
        "clock",
        "asked",
        "served",
        "not served",
        "worst hour",
        "served from",
    ])
    .units(["", "", "", "requests", "", "requests", "", ""])
    .left(&[0, 1, 7]);
    let mut sums: Vec<RegionQuarter> = Vec::new();
    for quarter in &plan.quarters {
        for region in &quarter.regions {
            let same = |sum: &&mut RegionQuarter| {
                sum.service == region.service && sum.region == region.region
            };
            match sums.iter_mut().find(same) {
                Some(sum) => sum.add(region),
                None => sums.push(region.clone()),
            }
        }
    }
    for sum in &sums {
        let service = &factory.services[sum.service];
        let region = &service.traffic.regions[sum.region];
        let (asked, served): (f64, f64) = (sum.asked.iter().sum(), sum.from.iter().sum());
        let share = |served: f64, asked: f64| if asked > 0.0 { served / asked } else { 1.0 };
        let worst = (0..24)
            .map(|hour| (share(sum.served[hour], sum.asked[hour]), hour))
            .fold((f64::INFINITY, 0), |worst, hour| if hour.0 < worst.0 { hour } else { worst });
        let mut from: Vec<(&str, f64)> =
            factory.sites.iter().zip(&sum.from).map(|(s, served)| (&*s.name, *served)).collect();
        from.retain(|(_, served)| *served > 0.0);
        from.sort_by(|a, b| b.1.total_cmp(&a.1));
        let from: Vec<String> = from
            .iter()
            .take(4)
            .map(|(name, part)| format!("{name} {}", percent(share(*part, served))))
            .collect();
        table.push([
            service.name.clone(),
            region.name.clone(),
            format!("UTC{:+}", region.utc_offset),
            prefixed(asked),
            percent(share(served, asked)),
            prefixed(sum.unserved.max(0.0)),
            format!("{} at {:02}:00 UTC", percent(worst.0), worst.1),
            from.join(", "),
        ]);
    }
    table
}

/// What every phase waits for, from month to month.
pub(super) fn waiting(factory: &Factory, plan: &Plan) -> Table {
    let mut table = Table::new(["phase", "what it waits for"]).left(&[0, 1]);
    for outcome in &plan.phases {
        let mut spells: Vec<(String, String, &str)> = Vec::new();
        for month in &outcome.months {
            let label = format!("{}-{:02}", month.year, month.month);
            let what = month.waits_for.as_ref().map_or("", |what| what.name());
            match spells.last_mut() {
                Some((_, to, same)) if *same == what => *to = label,
                _ => spells.push((label.clone(), label, what)),
            }
        }
        let spell = |(from, to, what): &(String, String, &str)| match from == to {
            true => format!("{what} ({from})"),
            false => format!("{what} ({from} to {to})"),
        };
        let mut waits: Vec<String> =
            spells.iter().filter(|(.., what)| !what.is_empty()).map(spell).collect();
        let phase = &factory.phases[outcome.phase];
        // What was to come after that day never does.
        let called_off = phase.cancelled.filter(|day| *day <= plan.end.min(outcome.last_rack));
        waits.extend(called_off.map(|day| format!("called off on {day}")));
        let words = if waits.is_empty() { "nothing".to_owned() } else { waits.join(", ") };
        table.push([phase.name.clone(), words]);
    }
    table
}

/// When the plan meets what it is to reach.
pub(super) fn targets(targets: &[TargetDay]) -> Table {
    let mut table = Table::new(["target", "by", "met on", "in time"]).left(&[0, 1, 2, 3]);
    for target in targets {
        let late = |day: Date| target.by.until(day).map_or(0, |span| span.get_days());
        let in_time = match (target.in_time(), target.met) {
            (Some(true), _) => "yes".to_owned(),
            (Some(false), Some(day)) => format!("no, {} late", counted(late(day) as usize, "day")),
            (Some(false), None) => "no".to_owned(),
            (None, _) => format!("not by {}; its day is after the plan", target.end),
        };
        let met = target.met.map_or("not within the plan".to_owned(), |day| day.to_string());
        table.push([target.name.clone(), target.by.to_string(), met, in_time]);
    }
    table
}

/// What it installs, and in whose place if that was too late.
fn system_of(factory: &Factory, phase: &Phase) -> String {
    let id = &factory.hardware[phase.hardware].system.id;
    match phase.options.first().filter(|_| phase.is_substituted()) {
        Some((ordered, _)) => {
            format!("{id} in place of {}", factory.hardware[*ordered].system.id)
        }
        None => id.clone(),
    }
}

fn phase_power(phase: &Phase) -> String {
    format!("{} {}", phase.power, phase.basis.name())
}

/// Cash by quarter.
pub(super) fn cash(plan: &Plan) -> Table {
    let with =
        |of: fn(&CashQuarter) -> Money| plan.cash.quarters.iter().any(|q| of(q) != Money::ZERO);
    let (contracts, debt) = (with(|q| q.contracts), with(|q| q.debt));
    let mut header = vec!["quarter", "revenue", "received"];
    header.extend(contracts.then_some("contracts"));
    header.extend(debt.then_some("debt"));
    header.extend(["operating", "capital", "net", "so far"]);
    let mut table = Table::new(header);
    let mut so_far = wattmill_units::Money::ZERO;
    for quarter in &plan.cash.quarters {
        so_far += quarter.net();
        let mut parts = vec![quarter.revenue, quarter.received];
        parts.extend(contracts.then_some(quarter.contracts));
        parts.extend(debt.then_some(quarter.debt));
        // Not the negative of nothing, which has a sign.
        let out = [quarter.operating, quarter.capital].map(|money| Money::ZERO - money);
        parts.extend(out.into_iter().chain([quarter.net(), so_far]));
        let cells = parts.into_iter().map(|money| money.to_string());
        table.push([quarter.label.to_string()].into_iter().chain(cells));
    }
    table
}

/// What is conserved.
pub(super) fn ledger(plan: &Plan) -> Table {
    let mut table =
        Table::new(["balance", "unit", "sources", "uses", "difference", ""]).left(&[0, 1, 5]);
    for balance in &plan.ledger {
        table.push([
            balance.what.to_owned(),
            balance.unit.to_owned(),
            prefixed(balance.sources),
            prefixed(balance.uses),
            format!("{:.0e}", balance.error()),
            if balance.closes() { "closes" } else { "DOES NOT CLOSE" }.to_owned(),
        ]);
    }
    table
}
