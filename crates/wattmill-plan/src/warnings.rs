//! What a reader should know before believing a plan.

use wattmill_factory::Factory;

use crate::result::Plan;

/// Everything odd about a plan of the factory.
pub(crate) fn of(factory: &Factory, plan: &Plan) -> Vec<String> {
    let mut warnings = Vec::new();
    for offer in &plan.offers {
        let service = &factory.services[offer.service];
        let system = &factory.hardware[offer.hardware].system.id;
        if let Some(why) = offer.cannot() {
            warnings.push(format!("{system} does not serve `{}`: {why}", service.name));
        }
    }
    for site in factory.sites.ids() {
        let quarters = plan.quarters.iter().map(|quarter| quarter.sites[site.index()].sums);
        let over = quarters.filter(|sums| sums.peak_draw > sums.available * (1.0 + 1e-9));
        if let Some(sums) =
            over.max_by(|a, b| a.peak_draw.as_watts().total_cmp(&b.peak_draw.as_watts()))
        {
            warnings.push(format!(
                "`{}` draws up to {} of the {} it has: its machines are provisioned for less than \
                 they take; raise their `unit_power`",
                factory.sites[site].name, sums.peak_draw, sums.available
            ));
        }
    }
    for balance in plan.ledger.iter().filter(|balance| !balance.closes()) {
        warnings.push(format!("the books do not close: {balance}"));
    }
    warnings
}
