//! What machines do for services, each measured once however often it is asked for.

use wattmill_catalog::Catalog;
use wattmill_factory::{EngineSpec, Factory, Hardware, Service};
use wattmill_sim::{Binding, Capacity, Demand, probe};
use wattmill_units::Id;

use crate::build::{accelerators_of, most_at_a_site};
use crate::engine::Engine;
use crate::serving::{Offer, Outcome, ROUTER_REPLICAS, choose, point, too_long};

/// Offers of every kind of machine for every service, by hardware, then service.
///
/// `progress` is called after each with how many of how many are done.
pub fn offers(
    factory: &Factory,
    catalog: &Catalog,
    progress: impl FnMut(usize, usize),
) -> Vec<Offer> {
    Probed::default().offers(factory, catalog, progress)
}

/// Remembers what was measured, for factories that have machines and services in common.
///
/// ```
/// use wattmill_catalog::Catalog;
/// use wattmill_plan::{Probed, offers};
/// let text = wattmill_config::builtin_factory("nvl72-rack").expect("a built-in factory");
/// let factory = wattmill_config::parse_factory(text, Catalog::builtin()).factory.expect("sound");
/// let mut probed = Probed::default();
/// let first = probed.offers(&factory, Catalog::builtin(), |_, _| {});
/// let again = probed.offers(&factory, Catalog::builtin(), |_, _| {});
/// assert_eq!(first.len(), again.len());
/// assert_eq!(first[0].point(), again[0].point());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Probed(Vec<Known>);

/// A kind of machine and a service.
#[derive(Clone, Debug)]
struct Known {
    hardware: Hardware,
    service: Service,
    /// The engine that was chosen, or why there is none.
    spec: Result<EngineSpec, String>,
    /// Outcome by replicas behind a router and seed.
    outcomes: Vec<((u32, u64), Outcome)>,
}

impl Probed {
    /// As [`offers`] of `factory`.
    pub fn offers(
        &mut self,
        factory: &Factory,
        catalog: &Catalog,
        mut progress: impl FnMut(usize, usize),
    ) -> Vec<Offer> {
        let all = factory.hardware.len() * factory.services.len();
        let mut offers = Vec::with_capacity(all);
        for hardware in factory.hardware.ids() {
            for service in factory.services.ids() {
                let outcome = self.outcome(factory, catalog, hardware, service);
                offers.push(Offer { hardware, service, outcome });
                progress(offers.len(), all);
            }
        }
        offers
    }

    fn outcome(
        &mut self,
        factory: &Factory,
        catalog: &Catalog,
        hardware: Id<Hardware>,
        service: Id<Service>,
    ) -> Outcome {
        let (machines, together) =
            (accelerators_of(factory, hardware), most_at_a_site(factory, hardware));
        let (hardware, service) = (&factory.hardware[hardware], &factory.services[service]);
        let same = |known: &Known| known.hardware == *hardware && alike(&known.service, service);
        let place = self.0.iter().position(same).unwrap_or_else(|| {
            let spec = choose(service, hardware, catalog).map(|engine| engine.deployment.spec);
            let (hardware, service) = (hardware.clone(), service.clone());
            self.0.push(Known { hardware, service, spec, outcomes: Vec::new() });
            self.0.len() - 1
        });
        let known = &mut self.0[place];
        let spec = match &known.spec {
            Ok(spec) => *spec,
            Err(why) => return Outcome::Cannot(why.clone()),
        };
        let accelerators = spec.layout.accelerators();
        if f64::from(accelerators) > together {
            return Outcome::Cannot(format!(
                "a replica takes {accelerators} accelerators and no site ever has more than \
                 {together}; lower a degree of its engine, or bring more machines to one site",
            ));
        }
        let replicas = (machines / f64::from(accelerators)).clamp(1.0, ROUTER_REPLICAS) as u32;
        let of = (replicas, factory.seed);
        if let Some((_, outcome)) = known.outcomes.iter().find(|(key, _)| *key == of) {
            return outcome.clone();
        }
        let outcome = match Engine::new(&service.model, hardware, catalog, spec) {
            Ok(engine) => outcome(&engine, service, of),
            Err(why) => Outcome::Cannot(why.join("; ")),
        };
        known.outcomes.push((of, outcome.clone()));
        outcome
    }
}

/// Whether a machine does the same for both.
fn alike(a: &Service, b: &Service) -> bool {
    a.model == b.model
        && a.slo == b.slo
        && a.engine == b.engine
        && a.traffic.lengths == b.traffic.lengths
        && a.traffic.arrivals == b.traffic.arrivals
}

/// Probes an engine behind a router of so many replicas.
fn outcome(engine: &Engine<'_>, service: &Service, (replicas, seed): (u32, u64)) -> Outcome {
    let lengths = &service.traffic.lengths;
    let too_long = too_long(engine, lengths);
    if too_long > 1.0 - service.slo.quantile {
        return Outcome::Cannot(format!(
            "{:.0} % of the requests are longer than the {} tokens that the cache of a replica \
             holds; raise a degree of its engine, or take shorter lengths",
            100.0 * too_long,
            engine.limits.blocks * u64::from(engine.limits.block_tokens),
        ));
    }
    let demand =
        Demand { lengths, arrivals: service.traffic.arrivals, replicas, slo: service.slo, seed };
    match probe(&engine.surface, engine.limits, &demand) {
        Capacity::Sustained { at, binding } => {
            Outcome::Serves(Box::new(point(engine, service, &demand, &at, binding)))
        }
        Capacity::Infeasible { binding, ttft, tpot } => Outcome::Cannot(format!(
            "the SLO cannot be met at any rate: {} alone breaks it (TTFT {ttft} of {}, TPOT {tpot} of {})",
            match binding {
                Binding::Ttft => "a first token",
                Binding::Tpot => "a token",
                Binding::Throughput => "a request",
            },
            service.slo.ttft,
            service.slo.tpot,
        )),
    }
}
