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
    energy: Energy,
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
        let energy = work.energy * site.pue;
        let price = super::energy_price(fleet, pool);
        worth.money += price.map_or(Money::ZERO, |price| energy * price);
        let carbon = site.carbon.map_or(0.0, |carbon| carbon.as_g_per_kwh());
        worth.carbon_g += carbon * energy.as_mwh() * 1e3;
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
    let idle: Power = engine.idle_power();
    let joules = idle.as_watts() * seconds + cost.dynamic_nj as f64 * 1e-9 * share;
    Work { seconds, energy: Energy::from_joules(joules) }
}
