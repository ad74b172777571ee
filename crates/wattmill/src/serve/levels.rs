//! Engines of pools, at the power that their sites leave them.

use wattmill_catalog::Catalog;
use wattmill_config::{Fleet, FleetPool, FleetSite};
use wattmill_factory::{EngineChoice, EngineSpec, PowerCap};
use wattmill_plan::{Engine, usual_specs};
use wattmill_policy::{PowerClaim, cap_power};
use wattmill_units::{Power, SimTime};

use super::most_replicas;

/// Least part of its limit that an accelerator is given before its pool is off: an H100 cannot be set
/// below 200 of its 700 W.
const LEAST: f64 = 0.3;

/// The engine of a pool at each of its powers.
pub(super) struct Levels<'a> {
    /// The highest first; at least one.
    pub(super) engines: Vec<Engine<'a>>,
    /// From when which of them holds; the first until then.
    pub(super) changes: Vec<(SimTime, u8)>,
}

impl<'a> Levels<'a> {
    /// At the highest power.
    pub(super) fn engine(&self) -> &Engine<'a> {
        &self.engines[0]
    }

    /// What each accelerator may draw from when on, where anything but its own limit ever holds.
    pub(super) fn caps(&self) -> Vec<(SimTime, Option<Power>)> {
        let cap = |level: usize| {
            let deployment = &self.engines[level].deployment;
            let cap = deployment.spec.power_cap?;
            deployment.accelerator.tdp.map(|limit| cap.of(limit))
        };
        let begin = (SimTime::ZERO, 0);
        let starts_at_once = self.changes.first().is_some_and(|(at, _)| *at == SimTime::ZERO);
        let changes = (!starts_at_once).then_some(begin).into_iter().chain(self.changes.clone());
        let caps: Vec<_> = changes.map(|(at, level)| (at, cap(level.into()))).collect();
        if caps.iter().all(|(_, cap)| cap.is_none()) { Vec::new() } else { caps }
    }
}

/// What speaks against a table of the file, and which of its keys says so.
#[derive(Clone, Debug)]
pub(super) struct Refusal {
    pub(super) kind: &'static str,
    pub(super) name: String,
    pub(super) key: &'static str,
    /// The curtailment of the file that says so, where it is one.
    pub(super) curtailment: Option<usize>,
    /// Ends in its way out.
    pub(super) problem: String,
}

/// The engines of every pool.
///
/// # Errors
/// What speaks against them.
pub(super) fn levels<'a>(
    fleet: &'a Fleet,
    catalog: &'a Catalog,
) -> Result<Vec<Levels<'a>>, Vec<Refusal>> {
    let mut refused = Vec::new();
    let mut built = Vec::new();
    for pool in &fleet.pools {
        match engine(pool, catalog) {
            Ok(engine) => built.push(engine),
            Err(why) => refused.extend(why.into_iter().map(|problem| Refusal {
                kind: "pool",
                name: pool.name.clone(),
                key: "engine",
                curtailment: None,
                problem,
            })),
        }
    }
    if !refused.is_empty() {
        return Err(refused);
    }
    let mut caps: Vec<Vec<(SimTime, Option<Power>)>> = vec![Vec::new(); built.len()];
    for (index, site) in fleet.sites.iter().enumerate() {
        if site.power.is_none() && site.curtailments.is_empty() {
            continue;
        }
        if let Err((curtailment, problem)) = share(fleet, index, &built, &mut caps) {
            let key = if site.power.is_some() { "power" } else { "name" };
            let name = site.name.clone();
            refused.push(Refusal { kind: "site", name, key, curtailment, problem });
        }
    }
    let mut all = Vec::new();
    for ((pool, engine), caps) in fleet.pools.iter().zip(built).zip(&caps) {
        match at_powers(pool, engine, caps, catalog) {
            Ok(levels) => all.push(levels),
            Err(why) => refused.extend(why.into_iter().map(|problem| Refusal {
                kind: "site",
                name: fleet.sites[pool.site].name.clone(),
                key: "power",
                curtailment: None,
                problem,
            })),
        }
    }
    if refused.is_empty() { Ok(all) } else { Err(refused) }
}

/// As spelled out, or the smallest usual layout that fits.
fn engine<'a>(pool: &'a FleetPool, catalog: &'a Catalog) -> Result<Engine<'a>, Vec<String>> {
    let specs: Vec<EngineSpec> = match pool.engine {
        EngineChoice::Explicit(spec) => vec![spec],
        EngineChoice::Auto => usual_specs(&pool.model, &pool.hardware),
    };
    let mut refusal = Vec::new();
    for spec in specs {
        match Engine::new(&pool.model, &pool.hardware, catalog, spec) {
            Ok(engine) => return Ok(engine),
            Err(why) => refusal = why,
        }
    }
    Err(refusal)
}

/// What a pool's accelerators could draw, every replica on.
struct Claim {
    pool: usize,
    accelerators: f64,
    claim: PowerClaim,
}

