//! The factory a document answers for, as it was understood.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory as factory;
use wattmill_factory::{Arrivals, EngineChoice, PowerBasis};
use wattmill_units::Seconds;

use super::energy::{Battery, Curtailment, Export, Outlay, Renewable};
use super::engine::Engine;

/// Days of a year of life.
const YEAR: f64 = 365.25;

/// The factory as it was read, every default filled in.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Factory {
    /// What people call it.
    name: String,
    /// First day of the plan.
    #[schemars(extend("format" = "date"))]
    start: String,
    /// Last day of the plan.
    #[schemars(extend("format" = "date"))]
    end: String,
    /// Whether every sample has weather of its own.
    weather_varies: bool,
    /// Where power arrives, in the order of the file.
    sites: Vec<Site>,
    /// Kinds of machines that phases install.
    systems: Vec<System>,
    /// What is built, in the order of the file.
    phases: Vec<Phase>,
    /// What is served; earlier services are served first.
    services: Vec<Service>,
    /// What is trained, on what serving leaves.
    trainings: Vec<Training>,
    /// When sites are asked to draw less from the grid.
    curtailments: Vec<Curtailment>,
    /// Investments released as power is deployed.
    contracts: Vec<Contract>,
    /// Money that comes on a day, whatever is built.
    payments: Vec<Payment>,
    /// What may happen that contracts hang on.
    events: Vec<Event>,
    /// Costs that no row of the catalogue states.
    economics: Economics,
}

impl From<&factory::Factory> for Factory {
    fn from(factory: &factory::Factory) -> Self {
        Self {
            name: factory.name.clone(),
            start: factory.start.to_string(),
            end: factory.end.to_string(),
            weather_varies: factory.weather != factory::Weather::Same,
            sites: factory.sites.iter().map(Site::from).collect(),
            systems: factory.hardware.iter().map(System::from).collect(),
            phases: factory.phases.iter().map(|phase| Phase::of(factory, phase)).collect(),
            services: factory.services.iter().map(Service::from).collect(),
            trainings: factory.trainings.iter().map(Training::from).collect(),
            curtailments: factory
                .curtailments
                .iter()
                .map(|event| Curtailment::of(factory, event))
                .collect(),
            contracts: factory.contracts.iter().map(Contract::from).collect(),
            payments: factory.payments.iter().map(Payment::from).collect(),
            events: factory.events.iter().map(Event::from).collect(),
            economics: Economics::from(&factory.economics),
        }
    }
}

/// A campus behind one grid connection.
#[derive(Debug, Serialize, JsonSchema)]
struct Site {
    /// Its name.
    name: String,
    /// Degrees north, where known.
    latitude_deg: Option<f64>,
    /// Degrees east, where known.
    longitude_deg: Option<f64>,
    /// The grid connection, if there is one.
    grid: Option<Grid>,
    /// Generation on the campus.
    onsite: Vec<Onsite>,
    /// Panels on the campus.
    solar: Option<Renewable>,
    /// Wind turbines on the campus.
    wind: Option<Renewable>,
    /// A battery on the campus.
    battery: Option<Battery>,
    /// Standard time of the local clock less UTC.
    clock_offset_hours: f64,
    /// Water for IT energy, where stated.
    water_l_per_kwh: Option<f64>,
    /// Share of the overhead that is there without load.
    pue_fixed_fraction: f64,
    /// Power of compressors over IT power, for each degree above the temperature up to which none runs.
    pue_per_degree_fraction: f64,
    /// Peak facility power over peak IT power: sizes what fits behind a connection.
    pue_design_ratio: f64,
    /// Facility energy over IT energy through a year: what is paid for.
    pue_annual_ratio: f64,
    /// Where its figures come from, as the file says.
    source: Option<String>,
}

impl From<&factory::Site> for Site {
    fn from(site: &factory::Site) -> Self {
        Self {
            name: site.name.clone(),
            latitude_deg: site.location.map(|(north, _)| north),
            longitude_deg: site.location.map(|(_, east)| east),
            grid: site.grid.as_ref().map(Grid::from),
            onsite: site.onsite.iter().map(Onsite::from).collect(),
            solar: site.solar.as_ref().map(Renewable::from),
            wind: site.wind.as_ref().map(Renewable::from),
            battery: site.battery.as_ref().map(Battery::from),
            clock_offset_hours: site.clock.offset.as_hours(),
            water_l_per_kwh: site.water_l_per_kwh,
            pue_fixed_fraction: site.cooling.fixed,
            pue_per_degree_fraction: site.cooling.per_degree,
            pue_design_ratio: site.pue.design,
            pue_annual_ratio: site.pue.annual,
            source: site.source.clone(),
        }
    }
}

