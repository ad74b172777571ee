//! `wattmill run`.

use schemars::JsonSchema;
use serde::Serialize;
use wattmill_factory::Factory;
use wattmill_plan as plan;
use wattmill_plan::{Plan, ServingPoint, Sums};
use wattmill_sim::Binding;

use super::bars::PlanErrorBars;
use super::counting::Counting;
use super::energy::Bound;
use super::engine::Engine;
use super::factory::Factory as Inputs;
use super::figures::{Figures, Flows};
use super::head::Head;
use super::latency::{Tpot, Ttft};
use super::risk::Risk;
use super::statement::{CapitalPart, Statement};
use super::text::text;
use crate::bars::PlanBars;
use crate::calibrate::CalibratedWith;

/// Name and version of the document's schema.
pub(super) const SCHEMA: &str = "wattmill.run/1";

/// A plan, its error bars and samples of it if there are any, as JSON text, with `warnings` of the
/// factory file before its own.
pub fn run_document(
    factory: &Factory,
    plan: &Plan,
    bars: &PlanBars,
    risk: Option<&plan::Risk>,
    warnings: &[String],
    calibration: Option<&CalibratedWith>,
) -> String {
    let of_risk = risk.and_then(plan::Risk::warning);
    let warnings = warnings.iter().chain(&plan.warnings).cloned().chain(of_risk).collect();
    let mut document = Run::new(factory, plan, bars, warnings);
    document.head = document.head.calibrated(calibration);
    document.risk = risk.map(Risk::from);
    text(&document)
}

/// The programme over its years, hour by hour, added up by quarter, site and service.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Run {
    #[serde(flatten)]
    head: Head,
    /// Name of the factory.
    factory: String,
    /// Hours walked.
    hours: u64,
    /// The factory as it was read.
    inputs: Inputs,
    /// What flows in the whole plan.
    total: Flows,
    /// What measurements make of the plan.
    error_bars: PlanErrorBars,
    /// How the power of the machines is counted.
    counting: Counting,
    /// What each kind of machine does for each service, by system, then service.
    offers: Vec<Offer>,
    /// Every phase as it comes.
    phases: Vec<Phase>,
    /// Every quarter, in order.
    quarters: Vec<Quarter>,
    /// Every day, in order.
    days: Days,
    /// Every training run as it goes.
    trainings: Vec<Training>,
    /// When every target is met.
    targets: Vec<Target>,
    /// Every payment of an investor, in the order of their days.
    receipts: Vec<Receipt>,
    /// Cash by quarter, and what it is worth.
    cash: Cash,
    /// Capital and its depreciation by part.
    capital_parts: Vec<CapitalPart>,
    /// Who owes whom.
    statement: Statement,
    /// Where the energy of the whole plan goes, from the meter to the token.
    waterfall: Vec<Stage>,
    /// What is conserved, and whether it is.
    ledger: Vec<Balance>,
    /// Least that the energy could have cost; null without `--bound`.
    bound: Option<Bound>,
    /// Samples of what is not known; null without `--samples`.
    risk: Option<Risk>,
}

impl Run {
    fn new(factory: &Factory, plan: &Plan, bars: &PlanBars, warnings: Vec<String>) -> Self {
        let mut total = Sums::default();
        plan.quarters.iter().for_each(|quarter| total.add(&quarter.total()));
        Self {
            head: Head::new(SCHEMA, Some(plan.seed), plan.answer_hash, warnings),
            factory: plan.factory.clone(),
            hours: plan.hours,
            inputs: Inputs::from(factory),
            total: Flows::from(&total),
            error_bars: PlanErrorBars::from(bars),
            counting: Counting::of(factory, &plan.counting),
            offers: plan.offers.iter().map(|offer| Offer::of(factory, offer)).collect(),
            phases: plan.phases.iter().map(|phase| Phase::of(factory, phase)).collect(),
            quarters: plan.quarters.iter().map(|quarter| Quarter::of(factory, quarter)).collect(),
            days: Days::of(factory, &plan.days),
            trainings: plan.trainings.iter().map(|run| Training::of(factory, run)).collect(),
            targets: plan::targets(factory, plan).iter().map(Target::from).collect(),
            receipts: plan.receipts.iter().map(Receipt::from).collect(),
            cash: Cash::from(&plan.cash),
            capital_parts: plan.parts.iter().map(CapitalPart::from).collect(),
            statement: Statement::of(factory, &plan.statement),
            waterfall: plan.waterfall.iter().map(Stage::from).collect(),
            ledger: plan.ledger.iter().map(Balance::from).collect(),
            bound: plan.bound.as_ref().map(|bound| Bound::of(factory, bound)),
            risk: None,
        }
    }
}

