//! One number for a whole plan.

use wattmill_units::AnswerHash;

use crate::result::Plan;

/// Hash of every figure of the plan that the quarters add up to.
pub(crate) fn hash(plan: &Plan) -> u64 {
    let mut hash = AnswerHash::new();
    for quarter in &plan.quarters {
        hash.add_text(&quarter.label.to_string());
        for site in &quarter.sites {
            let s = &site.sums;
            hash.add(site.binds as u64);
            for value in [
                s.available.as_watts(),
                s.energised.as_watts(),
                s.units,
                s.accelerators,
                s.peak_draw.as_watts(),
                s.capacity_tokens_per_day,
                s.served_output_tokens,
                s.served_input_tokens,
                s.serving_hours,
                s.training_hours,
                s.idle_hours,
                s.energy.as_joules(),
                s.serving_energy.as_joules(),
                s.carbon_t,
                s.capital.as_usd(),
                s.energy_cost.as_usd(),
                s.operations.as_usd(),
                s.depreciation.as_usd(),
            ] {
                hash.add_f64(value);
            }
            s.flows.values().into_iter().for_each(|value| hash.add_f64(value));
        }
        for s in &quarter.services {
            for value in
                [s.asked_requests, s.served_requests, s.peak_asked_per_s, s.worst_hour_served]
            {
                hash.add_f64(value);
            }
        }
    }
    for training in &plan.trainings {
        hash.add_f64(training.done);
        hash.add_f64(training.accelerator_hours);
    }
    for receipt in &plan.receipts {
        hash.add_text(&receipt.date.to_string());
        hash.add_f64(receipt.amount.as_usd());
    }
    for stage in &plan.waterfall {
        hash.add_f64(stage.energy.as_joules());
    }
    hash.finish()
}
