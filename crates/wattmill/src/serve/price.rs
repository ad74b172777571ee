//! What a request costs and emits in a full batch of a pool, by which pools are compared.

use wattmill_config::{Fleet, PoolRole};
use wattmill_perf::{StepModel, StepShape};
use wattmill_plan::Engine;
use wattmill_units::{Energy, Money, Power};

use super::levels::Levels;

/// Tokens of its prompt and of its answer.
const INPUT: u32 = 1000;
const OUTPUT: u32 = 250;

/// A request at some pool.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Worth {
    pub(super) money: Money,
    pub(super) carbon_g: f64,
}

/// Time of one replica and what its accelerators draw in it.
#[derive(Clone, Copy, Debug)]
struct Work {
    seconds: f64,
    /// `None` where nothing states their power limit.
    energy: Option<Energy>,
}

/// Of a pool that is asked; its partner's part included if it hands prompts over.
pub(super) fn of(fleet: &Fleet, levels: &[Levels<'_>], pool: usize) -> Worth {
    let prompt = prompt(levels[pool].engine());
    let (answering, answer) = match fleet.pools[pool].role {
        PoolRole::Prefill { decode, .. } => (decode, answer(levels[decode].engine())),
        PoolRole::Both | PoolRole::Decode => (pool, answer(levels[pool].engine())),
    };
    let mut worth = Worth::default();
    for (place, work) in [(pool, prompt), (answering, answer)] {
        let pool = &fleet.pools[place];
        let site = &fleet.sites[pool.site];
        let hours = work.seconds / 3600.0 * f64::from(levels[place].engine().accelerators());
        worth.money += pool.accelerator_hour.unwrap_or(Money::ZERO) * hours;
        let energy = work.energy.map(|energy| energy * site.pue);
        // Of what nobody knows to be less than another's, all other pools come first.
        let last = f64::INFINITY;
        if let Some(price) = super::energy_price(fleet, pool) {
            worth.money += super::paid(energy, price).unwrap_or(Money::from_usd(last));
        }
        if let Some(carbon) = site.carbon {
            let emitted = |energy: Energy| carbon.as_g_per_kwh() * energy.as_mwh() * 1e3;
            worth.carbon_g += energy.map_or(last, emitted);
        }
    }
    worth
}

/// Its part of a step full of prompts.
fn prompt(engine: &Engine<'_>) -> Work {
    let most = engine.limits.max_tokens.max(1);
    let chunk = INPUT.min(most);
    let mut shape = StepShape::default();
    (0..most / chunk).for_each(|_| shape.prefill.add(chunk, 0, true));
    work(engine, &shape, f64::from(INPUT) / f64::from(shape.prefill.tokens))
}

/// Its part of the steps of as many answers as fit.
fn answer(engine: &Engine<'_>) -> Work {
    let limits = &engine.limits;
    let fit = limits.blocks / limits.blocks_for(u64::from(INPUT + OUTPUT)).max(1);
    let decodes = u64::from(limits.max_seqs).min(fit).max(1) as u32;
    let mean = u64::from(INPUT + OUTPUT / 2);
    let decode_context = u64::from(decodes) * mean;
    let shape = StepShape { decodes, decode_context, ..StepShape::default() };
    work(engine, &shape, f64::from(OUTPUT) / f64::from(decodes))
}

fn work(engine: &Engine<'_>, shape: &StepShape, share: f64) -> Work {
    let cost = engine.surface.step(shape);
    let seconds = cost.time.as_seconds().as_s() * share;
    let joules = |idle: Power| idle.as_watts() * seconds + cost.dynamic_nj as f64 * 1e-9 * share;
    let energy = engine.idle_power().map(|idle| Energy::from_joules(joules(idle)));
    Work { seconds, energy }
}