/// What one kind of machine does for one service.
#[derive(Debug, Serialize, JsonSchema)]
struct Offer {
    /// Id of the system.
    system: String,
    /// Name of the service.
    service: String,
    /// A replica at the highest rate inside the SLO; null if the machine cannot serve it.
    point: Option<Point>,
    /// Why it cannot; null if it can.
    cannot: Option<String>,
}

impl Offer {
    fn of(factory: &Factory, offer: &plan::Offer) -> Self {
        let service = &factory.services[offer.service];
        let tokens = service.traffic.lengths.output.mean();
        Self {
            system: factory.hardware[offer.hardware].system.id.clone(),
            service: service.name.clone(),
            point: offer.point().map(|point| Point::of(&point, tokens)),
            cannot: offer.cannot().map(str::to_owned),
        }
    }
}

/// A replica at the highest rate it sustains inside the SLO, measured request by request.
#[derive(Debug, Serialize, JsonSchema)]
struct Point {
    /// Layout, formats and limits.
    engine: Engine,
    /// KV blocks of the replica.
    kv_blocks: u64,
    /// Requests that the replica serves.
    requests_per_s: f64,
    /// Output tokens that the replica serves.
    output_tokens_per_s: f64,
    /// Output tokens that one accelerator's share of it serves.
    accelerator_output_tokens_per_s: f64,
    /// What keeps it from a higher rate: a latency limit, or work beyond what it does.
    #[schemars(extend("enum" = ["ttft", "tpot", "throughput"]))]
    binding: &'static str,
    #[serde(flatten)]
    ttft: Ttft,
    #[serde(flatten)]
    tpot: Tpot,
    /// Sequences decoding in a step, mean.
    batch_mean_sequences: f64,
    /// Highest share of its KV blocks in use.
    kv_peak_fraction: f64,
    /// Power of the replica's accelerators without work.
    accelerator_idle_power_mw: f64,
    /// Shares of the rate at which power was measured.
    loads_fraction: Vec<f64>,
    /// For each of them the mean power of the replica's accelerators, idle power included.
    loads_accelerator_power_mw: Vec<f64>,
    /// Share of its energy that stops short of the machine's limit, for the SLO. This share and the
    /// four below sum to 1.
    slo_headroom_fraction: f64,
    /// Share between steps and in fixed costs of steps and kernels.
    overhead_fraction: f64,
    /// Share in steps bound by links between accelerators.
    communication_fraction: f64,
    /// Share in steps bound by memory bandwidth.
    memory_fraction: f64,
    /// Share in steps bound by arithmetic.
    compute_fraction: f64,
}

impl Point {
    fn of(point: &ServingPoint, output_tokens: f64) -> Self {
        let output_tokens_per_s = point.rate_per_s * output_tokens;
        Self {
            engine: Engine::from(&point.spec),
            kv_blocks: point.kv_blocks,
            requests_per_s: point.rate_per_s,
            output_tokens_per_s,
            accelerator_output_tokens_per_s: output_tokens_per_s / f64::from(point.accelerators),
            binding: match point.binding {
                Binding::Ttft => "ttft",
                Binding::Tpot => "tpot",
                Binding::Throughput => "throughput",
            },
            ttft: Ttft::new(&point.ttft),
            tpot: Tpot::new(&point.tpot),
            batch_mean_sequences: point.batch,
            kv_peak_fraction: point.kv_peak,
            accelerator_idle_power_mw: point.idle_power.as_mw(),
            loads_fraction: ServingPoint::LOADS.to_vec(),
            loads_accelerator_power_mw: point
                .dynamic_power
                .iter()
                .map(|dynamic| (point.idle_power + *dynamic).as_mw())
                .collect(),
            slo_headroom_fraction: point.split.headroom,
            overhead_fraction: point.split.overhead,
            communication_fraction: point.split.communication,
            memory_fraction: point.split.memory,
            compute_fraction: point.split.compute,
        }
    }
}