/// A grid connection.
#[derive(Debug, Serialize, JsonSchema)]
struct Grid {
    /// Largest facility power it carries.
    connection_power_mw: f64,
    /// First day with power.
    #[schemars(extend("format" = "date"))]
    energized: String,
    /// What it carries from later days on.
    steps: Vec<Step>,
    /// Energy price, all in.
    price_usd_per_mwh: f64,
    /// Average carbon intensity, CO₂e.
    carbon_g_per_kwh: f64,
    /// Whether the price differs from hour to hour.
    price_by_hour: bool,
    /// Whether the carbon intensity does.
    carbon_by_hour: bool,
    /// What each kilowatt of a month's highest hour costs.
    demand_charge_usd_per_kw: f64,
    /// What it buys of the site's own energy; null for nothing.
    export: Option<Export>,
}

impl From<&factory::Grid> for Grid {
    fn from(grid: &factory::Grid) -> Self {
        Self {
            connection_power_mw: grid.connection.as_mw(),
            energized: grid.energized.to_string(),
            steps: grid
                .steps
                .iter()
                .map(|(from, power)| Step {
                    from: from.to_string(),
                    connection_power_mw: power.as_mw(),
                })
                .collect(),
            price_usd_per_mwh: grid.price.as_usd_per_mwh(),
            carbon_g_per_kwh: grid.carbon.as_g_per_kwh(),
            price_by_hour: grid.hourly_price.is_some() || !grid.periods.is_empty(),
            carbon_by_hour: grid.hourly_carbon.is_some(),
            demand_charge_usd_per_kw: grid.demand_usd_per_kw,
            export: grid.export.as_ref().map(Export::from),
        }
    }
}

/// A day from which on a connection carries more, or less.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ConnectionStep")]
struct Step {
    /// First day.
    #[schemars(extend("format" = "date"))]
    from: String,
    /// Largest facility power from then on.
    connection_power_mw: f64,
}

/// Generation behind the meter.
#[derive(Debug, Serialize, JsonSchema)]
struct Onsite {
    /// Such as `gas turbine`.
    kind: String,
    /// Firm facility power it adds.
    capacity_mw: f64,
    /// First day with power.
    #[schemars(extend("format" = "date"))]
    from: String,
    /// Cost of its energy.
    price_usd_per_mwh: f64,
    /// Carbon intensity of its energy, CO₂e.
    carbon_g_per_kwh: f64,
    /// What it costs to build; null where its energy is all that is paid for.
    outlay: Option<Outlay>,
}

impl From<&factory::Onsite> for Onsite {
    fn from(onsite: &factory::Onsite) -> Self {
        Self {
            kind: onsite.kind.clone(),
            capacity_mw: onsite.capacity.as_mw(),
            from: onsite.from.to_string(),
            price_usd_per_mwh: onsite.price.as_usd_per_mwh(),
            carbon_g_per_kwh: onsite.carbon.as_g_per_kwh(),
            outlay: Outlay::of(&onsite.outlay),
        }
    }
}

/// A kind of machine.
#[derive(Debug, Serialize, JsonSchema)]
struct System {
    /// Id, of the catalogue or of the file.
    id: String,
    /// As the vendor calls it.
    name: String,
    /// What one unit is: `server`, `rack`, `pod` and the like.
    unit: String,
    /// Id of its accelerator.
    accelerator: String,
    /// Accelerators in one unit.
    accelerators_per_unit: u32,
    /// Highest IT power of one unit, where known.
    unit_it_power_mw: Option<f64>,
    /// Price of one unit, where known.
    unit_price_usd: Option<f64>,
}

impl From<&factory::Hardware> for System {
    fn from(hardware: &factory::Hardware) -> Self {
        let system = &hardware.system;
        Self {
            id: system.id.clone(),
            name: system.name.clone(),
            unit: system.unit.clone(),
            accelerator: hardware.accelerator.id.clone(),
            accelerators_per_unit: system.accelerators,
            unit_it_power_mw: system.power_max.map(|power| power.as_mw()),
            unit_price_usd: system.price.map(|price| price.as_usd()),
        }
    }
}

