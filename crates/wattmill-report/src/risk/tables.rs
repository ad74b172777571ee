//! Tables of what samples say.

use wattmill_factory::Factory;
use wattmill_plan::{FigureName, FigureUnit, Plan, Risk, Spread, Tornado};

use super::{figure_row, figure_value, input_value, planned_and_quantiles, quantiles};
use crate::Table;
use crate::format::percent;

/// Figures of the whole plan and of training runs.
pub(super) fn figures(risk: &Risk) -> Table {
    let mut table = Table::new(["", "as planned", "P10", "P50", "P90"]);
    let shown = |spread: &&Spread| match &spread.figure.name {
        FigureName::Whole(_) => true,
        FigureName::Of(what, _) => !["first rack", "last rack", "target"].contains(what),
        FigureName::In(..) => false,
    };
    for spread in risk.figures.iter().filter(shown) {
        let name = spread.figure.name.to_string();
        let has = risk.samples - risk.refused - spread.undefined;
        // What neither the plan nor any sample has is no figure of it.
        if spread.figure.unit != FigureUnit::Day && has == 0 && !spread.planned.is_finite() {
            continue;
        }
        let name = match spread.undefined {
            0 => name,
            _ => format!("{name} (defined in {} of {} samples)", has, has + spread.undefined),
        };
        table.push([name].into_iter().chain(planned_and_quantiles(spread)));
    }
    table
}

/// First and last rack of every phase.
pub(super) fn phases(factory: &Factory, risk: &Risk) -> Table {
    let mut table = Table::new([
        "phase",
        "first rack planned",
        "P10",
        "P50",
        "P90",
        "last rack planned",
        "P10",
        "P50",
        "P90",
    ]);
    for phase in &factory.phases {
        let of = |what| {
            let name = FigureName::Of(what, phase.name.clone());
            risk.figures.iter().find(|spread| spread.figure.name == name)
        };
        let cells = |spread: &Spread| {
            let [p10, p50, p90] = quantiles(spread);
            [figure_value(spread.figure.unit, spread.planned), p10, p50, p90]
        };
        let both = of("first rack").into_iter().chain(of("last rack")).flat_map(cells);
        table.push([phase.name.clone()].into_iter().chain(both));
    }
    table
}

/// What is energised and served, quarter by quarter.
pub(super) fn quarters(plan: &Plan, risk: &Risk) -> Table {
    let mut table = Table::new([
        "quarter",
        "energised P10",
        "P50",
        "P90",
        "output tokens P10",
        "P50",
        "P90",
        "capital P10",
        "P50",
        "P90",
    ]);
    for quarter in &plan.quarters {
        let of = |what| {
            let name = FigureName::In(what, quarter.label);
            risk.figures.iter().find(|spread| spread.figure.name == name)
        };
        let parts = ["energised", "output tokens served", "capital"];
        let cells = parts.into_iter().filter_map(of).flat_map(quantiles);
        table.push([quarter.label.to_string()].into_iter().chain(cells));
    }
    table
}

/// How likely every target is.
pub(super) fn targets(risk: &Risk) -> Table {
    let mut table =
        Table::new(["target", "by", "chance", "as planned", "P10", "P50", "P90"]).left(&[0, 1]);
    for target in &risk.targets {
        let [p10, p50, p90] = quantiles(&target.met);
        let planned = figure_value(target.met.figure.unit, target.met.planned);
        let (by, chance) = (target.by.to_string(), percent(target.chance));
        table.push([target.name.clone(), by, chance, planned, p10, p50, p90]);
    }
    table
}

/// What is drawn.
pub(super) fn inputs(risk: &Risk) -> Table {
    let mut table = Table::new(["input", "lowest", "P10", "P50", "P90", "highest"]);
    for input in &risk.inputs {
        let at = [0.0, 0.1, 0.5, 0.9, 1.0];
        let cells = at.map(|share| input_value(input, input.distribution.quantile(share)));
        table.push([input.path.clone()].into_iter().chain(cells));
    }
    table
}

/// What a figure depends on, at most `most` inputs.
pub(super) fn tornado(risk: &Risk, tornado: &Tornado, most: usize) -> Table {
    let mut table =
        Table::new(["input", "rank correlation", "where it is lowest", "where it is highest"]);
    let unit = risk.figures[tornado.figure].figure.unit;
    for bar in tornado.bars.iter().take(most) {
        let words = [risk.inputs[bar.input].path.clone(), format!("{:+.2}", bar.correlation)];
        table.push(words.into_iter().chain(figure_row(unit, &[bar.low, bar.high])));
    }
    table
}
