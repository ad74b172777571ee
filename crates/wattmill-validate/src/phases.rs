//! Splitwise: the time of a batch's prompts and of a token after them, and GPU power.
//!
//! A batch of equal requests that start together, its prompts in one step, as the profile's engine
//! of 2023 ran them.

use wattmill_catalog::{Catalog, Efficiency};
use wattmill_factory::{EngineSpec, Flavour, Layout, PowerCap};
use wattmill_perf::Deployment;
use wattmill_sim::Exchange;
use wattmill_units::{Ratio, SimTime};

use crate::caps;
use crate::engine::{self, Effort, Engine, Frontend, MOST_CONCURRENCY, MOST_DEGREE, MOST_TOKENS};
use crate::labels;
use crate::outcome::{Group, Measured, Metric, Reason};
use crate::table::Row;

/// Share of its limit to which Splitwise capped the H100.
const CAPPED: f64 = 0.5;

/// A row, ready to be predicted.
#[derive(Clone, Debug)]
pub struct Case<'a> {
    /// What was measured.
    pub measured: Measured,
    /// What runs where.
    pub deployment: Deployment<'a>,
    /// Requests that start together.
    pub batch: u32,
    /// Prompt tokens of each.
    pub input: u32,
    /// Output tokens of each.
    pub output: u32,
}

/// What a row measured, on what.
///
/// # Errors
/// Why it cannot be predicted.
pub fn resolve<'a>(row: &Row<'_>, catalog: &'a Catalog) -> Result<Case<'a>, Reason> {
    let name = row.needed_text("model")?;
    let model = labels::model(name, catalog)?;
    let hardware = row.text("gpu").map_or_else(|| row.needed_text("hardware"), Ok)?;
    let chip = labels::accelerator(hardware.trim_end_matches("-pcap"), catalog)?;
    let precision = labels::precision_or_published(None, name, model)?;
    let layout = Layout::tensor(row.needed_count("tp", MOST_DEGREE)?);
    let batch = row.needed_count("batch_size", MOST_CONCURRENCY)?;
    let input = row.needed_count("isl_tokens", MOST_TOKENS)?;
    let output = row.needed_count("osl_tokens", MOST_TOKENS)?;
    engine::affordable(batch, u64::from(input) + u64::from(output))?;
    let spec = EngineSpec {
        max_seqs: batch,
        max_tokens: batch.saturating_mul(input).clamp(8_192, 1 << 20),
        flavour: Flavour::Vllm,
        power_cap: cap(row),
        ..EngineSpec::new(layout, precision)
    };
    let deployment = engine::deployment(model, chip, catalog, spec)?;
    let each = u64::from(input) + u64::from(output);
    engine::holds(&deployment, each * u64::from(batch))?;

    let mut figures = vec![
        (Metric::PromptTime, row.needed("prompt_time_ms_median")?),
        (Metric::StepTime, row.needed("token_time_ms_median")?),
    ];
    let share = row.number("average_power_frac_tdp_median").filter(|share| *share > 0.0);
    let power = share.zip(chip.tdp).map(|(share, tdp)| share * tdp.as_watts());
    figures.extend(power.map(|power| (Metric::AcceleratorPower, power)));
    // The profile's average is over the whole batch, first prompt to last token.
    let tokens = f64::from(batch) * f64::from(output);
    let energy = power
        .zip(row.number("e2e_time_ms_median"))
        .map(|(power, ms)| power * f64::from(layout.accelerators()) * ms / 1e3 / tokens);
    figures.extend(energy.map(|energy| (Metric::EnergyPerToken, energy)));
    let read = row.text("verification").is_none_or(|how| how != "recalled_not_reread");
    let measured = Measured {
        line: row.line,
        group: Group {
            model: model.id.clone(),
            accelerator: chip.id.clone(),
            engine: Flavour::Vllm.name().to_owned(),
            mode: match spec.power_cap {
                Some(cap) => format!("tp {} at {cap}", layout.tensor),
                None => format!("tp {}", layout.tensor),
            },
            precision: precision.name().to_owned(),
            concurrency: Some(batch),
            source: row.text("src_kind").unwrap_or_default().to_owned(),
        },
        headline: read && (spec.power_cap.is_none() || caps::stated(row).is_some()),
        figures,
    };
    Ok(Case { measured, deployment, batch, input, output })
}

/// What a capped row's accelerators might draw: as the row says in a column of its own, or half of
/// their limit, to which the authors capped the H100 (arXiv 2311.18677, recalled).
///
/// Their capped rows are no measurements of their own: every prompt time is 1.30 times that of the
/// same row without the cap, every token time equal to it.
fn cap(row: &Row<'_>) -> Option<PowerCap> {
    if let Some(stated) = caps::stated(row) {
        return Some(stated);
    }
    let capped = row.text("power_capped").is_some_and(|text| text.eq_ignore_ascii_case("true"))
        || row.text("hardware").is_some_and(|name| name.ends_with("-pcap"));
    capped.then_some(PowerCap::Share(Ratio::from_fraction(CAPPED)))
}

/// Predicts every figure of a case with the shares of peak in `efficiency`.
///
/// # Errors
/// Why it cannot be predicted after all.
pub fn predict(
    case: &Case<'_>,
    efficiency: &Efficiency,
    _: Effort,
) -> Result<Vec<(Metric, f64)>, Reason> {
    let engine = Engine::compile(&case.deployment, efficiency)?;
    let exchange = Exchange { input: case.input, output: case.output };
    let exchanges = vec![exchange; case.batch as usize];
    let run =
        engine.run(&engine.surface, case.batch, Frontend::default(), SimTime::ZERO, &exchanges);
    let (span, accelerators) = (run.span().as_seconds(), f64::from(engine.surface.accelerators()));
    let idle = engine.surface.idle_power();
    let power = idle.map(|idle| idle + run.usage.dynamic_energy() / span);
    let tokens = f64::from(case.batch) * f64::from(case.output);
    let mut all = vec![(Metric::PromptTime, crate::serving::median_ms(run.ttft()))];
    if let Some(power) = power {
        all.extend([
            (Metric::AcceleratorPower, power.as_watts() / accelerators),
            (Metric::EnergyPerToken, (power * span).as_joules() / tokens),
        ]);
    }
    if case.output > 1 {
        all.push((Metric::StepTime, crate::serving::median_ms(run.tpot())));
    }
    Ok(all)
}
