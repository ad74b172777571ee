//! What a site's energy is made of, and where it came from.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory as factory;
use wattmill_factory::{SolarWeather, WindWeather};
use wattmill_plan as plan;
use wattmill_units::Energy;

/// Energy at the meter by where it came from, and what it passed through.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EnergyFlows {
    /// Bought from the grid.
    grid_mwh: f64,
    /// Of generators on the sites.
    generators_mwh: f64,
    /// Of the sun, as far as it was used.
    solar_mwh: f64,
    /// Of the wind, as far as it was used.
    wind_mwh: f64,
    /// Of sun and wind, what nobody took.
    curtailed_mwh: f64,
    /// Of sun, wind and batteries, what the grid bought.
    sold_mwh: f64,
    /// What batteries took.
    charged_mwh: f64,
    /// What batteries gave: because sun and wind did not suffice, for the price, for the peak, and
    /// because nobody sold enough.
    discharged: Discharged,
    /// What batteries lost, in and out and as they aged.
    lost_mwh: f64,
    /// What batteries hold more than before; negative if less.
    stored_mwh: f64,
    /// What was not to be drawn from the grid in hours of curtailment.
    curtailment_asked_mwh: f64,
    /// What answered to that.
    answered: Answered,
    /// What was drawn although it was not to be.
    curtailment_unanswered_mwh: f64,
    /// What oversubscribed machines would have drawn more if there had been power for all.
    held_back_mwh: f64,
    /// Time of accelerators that were throttled, paused or turned away for want of power.
    throttled_accelerator_hours: f64,
    /// Time in which that was so, summed over sites.
    throttled_site_hours: f64,
    /// Of the energy cost, what is charged for the highest hours.
    demand_charges_usd: f64,
    /// What the grid paid for what it bought, by which the energy cost is less.
    sales_usd: f64,
    /// Water.
    water_m3: f64,
}

/// What batteries gave, by the reason.
#[derive(Debug, Serialize, JsonSchema)]
struct Discharged {
    /// Sun and wind did not suffice, and no rule said otherwise.
    own_supply_mwh: f64,
    /// Energy was dear.
    price_mwh: f64,
    /// The draw was above what was to be drawn.
    peak_mwh: f64,
    /// Nobody sold enough.
    shortage_mwh: f64,
}

/// What answered to curtailment.
#[derive(Debug, Serialize, JsonSchema)]
struct Answered {
    /// Services that may wait.
    batch_mwh: f64,
    /// Training that paused.
    training_mwh: f64,
    /// Requests that went to other sites.
    shift_mwh: f64,
    /// Batteries.
    battery_mwh: f64,
    /// Generators.
    generation_mwh: f64,
    /// Requests that were turned away.
    shed_mwh: f64,
}

impl From<&plan::EnergyFlows> for EnergyFlows {
    fn from(flows: &plan::EnergyFlows) -> Self {
        let [own_supply_mwh, price_mwh, peak_mwh, shortage_mwh] =
            flows.discharged.map(Energy::as_mwh);
        let [batch_mwh, training_mwh, shift_mwh, battery_mwh, generation_mwh, shed_mwh] =
            flows.answered.map(Energy::as_mwh);
        Self {
            grid_mwh: flows.grid.as_mwh(),
            generators_mwh: flows.generators.as_mwh(),
            solar_mwh: flows.solar.as_mwh(),
            wind_mwh: flows.wind.as_mwh(),
            curtailed_mwh: flows.curtailed.as_mwh(),
            sold_mwh: flows.sold.as_mwh(),
            charged_mwh: flows.charged.as_mwh(),
            discharged: Discharged { own_supply_mwh, price_mwh, peak_mwh, shortage_mwh },
            lost_mwh: flows.lost.as_mwh(),
            stored_mwh: flows.stored.as_mwh(),
            curtailment_asked_mwh: flows.asked.as_mwh(),
            answered: Answered {
                batch_mwh,
                training_mwh,
                shift_mwh,
                battery_mwh,
                generation_mwh,
                shed_mwh,
            },
            curtailment_unanswered_mwh: flows.unanswered.as_mwh(),
            held_back_mwh: flows.held_back.as_mwh(),
            throttled_accelerator_hours: flows.throttled_hours,
            throttled_site_hours: flows.throttled_site_hours,
            demand_charges_usd: flows.demand_charges.as_usd(),
            sales_usd: flows.sales.as_usd(),
            water_m3: flows.water_l / 1e3,
        }
    }
}

/// Least that energy could have cost.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Bound {
    /// Days that the optimiser knows at a time.
    window_days: u32,
    /// Every site whose energy is more than firm sources at constant prices.
    sites: Vec<SiteBound>,
}

/// A site of it.
#[derive(Debug, Serialize, JsonSchema)]
struct SiteBound {
    /// Name of the site.
    site: String,
    /// What the plan's dispatch cost.
    policy_cost_usd: f64,
    /// Least that the same draw could have cost.
    least_cost_usd: f64,
}

impl Bound {
    pub(super) fn of(factory: &factory::Factory, bound: &plan::Bound) -> Self {
        let site = |site: &plan::SiteBound| SiteBound {
            site: factory.sites[site.site].name.clone(),
            policy_cost_usd: site.policy.as_usd(),
            least_cost_usd: site.least.as_usd(),
        };
        Self { window_days: bound.window_days, sites: bound.sites.iter().map(site).collect() }
    }
}

