//! What a plan says, as plain data.

use jiff::civil::Date;
use wattmill_factory::{Economics, Phase, Service, Site, Training, US};
use wattmill_units::{Energy, Id, Money, Power, Seconds};

use crate::assets::Part;
use crate::bound::{Bound, SiteHours};
use crate::calendar::QuarterLabel;
use crate::cash::Cash;
use crate::counting::Counting;
use crate::flows::{EnergyFlows, HourMix};
use crate::ledger::Balance;
use crate::regions::RegionQuarter;
use crate::serving::Offer;
use crate::statement::Statement;
use crate::waterfall::Stage;

/// The programme over its years.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The factory's name.
    pub factory: String,
    /// First day.
    pub start: Date,
    /// Last day.
    pub end: Date,
    /// Seed of everything random.
    pub seed: u64,
    /// Hours walked.
    pub hours: u64,
    /// What each kind of machine does for each service, by hardware, then service.
    pub offers: Vec<Offer>,
    /// How the power of its machines is counted.
    pub counting: Counting,
    /// Every phase.
    pub phases: Vec<PhaseOutcome>,
    /// Every quarter, in order.
    pub quarters: Vec<Quarter>,
    /// Every day, in order.
    pub days: Vec<Day>,
    /// Every hour's mix of energy, in order.
    pub mix: Vec<HourMix>,
    /// Every site's hours where its energy is more than firm sources at constant prices; empty
    /// otherwise.
    pub site_hours: Vec<SiteHours>,
    /// Least that the energy could have cost, where it was asked for ([`bound`](crate::bound)).
    pub bound: Option<Bound>,
    /// Every training run.
    pub trainings: Vec<TrainingOutcome>,
    /// Every payment of an investor, in the order of their days.
    pub receipts: Vec<Receipt>,
    /// Cash by quarter, and what it is worth.
    pub cash: Cash,
    /// Who owes whom.
    pub statement: Statement,
    /// Capital and its depreciation, by part.
    pub parts: Vec<CapitalPart>,
    /// Where the energy of the whole plan goes.
    pub waterfall: Vec<Stage>,
    /// What is conserved. A plan whose balances do not close has a warning that says so.
    pub ledger: Vec<Balance>,
    /// What a reader should know before believing it.
    pub warnings: Vec<String>,
    /// Hash of quarters, training runs, receipts and waterfall.
    pub answer_hash: u64,
}

/// Three months, or the part of them inside the plan.
#[derive(Clone, Debug)]
pub struct Quarter {
    /// Which.
    pub label: QuarterLabel,
    /// Days of it inside the plan.
    pub days: u32,
    /// Every site, in the order of the factory.
    pub sites: Vec<SiteQuarter>,
    /// Every service, in the order of the factory.
    pub services: Vec<ServiceQuarter>,
    /// Every region of those services whose users live in some, in the same order.
    pub regions: Vec<RegionQuarter>,
}

impl Quarter {
    /// All sites together.
    pub fn total(&self) -> Sums {
        let mut total = Sums::default();
        self.sites.iter().for_each(|site| total.add(&site.sums));
        total
    }

    /// Output tokens asked for a day, mean of the quarter, all services.
    pub fn asked_tokens_per_day(&self) -> f64 {
        // Not `sum`, whose nothing is a negative zero.
        let asked = self.services.iter().fold(0.0, |sum, s| sum + s.asked_output_tokens);
        asked / f64::from(self.days)
    }
}

/// A site in a quarter.
#[derive(Clone, Debug)]
pub struct SiteQuarter {
    /// Which.
    pub site: Id<Site>,
    /// What kept it from serving more, for most of the hours.
    pub binds: Binds,
    /// Its figures.
    pub sums: Sums,
}

