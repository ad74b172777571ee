//! Where power arrives and machines stand.

use jiff::civil::Date;
use wattmill_catalog::{Accelerator, System};
use wattmill_units::{CarbonIntensity, EnergyPrice, Id, Power, Seconds};

use crate::{Battery, Clock, Cooling, Export, Hourly, Outlay, Period, Solar, Wind};

/// A campus behind one grid connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Site {
    /// Unique name.
    pub name: String,
    /// Degrees north and east, where known.
    pub location: Option<(f64, f64)>,
    /// The connection, if there is one.
    pub grid: Option<Grid>,
    /// Generation on the campus.
    pub onsite: Vec<Onsite>,
    /// Panels on the campus.
    pub solar: Option<Solar>,
    /// Wind turbines on the campus.
    pub wind: Option<Wind>,
    /// A battery on the campus.
    pub battery: Option<Battery>,
    /// Local time, which tariffs go by.
    pub clock: Clock,
    /// Facility over IT power.
    pub pue: Pue,
    /// How the overhead follows load and weather.
    pub cooling: Cooling,
    /// Litres of water for each kilowatt-hour of IT energy, where stated.
    pub water_l_per_kwh: Option<f64>,
    /// Where its figures come from, as the file says.
    pub source: Option<String>,
}

impl Site {
    /// First day with power, of the grid or of a generator.
    pub fn first_power(&self) -> Option<Date> {
        let grid = self.grid.iter().map(|grid| grid.energized);
        grid.chain(self.onsite.iter().map(|source| source.from)).min()
    }
}

/// A grid connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Grid {
    /// Largest facility power it carries.
    pub connection: Power,
    /// First day with power.
    pub energized: Date,
    /// What it carries from later days on, more or less, in any order.
    pub steps: Vec<(Date, Power)>,
    /// Energy price, all in: of hours that no period or profile prices, and what sites are compared by.
    /// May be negative.
    pub price: EnergyPrice,
    /// Average carbon intensity.
    pub carbon: CarbonIntensity,
    /// Prices by the local clock, the first that holds.
    pub periods: Vec<Period>,
    /// Prices of every hour, USD/MWh.
    pub hourly_price: Option<Hourly>,
    /// Carbon intensities of every hour, g/kWh.
    pub hourly_carbon: Option<Hourly>,
    /// Dollars for each kilowatt of the highest hour of a month.
    pub demand_usd_per_kw: f64,
    /// What it takes of the site's own energy, if it takes any.
    pub export: Option<Export>,
}

impl Grid {
    /// With one price and one carbon intensity at all times.
    pub const fn constant(
        connection: Power,
        energized: Date,
        price: EnergyPrice,
        carbon: CarbonIntensity,
    ) -> Self {
        Self {
            connection,
            energized,
            steps: Vec::new(),
            price,
            carbon,
            periods: Vec::new(),
            hourly_price: None,
            hourly_carbon: None,
            demand_usd_per_kw: 0.0,
            export: None,
        }
    }

    /// What it carries, and from which day on, in the order of the days.
    ///
    /// ```
    /// use jiff::civil::date;
    /// use wattmill_factory::Grid;
    /// use wattmill_units::{CarbonIntensity, EnergyPrice, Power};
    /// let (first, later) = (date(2027, 1, 1), date(2028, 7, 1));
    /// let (small, large) = (Power::from_mw(300.0), Power::from_gw(1.2));
    /// let mut grid = Grid::constant(small, first, EnergyPrice::ZERO, CarbonIntensity::ZERO);
    /// grid.steps = vec![(later, large)];
    /// assert_eq!(grid.levels(), [(first, small), (later, large)]);
    /// ```
    pub fn levels(&self) -> Vec<(Date, Power)> {
        let mut levels = vec![(self.energized, self.connection)];
        levels.extend(self.steps.iter().copied());
        levels.sort_by_key(|(from, _)| *from);
        // Whatever is promised for earlier comes with the power.
        levels.iter_mut().for_each(|(from, _)| *from = (*from).max(self.energized));
        levels
    }

    /// Most that it ever carries.
    pub fn most(&self) -> Power {
        self.steps.iter().map(|(_, power)| *power).fold(self.connection, Power::max)
    }

    /// What it carries on a day.
    pub fn on(&self, day: Date) -> Power {
        let levels = self.levels();
        let there = levels.iter().rfind(|(from, _)| *from <= day);
        there.map_or(Power::ZERO, |(_, power)| *power)
    }
}