/// A delivery of machines to a site.
#[derive(Debug, Serialize, JsonSchema)]
struct Phase {
    /// Its name.
    name: String,
    /// Name of its site.
    site: String,
    /// Id of its system.
    system: String,
    /// Id of the system that was ordered, if this one takes its place; null otherwise.
    in_place_of: Option<String>,
    /// How much is delivered.
    power_mw: f64,
    /// What `power_mw` counts: facility power at design PUE, or IT power.
    #[schemars(extend("enum" = ["facility", "it"]))]
    power_basis: &'static str,
    /// IT power provisioned for one unit.
    unit_it_power_mw: f64,
    /// IT power beside the units, such as switches and storage, over theirs.
    beside_fraction: f64,
    /// IT power of the units installed over what is provisioned for them.
    oversubscription_ratio: f64,
    /// First day a unit runs if nothing slips.
    #[schemars(extend("format" = "date"))]
    first_rack: String,
    /// From the first unit to the last.
    ramp_days: f64,
    /// Median slip; the plan uses it.
    slip_p50_days: Option<f64>,
    /// Slip that nine phases in ten stay below; null where the file states one slip.
    slip_p90_days: Option<f64>,
    /// What it needs besides its racks.
    chains: Vec<Chain>,
    /// Day from which nothing more of it is delivered.
    #[schemars(extend("format" = "date"))]
    cancelled: Option<String>,
    /// Age at which a unit is taken out.
    retire_days: Option<f64>,
    /// Share of its price that a unit is sold for when another takes its place.
    resale_fraction: Option<f64>,
    /// Name of the phase whose units its own take the place of.
    refreshes: Option<String>,
    /// Where its figures come from, as the file says.
    source: Option<String>,
}

/// What was ordered, if something else took its place.
fn substituted(factory: &factory::Factory, phase: &factory::Phase) -> Option<String> {
    let (ordered, _) = phase.options.first().filter(|_| phase.is_substituted())?;
    Some(factory.hardware[*ordered].system.id.clone())
}

/// Something that a phase cannot run without.
#[derive(Debug, Serialize, JsonSchema)]
struct Chain {
    /// What it is.
    needs: String,
    /// First day on which some of it is ready if nothing is late.
    #[schemars(extend("format" = "date"))]
    ready: String,
    /// How late it is; the median where the file states a distribution.
    delay_days: f64,
    /// From the first of it to all of it.
    ramp_days: f64,
}

impl From<&factory::Chain> for Chain {
    fn from(chain: &factory::Chain) -> Self {
        Self {
            needs: chain.needs.clone(),
            ready: chain.ready.to_string(),
            delay_days: days(chain.delay),
            ramp_days: days(chain.ramp),
        }
    }
}

impl Phase {
    fn of(factory: &factory::Factory, phase: &factory::Phase) -> Self {
        let path = format!("phase.{}.slip", phase.name);
        let slip = factory.uncertainty.inputs.iter().find(|input| input.path == path);
        Self {
            name: phase.name.clone(),
            site: factory.sites[phase.site].name.clone(),
            system: factory.hardware[phase.hardware].system.id.clone(),
            in_place_of: substituted(factory, phase),
            power_mw: phase.power.as_mw(),
            power_basis: match phase.basis {
                PowerBasis::Facility => "facility",
                PowerBasis::It => "it",
            },
            unit_it_power_mw: phase.unit_power.as_mw(),
            beside_fraction: phase.beside,
            oversubscription_ratio: phase.oversubscription,
            first_rack: phase.first_rack.to_string(),
            ramp_days: days(phase.ramp),
            slip_p50_days: Some(days(phase.slip)),
            slip_p90_days: slip.map(|input| input.distribution.quantile(0.9) / 86_400.0),
            chains: phase.chains.iter().map(Chain::from).collect(),
            cancelled: phase.cancelled.map(|day| day.to_string()),
            retire_days: phase.retire.map(days),
            resale_fraction: phase.resale,
            refreshes: phase.refreshes.map(|before| factory.phases[before].name.clone()),
            source: phase.source.clone(),
        }
    }
}

