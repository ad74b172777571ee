//! The small factory beside a dearer one, and at two prices.

use wattmill_catalog::Catalog;
use wattmill_factory::{Causes, Factory};
use wattmill_plan::{Contrasts, Figure, Plan, Step, figures, swept as over_points};
use wattmill_units::EnergyPrice;

use crate::comparison::Compared;
use crate::document::{comparison_document, sweep_document};
use crate::sweep::SweepReport;

/// The factory with energy at this price.
fn at(factory: &Factory, usd_per_mwh: f64) -> Factory {
    let mut other = factory.clone();
    let sites = other.sites.iter().map(|site| {
        let mut site = site.clone();
        if let Some(grid) = &mut site.grid {
            grid.price = EnergyPrice::from_usd_per_mwh(usd_per_mwh);
        }
        site
    });
    other.sites = sites.collect();
    other
}

/// A comparison with samples, one of which has no answer.
pub(super) fn compared(factory: &Factory) -> String {
    let dear = at(factory, 90.0);
    let contrasts = Contrasts::new(factory, &dear, Catalog::builtin(), |_, _| {});
    let steps: Vec<Step> = Causes::every().map(|causes| contrasts.step(causes)).collect();
    let samples = [Some(contrasts.sample(factory, &dear, 0)), None];
    let comparison = contrasts.compare(&steps, &samples);
    let others = vec![(&dear, comparison)];
    let compared = Compared { base: factory, others, samples: 2 };
    comparison_document(&compared, &["odd".to_owned()], None)
}

/// A sweep over two prices.
pub(super) fn swept(factory: &Factory, plan: &Plan) -> String {
    let of = |price: f64| figures(&at(factory, price), Catalog::builtin(), &plan.offers);
    let (low, high) = (of(20.0), of(90.0));
    let known: Vec<Figure> = low.iter().map(|(figure, _)| figure.clone()).collect();
    let values = |all: &[(Figure, f64)]| all.iter().map(|(_, value)| *value).collect();
    let report = SweepReport {
        factory: &factory.name,
        design: "grid",
        seed: 1,
        paths: vec!["site.hall.grid.price"],
        points: 3,
        computed: 2,
        known: 1,
        refused: 1,
        first_refusal: Some("too dear"),
        values: vec![vec!["20 USD/MWh".to_owned()], vec!["90 USD/MWh".to_owned()]],
        figures: over_points(&known, &[vec![20.0, 90.0]], &[values(&low), values(&high)]),
        table: "points.parquet".to_owned(),
        answer_hash: 1,
    };
    sweep_document(&report, &[], None)
}