/// Figures of one or more sites over a quarter. Stocks are as of its last hour, flows are sums.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Sums {
    /// Facility power available: connection and on-site generation.
    pub available: Power,
    /// Facility power of the machines that run, at design PUE.
    pub energised: Power,
    /// Racks, servers or pods that run.
    pub units: f64,
    /// Accelerators that run.
    pub accelerators: f64,
    /// Highest facility power drawn in an hour. Added up over sites, an upper bound.
    pub peak_draw: Power,
    /// Output tokens a day that the machines could serve of the mix that is asked, inside the SLO;
    /// mean of the quarter.
    pub capacity_tokens_per_day: f64,
    /// Output tokens served.
    pub served_output_tokens: f64,
    /// Prompt tokens served.
    pub served_input_tokens: f64,
    /// Accelerator-hours that served.
    pub serving_hours: f64,
    /// Accelerator-hours that trained.
    pub training_hours: f64,
    /// Accelerator-hours that neither did.
    pub idle_hours: f64,
    /// Facility energy.
    pub energy: Energy,
    /// Of it, what serving accelerators used.
    pub serving_energy: Energy,
    /// Emitted CO₂e, tonnes.
    pub carbon_t: f64,
    /// Machines, infrastructure and what makes energy bought. What stands before the plan is bought in its
    /// first hour.
    pub capital: Money,
    /// Of it, machines.
    pub machine_capital: Money,
    /// Of it, generators, panels, turbines and batteries.
    pub energy_capital: Money,
    /// Of it, what was lost in value before the plan by what stood then.
    pub lost_before: Money,
    /// What machines that were taken out were sold for.
    pub resale: Money,
    /// What all that came costs in a year, spread evenly over the time it is there with interest at the
    /// discount rate, less the same of what was taken out.
    pub yearly: Money,
    /// Energy bought, demand charges included, less what was sold.
    pub energy_cost: Money,
    /// Staff, spares, insurance, tax.
    pub operations: Money,
    /// Straight-line depreciation of what stands, until it has lost what it cost or, of machines that
    /// are taken out before, all but what they are sold for.
    pub depreciation: Money,
    /// Where the energy came from, and what it passed through.
    pub flows: EnergyFlows,
    /// Of depreciation, of machines.
    pub machine_depreciation: Money,
    /// Of depreciation, of what makes and stores energy.
    pub energy_depreciation: Money,
}

impl Sums {
    /// Capital of neither machines nor what makes and stores energy.
    pub(crate) fn infrastructure_capital(&self) -> Money {
        self.capital - self.machine_capital - self.energy_capital
    }

    /// Adds another site's.
    pub fn add(&mut self, other: &Self) {
        self.available += other.available;
        self.energised += other.energised;
        self.units += other.units;
        self.accelerators += other.accelerators;
        self.peak_draw += other.peak_draw;
        self.capacity_tokens_per_day += other.capacity_tokens_per_day;
        self.served_output_tokens += other.served_output_tokens;
        self.served_input_tokens += other.served_input_tokens;
        self.serving_hours += other.serving_hours;
        self.training_hours += other.training_hours;
        self.idle_hours += other.idle_hours;
        self.energy += other.energy;
        self.serving_energy += other.serving_energy;
        self.carbon_t += other.carbon_t;
        self.capital += other.capital;
        self.machine_capital += other.machine_capital;
        self.energy_capital += other.energy_capital;
        self.lost_before += other.lost_before;
        self.resale += other.resale;
        self.yearly += other.yearly;
        self.energy_cost += other.energy_cost;
        self.operations += other.operations;
        self.depreciation += other.depreciation;
        self.flows.add(&other.flows);
        self.machine_depreciation += other.machine_depreciation;
        self.energy_depreciation += other.energy_depreciation;
    }

    /// Energy and operations: what is paid to run what stands.
    pub fn operating_cost(&self) -> Money {
        self.energy_cost + self.operations
    }

    /// Operating cost and depreciation.
    pub fn full_cost(&self) -> Money {
        self.operating_cost() + self.depreciation
    }

    /// Full cost of an accelerator-hour, whatever it was used for; nothing without any.
    pub fn cost_per_accelerator_hour(&self) -> Money {
        let hours = self.accelerator_hours();
        if hours > 0.0 { self.full_cost() / hours } else { Money::ZERO }
    }