/// A model served to users.
#[derive(Debug, Serialize, JsonSchema)]
struct Service {
    /// Its name.
    name: String,
    /// Id of the model that answers.
    model: String,
    /// Promised time to first token.
    slo_ttft_ms: f64,
    /// Promised time per output token after the first.
    slo_tpot_ms: f64,
    /// Fraction of requests that both are promised to.
    slo_fraction: f64,
    /// Requests a day at the start of the plan.
    requests_per_day: f64,
    /// Growth in a year: 0.4 means 1.4 times a year later.
    growth_per_year_fraction: f64,
    /// Rate in each hour of the UTC day over the day's mean.
    hourly_shape_ratio: [f64; 24],
    /// Where users are, their clocks in the shape above; empty where the file does not say.
    regions: Vec<Region>,
    /// Name of the distribution of request lengths.
    lengths: String,
    /// Mean length of a prompt.
    mean_input_tokens: f64,
    /// Mean length of an answer.
    mean_output_tokens: f64,
    /// How arrivals bunch.
    #[schemars(extend("enum" = ["poisson", "gamma"]))]
    arrivals: &'static str,
    /// Deviation of the gaps between arrivals over their mean; 1 for independent arrivals.
    arrivals_cv_ratio: f64,
    /// The engine the file states; null leaves the choice to the plan, see `offers`.
    engine: Option<Engine>,
    /// Whether it may be throttled when power is short.
    batch: bool,
    /// Revenue of a million output tokens, where the file states one.
    price_usd_per_million_output_tokens: Option<f64>,
    /// Users who ask at least once a week at the start of the plan, where the file counts them.
    weekly_users: Option<f64>,
    /// What a user who pays by the month pays, where some do.
    subscription_monthly_usd: Option<f64>,
    /// Share of the weekly users who do.
    paying_fraction: Option<f64>,
}

/// Users that live by one clock.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "UserRegion")]
struct Region {
    /// What the file calls it.
    region: String,
    /// Share of the requests.
    share_fraction: f64,
    /// By how much its clock is ahead of UTC.
    utc_offset_hours: f64,
}

impl From<&factory::Region> for Region {
    fn from(region: &factory::Region) -> Self {
        Self {
            region: region.name.clone(),
            share_fraction: region.share,
            utc_offset_hours: region.utc_offset,
        }
    }
}

impl From<&factory::Service> for Service {
    fn from(service: &factory::Service) -> Self {
        let traffic = &service.traffic;
        let (arrivals, arrivals_cv_ratio) = arrivals(traffic.arrivals);
        Self {
            name: service.name.clone(),
            model: service.model.id.clone(),
            slo_ttft_ms: service.slo.ttft.as_ms(),
            slo_tpot_ms: service.slo.tpot.as_ms(),
            slo_fraction: service.slo.quantile,
            regions: traffic.regions.iter().map(Region::from).collect(),
            requests_per_day: traffic.requests_per_day,
            growth_per_year_fraction: traffic.growth_per_year,
            hourly_shape_ratio: traffic.daily_shape,
            lengths: traffic.lengths.name.clone(),
            mean_input_tokens: traffic.lengths.input.mean(),
            mean_output_tokens: traffic.lengths.output.mean(),
            arrivals,
            arrivals_cv_ratio,
            engine: match &service.engine {
                EngineChoice::Auto => None,
                EngineChoice::Explicit(spec) => Some(Engine::from(spec)),
            },
            batch: service.batch,
            price_usd_per_million_output_tokens: service
                .price_per_million_output
                .map(|price| price.as_usd()),
            weekly_users: traffic.weekly_users,
            subscription_monthly_usd: service.subscription.map(|s| s.monthly.as_usd()),
            paying_fraction: service.subscription.map(|s| s.paying),
        }
    }
}

/// Name and coefficient of variation of an arrival process.
pub(super) const fn arrivals(arrivals: Arrivals) -> (&'static str, f64) {
    match arrivals {
        Arrivals::Poisson => ("poisson", 1.0),
        Arrivals::Gamma { cv } => ("gamma", cv),
    }
}

/// A training run.
#[derive(Debug, Serialize, JsonSchema)]
struct Training {
    /// Its name.
    name: String,
    /// Id of the model that is trained.
    model: String,
    /// Tokens to train on.
    training_tokens: f64,
    /// Accelerators it wants.
    accelerators: u32,
    /// First day it may run.
    #[schemars(extend("format" = "date"))]
    from: String,
    /// Format of matrix multiplications.
    #[schemars(extend("enum" = ["bf16", "fp8", "fp4"]))]
    precision: &'static str,
    /// Model-FLOPs utilisation, against the dense peak of `precision`.
    mfu_fraction: f64,
}

impl From<&factory::Training> for Training {
    fn from(training: &factory::Training) -> Self {
        Self {
            name: training.name.clone(),
            model: training.model.id.clone(),
            training_tokens: training.tokens,
            accelerators: training.accelerators,
            from: training.from.to_string(),
            precision: training.precision.name(),
            mfu_fraction: training.mfu,
        }
    }
}