impl Claim {
    fn of(pool: &FleetPool, index: usize, engine: &Engine<'_>) -> Option<Self> {
        let accelerators = f64::from(most_replicas(pool)) * f64::from(engine.accelerators());
        let deployment = &engine.deployment;
        let limit = deployment.accelerator.tdp?;
        let most = PowerCap::at_most(deployment.spec.power_cap, limit);
        let least = limit * LEAST.max(1.05 * deployment.efficiency.idle_fraction);
        let claim = PowerClaim {
            wanted: most * accelerators,
            least: least.min(most) * accelerators,
            priority: pool.priority,
        };
        (accelerators > 0.0).then_some(Self { pool: index, accelerators, claim })
    }
}

/// Shares the power of a site among its pools, from one change to the next: from when on which cap
/// holds, for each pool. What speaks against it comes with the curtailment that it is, if it is one.
fn share(
    fleet: &Fleet,
    index: usize,
    engines: &[Engine<'_>],
    caps: &mut [Vec<(SimTime, Option<Power>)>],
) -> Result<(), (Option<usize>, String)> {
    let site = &fleet.sites[index];
    let here = fleet.pools.iter().zip(engines).enumerate();
    let here = here.filter(|(_, (pool, _))| pool.site == index);
    let mut chips = here.clone().map(|(_, (pool, _))| &pool.hardware.accelerator);
    if let Some(unknown) = chips.find_map(|chip| chip.power_unknown()) {
        return Err((None, format!("its power cannot be shared: {unknown}")));
    }
    let claims: Vec<Claim> =
        here.filter_map(|(place, (pool, engine))| Claim::of(pool, place, engine)).collect();
    let asked: Vec<PowerClaim> = claims.iter().map(|claim| claim.claim).collect();
    let mut given = vec![Power::ZERO; asked.len()];
    for from in changes(site) {
        let (budget, curtailment) = budget(site, &asked, from);
        cap_power(budget * (1.0 / site.pue), site.shared, &asked, &mut given);
        for (claim, given) in claims.iter().zip(&given) {
            if *given <= Power::ZERO {
                let least: Power = asked.iter().map(|claim| claim.least).sum();
                let raise = if curtailment.is_some() { "ask for less" } else { "raise its power" };
                let problem = format!(
                    "{budget} from {} on keep pool `{}` off; its pools need {} at least, PUE \
                     included: {raise}, or keep fewer replicas there",
                    from.as_seconds(),
                    fleet.pools[claim.pool].name,
                    least * site.pue
                );
                return Err((curtailment, problem));
            }
            // Shares are whole watts.
            let whole = *given + Power::from_watts(1.0) > claim.claim.wanted;
            let cap = (!whole).then(|| *given * (1.0 / claim.accelerators));
            caps[claim.pool].push((from, cap));
        }
    }
    Ok(())
}

/// When what a site may draw changes, its start included.
fn changes(site: &FleetSite) -> Vec<SimTime> {
    let ends = site.curtailments.iter().flat_map(|less| [less.from, less.until]);
    let mut times: Vec<SimTime> = std::iter::once(SimTime::ZERO).chain(ends).collect();
    times.sort_unstable();
    times.dedup();
    times
}

/// Facility power that a site's accelerators may draw from `at` on, and the curtailment that says so, if
/// one does.
fn budget(site: &FleetSite, claims: &[PowerClaim], at: SimTime) -> (Power, Option<usize>) {
    let all = claims.iter().map(|claim| claim.wanted).sum::<Power>() * site.pue;
    let whole = site.power.unwrap_or(all);
    let there = site.curtailments.iter().filter(|less| less.from <= at && at < less.until);
    let there = there.map(|less| (less.power.of(whole), Some(less.index)));
    there.fold((whole, None), |least, less| if less.0 < least.0 { less } else { least })
}

/// The engine at each of the caps.
fn at_powers<'a>(
    pool: &'a FleetPool,
    engine: Engine<'a>,
    caps: &[(SimTime, Option<Power>)],
    catalog: &'a Catalog,
) -> Result<Levels<'a>, Vec<String>> {
    let base = engine.deployment.spec;
    // No cap is the most.
    let watts = |cap: &Option<Power>| cap.map_or(f64::INFINITY, Power::as_watts);
    let mut powers: Vec<Option<Power>> = caps.iter().map(|(_, cap)| *cap).collect();
    powers.sort_by(|a, b| watts(b).total_cmp(&watts(a)));
    powers.dedup();
    if powers.len() > usize::from(u8::MAX) {
        return Err(vec![format!(
            "{} powers are more than the 255 that are told apart; state fewer curtailments",
            powers.len()
        )]);
    }
    let mut engines = vec![engine];
    if let [first, ..] = powers[..]
        && first.is_some()
    {
        engines.clear();
    }
    for cap in powers.iter().filter_map(|cap| *cap) {
        let spec = EngineSpec { power_cap: Some(PowerCap::Watts(cap)), ..base };
        engines.push(Engine::new(&pool.model, &pool.hardware, catalog, spec)?);
    }
    let mut changes = Vec::new();
    let mut now = 0;
    for (from, cap) in caps {
        let level = powers.iter().position(|power| power == cap).unwrap_or(0);
        if level != now {
            changes.push((*from, level as u8));
        }
        now = level;
    }
    Ok(Levels { engines, changes })
}
