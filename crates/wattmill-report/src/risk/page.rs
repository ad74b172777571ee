//! What samples say, as a part of the plan's page.

use wattmill_factory::Factory;
use wattmill_plan::{Bar, FigureName, FigureUnit, Plan, Risk, Tornado};

use super::{figure_scale, tables, text};
use crate::svg::{Along, Heading, Horizontal, LineChart, Series, Svg, Swing, TornadoChart};
use crate::{Page, Spacing};

/// Adds the section on risk.
pub(crate) fn put(page: Page, factory: &Factory, plan: &Plan, risk: &Risk) -> Page {
    let mut page = page
        .section("Risk")
        .text(&format!("{}.", text::heading(risk)))
        .charts(&[
            band(plan, risk, "energised", "Energised power"),
            band(plan, risk, "output tokens served", "Output tokens served"),
            band(plan, risk, "capital", "Capital spent in the quarter"),
        ])
        .table(&tables::figures(risk));
    if !risk.targets.is_empty() {
        page = page.text("How likely the targets are.").table(&tables::targets(risk));
    }
    page = page.text("Phases over the samples.").table(&tables::phases(factory, risk));
    for tornado in risk.tornados.iter().filter(|tornado| !tornado.bars.is_empty()) {
        let name = &risk.figures[tornado.figure].figure.name;
        page = page
            .chart(&swings(risk, tornado))
            .text(&format!(
                "What matters most for {name}: its median in the tenth of the samples where an \
                 input is lowest and highest, the input that moves it furthest first, of those that matter \
                 more than chance."
            ))
            .table(&tables::tornado(risk, tornado, tornado.bars.len()));
    }
    page.text("What is drawn; all of it is in the factory file.").table(&tables::inputs(risk))
}

/// How far each input moves a figure.
fn swings(risk: &Risk, tornado: &Tornado) -> Svg {
    let spread = &risk.figures[tornado.figure];
    let most = tornado.bars.iter().map(|bar| bar.low.abs().max(bar.high.abs())).fold(0.0, f64::max);
    let (unit, scale) = figure_scale(&spread.figure, most);
    let place = |value: f64| value * scale;
    let row = |bar: &Bar| Swing {
        name: risk.inputs[bar.input].path.clone(),
        low: place(bar.low),
        high: place(bar.high),
    };
    let heading = Heading::new(
        format!("What matters most for {}", spread.figure.name),
        "Median in the tenth of the samples where each input is lowest and highest; the dashed line is \
         the median of all.",
    );
    TornadoChart {
        heading,
        along: match spread.figure.unit {
            FigureUnit::Day => Along::Days,
            _ if unit.is_empty() => Along::Numbers(spread.figure.name.to_string()),
            _ => Along::Numbers(unit),
        },
        middle: place(spread.p50),
        rows: tornado.bars.iter().map(row).collect(),
    }
    .to_svg()
}

/// Three quantiles of a quarterly figure through the years.
fn band(plan: &Plan, risk: &Risk, what: &'static str, title: &str) -> Svg {
    let all = risk
        .figures
        .iter()
        .filter(|spread| matches!(spread.figure.name, FigureName::In(of, _) if of == what));
    let most = all.clone().map(|spread| spread.p90.abs()).filter(|value| value.is_finite());
    let most = most.fold(0.0, f64::max);
    let (unit, scale) =
        all.clone().next().map_or((String::new(), 1.0), |s| figure_scale(&s.figure, most));
    let mut days = Vec::new();
    let mut series = ["P10", "P50", "P90"].map(|name| Series::new(name, Vec::new()));
    let mut at = 0;
    for quarter in &plan.quarters {
        at += quarter.days as usize;
        let name = FigureName::In(what, quarter.label);
        let spread = risk.figures.iter().find(|spread| spread.figure.name == name);
        let (Some(spread), Some(last)) = (spread, plan.days.get(at.saturating_sub(1))) else {
            continue;
        };
        days.push(Horizontal::day(last.date));
        let values = [spread.p10, spread.p50, spread.p90];
        series.iter_mut().zip(values).for_each(|(of, value)| of.values.push(value * scale));
    }
    let heading = Heading::new(
        title,
        "Nine samples in ten are above P10, half above P50, one in ten above P90.",
    );
    LineChart {
        heading,
        x: Horizontal::Calendar { days },
        y_label: unit,
        spacing: Spacing::Even,
        series: series.into(),
        limits: Vec::new(),
    }
    .to_svg()
}