/// A phase as it comes, its slip included.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PhaseOutcome")]
struct Phase {
    /// Name of the phase.
    phase: String,
    /// Units when complete.
    units: f64,
    /// Accelerators when complete.
    accelerators: f64,
    /// First unit; after the end of the plan if not in it.
    #[schemars(extend("format" = "date"))]
    first_rack: String,
    /// Last unit.
    #[schemars(extend("format" = "date"))]
    last_rack: String,
    /// The last day of every month.
    months: Vec<Month>,
}

/// A phase on the last day of a month.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "PhaseMonth")]
struct Month {
    /// Which, such as `2027-03`.
    month: String,
    /// Units that run.
    units: f64,
    /// What keeps more of it from running: `racks`, `site power` or one of its chains; null if all
    /// of it runs or nothing more is to come.
    waits_for: Option<String>,
}

impl From<&plan::PhaseMonth> for Month {
    fn from(month: &plan::PhaseMonth) -> Self {
        Self {
            month: format!("{}-{:02}", month.year, month.month),
            units: month.running,
            waits_for: month.waits_for.as_ref().map(|what| what.name().to_owned()),
        }
    }
}

impl Phase {
    fn of(factory: &Factory, phase: &plan::PhaseOutcome) -> Self {
        Self {
            phase: factory.phases[phase.phase].name.clone(),
            units: phase.units,
            accelerators: phase.accelerators,
            first_rack: phase.first_rack.to_string(),
            last_rack: phase.last_rack.to_string(),
            months: phase.months.iter().map(Month::from).collect(),
        }
    }
}

/// A quarter of a year, or the part of it inside the plan.
#[derive(Debug, Serialize, JsonSchema)]
struct Quarter {
    /// Which, such as `2027-Q1`.
    quarter: String,
    /// Days of it inside the plan.
    days: u32,
    /// Output tokens asked of all services, mean.
    asked_output_tokens_per_day: f64,
    /// All sites together.
    total: Figures,
    /// Every site, in the order of the factory.
    sites: Vec<Site>,
    /// Every service, in the order of the factory.
    services: Vec<Service>,
    /// Every region of the services whose users live in some, in the same order.
    regions: Vec<Region>,
}

/// Users of a service in a region in a quarter.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "RegionQuarter")]
struct Region {
    /// Name of the service.
    service: String,
    /// Name of the region.
    region: String,
    /// Requests asked, by the hour of the UTC day.
    asked_requests: [f64; 24],
    /// Of them, requests served inside the SLO.
    served_requests: [f64; 24],
    /// Where they were served.
    from: Vec<ServedFrom>,
    /// Requests that nobody served.
    unserved_requests: f64,
}

/// What a site serves of a region.
#[derive(Debug, Serialize, JsonSchema)]
struct ServedFrom {
    /// Name of the site.
    site: String,
    /// Requests.
    served_requests: f64,
}

impl Region {
    fn of(factory: &Factory, part: &plan::RegionQuarter) -> Self {
        let service = &factory.services[part.service];
        let from = factory
            .sites
            .iter()
            .zip(&part.from)
            .map(|(site, served)| ServedFrom { site: site.name.clone(), served_requests: *served });
        Self {
            service: service.name.clone(),
            region: service.traffic.regions[part.region].name.clone(),
            asked_requests: part.asked,
            served_requests: part.served,
            from: from.collect(),
            unserved_requests: part.unserved,
        }
    }
}

