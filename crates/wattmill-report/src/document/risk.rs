//! What samples of a plan say.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_plan as plan;
use wattmill_plan::{FigureName, FigureUnit, figure_day};

use super::head::hexadecimal;
use super::run::Balance;
use crate::risk::input_value;

/// Samples of the plan, each walked hour by hour with numbers of its own for what is not known.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Risk {
    /// Samples drawn.
    samples: usize,
    /// Of these, without an answer: what was drawn made no sense together.
    samples_refused: usize,
    /// Of everything that is conserved, what is furthest off in any sample; null without samples.
    worst_balance: Option<Balance>,
    /// Hash of every figure of every sample.
    samples_hash: String,
    /// What is drawn, in the order of the file.
    inputs: Vec<Input>,
    /// Every number of the plan.
    figures: Vec<Figure>,
    /// Every day of the plan.
    days: Vec<Day>,
    /// What matters most for the main figures.
    tornados: Vec<Tornado>,
    /// How likely every target is.
    targets: Vec<Target>,
}

/// A number, null where it is undefined or of another kind.
fn finite(unit: FigureUnit, value: f64) -> Option<f64> {
    (unit != FigureUnit::Day && value.is_finite()).then_some(value)
}

/// A day, null for never and for figures of another kind.
fn day(unit: FigureUnit, value: f64) -> Option<String> {
    let day = (unit == FigureUnit::Day).then(|| figure_day(value)).flatten();
    day.map(|day| day.to_string())
}

/// Something that is not known exactly.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UncertainInput")]
struct Input {
    /// Where it stands in the factory file.
    path: String,
    /// One draw in ten is lower; as one would write it in the file.
    p10: String,
    /// Median: what the plan takes.
    p50: String,
    /// One draw in ten is higher.
    p90: String,
}

impl Input {
    fn of(input: &wattmill_factory::Uncertain) -> Self {
        let at = |share| input_value(input, input.distribution.quantile(share));
        Self { path: input.path.clone(), p10: at(0.1), p50: at(0.5), p90: at(0.9) }
    }
}

/// A figure of the plan over the samples.
#[derive(Debug, Serialize, JsonSchema)]
struct Figure {
    /// What it is.
    figure: &'static str,
    /// Phase, training run or target it is of; null for the whole plan.
    of: Option<String>,
    /// Quarter it is of; null for the whole plan.
    quarter: Option<String>,
    /// Unit of the values.
    #[schemars(extend("enum" = ["mw", "mwh", "count", "fraction", "t", "l", "usd", "usd_per_million_tokens", "tokens_per_mwh"]))]
    unit: &'static str,
    /// With every input at its median.
    planned: Option<f64>,
    /// One sample in ten is at most this.
    p10: Option<f64>,
    /// Half of the samples are at most this.
    p50: Option<f64>,
    /// Nine samples in ten are at most this.
    p90: Option<f64>,
    /// Samples that have no such figure, as a rate of return that there is not; quantiles are of the others.
    samples_undefined: usize,
}

impl Figure {
    fn of(spread: &plan::Spread) -> Self {
        let (figure, of, quarter) = match &spread.figure.name {
            FigureName::Whole(what) => (*what, None, None),
            FigureName::Of(what, name) => (*what, Some(name.clone()), None),
            FigureName::In(what, quarter) => (*what, None, Some(quarter.to_string())),
        };
        let unit = spread.figure.unit;
        Self {
            figure,
            of,
            quarter,
            unit: unit.suffix(),
            planned: finite(unit, spread.planned),
            p10: finite(unit, spread.p10),
            p50: finite(unit, spread.p50),
            p90: finite(unit, spread.p90),
            samples_undefined: spread.undefined,
        }
    }
}

/// A day of the plan over the samples; null for never.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "FigureDay")]
struct Day {
    /// What happens.
    figure: &'static str,
    /// Phase, training run or target it is of.
    of: Option<String>,
    /// With every input at its median.
    #[schemars(extend("format" = "date"))]
    planned: Option<String>,
    /// In one sample in ten it is this day or earlier.
    #[schemars(extend("format" = "date"))]
    p10: Option<String>,
    /// In half of the samples it is this day or earlier.
    #[schemars(extend("format" = "date"))]
    p50: Option<String>,
    /// In nine samples in ten it is this day or earlier.
    #[schemars(extend("format" = "date"))]
    p90: Option<String>,
}

impl Day {
    fn of(spread: &plan::Spread) -> Self {
        let Figure { figure, of, .. } = Figure::of(spread);
        let at = |value| day(spread.figure.unit, value);
        Self {
            figure,
            of,
            planned: at(spread.planned),
            p10: at(spread.p10),
            p50: at(spread.p50),
            p90: at(spread.p90),
        }
    }
}

/// What a figure depends on, the input that moves it furthest first.
#[derive(Debug, Serialize, JsonSchema)]
struct Tornado {
    /// The figure.
    figure: String,
    /// Unit of the values; `date` for days.
    unit: &'static str,
    /// Inputs that matter more than chance.
    inputs: Vec<Bar>,
}

/// How a figure depends on one input.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TornadoBar")]
struct Bar {
    /// Where the input stands in the factory file.
    path: String,
    /// Rank correlation, from -1 to 1.
    rank_correlation: f64,
    /// Median of the figure in the tenth of the samples where the input is lowest.
    where_lowest: Option<f64>,
    /// Likewise highest.
    where_highest: Option<f64>,
    /// The same of a figure that is a day; null for never.
    #[schemars(extend("format" = "date"))]
    where_lowest_date: Option<String>,
    /// Likewise highest.
    #[schemars(extend("format" = "date"))]
    where_highest_date: Option<String>,
}

/// How likely a target is.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TargetChance")]
struct Target {
    /// Its name.
    target: String,
    /// Last day on which it counts as met.
    #[schemars(extend("format" = "date"))]
    by: String,
    /// Share of the samples that meet it by then.
    chance_fraction: f64,
}

impl From<&plan::Risk> for Risk {
    fn from(risk: &plan::Risk) -> Self {
        let tornado = |tornado: &plan::Tornado| {
            let figure = &risk.figures[tornado.figure].figure;
            let bar = |bar: &plan::Bar| Bar {
                path: risk.inputs[bar.input].path.clone(),
                rank_correlation: bar.correlation,
                where_lowest: finite(figure.unit, bar.low),
                where_highest: finite(figure.unit, bar.high),
                where_lowest_date: day(figure.unit, bar.low),
                where_highest_date: day(figure.unit, bar.high),
            };
            Tornado {
                figure: figure.name.to_string(),
                unit: figure.unit.suffix(),
                inputs: tornado.bars.iter().map(bar).collect(),
            }
        };
        let target = |target: &plan::Chance| Target {
            target: target.name.clone(),
            by: target.by.to_string(),
            chance_fraction: target.chance,
        };
        Self {
            samples: risk.samples,
            samples_refused: risk.refused,
            worst_balance: risk.worst.as_ref().map(Balance::from),
            samples_hash: hexadecimal(risk.answer_hash),
            inputs: risk.inputs.iter().map(Input::of).collect(),
            figures: risk.figures.iter().filter(|f| !f.is_day()).map(Figure::of).collect(),
            days: risk.figures.iter().filter(|f| f.is_day()).map(Day::of).collect(),
            tornados: risk.tornados.iter().map(tornado).collect(),
            targets: risk.targets.iter().map(target).collect(),
        }
    }
}
