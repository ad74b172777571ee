//! Error bars hold what they promise: four in five measurements lie inside.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::PathBuf;

use wattmill::catalog::{Catalog, ErrorBars, Interval, MEASURED, Question, Residuals};
use wattmill::validate::{
    Case, Effort, Figure, Kind, Metric, Outcome, Table, evaluate, quantile, resolve,
};
use wattmill::{Load, serving_bars};

const METRICS: [Metric; 2] = [Metric::Ttft, Metric::Tpot];

/// How many of how many measurements lie inside.
#[derive(Default)]
struct Coverage(BTreeMap<Metric, (u32, u32)>);

impl Coverage {
    fn count(&mut self, figure: &Figure, bar: &Interval) {
        let ratio = figure.measured / figure.predicted;
        let (inside, all) = self.0.entry(figure.metric).or_default();
        *inside += u32::from((bar.low..=bar.high).contains(&ratio));
        *all += 1;
    }

    #[track_caller]
    fn is_about_four_in_five(&self, rows: u32) {
        for metric in METRICS {
            let (inside, all) = self.0[&metric];
            let share = f64::from(inside) / f64::from(all);
            println!("{metric}: {inside} of {all} inside, {:.1} %", 100.0 * share);
            assert!(all >= rows, "{metric}: {all} measurements");
            assert!((0.7..=0.9).contains(&share), "{metric}: {inside} of {all}");
        }
    }
}

/// Headline outcomes of a table of serving, with what was served on what.
fn outcomes<'a>(table: &Table, catalog: &'a Catalog) -> Vec<(Case<'a>, Outcome)> {
    let go_on = |_| ControlFlow::Continue(());
    let answered = evaluate(table, catalog, Effort::default(), go_on);
    let mut by_line: BTreeMap<u64, Outcome> =
        answered.headline().map(|outcome| (outcome.line, outcome.clone())).collect();
    let cases = table.rows().filter_map(|row| resolve(&row, table.kind(), catalog).ok());
    cases.filter_map(|case| by_line.remove(&case.measured().line).map(|o| (case, o))).collect()
}

fn figures(outcome: &Outcome) -> impl Iterator<Item = &Figure> {
    outcome.figures.iter().filter(|figure| METRICS.contains(&figure.metric))
}

#[test]
fn of_the_built_in_figures_four_in_five_lie_inside() {
    let catalog = Catalog::builtin();
    let (_, text) = MEASURED.iter().find(|(name, _)| *name == "serving").expect("it is built in");
    let table = Table::read(text).expect("it is sound");
    let mut coverage = Coverage::default();
    let mut calibrated = 0;
    for (case, outcome) in outcomes(&table, catalog) {
        let Case::Serving(served) = &case else { panic!("it is a table of serving") };
        let deployment = served.deployment();
        let replicas = served.accelerators() / deployment.spec.layout.accelerators();
        let load = Load {
            batch: f64::from(served.concurrency) / f64::from(replicas.max(1)),
            input: served.input.into(),
            output: served.output.into(),
        };
        let bars = serving_bars(catalog, deployment, load);
        for figure in figures(&outcome) {
            let bar = if figure.metric == Metric::Ttft { bars.ttft } else { bars.tpot };
            let bar = bar.expect("serving was measured");
            calibrated += u32::from(bar.inside);
            coverage.count(figure, &bar);
        }
    }
    println!("{calibrated} answers inside the calibrated range");
    coverage.is_about_four_in_five(150);
    assert!(calibrated > 150, "{calibrated}");
}

/// Quantiles of every other row must hold for the rows between them.
#[test]
fn of_rows_that_were_not_asked_four_in_five_lie_inside() {
    let path = "../../../shared/truth/inference_serving_points.csv";
    let Ok(text) = std::fs::read_to_string(PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path))
    else {
        println!("skipped: ../shared absent");
        return;
    };
    let catalog = Catalog::builtin();
    let table = Table::read(&text).expect("the truth is well formed");
    assert_eq!(table.kind(), Kind::Serving);
    let outcomes = outcomes(&table, catalog);
    let mut ratios: BTreeMap<(Metric, String, String), Vec<f64>> = BTreeMap::new();
    for (case, outcome) in outcomes.iter().step_by(2) {
        for figure in figures(outcome) {
            for family in [case.family(), ""] {
                let group = (figure.metric, family.to_owned(), outcome.group.engine.clone());
                ratios.entry(group).or_default().push(figure.measured / figure.predicted);
            }
        }
    }
    let mut bars = ErrorBars::default();
    for ((metric, family, engine), mut ratios) in ratios {
        let quantiles = [0.1, 0.5, 0.9].map(|q| quantile(&mut ratios, q).expect("there are some"));
        let rows = ratios.len() as u32;
        let residuals = Residuals { quantiles, unseen: None, rows, models: Vec::new() };
        bars.insert(metric.name(), &family, &engine, residuals);
    }
    let mut coverage = Coverage::default();
    for (case, outcome) in outcomes.iter().skip(1).step_by(2) {
        for figure in figures(outcome) {
            let asked = Question {
                metric: figure.metric.name(),
                family: case.family(),
                engine: &outcome.group.engine,
                model: &outcome.group.model,
                inside: true,
            };
            coverage.count(figure, &bars.interval(&asked).expect("its group was asked"));
        }
    }
    coverage.is_about_four_in_five(500);
}