    /// Accelerator-hours in all.
    pub fn accelerator_hours(&self) -> f64 {
        self.serving_hours + self.training_hours + self.idle_hours
    }

    /// Full cost of a million output tokens, training machines left out of account and idle ones
    /// charged to serving; `None` if nothing was served.
    pub fn cost_per_million_tokens(&self) -> Option<Money> {
        let share = 1.0 - self.training_hours / self.accelerator_hours();
        (self.served_output_tokens > 0.0)
            .then(|| self.full_cost() * (share / (self.served_output_tokens / 1e6)))
    }

    /// Output tokens served per megawatt-hour of facility energy, training included in the energy;
    /// `None` without energy.
    pub fn tokens_per_mwh(&self) -> Option<f64> {
        let energy = self.energy.as_mwh();
        (energy > 0.0).then(|| self.served_output_tokens / energy)
    }
}

/// What kept a site from serving more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Binds {
    /// No connection or generation yet.
    Energisation,
    /// No machines installed yet.
    FirstRack,
    /// Machines stand that the site has no power for.
    Power,
    /// Machines are idle: nobody asks for more.
    Demand,
    /// Every machine works and more is asked.
    Machines,
    /// Machines are idle although more is asked: none of them can do it inside the SLO. The plan's
    /// warnings say why.
    Fit,
}

impl Binds {
    /// Every one, in the order in which ties are decided.
    pub const ALL: [Self; 6] =
        [Self::Energisation, Self::FirstRack, Self::Power, Self::Demand, Self::Machines, Self::Fit];

    /// As shown in tables.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Energisation => "energisation",
            Self::FirstRack => "first rack",
            Self::Power => "site power",
            Self::Demand => "demand",
            Self::Machines => "machines",
            Self::Fit => "no fit",
        }
    }
}

/// A service in a quarter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ServiceQuarter {
    /// Which.
    pub service: Id<Service>,
    /// Requests asked.
    pub asked_requests: f64,
    /// Requests served inside the SLO.
    pub served_requests: f64,
    /// Output tokens asked.
    pub asked_output_tokens: f64,
    /// Output tokens served.
    pub served_output_tokens: f64,
    /// Requests a second in the busiest hour.
    pub peak_asked_per_s: f64,
    /// Fraction served in the hour that was served worst.
    pub worst_hour_served: f64,
    /// Revenue, where the service has a price or subscribers.
    pub revenue: Money,
    /// Of it, what subscribers pay.
    pub subscriptions: Money,
}

impl ServiceQuarter {
    /// Before its first hour.
    pub(crate) const fn begin(service: Id<Service>) -> Self {
        Self {
            service,
            asked_requests: 0.0,
            served_requests: 0.0,
            asked_output_tokens: 0.0,
            served_output_tokens: 0.0,
            peak_asked_per_s: 0.0,
            worst_hour_served: 1.0,
            revenue: Money::ZERO,
            subscriptions: Money::ZERO,
        }
    }
}

/// A day, for pictures.
#[derive(Clone, Debug)]
pub struct Day {
    /// Which.
    pub date: Date,
    /// Mean facility power drawn, by site.
    pub site_power: Vec<Power>,
    /// Facility power of running machines at design PUE, by phase, at midnight.
    pub phase_power: Vec<Power>,
    /// Accelerators that run, at midnight.
    pub accelerators: f64,
    /// Output tokens asked.
    pub asked_tokens: f64,
    /// Output tokens served.
    pub served_tokens: f64,
    /// Output tokens that could have been served.
    pub capacity_tokens: f64,
    /// Output tokens asked in the busiest hour, as a rate a day.
    pub peak_asked_tokens: f64,
}

/// A phase as it came.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseOutcome {
    /// Which.
    pub phase: Id<Phase>,
    /// Units when complete.
    pub units: f64,
    /// Accelerators when complete.
    pub accelerators: f64,
    /// First rack, its slip and the delays of its chains included; it may lie before or after the
    /// plan.
    pub first_rack: Date,
    /// Last rack, unless it is cancelled before.
    pub last_rack: Date,
    /// The end of every month, in order.
    pub months: Vec<PhaseMonth>,
}