impl Quarter {
    fn of(factory: &Factory, quarter: &plan::Quarter) -> Self {
        let site = |site: &plan::SiteQuarter| Site {
            site: factory.sites[site.site].name.clone(),
            binds: site.binds.name(),
            figures: Figures::from(&site.sums),
        };
        Self {
            quarter: quarter.label.to_string(),
            days: quarter.days,
            asked_output_tokens_per_day: quarter.asked_tokens_per_day(),
            total: Figures::from(&quarter.total()),
            sites: quarter.sites.iter().map(site).collect(),
            services: quarter.services.iter().map(|part| Service::of(factory, part)).collect(),
            regions: quarter.regions.iter().map(|part| Region::of(factory, part)).collect(),
        }
    }
}

/// A site in a quarter.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "SiteQuarter")]
struct Site {
    /// Name of the site.
    site: String,
    /// What kept it from serving more for most of the hours.
    #[schemars(extend("enum" = ["energisation", "first rack", "site power", "demand", "machines", "no fit"]))]
    binds: &'static str,
    #[serde(flatten)]
    figures: Figures,
}

/// A service in a quarter.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ServiceQuarter")]
struct Service {
    /// Name of the service.
    service: String,
    /// Requests asked.
    asked_requests: f64,
    /// Requests served inside the SLO.
    served_requests: f64,
    /// Output tokens asked.
    asked_output_tokens: f64,
    /// Output tokens served.
    served_output_tokens: f64,
    /// Requests asked in the busiest hour.
    peak_asked_requests_per_s: f64,
    /// Share served in the hour that was served worst.
    worst_hour_served_fraction: f64,
    /// Revenue; null where the service has neither price nor subscribers.
    revenue_usd: Option<f64>,
    /// Of it, what subscribers pay; null where there are none.
    subscriptions_usd: Option<f64>,
}

impl Service {
    fn of(factory: &Factory, part: &plan::ServiceQuarter) -> Self {
        let service = &factory.services[part.service];
        Self {
            service: service.name.clone(),
            asked_requests: part.asked_requests,
            served_requests: part.served_requests,
            asked_output_tokens: part.asked_output_tokens,
            served_output_tokens: part.served_output_tokens,
            peak_asked_requests_per_s: part.peak_asked_per_s,
            worst_hour_served_fraction: part.worst_hour_served,
            revenue_usd: service.earns().then(|| part.revenue.as_usd()),
            subscriptions_usd: service.subscription.map(|_| part.subscriptions.as_usd()),
        }
    }
}

/// Every day of the plan: each list has one value for each date.
#[derive(Debug, Serialize, JsonSchema)]
struct Days {
    /// The dates.
    dates: Vec<String>,
    /// Facility power drawn, by site.
    sites: Vec<SiteDays>,
    /// Facility power of running machines, by phase.
    phases: Vec<PhaseDays>,
    /// Accelerators that run at midnight.
    accelerators: Vec<f64>,
    /// Output tokens asked in the day.
    asked_output_tokens: Vec<f64>,
    /// Output tokens served in the day.
    served_output_tokens: Vec<f64>,
    /// Output tokens that could have been served in the day.
    capacity_output_tokens: Vec<f64>,
    /// Output tokens asked in the busiest hour, as a rate.
    peak_asked_output_tokens_per_day: Vec<f64>,
}

impl Days {
    fn of(factory: &Factory, days: &[plan::Day]) -> Self {
        let list = |figure: fn(&plan::Day) -> f64| days.iter().map(figure).collect();
        Self {
            dates: days.iter().map(|day| day.date.to_string()).collect(),
            sites: factory
                .sites
                .enumerate()
                .map(|(id, site)| SiteDays {
                    site: site.name.clone(),
                    facility_power_mw: powers(days, id.index(), |day| &day.site_power),
                })
                .collect(),
            phases: factory
                .phases
                .enumerate()
                .map(|(id, phase)| PhaseDays {
                    phase: phase.name.clone(),
                    facility_power_energised_mw: powers(days, id.index(), |day| &day.phase_power),
                })
                .collect(),
            accelerators: list(|day| day.accelerators),
            asked_output_tokens: list(|day| day.asked_tokens),
            served_output_tokens: list(|day| day.served_tokens),
            capacity_output_tokens: list(|day| day.capacity_tokens),
            peak_asked_output_tokens_per_day: list(|day| day.peak_asked_tokens),
        }
    }
}