/// What something on a campus costs to build.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Outlay {
    /// Paid on its first day.
    capital_usd: f64,
    /// Straight-line life, in years of 365.25 days.
    life_years: f64,
}

impl Outlay {
    /// `None` where it costs nothing.
    pub(super) fn of(outlay: &factory::Outlay) -> Option<Self> {
        let capital_usd = outlay.capital.as_usd();
        let life_years = outlay.life.as_days() / 365.25;
        (capital_usd > 0.0).then_some(Self { capital_usd, life_years })
    }
}

/// What the grid buys of a site's own energy.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Export {
    /// Most that it takes.
    most_power_mw: f64,
    /// What it pays; null for the hour's price of its own energy.
    price_usd_per_mwh: Option<f64>,
}

impl From<&factory::Export> for Export {
    fn from(export: &factory::Export) -> Self {
        Self {
            most_power_mw: export.most.as_mw(),
            price_usd_per_mwh: export.price.map(|price| price.as_usd_per_mwh()),
        }
    }
}

/// Panels or turbines on a campus.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Renewable {
    /// Power at full sun or wind.
    capacity_power_mw: f64,
    /// First day with power.
    #[schemars(extend("format" = "date"))]
    from: String,
    /// Cost of the energy that is used.
    price_usd_per_mwh: f64,
    /// What they cost to build; null where their energy is all that is paid for.
    outlay: Option<Outlay>,
    /// Where the hours come from: a file, or a model of sun and wind.
    #[schemars(extend("enum" = ["file", "model"]))]
    hours_from: &'static str,
}

impl From<&factory::Solar> for Renewable {
    fn from(solar: &factory::Solar) -> Self {
        Self {
            capacity_power_mw: solar.capacity.as_mw(),
            from: solar.from.to_string(),
            price_usd_per_mwh: solar.price.as_usd_per_mwh(),
            outlay: Outlay::of(&solar.outlay),
            hours_from: match solar.weather {
                SolarWeather::Profile(_) => "file",
                SolarWeather::Modelled { .. } => "model",
            },
        }
    }
}

impl From<&factory::Wind> for Renewable {
    fn from(wind: &factory::Wind) -> Self {
        Self {
            capacity_power_mw: wind.capacity.as_mw(),
            from: wind.from.to_string(),
            price_usd_per_mwh: wind.price.as_usd_per_mwh(),
            outlay: Outlay::of(&wind.outlay),
            hours_from: match wind.weather {
                WindWeather::Profile(_) => "file",
                WindWeather::Modelled { .. } => "model",
            },
        }
    }
}

/// A battery on a campus.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Battery {
    /// What it holds when it is new.
    energy_mwh: f64,
    /// Most that it takes and gives.
    power_mw: f64,
    /// Of what goes in, what comes out.
    round_trip_fraction: f64,
    /// First day.
    #[schemars(extend("format" = "date"))]
    from: String,
    /// Share that is full when it comes.
    start_fraction: f64,
    /// Share that is kept for when nobody sells enough.
    reserve_fraction: f64,
    /// Share of its first capacity that it loses in a year.
    fade_per_year_fraction: f64,
    /// Full cycles after which it has lost a fifth besides; null for none.
    rated_cycles: Option<f64>,
    /// Below this price it is charged from the grid.
    charge_below_usd_per_mwh: Option<f64>,
    /// From this price on it gives.
    discharge_above_usd_per_mwh: Option<f64>,
    /// What is drawn beyond this it gives.
    shave_above_power_mw: Option<f64>,
    /// What it costs to build; null where the file does not say.
    outlay: Option<Outlay>,
}

impl From<&factory::Battery> for Battery {
    fn from(battery: &factory::Battery) -> Self {
        Self {
            energy_mwh: battery.energy.as_mwh(),
            power_mw: battery.power.as_mw(),
            round_trip_fraction: battery.efficiency,
            from: battery.from.to_string(),
            start_fraction: battery.start,
            reserve_fraction: battery.reserve,
            fade_per_year_fraction: battery.fade_per_year,
            rated_cycles: battery.cycles.is_finite().then_some(battery.cycles),
            charge_below_usd_per_mwh: battery.charge_below.map(|price| price.as_usd_per_mwh()),
            discharge_above_usd_per_mwh: battery
                .discharge_above
                .map(|price| price.as_usd_per_mwh()),
            shave_above_power_mw: battery.shave_above.map(|power| power.as_mw()),
            outlay: Outlay::of(&battery.outlay),
        }
    }
}

/// Hours in which a site is asked to draw less.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Curtailment {
    /// Name of the site.
    site: String,
    /// From when on, UTC.
    at: String,
    /// For how long.
    length_hours: f64,
    /// Share of what it would draw from the grid that it is not to draw.
    cut_fraction: f64,
    /// What answers, first to last.
    answers: Vec<&'static str>,
}

impl Curtailment {
    pub(super) fn of(factory: &factory::Factory, event: &factory::Curtailment) -> Self {
        Self {
            site: factory.sites[event.site].name.clone(),
            at: event.at.to_string(),
            length_hours: event.length.as_hours(),
            cut_fraction: event.cut,
            answers: event.answers.iter().map(|answer| answer.name()).collect(),
        }
    }
}