/// A phase on the last day of a month.
#[derive(Clone, Debug, PartialEq)]
pub struct PhaseMonth {
    /// Calendar year.
    pub year: i16,
    /// 1 to 12.
    pub month: i8,
    /// Units that run.
    pub running: f64,
    /// What keeps more of it from running; `None` if all of it runs or nothing more is to come.
    pub waits_for: Option<WaitsFor>,
}

/// What a phase waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// Its own racks.
    Racks,
    /// One of its chains.
    Chain(String),
    /// Power of the site: there is none yet, or none for what stands.
    SitePower,
}

impl WaitsFor {
    /// As shown in tables.
    pub fn name(&self) -> &str {
        match self {
            Self::Racks => "racks",
            Self::Chain(needs) => needs,
            Self::SitePower => "site power",
        }
    }
}

/// A training run as it went.
#[derive(Clone, Debug, PartialEq)]
pub struct TrainingOutcome {
    /// Which.
    pub training: Id<Training>,
    /// FLOPs it takes: 6 × active parameters × tokens, recomputation and attention not counted.
    pub flops: f64,
    /// Fraction done at the end of the plan.
    pub done: f64,
    /// First day with machines.
    pub started: Option<Date>,
    /// Day of the last token.
    pub finished: Option<Date>,
    /// Accelerator-hours used.
    pub accelerator_hours: f64,
    /// Full cost of these hours, at the mean of all hours of the plan.
    pub cost: Money,
}

/// A part of what was bought.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CapitalPart {
    /// Such as `network`.
    pub name: &'static str,
    /// Spent over the plan.
    pub capital: Money,
    /// Lost in value over the plan.
    pub depreciation: Money,
}

/// What the parts of machines or infrastructure that have one life have lost, and their share in the
/// price of the whole.
pub(crate) type Worn<'a> = &'a dyn Fn(Seconds) -> (Money, f64);

impl CapitalPart {
    /// `machines` and `infrastructure` say what has worn off.
    pub(crate) fn of(
        total: &Sums,
        economics: &Economics,
        (machines, infrastructure): (Worn<'_>, Worn<'_>),
    ) -> Vec<Self> {
        let energy = total.energy_capital;
        let part = |whole: Money, worn: Worn<'_>, part: Part| {
            let (worn, of_life) = worn(part.life);
            let depreciation =
                if of_life > 0.0 { worn * (part.share / of_life) } else { Money::ZERO };
            Self { name: part.name, capital: whole * part.share, depreciation }
        };
        let of_machines = Part::of_machines(economics);
        let mut of_infrastructure = Part::of_infrastructure(economics);
        // What takes most of it stands first.
        of_infrastructure.rotate_left(1);
        let (bought, rest) = (total.machine_capital, total.infrastructure_capital());
        let mut parts: Vec<Self> =
            of_machines.into_iter().map(|of| part(bought, machines, of)).collect();
        parts.extend(of_infrastructure.into_iter().map(|of| part(rest, infrastructure, of)));
        if energy > Money::ZERO {
            let depreciation = total.energy_depreciation;
            parts.push(Self { name: "energy sources and storage", capital: energy, depreciation });
        }
        parts
    }
}

/// Money that an investor pays.
#[derive(Clone, Debug, PartialEq)]
pub struct Receipt {
    /// Day it came; before the plan's start if it had come already.
    pub date: Date,
    /// Who pays.
    pub from: String,
    /// Who is paid.
    pub to: String,
    /// How much.
    pub amount: Money,
    /// Power deployed that released it; `None` if it came whatever was built.
    pub released_at: Option<Power>,
}

impl Receipt {
    /// What of it comes to us; below zero what we pay, nothing among others.
    pub fn ours(&self) -> Money {
        match (self.to == US, self.from == US) {
            (true, false) => self.amount,
            (false, true) => -self.amount,
            _ => Money::ZERO,
        }
    }
}