/// An investment released as power is deployed.
#[derive(Debug, Serialize, JsonSchema)]
struct Contract {
    /// Who pays.
    from: String,
    /// How much for each step.
    amount_usd: f64,
    /// Facility power of one step.
    for_each_power_mw: f64,
    /// Most that is ever paid, if limited.
    up_to_usd: Option<f64>,
    /// Day from which it pays no more, if an event ends it.
    #[schemars(extend("format" = "date"))]
    ends: Option<String>,
}

impl From<&factory::Contract> for Contract {
    fn from(contract: &factory::Contract) -> Self {
        Self {
            from: contract.from.clone(),
            amount_usd: contract.amount.as_usd(),
            for_each_power_mw: contract.for_each.as_mw(),
            up_to_usd: contract.up_to.map(|most| most.as_usd()),
            ends: contract.ends.map(|day| day.to_string()),
        }
    }
}

/// What may happen that contracts hang on.
#[derive(Debug, Serialize, JsonSchema)]
struct Event {
    /// Its name.
    event: String,
    /// The day; null if it does not happen.
    #[schemars(extend("format" = "date"))]
    on: Option<String>,
    /// Who defaults on it; null where nobody does.
    defaults: Option<String>,
}

impl From<&factory::Event> for Event {
    fn from(event: &factory::Event) -> Self {
        Self {
            event: event.name.clone(),
            on: event.on.map(|day| day.to_string()),
            defaults: event.defaults.clone(),
        }
    }
}

/// Money that comes on a day.
#[derive(Debug, Serialize, JsonSchema)]
struct Payment {
    /// Who pays.
    from: String,
    /// How much.
    amount_usd: f64,
    /// When.
    #[schemars(extend("format" = "date"))]
    on: String,
}

impl From<&factory::Payment> for Payment {
    fn from(payment: &factory::Payment) -> Self {
        Self {
            from: payment.from.clone(),
            amount_usd: payment.amount.as_usd(),
            on: payment.on.to_string(),
        }
    }
}

/// Costs that no row of the catalogue states.
#[derive(Debug, Serialize, JsonSchema)]
struct Economics {
    /// Calendar year whose dollars all amounts of the document are.
    price_year: i16,
    /// Land, building, electrical and mechanical plant, for each watt of facility power.
    infrastructure_usd_per_w: f64,
    /// One accelerator with its share of server and network, where the system has no price.
    accelerator_price_usd: f64,
    /// Staff, spares, insurance and tax of a year, over all capital spent.
    operations_per_year_fraction: f64,
    /// How much dearer dollars of an earlier price year are each year.
    inflation_per_year_fraction: f64,
    /// Network in the price of machines.
    network_share_fraction: f64,
    /// Power plant in infrastructure.
    power_share_fraction: f64,
    /// Cooling in infrastructure.
    cooling_share_fraction: f64,
    /// Rate a year at which later money is worth less.
    discount_per_year_fraction: f64,
    /// Straight-line life of machines, in years of 365.25 days.
    machine_life_years: f64,
    /// Straight-line life of infrastructure, likewise.
    infrastructure_life_years: f64,
    /// Life of the network, where it is not that of machines.
    network_life_years: Option<f64>,
    /// Life of the power plant, where it is not that of infrastructure.
    power_life_years: Option<f64>,
    /// Life of cooling, likewise.
    cooling_life_years: Option<f64>,
    /// Life of building and land, likewise.
    building_life_years: Option<f64>,
}

impl From<&factory::Economics> for Economics {
    fn from(economics: &factory::Economics) -> Self {
        let lives = &economics.lives;
        let years = |life: Option<Seconds>| life.map(|life| days(life) / YEAR);
        Self {
            network_life_years: years(lives.network),
            power_life_years: years(lives.power),
            cooling_life_years: years(lives.cooling),
            building_life_years: years(lives.building),
            price_year: economics.price_year,
            infrastructure_usd_per_w: economics.infrastructure_usd_per_w,
            accelerator_price_usd: economics.accelerator_price.as_usd(),
            operations_per_year_fraction: economics.operations_per_year,
            inflation_per_year_fraction: economics.inflation_per_year,
            network_share_fraction: economics.shares.network,
            power_share_fraction: economics.shares.power,
            cooling_share_fraction: economics.shares.cooling,
            discount_per_year_fraction: economics.discount_per_year,
            machine_life_years: days(economics.machine_life) / YEAR,
            infrastructure_life_years: days(economics.infrastructure_life) / YEAR,
        }
    }
}

/// Days of 24 hours.
fn days(span: Seconds) -> f64 {
    span.as_hours() / 24.0
}