/// One of several powers through the days.
fn powers(
    days: &[plan::Day],
    index: usize,
    of: fn(&plan::Day) -> &Vec<wattmill_units::Power>,
) -> Vec<f64> {
    days.iter().map(|day| of(day).get(index).map_or(f64::NAN, |power| power.as_mw())).collect()
}

/// The days of a site.
#[derive(Debug, Serialize, JsonSchema)]
struct SiteDays {
    /// Name of the site.
    site: String,
    /// Facility power drawn, mean of each day.
    facility_power_mw: Vec<f64>,
}

/// The days of a phase.
#[derive(Debug, Serialize, JsonSchema)]
struct PhaseDays {
    /// Name of the phase.
    phase: String,
    /// Facility power of its running machines at design PUE, at midnight.
    facility_power_energised_mw: Vec<f64>,
}

/// A training run as it goes.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TrainingOutcome")]
struct Training {
    /// Name of the run.
    training: String,
    /// Operations it takes: 6 × active parameters × tokens.
    work_flop: f64,
    /// Share done at the end of the plan.
    done_fraction: f64,
    /// First day with machines, if there is one.
    #[schemars(extend("format" = "date"))]
    started: Option<String>,
    /// Day of the last token, if it is in the plan.
    #[schemars(extend("format" = "date"))]
    finished: Option<String>,
    /// Accelerator time used.
    accelerator_hours: f64,
    /// Full cost of it, at the mean of all hours of the plan.
    cost_usd: f64,
}

impl Training {
    fn of(factory: &Factory, run: &plan::TrainingOutcome) -> Self {
        Self {
            training: factory.trainings[run.training].name.clone(),
            work_flop: run.flops,
            done_fraction: run.done,
            started: run.started.map(|date| date.to_string()),
            finished: run.finished.map(|date| date.to_string()),
            accelerator_hours: run.accelerator_hours,
            cost_usd: run.cost.as_usd(),
        }
    }
}

/// Cash of the plan.
#[derive(Debug, Serialize, JsonSchema)]
struct Cash {
    /// Every quarter, in order. What investors had paid before the plan is in the first, as are the machines
    /// that stand by then.
    quarters: Vec<CashQuarter>,
    /// What of capital had been lost in value before the plan by what stood then.
    lost_before_usd: f64,
    /// Price less depreciation of what stands at the end.
    book_value_usd: f64,
    /// Most that has to be financed from elsewhere at any time, investors' money and loans counted.
    most_to_finance_usd: f64,
    /// Owning and running what stands at the end for a year: capital spread over its life with
    /// interest at the discount rate, operation at the pace of the last quarter.
    ownership_per_year_usd: f64,
    /// Net present value without investors' money, the book value sold at the end.
    net_present_value_usd: f64,
    /// Rate of return a year of the same; null if there is none.
    internal_rate_of_return_fraction: Option<f64>,
}

/// What comes in and goes out in a quarter.
#[derive(Debug, Serialize, JsonSchema)]
struct CashQuarter {
    /// Which, such as `2027-Q1`.
    quarter: String,
    /// Of services that have a price.
    revenue_usd: f64,
    /// From investors, less what is invested in others.
    received_usd: f64,
    /// Energy and operations.
    operating_usd: f64,
    /// Machines and infrastructure.
    capital_usd: f64,
    /// What leases, capacity and shares of revenue bring, less what they take.
    contracts_usd: f64,
    /// What is borrowed, less interest and what is paid back.
    debt_usd: f64,
    /// What is left; below zero it has to be financed.
    net_usd: f64,
}