/// Generation behind the meter.
#[derive(Clone, Debug, PartialEq)]
pub struct Onsite {
    /// Such as `gas turbine`.
    pub kind: String,
    /// Firm facility power it adds.
    pub capacity: Power,
    /// First day with power.
    pub from: Date,
    /// Cost of its energy.
    pub price: EnergyPrice,
    /// Carbon intensity of its energy.
    pub carbon: CarbonIntensity,
    /// What it costs to build.
    pub outlay: Outlay,
}

/// Power usage effectiveness under its two conventions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pue {
    /// Peak facility over peak IT power: sizes what fits behind a connection. At least `annual`.
    pub design: f64,
    /// Facility over IT energy through a year: what is paid for. At least 1.
    pub annual: f64,
}

/// A kind of machine: a system and the accelerator in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Hardware {
    /// The unit one buys.
    pub system: System,
    /// What it holds.
    pub accelerator: Accelerator,
}

/// What a phase's power counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PowerBasis {
    /// Facility power at design PUE.
    Facility,
    /// IT power.
    It,
}

impl PowerBasis {
    /// In a word.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Facility => "facility",
            Self::It => "IT",
        }
    }

    /// The facility power of a `power` that counts so, at a PUE.
    pub fn facility(self, power: Power, pue: f64) -> Power {
        match self {
            Self::Facility => power,
            Self::It => power * pue,
        }
    }

    /// Its IT power.
    ///
    /// ```
    /// use wattmill_factory::PowerBasis;
    /// use wattmill_units::Power;
    /// let power = Power::from_mw(120.0);
    /// assert_eq!(PowerBasis::Facility.it(power, 1.2), Power::from_mw(100.0));
    /// assert_eq!(PowerBasis::It.facility(power, 1.5), Power::from_mw(180.0));
    /// ```
    pub fn it(self, power: Power, pue: f64) -> Power {
        match self {
            Self::Facility => power / pue,
            Self::It => power,
        }
    }
}

impl Phase {
    /// IT power provisioned for a unit and what stands beside it.
    pub fn unit_it(&self) -> Power {
        self.unit_power * (1.0 + self.beside)
    }

    /// Whether units of this kind may come with it.
    pub fn may_be(&self, hardware: Id<Hardware>) -> bool {
        self.hardware == hardware || self.options.iter().any(|(option, _)| *option == hardware)
    }

    /// Whether something else took the place of what was ordered.
    pub fn is_substituted(&self) -> bool {
        self.options.first().is_some_and(|(ordered, _)| *ordered != self.hardware)
    }
}

/// One delivery of machines to a site.
#[derive(Clone, Debug, PartialEq)]
pub struct Phase {
    /// Unique name.
    pub name: String,
    /// Where.
    pub site: Id<Site>,
    /// What.
    pub hardware: Id<Hardware>,
    /// How much.
    pub power: Power,
    /// What `power` counts.
    pub basis: PowerBasis,
    /// Every kind it may be and what is provisioned for a unit of it, if that hangs on how late it is:
    /// what was ordered, then what takes its place. `hardware` is one of them.
    pub options: Vec<(Id<Hardware>, Power)>,
    /// IT power provisioned for one unit of the system. Its catalogue maximum unless the file says
    /// otherwise.
    pub unit_power: Power,
    /// IT power that stands beside the units, over theirs: switches between racks, storage, nodes that
    /// manage. It is drawn at all hours.
    pub beside: f64,
    /// IT power of units installed over the IT power provisioned for them: at least 1. With more than 1
    /// what the units draw together is held to what the site has.
    pub oversubscription: f64,
    /// First day a rack runs if nothing slips.
    pub first_rack: Date,
    /// From the first rack to the last, linear.
    pub ramp: Seconds,
    /// How late it is.
    pub slip: Seconds,
    /// What it needs besides its racks; no more of it runs than the least of these is ready for.
    pub chains: Vec<Chain>,
    /// Day from which nothing more of it is delivered.
    pub cancelled: Option<Date>,
    /// Age at which a unit is taken out; none stays for ever.
    pub retire: Option<Seconds>,
    /// Share of its price that a unit is sold for when it is taken out, if others take its place.
    pub resale: Option<f64>,
    /// The phase whose units its own take the place of.
    pub refreshes: Option<Id<Phase>>,
    /// Where its figures come from, as the file says.
    pub source: Option<String>,
}

/// Something that a phase cannot run without: a transformer, a building, cooling.
#[derive(Clone, Debug, PartialEq)]
pub struct Chain {
    /// What it is.
    pub needs: String,
    /// First day on which some of it is ready if nothing is late.
    pub ready: Date,
    /// How late it is.
    pub delay: Seconds,
    /// From the first of it to all of it, linear.
    pub ramp: Seconds,
}
