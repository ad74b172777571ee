//! What chips and nodes draw: `data/power.toml`, with what its constants are worth.

use std::fmt::Write as _;

use wattmill::catalog::{Catalog, Efficiency};
use wattmill::validate::fit::{
    NodeConstants, NodeMiss, PowerConstants, PowerMiss, cross_validate_power, fit_nodes, fit_power,
    node_misses, power_miss,
};
use wattmill::validate::{Case, Effort, Metric, quantile};

/// How long a fit simulates each row.
const EFFORT: Effort = Effort { rounds: 3 };
/// Whose constants of nodes stand in for those of families whose nodes nobody metered.
const LENDER: &str = "hopper";
/// When the measurements were collected.
const DATE: &str = "2026-11-23";

/// What was fitted to one family.
struct Fitted<'a> {
    family: &'a str,
    /// Where its rows come from.
    sources: String,
    packages: PowerConstants,
    misses: Vec<PowerMiss>,
    nodes: Option<(NodeConstants, Vec<NodeMiss>)>,
}

/// Fits every family whose power was measured, prints what the fits are worth, and returns the text
/// of the catalogue's file.
pub(super) fn toml(cases: &[Case<'_>], catalog: &Catalog) -> String {
    let own = catalog.efficiencies().filter(|efficiency| efficiency.is_measured());
    let families: Vec<_> = own.collect();
    let fitted = super::in_parallel(&families, |efficiency| fit(cases, efficiency, catalog));
    let fitted: Vec<Fitted<'_>> = fitted.into_iter().flatten().collect();
    let lent = fitted.iter().find(|f| f.family == LENDER).and_then(|f| f.nodes.as_ref());
    let mut text = format!(
        "{}#\n# What accelerators draw, as shares of (limit - idle), and what a node draws besides each of\n\
         # them; the comments of Efficiency say what each means. Fitted to measured power with the times\n\
         # of the steps that drew it.\n",
        super::WRITTEN
    );
    for one in &fitted {
        text += &one.toml(lent.map(|(constants, _)| constants));
    }
    text
}

fn fit<'a>(
    cases: &[Case<'_>],
    efficiency: &'a Efficiency,
    catalog: &Catalog,
) -> Option<Fitted<'a>> {
    let all: Vec<&Case<'_>> = cases.iter().collect();
    let family = efficiency.family.as_str();
    let Some(packages) = fit_power(&all, efficiency, EFFORT) else {
        println!("{family}: too few measurements of power");
        return None;
    };
    let applied = packages.applied(efficiency);
    let counts = |case: &&Case<'_>| case.measured().headline && case.family() == family;
    let own = cases.iter().filter(counts);
    let misses: Vec<_> = own.filter_map(|c| power_miss(c, &applied, EFFORT)).collect();
    let unseen = cross_validate_power(cases, family, catalog, EFFORT);
    let mut said = format!("{family}: {} rows of accelerators\n", misses.len());
    // Writing to a string cannot fail.
    let _ = writeln!(said, "  its rows: {}", errors(&misses));
    if !unseen.is_empty() {
        let _ = writeln!(said, "  models left out: {}", errors(&unseen));
    }
    let nodes = fit_nodes(cases, &applied, EFFORT).map(|constants| {
        let applied = constants.applied(&applied);
        let own = cases.iter().filter(|case| case.family() == family);
        let misses: Vec<_> = own.flat_map(|case| node_misses(case, &applied, EFFORT)).collect();
        (constants, misses)
    });
    if let Some((_, misses)) = &nodes {
        let _ = writeln!(said, "  nodes: {}", node_errors(misses));
    }
    print!("{said}");
    let measured = |wanted: fn(&Case<'_>) -> bool| {
        let power = |case: &Case<'_>| {
            case.measured().figures.iter().any(|(metric, _)| *metric == Metric::AcceleratorPower)
        };
        cases.iter().any(|case| case.family() == family && wanted(case) && power(case))
    };
    let sources = [
        (measured(|case| matches!(case, Case::Energy(_))), "ml-energy/leaderboard @0cd52dab89"),
        (
            measured(|case| matches!(case, Case::Phases(_))),
            "Mutinifni/splitwise-sim perf_model.csv @8f99e7dc9b",
        ),
    ];
    let sources = sources.into_iter().filter(|(there, _)| *there).map(|(_, name)| name);
    let sources = sources.collect::<Vec<_>>().join(" and ");
    Some(Fitted { family, sources, packages, misses, nodes })
}

impl Fitted<'_> {
    fn toml(&self, lent: Option<&NodeConstants>) -> String {
        let mut text = format!("\n[{}]\n", self.family);
        for (name, value) in self.packages.named() {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name} = {value:.4}");
        }
        let own = self.nodes.as_ref().map(|(constants, _)| constants);
        let of_nodes = match &self.nodes {
            Some((_, misses)) => format!(
                "nodes to {} figures of mlcommons power submissions, {}",
                misses.len(),
                node_errors(misses)
            ),
            None => format!("nodes as {LENDER}"),
        };
        if let Some(constants) = own.or(lent) {
            let _ = writeln!(text, "power_exposed = {:.4}", constants.exposed);
            let _ = writeln!(text, "power_node = \"{:.0} W\"", constants.node.as_watts());
        }
        let _ = writeln!(
            text,
            "source = \"fitted to {} rows of {}, {}; {of_nodes}\"\n\
             date = \"{DATE}\"\nconfidence = \"B\"",
            self.misses.len(),
            self.sources,
            errors(&self.misses),
        );
        text
    }
}

/// Median and 90th percentile of errors.
fn both(name: &str, mut errors: Vec<f64>) -> String {
    let mut percent = |q| 100.0 * quantile(&mut errors, q).unwrap_or(0.0);
    format!("{name} {:.1} % / {:.1} %", percent(0.5), percent(0.9))
}

/// Of power, of power in steps as long as measured, and of a token's energy.
fn errors(misses: &[PowerMiss]) -> String {
    let of = |x: f64, m: &PowerMiss| (x / m.measured - 1.0).abs();
    [
        both("power", misses.iter().map(|m| of(m.predicted, m)).collect()),
        both("power in measured time", misses.iter().map(|m| of(m.in_time, m)).collect()),
        both("J/token", misses.iter().filter_map(|m| m.energy).map(|e| (e - 1.0).abs()).collect()),
    ]
    .join(", ")
}

/// Of the means that count, of all others, and of high readings.
fn node_errors(misses: &[NodeMiss]) -> String {
    let of = |metric: Metric, headline: Option<bool>| {
        let own = misses.iter().filter(|miss| miss.metric == metric);
        let own = own.filter(|miss| headline.is_none_or(|wanted| wanted == miss.headline));
        own.map(|miss| miss.error.abs()).collect::<Vec<f64>>()
    };
    let parts = [
        ("mean", of(Metric::NodePower, Some(true))),
        ("mean of short runs", of(Metric::NodePower, Some(false))),
        ("95 % of readings", of(Metric::NodePowerP95, None)),
    ];
    let said: Vec<String> = parts
        .into_iter()
        .filter(|(_, errors)| !errors.is_empty())
        .map(|(name, errors)| both(name, errors))
        .collect();
    said.join(", ")
}