impl From<&plan::Cash> for Cash {
    fn from(cash: &plan::Cash) -> Self {
        let quarter = |quarter: &plan::CashQuarter| CashQuarter {
            quarter: quarter.label.to_string(),
            revenue_usd: quarter.revenue.as_usd(),
            received_usd: quarter.received.as_usd(),
            operating_usd: quarter.operating.as_usd(),
            capital_usd: quarter.capital.as_usd(),
            contracts_usd: quarter.contracts.as_usd(),
            debt_usd: quarter.debt.as_usd(),
            net_usd: quarter.net().as_usd(),
        };
        Self {
            quarters: cash.quarters.iter().map(quarter).collect(),
            lost_before_usd: cash.lost_before.as_usd(),
            book_value_usd: cash.book_value.as_usd(),
            most_to_finance_usd: cash.to_finance.as_usd(),
            ownership_per_year_usd: cash.ownership_per_year.as_usd(),
            net_present_value_usd: cash.present_value.as_usd(),
            internal_rate_of_return_fraction: cash.rate_of_return,
        }
    }
}

/// Money that an investor pays.
#[derive(Debug, Serialize, JsonSchema)]
struct Receipt {
    /// Day it comes; before the plan's start if it had come already.
    #[schemars(extend("format" = "date"))]
    date: String,
    /// Who pays.
    from: String,
    /// Who is paid; `us` is the programme itself.
    to: String,
    /// How much.
    amount_usd: f64,
    /// Facility power deployed that released it; null if it comes whatever is built.
    released_at_power_mw: Option<f64>,
}

impl From<&plan::Receipt> for Receipt {
    fn from(receipt: &plan::Receipt) -> Self {
        Self {
            date: receipt.date.to_string(),
            from: receipt.from.clone(),
            to: receipt.to.clone(),
            amount_usd: receipt.amount.as_usd(),
            released_at_power_mw: receipt.released_at.map(|power| power.as_mw()),
        }
    }
}

/// A stage of the watt-to-token waterfall.
#[derive(Debug, Serialize, JsonSchema)]
struct Stage {
    /// What the energy goes into.
    stage: &'static str,
    /// What that means, in a few words.
    meaning: &'static str,
    /// How much goes into it.
    energy_mwh: f64,
}

impl From<&plan::Stage> for Stage {
    fn from(stage: &plan::Stage) -> Self {
        Self { stage: stage.name, meaning: stage.meaning, energy_mwh: stage.energy.as_mwh() }
    }
}

/// A target, with every input at its median.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TargetDay")]
struct Target {
    /// Its name.
    target: String,
    /// Last day on which it counts as met.
    #[schemars(extend("format" = "date"))]
    by: String,
    /// First day on which it is met; null if that is not within the plan.
    #[schemars(extend("format" = "date"))]
    met_on: Option<String>,
    /// Whether it is met by its day; null if that day is after the plan and it is not met within it.
    in_time: Option<bool>,
}

impl From<&plan::TargetDay> for Target {
    fn from(target: &plan::TargetDay) -> Self {
        Self {
            target: target.name.clone(),
            by: target.by.to_string(),
            met_on: target.met.map(|day| day.to_string()),
            in_time: target.in_time(),
        }
    }
}

/// Something conserved: what came in against what it went into.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Balance {
    /// What is conserved.
    what: &'static str,
    /// Unit of `sources` and `uses`.
    unit: &'static str,
    /// Sum of the sources, in `unit`.
    sources: f64,
    /// Sum of the uses, in `unit`.
    uses: f64,
    /// Their difference over the larger of the two.
    error_fraction: f64,
    /// Whether that is no more than rounding.
    closes: bool,
}

impl From<&plan::Balance> for Balance {
    fn from(balance: &plan::Balance) -> Self {
        Self {
            what: balance.what,
            unit: balance.unit,
            sources: balance.sources,
            uses: balance.uses,
            error_fraction: balance.error(),
            closes: balance.closes(),
        }
    }
}
